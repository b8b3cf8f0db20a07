//! Text that CloudFormation completes when it deploys: literals and intrinsic functions side by side.

use stepwell_value::{Str, Value, write_string};

/// A string of a template, known now or only at deployment: literal text, `Ref`, `Fn::GetAtt`, or a mixture.
///
/// It is accepted wherever a string is, in states of both languages.
///
/// ```
/// use stepwell_constructs::Cfn;
///
/// let arn = Cfn::join([Cfn::from("arn:"), Cfn::partition(), Cfn::from(":s3:::"), Cfn::reference("Bucket")]);
/// assert_eq!(
///     arn.to_value().to_string(),
///     r#"{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",{"Ref":"Bucket"}]]}"#,
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cfn {
    parts: Vec<Part>,
}

// Texts of a template are ARNs mostly, and those differ at their ends.
impl PartialEq for Cfn {
    fn eq(&self, other: &Cfn) -> bool {
        self.parts.len() == other.parts.len() && self.parts.iter().rev().eq(other.parts.iter().rev())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(Str),
    /// An intrinsic function of CloudFormation, as it stands in a template.
    Token(Value),
}

impl Cfn {
    /// `{"Ref": …}`: the physical id of a resource of the template, or a parameter of it.
    pub fn reference(logical_id: &str) -> Cfn {
        Cfn::token(object("Ref", Value::from(logical_id)))
    }

    /// `{"Fn::GetAtt": […]}`: an attribute of a resource of the template.
    pub fn get_att(logical_id: &str, attribute: &str) -> Cfn {
        Cfn::token(object("Fn::GetAtt", [Value::from(logical_id), Value::from(attribute)].into_iter().collect()))
    }

    /// Any intrinsic function, given as it stands in a template; `Fn::Join` without delimiter is taken apart.
    pub fn intrinsic(value: &Value) -> Cfn {
        if let Some(text) = value.as_str() {
            return Cfn::from(text);
        }
        match joined(value) {
            Some(parts) => Cfn::join(parts.iter().map(Cfn::intrinsic)),
            None => Cfn::token(value.clone()),
        }
    }

    /// `AWS::Partition`: `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition() -> Cfn {
        Cfn::reference("AWS::Partition")
    }

    /// `AWS::Region`: the region that the stack is deployed to.
    pub fn region() -> Cfn {
        Cfn::reference("AWS::Region")
    }

    /// `AWS::AccountId`: the account that the stack is deployed to.
    pub fn account_id() -> Cfn {
        Cfn::reference("AWS::AccountId")
    }

    /// All parts one after the other.
    pub fn join(parts: impl IntoIterator<Item = Cfn>) -> Cfn {
        let mut all = Cfn::default();
        parts.into_iter().for_each(|part| all.push(part));
        all
    }

    /// This text followed by another.
    #[must_use]
    pub fn then(mut self, more: impl Into<Cfn>) -> Cfn {
        self.push(more.into());
        self
    }

    /// The text, if all of it is known now.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What stands at this place between the delimiters, counted from 0: `Fn::Select` of `Fn::Split`.
    pub(crate) fn part(&self, index: u32, delimiter: &str) -> Cfn {
        let split = object("Fn::Split", [Value::from(delimiter), self.to_value()].into_iter().collect());
        Cfn::token(object("Fn::Select", [Value::from(index), split].into_iter().collect()))
    }

    /// How it stands in a template: a string, an intrinsic function, or `Fn::Join` of both.
    pub fn to_value(&self) -> Value {
        match self.parts.as_slice() {
            [] => Value::from(""),
            [part] => part.to_value(),
            parts => {
                let list: Value = parts.iter().map(Part::to_value).collect();
                object("Fn::Join", [Value::from(""), list].into_iter().collect())
            }
        }
    }

    /// The text of [`to_value`](Cfn::to_value).
    pub(crate) fn json(&self) -> String {
        let mut text = String::with_capacity(64 * self.parts.len());
        match self.parts.as_slice() {
            [] => text.push_str("\"\""),
            [part] => part.write(&mut text),
            parts => {
                text.push_str("{\"Fn::Join\":[\"\",[");
                for (n, part) in parts.iter().enumerate() {
                    if n > 0 {
                        text.push(',');
                    }
                    part.write(&mut text);
                }
                text.push_str("]]}");
            }
        }
        text
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) fn push(&mut self, more: Cfn) {
        for part in more.parts {
            match (self.parts.last_mut(), part) {
                (Some(Part::Text(last)), Part::Text(text)) => *last = Str::from([&**last, &*text].concat()),
                (_, part) => self.parts.push(part),
            }
        }
    }

    fn token(value: Value) -> Cfn {
        Cfn { parts: vec![Part::Token(value)] }
    }
}

impl Part {
    fn to_value(&self) -> Value {
        match self {
            Part::Text(text) => Value::from(text.clone()),
            Part::Token(token) => token.clone(),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Part::Text(text) => write_string(text, out),
            Part::Token(token) => token.write_to(out),
        }
    }
}

impl From<&str> for Cfn {
    fn from(text: &str) -> Cfn {
        Cfn::from(Str::from(text))
    }
}

impl From<String> for Cfn {
    fn from(text: String) -> Cfn {
        Cfn::from(Str::from(text))
    }
}

impl From<Str> for Cfn {
    fn from(text: Str) -> Cfn {
        Cfn { parts: if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] } }
    }
}

impl From<&Cfn> for Cfn {
    fn from(cfn: &Cfn) -> Cfn {
        cfn.clone()
    }
}

fn joined(value: &Value) -> Option<&[Value]> {
    let object = value.as_object()?;
    let arguments = object.get("Fn::Join")?.as_array()?;
    match &arguments[..] {
        [delimiter, Value::Array(parts)] if object.len() == 1 && delimiter.as_str() == Some("") => Some(parts),
        _ => None,
    }
}

fn object(key: &str, value: Value) -> Value {
    [(key, value)].into_iter().collect()
}
