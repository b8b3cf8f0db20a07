//! A task that waits for a token without saying where the token goes.
use stepwell_constructs::*;

fn main() {
    LambdaInvoke::json_path("Ask", &FunctionRef::from_name("ask")).wait_for_task_token();
}
