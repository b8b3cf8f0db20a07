//! A cluster of EKS without what it is called by: it has a name, an endpoint and a certificate authority.
use stepwell_constructs::*;

fn main() {
    let cluster = EksClusterRef::from_attributes("cluster", "https://cluster.example.com");
    EksCall::json_path("Pods", &cluster, HttpMethod::Get, "/api/v1/pods");
}
