//! The operators of Choice rules that look at a value: strings, numbers, booleans, timestamps and type tests.

use std::cmp::Ordering;

use stepwell_value::{Kind, Value};

use crate::java;

/// What an operator of a Choice rule asks. `IsPresent` is not among them: it asks whether `Variable` selects
/// anything, which [`Path::select`](crate::jsonpath::Path::select) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `StringEquals` and its like; by UTF-16 units.
    String(Relation),
    /// `StringMatches`: `*` stands for any text.
    StringMatches,
    /// `NumericEquals` and its like; as doubles.
    Numeric(Relation),
    /// `BooleanEquals`
    BooleanEquals,
    /// `TimestampEquals` and its like; as instants.
    Timestamp(Relation),
    /// `IsNull`
    IsNull,
    /// `IsNumeric`
    IsNumeric,
    /// `IsString`
    IsString,
    /// `IsBoolean`
    IsBoolean,
    /// `IsTimestamp`
    IsTimestamp,
}

/// How two values of one kind have to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `…Equals`
    Equals,
    /// `…LessThan`
    LessThan,
    /// `…GreaterThan`
    GreaterThan,
    /// `…LessThanEquals`
    LessThanEquals,
    /// `…GreaterThanEquals`
    GreaterThanEquals,
}

/// The field names of all operators, without those that end in `Path`.
const NAMES: [(&str, Operator); 22] = [
    ("StringEquals", Operator::String(Relation::Equals)),
    ("StringLessThan", Operator::String(Relation::LessThan)),
    ("StringGreaterThan", Operator::String(Relation::GreaterThan)),
    ("StringLessThanEquals", Operator::String(Relation::LessThanEquals)),
    ("StringGreaterThanEquals", Operator::String(Relation::GreaterThanEquals)),
    ("StringMatches", Operator::StringMatches),
    ("NumericEquals", Operator::Numeric(Relation::Equals)),
    ("NumericLessThan", Operator::Numeric(Relation::LessThan)),
    ("NumericGreaterThan", Operator::Numeric(Relation::GreaterThan)),
    ("NumericLessThanEquals", Operator::Numeric(Relation::LessThanEquals)),
    ("NumericGreaterThanEquals", Operator::Numeric(Relation::GreaterThanEquals)),
    ("BooleanEquals", Operator::BooleanEquals),
    ("TimestampEquals", Operator::Timestamp(Relation::Equals)),
    ("TimestampLessThan", Operator::Timestamp(Relation::LessThan)),
    ("TimestampGreaterThan", Operator::Timestamp(Relation::GreaterThan)),
    ("TimestampLessThanEquals", Operator::Timestamp(Relation::LessThanEquals)),
    ("TimestampGreaterThanEquals", Operator::Timestamp(Relation::GreaterThanEquals)),
    ("IsNull", Operator::IsNull),
    ("IsNumeric", Operator::IsNumeric),
    ("IsString", Operator::IsString),
    ("IsBoolean", Operator::IsBoolean),
    ("IsTimestamp", Operator::IsTimestamp),
];

impl Operator {
    /// The operator of a field, and whether it is the form whose operand is a path: `StringEqualsPath` gives
    /// `StringEquals` and true. Nothing for `IsPresent`, `And`, `Or`, `Not` and names that are no operator.
    pub fn parse(field: &str) -> Option<(Operator, bool)> {
        let find = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator);
        if let Some(operator) = find(field) {
            return Some((operator, false));
        }
        find(field.strip_suffix("Path")?).filter(|operator| operator.has_path_form()).map(|operator| (operator, true))
    }

    /// The field's name, without `Path`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// Whether the operator can be written with `Path`.
    pub fn has_path_form(self) -> bool {
        match self {
            Operator::String(_) | Operator::Numeric(_) | Operator::BooleanEquals | Operator::Timestamp(_) => true,
            Operator::StringMatches
            | Operator::IsNull
            | Operator::IsNumeric
            | Operator::IsString
            | Operator::IsBoolean
            | Operator::IsTimestamp => false,
        }
    }

    /// The kind that the operand in a definition has to be of.
    pub fn operand_kind(self) -> Kind {
        match self {
            Operator::String(_) | Operator::StringMatches | Operator::Timestamp(_) => Kind::String,
            Operator::Numeric(_) => Kind::Number,
            Operator::BooleanEquals
            | Operator::IsNull
            | Operator::IsNumeric
            | Operator::IsString
            | Operator::IsBoolean
            | Operator::IsTimestamp => Kind::Bool,
        }
    }

    /// Whether a definition may have this operand: of the right [kind](Operator::operand_kind), and a timestamp where
    /// one is compared.
    pub fn accepts(self, operand: &Value) -> bool {
        match (self, operand) {
            (Operator::Timestamp(_), Value::Str(text)) => timestamp(text).is_some(),
            _ => operand.kind() == self.operand_kind(),
        }
    }
}

/// Every field name of a data operator, in both forms; `IsPresent` included.
pub fn field_names() -> impl Iterator<Item = String> {
    let both = NAMES.iter().flat_map(|(name, operator)| {
        [Some((*name).to_owned()), operator.has_path_form().then(|| format!("{name}Path"))].into_iter().flatten()
    });
    both.chain(std::iter::once("IsPresent".to_owned()))
}

/// Whether `variable` stands to `operand` as the operator asks.
///
/// A value of another kind than the operator's is not an error: the answer is false, also when the operand that a
/// path selected is of another kind.
pub fn matches(operator: Operator, variable: &Value, operand: &Value) -> bool {
    match operator {
        Operator::Numeric(relation) => match (variable.as_f64(), operand.as_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).is_some_and(|ordering| relation.holds(ordering)),
            _ => false,
        },
        Operator::String(Relation::Equals) => match (variable, operand) {
            (Value::Str(left), Value::Str(right)) => left == right,
            _ => false,
        },
        Operator::String(relation) => match (variable, operand) {
            (Value::Str(left), Value::Str(right)) => relation.holds(java::compare_strings(left, right)),
            _ => false,
        },
        Operator::StringMatches => match (variable, operand) {
            (Value::Str(text), Value::Str(pattern)) => matches_pattern(text, pattern),
            _ => false,
        },
        Operator::BooleanEquals => match (variable, operand) {
            (Value::Bool(left), Value::Bool(right)) => left == right,
            _ => false,
        },
        Operator::Timestamp(relation) => match (variable, operand) {
            (Value::Str(left), Value::Str(right)) => match (timestamp(left), timestamp(right)) {
                (Some(left), Some(right)) => relation.holds(left.cmp(&right)),
                _ => false,
            },
            _ => false,
        },
        Operator::IsNull => operand.as_bool() == Some(variable.is_null()),
        Operator::IsNumeric => operand.as_bool() == Some(variable.is_number()),
        Operator::IsString => operand.as_bool() == Some(variable.as_str().is_some()),
        Operator::IsBoolean => operand.as_bool() == Some(variable.as_bool().is_some()),
        Operator::IsTimestamp => {
            operand.as_bool() == Some(variable.as_str().is_some_and(|text| timestamp(text).is_some()))
        }
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equals => ordering == Ordering::Equal,
            Relation::LessThan => ordering == Ordering::Less,
            Relation::GreaterThan => ordering == Ordering::Greater,
            Relation::LessThanEquals => ordering != Ordering::Greater,
            Relation::GreaterThanEquals => ordering != Ordering::Less,
        }
    }
}

/// Whether the whole text matches: `*` is any text, `\*` a star, `\\` a backslash, all else itself.
///
/// What stands between two stars is looked for from the left, which is enough to decide and takes time linear in
/// the text.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let mut pieces = Pieces { rest: Some(pattern) };
    let Some(first) = pieces.next() else { return text.is_empty() };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    let Some(mut piece) = pieces.next() else { return rest.is_empty() };
    for following in pieces {
        match rest.find(piece.as_str()) {
            Some(position) => rest = &rest[position + piece.len()..],
            None => return false,
        }
        piece = following;
    }
    rest.ends_with(piece.as_str())
}

/// The pieces of a pattern between its stars, without their escapes; always at least one.
struct Pieces<'p> {
    rest: Option<&'p str>,
}

impl Iterator for Pieces<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let pattern = self.rest.take()?;
        let mut piece = String::new();
        let mut characters = pattern.char_indices();
        while let Some((position, character)) = characters.next() {
            match character {
                '*' => {
                    self.rest = Some(&pattern[position + 1..]);
                    break;
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => piece.push(escaped),
                    Some((_, other)) => piece.extend(['\\', other]),
                    None => piece.push('\\'),
                },
                character => piece.push(character),
            }
        }
        Some(piece)
    }
}

/// The instant of an RFC 3339 timestamp, in nanoseconds since 1970; nothing when the text is none.
///
/// AWS wants the capital letters `T` and `Z`, and the seconds. Digits of the fraction beyond the ninth are cut off.
pub fn timestamp(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        bytes.get(from..to)?.iter().try_fold(0, |number, byte| match byte {
            b'0'..=b'9' => Some(number * 10 + i64::from(byte - b'0')),
            _ => None,
        })
    };
    let is = |position: usize, expected: u8| bytes.get(position) == Some(&expected);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut position = 19;
    let mut nanoseconds = 0;
    if is(position, b'.') {
        let digits = bytes[position + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let counted = digits.min(9);
        nanoseconds = number(position + 1, position + 1 + counted)? * 10_i64.pow(9 - counted as u32);
        position += 1 + digits;
    }
    let offset_s = match (bytes.get(position)?, bytes.len() - position) {
        (b'Z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if is(position + 3, b':') => {
            let (hours, minutes) = (number(position + 1, position + 3)?, number(position + 4, position + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset_s = hours * 3600 + minutes * 60;
            if *sign == b'-' { -offset_s } else { offset_s }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in years that begin in March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let years = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let days_before_month = (153 * month_from_march + 2) / 5;
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    const MARCH_FIRST_OF_YEAR_0_TO_1970: i64 = 719_468;
    years * 365 + leap_days + days_before_month + day - 1 - MARCH_FIRST_OF_YEAR_0_TO_1970
}
