//! Compares an answer with the expectation of the oracle, by the rules of the corpus.

#![allow(unreachable_pub, reason = "nothing of it leaves the test")]

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

/// Compares the answer of a stack: all resources that the library makes, and the definitions.
///
/// Resources that the stack only declares are no goal; of the others none may be missing, and none may be too many.
pub fn stack(stack: &Value, line: &Value) -> Result<(), Difference> {
    if line.get("ok").and_then(Value::as_bool) != Some(true) {
        return Err(line.get("error").and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    let expected = member(stack, "expected");
    let resources =
        |template: &Value| -> Object { member(template, "Resources").as_object().cloned().unwrap_or_default() };
    let wanted = resources(member(expected, "template"));
    let made = resources(member(line, "template"));
    for (id, resource) in made.iter() {
        let Some(wanted) = wanted.get(id) else { return Err(format!("resource {id} is not expected: {resource}")) };
        let (wanted, made) = (without_definition(wanted), without_definition(resource));
        equal(id, &canonical(&wanted), &canonical(&made))?;
    }
    for (id, resource) in wanted.iter() {
        let kind = member(resource, "Type").as_str().unwrap_or_default();
        let ours = kind.starts_with("AWS::StepFunctions::") || kind == "AWS::IAM::Policy";
        if ours && !made.contains_key(id) {
            return Err(format!("resource {id} is missing"));
        }
    }
    equal("definitions", member(expected, "definitions"), member(line, "definitions"))
}

/// The resource without the text of a definition, which is compared as JSON.
fn without_definition(resource: &Value) -> Value {
    let mut resource = resource.as_object().cloned().unwrap_or_default();
    let mut properties = resource.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if properties.remove("DefinitionString").is_some() {
        resource.insert("Properties", Value::Object(properties));
    }
    Value::Object(resource)
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

/// Policy documents inside resources, in a form that can be compared; without the code of functions.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) if object.get("Type").and_then(Value::as_str) == Some("AWS::Lambda::Function") => {
            let mut function = object.clone();
            let mut properties = function.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
            properties.remove("Code");
            function.insert("Properties", Value::Object(properties));
            Value::Object(function)
        }
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

/// The value with one scalar changed, one member left out, or one item doubled, each at every place.
///
/// Left out are changes that the rules call equal: the code of functions, and the order or repetition of what is a set.
pub fn mutants(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(object) => {
            let mut mutants = Vec::new();
            for (key, member) in object.iter().filter(|(key, _)| key.as_str() != "Code") {
                for mutant in self::mutants(member) {
                    let mut changed = object.clone();
                    changed.insert(key.clone(), mutant);
                    mutants.push(Value::Object(changed));
                }
                let mut without = object.clone();
                without.remove(key);
                mutants.push(Value::Object(without));
            }
            mutants
        }
        Value::Array(items) => {
            let mut mutants = Vec::new();
            for (index, item) in items.iter().enumerate() {
                for mutant in self::mutants(item) {
                    let mut changed = items.clone();
                    changed.set(index, mutant);
                    mutants.push(Value::Array(changed));
                }
                let mut without = items.clone().into_vec();
                without.remove(index);
                mutants.push(Value::from(without));
            }
            mutants
        }
        Value::Str(text) => vec![Value::from(format!("{text}x")), Value::Null],
        Value::Bool(flag) => vec![Value::from(!flag)],
        Value::Null => vec![Value::from("x")],
        number => vec![Value::number(number.as_f64().unwrap_or_default() + 1.0)],
    }
}
