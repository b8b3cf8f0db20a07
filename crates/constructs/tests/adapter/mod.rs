//! Reads the neutral input of the corpus and builds it by the public builders; test-only.
//!
//! [`synthesize`] takes a case or a stack and gives the line that the oracle is compared with. It calls what a user
//! calls: a mistake that the types forbid cannot be made here either, and is answered with the compile-fail case that
//! shows it.
#![allow(dead_code, reason = "the example and the test use different parts")]
#![allow(unreachable_pub, missing_docs, reason = "nothing of it leaves the test")]

mod case;
mod conditions;
mod convert;
mod eval;
mod evaluate;
mod failures;
mod flow;
mod grants;
mod machines;
mod refs;
mod stacks;
mod states;
mod tasks;

use std::panic::{AssertUnwindSafe, catch_unwind};

use stepwell_constructs::{BuildErrors, Stage};
use stepwell_value::{Object, Value};

/// Why a case has no answer.
pub enum Stop {
    /// The types forbid it; the name of the compile-fail case that shows it.
    NotExpressible(&'static str),
    /// The library refuses it.
    Refused(BuildErrors),
    /// A value is refused where the CDK refuses it, too, outside any machine.
    Failed { code: String, message: String },
    /// The adapter does not know it.
    Unknown(String),
}

pub type Answer<T> = Result<T, Stop>;

impl From<BuildErrors> for Stop {
    fn from(errors: BuildErrors) -> Stop {
        Stop::Refused(errors)
    }
}

pub fn unknown<T>(what: impl Into<String>) -> Answer<T> {
    Err(Stop::Unknown(what.into()))
}

/// One line for a case or a stack.
pub fn synthesize(input: &Value) -> Value {
    let id = text(input, "id");
    let build = || if input.get("spec").is_some() { stacks::stack(input) } else { case::case(input) };
    // An input that nobody has thought of must not end the run of all others.
    let answer = catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| unknown("the adapter has panicked"));
    let mut line = Object::default();
    line.insert("id", Value::from(id));
    match answer {
        Ok(answer) => {
            line.insert("ok", Value::from(true));
            for (key, value) in answer.iter() {
                line.insert(key.clone(), value.clone());
            }
        }
        Err(stop) => {
            let (code, message) = explain(stop);
            line.insert("ok", Value::from(false));
            line.insert("error", Value::from(message));
            if let Some(code) = code {
                line.insert("errorName", Value::from(code));
            }
        }
    }
    Value::Object(line)
}

fn explain(stop: Stop) -> (Option<String>, String) {
    match stop {
        Stop::NotExpressible(file) => (None, format!("not expressible: {file}")),
        Stop::Unknown(what) => (None, format!("unknown: {what}")),
        Stop::Failed { code, message } => (Some(code), message),
        Stop::Refused(errors) => {
            let first = errors.iter().next().expect("errors have an error");
            if first.stage < Stage::Synthesis {
                return (Some(first.code.to_owned()), first.message.clone());
            }
            let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
            let message = format!("Validation failed with the following errors:\n{}", lines.join("\n"));
            (Some("ValidationFailedWithErrors".to_owned()), message)
        }
    }
}

pub fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
