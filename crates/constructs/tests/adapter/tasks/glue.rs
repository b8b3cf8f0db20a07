//! The tasks of Glue.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, convert, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "GlueStartJobRun" => job(cx, input),
        "GlueStartCrawlerRun" => crawler(cx, input),
        _ => return None,
    })
}

fn job(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (id, name) = (input.id.clone(), input.props.need("glueJobName")?);
    adapt!(cx, input, GlueStartJobRun(convert::val::<String, L>(&name)?) {
        "arguments" => arguments: field,
        "notifyDelayAfter" => notify_delay_after: duration,
        "securityConfiguration" => security_configuration: text,
        "executionClass" => execution_class: [execution_class],
        "workerConfiguration" => worker_configuration: {workers},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job; built => cx.note_metrics(&id, built.metrics()))
}

fn execution_class(word: &str) -> Answer<ExecutionClass> {
    Ok(if word == "FLEX" { ExecutionClass::Flex } else { ExecutionClass::Standard })
}

fn workers<L: convert::Lang>(_: &Cx, value: &V) -> Answer<WorkerConfiguration<L>> {
    let mut props = value.props()?;
    let kind = match (props.take("workerType"), props.take("workerTypeV2")) {
        (Some(_), Some(_)) => return Err(Stop::NotExpressible("two_worker_types.rs")),
        (Some(kind), None) | (None, Some(kind)) => kind,
        (None, None) => return Err(Stop::NotExpressible("missing_argument.rs")),
    };
    let kind: Val<String, L> = match &kind {
        V::Call(_, args) => convert::val::<String, L>(&args[0])?,
        constant => worker_type(constant.word()?)?.into_val(),
    };
    let number = convert::val::<i64, L>(&props.need("numberOfWorkers")?)?;
    props.done("WorkerConfiguration")?;
    Ok(WorkerConfiguration::new(kind, number))
}

fn worker_type(word: &str) -> Answer<WorkerType> {
    Ok(match word {
        "STANDARD" => WorkerType::Standard,
        "G_025X" => WorkerType::G025x,
        "G_1X" => WorkerType::G1x,
        "G_2X" => WorkerType::G2x,
        "G_4X" => WorkerType::G4x,
        "G_8X" => WorkerType::G8x,
        "Z_2X" => WorkerType::Z2x,
        other => return unknown(other),
    })
}

fn crawler(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("crawlerName")?;
    adapt!(cx, input, GlueStartCrawlerRun(convert::val::<String, L>(&name)?) {} patterns "REQUEST_RESPONSE")
}
