//! Amazon States Language: definition text to diagnostics or a compiled program.

mod scope;

pub use scope::Scope;
