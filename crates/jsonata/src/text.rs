//! Text: JSON as `$string` writes it, and order by UTF-16 units.

use std::cmp::Ordering;

use stepwell_value::{Value, js_number_text, write_string};

use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::{Item, View};

/// How much of a value an error message shows.
const ERROR_VALUE_BYTES_MAX: usize = 64 * 1024;

impl<'v> Evaluator<'v> {
    /// Appends what `$string` makes of an item; nothing for undefined.
    pub(crate) fn append_text(&mut self, item: &Item<'v>, out: &mut String) -> Run<()> {
        match item {
            Item::Undefined => Ok(()),
            item if item.is_function() => Ok(()),
            item => {
                if let Some(text) = item.as_str() {
                    self.charge_text(text)?;
                    out.push_str(text);
                    return Ok(());
                }
                if item.as_number().is_some_and(|number| !number.is_finite()) {
                    return Error::new("D3001").boxed();
                }
                self.append_json(item, false, out)
            }
        }
    }

    /// Appends the JSON text of an item, with numbers to 15 digits.
    pub(crate) fn append_json(&mut self, item: &Item<'v>, pretty: bool, out: &mut String) -> Run<()> {
        let mut charged = out.len();
        self.write_json(crate::eval::context(item).view(), pretty.then_some(0), out, &mut charged)?;
        self.charge((out.len() - charged) as u64)
    }

    fn write_json(
        &mut self,
        view: View<'_, 'v>,
        indent: Option<usize>,
        out: &mut String,
        charged: &mut usize,
    ) -> Run<()> {
        self.tick(1)?;
        if out.len() - *charged > 4096 {
            self.charge((out.len() - *charged) as u64)?;
            *charged = out.len();
        }
        match view {
            View::Undefined => out.push_str("null"),
            View::Function => out.push_str("\"\""),
            View::Int(int) => push_int(int, out),
            View::Value(Value::Int(int)) => push_int(*int, out),
            View::Value(Value::Str(text)) => write_string(text, out),
            View::Value(Value::Null) => out.push_str("null"),
            View::Value(Value::Bool(bool)) => out.push_str(if *bool { "true" } else { "false" }),
            View::Value(value @ (Value::Float(_) | Value::Number(_))) => {
                let number = value.as_f64().unwrap_or(0.0);
                if number.is_infinite() {
                    return Error::new("D1001").insert("value", "null").boxed();
                }
                push_number(number, out);
            }
            view if view.array_len().is_some() => {
                let len = view.array_len().unwrap_or(0);
                self.check_stack()?;
                out.push('[');
                let inner = indent.map(|indent| indent + 2);
                for index in 0..len {
                    separate(index, inner, out);
                    self.write_json(view.item(index), inner, out, charged)?;
                }
                close(len, indent, out);
                out.push(']');
            }
            view => {
                let len = view.object_len().unwrap_or(0);
                self.check_stack()?;
                out.push('{');
                let inner = indent.map(|indent| indent + 2);
                let mut n_written = 0;
                for index in 0..len {
                    let Some((key, value)) = view.entry(index) else { continue };
                    if matches!(value, View::Undefined) {
                        continue;
                    }
                    separate(n_written, inner, out);
                    n_written += 1;
                    write_string(key, out);
                    out.push_str(if inner.is_some() { ": " } else { ":" });
                    self.write_json(value, inner, out, charged)?;
                }
                close(n_written, indent, out);
                out.push('}');
            }
        }
        Ok(())
    }
}

fn separate(index: usize, indent: Option<usize>, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    new_line(indent, out);
}

fn close(len: usize, indent: Option<usize>, out: &mut String) {
    if len > 0 {
        new_line(indent, out);
    }
}

fn new_line(indent: Option<usize>, out: &mut String) {
    if let Some(indent) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn push_int(int: i64, out: &mut String) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push('-');
    }
    out.extend(digits[at..].iter().map(|digit| *digit as char));
}

/// A number as `JSON.stringify(Number(x.toPrecision(15)))` writes it; integers keep all digits.
pub(crate) fn push_number(number: f64, out: &mut String) {
    if number.is_nan() {
        return out.push_str("null");
    }
    let text = js_number_text(number);
    let n_digits = text.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if n_digits <= 15 || number.fract() == 0.0 {
        return out.push_str(&text);
    }
    out.push_str(&js_number_text(to_15_digits(number)));
}

/// `Number(x.toPrecision(15))`.
pub(crate) fn to_15_digits(number: f64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let rounded = format!("{number:.14e}");
    // Rust rounds an exact half to even, JavaScript away from zero.
    let exact = format!("{number:.40e}");
    let (digits, exponent) = exact.split_once('e').expect("written with an exponent");
    let fraction = digits.trim_start_matches('-').split_once('.').map_or("", |(_, fraction)| fraction);
    let is_half = fraction.as_bytes()[14] == b'5' && fraction.bytes().skip(15).all(|digit| digit == b'0');
    if is_half {
        // One unit further in the next digit decides it.
        let further = format!("{}6e{exponent}", &digits[..digits.len() - fraction.len() + 14]);
        if let Ok(further) = further.parse::<f64>() {
            return format!("{further:.14e}").parse().unwrap_or(number);
        }
    }
    rounded.parse().unwrap_or(number)
}

/// JSON for an error message; long values are cut.
pub(crate) fn for_error(view: View<'_, '_>) -> String {
    let mut out = String::new();
    write_for_error(view, &mut out);
    out
}

fn write_for_error(view: View<'_, '_>, out: &mut String) {
    if out.len() > ERROR_VALUE_BYTES_MAX {
        return;
    }
    match view {
        View::Undefined | View::Function => out.push_str("undefined"),
        View::Int(int) => push_int(int, out),
        View::Value(Value::Float(number)) if !number.is_finite() => out.push_str("null"),
        View::Value(value) if !matches!(value, Value::Array(_) | Value::Object(_)) => value.write_to(out),
        view => {
            if let Some(len) = view.array_len() {
                out.push('[');
                for index in 0..len {
                    if index > 0 {
                        out.push(',');
                    }
                    match view.item(index) {
                        View::Undefined | View::Function => out.push_str("null"),
                        view => write_for_error(view, out),
                    }
                    if out.len() > ERROR_VALUE_BYTES_MAX {
                        return;
                    }
                }
                out.push(']');
                return;
            }
            out.push('{');
            let mut first = true;
            for index in 0..view.object_len().unwrap_or(0) {
                let Some((key, value)) = view.entry(index) else { continue };
                if matches!(value, View::Undefined | View::Function) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_for_error(value, out);
                if out.len() > ERROR_VALUE_BYTES_MAX {
                    return;
                }
            }
            out.push('}');
        }
    }
}

/// AWS: numbers that are not finite leave an evaluation as strings, inside containers too.
pub(crate) fn with_infinity_as_text(value: Value) -> Value {
    if is_finite_throughout(&value) {
        return value;
    }
    match value {
        Value::Float(number) => Value::string(js_number_text(number)),
        Value::Array(array) => array.into_vec().into_iter().map(with_infinity_as_text).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), with_infinity_as_text(value.clone()))).collect()
        }
        value => value,
    }
}

fn is_finite_throughout(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::Array(array) => array.iter().all(is_finite_throughout),
        Value::Object(object) => object.values().all(is_finite_throughout),
        _ => true,
    }
}

/// Order by UTF-16 units, as JavaScript and Java compare strings.
pub(crate) fn compare_utf16(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let n_equal = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    match (a.get(n_equal), b.get(n_equal)) {
        (Some(a), Some(b)) => {
            // Surrogates (lead bytes from F0) come before U+E000 to U+FFFF (lead bytes EE and EF).
            let is_high = |byte: u8| matches!(byte, 0xee | 0xef);
            if (is_high(*a) && *b >= 0xf0) || (*a >= 0xf0 && is_high(*b)) { b.cmp(a) } else { a.cmp(b) }
        }
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_to_15_digits() {
        let text = |number: f64| {
            let mut out = String::new();
            push_number(number, &mut out);
            out
        };
        assert_eq!(text(0.1 + 0.2), "0.3");
        assert_eq!(text(110.45), "110.45");
        assert_eq!(text(1_234_567_890_123.125), "1234567890123.13");
        assert_eq!(text(5_890_840_712_243_076.0), "5890840712243076");
        assert_eq!(text(1e21), "1e+21");
    }

    #[test]
    fn strings_are_ordered_by_utf16_units() {
        assert_eq!(compare_utf16("\u{ffff}", "\u{10000}"), Ordering::Greater);
        assert_eq!(compare_utf16("a", "ab"), Ordering::Less);
        assert_eq!(compare_utf16("é", "z"), Ordering::Greater);
    }
}
