//! Sets of characters, and JavaScript's rule for matching without regard to case.

use std::sync::OnceLock;

/// A set of characters, prepared for the question whether it holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The answer for each ASCII character.
    ascii: u128,
    /// Sorted, without overlap; code points of both ends.
    ranges: Box<[(u32, u32)]>,
    negated: bool,
    ignore_case: bool,
}

impl Class {
    /// The set of the characters in `ranges` (in any order), or of all others.
    pub(super) fn new(mut ranges: Vec<(u32, u32)>, negated: bool, ignore_case: bool) -> Class {
        normalize(&mut ranges);
        if ignore_case {
            add_canonical_forms(&mut ranges);
            normalize(&mut ranges);
        }
        let ascii = ascii_members(&ranges, negated, ignore_case);
        Class { ascii, ranges: ranges.into(), negated, ignore_case }
    }

    pub(super) fn contains(&self, character: char) -> bool {
        if character.is_ascii() { self.contains_ascii(character as u8) } else { self.search(character) }
    }

    /// `byte` is below 128.
    pub(super) fn contains_ascii(&self, byte: u8) -> bool {
        self.ascii >> byte & 1 != 0
    }

    /// Whether a character beyond ASCII can be in the set; may say so wrongly.
    pub(super) fn may_hold_non_ascii(&self) -> bool {
        self.negated || self.ranges.last().is_some_and(|last| last.1 >= 128)
    }

    fn search(&self, character: char) -> bool {
        let code = u32::from(if self.ignore_case { canonicalize(character) } else { character });
        holds(&self.ranges, code) != self.negated
    }
}

/// The set among the ASCII characters, a bit for each. `ranges` holds canonical forms if case is ignored.
fn ascii_members(ranges: &[(u32, u32)], negated: bool, ignore_case: bool) -> u128 {
    let up_to = |last: u32| u128::MAX >> (127 - last.min(127));
    let mut members = 0;
    for &(first, last) in ranges.iter().take_while(|range| range.0 < 128) {
        members |= up_to(last) & !up_to(first) | 1 << first;
    }
    if ignore_case {
        let upper = members & (up_to(u32::from(b'Z')) & !up_to(u32::from(b'@')));
        let lower = up_to(u32::from(b'z')) & !up_to(u32::from(b'`'));
        members = members & !lower | upper << 32;
    }
    if negated { !members } else { members }
}

/// ECMAScript's Canonicalize without the `u` flag: characters are alike whose single upper case forms are one.
pub(super) fn canonicalize(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    // Characters outside of the basic plane are two units there, and a unit of a pair has no case.
    if character > '\u{ffff}' {
        return character;
    }
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) if !single.is_ascii() && single <= '\u{ffff}' => single,
        _ => character,
    }
}

/// Adds to a set what its members become by [`canonicalize`]; the text's characters are looked up in that form.
fn add_canonical_forms(ranges: &mut Vec<(u32, u32)>) {
    static CHANGING: OnceLock<Vec<(u32, u32)>> = OnceLock::new();
    let changing = CHANGING.get_or_init(|| {
        let forms = ('\0'..='\u{ffff}').map(|character| (character.into(), canonicalize(character).into()));
        forms.filter(|(from, to)| from != to).collect()
    });
    let mut missing = Vec::new();
    for &(first, last) in ranges.iter() {
        let start = changing.partition_point(|form| form.0 < first);
        let end = changing.partition_point(|form| form.0 <= last);
        let forms = changing.get(start..end).unwrap_or_default().iter().map(|(_, form)| *form);
        missing.extend(forms.filter(|form| !holds(ranges, *form)).map(|form| (form, form)));
    }
    ranges.extend(missing);
}

/// Sorts ranges and joins those that touch.
fn normalize(ranges: &mut Vec<(u32, u32)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1.saturating_add(1);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

/// Whether a code point is in sorted ranges.
fn holds(ranges: &[(u32, u32)], code: u32) -> bool {
    let after = ranges.partition_point(|range| range.0 <= code);
    after > 0 && code <= ranges[after - 1].1
}

pub(super) const DIGITS: &[(u32, u32)] = &[(0x30, 0x39)];
pub(super) const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
pub(super) const LINE_ENDS: &[(u32, u32)] = &[(0x0a, 0x0a), (0x0d, 0x0d), (0x2028, 0x2029)];
pub(super) const SPACE: &[(u32, u32)] = &[
    (0x09, 0x0d),
    (0x20, 0x20),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
    (0xfeff, 0xfeff),
];

/// All characters that are not in `ranges`, which are sorted.
pub(super) fn complement(ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut others = Vec::with_capacity(ranges.len() + 1);
    let mut next = 0;
    for &(first, last) in ranges {
        if next < first {
            others.push((next, first - 1));
        }
        next = last + 1;
    }
    others.push((next, u32::from(char::MAX)));
    others
}

pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
