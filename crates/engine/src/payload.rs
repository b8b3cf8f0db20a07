//! Payloads: the JSON documents of an execution, each stored once however many events and frames show it.

use std::sync::Arc;

use stepwell_value::{Str, Value};

use crate::stored::INLINE_BYTES_MAX;

/// Number of a payload within its execution, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadId(pub u32);

/// A JSON document of an execution. Cloning shares it; equal ids mean the same document.
#[derive(Clone, Debug)]
pub struct Payload(Arc<Content>);

#[derive(Debug)]
struct Content {
    id: PayloadId,
    value: Value,
    bytes: usize,
    /// The text as it was sent, where the API repeats it.
    sent: Option<Str>,
}

impl Payload {
    /// A payload of which the compact text is shown.
    pub fn new(id: PayloadId, value: Value) -> Payload {
        let bytes = value.json_len();
        Payload(Arc::new(Content { id, value, bytes, sent: None }))
    }

    /// A payload that is shown as it was sent.
    pub fn as_sent(id: PayloadId, value: Value, text: Str) -> Payload {
        Payload(Arc::new(Content { id, value, bytes: text.len(), sent: Some(text) }))
    }

    /// Its number.
    pub fn id(&self) -> PayloadId {
        self.0.id
    }

    /// The document.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// Size of its JSON text in bytes.
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Its JSON text, as sent if that was kept.
    pub fn text(&self) -> Str {
        match &self.0.sent {
            Some(text) => text.clone(),
            None => Str::from(self.0.value.to_string()),
        }
    }

    /// Whether it stands in the records that name it; the others have to be stored on their own.
    pub fn is_inline(&self) -> bool {
        self.bytes() <= INLINE_BYTES_MAX
    }

    /// The text as it was sent, where it was kept.
    pub fn sent(&self) -> Option<&Str> {
        self.0.sent.as_ref()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.id() == other.id()
    }
}
