//! A path in a JSONata state.
use stepwell_constructs::*;

fn main() {
    Pass::jsonata("Prepare").outputs(obj!({ "id": path("$.id") }));
}
