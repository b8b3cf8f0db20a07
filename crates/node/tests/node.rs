//! A whole node with its threads, on the memory store.
#![allow(clippy::disallowed_methods)] // It reads the log that was written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::{AttemptId, Described, ErrorCause, ExecutionId, ExecutionStatus, Identity, Signal, Timestamp};
use stepwell_node::{
    AnswerTo, Config, Definition, LogLevel, Logging, NewExecution, Node, Programs, Refusal, TaskCall, Tasks,
    TokenAnswer,
};
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{Create, Entity, Place, RowNumber, Store, StoreError};
use stepwell_value::{Str, Value, parse};

#[derive(Default)]
struct Catalogue(Mutex<BTreeMap<RowNumber, Arc<Definition>>>);

impl Programs for Catalogue {
    fn definition(&self, row: RowNumber) -> Result<Arc<Definition>, StoreError> {
        self.0.lock().unwrap().get(&row).cloned().ok_or(StoreError::Away)
    }

    fn has_activity(&self, _: &str) -> bool {
        true
    }
}

/// Answers `Echo` with its input at once, drops `Lose`, and keeps all others.
#[derive(Default)]
struct Outside {
    kept: Mutex<Vec<(TaskCall, AnswerTo)>>,
    cancelled: Mutex<Vec<AttemptId>>,
}

impl Tasks for Outside {
    fn call(&self, call: TaskCall, answer: AnswerTo) {
        match call.request.state.as_str() {
            "Echo" => {
                let output = call.request.parameters.value().clone();
                answer.send(Signal::TaskSucceeded { attempt: call.request.attempt, output });
            }
            "Lose" => drop(answer),
            _ => self.kept.lock().unwrap().push((call, answer)),
        }
    }

    fn cancel(&self, _: ExecutionId, attempt: AttemptId) {
        self.cancelled.lock().unwrap().push(attempt);
    }
}

struct Set {
    store: Arc<Memory>,
    catalogue: Arc<Catalogue>,
    outside: Arc<Outside>,
    node: Node,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Set {
    fn new(config: Config) -> Set {
        let store = Arc::new(Memory::new());
        let catalogue = Arc::new(Catalogue::default());
        let outside = Arc::new(Outside::default());
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let lines = warnings.clone();
        let config =
            Config { workers: 2, warn: Arc::new(move |line| lines.lock().unwrap().push(line.into())), ..config };
        let node = Node::open(store.clone(), config, catalogue.clone(), outside.clone()).unwrap();
        Set { store, catalogue, outside, node, warnings }
    }

    fn define(&self, text: &str, machine_type: ExecutionType, logging: Option<Logging>) -> Arc<Definition> {
        define(&self.catalogue, text, machine_type, logging)
    }

    async fn ended(&self, id: ExecutionId) -> Described {
        ended(&self.node, id).await
    }
}

fn define(catalogue: &Catalogue, text: &str, machine_type: ExecutionType, logging: Option<Logging>) -> Arc<Definition> {
    let compiled = compile(text, Format::Json, &Options { machine_type });
    let program = Arc::new(compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)));
    let mut definitions = catalogue.0.lock().unwrap();
    let row = RowNumber(definitions.len() as u64 * 2 + 2);
    let definition = Arc::new(Definition { row, machine: RowNumber(row.0 - 1), program, logging });
    definitions.insert(row, definition.clone());
    definition
}

/// An execution's end, as the store shows it.
async fn ended(node: &Node, id: ExecutionId) -> Described {
    let entity = Entity::Execution(id);
    loop {
        let root = node.store().root(entity).unwrap().expect("a started execution is there");
        let described = Described::decode(&node.codec().open(Place::Root(entity), &root.record).unwrap()).unwrap();
        if described.status != ExecutionStatus::Running {
            return described;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn new(definition: &Arc<Definition>, name: &str, input: &str, execution_type: ExecutionType) -> NewExecution {
    let kind = if execution_type == ExecutionType::Express { "express" } else { "execution" };
    let identity = Identity {
        id: ExecutionId(0),
        arn: Str::from(format!("arn:aws:states:us-east-1:123456789012:{kind}:m:{name}")),
        name: Str::from(name),
        state_machine_arn: Str::from("arn:aws:states:us-east-1:123456789012:stateMachine:m"),
        state_machine_name: Str::from("m"),
        role_arn: None,
        version_arn: None,
        alias_arn: None,
        execution_type,
        shows_redrive_count: true,
        region: Str::from("us-east-1"),
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
    NewExecution { identity, create, definition: definition.clone(), input: parse(input).unwrap(), input_text: None }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A task state of a Lambda function, named after what the outside does with it.
fn task(state: &str) -> String {
    format!(
        r#"{{"StartAt": "{state}", "States": {{"{state}": {{"Type": "Task", "End": true,
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}}}}}}"#
    )
}

const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:ship";

fn activity() -> String {
    format!(r#"{{"StartAt": "Ship", "States": {{"Ship": {{"Type": "Task", "End": true, "Resource": "{ACTIVITY}"}}}}}}"#)
}

#[test]
fn tasks_and_waits_run_by_themselves() {
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let echo = set.define(&task("Echo"), ExecutionType::Standard, None);
        let lose = set.define(&task("Lose"), ExecutionType::Standard, None);
        let nap = set.define(
            r#"{"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 1, "End": true}}}"#,
            ExecutionType::Standard,
            None,
        );
        let nap = set.node.start(new(&nap, "nap", "{}", ExecutionType::Standard)).await.unwrap();
        let one = set.node.start(new(&echo, "one", "[1]", ExecutionType::Standard)).await.unwrap();
        let two = set.node.start(new(&lose, "two", "[1]", ExecutionType::Standard)).await.unwrap();
        assert_eq!(set.ended(one.id).await.status, ExecutionStatus::Succeeded);
        let lost = set.ended(two.id).await;
        assert_eq!(lost.error.error.as_deref(), Some("Lambda.SdkClientException"));
        let nap_ended = set.ended(nap.id).await;
        let slept_ms = nap_ended.stopped.unwrap().0 - nap.at.0;
        assert!((1_000..3_000).contains(&slept_ms), "{slept_ms}");
        set.node.drain(Duration::from_secs(1)).await;
        assert_eq!(*set.warnings.lock().unwrap(), [""; 0]);
    });
}

#[test]
fn a_thousand_starts_at_once_are_all_carried_out() {
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let definition = set.define(&task("Echo"), ExecutionType::Standard, None);
        let set = Arc::new(set);
        let mut starts = Vec::new();
        for n in 0..1_000 {
            let (set, definition) = (set.clone(), definition.clone());
            starts.push(tokio::task::spawn(async move {
                let new = new(&definition, &format!("n{n}"), "[1]", ExecutionType::Standard);
                set.node.start(new).await.unwrap().id
            }));
        }
        for start in starts {
            let id = start.await.unwrap();
            assert_eq!(set.ended(id).await.status, ExecutionStatus::Succeeded);
        }
        let figures = set.node.figures();
        assert_eq!(figures.open_calls, 0);
    });
}

#[test]
fn a_synchronous_express_execution_is_answered_with_its_end() {
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let definition = set.define(&task("Echo"), ExecutionType::Express, None);
        let ended = set.node.start_sync(new(&definition, "one", "[1]", ExecutionType::Express)).await.unwrap();
        assert_eq!(ended.status, ExecutionStatus::Succeeded);
        assert_eq!(ended.output.unwrap().text(), "[1]");
        assert_eq!((ended.billed_duration_ms % 100, ended.billed_memory_mb), (0, 64));
        assert!(ended.billed_duration_ms >= 100);
    });
}

#[test]
fn express_executions_are_refused_when_as_many_run_as_may() {
    runtime().block_on(async {
        let set = Set::new(Config { express_max: 0, ..Config::default() });
        let definition = set.define(&task("Echo"), ExecutionType::Express, None);
        let refused = set.node.start_sync(new(&definition, "one", "[1]", ExecutionType::Express)).await;
        assert_eq!(refused.err(), Some(Refusal::Throttled));
        let refused = set.node.start(new(&definition, "one", "[1]", ExecutionType::Express)).await;
        assert_eq!(refused.err(), Some(Refusal::Throttled));
        let definition = set.define(&task("Echo"), ExecutionType::Standard, None);
        set.node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await.unwrap();
    });
}

#[test]
fn an_asynchronous_express_execution_writes_its_log_and_leaves_no_record() {
    let directory = std::env::temp_dir().join(format!("stepwell-node-test-{}", std::process::id()));
    runtime().block_on(async {
        let set = Set::new(Config { log_directory: Some(directory.clone()), ..Config::default() });
        let logging = Logging { level: LogLevel::All, with_data: true, log_group: Str::from("../g/h") };
        let definition = set.define(&task("Echo"), ExecutionType::Express, Some(logging));
        set.node.start(new(&definition, "one", "[1]", ExecutionType::Express)).await.unwrap();
        set.node.drain(Duration::from_secs(5)).await;
        assert!(set.store.express_open(&stepwell_store::Shards::ALL).unwrap().is_empty());
    });
    let file = directory.join("aws/states/__/g/h/arn:aws:states:us-east-1:123456789012:express:m:one.log");
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    let record = parse(lines[1]).unwrap();
    assert_eq!(record.get("id").and_then(Value::as_str), Some("2"));
    assert_eq!(record.get("type").and_then(Value::as_str), Some("TaskStateEntered"));
    assert_eq!(
        record.get("details").unwrap().to_string(),
        r#"{"name":"Echo","input":"[1]","inputDetails":{"truncated":false}}"#
    );
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_worker_waits_for_a_task_and_one_that_has_gone_gets_none() {
    runtime().block_on(async {
        let set = Arc::new(Set::new(Config::default()));
        let definition = set.define(&activity(), ExecutionType::Standard, None);
        let none = set.node.poll_activity(ACTIVITY, None, Duration::from_millis(1)).await.unwrap();
        assert_eq!(none, None);
        let waiting = tokio::spawn({
            let set = set.clone();
            async move { set.node.poll_activity(ACTIVITY, Some(Str::from("w")), Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        let started = set.node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await.unwrap();
        let task = waiting.await.unwrap().unwrap().expect("the worker that waits gets it");
        assert_eq!(task.input, "[1]");
        assert_eq!(set.node.account_of_token(&task.token), Some(123_456_789_012));
        set.node.answer(&task.token, TokenAnswer::Success(Value::Null)).await.unwrap();
        assert_eq!(set.ended(started.id).await.status, ExecutionStatus::Succeeded);
        let late = set.node.answer(&task.token, TokenAnswer::Success(Value::Null)).await;
        assert_eq!(late, Err(Refusal::TaskTimedOut));
        assert_eq!(set.node.answer("nonsense", TokenAnswer::Heartbeat).await, Err(Refusal::InvalidToken));
    });
}

#[test]
fn a_drained_node_has_waited_for_its_calls_and_leaves_nothing_in_doubt() {
    runtime().block_on(async {
        let set = Arc::new(Set::new(Config::default()));
        let definition = set.define(&task("Keep"), ExecutionType::Standard, None);
        let started = set.node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await.unwrap();
        while set.outside.kept.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let drained = tokio::spawn({
            let set = set.clone();
            async move { set.node.drain(Duration::from_secs(10)).await }
        });
        let refused = loop {
            tokio::task::yield_now().await;
            // The same name again: not another execution.
            match set.node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await {
                Err(Refusal::NameTaken { .. }) => {}
                refused => break refused,
            }
        };
        assert_eq!(refused, Err(Refusal::Away));
        assert!(!drained.is_finished());
        let (call, answer) = set.outside.kept.lock().unwrap().pop().unwrap();
        answer.send(Signal::TaskSucceeded { attempt: call.request.attempt, output: Value::Null });
        drained.await.unwrap();
        let away = set.node.stop(started.id, ErrorCause::default()).await;
        assert_eq!(away, Err(Refusal::Away));
    });
}

#[test]
fn a_shard_whose_commit_failed_is_open_again_soon() {
    use std::sync::atomic::{AtomicU32, Ordering};
    use stepwell_store::memory::{Call, Fault};
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let definition = set.define(&task("Echo"), ExecutionType::Standard, None);
        let commits = AtomicU32::new(0);
        set.store.set_faults(move |call| match call {
            Call::Commit(_) if commits.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) => Some(Fault::Io),
            _ => None,
        });
        let mut started = Vec::new();
        for n in 0..100 {
            for _ in 0..100 {
                match set.node.start(new(&definition, &format!("n{n}"), "[1]", ExecutionType::Standard)).await {
                    Ok(ok) => {
                        started.push(ok.id);
                        break;
                    }
                    Err(refusal) => assert_eq!(refusal, Refusal::Away),
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(started.len(), 100);
        for id in started {
            let ended = set.ended(id).await;
            // Succeeded, or the answer was lost with the memory.
            assert_ne!(ended.status, ExecutionStatus::Running);
        }
        assert!(!set.warnings.lock().unwrap().is_empty());
        assert!(set.node.now() > Timestamp(0));
    });
}

#[test]
fn a_node_that_went_away_goes_on_where_it_was() {
    let directory = std::env::temp_dir().join(format!("stepwell-node-restart-{}", std::process::id()));
    let catalogue = Arc::new(Catalogue::default());
    let outside = Arc::new(Outside::default());
    let open = || {
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&directory).unwrap());
        let config = Config { workers: 2, ..Config::default() };
        let node = Node::open(store.clone(), config, catalogue.clone(), outside.clone()).unwrap();
        (node, store)
    };
    runtime().block_on(async {
        let nap = define(
            &catalogue,
            r#"{"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 1, "End": true}}}"#,
            ExecutionType::Standard,
            None,
        );
        let call = define(&catalogue, &task("Keep"), ExecutionType::Standard, None);
        let ship = define(&catalogue, &activity(), ExecutionType::Standard, None);
        let (node, store) = open();
        let nap = node.start(new(&nap, "nap", "[1]", ExecutionType::Standard)).await.unwrap().id;
        let call = node.start(new(&call, "call", "[1]", ExecutionType::Standard)).await.unwrap().id;
        let ship = node.start(new(&ship, "ship", "[1]", ExecutionType::Standard)).await.unwrap().id;
        // Without being drained.
        drop(node);
        while Arc::strong_count(&store) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(store);
        let (node, store) = open();
        let in_doubt = ended(&node, call).await;
        assert_eq!(in_doubt.error.error.as_deref(), Some("Lambda.SdkClientException"));
        let task = node.poll_activity(ACTIVITY, None, Duration::from_secs(10)).await.unwrap().expect("it waits again");
        node.answer(&task.token, TokenAnswer::Success(Value::Null)).await.unwrap();
        assert_eq!(ended(&node, ship).await.status, ExecutionStatus::Succeeded);
        assert_eq!(ended(&node, nap).await.status, ExecutionStatus::Succeeded);
        node.drain(Duration::from_secs(1)).await;
        drop((node, store));
    });
    outside.kept.lock().unwrap().clear();
    std::fs::remove_dir_all(directory).unwrap();
}

/// What has not happened by then never will.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_task_that_came_for_a_worker_who_went_away_is_the_next_ones() {
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let definition = set.define(&activity(), ExecutionType::Standard, None);
        for n in 0..20 {
            let mut gone = Box::pin(set.node.poll_activity(ACTIVITY, None, LONG));
            std::future::poll_fn(|context| {
                assert!(gone.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            let new = new(&definition, &format!("n{n}"), "[1]", ExecutionType::Standard);
            let id = set.node.start(new).await.unwrap().id;
            // The task is on its way to the one who waits, or there.
            while set.node.figures().waiting_activities > 0 || set.node.figures().commits_in_flight > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(gone);
            let task = set.node.poll_activity(ACTIVITY, None, LONG).await.unwrap().expect("it waits again");
            set.node.answer(&task.token, TokenAnswer::Success(Value::Null)).await.unwrap();
            assert_eq!(set.ended(id).await.status, ExecutionStatus::Succeeded);
        }
    });
}

#[test]
fn whoever_asks_while_a_node_stops_is_answered() {
    runtime().block_on(async {
        for _ in 0..30 {
            let set = Arc::new(Set::new(Config::default()));
            let definition = set.define(&task("Echo"), ExecutionType::Standard, None);
            let asked: Vec<_> = (0..50)
                .map(|n| {
                    let (set, definition) = (set.clone(), definition.clone());
                    tokio::task::spawn_blocking(move || {
                        runtime().block_on(async {
                            let new = new(&definition, &format!("n{n}"), "[1]", ExecutionType::Standard);
                            match set.node.start(new).await {
                                Ok(started) => set.node.stop(started.id, ErrorCause::default()).await.map(|_| ()),
                                Err(refusal) => Err(refusal),
                            }
                        })
                    })
                })
                .collect();
            tokio::time::sleep(Duration::from_micros(500)).await;
            set.node.drain(Duration::ZERO).await;
            for asked in asked {
                let answer = tokio::time::timeout(LONG, asked).await.expect("an answer").unwrap();
                assert!(matches!(answer, Ok(()) | Err(Refusal::Away)), "{answer:?}");
            }
        }
    });
}

#[test]
fn a_node_that_has_stopped_leaves_its_shards_to_the_next_one() {
    use stepwell_store::memory::{Call, Fault};
    runtime().block_on(async {
        let set = Set::new(Config::default());
        let open = || Node::open(set.store.clone(), Config::default(), set.catalogue.clone(), set.outside.clone());
        assert!(matches!(open(), Err(StoreError::Locked(_))), "it has them");
        set.node.drain(Duration::from_secs(1)).await;
        set.store.set_faults(|call| matches!(call, Call::Read).then_some(Fault::Away));
        assert!(open().is_err(), "nor does one that could not open them keep them");
        set.store.set_faults(|_| None);
        let node = open().unwrap();
        let definition = set.define(&task("Echo"), ExecutionType::Standard, None);
        let started = node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await.unwrap();
        assert_eq!(ended(&node, started.id).await.status, ExecutionStatus::Succeeded);
    });
}

#[test]
fn a_node_that_has_stopped_leaves_no_log_beside_the_file() {
    let directory = std::env::temp_dir().join(format!("stepwell-node-closed-{}", std::process::id()));
    runtime().block_on(async {
        let (catalogue, outside) = (Arc::new(Catalogue::default()), Arc::new(Outside::default()));
        let store = Arc::new(Sqlite::open(&directory).unwrap());
        let node = Node::open(store, Config::default(), catalogue.clone(), outside).unwrap();
        let definition = define(&catalogue, &task("Keep"), ExecutionType::Standard, None);
        node.start(new(&definition, "one", "[1]", ExecutionType::Standard)).await.unwrap();
        node.drain(Duration::from_millis(10)).await;
        assert!(directory.join("stepwell.db-wal").exists());
        // Whoever held the store of a node that has stopped lets go of it: no thread of the node does not.
        drop(node);
        assert!(!directory.join("stepwell.db-wal").exists());
    });
    std::fs::remove_dir_all(directory).unwrap();
}
