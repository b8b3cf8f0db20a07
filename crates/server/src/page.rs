//! Page tokens: a place in a list, sealed, bound to the query it came from, valid for a day.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stepwell_engine::Timestamp;

use crate::error::Error;

/// How long a token is valid, in milliseconds: 24 hours (`reference/api.md`, section 3).
const VALID_MS: i64 = 24 * 60 * 60 * 1_000;

/// Length of the code that shows a token to be ours, in bytes.
const CODE_BYTES: usize = 16;

/// Makes page tokens and reads them. Every node of an installation has the same key.
pub(crate) struct Pages {
    key: Hmac<Sha256>,
}

impl Pages {
    /// With a key of the installation.
    pub(crate) fn new(key: &[u8]) -> Pages {
        Pages { key: Hmac::new_from_slice(key).expect("a key of any length will do") }
    }

    /// A token for a place in the answer to `query`.
    ///
    /// Layout before Base64: when it ends (8 bytes), the place, the code over both and the query.
    pub(crate) fn token(&self, query: &Query, place: &[u8], now: Timestamp) -> String {
        let mut bytes = now.after_ms(VALID_MS).0.to_be_bytes().to_vec();
        bytes.extend_from_slice(place);
        let code = self.code(query, &bytes);
        bytes.extend_from_slice(&code);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a token stands for.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is not ours, of another query, or too old.
    pub(crate) fn place(&self, query: &Query, token: &str, now: Timestamp) -> Result<Vec<u8>, Error> {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::InvalidToken)?;
        let rest = bytes.len().checked_sub(CODE_BYTES).filter(|rest| *rest >= 8).ok_or(Error::InvalidToken)?;
        let code = bytes.split_off(rest);
        let mac = self.mac(query, &bytes);
        mac.verify_truncated_left(&code).map_err(|_| Error::InvalidToken)?;
        let place = bytes.split_off(8);
        let ends = bytes.try_into().map(i64::from_be_bytes).map_err(|_| Error::InvalidToken)?;
        match now.0 <= ends {
            true => Ok(place),
            false => Err(Error::InvalidToken),
        }
    }

    fn code(&self, query: &Query, bytes: &[u8]) -> [u8; CODE_BYTES] {
        let whole = self.mac(query, bytes).finalize().into_bytes();
        std::array::from_fn(|n| whole[n])
    }

    fn mac(&self, query: &Query, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(&(query.0.len() as u64).to_be_bytes());
        mac.update(query.0.as_bytes());
        mac.update(bytes);
        mac
    }
}

/// What a list was asked for: a token is good for the same question only.
pub(crate) struct Query(String);

impl Query {
    /// The operation and the members that must not change from page to page.
    pub(crate) fn new(operation: &str, members: &[&str]) -> Query {
        let mut text = operation.to_owned();
        for member in members {
            text.push('\0');
            text.push_str(member);
        }
        Query(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_query_for_a_day() {
        let pages = Pages::new(b"key");
        let query = Query::new("ListExecutions", &["arn"]);
        let token = pages.token(&query, b"here", Timestamp(1_000));
        assert_eq!(pages.place(&query, &token, Timestamp(1_000 + VALID_MS)), Ok(b"here".to_vec()));
        assert_eq!(pages.place(&query, &token, Timestamp(1_001 + VALID_MS)), Err(Error::InvalidToken));
        let other = Query::new("ListExecutions", &["other"]);
        assert_eq!(pages.place(&other, &token, Timestamp(1_000)), Err(Error::InvalidToken));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let pages = Pages::new(b"key");
        let query = Query::new("ListExecutions", &[]);
        let token = pages.token(&query, b"", Timestamp(0));
        for n in 0..token.len() {
            let mut bent = token.clone().into_bytes();
            bent[n] = if bent[n] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert_eq!(pages.place(&query, &bent, Timestamp(0)), Err(Error::InvalidToken), "{n}");
        }
        for token in ["", "x", "InvalidToken", &"x".repeat(3_000)] {
            assert_eq!(pages.place(&query, token, Timestamp(0)), Err(Error::InvalidToken));
        }
    }
}
