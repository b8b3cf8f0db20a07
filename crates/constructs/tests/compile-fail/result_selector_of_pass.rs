//! A selector of the result of a state that has none.
use stepwell_constructs::*;

fn main() {
    Pass::json_path("Start").result_selector(obj!({ "x": 1 }));
}
