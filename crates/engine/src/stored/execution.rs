//! The records of an execution: its root, its frames, and the results of its forks in segments.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use minicbor::Decoder;
use stepwell_asl::program::{ExecutionType, RegionIdx, StateIdx, TOP};
use stepwell_value::{Object, Str, Value};

use super::record::{Fields, Record, Shared, object, payload_ref, unless_null};
use super::{PayloadRef, Payloads, Read, StoredError, Writes, missing};
use crate::Timestamp;
use crate::event::ErrorCause;
use crate::execution::{
    Asked, AttemptId, ChildOf, Execution, ExecutionId, ExecutionStatus, Fork, Frame, FrameId, Identity, MapFork,
    OpenTask, Phase, Results, StoredSegments, Tolerance, Unwritten, redrive_refusal, variables_bytes,
};

/// Keys of records: a frame's number and, in the lower bits, 0 for the frame itself or 1 and a segment's number.
const SEGMENT_BITS: u32 = 16;

fn frame_key(frame: FrameId) -> u64 {
    u64::from(frame.0) << SEGMENT_BITS
}

/// Results that the keys of a fork's segments have room for; a payload has room for far fewer items.
const RESULTS_MAX: usize = ((1 << SEGMENT_BITS) - 1) * Results::PER_SEGMENT;

fn segment_key(frame: FrameId, segment: u32) -> u64 {
    assert!(segment < (1 << SEGMENT_BITS) - 1, "a fork has no more results than its keys have room for");
    frame_key(frame) + 1 + u64::from(segment)
}

/// The frame that a record belongs to; the segment, if it is one of its results.
fn of_key(key: u64) -> Read<(FrameId, Option<u32>)> {
    let frame = u32::try_from(key >> SEGMENT_BITS).map_err(|_| StoredError(format!("there is no record {key}")))?;
    let part = key as u32 & ((1 << SEGMENT_BITS) - 1);
    Ok((FrameId(frame), part.checked_sub(1)))
}

impl Execution {
    /// What changed since it was made, read, or last asked.
    pub fn take_writes(&mut self) -> Writes {
        let mut records = Vec::new();
        let (touched, stored_below) = self.unwritten.take(self.next_frame);
        for id in touched {
            let mut frame = self.frames.get_mut(&id);
            match &mut frame {
                Some(frame) => {
                    frame.touched = false;
                    records.push((frame_key(id), Some(encode_frame(frame))));
                }
                None if id.0 < stored_below => records.push((frame_key(id), None)),
                None => continue,
            }
            let fork = match frame.map(|frame| &mut frame.phase) {
                Some(Phase::Fork(fork)) => Some(&mut **fork),
                _ => None,
            };
            take_segments(id, fork, &mut self.unwritten.segments, &mut records);
        }
        Writes { root: self.encode_root(), records }
    }

    /// All that is stored of it after its changes were taken.
    pub fn snapshot(&self) -> Writes {
        let mut records = Vec::new();
        for frame in self.frames.values() {
            records.push((frame_key(frame.id), Some(encode_frame(frame))));
            if let Phase::Fork(fork) = &frame.phase {
                let segments = fork.results.segments_with_results();
                records.extend(
                    segments.map(|segment| (segment_key(frame.id, segment), Some(encode_segment(fork, segment)))),
                );
            }
        }
        Writes { root: self.encode_root(), records }
    }

    /// An execution from its records.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote, or a payload is not there.
    pub fn decode(root: &[u8], records: &[(u64, Vec<u8>)], payloads: &dyn Payloads) -> Read<Execution> {
        let fields = Fields::of(root)?;
        let described = Described::of(&fields)?;
        let payloads = &Shared::new(payloads);
        let mut execution = Execution {
            identity: described.identity,
            child_of: described.child_of,
            input: payloads.resolve(described.input)?,
            status: described.status,
            started: described.started,
            stopped: described.stopped,
            output: described.output.map(|output| payloads.resolve(output)).transpose()?,
            error: described.error,
            redrive_count: described.redrive_count,
            redriven: described.redriven,
            redrive_tokens: fields.list(22, |list| {
                list.array()?;
                Ok((Str::new(list.str()?), Timestamp(list.i64()?)))
            })?,
            deadline: fields.maybe_time(11)?,
            frames: BTreeMap::new(),
            ready: VecDeque::from(fields.list(12, |list| Ok(FrameId(list.u32()?)))?),
            next_frame: fields.number(13)?,
            next_payload: fields.number(14)?,
            next_attempt: fields.number(15)?,
            last_event: described.events_count,
            evaluations: fields.number(17)?,
            transitions: fields.need(18)?.u64()?,
            alone: fields.flag(19),
            next_state: fields.maybe_number(20)?.map(StateIdx),
            timers: BTreeSet::new(),
            attempts: BTreeMap::new(),
            variables_bytes: 0,
            owed_tasks: 0,
            unwritten: Unwritten::default(),
        };
        for (key, record) in records {
            if let (frame, None) = of_key(*key)? {
                execution.place_frame(decode_frame(frame, record, payloads)?);
            }
        }
        let mut segments = BTreeMap::new();
        for (key, record) in records {
            if let (frame, Some(segment)) = of_key(*key)? {
                execution.restore_segment(frame, segment, record, payloads, &mut segments)?;
            }
        }
        execution.unwritten = Unwritten::nothing(execution.next_frame, segments);
        if execution.status != ExecutionStatus::Running {
            execution.stop_waiting();
        }
        Ok(execution)
    }

    fn encode_root(&self) -> Vec<u8> {
        let mut out = Record::of_fields(384);
        out.field(1, |out| encode_identity(&self.identity, out));
        out.field(2, |out| out.payload(&self.input));
        out.field(3, |out| out.int(status_code(self.status).into()));
        out.field(4, |out| out.time(self.started));
        out.optional(5, self.stopped, |out, stopped| out.time(stopped));
        out.optional(6, self.output.as_ref(), |out, output| out.payload(output));
        out.optional(7, self.error.error.as_ref(), |out, error| out.text(error));
        out.optional(8, self.error.cause.as_ref(), |out, cause| out.text(cause));
        out.optional(9, Some(self.redrive_count).filter(|count| *count > 0), |out, count| out.int(count.into()));
        out.optional(10, self.redriven, |out, redriven| out.time(redriven));
        out.optional(11, self.deadline, |out, deadline| out.time(deadline));
        if !self.ready.is_empty() {
            out.field(12, |out| out.list(self.ready.iter(), |out, id| out.int(id.0.into())));
        }
        out.field(13, |out| out.int(self.next_frame.into()));
        out.field(14, |out| out.int(self.next_payload.into()));
        out.field(15, |out| out.int(self.next_attempt.into()));
        out.field(16, |out| out.int(self.last_event.into()));
        out.field(17, |out| out.int(self.evaluations.into()));
        out.field(18, |out| out.unsigned(self.transitions));
        out.flag(19, self.alone);
        out.optional(20, self.next_state, |out, state| out.int(state.0.into()));
        out.optional(21, self.child_of.as_ref(), |out, child_of| encode_child_of(child_of, out));
        if !self.redrive_tokens.is_empty() {
            out.field(22, |out| {
                out.list(self.redrive_tokens.iter(), |out, (token, at)| {
                    out.array(2);
                    out.text(token);
                    out.time(*at);
                });
            });
        }
        out.finish()
    }

    /// Takes in a segment of a fork's results.
    fn restore_segment(
        &mut self,
        frame: FrameId,
        segment: u32,
        record: &[u8],
        payloads: &Shared<'_>,
        stored: &mut BTreeMap<FrameId, StoredSegments>,
    ) -> Read<()> {
        let fields = Fields::of(record)?;
        let started_event = fields.number(1)?;
        let results = fields.list(2, |list| unless_null(list, |list| payloads.next(list)))?;
        let wrong = || StoredError(format!("frame {} has no fork with results {segment}", frame.0));
        let frame_record = self.frames.get_mut(&frame).ok_or_else(wrong)?;
        let is_restored = match &mut frame_record.phase {
            Phase::Fork(fork) => fork.started_event == started_event && fork.results.restore(segment, results),
            _ => false,
        };
        if !is_restored {
            return Err(wrong());
        }
        let stored = stored.entry(frame).or_default();
        stored.started_event = started_event;
        stored.segments.insert(segment);
        Ok(())
    }
}

/// What the root record says of an execution: what is shown of it. Its payloads are not looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// What never changes about it.
    pub identity: Arc<Identity>,
    /// Whose child it is.
    pub child_of: Option<ChildOf>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
    /// Its error and cause, when it failed or was stopped.
    pub error: ErrorCause,
    /// Its input.
    pub input: PayloadRef,
    /// Its output, when it succeeded.
    pub output: Option<PayloadRef>,
    /// Number of events so far.
    pub events_count: u32,
}

impl Described {
    /// What a root record says.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(root: &[u8]) -> Read<Described> {
        Described::of(&Fields::of(root)?)
    }

    /// `itemCount`, of the child of a Map Run.
    pub fn item_count(&self) -> Option<u32> {
        self.child_of.as_ref().map(|child_of| child_of.item_count)
    }

    /// Why it cannot be redriven now, in AWS's words; none: it can.
    pub fn redrive_refusal(&self, now: Timestamp) -> Option<&'static str> {
        redrive_refusal(self.status, self.started, self.stopped, self.events_count, now)
    }

    fn of(fields: &Fields<'_>) -> Read<Described> {
        Ok(Described {
            identity: Arc::new(decode_identity(fields.need(1)?)?),
            child_of: fields.given(21).map(|mut field| decode_child_of(&mut field)).transpose()?,
            input: payload_ref(&mut fields.need(2)?)?,
            status: status_of(fields.number(3)?)?,
            started: fields.time(4)?,
            stopped: fields.maybe_time(5)?,
            output: fields.given(6).map(|mut field| payload_ref(&mut field)).transpose()?,
            error: ErrorCause { error: fields.maybe_text(7)?, cause: fields.maybe_text(8)? },
            redrive_count: fields.maybe_number(9)?.unwrap_or(0),
            redriven: fields.maybe_time(10)?,
            events_count: fields.number(16)?,
        })
    }
}

/// Writes the segments of a frame's results that changed, and removes those of a fork that is gone.
fn take_segments(
    id: FrameId,
    fork: Option<&mut Fork>,
    stored: &mut BTreeMap<FrameId, StoredSegments>,
    records: &mut Vec<(u64, Option<Vec<u8>>)>,
) {
    let started_event = fork.as_ref().map(|fork| fork.started_event);
    let is_gone = |stored: &StoredSegments| Some(stored.started_event) != started_event;
    let gone = if stored.get(&id).is_some_and(is_gone) { stored.remove(&id) } else { None };
    let mut written = BTreeSet::new();
    if let Some(fork) = fork {
        written = fork.results.take_touched();
        records.extend(written.iter().map(|segment| (segment_key(id, *segment), Some(encode_segment(fork, *segment)))));
        if !written.is_empty() {
            let stored = stored.entry(id).or_default();
            stored.started_event = fork.started_event;
            stored.segments.extend(&written);
        }
    }
    let gone = gone.map(|gone| gone.segments).unwrap_or_default();
    records.extend(gone.difference(&written).map(|segment| (segment_key(id, *segment), None)));
}

fn encode_segment(fork: &Fork, segment: u32) -> Vec<u8> {
    let mut out = Record::of_fields(512);
    out.field(1, |out| out.int(fork.started_event.into()));
    out.field(2, |out| {
        out.list(fork.results.segment(segment).iter(), |out, result| match result {
            Some(result) => out.payload(result),
            None => out.null(),
        });
    });
    out.finish()
}

pub(super) fn encode_child_of(child_of: &ChildOf, out: &mut Record) {
    out.array(3);
    out.text(&child_of.map_run_arn);
    out.int(child_of.child.into());
    out.int(child_of.item_count.into());
}

pub(super) fn decode_child_of(field: &mut Decoder<'_>) -> Read<ChildOf> {
    field.array()?;
    Ok(ChildOf { map_run_arn: Str::new(field.str()?), child: field.u32()?, item_count: field.u32()? })
}

/// What can be made up from other fields is left out: ARNs are most of a small execution's root.
pub(super) fn encode_identity(identity: &Identity, out: &mut Record) {
    out.nested(|out| {
        out.field(1, |out| out.id(identity.id.0));
        out.field(2, |out| out.text(&identity.state_machine_arn));
        if machine_name_in(&identity.state_machine_arn) != identity.state_machine_name {
            out.field(3, |out| out.text(&identity.state_machine_name));
        }
        out.field(4, |out| out.text(&identity.name));
        if !is_usual_arn(identity) {
            out.field(5, |out| out.text(&identity.arn));
        }
        out.optional(6, identity.role_arn.as_ref(), |out, role_arn| out.text(role_arn));
        out.optional(7, identity.version_arn.as_ref(), |out, version_arn| out.text(version_arn));
        out.optional(8, identity.alias_arn.as_ref(), |out, alias_arn| out.text(alias_arn));
        if region_in(&identity.state_machine_arn) != identity.region {
            out.field(9, |out| out.text(&identity.region));
        }
        out.flag(10, identity.execution_type == ExecutionType::Express);
        out.flag(11, identity.shows_redrive_count);
        out.field(12, |out| out.unsigned(identity.seed));
        out.optional(13, Some(identity.root).filter(|root| *root != TOP), |out, root| out.int(root.0.into()));
        out.optional(14, identity.trace_header.as_ref(), |out, header| out.text(header));
    });
}

pub(super) fn decode_identity(record: Decoder<'_>) -> Read<Identity> {
    let fields = Fields::in_record(record)?;
    let state_machine_arn = fields.text(2)?;
    let name = fields.text(4)?;
    Ok(Identity {
        id: ExecutionId(fields.id(1)?),
        arn: match fields.maybe_text(5)? {
            Some(arn) => arn,
            None => usual_arn(&state_machine_arn, &name),
        },
        state_machine_name: match fields.maybe_text(3)? {
            Some(name) => name,
            None => Str::new(machine_name_in(&state_machine_arn)),
        },
        role_arn: fields.maybe_text(6)?,
        version_arn: fields.maybe_text(7)?,
        alias_arn: fields.maybe_text(8)?,
        region: match fields.maybe_text(9)? {
            Some(region) => region,
            None => Str::new(region_in(&state_machine_arn)),
        },
        execution_type: if fields.flag(10) { ExecutionType::Express } else { ExecutionType::Standard },
        shows_redrive_count: fields.flag(11),
        seed: fields.need(12)?.u64()?,
        root: fields.maybe_number(13)?.map_or(TOP, RegionIdx),
        trace_header: fields.maybe_text(14)?,
        state_machine_arn,
        name,
    })
}

const OF_MACHINES: &str = ":stateMachine:";
const OF_EXECUTIONS: &str = ":execution:";

fn machine_name_in(state_machine_arn: &str) -> &str {
    state_machine_arn.rsplit(':').next().unwrap_or_default()
}

fn region_in(state_machine_arn: &str) -> &str {
    state_machine_arn.split(':').nth(3).unwrap_or_default()
}

/// The ARN of a Standard execution, made up from its machine's and its name.
fn usual_arn(state_machine_arn: &str, name: &str) -> Str {
    Str::from(format!("{}:{name}", state_machine_arn.replacen(OF_MACHINES, OF_EXECUTIONS, 1)))
}

fn is_usual_arn(identity: &Identity) -> bool {
    let rest = || {
        let (place, machine) = identity.state_machine_arn.split_once(OF_MACHINES)?;
        let rest = identity.arn.strip_prefix(place)?.strip_prefix(OF_EXECUTIONS)?;
        rest.strip_prefix(machine)?.strip_prefix(':')
    };
    rest() == Some(identity.name.as_str())
}

const STATUSES: [ExecutionStatus; 5] = [
    ExecutionStatus::Running,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::TimedOut,
    ExecutionStatus::Aborted,
];

/// The number of a status is its place in the list.
pub(super) fn status_code(status: ExecutionStatus) -> u32 {
    STATUSES.into_iter().position(|known| known == status).unwrap_or_default() as u32
}

pub(super) fn status_of(code: u32) -> Read<ExecutionStatus> {
    STATUSES.get(code as usize).copied().ok_or_else(|| StoredError(format!("there is no status {code}")))
}

fn encode_frame(frame: &Frame) -> Vec<u8> {
    let mut out = Record::of_fields(192);
    out.optional(1, frame.parent, |out, parent| out.int(parent.0.into()));
    out.optional(2, Some(frame.index).filter(|index| *index > 0), |out, index| out.int(index.into()));
    out.field(3, |out| out.int(frame.region.0.into()));
    out.field(4, |out| out.int(frame.state.0.into()));
    out.field(5, |out| out.payload(&frame.input));
    if !frame.variables.is_empty() {
        out.field(6, |out| out.json(&Value::from(frame.variables.clone())));
    }
    out.field(7, |out| out.int(frame.last_event.into()));
    out.field(8, |out| out.int(frame.entered_event.into()));
    out.field(9, |out| out.int(frame.before_entered.into()));
    out.field(10, |out| out.time(frame.entered));
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
    out.optional(13, until, |out, until| out.time(until));
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

fn decode_frame(id: FrameId, record: &[u8], payloads: &Shared<'_>) -> Read<Frame> {
    let fields = Fields::of(record)?;
    let until = |what: &str| fields.maybe_time(13)?.ok_or_else(|| missing(what));
    let phase = match fields.number(12)? {
        0 => Phase::Enter,
        1 => Phase::Work,
        2 => Phase::Waiting { until: until("the time of a wait")? },
        3 => Phase::Backoff { until: until("the time of a retry")? },
        4 => Phase::Task(decode_task(&Fields::in_record(fields.need(14)?)?, payloads)?),
        5 => Phase::Fork(Box::new(decode_fork(&Fields::in_record(fields.need(15)?)?, payloads)?)),
        6 => Phase::MapRun { arn: fields.text(16)?, started_event: fields.number(17)? },
        7 => Phase::Failed,
        8 => Phase::Aborted,
        other => return Err(StoredError(format!("there is no phase {other}"))),
    };
    let variables = match fields.given(6) {
        Some(mut field) => object(field.str()?)?,
        None => Object::default(),
    };
    Ok(Frame {
        id,
        parent: fields.maybe_number(1)?.map(FrameId),
        index: fields.maybe_number(2)?.unwrap_or(0),
        region: RegionIdx(fields.number(3)?),
        state: StateIdx(fields.number(4)?),
        phase,
        input: payloads.next(&mut fields.need(5)?)?,
        variables_bytes: variables_bytes(&variables),
        variables,
        last_event: fields.number(7)?,
        entered_event: fields.number(8)?,
        before_entered: fields.number(9)?,
        entered: fields.time(10)?,
        retries: fields.list(11, |list| Ok(list.u32()?))?,
        touched: false,
    })
}

fn encode_task(task: &OpenTask, out: &mut Record) {
    out.field(1, |out| out.int(task.attempt.0.into()));
    out.flag(2, task.started);
    out.flag(3, task.submitted);
    out.optional(4, task.timeout_s, |out, seconds| out.int(seconds.into()));
    out.optional(5, task.heartbeat_s, |out, seconds| out.int(seconds.into()));
    out.optional(6, task.deadline, |out, deadline| out.time(deadline));
    out.optional(7, task.heartbeat_due, |out, due| out.time(due));
    if let Some(Asked { parameters, role_arn }) = &task.asked {
        out.field(8, |out| out.payload(parameters));
        out.optional(9, role_arn.as_ref(), |out, role_arn| out.text(role_arn));
    }
}

fn decode_task(fields: &Fields<'_>, payloads: &Shared<'_>) -> Read<OpenTask> {
    let asked = match fields.given(8) {
        Some(mut parameters) => {
            Some(Asked { parameters: payloads.next(&mut parameters)?, role_arn: fields.maybe_text(9)? })
        }
        None => None,
    };
    Ok(OpenTask {
        attempt: AttemptId(fields.number(1)?),
        started: fields.flag(2),
        submitted: fields.flag(3),
        timeout_s: fields.maybe_number(4)?,
        heartbeat_s: fields.maybe_number(5)?,
        deadline: fields.maybe_time(6)?,
        heartbeat_due: fields.maybe_time(7)?,
        asked,
    })
}

/// The results are records of their own.
fn encode_fork(fork: &Fork, out: &mut Record) {
    out.field(1, |out| out.int(fork.open.into()));
    out.field(2, |out| out.unsigned(fork.results.len() as u64));
    out.field(3, |out| out.int(fork.started_event.into()));
    out.field(4, |out| out.int(fork.join_event.into()));
    if let Some(map) = &fork.map {
        out.field(5, |out| out.payload(&map.items));
        out.field(6, |out| out.int(map.cursor.into()));
        out.field(7, |out| out.int(map.concurrency.into()));
        out.field(8, |out| out.int(map.failed.into()));
        out.optional(9, map.tolerated, |out, tolerated| encode_tolerance(tolerated, out));
    }
}

fn decode_fork(fields: &Fields<'_>, payloads: &Shared<'_>) -> Read<Fork> {
    let map = match fields.given(5) {
        None => None,
        Some(mut items) => Some(MapFork {
            items: payloads.next(&mut items)?,
            cursor: fields.number(6)?,
            concurrency: fields.number(7)?,
            failed: fields.number(8)?,
            tolerated: fields.given(9).map(decode_tolerance).transpose()?,
        }),
    };
    let length = fields.number(2)? as usize;
    if length > RESULTS_MAX {
        return Err(StoredError(format!("a fork has {length} results")));
    }
    Ok(Fork {
        open: fields.number(1)?,
        results: Results::new(length),
        started_event: fields.number(3)?,
        join_event: fields.number(4)?,
        map,
    })
}

pub(super) fn encode_tolerance(tolerated: Tolerance, out: &mut Record) {
    out.nested(|out| {
        out.optional(1, tolerated.count, |out, count| out.int(count.into()));
        out.optional(2, tolerated.percentage, |out, percentage| out.float(percentage));
    });
}

pub(super) fn decode_tolerance(record: Decoder<'_>) -> Read<Tolerance> {
    let fields = Fields::in_record(record)?;
    Ok(Tolerance {
        count: fields.maybe_number(1)?,
        percentage: fields.given(2).map(|mut field| field.f64()).transpose()?,
    })
}
