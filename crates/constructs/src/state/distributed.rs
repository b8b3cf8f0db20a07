//! DistributedMap, whose iterations are executions of their own.

use stepwell_value::{Str, Value};

use super::item_reader::ItemReader;
use super::map::{Distributed, MapProps, ProcessorType, map_methods};
use super::result_writer::{ResultWriter, ResultWriterV2};
use super::{Body, shared_methods, state};
use crate::field::Obj;
use crate::json::{Fields, Json};
use crate::language::{JsonPath, Jsonata, Language};
use crate::path::{Expr, IntoReference};
use crate::{IntoField, Operand};
use std::marker::PhantomData;

state! {
    /// Does the same with each item, in executions of their own: up to 10,000 at a time (ASL type `Map`, mode `DISTRIBUTED`).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let bucket = BucketRef::from_name("incoming");
    /// let rows = w
    ///     .add(DistributedMap::json_path("Rows")
    ///         .item_reader(S3CsvItemReader::new(&bucket, "orders.csv").csv_headers(["id", "total"]))
    ///         .label("rows")
    ///         .max_concurrency(100))
    ///     .item_processor(w.add(Pass::json_path("Row")));
    /// let machine = StateMachine::new("Nightly", rows).build()?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    DistributedMap() -> Iteration, Box<MapProps> = Box::new(MapProps::distributed()), Body::Map
}

shared_methods!([] DistributedMap: naming assign paths result_path result_selector outputs);
map_methods!(DistributedMap);

impl MapProps {
    fn distributed() -> MapProps {
        MapProps { distributed: Some(Distributed::default()), ..MapProps::default() }
    }
}

impl<L> DistributedMap<L> {
    fn change(mut self, change: impl FnOnce(&mut Distributed)) -> Self {
        change(self.props.distributed.get_or_insert_default());
        self
    }
}

impl<L: Language> DistributedMap<L> {
    /// The kind of the child executions; `Standard` by default (ASL field `ProcessorConfig.ExecutionType`).
    #[doc(alias = "mapExecutionType")]
    #[must_use]
    pub fn map_execution_type(self, kind: ProcessorType) -> Self {
        self.change(|map| map.execution_type = Some(kind))
    }

    /// Where the items are read from, instead of the input (ASL field `ItemReader`).
    #[doc(alias = "itemReader")]
    #[must_use]
    pub fn item_reader(self, reader: impl ItemReader<L>) -> Self {
        self.change(|map| map.item_reader = Some(reader.into_data()))
    }

    /// How many items one child execution gets (ASL field `ItemBatcher`).
    #[doc(alias = "itemBatcher")]
    #[must_use]
    pub fn item_batcher(self, batcher: ItemBatcher<L>) -> Self {
        self.change(|map| map.item_batcher = Some(batcher.data))
    }

    /// Where the results are written (ASL field `ResultWriter`); only with the flag of the second version off.
    #[doc(alias = "resultWriter")]
    #[must_use]
    pub fn result_writer(self, writer: ResultWriter) -> Self {
        self.change(|map| map.result_writer = Some(writer.into_data()))
    }

    /// Where and in which form the results are written (ASL field `ResultWriter`).
    #[doc(alias = "resultWriterV2")]
    #[must_use]
    pub fn result_writer_v2(self, writer: ResultWriterV2<L>) -> Self {
        self.change(|map| map.result_writer_v2 = Some(writer.into_data()))
    }

    /// A part of the ARNs of its map runs: at most 40 letters, digits, and other characters that a name may have (ASL field `Label`).
    #[must_use]
    pub fn label(self, label: &str) -> Self {
        self.change(|map| map.label = Some(Str::from(label)))
    }

    /// How many items may fail (ASL field `ToleratedFailureCount`).
    #[doc(alias = "toleratedFailureCount")]
    #[must_use]
    pub fn tolerated_failure_count(self, items: u32) -> Self {
        self.change(|map| map.tolerated_failure_count = Some(Json::Value(Value::from(items))))
    }

    /// How many of a hundred items may fail, 0 to 100 (ASL field `ToleratedFailurePercentage`).
    #[doc(alias = "toleratedFailurePercentage")]
    #[must_use]
    pub fn tolerated_failure_percentage(self, percentage: impl Into<Operand>) -> Self {
        let number = Value::number(percentage.into().0);
        self.change(|map| map.tolerated_failure_percentage = Some(Json::Value(number)))
    }
}

impl DistributedMap<JsonPath> {
    /// Where the number of items that may fail is (ASL field `ToleratedFailureCountPath`).
    #[doc(alias = "toleratedFailureCountPath")]
    #[must_use]
    pub fn tolerated_failure_count_path(self, path: impl IntoReference) -> Self {
        self.change(|map| map.tolerated_failure_count_path = Some(path.into_reference().0))
    }

    /// Where the share of items that may fail is (ASL field `ToleratedFailurePercentagePath`).
    #[doc(alias = "toleratedFailurePercentagePath")]
    #[must_use]
    pub fn tolerated_failure_percentage_path(self, path: impl IntoReference) -> Self {
        self.change(|map| map.tolerated_failure_percentage_path = Some(path.into_reference().0))
    }
}

/// Several items for each child execution (ASL field `ItemBatcher`).
///
/// ```
/// use stepwell_constructs::*;
///
/// let batches = ItemBatcher::new().max_items_per_batch(100).batch_input(obj!({ "day": path("$.day") }));
/// DistributedMap::json_path("Rows").item_batcher(batches);
/// ```
#[derive(Clone, Debug)]
pub struct ItemBatcher<L> {
    data: BatcherData,
    language: PhantomData<fn() -> L>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct BatcherData {
    pub(crate) batch_input: Option<Json>,
    pub(crate) items: Option<Json>,
    pub(crate) items_path: Option<Json>,
    pub(crate) bytes: Option<Json>,
    pub(crate) bytes_path: Option<Json>,
}

impl<L: Language> ItemBatcher<L> {
    /// A batcher without limits yet; one is needed.
    pub fn new() -> Self {
        ItemBatcher { data: BatcherData::default(), language: PhantomData }
    }

    /// What every child execution gets beside its items (ASL field `BatchInput`).
    #[doc(alias = "batchInput")]
    #[must_use]
    pub fn batch_input(mut self, input: impl IntoField<L>) -> Self {
        self.data.batch_input = Some(input.into_field().0);
        self
    }

    /// The most items of a batch (ASL field `MaxItemsPerBatch`).
    #[doc(alias = "maxItemsPerBatch")]
    #[must_use]
    pub fn max_items_per_batch(mut self, items: u32) -> Self {
        self.data.items = Some(Json::Value(Value::from(items)));
        self
    }

    /// The most bytes of a batch, at most 262,144 (ASL field `MaxInputBytesPerBatch`).
    #[doc(alias = "maxInputBytesPerBatch")]
    #[must_use]
    pub fn max_input_bytes_per_batch(mut self, bytes: u32) -> Self {
        self.data.bytes = Some(Json::Value(Value::from(bytes)));
        self
    }
}

impl ItemBatcher<JsonPath> {
    /// Where the most items of a batch are said (ASL field `MaxItemsPerBatchPath`).
    #[doc(alias = "maxItemsPerBatchPath")]
    #[must_use]
    pub fn max_items_per_batch_path(mut self, path: impl IntoReference) -> Self {
        self.data.items_path = Some(path.into_reference().0);
        self
    }

    /// Where the most bytes of a batch are said (ASL field `MaxInputBytesPerBatchPath`).
    #[doc(alias = "maxInputBytesPerBatchPath")]
    #[must_use]
    pub fn max_input_bytes_per_batch_path(mut self, path: impl IntoReference) -> Self {
        self.data.bytes_path = Some(path.into_reference().0);
        self
    }
}

impl<L: Language> Default for ItemBatcher<L> {
    fn default() -> Self {
        ItemBatcher::new()
    }
}

impl BatcherData {
    pub(crate) fn fields(&self) -> Fields {
        Fields::new()
            .set_opt("BatchInput", &self.batch_input)
            .set_opt("MaxItemsPerBatch", &self.items)
            .set_opt("MaxItemsPerBatchPath", &self.items_path)
            .set_opt("MaxInputBytesPerBatch", &self.bytes)
            .set_opt("MaxInputBytesPerBatchPath", &self.bytes_path)
    }

    pub(crate) fn mistakes(&self) -> Vec<&'static str> {
        let mut mistakes = Vec::new();
        if self.items.is_some() && self.items_path.is_some() {
            mistakes.push("Provide either `maxItemsPerBatch` or `maxItemsPerBatchPath`, but not both");
        }
        if self.bytes.is_some() && self.bytes_path.is_some() {
            mistakes.push("Provide either `maxInputBytesPerBatch` or `maxInputBytesPerBatchPath`, but not both");
        }
        if self.fields().is_empty() {
            mistakes.push("Provide at least one value to the ItemBatcher");
        }
        mistakes
    }
}
