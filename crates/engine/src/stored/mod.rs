//! The stored form of executions, Map Runs, events and letters: CBOR with numbered fields.
//!
//! An execution is a root record and further ones by key: one per frame and one per segment of a fork's results. A
//! transition writes the root and those it changed ([`Writes`]). A record starts with its format number. Fields are
//! members of a map under a number of their own, so a release skips what a later one added and gives defaults to what
//! an earlier one left out. Payloads stand as numbers; small ones stand in the record itself, the others are looked
//! up where they were stored.

mod event;
mod execution;
mod letter;
mod map_run;
mod payload;
mod record;

use std::collections::BTreeMap;
use std::fmt;

pub use event::{decode_events, encode_events};
pub use execution::Described;
pub use map_run::DescribedMapRun;

use crate::{Payload, PayloadId};

/// Payloads up to this size stand in the records that name them.
pub const INLINE_BYTES_MAX: usize = 128;

/// What changed of an execution or a Map Run since it was made, read or last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// What describes it; always written.
    pub root: Vec<u8>,
    /// The other records that changed, by their keys; none: removed.
    pub records: Vec<(u64, Option<Vec<u8>>)>,
}

/// Why stored bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredError(String);

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stored record cannot be read: {}", self.0)
    }
}

impl std::error::Error for StoredError {}

impl From<minicbor::decode::Error> for StoredError {
    fn from(error: minicbor::decode::Error) -> StoredError {
        StoredError(error.to_string())
    }
}

type Read<T> = Result<T, StoredError>;

fn missing(what: &str) -> StoredError {
    StoredError(format!("{what} is missing"))
}

/// Finds a payload that was stored on its own.
pub trait Payloads {
    /// The payload, if it is there.
    fn find(&self, id: PayloadId) -> Option<Payload>;
}

impl Payloads for BTreeMap<PayloadId, Payload> {
    fn find(&self, id: PayloadId) -> Option<Payload> {
        self.get(&id).cloned()
    }
}

/// Gives `null` for every payload: for histories that are shown without their data.
#[derive(Clone, Copy, Debug)]
pub struct WithoutData;

impl Payloads for WithoutData {
    fn find(&self, id: PayloadId) -> Option<Payload> {
        Some(Payload::new(id, stepwell_value::Value::Null))
    }
}

/// A payload as a record names it.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadRef {
    /// It stands in the record.
    Here(Payload),
    /// It was stored on its own.
    Stored(PayloadId),
}

impl PayloadRef {
    /// Its number.
    pub fn id(&self) -> PayloadId {
        match self {
            PayloadRef::Here(payload) => payload.id(),
            PayloadRef::Stored(id) => *id,
        }
    }
}
