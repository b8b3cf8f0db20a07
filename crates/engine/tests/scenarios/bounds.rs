//! Limits of AWS and of a step: what is too large, too long or would never end.

use expect_test::expect;
use stepwell_engine::local::PlainHost;
use stepwell_engine::{
    Effect, ErrorCause, Execution, ExecutionStatus, FailureStage, Signal, StepStatus, Timestamp, Turn, limits, step,
};
use stepwell_value::parse;

use crate::run::{START, Scenario, fails, never, run};

fn ended_after_s(scenario: &Scenario) -> (ExecutionStatus, i64) {
    let (execution, _) = scenario.finish();
    (execution.status(), (execution.stopped().unwrap_or(START).0 - START.0) / 1000)
}

#[test]
fn the_longest_time_of_a_type_holds_whatever_the_start_says() {
    let waits = run(r#"{"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 99999999, "End": true}}}"#);
    assert_eq!(ended_after_s(&waits), (ExecutionStatus::TimedOut, 365 * 24 * 60 * 60));
    assert_eq!(ended_after_s(&waits.clone().express()), (ExecutionStatus::TimedOut, 5 * 60));
    let longer = run(r#"{"TimeoutSeconds": 600, "StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}"#)
    .task("Call", vec![never()]);
    assert_eq!(ended_after_s(&longer), (ExecutionStatus::TimedOut, 600));
    assert_eq!(ended_after_s(&longer.express()), (ExecutionStatus::TimedOut, 300));
}

#[test]
fn children_of_a_map_run_have_their_own_longest_time_and_not_the_machines() {
    let scenario = run(r#"{"TimeoutSeconds": 400, "StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 1000, "End": true}}},
        "Catch": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Caught"}], "End": true},
        "Caught": {"Type": "Pass", "End": true}}}"#)
    .input("[1]");
    assert_eq!(ended_after_s(&scenario), (ExecutionStatus::Succeeded, 300));
}

#[test]
fn the_time_of_a_wait_is_cut_to_the_second() {
    let scenario = run(r#"{"StartAt": "Sleep", "States": {
        "Sleep": {"Type": "Wait", "Timestamp": "2023-11-14T22:13:25.900Z", "End": true}}}"#);
    let (execution, _) = scenario.finish();
    assert_eq!(execution.stopped(), Some(START.after_ms(5_000)));
}

#[test]
fn a_catcher_whose_output_is_too_large_is_not_asked_again() {
    let input = format!(r#"{{"l":{:?}}}"#, "x".repeat(limits::PAYLOAD_BYTES_MAX - 20));
    let scenario = run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "Retry": [{"ErrorEquals": ["States.DataLimitExceeded"], "IntervalSeconds": 0, "MaxAttempts": 99999999}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Never"}], "End": true},
        "Never": {"Type": "Pass", "End": true}}}"#)
    .input(input.leak())
    .task("Call", vec![fails("Busy")]);
    expect!["FAILED States.DataLimitExceeded: The state/task 'Call' returned a result with a size exceeding the maximum number of bytes service limit."]
        .assert_eq(&scenario.result());
}

#[test]
fn retries_without_a_delay_use_up_the_budget_of_a_step() {
    let input = format!(r#"{{"l":{:?}}}"#, "x".repeat(limits::PAYLOAD_BYTES_MAX - 20));
    let scenario = run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "States.Array($.l, $.l)"},
        "Retry": [{"ErrorEquals": ["States.DataLimitExceeded"], "IntervalSeconds": 0, "MaxAttempts": 99999999}],
        "End": true}}}"#)
    .input(input.leak());
    let program = scenario.program();
    let mut execution = Execution::new(scenario.start(), START);
    let outcome = step(&program, &mut execution, Signal::Start, Turn { now: START, host: &PlainHost });
    assert_eq!(outcome.status, StepStatus::More);
}

#[test]
fn variables_that_are_too_large_are_not_assigned() {
    let input = format!(r#"{{"l":{:?}}}"#, "x".repeat(limits::PAYLOAD_BYTES_MAX - 20));
    let scenario = run(r#"{"StartAt": "Set", "States": {
        "Set": {"Type": "Pass", "Assign": {"a": "before"}, "Next": "Call"},
        "Call": {"Type": "Parallel", "Branches": [{"StartAt": "In", "States": {"In": {"Type": "Pass", "End": true}}}],
            "ResultPath": null, "Assign": {"a.$": "$", "b.$": "$"},
            "Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Show"}], "End": true},
        "Show": {"Type": "Pass", "Parameters": {"a.$": "$a"}, "End": true}}}"#)
    .input(input.leak());
    assert_eq!(scenario.result(), r#"{"a":"before"}"#);
}

#[test]
fn all_variables_of_an_execution_have_ten_mebibytes() {
    let input = format!(r#"{{"n":0,"l":{:?}}}"#, "x".repeat(limits::PAYLOAD_BYTES_MAX - 100));
    let assigns: String = (0..42)
        .map(|n| {
            format!(
                r#""S{n}": {{"Type": "Parallel", "Branches": [{{"StartAt": "I{n}", "States": {{"I{n}": {{"Type": "Pass", "End": true}}}}}}],
                    "ResultPath": null, "Assign": {{"v{n}.$": "$[0].l"}}, "Next": "S{}"}},"#,
                n + 1
            )
        })
        .collect();
    let definition = format!(r#"{{"StartAt": "S0", "States": {{{assigns} "S42": {{"Type": "Succeed"}}}}}}"#);
    let scenario = run(definition.leak()).input(input.leak());
    expect!["FAILED States.DataLimitExceeded: The state/task 'S40' returned a result with a size exceeding the maximum number of bytes service limit."]
        .assert_eq(&scenario.result());
}

#[test]
fn errors_and_causes_are_as_long_as_events_have_room_for() {
    let scenario = run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "End": true}}}"#);
    let program = scenario.program();
    let mut execution = Execution::new(scenario.start(), START);
    let turn = Turn { now: START, host: &PlainHost };
    let outcome = step(&program, &mut execution, Signal::Start, turn);
    let [Effect::Task(request)] = &outcome.effects[..] else { panic!("{:?}", outcome.effects) };
    let error = ErrorCause::new("é".repeat(300), "é".repeat(40_000));
    step(
        &program,
        &mut execution,
        Signal::TaskFailed { attempt: request.attempt, error, stage: FailureStage::Run },
        turn,
    );
    let chars = |text: &Option<_>| text.as_ref().map_or(0, |text: &stepwell_value::Str| text.chars().count());
    assert_eq!((chars(&execution.error().error), chars(&execution.error().cause)), (256, 32_768));
}

#[test]
fn a_task_that_the_history_has_no_room_for_is_not_sent() {
    // A round has nine events and each leading state two: one of these histories ends at TaskScheduled.
    for lead in 0..9 {
        let leading: String =
            (0..lead).map(|n| format!(r#""L{n}": {{"Type": "Pass", "Next": "L{}"}},"#, n + 1)).collect();
        let definition = format!(
            r#"{{"StartAt": "L0", "States": {{{leading} "L{lead}": {{"Type": "Pass", "Next": "Call"}},
            "Call": {{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {{"QueueUrl": "q", "MessageBody": "m"}}, "Next": "Again"}},
            "Again": {{"Type": "Pass", "Next": "Which"}},
            "Which": {{"Type": "Choice", "Choices": [{{"Variable": "$", "IsPresent": true, "Next": "Call"}}], "Default": "End"}},
            "End": {{"Type": "Succeed"}}}}}}"#
        );
        let scenario = run(definition.leak());
        let program = scenario.program();
        let mut execution = Execution::new(scenario.start(), START);
        let (mut sent, mut scheduled) = (0, 0);
        let mut signal = Signal::Start;
        while execution.status() == ExecutionStatus::Running {
            let outcome = step(&program, &mut execution, signal, Turn { now: START, host: &PlainHost });
            scheduled += outcome.events.iter().filter(|event| event.kind.type_name() == "TaskScheduled").count();
            let attempt = outcome.effects.iter().find_map(|effect| match effect {
                Effect::Task(request) => Some(request.attempt),
                _ => None,
            });
            sent += usize::from(attempt.is_some());
            signal = match attempt {
                Some(attempt) => Signal::TaskSucceeded { attempt, output: parse("{}").unwrap() },
                None => Signal::Continue,
            };
        }
        assert_eq!(sent, scheduled, "{lead} leading states");
        assert_eq!(execution.events_count(), limits::HISTORY_EVENTS_MAX);
    }
}

const TWICE: &str = r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
    "ItemsPath": "$.items", "ItemSelector": {"a.$": "$.l", "b.$": "$.l"},
    "Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}], "End": true},
    "Caught": {"Type": "Pass", "Result": "caught", "End": true}}}"#;

fn with_items(n: usize, bytes: usize) -> &'static str {
    let items = vec!["1"; n].join(",");
    format!(r#"{{"items":[{items}],"l":{:?}}}"#, "x".repeat(bytes)).leak()
}

#[test]
fn inputs_of_children_and_results_of_map_runs_have_their_limit() {
    assert_eq!(run(TWICE).input(with_items(1, 140_000)).result(), r#""caught""#, "one child's input is too large");
    assert_eq!(run(TWICE).input(with_items(20, 10_000)).result(), r#""caught""#, "the results together are");
    let (_, events) = run(TWICE).input(with_items(20, 10_000)).finish();
    assert!(events.iter().any(|event| event.kind.type_name() == "MapRunFailed"));
    assert_ne!(run(TWICE).input(with_items(2, 10_000)).result(), r#""caught""#);
}

#[test]
fn a_map_run_starts_many_children_in_several_steps_and_keeps_their_order() {
    let items: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let items = format!("[{}]", items.join(","));
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}, "End": true}}}"#)
    .input(items.clone().leak());
    assert_eq!(scenario.result(), items);
}

#[test]
fn members_of_an_object_are_items_with_a_key() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
        "ItemSelector": {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index",
            "s.$": "$$.Map.Item.Source"}, "End": true}}}"#)
    .input(r#"{"x":1,"y":[2]}"#);
    expect![[r#"[{"k":"x","v":1,"i":0,"s":"STATE_DATA"},{"k":"y","v":[2],"i":1,"s":"STATE_DATA"}]"#]]
        .assert_eq(&scenario.result());
}

#[test]
fn an_item_selector_that_fails_names_the_state_and_its_event() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}},
        "ItemSelector": {"k.$": "$$.Map.Item.Nothing"}, "End": true}}}"#)
    .input("[1]");
    let result = scenario.result();
    assert!(
        result.contains("the state 'Each' (entered at the event id #2). The JSONPath '$$.Map.Item.Nothing'"),
        "{result}"
    );
}

#[test]
fn a_timer_that_is_late_wakes_everybody_in_bounded_steps() {
    let branches: String = (0..3_000)
        .map(|n| {
            format!(r#"{{"StartAt": "W{n}", "States": {{"W{n}": {{"Type": "Wait", "Seconds": 1, "End": true}}}}}}"#)
        })
        .collect::<Vec<_>>()
        .join(",");
    let definition = format!(
        r#"{{"StartAt": "All", "States": {{"All": {{"Type": "Parallel", "Branches": [{branches}], "End": true}}}}}}"#
    );
    let scenario = run(definition.leak());
    let program = scenario.program();
    let mut execution = Execution::new(scenario.start(), START);
    let mut now = START;
    let mut signal = Signal::Start;
    while execution.status() == ExecutionStatus::Running {
        let outcome = step(&program, &mut execution, signal, Turn { now, host: &PlainHost });
        assert!(outcome.events.len() <= limits::STEP_EVENTS_MAX + 2, "{}", outcome.events.len());
        signal = if outcome.status == StepStatus::More { Signal::Continue } else { Signal::TimerFired };
        now = now.max(execution.next_deadline().unwrap_or(now));
        assert!(now < Timestamp(START.0 + 60_000));
    }
    assert_eq!(execution.status(), ExecutionStatus::Succeeded);
}

#[test]
fn selectors_over_a_large_input_use_up_the_budget_of_a_step() {
    let items = vec!["1"; 1_000].join(",");
    let input = format!(r#"{{"items":[{items}],"l":{:?}}}"#, "x".repeat(limits::PAYLOAD_BYTES_MAX - 4_000));
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items",
        "ItemSelector": {"n.$": "States.ArrayLength($..l)"}, "ResultSelector": {"n.$": "States.ArrayLength($)"},
        "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}, "End": true}}}"#)
    .input(input.leak());
    assert_eq!(scenario.result(), r#"{"n":1000}"#);
    let (_, steps) = scenario.history_with_crash(None);
    assert!((20..60).contains(&steps), "{steps} steps of about 48 items");
}

pub(crate) fn costly_selectors() -> Scenario {
    run(r#"{"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemSelector": {"n": "{% $sum([1..9999].($ + 1)) > 0 ? $states.context.Map.Item.Value : 0 %}"},
        "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Wait", "Seconds": 1, "End": true}}},
        "Output": "{% $states.result.n %}", "End": true}}}"#)
    .input("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]")
}

#[test]
fn costly_selectors_are_spread_over_steps() {
    assert_eq!(costly_selectors().result(), "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]");
    let (history, steps) = costly_selectors().history_with_crash(None);
    assert!(steps > 4, "{steps} steps");
    let lines: Vec<&str> = history.lines().collect();
    assert!(lines[3..23].iter().all(|line| line.contains("<3  MapIterationStarted")), "{history}");
}

#[test]
fn a_stop_between_the_starts_of_iterations_loses_none_of_them() {
    let scenario = costly_selectors();
    let program = scenario.program();
    let mut execution = Execution::new(scenario.start(), START);
    let mut now = START;
    let mut status = StepStatus::More;
    for signal in [Signal::Start, Signal::Stop(ErrorCause::default()), Signal::Redrive { client_token: None }] {
        status = step(&program, &mut execution, signal, Turn { now, host: &PlainHost }).status;
    }
    while execution.status() == ExecutionStatus::Running {
        let signal = if status == StepStatus::More { Signal::Continue } else { Signal::TimerFired };
        now = if status == StepStatus::More { now } else { execution.next_deadline().expect("somebody waits") };
        status = step(&program, &mut execution, signal, Turn { now, host: &PlainHost }).status;
    }
    let output = execution.output().map(|output| output.value().as_array().map_or(0, |items| items.len()));
    assert_eq!(output, Some(20));
}
