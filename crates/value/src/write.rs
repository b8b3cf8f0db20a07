//! Values to JSON text: compact as AWS writes it, or indented for people.

use crate::{Value, number};

/// Appends the compact JSON text of `value`.
pub fn write_compact(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(int) => write_int(*int, out),
        Value::Float(float) => write_float(*float, out),
        Value::Number(decimal) => out.push_str(decimal.text()),
        Value::Str(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_compact(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (n, (key, member)) in members.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_compact(member, out);
            }
            out.push('}');
        }
    }
}

/// Appends the JSON text of `value`, indented by two blanks a level.
pub fn write_pretty(value: &Value, out: &mut String) {
    pretty(value, 0, out);
}

fn pretty(value: &Value, level: usize, out: &mut String) {
    let line = |level: usize, out: &mut String| {
        out.push('\n');
        (0..level).for_each(|_| out.push_str("  "));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                line(level + 1, out);
                pretty(item, level + 1, out);
            }
            line(level, out);
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (n, (key, member)) in members.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                line(level + 1, out);
                write_string(key, out);
                out.push_str(": ");
                pretty(member, level + 1, out);
            }
            line(level, out);
            out.push('}');
        }
        _ => write_compact(value, out),
    }
}

/// Appends `text` as a JSON string, with no more escapes than JSON demands.
pub fn write_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut plain_start = 0;
    for (offset, byte) in text.bytes().enumerate() {
        let width = ESCAPED_WIDTH[usize::from(byte)];
        if width == 1 {
            continue;
        }
        out.push_str(&text[plain_start..offset]);
        plain_start = offset + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
    }
    out.push_str(&text[plain_start..]);
    out.push('"');
}

/// Bytes that each byte of a string takes in JSON text.
static ESCAPED_WIDTH: [u8; 256] = {
    let mut width = [1; 256];
    let mut byte = 0;
    while byte < 0x20 {
        width[byte] = 6;
        byte += 1;
    }
    let short = [b'"', b'\\', 0x08, 0x0c, b'\n', b'\r', b'\t'];
    let mut n = 0;
    while n < short.len() {
        width[short[n] as usize] = 2;
        n += 1;
    }
    width
};

/// Length of what [`write_compact`] appends.
pub(crate) fn compact_len(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Int(int) => {
            int.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1) + usize::from(*int < 0)
        }
        Value::Float(float) => {
            let mut text = String::with_capacity(24);
            write_float(*float, &mut text);
            text.len()
        }
        Value::Number(decimal) => decimal.text().len(),
        Value::Str(text) => string_len(text),
        Value::Array(items) => 2 + items.len().saturating_sub(1) + items.iter().map(compact_len).sum::<usize>(),
        Value::Object(members) => {
            let separators = 2 + members.len().saturating_sub(1) + members.len();
            separators + members.iter().map(|(key, member)| string_len(key) + compact_len(member)).sum::<usize>()
        }
    }
}

fn string_len(text: &str) -> usize {
    2 + text.bytes().map(|byte| usize::from(ESCAPED_WIDTH[usize::from(byte)])).sum::<usize>()
}

fn write_int(int: i64, out: &mut String) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

fn write_float(float: f64, out: &mut String) {
    if float.is_finite() {
        number::write_js_number(float, out);
    } else {
        // JSON has no such number; AWS writes the name as a string.
        out.push('"');
        number::write_js_number(float, out);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_little_as_json_allows() {
        let mut out = String::new();
        write_string("a\"b\\c\n\u{1}\u{1f}é😀/", &mut out);
        assert_eq!(out, r#""a\"b\\c\n\u0001\u001Fé😀/""#);
    }

    #[test]
    fn pretty_text_is_indented_and_keeps_empty_containers_short() {
        let mut out = String::new();
        write_pretty(&crate::parse(r#"{"a":[1,{"b":[]}],"c":{}}"#).unwrap(), &mut out);
        assert_eq!(out, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
    }
}
