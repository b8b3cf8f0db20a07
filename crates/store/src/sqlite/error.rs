//! SQLite's errors in the words of a store.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

/// What an error of SQLite means to whoever called the store.
pub(super) fn failed(err: Error) -> StoreError {
    match err.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
            StoreError::Corrupt(err.to_string())
        }
        // Nobody else writes; another process that reads the file for long may stand in the way.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Away,
        Some(_) => StoreError::Io(err.to_string()),
        // A column of another type than we write.
        None => StoreError::Corrupt(err.to_string()),
    }
}

/// An error of the file system.
pub(super) fn io(path: &Path, err: &io::Error) -> StoreError {
    match err.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Io(format!("{}: {err}", path.display())),
    }
}
