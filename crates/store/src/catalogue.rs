//! The catalogue: state machines, their revisions, versions and aliases, and activities, as rows with a version.

use stepwell_value::Str;

use crate::transition::Sealed;

/// Number of a row of the catalogue; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNumber(pub u64);

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A state machine; its key is the ARN.
    StateMachine = 1,
    /// One definition and configuration of a state machine, its parent; it never changes. Executions pin it.
    Revision = 2,
    /// A published version of a state machine, its parent; its key is the ARN.
    Version = 3,
    /// An alias of a state machine, its parent; its key is the ARN.
    Alias = 4,
    /// An activity; its key is the ARN.
    Activity = 5,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub number: RowNumber,
    /// What it is.
    pub kind: Kind,
    /// Unique among the rows of a kind.
    pub key: Str,
    /// What it belongs to.
    pub parent: Option<RowNumber>,
    /// How often it has been written.
    pub version: u64,
    /// Its content.
    pub body: Sealed,
}

/// A change of the catalogue.
#[derive(Clone, Debug)]
pub enum CatalogueWrite {
    /// A new row; a row of this kind and key must not be there.
    Insert {
        /// What it is.
        kind: Kind,
        /// Unique among the rows of a kind.
        key: Str,
        /// What it belongs to.
        parent: Option<Parent>,
        /// Its content.
        body: Sealed,
    },
    /// A row changes; its version must be `expects`.
    Update {
        /// Which.
        number: RowNumber,
        /// The version that the change was made from.
        expects: u64,
        /// A new key; none: as it was.
        key: Option<Str>,
        /// The new content.
        body: Sealed,
    },
    /// A row goes; its version must be `expects`.
    Delete {
        /// Which.
        number: RowNumber,
        /// The version that it was seen in.
        expects: u64,
    },
}

/// What a new row belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Parent {
    /// A row that is there.
    Row(RowNumber),
    /// The row that the write at this place of the same call inserts.
    Inserted(usize),
}

/// A row was not as a write expected it: nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which write, by its place in the call.
    pub write: usize,
}

/// Which rows to read.
#[derive(Clone, Debug)]
pub struct RowQuery {
    /// What they are.
    pub kind: Kind,
    /// What they belong to; none: whatever.
    pub parent: Option<RowNumber>,
    /// How their keys begin, which tells accounts and regions apart.
    pub key_starts: Str,
    /// Behind this row.
    pub after: Option<RowNumber>,
    /// The latest first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
}
