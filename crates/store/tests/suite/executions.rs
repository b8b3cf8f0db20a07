//! Transitions, their verdicts, and what is read of executions.

use stepwell_engine::ExecutionStatus::{Failed, Succeeded};
use stepwell_engine::{Epoch, ExecutionId, PayloadId, Timestamp};
use stepwell_store::{ExpressRecord, Lease, Revision, RowNumber, Shards, Verdict, Write};

use crate::world::{DEFINITION, MACHINE, World, execution, map_run, sealed, start, start_map_run, step};

crate::suite![
    a_transition_stores_root_records_payloads_and_events,
    records_change_and_go,
    a_stale_transition_changes_nothing_and_says_what_is_stored,
    a_repeated_batch_does_no_harm,
    transitions_of_one_execution_follow_each_other_in_a_batch,
    a_name_belongs_to_one_execution_of_a_machine,
    names_of_map_runs_are_not_looked_at,
    a_former_owner_writes_nothing,
    a_shard_has_one_owner_until_its_lease_ends,
    a_lease_is_renewed_until_another_has_taken_it,
    history_is_read_both_ways_from_any_event,
    the_due_come_in_order_and_leave_when_they_are_done,
    those_that_owe_are_found_after_a_start,
    express_executions_are_open_from_their_start_to_their_end,
    the_closed_expire_with_all_that_is_theirs,
];

fn a_transition_stores_root_records_payloads_and_events(world: World) {
    let first = start(1).events(1, 3).payload(0, "input").record(1, "frame 1").record(u64::MAX, "last");
    assert_eq!(world.commit_one(first), []);

    let loaded = world.store.load(execution(1)).unwrap().unwrap();
    assert_eq!(loaded.root.revision, Revision(1));
    assert_eq!(loaded.root.definition, DEFINITION);
    assert_eq!(loaded.root.map_run, None);
    assert_eq!(loaded.root.record, sealed("1.1"));
    assert_eq!(loaded.records, [(1, sealed("frame 1")), (u64::MAX, sealed("last"))]);
    assert_eq!(world.store.payload(ExecutionId(1), PayloadId(0)).unwrap(), Some(sealed("input")));
    assert_eq!(world.store.payload(ExecutionId(1), PayloadId(1)).unwrap(), None);
    assert_eq!(world.store.payload(ExecutionId(2), PayloadId(0)).unwrap(), None);
    assert!(world.store.load(execution(2)).unwrap().is_none());
    assert!(world.store.root(map_run(1)).unwrap().is_none(), "ids of Map Runs are another matter");
}

fn records_change_and_go(world: World) {
    world.commit_one(start(1).record(1, "a").record(2, "b").record(3, "c"));
    world.commit_one(step(execution(1), 1).record(2, "B").no_record(1).no_record(9).record(4, "d"));
    let loaded = world.store.load(execution(1)).unwrap().unwrap();
    assert_eq!(loaded.root.record, sealed("1.2"));
    assert_eq!(loaded.records, [(2, sealed("B")), (3, sealed("c")), (4, sealed("d"))]);
}

fn a_stale_transition_changes_nothing_and_says_what_is_stored(world: World) {
    world.commit_one(start(1).record(1, "a").due(50));
    let others = step(execution(1), 5).events(9, 1).payload(9, "x").record(1, "x").due(1).sends(execution(2), "x");
    let verdicts = world.commit([others.into(), step(execution(3), 4).into(), start(2).into()]);
    let stale = |found| Verdict::Stale { found: Revision(found) };
    assert_eq!(verdicts, [stale(1), stale(0), Verdict::Committed(Vec::new())]);

    assert_eq!(world.store.load(execution(1)).unwrap().unwrap().records, [(1, sealed("a"))]);
    assert_eq!(world.store.history(ExecutionId(1), 1, false, 100).unwrap(), []);
    assert_eq!(world.store.payload(ExecutionId(1), PayloadId(9)).unwrap(), None);
    assert_eq!(world.store.due(&Shards::ALL, Timestamp(100), 9).unwrap(), [(Timestamp(50), execution(1))]);
    assert_eq!(world.store.mail(&Shards::ALL, Default::default(), 9).unwrap().len(), 0);
    assert_eq!(world.revision(execution(2)), Some(1));
}

fn a_repeated_batch_does_no_harm(world: World) {
    let batch = [start(1).sends(execution(9), "hello"), step(execution(1), 1).events(1, 2)];
    world.commit(batch.clone().map(Write::from));
    let again = world.commit(batch.map(Write::from));
    assert_eq!(again, [Verdict::Stale { found: Revision(2) }, Verdict::Stale { found: Revision(2) }]);
    assert_eq!(world.store.mail(&Shards::ALL, Default::default(), 9).unwrap().len(), 1);
}

fn transitions_of_one_execution_follow_each_other_in_a_batch(world: World) {
    let batch = [start(1).record(1, "a"), step(execution(1), 1).record(1, "b"), step(execution(1), 2).no_record(1)];
    let done = Verdict::Committed(Vec::new());
    assert_eq!(world.commit(batch.map(Write::from)), [done.clone(), done.clone(), done]);
    let loaded = world.store.load(execution(1)).unwrap().unwrap();
    assert_eq!((loaded.root.revision, loaded.records.len()), (Revision(3), 0));
}

fn a_name_belongs_to_one_execution_of_a_machine(world: World) {
    world.commit_one(start(1).named(":n"));
    let batch =
        [start(2).named(":n"), step(execution(2), 1), start(3).named(":n").of_machine(99), start(4).named(":N")];
    let done = Verdict::Committed(Vec::new());
    let taken = Verdict::NameTaken { holder: ExecutionId(1) };
    assert_eq!(
        world.commit(batch.map(Write::from)),
        [taken, Verdict::Stale { found: Revision(0) }, done.clone(), done]
    );
    assert_eq!(world.store.find(MACHINE, ":n").unwrap(), Some(ExecutionId(1)));
    assert_eq!(world.store.find(MACHINE, ":N").unwrap(), Some(ExecutionId(4)));
    assert_eq!(world.store.find(RowNumber(99), ":n").unwrap(), Some(ExecutionId(3)));
    assert_eq!(world.store.find(MACHINE, "n").unwrap(), None);
    assert_eq!(world.revision(execution(2)), None);
}

fn names_of_map_runs_are_not_looked_at(world: World) {
    world.commit_one(start(1).named("/Map:run"));
    world.commit_one(start_map_run(1, 1));
    world.commit_one(start_map_run(2, 1));
    assert_eq!(world.store.find(MACHINE, "/Map:run").unwrap(), Some(ExecutionId(1)));
}

fn a_former_owner_writes_nothing(world: World) {
    let shard = ExecutionId(1).shard();
    let mut only = Shards::NONE;
    only.insert(shard);
    let letter = world.commit_one(start(5).sends(execution(1), "wait"))[0];
    let taken = world.store.claim("b", &only, Timestamp(1000), Timestamp(2000)).unwrap();
    let found = taken[0].epoch;
    assert!(found > world.epoch(shard));

    let express =
        ExpressRecord { execution: ExecutionId(1), epoch: Epoch(0), definition: DEFINITION, body: sealed("x") };
    let dropped = Write::Dropped { shard, epoch: Epoch(0), letters: vec![letter] };
    let verdicts = world.commit([start(1).into(), Write::ExpressStarted(express), dropped]);
    assert_eq!(verdicts, vec![Verdict::Fenced { found }; 3]);
    assert_eq!(world.revision(execution(1)), None);
    assert_eq!(world.store.find(MACHINE, ":e1").unwrap(), None);
    assert_eq!(world.store.express_open(&Shards::ALL).unwrap().len(), 0);
    assert_eq!(world.store.mail(&only, Default::default(), 9).unwrap().len(), 1);

    // Who comes from the future is not the owner either.
    let mut early = start(1);
    early.0.epoch = Epoch(found.0 + 1);
    assert_eq!(world.store.commit(vec![early.into()]).unwrap(), [Verdict::Fenced { found }]);
}

fn a_shard_has_one_owner_until_its_lease_ends(world: World) {
    let claim = |now| world.store.claim("b", &Shards::ALL, Timestamp(now), Timestamp(now + 10)).unwrap().len();
    assert_eq!(claim(999), 0);
    assert_eq!(claim(1000), 256);
    assert_eq!(claim(1009), 0);
    let mut some = Shards::NONE;
    (0..=255).step_by(50).for_each(|shard| some.insert(stepwell_engine::ShardId(shard)));
    let claimed = world.store.claim("a", &some, Timestamp(1010), Timestamp(1020)).unwrap();
    assert_eq!(claimed.iter().map(|lease| lease.shard.0).collect::<Vec<_>>(), [0, 50, 100, 150, 200, 250]);
}

fn a_lease_is_renewed_until_another_has_taken_it(world: World) {
    let shard = stepwell_engine::ShardId(3);
    let ours = Lease { shard, epoch: world.epoch(shard) };
    let mut only = Shards::NONE;
    only.insert(shard);
    assert_eq!(world.store.renew(&[ours], Timestamp(5000)).unwrap(), [ours]);
    assert_eq!(world.store.claim("b", &only, Timestamp(4999), Timestamp(9000)).unwrap(), []);
    // Nobody has taken it since its end: it can still be had.
    assert_eq!(world.store.renew(&[ours], Timestamp(5100)).unwrap(), [ours]);
    let theirs = world.store.claim("b", &only, Timestamp(6000), Timestamp(9000)).unwrap();
    assert_eq!(world.store.renew(&[ours], Timestamp(9000)).unwrap(), []);
    assert_eq!(world.store.renew(&theirs, Timestamp(9000)).unwrap(), theirs);
}

fn history_is_read_both_ways_from_any_event(world: World) {
    world.commit_one(start(2).events(1, 50));
    world.commit_one(start(1).events(1, 3));
    world.commit_one(step(execution(1), 1));
    world.commit_one(step(execution(1), 2).events(4, 1));
    world.commit_one(step(execution(1), 3).events(5, 4));
    let read = |from, reverse, events_max| -> Vec<u32> {
        let chunks = world.store.history(ExecutionId(1), from, reverse, events_max).unwrap();
        assert!(
            chunks
                .iter()
                .all(|chunk| chunk.body == sealed(&format!("events {}..{}", chunk.first, chunk.first + chunk.count)))
        );
        chunks.iter().map(|chunk| chunk.first).collect()
    };
    assert_eq!(read(1, false, 100), [1, 4, 5]);
    assert_eq!(read(0, false, 100), [1, 4, 5]);
    assert_eq!(read(1, false, 3), [1]);
    assert_eq!(read(1, false, 4), [1, 4]);
    // Of the first chunk, only event 3 counts.
    assert_eq!(read(3, false, 2), [1, 4]);
    assert_eq!(read(3, false, 3), [1, 4, 5]);
    assert_eq!(read(7, false, 9), [5]);
    assert_eq!(read(9, false, 9), []);
    assert_eq!(read(u32::MAX, false, 9), []);
    assert_eq!(read(u32::MAX, true, 100), [5, 4, 1]);
    assert_eq!(read(8, true, 4), [5]);
    assert_eq!(read(6, true, 3), [5, 4]);
    assert_eq!(read(6, true, 2), [5]);
    assert_eq!(read(3, true, 9), [1]);
    assert_eq!(read(0, true, 9), []);
    assert_eq!(read(1, false, 0), []);
    assert_eq!(world.store.history(ExecutionId(9), 1, false, 9).unwrap(), []);
}

fn the_due_come_in_order_and_leave_when_they_are_done(world: World) {
    world.commit([
        start(1).due(300).into(),
        start(2).due(100).into(),
        start(3).into(),
        start_map_run(4, 1).due(200).into(),
    ]);
    let due = |before, limit| -> Vec<i64> {
        let due = world.store.due(&Shards::ALL, Timestamp(before), limit).unwrap();
        due.iter().map(|(at, _)| at.0).collect()
    };
    assert_eq!(
        world.store.due(&Shards::ALL, Timestamp(201), 9).unwrap(),
        [(Timestamp(100), execution(2)), (Timestamp(200), map_run(4)),]
    );
    assert_eq!(due(200, 9), [100]);
    assert_eq!(due(i64::MAX, 2), [100, 200]);
    assert_eq!(world.store.due(&Shards::NONE, Timestamp(1000), 9).unwrap(), []);
    let mut only = Shards::NONE;
    only.insert(ExecutionId(1).shard());
    assert!(world.store.due(&only, Timestamp(1000), 1).unwrap().contains(&(Timestamp(300), execution(1))));

    world.commit_one(step(execution(2), 1).due(400));
    world.commit_one(step(map_run(4), 1));
    world.commit_one(step(execution(1), 1).due(350).stopped(20, Succeeded));
    assert_eq!(due(i64::MAX, 9), [350, 400]);
}

fn those_that_owe_are_found_after_a_start(world: World) {
    world.commit([start(1).owes(1).into(), start(2).into(), start_map_run(3, 1).owes(2).into()]);
    let owing = || {
        let mut owing = world.store.owing(&Shards::ALL).unwrap();
        owing.sort();
        owing
    };
    assert_eq!(owing(), [execution(1), map_run(3)]);
    assert_eq!(world.store.owing(&Shards::NONE).unwrap(), []);
    world.commit_one(step(execution(1), 1));
    world.commit_one(step(execution(2), 1).owes(1));
    world.commit_one(step(map_run(3), 1).owes(1));
    assert_eq!(owing(), [execution(2), map_run(3)]);
}

fn express_executions_are_open_from_their_start_to_their_end(world: World) {
    let record = |id| ExpressRecord {
        execution: ExecutionId(id),
        epoch: world.epoch(ExecutionId(id).shard()),
        definition: DEFINITION,
        body: sealed(&format!("{id}")),
    };
    // A repeated start does no harm.
    world.commit([1, 2, 3, 2].map(|id| Write::ExpressStarted(record(id))));
    world.commit([Write::ExpressEnded(ExecutionId(1)), Write::ExpressEnded(ExecutionId(77))]);
    let mut open = world.store.express_open(&Shards::ALL).unwrap();
    open.sort_by_key(|record| record.execution);
    assert_eq!(
        open.iter().map(|record| (record.execution.0, record.body.clone())).collect::<Vec<_>>(),
        [(2, sealed("2")), (3, sealed("3")),]
    );
    assert_eq!(open[0].definition, DEFINITION);
    let mut only = Shards::NONE;
    only.insert(ExecutionId(3).shard());
    assert_eq!(world.store.express_open(&only).unwrap().len(), 1);
}

fn the_closed_expire_with_all_that_is_theirs(world: World) {
    for id in 1..=40 {
        let first = start(id).events(1, 2).payload(0, "input").record(1, "frame").sends(execution(99), "hello");
        world.commit([first.into(), start_map_run(id, id).record(1, "item").into()]);
    }
    for id in 1..=30 {
        world.commit_one(step(execution(id), 1).events(3, 1).stopped(1000 + id as i64, Failed));
    }
    // It was closed early, and runs again.
    world.commit_one(step(execution(3), 2).redriven(2000));

    let mut calls = 0;
    while world.store.expire(Timestamp(1021), 8).unwrap() > 0 {
        calls += 1;
        assert!(calls < 1000, "retention does not come to its end");
    }
    let left: Vec<u128> = (1..=40).filter(|id| world.revision(execution(*id)).is_some()).collect();
    assert_eq!(left, [3].into_iter().chain(21..=40).collect::<Vec<_>>());
    assert_eq!((1..=40).filter(|id| world.revision(map_run(*id)).is_some()).collect::<Vec<_>>(), left);
    assert!(world.store.load(execution(1)).unwrap().is_none());
    assert_eq!(world.store.payload(ExecutionId(1), PayloadId(0)).unwrap(), None);
    assert_eq!(world.store.history(ExecutionId(1), 1, false, 9).unwrap(), []);
    assert_eq!(world.store.find(MACHINE, ":e1").unwrap(), None);
    assert_eq!(world.store.history(ExecutionId(21), 1, false, 9).unwrap().len(), 2);

    // The name is free again, and nothing of its former holder comes to light.
    world.commit_one(start(101).named(":e1").record(2, "new"));
    assert_eq!(world.store.load(execution(101)).unwrap().unwrap().records, [(2, sealed("new"))]);
    assert_eq!(world.store.expire(Timestamp(1021), 8).unwrap(), 0);
}
