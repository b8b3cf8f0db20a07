//! Points in time, as the engine counts them.

use std::fmt;

/// Milliseconds since 1970, UTC: the resolution of AWS's own histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The last instant of the year 9999; nothing waits longer.
const LATEST: Timestamp = Timestamp(253_402_300_799_999);

impl Timestamp {
    /// So many milliseconds later; never beyond the year 9999.
    pub fn after_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms)).min(LATEST)
    }

    /// So many seconds later.
    pub fn after_s(self, seconds: f64) -> Timestamp {
        self.after_ms((seconds * 1000.0).round() as i64)
    }

    /// The beginning of its second: what a Wait state's timestamp comes down to (reference/language.md, 5.4).
    pub(crate) fn whole_second(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(1000))
    }

    /// Reads an RFC 3339 date-time with `T` and an offset, as the fields of Wait and Choice states take it.
    ///
    /// Fractions beyond the millisecond are cut off.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        // jiff also reads forms that RFC 3339 does not have, such as a blank for the `T`.
        let bytes = text.as_bytes();
        let strict = bytes.len() >= 20
            && bytes[4] == b'-'
            && bytes[10] == b'T'
            && bytes[13] == b':'
            && (bytes.ends_with(b"Z") || matches!(bytes[bytes.len().saturating_sub(6)], b'+' | b'-'));
        strict.then(|| Timestamp(timestamp.as_millisecond()))
    }

    /// Seconds since 1970, with the milliseconds as fraction: the form of the API.
    pub fn epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// ISO 8601 with milliseconds always written.
    pub fn with_milliseconds(self) -> String {
        let (date, ms) = self.parts();
        format!("{date}.{ms:03}Z")
    }

    fn parts(self) -> (String, i64) {
        let seconds = self.0.div_euclid(1000);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        let date = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        );
        (date, self.0.rem_euclid(1000))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 as the context object has it: no fraction when it is zero, else three digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (date, 0) => write!(f, "{date}Z"),
            (date, ms) => write!(f, "{date}.{ms:03}Z"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_context_object_has_them() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_700_000_000_120).to_string(), "2023-11-14T22:13:20.120Z");
        assert_eq!(Timestamp(0).with_milliseconds(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn only_rfc_3339_with_an_offset_is_a_time() {
        assert_eq!(Timestamp::parse("2023-11-14T22:13:20Z"), Some(Timestamp(1_700_000_000_000)));
        assert_eq!(Timestamp::parse("2023-11-14T23:13:20.5+01:00"), Some(Timestamp(1_700_000_000_500)));
        for text in [
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20Z",
            "20231114T221320Z",
            "",
            "x",
            "2023-13-14T22:13:20Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
