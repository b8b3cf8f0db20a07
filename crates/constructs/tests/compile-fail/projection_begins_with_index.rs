//! A projection of DynamoDB that begins with the index of a list.
use stepwell_constructs::*;

fn main() {
    DynamoProjectionExpression::at_index(1);
}
