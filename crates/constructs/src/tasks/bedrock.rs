//! Bedrock: BedrockInvokeModel, BedrockCreateModelCustomizationJob.

use std::marker::PhantomData;

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::path::path;
use crate::references::{BucketRef, KeyRef, RoleRef, by_reference};
use crate::state::words;
use crate::task::{Record, Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles::{self, Rights};
use crate::{IntegrationPattern, IntoVal};

task! {
    /// Asks a model of Bedrock.
    ///
    /// The question is either in [`body`](BedrockInvokeModel::body) or in S3, [`input`](BedrockInvokeModel::input).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let model = BedrockModelRef::foundation("amazon.titan-text-express-v1");
    /// w.add(BedrockInvokeModel::json_path("Names", &model)
    ///     .body(obj!({ "inputText": path("$.prompt"), "textGenerationConfig": { "maxTokenCount": 100 } }))
    ///     .guardrail(Guardrail::enable("guardrailid", 1))
    ///     .result_selector(obj!({ "names": path("$.Body.results[0].outputText") })));
    /// w.add(BedrockInvokeModel::jsonata("From S3", &model)
    ///     .input(BedrockS3Object::uri(jsonata("$states.input.uri")))
    ///     .output(BedrockS3Object::location("answers", "names.json")));
    /// ```
    BedrockInvokeModel(BedrockInvokeModelProps) {
        patterns { RequestResponse }
        required {
            /// The model (field `ModelId`).
            model: (BedrockModelRef),
        }
        optional {
            /// The media type of the answer; `application/json` by default.
            accept: text => "Accept",
            /// What the model is asked.
            body: any => "Body",
            /// The media type of the question; `application/json` by default.
            #[doc(alias = "contentType")]
            content_type: text => "ContentType",
            /// The guardrail that question and answer pass (fields `GuardrailIdentifier`, `GuardrailVersion`).
            guardrail: (Guardrail),
            /// Where in S3 the question is.
            #[doc(alias = "s3InputUri")]
            input: {BedrockS3Object} => "Input",
            /// Where in S3 the answer goes.
            #[doc(alias = "s3OutputUri")]
            output: {BedrockS3Object} => "Output",
            /// Whether the trace of the guardrail is in the answer (field `Trace`).
            #[doc(alias = "traceEnabled")]
            trace_enabled: (bool),
        }
    }
}

task! {
    /// Customizes a model of Bedrock with data in S3.
    ///
    /// A role that is not given is made, with access to the buckets.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let model = BedrockModelRef::foundation("amazon.titan-text-express-v1");
    /// let bucket = BucketRef::from_logical_id("Data");
    /// let training = DataBucketConfiguration::new(&bucket).path("training");
    /// let output = DataBucketConfiguration::new(&bucket).path("output");
    /// w.add(BedrockCreateModelCustomizationJob::json_path("Train", &model, "my-model", path("$.job"), training, output)
    ///     .hyper_parameters(obj!({ "Evaluation percentage": "10" }))
    ///     .run_job());
    /// ```
    BedrockCreateModelCustomizationJob(CustomizationProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The model that is trained further (field `BaseModelIdentifier`).
            #[doc(alias = "baseModel")]
            base_model: (BedrockModelRef),
            /// The name of the new model, 1 to 63 characters.
            #[doc(alias = "customModelName")]
            custom_model_name: text => "CustomModelName",
            /// The name of the job, 1 to 63 characters.
            #[doc(alias = "jobName")]
            job_name: text => "JobName",
            /// Where the data for the training is (field `TrainingDataConfig`).
            #[doc(alias = "trainingData")]
            training_data: (DataBucketConfiguration),
            /// Where the results of the training go (field `OutputDataConfig`).
            #[doc(alias = "outputData")]
            output_data: (DataBucketConfiguration),
        }
        optional {
            /// A word by which a repeated request is known, 1 to 256 characters.
            #[doc(alias = "clientRequestToken")]
            client_request_token: text => "ClientRequestToken",
            /// How the model is customized; by fine tuning if nothing is said.
            #[doc(alias = "customizationType")]
            customization_type: (CustomizationType) => "CustomizationType",
            /// The key that the new model is encrypted with, which is of the same template (field `CustomModelKmsKeyId`).
            #[doc(alias = "customModelKmsKey")]
            custom_model_kms_key: (KeyRef),
            /// Tags of the new model, at most 200 (field `CustomModelTags`).
            #[doc(alias = "CustomModelTag")]
            #[doc(alias = "customModelTags")]
            custom_model_tags: object,
            /// Parameters of the training.
            #[doc(alias = "hyperParameters")]
            hyper_parameters: object => "HyperParameters",
            /// Tags of the job, at most 200 (field `JobTags`).
            #[doc(alias = "jobTags")]
            job_tags: object,
            /// The role that the job has; made if nothing is said (field `RoleArn`).
            role: (RoleRef),
            /// The data that the training is judged by, 1 to 10 places; without it the hyper parameter
            /// `Evaluation percentage` says how much of the training data it is (field `ValidationDataConfig`).
            #[doc(alias = "validationData")]
            validation_data: [DataBucketConfiguration],
            /// The network of the job.
            #[doc(alias = "vpcConfig")]
            vpc_config: {BedrockVpcConfig} => "VpcConfig",
        }
    }
}

/// A model of Bedrock.
#[doc(alias = "bedrock.FoundationModel")]
#[doc(alias = "bedrock.ProvisionedModel")]
#[derive(Clone, Debug, PartialEq)]
pub struct BedrockModelRef(ModelName);

#[derive(Clone, Debug, PartialEq)]
enum ModelName {
    Foundation(Str),
    Arn(Cfn),
}

impl BedrockModelRef {
    /// The foundation model with this id, such as `amazon.titan-text-express-v1`, in the region of the stack.
    pub fn foundation(id: &str) -> BedrockModelRef {
        BedrockModelRef(ModelName::Foundation(Str::from(id)))
    }

    /// The model with this ARN: a foundation model, a provisioned or a custom one.
    pub fn from_arn(arn: impl Into<Cfn>) -> BedrockModelRef {
        BedrockModelRef(ModelName::Arn(arn.into()))
    }

    fn arn(&self, cx: &TaskContext<'_>) -> Cfn {
        match &self.0 {
            ModelName::Arn(arn) => arn.clone(),
            ModelName::Foundation(id) => {
                let region = cx.environment.region();
                cx.environment.arn_in("bedrock", region, Cfn::default(), format!("foundation-model/{id}"))
            }
        }
    }
}

by_reference!(BedrockModelRef);

/// A guardrail of Bedrock, which keeps questions and answers within bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Guardrail {
    identifier: Cfn,
    /// Nothing is the draft.
    version: Option<u32>,
}

impl Guardrail {
    /// A version of the guardrail with this id or ARN, 1 to 99,999,999.
    #[doc(alias = "Guardrail.enable")]
    pub fn enable(identifier: impl Into<Cfn>, version: u32) -> Guardrail {
        Guardrail { identifier: identifier.into(), version: Some(version) }
    }

    /// The draft of the guardrail with this id or ARN.
    #[doc(alias = "Guardrail.enableDraft")]
    pub fn enable_draft(identifier: impl Into<Cfn>) -> Guardrail {
        Guardrail { identifier: identifier.into(), version: None }
    }

    fn version(&self) -> String {
        self.version.map_or_else(|| "DRAFT".to_owned(), |version| version.to_string())
    }

    fn check(&self, cx: &mut TaskContext<'_>) {
        if let Some(version) = self.version.filter(|version| !(1..=99_999_999).contains(version)) {
            let message = format!("`version` must be between 1 and 99999999, got {version}.");
            cx.refuse("GuardrailVersionOutOfRange", message);
        }
        let Some(identifier) = self.identifier.as_literal() else { return };
        let id = match identifier.starts_with("arn:") {
            true => identifier.split(':').nth(5).and_then(|resource| resource.split_once('/')).map(|(_, id)| id),
            false => Some(identifier),
        };
        let Some(id) = id.filter(|id| !id.is_empty() || !identifier.starts_with("arn:")) else {
            let message = format!(
                "Invalid ARN format. The ARN of Guradrail should have the format: `arn:<partition>:bedrock:<region>:<account-id>:guardrail/<guardrail-name>`, got {identifier}."
            );
            return cx.refuse("InvalidGuardrailArnFormat", message);
        };
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            let message = format!("The id of Guardrail must contain only lowercase letters and numbers, got {id}.");
            cx.refuse("GuardrailContainOnlyLowercase", message);
        }
        let length = identifier.encode_utf16().count();
        if length > 2048 {
            let message = format!("`guardrailIdentifier` length must be between 0 and 2048, got {length}.");
            cx.refuse("GuardrailIdentifierTooLong", message);
        }
    }
}

/// An object in S3, for a state of language `L`.
#[doc(alias = "BedrockInvokeModelInputProps")]
#[doc(alias = "BedrockInvokeModelOutputProps")]
#[derive(Debug)]
pub struct BedrockS3Object<L> {
    data: S3Data,
    language: PhantomData<fn() -> L>,
}

#[derive(Debug)]
pub(crate) struct S3Data {
    uri: Json,
    /// Bucket and key, if they are known.
    location: Option<Cfn>,
}

impl<L> BedrockS3Object<L> {
    /// The object with this URI, `s3://…`; the machine may read or write all buckets then.
    pub fn uri(uri: impl IntoVal<String, L>) -> BedrockS3Object<L> {
        let data = S3Data { uri: uri.into_val().0, location: None };
        BedrockS3Object { data, language: PhantomData }
    }

    /// The object of this key in this bucket.
    pub fn location(bucket_name: impl Into<Cfn>, object_key: impl Into<Cfn>) -> BedrockS3Object<L> {
        let location = bucket_name.into().then("/").then(object_key.into());
        let data = S3Data { uri: Json::Cfn(Cfn::from("s3://").then(&location)), location: Some(location) };
        BedrockS3Object { data, language: PhantomData }
    }
}

impl<L> Record for BedrockS3Object<L> {
    type Data = S3Data;

    fn into_data(self) -> S3Data {
        self.data
    }
}

impl ToJson for S3Data {
    fn to_json(&self) -> Json {
        Fields::new().set("S3Uri", self.uri.clone()).into()
    }
}

/// A bucket, or a part of it, with data for a model.
#[doc(alias = "TrainingBucketConfiguration")]
#[doc(alias = "OutputBucketConfiguration")]
#[doc(alias = "ValidationBucketConfiguration")]
#[derive(Clone, Debug, PartialEq)]
pub struct DataBucketConfiguration {
    bucket: BucketRef,
    path: Option<Str>,
}

impl DataBucketConfiguration {
    /// The whole bucket.
    pub fn new(bucket: &BucketRef) -> DataBucketConfiguration {
        DataBucketConfiguration { bucket: bucket.clone(), path: None }
    }

    /// Only what is below this path.
    #[must_use]
    pub fn path(mut self, path: &str) -> DataBucketConfiguration {
        self.path = Some(Str::from(path));
        self
    }

    fn s3_uri(&self) -> Fields {
        let bucket = Cfn::from("s3://").then(self.bucket.name());
        Fields::new().set(
            "S3Uri",
            match &self.path {
                Some(path) => bucket.then(format!("/{}", path.strip_prefix('/').unwrap_or(path))),
                None => bucket,
            },
        )
    }
}

record! {
    /// The network of a job: 1 to 5 security groups, 1 to 16 subnets.
    #[doc(alias = "IBedrockCreateModelCustomizationJobVpcConfig")]
    BedrockVpcConfig(VpcData) plain {
        required {
            /// The security groups, 1 to 5.
            security_group_ids: [Cfn] => "SecurityGroupIds",
            /// The subnets, 1 to 16.
            subnet_ids: [Cfn] => "SubnetIds",
        }
        optional {}
    }
}

words! {
    /// How a model is customized.
    CustomizationType {
        /// With examples of questions and answers
        FineTuning = "FINE_TUNING",
        /// With further texts
        ContinuedPreTraining = "CONTINUED_PRE_TRAINING",
        /// With the answers of a greater model
        Distillation = "DISTILLATION",
    }
}

impl Task for BedrockInvokeModelProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let paths_as_uris = !cx.environment.compat.new_s3_uri_parameters_for_bedrock_invoke_model_task;
        let [input_path, output_path] = [&cx.common.input_path, &cx.common.output_path]
            .map(|place| place.as_ref().filter(|_| paths_as_uris).and_then(as_uri));
        // As in the CDK: an input path warns even where the flag has taken its second meaning away.
        if cx.common.input_path.is_some() || output_path.is_some() {
            cx.needs.warnings.push(WARNING.to_owned());
        }
        self.check(cx, input_path.is_some());
        cx.allow(["bedrock:InvokeModel"], [self.model.arn(cx)]);
        let mut fields = self.fields();
        for (action, key, object, place) in
            [("s3:GetObject", "Input", &self.input, input_path), ("s3:PutObject", "Output", &self.output, output_path)]
        {
            if object.is_none() && place.is_none() {
                continue;
            }
            let location = object.as_ref().and_then(|object| object.location.clone());
            let location = location.unwrap_or_else(|| Cfn::from("*"));
            let arn = cx.environment.arn_in("s3", Cfn::default(), Cfn::default(), location);
            cx.allow([action], [arn]);
            if let (None, Some(uri)) = (object, place) {
                fields.put(key, Fields::new().set("S3Uri", uri));
            }
        }
        if let Some(guardrail) = &self.guardrail {
            let arn = match guardrail.identifier.as_literal() {
                Some(text) if text.starts_with("arn:") => guardrail.identifier.clone(),
                _ => cx.arn("bedrock", Cfn::from("guardrail/").then(&guardrail.identifier)),
            };
            cx.allow(["bedrock:ApplyGuardrail"], [arn]);
            fields.put("GuardrailIdentifier", guardrail.identifier.clone());
            fields.put("GuardrailVersion", Value::from(guardrail.version()));
        }
        if let Some(trace) = self.trace_enabled {
            fields.put("Trace", if trace { "ENABLED" } else { "DISABLED" });
        }
        TaskFields::new(cx.integration("bedrock", "invokeModel"), fields.set("ModelId", self.model.arn(cx)))
    }
}

/// What the CDK says where its flag makes the paths of a state to S3 URIs.
const WARNING: &str = "These props will set the value of inputPath/outputPath as s3 URI under input/output field in state machine JSON definition. To modify the behaviour set feature flag `@aws-cdk/aws-stepfunctions-tasks:useNewS3UriParametersForBedrockInvokeModelTask\": true` and use props input.s3InputUri/output.s3OutputUri [ack: aws-cdk-lib/aws-stepfunctions-taks]";

/// The path of a state as a value.
fn as_uri(place: &Json) -> Option<Json> {
    match place {
        Json::Value(text) => text.as_str().map(|text| Json::Path(path(text))),
        _ => None,
    }
}

impl BedrockInvokeModelProps {
    fn check(&self, cx: &mut TaskContext<'_>, input_by_path: bool) {
        let input = self.input.is_some() || input_by_path;
        match (self.body.is_some(), input) {
            (true, true) => {
                cx.refuse("MustBeEitherSpecified", "Either `body` or `input` must be specified, but not both.");
            }
            (false, false) => cx.refuse("MustBeEitherSpecified", "Either `body` or `input` must be specified."),
            _ => {}
        }
        let empty = |object: &Option<S3Data>| object.as_ref().is_some_and(|object| object.uri.literal() == Some(""));
        if empty(&self.input) || empty(&self.output) {
            cx.refuse("UriCannotEmptyString", "S3 Uri cannot be an empty string");
        }
        if let Some(guardrail) = &self.guardrail {
            guardrail.check(cx);
        }
    }
}

impl Task for CustomizationProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.check(cx);
        let role = self.role.clone().unwrap_or_else(|| self.new_role(cx));
        if let Some(key) = &self.custom_model_kms_key {
            let service = Cfn::join([Cfn::from("bedrock."), Cfn::region(), Cfn::from(".amazonaws.com")]);
            let service: Value = [service.to_value()].into_iter().collect();
            let actions = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"];
            let statement = Statement::allow(actions, [Cfn::from("*")])
                .when("StringEquals", "kms:ViaService", &Cfn::intrinsic(&service))
                .for_role(role.arn());
            cx.needs.key_statements.push((key.clone(), statement));
        }
        let model = self.base_model.arn(cx);
        let jobs = jobs(cx);
        let models = cx.arn("bedrock", "custom-model/*");
        let actions = ["bedrock:CreateModelCustomizationJob", "bedrock:TagResource"];
        cx.allow(actions, [model.clone(), models, jobs.clone()]);
        cx.allow(["iam:PassRole"], [role.arn().clone()]);
        if cx.pattern == IntegrationPattern::RunJob {
            // The CDK forgets what waiting needs, and to say that the task waits.
            cx.allow(["bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob"], [jobs]);
        }
        let mut fields = self
            .fields()
            .set("BaseModelIdentifier", model)
            .set("OutputDataConfig", self.output_data.s3_uri())
            .set("RoleArn", role.arn().clone())
            .set("TrainingDataConfig", self.training_data.s3_uri())
            .set_opt("CustomModelKmsKeyId", &self.custom_model_kms_key.as_ref().map(|key| key.arn().clone()))
            .set_opt("CustomModelTags", &self.custom_model_tags.as_ref().map(|tags| tags.pairs("Key")))
            .set_opt("JobTags", &self.job_tags.as_ref().map(|tags| tags.pairs("Key")));
        if let Some(data) = &self.validation_data {
            let validators: Vec<Fields> = data.iter().map(DataBucketConfiguration::s3_uri).collect();
            fields.put("ValidationDataConfig", Fields::new().set("Validators", validators.to_json()));
        }
        TaskFields::new(cx.integration("bedrock", "createModelCustomizationJob"), fields)
    }
}

/// The ARN of all jobs that customize a model.
fn jobs(cx: &TaskContext<'_>) -> Cfn {
    cx.arn("bedrock", "model-customization-job/*")
}

impl CustomizationProps {
    fn check(&self, cx: &mut TaskContext<'_>) {
        let alphanumeric = |c: char| c.is_ascii_alphanumeric();
        let token = self.client_request_token.as_ref();
        check_text(cx, "clientRequestToken", 256, token, "/^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/", |text| {
            text.starts_with(alphanumeric)
                && text.ends_with(alphanumeric)
                && text.chars().all(|c| alphanumeric(c) || c == '-')
        });
        let name = Some(&self.custom_model_name);
        check_text(cx, "customModelName", 63, name, "/^([0-9a-zA-Z][_-]?)+$/", |text| {
            let between = |c: char| matches!(c, '_' | '-');
            let pairs = text.chars().zip(text.chars().skip(1));
            text.starts_with(alphanumeric)
                && text.chars().all(|c| alphanumeric(c) || between(c))
                && !pairs.into_iter().any(|(one, next)| between(one) && between(next))
        });
        if self.custom_model_kms_key.as_ref().is_some_and(|key| key.logical_id.is_none()) {
            cx.refuse("ImportedUsed", "Imported KMS key is not used as the `customModelKmsKey`.");
        }
        check_length(cx, "customModelTags", 0..=200, self.custom_model_tags.as_ref().map(|tags| tags.members().len()));
        let name = Some(&self.job_name);
        check_text(cx, "jobName", 63, name, r"/^[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*$/", |text| {
            text.starts_with(alphanumeric) && text.chars().all(|c| alphanumeric(c) || matches!(c, '+' | '-' | '.'))
        });
        check_length(cx, "jobTags", 0..=200, self.job_tags.as_ref().map(|tags| tags.members().len()));
        check_length(cx, "validationData", 1..=10, self.validation_data.as_ref().map(Vec::len));
        let vpc = self.vpc_config.as_ref();
        check_length(cx, "securityGroups", 1..=5, vpc.map(|vpc| vpc.security_group_ids.len()));
        check_length(cx, "subnets", 1..=16, vpc.map(|vpc| vpc.subnet_ids.len()));
        let percentage = match &self.hyper_parameters {
            Some(Json::Object(parameters)) => parameters.iter().any(|(name, _)| name == "Evaluation percentage"),
            _ => false,
        };
        if self.validation_data.is_none() && !percentage {
            let message = "validationData or Evaluation percentage hyperparameter must be provided.";
            cx.refuse("ValidationDataEvaluationPercentageHyperparameter", message);
        }
    }

    /// The role of the job, which may read and write its buckets and use its network.
    fn new_role(&self, cx: &mut TaskContext<'_>) -> RoleRef {
        let trust = roles::trusted("bedrock.amazonaws.com")
            .when("StringEquals", "aws:SourceAccount", &cx.environment.account())
            .when("ArnEquals", "aws:SourceArn", &jobs(cx));
        let mut statements = self.vpc_config.as_ref().map_or_else(Vec::new, |vpc| network_permissions(cx, vpc));
        let validation = self.validation_data.as_deref().unwrap_or_default();
        let read = std::iter::once(&self.training_data).chain(validation);
        let read = read.flat_map(|data| [data.bucket.arn().clone(), data.bucket.arn_for_objects("*")]);
        statements.push(Statement::allow(["s3:GetObject", "s3:ListBucket"], read));
        let output = &self.output_data.bucket;
        let write = [output.arn().clone(), output.arn_for_objects("*")];
        statements.push(Statement::allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"], write));
        let rights = Rights::Inline("BedrockCreateModelCustomizationJob", &statements);
        roles::new_role(cx, "BedrockRole", [trust], rights)
    }
}

/// What a job needs to work in a network (Bedrock user guide, "Model customization access and security").
fn network_permissions(cx: &TaskContext<'_>, vpc: &VpcData) -> Vec<Statement> {
    let list = |values: &[Cfn]| Cfn::intrinsic(&values.iter().map(Cfn::to_value).collect());
    let texts = |values: &[&str]| Cfn::intrinsic(&values.iter().map(|text| Value::from(*text)).collect());
    let of_job = list(&[jobs(cx)]);
    let interfaces = cx.arn("ec2", "network-interface/*");
    let subnets: Vec<Cfn> = vpc.subnet_ids.iter().map(|id| cx.arn("ec2", Cfn::from("subnet/").then(id))).collect();
    let groups = vpc.security_group_ids.iter().map(|id| cx.arn("ec2", Cfn::from("security-group/").then(id)));
    let describe = ["NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups"]
        .map(|what| format!("ec2:Describe{what}"));
    let change =
        ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"];
    let any = || Cfn::from("*");
    vec![
        Statement::allow(describe, [any()]),
        Statement::allow(["ec2:CreateNetworkInterface"], [interfaces.clone()])
            .when("StringEquals", "aws:RequestTag/BedrockManaged", &texts(&["true"]))
            .when("ArnEquals", "aws:RequestTag/BedrockModelCustomizationJobArn", &of_job),
        Statement::allow(["ec2:CreateNetworkInterface"], groups.chain(subnets.iter().cloned())),
        Statement::allow(change, [any()])
            .when("ArnEquals", "ec2:Subnet", &list(&subnets))
            .when("ArnEquals", "ec2:ResourceTag/BedrockModelCustomizationJobArn", &of_job)
            .when("StringEquals", "ec2:ResourceTag/BedrockManaged", &Cfn::from("true")),
        Statement::allow(["ec2:CreateTags"], [interfaces])
            .when("StringEquals", "ec2:CreateAction", &texts(&["CreateNetworkInterface"]))
            .when(
                "ForAllValues:StringEquals",
                "aws:TagKeys",
                &texts(&["BedrockManaged", "BedrockModelCustomizationJobArn"]),
            ),
    ]
}

fn check_length(cx: &mut TaskContext<'_>, name: &str, range: std::ops::RangeInclusive<usize>, length: Option<usize>) {
    if let Some(length) = length.filter(|length| !range.contains(length)) {
        let (least, most) = range.into_inner();
        let message = format!("{name} must be between {least} and {most} items long, got: {length}.");
        cx.refuse("ArrayLengthOutOfRange", message);
    }
}

fn check_text(
    cx: &mut TaskContext<'_>,
    name: &str,
    length_max: usize,
    value: Option<&Json>,
    pattern: &str,
    matches: impl FnOnce(&str) -> bool,
) {
    let Some(text) = value.and_then(Json::literal) else { return };
    let length = text.encode_utf16().count();
    if !(1..=length_max).contains(&length) {
        let message = format!("{name} must be between 1 and {length_max} characters long, got: {length}.");
        cx.refuse("StringLengthOutOfRange", message);
    } else if !matches(text) {
        cx.refuse("PatternMismatch", format!("{name} must match the pattern {pattern}, got: {text}."));
    }
}
