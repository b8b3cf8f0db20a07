//! Tokens.

use std::borrow::Cow;

use stepwell_value::Value;

use crate::Profile;
use crate::error::{Error, Run};

/// One word of an expression; names are pieces of its text.
#[derive(Debug, PartialEq)]
pub(crate) enum Token<'t> {
    End,
    Name(&'t str),
    /// Without its `$`.
    Variable(&'t str),
    Symbol(Symbol),
    /// The text that is meant: a piece of the expression's where that has no escapes.
    String(Cow<'t, str>),
    Number(f64),
    Boolean(bool),
    Null,
    Regex {
        pattern: &'t str,
        ignore_case: bool,
        multi_line: bool,
    },
}

impl Token<'_> {
    /// What error messages call the token.
    pub(crate) fn value(&self) -> Value {
        match self {
            Token::End => Value::from("(end)"),
            Token::Name(text) | Token::Variable(text) => Value::from(*text),
            Token::Symbol(symbol) => Value::from(symbol.text()),
            Token::String(text) => Value::from(&**text),
            Token::Number(number) => Value::number(*number),
            Token::Boolean(bool) => Value::Bool(*bool),
            Token::Null => Value::Null,
            Token::Regex { .. } => Value::empty_object(),
        }
    }

    pub(crate) fn is(&self, symbol: Symbol) -> bool {
        matches!(self, Token::Symbol(other) if *other == symbol)
    }
}

/// Operators and punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Dot,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    ParenthesisOpen,
    ParenthesisClose,
    Comma,
    At,
    Hash,
    Semicolon,
    Colon,
    Question,
    Bar,
    Caret,
    Bang,
    Tilde,
    /// An operator between two values; `Minus`, `Star` and `Percent` also stand alone.
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Ampersand,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Range,
    Descendants,
    Assign,
    Apply,
    Elvis,
    Coalesce,
    And,
    Or,
    In,
}

impl Symbol {
    /// How it is written.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Symbol::Dot => ".",
            Symbol::BracketOpen => "[",
            Symbol::BracketClose => "]",
            Symbol::BraceOpen => "{",
            Symbol::BraceClose => "}",
            Symbol::ParenthesisOpen => "(",
            Symbol::ParenthesisClose => ")",
            Symbol::Comma => ",",
            Symbol::At => "@",
            Symbol::Hash => "#",
            Symbol::Semicolon => ";",
            Symbol::Colon => ":",
            Symbol::Question => "?",
            Symbol::Bar => "|",
            Symbol::Caret => "^",
            Symbol::Bang => "!",
            Symbol::Tilde => "~",
            Symbol::Plus => "+",
            Symbol::Minus => "-",
            Symbol::Star => "*",
            Symbol::Slash => "/",
            Symbol::Percent => "%",
            Symbol::Ampersand => "&",
            Symbol::Equal => "=",
            Symbol::NotEqual => "!=",
            Symbol::Less => "<",
            Symbol::LessEqual => "<=",
            Symbol::Greater => ">",
            Symbol::GreaterEqual => ">=",
            Symbol::Range => "..",
            Symbol::Descendants => "**",
            Symbol::Assign => ":=",
            Symbol::Apply => "~>",
            Symbol::Elvis => "?:",
            Symbol::Coalesce => "??",
            Symbol::And => "and",
            Symbol::Or => "or",
            Symbol::In => "in",
        }
    }
}

pub(crate) struct Tokenizer<'t> {
    text: &'t str,
    position: usize,
    profile: Profile,
    /// The token that was read last. It is written in place: handing it on by value takes longer than reading it.
    pub(crate) token: Token<'t>,
}

impl<'t> Tokenizer<'t> {
    pub(crate) fn new(text: &'t str, profile: Profile) -> Tokenizer<'t> {
        Tokenizer { text, position: 0, profile, token: Token::End }
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

    /// Reads the next token. After an operand (`infix`), `/` divides; elsewhere it starts a regular expression.
    pub(crate) fn advance(&mut self, infix: bool) -> Run<()> {
        self.skip_blanks_and_comments()?;
        if self.position >= self.text.len() {
            self.token = Token::End;
            return Ok(());
        }
        let byte = self.byte(self.position);
        match CLASSES[usize::from(byte)] {
            Class::Symbol if byte == b'/' && !infix => {
                self.position += 1;
                return self.regex();
            }
            Class::Symbol => self.token = Token::Symbol(self.symbol(byte)),
            Class::Name => match byte {
                b'"' | b'\'' => return self.string(byte),
                b'0'..=b'9' => return self.number(),
                b'`' => return self.quoted_name(),
                _ => self.name(),
            },
            Class::Blank => unreachable!("blanks were skipped"),
        }
        Ok(())
    }

    fn skip_blanks_and_comments(&mut self) -> Run<()> {
        loop {
            while CLASSES[usize::from(self.byte(self.position))] == Class::Blank {
                self.position += 1;
            }
            if self.byte(self.position) != b'/' || self.byte(self.position + 1) != b'*' {
                return Ok(());
            }
            match memchr::memmem::find(&self.text.as_bytes()[self.position + 2..], b"*/") {
                Some(length) => self.position += 2 + length + 2,
                None => return self.error("S0106", self.position).boxed(),
            }
        }
    }

    /// The symbol that starts with the byte `first`, which is one of [`Class::Symbol`].
    fn symbol(&mut self, first: u8) -> Symbol {
        let has_default_operators = self.profile.has_default_operators();
        let (symbol, length) = match (first, self.byte(self.position + 1)) {
            (b'.', b'.') => (Symbol::Range, 2),
            (b':', b'=') => (Symbol::Assign, 2),
            (b'!', b'=') => (Symbol::NotEqual, 2),
            (b'>', b'=') => (Symbol::GreaterEqual, 2),
            (b'<', b'=') => (Symbol::LessEqual, 2),
            (b'*', b'*') => (Symbol::Descendants, 2),
            (b'~', b'>') => (Symbol::Apply, 2),
            (b'?', b':') if has_default_operators => (Symbol::Elvis, 2),
            (b'?', b'?') if has_default_operators => (Symbol::Coalesce, 2),
            (b'.', _) => (Symbol::Dot, 1),
            (b'[', _) => (Symbol::BracketOpen, 1),
            (b']', _) => (Symbol::BracketClose, 1),
            (b'{', _) => (Symbol::BraceOpen, 1),
            (b'}', _) => (Symbol::BraceClose, 1),
            (b'(', _) => (Symbol::ParenthesisOpen, 1),
            (b')', _) => (Symbol::ParenthesisClose, 1),
            (b',', _) => (Symbol::Comma, 1),
            (b'@', _) => (Symbol::At, 1),
            (b'#', _) => (Symbol::Hash, 1),
            (b';', _) => (Symbol::Semicolon, 1),
            (b':', _) => (Symbol::Colon, 1),
            (b'?', _) => (Symbol::Question, 1),
            (b'+', _) => (Symbol::Plus, 1),
            (b'-', _) => (Symbol::Minus, 1),
            (b'*', _) => (Symbol::Star, 1),
            (b'/', _) => (Symbol::Slash, 1),
            (b'%', _) => (Symbol::Percent, 1),
            (b'|', _) => (Symbol::Bar, 1),
            (b'=', _) => (Symbol::Equal, 1),
            (b'<', _) => (Symbol::Less, 1),
            (b'>', _) => (Symbol::Greater, 1),
            (b'^', _) => (Symbol::Caret, 1),
            (b'&', _) => (Symbol::Ampersand, 1),
            (b'!', _) => (Symbol::Bang, 1),
            (b'~', _) => (Symbol::Tilde, 1),
            _ => unreachable!("no symbol starts with byte {first}"),
        };
        self.position += length;
        symbol
    }

    fn regex(&mut self) -> Run<()> {
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
        let pattern = &self.text[start..self.position];
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
        self.token = Token::Regex { pattern, ignore_case, multi_line };
        Ok(())
    }

    fn string(&mut self, quote: u8) -> Run<()> {
        let bytes = self.text.as_bytes();
        self.position += 1;
        let start = self.position;
        let mut text = String::new();
        let mut high_surrogate = None;
        loop {
            let rest = &bytes[self.position..];
            let Some(length) = memchr::memchr2(quote, b'\\', rest) else {
                return self.error("S0101", bytes.len()).boxed();
            };
            let piece = &self.text[self.position..self.position + length];
            let is_whole = self.position == start && bytes[start + length] == quote;
            self.position += length;
            if is_whole {
                self.position += 1;
                self.token = Token::String(Cow::Borrowed(piece));
                return Ok(());
            }
            if length > 0 {
                flush_surrogate(&mut high_surrogate, &mut text);
                text.push_str(piece);
            }
            if bytes[self.position] == quote {
                flush_surrogate(&mut high_surrogate, &mut text);
                self.position += 1;
                self.token = Token::String(Cow::Owned(text));
                return Ok(());
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

    fn number(&mut self) -> Run<()> {
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
                self.token = Token::Number(number);
                Ok(())
            }
            _ => self.error("S0102", start).token(text).boxed(),
        }
    }

    fn quoted_name(&mut self) -> Run<()> {
        let start = self.position + 1;
        match memchr::memchr(b'`', &self.text.as_bytes()[start..]) {
            Some(length) => {
                self.position = start + length + 1;
                self.token = Token::Name(&self.text[start..start + length]);
                Ok(())
            }
            None => self.error("S0105", self.text.len()).boxed(),
        }
    }

    fn name(&mut self) {
        let rest = &self.text[self.position..];
        let is_name = |byte: &u8| CLASSES[usize::from(*byte)] == Class::Name;
        let name = &rest[..rest.bytes().take_while(is_name).count()];
        self.position += name.len();
        if let Some(variable) = name.strip_prefix('$') {
            self.token = Token::Variable(variable);
            return;
        }
        self.token = match name {
            "or" => Token::Symbol(Symbol::Or),
            "in" => Token::Symbol(Symbol::In),
            "and" => Token::Symbol(Symbol::And),
            "true" => Token::Boolean(true),
            "false" => Token::Boolean(false),
            "null" => Token::Null,
            name => Token::Name(name),
        };
    }
}

/// What a byte is where a token may begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    /// Part of an operator or a bracket; ends a name.
    Symbol,
    /// Everything else: names, numbers, quotes.
    Name,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Name; 256];
    let mut mark = 0;
    const BLANKS: &[u8] = b" \t\n\r\x0b";
    while mark < BLANKS.len() {
        classes[BLANKS[mark] as usize] = Class::Blank;
        mark += 1;
    }
    mark = 0;
    const SYMBOLS: &[u8] = b".[]{}(),@#;:?+-*/%|=<>^&!~";
    while mark < SYMBOLS.len() {
        classes[SYMBOLS[mark] as usize] = Class::Symbol;
        mark += 1;
    }
    classes
};

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
