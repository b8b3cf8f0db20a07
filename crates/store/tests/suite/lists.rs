//! Lists of executions and Map Runs, and walks through them while they change.

use stepwell_engine::ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
use stepwell_engine::{ExecutionId, MapRunId, Timestamp};
use stepwell_store::{ClosedPlace, Cursor, ListOf, ListQuery, RowNumber};

use crate::world::{
    MACHINE, World, all_of, all_of_machine, execution, ids, map_run, sealed, start, start_map_run, step,
};

crate::suite![
    the_latest_stop_or_start_comes_first,
    filters_by_status_and_redrive,
    executions_of_a_version_or_an_alias,
    children_are_listed_by_their_map_run_alone,
    pages_go_on_behind_their_cursor,
    a_walk_sees_all_that_stays_while_others_come_and_end,
    map_runs_of_an_execution,
    express_children_that_have_ended,
    express_children_go_with_their_map_run,
];

fn the_latest_stop_or_start_comes_first(world: World) {
    world.commit([start(10).into(), start(20).into(), start(30).into(), start(5).of_machine(1).into()]);
    assert_eq!(world.listed(&all_of_machine(), None, 9), [30, 20, 10]);
    world.commit_one(step(execution(10), 1).stopped(25, Succeeded));
    assert_eq!(world.listed(&all_of_machine(), None, 9), [30, 10, 20]);
    world.commit_one(step(execution(10), 2).redriven(40));
    assert_eq!(world.listed(&all_of_machine(), None, 9), [10, 30, 20]);
    let root = &world.store.list(&all_of_machine(), None, 1).unwrap()[0];
    assert_eq!((root.cursor, root.root.revision.0), (Cursor { sort: Timestamp(40), id: 10 }, 3));
}

fn filters_by_status_and_redrive(world: World) {
    for id in 1..=8 {
        world.commit_one(start(id));
    }
    for id in [2, 4, 6] {
        world.commit_one(step(execution(id), 1).stopped(100 + id as i64, Failed));
    }
    world.commit_one(step(execution(1), 1).stopped(105, Aborted));
    world.commit_one(step(execution(4), 2).redriven(200));
    let list = |status, redriven| world.listed(&ListQuery { status, redriven, ..all_of_machine() }, None, 9);
    assert_eq!(list(None, None), [4, 6, 1, 2, 8, 7, 5, 3]);
    assert_eq!(list(Some(Failed), None), [6, 2]);
    assert_eq!(list(Some(Aborted), None), [1]);
    assert_eq!(list(Some(Running), None), [4, 8, 7, 5, 3]);
    assert_eq!(list(Some(Running), Some(true)), [4]);
    assert_eq!(list(Some(Running), Some(false)), [8, 7, 5, 3]);
    assert_eq!(list(None, Some(false)), [6, 1, 2, 8, 7, 5, 3]);
    assert_eq!(list(Some(Succeeded), None), []);
}

fn executions_of_a_version_or_an_alias(world: World) {
    world.commit([
        start(1).by_version(21).into(),
        start(2).by_version(21).by_alias(31).into(),
        start(3).by_version(22).by_alias(31).into(),
        start(4).into(),
    ]);
    world.commit_one(step(execution(1), 1).stopped(50, Failed));
    let list = |qualifier, status| {
        world.listed(&ListQuery { qualifier: Some(RowNumber(qualifier)), status, ..all_of_machine() }, None, 9)
    };
    assert_eq!(list(21, None), [1, 2]);
    assert_eq!(list(31, None), [3, 2]);
    assert_eq!(list(31, Some(Running)), [3, 2]);
    assert_eq!(list(21, Some(Running)), [2]);
    assert_eq!(list(99, None), []);
    let elsewhere = ListQuery { qualifier: Some(RowNumber(21)), ..all_of(ListOf::Machine(RowNumber(1))) };
    assert_eq!(world.listed(&elsewhere, None, 9), []);
}

fn children_are_listed_by_their_map_run_alone(world: World) {
    world.commit([
        start(1).into(),
        start_map_run(5, 1).into(),
        start(2).child_of(5).into(),
        start(3).child_of(5).into(),
        start(4).child_of(6).into(),
    ]);
    world.commit_one(step(execution(2), 1).stopped(9, Succeeded));
    assert_eq!(world.listed(&all_of_machine(), None, 9), [1]);
    let children = all_of(ListOf::MapRun(MapRunId(5)));
    assert_eq!(world.listed(&children, None, 9), [2, 3]);
    assert_eq!(world.listed(&ListQuery { status: Some(Running), ..children.clone() }, None, 9), [3]);
    assert_eq!(world.listed(&ListQuery { redriven: Some(true), ..children }, None, 9), []);
    let listed = world.store.list(&all_of(ListOf::MapRun(MapRunId(6))), None, 9).unwrap();
    assert_eq!(listed[0].root.map_run, Some(MapRunId(6)));
}

fn pages_go_on_behind_their_cursor(world: World) {
    // Several share an instant: their ids decide.
    for id in 1..=10 {
        let mut first = start(id);
        first.0.summary.sort = Timestamp(id as i64 / 4);
        world.commit_one(first);
    }
    let walk = |limit| {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.list(&all_of_machine(), after, limit).unwrap();
            after = page.last().map(|item| item.cursor);
            walked.extend(ids(&page));
            if page.len() < limit as usize {
                return walked;
            }
        }
    };
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(walk(limit), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], "{limit}");
    }
    // A cursor need not be that of an item that is there.
    let between = Cursor { sort: Timestamp(1), id: u128::MAX };
    assert_eq!(world.listed(&all_of_machine(), Some(between), 2), [7, 6]);
    assert_eq!(world.listed(&all_of_machine(), None, 0), []);
}

fn a_walk_sees_all_that_stays_while_others_come_and_end(world: World) {
    for id in 1..=20 {
        world.commit_one(start(id));
    }
    let first = world.store.list(&all_of_machine(), None, 5).unwrap();
    world.commit_one(start(100));
    world.commit_one(step(execution(3), 1).stopped(200, Succeeded));
    let second = world.listed(&all_of_machine(), first.last().map(|item| item.cursor), 100);
    assert_eq!(ids(&first), [20, 19, 18, 17, 16]);
    assert_eq!(second, [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 2, 1]);
}

fn map_runs_of_an_execution(world: World) {
    world.commit([start_map_run(1, 7).into(), start_map_run(2, 7).into(), start_map_run(3, 8).into()]);
    world.commit_one(step(map_run(1), 1).stopped(50, Succeeded));
    let list = |after, limit| world.store.map_runs(ExecutionId(7), after, limit).unwrap();
    assert_eq!(ids(&list(None, 9)), [1, 2]);
    let first = list(None, 1);
    assert_eq!(ids(&first), [1]);
    assert_eq!(ids(&list(Some(first[0].cursor), 9)), [2]);
    assert_eq!(ids(&world.store.map_runs(ExecutionId(9), None, 9).unwrap()), []);
    assert_eq!(world.listed(&all_of(ListOf::Machine(MACHINE)), None, 9), []);
}

fn express_children_that_have_ended(world: World) {
    world.commit_one(start_map_run(5, 1).closes(&[("a", 10, Succeeded), ("b", 30, Failed), ("c", 20, Succeeded)]));
    world.commit_one(start_map_run(6, 1).closes(&[("other", 15, Succeeded)]));
    world.commit_one(step(map_run(5), 1).closes(&[("d", 20, Succeeded), ("e", 20, TimedOut)]));
    let list = |status, after, limit| {
        let places = world.store.closed_children(MapRunId(5), status, after, limit).unwrap();
        places.iter().map(|(cursor, place)| (cursor.sort.0, place.chunk, place.place)).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 9), [(30, 1, 1), (20, 2, 1), (20, 2, 0), (20, 1, 2), (10, 1, 0)]);
    assert_eq!(list(Some(Succeeded), None, 2), [(20, 2, 0), (20, 1, 2)]);
    assert_eq!(list(Some(Aborted), None, 9), []);

    let first = world.store.closed_children(MapRunId(5), None, None, 2).unwrap()[1];
    assert_eq!(list(None, Some(first.0), 2), [(20, 2, 0), (20, 1, 2)]);
    assert_eq!(world.store.closed_child("/Map:", "e").unwrap(), Some(first.1));
    assert_eq!(first.1, ClosedPlace { map_run: MapRunId(5), chunk: 2, place: 1 });
    assert_eq!(list(None, Some(Cursor { sort: Timestamp(20), id: u128::MAX }), 1), [(20, 2, 1)]);
    assert_eq!(world.store.closed_chunk(MapRunId(5), 2).unwrap(), Some(sealed("children of 2")));
    assert_eq!(world.store.closed_chunk(MapRunId(5), 3).unwrap(), None);
    assert_eq!(world.store.closed_child("/Map:", "f").unwrap(), None);
    assert_eq!(world.store.closed_child("/Other:", "e").unwrap(), None);
}

fn express_children_go_with_their_map_run(world: World) {
    let names: Vec<String> = (0..300).map(|number| format!("child {number}")).collect();
    let children: Vec<_> = names.iter().map(|name| (name.as_str(), 7, Succeeded)).collect();
    world.commit([start(1).into(), start_map_run(5, 1).closes(&children).into()]);
    world.commit_one(start_map_run(6, 2).closes(&[("stays", 7, Succeeded)]));
    world.commit_one(step(execution(1), 1).stopped(10, Succeeded));
    while world.store.expire(Timestamp(100), 10).unwrap() > 0 {
        assert_eq!(world.store.closed_children(MapRunId(5), None, None, 9).unwrap(), [], "out of sight from the first");
        assert_eq!(world.store.closed_child("/Map:", "child 299").unwrap(), None);
    }
    assert!(world.store.closed_child("/Map:", "stays").unwrap().is_some());
    // The number of an entity is not given again to one that would find them.
    world.commit_one(start_map_run(5, 1));
    assert_eq!(world.store.closed_children(MapRunId(5), None, None, 9).unwrap(), []);
}
