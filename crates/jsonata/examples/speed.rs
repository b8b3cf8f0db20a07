//! Times the 33 expressions of `speed.json` on the documents that `documents.py` wrote, after checking their results.
//!
//! usage: speed SPEED_JSON DOCUMENTS_DIRECTORY [large]
#![allow(clippy::disallowed_methods)] // Reads files and a clock.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use sha2::{Digest, Sha256};
use stepwell_jsonata::{Budget, Environment, Host, Outcome, Profile, Program, Variables};
use stepwell_value::{Value, js_number_text, write_string};

struct States(Value);

impl Variables for States {
    fn get(&self, name: &str) -> Option<&Value> {
        (name == "states").then_some(&self.0)
    }
}

struct NoHost;

impl Host for NoHost {
    fn now_ms(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }

    fn uuid(&self) -> String {
        String::new()
    }

    fn hash(&self, _algorithm: &str, _data: &[u8]) -> Option<String> {
        None
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, speed, directory, rest @ ..] = &arguments[..] else {
        panic!("usage: speed SPEED_JSON DOCUMENTS_DIRECTORY [large]");
    };
    let corpus = stepwell_value::parse(&std::fs::read_to_string(speed).unwrap()).unwrap();
    let names: &[&str] = if rest.is_empty() { &["small", "medium"] } else { &["small", "medium", "large"] };
    println!("{:24} {:>12} {:>12}", "expression, µs", "small", "medium");
    let mut fuel_per_us = f64::INFINITY;
    for entry in corpus.get("expressions").and_then(Value::as_array).unwrap().iter() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap();
        let program = Program::compile(text("expr"), Profile::aws()).unwrap();
        let mut line = format!("{:24}", text("name"));
        for name in names {
            let Some(wanted) = entry.get("results").and_then(|results| results.get(name)) else { continue };
            let document = std::fs::read_to_string(Path::new(directory).join(format!("{name}.json"))).unwrap();
            let input = stepwell_value::parse(&document).unwrap();
            let states = States([("input", input)].into_iter().collect());
            let environment = Environment { input: None, variables: &states, host: &NoHost };
            check(&program.evaluate(&environment, &mut Budget::wide()).unwrap(), wanted, text("name"));
            if *name != "large" {
                // Everything small passes under AWS's own limits.
                program.evaluate(&environment, &mut Budget::aws()).unwrap();
            }
            let mut budget = Budget::wide();
            let before = budget.fuel_left();
            let us = time(|| drop(program.evaluate(&environment, &mut Budget::wide())));
            program.evaluate(&environment, &mut budget).unwrap();
            fuel_per_us = fuel_per_us.min((before - budget.fuel_left()) as f64 / us);
            write!(line, " {us:12.3}").unwrap();
        }
        println!("{line}");
    }
    println!("least fuel per µs: {fuel_per_us:.1}");
}

/// Microseconds of one run: the best of several batches.
fn time(mut run: impl FnMut()) -> f64 {
    let mut n_runs = 1_u32;
    let mut best = f64::INFINITY;
    let mut n_batches = 0;
    while n_batches < 12 {
        let started = Instant::now();
        (0..n_runs).for_each(|_| run());
        let us = started.elapsed().as_secs_f64() * 1e6;
        if us < 2_000.0 && n_runs < 1 << 20 {
            n_runs *= 2;
            continue;
        }
        best = best.min(us / f64::from(n_runs));
        n_batches += 1;
    }
    best
}

fn check(outcome: &Outcome, wanted: &Value, name: &str) {
    let Outcome::Value(value) = outcome else { panic!("{name}: {outcome:?}") };
    if let Some(wanted) = wanted.get("value") {
        assert_eq!(canonical(value), canonical(wanted), "{name}");
        return;
    }
    let text = canonical(value);
    assert_eq!(Some(text.len() as i64), wanted.get("bytes").and_then(Value::as_i64), "{name}");
    let digest = Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(Some(digest.as_str()), wanted.get("sha256").and_then(Value::as_str), "{name}");
}

/// JSON with sorted keys, no blanks, numbers as doubles.
fn canonical(value: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Str(text) => write_string(text, out),
            Value::Array(array) => {
                out.push('[');
                for (index, item) in array.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    write(item, out);
                }
                out.push(']');
            }
            Value::Object(object) => {
                let mut members: Vec<_> = object.iter().collect();
                members.sort_by_key(|(key, _)| *key);
                out.push('{');
                for (index, (key, item)) in members.into_iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    write_string(key, out);
                    out.push(':');
                    write(item, out);
                }
                out.push('}');
            }
            value => match value.as_f64() {
                Some(number) => out.push_str(&js_number_text(number)),
                None => value.write_to(out),
            },
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out
}
