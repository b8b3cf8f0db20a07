//! `cargo xtask crash`: kills the server while it has a thousand executions, and looks whether it lost anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_value::Value;

use super::api::{Api, json, list, text};
use super::function::Functions;
use super::history::{self, Calls};
use super::load::{KINDS, Load, lock};
use super::process::{empty_folder, free_port};
use super::server::Server;
use crate::Done;
use crate::random::Random;
use crate::tally::Tally;

/// All executions have ended so long after the last start of the server.
const END: Duration = Duration::from_secs(30);

/// What is taken back where losses are wanted.
const LOST: Duration = Duration::from_millis(300);

/// A server that is asked to end does so.
const DRAIN: Duration = Duration::from_secs(15);

const STARTERS: u32 = 6;
const WORKERS: u32 = 4;
const READERS: usize = 4;

/// How many rounds, and how they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    /// None: another one each time; the seed of each round is printed.
    pub(crate) seed: Option<u64>,
    /// Throws away what the server wrote last before each kill: every round must notice.
    pub(crate) with_losses: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { rounds: 10, seed: None, with_losses: false }
    }
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--with-losses" {
                options = Options { with_losses: true, rounds: 2, ..options };
                continue;
            }
            let number = arguments.next().and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("{argument} needs a number"))?;
            match argument.as_str() {
                "--rounds" => options.rounds = u32::try_from(number).map_err(|_| "so many rounds never end")?,
                "--seed" => options.seed = Some(number),
                other => return Err(format!("unexpected argument {other}")),
            }
        }
        Ok(options)
    }
}

/// Builds the server, then does the same as [`run`].
pub(crate) fn build_and_run(options: Options) -> Done {
    super::build()?;
    run(options)
}

/// Runs the rounds, each on data of its own; one check a round.
pub(crate) fn run(options: Options) -> Done {
    println!("== crash");
    let mut seeds = Random(options.seed.unwrap_or_else(Random::new_seed));
    let (functions, mut tokens) = Functions::start()?;
    let mut tally = Tally::default();
    let start = Instant::now();
    let mut sum = Report::default();
    for number in 0..options.rounds {
        // The first round of a seed is the seed's own, so that it can be repeated alone.
        let seed = if number == 0 { seeds.0 } else { seeds.next() };
        let folder = empty_folder("crash")?;
        let ending = if number == 0 && options.rounds > 1 { Ending::Asked } else { Ending::Killed };
        match round(&folder, Round { seed, ending, with_losses: options.with_losses }, &functions, &mut tokens) {
            Ok(report) => {
                println!("  {report}");
                sum.add(&report);
                tally += Tally::one(!options.with_losses);
                if options.with_losses {
                    println!("  failed: nobody noticed what was lost");
                }
            }
            Err(wrong) if options.with_losses => {
                println!("  {} losses were noticed, such as: {}", wrong.len(), wrong[wrong.len() / 2]);
                tally += Tally::one(true);
            }
            Err(wrong) => {
                let kept = folder.with_file_name(format!("crash-{seed}"));
                let _ = fs::rename(&folder, &kept);
                println!("round {}: failed; its data are in {}", number + 1, kept.display());
                for line in wrong.iter().take(12) {
                    println!("  {line}");
                }
                // The first of several rounds asks the server to end.
                let rounds = if ending == Ending::Asked { 2 } else { 1 };
                println!(
                    "  {} complaints; repeat with: cargo xtask crash --rounds {rounds} --seed {seed}",
                    wrong.len()
                );
                tally += Tally::one(false);
            }
        }
    }
    let (passed, rounds, seconds) = (tally.passed, options.rounds, start.elapsed().as_secs_f64());
    match options.with_losses {
        true => println!("crash: losses noticed in {passed} of {rounds} rounds; {seconds:.0} s"),
        false => println!("crash: {passed} of {rounds} rounds, {sum}; {seconds:.0} s"),
    }
    Ok(tally)
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// What happened in a round.
#[derive(Debug, Default)]
struct Report {
    kills: u32,
    executions: usize,
    calls: u32,
    uncertain: u32,
    handed_in: usize,
    /// Executions that ran when the server was killed, summed over all kills.
    running: usize,
    /// From the last start of the server to the last end of an execution, the longest of all rounds.
    end: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { kills, executions, calls, uncertain, handed_in, running, end } = self;
        let running = running / (*kills).max(1) as usize;
        write!(
            f,
            "{kills} kills with {running} running, {executions} executions that ended within {:.1} s of the last start, {calls} calls of functions \
             ({uncertain} attempts in doubt or given up), {handed_in} results handed in",
            end.as_secs_f64()
        )
    }
}

impl Report {
    fn add(&mut self, more: &Report) {
        self.kills += more.kills;
        self.executions += more.executions;
        self.calls += more.calls;
        self.uncertain += more.uncertain;
        self.handed_in += more.handed_in;
        self.running += more.running;
        self.end = self.end.max(more.end);
    }
}

/// How one round goes.
#[derive(Clone, Copy)]
struct Round {
    seed: u64,
    ending: Ending,
    with_losses: bool,
}

/// How the server ends in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It is asked to: then it waits for the answers of functions, and nothing is in doubt.
    Asked,
    Killed,
}

/// Starts a server, puts the load on it, ends it one to three times, lets it come to an end and reads everything.
fn round(
    folder: &Path,
    Round { seed, ending, with_losses }: Round,
    functions: &Functions,
    tokens: &mut Receiver<String>,
) -> Result<Report, Vec<String>> {
    let mut random = Random(seed);
    let kills = 1 + random.below(3) as u32;
    println!("round with seed {seed}");
    // What the last round left.
    functions.take_calls();
    while tokens.try_recv().is_ok() {}
    let setup = || -> Result<(Server, Load), String> {
        let server = Server::start(folder, free_port()?, Some(functions.url()))?;
        let load = Load::create(&mut server.api())?;
        Ok((server, load))
    };
    let (mut server, load) = setup().map_err(|err| vec![err])?;
    let end = {
        let (port, load) = (server.port, &load);
        thread::scope(|scope| {
            let starters: Vec<_> = (0..STARTERS)
                .map(|first| scope.spawn(move || load.start_some(Api::new(port), first, STARTERS)))
                .collect();
            for worker in 0..WORKERS {
                scope.spawn(move || load.work(Api::new(port), worker));
            }
            let callers = scope.spawn(move || load.call_back(Api::new(port), tokens));
            let mut times = Vec::new();
            let life = || -> Result<Duration, String> {
                for kill in 0..kills {
                    let (from_ms, to_ms) = if kill == 0 { (300, 1_800) } else { (20, 800) };
                    thread::sleep(random.time(from_ms, to_ms));
                    if !server.is_alive() {
                        return Err(format!("the server ended:\n{}", server.last_words()));
                    }
                    times.push(seconds_since_1970());
                    match ending {
                        _ if with_losses => kill_and_lose(&mut server, folder)?,
                        Ending::Asked if !server.stop(DRAIN) => {
                            return Err(format!(
                                "the server does not end well within {} s when it is asked to",
                                DRAIN.as_secs()
                            ));
                        }
                        Ending::Asked if folder.join("data/stepwell.db-wal").exists() => {
                            return Err("the server was asked to end and has not closed its data".to_owned());
                        }
                        Ending::Asked => {}
                        Ending::Killed => server.kill(),
                    }
                    server.start_again()?;
                }
                let restarted = Instant::now();
                for starter in starters {
                    let _ = starter.join();
                }
                wait_for_the_end(&mut server, load, restarted)?;
                Ok(restarted.elapsed())
            };
            let end = life();
            load.is_over.store(true, Ordering::Relaxed);
            if end.is_err() {
                // Nobody shall wait for an answer.
                server.kill();
            }
            let checked = end.map(|end| {
                let _ = callers.join();
                verify(port, load, functions, &times).map(|report| Report { kills, end, ..report })
            });
            // Ends the polls for tasks.
            server.kill();
            checked
        })
    };
    let mut wrong = std::mem::take(&mut *lock(&load.complaints));
    match end {
        Ok(Ok(report)) if wrong.is_empty() => match ending {
            Ending::Asked if report.uncertain > 0 => {
                Err(vec![format!("{} calls are in doubt, although the server was asked to end", report.uncertain)])
            }
            _ => Ok(report),
        },
        Ok(Ok(_)) => Err(wrong),
        Ok(Err(more)) => {
            wrong.extend(more);
            Err(wrong)
        }
        Err(err) => {
            wrong.push(err);
            Err(wrong)
        }
    }
}

/// Kills the server and takes back what it wrote in its last moments, as a store does that does not sync.
fn kill_and_lose(server: &mut Server, folder: &Path) -> Result<(), String> {
    let (data, copy) = (folder.join("data"), folder.join("copy"));
    let failed = |err: io::Error| format!("{}: {err}", copy.display());
    copy_folder(&data, &copy).map_err(failed)?;
    thread::sleep(LOST);
    server.kill();
    fs::remove_dir_all(&data).and_then(|()| fs::rename(&copy, &data)).map_err(failed)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(|_| ())?,
        }
    }
    Ok(())
}

/// Waits until no machine has an execution that runs.
fn wait_for_the_end(server: &mut Server, load: &Load, restarted: Instant) -> Result<(), String> {
    let mut api = server.api();
    let mut first = 0;
    loop {
        let Some(machine) = load.machines.get(first) else { return Ok(()) };
        let members = format!(r#"{{"stateMachineArn":{},"statusFilter":"RUNNING","maxResults":1000}}"#, json(machine));
        let page = api.call("ListExecutions", &members).map_err(|err| match server.is_alive() {
            true => format!("ListExecutions: {err}"),
            false => format!("the server ended:\n{}", server.last_words()),
        })?;
        let running = list(&page, "executions");
        match running.first() {
            None => first += 1,
            Some(execution) if restarted.elapsed() > END => {
                return Err(format!(
                    "{} executions of {} still run {} s after the restart, such as {}",
                    running.len(),
                    KINDS[first].name,
                    END.as_secs(),
                    text(execution, "executionArn")
                ));
            }
            Some(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// What the histories say, put together.
#[derive(Debug, Default)]
struct Found {
    wrong: Vec<String>,
    /// Results of activities and tokens.
    outputs: BTreeSet<String>,
    /// Calls of functions by execution; those of the children of Map Runs, too.
    calls: BTreeMap<String, Calls>,
    /// From when to when each execution ran, in seconds since 1970.
    times: Vec<(f64, f64)>,
}

/// Reads every execution that was acknowledged, and compares.
fn verify(port: u16, load: &Load, functions: &Functions, kills: &[f64]) -> Result<Report, Vec<String>> {
    let started = lock(&load.started).clone();
    let stopped: BTreeSet<String> = lock(&load.stopped).iter().cloned().collect();
    let executions: Vec<(&String, &&str)> = started.iter().collect();
    let found = Mutex::new(Found::default());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let mut api = Api::new(port);
                while let Some((arn, kind)) = executions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut mine = Found::default();
                    let status = read(&mut api, arn, &mut mine);
                    if stopped.contains(*arn) && status.as_deref() != Some("ABORTED") {
                        mine.wrong.push(format!("{arn}: was stopped, but is {}", status.unwrap_or_default()));
                    }
                    if **kind == "children" {
                        read_children(&mut api, arn, &mut mine);
                    }
                    let mut found = lock(&found);
                    found.wrong.append(&mut mine.wrong);
                    found.outputs.append(&mut mine.outputs);
                    found.calls.append(&mut mine.calls);
                    found.times.append(&mut mine.times);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    let wanted: u32 = KINDS.iter().map(|kind| kind.executions).sum();
    if started.len() != wanted as usize {
        found.wrong.push(format!("{} of {wanted} executions could be started", started.len()));
    }
    for machine in &load.machines {
        compare_lists(&mut Api::new(port), machine, &started, &mut found);
    }
    let handed_in = lock(&load.handed_in);
    for output in handed_in.iter().filter(|output| !found.outputs.contains(*output)) {
        found.wrong.push(format!("the result {output} was acknowledged and is in no history"));
    }
    let made = functions.take_calls();
    compare_calls(&made, &mut found);
    let report = Report {
        executions: found.calls.len(),
        calls: made.values().sum(),
        uncertain: found.calls.values().map(|calls| calls.uncertain).sum(),
        handed_in: handed_in.len(),
        running: kills
            .iter()
            .map(|kill| found.times.iter().filter(|(start, end)| start <= kill && kill <= end).count())
            .sum(),
        ..Report::default()
    };
    if found.wrong.is_empty() { Ok(report) } else { Err(found.wrong) }
}

/// Reads the list of a machine's executions page by page: each that was acknowledged is in it, once, and no other.
fn compare_lists(api: &mut Api, machine: &str, started: &BTreeMap<String, &str>, found: &mut Found) {
    let prefix = format!("{}:", machine.replace(":stateMachine:", ":execution:"));
    let mut missing: BTreeSet<&str> =
        started.keys().map(String::as_str).filter(|arn| arn.starts_with(&prefix)).collect();
    let mut token = String::new();
    // Each page takes at least one out, or is the last.
    for _ in 0..=started.len() {
        let members = format!(r#"{{"stateMachineArn":{},"maxResults":100{token}}}"#, json(machine));
        let page = match api.call("ListExecutions", &members) {
            Ok(page) => page,
            Err(err) => return found.wrong.push(format!("{machine}: ListExecutions: {err}")),
        };
        for execution in list(&page, "executions") {
            let arn = text(execution, "executionArn");
            if !missing.remove(arn) {
                found.wrong.push(format!("{arn}: is listed, but was never started, or is listed twice"));
            }
        }
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#","nextToken":{}"#, json(next)),
            None => break,
        }
    }
    found.wrong.extend(missing.into_iter().map(|arn| format!("{arn}: is in no list")));
}

/// Checks an execution and its history, and gives its status.
fn read(api: &mut Api, arn: &str, found: &mut Found) -> Option<String> {
    let execution = match api.call("DescribeExecution", &format!(r#"{{"executionArn":{}}}"#, json(arn))) {
        Ok(execution) => execution,
        Err(err) => {
            found.wrong.push(format!("{arn}: lost: {err}"));
            return None;
        }
    };
    let status = text(&execution, "status").to_owned();
    let date = |name: &str| execution.get(name).and_then(Value::as_f64).unwrap_or_default();
    found.times.push((date("startDate"), date("stopDate")));
    match history::fetch(api, arn) {
        Ok(events) => {
            match history::check(&events, &status) {
                Ok(calls) => {
                    found.calls.insert(arn.to_owned(), calls);
                }
                Err(wrong) => found.wrong.push(format!("{arn}: {wrong}")),
            }
            for details in ["activitySucceededEventDetails", "taskSucceededEventDetails"] {
                let outputs = events.iter().filter_map(|event| event.get(details));
                found.outputs.extend(outputs.map(|details| text(details, "output").to_owned()));
            }
        }
        Err(err) => found.wrong.push(format!("{arn}: {err}")),
    }
    Some(status)
}

/// Checks the children of an execution's Map Runs.
fn read_children(api: &mut Api, arn: &str, found: &mut Found) {
    let runs = api.call("ListMapRuns", &format!(r#"{{"executionArn":{}}}"#, json(arn)));
    let runs = match runs {
        Ok(runs) => runs,
        Err(err) => return found.wrong.push(format!("{arn}: ListMapRuns: {err}")),
    };
    for run in list(&runs, "mapRuns") {
        let run = text(run, "mapRunArn");
        let children = api.call("ListExecutions", &format!(r#"{{"mapRunArn":{},"maxResults":1000}}"#, json(run)));
        let children = match children {
            Ok(children) => children,
            Err(err) => {
                found.wrong.push(format!("{run}: ListExecutions: {err}"));
                continue;
            }
        };
        for child in list(&children, "executions") {
            read(api, text(child, "executionArn"), found);
        }
    }
}

/// Each attempt was called once at most, and an execution's calls are its attempts, but for those in doubt.
fn compare_calls(made: &BTreeMap<super::function::Attempt, u32>, found: &mut Found) {
    let mut by_execution = BTreeMap::<&str, u32>::new();
    for (attempt, count) in made {
        if *count > 1 {
            found.wrong.push(format!("{} {} was called {count} times", attempt.execution, attempt.of));
        }
        *by_execution.entry(&attempt.execution).or_default() += count;
    }
    for (arn, calls) in &found.calls {
        let made = by_execution.remove(arn.as_str()).unwrap_or_default();
        let range = calls.scheduled.saturating_sub(calls.uncertain)..=calls.scheduled;
        if !range.contains(&made) {
            found.wrong.push(format!("{arn}: {made} calls, but {calls:?}"));
        }
    }
    for (arn, calls) in by_execution {
        found.wrong.push(format!("{arn}: {calls} calls, but its history is missing"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::function::Attempt;

    #[test]
    fn rounds_and_seed_are_understood() {
        let arguments = ["--rounds", "3", "--seed", "7"].map(str::to_owned);
        assert_eq!(Options::parse(&arguments), Ok(Options { rounds: 3, seed: Some(7), with_losses: false }));
        assert!(Options::parse(&["--rounds".to_owned()]).is_err());
        assert!(Options::parse(&["--turns".to_owned(), "1".to_owned()]).is_err());
    }

    #[test]
    fn calls_are_compared_with_attempts() {
        let attempt = |execution: &str, of: &str| Attempt { execution: execution.into(), of: of.into() };
        let calls = |scheduled, uncertain| Calls { scheduled, uncertain };
        let compare = |made: &[(Attempt, u32)], calls: &[(&str, Calls)]| {
            let mut found = Found::default();
            for (arn, Calls { scheduled, uncertain }) in calls {
                found.calls.insert((*arn).to_owned(), Calls { scheduled: *scheduled, uncertain: *uncertain });
            }
            compare_calls(&made.iter().cloned().collect(), &mut found);
            found.wrong.join("; ")
        };
        assert_eq!(compare(&[(attempt("a", "S//0"), 1), (attempt("a", "S//1"), 1)], &[("a", calls(2, 0))]), "");
        assert_eq!(compare(&[(attempt("a", "S//1"), 1)], &[("a", calls(2, 1))]), "");
        assert_eq!(
            compare(&[(attempt("a", "S//0"), 1)], &[("a", calls(2, 0))]),
            "a: 1 calls, but Calls { scheduled: 2, uncertain: 0 }"
        );
        assert_eq!(
            compare(&[(attempt("a", "S//0"), 2), (attempt("b", "S//0"), 1)], &[("a", calls(2, 1))]),
            "a S//0 was called 2 times; b: 1 calls, but its history is missing"
        );
    }
}
