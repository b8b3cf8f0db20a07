//! The committer: one thread that makes durable whatever waits, and releases what waited for it.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

use stepwell_engine::Timestamp;
use stepwell_store::StoreError;

use super::Driver;
use super::slice::locked;
use crate::core::{Commit, CommitQueue, Input, Settled};

thread_local! {
    static IS_COMMITTER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the committer's thread, which must not be kept from committing.
pub(super) fn is_committer() -> bool {
    IS_COMMITTER.get()
}

/// Commits that wait, and the committer who waits for them.
#[derive(Default)]
pub(super) struct Commits {
    queue: Mutex<CommitQueue>,
    arrived: Condvar,
}

impl Commits {
    pub(super) fn push(&self, commit: Commit) {
        let mut queue = locked(&self.queue);
        let was_empty = queue.is_empty();
        queue.push(commit);
        drop(queue);
        if was_empty {
            self.arrived.notify_one();
        }
    }

    /// Wakes the committer, so that it sees that the node stops.
    pub(super) fn wake(&self) {
        let _queue = locked(&self.queue);
        self.arrived.notify_all();
    }

    /// The committer's thread: ends when the node has stopped, no worker can want anything written any longer, and nothing
    /// waits.
    pub(super) fn work(&self, driver: &Driver) {
        IS_COMMITTER.set(true);
        let mut failures = Failures::default();
        loop {
            let mut queue = locked(&self.queue);
            while queue.is_empty() {
                if driver.has_stopped() && driver.at_work.workers() == 0 {
                    return;
                }
                queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let mut batch = queue.next_batch();
            drop(queue);
            let writes = std::mem::take(&mut batch.writes);
            let result = if writes.is_empty() { Ok(Vec::new()) } else { driver.store.commit(writes) };
            if let Err(error) = &result {
                failures.report(driver, error);
            }
            let (released, settled) = locked(&self.queue).settle(batch, result);
            released.into_iter().for_each(|release| driver.release(release));
            self.tell(driver, settled);
        }
    }

    /// Tells the cores what became of their commits.
    fn tell(&self, driver: &Driver, settled: Vec<Settled>) {
        let mut of_slice: Vec<Vec<Settled>> = driver.slices.iter().map(|_| Vec::new()).collect();
        for settled in settled {
            of_slice[driver.slice_of(settled.note.shard)].push(settled);
        }
        for (slice, settled) in driver.slices.iter().zip(of_slice) {
            if !settled.is_empty() {
                slice.settle(driver, Input::Settled(settled));
            }
        }
    }
}

/// Commits that failed since the last line about them.
#[derive(Default)]
struct Failures {
    count: u64,
    next_line: Timestamp,
}

impl Failures {
    /// Where the disk is full, every commit fails: one line a second says so.
    fn report(&mut self, driver: &Driver, error: &StoreError) {
        self.count += 1;
        let now = driver.now();
        if now >= self.next_line {
            driver.warn(&format!("{} commits failed; what they concern is read again: {error}", self.count));
            *self = Failures { count: 0, next_line: now.after_ms(1_000) };
        }
    }
}
