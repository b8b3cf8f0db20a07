//! Decimal numbers: digits, grouping, fractions, percent and exponents.

use super::{PictureError, SEPARATOR_WORK_MAX, regular_distance};

/// The symbols of `$formatNumber`, by default those of English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecimalFormat {
    decimal_separator: String,
    grouping_separator: String,
    exponent_separator: String,
    infinity: String,
    minus_sign: String,
    nan: String,
    percent: String,
    per_mille: String,
    zero_digit: char,
    digit: String,
    pattern_separator: String,
}

impl Default for DecimalFormat {
    fn default() -> DecimalFormat {
        DecimalFormat {
            decimal_separator: ".".to_owned(),
            grouping_separator: ",".to_owned(),
            exponent_separator: "e".to_owned(),
            infinity: "Infinity".to_owned(),
            minus_sign: "-".to_owned(),
            nan: "NaN".to_owned(),
            percent: "%".to_owned(),
            per_mille: "\u{2030}".to_owned(),
            zero_digit: '0',
            digit: "#".to_owned(),
            pattern_separator: ";".to_owned(),
        }
    }
}

impl DecimalFormat {
    /// Sets the symbol that an option of `$formatNumber` names; an unknown name changes nothing.
    pub fn set(&mut self, name: &str, symbol: &str) {
        let slot = match name {
            "decimal-separator" => &mut self.decimal_separator,
            "grouping-separator" => &mut self.grouping_separator,
            "exponent-separator" => &mut self.exponent_separator,
            "infinity" => &mut self.infinity,
            "minus-sign" => &mut self.minus_sign,
            "NaN" => &mut self.nan,
            "percent" => &mut self.percent,
            "per-mille" => &mut self.per_mille,
            "digit" => &mut self.digit,
            "pattern-separator" => &mut self.pattern_separator,
            "zero-digit" => {
                self.zero_digit = symbol.chars().next().unwrap_or('0');
                return;
            }
            _ => return,
        };
        symbol.clone_into(slot);
    }
}

/// A compiled picture of `$formatNumber`.
#[derive(Clone, Debug)]
pub struct NumberPicture {
    positive: SubPicture,
    negative: SubPicture,
    format: DecimalFormat,
}

/// What is known of one of the two parts of a picture.
#[derive(Clone, Debug)]
struct SubPicture {
    prefix: String,
    suffix: String,
    /// The number is multiplied by this.
    factor: f64,
    /// Digits in front of the point that are always written.
    integer_digits_min: usize,
    fraction_digits_min: usize,
    fraction_digits_max: usize,
    /// Digits of the exponent that are always written; 0 for none.
    exponent_digits_min: usize,
    /// With an exponent, so many digits stand in front of the point.
    scale: usize,
    grouping: Grouping,
    /// Digits between the point and the separators behind it.
    fraction_groups: Vec<usize>,
    has_decimal_separator: bool,
}

#[derive(Clone, Debug)]
enum Grouping {
    Regular(usize),
    /// Digits between the separators and the point, from the left separator to the right.
    At(Vec<usize>),
}

impl NumberPicture {
    /// Compiles a picture: D3080 to D3093 as XPath's rules ask for.
    pub fn compile(picture: &str, format: &DecimalFormat) -> Result<NumberPicture, PictureError> {
        let symbols = Symbols::new(format);
        let picture: Vec<char> = picture.chars().collect();
        let sub_pictures = split(&picture, &symbols.pattern_separator);
        if sub_pictures.len() > 2 {
            return Err(PictureError::code("D3080"));
        }
        let mut parts = Vec::with_capacity(2);
        for sub_picture in sub_pictures {
            let part = Parts::new(sub_picture, &symbols);
            if let Some(code) = part.error(&symbols) {
                return Err(PictureError::code(code));
            }
            parts.push(part);
        }
        let mut analysed = parts.iter().map(|part| part.analyse(&symbols));
        // There is always one.
        let positive = analysed.next().ok_or(PictureError::code("D3085"))?;
        let negative = analysed.next().unwrap_or_else(|| {
            let prefix = format!("{}{}", format.minus_sign, positive.prefix);
            SubPicture { prefix, ..positive.clone() }
        });
        Ok(NumberPicture { positive, negative, format: format.clone() })
    }

    /// Writes a number.
    pub fn format(&self, value: f64, bytes_max: usize) -> Result<String, PictureError> {
        let picture = if value >= 0.0 { &self.positive } else { &self.negative };
        let mut out = String::with_capacity(24);
        out.push_str(&picture.prefix);
        if value.is_nan() {
            // Neither sign nor affixes.
            return Ok(self.format.nan.clone());
        }
        let mut mantissa = value * picture.factor;
        let mut exponent = 0i32;
        if picture.exponent_digits_min > 0 && mantissa != 0.0 && mantissa.is_finite() {
            let scale = picture.scale.min(400) as i32;
            let (max, min) = (10_f64.powi(scale), 10_f64.powi(scale - 1));
            while mantissa.abs() < min && mantissa.is_finite() {
                mantissa *= 10.0;
                exponent -= 1;
            }
            while mantissa.abs() > max {
                mantissa /= 10.0;
                exponent += 1;
            }
        }
        if mantissa.is_infinite() {
            out.push_str(&self.format.infinity);
            out.push_str(&picture.suffix);
            return Ok(out);
        }
        let digits = picture.integer_digits_min.saturating_add(picture.fraction_digits_min);
        if out.len().saturating_add(digits) > bytes_max {
            return Err(PictureError::TooLarge);
        }
        self.write_mantissa(mantissa, picture, &mut out)?;
        if picture.exponent_digits_min > 0 {
            out.push_str(&self.format.exponent_separator);
            out.push_str(if exponent < 0 { &self.format.minus_sign } else { "" });
            let digits = exponent.unsigned_abs().to_string();
            let padding = picture.exponent_digits_min.saturating_sub(digits.len());
            if out.len().saturating_add(padding) > bytes_max {
                return Err(PictureError::TooLarge);
            }
            let digits = std::iter::repeat_n('0', padding).chain(digits.chars());
            out.extend(digits.map(|digit| self.in_family(digit)));
        }
        out.push_str(&picture.suffix);
        if out.len() > bytes_max { Err(PictureError::TooLarge) } else { Ok(out) }
    }

    fn write_mantissa(&self, mantissa: f64, picture: &SubPicture, out: &mut String) -> Result<(), PictureError> {
        let mut buffer = [0; 40];
        let text;
        let (integer, fraction) = match rounded_digits(mantissa.abs(), picture.fraction_digits_max, &mut buffer) {
            Some(parts) => parts,
            None => {
                let rounded = round_half_even(mantissa, picture.fraction_digits_max).abs();
                // No double has more digits than that behind the point.
                text = format!("{:.*}", picture.fraction_digits_max.min(1_100), rounded);
                text.split_once('.').unwrap_or((&text, ""))
            }
        };
        let integer = integer.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let integer_padding = picture.integer_digits_min.saturating_sub(integer.len());
        let fraction_padding = picture.fraction_digits_min.saturating_sub(fraction.len());
        let n_integer = integer.len() + integer_padding;
        let n_fraction = fraction.len() + fraction_padding;
        let integer = std::iter::repeat_n('0', integer_padding).chain(integer.chars());
        let fraction = fraction.chars().chain(std::iter::repeat_n('0', fraction_padding));

        let no_groups = Vec::new();
        let (distance, positions) = match &picture.grouping {
            Grouping::Regular(distance) => (Some(*distance), &no_groups),
            Grouping::At(positions) => (None, positions),
        };
        if positions.is_empty() && picture.fraction_groups.is_empty() {
            for (index, digit) in integer.enumerate() {
                if index > 0 && distance.is_some_and(|distance| (n_integer - index).is_multiple_of(distance)) {
                    out.push_str(&self.format.grouping_separator);
                }
                out.push(self.in_family(digit));
            }
            out.push_str(&self.format.decimal_separator);
            fraction.for_each(|digit| out.push(self.in_family(digit)));
        } else {
            let n_groups = positions.len() + picture.fraction_groups.len();
            if n_groups.saturating_mul(n_integer + n_fraction + n_groups) > SEPARATOR_WORK_MAX {
                return Err(PictureError::TooLarge);
            }
            let separator: Vec<char> = self.format.grouping_separator.chars().collect();
            let mut text: Vec<char> = integer.map(|digit| self.in_family(digit)).collect();
            let mut point = text.len();
            text.extend(self.format.decimal_separator.chars());
            text.extend(fraction.map(|digit| self.in_family(digit)));
            if let Some(distance) = distance {
                for group in 1..=(point.max(1) - 1) / distance {
                    let at = point - group * distance;
                    text.splice(at..at, separator.iter().copied());
                }
            }
            for position in positions {
                // The reference counts from the end of the text where the number has too few digits.
                let at = match point.checked_sub(*position) {
                    Some(at) => at,
                    None => text.len().saturating_sub(position - point),
                };
                text.splice(at..at, separator.iter().copied());
                point += 1;
            }
            let decimal_separator: Vec<char> = self.format.decimal_separator.chars().collect();
            let point = find(&text, &decimal_separator, 0).unwrap_or(point);
            for position in &picture.fraction_groups {
                let at = (position + point + 1).min(text.len());
                text.splice(at..at, separator.iter().copied());
            }
            out.extend(text);
        }
        let ends_in_point = n_fraction == 0 && picture.fraction_groups.is_empty();
        if !picture.has_decimal_separator || ends_in_point && self.format.decimal_separator.chars().count() == 1 {
            out.pop();
        }
        Ok(())
    }

    fn in_family(&self, digit: char) -> char {
        char::from_u32(u32::from(self.format.zero_digit) + u32::from(digit) - u32::from('0')).unwrap_or(digit)
    }
}

/// The digits in front of the point and behind it of a number rounded to so many of the latter, where that takes no
/// more than a multiplication: the number is not large, and not so near to a half that the error of the product
/// counts.
fn rounded_digits(number: f64, digits: usize, buffer: &mut [u8; 40]) -> Option<(&str, &str)> {
    const POWERS: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
    let shifted = number * POWERS.get(digits)?;
    let from_half = (shifted - shifted.floor() - 0.5).abs();
    if shifted >= 1e15 || from_half <= shifted * 1e-15 {
        return None;
    }
    let mut rest = shifted.round() as u64;
    // More than 15 digits come only from leading zeros.
    for (index, place) in buffer.iter_mut().rev().enumerate() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 && index >= digits {
            let text = std::str::from_utf8(&buffer[buffer.len() - 1 - index..]).ok()?;
            return text.split_at_checked(text.len() - digits);
        }
    }
    None
}

/// Rounds to so many digits behind the point, halves to the even neighbour, judging by the shortest decimal that
/// stands for the number.
fn round_half_even(number: f64, digits: usize) -> f64 {
    if digits == 0 {
        return number.round_ties_even();
    }
    let shifted = shift_point(number, digits.min(2_000) as i32);
    // Too large for a fraction of that length.
    if !shifted.is_finite() || shifted.abs() >= 9_007_199_254_740_992.0 {
        return number;
    }
    shift_point(shifted.round_ties_even(), -(digits.min(2_000) as i32))
}

/// Multiplies by a power of ten in decimal.
fn shift_point(number: f64, places: i32) -> f64 {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(0) + places;
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
}

/// The symbols as sequences of characters, which is how pictures are searched for them.
struct Symbols {
    decimal_separator: Vec<char>,
    grouping_separator: Vec<char>,
    exponent_separator: Vec<char>,
    percent: Vec<char>,
    per_mille: Vec<char>,
    digit: Vec<char>,
    pattern_separator: Vec<char>,
    zero_digit: char,
}

impl Symbols {
    fn new(format: &DecimalFormat) -> Symbols {
        let chars = |symbol: &str| symbol.chars().collect();
        Symbols {
            decimal_separator: chars(&format.decimal_separator),
            grouping_separator: chars(&format.grouping_separator),
            exponent_separator: chars(&format.exponent_separator),
            percent: chars(&format.percent),
            per_mille: chars(&format.per_mille),
            digit: chars(&format.digit),
            pattern_separator: chars(&format.pattern_separator),
            zero_digit: format.zero_digit,
        }
    }

    /// A member of the decimal digit family.
    fn is_decimal(&self, c: char) -> bool {
        (u32::from(self.zero_digit)..u32::from(self.zero_digit) + 10).contains(&u32::from(c))
    }

    /// A decimal digit, or the sign of an optional one.
    fn is_digit(&self, c: char) -> bool {
        self.is_decimal(c) || self.digit == [c]
    }

    fn is_active(&self, c: char) -> bool {
        self.is_digit(c)
            || [&self.decimal_separator, &self.exponent_separator, &self.grouping_separator, &self.pattern_separator]
                .into_iter()
                .any(|symbol| *symbol == [c])
    }
}

/// A part of a picture, taken apart.
struct Parts<'a> {
    whole: &'a [char],
    prefix: &'a [char],
    suffix: &'a [char],
    active: &'a [char],
    mantissa: &'a [char],
    exponent: Option<&'a [char]>,
    integer: &'a [char],
    fraction: &'a [char],
}

impl<'a> Parts<'a> {
    fn new(whole: &'a [char], symbols: &Symbols) -> Parts<'a> {
        let begins = |c: &char| symbols.is_active(*c) && symbols.exponent_separator != [*c];
        let prefix = &whole[..whole.iter().position(begins).unwrap_or(0)];
        let suffix = &whole[whole.iter().rposition(begins).map_or(whole.len(), |last| last + 1)..];
        let active = &whole[prefix.len()..whole.len() - suffix.len()];
        let position = find(whole, &symbols.exponent_separator, prefix.len());
        let (mantissa, exponent) = match position.filter(|position| *position <= whole.len() - suffix.len()) {
            // As in the reference the place is counted from the beginning of the prefix.
            Some(position) => {
                (&active[..position.min(active.len())], Some(&active[(position + 1).min(active.len())..]))
            }
            None => (active, None),
        };
        let (integer, fraction) = match find(mantissa, &symbols.decimal_separator, 0) {
            Some(position) => (&mantissa[..position], &mantissa[(position + 1).min(mantissa.len())..]),
            None => (mantissa, suffix),
        };
        Parts { whole, prefix, suffix, active, mantissa, exponent, integer, fraction }
    }

    /// The last of the rules that the part breaks.
    fn error(&self, symbols: &Symbols) -> Option<&'static str> {
        let whole = self.whole;
        let has = |symbol: &[char]| find(whole, symbol, 0).is_some();
        let repeats = |symbol: &[char]| find(whole, symbol, 0) != find_last(whole, symbol);
        let point = find(whole, &symbols.decimal_separator, 0);
        let grouping = symbols.grouping_separator.as_slice();
        let is_grouping = |at: Option<&char>| at.is_some_and(|c| grouping == [*c]);
        let first_optional = find(self.integer, &symbols.digit, 0);
        let last_optional = find_last(self.fraction, &symbols.digit);
        let has_decimal = |part: &[char]| part.iter().any(|c| symbols.is_decimal(*c));
        let by_percent = has(&symbols.percent) || has(&symbols.per_mille);
        let adjacent = [grouping, grouping].concat();
        let rules = [
            ("D3081", repeats(&symbols.decimal_separator)),
            ("D3082", repeats(&symbols.percent)),
            ("D3083", repeats(&symbols.per_mille)),
            ("D3084", has(&symbols.percent) && has(&symbols.per_mille)),
            ("D3085", !self.mantissa.iter().any(|c| symbols.is_digit(*c))),
            ("D3086", !self.active.iter().all(|c| symbols.is_active(*c))),
            (
                "D3087",
                point.is_some_and(|point| {
                    is_grouping(point.checked_sub(1).and_then(|before| whole.get(before)))
                        || is_grouping(whole.get(point + 1))
                }),
            ),
            ("D3088", point.is_none() && is_grouping(self.integer.last())),
            ("D3089", has(&adjacent)),
            ("D3090", first_optional.is_some_and(|first| has_decimal(&self.integer[..first]))),
            ("D3091", last_optional.is_some_and(|last| has_decimal(&self.fraction[last..]))),
            ("D3092", by_percent && self.exponent.is_some_and(|exponent| !exponent.is_empty())),
            (
                "D3093",
                self.exponent
                    .is_some_and(|exponent| exponent.is_empty() || !exponent.iter().all(|c| symbols.is_decimal(*c))),
            ),
        ];
        rules.into_iter().rev().find(|(_, broken)| *broken).map(|(code, _)| code)
    }

    fn analyse(&self, symbols: &Symbols) -> SubPicture {
        let n_decimal = |part: &[char]| part.iter().filter(|c| symbols.is_decimal(**c)).count();
        let n_digits = |part: &[char]| part.iter().filter(|c| symbols.is_digit(**c)).count();
        let mut integer_digits_min = n_decimal(self.integer);
        let scale = integer_digits_min;
        let mut fraction_digits_min = n_decimal(self.fraction);
        let mut fraction_digits_max = n_digits(self.fraction);
        if integer_digits_min == 0 && fraction_digits_max == 0 {
            if self.exponent.is_some() {
                (fraction_digits_min, fraction_digits_max) = (1, 1);
            } else {
                integer_digits_min = 1;
            }
        }
        if self.exponent.is_some() && integer_digits_min == 0 && find(self.integer, &symbols.digit, 0).is_some() {
            integer_digits_min = 1;
        }
        if integer_digits_min == 0 && fraction_digits_min == 0 {
            fraction_digits_min = 1;
        }
        let has = |symbol: &[char]| find(self.whole, symbol, 0).is_some();
        let factor = match (has(&symbols.percent), has(&symbols.per_mille)) {
            (true, _) => 100.0,
            (_, true) => 1000.0,
            _ => 1.0,
        };
        let integer_groups = self.integer_groups(symbols);
        let ascending: Vec<usize> = integer_groups.iter().rev().copied().collect();
        SubPicture {
            prefix: self.prefix.iter().collect(),
            suffix: self.suffix.iter().collect(),
            factor,
            integer_digits_min,
            fraction_digits_min,
            fraction_digits_max,
            exponent_digits_min: self.exponent.map_or(0, n_decimal),
            scale,
            grouping: regular_distance(&ascending).map_or(Grouping::At(integer_groups), Grouping::Regular),
            fraction_groups: self.fraction_groups(symbols),
            has_decimal_separator: has(&symbols.decimal_separator),
        }
    }

    /// For each separator of the integer part, the digits between it and the point.
    fn integer_groups(&self, symbols: &Symbols) -> Vec<usize> {
        let mut n_digits = 0;
        let mut groups = Vec::new();
        for (at, c) in self.integer.iter().enumerate().rev() {
            n_digits += usize::from(symbols.is_digit(*c));
            if self.integer[at..].starts_with(&symbols.grouping_separator) {
                groups.push(n_digits);
            }
        }
        groups.reverse();
        groups
    }

    /// For each separator of the fraction, the digits between the point and it. The reference looks for the second
    /// and all others in the integer part.
    fn fraction_groups(&self, symbols: &Symbols) -> Vec<usize> {
        let separator = &symbols.grouping_separator;
        let mut groups = Vec::new();
        if separator.is_empty() {
            return groups;
        }
        let (mut counted, mut n_digits) = (0, 0);
        let mut position = find(self.fraction, separator, 0);
        while let Some(at) = position {
            let end = at.min(self.fraction.len()).max(counted);
            n_digits += self.fraction[counted..end].iter().filter(|c| symbols.is_digit(**c)).count();
            counted = end;
            groups.push(n_digits);
            position = find(self.integer, separator, at + 1);
        }
        groups
    }
}

/// JavaScript's `indexOf`.
fn find(text: &[char], symbol: &[char], from: usize) -> Option<usize> {
    if symbol.is_empty() {
        return Some(from.min(text.len()));
    }
    let found = text.get(from..)?.windows(symbol.len()).position(|window| window == symbol)?;
    Some(from + found)
}

/// JavaScript's `lastIndexOf`.
fn find_last(text: &[char], symbol: &[char]) -> Option<usize> {
    if symbol.is_empty() {
        return Some(text.len());
    }
    text.windows(symbol.len()).rposition(|window| window == symbol)
}

/// JavaScript's `split`.
fn split<'a>(text: &'a [char], separator: &[char]) -> Vec<&'a [char]> {
    if separator.is_empty() {
        return text.chunks(1).collect();
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, separator, 0) {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    pieces
}
