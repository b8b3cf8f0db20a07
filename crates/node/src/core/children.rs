//! Express children of Map Runs: those that run in this process, and how those that have ended are described.
//!
//! A chunk of a Map Run holds the descriptions of the children whose ends one transition took: for each its length
//! (u32, big endian) and the description, which has three parts, each behind its length: the root record of the
//! execution, and its input and its output as stored payloads, which are empty where the root record holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_asl::Program;
use stepwell_engine::{
    ChildEnd, ChildOf, Described, ErrorCause, Execution, ExecutionId, ExecutionStatus, Identity, MapRunId, Payload,
    PayloadId, PayloadRef, Signal, Start, Timestamp, Turn, step,
};
use stepwell_store::{ClosedChild, ClosedPlace, Codec, Entity, Place, Revision, Sealed, Store};
use stepwell_value::{Str, Value};

use super::message::{ExpressRun, Input};
use super::read::ReadError;

/// Bytes of a chunk beyond which the inputs of children that are aborted all at once are left out.
const CHUNK_BYTES_MAX: usize = 16 << 20;

/// Express children of Map Runs, each from the transition that starts it until the one that takes its end is durable.
#[derive(Debug, Default)]
pub(super) struct Children(BTreeMap<(MapRunId, u32), RunningChild>);

/// One of them.
#[derive(Debug)]
struct RunningChild {
    identity: Arc<Identity>,
    input: Value,
    child_of: ChildOf,
    started: Timestamp,
    /// The revision of its Map Run that starts it.
    since: Revision,
    /// Its end waits for its Map Run, or is on its way to the store.
    has_ended: bool,
}

impl Children {
    /// One will run as soon as this revision of its Map Run is durable.
    pub(super) fn start(&mut self, run: &ExpressRun, since: Revision) {
        let Some(child) = RunningChild::of(run, since) else { return };
        self.0.insert((MapRunId::of_arn(&child.child_of.map_run_arn), child.child_of.child), child);
    }

    /// It will not run: its start was not committed. One that has since been started in its place stays.
    pub(super) fn withhold(&mut self, run: &ExpressRun) {
        let Some(ChildOf { map_run_arn, child, .. }) = &run.child_of else { return };
        let key = (MapRunId::of_arn(map_run_arn), *child);
        if self.0.get(&key).is_some_and(|child| Arc::ptr_eq(&child.identity, &run.start.identity)) {
            self.0.remove(&key);
        }
    }

    /// Its end waits for its Map Run.
    pub(super) fn end(&mut self, map_run: MapRunId, child: u32) {
        if let Some(child) = self.0.get_mut(&(map_run, child)) {
            child.has_ended = true;
        }
    }

    /// Their ends are durable, or of no use to anybody.
    pub(super) fn forget(&mut self, map_run: MapRunId, children: &[u32]) {
        for child in children {
            self.0.remove(&(map_run, *child));
        }
    }

    /// The memory of a Map Run is worth nothing, so that the ends that it knew are lost: those children start over.
    pub(super) fn lose_ends(&mut self, map_run: MapRunId) {
        let ended: Vec<u32> = self.of(map_run).filter(|(_, child)| child.has_ended).map(|(number, _)| number).collect();
        self.forget(map_run, &ended);
    }

    /// Whether it runs, or will.
    pub(super) fn is_running(&self, map_run: MapRunId, child: u32) -> bool {
        self.0.get(&(map_run, child)).is_some_and(|child| !child.has_ended)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of a Map Run as they are shown, with their numbers: all that were started by this revision.
    pub(super) fn shown(&self, map_run: MapRunId, durable: Revision) -> impl Iterator<Item = (u32, Described)> {
        let started = self.of(map_run).filter(move |(_, child)| child.since <= durable);
        started.map(|(number, child)| (number, child.described()))
    }

    /// The Map Run, and the number there, of the one that has this ARN.
    pub(super) fn find(&self, arn: &str) -> Option<(MapRunId, u32)> {
        self.0.iter().find(|(_, child)| child.identity.arn == arn).map(|(key, _)| *key)
    }

    fn of(&self, map_run: MapRunId) -> impl Iterator<Item = (u32, &RunningChild)> {
        self.0.range((map_run, 0)..=(map_run, u32::MAX)).map(|((_, number), child)| (*number, child))
    }
}

impl RunningChild {
    fn of(run: &ExpressRun, since: Revision) -> Option<RunningChild> {
        let Start { identity, input, .. } = &run.start;
        Some(RunningChild {
            identity: identity.clone(),
            input: input.clone(),
            child_of: run.child_of.clone()?,
            started: run.started,
            since,
            has_ended: false,
        })
    }

    fn described(&self) -> Described {
        Described {
            identity: self.identity.clone(),
            child_of: Some(self.child_of.clone()),
            status: ExecutionStatus::Running,
            started: self.started,
            stopped: None,
            redrive_count: 0,
            redriven: None,
            error: ErrorCause::default(),
            input: PayloadRef::Here(Payload::new(PayloadId(0), self.input.clone())),
            output: None,
            events_count: 0,
        }
    }

    fn aborted(&self, program: &Program, turn: Turn<'_>) -> Execution {
        let start = Start { identity: self.identity.clone(), input: self.input.clone(), input_text: None };
        let mut execution = Execution::of_map_run(start, self.child_of.clone(), self.started);
        step(program, &mut execution, Signal::Stop(ErrorCause::default()), turn);
        execution
    }
}

/// How an Express child of a Map Run ended.
#[derive(Debug)]
pub struct EndedChild {
    end: Box<ChildEnd>,
    description: ClosedDescription,
}

impl EndedChild {
    /// What its Map Run is told, and what is stored of it if that takes it.
    pub(super) fn split(self) -> (Box<ChildEnd>, ClosedDescription) {
        (self.end, self.description)
    }
}

/// What is stored of an Express child that has ended.
#[derive(Debug)]
pub(super) struct ClosedDescription {
    child: ClosedChild,
    bytes: Vec<u8>,
}

impl ClosedDescription {
    /// Without its payloads where they are `left_out`, if they are too long for its root record.
    fn of(execution: &mut Execution, left_out: bool) -> ClosedDescription {
        let child = ClosedChild {
            arn: execution.identity().arn.clone(),
            status: execution.status(),
            stopped: execution.stopped().unwrap_or(execution.started()),
        };
        let root = execution.take_writes().root;
        let stored = |payload: &Payload| match payload.is_inline() || left_out {
            true => Vec::new(),
            false => payload.encode(),
        };
        let input = stored(execution.input());
        let output = execution.output().map(stored).unwrap_or_default();
        let mut bytes = Vec::with_capacity(root.len() + input.len() + output.len() + 12);
        [root, input, output].iter().for_each(|part| put_part(part, &mut bytes));
        ClosedDescription { child, bytes }
    }
}

impl Input {
    /// An Express child of a Map Run has ended; what it lacked, if that ended it.
    pub fn child_ended(child_of: &ChildOf, execution: &mut Execution, cannot_run: Option<Str>) -> Input {
        Input::ChildEnded {
            map_run: MapRunId::of_arn(&child_of.map_run_arn),
            child: child_of.child,
            end: Box::new(EndedChild {
                end: Box::new(ChildEnd::of(execution)),
                description: ClosedDescription::of(execution, false),
            }),
            cannot_run,
        }
    }
}

/// Express children whose ends one transition takes.
#[derive(Debug, Default)]
pub(super) struct Closing {
    children: Vec<ClosedChild>,
    descriptions: Vec<u8>,
    /// The numbers of those whose ends have been seen to, whether they were taken or came too late.
    numbers: Vec<u32>,
}

impl Closing {
    /// The Map Run has taken the end of one.
    pub(super) fn take(&mut self, ended: ClosedDescription) {
        put_part(&ended.bytes, &mut self.descriptions);
        self.children.push(ended.child);
    }

    /// The end of one has reached its Map Run.
    pub(super) fn see_to(&mut self, number: u32) {
        self.numbers.push(number);
    }

    /// The Map Run has closed and counts these as aborted, whatever they still do.
    pub(super) fn abort(
        &mut self,
        ids: &BTreeSet<ExecutionId>,
        running: &Children,
        map_run: MapRunId,
        program: &Program,
        turn: Turn<'_>,
    ) {
        for (number, child) in running.of(map_run).filter(|(_, child)| ids.contains(&child.identity.id)) {
            self.abort_one(child, program, turn);
            self.see_to(number);
        }
    }

    /// The same of one that this very transition would have started.
    pub(super) fn abort_unstarted(&mut self, run: &ExpressRun, program: &Program, turn: Turn<'_>) {
        if let Some(child) = RunningChild::of(run, Revision(0)) {
            self.abort_one(&child, program, turn);
        }
    }

    fn abort_one(&mut self, child: &RunningChild, program: &Program, turn: Turn<'_>) {
        let left_out = self.bytes() >= CHUNK_BYTES_MAX;
        self.take(ClosedDescription::of(&mut child.aborted(program, turn), left_out));
    }

    /// Size of the descriptions.
    pub(super) fn bytes(&self) -> usize {
        self.descriptions.len()
    }

    /// The children, the chunk that describes them, and the numbers of all that were seen to.
    pub(super) fn into_parts(self) -> (Vec<ClosedChild>, Vec<u8>, Vec<u32>) {
        (self.children, self.descriptions, self.numbers)
    }
}

/// Reads descriptions of Express children that have ended. The chunk that was read last stays at hand.
pub struct ClosedChildren<'a> {
    store: &'a dyn Store,
    codec: &'a Codec,
    last: Option<((MapRunId, u32), Vec<u8>)>,
}

impl<'a> ClosedChildren<'a> {
    /// Those of a store.
    pub fn new(store: &'a dyn Store, codec: &'a Codec) -> ClosedChildren<'a> {
        ClosedChildren { store, codec, last: None }
    }

    /// One of them; its payloads are at hand, except for one that was left out. None: it has gone meanwhile.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn read(&mut self, place: ClosedPlace) -> Result<Option<Described>, ReadError> {
        let key = (place.map_run, place.chunk);
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            let Some(stored) = self.store.closed_chunk(place.map_run, place.chunk)? else { return Ok(None) };
            self.last = Some((key, self.open(key, &stored)?));
        }
        let Some((_, chunk)) = &self.last else { return Ok(None) };
        let mut rest = chunk.as_slice();
        for _ in 0..place.place {
            part(&mut rest)?;
        }
        decode(part(&mut rest)?).map(Some)
    }

    fn open(&self, (map_run, chunk): (MapRunId, u32), stored: &Sealed) -> Result<Vec<u8>, ReadError> {
        Ok(self.codec.open(Place::Chunk(Entity::MapRun(map_run), chunk), stored)?.into_owned())
    }
}

fn decode(mut description: &[u8]) -> Result<Described, ReadError> {
    let mut described = Described::decode(part(&mut description)?)?;
    let payloads = [Some(&mut described.input), described.output.as_mut()];
    for named in payloads.into_iter().flatten() {
        let stored = part(&mut description)?;
        if let PayloadRef::Stored(id) = named
            && !stored.is_empty()
        {
            *named = PayloadRef::Here(Payload::decode(*id, stored)?);
        }
    }
    Ok(described)
}

fn put_part(part: &[u8], out: &mut Vec<u8>) {
    out.extend((part.len() as u32).to_be_bytes());
    out.extend(part);
}

/// Takes the first part off.
fn part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ReadError> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(ReadError::Short)?;
    let (part, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(ReadError::Short)?;
    *rest = behind;
    Ok(part)
}
