//! Two timeouts of a specification of spot instances: it has one, which is an argument.
use std::time::Duration;

use stepwell_constructs::*;

fn main() {
    let timeout = Duration::from_secs(300);
    EmrSpotSpecification::<JsonPath>::new(SpotTimeoutAction::TerminateCluster, timeout).timeout(timeout);
}
