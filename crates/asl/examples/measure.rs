//! Nanoseconds per operation of paths, comparisons and intrinsic functions: `cargo run --release -p stepwell-asl --example measure`.
#![allow(clippy::disallowed_methods)] // Measuring needs a clock.

use std::hint::black_box;
use std::time::Instant;

use stepwell_asl::Scope;
use stepwell_asl::comparison::{Operator, matches};
use stepwell_asl::intrinsic::Call;
use stepwell_asl::jsonpath::{Path, ReferencePath};
use stepwell_value::Value;

struct Nothing;

impl Scope for Nothing {
    fn context(&self) -> &Value {
        &Value::Null
    }

    fn variable(&self, _name: &str) -> Option<&Value> {
        None
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        7
    }
}

fn main() {
    let data = stepwell_value::parse(
        r#"{"a":{"b":{"c":[1,2,3]}},"count":41,"limit":100,"name":"Ann","at":"2016-03-14T01:59:00Z","later":"2016-03-14T01:59:01Z",
            "items":[{"id":1,"state":"open"},{"id":2,"state":"closed"},{"id":3,"state":"open"},{"id":4}]}"#,
    )
    .expect("the sample is JSON");
    for path in [
        "$.count",
        "$.a.b",
        "$.a.b.c[1]",
        "$.items[*].id",
        "$.items[1:].id",
        "$.items[?(@.state == 'open')].id",
        "$.items[?(@.id >= 2 && @.state =~ /cl.*/)].id",
        "$..id",
    ] {
        let compiled = Path::parse(path).expect("the path is right");
        measure(&format!("select {path}"), || drop(black_box(compiled.select(black_box(&data), &Nothing))));
        if path == "$.a.b.c[1]" {
            measure(&format!("parse {path}"), || drop(black_box(Path::parse(black_box(path)))));
        }
    }
    let missing = Path::parse("$.a.nope").expect("the path is right");
    measure("select $.a.nope (a miss)", || drop(black_box(missing.select(black_box(&data), &Nothing))));
    for (field, variable, operand) in [
        ("NumericLessThan", "count", "limit"),
        ("StringEquals", "name", "name"),
        ("StringLessThan", "at", "later"),
        ("StringMatches", "name", "name"),
        ("TimestampLessThan", "at", "later"),
    ] {
        let (operator, _) = Operator::parse(field).expect("the operator is known");
        let (variable, operand) = (data.get(variable).expect("a member"), data.get(operand).expect("a member"));
        measure(field, || _ = black_box(matches(operator, black_box(variable), black_box(operand))));
    }
    for text in [
        "States.MathAdd($.count, 1)",
        "States.Format('s3://{}/{}.json', $.name, $.count)",
        "States.ArrayLength($.items)",
        "States.ArrayGetItem($.items, 1)",
        "States.ArrayContains($.a.b.c, 3)",
        "States.ArrayUnique($.a.b.c)",
        "States.StringSplit('a,b,c', ',')",
        "States.JsonToString($.items)",
        "States.Hash($.name, 'SHA-256')",
        "States.UUID()",
        "States.MathRandom(1, 100)",
    ] {
        let call = Call::parse(text).expect("the call is right");
        measure(text, || drop(black_box(call.evaluate(black_box(&data), &Nothing))));
    }
    let path = ReferencePath::parse("$.a.b.x").expect("the path is right");
    let mut document = Some(stepwell_value::parse(r#"{"a":{"b":{"x":0,"y":1}},"z":2}"#).expect("the sample is JSON"));
    measure("assign $.a.b.x in place", || {
        let taken = document.take().unwrap_or_default();
        document = path.assign(black_box(taken), Value::Int(1)).ok();
    });
    let shared = document.unwrap_or_default();
    measure("assign $.a.b.x, shared", || drop(black_box(path.assign(shared.clone(), Value::Int(1)))));

    let large: Value = (0..100_000)
        .map(|n| [("id", Value::Int(n)), ("k", Value::Int(n % 7))].into_iter().collect::<Value>())
        .collect();
    for path in ["$[*].id", "$[?(@.k == 3)].id", "$..id"] {
        let compiled = Path::parse(path).expect("the path is right");
        let started = Instant::now();
        let found = compiled.select(&large, &Nothing).expect("it selects").as_array().map_or(0, |found| found.len());
        let per_item = started.elapsed().as_nanos() as f64 / 100_000.0;
        println!("{per_item:9.1} ns per item   {path} of 100,000 items, {found} found");
    }
}

/// Prints the least time of five runs of about 20 ms.
fn measure(what: &str, mut operation: impl FnMut()) {
    let mut rounds = 1_u32;
    let mut best = f64::MAX;
    for _ in 0..5 {
        loop {
            let started = Instant::now();
            (0..rounds).for_each(|_| operation());
            let elapsed = started.elapsed();
            if elapsed.as_millis() >= 20 {
                best = best.min(elapsed.as_nanos() as f64 / f64::from(rounds));
                break;
            }
            rounds *= 2;
        }
    }
    println!("{best:9.1} ns   {what}");
}
