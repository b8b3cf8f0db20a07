//! One process owns a directory: a second one is told who does.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use crate::{StoreError, Stored};

use super::error::io;

const FILE: &str = "lock";

/// Locks a directory for this process, until the file is dropped or the process ends in whatever way.
pub(super) fn lock(directory: &Path) -> Stored<File> {
    let path = directory.join(FILE);
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.map_err(|err| io(&path, &err))?;
    match file.try_lock() {
        Ok(()) => {
            let pid = format!("{}\n", std::process::id());
            file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(|err| io(&path, &err))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(taken(directory, &path))),
        Err(TryLockError::Error(err)) => Err(io(&path, &err)),
    }
}

fn taken(directory: &Path, path: &Path) -> String {
    let who = match fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let directory = directory.display();
    format!("{who} is already using {directory}: stop that one, or give this one a directory of its own")
}
