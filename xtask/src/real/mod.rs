//! Suites against the real process: a server that is started, called over HTTP, killed and started again.

pub(crate) mod clients;
pub(crate) mod conformance;
pub(crate) mod crash;
pub(crate) mod malformed;

mod api;
mod function;
mod history;
mod load;
mod process;
mod python;
mod random;
mod server;
