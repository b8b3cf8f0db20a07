//! A path as the resource of a policy, which is written before anything runs.
use stepwell_constructs::*;

fn main() {
    Statement::allow(["s3:GetObject"], [path("$.arn")]);
}
