//! Numbers as English words.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const SMALL_ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];
const TENS: [&str; 8] = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];
const MAGNITUDES: [(f64, &str); 4] = [(1e12, "Trillion"), (1e9, "Billion"), (1e6, "Million"), (1e3, "Thousand")];

/// Appends a whole number that is not negative, in title case.
pub(super) fn write_words(number: f64, ordinal: bool, out: &mut String) {
    write_part(number, false, ordinal, out);
}

/// `follows`: there are words in front, to which the part is joined by "and" or a comma.
///
/// The recursion is as deep as the number has trillions of trillions, 26 at most.
fn write_part(number: f64, follows: bool, ordinal: bool, out: &mut String) {
    if number < 100.0 {
        out.push_str(if follows { " and " } else { "" });
        write_below_hundred(number as usize, ordinal, out);
        return;
    }
    out.push_str(if follows { ", " } else { "" });
    let (factor, name) = MAGNITUDES.into_iter().find(|(factor, _)| number >= *factor).unwrap_or((100.0, "Hundred"));
    let count = (number / factor).floor();
    let remainder = number - count * factor;
    write_part(count, false, false, out);
    out.push(' ');
    out.push_str(name);
    if remainder > 0.0 {
        write_part(remainder, true, ordinal, out);
    } else if ordinal {
        out.push_str("th");
    }
}

fn write_below_hundred(number: usize, ordinal: bool, out: &mut String) {
    let small = if ordinal { SMALL_ORDINALS } else { SMALL };
    if let Some(word) = small.get(number) {
        return out.push_str(word);
    }
    let tens = TENS[number / 10 - 2];
    match (number % 10, ordinal) {
        (0, true) => {
            out.push_str(&tens[..tens.len() - 1]);
            out.push_str("ieth");
        }
        (0, false) => out.push_str(tens),
        (ones, _) => {
            out.push_str(tens);
            out.push('-');
            out.push_str(small[ones]);
        }
    }
}

/// The words that numbers are read from, in lower case and in the order in which the reference tries them.
pub(super) fn known_words() -> &'static [(String, f64)] {
    static WORDS: OnceLock<Vec<(String, f64)>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut words: Vec<(String, f64)> = Vec::new();
        let mut add = |word: String, value: f64| words.push((word.to_lowercase(), value));
        for list in [SMALL, SMALL_ORDINALS] {
            list.iter().zip(0u8..).for_each(|(word, value)| add((*word).into(), value.into()));
        }
        for (word, value) in TENS.iter().zip([20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]) {
            add((*word).into(), value);
            add(format!("{}ieth", &word[..word.len() - 1]), value);
        }
        add("Hundred".into(), 100.0);
        add("Hundredth".into(), 100.0);
        for (value, word) in MAGNITUDES.into_iter().rev() {
            add(word.into(), value);
            add(format!("{word}th"), value);
        }
        words
    })
}

fn value_of(word: &str) -> f64 {
    static VALUES: OnceLock<BTreeMap<&'static str, f64>> = OnceLock::new();
    let values = VALUES.get_or_init(|| known_words().iter().map(|(word, value)| (word.as_str(), *value)).collect());
    values.get(word).copied().unwrap_or(f64::NAN)
}

/// The number that words in lower case stand for; NaN if one of them is unknown.
pub(super) fn number_from_words(text: &str) -> f64 {
    let mut sums = vec![0.0];
    for word in split(text) {
        let value = value_of(word);
        let last = sums.pop().unwrap_or(0.0);
        if value >= 100.0 || value.is_nan() {
            sums.push(last * value);
        } else if last >= 1000.0 {
            sums.extend([last, value]);
        } else {
            sums.push(last + value);
        }
    }
    sums.iter().sum()
}

/// Splits at a comma with a space, at "and" between spaces, and at a single space, hyphen or backslash.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let present = rest?;
        for (at, c) in present.char_indices() {
            let behind = &present[at + c.len_utf8()..];
            let next = match c {
                ',' => strip_space(behind),
                c if super::is_js_space(c) => Some(behind.strip_prefix("and").and_then(strip_space).unwrap_or(behind)),
                '-' | '\\' => Some(behind),
                _ => None,
            };
            if next.is_some() {
                rest = next;
                return Some(&present[..at]);
            }
        }
        rest = None;
        Some(present)
    })
}

fn strip_space(text: &str) -> Option<&str> {
    text.strip_prefix(super::is_js_space)
}
