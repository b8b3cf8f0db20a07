//! SQS: SqsSendMessage.

use crate::json::{Fields, Json};
use crate::references::QueueRef;
use crate::task::{Task, TaskContext, TaskFields, message_in, task};

task! {
    /// Sends a message to a queue.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let queue = QueueRef::from_logical_id("Orders");
    /// w.add(SqsSendMessage::json_path("Send", &queue).message_body(obj!({ "order": path("$.order") })));
    /// w.add(SqsSendMessage::json_path("Ask", &queue).wait_for_task_token(|token| obj!({ "token": token })));
    /// ```
    SqsSendMessage(SqsSendMessageProps) {
        patterns { MessageMissing }
        required {
            /// The queue (field `QueueUrl`).
            queue: (QueueRef),
        }
        optional {
            /// How long the message is held back, in whole seconds, 900 at most.
            delay: seconds => "DelaySeconds",
            /// By what duplicates are found, in a FIFO queue.
            #[doc(alias = "messageDeduplicationId")]
            message_deduplication_id: text => "MessageDeduplicationId",
            /// The group of the message, in a FIFO queue.
            #[doc(alias = "messageGroupId")]
            message_group_id: text => "MessageGroupId",
        }
        kept {
            message_body: any,
        }
    }
}

message_in!(SqsSendMessage.message_body, /// The message (field `MessageBody`).
    #[doc(alias = "messageBody")]
);

impl Task for SqsSendMessageProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.require_token(
            &self.message_body,
            "TaskTokenRequired",
            "Task Token is required in `messageBody` Use JsonPath.taskToken to set the token.",
        );
        cx.allow(["sqs:SendMessage"], [self.queue.arn().clone()]);
        if let Some(key) = &self.queue.key {
            cx.allow(["kms:Decrypt", "kms:GenerateDataKey*"], [key.arn().clone()]);
        }
        let mut fields = Fields::new()
            .set("QueueUrl", self.queue.url().clone())
            .set("MessageBody", self.message_body.clone().unwrap_or(Json::NULL));
        fields.extend(self.fields());
        TaskFields::new(cx.integration("sqs", "sendMessage"), fields)
    }
}
