//! SNS: SnsPublish.

use stepwell_value::{Value, js_number_text};

use crate::json::{Fields, Json, ToJson, is_expression};
use crate::references::TopicRef;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, message_in, record, task};

task! {
    /// Publishes a message to a topic.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let topic = TopicRef::from_logical_id("News");
    /// w.add(SnsPublish::json_path("Tell", &topic)
    ///     .message(path("$.message"))
    ///     .message_attributes([("place", MessageAttribute::new(path("$.place"))), ("people", MessageAttribute::new(4))]));
    /// ```
    SnsPublish(SnsPublishProps) {
        patterns { MessageMissing }
        required {
            /// The topic (field `TopicArn`).
            topic: (TopicRef),
        }
        optional {
            /// The subject of e-mails.
            subject: text => "Subject",
            /// What subscriptions can be filtered by (field `MessageAttributes`).
            #[doc(alias = "messageAttributes")]
            message_attributes: {map MessageAttribute},
            /// By what duplicates are found, in a FIFO topic; at most 128 characters.
            #[doc(alias = "messageDeduplicationId")]
            message_deduplication_id: text => "MessageDeduplicationId",
            /// The group of the message, in a FIFO topic; at most 128 characters.
            #[doc(alias = "messageGroupId")]
            message_group_id: text => "MessageGroupId",
            /// Whether the message is an object with a message for each protocol (field `MessageStructure`).
            #[doc(alias = "messagePerSubscriptionType")]
            message_per_subscription_type: (bool),
        }
        kept {
            message: any,
        }
    }
}

message_in!(SnsPublish.message, /// The message (field `Message`).
);

record! {
    /// A value that goes with a message; its type follows from the value, unless it is said.
    MessageAttribute(MessageAttributeData) custom {
        required {
            /// The value (field `StringValue`).
            value: any,
        }
        optional {
            /// The type of the value (field `DataType`).
            #[doc(alias = "dataType")]
            data_type: (MessageAttributeDataType),
        }
    }
}

words! {
    /// The type of a value that goes with a message.
    MessageAttributeDataType {
        /// A string
        String = "String",
        /// An array of strings, numbers, booleans and nulls, as JSON text
        StringArray = "String.Array",
        /// A number
        Number = "Number",
        /// Bytes
        Binary = "Binary",
    }
}

const ID_MAX: usize = 128;

impl Task for SnsPublishProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.require_token(
            &self.message,
            "TaskTokenRequired",
            "Task Token is required in `message` Use JsonPath.taskToken to set the token.",
        );
        self.check_fifo(cx);
        cx.allow(["sns:Publish"], [self.topic.arn().clone()]);
        let mut fields = Fields::new()
            .set("TopicArn", self.topic.arn().clone())
            .set("Message", self.message.clone().unwrap_or(Json::NULL));
        if self.message_per_subscription_type == Some(true) {
            fields.put("MessageStructure", "json");
        }
        let attributes = self.message_attributes.as_ref().filter(|attributes| !attributes.0.is_empty());
        if let Some(attributes) = attributes {
            fields.put("MessageAttributes", attributes.to_json());
        }
        fields.extend(self.fields());
        TaskFields::new(cx.integration("sns", "publish"), fields)
    }
}

impl SnsPublishProps {
    fn check_fifo(&self, cx: &mut TaskContext<'_>) {
        let length = |id: &Option<Json>| id.as_ref().and_then(Json::literal).map(|id| id.chars().count());
        if self.topic.fifo && self.message_group_id.is_none() {
            cx.refuse("MessageGroupIdRequiredForFifoTopics", "'messageGroupId' is required for FIFO topics");
        }
        if let Some(length) = length(&self.message_group_id).filter(|length| *length > ID_MAX) {
            let message = format!("'messageGroupId' must be at most 128 characters long, got {length}");
            cx.refuse("MessageGroupIdMustBeAtMost128Characters", message);
        }
        let by_content = self.topic.content_based_deduplication;
        if self.topic.fifo && !by_content && self.message_deduplication_id.is_none() {
            cx.refuse(
                "MessageDeduplicationIdRequiredForFifoTopics",
                "'messageDeduplicationId' is required for FIFO topics with 'contentBasedDeduplication' disabled",
            );
        }
        if let Some(length) = length(&self.message_deduplication_id).filter(|length| *length > ID_MAX) {
            let message = format!("'messageDeduplicationId' must be at most 128 characters long, got {length}");
            cx.refuse("MessageDeduplicationIdMustBeAtMost128Characters", message);
        }
    }
}

impl ToJson for MessageAttributeData {
    fn to_json(&self) -> Json {
        use MessageAttributeDataType as Type;
        let (data_type, value) = match (&self.value, self.data_type) {
            (Json::Value(Value::Str(text)), given) if is_expression(text) => {
                // As in the CDK: of the types that are said, an expression keeps Binary alone.
                let binary = given == Some(Type::Binary);
                (if binary { Type::Binary } else { Type::String }, self.value.clone())
            }
            (Json::Path(_) | Json::Cfn(_), given) => (given.unwrap_or(Type::String), self.value.clone()),
            (Json::Value(Value::Str(_)), None | Some(Type::String)) => (Type::String, self.value.clone()),
            (Json::Value(Value::Str(_)), Some(Type::Binary)) => (Type::Binary, self.value.clone()),
            (Json::Value(Value::Bool(flag)), None | Some(Type::String)) => {
                (Type::String, Json::from(if *flag { "true" } else { "false" }))
            }
            (Json::Value(number), None | Some(Type::Number)) if number.is_number() => {
                (Type::Number, Json::Value(Value::from(number_text(number))))
            }
            (Json::Array(_), None | Some(Type::StringArray)) => match array_text(&self.value) {
                Ok(text) => (Type::StringArray, Json::Value(Value::from(text))),
                Err(invalid) => return invalid,
            },
            (Json::Array(_), Some(given)) => {
                let items = joined(&self.value);
                let given = given.as_str();
                let message = format!("Requested SNS message attribute type was {given} but {items} was of type Array");
                return Json::invalid("RequestedMessageAttributeTypeInvalid", message);
            }
            (value, given) => {
                let given = given.map_or("undefined", Type::as_str);
                let (text, kind) = described(value);
                let message = format!("Requested SNS message attribute type was {given} but {text} was of type {kind}");
                return Json::invalid("Error", message);
            }
        };
        let key = if data_type == Type::Binary { "BinaryValue" } else { "StringValue" };
        Fields::new().set("DataType", data_type.as_str()).set(key, value).into()
    }
}

fn number_text(number: &Value) -> String {
    js_number_text(number.as_f64().unwrap_or_default())
}

/// The array as JSON text; its items must be scalars.
fn array_text(array: &Json) -> Result<String, Json> {
    let Json::Array(items) = array else { return Ok(String::new()) };
    let nested = items.iter().any(|item| matches!(item, Json::Array(_) | Json::Object(_) | Json::Path(_)));
    if nested {
        let message =
            "Requested SNS message attribute type was object but Array values must be one of string,boolean,number";
        return Err(Json::invalid("RequestedMessageAttributeTypeInvalidForArray", message));
    }
    Ok(array.to_value().to_string())
}

fn joined(array: &Json) -> String {
    let Json::Array(items) = array else { return String::new() };
    items.iter().map(|item| described(item).0).collect::<Vec<_>>().join(",")
}

/// How JavaScript prints the value, and its word for the type.
fn described(value: &Json) -> (String, &'static str) {
    match value {
        Json::Value(Value::Str(text)) => (text.to_string(), "string"),
        Json::Value(Value::Bool(flag)) => (flag.to_string(), "boolean"),
        Json::Value(Value::Null) => ("null".to_owned(), "object"),
        Json::Value(number) if number.is_number() => (number_text(number), "number"),
        _ => ("[object Object]".to_owned(), "object"),
    }
}
