//! HTTP: one port, AWS JSON 1.0 on `POST /`, `GET /health`; bounded in every respect.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use stepwell_value::{Str, Value};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::error::Error;
use crate::idle::{Requests, while_used};
use crate::service::{Head, Service};
use crate::{log, world};

/// Bodies up to this size are taken whatever else there is: the bound of connections bounds them, too.
pub const SMALL_BODY_BYTES: usize = 64 * 1_024;

static TARGET: HeaderName = HeaderName::from_static("x-amz-target");
static TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Most answers are shorter: they are written without moving what there is.
const ANSWER_BYTES: usize = 1_024;

/// Longest trace header, as the API has it for the member of that name; longer ones are nothing to keep.
const TRACE_HEADER_BYTES_MAX: usize = 256;

/// What a client may ask of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Bytes of a request's body. AWS takes 1 MB; a definition of a million characters beyond ASCII needs more.
    pub body_bytes: usize,
    /// Bytes of all bodies that are larger than [`SMALL_BODY_BYTES`], at a time; further ones wait.
    pub large_bodies_bytes: usize,
    /// How long the head of the next request may take to come, which is also how long a connection may idle, and its
    /// client take to read an answer; it is given up after that and before twice as long.
    pub head: Duration,
    /// How long a body may take to come.
    pub body: Duration,
    /// How long connections may take to end when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 8_192,
            head_bytes: 16 * 1_024,
            body_bytes: 2 * 1_024 * 1_024,
            large_bodies_bytes: 256 * 1_024 * 1_024,
            head: Duration::from_secs(75),
            body: Duration::from_secs(20),
            drain: Duration::from_secs(5),
        }
    }
}

/// Connections that the operating system keeps until they are accepted. Those that come to a full queue are made to wait
/// for a second; the usual 128 are fewer than a crowd of workers that comes back at once.
const WAITING_TO_BE_ACCEPTED_MAX: u32 = 4_096;

/// A port that is listened to.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
}

impl Server {
    /// Takes a port; port 0 takes a free one.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn bind(listen: SocketAddr, limits: Limits) -> io::Result<Server> {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A port that was ours a moment ago is ours again.
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        Ok(Server { listener: socket.listen(WAITING_TO_BE_ACCEPTED_MAX)?, limits })
    }

    /// The port that was taken.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `stop` is done; then lets those that are being answered end.
    ///
    /// Connections are spread over the runtime that this runs on and `helpers`, which have a thread each: a connection
    /// never changes its thread.
    pub async fn run(self, service: Arc<Service>, helpers: &[Handle], stop: impl Future<Output = ()>) {
        let Server { listener, limits } = self;
        if let Ok(address) = listener.local_addr() {
            log::info("requests are answered", &[("address", &address)]);
        }
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(limits.connections));
        let large_bodies = Arc::new(Semaphore::new(limits.large_bodies_bytes.min(Semaphore::MAX_PERMITS)));
        let mut builder = hyper::server::conn::http1::Builder::new();
        // Answers are written as one piece, which costs less than pointing at two.
        builder.writev(false);
        builder.header_read_timeout(None).max_buf_size(limits.head_bytes);
        let mut stop = pin!(stop);
        let here = Handle::current();
        for runtime in std::iter::once(&here).chain(helpers).cycle() {
            let (stream, permit) = tokio::select! {
                accepted = accept(&listener, &room) => accepted,
                () = &mut stop => break,
            };
            let (service, large_bodies) = (service.clone(), large_bodies.clone());
            let requests = Requests::default();
            let counted = requests.clone();
            let answer = service_fn(move |request| {
                let (service, large_bodies, in_work) = (service.clone(), large_bodies.clone(), counted.begin());
                async move {
                    let answer = respond(&service, request, &limits, &large_bodies).await;
                    drop(in_work);
                    Ok::<_, Infallible>(answer)
                }
            });
            let Ok(stream) = stream.into_std() else { continue };
            let (builder, watcher) = (builder.clone(), graceful.watcher());
            runtime.spawn(async move {
                let Ok(stream) = TcpStream::from_std(stream) else { return };
                // A client that goes away or breaks the protocol is its own affair.
                let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), answer));
                while_used(connection, requests, limits.head).await;
                drop(permit);
            });
        }
        drop(listener);
        log::info("the server stops", &[]);
        service.dismiss_workers();
        let _ = tokio::time::timeout(limits.drain, graceful.shutdown()).await;
    }
}

/// The next connection, when there is room for one.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole: waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                return (stream, permit);
            }
            Err(error) => {
                log::failure("a connection could not be accepted", &error);
                // Out of file descriptors, for instance: others have to end first.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

type Answer = Response<Full<Bytes>>;

async fn respond(
    service: &Arc<Service>,
    request: Request<Incoming>,
    limits: &Limits,
    large_bodies: &Semaphore,
) -> Answer {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/") => {}
        (&Method::GET | &Method::HEAD, "/health") => return health(),
        (method, path) => {
            let text = format!("There is nothing at {method} {path}: operations are called by POST /");
            let error = Error::UnknownOperationException(text);
            return answered(StatusCode::NOT_FOUND, &error.to_json(), &world::uuid());
        }
    }
    let head = head(&parts.headers);
    // The room is given back when the body has been worked on.
    let (body, _room) = match read(body, limits, large_bodies).await {
        Ok(read) => read,
        // What is left of the body is not worth reading.
        Err(error) => return broken_off(&error),
    };
    let target = head.target;
    let answer = service.answer(head, &body).await;
    // First all requests that are there are worked on, then all are answered: clients wake once, not for each answer.
    tokio::task::yield_now().await;
    match answer {
        Ok(value) => answered(StatusCode::OK, &value, &world::uuid()),
        Err(error) => {
            let (status, id) = (status(&error), world::uuid());
            if status.is_server_error() {
                log::failed_request(target, &id, &error);
            }
            answered(status, &error.to_json(), &id)
        }
    }
}

/// Reads a body that is neither too large nor too slow, when there is room for it.
async fn read<'s>(
    body: Incoming,
    limits: &Limits,
    large_bodies: &'s Semaphore,
) -> Result<(Bytes, Option<SemaphorePermit<'s>>), Error> {
    let hint = body.size_hint();
    if hint.lower() > limits.body_bytes as u64 {
        return Err(Error::RequestTooLarge);
    }
    let bytes_max = hint.upper().map_or(limits.body_bytes, |upper| limits.body_bytes.min(upper as usize));
    let whole = async {
        let room = match bytes_max > SMALL_BODY_BYTES {
            true => large_bodies.acquire_many(bytes_max as u32).await.ok(),
            false => None,
        };
        Limited::new(body, limits.body_bytes).collect().await.map(|body| (body.to_bytes(), room))
    };
    let mut whole = pin!(whole);
    // Most bodies come with their heads, and need no clock.
    let read = match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => tokio::time::timeout(limits.body, whole).await.map_err(|_| Error::RequestTimeout)?,
    };
    read.map_err(|error| match error.is::<LengthLimitError>() {
        true => Error::RequestTooLarge,
        false => Error::SerializationException("The request body ended too soon".to_owned()),
    })
}

/// What the headers say. Signatures are not verified: whoever reaches the port may call.
fn head(headers: &HeaderMap) -> Head<'_> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Head {
        target: text(&TARGET).unwrap_or_default(),
        signer: text(&AUTHORIZATION).and_then(signer),
        trace_header: text(&TRACE_ID).filter(|header| header.len() <= TRACE_HEADER_BYTES_MAX).map(Str::new),
    }
}

/// Access key and region of `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/states/aws4_request, …`.
fn signer(authorization: &str) -> Option<(&str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut scope = credential.split([',', ' ']).next()?.split('/');
    let (key, _, region) = (scope.next()?, scope.next()?, scope.next()?);
    Some((key, region))
}

fn health() -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    let shown: Value = [("status", "ok".into()), ("version", version.into())].into_iter().collect();
    answered(StatusCode::OK, &shown, &world::uuid())
}

/// A request that was not read to its end, or not at all: nothing else can follow on its connection.
fn broken_off(error: &Error) -> Answer {
    let mut answer = answered(status(error), &error.to_json(), &world::uuid());
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn answered(status: StatusCode, value: &Value, request_id: &str) -> Answer {
    let mut text = String::with_capacity(ANSWER_BYTES);
    value.write_to(&mut text);
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signer_is_read_from_the_credential() {
        let header =
            "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/states/aws4_request, SignedHeaders=host";
        assert_eq!(signer(header), Some(("123456789012", "eu-west-1")));
        assert_eq!(signer("Bearer x"), None);
    }
}
