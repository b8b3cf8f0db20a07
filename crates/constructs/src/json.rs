//! JSON with holes: what builders hold until it is known where it stands.

use std::sync::Arc;

use stepwell_value::{Object, Str, Value, write_string};

use crate::QueryLanguage;
use crate::cfn::{Cfn, Part};
use crate::error::Problem;
use crate::path::Path;

/// A JSON value of which parts are paths, CloudFormation text, or mistakes that are reported when it is rendered.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Value(Value),
    Path(Path),
    Cfn(Cfn),
    Array(Vec<Json>),
    Object(Vec<(Str, Json)>),
    Invalid(Arc<Problem>),
}

impl Json {
    pub(crate) const NULL: Json = Json::Value(Value::Null);

    pub(crate) fn invalid(code: &'static str, message: impl Into<String>) -> Json {
        Json::Invalid(Problem::new(code, message))
    }

    /// JSON of a template: what are intrinsic functions in it becomes CloudFormation text again.
    pub(crate) fn with_intrinsics(value: &Value) -> Json {
        match value {
            Value::Array(items) => Json::Array(items.iter().map(Json::with_intrinsics).collect()),
            Value::Object(object) if object.len() == 1 && object.keys().any(|key| is_intrinsic(key)) => {
                Json::Cfn(Cfn::intrinsic(value))
            }
            Value::Object(object) => {
                Json::Object(object.iter().map(|(key, value)| (key.clone(), Json::with_intrinsics(value))).collect())
            }
            scalar => Json::Value(scalar.clone()),
        }
    }

    /// The string, if it is one that is known now and is not computed at run time.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self {
            Json::Value(value) => value.as_str().filter(|text| !is_expression(text)),
            Json::Cfn(cfn) => cfn.as_literal(),
            _ => None,
        }
    }

    /// The number, if it is one that is known now.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Json::Value(value) => value.as_f64(),
            _ => None,
        }
    }

    /// The string, if it is known when the template is deployed; `None` if the state computes it.
    pub(crate) fn deployed(&self) -> Option<Cfn> {
        match self {
            Json::Cfn(cfn) => Some(cfn.clone()),
            _ => self.literal().map(Cfn::from),
        }
    }

    /// Whether the state computes it when it runs: a path or an expression.
    pub(crate) fn is_dynamic(&self) -> bool {
        match self {
            Json::Path(_) => true,
            Json::Value(value) => value.as_str().is_some_and(is_expression),
            _ => false,
        }
    }

    /// Applies the rules of the language: members that hold paths get the suffix `.$`, and JSONPath has no `null` members.
    pub(crate) fn render(&self, language: QueryLanguage, problems: &mut Vec<Arc<Problem>>) -> Json {
        match self {
            Json::Array(items) => Json::Array(
                items
                    .iter()
                    .map(|item| match item {
                        Json::Path(_) => Json::invalid(
                            "JsonPathFieldsNotAllowedInArray",
                            "Cannot use JsonPath fields in an array, they must be used in objects",
                        ),
                        item => item.clone(),
                    })
                    .map(|item| item.render(language, problems))
                    .collect(),
            ),
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .filter(|(_, member)| !(language == QueryLanguage::JsonPath && member.is_null()))
                    .map(|(key, member)| match member {
                        Json::Path(path) => (Str::from(format!("{key}.$")), path.to_json().render(language, problems)),
                        member => (key.clone(), member.render(language, problems)),
                    })
                    .collect(),
            ),
            Json::Path(path) => match path.to_json() {
                Json::Invalid(problem) => Json::Invalid(problem).render(language, problems),
                text => text,
            },
            Json::Invalid(problem) => {
                problems.push(problem.clone());
                Json::NULL
            }
            Json::Value(_) | Json::Cfn(_) => self.clone(),
        }
    }

    /// The members of an object; none if it is something else.
    pub(crate) fn members(&self) -> &[(Str, Json)] {
        if let Json::Object(members) = self { members } else { &[] }
    }

    /// The members as a list of objects, each a name in the field `name` and a `Value`; empty if it is no object.
    pub(crate) fn pairs(&self, name: &'static str) -> Json {
        let pair =
            |(key, value): &(Str, Json)| Fields::new().set(name, key.to_json()).set("Value", value.clone()).into();
        Json::Array(self.members().iter().map(pair).collect())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Json::Value(Value::Null))
    }

    /// Every path in it, in the order of the text.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut found = Vec::new();
        self.visit(&mut |json| {
            if let Json::Path(path) = json {
                found.push(path);
            }
        });
        found
    }

    /// Whether the task token can be found in it: itself, or an object of the context that holds it.
    pub(crate) fn mentions_task_token(&self) -> bool {
        let mut found = false;
        self.visit(&mut |json| {
            found |= match json {
                Json::Path(path) => path.mentions_task_token(),
                Json::Value(value) => value.as_str().is_some_and(expression_mentions_task_token),
                _ => false,
            }
        });
        found
    }

    fn visit<'a>(&'a self, look: &mut impl FnMut(&'a Json)) {
        look(self);
        match self {
            Json::Array(items) => items.iter().for_each(|item| item.visit(look)),
            Json::Object(members) => members.iter().for_each(|(_, member)| member.visit(look)),
            _ => {}
        }
    }

    /// How it stands in a template as JSON, CloudFormation text in its canonical form.
    pub(crate) fn to_value(&self) -> Value {
        self.resolve(&|cfn| cfn.to_value())
    }

    /// The same with each piece of CloudFormation text replaced.
    pub(crate) fn resolve(&self, text: &impl Fn(&Cfn) -> Value) -> Value {
        match self {
            Json::Value(value) => value.clone(),
            Json::Cfn(cfn) => text(cfn),
            Json::Path(path) => Value::from(path.text()),
            Json::Array(items) => items.iter().map(|item| item.resolve(text)).collect(),
            Json::Object(members) => Value::Object(
                members.iter().map(|(key, member)| (key.clone(), member.resolve(text))).collect::<Object>(),
            ),
            Json::Invalid(_) => Value::Null,
        }
    }

    /// The JSON text, completed by CloudFormation: what `DefinitionString` holds.
    pub(crate) fn to_text(&self) -> Cfn {
        let mut text = String::new();
        let mut cfn = Cfn::default();
        self.write(&mut text, &mut cfn);
        cfn.push(Cfn::from(text));
        cfn
    }

    fn write(&self, text: &mut String, done: &mut Cfn) {
        match self {
            Json::Value(value) => value.write_to(text),
            Json::Path(path) => write_string(path.text(), text),
            Json::Invalid(_) => text.push_str("null"),
            Json::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write(text, done);
                }
                text.push(']');
            }
            Json::Object(members) => {
                text.push('{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_string(key, text);
                    text.push(':');
                    member.write(text, done);
                }
                text.push('}');
            }
            Json::Cfn(cfn) => {
                text.push('"');
                for part in cfn.parts() {
                    match part {
                        Part::Text(literal) => {
                            let start = text.len();
                            write_string(literal, text);
                            text.remove(start);
                            text.pop();
                        }
                        Part::Token(token) => {
                            done.push(Cfn::from(std::mem::take(text)));
                            done.push(Cfn::intrinsic(token));
                        }
                    }
                }
                text.push('"');
            }
        }
    }
}

fn is_intrinsic(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

/// Whether a string of a JSONata state is an expression.
pub(crate) fn is_expression(text: &str) -> bool {
    text.starts_with("{%") && text.ends_with("%}") && text.len() >= 4
}

fn expression_mentions_task_token(text: &str) -> bool {
    if !is_expression(text) {
        return false;
    }
    let mut rest = text;
    while let Some(at) = rest.find("$states.context") {
        let after = &rest[at + "$states.context".len()..];
        let of_task = after.strip_prefix(".Task").unwrap_or(after);
        let of_token =
            if of_task.len() < after.len() { of_task.strip_prefix(".Token").unwrap_or(of_task) } else { of_task };
        if !of_token.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
            return true;
        }
        rest = after;
    }
    false
}

/// Whatever has a form in JSON.
pub(crate) trait ToJson {
    fn to_json(&self) -> Json;
}

impl ToJson for Json {
    fn to_json(&self) -> Json {
        self.clone()
    }
}

impl ToJson for Cfn {
    fn to_json(&self) -> Json {
        Json::Cfn(self.clone())
    }
}

impl ToJson for Str {
    fn to_json(&self) -> Json {
        Json::Value(Value::from(self.clone()))
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Json {
        Json::Array(self.iter().map(ToJson::to_json).collect())
    }
}

impl From<Cfn> for Json {
    fn from(cfn: Cfn) -> Json {
        Json::Cfn(cfn)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Value(Value::from(text))
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        Json::Value(value)
    }
}

/// The members of an object in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(Str, Json)>);

impl Fields {
    pub(crate) fn new() -> Fields {
        Fields::default()
    }

    pub(crate) fn set(mut self, key: &'static str, value: impl Into<Json>) -> Fields {
        self.put(key, value);
        self
    }

    /// Adds the member, if there is a value.
    pub(crate) fn set_opt<T: ToJson>(mut self, key: &'static str, value: &Option<T>) -> Fields {
        if let Some(value) = value {
            self.put(key, value.to_json());
        }
        self
    }

    pub(crate) fn put(&mut self, key: impl Into<Str>, value: impl Into<Json>) {
        self.0.push((key.into(), value.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    pub(crate) fn extend(&mut self, more: Fields) {
        self.0.extend(more.0);
    }
}

impl From<Fields> for Json {
    fn from(fields: Fields) -> Json {
        Json::Object(fields.0)
    }
}

impl ToJson for Fields {
    fn to_json(&self) -> Json {
        Json::Object(self.0.clone())
    }
}
