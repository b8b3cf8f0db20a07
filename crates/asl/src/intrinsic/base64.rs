//! Base64 as Java's MIME decoder reads it and its basic encoder writes it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard alphabet, padded, without line breaks.
pub(super) fn encode(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = (bits >> (18 - 6 * n) & 0x3f) as usize;
            text.push(if n <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

/// Skips characters outside the alphabet and takes missing padding; nothing when a last digit stands alone, when
/// two digits are completed by one padding character only, or when digits follow the padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits) = (0_u32, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'=' {
            let fits = match digits {
                2 => bytes.next() == Some(b'='),
                3 => true,
                _ => false,
            };
            // What follows is skipped like anything outside the alphabet, padding included.
            if !fits || bytes.any(|byte| digit(byte).is_some()) {
                return None;
            }
            break;
        }
        let Some(digit) = digit(byte) else { continue };
        bits = bits << 6 | digit;
        digits += 1;
        if digits == 4 {
            data.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            (bits, digits) = (0, 0);
        }
    }
    match digits {
        1 => return None,
        2 => data.push((bits >> 4) as u8),
        3 => data.extend([(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
    Some(data)
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
