//! Calls of the intrinsic functions of JSONPath states, `States.Format(…)` and its relatives.

use std::sync::Arc;

use crate::error::Problem;
use crate::path::{Path, TaskToken};

/// An argument of an intrinsic function: a path, another call, or a literal.
#[derive(Clone, Debug)]
pub struct Argument {
    text: String,
    problem: Option<Arc<Problem>>,
}

/// Whatever can be an argument of an intrinsic function.
pub trait IntoArgument {
    /// Converts it.
    fn into_argument(self) -> Argument;
}

impl IntoArgument for Argument {
    fn into_argument(self) -> Argument {
        self
    }
}

impl IntoArgument for Path {
    fn into_argument(self) -> Argument {
        Argument { text: self.text().to_owned(), problem: self.problem().cloned() }
    }
}

impl IntoArgument for &Path {
    fn into_argument(self) -> Argument {
        self.clone().into_argument()
    }
}

impl IntoArgument for TaskToken {
    fn into_argument(self) -> Argument {
        self.path().into_argument()
    }
}

impl IntoArgument for &str {
    fn into_argument(self) -> Argument {
        Argument { text: quoted(self), problem: None }
    }
}

impl IntoArgument for String {
    fn into_argument(self) -> Argument {
        self.as_str().into_argument()
    }
}

impl IntoArgument for i32 {
    fn into_argument(self) -> Argument {
        Argument { text: self.to_string(), problem: None }
    }
}

impl IntoArgument for i64 {
    fn into_argument(self) -> Argument {
        Argument { text: self.to_string(), problem: None }
    }
}

impl IntoArgument for f64 {
    fn into_argument(self) -> Argument {
        Argument { text: stepwell_value::js_number_text(self), problem: None }
    }
}

/// A string literal of the States Language: in single quotes; `'` is escaped, and so is `\` except before a brace.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '\\' if !matches!(rest.peek(), Some('{' | '}')) => quoted.push_str("\\\\"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

fn call(function: &str, arguments: impl IntoIterator<Item = Argument>) -> Path {
    let mut text = format!("States.{function}(");
    let mut problem = None;
    for (index, argument) in arguments.into_iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&argument.text);
        problem = problem.or(argument.problem);
    }
    text.push(')');
    Path::call(text, problem)
}

/// `States.Format`: the template with each `{}` replaced by an argument.
///
/// ```
/// use stepwell_constructs::{intrinsic, path};
///
/// let greeting = intrinsic::format("Hello, {}!", [path("$.name")]);
/// assert_eq!(greeting.text(), "States.Format('Hello, {}!', $.name)");
/// ```
#[doc(alias = "JsonPath.format")]
pub fn format<A: IntoArgument>(template: impl IntoArgument, arguments: impl IntoIterator<Item = A>) -> Path {
    let template = template.into_argument();
    call("Format", std::iter::once(template).chain(arguments.into_iter().map(IntoArgument::into_argument)))
}

/// `States.Array`: an array of the arguments.
#[doc(alias = "JsonPath.array")]
pub fn array<A: IntoArgument>(items: impl IntoIterator<Item = A>) -> Path {
    call("Array", items.into_iter().map(IntoArgument::into_argument))
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) => $function:literal, $alias:literal;)*) => {$(
        $(#[$doc])*
        #[doc(alias = $alias)]
        pub fn $name($($argument: impl IntoArgument),*) -> Path {
            call($function, [$($argument.into_argument()),*])
        }
    )*};
}

functions! {
    /// `States.ArrayPartition`: the array cut into arrays of at most `chunk_size` items.
    array_partition(array, chunk_size) => "ArrayPartition", "JsonPath.arrayPartition";
    /// `States.ArrayContains`: whether the array has the value among its items.
    array_contains(array, value) => "ArrayContains", "JsonPath.arrayContains";
    /// `States.ArrayRange`: the numbers from `start` to `end`, both included, in steps of `step`; 1,000 at most.
    array_range(start, end, step) => "ArrayRange", "JsonPath.arrayRange";
    /// `States.ArrayGetItem`: the item at the index, counted from 0.
    array_get_item(array, index) => "ArrayGetItem", "JsonPath.arrayGetItem";
    /// `States.ArrayLength`: how many items the array has.
    array_length(array) => "ArrayLength", "JsonPath.arrayLength";
    /// `States.ArrayUnique`: the array without repeated items, in no particular order.
    array_unique(array) => "ArrayUnique", "JsonPath.arrayUnique";
    /// `States.Base64Encode`: the text of at most 10,000 characters as Base64.
    base64_encode(text) => "Base64Encode", "JsonPath.base64Encode";
    /// `States.Base64Decode`: the text that the Base64 of at most 10,000 characters stands for.
    base64_decode(text) => "Base64Decode", "JsonPath.base64Decode";
    /// `States.Hash`: the hash of the value, by `MD5`, `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`.
    hash(data, algorithm) => "Hash", "JsonPath.hash";
    /// `States.StringToJson`: the JSON value that the text stands for.
    string_to_json(text) => "StringToJson", "JsonPath.stringToJson";
    /// `States.MathRandom`: a whole number from `start`, included, to `end`, excluded.
    math_random(start, end) => "MathRandom", "JsonPath.mathRandom";
    /// `States.MathAdd`: the sum of two whole numbers.
    math_add(first, second) => "MathAdd", "JsonPath.mathAdd";
    /// `States.StringSplit`: the text cut at every character of `separators`.
    string_split(text, separators) => "StringSplit", "JsonPath.stringSplit";
}

/// `States.JsonMerge`: the members of both objects; where both have one, that of the second. Not below the first level.
#[doc(alias = "JsonPath.jsonMerge")]
pub fn json_merge(first: Path, second: Path) -> Path {
    call("JsonMerge", [first.into_argument(), second.into_argument(), Argument { text: "false".into(), problem: None }])
}

/// `States.JsonToString`: the value as JSON text.
#[doc(alias = "JsonPath.jsonToString")]
pub fn json_to_string(value: Path) -> Path {
    call("JsonToString", [value.into_argument()])
}

/// `States.UUID`: a new version 4 UUID.
#[doc(alias = "JsonPath.uuid")]
pub fn uuid() -> Path {
    call("UUID", [])
}
