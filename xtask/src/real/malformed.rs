//! `cargo xtask malformed`: requests as they should not be, against the real process.
//!
//! Each is refused within a second, by the error that AWS has for it; none costs memory that is not given back.

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::api::{self, Api, json};
use super::process::{empty_folder, free_port};
use super::server::Server;
use crate::Done;
use crate::tally::Tally;

/// An answer may take so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often each request is sent after it was sent once.
const REPEATS: u32 = 20;

/// How much more memory the server may have after all repeats.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

/// Connections that are opened and never say what they want.
const SILENT_CONNECTIONS: usize = 200;

/// A request and the ways to answer it: names of errors, statuses, or `closed`.
struct Case {
    name: String,
    request: Vec<u8>,
    answers: &'static [&'static str],
}

/// Builds the server, then does the same as [`run`].
pub(crate) fn build_and_run() -> Done {
    super::build()?;
    run()
}

/// Sends everything, twice and more.
pub(crate) fn run() -> Done {
    println!("== malformed requests");
    let mut server = Server::start(&empty_folder("malformed")?, free_port()?, None)?;
    let cases = cases();
    let mut tally = Tally::default();
    for case in &cases {
        let answered = ask(server.port, case);
        if let Err(wrong) = &answered {
            println!("{}: {wrong}", case.name);
        }
        tally += Tally::one(answered.is_ok());
    }
    let before = server.resident_kib().unwrap_or_default();
    for _ in 0..REPEATS {
        for case in &cases {
            // What it answers is known already.
            let _ = ask(server.port, case);
        }
    }
    let after = server.resident_kib().unwrap_or_default();
    let is_constant = after <= before + GROWTH_KIB_MAX;
    println!("memory: {before} KiB, after {REPEATS} times as many requests {after} KiB");
    tally += Tally::one(is_constant);
    let silent = silent_connections(server.port);
    if let Err(wrong) = &silent {
        println!("silent connections: {wrong}");
    }
    tally += Tally::one(silent.is_ok());
    if !server.is_alive() {
        return Err(format!("the server ended:\n{}", server.last_words()));
    }
    println!("malformed requests: {} of {} answered as they should be", tally.passed, tally.passed + tally.failed);
    Ok(tally)
}

/// Sends a request on a connection of its own and looks at the answer.
fn ask(port: u16, case: &Case) -> Result<(), String> {
    let start = Instant::now();
    let said = exchange(port, &case.request).unwrap_or_else(|_| "closed".to_owned());
    let took = start.elapsed();
    if took > PATIENCE {
        return Err(format!("answered after {} ms", took.as_millis()));
    }
    match case.answers.iter().any(|answer| said == *answer || said.starts_with(&format!("{answer} "))) {
        true => Ok(()),
        false => Err(format!("answered {said}, not {}", case.answers.join(" or "))),
    }
}

/// Status and name of the error in an answer: `400 ValidationException`, or the name first when it is one of ours.
fn exchange(port: u16, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    stream.set_write_timeout(Some(PATIENCE * 2))?;
    // The server may refuse before it has read all of it.
    let _ = stream.write_all(request);
    let (answer, _) = api::read(&mut BufReader::new(stream))?;
    Ok(match answer.error_name() {
        Some(name) => format!("{name} {}", answer.status),
        None => answer.status.to_string(),
    })
}

/// Many connections that begin a request and stop: others are served meanwhile, and all can be closed.
fn silent_connections(port: u16) -> Result<(), String> {
    let failed = |err: std::io::Error| err.to_string();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut silent = Vec::new();
    for number in 0..SILENT_CONNECTIONS {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
        let begun = match number % 3 {
            0 => "",
            1 => "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-",
            _ => {
                "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: 2\r\n\r\n{"
            }
        };
        stream.write_all(begun.as_bytes()).map_err(failed)?;
        silent.push(stream);
    }
    let start = Instant::now();
    let mut api = Api::new(port);
    api.patience = PATIENCE;
    api.call("ListStateMachines", "{}").map_err(|err| format!("others are not served: {err}"))?;
    for stream in &mut silent {
        stream.shutdown(Shutdown::Write).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        // An error, or nothing at all; but an end.
        let mut rest = Vec::new();
        let _ = stream.take(64 * 1024).read_to_end(&mut rest);
    }
    match start.elapsed() < PATIENCE * 5 {
        true => Ok(()),
        false => Err(format!("closing them took {} ms", start.elapsed().as_millis())),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, request: Vec<u8>, answers| cases.push(Case { name, request, answers });
    for (name, operation, body, answers) in bodies() {
        add(format!("{operation}: {name}"), post(&format!("AWSStepFunctions.{operation}"), &body), answers);
    }
    for (target, answers) in [
        ("AWSStepFunctions.Nope", UNKNOWN),
        ("AWSStepFunctions.", UNKNOWN),
        ("AWSStepFunctions.startexecution", UNKNOWN),
        ("DynamoDB_20120810.GetItem", UNKNOWN),
        ("StartExecution", UNKNOWN),
        ("AWSStepFunctions.StartExecution.More", UNKNOWN),
        ("../../etc/passwd", UNKNOWN),
    ] {
        add(format!("target {target}"), post(target, b"{}"), answers);
    }
    let long = |bytes: usize| "x".repeat(bytes);
    let list = "X-Amz-Target: AWSStepFunctions.ListStateMachines";
    for (name, head, answers) in [
        ("no target", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}".to_owned(), UNKNOWN),
        ("GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), UNKNOWN),
        ("another path", format!("POST /nope HTTP/1.1\r\nHost: x\r\n{list}\r\nContent-Length: 2\r\n\r\n{{}}"), UNKNOWN),
        (
            "10,000 bytes of headers",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nX-Long: {}\r\nContent-Length: 2\r\n\r\n{{}}",
                long(10_000)
            ),
            &["200"],
        ),
        (
            "40,000 bytes of headers",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nX-Long: {}\r\nContent-Length: 2\r\n\r\n{{}}",
                long(40_000)
            ),
            &["431", "400", "closed"],
        ),
        (
            "1,000 headers",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{list}\r\n{}Content-Length: 2\r\n\r\n{{}}",
                "X-A: 1\r\n".repeat(1_000)
            ),
            &["431", "400", "closed"],
        ),
        (
            "a path of 20,000 bytes",
            format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", long(20_000)),
            &["414", "431", "400", "closed"],
        ),
        (
            "a terabyte, as it says",
            format!("POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nContent-Length: 1000000000000\r\n\r\n{{"),
            &["RequestEntityTooLargeException", "413"],
        ),
        (
            "a negative length",
            format!("POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nContent-Length: -1\r\n\r\n{{}}"),
            &["400", "closed"],
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
            &["400", "closed"],
        ),
        (
            "chunks that are none",
            format!("POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{{}}"),
            &["SerializationException", "400", "closed"],
        ),
        (
            "chunks without an end",
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{list}\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                format!("10000\r\n{}\r\n", long(65_536)).repeat(64)
            ),
            &["RequestEntityTooLargeException", "413", "closed"],
        ),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &["400", "505", "closed"]),
        ("no HTTP", "EHLO example\r\n\r\n".to_owned(), &["400", "closed"]),
        ("a line that never ends", long(100_000), &["400", "414", "431", "closed"]),
    ] {
        add(name.to_owned(), head.into_bytes(), answers);
    }
    add("TLS".to_owned(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &["400", "closed"]);
    add("zeros".to_owned(), vec![0; 4_096], &["400", "closed"]);
    cases
}

const UNKNOWN: &[&str] = &["UnknownOperationException"];
const NO_JSON: &[&str] = &["SerializationException"];
const INVALID: &[&str] = &["ValidationException"];
const NO_JSON_OR_INVALID: &[&str] = &["SerializationException", "ValidationException"];
const NO_ARN: &[&str] = &["InvalidArn", "ValidationException"];
const NO_TOKEN: &[&str] = &["InvalidToken"];
const NO_NAME: &[&str] = &["InvalidName", "ValidationException", "SerializationException"];
const NO_DEFINITION: &[&str] = &["InvalidDefinition"];
const TOO_LARGE: &[&str] = &["RequestEntityTooLargeException", "413"];

type Body = (&'static str, &'static str, Vec<u8>, &'static [&'static str]);

/// Bodies that are no JSON, of other types, too long, too deep.
fn bodies() -> Vec<Body> {
    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    const ROLE: &str = "arn:aws:iam::123456789012:role/r";
    let text = |text: &str| text.as_bytes().to_vec();
    let create = |name: &str, definition: &str| {
        format!(r#"{{"name":{name},"roleArn":"{ROLE}","definition":{}}}"#, json(definition)).into_bytes()
    };
    let pass = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        ("nothing", "StartExecution", text(""), NO_JSON_OR_INVALID),
        ("half an object", "StartExecution", text("{"), NO_JSON),
        ("no JSON", "StartExecution", text("not json"), NO_JSON),
        ("two values", "StartExecution", text("{}{}"), NO_JSON),
        ("a list", "StartExecution", text("[]"), NO_JSON),
        ("a text", "StartExecution", text(r#""x""#), NO_JSON),
        ("a number", "StartExecution", text("1"), NO_JSON),
        ("single quotes", "StartExecution", text("{'stateMachineArn':'x'}"), NO_JSON),
        ("a comma too many", "StartExecution", text(r#"{"stateMachineArn":"x",}"#), NO_JSON),
        ("a missing member", "StartExecution", text("{}"), INVALID),
        ("a number for a text", "StartExecution", text(r#"{"stateMachineArn":5}"#), NO_JSON),
        ("an object for a text", "StartExecution", text(r#"{"stateMachineArn":{"a":1}}"#), NO_JSON),
        ("a text for a number", "ListStateMachines", text(r#"{"maxResults":"many"}"#), NO_JSON),
        (
            "a fraction",
            "ListStateMachines",
            text(r#"{"maxResults":1.5}"#),
            &["SerializationException", "ValidationException", "200"],
        ),
        ("a huge number", "ListStateMachines", text(r#"{"maxResults":1e999}"#), NO_JSON_OR_INVALID),
        (
            "a long number",
            "ListStateMachines",
            text(&format!(r#"{{"maxResults":{}}}"#, "9".repeat(10_000))),
            NO_JSON_OR_INVALID,
        ),
        ("a negative number", "ListStateMachines", text(r#"{"maxResults":-1}"#), INVALID),
        ("a number out of range", "ListStateMachines", text(r#"{"maxResults":1001}"#), INVALID),
        (
            "a list for an object",
            "CreateStateMachine",
            text(r#"{"name":"m","roleArn":"r","definition":"{}","tags":{}}"#),
            NO_JSON,
        ),
        (
            "bytes that are no UTF-8",
            "StartExecution",
            b"{\"stateMachineArn\":\"\xff\xfe\"}".to_vec(),
            NO_JSON_OR_INVALID,
        ),
        ("half a surrogate", "CreateStateMachine", create(r#""\ud800""#, pass), NO_NAME),
        ("a zero byte in a name", "CreateStateMachine", create(r#""a\u0000b""#, pass), NO_NAME),
        ("a blank in a name", "CreateStateMachine", create(r#""a b""#, pass), NO_NAME),
        ("a long name", "CreateStateMachine", create(&json(&"n".repeat(81)), pass), INVALID),
        ("100,000 lists in each other", "StartExecution", text(&deep(100_000)), NO_JSON),
        ("as many in a member", "StartExecution", text(&format!(r#"{{"x":{}}}"#, deep(100_000))), NO_JSON_OR_INVALID),
        ("as many that do not end", "StartExecution", text(&format!(r#"{{"x":{}"#, "[".repeat(100_000))), NO_JSON),
        ("as many objects", "StartExecution", text(&r#"{"a":"#.repeat(100_000)), NO_JSON),
        ("3 MiB", "StartExecution", text(&json(&"x".repeat(3 << 20))), TOO_LARGE),
        (
            "a long input",
            "StartExecution",
            text(&format!(r#"{{"stateMachineArn":"{MACHINE}","input":{}}}"#, json(&json(&"x".repeat(300_000))))),
            INVALID,
        ),
        ("no ARN", "StartExecution", text(r#"{"stateMachineArn":"nonsense"}"#), NO_ARN),
        ("an ARN of something else", "DescribeExecution", text(r#"{"executionArn":"arn:aws:s3:::bucket"}"#), NO_ARN),
        ("a long ARN", "DescribeExecution", text(&format!(r#"{{"executionArn":"{}"}}"#, "a".repeat(257))), INVALID),
        (
            "a machine that is not there",
            "StartExecution",
            text(&format!(r#"{{"stateMachineArn":"{MACHINE}"}}"#)),
            &["StateMachineDoesNotExist"],
        ),
        ("a page token that is none", "ListStateMachines", text(r#"{"nextToken":"AAAA"}"#), NO_TOKEN),
        ("a page token of other letters", "ListStateMachines", text(r#"{"nextToken":"\u00e9\u0000 =="}"#), NO_TOKEN),
        (
            "a long page token",
            "ListStateMachines",
            text(&format!(r#"{{"nextToken":"{}"}}"#, "A".repeat(1_025))),
            INVALID,
        ),
        ("a task token that is none", "SendTaskSuccess", text(r#"{"taskToken":"AAAA","output":"1"}"#), NO_TOKEN),
        ("a task token of other letters", "SendTaskHeartbeat", text(r#"{"taskToken":"\u0000\ud83d\ude00"}"#), NO_TOKEN),
        ("a long task token", "SendTaskFailure", text(&format!(r#"{{"taskToken":"{}"}}"#, "A".repeat(2_049))), INVALID),
        ("a definition that is no JSON", "CreateStateMachine", create(r#""m""#, "nonsense"), NO_DEFINITION),
        ("an empty definition", "CreateStateMachine", create(r#""m""#, "{}"), NO_DEFINITION),
        ("a deep definition", "CreateStateMachine", create(r#""m""#, &deep(50_000)), NO_DEFINITION),
        (
            "a deep member of a definition",
            "CreateStateMachine",
            create(
                r#""m""#,
                &format!(
                    r#"{{"StartAt":"P","States":{{"P":{{"Type":"Pass","Result":{},"End":true}}}}}}"#,
                    deep(50_000)
                ),
            ),
            NO_DEFINITION,
        ),
        (
            "branches in each other",
            "CreateStateMachine",
            create(
                r#""m""#,
                &format!(
                    "{}{}{}",
                    r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":["#.repeat(5_000),
                    pass,
                    "]}}}".repeat(5_000)
                ),
            ),
            NO_DEFINITION,
        ),
        (
            "a definition of 1.1 million letters",
            "CreateStateMachine",
            create(r#""m""#, &"x".repeat(1_100_000)),
            INVALID,
        ),
    ]
}

fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: sync-localhost\r\nX-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}
