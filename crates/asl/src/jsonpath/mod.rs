//! JSONPath as AWS evaluates it: the rules of Jayway JsonPath 2.0.0, with AWS's own answer for an index too large.

mod evaluate;
mod filter;
mod parse;
mod reference;
mod regex;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use stepwell_value::{Str, Value};

use crate::Scope;

pub use parse::PathSyntaxError;
pub(crate) use parse::parse_prefix;
pub use reference::{AssignError, ReferencePath, ReferencePathError};

/// A path of the definition: `$.a`, `$$.Execution.Id`, `$variable[0]`; parsed once, shared by clones.
#[derive(Clone)]
pub struct Path(Arc<Compiled>);

struct Compiled {
    text: Str,
    root: Root,
    steps: Vec<Step>,
    is_definite: bool,
    is_reference: bool,
}

/// What a path is applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`: the current data.
    Data,
    /// `$$`: the context object.
    Context,
    /// `$name`: the value of a workflow variable; the name without `$`.
    Variable(Str),
}

/// One step of a path.
#[derive(Debug)]
enum Step {
    /// `.name`, `['name']`
    Key {
        key: Str,
        /// Whether an object without this key yields nothing instead of failing the path.
        quiet: bool,
    },
    /// `['a','b']`, which can only be the last step that finds anything.
    Keys(Box<[Str]>),
    /// `[n]`
    Index(i32),
    /// `[(@.length-n)]`; the number as in the text, negative.
    FromEnd(i32),
    /// `[n,m]`
    Indexes(Box<[i32]>),
    /// `[a:]`
    SliceFrom(i32),
    /// `[:b]`
    SliceTo(i32),
    /// `[a:b]`
    Slice(i32, i32),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`
    Scan,
    /// `[?(…)]`
    Filter(Box<filter::Filter>),
}

/// What a path selected: a definite path borrows from the data, an indefinite one owns the array it made.
#[derive(Clone, Debug)]
pub enum Selected<'v> {
    /// A value of the data itself.
    Borrowed(&'v Value),
    /// A value made by the selection.
    Owned(Value),
}

/// Why a path selects nothing. The texts are those of Jayway JsonPath, paths in them written normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// The data has nothing there. The one error that `IsPresent` answers with false.
    Miss {
        /// Such as `No results for path: $['a']`.
        message: String,
    },
    /// A step was applied to a value of the wrong kind, or a filter compared a number with a text that is none.
    Type {
        /// Such as `Filter: [0] can only be applied to arrays. Current context is: 1`.
        message: String,
    },
    /// The variable that the path starts with was never assigned.
    UnknownVariable {
        /// Its name, without `$`.
        name: Str,
    },
    /// The selection would be too large or take too long; see [`WORK_MAX`].
    TooLarge,
}

/// Most values that one selection visits, counted over all its steps; above it the path fails.
///
/// A path without `..` visits each value of the data once, so this is out of reach for anything that fits a
/// payload. Several deep scans in one path multiply, and `[-2000000000:1]` selects as many nulls.
pub const WORK_MAX: u32 = 10_000_000;

impl Path {
    /// Parses a path; blanks around it are allowed.
    ///
    /// # Errors
    /// When the text is not a path of the dialect, with the place of the first thing that cannot stand there.
    pub fn parse(text: &str) -> Result<Path, PathSyntaxError> {
        parse::parse(text)
    }

    /// The path as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What the path is applied to.
    pub fn root(&self) -> &Root {
        &self.0.root
    }

    /// Whether the path selects one value; an indefinite path always selects an array.
    pub fn is_definite(&self) -> bool {
        self.0.is_definite
    }

    /// Whether this is a reference path: nothing but `.name`, `['name']` and `[n]` (any root).
    pub fn is_reference(&self) -> bool {
        self.0.is_reference
    }

    /// Selects from `data`, from the context object or from a variable, as the path's root says.
    ///
    /// For the operator `IsPresent`, a [`PathError::Miss`] or [`PathError::UnknownVariable`] means *not present*
    /// and any selected value, `null` included, means *present*; every other operator fails the state on an error.
    ///
    /// # Errors
    /// When the path finds nothing where it must, or a step meets a value of the wrong kind.
    pub fn select<'v>(&self, data: &'v Value, scope: &'v dyn Scope) -> Result<Selected<'v>, PathError> {
        let root = match &self.0.root {
            Root::Data => data,
            Root::Context => scope.context(),
            Root::Variable(name) => match scope.variable(name) {
                Some(value) => value,
                None => return Err(PathError::UnknownVariable { name: name.clone() }),
            },
        };
        evaluate::select(&self.0, root)
    }

    fn steps(&self) -> &[Step] {
        &self.0.steps
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({:?})", self.text())
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::Miss { message } | PathError::Type { message } => f.write_str(message),
            PathError::UnknownVariable { name } => write!(f, "The variable ${name} is not assigned"),
            PathError::TooLarge => write!(f, "The path selects too much: more than {WORK_MAX} values are visited"),
        }
    }
}

impl std::error::Error for PathError {}

impl<'v> Selected<'v> {
    /// The value, cloned (a reference count) when it is borrowed.
    pub fn into_value(self) -> Value {
        match self {
            Selected::Borrowed(value) => value.clone(),
            Selected::Owned(value) => value,
        }
    }
}

impl Deref for Selected<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Selected::Borrowed(value) => value,
            Selected::Owned(value) => value,
        }
    }
}

impl Step {
    /// Whether the step selects at most one value.
    fn is_definite(&self) -> bool {
        matches!(self, Step::Key { .. } | Step::Keys(_) | Step::Index(_) | Step::FromEnd(_))
    }

    /// Whether the step applies to arrays only and fails on anything else.
    fn is_for_arrays(&self) -> bool {
        matches!(
            self,
            Step::Index(_)
                | Step::FromEnd(_)
                | Step::Indexes(_)
                | Step::SliceFrom(_)
                | Step::SliceTo(_)
                | Step::Slice(..)
        )
    }
}

impl fmt::Display for Step {
    /// The step as messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key { key, .. } => write!(f, "['{key}']"),
            Step::Keys(keys) => {
                f.write_str("[")?;
                for (n, key) in keys.iter().enumerate() {
                    write!(f, "{}'{key}'", if n > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Step::Index(index) => write!(f, "[{index}]"),
            Step::FromEnd(offset) => write!(f, "[@.size(){offset}]"),
            Step::Indexes(indexes) => {
                f.write_str("[")?;
                for (n, index) in indexes.iter().enumerate() {
                    write!(f, "{}{index}", if n > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Step::SliceFrom(from) => write!(f, "[{from}:]"),
            Step::SliceTo(to) => write!(f, "[:{to}]"),
            Step::Slice(from, to) => write!(f, "[{from}:{to}]"),
            Step::Wildcard => f.write_str("[*]"),
            Step::Scan => f.write_str(".."),
            Step::Filter(_) => f.write_str("[?]"),
        }
    }
}
