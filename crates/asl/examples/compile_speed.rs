//! Measures how long definitions take to compile: `cargo run --release --example compile_speed -- FILE…`.
// An example may read files and the clock.
#![allow(clippy::disallowed_methods)]

use std::time::Instant;

use stepwell_asl::{Format, Options, compile, syntax};

/// How often each file is compiled.
const ROUNDS: u32 = 5_000;

fn main() {
    for file in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        // Any text will do for placeholders that stand for resources or names.
        let text = syntax::fill(&text, |_| Some("arn:aws:lambda:us-east-1:123456789012:function:f")).text;
        let format = Format::of_file(&file);
        let n_states = compile(&text, format, &Options::default()).program.map_or(0, |program| program.states_count());
        let compiling = time(|| compile(&text, format, &Options::default()).is_valid());
        let reading = time(|| syntax::parse(&text, format).is_ok());
        println!("{file}: {n_states} states, {} bytes, {compiling:.1} µs, of which reading {reading:.1}", text.len());
    }
}

/// Microseconds of one round.
fn time(mut round: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(round());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}
