//! The stored form of letters. A letter stands on its own: its values are in it, whole.

use std::sync::Arc;

use minicbor::Decoder;
use stepwell_value::{Str, Value};

use super::execution::{decode_child_of, decode_identity, encode_child_of, encode_identity, status_code, status_of};
use super::map_run::{decode_map_run_start, encode_map_run_start};
use super::record::{Fields, Record};
use super::{Read, StoredError};
use crate::event::ErrorCause;
use crate::execution::{AttemptId, ExecutionId, Start};
use crate::map_run::{ChildEnd, MapRunSignal};
use crate::shard::Letter;
use crate::signal::{FailureStage, MapRunEnd, Signal};

/// Fields of a letter: 1 says what it is, 2 to whom it goes, 3 which attempt of a task or which child it is about; the
/// others are its content.
impl Letter {
    /// Its stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Record::of_fields(256);
        match self {
            Letter::Execution(id, signal) => {
                out.field(1, |out| out.int(signal_code(signal)));
                out.field(2, |out| out.id(id.0));
                encode_signal(signal, &mut out);
            }
            Letter::MapRun(map_run_arn, signal) => {
                out.field(1, |out| out.int(map_run_signal_code(signal)));
                out.field(2, |out| out.text(map_run_arn));
                encode_map_run_signal(signal, &mut out);
            }
            Letter::StartChild { start, child_of } => {
                out.field(1, |out| out.int(START_CHILD));
                encode_start(start, &mut out);
                out.field(7, |out| encode_child_of(child_of, out));
            }
            Letter::StartMapRun(start) => {
                out.field(1, |out| out.int(START_MAP_RUN));
                out.field(4, |out| encode_map_run_start(start, out));
            }
        }
        out.finish()
    }

    /// A letter from its stored form.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(letter: &[u8]) -> Read<Letter> {
        let fields = Fields::of(letter)?;
        let code = i64::from(fields.number(1)?);
        Ok(match code {
            START_CHILD => Letter::StartChild {
                start: Box::new(decode_start(&fields)?),
                child_of: decode_child_of(&mut fields.need(7)?)?,
            },
            START_MAP_RUN => Letter::StartMapRun(Box::new(decode_map_run_start(fields.need(4)?)?)),
            MAP_RUN_CODES.. => Letter::MapRun(fields.text(2)?, decode_map_run_signal(code, &fields)?),
            _ => Letter::Execution(ExecutionId(fields.id(2)?), decode_signal(code, &fields)?),
        })
    }
}

impl Start {
    /// Its stored form, for an execution of which nothing else is stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Record::of_fields(256);
        encode_start(self, &mut out);
        out.finish()
    }

    /// A start from its stored form.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(start: &[u8]) -> Read<Start> {
        decode_start(&Fields::of(start)?)
    }
}

/// Fields 4 to 6.
fn encode_start(start: &Start, out: &mut Record) {
    out.field(4, |out| encode_identity(&start.identity, out));
    out.field(5, |out| out.json(&start.input));
    out.optional(6, start.input_text.as_ref(), |out, text| out.text(text));
}

fn decode_start(fields: &Fields<'_>) -> Read<Start> {
    Ok(Start {
        identity: Arc::new(decode_identity(fields.need(4)?)?),
        input: fields.json(5)?.unwrap_or_default(),
        input_text: fields.maybe_text(6)?,
    })
}

/// Letters to executions have numbers from 0, to Map Runs from here.
const MAP_RUN_CODES: i64 = 32;
const START_CHILD: i64 = 64;
const START_MAP_RUN: i64 = 65;

fn signal_code(signal: &Signal) -> i64 {
    match signal {
        Signal::Start => 0,
        Signal::Continue => 1,
        Signal::TaskStarted { .. } => 2,
        Signal::TaskSubmitted { .. } => 3,
        Signal::TaskSucceeded { .. } => 4,
        Signal::TaskFailed { .. } => 5,
        Signal::TaskHeartbeat { .. } => 6,
        Signal::TaskCannotRun { .. } => 7,
        Signal::TimerFired => 8,
        Signal::MapRunEnded { .. } => 9,
        Signal::Stop(_) => 10,
        Signal::Redrive { .. } => 11,
    }
}

fn encode_signal(signal: &Signal, out: &mut Record) {
    let attempt = |out: &mut Record, attempt: AttemptId| out.field(3, |out| out.int(attempt.0.into()));
    match signal {
        Signal::Start | Signal::Continue | Signal::TimerFired => {}
        Signal::TaskStarted { attempt: id, worker_name } => {
            attempt(out, *id);
            out.optional(4, worker_name.as_ref(), |out, name| out.text(name));
        }
        Signal::TaskSubmitted { attempt: id, output } | Signal::TaskSucceeded { attempt: id, output } => {
            attempt(out, *id);
            out.field(4, |out| out.json(output));
        }
        Signal::TaskFailed { attempt: id, error, stage } => {
            attempt(out, *id);
            encode_error(error, out);
            out.field(6, |out| out.int(*stage as i64));
        }
        Signal::TaskHeartbeat { attempt: id } => attempt(out, *id),
        Signal::TaskCannotRun { attempt: id, cause } => {
            attempt(out, *id);
            out.field(4, |out| out.text(cause));
        }
        Signal::MapRunEnded { map_run_arn, end } => {
            out.field(4, |out| out.text(map_run_arn));
            match end {
                MapRunEnd::Succeeded(result) => out.field(5, |out| out.json(result)),
                MapRunEnd::Failed(error) => out.field(6, |out| out.nested(|out| encode_error(error, out))),
                MapRunEnd::CannotRun(cause) => out.field(7, |out| out.text(cause)),
            }
        }
        Signal::Stop(error) => encode_error(error, out),
        Signal::Redrive { client_token } => out.optional(4, client_token.as_ref(), |out, token| out.text(token)),
    }
}

fn decode_signal(code: i64, fields: &Fields<'_>) -> Read<Signal> {
    let attempt = || Ok::<_, StoredError>(AttemptId(fields.number(3)?));
    let output = || Ok::<_, StoredError>(fields.json(4)?.unwrap_or_default());
    Ok(match code {
        0 => Signal::Start,
        1 => Signal::Continue,
        2 => Signal::TaskStarted { attempt: attempt()?, worker_name: fields.maybe_text(4)? },
        3 => Signal::TaskSubmitted { attempt: attempt()?, output: output()? },
        4 => Signal::TaskSucceeded { attempt: attempt()?, output: output()? },
        5 => {
            let stage = fields.number(6)?;
            let known = STAGES.into_iter().find(|known| *known as u32 == stage);
            let stage = known.ok_or_else(|| StoredError(format!("a task has no stage {stage}")))?;
            Signal::TaskFailed { attempt: attempt()?, error: decode_error(fields)?, stage }
        }
        6 => Signal::TaskHeartbeat { attempt: attempt()? },
        7 => Signal::TaskCannotRun { attempt: attempt()?, cause: fields.text(4)? },
        8 => Signal::TimerFired,
        9 => Signal::MapRunEnded {
            map_run_arn: fields.text(4)?,
            end: match (fields.json(5)?, fields.given(6)) {
                (Some(result), _) => MapRunEnd::Succeeded(result),
                (None, Some(error)) => MapRunEnd::Failed(decode_error(&Fields::in_record(error)?)?),
                (None, None) => MapRunEnd::CannotRun(fields.text(7)?),
            },
        },
        10 => Signal::Stop(decode_error(fields)?),
        11 => Signal::Redrive { client_token: fields.maybe_text(4)? },
        _ => return Err(StoredError(format!("there is no letter {code}"))),
    })
}

const STAGES: [FailureStage; 4] =
    [FailureStage::Schedule, FailureStage::Start, FailureStage::Submit, FailureStage::Run];

fn map_run_signal_code(signal: &MapRunSignal) -> i64 {
    MAP_RUN_CODES
        + match signal {
            MapRunSignal::Start => 0,
            MapRunSignal::ItemsRead(_) => 1,
            MapRunSignal::ReadFailed(_) => 2,
            MapRunSignal::ChildEnded { .. } => 3,
            MapRunSignal::ResultsWritten(_) => 4,
            MapRunSignal::WriteFailed(_) => 5,
            MapRunSignal::Continue => 6,
            MapRunSignal::CannotRun(_) => 7,
            MapRunSignal::Stop => 8,
        }
}

fn encode_map_run_signal(signal: &MapRunSignal, out: &mut Record) {
    match signal {
        MapRunSignal::Start | MapRunSignal::Continue | MapRunSignal::Stop => {}
        MapRunSignal::ItemsRead(value) | MapRunSignal::ResultsWritten(value) => out.field(4, |out| out.json(value)),
        MapRunSignal::ReadFailed(error) | MapRunSignal::WriteFailed(error) => encode_error(error, out),
        MapRunSignal::ChildEnded { child, end } => {
            out.field(3, |out| out.int((*child).into()));
            out.field(4, |out| out.nested(|out| encode_child_end(end, out)));
        }
        MapRunSignal::CannotRun(cause) => out.field(4, |out| out.text(cause)),
    }
}

fn decode_map_run_signal(code: i64, fields: &Fields<'_>) -> Read<MapRunSignal> {
    let value = || Ok::<Value, StoredError>(fields.json(4)?.unwrap_or_default());
    Ok(match code - MAP_RUN_CODES {
        0 => MapRunSignal::Start,
        1 => MapRunSignal::ItemsRead(value()?),
        2 => MapRunSignal::ReadFailed(decode_error(fields)?),
        3 => {
            let end = Box::new(decode_child_end(fields.need(4)?)?);
            MapRunSignal::ChildEnded { child: fields.number(3)?, end }
        }
        4 => MapRunSignal::ResultsWritten(value()?),
        5 => MapRunSignal::WriteFailed(decode_error(fields)?),
        6 => MapRunSignal::Continue,
        7 => MapRunSignal::CannotRun(fields.text(4)?),
        8 => MapRunSignal::Stop,
        _ => return Err(StoredError(format!("there is no letter {code}"))),
    })
}

fn encode_child_end(end: &ChildEnd, out: &mut Record) {
    out.field(1, |out| out.int(status_code(end.status).into()));
    out.optional(2, end.output.as_ref(), |out, output| out.json(output));
    out.field(3, |out| out.nested(|out| encode_error(&end.error, out)));
    out.field(4, |out| encode_identity(&end.identity, out));
    out.field(5, |out| out.json(&end.input));
    out.field(6, |out| out.time(end.started));
    out.field(7, |out| out.time(end.stopped));
    out.field(8, |out| out.int(end.redrive_count.into()));
}

fn decode_child_end(record: Decoder<'_>) -> Read<ChildEnd> {
    let fields = Fields::in_record(record)?;
    Ok(ChildEnd {
        status: status_of(fields.number(1)?)?,
        output: fields.json(2)?,
        error: decode_error(&Fields::in_record(fields.need(3)?)?)?,
        identity: Arc::new(decode_identity(fields.need(4)?)?),
        input: fields.json(5)?.unwrap_or_default(),
        started: fields.time(6)?,
        stopped: fields.time(7)?,
        redrive_count: fields.number(8)?,
    })
}

/// Fields 4 and 5.
fn encode_error(error: &ErrorCause, out: &mut Record) {
    let field =
        |out: &mut Record, number, text: &Option<Str>| out.optional(number, text.as_ref(), |out, text| out.text(text));
    field(out, 4, &error.error);
    field(out, 5, &error.cause);
}

fn decode_error(fields: &Fields<'_>) -> Read<ErrorCause> {
    Ok(ErrorCause { error: fields.maybe_text(4)?, cause: fields.maybe_text(5)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_kind_are_read_as_they_were_written() {
        let attempt = AttemptId(3);
        let error = || ErrorCause::new("Error", "cause");
        let ended = |end| Signal::MapRunEnded { map_run_arn: "arn".into(), end };
        let mut letters: Vec<_> = [
            Signal::Start,
            Signal::Continue,
            Signal::TaskStarted { attempt, worker_name: Some("worker".into()) },
            Signal::TaskSubmitted { attempt, output: Value::Null },
            Signal::TaskSucceeded { attempt, output: Value::from(1) },
            Signal::TaskHeartbeat { attempt },
            Signal::TaskCannotRun { attempt, cause: "cause".into() },
            Signal::TimerFired,
            ended(MapRunEnd::Succeeded(Value::Null)),
            ended(MapRunEnd::Failed(error())),
            ended(MapRunEnd::CannotRun("cause".into())),
            Signal::Stop(ErrorCause::default()),
            Signal::Redrive { client_token: Some("token".into()) },
        ]
        .into_iter()
        .chain(STAGES.map(|stage| Signal::TaskFailed { attempt, error: error(), stage }))
        .map(|signal| Letter::Execution(ExecutionId(u128::MAX), signal))
        .collect();
        let to_map_run = [
            MapRunSignal::Start,
            MapRunSignal::ItemsRead(Value::from(1)),
            MapRunSignal::ReadFailed(error()),
            MapRunSignal::ResultsWritten(Value::Null),
            MapRunSignal::WriteFailed(error()),
            MapRunSignal::Continue,
            MapRunSignal::CannotRun("cause".into()),
            MapRunSignal::Stop,
        ];
        letters.extend(to_map_run.into_iter().map(|signal| Letter::MapRun("arn".into(), signal)));
        for letter in letters {
            let read = Letter::decode(&letter.encode()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{letter:?}"));
        }
    }
}
