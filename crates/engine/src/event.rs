//! History events: what AWS's GetExecutionHistory lists, as data.

use std::fmt;

use stepwell_value::{Object, Str, Value};

use crate::limits::{CAUSE_CHARS_MAX, ERROR_CHARS_MAX};
use crate::{Payload, Timestamp};

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Position in the history, from 1.
    pub id: u32,
    /// The event that led to this one; 0: none.
    pub previous: u32,
    /// When it was recorded.
    pub timestamp: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// Error name and cause; either may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorCause {
    /// `error`
    pub error: Option<Str>,
    /// `cause`
    pub cause: Option<Str>,
}

/// Which kind of worker a task's events name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worker {
    /// `LambdaFunction…` events: a Lambda function's ARN as resource.
    LambdaFunction {
        /// The function's ARN.
        resource: Str,
    },
    /// `Activity…` events.
    Activity {
        /// The activity's ARN.
        resource: Str,
    },
    /// `Task…` events: a service integration.
    Service {
        /// `resourceType`, such as `sqs` or `aws-sdk:sqs`.
        resource_type: Str,
        /// `resource`, such as `sendMessage.waitForTaskToken`.
        resource: Str,
    },
}

/// What the events of a task tell.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskEvent {
    /// `TaskScheduled`, `LambdaFunctionScheduled`, `ActivityScheduled`
    Scheduled {
        /// `parameters` or `input`
        parameters: Payload,
        /// `region`, of services alone
        region: Str,
        /// `timeoutInSeconds`
        timeout_s: Option<u32>,
        /// `heartbeatInSeconds`
        heartbeat_s: Option<u32>,
        /// `taskCredentials`
        role_arn: Option<Str>,
    },
    /// `LambdaFunctionScheduleFailed`, `ActivityScheduleFailed`
    ScheduleFailed(ErrorCause),
    /// `TaskStarted`, `LambdaFunctionStarted`, `ActivityStarted`
    Started {
        /// `workerName`, of activities alone
        worker_name: Option<Str>,
    },
    /// `TaskStartFailed`, `LambdaFunctionStartFailed`
    StartFailed(ErrorCause),
    /// `TaskSubmitted`
    Submitted {
        /// `output`: the answer of the call that started the job or handed out the token
        output: Payload,
    },
    /// `TaskSubmitFailed`
    SubmitFailed(ErrorCause),
    /// `TaskSucceeded`, `LambdaFunctionSucceeded`, `ActivitySucceeded`
    Succeeded {
        /// `output`
        output: Payload,
    },
    /// `TaskFailed`, `LambdaFunctionFailed`, `ActivityFailed`
    Failed(ErrorCause),
    /// `TaskTimedOut`, `LambdaFunctionTimedOut`, `ActivityTimedOut`
    TimedOut(ErrorCause),
}

/// What happens to an iteration of an inline Map state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationEvent {
    /// `MapIterationStarted`
    Started,
    /// `MapIterationSucceeded`
    Succeeded,
    /// `MapIterationFailed`
    Failed,
    /// `MapIterationAborted`
    Aborted,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// `ExecutionStarted`
    ExecutionStarted {
        /// The input as sent.
        input: Payload,
        /// `roleArn`
        role_arn: Str,
        /// `stateMachineVersionArn`
        version_arn: Option<Str>,
        /// `stateMachineAliasArn`
        alias_arn: Option<Str>,
    },
    /// `ExecutionSucceeded`
    ExecutionSucceeded {
        /// `output`
        output: Payload,
    },
    /// `ExecutionFailed`
    ExecutionFailed(ErrorCause),
    /// `ExecutionAborted`
    ExecutionAborted(ErrorCause),
    /// `ExecutionTimedOut`
    ExecutionTimedOut(ErrorCause),
    /// `ExecutionRedriven`
    ExecutionRedriven {
        /// `redriveCount`
        redrive_count: u32,
    },
    /// `<Type>StateEntered`
    StateEntered {
        /// The state's `Type`.
        state_type: &'static str,
        /// Its name.
        name: Str,
        /// `input`
        input: Payload,
    },
    /// `<Type>StateExited`
    StateExited {
        /// The state's `Type`.
        state_type: &'static str,
        /// Its name.
        name: Str,
        /// `output`
        output: Payload,
        /// `assignedVariables`: names and values.
        assigned: Option<Object>,
    },
    /// `TaskStateAborted`, `WaitStateAborted`, `ParallelStateAborted`, `MapStateAborted`
    StateAborted {
        /// The state's `Type`.
        state_type: &'static str,
    },
    /// Events of a task.
    Task {
        /// Who does it.
        worker: Worker,
        /// What happened to it.
        event: TaskEvent,
    },
    /// `ParallelStateStarted`
    ParallelStateStarted,
    /// `ParallelStateSucceeded`
    ParallelStateSucceeded,
    /// `ParallelStateFailed`
    ParallelStateFailed,
    /// `MapStateStarted`
    MapStateStarted {
        /// Number of items; 0 with an item reader.
        length: u32,
    },
    /// `MapStateSucceeded`
    MapStateSucceeded,
    /// `MapStateFailed`
    MapStateFailed,
    /// `MapIteration…`
    MapIteration {
        /// What happened to it.
        event: IterationEvent,
        /// Name of the Map state.
        name: Str,
        /// Index of the item.
        index: u32,
    },
    /// `MapRunStarted`
    MapRunStarted {
        /// `mapRunArn`
        map_run_arn: Str,
    },
    /// `MapRunSucceeded`
    MapRunSucceeded,
    /// `MapRunFailed`
    MapRunFailed(ErrorCause),
    /// `MapRunAborted`
    MapRunAborted,
    /// `MapRunRedriven`
    MapRunRedriven {
        /// `mapRunArn`
        map_run_arn: Str,
        /// `redriveCount`
        redrive_count: u32,
    },
    /// `EvaluationFailed`
    EvaluationFailed {
        /// Name of the state.
        state: Str,
        /// `error`
        error: Str,
        /// `cause`
        cause: Str,
        /// `location`
        location: Option<Str>,
    },
}

impl EventKind {
    /// The event's `type` in the API.
    pub fn type_name(&self) -> String {
        let fixed = match self {
            EventKind::ExecutionStarted { .. } => "ExecutionStarted",
            EventKind::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            EventKind::ExecutionFailed(_) => "ExecutionFailed",
            EventKind::ExecutionAborted(_) => "ExecutionAborted",
            EventKind::ExecutionTimedOut(_) => "ExecutionTimedOut",
            EventKind::ExecutionRedriven { .. } => "ExecutionRedriven",
            EventKind::StateEntered { state_type, .. } => return format!("{state_type}StateEntered"),
            EventKind::StateExited { state_type, .. } => return format!("{state_type}StateExited"),
            EventKind::StateAborted { state_type } => return format!("{state_type}StateAborted"),
            EventKind::Task { worker, event } => return format!("{}{}", worker.prefix(), event.name()),
            EventKind::ParallelStateStarted => "ParallelStateStarted",
            EventKind::ParallelStateSucceeded => "ParallelStateSucceeded",
            EventKind::ParallelStateFailed => "ParallelStateFailed",
            EventKind::MapStateStarted { .. } => "MapStateStarted",
            EventKind::MapStateSucceeded => "MapStateSucceeded",
            EventKind::MapStateFailed => "MapStateFailed",
            EventKind::MapIteration { event: IterationEvent::Started, .. } => "MapIterationStarted",
            EventKind::MapIteration { event: IterationEvent::Succeeded, .. } => "MapIterationSucceeded",
            EventKind::MapIteration { event: IterationEvent::Failed, .. } => "MapIterationFailed",
            EventKind::MapIteration { event: IterationEvent::Aborted, .. } => "MapIterationAborted",
            EventKind::MapRunStarted { .. } => "MapRunStarted",
            EventKind::MapRunSucceeded => "MapRunSucceeded",
            EventKind::MapRunFailed(_) => "MapRunFailed",
            EventKind::MapRunAborted => "MapRunAborted",
            EventKind::MapRunRedriven { .. } => "MapRunRedriven",
            EventKind::EvaluationFailed { .. } => "EvaluationFailed",
        };
        fixed.into()
    }

    /// Whether this event closes an execution.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            EventKind::ExecutionSucceeded { .. }
                | EventKind::ExecutionFailed(_)
                | EventKind::ExecutionAborted(_)
                | EventKind::ExecutionTimedOut(_)
        )
    }

    /// The details member, without its `…EventDetails` name; none for the types that have no details.
    fn details(&self, with_data: bool) -> Option<Object> {
        let mut details = Object::default();
        match self {
            EventKind::ExecutionStarted { input, role_arn, version_arn, alias_arn } => {
                put_data(&mut details, "input", input, with_data);
                details.insert("roleArn", role_arn.clone().into());
                put(&mut details, "stateMachineVersionArn", version_arn);
                put(&mut details, "stateMachineAliasArn", alias_arn);
            }
            EventKind::ExecutionSucceeded { output } => put_data(&mut details, "output", output, with_data),
            EventKind::ExecutionFailed(error)
            | EventKind::ExecutionAborted(error)
            | EventKind::ExecutionTimedOut(error)
            | EventKind::MapRunFailed(error) => error.put(&mut details),
            EventKind::ExecutionRedriven { redrive_count } => {
                details.insert("redriveCount", (*redrive_count).into());
            }
            EventKind::StateEntered { name, input, .. } => {
                details.insert("name", name.clone().into());
                put_data(&mut details, "input", input, with_data);
            }
            EventKind::StateExited { name, output, assigned, .. } => {
                details.insert("name", name.clone().into());
                put_data(&mut details, "output", output, with_data);
                if let Some(assigned) = assigned.as_ref().filter(|_| with_data) {
                    let texts = assigned.iter().map(|(name, value)| (name.clone(), value.to_string().into()));
                    details.insert("assignedVariables", texts.collect());
                    details.insert("assignedVariablesDetails", not_truncated());
                }
            }
            EventKind::Task { worker, event } => return task_details(worker, event, with_data),
            EventKind::MapStateStarted { length } => {
                details.insert("length", (*length).into());
            }
            EventKind::MapIteration { name, index, .. } => {
                details.insert("name", name.clone().into());
                details.insert("index", (*index).into());
            }
            EventKind::MapRunStarted { map_run_arn } => {
                details.insert("mapRunArn", map_run_arn.clone().into());
            }
            EventKind::MapRunRedriven { map_run_arn, redrive_count } => {
                details.insert("mapRunArn", map_run_arn.clone().into());
                details.insert("redriveCount", (*redrive_count).into());
            }
            EventKind::EvaluationFailed { state, error, cause, location } => {
                details.insert("state", state.clone().into());
                details.insert("error", error.clone().into());
                details.insert("cause", cause.clone().into());
                put(&mut details, "location", location);
            }
            EventKind::StateAborted { .. }
            | EventKind::ParallelStateStarted
            | EventKind::ParallelStateSucceeded
            | EventKind::ParallelStateFailed
            | EventKind::MapStateSucceeded
            | EventKind::MapStateFailed
            | EventKind::MapRunSucceeded
            | EventKind::MapRunAborted => return None,
        }
        Some(details)
    }

    /// Name of the details member in the API.
    fn details_name(&self) -> String {
        let name = match self {
            EventKind::StateEntered { .. } => "stateEntered".into(),
            EventKind::StateExited { .. } => "stateExited".into(),
            EventKind::MapIteration { event, .. } => format!("mapIteration{event:?}"),
            other => {
                let name = other.type_name();
                let (first, rest) = name.split_at(1);
                first.to_ascii_lowercase() + rest
            }
        };
        name + "EventDetails"
    }
}

impl Event {
    /// The event as GetExecutionHistory gives it; `with_data`: `includeExecutionData`.
    pub fn to_json(&self, with_data: bool) -> Value {
        let mut event = Object::with_capacity(5);
        event.insert("timestamp", Value::number(self.timestamp.epoch_seconds()));
        event.insert("type", self.kind.type_name().into());
        event.insert("id", self.id.into());
        event.insert("previousEventId", self.previous.into());
        if let Some(details) = self.kind.details(with_data) {
            event.insert(self.kind.details_name(), details.into());
        }
        event.into()
    }
}

impl fmt::Display for Event {
    /// One line: `4   <3  TaskStateEntered Pay`; the number behind `<` is the previous event's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = format!("<{}", self.previous);
        write!(f, "{:<3} {previous:<4}{}", self.id, self.kind.type_name())?;
        let error = |f: &mut fmt::Formatter<'_>, error: &ErrorCause| match &error.error {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        };
        match &self.kind {
            EventKind::StateEntered { name, .. } => write!(f, " {name}"),
            EventKind::StateExited { name, output, .. } => write!(f, " {name} {}", output.value()),
            EventKind::ExecutionSucceeded { output } => write!(f, " {}", output.value()),
            EventKind::ExecutionFailed(failed)
            | EventKind::ExecutionAborted(failed)
            | EventKind::ExecutionTimedOut(failed)
            | EventKind::MapRunFailed(failed) => error(f, failed),
            EventKind::Task {
                event:
                    TaskEvent::Failed(failed)
                    | TaskEvent::TimedOut(failed)
                    | TaskEvent::ScheduleFailed(failed)
                    | TaskEvent::StartFailed(failed)
                    | TaskEvent::SubmitFailed(failed),
                ..
            } => error(f, failed),
            EventKind::MapIteration { index, .. } => write!(f, " {index}"),
            EventKind::MapStateStarted { length } => write!(f, " {length}"),
            EventKind::EvaluationFailed { location: Some(location), .. } => write!(f, " {location}"),
            _ => Ok(()),
        }
    }
}

impl ErrorCause {
    /// Both given.
    pub fn new(error: impl Into<Str>, cause: impl Into<Str>) -> ErrorCause {
        ErrorCause { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// As long as AWS's events have room for; whether AWS cuts off or refuses what is longer is not known.
    pub(crate) fn clipped(mut self) -> ErrorCause {
        let clip = |text: &mut Option<Str>, chars_max: usize| {
            if let Some(given) = text.as_deref().filter(|given| given.len() > chars_max)
                && let Some((end, _)) = given.char_indices().nth(chars_max)
            {
                *text = Some(Str::new(&given[..end]));
            }
        };
        clip(&mut self.error, ERROR_CHARS_MAX);
        clip(&mut self.cause, CAUSE_CHARS_MAX);
        self
    }

    /// An error without a cause.
    pub fn without_cause(error: impl Into<Str>) -> ErrorCause {
        ErrorCause { error: Some(error.into()), cause: None }
    }

    fn put(&self, details: &mut Object) {
        put(details, "error", &self.error);
        put(details, "cause", &self.cause);
    }
}

impl Worker {
    fn prefix(&self) -> &'static str {
        match self {
            Worker::LambdaFunction { .. } => "LambdaFunction",
            Worker::Activity { .. } => "Activity",
            Worker::Service { .. } => "Task",
        }
    }
}

impl TaskEvent {
    fn name(&self) -> &'static str {
        match self {
            TaskEvent::Scheduled { .. } => "Scheduled",
            TaskEvent::ScheduleFailed(_) => "ScheduleFailed",
            TaskEvent::Started { .. } => "Started",
            TaskEvent::StartFailed(_) => "StartFailed",
            TaskEvent::Submitted { .. } => "Submitted",
            TaskEvent::SubmitFailed(_) => "SubmitFailed",
            TaskEvent::Succeeded { .. } => "Succeeded",
            TaskEvent::Failed(_) => "Failed",
            TaskEvent::TimedOut(_) => "TimedOut",
        }
    }
}

fn task_details(worker: &Worker, event: &TaskEvent, with_data: bool) -> Option<Object> {
    let mut details = Object::default();
    let service = match worker {
        Worker::Service { resource_type, resource } => {
            details.insert("resourceType", resource_type.clone().into());
            details.insert("resource", resource.clone().into());
            true
        }
        Worker::LambdaFunction { .. } | Worker::Activity { .. } => false,
    };
    match event {
        TaskEvent::Scheduled { parameters, region, timeout_s, heartbeat_s, role_arn } => {
            match worker {
                Worker::Service { .. } => {
                    details.insert("region", region.clone().into());
                    if with_data {
                        details.insert("parameters", parameters.text().into());
                    }
                }
                Worker::LambdaFunction { resource } | Worker::Activity { resource } => {
                    details.insert("resource", resource.clone().into());
                    put_data(&mut details, "input", parameters, with_data);
                }
            }
            if let Some(timeout_s) = timeout_s {
                details.insert("timeoutInSeconds", (*timeout_s).into());
            }
            if let Some(heartbeat_s) = heartbeat_s {
                details.insert("heartbeatInSeconds", (*heartbeat_s).into());
            }
            if let Some(role_arn) = role_arn {
                details.insert("taskCredentials", [("roleArn", role_arn.clone().into())].into_iter().collect());
            }
        }
        TaskEvent::Started { worker_name } => match worker {
            Worker::LambdaFunction { .. } => return None,
            Worker::Activity { .. } => put(&mut details, "workerName", worker_name),
            Worker::Service { .. } => {}
        },
        TaskEvent::Submitted { output } | TaskEvent::Succeeded { output } => {
            put_data(&mut details, "output", output, with_data);
        }
        TaskEvent::ScheduleFailed(error)
        | TaskEvent::StartFailed(error)
        | TaskEvent::SubmitFailed(error)
        | TaskEvent::Failed(error)
        | TaskEvent::TimedOut(error) => error.put(&mut details),
    }
    debug_assert!(!service || details.contains_key("resourceType"));
    Some(details)
}

fn put(details: &mut Object, name: &'static str, text: &Option<Str>) {
    if let Some(text) = text {
        details.insert(name, text.clone().into());
    }
}

fn put_data(details: &mut Object, name: &'static str, payload: &Payload, with_data: bool) {
    if with_data {
        details.insert(name, payload.text().into());
        details.insert(format!("{name}Details"), not_truncated());
    }
}

fn not_truncated() -> Value {
    [("truncated", Value::Bool(false))].into_iter().collect()
}
