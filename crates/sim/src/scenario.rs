//! What the executions of a world run: definitions of its own, and those that the engine's tests have.

use std::sync::{Arc, OnceLock};

use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::local::{Answer, Local, Missing, Responder, What};
use stepwell_engine::{Event, Identity, Reader, TaskRequest};
use stepwell_node::{Definition, Programs};
use stepwell_store::{RowNumber, StoreError};
use stepwell_value::Value;

use crate::run::{START, Scenario as Scripted, Script};
use crate::{bounds, histories, redrive, states};

/// What an execution runs, and how its tasks behave.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its definition, compiled.
    pub(crate) definition: Arc<Definition>,
    /// Its input, as JSON.
    pub(crate) input: &'static str,
    /// Standard or Express.
    pub(crate) execution_type: ExecutionType,
    /// How its tasks behave.
    pub(crate) manner: Manner,
    /// Its history is the same whatever happens, as long as no call is in doubt.
    pub(crate) is_steady: bool,
    /// How often one meets it.
    weight: u32,
    calm: OnceLock<String>,
}

/// How tasks behave.
pub(crate) enum Manner {
    /// As chance will have it.
    Random,
    /// They return the name of their state.
    Steady,
    /// As a script says.
    Scripted(Scripted),
}

impl std::fmt::Debug for Manner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Manner::Random => "Random",
            Manner::Steady => "Steady",
            Manner::Scripted(_) => "Scripted",
        })
    }
}

/// All scenarios of the worlds; the catalogue of their nodes.
#[derive(Debug)]
pub(crate) struct Scenarios {
    all: Vec<Scenario>,
    weights: u32,
}

/// Rows of state machines have numbers from here on, those of their revisions from 0.
const MACHINES: u64 = 1_000;

impl Scenarios {
    /// They are compiled once for all worlds.
    pub(crate) fn get() -> &'static Arc<Scenarios> {
        static ALL: OnceLock<Arc<Scenarios>> = OnceLock::new();
        ALL.get_or_init(|| {
            let all: Vec<Scenario> =
                own().into_iter().chain(engines_in_worlds()).enumerate().map(Draft::finish).collect();
            let weights = all.iter().map(|scenario| scenario.weight).sum();
            Arc::new(Scenarios { all, weights })
        })
    }

    /// One of them, by its place.
    pub(crate) fn of(&self, place: usize) -> &Scenario {
        &self.all[place]
    }

    /// The place of one of them, the frequent ones more often than others; `number` is any number.
    pub(crate) fn pick(&self, number: u64) -> usize {
        let mut left = (number % u64::from(self.weights)) as u32;
        let is_here = |scenario: &Scenario| {
            let is_here = left < scenario.weight;
            left = left.saturating_sub(scenario.weight);
            is_here
        };
        self.all.iter().position(is_here).unwrap_or(0)
    }
}

impl Programs for Scenarios {
    fn definition(&self, row: RowNumber) -> Result<Arc<Definition>, StoreError> {
        let scenario = self.all.get(row.0 as usize);
        scenario.map(|scenario| scenario.definition.clone()).ok_or_else(|| StoreError::Corrupt(format!("{row:?}")))
    }

    fn has_activity(&self, _: &str) -> bool {
        true
    }
}

impl Scenario {
    /// The history of a run in which nothing goes wrong, a line an event.
    pub(crate) fn calm_history(&self) -> &str {
        self.calm.get_or_init(|| match &self.manner {
            Manner::Scripted(scripted) => {
                let mut local = Local::new(START);
                let id = local.start(self.definition.program.clone(), scripted.start());
                text(&local.run_to_end(id, &mut Script::of(scripted)))
            }
            Manner::Random | Manner::Steady => {
                let mut local = Local::new(START);
                let start = stepwell_engine::Start {
                    identity: Arc::new(crate::run::identity(self.execution_type)),
                    input: stepwell_value::parse(self.input).expect("the inputs of scenarios are JSON"),
                    input_text: None,
                };
                let id = local.start(self.definition.program.clone(), start);
                text(&local.run_to_end(id, &mut Steady))
            }
        })
    }
}

/// A history, a line an event.
pub(crate) fn text(events: &[Event]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// What a task returns that behaves.
pub(crate) fn steady_result(request: &TaskRequest) -> Value {
    // Longer than what stands in records, so that it is a payload of its own.
    Value::from(format!("{} {}", request.state, "is done; ".repeat(16)))
}

/// Every task returns at once.
struct Steady;

impl Responder for Steady {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        vec![Answer::now(What::Succeeded(steady_result(request)))]
    }

    fn read_items(&mut self, _: &str, _: &Reader) -> Result<Value, Missing> {
        Err(Missing("nothing is read here".into()))
    }

    fn write_results(&mut self, _: &str, _: &Value, _: &Value) -> Result<Value, Missing> {
        Err(Missing("nothing is written here".into()))
    }
}

/// A definition, compiled, as the revision that has this row.
pub(crate) fn compiled(name: &str, definition: &str, execution_type: ExecutionType, row: u64) -> Arc<Definition> {
    let compiled = compile(definition, Format::Json, &Options { machine_type: execution_type });
    let program = compiled.program.unwrap_or_else(|| panic!("{name}: {:?}", compiled.diagnostics));
    let (row, machine) = (RowNumber(row), RowNumber(MACHINES + row));
    Arc::new(Definition { row, machine, program: Arc::new(program), logging: None })
}

/// A scenario before it is compiled.
struct Draft {
    name: &'static str,
    definition: &'static str,
    input: &'static str,
    execution_type: ExecutionType,
    manner: Manner,
    is_steady: bool,
    weight: u32,
}

impl Draft {
    fn finish((place, draft): (usize, Draft)) -> Scenario {
        let Draft { name, definition, input, execution_type, manner, is_steady, weight } = draft;
        let definition = compiled(name, definition, execution_type, place as u64);
        Scenario { name, definition, input, execution_type, manner, is_steady, weight, calm: OnceLock::new() }
    }

    fn steady(self) -> Draft {
        Draft { manner: Manner::Steady, is_steady: true, ..self }
    }

    fn input(self, input: &'static str) -> Draft {
        Draft { input, ..self }
    }

    fn weight(self, weight: u32) -> Draft {
        Draft { weight, ..self }
    }

    fn express(self) -> Draft {
        Draft { execution_type: ExecutionType::Express, ..self }
    }
}

fn draft(name: &'static str, definition: &'static str) -> Draft {
    Draft {
        name,
        definition,
        input: "{}",
        execution_type: ExecutionType::Standard,
        manner: Manner::Random,
        is_steady: false,
        weight: 10,
    }
}

fn own() -> Vec<Draft> {
    vec![
        draft("order", ORDER),
        draft("calls", CALLS).steady().weight(12),
        draft("call without a time-out", UNTIMED).weight(12),
        draft("naps", NAPS).steady(),
        draft("branches", BRANCHES),
        draft("items", ITEMS).input("[1,2,3,4,5,6]"),
        draft("naps of items", ITEM_NAPS).input("[1,2,3]").steady().weight(6),
        draft("callback", CALLBACK),
        draft("activity", ACTIVITY).weight(14),
        draft("map run", MAP_RUN).input("[1,2,3,4,5]").weight(8),
        draft("map run of Express children", EXPRESS_MAP_RUN).input("[1,2,3,4,5,6,7]").weight(8),
        draft("map run beside a failing branch", ABORTED_MAP_RUN).input("[1,2,3]").weight(8),
        draft("Express", EXPRESS).express().weight(12),
        draft("Express naps", NAPS).express().weight(4),
    ]
}

/// A scenario of the engine's tests.
struct OfEngine {
    name: &'static str,
    scripted: fn() -> Scripted,
    in_worlds: InWorlds,
}

/// What a world makes of a scenario of the engine's tests.
#[derive(Clone, Copy)]
enum InWorlds {
    /// It takes too long for a world of many.
    Absent,
    /// Its history may be another one when something goes wrong.
    Changing { weight: u32 },
    /// As [`Scenario::is_steady`] says.
    Steady { weight: u32 },
}

/// Every scenario of the engine's tests.
fn engines() -> Vec<OfEngine> {
    use InWorlds::{Absent, Changing, Steady};
    let of = |name, scripted, in_worlds| OfEngine { name, scripted, in_worlds };
    vec![
        of("optimized_task", histories::optimized_task, Steady { weight: 2 }),
        of("token_task", histories::token_task, Changing { weight: 2 }),
        of("token_timeout", histories::token_timeout, Changing { weight: 1 }),
        of("retries_then_catch", histories::retries_then_catch, Steady { weight: 2 }),
        of("activity", histories::activity, Changing { weight: 2 }),
        of("missed_heartbeat", histories::missed_heartbeat, Changing { weight: 2 }),
        of("inline_map", histories::inline_map, Steady { weight: 2 }),
        of("map_retried", histories::map_retried, Steady { weight: 2 }),
        of("failing_branch", histories::failing_branch, Changing { weight: 2 }),
        of("iterations_time_out", histories::iterations_time_out, Changing { weight: 2 }),
        of("distributed_map", histories::distributed_map, Steady { weight: 2 }),
        of("distributed_map_fails", histories::distributed_map_fails, Steady { weight: 2 }),
        of("waiting", histories::waiting, Steady { weight: 2 }),
        of("stopped", histories::stopped, Absent),
        of("machine_timeout", histories::machine_timeout, Steady { weight: 2 }),
        of("runtime_error_in_branch", histories::runtime_error_in_branch, Steady { weight: 2 }),
        of("redriven", histories::redriven, Changing { weight: 2 }),
        of("costly_selectors", bounds::costly_selectors, Absent),
        of("wait_again", redrive::wait_again, Steady { weight: 2 }),
        of("retries_again", redrive::retries_again, Changing { weight: 2 }),
        of("selector_fails_later", redrive::selector_fails_later, Absent),
        of("nested", states::nested, Changing { weight: 2 }),
        of("counter_loop", states::counter_loop, Steady { weight: 1 }),
        of("variables", states::variables, Steady { weight: 2 }),
        of("jittered", states::jittered, Absent),
        of("batches", states::batches, Steady { weight: 2 }),
        of("tolerated_failures", states::tolerated_failures, Steady { weight: 2 }),
    ]
}

/// Those of the engine's scenarios that worlds have, too.
fn engines_in_worlds() -> impl Iterator<Item = Draft> {
    engines().into_iter().filter_map(|OfEngine { name, scripted, in_worlds }| {
        let (is_steady, weight) = match in_worlds {
            InWorlds::Absent => return None,
            InWorlds::Changing { weight } => (false, weight),
            InWorlds::Steady { weight } => (true, weight),
        };
        let scripted = scripted();
        Some(Draft {
            definition: scripted.definition,
            input: scripted.input,
            execution_type: scripted.execution_type,
            manner: Manner::Scripted(scripted),
            is_steady,
            weight,
            name,
        })
    })
}

/// Every scenario of the engine's tests, with its name: what the crash suite runs.
pub(crate) fn of_engine() -> Vec<(&'static str, Scripted)> {
    engines().into_iter().map(|OfEngine { name, scripted, .. }| (name, scripted())).collect()
}

const ORDER: &str = r#"{"StartAt": "Charge", "States": {
    "Charge": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:charge", "TimeoutSeconds": 10,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refuse"}], "Next": "Rest"},
    "Rest": {"Type": "Wait", "Seconds": 2, "Next": "Ship"},
    "Ship": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:ship", "TimeoutSeconds": 10,
        "End": true},
    "Refuse": {"Type": "Pass", "End": true}}}"#;

const CALLS: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:a", "Next": "Nap"},
    "Nap": {"Type": "Wait", "Seconds": 1, "Next": "B"},
    "B": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:b", "Next": "C"},
    "C": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$"}, "End": true}}}"#;

const UNTIMED: &str = r#"{"StartAt": "Call", "States": {
    "Call": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "Retry": [{"ErrorEquals": ["Lambda.SdkClientException", "Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "End": true}}}"#;

const NAPS: &str = r#"{"StartAt": "One", "States": {
    "One": {"Type": "Wait", "Seconds": 1, "Next": "Two"},
    "Two": {"Type": "Pass", "Result": {"n": 1}, "ResultPath": "$.two", "Next": "Three"},
    "Three": {"Type": "Wait", "Seconds": 7, "Next": "Four"},
    "Four": {"Type": "Pass", "Parameters": {"all.$": "$"}, "Next": "Five"},
    "Five": {"Type": "Wait", "Seconds": 15, "End": true}}}"#;

const BRANCHES: &str = r#"{"StartAt": "All", "States": {
    "All": {"Type": "Parallel", "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 15,
            "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:a",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2}], "Next": "A2"},
            "A2": {"Type": "Wait", "Seconds": 3, "End": true}}},
        {"StartAt": "B", "States": {"B": {"Type": "Task", "TimeoutSeconds": 15,
            "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:b",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B2"}], "End": true},
            "B2": {"Type": "Pass", "Result": "b", "End": true}}},
        {"StartAt": "C", "States": {"C": {"Type": "Wait", "Seconds": 5, "End": true}}}],
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}], "End": true},
    "Sorry": {"Type": "Fail", "Error": "Sorry"}}}"#;

const ITEMS: &str = r#"{"StartAt": "Each", "States": {
    "Each": {"Type": "Map", "MaxConcurrency": 3, "ItemProcessor": {"StartAt": "Do", "States": {
        "Do": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:do", "TimeoutSeconds": 10,
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1.5}],
            "End": true}}},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}], "End": true},
    "Sorry": {"Type": "Pass", "End": true}}}"#;

const ITEM_NAPS: &str = r#"{"StartAt": "Each", "States": {
    "Each": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": "Nap", "States": {
        "Nap": {"Type": "Wait", "Seconds": 4, "Next": "Out"},
        "Out": {"Type": "Pass", "Parameters": {"item.$": "$"}, "End": true}}}, "End": true}}}"#;

const CALLBACK: &str = r#"{"StartAt": "Ask", "States": {
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "TimeoutSeconds": 40, "HeartbeatSeconds": 12,
        "Parameters": {"QueueUrl": "q", "MessageBody": {"Token.$": "$$.Task.Token"}},
        "Retry": [{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Never"}], "End": true},
    "Never": {"Type": "Pass", "End": true}}}"#;

const ACTIVITY: &str = r#"{"StartAt": "Pick", "States": {
    "Pick": {"Type": "Task", "Resource": "arn:aws:states:eu-west-1:123456789012:activity:pick",
        "TimeoutSeconds": 60, "HeartbeatSeconds": 9,
        "Retry": [{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout", "Busy"], "IntervalSeconds": 1, "MaxAttempts": 3}],
        "Next": "Pack"},
    "Pack": {"Type": "Task", "Resource": "arn:aws:states:eu-west-1:123456789012:activity:pack", "TimeoutSeconds": 30,
        "End": true}}}"#;

const MAP_RUN: &str = r#"{"StartAt": "Each", "States": {
    "Each": {"Type": "Map", "MaxConcurrency": 2, "ToleratedFailurePercentage": 50,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Do", "States": {
                "Do": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:do",
                    "TimeoutSeconds": 10, "Next": "Nap"},
                "Nap": {"Type": "Wait", "Seconds": 2, "End": true}}}, "End": true}}}"#;

const EXPRESS_MAP_RUN: &str = r#"{"StartAt": "Each", "States": {
    "Each": {"Type": "Map", "MaxConcurrency": 3, "ToleratedFailurePercentage": 60,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Do", "States": {
                "Do": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:do",
                    "TimeoutSeconds": 10, "End": true}}}, "End": true}}}"#;

const ABORTED_MAP_RUN: &str = r#"{"StartAt": "Both", "States": {
    "Both": {"Type": "Parallel", "Branches": [
        {"StartAt": "Each", "States": {"Each": {"Type": "Map",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 6, "End": true}}}, "End": true}}},
        {"StartAt": "Call", "States": {"Call": {"Type": "Task", "TimeoutSeconds": 10,
            "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f", "Next": "Enough"},
            "Enough": {"Type": "Wait", "Seconds": 2, "Next": "No"},
            "No": {"Type": "Fail", "Error": "Enough"}}}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}], "End": true},
    "Done": {"Type": "Pass", "End": true}}}"#;

const EXPRESS: &str = r#"{"StartAt": "A", "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:a", "TimeoutSeconds": 10,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}], "Next": "Nap"},
    "Nap": {"Type": "Wait", "Seconds": 3, "End": true}}}"#;
