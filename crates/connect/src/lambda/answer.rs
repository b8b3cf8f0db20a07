//! What Lambda answers: a task's result, a function's error, or an exception of the service.

use stepwell_engine::ErrorCause;
use stepwell_value::{Object, Str, Value, parse};

use crate::http::{Headers, Response};

/// Longest answer of a function that Lambda passes on.
pub(super) const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// What of an answer is the task's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of a function called by its ARN: what the function returned.
    Function,
    /// Of `lambda:invoke`: all members of Invoke's answer, and what the SDK knows of the exchange.
    Service,
}

/// A task's result, from an answer.
///
/// # Errors
/// What the function threw, or what Lambda refused.
pub(super) fn read(response: Response, shape: Shape) -> Result<Value, ErrorCause> {
    if !(200..300).contains(&response.status) {
        return Err(service_exception(&response));
    }
    let Response { status, headers, body } = response;
    // Text comes back as text; what is no UTF-8 with the character for it, as Java reads it (aws-sdk/naming.md, B2).
    let body = String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    if headers.get(FUNCTION_ERROR).is_some() {
        return Err(function_error(body, shape));
    }
    // What is no JSON is a text: the empty one of an asynchronous invocation, or of a function that is none of Lambda's.
    let payload = parse(&body).unwrap_or_else(|_| body.into());
    Ok(match shape {
        Shape::Function => payload,
        Shape::Service => result(status, &headers, payload),
    })
}

const FUNCTION_ERROR: &str = "X-Amz-Function-Error";

/// What Lambda says of a function that returned more than [`RESPONSE_BYTES_MAX`].
pub(super) fn too_large() -> ErrorCause {
    let kind = "Function.ResponseSizeTooLarge";
    let message = format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    let payload: Value = [("errorMessage", Value::from(message)), ("errorType", kind.into())].into_iter().collect();
    ErrorCause::new(kind, payload.to_string())
}

/// The function failed: its error's name is the task's, and what it says the cause.
fn function_error(body: String, shape: Shape) -> ErrorCause {
    let payload = parse(&body).ok();
    let kind = payload.as_ref().and_then(|payload| payload.get("errorType")).and_then(Value::as_str);
    match (kind, &payload) {
        // AWS: the cause is the function's text for an ARN, written anew for `lambda:invoke`.
        (Some(kind), Some(payload)) if !kind.is_empty() => match shape {
            Shape::Function => ErrorCause::new(kind, body),
            Shape::Service => ErrorCause::new(kind, payload.to_string()),
        },
        // It ran out of memory or time.
        _ => ErrorCause::new(
            "Lambda.Unknown",
            format!(
                "The cause could not be determined because Lambda did not return an error type. Returned payload: {body}"
            ),
        ),
    }
}

/// Lambda refused, in the words of AWS's SDK for Java 1 (reference/errors.md, 1).
fn service_exception(response: &Response) -> ErrorCause {
    let body = parse(&String::from_utf8_lossy(&response.body)).unwrap_or(Value::Null);
    let member = |names: [&str; 2]| names.into_iter().find_map(|name| body.get(name).and_then(Value::as_str));
    let code = response.headers.get("x-amzn-ErrorType").or_else(|| member(["__type", "code"]));
    // `ResourceNotFoundException:http://…` and `com.amazonaws.lambda#ResourceNotFoundException` mean the same.
    let code =
        code.map(|code| code.split(':').next().unwrap_or(code)).map(|code| code.rsplit('#').next().unwrap_or(code));
    let message = member(["Message", "message"]).unwrap_or("null");
    let request_id = response.headers.get(REQUEST_ID).unwrap_or("null");
    let exception = code.filter(|code| INVOKE_EXCEPTIONS.binary_search(code).is_ok()).unwrap_or("AWSLambdaException");
    ErrorCause::new(
        format!("Lambda.{exception}"),
        format!(
            "{message} (Service: AWSLambda; Status Code: {}; Error Code: {}; Request ID: {request_id}; Proxy: null)",
            response.status,
            code.unwrap_or("null")
        ),
    )
}

const REQUEST_ID: &str = "x-amzn-RequestId";

/// The exceptions that Lambda's model gives Invoke, sorted; all others are `AWSLambdaException`.
const INVOKE_EXCEPTIONS: [&str; 45] = [
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserFailedException",
    "CodeArtifactUserPendingException",
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "ModeNotSupportedException",
    "NoPublishedVersionException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ResourceNotReadyException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "S3FilesMountConnectivityException",
    "S3FilesMountFailureException",
    "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException",
    "ServiceException",
    "ServiceQuotaExceededException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "TooManyRequestsException",
    "UnsupportedMediaTypeException",
];

/// The result of `lambda:invoke`.
fn result(status: u16, headers: &Headers, payload: Value) -> Value {
    let mut result = Object::default();
    let mut put = |name: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            result.insert(name, value);
        }
    };
    let header = |name: &str| headers.get(name).map(Value::from);
    put("ExecutedVersion", header("X-Amz-Executed-Version"));
    put("LogResult", header("X-Amz-Log-Result"));
    put("Payload", Some(payload));
    put("SdkHttpMetadata", Some(http_metadata(status, headers)));
    let metadata = header(REQUEST_ID).map(|id| ("RequestId", id));
    put("SdkResponseMetadata", Some(metadata.into_iter().collect()));
    put("StatusCode", Some(i32::from(status).into()));
    result.into()
}

/// What the SDK knows of the exchange: headers sorted whatever their case, each in the spelling that came first.
fn http_metadata(status: u16, headers: &Headers) -> Value {
    let mut sorted: Vec<(&str, Vec<Value>)> = Vec::new();
    for (name, value) in headers.iter() {
        match sorted.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(value.into()),
            None => sorted.push((name, vec![value.into()])),
        }
    }
    sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let last = |values: &Vec<Value>| values.last().cloned().unwrap_or_default();
    let single: Value = sorted.iter().map(|(name, values)| (Str::new(name), last(values))).collect();
    let all: Value = sorted.into_iter().map(|(name, values)| (Str::new(name), Value::from(values))).collect();
    [("AllHttpHeaders", all), ("HttpHeaders", single), ("HttpStatusCode", i32::from(status).into())]
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        Response { status, headers: headers.iter().copied().collect(), body: body.as_bytes().to_vec() }
    }

    fn error(status: u16, headers: &[(&str, &str)], body: &str, shape: Shape) -> String {
        let error = read(response(status, headers, body), shape).expect_err("an error");
        format!("{} | {}", error.error.unwrap_or_default(), error.cause.unwrap_or_default())
    }

    #[test]
    fn a_function_gives_what_it_returned() {
        for (body, value) in
            [(r#"{"a": 1.50}"#, r#"{"a":1.50}"#), ("null", "null"), ("", r#""""#), ("oops {", r#""oops {""#)]
        {
            assert_eq!(read(response(200, &[], body), Shape::Function).unwrap().to_string(), value);
        }
        let bytes = Response { status: 200, headers: Headers::default(), body: vec![b'"', 0xff, b'"'] };
        assert_eq!(read(bytes, Shape::Function).unwrap().to_string(), "\"\u{fffd}\"");
    }

    #[test]
    fn the_service_gives_the_exchange_too() {
        let headers = [
            ("Date", "today"),
            ("x-amzn-RequestId", "r-1"),
            ("X-Amz-Executed-Version", "$LATEST"),
            ("X-Amz-Log-Result", "bG9n"),
            ("via", "a"),
            ("Via", "b"),
        ];
        assert_eq!(
            read(response(200, &headers, "{}"), Shape::Service).unwrap().to_string(),
            concat!(
                r#"{"ExecutedVersion":"$LATEST","LogResult":"bG9n","Payload":{},"SdkHttpMetadata":{"AllHttpHeaders":"#,
                r#"{"Date":["today"],"via":["a","b"],"X-Amz-Executed-Version":["$LATEST"],"X-Amz-Log-Result":["bG9n"],"#,
                r#""x-amzn-RequestId":["r-1"]},"HttpHeaders":{"Date":"today","via":"b","X-Amz-Executed-Version":"$LATEST","#,
                r#""X-Amz-Log-Result":"bG9n","x-amzn-RequestId":"r-1"},"HttpStatusCode":200},"#,
                r#""SdkResponseMetadata":{"RequestId":"r-1"},"StatusCode":200}"#
            )
        );
        // InvocationType: Event.
        let accepted = read(response(202, &[("x-amzn-RequestId", "r-2")], ""), Shape::Service).unwrap();
        assert_eq!(accepted.get("Payload").and_then(Value::as_str), Some(""));
        assert_eq!(accepted.get("StatusCode").and_then(Value::as_i64), Some(202));
        assert!(accepted.get("ExecutedVersion").is_none());
    }

    #[test]
    fn an_error_of_a_function_is_the_tasks() {
        let unhandled = [("x-amz-function-error", "Unhandled")];
        let thrown = r#"{"errorMessage": "Busy.", "errorType": "Card.Declined"}"#;
        assert_eq!(error(200, &unhandled, thrown, Shape::Function), format!("Card.Declined | {thrown}"));
        assert_eq!(
            error(200, &unhandled, thrown, Shape::Service),
            r#"Card.Declined | {"errorMessage":"Busy.","errorType":"Card.Declined"}"#
        );
        let timed_out = r#"{"errorMessage":"2026-01-01T00:00:00.000Z r-1 Task timed out after 3.00 seconds"}"#;
        for untyped in [timed_out, "", "no JSON", r#"{"errorType":""}"#, r#"{"errorType":5}"#, "[]"] {
            let expected = format!(
                "Lambda.Unknown | The cause could not be determined because Lambda did not return an error type. \
                 Returned payload: {untyped}"
            );
            assert_eq!(error(200, &unhandled, untyped, Shape::Service), expected);
        }
    }

    #[test]
    fn an_exception_of_the_service_has_its_name() {
        let of = |code: &'static str| [("x-amzn-ErrorType", code), ("x-amzn-RequestId", "r-1")];
        let message = r#"{"Type": "User", "Message": "It says why."}"#;
        let cause = |status: u16, code: &str| {
            format!(
                "It says why. (Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: r-1; Proxy: null)"
            )
        };
        for (status, code, name, shown) in [
            (404, "ResourceNotFoundException", "Lambda.ResourceNotFoundException", "ResourceNotFoundException"),
            (429, "TooManyRequestsException", "Lambda.TooManyRequestsException", "TooManyRequestsException"),
            (429, "TooManyRequestsException:http://x/", "Lambda.TooManyRequestsException", "TooManyRequestsException"),
            (500, "com.amazonaws.lambda#ServiceException", "Lambda.ServiceException", "ServiceException"),
            (403, "AccessDeniedException", "Lambda.AWSLambdaException", "AccessDeniedException"),
        ] {
            assert_eq!(
                error(status, &of(code), message, Shape::Function),
                format!("{name} | {}", cause(status, shown))
            );
        }
        let in_body = r#"{"__type": "ServiceException", "message": "It says why."}"#;
        assert_eq!(
            error(500, &[], in_body, Shape::Service),
            "Lambda.ServiceException | It says why. (Service: AWSLambda; Status Code: 500; Error Code: \
             ServiceException; Request ID: null; Proxy: null)"
        );
        for body in ["", "<html>Bad gateway</html>", "{}"] {
            assert_eq!(
                error(502, &[], body, Shape::Service),
                "Lambda.AWSLambdaException | null (Service: AWSLambda; Status Code: 502; Error Code: null; \
                 Request ID: null; Proxy: null)"
            );
        }
    }

    #[test]
    fn the_names_of_exceptions_are_sorted() {
        assert!(INVOKE_EXCEPTIONS.is_sorted());
    }
}
