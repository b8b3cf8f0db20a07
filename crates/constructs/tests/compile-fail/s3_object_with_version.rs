//! A version of an object in S3 as the question to a model.
use stepwell_constructs::*;

fn main() {
    BedrockS3Object::<JsonPath>::location("questions", "first.json").version("3");
}
