//! The history of an execution for people: one line per event.

use std::fmt::Write;

use stepwell_engine::{ErrorCause, Event, EventKind, TaskEvent, Timestamp, Worker};

use crate::text::duration;

/// Writes events as lines: number, the event before, type, and what the event is about.
///
/// ```text
///  1 <0  ExecutionStarted
///  2 <0  WaitStateEntered Pause
///  3 <2  WaitStateExited Pause  +2 d
/// ```
///
/// Behind the first event of a later time stands how much later it is.
pub(crate) fn lines(events: &[Event]) -> String {
    let width = events.len().to_string().len();
    let mut text = String::new();
    let mut before: Option<Timestamp> = None;
    for event in events {
        let _ = write!(text, "{:>width$} <{:<width$} {}", event.id, event.previous, event.kind.type_name());
        let about = about(&event.kind);
        if !about.is_empty() {
            let _ = write!(text, " {about}");
        }
        let passed = before.map_or(0, |before| event.timestamp.0 - before.0);
        if passed > 0 {
            let _ = write!(text, "  +{}", duration(passed));
        }
        before = Some(event.timestamp);
        text.push('\n');
    }
    text
}

fn about(kind: &EventKind) -> String {
    match kind {
        EventKind::StateEntered { name, .. } | EventKind::StateExited { name, .. } => name.to_string(),
        EventKind::MapIteration { name, index, .. } => format!("{name}[{index}]"),
        EventKind::MapStateStarted { length } => length.to_string(),
        EventKind::EvaluationFailed { state, error, .. } => format!("{state} {error}"),
        EventKind::Task { worker, event } => task(worker, event),
        EventKind::ExecutionFailed(error)
        | EventKind::ExecutionAborted(error)
        | EventKind::ExecutionTimedOut(error)
        | EventKind::MapRunFailed(error) => name_of(error),
        EventKind::ExecutionRedriven { redrive_count } | EventKind::MapRunRedriven { redrive_count, .. } => {
            redrive_count.to_string()
        }
        EventKind::ExecutionStarted { .. }
        | EventKind::ExecutionSucceeded { .. }
        | EventKind::StateAborted { .. }
        | EventKind::ParallelStateStarted
        | EventKind::ParallelStateSucceeded
        | EventKind::ParallelStateFailed
        | EventKind::MapStateSucceeded
        | EventKind::MapStateFailed
        | EventKind::MapRunStarted { .. }
        | EventKind::MapRunSucceeded
        | EventKind::MapRunAborted => String::new(),
    }
}

fn task(worker: &Worker, event: &TaskEvent) -> String {
    match event {
        TaskEvent::Scheduled { .. } => called(worker),
        TaskEvent::ScheduleFailed(error)
        | TaskEvent::StartFailed(error)
        | TaskEvent::SubmitFailed(error)
        | TaskEvent::Failed(error)
        | TaskEvent::TimedOut(error) => name_of(error),
        TaskEvent::Started { .. } | TaskEvent::Submitted { .. } | TaskEvent::Succeeded { .. } => String::new(),
    }
}

fn name_of(error: &ErrorCause) -> String {
    error.error.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// What a task calls: `sqs:sendMessage.waitForTaskToken`, or the name of a function or activity.
pub(crate) fn called(worker: &Worker) -> String {
    match worker {
        Worker::LambdaFunction { resource } => match resource.split_once(":function:") {
            Some((_, function)) => format!("function {function}"),
            None => resource.to_string(),
        },
        Worker::Activity { resource } => {
            format!("activity {}", resource.rsplit(':').next().unwrap_or_default())
        }
        Worker::Service { resource_type, resource } => format!("{resource_type}:{resource}"),
    }
}
