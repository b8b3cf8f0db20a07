//! An object as the argument of an intrinsic function.
use stepwell_constructs::*;

fn main() {
    intrinsic::array_contains(path("$.all"), obj!({ "id": 1 }));
}
