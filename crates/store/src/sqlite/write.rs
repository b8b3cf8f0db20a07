//! The writing connection: a batch is one transaction and one sync.

use std::path::PathBuf;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use stepwell_engine::{Epoch, ExecutionId, ShardId, Timestamp};

use crate::{
    Chunk, ClosedChild, Create, Entity, ExpressRecord, Lease, LetterId, Mail, Revision, RowNumber, Sealed, Shards,
    Stored, Summary, Transition, Verdict, Write,
};

use super::column::{
    ARN_HASH_BYTES, CHUNK_BITS, EXECUTION, entity_columns, execution_id, name_hash, payload_piece, row_number,
    status_number,
};
use super::error::failed;
use super::schema::sync;

/// Letters are numbered from the opening's number in these upper bits on, so that no number is ever used again.
const LETTERS_PER_OPENING_BITS: u32 = 40;

/// Epochs likewise; so a claim has nothing to write.
const EPOCHS_PER_OPENING_BITS: u32 = 32;

/// The writing connection and what it counts.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) db: Connection,
    /// New directories, whose entries must be durable before a commit is.
    pub(super) sync_first: Vec<PathBuf>,
    leases: Vec<Ownership>,
    next_entity: i64,
    next_letter: u64,
}

/// Who owns a shard.
#[derive(Clone, Copy, Debug)]
struct Ownership {
    epoch: u64,
    /// Until when; none: nobody.
    owner: Option<Timestamp>,
}

impl Writer {
    /// Counts the opening, by which all former owners are fenced.
    pub(super) fn new(db: Connection) -> rusqlite::Result<Writer> {
        let opening: i64 =
            db.query_one("update opening set count = count + 1 returning count", [], |row| row.get(0))?;
        let opening = opening as u64;
        let last_entity =
            "select max(coalesce((select max(no) from entity), 0), coalesce((select max(entity) from remains), 0))";
        let next_entity = 1 + db.query_one(last_entity, [], |row| row.get::<_, i64>(0))?;
        Ok(Writer {
            db,
            sync_first: Vec::new(),
            leases: vec![Ownership { epoch: opening << EPOCHS_PER_OPENING_BITS, owner: None }; 256],
            next_entity,
            next_letter: (opening << LETTERS_PER_OPENING_BITS) + 1,
        })
    }

    /// Writes a batch and syncs. An error leaves the file as it was.
    pub(super) fn commit(&mut self, batch: &[Write]) -> Stored<Vec<Verdict>> {
        self.transaction(|writer| batch.iter().map(|write| writer.write(write)).collect())
    }

    /// Runs something as one transaction.
    pub(super) fn transaction<T>(&mut self, act: impl FnOnce(&mut Writer) -> rusqlite::Result<T>) -> Stored<T> {
        while let Some(directory) = self.sync_first.last() {
            sync(directory)?;
            self.sync_first.pop();
        }
        self.run("begin immediate").map_err(failed)?;
        let done = act(self).and_then(|done| self.run("commit").map(|()| done));
        if done.is_err() && !self.db.is_autocommit() {
            // It fails only where SQLite has rolled back by itself.
            let _ = self.run("rollback");
        }
        done.map_err(failed)
    }

    pub(super) fn claim(&mut self, want: &Shards, now: Timestamp, until: Timestamp) -> Vec<Lease> {
        let free = want.iter().filter_map(|shard| {
            let lease = &mut self.leases[usize::from(shard.0)];
            lease.owner.is_none_or(|end| end <= now).then(|| {
                *lease = Ownership { epoch: lease.epoch + 1, owner: Some(until) };
                Lease { shard, epoch: Epoch(lease.epoch) }
            })
        });
        free.collect()
    }

    pub(super) fn renew(&mut self, held: &[Lease], until: Timestamp) -> Vec<Lease> {
        let renewed = held.iter().filter(|ours| {
            let lease = &mut self.leases[usize::from(ours.shard.0)];
            let is_ours = lease.owner.is_some() && Epoch(lease.epoch) == ours.epoch;
            if is_ours {
                lease.owner = Some(until);
            }
            is_ours
        });
        renewed.copied().collect()
    }

    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql)
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.statement(sql)?.execute([]).map(|_| ())
    }

    fn write(&mut self, write: &Write) -> rusqlite::Result<Verdict> {
        match write {
            Write::Transition(transition) => self.transition(transition),
            Write::ExpressStarted(record) => self.express_started(record),
            Write::ExpressEnded(execution) => {
                self.statement("delete from express where id = ?1")?.execute([execution.0.to_be_bytes()])?;
                Ok(Verdict::Committed(Vec::new()))
            }
            Write::Dropped { shard, epoch, letters } => match self.fence(*shard, *epoch) {
                Some(fenced) => Ok(fenced),
                None => {
                    self.take(letters)?;
                    Ok(Verdict::Committed(Vec::new()))
                }
            },
        }
    }

    fn fence(&self, shard: ShardId, epoch: Epoch) -> Option<Verdict> {
        let found = Epoch(self.leases[usize::from(shard.0)].epoch);
        (found != epoch).then_some(Verdict::Fenced { found })
    }

    fn express_started(&mut self, record: &ExpressRecord) -> rusqlite::Result<Verdict> {
        let shard = record.execution.shard();
        if let Some(fenced) = self.fence(shard, record.epoch) {
            return Ok(fenced);
        }
        let sql = "insert or replace into express (id, shard, epoch, definition, body) values (?1, ?2, ?3, ?4, ?5)";
        self.statement(sql)?.execute(params![
            record.execution.0.to_be_bytes(),
            shard.0,
            record.epoch.0 as i64,
            row_number(record.definition),
            record.body.0,
        ])?;
        Ok(Verdict::Committed(Vec::new()))
    }

    /// All that speaks against a transition is looked at before anything of it is written.
    fn transition(&mut self, transition: &Transition) -> rusqlite::Result<Verdict> {
        if let Some(fenced) = self.fence(transition.entity.shard(), transition.epoch) {
            return Ok(fenced);
        }
        let stored = self.find(transition.entity)?;
        let found = stored.as_ref().map_or(Revision(0), |stored| stored.revision);
        if found != transition.expects {
            return Ok(Verdict::Stale { found });
        }
        let no = match (&stored, &transition.create) {
            (Some(stored), _) => {
                self.update(stored, transition)?;
                stored.no
            }
            (None, Some(create)) => {
                if let Some(holder) = self.holder(transition.entity, create)? {
                    return Ok(Verdict::NameTaken { holder });
                }
                self.insert(transition, create)?
            }
            (None, None) => unreachable!("a transition is consistent"),
        };
        if let Some(chunk) = &transition.chunk {
            match transition.entity {
                Entity::Execution(_) => self.piece(no, i64::from(chunk.first), chunk.count, &chunk.body)?,
                Entity::MapRun(_) => self.close(no, chunk, &transition.closed)?,
            }
        }
        for (payload, body) in &transition.payloads {
            self.piece(no, payload_piece(*payload), 0, body)?;
        }
        for (key, record) in &transition.records {
            match record {
                Some(record) => self
                    .statement("insert or replace into record (entity, key, body) values (?1, ?2, ?3)")?
                    .execute(params![no, *key as i64, record.0])?,
                None => self
                    .statement("delete from record where entity = ?1 and key = ?2")?
                    .execute(params![no, *key as i64])?,
            };
        }
        self.take(&transition.took)?;
        Ok(Verdict::Committed(self.send(&transition.sends)?))
    }

    fn find(&self, entity: Entity) -> rusqlite::Result<Option<Found>> {
        let (kind, id) = entity_columns(entity);
        let sql =
            "select no, revision, status, sort, stopped, redriven, due, owes from entity where id = ?1 and kind = ?2";
        let found = self.statement(sql)?.query_row(params![id, kind], |row| {
            Ok(Found {
                no: row.get(0)?,
                revision: Revision(row.get::<_, i64>(1)? as u64),
                listed: (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?),
                owed: (row.get(6)?, row.get(7)?),
            })
        });
        found.optional()
    }

    /// Another execution that has the name.
    fn holder(&self, entity: Entity, create: &Create) -> rusqlite::Result<Option<ExecutionId>> {
        match entity {
            Entity::Execution(_) => find_name(&self.db, create.machine, &create.name),
            Entity::MapRun(_) => Ok(None),
        }
    }

    fn insert(&mut self, transition: &Transition, create: &Create) -> rusqlite::Result<i64> {
        let no = self.next_entity;
        self.next_entity += 1;
        let (kind, id) = entity_columns(transition.entity);
        let (status, sort, stopped, redriven) = listed(&transition.summary);
        let (due, owes) = owed(&transition.summary);
        let sql = "insert into entity (no, kind, id, shard, revision, status, sort, stopped, redriven, due, owes,
                machine, definition, version, alias, map_run, parent, name_hash, name, root)
            values (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
        self.statement(sql)?.execute(params![
            no,
            kind,
            id,
            transition.entity.shard().0,
            status,
            sort,
            stopped,
            redriven,
            due,
            owes,
            row_number(create.machine),
            row_number(create.definition),
            create.version.map(row_number),
            create.alias.map(row_number),
            create.map_run.map(|id| id.0.to_be_bytes()),
            create.execution.map(|id| id.0.to_be_bytes()),
            (kind == EXECUTION).then(|| name_hash(&create.name)),
            create.name.as_str(),
            transition.root.0,
        ])?;
        Ok(no)
    }

    /// Writes the columns that changed: SQLite writes an index entry anew whenever its column is named.
    fn update(&self, stored: &Found, transition: &Transition) -> rusqlite::Result<()> {
        let Found { no, revision, .. } = *stored;
        let revision = revision.0 as i64 + 1;
        let root = &transition.root.0;
        let now_listed = listed(&transition.summary);
        let now_owed = owed(&transition.summary);
        let (status, sort, stopped, redriven) = now_listed;
        let (due, owes) = now_owed;
        if now_listed != stored.listed {
            let sql = "update entity set revision = ?2, root = ?3, due = ?4, owes = ?5, status = ?6, sort = ?7,
                stopped = ?8, redriven = ?9 where no = ?1";
            self.statement(sql)?.execute(params![no, revision, root, due, owes, status, sort, stopped, redriven])?;
        } else if now_owed.0 != stored.owed.0 {
            let sql = "update entity set revision = ?2, root = ?3, due = ?4, owes = ?5 where no = ?1";
            self.statement(sql)?.execute(params![no, revision, root, due, owes])?;
        } else if owes != stored.owed.1 {
            let sql = "update entity set revision = ?2, root = ?3, owes = ?4 where no = ?1";
            self.statement(sql)?.execute(params![no, revision, root, owes])?;
        } else {
            let sql = "update entity set revision = ?2, root = ?3 where no = ?1";
            self.statement(sql)?.execute(params![no, revision, root])?;
        }
        Ok(())
    }

    fn piece(&self, entity: i64, number: i64, count: u32, body: &Sealed) -> rusqlite::Result<()> {
        let sql = "insert into piece (entity, number, count, body) values (?1, ?2, ?3, ?4)";
        self.statement(sql)?.execute(params![entity, number, count, body.0])?;
        Ok(())
    }

    /// Express children of a Map Run, which a chunk of its describes.
    fn close(&self, map_run: i64, chunk: &Chunk, children: &[ClosedChild]) -> rusqlite::Result<()> {
        let mut hashes = Vec::with_capacity(children.len() * ARN_HASH_BYTES);
        let sql = "insert into child (map_run, status, stopped, chunk, place) values (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.statement(sql)?;
        for (place, ClosedChild { arn, status, stopped }) in children.iter().enumerate() {
            insert.execute(params![map_run, status_number(*status), stopped.0, chunk.first, place as i64])?;
            hashes.extend(name_hash(arn).to_le_bytes());
        }
        let no = map_run << CHUNK_BITS | i64::from(chunk.first);
        let sql = "insert into child_chunk (no, hashes, body) values (?1, ?2, ?3)";
        self.statement(sql)?.execute(params![no, hashes, chunk.body.0])?;
        Ok(())
    }

    fn take(&self, letters: &[LetterId]) -> rusqlite::Result<()> {
        for letter in letters {
            self.statement("delete from letter where no = ?1")?.execute([letter.0 as i64])?;
        }
        Ok(())
    }

    fn send(&mut self, letters: &[Mail]) -> rusqlite::Result<Vec<LetterId>> {
        let mut ids = Vec::with_capacity(letters.len());
        for letter in letters {
            let (kind, id) = entity_columns(letter.to);
            self.statement("insert into letter (no, shard, kind, id, body) values (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![self.next_letter as i64, letter.to.shard().0, kind, id, letter.body.0])?;
            ids.push(LetterId(self.next_letter));
            self.next_letter += 1;
        }
        Ok(ids)
    }
}

/// The execution that has a name.
pub(super) fn find_name(db: &Connection, machine: RowNumber, name: &str) -> rusqlite::Result<Option<ExecutionId>> {
    let sql = "select id from entity where kind = 0 and machine = ?1 and name_hash = ?2 and name = ?3";
    let found =
        db.prepare_cached(sql)?.query_row(params![row_number(machine), name_hash(name), name], |row| row.get(0));
    Ok(found.optional()?.map(execution_id))
}

/// What is stored of an entity that a transition is about.
struct Found {
    no: i64,
    revision: Revision,
    listed: Listed,
    owed: Owed,
}

/// `status`, `sort`, `stopped`, `redriven`: what lists and retention go by.
type Listed = (i64, i64, Option<i64>, bool);

/// `due`, `owes`: what timers and recovery go by.
type Owed = (Option<i64>, u32);

fn listed(summary: &Summary) -> Listed {
    (status_number(summary.status), summary.sort.0, summary.stopped.map(|at| at.0), summary.redriven)
}

fn owed(summary: &Summary) -> Owed {
    (summary.due.map(|at| at.0), summary.owes)
}
