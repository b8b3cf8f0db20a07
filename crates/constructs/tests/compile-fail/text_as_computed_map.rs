//! A text as a map that the state computes: a path or an expression computes one.
use stepwell_constructs::*;

fn main() {
    let _: DynamoAttributeValue<JsonPath> = DynamoAttributeValue::map_from("$.attributes");
}
