//! The pure interpreter of Stepwell: one signal in, one transition out.
//!
//! Nothing here does I/O, reads a clock or draws randomness: the time is an argument, chance is a function
//! of the execution's seed, and what the outside shall do is an effect that the caller carries out.
//!
//! ```
//! # use std::{collections::BTreeMap, sync::Arc};
//! # use stepwell_asl::{Format, Options, compile, program::{ExecutionType, TOP}};
//! # use stepwell_engine::{local::PlainHost, *};
//! # let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:Nap";
//! # let identity = Identity { id: ExecutionId(1), arn: "arn:aws:states:us-east-1:123456789012:execution:Nap:one".into(),
//! #     name: "one".into(), state_machine_arn: arn.into(), state_machine_name: "Nap".into(), role_arn: None,
//! #     version_arn: None, alias_arn: None, execution_type: ExecutionType::Standard, shows_redrive_count: true,
//! #     region: "us-east-1".into(), seed: 42, root: TOP, trace_header: None };
//! let definition = r#"{"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 60, "End": true}}}"#;
//! # let options = Options { machine_type: ExecutionType::Standard };
//! let program = compile(definition, Format::Json, &options).program.expect("the definition is valid");
//! let start = Start { identity: Arc::new(identity), input: 7.into(), input_text: None };
//! let noon = Timestamp(1_750_000_000_000);
//!
//! // A signal in, a transition out: events, and the records that changed.
//! let mut execution = Execution::new(start, noon);
//! let outcome = step(&program, &mut execution, Signal::Start, Turn { now: noon, host: &PlainHost });
//! let (chunk, writes) = (encode_events(&outcome.events), execution.take_writes());
//! assert_eq!((outcome.status, execution.next_deadline()), (StepStatus::Waiting, Some(noon.after_ms(60_000))));
//!
//! // A minute and a crash later it goes on from what was written.
//! let payloads = BTreeMap::new();
//! let records: Vec<_> = writes.records.into_iter().filter_map(|(key, record)| Some((key, record?))).collect();
//! let mut execution = Execution::decode(&writes.root, &records, &payloads)?;
//! let turn = Turn { now: noon.after_ms(60_000), host: &PlainHost };
//! step(&program, &mut execution, Signal::TimerFired, turn);
//! assert_eq!(execution.output().map(|output| output.text()).as_deref(), Some("7"));
//! assert_eq!(decode_events(&chunk, &payloads)?, outcome.events);
//! # Ok::<(), StoredError>(())
//! ```

mod chance;
mod dataflow;
mod event;
mod execution;
mod failure;
mod fork;
pub mod limits;
pub mod local;
mod map_run;
pub mod mock;
mod observer;
mod payload;
mod place;
mod resume;
mod shard;
mod signal;
mod step;
mod stored;
mod task;
mod time;
mod view;

pub use event::{ErrorCause, Event, EventKind, IterationEvent, TaskEvent, Worker};
pub use execution::{
    AttemptId, AttemptStatus, ChildOf, Epoch, Execution, ExecutionId, ExecutionStatus, FrameId, Identity, MapRunId,
    ShardId, Start,
};
pub use map_run::{
    Batching, ChildEnd, Counts, MapItems, MapRun, MapRunEffect, MapRunSignal, MapRunStart, Reader, Selector,
};
pub use observer::{Observer, Stage, Unrecorded};
pub use payload::{Payload, PayloadId};
pub use place::{Doing, Place};
pub use resume::{Resume, in_doubt};
pub use shard::{Letter, Request, Shard, Stepped};
pub use signal::{Effect, FailureStage, Host, MapRunEnd, Outcome, Signal, StepStatus, TaskRequest, Turn};
pub use step::{step, step_observed};
pub use stored::{
    Described, DescribedMapRun, INLINE_BYTES_MAX, PayloadRef, Payloads, StoredError, WithoutData, Writes,
    decode_events, encode_events,
};
pub use time::Timestamp;
