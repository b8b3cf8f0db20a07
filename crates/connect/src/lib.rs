//! The outside of a node: what a task calls, sent over HTTP, and its answer as a signal.
//!
//! [`Outside`] is what a node hands its tasks to. What there is no way to do here is answered with
//! [`stepwell_engine::Signal::TaskCannotRun`], which ends the execution and says what to add.
//!
//! ```
//! use stepwell_connect::{Client, Endpoint, Lambda, Outside};
//!
//! let endpoint = Endpoint::parse("http://127.0.0.1:3001")?;
//! let outside = Outside::new(Some(Lambda::new(Client::default(), endpoint)));
//! # let _ = outside;
//! # Ok::<(), stepwell_connect::EndpointError>(())
//! ```

mod http;
mod lambda;
mod outside;

pub use http::{CallError, Client, Endpoint, EndpointError, Headers, Limits, Request, Response};
pub use lambda::Lambda;
pub use outside::{OPEN_CALLS_MAX, Outside};
