//! A Lambda endpoint on the loopback address that counts the calls it gets.
//!
//! An event says which attempt it is of: `{"execution", "state", "item", "retry"}`. No such attempt may be called twice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use stepwell_value::{Value, parse};

use super::api::text;
use crate::random::hash;

/// Longest time that a function takes.
const DELAY_MS_MAX: u64 = 200;

/// The endpoint, and what it was asked for.
#[derive(Clone)]
pub(super) struct Functions(Arc<Shared>);

struct Shared {
    port: u16,
    calls: Mutex<BTreeMap<Attempt, u32>>,
    /// Task tokens that `callback` was given, to be answered.
    tokens: Mutex<Sender<String>>,
}

/// Which attempt a call was of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt {
    pub(super) execution: String,
    /// State, item of a Map and number of the retry.
    pub(super) of: String,
}

impl Functions {
    /// Starts an endpoint with the functions `work`, `busy` and `callback`, and gives the tokens that `callback` gets.
    ///
    /// `busy` fails with the error `Busy` when it is called for the first time in a state, in one of three executions.
    pub(super) fn start() -> Result<(Functions, Receiver<String>), String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|err| format!("no port is free: {err}"))?;
        let port = listener.local_addr().map_err(|err| err.to_string())?.port();
        let (tokens, receiver) = channel();
        let functions = Functions(Arc::new(Shared { port, calls: Mutex::default(), tokens: Mutex::new(tokens) }));
        let shared = functions.clone();
        // Ends with the process: connections of servers that were killed end by themselves.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let functions = shared.clone();
                thread::spawn(move || functions.converse(stream));
            }
        });
        Ok((functions, receiver))
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// How often each attempt was called, since the last time that somebody asked.
    pub(super) fn take_calls(&self) -> BTreeMap<Attempt, u32> {
        std::mem::take(&mut *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn converse(&self, stream: TcpStream) {
        let Ok(reading) = stream.try_clone() else { return };
        let mut reader = BufReader::new(reading);
        let mut writer = stream;
        // Whatever goes wrong here is the server's end.
        while let Some((name, event)) = request(&mut reader) {
            let (failed, body) = self.run(&name, &event);
            let error = if failed { "X-Amz-Function-Error: Unhandled\r\n" } else { "" };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 0\r\nX-Amz-Executed-Version: $LATEST\r\n{error}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Whether the function failed, and what it says.
    fn run(&self, name: &str, event: &Value) -> (bool, String) {
        let of = |name: &str| event.get(name).map(Value::to_string).unwrap_or_default();
        let attempt = Attempt {
            execution: text(event, "execution").to_owned(),
            of: format!("{}/{}/{}", text(event, "state"), of("item"), of("retry")),
        };
        let chance = hash(&format!("{}/{}", attempt.execution, attempt.of));
        *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(attempt).or_default() += 1;
        if name == "callback" {
            // Nobody listens at the end of a round.
            let _ = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).send(text(event, "token").to_owned());
            return (false, "{}".to_owned());
        }
        thread::sleep(Duration::from_millis(chance % DELAY_MS_MAX));
        match name == "busy" && of("retry") == "0" && chance.is_multiple_of(3) {
            true => (true, r#"{"errorType":"Busy","errorMessage":"Come again."}"#.to_owned()),
            false => (false, format!(r#"{{"done":{}}}"#, chance % 1000)),
        }
    }
}

/// The name of the function that a request is for, and its event; none at the connection's end.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut name = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if let Some(path) = line.strip_prefix("POST /2015-03-31/functions/") {
            name = path.split(['/', '?']).next().map(str::to_owned);
        } else if let Some((header, value)) = line.split_once(':') {
            if header.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    Some((name?, parse(&String::from_utf8_lossy(&body)).ok()?))
}
