//! The shard loop: executions and Map Runs with their mailbox and timers, still without a clock or I/O.
//!
//! A turn takes one letter and makes one step of it. Whoever drives the loop makes the step durable,
//! releases its effects, and sends in the answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stepwell_asl::Program;
use stepwell_value::Str;

use crate::execution::{ChildOf, Execution, ExecutionId, Start};
use crate::map_run::{ChildEnd, MapRun, MapRunEffect, MapRunSignal, MapRunStart, Reader};
use crate::observer::Observer;
use crate::signal::{Effect, Outcome, Signal, StepStatus, TaskRequest, Turn};
use crate::{AttemptId, Timestamp, step_observed};
use stepwell_value::Value;

/// A message to an execution or a Map Run.
#[derive(Debug)]
pub enum Letter {
    /// To an execution.
    Execution(ExecutionId, Signal),
    /// To a Map Run, by its ARN.
    MapRun(Str, MapRunSignal),
    /// A child of a Map Run starts, and takes its first step.
    StartChild {
        /// What it starts with.
        start: Box<Start>,
        /// Its place in the Map Run.
        child_of: ChildOf,
    },
    /// A Map Run starts, and takes its first step.
    StartMapRun(Box<MapRunStart>),
}

/// A step that an execution took.
#[derive(Debug)]
pub struct Stepped {
    /// Whose it is.
    pub execution: ExecutionId,
    /// Events, payloads and status; its effects are in `requests`.
    pub outcome: Outcome,
}

/// What somebody outside the loop has to do.
#[derive(Debug)]
pub enum Request {
    /// Do a task and send its answer.
    Task(ExecutionId, Box<TaskRequest>),
    /// Stop a task.
    Cancel(ExecutionId, AttemptId),
    /// Read the items of a Map Run.
    ReadItems {
        /// The Map Run.
        map_run_arn: Str,
        /// Name of the Map state.
        state: Str,
        /// What to read.
        reader: Reader,
    },
    /// Write the results of a Map Run.
    WriteResults {
        /// The Map Run.
        map_run_arn: Str,
        /// Name of the Map state.
        state: Str,
        /// `Bucket` and `Prefix`.
        destination: Value,
        /// The results.
        results: Value,
    },
}

/// Executions of one shard, their Map Runs, mailbox and timers.
#[derive(Debug, Default)]
pub struct Shard {
    executions: BTreeMap<ExecutionId, Resident>,
    map_runs: BTreeMap<Str, (Arc<Program>, MapRun)>,
    mailbox: VecDeque<Letter>,
    timers: BTreeSet<(Timestamp, ExecutionId)>,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Resident {
    program: Arc<Program>,
    execution: Execution,
    /// Its entry in the timers.
    timer: Option<Timestamp>,
}

impl Shard {
    /// Takes in a new execution; its first step is its letter's turn.
    pub fn start(&mut self, program: Arc<Program>, execution: Execution) -> ExecutionId {
        let id = execution.identity().id;
        self.take_in(program, execution);
        self.send(Letter::Execution(id, Signal::Start));
        id
    }

    /// Takes in an execution that was stored, in the place of what is here under its id.
    pub fn take_in(&mut self, program: Arc<Program>, execution: Execution) {
        let id = execution.identity().id;
        self.forget(id);
        let timer = execution.next_deadline();
        self.timers.extend(timer.map(|due| (due, id)));
        self.executions.insert(id, Resident { program, execution, timer });
    }

    /// Takes in a Map Run that was stored, in the place of what is here under its ARN.
    pub fn take_in_map_run(&mut self, program: Arc<Program>, map_run: MapRun) {
        self.map_runs.insert(map_run.start().map_run_arn.clone(), (program, map_run));
    }

    /// All executions that have not been forgotten, with their programs.
    pub fn executions_mut(&mut self) -> impl Iterator<Item = (&Arc<Program>, &mut Execution)> {
        self.executions.values_mut().map(|resident| (&resident.program, &mut resident.execution))
    }

    /// Map Runs that something will still reach, with their programs.
    pub fn map_runs_mut(&mut self) -> impl Iterator<Item = (&Arc<Program>, &mut MapRun)> {
        self.map_runs.values_mut().map(|(program, map_run)| (&*program, map_run))
    }

    /// Puts a letter into the mailbox.
    pub fn send(&mut self, letter: Letter) {
        self.mailbox.push_back(letter);
    }

    /// Takes all letters out of the mailbox.
    pub fn take_mail(&mut self) -> Vec<Letter> {
        self.mailbox.drain(..).collect()
    }

    /// An execution, until it is forgotten.
    pub fn execution(&self, id: ExecutionId) -> Option<&Execution> {
        self.executions.get(&id).map(|resident| &resident.execution)
    }

    /// An execution, to take its changes.
    pub fn execution_mut(&mut self, id: ExecutionId) -> Option<&mut Execution> {
        self.executions.get_mut(&id).map(|resident| &mut resident.execution)
    }

    /// The program that an execution runs.
    pub fn program(&self, id: ExecutionId) -> Option<&Arc<Program>> {
        self.executions.get(&id).map(|resident| &resident.program)
    }

    /// Drops an execution that has ended.
    pub fn forget(&mut self, id: ExecutionId) -> Option<Execution> {
        let resident = self.executions.remove(&id)?;
        if let Some(due) = resident.timer {
            self.timers.remove(&(due, id));
        }
        Some(resident.execution)
    }

    /// Whether a letter waits.
    pub fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// Number of executions that have not been forgotten.
    pub fn len(&self) -> usize {
        self.executions.len()
    }

    /// Whether there is no execution.
    pub fn is_empty(&self) -> bool {
        self.executions.is_empty()
    }

    /// When the next timer fires.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Takes what is to be done outside since the last call; to be released after the commit.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// Takes one letter and makes one step of it; none when it was for a Map Run or came too late.
    pub fn turn<O: Observer>(&mut self, turn: Turn<'_>, observer: &mut O) -> Option<Stepped> {
        self.fire_timers(turn.now);
        match self.mailbox.pop_front()? {
            Letter::Execution(id, signal) => self.step_execution(id, signal, turn, observer),
            Letter::MapRun(arn, signal) => {
                self.step_map_run(&arn, signal, turn.now);
                None
            }
            Letter::StartChild { start, child_of } => {
                // A Map Run that is over has stopped it already.
                let program = self.map_runs.get(&child_of.map_run_arn)?.0.clone();
                let id = start.identity.id;
                self.take_in(program, Execution::of_map_run(*start, child_of, turn.now));
                self.step_execution(id, Signal::Start, turn, observer)
            }
            Letter::StartMapRun(start) => {
                let program = self.program(start.parent.id)?.clone();
                let arn = start.map_run_arn.clone();
                self.take_in_map_run(program, MapRun::new(*start, turn.now));
                self.step_map_run(&arn, MapRunSignal::Start, turn.now);
                None
            }
        }
    }

    fn fire_timers(&mut self, now: Timestamp) {
        while let Some((due, id)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, id));
            if let Some(resident) = self.executions.get_mut(&id) {
                resident.timer = None;
            }
            self.send(Letter::Execution(id, Signal::TimerFired));
        }
    }

    fn step_execution<O: Observer>(
        &mut self,
        id: ExecutionId,
        signal: Signal,
        turn: Turn<'_>,
        observer: &mut O,
    ) -> Option<Stepped> {
        let resident = self.executions.get_mut(&id)?;
        let mut outcome = step_observed(&resident.program, &mut resident.execution, signal, turn, observer);
        let deadline = resident.execution.next_deadline();
        if resident.timer != deadline {
            if let Some(due) = resident.timer {
                self.timers.remove(&(due, id));
            }
            if let Some(due) = deadline {
                self.timers.insert((due, id));
            }
            resident.timer = deadline;
        }
        for effect in std::mem::take(&mut outcome.effects) {
            match effect {
                Effect::Task(request) => self.requests.push(Request::Task(id, request)),
                Effect::Cancel { attempt } => self.requests.push(Request::Cancel(id, attempt)),
                Effect::StartMapRun(start) => self.send(Letter::StartMapRun(start)),
                Effect::StopMapRun { map_run_arn } => self.send(Letter::MapRun(map_run_arn, MapRunSignal::Stop)),
            }
        }
        match outcome.status {
            // Behind the letters of its neighbours: a loop costs them a step, not their turn.
            StepStatus::More => self.send(Letter::Execution(id, Signal::Continue)),
            StepStatus::Ended => self.tell_parent(id, outcome.cannot_run.clone()),
            StepStatus::Waiting => {}
        }
        Some(Stepped { execution: id, outcome })
    }

    /// Tells the Map Run of a child how the child ended.
    fn tell_parent(&mut self, id: ExecutionId, cannot_run: Option<Str>) {
        let Some(resident) = self.executions.get(&id) else { return };
        let Some(ChildOf { map_run_arn, child, .. }) = resident.execution.child_of().cloned() else { return };
        let end = Box::new(ChildEnd::of(&resident.execution));
        self.forget(id);
        // What a child lacks is no failure that the Map Run may tolerate.
        if let Some(cause) = cannot_run {
            self.send(Letter::MapRun(map_run_arn.clone(), MapRunSignal::CannotRun(cause)));
        }
        self.send(Letter::MapRun(map_run_arn, MapRunSignal::ChildEnded { child, end }));
    }

    fn step_map_run(&mut self, arn: &Str, signal: MapRunSignal, now: Timestamp) {
        let Some((program, map_run)) = self.map_runs.get_mut(arn) else { return };
        let (program, parent) = (program.clone(), map_run.start().parent.id);
        let (region, state) = map_run.start().state;
        let state = program.state(region, state).name.clone();
        for effect in map_run.step(&program, signal, now) {
            match effect {
                MapRunEffect::StartChild { start, child_of } => self.send(Letter::StartChild { start, child_of }),
                MapRunEffect::StopChild(id) => {
                    self.send(Letter::Execution(id, Signal::Stop(crate::ErrorCause::default())));
                }
                MapRunEffect::Read(reader) => {
                    self.requests.push(Request::ReadItems { map_run_arn: arn.clone(), state: state.clone(), reader });
                }
                MapRunEffect::Write { destination, results } => self.requests.push(Request::WriteResults {
                    map_run_arn: arn.clone(),
                    state: state.clone(),
                    destination,
                    results,
                }),
                MapRunEffect::GoOn => self.send(Letter::MapRun(arn.clone(), MapRunSignal::Continue)),
                MapRunEffect::Ended(end) => {
                    self.send(Letter::Execution(parent, Signal::MapRunEnded { map_run_arn: arn.clone(), end }));
                }
            }
        }
        if self.map_runs.get(arn).is_some_and(|(_, map_run)| map_run.is_over()) {
            self.map_runs.remove(arn);
        }
    }
}
