//! A client of the API with one connection: AWS JSON 1.0, and requests as they should not be.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use stepwell_value::{Value, parse};

/// A client; it connects when it is first asked for something, and again when the connection broke.
pub(super) struct Api {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    /// How long an answer may take: longer than a poll for an activity's task.
    pub(super) patience: Duration,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The server refused: its status, and the name and message of the error.
    Refused { status: u16, name: String, message: String },
    /// No answer; whether the call was carried out is not known.
    Broken(io::Error),
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApiError::Refused { status, name, message } => write!(f, "{status} {name}: {message}"),
            ApiError::Broken(err) => write!(f, "no answer: {err}"),
        }
    }
}

impl From<ApiError> for String {
    fn from(error: ApiError) -> String {
        error.to_string()
    }
}

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The name of the error in it, without what may stand before it.
    pub(super) fn error_name(&self) -> Option<String> {
        let body = parse(&String::from_utf8_lossy(&self.body)).ok()?;
        let name = body.get("__type")?.as_str()?;
        Some(name.rsplit('#').next().unwrap_or(name).to_owned())
    }
}

/// The scope of a signature; the server does not verify signatures.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/states/aws4_request, \
                             SignedHeaders=host;x-amz-date, \
                             Signature=0000000000000000000000000000000000000000000000000000000000000000";

impl Api {
    pub(super) fn new(port: u16) -> Api {
        Api {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            connection: None,
            patience: Duration::from_secs(75),
        }
    }

    /// Calls an operation with members given as JSON.
    pub(super) fn call(&mut self, operation: &str, members: &str) -> Result<Value, ApiError> {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\nAuthorization: {AUTHORIZATION}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{members}",
            self.address,
            members.len()
        );
        let answer = self.exchange(request.as_bytes()).map_err(ApiError::Broken)?;
        let body = parse(&String::from_utf8_lossy(&answer.body));
        let unreadable = || ApiError::Broken(io::Error::other("the answer is no JSON"));
        if answer.status == 200 {
            return body.map_err(|_| unreadable());
        }
        let body = body.unwrap_or(Value::Null);
        let message = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str).unwrap_or_default();
        Err(ApiError::Refused {
            status: answer.status,
            name: answer.error_name().unwrap_or_default(),
            message: message.to_owned(),
        })
    }

    /// Sends bytes and reads one answer.
    pub(super) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        // A server that has seen enough answers and closes the connection.
        let written = connection.get_mut().write_all(request);
        let (answer, stays_open) = match (read(&mut connection), written) {
            (Ok(answer), _) => answer,
            (Err(_), Err(err)) | (Err(err), Ok(())) => return Err(err),
        };
        if stays_open {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// A connection with the limits of time of this client.
    pub(super) fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(BufReader::new(stream))
    }
}

/// Reads an answer with a `Content-Length`, or with none at all, and says whether the connection stays open.
pub(super) fn read(from: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let first = line(from)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {first:?}")))?;
    let (mut length, mut close) = (None, false);
    loop {
        let header = line(from)?;
        let Some((name, value)) = header.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok(),
            "connection" => close = value.trim().eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            from.take(length).read_to_end(&mut body)?;
            if (body.len() as u64) < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        None => {
            from.read_to_end(&mut body)?;
        }
    }
    Ok((Answer { status, body }, length.is_some() && !close))
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    if from.take(64 * 1024).read_until(b'\n', &mut bytes)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// A text as JSON.
pub(super) fn json(text: &str) -> String {
    let mut out = String::new();
    stepwell_value::write_string(text, &mut out);
    out
}

/// A member that is a text; empty when it is absent.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list; empty when it is absent.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(|items| &items[..]).unwrap_or_default()
}
