//! Task states: from the request to the outside to its answer, time-outs and heartbeats.

use stepwell_asl::program::{NumberField, State, StateKind, Task};
use stepwell_asl::template::EvaluationError;
use stepwell_aws::{Pattern, Resource};
use stepwell_value::{Str, Value};

use crate::dataflow::{self, Entered};
use crate::event::{ErrorCause, TaskEvent, Worker};
use crate::execution::{Asked, AttemptId, Frame, OpenTask, Phase};
use crate::failure::Failure;
use crate::observer::Observer;
use crate::signal::{Effect, FailureStage};
use crate::step::{Step, cancelled};
use crate::view::Focus;

/// How the events of a task name who does it.
pub(crate) fn worker(task: &Task) -> Worker {
    let service = |resource_type: Str, action: &str, pattern: Pattern| Worker::Service {
        resource_type,
        resource: Str::from(format!("{action}{}", pattern.suffix())),
    };
    match &task.resource {
        Resource::LambdaFunction(_) => Worker::LambdaFunction { resource: task.resource_arn.clone() },
        Resource::Activity(_) => Worker::Activity { resource: task.resource_arn.clone() },
        Resource::Optimized { service: name, api, pattern } => service(Str::from(*name), api, *pattern),
        Resource::AwsSdk { service: name, action, pattern } => {
            service(Str::from(format!("aws-sdk:{name}")), action, *pattern)
        }
        Resource::HttpInvoke => service(Str::from("http"), "invoke", Pattern::RequestResponse),
        Resource::Foreign(arn) => service(Str::from(arn.service()), arn.resource(), Pattern::RequestResponse),
    }
}

/// Who AWS says made a result that is too large: the function, the activity or the service.
fn producer(task: &Task) -> Str {
    match worker(task) {
        Worker::LambdaFunction { resource } | Worker::Activity { resource } => resource,
        Worker::Service { resource_type, .. } => resource_type,
    }
}

/// What a task is called with.
struct Call {
    parameters: Value,
    timeout_s: Option<u32>,
    heartbeat_s: Option<u32>,
    role_arn: Option<Str>,
}

impl<'a, O: Observer> Step<'a, O> {
    /// Makes an attempt of a task.
    pub(crate) fn schedule(&mut self, mut frame: Frame, state: &State, task: &Task) -> Option<Frame> {
        let attempt = AttemptId(self.execution.next_attempt);
        let focus = Focus { attempt: Some(attempt), item: None };
        let call = self.evaluate(&frame, state, focus, |view, observer| {
            let entered = dataflow::enter(view, observer, &frame, state)?;
            let parameters = dataflow::arguments(&entered, observer, state)?;
            let timeout_s = seconds(task.timeout_seconds.as_ref(), "TimeoutSeconds", &entered)?;
            let heartbeat_s = seconds(task.heartbeat_seconds.as_ref(), "HeartbeatSeconds", &entered)?;
            let role_arn = role(task, &entered)?;
            Ok(Call { parameters, timeout_s, heartbeat_s, role_arn })
        });
        let Call { parameters, timeout_s, heartbeat_s, role_arn } = match call {
            Ok(call) => call,
            Err(failure) => return self.failed(frame, failure),
        };
        let parameters = match self.payload_or_input(parameters, &frame) {
            Ok(parameters) => parameters,
            Err(failure) => return self.failed(frame, failure),
        };
        if matches!(task.resource, Resource::Activity(_)) && !self.turn.host.has_activity(&task.resource_arn) {
            let cause = format!("The activity {} does not exist.", task.resource_arn);
            let failure = Failure::runtime_at(&frame, state, &cause);
            return self.end_everything(frame, failure);
        }
        self.execution.next_attempt += 1;
        let scheduled = TaskEvent::Scheduled {
            parameters: parameters.clone(),
            region: self.execution.identity.region.clone(),
            timeout_s,
            heartbeat_s,
            role_arn: role_arn.clone(),
        };
        self.record_task(&mut frame, task, scheduled);
        if self.full {
            // What the history has no room for must not happen.
            return Some(frame);
        }
        let mut open = OpenTask {
            attempt,
            started: false,
            submitted: false,
            timeout_s,
            heartbeat_s,
            deadline: None,
            heartbeat_due: None,
            asked: None,
        };
        // An activity starts when a worker takes it; everything else leaves with this very step.
        if !matches!(task.resource, Resource::Activity(_)) {
            self.record_task(&mut frame, task, TaskEvent::Started { worker_name: None });
            open.start(self.turn.now);
        }
        let asked = Asked { parameters, role_arn };
        let request = self.execution.request(self.program, self.turn.host, &frame, task, &open, &asked);
        open.asked = Some(asked);
        frame.phase = Phase::Task(open);
        self.out.effects.push(Effect::Task(Box::new(request)));
        self.execution.put_frame(frame);
        None
    }

    pub(crate) fn task_started(&mut self, mut frame: Frame, worker_name: Option<Str>) -> Option<Frame> {
        let task = self.task_of(&frame);
        let now = self.turn.now;
        let Phase::Task(open) = &mut frame.phase else { return Some(frame) };
        if open.started {
            self.out.ignored = true;
        } else {
            open.start(now);
            // The worker has it; nobody else shall.
            open.asked = None;
            self.record_task(&mut frame, task, TaskEvent::Started { worker_name });
        }
        self.execution.put_frame(frame);
        None
    }

    pub(crate) fn task_submitted(&mut self, mut frame: Frame, output: Value) -> Option<Frame> {
        let task = self.task_of(&frame);
        let output = match self.payload(output, &producer(task)) {
            Ok(output) => output,
            Err(failure) => {
                // The job runs, but nobody will wait for it.
                self.out.effects.extend(cancelled(&frame));
                return self.task_failed(frame, failure.error, FailureStage::Submit);
            }
        };
        let Phase::Task(open) = &mut frame.phase else { return Some(frame) };
        if open.submitted {
            self.out.ignored = true;
        } else {
            open.submitted = true;
            open.asked = None;
            if !matches!(worker(task), Worker::Service { .. }) {
                // Functions and activities have no such event.
                self.execution.put_frame(frame);
                return None;
            }
            self.record_task(&mut frame, task, TaskEvent::Submitted { output });
        }
        self.execution.put_frame(frame);
        None
    }

    pub(crate) fn task_succeeded(&mut self, mut frame: Frame, output: Value) -> Option<Frame> {
        let task = self.task_of(&frame);
        let output = match self.payload(output, &producer(task)) {
            Ok(output) => output,
            Err(failure) => return self.task_failed(frame, failure.error, FailureStage::Run),
        };
        self.record_task(&mut frame, task, TaskEvent::Succeeded { output: output.clone() });
        frame.phase = Phase::Work;
        self.complete(frame, output.value().clone())
    }

    pub(crate) fn task_failed(&mut self, mut frame: Frame, error: ErrorCause, stage: FailureStage) -> Option<Frame> {
        let task = self.task_of(&frame);
        let error = error.clipped();
        let event = match shown_stage(&worker(task), stage) {
            FailureStage::Schedule => TaskEvent::ScheduleFailed(error.clone()),
            FailureStage::Start => TaskEvent::StartFailed(error.clone()),
            FailureStage::Submit => TaskEvent::SubmitFailed(error.clone()),
            FailureStage::Run => TaskEvent::Failed(error.clone()),
        };
        self.record_task(&mut frame, task, event);
        frame.phase = Phase::Work;
        self.failed(frame, Failure::of(error))
    }

    pub(crate) fn task_heartbeat(&mut self, mut frame: Frame) -> Option<Frame> {
        let now = self.turn.now;
        if let Phase::Task(open) = &mut frame.phase {
            // The clock starts when a worker takes the task.
            let seconds = open.heartbeat_s.filter(|_| open.started);
            open.heartbeat_due = seconds.map(|seconds| now.after_s(f64::from(seconds)));
        }
        self.execution.put_frame(frame);
        None
    }

    /// Its time is over, or a heartbeat was missed.
    pub(crate) fn task_timed_out(&mut self, mut frame: Frame) -> Option<Frame> {
        let task = self.task_of(&frame);
        let Phase::Task(open) = &frame.phase else { return Some(frame) };
        let heartbeat = open.deadline.is_none_or(|deadline| deadline > self.turn.now);
        self.out.effects.push(Effect::Cancel { attempt: open.attempt });
        let error = ErrorCause::without_cause("States.Timeout");
        self.record_task(&mut frame, task, TaskEvent::TimedOut(error.clone()));
        frame.phase = Phase::Work;
        self.failed(frame, Failure { heartbeat, ..Failure::of(error) })
    }

    fn task_of(&self, frame: &Frame) -> &'a Task {
        match &self.state(frame).kind {
            StateKind::Task(task) => task,
            _ => unreachable!("only Task states have attempts"),
        }
    }
}

/// The stage of a failure that AWS has an event for: there is neither `TaskScheduleFailed` nor `LambdaFunctionSubmitFailed`.
fn shown_stage(worker: &Worker, stage: FailureStage) -> FailureStage {
    use FailureStage::{Run, Schedule, Start, Submit};
    match (worker, stage) {
        (Worker::Service { .. }, Schedule)
        | (Worker::LambdaFunction { .. }, Submit)
        | (Worker::Activity { .. }, Start | Submit) => Run,
        (_, stage) => stage,
    }
}

impl OpenTask {
    /// The clocks of time-out and heartbeat start with the start event.
    fn start(&mut self, now: crate::Timestamp) {
        self.started = true;
        self.deadline = self.timeout_s.map(|seconds| now.after_s(f64::from(seconds)));
        self.heartbeat_due = self.heartbeat_s.map(|seconds| now.after_s(f64::from(seconds)));
    }
}

fn seconds(
    field: Option<&NumberField>,
    name: &'static str,
    entered: &Entered<'_>,
) -> Result<Option<u32>, EvaluationError> {
    let Some(field) = field else { return Ok(None) };
    let seconds = dataflow::integer(field, name, entered.data())?;
    match u32::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => {
            let cause = format!("{name} must be positive, but is {seconds}");
            // [U] Name and text; what an expression yields fails as its evaluation does.
            Err(match field {
                NumberField::Expression(_) => dataflow::query_error(name, cause),
                NumberField::Constant(_) | NumberField::Path(_) => EvaluationError::runtime(cause),
            })
        }
    }
}

fn role(task: &Task, entered: &Entered<'_>) -> Result<Option<Str>, EvaluationError> {
    let Some(credentials) = &task.credentials else { return Ok(None) };
    let credentials = credentials.evaluate("Credentials", entered.data())?;
    match credentials.get("RoleArn").and_then(Value::as_str) {
        Some(role_arn) => Ok(Some(Str::new(role_arn))),
        None => Err(EvaluationError::runtime("The field 'RoleArn' of Credentials must be a string")),
    }
}
