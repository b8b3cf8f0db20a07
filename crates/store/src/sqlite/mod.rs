//! The embedded store: one directory, one process, one file of SQLite with its write-ahead log.
//!
//! Layout, page size, checkpoints and connections are as they were measured for this workload.
#![allow(clippy::disallowed_methods)] // Slices and checkpoints are measured by the clock; the data lie in files.

mod catalogue;
mod checkpoint;
mod column;
mod error;
mod expire;
mod lock;
mod read;
mod schema;
mod write;

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use stepwell_engine::{ExecutionId, PayloadId, Timestamp};

use crate::{
    CatalogueWrite, Chunk, Conflict, Cursor, Entity, ExpressRecord, Kind, Lease, Letter, LetterId, ListQuery, Listed,
    Loaded, Root, Row, RowNumber, RowQuery, Sealed, Shards, Store, Stored, Verdict, Write,
};

use checkpoint::Counters;
use error::{failed, io};
use read::Readers;
use write::Writer;

/// The file of the data, beside which SQLite has its log.
const FILE: &str = "stepwell.db";

/// As `page_size` in the schema has it.
const PAGE_BYTES: u64 = 8192;

/// What the writing connection keeps in memory of the file.
const WRITER_CACHE_KIB: u32 = 65_536;

/// The log keeps this size on disk when it starts anew after a burst.
const LOG_KEPT_BYTES: u32 = 256 << 20;

/// How long a connection waits for another one of ours; in practice none does.
const BUSY: Duration = Duration::from_secs(5);

/// How long a checkpoint for which the writer waits waits for those who read: a long reading must not hold up commits.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(20);

/// A store in a directory of its own.
#[derive(Debug)]
pub struct Sqlite {
    // In this order they are dropped: the lock goes when the file is closed.
    checkpointer: Checkpointer,
    shared: Arc<Shared>,
    _lock: File,
}

/// What tests set otherwise than operation does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A commit is not synced before it is answered: a power cut loses what was acknowledged. For the test that shows so.
    pub unsafe_without_sync: bool,
    /// The file never grows beyond so many pages of 8 KiB: then there is no room left.
    pub pages_max: Option<u32>,
}

/// What a store can say of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Size of the write-ahead log when it was last looked at; with this much a restart after a crash has to deal.
    pub log_bytes: u64,
    /// How often the log was moved into the file.
    pub checkpoints: u64,
    /// How often writers had to wait for that because the log had become too large.
    pub blocking_checkpoints: u64,
    /// How long the longest of these took, in µs.
    pub blocking_longest_us: u64,
    /// How often it failed; nothing is lost thereby, but the log grows.
    pub failed_checkpoints: u64,
}

#[derive(Debug)]
struct Shared {
    readers: Readers,
    writer: Mutex<Writer>,
    counters: Counters,
}

impl Shared {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sqlite {
    /// Opens the data of a directory, which is made if it is missing. The epoch of all shards is a new one.
    ///
    /// # Errors
    /// [`Locked`](crate::StoreError::Locked) when another process has it open; [`Corrupt`](crate::StoreError::Corrupt)
    /// when the file is not ours or of a later release.
    pub fn open(directory: &Path) -> Stored<Sqlite> {
        Sqlite::open_with(directory, Options::default())
    }

    /// [`Sqlite::open`], otherwise than operation does.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(directory: &Path, options: Options) -> Stored<Sqlite> {
        let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.is_dir()).collect();
        fs::create_dir_all(directory).map_err(|err| io(directory, &err))?;
        let lock = lock::lock(directory)?;
        let file = directory.join(FILE);
        let is_new = schema::create_if_missing(&file)?;
        let db = open_writer(&file, options)?;
        schema::check(&db, &file)?;
        let mut writer = Writer::new(db).map_err(failed)?;
        if is_new {
            // An opening that nobody has answered for yet may be lost, so these syncs can wait for the first commit.
            writer.sync_first = [directory]
                .into_iter()
                .chain(missing.iter().filter_map(|new| new.parent()))
                .map(Path::to_owned)
                .collect();
        }
        let synchronous = if options.unsafe_without_sync { "normal" } else { "full" };
        // Counting the opening needs no sync of its own: it is in the log before whatever depends on it.
        writer.db.execute_batch(&format!("pragma synchronous = {synchronous}")).map_err(failed)?;
        let shared = Arc::new(Shared {
            readers: Readers::new(file.clone()),
            writer: Mutex::new(writer),
            counters: Counters::default(),
        });
        let checkpointer = Checkpointer::start(Arc::clone(&shared), &file)?;
        Ok(Sqlite { checkpointer, shared, _lock: lock })
    }

    /// What the store can say of itself.
    pub fn figures(&self) -> Figures {
        let Counters { log_bytes, checkpoints, blocking, blocking_longest_us, failed, .. } = &self.shared.counters;
        Figures {
            log_bytes: log_bytes.load(Ordering::Relaxed),
            checkpoints: checkpoints.load(Ordering::Relaxed),
            blocking_checkpoints: blocking.load(Ordering::Relaxed),
            blocking_longest_us: blocking_longest_us.load(Ordering::Relaxed),
            failed_checkpoints: failed.load(Ordering::Relaxed),
        }
    }

    /// What is wrong with the file, by SQLite's own check of all of it; nothing, if it is whole.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn damages(&self) -> Stored<Vec<String>> {
        self.shared.readers.read(|db| {
            let mut statement = db.prepare("pragma integrity_check")?;
            let lines: rusqlite::Result<Vec<String>> = statement.query_map([], |row| row.get(0))?.collect();
            Ok(lines?.into_iter().filter(|line| line != "ok").collect())
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Stored<T> {
        self.shared.readers.read(look)
    }

    /// Something is written that is not counted by its size.
    fn chore<T>(&self, act: impl FnOnce(&mut Writer) -> Stored<T>) -> Stored<T> {
        let done = act(&mut self.shared.writer());
        self.shared.readers.see_what_was_written();
        let done = done?;
        self.shared.counters.pending_bytes.fetch_add(PAGE_BYTES, Ordering::Relaxed);
        Ok(done)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.checkpointer.stop();
        // The writer's connection is then the last one, and empties the log as it closes.
        self.shared.readers.close();
    }
}

/// The thread that makes checkpoints.
#[derive(Debug)]
struct Checkpointer {
    until: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    fn start(shared: Arc<Shared>, file: &Path) -> Stored<Checkpointer> {
        let db = open_checkpointer(file)?;
        let (until, end) = channel();
        let work = move || checkpoint::run(&shared, &db, &end);
        let thread = thread::Builder::new().name("checkpoint".into()).spawn(work).map_err(|err| io(file, &err))?;
        Ok(Checkpointer { until: Some(until), thread: Some(thread) })
    }

    fn stop(&mut self) {
        self.until = None;
        if let Some(thread) = self.thread.take() {
            // A panic of it has been printed; what was committed is in the log.
            let _ = thread.join();
        }
    }
}

fn open(file: &Path, flags: OpenFlags) -> Stored<Connection> {
    let db = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    Ok(db)
}

fn open_writer(file: &Path, options: Options) -> Stored<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.set_prepared_statement_cache_capacity(64);
    db.execute_batch(&format!(
        "pragma synchronous = off; pragma wal_autocheckpoint = 0; pragma cache_size = -{WRITER_CACHE_KIB};
         pragma journal_size_limit = {LOG_KEPT_BYTES}; pragma temp_store = memory;"
    ))
    .map_err(failed)?;
    if let Some(pages) = options.pages_max {
        db.execute_batch(&format!("pragma max_page_count = {pages}")).map_err(failed)?;
    }
    Ok(db)
}

fn open_checkpointer(file: &Path) -> Stored<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.busy_timeout(CHECKPOINT_BUSY).map_err(failed)?;
    Ok(db)
}

impl Store for Sqlite {
    fn commit(&self, batch: Vec<Write>) -> Stored<Vec<Verdict>> {
        batch.iter().for_each(Write::assert_consistent);
        let bytes: usize = batch.iter().map(Write::stored_bytes).sum();
        let verdicts = self.shared.writer().commit(&batch);
        self.shared.readers.see_what_was_written();
        let verdicts = verdicts?;
        self.shared.counters.pending_bytes.fetch_add(bytes as u64 + PAGE_BYTES, Ordering::Relaxed);
        Ok(verdicts)
    }

    fn load(&self, entity: Entity) -> Stored<Option<Loaded>> {
        self.read(|db| read::load(db, entity))
    }

    fn root(&self, entity: Entity) -> Stored<Option<Root>> {
        self.read(|db| read::root(db, entity))
    }

    fn payload(&self, execution: ExecutionId, payload: PayloadId) -> Stored<Option<Sealed>> {
        self.read(|db| read::payload(db, execution, payload))
    }

    fn history(&self, execution: ExecutionId, from: u32, reverse: bool, events_max: u32) -> Stored<Vec<Chunk>> {
        self.read(|db| read::history(db, execution, from, reverse, events_max))
    }

    fn find(&self, machine: RowNumber, name: &str) -> Stored<Option<ExecutionId>> {
        self.read(|db| write::find_name(db, machine, name))
    }

    fn list(&self, query: &ListQuery, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>> {
        self.read(|db| read::list(db, query, after, limit))
    }

    fn map_runs(&self, execution: ExecutionId, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>> {
        self.read(|db| read::map_runs(db, execution, after, limit))
    }

    fn due(&self, shards: &Shards, before: Timestamp, limit: u32) -> Stored<Vec<(Timestamp, Entity)>> {
        self.read(|db| read::due(db, shards, before, limit))
    }

    fn owing(&self, shards: &Shards) -> Stored<Vec<Entity>> {
        self.read(|db| read::owing(db, shards))
    }

    fn mail(&self, shards: &Shards, after: LetterId, limit: u32) -> Stored<Vec<Letter>> {
        self.read(|db| read::mail(db, shards, after, limit))
    }

    fn express_open(&self, shards: &Shards) -> Stored<Vec<ExpressRecord>> {
        self.read(|db| read::express_open(db, shards))
    }

    fn claim(&self, _node: &str, want: &Shards, now: Timestamp, until: Timestamp) -> Stored<Vec<Lease>> {
        Ok(self.shared.writer().claim(want, now, until))
    }

    fn renew(&self, held: &[Lease], until: Timestamp) -> Stored<Vec<Lease>> {
        Ok(self.shared.writer().renew(held, until))
    }

    fn expire(&self, before: Timestamp, limit: u32) -> Stored<u32> {
        self.chore(|writer| expire::expire(writer, before, limit))
    }

    fn write_catalogue(&self, writes: Vec<CatalogueWrite>) -> Stored<Result<Vec<RowNumber>, Conflict>> {
        self.chore(|writer| catalogue::write(writer, &writes))
    }

    fn row(&self, number: RowNumber) -> Stored<Option<Row>> {
        self.read(|db| read::row(db, number))
    }

    fn row_of(&self, kind: Kind, key: &str) -> Stored<Option<Row>> {
        self.read(|db| read::row_of(db, kind, key))
    }

    fn rows(&self, query: &RowQuery) -> Stored<Vec<Row>> {
        self.read(|db| read::rows(db, query))
    }

    fn keep(&self, name: &str, value: &[u8]) -> Stored<Vec<u8>> {
        self.chore(|writer| {
            writer.transaction(|writer| {
                let sql = "insert into kept (name, value) values (?1, ?2) on conflict do nothing";
                writer.statement(sql)?.execute(rusqlite::params![name, value])?;
                writer.statement("select value from kept where name = ?1")?.query_row([name], |row| row.get(0))
            })
        })
    }
}
