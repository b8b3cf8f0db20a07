//! Executions and Map Runs in memory, with what waits to reach them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stepwell_engine::{
    self as engine, AttemptId, ErrorCause, Execution, Identity, MapRun, MapRunSignal, Payload, ShardId, Signal,
    Timestamp,
};
use stepwell_store::{Create, Entity, LetterId, Revision};
use stepwell_value::Str;

use super::children::EndedChild;
use super::transition::attempt_of;
use super::{Letter, Release, ReplyTo};
use crate::api::{Definition, TokenAnswer};

/// An execution or a Map Run in memory.
#[derive(Debug, Default)]
pub(super) struct Resident {
    pub(super) body: Body,
    /// What never changes about an execution, shared with its calls; none: nothing was called yet.
    pub(super) identity: Option<Arc<Identity>>,
    /// As memory has it; what is on its way to the store is counted.
    pub(super) revision: Revision,
    /// What its first transition says of it; none: that one is durable or on its way.
    pub(super) create: Option<Create>,
    /// Its first transition is durable.
    pub(super) is_created: bool,
    pub(super) inbox: VecDeque<Work>,
    /// Transitions on their way to the store.
    pub(super) in_flight: u32,
    /// Replies that must not come before a revision is durable.
    pub(super) held: VecDeque<(Revision, Release)>,
    /// Its deadline among the timers.
    pub(super) timer: Option<Timestamp>,
    /// Its deadline as the store has it, or will.
    pub(super) saved_due: Option<Timestamp>,
    /// A step used up its budget.
    pub(super) goes_on: bool,
    /// Heartbeats have moved deadlines in memory alone.
    pub(super) is_unsaved: bool,
    /// It stands in the queue of those that have something to do.
    pub(super) is_ready: bool,
    /// Its place among the idle.
    idle: Option<u64>,
    /// About its size in memory.
    pub(super) bytes: usize,
}

/// What is known of it.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// It is being read.
    #[default]
    Loading,
    /// An execution.
    Execution(Arc<Definition>, Box<Execution>),
    /// A Map Run.
    MapRun(Arc<Definition>, Box<MapRun>),
}

/// What waits to reach an execution or a Map Run.
#[derive(Debug)]
pub(super) enum Work {
    /// Its first step, for whoever waits for the start.
    Start(ReplyTo),
    /// What became of an attempt of a task.
    Task(AttemptId, Signal),
    /// A deadline has come.
    Timer,
    /// A letter.
    Letter(LetterId, Letter),
    /// StopExecution
    Stop(ErrorCause, ReplyTo),
    /// RedriveExecution
    Redrive(Option<Str>, ReplyTo),
    /// A worker answers a task.
    Answer(AttemptId, TokenAnswer, ReplyTo),
    /// A worker takes an activity's task.
    Take(Take, ReplyTo),
    /// To a Map Run, of a reader and the like.
    MapRun(MapRunSignal),
    /// To a Map Run, of an Express child of this number.
    ChildEnded(u32, Box<EndedChild>),
}

/// A worker takes an activity's task.
#[derive(Clone, Debug)]
pub struct Take {
    /// The task.
    pub attempt: AttemptId,
    /// The worker's name for itself.
    pub worker_name: Option<Str>,
    /// The task's input, if that is at hand.
    pub input: Option<Payload>,
    /// Another worker, who had gone by then, had taken it.
    pub again: bool,
}

impl Work {
    /// The attempt that it is the answer of.
    pub(super) fn attempt(&self) -> Option<AttemptId> {
        match self {
            Work::Task(attempt, _) | Work::Answer(attempt, ..) => Some(*attempt),
            // One that was kept when the node stopped.
            Work::Letter(_, Letter { body: engine::Letter::Execution(_, signal), .. }) => attempt_of(signal),
            _ => None,
        }
    }

    /// Whoever waits for an answer.
    pub(super) fn into_reply(self) -> Option<ReplyTo> {
        match self {
            Work::Start(reply)
            | Work::Stop(_, reply)
            | Work::Redrive(_, reply)
            | Work::Answer(_, _, reply)
            | Work::Take(_, reply) => Some(reply),
            Work::Task(..) | Work::Timer | Work::Letter(..) | Work::MapRun(_) | Work::ChildEnded(..) => None,
        }
    }
}

impl Resident {
    /// Whether nothing is on its way to it or from it, so that the store knows all that memory knows.
    pub(super) fn is_idle(&self) -> bool {
        !matches!(self.body, Body::Loading)
            && self.inbox.is_empty()
            && self.in_flight == 0
            && self.is_created
            && !self.goes_on
            && !self.is_unsaved
    }

    /// Whether it can take a step now.
    pub(super) fn may_step(&self, in_flight_max: u32) -> bool {
        let has_work = !self.inbox.is_empty() || self.goes_on;
        // Nothing is built upon a start that may turn out to be refused.
        let is_sure = self.is_created || self.in_flight == 0;
        has_work && is_sure && self.in_flight < in_flight_max && !matches!(self.body, Body::Loading)
    }
}

/// All residents of a core, and which of them have nothing to do, the longest idle first.
#[derive(Debug, Default)]
pub(super) struct Residents {
    by_entity: BTreeMap<Entity, Box<Resident>>,
    idle: BTreeMap<u64, Entity>,
    idle_bytes: usize,
    stamps: u64,
}

impl Residents {
    pub(super) fn get(&mut self, entity: Entity) -> Option<&mut Resident> {
        self.by_entity.get_mut(&entity).map(Box::as_mut)
    }

    pub(super) fn peek(&self, entity: Entity) -> Option<&Resident> {
        self.by_entity.get(&entity).map(Box::as_ref)
    }

    pub(super) fn len(&self) -> usize {
        self.by_entity.len()
    }

    /// The resident, which is no longer idle; a new one that is yet to be read if it is not here.
    pub(super) fn wake(&mut self, entity: Entity) -> (&mut Resident, IsNew) {
        let mut is_new = IsNew(false);
        let resident = self.by_entity.entry(entity).or_insert_with(|| {
            is_new = IsNew(true);
            Box::default()
        });
        if let Some(stamp) = resident.idle.take() {
            self.idle.remove(&stamp);
            self.idle_bytes -= resident.bytes;
        }
        (resident, is_new)
    }

    pub(super) fn remove(&mut self, entity: Entity) -> Option<Resident> {
        let resident = self.by_entity.remove(&entity)?;
        if let Some(stamp) = resident.idle {
            self.idle.remove(&stamp);
            self.idle_bytes -= resident.bytes;
        }
        Some(*resident)
    }

    /// It has nothing to do: it may be dropped when there is no room for it.
    pub(super) fn rest(&mut self, entity: Entity, idle_bytes_max: usize) {
        let Some(resident) = self.by_entity.get_mut(&entity) else { return };
        if resident.idle.is_none() {
            self.stamps += 1;
            resident.idle = Some(self.stamps);
            self.idle.insert(self.stamps, entity);
            self.idle_bytes += resident.bytes;
        }
        while self.idle_bytes > idle_bytes_max {
            let Some((_, longest)) = self.idle.first_key_value() else { break };
            let longest = *longest;
            self.remove(longest);
        }
    }

    pub(super) fn of_shard(&self, shard: ShardId) -> Vec<Entity> {
        self.by_entity.keys().filter(|entity| entity.shard() == shard).copied().collect()
    }
}

/// Whether a resident was made just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IsNew(pub(super) bool);
