//! Compares an answer with the expectation of the oracle, by the rules of the corpus.

use stepwell_value::{Object, Value};

/// Why a case is not equal.
pub type Difference = String;

/// Compares the answer of a case.
pub fn case(case: &Value, line: &Value) -> Result<(), Difference> {
    let expected = case.get("expected").cloned().unwrap_or_default();
    let ok = line.get("ok").and_then(Value::as_bool).unwrap_or_default();
    let got_error = line.get("error").and_then(Value::as_str).unwrap_or_default();
    if let Some(error) = expected.get("error").and_then(Value::as_str) {
        if ok {
            return Err(format!("expected the error {error}"));
        }
        if got_error.starts_with("not expressible: ") {
            return Ok(());
        }
        return if masked(error) == masked(got_error) {
            Ok(())
        } else {
            Err(format!("error\n    expected {error}\n    got      {got_error}"))
        };
    }
    if !ok {
        return Err(got_error.to_owned());
    }
    if let Some(evaluated) = expected.get("evaluated") {
        return equal("evaluated", evaluated, line.get("evaluated").unwrap_or(&Value::Null));
    }
    equal("definition", member(&expected, "definition"), member(line, "definition"))?;
    statements("policyStatements", member(&expected, "policyStatements"), member(line, "policyStatements"))?;
    for key in ["otherResources", "modifiedResources", "stateMachineProperties"] {
        let empty = Value::empty_object();
        let expected = expected.get(key).unwrap_or(&empty);
        let got = line.get(key).unwrap_or(&empty);
        equal(key, &canonical(expected), &canonical(got))?;
    }
    for key in ["deletionPolicy", "warnings"] {
        let expected = expected.get(key).cloned().map(without_foreign_warnings).unwrap_or_default();
        equal(key, &expected, line.get(key).unwrap_or(&Value::Null))?;
    }
    Ok(())
}

fn member<'v>(value: &'v Value, key: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.get(key).unwrap_or(&NULL)
}

/// Warnings about declared resources are not ours.
fn without_foreign_warnings(value: Value) -> Value {
    match value {
        Value::Array(warnings) => {
            let ours: Vec<Value> = warnings
                .into_vec()
                .into_iter()
                .filter(|warning| !warning.as_str().is_some_and(|text| text.contains("No routeTableId was provided")))
                .collect();
            if ours.is_empty() { Value::Null } else { Value::from(ours) }
        }
        other => other,
    }
}

/// The text without internal numbers and folders.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${Token[") {
        masked.push_str(&rest[..at]);
        masked.push_str("${Token}");
        rest = rest[at..].split_once("]}").map_or("", |(_, rest)| rest);
    }
    masked.push_str(rest);
    masked
}

/// Policy documents inside resources, in a form that can be compared.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(key, member)| {
                    let member = match (key.as_str(), member) {
                        ("Statement", Value::Array(all)) => sorted_statements(all),
                        (_, member) => canonical(member),
                    };
                    (key.clone(), member)
                })
                .collect::<Object>(),
        ),
        Value::Array(items) => items.iter().map(canonical).collect(),
        scalar => scalar.clone(),
    }
}

fn statements(path: &str, expected: &Value, got: &Value) -> Result<(), Difference> {
    let empty = [];
    let expected = sorted_statements(expected.as_array().map_or(&empty[..], |all| all));
    let got = sorted_statements(got.as_array().map_or(&empty[..], |all| all));
    equal(path, &expected, &got)
}

/// Statements as a set: actions and resources are sets, one is a list of one.
fn sorted_statements(statements: &[Value]) -> Value {
    let mut sorted: Vec<Value> = statements
        .iter()
        .map(|statement| {
            let mut object = statement.as_object().cloned().unwrap_or_default();
            for key in ["Action", "Resource", "NotAction", "NotResource"] {
                if let Some(member) = object.remove(key) {
                    let mut items = match member {
                        Value::Array(items) => items.into_vec(),
                        one => vec![one],
                    };
                    items.sort_by_key(sorted_text);
                    items.dedup();
                    object.insert(key, Value::from(items));
                }
            }
            Value::Object(object)
        })
        .collect();
    sorted.sort_by_key(sorted_text);
    sorted.dedup();
    Value::from(sorted)
}

/// A text that is the same for equal values: keys in order.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let mut members: Vec<String> =
                object.iter().map(|(key, member)| format!("{key}:{}", sorted_text(member))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted_text).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// The first difference, with its path.
fn equal(path: &str, expected: &Value, got: &Value) -> Result<(), Difference> {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, member) in expected.iter() {
                match got.get(key) {
                    Some(other) => equal(&format!("{path}.{key}"), member, other)?,
                    None => return Err(format!("{path}.{key} is missing: {member}")),
                }
            }
            match got.iter().find(|(key, _)| !expected.contains_key(key)) {
                Some((key, member)) => Err(format!("{path}.{key} is not expected: {member}")),
                None => Ok(()),
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right.iter())
            .enumerate()
            .try_for_each(|(index, (expected, got))| equal(&format!("{path}[{index}]"), expected, got)),
        _ if expected == got => Ok(()),
        _ => Err(format!("{path}\n    expected {expected}\n    got      {got}")),
    }
}
