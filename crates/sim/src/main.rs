//! Lives through worlds: `cargo run --profile checked -p stepwell-sim -- --seed 7 --trace`, or `--seeds 0 10000`.

use std::process::ExitCode;

use stepwell_sim::{Counts, Options, Report, live};

const HELP: &str = "\
--seed N      the world of one seed
--seeds A B   the worlds of the seeds from A to B, without B
--trace       tell what happens
--alone       one node that has all shards for ever, as a single process
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match seeds(&arguments) {
        Ok((seeds, options)) => run(seeds, options),
        Err(message) => {
            eprintln!("stepwell-sim: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn seeds(arguments: &[String]) -> Result<(std::ops::Range<u64>, Options), String> {
    let (mut seeds, mut options) = (0..1, Options::default());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let number = rest.next().ok_or(format!("{argument} needs a number"))?;
            number.parse::<u64>().map_err(|_| format!("{number} is not a number"))
        };
        match argument.as_str() {
            "--seed" => {
                let seed = number()?;
                seeds = seed..seed + 1;
            }
            "--seeds" => seeds = number()?..number()?,
            "--trace" => options.tells = true,
            "--alone" => options.is_alone = true,
            other => return Err(format!("there is no {other}")),
        }
    }
    Ok((seeds, options))
}

fn run(seeds: std::ops::Range<u64>, options: Options) -> ExitCode {
    let (mut faults, mut failed) = (Counts::default(), 0);
    for seed in seeds {
        match live(seed, options) {
            Ok(Report { faults: seen, executions, transitions, events, compared, lasted_ms }) => {
                faults.add(&seen);
                if options.tells {
                    println!(
                        "{executions} executions, {transitions} transitions, {events} events, {compared} histories \
                         compared, {lasted_ms} ms"
                    );
                }
            }
            Err(violation) => {
                failed += 1;
                println!("{violation}");
            }
        }
    }
    println!("{faults}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
