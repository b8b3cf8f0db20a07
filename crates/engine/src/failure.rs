//! Failures of states: who retries, who catches, and what a failing branch does to its neighbours.

use stepwell_asl::program::{Catcher, Retrier, State, StateKind, Transition};
use stepwell_asl::template::{ErrorName, EvaluationError};
use stepwell_value::{Str, Value};

use crate::dataflow::{self, Done};
use crate::event::{ErrorCause, EventKind, IterationEvent};
use crate::execution::{Frame, FrameId, Phase};
use crate::observer::{Observer, Stage};
use crate::step::{Step, cancelled};
use crate::view::Focus;

/// Why a state failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: ErrorCause,
    /// An expression failed: `EvaluationFailed` is recorded, with the field's location.
    pub(crate) evaluation: Option<Option<Str>>,
    /// A missed heartbeat: `States.HeartbeatTimeout` in `ErrorEquals` matches it too.
    pub(crate) heartbeat: bool,
}

impl Failure {
    pub(crate) fn of(error: ErrorCause) -> Failure {
        Failure { error, evaluation: None, heartbeat: false }
    }

    pub(crate) fn new(name: &'static str, cause: impl Into<Str>) -> Failure {
        Failure::of(ErrorCause::new(name, cause))
    }

    /// A failed evaluation, with the sentence that names the state.
    pub(crate) fn evaluation(frame: &Frame, state: &State, error: EvaluationError) -> Failure {
        let cause = in_state(frame, state, &error.cause);
        let evaluation = match error.name {
            ErrorName::Runtime => None,
            ErrorName::QueryEvaluation => Some(error.location.map(Str::from)),
        };
        Failure { error: ErrorCause::new(error.name.as_str(), cause), evaluation, heartbeat: false }
    }

    /// A `States.Runtime` error, with the sentence that names the state.
    pub(crate) fn runtime_at(frame: &Frame, state: &State, cause: &str) -> Failure {
        Failure::new("States.Runtime", in_state(frame, state, cause))
    }

    /// `producer`: a state's name, a function's ARN, or a service.
    pub(crate) fn data_limit(producer: &str) -> Failure {
        Failure::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{producer}' returned a result with a size exceeding the maximum number of bytes \
                 service limit."
            ),
        )
    }

    /// Nothing retries or catches it, even when it is named (reference/errors.md, 1).
    fn ends_everything(&self) -> bool {
        self.error.error.as_deref() == Some("States.Runtime")
    }

    /// Whether an entry of `ErrorEquals` names this failure.
    fn matches(&self, pattern: &str) -> bool {
        let error = self.error.error.as_deref();
        let timed_out = error == Some("States.Timeout");
        match pattern {
            "States.ALL" => true,
            "States.TaskFailed" => !timed_out && error != Some("States.DataLimitExceeded"),
            "States.HeartbeatTimeout" => self.heartbeat || error == Some(pattern),
            pattern => error == Some(pattern),
        }
    }

    /// What a catcher gets: `$states.errorOutput`, or `$` of its `Assign`.
    fn output(&self) -> Value {
        let timed_out = self.error.error.as_deref() == Some("States.Timeout");
        let cause = match &self.error.cause {
            Some(cause) => cause.clone().into(),
            // AWS: a time-out has no cause in its events and an empty one here (reference/language.md, 9).
            None if timed_out => "".into(),
            None => Value::Null,
        };
        let error = self.error.error.clone().map_or(Value::Null, Value::from);
        [("Error", error), ("Cause", cause)].into_iter().collect()
    }
}

/// The sentence that AWS puts before what its interpreter has to say about a state.
fn in_state(frame: &Frame, state: &State, what: &str) -> String {
    format!(
        "An error occurred while executing the state '{}' (entered at the event id #{}). {what}",
        state.name, frame.entered_event
    )
}

impl<O: Observer> Step<'_, O> {
    /// A state has failed: retry it, catch it, or fail what is around it.
    pub(crate) fn failed(&mut self, mut frame: Frame, failure: Failure) -> Option<Frame> {
        let state = self.state(&frame);
        if let Some(location) = &failure.evaluation {
            self.evaluation_failed(&mut frame, state, &failure, location.clone());
        }
        if failure.ends_everything() {
            let previous = frame.last_event;
            frame.phase = Phase::Failed;
            self.execution.put_frame(frame);
            self.fail_execution(previous, failure.error);
            return None;
        }
        if let Some((index, retrier)) = matching(&state.retry, |retrier| &retrier.error_equals, &failure) {
            frame.retries.resize(state.retry.len(), 0);
            if frame.retries[index] < retrier.attempts_max {
                return self.retry(frame, state, index, retrier);
            }
        }
        match state.kind {
            StateKind::Parallel { .. } => {
                self.record(&mut frame, EventKind::ParallelStateFailed);
            }
            StateKind::Map(_) => {
                self.record(&mut frame, EventKind::MapStateFailed);
            }
            _ => {}
        }
        if let Some((index, catcher)) = matching(&state.catch, |catcher| &catcher.error_equals, &failure) {
            return self.catch(frame, state, index, catcher, &failure);
        }
        self.region_failed(frame, state, failure)
    }

    fn evaluation_failed(&mut self, frame: &mut Frame, state: &State, failure: &Failure, location: Option<Str>) {
        // AWS: the event skips the state's own Entered event, but not that of a Wait state (reference/history.md, 3).
        let nothing_since = frame.last_event == frame.entered_event && frame.entered_event != 0;
        if nothing_since && !matches!(state.kind, StateKind::Wait(_)) {
            frame.last_event = frame.before_entered;
        }
        let event = EventKind::EvaluationFailed {
            state: state.name.clone(),
            error: failure.error.error.clone().unwrap_or_default(),
            cause: failure.error.cause.clone().unwrap_or_default(),
            location,
        };
        self.record(frame, event);
    }

    fn retry(&mut self, mut frame: Frame, state: &State, index: usize, retrier: &Retrier) -> Option<Frame> {
        let backoff_s = backoff_s(retrier, frame.retries[index]);
        frame.retries[index] += 1;
        self.execution.transitions += 1;
        self.watch(state, || Stage::Retry { index, backoff_s });
        self.drop_children(frame.id);
        let mut delay_s = backoff_s;
        if retrier.jitter {
            self.execution.evaluations = self.execution.evaluations.wrapping_add(1);
            let draws = crate::chance::Draws::new(self.execution.identity.seed, self.execution.evaluations);
            delay_s *= draws.next_fraction();
        }
        let until = self.turn.now.after_s(delay_s);
        if until <= self.turn.now {
            frame.phase = Phase::Work;
            return Some(frame);
        }
        frame.phase = Phase::Backoff { until };
        self.execution.put_frame(frame);
        None
    }

    fn catch(
        &mut self,
        frame: Frame,
        state: &State,
        index: usize,
        catcher: &Catcher,
        failure: &Failure,
    ) -> Option<Frame> {
        self.drop_children(frame.id);
        self.watch(state, || Stage::Catch { index });
        match self.caught(&frame, state, index, catcher, failure.output()) {
            Ok(done) => self.leave(frame, Ok(done), Transition::Next(catcher.next)),
            Err(failure) => self.catch_failed(frame, state, failure),
        }
    }

    /// What a catcher makes of an error could not be made; its own state's catchers do not get that.
    fn catch_failed(&mut self, mut frame: Frame, state: &State, failure: Failure) -> Option<Frame> {
        if let Some(location) = &failure.evaluation {
            self.evaluation_failed(&mut frame, state, &failure, location.clone());
        }
        if failure.ends_everything() {
            let previous = frame.last_event;
            frame.phase = Phase::Failed;
            self.execution.put_frame(frame);
            self.fail_execution(previous, failure.error);
            return None;
        }
        self.region_failed(frame, state, failure)
    }

    fn caught(
        &mut self,
        frame: &Frame,
        state: &State,
        index: usize,
        catcher: &Catcher,
        error_output: Value,
    ) -> Result<Done, Failure> {
        self.evaluate(frame, state, Focus::default(), |view, _| {
            dataflow::caught(view, frame, state, index, catcher, &error_output)
        })
    }

    /// An error that the state did not handle fails the region around it.
    fn region_failed(&mut self, mut frame: Frame, state: &State, failure: Failure) -> Option<Frame> {
        let failing_event = frame.last_event;
        let Some(parent) = frame.parent else {
            if !matches!(frame.phase, Phase::Fork(_)) {
                frame.phase = Phase::Failed;
            }
            self.execution.put_frame(frame);
            self.fail_execution(failing_event, failure.error);
            return None;
        };
        let mut parent = self.execution.take_frame(parent).expect("a frame ends before its parent");
        let iteration = self.iteration_of(&parent);
        if let Some(name) = iteration {
            let event = EventKind::MapIteration { event: IterationEvent::Failed, name, index: frame.index };
            self.append(failing_event, event);
        }
        if self.is_tolerated(&mut parent) {
            let error_output = failure.output();
            return self.tolerate(parent, frame, error_output);
        }
        // What failed to evaluate is the state inside; the states around it fail with its error.
        let failure = Failure { evaluation: None, ..self.threshold_exceeded(&parent).unwrap_or(failure) };
        if matches!(state.kind, StateKind::Task(_)) {
            self.append(failing_event, EventKind::StateAborted { state_type: state.kind.name() });
        }
        self.abort_siblings(&parent, frame.id, failing_event);
        if !matches!(frame.phase, Phase::Fork(_)) {
            frame.phase = Phase::Failed;
        }
        self.execution.put_frame(frame);
        parent.last_event = failing_event;
        self.failed(parent, failure)
    }

    /// The Map state's name, when the children of `parent` are its iterations.
    fn iteration_of(&self, parent: &Frame) -> Option<Str> {
        let state = self.state(parent);
        matches!(state.kind, StateKind::Map(_)).then(|| state.name.clone())
    }

    pub(crate) fn abort_siblings(&mut self, parent: &Frame, failed: FrameId, failing_event: u32) {
        let siblings: Vec<FrameId> = self
            .execution
            .frames
            .values()
            .filter(|frame| frame.parent == Some(parent.id) && frame.id != failed)
            .map(|frame| frame.id)
            .collect();
        for sibling in siblings {
            self.abort(sibling, self.iteration_of(parent), failing_event);
        }
    }

    /// Aborts a frame and all below it; the frames stay, for a redrive.
    fn abort(&mut self, id: FrameId, iteration: Option<Str>, failing_event: u32) {
        let Some(mut frame) = self.execution.take_frame(id) else { return };
        self.execution.ready.retain(|ready| *ready != id);
        let state = self.state(&frame);
        if let Some(name) = iteration {
            let event = EventKind::MapIteration { event: IterationEvent::Aborted, name, index: frame.index };
            self.append(failing_event, event);
        }
        self.out.effects.extend(cancelled(&frame));
        let children: Vec<FrameId> =
            self.execution.frames.values().filter(|child| child.parent == Some(id)).map(|child| child.id).collect();
        let inner = self.iteration_of(&frame);
        for child in children {
            self.abort(child, inner.clone(), failing_event);
        }
        let is_inside = frame.phase != Phase::Enter;
        if is_inside
            && matches!(
                state.kind,
                StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel { .. } | StateKind::Map(_)
            )
        {
            self.append(failing_event, EventKind::StateAborted { state_type: state.kind.name() });
        }
        if !matches!(frame.phase, Phase::Fork(_)) {
            if frame.phase == Phase::Enter {
                frame.entered_event = 0;
            }
            frame.phase = Phase::Aborted;
        }
        self.execution.put_frame(frame);
    }
}

/// Delay before the next retry of a retrier that was used `used` times, in seconds, without jitter.
pub(crate) fn backoff_s(retrier: &Retrier, used: u32) -> f64 {
    let growing = f64::from(retrier.interval_s) * retrier.backoff_rate.powi(used.min(100_000) as i32);
    let bound = retrier.delay_max_s.map_or(f64::INFINITY, f64::from);
    // Beyond a year nothing waits; the machine's own time-out comes first.
    growing.min(bound).min(31_622_400.0 * 100.0)
}

fn matching<'s, T>(entries: &'s [T], errors: impl Fn(&T) -> &Vec<Str>, failure: &Failure) -> Option<(usize, &'s T)> {
    entries.iter().enumerate().find(|(_, entry)| errors(entry).iter().any(|pattern| failure.matches(pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(interval_s: u32, backoff_rate: f64, delay_max_s: Option<u32>) -> Retrier {
        Retrier { error_equals: vec![], interval_s, attempts_max: 3, backoff_rate, delay_max_s, jitter: false }
    }

    #[test]
    fn delays_grow_by_the_rate_up_to_their_bound() {
        let delays = |retrier: &Retrier| (0..5).map(|used| backoff_s(retrier, used)).collect::<Vec<_>>();
        assert_eq!(delays(&retrier(1, 2.0, None)), [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(delays(&retrier(3, 1.5, Some(6))), [3.0, 4.5, 6.0, 6.0, 6.0]);
        assert_eq!(delays(&retrier(5, 1.0, None)), [5.0; 5]);
    }

    #[test]
    fn wildcards_match_what_aws_says_they_match() {
        let failure = |error: &str| Failure::of(ErrorCause::without_cause(error));
        for (error, pattern, matches) in [
            ("Custom", "Custom", true),
            ("Custom", "custom", false),
            ("Custom", "States.ALL", true),
            ("Custom", "States.TaskFailed", true),
            ("States.Timeout", "States.TaskFailed", false),
            ("States.Timeout", "States.ALL", true),
            ("States.DataLimitExceeded", "States.ALL", true),
            ("States.DataLimitExceeded", "States.TaskFailed", false),
            ("States.Timeout", "States.HeartbeatTimeout", false),
        ] {
            assert_eq!(failure(error).matches(pattern), matches, "{error} {pattern}");
        }
        let missed = Failure { heartbeat: true, ..failure("States.Timeout") };
        assert!(missed.matches("States.HeartbeatTimeout") && missed.matches("States.Timeout"));
    }
}
