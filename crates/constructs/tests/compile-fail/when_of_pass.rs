//! A rule of a state that does not choose.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let pass = w.add(Pass::json_path("Start"));
    let next = w.add(Pass::json_path("Next"));
    pass.when(Condition::is_present("$.id"), next);
}
