//! Replays the recorded cases of the conformance corpus that need no network, and tests the comparison itself.
#![allow(clippy::disallowed_methods)] // The corpus is files.

mod matcher;
mod service;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use matcher::{Matcher, Names, text_of};
use service::{ACCOUNT, Functions, REGION, Service, python_text, with_repeats};
use stepwell_engine::ExecutionStatus;
use stepwell_value::{Object, Value, parse};

/// Cases that are known to differ, each with its reason.
const KNOWN: &[(&str, &str)] = &[(
    "scenarios/lambda-service-invoke-with-retry-extended-input",
    "(recorded a month before redrives existed: the context object has no RedriveCount there)",
)];

const OPERATIONS: &[&str] = &[
    "CreateStateMachine",
    "StartExecution",
    "StartSyncExecution",
    "DescribeExecution",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "GetExecutionHistory",
];
const WAITS: &[&str] = &["execution-ended", "execution-succeeded", "execution-aborted"];

#[test]
fn conformance_cases_replay_in_process() {
    let Some(folder) = folder() else {
        println!("conformance: skipped: no cases (set CONFORMANCE_CASES or STEPWELL_SHARED)");
        return;
    };
    let cases = cases(&folder);
    let mut different = Vec::new();
    for case in &cases {
        let differences = replay(case, &|expected| expected.clone());
        if !differences.is_empty() {
            different.push((member(case, "id"), differences));
        }
    }
    println!("conformance: {} of {} equal", cases.len() - different.len(), cases.len());
    for (id, differences) in &different {
        let reason = KNOWN.iter().find(|(known, _)| known == id).map_or("", |(_, reason)| reason);
        println!("  {id} {reason}");
        for difference in differences.iter().take(2) {
            println!("      {}", difference.chars().take(600).collect::<String>());
        }
    }
    let equal = cases.len() - different.len();
    assert!(equal * 100 >= cases.len() * 97, "{equal} of {} cases are equal", cases.len());
    let full = ["base/", "choice/", "output/", "intrinsic-functions/", "wait/"];
    let missed: Vec<_> =
        different.iter().map(|(id, _)| id).filter(|id| full.iter().any(|area| id.starts_with(area))).collect();
    assert!(missed.is_empty(), "these areas have to be complete: {missed:?}");
}

#[test]
fn the_conformance_comparison_notices_each_kind_of_change() {
    let Some(folder) = folder() else {
        println!("conformance: skipped: no cases (set CONFORMANCE_CASES or STEPWELL_SHARED)");
        return;
    };
    let mut changed = 0;
    for case in &cases(&folder) {
        if !replay(case, &|expected| expected.clone()).is_empty() {
            continue;
        }
        for change in [drop_event, change_id, change_detail] {
            let differences = replay(case, &|expected| change(expected));
            let histories = case
                .get("steps")
                .and_then(Value::as_array)
                .map_or(0, |steps| steps.iter().filter(|step| step.get("expect_history").is_some()).count());
            if histories > 0 {
                changed += 1;
                assert!(!differences.is_empty(), "{} is equal to a changed history", member(case, "id"));
            }
        }
    }
    println!("conformance: {changed} changed histories noticed");
    assert!(changed > 0);
}

fn drop_event(events: &Value) -> Value {
    let events = events.as_array().expect("a history is an array");
    let dropped = events.len() / 2;
    events.iter().enumerate().filter(|(n, _)| *n != dropped).map(|(_, event)| event.clone()).collect()
}

/// Another id for an event that others point to: where branches overlap, ids count by the chains they make.
fn change_id(events: &Value) -> Value {
    change_where(events, &|event| event.get("id") == Some(&2.into()), &|event| {
        event.insert("id", 4711.into());
    })
}

fn change_detail(events: &Value) -> Value {
    let name = "executionStartedEventDetails";
    change_where(events, &|event| event.contains_key(name), &|event| {
        let mut details = event.get(name).and_then(Value::as_object).cloned().expect("details are an object");
        details.insert("roleArn", "another role".into());
        event.insert(name, details.into());
    })
}

fn change_where(events: &Value, wanted: &dyn Fn(&Object) -> bool, change: &dyn Fn(&mut Object)) -> Value {
    let changed = |event: &Value| {
        let mut event = event.as_object().cloned().expect("an event is an object");
        if wanted(&event) {
            change(&mut event);
        }
        Value::from(event)
    };
    events.as_array().expect("a history is an array").iter().map(changed).collect()
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("CONFORMANCE_CASES").map(PathBuf::from);
    let shared = std::env::var_os("STEPWELL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    named.or(Some(shared.join("conformance/cases"))).filter(|folder| folder.is_dir())
}

/// The cases that can be replayed: no service but Lambda, no operation that needs a server.
fn cases(folder: &Path) -> Vec<Value> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|file| parse(&std::fs::read_to_string(file).expect("the file can be read")).expect("a case is JSON"))
        .filter(is_replayable)
        .collect()
}

fn is_replayable(case: &Value) -> bool {
    let requires = case.get("requires").and_then(Value::as_array).map_or(&[][..], |requires| requires);
    let steps = case.get("steps").and_then(Value::as_array).map_or(&[][..], |steps| steps);
    matches!(member(case, "type").as_str(), "standard" | "sync-express")
        && requires.iter().all(|name| name.as_str() == Some("lambda"))
        && steps.iter().all(|step| {
            OPERATIONS.contains(&member(step, "op").as_str()) || WAITS.contains(&member(step, "await").as_str())
        })
}

fn member(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Replays a case; gives what differs. `change` is applied to each expected history.
fn replay(case: &Value, change: &dyn Fn(&Value) -> Value) -> Vec<String> {
    let seed = member(case, "id").bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    let functions = fixtures(case, &values);
    let mut service = Service::new(functions, seed);
    let tokens = tokens(case, &values);
    let mut differences = Vec::new();
    let mut bound = BTreeMap::new();
    for (n, step) in case.get("steps").and_then(Value::as_array).expect("a case has steps").iter().enumerate() {
        let place = format!("step {n}");
        if let Some(awaited) = step.get("await").and_then(Value::as_str) {
            let arn = text_of(fill(step.get("arn").expect("what is awaited"), &values));
            let status = service.status(&arn);
            let as_awaited = match awaited {
                "execution-succeeded" => status == ExecutionStatus::Succeeded,
                "execution-aborted" => status == ExecutionStatus::Aborted,
                _ => status != ExecutionStatus::Running,
            };
            if !as_awaited {
                differences.push(format!("{place}: {awaited}, but it is {}", status.name()));
                return differences;
            }
            continue;
        }
        let parameters = fill(step.get("params").expect("a call has parameters"), &values);
        let reply = service.call(&member(step, "op"), &parameters);
        let name = member(step, "as");
        if let (Ok(reply), false) = (&reply, name.is_empty()) {
            values.insert(name, reply.clone());
        }
        let lookup = |name: &str| look_up(name, &values);
        let names = Names { lookup: &lookup, tokens: &tokens };
        let mut matcher = Matcher { names, bound: std::mem::take(&mut bound), differences: Vec::new() };
        match (reply, step.get("expect_error")) {
            (Err(error), Some(expected)) => {
                matcher.matches(expected.get("code").unwrap_or(&Value::Null), &error.code.into(), &place);
                if let Some(message) = expected.get("message").filter(|message| !message.is_null()) {
                    matcher.matches(message, &error.message.into(), &place);
                }
            }
            (Ok(reply), Some(expected)) => {
                matcher.differences.push(format!("{place}: expected {expected}, but it succeeded: {reply}"));
            }
            (Err(error), None) => {
                differences.push(format!("{place}: {} {}", error.code, error.message));
                return differences;
            }
            (Ok(reply), None) => {
                compare(step, &reply, &mut matcher, &place, change);
            }
        }
        differences.append(&mut matcher.differences);
        bound = matcher.bound;
    }
    differences
}

fn compare(step: &Value, reply: &Value, matcher: &mut Matcher<'_>, place: &str, change: &dyn Fn(&Value) -> Value) {
    if let Some(history) = step.get("expect_history") {
        let order = step.get("order").and_then(Value::as_str).unwrap_or("strict");
        let expected = change(history);
        let expected = expected.as_array().expect("a history is an array");
        let events = reply.get("events").and_then(Value::as_array).expect("a reply has events");
        matcher.history(expected, events, order, &format!("{place}.events"));
    }
    if let Some(expected) = step.get("expect_partial").and_then(Value::as_object) {
        for (name, expected) in expected {
            match reply.get(name) {
                Some(given) => matcher.matches(expected, given, &format!("{place}.{name}")),
                None => matcher.differences.push(format!("{place}.{name}: missing")),
            }
        }
    }
    if let Some(expected) = step.get("expect") {
        let extra = step.get("allow_extra").and_then(Value::as_array).map_or(&[][..], |extra| extra);
        let mut reply = reply.as_object().cloned().unwrap_or_default();
        for name in extra.iter().filter_map(Value::as_str) {
            if expected.get(name).is_none() {
                reply.remove(name);
            }
        }
        matcher.matches(expected, &reply.into(), place);
    }
}

fn fixtures(case: &Value, values: &BTreeMap<String, Value>) -> Functions {
    let functions = case.get("fixtures").and_then(|fixtures| fixtures.get("lambda")).and_then(Value::as_array);
    let by_name = functions.map_or(&[][..], |functions| functions).iter().map(|function| {
        let name = text_of(fill(function.get("name").expect("a function has a name"), values));
        (name, function.clone())
    });
    Functions::new(by_name.collect())
}

fn tokens(case: &Value, values: &BTreeMap<String, Value>) -> BTreeMap<String, Vec<String>> {
    let Some(tokens) = case.get("tokens").and_then(Value::as_object) else { return BTreeMap::new() };
    tokens
        .iter()
        .map(|(name, options)| {
            let options = options.as_array().map_or(&[][..], |options| options);
            let mut options: Vec<String> = options.iter().map(|option| text_of(fill(option, values))).collect();
            options.sort_by_key(|option| std::cmp::Reverse(option.len()));
            (name.to_string(), options)
        })
        .collect()
}

/// Fills the placeholders of parameters; `{"$json": X}` becomes the JSON text of X.
fn fill(value: &Value, values: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::Object(members) => match members.get("$json") {
            Some(json) => {
                let filled = fill(json, values);
                let compact = members.get("compact").and_then(Value::as_bool).unwrap_or(false);
                ascii(&if compact { filled.to_string() } else { python_text(&filled) }).into()
            }
            None => members
                .iter()
                .map(|(key, member)| (fill_text(key, values), fill(member, values)))
                .map(|(key, member)| (text_of(key), member))
                .collect(),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::Str(text) => fill_text(text, values),
        other => other.clone(),
    }
}

fn fill_text(text: &str, values: &BTreeMap<String, Value>) -> Value {
    let whole = text.strip_prefix("<<").and_then(|rest| rest.strip_suffix(">>"));
    if let Some(value) = whole.and_then(|name| look_up(name, values)) {
        return value;
    }
    let text = with_repeats(text);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find("<<") {
        let Some(length) = rest[start..].find(">>") else { break };
        let name = &rest[start + 2..start + length];
        out.push_str(&rest[..start]);
        match look_up(name, values) {
            Some(value) => out.push_str(&text_of(value)),
            None => panic!("the placeholder {name:?} is not known"),
        }
        rest = &rest[start + length + 2..];
    }
    (out + rest).into()
}

/// The value of a placeholder's expression: `u1`, `account`, `ex1.executionArn|seg:-1`, `time:+3d`, …
fn look_up(expression: &str, values: &BTreeMap<String, Value>) -> Option<Value> {
    match expression {
        "region" => return Some(REGION.into()),
        "account" => return Some(ACCOUNT.into()),
        "account2" => return Some("999999999999".into()),
        _ => {}
    }
    if let Some(number) = expression.strip_prefix('u').and_then(|number| number.parse::<u32>().ok()) {
        return Some(format!("abcde{number:03}").into());
    }
    if let Some(days) = expression.strip_prefix("time:+").and_then(|days| days.strip_suffix('d')) {
        let days: i64 = days.parse().ok()?;
        let time = stepwell_engine::Timestamp(1_700_000_000_000).after_ms(days * 86_400_000).to_string();
        return Some(time.trim_end_matches('Z').into());
    }
    let (expression, segment) = match expression.split_once("|seg:") {
        Some((expression, segment)) => (expression, Some(segment.parse::<isize>().ok()?)),
        None => (expression, None),
    };
    let mut parts = expression.split(['.', '[', ']']).filter(|part| !part.is_empty());
    let mut value = values.get(parts.next()?)?.clone();
    for part in parts {
        value = match &value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?.clone(),
            other => other.get(part)?.clone(),
        };
    }
    let Some(segment) = segment else { return Some(value) };
    let text = text_of(value);
    let segments: Vec<&str> = text.split(':').collect();
    let place = if segment < 0 { segments.len().checked_add_signed(segment)? } else { segment as usize };
    segments.get(place).map(|segment| Value::from(*segment))
}

/// Characters beyond ASCII as `\uXXXX`, as Python writes JSON by default.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
