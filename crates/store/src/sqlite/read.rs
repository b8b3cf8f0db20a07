//! What is read, each call on a connection of its own that no writer keeps waiting.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row as SqlRow, params};
use stepwell_engine::{Epoch, ExecutionId, MapRunId, PayloadId, ShardId, Timestamp};
use stepwell_value::Str;

use crate::{
    Chunk, Cursor, Entity, ExpressRecord, Kind, Letter, LetterId, ListOf, ListQuery, Listed, Loaded, Revision, Root,
    Row, RowNumber, RowQuery, Sealed, Shards, Stored,
};

use super::column::{
    STATUSES, entity_columns, entity_of, execution_id, kind_of, payload_piece, row_number, row_number_at, status_number,
};
use super::error::failed;

/// How many calls read at the same time; further ones wait.
const READERS_MAX: usize = 4;

/// What a reading connection keeps in memory of the file.
const READER_CACHE_KIB: u32 = 4096;

/// The reading connections; they are opened when they are first needed.
///
/// Each keeps its snapshot until something is written: to begin and end one costs two locks of the file, more than most
/// reads do.
#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
    /// Counts what makes snapshots old.
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Reader>,
    opened: usize,
    waiting: usize,
}

#[derive(Debug)]
struct Reader {
    db: Connection,
    /// What was written before it looked at the file, and is seen until its transaction ends.
    snapshot: Option<u64>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Readers {
        Readers { file, pool: Mutex::default(), returned: Condvar::new(), writes: AtomicU64::new(0) }
    }

    /// Reads on one of the connections: all of `look` sees one snapshot, with everything that was written before.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Stored<T> {
        let mut reader = self.take().map_err(failed)?;
        let seen = reader.renew(self.writes.load(Ordering::Acquire)).and_then(|()| look(&reader.db));
        // One that failed is in nobody knows which state.
        let is_kept = seen.is_ok() && reader.let_go_if_old(self.writes.load(Ordering::Acquire)).is_ok();
        let mut pool = self.pool();
        match is_kept {
            true => pool.idle.push(reader),
            false => pool.opened -= 1,
        }
        // Without this look the call would go to the operating system each time.
        let is_awaited = pool.waiting > 0;
        drop(pool);
        if is_awaited {
            self.returned.notify_one();
        }
        seen.map_err(failed)
    }

    fn take(&self) -> rusqlite::Result<Reader> {
        let mut pool = self.pool();
        loop {
            if let Some(reader) = pool.idle.pop() {
                return Ok(reader);
            }
            if pool.opened < READERS_MAX {
                let reader = Reader { db: open_reader(&self.file)?, snapshot: None };
                pool.opened += 1;
                return Ok(reader);
            }
            pool.waiting += 1;
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
            pool.waiting -= 1;
        }
    }

    /// Something was written: who reads from now on is to see it.
    pub(super) fn see_what_was_written(&self) {
        self.writes.fetch_add(1, Ordering::Release);
    }

    /// Ends the snapshots of those that nobody uses, and of the others when they are done: the log cannot start anew
    /// while somebody reads it.
    pub(super) fn let_go(&self) {
        self.see_what_was_written();
        let mut pool = self.pool();
        let before = pool.idle.len();
        pool.idle.retain_mut(|reader| reader.let_go().is_ok());
        pool.opened -= before - pool.idle.len();
    }

    /// Closes those that nobody uses.
    pub(super) fn close(&self) {
        let mut pool = self.pool();
        pool.opened -= pool.idle.len();
        pool.idle.clear();
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Sees what was written until then, at least.
    fn renew(&mut self, writes: u64) -> rusqlite::Result<()> {
        self.let_go_if_old(writes)?;
        if self.snapshot.is_none() {
            self.db.prepare_cached("begin")?.execute([])?;
            self.snapshot = Some(writes);
        }
        Ok(())
    }

    fn let_go_if_old(&mut self, writes: u64) -> rusqlite::Result<()> {
        if self.snapshot.is_some_and(|snapshot| snapshot != writes) { self.let_go() } else { Ok(()) }
    }

    fn let_go(&mut self) -> rusqlite::Result<()> {
        if self.snapshot.take().is_some() {
            self.db.prepare_cached("commit")?.execute([])?;
        }
        Ok(())
    }
}

fn open_reader(file: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.set_prepared_statement_cache_capacity(64);
    db.execute_batch(&format!("pragma cache_size = -{READER_CACHE_KIB}; pragma query_only = on"))?;
    Ok(db)
}

/// The columns of a root record.
macro_rules! root {
    () => {
        "e.revision, e.definition, e.map_run, e.root"
    };
}

/// Reads the columns of [`root!`] from this one on.
fn root_at(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Root> {
    Ok(Root {
        revision: Revision(row.get::<_, i64>(column)? as u64),
        definition: row_number_at(row, column + 1)?,
        map_run: row.get::<_, Option<[u8; 16]>>(column + 2)?.map(|id| MapRunId(u128::from_be_bytes(id))),
        record: Sealed(row.get(column + 3)?),
    })
}

pub(super) fn root(db: &Connection, entity: Entity) -> rusqlite::Result<Option<Root>> {
    Ok(numbered_root(db, entity)?.map(|(_, root)| root))
}

fn numbered_root(db: &Connection, entity: Entity) -> rusqlite::Result<Option<(i64, Root)>> {
    let (kind, id) = entity_columns(entity);
    let sql = concat!("select e.no, ", root!(), " from entity e where e.id = ?1 and e.kind = ?2");
    let found = db.prepare_cached(sql)?.query_row(params![id, kind], |row| Ok((row.get(0)?, root_at(row, 1)?)));
    found.optional()
}

pub(super) fn load(db: &Connection, entity: Entity) -> rusqlite::Result<Option<Loaded>> {
    let Some((no, root)) = numbered_root(db, entity)? else { return Ok(None) };
    let mut records = all(db, "select key, body from record where entity = ?1", [no], |row| {
        Ok((row.get::<_, i64>(0)? as u64, Sealed(row.get(1)?)))
    })?;
    // A column holds a key as a signed number.
    records.sort_by_key(|(key, _)| *key);
    Ok(Some(Loaded { root, records }))
}

pub(super) fn payload(db: &Connection, execution: ExecutionId, payload: PayloadId) -> rusqlite::Result<Option<Sealed>> {
    let sql = "select p.body from entity e join piece p on p.entity = e.no
        where e.id = ?1 and e.kind = 0 and p.number = ?2";
    let params = params![execution.0.to_be_bytes(), payload_piece(payload)];
    let found = db.prepare_cached(sql)?.query_row(params, |row| row.get(0));
    Ok(found.optional()?.map(Sealed))
}

pub(super) fn history(
    db: &Connection,
    execution: ExecutionId,
    from: u32,
    reverse: bool,
    events_max: u32,
) -> rusqlite::Result<Vec<Chunk>> {
    let sql = match reverse {
        // From the last chunk on that starts at `from` or before it.
        false => {
            "select c.number, c.count, c.body from entity e join piece c on c.entity = e.no
             where e.id = ?1 and e.kind = 0 and c.number >= coalesce(
                (select max(b.number) from piece b where b.entity = e.no and b.number between 1 and ?2), 1)
             order by c.number"
        }
        true => {
            "select c.number, c.count, c.body from entity e join piece c on c.entity = e.no
             where e.id = ?1 and e.kind = 0 and c.number between 1 and ?2 order by c.number desc"
        }
    };
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![execution.0.to_be_bytes(), from])?;
    let mut chunks = Vec::new();
    let mut events = 0;
    while events < events_max
        && let Some(row) = rows.next()?
    {
        let chunk = Chunk { first: row.get(0)?, count: row.get(1)?, body: Sealed(row.get(2)?) };
        let end = chunk.first.saturating_add(chunk.count - 1);
        // Of the chunk that `from` lies in, only the events on one side of it count.
        let counted = match reverse {
            false => (end + 1).saturating_sub(chunk.first.max(from)),
            true => end.min(from) + 1 - chunk.first,
        };
        events += counted;
        if counted > 0 {
            chunks.push(chunk);
        }
    }
    Ok(chunks)
}

pub(super) fn list(
    db: &Connection,
    query: &ListQuery,
    after: Option<Cursor>,
    limit: u32,
) -> rusqlite::Result<Vec<Listed>> {
    let owner = match query.of {
        ListOf::Machine(machine) => Value::Integer(row_number(machine)),
        ListOf::MapRun(id) => Value::Blob(id.0.to_be_bytes().to_vec()),
    };
    let (sort, id) = behind(after);
    let qualifier = query.qualifier.map(row_number);
    all(db, &list_sql(query), params![owner, sort, id, limit, qualifier, query.redriven], listed)
}

/// One range of an index for each status, and for versions and for aliases: they are merged by their order.
fn list_sql(query: &ListQuery) -> String {
    let of = match (query.of, query.qualifier) {
        (ListOf::Machine(_), None) => "machine = ?1 and map_run is null",
        // A `+` keeps SQLite from an index: here that of the version or the alias is the better one.
        (ListOf::Machine(_), Some(_)) => "+machine = ?1 and map_run is null",
        (ListOf::MapRun(_), _) => "map_run = ?1",
    };
    let qualifiers: &[&str] = match query.qualifier {
        None => &["?5 is null"],
        Some(_) => &["version = ?5", "alias = ?5"],
    };
    let redriven = match query.redriven {
        None => "?6 is null",
        Some(_) => "redriven = ?6",
    };
    let statuses = match query.status {
        None => STATUSES,
        Some(status) => status_number(status)..=status_number(status),
    };
    let range = |status, qualifier| {
        format!(
            "select * from (select no, sort, id from entity
             where kind = 0 and {of} and {qualifier} and {redriven} and status = {status}
             and (sort, id) < (?2, ?3) order by sort desc, id desc limit ?4)"
        )
    };
    let ranges: Vec<String> =
        statuses.flat_map(|status| qualifiers.iter().map(move |qualifier| range(status, qualifier))).collect();
    format!(
        "select l.sort, l.id, {} from (select no, sort, id from ({}) order by sort desc, id desc limit ?4) l
         join entity e on e.no = l.no order by l.sort desc, l.id desc",
        root!(),
        ranges.join(" union all ")
    )
}

pub(super) fn map_runs(
    db: &Connection,
    execution: ExecutionId,
    after: Option<Cursor>,
    limit: u32,
) -> rusqlite::Result<Vec<Listed>> {
    let sql = concat!(
        "select e.sort, e.id, ",
        root!(),
        " from entity e where e.kind = 1 and e.parent = ?1 and (e.sort, e.id) < (?2, ?3)
         order by e.sort desc, e.id desc limit ?4"
    );
    let (sort, id) = behind(after);
    all(db, sql, params![execution.0.to_be_bytes(), sort, id, limit], listed)
}

/// The place behind which a list goes on, in its descending order.
fn behind(after: Option<Cursor>) -> (i64, Vec<u8>) {
    match after {
        Some(cursor) => (cursor.sort.0, cursor.id.to_be_bytes().to_vec()),
        // Behind all ids of the latest instant: one byte more than an id has.
        None => (i64::MAX, vec![u8::MAX; 17]),
    }
}

fn listed(row: &SqlRow<'_>) -> rusqlite::Result<Listed> {
    let cursor = Cursor { sort: Timestamp(row.get(0)?), id: u128::from_be_bytes(row.get(1)?) };
    Ok(Listed { cursor, root: root_at(row, 2)? })
}

pub(super) fn due(
    db: &Connection,
    shards: &Shards,
    before: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<(Timestamp, Entity)>> {
    let sql = "select shard, due, kind, id from entity where due < ?1 order by due, shard, no";
    some(db, sql, [before.0], shards, limit, |row| Ok((Timestamp(row.get(1)?), entity_of(row.get(2)?, row.get(3)?)?)))
}

pub(super) fn owing(db: &Connection, shards: &Shards) -> rusqlite::Result<Vec<Entity>> {
    let sql = "select shard, kind, id from entity where owes > 0 order by shard, no";
    some(db, sql, [], shards, u32::MAX, |row| entity_of(row.get(1)?, row.get(2)?))
}

pub(super) fn mail(db: &Connection, shards: &Shards, after: LetterId, limit: u32) -> rusqlite::Result<Vec<Letter>> {
    let sql = "select shard, no, kind, id, body from letter where no > ?1 order by no";
    some(db, sql, [after.0 as i64], shards, limit, |row| {
        Ok(Letter {
            id: LetterId(row.get::<_, i64>(1)? as u64),
            to: entity_of(row.get(2)?, row.get(3)?)?,
            body: Sealed(row.get(4)?),
        })
    })
}

pub(super) fn express_open(db: &Connection, shards: &Shards) -> rusqlite::Result<Vec<ExpressRecord>> {
    let sql = "select shard, id, epoch, definition, body from express order by no";
    some(db, sql, [], shards, u32::MAX, |row| {
        Ok(ExpressRecord {
            execution: execution_id(row.get(1)?),
            epoch: Epoch(row.get::<_, i64>(2)? as u64),
            definition: row_number_at(row, 3)?,
            body: Sealed(row.get(4)?),
        })
    })
}

const ROW: &str = "number, kind, key, parent, version, body";

fn catalogue_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let kind: i64 = row.get(1)?;
    Ok(Row {
        number: row_number_at(row, 0)?,
        kind: kind_of(kind).ok_or(rusqlite::types::FromSqlError::OutOfRange(kind))?,
        key: Str::from(row.get_ref(2)?.as_str()?),
        parent: row.get::<_, Option<i64>>(3)?.map(|number| RowNumber(number as u64)),
        version: row.get::<_, i64>(4)? as u64,
        body: Sealed(row.get(5)?),
    })
}

pub(super) fn row(db: &Connection, number: RowNumber) -> rusqlite::Result<Option<Row>> {
    let sql = format!("select {ROW} from catalogue where number = ?1");
    db.prepare_cached(&sql)?.query_row([row_number(number)], catalogue_row).optional()
}

pub(super) fn row_of(db: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Row>> {
    let sql = format!("select {ROW} from catalogue where kind = ?1 and key = ?2");
    db.prepare_cached(&sql)?.query_row(params![kind as i64, key], catalogue_row).optional()
}

pub(super) fn rows(db: &Connection, query: &RowQuery) -> rusqlite::Result<Vec<Row>> {
    // A `+` keeps SQLite from the index of keys: rows come in the order of their numbers, and few are passed over.
    let parent = match query.parent {
        None => "?2 is null and kind = ?1",
        Some(_) => "parent = ?2 and kind = ?1",
    };
    let (behind, order) = match query.descending {
        false => ("number > ?3", "number"),
        true => ("number < ?3", "number desc"),
    };
    let sql = format!(
        "select {ROW} from catalogue where {parent} and {behind} and substr(+key, 1, length(?4)) = ?4
         order by {order} limit ?5"
    );
    let start = if query.descending { i64::MAX } else { 0 };
    let after = query.after.map_or(start, row_number);
    let parent = query.parent.map(row_number);
    all(db, &sql, params![query.kind as i64, parent, after, query.key_starts.as_str(), query.limit], catalogue_row)
}

/// All rows of a query.
fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&SqlRow<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// The first rows of a query whose first column is one of these shards.
fn some<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    shards: &Shards,
    limit: u32,
    read: impl Fn(&SqlRow<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut taken = Vec::new();
    while taken.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        if shards.contains(ShardId(row.get(0)?)) {
            taken.push(read(row)?);
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use stepwell_engine::ExecutionStatus;

    use super::super::schema;
    use super::*;

    /// How SQLite goes about a query: the lines of its plan.
    fn plan(sql: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file.db");
        schema::create_if_missing(&file).unwrap();
        let db = Connection::open(&file).unwrap();
        let mut statement = db.prepare(&format!("explain query plan {sql}")).unwrap();
        let parameters = vec![Value::Null; statement.parameter_count()];
        let lines = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(3)).unwrap();
        lines.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn readers_see_what_was_written_and_do_not_hold_up_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file.db");
        schema::create_if_missing(&file).unwrap();
        let writer = Connection::open(&file).unwrap();
        let readers = Readers::new(file);
        let kept =
            || readers.read(|db| db.query_one("select count(*) from kept", [], |row| row.get::<_, u32>(0))).unwrap();
        let emptied =
            || writer.query_one("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, u32>(0)).unwrap() == 0;
        writer.execute("insert into kept values ('a', x'00')", []).unwrap();
        assert_eq!(kept(), 1);
        writer.execute("insert into kept values ('b', x'00')", []).unwrap();
        assert_eq!(kept(), 1, "nobody said that something was written");
        readers.see_what_was_written();
        assert_eq!(kept(), 2);
        assert!(!emptied(), "somebody reads the log");
        readers.let_go();
        assert!(emptied());
        // A reading that goes wrong takes its connection with it, and no other.
        readers.read(|db| db.query_one("select nothing from nowhere", [], |_| Ok(()))).unwrap_err();
        assert_eq!(kept(), 2);
        assert_eq!(readers.pool().opened, 1);
    }

    #[test]
    fn each_list_reads_ranges_of_the_index_that_was_made_for_it() {
        let machine = ListOf::Machine(RowNumber(1));
        let child = ListOf::MapRun(MapRunId(1));
        for (of, qualifier, indexes) in [
            (machine, None, &["entity_list"][..]),
            (machine, Some(RowNumber(2)), &["entity_version", "entity_alias"]),
            (child, None, &["entity_child"]),
        ] {
            for status in [None, Some(ExecutionStatus::Failed)] {
                for redriven in [None, Some(true)] {
                    let plan = plan(&list_sql(&ListQuery { of, qualifier, status, redriven }));
                    let used: Vec<&String> = plan.iter().filter(|line| line.starts_with("SEARCH entity ")).collect();
                    let ranges = indexes.len() * if status.is_none() { STATUSES.count() } else { 1 };
                    assert_eq!(used.len(), ranges, "{plan:#?}");
                    for line in used {
                        assert!(indexes.iter().any(|index| line.contains(index)), "{line}");
                        assert!(line.contains("status=?") && line.contains("(sort,id)<(?,?)"), "{line}");
                    }
                    assert!(!plan.iter().any(|line| line.starts_with("SCAN entity")), "{plan:#?}");
                }
            }
        }
    }
}
