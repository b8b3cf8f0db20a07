//! Lambda: LambdaInvoke.

use std::time::Duration;

use crate::json::{Fields, Json};
use crate::metrics::Metrics;
use crate::references::FunctionRef;
use crate::retry::Retry;
use crate::state::words;
use crate::task::{HasMetrics, Task, TaskContext, TaskFields, has_metrics, setters, task, token_in};
use crate::{IntegrationPattern, Pattern, QueryLanguage, RequestResponse, WaitForTaskToken, path};

task! {
    /// Invokes a Lambda function.
    ///
    /// Failures of the Lambda service itself are retried six times, unless
    /// [`retry_on_service_exceptions`](LambdaInvoke::retry_on_service_exceptions) says otherwise.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let function = FunctionRef::from_logical_id("Ask");
    /// w.add(LambdaInvoke::json_path("Price", &function).payload(obj!({ "id": path("$.id") })).output_path("$.Payload"));
    /// w.add(LambdaInvoke::jsonata("Ask", &function)
    ///     .wait_for_task_token(|token| obj!({ "token": token, "question": jsonata("$states.input.question") })));
    /// ```
    LambdaInvoke(LambdaInvokeProps) {
        patterns { RequestResponse }
        required {
            /// The function (field `FunctionName`).
            #[doc(alias = "lambdaFunction")]
            function: (FunctionRef),
        }
        optional {
            /// What the function gets; the input of the state by default.
            payload: any => "Payload",
            /// Whether failures of the Lambda service are retried; they are by default.
            #[doc(alias = "retryOnServiceExceptions")]
            retry_on_service_exceptions: (bool),
        }
        kept {
            invocation_type: (LambdaInvocationType) => "InvocationType",
            client_context: text => "ClientContext",
            qualifier: text => "Qualifier",
            payload_response_only: (bool),
        }
    }
}

token_in!(LambdaInvoke.payload: any, RequestResponse);

setters!([P: FullResponse] LambdaInvoke.props {
    /// Whether the task waits for the function.
    #[doc(alias = "invocationType")]
    invocation_type: (LambdaInvocationType) => "InvocationType",
    /// Data about the caller in Base64, at most 3,583 bytes.
    #[doc(alias = "clientContext")]
    client_context: text => "ClientContext",
    /// A version or alias; better is a reference to it, [`FunctionRef::version_from_arn`].
    qualifier: text => "Qualifier",
});

impl<L: crate::Language> LambdaInvoke<L, RequestResponse> {
    /// Makes the payload of the function's response the result of the task, instead of all that Lambda says.
    ///
    /// The function itself is the resource of the task then: there is no invocation type, context or qualifier.
    #[doc(alias = "payloadResponseOnly")]
    #[must_use]
    pub fn payload_response_only(mut self) -> LambdaInvoke<L, ResponseOnly> {
        self.props.payload_response_only = Some(true);
        self.with_pattern()
    }
}

/// The result of the task is the payload alone; see [`LambdaInvoke::payload_response_only`].
#[derive(Clone, Copy, Debug)]
pub enum ResponseOnly {}

impl Pattern for ResponseOnly {
    const PATTERN: IntegrationPattern = IntegrationPattern::RequestResponse;
}

/// The result of the task is all that Lambda says.
pub trait FullResponse: Pattern {}
impl FullResponse for RequestResponse {}
impl FullResponse for WaitForTaskToken {}

words! {
    /// How a function is invoked.
    LambdaInvocationType {
        /// The task waits for the function
        RequestResponse = "RequestResponse",
        /// The task does not wait
        Event = "Event",
        /// The function is not run; permissions and parameters are checked
        DryRun = "DryRun",
    }
}

impl Task for LambdaInvokeProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.allow(["lambda:InvokeFunction"], self.function.invocable());
        cx.require_token(
            &self.payload,
            "IsRequiredTaskTokenRequired",
            "Task Token is required in `payload` for callback. Use JsonPath.taskToken to set the token.",
        );
        let of_call = [self.qualifier.is_some(), self.client_context.is_some(), self.invocation_type.is_some()];
        if self.payload_response_only == Some(true) {
            if of_call.contains(&true) {
                cx.refuse(
                    "PayloadResponseOnlyRestriction",
                    "The 'payloadResponseOnly' property cannot be used if 'integrationPattern', 'invocationType', 'clientContext', or 'qualifier' are specified.",
                );
            }
            let parameters = self.payload.clone();
            return TaskFields { parameters, ..TaskFields::without_parameters(self.function.arn().clone()) };
        }
        let mut fields = Fields::new().set("FunctionName", self.function.arn().clone());
        if self.payload.is_none() {
            fields.put("Payload", whole_input(cx.language));
        }
        fields.extend(self.fields());
        TaskFields::new(cx.integration("lambda", "invoke"), fields)
    }

    fn retries(&self) -> Vec<Retry> {
        if self.retry_on_service_exceptions == Some(false) { Vec::new() } else { vec![service_exceptions()] }
    }
}

has_metrics!(LambdaInvoke);

impl HasMetrics for LambdaInvokeProps {
    fn metrics(&self) -> Metrics {
        let mut dimensions = vec![("LambdaFunctionArn", Json::Cfn(self.function.arn().clone()))];
        dimensions.extend(self.qualifier.clone().map(|qualifier| ("Qualifier", qualifier)));
        Metrics::new("LambdaFunction", "LambdaFunctions", dimensions)
    }
}

/// What a task sends if nothing is said: the whole input of its state.
pub(crate) fn whole_input(language: QueryLanguage) -> Json {
    match language {
        QueryLanguage::JsonPath => Json::Path(path("$")),
        QueryLanguage::Jsonata => Json::from("{% $states.input %}"),
    }
}

/// The retry that AWS recommends for failures of the Lambda service.
pub(crate) fn service_exceptions() -> Retry {
    Retry::new()
        .errors([
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
        ])
        .interval(Duration::from_secs(2))
        .max_attempts(6)
        .backoff_rate(2.0)
}
