//! A path in a literal result: it would stay a text.
use stepwell_constructs::*;

fn main() {
    Pass::json_path("Start").result(obj!({ "x": path("$.x") }));
}
