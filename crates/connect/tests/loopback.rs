//! Calls against a Lambda endpoint on the loopback address that does what each test says.
#![allow(clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use stepwell_asl::program::{ExecutionType, RegionIdx};
use stepwell_aws::Resource;
use stepwell_connect::{Client, Endpoint, Lambda, Limits, Outside};
use stepwell_engine::{AttemptId, ExecutionId, Identity, Payload, PayloadId, Signal, TaskRequest};
use stepwell_value::{Str, parse};
use tokio::runtime::Handle;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:charge:PROD";
const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const INVOKE_WITH_TOKEN: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// What the endpoint does with a request.
enum Then {
    Answer(String),
    /// Answers, and closes the connection without having said so.
    AnswerAndClose(String),
    /// Answers and closes the connection when it has read no more than the head.
    AnswerEarly(String),
    /// Closes the connection.
    Hang,
    /// Says nothing until the other side closes.
    Silence,
}

/// An endpoint: which requests it saw, and on which connection.
struct Server {
    url: String,
    seen: Receiver<(usize, String)>,
    /// Connections that the other side closed while the endpoint was silent.
    closed: Receiver<usize>,
}

/// Starts an endpoint that takes one of `script` for each request, in turn.
fn serve(script: Vec<Then>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (saw, seen) = channel();
    let (close, closed) = channel();
    let script = Arc::new(Mutex::new(script.into_iter()));
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (script, saw, close) = (script.clone(), saw.clone(), close.clone());
            thread::spawn(move || converse(number, stream.expect("a connection"), &script, &saw, &close));
        }
    });
    Server { url, seen, closed }
}

fn converse(
    number: usize,
    stream: TcpStream,
    script: &Mutex<std::vec::IntoIter<Then>>,
    saw: &Sender<(usize, String)>,
    close: &Sender<usize>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some(head) = read_head(&mut reader) {
        let then = script.lock().expect("no test panics with it").next().expect("a request that the test expects");
        if let Then::AnswerEarly(answer) = then {
            writer.write_all(answer.as_bytes()).expect("it is read");
            let _ = saw.send((number, head));
            return;
        }
        let length =
            head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a whole body");
        let _ = saw.send((number, format!("{head}\n{}", String::from_utf8_lossy(&body))));
        match then {
            Then::Answer(answer) => writer.write_all(answer.as_bytes()).expect("it is read"),
            Then::AnswerAndClose(answer) => {
                writer.write_all(answer.as_bytes()).expect("it is read");
                writer.shutdown(Shutdown::Both).expect("it was open");
                let _ = close.send(number);
                return;
            }
            Then::AnswerEarly(_) => unreachable!("done above"),
            Then::Hang => return,
            Then::Silence => {
                let _ = reader.read(&mut [0]);
                let _ = close.send(number);
                return;
            }
        }
    }
}

/// The head of a request without carriage returns; none at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        match line.trim_end() {
            "" => return Some(head),
            text => head = head + text + "\n",
        }
    }
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nX-Amz-Executed-Version: $LATEST\r\nx-amzn-RequestId: r-1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn identity() -> Identity {
    Identity {
        id: ExecutionId(1),
        arn: "arn:aws:states:us-east-1:123456789012:execution:m:e".into(),
        name: "e".into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: Some("arn:aws:iam::123456789012:role/r".into()),
        version_arn: None,
        alias_arn: None,
        execution_type: ExecutionType::Standard,
        shows_redrive_count: true,
        region: "us-east-1".into(),
        trace_header: None,
        seed: 1,
        root: RegionIdx(0),
    }
}

fn task(attempt: u32, resource: &str, parameters: &str) -> TaskRequest {
    TaskRequest {
        attempt: AttemptId(attempt),
        state: "Charge".into(),
        retry_count: 0,
        path: Vec::new(),
        resource: Resource::parse(resource).expect("the resource of a test"),
        resource_arn: Str::new(resource),
        parameters: Payload::new(PayloadId(0), parse(parameters).expect("the parameters of a test")),
        token: None,
        role_arn: None,
        timeout_s: None,
        heartbeat_s: None,
    }
}

fn lambda(url: &str, limits: Limits) -> Lambda {
    Lambda::new(Client::new(limits), Endpoint::parse(url).expect("the URL of a test"))
}

/// A signal in one line.
fn shown(signal: &Signal) -> String {
    match signal {
        Signal::TaskSucceeded { attempt, output } => format!("{} succeeded {output}", attempt.0),
        Signal::TaskSubmitted { attempt, output } => format!("{} submitted {output}", attempt.0),
        Signal::TaskFailed { attempt, error, stage } => {
            let text = |part: &Option<Str>| part.clone().unwrap_or_default();
            format!("{} failed ({stage:?}) {}: {}", attempt.0, text(&error.error), text(&error.cause))
        }
        Signal::TaskCannotRun { attempt, cause } => format!("{} cannot run: {cause}", attempt.0),
        other => format!("{other:?}"),
    }
}

async fn called(lambda: &Lambda, resource: &str, parameters: &str) -> String {
    shown(&lambda.call(&identity(), &task(7, resource, parameters)).await)
}

#[tokio::test]
async fn a_function_by_its_arn_is_called_with_the_input() {
    let server = serve(vec![Then::Answer(answer(r#"{"paid": true}"#))]);
    let lambda = lambda(&server.url, Limits::default());
    assert_eq!(called(&lambda, FUNCTION, r#"{"order": 1.50}"#).await, r#"7 succeeded {"paid":true}"#);
    let (_, request) = server.seen.recv().expect("a request");
    let host = server.url.trim_start_matches("http://");
    assert_eq!(
        request,
        format!(
            "POST /2015-03-31/functions/charge/invocations?Qualifier=PROD HTTP/1.1\nHost: {host}\n\
             Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20000101/us-east-1/lambda/aws4_request, \
             SignedHeaders=host, Signature={:064}\nContent-Type: application/json\nContent-Length: 14\n\n{{\"order\":1.50}}",
            0
        )
    );
}

#[tokio::test]
async fn the_trace_goes_on_into_the_function() {
    let server = serve(vec![Then::Answer(answer("1"))]);
    let lambda = lambda(&server.url, Limits::default());
    let traced = Identity { trace_header: Some("Root=1-2-3;Sampled=1".into()), ..identity() };
    lambda.call(&traced, &task(7, FUNCTION, "{}")).await;
    let (_, request) = server.seen.recv().expect("a request");
    assert!(request.contains("\nX-Amzn-Trace-Id: Root=1-2-3;Sampled=1\n"), "{request}");
}

#[tokio::test]
async fn the_result_of_the_service_has_the_headers_as_they_were_spelled() {
    let server = serve(vec![Then::Answer(answer("[]"))]);
    let lambda = lambda(&server.url, Limits::default());
    assert_eq!(
        called(&lambda, INVOKE, r#"{"FunctionName": "charge", "Payload": {}}"#).await,
        concat!(
            r#"7 succeeded {"ExecutedVersion":"$LATEST","Payload":[],"SdkHttpMetadata":{"AllHttpHeaders":"#,
            r#"{"Content-Length":["2"],"X-Amz-Executed-Version":["$LATEST"],"x-amzn-RequestId":["r-1"]},"HttpHeaders":"#,
            r#"{"Content-Length":"2","X-Amz-Executed-Version":"$LATEST","x-amzn-RequestId":"r-1"},"HttpStatusCode":200},"#,
            r#""SdkResponseMetadata":{"RequestId":"r-1"},"StatusCode":200}"#
        )
    );
}

#[tokio::test]
async fn a_call_with_a_token_is_submitted_by_its_answer() {
    let failed = "HTTP/1.1 404 Not Found\r\nx-amzn-ErrorType: ResourceNotFoundException\r\nx-amzn-RequestId: r-2\r\n\
                  Content-Length: 32\r\n\r\n{\"Message\":\"Function not found\"}";
    let server = serve(vec![Then::Answer(answer("1")), Then::Answer(failed.to_owned())]);
    let lambda = lambda(&server.url, Limits::default());
    let parameters = r#"{"FunctionName": "charge"}"#;
    assert!(called(&lambda, INVOKE_WITH_TOKEN, parameters).await.starts_with(r#"7 submitted {"ExecutedVersion""#));
    assert_eq!(
        called(&lambda, INVOKE_WITH_TOKEN, parameters).await,
        "7 failed (Submit) Lambda.ResourceNotFoundException: Function not found (Service: AWSLambda; Status Code: 404; \
         Error Code: ResourceNotFoundException; Request ID: r-2; Proxy: null)"
    );
}

#[tokio::test]
async fn a_connection_serves_one_call_after_the_other() {
    let server = serve((0..3).map(|_| Then::Answer(answer("1"))).collect());
    let lambda = lambda(&server.url, Limits::default());
    for _ in 0..3 {
        assert_eq!(called(&lambda, FUNCTION, "{}").await, "7 succeeded 1");
    }
    let connections: Vec<_> = server.seen.try_iter().map(|(connection, _)| connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[tokio::test]
async fn calls_at_a_time_have_connections_of_their_own_up_to_the_limit() {
    for (connections_max, used) in [(8, 2), (1, 1)] {
        let server = serve((0..2).map(|_| Then::Answer(answer("1"))).collect());
        let lambda = lambda(&server.url, Limits { connections_max, ..Limits::default() });
        let both = tokio::join!(called(&lambda, FUNCTION, "{}"), called(&lambda, FUNCTION, "{}"));
        assert_eq!(both, ("7 succeeded 1".to_owned(), "7 succeeded 1".to_owned()));
        let connections = server.seen.try_iter().map(|(connection, _)| connection).max();
        assert_eq!(connections, Some(used - 1));
    }
}

#[tokio::test]
async fn a_connection_that_the_other_side_closed_is_not_used_again() {
    let server = serve(vec![Then::AnswerAndClose(answer("1")), Then::Answer(answer("2"))]);
    let lambda = lambda(&server.url, Limits::default());
    assert_eq!(called(&lambda, FUNCTION, "{}").await, "7 succeeded 1");
    server.closed.recv().expect("the first connection is closed");
    // The runtime hears of it when it looks at its sockets.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(called(&lambda, FUNCTION, "{}").await, "7 succeeded 2");
}

#[tokio::test]
async fn a_call_that_is_in_doubt_is_not_made_again() {
    let server = serve(vec![Then::Hang]);
    let lambda = lambda(&server.url, Limits::default());
    let expected =
        "7 failed (Run) Lambda.SdkClientException: Unable to execute HTTP request: The target server failed to respond";
    assert_eq!(called(&lambda, FUNCTION, "{}").await, expected);
    assert_eq!(server.seen.try_iter().count(), 1);
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_was_read() {
    let refusal = "HTTP/1.1 413 Too Large\r\nx-amzn-ErrorType: RequestTooLargeException\r\nContent-Length: 0\r\n\r\n";
    let server = serve(vec![Then::AnswerEarly(refusal.to_owned())]);
    let lambda = lambda(&server.url, Limits::default());
    let large = format!("\"{}\"", "x".repeat(32 << 20));
    assert_eq!(
        called(&lambda, FUNCTION, &large).await,
        "7 failed (Run) Lambda.RequestTooLargeException: null (Service: AWSLambda; Status Code: 413; Error Code: \
         RequestTooLargeException; Request ID: null; Proxy: null)"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_a_client_exception() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    let lambda = lambda(&format!("http://{address}"), Limits::default());
    assert_eq!(
        called(&lambda, FUNCTION, "{}").await,
        format!(
            "7 failed (Run) Lambda.SdkClientException: Unable to execute HTTP request: Connect to {address} [/127.0.0.1] \
             failed: Connection refused (Connection refused)"
        )
    );
}

#[tokio::test]
async fn a_host_without_an_address_is_a_client_exception() {
    let lambda = lambda("http://no-such-host.invalid:1", Limits::default());
    assert_eq!(
        called(&lambda, FUNCTION, "{}").await,
        "7 failed (Run) Lambda.SdkClientException: Unable to execute HTTP request: no-such-host.invalid: Name or service \
         not known"
    );
}

#[tokio::test]
async fn a_function_has_so_long_and_no_longer() {
    let server = serve(vec![Then::Silence]);
    let lambda = lambda(&server.url, Limits { call: Duration::from_millis(50), ..Limits::default() });
    assert_eq!(
        called(&lambda, FUNCTION, "{}").await,
        "7 failed (Run) Lambda.ClientExecutionTimeoutException: Client execution did not complete before the specified \
         timeout configuration."
    );
    server.closed.recv().expect("the connection is given up");
}

#[tokio::test]
async fn a_function_returns_six_megabytes_at_most() {
    let length = 6_291_556;
    let whole = format!("\"{}\"", "x".repeat(length - 2));
    let server = serve(vec![
        Then::Answer(answer(&whole)),
        Then::Answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length + 1)),
    ]);
    let lambda = lambda(&server.url, Limits::default());
    assert_eq!(called(&lambda, FUNCTION, "{}").await, format!("7 succeeded {whole}"));
    assert_eq!(
        called(&lambda, FUNCTION, "{}").await,
        "7 failed (Run) Function.ResponseSizeTooLarge: {\"errorMessage\":\"Response payload size exceeded maximum allowed \
         payload size (6291556 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}"
    );
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_given_up_and_not_answered() {
    let server = serve(vec![Then::Silence, Then::Answer(answer("1"))]);
    let outside = Outside::new(Some(lambda(&server.url, Limits::default())));
    let (to, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let call = |attempt: u32| {
        let to = to.clone();
        let answer = move |signal: Signal| to.send(shown(&signal)).expect("the test listens");
        outside.call(&Handle::current(), Arc::new(identity()), Box::new(task(attempt, FUNCTION, "{}")), answer);
    };
    call(1);
    let Server { seen, closed, .. } = server;
    let (_, closed) =
        tokio::task::spawn_blocking(move || (seen.recv().expect("the call leaves"), closed)).await.unwrap();
    assert_eq!(outside.open_calls(), 1);
    outside.cancel(ExecutionId(1), AttemptId(1));
    assert_eq!(outside.open_calls(), 0);
    tokio::task::spawn_blocking(move || closed.recv().expect("its connection is closed")).await.unwrap();
    call(2);
    assert_eq!(answers.recv().await.as_deref(), Some("2 succeeded 1"));
    assert_eq!(outside.open_calls(), 0);
    assert!(answers.try_recv().is_err());
}

#[tokio::test]
async fn what_cannot_be_called_says_what_to_add() {
    let ask = |resource: &str| {
        let (to, answers) = channel();
        let outside = Outside::new(None);
        let answer = move |signal: Signal| to.send(shown(&signal)).expect("the test listens");
        outside.call(&Handle::current(), Arc::new(identity()), Box::new(task(1, resource, "{}")), answer);
        answers.try_recv().expect("it is answered at once")
    };
    assert_eq!(
        ask(INVOKE),
        "1 cannot run: It cannot be run here: it calls arn:aws:states:::lambda:invoke, and there is no Lambda endpoint. \
         Start the server with --lambda-endpoint URL, or set AWS_ENDPOINT_URL_LAMBDA."
    );
    assert_eq!(
        ask("arn:aws:states:::sqs:sendMessage"),
        "1 cannot run: It cannot be run here: it calls arn:aws:states:::sqs:sendMessage, and only Lambda functions and \
         activities can be called yet."
    );
    assert_eq!(
        ask("arn:aws:swf:us-east-1:123456789012:task:X"),
        "1 cannot run: It cannot be run here: it calls arn:aws:swf:us-east-1:123456789012:task:X, which is no service \
         integration."
    );
}
