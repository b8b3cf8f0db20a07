//! Two types of workers.
use stepwell_constructs::*;

fn main() {
    let workers: WorkerConfiguration<JsonPath> = WorkerConfiguration::new(WorkerType::G1x, 2);
    workers.worker_type_v2("G.8X");
}
