//! A bucket of a reader that is given later: it is an argument of `new`.
use stepwell_constructs::*;

fn main() {
    let _: S3JsonItemReader<JsonPath> = S3JsonItemReader::new("items.json");
}
