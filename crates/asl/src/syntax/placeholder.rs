//! Placeholders `${Name}` of definitions that a deployment tool fills in.

use std::fmt;

use super::Span;

/// A `${Name}` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// What stands between the braces.
    pub name: String,
    /// Where it stands, from `$` to `}`.
    pub span: Span,
}

/// A text whose placeholders have been filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text with the values.
    pub text: String,
    /// Placeholders that no value was given for; they stand in the text as they were.
    pub missing: Vec<Placeholder>,
    /// What became what, in the order of the text.
    replaced: Vec<(Span, Span)>,
}

/// Placeholders are left without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfilled {
    names: Vec<String>,
}

impl Unfilled {
    /// Their names, each once, in the order of the text.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let placeholders: Vec<_> = self.names.iter().map(|name| format!("${{{name}}}")).collect();
        match placeholders.len() {
            1 => write!(f, "the placeholder {} has no value", placeholders[0]),
            n => write!(f, "{n} placeholders have no value: {}", placeholders.join(", ")),
        }
    }
}

impl std::error::Error for Unfilled {}

/// Longest name of a placeholder, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Finds the placeholders of a definition.
///
/// A name has letters, digits, `_`, `.`, `:` and `-` and starts with a letter or `_`, so that neither `${}` in a
/// format string nor an object constructor of JSONata is taken for one.
pub fn placeholders(text: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut offset = 0;
    while let Some(start) = text[offset..].find("${").map(|start| offset + start) {
        offset = start + 2;
        let name = text[offset..].bytes().take(NAME_BYTES_MAX + 1).take_while(|byte| is_name_byte(*byte)).count();
        let end = offset + name;
        let starts_well = text[offset..].starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if starts_well && text[end..].starts_with('}') {
            found.push(Placeholder { name: text[offset..end].to_owned(), span: Span::new(start, end + 1) });
            offset = end + 1;
        }
    }
    found
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
}

/// Puts values in the place of placeholders, as text, the way CloudFormation's `DefinitionSubstitutions` do: what
/// a value means depends on where it lands.
///
/// `"Resource": "${Function}"` becomes a string, `Seconds: ${Delay}` in YAML a number, and a value with a quote in it
/// ends a JSON string. Values are not searched for placeholders again.
pub fn fill<'v>(text: &str, value_of: impl Fn(&str) -> Option<&'v str>) -> Filled {
    let mut filled = Filled { text: String::with_capacity(text.len()), missing: Vec::new(), replaced: Vec::new() };
    let mut copied = 0;
    for placeholder in placeholders(text) {
        let Some(value) = value_of(&placeholder.name) else {
            filled.missing.push(placeholder);
            continue;
        };
        filled.text.push_str(&text[copied..placeholder.span.start as usize]);
        let start = filled.text.len();
        filled.text.push_str(value);
        filled.replaced.push((placeholder.span, Span::new(start, filled.text.len())));
        copied = placeholder.span.end as usize;
    }
    filled.text.push_str(&text[copied..]);
    filled
}

impl Filled {
    /// Nothing is missing.
    ///
    /// # Errors
    /// Names the placeholders that have no value.
    pub fn complete(&self) -> Result<(), Unfilled> {
        let mut names: Vec<String> = Vec::new();
        for placeholder in &self.missing {
            if !names.contains(&placeholder.name) {
                names.push(placeholder.name.clone());
            }
        }
        if names.is_empty() { Ok(()) } else { Err(Unfilled { names }) }
    }

    /// Where a piece of the filled text stood in the original; a piece of a value stands for its placeholder.
    pub fn original(&self, span: Span) -> Span {
        Span { start: self.original_offset(span.start, false), end: self.original_offset(span.end, true) }
    }

    fn original_offset(&self, offset: u32, is_end: bool) -> u32 {
        let before =
            self.replaced.partition_point(|(_, filled)| filled.start < offset || !is_end && filled.start == offset);
        match before.checked_sub(1).map(|last| self.replaced[last]) {
            None => offset,
            Some((original, filled)) if offset < filled.end => {
                if is_end {
                    original.end
                } else {
                    original.start
                }
            }
            Some((original, filled)) if is_end && offset == filled.end => original.end,
            Some((original, filled)) => original.end + (offset - filled.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_where_they_stand() {
        let text = "a ${X} ${AWS::Region} ${A.Arn} ${} ${1} ${a b} ${open $${Y}";
        let found: Vec<_> = placeholders(text).into_iter().map(|found| found.name).collect();
        assert_eq!(found, ["X", "AWS::Region", "A.Arn", "Y"]);
        assert_eq!(placeholders(text)[0].span, Span::new(2, 6));
    }

    #[test]
    fn values_are_put_in_as_text_and_what_is_missing_is_named() {
        let text = r#"{"a": "${A}-${B}", "n": ${N}, "b": "${B}", "c": "${C}"}"#;
        let filled = fill(text, |name| match name {
            "A" => Some("${B}"),
            "N" => Some("7"),
            _ => None,
        });
        assert_eq!(filled.text, r#"{"a": "${B}-${B}", "n": 7, "b": "${B}", "c": "${C}"}"#);
        assert_eq!(filled.complete().unwrap_err().to_string(), "2 placeholders have no value: ${B}, ${C}");
        assert_eq!(fill("${C}", |_| None).complete().unwrap_err().to_string(), "the placeholder ${C} has no value");
    }

    #[test]
    fn places_in_the_filled_text_lead_back_to_the_original() {
        let text = "ab${X}cd${Y}ef";
        let filled = fill(text, |name| Some(if name == "X" { "12345678" } else { "" }));
        assert_eq!(filled.text, "ab12345678cdef");
        let back = |start: usize, end: usize| {
            let span = filled.original(Span::new(start, end));
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(back(0, 2), "ab");
        assert_eq!(back(2, 10), "${X}");
        assert_eq!(back(4, 5), "${X}");
        assert_eq!(back(10, 12), "cd");
        assert_eq!(back(1, 11), "b${X}c");
        assert_eq!(back(13, 14), "f");
    }
}
