//! Inputs made to exhaust stack, memory or time: each ends with a value or an error.

use std::time::{Duration, Instant};

use stepwell_jsonata::{Budget, Environment, FUEL_AWS, Outcome, Profile, Program};
use stepwell_value::Value;

use crate::common::{Bindings, TestHost, read_json, same, shared};

/// Frames of a build without optimisation are several times larger.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 2 << 20 } else { 512 << 10 };

/// Writes out the notation of the corpus.
fn expand(part: &Value, index: i64) -> String {
    match part {
        Value::Str(text) => text.to_string(),
        Value::Array(parts) => parts.iter().map(|part| expand(part, index)).collect(),
        part => {
            if let Some(first) = part.get("index").and_then(Value::as_i64) {
                return (first + index).to_string();
            }
            let times = part.get("times").and_then(Value::as_i64).unwrap();
            let between = part.get("between").map(|between| expand(between, index)).unwrap_or_default();
            let copies: Vec<String> = (0..times).map(|copy| expand(part.get("repeat").unwrap(), copy)).collect();
            copies.join(&between)
        }
    }
}

enum End {
    Value(Outcome),
    Error(String),
}

/// What ends an evaluation besides its fuel.
#[derive(Clone, Copy, PartialEq)]
enum Deadline {
    None,
    /// It is past when it has been asked so many times.
    Asked(u32),
    /// It is past after so long.
    After(Duration),
}

/// From the text of the expression to everything dropped, on a small thread.
fn run(case: &Value, profile: Profile, deadline: Deadline) -> (End, Duration) {
    let expression = expand(case.get("expr").unwrap(), 0);
    let input_text = case.get("inputText").map(|text| expand(text, 0));
    let input = case.get("input").cloned();
    let started = Instant::now();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let input = match input_text {
            None => input,
            Some(text) => match stepwell_value::parse(&text) {
                Ok(value) => Some(value),
                Err(err) => return End::Error(err.to_string()),
            },
        };
        let program = match Program::compile(&expression, profile) {
            Ok(program) => program,
            Err(err) => return End::Error(err.to_string()),
        };
        let host = TestHost::default();
        let environment = Environment { input: input.as_ref(), variables: &Bindings::default(), host: &host };
        let mut budget = Budget::aws();
        if profile == Profile::suite() {
            budget = budget.with_depth(500);
        }
        if cfg!(debug_assertions) {
            budget = budget.with_fuel(FUEL_AWS / 20);
        }
        budget = match deadline {
            Deadline::None => budget,
            Deadline::Asked(times) => {
                let mut asked = 0;
                budget.with_deadline(move || {
                    asked += 1;
                    asked > times
                })
            }
            Deadline::After(time) => budget.with_deadline(move || started.elapsed() > time),
        };
        match program.evaluate(&environment, &mut budget) {
            Ok(outcome) => {
                if let Outcome::Value(value) = &outcome {
                    std::hint::black_box(value.to_string());
                }
                End::Value(outcome)
            }
            Err(err) => End::Error(err.to_string()),
        }
    });
    let end = thread.unwrap().join().expect("no panic");
    (end, started.elapsed())
}

fn check(deadline: Deadline, limit: Option<Duration>) {
    let Some(suite) = shared("jsonata-suite") else { return };
    let corpus = read_json(&suite.join("hostile.json"));
    let cases = corpus.get("cases").and_then(Value::as_array).unwrap();
    let mut failures = Vec::new();
    let mut slowest = Duration::ZERO;
    for case in cases {
        let id = case.get("id").and_then(Value::as_str).unwrap();
        for profile in [Profile::aws(), Profile::suite()] {
            let (end, took) = run(case, profile, deadline);
            slowest = slowest.max(took);
            println!(
                "{id}: {} in {took:?}",
                match &end {
                    End::Value(_) => "value".to_owned(),
                    End::Error(err) => err.chars().take(60).collect(),
                }
            );
            if limit.is_some_and(|limit| took > limit) {
                failures.push(format!("{id}: took {took:?}"));
            }
            let expect = case.get("expect").and_then(Value::as_str).unwrap();
            match end {
                // In AWS's profile expressions may be refused; what evaluates must be right in both.
                // Builds without optimisation have little fuel here, so that the test is quick.
                End::Error(err)
                    if expect == "value"
                        && profile == Profile::suite()
                        && deadline == Deadline::None
                        && !cfg!(debug_assertions) =>
                {
                    failures.push(format!("{id}: {err}"));
                }
                End::Value(outcome) if expect == "error" => failures.push(format!("{id}: {outcome:?}")),
                End::Value(outcome) => {
                    let wanted = case.get("value");
                    let right = match (&outcome, wanted) {
                        (Outcome::Value(value), Some(wanted)) => same(value, wanted),
                        (Outcome::Undefined, None) => true,
                        (_, Some(_)) => false,
                        (_, None) => case.get("undefinedResult").is_none(),
                    };
                    if !right {
                        let shown: String = format!("{outcome:?}").chars().take(200).collect();
                        failures.push(format!("{id}: {shown}, wanted {wanted:?}"));
                    }
                }
                End::Error(_) => {}
            }
        }
    }
    println!("hostile: {} inputs, slowest {slowest:?}", cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn fuel_alone_ends_every_hostile_input() {
    check(Deadline::None, None);
}

#[test]
fn a_deadline_that_passes_ends_every_hostile_input() {
    check(Deadline::Asked(1_000), None);
}

#[test]
#[ignore = "judges time, in a build for release: cargo xtask soak"]
fn every_hostile_input_ends_within_3_s_by_fuel_and_1_05_s_by_a_deadline() {
    check(Deadline::None, Some(Duration::from_secs(3)));
    check(Deadline::After(Duration::from_secs(1)), Some(Duration::from_millis(1_050)));
}
