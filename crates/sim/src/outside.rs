//! What is outside: it does tasks, counts the calls of each attempt, and runs Express executions as the driver does.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_aws::Pattern;
use stepwell_engine::local::{Responder, What};
use stepwell_engine::{
    AttemptId, ChildOf, Effect, ErrorCause, Execution, ExecutionId, FailureStage, MapRunId, Signal, StepStatus,
    TaskRequest, Turn, Unrecorded, step_observed,
};
use stepwell_node::core::{ExpressRun, Input};
use stepwell_node::{Definition, TaskCall, TokenAnswer};
use stepwell_value::Value;

use crate::clients::{Ask, What as Wish, failure};
use crate::fault::Fault;
use crate::node::{Life, core_of};
use crate::run::Script;
use crate::scenario::{Manner, steady_result};
use crate::world::{Checked, Happening, World};

/// What is outside.
#[derive(Default)]
pub(crate) struct Outside {
    /// How often each attempt was called.
    pub(crate) calls: BTreeMap<(ExecutionId, AttemptId), u32>,
    scripts: BTreeMap<ExecutionId, Script>,
    express: u64,
}

/// An Express execution that runs on a node.
pub(crate) struct Express {
    pub(crate) at: Life,
    execution: Execution,
    definition: Arc<Definition>,
    child_of: Option<ChildOf>,
}

impl World {
    /// A node has a task done.
    pub(crate) fn call(&mut self, at: Life, call: TaskCall) -> Checked {
        let TaskCall { identity, request } = call;
        let id = identity.id;
        let attempt = request.attempt;
        self.tell(|| format!("node {} calls {} for {}, attempt {}", at.node, request.state, identity.name, attempt.0));
        let calls = self.outside.calls.entry((id, attempt)).or_default();
        *calls += 1;
        if *calls > 1 {
            return Err(format!("attempt {} of {} was called {calls} times", attempt.0, identity.name));
        }
        let scenario = self.audit.borrow().scenario_of(id);
        for (after, signal) in self.behave(id, scenario, &request) {
            let input = Box::new(Input::TaskAnswered(id, attempt, signal));
            self.plan(after, Happening::Hand(at, core_of(id.shard()), input));
        }
        Ok(())
    }

    /// What comes of a call, and when: as the scenario has it.
    fn behave(&mut self, id: ExecutionId, scenario: Option<usize>, request: &TaskRequest) -> Vec<(i64, Signal)> {
        let attempt = request.attempt;
        let scenarios = self.scenarios.clone();
        match scenario.map(|place| &scenarios.of(place).manner) {
            Some(Manner::Steady) => {
                let output = steady_result(request);
                vec![(self.chance.between(1, 400), Signal::TaskSucceeded { attempt, output })]
            }
            Some(Manner::Scripted(scripted)) => {
                let script = self.outside.scripts.entry(id).or_insert_with(|| Script::of(scripted));
                let identity = crate::run::identity(scripted.execution_type);
                let answers = script.task(&identity, request);
                self.scripted(request, answers)
            }
            Some(Manner::Random) | None => self.at_random(request),
        }
    }

    fn scripted(&mut self, request: &TaskRequest, answers: Vec<stepwell_engine::local::Answer>) -> Vec<(i64, Signal)> {
        let claim = request.token.as_ref().and_then(|token| self.host.tokens.open(token));
        let mut at = self.chance.between(1, 20);
        let mut signals = Vec::new();
        for answer in answers {
            at += answer.after_ms;
            // Who has a token sends it back himself.
            let by_token = match (&answer.what, claim) {
                (What::Succeeded(output), Some(claim)) => Some((claim, TokenAnswer::Success(output.clone()))),
                (What::Failed(error, _), Some(claim)) => Some((claim, TokenAnswer::Failure(error.clone()))),
                _ => None,
            };
            match by_token {
                Some((claim, answer)) => self.plan(at, Happening::Ask(Ask::new(Wish::Answer(claim, answer)))),
                None => signals.push((at, answer.what.signal(request.attempt))),
            }
        }
        signals
    }

    fn at_random(&mut self, request: &TaskRequest) -> Vec<(i64, Signal)> {
        let attempt = request.attempt;
        let after = self.chance.between(1, 3_000);
        let timeout_ms = request.timeout_s.map(|seconds| i64::from(seconds) * 1_000);
        if request.resource.pattern() == Pattern::WaitForTaskToken {
            let claim = request.token.as_ref().and_then(|token| self.host.tokens.open(token));
            if let Some(claim) = claim {
                self.work_at(claim, request.heartbeat_s);
            }
            return match self.strikes(Fault::TaskSilent) {
                true => Vec::new(),
                false => vec![(after, Signal::TaskSubmitted { attempt, output: Value::empty_object() })],
            };
        }
        let late = match timeout_ms {
            Some(_) if self.strikes(Fault::TaskSilent) => return Vec::new(),
            Some(timeout_ms) if self.strikes(Fault::TaskLate) => timeout_ms,
            _ => 0,
        };
        let signal = match self.strikes(Fault::TaskFailed) {
            true => {
                let error = ErrorCause::new(failure(&mut self.chance), "by chance");
                Signal::TaskFailed { attempt, error, stage: FailureStage::Run }
            }
            false => Signal::TaskSucceeded { attempt, output: steady_result(request) },
        };
        let mut signals = vec![(after + late, signal.clone())];
        if self.strikes(Fault::TaskTwice) {
            signals.push((after + late + self.chance.between(0, 2_000), signal));
        }
        signals
    }

    // --- Express executions ---------------------------------------------------------------------------------------

    pub(crate) fn run_express(&mut self, at: Life, run: ExpressRun) -> Checked {
        let ExpressRun { start, definition, child_of, started } = run;
        let name = start.identity.name.clone();
        self.tell(|| format!("node {} runs Express execution {name}", at.node));
        let execution = match child_of.clone() {
            Some(child_of) => Execution::of_map_run(start, child_of, started),
            None => Execution::new(start, started),
        };
        self.outside.express += 1;
        let key = self.outside.express;
        self.express.insert(key, Express { at, execution, definition, child_of });
        self.step_express(key, Signal::Start)
    }

    pub(crate) fn step_express(&mut self, key: u64, signal: Signal) -> Checked {
        let Some(mut express) = self.express.remove(&key) else { return Ok(()) };
        let Express { at, execution, definition, child_of } = &mut express;
        let at = *at;
        let paused_until = self.nodes[at.node].paused_until;
        if self.now < paused_until {
            self.plan(paused_until - self.now, Happening::Express(key, signal));
            self.express.insert(key, express);
            return Ok(());
        }
        let now = self.nodes[at.node].clock(self.now);
        let turn = Turn { now, host: self.host.as_ref() };
        let outcome = step_observed(&definition.program, execution, signal, turn, &mut Unrecorded);
        for effect in outcome.effects {
            if let Effect::Task(request) = effect {
                for (after, signal) in self.at_random(&request) {
                    self.plan(after, Happening::Express(key, signal));
                }
            }
        }
        match outcome.status {
            StepStatus::Ended => {
                let id = execution.identity().id;
                let (shard, input) = match child_of {
                    None => (id.shard(), Input::ExpressEnded(id)),
                    Some(child_of) => {
                        let shard = MapRunId::of_arn(&child_of.map_run_arn).shard();
                        (shard, Input::child_ended(child_of, execution, outcome.cannot_run))
                    }
                };
                self.hand(at.node, core_of(shard), input);
                return Ok(());
            }
            StepStatus::More => self.plan(1, Happening::Express(key, Signal::Continue)),
            StepStatus::Waiting => {
                if let Some(due) = execution.next_deadline() {
                    let due = self.nodes[at.node].true_time(due).max(self.now + 1);
                    self.plan(due - self.now, Happening::ExpressTimer(key));
                }
            }
        }
        self.express.insert(key, express);
        Ok(())
    }

    pub(crate) fn express_timer(&mut self, key: u64) -> Checked {
        let Some(express) = self.express.get(&key) else { return Ok(()) };
        let node = express.at.node;
        let Some(due) = express.execution.next_deadline() else { return Ok(()) };
        match due <= self.nodes[node].clock(self.now) {
            true => self.step_express(key, Signal::TimerFired),
            // The clock was set back.
            false => {
                let due = self.nodes[node].true_time(due).max(self.now + 1);
                self.plan(due - self.now, Happening::ExpressTimer(key));
                Ok(())
            }
        }
    }
}
