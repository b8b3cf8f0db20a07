//! Amazon States Language: definition text to diagnostics or a compiled program.

mod java;
pub mod jsonpath;
mod scope;

pub use scope::Scope;
