//! A fold over the events of a history: where an execution stands by what was recorded, with no look at its frames.
//!
//! Every event belongs to a chain: the machine's own, or that of a branch or an iteration. `previousEventId` says which,
//! with the exceptions of joins and aborts (reference/history.md, 3). A redrive starts elsewhere: after one the fold
//! counts events and says no more.

use stepwell_asl::Program;
use stepwell_engine::{Doing, Event, EventKind, ExecutionStatus, IterationEvent, Place, TaskEvent};
use stepwell_value::Str;

use crate::world::Checked;

/// Where an execution stands by its history.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    /// The chain of each event; event n at n - 1.
    chain_of: Vec<usize>,
    chains: Vec<Chain>,
    pub(crate) status: ExecutionStatus,
    is_exact: bool,
}

/// A chain of events.
#[derive(Clone, Debug)]
struct Chain {
    parent: Option<usize>,
    /// Of a Map's iteration.
    index: Option<u32>,
    last: u32,
    is_open: bool,
    state: Option<State>,
}

/// The state that a chain is in.
#[derive(Clone, Debug)]
struct State {
    name: Str,
    kind: &'static str,
    entered: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Entered,
    Scheduled,
    Started,
    Submitted,
    TaskOver,
    Forked,
    MapRun,
    MapRunOver,
    ForkOver,
}

/// No chain: before the first state is entered.
const NOWHERE: usize = usize::MAX;

impl Fold {
    pub(crate) fn new() -> Fold {
        Fold { chain_of: Vec::new(), chains: Vec::new(), status: ExecutionStatus::Running, is_exact: true }
    }

    /// Number of events so far.
    pub(crate) fn events(&self) -> u32 {
        self.chain_of.len() as u32
    }

    /// Takes in the next event.
    pub(crate) fn apply(&mut self, event: &Event) -> Checked {
        if event.id != self.events() + 1 {
            return Err(format!("event {} follows event {}", event.id, self.events()));
        }
        if event.previous >= event.id {
            return Err(format!("event {} points to event {}", event.id, event.previous));
        }
        let chain = match self.is_exact {
            true => self.place(event).map_err(|what| format!("event {event}: {what}"))?,
            false => NOWHERE,
        };
        self.chain_of.push(chain);
        if let Some(chain) = self.chains.get_mut(chain) {
            chain.last = event.id;
        }
        self.status = match &event.kind {
            EventKind::ExecutionSucceeded { .. } => ExecutionStatus::Succeeded,
            EventKind::ExecutionFailed(_) => ExecutionStatus::Failed,
            EventKind::ExecutionAborted(_) => ExecutionStatus::Aborted,
            EventKind::ExecutionTimedOut(_) => ExecutionStatus::TimedOut,
            EventKind::ExecutionRedriven { .. } => {
                self.is_exact = false;
                ExecutionStatus::Running
            }
            _ if self.status != ExecutionStatus::Running => return Err(format!("event {event} comes after the end")),
            _ => self.status,
        };
        Ok(())
    }

    /// The chain that an event belongs to, once what it tells has happened there.
    fn place(&mut self, event: &Event) -> Checked<usize> {
        let before = match event.previous {
            0 => NOWHERE,
            previous => self.chain_of[previous as usize - 1],
        };
        match &event.kind {
            EventKind::StateEntered { state_type, name, .. } => {
                let chain = match self.chains.get(before) {
                    None => self.open(None, None),
                    // A branch begins where the Parallel state started.
                    Some(chain) if chain.phase() == Some(Phase::Forked) => self.open(Some(before), None),
                    Some(_) => before,
                };
                let (name, kind, entered) = (name.clone(), *state_type, event.id);
                self.chains[chain].state = Some(State { name, kind, entered, phase: Phase::Entered });
                Ok(chain)
            }
            EventKind::StateExited { name, .. } => {
                let chain = self.find(before, |state| state.name == *name)?;
                self.close_below(chain);
                self.chains[chain].state = None;
                Ok(chain)
            }
            EventKind::Task { event, .. } => self.task(before, event),
            EventKind::ParallelStateStarted => self.fork(before, "Parallel"),
            EventKind::MapStateStarted { .. } => self.fork(before, "Map"),
            EventKind::ParallelStateSucceeded | EventKind::ParallelStateFailed => self.join(before, "Parallel"),
            EventKind::MapStateSucceeded | EventKind::MapStateFailed => self.join(before, "Map"),
            EventKind::MapIteration { event: IterationEvent::Started, name, index } => {
                let map = self.find(before, |state| state.name == *name && state.phase == Phase::Forked)?;
                Ok(self.open(Some(map), Some(*index)))
            }
            EventKind::MapIteration { name, index, .. } => {
                let map = self.find(before, |state| state.name == *name && state.phase == Phase::Forked);
                // An abort points to what caused it, which may lie elsewhere.
                let Ok(map) = map else { return Ok(before) };
                let is_it = |chain: &Chain| chain.is_open && chain.parent == Some(map) && chain.index == Some(*index);
                let chain = self.chains.iter().rposition(is_it).ok_or("the iteration does not run")?;
                self.close_below(chain);
                self.chains[chain].is_open = false;
                Ok(chain)
            }
            EventKind::MapRunStarted { .. } => self.change(before, Phase::MapRun),
            EventKind::MapRunSucceeded | EventKind::MapRunFailed(_) => {
                match self.chains.get(before).and_then(Chain::phase) {
                    Some(Phase::MapRun) => self.change(before, Phase::MapRunOver),
                    _ => Err("no Map Run works there".into()),
                }
            }
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionRedriven { .. }
            | EventKind::StateAborted { .. }
            | EventKind::MapRunAborted
            | EventKind::MapRunRedriven { .. }
            | EventKind::EvaluationFailed { .. } => Ok(before),
        }
    }

    /// Each attempt is scheduled, started and ended once, in this order.
    fn task(&mut self, chain: usize, event: &TaskEvent) -> Checked<usize> {
        use Phase::{Entered, Scheduled, Started, Submitted, TaskOver};
        let phase = self.chains.get(chain).and_then(Chain::phase).ok_or("no state has a task there")?;
        let next = match (event, phase) {
            (TaskEvent::Scheduled { .. }, Entered | TaskOver) => Scheduled,
            (TaskEvent::Started { .. }, Scheduled) => Started,
            (TaskEvent::Submitted { .. }, Started) => Submitted,
            (TaskEvent::ScheduleFailed(_) | TaskEvent::StartFailed(_), Scheduled) => TaskOver,
            (TaskEvent::SubmitFailed(_), Started) => TaskOver,
            (TaskEvent::Succeeded { .. } | TaskEvent::Failed(_) | TaskEvent::TimedOut(_), Started | Submitted) => {
                TaskOver
            }
            (TaskEvent::Failed(_) | TaskEvent::TimedOut(_), Scheduled) => TaskOver,
            (_, phase) => return Err(format!("the task is {phase:?}")),
        };
        self.change(chain, next)
    }

    /// A Parallel or Map state starts, for the first time or again.
    fn fork(&mut self, before: usize, kind: &str) -> Checked<usize> {
        let starts = |state: &State| state.kind == kind && matches!(state.phase, Phase::Entered | Phase::Forked);
        let is_entered = |chain: &Chain| chain.state.as_ref().is_some_and(|state| state.phase == Phase::Entered);
        let chain =
            match self.chains.get(before).filter(|chain| is_entered(chain)).is_some_and(|chain| chain.is_in(kind)) {
                true => before,
                // A retry points to what failed.
                false => self.find(before, starts).or_else(|_| self.find(before, |state| state.kind == kind))?,
            };
        self.close_below(chain);
        self.change(chain, Phase::Forked)
    }

    fn join(&mut self, before: usize, kind: &str) -> Checked<usize> {
        use Phase::{Entered, Forked, MapRun, MapRunOver};
        let is_it = |state: &State| state.kind == kind && matches!(state.phase, Forked | MapRun | MapRunOver | Entered);
        let chain = self.find(before, is_it)?;
        self.close_below(chain);
        self.change(chain, Phase::ForkOver)
    }

    fn open(&mut self, parent: Option<usize>, index: Option<u32>) -> usize {
        self.chains.push(Chain { parent, index, last: 0, is_open: true, state: None });
        self.chains.len() - 1
    }

    fn change(&mut self, chain: usize, phase: Phase) -> Checked<usize> {
        let state = self.chains.get_mut(chain).and_then(|chain| chain.state.as_mut()).ok_or("no state is there")?;
        state.phase = phase;
        Ok(chain)
    }

    /// The nearest chain, from this one upwards, whose state is such.
    fn find(&self, from: usize, is_it: impl Fn(&State) -> bool) -> Checked<usize> {
        let mut at = from;
        while let Some(chain) = self.chains.get(at) {
            if chain.state.as_ref().is_some_and(&is_it) {
                return Ok(at);
            }
            at = chain.parent.unwrap_or(NOWHERE);
        }
        Err("no state there can have it".into())
    }

    fn close_below(&mut self, top: usize) {
        // Chains are younger than those they belong to.
        for chain in top + 1..self.chains.len() {
            if self.chains[chain]
                .parent
                .is_some_and(|parent| parent == top || (parent > top && !self.chains[parent].is_open))
            {
                self.chains[chain].is_open = false;
            }
        }
    }

    // --- Comparison -----------------------------------------------------------------------------------------------

    /// Whether frames stand where the history says.
    pub(crate) fn compare(&self, program: &Program, places: &[Place]) -> Checked {
        if !self.is_exact || self.status != ExecutionStatus::Running {
            return Ok(());
        }
        // Before a fork is retried its children are gone, and no event says so.
        let mut excused = Vec::new();
        let mut met = vec![false; self.chains.len()];
        for place in places.iter().filter(|place| place.entered_event > 0) {
            let (region, state) = place.state;
            let name = &program.state(region, state).name;
            let is_it = |chain: &Chain| chain.is_open && chain.entered() == Some(place.entered_event);
            let Some(found) = self.chains.iter().position(is_it) else {
                if place.doing == Doing::GoingOn {
                    continue;
                }
                return Err(format!("frame {place:?} in {name} is not in the history"));
            };
            met[found] = true;
            let chain = &self.chains[found];
            let state = chain.state.as_ref().filter(|state| state.name == *name);
            let Some(State { phase, kind, .. }) = state else {
                return Err(format!("frame {place:?} is in {name}, the history in {chain:?}"));
            };
            let agrees = match &place.doing {
                Doing::GoingOn => true,
                Doing::Waiting { .. } => *phase == Phase::Entered && *kind == "Wait" && place.last_event == chain.last,
                Doing::Backoff { .. } => {
                    excused.push(found);
                    matches!(phase, Phase::TaskOver | Phase::Forked | Phase::Entered | Phase::MapRunOver)
                }
                Doing::Task { started: false, .. } => *phase == Phase::Scheduled && place.last_event == chain.last,
                Doing::Task { .. } => {
                    matches!(phase, Phase::Started | Phase::Submitted) && place.last_event == chain.last
                }
                Doing::Fork { .. } => *phase == Phase::Forked,
                Doing::MapRun { .. } => *phase == Phase::MapRun,
                Doing::Over => false,
            };
            if !agrees {
                return Err(format!("frame {place:?} does not agree with {chain:?} of the history"));
            }
        }
        for (number, chain) in self.chains.iter().enumerate() {
            let is_missed = chain.is_open && chain.state.is_some() && !met[number] && !self.is_below(number, &excused);
            if is_missed {
                return Err(format!("by the history it is in {:?}, and no frame is", chain.state));
            }
        }
        Ok(())
    }

    fn is_below(&self, chain: usize, of: &[usize]) -> bool {
        let mut at = self.chains[chain].parent;
        while let Some(parent) = at {
            if of.contains(&parent) {
                return true;
            }
            at = self.chains[parent].parent;
        }
        false
    }
}

impl Chain {
    fn phase(&self) -> Option<Phase> {
        self.state.as_ref().map(|state| state.phase)
    }

    fn entered(&self) -> Option<u32> {
        self.state.as_ref().map(|state| state.entered)
    }

    fn is_in(&self, kind: &str) -> bool {
        self.state.as_ref().is_some_and(|state| state.kind == kind)
    }
}
