//! Writing and reading one record: CBOR, a map of numbered fields behind the number of the format.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use stepwell_value::{Object, Str, Value, parse};

use super::{PayloadRef, Payloads, Read, StoredError, missing};
use crate::{Payload, PayloadId, Timestamp};

/// Number of the format that this release writes.
pub(super) const FORMAT: u32 = 1;

/// Writes a record. CBOR into memory cannot fail.
pub(super) struct Record {
    encoder: Encoder<Vec<u8>>,
    /// JSON texts on their way into the record: their length stands before them.
    json: String,
}

impl Record {
    /// A record that begins with its format and has room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Record {
        let mut record = Record { encoder: Encoder::new(Vec::with_capacity(bytes)), json: String::new() };
        record.int(FORMAT.into());
        record
    }

    /// A record of numbered fields.
    pub(super) fn of_fields(bytes: usize) -> Record {
        let mut record = Record::with_capacity(bytes);
        record.open();
        record
    }

    /// Ends a record of numbered fields.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.into_bytes()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.encoder.into_writer()
    }

    pub(super) fn nested(&mut self, content: impl FnOnce(&mut Record)) {
        self.open();
        content(self);
        self.close();
    }

    pub(super) fn field(&mut self, number: u32, content: impl FnOnce(&mut Record)) {
        self.int(number.into());
        content(self);
    }

    pub(super) fn optional<T>(&mut self, number: u32, value: Option<T>, content: impl FnOnce(&mut Record, T)) {
        if let Some(value) = value {
            self.int(number.into());
            content(self, value);
        }
    }

    /// A field that is there or not.
    pub(super) fn flag(&mut self, number: u32, is_set: bool) {
        if is_set {
            self.int(number.into());
            self.int(1);
        }
    }

    pub(super) fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut content: impl FnMut(&mut Record, T)) {
        self.array(items.len());
        items.for_each(|item| content(self, item));
    }

    /// Opens a list of so many items.
    pub(super) fn array(&mut self, length: usize) {
        written(self.encoder.array(length as u64).map(|_| ()));
    }

    /// Opens a list that [`Record::close`] ends.
    pub(super) fn open_list(&mut self) {
        written(self.encoder.begin_array().map(|_| ()));
    }

    /// `[number]`, `[number, text]` for one that stands here, `[number, text, true]` when the text is shown as sent.
    pub(super) fn payload(&mut self, payload: &Payload) {
        if payload.is_inline() {
            self.payload_here(payload);
        } else {
            self.payload_number(payload.id());
        }
    }

    pub(super) fn payload_number(&mut self, id: PayloadId) {
        self.array(1);
        self.int(id.0.into());
    }

    pub(super) fn payload_here(&mut self, payload: &Payload) {
        self.array(if payload.sent().is_some() { 3 } else { 2 });
        self.int(payload.id().0.into());
        match payload.sent() {
            Some(sent) => {
                self.text(sent);
                written(self.encoder.bool(true).map(|_| ()));
            }
            None => self.json(payload.value()),
        }
    }

    pub(super) fn time(&mut self, time: Timestamp) {
        self.int(time.0);
    }

    pub(super) fn int(&mut self, int: i64) {
        written(self.encoder.i64(int).map(|_| ()));
    }

    pub(super) fn unsigned(&mut self, int: u64) {
        written(self.encoder.u64(int).map(|_| ()));
    }

    pub(super) fn float(&mut self, float: f64) {
        written(self.encoder.f64(float).map(|_| ()));
    }

    /// An identity of 16 bytes.
    pub(super) fn id(&mut self, id: u128) {
        written(self.encoder.bytes(&id.to_be_bytes()).map(|_| ()));
    }

    pub(super) fn text(&mut self, text: &str) {
        written(self.encoder.str(text).map(|_| ()));
    }

    /// A text, or `null`.
    pub(super) fn maybe_text(&mut self, text: Option<&Str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A number, or `null`.
    pub(super) fn maybe_int(&mut self, int: Option<u32>) {
        match int {
            Some(int) => self.int(int.into()),
            None => self.null(),
        }
    }

    pub(super) fn json(&mut self, value: &Value) {
        self.json.clear();
        value.write_to(&mut self.json);
        written(self.encoder.str(&self.json).map(|_| ()));
    }

    pub(super) fn null(&mut self) {
        written(self.encoder.null().map(|_| ()));
    }

    fn open(&mut self) {
        written(self.encoder.begin_map().map(|_| ()));
    }

    pub(super) fn close(&mut self) {
        written(self.encoder.end().map(|_| ()));
    }
}

fn written<E: fmt::Debug>(result: Result<(), minicbor::encode::Error<E>>) {
    result.expect("writing to memory succeeds");
}

/// The fields of a record, by their numbers.
pub(super) struct Fields<'b> {
    bytes: &'b [u8],
    /// Numbers of fields and where their values begin, in the order in which they stand.
    places: Vec<(u32, usize)>,
}

impl<'b> Fields<'b> {
    pub(super) fn of(record: &'b [u8]) -> Read<Fields<'b>> {
        Fields::in_record(start(record)?)
    }

    pub(super) fn in_record(mut decoder: Decoder<'b>) -> Read<Fields<'b>> {
        decoder.map()?;
        let mut places = Vec::with_capacity(24);
        while decoder.datatype()? != Type::Break {
            let number = decoder.u32()?;
            places.push((number, decoder.position()));
            decoder.skip()?;
        }
        Ok(Fields { bytes: decoder.input(), places })
    }

    pub(super) fn given(&self, number: u32) -> Option<Decoder<'b>> {
        let (_, place) = self.places.iter().find(|(given, _)| *given == number)?;
        let mut decoder = Decoder::new(self.bytes);
        decoder.set_position(*place);
        Some(decoder)
    }

    pub(super) fn need(&self, number: u32) -> Read<Decoder<'b>> {
        self.given(number).ok_or_else(|| missing(&format!("field {number}")))
    }

    pub(super) fn flag(&self, number: u32) -> bool {
        self.given(number).is_some()
    }

    pub(super) fn json(&self, number: u32) -> Read<Option<Value>> {
        self.given(number).map(|mut field| json(field.str()?)).transpose()
    }

    pub(super) fn number(&self, number: u32) -> Read<u32> {
        Ok(self.need(number)?.u32()?)
    }

    pub(super) fn maybe_number(&self, number: u32) -> Read<Option<u32>> {
        Ok(self.given(number).map(|mut field| field.u32()).transpose()?)
    }

    pub(super) fn time(&self, number: u32) -> Read<Timestamp> {
        Ok(Timestamp(self.need(number)?.i64()?))
    }

    pub(super) fn maybe_time(&self, number: u32) -> Read<Option<Timestamp>> {
        Ok(self.given(number).map(|mut field| field.i64()).transpose()?.map(Timestamp))
    }

    pub(super) fn text(&self, number: u32) -> Read<Str> {
        Ok(Str::new(self.need(number)?.str()?))
    }

    pub(super) fn maybe_text(&self, number: u32) -> Read<Option<Str>> {
        Ok(self.given(number).map(|mut field| field.str().map(Str::new)).transpose()?)
    }

    pub(super) fn id(&self, number: u32) -> Read<u128> {
        id(&mut self.need(number)?)
    }

    /// The items of a list; none where the field is not there.
    pub(super) fn list<T>(&self, number: u32, mut item: impl FnMut(&mut Decoder<'b>) -> Read<T>) -> Read<Vec<T>> {
        let Some(mut list) = self.given(number) else { return Ok(Vec::new()) };
        let length = list.array()?.unwrap_or(0);
        (0..length).map(|_| item(&mut list)).collect()
    }
}

/// A record behind its format.
pub(super) fn start(record: &[u8]) -> Read<Decoder<'_>> {
    let mut decoder = Decoder::new(record);
    let format = decoder.u32()?;
    if format != FORMAT {
        return Err(StoredError(format!("format {format} is not known here (newest: {FORMAT})")));
    }
    Ok(decoder)
}

pub(super) fn id(decoder: &mut Decoder<'_>) -> Read<u128> {
    let bytes = decoder.bytes()?.try_into().map_err(|_| StoredError("an identity has not 16 bytes".into()))?;
    Ok(u128::from_be_bytes(bytes))
}

pub(super) fn json(text: &str) -> Read<Value> {
    parse(text).map_err(|error| StoredError(error.to_string()))
}

pub(super) fn object(text: &str) -> Read<Object> {
    match parse(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(StoredError("what should be a JSON object is none".into())),
    }
}

/// The next payload, where it stands; see [`Record::payload`].
pub(super) fn payload_ref(decoder: &mut Decoder<'_>) -> Read<PayloadRef> {
    let length = decoder.array()?.unwrap_or(0);
    let id = PayloadId(decoder.u32()?);
    if length < 2 { Ok(PayloadRef::Stored(id)) } else { payload_here(decoder, id, length).map(PayloadRef::Here) }
}

fn payload_here(decoder: &mut Decoder<'_>, id: PayloadId, length: u64) -> Read<Payload> {
    let text = decoder.str()?;
    let value = parse(text).map_err(|error| StoredError(format!("payload {}: {error}", id.0)))?;
    if length < 3 {
        return Ok(Payload::new(id, value));
    }
    decoder.bool()?;
    Ok(Payload::as_sent(id, value, Str::new(text)))
}

/// The payloads of an execution that is read. What several records name is one payload again.
pub(super) struct Shared<'p> {
    stored: &'p dyn Payloads,
    seen: RefCell<BTreeMap<PayloadId, Payload>>,
}

impl<'p> Shared<'p> {
    pub(super) fn new(stored: &'p dyn Payloads) -> Shared<'p> {
        Shared { stored, seen: RefCell::default() }
    }

    /// The payload that is meant.
    pub(super) fn resolve(&self, payload: PayloadRef) -> Read<Payload> {
        let id = payload.id();
        let seen = self.seen.borrow().get(&id).cloned();
        let found = match (seen, payload) {
            (Some(payload), _) => return Ok(payload),
            (None, PayloadRef::Here(payload)) => payload,
            (None, PayloadRef::Stored(_)) => {
                self.stored.find(id).ok_or_else(|| missing(&format!("payload {}", id.0)))?
            }
        };
        self.seen.borrow_mut().insert(id, found.clone());
        Ok(found)
    }

    /// The next payload.
    pub(super) fn next(&self, decoder: &mut Decoder<'_>) -> Read<Payload> {
        let mut ahead = decoder.clone();
        let length = ahead.array()?.unwrap_or(0);
        let id = PayloadId(ahead.u32()?);
        let seen = self.seen.borrow().get(&id).cloned();
        match seen {
            Some(payload) => {
                decoder.skip()?;
                Ok(payload)
            }
            None if length < 2 => {
                *decoder = ahead;
                self.resolve(PayloadRef::Stored(id))
            }
            None => {
                *decoder = ahead;
                self.resolve(PayloadRef::Here(payload_here(decoder, id, length)?))
            }
        }
    }
}

/// The next item, unless it is `null`.
pub(super) fn unless_null<'b, T>(
    decoder: &mut Decoder<'b>,
    item: impl FnOnce(&mut Decoder<'b>) -> Read<T>,
) -> Read<Option<T>> {
    if decoder.datatype()? == Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    item(decoder).map(Some)
}
