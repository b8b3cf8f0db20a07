//! The tasks of EMR on EKS.
#![allow(unused_variables, reason = "not every property looks at the context")]

use stepwell_constructs::*;
use stepwell_value::Value;

use super::{adapt, kind};
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "EmrContainersCreateVirtualCluster" => create(cx, input),
        "EmrContainersDeleteVirtualCluster" => delete(cx, input),
        "EmrContainersStartJobRun" => start(cx, input),
        _ => return None,
    })
}

fn create(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = input.props.need("eksCluster")?;
    adapt!(cx, input, EmrContainersCreateVirtualCluster(cluster_name::<L>(cx, &cluster)?) {
        "eksNamespace" => eks_namespace: text,
        "tags" => tags: object,
        "virtualClusterName" => virtual_cluster_name: text,
    } patterns "REQUEST_RESPONSE")
}

/// `EksClusterInput` and `VirtualClusterInput`.
fn cluster_name<L: Lang>(cx: &Cx, value: &V) -> Answer<Val<String, L>> {
    let V::Call(call, args) = value else { return unknown(format!("a cluster from {value:?}")) };
    match call.as_str() {
        "EksClusterInput.fromCluster" => Ok(cx.attr(&args[0], "clusterName")?.into_val()),
        _ => convert::val::<String, L>(&args[0]),
    }
}

fn delete(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = input.props.need("virtualClusterId")?;
    adapt!(cx, input, EmrContainersDeleteVirtualCluster(kind!(text cx cluster)) {
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn start(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = input.props.need("virtualCluster")?;
    let label = label(&input.props.need("releaseLabel")?)?;
    let driver = input.props.need("jobDriver")?;
    adapt!(cx, input, EmrContainersStartJobRun(
        cluster_name::<L>(cx, &cluster)?, label.clone(), job_driver::<L>(cx, &driver)?
    ) {
        "applicationConfig" => application_config: {configurations},
        "executionRole" => execution_role: (refs::role),
        "jobName" => job_name: text,
        "monitoring" => monitoring: {monitoring},
        "tags" => tags: object,
    } patterns "RUN_JOB", "REQUEST_RESPONSE" => request_response)
}

fn label(value: &V) -> Answer<ReleaseLabel> {
    Ok(match value {
        V::New(_, args) => ReleaseLabel::new(args[0].text()?),
        _ => match value.word()? {
            "EMR_5_32_0" => ReleaseLabel::EMR_5_32_0,
            "EMR_5_33_0" => ReleaseLabel::EMR_5_33_0,
            "EMR_6_2_0" => ReleaseLabel::EMR_6_2_0,
            "EMR_6_3_0" => ReleaseLabel::EMR_6_3_0,
            other => return unknown(other),
        },
    })
}

fn job_driver<L: Lang>(cx: &Cx, value: &V) -> Answer<SparkSubmitJobDriver<L>> {
    let mut driver = value.props()?;
    let mut props = driver.need("sparkSubmitJobDriver")?.props()?;
    driver.done("JobDriver")?;
    let entry_point = props.need("entryPoint")?;
    let mut driver = SparkSubmitJobDriver::new(kind!(text cx entry_point));
    if let Some(v) = props.take("entryPointArguments") {
        driver = driver.entry_point_arguments(arguments::<L>(&v)?);
    }
    if let Some(v) = props.take("sparkSubmitParameters") {
        driver = driver.spark_submit_parameters(kind!(text cx v));
    }
    props.done("SparkSubmitJobDriver")?;
    Ok(driver)
}

fn arguments<L: Lang>(value: &V) -> Answer<Val<Vec<String>, L>> {
    match value {
        V::Object(_) => Err(Stop::NotExpressible("object_as_list.rs")),
        V::Json(Value::Str(text)) if text.starts_with("{%") && text.ends_with("%}") => convert::expression(text),
        V::Json(Value::Str(_)) => Err(Stop::NotExpressible("text_as_list.rs")),
        other => convert::val::<Vec<String>, L>(other),
    }
}

fn configurations<L: Lang>(_: &Cx, value: &V) -> Answer<Vec<ApplicationConfiguration<L>>> {
    nested(value)
}

fn nested<L: Lang>(value: &V) -> Answer<Vec<ApplicationConfiguration<L>>> {
    let configurations = value.items()?.iter().map(|item| {
        let mut props = item.props()?;
        let mut configuration = ApplicationConfiguration::new(classification(&props.need("classification")?)?);
        if let Some(v) = props.take("properties") {
            configuration = configuration.properties(convert::obj::<L>(&v)?);
        }
        if let Some(v) = props.take("nestedConfig") {
            configuration = configuration.nested_config(nested::<L>(&v)?);
        }
        props.done("ApplicationConfiguration")?;
        Ok(configuration)
    });
    configurations.collect()
}

fn classification(value: &V) -> Answer<Classification> {
    Ok(match value {
        V::New(_, args) => Classification::new(args[0].text()?),
        _ => match value.word()? {
            "SPARK" => Classification::SPARK,
            "SPARK_DEFAULTS" => Classification::SPARK_DEFAULTS,
            "SPARK_ENV" => Classification::SPARK_ENV,
            "SPARK_HIVE_SITE" => Classification::SPARK_HIVE_SITE,
            "SPARK_LOG4J" => Classification::SPARK_LOG4J,
            "SPARK_METRICS" => Classification::SPARK_METRICS,
            other => return unknown(other),
        },
    })
}

fn monitoring<L: Lang>(cx: &Cx, value: &V) -> Answer<Monitoring<L>> {
    let mut props = value.props()?;
    let mut monitoring = Monitoring::new();
    if let Some(v) = props.take("logBucket") {
        monitoring = monitoring.log_bucket(refs::bucket(cx, &v)?);
    }
    if let Some(v) = props.take("logGroup") {
        monitoring = monitoring.log_group(refs::log_group(cx, &v)?);
    }
    if let Some(v) = props.take("logging") {
        monitoring = monitoring.logging(v.bool()?);
    }
    if let Some(v) = props.take("logStreamNamePrefix") {
        monitoring = monitoring.log_stream_name_prefix(kind!(text cx v));
    }
    if let Some(v) = props.take("persistentAppUI") {
        monitoring = monitoring.persistent_app_ui(v.bool()?);
    }
    props.done("Monitoring")?;
    Ok(monitoring)
}
