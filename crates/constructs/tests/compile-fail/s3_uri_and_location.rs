//! An object of S3 in two places.
use stepwell_constructs::*;

fn main() {
    BedrockS3Object::uri(path("$.uri")).location("bucket", "key");
}
