//! DynamoDB: DynamoGetItem, DynamoPutItem, DynamoUpdateItem, DynamoDeleteItem.

use std::marker::PhantomData;

use stepwell_value::{Object, Str, Value, js_number_text};

use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::references::TableRef;
use crate::state::words;
use crate::task::{ByName, Record, Task, TaskContext, TaskFields, task};
use crate::{IntoVal, Language};

task! {
    /// Reads an item of a table by its key.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let orders = TableRef::from_logical_id("Orders");
    /// w.add(DynamoGetItem::json_path("Order", &orders, [("OrderId", DynamoAttributeValue::string(path("$.id")))])
    ///     .consistent_read(true)
    ///     .projection_expression([DynamoProjectionExpression::attribute("Lines").at_index(0).with_attribute("Price")])
    ///     .result_selector(obj!({ "order": path("$.Item") })));
    /// ```
    DynamoGetItem(DynamoGetItemProps) {
        patterns { RequestResponse }
        required {
            /// The table (field `TableName`).
            table: (TableRef),
            /// The attributes that the key is made of.
            key: {map DynamoAttributeValue} => "Key",
        }
        optional {
            /// Whether the read sees all writes that succeeded before it; it need not by default (field `ConsistentRead`).
            #[doc(alias = "consistentRead")]
            consistent_read: (bool),
            /// What `#name` stands for in expressions.
            #[doc(alias = "expressionAttributeNames")]
            expression_attribute_names: object => "ExpressionAttributeNames",
            /// The attributes to read; all by default (field `ProjectionExpression`).
            #[doc(alias = "projectionExpression")]
            projection_expression: [DynamoProjectionExpression],
            /// How much capacity the answer reports.
            #[doc(alias = "returnConsumedCapacity")]
            return_consumed_capacity: (DynamoConsumedCapacity) => "ReturnConsumedCapacity",
        }
    }
}

/// A task that changes an item: what it needs beside the table, what it alone has, and what all of them have.
macro_rules! changes_item {
    (
        $(#[$doc:meta])*
        $name:ident($props:ident) $verb:literal
        { $(#[$argument_doc:meta])* $argument:ident => $argument_key:literal $(, $(#[$own_doc:meta])* $own:ident => $own_key:literal)? }
    ) => {
        task! {
            $(#[$doc])*
            $name($props) {
                patterns { RequestResponse }
                required {
                    /// The table (field `TableName`).
                    table: (TableRef),
                    $(#[$argument_doc])*
                    $argument: {map DynamoAttributeValue} => $argument_key,
                }
                optional {
                    $($(#[$own_doc])* $own: text => $own_key,)?
                    /// Nothing is changed unless this holds.
                    #[doc(alias = "conditionExpression")]
                    condition_expression: text => "ConditionExpression",
                    /// What `#name` stands for in expressions.
                    #[doc(alias = "expressionAttributeNames")]
                    expression_attribute_names: object => "ExpressionAttributeNames",
                    /// What `:value` stands for in expressions.
                    #[doc(alias = "expressionAttributeValues")]
                    expression_attribute_values: {map DynamoAttributeValue} => "ExpressionAttributeValues",
                    /// How much capacity the answer reports.
                    #[doc(alias = "returnConsumedCapacity")]
                    return_consumed_capacity: (DynamoConsumedCapacity) => "ReturnConsumedCapacity",
                    /// Whether the answer reports on collections of items.
                    #[doc(alias = "returnItemCollectionMetrics")]
                    return_item_collection_metrics: (DynamoItemCollectionMetrics) => "ReturnItemCollectionMetrics",
                    /// Which attributes the answer holds.
                    #[doc(alias = "returnValues")]
                    return_values: (DynamoReturnValues) => "ReturnValues",
                }
            }
        }

        impl Task for $props {
            fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
                call(cx, $verb, &self.table, self.fields())
            }
        }
    };
}

changes_item! {
    /// Writes an item into a table, in the place of the one with the same key.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let orders = TableRef::from_logical_id("Orders");
    /// let item = [
    ///     ("OrderId", DynamoAttributeValue::string(path("$.id"))),
    ///     ("Total", DynamoAttributeValue::number_from_string(path("States.Format('{}', $.total)"))),
    ///     ("Open", DynamoAttributeValue::boolean(true)),
    /// ];
    /// w.add(DynamoPutItem::json_path("Save", &orders, item).result_path(DISCARD));
    /// ```
    DynamoPutItem(DynamoPutItemProps) "Put" {
        /// The attributes of the item.
        item => "Item"
    }
}

changes_item! {
    /// Changes attributes of an item, or makes it.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let orders = TableRef::from_logical_id("Orders");
    /// w.add(DynamoUpdateItem::jsonata("Add", &orders, [("OrderId", DynamoAttributeValue::string(jsonata("$states.input.id")))])
    ///     .update_expression("SET Total = Total + :more")
    ///     .expression_attribute_values([(":more", DynamoAttributeValue::number(20))]));
    /// ```
    DynamoUpdateItem(DynamoUpdateItemProps) "Update" {
        /// The attributes that the key is made of.
        key => "Key",
        /// What is changed.
        #[doc(alias = "updateExpression")]
        update_expression => "UpdateExpression"
    }
}

changes_item! {
    /// Deletes an item of a table by its key.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let orders = TableRef::from_logical_id("Orders");
    /// w.add(DynamoDeleteItem::json_path("Forget", &orders, [("OrderId", DynamoAttributeValue::string("order-007"))])
    ///     .condition_expression("attribute_exists(OrderId)")
    ///     .return_values(DynamoReturnValues::AllOld));
    /// ```
    DynamoDeleteItem(DynamoDeleteItemProps) "Delete" {
        /// The attributes that the key is made of.
        key => "Key"
    }
}

impl Task for DynamoGetItemProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let consistent = self.consistent_read.unwrap_or(false);
        let mut fields = self.fields().set("ConsistentRead", Value::from(consistent));
        if let Some(attributes) = &self.projection_expression {
            let attributes: Vec<&str> = attributes.iter().map(|attribute| attribute.0.as_str()).collect();
            fields.put("ProjectionExpression", Value::from(attributes.join(",")));
        }
        call(cx, "Get", &self.table, fields)
    }
}

fn call(cx: &mut TaskContext<'_>, verb: &str, table: &TableRef, fields: Fields) -> TaskFields {
    let table_arn = cx.arn("dynamodb", Cfn::from("table/").then(table.name()));
    cx.allow([format!("dynamodb:{verb}Item")], [table_arn]);
    let api = format!("{}Item", verb.to_lowercase());
    TaskFields::new(cx.integration("dynamodb", &api), fields.set("TableName", table.name().clone()))
}

/// A value of an attribute with its type, for a state of language `L`.
///
/// ```
/// use stepwell_constructs::{DynamoAttributeValue, JsonPath, path};
///
/// let customer: DynamoAttributeValue<JsonPath> = DynamoAttributeValue::map([
///     ("Name", DynamoAttributeValue::string(path("$.name"))),
///     ("Age", DynamoAttributeValue::number(41)),
///     ("Tags", DynamoAttributeValue::string_set(["new", "paid"])),
///     ("Address", DynamoAttributeValue::map_from(path("$.address"))),
/// ]);
/// ```
#[derive(Debug)]
pub struct DynamoAttributeValue<L> {
    data: AttributeData,
    language: PhantomData<fn() -> L>,
}

/// The type of an attribute, and its value.
#[derive(Debug)]
pub(crate) struct AttributeData {
    kind: &'static str,
    value: Json,
}

impl<L: Language> DynamoAttributeValue<L> {
    fn new(kind: &'static str, value: Json) -> Self {
        DynamoAttributeValue { data: AttributeData { kind, value }, language: PhantomData }
    }

    /// A string (`S`).
    #[doc(alias = "DynamoAttributeValue.fromString")]
    pub fn string(value: impl IntoVal<String, L>) -> Self {
        Self::new("S", value.into_val().0)
    }

    /// A number that is known now (`N`).
    #[doc(alias = "DynamoAttributeValue.fromNumber")]
    pub fn number(value: impl Into<f64>) -> Self {
        Self::new("N", number_text(value.into()))
    }

    /// A number written as text (`N`).
    #[doc(alias = "DynamoAttributeValue.numberFromString")]
    pub fn number_from_string(value: impl IntoVal<String, L>) -> Self {
        Self::new("N", value.into_val().0)
    }

    /// Bytes in Base64 (`B`).
    #[doc(alias = "DynamoAttributeValue.fromBinary")]
    pub fn binary(value: impl IntoVal<String, L>) -> Self {
        Self::new("B", value.into_val().0)
    }

    /// A set of strings (`SS`).
    #[doc(alias = "DynamoAttributeValue.fromStringSet")]
    pub fn string_set(values: impl IntoVal<Vec<String>, L>) -> Self {
        Self::new("SS", values.into_val().0)
    }

    /// A set of numbers that are known now (`NS`).
    #[doc(alias = "DynamoAttributeValue.fromNumberSet")]
    pub fn number_set(values: impl IntoIterator<Item = impl Into<f64>>) -> Self {
        Self::new("NS", Json::Array(values.into_iter().map(|value| number_text(value.into())).collect()))
    }

    /// A set of numbers written as text (`NS`).
    #[doc(alias = "DynamoAttributeValue.numberSetFromStrings")]
    pub fn number_set_from_strings(values: impl IntoVal<Vec<String>, L>) -> Self {
        Self::new("NS", values.into_val().0)
    }

    /// A set of bytes in Base64 (`BS`).
    #[doc(alias = "DynamoAttributeValue.fromBinarySet")]
    pub fn binary_set(values: impl IntoVal<Vec<String>, L>) -> Self {
        Self::new("BS", values.into_val().0)
    }

    /// Named values (`M`).
    #[doc(alias = "DynamoAttributeValue.fromMap")]
    pub fn map(values: impl IntoIterator<Item = (impl Into<String>, Self)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (Str::from(name.into()), value.data)).collect();
        Self::new("M", ByName(values).to_json())
    }

    /// Named values that the state computes, each with its type: `{"Name": {"S": "…"}}` (`M`).
    #[doc(alias = "DynamoAttributeValue.mapFromJsonPath")]
    #[doc(alias = "DynamoAttributeValue.mapFromJsonata")]
    pub fn map_from(values: impl IntoVal<Object, L>) -> Self {
        Self::new("M", computed(values.into_val().0))
    }

    /// Values in their order (`L`).
    #[doc(alias = "DynamoAttributeValue.fromList")]
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::new("L", Json::Array(values.into_iter().map(|value| value.data.to_json()).collect()))
    }

    /// Values that the state computes, each with its type: `[{"S": "…"}]` (`L`).
    #[doc(alias = "DynamoAttributeValue.listFromJsonPath")]
    #[doc(alias = "DynamoAttributeValue.listFromJsonata")]
    pub fn list_from(values: impl IntoVal<Vec<Value>, L>) -> Self {
        Self::new("L", computed(values.into_val().0))
    }

    /// Nothing (`NULL`).
    #[doc(alias = "DynamoAttributeValue.fromNull")]
    pub fn null() -> Self {
        Self::new("NULL", Value::from(true).into())
    }

    /// True or false (`BOOL`).
    #[doc(alias = "DynamoAttributeValue.fromBoolean")]
    #[doc(alias = "DynamoAttributeValue.booleanFromJsonPath")]
    #[doc(alias = "DynamoAttributeValue.booleanFromJsonata")]
    pub fn boolean(value: impl IntoVal<bool, L>) -> Self {
        Self::new("BOOL", computed(value.into_val().0))
    }
}

/// DynamoDB takes numbers as text.
fn number_text(number: f64) -> Json {
    if number.is_finite() {
        Json::Value(Value::from(js_number_text(number)))
    } else {
        Json::invalid("NumberNotFinite", format!("DynamoDB has no number {number}"))
    }
}

/// The value with the message that the CDK has for paths of attributes.
fn computed(value: Json) -> Json {
    match value {
        Json::Path(path) if path.problem().is_some() => Json::invalid(
            "DataJsonPathValues",
            "Data JSON path values must either be exactly equal to '$' or start with '$.'",
        ),
        value => value,
    }
}

impl<L> Record for DynamoAttributeValue<L> {
    type Data = AttributeData;

    fn into_data(self) -> AttributeData {
        self.data
    }
}

impl ToJson for AttributeData {
    fn to_json(&self) -> Json {
        Fields::new().set(self.kind, self.value.clone()).into()
    }
}

/// An attribute to read, or a part of it: `Messages[1].Tags`.
///
/// ```
/// use stepwell_constructs::DynamoProjectionExpression;
///
/// let tags = DynamoProjectionExpression::attribute("Messages").at_index(1).with_attribute("Tags");
/// assert_eq!(tags.to_string(), "Messages[1].Tags");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoProjectionExpression(String);

impl DynamoProjectionExpression {
    /// The attribute of this name.
    pub fn attribute(name: &str) -> DynamoProjectionExpression {
        DynamoProjectionExpression(name.to_owned())
    }

    /// The attribute of this name of what is said so far, which is a map.
    #[doc(alias = "withAttribute")]
    #[must_use]
    pub fn with_attribute(self, name: &str) -> DynamoProjectionExpression {
        DynamoProjectionExpression(format!("{self}.{name}"))
    }

    /// The item of what is said so far, which is a list; the first is 0.
    #[doc(alias = "atIndex")]
    #[must_use]
    pub fn at_index(self, index: u32) -> DynamoProjectionExpression {
        DynamoProjectionExpression(format!("{self}[{index}]"))
    }
}

impl std::fmt::Display for DynamoProjectionExpression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// How much of the consumed capacity is reported.
    DynamoConsumedCapacity {
        /// That of the operation, and of each table and index
        Indexes = "INDEXES",
        /// That of the operation
        Total = "TOTAL",
        /// Nothing
        None = "NONE",
    }

    /// Whether it is reported which collections of items were changed.
    DynamoItemCollectionMetrics {
        /// With their estimated sizes
        Size = "SIZE",
        /// Nothing
        None = "NONE",
    }

    /// Which attributes of the item come back.
    DynamoReturnValues {
        /// Nothing
        None = "NONE",
        /// All, as they were before
        AllOld = "ALL_OLD",
        /// The changed ones, as they were before
        UpdatedOld = "UPDATED_OLD",
        /// All, as they are now
        AllNew = "ALL_NEW",
        /// The changed ones, as they are now
        UpdatedNew = "UPDATED_NEW",
    }
}
