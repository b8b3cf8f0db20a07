//! Metrics of a task that CloudWatch does not count.
use stepwell_constructs::*;

fn main() {
    SnsPublish::json_path("Say", &TopicRef::from_logical_id("Topic")).message("hello").metrics();
}
