//! The values of the neutral input: plain JSON, and objects whose one key says what they stand for.

use std::time::Duration;

use stepwell_constructs::{Cfn, Path, intrinsic, list_path, path};
use stepwell_value::{Str, Value};

use super::case::Cx;
use super::{Answer, Stop, convert, unknown};

/// A value that stands in the input.
#[derive(Clone, Debug)]
pub enum V {
    /// A scalar.
    Json(Value),
    Array(Vec<V>),
    Object(Vec<(Str, V)>),
    Path(Path),
    Discard,
    Cfn(Cfn),
    Duration(Duration),
    /// Bytes.
    Size(f64),
    Date(String),
    /// A resource or a state by its name.
    Ref(String),
    Const(String),
    Call(String, Vec<V>),
    New(String, Vec<V>),
    /// A construct of its own, with its id.
    Scoped(String, String, Vec<V>),
}

impl V {
    pub fn str(&self) -> Option<&str> {
        match self {
            V::Json(value) => value.as_str(),
            _ => None,
        }
    }

    pub fn text(&self) -> Answer<&str> {
        self.str().map_or_else(|| unknown(format!("a text, not {self:?}")), Ok)
    }

    pub fn f64(&self) -> Answer<f64> {
        match self {
            V::Json(value) if value.as_f64().is_some() => Ok(value.as_f64().unwrap_or_default()),
            other => unknown(format!("a number, not {other:?}")),
        }
    }

    pub fn u32(&self) -> Answer<u32> {
        let number = self.f64()?;
        if number < 0.0 || number.fract() != 0.0 {
            return Err(Stop::NotExpressible("negative_or_fractional_count.rs"));
        }
        Ok(number as u32)
    }

    pub fn bool(&self) -> Answer<bool> {
        match self {
            V::Json(Value::Bool(flag)) => Ok(*flag),
            other => unknown(format!("a flag, not {other:?}")),
        }
    }

    pub fn items(&self) -> Answer<&[V]> {
        match self {
            V::Array(items) => Ok(items),
            other => unknown(format!("an array, not {other:?}")),
        }
    }

    pub fn members(&self) -> Answer<&[(Str, V)]> {
        match self {
            V::Object(members) => Ok(members),
            other => unknown(format!("an object, not {other:?}")),
        }
    }

    pub fn duration(&self) -> Answer<Duration> {
        match self {
            V::Duration(duration) => Ok(*duration),
            other => unknown(format!("a duration, not {other:?}")),
        }
    }

    /// The last word of a constant: `RUN_JOB` of `IntegrationPattern.RUN_JOB`.
    pub fn word(&self) -> Answer<&str> {
        match self {
            V::Const(name) => Ok(name.rsplit('.').next().unwrap_or(name)),
            V::Json(value) => value.as_str().map_or_else(|| unknown("a constant"), Ok),
            other => unknown(format!("a constant, not {other:?}")),
        }
    }

    /// The properties of a value made by `new` or given as an object.
    pub fn props(&self) -> Answer<Props> {
        match self {
            V::New(_, args) => match args.first() {
                Some(first) => first.props(),
                None => Ok(Props(Vec::new())),
            },
            V::Object(members) => Ok(Props(members.clone())),
            other => unknown(format!("properties, not {other:?}")),
        }
    }
}

/// Properties of which each is taken once; what is left over at the end is a mistake.
#[derive(Clone, Debug, Default)]
pub struct Props(pub Vec<(Str, V)>);

impl Props {
    pub fn take(&mut self, name: &str) -> Option<V> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(index).1)
    }

    pub fn need(&mut self, name: &'static str) -> Answer<V> {
        self.take(name).ok_or(Stop::NotExpressible("missing_argument.rs"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Nothing may be left.
    pub fn done(&self, what: &str) -> Answer<()> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => unknown(format!("property {name} of {what}")),
        }
    }
}

impl Cx {
    pub fn eval(&self, value: &Value) -> Answer<V> {
        match value {
            Value::Array(items) => Ok(V::Array(items.iter().map(|item| self.eval(item)).collect::<Answer<_>>()?)),
            Value::Object(object) => match object.keys().find(|key| key.starts_with('$')).cloned() {
                Some(key) => self.special(&key, value),
                None => {
                    let members = object.iter().map(|(key, value)| Ok((key.clone(), self.eval(value)?)));
                    Ok(V::Object(members.collect::<Answer<_>>()?))
                }
            },
            scalar => Ok(V::Json(scalar.clone())),
        }
    }

    pub fn args(&self, value: &Value) -> Answer<Vec<V>> {
        let args = value.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        args.iter().map(|arg| self.eval(arg)).collect()
    }

    fn special(&self, key: &str, value: &Value) -> Answer<V> {
        let inner = value.get(key).cloned().unwrap_or_default();
        let name = inner.as_str().unwrap_or_default().to_owned();
        match key {
            "$ref" => Ok(V::Ref(name)),
            "$const" => constant(&name),
            "$call" => self.call(&name, self.args(value)?),
            "$new" => Ok(V::New(name, self.args(value)?)),
            "$duration" => Ok(V::Duration(duration(&inner)?)),
            "$size" => size(&inner),
            "$date" => Ok(V::Date(name)),
            "$repeat" => {
                let arguments = inner.as_array().cloned().unwrap_or_default();
                let text = arguments.first().and_then(Value::as_str).unwrap_or_default();
                let count = arguments.get(1).and_then(Value::as_i64).unwrap_or_default();
                Ok(V::Json(Value::from(text.repeat(count as usize))))
            }
            "$range" => {
                let arguments = inner.as_array().cloned().unwrap_or_default();
                let count = arguments.get(1).and_then(Value::as_i64).unwrap_or_default();
                let template = arguments.first().cloned().unwrap_or_default();
                let items = (0..count).map(|i| self.eval(&numbered(&template, i)));
                Ok(V::Array(items.collect::<Answer<_>>()?))
            }
            "$rangeMap" => {
                let arguments = inner.as_array().cloned().unwrap_or_default();
                let count = arguments.get(2).and_then(Value::as_i64).unwrap_or_default();
                let key = arguments.first().and_then(Value::as_str).unwrap_or_default().to_owned();
                let template = arguments.get(1).cloned().unwrap_or_default();
                let members = (0..count)
                    .map(|i| Ok((Str::from(key.replace("%i", &i.to_string())), self.eval(&numbered(&template, i))?)));
                Ok(V::Object(members.collect::<Answer<_>>()?))
            }
            // The name of a file; what is in it was uploaded.
            "$tmpfile" => Ok(V::Json(inner.as_array().and_then(|file| file.first().cloned()).unwrap_or_default())),
            "$concat" => Err(Stop::NotExpressible("path_in_text.rs")),
            "$attr" => self.attribute(&name),
            "$method" => self.value_method(&name, self.args(value)?),
            "$pipe" => self.pipe(&inner),
            "$formatArn" => self.format_arn(self.eval(&inner)?.props()?),
            "$stack" => Ok(V::Ref("stack".to_owned())),
            "$scopedNew" => Ok(V::Scoped(name, super::text(value, "id"), self.args(value)?)),
            other => unknown(other),
        }
    }

    /// `Stack.formatArn`.
    fn format_arn(&self, mut props: Props) -> Answer<V> {
        let text = |props: &mut Props, name: &str| props.take(name).map(|v| convert::cfn(&v)).transpose();
        let service = text(&mut props, "service")?.unwrap_or_default();
        let resource = text(&mut props, "resource")?.unwrap_or_default();
        let format = props.take("arnFormat").map(|v| v.word().map(str::to_owned)).transpose()?;
        let resource = match (text(&mut props, "resourceName")?, format.as_deref()) {
            (None, _) | (_, Some("NO_RESOURCE_NAME")) => resource,
            (Some(name), Some("COLON_RESOURCE_NAME")) => resource.then(":").then(name),
            (Some(name), Some("SLASH_RESOURCE_SLASH_RESOURCE_NAME")) => {
                Cfn::from("/").then(resource).then("/").then(name)
            }
            (Some(name), _) => resource.then("/").then(name),
        };
        let (region, account) = (text(&mut props, "region")?, text(&mut props, "account")?);
        props.done("formatArn")?;
        let Some(service) = service.as_literal() else { return unknown("an ARN of a service that is not known") };
        Ok(V::Cfn(match (region, account) {
            (None, None) => self.stack.format_arn(service, resource),
            (region, account) => Cfn::join([
                Cfn::from("arn:").then(Cfn::partition()).then(format!(":{service}:")),
                region.unwrap_or_else(Cfn::region).then(":"),
                account.unwrap_or_else(Cfn::account_id).then(":"),
                resource,
            ]),
        }))
    }

    fn pipe(&self, inner: &Value) -> Answer<V> {
        let steps = inner.as_array().cloned().unwrap_or_default();
        let mut steps = steps.iter();
        let mut value = self.eval(steps.next().unwrap_or(&Value::Null))?;
        for step in steps {
            let step = step.as_array().cloned().unwrap_or_default();
            let method = step.first().and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut args = vec![value];
            for arg in step.iter().skip(1) {
                args.push(self.eval(arg)?);
            }
            value = V::Call(format!(".{method}"), args);
        }
        Ok(value)
    }

    fn call(&self, name: &str, mut args: Vec<V>) -> Answer<V> {
        let Some(function) = name.strip_prefix("JsonPath.") else {
            return match name {
                "TaskInput.fromText" | "TaskInput.fromObject" => args.pop().map_or_else(|| unknown(name), Ok),
                "TaskInput.fromJsonPathAt" | "TaskInput.fromDataAt" | "TaskInput.fromContextAt" => {
                    Ok(V::Path(path(args.first().map_or(Ok(""), V::text)?)))
                }
                _ => Ok(V::Call(name.to_owned(), args)),
            };
        };
        let first = args.first();
        Ok(V::Path(match function {
            "stringAt" | "numberAt" | "objectAt" => path(first.map_or(Ok(""), V::text)?),
            "listAt" => list_path(first.map_or(Ok(""), V::text)?),
            "format" => {
                let template = argument(&args[0])?;
                intrinsic::format(template, arguments(&args[1..])?)
            }
            "array" => intrinsic::array(arguments(&args)?),
            "uuid" => intrinsic::uuid(),
            "jsonMerge" => intrinsic::json_merge(as_path(&args[0])?, as_path(&args[1])?),
            "jsonToString" => intrinsic::json_to_string(as_path(&args[0])?),
            "arrayLength" => intrinsic::array_length(argument(&args[0])?),
            "arrayUnique" => intrinsic::array_unique(argument(&args[0])?),
            "base64Encode" => intrinsic::base64_encode(argument(&args[0])?),
            "base64Decode" => intrinsic::base64_decode(argument(&args[0])?),
            "stringToJson" => intrinsic::string_to_json(argument(&args[0])?),
            "arrayPartition" => intrinsic::array_partition(argument(&args[0])?, argument(&args[1])?),
            "arrayContains" => intrinsic::array_contains(argument(&args[0])?, argument(&args[1])?),
            "arrayGetItem" => intrinsic::array_get_item(argument(&args[0])?, argument(&args[1])?),
            "hash" => intrinsic::hash(argument(&args[0])?, argument(&args[1])?),
            "mathRandom" => intrinsic::math_random(argument(&args[0])?, argument(&args[1])?),
            "mathAdd" => intrinsic::math_add(argument(&args[0])?, argument(&args[1])?),
            "stringSplit" => intrinsic::string_split(argument(&args[0])?, argument(&args[1])?),
            "arrayRange" => intrinsic::array_range(argument(&args[0])?, argument(&args[1])?, argument(&args[2])?),
            other => return unknown(format!("JsonPath.{other}")),
        }))
    }

    /// An attribute of a declared resource: `bucket.bucketName`, `vpc.privateSubnets[0]`.
    pub fn attribute(&self, name: &str) -> Answer<V> {
        let (resource, attribute) = name.split_once('.').unwrap_or((name, ""));
        match self.attrs.get(resource).and_then(|attrs| attrs.get(attribute)) {
            Some(value) => Ok(attribute_value(value)),
            None => match attribute {
                "privateSubnets" => self.attribute(&format!("{resource}.privateSubnetIds")),
                "privateSubnets[0]" => {
                    let subnets = self.attribute(&format!("{resource}.privateSubnetIds"))?;
                    subnets.items()?.first().cloned().map_or_else(|| unknown(name), Ok)
                }
                "value" => {
                    let given = self.resources.iter().find(|entry| super::text(entry, "ref") == resource);
                    match given.and_then(|entry| entry.get("value")) {
                        Some(value) => self.eval(value),
                        None => unknown(format!("the value of {resource}")),
                    }
                }
                _ => self.own_attribute(resource, attribute),
            },
        }
    }
}

/// What a resource answers: CloudFormation text, or facts.
pub fn attribute_value(value: &Value) -> V {
    match value {
        Value::Array(items) => V::Array(items.iter().map(attribute_value).collect()),
        Value::Object(object)
            if object.len() == 1 && object.keys().any(|key| key == "Ref" || key.starts_with("Fn::")) =>
        {
            V::Cfn(Cfn::intrinsic(value))
        }
        Value::Object(object) => {
            V::Object(object.iter().map(|(key, value)| (key.clone(), attribute_value(value))).collect())
        }
        scalar => V::Json(scalar.clone()),
    }
}

fn arguments(values: &[V]) -> Answer<Vec<intrinsic::Argument>> {
    values.iter().map(argument).collect()
}

fn argument(value: &V) -> Answer<intrinsic::Argument> {
    use intrinsic::IntoArgument;
    match value {
        V::Path(path) => Ok(path.into_argument()),
        V::Json(Value::Str(text)) => Ok(text.as_str().into_argument()),
        V::Json(value) if value.is_number() => Ok(value.as_f64().unwrap_or_default().into_argument()),
        _ => Err(Stop::NotExpressible("object_as_argument.rs")),
    }
}

fn as_path(value: &V) -> Answer<Path> {
    match value {
        V::Path(path) => Ok(path.clone()),
        _ => Err(Stop::NotExpressible("text_as_path_argument.rs")),
    }
}

fn constant(name: &str) -> Answer<V> {
    let Some(constant) = name.strip_prefix("JsonPath.") else { return Ok(V::Const(name.to_owned())) };
    Ok(V::Path(path(match constant {
        "DISCARD" => return Ok(V::Discard),
        "entirePayload" => "$",
        "entireContext" => "$$",
        "taskToken" => "$$.Task.Token",
        "executionId" => "$$.Execution.Id",
        "executionInput" => "$$.Execution.Input",
        "executionName" => "$$.Execution.Name",
        "executionRoleArn" => "$$.Execution.RoleArn",
        "executionStartTime" => "$$.Execution.StartTime",
        "stateEnteredTime" => "$$.State.EnteredTime",
        "stateName" => "$$.State.Name",
        "stateRetryCount" => "$$.State.RetryCount",
        "stateMachineId" => "$$.StateMachine.Id",
        "stateMachineName" => "$$.StateMachine.Name",
        other => return unknown(format!("JsonPath.{other}")),
    })))
}

fn numbered(template: &Value, number: i64) -> Value {
    match template {
        Value::Str(text) => Value::from(text.replace("%i", &number.to_string())),
        Value::Array(items) => items.iter().map(|item| numbered(item, number)).collect(),
        Value::Object(object) => {
            let members =
                object.iter().map(|(key, value)| (key.replace("%i", &number.to_string()), numbered(value, number)));
            members.collect()
        }
        other => other.clone(),
    }
}

fn duration(value: &Value) -> Answer<Duration> {
    let object = value.as_object().cloned().unwrap_or_default();
    let Some((unit, amount)) = object.iter().next() else { return unknown("a duration without unit") };
    let amount = amount.as_f64().unwrap_or_default();
    if amount < 0.0 {
        return Err(Stop::NotExpressible("negative_duration.rs"));
    }
    let seconds = match unit.as_str() {
        "millis" => amount / 1000.0,
        "seconds" => amount,
        "minutes" => amount * 60.0,
        "hours" => amount * 3600.0,
        "days" => amount * 86_400.0,
        other => return unknown(format!("duration in {other}")),
    };
    Ok(Duration::from_secs_f64(seconds))
}

fn size(value: &Value) -> Answer<V> {
    let object = value.as_object().cloned().unwrap_or_default();
    let Some((unit, amount)) = object.iter().next() else { return unknown("a size without unit") };
    let factor = match unit.as_str() {
        "bytes" => 1.0,
        "kibibytes" => 1024.0,
        "mebibytes" => 1024.0 * 1024.0,
        "gibibytes" => 1024.0 * 1024.0 * 1024.0,
        "tebibytes" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        other => return unknown(format!("size in {other}")),
    };
    Ok(V::Size(amount.as_f64().unwrap_or_default() * factor))
}
