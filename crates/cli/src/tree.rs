//! What happened in a run as a tree of visited states, put together from the events of its executions.
//!
//! An event names neither its branch nor its iteration; both follow from the event before it, by the chain rules of
//! AWS's histories. Only what people can read is kept: the middle of a long loop is counted, not stored.

use std::collections::{BTreeMap, VecDeque};

use stepwell_engine::{ErrorCause, Event, EventKind, ExecutionId, IterationEvent, TaskEvent, Timestamp};
use stepwell_value::Str;

use crate::history::called;

/// States of one lane that are kept from its start.
const HEAD_MAX: usize = 100;

/// States of one lane that are kept from its end.
const TAIL_MAX: usize = 20;

/// All executions of a run.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Slots<Node>,
    lanes: Slots<Lane>,
    executions: BTreeMap<ExecutionId, Thread>,
    /// Map Runs by what their children's machine is called, the latest last.
    map_runs: Vec<(Str, usize)>,
    root: usize,
    /// States that ended since the last look, for whoever prints them one by one.
    ended: Option<Vec<Ended>>,
    /// Lanes of children that are gone since the last look.
    gone: Vec<usize>,
    fail_errors: BTreeMap<Str, ErrorCause>,
}

/// A place where one state follows another: an execution, a branch, an iteration.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) kind: LaneKind,
    /// The Parallel or Map state that it belongs to.
    owner: Option<usize>,
    head: Vec<usize>,
    tail: VecDeque<usize>,
    /// States between head and tail.
    pub(crate) left_out: u64,
    pub(crate) status: Status,
}

/// What a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneKind {
    /// The execution itself.
    Run,
    /// A branch of a Parallel state.
    Branch(u32),
    /// An iteration of a Map state.
    Item(u32),
    /// A child execution of a distributed Map.
    Child(u32),
}

/// A visit of a state.
#[derive(Debug)]
pub(crate) struct Node {
    lane: usize,
    pub(crate) name: Str,
    pub(crate) state_type: &'static str,
    /// What a task calls.
    pub(crate) called: Option<String>,
    pub(crate) status: Status,
    pub(crate) entered: Timestamp,
    pub(crate) left: Option<Timestamp>,
    pub(crate) notes: Vec<Note>,
    pub(crate) lanes: Vec<usize>,
    /// A Map Run does its work.
    pub(crate) is_distributed: bool,
    /// The last error and its time, until it is clear what comes of it.
    error: Option<(ErrorCause, Timestamp)>,
}

/// Where a state or lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Done,
    /// It failed, and the execution went on with a catcher.
    Caught,
    Failed,
    Aborted,
}

/// Something worth a line below a state.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Retried { error: ErrorCause, after_ms: i64 },
    Caught(ErrorCause),
    Failed(ErrorCause),
}

/// A state that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    /// Names from the outside in: `Each[2]`, `Charge`.
    pub(crate) path: Vec<String>,
    /// The highest index of an iteration on the path.
    pub(crate) index: u32,
    pub(crate) node: usize,
}

/// What has to be remembered of one execution to place its events.
#[derive(Debug)]
struct Thread {
    root: usize,
    /// Lane of each event so far.
    lane_of: Vec<u32>,
    /// Events that start branches or iterations, and their states.
    forks: BTreeMap<u32, usize>,
    /// The last error of a state, and its time.
    last_error: (ErrorCause, Timestamp),
    /// A child of a Map Run that is no longer shown; its last events are still to come.
    is_gone: bool,
}

impl Tree {
    /// Nothing yet. With a log, states are handed out one by one when they end.
    ///
    /// `fail_errors`: the errors of Fail states, by the states' names; no event inside a branch tells them.
    pub(crate) fn new(with_log: bool, fail_errors: BTreeMap<Str, ErrorCause>) -> Tree {
        let mut lanes = Slots::default();
        let root = lanes.insert(Lane::new(LaneKind::Run, None));
        Tree {
            nodes: Slots::default(),
            lanes,
            executions: BTreeMap::new(),
            map_runs: Vec::new(),
            root,
            ended: with_log.then(Vec::new),
            gone: Vec::new(),
            fail_errors,
        }
    }

    /// The lane of the execution itself.
    pub(crate) fn root(&self) -> &Lane {
        self.lanes.get(self.root)
    }

    pub(crate) fn lane(&self, lane: usize) -> &Lane {
        self.lanes.get(lane)
    }

    pub(crate) fn node(&self, node: usize) -> &Node {
        self.nodes.get(node)
    }

    /// Says which execution is the run itself.
    pub(crate) fn start(&mut self, execution: ExecutionId) {
        self.executions.insert(execution, Thread::new(self.root));
    }

    /// Takes in new events of an execution; `machine` is the ARN of its state machine, as far as it is known.
    ///
    /// `stuck` names the state that cannot be run here, if that is what ended it.
    pub(crate) fn apply(
        &mut self,
        execution: ExecutionId,
        machine: Option<&str>,
        events: &[Event],
        stuck: Option<&Str>,
    ) {
        let mut thread = match self.executions.remove(&execution) {
            Some(thread) => thread,
            None => Thread::new(self.open_child(machine)),
        };
        let mut is_over = false;
        for event in if thread.is_gone { &[] } else { events } {
            let lane = self.place(&thread, event);
            thread.lane_of.push(lane as u32);
            self.change(&mut thread, lane, event, stuck);
            is_over |= event.kind.is_end();
        }
        if !is_over {
            self.executions.insert(execution, thread);
        }
        if !self.gone.is_empty() {
            let gone = std::mem::take(&mut self.gone);
            for thread in self.executions.values_mut() {
                thread.is_gone |= gone.contains(&thread.root);
            }
        }
    }

    /// Takes the states that ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Vec<Ended> {
        self.ended.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn open_child(&mut self, machine: Option<&str>) -> usize {
        let label = machine.and_then(|arn| arn.split_once(":stateMachine:")).map(|(_, label)| label);
        let of_label = |(run, _): &&(Str, usize)| label.is_none_or(|label| run == label);
        match self.map_runs.iter().rev().find(of_label).or(self.map_runs.last()) {
            Some((_, node)) => {
                let node = *node;
                let index = self.nodes.get(node).lanes.len() as u32;
                self.open_lane(node, LaneKind::Child(index))
            }
            None => self.lanes.insert(Lane::new(LaneKind::Run, None)),
        }
    }

    fn open_lane(&mut self, owner: usize, kind: LaneKind) -> usize {
        let lane = self.lanes.insert(Lane::new(kind, Some(owner)));
        self.nodes.get_mut(owner).lanes.push(lane);
        lane
    }

    /// The lane that an event belongs to.
    fn place(&mut self, thread: &Thread, event: &Event) -> usize {
        let before = match thread.lane_of(event.previous) {
            lane if self.lanes.has(lane) => lane,
            _ => thread.root,
        };
        let open_fork = |state_type: &'static str| move |node: &Node| node.is_open() && node.state_type == state_type;
        let found = match &event.kind {
            EventKind::StateEntered { .. } => match thread.forks.get(&event.previous) {
                Some(fork) if self.nodes.get(*fork).state_type == "Parallel" => {
                    let branch = self.nodes.get(*fork).lanes.len() as u32;
                    return self.open_lane(*fork, LaneKind::Branch(branch));
                }
                _ => None,
            },
            EventKind::StateExited { name, .. } => self.climb(before, |node| node.is_open() && node.name == *name),
            EventKind::ParallelStateStarted | EventKind::ParallelStateSucceeded | EventKind::ParallelStateFailed => {
                self.climb(before, open_fork("Parallel"))
            }
            EventKind::MapStateStarted { .. } | EventKind::MapStateSucceeded | EventKind::MapStateFailed => {
                self.climb(before, open_fork("Map"))
            }
            EventKind::MapIteration { event, name, index } => {
                let map = self.climb(before, |node| node.is_open() && node.name == *name);
                let map = map.and_then(|lane| self.lanes.get(lane).last());
                match (map, event) {
                    (None, _) => None,
                    (Some(map), IterationEvent::Started) => return self.open_lane(map, LaneKind::Item(*index)),
                    (Some(map), _) => {
                        let lanes = self.nodes.get(map).lanes.iter().copied();
                        lanes.rev().find(|lane| self.lanes.get(*lane).kind == LaneKind::Item(*index))
                    }
                }
            }
            EventKind::EvaluationFailed { state, .. } => {
                let is_it = |node: &Node| node.is_open() && node.name == *state;
                let below = |fork: &usize| {
                    let lanes = self.nodes.get(*fork).lanes.iter().copied();
                    lanes.rev().find(|lane| self.last_node(*lane).is_some_and(is_it))
                };
                self.climb(before, is_it).or_else(|| thread.forks.get(&event.previous).and_then(below))
            }
            kind if kind.is_end() => Some(thread.root),
            _ => None,
        };
        found.unwrap_or(before)
    }

    /// The nearest lane, from `lane` outwards, whose last state is the wanted one.
    fn climb(&self, mut lane: usize, is_wanted: impl Fn(&Node) -> bool) -> Option<usize> {
        loop {
            if self.last_node(lane).is_some_and(&is_wanted) {
                return Some(lane);
            }
            let Lane { kind, owner, .. } = self.lanes.get(lane);
            match owner {
                Some(owner) if !matches!(kind, LaneKind::Child(_)) => lane = self.nodes.get(*owner).lane,
                _ => return None,
            }
        }
    }

    fn last_node(&self, lane: usize) -> Option<&Node> {
        self.lanes.get(lane).last().map(|node| self.nodes.get(node))
    }

    fn change(&mut self, thread: &mut Thread, lane: usize, event: &Event, stuck: Option<&Str>) {
        let at = event.timestamp;
        if let EventKind::StateEntered { state_type, name, .. } = &event.kind {
            let node = self.enter(lane, state_type, name, at);
            if *state_type == "Fail" {
                thread.last_error = (self.fail_errors.get(name).cloned().unwrap_or_default(), at);
                self.leave(node, Status::Failed, at);
            }
            return;
        }
        match &event.kind {
            EventKind::MapIteration { event, .. } => {
                let status = match event {
                    IterationEvent::Started => Status::Open,
                    IterationEvent::Succeeded => Status::Done,
                    IterationEvent::Failed => Status::Failed,
                    IterationEvent::Aborted => Status::Aborted,
                };
                if status != Status::Open {
                    self.close(lane, status, at, stuck);
                }
                return;
            }
            EventKind::ExecutionSucceeded { .. } => return self.lanes.get_mut(lane).status = Status::Done,
            EventKind::ExecutionFailed(error) | EventKind::ExecutionTimedOut(error) => {
                return self.fail(lane, error, at, stuck);
            }
            EventKind::ExecutionAborted(_) => return self.close(lane, Status::Aborted, at, stuck),
            _ => {}
        }
        let Some(id) = self.lanes.get(lane).last() else { return };
        let node = self.nodes.get_mut(id);
        match &event.kind {
            EventKind::StateExited { .. } => {
                let status = match node.error.take() {
                    Some((error, _)) => {
                        node.notes.push(Note::Caught(error));
                        Status::Caught
                    }
                    None => Status::Done,
                };
                self.leave(id, status, at);
            }
            EventKind::Task { worker, event } => match event {
                TaskEvent::Scheduled { .. } => {
                    node.called = Some(called(worker));
                    node.retried(at);
                }
                TaskEvent::ScheduleFailed(error)
                | TaskEvent::StartFailed(error)
                | TaskEvent::SubmitFailed(error)
                | TaskEvent::Failed(error)
                | TaskEvent::TimedOut(error) => {
                    node.error = Some((error.clone(), at));
                    thread.last_error = (error.clone(), at);
                }
                TaskEvent::Started { .. } | TaskEvent::Submitted { .. } | TaskEvent::Succeeded { .. } => {}
            },
            EventKind::EvaluationFailed { error, cause, .. } => {
                let error = ErrorCause::new(error.clone(), cause.clone());
                node.error = Some((error.clone(), at));
                thread.last_error = (error, at);
            }
            EventKind::ParallelStateStarted | EventKind::MapStateStarted { .. } => {
                thread.forks.insert(event.id, id);
                if !node.lanes.is_empty() {
                    node.error.get_or_insert(std::mem::take(&mut thread.last_error));
                    node.retried(at);
                    for lane in std::mem::take(&mut node.lanes) {
                        self.free_lane(lane);
                    }
                }
            }
            EventKind::ParallelStateFailed | EventKind::MapStateFailed => {
                node.error = Some(thread.last_error.clone());
                for lane in node.lanes.clone() {
                    self.close(lane, Status::Aborted, at, stuck);
                }
            }
            EventKind::MapRunStarted { map_run_arn } => {
                node.is_distributed = true;
                let label = map_run_arn.split_once(":mapRun:").map_or("", |(_, rest)| rest);
                let label = label.rsplit_once(':').map_or(label, |(label, _)| label);
                self.map_runs.push((Str::new(label), id));
            }
            EventKind::MapRunFailed(error) => thread.last_error = (error.clone(), at),
            _ => {}
        }
    }

    fn enter(&mut self, lane: usize, state_type: &'static str, name: &Str, at: Timestamp) -> usize {
        let node = self.nodes.insert(Node {
            lane,
            name: name.clone(),
            state_type,
            called: None,
            status: Status::Open,
            entered: at,
            left: None,
            notes: Vec::new(),
            lanes: Vec::new(),
            is_distributed: false,
            error: None,
        });
        let content = self.lanes.get_mut(lane);
        if content.head.len() < HEAD_MAX {
            content.head.push(node);
            return node;
        }
        content.tail.push_back(node);
        if content.tail.len() > TAIL_MAX
            && let Some(oldest) = content.tail.pop_front()
        {
            content.left_out += 1;
            self.free_node(oldest);
        }
        node
    }

    fn leave(&mut self, id: usize, status: Status, at: Timestamp) {
        let node = self.nodes.get_mut(id);
        node.status = status;
        node.left = Some(at);
        if self.ended.is_some() {
            let (path, index) = self.path(id);
            self.ended.get_or_insert_default().push(Ended { at, path, index, node: id });
        }
    }

    fn path(&self, mut id: usize) -> (Vec<String>, u32) {
        let mut highest = 0;
        let mut path = vec![self.nodes.get(id).name.to_string()];
        loop {
            let Lane { kind, owner, .. } = self.lanes.get(self.nodes.get(id).lane);
            let Some(owner) = owner else { break };
            let name = &self.nodes.get(*owner).name;
            path.push(match kind {
                LaneKind::Branch(index) => format!("{name}[{index}]"),
                LaneKind::Item(index) | LaneKind::Child(index) => {
                    highest = highest.max(*index);
                    format!("{name}[{index}]")
                }
                LaneKind::Run => name.to_string(),
            });
            id = *owner;
        }
        path.reverse();
        (path, highest)
    }

    /// Ends a lane and what is open in it.
    fn close(&mut self, lane: usize, status: Status, at: Timestamp, stuck: Option<&Str>) {
        let content = self.lanes.get_mut(lane);
        if content.status != Status::Open {
            return;
        }
        content.status = status;
        let Some(id) = content.last() else { return };
        for lane in self.nodes.get(id).lanes.clone() {
            self.close(lane, Status::Aborted, at, stuck);
        }
        let node = self.nodes.get_mut(id);
        if !node.is_open() {
            // A branch has no end of its own in a history; a branch that is not at work any longer has ended.
            if status == Status::Aborted {
                let ended = if node.status == Status::Failed { Status::Failed } else { Status::Done };
                self.lanes.get_mut(lane).status = ended;
            }
            return;
        }
        let is_stuck = stuck.is_some_and(|name| *name == node.name);
        let status = match node.error.take() {
            Some((error, _)) => {
                node.notes.push(Note::Failed(error));
                Status::Failed
            }
            None if is_stuck => Status::Failed,
            None => Status::Aborted,
        };
        if status == Status::Failed {
            self.lanes.get_mut(lane).status = Status::Failed;
        }
        self.leave(id, status, at);
    }

    /// Ends the lane of an execution that failed.
    fn fail(&mut self, lane: usize, error: &ErrorCause, at: Timestamp, stuck: Option<&Str>) {
        let last = self.lanes.get(lane).last();
        self.close(lane, Status::Failed, at, stuck);
        self.lanes.get_mut(lane).status = Status::Failed;
        let Some(node) = last.map(|id| self.nodes.get_mut(id)) else { return };
        node.status = Status::Failed;
        let is_told = node.notes.iter().any(|note| matches!(note, Note::Failed(told) if told.error.is_some()));
        if !is_told && node.lanes.is_empty() {
            node.notes.retain(|note| !matches!(note, Note::Failed(_)));
            node.notes.push(Note::Failed(error.clone()));
        }
    }

    fn free_node(&mut self, id: usize) {
        if let Some(ended) = &mut self.ended {
            ended.retain(|ended| ended.node != id);
        }
        self.map_runs.retain(|(_, node)| *node != id);
        if let Some(node) = self.nodes.remove(id) {
            for lane in node.lanes {
                self.free_lane(lane);
            }
        }
    }

    fn free_lane(&mut self, id: usize) {
        if let Some(lane) = self.lanes.remove(id) {
            if matches!(lane.kind, LaneKind::Child(_)) {
                self.gone.push(id);
            }
            for node in lane.head.into_iter().chain(lane.tail) {
                self.free_node(node);
            }
        }
    }
}

impl Lane {
    fn new(kind: LaneKind, owner: Option<usize>) -> Lane {
        Lane { kind, owner, head: Vec::new(), tail: VecDeque::new(), left_out: 0, status: Status::Open }
    }

    /// Its last state.
    pub(crate) fn last(&self) -> Option<usize> {
        self.tail.back().or(self.head.last()).copied()
    }

    /// Its first states.
    pub(crate) fn head(&self) -> &[usize] {
        &self.head
    }

    /// Its last states, behind those that were left out.
    pub(crate) fn tail(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.tail.iter().copied()
    }
}

impl Node {
    fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// Notes a retry, if there was an error before.
    fn retried(&mut self, at: Timestamp) {
        if let Some((error, failed)) = self.error.take() {
            self.notes.push(Note::Retried { error, after_ms: at.0 - failed.0 });
        }
    }
}

impl Thread {
    fn new(root: usize) -> Thread {
        Thread { root, lane_of: Vec::new(), forks: BTreeMap::new(), last_error: Default::default(), is_gone: false }
    }

    fn lane_of(&self, event: u32) -> usize {
        let index = (event as usize).checked_sub(1);
        index.and_then(|index| self.lane_of.get(index)).map_or(self.root, |lane| *lane as usize)
    }
}

/// Values with numbers that stay, and are used again after a removal.
#[derive(Debug)]
struct Slots<T> {
    values: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { values: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    fn insert(&mut self, value: T) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.values[index] = Some(value);
                index
            }
            None => {
                self.values.push(Some(value));
                self.values.len() - 1
            }
        }
    }

    fn remove(&mut self, index: usize) -> Option<T> {
        let value = self.values.get_mut(index)?.take()?;
        self.free.push(index);
        Some(value)
    }

    fn has(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(Option::is_some)
    }

    fn get(&self, index: usize) -> &T {
        self.values[index].as_ref().expect("what refers to a slot is gone before it")
    }

    fn get_mut(&mut self, index: usize) -> &mut T {
        self.values[index].as_mut().expect("what refers to a slot is gone before it")
    }
}
