//! Reading what a core asks for: executions, Map Runs, letters, shards. Blocks where the store blocks; the rest is pure.
//!
//! A letter is stored as the row of its definition (u64, big endian) and the engine's letter; the record of an Express
//! execution as the length of its root record (u32, big endian), the root record, and its input as a stored payload.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_engine::{
    Described, Execution, ExecutionId, Letter as Text, MapRun, Payload, PayloadId, PayloadRef, Payloads, Start,
    StoredError, Timestamp,
};
use stepwell_store::{
    Codec, CodecError, Entity, ExpressRecord, Lease, Letter as StoredLetter, LetterId, Place, Revision, RowNumber,
    Shards, Store, StoreError,
};

use super::resident::{Body, Resident};
use super::{Letter, timers};
use crate::api::{Definition, Programs};

/// Letters that one reading takes.
const LETTERS_MAX: u32 = 1_000;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// A stored value could not be opened.
    #[error("a stored value could not be opened")]
    Codec(#[from] CodecError),
    /// A record is not what a release of ours wrote.
    #[error("a stored record could not be read")]
    Record(#[from] StoredError),
    /// A letter or the record of an Express execution is too short.
    #[error("a stored record is too short")]
    Short,
}

impl ReadError {
    /// Whether it may go by: the store failed, and what it holds is not known to be wrong.
    pub fn may_go_by(&self) -> bool {
        matches!(self, ReadError::Store(error) if !matches!(error, StoreError::Corrupt(_)))
    }
}

/// An execution or a Map Run as it was read.
#[derive(Debug)]
pub struct LoadedEntity {
    revision: Revision,
    body: Body,
    bytes: usize,
}

/// A letter that has arrived.
#[derive(Debug)]
pub struct Arrived {
    /// Its number.
    pub id: LetterId,
    /// To whom.
    pub to: Entity,
    /// What it says.
    pub letter: Letter,
}

/// What the store holds of a shard that is opened.
#[derive(Debug)]
pub struct OpenedShard {
    /// That the shard is ours.
    pub lease: Lease,
    /// Deadlines of the near future.
    pub due: Vec<(Timestamp, Entity)>,
    /// Executions and Map Runs that owe something.
    pub owing: Vec<Entity>,
    /// Letters that nobody has taken.
    pub mail: Vec<Arrived>,
    /// Asynchronous Express executions that have not ended: they start over.
    pub express: Vec<OpenedExpress>,
    /// What could not be read of the letters and the Express executions, and stays where it is.
    pub unreadable: Vec<ReadError>,
}

/// Letters that were read.
#[derive(Debug, Default)]
pub struct ReadMail {
    /// Those that can be read.
    pub letters: Vec<Arrived>,
    /// Why others cannot; they stay where they are.
    pub unreadable: Vec<ReadError>,
    /// The last one of them all; none: there are no more.
    pub last: Option<LetterId>,
}

/// An asynchronous Express execution that has not ended.
#[derive(Clone, Debug)]
pub struct OpenedExpress {
    /// What it starts with.
    pub start: Start,
    /// What it runs.
    pub definition: Arc<Definition>,
}

/// Reads an execution or a Map Run.
///
/// # Errors
/// [`ReadError`]
pub fn read_entity(
    store: &dyn Store,
    codec: &Codec,
    programs: &dyn Programs,
    entity: Entity,
) -> Result<Option<Box<LoadedEntity>>, ReadError> {
    let Some(loaded) = store.load(entity)? else { return Ok(None) };
    let definition = programs.definition(loaded.root.definition)?;
    let root = codec.open(Place::Root(entity), &loaded.root.record)?;
    let mut bytes = root.len();
    let mut records = Vec::with_capacity(loaded.records.len());
    for (key, record) in loaded.records {
        let record = codec.open(Place::Record(entity, key), &record)?.into_owned();
        bytes += record.len();
        records.push((key, record));
    }
    let body = match entity {
        Entity::Execution(id) => {
            let payloads = StoredPayloads::new(store, codec, id);
            let execution = Execution::decode(&root, &records, &payloads);
            // A payload that could not be read is not one that is missing.
            let execution = match payloads.failed.into_inner() {
                Some(error) => return Err(error),
                None => execution?,
            };
            Body::Execution(definition, Box::new(execution))
        }
        Entity::MapRun(_) => Body::MapRun(definition, Box::new(MapRun::decode(&root, &records)?)),
    };
    Ok(Some(Box::new(LoadedEntity { revision: loaded.root.revision, body, bytes: 2_048 + 3 * bytes })))
}

impl LoadedEntity {
    /// Moves in with a resident that was waiting for it.
    pub(super) fn settle_in(self, resident: &mut Resident) {
        let LoadedEntity { revision, body, bytes } = self;
        resident.revision = revision;
        resident.is_created = true;
        resident.bytes = bytes;
        if let Body::Execution(_, execution) = &body {
            resident.saved_due = execution.next_deadline();
        }
        resident.body = body;
    }
}

/// Payloads of an execution that are stored on their own, read when they are looked up.
pub struct StoredPayloads<'a> {
    store: &'a dyn Store,
    codec: &'a Codec,
    execution: ExecutionId,
    failed: RefCell<Option<ReadError>>,
}

impl<'a> StoredPayloads<'a> {
    /// Those of an execution.
    pub fn new(store: &'a dyn Store, codec: &'a Codec, execution: ExecutionId) -> StoredPayloads<'a> {
        StoredPayloads { store, codec, execution, failed: RefCell::new(None) }
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn read(&self, id: PayloadId) -> Result<Option<Payload>, ReadError> {
        let Some(stored) = self.store.payload(self.execution, id)? else { return Ok(None) };
        let place = Place::Payload(Entity::Execution(self.execution), id.0);
        Ok(Some(Payload::decode(id, &self.codec.open(place, &stored)?)?))
    }

    /// Why one of those looked up so far could not be read.
    pub fn failure(self) -> Option<ReadError> {
        self.failed.into_inner()
    }
}

impl Payloads for StoredPayloads<'_> {
    fn find(&self, id: PayloadId) -> Option<Payload> {
        self.read(id).unwrap_or_else(|error| {
            *self.failed.borrow_mut() = Some(error);
            None
        })
    }
}

/// Reads what has to be known of shards that have become ours, or whose memory was lost.
///
/// # Errors
/// [`ReadError`]
pub fn open_shard(
    store: &dyn Store,
    codec: &Codec,
    programs: &dyn Programs,
    leases: &[Lease],
    now: Timestamp,
) -> Result<Vec<OpenedShard>, ReadError> {
    let mut shards = Shards::NONE;
    leases.iter().for_each(|lease| shards.insert(lease.shard));
    let mut opened: BTreeMap<_, _> = leases
        .iter()
        .map(|lease| {
            let shard = OpenedShard {
                lease: *lease,
                due: Vec::new(),
                owing: Vec::new(),
                mail: Vec::new(),
                express: Vec::new(),
                unreadable: Vec::new(),
            };
            (lease.shard, shard)
        })
        .collect();
    for (due, entity) in read_due(store, &shards, now.after_ms(2 * timers::SCAN_MS))? {
        if let Some(shard) = opened.get_mut(&entity.shard()) {
            shard.due.push((due, entity));
        }
    }
    for entity in store.owing(&shards)? {
        if let Some(shard) = opened.get_mut(&entity.shard()) {
            shard.owing.push(entity);
        }
    }
    let mut unreadable = Vec::new();
    let mut after = LetterId(0);
    loop {
        let mail = read_mail(store, codec, programs, &shards, after)?;
        let Some(last) = mail.last else { break };
        after = last;
        unreadable.extend(mail.unreadable);
        for letter in mail.letters {
            if let Some(shard) = opened.get_mut(&letter.to.shard()) {
                shard.mail.push(letter);
            }
        }
    }
    for record in store.express_open(&shards)? {
        match decode_express(codec, programs, &record) {
            Ok(express) => {
                if let Some(shard) = opened.get_mut(&record.execution.shard()) {
                    shard.express.push(express);
                }
            }
            Err(error) if error.may_go_by() => return Err(error),
            Err(error) => unreadable.push(error),
        }
    }
    if let Some(shard) = opened.values_mut().next() {
        shard.unreadable = unreadable;
    }
    Ok(opened.into_values().collect())
}

/// Reads deadlines before a time: what [`super::Output::ReadDue`] asks for.
///
/// # Errors
/// [`StoreError`]
pub fn read_due(store: &dyn Store, shards: &Shards, before: Timestamp) -> Result<Vec<(Timestamp, Entity)>, StoreError> {
    store.due(shards, before, timers::SCAN_LIMIT)
}

/// Reads letters: what [`super::Output::ReadMail`] asks for.
///
/// # Errors
/// [`ReadError`]
pub fn read_mail(
    store: &dyn Store,
    codec: &Codec,
    programs: &dyn Programs,
    shards: &Shards,
    after: LetterId,
) -> Result<ReadMail, ReadError> {
    let mut mail = ReadMail::default();
    for stored in store.mail(shards, after, LETTERS_MAX)? {
        mail.last = Some(stored.id);
        match decode_letter(codec, programs, &stored) {
            Ok(letter) => mail.letters.push(Arrived { id: stored.id, to: stored.to, letter }),
            Err(error) if error.may_go_by() => return Err(error),
            Err(error) => mail.unreadable.push(error),
        }
    }
    Ok(mail)
}

fn decode_letter(codec: &Codec, programs: &dyn Programs, stored: &StoredLetter) -> Result<Letter, ReadError> {
    let letter = codec.open(Place::Letter(stored.to), &stored.body)?;
    let (row, body) = letter.split_first_chunk::<8>().ok_or(ReadError::Short)?;
    let definition = programs.definition(RowNumber(u64::from_be_bytes(*row)))?;
    Ok(Letter { definition, body: Text::decode(body)? })
}

pub(super) fn encode_letter(letter: &Letter) -> Vec<u8> {
    let mut out = letter.definition.row.0.to_be_bytes().to_vec();
    out.extend(letter.body.encode());
    out
}

pub(super) fn encode_express(start: &Start) -> Vec<u8> {
    let mut execution = Execution::new(start.clone(), Timestamp(0));
    let root = execution.take_writes().root;
    let mut out = (root.len() as u32).to_be_bytes().to_vec();
    out.extend(root);
    out.extend(execution.input().encode());
    out
}

fn decode_express(codec: &Codec, programs: &dyn Programs, record: &ExpressRecord) -> Result<OpenedExpress, ReadError> {
    let stored = codec.open(Place::Express(record.execution), &record.body)?;
    let (length, rest) = stored.split_first_chunk::<4>().ok_or(ReadError::Short)?;
    let (root, input) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(ReadError::Short)?;
    let Described { identity, input: named, .. } = Described::decode(root)?;
    let input = match named {
        PayloadRef::Here(input) => input,
        PayloadRef::Stored(id) => Payload::decode(id, input)?,
    };
    let start = Start { identity, input: input.value().clone(), input_text: input.sent().cloned() };
    Ok(OpenedExpress { start, definition: programs.definition(record.definition)? })
}
