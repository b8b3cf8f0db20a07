//! How a node stops: readers first, then workers, the committer last, so that whatever was begun is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_engine::Timestamp;

use super::Driver;
use super::slice::{Slice, locked};

/// What a thread does that others wait for before they end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// Reads what workers ask for.
    Reader,
    /// Runs a slice, and wants things written.
    Worker,
}

/// Threads that have not ended.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    readers: AtomicUsize,
    workers: AtomicUsize,
}

impl AtWork {
    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::SeqCst)
    }

    pub(super) fn workers(&self) -> usize {
        self.workers.load(Ordering::SeqCst)
    }

    fn of(&self, role: Role) -> &AtomicUsize {
        match role {
            Role::Reader => &self.readers,
            Role::Worker => &self.workers,
        }
    }
}

/// Counts a thread, until it ends in whatever way.
pub(super) struct Busy {
    driver: Arc<Driver>,
    role: Role,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.driver.at_work.of(self.role).fetch_sub(1, Ordering::SeqCst);
        // Those that wait for this one look again.
        match self.role {
            Role::Reader => self.driver.slices.iter().for_each(Slice::wake),
            Role::Worker => self.driver.commits.wake(),
        }
    }
}

impl Driver {
    /// Counts a thread that is about to be started.
    pub(super) fn begin(self: &Arc<Self>, role: Role) -> Busy {
        self.at_work.of(role).fetch_add(1, Ordering::SeqCst);
        Busy { driver: self.clone(), role }
    }

    /// Has all threads end.
    pub(super) fn stop(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.stopped.store(true, Ordering::SeqCst);
        self.commits.wake();
        self.jobs.wake();
        self.slices.iter().for_each(Slice::wake);
    }

    /// Waits until all threads have ended.
    pub(super) fn join(&self) {
        for thread in std::mem::take(&mut *locked(&self.threads)) {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
        if let Some(logs) = &self.logs {
            logs.close();
        }
    }

    /// Lets go of the shards, so that whoever opens the store next need not wait for leases to end.
    pub(super) fn give_back_shards(&self) {
        let held = std::mem::take(&mut *locked(&self.to_give_back));
        // Where that fails, leases end by themselves, or with the process.
        let _ = self.store.renew(&held, Timestamp(i64::MIN));
    }
}
