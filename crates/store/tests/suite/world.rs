//! A store with its leases, and short ways to write to it.

use stepwell_engine::{Epoch, ExecutionId, ExecutionStatus, MapRunId, PayloadId, ShardId, Timestamp};
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{
    Chunk, ClosedChild, Create, Cursor, Entity, LetterId, ListOf, ListQuery, Listed, Mail, Revision, RowNumber, Sealed,
    Shards, Store, Summary, Transition, Verdict, Write,
};

/// The machine of all executions unless told otherwise.
pub(crate) const MACHINE: RowNumber = RowNumber(7);

/// The revision that they run.
pub(crate) const DEFINITION: RowNumber = RowNumber(8);

pub(crate) struct World {
    pub(crate) store: Box<dyn Store>,
    epochs: Vec<Epoch>,
    /// Where SQLite's file is.
    _directory: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) fn memory() -> World {
        World::of(Box::new(Memory::new()), None)
    }

    pub(crate) fn sqlite() -> World {
        let directory = tempfile::tempdir().unwrap();
        World::of(Box::new(Sqlite::open(directory.path()).unwrap()), Some(directory))
    }

    pub(crate) fn of(store: Box<dyn Store>, directory: Option<tempfile::TempDir>) -> World {
        let mut world = World { store, epochs: vec![Epoch(0); 256], _directory: directory };
        world.own_all(0);
        world
    }

    /// Takes all shards that are free at this time, for 1,000 ms.
    pub(crate) fn own_all(&mut self, now: i64) {
        for lease in self.store.claim("a", &Shards::ALL, Timestamp(now), Timestamp(now + 1000)).unwrap() {
            self.epochs[usize::from(lease.shard.0)] = lease.epoch;
        }
    }

    pub(crate) fn epoch(&self, shard: ShardId) -> Epoch {
        self.epochs[usize::from(shard.0)]
    }

    /// Commits writes under the epochs that the world knows.
    pub(crate) fn commit(&self, writes: impl IntoIterator<Item = Write>) -> Vec<Verdict> {
        let under_epoch = |mut write: Write| {
            match &mut write {
                Write::Transition(transition) => transition.epoch = self.epoch(transition.entity.shard()),
                Write::ExpressStarted(record) => record.epoch = self.epoch(record.execution.shard()),
                Write::Dropped { shard, epoch, .. } => *epoch = self.epoch(*shard),
                Write::ExpressEnded(_) => {}
            }
            write
        };
        self.store.commit(writes.into_iter().map(under_epoch).collect()).unwrap()
    }

    /// Commits one write that has nothing to fear.
    pub(crate) fn commit_one(&self, write: impl Into<Write>) -> Vec<LetterId> {
        match <[Verdict; 1]>::try_from(self.commit([write.into()])).unwrap() {
            [Verdict::Committed(letters)] => letters,
            [other] => panic!("{other:?}"),
        }
    }

    pub(crate) fn revision(&self, entity: Entity) -> Option<u64> {
        self.store.root(entity).unwrap().map(|root| root.revision.0)
    }

    /// The ids of a list.
    pub(crate) fn listed(&self, query: &ListQuery, after: Option<Cursor>, limit: u32) -> Vec<u128> {
        ids(&self.store.list(query, after, limit).unwrap())
    }
}

pub(crate) fn ids(listed: &[Listed]) -> Vec<u128> {
    listed.iter().map(|item| item.cursor.id).collect()
}

pub(crate) fn execution(id: u128) -> Entity {
    Entity::Execution(ExecutionId(id))
}

pub(crate) fn map_run(id: u128) -> Entity {
    Entity::MapRun(MapRunId(id))
}

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed(text.as_bytes().to_vec())
}

/// Builds a transition.
#[derive(Clone)]
pub(crate) struct Step(pub Transition);

impl From<Step> for Write {
    fn from(step: Step) -> Write {
        Write::Transition(Box::new(step.0))
    }
}

/// The first transition of an execution, which started at the time that is its id.
pub(crate) fn start(id: u128) -> Step {
    step(execution(id), 0).named(&format!(":e{id}"))
}

/// The first transition of a Map Run.
pub(crate) fn start_map_run(id: u128, of: u128) -> Step {
    let mut step = step(map_run(id), 0).named("/Map:run");
    step.create().execution = Some(ExecutionId(of));
    step
}

/// A transition of what has been written so often.
pub(crate) fn step(entity: Entity, expects: u64) -> Step {
    let id = match entity {
        Entity::Execution(id) => id.0,
        Entity::MapRun(id) => id.0,
    };
    let create = Create {
        machine: MACHINE,
        definition: DEFINITION,
        name: format!(":e{id}").as_str().into(),
        version: None,
        alias: None,
        map_run: None,
        execution: None,
    };
    Step(Transition {
        entity,
        epoch: Epoch(0),
        expects: Revision(expects),
        create: (expects == 0).then_some(create),
        chunk: None,
        closed: Vec::new(),
        payloads: Vec::new(),
        root: sealed(&format!("{id}.{}", expects + 1)),
        records: Vec::new(),
        summary: Summary {
            status: ExecutionStatus::Running,
            sort: Timestamp(id as i64),
            stopped: None,
            redriven: false,
            due: None,
            owes: 0,
        },
        sends: Vec::new(),
        took: Vec::new(),
    })
}

impl Step {
    pub(crate) fn create(&mut self) -> &mut Create {
        self.0.create.as_mut().expect("a first transition")
    }

    pub(crate) fn named(mut self, name: &str) -> Step {
        self.create().name = name.into();
        self
    }

    pub(crate) fn of_machine(mut self, machine: u64) -> Step {
        self.create().machine = RowNumber(machine);
        self
    }

    pub(crate) fn child_of(mut self, map_run: u128) -> Step {
        self.create().map_run = Some(MapRunId(map_run));
        self
    }

    pub(crate) fn by_version(mut self, version: u64) -> Step {
        self.create().version = Some(RowNumber(version));
        self
    }

    pub(crate) fn by_alias(mut self, alias: u64) -> Step {
        self.create().alias = Some(RowNumber(alias));
        self
    }

    pub(crate) fn events(mut self, first: u32, count: u32) -> Step {
        let body = sealed(&format!("events {first}..{}", first + count));
        self.0.chunk = Some(Chunk { first, count, body });
        self
    }

    /// Takes the ends of Express children.
    pub(crate) fn closes(mut self, children: &[(&str, i64, ExecutionStatus)]) -> Step {
        let first = self.0.expects.0 as u32 + 1;
        let body = sealed(&format!("children of {first}"));
        self.0.chunk = Some(Chunk { first, count: children.len() as u32, body });
        let closed = children.iter().map(|(arn, stopped, status)| ClosedChild {
            arn: (*arn).into(),
            status: *status,
            stopped: Timestamp(*stopped),
        });
        self.0.closed = closed.collect();
        self
    }

    pub(crate) fn payload(mut self, number: u32, text: &str) -> Step {
        self.0.payloads.push((PayloadId(number), sealed(text)));
        self
    }

    pub(crate) fn record(mut self, key: u64, text: &str) -> Step {
        self.0.records.push((key, Some(sealed(text))));
        self
    }

    pub(crate) fn no_record(mut self, key: u64) -> Step {
        self.0.records.push((key, None));
        self
    }

    pub(crate) fn due(mut self, at: i64) -> Step {
        self.0.summary.due = Some(Timestamp(at));
        self
    }

    pub(crate) fn owes(mut self, count: u32) -> Step {
        self.0.summary.owes = count;
        self
    }

    pub(crate) fn sends(mut self, to: Entity, text: &str) -> Step {
        self.0.sends.push(Mail { to, body: sealed(text) });
        self
    }

    pub(crate) fn took(mut self, letters: &[LetterId]) -> Step {
        self.0.took.extend_from_slice(letters);
        self
    }

    /// Ends it.
    pub(crate) fn stopped(mut self, at: i64, status: ExecutionStatus) -> Step {
        let summary = &mut self.0.summary;
        summary.status = status;
        summary.sort = Timestamp(at);
        summary.stopped = Some(Timestamp(at));
        self
    }

    /// Starts it again.
    pub(crate) fn redriven(mut self, at: i64) -> Step {
        self.0.summary.sort = Timestamp(at);
        self.0.summary.redriven = true;
        self
    }
}

pub(crate) fn all_of(of: ListOf) -> ListQuery {
    ListQuery { of, qualifier: None, status: None, redriven: None }
}

pub(crate) fn all_of_machine() -> ListQuery {
    all_of(ListOf::Machine(MACHINE))
}
