//! The stages of the data flow that TestState shows, and single states.

use std::sync::Arc;

use expect_test::expect;
use stepwell_asl::program::State;
use stepwell_engine::local::{Local, Progress};
use stepwell_engine::{Execution, ExecutionStatus, Observer, Stage, Start};
use stepwell_value::{Object, parse};

use crate::run::{START, Scenario, Script, fails, identity, returns, run};

/// Writes each stage down.
#[derive(Default)]
struct Notes(String);

impl Observer for Notes {
    fn stage(&mut self, state: &State, stage: Stage<'_>) {
        self.0.push_str(&format!("{}: {stage:?}\n", state.name));
    }
}

fn observed(scenario: &Scenario) -> String {
    let program = scenario.program();
    let mut local = Local::new(START);
    local.start(program.clone(), scenario.start());
    drive(local, scenario)
}

fn drive(mut local: Local, scenario: &Scenario) -> String {
    let mut notes = Notes::default();
    let mut script = Script::of(scenario);
    loop {
        match local.go_on(&mut script, &mut notes) {
            Progress::WaitUntil(due) => local.set_time(due),
            Progress::Idle => return notes.0,
            Progress::Stepped(_) | Progress::Delivered => {}
        }
    }
}

#[test]
fn a_pass_state_shows_each_stage_of_jsonpath() {
    let scenario = run(r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "InputPath": "$.a",
        "Parameters": {"b.$": "$.b"}, "ResultPath": "$.r", "OutputPath": "$.r", "End": true}}}"#)
    .input(r#"{"a":{"b":1}}"#);
    expect![[r#"
        P: Input({"a":{"b":1}})
        P: Variables({})
        P: AfterInputPath({"b":1})
        P: AfterParameters({"b":1})
        P: AfterResultSelector({"b":1})
        P: AfterResultPath({"a":{"b":1},"r":{"b":1}})
        P: Output({"b":1})
    "#]]
    .assert_eq(&observed(&scenario));
}

#[test]
fn a_pass_state_with_a_result_shows_it() {
    let scenario = run(r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": 1, "End": true}}}"#);
    expect![[r#"
        P: Input({})
        P: Variables({})
        P: Result(1)
        P: AfterResultSelector(1)
        P: AfterResultPath(1)
        P: Output(1)
    "#]]
    .assert_eq(&observed(&scenario));
}

#[test]
fn a_task_shows_its_result_and_which_retrier_and_catcher_applied() {
    let scenario = run(r#"{"StartAt": "T", "States": {"T": {"Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
        "ResultSelector": {"id.$": "$.MessageId"},
        "Retry": [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Busy"], "IntervalSeconds": 3}],
        "Catch": [{"ErrorEquals": ["Gone"], "Next": "C"}], "Next": "U"},
        "U": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
            "Catch": [{"ErrorEquals": ["Gone"], "Next": "C"}], "End": true},
        "C": {"Type": "Succeed"}}}"#)
    .task("T", vec![fails("Busy"), returns(r#"{"MessageId":"1"}"#)])
    .task("U", vec![fails("Gone")]);
    expect![[r#"
        T: Input({})
        T: Variables({})
        T: AfterInputPath({})
        T: AfterParameters({"QueueUrl":"q","MessageBody":"m"})
        T: Retry { index: 1, backoff_s: 3.0 }
        T: AfterInputPath({})
        T: AfterParameters({"QueueUrl":"q","MessageBody":"m"})
        T: Result({"MessageId":"1"})
        T: AfterResultSelector({"id":"1"})
        T: AfterResultPath({"id":"1"})
        T: Output({"id":"1"})
        U: Input({"id":"1"})
        U: Variables({})
        U: AfterInputPath({"id":"1"})
        U: AfterParameters({"QueueUrl":"q","MessageBody":"m"})
        U: Catch { index: 0 }
        U: Output({"Error":"Gone","Cause":"why"})
        C: Input({"Error":"Gone","Cause":"why"})
        C: Variables({})
        C: AfterInputPath({"Error":"Gone","Cause":"why"})
        C: Output({"Error":"Gone","Cause":"why"})
    "#]]
    .assert_eq(&observed(&scenario));
}

#[test]
fn choice_map_and_parallel_show_rule_items_and_numbers() {
    let scenario = run(r#"{"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": [
            {"Variable": "$.n", "NumericEquals": 1, "Next": "Each"},
            {"Variable": "$.n", "NumericEquals": 2, "Next": "Each"}], "Default": "Each"},
        "Each": {"Type": "Map", "ItemsPath": "$.l", "MaxConcurrency": 2, "ToleratedFailureCount": 1,
            "ToleratedFailurePercentage": 5, "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "ResultPath": "$.l",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Succeed"}}}, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}],
            "End": true}}}"#)
    .input(r#"{"n":2,"l":["a"]}"#);
    let text = observed(&scenario);
    let of = |state: &str| -> String {
        text.lines().filter(|line| line.starts_with(state)).map(|line| format!("{line}\n")).collect()
    };
    expect![[r#"
        Which: Input({"n":2,"l":["a"]})
        Which: Variables({})
        Which: AfterInputPath({"n":2,"l":["a"]})
        Which: Rule(Some(1))
        Which: Output({"n":2,"l":["a"]})
    "#]]
    .assert_eq(&of("Which"));
    expect![[r#"
        Each: Input({"n":2,"l":["a"]})
        Each: Variables({})
        Each: AfterInputPath({"n":2,"l":["a"]})
        Each: AfterItemsPath(["a"])
        Each: MaxConcurrency(2)
        Each: ToleratedFailureCount(1)
        Each: ToleratedFailurePercentage(5.0)
        Each: AfterItemSelector({"v":"a"})
        Each: Result([{"v":"a"}])
        Each: AfterResultSelector([{"v":"a"}])
        Each: AfterResultPath({"n":2,"l":[{"v":"a"}]})
        Each: Output({"n":2,"l":[{"v":"a"}]})
    "#]]
    .assert_eq(&of("Each"));
    assert!(of("Both").contains("Both: AfterResultSelector("));
    assert!(of("Both").contains("Both: AfterResultPath("));
}

#[test]
fn a_jsonata_task_shows_arguments_and_variables() {
    let scenario = run(r#"{"QueryLanguage": "JSONata", "StartAt": "Set", "States": {
        "Set": {"Type": "Pass", "Assign": {"v": 1}, "Next": "T"},
        "T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Arguments": {"QueueUrl": "q", "MessageBody": "{% $v + 1 %}"}, "Output": "{% $states.result.id %}",
            "End": true}}}"#)
    .task("T", vec![returns(r#"{"id":"1"}"#)]);
    let text = observed(&scenario);
    let of_task: String = text.lines().filter(|line| line.starts_with("T:")).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        T: Input({})
        T: Variables({"v":1})
        T: AfterArguments({"QueueUrl":"q","MessageBody":2})
        T: Result({"id":"1"})
        T: Output("1")
    "#]]
    .assert_eq(&of_task);
}

#[test]
fn one_state_can_be_entered_alone() {
    let scenario = run(r#"{"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Next": "Second"},
        "Second": {"Type": "Pass", "Parameters": {"x.$": "$.x", "v.$": "$v"}, "Next": "Third"},
        "Third": {"Type": "Fail"}}}"#);
    let program = scenario.program();
    let (region, state) = program.find_state("Second").expect("it is there");
    let variables: Object = [("v", 7.into())].into_iter().collect();
    let start = Start {
        identity: Arc::new(identity(scenario.execution_type)),
        input: parse(r#"{"x":1}"#).unwrap(),
        input_text: None,
    };
    let execution = Execution::of_state(start, region, state, variables, START);
    let mut local = Local::new(START);
    let id = local.admit(program.clone(), execution);
    let mut script = Script::of(&scenario);
    local.run_to_end(id, &mut script);
    let execution = local.execution(id).expect("it has not been forgotten");
    assert_eq!(execution.status(), ExecutionStatus::Succeeded);
    assert_eq!(execution.output().map(|output| output.value().to_string()).as_deref(), Some(r#"{"x":1,"v":7}"#));
    let next = execution.next_state().map(|next| program.state(region, next).name.clone());
    assert_eq!(next.as_deref(), Some("Third"));
}
