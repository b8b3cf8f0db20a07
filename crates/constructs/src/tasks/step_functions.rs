//! Step Functions itself: StepFunctionsStartExecution, StepFunctionsInvokeActivity.

use stepwell_value::Str;

use super::lambda::whole_input;
use crate::activity::ActivityRef;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::metrics::Metrics;
use crate::references::StateMachineRef;
use crate::task::{HasMetrics, Task, TaskContext, TaskFields, has_metrics, integration, task, token_in};
use crate::{IntegrationPattern, IntoField, JsonPath, Jsonata, Obj, QueryLanguage, path};

task! {
    /// Starts an execution of another state machine.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let child = StateMachineRef::from_name("child");
    /// w.add(StepFunctionsStartExecution::json_path("Start", &child)
    ///     .run_job()
    ///     .input(obj!({ "order": path("$.order") }))
    ///     .associate_with_parent(true));
    /// ```
    StepFunctionsStartExecution(StepFunctionsStartExecutionProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The machine (field `StateMachineArn`).
            #[doc(alias = "stateMachine")]
            state_machine: (StateMachineRef),
        }
        optional {
            /// The input of the execution (field `Input`); that of the state if nothing is said.
            input: any,
            /// The name of the execution.
            name: text => "Name",
            /// Whether the console shows the executions as parent and child; the input must be an object then.
            #[doc(alias = "associateWithParent")]
            associate_with_parent: (bool),
        }
    }
}

token_in!(StepFunctionsStartExecution.input: any, RequestResponse);

const STARTED_BY: &str = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";

impl Task for StepFunctionsStartExecutionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.require_token(
            &self.input,
            "IsRequiredTaskTokenRequired",
            "Task Token is required in `input` for callback. Use JsonPath.taskToken to set the token.",
        );
        cx.allow(["states:StartExecution"], [self.state_machine.arn().clone()]);
        if cx.pattern == IntegrationPattern::RunJob {
            let executions = self.state_machine.executions(cx.environment, "*");
            cx.allow(["states:DescribeExecution", "states:StopExecution"], [executions]);
            cx.allow_managed_rule("StepFunctionsGetEventsForStepFunctionsExecutionRule");
        }
        let input = self.rendered_input(cx);
        let mut fields = Fields::new().set("Input", input).set("StateMachineArn", self.state_machine.arn().clone());
        fields.extend(self.fields());
        // The result of `.sync:2` is JSON, that of `.sync` text.
        let resource = match cx.pattern {
            IntegrationPattern::RunJob => integration("states", "startExecution.sync:2"),
            _ => cx.integration("states", "startExecution"),
        };
        TaskFields::new(resource, fields)
    }
}

impl StepFunctionsStartExecutionProps {
    fn rendered_input(&self, cx: &mut TaskContext<'_>) -> Json {
        if self.associate_with_parent != Some(true) {
            return self.input.clone().unwrap_or_else(|| whole_input(cx.language));
        }
        let parent = match cx.language {
            QueryLanguage::JsonPath => Json::Path(path("$$.Execution.Id")),
            QueryLanguage::Jsonata => Json::from("{% $states.context.Execution.Id %}"),
        };
        match &self.input {
            None => Json::Object(vec![(Str::from(STARTED_BY), parent)]),
            Some(Json::Object(members)) => {
                let mut members = members.clone();
                members.push((Str::from(STARTED_BY), parent));
                Json::Object(members)
            }
            Some(other) => {
                cx.refuse(
                    "CouldEnableBecauseTaken",
                    "Could not enable `associateWithParent` because `input` is taken directly from a JSON path. Use `sfn.TaskInput.fromObject` instead.",
                );
                other.clone()
            }
        }
    }
}

task! {
    /// Hands its input to a worker that asks for tasks of an activity, and waits for the answer.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let activity = ActivityRef::from_arn("arn:aws:states:us-east-1:123456789012:activity:approve");
    /// w.add(StepFunctionsInvokeActivity::json_path("Approve", &activity).parameters(obj!({ "order": path("$.id") })));
    /// w.add(StepFunctionsInvokeActivity::jsonata("Pack", &activity).arguments(jsonata("$states.input.items")));
    /// ```
    StepFunctionsInvokeActivity(StepFunctionsInvokeActivityProps) {
        patterns { RequestResponse }
        required {
            /// The activity (field `Resource`).
            activity: (ActivityRef),
        }
        optional {}
        kept {
            parameters: any,
        }
    }
}

impl StepFunctionsInvokeActivity<JsonPath> {
    /// What the worker gets (ASL field `Parameters`); the input of the state if nothing is said.
    #[must_use]
    pub fn parameters(mut self, parameters: Obj<JsonPath>) -> Self {
        self.props.parameters = Some(parameters.into_json());
        self
    }
}

impl StepFunctionsInvokeActivity<Jsonata> {
    /// What the worker gets (ASL field `Arguments`); the input of the state if nothing is said.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoField<Jsonata>) -> Self {
        self.props.parameters = Some(arguments.into_field().0);
        self
    }
}

impl Task for StepFunctionsInvokeActivityProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let arn = self.activity.arn();
        if let Some(key) = &self.activity.key {
            let use_key = Statement::allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.arn().clone()]);
            let of_activity = "kms:EncryptionContext:aws:states:activityArn";
            cx.needs.statements.push(use_key.when("StringEquals", of_activity, arn));
        }
        TaskFields { parameters: self.parameters.clone(), ..TaskFields::without_parameters(arn.clone()) }
    }
}

has_metrics!(StepFunctionsInvokeActivity);

impl HasMetrics for StepFunctionsInvokeActivityProps {
    fn metrics(&self) -> Metrics {
        self.activity.metrics()
    }
}
