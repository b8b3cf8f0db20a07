//! Tokens.

use stepwell_value::{Str, Value};

use crate::Profile;
use crate::error::{Error, Run};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    End,
    Name(Str),
    Variable(Str),
    Operator(&'static str),
    String(Str),
    Number(f64),
    Constant(Value),
    Regex { pattern: Str, ignore_case: bool, multi_line: bool },
}

impl Token {
    /// What error messages call the token.
    pub(crate) fn value(&self) -> Value {
        match self {
            Token::End => Value::from("(end)"),
            Token::Name(text) | Token::Variable(text) | Token::String(text) => Value::Str(text.clone()),
            Token::Operator(text) => Value::from(*text),
            Token::Number(number) => Value::number(*number),
            Token::Constant(value) => value.clone(),
            Token::Regex { .. } => Value::empty_object(),
        }
    }

    pub(crate) fn is(&self, operator: &str) -> bool {
        matches!(self, Token::Operator(text) if *text == operator)
    }
}

pub(crate) struct Tokenizer<'t> {
    text: &'t str,
    position: usize,
    profile: Profile,
}

const DOUBLE: [&str; 9] = ["..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"];
const SINGLE: [&str; 25] = [
    ".", "[", "]", "{", "}", "(", ")", ",", "@", "#", ";", ":", "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^",
    "&", "!",
];

impl<'t> Tokenizer<'t> {
    pub(crate) fn new(text: &'t str, profile: Profile) -> Tokenizer<'t> {
        Tokenizer { text, position: 0, profile }
    }

    /// Byte offset behind the last token.
    pub(crate) fn position(&self) -> u32 {
        self.position as u32
    }

    fn byte(&self, position: usize) -> u8 {
        self.text.as_bytes().get(position).copied().unwrap_or(0)
    }

    fn error(&self, code: &'static str, position: usize) -> Error {
        Error::new(code).at(position as u32)
    }

    /// The next token. After an operand (`infix`), `/` divides; elsewhere it starts a regular expression.
    pub(crate) fn next(&mut self, infix: bool) -> Run<Token> {
        self.skip_blanks_and_comments()?;
        if self.position >= self.text.len() {
            return Ok(Token::End);
        }
        let byte = self.byte(self.position);
        if byte == b'/' && !infix {
            self.position += 1;
            return self.regex();
        }
        if let Some(operator) = self.operator() {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        match byte {
            b'"' | b'\'' => self.string(byte),
            b'0'..=b'9' => self.number(),
            b'`' => self.quoted_name(),
            _ => Ok(self.name()),
        }
    }

    fn skip_blanks_and_comments(&mut self) -> Run<()> {
        loop {
            while is_blank(self.byte(self.position)) {
                self.position += 1;
            }
            if !self.text.as_bytes()[self.position.min(self.text.len())..].starts_with(b"/*") {
                return Ok(());
            }
            match memchr::memmem::find(&self.text.as_bytes()[self.position + 2..], b"*/") {
                Some(length) => self.position += 2 + length + 2,
                None => return self.error("S0106", self.position).boxed(),
            }
        }
    }

    fn operator(&self) -> Option<&'static str> {
        let rest = &self.text.as_bytes()[self.position..];
        if let [first, second, ..] = rest {
            let double = DOUBLE.iter().find(|operator| operator.as_bytes() == [*first, *second]);
            if let Some(double) = double
                && (self.profile.has_default_operators() || !matches!(*double, "?:" | "??"))
            {
                return Some(double);
            }
        }
        if rest[0] == b'~' {
            return Some("~");
        }
        SINGLE.iter().find(|operator| operator.as_bytes()[0] == rest[0]).copied()
    }

    fn regex(&mut self) -> Run<Token> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        let mut depth = 0_i64;
        while self.position < bytes.len() {
            let byte = bytes[self.position];
            if byte == b'/' && depth == 0 {
                let backslashes = bytes[..self.position].iter().rev().take_while(|byte| **byte == b'\\').count();
                if backslashes % 2 == 0 {
                    break;
                }
            }
            if bytes[self.position - 1] != b'\\' {
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth -= 1,
                    _ => {}
                }
            }
            self.position += 1;
        }
        if self.position >= bytes.len() {
            return self.error("S0302", self.position).boxed();
        }
        let pattern = Str::new(&self.text[start..self.position]);
        if pattern.is_empty() {
            return self.error("S0301", self.position).boxed();
        }
        self.position += 1;
        let (mut ignore_case, mut multi_line) = (false, false);
        loop {
            match self.byte(self.position) {
                b'i' => ignore_case = true,
                b'm' => multi_line = true,
                _ => break,
            }
            self.position += 1;
        }
        Ok(Token::Regex { pattern, ignore_case, multi_line })
    }

    fn string(&mut self, quote: u8) -> Run<Token> {
        let bytes = self.text.as_bytes();
        self.position += 1;
        let mut text = String::new();
        let mut high_surrogate = None;
        loop {
            let rest = &bytes[self.position..];
            let Some(length) = memchr::memchr2(quote, b'\\', rest) else {
                return self.error("S0101", bytes.len()).boxed();
            };
            if length > 0 {
                flush_surrogate(&mut high_surrogate, &mut text);
                text.push_str(&self.text[self.position..self.position + length]);
            }
            self.position += length;
            if bytes[self.position] == quote {
                flush_surrogate(&mut high_surrogate, &mut text);
                self.position += 1;
                return Ok(Token::String(Str::from(text)));
            }
            self.position += 1;
            let plain = match self.byte(self.position) {
                byte @ (b'"' | b'\\' | b'/') => byte as char,
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    let unit = bytes
                        .get(self.position + 1..self.position + 5)
                        .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                        .and_then(|digits| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
                    let Some(unit) = unit else {
                        return self.error("S0104", self.position).boxed();
                    };
                    self.position += 5;
                    push_unit(unit, &mut high_surrogate, &mut text);
                    continue;
                }
                _ => {
                    let token = self.text[self.position..].chars().next().map(String::from).unwrap_or_default();
                    return self.error("S0103", self.position).token(token).boxed();
                }
            };
            flush_surrogate(&mut high_surrogate, &mut text);
            text.push(plain);
            self.position += 1;
        }
    }

    fn number(&mut self) -> Run<Token> {
        let start = self.position;
        let digits = |from: usize| {
            self.text.as_bytes()[from.min(self.text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut end = start + if self.byte(start) == b'0' { 1 } else { digits(start) };
        if self.byte(end) == b'.' && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            if digits(end + 1 + sign) > 0 {
                end += 1 + sign + digits(end + 1 + sign);
            }
        }
        let text = &self.text[start..end];
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.position = end;
                Ok(Token::Number(number))
            }
            _ => self.error("S0102", start).token(text).boxed(),
        }
    }

    fn quoted_name(&mut self) -> Run<Token> {
        let start = self.position + 1;
        match memchr::memchr(b'`', &self.text.as_bytes()[start..]) {
            Some(length) => {
                self.position = start + length + 1;
                Ok(Token::Name(Str::new(&self.text[start..start + length])))
            }
            None => self.error("S0105", self.text.len()).boxed(),
        }
    }

    fn name(&mut self) -> Token {
        let bytes = self.text.as_bytes();
        let start = self.position;
        let mut end = start;
        while end < bytes.len() && !is_blank(bytes[end]) && !is_operator_byte(bytes[end]) {
            end += 1;
        }
        self.position = end;
        if bytes[start] == b'$' {
            return Token::Variable(Str::new(&self.text[start + 1..end]));
        }
        match &self.text[start..end] {
            "or" => Token::Operator("or"),
            "in" => Token::Operator("in"),
            "and" => Token::Operator("and"),
            "true" => Token::Constant(Value::Bool(true)),
            "false" => Token::Constant(Value::Bool(false)),
            "null" => Token::Constant(Value::Null),
            name => Token::Name(Str::new(name)),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b)
}

fn is_operator_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'.' | b'['
            | b']'
            | b'{'
            | b'}'
            | b'('
            | b')'
            | b','
            | b'@'
            | b'#'
            | b';'
            | b':'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'|'
            | b'='
            | b'<'
            | b'>'
            | b'^'
            | b'&'
            | b'!'
            | b'~'
    )
}

/// Takes up one `\u` escape. UTF-8 has no lone surrogates: they become U+FFFD.
fn push_unit(unit: u16, high_surrogate: &mut Option<u16>, text: &mut String) {
    match (high_surrogate.take(), unit) {
        (Some(high), 0xdc00..=0xdfff) => {
            text.extend(char::decode_utf16([high, unit]).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        (pending, _) => {
            if pending.is_some() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
            match unit {
                0xd800..=0xdbff => *high_surrogate = Some(unit),
                _ => text.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
            }
        }
    }
}

fn flush_surrogate(high_surrogate: &mut Option<u16>, text: &mut String) {
    if high_surrogate.take().is_some() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
}
