//! Random inputs for everything that reads what users write.
//!
//! An input may be refused, but it must be answered: no panic, no overflow of a small stack, no endless work, no
//! broken promise. `run` makes inputs out of the corpora and built-in seeds, all of them a function of seed and number,
//! and writes what it finds to `findings/`; `replay` checks that none of it happens again.
#![allow(clippy::disallowed_methods)] // A tool for developers: it reads files, the clock and the environment.

mod corpus;
mod findings;
mod generate;
mod json_mutate;
mod mutate;
mod random;
mod supervise;
mod targets;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use stepwell_value::Value;
use targets::{TARGETS, Target};

const HELP: &str = "\
stepwell-fuzz run TARGET|all [--seconds S] [--seed N]   random inputs; what is found goes to fuzz/findings/TARGET/
stepwell-fuzz replay                                    runs all that was found before
stepwell-fuzz show TARGET --seed N --number I           prints one input
stepwell-fuzz inputs TARGET --seed N --number COUNT     prints inputs as {\"expr\", \"input\"}, one per line
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("stepwell-fuzz: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn command(arguments: &[String]) -> Result<ExitCode, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", target, ref rest @ ..] => {
            let options = Options::parse(rest)?;
            let targets = match target {
                "all" => TARGETS.iter().collect(),
                name => vec![named(name)?],
            };
            Ok(supervise::run(&targets, options.seconds, options.seed))
        }
        ["replay"] => Ok(supervise::replay()),
        ["show", target, ref rest @ ..] => {
            let options = Options::parse(rest)?;
            let target = named(target)?;
            println!("{}", generate::input(target, &corpus::load(target), options.seed, options.number));
            Ok(ExitCode::SUCCESS)
        }
        ["inputs", target, ref rest @ ..] => {
            let options = Options::parse(rest)?;
            let target = named(target)?;
            let corpus = corpus::load(target);
            for number in 0..options.number {
                let input = generate::input(target, &corpus, options.seed, number);
                let (expression, document) = generate::parts(&input);
                let line: Value = [("expr", Value::from(expression)), ("input", document)].into_iter().collect();
                println!("{line}");
            }
            Ok(ExitCode::SUCCESS)
        }
        // What the supervisor calls itself with.
        ["work", target, state_file, ref rest @ ..] => {
            let options = Options::parse(rest)?;
            work::work(named(target)?, state_file, options.seconds, options.seed, options.number)
        }
        ["one", target, file] => work::one(named(target)?, file),
        _ => Err("what shall I do?".to_owned()),
    }
}

fn named(name: &str) -> Result<&'static Target, String> {
    TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no target {name}; there are {}", names.join(", "))
    })
}

struct Options {
    seconds: Duration,
    seed: u64,
    /// The first input, or how many.
    number: u64,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options { seconds: Duration::from_secs(60), seed: random::new_seed(), number: 0 };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a number", pair[0])) };
            let value: u64 = value.parse().map_err(|_| format!("{name} needs a number, not {value}"))?;
            match *name {
                "--seconds" => options.seconds = Duration::from_secs(value),
                "--seed" => options.seed = value,
                "--number" => options.number = value,
                _ => return Err(format!("unexpected argument {name}")),
            }
        }
        Ok(options)
    }
}
