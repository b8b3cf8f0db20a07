//! Amazon States Language: definition text to diagnostics or a compiled program.

pub mod comparison;
mod compile;
pub mod diagnostic;
pub mod intrinsic;
mod java;
pub mod jsonpath;
pub mod program;
mod scope;
pub mod syntax;
pub mod template;
mod validate;

pub use compile::{Compiled, DIAGNOSTICS_MAX, LONE_STATE_NAME, Options, compile, compile_state, compile_tree};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use program::Program;
pub use scope::Scope;
pub use syntax::Format;
pub use validate::variable_references;
