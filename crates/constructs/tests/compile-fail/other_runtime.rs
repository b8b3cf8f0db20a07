//! The code of the function is JavaScript.
use stepwell_constructs::*;

fn main() {
    EvaluateExpression::json_path("Seconds", "$.millis / 1000").runtime("python3.13");
}
