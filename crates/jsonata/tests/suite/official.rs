//! The official JSONata test suite, all groups, in the suite's profile.

use std::path::Path;

use stepwell_jsonata::{Budget, Environment, Error, Outcome, Profile, Program};
use stepwell_value::Value;

use crate::common::{Bindings, TestHost, read_json, same, shared};

#[test]
fn the_official_suite_passes() {
    let Some(suite) = shared("jsonata-suite") else { return };
    // Frames of a debug build are large; limits on small stacks have tests of their own.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || run(&suite)).unwrap();
    let (passed, total) = thread.join().unwrap();
    println!("jsonata suite: {passed} of {total}");
    assert_eq!(passed, total);
}

fn run(suite: &Path) -> (usize, usize) {
    let (mut passed, mut total) = (0, 0);
    let mut groups: Vec<_> =
        std::fs::read_dir(suite.join("groups")).unwrap().map(|entry| entry.unwrap().path()).collect();
    groups.sort();
    for group in groups {
        let mut files: Vec<_> = std::fs::read_dir(&group).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        for file in files {
            let cases = match read_json(&file) {
                Value::Array(cases) => cases.to_vec(),
                case => vec![case],
            };
            for (index, case) in cases.iter().enumerate() {
                total += 1;
                match check(suite, &group, case) {
                    Ok(()) => passed += 1,
                    Err(why) => println!("{}[{index}]: {why}", file.strip_prefix(suite).unwrap().display()),
                }
            }
        }
    }
    (passed, total)
}

fn check(suite: &Path, group: &Path, case: &Value) -> Result<(), String> {
    let expression = match (case.get("expr"), case.get("expr-file")) {
        (Some(expression), _) => expression.as_str().unwrap().to_owned(),
        (_, Some(file)) => std::fs::read_to_string(group.join(file.as_str().unwrap())).unwrap(),
        _ => return Err("no expression".into()),
    };
    let input = match (case.get("data"), case.get("dataset")) {
        (Some(data), _) => Some(data.clone()),
        (_, Some(Value::Str(name))) => Some(read_json(&suite.join(format!("datasets/{name}.json")))),
        _ => None,
    };
    let mut bindings = Bindings::default();
    if let Some(given) = case.get("bindings").and_then(Value::as_object) {
        bindings.0.extend(given.iter().map(|(name, value)| (name.to_string(), value.clone())));
    }
    let depth = case.get("depth").and_then(Value::as_i64).unwrap_or(500) as u32;
    // A time limit marks what would otherwise never end.
    let fuel = if case.get("timelimit").is_some() { 3_000_000 } else { u64::MAX };
    let result = evaluate(&expression, input.as_ref(), &bindings, depth, fuel);
    let wanted = case.get("code").or_else(|| case.get("error").and_then(|error| error.get("code")));
    match (result, wanted.and_then(Value::as_str)) {
        (Err(err), Some(code)) => {
            let is_limit = code == "U1001" && matches!(err.code, "D1011" | "D1012");
            if err.code != code && !is_limit {
                return Err(format!("{expression}\n  wanted {code}, got {err}"));
            }
            let token = case.get("token");
            if token.is_some_and(|token| err.token.as_ref() != Some(token)) {
                return Err(format!("{expression}\n  {code}: wanted token {token:?}, got {:?}", err.token));
            }
            Ok(())
        }
        (Err(err), None) => Err(format!("{expression}\n  wanted {:?}, got {err}", case.get("result"))),
        (Ok(outcome), Some(code)) => Err(format!("{expression}\n  wanted {code}, got {outcome:?}")),
        (Ok(outcome), None) => match (outcome, case.get("result")) {
            (Outcome::Undefined, None) => Ok(()),
            (Outcome::NotData, None) => Ok(()),
            (Outcome::Value(value), Some(wanted)) if same(&value, wanted) => Ok(()),
            (outcome, wanted) => Err(format!("{expression}\n  wanted {wanted:?}\n  got {outcome:?}")),
        },
    }
}

fn evaluate(
    expression: &str,
    input: Option<&Value>,
    bindings: &Bindings,
    depth: u32,
    fuel: u64,
) -> Result<Outcome, Error> {
    let program = Program::compile(expression, Profile::suite())?;
    let host = TestHost::default();
    let environment = Environment { input, variables: bindings, host: &host };
    let mut budget = Budget::wide().with_depth(depth).with_fuel(fuel).with_stack_bytes(48 << 20);
    program.evaluate(&environment, &mut budget)
}
