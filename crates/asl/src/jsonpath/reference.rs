//! Reference paths as `ResultPath` uses them: where to put a value into a document.

use std::fmt;

use stepwell_value::{DEPTH_MAX, Object, Value};

use super::{Path, PathSyntaxError, Root, Step};

/// The path of `ResultPath`: `$` and then only `.name`, `['name']` and `[n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath(Path);

/// Why a text is not a reference path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferencePathError {
    /// It is no path at all.
    Syntax(PathSyntaxError),
    /// It is a path, but selects in ways that a reference path cannot, or not from `$`.
    NotAReference,
}

/// The document has no place for the value; the engine reports `States.ResultPathMatchFailure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignError {
    /// What is in the way, and where.
    pub message: String,
}

impl ReferencePath {
    /// Parses a reference path.
    ///
    /// # Errors
    /// When the text is no path, no reference path, or starts at the context object or a variable.
    pub fn parse(text: &str) -> Result<ReferencePath, ReferencePathError> {
        Path::parse(text).map_err(ReferencePathError::Syntax)?.try_into()
    }

    /// The path as it was written.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// The document with `value` at this path. Objects missing on the way are made, arrays are never extended.
    ///
    /// The document is changed in place as far as nobody else holds it, and copied along the path where it is shared.
    ///
    /// # Errors
    /// When a name meets a value that is no object, an index meets a value that is no array or an array too
    /// short, or the result would be nested deeper than [`DEPTH_MAX`].
    pub fn assign(&self, document: Value, value: Value) -> Result<Value, AssignError> {
        // The containers on the way, each with a hole where the next one was taken out; a list instead of recursion
        // because a path may be as deep as the data.
        let mut open: Vec<(Value, &Step)> = Vec::new();
        let mut current = Some(document);
        for step in self.0.steps() {
            let (container, child) = match (current, step) {
                (Some(Value::Object(mut object)), Step::Key { key, .. }) => {
                    let child = object.contains_key(key).then(|| object.insert(key.clone(), Value::Null)).flatten();
                    (Value::Object(object), child)
                }
                (None, Step::Key { .. }) => (Value::Object(Object::default()), None),
                (Some(Value::Array(mut items)), Step::Index(index)) => {
                    let Some(child) = usize::try_from(*index).ok().filter(|index| *index < items.len()) else {
                        return Err(self.error(format!("the array has no item [{index}]")));
                    };
                    let taken = items[child].clone();
                    items.set(child, Value::Null);
                    (Value::Array(items), Some(taken))
                }
                (found, _) => {
                    let kind = found.map_or("nothing", |value| value.kind().name());
                    return Err(self.error(format!("{step} cannot be applied to {kind}")));
                }
            };
            open.push((container, step));
            current = child;
        }
        let mut whole = value;
        while let Some((mut container, step)) = open.pop() {
            match (&mut container, step) {
                (Value::Object(object), Step::Key { key, .. }) => {
                    object.insert(key.clone(), whole);
                }
                (Value::Array(items), Step::Index(index)) => {
                    items.set(usize::try_from(*index).unwrap_or_default(), whole);
                }
                _ => unreachable!("only containers that fit their step were opened"),
            }
            whole = container;
        }
        match whole.depth() {
            depth if depth > DEPTH_MAX => Err(self.error(format!("the result is nested more than {DEPTH_MAX} deep"))),
            _ => Ok(whole),
        }
    }

    fn error(&self, what: String) -> AssignError {
        AssignError { message: format!("Unable to apply ResultPath '{}': {what}", self.text()) }
    }
}

impl TryFrom<Path> for ReferencePath {
    type Error = ReferencePathError;

    fn try_from(path: Path) -> Result<ReferencePath, ReferencePathError> {
        match path.root() {
            Root::Data if path.is_reference() => Ok(ReferencePath(path)),
            _ => Err(ReferencePathError::NotAReference),
        }
    }
}

impl fmt::Display for ReferencePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferencePathError::Syntax(error) => error.fmt(f),
            ReferencePathError::NotAReference => f.write_str("Value is not a Reference Path"),
        }
    }
}

impl std::error::Error for ReferencePathError {}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AssignError {}
