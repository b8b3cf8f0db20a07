//! Any API of AWS: CallAwsService.

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::task::{Task, TaskContext, TaskFields, task, token_in};

task! {
    /// Calls an API of any service of AWS.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let bucket = BucketRef::from_name("orders");
    /// w.add(CallAwsService::json_path("Read", "s3", "getObject", [bucket.arn_for_objects("*")])
    ///     .parameters(obj!({ "Bucket": bucket.name(), "Key": path("$.key") })));
    /// ```
    CallAwsService(CallAwsServiceProps) {
        patterns { RequestResponse }
        required {
            service: (String),
            action: (String),
            iam_resources: [Cfn],
        }
        optional {
            /// The parameters of the API; their names begin with a capital letter (ASL fields `Parameters`, `Arguments`).
            parameters: object,
            /// What the machine must be allowed; `service:action` if nothing is said.
            iam_action: (String),
            /// What else the machine must be allowed.
            additional_iam_statements: [Statement],
        }
    }
}

token_in!(CallAwsService.parameters: object, RequestResponse);

impl Task for CallAwsServiceProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        if !self.action.starts_with(|c: char| c.is_lowercase()) {
            cx.refuse("ActionCamelCase", format!("action must be camelCase, got: {}", self.action));
        }
        if let Some(wrong) = wrong_names(&self.parameters) {
            cx.refuse("MustBeParameterNamesPascalcase", format!("parameter names must be PascalCase, got: {wrong}"));
        }
        let service = self.service.to_lowercase();
        let action = self.iam_action.clone().unwrap_or_else(|| format!("{}:{}", iam_prefix(&service), self.action));
        cx.allow([action], self.iam_resources.clone());
        cx.statements.extend(self.additional_iam_statements.iter().flatten().cloned());
        let parameters = self.parameters.clone().unwrap_or_else(|| Fields::new().into());
        TaskFields::new(cx.integration(&format!("aws-sdk:{service}"), &self.action), parameters)
    }
}

/// The names that do not begin with a capital letter.
pub(crate) fn wrong_names(parameters: &Option<Json>) -> Option<String> {
    let Some(Json::Object(members)) = parameters else { return None };
    let wrong: Vec<&str> = members
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !name.starts_with(|c: char| c.is_uppercase()))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// What actions of the service begin with in policies.
pub(crate) fn iam_prefix(service: &str) -> &str {
    match service {
        "bedrockagent" => "bedrock",
        "cloudwatchlogs" => "logs",
        "efs" => "elasticfilesystem",
        "elasticloadbalancingv2" => "elasticloadbalancing",
        "mediapackagevod" => "mediapackage-vod",
        "mwaa" => "airflow",
        "sfn" => "states",
        other => other,
    }
}
