//! A path in the middle of a text: there is `intrinsic::format` for it.
use stepwell_constructs::*;

fn main() {
    Pass::json_path("Greet").parameters(obj!({ "text": "Hello " + path("$.name") }));
}
