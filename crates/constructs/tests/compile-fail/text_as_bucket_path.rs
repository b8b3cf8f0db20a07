//! A text as the bucket of a reader: is it a name or a path?
use stepwell_constructs::*;

fn main() {
    let _: S3JsonItemReader<JsonPath> = S3JsonItemReader::new("$.bucket", "items.json");
}
