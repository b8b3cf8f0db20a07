//! A node of a world: cores, a committer and readers as the driver has them, and leases as several nodes need them.
//!
//! The driver of one process has all shards for ever. Here each shard has a lease that ends: a node claims those that
//! are meant for it, and whatever else has no owner, prolongs what it holds, and stops working at a shard when its own
//! clock says that the lease has ended (architecture, 10). Clocks may be wrong; the epoch in each commit is what counts.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use stepwell_engine::{Epoch, Host, ShardId, Timestamp};
use stepwell_node::core::{
    Batch, Core, Input, OpenedShard, Output, Release, Reply, ReplyTo, Take, open_shard, read_due, read_entity,
    read_mail,
};
use stepwell_node::core::{CommitQueue, Memory as OfShard};
use stepwell_node::{Activities, Poller, Refusal, Waiting};
use stepwell_store::memory::Fault as StoreFault;
use stepwell_store::{Codec, Entity, Lease, LetterId, Shards, Store, StoreError, Stored, Verdict, Write};
use stepwell_value::Str;

use crate::fault::Fault;
use crate::world::{Checked, Happening, Ticket, World};

/// Cores of a node: letters between them take another way than those between nodes.
pub(crate) const CORES: usize = 2;

const LEASE_MS: i64 = 15_000;

/// A lease that does not end: whoever has a data directory is alone.
const FOREVER: Timestamp = Timestamp(i64::MAX);
const LEASE_TICK_MS: i64 = 2_500;

/// A node in one of its lives: what was under way in a former one concerns nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) node: usize,
    pub(crate) life: u32,
}

/// A node.
pub(crate) struct Node {
    pub(crate) life: u32,
    pub(crate) is_up: bool,
    pub(crate) cores: Vec<Core>,
    pub(crate) commits: CommitQueue,
    pub(crate) is_committing: bool,
    pub(crate) activities: Activities<Polling>,
    /// Tasks of activities that a worker was matched with.
    pub(crate) handing: BTreeMap<Ticket, Handing>,
    pub(crate) leases: BTreeMap<ShardId, Held>,
    /// What its clock is ahead, and the latest that it has shown: the driver's clock never runs backwards.
    pub(crate) ahead_ms: i64,
    latest: i64,
    pub(crate) paused_until: i64,
    pub(crate) cut_until: i64,
    /// When each core has its next turn.
    turns: [Option<i64>; CORES],
    touched: [bool; CORES],
}

/// A shard that a node holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    epoch: Epoch,
    /// By a clock that does not jump.
    until: i64,
}

/// A task on its way to a worker.
pub(crate) struct Handing {
    activity: Str,
    polling: Polling,
    pub(crate) task: Waiting,
}

/// A worker that waits for a task.
#[derive(Clone, Debug)]
pub(crate) struct Polling {
    pub(crate) ticket: Ticket,
    pub(crate) has_gone: Rc<Cell<bool>>,
}

impl Poller for Polling {
    fn has_gone(&self) -> bool {
        self.has_gone.get()
    }
}

/// Something that a core wants read.
#[derive(Debug)]
pub(crate) enum Job {
    Load(Entity, OfShard),
    Due(Box<Shards>, Timestamp),
    Mail(Box<Shards>, LetterId),
}

impl Node {
    pub(crate) fn new() -> Node {
        Node {
            life: 0,
            is_up: false,
            cores: Vec::new(),
            commits: CommitQueue::default(),
            is_committing: false,
            activities: Activities::default(),
            handing: BTreeMap::new(),
            leases: BTreeMap::new(),
            ahead_ms: 0,
            latest: 0,
            paused_until: 0,
            cut_until: 0,
            turns: [None; CORES],
            touched: [false; CORES],
        }
    }

    /// The node's time.
    pub(crate) fn clock(&mut self, now: i64) -> Timestamp {
        self.latest = self.latest.max(crate::run::START.0 + now + self.ahead_ms);
        Timestamp(self.latest)
    }

    /// When the node's clock will show a time.
    pub(crate) fn true_time(&self, at: Timestamp) -> i64 {
        at.0 - crate::run::START.0 - self.ahead_ms
    }

    /// Whether it may work at a shard, as far as it knows.
    pub(crate) fn has(&self, shard: ShardId) -> bool {
        self.is_up && self.cores[core_of(shard)].has_open(shard)
    }

    pub(crate) fn touch_all(&mut self) {
        self.touched = [true; CORES];
    }
}

/// The core of a node that has a shard.
pub(crate) fn core_of(shard: ShardId) -> usize {
    usize::from(shard.0) % CORES
}

impl World {
    pub(crate) fn start_node(&mut self, index: usize) {
        let at = self.life(index);
        let limits = self.limits.clone();
        let host: Arc<dyn Host + Send + Sync> = self.host.clone();
        let node = &mut self.nodes[index];
        node.is_up = true;
        node.cores = (0..CORES).map(|_| Core::new(host.clone(), Codec::default(), limits.clone())).collect();
        self.tell(|| format!("node {index} starts"));
        self.plan(0, Happening::Leases(at));
    }

    /// All that the node had in memory is gone.
    pub(crate) fn crash(&mut self, index: usize) {
        self.tell(|| format!("node {index} crashes"));
        let node = &mut self.nodes[index];
        let Node { life, ahead_ms, latest, cut_until, .. } = *node;
        *node = Node { life: life + 1, ahead_ms, latest, cut_until, ..Node::new() };
        self.express.retain(|_, express| express.at.node != index);
    }

    pub(crate) fn life(&self, index: usize) -> Life {
        Life { node: index, life: self.nodes[index].life }
    }

    pub(crate) fn is_alive(&self, at: Life) -> bool {
        let node = &self.nodes[at.node];
        node.is_up && node.life == at.life
    }

    // --- Cores ----------------------------------------------------------------------------------------------------

    /// Gives a core an input, when those before it have been taken in.
    pub(crate) fn hand(&mut self, node: usize, core: usize, input: Input) {
        self.inputs.push_back((node, core, input));
    }

    /// Takes in what waits for the cores, and what comes of it.
    pub(crate) fn settle_down(&mut self) -> Checked {
        loop {
            while let Some((node, core, input)) = self.inputs.pop_front() {
                if self.nodes[node].is_up {
                    self.take_in(node, core, input)?;
                }
            }
            if !self.answer_replies()? {
                break;
            }
        }
        for node in 0..self.nodes.len() {
            self.plan_turns(node);
            self.next_batch(node)?;
        }
        Ok(())
    }

    fn take_in(&mut self, index: usize, core: usize, input: Input) -> Checked {
        let node = &mut self.nodes[index];
        let now = node.clock(self.now);
        let mut out = Vec::new();
        node.touched[core] = true;
        node.cores[core].handle(input, now, &mut out);
        out.into_iter().try_for_each(|output| self.carry_out(index, core, output))
    }

    fn carry_out(&mut self, index: usize, core: usize, output: Output) -> Checked {
        let at = self.life(index);
        let delay = self.chance.between(0, 3);
        match output {
            Output::Commit(mut commit) => {
                if self.options.flaws.releases_early {
                    for release in std::mem::take(&mut commit.release) {
                        self.release(index, release)?;
                    }
                }
                self.nodes[index].commits.push(*commit);
            }
            Output::Release(release) => self.release(index, release)?,
            Output::Load(entity, memory) => self.plan(delay, Happening::Read(at, core, Job::Load(entity, memory))),
            Output::ReadDue(shards, before) => self.plan(delay, Happening::Read(at, core, Job::Due(shards, before))),
            Output::ReadMail(shards, after) => self.plan(delay, Happening::Read(at, core, Job::Mail(shards, after))),
            Output::Letter(arrived) => self.hand(index, core_of(arrived.to.shard()), Input::Letter(arrived)),
            Output::LookForMail(shard) => self.hand(index, core_of(shard), Input::LookForMail),
            Output::Reopen(shard, epoch) => {
                self.tell(|| format!("node {index} lost the memory of shard {}", shard.0));
                self.plan(delay, Happening::Reopen(at, shard, epoch));
            }
        }
        Ok(())
    }

    fn plan_turns(&mut self, index: usize) {
        for core in 0..CORES {
            let now = self.now;
            let node = &mut self.nodes[index];
            if !node.is_up || !std::mem::take(&mut node.touched[core]) {
                continue;
            }
            let clock = node.clock(now);
            let Some(next) = node.cores[core].next_turn(clock) else { continue };
            // A turn takes its time.
            let next = node.true_time(next).max(now + 1);
            if node.turns[core].is_none_or(|planned| planned > next) {
                node.turns[core] = Some(next);
                let at = self.life(index);
                self.plan(next - now, Happening::Turn(at, core));
            }
        }
    }

    pub(crate) fn turn(&mut self, at: Life, core: usize) {
        let planned = &mut self.nodes[at.node].turns[core];
        if planned.is_some_and(|planned| planned <= self.now) {
            *planned = None;
            self.hand(at.node, core, Input::Turn);
        }
    }

    // --- The committer --------------------------------------------------------------------------------------------

    fn next_batch(&mut self, index: usize) -> Checked {
        let at = self.life(index);
        let node = &mut self.nodes[index];
        if !node.is_up || node.is_committing || node.commits.is_empty() {
            return Ok(());
        }
        node.is_committing = true;
        let mut batch = node.commits.next_batch();
        let writes = std::mem::take(&mut batch.writes);
        let delay = self.chance.between(0, 3);
        self.plan(delay, Happening::Commit(at, Box::new(batch), writes));
        Ok(())
    }

    /// A batch reaches the store.
    pub(crate) fn commit(&mut self, at: Life, batch: Box<Batch>, mut writes: Vec<Write>) -> Checked {
        // What a node sent before it crashed may arrive all the same.
        if !self.is_alive(at) && self.chance.is(500) {
            return Ok(());
        }
        self.weaken(&mut writes);
        let copies = writes.clone();
        let kinds = [Fault::Fenced, Fault::Full, Fault::Io, Fault::Away, Fault::AnswerLost, Fault::CommitLate];
        let fault = match self.now < self.nodes[at.node].cut_until {
            true => Some(Fault::Away),
            false => kinds.into_iter().find(|fault| self.strikes(*fault)),
        };
        let of_store = match fault {
            Some(Fault::Fenced) => Some(StoreFault::Fenced),
            Some(Fault::Full) => Some(StoreFault::Full),
            Some(Fault::Io) => Some(StoreFault::Io),
            Some(Fault::Away) => Some(StoreFault::Away),
            _ => None,
        };
        let mut result = match writes.is_empty() {
            true => Ok(Vec::new()),
            false => self.with_fault(of_store, |store| store.commit(writes)),
        };
        if let Ok(verdicts) = &result {
            self.audit_commit(at.node, &copies, verdicts)?;
        }
        if let Some(fault) = fault {
            self.tell(|| format!("node {}: {fault:?} befalls a commit of {} writes", at.node, copies.len()));
        }
        if fault == Some(Fault::AnswerLost) {
            result = Err(StoreError::Away);
        }
        let late = if fault == Some(Fault::CommitLate) { self.chance.between(500, 8_000) } else { 0 };
        let delay = self.chance.between(0, 3) + late;
        self.plan(delay, Happening::Committed(at, batch, result));
        Ok(())
    }

    /// The answer of the store reaches the committer.
    pub(crate) fn committed(&mut self, at: Life, batch: Batch, result: Stored<Vec<Verdict>>) -> Checked {
        let node = &mut self.nodes[at.node];
        node.is_committing = false;
        let (released, settled) = node.commits.settle(batch, result);
        for release in released {
            self.release(at.node, release)?;
        }
        let mut of_core: [Vec<_>; CORES] = Default::default();
        for settled in settled {
            of_core[core_of(settled.note.shard)].push(settled);
        }
        for (core, settled) in of_core.into_iter().enumerate().filter(|(_, settled)| !settled.is_empty()) {
            self.hand(at.node, core, Input::Settled(settled));
        }
        Ok(())
    }

    fn release(&mut self, index: usize, release: Release) -> Checked {
        self.audit_release(&release)?;
        match release {
            Release::Reply(reply, answer) => reply.send(answer),
            Release::Call(call) => self.call(self.life(index), call)?,
            Release::Cancel(execution, attempt) => self.nodes[index].activities.cancel(execution, attempt),
            Release::Queue { activity, task } => {
                let matched = self.nodes[index].activities.offer(&activity, task);
                self.hand_over(index, activity, matched);
            }
            Release::RunExpress(run) => self.run_express(self.life(index), *run)?,
            Release::Log { .. } => {}
        }
        Ok(())
    }

    // --- Activities -----------------------------------------------------------------------------------------------

    /// Hands an activity's task to the worker that it was matched with, once the execution has noted it: as the driver
    /// does.
    pub(crate) fn hand_over(&mut self, index: usize, activity: Str, matched: Option<(Polling, Waiting)>) {
        let Some((polling, task)) = matched else { return };
        let ticket = self.next_ticket();
        let reply = self.reply_for(ticket);
        let Waiting { execution, attempt, input, again } = task.clone();
        let take = Take { attempt, worker_name: Some("worker".into()), input, again };
        self.nodes[index].handing.insert(ticket, Handing { activity, polling, task });
        self.hand(index, core_of(execution.shard()), Input::Take(execution, take, reply));
    }

    pub(crate) fn handed_over(&mut self, index: usize, handing: Handing, answer: Result<Reply, Refusal>) {
        let Handing { activity, polling, task } = handing;
        let activities = &mut self.nodes[index].activities;
        let matched = match answer {
            Ok(Reply::Taken(_)) if polling.has_gone.get() => {
                // The worker has gone: the next one gets the task, which history says was taken.
                activities.put_back(&activity, Waiting { again: true, ..task })
            }
            Ok(Reply::Taken(taken)) => {
                self.answered(polling.ticket, Ok(Reply::Taken(taken)));
                None
            }
            Err(refusal @ (Refusal::Throttled | Refusal::Away)) => {
                let matched = match refusal {
                    Refusal::Throttled => activities.put_back(&activity, task),
                    _ => None,
                };
                self.answered(polling.ticket, Err(refusal));
                matched
            }
            // Nobody waits for this task any longer.
            Ok(_) | Err(_) => activities.give_back(&activity, polling),
        };
        self.hand_over(index, activity, matched);
    }

    // --- Readers --------------------------------------------------------------------------------------------------

    /// A reader's call reaches the store.
    pub(crate) fn read(&mut self, at: Life, core: usize, job: Job) {
        let (fault, delay) = self.read_fault(at.node);
        let scenarios = self.scenarios.clone();
        let codec = Codec::default();
        let input = self.with_fault(fault, |store| match job {
            Job::Load(entity, memory) => {
                Input::Loaded(entity, memory, read_entity(store, &codec, scenarios.as_ref(), entity))
            }
            Job::Due(shards, before) => Input::Due(read_due(store, &shards, before)),
            Job::Mail(shards, after) => Input::Mail(read_mail(store, &codec, scenarios.as_ref(), &shards, after)),
        });
        self.plan(delay, Happening::Hand(at, core, Box::new(input)));
    }

    fn read_fault(&mut self, node: usize) -> (Option<StoreFault>, i64) {
        let is_cut = self.now < self.nodes[node].cut_until;
        let fault = (is_cut || self.strikes(Fault::ReadFailed)).then_some(StoreFault::Away);
        let late = if self.strikes(Fault::ReadLate) { self.chance.between(100, 5_000) } else { 0 };
        (fault, self.chance.between(0, 3) + late)
    }

    /// The memory of a shard was lost: it is read again, if it is still ours.
    pub(crate) fn reopen(&mut self, at: Life, shard: ShardId, epoch: Epoch) {
        let now = self.now;
        let node = &mut self.nodes[at.node];
        if node.leases.get(&shard).is_none_or(|held| held.epoch != epoch) {
            return;
        }
        let clock = node.clock(now);
        let until = self.lease_end(clock);
        let (fault, _) = self.read_fault(at.node);
        let mut want = Shards::NONE;
        want.insert(shard);
        let leases = self.with_fault(fault, |store| match store.renew(&[Lease { shard, epoch }], until) {
            Ok(renewed) if renewed.is_empty() => store.claim("", &want, clock, until),
            result => result,
        });
        match leases {
            Err(_) => {
                let delay = self.chance.between(50, 1_000);
                self.plan(delay, Happening::Reopen(at, shard, epoch));
            }
            Ok(leases) if leases.is_empty() => self.close(at.node, shard),
            Ok(leases) => self.took(at, leases),
        }
    }

    // --- Leases ---------------------------------------------------------------------------------------------------

    /// When a lease ends that is taken or prolonged now.
    fn lease_end(&self, clock: Timestamp) -> Timestamp {
        if self.options.is_alone { FOREVER } else { clock.after_ms(LEASE_MS) }
    }

    /// Leases are ours now: they are noted and their shards read.
    fn took(&mut self, at: Life, leases: Vec<Lease>) {
        let until = if self.options.is_alone { i64::MAX } else { self.now + LEASE_MS };
        for lease in &leases {
            self.nodes[at.node].leases.insert(lease.shard, Held { epoch: lease.epoch, until });
        }
        let delay = self.chance.between(0, 3);
        self.plan(delay, Happening::Open(at, leases));
    }

    pub(crate) fn open(&mut self, at: Life, mut leases: Vec<Lease>) {
        let held = &self.nodes[at.node].leases;
        leases.retain(|lease| held.get(&lease.shard).is_some_and(|held| held.epoch == lease.epoch));
        if leases.is_empty() {
            return;
        }
        let (fault, mut delay) = self.read_fault(at.node);
        // Reading many shards takes longer.
        if (0..8).any(|_| self.strikes(Fault::ReadLate)) {
            delay += self.chance.between(100, 4_000);
        }
        let clock = self.nodes[at.node].clock(self.now);
        let scenarios = self.scenarios.clone();
        let opened =
            self.with_fault(fault, |store| open_shard(store, &Codec::default(), scenarios.as_ref(), &leases, clock));
        match opened {
            Ok(opened) => self.plan(delay, Happening::Opened(at, opened)),
            Err(_) => {
                let delay = self.chance.between(50, 1_000);
                self.plan(delay, Happening::Open(at, leases));
            }
        }
    }

    pub(crate) fn opened(&mut self, at: Life, opened: Vec<OpenedShard>) {
        for shard in opened {
            let Lease { shard: id, epoch } = shard.lease;
            let held = self.nodes[at.node].leases.get(&id);
            if held.is_some_and(|held| held.epoch == epoch) {
                self.hand(at.node, core_of(id), Input::Opened(Box::new(shard)));
            }
        }
    }

    fn close(&mut self, index: usize, shard: ShardId) {
        self.tell(|| format!("node {index} gives up shard {}", shard.0));
        self.nodes[index].leases.remove(&shard);
        self.hand(index, core_of(shard), Input::Closed(shard));
    }

    /// Now and then a node looks after its leases.
    pub(crate) fn leases(&mut self, at: Life) {
        let index = at.node;
        let now = self.now;
        if self.options.is_alone {
            return self.claim_all(at);
        }
        let ended: Vec<_> = self.nodes[index].leases.iter().filter(|(_, held)| held.until <= now).collect();
        let ended: Vec<ShardId> = ended.into_iter().map(|(shard, _)| *shard).collect();
        ended.into_iter().for_each(|shard| self.close(index, shard));
        self.renew(index);
        self.give_back(index);
        self.claim(at);
        let delay = LEASE_TICK_MS + self.chance.between(-200, 200);
        self.plan(delay, Happening::Leases(at));
    }

    /// A process that has the data directory opens it again: nobody else holds leases.
    fn claim_all(&mut self, at: Life) {
        let leases = self.store.claim("", &Shards::ALL, FOREVER, FOREVER).unwrap_or_default();
        self.took(at, leases);
    }

    fn renew(&mut self, index: usize) {
        let held: Vec<_> =
            self.nodes[index].leases.iter().map(|(shard, held)| Lease { shard: *shard, epoch: held.epoch }).collect();
        let until = self.nodes[index].clock(self.now).after_ms(LEASE_MS);
        let Ok(renewed) = self.lease_call(index, |store| store.renew(&held, until)) else { return };
        let renewed: BTreeSet<ShardId> = renewed.into_iter().map(|lease| lease.shard).collect();
        let until = self.now + LEASE_MS;
        for lease in held {
            match renewed.contains(&lease.shard) {
                true => {
                    self.nodes[index].leases.insert(lease.shard, Held { epoch: lease.epoch, until });
                }
                false => self.close(index, lease.shard),
            }
        }
    }

    /// Shards that are meant for another node which is there to take them.
    fn give_back(&mut self, index: usize) {
        let nodes = self.nodes.len();
        let meant_for = |shard: ShardId| usize::from(shard.0) / CORES % nodes;
        let others = self.nodes[index].leases.keys().filter(|shard| meant_for(**shard) != index);
        let wanted: Vec<_> = others.filter(|shard| self.nodes[meant_for(**shard)].is_up).copied().collect();
        if !wanted.is_empty() && self.chance.is(200) {
            wanted.into_iter().for_each(|shard| self.close(index, shard));
        }
    }

    fn claim(&mut self, at: Life) {
        let (index, nodes) = (at.node, self.nodes.len());
        let takes_all = self.now > LEASE_MS && self.chance.is(400);
        let mut want = Shards::NONE;
        let is_ours = |shard: &ShardId| takes_all || usize::from(shard.0) / CORES % nodes == index;
        let node = &mut self.nodes[index];
        let free = Shards::ALL.iter().filter(|shard| is_ours(shard) && !node.leases.contains_key(shard));
        free.collect::<Vec<_>>().into_iter().for_each(|shard| want.insert(shard));
        if want == Shards::NONE {
            return;
        }
        let clock = node.clock(self.now);
        let until = clock.after_ms(LEASE_MS);
        let Ok(leases) = self.lease_call(index, |store| store.claim("", &want, clock, until)) else { return };
        if leases.is_empty() {
            return;
        }
        self.tell(|| format!("node {index} takes {} shards", leases.len()));
        leases.iter().filter(|lease| lease.epoch > Epoch(1)).for_each(|_| self.counts.count(Fault::Takeover));
        self.took(at, leases);
    }

    fn lease_call(&mut self, index: usize, call: impl FnOnce(&dyn Store) -> Stored<Vec<Lease>>) -> Stored<Vec<Lease>> {
        let fault = match self.now < self.nodes[index].cut_until {
            true => Some(StoreFault::Away),
            false => self.strikes(Fault::LeaseLost).then_some(StoreFault::AnswerLost),
        };
        self.with_fault(fault, |store| call(store))
    }

    /// Where the answer goes that a ticket was given for.
    pub(crate) fn reply_for(&self, ticket: Ticket) -> ReplyTo {
        let replies = self.replies.clone();
        ReplyTo::new(move |answer| {
            replies.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((ticket, answer));
        })
    }
}
