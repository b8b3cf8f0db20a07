//! JSON text to values: one pass, bounded depth and size, errors with their place.

use std::fmt;

use crate::{DEPTH_MAX, Object, Str, Value, number};

/// What the parser accepts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting, in containers.
    pub depth_max: u32,
    /// Longest text, in bytes.
    pub bytes_max: usize,
    /// What happens when an object names a key twice.
    pub duplicate_keys: DuplicateKeys,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth_max: DEPTH_MAX, bytes_max: usize::MAX, duplicate_keys: DuplicateKeys::LastWins }
    }
}

/// What happens when an object names a key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// The last value counts, at the first one's place.
    LastWins,
    /// The text is refused.
    Reject,
}

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Byte offset in the text.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// What is wrong with a text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// The text ends inside a value, or is blank.
    UnexpectedEnd,
    /// A character that cannot stand here, and what could.
    UnexpectedCharacter(char, &'static str),
    /// A word that is neither `true`, `false` nor `null`.
    UnrecognizedToken(String),
    /// A string without its closing quote.
    UnterminatedString,
    /// A backslash followed by something that is no escape.
    InvalidEscape,
    /// An unescaped character below U+0020 in a string.
    ControlCharacter(char),
    /// An escape for half of a surrogate pair: no character at all.
    UnpairedSurrogate,
    /// A number that JSON does not allow, such as `01` or `1.`.
    InvalidNumber,
    /// Something follows the value.
    TrailingText,
    /// Nested deeper than [`Limits::depth_max`].
    TooDeep(u32),
    /// Longer than [`Limits::bytes_max`].
    TooLarge(usize),
    /// A key named twice where that is refused.
    DuplicateKey(String),
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseErrorKind::UnexpectedEnd => f.write_str("the text ends where a value or its rest is expected"),
            ParseErrorKind::UnexpectedCharacter(found, expected) => write!(f, "found {found:?} instead of {expected}"),
            ParseErrorKind::UnrecognizedToken(token) => {
                write!(f, "{token:?} is not a JSON value (strings need double quotes)")
            }
            ParseErrorKind::UnterminatedString => f.write_str("this string has no closing quote"),
            ParseErrorKind::InvalidEscape => f.write_str("a backslash must be followed by one of \"\\/bfnrt or uXXXX"),
            ParseErrorKind::ControlCharacter(found) => write!(f, "{found:?} must be escaped in a string"),
            ParseErrorKind::UnpairedSurrogate => f.write_str("half of a surrogate pair is not a character"),
            ParseErrorKind::InvalidNumber => f.write_str("this is not a JSON number"),
            ParseErrorKind::TrailingText => f.write_str("something follows the end of the value"),
            ParseErrorKind::TooDeep(max) => write!(f, "nested more than {max} deep"),
            ParseErrorKind::TooLarge(max) => write!(f, "longer than {max} bytes"),
            ParseErrorKind::DuplicateKey(key) => write!(f, "the key {key:?} occurs twice"),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.kind, self.line, self.column)
    }
}

impl std::error::Error for ParseError {}

/// Line and column (in characters), both from 1, of a byte offset.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.bytes().filter(|byte| *byte == b'\n').count(), 1 + before[line_start..].chars().count())
}

/// Parses a JSON text with the default [`Limits`].
///
/// # Errors
/// When `text` is not JSON or is nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Value, ParseError> {
    parse_with(text, &Limits::default())
}

/// Parses a JSON text.
///
/// # Errors
/// When `text` is not JSON or passes one of the `limits`.
pub fn parse_with(text: &str, limits: &Limits) -> Result<Value, ParseError> {
    let mut parser = Parser { scanner: Scanner::new(text), limits, values: Vec::new(), entries: Vec::new() };
    if text.len() > limits.bytes_max {
        return Err(parser.scanner.error_at(ParseErrorKind::TooLarge(limits.bytes_max), limits.bytes_max));
    }
    parser.scanner.skip_blanks();
    let value = parser.value(0)?;
    parser.scanner.end()?;
    Ok(value)
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    limits: &'t Limits,
    /// Items of the open arrays, so that each array is allocated once, at its size.
    values: Vec<Value>,
    /// Members of the open objects.
    entries: Vec<(Str, Value)>,
}

impl Parser<'_> {
    /// Parses the value at the scanner, which stands on its first byte.
    fn value(&mut self, depth: u32) -> Result<Value, ParseError> {
        match self.scanner.peek() {
            Some(b'"') => self.scanner.string().map(Value::Str),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            _ => self.scanner.scalar(),
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value, ParseError> {
        self.check_depth(depth)?;
        let start = self.values.len();
        self.scanner.advance();
        self.scanner.skip_blanks();
        if self.scanner.eat(b']') {
            return Ok(Value::from(Vec::new()));
        }
        loop {
            let value = self.value(depth)?;
            self.values.push(value);
            self.scanner.skip_blanks();
            if self.scanner.eat(b',') {
                self.scanner.skip_blanks();
            } else if self.scanner.eat(b']') {
                return Ok(Value::from(self.values.drain(start..).collect::<Vec<_>>()));
            } else {
                return Err(self.scanner.unexpected("',' or ']'"));
            }
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value, ParseError> {
        self.check_depth(depth)?;
        let start = self.entries.len();
        self.scanner.advance();
        self.scanner.skip_blanks();
        if self.scanner.eat(b'}') {
            return Ok(Value::empty_object());
        }
        loop {
            let key_offset = self.scanner.offset();
            let key = self.scanner.key()?;
            if self.limits.duplicate_keys == DuplicateKeys::Reject
                && self.entries[start..].iter().any(|(other, _)| *other == key)
            {
                return Err(self.scanner.error_at(ParseErrorKind::DuplicateKey(key.into()), key_offset));
            }
            let value = self.value(depth)?;
            self.entries.push((key, value));
            self.scanner.skip_blanks();
            if self.scanner.eat(b',') {
                self.scanner.skip_blanks();
            } else if self.scanner.eat(b'}') {
                return Ok(Value::Object(self.close_object(start)));
            } else {
                return Err(self.scanner.unexpected("',' or '}'"));
            }
        }
    }

    fn close_object(&mut self, start: usize) -> Object {
        let open = &self.entries[start..];
        // Comparing each pair is cheaper than hashing for the few keys that objects have.
        let distinct = open.len() <= 16
            && open.iter().enumerate().all(|(n, (key, _))| open[..n].iter().all(|(other, _)| other != key));
        let members = self.entries.drain(start..);
        if distinct { Object::from_distinct(members.collect()) } else { members.collect() }
    }

    fn check_depth(&self, depth: u32) -> Result<(), ParseError> {
        if depth > self.limits.depth_max {
            return Err(self.scanner.error(ParseErrorKind::TooDeep(self.limits.depth_max)));
        }
        Ok(())
    }
}

/// Reads the tokens of a JSON text one by one; for parsers that keep more than the value, such as positions.
pub struct Scanner<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Scanner<'t> {
    /// A scanner at the start of `text`.
    pub fn new(text: &'t str) -> Scanner<'t> {
        Scanner { text, offset: 0 }
    }

    /// Byte offset of what is read next.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The next byte.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Passes over one byte, which must be there and be ASCII.
    pub fn advance(&mut self) {
        self.offset += 1;
    }

    /// Passes over `byte` if it is next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.offset += usize::from(eaten);
        eaten
    }

    /// Passes over blanks.
    #[inline]
    pub fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.offset += 1;
        }
    }

    /// Passes over blanks up to the end of the text.
    ///
    /// # Errors
    /// When something else is left.
    pub fn end(&mut self) -> Result<(), ParseError> {
        self.skip_blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error(ParseErrorKind::TrailingText)),
        }
    }

    /// Reads a key and the colon behind it, up to the value's first byte.
    ///
    /// # Errors
    /// When no key stands here.
    pub fn key(&mut self) -> Result<Str, ParseError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let key = self.string()?;
        self.skip_blanks();
        if !self.eat(b':') {
            return Err(self.unexpected("':'"));
        }
        self.skip_blanks();
        Ok(key)
    }

    /// Reads a string; the scanner stands on its opening quote.
    ///
    /// # Errors
    /// When the string is not closed, holds a control character or an invalid escape.
    pub fn string(&mut self) -> Result<Str, ParseError> {
        let opening = self.offset;
        self.offset += 1;
        let start = self.offset;
        let end = self.plain_run();
        if self.peek() == Some(b'"') {
            self.offset += 1;
            return Ok(Str::new(&self.text[start..end]));
        }
        let mut text = String::from(&self.text[start..end]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(Str::from(text));
                }
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    text.push(escaped);
                }
                Some(byte) if byte < 0x20 => {
                    return Err(self.error(ParseErrorKind::ControlCharacter(char::from(byte))));
                }
                Some(_) => {
                    let start = self.offset;
                    let end = self.plain_run();
                    text.push_str(&self.text[start..end]);
                }
                None => return Err(self.error_at(ParseErrorKind::UnterminatedString, opening)),
            }
        }
    }

    /// Passes over the characters of a string that stand for themselves; gives back where they end.
    fn plain_run(&mut self) -> usize {
        let bytes = &self.text.as_bytes()[self.offset..];
        let length = bytes.iter().position(|byte| PLAIN_END[usize::from(*byte)]).unwrap_or(bytes.len());
        self.offset += length;
        self.offset
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.offset;
        self.offset += 1;
        let byte = self.peek();
        self.offset += 1;
        let escaped = match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.error_at(ParseErrorKind::InvalidEscape, start)),
        };
        Ok(escaped)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        let high = self.hex4(start)?;
        if let Some(single) = char::from_u32(high) {
            return Ok(single);
        }
        if high < 0xDC00 && self.eat(b'\\') && self.eat(b'u') {
            let low = self.hex4(start)?;
            if (0xDC00..0xE000).contains(&low) {
                let pair = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(pair).expect("a surrogate pair is a character"));
            }
        }
        Err(self.error_at(ParseErrorKind::UnpairedSurrogate, start))
    }

    fn hex4(&mut self, start: usize) -> Result<u32, ParseError> {
        let digits = self.text.as_bytes().get(self.offset..self.offset + 4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
        });
        self.offset += 4;
        unit.ok_or_else(|| self.error_at(ParseErrorKind::InvalidEscape, start))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// When what stands here is not a JSON number.
    pub fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.offset;
        self.eat(b'-');
        let whole = self.digits();
        let leading_zero = self.text.as_bytes()[self.offset - whole..].first() == Some(&b'0');
        let mut valid = whole == 1 || whole > 1 && !leading_zero;
        let mut plain = true;
        if self.eat(b'.') {
            plain = false;
            valid &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.peek() {
            plain = false;
            self.offset += 1;
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            valid &= self.digits() > 0;
        }
        if !valid {
            return Err(self.error_at(ParseErrorKind::InvalidNumber, start));
        }
        Ok(number::of_checked_text(&self.text[start..self.offset], plain))
    }

    fn digits(&mut self) -> usize {
        let start = self.offset;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.offset += 1;
        }
        self.offset - start
    }

    /// Reads a number, `true`, `false` or `null`.
    ///
    /// # Errors
    /// When none of them stands here.
    pub fn scalar(&mut self) -> Result<Value, ParseError> {
        let start = self.offset;
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => return self.number(),
            None => return Err(self.error(ParseErrorKind::UnexpectedEnd)),
            Some(_) => {}
        }
        let word_end = self.text[start..]
            .find(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$'))
            .map_or(self.text.len(), |length| start + length);
        self.offset = word_end;
        match &self.text[start..word_end] {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            "" => Err(self.unexpected("a value")),
            word => Err(self.error_at(ParseErrorKind::UnrecognizedToken(word.chars().take(80).collect()), start)),
        }
    }

    /// The error for what is next, when `expected` should stand here.
    pub fn unexpected(&self, expected: &'static str) -> ParseError {
        self.error(match self.text.get(self.offset..).and_then(|rest| rest.chars().next()) {
            Some(found) => ParseErrorKind::UnexpectedCharacter(found, expected),
            None => ParseErrorKind::UnexpectedEnd,
        })
    }

    /// An error at the scanner's place.
    pub fn error(&self, kind: ParseErrorKind) -> ParseError {
        self.error_at(kind, self.offset)
    }

    /// An error at another place of the text.
    pub fn error_at(&self, kind: ParseErrorKind, offset: usize) -> ParseError {
        let (line, column) = line_and_column(self.text, offset);
        ParseError { kind, offset, line, column }
    }
}

/// Bytes at which a run of plain string characters ends.
static PLAIN_END: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_what_and_where() {
        assert_eq!(error(""), "the text ends where a value or its rest is expected at line 1, column 1");
        assert_eq!(error("{\n  \"a\" 1}"), "found '1' instead of ':' at line 2, column 7");
        assert_eq!(error("[1,]"), "found ']' instead of a value at line 1, column 4");
        assert_eq!(error("[1 2]"), "found '2' instead of ',' or ']' at line 1, column 4");
        assert_eq!(error("nope"), "\"nope\" is not a JSON value (strings need double quotes) at line 1, column 1");
        assert_eq!(error("\"ab"), "this string has no closing quote at line 1, column 1");
        assert_eq!(error("1 2"), "something follows the end of the value at line 1, column 3");
        assert_eq!(error("01"), "this is not a JSON number at line 1, column 1");
        assert_eq!(error("-"), "this is not a JSON number at line 1, column 1");
        assert_eq!(error("1."), "this is not a JSON number at line 1, column 1");
        assert_eq!(error(r#""\x""#), "a backslash must be followed by one of \"\\/bfnrt or uXXXX at line 1, column 2");
        assert_eq!(error(r#""\ud800""#), "half of a surrogate pair is not a character at line 1, column 2");
        assert_eq!(error("\"a\tb\""), "'\\t' must be escaped in a string at line 1, column 3");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(1000)).is_ok());
        assert_eq!(parse(&nested(1001)).unwrap_err().kind, ParseErrorKind::TooDeep(1000));
        let limits = Limits { bytes_max: 4, ..Limits::default() };
        assert!(parse_with("[11]", &limits).is_ok());
        assert_eq!(parse_with("[111]", &limits).unwrap_err().kind, ParseErrorKind::TooLarge(4));
    }

    #[test]
    fn a_key_named_twice_keeps_its_last_value_or_is_refused() {
        let text = r#"{"a":1,"b":2,"a":3}"#;
        assert_eq!(parse(text).unwrap().to_string(), r#"{"a":3,"b":2}"#);
        let limits = Limits { duplicate_keys: DuplicateKeys::Reject, ..Limits::default() };
        assert_eq!(parse_with(text, &limits).unwrap_err().kind, ParseErrorKind::DuplicateKey("a".into()));
    }

    #[test]
    fn escapes_become_characters() {
        let text = r#""\u00e9\n\t\"\\\/\ud83d\ude00 é""#;
        assert_eq!(parse(text).unwrap().as_str(), Some("é\n\t\"\\/😀 é"));
    }
}
