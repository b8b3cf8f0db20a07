//! Integers: digits with grouping, letters, Roman numerals and words.

use stepwell_value::js_number_text;

use super::words::{known_words, number_from_words, write_words};
use super::{PictureError, SEPARATOR_WORK_MAX, js_parse_int, regular_distance};

/// A compiled picture of `$formatInteger` and `$parseInteger`, also of one component of a date.
#[derive(Clone, Debug)]
pub struct IntegerPicture {
    primary: Primary,
    ordinal: bool,
}

#[derive(Clone, Debug)]
enum Primary {
    Decimal(Digits),
    Letters {
        upper: bool,
    },
    Roman {
        upper: bool,
    },
    Words(Case),
    /// Starts a numbering that nobody knows. An error only when it is used.
    Sequence(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
    Title,
}

/// A decimal digit pattern.
#[derive(Clone, Debug)]
struct Digits {
    zero: char,
    /// As many digits are written at least.
    mandatory: usize,
    optional: usize,
    grouping: Grouping,
}

#[derive(Clone, Debug)]
enum Grouping {
    Regular {
        distance: usize,
        separator: char,
    },
    /// Positions in digits from the right, ascending.
    At(Vec<(usize, char)>),
}

/// The zeros of the decimal digit families that pictures may use.
const ZEROS: [u32; 37] = [
    0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

impl IntegerPicture {
    /// Compiles a picture: D3131 if its digits belong to different families.
    pub fn compile(picture: &str) -> Result<IntegerPicture, PictureError> {
        let (format, modifier) = picture.rsplit_once(';').unwrap_or((picture, ""));
        let primary = match format {
            "A" => Primary::Letters { upper: true },
            "a" => Primary::Letters { upper: false },
            "I" => Primary::Roman { upper: true },
            "i" => Primary::Roman { upper: false },
            "W" => Primary::Words(Case::Upper),
            "w" => Primary::Words(Case::Lower),
            "Ww" => Primary::Words(Case::Title),
            _ => match Digits::compile(format)? {
                Some(digits) => Primary::Decimal(digits),
                None => Primary::Sequence(format.to_owned()),
            },
        };
        Ok(IntegerPicture { primary, ordinal: modifier.starts_with('o') })
    }

    /// Writes the greatest integer that is not above `value`. D3130 if the picture is of an unknown numbering.
    pub fn format(&self, value: f64, bytes_max: usize) -> Result<String, PictureError> {
        let mut out = String::new();
        self.write(value.floor(), bytes_max, &mut out)?;
        Ok(out)
    }

    /// Appends a whole number. The bound is on all of `out`.
    pub(super) fn write(&self, value: f64, bytes_max: usize, out: &mut String) -> Result<(), PictureError> {
        if let Primary::Sequence(format) = &self.primary {
            return Err(PictureError::value("D3130", format));
        }
        if value < 0.0 {
            out.push('-');
        }
        let value = value.abs();
        if !value.is_finite() {
            out.push_str(&js_number_text(value));
            return Ok(());
        }
        let begin = out.len();
        match &self.primary {
            Primary::Decimal(digits) => {
                digits.write(value, bytes_max, out)?;
                if self.ordinal {
                    out.push_str(ordinal_suffix(&out[begin..]));
                }
            }
            Primary::Letters { upper } => write_letters(value, if *upper { b'A' } else { b'a' }, out),
            Primary::Roman { upper } => {
                write_roman(value, bytes_max, out)?;
                if *upper {
                    out[begin..].make_ascii_uppercase();
                }
            }
            Primary::Words(case) => {
                write_words(value, self.ordinal, out);
                case.apply(&mut out[begin..]);
            }
            Primary::Sequence(_) => {}
        }
        if out.len() > bytes_max { Err(PictureError::TooLarge) } else { Ok(()) }
    }

    /// Reads a number; NaN if the text is none. D3130 if the picture is of an unknown numbering.
    pub fn parse(&self, text: &str) -> Result<f64, PictureError> {
        Ok(match &self.primary {
            Primary::Decimal(digits) => {
                let text = match self.ordinal {
                    // The suffix is taken off unread.
                    true => text.char_indices().rev().nth(1).map_or("", |(at, _)| &text[..at]),
                    false => text,
                };
                digits.parse(text)
            }
            Primary::Letters { upper } => number_from_letters(text, if *upper { b'A' } else { b'a' }),
            Primary::Roman { upper: true } => number_from_roman(text),
            Primary::Roman { upper: false } => number_from_roman(&text.to_uppercase()),
            Primary::Words(_) => number_from_words(&text.to_lowercase()),
            Primary::Sequence(format) => return Err(PictureError::value("D3130", format)),
        })
    }

    /// A regular expression for the texts that `parse` can read as a part of a date. `width`: exactly so many digits.
    pub(super) fn pattern(&self, width: Option<usize>) -> Result<String, PictureError> {
        Ok(match &self.primary {
            Primary::Decimal(_) => {
                let count = width.map_or("+".to_owned(), |width| format!("{{{width}}}"));
                let suffix = if self.ordinal { "(?:th|st|nd|rd)" } else { "" };
                format!("[0-9]{count}{suffix}")
            }
            Primary::Letters { upper: true } => "[A-Z]+".to_owned(),
            Primary::Letters { upper: false } => "[a-z]+".to_owned(),
            Primary::Roman { upper: true } => "[MDCLXVI]+".to_owned(),
            Primary::Roman { upper: false } => "[mdclxvi]+".to_owned(),
            Primary::Words(_) => {
                let words: Vec<&str> = known_words().iter().map(|(word, _)| word.as_str()).collect();
                format!("(?:{}|and|[\\-, ])+", words.join("|"))
            }
            Primary::Sequence(format) => return Err(PictureError::value("D3130", format)),
        })
    }

    /// Digits that are always written, and digits that may be; `None` for other pictures than of digits.
    pub(super) fn digit_counts(&self) -> Option<(usize, usize)> {
        match &self.primary {
            Primary::Decimal(digits) => Some((digits.mandatory, digits.optional)),
            _ => None,
        }
    }

    pub(super) fn set_mandatory_digits(&mut self, mandatory: usize) {
        if let Primary::Decimal(digits) = &mut self.primary {
            digits.mandatory = mandatory;
        }
    }

    /// The separator of groups at regular distances, if the picture has such.
    pub(super) fn regular_separator(&self) -> Option<char> {
        match &self.primary {
            Primary::Decimal(Digits { grouping: Grouping::Regular { separator, .. }, .. }) => Some(*separator),
            _ => None,
        }
    }
}

impl Case {
    /// Changes title case to this case.
    pub(super) fn apply(self, text: &mut str) {
        match self {
            Case::Upper => text.make_ascii_uppercase(),
            Case::Lower => text.make_ascii_lowercase(),
            Case::Title => {}
        }
    }
}

impl Digits {
    fn compile(format: &str) -> Result<Option<Digits>, PictureError> {
        let mut zero = None;
        let (mut mandatory, mut optional) = (0, 0);
        let mut separators = Vec::new();
        for c in format.chars().rev() {
            let code = u32::from(c);
            if let Some(family) = ZEROS.into_iter().find(|zero| (*zero..*zero + 10).contains(&code)) {
                if zero.replace(family).is_some_and(|other| other != family) {
                    return Err(PictureError::code("D3131"));
                }
                mandatory += 1;
            } else if c == '#' {
                optional += 1;
            } else {
                separators.push((mandatory + optional, c));
            }
        }
        let Some(zero) = zero.and_then(char::from_u32) else { return Ok(None) };
        let positions: Vec<usize> = separators.iter().map(|(position, _)| *position).collect();
        let alike = separators.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let grouping = match (regular_distance(&positions), separators.first()) {
            (Some(distance), Some((_, separator))) if alike => Grouping::Regular { distance, separator: *separator },
            _ => Grouping::At(separators),
        };
        Ok(Some(Digits { zero, mandatory, optional, grouping }))
    }

    fn write(&self, value: f64, bytes_max: usize, out: &mut String) -> Result<(), PictureError> {
        let mut buffer = [0; 20];
        let large;
        let digits = if value < 1e18 {
            decimal_digits(value as u64, &mut buffer)
        } else {
            large = js_number_text(value);
            large.as_str()
        };
        let padding = self.mandatory.saturating_sub(digits.len());
        if out.len().saturating_add(padding) > bytes_max {
            return Err(PictureError::TooLarge);
        }
        let no_grouping = matches!(&self.grouping, Grouping::At(separators) if separators.is_empty());
        if self.zero == '0' && no_grouping {
            out.extend(std::iter::repeat_n('0', padding));
            out.push_str(digits);
            return Ok(());
        }
        let shift = u32::from(self.zero) - u32::from('0');
        let in_family = |c: char| match c {
            '0'..='9' => char::from_u32(u32::from(c) + shift).unwrap_or(c),
            other => other,
        };
        let digits = std::iter::repeat_n('0', padding).chain(digits.chars()).map(in_family);
        match &self.grouping {
            Grouping::Regular { distance, separator } => {
                let length = digits.clone().count();
                for (index, digit) in digits.enumerate() {
                    if index > 0 && (length - index).is_multiple_of(*distance) {
                        out.push(*separator);
                    }
                    out.push(digit);
                }
            }
            Grouping::At(separators) => {
                let mut text: Vec<char> = digits.collect();
                if separators.len().saturating_mul(text.len() + separators.len()) > SEPARATOR_WORK_MAX {
                    return Err(PictureError::TooLarge);
                }
                for &(position, separator) in separators.iter().rev() {
                    match text.len().checked_sub(position) {
                        Some(at) => text.insert(at, separator),
                        // The reference takes a position beyond the first digit for one from the other end.
                        None => {
                            let kept = position - text.len();
                            text.drain(..text.len().saturating_sub(kept));
                            text.insert(0, separator);
                        }
                    }
                }
                out.extend(text);
            }
        }
        Ok(())
    }

    fn parse(&self, text: &str) -> f64 {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        if plain && self.zero == '0' && (1..=15).contains(&text.len()) {
            return text.bytes().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')) as f64;
        }
        let zero = u32::from(self.zero);
        let to_ascii = |c: char| match u32::from(c).checked_sub(zero) {
            Some(offset) => char::from_u32(offset + 0x30).unwrap_or(char::REPLACEMENT_CHARACTER),
            None => char::REPLACEMENT_CHARACTER,
        };
        let is_separator = |c: char| match &self.grouping {
            // Whatever the picture's separator is: the reference removes commas.
            Grouping::Regular { .. } => c == ',',
            Grouping::At(separators) => separators.iter().any(|(_, separator)| *separator == c),
        };
        let kept = text.chars().filter(|c| !is_separator(*c));
        let digits: String = kept.map(|c| if zero == 0x30 { c } else { to_ascii(c) }).collect();
        js_parse_int(&digits)
    }
}

/// The digits of a number at the end of a buffer.
fn decimal_digits(mut number: u64, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&buffer[at..]).expect("digits are ASCII");
        }
    }
}

fn ordinal_suffix(text: &str) -> &'static str {
    let mut from_end = text.chars().rev();
    let (last, before) = (from_end.next(), from_end.next());
    match (last, before) {
        (_, Some('1')) => "th",
        (Some('1'), _) => "st",
        (Some('2'), _) => "nd",
        (Some('3'), _) => "rd",
        _ => "th",
    }
}

/// a to z, aa, ab and so on; nothing for 0.
fn write_letters(mut value: f64, first: u8, out: &mut String) {
    let mut letters = Vec::new();
    while value > 0.0 {
        letters.push(char::from(first + ((value - 1.0) % 26.0) as u8));
        value = ((value - 1.0) / 26.0).floor();
    }
    out.extend(letters.into_iter().rev());
}

fn number_from_letters(text: &str, first: u8) -> f64 {
    let mut number = 0.0;
    for (place, unit) in text.encode_utf16().collect::<Vec<u16>>().into_iter().rev().enumerate() {
        number += (f64::from(unit) - f64::from(first) + 1.0) * 26_f64.powi(place.min(1_000) as i32);
    }
    number
}

const ROMAN: [(f64, &str); 13] = [
    (1000.0, "m"),
    (900.0, "cm"),
    (500.0, "d"),
    (400.0, "cd"),
    (100.0, "c"),
    (90.0, "xc"),
    (50.0, "l"),
    (40.0, "xl"),
    (10.0, "x"),
    (9.0, "ix"),
    (5.0, "v"),
    (4.0, "iv"),
    (1.0, "i"),
];

fn write_roman(mut value: f64, bytes_max: usize, out: &mut String) -> Result<(), PictureError> {
    if value / 1000.0 > bytes_max.min(1 << 30) as f64 {
        return Err(PictureError::TooLarge);
    }
    for (worth, numeral) in ROMAN {
        while value >= worth {
            out.push_str(numeral);
            value -= worth;
        }
    }
    Ok(())
}

fn number_from_roman(text: &str) -> f64 {
    let mut number = 0.0;
    let mut max = 1.0;
    for numeral in text.chars().rev() {
        let worth = match numeral {
            'M' => 1000.0,
            'D' => 500.0,
            'C' => 100.0,
            'L' => 50.0,
            'X' => 10.0,
            'V' => 5.0,
            'I' => 1.0,
            _ => return f64::NAN,
        };
        if worth < max {
            number -= worth;
        } else {
            max = worth;
            number += worth;
        }
    }
    number
}
