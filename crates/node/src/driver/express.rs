//! Express executions: the same steps on whichever task runs them, in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stepwell_engine::{
    Effect, Execution, MapRunEnd, MapRunId, Signal, Start, StepStatus, TaskRequest, Timestamp, Turn, Unrecorded,
    in_doubt, step, step_observed,
};
use stepwell_value::Str;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Driver;
use crate::api::{AnswerTo, Ended, TaskCall};
use crate::core::{ExpressRun, Input};

/// Express executions are billed for their duration in steps of so many milliseconds (reference/express-vs-standard.md).
const BILLED_MS: u64 = 100;

/// The smallest step of memory that is billed. What an execution uses beyond it is not known to differ from AWS's.
const BILLED_MB: u32 = 64;

/// An Express execution that has ended.
pub(super) struct Finished {
    execution: Execution,
    cannot_run: Option<Str>,
}

impl Driver {
    /// Runs one that nobody waits for, or a child of a Map Run, and tells the core how it ended.
    pub(super) fn run_express(self: &Arc<Self>, run: ExpressRun) {
        let driver = self.clone();
        self.runtime.spawn(async move {
            let id = run.start.identity.id;
            let child_of = run.child_of.clone();
            let mut finished = driver.express(run).await;
            let (shard, input) = match child_of {
                None => (id.shard(), Input::ExpressEnded(id)),
                Some(child_of) => {
                    let shard = MapRunId::of_arn(&child_of.map_run_arn).shard();
                    (shard, Input::child_ended(&child_of, &mut finished.execution, finished.cannot_run))
                }
            };
            driver.submit(shard, input);
        });
    }

    /// Runs one to its end on the calling task.
    pub(super) async fn express(self: &Arc<Self>, run: ExpressRun) -> Finished {
        let ExpressRun { start, definition, child_of, started } = run;
        let _running = Running::count(match child_of {
            None => &self.running_express,
            Some(_) => &self.running_children,
        });
        let Start { identity, .. } = &start;
        let identity = identity.clone();
        let mut execution = match child_of {
            Some(child_of) => Execution::of_map_run(start, child_of, started),
            None => Execution::new(start, started),
        };
        let mut answers = Answers::default();
        let mut signal = Signal::Start;
        loop {
            let turn = Turn { now: self.now(), host: self.host.as_ref() };
            let program = &definition.program;
            let outcome = match (&self.logs, &definition.logging) {
                (Some(logs), Some(logging)) => {
                    let outcome = step(program, &mut execution, signal, turn);
                    logs.write(logging, &identity.arn, 0, &outcome.events);
                    outcome
                }
                _ => step_observed(program, &mut execution, signal, turn, &mut Unrecorded),
            };
            for effect in outcome.effects {
                match effect {
                    Effect::Task(request) => {
                        let answer = answers.of(&request);
                        self.tasks.call(TaskCall { identity: identity.clone(), request }, answer);
                    }
                    Effect::Cancel { attempt } => self.tasks.cancel(identity.id, attempt),
                    // Validation refuses a distributed Map in an Express workflow.
                    Effect::StartMapRun(start) => answers.send(Signal::MapRunEnded {
                        map_run_arn: start.map_run_arn.clone(),
                        end: MapRunEnd::CannotRun(Str::new_static(
                            "An Express workflow has no distributed Map states.",
                        )),
                    }),
                    Effect::StopMapRun { .. } => {}
                }
            }
            signal = match outcome.status {
                StepStatus::Ended => return Finished { execution, cannot_run: outcome.cannot_run },
                StepStatus::More => {
                    tokio::task::yield_now().await;
                    Signal::Continue
                }
                StepStatus::Waiting => self.next_signal(execution.next_deadline(), &mut answers).await,
            };
        }
    }

    async fn next_signal(&self, deadline: Option<Timestamp>, answers: &mut Answers) -> Signal {
        let (_, receive) = answers.channel();
        let Some(deadline) = deadline else {
            return receive.recv().await.unwrap_or(Signal::TimerFired);
        };
        let wait = Duration::from_millis(u64::try_from(deadline.0 - self.now().0).unwrap_or(0));
        match tokio::time::timeout(wait, receive.recv()).await {
            Ok(Some(signal)) => signal,
            // The channel does not close, for we hold a sender of it.
            Ok(None) | Err(_) => Signal::TimerFired,
        }
    }
}

/// Answers of tasks. The channel needs no bound of its own: each open attempt answers once.
#[derive(Default)]
struct Answers(Option<(UnboundedSender<Signal>, UnboundedReceiver<Signal>)>);

impl Answers {
    fn channel(&mut self) -> &mut (UnboundedSender<Signal>, UnboundedReceiver<Signal>) {
        self.0.get_or_insert_with(unbounded_channel)
    }

    fn of(&mut self, request: &TaskRequest) -> AnswerTo {
        let send = self.channel().0.clone();
        AnswerTo::new(unanswered(request), move |signal| {
            // An execution that has ended does not listen any longer.
            let _ = send.send(signal);
        })
    }

    fn send(&mut self, signal: Signal) {
        let _ = self.channel().0.send(signal);
    }
}

/// Counts one that runs, as long as it lives: whoever waits for a synchronous one may go away in the middle.
struct Running<'a>(&'a AtomicUsize);

impl Running<'_> {
    fn count(running: &AtomicUsize) -> Running<'_> {
        running.fetch_add(1, Ordering::SeqCst);
        Running(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What becomes of a task when whoever was to do it went away without an answer.
pub(super) fn unanswered(request: &TaskRequest) -> Signal {
    Signal::TaskFailed {
        attempt: request.attempt,
        error: in_doubt(&request.resource),
        stage: stepwell_engine::FailureStage::Run,
    }
}

impl Finished {
    /// As StartSyncExecution answers.
    pub(super) fn ended(self) -> Ended {
        let Finished { execution, .. } = self;
        let started = execution.started();
        let stopped = execution.stopped().unwrap_or(started);
        let duration_ms = u64::try_from(stopped.0 - started.0).unwrap_or(0);
        Ended {
            status: execution.status(),
            started,
            stopped,
            output: execution.output().cloned(),
            error: execution.error().clone(),
            billed_duration_ms: duration_ms.div_ceil(BILLED_MS).max(1) * BILLED_MS,
            billed_memory_mb: BILLED_MB,
        }
    }
}
