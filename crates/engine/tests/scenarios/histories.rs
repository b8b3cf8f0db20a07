//! Which events are recorded, in which order, and which event each one points to.

use expect_test::expect;
use stepwell_engine::{ErrorCause, Signal};

use crate::run::{Scenario, after, fails, never, returns, run, started, submitted};

pub(crate) fn optimized_task() -> Scenario {
    run(r#"{"StartAt": "Send", "States": {"Send": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}"#)
    .task("Send", vec![returns(r#"{"MessageId": "1"}"#)])
}

#[test]
fn an_optimized_task_is_scheduled_started_and_succeeds() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Send
        3   <2  TaskScheduled
        4   <3  TaskStarted
        5   <4  TaskSucceeded
        6   <5  TaskStateExited Send {"MessageId":"1"}
        7   <6  ExecutionSucceeded {"MessageId":"1"}
    "#]]
    .assert_eq(&optimized_task().history());
}

pub(crate) fn token_task() -> Scenario {
    run(r#"{"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 600,
        "Parameters": {"QueueUrl": "q", "MessageBody": {"Token.$": "$$.Task.Token"}}, "End": true}}}"#)
    .task("Ask", vec![submitted(after(60, returns(r#""yes""#)))])
}

#[test]
fn a_task_with_a_token_is_submitted_first() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Ask
        3   <2  TaskScheduled
        4   <3  TaskStarted
        5   <4  TaskSubmitted
        6   <5  TaskSucceeded
        7   <6  TaskStateExited Ask "yes"
        8   <7  ExecutionSucceeded "yes"
    "#]]
    .assert_eq(&token_task().history());
}

pub(crate) fn token_timeout() -> Scenario {
    token_task().task("Ask", vec![submitted(after(601, returns("1")))])
}

#[test]
fn a_token_that_nobody_returns_times_out() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Ask
        3   <2  TaskScheduled
        4   <3  TaskStarted
        5   <4  TaskSubmitted
        6   <5  TaskTimedOut States.Timeout
        7   <6  ExecutionFailed States.Timeout
    "#]]
    .assert_eq(&token_timeout().history());
}

pub(crate) fn retries_then_catch() -> Scenario {
    run(r#"{"StartAt": "Charge", "States": {
        "Charge": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:charge",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 3}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refuse"}], "End": true},
        "Refuse": {"Type": "Pass", "End": true}}}"#)
    .task("Charge", vec![fails("Busy")])
}

#[test]
fn retries_repeat_the_task_without_entering_the_state_again() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Charge
        3   <2  LambdaFunctionScheduled
        4   <3  LambdaFunctionStarted
        5   <4  LambdaFunctionFailed Busy
        6   <5  LambdaFunctionScheduled
        7   <6  LambdaFunctionStarted
        8   <7  LambdaFunctionFailed Busy
        9   <8  LambdaFunctionScheduled
        10  <9  LambdaFunctionStarted
        11  <10 LambdaFunctionFailed Busy
        12  <11 LambdaFunctionScheduled
        13  <12 LambdaFunctionStarted
        14  <13 LambdaFunctionFailed Busy
        15  <14 TaskStateExited Charge {"Error":"Busy","Cause":"why"}
        16  <15 PassStateEntered Refuse
        17  <16 PassStateExited Refuse {"Error":"Busy","Cause":"why"}
        18  <17 ExecutionSucceeded {"Error":"Busy","Cause":"why"}
    "#]]
    .assert_eq(&retries_then_catch().history());
}

#[test]
fn retries_wait_longer_each_time() {
    let (_, events) = retries_then_catch().finish();
    let seconds: Vec<i64> = events
        .iter()
        .filter(|event| event.kind.type_name() == "LambdaFunctionScheduled")
        .map(|event| (event.timestamp.0 - events[0].timestamp.0) / 1000)
        .collect();
    assert_eq!(seconds, [0, 2, 6, 14]);
}

pub(crate) fn activity() -> Scenario {
    run(r#"{"StartAt": "Pick", "States": {"Pick": {"Type": "Task", "TimeoutSeconds": 5, "HeartbeatSeconds": 2,
        "Resource": "arn:aws:states:us-east-1:123456789012:activity:pick", "End": true}}}"#)
    .task("Pick", vec![after(100, started(returns("{}")))])
}

#[test]
fn the_clock_of_an_activity_starts_when_a_worker_takes_it() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Pick
        3   <2  ActivityScheduled
        4   <3  ActivityStarted
        5   <4  ActivitySucceeded
        6   <5  TaskStateExited Pick {}
        7   <6  ExecutionSucceeded {}
    "#]]
    .assert_eq(&activity().history());
}

pub(crate) fn missed_heartbeat() -> Scenario {
    run(r#"{"StartAt": "Pick", "States": {"Pick": {"Type": "Task", "HeartbeatSeconds": 2,
        "Resource": "arn:aws:states:us-east-1:123456789012:activity:pick",
        "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Late"}], "End": true},
        "Late": {"Type": "Pass", "End": true}}}"#)
    .task("Pick", vec![started(after(0, never_ending()))])
}

fn never_ending() -> Vec<stepwell_engine::local::Answer> {
    use stepwell_engine::local::{Answer, What};
    let beat = Answer { after_ms: 1_500, what: What::Heartbeat };
    vec![beat.clone(), beat.clone(), beat]
}

#[test]
fn heartbeats_put_the_time_out_off_and_a_missed_one_is_a_time_out() {
    let (_, events) = missed_heartbeat().finish();
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Pick
        3   <2  ActivityScheduled
        4   <3  ActivityStarted
        5   <4  ActivityTimedOut States.Timeout
        6   <5  TaskStateExited Pick {"Error":"States.Timeout","Cause":""}
        7   <6  PassStateEntered Late
        8   <7  PassStateExited Late {"Error":"States.Timeout","Cause":""}
        9   <8  ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
    "#]]
    .assert_eq(&missed_heartbeat().history());
    assert_eq!(events[4].timestamp.0 - events[0].timestamp.0, 5_000, "beats after 0, 1.5 and 3 s, then 2 s of silence");
}

pub(crate) fn inline_map() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}, "End": true}}}"#)
    .input("[1,2]")
}

#[test]
fn iterations_one_after_the_other_take_each_others_slot() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 2
        4   <3  MapIterationStarted 0
        5   <4  PassStateEntered One
        6   <5  PassStateExited One 1
        7   <6  MapIterationSucceeded 0
        8   <6  MapIterationStarted 1
        9   <8  PassStateEntered One
        10  <9  PassStateExited One 2
        11  <10 MapIterationSucceeded 1
        12  <11 MapStateSucceeded
        13  <11 MapStateExited Each [1,2]
        14  <13 ExecutionSucceeded [1,2]
    "#]]
    .assert_eq(&inline_map().history());
}

#[test]
fn a_map_without_items_starts_and_succeeds() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 0
        4   <3  MapStateSucceeded
        5   <3  MapStateExited Each []
        6   <5  ExecutionSucceeded []
    "#]]
    .assert_eq(&inline_map().input("[]").history());
}

pub(crate) fn map_retried() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Bad"}}},
        "Retry": [{"ErrorEquals": ["Bad"], "MaxAttempts": 1}], "End": true}}}"#)
    .input("[1]")
}

#[test]
fn a_retried_map_starts_again_without_having_failed() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 1
        4   <3  MapIterationStarted 0
        5   <4  FailStateEntered No
        6   <5  MapIterationFailed 0
        7   <5  MapStateStarted 1
        8   <7  MapIterationStarted 0
        9   <8  FailStateEntered No
        10  <9  MapIterationFailed 0
        11  <9  MapStateFailed
        12  <11 ExecutionFailed Bad
    "#]]
    .assert_eq(&map_retried().history());
}

pub(crate) fn failing_branch() -> Scenario {
    run(r#"{"StartAt": "Checkout", "States": {
        "Checkout": {"Type": "Parallel", "Branches": [
            {"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}},
            {"StartAt": "Ship", "States": {"Ship": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}],
            "Catch": [{"ErrorEquals": ["Card.Declined"], "Next": "Refund"}], "End": true},
        "Refund": {"Type": "Pass", "End": true}}}"#)
    .task("Pay", vec![after(1, fails("Card.Declined"))])
    .task("Ship", vec![never()])
}

#[test]
fn a_failed_branch_stops_its_sibling_and_the_catcher_gets_the_error() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  ParallelStateEntered Checkout
        3   <2  ParallelStateStarted
        4   <3  TaskStateEntered Pay
        5   <4  TaskScheduled
        6   <5  TaskStarted
        7   <3  TaskStateEntered Ship
        8   <7  TaskScheduled
        9   <8  TaskStarted
        10  <6  TaskFailed Card.Declined
        11  <10 TaskStateAborted
        12  <10 TaskStateAborted
        13  <10 ParallelStateFailed
        14  <13 ParallelStateExited Checkout {"Error":"Card.Declined","Cause":"why"}
        15  <14 PassStateEntered Refund
        16  <15 PassStateExited Refund {"Error":"Card.Declined","Cause":"why"}
        17  <16 ExecutionSucceeded {"Error":"Card.Declined","Cause":"why"}
    "#]]
    .assert_eq(&failing_branch().history());
}

pub(crate) fn iterations_time_out() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"StartAt": "Call", "States": {"Call": {"Type": "Task", "TimeoutSeconds": 3,
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}, "End": true}}}"#)
    .input("[1,2]")
    .task("Call", vec![never()])
}

#[test]
fn the_first_iteration_that_times_out_aborts_the_others() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 2
        4   <3  MapIterationStarted 0
        5   <3  MapIterationStarted 1
        6   <4  TaskStateEntered Call
        7   <6  TaskScheduled
        8   <7  TaskStarted
        9   <5  TaskStateEntered Call
        10  <9  TaskScheduled
        11  <10 TaskStarted
        12  <8  TaskTimedOut States.Timeout
        13  <12 MapIterationFailed 0
        14  <12 TaskStateAborted
        15  <12 MapIterationAborted 1
        16  <12 TaskStateAborted
        17  <12 MapStateFailed
        18  <17 ExecutionFailed States.Timeout
    "#]]
    .assert_eq(&iterations_time_out().history());
}

pub(crate) fn distributed_map() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "Label": "each",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "Parameters": {"n.$": "$"}, "End": true}}},
        "End": true}}}"#)
    .input("[1,2,3]")
}

#[test]
fn a_distributed_map_shows_its_map_run() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 3
        4   <3  MapRunStarted
        5   <4  MapRunSucceeded
        6   <5  MapStateSucceeded
        7   <4  MapStateExited Each [{"n":1},{"n":2},{"n":3}]
        8   <7  ExecutionSucceeded [{"n":1},{"n":2},{"n":3}]
    "#]]
    .assert_eq(&distributed_map().history());
}

pub(crate) fn distributed_map_fails() -> Scenario {
    run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Bad"}}}, "End": true}}}"#)
    .input("[1,2,3]")
}

#[test]
fn a_map_run_fails_at_the_first_failure_that_is_not_tolerated() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 3
        4   <3  MapRunStarted
        5   <4  MapRunFailed States.ExceedToleratedFailureThreshold
        6   <5  MapStateFailed
        7   <6  ExecutionFailed States.ExceedToleratedFailureThreshold
    "#]]
    .assert_eq(&distributed_map_fails().history());
}

pub(crate) fn waiting() -> Scenario {
    run(r#"{"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "Next": "Done"},
        "Done": {"Type": "Succeed"}}}"#)
}

#[test]
fn a_wait_is_left_when_its_time_has_come() {
    let (_, events) = waiting().finish();
    assert_eq!(events[2].timestamp.0 - events[1].timestamp.0, 60_000);
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  WaitStateEntered Sleep
        3   <2  WaitStateExited Sleep {}
        4   <3  SucceedStateEntered Done
        5   <4  SucceedStateExited Done {}
        6   <5  ExecutionSucceeded {}
    "#]]
    .assert_eq(&waiting().history());
}

pub(crate) fn stopped() -> Scenario {
    waiting().signal(10, Signal::Stop(ErrorCause::default()))
}

#[test]
fn a_stop_aborts_without_a_word_about_the_state() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  WaitStateEntered Sleep
        3   <0  ExecutionAborted
    "#]]
    .assert_eq(&stopped().history());
}

pub(crate) fn machine_timeout() -> Scenario {
    run(
        r#"{"TimeoutSeconds": 5, "StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "End": true}}}"#,
    )
}

#[test]
fn a_machine_that_takes_too_long_times_out() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  WaitStateEntered Sleep
        3   <0  ExecutionTimedOut States.Timeout
    "#]]
    .assert_eq(&machine_timeout().history());
}

pub(crate) fn runtime_error_in_branch() -> Scenario {
    run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel",
        "Branches": [{"StartAt": "Lost", "States": {"Lost": {"Type": "Pass", "InputPath": "$.nope", "End": true}}}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Never"}], "End": true},
        "Never": {"Type": "Pass", "End": true}}}"#)
}

#[test]
fn nothing_catches_a_runtime_error_even_around_a_branch() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  ParallelStateEntered Both
        3   <2  ParallelStateStarted
        4   <3  PassStateEntered Lost
        5   <4  ExecutionFailed States.Runtime
    "#]]
    .assert_eq(&runtime_error_in_branch().history());
    expect!["FAILED States.Runtime: An error occurred while executing the state 'Lost' (entered at the event id #4). Invalid path '$.nope' : No results for path: $['nope']"]
        .assert_eq(&runtime_error_in_branch().result());
}

pub(crate) fn redriven() -> Scenario {
    run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Good", "States": {"Good": {"Type": "Pass", "Result": 1, "End": true}}},
        {"StartAt": "Flaky", "States": {"Flaky": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Execution.RedriveCount"}, "End": true}}}], "End": true}}}"#)
    .task("Flaky", vec![fails("Busy"), returns("2")])
    .signal(10, Signal::Redrive { client_token: None })
}

#[test]
fn a_redrive_repeats_what_failed_and_keeps_what_succeeded() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  ParallelStateEntered Both
        3   <2  ParallelStateStarted
        4   <3  PassStateEntered Good
        5   <4  PassStateExited Good 1
        6   <3  TaskStateEntered Flaky
        7   <6  TaskScheduled
        8   <7  TaskStarted
        9   <8  TaskFailed Busy
        10  <9  TaskStateAborted
        11  <9  ParallelStateFailed
        12  <11 ExecutionFailed Busy
        13  <12 ExecutionRedriven
        14  <13 TaskScheduled
        15  <14 TaskStarted
        16  <15 TaskSucceeded
        17  <16 TaskStateExited Flaky 2
        18  <17 ParallelStateSucceeded
        19  <17 ParallelStateExited Both [1,2]
        20  <19 ExecutionSucceeded [1,2]
    "#]]
    .assert_eq(&redriven().history());
}
