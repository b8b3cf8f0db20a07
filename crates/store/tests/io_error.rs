//! An I/O error in the middle, alone in its process: the shell that it starts holds, for a moment, whatever files other
//! tests have locked.
#![allow(missing_docs, dead_code)] // A part of the suite's world is enough.
#![allow(clippy::disallowed_methods)] // Tests of files look at files.

use std::path::Path;

use stepwell_store::StoreError;
use stepwell_store::sqlite::Sqlite;

use crate::world::{World, execution, start};

#[path = "suite/world.rs"]
mod world;

fn open(directory: &Path) -> World {
    World::of(Box::new(Sqlite::open(directory).unwrap()), None)
}

/// Ends when a file may not grow any longer, which the shell below sees to: an I/O error that is not a full disk.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn write_until_an_io_error() {
    // The test below says where; by itself there is nothing to see.
    let Some(directory) = std::env::var_os("STORE") else { return };
    let world = open(Path::new(&directory));
    let long = "x".repeat(5000);
    let next = |id| {
        let mut first = start(id).payload(0, &long);
        first.0.epoch = world.epoch(first.0.entity.shard());
        world.store.commit(vec![first.into()])
    };
    let failed = (1..1000).find(|id| next(*id).is_err()).expect("the limit is reached");
    println!("written {}", failed - 1);
    assert!(matches!(next(failed), Err(StoreError::Io(_))), "and it stays so");
    assert_eq!(world.revision(execution(failed)), None);
    assert_eq!(world.revision(execution(failed - 1)), Some(1));
    // As a process that is killed: nothing is put in order on the way out.
    std::process::exit(0);
}

#[test]
#[cfg(unix)]
fn an_io_error_leaves_what_was_committed_before_it() {
    let directory = tempfile::tempdir().unwrap();
    // In blocks of 512 or 1,024 bytes: 1 or 2 MB, which the log reaches first.
    let limited = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact write_until_an_io_error --ignored --nocapture";
    let program = std::env::current_exe().unwrap();
    let mut shell = std::process::Command::new("sh");
    let output = shell.arg("-c").arg(limited).arg(program).env("STORE", directory.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let written = printed.lines().find_map(|line| line.strip_prefix("written ")?.parse::<u128>().ok());
    let written = written.unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(output.status.success() && written > 5, "{printed}");
    let world = open(directory.path());
    assert!((1..=written).all(|id| world.revision(execution(id)) == Some(1)));
    assert_eq!(world.revision(execution(written + 1)), None);
}
