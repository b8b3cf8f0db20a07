//! A state after one that ends the execution.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let done = w.add(Succeed::json_path("Done"));
    let more = w.add(Pass::json_path("More"));
    done.next(more);
}
