//! The value itself: its variants, accessors and equality.

use std::fmt;
use std::sync::Arc;

use crate::{Array, Decimal, Object, Str, write_compact, write_pretty};

/// A JSON value; 24 bytes, cheap to clone, `Send + Sync`.
///
/// Equality is by value: numbers compare as numbers (`1` equals `1.0`), objects irrespective of key order.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within 64 bits, exact.
    Int(i64),
    /// A double whose shortest text is how it is written; not finite only inside an evaluation.
    Float(f64),
    /// A number that neither of the two prints back as it was written: `1.50`, `1e2`, 30 digits.
    Number(Arc<Decimal>),
    /// A string; up to 23 bytes are held inline.
    Str(Str),
    /// An array.
    Array(Array),
    /// An object; keys keep their order.
    Object(Object),
}

/// What kind of JSON value a [`Value`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// A boolean
    Bool,
    /// Any number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
}

impl Kind {
    /// JSON's own word for the kind, in lower case: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        }
    }
}

impl Value {
    /// The empty object, `{}`.
    pub fn empty_object() -> Value {
        Value::Object(Object::default())
    }

    /// A string value.
    pub fn string(text: impl AsRef<str>) -> Value {
        Value::Str(Str::new(text))
    }

    /// The number nearest to what arithmetic gave: integral results within 2^53 become [`Value::Int`].
    ///
    /// Both forms print alike; the integer is smaller and faster to compare.
    #[inline]
    pub fn number(number: f64) -> Value {
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let int = number as i64;
        if int as f64 == number && number.abs() <= EXACT_MAX && !(int == 0 && number.is_sign_negative()) {
            Value::Int(int)
        } else {
            Value::Float(number)
        }
    }

    /// What kind of JSON value this is.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Float(_) | Value::Number(_) => Kind::Number,
            Value::Str(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether this is a number of any form.
    pub fn is_number(&self) -> bool {
        self.kind() == Kind::Number
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number as a double, if it is a number; beyond 2^53 an integer is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            Value::Number(decimal) => Some(decimal.to_f64()),
            _ => None,
        }
    }

    /// The number as an integer, if it is an integral number within 64 bits, however it is written (`1`, `1.0`, `1e0`).
    pub fn as_i64(&self) -> Option<i64> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Value::Int(int) => Some(*int),
            Value::Float(_) | Value::Number(_) => {
                let float = self.as_f64()?;
                (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
            }
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Containers nested in one another, this one included; 0 for scalars.
    pub fn depth(&self) -> u32 {
        match self {
            Value::Array(array) => array.depth(),
            Value::Object(object) => object.depth(),
            _ => 0,
        }
    }

    /// Compact JSON text; the same as `to_string`, with the buffer given.
    pub fn write_to(&self, out: &mut String) {
        write_compact(self, out);
    }

    /// Length in bytes of the compact JSON text, without making it.
    pub fn json_len(&self) -> usize {
        crate::write::compact_len(self)
    }

    /// Whether both are the same allocation or the same scalar: equal without looking inside.
    pub fn is_same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Array(a), Value::Array(b)) => a.is_same(b),
            (Value::Object(a), Value::Object(b)) => a.is_same(b),
            (Value::Number(a), Value::Number(b)) => Arc::ptr_eq(a, b),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Null, Value::Null) => true,
            _ => false,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => a == b,
            (Value::Number(a), Value::Number(b)) if a.text() == b.text() => true,
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

impl fmt::Display for Value {
    /// JSON text, keys in their order: compact, or indented for people by `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if f.alternate() {
            write_pretty(self, &mut text);
        } else {
            write_compact(self, &mut text);
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Value {
        Value::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int)
    }
}

impl From<i32> for Value {
    fn from(int: i32) -> Value {
        Value::Int(int.into())
    }
}

impl From<u32> for Value {
    fn from(int: u32) -> Value {
        Value::Int(int.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(Str::new(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(Str::from(text))
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Value {
        Value::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::Array(Array::from(items))
    }
}

impl From<Array> for Value {
    fn from(array: Array) -> Value {
        Value::Array(array)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Value {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Value {
        Value::Object(members.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_24_bytes_and_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Value>();
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Option<Value>>(), 24);
    }

    #[test]
    fn the_alternate_form_is_indented() {
        let value = crate::parse(r#"{"a":[1,{}]}"#).expect("it is JSON");
        assert_eq!(format!("{value}"), r#"{"a":[1,{}]}"#);
        assert_eq!(format!("{value:#}"), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    }

    #[test]
    fn equality_is_by_value() {
        let equal = |a: &str, b: &str| crate::parse(a).unwrap() == crate::parse(b).unwrap();
        assert!(equal("1", "1.0"));
        assert!(equal("1e2", "100"));
        assert!(equal(r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1}"#));
        assert!(!equal(r#"{"a":1}"#, r#"{"a":1,"b":2}"#));
        assert!(!equal("9007199254740993", "9007199254740992"));
        assert!(!equal("0", "false"));
        assert!(!equal("null", "0"));
    }

    #[test]
    fn integers_are_read_from_any_spelling() {
        let int = |text: &str| crate::parse(text).unwrap().as_i64();
        assert_eq!(int("7"), Some(7));
        assert_eq!(int("7.0"), Some(7));
        assert_eq!(int("7e1"), Some(70));
        assert_eq!(int("7.5"), None);
        assert_eq!(int("9223372036854775807"), Some(i64::MAX));
        assert_eq!(int("9223372036854775808"), None);
    }

    #[test]
    fn arithmetic_results_print_as_javascript_does() {
        assert_eq!(Value::number(3.0).to_string(), "3");
        assert_eq!(Value::number(-0.5).to_string(), "-0.5");
        assert_eq!(Value::number(1e21).to_string(), "1e+21");
        assert_eq!(Value::number(1e20).to_string(), "100000000000000000000");
    }
}
