//! The language against its official suite, as AWS runs it, and with input that means harm.
#![allow(clippy::disallowed_methods, reason = "tests read the corpora and a clock")]

mod aws;
mod common;
mod hostile;
mod official;
