//! What members a request has and what they must satisfy: one table per operation, checked in one place.
//!
//! Constraints and their texts are those of the service's framework (`reference/api.md`, sections 3 and 11). A member
//! that the model does not know is ignored; one of another type than the model's is a SerializationException.

use std::fmt::{self, Write};

use stepwell_value::{Object, Str, Value};

use crate::error::Error;

/// A member of a request.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    required: bool,
    shape: Shape,
}

/// What a member is.
pub(crate) enum Shape {
    /// A text; lengths in characters. The value of a sensitive one is in no message.
    Text {
        min: usize,
        max: usize,
        pattern: Option<&'static Pattern>,
        sensitive: bool,
    },
    /// A whole number.
    Integer {
        min: i64,
        max: i64,
    },
    /// Any number.
    Float,
    Boolean,
    /// One of these texts, in the order in which messages have them.
    OneOf(&'static [&'static str]),
    List {
        item: &'static Shape,
        min: usize,
        max: usize,
    },
    Structure {
        name: &'static str,
        members: &'static [Member],
    },
}

/// A regular expression of the model, and what it means.
pub(crate) struct Pattern {
    text: &'static str,
    is_match: fn(&str) -> bool,
}

/// An alias: it must have a character that keeps it from looking like a version.
pub(crate) const ALIAS_NAME: Pattern = Pattern {
    text: r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
    is_match: |text| {
        let is_mark = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
        text.chars().any(is_mark) && text.chars().all(|c| is_mark(c) || c.is_ascii_digit())
    },
};

/// Printable ASCII without the blank.
pub(crate) const CLIENT_TOKEN: Pattern =
    Pattern { text: "[!-~]+", is_match: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) };

/// ASCII.
pub(crate) const ASCII: Pattern = Pattern { text: r"\p{ASCII}*", is_match: str::is_ascii };

impl Shape {
    /// A text of so many characters.
    pub(crate) const fn text(min: usize, max: usize) -> Shape {
        Shape::Text { min, max, pattern: None, sensitive: false }
    }

    /// A text that no message shows.
    pub(crate) const fn secret(min: usize, max: usize) -> Shape {
        Shape::Text { min, max, pattern: None, sensitive: true }
    }

    /// A text of a form.
    pub(crate) const fn matching(min: usize, max: usize, pattern: &'static Pattern) -> Shape {
        Shape::Text { min, max, pattern: Some(pattern), sensitive: false }
    }

    /// A whole number of 32 bits from 0 on.
    pub(crate) const fn count(max: i64) -> Shape {
        Shape::Integer { min: 0, max }
    }
}

impl Member {
    pub(crate) const fn required(name: &'static str, shape: Shape) -> Member {
        Member { name, required: true, shape }
    }

    pub(crate) const fn optional(name: &'static str, shape: Shape) -> Member {
        Member { name, required: false, shape }
    }
}

/// The members of a request, checked: each that is there has the type and the form that its shape says.
#[derive(Debug)]
pub(crate) struct Params(Object);

impl Params {
    /// Checks a request's body.
    ///
    /// # Errors
    /// SerializationException for a member of a wrong type, else ValidationException with all that is wrong.
    pub(crate) fn check(body: Value, members: &'static [Member]) -> Result<Params, Error> {
        let Value::Object(object) = body else { return Err(mismatch(&body, "structure")) };
        let mut findings = Findings::default();
        findings.members(&object, members, None)?;
        findings.into_result()?;
        Ok(Params(object))
    }

    fn of(value: &Value) -> Option<Params> {
        value.as_object().map(|object| Params(object.clone()))
    }

    /// A member that the operation requires; it is there.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A text, shared with the request.
    pub(crate) fn shared(&self, name: &str) -> Option<Str> {
        match self.0.get(name)? {
            Value::Str(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// True or false.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// A structure.
    pub(crate) fn structure(&self, name: &str) -> Option<Params> {
        Params::of(self.0.get(name)?)
    }

    /// The structures of a list.
    pub(crate) fn structures(&self, name: &str) -> Option<Vec<Params>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(Params::of).collect())
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }

    /// `maxResults`: how many items a page has; 0 or absent: 100.
    pub(crate) fn page_size(&self) -> usize {
        match self.integer("maxResults") {
            None | Some(0) => 100,
            Some(size) => usize::try_from(size).unwrap_or(100),
        }
    }
}

/// Most constraints that one message names; the rest is counted.
const FINDINGS_MAX: usize = 20;

/// Where a value stands, as messages have it: `tags.1.member.key`.
struct Path<'p> {
    within: Option<&'p Path<'p>>,
    step: Step,
}

enum Step {
    Member(&'static str),
    /// Counted from 1.
    Item(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            write!(f, "{within}.")?;
        }
        match self.step {
            Step::Member(name) => f.write_str(name),
            Step::Item(n) => write!(f, "{n}.member"),
        }
    }
}

#[derive(Default)]
struct Findings {
    texts: Vec<String>,
    n: usize,
}

impl Findings {
    fn members(&mut self, object: &Object, members: &'static [Member], within: Option<&Path<'_>>) -> Result<(), Error> {
        for member in members {
            let path = Path { within, step: Step::Member(member.name) };
            match object.get(member.name) {
                None | Some(Value::Null) if member.required => self.missing(&path),
                None | Some(Value::Null) => {}
                Some(value) => self.value(value, &member.shape, &path)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, shape: &'static Shape, path: &Path<'_>) -> Result<(), Error> {
        match shape {
            Shape::Text { min, max, pattern, sensitive } => {
                let text = value.as_str().ok_or_else(|| mismatch(value, "String"))?;
                let length = if text.len() < *min || text.len() > *max { text.chars().count() } else { *min };
                let shown = (!sensitive).then_some(value);
                if length < *min {
                    self.broken(shown, path, format_args!("have length greater than or equal to {min}"));
                } else if length > *max {
                    self.broken(shown, path, format_args!("have length less than or equal to {max}"));
                }
                if let Some(pattern) = pattern.filter(|pattern| !(pattern.is_match)(text)) {
                    self.broken(shown, path, format_args!("satisfy regular expression pattern: {}", pattern.text));
                }
            }
            Shape::Integer { min, max } => {
                let number = value.as_i64().ok_or_else(|| mismatch(value, "Integer"))?;
                if number < *min {
                    self.broken(Some(value), path, format_args!("have value greater than or equal to {min}"));
                } else if number > *max {
                    self.broken(Some(value), path, format_args!("have value less than or equal to {max}"));
                }
            }
            Shape::Float => {
                value.as_f64().ok_or_else(|| mismatch(value, "Float"))?;
            }
            Shape::Boolean => {
                value.as_bool().ok_or_else(|| mismatch(value, "Boolean"))?;
            }
            Shape::OneOf(names) => {
                let text = value.as_str().ok_or_else(|| mismatch(value, "String"))?;
                if !names.contains(&text) {
                    self.broken(Some(value), path, format_args!("satisfy enum value set: [{}]", names.join(", ")));
                }
            }
            Shape::List { item, min, max } => {
                let items = value.as_array().ok_or_else(|| mismatch(value, "list"))?;
                if items.len() < *min {
                    self.broken_list(value, shape, path, format_args!("have length greater than or equal to {min}"));
                } else if items.len() > *max {
                    self.broken_list(value, shape, path, format_args!("have length less than or equal to {max}"));
                }
                for (n, value) in items.iter().enumerate() {
                    let path = Path { within: Some(path), step: Step::Item(n + 1) };
                    match value.is_null() {
                        true => self.missing(&path),
                        false => self.value(value, item, &path)?,
                    }
                }
            }
            Shape::Structure { members, .. } => {
                let object = value.as_object().ok_or_else(|| mismatch(value, "structure"))?;
                self.members(object, members, Some(path))?;
            }
        }
        Ok(())
    }

    fn missing(&mut self, path: &Path<'_>) {
        self.add(|text| {
            let _ = write!(text, "Value null at '{path}' failed to satisfy constraint: Member must not be null");
        });
    }

    fn broken(&mut self, shown: Option<&Value>, path: &Path<'_>, must: fmt::Arguments<'_>) {
        self.add(|text| {
            let _ = match shown {
                Some(Value::Str(shown)) => write!(text, "Value '{shown}' at '{path}'"),
                Some(shown) => write!(text, "Value '{shown}' at '{path}'"),
                None => write!(text, "Value at '{path}'"),
            };
            let _ = write!(text, " failed to satisfy constraint: Member must {must}");
        });
    }

    fn broken_list(&mut self, value: &Value, shape: &Shape, path: &Path<'_>, must: fmt::Arguments<'_>) {
        self.add(|text| {
            text.push_str("Value '");
            write_as_java(value, shape, text);
            let _ = write!(text, "' at '{path}' failed to satisfy constraint: Member must {must}");
        });
    }

    fn add(&mut self, write: impl FnOnce(&mut String)) {
        self.n += 1;
        if self.texts.len() < FINDINGS_MAX {
            let mut text = String::new();
            write(&mut text);
            self.texts.push(text);
        }
    }

    fn into_result(self) -> Result<(), Error> {
        if self.n == 0 {
            return Ok(());
        }
        let plural = if self.n == 1 { "error" } else { "errors" };
        Err(Error::invalid(format!("{} validation {plural} detected: {}", self.n, self.texts.join("; "))))
    }
}

/// A value as the service's own language shows it: `[Item(name=value, other=value)]`.
fn write_as_java(value: &Value, shape: &Shape, out: &mut String) {
    match (shape, value) {
        (Shape::List { item, .. }, Value::Array(items)) => {
            out.push('[');
            for (n, value) in items.iter().enumerate() {
                out.push_str(if n > 0 { ", " } else { "" });
                write_as_java(value, item, out);
            }
            out.push(']');
        }
        (Shape::Structure { name, members }, Value::Object(object)) => {
            let _ = write!(out, "{name}(");
            for (n, member) in members.iter().enumerate() {
                let _ = write!(out, "{}{}=", if n > 0 { ", " } else { "" }, member.name);
                write_as_java(object.get(member.name).unwrap_or(&Value::Null), &member.shape, out);
            }
            out.push(')');
        }
        (_, Value::Str(text)) => out.push_str(text),
        (_, value) => value.write_to(out),
    }
}

/// A member of another type than the model's.
fn mismatch(found: &Value, wanted: &str) -> Error {
    let text = match found {
        Value::Array(_) => "Start of list found where not expected".to_owned(),
        Value::Object(_) => "Start of structure or map found where not expected".to_owned(),
        _ if matches!(wanted, "list" | "structure") => format!("Unexpected field type: a {wanted} is expected"),
        Value::Str(_) => format!("STRING_VALUE can not be converted to {}", article(wanted)),
        Value::Bool(true) => format!("TRUE_VALUE can not be converted to {}", article(wanted)),
        Value::Bool(false) => format!("FALSE_VALUE can not be converted to {}", article(wanted)),
        Value::Null => format!("NULL_VALUE can not be converted to {}", article(wanted)),
        number if wanted == "Integer" && number.is_number() => {
            "class java.lang.Double can not be converted to an Integer".to_owned()
        }
        _ => format!("NUMBER_VALUE can not be converted to {}", article(wanted)),
    };
    Error::SerializationException(text)
}

fn article(noun: &str) -> String {
    let article = if noun.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: Shape = Shape::Structure {
        name: "RoutingConfigurationListItem",
        members: &[
            Member::required("stateMachineVersionArn", Shape::text(1, 256)),
            Member::required("weight", Shape::count(100)),
        ],
    };
    const MEMBERS: &[Member] = &[
        Member::required("name", Shape::matching(1, 8, &ALIAS_NAME)),
        Member::optional("maxResults", Shape::count(1000)),
        Member::optional("routing", Shape::List { item: &ITEM, min: 1, max: 1 }),
        Member::optional("input", Shape::secret(0, 3)),
        Member::optional("type", Shape::OneOf(&["STANDARD", "EXPRESS"])),
    ];

    fn check(body: &str) -> String {
        match Params::check(stepwell_value::parse(body).unwrap(), MEMBERS) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_satisfies_every_constraint_passes_and_unknown_members_are_ignored() {
        assert_eq!(check(r#"{"name": "a1", "maxResults": 0, "whatever": [1], "type": null}"#), "ok");
    }

    #[test]
    fn constraints_are_told_in_the_words_of_the_service() {
        let told = |body: &str| check(body).replace("ValidationException: ", "");
        assert_eq!(
            told(r#"{"name": "ok", "maxResults": 1001}"#),
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have \
             value less than or equal to 1000"
        );
        assert_eq!(
            told(r#"{"name": "123"}"#),
            "1 validation error detected: Value '123' at 'name' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$"
        );
        assert_eq!(
            told(r#"{"type": "x"}"#),
            "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
             Value 'x' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
        );
        assert_eq!(
            told(r#"{"name": "a", "routing": [{"stateMachineVersionArn": "v", "weight": 101}]}"#),
            "1 validation error detected: Value '101' at 'routing.1.member.weight' failed to satisfy constraint: Member \
             must have value less than or equal to 100"
        );
        assert_eq!(
            told(
                r#"{"name": "a", "routing": [{"stateMachineVersionArn": "v", "weight": 1},
                                             {"weight": 2, "stateMachineVersionArn": "w"}]}"#
            ),
            "1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=v, weight=1), \
             RoutingConfigurationListItem(stateMachineVersionArn=w, weight=2)]' at 'routing' failed to satisfy \
             constraint: Member must have length less than or equal to 1"
        );
    }

    #[test]
    fn what_a_user_wants_kept_secret_is_in_no_message() {
        assert_eq!(
            check(r#"{"name": "a", "input": "hidden"}"#),
            "ValidationException: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member \
             must have length less than or equal to 3"
        );
    }

    #[test]
    fn a_wrong_type_is_no_matter_of_constraints() {
        assert_eq!(check("[]"), "SerializationException: Start of list found where not expected");
        assert_eq!(check(r#"{"name": 1}"#), "SerializationException: NUMBER_VALUE can not be converted to a String");
        assert_eq!(
            check(r#"{"name": "a", "maxResults": "1"}"#),
            "SerializationException: STRING_VALUE can not be converted to an Integer"
        );
        assert_eq!(
            check(r#"{"name": {}}"#),
            "SerializationException: Start of structure or map found where not expected"
        );
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(check(r#"{"name": "a", "input": "äöü"}"#), "ok");
    }
}
