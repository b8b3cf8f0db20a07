//! A processor of items of a state that has none.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let pass = w.add(Pass::json_path("Start"));
    let each = w.add(Pass::json_path("Each"));
    pass.item_processor(each);
}
