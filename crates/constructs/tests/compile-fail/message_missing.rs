//! A message without a body.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    w.add(SqsSendMessage::json_path("Send", &QueueRef::from_logical_id("Orders")));
}
