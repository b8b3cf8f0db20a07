//! What went wrong with an input, and the folder where such inputs are kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::random::Random;

/// How an input was not answered as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Code of ours stopped believing in itself.
    Panic,
    /// The process died: most likely of a stack overflow.
    Crash,
    /// Took longer than [`crate::work::TIME_MAX`].
    Time,
    /// Took more memory than [`crate::work::MEMORY_BYTES_MAX`].
    Memory,
    /// Was answered, but a promise was broken.
    Promise,
}

const TROUBLES: [(Trouble, &str); 5] = [
    (Trouble::Panic, "panic"),
    (Trouble::Crash, "crash"),
    (Trouble::Time, "time"),
    (Trouble::Memory, "memory"),
    (Trouble::Promise, "promise"),
];

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TROUBLES.iter().find(|(trouble, _)| trouble == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for Trouble {
    type Err = ();

    fn from_str(name: &str) -> Result<Trouble, ()> {
        TROUBLES.iter().find(|(_, other)| *other == name).map(|(trouble, _)| *trouble).ok_or(())
    }
}

/// The part of a message that is alike for all inputs with the same cause: the first line without digits and quotations.
pub(crate) fn signature(trouble: Trouble, message: &str) -> String {
    let mut signature = format!("{trouble} ");
    let mut quoted = false;
    for character in message.lines().next().unwrap_or_default().chars().take(200) {
        quoted ^= matches!(character, '"' | '`');
        if !quoted && !character.is_ascii_digit() {
            signature.push(character);
        }
    }
    signature
}

/// Where the findings of a target are kept.
pub(crate) fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("findings").join(target)
}

/// Keeps an input for ever; gives its file.
pub(crate) fn keep(target: &str, trouble: Trouble, input: &str) -> std::io::Result<PathBuf> {
    let folder = folder(target);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{trouble}-{:08x}", Random::of_text(input).next() >> 32));
    std::fs::write(&path, input)?;
    Ok(path)
}

/// A shorter input with the same trouble, as far as a number of attempts goes.
pub(crate) fn shortened(input: &str, attempts_max: usize, mut is_still_bad: impl FnMut(&str) -> bool) -> String {
    let mut input: Vec<char> = input.chars().collect();
    let mut attempts = 0;
    let mut length = input.len().div_ceil(2);
    while length > 0 && attempts < attempts_max {
        let mut start = 0;
        while start < input.len() && attempts < attempts_max {
            let end = (start + length).min(input.len());
            let candidate: String = input[..start].iter().chain(&input[end..]).collect();
            attempts += 1;
            if is_still_bad(&candidate) {
                input.drain(start..end);
            } else {
                start = end;
            }
        }
        length /= 2;
    }
    input.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_shortened_to_what_matters() {
        let input = "some text (with brackets) and more";
        assert_eq!(shortened(input, 1_000, |text| text.contains('(') && text.contains(')')), "()");
    }

    #[test]
    fn two_panics_at_one_place_are_one_finding() {
        let first = signature(Trouble::Panic, "src/a.rs: index 3 of \"abc\"\nmore");
        assert_eq!(first, signature(Trouble::Panic, "src/a.rs: index 17 of \"x\""));
    }
}
