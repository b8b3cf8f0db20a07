//! A projection that begins with the index of a list.
use stepwell_constructs::*;

fn main() {
    DynamoProjectionExpression::at_index(0).with_attribute("Price");
}
