//! What reaches an execution and what it has done outside.

use stepwell_aws::Resource;
use stepwell_value::{Str, Value};

use crate::event::{ErrorCause, Event};
use crate::execution::AttemptId;
use crate::map_run::MapRunStart;
use crate::{Payload, Timestamp};

/// What reaches an execution.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Its first step.
    Start,
    /// Go on after a step that used up its budget.
    Continue,
    /// A worker took an activity's task.
    TaskStarted {
        /// Which attempt.
        attempt: AttemptId,
        /// The worker's name for itself.
        worker_name: Option<Str>,
    },
    /// The call that starts a job or hands out a token was answered.
    TaskSubmitted {
        /// Which attempt.
        attempt: AttemptId,
        /// The answer.
        output: Value,
    },
    /// A task ended well.
    TaskSucceeded {
        /// Which attempt.
        attempt: AttemptId,
        /// Its result.
        output: Value,
    },
    /// A task failed.
    TaskFailed {
        /// Which attempt.
        attempt: AttemptId,
        /// Error and cause.
        error: ErrorCause,
        /// When in its life it failed.
        stage: FailureStage,
    },
    /// A worker is still alive.
    TaskHeartbeat {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Nobody here can do this task: no mock, no endpoint, no such activity.
    ///
    /// Ends the execution with `States.Runtime`, which nothing catches: what is missing here is no error of the workflow.
    TaskCannotRun {
        /// Which attempt.
        attempt: AttemptId,
        /// What to add.
        cause: Str,
    },
    /// The time of [`crate::Execution::next_deadline`] has come.
    TimerFired,
    /// A Map Run ended.
    MapRunEnded {
        /// Its ARN.
        map_run_arn: Str,
        /// How.
        end: MapRunEnd,
    },
    /// StopExecution.
    Stop(ErrorCause),
    /// RedriveExecution: the states that did not end well are run again.
    ///
    /// A distributed Map among them starts a new Map Run with all of its items, where AWS redrives the old one
    /// and runs the failed items alone (`MapRunRedriven`).
    Redrive {
        /// RedriveExecution's `clientToken`; see [`crate::Execution::redrive_of`].
        client_token: Option<Str>,
    },
}

/// How a Map Run ended.
#[derive(Clone, Debug)]
pub enum MapRunEnd {
    /// With the state's result.
    Succeeded(Value),
    /// With an error.
    Failed(ErrorCause),
    /// It needs what is not there, such as S3: ends the execution as [`Signal::TaskCannotRun`] does.
    CannotRun(Str),
}

/// When in its life a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureStage {
    /// It could not be scheduled.
    Schedule,
    /// It could not be started.
    Start,
    /// The call that starts a job or hands out a token failed.
    Submit,
    /// It ran and failed.
    Run,
}

/// What the outside shall do, once the step is durable.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Have a task done and answer with signals that name its attempt.
    Task(Box<TaskRequest>),
    /// Nobody waits for this attempt any longer; stop its job where that is possible.
    Cancel {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Start a Map Run; it answers with [`Signal::MapRunEnded`].
    StartMapRun(Box<MapRunStart>),
    /// Stop a Map Run; nobody waits for its answer.
    StopMapRun {
        /// Its ARN.
        map_run_arn: Str,
    },
}

/// A task to be done.
#[derive(Clone, Debug)]
pub struct TaskRequest {
    /// Names it in answers.
    pub attempt: AttemptId,
    /// Name of the state, for mocks and logs.
    pub state: Str,
    /// Retries of this visit of the state before this attempt.
    pub retry_count: u32,
    /// Whether the state is a Map iteration's or a branch's, and of which Map or Parallel states, outermost first.
    pub path: Vec<Str>,
    /// What is called.
    pub resource: Resource,
    /// The resource as the definition writes it.
    pub resource_arn: Str,
    /// Its parameters or payload.
    pub parameters: Payload,
    /// The task token, where the resource's pattern gives one.
    pub token: Option<Str>,
    /// `Credentials.RoleArn`
    pub role_arn: Option<Str>,
    /// `TimeoutSeconds`
    pub timeout_s: Option<u32>,
    /// `HeartbeatSeconds`
    pub heartbeat_s: Option<u32>,
}

/// What a step gives back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// New events, in order.
    pub events: Vec<Event>,
    /// Payloads not stored before.
    pub payloads: Vec<Payload>,
    /// Released after the commit.
    pub effects: Vec<Effect>,
    /// Where the execution stands now.
    pub status: StepStatus,
    /// The signal came too late and did nothing. The execution may have gone on all the same.
    pub ignored: bool,
    /// What is missing here, when that ended the execution: no failure of the workflow.
    pub cannot_run: Option<Str>,
}

/// Where an execution stands after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepStatus {
    /// Every frame waits for the outside.
    #[default]
    Waiting,
    /// The step's budget is used up: send [`Signal::Continue`].
    More,
    /// It ended.
    Ended,
}

/// What a step may know of the world.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    /// The time.
    pub now: Timestamp,
    /// What only the caller knows.
    pub host: &'a dyn Host,
}

/// What a step asks of whoever runs it. The same question gets the same answer when a step is repeated.
pub trait Host {
    /// The task token of an attempt, at most 1,024 characters. Nobody else can make it.
    fn token(&self, execution: &crate::Identity, attempt: AttemptId) -> Str;

    /// Whether an activity exists; tasks of one that does not fail before they are scheduled.
    fn has_activity(&self, _arn: &str) -> bool {
        true
    }
}
