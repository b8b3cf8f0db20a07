//! Parallel and Map states: starting regions side by side and joining their results.

use stepwell_asl::program::{Distributed, Items, Map, NumberField, QueryLanguage, RegionIdx, State, StateKind};
use stepwell_asl::template::EvaluationError;
use stepwell_value::{Kind, Value};

use crate::Payload;
use crate::chance::Draws;
use crate::dataflow::{self, Entered};
use crate::event::{EventKind, IterationEvent};
use crate::execution::{Fork, Frame, MapFork, Phase, Results, Tolerance};
use crate::failure::Failure;
use crate::limits::INLINE_MAP_CONCURRENCY_MAX;
use crate::map_run::{Batching, MapItems, MapRunPlan, MapRunStart, Reader, Selector};
use crate::observer::{Observer, Stage};
use crate::signal::{Effect, MapRunEnd};
use crate::step::Step;
use crate::view::{Focus, Item};

/// `Map.Item.Source` of items that come from the state's own data.
pub(crate) const STATE_DATA: &str = "STATE_DATA";

/// The numbers of a Map state.
struct MapNumbers {
    concurrency: u32,
    tolerated: Option<Tolerance>,
}

impl<'a, O: Observer> Step<'a, O> {
    pub(crate) fn start_branches(&mut self, mut frame: Frame, state: &State, branches: &[RegionIdx]) -> Option<Frame> {
        let input = self.evaluate(&frame, state, Focus::default(), |view, observer| {
            let entered = dataflow::enter(view, observer, &frame, state)?;
            dataflow::arguments(&entered, observer, state)
        });
        let input = match input.and_then(|input| self.payload_or_input(input, &frame)) {
            Ok(input) => input,
            Err(failure) => return self.failed(frame, failure),
        };
        let started_event = self.record(&mut frame, EventKind::ParallelStateStarted);
        for (index, branch) in branches.iter().enumerate() {
            let start = self.program.region(*branch).start;
            let child = self.new_frame(Some(frame.id), index as u32, *branch, start, input.clone(), started_event);
            self.execution.ready.push_back(child.id);
            self.execution.put_frame(child);
        }
        frame.phase = Phase::Fork(Box::new(Fork {
            open: branches.len() as u32,
            results: Results::new(branches.len()),
            started_event,
            join_event: started_event,
            map: None,
        }));
        self.execution.put_frame(frame);
        None
    }

    pub(crate) fn start_map(&mut self, frame: Frame, state: &'a State, map: &'a Map) -> Option<Frame> {
        let distributed = map.distributed.is_some();
        // None: a reader provides them.
        let items = self.evaluate(&frame, state, Focus::default(), |view, observer| {
            let entered = dataflow::enter(view, observer, &frame, state)?;
            let reads = map.distributed.as_ref().is_some_and(|distributed| distributed.reader.is_some());
            if reads {
                return Ok(None);
            }
            let items = items_of(map, &entered, state, distributed)?;
            dataflow::watch(observer, state, || Stage::AfterItemsPath(&items));
            Ok(Some(items))
        });
        match (items, &map.distributed) {
            (Err(failure), _) => self.failed(frame, failure),
            (Ok(items), Some(distributed)) => self.start_map_run(frame, state, map, distributed, items),
            (Ok(items), None) => self.start_inline_map(frame, state, map, items.unwrap_or_default()),
        }
    }

    fn numbers(&mut self, frame: &Frame, state: &State, map: &Map) -> Result<MapNumbers, Failure> {
        self.evaluate(frame, state, Focus::default(), |view, observer| {
            // The state has shown its input already.
            let entered = dataflow::enter(view, &mut (), frame, state)?;
            numbers_of(map, &entered, state, observer)
        })
    }

    fn start_inline_map(&mut self, mut frame: Frame, state: &State, map: &Map, items: Value) -> Option<Frame> {
        let numbers = match self.numbers(&frame, state, map) {
            Ok(numbers) => numbers,
            Err(failure) => return self.failed(frame, failure),
        };
        let items = match self.payload_or_input(items, &frame) {
            Ok(items) => items,
            Err(failure) => return self.failed(frame, failure),
        };
        let length = items.value().as_array().map_or(0, |items| items.len());
        let started_event = self.record(&mut frame, EventKind::MapStateStarted { length: length as u32 });
        let limit = match numbers.concurrency {
            0 => INLINE_MAP_CONCURRENCY_MAX,
            given => (given as usize).min(INLINE_MAP_CONCURRENCY_MAX),
        };
        frame.phase = Phase::Fork(Box::new(Fork {
            open: 0,
            results: Results::new(length),
            started_event,
            join_event: started_event,
            map: Some(MapFork { items, cursor: 0, concurrency: limit as u32, tolerated: numbers.tolerated, failed: 0 }),
        }));
        match length {
            0 => self.join(frame),
            _ => self.start_iterations(frame),
        }
    }

    /// Starts as many iterations of an inline Map as may run at a time and as the step has a budget for.
    pub(crate) fn start_iterations(&mut self, mut frame: Frame) -> Option<Frame> {
        let state = self.state(&frame);
        while let Phase::Fork(fork) = &frame.phase
            && let Some(map) = &fork.map
            && fork.open < map.concurrency
        {
            let started_event = fork.started_event;
            if self.must_pause() {
                self.execution.ready.push_front(frame.id);
                break;
            }
            match self.next_iteration(&mut frame, state, started_event) {
                Ok(Some(child)) => {
                    self.execution.ready.push_back(child.id);
                    self.execution.put_frame(child);
                }
                Ok(None) => break,
                Err(failure) => return self.iteration_could_not_start(frame, state, failure),
            }
        }
        self.execution.put_frame(frame);
        None
    }

    /// Makes the frame of the next item of an inline Map, if there is one left.
    fn next_iteration(&mut self, map_frame: &mut Frame, state: &State, after: u32) -> Result<Option<Frame>, Failure> {
        let StateKind::Map(map) = &state.kind else { return Ok(None) };
        let parent = map_frame.id;
        let Phase::Fork(fork) = &mut map_frame.phase else { return Ok(None) };
        let Some(of_map) = &mut fork.map else { return Ok(None) };
        let index = of_map.cursor;
        let items = of_map.items.clone();
        let Some(item) = items.value().as_array().and_then(|items| items.get(index as usize)) else { return Ok(None) };
        of_map.cursor += 1;
        fork.open += 1;
        let input = match &map.item_selector {
            None => item.clone(),
            Some(selector) => {
                self.spend_on(map_frame);
                let place = if map.selector_is_parameters { "Parameters" } else { "ItemSelector" };
                let focus =
                    Focus { item: Some(Item { index, key: None, value: item, source: STATE_DATA }), attempt: None };
                let frame: &Frame = map_frame;
                self.evaluate(frame, state, focus, |view, observer| {
                    let entered = dataflow::enter(view, &mut (), frame, state)?;
                    let selected = selector.evaluate(place, entered.data())?;
                    dataflow::watch(observer, state, || Stage::AfterItemSelector(&selected));
                    Ok(selected)
                })?
            }
        };
        let input = self.payload(input, &state.name)?;
        let started = EventKind::MapIteration { event: IterationEvent::Started, name: state.name.clone(), index };
        let started = self.append(after, started);
        let start = self.program.region(map.processor).start;
        Ok(Some(self.new_frame(Some(parent), index, map.processor, start, input, started)))
    }

    /// A branch or iteration has ended well.
    pub(crate) fn child_done(&mut self, mut parent: Frame, child: Frame, output: Payload) -> Option<Frame> {
        let state = self.state(&parent);
        let last = child.last_event;
        let is_map = matches!(state.kind, StateKind::Map(_));
        let mut join_event = last;
        if is_map {
            let event = IterationEvent::Succeeded;
            join_event =
                self.append(last, EventKind::MapIteration { event, name: state.name.clone(), index: child.index });
        }
        self.child_ended(&mut parent, child.index, output, join_event);
        self.go_on(parent, last)
    }

    fn child_ended(&mut self, parent: &mut Frame, index: u32, output: Payload, join_event: u32) {
        if let Phase::Fork(fork) = &mut parent.phase {
            fork.results.set(index, output);
            fork.open -= 1;
            fork.join_event = fork.join_event.max(join_event);
        }
    }

    /// Starts the next iteration in the place of one that ended, or joins when all have.
    fn go_on(&mut self, mut parent: Frame, after: u32) -> Option<Frame> {
        let state = self.state(&parent);
        match self.next_iteration(&mut parent, state, after) {
            Err(failure) => return self.iteration_could_not_start(parent, state, failure),
            Ok(Some(child)) => {
                self.execution.put_frame(parent);
                return Some(child);
            }
            Ok(None) => {}
        }
        match &parent.phase {
            Phase::Fork(fork) if fork.open == 0 => self.join(parent),
            _ => {
                self.execution.put_frame(parent);
                None
            }
        }
    }

    /// The input of an iteration could not be made: the Map state itself fails, not one of its iterations.
    fn iteration_could_not_start(&mut self, mut parent: Frame, state: &State, failure: Failure) -> Option<Frame> {
        if let Some(location) = &failure.evaluation {
            self.evaluation_failed(&mut parent, state, &failure, location.clone());
        }
        if !failure.ends_everything() {
            let failing_event = parent.last_event;
            self.abort_children(&parent, failing_event);
        }
        self.drop_children(&parent);
        parent.phase = Phase::Work;
        self.failed(parent, Failure { evaluation: None, ..failure })
    }

    /// All branches or iterations have ended.
    fn join(&mut self, mut frame: Frame) -> Option<Frame> {
        let Phase::Fork(fork) = std::mem::replace(&mut frame.phase, Phase::Work) else { return Some(frame) };
        let succeeded =
            if fork.map.is_some() { EventKind::MapStateSucceeded } else { EventKind::ParallelStateSucceeded };
        // AWS: what follows points to the same event as this one does, not to this one (reference/history.md, 3).
        self.append(fork.join_event, succeeded);
        frame.last_event = fork.join_event;
        let results = fork.results.iter().map(|result| result.map_or(Value::Null, |result| result.value().clone()));
        let result = results.collect();
        self.complete(frame, result)
    }

    /// Whether a Map state bears one more failed iteration.
    pub(crate) fn is_tolerated(&mut self, parent: &mut Frame) -> bool {
        let Phase::Fork(fork) = &mut parent.phase else { return false };
        let total = fork.results.len() as u64;
        let Some(map) = &mut fork.map else { return false };
        map.failed += 1;
        map.tolerated.is_some_and(|tolerated| !tolerated.is_exceeded(u64::from(map.failed), total))
    }

    /// The error of a Map state that bears some failures, but not so many.
    pub(crate) fn threshold_exceeded(&self, parent: &Frame) -> Option<Failure> {
        let Phase::Fork(fork) = &parent.phase else { return None };
        fork.map.as_ref()?.tolerated?;
        Some(Failure::new(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        ))
    }

    /// A failed iteration that is borne: its error takes the place of its result.
    pub(crate) fn tolerate(&mut self, mut parent: Frame, child: Frame, error_output: Value) -> Option<Frame> {
        let state = self.state(&parent);
        match self.payload(error_output, &state.name) {
            Ok(output) => {
                let last = child.last_event;
                self.drop_children(&child);
                self.child_ended(&mut parent, child.index, output, last);
                self.go_on(parent, last)
            }
            Err(failure) => self.failed(parent, failure),
        }
    }

    fn start_map_run(
        &mut self,
        mut frame: Frame,
        state: &'a State,
        map: &'a Map,
        distributed: &'a Distributed,
        items: Option<Value>,
    ) -> Option<Frame> {
        let length = match &items {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(members)) => members.len(),
            _ => 0,
        };
        self.record(&mut frame, EventKind::MapStateStarted { length: length as u32 });
        let numbers = match self.numbers(&frame, state, map) {
            Ok(numbers) => numbers,
            Err(failure) => return self.failed(frame, failure),
        };
        let variables = self.visible_variables(&frame);
        let plan = self.evaluate(&frame, state, Focus::default(), |view, _| {
            let entered = dataflow::enter(view, &mut (), &frame, state)?;
            let items = match (&distributed.reader, items) {
                (Some(reader), _) => MapItems::Read(Reader::of(reader, &entered, state)?),
                (None, items) => MapItems::Given(items.unwrap_or_default()),
            };
            let batching = distributed.batcher.as_ref().map(|batcher| Batching::of(batcher, &entered)).transpose()?;
            let destination = distributed.writer.as_ref().and_then(|writer| writer.destination.as_ref());
            let field = match state.query_language {
                QueryLanguage::JsonPath => "ResultWriter/Parameters",
                QueryLanguage::Jsonata => "ResultWriter/Arguments",
            };
            let destination = destination.map(|template| template.evaluate(field, entered.data())).transpose()?;
            let context = stepwell_asl::Scope::context(view).clone();
            Ok(MapRunPlan {
                items,
                selector: Selector { data: entered.effective.clone(), context, variables },
                concurrency: numbers.concurrency,
                tolerated: numbers.tolerated,
                batching,
                destination,
            })
        });
        let plan = match plan {
            Ok(plan) => plan,
            Err(failure) => return self.failed(frame, failure),
        };
        let seed = Draws::new(self.execution.identity.seed, self.execution.evaluations).next();
        let identity = self.execution.identity.clone();
        let start = MapRunStart::new(identity, &frame, seed, plan, distributed);
        let arn = start.map_run_arn.clone();
        let started_event = self.record(&mut frame, EventKind::MapRunStarted { map_run_arn: arn.clone() });
        if self.full {
            // What the history has no room for must not happen.
            return Some(frame);
        }
        frame.phase = Phase::MapRun { arn, started_event };
        self.out.effects.push(Effect::StartMapRun(Box::new(start)));
        self.execution.put_frame(frame);
        None
    }

    pub(crate) fn map_run_done(&mut self, mut frame: Frame, end: MapRunEnd) -> Option<Frame> {
        let started_event = match &frame.phase {
            Phase::MapRun { started_event, .. } => *started_event,
            _ => frame.last_event,
        };
        frame.phase = Phase::Work;
        match end {
            MapRunEnd::Succeeded(result) => {
                let run_succeeded = self.append(started_event, EventKind::MapRunSucceeded);
                self.append(run_succeeded, EventKind::MapStateSucceeded);
                // AWS since late 2024: the Exited event points to MapRunStarted (reference/history.md, 3).
                frame.last_event = started_event;
                self.complete(frame, result)
            }
            MapRunEnd::Failed(error) => {
                let error = error.clipped();
                self.record(&mut frame, EventKind::MapRunFailed(error.clone()));
                self.failed(frame, Failure::of(error))
            }
            MapRunEnd::CannotRun(cause) => self.cannot_run(frame, cause),
        }
    }
}

fn items_of(map: &Map, entered: &Entered<'_>, state: &State, distributed: bool) -> Result<Value, EvaluationError> {
    let items = match &map.items {
        Items::Input => entered.effective.clone(),
        Items::Path(path) => dataflow::select(path, entered.data())?,
        Items::Template(template) => {
            let items = template.evaluate("Items", entered.data())?;
            let accepted = items.kind() == Kind::Array || distributed && items.kind() == Kind::Object;
            if !accepted {
                return Err(unexpected_items(template, &items));
            }
            items
        }
    };
    // Objects are listed by distributed Map states alone: AWS refused them inline when it was recorded.
    match items.kind() {
        Kind::Array => Ok(items),
        Kind::Object if distributed => Ok(items),
        _ if state.query_language == QueryLanguage::Jsonata => Err(EvaluationError {
            location: None,
            ..dataflow::query_error("Items", format!("Map state input must be an array but was: {items}"))
        }),
        _ => {
            let path = match &map.items {
                Items::Path(path) => path.text(),
                _ => "$",
            };
            Err(EvaluationError::runtime(format!("Reference path \"{path}\" must point to array.")))
        }
    }
}

fn unexpected_items(template: &stepwell_asl::template::Template, items: &Value) -> EvaluationError {
    match template {
        stepwell_asl::template::Template::Expression(expression) => expression.unexpected_type("Items", "array", items),
        _ => {
            dataflow::query_error("Items", format!("Items must be an array, but was {}: {items}", items.kind().name()))
        }
    }
}

fn numbers_of<O: Observer>(
    map: &Map,
    entered: &Entered<'_>,
    state: &State,
    observer: &mut O,
) -> Result<MapNumbers, EvaluationError> {
    let given = |field: Option<&NumberField>, name: &'static str| {
        field.map(|field| dataflow::integer(field, name, entered.data())).transpose()
    };
    let concurrency = given(map.max_concurrency.as_ref(), "MaxConcurrency")?.unwrap_or(0);
    let concurrency =
        u32::try_from(concurrency).map_err(|_| EvaluationError::runtime("MaxConcurrency cannot be negative."))?;
    let count = given(map.tolerated_failure_count.as_ref(), "ToleratedFailureCount")?;
    let count = count
        .map(|count| u32::try_from(count.min(i64::from(u32::MAX))))
        .transpose()
        .map_err(|_| EvaluationError::runtime("ToleratedFailureCount cannot be negative."))?;
    let percentage = match &map.tolerated_failure_percentage {
        Some(field) => Some(dataflow::float(field, "ToleratedFailurePercentage", entered.data())?),
        None => None,
    };
    if percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
        return Err(EvaluationError::runtime("ToleratedFailurePercentage must be between 0 and 100."));
    }
    dataflow::watch(observer, state, || Stage::MaxConcurrency(concurrency));
    if let Some(count) = count {
        dataflow::watch(observer, state, || Stage::ToleratedFailureCount(count));
    }
    if let Some(percentage) = percentage {
        dataflow::watch(observer, state, || Stage::ToleratedFailurePercentage(percentage));
    }
    let tolerated = (count.is_some() || percentage.is_some()).then_some(Tolerance { count, percentage });
    Ok(MapNumbers { concurrency, tolerated })
}
