//! From a file on the command line to a compiled program.

use stepwell_asl::program::ExecutionType;
use stepwell_asl::syntax::{Filled, fill, placeholders};
use stepwell_asl::{Compiled, Diagnostic, Format, Options, Program, Severity, compile};
use stepwell_value::{Object, Value};

use crate::data::{self, Text};
use crate::failure::{Exit, Failure};
use crate::text;

/// A definition and what the compiler says about it.
pub(crate) struct Checked {
    pub(crate) text: Text,
    /// Errors first, then warnings; spans refer to the text as it was read.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// There are more than those.
    pub(crate) truncated: bool,
    pub(crate) program: Option<Program>,
    /// The text with its placeholders filled.
    pub(crate) filled: Filled,
}

/// Values for placeholders, from `--set NAME=VALUE`.
pub(crate) struct Settings<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Settings<'a> {
    pub(crate) fn read(given: &'a [String]) -> Result<Settings<'a>, Failure> {
        given.iter().map(|pair| data::pair("--set", pair)).collect::<Result<_, _>>().map(Settings)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    /// A name that stands in no definition, as a sentence.
    pub(crate) fn unused(&self, is_used: impl Fn(&str) -> bool) -> Option<String> {
        let (name, _) = self.0.iter().find(|(name, _)| !is_used(name))?;
        Some(format!("--set {name}: there is no placeholder ${{{name}}}"))
    }

    fn value_of(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// Reads and compiles a definition.
pub(crate) fn check(file: &str, machine_type: ExecutionType, settings: &Settings<'_>) -> Result<Checked, Failure> {
    let text = data::read(file)?;
    let filled = fill(&text.content, |name| settings.value_of(name));
    let Compiled { program, mut diagnostics, truncated } =
        compile(&filled.text, format_of(file, &text.content), &Options { machine_type });
    for diagnostic in &mut diagnostics {
        diagnostic.span = diagnostic.span.map(|span| filled.original(span));
    }
    Ok(Checked { text, diagnostics, truncated, program, filled })
}

/// By the file's name; standard input is JSON when it starts like an object.
fn format_of(file: &str, content: &str) -> Format {
    match file {
        "-" if content.trim_start().starts_with('{') => Format::Json,
        "-" => Format::Yaml,
        _ => Format::of_file(file),
    }
}

impl Checked {
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }

    /// Whether the definition has a placeholder of that name.
    pub(crate) fn has_placeholder(&self, name: &str) -> bool {
        placeholders(&self.text.content).iter().any(|placeholder| placeholder.name == name)
    }

    /// The diagnostics for programs.
    pub(crate) fn to_json(&self) -> Value {
        self.diagnostics.iter().map(|diagnostic| self.diagnostic_json(diagnostic)).collect()
    }

    fn diagnostic_json(&self, diagnostic: &Diagnostic) -> Value {
        let mut object = Object::with_capacity(6);
        object.insert("severity", diagnostic.severity.name().into());
        object.insert("code", diagnostic.code.name().into());
        object.insert("message", diagnostic.message.as_str().into());
        if let Some(location) = &diagnostic.location {
            object.insert("location", location.as_str().into());
        }
        if let Some((line, column)) = diagnostic.line_and_column(&self.text.content) {
            object.insert("line", (line as i64).into());
            object.insert("column", (column as i64).into());
        }
        if let Some(hint) = &diagnostic.hint {
            object.insert("hint", hint.as_str().into());
        }
        object.into()
    }

    /// Placeholders without a value, as a failure that names all of them.
    pub(crate) fn unfilled(&self) -> Result<(), Failure> {
        let Err(unfilled) = self.filled.complete() else { return Ok(()) };
        let mut failure = Failure::new(Exit::Definition, unfilled.to_string());
        for name in unfilled.names() {
            let placeholder = self.filled.missing.iter().find(|missing| missing.name == *name);
            if let Some(placeholder) = placeholder {
                let (line, column) =
                    stepwell_value::line_and_column(&self.text.content, placeholder.span.start as usize);
                failure.more.place.push_str(&text::quoted_line(&self.text.name, &self.text.content, line, column));
            }
        }
        let names: Value = unfilled.names().iter().map(|name| Value::from(name.as_str())).collect();
        failure.more.members.push(("placeholders", names));
        let flags: Vec<String> = unfilled.names().iter().map(|name| format!("--set {name}=VALUE")).collect();
        Err(failure.hint(format!("give each a value: {} {}", text::this_command(), flags.join(" "))))
    }

    /// The program, or all errors as one failure.
    pub(crate) fn into_program(self) -> Result<(Text, Program), Failure> {
        if let Some(program) = self.program {
            return Ok((self.text, program));
        }
        let n = self.errors().count() as u64;
        let mut failure = Failure::new(Exit::Definition, format!("{} has {}", self.text.name, text::count(n, "error")));
        failure.more.members.push(("diagnostics", self.to_json()));
        let pages: Vec<String> =
            self.errors().map(|diagnostic| diagnostic.render(&self.text.name, &self.text.content)).collect();
        let message = format!("{}\n{} is not valid: {}\n", pages.join("\n"), self.text.name, text::count(n, "error"));
        failure.more.page = Some(message);
        Err(failure)
    }
}
