//! HTTP/1.1 as a client, with pooled connections.
//!
//! Written on sockets because results of tasks show the names of headers as the other side wrote them, and the common
//! clients give them in lower case only.

mod answer;
mod client;
mod endpoint;

pub use answer::{Headers, Response};
pub use client::{CallError, Client, Limits, Request};
pub use endpoint::{Endpoint, EndpointError};
