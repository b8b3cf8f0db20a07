//! What only a store with files can show: it is closed, opened again, full, or not ours.

use std::fs;
use std::path::Path;

use stepwell_engine::ExecutionStatus::Succeeded;
use stepwell_engine::{ExecutionId, Timestamp};
use stepwell_store::sqlite::{Options, Sqlite};
use stepwell_store::{CatalogueWrite, Kind, LetterId, RowNumber, Shards, StoreError, Verdict};

use crate::world::{MACHINE, World, execution, sealed, start, start_map_run, step};

fn open(directory: &Path) -> World {
    World::of(Box::new(Sqlite::open(directory).unwrap()), None)
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("not/yet/there");
    let (letter, row) = {
        let world = open(&path);
        let letter = world.commit_one(start(1).events(1, 2).record(1, "a").due(5).owes(1).sends(execution(2), "hi"))[0];
        let insert = CatalogueWrite::Insert { kind: Kind::Activity, key: "a".into(), parent: None, body: sealed("b") };
        let row = world.store.write_catalogue(vec![insert]).unwrap().unwrap()[0];
        world.store.keep("secret", b"s").unwrap();
        (letter, row)
    };
    assert!(!path.join("stepwell.db-wal").exists(), "a clean close leaves no log");
    let world = open(&path);
    assert_eq!(world.store.load(execution(1)).unwrap().unwrap().records, [(1, sealed("a"))]);
    assert_eq!(world.store.history(ExecutionId(1), 1, false, 9).unwrap().len(), 1);
    assert_eq!(world.store.due(&Shards::ALL, Timestamp(9), 9).unwrap().len(), 1);
    assert_eq!(world.store.owing(&Shards::ALL).unwrap(), [execution(1)]);
    assert_eq!(world.store.find(MACHINE, ":e1").unwrap(), Some(ExecutionId(1)));
    assert_eq!(world.store.mail(&Shards::ALL, LetterId(0), 9).unwrap()[0].id, letter);
    assert_eq!(world.store.row(row).unwrap().unwrap().key, "a");
    assert_eq!(world.store.keep("secret", b"t").unwrap(), b"s");
    let later = world.commit_one(step(execution(1), 1).took(&[letter]).sends(execution(2), "hi"))[0];
    assert!(later > letter);
}

#[test]
fn each_opening_fences_the_former_one() {
    let directory = tempfile::tempdir().unwrap();
    let shard = ExecutionId(1).shard();
    let former = open(directory.path()).epoch(shard);
    let world = open(directory.path());
    assert!(world.epoch(shard) > former);
    let mut late = start(1);
    late.0.epoch = former;
    let verdicts = world.store.commit(vec![late.into()]).unwrap();
    assert_eq!(verdicts, [Verdict::Fenced { found: world.epoch(shard) }]);
}

#[test]
fn a_second_opening_is_told_who_has_the_directory_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let first = Sqlite::open(directory.path()).unwrap();
    let message = Sqlite::open(directory.path()).unwrap_err().to_string();
    let expected = format!(
        "process {} is already using {}: stop that one, or give this one a directory of its own",
        std::process::id(),
        directory.path().display()
    );
    assert_eq!(message, expected);
    drop(first);
    assert!(Sqlite::open(directory.path()).is_ok());
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stepwell.db");
    fs::write(&file, b"Dear diary, today I was not a database. ".repeat(500)).unwrap();
    let before = fs::read(&file).unwrap();
    let error = Sqlite::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn data_of_a_later_release_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(directory.path()).unwrap());
    let file = directory.path().join("stepwell.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("pragma user_version = 3").unwrap();
    let message = Sqlite::open(directory.path()).unwrap_err().to_string();
    assert!(message.contains("data of version 3, and this release reads version 2: use a later release"), "{message}");
}

#[test]
fn data_of_version_1_get_the_table_that_they_lack() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(directory.path()).unwrap());
    let file = directory.path().join("stepwell.db");
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch(
        "drop table child; drop table child_chunk; drop index entity_map_run_arn; pragma user_version = 1",
    )
    .unwrap();
    drop(db);
    let world = World::of(Box::new(Sqlite::open(directory.path()).unwrap()), None);
    world.commit_one(start_map_run(5, 1).closes(&[("a", 10, Succeeded)]));
    assert!(world.store.closed_child("/Map:", "a").unwrap().is_some());
    drop(world);
    assert!(Sqlite::open(directory.path()).is_ok());
}

#[test]
fn a_creation_that_was_interrupted_begins_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("stepwell.new"), b"half a file").unwrap();
    let store = Sqlite::open(directory.path()).unwrap();
    assert_eq!(store.damages().unwrap(), Vec::<String>::new());
}

#[test]
fn a_full_disk_is_an_error_of_its_own_and_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { pages_max: Some(120), ..Options::default() };
    let world = World::of(Box::new(Sqlite::open_with(directory.path(), options).unwrap()), None);
    let long = "x".repeat(5000);
    let mut written = 0;
    let error = loop {
        let mut first = start(written + 1).payload(0, &long);
        first.0.epoch = world.epoch(first.0.entity.shard());
        match world.store.commit(vec![first.into()]) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1000, "the file grows beyond its bound");
    };
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(written > 20);
    // Nothing of the failed one is there, all before it is, and reading goes on.
    assert_eq!(world.revision(execution(written + 1)), None);
    assert_eq!(world.revision(execution(written)), Some(1));
    // What frees space can still be done; then there is room again.
    for id in 1..=written {
        world.commit_one(step(execution(id), 1).stopped(10, Succeeded));
    }
    while world.store.expire(Timestamp(11), 1000).unwrap() > 0 {}
    world.commit_one(start(5000).payload(0, &long));
    assert_eq!(world.store.find(RowNumber(7), ":e1").unwrap(), None);
}

#[test]
fn a_batch_that_fails_on_its_way_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { pages_max: Some(120), ..Options::default() };
    let world = World::of(Box::new(Sqlite::open_with(directory.path(), options).unwrap()), None);
    let batch = (1..=200).map(|id| {
        let mut first = start(id).payload(0, &"x".repeat(9000)).sends(execution(1), "hello");
        first.0.epoch = world.epoch(first.0.entity.shard());
        first.into()
    });
    assert!(matches!(world.store.commit(batch.collect()), Err(StoreError::Full)));
    assert_eq!(world.revision(execution(1)), None);
    assert_eq!(world.store.mail(&Shards::ALL, LetterId(0), 9).unwrap().len(), 0);
    world.commit_one(start(1));
}
