//! SageMaker: training and transform jobs, models, endpoints and their configurations.

use std::fmt::Debug;
use std::marker::PhantomData;

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::{BucketRef, KeyRef, RoleRef};
use crate::stack::{NewResource, Resource, logical_id};
use crate::state::words;
use crate::task::{Record, Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles::{self, Rights, trusted};
use crate::{IntegrationPattern, IntoVal, Language, Workflow};

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

record! {
    /// A network: an id of a VPC and those of subnets. The template gets a security group for it.
    VpcConfig(VpcConfigData) custom {
        required {
            /// The id of the VPC.
            #[doc(alias = "vpc")]
            vpc_id: (Cfn),
            /// The ids of the subnets (field `Subnets`).
            #[doc(alias = "subnetSelection")]
            subnets: [Cfn],
        }
        optional {
            /// Ids of security groups that the containers belong to beside their own.
            #[doc(alias = "addSecurityGroup")]
            security_groups: [Cfn],
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
    /// What a place in S3 is.
    S3DataType {
        /// A list of objects
        ManifestFile = "ManifestFile",
        /// A prefix of keys
        S3Prefix = "S3Prefix",
        /// Objects with attributes
        AugmentedManifestFile = "AugmentedManifestFile",
    }
    /// Which machine gets which objects.
    S3DataDistributionType {
        /// Each machine gets all
        FullyReplicated = "FullyReplicated",
        /// Each machine gets a part
        ShardedByS3Key = "ShardedByS3Key",
    }
    /// How data is compressed.
    CompressionType {
        /// Not at all
        None = "None",
        /// As gzip
        Gzip = "Gzip",
    }
    /// How records are wrapped.
    RecordWrapperType {
        /// Not at all
        None = "None",
        /// As RecordIO
        RecordIo = "RecordIO",
    }
    /// How many records go into one request.
    BatchStrategy {
        /// As many as fit
        MultiRecord = "MultiRecord",
        /// One
        SingleRecord = "SingleRecord",
    }
    /// How data is cut into records.
    SplitType {
        /// Not at all
        None = "None",
        /// By lines
        Line = "Line",
        /// As RecordIO
        RecordIo = "RecordIO",
        /// As records of TensorFlow
        TfRecord = "TFRecord",
    }
    /// How results are put together.
    AssembleWith {
        /// One after the other
        None = "None",
        /// A line for each
        Line = "Line",
    }
    /// How many models a container serves.
    Mode {
        /// One
        SingleModel = "SingleModel",
        /// Several
        MultiModel = "MultiModel",
    }
}

/// A place in S3: in a bucket that is known, or as the state computes it.
#[derive(Debug)]
pub struct S3Location<L> {
    data: S3LocationData,
    language: PhantomData<fn() -> L>,
}

/// A place in S3 without its language.
#[derive(Debug)]
pub(crate) enum S3LocationData {
    Bucket(BucketRef, String),
    Computed(Json),
}

impl<L: Language> S3Location<L> {
    /// All keys with this prefix; the role is allowed to use just them.
    #[doc(alias = "fromBucket")]
    pub fn from_bucket(bucket: &BucketRef, key_prefix: &str) -> S3Location<L> {
        S3Location { data: S3LocationData::Bucket(bucket.clone(), key_prefix.to_owned()), language: PhantomData }
    }

    /// A place that the state computes; the role is allowed to use all of S3.
    #[doc(alias = "fromJsonExpression")]
    pub fn from_json_expression(expression: impl IntoVal<String, L>) -> S3Location<L> {
        S3Location { data: S3LocationData::Computed(expression.into_val().0), language: PhantomData }
    }
}

impl<L> Record for S3Location<L> {
    type Data = S3LocationData;

    fn into_data(self) -> S3LocationData {
        self.data
    }
}

impl S3LocationData {
    /// What the role must be allowed with the place.
    fn statement(&self, known: &[&str], computed: &[&str]) -> Statement {
        match self {
            S3LocationData::Bucket(bucket, key) => {
                Statement::allow(known, [bucket.arn().clone(), bucket.arn_for_objects(&format!("{key}*"))])
            }
            S3LocationData::Computed(_) => Statement::allow(computed, [Cfn::from("*")]),
        }
    }

    fn read(&self) -> Statement {
        self.statement(&["s3:GetObject*", "s3:GetBucket*", "s3:List*"], &["s3:GetObject", "s3:ListBucket"])
    }

    fn write(&self) -> Statement {
        self.statement(
            &[
                "s3:DeleteObject*",
                "s3:PutObject",
                "s3:PutObjectLegalHold",
                "s3:PutObjectRetention",
                "s3:PutObjectTagging",
                "s3:PutObjectVersionTagging",
                "s3:Abort*",
            ],
            &["s3:PutObject"],
        )
    }
}

impl ToJson for S3LocationData {
    fn to_json(&self) -> Json {
        match self {
            S3LocationData::Bucket(bucket, key) => Json::Cfn(Cfn::join([
                Cfn::from("https://s3."),
                Cfn::region(),
                Cfn::from("."),
                Cfn::reference("AWS::URLSuffix"),
                Cfn::from("/"),
                bucket.name().clone(),
                Cfn::from(format!("/{key}")),
            ])),
            S3LocationData::Computed(expression) => expression.clone(),
        }
    }
}

/// An image of a container.
#[derive(Debug)]
pub struct DockerImage<L> {
    data: DockerImageData,
    language: PhantomData<fn() -> L>,
}

/// An image without its language.
#[derive(Debug)]
pub(crate) struct DockerImageData {
    uri: Json,
    /// What the role must be allowed to pull it.
    pull: Vec<Statement>,
}

const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"];

impl<L: Language> DockerImage<L> {
    fn new(uri: Json, pull: Vec<Statement>) -> DockerImage<L> {
        DockerImage { data: DockerImageData { uri, pull }, language: PhantomData }
    }

    /// An image of a public registry.
    #[doc(alias = "fromRegistry")]
    pub fn from_registry(uri: impl Into<Cfn>) -> DockerImage<L> {
        DockerImage::new(Json::Cfn(uri.into()), vec![])
    }

    /// An image of a repository of ECR, by the repository's URI and ARN and the image's tag.
    #[doc(alias = "fromEcrRepository")]
    pub fn from_ecr_repository(uri: impl Into<Cfn>, arn: impl Into<Cfn>, tag: &str) -> DockerImage<L> {
        let pull = vec![
            Statement::allow(PULL, [arn.into()]),
            Statement::allow(["ecr:GetAuthorizationToken"], [Cfn::from("*")]),
        ];
        DockerImage::new(Json::Cfn(uri.into().then(":").then(tag)), pull)
    }

    /// An image that the state computes; the role may pull any image of ECR.
    #[doc(alias = "fromJsonExpression")]
    pub fn from_json_expression(expression: impl IntoVal<String, L>) -> DockerImage<L> {
        DockerImage::new(expression.into_val().0, vec![Statement::allow(PULL, [Cfn::from("*")])])
    }

    /// An image that the state computes; the role is not allowed to pull images by this.
    pub fn from_json_expression_without_pull(expression: impl IntoVal<String, L>) -> DockerImage<L> {
        DockerImage::new(expression.into_val().0, vec![])
    }
}

impl<L> Record for DockerImage<L> {
    type Data = DockerImageData;

    fn into_data(self) -> DockerImageData {
        self.data
    }
}

impl ToJson for DockerImageData {
    fn to_json(&self) -> Json {
        self.uri.clone()
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

/// The type of a machine: a literal gets the prefix that SageMaker wants.
fn instance_type(given: &Json) -> Json {
    match given.literal() {
        Some(literal) if !literal.starts_with("ml.") => Json::from(format!("ml.{literal}").as_str()),
        _ => given.clone(),
    }
}

const DEFAULT_INSTANCE: &str = "ml.m4.xlarge";

impl ToJson for ResourceConfigData {
    fn to_json(&self) -> Json {
        self.fields()
            .set("InstanceType", instance_type(&self.instance_type))
            .set("VolumeSizeInGB", self.volume_size_gib.clone())
            .set_opt("VolumeKmsKeyId", &self.volume_encryption_key.as_ref().map(|key| key.arn().clone()))
            .into()
    }
}

/// Tags as SageMaker wants them.
fn tags(named: &Json) -> Json {
    match named {
        Json::Object(members) => {
            let tag =
                |(key, value): &(Str, Json)| Fields::new().set("Key", key.to_json()).set("Value", value.clone()).into();
            Json::Array(members.iter().map(tag).collect())
        }
        other => other.clone(),
    }
}

impl VpcConfigData {
    /// Puts the security group into the template and gives the value of `VpcConfig`.
    fn make(&self, cx: &mut TaskContext<'_>, id: &str) -> Json {
        let path: Vec<Str> = cx.path.iter().cloned().chain([Str::from(id)]).collect();
        let mut description: String = cx.environment.stack_id.to_string();
        for component in &path {
            description.push('/');
            description.push_str(component);
        }
        let egress = Fields::new()
            .set("CidrIp", "0.0.0.0/0")
            .set("Description", "Allow all outbound traffic by default")
            .set("IpProtocol", "-1");
        let properties = Fields::new()
            .set("GroupDescription", description.as_str())
            .set("SecurityGroupEgress", Json::Array(vec![egress.into()]))
            .set("VpcId", self.vpc_id.clone());
        let path: Vec<Str> = path.into_iter().chain([Str::from("Resource")]).collect();
        let group = Str::from(logical_id(&path));
        let resource = Resource::new("AWS::EC2::SecurityGroup", properties);
        cx.resources.push(NewResource { logical_id: group.clone(), resource });
        let own = Cfn::get_att(&group, "GroupId");
        let groups = std::iter::once(own).chain(self.security_groups.iter().flatten().cloned());
        Fields::new()
            .set("SecurityGroupIds", Json::Array(groups.map(Json::Cfn).collect()))
            .set("Subnets", self.subnets.to_json())
            .into()
    }
}

const NETWORK: [&str; 9] = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
];

const SERVICE: &str = "sagemaker.amazonaws.com";

/// The given role, or a new one of this id.
fn role_or_new(cx: &mut TaskContext<'_>, given: Option<&RoleRef>, id: &str, rights: Rights<'_>) -> RoleRef {
    given.cloned().unwrap_or_else(|| roles::new_role(cx, id, [trusted(SERVICE)], rights))
}

/// The role of a task: for grants to it.
macro_rules! role_of {
    ($($task:ident: $id:ident;)*) => {$(
        impl<L: Language, P> $task<L, P> {
            /// The role that SageMaker assumes, the given one or the one that is made when the task is added to this
            /// workflow.
            #[doc(alias = "grantPrincipal")]
            pub fn role_in(&self, workflow: &Workflow) -> RoleRef {
                let made = || RoleRef::made(&workflow.path_of([self.id.as_str(), $id]));
                self.props.role.clone().unwrap_or_else(made)
            }
        }
    )*};
}

role_of! {
    SageMakerCreateTrainingJob: ROLE;
    SageMakerCreateTransformJob: TRANSFORM_ROLE;
    SageMakerCreateModel: ROLE;
}

/// The ids of roles that are made.
const ROLE: &str = "SagemakerRole";
const TRANSFORM_ROLE: &str = "SagemakerTransformRole";

fn allow_to_pass(cx: &mut TaskContext<'_>, role: &RoleRef) {
    let service = Cfn::from(SERVICE);
    let statement = Statement::allow(["iam:PassRole"], [role.arn().clone()]);
    cx.statements.push(statement.when("StringEquals", "iam:PassedToService", &service));
}

/// The name as it stands in ARNs, where SageMaker has only small letters.
fn lower_case(name: &Json) -> Json {
    match name.literal() {
        Some(literal) => Json::from(literal.to_lowercase().as_str()),
        None => name.clone(),
    }
}

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
            .set_opt("Tags", &self.tags.as_ref().map(tags))
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

task! {
    /// Applies a model to data in S3.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(SageMakerCreateTransformJob::json_path(
    ///         "Infer",
    ///         path("$.job"),
    ///         "my-model",
    ///         TransformInput::new("s3://inputs/train"),
    ///         TransformOutput::new("s3://outputs/train"),
    ///     )
    ///     .run_job()
    ///     .transform_resources(TransformResources::new(1, "m4.xlarge"))
    ///     .model_client_options(ModelClientOptions::new().invocations_max_retries(3)));
    /// ```
    SageMakerCreateTransformJob(SageMakerCreateTransformJobProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The name of the job, 1 to 63 letters, digits and `-` (field `TransformJobName`).
            #[doc(alias = "transformJobName")]
            transform_job_name: text,
            /// The name of the model (field `ModelName`).
            #[doc(alias = "modelName")]
            model_name: text,
            /// The data (field `TransformInput`).
            #[doc(alias = "transformInput")]
            transform_input: {TransformInput},
            /// Where the results go (field `TransformOutput`).
            #[doc(alias = "transformOutput")]
            transform_output: {TransformOutput},
        }
        optional {
            /// The role that the machine may pass on; it is no field of the request.
            role: (RoleRef),
            /// How many records go into one request (field `BatchStrategy`).
            #[doc(alias = "batchStrategy")]
            batch_strategy: (BatchStrategy),
            /// The environment of the container (field `Environment`).
            environment: object,
            /// How many requests one machine gets at a time (field `MaxConcurrentTransforms`).
            #[doc(alias = "maxConcurrentTransforms")]
            max_concurrent_transforms: int,
            /// The greatest size of a request, in MiB (field `MaxPayloadInMB`).
            #[doc(alias = "maxPayload")]
            max_payload_mib: int,
            /// How often and how long the model is asked (field `ModelClientConfig`).
            #[doc(alias = "modelClientOptions")]
            model_client_options: {ModelClientOptions},
            /// The tags of the job (field `Tags`).
            tags: object,
            /// How many machines of which kind; one `ml.m4.xlarge` if nothing is said (field `TransformResources`).
            #[doc(alias = "transformResources")]
            transform_resources: {TransformResources},
        }
    }
}

record! {
    /// The data that a model is applied to, by its URI in S3.
    TransformInput(TransformInputData) custom {
        required {
            /// The place in S3, as a URI.
            #[doc(alias = "s3Uri")]
            #[doc(alias = "transformDataSource")]
            #[doc(alias = "TransformDataSource")]
            #[doc(alias = "TransformS3DataSource")]
            s3_uri: text => "S3Uri",
        }
        optional {
            /// What the place is; a prefix of keys if nothing is said (field `S3DataType`).
            #[doc(alias = "s3DataType")]
            s3_data_type: (S3DataType),
            /// How the data is compressed (field `CompressionType`).
            #[doc(alias = "compressionType")]
            compression_type: (CompressionType),
            /// The media type of the data (field `ContentType`).
            #[doc(alias = "contentType")]
            content_type: text,
            /// How the data is cut into records (field `SplitType`).
            #[doc(alias = "splitType")]
            split_type: (SplitType),
        }
    }
}

record! {
    /// Where the results go.
    TransformOutput(TransformOutputData) custom {
        required {
            /// The place in S3, as a URI.
            #[doc(alias = "s3OutputPath")]
            s3_output_path: text => "S3OutputPath",
        }
        optional {
            /// The key that the results are encrypted with (field `KmsKeyId`).
            #[doc(alias = "encryptionKey")]
            encryption_key: (KeyRef),
            /// The media type of the results (field `Accept`).
            accept: text,
            /// How the results are put together (field `AssembleWith`).
            #[doc(alias = "assembleWith")]
            assemble_with: (AssembleWith),
        }
    }
}

record! {
    /// How many machines of which kind a transform job gets.
    TransformResources(TransformResourcesData) custom {
        required {
            /// How many machines.
            #[doc(alias = "instanceCount")]
            instance_count: int => "InstanceCount",
            /// The type of the machines: `m5.xlarge` (field `InstanceType`).
            #[doc(alias = "instanceType")]
            instance_type: text,
        }
        optional {
            /// The key that the volumes are encrypted with (field `VolumeKmsKeyId`).
            #[doc(alias = "volumeEncryptionKey")]
            volume_encryption_key: (KeyRef),
        }
    }
}

record! {
    /// How often and how long a model is asked.
    ModelClientOptions(ModelClientOptionsData) custom {
        required {}
        optional {
            /// How often it is asked again, from 0 to 3 (field `InvocationsMaxRetries`).
            #[doc(alias = "invocationsMaxRetries")]
            invocations_max_retries: int,
            /// How long an answer may take, from 1 to 3,600 seconds (field `InvocationsTimeoutInSeconds`).
            #[doc(alias = "invocationsTimeout")]
            invocations_timeout: seconds,
        }
    }
}

impl ToJson for TransformInputData {
    fn to_json(&self) -> Json {
        let source = self.fields().set("S3DataType", self.s3_data_type.unwrap_or(S3DataType::S3Prefix).to_json());
        Fields::new()
            .set_opt("CompressionType", &self.compression_type)
            .set_opt("ContentType", &self.content_type)
            .set("DataSource", Fields::new().set("S3DataSource", source))
            .set_opt("SplitType", &self.split_type)
            .into()
    }
}

impl ToJson for TransformOutputData {
    fn to_json(&self) -> Json {
        self.fields()
            .set_opt("KmsKeyId", &self.encryption_key.as_ref().map(|key| key.arn().clone()))
            .set_opt("Accept", &self.accept)
            .set_opt("AssembleWith", &self.assemble_with)
            .into()
    }
}

impl ToJson for TransformResourcesData {
    fn to_json(&self) -> Json {
        self.fields()
            .set("InstanceType", instance_type(&self.instance_type))
            .set_opt("VolumeKmsKeyId", &self.volume_encryption_key.as_ref().map(|key| key.arn().clone()))
            .into()
    }
}

impl ModelClientOptionsData {
    fn render(&self, cx: &mut TaskContext<'_>) -> Json {
        let retries = self.invocations_max_retries.as_ref();
        if let Some(number) = retries.and_then(Json::number).filter(|number| !(0.0..=3.0).contains(number)) {
            let message = format!("invocationsMaxRetries should be between 0 and 3. Received: {number}.");
            cx.refuse_rendering("InvocationsMaxRetriesReceived", message);
        }
        let timeout = self.invocations_timeout.as_ref();
        if let Some(number) = timeout.and_then(Json::number).filter(|number| !(1.0..=3600.0).contains(number)) {
            let message = format!("invocationsTimeout should be between 1 and 3600 seconds. Received: {number}.");
            cx.refuse_rendering("InvocationsTimeoutSecondsReceived", message);
        }
        Fields::new()
            .set("InvocationsMaxRetries", retries.cloned().unwrap_or_else(|| Value::from(0).into()))
            .set("InvocationsTimeoutInSeconds", timeout.cloned().unwrap_or_else(|| Value::from(60).into()))
            .into()
    }
}

impl Task for SageMakerCreateTransformJobProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let rights = Rights::Managed("AmazonSageMakerFullAccess");
        let role = role_or_new(cx, self.role.as_ref(), TRANSFORM_ROLE, rights);
        let jobs = cx.arn("sagemaker", "transform-job/*");
        let actions = ["sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"];
        cx.allow(actions, [jobs.clone()]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        allow_to_pass(cx, &role);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow(["sagemaker:AddTags"], [jobs]);
            cx.allow_managed_rule("StepFunctionsGetEventsForSageMakerTransformJobsRule");
        }
        let options = self.model_client_options.as_ref().map(|options| options.render(cx));
        let default_resources =
            || Fields::new().set("InstanceCount", Value::from(1)).set("InstanceType", DEFAULT_INSTANCE).into();
        let resources = self.transform_resources.as_ref().map_or_else(default_resources, ToJson::to_json);
        let fields = Fields::new()
            .set_opt("ModelClientConfig", &options)
            .set_opt("BatchStrategy", &self.batch_strategy)
            .set_opt("Environment", &self.environment)
            .set_opt("MaxConcurrentTransforms", &self.max_concurrent_transforms)
            .set_opt("MaxPayloadInMB", &self.max_payload_mib)
            .set("ModelName", self.model_name.clone())
            .set_opt("Tags", &self.tags.as_ref().map(tags))
            .set("TransformInput", self.transform_input.to_json())
            .set("TransformJobName", self.transform_job_name.clone())
            .set("TransformOutput", self.transform_output.to_json())
            .set("TransformResources", resources);
        TaskFields::new(cx.integration("sagemaker", "createTransformJob"), fields)
    }
}

task! {
    /// Makes a model of what a training has left.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let container = ContainerDefinition::new()
    ///     .image(DockerImage::from_json_expression(path("$.image")))
    ///     .mode(Mode::SingleModel)
    ///     .model_s3_location(S3Location::from_json_expression(path("$.training.ModelArtifacts.S3ModelArtifacts")));
    /// w.add(SageMakerCreateModel::json_path("Model", "my-model", container));
    /// ```
    SageMakerCreateModel(SageMakerCreateModelProps) {
        patterns { RequestResponse }
        required {
            /// The name of the model (field `ModelName`).
            #[doc(alias = "modelName")]
            model_name: text,
            /// The container that is asked (field `PrimaryContainer`).
            #[doc(alias = "primaryContainer")]
            primary_container: {ContainerDefinition},
        }
        optional {
            /// Further containers, one after the other (field `Containers`).
            containers: {[ContainerDefinition]},
            /// Whether the containers have no network.
            #[doc(alias = "enableNetworkIsolation")]
            enable_network_isolation: flag => "EnableNetworkIsolation",
            /// The role that SageMaker assumes (field `ExecutionRoleArn`).
            role: (RoleRef),
            /// The tags of the model, as a list of objects with `Key` and `Value` (field `Tags`).
            tags: any,
            /// The network of the containers (field `VpcConfig`).
            #[doc(alias = "vpcConfig")]
            vpc_config: {VpcConfig},
        }
    }
}

record! {
    /// A container that serves a model.
    #[doc(alias = "ContainerDefinitionOptions")]
    ContainerDefinition(ContainerDefinitionData) plain {
        required {}
        optional {
            /// The name by which the other containers know it.
            #[doc(alias = "containerHostName")]
            container_host_name: text => "ContainerHostname",
            /// The image.
            image: {DockerImage} => "Image",
            /// How many models it serves.
            mode: (Mode) => "Mode",
            /// Where the model is.
            #[doc(alias = "modelS3Location")]
            model_s3_location: {S3Location} => "ModelDataUrl",
            /// The model as a package.
            #[doc(alias = "modelPackageName")]
            model_package_name: text => "ModelPackageName",
            /// The environment of the container.
            #[doc(alias = "environmentVariables")]
            environment_variables: any => "Environment",
        }
    }
}

impl Task for SageMakerCreateModelProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let actions = vec![
            "cloudwatch:PutMetricData",
            "logs:CreateLogStream",
            "logs:CreateLogGroup",
            "logs:PutLogEvents",
            "logs:DescribeLogStreams",
            "ecr:GetAuthorizationToken",
        ];
        let everything = [Statement::allow(actions, [Cfn::from("*")])];
        let rights = Rights::Inline("CreateModel", &everything);
        let role = role_or_new(cx, self.role.as_ref(), ROLE, rights);
        if self.vpc_config.is_some() {
            roles::grant(cx, &role, [Statement::allow(NETWORK, [Cfn::from("*")])]);
        }
        for container in [&self.primary_container].into_iter().chain(self.containers.iter().flatten()) {
            roles::grant(cx, &role, container.image.iter().flat_map(|image| image.pull.clone()));
            roles::grant(cx, &role, container.model_s3_location.iter().map(S3LocationData::read));
        }
        let model = lower_case(&self.model_name).deployed().map_or(Cfn::from("*"), |name| name.then("*"));
        let model = cx.arn("sagemaker", Cfn::from("model/").then(model));
        cx.allow(["sagemaker:CreateModel"], [model]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        allow_to_pass(cx, &role);
        let vpc = self.vpc_config.as_ref().map(|vpc| vpc.make(cx, "ModelSecurityGroup"));
        let fields = self
            .fields()
            .set("ExecutionRoleArn", role.arn().clone())
            .set("ModelName", self.model_name.clone())
            .set_opt("Tags", &self.tags)
            .set("PrimaryContainer", self.primary_container.to_json())
            .set_opt("Containers", &self.containers)
            .set_opt("VpcConfig", &vpc);
        TaskFields::new(cx.integration("sagemaker", "createModel"), fields)
    }
}

task! {
    /// Makes the configuration of an endpoint: which models it serves, on which machines.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let variant = ProductionVariant::new("my-model", "all", "m5.xlarge").initial_instance_count(2);
    /// w.add(SageMakerCreateEndpointConfig::json_path("Configure", "my-config", [variant]));
    /// ```
    SageMakerCreateEndpointConfig(SageMakerCreateEndpointConfigProps) {
        patterns { RequestResponse }
        required {
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
            /// The models behind the endpoint, 1 to 10 (field `ProductionVariants`).
            #[doc(alias = "productionVariants")]
            production_variants: {[ProductionVariant]},
        }
        optional {
            /// The key that volumes are encrypted with (field `KmsKeyId`).
            #[doc(alias = "kmsKey")]
            kms_key: (KeyRef),
            /// The tags of the configuration, as a list of objects with `Key` and `Value`.
            tags: any => "Tags",
        }
    }
}

record! {
    /// A model behind an endpoint: the model, the variant's own name, and the type of machines.
    ProductionVariant(ProductionVariantData) custom {
        required {
            /// The name of the model.
            #[doc(alias = "modelName")]
            model_name: text => "ModelName",
            /// The name of the variant.
            #[doc(alias = "variantName")]
            variant_name: text => "VariantName",
            /// The type of the machines: `m5.xlarge` (field `InstanceType`).
            #[doc(alias = "instanceType")]
            instance_type: text,
        }
        optional {
            /// How many machines there are at first; one if nothing is said (field `InitialInstanceCount`).
            #[doc(alias = "initialInstanceCount")]
            initial_instance_count: int,
            /// The accelerator of each machine.
            #[doc(alias = "AcceleratorClass")]
            #[doc(alias = "acceleratorType")]
            accelerator_type: text => "AcceleratorType",
            /// Which part of the requests it gets, by its weight among all.
            #[doc(alias = "initialVariantWeight")]
            initial_variant_weight: number => "InitialVariantWeight",
        }
    }
}

impl ToJson for ProductionVariantData {
    fn to_json(&self) -> Json {
        let count = self.initial_instance_count.clone().unwrap_or_else(|| Value::from(1).into());
        let accelerator = self.accelerator_type.as_ref().map(instance_type);
        Fields::new()
            .set("InitialInstanceCount", count)
            .set("InstanceType", instance_type(&self.instance_type))
            .set("ModelName", self.model_name.clone())
            .set("VariantName", self.variant_name.clone())
            .set_opt("AcceleratorType", &accelerator)
            .set_opt("InitialVariantWeight", &self.initial_variant_weight)
            .into()
    }
}

impl Task for SageMakerCreateEndpointConfigProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        if !(1..=10).contains(&self.production_variants.len()) {
            cx.refuse(
                "SpecifyProductionVariantsPerEndpoint",
                "Must specify from 1 to 10 production variants per endpoint configuration",
            );
        }
        for variant in &self.production_variants {
            let less = |number: &Option<Json>, least: f64| {
                number.as_ref().and_then(Json::number).is_some_and(|number| number < least)
            };
            if less(&variant.initial_instance_count, 1.0) {
                cx.refuse("DefineLeastOneInstance", "Must define at least one instance");
            }
            if less(&variant.initial_variant_weight, 0.0) {
                cx.refuse("InitialVariantWeightMinimumValue", "InitialVariantWeight has minimum value of 0");
            }
        }
        let configuration = cx.arn_of_named("sagemaker", "endpoint-config/", &lower_case(&self.endpoint_config_name));
        cx.allow(["sagemaker:CreateEndpointConfig"], [configuration]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        let mut fields = self.fields();
        fields = fields.set_opt("KmsKeyId", &self.kms_key.as_ref().map(KeyRef::id));
        fields.put("ProductionVariants", self.production_variants.to_json());
        TaskFields::new(cx.integration("sagemaker", "createEndpointConfig"), fields)
    }
}

task! {
    /// Makes an endpoint of a configuration.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(SageMakerCreateEndpoint::json_path("Serve", path("$.endpoint"), "my-config"));
    /// ```
    SageMakerCreateEndpoint(SageMakerCreateEndpointProps) {
        patterns { RequestResponse }
        required {
            /// The name of the endpoint.
            #[doc(alias = "endpointName")]
            endpoint_name: text => "EndpointName",
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
        }
        optional {
            /// The tags of the endpoint, as a list of objects with `Key` and `Value`.
            tags: any => "Tags",
        }
    }
}

/// Asks for the action with an endpoint and a configuration.
fn allow_endpoint(cx: &mut TaskContext<'_>, action: &str, endpoint: &Json, configuration: &Json) {
    let endpoint = cx.arn_of_named("sagemaker", "endpoint/", &lower_case(endpoint));
    let configuration = cx.arn_of_named("sagemaker", "endpoint-config/", &lower_case(configuration));
    cx.allow([action], [endpoint, configuration]);
}

impl Task for SageMakerCreateEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_endpoint(cx, "sagemaker:createEndpoint", &self.endpoint_name, &self.endpoint_config_name);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        TaskFields::new(cx.integration("sagemaker", "createEndpoint"), self.fields())
    }
}

task! {
    /// Gives an endpoint another configuration.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(SageMakerUpdateEndpoint::json_path("Switch", path("$.endpoint"), path("$.config")));
    /// ```
    SageMakerUpdateEndpoint(SageMakerUpdateEndpointProps) {
        patterns { RequestResponse }
        required {
            /// The name of the endpoint.
            #[doc(alias = "endpointName")]
            endpoint_name: text => "EndpointName",
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
        }
        optional {}
    }
}

impl Task for SageMakerUpdateEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_endpoint(cx, "sagemaker:updateEndpoint", &self.endpoint_name, &self.endpoint_config_name);
        TaskFields::new(cx.integration("sagemaker", "updateEndpoint"), self.fields())
    }
}
