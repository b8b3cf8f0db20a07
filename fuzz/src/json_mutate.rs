//! Changes to JSON values: parts exchanged, removed, repeated, renamed or nested.

use stepwell_value::{Array, Object, Str, Value};

use crate::random::Random;

/// A value with one part changed; parts come from `others`, strings from `words`, too.
pub(crate) fn changed(value: &Value, others: &[Value], words: &[&str], random: &mut Random) -> Value {
    let at = random.below(count(value));
    let replacement = match random.below(4) {
        0 => scalar(words, random),
        1 => Value::from(random.text(words)),
        _ => {
            let other = if others.is_empty() { value } else { random.pick(others) };
            nth(other, random.below(count(other))).unwrap_or_default()
        }
    };
    let mut left = at;
    rebuilt(value, &mut left, &mut |part| what_becomes_of(part, &replacement, words, random))
}

fn what_becomes_of(part: &Value, replacement: &Value, words: &[&str], random: &mut Random) -> Value {
    match (random.below(7), part) {
        (0, Value::Object(object)) if !object.is_empty() => {
            let mut object = object.clone();
            let key = random.pick(object.entries()).0.clone();
            object.remove(&key);
            Value::Object(object)
        }
        (1, Value::Object(object)) => {
            let mut object = object.clone();
            let key = match object.entries() {
                entries if !entries.is_empty() && random.one_in(2) => random.pick(entries).0.clone(),
                _ => Str::from(random.text(words)),
            };
            object.insert(key, replacement.clone());
            Value::Object(object)
        }
        (2, Value::Object(object)) if !object.is_empty() => {
            // A member under another name.
            let renamed = random.below(object.len());
            let mut fresh = Object::with_capacity(object.len());
            for (n, (key, member)) in object.iter().enumerate() {
                let key = if n == renamed { Str::from(random.text(words)) } else { key.clone() };
                fresh.insert(key, member.clone());
            }
            Value::Object(fresh)
        }
        (0, Value::Array(items)) if !items.is_empty() => {
            let mut items = items.clone().into_vec();
            items.remove(random.below(items.len()));
            Value::Array(items.into_iter().collect())
        }
        (1 | 2, Value::Array(items)) => {
            let mut items = items.clone();
            for _ in 0..[1, 1, 2, 50][random.below(4)] {
                items.push(replacement.clone());
            }
            Value::Array(items)
        }
        (3, part) => {
            let mut nested = part.clone();
            for _ in 0..[1, 1, 2, 30, 300][random.below(5)] {
                if nested.depth() >= 900 {
                    break;
                }
                nested = Value::Array([nested].into_iter().collect::<Array>());
            }
            nested
        }
        (4, Value::Str(text)) => Value::from(crate::mutate::tokens(text, random.text(words), words, random)),
        _ => replacement.clone(),
    }
}

fn scalar(words: &[&str], random: &mut Random) -> Value {
    const NUMBERS: [&str; 16] = [
        "0",
        "-0",
        "1",
        "-1",
        "0.5",
        "1e3",
        "1.0",
        "2147483648",
        "99999999",
        "100000000",
        "9007199254740993",
        "1e400",
        "-1e-400",
        "18446744073709551616",
        "31536000",
        "0.1e1",
    ];
    match random.below(6) {
        0 => Value::Null,
        1 => Value::Bool(random.one_in(2)),
        2 | 3 => stepwell_value::number_from_text(random.text(&NUMBERS)).unwrap_or_default(),
        4 => Value::empty_object(),
        _ => Value::from(random.text(words).repeat(1 + random.below(3) * random.below(200))),
    }
}

/// Values in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

/// The value number `n`, counted as [`count`] does.
fn nth(value: &Value, n: usize) -> Option<Value> {
    let mut left = n;
    let mut found = None;
    rebuilt(value, &mut left, &mut |part| {
        found = Some(part.clone());
        part.clone()
    });
    found
}

/// The value, its part number `left` replaced by what `change` makes of it.
fn rebuilt(value: &Value, left: &mut usize, change: &mut dyn FnMut(&Value) -> Value) -> Value {
    if *left == 0 {
        *left = usize::MAX;
        return change(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| rebuilt(item, left, change)).collect()),
        Value::Object(object) => {
            let mut fresh = Object::with_capacity(object.len());
            for (key, member) in object.iter() {
                let member = rebuilt(member, left, change);
                fresh.insert(key.clone(), member);
            }
            Value::Object(fresh)
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_can_be_found_by_its_number() {
        let value = stepwell_value::parse(r#"{"a":[1,{"b":2}],"c":3}"#).unwrap();
        let parts: Vec<_> = (0..count(&value)).map(|n| nth(&value, n).unwrap().to_string()).collect();
        assert_eq!(parts, [&value.to_string(), r#"[1,{"b":2}]"#, "1", r#"{"b":2}"#, "2", "3"]);
    }

    #[test]
    fn a_changed_value_is_still_json() {
        let value = stepwell_value::parse(r#"{"a":[1,{"b":"$.x"}],"c":3}"#).unwrap();
        for number in 0..2_000 {
            let text = changed(&value, &[], &["x", "$.y"], &mut Random::new(3, number)).to_string();
            assert!(stepwell_value::parse(&text).is_ok(), "{text}");
        }
    }
}
