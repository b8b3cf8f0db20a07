//! A cluster of EKS whose certificate authority is not known.
use stepwell_constructs::*;

fn main() {
    let cluster = EksClusterRef::from_attributes("shop", "https://shop.example.com");
    EksCall::json_path("Pods", &cluster, HttpMethod::Get, "/api/v1/pods");
}
