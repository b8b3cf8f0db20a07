//! A store in memory, plain enough to be the model of the others, with faults that a plan of the caller injects.
//!
//! Executions are found by indexes, so that many of them may be kept; of the catalogue and the letters all are looked at.

mod index;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_engine::{Epoch, ExecutionId, ExecutionStatus, MapRunId, PayloadId, ShardId, Timestamp};
use stepwell_value::Str;

use crate::{
    CatalogueWrite, Chunk, ClosedChild, ClosedPlace, Conflict, Create, Cursor, Entity, ExpressRecord, Kind, Lease,
    Letter, LetterId, ListQuery, Listed, Loaded, Parent, Revision, Root, Row, RowNumber, RowQuery, Sealed, Shards,
    Store, StoreError, Stored, Summary, Transition, Verdict, Write,
};

use index::{Index, List, STATUSES};

/// What happens to a call instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is done, and its answer is lost: the caller sees [`StoreError::Away`].
    AnswerLost,
    /// Before the call, all shards of the batch get a new epoch, as if another node had taken them and gone.
    Fenced,
    /// Nothing is done: [`StoreError::Full`].
    Full,
    /// Nothing is done: [`StoreError::Io`].
    Io,
    /// Nothing is done: [`StoreError::Away`].
    Away,
}

/// A call that a fault may befall.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// [`Store::commit`]
    Commit(&'a [Write]),
    /// Whatever reads executions, letters or the catalogue.
    Read,
    /// [`Store::claim`] or [`Store::renew`]
    Lease,
    /// [`Store::expire`], [`Store::write_catalogue`] or [`Store::keep`]
    Chore,
}

/// Decides for each call what befalls it. It may block, which delays that call and no other.
pub type Plan = Arc<dyn Fn(Call<'_>) -> Option<Fault> + Send + Sync>;

/// A store in memory. Share it among nodes: it is what outlives them.
pub struct Memory {
    plan: Mutex<Plan>,
    state: Mutex<State>,
}

impl Memory {
    /// An empty store that never fails.
    pub fn new() -> Memory {
        Memory::with_faults(|_| None)
    }

    /// An empty store whose calls this plan befalls.
    pub fn with_faults(plan: impl Fn(Call<'_>) -> Option<Fault> + Send + Sync + 'static) -> Memory {
        Memory { plan: Mutex::new(Arc::new(plan)), state: Mutex::default() }
    }

    /// From now on this plan befalls the calls.
    pub fn set_faults(&self, plan: impl Fn(Call<'_>) -> Option<Fault> + Send + Sync + 'static) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    fn fault(&self, call: Call<'_>) -> Option<Fault> {
        let plan = Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner));
        plan(call)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(&self, call: Call<'_>, act: impl FnOnce(&mut State) -> T) -> Stored<T> {
        let fault = self.fault(call);
        befall(fault, || act(&mut self.state()))
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Stored<T> {
        self.call(Call::Read, |state| look(state))
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

fn befall<T>(fault: Option<Fault>, act: impl FnOnce() -> T) -> Stored<T> {
    match fault {
        None | Some(Fault::Fenced) => Ok(act()),
        Some(Fault::AnswerLost) => {
            act();
            Err(StoreError::Away)
        }
        Some(Fault::Full) => Err(StoreError::Full),
        Some(Fault::Io) => Err(StoreError::Io("injected".into())),
        Some(Fault::Away) => Err(StoreError::Away),
    }
}

/// The shard and the epoch that a write names.
fn write_epoch(write: &Write) -> Option<(ShardId, Epoch)> {
    match write {
        Write::Transition(transition) => Some((transition.entity.shard(), transition.epoch)),
        Write::ExpressStarted(record) => Some((record.execution.shard(), record.epoch)),
        Write::Dropped { shard, epoch, .. } => Some((*shard, *epoch)),
        Write::ExpressEnded(_) => None,
    }
}

#[derive(Default)]
struct State {
    leases: BTreeMap<ShardId, Ownership>,
    entities: BTreeMap<Entity, Held>,
    index: Index,
    names: BTreeMap<(RowNumber, Str), ExecutionId>,
    letters: BTreeMap<LetterId, (Entity, Sealed)>,
    last_letter: u64,
    express: BTreeMap<ExecutionId, ExpressRecord>,
    rows: BTreeMap<RowNumber, Row>,
    last_row: u64,
    kept: BTreeMap<String, Vec<u8>>,
}

/// Who owns a shard.
#[derive(Default)]
struct Ownership {
    epoch: u64,
    /// Until when.
    owner: Option<Timestamp>,
}

impl Ownership {
    /// A new owner, or none.
    fn pass_on(&mut self, owner: Option<Timestamp>) {
        self.epoch += 1;
        self.owner = owner;
    }
}

/// All there is of an execution or a Map Run.
struct Held {
    create: Create,
    revision: Revision,
    root: Sealed,
    summary: Summary,
    records: BTreeMap<u64, Sealed>,
    payloads: BTreeMap<PayloadId, Sealed>,
    chunks: BTreeMap<u32, Chunk>,
    /// Of a Map Run, the Express children that its chunks describe.
    closed: Vec<(ClosedChild, ClosedPlace)>,
}

impl Held {
    fn root(&self) -> Root {
        let Create { definition, map_run, .. } = self.create;
        Root { revision: self.revision, definition, map_run, record: self.root.clone() }
    }

    /// Whether a list that it stands in shows it.
    fn is_shown(&self, query: &ListQuery) -> bool {
        let create = &self.create;
        query.qualifier.is_none_or(|row| create.version == Some(row) || create.alias == Some(row))
            && query.redriven.is_none_or(|redriven| self.summary.redriven == redriven)
    }

    fn cursor(&self, entity: Entity) -> Cursor {
        let id = match entity {
            Entity::Execution(id) => id.0,
            Entity::MapRun(id) => id.0,
        };
        Cursor { sort: self.summary.sort, id }
    }
}

impl State {
    fn lease(&mut self, shard: ShardId) -> &mut Ownership {
        self.leases.entry(shard).or_default()
    }

    fn write(&mut self, write: Write) -> Verdict {
        if let Some((shard, epoch)) = write_epoch(&write) {
            let found = Epoch(self.lease(shard).epoch);
            if found != epoch {
                return Verdict::Fenced { found };
            }
        }
        match write {
            Write::Transition(transition) => return self.transition(*transition),
            Write::ExpressStarted(record) => {
                self.express.insert(record.execution, record);
            }
            Write::ExpressEnded(execution) => {
                self.express.remove(&execution);
            }
            Write::Dropped { letters, .. } => letters.iter().for_each(|id| {
                self.letters.remove(id);
            }),
        }
        Verdict::Committed(Vec::new())
    }

    fn transition(&mut self, transition: Transition) -> Verdict {
        let Transition {
            entity, expects, create, chunk, closed, payloads, root, records, summary, sends, took, ..
        } = transition;
        let found = self.entities.get(&entity).map_or(Revision(0), |held| held.revision);
        if found != expects {
            return Verdict::Stale { found };
        }
        if let Some(create) = create {
            if let Entity::Execution(id) = entity {
                let holder = *self.names.entry((create.machine, create.name.clone())).or_insert(id);
                if holder != id {
                    return Verdict::NameTaken { holder };
                }
            }
            let held = Held {
                create,
                revision: Revision(0),
                root: Sealed(Vec::new()),
                summary,
                records: BTreeMap::new(),
                payloads: BTreeMap::new(),
                chunks: BTreeMap::new(),
                closed: Vec::new(),
            };
            self.index.add(entity, &held);
            self.entities.insert(entity, held);
        }
        let held = self.entities.get_mut(&entity).expect("its revision was found");
        held.revision.0 += 1;
        held.root = root;
        if held.summary != summary {
            self.index.remove(entity, held);
            held.summary = summary;
            self.index.add(entity, held);
        }
        held.payloads.extend(payloads);
        if let (Entity::MapRun(map_run), Some(chunk)) = (entity, &chunk) {
            held.closed.extend(closed.into_iter().zip(0..).map(|(child, place)| {
                let place = ClosedPlace { map_run, chunk: chunk.first, place };
                (child, place)
            }));
        }
        held.chunks.extend(chunk.map(|chunk| (chunk.first, chunk)));
        for (key, record) in records {
            match record {
                Some(record) => held.records.insert(key, record),
                None => held.records.remove(&key),
            };
        }
        took.iter().for_each(|id| {
            self.letters.remove(id);
        });
        let sent = sends.into_iter().map(|mail| {
            self.last_letter += 1;
            self.letters.insert(LetterId(self.last_letter), (mail.to, mail.body));
            LetterId(self.last_letter)
        });
        Verdict::Committed(sent.collect())
    }

    fn held(&self, entity: Entity) -> Option<&Held> {
        self.entities.get(&entity)
    }

    /// What stands behind a place in a list, in the order of lists: the first of each status, merged.
    fn page(
        &self,
        list: List,
        status: Option<ExecutionStatus>,
        is_shown: impl Fn(&Held) -> bool,
        after: Option<Cursor>,
        limit: u32,
    ) -> Vec<Listed> {
        let mut found = Vec::new();
        for of in STATUSES.into_iter().filter(|of| status.is_none_or(|status| status == *of)) {
            let held = self.index.listed(list, of, after).filter_map(|cursor| {
                let held = self.held(list.entity(cursor.id)).filter(|held| is_shown(held))?;
                Some((cursor, held))
            });
            found.extend(held.take(limit as usize));
        }
        found.sort_by_key(|(cursor, _)| Reverse((cursor.sort, cursor.id)));
        let page = found.into_iter().take(limit as usize);
        page.map(|(cursor, held)| Listed { cursor, root: held.root() }).collect()
    }

    fn history(&self, execution: ExecutionId, from: u32, reverse: bool, events_max: u32) -> Vec<Chunk> {
        let Some(held) = self.held(Entity::Execution(execution)) else { return Vec::new() };
        let end = |chunk: &Chunk| chunk.first + chunk.count - 1;
        let mut forwards;
        let mut backwards;
        let chunks: &mut dyn Iterator<Item = (&u32, &Chunk)> = match reverse {
            false => {
                // `from` lies in the last chunk that begins there or before.
                let first = held.chunks.range(..=from).next_back().map_or(0, |(first, _)| *first);
                forwards = held.chunks.range(first..);
                &mut forwards
            }
            true => {
                backwards = held.chunks.range(..=from).rev();
                &mut backwards
            }
        };
        let mut events = 0;
        let wanted = chunks.map_while(|(_, chunk)| {
            // Of the chunk that `from` lies in, only the events on one side of it count.
            let counted = match reverse {
                false => (end(chunk) + 1).saturating_sub(chunk.first.max(from)),
                true => (end(chunk).min(from) + 1).saturating_sub(chunk.first),
            };
            let is_wanted = events < events_max;
            events += counted;
            is_wanted.then_some((chunk, counted))
        });
        wanted.filter(|(_, counted)| *counted > 0).map(|(chunk, _)| chunk.clone()).collect()
    }

    fn expire(&mut self, before: Timestamp, limit: u32) -> u32 {
        let closed = self.index.closed.iter().take_while(|(stopped, _)| *stopped < before).take(limit as usize);
        let closed: Vec<ExecutionId> = closed.map(|(_, id)| *id).collect();
        for id in &closed {
            let map_runs = STATUSES.map(|status| self.index.listed(List::MapRuns(*id), status, None));
            let map_runs: Vec<_> = map_runs.into_iter().flatten().map(|run| Entity::MapRun(MapRunId(run.id))).collect();
            map_runs.into_iter().chain([Entity::Execution(*id)]).for_each(|entity| self.remove(entity));
        }
        closed.len() as u32
    }

    fn remove(&mut self, entity: Entity) {
        let Some(held) = self.entities.remove(&entity) else { return };
        self.index.remove(entity, &held);
        if let Entity::Execution(_) = entity {
            self.names.remove(&(held.create.machine, held.create.name));
        }
    }

    /// Whether a write can be made; what it inserts is checked against the rows and against what came before it.
    fn write_row(&mut self, write: CatalogueWrite, inserted: &[RowNumber]) -> Option<RowNumber> {
        match write {
            CatalogueWrite::Insert { kind, key, parent, body } => {
                let parent = match parent {
                    None => None,
                    Some(Parent::Row(number)) => Some(self.rows.get(&number)?.number),
                    Some(Parent::Inserted(place)) => Some(inserted[place]),
                };
                self.free_key(kind, &key)?;
                self.last_row += 1;
                let number = RowNumber(self.last_row);
                self.rows.insert(number, Row { number, kind, key, parent, version: 1, body });
                Some(number)
            }
            CatalogueWrite::Update { number, expects, key, body } => {
                let row = self.rows.get(&number).filter(|row| row.version == expects)?;
                if let Some(key) = key.as_ref().filter(|key| **key != row.key) {
                    self.free_key(row.kind, key)?;
                }
                let row = self.rows.get_mut(&number)?;
                row.version += 1;
                row.body = body;
                row.key = key.unwrap_or_else(|| row.key.clone());
                Some(number)
            }
            CatalogueWrite::Delete { number, expects } => {
                self.rows.get(&number).filter(|row| row.version == expects)?;
                self.rows.remove(&number);
                Some(number)
            }
        }
    }

    /// Undoes changes of rows, the last one first.
    fn restore(&mut self, former: Vec<(RowNumber, Option<Row>)>) {
        for (number, row) in former.into_iter().rev() {
            match row {
                Some(row) => self.rows.insert(number, row),
                None => self.rows.remove(&number),
            };
        }
    }

    fn free_key(&self, kind: Kind, key: &str) -> Option<()> {
        self.row_of(kind, key).is_none().then_some(())
    }

    fn row_of(&self, kind: Kind, key: &str) -> Option<&Row> {
        self.rows.values().find(|row| row.kind == kind && row.key == key)
    }

    fn rows(&self, query: &RowQuery) -> Vec<Row> {
        let is_wanted = |row: &&Row| {
            let is_behind = query.after.is_none_or(|after| match query.descending {
                false => row.number > after,
                true => row.number < after,
            });
            is_behind
                && row.kind == query.kind
                && query.parent.is_none_or(|parent| row.parent == Some(parent))
                && row.key.starts_with(query.key_starts.as_str())
        };
        let mut rows: Vec<Row> = self.rows.values().filter(is_wanted).cloned().collect();
        if query.descending {
            rows.reverse();
        }
        rows.truncate(query.limit as usize);
        rows
    }
}

impl Store for Memory {
    fn commit(&self, batch: Vec<Write>) -> Stored<Vec<Verdict>> {
        batch.iter().for_each(Write::assert_consistent);
        let fault = self.fault(Call::Commit(&batch));
        let mut state = self.state();
        if fault == Some(Fault::Fenced) {
            for write in &batch {
                if let Some((shard, _)) = write_epoch(write) {
                    state.lease(shard).pass_on(None);
                }
            }
        }
        befall(fault, || batch.into_iter().map(|write| state.write(write)).collect())
    }

    fn load(&self, entity: Entity) -> Stored<Option<Loaded>> {
        self.read(|state| {
            let held = state.held(entity)?;
            let records = held.records.iter().map(|(key, record)| (*key, record.clone()));
            Some(Loaded { root: held.root(), records: records.collect() })
        })
    }

    fn root(&self, entity: Entity) -> Stored<Option<Root>> {
        self.read(|state| state.held(entity).map(Held::root))
    }

    fn payload(&self, execution: ExecutionId, payload: PayloadId) -> Stored<Option<Sealed>> {
        self.read(|state| state.held(Entity::Execution(execution))?.payloads.get(&payload).cloned())
    }

    fn history(&self, execution: ExecutionId, from: u32, reverse: bool, events_max: u32) -> Stored<Vec<Chunk>> {
        self.read(|state| state.history(execution, from, reverse, events_max))
    }

    fn find(&self, machine: RowNumber, name: &str) -> Stored<Option<ExecutionId>> {
        self.read(|state| state.names.get(&(machine, Str::from(name))).copied())
    }

    fn list(&self, query: &ListQuery, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>> {
        let is_shown = |held: &Held| held.is_shown(query);
        self.read(|state| state.page(query.of.into(), query.status, is_shown, after, limit))
    }

    fn map_runs(&self, execution: ExecutionId, after: Option<Cursor>, limit: u32) -> Stored<Vec<Listed>> {
        self.read(|state| state.page(List::MapRuns(execution), None, |_| true, after, limit))
    }

    fn closed_children(
        &self,
        map_run: MapRunId,
        status: Option<ExecutionStatus>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Stored<Vec<(Cursor, ClosedPlace)>> {
        self.read(|state| {
            let order = |cursor: Cursor| {
                let (chunk, place) = ClosedPlace::of_cursor(cursor);
                Reverse((cursor.sort, chunk, place))
            };
            let closed = state.held(Entity::MapRun(map_run)).map_or(&[][..], |held| &held.closed);
            let wanted = closed.iter().filter(|(child, _)| status.is_none_or(|status| child.status == status));
            let mut listed: Vec<_> = wanted.map(|(child, place)| (place.cursor(child.stopped), *place)).collect();
            listed.retain(|(cursor, _)| after.is_none_or(|after| order(*cursor) > order(after)));
            listed.sort_by_key(|(cursor, _)| order(*cursor));
            listed.truncate(limit as usize);
            listed
        })
    }

    fn closed_child(&self, map_runs: &str, arn: &str) -> Stored<Option<ClosedPlace>> {
        self.read(|state| {
            let held = state
                .entities
                .iter()
                .filter(|(entity, held)| matches!(entity, Entity::MapRun(_)) && held.create.name.starts_with(map_runs));
            let mut closed = held.flat_map(|(_, held)| &held.closed);
            closed.find(|(child, _)| child.arn == arn).map(|(_, place)| *place)
        })
    }

    fn closed_chunk(&self, map_run: MapRunId, chunk: u32) -> Stored<Option<Sealed>> {
        self.read(|state| Some(state.held(Entity::MapRun(map_run))?.chunks.get(&chunk)?.body.clone()))
    }

    fn due(&self, shards: &Shards, before: Timestamp, limit: u32) -> Stored<Vec<(Timestamp, Entity)>> {
        self.read(|state| {
            let due = state.index.due.iter().take_while(|(at, _)| *at < before);
            due.filter(|(_, entity)| shards.contains(entity.shard())).take(limit as usize).copied().collect()
        })
    }

    fn owing(&self, shards: &Shards) -> Stored<Vec<Entity>> {
        self.read(|state| {
            let owing = state.index.owing.iter();
            owing.filter(|entity| shards.contains(entity.shard())).copied().collect()
        })
    }

    fn mail(&self, shards: &Shards, after: LetterId, limit: u32) -> Stored<Vec<Letter>> {
        self.read(|state| {
            let letters = state.letters.range((Bound::Excluded(after), Bound::Unbounded));
            let letters = letters.filter(|(_, (to, _))| shards.contains(to.shard()));
            let letters = letters.map(|(id, (to, body))| Letter { id: *id, to: *to, body: body.clone() });
            letters.take(limit as usize).collect()
        })
    }

    fn express_open(&self, shards: &Shards) -> Stored<Vec<ExpressRecord>> {
        self.read(|state| {
            let open = state.express.values().filter(|record| shards.contains(record.execution.shard()));
            open.cloned().collect()
        })
    }

    fn claim(&self, _node: &str, want: &Shards, now: Timestamp, until: Timestamp) -> Stored<Vec<Lease>> {
        self.call(Call::Lease, |state| {
            let claimed = want.iter().filter_map(|shard| {
                let lease = state.lease(shard);
                let is_free = lease.owner.is_none_or(|end| end <= now);
                is_free.then(|| {
                    lease.pass_on(Some(until));
                    Lease { shard, epoch: Epoch(lease.epoch) }
                })
            });
            claimed.collect()
        })
    }

    fn renew(&self, held: &[Lease], until: Timestamp) -> Stored<Vec<Lease>> {
        self.call(Call::Lease, |state| {
            let renewed = held.iter().filter(|ours| {
                let lease = state.lease(ours.shard);
                let is_ours = lease.owner.is_some() && Epoch(lease.epoch) == ours.epoch;
                if is_ours {
                    lease.owner = Some(until);
                }
                is_ours
            });
            renewed.copied().collect()
        })
    }

    fn expire(&self, before: Timestamp, limit: u32) -> Stored<u32> {
        self.call(Call::Chore, |state| state.expire(before, limit))
    }

    fn write_catalogue(&self, writes: Vec<CatalogueWrite>) -> Stored<Result<Vec<RowNumber>, Conflict>> {
        self.call(Call::Chore, |state| {
            let mut numbers = Vec::with_capacity(writes.len());
            let mut former = Vec::with_capacity(writes.len());
            for (write, what) in writes.into_iter().enumerate() {
                let row = match what {
                    CatalogueWrite::Insert { .. } => None,
                    CatalogueWrite::Update { number, .. } | CatalogueWrite::Delete { number, .. } => {
                        state.rows.get(&number).cloned()
                    }
                };
                let Some(number) = state.write_row(what, &numbers) else {
                    state.restore(former);
                    return Err(Conflict { write });
                };
                numbers.push(number);
                former.push((number, row));
            }
            Ok(numbers)
        })
    }

    fn row(&self, number: RowNumber) -> Stored<Option<Row>> {
        self.read(|state| state.rows.get(&number).cloned())
    }

    fn row_of(&self, kind: Kind, key: &str) -> Stored<Option<Row>> {
        self.read(|state| state.row_of(kind, key).cloned())
    }

    fn rows(&self, query: &RowQuery) -> Stored<Vec<Row>> {
        self.read(|state| state.rows(query))
    }

    fn keep(&self, name: &str, value: &[u8]) -> Stored<Vec<u8>> {
        self.call(Call::Chore, |state| state.kept.entry(name.to_owned()).or_insert_with(|| value.to_vec()).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn express(epoch: u64) -> Write {
        let execution = ExecutionId(1);
        Write::ExpressStarted(ExpressRecord {
            execution,
            epoch: Epoch(epoch),
            definition: RowNumber(1),
            body: Sealed(vec![0]),
        })
    }

    fn open(store: &Memory) -> usize {
        store.express_open(&Shards::ALL).unwrap().len()
    }

    #[test]
    fn a_lost_answer_is_durable_all_the_same_and_other_faults_do_nothing() {
        let faults = Mutex::new(vec![Fault::AnswerLost, Fault::Away, Fault::Io, Fault::Full]);
        let store = Memory::with_faults(move |call| match call {
            Call::Commit(_) => faults.lock().unwrap().pop(),
            _ => None,
        });
        assert!(matches!(store.commit(vec![express(0)]), Err(StoreError::Full)));
        assert!(matches!(store.commit(vec![express(0)]), Err(StoreError::Io(_))));
        assert!(matches!(store.commit(vec![express(0)]), Err(StoreError::Away)));
        assert_eq!(open(&store), 0);
        assert!(matches!(store.commit(vec![express(0)]), Err(StoreError::Away)));
        assert_eq!(open(&store), 1);
        assert!(store.commit(vec![express(0)]).is_ok(), "the plan is at its end");
    }

    #[test]
    fn a_fenced_batch_finds_a_new_epoch_and_a_lease_that_is_no_longer_its_own() {
        let store = Memory::with_faults(|call| matches!(call, Call::Commit(_)).then_some(Fault::Fenced));
        let leases = store.claim("a", &Shards::ALL, Timestamp(0), Timestamp(100)).unwrap();
        assert_eq!(store.commit(vec![express(1)]).unwrap(), [Verdict::Fenced { found: Epoch(2) }]);
        assert_eq!(open(&store), 0);
        assert_eq!(store.renew(&leases, Timestamp(200)).unwrap().len(), 255);
        let again = store.claim("a", &Shards::ALL, Timestamp(1), Timestamp(100)).unwrap();
        assert_eq!(again, [Lease { shard: ExecutionId(1).shard(), epoch: Epoch(3) }]);
    }
}
