//! Where a service answers: the URL of an endpoint.

use std::fmt;

use stepwell_value::Str;

/// The URL of an endpoint, taken apart: `http://127.0.0.1:3001`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Without the brackets of an IPv6 address.
    pub(super) host: Str,
    pub(super) port: u16,
    /// What stands before the path of each request, without a `/` at its end.
    pub(super) base_path: Str,
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No `http://` at its beginning.
    #[error("an endpoint starts with http://")]
    Scheme,
    /// It wants TLS.
    #[error("endpoints are called by http only, without TLS, so far")]
    Https,
    /// The host is missing, or holds what cannot stand there.
    #[error("the endpoint's host cannot be read")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the endpoint's port must be a number from 1 to 65535")]
    Port,
    /// The path holds blanks, a query or the like.
    #[error("the endpoint's path cannot be read")]
    Path,
}

impl Endpoint {
    /// Reads the URL of an endpoint; the port is 80 when there is none.
    ///
    /// # Errors
    /// When it is no URL with `http`, or holds what an endpoint has not: a user, a query, a fragment.
    pub fn parse(url: &str) -> Result<Endpoint, EndpointError> {
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(EndpointError::Https),
            _ => return Err(EndpointError::Scheme),
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(EndpointError::Host)?;
                (address, port.strip_prefix(':').or(port.is_empty().then_some("80")).ok_or(EndpointError::Host)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "80")),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%');
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(EndpointError::Host);
        }
        let port = match port.bytes().all(|byte| byte.is_ascii_digit()) {
            true => port.parse().ok().filter(|port| *port != 0).ok_or(EndpointError::Port)?,
            false => return Err(EndpointError::Port),
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#')) {
            return Err(EndpointError::Path);
        }
        Ok(Endpoint { host: Str::new(host), port, base_path: Str::new(path.trim_end_matches('/')) })
    }
}

/// Host and port, as in a `Host` header.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_endpoints_are_read() {
        for (url, read) in [
            ("http://127.0.0.1:3001", "127.0.0.1:3001 ''"),
            ("HTTP://localhost/", "localhost:80 ''"),
            ("http://sam_local:3001/lambda/", "sam_local:3001 '/lambda'"),
            ("http://[::1]:9000", "[::1]:9000 ''"),
            ("http://[::1]", "[::1]:80 ''"),
        ] {
            let endpoint = Endpoint::parse(url).expect(url);
            assert_eq!(format!("{endpoint} '{}'", endpoint.base_path), read, "{url}");
        }
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        for (url, error) in [
            ("127.0.0.1:3001", EndpointError::Scheme),
            ("ftp://host", EndpointError::Scheme),
            ("https://lambda.us-east-1.amazonaws.com", EndpointError::Https),
            ("http://", EndpointError::Host),
            ("http://user:secret@host", EndpointError::Port),
            ("http://user@host", EndpointError::Host),
            ("http://[::1", EndpointError::Host),
            ("http://[::1]x", EndpointError::Host),
            ("http://host:0", EndpointError::Port),
            ("http://host:65536", EndpointError::Port),
            ("http://host:+1", EndpointError::Port),
            ("http://host:", EndpointError::Port),
            ("http://host/a b", EndpointError::Path),
            ("http://host/?x=1", EndpointError::Path),
            ("http://host/\r\nX: y", EndpointError::Path),
        ] {
            assert_eq!(Endpoint::parse(url), Err(error), "{url}");
        }
    }
}
