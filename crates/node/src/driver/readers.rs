//! Reader threads: whatever blocks on the store and is no commit.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use stepwell_engine::{Epoch, ShardId, Timestamp};
use stepwell_store::{Entity, Lease, LetterId, Shards};

use super::slice::locked;
use super::{Driver, FOREVER};
use crate::core::{self, Input, Memory, OpenedShard, ReadError};

/// Number of threads.
pub(super) const READERS: usize = 2;

/// How long to wait before a shard whose memory was lost is read again, at first and, after failures, at most.
pub(super) const REOPEN_MS: (i64, i64) = (10, 5_000);

/// How often closed executions that are too old are looked for.
const EXPIRE_EVERY_MS: i64 = 10 * 60 * 1000;

/// Closed executions that one call removes at most; it takes 10 ms at most.
const EXPIRE_LIMIT: u32 = 1_000;

/// Something to read.
#[derive(Debug)]
pub(super) enum Job {
    /// An execution or a Map Run.
    Load(Entity, Memory),
    /// Deadlines of shards of a slice.
    Due(usize, Box<Shards>, Timestamp),
    /// Letters to shards of a slice.
    Mail(usize, Box<Shards>, LetterId),
    /// A shard whose memory was lost; it has been tried so often.
    Reopen(ShardId, Epoch, u32),
    /// Remove closed executions that are too old.
    Expire,
}

/// Jobs that wait, by when they are to be done.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: BTreeMap<(Timestamp, u64), Job>,
    count: u64,
}

impl Jobs {
    /// Adds a job, to be done at a time; the core bounds their number.
    pub(super) fn push(&self, at: Timestamp, job: Job) {
        let mut waiting = locked(&self.waiting);
        waiting.count += 1;
        let key = (at, waiting.count);
        waiting.jobs.insert(key, job);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Wakes the readers, so that they see that the node stops.
    pub(super) fn wake(&self) {
        let _waiting = locked(&self.waiting);
        self.arrived.notify_all();
    }

    /// A reader's thread.
    pub(super) fn work(&self, driver: &Driver) {
        while let Some(job) = self.next(driver) {
            driver.read(job);
        }
    }

    fn next(&self, driver: &Driver) -> Option<Job> {
        let mut waiting = locked(&self.waiting);
        loop {
            if driver.has_stopped() {
                return None;
            }
            let now = driver.now();
            let wait_ms = match waiting.jobs.first_entry() {
                Some(first) if first.key().0 <= now => return Some(first.remove()),
                Some(first) => first.key().0.0 - now.0,
                None => i64::from(u16::MAX),
            };
            let wait = Duration::from_millis(wait_ms.clamp(1, i64::from(u16::MAX)) as u64);
            waiting = self.arrived.wait_timeout(waiting, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Driver {
    fn read(&self, job: Job) {
        let (store, codec, programs) = (self.store.as_ref(), &self.codec, self.programs.as_ref());
        match job {
            Job::Load(entity, memory) => {
                let result = core::read_entity(store, codec, programs, entity);
                if let Err(error) = &result {
                    self.warn_of(&format!("{entity:?} could not be read"), error);
                }
                self.slice(entity.shard()).submit(self, Input::Loaded(entity, memory, result));
            }
            Job::Due(slice, shards, before) => {
                let result = core::read_due(store, &shards, before);
                self.slices[slice].submit(self, Input::Due(result));
            }
            Job::Mail(slice, shards, after) => {
                let result = core::read_mail(store, codec, programs, &shards, after);
                for error in result.iter().flat_map(|mail| &mail.unreadable) {
                    self.warn_of("a letter could not be read; it stays in the store", error);
                }
                self.slices[slice].submit(self, Input::Mail(result));
            }
            Job::Reopen(shard, epoch, tried) => match self.reopen(shard, epoch) {
                Ok(Some(opened)) => {
                    self.report(&opened);
                    self.slice(shard).submit(self, Input::Opened(Box::new(opened)));
                }
                result => {
                    if let Err(error) = result {
                        self.warn_of(&format!("shard {} could not be opened again", shard.0), &error);
                    }
                    let wait_ms = (REOPEN_MS.0 << tried.min(16)).min(REOPEN_MS.1);
                    self.jobs.push(self.now().after_ms(wait_ms), Job::Reopen(shard, epoch, tried + 1));
                }
            },
            Job::Expire => self.expire(),
        }
    }

    /// Reads a shard again, as its owner; none: it has another one.
    fn reopen(&self, shard: ShardId, epoch: Epoch) -> Result<Option<OpenedShard>, ReadError> {
        let now = self.now();
        let mut leases = self.store.renew(&[Lease { shard, epoch }], FOREVER)?;
        if leases.is_empty() {
            let mut want = Shards::NONE;
            want.insert(shard);
            leases = self.store.claim(&self.name, &want, now, FOREVER)?;
        }
        let opened = core::open_shard(self.store.as_ref(), &self.codec, self.programs.as_ref(), &leases, now)?;
        Ok(opened.into_iter().next())
    }

    fn expire(&self) {
        let Some(retention_ms) = self.retention_ms else { return };
        let now = self.now();
        let wait_ms = match self.store.expire(Timestamp(now.0 - retention_ms), EXPIRE_LIMIT) {
            Ok(0) => EXPIRE_EVERY_MS,
            // The rest in the next slice, behind whoever waits.
            Ok(_) => 1,
            Err(error) => {
                self.warn(&format!("old executions could not be removed: {error}"));
                EXPIRE_EVERY_MS
            }
        };
        self.jobs.push(now.after_ms(wait_ms), Job::Expire);
    }
}
