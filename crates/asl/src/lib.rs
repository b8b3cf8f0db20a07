//! Amazon States Language: definition text to diagnostics or a compiled program.

pub mod comparison;
pub mod intrinsic;
mod java;
pub mod jsonpath;
pub mod program;
mod scope;
pub mod template;

pub use program::Program;
pub use scope::Scope;
