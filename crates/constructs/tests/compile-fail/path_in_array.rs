//! A path in an array: Step Functions reads paths in the members of objects only.
use stepwell_constructs::*;

fn main() {
    Pass::json_path("Prepare").parameters(obj!({ "ids": [path("$.first"), path("$.second")] }));
}
