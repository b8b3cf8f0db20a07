//! YAML text to a tree with positions.
//!
//! Types are those of YAML 1.2's core schema, which is what a reader expects of `Next: No` and
//! `Timestamp: 2016-03-14T01:59:00Z`: words such as `yes`, `no`, `on` and dates stay strings. One difference: a number
//! with a leading zero stays a string, since readers of YAML do not agree what it is (and it mostly is an account id).

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use stepwell_value::{Str, Value};

use super::members::Members;
use super::{DEFINITION_DEPTH_MAX, Member, Node, NodeKind, Span, too_deep};
use crate::diagnostic::{Code, Diagnostic};

/// Most values in a tree, copies by aliases included: a few lines of aliases could ask for billions.
const NODES_MAX: usize = 250_000;

type Step<T> = Result<T, Box<Diagnostic>>;

/// Reads a YAML text that holds one document.
pub(super) fn parse(text: &str) -> Step<Node> {
    let offsets = Offsets::new(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = offsets.byte(error.marker().index());
            failure(error.info(), Span::new(at, at))
        })?;
        let span = Span::new(offsets.byte(span.start.index()), offsets.byte(span.end.index()));
        builder.event(event, span)?;
    }
    builder.root.ok_or_else(|| failure("the text holds no document", Span::new(0, 0)))
}

fn failure(what: &str, span: Span) -> Box<Diagnostic> {
    let mut diagnostic = Diagnostic::error(Code::InvalidJsonDescription, format!("This is not YAML: {what}"));
    diagnostic.span = Some(span);
    Box::new(diagnostic)
}

/// Byte offsets of characters: the parser counts characters.
struct Offsets {
    length: usize,
    /// Empty when every character is one byte.
    bytes: Vec<u32>,
}

impl Offsets {
    fn new(text: &str) -> Offsets {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at as u32).collect() };
        Offsets { length: text.len(), bytes }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = if self.bytes.is_empty() {
            character
        } else {
            self.bytes.get(character).map_or(self.length, |byte| *byte as usize)
        };
        byte.min(self.length)
    }
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Container>,
    anchors: BTreeMap<usize, Anchored>,
    n_nodes: usize,
}

/// A value that aliases may repeat.
struct Anchored {
    node: Node,
    n_nodes: usize,
    depth: u32,
}

/// A container under way.
struct Container {
    start: u32,
    /// 0: no anchor.
    anchor: usize,
    /// Values that were there before it.
    n_nodes_before: usize,
    /// Containers nested in it so far.
    depth_inside: u32,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { members: Members, key: Option<(Str, Span)>, merged: Vec<Node> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Step<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(anchor, tag) => self.start(Content::Sequence(Vec::new()), "seq", anchor, tag, span),
            Event::MappingStart(anchor, tag) => {
                let content = Content::Mapping { members: Members::default(), key: None, merged: Vec::new() };
                self.start(content, "map", anchor, tag, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(failure("a definition is one document, and a second one begins here", span))
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Step<()> {
        // Keys are strings whatever they look like: `200:` and `true:` name members.
        if let Some(Container { content: Content::Mapping { key: key @ None, .. }, .. }) = self.open.last_mut() {
            *key = Some((Str::new(&text), span));
            if anchor > 0 {
                let node = Node { span, kind: NodeKind::Scalar(Value::string(&text)) };
                self.anchors.insert(anchor, Anchored { node, n_nodes: 1, depth: 0 });
            }
            return Ok(());
        }
        let value = match tag {
            None if style == ScalarStyle::Plain => plain(&text, span)?,
            None => Value::string(&text),
            Some(tag) => tagged(&text, tag, span)?,
        };
        let node = Node { span, kind: NodeKind::Scalar(value) };
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), n_nodes: 1, depth: 0 });
        }
        self.add(node, 1)
    }

    fn start(
        &mut self,
        content: Content,
        core: &str,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        span: Span,
    ) -> Step<()> {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == core)) {
            return Err(unknown_tag(&tag, span));
        }
        if self.awaits_key() {
            return Err(failure("a key has to be a plain text", span));
        }
        if self.open.len() >= DEFINITION_DEPTH_MAX as usize {
            return Err(too_deep(span));
        }
        self.open.push(Container { start: span.start, anchor, n_nodes_before: self.n_nodes, depth_inside: 0, content });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Step<()> {
        let Some(container) = self.open.pop() else { return Ok(()) };
        let kind = match container.content {
            Content::Sequence(items) => NodeKind::Array(items),
            Content::Mapping { mut members, merged, .. } => {
                for source in merged {
                    merge(&mut members, source)?;
                }
                NodeKind::Object(members.finish())
            }
        };
        let node = Node { span: Span { start: container.start, end: span.end.max(container.start) }, kind };
        let depth = container.depth_inside + 1;
        if let Some(outer) = self.open.last_mut() {
            outer.depth_inside = outer.depth_inside.max(depth);
        }
        if container.anchor > 0 {
            let n_nodes = self.n_nodes - container.n_nodes_before + 1;
            // The copy that is kept for aliases counts as well.
            self.count(n_nodes, span)?;
            self.anchors.insert(container.anchor, Anchored { node: node.clone(), n_nodes, depth });
        }
        self.add(node, 1)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step<()> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(failure("this alias stands inside the value that it names", span));
        };
        if self.awaits_key() {
            let Some(key) = anchored.node.as_str().map(Str::new) else {
                return Err(failure("a key has to be a plain text", span));
            };
            if let Some(Container { content: Content::Mapping { key: place, .. }, .. }) = self.open.last_mut() {
                *place = Some((key, span));
            }
            return Ok(());
        }
        let depth = anchored.depth;
        if self.open.len() + depth as usize > DEFINITION_DEPTH_MAX as usize {
            return Err(too_deep(span));
        }
        // Counted before it is copied.
        let n_nodes = anchored.n_nodes;
        self.count(n_nodes, span)?;
        let node = self.anchors[&anchor].node.clone();
        if let Some(outer) = self.open.last_mut() {
            outer.depth_inside = outer.depth_inside.max(depth);
        }
        self.add(node, 0)
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Container { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn count(&mut self, n_nodes: usize, span: Span) -> Step<()> {
        self.n_nodes = self.n_nodes.saturating_add(n_nodes);
        if self.n_nodes > NODES_MAX {
            return Err(failure(&format!("it has more than {NODES_MAX} values, copies by aliases included"), span));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, node: Node, n_nodes: usize) -> Step<()> {
        self.count(n_nodes, node.span)?;
        match self.open.last_mut().map(|container| &mut container.content) {
            None => self.root = Some(node),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { members, key, merged }) => match key.take() {
                Some((key, _)) if key == "<<" => merged.push(node),
                Some((key, key_span)) => {
                    if members.position(&key).is_some() {
                        return Err(failure(&format!("the key {key:?} occurs twice"), key_span));
                    }
                    members.add(Member { key, key_span, value: node });
                }
                None => return Err(failure("a key has to be a plain text", node.span)),
            },
        }
        Ok(())
    }
}

/// Adds the members of a merged mapping that the mapping does not have itself; of several, earlier ones win.
fn merge(members: &mut Members, source: Node) -> Step<()> {
    let span = source.span;
    match source.kind {
        NodeKind::Object(merged) => {
            for member in merged {
                if members.position(&member.key).is_none() {
                    members.add(member);
                }
            }
            Ok(())
        }
        NodeKind::Array(sources) => sources.into_iter().try_for_each(|source| match source.kind {
            NodeKind::Object(_) => merge(members, source),
            _ => Err(failure("only mappings can be merged with <<", span)),
        }),
        NodeKind::Scalar(_) => Err(failure("only mappings can be merged with <<", span)),
    }
}

/// The value of a plain scalar by the core schema.
fn plain(text: &str, span: Span) -> Step<Value> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text) {
            Some(Number::Value(value)) => value,
            Some(Number::NoJson) => return Err(failure(&format!("{text} is a number that JSON does not have"), span)),
            None => Value::string(text),
        },
    })
}

enum Number {
    Value(Value),
    /// Infinite, or not a number.
    NoJson,
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Number::NoJson);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|number| Number::Value(Value::Int(number)));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(|number| Number::Value(Value::Int(number)));
    }
    let mut bytes = unsigned.bytes();
    if bytes.next() == Some(b'0') && bytes.next().is_some_and(|second| second.is_ascii_digit()) {
        return None;
    }
    let json = text.strip_prefix('+').unwrap_or(text);
    if let Ok(value) = stepwell_value::parse(json) {
        return value.is_number().then_some(Number::Value(value));
    }
    // `.5`, `1.` and `1.e3` are numbers of YAML, not of JSON. Rust reads words such as `infinity`, too.
    let of_digits =
        unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let number: f64 = if of_digits { json.parse().ok()? } else { return None };
    Some(if number.is_finite() { Number::Value(Value::number(number)) } else { Number::NoJson })
}

/// The value of a scalar with a tag.
fn tagged(text: &str, tag: &Tag, span: Span) -> Step<Value> {
    let is_non_specific = tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty();
    if is_non_specific || tag.is_yaml_core_schema() && tag.suffix == "str" {
        return Ok(Value::string(text));
    }
    if !tag.is_yaml_core_schema() {
        return Err(unknown_tag(tag, span));
    }
    let value = plain(text, span)?;
    let fits = match tag.suffix.as_str() {
        "null" => value.is_null(),
        "bool" => value.as_bool().is_some(),
        "int" => value.as_i64().is_some(),
        "float" => value.is_number(),
        _ => return Err(unknown_tag(tag, span)),
    };
    if fits { Ok(value) } else { Err(failure(&format!("{text:?} is no !!{}", tag.suffix), span)) }
}

fn unknown_tag(tag: &Tag, span: Span) -> Box<Diagnostic> {
    let mut failure = failure(&format!("the tag {tag} has no meaning in a definition"), span);
    if tag.handle == "!" {
        failure.hint = Some("tags such as !Ref and !GetAtt belong to templates: use a placeholder ${Name}".to_owned());
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        match parse(text) {
            Ok(node) => node.to_value().to_string(),
            Err(diagnostic) => diagnostic.message,
        }
    }

    #[test]
    fn scalars_have_the_types_of_the_core_schema() {
        for (text, expected) in [
            ("yes", r#""yes""#),
            ("No", r#""No""#),
            ("True", "true"),
            ("~", "null"),
            ("12", "12"),
            ("+12", "12"),
            ("-1.50", "-1.50"),
            (".5", "0.5"),
            ("1.", "1"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("012345678901", r#""012345678901""#),
            ("1_000", r#""1_000""#),
            ("1.0.0", r#""1.0.0""#),
            ("2016-03-14T01:59:00Z", r#""2016-03-14T01:59:00Z""#),
            ("'12'", r#""12""#),
            ("!!str 12", r#""12""#),
            ("! 12", r#""12""#),
            ("!!int '12'", "12"),
            ("!!int x", "This is not YAML: \"x\" is no !!int"),
            (".inf", "This is not YAML: .inf is a number that JSON does not have"),
            ("!Ref X", "This is not YAML: the tag !Ref has no meaning in a definition"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_strings_and_keep_their_order() {
        assert_eq!(value("b: 1\n200: [x, y]\ntrue: {z: null}"), r#"{"b":1,"200":["x","y"],"true":{"z":null}}"#);
        assert_eq!(value("a: 1\na: 2"), "This is not YAML: the key \"a\" occurs twice");
        assert_eq!(value("[a]: 1"), "This is not YAML: a key has to be a plain text");
    }

    #[test]
    fn aliases_repeat_and_merge_keys_add() {
        assert_eq!(value("a: &x [1]\nb: *x"), r#"{"a":[1],"b":[1]}"#);
        let merged = "base: &base {r: 1, s: 2}\nmore: &more {s: 3, t: 4}\na:\n  <<: [*base, *more]\n  r: 0";
        assert_eq!(value(merged), r#"{"base":{"r":1,"s":2},"more":{"s":3,"t":4},"a":{"r":0,"s":2,"t":4}}"#);
        assert_eq!(value("a: &x [*x]"), "This is not YAML: this alias stands inside the value that it names");
    }

    #[test]
    fn hostile_texts_are_refused_before_they_cost_much() {
        let mut bomb = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for n in 1..20 {
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")));
        }
        assert_eq!(value(&bomb), "This is not YAML: it has more than 250000 values, copies by aliases included");
        // The parser has a limit of its own for brackets.
        assert_eq!(value(&"[".repeat(100_000)), "This is not YAML: recursion limit exceeded");
        assert_eq!(value(&"- ".repeat(1_000)), "The definition is nested more than 250 deep");
        let mut deep = String::from("a0: &a0 [1]\n");
        for n in 1..600 {
            deep.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
        }
        assert_eq!(value(&deep), "The definition is nested more than 250 deep");
    }

    #[test]
    fn places_are_bytes_of_the_text() {
        let text = "größe: é\nNext: 'Ünd'\n";
        let root = parse(text).unwrap();
        let next = &root.members().unwrap()[1];
        assert_eq!(&text[next.key_span.start as usize..next.key_span.end as usize], "Next");
        assert_eq!(&text[next.value.span.start as usize..next.value.span.end as usize], "'Ünd'");
    }
}
