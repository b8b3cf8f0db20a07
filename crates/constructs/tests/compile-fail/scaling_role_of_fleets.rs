use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let cluster = EmrCreateCluster::json_path("Create", "nightly", EmrInstancesConfig::new());
    let _ = cluster.auto_scaling_role_in(&w).arn();
}
