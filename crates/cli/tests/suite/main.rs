//! The built binary: what it says, writes and ends with.
#![allow(clippy::disallowed_methods, reason = "tests run the binary, read files and the corpus, and write files")]

mod commands;
mod examples;
mod mocked;
#[cfg(unix)]
mod serve;
