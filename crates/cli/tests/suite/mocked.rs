//! The conformance corpus's cases with mock files: the history of a mocked run is the one AWS recorded without mocks.

use std::path::{Path, PathBuf};
use std::process::Command;

use stepwell_value::{Value, parse};

fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("STEPWELL_SHARED").map(PathBuf::from);
    let shared = given.unwrap_or_else(|| Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).into());
    Some(shared.join("conformance/cases/mocking")).filter(|folder| folder.is_dir())
}

/// Gives the corpus's placeholders values: they stand for names that a run on AWS made up.
fn filled(value: &Value) -> String {
    let mut text = value.to_string().replace("<<region>>", "us-east-1").replace("<<account>>", "123456789012");
    while let Some((before, rest)) = text.split_once("<<") {
        let (_, after) = rest.split_once(">>").expect("placeholders are closed");
        text = format!("{before}made-up{after}");
    }
    text
}

/// A parameter: `{"$json": …}` or a JSON text.
fn document(parameter: &Value) -> String {
    match parameter.get("$json") {
        Some(document) => filled(document),
        None => parameter.as_str().expect("a JSON text").to_owned(),
    }
}

fn steps<'c>(case: &'c Value, operation: &str) -> Option<&'c Value> {
    let steps = case.get("steps")?.as_array()?;
    steps.iter().find(|step| step.get("op").and_then(Value::as_str) == Some(operation))
}

fn links(events: &Value) -> Vec<(String, i64)> {
    let events = events.as_array().expect("events");
    let link = |event: &Value| {
        let name = event.get("type").and_then(Value::as_str).expect("a type").to_owned();
        (name, event.get("previousEventId").and_then(Value::as_i64).expect("an id"))
    };
    events.iter().map(link).collect()
}

#[test]
fn mocked_runs_have_the_histories_that_aws_recorded() {
    let Some(folder) = corpus() else {
        println!("skipped: the conformance corpus is not here");
        return;
    };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mocked");
    std::fs::create_dir_all(&scratch).expect("a folder");
    let mut compared = 0;
    let mut names: Vec<_> =
        std::fs::read_dir(folder).expect("cases").map(|entry| entry.expect("a case").path()).collect();
    names.sort();
    for path in names {
        let case = parse(&std::fs::read_to_string(&path).expect("a case")).expect("JSON");
        let Some(mocks) = case.get("mock_config").filter(|mocks| !mocks.is_null()) else { continue };
        let parameters = |operation| steps(&case, operation).and_then(|step| step.get("params"));
        let history = steps(&case, "GetExecutionHistory").and_then(|step| step.get("expect_history"));
        let (Some(create), Some(start), Some(history)) =
            (parameters("CreateStateMachine"), parameters("StartExecution"), history)
        else {
            continue;
        };
        let definition = scratch.join("definition.json");
        std::fs::write(&definition, document(create.get("definition").expect("a definition"))).expect("a file");
        std::fs::write(scratch.join("mocks.json"), filled(mocks)).expect("a file");
        let input = start.get("input").map_or_else(|| "{}".to_owned(), document);
        let output = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .current_dir(&scratch)
            .args(["run", "definition.json", "--mocks", "mocks.json", "--json", "--history", "--input", &input])
            .output()
            .expect("the binary starts");
        let run = parse(&String::from_utf8(output.stdout).expect("UTF-8")).expect("a document");
        let events = run.get("events").unwrap_or_else(|| panic!("{}: {run}", path.display()));
        assert_eq!(links(events), links(history), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 5, "{compared} cases");
}
