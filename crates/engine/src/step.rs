//! The interpreter: one signal in, one transition out.

use stepwell_asl::program::{
    ExecutionType, Program, RegionIdx, State, StateIdx, StateKind, TOP, Task, Transition, Wait,
};
use stepwell_asl::template::EvaluationError;
use stepwell_value::{Object, Str, Value};

use crate::dataflow::{self, Done};
use crate::event::{ErrorCause, Event, EventKind, TaskEvent};
use crate::execution::{Execution, ExecutionStatus, Frame, FrameId, Phase, variables_bytes};
use crate::failure::Failure;
use crate::limits::{
    ASSIGN_BYTES_MAX, BYTES_PER_FUEL, EXPRESS_DURATION_MAX_MS, HISTORY_EVENTS_MAX, PAYLOAD_BYTES_MAX,
    REDRIVE_TOKENS_MAX, STANDARD_DURATION_MAX_MS, STATE_FUEL, STEP_EVENTS_MAX, STEP_FUEL_MAX, STEP_PAYLOAD_BYTES_MAX,
    VARIABLES_BYTES_MAX,
};
use crate::observer::{Observer, Stage};
use crate::signal::{Effect, MapRunEnd, Outcome, Signal, StepStatus, Turn};
use crate::task;
use crate::view::{Focus, View};
use crate::{Payload, PayloadId, Timestamp};

/// Applies one signal to one execution.
///
/// Pure: the same program, execution, signal and turn give the same outcome on every machine. A crash
/// between two calls therefore loses nothing that the last commit did not already hold. It runs until
/// every frame waits for the outside, or until the budget of a step is used up ([`StepStatus::More`]).
pub fn step(program: &Program, execution: &mut Execution, signal: Signal, turn: Turn<'_>) -> Outcome {
    step_observed(program, execution, signal, turn, &mut ())
}

/// As [`step`], showing every stage of the data flow to an observer.
pub fn step_observed<O: Observer>(
    program: &Program,
    execution: &mut Execution,
    signal: Signal,
    turn: Turn<'_>,
    observer: &mut O,
) -> Outcome {
    let events_before = execution.last_event;
    let out = Outcome::default();
    let mut step = Step { program, execution, turn, observer, out, events_before, new_bytes: 0, fuel: 0, full: false };
    step.accept(signal);
    step.run();
    step.finish()
}

/// One step at work.
pub(crate) struct Step<'a, O> {
    pub(crate) program: &'a Program,
    pub(crate) execution: &'a mut Execution,
    pub(crate) turn: Turn<'a>,
    pub(crate) observer: &'a mut O,
    pub(crate) out: Outcome,
    events_before: u32,
    new_bytes: usize,
    fuel: u64,
    /// The history has no room but for the event that says so.
    pub(crate) full: bool,
}

/// What a state leaves with, made and measured.
pub(crate) struct Exit {
    output: Payload,
    assigned: Option<Object>,
}

impl<'a, O: Observer> Step<'a, O> {
    fn accept(&mut self, signal: Signal) {
        let running = self.execution.status == ExecutionStatus::Running;
        match signal {
            Signal::Redrive { client_token } if !running => self.redrive(client_token),
            Signal::Start if running && self.execution.last_event == 0 => self.start(),
            _ if !running => self.out.ignored = true,
            Signal::Start | Signal::Redrive { .. } => self.out.ignored = true,
            Signal::Continue => {}
            Signal::TimerFired => self.timer_fired(),
            Signal::Stop(error) => self.stop(error),
            Signal::MapRunEnded { map_run_arn, end } => self.map_run_ended(&map_run_arn, end),
            Signal::TaskStarted { attempt, worker_name } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.task_started(frame, worker_name));
            }
            Signal::TaskSubmitted { attempt, output } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.task_submitted(frame, output));
            }
            Signal::TaskSucceeded { attempt, output } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.task_succeeded(frame, output));
            }
            Signal::TaskFailed { attempt, error, stage } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.task_failed(frame, error, stage));
            }
            Signal::TaskHeartbeat { attempt } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.task_heartbeat(frame));
            }
            Signal::TaskCannotRun { attempt, cause } => {
                let frame = self.frame_of(attempt);
                self.resume(frame, |step, frame| step.cannot_run(frame, cause));
            }
        }
    }

    /// The frame that waits for an attempt; none for a late answer, of which history already says enough.
    fn frame_of(&mut self, attempt: crate::execution::AttemptId) -> Option<Frame> {
        let id = self.execution.frame_of_attempt(attempt)?;
        self.execution.take_frame(id)
    }

    /// Lets a frame that waited go on with `work`.
    fn resume(&mut self, frame: Option<Frame>, work: impl FnOnce(&mut Self, Frame) -> Option<Frame>) {
        match frame {
            None => self.out.ignored = true,
            Some(frame) => {
                let next = work(self, frame);
                self.advance(next);
            }
        }
    }

    fn run(&mut self) {
        while self.execution.status == ExecutionStatus::Running && !self.must_pause() {
            let Some(id) = self.execution.ready.pop_front() else { break };
            let frame = self.execution.take_frame(id);
            self.advance(frame);
        }
        if self.full && self.execution.status == ExecutionStatus::Running {
            let cause = format!("The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX}).");
            let error = ErrorCause::new("States.Runtime", cause);
            let previous = self.execution.last_event;
            self.fail_execution(previous, error);
        }
    }

    fn finish(mut self) -> Outcome {
        self.execution.forget_gone_frames();
        self.out.status = if self.execution.status != ExecutionStatus::Running {
            StepStatus::Ended
        } else if self.execution.ready.is_empty() {
            StepStatus::Waiting
        } else {
            StepStatus::More
        };
        self.out
    }

    /// Whether the rest is left to the next step.
    pub(crate) fn must_pause(&self) -> bool {
        self.full || self.budget_is_used()
    }

    fn budget_is_used(&self) -> bool {
        (self.execution.last_event - self.events_before) as usize >= STEP_EVENTS_MAX
            || self.new_bytes >= STEP_PAYLOAD_BYTES_MAX
            || self.fuel >= STEP_FUEL_MAX
    }

    /// Walks with a frame until it waits, ends or the budget is used up.
    pub(crate) fn advance(&mut self, mut current: Option<Frame>) {
        while let Some(frame) = current {
            if self.execution.status != ExecutionStatus::Running {
                return;
            }
            if self.must_pause() {
                self.execution.ready.push_front(frame.id);
                return self.execution.put_frame(frame);
            }
            self.spend_on(&frame);
            current = match frame.phase {
                Phase::Enter => self.enter(frame),
                Phase::Work => self.work(frame),
                Phase::Fork(_) => self.start_iterations(frame),
                _ => return self.execution.put_frame(frame),
            };
        }
    }

    /// What a turn of a state's work costs at least: paths, which count nothing themselves, may read all of its input.
    pub(crate) fn spend_on(&mut self, frame: &Frame) {
        self.fuel += STATE_FUEL + frame.input.bytes() as u64 / BYTES_PER_FUEL;
    }

    fn start(&mut self) {
        let limit = self.time_limit(0);
        self.execution.deadline = Some(limit);
        let identity = self.execution.identity.clone();
        let kind = EventKind::ExecutionStarted {
            input: self.execution.input.clone(),
            role_arn: identity.role_arn.clone().unwrap_or_default(),
            version_arn: identity.version_arn.clone(),
            alias_arn: identity.alias_arn.clone(),
        };
        self.out.payloads.push(self.execution.input.clone());
        self.append(0, kind);
        // AWS: the first state's entered event points to 0, not to ExecutionStarted (reference/history.md, 3).
        let frame = match self.execution.frames.keys().next().copied() {
            // A single state that is entered alone brings its frame along.
            Some(id) => self.execution.take_frame(id),
            None => {
                let root = identity.root;
                let start = self.program.region(root).start;
                let input = self.first_input();
                Some(self.new_frame(None, 0, root, start, input, 0))
            }
        };
        self.advance(frame);
    }

    /// When the execution times out that starts or goes on now and was open for `open_ms` before.
    fn time_limit(&self, open_ms: i64) -> Timestamp {
        let identity = &self.execution.identity;
        let longest_ms = match identity.execution_type {
            ExecutionType::Standard => STANDARD_DURATION_MAX_MS - open_ms,
            ExecutionType::Express => EXPRESS_DURATION_MAX_MS,
        };
        // `TimeoutSeconds` is the machine's, not that of a Map Run's children or of a state that is run alone.
        let is_machine = identity.root == TOP && !self.execution.alone;
        let own_s = self.program.timeout_seconds.filter(|_| is_machine);
        let own_ms = own_s.map_or(i64::MAX, |seconds| i64::from(seconds) * 1000);
        // "More than a year" is too long, a year is not.
        self.turn.now.after_ms(own_ms.min(longest_ms + 1))
    }

    /// AWS: ExecutionStarted repeats the input as it was sent, the states show it without insignificant blanks.
    fn first_input(&mut self) -> Payload {
        let sent = self.execution.input.clone();
        if sent.sent().is_none() {
            return sent;
        }
        let payload = Payload::new(PayloadId(self.execution.next_payload), sent.value().clone());
        self.execution.next_payload += 1;
        self.out.payloads.push(payload.clone());
        payload
    }

    pub(crate) fn new_frame(
        &mut self,
        parent: Option<FrameId>,
        index: u32,
        region: RegionIdx,
        state: StateIdx,
        input: Payload,
        last_event: u32,
    ) -> Frame {
        let id = FrameId(self.execution.next_frame);
        self.execution.next_frame += 1;
        Frame {
            id,
            parent,
            index,
            region,
            state,
            phase: Phase::Enter,
            input,
            variables: Object::default(),
            variables_bytes: 0,
            last_event,
            entered_event: 0,
            before_entered: 0,
            entered: self.turn.now,
            retries: Vec::new(),
            touched: false,
        }
    }

    pub(crate) fn state(&self, frame: &Frame) -> &'a State {
        self.program.state(frame.region, frame.state)
    }

    fn enter(&mut self, mut frame: Frame) -> Option<Frame> {
        let state = self.state(&frame);
        self.execution.transitions += 1;
        frame.before_entered = frame.last_event;
        let entered = O::RECORDS.then(|| EventKind::StateEntered {
            state_type: state.kind.name(),
            name: state.name.clone(),
            input: frame.input.clone(),
        });
        self.record(&mut frame, entered);
        frame.entered_event = frame.last_event;
        frame.entered = self.turn.now;
        frame.retries.clear();
        frame.phase = Phase::Work;
        self.watch(state, || Stage::Input(frame.input.value()));
        if O::WATCHES {
            let variables = self.visible_variables(&frame);
            self.observer.stage(state, Stage::Variables(&variables));
        }
        Some(frame)
    }

    fn work(&mut self, frame: Frame) -> Option<Frame> {
        let state = self.state(&frame);
        match &state.kind {
            StateKind::Pass { result } => {
                let done = self.evaluate(&frame, state, Focus::default(), |view, observer| {
                    dataflow::pass(view, observer, &frame, state, result.as_ref())
                });
                self.leave(frame, done, state.next)
            }
            StateKind::Choice { rules, default } => {
                let chosen = self.evaluate(&frame, state, Focus::default(), |view, observer| {
                    dataflow::choose(view, observer, &frame, state, rules, *default)
                });
                match chosen {
                    Ok((done, next)) => self.leave(frame, Ok(done), Transition::Next(next)),
                    Err(failure) => self.failed(frame, failure),
                }
            }
            StateKind::Wait(wait) => self.wait(frame, state, wait),
            StateKind::Succeed => {
                let done = self.pass_on(&frame, state);
                self.leave(frame, done, Transition::End)
            }
            StateKind::Fail { error, cause } => {
                let error = self.evaluate(&frame, state, Focus::default(), |view, observer| {
                    dataflow::error_of(view, observer, &frame, state, error.as_ref(), cause.as_ref())
                });
                let failure = error.map_or_else(|failure| failure, Failure::of);
                self.failed(frame, failure)
            }
            StateKind::Task(task) => self.schedule(frame, state, task),
            StateKind::Parallel { branches } => self.start_branches(frame, state, branches),
            StateKind::Map(map) => self.start_map(frame, state, map),
        }
    }

    fn wait(&mut self, mut frame: Frame, state: &State, wait: &Wait) -> Option<Frame> {
        // Not the time of entry: a redrive waits again (reference/api.md, 7).
        let now = self.turn.now;
        let until = self.evaluate(&frame, state, Focus::default(), |view, observer| {
            dataflow::wait_until(view, observer, &frame, state, wait, now)
        });
        match until {
            Err(failure) => self.failed(frame, failure),
            Ok(until) if until <= now => {
                let done = self.pass_on(&frame, state);
                self.leave(frame, done, state.next)
            }
            Ok(until) => {
                frame.phase = Phase::Waiting { until };
                self.execution.put_frame(frame);
                None
            }
        }
    }

    /// What a state leaves with that has no result of its own: Wait and Succeed.
    fn pass_on(&mut self, frame: &Frame, state: &State) -> Result<Done, Failure> {
        self.evaluate(frame, state, Focus::default(), |view, observer| dataflow::pass_on(view, observer, frame, state))
    }

    /// Leaves a state with the result of its work.
    pub(crate) fn complete(&mut self, frame: Frame, result: Value) -> Option<Frame> {
        let state = self.state(&frame);
        let done = self.evaluate(&frame, state, Focus::default(), |view, observer| {
            dataflow::with_result(view, observer, &frame, state, &result)
        });
        self.leave(frame, done, state.next)
    }

    /// Leaves a state, or fails it when what it leaves with could not be made.
    pub(crate) fn leave(&mut self, mut frame: Frame, done: Result<Done, Failure>, next: Transition) -> Option<Frame> {
        match done.and_then(|done| self.prepare_exit(&mut frame, done)) {
            Ok(exit) => self.exit(frame, exit, next),
            Err(failure) => self.failed(frame, failure),
        }
    }

    /// Makes the output and assigns the variables; changes nothing when one of them is too large.
    pub(crate) fn prepare_exit(&mut self, frame: &mut Frame, done: Done) -> Result<Exit, Failure> {
        let assigned = done.assigned.filter(|assigned| !assigned.is_empty());
        if let Some(assigned) = &assigned {
            self.check_variables(frame, assigned)?;
        }
        let output = self.payload_or_input(done.output, frame)?;
        for (name, value) in assigned.iter().flatten() {
            let before = frame.variables.get(name).map_or(0, Value::json_len);
            frame.variables_bytes += value.json_len();
            frame.variables_bytes -= before;
            frame.variables.insert(name.clone(), value.clone());
        }
        Ok(Exit { output, assigned })
    }

    fn check_variables(&self, frame: &Frame, assigned: &Object) -> Result<(), Failure> {
        let added = variables_bytes(assigned);
        let replaced = assigned.keys().filter_map(|name| frame.variables.get(name)).map(Value::json_len).sum::<usize>();
        let all = self.execution.variables_bytes + frame.variables_bytes - replaced + added;
        match added > ASSIGN_BYTES_MAX || all > VARIABLES_BYTES_MAX {
            true => Err(Failure::data_limit(&self.state(frame).name)),
            false => Ok(()),
        }
    }

    /// Leaves a state for the next one, or for the end of its region.
    pub(crate) fn exit(&mut self, mut frame: Frame, exit: Exit, next: Transition) -> Option<Frame> {
        let state = self.state(&frame);
        let Exit { output, assigned } = exit;
        self.watch(state, || Stage::Output(output.value()));
        let exited = O::RECORDS.then(|| EventKind::StateExited {
            state_type: state.kind.name(),
            name: state.name.clone(),
            output: output.clone(),
            assigned,
        });
        self.record(&mut frame, exited);
        match next {
            Transition::Next(next) if self.execution.alone => {
                self.execution.next_state = Some(next);
                self.region_done(frame, output)
            }
            Transition::Next(next) => {
                frame.state = next;
                frame.input = output;
                frame.phase = Phase::Enter;
                Some(frame)
            }
            Transition::End => self.region_done(frame, output),
        }
    }

    /// A frame has run to the end of its region.
    fn region_done(&mut self, frame: Frame, output: Payload) -> Option<Frame> {
        if let Some(parent) = frame.parent {
            let parent = self.execution.take_frame(parent).expect("a frame ends before its parent");
            return self.child_done(parent, frame, output);
        }
        self.append(frame.last_event, EventKind::ExecutionSucceeded { output: output.clone() });
        self.execution.output = Some(output);
        self.end(ExecutionStatus::Succeeded);
        self.execution.clear_frames();
        None
    }

    /// Ends the execution with an error that nothing handled.
    pub(crate) fn fail_execution(&mut self, previous: u32, error: ErrorCause) {
        self.append(previous, EventKind::ExecutionFailed(error.clone()));
        self.execution.error = error;
        self.end(ExecutionStatus::Failed);
    }

    fn stop(&mut self, error: ErrorCause) {
        let error = error.clipped();
        self.append(0, EventKind::ExecutionAborted(error.clone()));
        self.execution.error = error;
        self.end(ExecutionStatus::Aborted);
    }

    /// Closes the execution; what is still open outside is cancelled, frames stay for a redrive.
    fn end(&mut self, status: ExecutionStatus) {
        self.execution.status = status;
        self.execution.stopped = Some(self.turn.now);
        self.execution.stop_waiting();
        let effects = &mut self.out.effects;
        self.execution.change_frames(|frame| {
            effects.extend(cancelled(frame));
            frame.abort();
        });
    }

    fn timer_fired(&mut self) {
        let now = self.turn.now;
        if self.execution.deadline.is_some_and(|deadline| deadline <= now) {
            let error = ErrorCause::without_cause("States.Timeout");
            self.append(0, EventKind::ExecutionTimedOut(error.clone()));
            self.execution.error = error;
            return self.end(ExecutionStatus::TimedOut);
        }
        let mut woken = false;
        while let Some((due, id)) = self.execution.timers.first().copied() {
            if due > now || self.execution.status != ExecutionStatus::Running || self.must_pause() {
                // What is due and not woken yet stays the execution's next deadline.
                break;
            }
            woken = true;
            let frame = self.execution.take_frame(id);
            let next = frame.and_then(|frame| self.wake(frame));
            self.advance(next);
        }
        self.out.ignored = !woken;
    }

    fn wake(&mut self, mut frame: Frame) -> Option<Frame> {
        let state = self.state(&frame);
        match &frame.phase {
            Phase::Waiting { .. } => {
                let done = self.pass_on(&frame, state);
                self.leave(frame, done, state.next)
            }
            Phase::Backoff { .. } => {
                frame.phase = Phase::Work;
                Some(frame)
            }
            Phase::Task(_) => self.task_timed_out(frame),
            _ => {
                self.execution.put_frame(frame);
                None
            }
        }
    }

    fn redrive(&mut self, client_token: Option<Str>) {
        let is_standard = self.execution.identity.execution_type == ExecutionType::Standard;
        if !is_standard || self.execution.redrive_refusal(self.turn.now).is_some() {
            self.out.ignored = true;
            return;
        }
        // The machine's time-out starts anew; the longest time of its type does not (reference/api.md, 7).
        let limit = self.time_limit(self.execution.open_ms());
        let execution = &mut *self.execution;
        execution.deadline = Some(limit);
        execution.redrive_count += 1;
        execution.redriven = Some(self.turn.now);
        if let Some(client_token) = client_token {
            if execution.redrive_tokens.len() >= REDRIVE_TOKENS_MAX {
                execution.redrive_tokens.remove(0);
            }
            execution.redrive_tokens.push((client_token, self.turn.now));
        }
        execution.status = ExecutionStatus::Running;
        execution.stopped = None;
        execution.error = ErrorCause::default();
        let redrive_count = execution.redrive_count;
        let previous = execution.last_event;
        let redriven = self.append(previous, EventKind::ExecutionRedriven { redrive_count });
        let mut again = Vec::new();
        self.execution.change_frames(|frame| {
            frame.retries.clear();
            if matches!(frame.phase, Phase::Failed | Phase::Aborted) {
                frame.last_event = redriven;
                // A state that was not entered yet when everything ended is entered now.
                frame.phase = if frame.entered_event == 0 { Phase::Enter } else { Phase::Work };
                again.push(frame.id);
            } else if matches!(frame.phase, Phase::Fork(_)) {
                // Some iterations of a Map may not have been started yet.
                again.push(frame.id);
            }
        });
        self.execution.ready.extend(again);
    }

    fn map_run_ended(&mut self, map_run_arn: &Str, end: MapRunEnd) {
        let waiting = self
            .execution
            .frames
            .values()
            .find(|frame| matches!(&frame.phase, Phase::MapRun { arn, .. } if arn == map_run_arn));
        let id = waiting.map(|frame| frame.id);
        let frame = id.and_then(|id| self.execution.take_frame(id));
        self.resume(frame, |step, frame| step.map_run_done(frame, end));
    }

    /// What nobody here can do ends the execution, so that no catcher mistakes it for an error of the workflow.
    pub(crate) fn cannot_run(&mut self, mut frame: Frame, cause: Str) -> Option<Frame> {
        let state = self.state(&frame);
        let failure = Failure::runtime_at(&frame, state, cause.as_str());
        self.out.cannot_run = Some(cause);
        frame.phase = Phase::Work;
        self.end_everything(frame, failure)
    }

    /// Takes a frame's children and theirs out of the execution, cancelling what they wait for.
    pub(crate) fn drop_children(&mut self, parent: &Frame) {
        if !matches!(self.state(parent).kind, StateKind::Parallel { .. } | StateKind::Map(_)) {
            return;
        }
        let children = self.execution.children_from(parent.id);
        let mut parents = vec![parent.id];
        while let Some(parent) = parents.pop() {
            for id in children.get(&parent).into_iter().flatten() {
                if let Some(frame) = self.execution.take_frame(*id) {
                    self.out.effects.extend(cancelled(&frame));
                }
                parents.push(*id);
            }
        }
        let Execution { ready, frames, .. } = &mut *self.execution;
        ready.retain(|id| frames.contains_key(id));
    }

    /// Records an event of a frame's chain: it points to the last one and becomes the last one.
    ///
    /// Those of each state are not even made where nobody wants them.
    pub(crate) fn record(&mut self, frame: &mut Frame, kind: impl Into<Option<EventKind>>) -> u32 {
        let id = self.append(frame.last_event, kind);
        frame.last_event = id;
        id
    }

    /// Records an event that points to `previous`. Whether later events point to it is the caller's to say.
    pub(crate) fn append(&mut self, previous: u32, kind: impl Into<Option<EventKind>>) -> u32 {
        let kind = kind.into();
        let limited = self.execution.identity.execution_type == ExecutionType::Standard;
        let is_end = kind.as_ref().is_some_and(EventKind::is_end);
        if limited && self.execution.last_event >= HISTORY_EVENTS_MAX - 1 && !is_end {
            self.full = true;
            return self.execution.last_event;
        }
        self.execution.last_event += 1;
        let id = self.execution.last_event;
        if O::RECORDS
            && let Some(kind) = kind
        {
            self.out.events.push(Event { id, previous, timestamp: self.turn.now, kind });
        }
        id
    }

    pub(crate) fn record_task(&mut self, frame: &mut Frame, task: &Task, event: TaskEvent) {
        let kind = EventKind::Task { worker: task::worker(task), event };
        self.record(frame, kind);
    }

    /// A new payload; fails when it is larger than AWS allows.
    pub(crate) fn payload(&mut self, value: Value, producer: &str) -> Result<Payload, Failure> {
        let payload = Payload::new(PayloadId(self.execution.next_payload), value);
        self.new_bytes += payload.bytes();
        if payload.bytes() > PAYLOAD_BYTES_MAX {
            return Err(Failure::data_limit(producer));
        }
        self.execution.next_payload += 1;
        self.out.payloads.push(payload.clone());
        Ok(payload)
    }

    /// A payload for `value`: the state's input again, if that is what it is.
    pub(crate) fn payload_or_input(&mut self, value: Value, frame: &Frame) -> Result<Payload, Failure> {
        if frame.input.value().is_same(&value) {
            return Ok(frame.input.clone());
        }
        let state = self.state(frame);
        self.payload(value, &state.name)
    }

    /// Evaluates something of a state in its frame.
    pub(crate) fn evaluate<T>(
        &mut self,
        frame: &Frame,
        state: &State,
        focus: Focus<'_>,
        work: impl FnOnce(&View<'_>, &mut O) -> Result<T, EvaluationError>,
    ) -> Result<T, Failure> {
        self.execution.evaluations = self.execution.evaluations.wrapping_add(1);
        let view = View::new(self.execution, frame, state, self.turn, focus);
        let result = work(&view, self.observer);
        self.fuel += view.fuel();
        result.map_err(|error| Failure::evaluation(frame, state, error))
    }

    pub(crate) fn watch<'v>(&mut self, state: &State, stage: impl FnOnce() -> Stage<'v>) {
        if O::WATCHES {
            self.observer.stage(state, stage());
        }
    }

    pub(crate) fn visible_variables(&self, frame: &Frame) -> Object {
        let mut scopes = vec![frame.variables.clone()];
        let mut above = frame.parent;
        while let Some(outer) = above.and_then(|id| self.execution.frames.get(&id)) {
            scopes.push(outer.variables.clone());
            above = outer.parent;
        }
        scopes.iter().rev().flat_map(|scope| scope.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
    }
}

/// The effect that ends what a frame waits for outside.
pub(crate) fn cancelled(frame: &Frame) -> Option<Effect> {
    match &frame.phase {
        Phase::Task(task) => Some(Effect::Cancel { attempt: task.attempt }),
        Phase::MapRun { arn, .. } => Some(Effect::StopMapRun { map_run_arn: arn.clone() }),
        _ => None,
    }
}
