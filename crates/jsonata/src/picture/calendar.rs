//! The Gregorian calendar, carried on into the past, in days and milliseconds since 1970-01-01T00:00Z.

/// Largest distance of a point in time from 1970 in milliseconds, as of JavaScript's `Date`.
pub const MILLIS_MAX: i64 = 8_640_000_000_000_000;

pub(super) const MILLIS_PER_DAY: i64 = 86_400_000;

/// Days since 1970-01-01 of a date; `month` from 1 to 12.
pub(super) fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day last. 400 of them have 146,097 days.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month from 1 to 12, and day of month.
pub(super) fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// A point in time by its components.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateTime {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millisecond: i64,
    /// Days since 1970-01-01.
    pub(super) days: i64,
}

impl DateTime {
    pub(super) fn from_millis(millis: i64) -> DateTime {
        let days = millis.div_euclid(MILLIS_PER_DAY);
        let time = millis.rem_euclid(MILLIS_PER_DAY);
        let (year, month, day) = date_from_days(days);
        DateTime {
            year,
            month,
            day,
            hour: time / 3_600_000,
            minute: time / 60_000 % 60,
            second: time / 1_000 % 60,
            millisecond: time % 1_000,
            days,
        }
    }

    /// Monday is 1.
    pub(super) fn day_of_week(&self) -> i64 {
        day_of_week(self.days)
    }

    /// 1 January is 1.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days_from_date(self.year, 1, 1) + 1
    }

    /// The ISO week of the year: the first has the first Thursday.
    pub(super) fn week_of_year(&self) -> i64 {
        week(self.days, (self.year - 1, 1), (self.year, 1), (self.year + 1, 1), 52)
    }

    /// The week of the month, by the same rule.
    pub(super) fn week_of_month(&self) -> i64 {
        let month = (self.year, self.month);
        week(self.days, previous_month(month), month, next_month(month), 4)
    }

    /// The year that the ISO week belongs to.
    pub(super) fn week_year(&self) -> i64 {
        if self.days < first_week(self.year, 1) {
            self.year - 1
        } else if self.days >= first_week(self.year + 1, 1) {
            self.year + 1
        } else {
            self.year
        }
    }

    /// The month that the week belongs to.
    pub(super) fn week_month(&self) -> i64 {
        let month = (self.year, self.month);
        let (next, previous) = (next_month(month), previous_month(month));
        if self.days < first_week(month.0, month.1) {
            previous.1
        } else if self.days >= first_week(next.0, next.1) {
            next.1
        } else {
            self.month
        }
    }
}

fn day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// The Monday that begins the first week of a month, which is the week of its first Thursday.
fn first_week(year: i64, month: i64) -> i64 {
    let first = days_from_date(year, month, 1);
    match day_of_week(first) {
        weekday @ 5.. => first + 8 - weekday,
        weekday => first - (weekday - 1),
    }
}

/// The number of the week that holds a day, in a period of at least `weeks_min` weeks between two others.
fn week(days: i64, previous: (i64, i64), present: (i64, i64), next: (i64, i64), weeks_min: i64) -> i64 {
    let first = first_week(present.0, present.1);
    if days < first {
        (days - first_week(previous.0, previous.1)) / 7 + 1
    } else if days - first >= (weeks_min - 1) * 7 && days >= first_week(next.0, next.1) {
        1
    } else {
        (days - first) / 7 + 1
    }
}

fn next_month((year, month): (i64, i64)) -> (i64, i64) {
    if month == 12 { (year + 1, 1) } else { (year, month + 1) }
}

fn previous_month((year, month): (i64, i64)) -> (i64, i64) {
    if month == 1 { (year - 1, 12) } else { (year, month - 1) }
}

/// Milliseconds since 1970 of components that may be out of their ranges, as JavaScript's `Date.UTC`: the month
/// counts from 0, years from 0 to 99 are of the 20th century, fractions are cut off, and what is no time is NaN.
pub fn millis_from_utc(year: f64, month: f64, day: f64, time: [f64; 4]) -> f64 {
    let [hour, minute, second, millisecond] = time.map(f64::trunc);
    let (mut year, month, day) = (year.trunc(), month.trunc(), day.trunc());
    if (0.0..=99.0).contains(&year) {
        year += 1900.0;
    }
    let year = year + (month / 12.0).floor();
    // Far beyond the largest time, and small enough for exact arithmetic.
    if !(year.abs() < 1e6 && month.is_finite()) {
        return f64::NAN;
    }
    let first = days_from_date(year as i64, month.rem_euclid(12.0) as i64 + 1, 1) as f64;
    let time = hour * 3_600_000.0 + minute * 60_000.0 + second * 1_000.0 + millisecond;
    let millis = (first + day - 1.0) * MILLIS_PER_DAY as f64 + time;
    if millis.abs() <= MILLIS_MAX as f64 { millis } else { f64::NAN }
}
