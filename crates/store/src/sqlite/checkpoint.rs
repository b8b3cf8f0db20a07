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

/// A log of this size is emptied while the writer waits. Without a pause in the load it is never emptied otherwise:
/// new commits are behind it whenever its end is reached.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// Free pages are given back when they are a quarter of the file and more than this many.
const FREE_PAGES_MIN: u64 = 1024;

/// Pages that are given back at a time, while the writer waits: a few milliseconds.
const VACUUM_PAGES: u32 = 64;

/// What the thread counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Committed bytes that no checkpoint has seen, roughly.
    pub(super) pending_bytes: AtomicU64,
    pub(super) log_bytes: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) blocking: AtomicU64,
    pub(super) blocking_longest_us: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// Works until the other end of the channel is gone.
pub(super) fn run(shared: &Shared, db: &Connection, until: &Receiver<()>) {
    let mut last = Instant::now();
    while until.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let counters = &shared.counters;
        let pending = counters.pending_bytes.load(Ordering::Relaxed);
        if pending >= CHECKPOINT_BYTES || (pending > 0 && last.elapsed() >= PATIENCE) {
            counters.pending_bytes.fetch_sub(pending, Ordering::Relaxed);
            last = Instant::now();
            if checkpoint(shared, db).is_err() {
                // Nothing is lost: what was committed stays in the log. The next one tries again.
                counters.failed.fetch_add(1, Ordering::Relaxed);
                counters.pending_bytes.fetch_add(pending, Ordering::Relaxed);
            }
        } else if pending == 0 {
            // Likewise: the pages stay free.
            let _ = give_back(shared, db);
        }
    }
}

fn checkpoint(shared: &Shared, db: &Connection) -> rusqlite::Result<()> {
    let counters = &shared.counters;
    let pages: i64 = db.query_one("pragma wal_checkpoint(passive)", [], |row| row.get(1))?;
    let log_bytes = u64::try_from(pages).unwrap_or(0) * PAGE_BYTES;
    counters.log_bytes.store(log_bytes, Ordering::Relaxed);
    counters.checkpoints.fetch_add(1, Ordering::Relaxed);
    if log_bytes >= LOG_BYTES_MAX {
        let _writer = shared.writer();
        let start = Instant::now();
        db.query_one("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        counters.log_bytes.store(0, Ordering::Relaxed);
        counters.blocking.fetch_add(1, Ordering::Relaxed);
        counters.blocking_longest_us.fetch_max(start.elapsed().as_micros() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn give_back(shared: &Shared, db: &Connection) -> rusqlite::Result<()> {
    let count = |sql: &str| db.query_one(sql, [], |row| row.get::<_, i64>(0)).map(|count| count as u64);
    let free = count("pragma freelist_count")?;
    if free > FREE_PAGES_MIN && free > count("pragma page_count")? / 4 {
        let writer = shared.writer();
        writer.db.execute_batch(&format!("pragma incremental_vacuum({VACUUM_PAGES})"))?;
        shared.counters.pending_bytes.fetch_add(u64::from(VACUUM_PAGES) * PAGE_BYTES, Ordering::Relaxed);
    }
    Ok(())
}
