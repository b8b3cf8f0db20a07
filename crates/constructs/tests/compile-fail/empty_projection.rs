//! A projection of DynamoDB without an attribute.
use stepwell_constructs::*;

fn main() {
    let nothing = DynamoProjectionExpression::new();
    DynamoGetItem::json_path("Get", &TableRef::from_name("Orders"), [("Id", DynamoAttributeValue::number(1))])
        .projection_expression([nothing]);
}
