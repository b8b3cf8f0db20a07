//! Retriers, catchers, and the names of errors.

use stepwell_constructs::*;

use super::eval::{Props, V};
use super::flow::into;
use super::states::{AnyNode, Chain, Handle, Own};
use super::{Answer, Stop, convert, unknown};

pub fn retry(mut props: Props) -> Answer<Retry> {
    let mut retry = Retry::new();
    if let Some(v) = props.take("errors") {
        retry = retry.errors(errors_of(&v)?);
    }
    if let Some(v) = props.take("interval") {
        retry = retry.interval(v.duration()?);
    }
    if let Some(v) = props.take("maxAttempts") {
        retry = retry.max_attempts(v.u32()?);
    }
    if let Some(v) = props.take("backoffRate") {
        retry = retry.backoff_rate(v.f64()?);
    }
    if let Some(v) = props.take("maxDelay") {
        retry = retry.max_delay(v.duration()?);
    }
    if let Some(v) = props.take("jitterStrategy") {
        retry = retry.jitter(if v.word()? == "FULL" { JitterType::Full } else { JitterType::None });
    }
    props.done("a retrier")?;
    Ok(retry)
}

pub fn add_catch(node: &AnyNode, handler: &AnyNode, mut props: Props) -> Answer<()> {
    macro_rules! catch {
        ($language:ident, $state:expr, $special:expr) => {{
            let mut catch = Catch::<$language>::new();
            if let Some(v) = props.take("errors") {
                catch = catch.errors(errors_of(&v)?);
            }
            if let Some(v) = props.take("assign") {
                catch = catch.assign(convert::obj::<$language>(&v)?);
            }
            catch = $special(catch, &mut props)?;
            if props.has("outputs") {
                return Err(Stop::NotExpressible("jsonata_field_in_json_path_state.rs"));
            }
            props.done("a catcher")?;
            into!(handler, handler => drop($state.catch_with(handler, catch)))
        }};
    }
    let json_path = |mut catch: Catch<JsonPath>, props: &mut Props| -> Answer<Catch<JsonPath>> {
        if let Some(v) = props.take("resultPath") {
            catch = catch.result_path(convert::place(&v)?);
        }
        Ok(catch)
    };
    let jsonata = |mut catch: Catch<Jsonata>, props: &mut Props| -> Answer<Catch<Jsonata>> {
        if let Some(v) = props.take("outputs") {
            catch = catch.outputs(convert::field::<Jsonata>(&v)?);
        }
        Ok(catch)
    };
    match &node.own {
        Handle::JsonPath(Own::Work(state)) => catch!(JsonPath, state, json_path),
        Handle::JsonPath(Own::Branches(state)) => catch!(JsonPath, state, json_path),
        Handle::JsonPath(Own::Iteration(state)) => catch!(JsonPath, state, json_path),
        Handle::Jsonata(Own::Work(state)) => catch!(Jsonata, state, jsonata),
        Handle::Jsonata(Own::Branches(state)) => catch!(Jsonata, state, jsonata),
        Handle::Jsonata(Own::Iteration(state)) => catch!(Jsonata, state, jsonata),
        _ => return Err(Stop::NotExpressible("retry_of_pass.rs")),
    }
    Ok(())
}

fn errors_of(value: &V) -> Answer<Vec<String>> {
    value
        .items()?
        .iter()
        .map(|error| {
            Ok(match error {
                V::Const(name) => error_name(name)?.to_owned(),
                other => other.text()?.to_owned(),
            })
        })
        .collect()
}

/// A name of the library for an error.
pub fn error_name(name: &str) -> Answer<&'static str> {
    Ok(match name {
        "Errors.ALL" => errors::ALL,
        "Errors.DATA_LIMIT_EXCEEDED" => errors::DATA_LIMIT_EXCEEDED,
        "Errors.TIMEOUT" => errors::TIMEOUT,
        "Errors.HEARTBEAT_TIMEOUT" => errors::HEARTBEAT_TIMEOUT,
        "Errors.TASKS_FAILED" => errors::TASKS_FAILED,
        "Errors.PERMISSIONS" => errors::PERMISSIONS,
        "Errors.RESULT_PATH_MATCH_FAILURE" => errors::RESULT_PATH_MATCH_FAILURE,
        "Errors.PARAMETER_PATH_FAILURE" => errors::PARAMETER_PATH_FAILURE,
        "Errors.BRANCH_FAILED" => errors::BRANCH_FAILED,
        "Errors.NO_CHOICE_MATCHED" => errors::NO_CHOICE_MATCHED,
        other => return unknown(other),
    })
}
