//! The stored form of events: a chunk is what one step recorded.
//!
//! ```text
//! format, number of the first event, its time, [event, …]
//! event = [kind, distance to the previous event or 0, milliseconds since the first one, what the kind has to say, …]
//! ```
//!
//! What a kind has to say stands in an order that never changes; later releases add to the end. A small payload stands
//! where it is first shown in a chunk, after that by its number alone.

use std::collections::BTreeMap;

use minicbor::Decoder;
use minicbor::data::Type;
use stepwell_value::{Object, Str, Value};

use super::record::{self, Record, object, payload_ref, unless_null};
use super::{PayloadRef, Payloads, Read, StoredError, missing};
use crate::event::{ErrorCause, Event, EventKind, IterationEvent, TaskEvent, Worker};
use crate::{Payload, PayloadId, Timestamp};

/// The stored form of events that follow each other.
pub fn encode_events(events: &[Event]) -> Vec<u8> {
    let first = events.first();
    let (first_id, first_time) = first.map_or((0, Timestamp(0)), |event| (event.id, event.timestamp));
    let mut out = Chunk { record: Record::with_capacity(64 + 40 * events.len()), shown: Vec::new() };
    out.record.int(first_id.into());
    out.record.time(first_time);
    out.record.array(events.len());
    for (id, event) in (first_id..).zip(events) {
        assert!(event.id == id && event.previous < id, "events follow each other and point back");
        out.event(event, first_time);
    }
    out.record.into_bytes()
}

/// Events from their stored form.
///
/// # Errors
/// When bytes are not what this or an earlier release wrote, or a payload is not there.
pub fn decode_events(chunk: &[u8], payloads: &dyn Payloads) -> Read<Vec<Event>> {
    let mut decoder = record::start(chunk)?;
    let first_id = decoder.u32()?;
    let first_time = decoder.i64()?;
    let mut fields = EventFields { decoder, payloads, here: BTreeMap::new() };
    let length = fields.decoder.array()?.unwrap_or(0);
    let mut events = Vec::new();
    for id in (u64::from(first_id)..).take(usize::try_from(length).unwrap_or(usize::MAX)) {
        let id = u32::try_from(id).map_err(|_| StoredError("an event has too high a number".into()))?;
        fields.decoder.array()?;
        let code = fields.decoder.u8()?;
        let distance = fields.number()?;
        let previous = match distance {
            0 => 0,
            distance => id.checked_sub(distance).ok_or_else(|| missing("the event before the first one"))?,
        };
        let timestamp = Timestamp(first_time.saturating_add(fields.decoder.i64()?));
        let kind = fields.kind(code)?;
        // What a later release added.
        while !fields.is_at_end()? {
            fields.decoder.skip()?;
        }
        fields.decoder.skip()?;
        events.push(Event { id, previous, timestamp, kind });
    }
    Ok(events)
}

/// Types of states; the number of one is its place in the list.
const STATE_TYPES: [&str; 8] = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

/// Small payloads that were shown last and need not stand there again.
const SHOWN_MAX: usize = 8;

/// A chunk as it is written.
struct Chunk {
    record: Record,
    shown: Vec<PayloadId>,
}

impl Chunk {
    fn event(&mut self, event: &Event, first_time: Timestamp) {
        let distance = if event.previous == 0 { 0 } else { event.id - event.previous };
        self.record.open_list();
        self.record.int(code(&event.kind));
        self.record.int(distance.into());
        self.record.int(event.timestamp.0 - first_time.0);
        self.kind(&event.kind);
        self.record.close();
    }

    fn kind(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ExecutionStarted { input, role_arn, version_arn, alias_arn } => {
                self.payload(input);
                self.record.text(role_arn);
                if version_arn.is_some() || alias_arn.is_some() {
                    self.record.maybe_text(version_arn.as_ref());
                    self.record.maybe_text(alias_arn.as_ref());
                }
            }
            EventKind::ExecutionSucceeded { output } => self.payload(output),
            EventKind::ExecutionFailed(error)
            | EventKind::ExecutionAborted(error)
            | EventKind::ExecutionTimedOut(error)
            | EventKind::MapRunFailed(error) => self.error(error),
            EventKind::ExecutionRedriven { redrive_count } => self.record.int((*redrive_count).into()),
            EventKind::StateEntered { state_type, name, input } => {
                self.state_type(state_type);
                self.record.text(name);
                self.payload(input);
            }
            EventKind::StateExited { state_type, name, output, assigned } => {
                self.state_type(state_type);
                self.record.text(name);
                self.payload(output);
                if let Some(assigned) = assigned {
                    self.record.json(&Value::from(assigned.clone()));
                }
            }
            EventKind::StateAborted { state_type } => self.state_type(state_type),
            EventKind::Task { worker, event } => self.task(worker, event),
            EventKind::MapStateStarted { length } => self.record.int((*length).into()),
            EventKind::MapIteration { name, index, .. } => {
                self.record.text(name);
                self.record.int((*index).into());
            }
            EventKind::MapRunStarted { map_run_arn } => self.record.text(map_run_arn),
            EventKind::MapRunRedriven { map_run_arn, redrive_count } => {
                self.record.text(map_run_arn);
                self.record.int((*redrive_count).into());
            }
            EventKind::EvaluationFailed { state, error, cause, location } => {
                self.record.text(state);
                self.record.text(error);
                self.record.text(cause);
                self.record.maybe_text(location.as_ref());
            }
            EventKind::ParallelStateStarted
            | EventKind::ParallelStateSucceeded
            | EventKind::ParallelStateFailed
            | EventKind::MapStateSucceeded
            | EventKind::MapStateFailed
            | EventKind::MapRunSucceeded
            | EventKind::MapRunAborted => {}
        }
    }

    fn task(&mut self, worker: &Worker, event: &TaskEvent) {
        match worker {
            Worker::LambdaFunction { resource } | Worker::Activity { resource } => self.record.text(resource),
            Worker::Service { resource_type, resource } => {
                self.record.text(resource_type);
                self.record.text(resource);
            }
        }
        match event {
            TaskEvent::Scheduled { parameters, region, timeout_s, heartbeat_s, role_arn } => {
                self.payload(parameters);
                self.record.text(region);
                if timeout_s.is_some() || heartbeat_s.is_some() || role_arn.is_some() {
                    self.record.maybe_int(*timeout_s);
                    self.record.maybe_int(*heartbeat_s);
                    self.record.maybe_text(role_arn.as_ref());
                }
            }
            TaskEvent::Started { worker_name } => {
                if let Some(worker_name) = worker_name {
                    self.record.text(worker_name);
                }
            }
            TaskEvent::Submitted { output } | TaskEvent::Succeeded { output } => self.payload(output),
            TaskEvent::ScheduleFailed(error)
            | TaskEvent::StartFailed(error)
            | TaskEvent::SubmitFailed(error)
            | TaskEvent::Failed(error)
            | TaskEvent::TimedOut(error) => self.error(error),
        }
    }

    fn state_type(&mut self, state_type: &str) {
        let code = STATE_TYPES.into_iter().position(|known| known == state_type);
        self.record.int(code.expect("a state has one of the known types") as i64);
    }

    fn error(&mut self, error: &ErrorCause) {
        self.record.maybe_text(error.error.as_ref());
        self.record.maybe_text(error.cause.as_ref());
    }

    fn payload(&mut self, payload: &Payload) {
        let id = payload.id();
        if !payload.is_inline() || self.shown.contains(&id) {
            return self.record.payload_number(id);
        }
        if self.shown.len() >= SHOWN_MAX {
            self.shown.remove(0);
        }
        self.shown.push(id);
        self.record.payload_here(payload);
    }
}

/// The number of a kind of event; a number is never given to another one.
fn code(kind: &EventKind) -> i64 {
    match kind {
        EventKind::ExecutionStarted { .. } => 0,
        EventKind::ExecutionSucceeded { .. } => 1,
        EventKind::ExecutionFailed(_) => 2,
        EventKind::ExecutionAborted(_) => 3,
        EventKind::ExecutionTimedOut(_) => 4,
        EventKind::ExecutionRedriven { .. } => 5,
        EventKind::StateEntered { .. } => 6,
        EventKind::StateExited { .. } => 7,
        EventKind::StateAborted { .. } => 8,
        EventKind::ParallelStateStarted => 9,
        EventKind::ParallelStateSucceeded => 10,
        EventKind::ParallelStateFailed => 11,
        EventKind::MapStateStarted { .. } => 12,
        EventKind::MapStateSucceeded => 13,
        EventKind::MapStateFailed => 14,
        EventKind::MapIteration { event, .. } => match event {
            IterationEvent::Started => 15,
            IterationEvent::Succeeded => 16,
            IterationEvent::Failed => 17,
            IterationEvent::Aborted => 18,
        },
        EventKind::MapRunStarted { .. } => 19,
        EventKind::MapRunSucceeded => 20,
        EventKind::MapRunFailed(_) => 21,
        EventKind::MapRunAborted => 22,
        EventKind::MapRunRedriven { .. } => 23,
        EventKind::EvaluationFailed { .. } => 24,
        EventKind::Task { worker, event } => {
            let worker = match worker {
                Worker::LambdaFunction { .. } => 0,
                Worker::Activity { .. } => 1,
                Worker::Service { .. } => 2,
            };
            let event = match event {
                TaskEvent::Scheduled { .. } => 0,
                TaskEvent::ScheduleFailed(_) => 1,
                TaskEvent::Started { .. } => 2,
                TaskEvent::StartFailed(_) => 3,
                TaskEvent::Submitted { .. } => 4,
                TaskEvent::SubmitFailed(_) => 5,
                TaskEvent::Succeeded { .. } => 6,
                TaskEvent::Failed(_) => 7,
                TaskEvent::TimedOut(_) => 8,
            };
            TASK_CODES + WORKER_CODES * worker + event
        }
    }
}

/// The first number of a task's events; each kind of worker has so many.
const TASK_CODES: i64 = 64;
const WORKER_CODES: i64 = 16;

/// An event as it is read.
struct EventFields<'b, 'p> {
    decoder: Decoder<'b>,
    payloads: &'p dyn Payloads,
    /// Payloads that stood in this chunk.
    here: BTreeMap<PayloadId, Payload>,
}

impl EventFields<'_, '_> {
    fn kind(&mut self, code: u8) -> Read<EventKind> {
        Ok(match code {
            0 => EventKind::ExecutionStarted {
                input: self.payload()?,
                role_arn: self.text()?,
                version_arn: self.maybe_text()?,
                alias_arn: self.maybe_text()?,
            },
            1 => EventKind::ExecutionSucceeded { output: self.payload()? },
            2 => EventKind::ExecutionFailed(self.error()?),
            3 => EventKind::ExecutionAborted(self.error()?),
            4 => EventKind::ExecutionTimedOut(self.error()?),
            5 => EventKind::ExecutionRedriven { redrive_count: self.number()? },
            6 => EventKind::StateEntered { state_type: self.state_type()?, name: self.text()?, input: self.payload()? },
            7 => EventKind::StateExited {
                state_type: self.state_type()?,
                name: self.text()?,
                output: self.payload()?,
                assigned: self.maybe_object()?,
            },
            8 => EventKind::StateAborted { state_type: self.state_type()? },
            9 => EventKind::ParallelStateStarted,
            10 => EventKind::ParallelStateSucceeded,
            11 => EventKind::ParallelStateFailed,
            12 => EventKind::MapStateStarted { length: self.number()? },
            13 => EventKind::MapStateSucceeded,
            14 => EventKind::MapStateFailed,
            15 => self.iteration(IterationEvent::Started)?,
            16 => self.iteration(IterationEvent::Succeeded)?,
            17 => self.iteration(IterationEvent::Failed)?,
            18 => self.iteration(IterationEvent::Aborted)?,
            19 => EventKind::MapRunStarted { map_run_arn: self.text()? },
            20 => EventKind::MapRunSucceeded,
            21 => EventKind::MapRunFailed(self.error()?),
            22 => EventKind::MapRunAborted,
            23 => EventKind::MapRunRedriven { map_run_arn: self.text()?, redrive_count: self.number()? },
            24 => EventKind::EvaluationFailed {
                state: self.text()?,
                error: self.text()?,
                cause: self.text()?,
                location: self.maybe_text()?,
            },
            _ => self.task(i64::from(code))?,
        })
    }

    fn task(&mut self, code: i64) -> Read<EventKind> {
        let unknown = || StoredError(format!("there is no event {code}"));
        let of_task = code.checked_sub(TASK_CODES).filter(|code| *code >= 0).ok_or_else(unknown)?;
        let worker = match of_task / WORKER_CODES {
            0 => Worker::LambdaFunction { resource: self.text()? },
            1 => Worker::Activity { resource: self.text()? },
            2 => Worker::Service { resource_type: self.text()?, resource: self.text()? },
            _ => return Err(unknown()),
        };
        let event = match of_task % WORKER_CODES {
            0 => TaskEvent::Scheduled {
                parameters: self.payload()?,
                region: self.text()?,
                timeout_s: self.maybe_number()?,
                heartbeat_s: self.maybe_number()?,
                role_arn: self.maybe_text()?,
            },
            1 => TaskEvent::ScheduleFailed(self.error()?),
            2 => TaskEvent::Started { worker_name: self.maybe_text()? },
            3 => TaskEvent::StartFailed(self.error()?),
            4 => TaskEvent::Submitted { output: self.payload()? },
            5 => TaskEvent::SubmitFailed(self.error()?),
            6 => TaskEvent::Succeeded { output: self.payload()? },
            7 => TaskEvent::Failed(self.error()?),
            8 => TaskEvent::TimedOut(self.error()?),
            _ => return Err(unknown()),
        };
        Ok(EventKind::Task { worker, event })
    }

    fn iteration(&mut self, event: IterationEvent) -> Read<EventKind> {
        Ok(EventKind::MapIteration { event, name: self.text()?, index: self.number()? })
    }

    fn error(&mut self) -> Read<ErrorCause> {
        Ok(ErrorCause { error: self.maybe_text()?, cause: self.maybe_text()? })
    }

    fn state_type(&mut self) -> Read<&'static str> {
        let code = self.number()?;
        STATE_TYPES.get(code as usize).copied().ok_or_else(|| StoredError(format!("there is no type of state {code}")))
    }

    fn payload(&mut self) -> Read<Payload> {
        match payload_ref(&mut self.decoder)? {
            PayloadRef::Here(payload) => {
                self.here.insert(payload.id(), payload.clone());
                Ok(payload)
            }
            PayloadRef::Stored(id) => {
                let found = self.here.get(&id).cloned().or_else(|| self.payloads.find(id));
                found.ok_or_else(|| missing(&format!("payload {}", id.0)))
            }
        }
    }

    fn number(&mut self) -> Read<u32> {
        Ok(self.decoder.u32()?)
    }

    fn text(&mut self) -> Read<Str> {
        Ok(Str::new(self.decoder.str()?))
    }

    fn maybe_text(&mut self) -> Read<Option<Str>> {
        self.maybe(|decoder| Ok(Str::new(decoder.str()?)))
    }

    fn maybe_number(&mut self) -> Read<Option<u32>> {
        self.maybe(|decoder| Ok(decoder.u32()?))
    }

    fn maybe_object(&mut self) -> Read<Option<Object>> {
        self.maybe(|decoder| object(decoder.str()?))
    }

    /// What may be `null`, or left out at an event's end.
    fn maybe<T>(&mut self, item: impl FnOnce(&mut Decoder<'_>) -> Read<T>) -> Read<Option<T>> {
        if self.is_at_end()? {
            return Ok(None);
        }
        unless_null(&mut self.decoder, item)
    }

    fn is_at_end(&self) -> Read<bool> {
        Ok(self.decoder.datatype()? == Type::Break)
    }
}

#[cfg(test)]
mod tests {
    use stepwell_value::parse;

    use super::*;

    /// One event of every kind, with and without what may be missing.
    fn kinds() -> Vec<EventKind> {
        let payload = |id: u32, json: &str| Payload::new(PayloadId(id), parse(json).unwrap());
        let error = || ErrorCause::new("Error", "cause");
        let name = || Str::new("Name");
        let mut kinds = vec![
            EventKind::ExecutionStarted {
                input: Payload::as_sent(PayloadId(0), Value::from(1), " 1".into()),
                role_arn: name(),
                version_arn: None,
                alias_arn: Some("alias".into()),
            },
            EventKind::ExecutionSucceeded { output: payload(1, "{}") },
            EventKind::ExecutionFailed(error()),
            EventKind::ExecutionAborted(ErrorCause::default()),
            EventKind::ExecutionTimedOut(ErrorCause::without_cause("States.Timeout")),
            EventKind::ExecutionRedriven { redrive_count: 3 },
            EventKind::StateExited {
                state_type: "Pass",
                name: name(),
                output: payload(1, "{}"),
                assigned: Some([("x", Value::from(1))].into_iter().collect()),
            },
            EventKind::ParallelStateStarted,
            EventKind::ParallelStateSucceeded,
            EventKind::ParallelStateFailed,
            EventKind::MapStateStarted { length: 40_000 },
            EventKind::MapStateSucceeded,
            EventKind::MapStateFailed,
            EventKind::MapRunStarted { map_run_arn: name() },
            EventKind::MapRunSucceeded,
            EventKind::MapRunFailed(error()),
            EventKind::MapRunAborted,
            EventKind::MapRunRedriven { map_run_arn: name(), redrive_count: 1 },
            EventKind::EvaluationFailed { state: name(), error: name(), cause: name(), location: None },
            EventKind::EvaluationFailed { state: name(), error: name(), cause: name(), location: Some(name()) },
        ];
        for state_type in STATE_TYPES {
            kinds.push(EventKind::StateEntered { state_type, name: name(), input: payload(2, "[1,2.50]") });
            kinds.push(EventKind::StateExited {
                state_type,
                name: name(),
                output: payload(2, "[1,2.50]"),
                assigned: None,
            });
            kinds.push(EventKind::StateAborted { state_type });
        }
        for event in
            [IterationEvent::Started, IterationEvent::Succeeded, IterationEvent::Failed, IterationEvent::Aborted]
        {
            kinds.push(EventKind::MapIteration { event, name: name(), index: 70_000 });
        }
        let workers = [
            Worker::LambdaFunction { resource: name() },
            Worker::Activity { resource: name() },
            Worker::Service { resource_type: "sqs".into(), resource: "sendMessage".into() },
        ];
        for worker in workers {
            let scheduled = |timeout_s, role_arn| TaskEvent::Scheduled {
                parameters: payload(3, r#"{"QueueUrl":"q"}"#),
                region: "eu-west-1".into(),
                timeout_s,
                heartbeat_s: None,
                role_arn,
            };
            let events = [
                scheduled(None, None),
                scheduled(Some(5), None),
                scheduled(None, Some(name())),
                TaskEvent::ScheduleFailed(error()),
                TaskEvent::Started { worker_name: None },
                TaskEvent::Started { worker_name: Some(name()) },
                TaskEvent::StartFailed(error()),
                TaskEvent::Submitted { output: payload(4, "null") },
                TaskEvent::SubmitFailed(error()),
                TaskEvent::Succeeded { output: payload(4, "null") },
                TaskEvent::Failed(error()),
                TaskEvent::TimedOut(error()),
            ];
            kinds.extend(events.map(|event| EventKind::Task { worker: worker.clone(), event }));
        }
        kinds
    }

    fn events() -> Vec<Event> {
        (7..)
            .zip(kinds())
            .map(|(id, kind)| Event {
                id,
                previous: id % 3,
                timestamp: Timestamp(1_750_000_000_000 + i64::from(id)),
                kind,
            })
            .collect()
    }

    #[test]
    fn events_of_every_kind_are_read_as_they_were_written() {
        let events = events();
        let read = decode_events(&encode_events(&events), &BTreeMap::new()).unwrap();
        assert_eq!(format!("{read:#?}"), format!("{events:#?}"));
        assert_eq!(decode_events(&encode_events(&[]), &BTreeMap::new()), Ok(vec![]));
    }

    #[test]
    fn what_a_later_release_adds_to_an_event_is_skipped() {
        let mut out = Record::with_capacity(64);
        out.int(1);
        out.int(0);
        out.array(2);
        for _ in 0..2 {
            out.open_list();
            for int in [code(&EventKind::MapStateSucceeded), 0, 5] {
                out.int(int);
            }
            out.nested(|out| out.field(1, |out| out.text("new")));
            out.int(9);
            out.close();
        }
        let read = decode_events(&out.into_bytes(), &BTreeMap::new()).unwrap();
        assert_eq!(read.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 2]);
        assert!(read.iter().all(|event| event.kind == EventKind::MapStateSucceeded));
    }

    #[test]
    fn a_payload_stands_in_a_chunk_once() {
        let payload = Payload::new(PayloadId(5), Value::from("x".repeat(100)));
        let entered = |id| Event {
            id,
            previous: 0,
            timestamp: Timestamp(0),
            kind: EventKind::StateEntered { state_type: "Pass", name: "A".into(), input: payload.clone() },
        };
        let chunk = |n: u32| encode_events(&(1..=n).map(entered).collect::<Vec<_>>()).len();
        assert!(chunk(1) > 100 && chunk(10) - chunk(1) < 9 * 12, "{} {}", chunk(1), chunk(10));
    }

    #[test]
    fn damaged_events_are_an_error_and_nothing_worse() {
        let chunk = encode_events(&events());
        for end in 0..chunk.len() {
            assert!(decode_events(&chunk[..end], &BTreeMap::new()).is_err(), "cut at {end}");
        }
        for (place, bit) in (0..chunk.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut damaged = chunk.clone();
            damaged[place] ^= 1 << bit;
            let _ = decode_events(&damaged, &BTreeMap::new());
        }
    }
}
