//! Workers: activities' tasks and task tokens (`reference/api.md`, section 8).

use std::sync::Arc;
use std::time::Duration;

use stepwell_engine::ErrorCause;
use stepwell_node::{Programs, TokenAnswer};
use stepwell_value::{Str, Value};

use super::executions::{DataMember, data};
use super::nothing;
use crate::arn;
use crate::error::Error;
use crate::service::{Call, Service, refused};

/// How long a worker waits for a task at most.
const POLL: Duration = Duration::from_secs(60);

const OUTPUT_DATA: DataMember = DataMember { name: "output", blank: "Invalid output.", refuse: Error::InvalidOutput };

pub(crate) async fn poll(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let text = call.params.required("activityArn");
    arn::activity(text)?;
    if !service.catalogue.has_activity(text) {
        return Err(Error::ActivityDoesNotExist(text.into()));
    }
    let task = tokio::select! {
        task = service.node.poll_activity(text, call.params.shared("workerName"), POLL) => task,
        () = service.stopped() => return Ok(nothing()),
    };
    match task.map_err(|refusal| refused(refusal, text))? {
        Some(task) => Ok([("taskToken", task.token.into()), ("input", task.input.into())].into_iter().collect()),
        None => Ok(nothing()),
    }
}

pub(crate) async fn success(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let output = data(call.params.required("output"), &OUTPUT_DATA)?;
    answer(service, &call, TokenAnswer::Success(output)).await
}

pub(crate) async fn failure(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    let text = |name: &str| -> Option<Str> { call.params.shared(name) };
    let error = ErrorCause { error: text("error"), cause: text("cause") };
    answer(service, &call, TokenAnswer::Failure(error)).await
}

pub(crate) async fn heartbeat(service: &Arc<Service>, call: Call) -> Result<Value, Error> {
    answer(service, &call, TokenAnswer::Heartbeat).await
}

async fn answer(service: &Arc<Service>, call: &Call, said: TokenAnswer) -> Result<Value, Error> {
    let token = call.params.required("taskToken");
    service.node.answer(token, said).await.map_err(|refusal| refused(refusal, ""))?;
    Ok(nothing())
}
