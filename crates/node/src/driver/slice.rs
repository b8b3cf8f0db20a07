//! A slice of a node: a core with a share of the shards, its mailbox, and whoever has time to run it.
//!
//! Whoever puts something into the mailbox runs the core on the spot when nobody else does: the way from a request to
//! the commit queue then needs no change of threads. What takes longer (timers, executions that go on and on) is left
//! to the slice's worker thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::Thread;
use std::time::Duration;

use stepwell_engine::Timestamp;
use stepwell_store::Shards;

use super::Driver;
use crate::core::{Core, Input};

/// Inputs that somebody who came along with one handles before the worker takes over.
const INPUTS_ON_THE_SPOT: usize = 32;

/// Turns that the worker takes before it lets go of the core, and for how long it takes more of them.
const TURNS_AT_A_TIME: usize = 32;
const TURNS_MS_MAX: i64 = 1;

/// Requests that may wait in a mailbox. What is under way already (answers, settled commits) always has room: there is
/// no more of it than was let in.
pub(super) const MAILBOX_MAX: usize = 8_192;

/// The worker sleeps no longer than this, whatever it waits for.
const SLEEP_MS_MAX: i64 = 1_000;

/// A core and its mailbox.
pub(super) struct Slice {
    core: Mutex<Core>,
    mailbox: Mutex<VecDeque<Input>>,
    /// Inputs in the mailbox.
    waiting: AtomicUsize,
    worker: Mutex<Option<Thread>>,
    /// When the worker wakes up by itself; `i64::MIN`: it is at work.
    sleeps_until: AtomicI64,
}

impl Slice {
    pub(super) fn new(core: Core) -> Slice {
        Slice {
            core: Mutex::new(core),
            mailbox: Mutex::default(),
            waiting: AtomicUsize::new(0),
            worker: Mutex::default(),
            sleeps_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether the mailbox has room for a request.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < MAILBOX_MAX
    }

    /// Whether nothing waits in the mailbox.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Hands something to the core, on the spot if that is free.
    pub(super) fn submit(&self, driver: &Driver, input: Input) {
        self.post(input);
        self.run_on_the_spot(driver);
    }

    /// Leaves something to the worker.
    pub(super) fn leave(&self, input: Input) {
        self.post(input);
        self.wake();
    }

    /// Settled commits: handled at once if nobody runs the core, which the committer thread has no time to wait for.
    pub(super) fn settle(&self, driver: &Driver, input: Input) {
        let mut core = match self.core.try_lock() {
            Ok(core) => core,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.leave(input),
        };
        let now = driver.now();
        let mut out = Vec::new();
        core.handle(input, now, &mut out);
        driver.carry_out(out);
        let next = core.next_turn(now);
        drop(core);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.wake();
        } else {
            self.wake_before(next);
        }
    }

    /// Runs the core until nothing waits in the mailbox, or somebody else runs it.
    fn run_on_the_spot(&self, driver: &Driver) {
        loop {
            let mut core = match self.core.try_lock() {
                Ok(core) => core,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Whoever has it looks into the mailbox again after letting go of it.
                Err(TryLockError::WouldBlock) => return,
            };
            let now = driver.now();
            let mut out = Vec::new();
            for _ in 0..INPUTS_ON_THE_SPOT {
                let Some(input) = self.next_input() else { break };
                core.handle(input, now, &mut out);
                driver.carry_out(std::mem::take(&mut out));
            }
            let next = core.next_turn(now);
            drop(core);
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return self.wake_before(next);
            }
            if next.is_some_and(|next| next <= now) {
                return self.wake();
            }
        }
    }

    /// The worker: runs the core until the node stops.
    pub(super) fn work(&self, driver: &Driver) {
        *locked(&self.worker) = Some(std::thread::current());
        while !driver.has_stopped() {
            let sleep_ms = {
                let mut core = locked(&self.core);
                let began = driver.now();
                let mut now = began;
                let mut out = Vec::new();
                for _ in 0..INPUTS_ON_THE_SPOT {
                    let Some(input) = self.next_input() else { break };
                    core.handle(input, now, &mut out);
                    driver.carry_out(std::mem::take(&mut out));
                }
                for _ in 0..TURNS_AT_A_TIME {
                    // Others may want the core, too.
                    let is_late = now > began.after_ms(TURNS_MS_MAX);
                    if is_late || core.next_turn(now).is_none_or(|next| next > now) {
                        break;
                    }
                    core.handle(Input::Turn, now, &mut out);
                    driver.carry_out(std::mem::take(&mut out));
                    now = driver.now();
                }
                let next = core.next_turn(now);
                let until = next.unwrap_or(Timestamp(i64::MAX)).min(now.after_ms(SLEEP_MS_MAX));
                // Within the lock: whoever sets an earlier timer after us sees that we would sleep too long.
                self.sleeps_until.store(until.0, Ordering::SeqCst);
                until.0 - now.0
            };
            if sleep_ms > 0 && self.waiting.load(Ordering::SeqCst) == 0 {
                std::thread::park_timeout(Duration::from_millis(sleep_ms as u64));
            }
            self.sleeps_until.store(i64::MIN, Ordering::SeqCst);
        }
        // Whoever still waits, or comes too late, is told so.
        let mut core = locked(&self.core);
        let now = driver.now();
        let mut out = Vec::new();
        Shards::ALL.iter().for_each(|shard| core.handle(Input::Closed(shard), now, &mut out));
        while let Some(input) = self.next_input() {
            core.handle(input, now, &mut out);
        }
        driver.carry_out(out);
    }

    /// Looks at the core when nobody runs it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Core) -> T) -> T {
        look(&locked(&self.core))
    }

    /// Wakes the worker.
    pub(super) fn wake(&self) {
        if let Some(worker) = locked(&self.worker).as_ref() {
            worker.unpark();
        }
    }

    /// Wakes the worker if it would sleep longer than until `next`.
    fn wake_before(&self, next: Option<Timestamp>) {
        if next.is_some_and(|next| next.0 < self.sleeps_until.load(Ordering::SeqCst)) {
            self.wake();
        }
    }

    fn post(&self, input: Input) {
        let mut mailbox = locked(&self.mailbox);
        mailbox.push_back(input);
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    fn next_input(&self) -> Option<Input> {
        // Saves the lock where there is nothing.
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let input = locked(&self.mailbox).pop_front()?;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Some(input)
    }
}

/// A panic of one thread must not become one of all: what is behind the lock is whole between two calls.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
