//! Map, whose iterations belong to the execution itself.

use stepwell_value::{Str, Value};

use super::item_reader::ItemReaderData;
use super::result_writer::WriterData;
use super::{Body, shared_methods, state, words};
use crate::field::{IntoField, Obj};
use crate::json::Json;
use crate::language::{JsonPath, Jsonata};
use crate::path::{Expr, IntoReference};

state! {
    /// Does the same with each item of an array (ASL type `Map`).
    ///
    /// What it does is added to its handle: [`item_processor`](crate::Node::item_processor).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let each = w
    ///     .add(Map::json_path("Each order").items_path("$.orders").max_concurrency(3))
    ///     .item_processor(w.add(Pass::json_path("Ship")));
    /// let machine = StateMachine::new("Orders", each).build()?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    Map() -> Iteration, Box<MapProps> = Box::default(), Body::Map
}

/// The fields of a Map state, of which the last belong to a distributed one.
#[derive(Debug, Default)]
pub(crate) struct MapProps {
    pub(crate) items_path: Option<Json>,
    pub(crate) items: Option<Json>,
    pub(crate) item_selector: Option<Json>,
    pub(crate) parameters: Option<Json>,
    pub(crate) max_concurrency: Option<Json>,
    pub(crate) max_concurrency_path: Option<Json>,
    pub(crate) distributed: Option<Distributed>,
}

#[derive(Debug, Default)]
pub(crate) struct Distributed {
    pub(crate) execution_type: Option<ProcessorType>,
    pub(crate) item_reader: Option<ItemReaderData>,
    pub(crate) item_batcher: Option<super::distributed::BatcherData>,
    pub(crate) result_writer: Option<WriterData>,
    pub(crate) result_writer_v2: Option<WriterData>,
    pub(crate) label: Option<Str>,
    pub(crate) tolerated_failure_count: Option<Json>,
    pub(crate) tolerated_failure_count_path: Option<Json>,
    pub(crate) tolerated_failure_percentage: Option<Json>,
    pub(crate) tolerated_failure_percentage_path: Option<Json>,
}

shared_methods!([] Map: naming assign paths result_path result_selector outputs);

/// Methods that Map and DistributedMap share.
macro_rules! map_methods {
    ($type:ident) => {
        impl<L: $crate::Language> $type<L> {
            /// How many iterations run at the same time, at least 1; 0 or nothing is no limit (ASL field `MaxConcurrency`).
            #[doc(alias = "maxConcurrency")]
            #[must_use]
            pub fn max_concurrency(mut self, iterations: impl Into<$crate::Operand>) -> Self {
                let number = iterations.into().0;
                self.props.max_concurrency = (number != 0.0).then(|| Json::Value(Value::number(number)));
                self
            }

            /// What an iteration gets instead of the item (ASL field `ItemSelector`).
            #[doc(alias = "itemSelector")]
            #[must_use]
            pub fn item_selector(mut self, selector: Obj<L>) -> Self {
                self.props.item_selector = Some(selector.into_json());
                self
            }
        }

        impl $type<JsonPath> {
            /// Where the array is (ASL field `ItemsPath`); by default it is the input.
            #[doc(alias = "itemsPath")]
            #[must_use]
            pub fn items_path(mut self, path: impl IntoReference) -> Self {
                self.props.items_path = Some(path.into_reference().0);
                self
            }

            /// Where the number of iterations at the same time is (ASL field `MaxConcurrencyPath`).
            #[doc(alias = "maxConcurrencyPath")]
            #[must_use]
            pub fn max_concurrency_path(mut self, path: impl IntoReference) -> Self {
                self.props.max_concurrency_path = Some(path.into_reference().0);
                self
            }

            /// What an iteration gets, in the field that `ItemSelector` has replaced (ASL field `Parameters`).
            #[must_use]
            pub fn parameters(mut self, parameters: Obj<JsonPath>) -> Self {
                self.props.parameters = Some(parameters.into_json());
                self
            }
        }

        impl $type<Jsonata> {
            /// The array, or an expression that gives it (ASL field `Items`); by default it is the input.
            #[doc(alias = "ProvideItems")]
            #[must_use]
            pub fn items(mut self, items: impl IntoField<Jsonata>) -> Self {
                self.props.items = Some(items.into_field().0);
                self
            }

            /// One expression for what an iteration gets instead of the item (ASL field `ItemSelector`).
            #[doc(alias = "jsonataItemSelector")]
            #[must_use]
            pub fn computed_item_selector(mut self, selector: Expr) -> Self {
                self.props.item_selector = Some(Json::Value(Value::from(selector.0)));
                self
            }

            /// An expression for how many iterations run at the same time (ASL field `MaxConcurrency`).
            #[doc(alias = "jsonataMaxConcurrency")]
            #[must_use]
            pub fn computed_max_concurrency(mut self, iterations: Expr) -> Self {
                self.props.max_concurrency = Some(Json::Value(Value::from(iterations.0)));
                self
            }
        }
    };
}

pub(crate) use map_methods;

map_methods!(Map);

/// How an item processor runs (ASL field `ProcessorConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessorConfig {
    /// Inside the execution, or as executions of their own; by default inside.
    pub mode: Option<ProcessorMode>,
    /// The kind of those executions, if the mode is [`ProcessorMode::Distributed`].
    #[doc(alias = "executionType")]
    pub execution_type: Option<ProcessorType>,
}

words! {
    /// Where iterations run (ASL field `Mode`).
    ProcessorMode {
        /// Inside the execution
        Inline = "INLINE",
        /// As executions of their own
        Distributed = "DISTRIBUTED",
    }
    /// The kind of the executions of a distributed map (ASL field `ExecutionType`).
    ProcessorType {
        /// Up to a year each, with a history
        Standard = "STANDARD",
        /// Up to five minutes each
        Express = "EXPRESS",
    }
}
