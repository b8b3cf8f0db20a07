//! The supervisor: starts workers, notices when one dies, keeps what is found.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::findings::{Trouble, folder, keep, shortened, signature};
use crate::targets::{TARGETS, Target};
use crate::work::FOUND;
use crate::{corpus, generate};

/// Attempts to make a finding shorter.
const ATTEMPTS_MAX: usize = 400;

/// The same for what takes seconds each time.
const SLOW_ATTEMPTS_MAX: usize = 8;

/// Findings of a kind that are kept though nothing says whether they have the same cause.
const UNEXPLAINED_MAX: usize = 3;

/// Runs targets, one after the other.
pub(crate) fn run(targets: &[&'static Target], time: Duration, seed: u64) -> ExitCode {
    println!("seed {seed}, {} s a target", time.as_secs());
    let mut failed = 0;
    for target in targets {
        let result = Campaign { target, seed, known: BTreeMap::new(), count: 0 }.run(time);
        match result {
            Ok(0) => {}
            Ok(_) => failed += 1,
            Err(message) => {
                println!("{}: {message}", target.name);
                failed += 1;
            }
        }
    }
    result(targets.len() - failed, failed)
}

/// Runs all findings of former days.
pub(crate) fn replay() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for target in TARGETS {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder(target.name))
            .map_or_else(|_| Vec::new(), |entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect());
        files.sort();
        for file in files {
            let shown = format!("{}/{}", target.name, file.file_name().unwrap_or_default().to_string_lossy());
            match examine(target, &file) {
                None => passed += 1,
                Some((trouble, message)) => {
                    println!("{shown}: {trouble}: {message}");
                    failed += 1;
                }
            }
        }
    }
    println!("{passed} former findings are answered as they must be, {failed} are not");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn result(passed: usize, failed: usize) -> ExitCode {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One target at work.
struct Campaign {
    target: &'static Target,
    seed: u64,
    /// Signatures of what was found.
    known: BTreeMap<String, PathBuf>,
    count: u64,
}

impl Campaign {
    /// Gives the number of findings.
    fn run(mut self, time: Duration) -> Result<usize, String> {
        let start = Instant::now();
        let mut next = 0;
        while start.elapsed() + Duration::from_millis(200) < time {
            next = self.let_one_work(time - start.elapsed(), next)?;
        }
        let rate = self.count as f64 / start.elapsed().as_secs_f64();
        let (name, count, found) = (self.target.name, self.count, self.known.len());
        println!("{name:12} {count:10} executions  {rate:9.0}/s  {found} findings");
        Ok(found)
    }

    /// Lets a worker work until it dies or is done; gives the number of the input to go on with.
    fn let_one_work(&mut self, time: Duration, first: u64) -> Result<u64, String> {
        let state_file = scratch(self.target, "state");
        let mut command = ourselves()?;
        command.args(["work", self.target.name]).arg(&state_file);
        // At least a second, so that each worker gets somewhere.
        command.args(["--seconds", &time.as_secs().max(1).to_string(), "--seed", &self.seed.to_string()]);
        command.args(["--number", &first.to_string()]);
        let mut worker = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|err| err.to_string())?;
        let mut found = Vec::new();
        let mut end = None;
        for line in BufReader::new(worker.stdout.take().expect("it was asked for")).lines() {
            let line = line.map_err(|err| err.to_string())?;
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["finding", trouble, number, message] => {
                    if let (Ok(trouble), Ok(number)) = (trouble.parse(), number.parse()) {
                        found.push((trouble, number, message.to_owned()));
                    }
                }
                ["done", count, next] => end = count.parse::<u64>().ok().zip(next.parse::<u64>().ok()),
                _ => {}
            }
        }
        let status = worker.wait().map_err(|err| err.to_string())?;
        let next = match end {
            Some((count, next)) => {
                self.count += count;
                next
            }
            None => {
                let number = std::fs::read_to_string(&state_file).unwrap_or_default();
                let Ok(number) = number.trim().parse::<u64>() else {
                    return Err(format!("the worker died at once ({status})"));
                };
                // The watch ends the process with a word; the thread that answers may have gone on meanwhile.
                if status.code() != Some(i32::from(FOUND)) {
                    found.push((Trouble::Crash, number, format!("the process died ({status})")));
                }
                self.count += number + 1 - first;
                number + 1
            }
        };
        let _ = std::fs::remove_file(&state_file);
        for (trouble, number, message) in found {
            self.take(trouble, number, &message)?;
        }
        Ok(next)
    }

    fn take(&mut self, trouble: Trouble, number: u64, message: &str) -> Result<(), String> {
        let name = self.target.name;
        let mut signature = signature(trouble, message);
        if trouble != Trouble::Panic && trouble != Trouble::Promise {
            // Nothing tells one crash from another, so the first few are kept.
            let alike = self.known.keys().filter(|other| other.starts_with(&signature)).count();
            if alike == UNEXPLAINED_MAX {
                return Ok(());
            }
            signature = format!("{signature} {alike}");
        }
        if self.known.contains_key(&signature) {
            return Ok(());
        }
        let input = generate::input(self.target, &corpus::load(self.target), self.seed, number);
        let is_slow = matches!(trouble, Trouble::Time | Trouble::Memory);
        let attempts_max = if is_slow { SLOW_ATTEMPTS_MAX } else { ATTEMPTS_MAX };
        let file = scratch(self.target, "candidate");
        let input = shortened(&input, attempts_max, |candidate| {
            let written = std::fs::write(&file, candidate);
            written.is_ok() && examine(self.target, &file).is_some_and(|(other, _)| other == trouble)
        });
        let _ = std::fs::remove_file(&file);
        let path = keep(name, trouble, &input).map_err(|err| format!("a finding cannot be kept: {err}"))?;
        let shown = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap_or(&path);
        println!("{name}: {trouble} with input {number}: {message}\n  {}", shown.display());
        self.known.insert(signature, path);
        Ok(())
    }
}

/// Lets a process of its own answer the input in a file.
fn examine(target: &Target, file: &Path) -> Option<(Trouble, String)> {
    let output = ourselves().ok()?.args(["one", target.name]).arg(file).stderr(Stdio::null()).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let found = printed.lines().find_map(|line| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["finding", trouble, _, message] => Some((trouble.parse().ok()?, message.to_owned())),
            _ => None,
        }
    });
    match found {
        None if !output.status.success() => Some((Trouble::Crash, format!("the process died ({})", output.status))),
        found => found,
    }
}

fn ourselves() -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|err| err.to_string())?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

fn scratch(target: &Target, what: &str) -> PathBuf {
    std::env::temp_dir().join(format!("stepwell-fuzz-{}-{}-{what}", std::process::id(), target.name))
}
