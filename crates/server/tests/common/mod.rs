//! A server of its own for each test, and the plainest of clients.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_connect::Outside;
use stepwell_server::{Config, Limits, Server, Service};
use stepwell_store::Store;
use stepwell_store::memory::Memory;
use stepwell_value::{Str, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No answer takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a free port.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    service: Arc<Service>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    running: JoinHandle<()>,
}

/// What a server answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Api {
    pub(crate) async fn start() -> Api {
        Api::start_on(Arc::new(Memory::new()), Limits::default()).await
    }

    pub(crate) async fn start_on(store: Arc<dyn Store>, limits: Limits) -> Api {
        let config =
            Config { region: Str::new("us-east-1"), is_region_fixed: false, account: Str::new("123456789012") };
        let node = stepwell_node::Config { workers: 1, ..stepwell_node::Config::default() };
        let service = Service::open(store, Outside::new(None), config, node).expect("the store can be read");
        let server = Server::bind(([127, 0, 0, 1], 0).into(), limits).await.expect("a free port");
        let address = server.local_addr().expect("the port is known");
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn({
            let service = service.clone();
            async move {
                server
                    .run(service, &[], async {
                        let _ = stopped.await;
                    })
                    .await;
            }
        });
        tokio::spawn(service.clone().do_chores());
        Api { address, service, stop: Mutex::new(Some(stop)), running }
    }

    /// Calls an operation; gives the members of the answer, or the error as one line.
    pub(crate) async fn call(&self, operation: &str, params: &str) -> Result<Value, String> {
        let answer = self.post(&format!("AWSStepFunctions.{operation}"), params.as_bytes()).await;
        let body = stepwell_value::parse(&answer.body).expect("answers are JSON");
        match answer.status {
            200 => Ok(body),
            status => {
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let name = text("__type");
                Err(format!("{status} {}: {}", name.rsplit('#').next().unwrap_or_default(), text("message")))
            }
        }
    }

    /// Calls an operation that must succeed.
    pub(crate) async fn ok(&self, operation: &str, params: &str) -> Value {
        self.call(operation, params).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Calls an operation that must fail.
    pub(crate) async fn error(&self, operation: &str, params: &str) -> String {
        match self.call(operation, params).await {
            Ok(answer) => panic!("{operation} should fail, but gave {answer}"),
            Err(error) => error,
        }
    }

    pub(crate) async fn post(&self, target: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: sync-localhost\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: \
             {target}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat()).await
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        // A server that has answered already may not read all.
        let _ = stream.write_all(bytes).await;
        read_answer(&mut stream).await
    }

    /// Asks until what the answer says is as it should be.
    pub(crate) async fn wait(&self, operation: &str, params: &str, is_done: impl Fn(&Value) -> bool) -> Value {
        let waited = async {
            loop {
                let answer = self.ok(operation, params).await;
                if is_done(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{operation} never showed it"))
    }

    /// Waits until an execution has ended; gives its description.
    pub(crate) async fn wait_end(&self, execution_arn: &str) -> Value {
        let params = format!(r#"{{"executionArn": "{execution_arn}"}}"#);
        self.wait("DescribeExecution", &params, |answer| text(answer, "status") != "RUNNING").await
    }

    /// Makes a machine of a definition; gives its ARN.
    pub(crate) async fn machine(&self, name: &str, more: &str, definition: &str) -> String {
        let mut quoted = String::new();
        stepwell_value::write_string(definition, &mut quoted);
        let params = format!(
            r#"{{"name": "{name}", "roleArn": "arn:aws:iam::123456789012:role/r", "definition": {quoted}{more}}}"#
        );
        text(&self.ok("CreateStateMachine", &params).await, "stateMachineArn")
    }

    /// Asks the server to stop, as a signal does.
    pub(crate) fn ask_to_stop(&self) {
        if let Some(stop) = self.stop.lock().expect("no test has panicked with it").take() {
            let _ = stop.send(());
        }
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.ask_to_stop();
        self.running.await.expect("the server ends");
        self.service.drain(Duration::from_secs(5)).await;
    }
}

/// A member that is a text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads an answer with its body, by its length or to the end.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let read = async {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if bytes.len() >= end + 4 + length.unwrap_or(usize::MAX - end - 4) {
                    return (head, bytes.split_off(end + 4));
                }
            }
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => {
                    let end = end.unwrap_or(bytes.len());
                    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                    return (head, bytes.split_off((end + 4).min(bytes.len())));
                }
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            }
        }
    };
    let (head, body) = tokio::time::timeout(PATIENCE, read).await.expect("an answer in time");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() }
}
