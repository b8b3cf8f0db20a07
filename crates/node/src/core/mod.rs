//! The core of a node: shards with their executions and Map Runs, timers and letters. No threads, clock or I/O.
//!
//! Whoever drives it hands in one [`Input`] after another with the time, and carries out the [`Output`]s in their order.
//! Several transitions of one execution may be on their way to the store at a time; what one of them releases waits for
//! that one. See the crate's page for the life of a signal.

mod commit;
mod read;
mod resident;
mod timers;
mod transition;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use stepwell_asl::program::ExecutionType;
use stepwell_engine::{
    self as engine, AttemptId, ChildEnd, ChildOf, Epoch, ErrorCause, Event, Execution, ExecutionId, FailureStage, Host,
    MapRunEffect, MapRunId, MapRunSignal, Resume, ShardId, Signal, Start, Timestamp,
};
use stepwell_store::{Codec, Create, Entity, ExpressRecord, LetterId, Place, RowNumber, Shards, StoreError, Write};
use stepwell_value::Str;

pub use commit::{BATCH_BYTES_MAX, BATCH_WRITES_MAX, Batch, Commit, CommitQueue, Fate, Memory, Note, Settled};
pub use read::{
    Arrived, LoadedEntity, OpenedExpress, OpenedShard, ReadError, StoredPayloads, open_shard, read_due, read_entity,
    read_mail,
};
pub use resident::Take;
pub use timers::{SCAN_LIMIT, SCAN_MS};

use crate::activities::Waiting;
use crate::api::{ActivityTask, Definition, Refusal, Started, TaskCall, TokenAnswer};
use resident::{Body, IsNew, Residents, Work};
use timers::Timers;

/// What a core is told.
#[derive(Debug)]
pub enum Input {
    /// A shard is ours, and this is what the store holds of it.
    Opened(Box<OpenedShard>),
    /// A shard is ours no longer: its lease has ended.
    Closed(ShardId),
    /// Start a Standard execution, or an Express one that nobody waits for.
    Start(Box<NewStart>, ReplyTo),
    /// Stop an execution.
    Stop(ExecutionId, ErrorCause, ReplyTo),
    /// Redrive an execution.
    Redrive(ExecutionId, Option<Str>, ReplyTo),
    /// A worker answers a task.
    Answer(ExecutionId, AttemptId, TokenAnswer, ReplyTo),
    /// A worker takes an activity's task.
    Take(ExecutionId, Take, ReplyTo),
    /// A call that this node made for an execution has been answered. The signal names the attempt.
    TaskAnswered(ExecutionId, AttemptId, Signal),
    /// A letter that another core of this node sent.
    Letter(Box<Arrived>),
    /// Letters may have been sent that nobody hands over: [`Output::LookForMail`].
    LookForMail,
    /// An Express child of a Map Run has ended.
    ChildEnded {
        /// The Map Run.
        map_run: MapRunId,
        /// Its number there.
        child: u32,
        /// How.
        end: Box<ChildEnd>,
        /// What it lacked, if that ended it.
        cannot_run: Option<Str>,
    },
    /// An asynchronous Express execution has ended.
    ExpressEnded(ExecutionId),
    /// Commits have been settled, in the order in which the store took them.
    Settled(Vec<Settled>),
    /// [`Output::Load`] was done.
    Loaded(Entity, Memory, Result<Option<Box<LoadedEntity>>, ReadError>),
    /// [`Output::ReadDue`] was done.
    Due(Result<Vec<(Timestamp, Entity)>, StoreError>),
    /// [`Output::ReadMail`] was done: the letters, and whether more are there.
    Mail(Result<Vec<Arrived>, ReadError>),
    /// A state machine is being deleted: its executions end at their next transition.
    MachineDeleted(RowNumber),
    /// Do something that waits: fire a timer, go on with an execution. See [`Core::next_turn`].
    Turn,
}

/// What a core wants done.
#[derive(Debug)]
pub enum Output {
    /// Put this into the commit queue.
    Commit(Box<Commit>),
    /// Do this now: nothing has to be durable for it.
    Release(Release),
    /// Read an execution or a Map Run; answer with [`Input::Loaded`].
    Load(Entity, Memory),
    /// Hand this letter to the core that has its shard, if one of this node has it.
    Letter(Box<Arrived>),
    /// Nobody knows whether a letter to this shard was committed: give the core that has it [`Input::LookForMail`].
    LookForMail(ShardId),
    /// Read deadlines of these shards before this time; answer with [`Input::Due`].
    ReadDue(Box<Shards>, Timestamp),
    /// Read letters to these shards behind this one; answer with [`Input::Mail`].
    ReadMail(Box<Shards>, LetterId),
    /// The memory of a shard was dropped because a commit failed: read it again, answer with [`Input::Opened`].
    Reopen(ShardId, Epoch),
}

/// What is released when a commit is durable.
#[derive(Debug)]
pub enum Release {
    /// Tell whoever waits.
    Reply(ReplyTo, Result<Reply, Refusal>),
    /// Have a task done; answer with [`Input::TaskAnswered`].
    Call(TaskCall),
    /// Nobody waits for this attempt any longer.
    Cancel(ExecutionId, AttemptId),
    /// An activity's task waits for a worker, who takes it with [`Input::Take`].
    Queue {
        /// The activity's ARN.
        activity: Str,
        /// The task.
        task: Waiting,
    },
    /// Run an Express execution; answer with [`Input::ChildEnded`] or [`Input::ExpressEnded`].
    RunExpress(Box<ExpressRun>),
    /// Log these events.
    Log {
        /// Which says where and what is logged.
        definition: Arc<Definition>,
        /// The execution's ARN.
        arn: Str,
        /// How often it was redriven.
        redrive_count: u32,
        /// The events.
        events: Vec<Event>,
    },
}

/// An execution to be started.
#[derive(Clone, Debug)]
pub struct NewStart {
    /// What it starts with.
    pub start: Start,
    /// What lists know of it.
    pub create: Create,
    /// What it runs.
    pub definition: Arc<Definition>,
}

/// An Express execution to be run.
#[derive(Clone, Debug)]
pub struct ExpressRun {
    /// What it starts with.
    pub start: Start,
    /// What it runs.
    pub definition: Arc<Definition>,
    /// The Map Run whose child it is, and its number there.
    pub child_of: Option<ChildOf>,
}

/// A letter, and the definition that sender and receiver run.
#[derive(Debug)]
pub struct Letter {
    /// The definition.
    pub definition: Arc<Definition>,
    /// What it says.
    pub body: engine::Letter,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The execution has started.
    Started(Started),
    /// It stopped then.
    Stopped(Timestamp),
    /// It was redriven then.
    Redriven(Timestamp),
    /// The answer of a task has arrived.
    Answered,
    /// The task is the worker's.
    Taken(ActivityTask),
}

/// Whoever waits for an answer. Dropping it says that there is none.
pub struct ReplyTo(Box<dyn FnOnce(Result<Reply, Refusal>) + Send>);

impl ReplyTo {
    /// Answers go to `send`.
    pub fn new(send: impl FnOnce(Result<Reply, Refusal>) + Send + 'static) -> ReplyTo {
        ReplyTo(Box::new(send))
    }

    /// Answers.
    pub fn send(self, reply: Result<Reply, Refusal>) {
        (self.0)(reply);
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo")
    }
}

/// How soon letters are looked for again after they could not be read.
const MAIL_AGAIN_MS: i64 = 100;

/// Bounds of a core.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory for executions that have nothing to do.
    pub idle_bytes_max: usize,
    /// Transitions of one execution on their way to the store.
    pub in_flight_max: u32,
    /// Commits on their way to the store beyond which no execution is started and no timer fires; other requests are
    /// refused at four times as many.
    pub commits_max: usize,
    /// The same in bytes.
    pub commit_bytes_max: usize,
    /// What may wait for one execution before requests are refused.
    pub inbox_max: usize,
    /// Executions in memory beyond which every heartbeat is written, so that memory is not needed to know it.
    pub unsaved_max: usize,
    /// Reads of executions at a time.
    pub loads_max: usize,
    /// Asynchronous Express executions that run at a time.
    pub express_max: usize,
    /// Whether asynchronous Express executions are recorded, so that they start over after a crash.
    pub records_express: bool,
    /// How often letters of other nodes are looked for; none: there are no other nodes.
    pub mail_every_ms: Option<i64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            idle_bytes_max: 16 << 20,
            in_flight_max: 8,
            commits_max: 4_096,
            commit_bytes_max: 64 << 20,
            inbox_max: 1_000,
            unsaved_max: 1_000,
            loads_max: 64,
            express_max: 10_000,
            records_express: true,
            mail_every_ms: None,
        }
    }
}

/// Shards of a node, with all that happens in them.
pub struct Core {
    host: Arc<dyn Host + Send + Sync>,
    codec: Codec,
    limits: Limits,
    shards: BTreeMap<ShardId, Shard>,
    residents: Residents,
    timers: Timers,
    /// Those that have something to do when others have had their turn.
    ready: VecDeque<Entity>,
    loads: Loads,
    flight: Flight,
    /// Calls that this node has made, or will make when their commit is durable, and that are not answered.
    calls: BTreeSet<(ExecutionId, AttemptId)>,
    /// Express children of Map Runs that run in this process, or will when their start is durable.
    children: BTreeSet<(MapRunId, u32)>,
    express: BTreeMap<ExecutionId, ExpressStage>,
    mail: Mail,
    deleted: BTreeSet<RowNumber>,
    memories: u64,
}

/// A shard of this core.
#[derive(Debug)]
struct Shard {
    epoch: Epoch,
    memory: Memory,
    /// Its memory may be used; otherwise it is being read.
    is_open: bool,
    /// Those that must be taken up again when they are read.
    owing: BTreeSet<Entity>,
    /// Letters that have arrived and may arrive again.
    letters: BTreeSet<LetterId>,
}

#[derive(Debug, Default)]
struct Loads {
    running: usize,
    waiting: VecDeque<(Entity, Memory)>,
}

/// What is on its way to the store.
#[derive(Debug, Default)]
struct Flight {
    commits: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpressStage {
    Running,
    /// It has ended, and that is not durable.
    Ended,
}

/// How letters of other nodes are looked for.
#[derive(Debug, Default)]
struct Mail {
    /// All up to this one have been seen.
    after: LetterId,
    next: Option<Timestamp>,
    is_reading: bool,
    /// A shard was opened while a reading was under way that does not concern it.
    is_outdated: bool,
    /// Taken since the last look, so that one under way may still show them.
    taken: Vec<(ShardId, LetterId)>,
    /// Taken before it.
    forgettable: Vec<(ShardId, LetterId)>,
}

impl Core {
    /// A core without shards.
    pub fn new(host: Arc<dyn Host + Send + Sync>, codec: Codec, limits: Limits) -> Core {
        Core {
            host,
            codec,
            limits,
            shards: BTreeMap::new(),
            residents: Residents::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            loads: Loads::default(),
            flight: Flight::default(),
            calls: BTreeSet::new(),
            children: BTreeSet::new(),
            express: BTreeMap::new(),
            mail: Mail::default(),
            deleted: BTreeSet::new(),
            memories: 0,
        }
    }

    /// Takes in one input. Outputs are added to `out`, to be carried out in their order.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        match input {
            Input::Start(new, reply) => self.start(*new, reply, now, out),
            Input::Stop(id, error, reply) => self.request(id, reply, now, out, |reply| Work::Stop(error, reply)),
            Input::Redrive(id, token, reply) => self.request(id, reply, now, out, |reply| Work::Redrive(token, reply)),
            Input::Answer(id, attempt, answer, reply) => {
                self.request(id, reply, now, out, |reply| Work::Answer(attempt, answer, reply));
            }
            Input::Take(id, take, reply) => self.request(id, reply, now, out, |reply| Work::Take(take, reply)),
            Input::TaskAnswered(id, attempt, signal) => {
                self.calls.remove(&(id, attempt));
                self.deliver(Entity::Execution(id), Work::Task(attempt, signal), now, out);
            }
            Input::Letter(arrived) => self.arrive(*arrived, now, out),
            Input::LookForMail => self.look_for_mail(now),
            Input::ChildEnded { map_run, child, end, cannot_run } => {
                self.children.remove(&(map_run, child));
                let entity = Entity::MapRun(map_run);
                if let Some(cause) = cannot_run {
                    self.deliver(entity, Work::MapRun(MapRunSignal::CannotRun(cause)), now, out);
                }
                self.deliver(entity, Work::MapRun(MapRunSignal::ChildEnded { child, end }), now, out);
            }
            Input::ExpressEnded(id) => self.express_ended(id, out),
            Input::Settled(settled) => settled.into_iter().for_each(|settled| self.settled(settled, now, out)),
            Input::Loaded(entity, memory, result) => self.loaded(entity, memory, result, now, out),
            Input::Due(Ok(due)) => self.timers.scanned(due, now),
            Input::Due(Err(_)) => self.timers.scan_failed(now),
            Input::Mail(result) => self.mail_read(result, now, out),
            Input::Opened(opened) => self.opened(*opened, now, out),
            Input::Closed(shard) => {
                self.drop_memory(shard, out);
                self.shards.remove(&shard);
            }
            Input::MachineDeleted(machine) => {
                self.deleted.insert(machine);
            }
            Input::Turn => self.turn(now, out),
        }
    }

    /// When it wants its next [`Input::Turn`]; none: when something happened.
    pub fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.ready.is_empty() {
            return Some(now);
        }
        let owing = self.may_load() && self.shards.values().any(|shard| shard.is_open && !shard.owing.is_empty());
        if owing {
            return Some(now);
        }
        let mail = self.mail.next.filter(|_| !self.mail.is_reading);
        // A timer that is due waits until there is room for what it sets off.
        let timer = self.timers.next().filter(|due| *due > now || self.has_room());
        [timer, mail].into_iter().flatten().min()
    }

    /// Number of commits on their way to the store.
    pub fn commits_in_flight(&self) -> usize {
        self.flight.commits
    }

    /// Number of calls that are not answered.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Executions and Map Runs in memory, and deadlines in memory.
    pub fn sizes(&self) -> (usize, usize) {
        (self.residents.len(), self.timers.len())
    }

    /// Whether it has a shard, and may use its memory.
    pub fn has_open(&self, shard: ShardId) -> bool {
        self.shards.get(&shard).is_some_and(|shard| shard.is_open)
    }

    fn has_room(&self) -> bool {
        self.flight.commits < self.limits.commits_max
            && self.flight.bytes < self.limits.commit_bytes_max
            && self.may_load()
    }

    fn may_load(&self) -> bool {
        self.loads.running < self.limits.loads_max
    }

    // --- Requests -------------------------------------------------------------------------------------------------

    fn start(&mut self, new: NewStart, reply: ReplyTo, now: Timestamp, out: &mut Vec<Output>) {
        let id = new.start.identity.id;
        let Some(shard) = self.shards.get(&id.shard()).filter(|shard| shard.is_open) else {
            return refuse(reply, Refusal::Away, out);
        };
        if self.flight.commits >= self.limits.commits_max || self.flight.bytes >= self.limits.commit_bytes_max {
            return refuse(reply, Refusal::Throttled, out);
        }
        if new.start.identity.execution_type == ExecutionType::Express {
            let (memory, epoch) = (shard.memory, shard.epoch);
            return self.start_express(new, (memory, epoch), reply, now, out);
        }
        let entity = Entity::Execution(id);
        let (resident, _) = self.residents.wake(entity);
        resident.identity = Some(new.start.identity.clone());
        let execution = Execution::new(new.start, now);
        resident.body = Body::Execution(new.definition, Box::new(execution));
        resident.create = Some(new.create);
        resident.inbox.push_back(Work::Start(reply));
        self.pump(entity, now, out);
    }

    fn start_express(
        &mut self,
        new: NewStart,
        (memory, epoch): (Memory, Epoch),
        reply: ReplyTo,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.express.len() >= self.limits.express_max {
            return refuse(reply, Refusal::Throttled, out);
        }
        let NewStart { start, definition, .. } = new;
        let id = start.identity.id;
        let started = Release::Reply(reply, Ok(Reply::Started(Started { id, at: now })));
        let record = self.limits.records_express.then(|| read::encode_express(&start));
        let row = definition.row;
        self.express.insert(id, ExpressStage::Running);
        let run = Release::RunExpress(Box::new(ExpressRun { start, definition, child_of: None }));
        let Some(record) = record else {
            out.push(Output::Release(started));
            out.push(Output::Release(run));
            return;
        };
        let bytes = record.len();
        let Ok(body) = self.codec.seal(Place::Express(id), &record) else {
            self.express.remove(&id);
            let Release::Reply(reply, _) = started else { return };
            return refuse(reply, Refusal::Away, out);
        };
        let write = Write::ExpressStarted(ExpressRecord { execution: id, epoch, definition: row, body });
        let note = Note { bytes, ..Note::plain(id.shard(), memory) };
        self.commit(Commit { write, release: vec![started, run], note }, out);
    }

    fn express_ended(&mut self, id: ExecutionId, out: &mut Vec<Output>) {
        if self.express.remove(&id).is_none() || !self.limits.records_express {
            return;
        }
        self.express.insert(id, ExpressStage::Ended);
        // A shard that is being read gets to it when it is open again.
        let Some(shard) = self.shards.get(&id.shard()).filter(|shard| shard.is_open) else { return };
        let note = Note { express_ended: Some(id), ..Note::plain(id.shard(), shard.memory) };
        self.commit(Commit { write: Write::ExpressEnded(id), release: Vec::new(), note }, out);
    }

    /// Hands a request to an execution, or refuses it.
    fn request(
        &mut self,
        id: ExecutionId,
        reply: ReplyTo,
        now: Timestamp,
        out: &mut Vec<Output>,
        work: impl FnOnce(ReplyTo) -> Work,
    ) {
        let entity = Entity::Execution(id);
        if !self.has_open(id.shard()) {
            return refuse(reply, Refusal::Away, out);
        }
        let inbox = self.residents.get(entity).map_or(0, |resident| resident.inbox.len());
        let waiting = self.flight.commits.max(self.loads.waiting.len());
        if inbox >= self.limits.inbox_max || waiting >= 4 * self.limits.commits_max {
            return refuse(reply, Refusal::Throttled, out);
        }
        self.deliver(entity, work(reply), now, out);
    }

    /// Hands something to an execution or a Map Run, which is read first if it is not here.
    fn deliver(&mut self, entity: Entity, work: Work, now: Timestamp, out: &mut Vec<Output>) {
        let Some(shard) = self.shards.get(&entity.shard()).filter(|shard| shard.is_open) else {
            if let Some(reply) = work.into_reply() {
                refuse(reply, Refusal::Away, out);
            }
            return;
        };
        let memory = shard.memory;
        let (resident, IsNew(is_new)) = self.residents.wake(entity);
        resident.inbox.push_back(work);
        match is_new {
            true => self.load(entity, memory, out),
            false => self.pump(entity, now, out),
        }
    }

    // --- Letters --------------------------------------------------------------------------------------------------

    fn arrive(&mut self, arrived: Arrived, now: Timestamp, out: &mut Vec<Output>) {
        let Arrived { id, to, letter } = arrived;
        let Some(shard) = self.shards.get_mut(&to.shard()).filter(|shard| shard.is_open) else {
            // Whoever has the shard, or opens it, finds the letter in the store.
            return;
        };
        if !shard.letters.insert(id) {
            return;
        }
        let memory = shard.memory;
        let (resident, IsNew(is_new)) = self.residents.wake(to);
        // A letter is taken by the very transition that makes its receiver: the receiver is not there yet.
        if is_new && transition::creates(to, &letter) {
            transition::create(resident, &letter, now);
            resident.inbox.push_back(Work::Letter(id, letter));
            return self.make_ready(to);
        }
        resident.inbox.push_back(Work::Letter(id, letter));
        match is_new {
            true => self.load(to, memory, out),
            false => self.make_ready(to),
        }
    }

    fn mail_read(&mut self, result: Result<Vec<Arrived>, ReadError>, now: Timestamp, out: &mut Vec<Output>) {
        self.mail.is_reading = false;
        self.mail.next = self.limits.mail_every_ms.map(|ms| now.after_ms(ms));
        if result.is_err() {
            self.mail.next = Some(now.after_ms(MAIL_AGAIN_MS));
        }
        let forgettable = std::mem::take(&mut self.mail.forgettable);
        match result {
            Ok(letters) => {
                if let Some(last) = letters.last() {
                    self.mail.after = self.mail.after.max(last.id);
                    // There may be more than one reading takes.
                    self.mail.next = Some(now);
                }
                letters.into_iter().for_each(|letter| self.arrive(letter, now, out));
                for (shard, letter) in forgettable {
                    if let Some(shard) = self.shards.get_mut(&shard) {
                        shard.letters.remove(&letter);
                    }
                }
            }
            Err(_) => self.mail.taken.extend(forgettable),
        }
        if std::mem::take(&mut self.mail.is_outdated) {
            self.look_for_mail(now);
        }
    }

    /// Looks at all letters once more. What was committed after a shard was read, and before it was opened, has reached
    /// nobody.
    fn look_for_mail(&mut self, now: Timestamp) {
        match self.mail.is_reading {
            true => self.mail.is_outdated = true,
            false => {
                self.mail.after = LetterId(0);
                self.mail.next = Some(now);
            }
        }
    }

    // --- Reading --------------------------------------------------------------------------------------------------

    fn load(&mut self, entity: Entity, memory: Memory, out: &mut Vec<Output>) {
        if self.may_load() {
            self.loads.running += 1;
            out.push(Output::Load(entity, memory));
        } else {
            self.loads.waiting.push_back((entity, memory));
        }
    }

    fn loaded(
        &mut self,
        entity: Entity,
        memory: Memory,
        result: Result<Option<Box<LoadedEntity>>, ReadError>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.loads.running -= 1;
        if let Some((entity, memory)) = self.loads.waiting.pop_front() {
            self.load(entity, memory, out);
        }
        let Some(shard) = self.shards.get_mut(&entity.shard()).filter(|shard| shard.memory == memory) else { return };
        let owes = shard.owing.remove(&entity);
        match result {
            Ok(Some(loaded)) => {
                let (resident, _) = self.residents.wake(entity);
                loaded.settle_in(resident);
                if owes {
                    self.take_up(entity, now, out);
                }
                self.set_timer(entity, now);
                self.pump(entity, now, out);
                self.rest(entity);
            }
            Ok(None) => self.nobody(entity, out),
            Err(_) => {
                // What cannot be read now may be readable later; nothing of the shard is trusted until then.
                self.lose(entity.shard(), out);
            }
        }
    }

    /// There is no such execution or Map Run.
    fn nobody(&mut self, entity: Entity, out: &mut Vec<Output>) {
        let Some(resident) = self.residents.remove(entity) else { return };
        let mut letters = Vec::new();
        for work in resident.inbox {
            match work {
                Work::Letter(id, _) => letters.push(id),
                Work::Answer(_, _, reply) => refuse(reply, Refusal::TaskDoesNotExist, out),
                other => {
                    if let Some(reply) = other.into_reply() {
                        refuse(reply, Refusal::NotFound, out);
                    }
                }
            }
        }
        let Some(shard) = self.shards.get(&entity.shard()).filter(|_| !letters.is_empty()) else { return };
        let write = Write::Dropped { shard: entity.shard(), epoch: shard.epoch, letters: letters.clone() };
        let note = Note { took: letters, ..Note::plain(entity.shard(), shard.memory) };
        self.commit(Commit { write, release: Vec::new(), note }, out);
    }

    /// Takes up what an execution or a Map Run owes since a crash, before anything else reaches it.
    fn take_up(&mut self, entity: Entity, now: Timestamp, out: &mut Vec<Output>) {
        let Core { residents, calls, children, host, .. } = self;
        let Some(resident) = residents.get(entity) else { return };
        match &resident.body {
            Body::Loading => {}
            Body::Execution(definition, execution) => {
                let id = execution.identity().id;
                let mut first = VecDeque::new();
                let answers: BTreeSet<_> = resident.inbox.iter().filter_map(Work::attempt).collect();
                for resume in execution.resume(&definition.program, host.as_ref()) {
                    match resume {
                        // The call is still under way in this very process: only the memory of the shard was lost.
                        Resume::InDoubt { attempt, .. } if calls.contains(&(id, attempt)) => {}
                        Resume::InDoubt { attempt, .. } if answers.contains(&attempt) => {}
                        Resume::InDoubt { attempt, error } => {
                            let stage = FailureStage::Run;
                            first.push_back(Work::Task(attempt, Signal::TaskFailed { attempt, error, stage }));
                        }
                        Resume::Queue(request) => out.push(Output::Release(transition::queue(id, *request))),
                        Resume::Heartbeat { attempt } => {
                            first.push_back(Work::Task(attempt, Signal::TaskHeartbeat { attempt }));
                        }
                        Resume::GoOn => resident.goes_on = true,
                    }
                }
                first.append(&mut resident.inbox);
                resident.inbox = first;
            }
            Body::MapRun(definition, map_run) => {
                let effects = map_run.resume(&definition.program, now);
                resident.goes_on |= effects.iter().any(|effect| matches!(effect, MapRunEffect::GoOn));
                let is_running =
                    |child: &ChildOf| children.contains(&(MapRunId::of_arn(&child.map_run_arn), child.child));
                let (mut works, release) = transition::redo(definition, map_run, effects, is_running);
                children.extend(release.iter().filter_map(child_of));
                out.extend(release.into_iter().map(Output::Release));
                works.append(&mut resident.inbox);
                resident.inbox = works;
            }
        }
    }

    // --- Shards ---------------------------------------------------------------------------------------------------

    fn opened(&mut self, opened: OpenedShard, now: Timestamp, out: &mut Vec<Output>) {
        let OpenedShard { lease, due, owing, mail, express } = opened;
        self.memories += 1;
        let shard = Shard {
            epoch: lease.epoch,
            memory: Memory(self.memories),
            is_open: true,
            owing: owing.into_iter().collect(),
            letters: BTreeSet::new(),
        };
        let memory = shard.memory;
        self.shards.insert(lease.shard, shard);
        self.timers.opened(due, now);
        self.look_for_mail(now);
        mail.into_iter().for_each(|letter| self.arrive(letter, now, out));
        for OpenedExpress { start, definition } in express {
            let id = start.identity.id;
            match self.express.get(&id) {
                Some(ExpressStage::Running) => {}
                Some(ExpressStage::Ended) => {
                    let note = Note { express_ended: Some(id), ..Note::plain(lease.shard, memory) };
                    self.commit(Commit { write: Write::ExpressEnded(id), release: Vec::new(), note }, out);
                }
                None => {
                    self.express.insert(id, ExpressStage::Running);
                    let run = ExpressRun { start, definition, child_of: None };
                    out.push(Output::Release(Release::RunExpress(Box::new(run))));
                }
            }
        }
    }

    /// A commit of a shard failed, or it could not be read: its memory is worth nothing.
    fn lose(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        if !self.has_open(shard) {
            return;
        }
        self.drop_memory(shard, out);
        let epoch = self.shards[&shard].epoch;
        out.push(Output::Reopen(shard, epoch));
    }

    fn drop_memory(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        let Some(of_shard) = self.shards.get_mut(&shard) else { return };
        of_shard.is_open = false;
        self.memories += 1;
        of_shard.memory = Memory(self.memories);
        of_shard.owing.clear();
        of_shard.letters.clear();
        self.timers.forget(|entity| entity.shard() == shard);
        self.mail.taken.retain(|(of, _)| *of != shard);
        self.mail.forgettable.retain(|(of, _)| *of != shard);
        self.loads.waiting.retain(|(entity, _)| entity.shard() != shard);
        for entity in self.residents.of_shard(shard) {
            let Some(resident) = self.residents.remove(entity) else { continue };
            for reply in resident.inbox.into_iter().filter_map(Work::into_reply) {
                refuse(reply, Refusal::Away, out);
            }
            for (_, release) in resident.held {
                self.withhold(release, &Refusal::Away, out);
            }
        }
    }

    /// What waited for a commit that did not come.
    fn withhold(&mut self, release: Release, refusal: &Refusal, out: &mut Vec<Output>) {
        match release {
            Release::Reply(reply, _) => refuse(reply, refusal.clone(), out),
            Release::Call(call) => {
                self.calls.remove(&(call.identity.id, call.request.attempt));
            }
            Release::RunExpress(run) => {
                self.express.remove(&run.start.identity.id);
                if let Some(child) = child_of(&Release::RunExpress(run)) {
                    self.children.remove(&child);
                }
            }
            Release::Cancel(..) | Release::Queue { .. } | Release::Log { .. } => {}
        }
    }

    // --- Commits --------------------------------------------------------------------------------------------------

    fn commit(&mut self, commit: Commit, out: &mut Vec<Output>) {
        self.flight.commits += 1;
        self.flight.bytes += commit.note.bytes;
        out.push(Output::Commit(Box::new(commit)));
    }

    fn settled(&mut self, settled: Settled, now: Timestamp, out: &mut Vec<Output>) {
        let Settled { note, fate } = settled;
        self.flight.commits -= 1;
        self.flight.bytes -= note.bytes;
        let is_current = self.shards.get(&note.shard).is_some_and(|shard| shard.memory == note.memory);
        match fate {
            Fate::Durable(letters) => {
                self.durable(note, letters, is_current, now, out);
            }
            Fate::NameTaken { holder, held } => {
                let refusal = Refusal::NameTaken { holder };
                held.into_iter().for_each(|release| self.withhold(release, &refusal, out));
                if let Some((entity, _)) = note.entity.filter(|_| is_current) {
                    self.forget(entity);
                }
            }
            Fate::Lost { held } => {
                out.extend(note.sends.iter().map(|(to, _)| Output::LookForMail(to.shard())));
                held.into_iter().for_each(|release| self.withhold(release, &Refusal::Away, out));
                if is_current {
                    self.lose(note.shard, out);
                }
            }
        }
    }

    fn durable(&mut self, note: Note, letters: Vec<LetterId>, is_current: bool, now: Timestamp, out: &mut Vec<Output>) {
        for ((to, letter), id) in note.sends.into_iter().zip(letters) {
            let arrived = Arrived { id, to, letter };
            match self.shards.contains_key(&to.shard()) {
                true => self.arrive(arrived, now, out),
                false => out.push(Output::Letter(Box::new(arrived))),
            }
        }
        if let Some(id) = note.express_ended {
            self.express.remove(&id);
        }
        if !is_current {
            return;
        }
        self.letters_taken(note.shard, note.took);
        let Some((entity, revision)) = note.entity else { return };
        let Some(resident) = self.residents.get(entity) else { return };
        resident.in_flight -= 1;
        resident.is_created = true;
        while resident.held.front().is_some_and(|(needs, _)| *needs <= revision) {
            out.extend(resident.held.pop_front().map(|(_, release)| Output::Release(release)));
        }
        // Not here: whoever settles commits has no time for steps.
        self.make_ready(entity);
        self.rest(entity);
    }

    fn letters_taken(&mut self, shard: ShardId, took: Vec<LetterId>) {
        // A reading that is under way may still show them.
        if self.mail.is_reading || self.mail.next.is_some() {
            return self.mail.taken.extend(took.into_iter().map(|letter| (shard, letter)));
        }
        if let Some(shard) = self.shards.get_mut(&shard) {
            took.iter().for_each(|letter| {
                shard.letters.remove(letter);
            });
        }
    }

    // --- Turns ----------------------------------------------------------------------------------------------------

    fn turn(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let shards = |core: &Core| {
            let mut shards = Shards::NONE;
            core.shards.iter().filter(|(_, shard)| shard.is_open).for_each(|(shard, _)| shards.insert(*shard));
            Box::new(shards)
        };
        if let Some(before) = self.timers.scan(now) {
            out.push(Output::ReadDue(shards(self), before));
        }
        if !self.mail.is_reading && self.mail.next.is_some_and(|next| next <= now) {
            self.mail.is_reading = true;
            self.mail.forgettable = std::mem::take(&mut self.mail.taken);
            out.push(Output::ReadMail(shards(self), self.mail.after));
        }
        while self.may_load() {
            let Some((entity, memory)) = self.next_owing() else { break };
            // Here or on its way here: what it owes is taken up when it arrives.
            let (_, IsNew(is_new)) = self.residents.wake(entity);
            if is_new {
                self.load(entity, memory, out);
            }
        }
        // Timers and those that go on take turns, so that neither starves the other.
        if self.has_room()
            && let Some((due, entity)) = self.timers.pop(now)
        {
            if let Some(resident) = self.residents.get(entity)
                && resident.timer == Some(due)
            {
                resident.timer = None;
            }
            self.deliver(entity, Work::Timer, now, out);
            self.rest(entity);
        }
        if let Some(entity) = self.ready.pop_front() {
            if let Some(resident) = self.residents.get(entity) {
                resident.is_ready = false;
            }
            self.pump(entity, now, out);
            self.rest(entity);
        }
    }

    /// The next execution or Map Run that has to be read because it owes something.
    fn next_owing(&mut self) -> Option<(Entity, Memory)> {
        for shard in self.shards.values_mut().filter(|shard| shard.is_open) {
            let residents = &mut self.residents;
            // One that is being read stays until then: that is when it is taken up.
            let next = shard.owing.iter().find(|entity| residents.get(**entity).is_none()).copied();
            if let Some(entity) = next {
                return Some((entity, shard.memory));
            }
        }
        None
    }

    /// Lets a resident take its steps, as far as it may.
    fn pump(&mut self, entity: Entity, now: Timestamp, out: &mut Vec<Output>) {
        let Some(shard) = self.shards.get(&entity.shard()).filter(|shard| shard.is_open) else { return };
        let (memory, epoch) = (shard.memory, shard.epoch);
        let saves_heartbeats = self.residents.len() >= self.limits.unsaved_max;
        let Some(resident) = self.residents.get(entity) else { return };
        if !resident.may_step(self.limits.in_flight_max) {
            return;
        }
        let step = transition::Context {
            entity,
            memory,
            epoch,
            now,
            host: self.host.as_ref(),
            codec: &self.codec,
            deleted: &self.deleted,
            saves_heartbeats,
        };
        match transition::take(resident, &step) {
            Err(_) => return self.lose(entity.shard(), out),
            Ok(taken) => {
                out.extend(taken.at_once.into_iter().map(Output::Release));
                if let Some(commit) = taken.commit {
                    self.calls.extend(commit.release.iter().filter_map(call_of));
                    self.children.extend(commit.release.iter().filter_map(child_of));
                    self.commit(commit, out);
                }
            }
        }
        self.set_timer(entity, now);
        self.make_ready(entity);
    }

    /// It goes on when others have had their turn, if it can.
    fn make_ready(&mut self, entity: Entity) {
        let in_flight_max = self.limits.in_flight_max;
        if let Some(resident) = self.residents.get(entity)
            && resident.may_step(in_flight_max)
            && !resident.is_ready
        {
            resident.is_ready = true;
            self.ready.push_back(entity);
        }
    }

    /// Its deadline among the timers, as its memory has it.
    fn set_timer(&mut self, entity: Entity, now: Timestamp) {
        let Some(resident) = self.residents.get(entity) else { return };
        let deadline = match &resident.body {
            Body::Execution(_, execution) => execution.next_deadline(),
            Body::Loading | Body::MapRun(..) => None,
        };
        if resident.timer == deadline {
            return;
        }
        let before = std::mem::replace(&mut resident.timer, None);
        if let Some(before) = before {
            self.timers.unset(before, entity);
        }
        if let Some(due) = deadline
            && self.timers.set(due, entity, now)
            && let Some(resident) = self.residents.get(entity)
        {
            resident.timer = Some(due);
        }
    }

    /// What has nothing to do may go when there is no room; what has ended goes at once.
    fn rest(&mut self, entity: Entity) {
        let Some(resident) = self.residents.get(entity) else { return };
        if !resident.is_idle() {
            return;
        }
        match transition::is_over(&resident.body) {
            true => self.forget(entity),
            false => self.residents.rest(entity, self.limits.idle_bytes_max),
        }
    }

    fn forget(&mut self, entity: Entity) {
        let Some(resident) = self.residents.remove(entity) else { return };
        if let Some(due) = resident.timer {
            self.timers.unset(due, entity);
        }
    }
}

impl Note {
    fn plain(shard: ShardId, memory: Memory) -> Note {
        Note { shard, memory, entity: None, sends: Vec::new(), took: Vec::new(), express_ended: None, bytes: 64 }
    }
}

fn call_of(release: &Release) -> Option<(ExecutionId, AttemptId)> {
    match release {
        Release::Call(call) => Some((call.identity.id, call.request.attempt)),
        _ => None,
    }
}

fn child_of(release: &Release) -> Option<(MapRunId, u32)> {
    let Release::RunExpress(run) = release else { return None };
    let ChildOf { map_run_arn, child, .. } = run.child_of.as_ref()?;
    Some((MapRunId::of_arn(map_run_arn), *child))
}

fn refuse(reply: ReplyTo, refusal: Refusal, out: &mut Vec<Output>) {
    out.push(Output::Release(Release::Reply(reply, Err(refusal))));
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Core of {} shards, {} residents", self.shards.len(), self.residents.len())
    }
}
