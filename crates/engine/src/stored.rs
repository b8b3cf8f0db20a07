//! The stored form of executions and Map Runs: CBOR with numbered fields.
//!
//! An execution is a root record and one record per frame, a Map Run one record.
//! A record starts with its format number. Fields are members of a map under a number of their own, so a
//! release skips what a later one added and gives defaults to what an earlier one left out. Payloads stand
//! as numbers; small ones stand in the record itself, the others are looked up where they were stored.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use stepwell_asl::program::{ExecutionType, ReaderResource, RegionIdx, StateIdx};
use stepwell_value::{Object, Str, Value, parse};

use crate::event::ErrorCause;
use crate::execution::{
    AttemptId, Execution, ExecutionId, ExecutionStatus, Fork, Frame, FrameId, Identity, MapFork, OpenTask, Phase,
    Tolerance, variables_bytes,
};
use crate::map_run::{Batching, Counts, MapItems, MapRun, MapRunPlan, MapRunStage, MapRunStart, Reader, Selector};
use crate::{Payload, PayloadId, Timestamp};

/// Payloads up to this size stand in the record that names them.
pub const INLINE_BYTES_MAX: usize = 128;

/// Number of the format that this release writes.
const FORMAT: u32 = 1;

/// Why stored bytes are no execution or Map Run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredError(String);

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stored record cannot be read: {}", self.0)
    }
}

impl std::error::Error for StoredError {}

impl From<minicbor::decode::Error> for StoredError {
    fn from(error: minicbor::decode::Error) -> StoredError {
        StoredError(error.to_string())
    }
}

type Read<T> = Result<T, StoredError>;

fn missing(what: &str) -> StoredError {
    StoredError(format!("{what} is missing"))
}

/// Finds a payload that was stored on its own.
pub trait Payloads {
    /// The payload, if it is there.
    fn find(&self, id: PayloadId) -> Option<Payload>;
}

impl Payloads for BTreeMap<PayloadId, Payload> {
    fn find(&self, id: PayloadId) -> Option<Payload> {
        self.get(&id).cloned()
    }
}

impl Execution {
    /// The root record.
    pub fn encode_root(&self) -> Vec<u8> {
        let mut out = Record::new();
        out.field(1, |out| encode_identity(&self.identity, out));
        out.field(2, |out| out.payload(&self.input));
        out.field(3, |out| out.text(self.status.name()));
        out.field(4, |out| out.int(self.started.0));
        out.optional(5, self.stopped, |out, stopped| out.int(stopped.0));
        out.optional(6, self.output.as_ref(), |out, output| out.payload(output));
        out.optional(7, self.error.error.as_ref(), |out, error| out.text(error));
        out.optional(8, self.error.cause.as_ref(), |out, cause| out.text(cause));
        out.field(9, |out| out.int(self.redrive_count.into()));
        out.optional(10, self.redriven, |out, redriven| out.int(redriven.0));
        out.optional(11, self.deadline, |out, deadline| out.int(deadline.0));
        out.field(12, |out| out.list(self.ready.iter(), |out, id| out.int(id.0.into())));
        out.field(13, |out| out.int(self.next_frame.into()));
        out.field(14, |out| out.int(self.next_payload.into()));
        out.field(15, |out| out.int(self.next_attempt.into()));
        out.field(16, |out| out.int(self.last_event.into()));
        out.field(17, |out| out.int(self.evaluations.into()));
        out.field(18, |out| out.int(self.transitions as i64));
        if self.alone {
            out.field(19, |out| out.int(1));
        }
        out.optional(20, self.next_state, |out, state| out.int(state.0.into()));
        out.finish()
    }

    /// The record of each frame.
    pub fn encode_frames(&self) -> Vec<(FrameId, Vec<u8>)> {
        self.frames.values().map(|frame| (frame.id, encode_frame(frame))).collect()
    }

    /// An execution from its records.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote, or a payload is not there.
    pub fn decode(root: &[u8], frames: &[(FrameId, Vec<u8>)], payloads: &dyn Payloads) -> Read<Execution> {
        let mut fields = Fields::of(root)?;
        let mut execution = Execution {
            identity: Arc::new(decode_identity(fields.need(1)?)?),
            input: payload(fields.need(2)?, payloads)?,
            status: status(fields.need(3)?.str()?)?,
            started: Timestamp(fields.need(4)?.i64()?),
            stopped: fields.given(5).map(|mut field| field.i64()).transpose()?.map(Timestamp),
            output: fields.given(6).map(|field| payload(field, payloads)).transpose()?,
            error: ErrorCause {
                error: fields.given(7).map(|mut field| field.str().map(Str::new)).transpose()?,
                cause: fields.given(8).map(|mut field| field.str().map(Str::new)).transpose()?,
            },
            redrive_count: fields.number(9)?,
            redriven: fields.given(10).map(|mut field| field.i64()).transpose()?.map(Timestamp),
            deadline: fields.given(11).map(|mut field| field.i64()).transpose()?.map(Timestamp),
            frames: BTreeMap::new(),
            ready: VecDeque::new(),
            next_frame: fields.number(13)?,
            next_payload: fields.number(14)?,
            next_attempt: fields.number(15)?,
            last_event: fields.number(16)?,
            evaluations: fields.number(17)?,
            transitions: fields.given(18).map(|mut field| field.u64()).transpose()?.unwrap_or(0),
            alone: fields.given(19).is_some(),
            next_state: fields.given(20).map(|mut field| field.u32()).transpose()?.map(StateIdx),
            timers: BTreeSet::new(),
            attempts: BTreeMap::new(),
            variables_bytes: 0,
        };
        if let Some(mut ready) = fields.given(12) {
            for _ in 0..ready.array()?.unwrap_or(0) {
                execution.ready.push_back(FrameId(ready.u32()?));
            }
        }
        for (id, frame) in frames {
            execution.put_frame(decode_frame(*id, frame, payloads)?);
        }
        if execution.status != ExecutionStatus::Running {
            execution.timers.clear();
            execution.attempts.clear();
        }
        Ok(execution)
    }
}

impl MapRun {
    /// The record of a Map Run. It holds all items and results, so it is as large as they are.
    pub fn encode(&self) -> Vec<u8> {
        let MapRunStart { map_run_arn, parent, state: (region, state), entered_event, seed, label, plan } = &self.start;
        let mut out = Record::new();
        out.field(1, |out| out.text(map_run_arn));
        out.field(2, |out| encode_identity(parent, out));
        out.field(3, |out| out.int(region.0.into()));
        out.field(4, |out| out.int(state.0.into()));
        out.field(5, |out| out.int((*entered_event).into()));
        out.field(6, |out| out.unsigned(*seed));
        out.field(7, |out| out.text(label));
        out.field(8, |out| out.json(&plan.selector.data));
        out.field(9, |out| out.json(&plan.selector.context));
        out.field(10, |out| out.json(&plan.selector.variables.clone().into()));
        out.field(11, |out| out.int(plan.concurrency.into()));
        out.optional(12, plan.tolerated, |out, tolerated| out.nested(|out| encode_tolerance(tolerated, out)));
        out.optional(13, plan.batching.as_ref(), |out, batching| {
            out.nested(|out| {
                out.optional(1, batching.items_max, |out, max| out.unsigned(max));
                out.field(2, |out| out.unsigned(batching.bytes_max));
                out.optional(3, batching.input.as_ref(), |out, input| out.json(input));
            });
        });
        out.optional(14, plan.destination.as_ref(), |out, destination| out.json(destination));
        let items = match &plan.items {
            MapItems::Given(items) => items,
            MapItems::Read(reader) => {
                out.field(15, |out| out.nested(|out| encode_reader(reader, out)));
                &self.items
            }
        };
        out.field(16, |out| out.json(items));
        out.field(17, |out| out.int(self.stage as i64));
        out.field(18, |out| out.int(self.length.into()));
        out.field(19, |out| out.int(self.next_index.into()));
        if self.goes_on {
            out.field(20, |out| out.int(1));
        }
        out.field(21, |out| {
            out.list(self.open.iter(), |out, (child, (id, n_items))| {
                let numbers = [u64::from(*child), (id.0 >> 64) as u64, id.0 as u64, *n_items];
                out.list(numbers.into_iter(), |out, number| out.unsigned(number));
            });
        });
        out.field(22, |out| {
            out.list(self.results.iter(), |out, result| match result {
                Some(result) => out.json(result),
                None => out.null(),
            });
        });
        out.field(23, |out| encode_counts(self.item_counts, out));
        out.field(24, |out| encode_counts(self.execution_counts, out));
        out.finish()
    }

    /// A Map Run from its record.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(record: &[u8]) -> Read<MapRun> {
        let mut fields = Fields::of(record)?;
        let items = fields.json(16)?.unwrap_or_default();
        let stage = fields.number(17)?;
        let stage = MapRunStage::ALL.into_iter().find(|known| *known as u32 == stage);
        let stage = stage.ok_or_else(|| missing("a known stage"))?;
        let is_known = !matches!(stage, MapRunStage::New | MapRunStage::Reading);
        let reader = fields.given(15).map(decode_reader).transpose()?;
        let plan = MapRunPlan {
            items: reader.map_or_else(|| MapItems::Given(items.clone()), MapItems::Read),
            selector: Selector {
                data: fields.json(8)?.unwrap_or_default(),
                context: fields.json(9)?.unwrap_or_default(),
                variables: variables(fields.need(10)?.str()?)?,
            },
            concurrency: fields.number(11)?,
            tolerated: fields.given(12).map(|field| decode_tolerance(Fields::in_record(field)?)).transpose()?,
            batching: fields.given(13).map(decode_batching).transpose()?,
            destination: fields.json(14)?,
        };
        let start = MapRunStart {
            map_run_arn: Str::new(fields.need(1)?.str()?),
            parent: Arc::new(decode_identity(fields.need(2)?)?),
            state: (RegionIdx(fields.number(3)?), StateIdx(fields.number(4)?)),
            entered_event: fields.number(5)?,
            seed: fields.need(6)?.u64()?,
            label: Str::new(fields.need(7)?.str()?),
            plan,
        };
        let mut map_run = MapRun {
            stage,
            items: if is_known { items } else { Value::Null },
            length: fields.number(18)?,
            next_index: fields.number(19)?,
            goes_on: fields.given(20).is_some(),
            item_counts: decode_counts(fields.need(23)?)?,
            execution_counts: decode_counts(fields.need(24)?)?,
            ..MapRun::new(start)
        };
        let mut open = fields.need(21)?;
        for _ in 0..open.array()?.unwrap_or(0) {
            open.array()?;
            let child = open.u32()?;
            let id = ExecutionId(u128::from(open.u64()?) << 64 | u128::from(open.u64()?));
            map_run.open.insert(child, (id, open.u64()?));
        }
        let mut results = fields.need(22)?;
        for _ in 0..results.array()?.unwrap_or(0) {
            let is_open = results.datatype()? == Type::Null;
            map_run.results.push(if is_open { results.null().map(|()| None)? } else { Some(json(results.str()?)?) });
        }
        Ok(map_run)
    }
}

fn encode_reader(reader: &Reader, out: &mut Record) {
    if reader.resource == ReaderResource::ListObjectsV2 {
        out.field(1, |out| out.int(1));
    }
    out.field(2, |out| out.json(&reader.parameters));
    out.optional(3, reader.items_max, |out, max| out.int(max));
}

fn decode_reader(record: Decoder<'_>) -> Read<Reader> {
    let mut fields = Fields::in_record(record)?;
    Ok(Reader {
        resource: match fields.given(1) {
            Some(_) => ReaderResource::ListObjectsV2,
            None => ReaderResource::GetObject,
        },
        parameters: fields.json(2)?.unwrap_or_default(),
        items_max: fields.given(3).map(|mut field| field.i64()).transpose()?,
    })
}

fn decode_batching(record: Decoder<'_>) -> Read<Batching> {
    let mut fields = Fields::in_record(record)?;
    Ok(Batching {
        items_max: fields.given(1).map(|mut field| field.u64()).transpose()?,
        bytes_max: fields.need(2)?.u64()?,
        input: fields.json(3)?,
    })
}

fn encode_tolerance(tolerated: Tolerance, out: &mut Record) {
    out.optional(1, tolerated.count, |out, count| out.int(count.into()));
    out.optional(2, tolerated.percentage, |out, percentage| out.float(percentage));
}

fn decode_tolerance(mut fields: Fields<'_>) -> Read<Tolerance> {
    Ok(Tolerance {
        count: fields.given(1).map(|mut field| field.u32()).transpose()?,
        percentage: fields.given(2).map(|mut field| field.f64()).transpose()?,
    })
}

fn encode_counts(counts: Counts, out: &mut Record) {
    let Counts { pending, running, succeeded, failed, timed_out, aborted, total } = counts;
    let numbers = [pending, running, succeeded, failed, timed_out, aborted, total];
    out.list(numbers.into_iter(), |out, number| out.unsigned(number));
}

fn decode_counts(mut list: Decoder<'_>) -> Read<Counts> {
    list.array()?;
    Ok(Counts {
        pending: list.u64()?,
        running: list.u64()?,
        succeeded: list.u64()?,
        failed: list.u64()?,
        timed_out: list.u64()?,
        aborted: list.u64()?,
        total: list.u64()?,
    })
}

fn encode_identity(identity: &Identity, out: &mut Record) {
    let id = identity.id.0;
    let texts = [
        Some(&identity.arn),
        Some(&identity.name),
        Some(&identity.state_machine_arn),
        Some(&identity.state_machine_name),
        identity.role_arn.as_ref(),
        identity.version_arn.as_ref(),
        identity.alias_arn.as_ref(),
        Some(&identity.region),
    ];
    out.nested(|out| {
        out.field(1, |out| out.unsigned((id >> 64) as u64));
        out.field(2, |out| out.unsigned(id as u64));
        for (n, text) in (3..).zip(texts) {
            out.optional(n, text, |out, text| out.text(text));
        }
        out.field(11, |out| out.text(identity.execution_type.name()));
        if identity.shows_redrive_count {
            out.field(12, |out| out.int(1));
        }
        out.field(13, |out| out.unsigned(identity.seed));
        out.field(14, |out| out.int(identity.root.0.into()));
    });
}

fn decode_identity(record: Decoder<'_>) -> Read<Identity> {
    let mut fields = Fields::in_record(record)?;
    let text = |fields: &mut Fields<'_>, n| fields.given(n).map(|mut field| field.str().map(Str::new)).transpose();
    let need = |fields: &mut Fields<'_>, n| fields.need(n)?.str().map(Str::new).map_err(StoredError::from);
    Ok(Identity {
        id: ExecutionId(u128::from(fields.need(1)?.u64()?) << 64 | u128::from(fields.need(2)?.u64()?)),
        arn: need(&mut fields, 3)?,
        name: need(&mut fields, 4)?,
        state_machine_arn: need(&mut fields, 5)?,
        state_machine_name: need(&mut fields, 6)?,
        role_arn: text(&mut fields, 7)?,
        version_arn: text(&mut fields, 8)?,
        alias_arn: text(&mut fields, 9)?,
        region: need(&mut fields, 10)?,
        execution_type: match fields.need(11)?.str()? {
            "EXPRESS" => ExecutionType::Express,
            _ => ExecutionType::Standard,
        },
        shows_redrive_count: fields.given(12).is_some(),
        seed: fields.need(13)?.u64()?,
        root: RegionIdx(fields.number(14)?),
    })
}

fn status(name: &str) -> Read<ExecutionStatus> {
    use ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
    [Running, Succeeded, Failed, TimedOut, Aborted]
        .into_iter()
        .find(|status| status.name() == name)
        .ok_or_else(|| StoredError(format!("there is no status {name:?}")))
}

fn encode_frame(frame: &Frame) -> Vec<u8> {
    let mut out = Record::new();
    out.optional(1, frame.parent, |out, parent| out.int(parent.0.into()));
    out.field(2, |out| out.int(frame.index.into()));
    out.field(3, |out| out.int(frame.region.0.into()));
    out.field(4, |out| out.int(frame.state.0.into()));
    out.field(5, |out| out.payload(&frame.input));
    if !frame.variables.is_empty() {
        out.field(6, |out| out.text(&Value::from(frame.variables.clone()).to_string()));
    }
    out.field(7, |out| out.int(frame.last_event.into()));
    out.field(8, |out| out.int(frame.entered_event.into()));
    out.field(9, |out| out.int(frame.before_entered.into()));
    out.field(10, |out| out.int(frame.entered.0));
    if !frame.retries.is_empty() {
        out.field(11, |out| out.list(frame.retries.iter(), |out, retries| out.int((*retries).into())));
    }
    let (tag, until) = match &frame.phase {
        Phase::Enter => (0, None),
        Phase::Work => (1, None),
        Phase::Waiting { until } => (2, Some(*until)),
        Phase::Backoff { until } => (3, Some(*until)),
        Phase::Task(_) => (4, None),
        Phase::Fork(_) => (5, None),
        Phase::MapRun { .. } => (6, None),
        Phase::Failed => (7, None),
        Phase::Aborted => (8, None),
    };
    out.field(12, |out| out.int(tag));
    out.optional(13, until, |out, until| out.int(until.0));
    match &frame.phase {
        Phase::Task(task) => out.field(14, |out| out.nested(|out| encode_task(task, out))),
        Phase::Fork(fork) => out.field(15, |out| out.nested(|out| encode_fork(fork, out))),
        Phase::MapRun { arn, started_event } => {
            out.field(16, |out| out.text(arn));
            out.field(17, |out| out.int((*started_event).into()));
        }
        _ => {}
    }
    out.finish()
}

fn encode_task(task: &OpenTask, out: &mut Record) {
    out.field(1, |out| out.int(task.attempt.0.into()));
    if task.started {
        out.field(2, |out| out.int(1));
    }
    if task.submitted {
        out.field(3, |out| out.int(1));
    }
    out.optional(4, task.timeout_s, |out, seconds| out.int(seconds.into()));
    out.optional(5, task.heartbeat_s, |out, seconds| out.int(seconds.into()));
    out.optional(6, task.deadline, |out, deadline| out.int(deadline.0));
    out.optional(7, task.heartbeat_due, |out, due| out.int(due.0));
}

fn encode_fork(fork: &Fork, out: &mut Record) {
    out.field(1, |out| out.int(fork.open.into()));
    out.field(2, |out| {
        out.list(fork.results.iter(), |out, result| match result {
            Some(result) => out.payload(result),
            None => out.null(),
        });
    });
    out.field(3, |out| out.int(fork.started_event.into()));
    out.field(4, |out| out.int(fork.join_event.into()));
    if let Some(map) = &fork.map {
        out.field(5, |out| out.payload(&map.items));
        out.field(7, |out| out.int(map.cursor.into()));
        out.field(8, |out| out.int(map.concurrency.into()));
        out.field(9, |out| out.int(map.failed.into()));
        out.optional(10, map.tolerated, |out, tolerated| out.nested(|out| encode_tolerance(tolerated, out)));
    }
}

fn decode_frame(id: FrameId, record: &[u8], payloads: &dyn Payloads) -> Read<Frame> {
    let mut fields = Fields::of(record)?;
    let mut frame = Frame {
        id,
        parent: fields.given(1).map(|mut field| field.u32()).transpose()?.map(FrameId),
        index: fields.number(2)?,
        region: RegionIdx(fields.number(3)?),
        state: StateIdx(fields.number(4)?),
        phase: Phase::Enter,
        input: payload(fields.need(5)?, payloads)?,
        variables: match fields.given(6) {
            Some(mut field) => variables(field.str()?)?,
            None => Object::default(),
        },
        variables_bytes: 0,
        last_event: fields.number(7)?,
        entered_event: fields.number(8)?,
        before_entered: fields.number(9)?,
        entered: Timestamp(fields.need(10)?.i64()?),
        retries: Vec::new(),
    };
    frame.variables_bytes = variables_bytes(&frame.variables);
    if let Some(mut retries) = fields.given(11) {
        for _ in 0..retries.array()?.unwrap_or(0) {
            frame.retries.push(retries.u32()?);
        }
    }
    let until = fields.given(13).map(|mut field| field.i64()).transpose()?.map(Timestamp);
    frame.phase = match fields.number(12)? {
        0 => Phase::Enter,
        1 => Phase::Work,
        2 => Phase::Waiting { until: until.ok_or_else(|| missing("the time of a wait"))? },
        3 => Phase::Backoff { until: until.ok_or_else(|| missing("the time of a retry"))? },
        4 => Phase::Task(decode_task(Fields::in_record(fields.need(14)?)?)?),
        5 => Phase::Fork(Box::new(decode_fork(Fields::in_record(fields.need(15)?)?, payloads)?)),
        6 => Phase::MapRun { arn: Str::new(fields.need(16)?.str()?), started_event: fields.number(17)? },
        7 => Phase::Failed,
        8 => Phase::Aborted,
        other => return Err(StoredError(format!("there is no phase {other}"))),
    };
    Ok(frame)
}

fn json(text: &str) -> Read<Value> {
    parse(text).map_err(|error| StoredError(error.to_string()))
}

fn variables(text: &str) -> Read<Object> {
    match parse(text) {
        Ok(Value::Object(variables)) => Ok(variables),
        _ => Err(StoredError("variables are not a JSON object".into())),
    }
}

fn decode_task(mut fields: Fields<'_>) -> Read<OpenTask> {
    Ok(OpenTask {
        attempt: AttemptId(fields.number(1)?),
        started: fields.given(2).is_some(),
        submitted: fields.given(3).is_some(),
        timeout_s: fields.given(4).map(|mut field| field.u32()).transpose()?,
        heartbeat_s: fields.given(5).map(|mut field| field.u32()).transpose()?,
        deadline: fields.given(6).map(|mut field| field.i64()).transpose()?.map(Timestamp),
        heartbeat_due: fields.given(7).map(|mut field| field.i64()).transpose()?.map(Timestamp),
    })
}

fn decode_fork(mut fields: Fields<'_>, payloads: &dyn Payloads) -> Read<Fork> {
    let mut results = Vec::new();
    let mut list = fields.need(2)?;
    for _ in 0..list.array()?.unwrap_or(0) {
        if list.datatype()? == Type::Null {
            list.null()?;
            results.push(None);
        } else {
            results.push(Some(next_payload(&mut list, payloads)?));
        }
    }
    let map = match fields.given(5) {
        None => None,
        Some(items) => Some(MapFork {
            items: payload(items, payloads)?,
            cursor: fields.number(7)?,
            concurrency: fields.number(8)?,
            failed: fields.number(9)?,
            tolerated: fields.given(10).map(|field| decode_tolerance(Fields::in_record(field)?)).transpose()?,
        }),
    };
    Ok(Fork { open: fields.number(1)?, results, started_event: fields.number(3)?, join_event: fields.number(4)?, map })
}

fn payload(mut field: Decoder<'_>, payloads: &dyn Payloads) -> Read<Payload> {
    next_payload(&mut field, payloads)
}

/// `[number]`, `[number, text]` for one that stands here, `[number, text, true]` when the text is shown as sent.
fn next_payload(field: &mut Decoder<'_>, payloads: &dyn Payloads) -> Read<Payload> {
    let length = field.array()?.unwrap_or(0);
    let id = PayloadId(field.u32()?);
    if length < 2 {
        return payloads.find(id).ok_or_else(|| StoredError(format!("payload {} is missing", id.0)));
    }
    let text = field.str()?;
    let value = parse(text).map_err(|error| StoredError(format!("payload {}: {error}", id.0)))?;
    if length < 3 {
        return Ok(Payload::new(id, value));
    }
    field.bool()?;
    Ok(Payload::as_sent(id, value, Str::new(text)))
}

/// Writes a record. CBOR into memory cannot fail.
struct Record {
    encoder: Encoder<Vec<u8>>,
}

impl Record {
    fn new() -> Record {
        let mut record = Record { encoder: Encoder::new(Vec::with_capacity(256)) };
        record.int(FORMAT.into());
        record.open();
        record
    }

    fn finish(mut self) -> Vec<u8> {
        self.close();
        self.encoder.into_writer()
    }

    fn nested(&mut self, content: impl FnOnce(&mut Record)) {
        self.open();
        content(self);
        self.close();
    }

    fn field(&mut self, number: i64, content: impl FnOnce(&mut Record)) {
        self.int(number);
        content(self);
    }

    fn optional<T>(&mut self, number: i64, value: Option<T>, content: impl FnOnce(&mut Record, T)) {
        if let Some(value) = value {
            self.int(number);
            content(self, value);
        }
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut content: impl FnMut(&mut Record, T)) {
        written(self.encoder.array(items.len() as u64).map(|_| ()));
        items.for_each(|item| content(self, item));
    }

    fn payload(&mut self, payload: &Payload) {
        let inline = payload.bytes() <= INLINE_BYTES_MAX;
        let length = 1 + u64::from(inline) + u64::from(inline && payload.sent().is_some());
        written(self.encoder.array(length).map(|_| ()));
        self.int(payload.id().0.into());
        if inline {
            self.text(&payload.text());
            if payload.sent().is_some() {
                written(self.encoder.bool(true).map(|_| ()));
            }
        }
    }

    fn open(&mut self) {
        written(self.encoder.begin_map().map(|_| ()));
    }

    fn close(&mut self) {
        written(self.encoder.end().map(|_| ()));
    }

    fn int(&mut self, int: i64) {
        written(self.encoder.i64(int).map(|_| ()));
    }

    fn unsigned(&mut self, int: u64) {
        written(self.encoder.u64(int).map(|_| ()));
    }

    fn float(&mut self, float: f64) {
        written(self.encoder.f64(float).map(|_| ()));
    }

    fn text(&mut self, text: &str) {
        written(self.encoder.str(text).map(|_| ()));
    }

    fn json(&mut self, value: &Value) {
        self.text(&value.to_string());
    }

    fn null(&mut self) {
        written(self.encoder.null().map(|_| ()));
    }
}

fn written<E: fmt::Debug>(result: Result<(), minicbor::encode::Error<E>>) {
    result.expect("writing to memory succeeds");
}

/// The fields of a record, by their numbers.
struct Fields<'b> {
    bytes: &'b [u8],
    places: BTreeMap<i64, usize>,
}

impl<'b> Fields<'b> {
    fn of(record: &'b [u8]) -> Read<Fields<'b>> {
        let mut decoder = Decoder::new(record);
        let format = decoder.u32()?;
        if format != FORMAT {
            return Err(StoredError(format!("format {format} is not known here (newest: {FORMAT})")));
        }
        Fields::in_record(decoder)
    }

    fn in_record(mut decoder: Decoder<'b>) -> Read<Fields<'b>> {
        decoder.map()?;
        let mut places = BTreeMap::new();
        while decoder.datatype()? != Type::Break {
            let number = decoder.i64()?;
            places.insert(number, decoder.position());
            decoder.skip()?;
        }
        Ok(Fields { bytes: decoder.input(), places })
    }

    fn given(&mut self, number: i64) -> Option<Decoder<'b>> {
        let place = *self.places.get(&number)?;
        let mut decoder = Decoder::new(self.bytes);
        decoder.set_position(place);
        Some(decoder)
    }

    fn need(&mut self, number: i64) -> Read<Decoder<'b>> {
        self.given(number).ok_or_else(|| missing(&format!("field {number}")))
    }

    fn json(&mut self, number: i64) -> Read<Option<Value>> {
        self.given(number).map(|mut field| json(field.str()?)).transpose()
    }

    fn number(&mut self, number: i64) -> Read<u32> {
        Ok(self.need(number)?.u32()?)
    }
}
