//! A qualifier for an invocation whose resource is the function's own ARN.
use stepwell_constructs::*;

fn main() {
    LambdaInvoke::json_path("Price", &FunctionRef::from_name("price")).payload_response_only().qualifier("live");
}
