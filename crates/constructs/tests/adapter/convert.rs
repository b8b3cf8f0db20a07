//! From values of the input to arguments of the builders, in both languages.

use stepwell_constructs::*;
use stepwell_value::Value;

use super::eval::V;
use super::{Answer, Stop, unknown};

/// A query language, with the conversions that it has and the other has not.
pub trait Lang: Language + Sized {
    fn path_field(path: Path) -> Answer<Field<Self>>;
    fn path_val<T>(path: Path) -> Answer<Val<T, Self>>;
    const IS_JSON_PATH: bool;
}

/// The bucket of a reader or writer.
pub enum BucketArg {
    Known(BucketRef),
    Path(Path),
    Expr(Expr),
}

impl<L: Lang> ReaderBucket<L> for BucketArg {
    fn into_bucket(self) -> Bucket {
        match self {
            BucketArg::Known(bucket) => ReaderBucket::<L>::into_bucket(&bucket),
            BucketArg::Path(path) => ReaderBucket::<JsonPath>::into_bucket(path),
            BucketArg::Expr(expression) => ReaderBucket::<Jsonata>::into_bucket(expression),
        }
    }
}

/// The name of a bucket that the state computes.
pub fn bucket_name<L: Lang>(value: &V) -> Answer<BucketArg> {
    match value {
        V::Path(path) if L::IS_JSON_PATH => Ok(BucketArg::Path(path.clone())),
        V::Path(_) => Err(Stop::NotExpressible("path_in_jsonata_state.rs")),
        _ if L::IS_JSON_PATH => Err(Stop::NotExpressible("text_as_bucket_path.rs")),
        text => Ok(BucketArg::Expr(jsonata(text.text()?))),
    }
}

impl Lang for JsonPath {
    fn path_field(path: Path) -> Answer<Field<JsonPath>> {
        Ok(path.into_field())
    }

    fn path_val<T>(path: Path) -> Answer<Val<T, JsonPath>> {
        Ok(path.into_val())
    }

    const IS_JSON_PATH: bool = true;
}

impl Lang for Jsonata {
    fn path_field(_: Path) -> Answer<Field<Jsonata>> {
        Err(Stop::NotExpressible("path_in_jsonata_state.rs"))
    }

    fn path_val<T>(_: Path) -> Answer<Val<T, Jsonata>> {
        Err(Stop::NotExpressible("path_in_jsonata_state.rs"))
    }

    const IS_JSON_PATH: bool = false;
}

/// Any JSON: a payload, a member of an object.
pub fn field<L: Lang>(value: &V) -> Answer<Field<L>> {
    match value {
        V::Path(path) => L::path_field(path.clone()),
        V::Json(value) => Ok(value.clone().into_field()),
        V::Cfn(cfn) => Ok(cfn.clone().into_field()),
        V::Object(_) => Ok(obj::<L>(value)?.into_field()),
        V::Array(values) => Ok(items::<L>(values)?.into_field()),
        V::Const(name) => Ok(name.rsplit('.').next().unwrap_or(name).into_field()),
        other => unknown(format!("JSON from {other:?}")),
    }
}

/// JSON in which nothing is computed.
pub fn plain(value: &V) -> Answer<Field<Plain>> {
    match value {
        V::Path(_) => Err(Stop::NotExpressible("path_in_result.rs")),
        V::Json(value) => Ok(value.clone().into_field()),
        V::Cfn(cfn) => Ok(cfn.clone().into_field()),
        V::Object(_) => Ok(plain_obj(value)?.into_field()),
        V::Array(values) => {
            let mut items = Items::new();
            for value in values {
                items = match value {
                    V::Json(value) => items.item(value.clone()),
                    V::Object(_) => items.item(plain_obj(value)?),
                    V::Cfn(cfn) => items.item(cfn.clone()),
                    other => return unknown(format!("a plain item from {other:?}")),
                };
            }
            Ok(items.into_field())
        }
        other => unknown(format!("plain JSON from {other:?}")),
    }
}

pub fn plain_obj(value: &V) -> Answer<Obj<Plain>> {
    let mut object = Obj::new();
    for (key, value) in value.members()? {
        object = object.field(key, plain(value)?);
    }
    Ok(object)
}

pub fn obj<L: Lang>(value: &V) -> Answer<Obj<L>> {
    let mut object = Obj::new();
    for (key, value) in value.members()? {
        object = object.field(key, field::<L>(value)?);
    }
    Ok(object)
}

pub fn items<L: Lang>(values: &[V]) -> Answer<Items<L>> {
    let mut items = Items::new();
    for value in values {
        items = match value {
            V::Path(_) => return Err(Stop::NotExpressible("path_in_array.rs")),
            V::Json(value) => items.item(value.clone()),
            V::Cfn(cfn) => items.item(cfn.clone()),
            V::Object(_) => items.item(obj::<L>(value)?),
            V::Array(values) => items.item(self::items::<L>(values)?),
            V::Const(name) => items.item(name.rsplit('.').next().unwrap_or(name)),
            other => return unknown(format!("an item from {other:?}")),
        };
    }
    Ok(items)
}

/// A literal of a type that values can have.
pub trait Literal<L>: Sized {
    fn literal(value: &V) -> Answer<Val<Self, L>>;
}

impl<L> Literal<L> for String {
    fn literal(value: &V) -> Answer<Val<String, L>> {
        match value {
            V::Json(Value::Str(text)) => Ok(text.clone().into_val()),
            V::Cfn(cfn) => Ok(cfn.clone().into_val()),
            V::Const(name) => Ok(name.rsplit('.').next().unwrap_or(name).into_val()),
            other => unknown(format!("a string from {other:?}")),
        }
    }
}

impl<L> Literal<L> for i64 {
    fn literal(value: &V) -> Answer<Val<i64, L>> {
        let number = value.f64()?;
        if number.fract() != 0.0 {
            return Err(Stop::NotExpressible("negative_or_fractional_count.rs"));
        }
        Ok((number as i64).into_val())
    }
}

impl<L> Literal<L> for f64 {
    fn literal(value: &V) -> Answer<Val<f64, L>> {
        Ok(value.f64()?.into_val())
    }
}

impl<L> Literal<L> for bool {
    fn literal(value: &V) -> Answer<Val<bool, L>> {
        Ok(value.bool()?.into_val())
    }
}

impl<L> Literal<L> for Seconds {
    fn literal(value: &V) -> Answer<Val<Seconds, L>> {
        Ok(value.duration()?.into_val())
    }
}

impl<L> Literal<L> for Vec<String> {
    fn literal(value: &V) -> Answer<Val<Vec<String>, L>> {
        let texts = value.items()?.iter().map(|item| match item {
            V::Json(Value::Str(text)) => Ok(Cfn::from(text.clone())),
            V::Cfn(cfn) => Ok(cfn.clone()),
            V::Const(name) => Ok(Cfn::from(name.rsplit('.').next().unwrap_or(name))),
            V::Path(_) => Err(Stop::NotExpressible("path_in_array.rs")),
            other => unknown(format!("a string in a list from {other:?}")),
        });
        Ok(texts.collect::<Answer<Vec<Cfn>>>()?.into_val())
    }
}

/// A value of a type: a path, an expression or a literal.
pub fn val<T: Literal<L>, L: Lang>(value: &V) -> Answer<Val<T, L>> {
    match value {
        V::Path(path) => L::path_val(path.clone()),
        other => T::literal(other),
    }
}

/// `Timeout.duration(…)`, `Timeout.at(…)`, `Timeout.jsonata(…)`, or a duration.
pub fn timeout<L: Lang>(value: &V) -> Answer<Val<Seconds, L>> {
    match value {
        V::Call(name, args) => match (name.as_str(), args.first()) {
            ("Timeout.duration", Some(duration)) => val::<Seconds, L>(duration),
            ("Timeout.at", Some(V::Path(path))) => L::path_val(path.clone()),
            ("Timeout.at", Some(text)) => L::path_val(path(text.text()?)),
            ("Timeout.jsonata", Some(text)) => expression::<Seconds, L>(text.text()?),
            _ => unknown(name),
        },
        other => val::<Seconds, L>(other),
    }
}

/// An expression in a place that has a literal form, too.
pub fn expression<T: 'static, L: Lang>(text: &str) -> Answer<Val<T, L>> {
    // The only language with expressions is Jsonata; `Any` tells which one L is.
    let value: Box<dyn std::any::Any> = Box::new(IntoVal::<T, Jsonata>::into_val(jsonata(text)));
    match value.downcast::<Val<T, L>>() {
        Ok(value) => Ok(*value),
        Err(_) => Err(Stop::NotExpressible("expression_in_json_path_state.rs")),
    }
}

/// CloudFormation text: a string that no state computes.
pub fn cfn(value: &V) -> Answer<Cfn> {
    match value {
        V::Json(Value::Str(text)) => Ok(Cfn::from(text.clone())),
        V::Cfn(cfn) => Ok(cfn.clone()),
        V::Path(_) => Err(Stop::NotExpressible("path_as_resource.rs")),
        other => unknown(format!("CloudFormation text from {other:?}")),
    }
}

/// An argument of `input_path` and its relatives.
#[derive(Clone)]
pub enum Place {
    Text(String),
    Path(Path),
    Discard,
}

pub fn place(value: &V) -> Answer<Place> {
    match value {
        V::Discard => Ok(Place::Discard),
        V::Path(path) => Ok(Place::Path(path.clone())),
        other => Ok(Place::Text(other.text()?.to_owned())),
    }
}

impl IntoReference for Place {
    fn into_reference(self) -> Reference {
        match self {
            Place::Text(text) => text.into_reference(),
            Place::Path(path) => path.into_reference(),
            Place::Discard => DISCARD.into_reference(),
        }
    }
}

pub fn strings(value: &V) -> Answer<Vec<String>> {
    value.items()?.iter().map(|item| Ok(item.text()?.to_owned())).collect()
}

/// A number without fraction.
pub fn whole(number: f64) -> Answer<i64> {
    match number.fract() == 0.0 {
        true => Ok(number as i64),
        false => Err(Stop::NotExpressible("negative_or_fractional_count.rs")),
    }
}

/// The name of a type of machines: its class and its size, which the CDK calls `XLARGE2` where it is `2xlarge`.
pub fn instance_type(class_and_size: &[V]) -> Answer<String> {
    let [class, size] = class_and_size else { return unknown("a type of machines without class and size") };
    let size = size.word()?.to_lowercase();
    let size = match size.strip_prefix("xlarge") {
        Some(number) => format!("{number}xlarge"),
        None => size,
    };
    Ok(format!("{}.{size}", class.word()?.to_lowercase()))
}
