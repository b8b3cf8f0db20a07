//! What goes into a node and comes out of it: requests, answers, refusals, and what it needs from outside.

use std::fmt;
use std::sync::Arc;

use stepwell_asl::Program;
use stepwell_engine::{
    AttemptId, ErrorCause, ExecutionId, ExecutionStatus, Identity, Payload, Signal, TaskRequest, Timestamp,
};
use stepwell_store::{Create, RowNumber, StoreError};
use stepwell_value::{Str, Value};

use crate::log::Logging;

/// A revision of a state machine, as far as running it needs to know it. It never changes.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The row of the revision.
    pub row: RowNumber,
    /// The row of its state machine.
    pub machine: RowNumber,
    /// The definition, compiled.
    pub program: Arc<Program>,
    /// Where its executions write their log records; none: level `OFF`.
    pub logging: Option<Logging>,
}

/// What the catalogue knows. Calls may read the store, but not the network.
pub trait Programs: Send + Sync + 'static {
    /// A revision of a state machine.
    ///
    /// # Errors
    /// When it cannot be read; whoever needs it is loaded again later.
    fn definition(&self, row: RowNumber) -> Result<Arc<Definition>, StoreError>;

    /// Whether an activity exists. Called within steps: it must answer from memory.
    fn has_activity(&self, arn: &str) -> bool;
}

/// Does what executions want from the outside.
pub trait Tasks: Send + Sync + 'static {
    /// Does a task. Called when its `TaskScheduled` event is durable; must not block. Whoever drops `answer` without
    /// an answer leaves the task in doubt: it fails.
    fn call(&self, call: TaskCall, answer: AnswerTo);

    /// Nobody waits for this attempt any longer; its answer will be ignored.
    fn cancel(&self, execution: ExecutionId, attempt: AttemptId);
}

/// A task to be done.
#[derive(Clone, Debug)]
pub struct TaskCall {
    /// The execution that waits for it.
    pub identity: Arc<Identity>,
    /// What is to be done.
    pub request: Box<TaskRequest>,
}

/// Where the answer of a call goes.
pub struct AnswerTo {
    send: Option<Box<dyn FnOnce(Signal) + Send>>,
    in_doubt: Option<Signal>,
}

impl AnswerTo {
    /// Hands the answer to `send`; `in_doubt` if there never is one.
    pub(crate) fn new(in_doubt: Signal, send: impl FnOnce(Signal) + Send + 'static) -> AnswerTo {
        AnswerTo { send: Some(Box::new(send)), in_doubt: Some(in_doubt) }
    }

    /// Answers. The signal names the request's attempt.
    pub fn send(mut self, answer: Signal) {
        self.in_doubt = None;
        if let Some(send) = self.send.take() {
            send(answer);
        }
    }
}

impl Drop for AnswerTo {
    fn drop(&mut self) {
        if let (Some(send), Some(in_doubt)) = (self.send.take(), self.in_doubt.take()) {
            send(in_doubt);
        }
    }
}

impl fmt::Debug for AnswerTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerTo")
    }
}

/// An execution to be started.
#[derive(Clone, Debug)]
pub struct NewExecution {
    /// What never changes about it; `id` and `seed` are filled in here.
    pub identity: Identity,
    /// The same for lists. Whether the name is taken is found out here.
    pub create: Create,
    /// What it runs: that of [`Create::definition`].
    pub definition: Arc<Definition>,
    /// Its input.
    pub input: Value,
    /// The input's text as it was sent.
    pub input_text: Option<Str>,
}

/// An execution has started, and that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub id: ExecutionId,
    /// `startDate`
    pub at: Timestamp,
}

/// A synchronous Express execution has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: ExecutionStatus,
    /// `startDate`
    pub started: Timestamp,
    /// `stopDate`
    pub stopped: Timestamp,
    /// Its output, when it succeeded.
    pub output: Option<Payload>,
    /// Its error and cause, when it failed.
    pub error: ErrorCause,
    /// `billedDurationInMilliseconds`: in steps of 100.
    pub billed_duration_ms: u64,
    /// `billedMemoryUsedInMB`: in steps of 64.
    pub billed_memory_mb: u32,
}

/// What a worker says of a task whose token it holds.
#[derive(Clone, Debug)]
pub enum TokenAnswer {
    /// SendTaskSuccess
    Success(Value),
    /// SendTaskFailure
    Failure(ErrorCause),
    /// SendTaskHeartbeat
    Heartbeat,
}

/// A task handed to a worker of an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityTask {
    /// `taskToken`
    pub token: Str,
    /// `input`
    pub input: Str,
}

/// Why a node does not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many requests wait, or too many Express executions run: try again later.
    #[error("too many requests wait, or too many Express executions run")]
    Throttled,
    /// It is not known whether it was done: the store failed, or the node stops.
    #[error("the request may not have been carried out")]
    Away,
    /// Another execution has this name.
    #[error("the name belongs to another execution")]
    NameTaken {
        /// That one.
        holder: ExecutionId,
    },
    /// There is no such execution.
    #[error("there is no such execution")]
    NotFound,
    /// It cannot be redriven; the reason in AWS's words.
    #[error("{0}")]
    NotRedrivable(Str),
    /// That is no task token, or not one of this installation.
    #[error("this is not a task token")]
    InvalidToken,
    /// The task was answered already, timed out, or its execution has ended.
    #[error("nobody waits for this task any longer")]
    TaskTimedOut,
    /// The execution of the task does not exist any more.
    #[error("there is no such task")]
    TaskDoesNotExist,
    /// Too many workers poll this activity.
    #[error("too many workers poll this activity")]
    WorkerLimit,
}
