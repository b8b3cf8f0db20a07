//! `cargo xtask test`: what every change must pass; `cargo xtask soak`: what takes long.

use std::panic::catch_unwind;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{PROFILE, cargo, check, exists, tests};
use crate::tally::Tally;
use crate::{Done, corpora, docs, fuzz, power_cut, purity, real};

/// How long each fuzz target runs in a test run.
const FUZZ_PER_TARGET: Duration = Duration::from_secs(10);

/// The same inputs in each test run, so that none fails by chance.
const FUZZ_SEED: u64 = 1;

/// Moments at which a test run cuts the power, the same in each.
const POWER_CUTS: power_cut::Options = power_cut::Options { cuts: Some(10), seed: Some(1) };

/// Everything there is to test, examples and benches included.
const TESTS: [&str; 6] = ["test", "--workspace", "--all-targets", "--quiet", "--profile", PROFILE];

/// How long a server gets requests at random in a test run, and in a long one.
const STORM: Duration = Duration::from_secs(5);
const LONG_STORM: Duration = Duration::from_secs(120);

/// The step's name and the step.
type Step = (&'static str, fn() -> Done);

/// What decides whether the rest makes sense, and what wants both cores.
const FIRST: [Step; 4] = [("format", format), ("purity", purity::check), ("build", build), ("tests", workspace_tests)];

/// What is judged by its time runs alone in its lane; it waits for a server or a disk most of that time.
/// All that stand here run the programs that were built for the tests.
const REAL: [Step; 8] = [
    ("examples", examples),
    ("documents", docs::check),
    ("power cuts", || power_cut::run(&POWER_CUTS)),
    ("malformed requests", real::malformed::run),
    ("requests at random", || real::storm::run(STORM, None)),
    ("crash", || real::crash::run(real::crash::Options::default())),
    ("conformance", || real::conformance::run(false)),
    ("clients", || real::clients::run(false)),
];

/// One process that computes without a pause.
const FUZZ: [Step; 1] = [("fuzz", fuzz_a_little)];

/// What takes as long as it takes, on what the others leave. Cargo does one thing at a time, so it is called here alone.
const COMPILED: [Step; 2] = [("lints", lints), ("documentation tests", documentation_tests)];

/// Runs all steps, whatever fails on the way; only a missing component and what does not build end it.
pub(crate) fn test() -> Done {
    install_components()?;
    // It waits for the network; a failure shows when they are needed.
    let packages = std::thread::spawn(real::install_packages);
    let mut times = Vec::new();
    for step in FIRST {
        times.push(timed(step));
        if times.last().is_some_and(|(name, _, tally)| *name == "build" && tally.failed > 0) {
            return Ok(report(times));
        }
    }
    let _ = packages.join();
    let lanes =
        [&REAL[..], &FUZZ, &COMPILED].map(|lane| std::thread::spawn(|| lane.iter().map(|step| timed(*step)).collect()));
    for lane in lanes {
        let of_lane: Vec<Timed> = lane.join().expect("a step's panic is caught");
        times.extend(of_lane);
    }
    Ok(report(times))
}

/// A step's name, its time and what it found.
type Timed = (&'static str, Duration, Tally);

/// What could not be done at all has failed: the other steps go on, and all are summed up.
fn timed((name, step): Step) -> Timed {
    let start = Instant::now();
    let done = catch_unwind(step).unwrap_or_else(|_| Err("it panicked".to_owned()));
    let tally = done.unwrap_or_else(|why| {
        println!("failed: {name}: {why}");
        Tally::one(false)
    });
    (name, start.elapsed(), tally)
}

/// Prints a line for each step, and sums them up.
fn report(times: Vec<Timed>) -> Tally {
    let mut total = Tally::default();
    println!("==");
    for (name, time, tally) in times {
        println!("{name:20} {:6.1} s  {:6} passed  {:3} failed", time.as_secs_f64(), tally.passed, tally.failed);
        total += tally;
    }
    corpora::report();
    total
}

/// Rounds of crashes in a long run.
const CRASH_ROUNDS: u32 = 200;

/// Runs what takes too long elsewhere: the tests that are ignored, many power cuts, all recorded cases and clients, many
/// rounds of crashes, then fuzzing; cuts and fuzzing with another seed each time.
pub(crate) fn soak(options: &fuzz::Options) -> Done {
    let mut total = tests(
        "long tests",
        &mut cargo(["test", "--workspace", "--no-fail-fast", "--profile", PROFILE, "--", "--ignored"]),
    )?;
    total += power_cut::build_and_run(&power_cut::Options::default())?;
    total += real::conformance::build_and_run(true)?;
    total += real::clients::run(true)?;
    total += real::storm::run(LONG_STORM, None)?;
    total += real::crash::run(real::crash::Options { with_losses: true, rounds: 2, ..Default::default() })?;
    total += real::crash::run(real::crash::Options { rounds: CRASH_ROUNDS, ..Default::default() })?;
    total += fuzz::build_and_run(&fuzz::Options {
        time: options.time.or(Some(Duration::from_secs(600))),
        ..options.clone()
    })?;
    Ok(total)
}

fn format() -> Done {
    check("format", &mut cargo(["fmt", "--all", "--check"]))
}

/// In the profile of the tests, whose build scripts have run. One at a time: others are judged by their time meanwhile.
fn lints() -> Done {
    let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--jobs", "1", "--profile", PROFILE]);
    check("lints", clippy.args(["--", "-D", "warnings"]))
}

/// Builds all tests, and the programs that they and later steps run.
fn build() -> Done {
    let mut tally = check("build", cargo(TESTS).arg("--no-run"))?;
    tally += check("build of the load for power cuts", &mut power_cut::build())?;
    Ok(tally)
}

fn workspace_tests() -> Done {
    tests("tests", cargo(TESTS).arg("--no-fail-fast"))
}

fn documentation_tests() -> Done {
    let mut total = tests(
        "documentation tests",
        &mut cargo(["test", "--workspace", "--doc", "--no-fail-fast", "--quiet", "--profile", PROFILE]),
    )?;
    let mut documentation = cargo(["doc", "--workspace", "--lib", "--no-deps", "--quiet", "--profile", PROFILE]);
    total += check("documentation", documentation.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(total)
}

/// The example definitions are valid.
fn examples() -> Done {
    let mut validate = docs::stepwell();
    check("examples", validate.args(["validate", "examples"]))
}

fn fuzz_a_little() -> Done {
    fuzz::run(&fuzz::Options { target: None, time: Some(FUZZ_PER_TARGET), seed: Some(FUZZ_SEED) })
}

/// Rust's own formatter and linter are parts that a minimal installation leaves out.
fn install_components() -> Result<(), String> {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        if !exists(program, "--version") {
            let added = Command::new("rustup").args(["component", "add", component]).status();
            if !added.is_ok_and(|status| status.success()) {
                return Err(format!("{program} is missing, and rustup could not add it: install {component}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_be_done_or_panics_has_failed() {
        let steps: [Step; 2] = [("impossible", || Err("it cannot be done".to_owned())), ("panic", || panic!("a step"))];
        for step in steps {
            assert_eq!(timed(step).2, Tally::one(false), "{}", step.0);
        }
    }
}
