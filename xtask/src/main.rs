//! Chores of the repository: `cargo xtask help` lists them.
//!
//! Standard library and our own JSON only: it is compiled on every machine before anything else.
#![allow(clippy::disallowed_methods)] // A tool for developers: it reads files, the clock and the environment.

mod bench;
mod command;
mod corpora;
mod docs;
mod fuzz;
mod power_cut;
mod purity;
mod random;
mod real;
mod tally;
mod test;

use std::process::ExitCode;

use tally::Tally;

const HELP: &str = "\
cargo xtask test                                 everything that CI demands; ends with \"N passed, N failed\"
cargo xtask soak [--minutes M]                   long suites, then M minutes of each fuzz target (10)
cargo xtask fuzz [TARGET] [--minutes M | --seconds S] [--seed N]
                                                 random inputs for one target or all of them (1 minute each)
cargo xtask power-cut [--cuts N] [--seed N]
                                                 what a power cut leaves of stored data, at N moments (150)
cargo xtask conformance [--all]                  replays recorded cases against a server; --all: those it cannot pass, too
cargo xtask clients [--rust]                     drives a server with the AWS CLI; --rust: with the AWS SDK for Rust, too
cargo xtask crash [--rounds N] [--seed S] [--with-losses]
                                                 kills a server under load and looks whether it lost anything (10 rounds);
                                                 --with-losses: takes what it wrote last away, which must be noticed
cargo xtask malformed                            sends a server what is no request
cargo xtask storm                                sends a server requests that are almost right, at random
cargo xtask bench                                speed, as a table; with other engines where they can be had
cargo xtask docs                                 runs the examples of the documents and compares what they print
cargo xtask purity                               checks what the pure crates must not contain
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", &[][..]),
    };
    let result = match name {
        "test" => no_more(rest).and_then(|()| test::test()),
        "soak" => fuzz::Options::parse(rest).and_then(|options| test::soak(&options)),
        "fuzz" => fuzz::Options::parse(rest).and_then(|options| fuzz::build_and_run(&options)),
        "power-cut" => power_cut::Options::parse(rest).and_then(|options| power_cut::build_and_run(&options)),
        "conformance" => flag(rest, "--all").and_then(real::conformance::build_and_run),
        "clients" => flag(rest, "--rust").and_then(real::clients::build_and_run),
        "crash" => real::crash::Options::parse(rest).and_then(real::crash::build_and_run),
        "storm" => no_more(rest).and_then(|()| real::storm::build_and_run()),
        "malformed" => no_more(rest).and_then(|()| real::malformed::build_and_run()),
        "bench" => no_more(rest).and_then(|()| bench::run()),
        "docs" => no_more(rest).and_then(|()| docs::build_and_check()),
        "purity" => no_more(rest).and_then(|()| purity::check()),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("there is no chore called {other}\n\n{HELP}")),
    };
    match result {
        Ok(tally) => tally.report(),
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

/// Whether the one flag that there may be was given.
fn flag(rest: &[String], name: &str) -> Result<bool, String> {
    match rest {
        [] => Ok(false),
        [given] if given == name => Ok(true),
        [extra, ..] => Err(format!("unexpected argument {extra}\n\n{HELP}")),
    }
}

fn no_more(rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(format!("unexpected argument {extra}\n\n{HELP}")),
    }
}

/// What a chore gives: counts, or why it could not be done at all.
type Done = Result<Tally, String>;
