//! jsonata

pub mod picture;
pub mod regex;
