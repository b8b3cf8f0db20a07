//! The operations, by subject. Each takes a checked request and gives the members of its answer.

pub(crate) mod activities;
pub(crate) mod aliases;
mod configuration;
pub(crate) mod executions;
pub(crate) mod history;
pub(crate) mod machines;
pub(crate) mod map_runs;
pub(crate) mod tags;
pub(crate) mod tasks;
pub(crate) mod validate;
pub(crate) mod versions;

use stepwell_engine::Timestamp;
use stepwell_value::{Object, Value};

use crate::error::Error;

/// A time, as answers have it.
fn seconds(time: Timestamp) -> Value {
    Value::number(time.epoch_seconds())
}

/// The same, of a row.
fn seconds_of(ms: i64) -> Value {
    seconds(Timestamp(ms))
}

/// An answer without members.
fn nothing() -> Value {
    Value::empty_object()
}

/// Adds a text where there is one.
fn put_text(object: &mut Object, name: &'static str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(name, text.into());
    }
}

/// Something that an alias is made of, or an alias itself, is not there.
fn not_there(arn: &str) -> Error {
    Error::ResourceNotFound {
        message: "Request references a resource that does not exist.".to_owned(),
        resource: arn.into(),
    }
}

/// A page: the items of `all` that follow the place of `token`, and the place of the next page.
///
/// `all` holds one item more than the page where there are more.
fn cut<T>(all: &mut Vec<T>, page_size: usize) -> bool {
    let has_more = all.len() > page_size;
    all.truncate(page_size);
    has_more
}
