//! Distributed Map: a Map Run and its children are entities of their own, and letters carry what passes between them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use stepwell_engine::{Described, DescribedMapRun, ErrorCause, ExecutionStatus, MapRunId, PayloadRef};
use stepwell_node::core::{ClosedChildren, Input, Limits};
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

/// What was sent while a shard was being read is found in the store, by then perhaps behind what was sent later.
#[test]
fn a_map_run_is_made_also_where_another_letter_has_overtaken_the_one_that_makes_it() {
    // The second comes before the store has said that there is no such Map Run, or is found after that.
    for found_later in [false, true] {
        let mut world = World::new();
        let definition = world.define(&each("STANDARD", r#""S": {"Type": "Wait", "Seconds": 3600, "End": true}"#));
        let (id, _) = world.submit(&definition, "one", "[1,2,3]");
        world.commit();
        world.request(|reply| Input::Stop(id, ErrorCause::default(), reply));
        world.commit();
        let mut opened = world.stop_and_open();
        let mut letters: Vec<_> = opened.iter_mut().flat_map(|shard| std::mem::take(&mut shard.mail)).collect();
        assert_eq!(letters.len(), 2, "to start, and to stop");
        letters.reverse();
        letters.truncate(if found_later { 1 } else { 2 });
        let opened = opened.into_iter().map(|shard| Input::Opened(Box::new(shard)));
        world.input_all(opened.chain(letters.into_iter().map(|letter| Input::Letter(Box::new(letter)))));
        world.run();
        assert_eq!(described(&world, id).status, ExecutionStatus::Aborted, "{found_later}");
        assert_eq!(mail(&world), 0, "{found_later}");
        assert_eq!(world.core.sizes(), (0, 0), "{found_later}");
    }
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

/// What is stored of the Express children of an execution's Map Run: `STATUS input output`, in the order of lists.
fn closed(world: &World, id: stepwell_engine::ExecutionId) -> Vec<String> {
    let map_run = MapRunId::of_arn(&described(world, id).map_run_arn);
    let mut children = ClosedChildren::new(world.store.as_ref(), &world.codec);
    let places = world.store.closed_children(map_run, None, None, 1_000).unwrap();
    let mut seen = BTreeSet::new();
    let label = |arn: &str| arn.rsplit_once(':').map(|(label, _)| format!("{label}:")).unwrap_or_default();
    let map_runs = label(&described(world, id).map_run_arn);
    let lines = places.iter().map(|(cursor, place)| {
        let child = children.read(*place).unwrap().expect("it is stored");
        assert_eq!(child.child_of.as_ref().map(|child_of| MapRunId::of_arn(&child_of.map_run_arn)), Some(map_run));
        assert_eq!(child.stopped, Some(cursor.sort));
        assert!(child.started <= cursor.sort);
        let found = world.store.closed_child(&map_runs, &child.identity.arn).unwrap();
        assert_eq!(found, Some(*place), "it is found by its ARN");
        assert!(seen.insert(child.identity.arn.clone()), "it is there once");
        let data = |payload: &PayloadRef| match payload {
            PayloadRef::Here(payload) => payload.text().to_string(),
            PayloadRef::Stored(_) => "left out".to_owned(),
        };
        let output = child.output.as_ref().map(|output| format!(" {}", data(output))).unwrap_or_default();
        format!("{} {}{output}", child.status.name(), data(&child.input))
    });
    lines.collect()
}

/// The inputs of the Express children that are shown as running.
fn running(world: &World, id: stepwell_engine::ExecutionId) -> Vec<String> {
    let map_run = MapRunId::of_arn(&described(world, id).map_run_arn);
    let children = world.core.running_children(map_run);
    for (_, child) in &children {
        assert_eq!(world.core.running_child(&child.identity.arn).as_ref(), Some(child));
        let found = world.store.closed_child("", &child.identity.arn).unwrap();
        assert_eq!(found, None, "it runs or it has ended");
    }
    let input = |child: &Described| match &child.input {
        PayloadRef::Here(payload) => payload.text().to_string(),
        PayloadRef::Stored(_) => unreachable!("it is in memory"),
    };
    children.iter().map(|(_, child)| input(child)).collect()
}

#[test]
fn express_children_are_shown_from_their_durable_start_to_their_durable_end_and_stored_then() {
    let mut world = World::new();
    let definition = world.define(&each("EXPRESS", r#""S": {"Type": "Pass", "End": true}"#));
    let long = format!("\"{}\"", "x".repeat(200));
    let id = world.start(&definition, "one", &format!("[1,{long},3,4]"));
    assert_eq!(running(&world, id), ["1", &long, "3"]);
    assert!(closed(&world, id).is_empty());
    world.now = world.now.after_ms(5);
    world.finish_express();
    assert_eq!(running(&world, id).len(), 3, "its end is not durable");
    world.commit();
    assert_eq!(running(&world, id), [&long, "3", "4"]);
    assert_eq!(closed(&world, id), ["SUCCEEDED 1 1"]);
    world.now = world.now.after_ms(5);
    while !world.express.is_empty() {
        world.finish_express();
        world.run();
    }
    assert_eq!(world.last_event(id), "ExecutionSucceeded");
    assert!(running(&world, id).is_empty());
    assert_eq!(closed(&world, id)[3], "SUCCEEDED 1 1", "the first to end comes last");
    assert!(closed(&world, id).contains(&format!("SUCCEEDED {long} {long}")));
    assert_eq!(world.core.sizes(), (0, 0));
    assert_eq!(world.core.open_express(), 0);
}

#[test]
fn express_children_that_run_when_their_map_run_closes_are_aborted_with_it() {
    let mut world = World::new();
    let definition = world.define(&each("EXPRESS", r#""S": {"Type": "Fail", "Error": "E"}"#));
    let id = world.start(&definition, "one", "[1,2,3,4]");
    world.finish_express();
    world.run();
    assert_eq!(world.last_event(id), "ExecutionFailed");
    let counts = described(&world, id).execution_counts;
    assert_eq!((counts.failed, counts.aborted, counts.total), (1, 2, 3));
    let mut children = closed(&world, id);
    children.sort();
    assert_eq!(children, ["ABORTED 2", "ABORTED 3", "FAILED 1"]);
    assert!(running(&world, id).is_empty());
    while !world.express.is_empty() {
        world.finish_express();
        world.run();
    }
    assert_eq!(closed(&world, id).len(), 3, "their ends come too late");
    assert_eq!(world.core.open_express(), 0);
}

#[test]
fn a_crash_after_any_commit_stores_each_express_child_once() {
    for stops in [false, true] {
        for crash_after in 1.. {
            let mut world = World::new();
            let definition = world.define(&each("EXPRESS", r#""S": {"Type": "Pass", "End": true}"#));
            let (id, _) = world.submit(&definition, "one", "[1,2,3,4,5,6,7]");
            let mut commits = 0;
            let mut has_stopped = false;
            for _ in 0..1_000 {
                if world.commit() {
                    commits += 1;
                    if commits == crash_after {
                        world.crash();
                    }
                    if stops && commits >= 4 && !has_stopped {
                        has_stopped = true;
                        world.request(|reply| Input::Stop(id, ErrorCause::default(), reply));
                    }
                } else if !world.express.is_empty() {
                    world.finish_express();
                } else if !world.turn() {
                    break;
                }
            }
            let run = described(&world, id);
            let counts = run.execution_counts;
            let context = format!("stops: {stops}, {crash_after}, {counts:?}");
            let status = if stops { ExecutionStatus::Aborted } else { ExecutionStatus::Succeeded };
            assert_eq!((run.status, counts.running), (status, 0), "{context}: {}", world.history(id));
            let children = closed(&world, id);
            let n = |status: &str| children.iter().filter(|child| child.starts_with(status)).count() as u64;
            assert_eq!((n("SUCCEEDED"), n("ABORTED")), (counts.succeeded, counts.aborted), "{context}");
            assert_eq!(children.len() as u64, counts.total, "{context}");
            assert_eq!((mail(&world), world.core.open_express()), (0, 0), "{context}");
            if commits < crash_after {
                assert!(crash_after > 5);
                break;
            }
        }
    }
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
fn each_express_child_is_stored_once_whatever_commit_fails_and_however() {
    for fault in [Fault::AnswerLost, Fault::Fenced, Fault::Full, Fault::Io] {
        for failing in 0..12 {
            let mut world = World::new();
            let definition = world.define(&each("EXPRESS", r#""S": {"Type": "Pass", "End": true}"#));
            let commits = AtomicU32::new(0);
            world.store.set_faults(move |call| {
                let is_commit = matches!(call, Call::Commit(_));
                (is_commit && commits.fetch_add(1, Ordering::SeqCst) == failing + 1).then_some(fault)
            });
            let id = world.start(&definition, "one", "[1,2,3,4,5,6]");
            while !world.express.is_empty() {
                world.finish_express();
                if !world.express.is_empty() {
                    world.finish_express();
                }
                world.pass(1_000);
            }
            let context = format!("{fault:?}, commit {failing}");
            assert_eq!(world.last_event(id), "ExecutionSucceeded", "{context}: {}", world.history(id));
            assert_eq!(closed(&world, id).len(), 6, "{context}");
            assert_eq!((mail(&world), world.core.open_express()), (0, 0), "{context}");
        }
    }
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
