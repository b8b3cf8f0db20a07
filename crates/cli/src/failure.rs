//! Why a command cannot do its work: exit code, what to say, and what to do next.

use std::fmt::Write;
use std::io;
use std::path::Path;

use stepwell_value::Value;

use crate::text;

/// How a command ends, for whoever called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    Definition = 3,
    NotFound = 5,
    Permission = 6,
    Internal = 70,
}

impl Exit {
    /// All of them, with their meaning.
    pub(crate) const TABLE: &[(Exit, &str)] = &[
        (Exit::Success, "success"),
        (
            Exit::Failed,
            "the execution failed, timed out or was aborted; the expression failed; the server could not start",
        ),
        (Exit::Usage, "wrong usage: flags, input or mocks that cannot be understood"),
        (Exit::Definition, "the definition is not valid"),
        (Exit::NotFound, "a file was not found"),
        (Exit::Permission, "a file may not be read"),
        (Exit::Internal, "internal error: a bug in Stepwell"),
    ];

    /// The error's id in JSON and in `error[…]`.
    fn id(self) -> &'static str {
        match self {
            Exit::Success | Exit::Failed => "FAILED",
            Exit::Usage => "USAGE",
            Exit::Definition => "INVALID_DEFINITION",
            Exit::NotFound => "NOT_FOUND",
            Exit::Permission => "PERMISSION",
            Exit::Internal => "INTERNAL",
        }
    }
}

/// Why a command cannot do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// One sentence, without a full stop.
    pub(crate) message: String,
    /// What stands behind the message; in a box, because results are returned far more often than failures.
    pub(crate) more: Box<More>,
}

/// What a failure says besides its message.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// Where: lines that follow the message.
    pub(crate) place: String,
    /// What to do; a line each.
    pub(crate) hints: Vec<String>,
    /// More members of the error's JSON document.
    pub(crate) members: Vec<(&'static str, Value)>,
    /// The whole text for people, when it is more than one error.
    pub(crate) page: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), more: Box::default() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.more.hints.push(hint.into());
        self
    }

    /// Marks a place in a text: line and column from 1.
    pub(crate) fn at(mut self, name: &str, content: &str, line: usize, column: usize) -> Failure {
        self.more.place.push_str(&text::quoted_line(name, content, line, column));
        self.more.members.push(("file", name.into()));
        self.more.members.push(("line", (line as i64).into()));
        self.more.members.push(("column", (column as i64).into()));
        self
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
        let (exit, why) = match error.kind() {
            io::ErrorKind::NotFound => (Exit::NotFound, "there is no such file".to_owned()),
            io::ErrorKind::PermissionDenied => (Exit::Permission, "it may not be read".to_owned()),
            io::ErrorKind::InvalidData => (Exit::Usage, "it is not UTF-8 text".to_owned()),
            _ => (Exit::Usage, error.to_string()),
        };
        let failure = Failure::new(exit, format!("cannot read {}: {why}", path.display()));
        match text::file_beside(path).filter(|_| exit == Exit::NotFound) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure,
        }
    }

    /// For people.
    pub(crate) fn to_page(&self) -> String {
        if let Some(page) = &self.more.page {
            return page.clone();
        }
        let mut page = format!("error[{}]: {}\n{}", self.exit.id(), self.message, self.more.place);
        for hint in &self.more.hints {
            let _ = writeln!(page, "  = {hint}");
        }
        page
    }

    /// For programs: one document.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = stepwell_value::Object::default();
        error.insert("code", self.exit.id().into());
        error.insert("message", self.message.as_str().into());
        for (name, value) in &self.more.members {
            error.insert(*name, value.clone());
        }
        [("schema", "stepwell.error/1".into()), ("error", error.into())].into_iter().collect()
    }
}
