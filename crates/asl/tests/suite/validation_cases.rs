//! Definitions with AWS's verdict: the validation cases, and every definition of the conformance corpus.

use std::path::Path;

use stepwell_asl::diagnostic::aws_message;
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Compiled, Diagnostic, Format, Options, Severity, compile, compile_state, variable_references};
use stepwell_value::Value;

use crate::support::folder;

#[test]
fn verdicts_and_details_are_those_of_aws() {
    let Some(index) = read_json("reference/validation-cases/index.json") else {
        println!("skipped: no shared/reference/validation-cases");
        return;
    };
    let mut report = Report::default();
    for case in list(index.get("cases")) {
        let file = text(case.get("file"));
        if text(case.get("verdict")) == "skip" {
            continue;
        }
        let path = format!("reference/validation-cases/{file}");
        let definition = read(&path).unwrap_or_else(|| panic!("{path} is in the index"));
        report.judge(case, file, &compile_as(&definition, text(case.get("type"))));
    }
    report.print();
    assert!(report.accepted_refused.is_empty(), "AWS accepts {:?}", report.accepted_refused);
    assert!(report.right * 100 >= report.cases * 99, "verdicts");
    assert!(report.details_right * 100 >= report.details * 95, "details");
}

#[derive(Default)]
struct Report {
    cases: usize,
    right: usize,
    details: usize,
    details_right: usize,
    accepted_refused: Vec<String>,
    lines: Vec<String>,
}

impl Report {
    fn judge(&mut self, case: &Value, file: &str, compiled: &Compiled) {
        self.cases += 1;
        let is_valid = text(case.get("verdict")) == "valid";
        if compiled.is_valid() == is_valid {
            self.right += 1;
        } else {
            self.lines.push(format!("{file}: should be {} but has {}", text(case.get("verdict")), shown(compiled)));
            if file.starts_with("accepted--") {
                self.accepted_refused.push(file.to_owned());
            }
        }
        let expected: Vec<_> = list(case.get("expect")).iter().chain(list(case.get("warnings"))).collect();
        if expected.is_empty() {
            return;
        }
        self.details += 1;
        let found = |expected: &&&Value| compiled.diagnostics.iter().any(|diagnostic| fits(expected, diagnostic));
        match expected.iter().find(|expected| !found(expected)) {
            None => self.details_right += 1,
            Some(missing) => self.lines.push(format!("{file}: no {missing} in {}", shown(compiled))),
        }
    }

    fn print(&self) {
        for line in &self.lines {
            println!("{line}");
        }
        println!(
            "validation: verdict {} of {}, details {} of {}",
            self.right, self.cases, self.details_right, self.details
        );
    }
}

/// Whether a diagnostic has all that is expected of it; absent members are not asserted.
fn fits(expected: &Value, diagnostic: &Diagnostic) -> bool {
    let is =
        |member: &str, actual: &str| expected.get(member).and_then(Value::as_str).is_none_or(|text| text == actual);
    is("code", diagnostic.code.name())
        && is("message", &diagnostic.message)
        && is("location", diagnostic.location.as_deref().unwrap_or_default())
}

#[test]
fn the_conformance_corpus_compiles_or_is_refused_in_the_recorded_words() {
    let cases = conformance_cases();
    if cases.is_empty() {
        println!("skipped: no shared/conformance/cases");
        return;
    }
    let (mut accepted, mut refused, mut references, mut wrong) = (0, 0, 0, Vec::new());
    for (id, case) in &cases {
        let mut last_references: Option<Value> = None;
        for step in list(case.get("steps")) {
            let definition = step.get("params").and_then(|params| params.get("definition"));
            match (text(step.get("op")), definition) {
                ("DescribeStateMachine", _) => {
                    let expected = step.get("expect").and_then(|expect| expect.get("variableReferences"));
                    if let Some(actual) = last_references.clone().filter(|_| step.get("expect").is_some()) {
                        references += 1;
                        let expected = expected.cloned().unwrap_or(Value::empty_object());
                        if actual != expected {
                            wrong.push(format!("{id}: refers to {actual} instead of {expected}"));
                        }
                    }
                }
                (op @ ("CreateStateMachine" | "UpdateStateMachine" | "TestState"), Some(definition)) => {
                    let Some(definition) = definition_text(definition) else { continue };
                    let kind = text(step.get("params").and_then(|params| params.get("type")));
                    let lone = op == "TestState"
                        && stepwell_value::parse(&definition).is_ok_and(|d| d.get("States").is_none());
                    let compiled = if lone {
                        compile_state(&definition, Format::Json, &Options::default())
                    } else {
                        compile_as(&definition, kind)
                    };
                    let error = step.get("expect_error");
                    let message = fill(text(error.and_then(|error| error.get("message"))));
                    if text(error.and_then(|error| error.get("code"))) == "InvalidDefinition"
                        && message.starts_with("Invalid State Machine Definition")
                    {
                        refused += 1;
                        let actual = aws_message(&compiled.diagnostics);
                        if actual != message {
                            wrong.push(format!("{id}: {actual}\n    instead of {message}"));
                        }
                    } else if error.is_none() {
                        accepted += 1;
                        match &compiled.program {
                            None => wrong.push(format!("{id}: {}", shown(&compiled))),
                            Some(program) => {
                                let names = variable_references(program).into_iter().map(|(state, names)| {
                                    (state, names.into_iter().map(Value::from).collect::<Value>())
                                });
                                last_references = Some(names.collect());
                            }
                        }
                    }
                }
                ("ValidateStateMachineDefinition", Some(definition)) => {
                    let Some(definition) = definition_text(definition) else { continue };
                    let compiled =
                        compile_as(&definition, text(step.get("params").and_then(|params| params.get("type"))));
                    let actual: Value = compiled.diagnostics.iter().map(api_diagnostic).collect();
                    let expected = step.get("expect").and_then(|expect| expect.get("diagnostics"));
                    if let Some(expected) = expected {
                        if list(Some(expected)).is_empty() {
                            accepted += 1
                        } else {
                            refused += 1
                        }
                        if actual != *expected {
                            wrong.push(format!("{id}: {actual} instead of {expected}"));
                        }
                    }
                }
                _ => {}
            }
        }
    }
    for line in &wrong {
        println!("{line}");
    }
    println!(
        "conformance: {accepted} accepted and {refused} refused definitions, {references} variableReferences, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty());
}

/// A diagnostic as ValidateStateMachineDefinition reports it.
fn api_diagnostic(diagnostic: &Diagnostic) -> Value {
    let mut object = stepwell_value::Object::default();
    object.insert("severity", diagnostic.severity.name().into());
    object.insert("code", diagnostic.code.name().into());
    object.insert("message", diagnostic.message.as_str().into());
    if let Some(location) = &diagnostic.location {
        object.insert("location", location.as_str().into());
    }
    object.into()
}

/// The definition of a step with its placeholders filled; none when it comes from an earlier answer.
fn definition_text(definition: &Value) -> Option<String> {
    match definition {
        Value::Str(text) if text.starts_with("<<") => None,
        Value::Str(text) => Some(fill(text)),
        definition => definition.get("$json").map(|json| fill(&json.to_string())),
    }
}

/// Fills the corpus's placeholders `<<…>>`.
fn fill(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let (name, after) = after.split_once(">>").expect("placeholders are closed");
        filled.push_str(before);
        filled.push_str(match name {
            "account" => "111122223333",
            "region" => "us-east-1",
            name if name.ends_with("activityArn") => "arn:aws:states:us-east-1:111122223333:activity:a",
            name if name.ends_with("stateMachineArn") => "arn:aws:states:us-east-1:111122223333:stateMachine:m",
            _ => "x",
        });
        rest = after;
    }
    filled + rest
}

fn compile_as(definition: &str, machine_type: &str) -> Compiled {
    let machine_type = if machine_type == "EXPRESS" { ExecutionType::Express } else { ExecutionType::Standard };
    compile(definition, Format::Json, &Options { machine_type })
}

fn shown(compiled: &Compiled) -> String {
    let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let lines: Vec<_> = errors.map(|diagnostic| format!("{}: {diagnostic}", diagnostic.code)).collect();
    if lines.is_empty() { "no error".to_owned() } else { lines.join(" | ") }
}

fn conformance_cases() -> Vec<(String, Value)> {
    let mut cases = Vec::new();
    let Ok(areas) = std::fs::read_dir(folder().join("conformance/cases")) else { return cases };
    for area in areas.filter_map(Result::ok) {
        for file in std::fs::read_dir(area.path()).into_iter().flatten().filter_map(Result::ok) {
            let text = std::fs::read_to_string(file.path()).expect("a case is readable");
            let case = stepwell_value::parse(&text).expect("a case is JSON");
            cases.push((self::text(case.get("id")).to_owned(), case));
        }
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], |list| list)
}

fn read_json(path: &str) -> Option<Value> {
    Some(stepwell_value::parse(&read(path)?).expect("an index is JSON"))
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(folder().join(path)).ok()
}
