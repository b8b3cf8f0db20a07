//! A virtual environment of Python with packages from PyPI, in the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::command::{exists, target};

/// Python with the packages that suites need.
pub(super) struct Python {
    folder: PathBuf,
}

/// What the suites of a test run need: AWS's CLI, and the client that the runner of recorded cases calls.
const PACKAGES: [&str; 2] = ["awscli", "boto3"];

impl Python {
    /// The environment of a test run.
    pub(super) fn for_tests() -> Result<Python, String> {
        Python::with("python", &PACKAGES)
    }

    /// Makes the environment `name` with these packages, or takes the one that is there.
    pub(super) fn with(name: &str, packages: &[&str]) -> Result<Python, String> {
        let python = Python { folder: target().join(name) };
        let mark = python.folder.join("stepwell-packages");
        let wanted = packages.join("\n");
        if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        println!("installing {} from PyPI", packages.join(", "));
        python.make()?;
        let mut pip = python.program("python");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "3"]).args(packages);
        run(&mut pip).map_err(|err| format!("pip could not install {}: {err}", packages.join(", ")))?;
        fs::write(&mark, wanted).map_err(|err| format!("{}: {err}", mark.display()))?;
        Ok(python)
    }

    /// Where its programs are.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// A program of the environment, such as `python` or what a package brought with it.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder().join(name));
        command.stdin(Stdio::null());
        command
    }

    /// Debian's Python lacks what makes environments; its package manager has it.
    fn make(&self) -> Result<(), String> {
        let missing = "install Python 3.11 or later with its module venv (Debian: apt-get install python3-venv)";
        if self.try_make().is_ok() {
            return Ok(());
        }
        if !exists("apt-get", "--version") {
            return Err(missing.to_owned());
        }
        println!("installing python3-venv");
        let apt = |arguments: &[&str]| {
            let mut command = match exists("sudo", "--version") {
                true => Command::new("sudo"),
                false => Command::new("env"),
            };
            if exists("sudo", "--version") {
                command.args(["-n", "env"]);
            }
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments).stdin(Stdio::null());
            run(&mut command)
        };
        let installed = apt(&["-qq", "update"])
            .and_then(|()| apt(&["-qq", "install", "--yes", "--no-install-recommends", "python3", "python3-venv"]));
        installed.and_then(|()| self.try_make()).map_err(|err| format!("{missing}: {err}"))
    }

    fn try_make(&self) -> Result<(), String> {
        // What a run that was interrupted left would be taken for the real thing.
        let _ = fs::remove_dir_all(&self.folder);
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&self.folder).stdin(Stdio::null());
        run(&mut venv)
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|err| err.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it failed").to_owned()),
    }
}
