//! What shows through of Java: how it writes, orders, rounds, splits and draws.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;

use stepwell_value::{Value, write_compact, write_string};

/// The order of Java's `String.compareTo`: by UTF-16 units.
///
/// It differs from the order of bytes only where a character beyond U+FFFF meets one from U+E000 to U+FFFF.
pub(crate) fn compare_strings(a: &str, b: &str) -> Ordering {
    let Some((first, second)) = a.bytes().zip(b.bytes()).find(|(first, second)| first != second) else {
        return a.len().cmp(&b.len());
    };
    const BEHIND_SURROGATES: u8 = 0xee;
    const BEYOND_16_BITS: u8 = 0xf0;
    let both_high = first >= BEHIND_SURROGATES && second >= BEHIND_SURROGATES;
    match both_high && (first >= BEYOND_16_BITS) != (second >= BEYOND_16_BITS) {
        true => second.cmp(&first),
        false => first.cmp(&second),
    }
}

/// `Math.round`: half up, that is, toward positive infinity; saturating.
pub(crate) fn round(number: f64) -> i64 {
    let floor = number.floor();
    let rounded = if number - floor >= 0.5 { floor + 1.0 } else { floor };
    rounded as i64
}

/// `Double.toString`.
pub(crate) fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let magnitude = number.abs();
    if magnitude.is_infinite() {
        return format!("{sign}Infinity");
    }
    let with_point = |digits: String| if digits.contains('.') { digits } else { digits + ".0" };
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{sign}{}", with_point(magnitude.to_string()));
    }
    let scientific = format!("{magnitude:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    format!("{sign}{}E{exponent}", with_point(mantissa.to_owned()))
}

/// `toString` of Java's maps and lists: `{a=1, b=[x, null]}`; a string without quotes.
pub(crate) fn write_collection(value: &Value, out: &mut String) {
    write_java(value, out, |items, out| {
        out.push('[');
        for (n, item) in items.iter().enumerate() {
            out.push_str(if n > 0 { ", " } else { "" });
            write_collection(item, out);
        }
        out.push(']');
    });
}

/// How Jayway's messages show a value: objects as Java's maps, arrays as JSON.
pub(crate) fn context_text(value: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        write_java_with(value, out, write, |items, out| write_compact(&Value::Array(items.clone()), out));
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write_java(value: &Value, out: &mut String, write_array: fn(&stepwell_value::Array, &mut String)) {
    write_java_with(value, out, write_collection, write_array);
}

fn write_java_with(
    value: &Value,
    out: &mut String,
    write_member: fn(&Value, &mut String),
    write_array: fn(&stepwell_value::Array, &mut String),
) {
    match value {
        Value::Str(text) => out.push_str(text),
        Value::Float(_) | Value::Number(_) => write_number(value, out),
        Value::Array(items) => write_array(items, out),
        Value::Object(object) => {
            out.push('{');
            for (n, (key, member)) in object.iter().enumerate() {
                let _ = write!(out, "{}{key}=", if n > 0 { ", " } else { "" });
                write_member(member, out);
            }
            out.push('}');
        }
        scalar => write_compact(scalar, out),
    }
}

/// A number that is no 64-bit integer: a larger integer digit by digit, as Java's BigInteger is written, anything
/// else as a double.
fn write_number(number: &Value, out: &mut String) {
    let written = number.to_string();
    match written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        true => out.push_str(&written),
        false => out.push_str(&double_text(number.as_f64().unwrap_or_default())),
    }
}

/// The distinct items in the order in which Java's `HashSet`, made from the list, gives them back.
///
/// A set made from a list has room for all of it, so that its table never grows: the order is that of the buckets,
/// and within a bucket the order of insertion. (Java turns a bucket of more than eight into a tree; its order
/// then still follows insertion, but for the tree's root.)
pub(crate) fn hash_set_order(items: &[Value]) -> Vec<Value> {
    let capacity = ((items.len() as f32 / 0.75) as usize + 1).max(16).next_power_of_two();
    let mask = capacity as u32 - 1;
    let mut seen = BTreeSet::new();
    let mut distinct: Vec<(u32, &Value)> = Vec::new();
    for item in items {
        let mut identity = String::new();
        write_identity(item, &mut identity);
        if seen.insert(identity) {
            let hash = hash(item) as u32;
            distinct.push(((hash ^ (hash >> 16)) & mask, item));
        }
    }
    distinct.sort_by_key(|(bucket, _)| *bucket);
    distinct.into_iter().map(|(_, item)| item.clone()).collect()
}

/// `hashCode` of the value that Java holds for a JSON value.
fn hash(value: &Value) -> i32 {
    let fold = |bits: u64| (bits ^ (bits >> 32)) as i32;
    match value {
        Value::Null => 0,
        Value::Bool(bool) => {
            if *bool {
                1231
            } else {
                1237
            }
        }
        Value::Int(int) => i32::try_from(*int).unwrap_or_else(|_| fold(*int as u64)),
        Value::Float(_) | Value::Number(_) => fold(value.as_f64().unwrap_or_default().to_bits()),
        Value::Str(text) => {
            text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
        }
        Value::Array(items) => {
            items.iter().fold(1, |so_far: i32, item| so_far.wrapping_mul(31).wrapping_add(hash(item)))
        }
        Value::Object(object) => object
            .iter()
            .fold(0, |sum: i32, (key, member)| sum.wrapping_add(hash(&Value::Str(key.clone())) ^ hash(member))),
    }
}

/// A text that two values share exactly when Java's `equals` holds them equal: integers and doubles are never
/// equal to each other, and the order of keys has no meaning.
fn write_identity(value: &Value, out: &mut String) {
    match value {
        Value::Float(_) | Value::Number(_) => write_number(value, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_identity(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (key, member) in members {
                write_string(key, out);
                out.push(':');
                write_identity(member, out);
                out.push(',');
            }
            out.push('}');
        }
        scalar => write_compact(scalar, out),
    }
}

/// `StringTokenizer`: every character of `delimiters` separates, and pieces are never empty.
pub(crate) fn tokens<'t>(text: &'t str, delimiters: &'t str) -> impl Iterator<Item = &'t str> {
    let is_delimiter: Box<dyn Fn(char) -> bool + 't> = match delimiters.is_ascii() {
        true => {
            let mut table = [false; 128];
            delimiters.bytes().for_each(|byte| table[usize::from(byte)] = true);
            Box::new(move |character| table.get(character as usize).copied().unwrap_or(false))
        }
        false => {
            let set: BTreeSet<char> = delimiters.chars().collect();
            Box::new(move |character| set.contains(&character))
        }
    };
    text.split(is_delimiter).filter(|piece| !piece.is_empty())
}

/// `java.util.Random`.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    const MULTIPLIER: u64 = 0x5_deec_e66d;
    const MASK: u64 = (1 << 48) - 1;

    pub(crate) fn new(seed: i64) -> Random {
        Random { state: (seed as u64 ^ Random::MULTIPLIER) & Random::MASK }
    }

    /// The next `bits` (at most 32) of the generator.
    fn next(&mut self, bits: u32) -> i32 {
        self.state = self.state.wrapping_mul(Random::MULTIPLIER).wrapping_add(0xb) & Random::MASK;
        (self.state >> (48 - bits)) as i32
    }

    /// `nextInt(bound)`: uniform from 0 up to `bound`, which is positive, not included.
    pub(crate) fn next_int(&mut self, bound: i32) -> i32 {
        let mut bits = self.next(31);
        if bound & bound.wrapping_sub(1) == 0 {
            return ((i64::from(bound) * i64::from(bits)) >> 31) as i32;
        }
        loop {
            let drawn = bits % bound;
            // Java refuses the last, incomplete stretch of the 31 bits, seen by an overflow. The state runs through a
            // full period, so a draw that is accepted comes.
            if bits.checked_sub(drawn).and_then(|start| start.checked_add(bound - 1)).is_some() {
                return drawn;
            }
            bits = self.next(31);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // The vectors are read from a file.

    use super::*;

    #[test]
    fn rounding_follows_the_vectors_of_java() {
        let folder = std::env::var("STEPWELL_SHARED")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
        let Ok(text) = std::fs::read_to_string(format!("{folder}/reference/java-vectors.json")) else {
            return println!("skipped: java-vectors.json is not there");
        };
        let vectors = stepwell_value::parse(&text).unwrap();
        for vector in vectors.get("math_round").unwrap().as_array().unwrap() {
            let (input, expected) = (vector.get("input").unwrap(), vector.get("value").unwrap());
            assert_eq!(Some(round(input.as_f64().unwrap())), expected.as_i64(), "{vector}");
        }
        assert_eq!(round(f64::NAN), 0);
        assert_eq!(round(-1e300), i64::MIN);
    }

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1.5, "1.5"),
            (-8.95, "-8.95"),
            (0.001, "0.001"),
            (0.00099, "9.9E-4"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (123_456_789.5, "1.234567895E8"),
            (1e21, "1.0E21"),
            (5e-324, "5.0E-324"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(double_text(number), text);
        }
    }

    #[test]
    fn values_are_shown_as_jayway_shows_them() {
        let shown = |json: &str| context_text(&stepwell_value::parse(json).unwrap());
        assert_eq!(shown(r#"{"x":1,"y":{"z":[1,2]}}"#), "{x=1, y={z=[1,2]}}");
        assert_eq!(shown(r#"[{"k":1,"v":"a"},"x",8.95]"#), r#"[{"k":1,"v":"a"},"x",8.95]"#);
        assert_eq!(shown(r#""text""#), "text");
        assert_eq!(shown("null"), "null");
        assert_eq!(shown(r#"{"price":8.95,"big":1e2,"t":true}"#), "{price=8.95, big=100.0, t=true}");
        assert_eq!(shown(r#"{"big":18446744073709551616,"x":1.0}"#), "{big=18446744073709551616, x=1.0}");
    }

    #[test]
    fn all_orders_of_units_are_as_in_java() {
        let texts = [
            "",
            "a",
            "ab",
            "b",
            "é",
            "\u{d7ff}",
            "\u{e000}",
            "\u{ffff}",
            "\u{10000}",
            "\u{10ffff}",
            "a\u{10000}",
            "a\u{e000}",
        ];
        for a in texts {
            for b in texts {
                assert_eq!(compare_strings(a, b), a.encode_utf16().cmp(b.encode_utf16()), "{a:?} {b:?}");
            }
        }
    }
}
