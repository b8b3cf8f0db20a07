//! Lambda's Invoke API: how a task becomes a request to it, and its answer the task's end.

mod answer;
mod request;

use stepwell_aws::{Pattern, Resource};
use stepwell_engine::{ErrorCause, FailureStage, Identity, Signal, TaskRequest};

use self::answer::Shape;
use self::request::Invocation;
use crate::http::{CallError, Client, Endpoint, Request};

/// Functions behind an endpoint.
#[derive(Clone, Debug)]
pub struct Lambda {
    client: Client,
    endpoint: Endpoint,
}

impl Lambda {
    /// Functions behind an endpoint that speaks Lambda's Invoke API.
    pub fn new(client: Client, endpoint: Endpoint) -> Lambda {
        Lambda { client, endpoint }
    }

    /// Whether a resource is a function by its ARN or `lambda:invoke`.
    pub(crate) fn does(resource: &Resource) -> bool {
        match resource {
            Resource::LambdaFunction(_) => true,
            Resource::Optimized { service, api, .. } => *service == "lambda" && *api == "invoke",
            _ => false,
        }
    }

    /// Calls the function of a task, once, and says how the task stands then: ended, or its token handed out.
    pub async fn call(&self, identity: &Identity, task: &TaskRequest) -> Signal {
        let attempt = task.attempt;
        let (shape, stage) = match task.resource.pattern() {
            // [U] No recording shows a call that hands out a token and fails; AWS has an event for just that.
            Pattern::WaitForTaskToken => (Shape::Service, FailureStage::Submit),
            _ if matches!(task.resource, Resource::LambdaFunction(_)) => (Shape::Function, FailureStage::Run),
            _ => (Shape::Service, FailureStage::Run),
        };
        match self.invoke(identity, task, shape).await {
            Ok(output) if stage == FailureStage::Submit => Signal::TaskSubmitted { attempt, output },
            Ok(output) => Signal::TaskSucceeded { attempt, output },
            Err(error) => Signal::TaskFailed { attempt, error, stage },
        }
    }

    async fn invoke(
        &self,
        identity: &Identity,
        task: &TaskRequest,
        shape: Shape,
    ) -> Result<stepwell_value::Value, ErrorCause> {
        let invocation = match &task.resource {
            Resource::LambdaFunction(function) => Invocation::of_function(function, task.parameters.value()),
            _ => Invocation::of_parameters(task.parameters.value())?,
        };
        let authorization = invocation.authorization(identity, task.role_arn.as_deref());
        let mut headers = vec![("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        headers.extend(invocation.headers());
        // StartExecution takes no others; a line end would be another header.
        let trace = identity
            .trace_header
            .as_deref()
            .filter(|trace| trace.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
        headers.extend(trace.map(|trace| ("X-Amzn-Trace-Id", trace)));
        let request = Request {
            method: "POST",
            target: &invocation.target,
            headers: &headers,
            body: invocation.body.as_bytes(),
            answer_bytes_max: answer::RESPONSE_BYTES_MAX,
        };
        match self.client.send(&self.endpoint, &request).await {
            Ok(response) => answer::read(response, shape),
            Err(CallError::TooLarge) => Err(answer::too_large()),
            Err(CallError::TimedOut) => Err(ErrorCause::new(
                "Lambda.ClientExecutionTimeoutException",
                "Client execution did not complete before the specified timeout configuration.",
            )),
            Err(error) => Err(ErrorCause::new("Lambda.SdkClientException", error.to_string())),
        }
    }
}
