//! Numbers: which form a text gets, and how a double is written.

use std::sync::Arc;

use crate::Value;

/// A number kept as it was written, with the double nearest to it.
#[derive(Debug)]
pub struct Decimal {
    text: Box<str>,
    nearest: f64,
}

impl Decimal {
    /// The number as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The nearest double; infinite beyond the range of doubles.
    pub fn to_f64(&self) -> f64 {
        self.nearest
    }
}

/// The number that `text` writes, if `text` is a JSON number from its first to its last byte.
pub fn number_from_text(text: &str) -> Option<Value> {
    let mut scanner = crate::Scanner::new(text);
    let value = scanner.number().ok()?;
    (scanner.offset() == text.len()).then_some(value)
}

/// The value of a text that is known to be a JSON number. `plain`: neither fraction nor exponent.
pub(crate) fn of_checked_text(text: &str, plain: bool) -> Value {
    if plain {
        // 18 digits always fit; "-0" is not the integer 0.
        if text.len() <= 18 && text != "-0" {
            return Value::Int(small_int(text.as_bytes()));
        }
        if let Ok(int) = text.parse::<i64>()
            && text != "-0"
        {
            return Value::Int(int);
        }
    }
    let nearest: f64 = text.parse().expect("JSON's number grammar is a part of Rust's");
    if prints_back(text, nearest) {
        return Value::Float(nearest);
    }
    Value::Number(Arc::new(Decimal { text: text.into(), nearest }))
}

fn small_int(text: &[u8]) -> i64 {
    let (digits, sign) = match text {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    sign * digits.iter().fold(0, |int, digit| int * 10 + i64::from(digit - b'0'))
}

fn prints_back(text: &str, nearest: f64) -> bool {
    // Up to 15 digits a decimal and its double stand for each other, so the shortest text is this text,
    // if it is laid out as the writer does.
    let simple = text.len() <= 16
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && !text.ends_with('0')
        && !text.starts_with("0.00000");
    simple && text.contains('.') || nearest.is_finite() && js_number_text(nearest) == text
}

/// A double as JavaScript writes it: shortest digits that read back, exponents from 1e21 and below 1e-6.
pub fn js_number_text(number: f64) -> String {
    let mut text = String::with_capacity(24);
    write_js_number(number, &mut text);
    text
}

pub(crate) fn write_js_number(number: f64, out: &mut String) {
    if number == 0.0 {
        return out.push('0');
    }
    if !number.is_finite() {
        return out.push_str(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    if number < 0.0 {
        out.push('-');
    }
    if let Some(thousandths) = as_thousandths(number.abs()) {
        return write_thousandths(thousandths, out);
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(number.abs());
    let (mantissa, exponent) = match shortest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().expect("zmij writes a decimal exponent")),
        None => (shortest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: [u8; 40] = [0; 40];
    let mut n_digits = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        digits[n_digits] = digit;
        n_digits += 1;
    }
    let leading = digits[..n_digits].iter().take_while(|digit| **digit == b'0').count();
    let trailing = digits[leading..n_digits].iter().rev().take_while(|digit| **digit == b'0').count();
    // The number is 0.DIGITS times ten to the power of `point`.
    let point = whole.len() as i32 + exponent - leading as i32;
    let digits = std::str::from_utf8(&digits[leading..n_digits - trailing]).expect("digits are ASCII");
    let n_digits = digits.len() as i32;
    if (n_digits..=21).contains(&point) {
        out.push_str(digits);
        (n_digits..point).for_each(|_| out.push('0'));
    } else if (1..=21).contains(&point) {
        out.push_str(&digits[..point as usize]);
        out.push('.');
        out.push_str(&digits[point as usize..]);
    } else if (-5..=0).contains(&point) {
        out.push_str("0.");
        (point..0).for_each(|_| out.push('0'));
        out.push_str(digits);
    } else {
        out.push_str(&digits[..1]);
        if n_digits > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        out.push('e');
        out.push(if point > 0 { '+' } else { '-' });
        out.push_str(&(point - 1).unsigned_abs().to_string());
    }
}

/// A double that is a whole number of thousandths with so few digits that no other decimal is as short: times in seconds
/// are, and most numbers of workflows.
fn as_thousandths(number: f64) -> Option<u64> {
    // Fifteen digits name one double each, and a double is named by one of them at most.
    const DIGITS_MAX: f64 = 1e15;
    let thousandths = number * 1000.0;
    if thousandths >= DIGITS_MAX {
        return None;
    }
    let rounded = thousandths.round();
    (rounded / 1000.0 == number).then_some(rounded as u64)
}

fn write_thousandths(thousandths: u64, out: &mut String) {
    let mut text = [b'0'; 20];
    let (mut rest, fraction) = (thousandths / 1000, thousandths % 1000);
    let mut start = 16;
    while rest > 0 || start == 16 {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text[16] = b'.';
    text[17..].copy_from_slice(&[fraction / 100, fraction / 10 % 10, fraction % 10].map(|digit| b'0' + digit as u8));
    let end = match fraction {
        0 => 16,
        _ if fraction % 100 == 0 => 18,
        _ if fraction % 10 == 0 => 19,
        _ => 20,
    };
    out.push_str(std::str::from_utf8(&text[start..end]).expect("digits are ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_javascript_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.25e21, "1.25e+21"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (100.0, "100"),
        ] {
            assert_eq!(js_number_text(number), text);
        }
    }

    #[test]
    fn thousandths_are_written_as_any_double_is() {
        let mut number = 1u64;
        for _ in 0..100_000 {
            // A walk over all magnitudes (the multiplier is Knuth's), with few and many places.
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let thousandths = (number >> (14 + number % 49)).max(1);
            let double = thousandths as f64 / 1000.0;
            assert_eq!(js_number_text(double), double.to_string());
            // Its neighbour has more places than any thousandth.
            assert_ne!(js_number_text(double.next_up()), double.to_string());
        }
    }

    #[test]
    fn each_spelling_gets_the_form_that_writes_it_back() {
        for (text, form) in [
            ("7", "int"),
            ("-7", "int"),
            ("-0", "as written"),
            ("9223372036854775807", "int"),
            ("-9223372036854775808", "int"),
            ("9223372036854775808", "as written"),
            ("0.1", "double"),
            ("-0.25", "double"),
            ("1.0", "as written"),
            ("1.50", "as written"),
            ("1e2", "as written"),
            ("1e400", "as written"),
            ("0.000001", "double"),
            ("0.0000001", "as written"),
            ("0.30000000000000004", "double"),
            ("0.300000000000000041", "as written"),
            ("123456789012345680000", "double"),
        ] {
            let value = number_from_text(text).unwrap();
            let actual = match value {
                Value::Int(_) => "int",
                Value::Float(_) => "double",
                _ => "as written",
            };
            assert_eq!(actual, form, "{text}");
            assert_eq!(value.to_string(), text);
        }
        assert!(number_from_text("1x").is_none());
        assert!(number_from_text("01").is_none());
    }
}
