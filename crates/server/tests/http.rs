//! What clients may send, and what they get for it: each within a second, and the server goes on.

// Tests measure how long answers take.
#![allow(clippy::disallowed_methods)]

mod common;

use std::time::{Duration, Instant};

use common::{Api, read_answer};
use stepwell_server::Limits;
use stepwell_store::memory::Memory;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Status, name and text of what comes of a body sent to an operation.
async fn refused(api: &Api, operation: &str, body: &[u8]) -> String {
    let started = Instant::now();
    let answer = api.post(operation, body).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(answer.head.to_ascii_lowercase().contains("x-amzn-requestid: "), "{}", answer.head);
    let body = stepwell_value::parse(&answer.body).expect("errors are JSON");
    let message = common::text(&body, "message");
    format!("{} {}: {message}", answer.status, common::text(&body, "__type"))
}

#[tokio::test]
async fn malformed_requests_get_the_errors_of_the_service() {
    let api = Api::start().await;
    const CORAL: &str = "com.amazon.coral.service#";
    let list = "AWSStepFunctions.ListStateMachines";
    for (target, body, expected) in [
        ("", &b"{}"[..], format!("400 {CORAL}UnknownOperationException: There is no operation \"\"")),
        (
            "AWSStepFunctions.Nothing",
            b"{}",
            format!("400 {CORAL}UnknownOperationException: There is no operation \"AWSStepFunctions.Nothing\""),
        ),
        (
            "DynamoDB_20120810.ListTables",
            b"{}",
            format!("400 {CORAL}UnknownOperationException: There is no operation \"DynamoDB_20120810.ListTables\""),
        ),
        (list, b"[]", format!("400 {CORAL}SerializationException: Start of list found where not expected")),
        (
            list,
            b"{\"maxResults\": \"7\"}",
            format!("400 {CORAL}SerializationException: STRING_VALUE can not be converted to an Integer"),
        ),
        (
            list,
            b"{\"maxResults\": 1.5}",
            format!("400 {CORAL}SerializationException: class java.lang.Double can not be converted to an Integer"),
        ),
        (
            list,
            b"{\"nextToken\": {}}",
            format!("400 {CORAL}SerializationException: Start of structure or map found where not expected"),
        ),
        (list, b"\xff\xfe", format!("400 {CORAL}SerializationException: The request body is not UTF-8")),
    ] {
        assert_eq!(refused(&api, target, body).await, expected);
    }
    for body in [&b"{"[..], b"{\"a\"", b"nonsense", b"{}{}", b"\"x", &[b'['; 1_000_000]] {
        assert!(refused(&api, list, body).await.starts_with(&format!("400 {CORAL}SerializationException: ")));
    }
    // Deep nesting in a member that nobody knows is as deep as elsewhere.
    let deep = format!("{{\"x\": {}{}}}", "[".repeat(900), "]".repeat(900));
    assert_eq!(api.post(list, deep.as_bytes()).await.status, 200);
    assert_eq!(api.post(list, b"").await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn heads_and_bodies_have_a_size() {
    let api = Api::start().await;
    let list = "X-Amz-Target: AWSStepFunctions.ListStateMachines";
    let with_header = |bytes: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: h\r\n{list}\r\nX-Long: {}\r\nContent-Length: 2\r\n\r\n{{}}",
            "x".repeat(bytes)
        )
    };
    assert_eq!(api.send(with_header(10_000).as_bytes()).await.status, 200);
    assert_eq!(api.send(with_header(100_000).as_bytes()).await.status, 431);
    // Refused by what the head says, before a byte of the body.
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\n{list}\r\nContent-Length: 3000000\r\n\r\n");
    let answer = api.send(head.as_bytes()).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("RequestEntityTooLargeException"), "{}", answer.body);
    // One that does not say its length is refused when it has become too long.
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\n{list}\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(api.send(format!("{head}{chunk}{chunk}{chunk}0\r\n\r\n").as_bytes()).await.status, 413);
    api.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_the_request() {
    let limits = Limits { body: Duration::from_millis(50), ..Limits::default() };
    let api = Api::start_on(std::sync::Arc::new(Memory::new()), limits).await;
    let head =
        "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: 9\r\n\r\n{";
    let answer = api.send(head.as_bytes()).await;
    assert_eq!(answer.status, 408);
    assert!(answer.head.to_ascii_lowercase().contains("connection: close"), "{}", answer.head);
    api.stop().await;
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so() {
    let api = Api::start().await;
    for request in ["GET / HTTP/1.1", "PUT / HTTP/1.1", "POST /other HTTP/1.1", "DELETE /health HTTP/1.1"] {
        let answer = api.send(format!("{request}\r\nHost: h\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, 404, "{request}");
    }
    let answer = api.send(b"GET /health HTTP/1.1\r\nHost: whatever\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"status\":\"ok\""), "{}", answer.body);
    // What is no HTTP at all ends the connection, and nothing else.
    assert_eq!(api.send(b"\x16\x03\x01 hello\r\n\r\n").await.status, 400);
    assert_eq!(api.post("AWSStepFunctions.ListStateMachines", b"{}").await.status, 200);
    api.stop().await;
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_ends_when_the_server_stops() {
    let api = Api::start().await;
    let mut stream = TcpStream::connect(api.address).await.expect("the server listens");
    let request =
        "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nContent-Length: 2\r\n\r\n{}";
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.expect("the connection is open");
        let answer = read_answer(&mut stream).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"activities\":[]}"));
    }
    api.stop().await;
    assert_eq!(read_answer(&mut stream).await.head, "");
}
