//! MediaConvert: MediaConvertCreateJob.

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::task::{Task, TaskContext, TaskFields, task};

task! {
    /// Starts a job that converts media.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let role = RoleRef::from_logical_id("Converter");
    /// w.add(MediaConvertCreateJob::json_path("Convert", role.arn(), obj!({ "Inputs": [{ "FileInput": path("$.file") }] }))
    ///     .run_job()
    ///     .request(obj!({ "Queue": path("$.queue") })));
    /// ```
    MediaConvertCreateJob(MediaConvertCreateJobProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The ARN of the role of the job.
            role: text => "Role",
            /// The settings of the job, as the API knows them.
            settings: any => "Settings",
        }
        optional {
            /// The other members of the request, such as `Queue` and `Tags`.
            #[doc(alias = "createJobRequest")]
            request: object,
        }
    }
}

impl Task for MediaConvertCreateJobProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let role = self.role.deployed().unwrap_or_else(|| Cfn::from("*"));
        let pass_role = Statement::allow(["iam:PassRole"], [role]);
        let service = Cfn::from("mediaconvert.amazonaws.com");
        cx.needs.statements.push(pass_role.when("StringLike", "iam:PassedToService", &service));
        cx.allow(["mediaconvert:CreateJob"], [Cfn::from("*")]);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow(["mediaconvert:GetJob", "mediaconvert:CancelJob"], [Cfn::from("*")]);
            cx.allow_managed_rule("StepFunctionsGetEventsForMediaConvertJobRule");
        }
        let mut fields: Fields = self.fields();
        if let Some(Json::Object(members)) = &self.request {
            members.iter().for_each(|(key, value)| fields.put(key.clone(), value.clone()));
        }
        TaskFields::new(cx.integration("mediaconvert", "createJob"), fields)
    }
}
