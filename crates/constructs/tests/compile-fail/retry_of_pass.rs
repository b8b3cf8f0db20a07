//! A retrier of a state that does not fail.
use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    w.add(Pass::json_path("Start")).retry(Retry::new());
}
