//! Counting what passed and what failed, over test runners of all kinds.

use std::ops::AddAssign;
use std::process::ExitCode;

/// What passed and what failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One check.
    pub(crate) fn one(ok: bool) -> Tally {
        Tally { passed: u64::from(ok), failed: u64::from(!ok) }
    }

    /// The counts of a line as Rust's test harness ends with, `test result: ok. 3 passed; 0 failed; …`.
    pub(crate) fn of_line(line: &str) -> Option<Tally> {
        let counts = line.trim_start().strip_prefix("test result: ")?;
        let count = |what: &str| {
            let words = counts.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok())
        };
        Some(Tally { passed: count("passed")?, failed: count("failed")? })
    }

    /// Prints the closing line, and gives the exit code that goes with it.
    pub(crate) fn report(&self) -> ExitCode {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Tally) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_test_run_is_counted_and_other_lines_are_not() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(Tally::of_line("test a_test ... ok"), None);
        assert_eq!(Tally::of_line("test result: none"), None);
    }
}
