//! A state after a Choice: it goes on in its branches, or after `afterwards()`.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let choice = w.add(Choice::json_path("Big?"));
    let more = w.add(Pass::json_path("More"));
    choice.next(more);
}
