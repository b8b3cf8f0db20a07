//! The same expressions through our engine and jlens-core: where do the answers differ?

use std::collections::BTreeMap;
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jlens_core::{Bindings, Expression, Options};
use stepwell_jsonata::{Budget, Outcome, Profile, Program};
use stepwell_value::{Value, parse};

use crate::ours::{self, Given};

/// Differences of each class that are shown.
const SHOWN_MAX: usize = 5;

/// Stack of the thread that evaluates.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Reads `{"expr": …, "input": …}` lines, as `stepwell-fuzz inputs jsonata` writes them.
pub fn run() -> Result<(), String> {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(compare).map_err(|err| err.to_string())?;
    thread.join().map_err(|_| "the comparison panicked".to_owned())?
}

fn compare() -> Result<(), String> {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut same, mut count) = (0_u64, 0_u64);
    let mut classes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|err| err.to_string())?;
        let Ok(request) = parse(&line) else { continue };
        let source = request.get("expr").and_then(Value::as_str).unwrap_or_default();
        let input = request.get("input").cloned().unwrap_or_default();
        let (ours, theirs) = (our_answer(source, &input), their_answer(source, &input));
        count += 1;
        if ours == theirs || is_known(&ours, &theirs) {
            same += 1;
        } else {
            let class = format!("{} / {}", kind(&ours), kind(&theirs));
            classes
                .entry(class)
                .or_default()
                .push(format!("{source:?}\n    on {input}\n    {ours:.200}\n    {theirs:.200}"));
        }
    }
    for (class, differences) in &classes {
        println!("{class}: {}", differences.len());
        for difference in differences.iter().take(SHOWN_MAX) {
            println!("  {difference}");
        }
    }
    println!("{same} of {count} the same, {:.2} %", same as f64 * 100.0 / count.max(1) as f64);
    Ok(())
}

/// Differences that are jlens-core's own: functions as results count as nothing, other codes for what is too deep.
fn is_known(ours: &str, theirs: &str) -> bool {
    ours == "function" && theirs == "undefined" || matches!((ours, theirs), ("D1011", _) | (_, "U1001"))
}

/// An answer without what may differ: its code, or `value`.
fn kind(answer: &str) -> &str {
    answer.split(' ').next().unwrap_or_default()
}

fn our_answer(source: &str, input: &Value) -> String {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let states: Value = [("input", input.clone())].into_iter().collect();
        let variables = [("states", states)];
        let program = Program::compile(source, Profile::suite()).map_err(|err| err.code.to_owned())?;
        let outcome =
            ours::evaluate(&program, Some(input), &Given(&variables), &mut Budget::wide().with_fuel(5_000_000));
        match outcome.map_err(|err| err.code.to_owned())? {
            Outcome::Undefined => Ok("undefined".to_owned()),
            Outcome::Value(value) => Ok(format!("value {}", normal(&value.to_string()))),
            Outcome::NotData => Ok("function".to_owned()),
        }
    }));
    answer.map_or_else(|_| "panic".to_owned(), |answer: Result<String, String>| answer.unwrap_or_else(|code| code))
}

fn their_answer(source: &str, input: &Value) -> String {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let input: serde_json::Value = serde_json::from_str(&input.to_string()).unwrap_or_default();
        let expression = Expression::compile(source).map_err(|err| err.code().to_owned())?;
        let bindings = Bindings::new().var("states", serde_json::json!({"input": input}));
        let options = Options::new().now(1_750_000_000_000).seed(1).timeout(Duration::from_secs(2)).max_depth(500);
        let result =
            expression.evaluate_with(Some(&input), &bindings, &options).map_err(|err| err.code().to_owned())?;
        Ok(result.map_or("undefined".to_owned(), |value| format!("value {}", normal(&value.to_string()))))
    }));
    answer.map_or_else(|_| "panic".to_owned(), |answer: Result<String, String>| answer.unwrap_or_else(|code| code))
}

/// JSON text with every number as the nearest double.
fn normal(text: &str) -> String {
    fn doubled(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(doubled).collect(),
            Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), doubled(value))).collect(),
            other => other.as_f64().map_or_else(|| other.clone(), Value::number),
        }
    }
    parse(text).map_or_else(|_| text.to_owned(), |value| doubled(&value).to_string())
}
