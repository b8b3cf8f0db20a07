//! A bucket and a path to the name of one.
use stepwell_constructs::*;

fn main() {
    let bucket = BucketRef::from_name("items");
    let _: S3JsonItemReader<JsonPath> = S3JsonItemReader::new(&bucket, path("$.bucket"), "items.json");
}
