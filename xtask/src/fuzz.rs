//! Fuzzing: builds `fuzz/` and lets it run.

use std::process::Command;
use std::time::Duration;

use crate::Done;
use crate::command::{PROFILE, built, cargo, root, tests};

/// How long a target runs unless told.
const TIME: Duration = Duration::from_secs(60);

/// What to fuzz and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// One target; none: all.
    pub(crate) target: Option<String>,
    /// For each target.
    pub(crate) time: Option<Duration>,
    /// None: another one each time; it is printed.
    pub(crate) seed: Option<u64>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64, String> {
                let text = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
                text.parse().map_err(|_| format!("{argument} needs a number, not {text}"))
            };
            match argument.as_str() {
                "--minutes" => options.time = Some(Duration::from_secs(number()?.saturating_mul(60))),
                "--seconds" => options.time = Some(Duration::from_secs(number()?)),
                "--seed" => options.seed = Some(number()?),
                target if !target.starts_with('-') && options.target.is_none() => {
                    options.target = Some(target.to_owned());
                }
                other => return Err(format!("unexpected argument {other}")),
            }
        }
        Ok(options)
    }
}

/// Builds the fuzzer and runs targets on random inputs.
pub(crate) fn build_and_run(options: &Options) -> Done {
    let status = cargo(["build", "--quiet", "--package", "stepwell-fuzz", "--profile", PROFILE]).status();
    match status {
        Ok(status) if status.success() => run(options),
        _ => Err("stepwell-fuzz does not build".to_owned()),
    }
}

/// Runs targets on random inputs, with the fuzzer that is there.
pub(crate) fn run(options: &Options) -> Done {
    let mut command = Command::new(built("stepwell-fuzz"));
    command.current_dir(root()).args(["run", options.target.as_deref().unwrap_or("all"), "--seconds"]);
    command.arg(options.time.unwrap_or(TIME).as_secs().to_string());
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    tests("fuzz", &mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_with_time_and_seed_is_understood() {
        let arguments = ["jsonpath", "--minutes", "2", "--seed", "7"].map(str::to_owned);
        let options = Options { target: Some("jsonpath".into()), time: Some(Duration::from_secs(120)), seed: Some(7) };
        assert_eq!(Options::parse(&arguments), Ok(options));
        assert!(Options::parse(&["--minutes".to_owned()]).is_err());
        assert!(Options::parse(&["a".to_owned(), "b".to_owned()]).is_err());
    }
}
