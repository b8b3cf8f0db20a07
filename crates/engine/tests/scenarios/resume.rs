//! What an execution owes after a crash, and how it goes on.

use expect_test::expect;
use stepwell_engine::local::PlainHost;
use stepwell_engine::{
    AttemptId, AttemptStatus, ErrorCause, Execution, FailureStage, Resume, Signal, StepStatus, Timestamp, Turn, step,
};
use stepwell_value::parse;

use crate::run::{START, Scenario, Stored, run};

const ATTEMPT: AttemptId = AttemptId(0);

/// An execution whose every step is stored, and which can be read from that alone.
struct Durable {
    scenario: Scenario,
    execution: Execution,
    stored: Stored,
    now: Timestamp,
}

impl Durable {
    fn start(scenario: Scenario) -> Durable {
        let execution = Execution::new(scenario.start(), START);
        let mut durable = Durable { scenario, execution, stored: Stored::default(), now: START };
        durable.send(Signal::Start);
        durable
    }

    fn send(&mut self, signal: Signal) -> StepStatus {
        let turn = Turn { now: self.now, host: &PlainHost };
        let outcome = step(&self.scenario.program(), &mut self.execution, signal, turn);
        self.stored.commit(&mut self.execution, &outcome);
        outcome.status
    }

    /// Loses all but what is stored, and does what is owed. Gives what is to be queued again.
    fn crash(&mut self) -> Vec<String> {
        self.execution = self.stored.load();
        let resume = self.execution.resume(&self.scenario.program(), &PlainHost);
        assert_eq!(resume.len(), self.execution.owes() as usize);
        let mut queued = Vec::new();
        for resume in resume {
            match resume {
                Resume::InDoubt { attempt, error } => {
                    self.send(Signal::TaskFailed { attempt, error, stage: FailureStage::Run });
                }
                Resume::Queue(request) => {
                    let token = request.token.as_deref().unwrap_or("-");
                    queued.push(format!("{} {} {token}", request.resource_arn, request.parameters.text()));
                }
                Resume::Heartbeat { attempt } => {
                    self.send(Signal::TaskHeartbeat { attempt });
                }
                Resume::GoOn => {
                    self.send(Signal::Continue);
                }
            }
        }
        queued
    }

    fn history(&self) -> String {
        self.stored.history().iter().map(|event| format!("{event}\n")).collect()
    }
}

fn lambda() -> Scenario {
    run(r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "Retry": [{"ErrorEquals": ["Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}],
        "End": true}}}"#)
}

#[test]
fn a_call_in_doubt_fails_with_the_name_that_the_customary_retry_lists() {
    let mut run = Durable::start(lambda());
    assert_eq!(run.execution.owes(), 1);
    assert!(run.crash().is_empty());
    assert_eq!(run.execution.owes(), 0, "the retry is a timer's business");
    run.now = run.execution.next_deadline().unwrap();
    run.send(Signal::TimerFired);
    run.send(Signal::TaskSucceeded { attempt: AttemptId(1), output: parse("1").unwrap() });
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Call
        3   <2  LambdaFunctionScheduled
        4   <3  LambdaFunctionStarted
        5   <4  LambdaFunctionFailed Lambda.SdkClientException
        6   <5  LambdaFunctionScheduled
        7   <6  LambdaFunctionStarted
        8   <7  LambdaFunctionSucceeded
        9   <8  TaskStateExited Call 1
        10  <9  ExecutionSucceeded 1
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn a_token_that_was_handed_out_is_waited_for_and_a_call_that_hands_it_out_is_in_doubt() {
    let scenario = run(r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}, "End": true}}}"#);
    let mut submitted = Durable::start(scenario.clone());
    submitted.send(Signal::TaskSubmitted { attempt: ATTEMPT, output: parse("{}").unwrap() });
    assert_eq!((submitted.execution.owes(), submitted.execution.attempt(ATTEMPT)), (0, AttemptStatus::Started));
    submitted.crash();
    submitted.send(Signal::TaskSucceeded { attempt: ATTEMPT, output: parse("1").unwrap() });
    assert!(submitted.history().ends_with("ExecutionSucceeded 1\n"));
    let mut on_its_way = Durable::start(scenario);
    on_its_way.crash();
    assert!(on_its_way.history().ends_with("ExecutionFailed Lambda.SdkClientException\n"));
}

#[test]
fn an_activity_that_no_worker_has_taken_is_queued_again_with_its_input_and_token() {
    let mut run = Durable::start(
        run(r#"{"StartAt": "Pick", "States": {"Pick": {"Type": "Task", "HeartbeatSeconds": 9,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:pick", "Parameters": {"a.$": "$.a"}, "End": true}}}"#)
        .input(r#"{"a": 1, "b": 2}"#),
    );
    assert_eq!(run.execution.attempt(ATTEMPT), AttemptStatus::Scheduled);
    for _ in 0..2 {
        expect![[r#"
            arn:aws:states:us-east-1:123456789012:activity:pick {"a":1} 00000000000000000000000000000007-0
        "#]]
        .assert_eq(&format!("{}\n", run.crash().join("\n")));
    }
    run.send(Signal::TaskStarted { attempt: ATTEMPT, worker_name: None });
    assert_eq!(run.execution.attempt(ATTEMPT), AttemptStatus::Started);
    run.now = START.after_ms(60_000);
    assert!(run.crash().is_empty(), "its worker answers, or its time runs out");
    assert_eq!(run.execution.next_deadline(), Some(START.after_ms(69_000)), "it has a full interval anew");
    run.now = run.execution.next_deadline().unwrap();
    run.send(Signal::TimerFired);
    assert_eq!(run.execution.attempt(ATTEMPT), AttemptStatus::Over);
    assert_eq!(run.execution.attempt(AttemptId(1)), AttemptStatus::Unknown);
    assert!(run.history().ends_with("ExecutionFailed States.Timeout\n"));
}

#[test]
fn nothing_is_owed_once_an_execution_has_ended() {
    let mut run = Durable::start(lambda());
    run.send(Signal::Stop(ErrorCause::default()));
    assert_eq!((run.crash(), run.execution.owes()), (vec![], 0));
}

#[test]
fn the_last_ten_client_tokens_of_redrives_are_known_for_a_quarter_of_an_hour() {
    let mut run = Durable::start(lambda());
    for n in 0..11 {
        run.send(Signal::Stop(ErrorCause::default()));
        run.now = START.after_ms(n);
        run.send(Signal::Redrive { client_token: Some(format!("token-{n}").into()) });
    }
    run.crash();
    let redrive_of = |token, now| run.execution.redrive_of(token, now);
    assert_eq!(redrive_of("token-0", run.now), None);
    assert_eq!(redrive_of("token-1", run.now), Some(START.after_ms(1)));
    assert_eq!(redrive_of("token-10", START.after_ms(10 + 900_000)), Some(START.after_ms(10)));
    assert_eq!(redrive_of("token-10", START.after_ms(11 + 900_000)), None);
    assert_eq!(run.execution.redrive_count(), 11);
}
