//! Call text to calls.

use std::fmt;

use stepwell_value::{Str, Value, number_from_text};

use super::{Argument, Call, FUNCTIONS, NESTING_MAX};
use crate::jsonpath;

/// Why a text is not a call of an intrinsic function, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSyntaxError {
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// Byte offset in the text.
    pub offset: usize,
}

impl fmt::Display for CallSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for CallSyntaxError {}

/// Parses the whole text. Blanks may stand around arguments and at the end, but not before the call.
pub(super) fn parse(text: &str) -> Result<Call, CallSyntaxError> {
    let mut parser = Parser { text, offset: 0 };
    let call = parser.call(1)?;
    parser.skip_blanks();
    match parser.offset < text.len() {
        true => Err(parser.error("Something follows the end of the call")),
        false => Ok(call),
    }
}

struct Parser<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Parser<'t> {
    /// `level`: how deeply the call is nested, 1 for the outermost.
    fn call(&mut self, level: usize) -> Result<Call, CallSyntaxError> {
        let start = self.offset;
        if level > NESTING_MAX {
            return Err(self.error(format!("Calls can be nested {NESTING_MAX} deep")));
        }
        let Some(rest) = self.rest().strip_prefix("States.") else {
            return Err(self.error("The call of an intrinsic function starts with 'States.'"));
        };
        let length = rest.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = &rest[..length];
        let Some((_, function, least, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return Err(self.error(format!("There is no intrinsic function States.{name}")));
        };
        self.offset += "States.".len() + length;
        if !self.eat(b'(') {
            return Err(self.error("An opening parenthesis follows the name of the function"));
        }
        let mut arguments = Vec::new();
        self.skip_blanks();
        if !self.eat(b')') {
            loop {
                self.skip_blanks();
                arguments.push(self.argument(level)?);
                self.skip_blanks();
                if self.eat(b')') {
                    break;
                }
                if !self.eat(b',') {
                    return Err(self.error("A comma or the closing parenthesis of the call is missing"));
                }
            }
        }
        if !(*least..=*most).contains(&arguments.len()) {
            let expected = match (least, most) {
                (least, most) if least == most => format!("{least}"),
                (least, &usize::MAX) => format!("at least {least}"),
                (least, most) => format!("{least} to {most}"),
            };
            let message = format!("States.{name} takes {expected} arguments, not {}", arguments.len());
            return Err(CallSyntaxError { message, offset: start });
        }
        Ok(Call { text: Str::new(&self.text[start..self.offset]), function: *function, arguments })
    }

    fn argument(&mut self, level: usize) -> Result<Argument, CallSyntaxError> {
        match self.peek() {
            Some(b'\'') => self.string(),
            Some(b'$') => {
                let (path, end) = jsonpath::parse_prefix(self.text, self.offset)
                    .map_err(|error| CallSyntaxError { message: error.message, offset: error.offset })?;
                self.offset = end;
                Ok(Argument::Path(path))
            }
            Some(b'S') => self.call(level + 1).map(Argument::Call),
            _ => self.constant(),
        }
    }

    /// A number, `true`, `false` or `null`.
    fn constant(&mut self) -> Result<Argument, CallSyntaxError> {
        let rest = self.rest();
        let length = rest.find([',', ')', ' ', '\t', '\r', '\n']);
        let word = &rest[..length.unwrap_or(rest.len())];
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            number => match number_from_text(number) {
                Some(number) => number,
                None => {
                    return Err(self.error(
                        "An argument is a path, a call, a number, true, false, null or a string in single quotes",
                    ));
                }
            },
        };
        self.offset += word.len();
        Ok(Argument::Constant(value))
    }

    /// `'…'`; a backslash stands before `'`, `{`, `}` and `\` only.
    fn string(&mut self) -> Result<Argument, CallSyntaxError> {
        let start = self.offset;
        let inside = &self.text[start + 1..];
        let mut value = String::new();
        let mut characters = inside.char_indices();
        while let Some((position, character)) = characters.next() {
            match character {
                '\'' => {
                    self.offset = start + 1 + position + 1;
                    return Ok(Argument::Text { value: value.into(), written: Str::new(&inside[..position]) });
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\'' | '{' | '}' | '\\'))) => value.push(escaped),
                    _ => {
                        self.offset = start + 1 + position;
                        return Err(self.error(r"A backslash can stand before ', {, } and \ only"));
                    }
                },
                character => value.push(character),
            }
        }
        Err(self.error("This string is not closed"))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn eat(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        self.offset += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.offset += 1;
        }
    }

    fn error(&self, message: impl Into<String>) -> CallSyntaxError {
        CallSyntaxError { message: message.into(), offset: self.offset }
    }
}
