//! An object of S3 that is nowhere.
use stepwell_constructs::*;

fn main() {
    let _: BedrockS3Object<JsonPath> = BedrockS3Object::new();
}
