//! Training jobs.

use stepwell_value::Value;

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::{KeyRef, RoleRef};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles::{self, Rights};

use super::sources::{DockerImage, S3Location};
use super::{
    CompressionType, DEFAULT_INSTANCE, NETWORK, ROLE, S3DataType, VpcConfig, allow_to_pass, instance_type, role_of,
    role_or_new,
};

task! {
    /// Trains a model.
    ///
    /// Without a role, the template gets one that may read the inputs and write the output.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let bucket = BucketRef::from_name("models");
    /// w.add(SageMakerCreateTrainingJob::json_path(
    ///         "Train",
    ///         path("$.job"),
    ///         AlgorithmSpecification::new().algorithm_name("BlazingText"),
    ///         OutputDataConfig::new(S3Location::from_bucket(&bucket, "output")),
    ///     )
    ///     .run_job()
    ///     .input_data_config([Channel::new("train", S3Location::from_json_expression(path("$.data")))])
    ///     .resource_config(ResourceConfig::new(1, path("$.instanceType"), 50))
    ///     .stopping_condition(StoppingCondition::new().max_runtime(Duration::from_secs(2 * 3600))));
    /// ```
    SageMakerCreateTrainingJob(SageMakerCreateTrainingJobProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The name of the job, 1 to 63 letters, digits and `-`.
            #[doc(alias = "trainingJobName")]
            training_job_name: text => "TrainingJobName",
            /// The algorithm (field `AlgorithmSpecification`).
            #[doc(alias = "algorithmSpecification")]
            algorithm_specification: {AlgorithmSpecification},
            /// Where the model goes (field `OutputDataConfig`).
            #[doc(alias = "outputDataConfig")]
            output_data_config: {OutputDataConfig},
        }
        optional {
            /// Whether the container has no network.
            #[doc(alias = "enableNetworkIsolation")]
            enable_network_isolation: flag => "EnableNetworkIsolation",
            /// The role that SageMaker assumes (field `RoleArn`).
            role: (RoleRef),
            /// Where the data is (field `InputDataConfig`).
            #[doc(alias = "inputDataConfig")]
            input_data_config: {[Channel]},
            /// How many machines of which kind; one `ml.m4.xlarge` with 10 GiB if nothing is said (field `ResourceConfig`).
            #[doc(alias = "resourceConfig")]
            resource_config: {ResourceConfig},
            /// How long the job may take; an hour if nothing is said (field `StoppingCondition`).
            #[doc(alias = "stoppingCondition")]
            stopping_condition: {StoppingCondition},
            /// What the algorithm can be told.
            hyperparameters: object => "HyperParameters",
            /// The tags of the job (field `Tags`).
            tags: object,
            /// The environment of the container.
            environment: object => "Environment",
            /// The network of the job (field `VpcConfig`).
            #[doc(alias = "vpcConfig")]
            vpc_config: {VpcConfig},
        }
    }
}

record! {
    /// The algorithm: the name of one, or an image that contains it.
    AlgorithmSpecification(AlgorithmSpecificationData) custom {
        required {}
        optional {
            /// The name or ARN of an algorithm of SageMaker (field `AlgorithmName`).
            #[doc(alias = "algorithmName")]
            algorithm_name: text,
            /// The image of an algorithm of one's own (field `TrainingImage`).
            #[doc(alias = "trainingImage")]
            training_image: {DockerImage},
            /// How the data comes to the container; as files if nothing is said (field `TrainingInputMode`).
            #[doc(alias = "trainingInputMode")]
            training_input_mode: (InputMode),
            /// What to look for in the log, as measurements (field `MetricDefinitions`).
            #[doc(alias = "metricDefinitions")]
            metric_definitions: {[MetricDefinition]},
        }
    }
}

record! {
    /// A measurement that is found in the log.
    MetricDefinition(MetricDefinitionData) plain {
        required {
            /// What the measurement is called.
            name: text => "Name",
            /// By what it is found in the log.
            regex: text => "Regex",
        }
        optional {}
    }
}

record! {
    /// Where the model goes.
    OutputDataConfig(OutputDataConfigData) custom {
        required {
            /// The place in S3 (field `S3OutputPath`).
            #[doc(alias = "s3OutputLocation")]
            s3_output_location: {S3Location},
        }
        optional {
            /// The key that the model is encrypted with (field `KmsKeyId`).
            #[doc(alias = "encryptionKey")]
            encryption_key: (KeyRef),
        }
    }
}

record! {
    /// A source of data: a name and a place in S3.
    Channel(ChannelData) custom {
        required {
            /// The name of the source.
            #[doc(alias = "channelName")]
            channel_name: text => "ChannelName",
            /// Where the data is (field `S3Uri`).
            #[doc(alias = "s3Location")]
            #[doc(alias = "dataSource")]
            #[doc(alias = "s3DataSource")]
            s3_location: {S3Location},
        }
        optional {
            /// What the place is; a prefix of keys if nothing is said (field `S3DataType`).
            #[doc(alias = "s3DataType")]
            s3_data_type: (S3DataType),
            /// Whether each machine gets all of it (field `S3DataDistributionType`).
            #[doc(alias = "s3DataDistributionType")]
            s3_data_distribution_type: (S3DataDistributionType),
            /// Which attributes of an augmented manifest are used (field `AttributeNames`).
            #[doc(alias = "attributeNames")]
            attribute_names: texts,
            /// How the data is compressed (field `CompressionType`).
            #[doc(alias = "compressionType")]
            compression_type: (CompressionType),
            /// The media type of the data (field `ContentType`).
            #[doc(alias = "contentType")]
            content_type: text,
            /// How the data of this channel comes to the container (field `InputMode`).
            #[doc(alias = "inputMode")]
            input_mode: (InputMode),
            /// How records are wrapped (field `RecordWrapperType`).
            #[doc(alias = "recordWrapperType")]
            record_wrapper_type: (RecordWrapperType),
            /// Shuffles the data, by a generator with this seed (field `ShuffleConfig`).
            #[doc(alias = "shuffleConfig")]
            #[doc(alias = "seed")]
            shuffle_seed: int,
        }
    }
}

record! {
    /// How many machines of which kind a job gets, with how many GiB each.
    ResourceConfig(ResourceConfigData) custom {
        required {
            /// How many machines.
            #[doc(alias = "instanceCount")]
            instance_count: int => "InstanceCount",
            /// The type of the machines: `m5.xlarge` (field `InstanceType`).
            #[doc(alias = "instanceType")]
            instance_type: text,
            /// The size in GiB (field `VolumeSizeInGB`).
            #[doc(alias = "volumeSize")]
            volume_size_gib: int,
        }
        optional {
            /// The key that the volumes are encrypted with (field `VolumeKmsKeyId`).
            #[doc(alias = "volumeEncryptionKey")]
            volume_encryption_key: (KeyRef),
        }
    }
}

record! {
    /// When a job is stopped.
    StoppingCondition(StoppingConditionData) plain {
        required {}
        optional {
            /// The longest time that it may take.
            #[doc(alias = "maxRuntime")]
            max_runtime: seconds => "MaxRuntimeInSeconds",
        }
    }
}

words! {
    /// How data comes to the container.
    InputMode {
        /// As a stream
        Pipe = "Pipe",
        /// As files, all of which are there before it starts
        File = "File",
        /// As files that come when they are read
        FastFile = "FastFile",
    }
    /// Which machine gets which objects.
    S3DataDistributionType {
        /// Each machine gets all
        FullyReplicated = "FullyReplicated",
        /// Each machine gets a part
        ShardedByS3Key = "ShardedByS3Key",
    }
    /// How records are wrapped.
    RecordWrapperType {
        /// Not at all
        None = "None",
        /// As RecordIO
        RecordIo = "RecordIO",
    }
}

role_of!(SageMakerCreateTrainingJob: ROLE);

impl Task for SageMakerCreateTrainingJobProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.algorithm_specification.check(cx);
        let network: &[&str] = if self.vpc_config.is_some() { &NETWORK } else { &[] };
        let actions = [
            "cloudwatch:PutMetricData",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:CreateLogGroup",
            "logs:DescribeLogStreams",
            "ecr:GetAuthorizationToken",
        ];
        let actions: Vec<&str> = actions.iter().chain(network).copied().collect();
        let everything = [Statement::allow(actions, [Cfn::from("*")])];
        let rights = Rights::Inline("CreateTrainingJob", &everything);
        let role = role_or_new(cx, self.role.as_ref(), ROLE, rights);
        self.allow(cx, &role);

        let mut fields = Fields::new().set("TrainingJobName", self.training_job_name.clone());
        fields = fields.set_opt("EnableNetworkIsolation", &self.enable_network_isolation);
        fields.put("RoleArn", role.arn().clone());
        fields.put("AlgorithmSpecification", self.algorithm_specification.to_json());
        fields = fields.set_opt("InputDataConfig", &self.input_data_config);
        fields.put("OutputDataConfig", self.output_data_config.to_json());
        let default_resources = || {
            Fields::new()
                .set("InstanceCount", Value::from(1))
                .set("InstanceType", DEFAULT_INSTANCE)
                .set("VolumeSizeInGB", Value::from(10))
                .into()
        };
        fields.put("ResourceConfig", self.resource_config.as_ref().map_or_else(default_resources, ToJson::to_json));
        let default_stop = || Fields::new().set("MaxRuntimeInSeconds", Value::from(3600)).into();
        fields.put("StoppingCondition", self.stopping_condition.as_ref().map_or_else(default_stop, ToJson::to_json));
        fields = fields
            .set_opt("HyperParameters", &self.hyperparameters)
            .set_opt("Tags", &self.tags.as_ref().map(|tags| tags.pairs("Key")))
            .set_opt("Environment", &self.environment);
        if let Some(vpc) = &self.vpc_config {
            let vpc = vpc.make(cx, "TrainJobSecurityGroup");
            fields.put("VpcConfig", vpc);
        }
        TaskFields::new(cx.integration("sagemaker", "createTrainingJob"), fields)
    }
}

impl SageMakerCreateTrainingJobProps {
    fn allow(&self, cx: &mut TaskContext<'_>, role: &RoleRef) {
        let output = &self.output_data_config;
        if let Some(key) = &output.encryption_key {
            roles::grant_key(cx, role, key, &["kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]);
        }
        if let Some(key) = self.resource_config.as_ref().and_then(|resources| resources.volume_encryption_key.as_ref())
        {
            roles::grant_key(cx, role, key, &["kms:CreateGrant"]);
        }
        if let Some(image) = &self.algorithm_specification.training_image {
            roles::grant(cx, role, image.pull.clone());
        }
        for channel in self.input_data_config.iter().flatten() {
            roles::grant(cx, role, [channel.s3_location.read()]);
        }
        roles::grant(cx, role, [output.s3_output_location.write()]);

        let job = self.training_job_name.deployed().map_or(Cfn::from("*"), |name| name.then("*"));
        let job = cx.arn("sagemaker", Cfn::from("training-job/").then(job));
        let actions = ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"];
        cx.allow(actions, [job.clone()]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        cx.allow(["sagemaker:AddTags"], [job]);
        allow_to_pass(cx, role);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventsForSageMakerTrainingJobsRule");
        }
    }
}

impl ToJson for AlgorithmSpecificationData {
    fn to_json(&self) -> Json {
        Fields::new()
            .set("TrainingInputMode", self.training_input_mode.unwrap_or(InputMode::File).to_json())
            .set_opt("TrainingImage", &self.training_image)
            .set_opt("AlgorithmName", &self.algorithm_name)
            .set_opt("MetricDefinitions", &self.metric_definitions)
            .into()
    }
}

impl AlgorithmSpecificationData {
    fn check(&self, cx: &mut TaskContext<'_>) {
        match (&self.algorithm_name, &self.training_image) {
            (None, None) => cx.refuse(
                "DefineAlgorithmNameTrainingImage",
                "Must define either an algorithm name or training image URI in the algorithm specification",
            ),
            (Some(_), Some(_)) => cx.refuse(
                "CannotDefineAlgorithmNameTraining",
                "Cannot define both an algorithm name and training image URI in the algorithm specification",
            ),
            (Some(name), None) => {
                let Some(name) = name.literal() else { return };
                let length = name.encode_utf16().count();
                if !(1..=170).contains(&length) {
                    cx.refuse(
                        "AlgorithmNameLength",
                        format!("Algorithm name length must be between 1 and 170, but got {length}"),
                    );
                } else if !is_algorithm(name) {
                    cx.refuse(
                        "ExpectedAlgorithmNameMatchPattern",
                        format!("Expected algorithm name to match pattern {ALGORITHM_PATTERN}, but got {name}"),
                    );
                }
            }
            (None, Some(_)) => {}
        }
    }
}

const ALGORITHM_PATTERN: &str =
    r"^(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)$";

/// Whether the text matches [`ALGORITHM_PATTERN`].
fn is_algorithm(text: &str) -> bool {
    let (arn, name) = text.rsplit_once('/').map_or((None, text), |(arn, name)| (Some(arn), name));
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let arn_fits = arn.is_none_or(|arn| {
        let parts: Vec<&str> = arn.split(':').collect();
        let &[scheme, partition, service, region, account, kind] = parts.as_slice() else { return false };
        scheme == "arn"
            && partition.strip_prefix("aws").is_some_and(lower)
            && service == "sagemaker"
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && lower(kind)
    });
    arn_fits
        && (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl ToJson for OutputDataConfigData {
    fn to_json(&self) -> Json {
        Fields::new()
            .set("S3OutputPath", self.s3_output_location.to_json())
            .set_opt("KmsKeyId", &self.encryption_key.as_ref().map(|key| key.arn().clone()))
            .into()
    }
}

impl ToJson for ChannelData {
    fn to_json(&self) -> Json {
        let source = Fields::new()
            .set("S3Uri", self.s3_location.to_json())
            .set("S3DataType", self.s3_data_type.unwrap_or(S3DataType::S3Prefix).to_json())
            .set_opt("S3DataDistributionType", &self.s3_data_distribution_type)
            .set_opt("AttributeNames", &self.attribute_names);
        self.fields()
            .set("DataSource", Fields::new().set("S3DataSource", source))
            .set_opt("CompressionType", &self.compression_type)
            .set_opt("ContentType", &self.content_type)
            .set_opt("InputMode", &self.input_mode)
            .set_opt("RecordWrapperType", &self.record_wrapper_type)
            .set_opt("ShuffleConfig", &self.shuffle_seed.clone().map(|seed| Fields::new().set("Seed", seed)))
            .into()
    }
}

impl ToJson for ResourceConfigData {
    fn to_json(&self) -> Json {
        self.fields()
            .set("InstanceType", instance_type(&self.instance_type))
            .set("VolumeSizeInGB", self.volume_size_gib.clone())
            .set_opt("VolumeKmsKeyId", &self.volume_encryption_key.as_ref().map(|key| key.arn().clone()))
            .into()
    }
}
