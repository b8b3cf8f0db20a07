//! Reading what a store holds, for checks.

use std::borrow::Cow;

use stepwell_engine::{Event, Execution, ExecutionId, decode_events};
use stepwell_node::core::StoredPayloads;
use stepwell_store::{Codec, Entity, Loaded, Place, Store};

use crate::world::Checked;

/// The records of an execution or a Map Run.
pub(crate) fn load(store: &dyn Store, entity: Entity) -> Checked<Loaded> {
    let loaded = store.load(entity).map_err(|error| error.to_string())?;
    loaded.ok_or_else(|| format!("{entity:?} is not stored"))
}

/// Its root record, opened.
pub(crate) fn root(entity: Entity, loaded: &Loaded) -> Checked<Vec<u8>> {
    let root = Codec::default().open(Place::Root(entity), &loaded.root.record).map_err(|error| error.to_string())?;
    Ok(root.into_owned())
}

/// Its other records, opened.
pub(crate) fn records(entity: Entity, loaded: &Loaded) -> Checked<Vec<(u64, Vec<u8>)>> {
    let opened = loaded.records.iter().map(|(key, record)| {
        let record = Codec::default().open(Place::Record(entity, *key), record).map(Cow::into_owned);
        Ok((*key, record.map_err(|error| error.to_string())?))
    });
    opened.collect()
}

/// An execution from its records.
pub(crate) fn execution(store: &dyn Store, id: ExecutionId, loaded: &Loaded) -> Checked<Execution> {
    let (codec, entity) = (Codec::default(), Entity::Execution(id));
    let payloads = StoredPayloads::new(store, &codec, id);
    let (root, records) = (root(entity, loaded)?, records(entity, loaded)?);
    Execution::decode(&root, &records, &payloads).map_err(|error| error.to_string())
}

/// The whole history of an execution.
pub(crate) fn history(store: &dyn Store, id: ExecutionId) -> Checked<Vec<Event>> {
    let codec = Codec::default();
    let payloads = StoredPayloads::new(store, &codec, id);
    let mut events = Vec::new();
    for chunk in store.history(id, 1, false, u32::MAX).map_err(|error| error.to_string())? {
        let place = Place::Chunk(Entity::Execution(id), chunk.first);
        let body = codec.open(place, &chunk.body).map_err(|error| error.to_string())?;
        events.extend(decode_events(&body, &payloads).map_err(|error| error.to_string())?);
    }
    Ok(events)
}
