//! Filters `[?(…)]`: their syntax, and which values they keep.

use std::cmp::Ordering;

use stepwell_value::Value;

use super::Step;
use super::parse::{PathSyntaxError, closing_bracket, parse_operand};
use super::regex::Regex;
use crate::java;

/// A filter: alternatives, each of terms that must all hold.
///
/// Jayway 2.0.0 splits the text at `&&` and `||` and drops parentheses around terms: they group nothing, so that
/// `(a || b) && c` keeps what `a || b && c` keeps. It evaluates the last term first, which shows where a comparison
/// fails the path.
#[derive(Debug)]
pub(super) struct Filter {
    alternatives: Vec<Vec<Term>>,
    /// About how many steps and comparisons one test takes.
    cost: usize,
}

/// Why a filter cannot tell whether it keeps a value; the whole path fails.
pub(super) enum FilterFailure {
    /// A number was compared with a text that is none; Java's message.
    NotANumber(String),
    /// A regular expression had too much text to look at.
    TooLarge,
}

#[derive(Debug)]
enum Term {
    /// `@.a`, or `!@.a`: whether there is a value that is not null.
    Exists { path: Vec<Step>, expected: bool },
    /// `left operator right`
    Compare { left: Operand, operator: Operator, right: Operand },
    /// `left =~ /…/`
    Matches { left: Operand, pattern: Regex },
}

#[derive(Debug)]
enum Operand {
    /// `@`, or a definite path from it.
    Item(Vec<Step>),
    /// `$`, or a definite path from it.
    Root(Vec<Step>),
    /// Anything else is a text, with the number that it writes, if it does.
    Text(Value, Option<Number>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Parses what follows the opening bracket, whose place in the path is `offset - 1`. Gives the filter and the
    /// length of the text up to and including the closing bracket.
    pub(super) fn parse(inside: &str, offset: usize) -> Result<(Filter, usize), PathSyntaxError> {
        let end = filter_end(inside, offset)?;
        let content = Piece::new(&inside[..end], offset).trimmed();
        let content = content.strip_start("?").map(Piece::trimmed);
        let content = content.and_then(|content| content.strip_start("(")).and_then(|content| content.strip_end(")"));
        let Some(content) = content else {
            return Err(PathSyntaxError::new("A filter is written [?(…)]", offset));
        };
        let mut alternatives = vec![Vec::new()];
        let mut rest = content;
        for _ in 0..TERMS_MAX {
            let join = rest.text.find("&&").into_iter().chain(rest.text.find("||")).min();
            let term = Term::parse(rest.before(join.unwrap_or(rest.text.len())))?;
            if let Some(conditions) = alternatives.last_mut() {
                conditions.push(term);
            }
            let Some(join) = join else {
                let cost = alternatives.iter().flatten().map(Term::cost).sum();
                return Ok((Filter { alternatives, cost }, end + 1));
            };
            if rest.text[join..].starts_with('|') {
                alternatives.push(Vec::new());
            }
            rest = rest.behind(join + 2);
        }
        Err(PathSyntaxError::new(format!("A filter has at most {TERMS_MAX} terms"), offset))
    }

    /// Whether the filter keeps `item`; `root` is the value that the whole path is applied to.
    pub(super) fn keeps(&self, item: &Value, root: &Value) -> Result<bool, FilterFailure> {
        for conditions in self.alternatives.iter().rev() {
            let mut all_hold = true;
            for term in conditions.iter().rev() {
                all_hold = term.holds(item, root)?;
                if !all_hold {
                    break;
                }
            }
            if all_hold {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}

impl Term {
    fn holds(&self, item: &Value, root: &Value) -> Result<bool, FilterFailure> {
        match self {
            Term::Exists { path, expected } => {
                Ok(*expected == resolve(path, item).is_some_and(|value| !value.is_null()))
            }
            Term::Compare { left, operator, right } => {
                let (Some(actual), Some(expected)) = (left.value(item, root), right.value(item, root)) else {
                    return Ok(false);
                };
                operator.holds(actual, expected, right)
            }
            Term::Matches { left, pattern } => match left.value(item, root) {
                None | Some(Value::Null) => Ok(false),
                Some(Value::Str(text)) => pattern.matches(text).ok_or(FilterFailure::TooLarge),
                Some(other) => pattern.matches(&java::context_text(other)).ok_or(FilterFailure::TooLarge),
            },
        }
    }

    fn cost(&self) -> usize {
        match self {
            Term::Exists { path, .. } => 1 + path.len(),
            Term::Compare { left, right, .. } => 1 + left.cost() + right.cost(),
            Term::Matches { left, .. } => 1 + left.cost(),
        }
    }

    fn parse(text: Piece<'_>) -> Result<Term, PathSyntaxError> {
        if text.text.replace("\\'", "").matches('\'').count() % 2 == 1 {
            return Err(text.error("A string in a filter cannot hold '&&' or '||'"));
        }
        let term = text.trimmed_of(&['[', '?', '(', ' '], &[')', ' ']);
        // An operator counts wherever it stands, in a string or a name too.
        let found = OPERATORS.iter().find_map(|(text, operator)| Some((term.text.find(text)?, *text, *operator)));
        let Some((position, operator_text, operator)) = found else {
            let (path, expected) = match term.strip_start("!") {
                Some(path) => (path, false),
                None => (term, true),
            };
            let Some(steps) = path.strip_start("@") else {
                return Err(term.error("A filter tests '@' or a path from it"));
            };
            if steps.text.contains('=') {
                return Err(term.error("A filter compares with '=='"));
            }
            return Ok(Term::Exists { path: operand_steps(steps)?, expected });
        };
        let left = term.before(position).trimmed();
        // Jayway takes the exclamation mark off and compares all the same.
        let left = left.strip_start("!").filter(|path| path.text.starts_with('@')).unwrap_or(left);
        let left = match left.text.as_bytes().first() {
            Some(b'@') => Operand::Item(operand_steps(left.behind(1))?),
            None | Some(b'$' | b'/') => {
                return Err(left.error("A path from '@' stands on the left of a filter's operator"));
            }
            Some(_) => Operand::of_text(left.text),
        };
        let right = term.behind(position + operator_text.len()).trimmed();
        let is_pattern = right.text.len() > 1 && right.text.starts_with('/') && right.text.ends_with(['/', 'i']);
        let Some(operator) = operator else {
            let pattern = Regex::parse_literal(right.text)
                .map_err(|error| PathSyntaxError::new(error.message, right.offset + error.offset))?;
            return Ok(Term::Matches { left, pattern });
        };
        let right = match right.text.as_bytes().first() {
            None => return Err(right.error("Something stands on the right of a filter's operator")),
            Some(b'@') => Operand::Item(operand_steps(right.behind(1))?),
            Some(b'$') => Operand::Root(operand_steps(right.behind(1))?),
            Some(b'!') if right.text.starts_with("!@") => {
                return Err(right.error("An exclamation mark stands before a path that is not compared"));
            }
            // A regular expression can be compared with nothing, like an object.
            Some(_) if is_pattern && Regex::parse_literal(right.text).is_ok() => {
                Operand::Text(Value::empty_object(), None)
            }
            Some(_) => Operand::of_text(right.text),
        };
        Ok(Term::Compare { left, operator, right })
    }
}

/// All operators, in the order in which they are looked for; none for the regular expression.
const OPERATORS: [(&str, Option<Operator>); 7] = [
    ("==", Some(Operator::Equal)),
    (">=", Some(Operator::GreaterOrEqual)),
    ("<=", Some(Operator::LessOrEqual)),
    ("!=", Some(Operator::NotEqual)),
    ("<", Some(Operator::Less)),
    (">", Some(Operator::Greater)),
    ("=~", None),
];

impl Operand {
    fn value<'v>(&'v self, item: &'v Value, root: &'v Value) -> Option<&'v Value> {
        match self {
            Operand::Item(path) => resolve(path, item),
            Operand::Root(path) => resolve(path, root),
            Operand::Text(text, _) => Some(text),
        }
    }

    fn cost(&self) -> usize {
        match self {
            Operand::Item(path) | Operand::Root(path) => path.len(),
            Operand::Text(..) => 0,
        }
    }
}

/// Follows definite steps; nothing when one of them finds nothing or meets a value of the wrong kind.
fn resolve<'v>(path: &[Step], value: &'v Value) -> Option<&'v Value> {
    static NULL: Value = Value::Null;
    let item = |items: &'v [Value], index: i64| {
        usize::try_from(index).ok().and_then(|index| items.get(index)).unwrap_or(&NULL)
    };
    path.iter().try_fold(value, |value, step| match (step, value) {
        (Step::Key { key, .. }, Value::Object(object)) => object.get(key),
        (Step::Index(index), Value::Array(items)) => Some(item(items, i64::from(*index))),
        (Step::FromEnd(offset), Value::Array(items)) => Some(item(items, items.len() as i64 + i64::from(*offset))),
        _ => None,
    })
}

impl Operator {
    /// Compares the left value with the right one; `right` knows the number that a text writes.
    fn holds(self, actual: &Value, expected: &Value, right: &Operand) -> Result<bool, FilterFailure> {
        use Operator::*;
        let orders = matches!(self, Less | LessOrEqual | Greater | GreaterOrEqual);
        if orders && (actual.is_null() != expected.is_null()) {
            return Ok(false);
        }
        let Some(ordering) = order(actual, expected, right)? else { return Ok(false) };
        Ok(match self {
            Equal => ordering == Ordering::Equal,
            NotEqual => ordering != Ordering::Equal,
            Less => ordering == Ordering::Less,
            LessOrEqual => ordering != Ordering::Greater,
            Greater => ordering == Ordering::Greater,
            GreaterOrEqual => ordering != Ordering::Less,
        })
    }
}

/// How the left value stands to the right one; nothing when they cannot be compared.
///
/// The left value's type decides: for a number the right text is read as a number, for a boolean as a boolean.
/// `null` and the text `null` are the same, and before everything else when they are on the right.
fn order(actual: &Value, expected: &Value, right: &Operand) -> Result<Option<Ordering>, FilterFailure> {
    let nullish = |value: &Value| value.is_null() || value.as_str() == Some("null");
    match (nullish(actual), nullish(expected)) {
        (true, true) => return Ok(Some(Ordering::Equal)),
        (false, true) => return Ok(Some(Ordering::Greater)),
        (true, false) => return Ok(Some(Ordering::Less)),
        (false, false) => {}
    }
    Ok(match (actual, expected) {
        (Value::Str(actual), Value::Str(expected)) => Some(java::compare_strings(actual, expected)),
        (Value::Bool(actual), Value::Bool(expected)) => Some(actual.cmp(expected)),
        (Value::Bool(actual), Value::Str(expected)) => Some(actual.cmp(&expected.eq_ignore_ascii_case("true"))),
        (actual, Value::Str(expected)) => match Number::of_value(actual) {
            None => None,
            Some(actual) => match right {
                Operand::Text(_, Some(number)) => Some(actual.order(*number)),
                _ => Some(actual.order(Number::of_text(expected).map_err(FilterFailure::NotANumber)?)),
            },
        },
        (actual, expected) => match (Number::of_value(actual), Number::of_value(expected)) {
            (Some(actual), Some(expected)) => Some(actual.order(expected)),
            _ => None,
        },
    })
}

/// A number, exact as long as it is an integer within 64 bits.
#[derive(Clone, Copy, Debug)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn of_value(value: &Value) -> Option<Number> {
        value.as_i64().map(Number::Int).or_else(|| value.as_f64().map(Number::Float))
    }

    /// The number that `text` writes, as Java's BigDecimal reads it; its message when it is none.
    fn of_text(text: &str) -> Result<Number, String> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let wrong = mantissa.chars().find(|character| !(character.is_ascii_digit() || *character == '.'));
        if let Some(wrong) = wrong {
            return Err(format!(
                "Character {wrong} is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
            ));
        }
        let all_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if mantissa.matches('.').count() > 1 {
            return Err("Character array contains more than one decimal point.".to_owned());
        }
        if !all_digits(&mantissa.replacen('.', "", 1)) {
            return Err("No digits found.".to_owned());
        }
        if exponent.is_some_and(|exponent| !all_digits(exponent)) {
            return Err("No exponent digits.".to_owned());
        }
        if let Ok(int) = text.parse() {
            return Ok(Number::Int(int));
        }
        match text.parse::<f64>() {
            Ok(float) => Ok(Number::of_value(&Value::Float(float)).unwrap_or(Number::Float(float))),
            Err(_) => Err("No digits found.".to_owned()),
        }
    }

    fn order(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            _ => self.to_f64().partial_cmp(&other.to_f64()).unwrap_or(Ordering::Equal),
        }
    }

    fn to_f64(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }
}

/// Most terms of one filter.
const TERMS_MAX: usize = 1_000;

/// Where the filter's bracket closes; `inside` follows the opening one.
fn filter_end(inside: &str, offset: usize) -> Result<usize, PathSyntaxError> {
    // Jayway first looks for the bracket without heeding quotes, then for the end of the filter with heeding them.
    let fragment_end = closing_bracket(inside).unwrap_or(inside.len());
    let mut quote = None;
    let (mut parentheses, mut brackets) = (0_i32, 1_i32);
    let mut opened = false;
    let mut previous = b' ';
    for (position, byte) in inside.bytes().enumerate() {
        match byte {
            b'\'' if previous != b'\\' => quote = if quote.is_some() { None } else { Some(position) },
            _ if quote.is_some() => {}
            b'(' if parentheses == 0 && opened => {
                return Err(PathSyntaxError::new("A filter has one pair of parentheses around it", offset + position));
            }
            b'(' => {
                parentheses += 1;
                opened = true;
            }
            b')' => parentheses -= 1,
            b'[' => brackets += 1,
            b']' => {
                brackets -= 1;
                if parentheses == 0 {
                    let message = match position.cmp(&fragment_end) {
                        _ if brackets != 0 => "The brackets of this filter are not balanced",
                        Ordering::Equal => return Ok(position),
                        // What follows would be taken for a part of the filter and be ignored.
                        Ordering::Less if position + 1 < fragment_end => "A string in a filter cannot hold '['",
                        Ordering::Less => return Ok(position),
                        Ordering::Greater => "A string in a filter cannot hold ']'",
                    };
                    return Err(PathSyntaxError::new(message, offset));
                }
            }
            _ => {}
        }
        previous = byte;
    }
    Err(match quote {
        Some(quote) => PathSyntaxError::new("This string is not closed", offset + quote),
        None => PathSyntaxError::new("This filter is not closed", offset),
    })
}

/// A part of a path's text that knows its place in it.
#[derive(Clone, Copy)]
struct Piece<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Piece<'t> {
    fn new(text: &'t str, offset: usize) -> Piece<'t> {
        Piece { text, offset }
    }

    fn before(self, end: usize) -> Piece<'t> {
        Piece::new(&self.text[..end], self.offset)
    }

    fn behind(self, start: usize) -> Piece<'t> {
        Piece::new(&self.text[start..], self.offset + start)
    }

    fn strip_start(self, prefix: &str) -> Option<Piece<'t>> {
        self.text.starts_with(prefix).then(|| self.behind(prefix.len()))
    }

    fn strip_end(self, suffix: &str) -> Option<Piece<'t>> {
        self.text.strip_suffix(suffix).map(|text| Piece::new(text, self.offset))
    }

    fn trimmed(self) -> Piece<'t> {
        let start = self.text.len() - self.text.trim_start().len();
        Piece::new(self.text.trim(), self.offset + start)
    }

    /// Without any of these characters at its start and its end.
    fn trimmed_of(self, start: &[char], end: &[char]) -> Piece<'t> {
        let trimmed = self.text.trim_start_matches(start);
        Piece::new(trimmed.trim_end_matches(end), self.offset + self.text.len() - trimmed.len())
    }

    fn error(self, message: &str) -> PathSyntaxError {
        PathSyntaxError::new(message, self.offset)
    }
}

impl Operand {
    /// A text, without the single quotes around it; a backslash before a quote is dropped.
    fn of_text(text: &str) -> Operand {
        let unquoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
        let number = Number::of_text(unquoted).ok();
        Operand::Text(Value::from(unquoted.replace("\\'", "'")), number)
    }
}

/// The steps behind `@` or `$`, all of them definite.
fn operand_steps(text: Piece<'_>) -> Result<Vec<Step>, PathSyntaxError> {
    if !(text.text.is_empty() || text.text.starts_with(['.', '['])) {
        return Err(text.error("A path goes on with '.' or '[' here"));
    }
    let steps = parse_operand(text.text, text.offset)?;
    match steps.iter().all(|step| matches!(step, Step::Key { .. } | Step::Index(_) | Step::FromEnd(_))) {
        true => Ok(steps),
        false => Err(text.error("A path in a filter must be definite")),
    }
}
