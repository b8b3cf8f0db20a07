//! Moves what was committed from the write-ahead log into the file, beside the writer; gives free pages back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{PAGE_BYTES, Shared};

/// How often the thread looks whether there is something to do.
const TICK: Duration = Duration::from_millis(200);

/// What little has been written waits for so long: each checkpoint costs two syncs.
const PATIENCE: Duration = Duration::from_secs(1);

/// As soon as so much has been written, it does not wait.
const CHECKPOINT_BYTES: u64 = 4 << 20;

/// A log of this size is brought to its end, so that it starts anew from the front: a sync of what grows takes twice as
/// long as one of what is written over. Under unbroken load no checkpoint beside the writer gets there: new commits are
/// behind it whenever it is done.
const LOG_BYTES: u64 = 32 << 20;

/// The writer waits for the end of a log only when this much or less is left to move: some ten milliseconds.
const REST_BYTES: u64 = 2 << 20;

/// At this size it waits, however much is left.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// A log that is larger is emptied when nothing has been written for [`QUIET_TICKS`]: opening reads all of it, even what
/// has been moved. Not earlier, because a log that is there is written to faster than one that grows.
const QUIET_LOG_BYTES: u64 = 2 * LOG_BYTES;

/// Ten seconds.
const QUIET_TICKS: u32 = 50;

/// How often a checkpoint is repeated at once to come near the end of a log.
const ROUNDS_MAX: u32 = 4;

/// Free pages are given back when they are a quarter of the file and more than this many.
const FREE_PAGES_MIN: u64 = 1024;

/// Pages that are given back at a time, while the writer waits: a few milliseconds.
const VACUUM_PAGES: u32 = 64;

/// What the thread counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Committed bytes that no checkpoint has moved, roughly.
    pub(super) pending_bytes: AtomicU64,
    pub(super) log_bytes: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) blocking: AtomicU64,
    pub(super) blocking_longest_us: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// Works until the other end of the channel is gone.
pub(super) fn run(shared: &Shared, db: &Connection, until: &Receiver<()>) {
    let counters = &shared.counters;
    let mut last = Instant::now();
    let mut quiet_ticks: u32 = 0;
    while until.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let pending = counters.pending_bytes.load(Ordering::Relaxed);
        let done = if pending > 0 {
            quiet_ticks = 0;
            if pending < CHECKPOINT_BYTES && last.elapsed() < PATIENCE {
                continue;
            }
            last = Instant::now();
            checkpoint(shared, db).inspect(|()| {
                counters.pending_bytes.fetch_sub(pending, Ordering::Relaxed);
            })
        } else {
            quiet_ticks = quiet_ticks.saturating_add(1);
            when_quiet(shared, db, quiet_ticks)
        };
        if done.is_err() {
            // Nothing is lost: what was committed stays in the log, and free pages stay free. The next tick tries again.
            counters.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn when_quiet(shared: &Shared, db: &Connection, ticks: u32) -> rusqlite::Result<()> {
    if ticks >= QUIET_TICKS && shared.counters.log_bytes.load(Ordering::Relaxed) > QUIET_LOG_BYTES {
        block(shared, db, "truncate")?;
    }
    give_back(shared, db)
}

fn checkpoint(shared: &Shared, db: &Connection) -> rusqlite::Result<()> {
    for _ in 0..ROUNDS_MAX {
        let before = shared.counters.pending_bytes.load(Ordering::Relaxed);
        let log_bytes = move_log(shared, db, "passive")?;
        if log_bytes < LOG_BYTES {
            return Ok(());
        }
        let rest = shared.counters.pending_bytes.load(Ordering::Relaxed).saturating_sub(before);
        if rest <= REST_BYTES || log_bytes >= LOG_BYTES_MAX {
            return block(shared, db, "passive");
        }
    }
    Ok(())
}

/// Moves the rest of the log while the writer waits.
fn block(shared: &Shared, db: &Connection, mode: &str) -> rusqlite::Result<()> {
    let _writer = shared.writer();
    let start = Instant::now();
    move_log(shared, db, mode)?;
    // Who looks from now on looks at the file alone, and the next commit is the first of the log again.
    shared.readers.let_go();
    let counters = &shared.counters;
    counters.blocking.fetch_add(1, Ordering::Relaxed);
    counters.blocking_longest_us.fetch_max(start.elapsed().as_micros() as u64, Ordering::Relaxed);
    Ok(())
}

/// Makes a checkpoint and gives the size of the log, which is none after one that was truncated. One that somebody
/// still reads stays as it is.
fn move_log(shared: &Shared, db: &Connection, mode: &str) -> rusqlite::Result<u64> {
    shared.readers.let_go();
    let pages: i64 = db.query_one(&format!("pragma wal_checkpoint({mode})"), [], |row| row.get(1))?;
    let log_bytes = u64::try_from(pages).unwrap_or(0) * PAGE_BYTES;
    shared.counters.log_bytes.store(log_bytes, Ordering::Relaxed);
    shared.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
    Ok(log_bytes)
}

fn give_back(shared: &Shared, db: &Connection) -> rusqlite::Result<()> {
    let count = |sql: &str| db.query_one(sql, [], |row| row.get::<_, i64>(0)).map(|count| count as u64);
    let free = count("pragma freelist_count")?;
    if free > FREE_PAGES_MIN && free > count("pragma page_count")? / 4 {
        let writer = shared.writer();
        // Each row that is asked for gives one page back.
        let mut vacuum = writer.db.prepare(&format!("pragma incremental_vacuum({VACUUM_PAGES})"))?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        shared.counters.pending_bytes.fetch_add(u64::from(VACUUM_PAGES) * PAGE_BYTES, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{FILE, Sqlite, open_checkpointer};
    use super::*;

    #[test]
    fn a_large_log_is_emptied_when_it_has_been_quiet_for_long() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path()).unwrap();
        let db = open_checkpointer(&directory.path().join(FILE)).unwrap();
        let log_bytes = || directory.path().join("stepwell.db-wal").metadata().unwrap().len();
        let write = |bytes: u64| {
            let sql = "insert into kept (name, value) values (random(), zeroblob(?1))";
            store.shared.writer().db.execute(sql, [bytes as i64]).unwrap();
            checkpoint(&store.shared, &db).unwrap();
        };
        write(QUIET_LOG_BYTES / 2);
        when_quiet(&store.shared, &db, QUIET_TICKS).unwrap();
        assert!(log_bytes() > 0, "it is small");
        write(QUIET_LOG_BYTES);
        when_quiet(&store.shared, &db, QUIET_TICKS - 1).unwrap();
        assert!(log_bytes() > QUIET_LOG_BYTES, "it has not been quiet for long");
        when_quiet(&store.shared, &db, QUIET_TICKS).unwrap();
        assert_eq!(log_bytes(), 0);
        write(10);
        assert_eq!(store.damages().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_log_starts_anew_though_others_read_all_the_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path()).unwrap();
        let db = open_checkpointer(&directory.path().join(FILE)).unwrap();
        std::thread::scope(|scope| {
            // Dropped by a panic, too: the scope waits for the reader.
            let writing = Arc::new(());
            let (store, writer) = (&store, Arc::downgrade(&writing));
            scope.spawn(move || {
                while writer.strong_count() > 0 {
                    store.read(|db| db.query_one("select count(*) from kept", [], |row| row.get::<_, i64>(0))).unwrap();
                }
            });
            let sql = "insert or replace into kept (name, value) values (?1, zeroblob(?2))";
            for n in 0..24 {
                store.shared.writer().db.execute(sql, [n % 4, LOG_BYTES as i64 / 4]).unwrap();
                store.shared.readers.see_what_was_written();
                checkpoint(&store.shared, &db).unwrap();
            }
        });
        let log_bytes = directory.path().join("stepwell.db-wal").metadata().unwrap().len();
        assert!(log_bytes < 3 * LOG_BYTES, "{log_bytes}");
        assert_eq!(store.damages().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_large_log_that_somebody_reads_holds_nobody_up_and_is_emptied_later() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path()).unwrap();
        let file = directory.path().join(FILE);
        let (db, reader) = (open_checkpointer(&file).unwrap(), open_checkpointer(&file).unwrap());
        let sql = "insert into kept (name, value) values (random(), zeroblob(?1))";
        store.shared.writer().db.execute(sql, [2 * QUIET_LOG_BYTES as i64]).unwrap();
        reader.execute_batch("begin; select count(*) from kept").unwrap();
        let start = Instant::now();
        when_quiet(&store.shared, &db, QUIET_TICKS).unwrap();
        checkpoint(&store.shared, &db).unwrap();
        when_quiet(&store.shared, &db, QUIET_TICKS).unwrap();
        assert!(start.elapsed() < super::super::BUSY, "commits wait meanwhile");
        assert!(store.figures().log_bytes > QUIET_LOG_BYTES);
        reader.execute_batch("commit").unwrap();
        when_quiet(&store.shared, &db, QUIET_TICKS).unwrap();
        assert_eq!(store.figures().log_bytes, 0);
    }

    #[test]
    fn free_pages_are_given_back_until_few_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path()).unwrap();
        let db = open_checkpointer(&directory.path().join(FILE)).unwrap();
        let pages =
            |what: &str| db.query_one(&format!("pragma {what}"), [], |row| row.get::<_, i64>(0)).unwrap() as u64;
        // Twice the least that counts as many, written and removed.
        let fill = "with recursive n (n) as (values (1) union all select n + 1 from n where n < 2048)
            insert into piece (entity, number, count, body) select 1, n, 0, zeroblob(8000) from n";
        store.shared.writer().db.execute_batch(&format!("{fill}; delete from piece")).unwrap();
        let free = pages("freelist_count");
        assert!(free > 2 * FREE_PAGES_MIN - 100, "{free}");

        give_back(&store.shared, &db).unwrap();
        // The store's own thread may have done so, too.
        assert!(pages("freelist_count") <= free - u64::from(VACUUM_PAGES), "a slice");
        for _ in 0..100 {
            give_back(&store.shared, &db).unwrap();
        }
        assert!(pages("freelist_count") <= FREE_PAGES_MIN);
        assert!(pages("page_count") < 2 * FREE_PAGES_MIN);
        assert_eq!(store.damages().unwrap(), Vec::<String>::new());
    }
}
