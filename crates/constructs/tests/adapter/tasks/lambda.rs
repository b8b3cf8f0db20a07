//! LambdaInvoke.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    (construct == "LambdaInvoke").then(|| invoke(cx, input))
}

fn invoke(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let function = refs::function(cx, &input.props.need("lambdaFunction")?)?;
    let response_only = input.props.take("payloadResponseOnly").is_some_and(|v| v.bool().unwrap_or(false));
    if response_only {
        let forbidden = ["invocationType", "clientContext", "qualifier"];
        if input.pattern.is_some() || forbidden.iter().any(|name| input.props.has(name)) {
            return Err(Stop::NotExpressible("qualifier_of_response_only.rs"));
        }
        return adapt!(cx, input, ResponseOnlyInvoke(&function) {
            "payload" => payload: field,
            "retryOnServiceExceptions" => retry_on_service_exceptions: bool,
        } patterns "REQUEST_RESPONSE");
    }
    let id = input.id.clone();
    adapt!(cx, input, LambdaInvoke(&function) {
        "payload" => payload: field,
        "invocationType" => invocation_type: [invocation_type],
        "clientContext" => client_context: text,
        "qualifier" => qualifier: text,
        "retryOnServiceExceptions" => retry_on_service_exceptions: bool,
    } patterns "REQUEST_RESPONSE", token "payload": field; built => cx.note_metrics(&id, built.metrics()))
}

/// The constructors of a task whose result is the payload alone.
struct ResponseOnlyInvoke;

impl ResponseOnlyInvoke {
    fn json_path(id: &str, function: &FunctionRef) -> LambdaInvoke<JsonPath, ResponseOnly> {
        LambdaInvoke::json_path(id, function).payload_response_only()
    }

    fn jsonata(id: &str, function: &FunctionRef) -> LambdaInvoke<Jsonata, ResponseOnly> {
        LambdaInvoke::jsonata(id, function).payload_response_only()
    }
}

fn invocation_type(word: &str) -> Answer<LambdaInvocationType> {
    Ok(match word {
        "REQUEST_RESPONSE" => LambdaInvocationType::RequestResponse,
        "EVENT" => LambdaInvocationType::Event,
        "DRY_RUN" => LambdaInvocationType::DryRun,
        other => return unknown(other),
    })
}
