//! The time, whatever the system's clock does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_engine::Timestamp;

/// So far behind, the system's clock is waited for; further behind, it was set back.
const BEHIND_MS_MAX: i64 = 100;

/// While the system's clock is behind, time passes at seven eighths of its speed, until that has caught up: standing
/// still, no deadline of ours would come in all that time.
const SLOWED: (u32, u32) = (7, 8);

/// Whoever has not looked for so long was not behind all the while.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Gives the system's time, but never an earlier one than before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The latest time that was given, in milliseconds since 1970.
    latest: AtomicI64,
    behind: Mutex<Option<Behind>>,
}

/// The system's clock is behind ours.
#[derive(Clone, Copy, Debug)]
struct Behind {
    /// Since then, when our time was `from`.
    since: Instant,
    from: i64,
    looked: Instant,
}

impl Clock {
    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.at(i64::try_from(since.as_millis()).unwrap_or(i64::MAX), Instant::now)
    }

    fn at(&self, system: i64, steady: impl FnOnce() -> Instant) -> Timestamp {
        let latest = self.latest.fetch_max(system, Ordering::Relaxed).max(system);
        if latest - system <= BEHIND_MS_MAX {
            return Timestamp(latest);
        }
        let now = steady();
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was put right meanwhile, and set back again, is another one.
        let is_the_same = |held: &Behind| {
            now.saturating_duration_since(held.looked) < LOOK_AGAIN && held.time(now) + BEHIND_MS_MAX >= latest
        };
        let held = behind.filter(is_the_same).unwrap_or(Behind { since: now, from: latest, looked: now });
        *behind = Some(Behind { looked: now, ..held });
        let time = held.time(now);
        Timestamp(self.latest.fetch_max(time, Ordering::Relaxed).max(time))
    }
}

impl Behind {
    fn time(&self, now: Instant) -> i64 {
        let slowed = now.saturating_duration_since(self.since) * SLOWED.0 / SLOWED.1;
        self.from.saturating_add(i64::try_from(slowed.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_systems_clock_is_set_back_and_agrees_with_it_again_later() {
        let clock = Clock::default();
        let began = Instant::now();
        let after = |ms: u64| began + Duration::from_millis(ms);
        let at = |system, ms| clock.at(system, || after(ms)).0;
        assert_eq!(at(1_000, 0), 1_000);
        assert_eq!(at(5_000, 10), 5_000, "forwards it is followed at once");
        assert_eq!(at(4_950, 20), 5_000, "a little behind, it is waited for");
        // Set back by an hour.
        let back = 5_000 - 3_600_000;
        assert_eq!(at(back, 1_000), 5_000);
        assert_eq!(at(back + 800, 1_800), 5_700);
        assert_eq!(at(back + 801, 1_801), 5_700);
        assert_eq!(at(back + 1_600, 2_600), 6_400);
        assert_eq!(at(9_000, 3_000), 9_000, "it was put right");
        assert_eq!((at(1_000, 4_000), at(1_800, 4_800)), (9_000, 9_700), "and set back again");
        // Nobody has looked for long: the time between is not made up for.
        assert_eq!((at(1_000, 60_000), at(1_800, 60_800)), (9_700, 10_400));
    }

    #[test]
    fn a_clock_that_was_set_back_catches_up() {
        let clock = Clock::default();
        let began = Instant::now();
        clock.at(100_000, || began);
        // A second a look; it was 10 s behind.
        for second in 0..80 {
            clock.at(90_000 + second * 1_000, || began + Duration::from_secs(second as u64));
        }
        assert_eq!(clock.at(190_000, || began + Duration::from_secs(100)).0, 190_000);
        assert_eq!(clock.at(191_000, || began + Duration::from_secs(101)).0, 191_000);
    }
}
