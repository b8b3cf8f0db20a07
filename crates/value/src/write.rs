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
    while let Some(plain) = plain_len(&text.as_bytes()[plain_start..]) {
        let offset = plain_start + plain;
        out.push_str(&text[plain_start..offset]);
        plain_start = offset + 1;
        match text.as_bytes()[offset] {
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

/// How many bytes there are before the first that JSON wants escaped; none when there is no such byte.
fn plain_len(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let is_plain = |word: &[u8; 8]| !has_escaped(u64::from_ne_bytes(*word));
    let n_plain = words.iter().position(|word| !is_plain(word)).unwrap_or(words.len()) * 8;
    let tail = if n_plain < words.len() * 8 { &text[n_plain..] } else { rest };
    tail.iter().position(|byte| ESCAPED_WIDTH[usize::from(*byte)] > 1).map(|position| n_plain + position)
}

/// Whether one of eight bytes is a control character, a quotation mark or a backslash.
fn has_escaped(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // A byte below `n` borrows from the bit above it; bytes beyond ASCII, which have that bit, do not count.
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & HIGH;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | is(b'"') | is(b'\\') != 0
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
    if plain_len(text.as_bytes()).is_none() {
        return 2 + text.len();
    }
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
    fn what_has_to_be_escaped_is_found_wherever_it_stands() {
        for byte in 0..=255u8 {
            for (length, at) in (1..20).flat_map(|length| (0..length).map(move |at| (length, at))) {
                for beside in [b'x', 0x20, 0x7f, 0x80, 0xff] {
                    let mut text = vec![beside; length];
                    text[at] = byte;
                    let expected = (ESCAPED_WIDTH[usize::from(byte)] > 1).then_some(at);
                    assert_eq!(plain_len(&text), expected, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn pretty_text_is_indented_and_keeps_empty_containers_short() {
        let mut out = String::new();
        write_pretty(&crate::parse(r#"{"a":[1,{"b":[]}],"c":{}}"#).unwrap(), &mut out);
        assert_eq!(out, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
    }
}
