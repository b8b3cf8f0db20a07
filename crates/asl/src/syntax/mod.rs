//! Definition text to a tree that remembers where everything stands, from JSON and from YAML.

mod jackson;
mod json;
mod members;
mod placeholder;
mod yaml;

use stepwell_value::{Str, Value};

use crate::diagnostic::{Code, Diagnostic};

pub use placeholder::{Filled, Placeholder, Unfilled, fill, placeholders};

/// Longest definition, in characters (CreateStateMachine's limit for `definition`).
pub const DEFINITION_CHARS_MAX: usize = 1_048_576;

/// Deepest nesting of a definition, in containers.
///
/// AWS has a limit too (`TOO_DEEPLY_NESTED`), but does not publish it. One Parallel state in another takes four levels
/// of JSON.
pub const DEFINITION_DEPTH_MAX: u32 = 250;

/// How a definition is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON. A key named twice counts with its last value, as on AWS.
    #[default]
    Json,
    /// YAML 1.2 with the core schema's types, anchors and merge keys. A key named twice is refused.
    Yaml,
}

impl Format {
    /// The format that a file name promises: YAML for `.yaml` and `.yml`, JSON for everything else.
    pub fn of_file(name: &str) -> Format {
        if name.ends_with(".yaml") || name.ends_with(".yml") { Format::Yaml } else { Format::Json }
    }
}

/// A piece of a text: byte offsets, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

impl Span {
    /// The piece between two byte offsets, which are within [`DEFINITION_CHARS_MAX`] characters.
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value stands, quotes and brackets included.
    pub span: Span,
    /// The value.
    pub kind: NodeKind,
}

/// A value in a definition's tree.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Anything that holds nothing else: null, boolean, number or string.
    Scalar(Value),
    /// An array.
    Array(Vec<Node>),
    /// An object; no key occurs twice.
    Object(Vec<Member>),
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key.
    pub key: Str,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            NodeKind::Scalar(value) => value.as_bool(),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(value) if value.is_null())
    }

    /// The members, if this is an object.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            NodeKind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The member `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members()?.iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The value without its positions.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Array(items) => items.iter().map(Node::to_value).collect(),
            NodeKind::Object(members) => {
                members.iter().map(|member| (member.key.clone(), member.value.to_value())).collect()
            }
        }
    }
}

/// Reads a definition.
///
/// # Errors
/// When the text is not JSON (or YAML), not an object, too long or nested too deep.
pub fn parse(text: &str, format: Format) -> Result<Node, Box<Diagnostic>> {
    // Every character takes at least a byte: counting is needed for long texts only.
    if text.len() > DEFINITION_CHARS_MAX && text.chars().count() > DEFINITION_CHARS_MAX {
        return Err(Box::new(Diagnostic::error(
            Code::SchemaValidationFailed,
            format!("The definition is longer than {DEFINITION_CHARS_MAX} characters"),
        )));
    }
    let root = match format {
        Format::Json if text.trim().is_empty() => return Err(not_an_object(None)),
        Format::Json => json::parse(text)?,
        Format::Yaml => yaml::parse(text)?,
    };
    match root.kind {
        NodeKind::Object(_) => Ok(root),
        _ => Err(not_an_object(Some(root.span))),
    }
}

fn not_an_object(span: Option<Span>) -> Box<Diagnostic> {
    let mut diagnostic =
        Diagnostic::error(Code::SchemaValidationFailed, "Definition must be a valid JSON object".to_owned());
    diagnostic.span = span;
    Box::new(diagnostic)
}

fn too_deep(span: Span) -> Box<Diagnostic> {
    let message = format!("The definition is nested more than {DEFINITION_DEPTH_MAX} deep");
    let mut diagnostic = Diagnostic::error(Code::TooDeeplyNested, message);
    diagnostic.span = Some(span);
    Box::new(diagnostic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text, Format::Json).map_or_else(|diagnostic| diagnostic.message, |root| root.to_value().to_string())
    }

    #[test]
    fn a_definition_is_an_object() {
        for text in ["", " ", "[]", "1", "null"] {
            assert_eq!(message(text), "Definition must be a valid JSON object", "{text:?}");
        }
        assert!(parse("a: 1", Format::Yaml).is_ok());
        assert!(parse("- a", Format::Yaml).is_err());
    }

    #[test]
    fn the_tree_knows_where_everything_stands() {
        let text = r#"{ "a" : [1, {"b": "é"}] }"#;
        let root = parse(text, Format::Json).unwrap();
        let shown = |span: Span| &text[span.start as usize..span.end as usize];
        let a = &root.members().unwrap()[0];
        assert_eq!((shown(root.span), shown(a.key_span)), (text, "\"a\""));
        assert_eq!(shown(a.value.span), r#"[1, {"b": "é"}]"#);
        assert_eq!(shown(a.value.items().unwrap()[1].get("b").unwrap().span), "\"é\"");
    }

    #[test]
    fn a_key_named_twice_counts_with_its_last_value() {
        assert_eq!(message(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
        let many: String = (0..100).map(|n| format!(r#""k{}":{n},"#, n % 50)).collect();
        let root = parse(&format!("{{{many}\"z\":0}}"), Format::Json).unwrap();
        assert_eq!(root.members().unwrap().len(), 51);
        assert_eq!(root.get("k49").unwrap().to_value(), Value::Int(99));
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(249), Format::Json).is_ok());
        assert_eq!(parse(&deep(250), Format::Json).unwrap_err().code, Code::TooDeeplyNested);
        assert_eq!(parse(&"[".repeat(100_000), Format::Json).unwrap_err().code, Code::TooDeeplyNested);
        let long = format!("{{\"a\":\"{}\"}}", "é".repeat(DEFINITION_CHARS_MAX - 8));
        assert!(parse(&long, Format::Json).is_ok());
        assert!(parse(&format!("{long} "), Format::Json).is_err());
    }
}
