//! A text where an intrinsic function takes a path.
use stepwell_constructs::*;

fn main() {
    intrinsic::json_merge("$.a", path("$.b"));
}
