//! A field that only JSONPath states have.
use stepwell_constructs::*;

fn main() {
    LambdaInvoke::jsonata("Price", &FunctionRef::from_name("price")).result_path("$.price");
}
