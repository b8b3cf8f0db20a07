//! A world: what it consists of, and the loop that lets one thing happen after the other.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_engine::{AttemptId, Epoch, ExecutionId, Host, Identity, ShardId, Signal};
use stepwell_node::core::{Batch, Input, Limits, OpenedShard, Reply};
use stepwell_node::{Refusal, Tokens};
use stepwell_store::memory::{Fault as StoreFault, Memory};
use stepwell_store::{Lease, Store, Stored, Verdict, Write};
use stepwell_value::Str;

use crate::audit::Audit;
use crate::chance::Chance;
use crate::clients::{Ask, Clients};
use crate::fault::{Counts, Fault, Weather};
use crate::node::{Job, Life, Node};
use crate::outside::{Express, Outside};
use crate::scenario::Scenarios;

/// How often nodes look for letters of other nodes.
const MAIL_EVERY_MS: i64 = 1_000;

/// After the last fault everything ends within so many milliseconds.
const CALM_MS: i64 = 30 * 60 * 1000;

/// So long nothing may be left to do before the world ends: who stood still until then finds out that it is late.
const QUIET_MS: i64 = 8_000;

/// More does not happen in one world: a loop that does not end is found by this.
const HAPPENINGS_MAX: u64 = 2_000_000;

/// What a check has found, in words.
pub(crate) type Checked<T = ()> = Result<T, String>;

/// What is taken away from a node, to see that it is missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// The store does not look at the epoch of a write.
    pub has_no_fence: bool,
    /// What a commit holds back is released before the commit.
    pub releases_early: bool,
    /// Names of executions are not unique, so that a repeated start starts twice.
    pub has_no_names: bool,
}

/// How a world is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Tell what happens, on the standard output.
    pub tells: bool,
    /// One node has all shards for ever, as in a single process: letters of other nodes are not looked for.
    pub is_alone: bool,
    /// What is taken away.
    pub flaws: Flaws,
}

/// What a world has seen.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Faults by kind.
    pub faults: Counts,
    /// Executions that clients started, without the children of Map Runs.
    pub executions: u64,
    /// Transitions that were committed.
    pub transitions: u64,
    /// Events that were committed.
    pub events: u64,
    /// Histories that were compared with those of a calm run.
    pub compared: u64,
    /// How long it lasted, in its own time.
    pub lasted_ms: i64,
}

impl Report {
    /// Adds that of another world.
    pub fn add(&mut self, other: &Report) {
        let Report { faults, executions, transitions, events, compared, lasted_ms } = other;
        self.faults.add(faults);
        self.executions += executions;
        self.transitions += transitions;
        self.events += events;
        self.compared += compared;
        self.lasted_ms += lasted_ms;
    }
}

/// What was promised and not kept.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// When, in milliseconds since the world began.
    pub at_ms: i64,
    /// What.
    pub what: String,
    /// How the world was run.
    pub options: Options,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Violation { seed, at_ms, what, options } = self;
        let alone = if options.is_alone { " --alone" } else { "" };
        writeln!(f, "seed {seed}, after {at_ms} ms: {what}")?;
        write!(f, "To see it again: cargo run --profile checked -p stepwell-sim -- --seed {seed}{alone} --trace")
    }
}

/// Names whoever waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// What happens.
pub(crate) enum Happening {
    /// A core has its turn.
    Turn(Life, usize),
    /// A batch reaches the store.
    Commit(Life, Box<Batch>, Vec<Write>),
    /// Its answer reaches the committer.
    Committed(Life, Box<Batch>, Stored<Vec<Verdict>>),
    /// A reader's call reaches the store.
    Read(Life, usize, Job),
    /// Something reaches a core.
    Hand(Life, usize, Box<Input>),
    /// A shard is to be read again.
    Reopen(Life, ShardId, Epoch),
    /// Shards are to be read.
    Open(Life, Vec<Lease>),
    /// They have been read.
    Opened(Life, Vec<OpenedShard>),
    /// A node looks after its leases.
    Leases(Life),
    /// Something goes wrong with a whole node.
    Mischief,
    /// A node starts.
    Start(usize),
    /// Whatever was wrong with a clock is put right.
    ClockSet(usize),
    /// A client asks.
    Ask(Ask),
    /// Its question arrives at a node.
    Arrive(usize, Ticket),
    /// An answer arrives at a client.
    Answered(Ticket, Result<Reply, Refusal>),
    /// A client waits no longer.
    GaveUp(Ticket),
    /// Something reaches an Express execution.
    Express(u64, Signal),
    /// The deadline of an Express execution may have come.
    ExpressTimer(u64),
}

type Replies = Arc<Mutex<Vec<(Ticket, Result<Reply, Refusal>)>>>;

/// A world.
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) chance: Chance,
    timeline: crate::timeline::Timeline<Happening>,
    weather: Weather,
    pub(crate) counts: Counts,
    pub(crate) store: Memory,
    /// What befalls the next call of the store.
    fault: Arc<Mutex<Option<StoreFault>>>,
    pub(crate) scenarios: Arc<Scenarios>,
    pub(crate) host: Arc<SimHost>,
    pub(crate) limits: Limits,
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: VecDeque<(usize, usize, Input)>,
    pub(crate) replies: Replies,
    tickets: u64,
    pub(crate) clients: Clients,
    pub(crate) outside: Outside,
    pub(crate) express: BTreeMap<u64, Express>,
    pub(crate) audit: RefCell<Audit>,
    pub(crate) options: Options,
}

/// What steps ask of a node.
pub(crate) struct SimHost {
    pub(crate) tokens: Tokens,
}

impl Host for SimHost {
    fn token(&self, execution: &Identity, attempt: AttemptId) -> Str {
        self.tokens.of(execution, attempt)
    }
}

/// Lives through a world; the same seed always gives the same one.
///
/// # Errors
/// What was promised and not kept.
pub fn live(seed: u64, options: Options) -> Result<Report, Violation> {
    let mut world = World::new(seed, options);
    let result = world.run();
    result.map(|()| world.report()).map_err(|what| Violation { seed, at_ms: world.now, what, options })
}

impl World {
    fn new(seed: u64, options: Options) -> World {
        let mut chance = Chance::new(seed);
        let weather = Weather::draw(&mut chance);
        let fault = Arc::new(Mutex::new(None));
        let of_calls = fault.clone();
        let nodes = if options.is_alone { 1 } else { 3 + usize::from(chance.is(200)) };
        // Small bounds are met often.
        let limits = Limits {
            idle_bytes_max: *chance.pick(&[0, 20_000, 1 << 20]),
            in_flight_max: *chance.pick(&[1, 2, 8]),
            commits_max: *chance.pick(&[8, 64, 4_096]),
            loads_max: *chance.pick(&[2, 8, 64]),
            mail_every_ms: (!options.is_alone).then_some(MAIL_EVERY_MS),
            ..Limits::default()
        };
        World {
            now: 0,
            chance,
            timeline: crate::timeline::Timeline::new(),
            weather,
            counts: Counts::default(),
            store: Memory::with_faults(move |_| *of_calls.lock().unwrap_or_else(PoisonError::into_inner)),
            fault,
            scenarios: Scenarios::get().clone(),
            host: Arc::new(SimHost { tokens: Tokens::new(b"a world's key") }),
            limits,
            nodes: (0..nodes).map(|_| Node::new()).collect(),
            inputs: VecDeque::new(),
            replies: Replies::default(),
            tickets: 0,
            clients: Clients::default(),
            outside: Outside::default(),
            express: BTreeMap::new(),
            audit: RefCell::default(),
            options,
        }
    }

    fn run(&mut self) -> Checked {
        for node in 0..self.nodes.len() {
            let delay = self.chance.between(0, 100);
            self.plan(delay, Happening::Start(node));
        }
        self.plan_clients();
        let first = self.chance.between(500, 15_000);
        self.plan(first, Happening::Mischief);
        let (mut count, mut quiet_since) = (0, None);
        while let Some((at, what)) = self.timeline.next() {
            self.now = at;
            if at > self.weather.until + CALM_MS {
                return Err(format!("it does not come to an end: {}", self.unfinished()));
            }
            count += 1;
            if count > HAPPENINGS_MAX {
                return Err(format!("too much happens: {}", self.unfinished()));
            }
            self.happen(what)?;
            self.settle_down()?;
            quiet_since = match self.is_over() {
                true => quiet_since.or(Some(at)),
                false => None,
            };
            if quiet_since.is_some_and(|since| at - since > QUIET_MS) {
                return self.final_checks();
            }
        }
        Err("nothing happens any more".into())
    }

    fn happen(&mut self, what: Happening) -> Checked {
        // What reaches a node that stands still waits; what concerns a former life of one does not reach it.
        if let Some(at) = what.node()
            && !matches!(what, Happening::Commit(..))
        {
            if !self.is_alive(at) {
                return Ok(());
            }
            let paused_until = self.nodes[at.node].paused_until;
            if self.now < paused_until {
                self.timeline.plan(paused_until, what);
                return Ok(());
            }
        }
        match what {
            Happening::Turn(at, core) => self.turn(at, core),
            Happening::Commit(at, batch, writes) => self.commit(at, batch, writes)?,
            Happening::Committed(at, batch, result) => self.committed(at, *batch, result)?,
            Happening::Read(at, core, job) => self.read(at, core, job),
            Happening::Hand(at, core, input) => self.hand(at.node, core, *input),
            Happening::Reopen(at, shard, epoch) => self.reopen(at, shard, epoch),
            Happening::Open(at, leases) => self.open(at, leases),
            Happening::Opened(at, opened) => self.opened(at, opened),
            Happening::Leases(at) => self.leases(at),
            Happening::Mischief => self.mischief(),
            Happening::Start(node) => {
                if !self.nodes[node].is_up {
                    self.start_node(node);
                }
            }
            Happening::ClockSet(node) => {
                self.nodes[node].ahead_ms = 0;
                self.nodes[node].touch_all();
            }
            Happening::Ask(ask) => self.ask(ask),
            Happening::Arrive(node, ticket) => self.arrive(node, ticket)?,
            Happening::Answered(ticket, answer) => self.hear(ticket, answer)?,
            Happening::GaveUp(ticket) => self.give_up(ticket),
            Happening::Express(key, signal) => self.step_express(key, signal)?,
            Happening::ExpressTimer(key) => self.express_timer(key)?,
        }
        Ok(())
    }

    /// Something goes wrong with a whole node; each world has at least one such thing.
    fn mischief(&mut self) {
        let index = self.chance.below(self.nodes.len());
        let fault = *self.chance.pick(&Fault::OF_NODES);
        let lasts = self.chance.between(500, 20_000);
        if self.nodes[index].is_up {
            self.counts.count(fault);
            self.tell(|| format!("node {index}: {fault:?} for {lasts} ms"));
            let until = self.now + lasts;
            match fault {
                Fault::Pause => self.nodes[index].paused_until = until,
                Fault::Cut => self.nodes[index].cut_until = until,
                Fault::ClockJump => {
                    self.nodes[index].ahead_ms = self.chance.between(-60_000, 60_000);
                    self.nodes[index].touch_all();
                    self.plan(lasts, Happening::ClockSet(index));
                }
                _ => {
                    self.crash(index);
                    self.plan(lasts, Happening::Start(index));
                }
            }
        }
        if self.now < self.weather.until {
            let next = self.chance.between(1_000, 20_000);
            self.plan(next, Happening::Mischief);
        }
    }

    // --- What its parts share -------------------------------------------------------------------------------------

    /// Plans something for so many milliseconds from now.
    pub(crate) fn plan(&mut self, after_ms: i64, what: Happening) {
        self.timeline.plan(self.now + after_ms, what);
    }

    /// Whether a fault happens now; counts it.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.weather.strikes(fault, self.now, &mut self.chance);
        if strikes {
            self.counts.count(fault);
        }
        strikes
    }

    /// Calls the store, while this befalls it.
    pub(crate) fn with_fault<T>(&self, fault: Option<StoreFault>, call: impl FnOnce(&Memory) -> T) -> T {
        let set = |fault| *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        set(fault);
        let result = call(&self.store);
        set(None);
        result
    }

    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Has those hear of it who watch.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.options.tells {
            println!("{:>9.3} {}", self.now as f64 / 1000.0, what());
        }
    }

    /// Takes away from writes what is to be missed.
    pub(crate) fn weaken(&self, writes: &mut [Write]) {
        for write in writes {
            if self.options.flaws.has_no_fence {
                let (shard, epoch) = match write {
                    Write::Transition(transition) => (transition.entity.shard(), &mut transition.epoch),
                    Write::ExpressStarted(record) => (record.execution.shard(), &mut record.epoch),
                    Write::Dropped { shard, epoch, .. } => (*shard, epoch),
                    Write::ExpressEnded(_) => continue,
                };
                // The store says which epoch it wants.
                let probe = Write::Dropped { shard, epoch: Epoch(u64::MAX), letters: Vec::new() };
                if let Ok(Some(Verdict::Fenced { found })) = self.store.commit(vec![probe]).map(|mut all| all.pop()) {
                    *epoch = found;
                }
            }
            if self.options.flaws.has_no_names
                && let Write::Transition(transition) = write
                && let entity = transition.entity
                && let Some(create) = &mut transition.create
            {
                create.name = Str::from(format!("{} {entity:?}", create.name));
            }
        }
    }

    fn report(&self) -> Report {
        let audit = self.audit.borrow();
        Report {
            faults: self.counts.clone(),
            executions: self.clients.executions(),
            transitions: audit.transitions,
            events: audit.events,
            compared: audit.compared,
            lasted_ms: self.now,
        }
    }

    /// How an execution is called in what is told.
    pub(crate) fn name_of(&self, id: ExecutionId) -> Str {
        self.audit.borrow().name_of(id)
    }
}

impl Happening {
    /// The node that it concerns.
    fn node(&self) -> Option<Life> {
        match self {
            Happening::Turn(at, _)
            | Happening::Commit(at, ..)
            | Happening::Committed(at, ..)
            | Happening::Read(at, ..)
            | Happening::Hand(at, ..)
            | Happening::Reopen(at, ..)
            | Happening::Open(at, _)
            | Happening::Opened(at, _)
            | Happening::Leases(at) => Some(*at),
            _ => None,
        }
    }
}
