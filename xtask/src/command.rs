//! Running programs: what they print is passed on, and counted where it is a test run.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Done;
use crate::tally::Tally;

/// The profile of tests and fuzzing: optimized, but with overflow checks.
pub(crate) const PROFILE: &str = "checked";

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Cargo, the same that runs us.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a check that passes or fails as a whole.
pub(crate) fn check(title: &str, command: &mut Command) -> Done {
    println!("== {title}");
    let status = command.status().map_err(|err| format!("{}: {err}", shown(command)))?;
    if !status.success() {
        println!("failed: {}", shown(command));
    }
    Ok(Tally::one(status.success()))
}

/// Runs tests and sums the results that they print.
pub(crate) fn tests(title: &str, command: &mut Command) -> Done {
    println!("== {title}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|err| format!("{}: {err}", shown(command)))?;
    let mut tally = Tally::default();
    let stdout = child.stdout.take().expect("it was asked for");
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(|err| format!("{}: {err}", shown(command)))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(counts) = Tally::of_line(&line) {
            tally += counts;
        }
    }
    let status = child.wait().map_err(|err| format!("{}: {err}", shown(command)))?;
    if !status.success() && tally.failed == 0 {
        // It did not build, or a test ended its process.
        println!("failed: {} ({status})", shown(command));
        tally.failed += 1;
    }
    Ok(tally)
}

/// Where a build of [`PROFILE`] puts its programs.
pub(crate) fn built(program: &str) -> PathBuf {
    target().join(PROFILE).join(program)
}

/// The folder that may be deleted at any time.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether a program can be run at all.
pub(crate) fn exists(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
