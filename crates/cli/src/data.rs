//! What flags bring along: JSON from the command line, a file or standard input, and `NAME=…` pairs.

use std::fs;
use std::io;
use std::path::Path;

use stepwell_value::{Value, parse};

use crate::failure::Failure;

/// A text and what to call it in messages.
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) content: String,
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &str) -> Result<Text, Failure> {
    let (name, content) = match path {
        "-" => ("<stdin>", io::read_to_string(io::stdin().lock())),
        path => (path, fs::read_to_string(path)),
    };
    match content {
        Ok(content) => Ok(Text { name: name.to_owned(), content: without_mark(content) }),
        Err(error) => Err(Failure::unreadable(Path::new(name), &error)),
    }
}

/// Editors on Windows put a byte order mark in front.
fn without_mark(content: String) -> String {
    match content.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => content,
    }
}

/// Reads `JSON`, `@FILE` or `-` of a flag.
pub(crate) fn argument(flag: &str, given: &str) -> Result<Text, Failure> {
    match given.strip_prefix('@') {
        Some(file) => read(file),
        None if given == "-" => read("-"),
        None => Ok(Text { name: flag.to_owned(), content: given.to_owned() }),
    }
}

/// Parses a text as JSON.
pub(crate) fn json(text: &Text) -> Result<Value, Failure> {
    parse(&text.content).map_err(|error| {
        Failure::usage(format!("{} is no JSON: {}", text.name, error.kind)).at(
            &text.name,
            &text.content,
            error.line,
            error.column,
        )
    })
}

/// Splits `NAME=VALUE` at its first `=`.
pub(crate) fn pair<'a>(flag: &str, given: &'a str) -> Result<(&'a str, &'a str), Failure> {
    match given.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(Failure::usage(format!("{flag} {given}: write NAME=VALUE"))),
    }
}
