//! How things are written for people: durations, quoted lines, commands to type.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use stepwell_asl::diagnostic::nearest;

/// A duration in its two largest units: `2 d 3 h`, `1.5 s`, `38 ms`.
pub(crate) fn duration(ms: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    if ms < 1_000 {
        return format!("{ms} ms");
    }
    if ms < 60_000 {
        return format!("{} s", ms as f64 / 1_000.0);
    }
    let first = UNITS.iter().position(|(_, unit)| ms >= *unit).unwrap_or(UNITS.len() - 1);
    let (name, unit) = UNITS[first];
    let mut text = format!("{} {name}", ms / unit);
    let rest = ms % unit;
    if let Some((name, unit)) = UNITS[first + 1..].iter().find(|(_, unit)| rest >= *unit) {
        let _ = write!(text, " {} {name}", rest / unit);
    }
    text
}

/// A duration on the clock on the wall; short ones with a digit more.
pub(crate) fn real_duration(real: Duration) -> String {
    match i64::try_from(real.as_millis()).unwrap_or(i64::MAX) {
        0..10 => format!("{:.1} ms", real.as_secs_f64() * 1_000.0),
        ms => duration(ms),
    }
}

/// `1 state`, `2 states`.
pub(crate) fn count(n: u64, one: &str) -> String {
    let plural = match one.strip_suffix('y') {
        _ if n == 1 => one.to_owned(),
        Some(stem) if one.ends_with("ry") => format!("{stem}ies"),
        _ if one.ends_with("ch") => format!("{one}es"),
        _ => format!("{one}s"),
    };
    format!("{n} {plural}")
}

/// Longest piece of a line that is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 100;

/// A line of a text with a mark below it, as compilers print them; line and column from 1.
pub(crate) fn quoted_line(name: &str, content: &str, line: usize, column: usize) -> String {
    let chars: Vec<char> = content.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().collect();
    let column = column.max(1);
    let first = if chars.len() <= QUOTED_CHARS_MAX { 0 } else { (column - 1).saturating_sub(QUOTED_CHARS_MAX / 3) };
    let shown: String =
        chars.iter().skip(first).take(QUOTED_CHARS_MAX).map(|c| if *c == '\t' { ' ' } else { *c }).collect();
    let margin = line.to_string().len() + 3;
    let indent = (column - 1 - first).min(QUOTED_CHARS_MAX);
    format!("  --> {name}:{line}:{column}\n{line:>margin$} | {shown}\n{:margin$} | {:indent$}^\n", "", "")
}

/// A word as a POSIX shell reads it, quoted where that is needed.
pub(crate) fn shell_word(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | '@' | '+' | ',' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The command line of this process, to be typed again with something added.
pub(crate) fn this_command() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| shell_word(&word.to_string_lossy())).collect();
    format!("stepwell {}", words.join(" "))
}

/// A file in the same folder whose name is near.
pub(crate) fn file_beside(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .take(1_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(name, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let written: Vec<_> = [
            0,
            38,
            999,
            1_000,
            1_500,
            59_999,
            60_000,
            125_000,
            3_600_000,
            7_260_000,
            172_800_000,
            31_536_000_000,
            173_400_000,
        ]
        .map(duration)
        .into();
        let expected = [
            "0 ms",
            "38 ms",
            "999 ms",
            "1 s",
            "1.5 s",
            "59.999 s",
            "1 min",
            "2 min 5 s",
            "1 h",
            "2 h 1 min",
            "2 d",
            "365 d",
            "2 d 10 min",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn plurals() {
        let words = [count(1, "state"), count(2, "state"), count(2, "retry"), count(0, "branch"), count(3, "day")];
        assert_eq!(words, ["1 state", "2 states", "2 retries", "0 branches", "3 days"]);
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(shell_word("Notify={}"), "'Notify={}'");
        assert_eq!(shell_word("a/b.json"), "a/b.json");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn long_lines_are_quoted_around_the_place() {
        let line = format!("{}X{}", " ".repeat(500), " ".repeat(500));
        let quoted = quoted_line("f", &line, 1, 501);
        let rows: Vec<&str> = quoted.lines().collect();
        assert_eq!(rows[1].find('X'), rows[2].find('^'));
        assert!(rows.iter().all(|row| row.len() < 130));
    }
}
