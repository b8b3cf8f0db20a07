//! A JSONata expression in a JSONPath state.
use stepwell_constructs::*;

fn main() {
    LambdaInvoke::json_path("Price", &FunctionRef::from_name("price")).payload(obj!({ "id": jsonata("$states.input.id") }));
}
