//! A definition compiled once: states in vectors, next states as indexes, every path and expression parsed.

use stepwell_aws::Resource;
use stepwell_value::{Str, Value};

use crate::comparison::Operator;
use crate::intrinsic::Call;
use crate::jsonpath::{Path, ReferencePath};
use crate::template::{Expression, Template};

/// A state machine definition, ready to run. Immutable; executions share it.
#[derive(Debug)]
pub struct Program {
    /// The machine's own query language; states may say otherwise.
    pub query_language: QueryLanguage,
    /// Limit of a whole execution, in seconds.
    pub timeout_seconds: Option<u32>,
    /// All `States` objects: the machine's own first, then those of branches and item processors.
    pub regions: Vec<Region>,
}

/// One `States` object: the machine, a branch of a Parallel state, or the processor of a Map state.
#[derive(Debug)]
pub struct Region {
    /// The state that `StartAt` names.
    pub start: StateIdx,
    /// States in the order of the definition.
    pub states: Vec<State>,
}

/// Position of a region in [`Program::regions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionIdx(pub u32);

/// Position of a state in [`Region::states`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateIdx(pub u32);

/// The machine itself.
pub const TOP: RegionIdx = RegionIdx(0);

/// `QueryLanguage` of a machine or state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryLanguage {
    /// Paths, payload templates and intrinsic functions.
    JsonPath,
    /// `{% … %}` expressions.
    Jsonata,
}

/// One state. Fields that its type or query language does not have hold their defaults.
#[derive(Debug)]
pub struct State {
    /// Its name, unique in the machine.
    pub name: Str,
    /// Its effective query language.
    pub query_language: QueryLanguage,
    /// `InputPath`.
    pub input_path: DataPath,
    /// `Parameters` of Pass, Task and Parallel in JSONPath, `Arguments` in JSONata.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `OutputPath`.
    pub output_path: DataPath,
    /// `Output` of JSONata.
    pub output: Option<Template>,
    /// `Assign`: an object template whose keys are variable names.
    pub assign: Option<Template>,
    /// Where it goes when it succeeds; meaningless for Choice, Succeed and Fail.
    pub next: Transition,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// What its type adds.
    pub kind: StateKind,
}

/// `Next` or `End`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// On to another state of the same region.
    Next(StateIdx),
    /// The region is done.
    End,
}

/// `InputPath` or `OutputPath`.
#[derive(Debug, Default)]
pub enum DataPath {
    /// `$`: everything.
    #[default]
    Whole,
    /// `null`: an empty object.
    Nothing,
    /// What the path selects.
    Path(Path),
}

/// `ResultPath`.
#[derive(Debug, Default)]
pub enum ResultPath {
    /// `$`: the result takes the place of the input.
    #[default]
    Replace,
    /// `null`: the result is dropped.
    Discard,
    /// The result is put into the input.
    At(ReferencePath),
}

/// What the eight types of states add.
#[derive(Debug)]
pub enum StateKind {
    /// Passes data on; `Result` of JSONPath.
    Pass {
        /// `Result`.
        result: Option<Value>,
    },
    /// Has something done outside.
    Task(Box<Task>),
    /// Branches on conditions.
    Choice {
        /// `Choices`, in order.
        rules: Vec<ChoiceRule>,
        /// `Default`.
        default: Option<StateIdx>,
    },
    /// Waits for a time.
    Wait(Wait),
    /// Ends its region well.
    Succeed,
    /// Ends its region with an error.
    Fail {
        /// `Error` or `ErrorPath`.
        error: Option<TextField>,
        /// `Cause` or `CausePath`.
        cause: Option<TextField>,
    },
    /// Runs regions side by side.
    Parallel {
        /// `Branches`, in order.
        branches: Vec<RegionIdx>,
    },
    /// Runs a region for each item.
    Map(Box<Map>),
}

impl StateKind {
    /// The value of `Type`.
    pub fn name(&self) -> &'static str {
        match self {
            StateKind::Pass { .. } => "Pass",
            StateKind::Task(_) => "Task",
            StateKind::Choice { .. } => "Choice",
            StateKind::Wait(_) => "Wait",
            StateKind::Succeed => "Succeed",
            StateKind::Fail { .. } => "Fail",
            StateKind::Parallel { .. } => "Parallel",
            StateKind::Map(_) => "Map",
        }
    }
}

/// What a Task state adds.
#[derive(Debug)]
pub struct Task {
    /// `Resource`, taken apart.
    pub resource: Resource,
    /// `Resource` as written.
    pub resource_arn: Str,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout_seconds: Option<NumberField>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat_seconds: Option<NumberField>,
    /// `Credentials`: an object with `RoleArn`.
    pub credentials: Option<Template>,
}

/// A field that holds a number, or says where to find one.
#[derive(Debug)]
pub enum NumberField {
    /// As written.
    Constant(f64),
    /// The field's `…Path` form.
    Path(Path),
    /// An expression of JSONata.
    Expression(Expression),
}

/// A field that holds a text, or says where to find one.
#[derive(Debug)]
pub enum TextField {
    /// As written.
    Constant(Str),
    /// The field's `…Path` form with a path.
    Path(Path),
    /// The field's `…Path` form with an intrinsic function.
    Intrinsic(Call),
    /// An expression of JSONata.
    Expression(Expression),
}

/// What a Wait state waits for.
#[derive(Debug)]
pub enum Wait {
    /// `Seconds` or `SecondsPath`.
    Seconds(NumberField),
    /// `Timestamp` or `TimestampPath`.
    Timestamp(TextField),
}

/// One rule of a Choice state.
#[derive(Debug)]
pub struct ChoiceRule {
    /// When it applies.
    pub condition: Condition,
    /// `Next`.
    pub next: StateIdx,
    /// `Assign` of the rule.
    pub assign: Option<Template>,
    /// `Output` of the rule, in JSONata.
    pub output: Option<Template>,
}

/// The condition of a Choice rule.
#[derive(Debug)]
pub enum Condition {
    /// All of them, in order, until one is false.
    And(Vec<Condition>),
    /// One of them, in order, until one is true.
    Or(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// `IsPresent`: whether the path finds anything.
    IsPresent {
        /// `Variable`.
        variable: Path,
        /// The operand.
        expected: bool,
    },
    /// `Variable` compared with a constant.
    Compare {
        /// `Variable`.
        variable: Path,
        /// The operator.
        operator: Operator,
        /// The operand.
        operand: Value,
    },
    /// `Variable` compared with what a path selects.
    ComparePath {
        /// `Variable`.
        variable: Path,
        /// The operator without `Path`.
        operator: Operator,
        /// The operand.
        operand: Path,
    },
    /// `Condition` of JSONata.
    Expression(Expression),
    /// `Condition` of JSONata, written as `true` or `false`.
    Constant(bool),
}

/// One entry of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`.
    pub error_equals: Vec<Str>,
    /// `IntervalSeconds`, 1 by default.
    pub interval_s: u32,
    /// `MaxAttempts`, 3 by default; retries, not counting the first try.
    pub attempts_max: u32,
    /// `BackoffRate`, 2.0 by default.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub delay_max_s: Option<u32>,
    /// `JitterStrategy` is `FULL`.
    pub jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug)]
pub struct Catcher {
    /// `ErrorEquals`.
    pub error_equals: Vec<Str>,
    /// `Next`.
    pub next: StateIdx,
    /// `ResultPath` of JSONPath.
    pub result_path: ResultPath,
    /// `Output` of JSONata.
    pub output: Option<Template>,
    /// `Assign`.
    pub assign: Option<Template>,
}

/// What a Map state adds.
#[derive(Debug)]
pub struct Map {
    /// `ItemProcessor` or `Iterator`.
    pub processor: RegionIdx,
    /// `ItemsPath` or `Items`; none: the state's effective input.
    pub items: Items,
    /// `ItemSelector`, or `Parameters` of older definitions.
    pub item_selector: Option<Template>,
    /// The selector was written as `Parameters`.
    pub selector_is_parameters: bool,
    /// `MaxConcurrency` or its path; 0 or none: no limit of its own.
    pub max_concurrency: Option<NumberField>,
    /// `ToleratedFailureCount` or its path.
    pub tolerated_failure_count: Option<NumberField>,
    /// `ToleratedFailurePercentage` or its path.
    pub tolerated_failure_percentage: Option<NumberField>,
    /// What a distributed Map adds; none: inline.
    pub distributed: Option<Distributed>,
}

/// Where a Map state's items come from, if not from an item reader.
#[derive(Debug)]
pub enum Items {
    /// The state's effective input.
    Input,
    /// `ItemsPath`.
    Path(Path),
    /// `Items`: an array template, an object, or an expression.
    Template(Template),
}

/// What a distributed Map adds.
#[derive(Debug)]
pub struct Distributed {
    /// `ExecutionType` of the children.
    pub execution_type: ExecutionType,
    /// `Label`.
    pub label: Option<Str>,
    /// `ItemReader`.
    pub reader: Option<ItemReader>,
    /// `ItemBatcher`.
    pub batcher: Option<ItemBatcher>,
    /// `ResultWriter`.
    pub writer: Option<ResultWriter>,
}

/// Standard or Express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutionType {
    /// Durable, up to a year, with a history.
    #[default]
    Standard,
    /// In memory, up to five minutes.
    Express,
}

impl ExecutionType {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            ExecutionType::Standard => "STANDARD",
            ExecutionType::Express => "EXPRESS",
        }
    }
}

/// `ItemReader`.
#[derive(Debug)]
pub struct ItemReader {
    /// `Resource`.
    pub resource: ReaderResource,
    /// `Parameters` or `Arguments`.
    pub parameters: Option<Template>,
    /// `ReaderConfig`.
    pub config: ReaderConfig,
}

/// What an item reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderResource {
    /// `s3:getObject`: the items inside one object.
    GetObject,
    /// `s3:listObjectsV2`: the objects of a bucket.
    ListObjectsV2,
}

/// `ReaderConfig`.
#[derive(Debug, Default)]
pub struct ReaderConfig {
    /// `InputType`.
    pub input_type: Option<InputType>,
    /// `Transformation` is `LOAD_AND_FLATTEN`.
    pub load_and_flatten: bool,
    /// `ManifestType`.
    pub manifest_type: Option<ManifestType>,
    /// `CSVHeaderLocation` is `GIVEN`: the headers, in order. None: `FIRST_ROW`.
    pub csv_headers: Option<Vec<Str>>,
    /// `CSVDelimiter`.
    pub csv_delimiter: CsvDelimiter,
    /// `ItemsPointer`, a JSON Pointer.
    pub items_pointer: Option<Str>,
    /// `MaxItems` or `MaxItemsPath`.
    pub max_items: Option<NumberField>,
}

/// `InputType` of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputType {
    /// `CSV`
    Csv,
    /// `JSON`
    Json,
    /// `JSONL`
    JsonLines,
    /// `PARQUET`
    Parquet,
    /// `MANIFEST`: the older form of an S3 inventory.
    Manifest,
}

/// `ManifestType` of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestType {
    /// `ATHENA_DATA`
    AthenaData,
    /// `S3_INVENTORY`
    S3Inventory,
}

/// `CSVDelimiter` of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvDelimiter {
    /// `COMMA`
    #[default]
    Comma,
    /// `PIPE`
    Pipe,
    /// `SEMICOLON`
    Semicolon,
    /// `SPACE`
    Space,
    /// `TAB`
    Tab,
}

/// `ItemBatcher`.
#[derive(Debug)]
pub struct ItemBatcher {
    /// `MaxItemsPerBatch` or its path.
    pub items_max: Option<NumberField>,
    /// `MaxInputBytesPerBatch` or its path.
    pub input_bytes_max: Option<NumberField>,
    /// `BatchInput`.
    pub batch_input: Option<Template>,
}

/// `ResultWriter`.
#[derive(Debug)]
pub struct ResultWriter {
    /// `Parameters` or `Arguments` of `s3:putObject`; none: `WriterConfig` alone, which formats the state's result.
    pub destination: Option<Template>,
    /// `Transformation`.
    pub transformation: Option<Transformation>,
    /// `OutputType`.
    pub output_type: Option<OutputType>,
}

/// `Transformation` of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformation {
    /// `NONE`: a description of each child.
    None,
    /// `COMPACT`: the output of each child.
    Compact,
    /// `FLATTEN`: as `COMPACT`, arrays joined.
    Flatten,
}

/// `OutputType` of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputType {
    /// `JSON`
    Json,
    /// `JSONL`
    JsonLines,
}

impl Program {
    /// A region.
    pub fn region(&self, region: RegionIdx) -> &Region {
        &self.regions[region.0 as usize]
    }

    /// A state.
    pub fn state(&self, region: RegionIdx, state: StateIdx) -> &State {
        &self.region(region).states[state.0 as usize]
    }

    /// Finds a state anywhere in the machine by its name.
    pub fn find_state(&self, name: &str) -> Option<(RegionIdx, StateIdx)> {
        self.regions.iter().enumerate().find_map(|(region, content)| {
            let state = content.states.iter().position(|state| state.name == name)?;
            Some((RegionIdx(region as u32), StateIdx(state as u32)))
        })
    }

    /// Number of states, nested ones included.
    pub fn states_count(&self) -> usize {
        self.regions.iter().map(|region| region.states.len()).sum()
    }
}
