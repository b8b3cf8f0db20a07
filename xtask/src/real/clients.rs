//! `cargo xtask clients`: AWS's own clients against a server of ours.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stepwell_value::{Value, parse};

use super::api::{json, list, text};
use super::process::{Process, empty_folder, free_port};
use super::python::Python;
use super::server::Server;
use crate::command::{root, target};
use crate::tally::Tally;
use crate::{Done, docs};

/// The client in Rust: a crate outside the workspace, because AWS's crates take minutes to build.
const RUST_CLIENT: &str = "xtask/aws-sdk-client";

/// Waits a moment, so that it can be stopped; is a state machine of either type.
const WAIT: &str = r#"{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","SecondsPath":"$.s","Next":"Done"},
    "Done":{"Type":"Pass","Result":{"done":true},"End":true}}}"#;

const PASS: &str = r#"{"StartAt":"Pass","States":{"Pass":{"Type":"Pass","End":true}}}"#;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// Builds the server, then does the same as [`run`].
pub(crate) fn build_and_run(rust: bool) -> Done {
    super::build()?;
    run(rust)
}

/// Drives the AWS CLI; with `rust` the AWS SDK for Rust, too.
pub(crate) fn run(rust: bool) -> Done {
    println!("== clients");
    let python = Python::for_tests()?;
    let folder = empty_folder("clients")?;
    let server = Server::start(&folder, free_port()?, None)?;
    let start = Instant::now();
    let cli = Cli { python, url: server.url(), calls: 0.into() };
    let mut tally = Tally::default();
    for (name, drive) in DRIVES {
        let driven = drive(&cli);
        if let Err(wrong) = &driven {
            println!("AWS CLI, {name}: {wrong}");
        }
        tally += Tally::one(driven.is_ok());
    }
    let all = DRIVES.len();
    println!(
        "AWS CLI: {} of {all} ways to use it work, {} calls, {:.0} s",
        tally.passed,
        cli.calls.get(),
        start.elapsed().as_secs_f64()
    );
    if rust {
        tally += rust_client(&folder, &server)?;
    }
    Ok(tally)
}

type Drive = fn(&Cli) -> Result<(), String>;

const DRIVES: [(&str, Drive); 6] = [
    ("executions", executions),
    ("stop and redrive", stop_and_redrive),
    ("versions and aliases", versions_and_aliases),
    ("an activity's worker", activity_worker),
    ("synchronous executions", synchronous),
    ("the commands of the documents", documented),
];

struct Cli {
    python: Python,
    url: String,
    calls: std::cell::Cell<u32>,
}

impl Cli {
    /// `aws stepfunctions …`, and what it prints.
    fn call(&self, arguments: &[&str]) -> Result<Value, String> {
        self.calls.set(self.calls.get() + 1);
        let mut aws: Command = self.python.program("aws");
        aws.args(["stepfunctions", "--output", "json"]).args(arguments);
        let environment = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            // It would look for sync-127.0.0.1 otherwise.
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
            ("AWS_PAGER", ""),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ];
        let output = aws.envs(environment).output().map_err(|err| format!("aws: {err}"))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", arguments[0], said.trim()));
        }
        match printed.trim() {
            "" => Ok(Value::Null),
            printed => parse(printed).map_err(|err| format!("{}: {err}", arguments[0])),
        }
    }

    fn create(&self, name: &str, definition: &str, kind: &str) -> Result<String, String> {
        let arguments =
            ["create-state-machine", "--name", name, "--definition", definition, "--role-arn", ROLE, "--type", kind];
        Ok(text(&self.call(&arguments)?, "stateMachineArn").to_owned())
    }

    fn start(&self, machine: &str, input: &str) -> Result<String, String> {
        let started = self.call(&["start-execution", "--state-machine-arn", machine, "--input", input])?;
        Ok(text(&started, "executionArn").to_owned())
    }

    fn describe(&self, execution: &str) -> Result<Value, String> {
        self.call(&["describe-execution", "--execution-arn", execution])
    }

    /// Waits until an execution has ended, and demands a status.
    fn wait(&self, execution: &str, status: &str) -> Result<Value, String> {
        let start = Instant::now();
        loop {
            let described = self.describe(execution)?;
            match text(&described, "status") {
                found if found == status => return Ok(described),
                "RUNNING" if start.elapsed() < Duration::from_secs(20) => thread::sleep(Duration::from_millis(100)),
                other => return Err(format!("{execution} is {other}, not {status}")),
            }
        }
    }
}

fn executions(cli: &Cli) -> Result<(), String> {
    let machine = cli.create("waits", WAIT, "STANDARD")?;
    same(text(&cli.call(&["describe-state-machine", "--state-machine-arn", &machine])?, "status"), "ACTIVE")?;
    let execution = cli.start(&machine, r#"{"s": 1}"#)?;
    let ended = cli.wait(&execution, "SUCCEEDED")?;
    same(text(&ended, "output"), r#"{"done":true}"#)?;
    let history = cli.call(&["get-execution-history", "--execution-arn", &execution])?;
    let kinds: Vec<_> = list(&history, "events").iter().map(|event| text(event, "type")).collect();
    same(
        &kinds.join(" "),
        "ExecutionStarted WaitStateEntered WaitStateExited PassStateEntered PassStateExited ExecutionSucceeded",
    )?;
    let listed = cli.call(&["list-executions", "--state-machine-arn", &machine, "--status-filter", "SUCCEEDED"])?;
    same(&list(&listed, "executions").len().to_string(), "1")
}

fn stop_and_redrive(cli: &Cli) -> Result<(), String> {
    let machine = cli.create("stops", WAIT, "STANDARD")?;
    let execution = cli.start(&machine, r#"{"s": 600}"#)?;
    cli.call(&["stop-execution", "--execution-arn", &execution, "--error", "Enough", "--cause", "It took too long."])?;
    let stopped = cli.wait(&execution, "ABORTED")?;
    same(text(&stopped, "error"), "Enough")?;
    same(text(&stopped, "redriveStatus"), "REDRIVABLE")?;
    cli.call(&["redrive-execution", "--execution-arn", &execution])?;
    let redriven = cli.wait(&execution, "RUNNING")?;
    same(&redriven.get("redriveCount").map(Value::to_string).unwrap_or_default(), "1")?;
    cli.call(&["stop-execution", "--execution-arn", &execution])?;
    cli.wait(&execution, "ABORTED").map(|_| ())
}

fn versions_and_aliases(cli: &Cli) -> Result<(), String> {
    let machine = cli.create("versions", PASS, "STANDARD")?;
    let first = cli.call(&["publish-state-machine-version", "--state-machine-arn", &machine])?;
    let first = text(&first, "stateMachineVersionArn").to_owned();
    same(&first, &format!("{machine}:1"))?;
    let updated =
        cli.call(&["update-state-machine", "--state-machine-arn", &machine, "--definition", WAIT, "--publish"])?;
    let second = text(&updated, "stateMachineVersionArn").to_owned();
    same(&second, &format!("{machine}:2"))?;
    let routes = format!(r#"[{{"stateMachineVersionArn":{},"weight":100}}]"#, json(&first));
    let alias = cli.call(&["create-state-machine-alias", "--name", "PROD", "--routing-configuration", &routes])?;
    let alias = text(&alias, "stateMachineAliasArn").to_owned();
    let execution = cli.start(&alias, "{}")?;
    let ended = cli.wait(&execution, "SUCCEEDED")?;
    same(text(&ended, "stateMachineAliasArn"), &alias)?;
    same(text(&ended, "stateMachineVersionArn"), &first)?;
    let listed = cli.call(&["list-state-machine-versions", "--state-machine-arn", &machine])?;
    same(&list(&listed, "stateMachineVersions").len().to_string(), "2")?;
    cli.call(&["delete-state-machine-alias", "--state-machine-alias-arn", &alias])?;
    cli.call(&["delete-state-machine-version", "--state-machine-version-arn", &first])?;
    cli.call(&["delete-state-machine", "--state-machine-arn", &machine]).map(|_| ())
}

fn activity_worker(cli: &Cli) -> Result<(), String> {
    let activity = cli.call(&["create-activity", "--name", "asks"])?;
    let activity = text(&activity, "activityArn").to_owned();
    let definition = format!(
        r#"{{"StartAt":"Ask","States":{{"Ask":{{"Type":"Task","Resource":{},"HeartbeatSeconds":30,"End":true}}}}}}"#,
        json(&activity)
    );
    let machine = cli.create("asks", &definition, "STANDARD")?;
    for (input, ending) in [(r#"{"n":1}"#, "SUCCEEDED"), (r#"{"n":2}"#, "FAILED")] {
        let execution = cli.start(&machine, input)?;
        let task = cli.call(&["get-activity-task", "--activity-arn", &activity, "--worker-name", "cli"])?;
        same(text(&task, "input"), input)?;
        let token = text(&task, "taskToken");
        cli.call(&["send-task-heartbeat", "--task-token", token])?;
        match ending {
            "SUCCEEDED" => {
                cli.call(&["send-task-success", "--task-token", token, "--task-output", r#"{"ok":true}"#])?
            }
            _ => cli.call(&["send-task-failure", "--task-token", token, "--error", "No", "--cause", "Not today."])?,
        };
        let ended = cli.wait(&execution, ending)?;
        match ending {
            "SUCCEEDED" => same(text(&ended, "output"), r#"{"ok":true}"#)?,
            _ => same(text(&ended, "cause"), "Not today.")?,
        }
    }
    Ok(())
}

fn synchronous(cli: &Cli) -> Result<(), String> {
    let machine = cli.create("express", WAIT, "EXPRESS")?;
    let ended = cli.call(&["start-sync-execution", "--state-machine-arn", &machine, "--input", r#"{"s": 0}"#])?;
    same(text(&ended, "status"), "SUCCEEDED")?;
    same(text(&ended, "output"), r#"{"done":true}"#)
}

/// Runs what the documents tell their readers to type, as they stand but for the server's address.
fn documented(cli: &Cli) -> Result<(), String> {
    let scripts = docs::scripts_with_aws()?;
    if scripts.is_empty() {
        return Err("no document shows how to call the server".to_owned());
    }
    for (document, script) in scripts {
        let script = script.replace(DOCUMENTED_URL, &cli.url);
        if !script.contains(&cli.url) {
            return Err(format!("{document}: the address {DOCUMENTED_URL} is missing:\n{script}"));
        }
        // The server runs already.
        let lines: Vec<&str> = script.lines().filter(|line| !line.starts_with("stepwell serve")).collect();
        let mut sh = Command::new("sh");
        sh.args(["-ec", &lines.join("\n")]).current_dir(root()).env_clear().stdin(Stdio::null());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(cli.python.folder()).chain(std::env::split_paths(&path));
        sh.env("PATH", std::env::join_paths(folders).map_err(|err| err.to_string())?);
        // Nothing but what the document says, and whatever the reader has configured at home.
        sh.envs([("AWS_PAGER", ""), ("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
        cli.calls.set(cli.calls.get() + lines.iter().filter(|line| line.starts_with("aws ")).count() as u32);
        let output = sh.output().map_err(|err| format!("sh: {err}"))?;
        if !output.status.success() {
            return Err(format!("{document}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    Ok(())
}

/// Where documents say that the server is.
const DOCUMENTED_URL: &str = "http://127.0.0.1:8083";

fn same(found: &str, wanted: &str) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{found:?} instead of {wanted:?}")),
    }
}

/// Builds the client in Rust, which takes minutes, and lets it do the same.
fn rust_client(folder: &Path, server: &Server) -> Done {
    let start = Instant::now();
    let mut cargo = crate::command::cargo(["build", "--quiet", "--locked"]);
    cargo.current_dir(root().join(RUST_CLIENT)).env("CARGO_TARGET_DIR", target().join("aws-sdk-client"));
    let built = cargo.status().is_ok_and(|status| status.success());
    if !built {
        return Err(format!("{RUST_CLIENT} does not build"));
    }
    let took_s = start.elapsed().as_secs_f64();
    let log = folder.join("aws-sdk-client.log");
    let mut client = Command::new(target().join("aws-sdk-client/debug/aws-sdk-client"));
    let mut client = Process::start(client.arg(server.url()), &log)?;
    let works = client.wait(Duration::from_secs(120)).is_some_and(|status| status.success());
    println!("AWS SDK for Rust (built in {took_s:.0} s): {}", client.last_words());
    Ok(Tally::one(works))
}
