//! Variables of a state that ends the execution.
use stepwell_constructs::*;

fn main() {
    Succeed::json_path("Done").assign(obj!({ "x": 1 }));
}
