//! One process without any chance, stopped after a commit: what follows must be what would have followed anyway.
//!
//! After the stop all is lost that was not committed, and what the last commit would have released never leaves. Calls
//! that were under way, or would have been, are then in doubt and fail. So the history is compared with that of a run
//! without a stop in which the same calls fail the same way at the same place; where none is open, that is the calm run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stepwell_asl::program::ExecutionType;
use stepwell_engine::local::{Responder, What};
use stepwell_engine::{
    AttemptId, Effect, Execution, ExecutionId, ExecutionStatus, FailureStage, Host, Identity, Resume, Signal,
    StepStatus, TaskRequest, Timestamp, Turn, in_doubt, step,
};
use stepwell_node::core::{
    CommitQueue, Core, ExpressRun, Input, Limits, NewStart, Output, Release, ReplyTo, Take, open_shard, read_due,
    read_entity, read_mail,
};
use stepwell_node::{Definition, Programs, TaskCall, TokenAnswer, Tokens, Waiting};
use stepwell_store::memory::Memory;
use stepwell_store::{Codec, Create, Entity, RowNumber, Shards, Store, StoreError};
use stepwell_value::Str;

use crate::run::{START, Scenario, Script};
use crate::scenario::{compiled, of_engine, text};
use crate::stored;

/// No scenario lasts longer.
const LASTS_MS: i64 = 24 * 60 * 60 * 1000;

/// A store that is opened again after each stop.
pub trait Disk {
    /// Opens it.
    fn open(&mut self) -> Arc<dyn Store>;
}

/// How many stops were made in how many scenarios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// Scenarios.
    pub scenarios: usize,
    /// Stops.
    pub stops: usize,
}

/// Stops after each commit in turn, in every scenario of the engine that has at most so many commits, and compares
/// histories. `disk` gives an empty store each time.
///
/// # Errors
/// The first history that is another one.
pub fn stop_after_each_commit<D: Disk>(commits_max: usize, mut disk: impl FnMut() -> D) -> Result<Stops, String> {
    let mut stops = Stops::default();
    for (name, scenario) in of_engine() {
        let definition = compiled(name, scenario.definition, ExecutionType::Standard, 0);
        let mut run = |stop| Run::new(&scenario, &definition, &mut disk(), stop).run();
        let (calm, commits) = run(None).map_err(|what| format!("{name}: {what}"))?;
        if commits > commits_max {
            continue;
        }
        stops.scenarios += 1;
        for after in 1..=commits {
            let fail = |what| format!("{name}, stopped after commit {after} of {commits}: {what}");
            let (stopped, _) = run(Some((after, Stop::Crash))).map_err(fail)?;
            let (expected, _) = run(Some((after, Stop::Doubt))).map_err(fail)?;
            stops.stops += 1;
            if stopped != expected {
                return Err(fail(format!("it went on with\n{stopped}\ninstead of\n{expected}")));
            }
            if stopped != calm && !stopped.contains("SdkClientException") {
                return Err(fail(format!("it went on with\n{stopped}\ninstead of\n{calm}")));
            }
        }
    }
    Ok(stops)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The process ends and starts again.
    Crash,
    /// It goes on, but the calls that are open then fail, and those that the commit would have released are not made.
    Doubt,
}

/// One run of a scenario.
struct Run<'a> {
    scenario: &'a Scenario,
    programs: Arc<One>,
    disk: &'a mut dyn Disk,
    stop: Option<(usize, Stop)>,
    store: Arc<dyn Store>,
    core: Core,
    queue: CommitQueue,
    inputs: VecDeque<Input>,
    now: Timestamp,
    /// What reaches the core later, and whether it comes from within the process.
    later: BTreeMap<(Timestamp, u64), (Input, bool)>,
    count: u64,
    script: Script,
    /// Calls that are not answered.
    open: BTreeMap<(ExecutionId, AttemptId), Signal>,
    /// Activities' tasks that a worker has seen to.
    seen: BTreeSet<(ExecutionId, AttemptId)>,
    commits: usize,
}

/// The one definition of a run.
struct One(Arc<Definition>);

impl Programs for One {
    fn definition(&self, _: RowNumber) -> Result<Arc<Definition>, StoreError> {
        Ok(self.0.clone())
    }

    fn has_activity(&self, _: &str) -> bool {
        true
    }
}

struct RunHost(Tokens);

impl Host for RunHost {
    fn token(&self, execution: &Identity, attempt: AttemptId) -> Str {
        self.0.of(execution, attempt)
    }
}

fn new_core() -> Core {
    Core::new(Arc::new(RunHost(Tokens::new(b"key"))), Codec::default(), Limits::default())
}

fn nobody_waits() -> ReplyTo {
    ReplyTo::new(|_| {})
}

type Ran<T> = Result<T, String>;

impl<'a> Run<'a> {
    fn new(
        scenario: &'a Scenario,
        definition: &Arc<Definition>,
        disk: &'a mut dyn Disk,
        stop: Option<(usize, Stop)>,
    ) -> Run<'a> {
        let store = disk.open();
        Run {
            scenario,
            programs: Arc::new(One(definition.clone())),
            disk,
            stop,
            store,
            core: new_core(),
            queue: CommitQueue::default(),
            inputs: VecDeque::new(),
            now: START,
            later: BTreeMap::new(),
            count: 0,
            script: Script::of(scenario),
            open: BTreeMap::new(),
            seen: BTreeSet::new(),
            commits: 0,
        }
    }

    /// Its history, and how many commits it took.
    fn run(mut self) -> Ran<(String, usize)> {
        self.open_store()?;
        let start = self.scenario.start();
        let id = start.identity.id;
        let create = Create {
            machine: RowNumber(1),
            definition: RowNumber(0),
            name: ":run".into(),
            version: None,
            alias: None,
            map_run: None,
            execution: None,
        };
        let definition = self.programs.0.clone();
        self.inputs.push_back(Input::Start(Box::new(NewStart { start, create, definition }), nobody_waits()));
        for (after_ms, signal) in self.scenario.signals.clone() {
            let input = match signal {
                Signal::Stop(error) => Input::Stop(id, error, nobody_waits()),
                Signal::Redrive { client_token } => Input::Redrive(id, client_token, nobody_waits()),
                other => return Err(format!("{other:?} comes from no client")),
            };
            self.plan(after_ms, input, false);
        }
        while self.now < START.after_ms(LASTS_MS) {
            if let Some(input) = self.inputs.pop_front() {
                self.take_in(input)?;
            } else if !self.queue.is_empty() {
                self.commit()?;
            } else if self.core.next_turn(self.now).is_some_and(|turn| turn <= self.now) {
                self.take_in(Input::Turn)?;
            } else if self.is_over(id)? {
                return Ok((text(&stored::history(self.store.as_ref(), id)?), self.commits));
            } else {
                self.wait()?;
            }
        }
        Err(format!("it does not end:\n{}", text(&stored::history(self.store.as_ref(), id)?)))
    }

    /// Until something is due.
    fn wait(&mut self) -> Ran<()> {
        let later = self.later.keys().next().map(|(at, _)| *at);
        let next = [later, self.core.next_turn(self.now)].into_iter().flatten().min().ok_or("nothing is due")?;
        self.now = self.now.max(next);
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= self.now) {
            self.inputs.push_back(entry.remove().0);
        }
        Ok(())
    }

    fn plan(&mut self, after_ms: i64, input: Input, is_within: bool) {
        self.count += 1;
        self.later.insert((self.now.after_ms(after_ms), self.count), (input, is_within));
    }

    fn open_store(&mut self) -> Ran<()> {
        let forever = Timestamp(i64::MAX);
        let store = self.store.clone();
        let leases = store.claim("one", &Shards::ALL, forever, forever).map_err(|error| error.to_string())?;
        let opened = open_shard(store.as_ref(), &Codec::default(), self.programs.as_ref(), &leases, self.now);
        let opened = opened.map_err(|error| error.to_string())?;
        self.inputs.extend(opened.into_iter().map(|shard| Input::Opened(Box::new(shard))));
        Ok(())
    }

    fn take_in(&mut self, input: Input) -> Ran<()> {
        if let Input::TaskAnswered(id, attempt, _) = &input {
            self.open.remove(&(*id, *attempt));
        }
        let mut out = Vec::new();
        self.core.handle(input, self.now, &mut out);
        let (store, codec, programs) = (self.store.clone(), Codec::default(), self.programs.clone());
        for output in out {
            match output {
                Output::Commit(commit) => self.queue.push(*commit),
                Output::Release(release) => self.release(release)?,
                Output::Load(entity, memory) => {
                    let loaded = read_entity(store.as_ref(), &codec, programs.as_ref(), entity);
                    self.inputs.push_back(Input::Loaded(entity, memory, loaded));
                }
                Output::Letter(arrived) => self.inputs.push_back(Input::Letter(arrived)),
                Output::LookForMail(_) => self.inputs.push_back(Input::LookForMail),
                Output::ReadDue(shards, before) => {
                    self.inputs.push_back(Input::Due(read_due(store.as_ref(), &shards, before)));
                }
                Output::ReadMail(shards, after) => {
                    let mail = read_mail(store.as_ref(), &codec, programs.as_ref(), &shards, after);
                    self.inputs.push_back(Input::Mail(mail));
                }
                Output::Reopen(shard, _) => return Err(format!("the memory of shard {} was lost", shard.0)),
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Ran<()> {
        let mut batch = self.queue.next_batch();
        let writes = std::mem::take(&mut batch.writes);
        let result = self.store.commit(writes);
        self.commits += 1;
        let stop = self.stop.filter(|(after, _)| *after == self.commits).map(|(_, stop)| stop);
        if stop == Some(Stop::Crash) {
            return self.crash();
        }
        let (released, settled) = self.queue.settle(batch, result);
        self.inputs.push_back(Input::Settled(settled));
        for release in released {
            match release {
                Release::Call(call) if stop.is_some() => {
                    self.open.insert((call.identity.id, call.request.attempt), doubt(&call));
                }
                release => self.release(release)?,
            }
        }
        if stop.is_some() {
            self.later.retain(|_, (input, is_within)| !(*is_within && matches!(input, Input::TaskAnswered(..))));
            let open = std::mem::take(&mut self.open);
            self.inputs.extend(open.into_iter().map(|((id, attempt), doubt)| Input::TaskAnswered(id, attempt, doubt)));
        }
        Ok(())
    }

    fn crash(&mut self) -> Ran<()> {
        self.core = new_core();
        self.queue = CommitQueue::default();
        // Requests of clients that had not been taken in are lost with the process; none was acknowledged.
        self.inputs.clear();
        self.open.clear();
        self.later.retain(|_, (_, is_within)| !*is_within);
        // The lock of a data directory goes with whoever holds it.
        self.store = Arc::new(Memory::new());
        self.store = self.disk.open();
        self.open_store()
    }

    // --- What is outside ------------------------------------------------------------------------------------------

    fn release(&mut self, release: Release) -> Ran<()> {
        match release {
            Release::Call(call) => self.call(call),
            Release::Queue { task, .. } => self.queue_task(task)?,
            Release::RunExpress(run) => self.express(*run),
            Release::Reply(reply, answer) => reply.send(answer),
            Release::Cancel(..) | Release::Log { .. } => {}
        }
        Ok(())
    }

    fn call(&mut self, call: TaskCall) {
        let (id, attempt) = (call.identity.id, call.request.attempt);
        self.open.insert((id, attempt), doubt(&call));
        let has_token = call.request.token.is_some();
        let mut after_ms = 0;
        for answer in self.script.task(&call.identity, &call.request) {
            after_ms += answer.after_ms;
            match answer.what {
                What::Succeeded(output) if has_token => {
                    self.plan(
                        after_ms,
                        Input::Answer(id, attempt, TokenAnswer::Success(output), nobody_waits()),
                        false,
                    );
                }
                What::Failed(error, _) if has_token => {
                    self.plan(after_ms, Input::Answer(id, attempt, TokenAnswer::Failure(error), nobody_waits()), false);
                }
                what => self.plan(after_ms, Input::TaskAnswered(id, attempt, what.signal(attempt)), true),
            }
        }
    }

    /// A worker takes an activity's task, and works at it, as the script says: it outlives the process.
    fn queue_task(&mut self, task: Waiting) -> Ran<()> {
        let Waiting { execution: id, attempt, input, again } = task;
        if !self.seen.insert((id, attempt)) {
            return Ok(());
        }
        let mut after_ms = 0;
        let request = self.request(id, attempt)?;
        let identity = self.scenario.start().identity;
        for answer in self.script.task(&identity, &request) {
            after_ms += answer.after_ms;
            let answer = match answer.what {
                What::Started(worker_name) => {
                    let take = Take { attempt, worker_name, input: input.clone(), again };
                    self.plan(after_ms, Input::Take(id, take, nobody_waits()), false);
                    continue;
                }
                What::Heartbeat => TokenAnswer::Heartbeat,
                What::Succeeded(output) => TokenAnswer::Success(output),
                What::Failed(error, _) => TokenAnswer::Failure(error),
                What::Submitted(_) | What::CannotRun(_) => continue,
            };
            self.plan(after_ms, Input::Answer(id, attempt, answer, nobody_waits()), false);
        }
        Ok(())
    }

    /// What is asked for in an activity's task.
    fn request(&self, id: ExecutionId, attempt: AttemptId) -> Ran<Box<TaskRequest>> {
        let loaded = stored::load(self.store.as_ref(), Entity::Execution(id))?;
        let execution = stored::execution(self.store.as_ref(), id, &loaded)?;
        let host = RunHost(Tokens::new(b"key"));
        let resume = execution.resume(&self.programs.0.program, &host).into_iter();
        let mut requests = resume.filter_map(|resume| match resume {
            Resume::Queue(request) if request.attempt == attempt => Some(request),
            _ => None,
        });
        requests.next().ok_or_else(|| format!("attempt {} waits for no worker", attempt.0))
    }

    /// Express children of these scenarios have neither tasks nor waits.
    fn express(&mut self, run: ExpressRun) {
        let ExpressRun { start, definition, child_of, started } = run;
        let Some(child_of) = child_of else { return };
        let mut execution = Execution::of_map_run(start, child_of.clone(), started);
        let host = RunHost(Tokens::new(b"key"));
        let mut signal = Signal::Start;
        loop {
            let outcome = step(&definition.program, &mut execution, signal, Turn { now: self.now, host: &host });
            assert!(!outcome.effects.iter().any(|effect| matches!(effect, Effect::Task(_))), "they have no tasks");
            match outcome.status {
                StepStatus::Ended => break,
                StepStatus::More => signal = Signal::Continue,
                StepStatus::Waiting => panic!("they do not wait"),
            }
        }
        self.plan(0, Input::child_ended(&child_of, &mut execution, None), true);
    }

    // --- The end --------------------------------------------------------------------------------------------------

    /// The execution has ended, and no client wants anything any more.
    fn is_over(&self, id: ExecutionId) -> Ran<bool> {
        let wants = |input: &Input| matches!(input, Input::Stop(..) | Input::Redrive(..));
        if self.later.values().any(|(input, _)| wants(input)) {
            return Ok(false);
        }
        let loaded = stored::load(self.store.as_ref(), Entity::Execution(id))?;
        let execution = stored::execution(self.store.as_ref(), id, &loaded)?;
        Ok(execution.status() != ExecutionStatus::Running)
    }
}

/// What becomes of a call when nobody knows whether it was made.
fn doubt(call: &TaskCall) -> Signal {
    let error = in_doubt(&call.request.resource);
    Signal::TaskFailed { attempt: call.request.attempt, error, stage: FailureStage::Run }
}
