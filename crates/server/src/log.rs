//! The server's log: one line each on standard error, with ids and never with payloads.

use std::fmt::{self, Display, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::world;

/// Whether only what went wrong is logged.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// From here on, the whole process logs nothing but what went wrong.
pub fn log_problems_only() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Something went wrong that a caller is not told about.
pub(crate) fn failure(message: &str, error: &dyn std::error::Error) {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(chain, ": {error}");
        source = error.source();
    }
    line("ERROR", message, &[("error", &chain)]);
}

/// Something that an operator should know.
pub fn warn(message: &str) {
    line("WARN", message, &[]);
}

/// A request failed through no fault of the caller's.
pub(crate) fn failed_request(target: &str, request_id: &str, error: &Error) {
    line("ERROR", "a request failed", &[("target", &target), ("request", &request_id), ("answer", &error.name())]);
}

/// Something worth knowing happened.
pub(crate) fn info(message: &str, fields: &[(&str, &dyn Display)]) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        line("INFO", message, fields);
    }
}

fn line(level: &str, message: &str, fields: &[(&str, &dyn Display)]) {
    let mut line = format!("{} {level} {message}", world::now().with_milliseconds());
    for (name, value) in fields {
        let _ = write!(line, " {name}={}", Quoted(&value.to_string()));
    }
    line.push('\n');
    // Nobody reads the log: no reason to stop.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A value of a field: in quotes when it would be misread without.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=') {
            true => write!(f, "{:?}", self.0),
            false => f.write_str(self.0),
        }
    }
}
