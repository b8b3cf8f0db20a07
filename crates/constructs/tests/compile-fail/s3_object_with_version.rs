//! A version of an object of S3, which Bedrock does not read.
use stepwell_constructs::*;

fn main() {
    let _: BedrockS3Object<JsonPath> = BedrockS3Object::location("bucket", "key", "version");
}
