//! A catcher of a state that has no `Catch`.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let failed = w.add(Fail::json_path("Failed"));
    w.add(Choice::json_path("Big?")).catch(failed);
}
