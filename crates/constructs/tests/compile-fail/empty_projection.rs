//! A projection without an attribute.
use stepwell_constructs::*;

fn main() {
    DynamoProjectionExpression::new();
}
