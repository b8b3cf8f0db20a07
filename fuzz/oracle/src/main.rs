//! Compares our JSONata with other engines: `speed` times the expressions of the suite's speed.json, `differential` reads
//! mutants from standard input and says where the answers differ.

mod differential;
mod ours;
mod speed;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["speed"] => speed::run(&suite()),
        ["differential"] => differential::run(),
        _ => Err("usage: stepwell-oracle speed | differential".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("stepwell-oracle: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the JSONata suite, in the shared corpora.
fn suite() -> PathBuf {
    let shared = std::env::var_os("STEPWELL_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    shared.join("jsonata-suite")
}
