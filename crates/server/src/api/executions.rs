//! Executions: start, describe, list, stop, redrive (`reference/api.md`, sections 6 and 7).

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, syntax};
use stepwell_engine::{
    Described, ErrorCause, ExecutionId, ExecutionStatus, Identity, MapRunId, Payload, PayloadRef, Timestamp,
};
use stepwell_node::{NewExecution, Refusal};
use stepwell_store::{Create, Cursor, Kind, ListOf, ListQuery, Listed, RowNumber};
use stepwell_value::{Object, Str, Value};
use tokio::runtime::Handle;

use super::machines::put_revision;
use super::{cut, put_text, seconds, seconds_of};
use crate::arn::{self, ExecutionArn, MachineArn, check_name};
use crate::catalogue::rows::{AliasBody, MachineBody, RevisionBody, VersionBody};
use crate::catalogue::{Target, TargetRoute};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service, refused, unreadable};
use crate::world;

/// Most bytes of an input or output (`reference/quotas.md`, section 1).
const DATA_BYTES_MAX: usize = 262_144;

pub(crate) async fn start(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let (target, _starting) = service.target_to_start(call.params.required("stateMachineArn")).await?;
    let wanted = Wanted::of(&call, &target)?;
    let (text, arn) = (wanted.input_text.clone(), wanted.arn.clone());
    let new = wanted.into_execution(&call, &target, true);
    match service.node.start(new).await {
        Ok(started) => {
            if target.machine_type == ExecutionType::Standard {
                service.remember(arn.clone(), started.id);
            }
            Ok(started_as(&arn, started.at))
        }
        Err(Refusal::NameTaken { holder }) => {
            service.beside(move |service| started_before(service, holder, &text, arn)).await
        }
        Err(refusal) => Err(refused(refusal, &arn)),
    }
}

fn started_as(arn: &str, at: Timestamp) -> Value {
    [("executionArn", arn.into()), ("startDate", seconds(at))].into_iter().collect()
}

/// The answer when the name is taken: the same one while an execution with the same input runs.
fn started_before(service: &Service, holder: ExecutionId, input_text: &str, arn: Str) -> Result<Value, Error> {
    let shown = service.shown(holder)?.ok_or(Error::InternalFailure)?;
    let is_same = shown.described.status == ExecutionStatus::Running
        && service.payload(holder, &shown.described.input)?.text() == input_text;
    match is_same {
        true => Ok(started_as(&arn, shown.described.started)),
        false => Err(Error::ExecutionAlreadyExists(arn)),
    }
}

pub(crate) async fn start_sync(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let target = service.target(call.params.required("stateMachineArn")).await?;
    if target.machine_type != ExecutionType::Express {
        return Err(Error::StateMachineTypeNotSupported);
    }
    let wanted = Wanted::of(&call, &target)?;
    let with_data = call.params.text("includedData") != Some("METADATA_ONLY");
    let mut answer = Object::with_capacity(14);
    answer.insert("executionArn", wanted.arn.clone().into());
    answer.insert("stateMachineArn", target.machine_arn.clone().into());
    answer.insert("name", wanted.name.clone().into());
    put_data(&mut answer, INPUT, with_data.then(|| wanted.input_text.clone()), with_data);
    let arn = wanted.arn.clone();
    let new = wanted.into_execution(&call, &target, false);
    put_text(&mut answer, "traceHeader", new.identity.trace_header.as_deref());
    let node = service.node.clone();
    let run = Finishing::new(async move { node.start_sync(new).await });
    let ended = run.await.map_err(|refusal| refused(refusal, &arn))?;
    answer.insert("startDate", seconds(ended.started));
    answer.insert("stopDate", seconds(ended.stopped));
    answer.insert("status", ended.status.name().into());
    put_error(&mut answer, &ended.error);
    put_data(&mut answer, OUTPUT, ended.output.as_ref().filter(|_| with_data).map(Payload::text), with_data);
    let billed: Value = [
        ("billedDurationInMilliseconds", (ended.billed_duration_ms as i64).into()),
        ("billedMemoryUsedInMB", ended.billed_memory_mb.into()),
    ]
    .into_iter()
    .collect();
    answer.insert("billingDetails", billed);
    Ok(answer.into())
}

/// A future that goes on by itself when nobody waits for it any longer: a caller who hangs up loses the result, but does
/// not stop the execution.
struct Finishing<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> Finishing<F> {
    fn new(future: F) -> Finishing<F> {
        Finishing(Some(Box::pin(future)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Finishing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Finishing<F> {
    fn drop(&mut self) {
        if let (Some(future), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

/// What a start asks for, checked.
struct Wanted {
    name: Str,
    arn: Str,
    input: Value,
    input_text: Str,
    route: TargetRoute,
}

impl Wanted {
    fn of(call: &Call, target: &Target) -> Result<Wanted, Error> {
        if target.is_deleting {
            return Err(Error::StateMachineDeleting(target.machine_arn.clone()));
        }
        let name = match call.params.shared("name") {
            Some(name) => check_name(&name).map(|()| name)?,
            None => world::uuid(),
        };
        let arn = match target.machine_type {
            ExecutionType::Standard => [&*target.executions_arn, ":", &name].concat(),
            ExecutionType::Express => [&*target.executions_arn, ":", &name, ":", &world::uuid()].concat(),
        };
        let input_text = call.params.shared("input").unwrap_or(Str::new_static("{}"));
        let input = data(&input_text, &INPUT_DATA)?;
        Ok(Wanted { name, arn: arn.into(), input, input_text, route: choose(&target.routes).clone() })
    }

    fn into_execution(self, call: &Call, target: &Target, shows_redrive_count: bool) -> NewExecution {
        let Wanted { name, arn, input, input_text, route } = self;
        let (version, version_arn) = route.version.unzip();
        let (alias, alias_arn) = target.alias.clone().unzip();
        let identity = Identity {
            id: ExecutionId(0),
            arn,
            name: name.clone(),
            state_machine_arn: target.machine_arn.clone(),
            state_machine_name: target.name.clone(),
            role_arn: Some(route.role_arn),
            version_arn,
            alias_arn,
            execution_type: target.machine_type,
            shows_redrive_count,
            region: target.region.clone(),
            seed: 0,
            root: TOP,
            // The header of the request counts before the member.
            trace_header: call.trace_header.clone().or_else(|| call.params.shared("traceHeader")),
        };
        let create = Create {
            machine: target.machine,
            definition: route.definition.row,
            name: Str::from([":", &name].concat()),
            version,
            alias,
            map_run: None,
            execution: None,
        };
        NewExecution { identity, create, definition: route.definition, input, input_text: Some(input_text) }
    }
}

/// One of the routes, by their weights.
fn choose(routes: &[TargetRoute]) -> &TargetRoute {
    let [first, others @ ..] = routes else { unreachable!("a target has a route") };
    if others.is_empty() {
        return first;
    }
    let sum: u32 = routes.iter().map(|route| route.weight).sum();
    let mut drawn = u32::from_be_bytes(world::random()) % sum.max(1);
    routes
        .iter()
        .find(|route| {
            let is_it = drawn < route.weight;
            drawn = drawn.saturating_sub(route.weight);
            is_it
        })
        .unwrap_or(first)
}

/// A member of a request that holds a JSON text.
pub(super) struct DataMember {
    pub(super) name: &'static str,
    /// What is said of a text that has nothing but blanks.
    pub(super) blank: &'static str,
    pub(super) refuse: fn(String) -> Error,
}

const INPUT_DATA: DataMember =
    DataMember { name: "input", blank: "Invalid execution input.", refuse: Error::InvalidExecutionInput };

/// Reads a JSON text of a request: an input, or the output of a task.
pub(super) fn data(text: &str, member: &DataMember) -> Result<Value, Error> {
    let DataMember { name, blank, refuse } = member;
    if text.len() > DATA_BYTES_MAX {
        return Err(Error::invalid(format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less \
             than or equal to {DATA_BYTES_MAX}"
        )));
    }
    if text.trim_ascii().is_empty() {
        return Err(refuse((*blank).to_owned()));
    }
    stepwell_value::parse(text).map_err(|error| {
        // Texts of the parser that the service uses; its second line repeats the input.
        let found = syntax::parse(text, Format::Json).err().map(|diagnostic| diagnostic.message);
        let message = found.unwrap_or_else(|| error.to_string());
        refuse(message.lines().next().unwrap_or_default().to_owned())
    })
}

/// Whether the ARN in a request is that of an Express child of a Map Run.
pub(crate) fn is_express(call: &Call) -> bool {
    arn::map_runs_of_express_child(call.params.required("executionArn")).is_some()
}

pub(crate) fn describe(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("executionArn");
    let (id, described) = service.find_described(text)?;
    let with_data = call.params.text("includedData") != Some("METADATA_ONLY");
    let identity = &described.identity;
    let mut answer = Object::with_capacity(20);
    put_item(&mut answer, &described);
    // What was left out of the description of an Express child is nowhere else.
    let is_at_hand = |payload: &PayloadRef| matches!(payload, PayloadRef::Here(_)) || !is_express(call);
    let data = |payload: &PayloadRef| match with_data && is_at_hand(payload) {
        true => service.payload(id, payload).map(|payload| Some(payload.text())),
        false => Ok(None),
    };
    let input = data(&described.input)?;
    let is_included = input.is_some();
    put_data(&mut answer, INPUT, input, is_included);
    if let Some(output) = &described.output {
        let output = data(output)?;
        let is_included = output.is_some();
        put_data(&mut answer, OUTPUT, output, is_included);
    }
    // AWS shows no error of an execution that timed out, although its history has one (recorded).
    if described.status != ExecutionStatus::TimedOut {
        put_error(&mut answer, &described.error);
    }
    put_text(&mut answer, "traceHeader", identity.trace_header.as_deref());
    let (status, reason) = redrive_status(service, &described)?;
    answer.insert("redriveStatus", status.into());
    put_text(&mut answer, "redriveStatusReason", reason);
    Ok(answer.into())
}

/// `redriveStatus` and `redriveStatusReason`.
fn redrive_status(service: &Service, described: &Described) -> Result<(&'static str, Option<&'static str>), Error> {
    if let Some(reason) = described.redrive_refusal(world::now()) {
        return Ok(("NOT_REDRIVABLE", Some(reason)));
    }
    if described.child_of.is_some() {
        return Ok(("REDRIVABLE_BY_MAP_RUN", None));
    }
    match service.is_deleting(&described.identity.state_machine_arn)? {
        true => Ok(("NOT_REDRIVABLE", Some(DELETING))),
        false => Ok(("REDRIVABLE", None)),
    }
}

const DELETING: &str = "State machine is in DELETING status.";

/// What lists and DescribeExecution have in common.
fn put_item(answer: &mut Object, described: &Described) {
    let identity = &described.identity;
    answer.insert("executionArn", identity.arn.clone().into());
    answer.insert("stateMachineArn", identity.state_machine_arn.clone().into());
    answer.insert("name", identity.name.clone().into());
    answer.insert("status", described.status.name().into());
    answer.insert("startDate", seconds(described.started));
    if let Some(stopped) = described.stopped {
        answer.insert("stopDate", seconds(stopped));
    }
    put_text(answer, "mapRunArn", described.child_of.as_ref().map(|child_of| child_of.map_run_arn.as_str()));
    put_text(answer, "stateMachineVersionArn", identity.version_arn.as_deref());
    put_text(answer, "stateMachineAliasArn", identity.alias_arn.as_deref());
    answer.insert("redriveCount", described.redrive_count.into());
    if let Some(redriven) = described.redriven {
        answer.insert("redriveDate", seconds(redriven));
    }
}

fn put_error(answer: &mut Object, error: &ErrorCause) {
    put_text(answer, "error", error.error.as_deref());
    put_text(answer, "cause", error.cause.as_deref());
}

/// The members that show an input or an output, and say whether it is shown.
const INPUT: [&str; 2] = ["input", "inputDetails"];
const OUTPUT: [&str; 2] = ["output", "outputDetails"];

fn put_data(answer: &mut Object, [name, details]: [&'static str; 2], text: Option<Str>, is_included: bool) {
    if let Some(text) = text {
        answer.insert(name, text.into());
    }
    answer.insert(details, [("included", is_included.into())].into_iter().collect());
}

pub(crate) fn describe_machine(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("executionArn");
    let (_, shown) = service.find_execution(text)?;
    let identity = &shown.described.identity;
    let missing = || Error::ExecutionDoesNotExist(text.into());
    let revision = service.catalogue.get::<RevisionBody>(shown.definition)?.ok_or_else(missing)?;
    let mut answer = Object::with_capacity(14);
    answer.insert("stateMachineArn", identity.state_machine_arn.clone().into());
    let machine_name = identity.state_machine_name.split('/').next().unwrap_or_default();
    answer.insert("name", machine_name.into());
    answer.insert("updateDate", seconds_of(revision.body.made));
    if let Some(child_of) = &shown.described.child_of {
        answer.insert("mapRunArn", child_of.map_run_arn.clone().into());
        put_text(&mut answer, "label", identity.state_machine_name.split_once('/').map(|(_, label)| label));
    }
    put_revision(service, &mut answer, &revision, call.params.text("includedData"))?;
    Ok(answer.into())
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let (status, redriven) = (params.text("statusFilter"), params.text("redriveFilter"));
    let members =
        [params.text("stateMachineArn"), params.text("mapRunArn"), status, redriven].map(Option::unwrap_or_default);
    let query = Query::new("ListExecutions", &members);
    let (of, qualifier) = match (params.text("stateMachineArn"), params.text("mapRunArn")) {
        (Some(text), None) => machine_listed(service, text)?,
        (None, Some(text)) => {
            let id = MapRunId::of_arn(text);
            super::map_runs::find(service, text)?;
            (ListOf::MapRun(id), None)
        }
        _ => return Err(Error::invalid("Exactly one of stateMachineArn and mapRunArn must be specified")),
    };
    let now = world::now();
    let after = match params.text("nextToken") {
        Some(token) => Some(cursor(&service.pages()?.place(&query, token, now)?)?),
        None => None,
    };
    let list = ListQuery {
        of,
        qualifier,
        status: status.and_then(status_named),
        redriven: redriven.map(|filter| filter == "REDRIVEN"),
    };
    let page_size = params.page_size();
    // Nothing waits for a redrive here: executions of that status are none.
    let mut listed = match (status, list.of) {
        (Some("PENDING_REDRIVE"), _) => Vec::new(),
        (_, ListOf::Machine(_)) => stored(service, &list, after, page_size + 1)?,
        (_, ListOf::MapRun(map_run)) => children(service, map_run, &list, after, page_size + 1)?,
    };
    let has_more = cut(&mut listed, page_size);
    let next = match listed.last().filter(|_| has_more) {
        Some((last, _)) => Some(service.pages()?.token(&query, &place(*last), now)),
        None => None,
    };
    let mut items = Vec::with_capacity(listed.len());
    for (_, described) in listed {
        let mut object = Object::with_capacity(12);
        put_item(&mut object, &described);
        if let Some(count) = described.item_count() {
            object.insert("itemCount", count.into());
        }
        items.push(object.into());
    }
    let mut answer = Object::with_capacity(2);
    answer.insert("executions", Value::from(items));
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}

/// An item of a list and its place there.
type Item = (Cursor, Described);

/// Executions that are entities of their own.
fn stored(service: &Service, list: &ListQuery, after: Option<Cursor>, limit: usize) -> Result<Vec<Item>, Error> {
    let listed = service.store.list(list, after, limit as u32)?;
    let show = |item: Listed| Ok((item.cursor, service.described(ExecutionId(item.cursor.id), &item.root)?));
    listed.into_iter().map(show).collect()
}

/// Set in the place of a child that runs: at the same time it comes before those that have ended.
const RUNNING: u128 = 1 << 64;

/// Children of a Map Run: Standard ones, or Express ones that run and that have ended.
fn children(
    service: &Service,
    map_run: MapRunId,
    list: &ListQuery,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    let mut items = stored(service, list, after, limit)?;
    // No Express child is redriven here: a redrive of the execution starts a new Map Run.
    if !items.is_empty() || list.redriven == Some(true) {
        return Ok(items);
    }
    // In this order, as one may end meanwhile: then it is seen twice, and not missed.
    if list.status.is_none_or(|status| status == ExecutionStatus::Running) {
        items.extend(
            service
                .node
                .running_children(map_run)
                .into_iter()
                .map(|(number, child)| (Cursor { sort: child.started, id: RUNNING | u128::from(number) }, child)),
        );
    }
    let is_behind = |cursor: &Cursor, after: Cursor| (cursor.sort, cursor.id) < (after.sort, after.id);
    items.retain(|(cursor, _)| after.is_none_or(|after| is_behind(cursor, after)));
    let mut closed = service.closed_children();
    let mut ended = BTreeSet::new();
    for (cursor, place) in service.store.closed_children(map_run, list.status, after, limit as u32)? {
        // One that has gone since then has gone from the list.
        if let Some(child) = closed.read(place).map_err(unreadable)? {
            ended.insert(child.identity.id);
            items.push((cursor, child));
        }
    }
    items.retain(|(_, child)| child.stopped.is_some() || !ended.contains(&child.identity.id));
    items.sort_by_key(|(cursor, _)| Reverse((cursor.sort, cursor.id)));
    items.truncate(limit);
    Ok(items)
}

/// Whose executions the ARN of a machine, a version or an alias stands for.
fn machine_listed(service: &Service, text: &str) -> Result<(ListOf, Option<RowNumber>), Error> {
    let arn = MachineArn::parse(text)?;
    let missing = || Error::StateMachineDoesNotExist(text.into());
    let machine = service.catalogue.find::<MachineBody>(Kind::StateMachine, &arn.machine())?.ok_or_else(missing)?;
    if machine.body.is_express {
        return Err(Error::StateMachineTypeNotSupported);
    }
    let qualifier = match arn.qualifier {
        None => None,
        Some(stepwell_aws::Qualifier::Version(_)) => {
            Some(service.catalogue.find::<VersionBody>(Kind::Version, text)?.ok_or_else(missing)?.number)
        }
        Some(stepwell_aws::Qualifier::Alias(_)) => {
            Some(service.catalogue.find::<AliasBody>(Kind::Alias, text)?.ok_or_else(missing)?.number)
        }
    };
    Ok((ListOf::Machine(machine.number), qualifier))
}

/// The status of that name, among those that executions have here.
fn status_named(name: &str) -> Option<ExecutionStatus> {
    let all = [
        ExecutionStatus::Running,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
    ];
    all.into_iter().find(|status| status.name() == name)
}

/// A place in a list, as tokens hold it.
pub(super) fn place(cursor: Cursor) -> Vec<u8> {
    [&cursor.sort.0.to_be_bytes()[..], &cursor.id.to_be_bytes()].concat()
}

/// The place that a token held.
pub(super) fn cursor(place: &[u8]) -> Result<Cursor, Error> {
    let (sort, id) = place.split_first_chunk::<8>().ok_or(Error::InvalidToken)?;
    let id = id.try_into().map(u128::from_be_bytes).map_err(|_| Error::InvalidToken)?;
    Ok(Cursor { sort: Timestamp(i64::from_be_bytes(*sort)), id })
}

pub(crate) async fn stop(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let text = call.params.required("executionArn");
    let id = service.find_execution_id(text).await?;
    let error = ErrorCause { error: call.params.shared("error"), cause: call.params.shared("cause") };
    let stopped = service.node.stop(id, error).await.map_err(|refusal| refused(refusal, text))?;
    Ok([("stopDate", seconds(stopped))].into_iter().collect())
}

pub(crate) async fn redrive(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let text = call.params.shared("executionArn").unwrap_or_default();
    let arn = text.clone();
    let id = service.beside(move |service| redrivable(service, &arn)).await?;
    let token = call.params.shared("clientToken");
    let redriven = service.node.redrive(id, token).await.map_err(|refusal| refused(refusal, &text))?;
    Ok([("redriveDate", seconds(redriven))].into_iter().collect())
}

/// An execution that its machine and its place do not keep from being redriven.
fn redrivable(service: &Service, text: &str) -> Result<ExecutionId, Error> {
    let arn = ExecutionArn::parse(text)?;
    let id = service.execution_id(text)?;
    if service.is_deleting(&arn.machine)? {
        return Err(Error::ExecutionNotRedrivable(DELETING.to_owned()));
    }
    if arn.rest.starts_with('/') {
        let text = "The child of a Map Run is redriven by redriving the execution of the Map Run";
        return Err(Error::ExecutionNotRedrivable(text.to_owned()));
    }
    Ok(id)
}
