//! What states do with data, variables, time and limits.

use expect_test::expect;
use stepwell_engine::{AttemptId, Execution, ExecutionStatus, Host, Identity, Signal, Turn, limits, step};
use stepwell_value::Str;

use crate::run::{START, Scenario, fails, returns, run};

pub(crate) fn nested() -> Scenario {
    run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items",
            "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "of.$": "$.name"},
            "ItemProcessor": {"StartAt": "Nap", "States": {
                "Nap": {"Type": "Wait", "Seconds": 1, "Next": "Call"},
                "Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$"}, "ResultPath": "$.sent", "End": true}}},
            "End": true}}},
        {"StartAt": "Other", "States": {"Other": {"Type": "Pass", "Result": "o", "End": true}}}], "End": true}}}"#)
    .input(r#"{"name":"n","items":["a","b"]}"#)
    .task("Call", vec![returns("true")])
}

#[test]
fn item_selectors_see_the_item_and_the_states_own_input() {
    expect![[r#"[[{"i":0,"v":"a","of":"n","sent":true},{"i":1,"v":"b","of":"n","sent":true}],"o"]"#]]
        .assert_eq(&nested().result());
}

pub(crate) fn counter_loop() -> Scenario {
    run(r#"{"StartAt": "Count", "States": {
        "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
        "Enough": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 700, "Next": "Count"}],
            "Default": "Done"},
        "Done": {"Type": "Succeed"}}}"#)
    .input(r#"{"n":0}"#)
}

#[test]
fn a_loop_uses_up_the_budget_of_a_step_and_goes_on() {
    assert_eq!(counter_loop().result(), r#"{"n":700}"#);
    let (_, steps) = counter_loop().history_with_crash(None);
    assert_eq!(steps, 3, "700 rounds of 4 events are 2,804 events, 1,000 a step");
}

pub(crate) fn variables() -> Scenario {
    run(r#"{"StartAt": "Set", "States": {
        "Set": {"Type": "Pass", "Assign": {"a": 1, "b.$": "$.x"}, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [
            {"StartAt": "In", "States": {
                "In": {"Type": "Pass", "Assign": {"c.$": "$a"}, "Next": "Out"},
                "Out": {"Type": "Pass", "Parameters": {"a.$": "$a", "b.$": "$b", "c.$": "$c"}, "End": true}}}],
            "Assign": {"d.$": "$[0].c"}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a.$": "$b", "b.$": "$a"}, "Next": "Show"},
        "Show": {"Type": "Pass", "Parameters": {"a.$": "$a", "b.$": "$b", "d.$": "$d"}, "End": true}}}"#)
    .input(r#"{"x":2}"#)
}

#[test]
fn assignments_see_the_values_at_entry_and_branches_read_outer_variables() {
    assert_eq!(variables().result(), r#"{"a":2,"b":1,"d":1}"#);
}

pub(crate) fn jittered() -> Scenario {
    run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "BackoffRate": 1, "JitterStrategy": "FULL"}],
        "End": true}}}"#)
    .task("Call", vec![fails("Busy"), fails("Busy"), returns("1")])
}

#[test]
fn full_jitter_waits_anything_up_to_the_delay_and_the_same_when_repeated() {
    let delays = || {
        let (_, events) = jittered().finish();
        let scheduled = events.iter().filter(|event| event.kind.type_name() == "TaskScheduled");
        let times: Vec<i64> = scheduled.map(|event| event.timestamp.0).collect();
        [times[1] - times[0], times[2] - times[1]]
    };
    let [first, second] = delays();
    assert!((0..100_000).contains(&first) && (0..100_000).contains(&second) && first != second, "{first} {second}");
    assert_eq!(delays(), [first, second]);
}

#[test]
fn event_25_000_says_that_the_history_is_full() {
    let endless = run(r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A"}], "Default": "C"},
        "C": {"Type": "Succeed"}}}"#);
    let (execution, events) = endless.finish();
    assert_eq!(events.len(), limits::HISTORY_EVENTS_MAX as usize);
    assert_eq!(
        execution.error().cause.as_deref(),
        Some("The execution reached the maximum number of history events (25000).")
    );
    assert_eq!(events.last().unwrap().id, 25_000);
}

#[test]
fn an_endless_express_loop_meets_its_time_out() {
    let endless = run(r#"{"TimeoutSeconds": 20, "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A"}], "Default": "C"},
        "C": {"Type": "Succeed"}}}"#)
    .express();
    let (execution, _) = endless.finish();
    assert_eq!(execution.status(), ExecutionStatus::TimedOut);
}

#[test]
fn a_task_that_nobody_can_run_ends_the_execution_past_every_catcher() {
    let scenario = run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Never"}], "End": true},
        "Never": {"Type": "Pass", "End": true}}}"#);
    expect!["FAILED States.Runtime: An error occurred while executing the state 'Call' (entered at the event id #2). no script for Call"]
        .assert_eq(&scenario.result());
}

#[test]
fn a_choice_that_nothing_matches_fails_the_execution() {
    let scenario = run(r#"{"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}]},
        "One": {"Type": "Succeed"}}}"#);
    expect!["FAILED States.Runtime: An error occurred while executing the state 'Which' (entered at the event id #2). Failed to transition out of the state. The state does not point to a next state."]
        .assert_eq(&scenario.clone().input(r#"{"n":2}"#).result());
    expect!["FAILED States.Runtime: An error occurred while executing the state 'Which' (entered at the event id #2). Invalid path '$.n': The choice state's condition path references an invalid value."]
        .assert_eq(&scenario.result());
}

#[test]
fn a_state_whose_output_passes_256_kib_fails_and_a_task_can_catch_that_by_name() {
    let doubling = run(r#"{"StartAt": "Grow", "States": {
        "Grow": {"Type": "Pass", "Parameters": {"l.$": "States.Array($.l, $.l)"}, "Next": "Again"},
        "Again": {"Type": "Choice", "Choices": [{"Variable": "$.l", "IsPresent": true, "Next": "Grow"}],
            "Default": "Never"},
        "Never": {"Type": "Succeed"}}}"#)
    .input(r#"{"l":"some text that is doubled"}"#);
    expect!["FAILED States.DataLimitExceeded: The state/task 'Grow' returned a result with a size exceeding the maximum number of bytes service limit."]
        .assert_eq(&doubling.result());
    let caught = run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}], "End": true},
        "Caught": {"Type": "Pass", "Parameters": {"by.$": "$.Error"}, "End": true}}}"#)
    .task("Call", vec![returns(&format!("{:?}", "x".repeat(limits::PAYLOAD_BYTES_MAX)))]);
    expect![[r#"{"by":"States.DataLimitExceeded"}"#]].assert_eq(&caught.result());
}

pub(crate) fn batches() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
        "ItemsPath": "$.items", "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"of.$": "$.of"}}, "End": true}}}"#)
    .input(r#"{"of":"x","items":["a","b","c"]}"#)
}

#[test]
fn batches_hold_what_fits_and_batch_input_stands_before_the_items() {
    expect![[r#"[{"BatchInput":{"of":"x"},"Items":[{"v":"a","i":0},{"v":"b","i":1}]},{"BatchInput":{"of":"x"},"Items":[{"v":"c","i":2}]}]"#]]
        .assert_eq(&batches().result());
}

pub(crate) fn tolerated_failures() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ToleratedFailureCount": 1,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Which", "States": {
                "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "No"}], "Default": "Yes"},
                "No": {"Type": "Fail", "Error": "Two"}, "Yes": {"Type": "Succeed"}}},
        "ResultSelector": {"first.$": "$[0]", "status.$": "$[1].Status", "error.$": "$[1].Error", "third.$": "$[2]"},
        "End": true}}}"#)
    .input("[1,2,3]")
}

#[test]
fn tolerated_failures_are_described_among_the_results() {
    expect![[r#"{"first":1,"status":"FAILED","error":"Two","third":3}"#]].assert_eq(&tolerated_failures().result());
}

#[test]
fn flatten_joins_the_arrays_of_the_children() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
        "ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}, "End": true}}}"#)
    .input("[[1,2],3,[4]]");
    assert_eq!(scenario.result(), "[1,2,3,4]");
}

#[test]
fn a_task_of_an_activity_that_does_not_exist_fails_before_it_is_scheduled() {
    struct NoActivities;
    impl Host for NoActivities {
        fn token(&self, _: &Identity, _: AttemptId) -> Str {
            Str::default()
        }

        fn has_activity(&self, _: &str) -> bool {
            false
        }
    }
    let scenario = run(r#"{"StartAt": "Do", "States": {"Do": {"Type": "Task",
        "Resource": "arn:aws:states:us-east-1:123456789012:activity:gone",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Never"}], "End": true},
        "Never": {"Type": "Pass", "End": true}}}"#);
    let program = scenario.program();
    let mut execution = Execution::new(scenario.start(), START);
    let outcome = step(&program, &mut execution, Signal::Start, Turn { now: START, host: &NoActivities });
    let lines: Vec<String> = outcome.events.iter().map(ToString::to_string).collect();
    assert_eq!(lines[1..], ["2   <0  TaskStateEntered Do", "3   <2  ExecutionFailed States.Runtime"]);
    expect!["An error occurred while executing the state 'Do' (entered at the event id #2). The activity arn:aws:states:us-east-1:123456789012:activity:gone does not exist."]
        .assert_eq(execution.error().cause.as_deref().unwrap_or_default());
}
