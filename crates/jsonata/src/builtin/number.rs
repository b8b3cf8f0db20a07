//! Functions on numbers.

use stepwell_value::{Value, js_number_text};

use crate::builtin::{Call, time};
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::Item;
use crate::picture::{DecimalFormat, IntegerPicture, NumberPicture};

/// Adds up from left to right: the last digit of a sum depends on the order.
fn total<'v>(evaluator: &mut Evaluator<'v>, array: &Item<'v>) -> Run<f64> {
    evaluator.tick(array.len() as u64 / 4)?;
    Ok(match array {
        Item::Ref(Value::Array(array)) => array.iter().filter_map(Value::as_f64).fold(0.0, |sum, number| sum + number),
        Item::List(list) => list.items.iter().filter_map(Item::as_number).fold(0.0, |sum, number| sum + number),
        array => (0..array.len()).filter_map(|index| array.at(index).as_number()).fold(0.0, |sum, number| sum + number),
    })
}

pub(super) fn sum<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.is_undefined() {
        return Ok(array);
    }
    Ok(Item::number(total(evaluator, &array)?))
}

pub(super) fn average<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.len() == 0 {
        return Ok(Item::Undefined);
    }
    Ok(Item::number(total(evaluator, &array)? / array.len() as f64))
}

fn extreme<'v>(
    evaluator: &mut Evaluator<'v>,
    call: &mut Call<'_, 'v>,
    is_better: fn(f64, f64) -> bool,
) -> Run<Item<'v>> {
    let array = call.take(0);
    evaluator.tick(array.len() as u64 / 4)?;
    let mut best: Option<(f64, Item<'v>)> = None;
    for index in 0..array.len() {
        let item = array.at(index);
        let Some(number) = item.as_number() else { continue };
        if best.as_ref().is_none_or(|(best, _)| number.is_nan() || is_better(number, *best)) {
            best = Some((number, item));
        }
    }
    Ok(best.map_or(Item::Undefined, |(_, item)| item))
}

pub(super) fn max<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    extreme(evaluator, call, |number, best| number > best)
}

pub(super) fn min<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    extreme(evaluator, call, |number, best| number < best)
}

/// Applies `function` to a number; integers for which it changes nothing stay exact.
fn map_number<'v>(call: &mut Call<'_, 'v>, function: fn(f64) -> f64) -> Run<Item<'v>> {
    let item = call.take(0);
    Ok(match item.as_number() {
        None => Item::Undefined,
        Some(number) if function(number) == number => item,
        Some(number) => Item::number(function(number)),
    })
}

pub(super) fn floor<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_number(call, f64::floor)
}

pub(super) fn ceil<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_number(call, f64::ceil)
}

pub(super) fn abs<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_number(call, f64::abs)
}

pub(super) fn round<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    let Some(number) = item.as_number() else { return Ok(Item::Undefined) };
    let precision = call.number(1).unwrap_or(0.0);
    if precision == 0.0 && number.fract() == 0.0 {
        return Ok(item);
    }
    Ok(Item::number(round_half_even(number, precision)))
}

/// The reference's rounding: halves to even, the decimal point moved in the number's text.
fn round_half_even(number: f64, precision: f64) -> f64 {
    let shifted = if precision == 0.0 { number } else { shift(number, precision) };
    let mut rounded = shifted.floor();
    if shifted - rounded >= 0.5 {
        rounded += 1.0;
    }
    if (rounded - shifted).abs() == 0.5 && (rounded % 2.0).abs() == 1.0 {
        rounded -= 1.0;
    }
    let result = if precision == 0.0 { rounded } else { shift(rounded, -precision) };
    if result == 0.0 { 0.0 } else { result }
}

fn shift(number: f64, places: f64) -> f64 {
    if places.fract() != 0.0 || !number.is_finite() {
        return f64::NAN;
    }
    let text = js_number_text(number);
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<f64>().unwrap_or(0.0)),
        None => (text.as_str(), 0.0),
    };
    // Beyond these every double is 0 or infinite.
    let exponent = (exponent + places).clamp(-2_000.0, 2_000.0);
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
}

pub(super) fn sqrt<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    match call.number(0) {
        None => Ok(Item::Undefined),
        Some(number) if number < 0.0 => Error::new("D3060").insert("value", js_number_text(number)).boxed(),
        Some(number) => Ok(Item::number(number.sqrt())),
    }
}

pub(super) fn power<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let Some(base) = call.number(0) else { return Ok(Item::Undefined) };
    let exponent = call.number(1).unwrap_or(f64::NAN);
    let result = base.powf(exponent);
    if !result.is_finite() || (base.abs() == 1.0 && !exponent.is_finite()) {
        let error = Error::new("D3061").insert("value", js_number_text(base));
        let exponent = call.number(1).map_or("undefined".to_owned(), js_number_text);
        return error.insert("exp", exponent).boxed();
    }
    Ok(Item::number(result))
}

/// 53 random bits as a double from 0 to below 1.
pub(super) fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

pub(super) fn random<'v>(evaluator: &mut Evaluator<'v>, _: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    Ok(Item::number(unit_interval(evaluator.host().random())))
}

pub(super) fn number<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    match item.as_value() {
        None if item.is_undefined() => return Ok(item),
        Some(Value::Bool(bool)) => return Ok(Item::int(usize::from(*bool))),
        Some(Value::Str(text)) => {
            if let Some(number) = decimal(text).or_else(|| other_radix(text)) {
                return Ok(Item::number(number));
            }
        }
        Some(value) if value.is_number() => return Ok(item),
        _ => {}
    }
    let value = evaluator.json_for_error(&item);
    Error::new("D3030").insert("value", value).boxed()
}

/// A decimal number as JSON writes it, leading zeros allowed; None if it is something else or too large.
fn decimal(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    if whole == 0 {
        return None;
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let n_digits = digits(fraction);
        if n_digits == 0 {
            return None;
        }
        rest = &fraction[n_digits..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || digits(exponent) != exponent.len() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `0x1F`, `0o17`, `0b11`.
fn other_radix(text: &str) -> Option<f64> {
    let radix = match text.get(..2)? {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return None,
    };
    let digits = &text[2..];
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |number, digit| Some(number * f64::from(radix) + f64::from(digit.to_digit(radix)?)))
}

pub(super) fn format_base<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let Some(number) = call.number(0) else { return Ok(Item::Undefined) };
    let number = round_half_even(number, 0.0);
    let radix = call.number(1).map_or(10.0, |radix| round_half_even(radix, 0.0));
    if !(2.0..=36.0).contains(&radix) {
        return Error::new("D3100").insert("value", js_number_text(radix)).boxed();
    }
    let mut rest = number.abs();
    if radix == 10.0 || !rest.is_finite() {
        return evaluator.text(js_number_text(number));
    }
    // Division by the radix is exact enough while the quotient is: digits beyond 2^53 are as good as JavaScript's.
    let mut digits = Vec::new();
    loop {
        let digit = (rest % radix) as u32;
        digits.push(char::from_digit(digit, radix as u32).unwrap_or('0'));
        rest = ((rest - f64::from(digit)) / radix).floor();
        if rest == 0.0 {
            break;
        }
    }
    if number < 0.0 {
        digits.push('-');
    }
    evaluator.text(digits.into_iter().rev().collect())
}

pub(super) fn format_number<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (Some(number), picture, options) = (call.number(0), call.take(1).to_str(), call.take(2)) else {
        return Ok(Item::Undefined);
    };
    let Some(picture) = picture else { return Ok(Item::Undefined) };
    evaluator.tick(8 + picture.len() as u64 / 4)?;
    let bytes_max = time::output_max(evaluator);
    let text = if options.is_undefined() {
        let is_known = evaluator.pictures.number.as_ref().is_some_and(|(known, _)| *known == picture);
        if !is_known {
            let compiled = NumberPicture::compile(&picture, &DecimalFormat::default()).map_err(time::picture_error)?;
            evaluator.pictures.number = Some((picture.clone(), compiled));
        }
        match &evaluator.pictures.number {
            Some((_, compiled)) => compiled.format(number, bytes_max),
            None => return Ok(Item::Undefined),
        }
    } else {
        let mut format = DecimalFormat::default();
        for (name, symbol) in options.members() {
            if let Some(symbol) = symbol.as_str() {
                format.set(&name, symbol);
            }
        }
        NumberPicture::compile(&picture, &format).and_then(|compiled| compiled.format(number, bytes_max))
    };
    let text = text.map_err(time::picture_error)?;
    evaluator.text(text)
}

pub(super) fn format_integer<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (Some(number), Some(picture)) = (call.number(0), call.take(1).to_str()) else { return Ok(Item::Undefined) };
    evaluator.tick(8 + picture.len() as u64 / 4)?;
    let bytes_max = time::output_max(evaluator);
    let picture = IntegerPicture::compile(&picture).map_err(time::picture_error)?;
    let text = picture.format(number, bytes_max).map_err(time::picture_error)?;
    evaluator.text(text)
}

pub(super) fn parse_integer<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (Some(text), Some(picture)) = (call.take(0).to_str(), call.take(1).to_str()) else {
        return Ok(Item::Undefined);
    };
    evaluator.tick(8 + (text.len() + picture.len()) as u64 / 4)?;
    let picture = IntegerPicture::compile(&picture).map_err(time::picture_error)?;
    Ok(Item::number(picture.parse(&text).map_err(time::picture_error)?))
}
