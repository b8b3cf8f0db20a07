//! From text to the tree as written: tokens and the operator precedence parser.

pub(crate) mod parse;
pub(crate) mod token;
pub(crate) mod tree;
