//! Distributed Map: the coordinator of a Map Run, pure like the interpreter of an execution.
//!
//! It reads items in order, keeps at most `MaxConcurrency` children open, counts how they end and joins
//! their results. Children are executions of their own; letters carry their starts and ends.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use stepwell_asl::Scope;
use stepwell_asl::intrinsic;
use stepwell_asl::program::{
    Distributed, ExecutionType, ItemBatcher, ItemReader, OutputType, Program, QueryLanguage, ReaderResource, RegionIdx,
    State, StateIdx, StateKind, Transformation,
};
use stepwell_asl::template::{Data, EvaluationError};
use stepwell_value::{Object, Str, Value};

use crate::chance::Draws;
use crate::dataflow::{self, Entered};
use crate::event::ErrorCause;
use crate::execution::{ExecutionId, ExecutionStatus, Identity, Tolerance};
use crate::fork::listed;
use crate::limits::{DISTRIBUTED_MAP_CONCURRENCY_MAX, PAYLOAD_BYTES_MAX};
use crate::signal::MapRunEnd;
use crate::{Execution, Start, Timestamp};

/// Where a Map Run's items come from.
#[derive(Clone, Debug)]
pub enum MapItems {
    /// The state's own data: an array or an object.
    Given(Value),
    /// An item reader.
    Read(Reader),
}

/// What an item reader is asked for.
#[derive(Clone, Debug)]
pub struct Reader {
    /// `s3:getObject` or `s3:listObjectsV2`.
    pub resource: ReaderResource,
    /// `Parameters` or `Arguments`.
    pub parameters: Value,
    /// `MaxItems`, if it is bounded.
    pub items_max: Option<i64>,
}

impl Reader {
    pub(crate) fn of(reader: &ItemReader, entered: &Entered<'_>, state: &State) -> Result<Reader, EvaluationError> {
        let field = match state.query_language {
            QueryLanguage::JsonPath => "ItemReader/Parameters",
            QueryLanguage::Jsonata => "ItemReader/Arguments",
        };
        let parameters = match &reader.parameters {
            Some(parameters) => parameters.evaluate(field, entered.data())?,
            None => Value::empty_object(),
        };
        let items_max = match &reader.config.max_items {
            Some(field) => Some(dataflow::integer(field, "MaxItems", entered.data())?),
            None => None,
        };
        Ok(Reader { resource: reader.resource, parameters, items_max })
    }

    /// `Map.Item.Source` of its items.
    fn source(&self) -> String {
        let part = |name| self.parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        match self.resource {
            ReaderResource::ListObjectsV2 => format!("S3://{}", part("Bucket")),
            ReaderResource::GetObject => format!("S3://{}/{}", part("Bucket"), part("Key")),
        }
    }
}

/// `ItemBatcher`, worked out.
#[derive(Clone, Debug)]
pub struct Batching {
    items_max: Option<u64>,
    bytes_max: u64,
    input: Option<Value>,
}

impl Batching {
    pub(crate) fn of(batcher: &ItemBatcher, entered: &Entered<'_>) -> Result<Batching, EvaluationError> {
        let bound = |field: &Option<_>, name: &'static str| {
            let Some(field) = field else { return Ok(None) };
            let bound = dataflow::integer(field, name, entered.data())?;
            match u64::try_from(bound) {
                Ok(0) => Ok(None),
                Ok(bound) => Ok(Some(bound)),
                Err(_) => Err(EvaluationError::runtime(format!("{name} must be positive, but is {bound}"))),
            }
        };
        let items_max = bound(&batcher.items_max, "MaxItemsPerBatch")?;
        let bytes_max = bound(&batcher.input_bytes_max, "MaxInputBytesPerBatch")?;
        let input = match &batcher.batch_input {
            Some(input) => Some(input.evaluate("ItemBatcher/BatchInput", entered.data())?),
            None => None,
        };
        let bytes_max = bytes_max.unwrap_or(u64::MAX).min(PAYLOAD_BYTES_MAX as u64);
        Ok(Batching { items_max, bytes_max, input })
    }

    /// The input of a child for some items; the wrapper counts towards the bytes.
    fn wrap(&self, items: Vec<Value>) -> Value {
        let mut input = Object::with_capacity(2);
        if let Some(batch_input) = &self.input {
            input.insert("BatchInput", batch_input.clone());
        }
        input.insert("Items", items.into());
        input.into()
    }
}

/// What `ItemSelector` reads besides the item: frozen when the Map state started.
#[derive(Clone, Debug)]
pub struct Selector {
    pub(crate) data: Value,
    pub(crate) context: Value,
}

/// What has to be known to start a Map Run.
#[derive(Clone, Debug)]
pub struct MapRunStart {
    /// Its ARN.
    pub map_run_arn: Str,
    /// The execution that waits for it.
    pub parent: Arc<Identity>,
    /// The Map state.
    pub state: (RegionIdx, StateIdx),
    /// Its items.
    pub items: MapItems,
    seed: u64,
    label: Str,
    selector: Selector,
    variables: Object,
    concurrency: u32,
    tolerated: Option<Tolerance>,
    batching: Option<Batching>,
    destination: Option<Value>,
    execution_type: ExecutionType,
    transformation: Option<Transformation>,
    output_type: Option<OutputType>,
}

impl MapRunStart {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        parent: Arc<Identity>,
        state: (RegionIdx, StateIdx),
        seed: u64,
        items: MapItems,
        selector: Selector,
        variables: Object,
        concurrency: u32,
        tolerated: Option<Tolerance>,
        batching: Option<Batching>,
        destination: Option<Value>,
        distributed: &Distributed,
    ) -> MapRunStart {
        let draws = Draws::new(seed, 0);
        let label = distributed.label.clone().unwrap_or_else(|| Str::from(intrinsic::uuid(draws.next(), draws.next())));
        let run = intrinsic::uuid(draws.next(), draws.next());
        let map_run_arn =
            Str::from(format!("{}/{label}:{run}", parent.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1)));
        let writer = distributed.writer.as_ref();
        MapRunStart {
            map_run_arn,
            parent,
            state,
            items,
            seed,
            label,
            selector,
            variables,
            concurrency,
            tolerated,
            batching,
            destination,
            execution_type: distributed.execution_type,
            transformation: writer.and_then(|writer| writer.transformation),
            output_type: writer.and_then(|writer| writer.output_type),
        }
    }
}

/// What reaches a Map Run.
#[derive(Clone, Debug)]
pub enum MapRunSignal {
    /// Its first step.
    Start,
    /// The reader's items.
    ItemsRead(Value),
    /// The reader failed: `States.ItemReaderFailed`.
    ReadFailed(ErrorCause),
    /// A child ended.
    ChildEnded {
        /// Its number.
        child: u32,
        /// How.
        end: Box<ChildEnd>,
    },
    /// The writer wrote the results: the state's result.
    ResultsWritten(Value),
    /// Nobody here can read or write for it; the cause says what to add.
    CannotRun(Str),
    /// Its execution does not wait for it any longer.
    Stop,
}

/// How a child execution ended.
#[derive(Clone, Debug)]
pub struct ChildEnd {
    status: ExecutionStatus,
    output: Option<Value>,
    error: ErrorCause,
    identity: Arc<Identity>,
    input: Value,
    started: Timestamp,
    stopped: Timestamp,
    redrive_count: u32,
}

impl ChildEnd {
    /// The end of an execution that has ended.
    pub fn of(execution: &Execution) -> ChildEnd {
        ChildEnd {
            status: execution.status(),
            output: execution.output().map(|output| output.value().clone()),
            error: execution.error().clone(),
            identity: execution.identity.clone(),
            input: execution.input().value().clone(),
            started: execution.started(),
            stopped: execution.stopped().unwrap_or(execution.started()),
            redrive_count: execution.redrive_count(),
        }
    }

    /// The child as `Transformation: NONE` describes it.
    fn description(&self) -> Value {
        let included = || [("Included", Value::Bool(true))].into_iter().collect::<Value>();
        let mut description = Object::with_capacity(14);
        if let Some(cause) = &self.error.cause {
            description.insert("Cause", cause.clone().into());
        }
        if let Some(error) = &self.error.error {
            description.insert("Error", error.clone().into());
        }
        description.insert("ExecutionArn", self.identity.arn.clone().into());
        description.insert("Input", self.input.to_string().into());
        description.insert("InputDetails", included());
        description.insert("Name", self.identity.name.clone().into());
        if let Some(output) = &self.output {
            description.insert("Output", output.to_string().into());
            description.insert("OutputDetails", included());
        }
        description.insert("RedriveCount", self.redrive_count.into());
        let (redrivable, reason) = match self.status {
            ExecutionStatus::Succeeded => ("NOT_REDRIVABLE", Some("Execution is SUCCEEDED and cannot be redriven")),
            _ => ("REDRIVABLE_BY_MAP_RUN", None),
        };
        description.insert("RedriveStatus", redrivable.into());
        if let Some(reason) = reason {
            description.insert("RedriveStatusReason", reason.into());
        }
        description.insert("StartDate", self.started.with_milliseconds().into());
        description.insert("StateMachineArn", self.identity.state_machine_arn.clone().into());
        description.insert("Status", self.status.name().into());
        description.insert("StopDate", self.stopped.with_milliseconds().into());
        description.into()
    }
}

/// What a Map Run has done outside.
#[derive(Clone, Debug)]
pub enum MapRunEffect {
    /// Read the items; answer with [`MapRunSignal::ItemsRead`], `ReadFailed` or `CannotRun`.
    Read(Reader),
    /// Start a child execution.
    StartChild {
        /// Its number.
        child: u32,
        /// What it starts with.
        start: Box<Start>,
    },
    /// Stop a child execution.
    StopChild(ExecutionId),
    /// Write the results; answer with [`MapRunSignal::ResultsWritten`] or `CannotRun`.
    Write {
        /// `Bucket` and `Prefix`.
        destination: Value,
        /// The results.
        results: Value,
    },
    /// Tell the execution that waits.
    Ended(MapRunEnd),
}

/// How many of something stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not started.
    pub pending: u64,
    /// Started.
    pub running: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Ran into their time limit.
    pub timed_out: u64,
    /// Stopped.
    pub aborted: u64,
    /// All of them.
    pub total: u64,
}

impl Counts {
    fn end(&mut self, status: ExecutionStatus, n: u64) {
        self.running -= n;
        match status {
            ExecutionStatus::Succeeded => self.succeeded += n,
            ExecutionStatus::TimedOut => self.timed_out += n,
            ExecutionStatus::Aborted => self.aborted += n,
            ExecutionStatus::Failed | ExecutionStatus::Running => self.failed += n,
        }
    }
}

/// A Map Run.
#[derive(Debug)]
pub struct MapRun {
    start: MapRunStart,
    source: String,
    pending: VecDeque<(Option<Str>, Value)>,
    next_index: u32,
    next_child: u32,
    open: BTreeMap<u32, (ExecutionId, u64)>,
    results: Vec<Option<Value>>,
    items: Counts,
    executions: Counts,
    is_reading: bool,
    ended: bool,
}

impl MapRun {
    /// A Map Run that has not taken its first step.
    pub fn new(start: MapRunStart) -> MapRun {
        MapRun {
            start,
            source: String::from("STATE_DATA"),
            pending: VecDeque::new(),
            next_index: 0,
            next_child: 0,
            open: BTreeMap::new(),
            results: Vec::new(),
            items: Counts::default(),
            executions: Counts::default(),
            is_reading: false,
            ended: false,
        }
    }

    /// What it started with.
    pub fn start(&self) -> &MapRunStart {
        &self.start
    }

    /// Counts of items.
    pub fn item_counts(&self) -> Counts {
        self.items
    }

    /// Counts of child executions.
    pub fn execution_counts(&self) -> Counts {
        self.executions
    }

    /// Whether it has told its execution how it ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing will reach it any more.
    pub fn is_over(&self) -> bool {
        self.ended && self.open.is_empty()
    }

    /// Applies one signal. Pure, as [`crate::step`] is.
    pub fn step(&mut self, program: &Program, signal: MapRunSignal, now: Timestamp) -> Vec<MapRunEffect> {
        let mut effects = Vec::new();
        if self.ended {
            if let MapRunSignal::ChildEnded { child, .. } = signal {
                self.open.remove(&child);
            }
            return effects;
        }
        match signal {
            MapRunSignal::Start => match self.start.items.clone() {
                MapItems::Given(items) => self.take_items(&items),
                MapItems::Read(reader) => {
                    if reader.items_max.is_some_and(|max| max <= 0) {
                        let error = ErrorCause::new("States.ItemReaderFailed", "field MaxItems must be positive");
                        self.end(MapRunEnd::Failed(error), &mut effects);
                        return effects;
                    }
                    self.is_reading = true;
                    self.source = reader.source();
                    effects.push(MapRunEffect::Read(reader));
                    return effects;
                }
            },
            MapRunSignal::ItemsRead(items) => {
                self.is_reading = false;
                if !matches!(items, Value::Array(_) | Value::Object(_)) {
                    let cause = "Attempting to map over non-iterable node.";
                    self.end(MapRunEnd::Failed(ErrorCause::new("States.ItemReaderFailed", cause)), &mut effects);
                    return effects;
                }
                self.take_items(&items);
            }
            MapRunSignal::ReadFailed(error) => {
                self.end(MapRunEnd::Failed(error), &mut effects);
                return effects;
            }
            MapRunSignal::ChildEnded { child, end } => {
                if self.child_ended(child, *end) {
                    let error = ErrorCause::new(
                        "States.ExceedToleratedFailureThreshold",
                        "The specified tolerated failure threshold was exceeded",
                    );
                    self.end(MapRunEnd::Failed(error), &mut effects);
                    return effects;
                }
            }
            MapRunSignal::ResultsWritten(result) => {
                self.end(MapRunEnd::Succeeded(result), &mut effects);
                return effects;
            }
            MapRunSignal::CannotRun(cause) => {
                self.end(MapRunEnd::CannotRun(cause), &mut effects);
                return effects;
            }
            MapRunSignal::Stop => {
                self.stop_children(&mut effects);
                self.ended = true;
                return effects;
            }
        }
        self.go_on(program, now, &mut effects);
        effects
    }

    fn take_items(&mut self, items: &Value) {
        self.pending = listed(items).into();
        if let MapItems::Read(Reader { items_max: Some(max), .. }) = &self.start.items {
            self.pending.truncate(usize::try_from(*max).unwrap_or(usize::MAX));
        }
        self.items.pending = self.pending.len() as u64;
        self.items.total = self.items.pending;
    }

    /// Takes note of how a child ended; whether too many have failed now.
    fn child_ended(&mut self, child: u32, end: ChildEnd) -> bool {
        let Some((_, n_items)) = self.open.remove(&child) else { return false };
        self.items.end(end.status, n_items);
        self.executions.end(end.status, 1);
        let succeeded = end.status == ExecutionStatus::Succeeded;
        let described = !succeeded
            || match (self.start.transformation, &self.start.destination) {
                (Some(transformation), _) => transformation == Transformation::None,
                (None, destination) => destination.is_some(),
            };
        let result = if described { end.description() } else { end.output.unwrap_or_default() };
        self.results[child as usize] = Some(result);
        let failed = self.items.failed + self.items.timed_out + self.items.aborted;
        let tolerated = self.start.tolerated.unwrap_or(Tolerance { count: None, percentage: None });
        !succeeded && tolerated.is_exceeded(failed, self.items.total)
    }

    fn go_on(&mut self, program: &Program, now: Timestamp, effects: &mut Vec<MapRunEffect>) {
        let window = match self.start.concurrency {
            0 => DISTRIBUTED_MAP_CONCURRENCY_MAX,
            given => (given as usize).min(DISTRIBUTED_MAP_CONCURRENCY_MAX),
        };
        while self.open.len() < window && !self.pending.is_empty() {
            if let Err(error) = self.start_child(program, now, effects) {
                return self.end(MapRunEnd::Failed(error), effects);
            }
        }
        if self.open.is_empty() && self.pending.is_empty() && !self.is_reading {
            self.finish(effects);
        }
    }

    fn finish(&mut self, effects: &mut Vec<MapRunEffect>) {
        let mut results = Vec::with_capacity(self.results.len());
        for result in self.results.drain(..).flatten() {
            match (self.start.transformation, result) {
                (Some(Transformation::Flatten), Value::Array(inner)) => results.extend(inner.iter().cloned()),
                (_, result) => results.push(result),
            }
        }
        // AWS does not document what JSON Lines look like as a state's result; a text is what they are.
        let lines = self.start.output_type == Some(OutputType::JsonLines) && self.start.destination.is_none();
        let results = if lines {
            Value::from(results.iter().map(|result| format!("{result}\n")).collect::<String>())
        } else {
            Value::from(results)
        };
        match self.start.destination.clone() {
            Some(destination) => effects.push(MapRunEffect::Write { destination, results }),
            None => self.end(MapRunEnd::Succeeded(results), effects),
        }
    }

    fn start_child(
        &mut self,
        program: &Program,
        now: Timestamp,
        effects: &mut Vec<MapRunEffect>,
    ) -> Result<(), ErrorCause> {
        let (region, state) = self.start.state;
        let state = program.state(region, state);
        let StateKind::Map(map) = &state.kind else { return Ok(()) };
        let (input, n_items) = match self.start.batching.clone() {
            None => (self.next_item(state, map.item_selector.as_ref(), now)?.unwrap_or_default(), 1),
            Some(batching) => self.next_batch(&batching, state, map.item_selector.as_ref(), now)?,
        };
        let child = self.next_child;
        self.next_child += 1;
        self.items.pending -= n_items;
        self.items.running += n_items;
        self.executions.running += 1;
        self.executions.total += 1;
        self.results.push(None);
        let start = self.child_start(child, map.processor, input);
        self.open.insert(child, (start.identity.id, n_items));
        effects.push(MapRunEffect::StartChild { child, start: Box::new(start) });
        Ok(())
    }

    fn next_batch(
        &mut self,
        batching: &Batching,
        state: &State,
        selector: Option<&stepwell_asl::template::Template>,
        now: Timestamp,
    ) -> Result<(Value, u64), ErrorCause> {
        let mut items = Vec::new();
        let mut bytes = batching.wrap(Vec::new()).json_len() as u64;
        while batching.items_max.is_none_or(|max| (items.len() as u64) < max) {
            let Some(waiting) = self.pending.front().cloned() else { break };
            let Some(item) = self.next_item(state, selector, now)? else { break };
            let grown = bytes + item.json_len() as u64 + u64::from(!items.is_empty());
            if grown > batching.bytes_max {
                if items.is_empty() {
                    let cause = format!("An item does not fit a batch of {} bytes.", batching.bytes_max);
                    return Err(ErrorCause::new("States.DataLimitExceeded", cause));
                }
                // It opens the next batch.
                self.pending.push_front(waiting);
                self.next_index -= 1;
                break;
            }
            bytes = grown;
            items.push(item);
        }
        let n_items = items.len() as u64;
        Ok((batching.wrap(items), n_items))
    }

    /// The next item, as `ItemSelector` makes it.
    fn next_item(
        &mut self,
        state: &State,
        selector: Option<&stepwell_asl::template::Template>,
        now: Timestamp,
    ) -> Result<Option<Value>, ErrorCause> {
        let Some((key, item)) = self.pending.pop_front() else { return Ok(None) };
        let index = self.next_index;
        self.next_index += 1;
        let Some(selector) = selector else { return Ok(Some(item)) };
        let scope = ItemScope {
            run: self,
            index,
            key: key.as_ref(),
            // The context's value of an object's member is the member's value, not the pair.
            item: if key.is_some() { item.get("Value").unwrap_or(&item) } else { &item },
            now,
            draws: Draws::new(self.start.seed, index.wrapping_add(1)),
            context: OnceCell::new(),
        };
        let data = Data::new(&self.start.selector.data, &scope);
        selector.evaluate("ItemSelector", data).map(Some).map_err(|error| {
            let cause = format!("An error occurred while executing the state '{}'. {}", state.name, error.cause);
            ErrorCause::new(error.name.as_str(), cause)
        })
    }

    fn child_start(&self, child: u32, root: RegionIdx, input: Value) -> Start {
        let parent = &self.start.parent;
        let draws = Draws::new(self.start.seed ^ 0xC41D, child);
        let name = Str::from(intrinsic::uuid(draws.next(), draws.next()));
        let machine = format!("{}/{}", parent.state_machine_arn, self.start.label);
        let (resource, suffix) = match self.start.execution_type {
            ExecutionType::Standard => (":execution:", String::new()),
            ExecutionType::Express => (":express:", format!(":{}", intrinsic::uuid(draws.next(), draws.next()))),
        };
        let arn = format!("{}:{name}{suffix}", machine.replacen(":stateMachine:", resource, 1));
        let identity = Identity {
            id: ExecutionId(u128::from(draws.next()) << 64 | u128::from(draws.next())),
            arn: arn.into(),
            name,
            state_machine_arn: machine.into(),
            state_machine_name: Str::from(format!("{}/{}", parent.state_machine_name, self.start.label)),
            role_arn: parent.role_arn.clone(),
            version_arn: None,
            alias_arn: None,
            execution_type: self.start.execution_type,
            shows_redrive_count: true,
            region: parent.region.clone(),
            seed: draws.next(),
            root,
        };
        Start { identity: Arc::new(identity), input, input_text: None, deadline: None }
    }

    fn end(&mut self, end: MapRunEnd, effects: &mut Vec<MapRunEffect>) {
        self.stop_children(effects);
        self.ended = true;
        effects.push(MapRunEffect::Ended(end));
    }

    fn stop_children(&self, effects: &mut Vec<MapRunEffect>) {
        effects.extend(self.open.values().map(|(id, _)| MapRunEffect::StopChild(*id)));
    }
}

/// What `ItemSelector` sees for one item.
struct ItemScope<'a> {
    run: &'a MapRun,
    index: u32,
    key: Option<&'a Str>,
    item: &'a Value,
    now: Timestamp,
    draws: Draws,
    context: OnceCell<Value>,
}

impl Scope for ItemScope<'_> {
    fn context(&self) -> &Value {
        self.context.get_or_init(|| {
            let mut item = Object::with_capacity(4);
            item.insert("Index", self.index.into());
            if let Some(key) = self.key {
                item.insert("Key", key.clone().into());
            }
            item.insert("Value", self.item.clone());
            item.insert("Source", self.run.source.as_str().into());
            let mut context = self.run.start.selector.context.as_object().cloned().unwrap_or_default();
            context.insert("Map", [("Item", item.into())].into_iter().collect());
            context.into()
        })
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.run.start.variables.get(name)
    }

    fn now_ms(&self) -> i64 {
        self.now.0
    }

    fn random(&self) -> u64 {
        self.draws.next()
    }
}
