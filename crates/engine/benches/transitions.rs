//! Transitions per second of one core: `cargo bench -p stepwell-engine`.
//!
//! Executions of at most 10,000 transitions run to their end, their events kept as values.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, Program, compile};
use stepwell_engine::local::PlainHost;
use stepwell_engine::{
    Effect, Event, Execution, ExecutionId, Identity, Signal, Start, StepStatus, Timestamp, Turn, WithoutData,
    encode_events, step,
};
use stepwell_value::parse;

fn main() {
    divan::main();
}

const CHAIN: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Next": "B"},
    "B": {"Type": "Pass", "Next": "C"},
    "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "A"}], "Default": "D"},
    "D": {"Type": "Succeed"}}}"#;

const COUNTER_JSONPATH: &str = r#"{"StartAt": "Count", "States": {
    "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
    "Enough": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 1000, "Next": "Count"}],
        "Default": "Done"},
    "Done": {"Type": "Succeed"}}}"#;

const COUNTER_JSONATA: &str = r#"{"QueryLanguage": "JSONata", "StartAt": "Count", "States": {
    "Count": {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}, "Next": "Enough"},
    "Enough": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n < 1000 %}", "Next": "Count"}],
        "Default": "Done"},
    "Done": {"Type": "Succeed"}}}"#;

const MAP: &str = r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
    "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}, "End": true}}}"#;

const SEARCH_JSONPATH: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($..n)"}, "ResultPath": null, "Next": "B"},
    "B": {"Type": "Choice", "Choices": [{"Variable": "$.l", "IsPresent": true, "Next": "A"}], "Default": "D"},
    "D": {"Type": "Succeed"}}}"#;

const SEARCH_JSONATA: &str = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
    "A": {"Type": "Choice", "Choices": [{"Condition": "{% $sum($states.input.l.n) = 0 %}", "Next": "D"}], "Default": "B"},
    "B": {"Type": "Choice", "Choices": [{"Condition": "{% $sum($states.input.l.n) = 0 %}", "Next": "D"}], "Default": "A"},
    "D": {"Type": "Succeed"}}}"#;

const TASK: &str = r#"{"StartAt": "Call", "States": {
    "Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$.order"}, "ResultPath": "$.sent", "Next": "Again"},
    "Again": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "Call"}], "Default": "Done"},
    "Done": {"Type": "Succeed"}}}"#;

const FIVE_PASSES: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"},
    "C": {"Type": "Pass", "Next": "D"}, "D": {"Type": "Pass", "Next": "E"}, "E": {"Type": "Pass", "End": true}}}"#;

/// A whole small Standard execution, from its start to the bytes that are committed.
#[divan::bench]
fn five_passes_with_stored_form(bencher: Bencher<'_, '_>) {
    let program = program(FIVE_PASSES);
    let start = standard(r#"{"n":0,"order":{"id":"4711"}}"#);
    bencher.bench(|| {
        let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
        let mut execution = Execution::new(start.clone(), turn.now);
        let outcome = step(&program, &mut execution, Signal::Start, turn);
        (encode_events(&outcome.events), execution.take_writes())
    });
}

/// The same without the stored form.
#[divan::bench]
fn five_passes(bencher: Bencher<'_, '_>) {
    let program = program(FIVE_PASSES);
    let start = standard(r#"{"n":0,"order":{"id":"4711"}}"#);
    bencher.bench(|| {
        let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
        let mut execution = Execution::new(start.clone(), turn.now);
        step(&program, &mut execution, Signal::Start, turn)
    });
}

/// A task sent and answered, with the bytes of both commits.
#[divan::bench]
fn task_round_trip_with_stored_form(bencher: Bencher<'_, '_>) {
    let program = program(TASK);
    let answer = parse(r#"{"MessageId":"4711","more":true}"#).expect("the answer is JSON");
    let start = standard(r#"{"n":0,"order":{"id":"4711"}}"#);
    bencher.counter(ItemsCount::new(100_usize)).bench(|| {
        let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
        let mut execution = Execution::new(start.clone(), turn.now);
        let mut outcome = step(&program, &mut execution, Signal::Start, turn);
        for _ in 0..100 {
            divan::black_box((encode_events(&outcome.events), execution.take_writes()));
            let Some(Effect::Task(request)) = outcome.effects.pop() else { panic!("no task is open") };
            let signal = Signal::TaskSucceeded { attempt: request.attempt, output: answer.clone() };
            outcome = step(&program, &mut execution, signal, turn);
        }
        execution.events_count()
    });
}

/// An execution that waits, as it is loaded from its records.
#[divan::bench]
fn load_a_waiting_execution(bencher: Bencher<'_, '_>) {
    let program = program(r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}"#);
    let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
    let mut execution = Execution::new(standard(r#"{"n":0,"order":{"id":"4711"}}"#), turn.now);
    step(&program, &mut execution, Signal::Start, turn);
    let writes = execution.take_writes();
    let records: Vec<_> = writes.records.into_iter().filter_map(|(key, record)| Some((key, record?))).collect();
    bencher.bench(|| Execution::decode(&writes.root, &records, &WithoutData));
}

/// Pass and Choice states with a small input, in a loop that is cut after 10,000 transitions.
#[divan::bench]
fn pass_and_choice(bencher: Bencher<'_, '_>) {
    let program = program(CHAIN);
    bencher.counter(ItemsCount::new(10_000_usize)).bench(|| run(&program, r#"{"n":0,"order":{"id":"4711"}}"#, 10_000));
}

#[divan::bench]
fn counter_loop_jsonpath(bencher: Bencher<'_, '_>) {
    let program = program(COUNTER_JSONPATH);
    bencher.counter(ItemsCount::new(2_001_usize)).bench(|| run(&program, r#"{"n":0}"#, u64::MAX));
}

#[divan::bench]
fn counter_loop_jsonata(bencher: Bencher<'_, '_>) {
    let program = program(COUNTER_JSONATA);
    bencher.counter(ItemsCount::new(2_001_usize)).bench(|| run(&program, r#"{"n":0}"#, u64::MAX));
}

/// Items of an inline Map per second.
#[divan::bench]
fn map_of_1000_items(bencher: Bencher<'_, '_>) {
    let program = program(MAP);
    let items = format!("[{}]", (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    bencher.counter(ItemsCount::new(1_000_usize)).bench(|| run(&program, &items, u64::MAX));
}

/// The same with ten times as many: the time per item must not grow.
#[divan::bench]
fn map_of_10000_items(bencher: Bencher<'_, '_>) {
    let program = program(MAP);
    let items = format!("[{}]", (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    bencher.counter(ItemsCount::new(10_000_usize)).bench(|| run(&program, &items, u64::MAX));
}

/// Branches of a Parallel state per second.
#[divan::bench(args = [40, 2_000])]
fn parallel_of_branches(bencher: Bencher<'_, '_>, n: usize) {
    let branch = |n: usize| format!(r#"{{"StartAt": "P{n}", "States": {{"P{n}": {{"Type": "Pass", "End": true}}}}}}"#);
    let program = program(&in_parallel(n, &branch));
    bencher.counter(ItemsCount::new(n)).bench(|| run(&program, "{}", u64::MAX));
}

/// Branches per second of which the last one fails and aborts all others.
#[divan::bench(args = [40, 2_000])]
fn parallel_that_aborts(bencher: Bencher<'_, '_>, n: usize) {
    let branch = |i: usize| match i + 1 == n {
        true => String::from(r#"{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}"#),
        false => {
            format!(r#"{{"StartAt": "W{i}", "States": {{"W{i}": {{"Type": "Wait", "Seconds": 9, "End": true}}}}}}"#)
        }
    };
    let program = program(&in_parallel(n, &branch));
    bencher.counter(ItemsCount::new(n)).bench(|| run(&program, "{}", u64::MAX));
}

fn in_parallel(n: usize, branch: &dyn Fn(usize) -> String) -> String {
    let branches = (0..n).map(branch).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"StartAt": "All", "States": {{"All": {{"Type": "Parallel", "Branches": [{branches}], "End": true}}}}}}"#
    )
}

/// Tasks per second, each sent and answered: two steps.
#[divan::bench]
fn task_round_trips(bencher: Bencher<'_, '_>) {
    let program = program(TASK);
    let answer = parse(r#"{"MessageId":"4711","more":true}"#).expect("the answer is JSON");
    bencher.counter(ItemsCount::new(1_000_usize)).bench(|| {
        let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
        let mut execution = start(r#"{"n":0,"order":{"id":"4711"}}"#);
        let mut outcome = step(&program, &mut execution, Signal::Start, turn);
        for _ in 0..1_000 {
            let Some(Effect::Task(request)) = outcome.effects.pop() else { panic!("no task is open") };
            let signal = Signal::TaskSucceeded { attempt: request.attempt, output: answer.clone() };
            outcome = step(&program, &mut execution, signal, turn);
        }
        execution.events_count()
    });
}

fn program(definition: &str) -> Program {
    let options = Options { machine_type: ExecutionType::Express };
    compile(definition, Format::Json, &options).program.expect("the definition is valid")
}

/// One step of a loop over 256 KiB of input, with a path that searches all of it.
#[divan::bench]
fn longest_step_jsonpath(bencher: Bencher<'_, '_>) {
    first_step(bencher, SEARCH_JSONPATH);
}

/// The same with an expression.
#[divan::bench]
fn longest_step_jsonata(bencher: Bencher<'_, '_>) {
    first_step(bencher, SEARCH_JSONATA);
}

fn first_step(bencher: Bencher<'_, '_>, definition: &str) {
    let program = program(definition);
    let items: Vec<String> = (0..9_000).map(|n| format!(r#"{{"n":{n},"of":["x"]}}"#)).collect();
    let input = format!(r#"{{"l":[{}]}}"#, items.join(","));
    bencher.with_inputs(|| start(&input)).bench_values(|mut execution| {
        let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
        step(&program, &mut execution, Signal::Start, turn).events.len()
    });
}

fn start(input: &str) -> Execution {
    let mut start = standard(input);
    let identity = Identity {
        arn: "arn:aws:states:us-east-1:123456789012:express:Machine:run:id".into(),
        execution_type: ExecutionType::Express,
        ..(*start.identity).clone()
    };
    start.identity = Arc::new(identity);
    Execution::new(start, Timestamp(1_700_000_000_000))
}

fn standard(input: &str) -> Start {
    let identity = Identity {
        id: ExecutionId(7),
        arn: "arn:aws:states:us-east-1:123456789012:execution:Machine:0d2ab8b5-8bd3-4ac4-93b4-9e1e4b6d3a5f".into(),
        name: "0d2ab8b5-8bd3-4ac4-93b4-9e1e4b6d3a5f".into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:Machine".into(),
        state_machine_name: "Machine".into(),
        role_arn: Some("arn:aws:iam::123456789012:role/role".into()),
        version_arn: None,
        alias_arn: None,
        execution_type: ExecutionType::Standard,
        shows_redrive_count: true,
        trace_header: None,
        region: "us-east-1".into(),
        seed: 42,
        root: TOP,
    };
    Start { identity: Arc::new(identity), input: parse(input).expect("the input is JSON"), input_text: None }
}

fn run(program: &Program, input: &str, transitions_max: u64) -> Vec<Event> {
    let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
    let mut execution = start(input);
    let mut events = Vec::new();
    let mut signal = Signal::Start;
    loop {
        let outcome = step(program, &mut execution, signal, turn);
        events.extend(outcome.events);
        if outcome.status != StepStatus::More || execution.transitions() >= transitions_max {
            return events;
        }
        signal = Signal::Continue;
    }
}
