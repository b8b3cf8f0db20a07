//! `cargo xtask conformance`: replays what AWS was recorded to answer against a server of ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use stepwell_value::{Value, parse};

use super::api::{list, text};
use super::process::{Process, empty_folder, free_port, wait_for_port};
use super::python::Python;
use super::server::Server;
use crate::tally::Tally;
use crate::{Done, corpora};

/// How many of the cases that this server can answer must pass, in percent.
const PASS_PERCENT_MIN: usize = 98;

/// The whole run; it takes about two minutes on two cores.
const TIME_LIMIT_S: u32 = 420;

/// Ports on which the runner serves Lambda functions and other services unless told.
const RUNNER_PORTS: [u16; 2] = [9100, 9101];

/// What cases need that call other services: the emulator of these, too.
const PACKAGES_OF_OTHERS: [&str; 2] = ["boto3", "moto[server]"];

/// Builds the server, then does the same as [`run`].
pub(crate) fn build_and_run(all: bool) -> Done {
    super::build()?;
    run(all)
}

/// Replays the cases that need Lambda functions and activity workers at most; with `all` the others, too.
pub(crate) fn run(all: bool) -> Done {
    println!("== conformance");
    let Some(folder) = corpora::folder().map(|folder| folder.join("conformance")).filter(|folder| folder.is_dir())
    else {
        println!("skipped: there is no folder of recorded cases (conformance)");
        return Ok(Tally::default());
    };
    let cases = cases(&folder)?;
    let ours: Vec<&Case> = cases.iter().filter(|case| case.is_ours()).collect();
    let others: Vec<&Case> = cases.iter().filter(|case| !case.is_ours()).collect();
    let failed = replay(&folder, &Python::for_tests()?, "server", &ours)?;
    let passed = ours.len() - failed.len();
    if all {
        let python = Python::with("python-conformance", &PACKAGES_OF_OTHERS)?;
        replay(&folder, &python, "others", &others)?;
    }
    let is_enough = passed * 100 >= ours.len() * PASS_PERCENT_MIN;
    if !is_enough {
        println!("failed: fewer than {PASS_PERCENT_MIN} of 100 cases passed");
    }
    // The bar is one check more; cases below it are counted but do not fail the run.
    Ok(Tally { passed: passed as u64 + u64::from(is_enough), failed: u64::from(!is_enough) })
}

/// A recorded case, as far as it matters here.
struct Case {
    id: String,
    area: String,
    requires: Vec<String>,
}

impl Case {
    /// Whether a server with Lambda functions and activities has all that it takes.
    fn is_ours(&self) -> bool {
        !["test-state", "mocking"].contains(&self.area.as_str())
            && self.requires.iter().all(|what| ["lambda", "activity"].contains(&what.as_str()))
    }
}

fn cases(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut areas = entries(&folder.join("cases"))?;
    areas.sort();
    for area in areas {
        for path in entries(&area)? {
            let failed = |err: &dyn std::fmt::Display| format!("{}: {err}", path.display());
            let case = fs::read_to_string(&path).map_err(|err| failed(&err))?;
            let case = parse(&case).map_err(|err| failed(&err))?;
            cases.push(Case {
                id: text(&case, "id").to_owned(),
                area: text(&case, "area").to_owned(),
                requires: list(&case, "requires").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
    }
    Ok(cases)
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let failed = |err: std::io::Error| format!("{}: {err}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    Ok(entries.into_iter().map(|entry| entry.path()).collect())
}

/// Replays cases against a new server, prints how many passed, and gives the ids of those that failed.
fn replay(folder: &Path, python: &Python, name: &str, cases: &[&Case]) -> Result<Vec<String>, String> {
    let work = empty_folder(&format!("conformance-{name}"))?;
    wait_for_the_runners_ports()?;
    let mut server = Server::start(&work, free_port()?, Some(format!("http://127.0.0.1:{}", RUNNER_PORTS[1])))?;
    let other_services = free_port()?;
    let _moto = match cases.iter().all(|case| case.is_ours()) {
        true => None,
        false => Some(start_moto(python, other_services, &work)?),
    };
    let report = work.join("report.json");
    let mut runner: Command = python.program("python");
    runner.arg(folder.join("run.py"));
    runner.args(["--endpoint", &server.url(), "--aux-endpoint", &format!("http://127.0.0.1:{other_services}")]);
    runner.args(["--time-limit", &TIME_LIMIT_S.to_string(), "--report"]).arg(&report);
    for case in cases {
        runner.args(["--case", &literally(&case.id)]);
    }
    let mut runner = Process::start(&mut runner, &work.join("runner.log"))?;
    let ended = runner.wait(Duration::from_secs(u64::from(TIME_LIMIT_S) + 60));
    let is_alive = server.is_alive();
    drop(runner);
    let report = fs::read_to_string(&report)
        .map_err(|_| ended.map_or_else(|| "the runner hangs".to_owned(), |status| format!("the runner: {status}")));
    let report = report.and_then(|report| parse(&report).map_err(|err| format!("the runner's report: {err}")))?;
    let results: BTreeMap<&str, &Value> = list(&report, "cases").iter().map(|case| (text(case, "id"), case)).collect();
    let mut failed = Vec::new();
    let mut by_status = BTreeMap::<&str, usize>::new();
    for case in cases {
        let result = results.get(case.id.as_str());
        let status = result.map_or("failed", |result| text(result, "status"));
        *by_status.entry(status).or_default() += 1;
        if status != "passed" {
            failed.push(case.id.clone());
        }
        if status == "failed" && case.is_ours() {
            let why = result.and_then(|result| list(result, "diffs").first()).and_then(Value::as_str);
            println!("  {}: {}", case.id, why.unwrap_or("it was not run").lines().next().unwrap_or_default());
        }
    }
    let count = |status: &str| by_status.get(status).copied().unwrap_or_default();
    println!("conformance {name}: {} of {} ({} skipped)", count("passed"), cases.len(), count("skipped"));
    if !is_alive {
        return Err(format!("the server ended:\n{}", server.last_words()));
    }
    Ok(failed)
}

/// Two runs at a time would be in each other's way.
fn wait_for_the_runners_ports() -> Result<(), String> {
    let start = Instant::now();
    for port in RUNNER_PORTS {
        while std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
            if start.elapsed() > Duration::from_secs(300) {
                return Err(format!("port {port} is taken"));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(())
}

/// The emulator of all other services.
fn start_moto(python: &Python, port: u16, work: &Path) -> Result<Process, String> {
    let mut command = python.program("moto_server");
    let mut moto = Process::start(command.args(["-H", "127.0.0.1", "-p", &port.to_string()]), &work.join("moto.log"))?;
    match wait_for_port(port, Duration::from_secs(60), || moto.is_alive()) {
        true => Ok(moto),
        false => Err(format!("moto does not start:\n{}", moto.last_words())),
    }
}

/// A name as a shell pattern that fits nothing else.
fn literally(id: &str) -> String {
    id.replace('[', "[[]").replace('*', "[*]").replace('?', "[?]")
}
