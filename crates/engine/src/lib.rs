//! The pure interpreter of Stepwell: one signal in, one transition out.
//!
//! Nothing here does I/O, reads a clock or draws randomness: the time is an argument, chance is a function
//! of the execution's seed, and what the outside shall do is an effect that the caller carries out.

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
pub use observer::{Observer, Stage};
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
