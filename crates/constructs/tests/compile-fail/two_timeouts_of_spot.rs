//! Two timeouts of spot instances.
use stepwell_constructs::*;

fn main() {
    let five = std::time::Duration::from_secs(300);
    EmrSpotSpecification::<JsonPath>::new(SpotTimeoutAction::TerminateCluster, five, five);
}
