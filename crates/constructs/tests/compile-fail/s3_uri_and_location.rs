//! A question to a model with a URI and with a bucket and key.
use stepwell_constructs::*;

fn main() {
    BedrockS3Object::<JsonPath>::uri("s3://questions/first.json").location("questions", "first.json");
}
