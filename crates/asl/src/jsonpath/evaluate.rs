//! Applying the steps of a path to a value.

use std::fmt::{self, Write};

use stepwell_value::{DEPTH_MAX, Object, Value};

use super::filter::FilterFailure;
use super::{Compiled, PathError, Selected, Step, WORK_MAX};
use crate::java;

static NULL: Value = Value::Null;

/// Selects from `root`. A path of single keys and indexes is a walk that allocates nothing.
pub(super) fn select<'v>(path: &Compiled, root: &'v Value) -> Result<Selected<'v>, PathError> {
    let steps = &path.steps;
    let mut value = root;
    for (n, step) in steps.iter().enumerate() {
        value = match step {
            Step::Key { key, quiet } => match value {
                Value::Object(object) => match object.get(key) {
                    Some(member) => member,
                    None if *quiet => return Ok(Selected::Owned(Vec::new().into())),
                    None => return Err(missing_key(n + 1 == steps.len(), &Trail::of_steps(&steps[..=n]))),
                },
                _ => return Err(not_an_object(step, &Trail::of_steps(&steps[..n]))),
            },
            Step::Index(index) => match value {
                Value::Array(items) => item_or_null(items, i64::from(*index)),
                _ => return Err(not_an_array(&steps[n..], value, &Trail::of_steps(&steps[..n]))),
            },
            _ => return select_beyond(path, n, root, value),
        };
    }
    Ok(Selected::Borrowed(value))
}

/// Goes on at step `n` with the evaluator for every kind of step.
fn select_beyond<'v>(path: &Compiled, n: usize, root: &'v Value, value: &'v Value) -> Result<Selected<'v>, PathError> {
    let mut evaluation =
        Evaluation { root, trail: Trail::of_steps(&path.steps[..n]), found: Vec::new(), swallowing: 0, work: 0 };
    match evaluation.walk(&path.steps[n..], value) {
        Err(Fault::Failed(error)) => return Err(*error),
        // The wildcard that a miss is swallowed for has caught it, so that none comes up to here.
        Ok(()) | Err(Fault::Swallowed) => {}
    }
    let mut found = evaluation.found;
    let selected = if path.is_definite { found.pop().unwrap_or_default() } else { Value::from(found) };
    // A filter keeps the object itself, so that wrapping can make a value deeper than its data.
    if selected.depth() > DEPTH_MAX { Err(PathError::TooLarge) } else { Ok(Selected::Owned(selected)) }
}

/// One selection in progress.
struct Evaluation<'a> {
    /// What `$` means inside a filter.
    root: &'a Value,
    trail: Trail<'a>,
    found: Vec<Value>,
    /// How many wildcards over arrays are open: they catch every miss, so no message is made for it.
    swallowing: u32,
    work: u32,
}

/// Why a walk stops.
enum Fault {
    Failed(Box<PathError>),
    /// A miss that an open wildcard over an array catches.
    Swallowed,
}

impl From<PathError> for Fault {
    fn from(error: PathError) -> Fault {
        Fault::Failed(Box::new(error))
    }
}

impl<'a> Evaluation<'a> {
    /// Applies `steps` to `value` and collects what they find.
    ///
    /// Recursion is bounded by the number of steps that branch, which the parser limits.
    fn walk(&mut self, mut steps: &'a [Step], mut value: &'a Value) -> Result<(), Fault> {
        let trail_length = self.trail.crumbs.len();
        let outcome = loop {
            let Some((step, rest)) = steps.split_first() else {
                self.found.push(value.clone());
                break Ok(());
            };
            self.count(1)?;
            match step {
                Step::Key { key, quiet } => {
                    let Value::Object(object) = value else { break Err(self.miss(|trail| not_an_object(step, trail))) };
                    self.trail.push(Crumb::Key(key));
                    match object.get(key) {
                        Some(member) => value = member,
                        None if *quiet => break Ok(()),
                        None => break Err(self.miss(|trail| missing_key(rest.is_empty(), trail))),
                    }
                }
                Step::Index(n) | Step::FromEnd(n) => {
                    let Value::Array(items) = value else { break Err(self.not_an_array(steps, value)) };
                    let counted_from = if matches!(step, Step::FromEnd(_)) { items.len() as i64 } else { 0 };
                    let index = counted_from + i64::from(*n);
                    self.trail.push(Crumb::Index(index));
                    value = item_or_null(items, index);
                }
                _ => break self.branch(step, steps, value),
            }
            steps = rest;
        };
        self.trail.crumbs.truncate(trail_length);
        outcome
    }

    /// Applies the first of `steps`, which can find several values.
    fn branch(&mut self, step: &'a Step, steps: &'a [Step], value: &'a Value) -> Result<(), Fault> {
        let rest = &steps[1..];
        match step {
            Step::Keys(keys) => {
                let Value::Object(object) = value else { return Err(self.miss(|trail| not_an_object(step, trail))) };
                if !rest.is_empty() {
                    let message = format!("Multi properties can only be used as path leafs: {}{step}", self.trail);
                    return Err(PathError::Type { message }.into());
                }
                self.count(keys.len())?;
                let mut chosen = Object::with_capacity(keys.len());
                for key in keys {
                    if let Some(member) = object.get(key) {
                        chosen.insert(key.clone(), member.clone());
                    }
                }
                self.found.push(chosen.into());
                Ok(())
            }
            Step::Wildcard => self.children(rest, value),
            Step::Filter(filter) => match value {
                Value::Object(_) => {
                    if self.keeps(filter, value)? {
                        self.walk(rest, value)?;
                    }
                    Ok(())
                }
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        if self.keeps(filter, item)? {
                            self.walk_item(rest, index as i64, item)?;
                        }
                    }
                    Ok(())
                }
                _ => {
                    let message = format!(
                        "Filter: {} can not be applied to primitives. Current context is: {}",
                        Steps(steps),
                        java::context_text(value)
                    );
                    Err(PathError::Type { message }.into())
                }
            },
            Step::Scan => self.scan(rest, value),
            _ => {
                let Value::Array(items) = value else { return Err(self.not_an_array(steps, value)) };
                let length = items.len() as i64;
                let range = match step {
                    Step::Indexes(indexes) => {
                        for index in indexes {
                            let index = i64::from(*index);
                            self.walk_item(rest, index, item_or_null(items, index))?;
                        }
                        return Ok(());
                    }
                    Step::SliceFrom(from) if *from < 0 => (length + i64::from(*from)).max(0)..length,
                    Step::SliceFrom(from) => i64::from(*from)..length,
                    Step::SliceTo(to) if *to < 0 => 0..length + i64::from(*to),
                    Step::SliceTo(to) => 0..length.min(i64::from(*to)),
                    // Negative numbers are not counted from the end here; a start before 0 selects nulls.
                    Step::Slice(..) if length == 0 => 0..0,
                    Step::Slice(from, to) => i64::from(*from)..length.min(i64::from(*to)),
                    _ => unreachable!("the other steps are handled before"),
                };
                for index in range {
                    self.walk_item(rest, index, item_or_null(items, index))?;
                }
                Ok(())
            }
        }
    }

    /// `.*` and `[*]`: over an array every miss behind it is swallowed, over an object none is.
    fn children(&mut self, rest: &'a [Step], value: &'a Value) -> Result<(), Fault> {
        match value {
            Value::Object(object) => {
                for (key, member) in object {
                    self.count(1)?;
                    self.trail.push(Crumb::Key(key));
                    let outcome = self.walk(rest, member);
                    self.trail.pop();
                    outcome?;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.swallowing += 1;
                    let outcome = self.walk_item(rest, index as i64, item);
                    self.swallowing -= 1;
                    match outcome {
                        Ok(()) | Err(Fault::Swallowed) => {}
                        Err(failed) => return Err(failed),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn walk_item(&mut self, rest: &'a [Step], index: i64, item: &'a Value) -> Result<(), Fault> {
        self.count(1)?;
        self.trail.push(Crumb::Index(index));
        let outcome = self.walk(rest, item);
        self.trail.pop();
        outcome
    }

    /// `..`: applies `rest` to each container below and including `value` that its first step fits, a container
    /// before what it contains.
    ///
    /// The containers on the way are kept in a list of our own: data may be nested deeper than a small stack.
    fn scan(&mut self, rest: &'a [Step], value: &'a Value) -> Result<(), Fault> {
        self.scan_at(rest, value)?;
        let mut open: Vec<(&'a Value, usize)> = vec![(value, 0)];
        while let Some((container, position)) = open.last_mut() {
            let child = match container {
                Value::Array(items) => items.get(*position).map(|item| (Crumb::Index(*position as i64), item)),
                Value::Object(object) => object.entries().get(*position).map(|(key, value)| (Crumb::Key(key), value)),
                _ => None,
            };
            *position += 1;
            let Some((crumb, child)) = child else {
                open.pop();
                // The crumb that leads to `value` itself is not ours.
                if !open.is_empty() {
                    self.trail.pop();
                }
                continue;
            };
            self.count(1)?;
            if matches!(child, Value::Array(_) | Value::Object(_)) {
                self.trail.push(crumb);
                self.scan_at(rest, child)?;
                open.push((child, 0));
            }
        }
        Ok(())
    }

    /// Applies `rest` to one value of a deep scan, if its first step fits the value.
    fn scan_at(&mut self, rest: &'a [Step], value: &'a Value) -> Result<(), Fault> {
        let target = &rest[0];
        let fits = match (target, value) {
            (Step::Key { key, .. }, Value::Object(object)) => object.contains_key(key),
            (Step::Keys(keys), Value::Object(object)) => keys.iter().all(|key| object.contains_key(key)),
            (Step::Wildcard, Value::Array(_) | Value::Object(_)) => true,
            (Step::Filter(filter), Value::Array(_) | Value::Object(_)) => self.keeps(filter, value)?,
            (step, Value::Array(_)) => step.is_for_arrays(),
            _ => false,
        };
        match value {
            _ if !fits => Ok(()),
            // Jayway 2.0.0: when a step follows, the one that chose an array is skipped, and the next is applied to
            // each item of the array; nothing swallows its misses.
            Value::Array(items) if rest.len() > 1 => {
                for (index, item) in items.iter().enumerate() {
                    self.walk_item(&rest[1..], index as i64, item)?;
                }
                Ok(())
            }
            _ => self.walk(rest, value),
        }
    }

    fn keeps(&mut self, filter: &super::filter::Filter, value: &Value) -> Result<bool, Fault> {
        self.count(filter.cost())?;
        filter.keeps(value, self.root).map_err(|failure| {
            match failure {
                FilterFailure::NotANumber(message) => PathError::Type { message },
                FilterFailure::TooLarge => PathError::TooLarge,
            }
            .into()
        })
    }

    fn count(&mut self, visits: usize) -> Result<(), Fault> {
        self.work = self.work.saturating_add(u32::try_from(visits).unwrap_or(u32::MAX));
        if self.work > WORK_MAX { Err(PathError::TooLarge.into()) } else { Ok(()) }
    }

    fn miss(&self, error: impl FnOnce(&Trail<'a>) -> PathError) -> Fault {
        if self.swallowing > 0 { Fault::Swallowed } else { error(&self.trail).into() }
    }

    fn not_an_array(&self, steps: &[Step], value: &Value) -> Fault {
        if value.is_null() && self.swallowing > 0 {
            return Fault::Swallowed;
        }
        not_an_array(steps, value, &self.trail).into()
    }
}

/// AWS: an index that does not exist selects null, where Jayway itself fails.
fn item_or_null(items: &[Value], index: i64) -> &Value {
    usize::try_from(index).ok().and_then(|index| items.get(index)).unwrap_or(&NULL)
}

fn missing_key(is_last: bool, trail: &Trail<'_>) -> PathError {
    let message = match is_last {
        true => format!("No results for path: {trail}"),
        false => format!("Missing property in path {trail}"),
    };
    PathError::Miss { message }
}

fn not_an_object(step: &Step, trail: &Trail<'_>) -> PathError {
    PathError::Miss { message: format!("Property {step} not found in path {trail}") }
}

fn not_an_array(steps: &[Step], value: &Value, trail: &Trail<'_>) -> PathError {
    if value.is_null() {
        return PathError::Miss { message: format!("The path {trail} is null") };
    }
    let message = format!(
        "Filter: {} can only be applied to arrays. Current context is: {}",
        Steps(steps),
        java::context_text(value)
    );
    PathError::Type { message }
}

/// Where a walk is, from the root on; messages write it normalised.
struct Trail<'a> {
    crumbs: Vec<Crumb<'a>>,
}

enum Crumb<'a> {
    Key(&'a str),
    Index(i64),
}

impl<'a> Trail<'a> {
    /// The trail of steps that are all single keys or indexes.
    fn of_steps(steps: &'a [Step]) -> Trail<'a> {
        let crumbs = steps.iter().filter_map(|step| match step {
            Step::Key { key, .. } => Some(Crumb::Key(key)),
            Step::Index(index) => Some(Crumb::Index(i64::from(*index))),
            _ => None,
        });
        Trail { crumbs: crumbs.collect() }
    }

    fn push(&mut self, crumb: Crumb<'a>) {
        self.crumbs.push(crumb);
    }

    fn pop(&mut self) {
        self.crumbs.pop();
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('$')?;
        for crumb in &self.crumbs {
            match crumb {
                Crumb::Key(key) => write!(f, "['{key}']")?,
                Crumb::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Steps in a row, as messages name them.
struct Steps<'p>(&'p [Step]);

impl fmt::Display for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| step.fmt(f))
    }
}
