//! Glue: GlueStartJobRun, GlueStartCrawlerRun.

use std::time::Duration;

use crate::IntegrationPattern;
use crate::field::{seconds_in_minutes, whole_minutes};
use crate::json::Fields;
use crate::metrics::Metrics;
use crate::state::words;
use crate::task::{HasMetrics, Task, TaskContext, TaskFields, has_metrics, record, task};

task! {
    /// Starts a job.
    ///
    /// Its timeout is the job's own, in whole minutes (field `Timeout`).
    ///
    /// ```
    /// use std::time::Duration;
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(GlueStartJobRun::json_path("Crunch", "nightly")
    ///     .run_job()
    ///     .arguments(obj!({ "--day": path("$.day") }))
    ///     .worker_configuration(WorkerConfiguration::new(WorkerType::G1x, 4))
    ///     .timeout(Duration::from_secs(30 * 60)));
    /// ```
    GlueStartJobRun(GlueStartJobRunProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The name of the job.
            #[doc(alias = "jobName")]
            #[doc(alias = "glueJobName")]
            job_name: text => "JobName",
        }
        optional {
            /// The arguments of this run, in place of those of the job.
            arguments: any => "Arguments",
            /// After how many whole minutes it is told that the job still runs (field `NotificationProperty.NotifyDelayAfter`).
            #[doc(alias = "notifyDelayAfter")]
            notify_delay_after: (Duration),
            /// The name of a security configuration.
            #[doc(alias = "securityConfiguration")]
            security_configuration: text => "SecurityConfiguration",
            /// Whether the job may wait for spare capacity.
            #[doc(alias = "executionClass")]
            execution_class: (ExecutionClass) => "ExecutionClass",
            /// How many workers of which kind (fields `WorkerType`, `NumberOfWorkers`).
            #[doc(alias = "workerConfiguration")]
            worker_configuration: {WorkerConfiguration},
        }
    }
}

record! {
    /// How many workers of which kind run a job.
    #[doc(alias = "WorkerConfigurationProperty")]
    #[doc(alias = "WorkerTypeV2")]
    WorkerConfiguration(WorkerConfigurationData) plain {
        required {
            /// The kind of the workers.
            #[doc(alias = "workerType")]
            #[doc(alias = "workerTypeV2")]
            worker_type: text => "WorkerType",
            /// How many workers.
            #[doc(alias = "numberOfWorkers")]
            number_of_workers: int => "NumberOfWorkers",
        }
        optional {}
    }
}

words! {
    /// The kind of a worker; its name can also be given as text, or computed.
    WorkerType {
        /// 4 CPUs, 16 GB
        Standard = "Standard",
        /// A quarter of a data processing unit: 2 CPUs, 4 GB
        G025x = "G.025X",
        /// One unit: 4 CPUs, 16 GB
        G1x = "G.1X",
        /// Two units: 8 CPUs, 32 GB
        G2x = "G.2X",
        /// Four units: 16 CPUs, 64 GB
        G4x = "G.4X",
        /// Eight units: 32 CPUs, 128 GB
        G8x = "G.8X",
        /// For jobs of Ray: 8 CPUs, 64 GB
        Z2x = "Z.2X",
    }
    /// Whether a job may wait for spare capacity.
    ExecutionClass {
        /// It may: it costs less
        Flex = "FLEX",
        /// It starts at once
        Standard = "STANDARD",
    }
}

impl Task for GlueStartJobRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let job = cx.arn_of_named("glue", "job/", &self.job_name);
        match cx.pattern {
            IntegrationPattern::RunJob => {
                cx.allow(["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"], [job]);
            }
            _ => cx.allow(["glue:StartJobRun"], [job]),
        }
        let mut fields = self.fields();
        if let Some(timeout) = &cx.common.timeout {
            fields.put("Timeout", seconds_in_minutes(timeout));
        }
        if let Some(delay) = self.notify_delay_after {
            fields.put("NotificationProperty", Fields::new().set("NotifyDelayAfter", whole_minutes(delay)));
        }
        if let Some(workers) = &self.worker_configuration {
            fields.extend(workers.fields());
        }
        TaskFields { own_timeout: true, ..TaskFields::new(cx.integration("glue", "startJobRun"), fields) }
    }
}

has_metrics!(GlueStartJobRun);

impl HasMetrics for GlueStartJobRunProps {
    fn metrics(&self) -> Metrics {
        Metrics::new("GlueJob", "GlueJobs", vec![("GlueJobName", self.job_name.clone())])
    }
}

task! {
    /// Starts a crawler; it does not wait until it is done.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(GlueStartCrawlerRun::json_path("Crawl", "orders"));
    /// ```
    GlueStartCrawlerRun(GlueStartCrawlerRunProps) {
        patterns { RequestResponse }
        required {
            /// The name of the crawler.
            #[doc(alias = "crawlerName")]
            crawler_name: text => "Name",
        }
        optional {}
    }
}

impl Task for GlueStartCrawlerRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let crawler = cx.arn_of_named("glue", "crawler/", &self.crawler_name);
        cx.allow(["glue:StartCrawler", "glue:GetCrawler"], [crawler]);
        TaskFields::new(cx.integration("aws-sdk:glue", "startCrawler"), self.fields())
    }
}
