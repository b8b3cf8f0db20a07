//! Memory of what waits: `cargo bench -p stepwell-engine --bench memory`, column `max alloc`.

use std::sync::Arc;

use divan::{AllocProfiler, Bencher};
use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::local::PlainHost;
use stepwell_engine::{Execution, ExecutionId, Identity, Signal, Start, Timestamp, Turn, WithoutData, step};
use stepwell_value::parse;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// An execution in a Wait state as it is loaded: all that is resident of it, program and timers aside.
#[divan::bench]
fn a_waiting_execution(bencher: Bencher<'_, '_>) {
    let (root, records) = stored(r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}"#);
    bencher.bench(|| Execution::decode(&root, &records, &WithoutData));
}

/// One whose task is with a worker.
#[divan::bench]
fn an_execution_with_a_task(bencher: Bencher<'_, '_>) {
    let (root, records) = stored(
        r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "HeartbeatSeconds": 9,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": true}}}"#,
    );
    bencher.bench(|| Execution::decode(&root, &records, &WithoutData));
}

fn stored(definition: &str) -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
    let options = Options { machine_type: ExecutionType::Standard };
    let program = compile(definition, Format::Json, &options).program.expect("the definition is valid");
    let name = "0d2ab8b5-8bd3-4ac4-93b4-9e1e4b6d3a5f";
    let identity = Identity {
        id: ExecutionId(7),
        arn: format!("arn:aws:states:us-east-1:123456789012:execution:Machine:{name}").into(),
        name: name.into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:Machine".into(),
        state_machine_name: "Machine".into(),
        role_arn: Some("arn:aws:iam::123456789012:role/role".into()),
        version_arn: None,
        alias_arn: None,
        execution_type: ExecutionType::Standard,
        shows_redrive_count: true,
        trace_header: None,
        region: "us-east-1".into(),
        seed: 42,
        root: TOP,
    };
    let input = parse(r#"{"n":0,"order":{"id":"4711"}}"#).expect("the input is JSON");
    let start = Start { identity: Arc::new(identity), input, input_text: None };
    let turn = Turn { now: Timestamp(1_700_000_000_000), host: &PlainHost };
    let mut execution = Execution::new(start, turn.now);
    step(&program, &mut execution, Signal::Start, turn);
    let writes = execution.take_writes();
    (writes.root, writes.records.into_iter().filter_map(|(key, record)| Some((key, record?))).collect())
}
