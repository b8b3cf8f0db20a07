//! Runs a workflow in a unit test: nothing is deployed, tasks are answered by mocks, and waiting takes no time.
//!
//! ```
//! use stepwell_constructs::*;
//! use stepwell_testing::{RunLocally, fails, json, succeeds};
//!
//! let w = Workflow::new();
//! let crunch = w.add(GlueStartJobRun::json_path("Crunch", "nightly").run_job().result_path("$.job"));
//! let wait = w.add(Wait::json_path("Later", WaitTime::seconds(3600)));
//! let tell = w.add(SnsPublish::json_path("Tell", &TopicRef::from_logical_id("Done")).message(path("$.day")));
//! let machine = StateMachine::new("Nightly", crunch.retry(Retry::new()).next(wait).next(tell)).build()?;
//!
//! let run = machine
//!     .run_locally(json(r#"{ "day": "2026-01-01" }"#))
//!     .mock_with("Crunch", |call| match call.attempt {
//!         0 => fails("Glue.Busy", "too many runs"),
//!         _ => succeeds(json(r#"{ "JobRunState": "SUCCEEDED" }"#)),
//!     })
//!     .mock("sns:publish", json(r#"{ "MessageId": "m-1" }"#))
//!     .run();
//!
//! run.assert_succeeded();
//! assert_eq!(run.output(), &json(r#"{ "MessageId": "m-1" }"#));
//! assert_eq!(run.states(), ["Crunch", "Later", "Tell"]);
//! assert_eq!(run.call("Tell").parameters.get("Message").unwrap().as_str(), Some("2026-01-01"));
//! assert_eq!(run.virtual_time().as_secs(), 3600 + 1);
//! # Ok::<(), BuildErrors>(())
//! ```
//!
//! A state is mocked by its name (`"Crunch"`) or by what it calls (`"glue:startJobRun.sync"`); the name wins. A task
//! without a mock ends the run, and [`Run::assert_succeeded`] says which it was.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, Severity, compile};
use stepwell_constructs::{Machine, StateMachineType};
use stepwell_engine::local::{Answer, Local, Missing, Responder, What};
use stepwell_engine::mock::{ITEM_READER, RESULT_WRITER};
pub use stepwell_engine::{ErrorCause, Event, EventKind, ExecutionStatus};
use stepwell_engine::{ExecutionId, FailureStage, Identity, Reader, Start, TaskRequest, Timestamp};
use stepwell_value::Str;
pub use stepwell_value::Value;

/// 2026-01-01T00:00:00Z, when every run begins unless it is told otherwise.
const BEGINNING: Timestamp = Timestamp(1_767_225_600_000);

/// What a mock answers: a result, or an error with its cause.
pub type Reply = Result<Value, ErrorCause>;

/// A result.
#[allow(clippy::unnecessary_wraps, reason = "it is an answer of a mock, beside `fails`")]
pub fn succeeds(result: Value) -> Reply {
    Ok(result)
}

/// An error and its cause, as Retry and Catch see them.
pub fn fails(error: &str, cause: &str) -> Reply {
    Err(ErrorCause::new(error, cause))
}

/// A JSON value.
///
/// # Panics
/// When the text is no JSON.
pub fn json(text: &str) -> Value {
    match stepwell_value::parse(text) {
        Ok(value) => value,
        Err(error) => panic!("no JSON: {error}"),
    }
}

/// One call of a task.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the state.
    pub state: String,
    /// What it called: `arn:aws:states:::sns:publish`.
    pub resource: String,
    /// What it sent.
    pub parameters: Value,
    /// How often this state had called before, in the whole run.
    pub attempt: u32,
    /// The task token, if the state waits for it.
    pub token: Option<String>,
}

type Mock<'m> = Box<dyn FnMut(&Call) -> Reply + 'm>;

/// A machine that runs here.
pub trait RunLocally {
    /// A run of the machine with this input; say what its tasks answer, then [`LocalRun::run`].
    fn run_locally(&self, input: Value) -> LocalRun<'_>;
}

impl RunLocally for Machine {
    fn run_locally(&self, input: Value) -> LocalRun<'_> {
        let execution_type = match self.kind() {
            StateMachineType::Standard => ExecutionType::Standard,
            StateMachineType::Express => ExecutionType::Express,
        };
        LocalRun {
            definition: self.to_asl().to_string(),
            execution_type,
            input,
            mocks: Vec::new(),
            started: BEGINNING,
            name: "test".to_owned(),
            seed: 0,
            machine: self.logical_id().to_owned(),
        }
    }
}

/// A run that is about to begin.
pub struct LocalRun<'m> {
    definition: String,
    execution_type: ExecutionType,
    input: Value,
    mocks: Vec<(String, Mock<'m>)>,
    started: Timestamp,
    name: String,
    seed: u64,
    machine: String,
}

impl Debug for LocalRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mocks: Vec<&str> = self.mocks.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LocalRun").field("machine", &self.machine).field("mocks", &mocks).finish_non_exhaustive()
    }
}

impl<'m> LocalRun<'m> {
    /// Whatever the state sends, this is its result.
    #[must_use]
    pub fn mock(self, state_or_integration: &str, result: Value) -> LocalRun<'m> {
        self.mock_with(state_or_integration, move |_| Ok(result.clone()))
    }

    /// Each call of the state fails with the error.
    #[must_use]
    pub fn mock_failure(self, state_or_integration: &str, error: &str, cause: &str) -> LocalRun<'m> {
        let failure = ErrorCause::new(error, cause);
        self.mock_with(state_or_integration, move |_| Err(failure.clone()))
    }

    /// A function answers what the state sends.
    #[must_use]
    pub fn mock_with(mut self, state_or_integration: &str, answer: impl FnMut(&Call) -> Reply + 'm) -> LocalRun<'m> {
        self.mocks.push((state_or_integration.to_owned(), Box::new(answer)));
        self
    }

    /// The items that the reader of a Map state finds in S3.
    #[must_use]
    pub fn mock_items(self, map: &str, items: Value) -> LocalRun<'m> {
        self.mock(&format!("{map}{ITEM_READER}"), items)
    }

    /// What a Map state gives that writes its results to S3.
    #[must_use]
    pub fn mock_written(self, map: &str, result: Value) -> LocalRun<'m> {
        self.mock(&format!("{map}{RESULT_WRITER}"), result)
    }

    /// When the run begins, in seconds since 1970; 2026-01-01T00:00:00Z if nothing is said.
    #[must_use]
    pub fn started_at(mut self, unix_seconds: i64) -> LocalRun<'m> {
        self.started = Timestamp(unix_seconds * 1000);
        self
    }

    /// What chance depends on: jitter, random numbers, UUIDs; 0 if nothing is said.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> LocalRun<'m> {
        self.seed = seed;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When the definition is not valid; the message lists what is wrong with it.
    pub fn run(self) -> Run {
        let options = Options { machine_type: self.execution_type };
        let compiled = compile(&self.definition, Format::Json, &options);
        let Some(program) = compiled.program else {
            let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
            let errors: Vec<String> = errors
                .map(|error| format!("{}: {}", error.location.as_deref().unwrap_or("definition"), error.message))
                .collect();
            panic!("the definition is not valid:\n{}\n{}", errors.join("\n"), self.definition);
        };
        let arn = |resource: &str| Str::from(format!("arn:aws:states:us-east-1:123456789012:{resource}"));
        let identity = Identity {
            id: ExecutionId(1),
            arn: arn(&format!("execution:{}:{}", self.machine, self.name)),
            name: Str::from(self.name.as_str()),
            state_machine_arn: arn(&format!("stateMachine:{}", self.machine)),
            state_machine_name: Str::from(self.machine.as_str()),
            role_arn: Some(Str::from("arn:aws:iam::123456789012:role/test")),
            version_arn: None,
            alias_arn: None,
            execution_type: self.execution_type,
            shows_redrive_count: true,
            trace_header: None,
            region: Str::from("us-east-1"),
            seed: self.seed,
            root: TOP,
        };
        let asked = vec![false; self.mocks.len()];
        let mut outside = Outside { mocks: self.mocks, asked, calls: Vec::new(), missing: Vec::new() };
        let mut local = Local::new(self.started);
        let start = Start { identity: Arc::new(identity), input: self.input, input_text: None };
        let id = local.start(Arc::new(program), start);
        let events = local.run_to_end(id, &mut outside);
        let execution = local.execution(id).expect("an execution stays until it is forgotten");
        let stopped = execution.stopped().unwrap_or_else(|| local.now());
        Run {
            status: execution.status(),
            output: execution.output().map(|payload| payload.value().clone()).unwrap_or_default(),
            error: execution.error().clone(),
            virtual_time: Duration::from_millis(u64::try_from(stopped.0 - self.started.0).unwrap_or(0)),
            events,
            unasked: unasked(&outside),
            calls: outside.calls,
            missing: outside.missing,
        }
    }
}

/// The names of the mocks that nothing has asked.
fn unasked(outside: &Outside<'_>) -> Vec<String> {
    let mocks = outside.mocks.iter().zip(&outside.asked);
    mocks.filter(|(_, asked)| !**asked).map(|((name, _), _)| name.clone()).collect()
}

/// Answers tasks from mocks, and remembers what was asked.
struct Outside<'m> {
    mocks: Vec<(String, Mock<'m>)>,
    /// Which of the mocks have been asked.
    asked: Vec<bool>,
    calls: Vec<Call>,
    missing: Vec<String>,
}

impl Outside<'_> {
    fn ask(&mut self, names: &[&str], call: Call) -> Option<Reply> {
        let mock = names.iter().find_map(|name| self.mocks.iter().position(|(mocked, _)| mocked == name));
        let reply = mock.map(|index| {
            self.asked[index] = true;
            self.mocks[index].1(&call)
        });
        self.calls.push(call);
        if reply.is_none() {
            self.missing.push(format!("no mock for {}", names.join(" or ")));
        }
        reply
    }

    fn file(&mut self, name: &str, parameters: Value) -> Result<Value, Missing> {
        let attempt = self.attempt(name);
        let call = Call { state: name.to_owned(), resource: "s3".to_owned(), parameters, attempt, token: None };
        match self.ask(&[name], call) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Missing(error.cause.or(error.error).unwrap_or_default().to_string())),
            None => Err(Missing(format!("no mock for {name}"))),
        }
    }

    fn attempt(&self, state: &str) -> u32 {
        let before = self.calls.iter().filter(|call| call.state == state).count();
        u32::try_from(before).unwrap_or(u32::MAX)
    }
}

impl Responder for Outside<'_> {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        let call = Call {
            state: request.state.to_string(),
            resource: request.resource_arn.to_string(),
            parameters: request.parameters.value().clone(),
            attempt: self.attempt(&request.state),
            token: request.token.as_ref().map(ToString::to_string),
        };
        let integration = request.resource_arn.rsplit_once(":::").map_or(&*request.resource_arn, |(_, last)| last);
        let what = match self.ask(&[&request.state, integration], call) {
            Some(Ok(result)) => What::Succeeded(result),
            Some(Err(error)) => What::Failed(error, FailureStage::Run),
            None => What::CannotRun(Str::from(format!("no mock for {} or {integration}", request.state))),
        };
        vec![Answer::now(what)]
    }

    fn read_items(&mut self, state: &str, _: &Reader) -> Result<Value, Missing> {
        self.file(&format!("{state}{ITEM_READER}"), Value::Null)
    }

    fn write_results(&mut self, state: &str, _: &Value, results: &Value) -> Result<Value, Missing> {
        self.file(&format!("{state}{RESULT_WRITER}"), results.clone())
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    status: ExecutionStatus,
    output: Value,
    error: ErrorCause,
    virtual_time: Duration,
    events: Vec<Event>,
    calls: Vec<Call>,
    missing: Vec<String>,
    unasked: Vec<String>,
}

impl Run {
    /// How it ended.
    pub fn status(&self) -> ExecutionStatus {
        self.status
    }

    /// Its output; `null` if it has none.
    pub fn output(&self) -> &Value {
        &self.output
    }

    /// The name of its error.
    pub fn error(&self) -> Option<&str> {
        self.error.error.as_deref()
    }

    /// The cause of its error.
    pub fn cause(&self) -> Option<&str> {
        self.error.cause.as_deref()
    }

    /// How long it would have taken, if tasks took no time.
    pub fn virtual_time(&self) -> Duration {
        self.virtual_time
    }

    /// The history of the execution.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The states that it entered, in their order.
    pub fn states(&self) -> Vec<&str> {
        let entered = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::StateEntered { name, .. } => Some(&**name),
            _ => None,
        });
        entered.collect()
    }

    /// What its tasks called, in their order.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The first call of a state.
    ///
    /// # Panics
    /// When the state called nothing; the message lists those that did.
    pub fn call(&self, state: &str) -> &Call {
        let found = self.calls.iter().find(|call| call.state == state);
        found.unwrap_or_else(|| {
            let called: Vec<&str> = self.calls.iter().map(|call| call.state.as_str()).collect();
            panic!("'{state}' called nothing; these did: {called:?}")
        })
    }

    /// That it succeeded.
    ///
    /// # Panics
    /// When it did not; the message says how it ended, and which task had no mock.
    pub fn assert_succeeded(&self) {
        assert!(
            self.status == ExecutionStatus::Succeeded,
            "{} with {}: {}\nstates: {:?}{}",
            self.status.name(),
            self.error().unwrap_or("no error"),
            self.cause().unwrap_or("no cause"),
            self.states(),
            self.about_mocks()
        );
    }

    /// That it failed with this error.
    ///
    /// # Panics
    /// When it did not; the message says how it ended.
    pub fn assert_failed_with(&self, error: &str) {
        assert!(
            self.status == ExecutionStatus::Failed && self.error() == Some(error),
            "{} with {}, not FAILED with {error}: {}{}",
            self.status.name(),
            self.error().unwrap_or("no error"),
            self.cause().unwrap_or("no cause"),
            self.about_mocks()
        );
    }

    /// Lines about tasks without a mock, and about mocks without a task: one may be the other, misspelt.
    fn about_mocks(&self) -> String {
        let missing = self.missing.iter().map(|missing| format!("\n{missing}"));
        let unasked = self.unasked.iter().map(|name| format!("\nnothing asked the mock {name}"));
        missing.chain(unasked).collect()
    }
}
