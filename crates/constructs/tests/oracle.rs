//! Every shared case and stack of the corpus, compared with what the CDK makes of it.
#![allow(clippy::disallowed_methods, reason = "the corpus is read from files")]

mod adapter;
mod compare;

use std::path::{Path, PathBuf};

use stepwell_value::Value;

#[test]
fn the_cases_of_the_oracle() {
    let Some(corpus) = corpus() else { return };
    let only = std::env::var("ONLY").ok();
    let verbose = std::env::var("SHOW").is_ok() || only.is_some();
    let (mut cases, mut equal) = (0, 0);
    let mut different: Vec<String> = Vec::new();
    for file in files(&corpus.join("cases")) {
        let case = read(&file);
        let id = case.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if only.as_ref().is_some_and(|only| !id.starts_with(only.as_str())) {
            continue;
        }
        cases += 1;
        let line = adapter::synthesize(&case);
        match compare::case(&case, &line) {
            Ok(()) => equal += 1,
            Err(why) => {
                let quirk = if case.get("quirk").is_some() { " (quirk)" } else { "" };
                if verbose {
                    println!("{id}{quirk}: {why}");
                }
                different.push(id);
            }
        }
    }
    println!("constructs: {equal} of {cases} cases equal");
}

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var("STEPWELL_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let corpus = shared.join("cdk");
    if !corpus.is_dir() {
        println!("skipped: no corpus at {}", corpus.display());
        return None;
    }
    Some(corpus)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus can be read").flatten() {
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
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a case can be read");
    stepwell_value::parse(&text).expect("a case is JSON")
}
