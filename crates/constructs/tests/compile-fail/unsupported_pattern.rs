//! A pattern that the service does not have: a message of SQS is no job.
use stepwell_constructs::*;

fn main() {
    let queue = QueueRef::from_logical_id("Orders");
    SqsSendMessage::json_path("Send", &queue).message_body("hello").run_job();
}
