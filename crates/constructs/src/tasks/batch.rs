//! Batch: BatchSubmitJob.

use stepwell_value::{Value, js_number_text};

use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::task::{Task, TaskContext, TaskFields, record, task};

task! {
    /// Runs a job of Batch.
    ///
    /// The timeout of the task becomes the timeout of each attempt of the job, at least 60 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(BatchSubmitJob::json_path("Crunch", path("$.name"), Cfn::reference("Definition"), Cfn::reference("Queue"))
    ///     .container_overrides(BatchContainerOverrides::new().vcpus(2).memory_mib(4096))
    ///     .attempts(3)
    ///     .timeout(Duration::from_secs(3600)));
    /// ```
    BatchSubmitJob(BatchSubmitJobProps) {
        patterns { RunJob, request_response }
        required {
            /// The name of the job, 1 to 128 letters, digits, `-` and `_`.
            #[doc(alias = "jobName")]
            job_name: text => "JobName",
            /// The definition of the job, by its ARN or name.
            #[doc(alias = "jobDefinitionArn")]
            job_definition_arn: text => "JobDefinition",
            /// The queue, by its ARN or name.
            #[doc(alias = "jobQueueArn")]
            job_queue_arn: text => "JobQueue",
        }
        optional {
            /// How many children the job has, 2 to 10,000 (field `ArrayProperties`).
            #[doc(alias = "arraySize")]
            array_size: int,
            /// How often the job is attempted, 1 to 10 times (field `RetryStrategy`).
            attempts: int,
            /// What is different in the container of this job.
            #[doc(alias = "containerOverrides")]
            container_overrides: {BatchContainerOverrides} => "ContainerOverrides",
            /// The jobs that this one waits for, at most 20.
            #[doc(alias = "dependsOn")]
            depends_on: {[BatchJobDependency]} => "DependsOn",
            /// The parameters of the job, which its definition has places for.
            payload: any => "Parameters",
            /// Tags of the job, at most 50.
            tags: object => "Tags",
        }
    }
}

record! {
    /// What is different in the container of a job.
    BatchContainerOverrides(OverridesData) custom {
        required {}
        optional {
            /// The command and its arguments.
            command: texts => "Command",
            /// Environment variables; names that begin with `AWS_BATCH` are taken (field `Environment`).
            environment: object,
            /// The type of the instances of a job of several nodes.
            #[doc(alias = "instanceType")]
            instance_type: text => "InstanceType",
            /// The memory in MiB (field `ResourceRequirements`).
            #[doc(alias = "memory")]
            memory_mib: int,
            /// The number of GPUs (field `ResourceRequirements`).
            #[doc(alias = "gpuCount")]
            gpu_count: int,
            /// The number of virtual CPUs (field `ResourceRequirements`).
            vcpus: number,
        }
    }
}

record! {
    /// A job that another one waits for.
    #[doc(alias = "JobDependency")]
    BatchJobDependency(DependencyData) plain {
        required {}
        optional {
            /// The job.
            #[doc(alias = "jobId")]
            job_id: text => "JobId",
            /// How the children of an array job wait: `N_TO_N` or `SEQUENTIAL`.
            #[doc(alias = "type")]
            dependency_type: text => "Type",
        }
    }
}

impl Task for BatchSubmitJobProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.check(cx);
        let job = if self.job_queue_arn.is_dynamic() {
            vec![Cfn::from("*")]
        } else {
            vec![cx.arn("batch", "job-definition/*"), self.job_queue_arn.deployed().unwrap_or_default()]
        };
        cx.allow(["batch:SubmitJob"], job);
        cx.allow_managed_rule("StepFunctionsGetEventsForBatchJobsRule");
        let mut fields = self.fields();
        for (key, inner, value) in [
            ("ArrayProperties", "Size", &self.array_size),
            ("RetryStrategy", "Attempts", &self.attempts),
            ("Timeout", "AttemptDurationSeconds", &cx.common.timeout),
        ] {
            if let Some(value) = value {
                fields.put(key, Fields::new().set(inner, value.clone()));
            }
        }
        TaskFields { own_timeout: true, ..TaskFields::new(cx.integration("batch", "submitJob"), fields) }
    }
}

impl BatchSubmitJobProps {
    fn check(&self, cx: &mut TaskContext<'_>) {
        let outside = |number: &Option<Json>, least: f64, most: f64| {
            number.as_ref().and_then(Json::number).filter(|number| !(least..=most).contains(number)).map(js_number_text)
        };
        if let Some(size) = outside(&self.array_size, 2.0, 10_000.0) {
            let message = format!("arraySize must be between 2 and 10,000. Received {size}.");
            cx.refuse("MustBeArraySizeBetween", message);
        }
        if let Some(depends_on) = self.depends_on.as_ref().filter(|jobs| jobs.len() > 20) {
            let message = format!("dependencies must be 20 or less. Received {}.", depends_on.len());
            cx.refuse("MustBeDependenciesLess", message);
        }
        if let Some(attempts) = outside(&self.attempts, 1.0, 10.0) {
            cx.refuse("MustBeAttemptsBetween", format!("attempts must be between 1 and 10. Received {attempts}."));
        }
        if let Some(timeout) = outside(&cx.common.timeout, 60.0, f64::INFINITY) {
            let message = format!("attempt duration must be greater than 60 seconds. Received {timeout} seconds.");
            cx.refuse("MustBeAttemptDurationGreater", message);
        }
        let environment = self.container_overrides.as_ref().and_then(|overrides| overrides.environment.as_ref());
        let mut names = environment.into_iter().flat_map(Json::members).map(|(name, _)| name);
        if let Some(name) = names.find(|name| name.starts_with("AWS_BATCH")) {
            let message = format!(
                "Invalid environment variable name: {name}. Environment variable names starting with 'AWS_BATCH' are reserved."
            );
            cx.refuse("InvalidEnvironmentVariableName", message);
        }
        let tags = self.tags.as_ref().map_or(&[][..], Json::members);
        if tags.len() > 50 {
            let message = format!("Maximum tag number of entries is 50. Received {}.", tags.len());
            cx.refuse("MaximumNumberEntries", message);
        }
        for (key, value) in tags {
            let length = length(key);
            if !(1..=128).contains(&length) {
                let message = format!("Tag key size must be between 1 and 128, but got {length}.");
                cx.refuse("MustBeSizeBetween", message);
            }
            if let Some(length) = value.literal().map(self::length).filter(|length| *length > 256) {
                let message = format!("Tag value maximum size is 256, but got {length}.");
                cx.refuse("ValueMaximumSize", message);
            }
        }
    }
}

impl ToJson for OverridesData {
    fn to_json(&self) -> Json {
        let mut fields = self.fields();
        if let Some(environment) = &self.environment {
            fields.put("Environment", environment.pairs("Name"));
        }
        let requirements = [("GPU", &self.gpu_count), ("MEMORY", &self.memory_mib), ("VCPU", &self.vcpus)];
        let requirements: Vec<Fields> = requirements
            .into_iter()
            .filter_map(|(kind, amount)| Some(Fields::new().set("Type", kind).set("Value", amount_text(amount)?)))
            .collect();
        fields.set_opt("ResourceRequirements", &(!requirements.is_empty()).then_some(requirements)).into()
    }
}

/// The service takes amounts as text; none is asked for where the amount is 0.
fn amount_text(amount: &Option<Json>) -> Option<Json> {
    let amount = amount.as_ref()?;
    match amount.number() {
        Some(0.0) => None,
        Some(number) => Some(Value::from(js_number_text(number)).into()),
        None => Some(amount.clone()),
    }
}

/// The length as JavaScript counts it.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
