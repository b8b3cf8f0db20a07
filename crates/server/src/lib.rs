//! The API of AWS Step Functions over HTTP: requests, the catalogue of state machines, operations.
//!
//! [`Server::bind`] takes a port, [`Server::run`] answers until it is told to stop. Nothing outside this crate knows the
//! shapes of requests.

// The clock is read here, for everybody below.
#![allow(clippy::disallowed_methods)]

mod api;
mod arn;
mod catalogue;
mod error;
pub mod fuzzing;
mod http;
mod idle;
mod log;
mod operation;
mod outside;
mod page;
mod reading;
mod service;
mod shape;
mod world;

pub use error::Error;
pub use http::{Limits, SMALL_BODY_BYTES, Server};
pub use log::{log_problems_only, warn};
pub use service::{Config, Service};
