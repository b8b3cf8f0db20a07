use stepwell_constructs::*;

fn main() {
    let _ = DynamoAttributeValue::<JsonPath>::null(false);
}
