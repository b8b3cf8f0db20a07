//! EMR Serverless: the tasks that work with applications and their jobs. The CDK has no constructs for them.
//!
//! Parameters, waiting and permissions are those of the Step Functions developer guide, "Create and manage
//! Amazon EMR Serverless applications with Step Functions".

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::Json;
use crate::references::RoleRef;
use crate::task::{Task, TaskContext, TaskFields, task};

task! {
    /// Makes an application of EMR Serverless: its release and its type, `Spark` or `Hive`.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrServerlessCreateApplication::json_path("Make", "emr-7.1.0", "Spark").name("nightly").run_job());
    /// ```
    EmrServerlessCreateApplication(CreateApplicationProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The release of EMR: `emr-7.0.0`.
            #[doc(alias = "releaseLabel")]
            release_label: text => "ReleaseLabel",
            /// What it is for: `SPARK`, `HIVE`.
            application_type: text => "Type",
        }
        optional {
            /// The processors, `X86_64` or `ARM64`.
            architecture: text => "Architecture",
            /// Whether a job starts the application; it does by default.
            auto_start_configuration: object => "AutoStartConfiguration",
            /// When the application stops by itself; after 15 idle minutes by default.
            auto_stop_configuration: object => "AutoStopConfiguration",
            /// A word by which a repeated request is known, at most 64 characters; made up if nothing is said.
            #[doc(alias = "clientToken")]
            client_token: text => "ClientToken",
            /// The capacity that is there when the application starts.
            initial_capacity: object => "InitialCapacity",
            /// The greatest capacity.
            maximum_capacity: object => "MaximumCapacity",
            /// The name.
            name: text => "Name",
            /// The network of its workers.
            network_configuration: object => "NetworkConfiguration",
            /// Tags of the application.
            tags: object => "Tags",
        }
    }
}

task! {
    /// Starts an application of EMR Serverless, which is given by its id.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrServerlessStartApplication::json_path("Start", path("$.ApplicationId")).run_job());
    /// ```
    EmrServerlessStartApplication(StartApplicationProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the application.
            application_id: text => "ApplicationId",
        }
        optional {}
    }
}

task! {
    /// Stops an application of EMR Serverless, which is given by its id.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrServerlessStopApplication::json_path("Stop", path("$.ApplicationId")).run_job());
    /// ```
    EmrServerlessStopApplication(StopApplicationProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the application.
            application_id: text => "ApplicationId",
        }
        optional {}
    }
}

task! {
    /// Deletes an application of EMR Serverless, which is given by its id.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrServerlessDeleteApplication::jsonata("Delete", jsonata("$states.input.ApplicationId")));
    /// ```
    EmrServerlessDeleteApplication(DeleteApplicationProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the application.
            application_id: text => "ApplicationId",
        }
        optional {}
    }
}

task! {
    /// Runs a job in an application of EMR Serverless, as a role.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let role = RoleRef::from_logical_id("JobRole");
    /// let spark = obj!({ "SparkSubmit": { "EntryPoint": "s3://jobs/count.py" } });
    /// w.add(EmrServerlessStartJobRun::json_path("Count", path("$.ApplicationId"), &role, spark).run_job());
    /// ```
    EmrServerlessStartJobRun(StartServerlessJobRunProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the application.
            application_id: text => "ApplicationId",
            /// The role of the job (field `ExecutionRoleArn`).
            #[doc(alias = "executionRole")]
            execution_role: (RoleRef),
            /// What runs: the member `sparkSubmit` or `hive`.
            #[doc(alias = "jobDriver")]
            job_driver: object => "JobDriver",
        }
        optional {
            /// A word by which a repeated request is known, at most 64 characters; made up if nothing is said.
            #[doc(alias = "clientToken")]
            client_token: text => "ClientToken",
            /// Configurations of applications, and where the logs go.
            configuration_overrides: object => "ConfigurationOverrides",
            /// How long the job may take, in minutes; 12 hours by default.
            execution_timeout_minutes: int => "ExecutionTimeoutMinutes",
            /// The name of the run.
            name: text => "Name",
            /// Tags of the run.
            tags: object => "Tags",
        }
    }
}

task! {
    /// Cancels a run of a job of EMR Serverless: the application's id, and that of the run.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrServerlessCancelJobRun::json_path("Cancel", path("$.ApplicationId"), path("$.JobRunId")));
    /// ```
    EmrServerlessCancelJobRun(CancelServerlessJobRunProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the application.
            application_id: text => "ApplicationId",
            /// The id of the run.
            job_run_id: text => "JobRunId",
        }
        optional {}
    }
}

const SERVICE: &str = "emr-serverless";
const APPLICATION_RULE: &str = "StepFunctionsGetEventsForEMRServerlessApplicationRule";
const JOB_RULE: &str = "StepFunctionsGetEventsForEMRServerlessJobRule";

impl Task for CreateApplicationProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let everything = cx.arn(SERVICE, "/*");
        cx.allow(["emr-serverless:CreateApplication"], [everything]);
        if waits(cx) {
            let applications = cx.arn(SERVICE, "/applications/*");
            cx.allow(["emr-serverless:GetApplication", "emr-serverless:DeleteApplication"], [applications]);
            cx.allow_managed_rule(APPLICATION_RULE);
        }
        let role = "role/aws-service-role/ops.emr-serverless.amazonaws.com/AWSServiceRoleForAmazonEMRServerless*";
        let role = cx.environment.arn_in("iam", Cfn::default(), cx.environment.account(), role);
        let linked = Statement::allow(["iam:CreateServiceLinkedRole"], [role]);
        let service = Cfn::from("ops.emr-serverless.amazonaws.com");
        cx.needs.statements.push(linked.when("StringLike", "iam:AWSServiceName", &service));
        TaskFields::new(cx.integration(SERVICE, "createApplication"), self.fields())
    }
}

impl Task for StartApplicationProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_application(cx, &self.application_id, "StartApplication", &["GetApplication", "StopApplication"]);
        TaskFields::new(cx.integration(SERVICE, "startApplication"), self.fields())
    }
}

impl Task for StopApplicationProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_application(cx, &self.application_id, "StopApplication", &["GetApplication"]);
        TaskFields::new(cx.integration(SERVICE, "stopApplication"), self.fields())
    }
}

impl Task for DeleteApplicationProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_application(cx, &self.application_id, "DeleteApplication", &["GetApplication"]);
        TaskFields::new(cx.integration(SERVICE, "deleteApplication"), self.fields())
    }
}

impl Task for StartServerlessJobRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let application = cx.arn_of_named(SERVICE, "/applications/", &self.application_id);
        let watch = ["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"];
        let runs = self.application_id.deployed().map(|_| application.clone().then("/jobruns/*"));
        cx.allow(["emr-serverless:StartJobRun"], [application.clone()]);
        let pass = Statement::allow(["iam:PassRole"], [self.execution_role.arn().clone()]);
        let service = Cfn::from("emr-serverless.amazonaws.com");
        cx.needs.statements.push(pass.when("StringEquals", "iam:PassedToService", &service));
        if waits(cx) {
            cx.allow(watch, [runs.unwrap_or(application)]);
            cx.allow_managed_rule(JOB_RULE);
        }
        let fields = self.fields().set("ExecutionRoleArn", self.execution_role.arn().clone());
        TaskFields::new(cx.integration(SERVICE, "startJobRun"), fields)
    }
}

impl Task for CancelServerlessJobRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let run = match (self.application_id.deployed(), self.job_run_id.deployed()) {
            (Some(application), Some(run)) => application.then("/jobruns/").then(run),
            _ => Cfn::from("*"),
        };
        let run = cx.arn(SERVICE, Cfn::from("/applications/").then(run));
        let mut actions = vec!["emr-serverless:CancelJobRun"];
        if waits(cx) {
            actions.push("emr-serverless:GetJobRun");
        }
        cx.allow(actions, [run]);
        if waits(cx) {
            cx.allow_managed_rule(JOB_RULE);
        }
        TaskFields::new(cx.integration(SERVICE, "cancelJobRun"), self.fields())
    }
}

fn waits(cx: &TaskContext<'_>) -> bool {
    cx.pattern == IntegrationPattern::RunJob
}

/// Asks for an action with an application, and for those by which the task waits.
fn allow_with_application(cx: &mut TaskContext<'_>, id: &Json, action: &str, watch: &[&str]) {
    let watch = if waits(cx) { watch } else { &[] };
    let actions = std::iter::once(&action).chain(watch).map(|action| format!("emr-serverless:{action}"));
    let application = cx.arn_of_named(SERVICE, "/applications/", id);
    cx.allow(actions, [application]);
    if waits(cx) {
        cx.allow_managed_rule(APPLICATION_RULE);
    }
}
