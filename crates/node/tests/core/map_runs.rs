//! Distributed Map: a Map Run and its children are entities of their own, and letters carry what passes between them.

use std::sync::atomic::{AtomicU32, Ordering};

use stepwell_engine::{DescribedMapRun, ErrorCause, ExecutionStatus, MapRunId};
use stepwell_node::core::{Input, Limits};
use stepwell_store::memory::{Call, Fault};
use stepwell_store::{Entity, LetterId, ListOf, ListQuery, Place, Shards, Store};

use crate::world::{World, succeeds};

fn each(execution_type: &str, states: &str) -> String {
    format!(
        r#"{{"StartAt": "Each", "States": {{"Each": {{"Type": "Map", "End": true, "MaxConcurrency": 3, "Label": "L",
            "ItemProcessor": {{"ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "{execution_type}"}},
            "StartAt": "S", "States": {{{states}}}}}}}}}}}"#
    )
}

fn described(world: &World, id: stepwell_engine::ExecutionId) -> DescribedMapRun {
    let run = world.store.map_runs(id, None, 10).unwrap().pop().expect("a Map Run");
    let entity = Entity::MapRun(MapRunId(run.cursor.id));
    DescribedMapRun::decode(&world.codec.open(Place::Root(entity), &run.root.record).unwrap()).unwrap()
}

fn mail(world: &World) -> usize {
    world.store.mail(&Shards::ALL, LetterId(0), 100).unwrap().len()
}

#[test]
fn standard_children_are_executions_and_their_results_come_back() {
    let mut world = World::new();
    let definition = world.define(&each(
        "STANDARD",
        r#""S": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true}"#,
    ));
    let id = world.start(&definition, "one", "[1,2,3,4,5]");
    assert_eq!(world.calls.len(), 3, "MaxConcurrency");
    let run = described(&world, id);
    assert_eq!((run.status, run.item_counts.running, run.item_counts.pending), (ExecutionStatus::Running, 3, 2));
    for n in 0..5 {
        world.answer(succeeds(&format!("{n}")));
        world.run();
    }
    assert_eq!(world.last_event(id), "ExecutionSucceeded", "{}", world.history(id));
    assert!(world.history(id).ends_with("ExecutionSucceeded [0,1,2,3,4]\n"), "{}", world.history(id));
    let run = described(&world, id);
    assert_eq!((run.status, run.execution_counts.succeeded), (ExecutionStatus::Succeeded, 5));
    let of = ListOf::MapRun(MapRunId::of_arn(&run.map_run_arn));
    let children =
        world.store.list(&ListQuery { of, qualifier: None, status: None, redriven: None }, None, 10).unwrap();
    assert_eq!(children.len(), 5);
    assert_eq!(mail(&world), 0, "every letter was taken");
    assert_eq!(world.core.sizes(), (0, 0));
}

#[test]
fn a_stopped_parent_stops_its_map_run_and_that_its_children() {
    let mut world = World::new();
    let definition = world.define(&each("STANDARD", r#""S": {"Type": "Wait", "Seconds": 3600, "End": true}"#));
    let id = world.start(&definition, "one", "[1,2,3,4,5]");
    world.ask(|reply| Input::Stop(id, ErrorCause::default(), reply)).unwrap();
    let run = described(&world, id);
    assert_eq!(run.status, ExecutionStatus::Aborted);
    let of = ListOf::MapRun(MapRunId::of_arn(&run.map_run_arn));
    let status = Some(ExecutionStatus::Aborted);
    let aborted = world.store.list(&ListQuery { of, qualifier: None, status, redriven: None }, None, 10).unwrap();
    assert_eq!(aborted.len(), 3);
    assert_eq!(mail(&world), 0);
    assert_eq!(world.core.sizes(), (0, 0));
}

#[test]
fn a_crash_after_any_commit_loses_no_child_and_starts_none_twice() {
    for crash_after in 1.. {
        let mut world = World::new();
        let definition = world.define(&each("STANDARD", r#""S": {"Type": "Wait", "Seconds": 1, "End": true}"#));
        let (id, _) = world.submit(&definition, "one", "[1,2,3,4]");
        let mut commits = 0;
        let mut crashed = false;
        for _ in 0..1_000 {
            if world.commit() {
                commits += 1;
                if commits == crash_after {
                    world.crash();
                    crashed = true;
                }
            } else if !world.turn() {
                match world.core.next_turn(world.now) {
                    Some(next) if world.last_event(id) != "ExecutionSucceeded" => world.now = next,
                    _ => break,
                }
            }
        }
        assert_eq!(world.last_event(id), "ExecutionSucceeded", "{crash_after}: {}", world.history(id));
        let run = described(&world, id);
        assert_eq!((run.execution_counts.total, run.execution_counts.succeeded), (4, 4), "{crash_after}");
        assert_eq!(mail(&world), 0, "{crash_after}");
        if !crashed {
            assert!(crash_after > 5);
            break;
        }
    }
}

#[test]
fn express_children_run_in_memory_and_start_over_after_a_crash() {
    let mut world = World::new();
    let definition = world.define(&each("EXPRESS", r#""S": {"Type": "Pass", "End": true}"#));
    let id = world.start(&definition, "one", "[1,2,3,4,5]");
    assert_eq!(world.express.len(), 3);
    world.finish_express();
    world.run();
    assert_eq!(world.express.len(), 3, "another one has taken its place");
    world.crash();
    assert_eq!(world.express.len(), 3, "the open ones start over");
    while !world.express.is_empty() {
        world.finish_express();
        world.run();
    }
    assert!(world.history(id).ends_with("ExecutionSucceeded [1,2,3,4,5]\n"), "{}", world.history(id));
    assert_eq!(described(&world, id).execution_counts.succeeded, 5);
}

#[test]
fn what_needs_s3_ends_the_execution_and_says_so() {
    let mut world = World::new();
    let definition = world.define(
        r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Never"}],
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "b", "Key": "k"}},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "S", "States": {"S": {"Type": "Pass", "End": true}}}}, "Never": {"Type": "Pass", "End": true}}}"#,
    );
    let id = world.start(&definition, "one", "{}");
    assert!(world.history(id).ends_with("ExecutionFailed States.Runtime\n"), "{}", world.history(id));
}

#[test]
fn letters_of_another_node_are_found_by_looking() {
    // The letters of this core reach it by looking alone: as if all its receivers were another node's.
    let mut world = World::with(Limits { mail_every_ms: Some(500), ..Limits::default() });
    let definition = world.define(&each("STANDARD", r#""S": {"Type": "Wait", "Seconds": 1, "End": true}"#));
    let id = world.start(&definition, "one", "[1,2,3,4]");
    world.pass(5_000);
    assert!(world.history(id).contains("ExecutionSucceeded"), "{}", world.history(id));
    assert_eq!(described(&world, id).execution_counts.total, 4);
    assert_eq!(mail(&world), 0);
}

#[test]
fn no_letter_is_lost_whatever_commit_fails_and_however() {
    for fault in [Fault::AnswerLost, Fault::Fenced, Fault::Full, Fault::Io] {
        for failing in 0.. {
            let mut world = World::new();
            let definition = world.define(&each("STANDARD", r#""S": {"Type": "Wait", "Seconds": 1, "End": true}"#));
            let commits = AtomicU32::new(0);
            world.store.set_faults(move |call| {
                let is_commit = matches!(call, Call::Commit(_));
                (is_commit && commits.fetch_add(1, Ordering::SeqCst) == failing + 1).then_some(fault)
            });
            let id = world.start(&definition, "one", "[1,2,3,4]");
            world.pass(60_000);
            assert_eq!(
                world.last_event(id),
                "ExecutionSucceeded",
                "{fault:?}, commit {failing}: {}",
                world.history(id)
            );
            assert_eq!(described(&world, id).execution_counts.total, 4);
            assert_eq!(mail(&world), 0);
            if failing > 12 {
                break;
            }
        }
    }
}
