//! Retention: removes closed executions, the longest closed first, in slices that writers hardly notice.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, params};
use stepwell_engine::Timestamp;

use crate::Stored;

use super::PAGE_BYTES;
use super::write::Writer;

/// How long a slice removes rows, where a machine is so slow that its work takes longer.
const SLICE: Duration = Duration::from_millis(4);

/// What a slice may cost: its commit has to write the pages that it touched, so that time alone would not bound it.
const COST_MAX: u64 = 512;

/// What the rows cost, about in touched pages: an entity with the entries of its indexes, a piece, a record; the pages
/// of a value that does not fit into its row come on top.
const ENTITY_COST: u64 = 8;
const PIECE_COST: u64 = 2;
const RECORD_COST: u64 = 1;

/// Rows that are looked up at a time.
const ROWS_AT_A_TIME: u32 = 64;

/// Removes executions, as much as a slice has room for. Says how many it worked at, Map Runs counted.
pub(super) fn expire(writer: &mut Writer, before: Timestamp, limit: u32) -> Stored<u32> {
    writer.transaction(|writer| {
        let mut slice = Slice { end: Instant::now() + SLICE, cost: 0 };
        let mut worked_at = 0;
        while worked_at < limit {
            let no = match remains(writer)? {
                Some(no) => no,
                None => match hide_next(writer, before)? {
                    Some(no) => no,
                    None => break,
                },
            };
            worked_at += 1;
            slice.cost += ENTITY_COST;
            if remove_rows(writer, no, &mut slice)? == Left::Some || slice.is_over() {
                break;
            }
        }
        Ok(worked_at)
    })
}

struct Slice {
    end: Instant,
    cost: u64,
}

impl Slice {
    fn is_over(&self) -> bool {
        self.cost >= COST_MAX || Instant::now() >= self.end
    }
}

/// Whether something of an entity is left for the next slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    Some,
}

/// An entity of which a former slice has left rows.
fn remains(writer: &Writer) -> rusqlite::Result<Option<i64>> {
    writer.statement("select entity from remains limit 1")?.query_row([], |row| row.get(0)).optional()
}

/// Takes the next execution out of sight, but before it its Map Runs, one after the other; what belongs to them remains
/// to be removed.
fn hide_next(writer: &Writer, before: Timestamp) -> rusqlite::Result<Option<i64>> {
    let next = "select no, id from entity where kind = 0 and stopped < ?1 order by stopped limit 1";
    let next = writer.statement(next)?.query_row([before.0], |row| Ok((row.get(0)?, row.get::<_, [u8; 16]>(1)?)));
    let Some((execution, id)) = next.optional()? else { return Ok(None) };
    let map_run = "select no from entity where kind = 1 and parent = ?1 limit 1";
    let map_run = writer.statement(map_run)?.query_row([id], |row| row.get(0)).optional()?;
    let no = map_run.unwrap_or(execution);
    writer.statement("insert into remains (entity) values (?1)")?.execute([no])?;
    writer.statement("delete from entity where no = ?1")?.execute([no])?;
    Ok(Some(no))
}

/// Removes what belongs to an entity, until the slice is over.
fn remove_rows(writer: &Writer, no: i64, slice: &mut Slice) -> rusqlite::Result<Left> {
    let pieces = "select no, length(body) from piece where entity = ?1 limit ?2";
    let records = "select key, length(body) from record where entity = ?1 limit ?2";
    for (rows, remove, cost) in [
        (pieces, "delete from piece where entity = ?1 and no = ?2", PIECE_COST),
        (records, "delete from record where entity = ?1 and key = ?2", RECORD_COST),
    ] {
        loop {
            let mut statement = writer.statement(rows)?;
            let found = statement.query_map(params![no, ROWS_AT_A_TIME], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)? as u64))
            })?;
            let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
            if found.is_empty() {
                break;
            }
            for (key, bytes) in found {
                if slice.is_over() {
                    return Ok(Left::Some);
                }
                writer.statement(remove)?.execute([no, key])?;
                slice.cost += cost + bytes / PAGE_BYTES;
            }
        }
    }
    writer.statement("delete from remains where entity = ?1")?.execute([no])?;
    Ok(Left::Nothing)
}

#[cfg(test)]
mod tests {
    use super::super::Sqlite;
    use super::*;

    #[test]
    fn no_slice_costs_more_than_it_may_however_large_an_execution_is() {
        const VALUE_BYTES: u64 = 100_000;
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path()).unwrap();
        let fill = format!(
            "insert into entity (no, kind, id, shard, revision, status, sort, stopped, redriven, owes, machine, definition, root)
                values (1, 0, zeroblob(16), 0, 1, 1, 5, 5, 0, 0, 1, 1, x'00');
             with recursive n (n) as (values (2) union all select n + 1 from n where n < 200)
                insert into entity (no, kind, id, shard, revision, status, sort, redriven, owes, machine, definition, parent, root)
                select n, 1, randomblob(16), 0, 1, 1, 5, 0, 0, 1, 1, zeroblob(16), x'00' from n;
             with recursive n (n) as (values (1) union all select n + 1 from n where n < 300)
                insert into piece (entity, number, count, body) select 1, n, 1, zeroblob({VALUE_BYTES}) from n;
             with recursive n (n) as (values (1) union all select n + 1 from n where n < 2000)
                insert into record (entity, key, body) select 1, n, x'00' from n;"
        );
        store.shared.writer().db.execute_batch(&fill).unwrap();
        let count = |table: &str| {
            let sql = format!("select count(*) from {table}");
            store.shared.writer().db.query_one(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64
        };
        let counts = || [count("entity"), count("piece"), count("record")];
        let mut slices = 0;
        let mut before = counts();
        while expire(&mut store.shared.writer(), Timestamp(6), 1_000).unwrap() > 0 {
            let after = counts();
            let [entities, pieces, records] = [0, 1, 2].map(|table| before[table] - after[table]);
            let piece_cost = PIECE_COST + VALUE_BYTES / PAGE_BYTES;
            let cost = entities * ENTITY_COST + pieces * piece_cost + records * RECORD_COST;
            // It ends with the row that goes beyond.
            assert!(cost < COST_MAX + piece_cost, "{entities} entities, {pieces} pieces, {records} records");
            assert!(after[0] == 0 || after[1] == 300, "Map Runs go before the execution");
            (before, slices) = (after, slices + 1);
        }
        assert_eq!((before, count("remains")), ([0, 0, 0], 0));
        assert!(slices >= 15, "{slices}");
        assert_eq!(store.damages().unwrap(), Vec::<String>::new());
    }
}
