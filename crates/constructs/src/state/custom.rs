//! A state given as JSON.

use stepwell_value::{Str, Value};

use super::{Body, Common};
use crate::field::Obj;
use crate::json::Json;
use crate::language::{JsonPath, Jsonata, Language, Plain};
use crate::workflow::{State, StateParts, Work};
use std::marker::PhantomData;

/// A state given as it stands in a definition, for what the library does not know yet.
///
/// `Next` and `End` are added; nothing else in the JSON is changed, so that paths are written as in a definition:
/// `"Name.$": "$.name"`.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// w.add(CustomState::json_path("Store", obj!({
///     "Type": "Task",
///     "Resource": "arn:aws:states:::dynamodb:putItem",
///     "Parameters": { "TableName": "orders", "Item": { "id": { "S.$": "$.id" } } },
///     "ResultPath": null,
/// })));
/// ```
#[derive(Debug)]
pub struct CustomState<L> {
    id: Str,
    json: Json,
    language: PhantomData<fn() -> L>,
}

impl CustomState<JsonPath> {
    /// A state whose query language is JSONPath.
    #[doc(alias = "stateJson")]
    pub fn json_path(id: &str, state: Obj<Plain>) -> Self {
        Self::new(id, state)
    }
}

impl CustomState<Jsonata> {
    /// A state whose query language is JSONata.
    pub fn jsonata(id: &str, state: Obj<Plain>) -> Self {
        Self::new(id, state)
    }
}

impl<L: Language> CustomState<L> {
    fn new(id: &str, state: Obj<Plain>) -> Self {
        CustomState { id: Str::from(id), json: state.into_json(), language: PhantomData }
    }

    /// The same from a JSON object.
    pub fn from_value(id: &str, state: &Value) -> Self {
        CustomState { id: Str::from(id), json: from_value(state), language: PhantomData }
    }
}

fn from_value(value: &Value) -> Json {
    match value.as_object() {
        Some(object) => {
            Json::Object(object.iter().map(|(key, value)| (key.clone(), Json::Value(value.clone()))).collect())
        }
        None => Json::invalid("CustomStateNoObject", "the JSON of a custom state must be an object"),
    }
}

impl<L: Language> State for CustomState<L> {
    type Language = L;
    type Kind = Work;

    fn into_parts(self) -> StateParts {
        StateParts { id: self.id, common: Common::default(), body: Body::Custom(self.json), retries: Vec::new() }
    }
}
