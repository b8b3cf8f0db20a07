//! The core of a node: shards with their executions and Map Runs, timers and letters. No threads, clock or I/O.
//!
//! Whoever drives it hands in one [`Input`] after another with the time, and carries out the [`Output`]s in their order.
//! Several transitions of one execution may be on their way to the store at a time; what one of them releases waits for
//! that one. See the crate's page for the life of a signal.

mod children;
mod commit;
mod letters;
mod message;
mod read;
mod requests;
mod resident;
mod settle;
mod shards;
mod timers;
mod transition;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use stepwell_engine::{
    AttemptId, Described, Epoch, ExecutionId, Host, MapRunId, MapRunSignal, ShardId, Signal, Timestamp,
};
use stepwell_store::{Codec, Entity, Lease, LetterId, Revision, RowNumber};

pub use children::{ClosedChildren, EndedChild};
pub use commit::{BATCH_BYTES_MAX, BATCH_WRITES_MAX, Batch, Commit, CommitQueue, Fate, Memory, Note, Settled};
pub use message::{ExpressRun, Input, Letter, NewStart, Output, Release, Reply, ReplyTo};
pub use read::{
    Arrived, LoadedEntity, OpenedExpress, OpenedShard, ReadError, ReadMail, StoredPayloads, open_shard, read_due,
    read_entity, read_mail,
};
pub use resident::Take;
pub use timers::{SCAN_LIMIT, SCAN_MS};

use crate::api::Refusal;
use children::Children;
use resident::{Residents, Work};
use timers::Timers;

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
    /// How often letters of other nodes are looked for; none: there are no other nodes. Where there are, one of them may
    /// have taken a shard unnoticed: then even a refusal waits for a commit, which shows whose the shard is.
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
    owing: Owing,
    residents: Residents,
    timers: Timers,
    /// Those that have something to do when others have had their turn.
    ready: VecDeque<Entity>,
    loads: Loads,
    flight: Flight,
    /// Calls that this node has made, or will make when their commit is durable, and that are not answered.
    calls: BTreeSet<(ExecutionId, AttemptId)>,
    /// Answers of such calls that are not durable yet: should their commit fail, they are taken once more.
    answered: BTreeMap<(ExecutionId, AttemptId), Signal>,
    children: Children,
    express: BTreeMap<ExecutionId, ExpressStage>,
    mail: Mail,
    deleted: BTreeSet<RowNumber>,
    is_draining: bool,
    memories: u64,
}

/// A shard of this core.
#[derive(Debug)]
struct Shard {
    epoch: Epoch,
    memory: Memory,
    /// Its memory may be used; otherwise it is being read, or will be.
    is_open: bool,
    /// It is read again as soon as nothing of it is on its way to the store.
    is_to_be_read: bool,
    /// Letters that have arrived and may arrive again.
    letters: BTreeSet<LetterId>,
}

/// Executions and Map Runs of open shards that owe something since a crash, which is taken up when they are read.
#[derive(Debug, Default)]
struct Owing {
    /// Those that have yet to be read.
    unread: BTreeSet<Entity>,
    /// Those that are being read.
    asked_for: BTreeSet<Entity>,
}

impl Owing {
    /// One was read; whether it was among them.
    fn remove(&mut self, entity: Entity) -> bool {
        self.unread.remove(&entity) | self.asked_for.remove(&entity)
    }

    fn forget(&mut self, shard: ShardId) {
        self.unread.retain(|entity| entity.shard() != shard);
        self.asked_for.retain(|entity| entity.shard() != shard);
    }
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
    /// Commits of each shard that has some.
    of_shard: BTreeMap<ShardId, usize>,
}

impl Flight {
    fn departs(&mut self, note: &Note) {
        self.commits += 1;
        self.bytes += note.bytes;
        *self.of_shard.entry(note.shard).or_default() += 1;
    }

    fn lands(&mut self, note: &Note) {
        self.commits -= 1;
        self.bytes -= note.bytes;
        if let Some(commits) = self.of_shard.get_mut(&note.shard) {
            *commits -= 1;
            if *commits == 0 {
                self.of_shard.remove(&note.shard);
            }
        }
    }
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
    /// Every letter that was in the store when the last shard was opened has arrived.
    is_caught_up: bool,
    /// The store knows none of these, of each of which a letter has come; before all letters have arrived that says little.
    unknown: Vec<(Entity, Memory)>,
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
            owing: Owing::default(),
            residents: Residents::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            loads: Loads::default(),
            flight: Flight::default(),
            calls: BTreeSet::new(),
            answered: BTreeMap::new(),
            children: Children::default(),
            express: BTreeMap::new(),
            mail: Mail::default(),
            deleted: BTreeSet::new(),
            is_draining: false,
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
                if self.calls.remove(&(id, attempt)) {
                    self.answered.insert((id, attempt), signal.clone());
                }
                self.deliver(Entity::Execution(id), Work::Task(attempt, signal), now, out);
            }
            Input::Letter(arrived) => self.arrive(*arrived, now, out),
            Input::LookForMail => self.look_for_mail(now),
            Input::ChildEnded { map_run, child, end, cannot_run } => {
                // When the node stops, it starts over with the next start; its Map Run starts no others now.
                if self.is_draining || !self.has_open(map_run.shard()) {
                    return self.children.forget(map_run, &[child]);
                }
                self.children.end(map_run, child);
                let entity = Entity::MapRun(map_run);
                if let Some(cause) = cannot_run {
                    self.deliver(entity, Work::MapRun(MapRunSignal::CannotRun(cause)), now, out);
                }
                self.deliver(entity, Work::ChildEnded(child, end), now, out);
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
                self.answered.retain(|(id, _), _| id.shard() != shard);
                // Those that run here have a new owner, who starts them over.
                self.express.retain(|id, _| id.shard() != shard);
            }
            Input::MachineDeleted(machine) => {
                self.deleted.insert(machine);
            }
            Input::Drain => self.is_draining = true,
            Input::Turn => self.turn(now, out),
        }
    }

    /// When it wants its next [`Input::Turn`]; none: when something happened.
    pub fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.ready.is_empty() {
            return Some(now);
        }
        if self.is_draining {
            return None;
        }
        if self.may_load() && !self.owing.unread.is_empty() {
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

    /// Whether something waits for a turn that need not wait for a time.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Number of calls that are not answered.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Express executions that run for it, or whose end is not durable.
    pub fn open_express(&self) -> usize {
        self.express.len() + self.children.len()
    }

    /// Express children of a Map Run that run, by their numbers there: those whose start is durable and whose end is not.
    pub fn running_children(&self, map_run: MapRunId) -> Vec<(u32, Described)> {
        let durable = self.durable_revision(map_run);
        self.children.shown(map_run, durable).collect()
    }

    /// The one of them that has this ARN.
    pub fn running_child(&self, arn: &str) -> Option<Described> {
        let (map_run, number) = self.children.find(arn)?;
        let durable = self.durable_revision(map_run);
        self.children.shown(map_run, durable).find(|(shown, _)| *shown == number).map(|(_, described)| described)
    }

    fn durable_revision(&self, map_run: MapRunId) -> Revision {
        match self.residents.peek(Entity::MapRun(map_run)) {
            Some(resident) => Revision(resident.revision.0 - u64::from(resident.in_flight)),
            // It was dropped because nothing was on its way.
            None => Revision(u64::MAX),
        }
    }

    /// Executions and Map Runs in memory, and deadlines in memory.
    pub fn sizes(&self) -> (usize, usize) {
        (self.residents.len(), self.timers.len())
    }

    /// That its shards are its own, as far as it knows.
    pub fn leases(&self) -> impl Iterator<Item = Lease> + '_ {
        self.shards.iter().map(|(shard, held)| Lease { shard: *shard, epoch: held.epoch })
    }

    /// Answers of calls were taken, and that is durable or has changed nothing.
    fn forget_answers(&mut self, of: Entity, answered: &[AttemptId]) {
        if let Entity::Execution(id) = of {
            answered.iter().for_each(|attempt| {
                self.answered.remove(&(id, *attempt));
            });
        }
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
}

impl Note {
    fn plain(shard: ShardId, memory: Memory) -> Note {
        Note {
            shard,
            memory,
            entity: None,
            sends: Vec::new(),
            took: Vec::new(),
            answered: Vec::new(),
            express_ended: None,
            children_ended: Vec::new(),
            bytes: 64,
        }
    }
}

fn call_of(release: &Release) -> Option<(ExecutionId, AttemptId)> {
    match release {
        Release::Call(call) => Some((call.identity.id, call.request.attempt)),
        _ => None,
    }
}

fn refuse(reply: ReplyTo, refusal: Refusal, out: &mut Vec<Output>) {
    out.push(Output::Release(Release::Reply(reply, Err(refusal))));
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Core of {} shards, {} residents", self.shards.len(), self.residents.len())
    }
}
