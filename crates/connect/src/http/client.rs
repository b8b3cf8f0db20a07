//! Sending a request: connections, their pool, and when a request may be sent once more.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::answer::{self, Response};
use super::endpoint::Endpoint;

/// A request, without what the endpoint adds to it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// Path and query, from the `/` on, behind the endpoint's own path; escaped already.
    pub target: &'a str,
    /// Headers beside `Host` and `Content-Length`, without line ends in them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Longest answer that is read, in bytes of its body.
    pub answer_bytes_max: usize,
}

/// How many connections there may be, and how long anything may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, to all endpoints together; further calls wait for one.
    pub connections_max: usize,
    /// Until a connection stands.
    pub connect: Duration,
    /// From the first byte sent to the last one read. A Lambda function runs for 15 minutes at most.
    pub call: Duration,
    /// A connection that was idle for longer is not used again: the other side may be about to close it, and a request
    /// that it does not answer is in doubt. Node's servers wait for 5 seconds.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 512,
            connect: Duration::from_secs(10),
            call: Duration::from_secs(16 * 60),
            idle: Duration::from_secs(4),
        }
    }
}

/// Why there is no answer. The texts are those of AWS's SDK for Java 1, in which Step Functions reports them.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The host has no address.
    #[error("Unable to execute HTTP request: {host}: Name or service not known")]
    Unknown {
        /// Its name.
        host: String,
    },
    /// No connection.
    #[error("Unable to execute HTTP request: Connect to {to} failed: {reason}")]
    Connect {
        /// Host, port and addresses.
        to: String,
        /// What went wrong.
        reason: String,
    },
    /// The connection ended before the answer did: whether the request did its work is not known.
    #[error("Unable to execute HTTP request: {}", lost(.0))]
    Lost(#[source] io::Error),
    /// The answer is none of HTTP/1.
    #[error("Unable to execute HTTP request: The answer cannot be read: {0}")]
    Malformed(&'static str),
    /// The answer is longer than wanted.
    #[error("Unable to execute HTTP request: The answer is too large")]
    TooLarge,
    /// [`Limits::call`] is over.
    #[error("Unable to execute HTTP request: Read timed out")]
    TimedOut,
}

fn lost(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "Connection reset",
        _ => "The target server failed to respond",
    }
}

/// An HTTP client with its connections; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    slots: Semaphore,
    idle: Mutex<BTreeMap<Endpoint, Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl Default for Client {
    fn default() -> Client {
        Client::new(Limits::default())
    }
}

impl Client {
    /// A client without connections.
    pub fn new(limits: Limits) -> Client {
        Client(Arc::new(Shared { slots: Semaphore::new(limits.connections_max), idle: Mutex::default(), limits }))
    }

    /// Sends a request and reads its answer, whatever its status.
    ///
    /// A request leaves once: it is sent again only if the connection broke before all of it was handed over, so that
    /// nobody can have acted upon it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send(&self, endpoint: &Endpoint, request: &Request<'_>) -> Result<Response, CallError> {
        // Never closed.
        let _slot = self.0.slots.acquire().await.expect("the semaphore is open");
        let message = message(endpoint, request);
        let limits = &self.0.limits;
        let call = async {
            if let Some(stream) = self.take_idle(endpoint) {
                match self.exchange(endpoint, stream, &message, request.answer_bytes_max).await {
                    Err(Broken::Unsent(_)) => {}
                    Err(Broken::Sent(error)) => return Err(error),
                    Ok(response) => return Ok(response),
                }
            }
            let stream = connect(endpoint, limits.connect).await?;
            self.exchange(endpoint, stream, &message, request.answer_bytes_max).await.map_err(|broken| match broken {
                Broken::Unsent(error) => CallError::Lost(error),
                Broken::Sent(error) => error,
            })
        };
        timeout(limits.call, call).await.unwrap_or(Err(CallError::TimedOut))
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        mut stream: TcpStream,
        message: &[u8],
        answer_bytes_max: usize,
    ) -> Result<Response, Broken> {
        let (response, reusable) = exchange(&mut stream, message, answer_bytes_max).await?;
        if reusable {
            self.keep(endpoint, stream);
        }
        Ok(response)
    }

    /// The connection used last that is still open.
    fn take_idle(&self, endpoint: &Endpoint) -> Option<TcpStream> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(endpoint)?;
        while let Some(Idle { stream, since }) = connections.pop() {
            if since.elapsed() > self.0.limits.idle {
                // All others are older.
                connections.clear();
                return None;
            }
            // Readable means closed: nobody has asked for anything.
            match stream.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(stream),
                _ => {}
            }
        }
        None
    }

    fn keep(&self, endpoint: &Endpoint, stream: TcpStream) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are slots at most, to all endpoints together: whoever keeps one holds a slot.
        let kept: usize = idle.values().map(Vec::len).sum();
        if kept >= self.0.limits.connections_max {
            idle.clear();
        }
        let connections = idle.entry(endpoint.clone()).or_default();
        // The latest is used first: those that a crowd of calls has left would stay open for ever.
        let is_over = |connection: &Idle| connection.since.elapsed() > self.0.limits.idle;
        connections.drain(..connections.partition_point(is_over));
        connections.push(Idle { stream, since: Instant::now() });
    }
}

/// Why an exchange broke off.
enum Broken {
    /// Before all of the request was handed over.
    Unsent(io::Error),
    /// After it, so that the request may have done its work.
    Sent(CallError),
}

/// Sends a request and reads its answer, and whether the connection can be used again.
async fn exchange(stream: &mut TcpStream, message: &[u8], answer_bytes_max: usize) -> Result<(Response, bool), Broken> {
    let (reading, mut writing) = stream.split();
    let mut answer = std::pin::pin!(answer::read(reading, answer_bytes_max));
    tokio::select! {
        biased;
        sent = writing.write_all(message) => match (sent, answer.await) {
            (Ok(()), answer) => answer.map_err(Broken::Sent),
            // It may have answered before it closed the connection.
            (Err(_), Ok((response, _))) => Ok((response, false)),
            (Err(error), Err(_)) => Err(Broken::Unsent(error)),
        },
        // Before all of the request has left: the other side has seen enough of it, or is gone.
        early = &mut answer => match early {
            Ok((response, _)) => Ok((response, false)),
            Err(CallError::Lost(error)) => Err(Broken::Unsent(error)),
            Err(error) => Err(Broken::Sent(error)),
        },
    }
}

fn message(endpoint: &Endpoint, request: &Request<'_>) -> Vec<u8> {
    let mut head =
        format!("{} {}{} HTTP/1.1\r\nHost: {endpoint}\r\n", request.method, endpoint.base_path, request.target);
    for (name, value) in request.headers {
        debug_assert!(!value.contains(['\r', '\n']), "a header has a line end");
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", request.body.len()));
    let mut message = head.into_bytes();
    message.extend_from_slice(request.body);
    message
}

async fn connect(endpoint: &Endpoint, limit: Duration) -> Result<TcpStream, CallError> {
    let unknown = || CallError::Unknown { host: endpoint.host.to_string() };
    let mut tried = Vec::new();
    let attempt = async {
        let addresses = lookup_host((endpoint.host.as_str(), endpoint.port)).await.map_err(|_| unknown())?;
        let mut reason = None;
        for address in addresses {
            tried.push(address.ip());
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = Some(error),
            }
        }
        Err(reason.map_or_else(unknown, |error| CallError::Connect { to: String::new(), reason: refusal(&error) }))
    };
    let failed = match timeout(limit, attempt).await {
        Ok(Ok(stream)) => {
            // A request is one write; nothing is gained by waiting for more.
            stream.set_nodelay(true).map_err(CallError::Lost)?;
            return Ok(stream);
        }
        Ok(Err(error)) => error,
        Err(_) => CallError::Connect { to: String::new(), reason: "connect timed out".to_owned() },
    };
    Err(match failed {
        CallError::Connect { reason, .. } => {
            let is_address = tried.iter().any(|ip| ip.to_string() == endpoint.host.as_str());
            let name = if is_address { "" } else { endpoint.host.as_str() };
            let tried: Vec<_> = tried.iter().map(|ip| format!("{name}/{ip}")).collect();
            CallError::Connect { to: format!("{endpoint} [{}]", tried.join(", ")), reason }
        }
        other => other,
    })
}

fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "Connection refused (Connection refused)".to_owned(),
        io::ErrorKind::TimedOut => "connect timed out".to_owned(),
        _ => error.to_string(),
    }
}
