//! Picture strings: how numbers, integers and points in time are written and read.
//!
//! Each picture is compiled once and applied as often as needed. The rules are those of XPath's functions of the same
//! names as far as the reference implementation has them; where it does something else, so do we, because expressions
//! in use were written against it. No picture makes an output larger than its caller allows.
//!
//! Deviations, all where the reference has no sensible answer: a component that does not exist is D3132 when it is
//! written as well (there: the text `undefined`); times out of range and offsets that are no number are D3137
//! (there: texts full of `NaN`); `$formatNumber` writes all digits from 1e21 on, and infinity by its symbol;
//! digits of another family than the picture's are no number (there: an internal error); a `$toMillis` text that
//! has the form of ISO 8601 but not its sense is NaN (there: what the host's lenient parser makes of it).

mod calendar;
mod datetime;
mod integer;
mod iso8601;
mod number;
mod words;

use std::fmt;

pub use calendar::{MILLIS_MAX, millis_from_utc};
pub use datetime::{DateTimeParser, DateTimePicture};
pub use integer::IntegerPicture;
pub use iso8601::{format_iso8601, parse_iso8601};
pub use number::{DecimalFormat, NumberPicture};

/// Why a picture was refused or could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// An error of the reference's table of messages.
    Coded {
        /// `D3080` and so on.
        code: &'static str,
        /// What the message shows: the name of its placeholder and the text.
        insert: Option<(&'static str, String)>,
    },
    /// The output would be larger than the caller allows, or takes more work than any sensible picture.
    TooLarge,
    /// Reading the text took more steps than the caller allows.
    OutOfFuel,
}

impl PictureError {
    fn code(code: &'static str) -> PictureError {
        PictureError::Coded { code, insert: None }
    }

    fn value(code: &'static str, value: impl Into<String>) -> PictureError {
        PictureError::Coded { code, insert: Some(("value", value.into())) }
    }

    /// For failures that the reference has no message for; D3137 is all message.
    fn message(message: impl Into<String>) -> PictureError {
        PictureError::Coded { code: "D3137", insert: Some(("message", message.into())) }
    }
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PictureError::Coded { code, insert: Some((_, value)) } => write!(f, "{code} ({value})"),
            PictureError::Coded { code, insert: None } => f.write_str(code),
            PictureError::TooLarge => f.write_str("the result is too large"),
            PictureError::OutOfFuel => f.write_str("reading the text takes too long"),
        }
    }
}

impl std::error::Error for PictureError {}

/// Most work, in characters moved, that misplaced separators may cause.
const SEPARATOR_WORK_MAX: usize = 1 << 25;

/// The distance of grouping separators that stand at regular intervals: every multiple of it has one.
/// `positions` count digits from the decimal point and are sorted.
fn regular_distance(positions: &[usize]) -> Option<usize> {
    fn gcd(a: usize, b: usize) -> usize {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    let distance = positions.iter().copied().reduce(gcd)?;
    let all = (1..=positions.len()).all(|index| positions.binary_search(&(index * distance)).is_ok());
    (distance > 0 && all).then_some(distance)
}

/// The number that a text begins with as JavaScript's `parseInt` reads it; NaN if it begins with none.
fn js_parse_int(text: &str) -> f64 {
    let text = text.trim_start_matches(is_js_space);
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1.0, &text[1..]),
        [b'+', ..] => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if let Some(hexadecimal) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let mut digits = hexadecimal.chars().map_while(|c| c.to_digit(16)).peekable();
        return match digits.peek() {
            Some(_) => sign * digits.fold(0.0, |number, digit| number * 16.0 + f64::from(digit)),
            None => f64::NAN,
        };
    }
    let n_digits = digits.bytes().take_while(u8::is_ascii_digit).count();
    digits[..n_digits].parse::<f64>().map_or(f64::NAN, |number| sign * number)
}

/// What `\s` matches in JavaScript.
fn is_js_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
        | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
