//! The compiler and what its programs evaluate, against the corpora, by rule, and with input that means harm.
#![allow(clippy::disallowed_methods, reason = "tests read the corpora and the clock")]

mod choice_operators;
mod diagnostics;
mod hostile;
mod intrinsics;
mod jsonpath;
mod real_world;
mod support;
mod validation_cases;
