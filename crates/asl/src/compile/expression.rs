//! JSONata expressions: their delimiters, their syntax and what they may refer to.

use std::collections::BTreeSet;

use stepwell_jsonata as jsonata;

use super::Compiler;
use super::place::Place;
use crate::diagnostic::Code;
use crate::syntax::Span;
use crate::template::Expression;

/// Which members of `$states` a field offers besides `input` and `context`.
#[derive(Clone, Copy)]
pub(super) struct Offered {
    result: bool,
    error_output: bool,
}

impl Offered {
    pub(super) const NOTHING: Offered = Offered { result: false, error_output: false };
    pub(super) const RESULT: Offered = Offered { result: true, error_output: false };
    pub(super) const ERROR_OUTPUT: Offered = Offered { result: false, error_output: true };

    fn has(self, member: &str) -> bool {
        match member {
            "input" | "context" => true,
            "result" => self.result,
            "errorOutput" => self.error_output,
            _ => false,
        }
    }
}

/// Whether a string of a JSONata state is an expression.
pub(super) enum Delimited<'t> {
    /// `{% … %}`: the text between.
    Expression(&'t str),
    /// One delimiter without the other.
    Half,
    /// Neither.
    Literal,
}

const OPENING: &str = "{%";
const CLOSING: &str = "%}";

/// Delimiters count at the very ends only: blanks around them make a literal.
pub(super) fn delimited(text: &str) -> Delimited<'_> {
    match (text.strip_prefix(OPENING), text.ends_with(CLOSING)) {
        (None, false) => Delimited::Literal,
        (Some(rest), true) => rest.strip_suffix(CLOSING).map_or(Delimited::Half, Delimited::Expression),
        _ => Delimited::Half,
    }
}

impl Compiler<'_> {
    /// A field that has to be an expression if it is a string.
    pub(super) fn expression_field(&mut self, place: &Place<'_>) -> Option<Expression> {
        match delimited(self.string(place)?) {
            Delimited::Expression(text) => self.expression(place, text, Offered::NOTHING),
            Delimited::Half | Delimited::Literal => {
                self.half_delimited(place);
                None
            }
        }
    }

    pub(super) fn half_delimited(&mut self, place: &Place<'_>) {
        self.refuse(place, "JSONata string must start with {% and end with %}");
    }

    /// Compiles the text of an expression and checks what it refers to.
    pub(super) fn expression(&mut self, place: &Place<'_>, text: &str, offered: Offered) -> Option<Expression> {
        let program = match jsonata::Program::compile(text, jsonata::Profile::aws()) {
            Ok(program) => program,
            Err(error) => {
                let span = inside(place, text, error.position);
                let message = error.message();
                self.refuse_later(Code::InvalidJsonataExpression, place, span, message);
                return None;
            }
        };
        let references = program.references();
        self.check_references(place, text, &references, offered);
        let reads_context = references.states.iter().any(reads_context);
        Some(Expression::new(program, reads_context))
    }

    /// Reports what an expression reads although it is not there: each once.
    fn check_references(&mut self, place: &Place<'_>, text: &str, read: &jsonata::References<'_>, offered: Offered) {
        let mut reported = BTreeSet::new();
        for jsonata::Read { name, position } in &read.top_level {
            if !reported.insert(*name) {
                continue;
            }
            let span = inside(place, text, *position);
            if *name == "$$" {
                let message = "Reference to '$$' is not supported.".to_owned();
                self.refuse_later(Code::UnsupportedJsonataExpression, place, span, message).hint =
                    Some("the input of the state is $states.input".to_owned());
                continue;
            }
            let message = format!("Reference to '{name}' at the top level is not supported.");
            let diagnostic = self.refuse_later(Code::UnsupportedJsonataExpression, place, span, message);
            let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
            diagnostic.hint = Some(match is_name {
                true => format!("$states.input.{name} reads the input, ${name} a variable"),
                false => "the input of the state is $states.input".to_owned(),
            });
        }
        for jsonata::StatesRead { path, position } in &read.states {
            let Some(member) = path.first().filter(|member| !offered.has(member)) else { continue };
            if reported.insert(*member) {
                let span = inside(place, text, *position);
                let message = format!("Field '$states.{member}' does not exist.");
                self.refuse_later(Code::UnsupportedJsonataExpression, place, span, message).summary =
                    Some(format!("$states.{member} is not available in this field"));
            }
        }
    }
}

/// Whether a read of `$states` can give the context object: all of it is read, or that member.
fn reads_context(read: &jsonata::StatesRead<'_>) -> bool {
    read.path.first().is_none_or(|member| *member == "context")
}

/// The place in the definition's text of the character that ends at an expression's byte `position`.
fn inside(place: &Place<'_>, text: &str, position: usize) -> Span {
    let whole = place.node.span;
    let quoted = whole.end - whole.start;
    let plain = (text.len() + OPENING.len() + CLOSING.len() + 2) as u32;
    // Only where every byte of the value is written as itself is its place known.
    if quoted != plain {
        return whole;
    }
    let mut end = position.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = text[..end].char_indices().next_back().map_or(0, |(last, _)| last);
    let text_start = whole.start + 1 + OPENING.len() as u32;
    Span { start: text_start + start as u32, end: text_start + end as u32 }
}
