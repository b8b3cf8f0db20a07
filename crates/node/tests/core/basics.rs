//! One execution from its start to its end, its tasks and its timers.

use expect_test::expect;
use stepwell_engine::{AttemptId, ErrorCause, FailureStage, Signal};
use stepwell_node::Refusal;
use stepwell_node::core::{Limits, Reply};
use stepwell_store::{Entity, Store};

use crate::world::{World, answered, succeeds};

pub(crate) const FIVE_PASSES: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Pass", "Next": "D"},
    "D": {"Type": "Pass", "Next": "E"}, "E": {"Type": "Pass", "End": true}}}"#;

pub(crate) const TWO_TASKS: &str = r#"{"StartAt": "One", "States": {
    "One": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Next": "Two"},
    "Two": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true}}}"#;

pub(crate) const NAP: &str = r#"{"StartAt": "Nap", "States": {
    "Nap": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Done"}, "Done": {"Type": "Succeed"}}}"#;

pub(crate) const ENDLESS: &str = r#"{"StartAt": "Again", "States": {
    "Again": {"Type": "Choice", "Choices": [{"Variable": "$.enough", "IsPresent": true, "Next": "Done"}], "Default": "Again"},
    "Done": {"Type": "Succeed"}}}"#;

#[test]
fn a_start_is_answered_when_it_is_durable_and_not_before() {
    let mut world = World::new();
    let definition = world.define(FIVE_PASSES);
    let (id, answer) = world.submit(&definition, "one", "{}");
    assert_eq!(answered(&answer), None);
    assert_eq!(world.queue.len(), 1, "twelve events, one commit");
    world.commit();
    assert!(matches!(answered(&answer), Some(Ok(Reply::Started(started))) if started.id == id));
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  PassStateEntered A
        3   <2  PassStateExited A {}
        4   <3  PassStateEntered B
        5   <4  PassStateExited B {}
        6   <5  PassStateEntered C
        7   <6  PassStateExited C {}
        8   <7  PassStateEntered D
        9   <8  PassStateExited D {}
        10  <9  PassStateEntered E
        11  <10 PassStateExited E {}
        12  <11 ExecutionSucceeded {}
    "#]]
    .assert_eq(&world.history(id));
    assert_eq!(world.core.sizes(), (0, 0), "what has ended leaves nothing in memory");
}

#[test]
fn a_call_leaves_when_its_schedule_is_durable_and_its_answer_is_taken_once() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    let (id, _) = world.submit(&definition, "one", "{}");
    assert!(world.calls.is_empty());
    world.commit();
    assert_eq!(world.calls.len(), 1);
    let first = world.calls[0].clone();
    world.answer(succeeds("1"));
    assert!(world.calls.is_empty(), "the second call waits for its commit");
    world.run();
    assert_eq!(world.calls.len(), 1);
    // The first attempt's answer once more.
    world.calls.push_front(first);
    world.answer(succeeds("2"));
    world.answer(succeeds("3"));
    world.run();
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered One
        3   <2  LambdaFunctionScheduled
        4   <3  LambdaFunctionStarted
        5   <4  LambdaFunctionSucceeded
        6   <5  TaskStateExited One 1
        7   <6  TaskStateEntered Two
        8   <7  LambdaFunctionScheduled
        9   <8  LambdaFunctionStarted
        10  <9  LambdaFunctionSucceeded
        11  <10 TaskStateExited Two 3
        12  <11 ExecutionSucceeded 3
    "#]]
    .assert_eq(&world.history(id));
}

#[test]
fn two_executions_of_one_name_are_one_execution_and_a_refusal() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    let (first, one) = world.submit(&definition, "same", "{}");
    let (_, two) = world.submit(&definition, "same", "{}");
    world.run();
    assert!(matches!(answered(&one), Some(Ok(Reply::Started(_)))));
    assert_eq!(answered(&two), Some(Err(Refusal::NameTaken { holder: first })));
    assert_eq!(world.calls.len(), 1, "the refused one calls nobody");
    assert_eq!(world.core.open_calls(), 1);
    assert_eq!(world.core.sizes().0, 1);
}

#[test]
fn a_wait_ends_when_its_time_has_come_whether_that_is_near_or_far() {
    for seconds in [1, 29, 31, 59, 61, 89, 91, 3_600, 6 * 3_600] {
        let mut world = World::new();
        let definition = world.define(NAP);
        let started = world.now;
        let id = world.start(&definition, "one", &format!(r#"{{"seconds":{seconds}}}"#));
        world.pass(seconds * 1000 - 1);
        assert_eq!(world.last_event(id), "WaitStateEntered", "{seconds} s");
        world.pass(1);
        assert_eq!(world.last_event(id), "ExecutionSucceeded", "{seconds} s");
        let exited = world.events(id).into_iter().find(|event| event.kind.type_name() == "WaitStateExited");
        assert_eq!(exited.unwrap().timestamp, started.after_ms(seconds * 1000));
    }
}

#[test]
fn executions_that_wait_for_long_cost_no_memory() {
    let mut world = World::with(Limits { idle_bytes_max: 10_000, ..Limits::default() });
    let definition = world.define(NAP);
    for n in 0..100 {
        world.start(&definition, &format!("n{n}"), r#"{"seconds":7200}"#);
    }
    let (residents, timers) = world.core.sizes();
    assert!(residents <= 5, "{residents}");
    assert_eq!(timers, 0);
    world.pass(7_300_000);
    let (residents, timers) = world.core.sizes();
    assert_eq!((residents, timers), (0, 0));
    assert!(world.loads >= 95, "each was read when its time came");
}

#[test]
fn a_loop_without_end_lets_its_neighbours_and_a_stop_through() {
    let mut world = World::new();
    let endless = world.define(ENDLESS);
    let passes = world.define(FIVE_PASSES);
    let (endless, _) = world.submit(&endless, "endless", "{}");
    world.commit();
    for n in 0..5 {
        world.turn();
        let (neighbour, _) = world.submit(&passes, &format!("n{n}"), "{}");
        world.commit();
        assert_eq!(world.last_event(neighbour), "ExecutionSucceeded");
    }
    let stopped =
        world.request(|reply| stepwell_node::core::Input::Stop(endless, ErrorCause::new("Enough", "of it"), reply));
    world.run();
    assert!(matches!(answered(&stopped), Some(Ok(Reply::Stopped(_)))));
    assert_eq!(world.last_event(endless), "ExecutionAborted");
}

#[test]
fn a_loop_does_not_run_ahead_of_the_store_without_bound() {
    let mut world = World::new();
    let endless = world.define(ENDLESS);
    world.submit(&endless, "endless", "{}");
    world.commit();
    for _ in 0..100 {
        world.turn();
    }
    assert_eq!(world.queue.len(), 8);
    // Nothing calls for a turn that could do nothing.
    assert_ne!(world.core.next_turn(world.now), Some(world.now));
}

#[test]
fn a_task_times_out_and_its_call_is_cancelled() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task", "TimeoutSeconds": 5, "End": true,
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}}}"#,
    );
    let id = world.start(&definition, "one", "{}");
    let call = world.calls[0].clone();
    world.pass(5_000);
    assert_eq!(world.cancelled, [(id, AttemptId(0))]);
    world.calls.push_back(call);
    world.answer(succeeds("1"));
    world.run();
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Call
        3   <2  LambdaFunctionScheduled
        4   <3  LambdaFunctionStarted
        5   <4  LambdaFunctionTimedOut States.Timeout
        6   <5  ExecutionFailed States.Timeout
    "#]]
    .assert_eq(&world.history(id));
}

#[test]
fn a_retry_waits_and_calls_again() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2}]}}}"#,
    );
    let id = world.start(&definition, "one", "{}");
    world.answer(|request| Signal::TaskFailed {
        attempt: request.attempt,
        error: ErrorCause::new("Busy", "later"),
        stage: FailureStage::Run,
    });
    world.pass(1_999);
    assert!(world.calls.is_empty());
    world.pass(1);
    assert_eq!(world.calls.len(), 1);
    world.answer(succeeds("1"));
    world.run();
    assert_eq!(world.last_event(id), "ExecutionSucceeded");
    let root = world.store.root(Entity::Execution(id)).unwrap().unwrap();
    assert_eq!(root.revision.0, 4, "start, failure, retry, answer");
}

#[test]
fn a_hundred_answers_that_wait_for_the_store_become_few_commits() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}}}}}}"#,
    );
    let id = world.start(&definition, "one", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]");
    assert_eq!(world.calls.len(), 20);
    for _ in 0..20 {
        world.answer(succeeds("1"));
    }
    assert_eq!(world.queue.len(), 8, "the other answers wait");
    world.run();
    assert_eq!(world.last_event(id), "ExecutionSucceeded");
    let root = world.store.root(Entity::Execution(id)).unwrap().unwrap();
    assert!(root.revision.0 <= 11, "{:?}", root.revision);
}
