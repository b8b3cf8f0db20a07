//! The clock and chance: what the server alone may ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_engine::Timestamp;
pub(crate) use stepwell_node::random;
use stepwell_value::Str;

/// The time.
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 is wrong, but no reason to stop.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A random UUID (version 4), as names, revisions and requests have them.
pub(crate) fn uuid() -> Str {
    let mut bytes: [u8; 16] = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = [0; 36];
    let mut at = 0;
    for (n, byte) in bytes.into_iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text[at] = b'-';
            at += 1;
        }
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    Str::from(std::str::from_utf8(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_form() {
        let uuid = uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'4');
    }
}
