//! A text where a map of DynamoDB is computed by an expression or a path.
use stepwell_constructs::*;

fn main() {
    DynamoAttributeValue::<Jsonata>::map_from("$states.input.address");
}
