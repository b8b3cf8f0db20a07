//! What a machine logs.

use std::sync::Arc;

use stepwell_value::Value;

use crate::cfn::Cfn;
use crate::error::Problem;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::LogGroupRef;
use crate::state::words;

/// What a state machine logs, and where.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let logs = Logs::new().destination(&LogGroupRef::from_logical_id("Logs")).level(LogLevel::All).include_execution_data(true);
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello"))).logs(logs).tracing(true).build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "LogOptions")]
#[derive(Clone, Debug, Default)]
pub struct Logs {
    destination: Option<LogGroupRef>,
    level: Option<LogLevel>,
    include_execution_data: Option<bool>,
}

words! {
    /// What is logged.
    LogLevel {
        /// Everything
        All = "ALL",
        /// Errors
        Error = "ERROR",
        /// Errors that end an execution
        Fatal = "FATAL",
        /// Nothing
        Off = "OFF",
    }
}

impl Logs {
    /// Errors without data; a destination is needed, unless the level is `Off`.
    pub fn new() -> Logs {
        Logs::default()
    }

    /// The log group.
    #[must_use]
    pub fn destination(mut self, group: &LogGroupRef) -> Logs {
        self.destination = Some(group.clone());
        self
    }

    /// What is logged; `Error` by default.
    #[must_use]
    pub fn level(mut self, level: LogLevel) -> Logs {
        self.level = Some(level);
        self
    }

    /// Whether inputs and outputs are logged, too.
    #[doc(alias = "includeExecutionData")]
    #[must_use]
    pub fn include_execution_data(mut self, include: bool) -> Logs {
        self.include_execution_data = Some(include);
        self
    }

    pub(super) fn problem(&self) -> Option<Arc<Problem>> {
        (!self.are_delivered() && self.level != Some(LogLevel::Off))
            .then(|| Problem::new("LogsDestinationRequired", "Logs destination is required when level is not OFF."))
    }

    /// Whether they go anywhere.
    pub(super) fn are_delivered(&self) -> bool {
        self.destination.is_some()
    }

    /// What the role must be allowed to log.
    pub(super) fn statement(&self) -> Option<Statement> {
        self.are_delivered().then(|| Statement::allow(DELIVER, [Cfn::from("*")]))
    }

    pub(super) fn render(&self) -> Fields {
        let mut fields = Fields::new();
        if let Some(group) = &self.destination {
            let group = Fields::new().set("LogGroupArn", group.arn().clone());
            let destination: Json = Fields::new().set("CloudWatchLogsLogGroup", group).into();
            fields.put("Destinations", Json::Array(vec![destination]));
        }
        if let Some(include) = self.include_execution_data {
            fields.put("IncludeExecutionData", Value::from(include));
        }
        fields.set("Level", self.level.unwrap_or(LogLevel::Error).to_json())
    }
}

const DELIVER: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];
