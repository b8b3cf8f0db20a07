//! Retention: removes closed executions, the longest closed first, in slices that writers hardly notice.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, params};
use stepwell_engine::Timestamp;

use crate::Stored;

use super::write::Writer;

/// How long a slice removes rows. Its commit, which has to write the pages that it touched, takes as long again.
const SLICE: Duration = Duration::from_millis(4);

/// Rows that one statement removes: well within a slice.
const ROWS_PER_STATEMENT: u32 = 100;

/// Removes executions for the time of a slice. Says how many it worked at.
pub(super) fn expire(writer: &mut Writer, before: Timestamp, limit: u32) -> Stored<u32> {
    writer.transaction(|writer| {
        let slice = Slice { end: Instant::now() + SLICE };
        let mut worked_at = 0;
        while worked_at < limit {
            let no = match remains(writer)? {
                Some(no) => Some(no),
                None => hide_next(writer, before)?,
            };
            let Some(no) = no else { break };
            worked_at += 1;
            if !remove_rows(writer, no, &slice)? || slice.is_over() {
                break;
            }
        }
        Ok(worked_at)
    })
}

struct Slice {
    end: Instant,
}

impl Slice {
    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// An entity of which a former slice has left rows.
fn remains(writer: &Writer) -> rusqlite::Result<Option<i64>> {
    writer.statement("select entity from remains limit 1")?.query_row([], |row| row.get(0)).optional()
}

/// Takes the next execution and its Map Runs out of sight; what belongs to them remains to be removed.
fn hide_next(writer: &Writer, before: Timestamp) -> rusqlite::Result<Option<i64>> {
    let next = "select no, id from entity where kind = 0 and stopped < ?1 order by stopped limit 1";
    let next = writer.statement(next)?.query_row([before.0], |row| Ok((row.get(0)?, row.get::<_, [u8; 16]>(1)?)));
    let Some((no, id)) = next.optional()? else { return Ok(None) };
    writer
        .statement("insert into remains select no from entity where no = ?1 or kind = 1 and parent = ?2")?
        .execute(params![no, id])?;
    writer.statement("delete from entity where no = ?1 or kind = 1 and parent = ?2")?.execute(params![no, id])?;
    Ok(Some(no))
}

/// Removes what belongs to an entity. False: the slice is over, and there is more.
fn remove_rows(writer: &Writer, no: i64, slice: &Slice) -> rusqlite::Result<bool> {
    let statements = [
        "delete from piece where no in (select no from piece where entity = ?1 limit ?2)",
        "delete from record where entity = ?1 and key in (select key from record where entity = ?1 limit ?2)",
        "delete from child where (map_run, status, stopped, chunk, place) in
            (select map_run, status, stopped, chunk, place from child where map_run = ?1 limit ?2)",
        "delete from child_chunk where no in (select no from child_chunk where no between ?1 << 32 and ?1 << 32 | 4294967295 limit ?2)",
    ];
    for sql in statements {
        while writer.statement(sql)?.execute(params![no, ROWS_PER_STATEMENT])? == ROWS_PER_STATEMENT as usize {
            if slice.is_over() {
                return Ok(false);
            }
        }
    }
    writer.statement("delete from remains where entity = ?1")?.execute([no])?;
    Ok(true)
}
