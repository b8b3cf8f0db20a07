//! What makes transitions durable: one trait at the level of executions, not of keys and values.
//!
//! An implementation lays data out as suits it; what it owes its callers is said at [`Store`].

mod catalogue;
mod codec;
pub mod memory;
pub mod sqlite;
mod transition;

pub use catalogue::{CatalogueWrite, Conflict, Kind, Parent, Row, RowNumber, RowQuery};
pub use codec::{Codec, CodecError, NoSeal, Place, Seal, SealError, VALUE_BYTES_MAX};
pub use transition::{
    Chunk, ClosedChild, Create, Entity, ExpressRecord, Lease, Letter, LetterId, Mail, Revision, Sealed, Summary,
    Transition, Verdict, Write,
};

use stepwell_engine::{ExecutionId, ExecutionStatus, MapRunId, PayloadId, ShardId, Timestamp};

/// Why a store could not do what it was asked for; nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room left where the data lie.
    #[error("there is no room left for the data; free some, nothing was written")]
    Full,
    /// Reading or writing failed.
    #[error("the data could not be read or written: {0}")]
    Io(String),
    /// What is stored is not what a release of ours wrote.
    #[error("what is stored cannot be read: {0}")]
    Corrupt(String),
    /// Another process owns the data.
    #[error("{0}")]
    Locked(String),
    /// The store does not answer.
    #[error("the store does not answer")]
    Away,
}

/// Answer of a store.
pub type Stored<T> = Result<T, StoreError>;

/// What an implementation owes: a batch is durable when [`Store::commit`] returns; each write of it is whole or
/// absent; the epoch is checked in the same act; a transition whose revision is stale changes nothing and says so.
///
/// All calls block: the committer and the readers are threads that may wait. Reads show what was committed.
pub trait Store: Send + Sync + 'static {
    /// Makes writes durable, in their order. One verdict for each write.
    ///
    /// # Errors
    /// When nothing of the batch may be relied upon: whoever wrote must forget what it has in memory and load again.
    fn commit(&self, batch: Vec<Write>) -> Stored<Vec<Verdict>>;

    /// The records of an execution or a Map Run.
    ///
    /// # Errors
    /// [`StoreError`]
    fn load(&self, entity: Entity) -> Stored<Option<Loaded>>;

    /// The root record alone, which describes an execution or a Map Run.
    ///
    /// # Errors
    /// [`StoreError`]
    fn root(&self, entity: Entity) -> Stored<Option<Root>>;

    /// One payload of an execution.
    ///
    /// # Errors
    /// [`StoreError`]
    fn payload(&self, execution: ExecutionId, payload: PayloadId) -> Stored<Option<Sealed>>;

    /// The chunks of a history that hold at least `events_max` events from event `from` on, or down from it when
    /// `reverse`; fewer at the history's end.
    ///
    /// # Errors
    /// [`StoreError`]
    fn history(&self, execution: ExecutionId, from: u32, reverse: bool, events_max: u32) -> Stored<Vec<Chunk>>;

    /// The execution of this name; see [`Create::name`].
    ///
    /// # Errors
    /// [`StoreError`]
    fn find(&self, machine: RowNumber, name: &str) -> Stored<Option<ExecutionId>>;

    /// Executions in AWS's order: by stop date, else start or redrive date, the latest first.
    ///
    /// # Errors
    /// [`StoreError`]
    fn list(&self, query: &ListQuery, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>>;

    /// The Map Runs of an execution, the latest first, behind one of them if that is given.
    ///
    /// # Errors
    /// [`StoreError`]
    fn map_runs(&self, execution: ExecutionId, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>>;

    /// Express children of a Map Run that have ended, the latest first, behind one of them if that is given.
    ///
    /// # Errors
    /// [`StoreError`]
    fn closed_children(
        &self,
        map_run: MapRunId,
        status: Option<ExecutionStatus>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Stored<Vec<(Cursor, ClosedPlace)>>;

    /// The Express child that has ended and has this ARN, or the hash of it: the caller compares. Looked for among the
    /// children of Map Runs whose names begin with `map_runs`, the latest first, by hashes that are read one after
    /// another: an index would be a random page for each child that ends.
    ///
    /// # Errors
    /// [`StoreError`]
    fn closed_child(&self, map_runs: &str, arn: &str) -> Stored<Option<ClosedPlace>>;

    /// A chunk of descriptions of Express children that have ended.
    ///
    /// # Errors
    /// [`StoreError`]
    fn closed_chunk(&self, map_run: MapRunId, chunk: u32) -> Stored<Option<Sealed>>;

    /// Executions whose earliest deadline lies before `before`, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`]
    fn due(&self, shards: &Shards, before: Timestamp, limit: u32) -> Stored<Vec<(Timestamp, Entity)>>;

    /// Executions and Map Runs that owe something outside and have to be looked at after a start.
    ///
    /// # Errors
    /// [`StoreError`]
    fn owing(&self, shards: &Shards) -> Stored<Vec<Entity>>;

    /// Letters behind `after`, in order.
    ///
    /// # Errors
    /// [`StoreError`]
    fn mail(&self, shards: &Shards, after: LetterId, limit: u32) -> Stored<Vec<Letter>>;

    /// Asynchronous Express executions that were started and have not ended.
    ///
    /// # Errors
    /// [`StoreError`]
    fn express_open(&self, shards: &Shards) -> Stored<Vec<ExpressRecord>>;

    /// Takes shards that nobody owns or whose lease has ended at `now`; each taken one has a new epoch.
    ///
    /// # Errors
    /// [`StoreError`]
    fn claim(&self, node: &str, want: &Shards, now: Timestamp, until: Timestamp) -> Stored<Vec<Lease>>;

    /// Prolongs leases; the answer holds those that are still ours.
    ///
    /// # Errors
    /// [`StoreError`]
    fn renew(&self, held: &[Lease], until: Timestamp) -> Stored<Vec<Lease>>;

    /// Removes executions that were closed before `before`, with their Map Runs and all that belongs to them, at most
    /// `limit`. Says how many it worked at, Map Runs counted; 0: nothing is left to remove. The work of one call is bounded,
    /// to some milliseconds, so it may do less than `limit`, and a large execution may take several calls: first its Map
    /// Runs go out of sight, then the execution at once with all of its history.
    ///
    /// # Errors
    /// [`StoreError`]
    fn expire(&self, before: Timestamp, limit: u32) -> Stored<u32>;

    /// Changes the catalogue: all of it or, when a row is not as expected, nothing. Gives the rows' numbers.
    ///
    /// # Errors
    /// [`StoreError`]
    fn write_catalogue(&self, writes: Vec<CatalogueWrite>) -> Stored<Result<Vec<RowNumber>, Conflict>>;

    /// A row of the catalogue by its number.
    ///
    /// # Errors
    /// [`StoreError`]
    fn row(&self, number: RowNumber) -> Stored<Option<Row>>;

    /// A row of the catalogue by its key.
    ///
    /// # Errors
    /// [`StoreError`]
    fn row_of(&self, kind: Kind, key: &str) -> Stored<Option<Row>>;

    /// Rows of the catalogue, in order of their numbers.
    ///
    /// # Errors
    /// [`StoreError`]
    fn rows(&self, query: &RowQuery) -> Stored<Vec<Row>>;

    /// A value of the installation, such as the key of its task tokens: the one that is there, else this one, which is kept.
    ///
    /// # Errors
    /// [`StoreError`]
    fn keep(&self, name: &str, value: &[u8]) -> Stored<Vec<u8>>;
}

/// A set of shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards([u64; 4]);

impl Shards {
    /// All 256.
    pub const ALL: Shards = Shards([u64::MAX; 4]);
    /// None.
    pub const NONE: Shards = Shards([0; 4]);

    /// Whether a shard is among them.
    pub fn contains(&self, shard: ShardId) -> bool {
        self.0[usize::from(shard.0 / 64)] & (1 << (shard.0 % 64)) != 0
    }

    /// Adds one.
    pub fn insert(&mut self, shard: ShardId) {
        self.0[usize::from(shard.0 / 64)] |= 1 << (shard.0 % 64);
    }

    /// Those in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = ShardId> + '_ {
        (0..=u8::MAX).map(ShardId).filter(|shard| self.contains(*shard))
    }
}

/// What is stored of an execution or a Map Run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What describes it.
    pub root: Root,
    /// Its other records by their keys: frames and the like.
    pub records: Vec<(u64, Sealed)>,
}

/// What describes an execution or a Map Run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// How often it has been written.
    pub revision: Revision,
    /// The revision of the state machine that it runs: a row of the catalogue.
    pub definition: RowNumber,
    /// The Map Run whose child it is.
    pub map_run: Option<MapRunId>,
    /// The root record.
    pub record: Sealed,
}

/// Which executions to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Whose executions.
    pub of: ListOf,
    /// Only those of a version or an alias.
    pub qualifier: Option<RowNumber>,
    /// Only those that stand so.
    pub status: Option<ExecutionStatus>,
    /// Only those that were redriven, or that were not.
    pub redriven: Option<bool>,
}

/// Whose executions to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf {
    /// A state machine's, without the children of Map Runs.
    Machine(RowNumber),
    /// The children of a Map Run.
    MapRun(MapRunId),
}

/// A place in a list: behind the item that has these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What lists are sorted by.
    pub sort: Timestamp,
    /// The execution's or the Map Run's id.
    pub id: u128,
}

/// Where the description of an Express child is that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedPlace {
    /// Whose child it is.
    pub map_run: MapRunId,
    /// The chunk of its Map Run: [`Chunk::first`].
    pub chunk: u32,
    /// Its place in that chunk, from 0 on.
    pub place: u32,
}

impl ClosedPlace {
    /// The place in lists of what ended then. Children that ended at the same time stand in the order in which their
    /// ends were taken.
    pub(crate) fn cursor(&self, stopped: Timestamp) -> Cursor {
        Cursor { sort: stopped, id: u128::from(self.chunk) << 32 | u128::from(self.place) }
    }

    /// The chunk and the place in it that a cursor stands for.
    pub(crate) fn of_cursor(cursor: Cursor) -> (u32, u32) {
        // Behind all of that time, where it is the cursor of something else.
        u64::try_from(cursor.id).map_or((u32::MAX, u32::MAX), |id| ((id >> 32) as u32, id as u32))
    }
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its place.
    pub cursor: Cursor,
    /// What describes it.
    pub root: Root,
}
