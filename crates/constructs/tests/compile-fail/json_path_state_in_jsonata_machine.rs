//! A JSONPath state in a machine whose language is JSONata.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let start = w.add(Pass::jsonata("Start"));
    let end = w.add(Pass::json_path("End"));
    let _ = StateMachine::jsonata("Orders", start.next(end));
}
