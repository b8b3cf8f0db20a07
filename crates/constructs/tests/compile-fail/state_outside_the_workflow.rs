//! A transition to a state that no workflow has: `add` gives the handle.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let first = w.add(Pass::json_path("First"));
    first.next(Succeed::json_path("Done"));
}
