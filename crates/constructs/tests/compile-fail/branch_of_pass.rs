//! A branch of a state that has none.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let pass = w.add(Pass::json_path("Start"));
    let branch = w.add(Pass::json_path("Branch"));
    pass.branch(branch);
}
