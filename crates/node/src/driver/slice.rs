//! A slice of a node: a core with a share of the shards, its mailbox, and whoever has time to run it.
//!
//! Whoever puts something into the mailbox runs the core on the spot when nobody else does: the way from a request to
//! the commit queue then needs no change of threads. What takes longer (timers, executions that go on and on) is left
//! to the slice's worker thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
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
    /// Its place among the slices of its node.
    number: usize,
    core: Mutex<Core>,
    mailbox: Mutex<VecDeque<Input>>,
    /// Inputs in the mailbox.
    waiting: AtomicUsize,
    /// Settled commits among them.
    settled_waiting: AtomicUsize,
    worker: Mutex<Option<Thread>>,
    /// When the worker wakes up by itself; `i64::MIN`: it is at work.
    sleeps_until: AtomicI64,
    /// The worker has ended.
    is_closed: AtomicBool,
}

impl Slice {
    pub(super) fn new(number: usize, core: Core) -> Slice {
        Slice {
            number,
            core: Mutex::new(core),
            mailbox: Mutex::default(),
            waiting: AtomicUsize::new(0),
            settled_waiting: AtomicUsize::new(0),
            worker: Mutex::default(),
            sleeps_until: AtomicI64::new(i64::MIN),
            is_closed: AtomicBool::new(false),
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
    pub(super) fn leave(&self, driver: &Driver, input: Input) {
        self.post(input);
        self.call_worker(driver);
    }

    /// Something waits in the mailbox for the worker, or, when that has ended, for whoever comes along.
    fn call_worker(&self, driver: &Driver) {
        match self.is_closed.load(Ordering::SeqCst) {
            true => self.run_on_the_spot(driver),
            false => self.wake(),
        }
    }

    /// Settled commits: handled at once if nobody runs the core, which the committer thread has no time to wait for.
    pub(super) fn settle(&self, driver: &Driver, input: Input) {
        // Behind those that wait already: letters arrive in the order of their commits.
        if self.settled_waiting.load(Ordering::SeqCst) > 0 {
            return self.leave(driver, input);
        }
        let mut core = match self.core.try_lock() {
            Ok(core) => core,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.leave(driver, input),
        };
        let now = driver.now();
        let mut out = Vec::new();
        core.handle(input, now, &mut out);
        driver.carry_out(self.number, out);
        let next = core.next_turn(now);
        drop(core);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.call_worker(driver);
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
                driver.carry_out(self.number, std::mem::take(&mut out));
            }
            let next = core.next_turn(now);
            drop(core);
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return self.wake_before(next);
            }
            if next.is_some_and(|next| next <= now) && !self.is_closed.load(Ordering::SeqCst) {
                return self.wake();
            }
        }
    }

    /// The worker: runs the core until the node has stopped and nobody reads for it any longer.
    pub(super) fn work(&self, driver: &Driver) {
        *locked(&self.worker) = Some(std::thread::current());
        while !driver.has_stopped() || driver.at_work.readers() > 0 {
            let sleep_ms = {
                let mut core = locked(&self.core);
                let began = driver.now();
                let mut now = began;
                let mut out = Vec::new();
                for _ in 0..INPUTS_ON_THE_SPOT {
                    let Some(input) = self.next_input() else { break };
                    core.handle(input, now, &mut out);
                    driver.carry_out(self.number, std::mem::take(&mut out));
                }
                for _ in 0..TURNS_AT_A_TIME {
                    // Others may want the core, too.
                    let is_late = now > began.after_ms(TURNS_MS_MAX);
                    if is_late || core.next_turn(now).is_none_or(|next| next > now) {
                        break;
                    }
                    core.handle(Input::Turn, now, &mut out);
                    driver.carry_out(self.number, std::mem::take(&mut out));
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
        self.close(driver);
    }

    /// Whoever still waits, or comes too late, is told so: the core has no shards any longer. Its leases are noted.
    fn close(&self, driver: &Driver) {
        let mut core = locked(&self.core);
        self.is_closed.store(true, Ordering::SeqCst);
        let now = driver.now();
        let mut out = Vec::new();
        while let Some(input) = self.next_input() {
            core.handle(input, now, &mut out);
        }
        locked(&driver.to_give_back).extend(core.leases());
        Shards::ALL.iter().for_each(|shard| core.handle(Input::Closed(shard), now, &mut out));
        while core.has_ready() {
            core.handle(Input::Turn, now, &mut out);
        }
        driver.carry_out(self.number, out);
        drop(core);
        // Who found the core taken has left something in the mailbox.
        self.run_on_the_spot(driver);
    }

    /// Looks at the core when nobody runs it.
    pub(super) fn look<T>(&self, driver: &Driver, look: impl FnOnce(&Core) -> T) -> T {
        let seen = look(&locked(&self.core));
        // Who found the core taken has left something in the mailbox.
        if !self.is_empty() {
            self.call_worker(driver);
        }
        seen
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
        if matches!(input, Input::Settled(_)) {
            self.settled_waiting.fetch_add(1, Ordering::SeqCst);
        }
        let mut mailbox = locked(&self.mailbox);
        mailbox.push_back(input);
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    /// What waits longest, for whoever has the core.
    fn next_input(&self) -> Option<Input> {
        // Saves the lock where there is nothing.
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let input = locked(&self.mailbox).pop_front()?;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if matches!(input, Input::Settled(_)) {
            self.settled_waiting.fetch_sub(1, Ordering::SeqCst);
        }
        Some(input)
    }
}

/// A panic of one thread must not become one of all: what is behind the lock is whole between two calls.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepwell_engine::ExecutionId;
    use stepwell_store::memory::Memory;
    use stepwell_store::{RowNumber, StoreError};

    use super::*;
    use crate::api::{AnswerTo, Definition, Programs, TaskCall, Tasks};
    use crate::core::Output;
    use crate::{Config, Node};

    struct Nothing;

    impl Programs for Nothing {
        fn definition(&self, _: RowNumber) -> Result<Arc<Definition>, StoreError> {
            Err(StoreError::Away)
        }

        fn has_activity(&self, _: &str) -> bool {
            false
        }
    }

    impl Tasks for Nothing {
        fn call(&self, _: TaskCall, _: AnswerTo) {}
        fn cancel(&self, _: ExecutionId, _: stepwell_engine::AttemptId) {}
    }

    fn node(workers: usize) -> Node {
        let config = Config { workers, ..Config::default() };
        Node::open(Arc::new(Memory::new()), config, Arc::new(Nothing), Arc::new(Nothing)).unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    /// It would wait for ever, and never look again.
    #[test]
    fn a_slice_whose_shards_are_all_being_read_gets_the_deadlines_that_it_asks_for() {
        let runtime = runtime();
        let _within = runtime.enter();
        let node = node(2);
        let driver = node.driver();
        let slice = &driver.slices[1];
        let core = locked(&slice.core);
        driver.carry_out(1, vec![Output::ReadDue(Box::new(Shards::NONE), Timestamp(0))]);
        let has_come = || locked(&slice.mailbox).iter().any(|input| matches!(input, Input::Due(_)));
        let began = std::time::Instant::now();
        while !has_come() && began.elapsed() < Duration::from_secs(30) {
            std::thread::yield_now();
        }
        assert!(has_come());
        drop(core);
    }

    #[test]
    fn what_came_while_somebody_looked_at_the_core_is_not_left_lying() {
        runtime().block_on(async {
            let node = node(1);
            // Nobody empties the mailbox any longer.
            node.drain(Duration::ZERO).await;
            let driver = node.driver();
            let slice = &driver.slices[0];
            slice.look(driver, |_| slice.submit(driver, Input::Drain));
            assert!(slice.is_empty());
        });
    }

    #[test]
    fn settled_commits_do_not_overtake_each_other() {
        runtime().block_on(async {
            let node = node(1);
            // Nobody empties the mailbox any longer.
            node.drain(Duration::ZERO).await;
            let driver = node.driver();
            let slice = &driver.slices[0];
            slice.is_closed.store(false, Ordering::SeqCst);
            let core = locked(&slice.core);
            slice.settle(driver, Input::Settled(Vec::new()));
            assert_eq!(slice.waiting.load(Ordering::SeqCst), 1, "the core is taken");
            drop(core);
            slice.settle(driver, Input::Settled(Vec::new()));
            assert_eq!(slice.waiting.load(Ordering::SeqCst), 2, "it waits behind the first one");
            slice.run_on_the_spot(driver);
            slice.settle(driver, Input::Settled(Vec::new()));
            assert_eq!(slice.waiting.load(Ordering::SeqCst), 0);
        });
    }
}
