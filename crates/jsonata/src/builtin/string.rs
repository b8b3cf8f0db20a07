//! Functions on strings.

use stepwell_value::Str;

use crate::builtin::Call;
use crate::error::Run;
use crate::eval::Evaluator;
use crate::item::Item;

pub(super) fn string<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    let pretty = call.take(1).as_value().and_then(|value| value.as_bool()).unwrap_or(false);
    if item.is_undefined() || item.as_str().is_some() {
        return Ok(item);
    }
    let mut out = String::new();
    if pretty && (item.is_array() || item.is_object()) {
        evaluator.append_json(&item, true, &mut out)?;
    } else {
        evaluator.append_text(&item, &mut out)?;
    }
    Ok(Item::string(out))
}

pub(super) fn length<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let text = call.take(0);
    let Some(text) = text.as_str() else { return Ok(Item::Undefined) };
    Ok(Item::int(count(evaluator, text)?))
}

/// Length in code points.
fn count(evaluator: &mut Evaluator<'_>, text: &str) -> Run<usize> {
    evaluator.tick(text.len() as u64 / 64)?;
    Ok(if text.is_ascii() { text.len() } else { text.chars().count() })
}

/// The part of `text` from code point `start` to before `end`.
fn slice(text: &str, start: usize, end: usize) -> &str {
    if text.is_ascii() {
        return &text[start.min(text.len())..end.clamp(start.min(text.len()), text.len())];
    }
    let offset = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset);
    let first = offset(start);
    &text[first..if end <= start { first } else { offset(end) }]
}

/// An index as JavaScript's `slice` takes it: a negative one counts from the end.
fn index(number: f64, len: usize) -> usize {
    let number = number.trunc();
    if number < 0.0 { (len as f64 + number).max(0.0) as usize } else { number.min(len as f64) as usize }
}

pub(super) fn substring<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    let len = count(evaluator, text)?;
    let Some(mut start) = call.number(1) else {
        // JavaScript: from the start, and to nowhere if a length is given.
        return Ok(if call.number(2).is_some() { Item::string(Str::default()) } else { item });
    };
    if len as f64 + start < 0.0 {
        start = 0.0;
    }
    let end = match call.number(2) {
        None => len,
        Some(length) if length <= 0.0 => return Ok(Item::string(Str::default())),
        Some(length) if start >= 0.0 => index(start + length, len),
        Some(length) => index(len as f64 + start + length, len),
    };
    evaluator.charge_text(text)?;
    Ok(Item::string(Str::new(slice(text, index(start, len), end))))
}

fn around<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>, before: bool) -> Run<Item<'v>> {
    let (item, separator) = (call.take(0), call.take(1));
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    evaluator.tick(text.len() as u64 / 64)?;
    let separator = separator.as_str().unwrap_or("undefined");
    let part = match text.find(separator) {
        None => return Ok(item),
        Some(at) if before => Str::new(&text[..at]),
        Some(at) => Str::new(&text[at + separator.len()..]),
    };
    evaluator.charge_text(&part)?;
    Ok(Item::string(part))
}

pub(super) fn substring_before<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    around(evaluator, call, true)
}

pub(super) fn substring_after<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    around(evaluator, call, false)
}

fn map_text<'v>(
    evaluator: &mut Evaluator<'v>,
    call: &mut Call<'_, 'v>,
    function: impl FnOnce(&str) -> String,
) -> Run<Item<'v>> {
    let item = call.take(0);
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    evaluator.tick(text.len() as u64 / 16)?;
    evaluator.charge_text(text)?;
    Ok(Item::string(function(text)))
}

pub(super) fn lowercase<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_text(evaluator, call, str::to_lowercase)
}

pub(super) fn uppercase<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_text(evaluator, call, str::to_uppercase)
}

pub(super) fn trim<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    map_text(evaluator, call, |text| {
        let mut out = String::with_capacity(text.len());
        for word in text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        out
    })
}

pub(super) fn pad<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    let width = call.number(1).unwrap_or(0.0).trunc();
    let filler = call.take(2).to_str().filter(|filler| !filler.is_empty()).unwrap_or(Str::new_static(" "));
    let missing = width.abs() - count(evaluator, text)? as f64;
    if missing < 1.0 || missing.is_nan() {
        return Ok(item);
    }
    // Paid before it is made: the width may be anything.
    let n_chars = filler.chars().count();
    let bytes = missing * (filler.len() as f64 / n_chars as f64);
    evaluator.charge(bytes.min(1e18) as u64)?;
    evaluator.tick(bytes.min(1e18) as u64 / 16)?;
    if bytes > isize::MAX as f64 / 4.0 {
        return crate::error::Error::new(crate::MEMORY).boxed();
    }
    let missing = missing as usize;
    let mut padding = filler.repeat(missing / n_chars);
    padding.extend(filler.chars().take(missing % n_chars));
    Ok(Item::string(if width > 0.0 { format!("{text}{padding}") } else { padding + text }))
}

pub(super) fn join<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.is_undefined() {
        return Ok(array);
    }
    let separator = call.take(1).to_str().unwrap_or_default();
    let len = array.len();
    evaluator.tick(len as u64)?;
    let mut out = String::new();
    for index in 0..len {
        if index > 0 {
            evaluator.charge_text(&separator)?;
            out.push_str(&separator);
        }
        let item = array.at(index);
        let text = item.as_str().unwrap_or_default();
        evaluator.charge_text(text)?;
        out.push_str(text);
    }
    Ok(Item::string(out))
}
