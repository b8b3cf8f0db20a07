//! Map Runs: describe and list (`reference/api.md`, section 9).

use stepwell_engine::{Counts, DescribedMapRun, MapRunId};
use stepwell_store::{Entity, Place, Root};
use stepwell_value::{Object, Str, Value};

use super::executions::{cursor, place};
use super::{cut, put_text, seconds};
use crate::arn;
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service, unreadable};
use crate::world;

pub(crate) fn describe(service: &Service, call: &Call) -> Result<Value, Error> {
    let run = find(service, call.params.required("mapRunArn"))?;
    let mut answer = Object::with_capacity(11);
    answer.insert("mapRunArn", run.map_run_arn.clone().into());
    answer.insert("executionArn", run.execution_arn.clone().into());
    answer.insert("status", run.status.name().into());
    answer.insert("startDate", seconds(run.started));
    if let Some(stopped) = run.stopped {
        answer.insert("stopDate", seconds(stopped));
    }
    answer.insert("maxConcurrency", run.concurrency.into());
    answer.insert("toleratedFailurePercentage", Value::Float(run.tolerated_failure_percentage()));
    answer.insert("toleratedFailureCount", run.tolerated_failure_count().into());
    answer.insert("itemCounts", counts(&run, &run.item_counts));
    answer.insert("executionCounts", counts(&run, &run.execution_counts));
    // A redrive starts a new Map Run here.
    answer.insert("redriveCount", 0.into());
    Ok(answer.into())
}

/// The Map Run of an ARN.
pub(super) fn find(service: &Service, text: &str) -> Result<DescribedMapRun, Error> {
    arn::map_run(text)?;
    let id = MapRunId::of_arn(text);
    let missing =
        || Error::ResourceNotFound { message: format!("Resource not found: '{text}'"), resource: Str::new(text) };
    let root = service.map_run_root(id)?.ok_or_else(missing)?;
    let run = read(service, id, &root)?;
    match run.map_run_arn == text {
        true => Ok(run),
        false => Err(missing()),
    }
}

fn read(service: &Service, id: MapRunId, root: &Root) -> Result<DescribedMapRun, Error> {
    let record = service.codec.open(Place::Root(Entity::MapRun(id)), &root.record).map_err(unreadable)?;
    DescribedMapRun::decode(&record).map_err(unreadable)
}

fn counts(run: &DescribedMapRun, counts: &Counts) -> Value {
    let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    [
        ("pending", number(counts.pending)),
        ("running", number(counts.running)),
        ("succeeded", number(counts.succeeded)),
        ("failed", number(counts.failed)),
        ("timedOut", number(counts.timed_out)),
        ("aborted", number(counts.aborted)),
        ("total", number(counts.total)),
        ("resultsWritten", number(run.results_written(counts))),
    ]
    .into_iter()
    .collect()
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("executionArn");
    let query = Query::new("ListMapRuns", &[text]);
    let now = world::now();
    let id = service.execution_id(text)?;
    let after = match call.params.text("nextToken") {
        Some(token) => Some(cursor(&service.pages()?.place(&query, token, now)?)?),
        None => None,
    };
    let page_size = call.params.page_size();
    let mut listed = service.store.map_runs(id, after, page_size as u32 + 1)?;
    let has_more = cut(&mut listed, page_size);
    let next = match listed.last().filter(|_| has_more) {
        Some(last) => Some(service.pages()?.token(&query, &place(last.cursor), now)),
        None => None,
    };
    let mut items = Vec::with_capacity(listed.len());
    for item in listed {
        let run = read(service, MapRunId(item.cursor.id), &item.root)?;
        let mut object = Object::with_capacity(5);
        object.insert("executionArn", run.execution_arn.into());
        object.insert("mapRunArn", run.map_run_arn.into());
        object.insert("stateMachineArn", run.state_machine_arn.into());
        object.insert("startDate", seconds(run.started));
        if let Some(stopped) = run.stopped {
            object.insert("stopDate", seconds(stopped));
        }
        items.push(object.into());
    }
    let mut answer = Object::with_capacity(2);
    answer.insert("mapRuns", Value::from(items));
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}
