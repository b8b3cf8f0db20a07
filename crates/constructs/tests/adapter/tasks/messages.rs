//! SnsPublish and SqsSendMessage: the message is no property but what completes the task.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, convert, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "SnsPublish" => publish(cx, input),
        "SqsSendMessage" => send(cx, input),
        _ => return None,
    })
}

fn send(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let queue = input.props.need("queue")?;
    let mut queue_ref = QueueRef::from_attributes(cx.attr(&queue, "queueUrl")?, cx.attr(&queue, "queueArn")?);
    if let Some(key) = cx.fact(&queue, "encryptionMasterKey.keyArn") {
        queue_ref = queue_ref.encrypted_with(&KeyRef::from_arn(Cfn::intrinsic(&key)));
    }
    let queue = queue_ref;
    let body = input.props.need("messageBody")?;
    adapt!(cx, input, SqsSendMessage(&queue) {
        "delay" => delay: seconds,
        "messageDeduplicationId" => message_deduplication_id: text,
        "messageGroupId" => message_group_id: text,
    } message message_body = body)
}

fn publish(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let topic = input.props.need("topic")?;
    let fact = |name: &str| cx.fact(&topic, name).and_then(|value| value.as_bool()).unwrap_or_default();
    let mut topic_ref = TopicRef::from_arn(cx.attr(&topic, "topicArn")?);
    if fact("fifo") {
        topic_ref = topic_ref.fifo(fact("contentBasedDeduplication"));
    }
    let topic = topic_ref;
    let message = input.props.need("message")?;
    adapt!(cx, input, SnsPublish(&topic) {
        "subject" => subject: text,
        "messageAttributes" => message_attributes: {attributes},
        "messageDeduplicationId" => message_deduplication_id: text,
        "messageGroupId" => message_group_id: text,
        "messagePerSubscriptionType" => message_per_subscription_type: bool,
    } message message = message)
}

fn attributes<L: convert::Lang>(_: &Cx, value: &V) -> Answer<Vec<(String, MessageAttribute<L>)>> {
    let attributes = value.members()?.iter().map(|(name, value)| {
        let mut props = value.props()?;
        let mut attribute = MessageAttribute::new(convert::field::<L>(&props.need("value")?)?);
        if let Some(v) = props.take("dataType") {
            attribute = attribute.data_type(data_type(v.word()?)?);
        }
        props.done("MessageAttribute")?;
        Ok((name.to_string(), attribute))
    });
    attributes.collect()
}

fn data_type(word: &str) -> Answer<MessageAttributeDataType> {
    Ok(match word {
        "STRING" => MessageAttributeDataType::String,
        "STRING_ARRAY" => MessageAttributeDataType::StringArray,
        "NUMBER" => MessageAttributeDataType::Number,
        "BINARY" => MessageAttributeDataType::Binary,
        other => return unknown(other),
    })
}
