//! What is written of an execution: how much, and what it says by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use expect_test::expect;
use stepwell_engine::local::PlainHost;
use stepwell_engine::{
    AttemptId, ChildEnd, Described, DescribedMapRun, Effect, ErrorCause, Execution, ExecutionStatus, FailureStage,
    MapRun, MapRunEffect, MapRunEnd, MapRunSignal, PayloadRef, Signal, Start, Turn, WithoutData, Writes, decode_events,
    encode_events, step,
};
use stepwell_value::{Value, parse};

use crate::run::{START, Stored, identity, run};

fn turn() -> Turn<'static> {
    Turn { now: START, host: &PlainHost }
}

#[test]
fn an_answer_to_one_of_10_000_items_writes_no_more_than_what_it_touched() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Call",
        "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$"}, "End": true}}}, "End": true}}}"#)
    .express();
    let items: Value = (0..10_000).map(Value::from).collect();
    let start = Start { identity: Arc::new(identity(scenario.execution_type)), input: items, input_text: None };
    let program = scenario.program();
    let mut execution = Execution::new(start, START);
    let mut outcome = step(&program, &mut execution, Signal::Start, turn());
    let answer = parse(r#"{"id":"0123456789"}"#).unwrap();
    let (mut answers, mut largest, mut all, mut in_the_middle) = (0, 0, 0, 0);
    let mut open: Vec<_> = Vec::new();
    loop {
        let writes = execution.take_writes();
        let records = writes.records.iter().map(|(_, record)| record.as_ref().map_or(0, Vec::len)).sum::<usize>();
        let events = encode_events(&outcome.events).len();
        if answers > 0 && execution.status() == ExecutionStatus::Running {
            largest = largest.max(writes.root.len() + records + events);
            all += writes.root.len() + records + events;
            assert!(writes.records.len() <= 4, "the Map's frame, two iterations, one segment of results");
        }
        if answers == 5_000 {
            in_the_middle = execution.snapshot().records.iter().flat_map(|(_, record)| record).map(Vec::len).sum();
        }
        for effect in outcome.effects.drain(..) {
            if let Effect::Task(request) = effect {
                open.push(request.attempt);
            }
        }
        let Some(attempt) = open.pop() else { break };
        answers += 1;
        let signal = Signal::TaskSucceeded { attempt, output: answer.clone() };
        outcome = step(&program, &mut execution, signal, turn());
    }
    assert_eq!((answers, execution.status()), (10_000, ExecutionStatus::Succeeded));
    assert!(largest < 1_800, "{largest} bytes for one answer");
    assert!(all / answers < 1_300, "{} bytes for an answer on average", all / answers);
    assert!(in_the_middle > 100_000, "all of it would have been {in_the_middle} bytes");
}

#[test]
fn results_of_a_map_that_is_run_again_do_not_mix_with_those_of_the_first_time() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}],
        "ItemProcessor": {"StartAt": "Call", "States": {"Call": {"Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}},
        "End": true}}}"#);
    let items: Value = (0..70).map(Value::from).collect();
    let start = Start { identity: Arc::new(identity(scenario.execution_type)), input: items, input_text: None };
    let program = scenario.program();
    let (mut execution, mut stored) = (Execution::new(start, START), Stored::default());
    let mut signals = vec![Signal::Start];
    let mut now = START;
    for answers in 0.. {
        let Some(signal) = signals.pop() else { break };
        let outcome = step(&program, &mut execution, signal, Turn { now, host: &PlainHost });
        // Compares what is stored with what is there.
        stored.commit(&mut execution, &outcome);
        execution = stored.load();
        for effect in outcome.effects {
            if let Effect::Task(request) = effect {
                signals.push(Signal::TaskSucceeded { attempt: request.attempt, output: Value::from(answers) });
            }
        }
        if answers == 60 {
            let Some(Signal::TaskSucceeded { attempt, .. }) = signals.pop() else { panic!("a task is open") };
            let error = ErrorCause::without_cause("No");
            let signal = Signal::TaskFailed { attempt, error, stage: FailureStage::Run };
            let outcome = step(&program, &mut execution, signal, Turn { now, host: &PlainHost });
            stored.commit(&mut execution, &outcome);
            now = execution.next_deadline().unwrap();
            signals = vec![Signal::TimerFired];
        }
    }
    assert_eq!(execution.status(), ExecutionStatus::Succeeded);
    assert_eq!(execution.output().and_then(|output| output.value().as_array().map(|results| results.len())), Some(70));
}

#[test]
fn the_root_alone_describes_an_execution() {
    let big = format!("{{\"a\":\"{}\"}}", "x".repeat(200));
    let scenario = run(r#"{"StartAt": "One", "States": {"One": {"Type": "Pass", "Result": 1, "End": true}}}"#);
    let mut identity = identity(scenario.execution_type);
    identity.trace_header = Some("Root=1-5759e988-bd862e3fe1be46a994272793".into());
    let start =
        Start { identity: Arc::new(identity.clone()), input: parse(&big).unwrap(), input_text: Some(big.into()) };
    let mut execution = Execution::new(start, START);
    let outcome = step(&scenario.program(), &mut execution, Signal::Start, turn());
    let described = Described::decode(&execution.take_writes().root).unwrap();
    assert_eq!(*described.identity, identity);
    assert_eq!((described.status, described.stopped), (ExecutionStatus::Succeeded, Some(START)));
    assert_eq!(described.input, PayloadRef::Stored(execution.input().id()));
    assert!(matches!(&described.output, Some(PayloadRef::Here(output)) if output.text() == "1"));
    assert_eq!(described.events_count, outcome.events.len() as u32);
    assert_eq!(described.redrive_refusal(START), Some("Execution is SUCCEEDED and cannot be redriven"));
}

#[test]
fn a_history_without_data_needs_no_payloads() {
    let big = format!("{{\"a\":\"{}\"}}", "x".repeat(200)).leak();
    let (_, events) =
        run(r#"{"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}"#).input(big).finish();
    let chunk = encode_events(&events);
    assert!(decode_events(&chunk, &BTreeMap::new()).is_err());
    let read = decode_events(&chunk, &WithoutData).unwrap();
    let shown = |event: &stepwell_engine::Event| event.to_json(false);
    assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), events.iter().map(shown).collect::<Vec<_>>());
}

/// Bytes of one small execution, so that a change of the form is seen.
#[test]
fn a_small_execution_takes_little_room() {
    let five = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Pass", "Next": "D"}, "D": {"Type": "Pass", "Next": "E"}, "E": {"Type": "Pass", "End": true}}}"#;
    let scenario = run(five).input(r#"{"n":0,"order":{"id":"4711"}}"#);
    let mut execution = Execution::new(scenario.start(), START);
    let outcome = step(&scenario.program(), &mut execution, Signal::Start, turn());
    let (root, events) = (execution.take_writes().root.len(), encode_events(&outcome.events).len());
    let waiting = run(r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}"#);
    let mut parked = Execution::new(waiting.start(), START);
    step(&waiting.program(), &mut parked, Signal::Start, turn());
    let frame = parked.take_writes().records[0].1.as_ref().map_or(0, Vec::len);
    expect![[r#"
        root 245, 12 events 194, frame of a wait 41
    "#]]
    .assert_eq(&format!("root {root}, {} events {events}, frame of a wait {frame}\n", outcome.events.len()));
}

#[test]
fn damaged_records_are_an_error_and_nothing_worse() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ToleratedFailureCount": 2,
        "ItemProcessor": {"StartAt": "Call", "States": {"Call": {"Type": "Task",
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "HeartbeatSeconds": 5,
            "Parameters": {"v.$": "$"}, "Retry": [{"ErrorEquals": ["Again"]}], "End": true}}}, "End": true}}}"#)
    .input("[1,2,3]");
    let mut execution = Execution::new(scenario.start(), START);
    let mut signals = vec![
        Signal::TaskFailed {
            attempt: AttemptId(1),
            error: ErrorCause::without_cause("Again"),
            stage: FailureStage::Run,
        },
        Signal::TaskSucceeded { attempt: AttemptId(0), output: Value::from(1) },
        Signal::Start,
    ];
    while let Some(signal) = signals.pop() {
        step(&scenario.program(), &mut execution, signal, turn());
    }
    let Writes { root, records } = execution.take_writes();
    let records: Vec<_> = records.into_iter().filter_map(|(key, record)| Some((key, record?))).collect();
    assert_eq!(records.len(), 4, "the Map, its results, an iteration that waits and one with a task");
    assert!(Execution::decode(&root, &records, &BTreeMap::new()).is_ok());
    let flips =
        |bytes: &[u8]| (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))).collect::<Vec<_>>();
    for (place, bit) in flips(&root) {
        let mut damaged = root.clone();
        damaged[place] ^= 1 << bit;
        let _ = Execution::decode(&damaged, &records, &BTreeMap::new());
        let _ = Described::decode(&damaged);
    }
    for n in 0..records.len() {
        for (place, bit) in flips(&records[n].1) {
            let mut damaged = records.clone();
            damaged[n].1[place] ^= 1 << bit;
            let _ = Execution::decode(&root, &damaged, &BTreeMap::new());
        }
        let mut cut = records.clone();
        cut[n].1.pop();
        assert!(Execution::decode(&root, &cut, &BTreeMap::new()).is_err());
    }
}

#[test]
fn the_end_of_one_of_5_000_children_writes_no_more_than_what_it_touched() {
    let scenario = run(r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": true}}}, "End": true}}}"#);
    let items: Value = (0..5_000).map(Value::from).collect();
    let start = Start { identity: Arc::new(identity(scenario.execution_type)), input: items, input_text: None };
    let program = scenario.program();
    let mut execution = Execution::new(start, START);
    let mut outcome = step(&program, &mut execution, Signal::Start, turn());
    let Some(Effect::StartMapRun(start)) = outcome.effects.pop() else { panic!("no Map Run starts") };
    let mut map_run = MapRun::new(*start, START);
    let mut signals = VecDeque::from([MapRunSignal::Start]);
    let (mut records, mut root, mut largest) = (BTreeMap::new(), Vec::new(), 0);
    while let Some(signal) = signals.pop_front() {
        let ended = usize::from(matches!(signal, MapRunSignal::ChildEnded { .. }));
        let mut started = 0;
        for effect in map_run.step(&program, signal, START) {
            match effect {
                MapRunEffect::StartChild { start, child_of } => {
                    started += 1;
                    let mut child = Execution::of_map_run(*start, child_of.clone(), START);
                    step(&program, &mut child, Signal::Start, turn());
                    let end = Box::new(ChildEnd::of(&child));
                    signals.push_back(MapRunSignal::ChildEnded { child: child_of.child, end });
                }
                MapRunEffect::GoOn => signals.push_back(MapRunSignal::Continue),
                MapRunEffect::Ended(MapRunEnd::Succeeded(result)) => {
                    assert_eq!(result.as_array().map(|results| results.len()), Some(5_000));
                }
                other => panic!("{other:?}"),
            }
        }
        let writes = map_run.take_writes();
        let of_children: Vec<_> = writes.records.iter().filter(|(key, _)| *key > 1).collect();
        assert_eq!(of_children.len(), started + ended);
        let bytes = of_children.iter().flat_map(|(_, record)| record).map(Vec::len).sum::<usize>();
        largest = largest.max((bytes + writes.root.len()) / (1 + started));
        root = writes.root;
        records.extend(writes.records.into_iter().filter_map(|(key, record)| Some((key, record?))));
    }
    assert!(largest < 400, "{largest} bytes for a start or an end");
    let described = DescribedMapRun::decode(&root).unwrap();
    assert_eq!((described.status, described.item_counts.succeeded), (ExecutionStatus::Succeeded, 5_000));
    assert_eq!(described.results_written(&described.item_counts), 5_000);
    assert_eq!(MapRun::decode(&root, &records.into_iter().collect::<Vec<_>>()), Ok(map_run));
}
