//! Prints a line of JSON for each case or stack of the corpus: `synth CASE.json…`.
//!
//! A case gives `id`, `ok` and, if it has them, `definition`, `policyStatements`, `otherResources`,
//! `stateMachineProperties`, `modifiedResources`, `deletionPolicy`, `warnings`, or `evaluated` alone; a stack gives `id`,
//! `ok`, `template`, `definitions`; what cannot be built gives `id`, `ok`, `error` and the name of the rule, `errorName`.
#![allow(clippy::disallowed_methods, reason = "cases are read from files")]

#[path = "../tests/adapter/mod.rs"]
mod adapter;

// Beside the tests of the lines, because the adapter takes long to compile.
#[cfg(test)]
#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::process::ExitCode;

use stepwell_value::Value;

/// What a line may have, in this order.
const MEMBERS: [&str; 14] = [
    "id",
    "ok",
    "definition",
    "policyStatements",
    "otherResources",
    "stateMachineProperties",
    "modifiedResources",
    "deletionPolicy",
    "warnings",
    "evaluated",
    "template",
    "definitions",
    "error",
    "errorName",
];

fn main() -> ExitCode {
    let mut failed = false;
    for file in std::env::args().skip(1) {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                failed = true;
                continue;
            }
        };
        match stepwell_value::parse(&text) {
            Ok(case) => println!("{}", line(&case)),
            Err(error) => {
                eprintln!("{file}: {error}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The answer of the library, without what only our own tests look at.
fn line(case: &Value) -> Value {
    let answer = adapter::synthesize(case);
    MEMBERS.iter().filter_map(|key| Some((*key, answer.get(key)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::line;

    /// The keys of the line, and the line.
    fn synthesized(case: &str) -> (Vec<String>, String) {
        let line = line(&stepwell_value::parse(case).expect("a case is JSON"));
        let keys = line.as_object().expect("a line is an object").keys().map(ToString::to_string).collect();
        (keys, line.to_string())
    }

    #[test]
    fn a_case_gives_its_definition_and_what_the_role_is_allowed() {
        let (_, line) =
            synthesized(r#"{"id":"Pass/x","ts":{"construct":"Pass","form":"jsonPath","id":"P","props":{}}}"#);
        assert_eq!(
            line,
            concat!(
                r#"{"id":"Pass/x","ok":true,"#,
                r#""definition":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"#,
                r#""policyStatements":[],"otherResources":{}}"#
            )
        );
    }

    #[test]
    fn members_that_a_case_has_not_are_left_out() {
        let (keys, _) = synthesized(
            r#"{"id":"x","ts":{"construct":"Pass","form":"jsonPath","id":"P","props":{},
                "stateMachine":{"stateMachineName":"M","removalPolicy":{"$const":"RemovalPolicy.RETAIN"}}}}"#,
        );
        let members = ["id", "ok", "definition", "policyStatements", "otherResources", "stateMachineProperties"];
        assert_eq!(keys, [&members[..], &["deletionPolicy"]].concat());
    }

    #[test]
    fn an_evaluation_gives_its_value_alone() {
        let (_, line) = synthesized(r#"{"id":"x","ts":{"evaluate":{"$const":"Errors.ALL"}}}"#);
        assert_eq!(line, r#"{"id":"x","ok":true,"evaluated":"States.ALL"}"#);
    }

    #[test]
    fn what_is_refused_gives_the_message_and_the_name_of_the_rule() {
        let (keys, line) = synthesized(
            r#"{"id":"x","ts":{"construct":"Pass","form":"jsonPath","id":"P","props":{"resultPath":"x"}}}"#,
        );
        assert_eq!(keys, ["id", "ok", "error", "errorName"]);
        assert!(
            line.starts_with(r#"{"id":"x","ok":false,"error":"Expected JSON path to start with '$', got: x"#),
            "{line}"
        );
    }

    #[test]
    fn a_mistake_that_does_not_compile_gives_the_file_that_shows_it() {
        let (_, line) = synthesized(
            r#"{"id":"x","ts":{"construct":"Pass","form":"jsonPath","id":"P","props":{"outputs":"{% 1 %}"}}}"#,
        );
        assert_eq!(line, r#"{"id":"x","ok":false,"error":"not expressible: jsonata_field_in_json_path_state.rs"}"#);
    }

    #[test]
    fn a_stack_gives_its_template_and_definitions() {
        let (keys, _) = synthesized(
            r#"{"id":"stacks/x","spec":{"states":[{"construct":"Pass","form":"jsonPath","id":"P","ref":"p","props":{}}],
                "stateMachines":[{"ref":"m","id":"M","definition":{"$ref":"p"}}]}}"#,
        );
        assert_eq!(keys, ["id", "ok", "template", "definitions"]);
    }
}
