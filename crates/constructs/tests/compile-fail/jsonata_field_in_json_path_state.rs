//! A field that only JSONata states have.
use stepwell_constructs::*;

fn main() {
    LambdaInvoke::json_path("Price", &FunctionRef::from_name("price")).outputs("done");
}
