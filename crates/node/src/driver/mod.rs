//! Threads around the cores: workers, the committer, readers; and the clock.
#![allow(clippy::disallowed_methods)] // This is where time and chance come in; below, they are arguments.

mod clock;
mod committer;
mod express;
mod readers;
mod slice;
mod stop;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stepwell_asl::program::ExecutionType;
use stepwell_engine::{
    AttemptId, Described, ErrorCause, ExecutionId, Host, Identity, MapRunId, Payload, PayloadId, ShardId, Start,
    Timestamp,
};
use stepwell_store::{Codec, Lease, RowNumber, Shards, Store, StoreError};
use stepwell_value::{Str, Value};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::activities::{Activities, Poller, Waiting};
use crate::api::{
    ActivityTask, AnswerTo, Ended, NewExecution, Programs, Refusal, Started, TaskCall, Tasks, TokenAnswer,
};
use crate::chance::random;
use crate::core::{
    Core, ExpressRun, Input, Limits, NewStart, OpenedShard, Output, Release, Reply, ReplyTo, Take, open_shard,
};
use crate::log::LogWriter;
use crate::tokens::Tokens;
use clock::Clock;
use committer::{Commits, is_committer};
use readers::{Job, Jobs, READERS};
use slice::{Slice, locked};
use stop::{AtWork, Role};

/// A lease that does not end: whoever has the data directory is alone. Neither a jump of the clock nor a long standstill
/// can then cost a shard; should another owner take one nevertheless, the epoch in each commit stops this one.
const FOREVER: Timestamp = Timestamp(i64::MAX);

/// Bytes of the key of task tokens.
const TOKEN_KEY_BYTES: usize = 32;

/// How a node is set up.
pub struct Config {
    /// The node's name among the owners of shards.
    pub name: String,
    /// Worker threads, each with a share of the shards.
    pub workers: usize,
    /// Bounds of each worker's core.
    pub limits: Limits,
    /// Express executions that clients start and that run at the same time; further ones are refused. They are in memory,
    /// and those whose client has hung up run on.
    pub express_max: usize,
    /// Closed executions are removed after so many milliseconds; none: never.
    pub retention_ms: Option<i64>,
    /// Where log records of executions are written; none: nowhere.
    pub log_directory: Option<PathBuf>,
    /// Seals stored values.
    pub codec: Codec,
    /// Gets one line, without payloads, when something went wrong that an operator should know.
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: "node".into(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            express_max: 100_000,
            retention_ms: Some(90 * 24 * 60 * 60 * 1000),
            log_directory: None,
            codec: Codec::default(),
            warn: Arc::new(|line| eprintln!("{line}")),
        }
    }
}

/// A node that runs executions. Cheap to clone; it stops when the last clone is dropped, or when it was drained.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

/// Stops the threads when nobody holds the node any longer.
struct Shared {
    driver: Arc<Driver>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.driver.stop();
    }
}

/// What all threads share.
pub(crate) struct Driver {
    name: String,
    store: Arc<dyn Store>,
    codec: Codec,
    programs: Arc<dyn Programs>,
    tasks: Arc<dyn Tasks>,
    host: Arc<NodeHost>,
    slices: Vec<Slice>,
    commits: Commits,
    jobs: Jobs,
    activities: Mutex<Activities<Polling>>,
    logs: Option<LogWriter>,
    runtime: Handle,
    express_max: usize,
    retention_ms: Option<i64>,
    warn: Arc<dyn Fn(&str) + Send + Sync>,
    clock: Clock,
    draining: AtomicBool,
    stopped: AtomicBool,
    /// Express executions that run and were started by clients.
    running_express: AtomicUsize,
    /// Those that are children of Map Runs, whose concurrency bounds them.
    running_children: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    at_work: AtWork,
    /// Leases that no worker has, for it has ended or not begun yet.
    to_give_back: Mutex<Vec<Lease>>,
    this: std::sync::Weak<Driver>,
}

/// What steps ask of the node.
struct NodeHost {
    tokens: Tokens,
    programs: Arc<dyn Programs>,
}

impl Host for NodeHost {
    fn token(&self, execution: &Identity, attempt: AttemptId) -> Str {
        self.tokens.of(execution, attempt)
    }

    fn has_activity(&self, arn: &str) -> bool {
        self.programs.has_activity(arn)
    }
}

/// A worker of an activity who waits for a task.
struct Polling {
    worker_name: Option<Str>,
    send: oneshot::Sender<Result<Handed, Refusal>>,
}

/// A task for a worker, and what is queued again if the worker has gone.
struct Handed {
    task: ActivityTask,
    waiting: Waiting,
}

/// Where a worker waits. One that goes away without what has come for it by then leaves that to the next one.
struct Receiving<'a> {
    driver: &'a Driver,
    activity: &'a Str,
    receive: oneshot::Receiver<Result<Handed, Refusal>>,
}

impl Receiving<'_> {
    /// What has come by now; nothing will come any more.
    fn close(&mut self) -> Option<Handed> {
        self.receive.close();
        self.receive.try_recv().ok()?.ok()
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        if let Some(handed) = self.close() {
            let matched = self.driver.put_back(self.activity, handed);
            self.driver.hand_over(self.activity, matched);
        }
    }
}

impl Poller for Polling {
    fn has_gone(&self) -> bool {
        self.send.is_closed()
    }
}

impl Node {
    /// Takes over what the store holds: claims all shards, takes up what a former life left, and goes on. To be called
    /// within a tokio runtime, which Express executions run on.
    ///
    /// # Errors
    /// When the store cannot be read, or another node owns its shards.
    pub fn open(
        store: Arc<dyn Store>,
        config: Config,
        programs: Arc<dyn Programs>,
        tasks: Arc<dyn Tasks>,
    ) -> Result<Node, StoreError> {
        let tokens = Tokens::new(&store.keep("task token key", &random::<TOKEN_KEY_BYTES>())?);
        let host = Arc::new(NodeHost { tokens, programs: programs.clone() });
        let warn = config.warn.clone();
        let logs = match config.log_directory {
            None => None,
            Some(directory) => Some(LogWriter::start(directory, move |line| warn(line)).map_err(io_error)?),
        };
        let slices = (0..config.workers.clamp(1, Shards::ALL.iter().count()))
            .map(|number| Slice::new(number, Core::new(host.clone(), config.codec.clone(), config.limits.clone())))
            .collect();
        let driver = Arc::new_cyclic(|this| Driver {
            name: config.name,
            store,
            codec: config.codec,
            programs,
            tasks,
            host,
            slices,
            commits: Commits::default(),
            jobs: Jobs::default(),
            activities: Mutex::default(),
            logs,
            runtime: Handle::current(),
            express_max: config.express_max,
            retention_ms: config.retention_ms,
            warn: config.warn,
            clock: Clock::default(),
            draining: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            running_express: AtomicUsize::new(0),
            running_children: AtomicUsize::new(0),
            threads: Mutex::default(),
            at_work: AtWork::default(),
            to_give_back: Mutex::default(),
            this: this.clone(),
        });
        // From here on the threads end when this is dropped, also when opening fails.
        let node = Node { shared: Arc::new(Shared { driver }) };
        node.driver().open().inspect_err(|_| node.driver().give_back_shards())?;
        Ok(node)
    }

    /// Starts a Standard execution, or an Express one that nobody waits for. Durable when it returns.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn start(&self, new: NewExecution) -> Result<Started, Refusal> {
        let driver = self.driver();
        let (start, create, definition) = driver.identify(new)?;
        driver.has_room_for(&start)?;
        let shard = start.identity.id.shard();
        let new = Box::new(NewStart { start, create, definition });
        match driver.request(shard, |reply| Input::Start(new, reply)).await? {
            Reply::Started(started) => Ok(started),
            _ => Err(Refusal::Away),
        }
    }

    /// Runs an Express execution to its end, on the calling task.
    ///
    /// # Errors
    /// [`Refusal::Away`] when the node stops, [`Refusal::Throttled`] when as many run as may.
    pub async fn start_sync(&self, new: NewExecution) -> Result<Ended, Refusal> {
        let driver = self.driver();
        let (start, _, definition) = driver.identify(new)?;
        driver.has_room_for(&start)?;
        Ok(driver.express(ExpressRun { start, definition, child_of: None, started: driver.now() }).await.ended())
    }

    /// Stops an execution; gives its `stopDate`, also when it had ended already.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn stop(&self, id: ExecutionId, error: ErrorCause) -> Result<Timestamp, Refusal> {
        match self.driver().request(id.shard(), |reply| Input::Stop(id, error, reply)).await? {
            Reply::Stopped(at) => Ok(at),
            _ => Err(Refusal::Away),
        }
    }

    /// Redrives an execution; gives its `redriveDate`.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn redrive(&self, id: ExecutionId, client_token: Option<Str>) -> Result<Timestamp, Refusal> {
        match self.driver().request(id.shard(), |reply| Input::Redrive(id, client_token, reply)).await? {
            Reply::Redriven(at) => Ok(at),
            _ => Err(Refusal::Away),
        }
    }

    /// Answers the task whose token this is.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn answer(&self, token: &str, answer: TokenAnswer) -> Result<(), Refusal> {
        let driver = self.driver();
        let claim = driver.host.tokens.open(token).ok_or(Refusal::InvalidToken)?;
        let id = claim.execution;
        driver.request(id.shard(), |reply| Input::Answer(id, claim.attempt, answer, reply)).await?;
        Ok(())
    }

    /// The account whose execution a task token belongs to, as a number; none: that is no task token.
    pub fn account_of_token(&self, token: &str) -> Option<u64> {
        Some(self.driver().host.tokens.open(token)?.account)
    }

    /// Waits for a task of an activity; none: there was none in that time.
    ///
    /// # Errors
    /// [`Refusal::WorkerLimit`], [`Refusal::Away`]
    pub async fn poll_activity(
        &self,
        arn: &str,
        worker_name: Option<Str>,
        wait: Duration,
    ) -> Result<Option<ActivityTask>, Refusal> {
        let driver = self.driver();
        if driver.is_draining() {
            return Ok(None);
        }
        let activity = Str::from(arn);
        let (send, receive) = oneshot::channel();
        let matched = locked(&driver.activities).poll(&activity, Polling { worker_name, send })?;
        let mut receiving = Receiving { driver, activity: &activity, receive };
        driver.hand_over(&activity, matched);
        match tokio::time::timeout(wait, &mut receiving.receive).await {
            Ok(Ok(Ok(handed))) => Ok(Some(handed.task)),
            Ok(Ok(Err(refusal))) => Err(refusal),
            // The node stops.
            Ok(Err(_)) => Ok(None),
            // One may come in the very moment in which the time is over.
            Err(_) => Ok(receiving.close().map(|handed| handed.task)),
        }
    }

    /// A state machine is being deleted: its executions end at their next transition. To be called again after a start.
    pub fn stop_machine(&self, machine: RowNumber) {
        let driver = self.driver();
        driver.slices.iter().for_each(|slice| slice.submit(driver, Input::MachineDeleted(machine)));
    }

    /// Stops: takes nothing new, calls nobody any more, waits so long for the answers of calls that are under way, and
    /// ends all threads. The answers are durable and are taken at the next start, so that no call is in doubt then.
    pub async fn drain(&self, limit: Duration) {
        let driver = self.driver();
        driver.draining.store(true, Ordering::SeqCst);
        driver.slices.iter().for_each(|slice| slice.submit(driver, Input::Drain));
        drop(locked(&driver.activities).dismiss());
        let began = Instant::now();
        while !driver.is_quiet() && began.elapsed() < limit {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        driver.stop();
        let driver = driver.clone();
        let joined = tokio::task::spawn_blocking(move || driver.join());
        // A panic was reported when it happened.
        let _ = joined.await;
    }

    /// Express children of a Map Run that run, by their numbers there, as DescribeExecution shows them: those whose start
    /// is durable and whose end is not. No store knows when they began, for after a crash they start over.
    pub fn running_children(&self, map_run: MapRunId) -> Vec<(u32, Described)> {
        let driver = self.driver();
        driver.slice(map_run.shard()).look(driver, |core| core.running_children(map_run))
    }

    /// The one of all Map Runs' that has this ARN.
    pub fn running_child(&self, arn: &str) -> Option<Described> {
        let driver = self.driver();
        driver.slices.iter().find_map(|slice| slice.look(driver, |core| core.running_child(arn)))
    }

    /// The store. What it shows is what was committed.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.driver().store
    }

    /// Opens stored values.
    pub fn codec(&self) -> &Codec {
        &self.driver().codec
    }

    /// The time, as this node counts it: it never runs backwards.
    pub fn now(&self) -> Timestamp {
        self.driver().now()
    }

    /// What there is of what, for those who watch.
    pub fn figures(&self) -> Figures {
        let driver = self.driver();
        let mut figures = Figures::default();
        for slice in &driver.slices {
            slice.look(driver, |core| {
                let (residents, timers) = core.sizes();
                figures.residents += residents;
                figures.timers += timers;
                figures.commits_in_flight += core.commits_in_flight();
                figures.open_calls += core.open_calls();
            });
        }
        figures.waiting_activities = locked(&driver.activities).waiting();
        figures.lost_log_records = driver.logs.as_ref().map_or(0, LogWriter::lost);
        figures
    }

    fn driver(&self) -> &Arc<Driver> {
        &self.shared.driver
    }
}

/// What there is of what in a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Executions and Map Runs in memory.
    pub residents: usize,
    /// Deadlines in memory.
    pub timers: usize,
    /// Commits on their way to the store.
    pub commits_in_flight: usize,
    /// Calls that are not answered.
    pub open_calls: usize,
    /// Tasks of activities that wait for a worker.
    pub waiting_activities: usize,
    /// Log records that were not written.
    pub lost_log_records: u64,
}

impl Driver {
    /// Claims the shards, reads them and starts the threads.
    fn open(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = self.now();
        let leases = self.store.claim(&self.name, &Shards::ALL, now, FOREVER)?;
        // Until there are workers who have them.
        locked(&self.to_give_back).clone_from(&leases);
        if leases.len() < Shards::ALL.iter().count() {
            return Err(StoreError::Locked("another node owns the executions of this store".into()));
        }
        let opened = open_shard(self.store.as_ref(), &self.codec, self.programs.as_ref(), &leases, now)
            .map_err(|error| StoreError::Corrupt(chain(&error)))?;
        self.spawn("committer", |driver| {
            driver.commits.work(driver);
            driver.give_back_shards();
        })?;
        for number in 0..READERS {
            let at_work = self.begin(Role::Reader);
            self.spawn(&format!("reader-{number}"), move |driver| {
                driver.jobs.work(driver);
                drop(at_work);
            })?;
        }
        for number in 0..self.slices.len() {
            let at_work = self.begin(Role::Worker);
            self.spawn(&format!("worker-{number}"), move |driver| {
                driver.slices[number].work(driver);
                drop(at_work);
            })?;
        }
        locked(&self.to_give_back).clear();
        for shard in opened {
            self.report(&shard);
            self.slice(shard.lease.shard).submit(self, Input::Opened(Box::new(shard)));
        }
        if self.retention_ms.is_some() {
            self.jobs.push(now.after_ms(1_000), Job::Expire);
        }
        Ok(())
    }

    fn spawn(self: &Arc<Self>, name: &str, work: impl FnOnce(&Driver) + Send + 'static) -> Result<(), StoreError> {
        let driver = self.clone();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&driver)).map_err(io_error)?;
        locked(&self.threads).push(thread);
        Ok(())
    }

    /// The time. It never runs backwards, whatever the clock does.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Whether nothing is under way.
    fn is_quiet(&self) -> bool {
        let is_idle =
            |core: &Core| core.commits_in_flight() + core.open_calls() + core.open_express() == 0 && !core.has_ready();
        self.running_express.load(Ordering::SeqCst) + self.running_children.load(Ordering::SeqCst) == 0
            && self.slices.iter().all(|slice| slice.is_empty() && slice.look(self, is_idle))
    }

    fn warn(&self, line: &str) {
        (self.warn)(line);
    }

    fn warn_of(&self, what: &str, error: &dyn std::error::Error) {
        self.warn(&format!("{what}: {}", chain(error)));
    }

    fn report(&self, opened: &OpenedShard) {
        for error in &opened.unreadable {
            self.warn_of("a letter or an Express execution could not be read; it stays in the store", error);
        }
    }

    fn slice_of(&self, shard: ShardId) -> usize {
        usize::from(shard.0) % self.slices.len()
    }

    fn slice(&self, shard: ShardId) -> &Slice {
        &self.slices[self.slice_of(shard)]
    }

    /// Fills in what the node alone knows of a new execution.
    fn identify(
        &self,
        new: NewExecution,
    ) -> Result<(Start, stepwell_store::Create, Arc<crate::api::Definition>), Refusal> {
        if self.is_draining() {
            return Err(Refusal::Away);
        }
        let NewExecution { mut identity, create, definition, input, input_text } = new;
        identity.seed = u64::from_be_bytes(random());
        // Ordered by time, which keeps a store's index of ids narrow where it grows.
        let time = (self.now().0 as u128) << 80;
        let unique = random::<10>().iter().fold(0, |id, byte| id << 8 | u128::from(*byte));
        identity.id = ExecutionId(time | unique);
        Ok((Start { identity: Arc::new(identity), input, input_text }, create, definition))
    }

    /// Express executions are bounded here, Standard ones by what waits for their shards.
    fn has_room_for(&self, start: &Start) -> Result<(), Refusal> {
        let is_full = start.identity.execution_type == ExecutionType::Express
            && self.running_express.load(Ordering::SeqCst) >= self.express_max;
        if is_full { Err(Refusal::Throttled) } else { Ok(()) }
    }

    /// Has a core do something and waits for its answer.
    async fn request(&self, shard: ShardId, input: impl FnOnce(ReplyTo) -> Input) -> Result<Reply, Refusal> {
        let slice = self.slice(shard);
        if !slice.has_room() {
            return Err(Refusal::Throttled);
        }
        let (send, receive) = oneshot::channel();
        let reply = ReplyTo::new(move |answer| {
            // Whoever asked may have gone.
            let _ = send.send(answer);
        });
        slice.submit(self, input(reply));
        receive.await.unwrap_or(Err(Refusal::Away))
    }

    /// Hands something to a core, on the spot where that keeps nobody waiting.
    fn submit(&self, shard: ShardId, input: Input) {
        match is_committer() {
            true => self.slice(shard).leave(self, input),
            false => self.slice(shard).submit(self, input),
        }
    }

    /// Does what the core of a slice wants done. Called with the core in hand, so nothing here may wait.
    fn carry_out(&self, slice: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Commit(commit) => self.commits.push(*commit),
                Output::Release(release) => self.release(release),
                Output::Load(entity, memory) => self.jobs.push(self.now(), Job::Load(entity, memory)),
                Output::Letter(arrived) => self.slice(arrived.to.shard()).leave(self, Input::Letter(arrived)),
                Output::LookForMail(shard) => self.slice(shard).leave(self, Input::LookForMail),
                Output::ReadDue(shards, before) => {
                    self.jobs.push(self.now(), Job::Due(slice, shards, before));
                }
                Output::ReadMail(shards, after) => {
                    self.jobs.push(self.now(), Job::Mail(slice, shards, after));
                }
                Output::Reopen(shard, epoch) => {
                    let at = self.now().after_ms(readers::REOPEN_MS.0);
                    self.jobs.push(at, Job::Reopen(shard, epoch, 1));
                }
            }
        }
    }

    /// Releases what waited for a commit.
    fn release(&self, release: Release) {
        match release {
            Release::Reply(reply, answer) => reply.send(answer),
            Release::Call(call) => self.call(call),
            Release::Cancel(execution, attempt) => {
                locked(&self.activities).cancel(execution, attempt);
                self.tasks.cancel(execution, attempt);
            }
            Release::Queue { activity, task } => {
                let matched = locked(&self.activities).offer(&activity, task);
                self.hand_over(&activity, matched);
            }
            Release::RunExpress(run) => {
                if let Some(driver) = self.this.upgrade() {
                    driver.run_express(*run);
                }
            }
            Release::Log { definition, arn, redrive_count, events } => {
                if let (Some(logs), Some(logging)) = (&self.logs, &definition.logging) {
                    logs.write(logging, &arn, redrive_count, &events);
                }
            }
        }
    }

    fn call(&self, call: TaskCall) {
        let (id, attempt) = (call.identity.id, call.request.attempt);
        let driver = self.this.clone();
        let answer = AnswerTo::new(express::unanswered(&call.request), move |signal| {
            if let Some(driver) = driver.upgrade() {
                driver.submit(id.shard(), Input::TaskAnswered(id, attempt, signal));
            }
        });
        self.tasks.call(call, answer);
    }

    /// Hands an activity's task to the worker that it was matched with, once the execution has noted it.
    fn hand_over(&self, activity: &Str, matched: Option<(Polling, Waiting)>) {
        let Some((polling, task)) = matched else { return };
        let (id, attempt) = (task.execution, task.attempt);
        let worker_name = polling.worker_name.clone();
        let take = Take { attempt, worker_name, input: task.input.clone(), again: task.again };
        let (driver, activity) = (self.this.clone(), activity.clone());
        let reply = ReplyTo::new(move |answer| {
            if let Some(driver) = driver.upgrade() {
                driver.handed_over(&activity, polling, task, answer);
            }
        });
        self.submit(id.shard(), Input::Take(id, take, reply));
    }

    fn handed_over(&self, activity: &Str, polling: Polling, task: Waiting, answer: Result<Reply, Refusal>) {
        let matched = match answer {
            Ok(Reply::Taken(taken)) => match polling.send.send(Ok(Handed { task: taken, waiting: task })) {
                Err(Ok(handed)) => self.put_back(activity, handed),
                Ok(()) | Err(Err(_)) => None,
            },
            Err(refusal @ (Refusal::Throttled | Refusal::Away)) => {
                // Not known to be taken. A shard that is read again queues it again by itself.
                let matched = match refusal {
                    Refusal::Throttled => locked(&self.activities).put_back(activity, task),
                    _ => None,
                };
                // The worker asks again when it may.
                let _ = polling.send.send(Err(refusal));
                matched
            }
            // Nobody waits for this task any longer.
            Ok(_) | Err(_) => locked(&self.activities).give_back(activity, polling),
        };
        self.hand_over(activity, matched);
    }

    /// A worker has gone: the next one gets its task, which history says was taken.
    fn put_back(&self, activity: &Str, handed: Handed) -> Option<(Polling, Waiting)> {
        let Handed { task, waiting } = handed;
        let input = waiting.input.or_else(|| payload_of(&task.input));
        locked(&self.activities).put_back(activity, Waiting { input, again: true, ..waiting })
    }
}

fn payload_of(text: &str) -> Option<Payload> {
    let value: Value = stepwell_value::parse(text).ok()?;
    Some(Payload::as_sent(PayloadId(0), value, Str::from(text)))
}

fn io_error(error: io::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
