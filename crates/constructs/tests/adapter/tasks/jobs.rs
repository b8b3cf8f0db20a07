//! BatchSubmitJob, CodeBuildStartBuild, CodeBuildStartBuildBatch, GlueDataBrewStartJobRun, EksCall.

use stepwell_constructs::*;

use super::{adapt, calls};
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "BatchSubmitJob" => submit_job(cx, input),
        "CodeBuildStartBuild" => build(cx, input),
        "CodeBuildStartBuildBatch" => build_batch(cx, input),
        "GlueDataBrewStartJobRun" => clean(cx, input),
        "EksCall" => call(cx, input),
        _ => return None,
    })
}

fn submit_job(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("jobName")?;
    let definition = input.props.need("jobDefinitionArn")?;
    let queue = input.props.need("jobQueueArn")?;
    adapt!(cx, input, BatchSubmitJob(
        convert::val::<String, L>(&name)?, convert::val::<String, L>(&definition)?, convert::val::<String, L>(&queue)?
    ) {
        "arraySize" => array_size: int,
        "attempts" => attempts: int,
        "containerOverrides" => container_overrides: {overrides},
        "dependsOn" => depends_on: {dependencies},
        "payload" => payload: field,
        "tags" => tags: object,
    } patterns "RUN_JOB", "REQUEST_RESPONSE" => request_response)
}

fn overrides<L: Lang>(_: &Cx, value: &V) -> Answer<BatchContainerOverrides<L>> {
    let mut props = value.props()?;
    let mut overrides = BatchContainerOverrides::new();
    if let Some(v) = props.take("command") {
        overrides = overrides.command(convert::val::<Vec<String>, L>(&v)?);
    }
    if let Some(v) = props.take("environment") {
        overrides = overrides.environment(convert::obj::<L>(&v)?);
    }
    if let Some(v) = props.take("instanceType") {
        overrides = overrides.instance_type(instance_type(&v)?);
    }
    if let Some(v) = props.take("memory") {
        overrides = overrides.memory_mib(mebibytes(&v)?);
    }
    if let Some(v) = props.take("gpuCount") {
        overrides = overrides.gpu_count(convert::val::<i64, L>(&v)?);
    }
    if let Some(v) = props.take("vcpus") {
        overrides = overrides.vcpus(convert::val::<f64, L>(&v)?);
    }
    props.done("BatchContainerOverrides")?;
    Ok(overrides)
}

fn dependencies<L: Lang>(_: &Cx, value: &V) -> Answer<Vec<BatchJobDependency<L>>> {
    let dependencies = value.items()?.iter().map(|dependency| {
        let mut props = dependency.props()?;
        let mut dependency = BatchJobDependency::new();
        if let Some(v) = props.take("jobId") {
            dependency = dependency.job_id(convert::val::<String, L>(&v)?);
        }
        if let Some(v) = props.take("type") {
            dependency = dependency.dependency_type(convert::val::<String, L>(&v)?);
        }
        props.done("BatchJobDependency")?;
        Ok(dependency)
    });
    dependencies.collect()
}

fn build(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (id, project) = (input.id.clone(), project(cx, input)?);
    adapt!(cx, input, CodeBuildStartBuild(&project) {
        "environmentVariablesOverride" => environment_variables_override: {variables},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job; built => cx.note_metrics(&id, built.metrics()))
}

fn build_batch(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let project = project(cx, input)?;
    adapt!(cx, input, CodeBuildStartBuildBatch(&project) {
        "environmentVariablesOverride" => environment_variables_override: {variables},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn project(cx: &Cx, input: &mut Input) -> Answer<ProjectRef> {
    let project = input.props.need("project")?;
    Ok(ProjectRef::from_attributes(cx.attr(&project, "projectName")?, cx.attr(&project, "projectArn")?))
}

fn variables<L: Lang>(_: &Cx, value: &V) -> Answer<Vec<(String, BuildEnvironmentVariable<L>)>> {
    let variables = value.members()?.iter().map(|(name, variable)| {
        let mut props = variable.props()?;
        let mut variable = BuildEnvironmentVariable::new(convert::val::<String, L>(&props.need("value")?)?);
        if let Some(v) = props.take("type") {
            variable = variable.variable_type(match v.word()? {
                "PLAINTEXT" => BuildEnvironmentVariableType::PlainText,
                "SECRETS_MANAGER" => BuildEnvironmentVariableType::SecretsManager,
                "PARAMETER_STORE" => BuildEnvironmentVariableType::ParameterStore,
                other => return unknown(other),
            });
        }
        props.done("BuildEnvironmentVariable")?;
        Ok((name.to_string(), variable))
    });
    variables.collect()
}

fn clean(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("name")?;
    adapt!(cx, input, GlueDataBrewStartJobRun(convert::val::<String, L>(&name)?) {
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn call(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = cluster(cx, input)?;
    let method = calls::method(input.props.need("httpMethod")?.word()?)?;
    let path = input.props.need("httpPath")?;
    adapt!(cx, input, EksCall(&cluster, method, convert::val::<String, L>(&path)?) {
        "queryParameters" => query_parameters: object,
        "requestBody" => request_body: field,
    } patterns "REQUEST_RESPONSE")
}

fn cluster(cx: &Cx, input: &mut Input) -> Answer<EksClusterRef> {
    let cluster = input.props.need("cluster")?;
    let attribute = |name: &str| match cx.fact(&cluster, name) {
        Some(value) if !value.is_null() => Ok(Cfn::intrinsic(&value)),
        _ => Err(Stop::NotExpressible("eks_cluster_without_certificate.rs")),
    };
    Ok(EksClusterRef::from_attributes(
        attribute("clusterName")?,
        attribute("clusterEndpoint")?,
        attribute("clusterCertificateAuthorityData")?,
    ))
}

/// `new ec2.InstanceType("m5.large")` and `ec2.InstanceType.of(class, size)`.
pub fn instance_type(value: &V) -> Answer<String> {
    match value {
        V::New(_, args) => Ok(args[0].text()?.to_owned()),
        V::Call(_, args) => convert::instance_type(args),
        other => unknown(format!("a type of instances from {other:?}")),
    }
}

pub fn mebibytes(value: &V) -> Answer<i64> {
    match value {
        V::Size(bytes) => convert::whole(bytes / f64::from(1 << 20)),
        other => unknown(format!("a size from {other:?}")),
    }
}
