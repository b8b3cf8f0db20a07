//! JSON text to a tree with positions.

use stepwell_value::{ParseError, Scanner, Str};

use super::members::Members;
use super::{DEFINITION_DEPTH_MAX, Member, Node, NodeKind, Span, jackson, too_deep};
use crate::diagnostic::{Code, Diagnostic};

/// Reads a JSON text.
pub(super) fn parse(text: &str) -> Result<Node, Box<Diagnostic>> {
    let mut parser = Parser { scanner: Scanner::new(text) };
    parser.scanner.skip_blanks();
    let read = parser.value(0).and_then(|root| {
        parser.scanner.end()?;
        Ok(root)
    });
    read.map_err(|failure| match failure {
        Failure::Syntax(error) => Box::new(invalid(text, &error)),
        Failure::TooDeep(span) => too_deep(span),
    })
}

enum Failure {
    Syntax(ParseError),
    TooDeep(Span),
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Failure {
        Failure::Syntax(error)
    }
}

/// The diagnostic for a text that is no JSON: AWS's words for it, and ours.
fn invalid(text: &str, error: &ParseError) -> Diagnostic {
    let complaint = jackson::complaint(text);
    let message = complaint.as_ref().map_or_else(|| error.kind.to_string(), |complaint| complaint.message.clone());
    let mut diagnostic = Diagnostic::error(Code::InvalidJsonDescription, message);
    diagnostic.location = complaint.map(|complaint| complaint.location);
    diagnostic.summary = Some(format!("This is not JSON: {}", error.kind));
    let width = text[error.offset..].chars().next().map_or(0, char::len_utf8);
    diagnostic.span = Some(Span::new(error.offset, error.offset + width));
    diagnostic.hint = advice(text, error.offset).map(str::to_owned);
    diagnostic
}

/// What is often meant where JSON ends.
fn advice(text: &str, offset: usize) -> Option<&'static str> {
    let before = text[..offset].trim_end();
    let rest = &text[offset..];
    match rest.bytes().next()? {
        b'}' | b']' if before.ends_with(',') => Some("remove the comma in front"),
        b'"' if before.ends_with(['"', '}', ']']) => Some("a comma is missing in front"),
        b'\'' => Some("strings need double quotes"),
        b'/' | b'#' => Some("JSON has no comments: there is the field Comment, and YAML"),
        _ => None,
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
}

impl Parser<'_> {
    /// Reads the value at the scanner, which stands on its first byte. Recursion is bounded by the depth.
    fn value(&mut self, depth: u32) -> Result<Node, Failure> {
        let start = self.scanner.offset();
        let kind = match self.scanner.peek() {
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.array(depth + 1)?,
            Some(b'"') => NodeKind::Scalar(self.scanner.string()?.into()),
            _ => NodeKind::Scalar(self.scanner.scalar()?),
        };
        Ok(Node { span: Span::new(start, self.scanner.offset()), kind })
    }

    fn array(&mut self, depth: u32) -> Result<NodeKind, Failure> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.scanner.eat(b']') {
            return Ok(NodeKind::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.scanner.skip_blanks();
            if self.scanner.eat(b',') {
                self.scanner.skip_blanks();
            } else if self.scanner.eat(b']') {
                return Ok(NodeKind::Array(items));
            } else {
                return Err(self.scanner.unexpected("',' or ']'").into());
            }
        }
    }

    fn object(&mut self, depth: u32) -> Result<NodeKind, Failure> {
        self.open(depth)?;
        let mut members = Members::default();
        if self.scanner.eat(b'}') {
            return Ok(NodeKind::Object(members.finish()));
        }
        loop {
            let start = self.scanner.offset();
            let (key, key_end) = self.key()?;
            let value = self.value(depth)?;
            // A key that comes again takes the place of the first, as Jackson does it.
            members.set(Member { key, key_span: Span::new(start, key_end), value });
            self.scanner.skip_blanks();
            if self.scanner.eat(b',') {
                self.scanner.skip_blanks();
            } else if self.scanner.eat(b'}') {
                return Ok(NodeKind::Object(members.finish()));
            } else {
                return Err(self.scanner.unexpected("',' or '}'").into());
            }
        }
    }

    /// A key and where its closing quote ends; passes over the colon up to the value.
    fn key(&mut self) -> Result<(Str, usize), Failure> {
        if self.scanner.peek() != Some(b'"') {
            return Err(self.scanner.unexpected("a key in double quotes").into());
        }
        let key = self.scanner.string()?;
        let end = self.scanner.offset();
        self.scanner.skip_blanks();
        if !self.scanner.eat(b':') {
            return Err(self.scanner.unexpected("':'").into());
        }
        self.scanner.skip_blanks();
        Ok((key, end))
    }

    /// Passes over an opening bracket and the blanks behind it.
    fn open(&mut self, depth: u32) -> Result<(), Failure> {
        let start = self.scanner.offset();
        if depth > DEFINITION_DEPTH_MAX {
            return Err(Failure::TooDeep(Span::new(start, start + 1)));
        }
        self.scanner.advance();
        self.scanner.skip_blanks();
        Ok(())
    }
}
