//! JSONata: compiled and evaluated in both profiles, within AWS's limits.

use std::cell::Cell;
use std::time::{Duration, Instant};

use stepwell_asl::intrinsic;
use stepwell_jsonata::{BYTES_AWS, Budget, Environment, Host, Outcome, Profile, Program, Variables};
use stepwell_value::{Value, parse};

use super::{Kind, Target, promise};
use crate::generate::parts;

pub(super) const TARGET: Target = Target {
    name: "jsonata",
    kind: Kind::Jsonata,
    seeds: &[
        "$states.input.store.book[price < 10].{\"t\": title, \"n\": $count(tags)}",
        "($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $f(5))",
        "$map([1..5], function($v, $i) { $v & \":\" & $i }) ~> $join(\", \")",
        "$sort($states.input.list, function($l, $r) { $l > $r })^(>$)",
        "$replace(\"a1b22\", /[0-9]+/, function($m) { \"<\" & $m.match & \">\" })",
        "$formatNumber(12345.678, \"#,##0.00\") & $toMillis(\"2025-01-02T03:04:05Z\", \"[Y]-[M]-[D]T[H]:[m]:[s]Z\")",
        "$states.input ~> |a|{\"new\": b}, [\"d\"]|",
        "$states.input.list@$l#$i.{\"i\": $i, \"l\": $l}",
        "$reduce([1..10], function($a, $b) { $a + $b }, 0)",
        "$partition([1..10], 3)[1][0]",
        "$parse(\"{\\\"a\\\": [1, 2]}\").a[-1]",
        "$states.input.store.book{title: $sum(price)}",
        "**[$type($) = \"string\"]",
        "$now() > \"2000\" and $random() < 1 ? $uuid() : $hash(\"x\", \"MD5\")",
    ],
    words: &[
        "$states.input",
        "$states.context",
        "$",
        "$$",
        "%",
        "*",
        "**",
        "a.b.c",
        "[0]",
        "[-1]",
        "[[0..2]]",
        "[]",
        "{}",
        "null",
        "true",
        "\"text\"",
        "'é😀'",
        "0",
        "1e308",
        "0.1",
        "-1",
        "9007199254740993",
        "[1..1000]",
        "/a*b+(c|d)?/i",
        "/(a*)*b/",
        "function($x) {$x}",
        "λ($x, $y)<n-n:n>{$x+$y}",
        "$sum",
        "$count",
        "$max",
        "$min",
        "$average",
        "$string",
        "$substring",
        "$substringBefore",
        "$lowercase",
        "$length",
        "$trim",
        "$pad",
        "$split",
        "$join",
        "$match",
        "$replace",
        "$contains",
        "$base64encode",
        "$base64decode",
        "$number",
        "$abs",
        "$floor",
        "$round",
        "$power",
        "$sqrt",
        "$formatNumber",
        "$formatBase",
        "$formatInteger",
        "$parseInteger",
        "$boolean",
        "$not",
        "$exists",
        "$append",
        "$sort",
        "$reverse",
        "$shuffle",
        "$distinct",
        "$zip",
        "$keys",
        "$lookup",
        "$spread",
        "$merge",
        "$sift",
        "$each",
        "$error",
        "$assert",
        "$type",
        "$now",
        "$millis",
        "$fromMillis",
        "$toMillis",
        "$map",
        "$filter",
        "$single",
        "$reduce",
        "$partition",
        "$range",
        "$hash",
        "$random",
        "$uuid",
        "$parse",
        "$eval",
        "$clone",
        "~>",
        "^(<a, >b)",
        "@$v",
        "#$i",
        ":=",
        "?",
        ":",
        "and",
        "or",
        "in",
        "&",
        "|$|{}|",
        "?:",
        "??",
        "\"[Y0001]-[M01]-[D01]\"",
        "\"#,##0.00;(#)\"",
        "\"w\"",
        "\"I\"",
    ],
    check,
};

/// Names are known as on AWS: `$states`, and a variable.
struct Given {
    states: Value,
    document: Value,
}

impl Variables for Given {
    fn get(&self, name: &str) -> Option<&Value> {
        match name {
            "states" => Some(&self.states),
            "x" | "ab" => Some(&self.document),
            _ => None,
        }
    }
}

struct Fixed(Cell<u64>);

impl Host for Fixed {
    fn now_ms(&self) -> i64 {
        1_750_000_000_000
    }

    fn random(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        self.0.get()
    }

    fn uuid(&self) -> String {
        intrinsic::uuid(self.random(), self.random())
    }

    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String> {
        intrinsic::hash(algorithm, data)
    }
}

fn check(input: &str) -> Result<(), String> {
    let (text, document) = parts(input);
    let states: Value = [("input", document.clone()), ("context", Value::empty_object())].into_iter().collect();
    let given = Given { states, document: document.clone() };
    for profile in [Profile::aws(), Profile::suite()] {
        let program = match Program::compile(text, profile) {
            Ok(program) => program,
            Err(err) => {
                promise(!err.message().is_empty() && err.position <= 4 * text.len() + 4, || {
                    format!("a strange error: {err:?}")
                })?;
                continue;
            }
        };
        let start = Instant::now();
        let evaluate = |budget: &mut Budget| {
            let environment = Environment { input: Some(&document), variables: &given, host: &Fixed(Cell::new(0)) };
            program.evaluate(&environment, budget)
        };
        let outcome = evaluate(&mut Budget::aws());
        match &outcome {
            Ok(Outcome::Value(value)) => {
                let written = value.to_string();
                promise(written.len() as u64 <= BYTES_AWS, || format!("a result of {} bytes", written.len()))?;
                let read = parse(&written).map_err(|err| format!("the result is no JSON: {err}"))?;
                promise(read.to_string() == written, || "the result reads as another value".to_owned())?;
            }
            Ok(_) => {}
            Err(err) => promise(!err.message().is_empty(), || format!("a strange error: {err:?}"))?,
        }
        // One evaluation may take about a second, so a long one is neither repeated nor tried in the other profile.
        if start.elapsed() > Duration::from_millis(100) {
            return Ok(());
        }
        let again = evaluate(&mut Budget::aws());
        promise(shown(&outcome) == shown(&again), || "the second time it gives something else".to_owned())?;
    }
    Ok(())
}

fn shown(outcome: &Result<Outcome, stepwell_jsonata::Error>) -> String {
    match outcome {
        Ok(Outcome::Value(value)) => value.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(err) => format!("{} {}", err.code, err.message()),
    }
}
