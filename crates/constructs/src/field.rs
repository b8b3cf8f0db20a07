//! What may stand where in a state of which language: the conversions behind every builder.

use std::marker::PhantomData;
use std::time::Duration;

use stepwell_value::{Str, Value};

use crate::Cfn;
use crate::json::Json;
use crate::language::{JsonPath, Jsonata};
use crate::path::{Expr, Path, TaskToken};

/// Free JSON in a state of language `L`, ready to be rendered.
#[derive(Clone, Debug)]
pub struct Field<L>(pub(crate) Json, PhantomData<fn() -> L>);

/// Whatever may be a member of an object, or a whole payload, in a state of language `L`.
///
/// Literals, [`Obj`], arrays and [`Cfn`] fit into both languages, [`Path`] only into JSONPath, [`Expr`] only into JSONata.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used in a state whose language is `{L}`",
    note = "`path(…)` and `intrinsic::…` belong to JSONPath states, `jsonata(…)` to JSONata states"
)]
pub trait IntoField<L> {
    /// Converts it.
    fn into_field(self) -> Field<L>;
}

/// Whatever may be an item of an array in a state of language `L`: all that [`IntoField`] takes, except paths.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of an array in a state whose language is `{L}`",
    note = "a path stands for a whole member of an object: `obj!({{ \"items\": intrinsic::array([path(\"$.a\")]) }})`"
)]
pub trait IntoItem<L> {
    /// Converts it.
    fn into_item(self) -> Field<L>;
}

impl<L> Field<L> {
    pub(crate) fn new(json: Json) -> Field<L> {
        Field(json, PhantomData)
    }
}

impl<L> IntoField<L> for Field<L> {
    fn into_field(self) -> Field<L> {
        self
    }
}

/// JSON `null`. A JSONPath state leaves such members out.
#[derive(Clone, Copy, Debug)]
pub struct Null;

macro_rules! literals {
    ($($type:ty: $value:ident => $json:expr;)*) => {$(
        impl<L> IntoField<L> for $type {
            fn into_field(self) -> Field<L> {
                let $value = self;
                Field::new($json)
            }
        }
        impl<L> IntoItem<L> for $type {
            fn into_item(self) -> Field<L> {
                self.into_field()
            }
        }
    )*};
}

literals! {
    &str: text => Json::from(text);
    &String: text => Json::from(text.as_str());
    String: text => Json::Value(Value::from(text));
    Str: text => Json::Value(Value::from(text));
    bool: flag => Json::Value(Value::from(flag));
    i32: number => Json::Value(Value::from(number));
    i64: number => Json::Value(Value::from(number));
    u32: number => Json::Value(Value::from(number));
    u64: number => whole(number);
    usize: number => whole(number as u64);
    f64: number => float(number);
    Null: _null => Json::NULL;
    Cfn: cfn => Json::Cfn(cfn);
    &Cfn: cfn => Json::Cfn(cfn.clone());
    Value: value => Json::Value(value);
}

fn whole(number: u64) -> Json {
    // A number beyond an `i64` is kept as its digits.
    Json::Value(i64::try_from(number).map_or_else(|_| digits(number), Value::from))
}

fn digits(number: u64) -> Value {
    stepwell_value::parse(&number.to_string()).expect("digits are a number of JSON")
}

fn float(number: f64) -> Json {
    match number.is_finite() {
        true => Json::Value(Value::number(number)),
        false => Json::invalid("NumberNotFinite", format!("JSON has no number {number}")),
    }
}

impl IntoField<JsonPath> for Path {
    fn into_field(self) -> Field<JsonPath> {
        Field::new(Json::Path(self))
    }
}

impl IntoField<Jsonata> for Expr {
    fn into_field(self) -> Field<Jsonata> {
        Field::new(Json::Value(Value::from(self.0)))
    }
}

impl IntoItem<Jsonata> for Expr {
    fn into_item(self) -> Field<Jsonata> {
        self.into_field()
    }
}

impl IntoField<JsonPath> for TaskToken {
    fn into_field(self) -> Field<JsonPath> {
        self.path().into_field()
    }
}

impl IntoField<Jsonata> for TaskToken {
    fn into_field(self) -> Field<Jsonata> {
        crate::path::jsonata("$states.context.Task.Token").into_field()
    }
}

impl IntoItem<Jsonata> for TaskToken {
    fn into_item(self) -> Field<Jsonata> {
        self.into_field()
    }
}

impl<L, T: IntoItem<L>, const N: usize> IntoField<L> for [T; N] {
    fn into_field(self) -> Field<L> {
        items(self)
    }
}

impl<L, T: IntoItem<L>> IntoField<L> for Vec<T> {
    fn into_field(self) -> Field<L> {
        items(self)
    }
}

impl<L, T: IntoItem<L>, const N: usize> IntoItem<L> for [T; N] {
    fn into_item(self) -> Field<L> {
        items(self)
    }
}

impl<L, T: IntoItem<L>> IntoItem<L> for Vec<T> {
    fn into_item(self) -> Field<L> {
        items(self)
    }
}

fn items<L, T: IntoItem<L>>(items: impl IntoIterator<Item = T>) -> Field<L> {
    Field::new(Json::Array(items.into_iter().map(|item| item.into_item().0).collect()))
}

/// A JSON object for a state of language `L`; written with [`obj!`](crate::obj).
#[doc(alias = "TaskInput.fromObject")]
#[derive(Clone, Debug)]
pub struct Obj<L>(pub(crate) Vec<(Str, Json)>, PhantomData<fn() -> L>);

impl<L> Obj<L> {
    /// The empty object.
    pub fn new() -> Obj<L> {
        Obj(Vec::new(), PhantomData)
    }

    /// Adds a member.
    #[must_use]
    pub fn field(mut self, key: &str, value: impl IntoField<L>) -> Obj<L> {
        self.0.push((Str::from(key), value.into_field().0));
        self
    }

    pub(crate) fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}

impl<L: crate::Language> Obj<L> {
    /// Whether the task token is in it: the token itself, or the context object, or its part about the task.
    #[doc(alias = "FieldUtils.containsTaskToken")]
    pub fn contains_task_token(&self) -> bool {
        Json::Object(self.0.clone()).mentions_task_token()
    }

    /// The paths in it and in the calls in it, sorted, each once.
    #[doc(alias = "FieldUtils.findReferencedPaths")]
    pub fn referenced_paths(&self) -> Vec<String> {
        let json = Json::Object(self.0.clone());
        let found: std::collections::BTreeSet<String> =
            json.paths().into_iter().flat_map(|path| crate::path::paths_in(path.text())).collect();
        found.into_iter().collect()
    }

    /// The object as it stands in a definition.
    #[doc(alias = "FieldUtils.renderObject")]
    pub fn to_value(&self) -> Value {
        Json::Object(self.0.clone()).render(L::QUERY_LANGUAGE, &mut Vec::new()).to_value()
    }
}

impl<L> Default for Obj<L> {
    fn default() -> Obj<L> {
        Obj::new()
    }
}

impl<L> IntoField<L> for Obj<L> {
    fn into_field(self) -> Field<L> {
        Field::new(self.into_json())
    }
}

impl<L> IntoItem<L> for Obj<L> {
    fn into_item(self) -> Field<L> {
        self.into_field()
    }
}

/// An array whose items have different types; written with [`obj!`](crate::obj).
#[derive(Clone, Debug)]
pub struct Items<L>(Vec<Json>, PhantomData<fn() -> L>);

impl<L> Items<L> {
    /// The empty array.
    pub fn new() -> Items<L> {
        Items(Vec::new(), PhantomData)
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, value: impl IntoItem<L>) -> Items<L> {
        self.0.push(value.into_item().0);
        self
    }
}

impl<L> Default for Items<L> {
    fn default() -> Items<L> {
        Items::new()
    }
}

impl<L> IntoField<L> for Items<L> {
    fn into_field(self) -> Field<L> {
        Field::new(Json::Array(self.0))
    }
}

impl<L> IntoItem<L> for Items<L> {
    fn into_item(self) -> Field<L> {
        self.into_field()
    }
}

/// An [`Obj`](crate::Obj) written as JSON; values are any expressions that the language of the state takes.
///
/// Keys are string literals; a key that is computed is added by [`Obj::field`](crate::Obj::field).
///
/// ```
/// use stepwell_constructs::{JsonPath, Obj, obj, path};
///
/// let payload: Obj<JsonPath> = obj!({
///     "order": path("$.order"),
///     "retries": 3,
///     "options": { "priority": "high", "tags": ["a", { "b": path("$.b") }] },
/// });
/// ```
#[macro_export]
macro_rules! obj {
    ({ $($body:tt)* }) => { $crate::obj!(@object ($crate::Obj::new()) $($body)*) };
    (@object ($done:expr)) => { $done };
    (@object ($done:expr) $key:literal : null $(, $($rest:tt)*)?) => {
        $crate::obj!(@object ($done.field($key, $crate::Null)) $($($rest)*)?)
    };
    (@object ($done:expr) $key:literal : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $crate::obj!(@object ($done.field($key, $crate::obj!({ $($inner)* }))) $($($rest)*)?)
    };
    (@object ($done:expr) $key:literal : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $crate::obj!(@object ($done.field($key, $crate::obj!(@array ($crate::Items::new()) $($inner)*))) $($($rest)*)?)
    };
    (@object ($done:expr) $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $crate::obj!(@object ($done.field($key, $value)) $($($rest)*)?)
    };
    (@array ($done:expr)) => { $done };
    (@array ($done:expr) null $(, $($rest:tt)*)?) => {
        $crate::obj!(@array ($done.item($crate::Null)) $($($rest)*)?)
    };
    (@array ($done:expr) { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $crate::obj!(@array ($done.item($crate::obj!({ $($inner)* }))) $($($rest)*)?)
    };
    (@array ($done:expr) [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $crate::obj!(@array ($done.item($crate::obj!(@array ($crate::Items::new()) $($inner)*))) $($($rest)*)?)
    };
    (@array ($done:expr) $value:expr $(, $($rest:tt)*)?) => {
        $crate::obj!(@array ($done.item($value)) $($($rest)*)?)
    };
    ($($other:tt)*) => {
        compile_error!("obj! takes members with literal keys, `obj!({ \"key\": value })`; for a computed key use `Obj::field`")
    };
}

/// A value of type `T` in a state of language `L`: a literal, or computed by a path or an expression.
#[derive(Clone, Debug)]
pub struct Val<T, L>(pub(crate) Json, PhantomData<fn() -> (T, L)>);

/// Whatever can be a value of type `T` in a state of language `L`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `{T}` of a state whose language is `{L}`",
    note = "`path(…)` and `intrinsic::…` belong to JSONPath states, `jsonata(…)` to JSONata states",
    note = "a span of time is a `std::time::Duration`, a list of texts an array: `[\"a\", \"b\"]`"
)]
pub trait IntoVal<T, L> {
    /// Converts it.
    fn into_val(self) -> Val<T, L>;
}

impl<T, L> Val<T, L> {
    pub(crate) fn new(json: Json) -> Val<T, L> {
        Val(json, PhantomData)
    }
}

impl<T, L> IntoVal<T, L> for Val<T, L> {
    fn into_val(self) -> Val<T, L> {
        self
    }
}

impl<T> IntoVal<T, JsonPath> for Path {
    fn into_val(self) -> Val<T, JsonPath> {
        Val::new(Json::Path(self))
    }
}

impl<T> IntoVal<T, Jsonata> for Expr {
    fn into_val(self) -> Val<T, Jsonata> {
        Val::new(Json::Value(Value::from(self.0)))
    }
}

impl IntoVal<String, JsonPath> for TaskToken {
    fn into_val(self) -> Val<String, JsonPath> {
        self.path().into_val()
    }
}

impl IntoVal<String, Jsonata> for TaskToken {
    fn into_val(self) -> Val<String, Jsonata> {
        crate::path::jsonata("$states.context.Task.Token").into_val()
    }
}

macro_rules! literal_values {
    ($($target:ty: $($type:ty),*;)*) => {$($(
        impl<L> IntoVal<$target, L> for $type {
            fn into_val(self) -> Val<$target, L> {
                Val::new(IntoField::<L>::into_field(self).0)
            }
        }
    )*)*};
}

literal_values! {
    String: &str, &String, String, Str, Cfn, &Cfn;
    i64: i32, u32, i64, u64, usize;
    f64: f64, i32, u32, i64;
    bool: bool;
}

impl<L, T: IntoItem<L> + IntoVal<String, L>, const N: usize> IntoVal<Vec<String>, L> for [T; N] {
    fn into_val(self) -> Val<Vec<String>, L> {
        Val::new(items::<L, T>(self).0)
    }
}

impl<L, T: IntoItem<L> + IntoVal<String, L>> IntoVal<Vec<String>, L> for Vec<T> {
    fn into_val(self) -> Val<Vec<String>, L> {
        Val::new(items::<L, T>(self).0)
    }
}

/// A span of time in whole seconds, as a type for [`IntoVal`]: [`Duration`], or computed by a path or an expression.
#[derive(Clone, Copy, Debug)]
pub enum Seconds {}

impl<L> IntoVal<Seconds, L> for Duration {
    fn into_val(self) -> Val<Seconds, L> {
        Val::new(whole_seconds(self))
    }
}

/// The seconds, if they are whole.
pub(crate) fn whole_seconds(duration: Duration) -> Json {
    match (duration.subsec_nanos(), i64::try_from(duration.as_secs())) {
        (0, Ok(seconds)) => Json::Value(Value::from(seconds)),
        _ => not_whole(duration, "seconds"),
    }
}

/// The minutes, if they are whole.
pub(crate) fn whole_minutes(duration: Duration) -> Json {
    match (duration.subsec_nanos(), duration.as_secs() % 60, i64::try_from(duration.as_secs())) {
        (0, 0, Ok(seconds)) => Json::Value(Value::from(seconds / 60)),
        _ => not_whole(duration, "minutes"),
    }
}

fn not_whole(duration: Duration, unit: &str) -> Json {
    let text = match duration.subsec_nanos() {
        0 => format!("{} seconds", duration.as_secs()),
        _ => format!("{} millis", duration.as_millis()),
    };
    Json::invalid("CannotConvertedIntoWhole", format!("'{text}' cannot be converted into a whole number of {unit}."))
}

/// Seconds as whole minutes; what a state computes is left as it is.
pub(crate) fn seconds_in_minutes(seconds: &Json) -> Json {
    match seconds.number() {
        Some(number) if number >= 0.0 => whole_minutes(Duration::from_secs(number as u64)),
        _ => seconds.clone(),
    }
}
