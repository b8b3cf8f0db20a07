//! A time as a number: it is a `Duration`.
use stepwell_constructs::*;

fn main() {
    let function = FunctionRef::from_name("price");
    LambdaInvoke::json_path("Price", &function).timeout(300);
}
