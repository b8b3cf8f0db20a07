//! Values as YAML that every reader takes for the same values: those of YAML 1.1, such as CloudFormation's, and of 1.2.

use std::fmt::Write;

use stepwell_value::Value;

/// The value as one YAML document, by blocks, with two blanks a level.
///
/// Strings stand plain where nothing else can be read into them, as literal blocks where they are program text, and in
/// quotes otherwise; no line is folded.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write_block(value, 0, &mut out);
    out
}

/// Writes the value, whose first line stands at this column already; the others are indented to it.
fn write_block(value: &Value, column: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (n, (key, member)) in members.iter().enumerate() {
                if n > 0 {
                    indent(column, out);
                }
                write_key(key, column, out);
                if is_block(member) {
                    out.push('\n');
                    indent(column + 2, out);
                    write_block(member, column + 2, out);
                } else {
                    out.push(' ');
                    write_scalar(member, column + 2, out);
                    out.push('\n');
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    indent(column, out);
                }
                out.push_str("- ");
                if is_block(item) {
                    write_block(item, column + 2, out);
                } else {
                    write_scalar(item, column + 2, out);
                    out.push('\n');
                }
            }
        }
        scalar => {
            write_scalar(scalar, 2, out);
            out.push('\n');
        }
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn indent(columns: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', columns));
}

/// A key and its colon.
fn write_key(key: &str, column: usize, out: &mut String) {
    let start = out.len();
    write_string(key, out);
    if out.len() - start > KEY_BYTES_MAX {
        out.insert_str(start, "? ");
        out.push('\n');
        indent(column, out);
    }
    out.push(':');
}

/// YAML lets a key stand before its colon if it has at most 1,024 characters; a longer one is announced.
const KEY_BYTES_MAX: usize = 1_000;

/// Writes what takes no block of members or items; the lines of a literal are indented to this column.
fn write_scalar(value: &Value, column: usize, out: &mut String) {
    match value {
        Value::Str(text) if is_literal(text) => write_literal(text, column, out),
        Value::Str(text) => write_string(text, out),
        Value::Int(_) | Value::Float(_) | Value::Number(_) => write_number(&value.to_string(), out),
        // `null`, `true`, `false`, `[]`, `{}` are the same in both languages.
        other => other.write_to(out),
    }
}

/// In YAML 1.1 a number with an exponent has a fraction, and the exponent a sign: `1e3` is a string there.
fn write_number(json: &str, out: &mut String) {
    let Some((mantissa, exponent)) = json.split_once(['e', 'E']) else {
        out.push_str(json);
        return;
    };
    out.push_str(mantissa);
    if !mantissa.contains('.') {
        out.push_str(".0");
    }
    out.push('e');
    if !exponent.starts_with(['+', '-']) {
        out.push('+');
    }
    out.push_str(exponent);
}

fn write_string(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        write_escaped(text, out);
    }
}

/// Whether nothing but a string can be read into the text when it stands without quotes.
///
/// It begins with a letter or a slash, so it is no number, date or time, nor does it begin with an indicator of YAML.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " _-./:+@=".contains(c);
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(allowed)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What some reader takes for a truth value, for nothing, or for a number.
const WORDS: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];

/// Whether the character stands for itself inside quotes: no control, no line break, nothing invisible at the edge.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => c > '\u{a0}',
    }
}

/// Whether the text is of several lines that a literal block keeps as they are.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.split('\n').all(|line| !line.ends_with(' ') && line.chars().all(is_printable))
}

fn write_literal(text: &str, column: usize, out: &mut String) {
    let body = text.strip_suffix('\n');
    // `|-`: the block's last line has no line break.
    out.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(column, out);
            out.push_str(line);
        }
    }
}

fn write_escaped(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            // None of them is beyond U+FFFF.
            c => write!(out, "\\u{:04X}", u32::from(c)).expect("a string takes all that is written"),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::to_yaml;

    fn yaml(json: &str) -> String {
        to_yaml(&stepwell_value::parse(json).expect("it is JSON"))
    }

    #[test]
    fn members_and_items_are_indented_by_two_blanks() {
        let text = yaml(r#"{"a":{"b":[1,{"c":[],"d":{}},[true,[null]]]},"e":2.5}"#);
        assert_eq!(text, "a:\n  b:\n    - 1\n    - c: []\n      d: {}\n    - - true\n      - - null\ne: 2.5\n");
    }

    #[test]
    fn strings_stand_plain_where_every_reader_reads_them_as_strings() {
        for plain in ["AWS::IAM::Role", "lambda:InvokeFunction", "nope", "Step 1", "/aws/logs", "a@b.c", "x=1"] {
            assert_eq!(yaml(&format!("[{plain:?}]")), format!("- {plain}\n"));
        }
    }

    #[test]
    fn strings_are_quoted_where_a_reader_could_read_something_else() {
        let others = [
            "",
            " a",
            "a ",
            "yes",
            "NO",
            "y",
            "On",
            "off",
            "True",
            "null",
            "~",
            "012",
            "12",
            "1e3",
            "0x1F",
            ".5",
            "-1",
            "+1",
            "190:20:30",
            "2012-10-17",
            ".nan",
            "<<",
            "=",
            "*",
            "&a",
            "!a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "- a",
            "[a]",
            "{a}",
            "a, b",
            "%a",
            "@a",
            "`a`",
            "|",
            ">",
            "? a",
            "---",
            "...",
            "it's",
            "\"",
            "$.a",
            "{% a %}",
        ];
        for text in others {
            assert_eq!(
                to_yaml(&[text].into_iter().map(stepwell_value::Value::from).collect()),
                format!("- '{}'\n", text.replace('\'', "''"))
            );
        }
        assert_eq!(
            yaml(r#"["tab\there", "\u0085\u00A0\uFEFF", "a\r\n", "\n"]"#),
            concat!("- \"tab\\there\"\n", "- \"\\u0085\\u00A0\\uFEFF\"\n", "- \"a\\r\\n\"\n", "- \"\\n\"\n",)
        );
    }

    #[test]
    fn program_text_is_a_literal_block() {
        assert_eq!(
            yaml(r#"{"Code":{"ZipFile":"function f() {\n  # not a comment\n\n}\n"},"B":["x\ny"]}"#),
            "Code:\n  ZipFile: |\n    function f() {\n      # not a comment\n\n    }\nB:\n  - |-\n    x\n    y\n"
        );
        // What a block does not keep as it is.
        for text in [" x\ny", "\nx", "x \ny", "x\n\n", "x\n\ty"] {
            let text = to_yaml(&[text].into_iter().map(stepwell_value::Value::from).collect());
            assert!(text.starts_with("- \""), "{text}");
        }
    }

    #[test]
    fn numbers_with_exponents_are_numbers_for_old_readers_too() {
        assert_eq!(yaml("[1e3, 1E-7, 2.5e10, -1, 0.5]"), "- 1.0e+3\n- 1.0e-7\n- 2.5e+10\n- -1\n- 0.5\n");
    }

    #[test]
    fn a_key_of_any_length_is_a_key() {
        let key = "k".repeat(2_000);
        assert_eq!(yaml(&format!("{{\"{key}\":[1],\"yes\":2}}")), format!("? {key}\n:\n  - 1\n'yes': 2\n"));
    }
}
