//! BedrockInvokeModel and BedrockCreateModelCustomizationJob.
#![allow(unused_variables, reason = "not every property looks at the context")]

use stepwell_constructs::*;

use super::{adapt, kind};
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "BedrockInvokeModel" => invoke(cx, input),
        "BedrockCreateModelCustomizationJob" => customize(cx, input),
        _ => return None,
    })
}

fn model(cx: &Cx, input: &mut Input, name: &'static str) -> Answer<BedrockModelRef> {
    let model = input.props.need(name)?;
    Ok(BedrockModelRef::from_arn(cx.attr(&model, "modelArn")?))
}

fn invoke(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let model = model(cx, input, "model")?;
    adapt!(cx, input, BedrockInvokeModel(&model) {
        "accept" => accept: text,
        "body" => body: field,
        "contentType" => content_type: text,
        "guardrail" => guardrail: (guardrail),
        "input" => input: {s3_object},
        "output" => output: {s3_object},
        "traceEnabled" => trace_enabled: bool,
    } patterns "REQUEST_RESPONSE")
}

fn guardrail(_: &Cx, value: &V) -> Answer<Guardrail> {
    let V::Call(call, args) = value else { return unknown(format!("a guardrail from {value:?}")) };
    let id = convert::cfn(&args[0])?;
    match call.as_str() {
        "Guardrail.enable" => Ok(Guardrail::enable(id, args[1].u32()?)),
        "Guardrail.enableDraft" => Ok(Guardrail::enable_draft(id)),
        other => unknown(other),
    }
}

fn s3_object<L: Lang>(cx: &Cx, value: &V) -> Answer<BedrockS3Object<L>> {
    let mut props = value.props()?;
    let uri = props.take("s3InputUri").or_else(|| props.take("s3OutputUri"));
    let location = props.take("s3Location");
    props.done("BedrockInvokeModelInputProps")?;
    match (uri, location) {
        (Some(_), Some(_)) => Err(Stop::NotExpressible("s3_uri_and_location.rs")),
        (None, None) => Err(Stop::NotExpressible("empty_s3_object.rs")),
        (Some(uri), None) => Ok(BedrockS3Object::uri(kind!(text cx uri))),
        (None, Some(location)) => {
            let mut location = location.props()?;
            let (bucket, key) = (location.need("bucketName")?, location.need("objectKey")?);
            if location.has("objectVersion") {
                return Err(Stop::NotExpressible("s3_object_with_version.rs"));
            }
            location.done("Location")?;
            Ok(BedrockS3Object::location(kind!(cfn cx bucket), kind!(cfn cx key)))
        }
    }
}

fn customize(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let model = model(cx, input, "baseModel")?;
    let (name, job) = (input.props.need("customModelName")?, input.props.need("jobName")?);
    let training = data(cx, &input.props.need("trainingData")?)?;
    let output = data(cx, &input.props.need("outputData")?)?;
    adapt!(cx, input, BedrockCreateModelCustomizationJob(
        &model, kind!(text cx name), kind!(text cx job), training.clone(), output.clone()
    ) {
        "clientRequestToken" => client_request_token: text,
        "customizationType" => customization_type: [customization_type],
        "customModelKmsKey" => custom_model_kms_key: (refs::key),
        "customModelTags" => custom_model_tags: {tags},
        "hyperParameters" => hyper_parameters: object,
        "jobTags" => job_tags: {tags},
        "role" => role: (refs::role),
        "validationData" => validation_data: (all_data),
        "vpcConfig" => vpc_config: {vpc},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn data(cx: &Cx, value: &V) -> Answer<DataBucketConfiguration> {
    let mut props = value.props()?;
    let mut data = DataBucketConfiguration::new(&refs::bucket(cx, &props.need("bucket")?)?);
    if let Some(path) = props.take("path") {
        data = data.path(path.text()?);
    }
    props.done("DataBucketConfiguration")?;
    Ok(data)
}

fn all_data(cx: &Cx, value: &V) -> Answer<Vec<DataBucketConfiguration>> {
    value.items()?.iter().map(|item| data(cx, item)).collect()
}

fn tags<L: Lang>(_: &Cx, value: &V) -> Answer<Obj<L>> {
    let mut tags = Obj::new();
    for tag in value.items()? {
        let mut props = tag.props()?;
        tags = tags.field(props.need("key")?.text()?, convert::field::<L>(&props.need("value")?)?);
        props.done("CustomModelTag")?;
    }
    Ok(tags)
}

fn vpc<L: Lang>(cx: &Cx, value: &V) -> Answer<BedrockVpcConfig<L>> {
    let mut props = value.props()?;
    let groups = props.need("securityGroups")?;
    let groups = groups.items()?.iter().map(|group| cx.attr(group, "securityGroupId")).collect::<Answer<Vec<_>>>()?;
    let subnets = props.need("subnets")?;
    let subnets = subnets.items()?.iter().map(convert::cfn).collect::<Answer<Vec<_>>>()?;
    props.done("VpcConfig")?;
    Ok(BedrockVpcConfig::new(groups, subnets))
}

fn customization_type(word: &str) -> Answer<CustomizationType> {
    Ok(match word {
        "FINE_TUNING" => CustomizationType::FineTuning,
        "CONTINUED_PRE_TRAINING" => CustomizationType::ContinuedPreTraining,
        "DISTILLATION" => CustomizationType::Distillation,
        other => return unknown(other),
    })
}
