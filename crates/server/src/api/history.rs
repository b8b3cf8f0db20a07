//! GetExecutionHistory (`reference/history.md`).

use stepwell_engine::{WithoutData, decode_events};
use stepwell_node::core::StoredPayloads;
use stepwell_store::{Entity, Place};
use stepwell_value::{Object, Value};

use super::{cut, put_text};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::world;

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
    let payloads = StoredPayloads::new(&*service.store, &service.codec, id);
    let mut events = Vec::with_capacity(page_size + 1);
    for chunk in chunks {
        let place = Place::Chunk(Entity::Execution(id), chunk.first);
        let body = service.codec.open(place, &chunk.body).map_err(crate::service::unreadable)?;
        let decoded = match with_data {
            true => decode_events(&body, &payloads),
            false => decode_events(&body, &WithoutData),
        };
        let mut decoded = decoded.map_err(crate::service::unreadable)?;
        if is_reversed {
            decoded.reverse();
        }
        events
            .extend(decoded.into_iter().filter(|event| if is_reversed { event.id <= from } else { event.id >= from }));
    }
    // The first event of the next page, which is read as one too many.
    let following = events.get(page_size).map(|event| event.id);
    cut(&mut events, page_size);
    let next = match following {
        Some(id) => Some(service.pages()?.token(&query, &id.to_be_bytes(), now)),
        None => None,
    };
    let mut answer = Object::with_capacity(2);
    answer.insert("events", events.iter().map(|event| event.to_json(with_data)).collect());
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(Value::from(answer))
}
