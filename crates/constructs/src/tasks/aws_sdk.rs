//! Any API of AWS: CallAwsService, and in another region CallAwsServiceCrossRegion.

use stepwell_value::Str;

use super::function::{NewFunction, NodeRuntime};
use super::lambda::service_exceptions;
use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::retry::Retry;
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
            /// The service, as the SDK of JavaScript names it: `s3`, `sfn`.
            service: (String),
            /// The API, in camel case: `getObject`.
            action: (String),
            /// What the policy allows the API for.
            #[doc(alias = "iamResources")]
            iam_resources: [Cfn],
        }
        optional {
            /// The parameters of the API; their names begin with a capital letter (ASL fields `Parameters`, `Arguments`).
            parameters: object,
            /// What the machine must be allowed; `service:action` if nothing is said.
            #[doc(alias = "iamAction")]
            iam_action: (String),
            /// What else the machine must be allowed.
            #[doc(alias = "additionalIamStatements")]
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
        cx.needs.statements.extend(self.additional_iam_statements.iter().flatten().cloned());
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

/// What actions of the service begin with in policies, by the service authorization reference.
///
/// The CDK knows `bedrockagent`, `cloudwatchlogs`, `efs`, `elasticloadbalancingv2`, `mediapackagevod`, `mwaa` and `sfn`
/// alone; for the others it asks for actions that do not exist.
pub(crate) fn iam_prefix(service: &str) -> &str {
    match service {
        "accessanalyzer" => "access-analyzer",
        "acmpca" => "acm-pca",
        "amp" => "aps",
        "applicationautoscaling" => "application-autoscaling",
        "bedrockagent" | "bedrockagentruntime" | "bedrockruntime" => "bedrock",
        "cloudwatchlogs" => "logs",
        "codestarconnections" => "codestar-connections",
        "cognitoidentity" => "cognito-identity",
        "cognitoidentityprovider" => "cognito-idp",
        "computeoptimizer" => "compute-optimizer",
        "costandusagereport" => "cur",
        "costexplorer" => "ce",
        "databasemigration" => "dms",
        "directory" => "ds",
        "docdb" | "neptune" => "rds",
        "dynamodbstreams" => "dynamodb",
        "ecrpublic" => "ecr-public",
        "efs" => "elasticfilesystem",
        "elasticloadbalancingv2" => "elasticloadbalancing",
        "elasticsearch" | "opensearch" => "es",
        "emr" => "elasticmapreduce",
        "emrcontainers" => "emr-containers",
        "emrserverless" => "emr-serverless",
        "eventbridge" => "events",
        "greengrassv2" => "greengrass",
        "kinesisanalyticsv2" => "kinesisanalytics",
        "lexmodelsv2" | "lexruntimev2" => "lex",
        "licensemanager" => "license-manager",
        "location" => "geo",
        "mediapackagevod" => "mediapackage-vod",
        "mwaa" => "airflow",
        "networkfirewall" => "network-firewall",
        "opensearchserverless" => "aoss",
        "personalizeruntime" | "personalizeevents" => "personalize",
        "pinpoint" => "mobiletargeting",
        "rdsdata" => "rds-data",
        "redshiftdata" => "redshift-data",
        "redshiftserverless" => "redshift-serverless",
        "resourcegroups" => "resource-groups",
        "s3control" => "s3",
        "sagemakerruntime" | "sagemakerfeaturestoreruntime" => "sagemaker",
        "serverlessapplicationrepository" => "serverlessrepo",
        "sesv2" => "ses",
        "sfn" => "states",
        "ssmincidents" => "ssm-incidents",
        "ssoadmin" => "sso",
        "timestreamquery" | "timestreamwrite" => "timestream",
        "vpclattice" => "vpc-lattice",
        "wafregional" => "waf-regional",
        other => other,
    }
}

task! {
    /// Calls an API of any service of AWS in another region, by a function that the template makes for all such tasks.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let bucket = BucketRef::from_name("orders-tokyo");
    /// w.add(CallAwsServiceCrossRegion::json_path("Read", "s3", "getObject", "ap-northeast-1", [bucket.arn_for_objects("*")])
    ///     .parameters(obj!({ "Bucket": bucket.name(), "Key": path("$.key") })));
    /// ```
    CallAwsServiceCrossRegion(CallAwsServiceCrossRegionProps) {
        patterns { RequestResponse }
        required {
            /// The service, as the SDK of JavaScript names it: `s3`, `sfn`.
            service: (String),
            /// The API, in camel case: `getObject`.
            action: (String),
            /// The region.
            region: text => "region",
            /// What the policy allows the API for.
            #[doc(alias = "iamResources")]
            iam_resources: [Cfn],
        }
        optional {
            /// The parameters of the API, as the SDK for JavaScript takes them.
            parameters: object,
            /// Another endpoint of the service.
            endpoint: text => "endpoint",
            /// What the function must be allowed; `service:action` if nothing is said.
            #[doc(alias = "iamAction")]
            iam_action: (String),
            /// What else the function must be allowed.
            #[doc(alias = "additionalIamStatements")]
            additional_iam_statements: [Statement],
            /// Whether failures of the Lambda service are retried; they are by default.
            #[doc(alias = "retryOnServiceExceptions")]
            retry_on_service_exceptions: (bool),
        }
    }
}

token_in!(CallAwsServiceCrossRegion.parameters: object, RequestResponse);

/// The code of the function.
const CODE: &str = include_str!("functions/call.js");

/// The CDK's name for the function.
const FUNCTION: &str = "CrossRegionAwsSdk8a0c93f3dbef4b71ac137aaf2048ce7e";

/// How long an API may take, in seconds.
const TIMEOUT_S: u32 = 30;

const ENDPOINT_WARNING: &str = "The endpoint property is resolved from the Step Functions state input (e.g. JsonPath or JSONata). This means the endpoint is controlled at runtime by whoever starts the execution. They could redirect the authenticated AWS API call to their own server, intercepting and replaying it. Only use a runtime-resolved endpoint if you trust all principals that can start executions of this state machine. [ack: @aws-cdk/aws-stepfunctions-tasks:crossRegionEndpointSsrfRisk]";

impl Task for CallAwsServiceCrossRegionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        if !self.action.starts_with(|c: char| c.is_lowercase()) {
            cx.refuse("MustBeActionCamelCase", format!("action must be camelCase, got: {}", self.action));
        }
        if self.endpoint.as_ref().is_some_and(Json::is_dynamic) {
            cx.needs.warnings.push(ENDPOINT_WARNING.to_owned());
        }
        let service = self.service.to_lowercase();
        let action = self.iam_action.clone().unwrap_or_else(|| format!("{}:{}", iam_prefix(&service), self.action));
        let mut statements = vec![Statement::allow([action], self.iam_resources.clone())];
        statements.extend(self.additional_iam_statements.iter().flatten().cloned());
        let function = NewFunction {
            path: &[Str::from(FUNCTION)],
            role: &[Str::from(FUNCTION), Str::from("ServiceRole")],
            code: CODE,
            runtime: NodeRuntime::LATEST,
            architecture: None,
            timeout_s: Some(TIMEOUT_S),
            statements,
        };
        let function = function.make_invocable(cx);
        let mut call = self.fields().set("action", self.action.as_str()).set("service", self.service.as_str());
        if let Some(parameters) = &self.parameters {
            call.put("parameters", parameters.clone());
        }
        match cx.pattern {
            IntegrationPattern::WaitForTaskToken => {
                let fields = Fields::new().set("FunctionName", function).set("Payload", call);
                TaskFields::new(cx.integration("lambda", "invoke"), fields)
            }
            _ => TaskFields::new(function, call),
        }
    }

    fn retries(&self) -> Vec<Retry> {
        if self.retry_on_service_exceptions == Some(false) { Vec::new() } else { vec![service_exceptions()] }
    }
}
