//! `cargo xtask power-cut`: what a power cut at a random moment leaves of the store's files must hold all that was
//! acknowledged, whole.
//!
//! A recorder, preloaded into a process that loads the store, writes down each write, truncation, sync and change of a
//! name. The files are then rebuilt as a disk may leave them at random places of the log, opened, and compared with what
//! was acknowledged up to there. A control shows that the test sees what it should: without syncs it must find losses.

mod disk;
mod log;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use disk::Disk;

use crate::Done;
use crate::command::{PROFILE, built, cargo, exists, root};
use crate::random::Random;
use crate::tally::Tally;

/// Cuts unless told.
const CUTS: u64 = 150;

/// Cuts of the control: a few suffice to see losses.
const CONTROL_CUTS: u64 = 10;

/// One in so many cuts comes while the files are being made, which chance alone would hardly meet.
const EARLY_EVERY: u64 = 10;

/// As many operations as that takes, and the first commits.
const EARLY_OPERATIONS: usize = 200;

/// The only file that is not rebuilt from its durable parts: it stands for those who were told.
const ACKNOWLEDGED: &str = "acknowledged";

/// How many cuts, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) cuts: Option<u64>,
    /// None: another one each time; it is printed.
    pub(crate) seed: Option<u64>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64, String> {
                let number = arguments.next().and_then(|text| text.parse().ok());
                number.ok_or_else(|| format!("{argument} needs a number"))
            };
            match argument.as_str() {
                "--cuts" => options.cuts = Some(number()?),
                "--seed" => options.seed = Some(number()?),
                other => return Err(format!("unexpected argument {other}")),
            }
        }
        Ok(options)
    }
}

/// Builds the load and cuts its power.
pub(crate) fn build_and_run(options: &Options) -> Done {
    match build().status() {
        Ok(status) if status.success() => run(options),
        _ => Err("the example power_cut of stepwell-store does not build".to_owned()),
    }
}

/// Builds the load. An example is built by its name: tests build it under another one. Of the whole workspace, for its
/// dependencies are then those of the tests.
pub(crate) fn build() -> Command {
    cargo(["build", "--quiet", "--workspace", "--example", "power_cut", "--profile", PROFILE])
}

/// Cuts the power of the load that was built before.
pub(crate) fn run(options: &Options) -> Done {
    println!("== power cuts");
    if !cfg!(target_os = "linux") || !exists("cc", "--version") {
        println!("skipped: the recorder needs Linux and a C compiler called cc");
        return Ok(Tally::default());
    }
    let folder = built("power-cut");
    let recorder = compile(&folder)?;
    let seed = options.seed.unwrap_or_else(Random::new_seed);
    let cuts = options.cuts.unwrap_or(CUTS);
    println!("seed {seed}; to repeat: cargo xtask power-cut --cuts {cuts} --seed {seed}");
    let synced = Round { folder: &folder, recorder: &recorder, flags: &[], seed, cuts }.run()?;
    println!("{synced}");
    let flags = &["--without-sync"];
    let control = Round { folder: &folder, recorder: &recorder, flags, seed, cuts: CONTROL_CUTS }.run()?;
    println!("control without syncs: {control}");
    let mut tally = Tally { passed: cuts - synced.bad_cuts, failed: synced.bad_cuts };
    let is_seen = control.lost > 0;
    if !is_seen {
        println!("failed: the control lost nothing, so the test sees nothing");
    }
    tally += Tally::one(is_seen);
    // The logs are large; they are of use only where something was found.
    if tally.failed == 0 {
        fs::remove_dir_all(&folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    }
    Ok(tally)
}

/// Builds the recorder.
fn compile(folder: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    let recorder = folder.join("recorder.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&recorder);
    compiler.arg(root().join("xtask/src/power_cut/recorder.c")).args(["-ldl", "-lpthread"]);
    match compiler.status() {
        Ok(status) if status.success() => Ok(recorder),
        _ => Err("the recorder does not compile".to_owned()),
    }
}

/// One recorded load and its cuts.
struct Round<'a> {
    folder: &'a Path,
    recorder: &'a Path,
    flags: &'a [&'a str],
    seed: u64,
    cuts: u64,
}

/// What the cuts of a round showed.
struct Found {
    operations: usize,
    syncs: usize,
    cuts: u64,
    bad_cuts: u64,
    acknowledged: u64,
    lost: u64,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found { operations, syncs, cuts, bad_cuts, acknowledged, lost } = self;
        write!(
            f,
            "{operations} operations, {syncs} syncs, {cuts} cuts: {bad_cuts} with losses or damages, \
             {lost} of {acknowledged} acknowledged transitions lost"
        )
    }
}

impl Round<'_> {
    fn run(&self) -> Result<Found, String> {
        let bytes = self.record()?;
        let log = log::read(&bytes)?;
        let is_end = |entry: &&log::Entry<'_>| matches!(entry.what, log::What::SyncEnds(_));
        let mut chance = Random(self.seed);
        let mut places: Vec<usize> = (0..self.cuts)
            .map(|cut| {
                let is_early = cut % EARLY_EVERY == 0;
                let end = if is_early { EARLY_OPERATIONS.min(log.len()) } else { log.len() };
                chance.below(end as u64 + 1) as usize
            })
            .collect();
        places.sort_unstable();
        let mut found = Found {
            operations: log.len(),
            syncs: log.iter().filter(is_end).count(),
            cuts: self.cuts,
            bad_cuts: 0,
            acknowledged: 0,
            lost: 0,
        };
        let mut disk = Disk::default();
        let mut told = Vec::new();
        let mut next = 0;
        for place in places {
            for entry in &log[next..place] {
                match entry.what {
                    log::What::Written { bytes, .. } if entry.name == ACKNOWLEDGED => told.extend_from_slice(bytes),
                    _ => disk.see(entry),
                }
            }
            next = place;
            let left = self.folder.join("left");
            rebuild(&left, &disk, &told, &mut chance)?;
            let line = check(&left)?;
            let [acknowledged, lost, wrong] = counts(&line).ok_or_else(|| format!("not understood: {line}"))?;
            found.acknowledged += acknowledged;
            found.lost += lost;
            if lost + wrong > 0 {
                found.bad_cuts += 1;
                if self.flags.is_empty() {
                    println!("failed: cut before operation {place}: {line}");
                }
            }
        }
        Ok(found)
    }

    /// Loads a store under the recorder, and gives its log.
    fn record(&self) -> Result<Vec<u8>, String> {
        let (data, log) = (self.folder.join("load"), self.folder.join("log"));
        let wrong = |path: &Path, err: std::io::Error| format!("{}: {err}", path.display());
        empty(&data)?;
        if log.exists() {
            fs::remove_file(&log).map_err(|err| wrong(&log, err))?;
        }
        let mut load = Command::new(built("examples/power_cut"));
        load.arg("write").arg(&data).args(self.flags);
        let directory = data.canonicalize().map_err(|err| wrong(&data, err))?;
        load.env("LD_PRELOAD", self.recorder).env("POWER_CUT_DIRECTORY", directory).env("POWER_CUT_LOG", &log);
        let output = load.output().map_err(|err| format!("power_cut: {err}"))?;
        if !output.status.success() {
            return Err(format!("the load failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        fs::read(&log).map_err(|err| wrong(&log, err))
    }
}

/// Writes files as a cut leaves them.
fn rebuild(folder: &Path, disk: &Disk<'_>, told: &[u8], chance: &mut Random) -> Result<(), String> {
    empty(folder)?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|err| format!("{}: {err}", path.display()))
    };
    for (name, bytes) in disk.cut(chance) {
        // Shared memory of processes that are no more.
        if !name.ends_with("-shm") {
            write(name, &bytes)?;
        }
    }
    write(ACKNOWLEDGED, told)
}

fn check(folder: &Path) -> Result<String, String> {
    let mut check = Command::new(built("examples/power_cut"));
    let output = check.arg("check").arg(folder).output().map_err(|err| format!("power_cut: {err}"))?;
    if !output.status.success() {
        return Err(format!("the check failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The counts of a line `N acknowledged, N lost, N wrong: …`.
fn counts(line: &str) -> Option<[u64; 3]> {
    let count = |part: &str, what: &str| part.trim().strip_suffix(what)?.trim().parse().ok();
    let (counts, _) = line.split_once(':')?;
    let mut parts = counts.split(',');
    Some([count(parts.next()?, "acknowledged")?, count(parts.next()?, "lost")?, count(parts.next()?, "wrong")?])
}

/// Makes a directory anew.
fn empty(directory: &Path) -> Result<(), String> {
    let wrong = |err| format!("{}: {err}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(wrong)?;
    }
    fs::create_dir_all(directory).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_check_is_counted() {
        assert_eq!(counts("250 acknowledged, 3 lost, 0 wrong: "), Some([250, 3, 0]));
        assert_eq!(counts("250 acknowledged, 3 lost"), None);
    }

    #[test]
    fn cuts_and_seed_are_understood() {
        let arguments = ["--cuts", "10", "--seed", "7"].map(str::to_owned);
        assert_eq!(Options::parse(&arguments), Ok(Options { cuts: Some(10), seed: Some(7) }));
        assert!(Options::parse(&["--cuts".to_owned()]).is_err());
    }
}
