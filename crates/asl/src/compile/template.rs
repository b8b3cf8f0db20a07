//! Payload templates of JSONPath and their counterpart in JSONata.

use std::collections::BTreeSet;

use stepwell_value::{Str, Value};

use super::expression::{Delimited, Offered, delimited};
use super::place::Place;
use super::{Compiler, Ctx};
use crate::diagnostic::{Code, nearest};
use crate::intrinsic::Call;
use crate::jsonpath::Path;
use crate::syntax::{Node, NodeKind};
use crate::template::Template;

/// Longest name of a variable, in characters.
const VARIABLE_NAME_CHARS_MAX: usize = 80;

/// What a key ends in when its value is computed.
const DYNAMIC: &str = ".$";

impl Compiler<'_> {
    /// The template in the field `name`, in the language of the state.
    pub(super) fn template_field(
        &mut self,
        state: &Ctx<'_>,
        object: &Place<'_>,
        name: &str,
        offered: Offered,
    ) -> Option<Template> {
        let place = object.get(name)?;
        Some(self.template(state, &place, offered))
    }

    pub(super) fn template(&mut self, state: &Ctx<'_>, place: &Place<'_>, offered: Offered) -> Template {
        if state.is_jsonata() { self.jsonata(place, offered) } else { self.payload(place, place) }
    }

    /// `Assign`: an object whose keys name variables.
    pub(super) fn assign(&mut self, state: &Ctx<'_>, object: &Place<'_>, offered: Offered) -> Option<Template> {
        let place = object.get("Assign")?;
        if !self.object(&place) {
            return None;
        }
        for (key, variable) in place.members() {
            let name = if state.is_jsonata() { key } else { key.strip_suffix(DYNAMIC).unwrap_or(key) };
            self.variable_name(&place, &variable, name);
        }
        Some(self.template(state, &place, offered))
    }

    fn variable_name(&mut self, assign: &Place<'_>, variable: &Place<'_>, name: &str) {
        let span = variable.key_span();
        if name == "states" {
            let message = "Cannot assign to reserved variable '$states'.".to_owned();
            self.refuse_later(Code::ReservedVariableName, assign, span, message);
            return;
        }
        let mut chars = name.chars();
        let is_identifier =
            chars.next().is_some_and(unicode_ident::is_xid_start) && chars.all(unicode_ident::is_xid_continue);
        let what = if !is_identifier {
            "contains invalid characters"
        } else if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
            "exceeds the 80-character limit"
        } else {
            return;
        };
        let message = format!("Invalid variable name '{name}': the variable name {what}.");
        self.refuse_later(Code::InvalidVariableName, assign, span, message);
    }

    /// A value of JSONata: every string `{% … %}` in it is an expression.
    fn jsonata(&mut self, place: &Place<'_>, offered: Offered) -> Template {
        match &place.node.kind {
            NodeKind::Scalar(Value::Str(text)) => match delimited(text) {
                Delimited::Literal => Template::Constant(Value::Str(text.clone())),
                Delimited::Expression(expression) => self
                    .expression(place, expression, offered)
                    .map_or(Template::Constant(Value::Null), Template::Expression),
                Delimited::Half => {
                    self.half_delimited(place);
                    Template::Constant(Value::Null)
                }
            },
            NodeKind::Scalar(value) => Template::Constant(value.clone()),
            NodeKind::Array(_) => array(place.items().map(|item| self.jsonata(&item, offered)).collect()),
            NodeKind::Object(_) => {
                object(place.members().map(|(key, member)| (key.clone(), self.jsonata(&member, offered))).collect())
            }
        }
    }

    /// A payload template of JSONPath: values whose keys end in `.$` are computed, at any depth of objects and of
    /// objects in arrays. AWS's location for all that is wrong inside is the whole field.
    fn payload(&mut self, field: &Place<'_>, place: &Place<'_>) -> Template {
        match &place.node.kind {
            NodeKind::Scalar(value) => Template::Constant(value.clone()),
            NodeKind::Array(_) => array(place.items().map(|item| self.payload(field, &item)).collect()),
            NodeKind::Object(members) => {
                let plain: BTreeSet<_> = match members.iter().any(|member| member.key.ends_with(DYNAMIC)) {
                    true => members.iter().map(|member| member.key.as_str()).collect(),
                    false => BTreeSet::new(),
                };
                let members = place.members();
                object(members.map(|(key, member)| self.payload_member(field, &plain, key, &member)).collect())
            }
        }
    }

    fn payload_member(
        &mut self,
        field: &Place<'_>,
        siblings: &BTreeSet<&str>,
        key: &Str,
        member: &Place<'_>,
    ) -> (Str, Template) {
        let Some(name) = key.strip_suffix(DYNAMIC) else {
            self.warn_if_path(field, key, member);
            return (key.clone(), self.payload(field, member));
        };
        if siblings.contains(name) {
            // AWS refuses such an object; its text is not known.
            let message = format!("The fields '{name}' and '{key}' cannot both be used");
            self.refuse_at(field, member.key_span(), message);
        }
        let template = member.node.as_str().and_then(|text| self.dynamic(field, key, member, text));
        if member.node.as_str().is_none() {
            self.not_dynamic(field, key, member, "a string with a path or a call is needed".to_owned());
        }
        (Str::new(name), template.unwrap_or(Template::Constant(Value::Null)))
    }

    /// The value of a key that ends in `.$`.
    fn dynamic(&mut self, field: &Place<'_>, key: &str, member: &Place<'_>, text: &str) -> Option<Template> {
        let problem = if is_call(text) {
            match Call::parse(text) {
                Ok(call) => return Some(Template::Intrinsic(Box::new(call))),
                Err(error) => explain_call(text, error.message),
            }
        } else {
            match Path::parse(text) {
                Ok(path) => return Some(Template::Path(path)),
                Err(error) => error.message,
            }
        };
        self.not_dynamic(field, key, member, problem);
        None
    }

    fn not_dynamic(&mut self, field: &Place<'_>, key: &str, member: &Place<'_>, problem: String) {
        let message =
            format!("The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call");
        self.refuse_at(field, member.node.span, message).hint = Some(problem);
    }

    fn warn_if_path(&mut self, field: &Place<'_>, key: &str, member: &Place<'_>) {
        let what = match member.node.as_str() {
            Some(_) if looks_like_path(member.node) => "a JSONPath",
            Some(text) if is_call(text) && Call::parse(text).is_ok() => "an Intrinsic Function",
            _ => return,
        };
        let message = format!(
            "The value of '{key}' looks like {what}. Instead of '{key}', use '{key}.$' to evaluate it as {what} at runtime."
        );
        self.warn(Code::NoDollar, field, member.node.span, message);
    }

    /// `Result` of a Pass state is taken as it is: keys that end in `.$` in it are probably a mistake.
    pub(super) fn warn_of_static_result(&mut self, field: &Place<'_>, place: &Place<'_>) {
        for (key, member) in place.members() {
            if key.ends_with(DYNAMIC) {
                let message = format!(
                    "The value of '{key}' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of \
                     'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime."
                );
                self.warn(Code::PassResultIsStatic, field, member.key_span(), message);
            }
            self.warn_of_static_result(field, &member);
        }
        for item in place.items() {
            self.warn_of_static_result(field, &item);
        }
    }

    /// A plain field that looks as if its `…Path` form was meant.
    pub(super) fn warn_of_missing_path(&mut self, place: &Place<'_>, name: &str) {
        if looks_like_path(place.node) {
            let message = format!(
                "The value of '{name}' looks like a JSONPath. Instead of '{name}', use '{name}Path' to evaluate it as a \
                 JSONPath at runtime."
            );
            self.warn(Code::NoPath, place, place.node.span, message);
        }
    }
}

/// Whether a text that should be computed is a call rather than a path.
pub(super) fn is_call(text: &str) -> bool {
    text.trim_start().starts_with("States.")
}

/// What is wrong with a call, with the function that was probably meant.
pub(super) fn explain_call(text: &str, problem: String) -> String {
    const NAMES: [&str; 18] = [
        "States.Array",
        "States.ArrayContains",
        "States.ArrayGetItem",
        "States.ArrayLength",
        "States.ArrayPartition",
        "States.ArrayRange",
        "States.ArrayUnique",
        "States.Base64Decode",
        "States.Base64Encode",
        "States.Format",
        "States.Hash",
        "States.JsonMerge",
        "States.JsonToString",
        "States.MathAdd",
        "States.MathRandom",
        "States.StringSplit",
        "States.StringToJson",
        "States.UUID",
    ];
    let name = text.split('(').next().unwrap_or(text).trim();
    match nearest(name, NAMES).filter(|_| !NAMES.contains(&name)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => problem,
    }
}

/// A literal that is nearly certainly meant as a path.
fn looks_like_path(node: &Node) -> bool {
    let Some(text) = node.as_str().filter(|text| text.starts_with('$')) else { return false };
    let is_rooted = matches!(text, "$" | "$$") || ["$.", "$[", "$$.", "$$["].iter().any(|root| text.starts_with(root));
    is_rooted && Path::parse(text).is_ok()
}

/// An array of templates, or a constant when nothing in it is computed.
fn array(items: Vec<Template>) -> Template {
    if items.iter().any(|item| !matches!(item, Template::Constant(_))) {
        return Template::Array(items);
    }
    Template::Constant(items.into_iter().filter_map(constant).collect())
}

/// An object of templates, or a constant when nothing in it is computed.
fn object(members: Vec<(Str, Template)>) -> Template {
    if members.iter().any(|(_, member)| !matches!(member, Template::Constant(_))) {
        return Template::Object(members);
    }
    Template::Constant(members.into_iter().filter_map(|(key, member)| Some((key, constant(member)?))).collect())
}

fn constant(template: Template) -> Option<Value> {
    match template {
        Template::Constant(value) => Some(value),
        _ => None,
    }
}
