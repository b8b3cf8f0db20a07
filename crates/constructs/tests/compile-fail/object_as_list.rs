//! An object where a list of texts is wanted.
use stepwell_constructs::*;

fn main() {
    SparkSubmitJobDriver::<JsonPath>::new("local:///pi.py").entry_point_arguments(obj!({ "count": "10" }));
}
