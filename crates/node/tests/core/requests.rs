//! Stop, redrive, task tokens, activities, deletion, and what is refused.

use expect_test::expect;
use stepwell_engine::{AttemptId, ErrorCause, ExecutionId, FailureStage, Signal};
use stepwell_node::core::{Input, Limits, Reply, Take};
use stepwell_node::{Refusal, TokenAnswer, Tokens, Waiting};
use stepwell_store::{Entity, Store};
use stepwell_value::{Str, Value};

use crate::basics::{ENDLESS, FIVE_PASSES, NAP, TWO_TASKS};
use crate::world::{World, answered, succeeds};

const ACTIVITY: &str = r#"{"StartAt": "Ship", "States": {"Ship": {"Type": "Task", "End": true, "HeartbeatSeconds": 30,
    "Resource": "arn:aws:states:us-east-1:123456789012:activity:ship"}}}"#;

pub(crate) const TOKEN: &str = r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "HeartbeatSeconds": 30,
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}}}}"#;

fn take(world: &mut World) -> Result<Reply, Refusal> {
    let (_, task) = world.waiting.pop_front().expect("a task waits");
    take_task(world, task)
}

fn take_task(world: &mut World, task: Waiting) -> Result<Reply, Refusal> {
    let Waiting { execution, attempt, input, again } = task;
    let take = Take { attempt, worker_name: Some(Str::from("w")), input, again };
    world.ask(|reply| Input::Take(execution, take, reply))
}

fn answer(world: &mut World, id: ExecutionId, answer: TokenAnswer) -> Result<Reply, Refusal> {
    world.ask(|reply| Input::Answer(id, AttemptId(0), answer, reply))
}

#[test]
fn an_execution_that_is_stopped_says_when_also_the_second_time() {
    let mut world = World::new();
    let definition = world.define(NAP);
    let id = world.start(&definition, "one", r#"{"seconds":7200}"#);
    world.pass(1_000);
    let stopped = world.now;
    let stop = |reply| Input::Stop(id, ErrorCause::new("Enough", "of it"), reply);
    assert_eq!(world.ask(stop), Ok(Reply::Stopped(stopped)));
    world.pass(1_000);
    let stop = |reply| Input::Stop(id, ErrorCause::default(), reply);
    assert_eq!(world.ask(stop), Ok(Reply::Stopped(stopped)));
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  WaitStateEntered Nap
        3   <0  ExecutionAborted Enough
    "#]]
    .assert_eq(&world.history(id));
    let nobody = |reply| Input::Stop(ExecutionId(7), ErrorCause::default(), reply);
    assert_eq!(world.ask(nobody), Err(Refusal::NotFound));
}

#[test]
fn an_answer_about_what_is_not_durable_yet_waits_for_it() {
    let mut world = World::new();
    let definition = world.define(NAP);
    let id = world.start(&definition, "one", r#"{"seconds":7200}"#);
    let first = world.request(|reply| Input::Stop(id, ErrorCause::default(), reply));
    let second = world.request(|reply| Input::Stop(id, ErrorCause::default(), reply));
    assert_eq!((answered(&first), answered(&second)), (None, None));
    world.commit();
    assert!(answered(&first).is_some() && answered(&second).is_some());
    assert_eq!(answered(&first), answered(&second));
}

#[test]
fn a_failed_execution_is_redriven_once_for_a_client_token() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    let id = world.start(&definition, "one", "{}");
    world.answer(succeeds("1"));
    world.run();
    world.answer(|request| Signal::TaskFailed {
        attempt: request.attempt,
        error: ErrorCause::new("Broken", "why"),
        stage: FailureStage::Run,
    });
    world.run();
    assert_eq!(world.last_event(id), "ExecutionFailed");
    world.pass(60_000);
    let redriven = world.now;
    let redrive = |reply| Input::Redrive(id, Some(Str::from("t1")), reply);
    assert_eq!(world.ask(redrive), Ok(Reply::Redriven(redriven)));
    world.pass(1_000);
    let redrive = |reply| Input::Redrive(id, Some(Str::from("t1")), reply);
    assert_eq!(world.ask(redrive), Ok(Reply::Redriven(redriven)));
    let redrive = |reply| Input::Redrive(id, Some(Str::from("t2")), reply);
    let running = Str::from("Execution is RUNNING and cannot be redriven");
    assert_eq!(world.ask(redrive), Err(Refusal::NotRedrivable(running)));
    assert_eq!(world.calls.len(), 1, "the second task alone");
    world.answer(succeeds("2"));
    world.run();
    assert_eq!(world.last_event(id), "ExecutionSucceeded");
}

#[test]
fn an_activity_is_taken_by_one_worker_and_answered_once() {
    let mut world = World::new();
    let definition = world.define(ACTIVITY);
    let id = world.start(&definition, "one", r#"{"a":1}"#);
    let (_, again) = world.waiting[0].clone();
    let Ok(Reply::Taken(task)) = take(&mut world) else { panic!("not taken") };
    assert_eq!(task.input, r#"{"a":1}"#);
    let claim = Tokens::new(b"key").open(&task.token).unwrap();
    assert_eq!((claim.execution, claim.attempt, claim.account), (id, AttemptId(0), 123_456_789_012));
    assert_eq!(take_task(&mut world, again), Err(Refusal::TaskTimedOut), "somebody else has it");
    assert_eq!(answer(&mut world, id, TokenAnswer::Success(Value::from(2_u32))), Ok(Reply::Answered));
    assert_eq!(answer(&mut world, id, TokenAnswer::Success(Value::from(3_u32))), Err(Refusal::TaskTimedOut));
    expect![[r#"
        1   <0  ExecutionStarted
        2   <0  TaskStateEntered Ship
        3   <2  ActivityScheduled
        4   <3  ActivityStarted
        5   <4  ActivitySucceeded
        6   <5  TaskStateExited Ship 2
        7   <6  ExecutionSucceeded 2
    "#]]
    .assert_eq(&world.history(id));
}

#[test]
fn a_task_whose_worker_had_gone_is_handed_to_the_next_with_the_same_token() {
    let mut world = World::new();
    let definition = world.define(ACTIVITY);
    let id = world.start(&definition, "one", "{}");
    let (_, task) = world.waiting[0].clone();
    let Ok(Reply::Taken(first)) = take(&mut world) else { panic!("not taken") };
    world.pass(20_000);
    let again = Waiting { again: true, ..task };
    assert_eq!(take_task(&mut world, again), Ok(Reply::Taken(first)));
    world.pass(20_000);
    assert_eq!(world.last_event(id), "ActivityStarted", "the second worker's time started when it took the task");
}

#[test]
fn an_activity_that_waits_without_its_input_at_hand_is_handed_over_with_it() {
    let mut world = World::new();
    let definition = world.define(ACTIVITY);
    world.start(&definition, "one", r#"{"a":1}"#);
    world.waiting[0].1.input = None;
    let Ok(Reply::Taken(task)) = take(&mut world) else { panic!("not taken") };
    assert_eq!(task.input, r#"{"a":1}"#);
}

#[test]
fn a_token_is_refused_when_nobody_waits_for_it() {
    let mut world = World::new();
    let definition = world.define(TOKEN);
    let id = world.start(&definition, "one", "{}");
    let unknown = world.ask(|reply| Input::Answer(id, AttemptId(1), TokenAnswer::Heartbeat, reply));
    assert_eq!(unknown, Err(Refusal::TaskDoesNotExist));
    let nobody = world.ask(|reply| Input::Answer(ExecutionId(9), AttemptId(0), TokenAnswer::Heartbeat, reply));
    assert_eq!(nobody, Err(Refusal::TaskDoesNotExist));
    world.ask(|reply| Input::Stop(id, ErrorCause::default(), reply)).unwrap();
    assert_eq!(answer(&mut world, id, TokenAnswer::Heartbeat), Err(Refusal::TaskTimedOut));
}

#[test]
fn heartbeats_keep_a_task_alive_and_few_of_them_are_written() {
    let mut world = World::new();
    let definition = world.define(TOKEN);
    let id = world.start(&definition, "one", "{}");
    world.answer(|request| Signal::TaskSubmitted { attempt: request.attempt, output: Value::Null });
    world.run();
    let revision = |world: &World| world.store.root(Entity::Execution(id)).unwrap().unwrap().revision.0;
    let before = revision(&world);
    for _ in 0..60 {
        world.pass(2_000);
        assert_eq!(answer(&mut world, id, TokenAnswer::Heartbeat), Ok(Reply::Answered));
    }
    assert_eq!(world.last_event(id), "TaskSubmitted");
    let written = revision(&world) - before;
    assert!((8..=12).contains(&written), "in 120 s one for each 10 s, but {written}");
    world.pass(29_999);
    assert_eq!(world.last_event(id), "TaskSubmitted");
    world.pass(1);
    assert_eq!(world.last_event(id), "ExecutionFailed");
}

/// A token is waited for, beside a loop that no step comes to the end of.
fn token_beside_a_loop() -> String {
    format!(
        r#"{{"StartAt": "Both", "States": {{"Both": {{"Type": "Parallel", "End": true, "Branches": [{TOKEN}, {ENDLESS}]}}}}}}"#
    )
}

#[test]
fn a_heartbeat_loses_nothing_of_what_its_execution_does_meanwhile() {
    let mut world = World::new();
    let definition = world.define(&token_beside_a_loop());
    let (id, _) = world.submit(&definition, "one", "{}");
    world.commit();
    world.answer(|request| Signal::TaskSubmitted { attempt: request.attempt, output: Value::Null });
    world.commit();
    let heartbeat = |reply| Input::Answer(id, AttemptId(0), TokenAnswer::Heartbeat, reply);
    let answer = world.request(heartbeat);
    assert_eq!(answered(&answer), None, "what its step did is on its way to the store");
    world.run();
    assert_eq!(answered(&answer), Some(Ok(Reply::Answered)));
    // It looks for gaps.
    assert_eq!(world.events(id).len(), 25_000);
}

#[test]
fn an_answer_that_comes_too_late_loses_nothing_of_what_its_execution_does_meanwhile() {
    let mut world = World::new();
    let definition = world.define(&token_beside_a_loop());
    let (id, _) = world.submit(&definition, "one", "{}");
    world.commit();
    let call = world.calls[0].clone();
    world.answer(|request| Signal::TaskSubmitted { attempt: request.attempt, output: Value::Null });
    world.commit();
    world.calls.push_front(call);
    world.answer(|request| Signal::TaskSubmitted { attempt: request.attempt, output: Value::Null });
    world.run();
    assert_eq!(world.events(id).len(), 25_000);
}

#[test]
fn executions_of_a_deleted_machine_end_at_their_next_transition() {
    let mut world = World::new();
    let tasks = world.define(TWO_TASKS);
    let naps = world.define(NAP);
    let task = world.start(&tasks, "one", "{}");
    let nap = world.start(&naps, "two", r#"{"seconds":10}"#);
    world.input(Input::MachineDeleted(tasks.machine));
    world.input(Input::MachineDeleted(naps.machine));
    world.run();
    assert_eq!(world.last_event(task), "LambdaFunctionStarted");
    world.answer(succeeds("1"));
    world.run();
    assert_eq!(world.last_event(task), "ExecutionAborted");
    world.pass(10_000);
    assert_eq!(world.last_event(nap), "ExecutionAborted");
    let redrive = world.ask(|reply| Input::Redrive(nap, None, reply));
    assert_eq!(redrive, Err(Refusal::NotRedrivable(Str::from("State machine is in DELETING status."))));
}

#[test]
fn too_many_requests_are_refused_and_nothing_grows() {
    let mut world = World::with(Limits { commits_max: 10, inbox_max: 5, ..Limits::default() });
    let definition = world.define(FIVE_PASSES);
    let answers: Vec<_> = (0..20).map(|n| world.submit(&definition, &format!("n{n}"), "{}").1).collect();
    assert_eq!(world.queue.len(), 10);
    assert_eq!(answered(&answers[10]), Some(Err(Refusal::Throttled)));
    world.run();
    assert!(answers[..10].iter().all(|answer| matches!(answered(answer), Some(Ok(_)))));

    let definition = world.define(NAP);
    let id = world.start(&definition, "nap", r#"{"seconds":7200}"#);
    let stops: Vec<_> = (0..20).map(|_| world.request(|reply| Input::Stop(id, ErrorCause::default(), reply))).collect();
    world.run();
    assert!(stops.iter().all(|stop| answered(stop).is_some()));
}

#[test]
fn an_execution_that_is_being_read_keeps_no_more_requests_than_its_inbox_has_room_for() {
    let mut world = World::with(Limits { inbox_max: 5, idle_bytes_max: 0, ..Limits::default() });
    let definition = world.define(NAP);
    let id = world.start(&definition, "nap", r#"{"seconds":7200}"#);
    assert_eq!(world.core.sizes().0, 0);
    let mut out = Vec::new();
    let answers: Vec<_> = (0..8)
        .map(|_| {
            let answer = crate::world::Answer::default();
            let slot = answer.clone();
            let reply = stepwell_node::core::ReplyTo::new(move |answer| *slot.lock().unwrap() = Some(answer));
            // Not through the world: it would read the execution at once.
            world.core.handle(Input::Stop(id, ErrorCause::default(), reply), world.now, &mut out);
            answer
        })
        .collect();
    let refused = out.iter().filter(|output| matches!(output, stepwell_node::core::Output::Release(_))).count();
    assert_eq!(refused, 3);
    drop(answers);
}
