//! The tasks of Step Functions itself.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::states::{finish, per_language};
use crate::adapter::{Answer, Stop, convert, machines, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "StepFunctionsStartExecution" => start(cx, input),
        "StepFunctionsInvokeActivity" => activity(cx, input),
        _ => return None,
    })
}

fn start(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let machine = input.props.need("stateMachine")?;
    let machine = StateMachineRef::from_arn(cx.attr(&machine, "stateMachineArn")?);
    adapt!(cx, input, StepFunctionsStartExecution(&machine) {
        "input" => input: field,
        "name" => name: text,
        "associateWithParent" => associate_with_parent: bool,
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job, token "input": field)
}

/// An activity that is declared, or made here.
pub fn activity_ref(cx: &Cx, value: &V) -> Answer<ActivityRef> {
    if let V::Scoped(name, id, args) = value {
        if name != "Activity" {
            return unknown(name);
        }
        let mut activity = Activity::new(id);
        let mut props = match args.first() {
            Some(props) => props.props()?,
            None => Default::default(),
        };
        if let Some(v) = props.take("activityName") {
            activity = activity.name(v.text()?);
        }
        if let Some(v) = props.take("encryptionConfiguration") {
            activity = activity.encryption(machines::encryption(cx, &v)?);
        }
        props.done("Activity")?;
        return Ok(cx.stack.add_activity(activity)?);
    }
    if let V::Ref(name) = value
        && let Some(activity) = cx.activities.get(name)
    {
        return Ok(activity.clone());
    }
    let mut activity = ActivityRef::from_arn(cx.attr(value, "activityArn")?);
    let declared = cx.declared(value).and_then(|declared| declared.get("props")).cloned();
    if let Some(encryption) = declared.and_then(|props| props.get("encryptionConfiguration").cloned())
        && let EncryptionConfiguration::CustomerManaged { key, .. } = machines::encryption(cx, &cx.eval(&encryption)?)?
    {
        activity = activity.encrypted_with(&key);
    }
    Ok(activity)
}

fn activity(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let activity = activity_ref(cx, &input.props.need("activity")?)?;
    macro_rules! code {
        ($new:ident) => {{
            let mut b = StepFunctionsInvokeActivity::$new(&input.id, &activity);
            per_language!($new {
                if let Some(v) = input.props.take("parameters") {
                    b = b.parameters(convert::obj::<L>(&v)?);
                }
            } {
                for name in ["arguments", "parameters"] {
                    if let Some(v) = input.props.take(name) {
                        b = b.arguments(convert::field::<L>(&v)?);
                    }
                }
            });
            super::task_props!($new b cx input);
            finish(input, "StepFunctionsInvokeActivity")?;
            match input.pattern.take().as_deref() {
                None | Some("REQUEST_RESPONSE") => cx.add(b),
                Some(_) => Err(Stop::NotExpressible("unsupported_pattern.rs")),
            }
        }};
    }
    match input.language {
        QueryLanguage::JsonPath => {
            type L = JsonPath;
            code!(json_path)
        }
        QueryLanguage::Jsonata => {
            type L = Jsonata;
            code!(jsonata)
        }
    }
}
