//! Stopped after each commit in turn, every scenario of the engine goes on as if nothing had been.

use std::sync::Arc;

use stepwell_sim::crash::{Disk, Stops, stop_after_each_commit};
use stepwell_store::Store;
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;

struct InMemory(Arc<Memory>);

impl Disk for InMemory {
    fn open(&mut self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

struct Folder(tempfile::TempDir);

impl Disk for Folder {
    fn open(&mut self) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(self.0.path()).expect("the folder is ours"))
    }
}

#[test]
fn a_stop_after_any_commit_changes_no_history() {
    let Stops { scenarios, stops } = stop_after_each_commit(usize::MAX, || InMemory(Arc::default())).unwrap();
    println!("memory: {stops} stops in {scenarios} scenarios");
    assert!(scenarios >= 25, "{scenarios}");
}

#[test]
fn nor_does_it_where_the_data_lie_in_a_folder() {
    let folder = || Folder(tempfile::tempdir().expect("there is room for a folder"));
    let Stops { scenarios, stops } = stop_after_each_commit(6, folder).unwrap();
    println!("SQLite: {stops} stops in {scenarios} scenarios");
    assert!(scenarios >= 10, "{scenarios}");
}
