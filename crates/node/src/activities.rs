//! Queues of activities: tasks that wait for a worker, and workers that wait for a task. Pure.
//!
//! A task that is matched with a worker is out of its queue. Whoever hands it over tells the execution, and brings
//! back what could not be handed over: the worker when nobody waits for the task any longer, the task when the
//! worker has gone.

use std::collections::{BTreeMap, VecDeque};

use stepwell_engine::{AttemptId, ExecutionId, Payload};
use stepwell_value::Str;

use crate::api::Refusal;

/// Workers that may poll an activity at a time.
pub const POLLERS_MAX: usize = 1_000;

/// Inputs that are kept beside waiting tasks, so that handing them over need not look them up.
const INPUT_BYTES_MAX: usize = 16 << 20;

/// A task that waits for a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Whose it is.
    pub execution: ExecutionId,
    /// Names it there.
    pub attempt: AttemptId,
    /// Its input, if that is at hand.
    pub input: Option<Payload>,
    /// It was handed to a worker already, who had gone by then.
    pub again: bool,
}

/// A worker that waits for a task.
pub trait Poller {
    /// Whether it has stopped waiting.
    fn has_gone(&self) -> bool;
}

/// All queues of a node.
#[derive(Debug)]
pub struct Activities<P> {
    queues: BTreeMap<Str, Queue<P>>,
    places: BTreeMap<(ExecutionId, AttemptId), (Str, i64)>,
    input_bytes: usize,
}

#[derive(Debug)]
struct Queue<P> {
    tasks: BTreeMap<i64, Waiting>,
    pollers: VecDeque<P>,
}

impl<P> Default for Activities<P> {
    fn default() -> Activities<P> {
        Activities { queues: BTreeMap::new(), places: BTreeMap::new(), input_bytes: 0 }
    }
}

impl<P: Poller> Activities<P> {
    /// Number of tasks that wait.
    pub fn waiting(&self) -> usize {
        self.places.len()
    }

    /// A task waits for a worker. One that waits already does not wait twice.
    pub fn offer(&mut self, activity: &Str, task: Waiting) -> Option<(P, Waiting)> {
        self.put(activity, task, false);
        self.matched(activity)
    }

    /// A worker waits for a task.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn poll(&mut self, activity: &Str, poller: P) -> Result<Option<(P, Waiting)>, Refusal> {
        let queue = self.queues.entry(activity.clone()).or_default();
        if queue.pollers.len() >= POLLERS_MAX {
            queue.pollers.retain(|poller| !poller.has_gone());
        }
        if queue.pollers.len() >= POLLERS_MAX {
            return Err(Refusal::WorkerLimit);
        }
        queue.pollers.push_back(poller);
        Ok(self.matched(activity))
    }

    /// The task that this worker was matched with is nobody's any longer: the worker waits again, before the others.
    pub fn give_back(&mut self, activity: &Str, poller: P) -> Option<(P, Waiting)> {
        self.queues.entry(activity.clone()).or_default().pollers.push_front(poller);
        self.matched(activity)
    }

    /// The worker that this task was matched with has gone: the task waits again, before the others.
    pub fn put_back(&mut self, activity: &Str, task: Waiting) -> Option<(P, Waiting)> {
        self.put(activity, task, true);
        self.matched(activity)
    }

    /// Nobody waits for this attempt any longer.
    pub fn cancel(&mut self, execution: ExecutionId, attempt: AttemptId) {
        let Some((activity, place)) = self.places.remove(&(execution, attempt)) else { return };
        if let Some(queue) = self.queues.get_mut(&activity) {
            let task = queue.tasks.remove(&place);
            self.input_bytes -= input_bytes(task.as_ref());
            self.tidy(&activity);
        }
    }

    /// Sends every waiting worker away, for the node stops.
    pub fn dismiss(&mut self) -> Vec<P> {
        self.queues.values_mut().flat_map(|queue| queue.pollers.drain(..)).collect()
    }

    fn put(&mut self, activity: &Str, mut task: Waiting, first: bool) {
        let key = (task.execution, task.attempt);
        if self.places.contains_key(&key) {
            return;
        }
        let bytes = input_bytes(Some(&task));
        match self.input_bytes + bytes > INPUT_BYTES_MAX {
            true => task.input = None,
            false => self.input_bytes += bytes,
        }
        let queue = self.queues.entry(activity.clone()).or_default();
        let place = match first {
            true => queue.tasks.first_key_value().map_or(0, |(place, _)| place - 1),
            false => queue.tasks.last_key_value().map_or(0, |(place, _)| place + 1),
        };
        queue.tasks.insert(place, task);
        self.places.insert(key, (activity.clone(), place));
    }

    fn matched(&mut self, activity: &Str) -> Option<(P, Waiting)> {
        let queue = self.queues.get_mut(activity)?;
        while queue.pollers.front().is_some_and(Poller::has_gone) {
            queue.pollers.pop_front();
        }
        let pair = match (queue.pollers.is_empty(), queue.tasks.pop_first()) {
            (false, Some((_, task))) => queue.pollers.pop_front().map(|poller| (poller, task)),
            (true, Some((place, task))) => {
                queue.tasks.insert(place, task);
                None
            }
            (_, None) => None,
        };
        if let Some((_, task)) = &pair {
            self.places.remove(&(task.execution, task.attempt));
            self.input_bytes -= input_bytes(Some(task));
        }
        self.tidy(activity);
        pair
    }

    fn tidy(&mut self, activity: &Str) {
        if self.queues.get(activity).is_some_and(|queue| queue.tasks.is_empty() && queue.pollers.is_empty()) {
            self.queues.remove(activity);
        }
    }
}

impl<P> Default for Queue<P> {
    fn default() -> Queue<P> {
        Queue { tasks: BTreeMap::new(), pollers: VecDeque::new() }
    }
}

fn input_bytes(task: Option<&Waiting>) -> usize {
    task.and_then(|task| task.input.as_ref()).map_or(0, Payload::bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Worker(&'static str);

    impl Poller for Worker {
        fn has_gone(&self) -> bool {
            self.0.starts_with("gone")
        }
    }

    fn task(n: u32) -> Waiting {
        Waiting { execution: ExecutionId(n.into()), attempt: AttemptId(0), input: None, again: false }
    }

    fn number(matched: Option<(Worker, Waiting)>) -> Option<(&'static str, u128)> {
        matched.map(|(worker, task)| (worker.0, task.execution.0))
    }

    #[test]
    fn tasks_go_to_workers_in_the_order_in_which_both_came() {
        let (ship, pay) = (Str::from("ship"), Str::from("pay"));
        let mut activities = Activities::default();
        assert_eq!(number(activities.offer(&ship, task(1))), None);
        assert_eq!(number(activities.offer(&ship, task(2))), None);
        assert_eq!(number(activities.offer(&ship, task(2))), None, "it waits already");
        assert_eq!(number(activities.poll(&pay, Worker("a")).unwrap()), None, "another activity's");
        assert_eq!(number(activities.poll(&ship, Worker("b")).unwrap()), Some(("b", 1)));
        assert_eq!(number(activities.poll(&ship, Worker("c")).unwrap()), Some(("c", 2)));
        assert_eq!(number(activities.poll(&ship, Worker("d")).unwrap()), None);
        assert_eq!(number(activities.poll(&ship, Worker("e")).unwrap()), None);
        assert_eq!(number(activities.offer(&ship, task(3))), Some(("d", 3)));
    }

    #[test]
    fn a_worker_that_has_gone_gets_no_task() {
        let ship = Str::from("ship");
        let mut activities = Activities::default();
        assert!(activities.poll(&ship, Worker("gone 1")).unwrap().is_none());
        assert!(activities.poll(&ship, Worker("here")).unwrap().is_none());
        assert_eq!(number(activities.offer(&ship, task(1))), Some(("here", 1)));
        assert!(activities.poll(&ship, Worker("gone 2")).unwrap().is_none());
        assert_eq!(number(activities.offer(&ship, task(2))), None);
        assert_eq!(activities.waiting(), 1);
    }

    #[test]
    fn what_could_not_be_handed_over_comes_first_again() {
        let ship = Str::from("ship");
        let mut activities = Activities::default();
        activities.offer(&ship, task(1));
        activities.offer(&ship, task(2));
        let (worker, one) = activities.poll(&ship, Worker("a")).unwrap().unwrap();
        // Nobody waits for the first task any longer.
        assert_eq!(number(activities.give_back(&ship, worker)), Some(("a", 2)));
        activities.offer(&ship, task(3));
        assert_eq!(number(activities.put_back(&ship, one)), None);
        assert_eq!(number(activities.poll(&ship, Worker("b")).unwrap()), Some(("b", 1)));
    }

    #[test]
    fn a_cancelled_task_leaves_nothing_behind() {
        let ship = Str::from("ship");
        let mut activities = Activities::<Worker>::default();
        activities.offer(&ship, task(1));
        activities.cancel(ExecutionId(1), AttemptId(0));
        activities.cancel(ExecutionId(1), AttemptId(0));
        assert_eq!(activities.waiting(), 0);
        assert!(activities.queues.is_empty());
    }

    #[test]
    fn a_thousand_workers_may_wait_and_no_more_but_those_that_left_do_not_count() {
        let ship = Str::from("ship");
        let mut activities = Activities::default();
        activities.poll(&ship, Worker("here")).unwrap();
        for _ in 1..POLLERS_MAX {
            activities.poll(&ship, Worker("gone")).unwrap();
        }
        assert!(activities.poll(&ship, Worker("here")).unwrap().is_none());
        for _ in 2..POLLERS_MAX {
            activities.poll(&ship, Worker("here")).unwrap();
        }
        assert_eq!(activities.poll(&ship, Worker("here")).unwrap_err(), Refusal::WorkerLimit);
    }
}
