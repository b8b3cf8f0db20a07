//! What a crash leaves is taken up again.

use expect_test::expect;
use stepwell_asl::program::ExecutionType;
use stepwell_engine::{AttemptId, Signal};
use stepwell_node::TokenAnswer;
use stepwell_node::core::{Input, NewStart, Reply, Take};
use stepwell_store::{Create, Shards, Store};
use stepwell_value::{Str, Value, parse};

use crate::basics::{NAP, TWO_TASKS};
use crate::world::{World, answered, identity, succeeds};

#[test]
fn a_call_under_way_is_in_doubt_after_a_crash_and_fails() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    let id = world.start(&definition, "one", "{}");
    world.crash();
    assert!(world.calls.is_empty(), "it is not called again");
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered One
        3   <2  LambdaFunctionScheduled
        4   <3  LambdaFunctionStarted
        5   <4  LambdaFunctionFailed Lambda.SdkClientException
        6   <5  ExecutionFailed Lambda.SdkClientException
    "#]]
    .assert_eq(&world.history(id));
}

#[test]
fn waits_go_on_after_a_crash_and_those_that_were_over_by_then_end_at_once() {
    let mut world = World::new();
    let definition = world.define(NAP);
    let soon = world.start(&definition, "soon", r#"{"seconds":10}"#);
    let late = world.start(&definition, "late", r#"{"seconds":7200}"#);
    world.now = world.now.after_ms(60_000);
    world.crash();
    assert_eq!(world.last_event(soon), "ExecutionSucceeded");
    assert_eq!(world.last_event(late), "WaitStateEntered");
    world.pass(7_140_000);
    assert_eq!(world.last_event(late), "ExecutionSucceeded");
}

#[test]
fn an_activity_that_nobody_had_taken_waits_again_and_one_that_was_taken_does_not() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Ship", "States": {"Ship": {"Type": "Task", "End": true, "HeartbeatSeconds": 30,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:ship"}}}"#,
    );
    let taken = world.start(&definition, "taken", "1");
    let untaken = world.start(&definition, "untaken", "2");
    let (_, task) = world.waiting.pop_front().unwrap();
    let take = Take { attempt: task.attempt, worker_name: None, input: task.input, again: false };
    world.ask(|reply| Input::Take(taken, take, reply)).unwrap();
    world.crash();
    let waiting: Vec<_> = world.waiting.iter().map(|(_, task)| task.execution).collect();
    assert_eq!(waiting, [untaken]);
    let (_, task) = world.waiting[0].clone();
    assert_eq!(task.input.map(|input| input.text()), Some(Str::from("2")));
    let done = world.ask(|reply| Input::Answer(taken, AttemptId(0), TokenAnswer::Success(Value::Null), reply));
    assert_eq!(done, Ok(Reply::Answered));
    assert_eq!(world.last_event(taken), "ExecutionSucceeded");
}

#[test]
fn a_task_with_heartbeats_gets_one_full_interval_anew_after_a_crash() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "HeartbeatSeconds": 30,
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}}}}"#,
    );
    let id = world.start(&definition, "one", "{}");
    world.answer(|request| Signal::TaskSubmitted { attempt: request.attempt, output: Value::Null });
    world.run();
    // Nobody could send a heartbeat in this time.
    world.now = world.now.after_ms(100_000);
    world.crash();
    assert_eq!(world.last_event(id), "TaskSubmitted");
    world.pass(29_999);
    assert_eq!(world.last_event(id), "TaskSubmitted");
    world.pass(1);
    assert_eq!(world.last_event(id), "ExecutionFailed");
}

#[test]
fn a_loop_goes_on_after_a_crash() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"QueryLanguage": "JSONata", "StartAt": "Count", "States": {
            "Count": {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}, "Next": "More"},
            "More": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n < 2000 %}", "Next": "Count"}],
                "Default": "Done"},
            "Done": {"Type": "Succeed"}}}"#,
    );
    let (id, _) = world.submit(&definition, "one", r#"{"n":0}"#);
    world.commit();
    assert_eq!(world.events(id).len(), 1_000);
    world.crash();
    assert_eq!(world.last_event(id), "ExecutionSucceeded");
    assert_eq!(world.events(id).len(), 8_004);
}

#[test]
fn an_asynchronous_express_execution_starts_over_until_its_end_is_durable() {
    let mut world = World::new();
    let definition =
        world.define_as(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#, ExecutionType::Express);
    let mut identity = identity(stepwell_engine::ExecutionId(5 << 80), "one");
    identity.execution_type = ExecutionType::Express;
    let large = format!("[{}1]", "1,".repeat(200));
    let start = stepwell_engine::Start {
        identity: std::sync::Arc::new(identity),
        input: parse(&large).unwrap(),
        input_text: Some(Str::from(format!(" {large} "))),
    };
    let create = Create {
        machine: definition.machine,
        definition: definition.row,
        name: Str::from(":one"),
        version: None,
        alias: None,
        map_run: None,
        execution: None,
    };
    let new = NewStart { start, create, definition };
    let answer = world.request(|reply| Input::Start(Box::new(new), reply));
    assert!(world.express.is_empty() && answered(&answer).is_none());
    world.run();
    assert!(matches!(answered(&answer), Some(Ok(Reply::Started(_)))));
    assert_eq!(world.express.len(), 1);
    world.crash();
    assert_eq!(world.express.len(), 1, "it starts over");
    let ended = world.finish_express();
    assert_eq!(ended.input().text(), format!(" {large} "));
    world.run();
    assert!(world.store.express_open(&Shards::ALL).unwrap().is_empty());
    world.crash();
    assert!(world.express.is_empty());
}

/// A crash after each commit in turn: the history is that of a calm run, but for the call that was in doubt.
#[test]
fn a_crash_after_any_commit_loses_nothing() {
    let definition = r#"{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {"Type": "Pass", "End": true}}},
        {"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Retry": [{"ErrorEquals": ["Lambda.SdkClientException"], "IntervalSeconds": 1}]}}}]}}}"#;
    for crash_after in 1.. {
        let mut world = World::new();
        let definition = world.define(definition);
        let (id, _) = world.submit(&definition, "one", "{}");
        let mut commits = 0;
        let mut crashed = false;
        for _ in 0..100 {
            if world.commit() {
                commits += 1;
                if commits == crash_after {
                    world.crash();
                    crashed = true;
                }
            } else if !world.calls.is_empty() {
                world.answer(succeeds("1"));
            } else if !world.turn() {
                match world.core.next_turn(world.now) {
                    Some(next) if world.last_event(id) != "ExecutionSucceeded" => world.now = next,
                    _ => break,
                }
            }
        }
        assert_eq!(
            world.last_event(id),
            "ExecutionSucceeded",
            "crash after commit {crash_after}: {}",
            world.history(id)
        );
        if !crashed {
            assert!(crash_after >= 4);
            break;
        }
    }
}

#[test]
fn a_node_that_stops_in_peace_calls_nobody_any_more_and_leaves_no_call_in_doubt() {
    let mut world = World::new();
    let tasks = world.define(TWO_TASKS);
    let naps = world.define(NAP);
    let id = world.start(&tasks, "one", "{}");
    let nap = world.start(&naps, "two", r#"{"seconds":10}"#);
    world.input(Input::Drain);
    assert_eq!(world.core.open_calls(), 1, "worth waiting for");
    world.answer(succeeds("1"));
    world.run();
    assert_eq!((world.core.open_calls(), world.calls.len()), (0, 0), "the second task waits for the next start");
    let late = world.ask(|reply| Input::Redrive(nap, None, reply));
    assert_eq!(late, Err(stepwell_node::Refusal::Away));
    world.pass(60_000);
    assert_eq!(world.last_event(nap), "WaitStateEntered");
    world.crash();
    assert_eq!(world.last_event(nap), "ExecutionSucceeded");
    assert_eq!(world.calls.len(), 1);
    world.answer(succeeds("2"));
    world.run();
    let history = world.history(id);
    assert!(history.ends_with("ExecutionSucceeded 2\n") && !history.contains("Failed"), "{history}");
    assert!(world.store.mail(&Shards::ALL, stepwell_store::LetterId(0), 10).unwrap().is_empty());
}
