//! A comparison of a path in a JSONata Choice.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let next = w.add(Pass::jsonata("Next"));
    w.add(Choice::jsonata("Big?")).when(Condition::numeric_greater_than("$.size", 5), next);
}
