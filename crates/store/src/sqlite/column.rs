//! How ids, statuses and the like stand in columns.

use rusqlite::types::FromSqlError;
use rusqlite::{Error, Row};
use stepwell_engine::{ExecutionId, ExecutionStatus, MapRunId, PayloadId};

use crate::{Entity, Kind, RowNumber};

pub(super) const EXECUTION: i64 = 0;
pub(super) const MAP_RUN: i64 = 1;

/// All statuses, in the order of their numbers.
pub(super) const STATUSES: std::ops::RangeInclusive<i64> = 0..=4;

pub(super) fn status_number(status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Running => 0,
        ExecutionStatus::Succeeded => 1,
        ExecutionStatus::Failed => 2,
        ExecutionStatus::TimedOut => 3,
        ExecutionStatus::Aborted => 4,
    }
}

pub(super) fn kind_of(number: i64) -> Option<Kind> {
    [Kind::StateMachine, Kind::Revision, Kind::Version, Kind::Alias, Kind::Activity]
        .into_iter()
        .find(|kind| *kind as i64 == number)
}

/// The columns `kind` and `id` of an entity.
pub(super) fn entity_columns(entity: Entity) -> (i64, [u8; 16]) {
    match entity {
        Entity::Execution(id) => (EXECUTION, id.0.to_be_bytes()),
        Entity::MapRun(id) => (MAP_RUN, id.0.to_be_bytes()),
    }
}

pub(super) fn entity_of(kind: i64, id: [u8; 16]) -> rusqlite::Result<Entity> {
    let id = u128::from_be_bytes(id);
    match kind {
        EXECUTION => Ok(Entity::Execution(ExecutionId(id))),
        MAP_RUN => Ok(Entity::MapRun(MapRunId(id))),
        _ => Err(Error::from(FromSqlError::OutOfRange(kind))),
    }
}

pub(super) fn execution_id(id: [u8; 16]) -> ExecutionId {
    ExecutionId(u128::from_be_bytes(id))
}

/// The number of a payload among the pieces of its execution: -1 and down, while chunks of events go from 1 up.
pub(super) fn payload_piece(payload: PayloadId) -> i64 {
    -1 - i64::from(payload.0)
}

/// A row's number in a column; the catalogue would have to be written for aeons to exceed it.
pub(super) fn row_number(number: RowNumber) -> i64 {
    number.0 as i64
}

pub(super) fn row_number_at(row: &Row<'_>, column: usize) -> rusqlite::Result<RowNumber> {
    Ok(RowNumber(row.get::<_, i64>(column)? as u64))
}

/// A chunk of closed children has its own number in so many lower bits, and that of its Map Run above.
pub(super) const CHUNK_BITS: u32 = 32;

/// Bytes of the hash of an ARN in a list of them.
pub(super) const ARN_HASH_BYTES: usize = 8;

/// FNV-1a: eight bytes of index for each name instead of up to a hundred. Names with the same hash are told apart.
pub(super) fn name_hash(name: &str) -> i64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash as i64
}
