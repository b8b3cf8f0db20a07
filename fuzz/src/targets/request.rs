//! Requests: what cannot be read is refused by an error of the API, and nothing is read differently the next time.

use stepwell_server::fuzzing;
use stepwell_value::{Value, parse};

use super::{Kind, Target, promise};

pub(super) const TARGET: Target = Target {
    name: "request",
    kind: Kind::Request,
    seeds: &[
        r#"{"op":"StartExecution","params":{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD","name":"e","input":"{}","traceHeader":"Root=1"}}"#,
        r#"{"op":"CreateStateMachine","params":{"name":"m","definition":"{}","roleArn":"arn:aws:iam::123456789012:role/r","type":"EXPRESS","loggingConfiguration":{"level":"ALL","includeExecutionData":true,"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]},"tags":[{"key":"k","value":"v"}],"tracingConfiguration":{"enabled":true},"publish":true,"versionDescription":"v","encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}}"#,
        r#"{"op":"CreateStateMachineAlias","params":{"name":"PROD","routingConfiguration":[{"stateMachineVersionArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:1","weight":100}]}}"#,
        r#"{"op":"ListExecutions","params":{"mapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:0-0","maxResults":1000,"statusFilter":"RUNNING","nextToken":"AAAA","redriveFilter":"REDRIVEN"}}"#,
        r#"{"op":"GetExecutionHistory","params":{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","includeExecutionData":false,"reverseOrder":true}}"#,
        r#"{"op":"SendTaskFailure","params":{"taskToken":"AAAA","error":"E","cause":"C"}}"#,
        r#"{"op":"TagResource","params":{"resourceArn":"arn:aws:states:us-east-1:123456789012:activity:a","tags":[{"key":"","value":null}]}}"#,
    ],
    words: &[
        "",
        "op",
        "params",
        "StartExecution",
        "StopExecution",
        "GetActivityTask",
        "SendTaskSuccess",
        "UpdateStateMachine",
        "DescribeMapRun",
        "ValidateStateMachineDefinition",
        "name",
        "stateMachineArn",
        "executionArn",
        "nextToken",
        "maxResults",
        "tags",
        "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        "arn:aws:states:us-east-1:123456789012:express:m:e:0",
        "arn:",
        ":::::::",
        "a\u{0}b",
        "é😀",
        "-1",
        "1e999",
        "99999999999999999999",
    ],
    check,
};

fn check(text: &str) -> Result<(), String> {
    if let Ok(call) = parse(text)
        && let Some(params) = call.get("params")
    {
        let operation = call.get("op").and_then(Value::as_str).unwrap_or_default();
        read(operation, &params.to_string())?;
    }
    read("StartExecution", text)?;
    read(text, "{}")
}

fn read(operation: &str, body: &str) -> Result<(), String> {
    let answer = fuzzing::request(operation, body.as_bytes());
    if let Err(error) = &answer {
        promise((400..500).contains(&error.status()) && !error.name().is_empty(), || {
            format!("a request is refused as if it were our fault: {error:?}")
        })?;
    }
    let again = fuzzing::request(operation, body.as_bytes());
    promise(again == answer, || format!("{answer:?} the first time, {again:?} the second"))
}
