//! The tables, and how a file of them comes into being.
//!
//! Rows are appended in commit order under counters of their own; what belongs to an execution is found by an index.
//! So executions that move at the same time share pages, and a transition dirties few of them.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use crate::{StoreError, Stored};

use super::error::{failed, io};

/// Version of the tables that this release writes; SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 2;

/// Says that a file is ours; SQLite's `application_id`: "Step".
const APPLICATION_ID: i64 = 0x5374_6570;

/// A piece is written once: a chunk of events under the number of its first event, or a payload under its own number
/// turned negative (see `payload_piece`). In one table they dirty the same pages.
///
/// Of an entity: `kind` is 0 for an execution and 1 for a Map Run; ids are 16 bytes, big-endian, and stand here alone.
///
/// An index holds what it is for and no more: executions that have ended leave those of timers and recovery. Lists
/// without a filter merge the statuses of one index, so that a change of status moves one entry. (A deadline comes
/// first in its index, not the shard: one process owns all shards, and what is due next is then one range.)
const TABLES: &str = "
create table entity (
    no integer primary key, kind int not null, id blob not null, shard int not null,
    revision int not null, status int not null, sort int not null, stopped int, redriven int not null,
    due int, owes int not null,
    machine int not null, definition int not null, version int, alias int, map_run blob, parent blob,
    name_hash int, name text, root blob not null);
create unique index entity_id on entity (id, kind);
create index entity_name on entity (machine, name_hash) where kind = 0;
create index entity_list on entity (machine, status, sort desc, id desc, redriven) where kind = 0 and map_run is null;
create index entity_version on entity (version, status, sort desc, id desc) where kind = 0 and version is not null;
create index entity_alias on entity (alias, status, sort desc, id desc) where kind = 0 and alias is not null;
create index entity_child on entity (map_run, status, sort desc, id desc, redriven) where kind = 0 and map_run is not null;
create index entity_map_run on entity (parent, sort desc, id desc) where kind = 1;
create index entity_due on entity (due, shard) where due is not null;
create index entity_owes on entity (shard) where owes > 0;
create index entity_closed on entity (stopped) where kind = 0 and stopped is not null;

create table piece (
    no integer primary key, entity int not null, number int not null, count int not null, body blob not null);
create unique index piece_of on piece (entity, number);
create table record (
    entity int not null, key int not null, body blob not null, primary key (entity, key)) without rowid;

create table letter (no integer primary key, shard int not null, kind int not null, id blob not null, body blob not null);
create table express (
    no integer primary key, id blob not null unique, shard int not null, epoch int not null, definition int not null,
    body blob not null);

create table catalogue (
    number integer primary key autoincrement, kind int not null, key text not null, parent int, version int not null,
    body blob not null);
create unique index catalogue_key on catalogue (kind, key);
create index catalogue_kind on catalogue (kind);
create index catalogue_parent on catalogue (parent, kind) where parent is not null;

-- Entities that are removed in slices: out of sight, some of their rows still there.
create table remains (entity integer primary key);
create table kept (name text primary key, value blob not null) without rowid;
create table opening (count int not null);
insert into opening values (0);
";

/// Express children of Map Runs that have ended, since version 2: by what lists ask for; and those whose ends one
/// transition took together, with their descriptions and the hashes of their ARNs, 8 bytes each, little-endian. The
/// number of such a chunk has that of the Map Run in its upper 32 bits: rows are few and neighbours, so that a transition
/// dirties two pages for them. (An index of the hashes costs each child a page, and halves the rate at which they end.)
const CHILD: &str = "
create table child (
    map_run int not null, status int not null, stopped int not null, chunk int not null, place int not null,
    primary key (map_run, status, stopped, chunk, place)) without rowid;
create table child_chunk (no integer primary key, hashes blob not null, body blob not null);
create index entity_map_run_arn on entity (name) where kind = 1;
";

/// Makes an empty file of our tables where there is none, and says whether it did. A crash on the way leaves none or all
/// of it; the directory's entry is not durable yet.
pub(super) fn create_if_missing(file: &Path) -> Stored<bool> {
    if file.exists() {
        return Ok(false);
    }
    let draft = file.with_extension("new");
    if draft.exists() {
        fs::remove_file(&draft).map_err(|err| io(&draft, &err))?;
    }
    let db = Connection::open(&draft).map_err(failed)?;
    // Nothing is synced or journaled on the way: the whole file is, before it has its name.
    db.execute_batch(&format!(
        "pragma synchronous = off; pragma journal_mode = off; pragma page_size = 8192; pragma auto_vacuum = incremental;
         begin; {TABLES} {CHILD} pragma application_id = {APPLICATION_ID}; pragma user_version = {SCHEMA_VERSION}; commit;
         pragma journal_mode = wal;"
    ))
    .map_err(failed)?;
    db.close().map_err(|(_, err)| failed(err))?;
    sync(&draft)?;
    fs::rename(&draft, file).map_err(|err| io(file, &err))?;
    Ok(true)
}

/// Refuses a file that is not ours or of a later release; one of an earlier release gets the tables that are new.
pub(super) fn check(db: &Connection, file: &Path) -> Stored<()> {
    let number =
        |pragma: &str| db.query_one(&format!("pragma {pragma}"), [], |row| row.get::<_, i64>(0)).map_err(failed);
    let shown = file.display();
    if number("application_id")? != APPLICATION_ID {
        return Err(StoreError::Corrupt(format!("{shown} is not a file of Stepwell")));
    }
    match number("user_version")? {
        SCHEMA_VERSION => Ok(()),
        1 => {
            db.execute_batch(&format!("begin; {CHILD} pragma user_version = {SCHEMA_VERSION}; commit")).map_err(failed)
        }
        later => Err(StoreError::Corrupt(format!(
            "{shown} has data of version {later}, and this release reads version {SCHEMA_VERSION}: use a later release"
        ))),
    }
}

/// Makes a file's content, or a directory's entries, durable.
pub(super) fn sync(path: &Path) -> Stored<()> {
    // The parent of a relative path may be the empty one.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|file| file.sync_all()).map_err(|err| io(path, &err))
}
