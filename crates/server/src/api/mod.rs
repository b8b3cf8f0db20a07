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
use stepwell_store::RowNumber;
use stepwell_value::{Object, Value};

use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::world;

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

/// Cuts a list to a page; whether it had more. It holds one item more than the page where there are more.
fn cut<T>(all: &mut Vec<T>, page_size: usize) -> bool {
    let has_more = all.len() > page_size;
    all.truncate(page_size);
    has_more
}

/// Where a page of a list begins, how many items it has, and how the next one is asked for.
struct Paging<'s> {
    service: &'s Service,
    query: Query,
    now: Timestamp,
    /// The place that the request's token stands for.
    after: Option<Vec<u8>>,
    size: usize,
}

impl<'s> Paging<'s> {
    /// The page that a request asks for.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], the store's.
    fn of(service: &'s Service, call: &Call, query: Query) -> Result<Paging<'s>, Error> {
        let now = world::now();
        let after = match call.params.text("nextToken") {
            Some(token) => Some(service.pages()?.place(&query, token, now)?),
            None => None,
        };
        Ok(Paging { service, query, now, after, size: call.params.page_size() })
    }

    /// How many items are to be read: one more than the page has.
    fn read_max(&self) -> usize {
        self.size + 1
    }

    /// The row that the page begins behind.
    fn after_row(&self) -> Result<Option<RowNumber>, Error> {
        let row = |place: &[u8]| Ok(RowNumber(u64::from_be_bytes(place.try_into().map_err(|_| Error::InvalidToken)?)));
        self.after.as_deref().map(row).transpose()
    }

    /// The text that the page begins behind.
    fn after_text(&self) -> Result<Option<&str>, Error> {
        self.after.as_deref().map(|place| str::from_utf8(place).map_err(|_| Error::InvalidToken)).transpose()
    }

    /// Cuts what was read to the page; the token of the next one, if there is one.
    fn cut<T>(&self, read: &mut Vec<T>, place: impl FnOnce(&T) -> Vec<u8>) -> Result<Option<String>, Error> {
        match (cut(read, self.size), read.last()) {
            (true, Some(last)) => Ok(Some(self.service.pages()?.token(&self.query, &place(last), self.now))),
            _ => Ok(None),
        }
    }
}
