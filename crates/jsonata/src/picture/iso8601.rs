//! The default form of points in time, ISO 8601.

use std::sync::OnceLock;

use super::calendar::{DateTime, MILLIS_MAX, millis_from_utc};
use super::{DateTimePicture, PictureError};

/// Writes milliseconds since 1970-01-01T00:00Z as `2018-10-21T13:05:00.000Z`, with the time and the offset of
/// `timezone` (`+hhmm`) if one is given.
pub fn format_iso8601(millis: f64, timezone: Option<&str>) -> Result<String, PictureError> {
    if timezone.is_none() && millis.abs() <= MILLIS_MAX as f64 {
        let time = DateTime::from_millis(millis as i64);
        if (0..=9999).contains(&time.year) {
            let mut out = String::with_capacity(24);
            for (value, width, separator) in [
                (time.year, 4, '-'),
                (time.month, 2, '-'),
                (time.day, 2, 'T'),
                (time.hour, 2, ':'),
                (time.minute, 2, ':'),
                (time.second, 2, '.'),
                (time.millisecond, 3, 'Z'),
            ] {
                let mut divisor = [1, 10, 100, 1_000][width - 1];
                while divisor > 0 {
                    out.push(char::from(b'0' + (value / divisor % 10) as u8));
                    divisor /= 10;
                }
                out.push(separator);
            }
            return Ok(out);
        }
    }
    static PICTURE: OnceLock<Result<DateTimePicture, PictureError>> = OnceLock::new();
    let compiled =
        PICTURE.get_or_init(|| DateTimePicture::compile("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"));
    compiled.as_ref().map_err(PictureError::clone)?.format(millis, timezone, usize::MAX)
}

/// Reads `2018-10-21T13:05:00.000Z` and its shorter forms down to the year. D3110 for any other text, NaN for one
/// that has the form and is no time.
pub fn parse_iso8601(text: &str) -> Result<f64, PictureError> {
    read(text).ok_or_else(|| PictureError::value("D3110", text))
}

fn read(text: &str) -> Option<f64> {
    let mut reader = Reader { rest: text.as_bytes() };
    let year = reader.digits::<4>()?;
    let month = reader.optional(|reader| reader.after(b'-', |reader| reader.pair(b'1')));
    let day = reader.optional(|reader| reader.after(b'-', |reader| reader.pair(b'3')));
    let time = reader.optional(|reader| {
        let hour = reader.after(b'T', |reader| reader.pair(b'2'))?;
        let minute = reader.after(b':', |reader| reader.pair(b'5'))?;
        let second = reader.after(b':', |reader| reader.pair(b'5'))?;
        Some((hour, minute, second))
    });
    let fraction = reader.optional(|reader| reader.after(b'.', Reader::fraction_millis));
    let offset = reader.optional(|reader| match reader.byte()? {
        b'Z' => Some((0.0, true)),
        sign @ (b'+' | b'-') => {
            let hours = reader.pair(b'2')?;
            reader.optional(|reader| (reader.byte()? == b':').then_some(()));
            let minutes = reader.pair(b'5')?;
            let hours = if hours < 24.0 { hours } else { f64::NAN };
            Some(((hours * 60.0 + minutes) * if sign == b'-' { -1.0 } else { 1.0 }, false))
        }
        _ => None,
    });
    if !reader.rest.is_empty() {
        return None;
    }
    // The form allows for these, but they are no dates.
    let is_incomplete = month.is_none() && day.is_some()
        || time.is_none() && (fraction.is_some() || offset.is_some_and(|(_, is_z)| !is_z));
    let (hour, minute, second) = time.unwrap_or((0.0, 0.0, 0.0));
    let millis = fraction.unwrap_or(0.0);
    let (month, day) = (month.unwrap_or(1.0), day.unwrap_or(1.0));
    let hour_is_valid = hour < 24.0 || hour == 24.0 && (minute, second, millis) == (0.0, 0.0, 0.0);
    if is_incomplete || !(1.0..=12.0).contains(&month) || !(1.0..=31.0).contains(&day) || !hour_is_valid {
        return Some(f64::NAN);
    }
    // `millis_from_utc` moves the first hundred years to the 20th century; a cycle of the calendar away they stay.
    let (year, cycle_millis) = if year < 100.0 { (year + 400.0, 146_097.0 * 86_400_000.0) } else { (year, 0.0) };
    let utc = millis_from_utc(year, month - 1.0, day, [hour, minute, second, millis]);
    Some(utc - cycle_millis - offset.map_or(0.0, |(minutes, _)| minutes) * 60_000.0)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// Reads a part, or nothing.
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.rest;
        let part = read(self);
        if part.is_none() {
            self.rest = before;
        }
        part
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn after<T>(&mut self, expected: u8, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.byte()? == expected { read(self) } else { None }
    }

    fn digits<const N: usize>(&mut self) -> Option<f64> {
        let (digits, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| f64::from(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))))
    }

    /// Two digits of which the first is `first_max` at most.
    fn pair(&mut self, first_max: u8) -> Option<f64> {
        if *self.rest.first()? > first_max { None } else { self.digits::<2>() }
    }

    /// Digits of a fraction of a second, as whole milliseconds.
    fn fraction_millis(&mut self) -> Option<f64> {
        let n_digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if n_digits == 0 {
            return None;
        }
        let (digits, rest) = self.rest.split_at(n_digits);
        self.rest = rest;
        let digit = |index: usize| f64::from(digits.get(index).map_or(0, |digit| digit - b'0'));
        Some(digit(0) * 100.0 + digit(1) * 10.0 + digit(2))
    }
}
