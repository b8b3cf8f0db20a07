//! JavaScript's regular expressions (without the `u` flag) over UTF-8 text, in bounded time.
//!
//! A pattern without back references and lookaround describes a finite machine. Such a machine is first run by
//! backtracking, which is fastest where there is little to try again; when that takes more steps than a small
//! multiple of the text's length, all its threads advance together instead (`pike`), in one pass over the rest of the
//! text. Both give the same answer, JavaScript's: the leftmost match, and of those the first in the order of the
//! alternatives. All other patterns are backtracked to the end. Every step takes one unit of the caller's fuel, so no
//! pattern runs for longer than it is allowed to.
//!
//! Deviation: where JavaScript counts UTF-16 units, we count characters. `.` matches the whole of a character outside
//! of the basic plane and not its first half; two escapes that write such a character as surrogates match it, and a
//! lone surrogate, which UTF-8 cannot hold, matches nothing.

mod backtrack;
mod class;
mod compile;
mod parse;
mod pike;
mod program;

use std::fmt;
use std::ops::Range;

use self::program::{Prefilter, Program};

/// The most steps that backtracking may take before the threads of a machine run together: this many, and
/// [`BACKTRACK_STEPS_PER_BYTE`] for each byte of the text.
const BACKTRACK_STEPS_FREE: u64 = 512;
const BACKTRACK_STEPS_PER_BYTE: u64 = 8;

/// A compiled regular expression.
#[derive(Debug)]
pub struct Regex {
    program: Program,
    prefilter: Prefilter,
}

/// The flags of a regular expression literal that change how it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `i`: letters match whatever their case.
    pub ignore_case: bool,
    /// `m`: `^` and `$` match at the ends of lines as well.
    pub multi_line: bool,
}

/// Where a pattern matched; offsets in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
    /// The capture groups in the order of their opening parentheses; `None` for one that took no part.
    pub captures: Vec<Option<Range<usize>>>,
}

/// A pattern that is no regular expression, or one larger than the bounds of this implementation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong, in the words that JavaScript engines use.
    pub message: &'static str,
    /// Offset of the place in the pattern, in characters.
    pub offset: usize,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for PatternError {}

/// The search took more steps than it was allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfFuel;

/// Memory that searches use, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    backtrack: backtrack::Memory,
    pike: pike::Memory,
}

impl Regex {
    /// Reads and compiles a pattern, which is the text between the slashes of a literal.
    pub fn compile(pattern: &str, flags: Flags) -> Result<Regex, PatternError> {
        let parsed = parse::parse(pattern, flags)?;
        let program = compile::compile(parsed, flags)?;
        let prefilter = Prefilter::of(&program);
        Ok(Regex { program, prefilter })
    }

    /// The number of capture groups, which is the length of [`Match::captures`].
    pub fn n_groups(&self) -> usize {
        self.program.n_groups
    }

    /// The first match that begins at `start` (an offset in bytes) or behind it. Each step spends one unit of `fuel`.
    pub fn find_at(&self, text: &str, start: usize, fuel: &mut u64) -> Result<Option<Match>, OutOfFuel> {
        self.find_with(&mut Scratch::default(), text, start, fuel)
    }

    /// As [`Regex::find_at`], using memory that was allocated before.
    pub fn find_with(
        &self,
        scratch: &mut Scratch,
        text: &str,
        start: usize,
        fuel: &mut u64,
    ) -> Result<Option<Match>, OutOfFuel> {
        let mut at = start;
        while at < text.len() && !text.is_char_boundary(at) {
            at += 1;
        }
        let rest = text.len().saturating_sub(at) as u64;
        let mut allowance = match self.program.linear {
            true => (*fuel).min(BACKTRACK_STEPS_FREE + rest * BACKTRACK_STEPS_PER_BYTE),
            false => *fuel,
        };
        let spent_before = allowance;
        allowance = allowance.saturating_sub(self.program.n_slots as u64 / 8);
        scratch.backtrack.prepare(&self.program);
        let found = loop {
            let Some(candidate) = self.prefilter.next(text, at, &mut allowance) else { break Ok(None) };
            at = candidate;
            match backtrack::match_at(&self.program, &mut scratch.backtrack, text, at, &mut allowance) {
                Ok(Some(end)) => {
                    break Ok(Some(Match { start: at, end, captures: self.captures(scratch.backtrack.slots()) }));
                }
                Ok(None) => match text[at..].chars().next() {
                    Some(skipped) => at += skipped.len_utf8(),
                    None => break Ok(None),
                },
                Err(OutOfFuel) => break Err(OutOfFuel),
            }
        };
        *fuel -= spent_before - allowance;
        match found {
            Err(OutOfFuel) if self.program.linear && *fuel > 0 => {
                let found = pike::find(&self.program, &self.prefilter, &mut scratch.pike, text, at, fuel)?;
                Ok(found.map(|(start, end)| Match { start, end, captures: self.captures(scratch.pike.slots()) }))
            }
            found => found,
        }
    }

    fn captures(&self, slots: &[usize]) -> Vec<Option<Range<usize>>> {
        slots[..2 * self.program.n_groups]
            .chunks_exact(2)
            .map(|ends| (ends[0] != program::UNSET && ends[1] != program::UNSET).then(|| ends[0]..ends[1]))
            .collect()
    }
}

#[cfg(test)]
mod tests;
