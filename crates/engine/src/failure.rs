//! Failures of states: who retries, who catches, and what a failing branch does to its neighbours.

use std::collections::{BTreeMap, BTreeSet};

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
        Failure { error: error.clipped(), evaluation: None, heartbeat: false }
    }

    pub(crate) fn new(name: &'static str, cause: impl Into<Str>) -> Failure {
        Failure::of(ErrorCause::new(name, cause))
    }

    /// A failed evaluation, with the sentence that names the state.
    pub(crate) fn evaluation(frame: &Frame, state: &State, error: EvaluationError) -> Failure {
        let cause = in_state(&state.name, frame.entered_event, &error.cause);
        let evaluation = match error.name {
            ErrorName::Runtime => None,
            ErrorName::QueryEvaluation => Some(error.location.map(Str::from)),
        };
        Failure { evaluation, ..Failure::new(error.name.as_str(), cause) }
    }

    /// A `States.Runtime` error, with the sentence that names the state.
    pub(crate) fn runtime_at(frame: &Frame, state: &State, cause: &str) -> Failure {
        Failure::new("States.Runtime", in_state(&state.name, frame.entered_event, cause))
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

    fn is_data_limit(&self) -> bool {
        self.error.error.as_deref() == Some("States.DataLimitExceeded")
    }

    /// Nothing retries or catches it, even when it is named (reference/errors.md, 1).
    pub(crate) fn ends_everything(&self) -> bool {
        self.error.error.as_deref() == Some("States.Runtime")
    }

    /// Whether an entry of `ErrorEquals` names this failure.
    fn matches(&self, pattern: &str) -> bool {
        let error = self.error.error.as_deref();
        let timed_out = error == Some("States.Timeout");
        match pattern {
            "States.ALL" => true,
            "States.TaskFailed" => !timed_out && !self.is_data_limit(),
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
pub(crate) fn in_state(name: &str, entered_event: u32, what: &str) -> String {
    format!("An error occurred while executing the state '{name}' (entered at the event id #{entered_event}). {what}")
}

impl<O: Observer> Step<'_, O> {
    /// A state has failed: retry it, catch it, or fail what is around it.
    pub(crate) fn failed(&mut self, mut frame: Frame, failure: Failure) -> Option<Frame> {
        let state = self.state(&frame);
        if let Some(location) = &failure.evaluation {
            self.evaluation_failed(&mut frame, state, &failure, location.clone());
        }
        if failure.ends_everything() {
            return self.end_everything(frame, failure);
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

    /// Ends the execution with a failure that nothing can handle.
    pub(crate) fn end_everything(&mut self, frame: Frame, failure: Failure) -> Option<Frame> {
        let previous = frame.last_event;
        self.keep_failed(frame, &failure);
        self.fail_execution(previous, failure.error);
        None
    }

    /// Keeps a frame whose failure its state did not handle, for a redrive.
    fn keep_failed(&mut self, mut frame: Frame, failure: &Failure) {
        // A redrive runs again what failed below a Parallel or Map state, or all of it when that grew too large
        // (reference/api.md, 7).
        if !matches!(frame.phase, Phase::Fork(_)) {
            frame.phase = Phase::Failed;
        } else if failure.is_data_limit() {
            self.drop_children(&frame);
            frame.phase = Phase::Failed;
        }
        self.execution.put_frame(frame);
    }

    pub(crate) fn evaluation_failed(
        &mut self,
        frame: &mut Frame,
        state: &State,
        failure: &Failure,
        location: Option<Str>,
    ) {
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
        self.drop_children(&frame);
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
        mut frame: Frame,
        state: &State,
        index: usize,
        catcher: &Catcher,
        failure: &Failure,
    ) -> Option<Frame> {
        self.watch(state, || Stage::Catch { index });
        let done = self.caught(&frame, state, index, catcher, failure.output());
        match done.and_then(|done| self.prepare_exit(&mut frame, done)) {
            Ok(exit) => {
                self.drop_children(&frame);
                self.exit(frame, exit, Transition::Next(catcher.next))
            }
            Err(failure) => self.catch_failed(frame, state, failure),
        }
    }

    /// What a catcher makes of an error could not be made; its own state's catchers do not get that.
    fn catch_failed(&mut self, mut frame: Frame, state: &State, failure: Failure) -> Option<Frame> {
        if let Some(location) = &failure.evaluation {
            self.evaluation_failed(&mut frame, state, &failure, location.clone());
        }
        if failure.ends_everything() {
            return self.end_everything(frame, failure);
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
    fn region_failed(&mut self, frame: Frame, state: &State, failure: Failure) -> Option<Frame> {
        let failing_event = frame.last_event;
        let Some(parent) = frame.parent else { return self.end_everything(frame, failure) };
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
        if matches!(state.kind, StateKind::Task(_)) {
            self.append(failing_event, EventKind::StateAborted { state_type: state.kind.name() });
        }
        self.abort_children(&parent, failing_event);
        self.keep_failed(frame, &failure);
        parent.last_event = failing_event;
        // What failed to evaluate is the state inside; the states around it fail with its error.
        let failure = Failure { evaluation: None, ..self.threshold_exceeded(&parent).unwrap_or(failure) };
        self.failed(parent, failure)
    }

    /// The Map state's name, when the children of `parent` are its iterations.
    fn iteration_of(&self, parent: &Frame) -> Option<Str> {
        let state = self.state(parent);
        matches!(state.kind, StateKind::Map(_)).then(|| state.name.clone())
    }

    /// Aborts all that runs below a frame; the frames stay, for a redrive. The one that failed is not among them.
    pub(crate) fn abort_children(&mut self, parent: &Frame, failing_event: u32) {
        let children = self.execution.children_from(parent.id);
        let iteration = self.iteration_of(parent);
        let mut aborted = BTreeSet::new();
        for child in children.get(&parent.id).into_iter().flatten() {
            self.abort(*child, iteration.clone(), failing_event, &children, &mut aborted);
        }
        self.execution.ready.retain(|id| !aborted.contains(id));
    }

    fn abort(
        &mut self,
        id: FrameId,
        iteration: Option<Str>,
        failing_event: u32,
        children: &BTreeMap<FrameId, Vec<FrameId>>,
        aborted: &mut BTreeSet<FrameId>,
    ) {
        let Some(mut frame) = self.execution.take_frame(id) else { return };
        aborted.insert(id);
        let state = self.state(&frame);
        if let Some(name) = iteration {
            let event = EventKind::MapIteration { event: IterationEvent::Aborted, name, index: frame.index };
            self.append(failing_event, event);
        }
        self.out.effects.extend(cancelled(&frame));
        let inner = self.iteration_of(&frame);
        for child in children.get(&id).into_iter().flatten() {
            self.abort(*child, inner.clone(), failing_event, children, aborted);
        }
        if matches!(frame.phase, Phase::MapRun { .. }) {
            // [U] The type exists; this is the only place in the rules of history where it can stand.
            self.append(failing_event, EventKind::MapRunAborted);
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
        frame.abort();
        self.execution.put_frame(frame);
    }
}

/// Delay before the next retry of a retrier that was used `used` times, in seconds, without jitter.
pub(crate) fn backoff_s(retrier: &Retrier, used: u32) -> f64 {
    if retrier.interval_s == 0 {
        // Not left to the product: 0 times a rate that has grown to infinity is no number.
        return 0.0;
    }
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
        assert_eq!(backoff_s(&retrier(0, 2.0, None), 5_000), 0.0);
        assert_eq!(backoff_s(&retrier(1, 2.0, Some(60)), 5_000), 60.0);
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
