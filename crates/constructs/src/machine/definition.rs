//! What a machine is defined by: as CloudFormation gets it, and as an interpreter does.

use stepwell_value::Value;

use crate::cfn::{Cfn, Part};
use crate::json::{Fields, Json};

#[derive(Clone, Debug)]
pub(super) enum Definition {
    /// Rendered states.
    States(Json),
    /// JSON text, with `${name}` for substitutions.
    Text(Cfn),
    /// An object in S3.
    S3 { bucket: Cfn, key: Cfn, version: Option<Cfn> },
}

impl Definition {
    /// The property of the machine in the template.
    pub(super) fn property(&self) -> Fields {
        match self {
            Definition::States(json) => Fields::new().set("DefinitionString", json.to_text()),
            Definition::Text(text) => Fields::new().set("DefinitionString", text.clone()),
            Definition::S3 { bucket, key, version } => {
                let location = Fields::new().set("Bucket", bucket.clone()).set("Key", key.clone());
                Fields::new().set("DefinitionS3Location", location.set_opt("Version", version))
            }
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Definition::States(json) => json.to_value(),
            Definition::Text(text) => {
                text.as_literal().and_then(|text| stepwell_value::parse(text).ok()).unwrap_or_else(|| text.to_value())
            }
            Definition::S3 { .. } => Value::Null,
        }
    }

    /// The definition with all that CloudFormation completes replaced; the machine's properties hold the substitutions.
    pub(super) fn to_asl(&self, properties: &Json) -> Value {
        match self {
            Definition::States(json) => json.resolve(&|cfn| Value::from(resolved(cfn))),
            Definition::Text(text) => {
                let mut text = resolved(text);
                let properties = properties.resolve(&|cfn| Value::from(resolved(cfn)));
                let substitutions = properties.get("DefinitionSubstitutions").and_then(Value::as_object).cloned();
                for (name, value) in substitutions.unwrap_or_default().iter() {
                    text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default());
                }
                stepwell_value::parse(&text).unwrap_or_else(|_| Value::from(text))
            }
            Definition::S3 { .. } => Value::Null,
        }
    }
}

/// The text with every part that CloudFormation completes replaced by what it could become.
fn resolved(cfn: &Cfn) -> String {
    cfn.parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.to_string(),
            Part::Token(token) => resolved_token(token),
        })
        .collect()
}

fn resolved_token(token: &Value) -> String {
    let only = token.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    let Some((function, argument)) = only else { return "unknown".to_owned() };
    match (function.as_str(), argument.as_str(), argument.as_array()) {
        ("Ref", Some("AWS::Partition"), _) => "aws".to_owned(),
        ("Ref", Some("AWS::Region"), _) => "us-east-1".to_owned(),
        ("Ref", Some("AWS::AccountId"), _) => "123456789012".to_owned(),
        ("Ref", Some(id), _) => format!("arn:aws:service:us-east-1:123456789012:{id}"),
        ("Fn::GetAtt", _, Some(arguments)) => {
            let id = arguments.first().and_then(Value::as_str).unwrap_or("unknown");
            format!("arn:aws:service:us-east-1:123456789012:{id}")
        }
        ("Fn::Select", _, Some(arguments)) => selected(arguments).unwrap_or_else(|| "unknown".to_owned()),
        _ => "unknown".to_owned(),
    }
}

/// `Fn::Select` of `Fn::Split`.
fn selected(arguments: &[Value]) -> Option<String> {
    let index = usize::try_from(arguments.first()?.as_i64()?).ok()?;
    let split = arguments.get(1)?.get("Fn::Split")?.as_array()?;
    let delimiter = split.first()?.as_str()?;
    let text = resolved(&Cfn::intrinsic(split.get(1)?));
    text.split(delimiter).nth(index).map(str::to_owned)
}
