//! Transform jobs: a model applied to data in S3.

use stepwell_value::Value;

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::references::{KeyRef, RoleRef};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles::Rights;

use super::{
    CompressionType, DEFAULT_INSTANCE, S3DataType, TRANSFORM_ROLE, allow_to_pass, instance_type, role_of, role_or_new,
};

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

words! {
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
}

role_of!(SageMakerCreateTransformJob: TRANSFORM_ROLE);

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
            .set_opt("Tags", &self.tags.as_ref().map(|tags| tags.pairs("Key")))
            .set("TransformInput", self.transform_input.to_json())
            .set("TransformJobName", self.transform_job_name.clone())
            .set("TransformOutput", self.transform_output.to_json())
            .set("TransformResources", resources);
        TaskFields::new(cx.integration("sagemaker", "createTransformJob"), fields)
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
