//! A required property that is not given.
use stepwell_constructs::*;

fn main() {
    GlueStartJobRun::json_path("Crunch");
}
