//! What is wrong with a definition: AWS's codes, texts and locations, and what we add for people.

use std::fmt::{self, Write};

use stepwell_value::line_and_column;

use crate::syntax::Span;

/// Something that AWS would report about a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it keeps the definition from being accepted.
    pub severity: Severity,
    /// AWS's code.
    pub code: Code,
    /// AWS's text.
    pub message: String,
    /// AWS's location: a JSON Pointer with brackets for array items, such as `/States/A/Retry[0]`.
    pub location: Option<String>,
    /// The place in the text.
    pub span: Option<Span>,
    /// One sentence of ours, where AWS's text alone does not say what is wrong.
    pub summary: Option<String>,
    /// How to mend it, to be read behind the marked place: `did you mean "Charge"?`
    pub hint: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

impl Severity {
    /// AWS's name: `ERROR` or `WARNING`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What kind of mistake it is, by AWS's code (API reference, ValidateStateMachineDefinitionDiagnostic; the last
        /// four are measured only).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// AWS's name of it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The text is no JSON.
    InvalidJsonDescription = "INVALID_JSON_DESCRIPTION",
    /// There is no definition.
    MissingDescription = "MISSING_DESCRIPTION",
    /// A field, type or value breaks the language's rules.
    SchemaValidationFailed = "SCHEMA_VALIDATION_FAILED",
    /// A resource is not acceptable.
    InvalidResource = "INVALID_RESOURCE",
    /// The machine cannot end.
    MissingEndState = "MISSING_END_STATE",
    /// A transition leads nowhere, or none leads to a state.
    MissingTransitionTarget = "MISSING_TRANSITION_TARGET",
    /// Two states have one name.
    DuplicateStateName = "DUPLICATE_STATE_NAME",
    /// A state's name is too long.
    InvalidStateName = "INVALID_STATE_NAME",
    /// Two Map states have one label.
    DuplicateLabelName = "DUPLICATE_LABEL_NAME",
    /// A label is too long or has a character that it must not have.
    InvalidLabelName = "INVALID_LABEL_NAME",
    /// Containers nested too deep.
    TooDeeplyNested = "TOO_DEEPLY_NESTED",
    /// A value looks like a path, but its key does not end in `.$`.
    NoDollar = "NO_DOLLAR",
    /// A value looks like a path, but the field's name does not end in `Path`.
    NoPath = "NO_PATH",
    /// `Result` of a Pass state is not evaluated.
    PassResultIsStatic = "PASS_RESULT_IS_STATIC",
    /// A variable has a name that the language keeps for itself.
    ReservedVariableName = "RESERVED_VARIABLE_NAME",
    /// A variable's name is no identifier.
    InvalidVariableName = "INVALID_VARIABLE_NAME",
    /// A JSONata expression does not parse.
    InvalidJsonataExpression = "INVALID_JSONATA_EXPRESSION",
    /// A JSONata expression refers to something that it cannot have there.
    UnsupportedJsonataExpression = "UNSUPPORTED_JSONATA_EXPRESSION",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: Code, message: String) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, message, location: None, span: None, summary: None, hint: None }
    }

    /// Line and column (in characters), both from 1, of the place in the text that was compiled.
    pub fn line_and_column(&self, text: &str) -> Option<(usize, usize)> {
        self.span.map(|span| line_and_column(text, span.start as usize))
    }

    /// The diagnostic for people: what, where with the line quoted, what to do, and AWS's words.
    ///
    /// `file` is the name to show; `text` is the text that the spans refer to.
    pub fn render(&self, file: &str, text: &str) -> String {
        let mut page = String::new();
        let kind = if self.severity == Severity::Error { "error" } else { "warning" };
        let headline = self.summary.as_ref().unwrap_or(&self.message);
        let _ = writeln!(page, "{kind}[{}]: {}", self.code, headline.lines().next().unwrap_or_default());
        match self.span {
            Some(span) => quote(&mut page, file, text, span, self.hint.as_deref()),
            None => {
                let _ = writeln!(page, "  --> {file}");
                if let Some(hint) = &self.hint {
                    let _ = writeln!(page, "  = help: {hint}");
                }
            }
        }
        let _ = writeln!(page, "  = AWS says: {self}");
        page
    }
}

impl fmt::Display for Diagnostic {
    /// AWS's text and location, on one line: `Missing 'Next' target: B at /States/A/Next`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.lines().next().unwrap_or_default())?;
        match &self.location {
            // The location of a text that is no JSON repeats that text.
            Some(location) if location.starts_with('/') => write!(f, " at {location}"),
            _ => Ok(()),
        }
    }
}

/// The message of the API's InvalidDefinition error, of one or several errors.
///
/// `'<code>: <message> at <location>[, …]'`; AWS prints `null` for a location that is not there. Warnings are left out.
pub fn aws_message(diagnostics: &[Diagnostic]) -> String {
    let mut message = String::from("Invalid State Machine Definition: '");
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    for (n, diagnostic) in errors.enumerate() {
        let separator = if n > 0 { ", " } else { "" };
        let location = diagnostic.location.as_deref().unwrap_or("null");
        let _ = write!(message, "{separator}{}: {} at {location}", diagnostic.code, diagnostic.message);
    }
    message.push('\'');
    message
}

/// Longest line that is shown, in characters; of longer ones the part around the place.
const SHOWN_CHARS_MAX: usize = 120;

fn quote(page: &mut String, file: &str, text: &str, span: Span, hint: Option<&str>) {
    let (line, column) = line_and_column(text, span.start as usize);
    let content = text.lines().nth(line - 1).unwrap_or_default();
    let chars: Vec<char> = content.chars().collect();
    let length = text.get(span.start as usize..span.end as usize).map_or(1, |piece| piece.chars().count());
    // A place that spans lines is marked up to the end of its first.
    let width = length.min(chars.len().saturating_sub(column - 1)).max(1);
    let first = if chars.len() <= SHOWN_CHARS_MAX { 0 } else { (column - 1).saturating_sub(SHOWN_CHARS_MAX / 3) };
    let shown: String =
        chars.iter().skip(first).take(SHOWN_CHARS_MAX).map(|c| if *c == '\t' { ' ' } else { *c }).collect();
    let width = width.min(SHOWN_CHARS_MAX - (column - 1 - first).min(SHOWN_CHARS_MAX - 1));
    let margin = line.to_string().len() + 3;
    let _ = writeln!(page, "  --> {file}:{line}:{column}");
    let _ = writeln!(page, "{line:>margin$} | {shown}", margin = margin);
    let hint = hint.map(|hint| format!(" {hint}")).unwrap_or_default();
    let _ = writeln!(
        page,
        "{:margin$} | {:indent$}{}{hint}",
        "",
        "",
        "^".repeat(width),
        margin = margin,
        indent = column - 1 - first
    );
}

/// Most names that a mistyped one is compared with.
const CANDIDATES_MAX: usize = 1_000;

/// The candidate that `name` was probably meant to be: few letters differ.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = name.chars().count();
    // Longer texts are no typing mistakes of a name, and comparing them costs the product of their lengths.
    if length > 80 {
        return None;
    }
    let allowed = (length / 3).clamp(1, 4);
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .filter(|candidate| candidate.len() <= 4 * 80 && *candidate != name)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour; the case of letters does not count.
fn distance(a: &str, b: &str) -> usize {
    let [a, b]: [Vec<char>; 2] = [a, b].map(|text| text.chars().flat_map(char::to_lowercase).collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                let swapped: &Vec<usize> = &before_last;
                least = least.min(swapped[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn dangling() -> Diagnostic {
        let mut diagnostic =
            Diagnostic::error(Code::MissingTransitionTarget, "Missing 'Next' target: Chrage".to_owned());
        diagnostic.location = Some("/States/Validate/Next".to_owned());
        diagnostic.span = Some(Span { start: 16, end: 24 });
        diagnostic.summary = Some("Next points to a state that does not exist".to_owned());
        diagnostic.hint = Some("did you mean \"Charge\"?".to_owned());
        diagnostic
    }

    #[test]
    fn people_see_the_line_and_what_to_do() {
        let text = "{\n      \"Next\": \"Chrage\",\n}";
        let page = dangling().render("order.asl.json", text);
        expect![[r#"
            error[MISSING_TRANSITION_TARGET]: Next points to a state that does not exist
              --> order.asl.json:2:15
               2 |       "Next": "Chrage",
                 |               ^^^^^^^^ did you mean "Charge"?
              = AWS says: Missing 'Next' target: Chrage at /States/Validate/Next
        "#]]
        .assert_eq(&page);
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let text = format!("{}\"Chrage\"{}", " ".repeat(500), " ".repeat(500));
        let mut diagnostic = dangling();
        diagnostic.span = Some(Span { start: 500, end: 508 });
        let page = diagnostic.render("x", &text);
        assert!(page.lines().all(|line| line.chars().count() < 160), "{page}");
        assert!(page.contains("^^^^^^^^ did you"));
    }

    #[test]
    fn aws_joins_several_and_prints_null_for_no_location() {
        let no_end = Diagnostic::error(Code::MissingEndState, "Workflow has no terminal state".to_owned());
        assert_eq!(
            aws_message(&[dangling(), no_end]),
            "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: Chrage at \
             /States/Validate/Next, MISSING_END_STATE: Workflow has no terminal state at null'"
        );
    }

    #[test]
    fn near_names_are_found() {
        let states = ["Charge", "Ship", "Validate order"];
        assert_eq!(nearest("Chrage", states), Some("Charge"));
        assert_eq!(nearest("charge", states), Some("Charge"));
        assert_eq!(nearest("ValidateOrder", states), Some("Validate order"));
        assert_eq!(nearest("Refund", states), None);
    }
}
