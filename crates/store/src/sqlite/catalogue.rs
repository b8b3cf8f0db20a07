//! Changes of the catalogue: all of a call or nothing.

use rusqlite::{OptionalExtension, params};

use crate::{CatalogueWrite, Conflict, Kind, Parent, RowNumber, Stored};

use super::column::row_number;
use super::write::Writer;

/// Makes changes, or says which of them cannot be made.
pub(super) fn write(writer: &mut Writer, writes: &[CatalogueWrite]) -> Stored<Result<Vec<RowNumber>, Conflict>> {
    let mut conflict = None;
    let written = writer.transaction(|writer| {
        let mut numbers = Vec::with_capacity(writes.len());
        for (place, write) in writes.iter().enumerate() {
            match write_row(writer, write, &numbers)? {
                Some(number) => numbers.push(number),
                None => {
                    conflict = Some(Conflict { write: place });
                    // Any error undoes what came before; this one is not seen by anybody.
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
            }
        }
        Ok(numbers)
    });
    match conflict {
        Some(conflict) => Ok(Err(conflict)),
        None => written.map(Ok),
    }
}

/// None: a row is not as the write expects it.
fn write_row(writer: &Writer, write: &CatalogueWrite, inserted: &[RowNumber]) -> rusqlite::Result<Option<RowNumber>> {
    match write {
        CatalogueWrite::Insert { kind, key, parent, body } => {
            let parent = match parent {
                None => None,
                Some(Parent::Inserted(place)) => Some(inserted[*place]),
                Some(Parent::Row(number)) => match find(writer, *number)? {
                    Some(_) => Some(*number),
                    None => return Ok(None),
                },
            };
            if is_taken(writer, *kind as i64, key, None)? {
                return Ok(None);
            }
            let sql = "insert into catalogue (kind, key, parent, version, body) values (?1, ?2, ?3, 1, ?4)";
            let parent = parent.map(row_number);
            let number = writer.statement(sql)?.insert(params![*kind as Kind as i64, key.as_str(), parent, body.0])?;
            Ok(Some(RowNumber(number as u64)))
        }
        CatalogueWrite::Update { number, expects, key, body } => {
            let Some((kind, version)) = find(writer, *number)? else { return Ok(None) };
            if version != *expects {
                return Ok(None);
            }
            if let Some(key) = key
                && is_taken(writer, kind, key, Some(*number))?
            {
                return Ok(None);
            }
            let sql =
                "update catalogue set version = version + 1, key = coalesce(?2, key), body = ?3 where number = ?1";
            writer.statement(sql)?.execute(params![row_number(*number), key.as_deref(), body.0])?;
            Ok(Some(*number))
        }
        CatalogueWrite::Delete { number, expects } => {
            let sql = "delete from catalogue where number = ?1 and version = ?2";
            let deleted = writer.statement(sql)?.execute([row_number(*number), *expects as i64])?;
            Ok((deleted == 1).then_some(*number))
        }
    }
}

/// A row's kind and version.
fn find(writer: &Writer, number: RowNumber) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut statement = writer.statement("select kind, version from catalogue where number = ?1")?;
    let found = statement.query_row([row_number(number)], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)));
    found.optional()
}

/// Whether another row than this one has a key.
fn is_taken(writer: &Writer, kind: i64, key: &str, but: Option<RowNumber>) -> rusqlite::Result<bool> {
    let sql = "select exists (select 1 from catalogue where kind = ?1 and key = ?2 and number is not ?3)";
    writer.statement(sql)?.query_row(params![kind, key, but.map(row_number)], |row| row.get(0))
}
