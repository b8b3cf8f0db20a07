//! Distributed Map: the coordinator of a Map Run, pure like the interpreter of an execution.
//!
//! It reads items in order, keeps at most `MaxConcurrency` children open, counts how they end and joins
//! their results. Children are executions of their own; letters carry their starts and ends.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_asl::Scope;
use stepwell_asl::intrinsic;
use stepwell_asl::program::{
    Distributed, ExecutionType, ItemBatcher, ItemReader, Map, OutputType, Program, QueryLanguage, ReaderResource,
    RegionIdx, State, StateIdx, StateKind, Transformation,
};
use stepwell_asl::template::{Data, EvaluationError};
use stepwell_value::{Object, Str, Value};

use crate::chance::Draws;
use crate::dataflow::{self, Entered};
use crate::event::ErrorCause;
use crate::execution::{ChildOf, ExecutionId, ExecutionStatus, Frame, Identity, Tolerance};
use crate::failure::{Failure, in_state};
use crate::fork::STATE_DATA;
use crate::limits::{
    DISTRIBUTED_MAP_CONCURRENCY_MAX, MAP_RUN_STARTS_MAX, PAYLOAD_BYTES_MAX, STEP_FUEL_MAX, STEP_PAYLOAD_BYTES_MAX,
};
use crate::signal::MapRunEnd;
use crate::{Execution, Start, Timestamp};

/// Where a Map Run's items come from.
#[derive(Clone, Debug, PartialEq)]
pub enum MapItems {
    /// The state's own data: an array or an object.
    Given(Value),
    /// An item reader.
    Read(Reader),
}

/// What an item reader is asked for.
#[derive(Clone, Debug, PartialEq)]
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
}

impl MapItems {
    /// `Map.Item.Source`
    fn source(&self) -> String {
        let MapItems::Read(Reader { resource, parameters, .. }) = self else { return STATE_DATA.into() };
        let part = |name| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        match resource {
            ReaderResource::ListObjectsV2 => format!("S3://{}", part("Bucket")),
            ReaderResource::GetObject => format!("S3://{}/{}", part("Bucket"), part("Key")),
        }
    }
}

/// `ItemBatcher`, worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Batching {
    pub(crate) items_max: Option<u64>,
    pub(crate) bytes_max: u64,
    pub(crate) input: Option<Value>,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    pub(crate) data: Value,
    pub(crate) context: Value,
    pub(crate) variables: Object,
}

/// What a distributed Map state has worked out when it starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MapRunPlan {
    pub(crate) items: MapItems,
    pub(crate) selector: Selector,
    pub(crate) concurrency: u32,
    pub(crate) tolerated: Option<Tolerance>,
    pub(crate) batching: Option<Batching>,
    /// Where the results are written, if they are.
    pub(crate) destination: Option<Value>,
}

/// What has to be known to start a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunStart {
    /// Its ARN.
    pub map_run_arn: Str,
    /// The execution that waits for it.
    pub parent: Arc<Identity>,
    /// The Map state.
    pub state: (RegionIdx, StateIdx),
    /// The Map state's `MapStateEntered` event.
    pub(crate) entered_event: u32,
    pub(crate) seed: u64,
    pub(crate) label: Str,
    pub(crate) plan: MapRunPlan,
}

impl MapRunStart {
    pub(crate) fn new(
        parent: Arc<Identity>,
        frame: &Frame,
        seed: u64,
        plan: MapRunPlan,
        distributed: &Distributed,
    ) -> MapRunStart {
        let draws = Draws::new(seed, 0);
        let label = distributed.label.clone().unwrap_or_else(|| Str::from(intrinsic::uuid(draws.next(), draws.next())));
        let run = intrinsic::uuid(draws.next(), draws.next());
        let map_run_arn =
            Str::from(format!("{}/{label}:{run}", parent.state_machine_arn.replacen(":stateMachine:", ":mapRun:", 1)));
        MapRunStart {
            map_run_arn,
            parent,
            state: (frame.region, frame.state),
            entered_event: frame.entered_event,
            seed,
            label,
            plan,
        }
    }

    /// The children's state machine: the execution's with the Map state's label.
    pub fn state_machine_arn(&self) -> Str {
        Str::from(format!("{}/{}", self.parent.state_machine_arn, self.label))
    }

    /// `MaxConcurrency`; 0: no limit of its own.
    pub fn concurrency(&self) -> u32 {
        self.plan.concurrency
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
    /// The writer failed: `States.ResultWriterFailed`.
    WriteFailed(ErrorCause),
    /// Go on after a step that started as many children as one may.
    Continue,
    /// Nobody here can read or write for it; the cause says what to add.
    CannotRun(Str),
    /// Its execution does not wait for it any longer.
    Stop,
}

/// How a child execution ended.
#[derive(Clone, Debug)]
pub struct ChildEnd {
    pub(crate) status: ExecutionStatus,
    pub(crate) output: Option<Value>,
    pub(crate) error: ErrorCause,
    pub(crate) identity: Arc<Identity>,
    pub(crate) input: Value,
    pub(crate) started: Timestamp,
    pub(crate) stopped: Timestamp,
    pub(crate) redrive_count: u32,
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
    /// Start a child execution: [`Execution::of_map_run`].
    StartChild {
        /// What it starts with.
        start: Box<Start>,
        /// Its place in the Map Run.
        child_of: ChildOf,
    },
    /// Stop a child execution.
    StopChild(ExecutionId),
    /// Write the results; answer with [`MapRunSignal::ResultsWritten`], `WriteFailed` or `CannotRun`.
    Write {
        /// `Bucket` and `Prefix`.
        destination: Value,
        /// The results.
        results: Value,
    },
    /// Send it [`MapRunSignal::Continue`], behind the letters of its neighbours.
    GoOn,
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
#[derive(Clone, Debug, PartialEq)]
pub struct MapRun {
    pub(crate) start: MapRunStart,
    pub(crate) stage: MapRunStage,
    /// Never `TimedOut`.
    pub(crate) status: ExecutionStatus,
    pub(crate) started: Timestamp,
    pub(crate) stopped: Option<Timestamp>,
    /// An array or an object, once it is known.
    pub(crate) items: Value,
    /// How many of them are used: `MaxItems` may leave some out.
    pub(crate) length: u32,
    /// The next item to start.
    pub(crate) next_index: u32,
    /// A `Continue` is under way.
    pub(crate) goes_on: bool,
    /// Children that have not ended.
    pub(crate) open: BTreeMap<u32, OpenChild>,
    /// Results of children that have ended, by their numbers.
    pub(crate) results: Vec<Option<Value>>,
    pub(crate) item_counts: Counts,
    pub(crate) execution_counts: Counts,
    pub(crate) unwritten: UnwrittenMapRun,
}

/// A child that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpenChild {
    pub(crate) id: ExecutionId,
    pub(crate) item_count: u32,
    /// The input of an Express child, which after a crash is started again.
    pub(crate) input: Option<Value>,
}

/// What of a Map Run has to be written besides its root.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnwrittenMapRun {
    pub(crate) plan: bool,
    pub(crate) items: bool,
    pub(crate) children: BTreeSet<u32>,
}

/// What a Map Run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapRunStage {
    /// Its first step.
    New,
    /// The reader.
    Reading,
    /// Its children.
    Running,
    /// The writer.
    Writing,
    /// Nothing but the ends of children that were stopped.
    Ended,
}

impl MapRunStage {
    pub(crate) const ALL: [MapRunStage; 5] = {
        use MapRunStage::{Ended, New, Reading, Running, Writing};
        [New, Reading, Running, Writing, Ended]
    };
}

impl MapRun {
    /// A Map Run that has not taken its first step.
    pub fn new(start: MapRunStart, now: Timestamp) -> MapRun {
        let has_items = matches!(start.plan.items, MapItems::Given(_));
        MapRun {
            start,
            stage: MapRunStage::New,
            status: ExecutionStatus::Running,
            started: now,
            stopped: None,
            items: Value::Null,
            length: 0,
            next_index: 0,
            goes_on: false,
            open: BTreeMap::new(),
            results: Vec::new(),
            item_counts: Counts::default(),
            execution_counts: Counts::default(),
            unwritten: UnwrittenMapRun { plan: true, items: has_items, children: BTreeSet::new() },
        }
    }

    /// What it started with.
    pub fn start(&self) -> &MapRunStart {
        &self.start
    }

    /// Where it stands; never `TimedOut`.
    pub fn status(&self) -> ExecutionStatus {
        self.status
    }

    /// When it started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// When it ended.
    pub fn stopped(&self) -> Option<Timestamp> {
        self.stopped
    }

    /// Counts of items.
    pub fn item_counts(&self) -> Counts {
        self.item_counts
    }

    /// Counts of child executions.
    pub fn execution_counts(&self) -> Counts {
        self.execution_counts
    }

    /// Whether it has told its execution how it ended.
    pub fn has_ended(&self) -> bool {
        self.stage == MapRunStage::Ended
    }

    /// Whether nothing will reach it any more.
    pub fn is_over(&self) -> bool {
        self.has_ended() && self.open.is_empty()
    }

    /// Applies one signal. Pure, as [`crate::step`] is; signals that come too late change nothing.
    pub fn step(&mut self, program: &Program, signal: MapRunSignal, now: Timestamp) -> Vec<MapRunEffect> {
        let Some(mut step) = MapRunStep::of(program, &self.start, now) else { return Vec::new() };
        match (self.stage, signal) {
            (MapRunStage::New, MapRunSignal::Start) => self.begin(&mut step),
            (MapRunStage::Reading, MapRunSignal::ItemsRead(items)) => self.items_read(items, &mut step),
            (MapRunStage::Reading, MapRunSignal::ReadFailed(error))
            | (MapRunStage::Writing, MapRunSignal::WriteFailed(error)) => {
                self.fail(error, &mut step);
            }
            (MapRunStage::Running | MapRunStage::Ended, MapRunSignal::ChildEnded { child, end }) => {
                self.child_ended(child, *end, &mut step);
            }
            (MapRunStage::Running, MapRunSignal::Continue) => {
                self.goes_on = false;
                self.go_on(&mut step);
            }
            (MapRunStage::Writing, MapRunSignal::ResultsWritten(result)) => {
                self.end(MapRunEnd::Succeeded(result), &mut step);
            }
            (MapRunStage::Ended, _) => {}
            (_, MapRunSignal::CannotRun(cause)) => self.end(MapRunEnd::CannotRun(cause), &mut step),
            (_, MapRunSignal::Stop) => self.close(ExecutionStatus::Aborted, &mut step),
            _ => {}
        }
        step.effects
    }

    fn begin(&mut self, step: &mut MapRunStep<'_>) {
        match self.start.plan.items.clone() {
            MapItems::Given(items) => self.run(items, step),
            MapItems::Read(reader) if reader.items_max.is_some_and(|max| max <= 0) => {
                let error = ErrorCause::new("States.ItemReaderFailed", "field MaxItems must be positive");
                self.fail(error, step);
            }
            MapItems::Read(reader) => {
                self.stage = MapRunStage::Reading;
                step.effects.push(MapRunEffect::Read(reader));
            }
        }
    }

    fn items_read(&mut self, items: Value, step: &mut MapRunStep<'_>) {
        if matches!(items, Value::Array(_) | Value::Object(_)) {
            self.unwritten.items = true;
            return self.run(items, step);
        }
        let error = ErrorCause::new("States.ItemReaderFailed", "Attempting to map over non-iterable node.");
        self.fail(error, step);
    }

    fn run(&mut self, items: Value, step: &mut MapRunStep<'_>) {
        let length = match &items {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        let items_max = match &self.start.plan.items {
            MapItems::Read(Reader { items_max: Some(max), .. }) => u32::try_from(*max).unwrap_or(u32::MAX),
            _ => u32::MAX,
        };
        self.length = u32::try_from(length).unwrap_or(u32::MAX).min(items_max);
        self.items = items;
        self.item_counts.pending = self.length.into();
        self.item_counts.total = self.length.into();
        self.stage = MapRunStage::Running;
        self.go_on(step);
    }

    fn child_ended(&mut self, child: u32, end: ChildEnd, step: &mut MapRunStep<'_>) {
        let Some(open) = self.open.remove(&child) else { return };
        self.count_end(&open, end.status);
        self.unwritten.children.insert(child);
        if self.stage == MapRunStage::Ended {
            return;
        }
        let succeeded = end.status == ExecutionStatus::Succeeded;
        if !succeeded && self.is_threshold_exceeded() {
            let error = ErrorCause::new(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            );
            return self.fail(error, step);
        }
        let described = !succeeded || step.transformation(&self.start.plan) == Transformation::None;
        let result = if described { end.description() } else { end.output.unwrap_or_default() };
        self.results[child as usize] = Some(result);
        self.go_on(step);
    }

    fn count_end(&mut self, child: &OpenChild, status: ExecutionStatus) {
        self.item_counts.end(status, child.item_count.into());
        self.execution_counts.end(status, 1);
    }

    fn is_threshold_exceeded(&self) -> bool {
        let Counts { failed, timed_out, aborted, total, .. } = self.item_counts;
        let tolerated = self.start.plan.tolerated.unwrap_or(Tolerance { count: None, percentage: None });
        tolerated.is_exceeded(failed + timed_out + aborted, total)
    }

    /// Starts children as long as there are items, room in the window, and budget in the step.
    fn go_on(&mut self, step: &mut MapRunStep<'_>) {
        let window = match self.start.plan.concurrency {
            0 => DISTRIBUTED_MAP_CONCURRENCY_MAX,
            given => (given as usize).min(DISTRIBUTED_MAP_CONCURRENCY_MAX),
        };
        let (mut started, mut bytes) = (0, 0);
        while self.open.len() < window && self.next_index < self.length {
            let is_budget_used =
                started >= MAP_RUN_STARTS_MAX || bytes >= STEP_PAYLOAD_BYTES_MAX || step.fuel.get() >= STEP_FUEL_MAX;
            if is_budget_used {
                if !self.goes_on {
                    self.goes_on = true;
                    step.effects.push(MapRunEffect::GoOn);
                }
                return;
            }
            match self.start_child(step) {
                Ok(input_bytes) => bytes += input_bytes,
                Err(error) => return self.fail(error, step),
            }
            started += 1;
        }
        if self.open.is_empty() {
            self.finish(step);
        }
    }

    fn finish(&mut self, step: &mut MapRunStep<'_>) {
        let results = self.joined_results(step);
        if let Some(destination) = self.start.plan.destination.clone() {
            self.stage = MapRunStage::Writing;
            step.effects.push(MapRunEffect::Write { destination, results: results.into() });
            return;
        }
        let writer = step.distributed.writer.as_ref();
        // AWS does not document what JSON Lines look like as a state's result; a text is what they are.
        let result = match writer.and_then(|writer| writer.output_type) {
            Some(OutputType::JsonLines) => {
                results.iter().map(|result| format!("{result}\n")).collect::<String>().into()
            }
            Some(OutputType::Json) | None => Value::from(results),
        };
        let end = match result.json_len() > PAYLOAD_BYTES_MAX {
            true => MapRunEnd::Failed(Failure::data_limit(&step.state.name).error),
            false => MapRunEnd::Succeeded(result),
        };
        self.end(end, step);
    }

    fn joined_results(&self, step: &MapRunStep<'_>) -> Vec<Value> {
        let flattens = step.transformation(&self.start.plan) == Transformation::Flatten;
        let mut results = Vec::with_capacity(self.results.len());
        for result in self.results.iter().flatten() {
            match result {
                Value::Array(inner) if flattens => results.extend(inner.iter().cloned()),
                result => results.push(result.clone()),
            }
        }
        results
    }

    /// Starts the next child; gives the size of its input.
    fn start_child(&mut self, step: &mut MapRunStep<'_>) -> Result<usize, ErrorCause> {
        let first = self.next_index;
        let input = match &self.start.plan.batching {
            None => {
                let input = self.item(first, step)?;
                self.next_index += 1;
                input
            }
            Some(batching) => {
                let (input, next_index) = self.batch(batching, step)?;
                self.next_index = next_index;
                input
            }
        };
        let input_bytes = input.json_len();
        if input_bytes > PAYLOAD_BYTES_MAX {
            return Err(Failure::data_limit(&step.state.name).error);
        }
        let item_count = self.next_index - first;
        let child = self.results.len() as u32;
        self.results.push(None);
        self.item_counts.pending -= u64::from(item_count);
        self.item_counts.running += u64::from(item_count);
        self.execution_counts.running += 1;
        self.execution_counts.total += 1;
        let start = self.child_start(child, step, input.clone());
        let starts_again = step.distributed.execution_type == ExecutionType::Express;
        let open = OpenChild { id: start.identity.id, item_count, input: starts_again.then_some(input) };
        self.open.insert(child, open);
        self.unwritten.children.insert(child);
        step.effects.push(self.start_of(child, item_count, start));
        Ok(input_bytes)
    }

    fn start_of(&self, child: u32, item_count: u32, start: Start) -> MapRunEffect {
        let child_of = ChildOf { map_run_arn: self.start.map_run_arn.clone(), child, item_count };
        MapRunEffect::StartChild { start: Box::new(start), child_of }
    }

    /// The next batch's input, and the first item behind it.
    fn batch(&self, batching: &Batching, step: &MapRunStep<'_>) -> Result<(Value, u32), ErrorCause> {
        let mut items = Vec::new();
        let mut next_index = self.next_index;
        let mut bytes = batching.wrap(Vec::new()).json_len() as u64;
        while next_index < self.length && batching.items_max.is_none_or(|max| (items.len() as u64) < max) {
            let item = self.item(next_index, step)?;
            bytes += item.json_len() as u64 + u64::from(!items.is_empty());
            if bytes > batching.bytes_max {
                if items.is_empty() {
                    let cause = format!("An item does not fit a batch of {} bytes.", batching.bytes_max);
                    return Err(ErrorCause::new("States.DataLimitExceeded", cause));
                }
                // It opens the next batch.
                break;
            }
            items.push(item);
            next_index += 1;
        }
        Ok((batching.wrap(items), next_index))
    }

    /// An item, as `ItemSelector` makes it.
    fn item(&self, index: u32, step: &MapRunStep<'_>) -> Result<Value, ErrorCause> {
        let (key, value) = match &self.items {
            Value::Object(members) => {
                let (key, value) = &members.entries()[index as usize];
                (Some(key), value)
            }
            items => (None, items.as_array().and_then(|items| items.get(index as usize)).unwrap_or(&Value::Null)),
        };
        let Some(selector) = &step.map.item_selector else {
            // [U] The shape of an object's item; it follows the context's `Map.Item.Key` and `.Value`.
            return Ok(match key {
                Some(key) => [("Key", key.clone().into()), ("Value", value.clone())].into_iter().collect(),
                None => value.clone(),
            });
        };
        let scope = ItemScope {
            run: self,
            index,
            key,
            value,
            now: step.now,
            fuel: &step.fuel,
            draws: Draws::new(self.start.seed, index.wrapping_add(1)),
            context: OnceCell::new(),
        };
        let data = Data::new(&self.start.plan.selector.data, &scope);
        let field = if step.map.selector_is_parameters { "Parameters" } else { "ItemSelector" };
        selector.evaluate(field, data).map_err(|error| {
            let cause = in_state(&step.state.name, self.start.entered_event, &error.cause);
            ErrorCause::new(error.name.as_str(), cause)
        })
    }

    fn child_start(&self, child: u32, step: &MapRunStep<'_>, input: Value) -> Start {
        let parent = &self.start.parent;
        let draws = Draws::new(self.start.seed ^ 0xC41D, child);
        let name = Str::from(intrinsic::uuid(draws.next(), draws.next()));
        let machine = self.start.state_machine_arn();
        let execution_type = step.distributed.execution_type;
        let (resource, suffix) = match execution_type {
            ExecutionType::Standard => (":execution:", String::new()),
            ExecutionType::Express => (":express:", format!(":{}", intrinsic::uuid(draws.next(), draws.next()))),
        };
        let arn = format!("{}:{name}{suffix}", machine.replacen(":stateMachine:", resource, 1));
        let identity = Identity {
            id: ExecutionId(u128::from(draws.next()) << 64 | u128::from(draws.next())),
            arn: arn.into(),
            name,
            state_machine_arn: machine,
            state_machine_name: Str::from(format!("{}/{}", parent.state_machine_name, self.start.label)),
            role_arn: parent.role_arn.clone(),
            version_arn: None,
            alias_arn: None,
            execution_type,
            shows_redrive_count: true,
            region: parent.region.clone(),
            seed: draws.next(),
            root: step.map.processor,
            trace_header: parent.trace_header.clone(),
        };
        Start { identity: Arc::new(identity), input, input_text: None }
    }

    fn fail(&mut self, error: ErrorCause, step: &mut MapRunStep<'_>) {
        self.end(MapRunEnd::Failed(error), step);
    }

    fn end(&mut self, end: MapRunEnd, step: &mut MapRunStep<'_>) {
        let status = match &end {
            MapRunEnd::Succeeded(_) => ExecutionStatus::Succeeded,
            MapRunEnd::Failed(_) | MapRunEnd::CannotRun(_) => ExecutionStatus::Failed,
        };
        self.close(status, step);
        step.effects.push(MapRunEffect::Ended(end));
    }

    fn close(&mut self, status: ExecutionStatus, step: &mut MapRunStep<'_>) {
        self.stage = MapRunStage::Ended;
        self.status = status;
        self.stopped = Some(step.now);
        self.goes_on = false;
        step.effects.extend(self.open.values().map(|child| MapRunEffect::StopChild(child.id)));
        // Express children live in memory alone: after a crash nobody would be left to say how they ended.
        if step.distributed.execution_type == ExecutionType::Express {
            for (number, child) in std::mem::take(&mut self.open) {
                self.count_end(&child, ExecutionStatus::Aborted);
                self.unwritten.children.insert(number);
            }
        }
    }

    /// How much of it would have to be taken up again after a crash; 0: letters and timers will reach it.
    pub fn owes(&self) -> u32 {
        match self.stage {
            MapRunStage::Reading | MapRunStage::Writing => 1,
            MapRunStage::Running => {
                let in_memory = if self.open_in_memory().next().is_some() { self.open.len() } else { 0 };
                u32::from(self.goes_on) + in_memory as u32
            }
            MapRunStage::New | MapRunStage::Ended => 0,
        }
    }

    /// After a crash: what has to be done again because nothing durable will do it. Express children start over.
    pub fn resume(&self, program: &Program, now: Timestamp) -> Vec<MapRunEffect> {
        let Some(step) = MapRunStep::of(program, &self.start, now) else { return Vec::new() };
        match (self.stage, &self.start.plan) {
            (MapRunStage::Reading, MapRunPlan { items: MapItems::Read(reader), .. }) => {
                vec![MapRunEffect::Read(reader.clone())]
            }
            (MapRunStage::Writing, MapRunPlan { destination: Some(destination), .. }) => {
                let results = self.joined_results(&step).into();
                vec![MapRunEffect::Write { destination: destination.clone(), results }]
            }
            (MapRunStage::Running, _) => {
                let again = self.open_in_memory().map(|(child, open, input)| {
                    self.start_of(child, open.item_count, self.child_start(child, &step, input.clone()))
                });
                again.chain(self.goes_on.then_some(MapRunEffect::GoOn)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Children that no record of their own keeps: all of them, or none.
    fn open_in_memory(&self) -> impl Iterator<Item = (u32, &OpenChild, &Value)> {
        self.open.iter().map_while(|(child, open)| Some((*child, open, open.input.as_ref()?)))
    }
}

/// One step at work.
struct MapRunStep<'a> {
    state: &'a State,
    map: &'a Map,
    distributed: &'a Distributed,
    now: Timestamp,
    fuel: Cell<u64>,
    effects: Vec<MapRunEffect>,
}

impl<'a> MapRunStep<'a> {
    /// None: the state is no distributed Map, so the program is another one.
    fn of(program: &'a Program, start: &MapRunStart, now: Timestamp) -> Option<MapRunStep<'a>> {
        let (region, state) = start.state;
        let state = program.state(region, state);
        let StateKind::Map(map) = &state.kind else { return None };
        let distributed = map.distributed.as_ref()?;
        Some(MapRunStep { state, map, distributed, now, fuel: Cell::new(0), effects: Vec::new() })
    }

    /// What becomes of a child's output; the default depends on whether results are written.
    fn transformation(&self, plan: &MapRunPlan) -> Transformation {
        let given = self.distributed.writer.as_ref().and_then(|writer| writer.transformation);
        let default = if plan.destination.is_some() { Transformation::None } else { Transformation::Compact };
        given.unwrap_or(default)
    }
}

/// What `ItemSelector` sees for one item.
struct ItemScope<'a> {
    run: &'a MapRun,
    index: u32,
    key: Option<&'a Str>,
    value: &'a Value,
    now: Timestamp,
    fuel: &'a Cell<u64>,
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
            item.insert("Value", self.value.clone());
            item.insert("Source", self.run.start.plan.items.source().into());
            let mut context = self.run.start.plan.selector.context.as_object().cloned().unwrap_or_default();
            context.insert("Map", [("Item", item.into())].into_iter().collect());
            context.into()
        })
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.run.start.plan.selector.variables.get(name)
    }

    fn now_ms(&self) -> i64 {
        self.now.0
    }

    fn random(&self) -> u64 {
        self.draws.next()
    }

    fn spend(&self, fuel: u64) {
        self.fuel.set(self.fuel.get().saturating_add(fuel));
    }
}
