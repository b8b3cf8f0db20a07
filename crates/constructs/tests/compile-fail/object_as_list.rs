//! An object where a job of Spark has a list of arguments.
use stepwell_constructs::*;

fn main() {
    SparkSubmitJobDriver::<JsonPath>::new("local:///pi.py").entry_point_arguments(obj!({ "a": 1 }));
}
