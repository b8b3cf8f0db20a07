//! A place in a definition's tree that knows how it was reached.

use stepwell_value::Str;

use crate::syntax::{Member, Node, NodeKind, Span};

/// A value of the definition together with the way to it, which AWS's locations are made from.
///
/// The way is a list through the stack of the compiler: it costs nothing until something is wrong.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    /// What stands here.
    pub(super) node: &'a Node,
    /// Where the key stands, if this is a member of an object.
    key_span: Option<Span>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    pub(super) fn root(node: &'a Node) -> Place<'a> {
        Place { parent: None, step: Step::Root, node, key_span: None }
    }

    /// The member `key`, if this is an object that has it.
    pub(super) fn get(&'a self, key: &str) -> Option<Place<'a>> {
        self.node.members()?.iter().find(|member| member.key == key).map(|member| self.member(member))
    }

    /// Whether this is an object that has the member `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some()
    }

    /// The members, if this is an object, with their keys.
    pub(super) fn members(&'a self) -> impl Iterator<Item = (&'a Str, Place<'a>)> {
        self.node.members().unwrap_or_default().iter().map(|member| (&member.key, self.member(member)))
    }

    /// The items, if this is an array.
    pub(super) fn items(&'a self) -> impl Iterator<Item = Place<'a>> {
        let items = self.node.items().unwrap_or_default().iter().enumerate();
        items.map(|(n, node)| Place { parent: Some(self), step: Step::Index(n), node, key_span: None })
    }

    fn member(&'a self, member: &'a Member) -> Place<'a> {
        let step = Step::Key(&member.key);
        Place { parent: Some(self), step, node: &member.value, key_span: Some(member.key_span) }
    }

    /// Where the key stands, or the value if it has none.
    pub(super) fn key_span(&self) -> Span {
        self.key_span.unwrap_or(self.node.span)
    }

    /// Where an object should be marked: its key, or its opening bracket.
    pub(super) fn head_span(&self) -> Span {
        let Span { start, end } = self.node.span;
        match (self.key_span, &self.node.kind) {
            (Some(key), _) => key,
            // A block of YAML has no bracket: it begins with its first key.
            (None, NodeKind::Object(members)) if members.first().is_some_and(|first| first.key_span.start == start) => {
                members[0].key_span
            }
            _ => Span { start, end: end.min(start + 1) },
        }
    }

    /// AWS's location of this place, such as `/States/A/Retry[0]`; the definition itself is `/`.
    pub(super) fn location(&self) -> String {
        let mut location = String::new();
        self.write_location(&mut location);
        if location.is_empty() {
            location.push('/');
        }
        location
    }

    fn write_location(&self, location: &mut String) {
        if let Some(parent) = self.parent {
            parent.write_location(location);
        }
        match self.step {
            Step::Root => {}
            Step::Key(key) => {
                location.push('/');
                location.push_str(key);
            }
            Step::Index(n) => {
                location.push('[');
                location.push_str(&n.to_string());
                location.push(']');
            }
        }
    }
}
