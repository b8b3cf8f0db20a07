//! Executions run in one place, on a clock that is told the time: for `stepwell run`, tests and simulations.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::Program;
use stepwell_value::{Str, Value};

use crate::event::{ErrorCause, Event};
use crate::execution::{AttemptId, Execution, ExecutionId, Identity, Start};
use crate::limits::CONTINUE_VIRTUAL_MS;
use crate::map_run::{MapRunSignal, Reader};
use crate::observer::Observer;
use crate::shard::{Letter, Request, Shard, Stepped};
use crate::signal::{FailureStage, Host, Signal, StepStatus, TaskRequest, Turn};
use crate::{ExecutionStatus, Timestamp, Writes};

/// Does what executions want from the outside: mocks, or a test's own functions.
pub trait Responder {
    /// Answers a task. Answers come in order; none: nobody ever answers, so only a time-out ends it.
    fn task(&mut self, execution: &Identity, request: &TaskRequest) -> Vec<Answer>;

    /// Gives the items that an item reader of a Map state reads, or says what is missing.
    ///
    /// # Errors
    /// When they cannot be read here.
    fn read_items(&mut self, state: &str, reader: &Reader) -> Result<Value, Missing>;

    /// Writes the results of a Map state and gives its result, or says what is missing.
    ///
    /// # Errors
    /// When they cannot be written here.
    fn write_results(&mut self, state: &str, destination: &Value, results: &Value) -> Result<Value, Missing>;
}

/// What is missing here, as a cause that says what to add.
#[derive(Clone, Debug)]
pub struct Missing(pub String);

/// One thing that happens to a task.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How long after the request, or after the answer before.
    pub after_ms: i64,
    /// What happens.
    pub what: What,
}

/// What happens to a task.
#[derive(Clone, Debug)]
pub enum What {
    /// A worker takes it (activities).
    Started(Option<Str>),
    /// The call was answered; the end of the job or the token's return is to come.
    Submitted(Value),
    /// It ends well.
    Succeeded(Value),
    /// It fails.
    Failed(ErrorCause, FailureStage),
    /// A sign of life.
    Heartbeat,
    /// It cannot be run here; the cause says what to add.
    CannotRun(Str),
}

impl What {
    /// The signal that tells the execution.
    pub fn signal(self, attempt: AttemptId) -> Signal {
        match self {
            What::Started(worker_name) => Signal::TaskStarted { attempt, worker_name },
            What::Submitted(output) => Signal::TaskSubmitted { attempt, output },
            What::Succeeded(output) => Signal::TaskSucceeded { attempt, output },
            What::Failed(error, stage) => Signal::TaskFailed { attempt, error, stage },
            What::Heartbeat => Signal::TaskHeartbeat { attempt },
            What::CannotRun(cause) => Signal::TaskCannotRun { attempt, cause },
        }
    }
}

impl Answer {
    /// It happens at once.
    pub fn now(what: What) -> Answer {
        Answer { after_ms: 0, what }
    }
}

/// What [`Local::go_on`] did.
#[derive(Debug)]
pub enum Progress {
    /// An execution took a step.
    Stepped(Stepped),
    /// Something happened between executions.
    Delivered,
    /// Nothing can happen before this time: tell it the time with [`Local::set_time`].
    WaitUntil(Timestamp),
    /// Nothing will ever happen.
    Idle,
}

/// Executions and their clock.
pub struct Local {
    shard: Shard,
    now: Timestamp,
    answers: BTreeMap<(Timestamp, u64), Letter>,
    answers_count: u64,
    cancelled: Vec<(ExecutionId, AttemptId)>,
}

/// A host whose tokens name execution and attempt: good within one process, where nobody has to be kept from forging them.
pub struct PlainHost;

impl Host for PlainHost {
    fn token(&self, execution: &Identity, attempt: AttemptId) -> Str {
        Str::from(format!("{:032x}-{}", execution.id.0, attempt.0))
    }
}

impl Local {
    /// Nothing yet, at a time.
    pub fn new(now: Timestamp) -> Local {
        Local { shard: Shard::default(), now, answers: BTreeMap::new(), answers_count: 0, cancelled: Vec::new() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Tells it the time, which never runs backwards.
    pub fn set_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Starts an execution.
    pub fn start(&mut self, program: Arc<Program>, start: Start) -> ExecutionId {
        self.shard.start(program, Execution::new(start, self.now))
    }

    /// Starts an execution that was made otherwise, such as one of a single state.
    pub fn admit(&mut self, program: Arc<Program>, execution: Execution) -> ExecutionId {
        self.shard.start(program, execution)
    }

    /// Sends a signal to an execution.
    pub fn send(&mut self, execution: ExecutionId, signal: Signal) {
        self.shard.send(Letter::Execution(execution, signal));
    }

    /// An execution.
    pub fn execution(&self, id: ExecutionId) -> Option<&Execution> {
        self.shard.execution(id)
    }

    /// What changed of an execution since the last call; see [`Execution::take_writes`].
    pub fn take_writes(&mut self, id: ExecutionId) -> Option<Writes> {
        self.shard.execution_mut(id).map(Execution::take_writes)
    }

    /// Makes the next thing happen that needs no waiting.
    pub fn go_on<R: Responder, O: Observer>(&mut self, responder: &mut R, observer: &mut O) -> Progress {
        while let Some(entry) = self.answers.first_entry()
            && entry.key().0 <= self.now
        {
            let letter = entry.remove();
            self.shard.send(letter);
        }
        let due = self.shard.next_deadline().is_some_and(|due| due <= self.now);
        if self.shard.has_mail() || due {
            let turn = Turn { now: self.now, host: &PlainHost };
            let stepped = self.shard.turn(turn, observer);
            for request in self.shard.take_requests() {
                self.carry_out(request, responder);
            }
            let Some(stepped) = stepped else { return Progress::Delivered };
            if stepped.outcome.status == StepStatus::More {
                self.now = self.now.after_ms(CONTINUE_VIRTUAL_MS);
            }
            return Progress::Stepped(stepped);
        }
        let answer = self.answers.keys().next().map(|(due, _)| *due);
        match [answer, self.shard.next_deadline()].into_iter().flatten().min() {
            Some(due) => Progress::WaitUntil(due),
            None => Progress::Idle,
        }
    }

    /// Runs an execution to its end on a virtual clock, which jumps to whatever comes next; gives its history.
    ///
    /// Ends early when nothing will ever happen to it.
    pub fn run_to_end<R: Responder>(&mut self, id: ExecutionId, responder: &mut R) -> Vec<Event> {
        let mut events = Vec::new();
        while self.execution(id).is_some_and(|execution| execution.status() == ExecutionStatus::Running) {
            match self.go_on(responder, &mut ()) {
                Progress::Stepped(stepped) if stepped.execution == id => events.extend(stepped.outcome.events),
                Progress::Stepped(_) | Progress::Delivered => {}
                Progress::WaitUntil(due) => self.set_time(due),
                Progress::Idle => break,
            }
        }
        events
    }

    fn carry_out<R: Responder>(&mut self, request: Request, responder: &mut R) {
        match request {
            Request::Task(id, request) => {
                let Some(execution) = self.shard.execution(id) else { return };
                let mut due = self.now;
                for answer in responder.task(execution.identity(), &request) {
                    due = due.after_ms(answer.after_ms);
                    self.deliver(due, Letter::Execution(id, answer.what.signal(request.attempt)));
                }
            }
            Request::Cancel(id, attempt) => self.cancelled.push((id, attempt)),
            Request::ReadItems { map_run_arn, state, reader } => {
                let signal = match responder.read_items(&state, &reader) {
                    Ok(items) => MapRunSignal::ItemsRead(items),
                    Err(Missing(cause)) => MapRunSignal::CannotRun(cause.into()),
                };
                self.deliver(self.now, Letter::MapRun(map_run_arn, signal));
            }
            Request::WriteResults { map_run_arn, state, destination, results } => {
                let signal = match responder.write_results(&state, &destination, &results) {
                    Ok(result) => MapRunSignal::ResultsWritten(result),
                    Err(Missing(cause)) => MapRunSignal::CannotRun(cause.into()),
                };
                self.deliver(self.now, Letter::MapRun(map_run_arn, signal));
            }
        }
    }

    fn deliver(&mut self, due: Timestamp, letter: Letter) {
        if due <= self.now {
            return self.shard.send(letter);
        }
        self.answers_count += 1;
        self.answers.insert((due, self.answers_count), letter);
    }

    /// Attempts that nobody waits for any longer, since the last call.
    pub fn take_cancelled(&mut self) -> Vec<(ExecutionId, AttemptId)> {
        std::mem::take(&mut self.cancelled)
    }
}
