//! The stored form of a payload that does not stand in records.

use std::str;

use stepwell_value::Str;

use super::record::json;
use super::{Read, StoredError};
use crate::{Payload, PayloadId};

/// First byte of a payload that is shown as its compact text.
const COMPACT: u8 = 1;
/// First byte of a payload that is shown as it was sent.
const AS_SENT: u8 = 2;

impl Payload {
    /// Its stored form: a byte that names the form, then its text.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = String::with_capacity(1 + self.bytes());
        match self.sent() {
            Some(sent) => {
                out.push(char::from(AS_SENT));
                out.push_str(sent);
            }
            None => {
                out.push(char::from(COMPACT));
                self.value().write_to(&mut out);
            }
        }
        out.into_bytes()
    }

    /// A payload from its stored form.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(id: PayloadId, stored: &[u8]) -> Read<Payload> {
        let wrong = |what: &str| StoredError(format!("payload {}: {what}", id.0));
        let (form, text) = stored.split_first().ok_or_else(|| wrong("it is empty"))?;
        let text = str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        let value = json(text)?;
        match *form {
            COMPACT => Ok(Payload::new(id, value)),
            AS_SENT => Ok(Payload::as_sent(id, value, Str::new(text))),
            form => Err(wrong(&format!("its form {form} is not known here"))),
        }
    }

    /// The text of a payload's stored form, for those who show it and look no further.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn stored_text(stored: &[u8]) -> Read<&str> {
        match stored.split_first() {
            Some((&(COMPACT | AS_SENT), text)) => {
                str::from_utf8(text).map_err(|_| StoredError("a payload is not UTF-8".into()))
            }
            _ => Err(StoredError("a payload's form is not known here".into())),
        }
    }
}
