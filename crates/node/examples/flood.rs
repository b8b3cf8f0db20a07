//! Starts executions in this process as fast as they are accepted, and says what each costs.
//!
//! `cargo run --release -p stepwell-node --example flood -- [--data DIR] [--connections N] [--seconds S] [--what passes|tasks|waits|sync]`
//!
//! Without `--data` the store is in memory. CPU time is that of the whole process.
#![allow(clippy::disallowed_methods)] // A measuring tool: it reads the clock and what the system says of the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::{AttemptId, ExecutionId, Identity, Signal};
use stepwell_node::{AnswerTo, Config, Definition, NewExecution, Node, Programs, TaskCall, Tasks};
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{Create, RowNumber, Store, StoreError};
use stepwell_value::{Str, parse};

const PASSES: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Pass", "Next": "D"},
    "D": {"Type": "Pass", "Next": "E"}, "E": {"Type": "Pass", "End": true}}}"#;

/// One task, answered at once.
const TASKS: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true}}}"#;

/// A wait of an hour: what stays of it in memory?
const WAITS: &str = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#;

struct Catalogue(Arc<Definition>);

impl Programs for Catalogue {
    fn definition(&self, _: RowNumber) -> Result<Arc<Definition>, StoreError> {
        Ok(self.0.clone())
    }

    fn has_activity(&self, _: &str) -> bool {
        false
    }
}

struct AtOnce;

impl Tasks for AtOnce {
    fn call(&self, call: TaskCall, answer: AnswerTo) {
        let output = call.request.parameters.value().clone();
        answer.send(Signal::TaskSucceeded { attempt: call.request.attempt, output });
    }

    fn cancel(&self, _: ExecutionId, _: AttemptId) {}
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).cloned()
    };
    let connections: usize = option("--connections").map_or(64, |n| n.parse().expect("a number"));
    let seconds: u64 = option("--seconds").map_or(3, |n| n.parse().expect("a number"));
    let what = option("--what").unwrap_or_else(|| "passes".into());
    let machine_type = if what == "sync" { ExecutionType::Express } else { ExecutionType::Standard };
    let text = match what.as_str() {
        "tasks" => TASKS,
        "waits" => WAITS,
        _ => PASSES,
    };
    let compiled = compile(text, Format::Json, &Options { machine_type });
    let program = Arc::new(compiled.program.expect("the definition is right"));
    let definition = Arc::new(Definition { row: RowNumber(2), machine: RowNumber(1), program, logging: None });
    let store: Arc<dyn Store> = match option("--data") {
        None => Arc::new(Memory::new()),
        Some(directory) => Arc::new(Sqlite::open(directory.as_ref()).expect("the store opens")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let catalogue = Arc::new(Catalogue(definition.clone()));
        let node = Node::open(store, Config::default(), catalogue, Arc::new(AtOnce)).expect("the node opens");
        let (cpu, memory, began) = (cpu_ms(), memory_kib(), Instant::now());
        let end = began + Duration::from_secs(seconds);
        let clients: Vec<_> = (0..connections)
            .map(|client| tokio::spawn(client_loop(node.clone(), definition.clone(), client, what == "sync", end)))
            .collect();
        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.await.expect("a client does not panic"));
        }
        // Tasks that were started are carried out, too.
        while node.figures().commits_in_flight > 0 || node.figures().open_calls > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_ms() - cpu);
        latencies.sort();
        let n = latencies.len();
        let at = |part: f64| latencies[((n - 1) as f64 * part) as usize].as_micros();
        println!(
            "{what}, {connections} connections: {:.0}/s, p50 {} us, p99 {} us, CPU {:.1} us each, memory {memory} to {} KiB \
             after {n}, {:?}",
            n as f64 / took,
            at(0.5),
            at(0.99),
            cpu as f64 * 1000.0 / n as f64,
            memory_kib(),
            node.figures(),
        );
        node.drain(Duration::from_secs(1)).await;
    });
}

async fn client_loop(
    node: Node,
    definition: Arc<Definition>,
    client: usize,
    is_sync: bool,
    end: Instant,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        let name = format!("n{client}-{}", latencies.len());
        match is_sync {
            true => drop(node.start_sync(new(&definition, &name, ExecutionType::Express)).await.expect("it runs")),
            false => drop(node.start(new(&definition, &name, ExecutionType::Standard)).await.expect("it starts")),
        }
        latencies.push(began.elapsed());
        if is_sync {
            tokio::task::yield_now().await;
        }
    }
    latencies
}

fn new(definition: &Arc<Definition>, name: &str, execution_type: ExecutionType) -> NewExecution {
    let identity = Identity {
        id: ExecutionId(0),
        arn: Str::from(format!("arn:aws:states:us-east-1:123456789012:execution:flood:{name}")),
        name: Str::from(name),
        state_machine_arn: Str::new_static("arn:aws:states:us-east-1:123456789012:stateMachine:flood"),
        state_machine_name: Str::new_static("flood"),
        role_arn: Some(Str::new_static("arn:aws:iam::123456789012:role/flood")),
        version_arn: None,
        alias_arn: None,
        execution_type,
        shows_redrive_count: true,
        region: Str::new_static("us-east-1"),
        trace_header: None,
        seed: 0,
        root: TOP,
    };
    let create = Create {
        machine: definition.machine,
        definition: definition.row,
        name: Str::from(format!(":{name}")),
        version: None,
        alias: None,
        map_run: None,
        execution: None,
    };
    let input = parse(r#"{"orderId":"a-1","customer":{"name":"Ann","id":7},"items":[1,2,3]}"#).expect("it is JSON");
    NewExecution { identity, create, definition: definition.clone(), input, input_text: None }
}

/// User and system time of this process, all threads, in milliseconds.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10
}

/// Resident memory of this process.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}
