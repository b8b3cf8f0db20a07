//! Prints a line of JSON for each case or stack of the corpus: `synth CASE.json…`.
#![allow(clippy::disallowed_methods, reason = "cases are read from files")]

#[path = "../tests/adapter/mod.rs"]
mod adapter;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut failed = false;
    for file in std::env::args().skip(1) {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                failed = true;
                continue;
            }
        };
        match stepwell_value::parse(&text) {
            Ok(case) => println!("{}", adapter::synthesize(&case)),
            Err(error) => {
                eprintln!("{file}: {error}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
