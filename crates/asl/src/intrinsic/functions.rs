//! What each function gives.

use std::borrow::Cow;

use stepwell_value::{Array, DEPTH_MAX, Object, Value, parse};

use super::{Argument, CHARACTERS_MAX, Call, Function, IntrinsicFault, RANGE_ITEMS_MAX, base64, hash, uuid};
use crate::Scope;
use crate::java;
use crate::jsonpath::{Root, Selected};

/// Calls nest no deeper than the parser allows, which bounds this recursion.
pub(super) fn evaluate(call: &Call, data: &Value, scope: &dyn Scope) -> Result<Value, IntrinsicFault> {
    let call = Evaluation { call, data, scope };
    match call.call.function {
        Function::Format => call.format(),
        Function::StringToJson => call.string_to_json(),
        Function::JsonToString => Ok(call.argument(0)?.to_string().into()),
        Function::Array => call.array(),
        Function::ArrayPartition => call.array_partition(),
        Function::ArrayContains => call.array_contains(),
        Function::ArrayRange => call.array_range(),
        Function::ArrayGetItem => call.array_get_item(),
        Function::ArrayLength => Ok(Value::Int(call.items(0)?.len() as i64)),
        Function::ArrayUnique => Ok(java::hash_set_order(&call.items(0)?).into()),
        Function::Base64Encode => call.base64_encode(),
        Function::Base64Decode => call.base64_decode(),
        Function::Hash => call.hash(),
        Function::JsonMerge => call.json_merge(),
        Function::MathRandom => call.math_random(),
        Function::MathAdd => call.math_add(),
        Function::StringSplit => call.string_split(),
        Function::Uuid => Ok(uuid(scope.random(), scope.random()).into()),
    }
}

struct Evaluation<'a> {
    call: &'a Call,
    data: &'a Value,
    scope: &'a dyn Scope,
}

impl<'a> Evaluation<'a> {
    /// The value of an argument, borrowed when it is part of the data or of the definition.
    fn argument(&self, n: usize) -> Result<Selected<'a>, IntrinsicFault> {
        match &self.call.arguments[n] {
            Argument::Constant(value) | Argument::Text { value, .. } => Ok(Selected::Borrowed(value)),
            Argument::Call(call) => evaluate(call, self.data, self.scope).map(Selected::Owned),
            Argument::Path(path) => path.select(self.data, self.scope).map_err(|_| {
                let searched = match path.root() {
                    Root::Context => self.scope.context(),
                    Root::Data | Root::Variable(_) => self.data,
                };
                IntrinsicFault::PathNotFound { path: path.text().into(), input: searched.to_string() }
            }),
        }
    }

    fn items(&self, n: usize) -> Result<Array, IntrinsicFault> {
        self.argument(n)?.as_array().cloned().ok_or_else(|| self.invalid())
    }

    fn object(&self, n: usize) -> Result<Object, IntrinsicFault> {
        self.argument(n)?.as_object().cloned().ok_or_else(|| self.invalid())
    }

    /// The text of an argument that must be a string.
    fn text(&self, n: usize) -> Result<stepwell_value::Str, IntrinsicFault> {
        match &*self.argument(n)? {
            Value::Str(text) => Ok(text.clone()),
            _ => Err(self.invalid()),
        }
    }

    /// An argument that must be a number, its fraction cut off; beyond 64 bits nothing accepts it.
    fn integer(&self, n: usize) -> Result<i64, IntrinsicFault> {
        let value = self.argument(n)?;
        if let Value::Int(int) = *value {
            return Ok(int);
        }
        let number = value.as_f64().ok_or_else(|| self.invalid())?.trunc();
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if (-LIMIT..LIMIT).contains(&number) { Ok(number as i64) } else { Err(self.invalid()) }
    }

    fn invalid(&self) -> IntrinsicFault {
        IntrinsicFault::InvalidArguments { function: self.call.function.name() }
    }

    /// `value`, if it is not nested too deeply to be passed on.
    fn checked(&self, value: Value) -> Result<Value, IntrinsicFault> {
        if value.depth() > DEPTH_MAX { Err(self.invalid()) } else { Ok(value) }
    }

    fn format(&self) -> Result<Value, IntrinsicFault> {
        let first;
        let template = match &self.call.arguments[0] {
            Argument::Text { written, .. } => written,
            _ => {
                first = self.text(0)?;
                &first
            }
        };
        let mut text = String::with_capacity(template.len());
        let mut next = 1;
        let mut characters = template.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.peek() {
                    Some('{' | '}' | '\\' | '\'') => text.extend(characters.next()),
                    _ => text.push('\\'),
                },
                '{' => {
                    if characters.next() != Some('}') {
                        return Err(IntrinsicFault::FormatBrace { missing: '}', found: '{' });
                    }
                    if next == self.call.arguments.len() {
                        return Err(IntrinsicFault::FormatCount);
                    }
                    match &*self.argument(next)? {
                        Value::Str(inserted) => text.push_str(inserted),
                        collection @ (Value::Array(_) | Value::Object(_)) => {
                            java::write_collection(collection, &mut text);
                        }
                        scalar => scalar.write_to(&mut text),
                    }
                    next += 1;
                }
                '}' => return Err(IntrinsicFault::FormatBrace { missing: '{', found: '}' }),
                character => text.push(character),
            }
        }
        if next < self.call.arguments.len() {
            return Err(IntrinsicFault::FormatCount);
        }
        Ok(text.into())
    }

    fn string_to_json(&self) -> Result<Value, IntrinsicFault> {
        let text = self.text(0)?;
        if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Ok(Value::Null);
        }
        let value = parse(&text).map_err(|_| self.invalid())?;
        Ok(if text.contains("-0") { without_negative_zero(value) } else { value })
    }

    fn array(&self) -> Result<Value, IntrinsicFault> {
        let items = (0..self.call.arguments.len()).map(|n| Ok(self.argument(n)?.into_value()));
        self.checked(items.collect::<Result<Vec<_>, _>>()?.into())
    }

    fn array_partition(&self) -> Result<Value, IntrinsicFault> {
        let items = self.items(0)?;
        let size = self.integer(1)?;
        if size < 1 {
            return Err(self.invalid());
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.checked(items.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect())
    }

    fn array_contains(&self) -> Result<Value, IntrinsicFault> {
        let items = self.items(0)?;
        let wanted = self.argument(1)?;
        let wanted_text = comparable_text(&wanted);
        let found = items.iter().any(|item| match (item, &*wanted) {
            (Value::Int(item), Value::Int(wanted)) => item == wanted,
            (Value::Str(item), _) => **item == *wanted_text,
            _ => comparable_text(item) == wanted_text,
        });
        Ok(found.into())
    }

    fn array_range(&self) -> Result<Value, IntrinsicFault> {
        let (start, end, step) = (self.integer(0)?, self.integer(1)?, self.integer(2)?);
        if step == 0 {
            return Err(self.invalid());
        }
        let distance = i128::from(end) - i128::from(start);
        let step_wide = i128::from(step);
        if distance != 0 && (distance < 0) != (step < 0) {
            return Ok(Vec::new().into());
        }
        let count = distance / step_wide + 1;
        match usize::try_from(count) {
            // Each item lies between start and end, so that what wraps on the way to it has wrapped back.
            Ok(count) if count <= RANGE_ITEMS_MAX => {
                let item = |n: i64| Value::Int(start.wrapping_add(n.wrapping_mul(step)));
                Ok((0..count as i64).map(item).collect())
            }
            _ => Err(self.invalid()),
        }
    }

    fn array_get_item(&self) -> Result<Value, IntrinsicFault> {
        let items = self.items(0)?;
        let index = self.integer(1)?;
        if items.is_empty() {
            return Ok(Value::Null);
        }
        let item = usize::try_from(index).ok().and_then(|index| items.get(index));
        item.cloned().ok_or_else(|| self.invalid())
    }

    fn base64_encode(&self) -> Result<Value, IntrinsicFault> {
        let text = self.text(0)?;
        self.check_length(&text)?;
        Ok(base64::encode(text.as_bytes()).into())
    }

    fn base64_decode(&self) -> Result<Value, IntrinsicFault> {
        let text = self.text(0)?;
        self.check_length(&text)?;
        let data = base64::decode(&text).ok_or_else(|| self.invalid())?;
        Ok(String::from_utf8_lossy(&data).into_owned().into())
    }

    fn hash(&self) -> Result<Value, IntrinsicFault> {
        let data = self.argument(0)?;
        let data = comparable_text(&data);
        self.check_length(&data)?;
        let digest = hash(&self.text(1)?, data.as_bytes()).ok_or_else(|| self.invalid())?;
        Ok(digest.into())
    }

    fn check_length(&self, text: &str) -> Result<(), IntrinsicFault> {
        let fits = text.len() <= CHARACTERS_MAX || text.encode_utf16().count() <= CHARACTERS_MAX;
        if fits { Ok(()) } else { Err(self.invalid()) }
    }

    fn json_merge(&self) -> Result<Value, IntrinsicFault> {
        let (mut merged, second) = (self.object(0)?, self.object(1)?);
        // AWS: deep merging is not supported.
        if self.argument(2)?.as_bool() != Some(false) {
            return Err(self.invalid());
        }
        for (key, member) in &second {
            merged.insert(key.clone(), member.clone());
        }
        Ok(merged.into())
    }

    fn math_random(&self) -> Result<Value, IntrinsicFault> {
        let (start, end) = (self.integer(0)?, self.integer(1)?);
        // Java draws an `int` below the distance.
        let bound = end.checked_sub(start).and_then(|distance| i32::try_from(distance).ok());
        let Some(bound) = bound.filter(|bound| *bound > 0) else { return Err(self.invalid()) };
        let drawn = match self.call.arguments.len() {
            3 => i64::from(java::Random::new(self.integer(2)?).next_int(bound)),
            _ => ((u128::from(self.scope.random()) * bound as u128) >> 64) as i64,
        };
        Ok(Value::Int(start + drawn))
    }

    fn math_add(&self) -> Result<Value, IntrinsicFault> {
        let operand = |n| -> Result<i32, IntrinsicFault> {
            let value = self.argument(n)?;
            let rounded = match *value {
                Value::Int(int) => int,
                _ => java::round(value.as_f64().ok_or_else(|| self.invalid())?),
            };
            i32::try_from(rounded).map_err(|_| self.invalid())
        };
        let sum = operand(0)?.checked_add(operand(1)?).ok_or_else(|| self.invalid())?;
        Ok(Value::Int(i64::from(sum)))
    }

    fn string_split(&self) -> Result<Value, IntrinsicFault> {
        let (text, delimiters) = (self.text(0)?, self.text(1)?);
        Ok(java::tokens(&text, &delimiters).map(Value::from).collect())
    }
}

/// A string itself, anything else as compact JSON: what `ArrayContains` compares and `Hash` digests.
fn comparable_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Str(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Jackson reads `-0` as the integer 0.
fn without_negative_zero(value: Value) -> Value {
    match value {
        Value::Number(decimal) if decimal.text() == "-0" => Value::Int(0),
        Value::Array(items) => items.iter().cloned().map(without_negative_zero).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, member)| (key.clone(), without_negative_zero(member.clone()))).collect()
        }
        other => other,
    }
}
