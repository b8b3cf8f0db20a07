//! Commits that fail: the shard's memory is dropped, nobody is answered wrongly, and everything goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stepwell_engine::{AttemptId, ErrorCause, ExecutionId, Start, Timestamp};
use stepwell_node::core::{Input, Limits, NewStart, Output, Reply};
use stepwell_node::{Definition, Refusal, TokenAnswer};
use stepwell_store::memory::{Call, Fault};
use stepwell_store::{Create, Entity, Shards, Store};
use stepwell_value::{Str, parse};

use crate::basics::{ENDLESS, FIVE_PASSES, NAP, TWO_TASKS};
use crate::world::{Answer, FOREVER, World, answered, identity, succeeds};

const FAULTS: [Fault; 5] = [Fault::AnswerLost, Fault::Fenced, Fault::Full, Fault::Io, Fault::Away];

/// The next commit fails so, and no other.
fn fail_once(world: &World, fault: Fault) {
    let failed = AtomicBool::new(false);
    world.store.set_faults(move |call| {
        let is_first = matches!(call, Call::Commit(_)) && !failed.swap(true, Ordering::SeqCst);
        is_first.then_some(fault)
    });
}

#[test]
fn a_start_whose_commit_fails_is_not_acknowledged_and_can_be_repeated() {
    for fault in FAULTS {
        let mut world = World::new();
        let definition = world.define(FIVE_PASSES);
        fail_once(&world, fault);
        let (lost, answer) = world.submit(&definition, "one", "{}");
        world.run();
        assert_eq!(answered(&answer), Some(Err(Refusal::Away)), "{fault:?}");
        assert_eq!(world.core.sizes(), (0, 0), "{fault:?}");
        let (id, answer) = world.submit(&definition, "one", "{}");
        world.run();
        match fault {
            // It was durable, and nobody knew.
            Fault::AnswerLost => {
                assert_eq!(answered(&answer), Some(Err(Refusal::NameTaken { holder: lost })));
                assert_eq!(world.last_event(lost), "ExecutionSucceeded");
            }
            _ => {
                assert!(matches!(answered(&answer), Some(Ok(Reply::Started(_)))), "{fault:?}: {answer:?}");
                assert_eq!(world.last_event(id), "ExecutionSucceeded");
            }
        }
    }
}

#[test]
fn a_call_whose_schedule_was_not_committed_does_not_leave() {
    for fault in FAULTS {
        let mut world = World::new();
        let definition = world.define(TWO_TASKS);
        let id = world.start(&definition, "one", "{}");
        fail_once(&world, fault);
        world.answer(succeeds("1"));
        world.run();
        let history = world.history(id);
        if fault == Fault::AnswerLost {
            // The second call was to leave, and whether it did nobody can tell: it is in doubt.
            assert!(world.calls.is_empty(), "{fault:?}: {history}");
            assert_eq!(world.core.open_calls(), 0, "{fault:?}");
            assert!(history.contains("Failed Lambda.SdkClientException"), "{fault:?}: {history}");
            assert_eq!(history.matches("ExecutionFailed").count(), 1);
            continue;
        }
        // The answer of the first is still known, and is taken once more.
        assert_eq!((world.calls.len(), world.calls[0].request.state.as_str()), (1, "Two"), "{fault:?}: {history}");
        world.answer(succeeds("2"));
        world.run();
        assert_eq!(world.last_event(id), "ExecutionSucceeded", "{fault:?}: {}", world.history(id));
    }
}

#[test]
fn a_call_under_way_survives_the_failure_of_a_neighbours_commit() {
    for fault in FAULTS {
        let mut world = World::new();
        let definition = world.define(TWO_TASKS);
        let id = world.start(&definition, "one", "{}");
        // Another execution of the same shard.
        let neighbour = (1..).map(ExecutionId).find(|other| other.shard() == id.shard()).unwrap();
        fail_once(&world, fault);
        let shard = id.shard();
        start_as(&mut world, &definition, neighbour, "{}");
        world.run();
        assert!(world.core.has_open(shard), "{fault:?}");
        let mut calls = std::mem::take(&mut world.calls);
        calls.retain(|call| call.identity.id == id);
        assert_eq!(calls.len(), 1);
        world.calls = calls;
        world.answer(succeeds("1"));
        world.run();
        world.calls.retain(|call| call.identity.id == id);
        world.answer(succeeds("2"));
        world.run();
        assert_eq!(world.last_event(id), "ExecutionSucceeded", "{fault:?}: {}", world.history(id));
    }
}

fn start_as(world: &mut World, definition: &Arc<Definition>, id: ExecutionId, input: &str) -> Answer {
    let start = Start { identity: Arc::new(identity(id, "neighbour")), input: parse(input).unwrap(), input_text: None };
    let create = Create {
        machine: definition.machine,
        definition: definition.row,
        name: Str::from(":neighbour"),
        version: None,
        alias: None,
        map_run: None,
        execution: None,
    };
    let new = NewStart { start, create, definition: definition.clone() };
    world.request(|reply| Input::Start(Box::new(new), reply))
}

#[test]
fn an_answer_that_comes_while_its_shard_cannot_be_written_or_is_being_read_is_taken_afterwards() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    let id = world.start(&definition, "one", "{}");
    world.store.set_faults(|call| matches!(call, Call::Commit(_)).then_some(Fault::Full));
    world.answer(succeeds("1"));
    world.commit();
    for _ in 0..3 {
        world.reopen();
        while world.turn() || world.commit() {}
    }
    assert!(world.calls.is_empty());
    world.store.set_faults(|_| None);
    world.run();
    assert_eq!(world.calls[0].request.state, "Two");

    // The second is answered after its shard was lost, and before it is read again.
    let neighbour = (1..).map(ExecutionId).find(|other| other.shard() == id.shard()).unwrap();
    fail_once(&world, Fault::Io);
    start_as(&mut world, &definition, neighbour, "{}");
    world.commit();
    assert!(!world.core.has_open(id.shard()));
    world.answer(succeeds("2"));
    world.run();
    assert_eq!(world.last_event(id), "ExecutionSucceeded", "{}", world.history(id));
    assert_eq!(world.history(id).matches("Failed").count(), 0);
}

#[test]
fn everyone_who_waits_for_a_shard_is_told_when_its_memory_is_lost() {
    let mut world = World::new();
    let definition = world.define(NAP);
    let id = world.start(&definition, "one", r#"{"seconds":7200}"#);
    fail_once(&world, Fault::Io);
    let stops: Vec<_> = (0..5).map(|_| world.request(|reply| Input::Stop(id, ErrorCause::default(), reply))).collect();
    world.commit();
    for stop in stops {
        assert_eq!(answered(&stop), Some(Err(Refusal::Away)));
    }
    assert!(!world.core.has_open(id.shard()));
    let early = world.request(|reply| Input::Stop(id, ErrorCause::default(), reply));
    assert_eq!(answered(&early), Some(Err(Refusal::Away)), "the shard is being read");
    world.run();
    assert_eq!(world.last_event(id), "WaitStateEntered");
    assert!(matches!(world.ask(|reply| Input::Stop(id, ErrorCause::default(), reply)), Ok(Reply::Stopped(_))));
}

#[test]
fn what_was_made_upon_a_lost_transition_is_lost_with_it() {
    let mut world = World::new();
    let endless = world.define(ENDLESS);
    let (id, _) = world.submit(&endless, "endless", "{}");
    world.commit();
    fail_once(&world, Fault::Fenced);
    for _ in 0..5 {
        world.turn();
    }
    assert_eq!(world.queue.len(), 5);
    // One batch after the other, as several of the committer's.
    world.commit();
    let revision = world.store.root(Entity::Execution(id)).unwrap().unwrap().revision.0;
    assert_eq!(revision, 1, "a fenced writer writes nothing");
    world.reopen();
    for _ in 0..10 {
        world.turn();
        world.commit();
    }
    assert!(world.store.root(Entity::Execution(id)).unwrap().unwrap().revision.0 > 3);
    assert_eq!(world.events(id).len() % 1_000, 0);
}

#[test]
fn a_timer_survives_the_failure_of_its_commit() {
    for fault in FAULTS {
        let mut world = World::new();
        let definition = world.define(NAP);
        let id = world.start(&definition, "one", r#"{"seconds":10}"#);
        fail_once(&world, fault);
        world.pass(10_000);
        world.pass(1_000);
        assert_eq!(world.last_event(id), "ExecutionSucceeded", "{fault:?}");
        assert_eq!(world.events(id).len(), 6, "{fault:?}: {}", world.history(id));
    }
}

#[test]
fn what_is_damaged_concerns_its_own_execution_alone() {
    let mut world = World::with(Limits { idle_bytes_max: 0, ..Limits::default() });
    let damaged = world.define(NAP);
    let whole = world.define(NAP);
    let one = world.start(&damaged, "one", r#"{"seconds":10}"#);
    let two = (1..).map(ExecutionId).find(|other| other.shard() == one.shard()).unwrap();
    start_as(&mut world, &whole, two, r#"{"seconds":10}"#);
    world.run();
    world.catalogue.definitions.lock().unwrap().remove(&damaged.row);
    assert_eq!(world.ask(|reply| Input::Stop(one, ErrorCause::default(), reply)), Err(Refusal::Away));
    world.pass(10_000);
    assert_eq!(world.last_event(one), "WaitStateEntered");
    assert_eq!(world.last_event(two), "ExecutionSucceeded");
    world.catalogue.definitions.lock().unwrap().insert(damaged.row, damaged.clone());
    world.pass(60_000);
    assert_eq!(world.last_event(one), "ExecutionSucceeded", "it is found again when it can be read");
}

#[test]
fn an_express_execution_whose_end_is_durable_is_forgotten_also_if_nobody_was_told_so() {
    for fault in FAULTS {
        let mut world = World::new();
        world.start_express("one");
        fail_once(&world, fault);
        world.finish_express();
        world.run();
        assert_eq!(world.core.open_express(), 0, "{fault:?}");
        assert!(world.store.express_open(&Shards::ALL).unwrap().is_empty(), "{fault:?}");
    }
}

#[test]
fn a_shard_that_could_not_be_read_is_not_read_again_before_its_commits_have_arrived() {
    let mut world = World::with(Limits { idle_bytes_max: 0, ..Limits::default() });
    let token = world.define(crate::requests::TOKEN);
    let nap = world.define(NAP);
    let sleeps = world.start(&nap, "sleeps", r#"{"seconds":7200}"#);
    let id = (1..).map(ExecutionId).find(|other| other.shard() == sleeps.shard()).unwrap();
    start_as(&mut world, &token, id, "{}");
    // The start is on its way to the store when reading another execution of the shard fails.
    world.store.set_faults(|call| matches!(call, Call::Read).then_some(Fault::Away));
    world.request(|reply| Input::Stop(sleeps, ErrorCause::default(), reply));
    world.store.set_faults(|_| None);
    assert!(!world.core.has_open(id.shard()));
    assert!(!world.reopen(), "what is on its way would be missing");
    world.run();
    assert!(world.core.has_open(id.shard()));
    let answer = world.ask(|reply| Input::Answer(id, AttemptId(0), TokenAnswer::Heartbeat, reply));
    assert_eq!(answer, Ok(Reply::Answered), "{}", world.history(id));
}

#[test]
fn where_there_are_other_nodes_nobody_is_refused_out_of_a_memory_that_is_no_longer_the_owners() {
    let mut world = World::with(Limits { mail_every_ms: Some(500), ..Limits::default() });
    let definition = world.define(crate::requests::TOKEN);
    let id = world.start(&definition, "one", "{}");
    // Another node has the shard, and this one does not know.
    world.store.renew(&[world.leases[&id.shard().0]], Timestamp(0)).unwrap();
    let mut want = Shards::NONE;
    want.insert(id.shard());
    world.store.claim("other", &want, world.now, FOREVER).unwrap();
    let unknown = world.request(|reply| Input::Answer(id, AttemptId(7), TokenAnswer::Heartbeat, reply));
    assert_eq!(answered(&unknown), None, "the store has yet to say whose the shard is");
    world.commit();
    assert_eq!(answered(&unknown), Some(Err(Refusal::Away)));
    assert!(!world.core.has_open(id.shard()));
}

#[test]
fn what_is_being_read_because_it_owes_something_wants_no_turns() {
    let mut world = World::new();
    let definition = world.define(TWO_TASKS);
    for n in 0..3 {
        world.start(&definition, &format!("n{n}"), "{}");
    }
    let opened = world.stop_and_open();
    let mut out = Vec::new();
    for shard in opened {
        world.core.handle(Input::Opened(Box::new(shard)), world.now, &mut out);
    }
    // The letters are looked at, and the three are asked for: by then nothing is left to do but to wait for both.
    for _ in 0..3 {
        world.core.handle(Input::Turn, world.now, &mut out);
    }
    assert_eq!(out.iter().filter(|output| matches!(output, Output::Load(..))).count(), 3);
    assert!(world.core.next_turn(world.now).is_none_or(|next| next > world.now));
}
