//! What a commit consists of.

use stepwell_engine::{Epoch, ExecutionId, ExecutionStatus, MapRunId, PayloadId, ShardId, Timestamp};
use stepwell_value::Str;

use crate::catalogue::RowNumber;

/// Bytes as they are stored: they name their codec, are compressed where that pays, and sealed where a key is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// How often an execution or a Map Run has been written; 0: it does not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// What has state of its own that signals and letters reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A Standard execution.
    Execution(ExecutionId),
    /// A Map Run.
    MapRun(MapRunId),
}

impl Entity {
    /// The shard that it belongs to.
    pub fn shard(self) -> ShardId {
        match self {
            Entity::Execution(id) => id.shard(),
            Entity::MapRun(id) => id.shard(),
        }
    }
}

/// One write of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    /// What one signal did to an execution or a Map Run.
    Transition(Box<Transition>),
    /// An asynchronous Express execution starts; after a crash it starts over.
    ExpressStarted(ExpressRecord),
    /// It has ended.
    ExpressEnded(ExecutionId),
    /// Letters to whom there is no longer anybody: no transition can take them.
    Dropped {
        /// Their shard.
        shard: ShardId,
        /// Of the shard, as the writer knows it.
        epoch: Epoch,
        /// Which; those that are gone already are passed over.
        letters: Vec<LetterId>,
    },
}

impl Write {
    /// Panics where a writer contradicts itself: stopping is better than storing what nobody can read.
    pub(crate) fn assert_consistent(&self) {
        if let Write::Transition(transition) = self {
            let Transition { entity, expects, create, chunk, closed, .. } = &**transition;
            assert_eq!(create.is_some(), *expects == Revision(0), "{entity:?}: only the first transition creates");
            let is_numbered = chunk.as_ref().is_none_or(|chunk| chunk.first > 0 && chunk.count > 0);
            assert!(is_numbered, "{entity:?}: events are numbered from 1, and a chunk has some");
            let described = chunk.as_ref().map_or(0, |chunk| chunk.count as usize);
            let is_described = closed.is_empty() || closed.len() == described && matches!(entity, Entity::MapRun(_));
            assert!(is_described, "{entity:?}: the chunk of a Map Run describes its closed children, each of them");
        }
    }

    /// Size of the values in it.
    pub(crate) fn stored_bytes(&self) -> usize {
        let len = |value: &Sealed| value.0.len();
        match self {
            Write::Transition(transition) => {
                let Transition { chunk, payloads, root, records, sends, .. } = &**transition;
                len(root)
                    + chunk.as_ref().map_or(0, |chunk| len(&chunk.body))
                    + payloads.iter().map(|(_, payload)| len(payload)).sum::<usize>()
                    + records.iter().filter_map(|(_, record)| record.as_ref()).map(len).sum::<usize>()
                    + sends.iter().map(|letter| len(&letter.body)).sum::<usize>()
            }
            Write::ExpressStarted(record) => len(&record.body),
            Write::ExpressEnded(_) | Write::Dropped { .. } => 0,
        }
    }
}

/// What one signal did to an execution or a Map Run. Whole or absent.
#[derive(Clone, Debug)]
pub struct Transition {
    /// To whom.
    pub entity: Entity,
    /// Of its shard, as the writer knows it.
    pub epoch: Epoch,
    /// The revision that it was made from; the next one is stored. A repeated batch thereby does no harm.
    pub expects: Revision,
    /// What never changes; with the first transition and no other.
    pub create: Option<Create>,
    /// The events of an execution, compressed and sealed as one; of a Map Run, the descriptions of `closed`.
    pub chunk: Option<Chunk>,
    /// Express children of a Map Run whose ends this transition takes, in the order of their descriptions.
    pub closed: Vec<ClosedChild>,
    /// Payloads that were not stored before and are too large to stand in records.
    pub payloads: Vec<(PayloadId, Sealed)>,
    /// The root record.
    pub root: Sealed,
    /// The other records that changed, by their keys; none: removed.
    pub records: Vec<(u64, Option<Sealed>)>,
    /// What lists, timers and recovery need to know.
    pub summary: Summary,
    /// Letters to others.
    pub sends: Vec<Mail>,
    /// Letters that this transition answers; they are removed.
    pub took: Vec<LetterId>,
}

/// What never changes about an execution or a Map Run.
#[derive(Clone, Debug)]
pub struct Create {
    /// The state machine: a row of the catalogue.
    pub machine: RowNumber,
    /// The revision that it runs.
    pub definition: RowNumber,
    /// The part of its ARN behind the machine's name: `:NAME`, or `/LABEL:NAME` for the child of a Map Run. Unique
    /// within the machine for executions; the ARN of a Map Run.
    pub name: Str,
    /// The version that was started.
    pub version: Option<RowNumber>,
    /// The alias that was started.
    pub alias: Option<RowNumber>,
    /// A child's Map Run.
    pub map_run: Option<MapRunId>,
    /// A Map Run's execution.
    pub execution: Option<ExecutionId>,
}

/// What lists, timers and recovery need to know, in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where it stands.
    pub status: ExecutionStatus,
    /// What lists are sorted by: stop date, else start or redrive date.
    pub sort: Timestamp,
    /// When it was closed; what retention goes by.
    pub stopped: Option<Timestamp>,
    /// Whether it has been redriven.
    pub redriven: bool,
    /// The earliest deadline.
    pub due: Option<Timestamp>,
    /// Attempts, polls and cancels that must be taken up again after a crash.
    pub owes: u32,
}

/// The events of one transition; of a Map Run, the descriptions of the Express children whose ends it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the first event; of a Map Run, the revision that the transition made.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The events.
    pub body: Sealed,
}

/// An Express child of a Map Run that has ended: what it is found and listed by, in the clear. It is no entity of its own,
/// and goes when its Map Run goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedChild {
    /// Its ARN.
    pub arn: Str,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it ended, which is what lists are sorted by.
    pub stopped: Timestamp,
}

/// A letter that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Entity,
    /// What it says.
    pub body: Sealed,
}

/// Number of a letter: the order in which letters were committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(pub u64);

/// A letter that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub id: LetterId,
    /// To whom.
    pub to: Entity,
    /// What it says.
    pub body: Sealed,
}

/// An asynchronous Express execution that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressRecord {
    /// Its id.
    pub execution: ExecutionId,
    /// Of its shard, as the writer knows it.
    pub epoch: Epoch,
    /// The revision that it runs.
    pub definition: RowNumber,
    /// What it starts with.
    pub body: Sealed,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable; the numbers of the letters it sent, in their order.
    Committed(Vec<LetterId>),
    /// Somebody else has written: nothing was done.
    Stale {
        /// The revision that is stored.
        found: Revision,
    },
    /// The name belongs to another execution: nothing was done.
    NameTaken {
        /// That one.
        holder: ExecutionId,
    },
    /// The shard has another owner: nothing was done.
    Fenced {
        /// The epoch that is stored.
        found: Epoch,
    },
}

/// That a node owns a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The shard.
    pub shard: ShardId,
    /// Each commit names it.
    pub epoch: Epoch,
}
