//! Suites against the real process: a server that is started, called over HTTP, killed and started again.

pub(crate) mod clients;
pub(crate) mod conformance;
pub(crate) mod crash;
pub(crate) mod malformed;
pub(crate) mod storm;

mod api;
mod function;
mod history;
mod load;
mod process;
mod python;
mod server;

use crate::command::{PROFILE, cargo};

/// Installs the packages of Python that a test run needs, so that its suites find them.
pub(crate) fn install_packages() -> Result<(), String> {
    python::Python::for_tests().map(|_| ())
}

/// Builds the server as the other steps of a test run have built it.
fn build() -> Result<(), String> {
    let status = cargo(["build", "--quiet", "--package", "stepwell-cli", "--profile", PROFILE]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err("stepwell does not build".to_owned()),
    }
}
