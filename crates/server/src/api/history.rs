//! GetExecutionHistory (`reference/history.md`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use stepwell_engine::{Payload, PayloadId, Payloads, WithoutData, decode_events};
use stepwell_node::core::StoredPayloads;
use stepwell_store::{Entity, Place};
use stepwell_value::{Object, Value};

use super::put_text;
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service, unreadable};
use crate::world;

/// A page that has so many bytes of data takes no further event: a page of 1,000 events could have 500 MB otherwise. AWS,
/// too, says that a page may hold fewer events than were asked for.
const PAGE_BYTES_MAX: usize = 16 << 20;

pub(crate) fn history(service: &Service, call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let text = params.required("executionArn");
    let is_reversed = params.boolean("reverseOrder").unwrap_or(false);
    let with_data = params.boolean("includeExecutionData").unwrap_or(true);
    let flags = [is_reversed, with_data].map(|flag| if flag { "1" } else { "0" });
    let query = Query::new("GetExecutionHistory", &[text, flags[0], flags[1]]);
    let now = world::now();
    let from = match params.text("nextToken") {
        Some(token) => {
            let place = service.pages()?.place(&query, token, now)?;
            place.try_into().map(u32::from_be_bytes).map_err(|_| Error::InvalidToken)?
        }
        None if is_reversed => u32::MAX,
        None => 1,
    };
    let id = service.execution_id(text)?;
    let page_size = params.page_size();
    let chunks = service.store.history(id, from, is_reversed, page_size as u32 + 1)?;
    let payloads =
        ReadOnce { stored: StoredPayloads::new(&*service.store, &service.codec, id), read: RefCell::default() };
    let mut shown = Vec::new();
    let mut bytes = 0;
    // The first event of the next page.
    let mut following = None;
    'page: for chunk in chunks {
        let place = Place::Chunk(Entity::Execution(id), chunk.first);
        let body = service.codec.open(place, &chunk.body).map_err(unreadable)?;
        let decoded = match with_data {
            true => decode_events(&body, &payloads),
            false => decode_events(&body, &WithoutData),
        };
        let Ok(mut decoded) = decoded.map_err(unreadable) else { return Err(payloads.error()) };
        if is_reversed {
            decoded.reverse();
        }
        let is_wanted = |id: u32| if is_reversed { id <= from } else { id >= from };
        for event in decoded.into_iter().filter(|event| is_wanted(event.id)) {
            if shown.len() == page_size || bytes >= PAGE_BYTES_MAX {
                following = Some(event.id);
                break 'page;
            }
            let event = event.to_json(with_data);
            bytes += text_bytes(&event);
            shown.push(event);
        }
    }
    let next = match following {
        Some(id) => Some(service.pages()?.token(&query, &id.to_be_bytes(), now)),
        None => None,
    };
    let mut answer = Object::with_capacity(2);
    answer.insert("events", Value::from(shown));
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(Value::from(answer))
}

/// Payloads that are read once, however many events share them.
struct ReadOnce<'a> {
    stored: StoredPayloads<'a>,
    read: RefCell<BTreeMap<PayloadId, Payload>>,
}

impl Payloads for ReadOnce<'_> {
    fn find(&self, id: PayloadId) -> Option<Payload> {
        if let Some(payload) = self.read.borrow().get(&id) {
            return Some(payload.clone());
        }
        let payload = self.stored.find(id)?;
        self.read.borrow_mut().insert(id, payload.clone());
        Some(payload)
    }
}

impl ReadOnce<'_> {
    /// What is answered when events could not be read; the log gets to know why.
    fn error(self) -> Error {
        self.stored.failure().map_or(Error::InternalFailure, unreadable)
    }
}

/// Bytes of all texts in an event, which are nearly all of it.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Object(members) => members.iter().map(|(_, value)| text_bytes(value)).sum(),
        _ => 0,
    }
}
