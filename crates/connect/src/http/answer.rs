//! Reading an answer off a connection: its head, and a body as RFC 9112 frames it.

use tokio::io::{AsyncRead, AsyncReadExt};

use super::CallError;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

/// Headers in the order and the spelling in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first header of this name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Name and value of each header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    /// Whether a header that lists words, such as `Connection`, has this one.
    fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Headers {
        Headers(headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Longest head of an answer, its status line with it; also of the trailers behind a body in chunks.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most headers of an answer.
const HEADERS_MAX: usize = 128;

/// Answers before the answer (`100 Continue`) that are passed over.
const INTERIM_MAX: usize = 8;

const READ_BYTES: usize = 8 * 1024;

/// Reads an answer, and whether the connection can be used again.
///
/// # Errors
/// When the connection ends before the answer does, when the answer is none of HTTP/1, or its body is longer than
/// `body_bytes_max`.
pub(super) async fn read(from: impl AsyncRead + Unpin, body_bytes_max: usize) -> Result<(Response, bool), CallError> {
    let mut reader = Reader { from, buffer: Vec::new(), start: 0 };
    let mut head = reader.head().await?;
    for _ in 0..INTERIM_MAX {
        match head.status {
            101 => return Err(CallError::Malformed("the protocol was switched")),
            100..=199 => head = reader.head().await?,
            _ => break,
        }
    }
    let (body, framed) = match head.framing()? {
        Framing::None => (Vec::new(), true),
        Framing::Length(length) => (reader.exactly(length, body_bytes_max).await?, true),
        Framing::Chunks => (reader.chunks(body_bytes_max).await?, true),
        Framing::UntilClosed => (reader.until_closed(body_bytes_max).await?, false),
    };
    let reusable = framed && head.keeps_alive() && reader.rest().is_empty();
    Ok((Response { status: head.status, headers: head.headers, body }, reusable))
}

struct Head {
    status: u16,
    version: u8,
    headers: Headers,
}

enum Framing {
    None,
    Length(usize),
    Chunks,
    UntilClosed,
}

impl Head {
    /// RFC 9112, section 6.3.
    fn framing(&self) -> Result<Framing, CallError> {
        if matches!(self.status, 204 | 304) {
            return Ok(Framing::None);
        }
        if let Some(coding) = self.headers.all("Transfer-Encoding").last() {
            let last = coding.rsplit(',').next().unwrap_or_default().trim();
            let chunked = last.eq_ignore_ascii_case("chunked");
            return Ok(if chunked { Framing::Chunks } else { Framing::UntilClosed });
        }
        let mut lengths = self.headers.all("Content-Length").flat_map(|value| value.split(',')).map(str::trim);
        let Some(first) = lengths.next() else { return Ok(Framing::UntilClosed) };
        let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        match first.parse() {
            Ok(length) if is_number && lengths.all(|other| other == first) => Ok(Framing::Length(length)),
            _ => Err(CallError::Malformed("Content-Length cannot be read")),
        }
    }

    fn keeps_alive(&self) -> bool {
        let both = self.headers.get("Transfer-Encoding").is_some() && self.headers.get("Content-Length").is_some();
        match self.version {
            _ if both => false,
            0 => self.headers.lists("Connection", "keep-alive"),
            _ => !self.headers.lists("Connection", "close"),
        }
    }
}

struct Reader<R> {
    from: R,
    buffer: Vec<u8>,
    /// Up to here the buffer is used up.
    start: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads more; the number of bytes is 0 at the end of the connection.
    async fn fill(&mut self) -> Result<usize, CallError> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.reserve(READ_BYTES);
        self.from.read_buf(&mut self.buffer).await.map_err(CallError::Lost)
    }

    async fn fill_or_lost(&mut self) -> Result<(), CallError> {
        match self.fill().await? {
            0 => Err(CallError::Lost(std::io::ErrorKind::UnexpectedEof.into())),
            _ => Ok(()),
        }
    }

    async fn head(&mut self) -> Result<Head, CallError> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut parsed = httparse::Response::new(&mut headers);
            match parsed.parse(self.rest()) {
                Ok(httparse::Status::Complete(length)) => {
                    let text = |header: &httparse::Header<'_>| (header.name.to_owned(), latin_1(header.value));
                    let head = Head {
                        status: parsed.code.unwrap_or_default(),
                        version: parsed.version.unwrap_or_default(),
                        headers: Headers(parsed.headers.iter().map(text).collect()),
                    };
                    self.start += length;
                    return Ok(head);
                }
                Ok(httparse::Status::Partial) if self.rest().len() < HEAD_BYTES_MAX => self.fill_or_lost().await?,
                Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                    return Err(CallError::Malformed("its headers are too long"));
                }
                Err(_) => return Err(CallError::Malformed("it is no HTTP/1 answer")),
            }
        }
    }

    async fn exactly(&mut self, length: usize, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        self.append(&mut body, length, bytes_max).await?;
        Ok(body)
    }

    async fn append(&mut self, body: &mut Vec<u8>, length: usize, bytes_max: usize) -> Result<(), CallError> {
        if length > bytes_max.saturating_sub(body.len()) {
            return Err(CallError::TooLarge);
        }
        let mut missing = length;
        while missing > 0 {
            if self.rest().is_empty() {
                self.fill_or_lost().await?;
            }
            let taken = missing.min(self.rest().len());
            body.extend_from_slice(&self.buffer[self.start..self.start + taken]);
            self.start += taken;
            missing -= taken;
        }
        Ok(())
    }

    async fn chunks(&mut self, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        loop {
            let (line, length) = loop {
                match httparse::parse_chunk_size(self.rest()) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) if self.rest().len() < HEAD_BYTES_MAX => self.fill_or_lost().await?,
                    _ => return Err(CallError::Malformed("the length of a chunk cannot be read")),
                }
            };
            self.start += line;
            if length == 0 {
                self.trailers().await?;
                return Ok(body);
            }
            let length = usize::try_from(length).map_err(|_| CallError::TooLarge)?;
            self.append(&mut body, length, bytes_max).await?;
            if self.line().await? > 0 {
                return Err(CallError::Malformed("a chunk is longer than its length says"));
            }
        }
    }

    /// Passes over a line and says how long it is without its end.
    async fn line(&mut self) -> Result<usize, CallError> {
        loop {
            if let Some(end) = self.rest().iter().position(|byte| *byte == b'\n') {
                let carriage_return = end > 0 && self.rest()[end - 1] == b'\r';
                self.start += end + 1;
                return Ok(end - usize::from(carriage_return));
            }
            if self.rest().len() >= HEAD_BYTES_MAX {
                return Err(CallError::Malformed("a line is too long"));
            }
            self.fill_or_lost().await?;
        }
    }

    async fn trailers(&mut self) -> Result<(), CallError> {
        for _ in 0..HEADERS_MAX {
            if self.line().await? == 0 {
                return Ok(());
            }
        }
        Err(CallError::Malformed("its trailers are too long"))
    }

    async fn until_closed(&mut self, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        loop {
            if self.rest().len() > bytes_max {
                return Err(CallError::TooLarge);
            }
            if self.fill().await? == 0 {
                return Ok(self.rest().to_vec());
            }
        }
    }
}

/// Headers are bytes; clients of Java read each as a character.
fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer in one line: status, headers, body, and whether the connection stays open.
    async fn reads(bytes: &[u8]) -> String {
        let whole = read(bytes, 10).await;
        // Cut into single bytes it must be read as the same.
        let (mut to, from) = tokio::io::duplex(1);
        let owned = bytes.to_vec();
        tokio::spawn(async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut to, &owned).await;
        });
        let text = |answer: Result<(Response, bool), CallError>| match answer {
            Ok((response, reusable)) => {
                let headers: Vec<_> = response.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let body = String::from_utf8_lossy(&response.body).into_owned();
                let then = if reusable { "open" } else { "closed" };
                format!("{} [{}] {body:?} {then}", response.status, headers.join(" "))
            }
            Err(error) => format!("{error:?}"),
        };
        let (whole, bit_by_bit) = (text(whole), text(read(from, 10).await));
        // Bytes behind the answer may not have come yet.
        assert_eq!(whole.replace("closed", "open"), bit_by_bit.replace("closed", "open"));
        whole
    }

    #[tokio::test]
    async fn bodies_are_framed_as_the_protocol_says() {
        for (bytes, expected) in [
            (
                "HTTP/1.1 200 OK\r\nX-Amz-Y: 1\r\ncontent-length: 2\r\n\r\n{}",
                r#"200 [X-Amz-Y=1 content-length=2] "{}" open"#,
            ),
            ("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", r#"202 [Content-Length=0] "" open"#),
            ("HTTP/1.1 204 No Content\r\n\r\n", r#"204 [] "" open"#),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", r#"200 [Connection=close] "{}" closed"#),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", r#"200 [Content-Length=2] "{}" closed"#),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: x, Keep-Alive\r\n\r\n{}",
                r#"200 [Content-Length=2 Connection=x, Keep-Alive] "{}" open"#,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n",
                r#"200 [Transfer-Encoding=chunked] "abc" open"#,
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                r#"200 [Content-Length=1] "x" open"#,
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", r#"200 [Content-Length=2, 2] "{}" open"#),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz", r#"200 [Content-Length=1] "x" closed"#),
            ("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", r#"200 [Content-Length=1] "x" open"#),
        ] {
            assert_eq!(reads(bytes.as_bytes()).await, expected, "{bytes}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused() {
        for (bytes, expected) in [
            ("", "Lost(Kind(UnexpectedEof))"),
            ("HTTP/1.1 200 OK\r\nContent-Le", "Lost(Kind(UnexpectedEof))"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "Lost(Kind(UnexpectedEof))"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "TooLarge"),
            ("HTTP/1.1 200 OK\r\n\r\n12345678901", "TooLarge"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", "TooLarge"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", "TooLarge"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", r#"Malformed("Content-Length cannot be read")"#),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                r#"Malformed("Content-Length cannot be read")"#,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
                r#"Malformed("a chunk is longer than its length says")"#,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                r#"Malformed("the length of a chunk cannot be read")"#,
            ),
            ("SSH-2.0-OpenSSH_9.6\r\n", r#"Malformed("it is no HTTP/1 answer")"#),
            ("HTTP/1.1 101 Switching\r\n\r\n", r#"Malformed("the protocol was switched")"#),
        ] {
            assert_eq!(reads(bytes.as_bytes()).await, expected, "{bytes}");
        }
    }

    #[tokio::test]
    async fn an_answer_cannot_fill_the_memory() {
        let endless = |line: &str| format!("HTTP/1.1 200 OK\r\n{}", line.repeat(100_000));
        for bytes in [endless("X: y\r\n"), format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(1 << 20))] {
            let error = read(bytes.as_bytes(), 10).await.expect_err("there is no end of headers");
            assert_eq!(format!("{error:?}"), r#"Malformed("its headers are too long")"#);
        }
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for rest in [format!("1;{}", "x".repeat(1 << 20)), format!("0\r\n{}", "T: 1\r\n".repeat(10_000))] {
            assert!(read(format!("{chunked}{rest}").as_bytes(), 10).await.is_err());
        }
    }
}
