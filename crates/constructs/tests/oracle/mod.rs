//! Every shared case and stack of the corpus, compared with what the CDK makes of it.

mod compare;
#[path = "../suite/corpus.rs"]
mod corpus;

use std::path::Path;

use stepwell_value::Value;

use crate::adapter;
use corpus::{corpus, files, read};

#[test]
fn the_cases_and_stacks_of_the_oracle() {
    let Some(corpus) = corpus() else { return };
    let only = std::env::var("ONLY").ok();
    let verbose = std::env::var("SHOW").is_ok() || only.is_some();
    let known = Deviations::read();
    let mut tally = Tally::default();
    for folder in ["cases", "stacks"] {
        for file in files(&corpus.join(folder)) {
            let case = read(&file);
            let id = case.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if only.as_ref().is_some_and(|only| !id.starts_with(only.as_str())) {
                continue;
            }
            let line = adapter::synthesize(&case);
            let result = if folder == "cases" { compare::case(&case, &line) } else { compare::stack(&case, &line) };
            if let (Err(why), true) = (&result, verbose) {
                let quirk = if case.get("quirk").is_some() { " (quirk)" } else { "" };
                println!("{id}{quirk}: {why}");
            }
            tally.note(folder, id, case.get("quirk").is_some(), result.is_ok());
        }
    }
    println!(
        "constructs: {} of {} cases equal, {} of {} stacks",
        tally.cases.0, tally.cases.1, tally.stacks.0, tally.stacks.1
    );
    if only.is_none() {
        tally.judge(&known);
    }
}

/// What was equal, of how many.
#[derive(Default)]
struct Tally {
    cases: (usize, usize),
    stacks: (usize, usize),
    different: Vec<(String, bool)>,
}

impl Tally {
    fn note(&mut self, folder: &str, id: String, quirk: bool, equal: bool) {
        let count = if folder == "cases" { &mut self.cases } else { &mut self.stacks };
        count.1 += 1;
        if equal {
            count.0 += 1;
        } else {
            self.different.push((id, quirk));
        }
    }

    /// What differs is listed with its reason, and what is listed differs.
    fn judge(&self, known: &Deviations) {
        let unlisted: Vec<&str> =
            self.different.iter().map(|(id, _)| id.as_str()).filter(|id| !known.has(id)).collect();
        assert!(unlisted.is_empty(), "differ and are not in tests/deviations.json: {unlisted:#?}");
        let equal: Vec<&String> =
            known.ids.iter().filter(|id| !self.different.iter().any(|(other, _)| other == *id)).collect();
        assert!(equal.is_empty(), "are equal and in tests/deviations.json: {equal:#?}");
    }
}

/// The cases that differ, by `tests/deviations.json`: id, reason, and what differs.
struct Deviations {
    ids: Vec<String>,
}

/// Why a case may differ.
const REASONS: [&str; 4] = ["compile-error", "right-where-cdk-is-wrong", "not-applicable-in-rust", "owed"];

/// How many cases may differ that the corpus does not call a quirk and that compile.
const PLAIN_MAX: usize = 30;

impl Deviations {
    fn read() -> Deviations {
        Deviations { ids: deviations().into_iter().map(|entry| adapter::text(&entry, "id")).collect() }
    }

    fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }
}

fn deviations() -> Vec<Value> {
    let file = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deviations.json")));
    file.get("deviations").and_then(Value::as_array).map(|all| all.to_vec()).unwrap_or_default()
}

/// Cases beside the corpus, in its form: rules that none of its shared cases shows. Messages are those of its inventory.
#[test]
fn the_cases_beside_the_corpus() {
    let file = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/siblings.json")));
    let cases = file.as_array().map(|all| all.to_vec()).unwrap_or_default();
    assert!(!cases.is_empty());
    let different: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let why = compare::case(case, &adapter::synthesize(case)).err()?;
            Some(format!("{}: {why}", adapter::text(case, "id")))
        })
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}

/// Each entry says why, and few of them are neither a quirk nor a mistake that does not compile.
#[test]
fn deviations_are_few_and_say_why() {
    let Some(corpus) = corpus() else { return };
    let mut plain = Vec::new();
    for entry in deviations() {
        let (id, reason) = (adapter::text(&entry, "id"), adapter::text(&entry, "reason"));
        assert!(REASONS.contains(&reason.as_str()), "{id}: {reason}");
        assert!(!adapter::text(&entry, "text").is_empty(), "{id} does not say what differs");
        let case = read(&corpus.join("cases").join(format!("{id}.json")));
        if case.get("quirk").is_none() && reason != "compile-error" {
            plain.push(id);
        }
    }
    println!("{} cases differ that are no quirks", plain.len());
    assert!(plain.len() <= PLAIN_MAX, "{plain:#?}");
}

/// The comparison itself: whatever is changed in an expectation, it is not equal any more.
#[test]
fn no_mutated_expectation_is_equal() {
    let Some(corpus) = corpus() else { return };
    let (mut mutants, mut survivors) = (0, Vec::new());
    for file in files(&corpus.join("cases")).iter().step_by(7) {
        let case = read(file);
        let line = adapter::synthesize(&case);
        if compare::case(&case, &line).is_err() || line.get("ok").and_then(Value::as_bool) != Some(true) {
            continue;
        }
        let expected = case.get("expected").cloned().unwrap_or_default();
        for key in ["definition", "policyStatements", "otherResources", "stateMachineProperties"] {
            let Some(member) = expected.get(key) else { continue };
            for mutant in compare::mutants(member) {
                mutants += 1;
                let mut changed = expected.as_object().cloned().unwrap_or_default();
                changed.insert(key, mutant);
                let mut whole = case.as_object().cloned().unwrap_or_default();
                whole.insert("expected", Value::Object(changed));
                if compare::case(&Value::Object(whole), &line).is_ok() {
                    survivors.push(format!("{}: {key}", adapter::text(&case, "id")));
                }
            }
        }
    }
    println!("{mutants} mutated expectations");
    assert!(survivors.is_empty(), "{survivors:#?}");
}

/// Step Functions accepts what is rendered, except for what the CDK renders just as wrong: `tests/invalid-asl.json`.
#[test]
fn the_definitions_are_valid() {
    let Some(corpus) = corpus() else { return };
    let list = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/invalid-asl.json")));
    let list: Vec<(String, String)> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (adapter::text(entry, "id"), adapter::text(entry, "rule")))
        .collect();
    let (mut valid, mut found) = (0, Vec::new());
    for file in files(&corpus.join("cases")) {
        let case = read(&file);
        let line = adapter::synthesize(&case);
        let Some(asl) = line.get("asl").filter(|asl| asl.as_object().is_some()) else { continue };
        let rules = broken_rules(asl, adapter::text(&line, "type") == "EXPRESS");
        if rules.is_empty() {
            valid += 1;
        } else {
            found.push((adapter::text(&case, "id"), rules));
        }
    }
    println!("{valid} definitions are valid, {} are not", found.len());
    if std::env::var("SHOW").is_ok() {
        for (id, rule) in &found {
            println!("invalid {id}: {rule}");
        }
    }
    assert_eq!(found, list, "tests/invalid-asl.json");
}

/// What is wrong with a definition, by the rules of the compiler.
fn broken_rules(asl: &Value, express: bool) -> String {
    use stepwell_asl::program::ExecutionType;
    use stepwell_asl::{Format, Options, Severity, compile};

    let machine_type = if express { ExecutionType::Express } else { ExecutionType::Standard };
    let compiled = compile(&asl.to_string(), Format::Json, &Options { machine_type });
    let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let mut rules: Vec<String> = errors.map(|error| format!("{}: {}", error.code.name(), error.message)).collect();
    rules.dedup();
    rules.join("; ")
}

/// The adapter calls builders; it does not write definitions.
#[test]
fn the_adapter_builds_no_definition() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/adapter"));
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the adapter can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            for word in ["\"StartAt\"", "\"States\""] {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}
