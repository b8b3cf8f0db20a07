//! Filters `[?(…)]`: their syntax, and which values they keep.

use std::cmp::Ordering;

use stepwell_value::{Str, Value};

use super::Step;
use super::parse::{PathSyntaxError, parse_operand};
use super::regex::Regex;
use crate::java;

/// A filter: terms joined by `&&` and `||`.
#[derive(Debug)]
pub(super) struct Filter {
    expression: Expression,
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
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    /// `!(…)`, which matches nothing in Jayway 2.0.0.
    Never,
    Exists {
        path: Vec<Step>,
        expected: bool,
    },
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    Matches {
        left: Operand,
        pattern: Regex,
    },
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
        let mut parser = Parser { text: inside, position: 0, offset };
        parser.skip_blanks();
        parser.position += 1;
        parser.skip_blanks();
        parser.expect('(', "A filter is written [?(…)]")?;
        let expression = parser.expression()?;
        parser.expect(')', "This filter's parenthesis is not closed")?;
        parser.skip_blanks();
        parser.expect(']', "This filter's bracket is not closed")?;
        let cost = expression.cost();
        Ok((Filter { expression, cost }, parser.position))
    }

    /// Whether the filter keeps `item`; `root` is the value that the whole path is applied to.
    pub(super) fn keeps(&self, item: &Value, root: &Value) -> Result<bool, FilterFailure> {
        self.expression.holds(item, root)
    }

    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}

impl Expression {
    fn holds(&self, item: &Value, root: &Value) -> Result<bool, FilterFailure> {
        match self {
            Expression::Or(alternatives) => {
                for alternative in alternatives {
                    if alternative.holds(item, root)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Expression::And(conditions) => {
                for condition in conditions {
                    if !condition.holds(item, root)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Expression::Never => Ok(false),
            Expression::Exists { path, expected } => {
                Ok(*expected == resolve(path, item).is_some_and(|value| !value.is_null()))
            }
            Expression::Compare { left, operator, right } => {
                let (Some(actual), Some(expected)) = (left.value(item, root), right.value(item, root)) else {
                    return Ok(false);
                };
                operator.holds(actual, expected, right)
            }
            Expression::Matches { left, pattern } => match left.value(item, root) {
                Some(Value::Str(text)) => pattern.matches(text).ok_or(FilterFailure::TooLarge),
                _ => Ok(false),
            },
        }
    }

    fn cost(&self) -> usize {
        match self {
            Expression::Or(parts) | Expression::And(parts) => parts.iter().map(Expression::cost).sum(),
            Expression::Never => 1,
            Expression::Exists { path, .. } => 1 + path.len(),
            Expression::Compare { left, right, .. } => 1 + left.cost() + right.cost(),
            Expression::Matches { left, .. } => 1 + left.cost(),
        }
    }
}

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

struct Parser<'t> {
    text: &'t str,
    position: usize,
    /// Place of `text` in the path.
    offset: usize,
}

impl<'t> Parser<'t> {
    /// Terms up to the filter's own closing parenthesis; `&&` binds more tightly than `||`.
    ///
    /// Jayway 2.0.0 splits at the operators and drops parentheses around terms: they group nothing, so that
    /// `(a || b) && c` keeps what `a || b && c` keeps.
    fn expression(&mut self) -> Result<Expression, PathSyntaxError> {
        let mut alternatives = vec![Vec::new()];
        let mut open = 0;
        for _ in 0..TERMS_MAX {
            self.skip_blanks();
            let negated = self.rest().strip_prefix('!').is_some_and(|behind| behind.trim_start().starts_with('('));
            if negated {
                self.position += 1;
                self.skip_blanks();
            }
            while self.eat("(") {
                open += 1;
                if open > 1 {
                    return Err(self.error("A filter can have one level of parentheses"));
                }
                self.skip_blanks();
            }
            let term = self.term()?;
            if let Some(conditions) = alternatives.last_mut() {
                conditions.push(if negated { Expression::Never } else { term });
            }
            self.skip_blanks();
            while open > 0 && self.eat(")") {
                open -= 1;
                self.skip_blanks();
            }
            if self.eat("||") {
                alternatives.push(Vec::new());
            } else if !self.eat("&&") {
                if open > 0 {
                    return Err(self.error("This parenthesis is not closed"));
                }
                let conjunctions = alternatives.into_iter().map(|conditions| joined(conditions, Expression::And));
                return Ok(joined(conjunctions.collect(), Expression::Or));
            }
        }
        Err(self.error(&format!("A filter has at most {TERMS_MAX} terms")))
    }

    fn term(&mut self) -> Result<Expression, PathSyntaxError> {
        let left_place = self.offset + self.position;
        let left = self.span(true)?;
        let Some(operator) = self.operator()? else {
            let (path, expected) = match left.strip_prefix('!') {
                Some(path) => (path.trim_start(), false),
                None => (left, true),
            };
            let Some(steps) = path.strip_prefix('@') else {
                return Err(PathSyntaxError::new("A filter tests '@' or a path from it", left_place));
            };
            return Ok(Expression::Exists { path: operand_steps(steps, left_place)?, expected });
        };
        let left = match left.strip_prefix('@') {
            Some(steps) => Operand::Item(operand_steps(steps, left_place)?),
            None if left.starts_with(['$', '!']) || left.is_empty() => {
                return Err(PathSyntaxError::new(
                    "A path from '@' stands on the left of a filter's operator",
                    left_place,
                ));
            }
            None if left.contains(' ') && !left.starts_with('\'') => {
                return Err(PathSyntaxError::new("Space not allowed in path", left_place));
            }
            None => Operand::of_text(left),
        };
        self.skip_blanks();
        let right_place = self.offset + self.position;
        let Some(operator) = operator else {
            let (pattern, length) = Regex::parse_literal(self.rest())
                .map_err(|error| PathSyntaxError::new(error.message, right_place + error.offset))?;
            self.position += length;
            self.skip_blanks();
            return Ok(Expression::Matches { left, pattern });
        };
        let right = self.span(false)?;
        let right = match right.as_bytes().first() {
            None => {
                return Err(PathSyntaxError::new("Something stands on the right of a filter's operator", right_place));
            }
            Some(b'@') => Operand::Item(operand_steps(&right[1..], right_place)?),
            Some(b'$') => Operand::Root(operand_steps(&right[1..], right_place)?),
            Some(_) => Operand::of_text(right),
        };
        Ok(Expression::Compare { left, operator, right })
    }

    /// The text up to an operator (if `to_operator`), to `&&` or `||`, or to a parenthesis or bracket that closes
    /// something outside; trimmed.
    fn span(&mut self, to_operator: bool) -> Result<&'t str, PathSyntaxError> {
        let start = self.position;
        let bytes = self.text.as_bytes();
        let (mut parentheses, mut brackets) = (0_usize, 0_usize);
        let mut quote = None;
        while let Some(byte) = bytes.get(self.position) {
            let in_quotes = quote.is_some();
            let joins = matches!(byte, b'&' | b'|') && bytes.get(self.position + 1) == Some(byte);
            match byte {
                b'\'' => quote = (!in_quotes).then_some(self.position),
                b']' if in_quotes && brackets == 0 && self.rest().contains('\'') => {
                    return Err(self.error("A string in a filter cannot hold ']'"));
                }
                _ if in_quotes && joins => return Err(self.error("A string in a filter cannot hold '&&' or '||'")),
                _ if in_quotes => {}
                b'(' => parentheses += 1,
                b')' if parentheses == 0 => break,
                b')' => parentheses -= 1,
                b'[' => brackets += 1,
                b']' if brackets == 0 => break,
                b']' => brackets -= 1,
                b'=' | b'<' | b'>' if to_operator && brackets == 0 => break,
                b'!' if to_operator && brackets == 0 && bytes.get(self.position + 1) == Some(&b'=') => break,
                _ if joins => break,
                _ => {}
            }
            self.position += 1;
        }
        if let Some(quote) = quote {
            return Err(PathSyntaxError::new("This string is not closed", self.offset + quote));
        }
        Ok(self.text[start..self.position].trim())
    }

    /// The operator here: none at the end of a term, `Some(None)` for `=~`.
    fn operator(&mut self) -> Result<Option<Option<Operator>>, PathSyntaxError> {
        const OPERATORS: [(&str, Option<Operator>); 7] = [
            ("=~", None),
            ("==", Some(Operator::Equal)),
            ("!=", Some(Operator::NotEqual)),
            ("<=", Some(Operator::LessOrEqual)),
            (">=", Some(Operator::GreaterOrEqual)),
            ("<", Some(Operator::Less)),
            (">", Some(Operator::Greater)),
        ];
        for (text, operator) in OPERATORS {
            if self.eat(text) {
                return Ok(Some(operator));
            }
        }
        if self.rest().starts_with('=') {
            return Err(self.error("A filter compares with '=='"));
        }
        Ok(None)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.position += expected.len();
        }
        found
    }

    fn expect(&mut self, expected: char, message: &str) -> Result<(), PathSyntaxError> {
        match self.rest().starts_with(expected) {
            true => {
                self.position += expected.len_utf8();
                Ok(())
            }
            false => Err(self.error(message)),
        }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn error(&self, message: &str) -> PathSyntaxError {
        PathSyntaxError::new(message, self.offset + self.position)
    }
}

/// One part alone, or several joined.
fn joined(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

impl Operand {
    /// A text, without the single quotes around it.
    fn of_text(text: &str) -> Operand {
        let unquoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
        Operand::Text(Value::Str(Str::new(unquoted)), Number::of_text(unquoted).ok())
    }
}

/// The steps behind `@` or `$`, all of them definite.
fn operand_steps(text: &str, place: usize) -> Result<Vec<Step>, PathSyntaxError> {
    if !(text.is_empty() || text.starts_with(['.', '['])) {
        return Err(PathSyntaxError::new("A path goes on with '.' or '[' here", place + 1));
    }
    let steps = parse_operand(text, place + 1)?;
    match steps.iter().all(|step| matches!(step, Step::Key { .. } | Step::Index(_) | Step::FromEnd(_))) {
        true => Ok(steps),
        false => Err(PathSyntaxError::new("A path in a filter must be definite", place)),
    }
}
