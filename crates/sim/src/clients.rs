//! Clients of a world: they start, stop and redrive executions, work at activities and return task tokens.
//!
//! A client asks some node; question and answer may be lost, late or doubled. Whoever gets no answer asks again, a start
//! with the name that it had.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_engine::{ErrorCause, ExecutionId, Identity, Start};
use stepwell_node::core::{Input, NewStart, Reply};
use stepwell_node::{Claim, Refusal, TokenAnswer};
use stepwell_store::Create;
use stepwell_value::{Str, Value};

use crate::chance::Chance;
use crate::fault::Fault;
use crate::node::{Polling, core_of};
use crate::world::{Checked, Happening, Ticket, World};

/// How long a client waits for an answer.
const PATIENCE_MS: i64 = 4_000;

/// How long a worker waits for a task.
const POLL_MS: i64 = 5_000;

/// Workers of activities.
const WORKERS: usize = 4;

/// How often the answer of a task is sent before whoever has it gives up.
const TRIES_MAX: u32 = 8;

const ACTIVITIES: [&str; 3] = [
    "arn:aws:states:eu-west-1:123456789012:activity:pick",
    "arn:aws:states:eu-west-1:123456789012:activity:pack",
    "arn:aws:states:us-east-1:123456789012:activity:pick",
];

/// Clients, and what they wait for.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) jobs: Vec<JobOfClient>,
    asked: BTreeMap<Ticket, Asked>,
    /// Starts, stops and redrives that are not done with.
    pub(crate) pending: usize,
}

/// An execution that a client wants.
pub(crate) struct JobOfClient {
    pub(crate) name: Str,
    pub(crate) scenario: usize,
    /// It was acknowledged: this is it.
    pub(crate) acknowledged: Option<ExecutionId>,
    /// It is stopped so long after its start.
    stop_after: Option<i64>,
    pub(crate) redrives: u32,
    pub(crate) was_meddled_with: bool,
}

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) what: What,
    pub(crate) tries: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A job is to be started.
    Start(usize),
    /// An execution is to be stopped.
    Stop(ExecutionId),
    /// An execution is to be redriven.
    Redrive(ExecutionId, Option<Str>),
    /// A task is answered.
    Answer(Claim, TokenAnswer),
    /// A worker wants a task of this activity.
    Poll(usize, Str),
}

struct Asked {
    ask: Ask,
    is_open: bool,
    has_gone: Option<Rc<Cell<bool>>>,
}

impl Ask {
    pub(crate) fn new(what: What) -> Ask {
        Ask { what, tries: 0 }
    }
}

impl Clients {
    pub(crate) fn executions(&self) -> u64 {
        self.jobs.len() as u64
    }

    /// What a ticket was given for.
    pub(crate) fn of(&self, ticket: Ticket) -> Option<&What> {
        self.asked.get(&ticket).map(|asked| &asked.ask.what)
    }
}

impl World {
    pub(crate) fn plan_clients(&mut self) {
        for number in 0..20 + self.chance.below(8) {
            let scenario = self.scenarios.pick(self.chance.draw());
            let is_standard = self.scenarios.of(scenario).execution_type == ExecutionType::Standard;
            let job = JobOfClient {
                name: Str::from(format!("job-{number}")),
                scenario,
                acknowledged: None,
                stop_after: (is_standard && self.chance.is(120)).then(|| self.chance.between(10, 20_000)),
                redrives: if is_standard && self.chance.is(400) { 1 } else { 0 },
                was_meddled_with: false,
            };
            self.clients.jobs.push(job);
            self.clients.pending += 1;
            let delay = self.chance.between(300, 30_000);
            self.plan(delay, Happening::Ask(Ask::new(What::Start(number))));
        }
        for worker in 0..WORKERS {
            self.poll_later(worker);
        }
    }

    fn poll_later(&mut self, worker: usize) {
        let activity = *self.chance.pick(&ACTIVITIES);
        let delay = self.chance.between(100, 2_000);
        self.plan(delay, Happening::Ask(Ask::new(What::Poll(worker, Str::new_static(activity)))));
    }

    // --- Asking ---------------------------------------------------------------------------------------------------

    pub(crate) fn ask(&mut self, ask: Ask) {
        let up: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up).collect();
        if up.is_empty() {
            return self.plan(500, Happening::Ask(ask));
        }
        let owner = match &ask.what {
            What::Stop(id) | What::Redrive(id, _) => Some(*id),
            What::Answer(claim, _) => Some(claim.execution),
            What::Start(_) | What::Poll(..) => None,
        };
        // Any node finds out who has a shard; now and then it is mistaken.
        let owner = owner.filter(|_| !self.chance.is(50));
        let owner = owner.and_then(|id| up.iter().copied().find(|node| self.nodes[*node].has(id.shard())));
        let node = owner.unwrap_or_else(|| *self.chance.pick(&up));
        let patience = if matches!(ask.what, What::Poll(..)) { POLL_MS } else { PATIENCE_MS };
        let ticket = self.next_ticket();
        self.clients.asked.insert(ticket, Asked { ask, is_open: true, has_gone: None });
        self.plan(patience, Happening::GaveUp(ticket));
        self.send(|| Happening::Arrive(node, ticket));
    }

    /// Sends a message: it may be lost, late or doubled.
    fn send(&mut self, message: impl Fn() -> Happening) {
        let times = match () {
            () if self.strikes(Fault::MessageLost) => 0,
            () if self.strikes(Fault::MessageTwice) => 2,
            () => 1,
        };
        for _ in 0..times {
            let late = if self.strikes(Fault::MessageLate) { self.chance.between(200, 8_000) } else { 0 };
            let delay = self.chance.between(0, 5) + late;
            self.plan(delay, message());
        }
    }

    /// A question arrives at a node.
    pub(crate) fn arrive(&mut self, node: usize, ticket: Ticket) -> Checked {
        let paused_until = self.nodes[node].paused_until;
        if self.now < paused_until {
            self.plan(paused_until - self.now, Happening::Arrive(node, ticket));
            return Ok(());
        }
        let Some(asked) = self.clients.asked.get(&ticket).filter(|_| self.nodes[node].is_up) else { return Ok(()) };
        let what = asked.ask.what.clone();
        match what {
            What::Start(job) => self.start(node, ticket, job),
            What::Stop(id) => {
                let error = ErrorCause::new("Stopped", "by a client");
                let reply = self.reply_for(ticket);
                self.hand(node, core_of(id.shard()), Input::Stop(id, error, reply));
            }
            What::Redrive(id, token) => {
                let reply = self.reply_for(ticket);
                self.hand(node, core_of(id.shard()), Input::Redrive(id, token, reply));
            }
            What::Answer(Claim { execution, attempt, .. }, answer) => {
                let reply = self.reply_for(ticket);
                self.hand(node, core_of(execution.shard()), Input::Answer(execution, attempt, answer, reply));
            }
            What::Poll(_, activity) => {
                let has_gone = Rc::new(Cell::new(!asked.is_open));
                let asked = self.clients.asked.get_mut(&ticket).expect("it was found");
                asked.has_gone = Some(has_gone.clone());
                let polling = Polling { ticket, has_gone };
                let matched = self.nodes[node].activities.poll(&activity, polling);
                let matched = matched.map_err(|refusal| format!("four workers are too many: {refusal}"))?;
                self.hand_over(node, activity, matched);
            }
        }
        Ok(())
    }

    /// A node starts an execution in one of its own shards.
    fn start(&mut self, node: usize, ticket: Ticket, job: usize) {
        let id = (0..64).map(|_| ExecutionId(u128::from(self.chance.draw()) << 64 | u128::from(self.chance.draw())));
        let ids: Vec<ExecutionId> = id.collect();
        let Some(id) = ids.into_iter().find(|id| self.nodes[node].has(id.shard())) else {
            return self.answered(ticket, Err(Refusal::Away));
        };
        let JobOfClient { name, scenario, .. } = &self.clients.jobs[job];
        let scenario = self.scenarios.of(*scenario);
        let identity = Identity {
            id,
            arn: Str::from(format!("arn:aws:states:eu-west-1:123456789012:execution:m:{name}")),
            name: name.clone(),
            state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:m".into(),
            state_machine_name: "m".into(),
            role_arn: Some("arn:aws:iam::123456789012:role/role".into()),
            version_arn: None,
            alias_arn: None,
            execution_type: scenario.execution_type,
            shows_redrive_count: true,
            region: "eu-west-1".into(),
            seed: job as u64,
            root: TOP,
            trace_header: None,
        };
        let create = Create {
            machine: scenario.definition.machine,
            definition: scenario.definition.row,
            name: Str::from(format!(":{name}")),
            version: None,
            alias: None,
            map_run: None,
            execution: None,
        };
        let input = stepwell_value::parse(scenario.input).expect("the inputs of scenarios are JSON");
        let start = Start { identity: Arc::new(identity), input, input_text: None };
        let new = NewStart { start, create, definition: scenario.definition.clone() };
        let reply = self.reply_for(ticket);
        self.hand(node, core_of(id.shard()), Input::Start(Box::new(new), reply));
    }

    // --- Answers --------------------------------------------------------------------------------------------------

    /// Brings what nodes have answered on its way; whether there was any.
    pub(crate) fn answer_replies(&mut self) -> Checked<bool> {
        let replies = std::mem::take(&mut *self.replies.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let is_any = !replies.is_empty();
        for (ticket, answer) in replies {
            self.audit_reply(ticket, &answer)?;
            let handing =
                (0..self.nodes.len()).find_map(|node| Some((node, self.nodes[node].handing.remove(&ticket)?)));
            match handing {
                Some((node, handing)) => self.handed_over(node, handing, answer),
                None => self.answered(ticket, answer),
            }
        }
        Ok(is_any)
    }

    /// An answer leaves a node.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: Result<Reply, Refusal>) {
        self.send(|| Happening::Answered(ticket, answer.clone()));
    }

    /// An answer arrives at a client.
    pub(crate) fn hear(&mut self, ticket: Ticket, answer: Result<Reply, Refusal>) -> Checked {
        let Some(asked) = self.clients.asked.get_mut(&ticket).filter(|asked| asked.is_open) else { return Ok(()) };
        asked.is_open = false;
        if let Some(has_gone) = &asked.has_gone {
            has_gone.set(true);
        }
        let ask = asked.ask.clone();
        match (&ask.what, answer) {
            (What::Poll(worker, _), answer) => {
                if let Ok(Reply::Taken(task)) = answer {
                    let claim = self.host.tokens.open(&task.token).ok_or("a token that no node has made")?;
                    self.work_at(claim, None);
                }
                self.poll_later(*worker);
            }
            (_, Err(Refusal::Away | Refusal::Throttled)) => self.again(ask),
            (What::Start(job), Ok(Reply::Started(started))) => self.acknowledged(*job, started.id),
            (What::Start(job), Err(Refusal::NameTaken { holder })) => self.acknowledged(*job, holder),
            (What::Stop(_), Ok(Reply::Stopped(_)))
            | (What::Redrive(..), Ok(Reply::Redriven(_)) | Err(Refusal::NotRedrivable(_))) => {
                self.clients.pending -= 1;
            }
            (What::Answer(..), Ok(Reply::Answered) | Err(Refusal::TaskTimedOut)) => {}
            (what, answer) => return Err(format!("{what:?} was answered by {answer:?}")),
        }
        Ok(())
    }

    /// A client waits no longer.
    pub(crate) fn give_up(&mut self, ticket: Ticket) {
        let Some(asked) = self.clients.asked.get_mut(&ticket).filter(|asked| asked.is_open) else { return };
        asked.is_open = false;
        if let Some(has_gone) = &asked.has_gone {
            has_gone.set(true);
        }
        let ask = asked.ask.clone();
        match ask.what {
            What::Poll(worker, _) => self.poll_later(worker),
            _ => self.again(ask),
        }
    }

    fn again(&mut self, ask: Ask) {
        let Ask { what, tries } = ask;
        if matches!(what, What::Answer(..)) && tries >= TRIES_MAX {
            return;
        }
        let delay = self.chance.between(100, 1_500);
        self.plan(delay, Happening::Ask(Ask { what, tries: tries + 1 }));
    }

    fn acknowledged(&mut self, job: usize, id: ExecutionId) {
        let of_client = &mut self.clients.jobs[job];
        of_client.acknowledged = Some(id);
        self.clients.pending -= 1;
        if let Some(after) = self.clients.jobs[job].stop_after {
            self.clients.jobs[job].was_meddled_with = true;
            self.clients.pending += 1;
            self.plan(after, Happening::Ask(Ask::new(What::Stop(id))));
        }
        let name = self.clients.jobs[job].name.clone();
        self.tell(|| format!("{name} is acknowledged"));
        self.redrive_if_failed(id);
    }

    /// A client redrives what has failed, if it wants to.
    pub(crate) fn redrive_if_failed(&mut self, id: ExecutionId) {
        if !self.audit.borrow().has_failed(id) {
            return;
        }
        let Some(job) = self.clients.jobs.iter().position(|job| job.acknowledged == Some(id) && job.redrives > 0)
        else {
            return;
        };
        let of_client = &mut self.clients.jobs[job];
        of_client.redrives -= 1;
        of_client.was_meddled_with = true;
        self.clients.pending += 1;
        let token = self.chance.is(500).then(|| Str::from(format!("token-{job}")));
        let delay = self.chance.between(500, 5_000);
        self.plan(delay, Happening::Ask(Ask::new(What::Redrive(id, token))));
    }

    // --- Workers --------------------------------------------------------------------------------------------------

    /// Whoever has a task token does what chance will have: answers, after some heartbeats, in time or late, twice or
    /// never.
    pub(crate) fn work_at(&mut self, claim: Claim, heartbeat_s: Option<u32>) {
        let mut after = self.chance.between(50, 12_000);
        let beats_every = heartbeat_s.map_or(4_000, |seconds| i64::from(seconds) * 400);
        let is_late = self.strikes(Fault::TaskLate);
        if is_late {
            after += self.chance.between(30_000, 80_000);
        }
        let beats_until = match self.strikes(Fault::HeartbeatMissed) {
            true => self.chance.between(0, after),
            false => after,
        };
        let mut beat = beats_every;
        while beat < beats_until {
            self.plan(beat, Happening::Ask(Ask::new(What::Answer(claim, TokenAnswer::Heartbeat))));
            beat += beats_every;
        }
        if self.strikes(Fault::TaskSilent) {
            return;
        }
        let answer = match self.strikes(Fault::TaskFailed) {
            true => TokenAnswer::Failure(ErrorCause::new(failure(&mut self.chance), "by a worker")),
            false => TokenAnswer::Success(Value::from("worked")),
        };
        self.plan(after, Happening::Ask(Ask::new(What::Answer(claim, answer.clone()))));
        if self.strikes(Fault::TaskTwice) {
            let again = after + self.chance.between(0, 3_000);
            self.plan(again, Happening::Ask(Ask::new(What::Answer(claim, answer))));
        }
    }
}

/// The name of an error.
pub(crate) fn failure(chance: &mut Chance) -> &'static str {
    const NAMES: [&str; 3] = ["Busy", "Lambda.TooManyRequestsException", "Broken"];
    NAMES[chance.below(NAMES.len())]
}
