//! JSONPath against the recorded and computed cases, and row by row against the rules.
#![allow(clippy::disallowed_methods)] // Tests read the corpora.

mod support;

use support::{World, json, shared};

use stepwell_asl::jsonpath::{Path, PathError, ReferencePath, Root};
use stepwell_value::Value;

/// What selecting gives, written like the cases: a value, or what kind of error with which text.
fn select(path: &str, data: &str) -> String {
    let path = match Path::parse(path) {
        Ok(path) => path,
        Err(error) => return format!("rejected: {error}"),
    };
    show(path.select(&json(data), &World::default()).map(|selected| selected.into_value()))
}

fn show(selected: Result<Value, PathError>) -> String {
    match selected {
        Ok(value) => value.to_string(),
        Err(PathError::Miss { message }) => format!("miss: {message}"),
        Err(PathError::Type { message }) => format!("type: {message}"),
        Err(other) => format!("error: {other}"),
    }
}

fn check(table: &[(&str, &str, &str)]) {
    for (path, data, expected) in table {
        let actual = select(path, data);
        match *expected {
            "rejected" => assert!(actual.starts_with("rejected: "), "{path} is taken: {actual}"),
            expected => assert_eq!(actual, expected, "{path} of {data}"),
        }
    }
}

/// Where AWS differs from the computed answer of a case because an index that does not exist selects null.
const NULL_FOR_AN_INDEX: [(&str, &str); 26] = [
    ("$..book[-1]", "[null]"),
    ("$.store.book[0,1,5]", "two books and null"),
    ("$.a[6]", "null"),
    ("$.a[-1]", "null"),
    ("$.a[-6]", "null"),
    ("$.a[-7]", "null"),
    ("$.a[-3:-1]", "[null,null]"),
    ("$.a[0,2,9]", "[0,2,null]"),
    ("$.a[-1,0]", "[null,0]"),
    ("$.a[99]", "null"),
    ("$.e[0]", "null"),
    ("$.objs[99].k", "miss: Property ['k'] not found in path $['objs'][99]"),
    ("$.objs[-1].v", "miss: Property ['v'] not found in path $['objs'][-1]"),
    ("$.nest..[0]", "[[1,2],1,3,4,null]"),
    ("$..[0]", "every first item"),
    ("$.array[-1].name", "miss: Property ['name'] not found in path $['array'][-1]"),
    ("$.a[-9:2]", "[null,null,null,null,null,null,null,null,null,1,2]"),
    ("$.a[-2:-1]", "[null]"),
    ("$.a[-9:-1]", "[null,null,null,null,null,null,null,null]"),
    ("$.o.*[0]", "[1,null]"),
    ("$..o[0]", "[1,null]"),
    ("$.a[(@.length-5)]", "null"),
    ("$.a[9][*]", "[]"),
    // Not marked in the corpus, but the same rule: measured on AWS as `$.rows[*][0]` of `[[1],[],[2]]`, which
    // gives `[1,null,2]`.
    ("$.nest[*][0]", "[1,3,null]"),
    ("$.a[*].b[0]", "[1,null]"),
    ("$.o[*][0]", "[1,null]"),
];

/// Paths whose start means something else to AWS than to Jayway alone.
const ROOTS: [(&str, &str); 5] =
    [("a", "rejected"), ("o.x", "rejected"), ("@.a", "rejected"), ("$a", "a variable"), ("$$", "the context object")];

#[test]
fn all_computed_cases_hold() {
    let Some(text) = shared("reference/jsonpath-cases.json") else { return };
    let corpus = json(&text);
    let (documents, cases) = (corpus.get("documents").unwrap(), corpus.get("cases").unwrap().as_array().unwrap());
    let mut failures = Vec::new();
    for case in cases {
        let text = |key: &str| case.get(key).and_then(Value::as_str);
        let path_text = text("path").unwrap();
        let document = text("document").map_or_else(|| case.get("json"), |name| documents.get(name)).unwrap();
        let parsed = Path::parse(path_text);
        let actual = match &parsed {
            Ok(path) => show(path.select(document, &World::default()).map(|selected| selected.into_value())),
            Err(_) => "rejected".to_owned(),
        };
        let expected = if let Some((_, expected)) = ROOTS.iter().find(|(path, _)| *path == path_text) {
            match *expected {
                "rejected" => "rejected".to_owned(),
                _ => actual.clone(),
            }
        } else if let Some((_, expected)) = NULL_FOR_AN_INDEX.iter().find(|(path, _)| *path == path_text)
            && (text("aws").is_some() || expected.ends_with("null]"))
        {
            match *expected {
                "two books and null" => {
                    assert!(actual.ends_with(r#""price":12.99},null]"#), "{actual}");
                    continue;
                }
                "every first item" => {
                    let firsts = r#"[0,null,{"k":1,"v":"a"},[1,2],1,3,4,null,1,1,1]"#;
                    assert_eq!(sorted(&actual), sorted(firsts), "{path_text}");
                    continue;
                }
                // `$.o[*][0]` occurs with an item that is no array as well.
                _ if text("message").is_some_and(|message| message.starts_with("Filter")) => {
                    format!("type: {}", text("message").unwrap())
                }
                "[1,null]" if document.get("o").is_some_and(|o| o.to_string() == "[[1],[],null]") => {
                    "[1,null]".to_owned()
                }
                expected => expected.to_owned(),
            }
        } else if case.get("rejected").is_some() {
            "rejected".to_owned()
        } else if let Some(value) = case.get("value") {
            value.to_string()
        } else {
            let message = text("message").unwrap();
            match text("error").unwrap() {
                "PathNotFoundException" => format!("miss: {message}"),
                _ => format!("type: {message}"),
            }
        };
        let definite = case.get("definite").and_then(Value::as_bool);
        let same_kind = definite.is_none()
            || parsed.is_ok_and(|path| Some(path.is_definite()) == definite)
            || expected == "rejected";
        // Numbers are compared as numbers: the corpus went through a JSON writer of another kind.
        let equal = actual == expected
            || stepwell_value::parse(&actual).is_ok_and(|actual| Ok(actual) == stepwell_value::parse(&expected));
        if !equal || !same_kind {
            failures.push(format!("{path_text}\n  of       {document}\n  expected {expected}\n  actual   {actual}\n"));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ\n{}", failures.len(), cases.len(), failures.join("\n"));
    println!("{} cases hold", cases.len());
}

/// The items of an array as texts, sorted.
fn sorted(array: &str) -> Vec<String> {
    let mut items: Vec<_> = json(array).as_array().unwrap().iter().map(Value::to_string).collect();
    items.sort();
    items
}
