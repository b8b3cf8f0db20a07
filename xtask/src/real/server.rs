//! The server under test: `stepwell serve`, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::api::Api;
use super::process::{Process, wait_for_port};
use crate::docs;

/// A server with its data, which it finds again when it is started again.
pub(super) struct Server {
    pub(super) port: u16,
    folder: PathBuf,
    lambda_endpoint: Option<String>,
    process: Option<Process>,
}

/// How long a start may take, with whatever there is to be taken up again.
const START: Duration = Duration::from_secs(20);

impl Server {
    /// Starts a server whose data and log are in `folder`.
    pub(super) fn start(folder: &Path, port: u16, lambda_endpoint: Option<String>) -> Result<Server, String> {
        let mut server = Server { port, folder: folder.to_owned(), lambda_endpoint, process: None };
        server.start_again()?;
        Ok(server)
    }

    /// Starts it with the data that it has left.
    pub(super) fn start_again(&mut self) -> Result<(), String> {
        self.kill();
        let mut command: Command = docs::stepwell();
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.folder.join("data"));
        if let Some(endpoint) = &self.lambda_endpoint {
            command.args(["--lambda-endpoint", endpoint]);
        }
        let mut process = Process::start(&mut command, &self.folder.join("server.log"))?;
        if !wait_for_port(self.port, START, || process.is_alive()) {
            return Err(format!("the server does not start:\n{}", process.last_words()));
        }
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Asks it to end; whether it did so, in time and well.
    pub(super) fn stop(&mut self, limit: Duration) -> bool {
        self.process.take().is_some_and(|mut process| process.terminate(limit).is_some_and(|status| status.success()))
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_alive)
    }

    /// Its memory, in KiB.
    pub(super) fn resident_kib(&self) -> Option<u64> {
        self.process.as_ref().and_then(Process::resident_kib)
    }

    /// The end of what it printed.
    pub(super) fn last_words(&self) -> String {
        self.process.as_ref().map(Process::last_words).unwrap_or_default()
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client with a connection of its own.
    pub(super) fn api(&self) -> Api {
        Api::new(self.port)
    }
}
