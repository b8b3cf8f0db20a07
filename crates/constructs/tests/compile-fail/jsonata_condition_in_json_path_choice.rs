//! An expression as the condition of a JSONPath Choice.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let next = w.add(Pass::json_path("Next"));
    w.add(Choice::json_path("Big?")).when(Condition::jsonata("$states.input.size > 5"), next);
}
