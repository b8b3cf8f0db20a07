//! Amazon States Language: definition text to diagnostics or a compiled program.

pub mod diagnostic;
pub mod program;
mod scope;
pub mod syntax;
pub mod template;

pub use diagnostic::{Code, Diagnostic, Severity};
pub use program::Program;
pub use scope::Scope;
pub use syntax::Format;
