//! The command line as a user meets it: output, documents, errors and exit codes of the built binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};
use stepwell_value::{Value, parse};

/// The folder above the crates: examples are named as a reader of the README names them.
fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().expect("the workspace")
}

/// What a command printed and how it ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().expect("it was not killed");
        Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn json(&self) -> Value {
        assert_eq!(self.stderr, "", "with --json nothing but the document is printed");
        assert_eq!(self.stdout.lines().count(), 1, "one document: {}", self.stdout);
        parse(&self.stdout).expect("JSON")
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(root()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("LANG", "C.UTF-8");
    command
}

fn stepwell(arguments: &[&str]) -> Ran {
    Ran::of(command().args(arguments).stdin(Stdio::null()).output().expect("the binary starts"))
}

fn stepwell_with_stdin(arguments: &[&str], stdin: &str) -> Ran {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // It may have ended without reading its input.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    Ran::of(child.wait_with_output().expect("it ends"))
}

/// Runs a line of a help text as a shell would.
fn shell(line: &str) -> Ran {
    let bin = Path::new(env!("CARGO_BIN_EXE_stepwell")).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.current_dir(root()).env("PATH", path).args(["-c", line]).stdin(Stdio::null());
    Ran::of(command.output().expect("a shell"))
}

/// A file of a test, named so that tests do not meet.
fn file(name: &str, content: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// The digits that differ from run to run.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" in ").zip(line.split_once(" real")) {
        Some(((before, _), (_, after))) => format!("{before} in TIME real{after}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// What a run of a test's own file showed of its progress.
fn shown(ran: &Ran, definition: &str) -> String {
    without_times(&ran.stderr).replace(definition, "FILE")
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

const ORDER: [&str; 4] = ["run", "examples/order-saga/order.asl.json", "--input", "@examples/order-saga/input.json"];
const ORDER_MOCKS: [&str; 2] = ["--mocks", "examples/order-saga/mocks.json"];

#[test]
fn the_first_command_of_the_readme_works() {
    let ran = stepwell(&["run", "examples/hello.asl.json"]);
    assert_eq!(ran.code, 0);
    check(
        &ran.stdout,
        &expect![[r#"
            {
              "greeting": "Hello world!",
              "days": 2
            }
        "#]],
    );
    check(
        &without_times(&ran.stderr),
        &expect![[r#"
            examples/hello.asl.json · STANDARD · 3 states · mocks: none · clock: virtual
                    +0 ms  ✔ Greet  pass
                     +2 d  ↷ WaitTwoDays  wait 2 d  skipped (virtual clock)
                     +2 d  ✔ SayGoodbye  pass
              ✔ SUCCEEDED in TIME real · 2 d virtual · 3 transitions

        "#]],
    );
}

#[test]
fn a_tree_shows_branches_iterations_retries_and_what_was_aborted() {
    let mocks = [
        "--mocks",
        "examples/nested-map/mocks.json",
        "--progress",
        "tree",
        "--input",
        "@examples/nested-map/input.json",
    ];
    let tree = |case: &str| {
        let arguments = [&["run", "examples/nested-map/inventory.asl.json", "--case", case], &mocks[..]].concat();
        without_times(&stepwell(&arguments).stderr)
    };
    check(
        &tree("OneShopIsThrottled"),
        &expect![[r#"
            examples/nested-map/inventory.asl.json · STANDARD · 5 states · mocks: examples/nested-map/mocks.json#OneShopIsThrottled · clock: virtual

              ● Start
              ├─ ✔ Gather                        parallel · 2 branches  1 s
              │  ├─ branch 0
              │  │  ├─ ✔ EachRegion              map · 2 items  1 s
              │  │  │  ├─ item 0
              │  │  │  │  ├─ ✔ EachShop          map · 2 items
              │  │  │  │  │  ├─ item 0
              │  │  │  │  │  │  ├─ ✔ CountStock  dynamodb:getItem
              │  │  │  │  │  ├─ item 1
              │  │  │  │  │  │  ├─ ✔ CountStock  dynamodb:getItem
              │  │  │  ├─ item 1
              │  │  │  │  ├─ ✔ EachShop          map · 1 item  1 s
              │  │  │  │  │  ├─ item 0
              │  │  │  │  │  │  ├─ ✔ CountStock  dynamodb:getItem  1 s
              │  │  │  │  │  │  │    ⚠ DynamoDB.ProvisionedThroughputExceededException: slow down – tried again after 1 s
              │  ├─ branch 1
              │  │  ├─ ✔ ReadCatalogue           aws-sdk:ssm:getParameter
              ✔ SUCCEEDED in TIME real · 1 s virtual · 9 transitions

        "#]],
    );
    check(
        &tree("TheCatalogueIsGone"),
        &expect![[r#"
            examples/nested-map/inventory.asl.json · STANDARD · 5 states · mocks: examples/nested-map/mocks.json#TheCatalogueIsGone · clock: virtual

              ● Start
              ├─ ✖ Gather                        parallel · 2 branches
              │  ├─ branch 0
              │  │  ├─ ✖ EachRegion              map · 2 items  aborted
              │  │  │  ├─ item 0
              │  │  │  │  ├─ ✖ EachShop          map · 1 item  aborted
              │  │  │  │  │  ├─ item 0
              │  │  │  │  │  │  ├─ ✖ CountStock  dynamodb:getItem  aborted
              │  │  │  ├─ item 1
              │  │  │  │  ├─ ✖ EachShop          map · 1 item  aborted
              │  │  │  │  │  ├─ item 0
              │  │  │  │  │  │  ├─ ✖ CountStock  dynamodb:getItem  aborted
              │  ├─ branch 1
              │  │  ├─ ✖ ReadCatalogue           aws-sdk:ssm:getParameter
              │  │  │    ✖ Ssm.ParameterNotFoundException: /shop/catalogue
              ✖ FAILED in TIME real · 0 ms virtual · 7 transitions

            error: Ssm.ParameterNotFoundException
            /shop/catalogue
        "#]],
    );
}

#[test]
fn a_parallel_state_that_is_tried_again_and_caught_shows_its_last_attempt() {
    let definition = file(
        "parallel.asl.json",
        r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
            "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "H"}],
            "Branches": [{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": true}}},
                         {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "X", "Cause": "Y"}}}]},
            "H": {"Type": "Pass", "End": true}}}"#,
    );
    let ran = stepwell(&["run", &definition, "--progress", "tree"]);
    check(
        &shown(&ran, &definition),
        &expect![[r#"
        FILE · STANDARD · 4 states · mocks: none · clock: virtual

          ● Start
          ├─ ⚠ P        parallel · 2 branches  1 s
          │    ⚠ X: Y – tried again after 1 s
          │    ⚠ caught X: Y → H
          │  ├─ branch 0
          │  │  ├─ ✖ W  wait  aborted
          │  ├─ branch 1
          │  │  ├─ ✖ F  fail
          ├─ ✔ H        pass
          ✔ SUCCEEDED in TIME real · 1 s virtual · 7 transitions

    "#]],
    );
    let ran = stepwell(&["run", &definition, "--progress", "lines"]);
    check(
        &shown(&ran, &definition),
        &expect![[r#"
        FILE · STANDARD · 4 states · mocks: none · clock: virtual
                +0 ms  ✖ P[1] › F  fail
                 +1 s  ✖ P[1] › F  fail
                 +1 s  ✖ P[0] › W  wait  aborted
                 +1 s  ⚠ P  parallel · 2 branches  1 s
                         ⚠ X: Y – tried again after 1 s
                         ⚠ caught X: Y
                 +1 s  ✔ H  pass
          ✔ SUCCEEDED in TIME real · 1 s virtual · 7 transitions

    "#]],
    );
}

#[test]
fn many_iterations_are_counted_and_the_failed_ones_shown() {
    let definition = file(
        "many.asl.json",
        r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ToleratedFailurePercentage": 50, "End": true,
            "ItemsPath": "$.n", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Work", "States": {
                "Work": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true,
                         "Parameters": {"Message": "m", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}}}}}}}"#,
    );
    let input = format!("{{\"n\": [{}]}}", vec!["0"; 100].join(","));
    let mock =
        r#"Work={"0-6": {"Return": 1}, "7": {"Throw": {"Error": "E", "Cause": "the eighth"}}, "8-99": {"Return": 1}}"#;
    let ran = stepwell(&["run", &definition, "--input", &input, "--mock", mock, "--progress", "tree", "--quiet"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "--quiet shows no tree");
    let ran = stepwell(&["run", &definition, "--input", &input, "--mock", mock, "--progress", "tree"]);
    check(
        &shown(&ran, &definition),
        &expect![[r#"
            FILE · STANDARD · 2 states · mocks: 1 given · clock: virtual

              ● Start
              ├─ ✔ Each        distributed map · 100 child executions (99 ✔, 1 ✖)
              │  ├─ child 0
              │  │  ├─ ✔ Work  sns:publish
              │  ├─ child 7
              │  │  ├─ ✖ Work  sns:publish
              │  │  │    ✖ E: the eighth
              │  ├─ ⋯ 98 more: 98 ✔
              ✔ SUCCEEDED in TIME real · 0 ms virtual · 1 transition

        "#]],
    );
}

#[test]
fn a_long_loop_is_shown_by_its_ends() {
    let definition = file(
        "loop.asl.json",
        r#"{"QueryLanguage": "JSONata", "StartAt": "Begin", "States": {
            "Begin": {"Type": "Pass", "Assign": {"n": 0}, "Next": "Count"},
            "Count": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Next": "Enough"},
            "Enough": {"Type": "Choice", "Choices": [{"Condition": "{% $n < 500 %}", "Next": "Count"}], "Default": "Done"},
            "Done": {"Type": "Succeed", "Output": "{% $n %}"}}}"#,
    );
    let ran = stepwell(&["run", &definition, "--progress", "tree"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "500\n"));
    assert!(ran.stderr.contains("⋯ 882 more states not shown"), "{}", ran.stderr);
    assert!(ran.stderr.lines().count() < 130);
}

#[test]
fn what_cannot_be_run_here_is_caught_by_nothing_and_says_what_to_add() {
    let ran = stepwell(&[&ORDER[..], &["--json"]].concat());
    assert_eq!(ran.code, 1);
    let document = ran.json();
    assert_eq!(document.get("error").and_then(Value::as_str), Some("States.Runtime"));
    let cause = document.get("cause").and_then(Value::as_str).unwrap_or_default();
    assert!(cause.contains("--mock 'ReserveStock={}'"), "{cause}");
    assert!(cause.contains("arn:aws:states:::lambda:invoke"), "{cause}");
}

#[test]
fn what_a_child_of_a_distributed_map_lacks_is_no_failure_that_it_may_tolerate() {
    let items = r#"EachPicture/ItemReader=[{"Key": "a"}, {"Key": "b"}]"#;
    let definition = ["run", "examples/fan-out/thumbnails.asl.json", "--input", "@examples/fan-out/input.json"];
    let ran = stepwell(&[&definition[..], &["--mock", items, "--mock", "TellSomebody={}", "-q", "--history"]].concat());
    assert_eq!(ran.code, 1);
    check(
        &ran.stdout,
        &expect![[r#"
            1 <0 ExecutionStarted
            2 <0 MapStateEntered EachPicture
            3 <2 MapStateStarted 0
            4 <3 MapRunStarted
            5 <4 ExecutionFailed States.Runtime
        "#]],
    );
    assert!(ran.stderr.contains("--mock 'MakeThumbnail={}'"), "{}", ran.stderr);
}

#[test]
fn each_hint_of_a_run_can_be_typed_as_it_is() {
    for definition in [
        "examples/order-saga/order.asl.json --input @examples/order-saga/input.json",
        "examples/job-poller/poller.asl.json",
        "examples/nested-map/inventory.asl.json --input @examples/nested-map/input.json",
        "examples/fan-out/thumbnails.asl.json --input @examples/fan-out/input.json",
        "examples/dynamic-loop/pages.asl.json --input '{\"table\": \"it'\\''s\"}'",
    ] {
        let mut line = format!("stepwell run {definition}");
        let mut hints = 0;
        loop {
            let ran = shell(&line);
            assert!(matches!(ran.code, 0 | 1), "{line}\n{}", ran.stderr);
            let Some((_, hint)) = ran.stderr.split_once("run it again with a mock:\n") else { break };
            hints += 1;
            let hint = hint.trim();
            assert!(hint.starts_with(&line[..20]) && hint != line, "{hint}");
            assert!(hints < 10, "{hint}");
            line = hint.to_owned();
        }
        assert!(hints > 0, "{definition}");
    }
}

#[test]
fn an_attempt_without_a_response_fails_the_execution_past_retry_and_catch() {
    let definition = file(
        "retried.asl.json",
        r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"Message": "m", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 9}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
            "Caught": {"Type": "Pass", "End": true}}}"#,
    );
    let mocks = file(
        "retried.mocks.json",
        r#"{"StateMachines": {"retried": {"TestCases": {"Twice": {"T": "Twice"}}}},
            "MockedResponses": {"Twice": {"0-1": {"Throw": {"Error": "E", "Cause": "C"}}}}}"#,
    );
    let ran = stepwell(&["run", &definition, "--mocks", &mocks, "--history", "-q"]);
    assert_eq!(ran.code, 1);
    check(
        &ran.stdout,
        &expect![[r#"
         1 <0  ExecutionStarted
         2 <0  TaskStateEntered T
         3 <2  TaskScheduled sns:publish
         4 <3  TaskStarted
         5 <4  TaskFailed E
         6 <5  TaskScheduled sns:publish  +1 s
         7 <6  TaskStarted
         8 <7  TaskFailed E
         9 <8  TaskScheduled sns:publish  +2 s
        10 <9  TaskStarted
        11 <10 ExecutionFailed States.Runtime
    "#]],
    );
    assert!(
        ran.stderr.contains("called for the 3rd time, but the mocked response 'Twice' has nothing for attempt \"2\"")
    );
}

#[test]
fn the_json_document_of_a_run() {
    let ran = stepwell(&[
        "run",
        "examples/hello.asl.json",
        "--json",
        "--history",
        "--start-time",
        "2026-01-31T12:00:00Z",
        "--input",
        "{ \"name\": \"Ada\" }",
    ]);
    let mut pretty = String::new();
    stepwell_value::write_pretty(&ran.json(), &mut pretty);
    check(
        &pretty,
        &expect![[r#"
        {
          "schema": "stepwell.run/1",
          "status": "SUCCEEDED",
          "output": {
            "greeting": "Hello Ada!",
            "days": 2
          },
          "startDate": 1769860800,
          "stopDate": 1770033600,
          "transitions": 3,
          "executionArn": "arn:aws:states:us-east-1:123456789012:execution:hello:run",
          "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:hello",
          "clock": "virtual",
          "seed": 1,
          "events": [
            {
              "timestamp": 1769860800,
              "type": "ExecutionStarted",
              "id": 1,
              "previousEventId": 0,
              "executionStartedEventDetails": {
                "input": "{ \"name\": \"Ada\" }",
                "inputDetails": {
                  "truncated": false
                },
                "roleArn": "arn:aws:iam::123456789012:role/stepwell"
              }
            },
            {
              "timestamp": 1769860800,
              "type": "PassStateEntered",
              "id": 2,
              "previousEventId": 0,
              "stateEnteredEventDetails": {
                "name": "Greet",
                "input": "{\"name\":\"Ada\"}",
                "inputDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1769860800,
              "type": "PassStateExited",
              "id": 3,
              "previousEventId": 2,
              "stateExitedEventDetails": {
                "name": "Greet",
                "output": "{\"name\":\"Ada\"}",
                "outputDetails": {
                  "truncated": false
                },
                "assignedVariables": {
                  "name": "\"Ada\"",
                  "started": "\"2026-01-31T12:00:00Z\""
                },
                "assignedVariablesDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1769860800,
              "type": "WaitStateEntered",
              "id": 4,
              "previousEventId": 3,
              "stateEnteredEventDetails": {
                "name": "WaitTwoDays",
                "input": "{\"name\":\"Ada\"}",
                "inputDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1770033600,
              "type": "WaitStateExited",
              "id": 5,
              "previousEventId": 4,
              "stateExitedEventDetails": {
                "name": "WaitTwoDays",
                "output": "{\"name\":\"Ada\"}",
                "outputDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1770033600,
              "type": "PassStateEntered",
              "id": 6,
              "previousEventId": 5,
              "stateEnteredEventDetails": {
                "name": "SayGoodbye",
                "input": "{\"name\":\"Ada\"}",
                "inputDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1770033600,
              "type": "PassStateExited",
              "id": 7,
              "previousEventId": 6,
              "stateExitedEventDetails": {
                "name": "SayGoodbye",
                "output": "{\"greeting\":\"Hello Ada!\",\"days\":2}",
                "outputDetails": {
                  "truncated": false
                }
              }
            },
            {
              "timestamp": 1770033600,
              "type": "ExecutionSucceeded",
              "id": 8,
              "previousEventId": 7,
              "executionSucceededEventDetails": {
                "output": "{\"greeting\":\"Hello Ada!\",\"days\":2}",
                "outputDetails": {
                  "truncated": false
                }
              }
            }
          ]
        }"#]],
    );
}

#[test]
fn the_json_document_of_a_failed_run_has_error_and_cause_and_no_output() {
    let ran = stepwell(
        &[&ORDER[..], &ORDER_MOCKS, &["--case", "PaymentFails", "--json", "--start-time", "2026-01-31T12:00:00Z"]]
            .concat(),
    );
    assert_eq!(ran.code, 1);
    check(
        &ran.json().to_string(),
        &expect![[
            r#"{"schema":"stepwell.run/1","status":"FAILED","error":"Card.Declined","cause":"Order 4711 was undone: insufficient funds","startDate":1769860800,"stopDate":1769860800,"transitions":4,"executionArn":"arn:aws:states:us-east-1:123456789012:execution:order:run","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:order","clock":"virtual","seed":1}"#
        ]],
    );
}

#[test]
fn a_year_takes_no_time_on_the_virtual_clock() {
    let definition = file(
        "year.asl.json",
        r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31536000, "End": true}}}"#,
    );
    let ran = stepwell(&["run", &definition, "--json"]);
    let document = ran.json();
    let at = |name| document.get(name).and_then(Value::as_f64).expect("a time");
    assert_eq!(document.get("status"), Some(&"SUCCEEDED".into()));
    assert_eq!((at("stopDate") - at("startDate")).round(), 31_536_000.0);
}

#[test]
fn a_real_clock_waits_and_a_factor_shortens_it() {
    let definition =
        file("wait.asl.json", r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}"#);
    for (clock, least_ms, words) in [("real", 1_000, "wait 1"), ("x10", 100, "wait 1")] {
        let begun = std::time::Instant::now();
        let ran = stepwell(&["run", &definition, "--clock", clock]);
        assert_eq!(ran.code, 0);
        assert!(begun.elapsed().as_millis() >= least_ms, "{clock}");
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("skipped"), "{}", ran.stderr);
    }
    assert_eq!(stepwell(&["run", &definition, "--clock", "x0"]).code, 2);
}

#[test]
fn express_and_its_arn() {
    let ran =
        stepwell(&["run", "examples/hello.asl.json", "--type", "express", "--json", "--name", "n-1", "--machine", "M"]);
    let document = ran.json();
    assert_eq!(document.get("status").and_then(Value::as_str), Some("TIMED_OUT"), "five minutes are not two days");
    let arn = document.get("executionArn").and_then(Value::as_str).unwrap_or_default();
    assert!(arn.starts_with("arn:aws:states:us-east-1:123456789012:express:M:n-1:"), "{arn}");
    assert_eq!(ran.code, 1);
}

#[test]
fn standard_input_and_files_bring_definition_and_input() {
    let definition = "StartAt: A\nStates:\n  A:\n    Type: Pass\n    End: true\n";
    let ran = stepwell_with_stdin(&["run", "-", "--input", "[1]", "-q"], definition);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "[\n  1\n]\n"));
    let ran = stepwell_with_stdin(&["run", "examples/hello.asl.json", "--input", "-", "-q"], "{\"name\": \"Ada\"}");
    assert!(ran.stdout.contains("Hello Ada!"));
    let ran = stepwell_with_stdin(&["run", "-", "--input", "-"], "");
    assert_eq!(ran.code, 2);
}

#[test]
fn placeholders_without_a_value_are_all_named() {
    let definition = file(
        "placeholders.asl.json",
        "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\",\n  \"Result\": \"${One} ${Two}\",\n  \"Comment\": \"${One}\", \"End\": true}}}",
    );
    let ran = stepwell(&["run", &definition, "--set", "Two=2"]);
    assert_eq!(ran.code, 3);
    check(
        &ran.stderr.replace(&definition, "FILE"),
        &expect![[r#"
        error[INVALID_DEFINITION]: the placeholder ${One} has no value
          --> FILE:2:14
           2 |   "Result": "${One} ${Two}",
             |              ^
          = give each a value: stepwell run FILE --set Two=2 --set One=VALUE
    "#]],
    );
    let ran = stepwell(&["run", &definition]);
    assert!(ran.stderr.contains("--set One=VALUE --set Two=VALUE"), "{}", ran.stderr);
    let ran = stepwell(&["run", &definition, "--set", "One=1", "--set", "Two=2", "-q"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "\"1 2\"\n"));
    let ran = stepwell(&["run", &definition, "--set", "One=1", "--set", "Two=2", "--set", "Three=3"]);
    assert_eq!(ran.code, 2);
    let ran = stepwell(&["validate", &definition]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("checked as they stand"), "{}", ran.stdout);
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let broken_mocks =
        file("broken.mocks.json", "{\n  \"StateMachines\": {},\n  \"MockedResponses\": {\"R\": {\"x\": {}}}\n}");
    let table: &[(&[&str], i32, &str)] = &[
        (&["runn"], 2, "a similar subcommand exists: 'run'"),
        (&["run", "examples/hello.asl.json", "--inputt", "1"], 2, "a similar argument exists: '--input'"),
        (&["run", "examples/hello.asl.json", "--clock", "fast"], 2, "write virtual, real, or a factor such as x60"),
        (&["run", "examples/hello.asl.json", "--input", "{bad"], 2, "--input is no JSON: found 'b'"),
        (&["run", "examples/hello.asl.json", "--input", "@nope.json"], 5, "cannot read nope.json"),
        (&["run", "examples/helo.asl.json"], 5, "did you mean examples/hello.asl.json?"),
        (&["run", "examples/hello.asl.json", "--case", "A"], 2, "--mocks <FILE>"),
        (&["run", "examples/hello.asl.json", "--mocks", &broken_mocks], 2, "'x' is no attempt"),
        (&["run", "examples/hello.asl.json", "--mock", "Greet"], 2, "write STATE=JSON"),
        (&["run", "examples/hello.asl.json", "--mock", "Greet=1"], 2, "'Greet' is a Pass state"),
        (&["run", "examples/order-saga/order.asl.json", "--mock", "ChargeCrad=1"], 2, "did you mean 'ChargeCard'?"),
        (&["run", "examples/order-saga/order.asl.json", "--mock", "ChargeCard={"], 2, "--mock ChargeCard: "),
        (&["run", "examples/hello.asl.json", "--start-time", "today"], 2, "2026-01-31T12:00:00Z"),
        (&["run", "examples/hello.asl.json", "--name", "a b"], 2, "can stand in a name"),
        (&["run", "examples"], 2, "cannot read examples"),
        (&["help", "mock"], 2, "did you mean: stepwell help mocks"),
        (&["validate", "nope.asl.json"], 5, "cannot read nope.asl.json"),
        (&["eval"], 2, "<EXPRESSION>"),
        (&["eval", "a", "--bind", "x"], 2, "write NAME=VALUE"),
        (&[], 2, "Usage: stepwell"),
    ];
    for (arguments, code, words) in table {
        let ran = stepwell(arguments);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, *code, "{arguments:?}\n{text}");
        assert!(text.contains(words), "{arguments:?}\n{text}");
        let with_json = [arguments, &["--json"][..]].concat();
        let ran = stepwell(&with_json);
        assert_eq!(ran.code, *code, "{with_json:?}");
        if *code == 2 {
            let document = ran.json();
            assert_eq!(document.get("schema").and_then(Value::as_str), Some("stepwell.error/1"), "{with_json:?}");
        }
    }
}

#[test]
fn the_case_is_chosen_or_all_are_listed() {
    let ran = stepwell(&[&ORDER[..], &ORDER_MOCKS].concat());
    assert_eq!(ran.code, 2);
    check(
        &ran.stderr,
        &expect![[r#"
        error[USAGE]: examples/order-saga/mocks.json has more than one test case that fits: say which
          = it has: --machine order --case HappyPath
                  --machine order --case PaymentFails
                  --machine order --case ShippingFails
    "#]],
    );
    let ran = stepwell(&[&ORDER[..], &ORDER_MOCKS, &["--case", "HappyPaht"]].concat());
    assert!(ran.stderr.contains("did you mean 'HappyPath'?"), "{}", ran.stderr);
    // The only case needs no name, and of several machines the definition's own is meant.
    let mocks = |machines: &str| format!("{{\"StateMachines\": {{{machines}}}, \"MockedResponses\": {{\"R\": {{}}}}}}");
    let order = r#""order": {"TestCases": {"Only": {}}}"#;
    let other = r#""other": {"TestCases": {"Only": {}, "More": {}}}"#;
    for (name, machines, flags, label) in [
        ("one", order.to_owned(), &[][..], "#Only"),
        ("two", format!("{order}, {other}"), &[], "#Only"),
        ("case", format!("{order}, {other}"), &["--case", "More"], "#More"),
        ("machine", format!("{order}, {other}"), &["--machine", "other", "--case", "Only"], "#Only"),
    ] {
        let mocks = file(&format!("{name}.mocks.json"), &mocks(&machines));
        let ran = stepwell(&[&ORDER[..], &["--mocks", &mocks], flags].concat());
        assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
        assert!(ran.stderr.lines().next().is_some_and(|line| line.contains(label)), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_mock_file_that_names_no_state_is_warned_about() {
    let mocks = file(
        "strange.mocks.json",
        r#"{"StateMachines": {"order": {"TestCases": {"Only": {"ChargeCart": "R"}}}}, "MockedResponses": {"R": {}}}"#,
    );
    let ran = stepwell(&[&ORDER[..], &["--mocks", &mocks]].concat());
    assert!(
        ran.stderr.contains("test case order#Only: there is no state 'ChargeCart': did you mean 'ChargeCard'?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn mocks_on_the_command_line_come_before_those_of_the_file() {
    let mock = r#"ShipOrder={"Throw": {"Error": "NoCarrier", "Cause": "strike"}}"#;
    let flags = ["--case", "HappyPath", "--mock", mock, "--mock", "RefundCard={}", "--mock", "ReleaseStock={}"];
    let ran = stepwell(&[&ORDER[..], &ORDER_MOCKS, &flags].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("caught NoCarrier: strike"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("error: NoCarrier\nOrder 4711 was undone: strike\n"), "{}", ran.stderr);
}

#[test]
fn definitions_are_checked_with_place_and_words_of_aws() {
    let broken = file(
        "broken.asl.json",
        "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": {\"Type\": \"Pass\", \"Next\": \"Bee\"},\n    \"Be\": {\"Type\": \"Succeed\"}\n  }\n}\n",
    );
    let ran = stepwell(&["validate", &broken, "examples/hello.asl.json"]);
    assert_eq!(ran.code, 3);
    check(
        &ran.stdout.replace(&broken, "FILE"),
        &expect![[r#"
        error[MISSING_TRANSITION_TARGET]: Next points to a state that does not exist here
          --> FILE:4:35
           4 |     "A": {"Type": "Pass", "Next": "Bee"},
             |                                   ^^^^^ did you mean "Be"?
          = AWS says: Missing 'Next' target: Bee at /States/A/Next

        error[MISSING_TRANSITION_TARGET]: State "Be" is not reachable.
          --> FILE:5:5
           5 |     "Be": {"Type": "Succeed"}
             |     ^^^^ no Next, Default or Catch leads here
          = AWS says: State "Be" is not reachable. at /States/Be

        ✖ FILE: not valid, 2 errors
        ✔ examples/hello.asl.json: valid, 3 states
        2 files: 1 valid, 1 not
    "#]],
    );
    let ran = stepwell(&["run", &broken]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("error[MISSING_TRANSITION_TARGET]"), "{}", ran.stderr);
    let ran = stepwell(&["validate", &broken, "examples/hello.asl.json", "--json"]);
    assert_eq!(ran.code, 3);
    check(
        &ran.json().to_string().replace(&broken, "FILE"),
        &expect![[
            r#"{"schema":"stepwell.validate/1","files":[{"file":"FILE","result":"FAIL","diagnostics":[{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: Bee","location":"/States/A/Next","line":4,"column":35,"hint":"did you mean \"Be\"?"},{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"State \"Be\" is not reachable.","location":"/States/Be","line":5,"column":5,"hint":"no Next, Default or Catch leads here"}]},{"file":"examples/hello.asl.json","result":"OK","diagnostics":[]}]}"#
        ]],
    );
    let ran = stepwell(&["run", &broken, "--json"]);
    assert_eq!(ran.code, 3);
    check(
        &ran.json().to_string().replace(&broken, "FILE"),
        &expect![[
            r#"{"schema":"stepwell.error/1","error":{"code":"INVALID_DEFINITION","message":"FILE has 2 errors","diagnostics":[{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: Bee","location":"/States/A/Next","line":4,"column":35,"hint":"did you mean \"Be\"?"},{"severity":"ERROR","code":"MISSING_TRANSITION_TARGET","message":"State \"Be\" is not reachable.","location":"/States/Be","line":5,"column":5,"hint":"no Next, Default or Catch leads here"}]}}"#
        ]],
    );
}

#[test]
fn the_worst_file_decides_and_warnings_may_be_denied() {
    let warned = file(
        "warned.asl.json",
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"a.$": "$.b"}, "End": true}}}"#,
    );
    assert_eq!(stepwell(&["validate", &warned]).code, 0);
    assert_eq!(stepwell(&["validate", &warned, "--deny", "warnings"]).code, 3);
    assert_eq!(stepwell(&["validate", &warned, "nope.asl.json"]).code, 5);
    let ran = stepwell(&["validate", "examples", "-q"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let ran = stepwell(&["validate", "examples", "--json"]);
    let files = ran.json().get("files").and_then(Value::as_array).map_or(0, |files| files.len());
    assert_eq!(files, 10);
}

#[test]
fn expressions_of_all_three_languages_are_evaluated() {
    let data = r#"{"items": [{"price": 3}, {"price": 4}], "name": "Ada"}"#;
    let table: &[(&[&str], &str)] = &[
        (&["$sum(items.price)"], "7"),
        (&["{% $states.input.name %}"], "\"Ada\""),
        (&["$.items[1].price"], "4"),
        (&["$.items[?(@.price > 3)].price"], "[4]"),
        (&["$.items[price > 3].price"], "4"),
        (&["States.Format('{}!', $.name)"], "\"Ada!\""),
        (&["$", "--lang", "jsonata"], data),
        (&["$count(items) + $n", "--bind", "n=40"], "42"),
        (&["$n.a", "--lang", "jsonpath", "--bind", "n={\"a\": null}"], "null"),
        (&["$$.Execution.Id", "--bind", "context={\"Execution\": {\"Id\": 7}}"], "7"),
        (&["missing ?: 5", "--profile", "suite"], "5"),
        (&["-1"], "-1"),
    ];
    for (arguments, expected) in table {
        let ran = stepwell(&[&["eval", "--json", "--input", data], *arguments].concat());
        let expected = format!("{{\"schema\":\"stepwell.eval/1\",\"result\":{}}}", parse(expected).unwrap());
        assert_eq!((ran.code, ran.json().to_string()), (0, expected), "{arguments:?}");
    }
    for nothing in [&["missing"][..], &["$.missing"], &["$sum"]] {
        let ran = stepwell(&[&["eval", "--input", data], nothing].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{nothing:?}");
        let ran = stepwell(&[&["eval", "--json", "--input", data], nothing].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "{\"schema\":\"stepwell.eval/1\"}\n"), "{nothing:?}");
    }
}

#[test]
fn an_expression_that_fails_says_where() {
    let ran = stepwell(&["eval", "a + 'x'", "--input", "{\"a\": 1}"]);
    assert_eq!(ran.code, 1);
    check(
        &ran.stderr,
        &expect![[r#"
        error[T2002]: The right side of the "+" operator must evaluate to a number
          --> <expression>:1:4
           1 | a + 'x'
             |    ^
    "#]],
    );
    let ran = stepwell(&["eval", "a + 'x'", "--input", "{\"a\": 1}", "--json"]);
    assert_eq!(ran.code, 1);
    check(
        &ran.json().to_string(),
        &expect![[
            r#"{"schema":"stepwell.eval/1","error":{"code":"T2002","message":"The right side of the \"+\" operator must evaluate to a number","position":3}}"#
        ]],
    );
    let code = |arguments: &[&str]| {
        let ran = stepwell(&[&["eval", "--json"], arguments].concat());
        assert_eq!(ran.code, 1, "{arguments:?}");
        ran.json().get("error").and_then(|error| error.get("code")).and_then(Value::as_str).map(str::to_owned)
    };
    assert_eq!(code(&["a ?: 1"]).as_deref(), Some("S0211"));
    assert_eq!(code(&["$.a[", "--lang", "jsonpath"]).as_deref(), Some("INVALID_PATH"));
    assert_eq!(code(&["States.Nope()"]).as_deref(), Some("INVALID_INTRINSIC"));
    assert_eq!(code(&["States.MathAdd('a', 1)"]).as_deref(), Some("States.Runtime"));
    assert_eq!(code(&["name", "--strict"]).as_deref(), Some("UNSUPPORTED_JSONATA_EXPRESSION"));
    assert_eq!(code(&["1 +", "--strict"]).as_deref(), Some("INVALID_JSONATA_EXPRESSION"));
    assert_eq!(code(&["$eval('1')"]).as_deref(), Some("T1006"));
}

#[test]
fn a_batch_answers_line_by_line() {
    let requests = concat!(
        "{\"expr\": \"a + $b\", \"input\": {\"a\": 1}, \"bindings\": {\"b\": 2}}\n",
        "\n",
        "{\"expr\": \"$.a\", \"lang\": \"jsonpath\", \"input\": {\"a\": [1]}}\n",
        "{\"expr\": \"$.a\"}\n",
        "{\"expr\": \"$\", \"lang\": \"jsonata\", \"input\": null}\n",
        "{\"expr\": \"1 +\"}\n",
        "oops\n",
        "{\"lang\": \"jsonata\"}\n",
        "{\"expr\": \"1\", \"lang\": \"sql\"}\n",
    );
    let ran = stepwell_with_stdin(&["eval", "--batch"], requests);
    assert_eq!(ran.code, 0);
    check(
        &ran.stdout,
        &expect![[r#"
        {"schema":"stepwell.eval/1","result":3}
        {"schema":"stepwell.eval/1","result":[1]}
        {"schema":"stepwell.eval/1"}
        {"schema":"stepwell.eval/1","result":null}
        {"schema":"stepwell.eval/1","error":{"code":"S0207","message":"Unexpected end of expression","position":3}}
        {"schema":"stepwell.eval/1","error":{"code":"BAD_REQUEST","message":"the request is no JSON: \"oops\" is not a JSON value (strings need double quotes) at line 1, column 1"}}
        {"schema":"stepwell.eval/1","error":{"code":"BAD_REQUEST","message":"'expr' must be a string"}}
        {"schema":"stepwell.eval/1","error":{"code":"BAD_REQUEST","message":"'lang' must be jsonata, jsonpath or intrinsic"}}
    "#]],
    );
}

/// The help of a command or topic; empty: of everything.
fn help(topic: &str) -> Ran {
    match topic {
        "" => stepwell(&["--help"]),
        topic => stepwell(&["help", topic]),
    }
}

#[test]
fn every_example_of_the_help_runs() {
    let mut lines = 0;
    let topics = ["mocks", "clock", "placeholders", "json", "run", "validate", "eval", "completions", "help", ""];
    for topic in topics {
        let ran = help(topic);
        assert_eq!(ran.code, 0, "{topic}");
        let (_, examples) = ran.stdout.split_once("Examples:\n").unwrap_or_else(|| panic!("{topic} has no examples"));
        let examples = examples.split("\n\n").next().unwrap_or_default().replace("\\\n", "");
        for line in examples.lines() {
            let ran = shell(line);
            assert!(matches!(ran.code, 0 | 1), "{line}\n{}", ran.stderr);
            assert!(!ran.stderr.contains("run it again with a mock"), "{line}\n{}", ran.stderr);
            lines += 1;
        }
    }
    assert!(lines > 20, "{lines}");
}

#[test]
fn commands_named_in_the_help_exist() {
    let all =
        ["", "mocks", "clock", "placeholders", "json", "exit-codes", "run", "validate", "eval", "completions", "help"];
    for topic in all {
        let text = help(topic).stdout;
        for (at, _) in text.match_indices("stepwell help ") {
            let name: String = text[at + 14..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if name.is_empty() {
                continue;
            }
            assert_eq!(stepwell(&["help", &name]).code, 0, "{topic}: stepwell help {name}");
        }
    }
}

#[test]
fn exit_codes_are_listed() {
    check(
        &stepwell(&["help", "exit-codes"]).stdout,
        &expect![[r#"
        Exit codes

            0  success
            1  the execution failed, timed out or was aborted; the expression failed; the server could not start
            2  wrong usage: flags, input or mocks that cannot be understood
            3  the definition is not valid
            5  a file was not found
            6  a file may not be read
           70  internal error: a bug in Stepwell
          130  interrupted

        Of several files the worst one decides, the highest number.
    "#]],
    );
}

#[test]
fn shells_complete_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = stepwell(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        for word in ["validate", "completions", "start-time"] {
            assert!(ran.stdout.contains(word), "{shell} does not complete {word}");
        }
    }
    assert_eq!(stepwell(&["completions", "cobol"]).code, 2);
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let colored = |arguments: &[&str]| {
        stepwell(&[&["run", "examples/hello.asl.json"], arguments].concat()).stderr.contains('\x1b')
    };
    assert!(!colored(&[]));
    assert!(colored(&["--color", "always"]));
    let ran = Ran::of(command().args(["run", "examples/hello.asl.json"]).env("CLICOLOR_FORCE", "1").output().unwrap());
    assert!(ran.stderr.contains('\x1b'));
    let plain = Ran::of(
        command().args(["run", "examples/hello.asl.json", "--progress", "tree"]).env("LC_ALL", "C").output().unwrap(),
    );
    assert!(plain.stderr.is_ascii(), "{}", plain.stderr);
}

#[test]
fn hostile_files_are_refused_and_nothing_breaks() {
    let deep = "[".repeat(200_000);
    let deep_file = file("deep.json", &deep);
    assert_eq!(stepwell(&["run", &deep_file]).code, 3);
    assert_eq!(stepwell(&["validate", &deep_file]).code, 3);
    assert_eq!(stepwell(&["run", "examples/hello.asl.json", "--input", &format!("@{deep_file}")]).code, 2);
    assert_eq!(stepwell(&["run", "examples/hello.asl.json", "--mocks", &deep_file]).code, 2);
    assert_eq!(stepwell(&["eval", &"(".repeat(100_000)]).code, 1);
    let nested = format!("{}{}", "{\"a\":".repeat(900), "1") + &"}".repeat(900);
    let nested_file = file("nested.json", &nested);
    assert_eq!(stepwell(&["run", "examples/hello.asl.json", "--input", &format!("@{nested_file}"), "-q"]).code, 0);
    let binary = file("binary.json", "");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(stepwell(&["validate", &binary]).code, 2);
    let endless = file(
        "endless.asl.json",
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice",
            "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}}"#,
    );
    let ran = stepwell(&["run", &endless, "--progress", "tree"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("25000"), "{}", ran.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let ran = shell("stepwell help mocks | head -n 1");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}
