//! The library as its users have it: what it renders, what it refuses, and that its documents are true.
#![allow(clippy::disallowed_methods, reason = "corpora, sources and documents are read from files")]

mod compile_fail;
mod corpus;
mod emr_serverless;
mod functions;
mod messages;
mod names;
mod overflow;
mod readme;
mod yaml;
