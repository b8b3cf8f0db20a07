//! What is asked of Lambda: the members of an invocation, from a task's parameters.

use std::borrow::Cow;
use std::fmt::Write;

use stepwell_aws::LambdaFunctionArn;
use stepwell_engine::{ErrorCause, Identity};
use stepwell_value::{Str, Value, parse};

/// A call of Invoke.
#[derive(Debug, PartialEq)]
pub(super) struct Invocation {
    /// Path and query.
    pub(super) target: String,
    pub(super) body: String,
    invocation_type: Option<Str>,
    log_type: Option<Str>,
    client_context: Option<Str>,
}

impl Invocation {
    /// A function by its ARN: what the task is called with is the function's event.
    pub(super) fn of_function(function: &LambdaFunctionArn, event: &Value) -> Invocation {
        Invocation {
            target: target(&function.name, function.qualifier.as_deref()),
            body: event.to_string(),
            invocation_type: None,
            log_type: None,
            client_context: None,
        }
    }

    /// `lambda:invoke` with its parameters; a member that is `null` counts as not given.
    ///
    /// # Errors
    /// `States.Runtime` when a member is unknown, `FunctionName` is missing, or a member cannot stand in a header.
    pub(super) fn of_parameters(parameters: &Value) -> Result<Invocation, ErrorCause> {
        let refuse = |why: String| {
            let cause = format!("The Parameters '{parameters}' could not be used to start the Task: [{why}]");
            ErrorCause::new("States.Runtime", cause)
        };
        let Some(members) = parameters.as_object() else {
            return Err(refuse("They must be an object".to_owned()));
        };
        let supported = ["FunctionName", "InvocationType", "LogType", "ClientContext", "Payload", "Qualifier"];
        if let Some(unknown) = members.keys().find(|key| !supported.contains(&key.as_str())) {
            return Err(refuse(format!("The field \"{unknown}\" is not supported by Step Functions")));
        }
        let header = |name: &str| match text(parameters, name) {
            Some(value) if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) => {
                Err(refuse(format!("The value of the field '{name}' has an invalid format")))
            }
            value => Ok(value),
        };
        let function = text(parameters, "FunctionName").filter(|name| !name.is_empty());
        let function = function.ok_or_else(|| refuse("The field 'FunctionName' is required but was missing".into()))?;
        let qualifier = text(parameters, "Qualifier");
        let target = match (qualifier, LambdaFunctionArn::parse(&function)) {
            (Some(qualifier), _) => target(&without_place(&function), Some(&qualifier)),
            (None, Ok(arn)) => target(&arn.name, arn.qualifier.as_deref()),
            (None, Err(_)) => target(&without_place(&function), None),
        };
        Ok(Invocation {
            target,
            body: body(parameters.get("Payload")),
            invocation_type: header("InvocationType")?,
            log_type: header("LogType")?,
            client_context: header("ClientContext")?,
        })
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = [
            ("X-Amz-Invocation-Type", &self.invocation_type),
            ("X-Amz-Log-Type", &self.log_type),
            ("X-Amz-Client-Context", &self.client_context),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// An `Authorization` header with the scope of a signature and no signature.
    ///
    /// Emulators of several services tell by it which service, region and account is meant. Whoever verifies
    /// signatures refuses it, whatever the date.
    pub(super) fn authorization(&self, identity: &Identity, role_arn: Option<&str>) -> String {
        let account = role_arn
            .or(identity.role_arn.as_deref())
            .unwrap_or(&identity.state_machine_arn)
            .split(':')
            .nth(4)
            .filter(|account| !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .unwrap_or("test");
        let region = &identity.region;
        format!(
            "AWS4-HMAC-SHA256 Credential={account}/20000101/{region}/lambda/aws4_request, SignedHeaders=host, \
             Signature={:064}",
            0
        )
    }
}

/// A string member given other JSON gets its compact text (aws-sdk/naming.md, P3 and P4).
fn text(parameters: &Value, name: &str) -> Option<Str> {
    match parameters.get(name)? {
        Value::Null => None,
        Value::Str(text) => Some(text.clone()),
        other => Some(other.to_string().into()),
    }
}

/// The function's event: any JSON. A text that is JSON itself is the event as it stands; nothing is an empty object.
fn body(payload: Option<&Value>) -> String {
    match payload {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::Str(text)) if parse(text).is_ok() => text.to_string(),
        Some(payload) => payload.to_string(),
    }
}

/// Functions are named by their names alone: not every local endpoint knows ARNs.
fn target(function: &str, qualifier: Option<&str>) -> String {
    let function = escaped(function);
    let qualifier = qualifier.map(|qualifier| format!("?Qualifier={}", escaped(qualifier))).unwrap_or_default();
    format!("/2015-03-31/functions/{function}/invocations{qualifier}")
}

/// A function's name and what is behind it, without the parts of an ARN before it.
fn without_place(function: &str) -> Cow<'_, str> {
    match function.rsplit_once(":function:").or_else(|| function.split_once("function:")) {
        Some((_, name)) if !name.is_empty() => Cow::Borrowed(name),
        _ => Cow::Borrowed(function),
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            // Writing to a string does not fail.
            false => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(parameters: &str) -> Result<Invocation, ErrorCause> {
        Invocation::of_parameters(&parse(parameters).expect("parameters of a test"))
    }

    #[test]
    fn functions_are_named_by_their_names() {
        for (parameters, expected) in [
            (r#"{"FunctionName": "f"}"#, "f/invocations"),
            (r#"{"FunctionName": "f:PROD"}"#, "f%3APROD/invocations"),
            (r#"{"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f"}"#, "f/invocations"),
            (r#"{"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f:7"}"#, "f/invocations?Qualifier=7"),
            (r#"{"FunctionName": "123456789012:function:f"}"#, "f/invocations"),
            (r#"{"FunctionName": "function:f"}"#, "f/invocations"),
            (r#"{"FunctionName": "f", "Qualifier": "$LATEST"}"#, "f/invocations?Qualifier=%24LATEST"),
            // Which of the two is meant is Lambda's to say.
            (
                r#"{"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f:7", "Qualifier": "8"}"#,
                "f%3A7/invocations?Qualifier=8",
            ),
            (r#"{"FunctionName": "../x y/é?#"}"#, "..%2Fx%20y%2F%C3%A9%3F%23/invocations"),
        ] {
            let target = invocation(parameters).expect(parameters).target;
            assert_eq!(target, format!("/2015-03-31/functions/{expected}"), "{parameters}");
        }
    }

    #[test]
    fn any_json_can_be_the_event() {
        for (payload, body) in [
            ("null", "{}"),
            (r#"{"b": 1, "a": [1.50]}"#, r#"{"b":1,"a":[1.50]}"#),
            ("true", "true"),
            (r#""plain""#, r#""plain""#),
            // conformance, services/lambda-task-service.invoke-bytes-payload
            (r#""\"quoted\"""#, r#""quoted""#),
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        ] {
            let invocation = invocation(&format!(r#"{{"FunctionName": "f", "Payload": {payload}}}"#)).expect(payload);
            assert_eq!(invocation.body, body, "{payload}");
        }
        assert_eq!(invocation(r#"{"FunctionName": "f"}"#).unwrap().body, "{}");
    }

    #[test]
    fn other_members_are_headers() {
        let given = r#"{"FunctionName": "f", "InvocationType": "Event", "LogType": "Tail", "ClientContext": {"a": 1}}"#;
        let invocation = invocation(given).unwrap();
        let headers: Vec<_> = invocation.headers().collect();
        assert_eq!(
            headers,
            [("X-Amz-Invocation-Type", "Event"), ("X-Amz-Log-Type", "Tail"), ("X-Amz-Client-Context", r#"{"a":1}"#)]
        );
    }

    #[test]
    fn parameters_that_cannot_be_used_say_so() {
        for (parameters, why) in [
            ("{}", "The field 'FunctionName' is required but was missing"),
            (r#"{"FunctionName":null}"#, "The field 'FunctionName' is required but was missing"),
            (r#"{"FunctionName":""}"#, "The field 'FunctionName' is required but was missing"),
            (r#"{"FunctionName":"f","Foo":1}"#, "The field \"Foo\" is not supported by Step Functions"),
            (
                r#"{"FunctionName":"f","ClientContext":"a\r\nX: y"}"#,
                "The value of the field 'ClientContext' has an invalid format",
            ),
            ("[]", "They must be an object"),
        ] {
            let error = invocation(parameters).expect_err(parameters);
            assert_eq!(error.error.as_deref(), Some("States.Runtime"));
            let cause = format!("The Parameters '{parameters}' could not be used to start the Task: [{why}]");
            assert_eq!(error.cause.as_deref(), Some(cause.as_str()));
        }
    }
}
