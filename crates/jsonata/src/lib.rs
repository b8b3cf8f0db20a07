//! JSONata as AWS Step Functions runs it.
//!
//! ```
//! use stepwell_jsonata::{Budget, Environment, Host, Outcome, Profile, Program, Variables};
//! use stepwell_value::Value;
//!
//! struct NoHost;
//! impl Host for NoHost {
//!     fn now_ms(&self) -> i64 { 0 }
//!     fn random(&self) -> u64 { 0 }
//!     fn uuid(&self) -> String { String::new() }
//!     fn hash(&self, _algorithm: &str, _data: &[u8]) -> Option<String> { None }
//! }
//!
//! struct States(Value);
//! impl Variables for States {
//!     fn get(&self, name: &str) -> Option<&Value> { (name == "states").then_some(&self.0) }
//! }
//!
//! let program = Program::compile("$states.input.orders[total > 10].id", Profile::aws())?;
//! let states = stepwell_value::parse(r#"{"input": {"orders": [{"id": 1, "total": 5}, {"id": 2, "total": 50}]}}"#)?;
//! let environment = Environment { input: None, variables: &States(states), host: &NoHost };
//! let outcome = program.evaluate(&environment, &mut Budget::aws())?;
//! assert_eq!(outcome, Outcome::Value(Value::Int(2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Pure: no clock, no randomness, no file. [`Program`]s are shared between threads; an evaluation borrows its
//! input and never copies it, and is bounded in depth, time, memory and stack by its [`Budget`].

mod budget;
mod builtin;
mod compile;
mod error;
mod eval;
mod item;
mod java;
mod names;
mod node;
#[allow(unreachable_pub, dead_code, unused_imports)]
mod picture;
mod profile;
mod program;
mod references;
#[allow(unreachable_pub, dead_code, unused_imports)]
mod regex;
mod scope;
mod signature;
mod syntax;
mod text;

pub use budget::{BYTES_AWS, Budget, DEPTH_AWS, FUEL_AWS};
pub use error::{DEPTH, Error, ErrorKind, INTERNAL, MEMORY, TIME};
pub use profile::Profile;
pub use program::{Environment, Host, Outcome, Program, Variables};
pub use references::{Read, References, StatesRead};
