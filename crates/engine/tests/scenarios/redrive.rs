//! What a redrive runs again, what it keeps, and which clocks start anew.

use expect_test::expect;
use stepwell_engine::local::PlainHost;
use stepwell_engine::{
    ErrorCause, Event, Execution, ExecutionStatus, Signal, StepStatus, Timestamp, Turn, limits, step,
};

use crate::run::{START, Scenario, fails, returns, run};
use crate::states;

fn seconds_of(events: &[Event], type_name: &str) -> Vec<i64> {
    let named = events.iter().filter(|event| event.kind.type_name() == type_name);
    named.map(|event| (event.timestamp.0 - START.0) / 1000).collect()
}

fn stop() -> Signal {
    Signal::Stop(ErrorCause::default())
}

#[test]
fn the_machines_time_out_starts_anew() {
    let (execution, events) = run(r#"{"TimeoutSeconds": 5, "StartAt": "Sleep", "States": {
        "Sleep": {"Type": "Wait", "Seconds": 60, "End": true}}}"#)
    .signal(100, Signal::Redrive { client_token: None })
    .finish();
    assert_eq!(seconds_of(&events, "ExecutionTimedOut"), [5, 105]);
    assert_eq!(execution.redrive_count(), 1);
}

pub(crate) fn wait_again() -> Scenario {
    run(r#"{"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "End": true}}}"#)
        .signal(10, stop())
        .signal(100, Signal::Redrive { client_token: None })
}

#[test]
fn a_wait_of_seconds_waits_again() {
    let (_, events) = wait_again().finish();
    assert_eq!(seconds_of(&events, "WaitStateExited"), [160]);
}

pub(crate) fn retries_again() -> Scenario {
    run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel",
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Branches": [{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}], "End": true}}}"#)
    .task("Call", vec![fails("Busy"), fails("Busy"), fails("Busy"), returns("1")])
    .signal(100, Signal::Redrive { client_token: None })
}

#[test]
fn the_retries_of_a_parallel_state_count_anew() {
    assert_eq!(retries_again().result(), "[1]");
}

/// An inline Map whose `ItemSelector` fails for its second item while the first has run.
pub(crate) fn selector_fails_later() -> Scenario {
    run(r#"{"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 2,
        "Items": "{% $states.input %}",
        "ItemSelector": {"half": "{% $states.context.Map.Item.Value != 3 ? 1 : $nothing %}"},
        "ItemProcessor": {"StartAt": "Sleep", "States": {
            "Sleep": {"Type": "Wait", "Seconds": 1, "Next": "Call"},
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Arguments": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}},
        "End": true}}}"#)
    .input("[1,2,3]")
    .task("Call", vec![returns("1"), crate::run::never()])
}

#[test]
fn a_selector_that_fails_for_a_later_item_fails_the_map_state_and_stops_its_iterations() {
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 3
        4   <3  MapIterationStarted 0
        5   <3  MapIterationStarted 1
        6   <4  WaitStateEntered Sleep
        7   <5  WaitStateEntered Sleep
        8   <6  WaitStateExited Sleep {"half":1}
        9   <8  TaskStateEntered Call
        10  <9  TaskScheduled
        11  <10 TaskStarted
        12  <7  WaitStateExited Sleep {"half":1}
        13  <12 TaskStateEntered Call
        14  <13 TaskScheduled
        15  <14 TaskStarted
        16  <11 TaskSucceeded
        17  <16 TaskStateExited Call 1
        18  <17 MapIterationSucceeded 0
        19  <3  EvaluationFailed ItemSelector/half
        20  <19 MapIterationAborted 1
        21  <19 TaskStateAborted
        22  <19 MapStateFailed
        23  <22 ExecutionFailed States.QueryEvaluationError
    "#]]
    .assert_eq(&selector_fails_later().history());
}

#[test]
fn a_redrive_of_a_map_state_that_failed_itself_runs_all_of_it_again() {
    let (_, events) = selector_fails_later().signal(10, Signal::Redrive { client_token: None }).finish();
    let lines: Vec<String> = events.iter().map(|event| event.kind.type_name()).collect();
    assert_eq!(lines[23..26], ["ExecutionRedriven", "MapStateStarted", "MapIterationStarted"]);
    let started = lines.iter().filter(|line| *line == "MapIterationStarted").count();
    assert_eq!(started, 4, "two iterations in each run: none of the first run's was left over");
}

/// However a stop meets a loop, a state that was not entered yet is entered after the redrive.
#[test]
fn a_state_that_was_about_to_be_entered_is_entered() {
    for lead in [r#""StartAt": "Count""#, r#""StartAt": "Lead""#] {
        let definition = format!(
            r#"{{{lead}, "States": {{
                "Lead": {{"Type": "Choice", "Choices": [{{"Variable": "$.n", "NumericEquals": 1, "Next": "Count"}}], "Default": "Lead2"}},
                "Lead2": {{"Type": "Choice", "Choices": [{{"Variable": "$.n", "NumericEquals": 1, "Next": "Lead"}}], "Default": "Count"}},
                "Count": {{"Type": "Pass", "Parameters": {{"n.$": "States.MathAdd($.n, 1)"}}, "Next": "Enough"}},
                "Enough": {{"Type": "Choice", "Choices": [{{"Variable": "$.n", "NumericLessThan": 700, "Next": "Count"}},
                    {{"Variable": "$.n", "NumericEquals": -1, "Next": "Lead"}}], "Default": "Done"}},
                "Done": {{"Type": "Succeed"}}}}}}"#
        );
        let scenario = run(definition.leak()).input(r#"{"n":0}"#);
        let program = scenario.program();
        for steps_before in 1..3 {
            let mut execution = Execution::new(scenario.start(), START);
            let turn = Turn { now: START, host: &PlainHost };
            let mut types = Vec::new();
            let mut send = |execution: &mut Execution, signal| {
                let outcome = step(&program, execution, signal, turn);
                types.extend(outcome.events.iter().map(|event| event.kind.type_name()));
                outcome.status
            };
            send(&mut execution, Signal::Start);
            for _ in 1..steps_before {
                send(&mut execution, Signal::Continue);
            }
            send(&mut execution, stop());
            let mut status = send(&mut execution, Signal::Redrive { client_token: None });
            while status == StepStatus::More {
                status = send(&mut execution, Signal::Continue);
            }
            assert_eq!(execution.status(), ExecutionStatus::Succeeded);
            let count = |end: &str| types.iter().filter(|line| line.ends_with(end)).count();
            assert_eq!(count("StateEntered"), count("StateExited"), "{lead} {steps_before}");
        }
    }
}

#[test]
fn what_grew_too_large_is_run_again_as_a_whole() {
    let big = format!("{:?}", "x".repeat(limits::PAYLOAD_BYTES_MAX));
    let scenario = run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Good", "States": {"Good": {"Type": "Pass", "Result": 1, "End": true}}},
        {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}], "End": true}}}"#)
    .task("Call", vec![returns(&big), returns("2")])
    .signal(10, Signal::Redrive { client_token: None });
    let (execution, events) = scenario.finish();
    assert_eq!(execution.output().map(|output| output.value().to_string()).as_deref(), Some("[1,2]"));
    assert_eq!(seconds_of(&events, "ParallelStateStarted"), [0, 10]);
    assert_eq!(seconds_of(&events, "PassStateEntered"), [0, 10]);
}

#[test]
fn a_redrive_is_refused_in_aws_words() {
    let refusal = |scenario: Scenario, later_s: f64| {
        let (execution, _) = scenario.finish();
        execution.redrive_refusal(START.after_s(later_s))
    };
    assert_eq!(refusal(states::variables(), 1.0), Some("Execution is SUCCEEDED and cannot be redriven"));
    let failed = || run(r#"{"StartAt": "No", "States": {"No": {"Type": "Fail"}}}"#);
    assert_eq!(refusal(failed(), 14.0 * 86_400.0), None);
    assert_eq!(refusal(failed(), 14.0 * 86_400.0 + 1.0), Some("Execution redrivable period exceeded"));
    let (execution, _) = failed().signal(15 * 86_400, Signal::Redrive { client_token: None }).finish();
    assert_eq!((execution.status(), execution.redrive_count()), (ExecutionStatus::Failed, 0));
    let slept = run(r#"{"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 99999999, "End": true}}}"#);
    assert_eq!(refusal(slept, 366.0 * 86_400.0), Some("Execution has exceeded the max execution time"));
    let execution = Execution::new(states::variables().start(), Timestamp(0));
    assert_eq!(execution.redrive_refusal(Timestamp(0)), Some("Execution is RUNNING and cannot be redriven"));
}

/// AWS would redrive the Map Run; that is not done yet (see `Signal::Redrive`).
#[test]
fn a_distributed_map_that_failed_starts_a_new_map_run_with_all_items() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}, "End": true}}}"#)
    .input("[1,2]")
    .task("Call", vec![returns("1"), fails("Busy"), returns("2")])
    .signal(10, Signal::Redrive { client_token: None });
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  MapStateEntered Each
        3   <2  MapStateStarted 2
        4   <3  MapRunStarted
        5   <4  MapRunFailed States.ExceedToleratedFailureThreshold
        6   <5  MapStateFailed
        7   <6  ExecutionFailed States.ExceedToleratedFailureThreshold
        8   <7  ExecutionRedriven
        9   <8  MapStateStarted 2
        10  <9  MapRunStarted
        11  <10 MapRunSucceeded
        12  <11 MapStateSucceeded
        13  <10 MapStateExited Each [2,2]
        14  <13 ExecutionSucceeded [2,2]
    "#]]
    .assert_eq(&scenario.history());
}

#[test]
fn a_map_run_beside_a_failing_branch_is_aborted_and_run_again() {
    let scenario = run(r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Each", "States": {"Each": {"Type": "Map",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 5, "End": true}}}, "End": true}}},
        {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}], "End": true}}}"#)
    .input("[1]")
    .task("Call", vec![fails("Busy"), returns("2")])
    .signal(10, Signal::Redrive { client_token: None });
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  ParallelStateEntered Both
        3   <2  ParallelStateStarted
        4   <3  MapStateEntered Each
        5   <4  MapStateStarted 1
        6   <5  MapRunStarted
        7   <3  TaskStateEntered Call
        8   <7  TaskScheduled
        9   <8  TaskStarted
        10  <9  TaskFailed Busy
        11  <10 TaskStateAborted
        12  <10 MapRunAborted
        13  <10 MapStateAborted
        14  <10 ParallelStateFailed
        15  <14 ExecutionFailed Busy
        16  <15 ExecutionRedriven
        17  <16 MapStateStarted 1
        18  <17 MapRunStarted
        19  <16 TaskScheduled
        20  <19 TaskStarted
        21  <20 TaskSucceeded
        22  <21 TaskStateExited Call 2
        23  <18 MapRunSucceeded
        24  <23 MapStateSucceeded
        25  <18 MapStateExited Each [1]
        26  <25 ParallelStateSucceeded
        27  <25 ParallelStateExited Both [[1],2]
        28  <27 ExecutionSucceeded [[1],2]
    "#]]
    .assert_eq(&scenario.history());
}
