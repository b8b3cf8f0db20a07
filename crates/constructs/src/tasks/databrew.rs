//! Glue DataBrew: GlueDataBrewStartJobRun.

use crate::IntegrationPattern;
use crate::task::{Task, TaskContext, TaskFields, task};

task! {
    /// Runs a job of Glue DataBrew.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(GlueDataBrewStartJobRun::json_path("Clean", "clean-orders").run_job());
    /// ```
    GlueDataBrewStartJobRun(GlueDataBrewStartJobRunProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The name of the job.
            name: text => "Name",
        }
        optional {}
    }
}

impl Task for GlueDataBrewStartJobRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let mut actions = vec!["databrew:startJobRun"];
        if cx.pattern == IntegrationPattern::RunJob {
            actions.extend(["databrew:stopJobRun", "databrew:listJobRuns"]);
        }
        let job = cx.arn_of_named("databrew", "job/", &self.name);
        cx.allow(actions, [job]);
        TaskFields::new(cx.integration("databrew", "startJobRun"), self.fields())
    }
}
