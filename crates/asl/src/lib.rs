//! Amazon States Language: definition text to diagnostics or a compiled program.

pub mod comparison;
pub mod intrinsic;
mod java;
pub mod jsonpath;
mod scope;

pub use scope::Scope;
