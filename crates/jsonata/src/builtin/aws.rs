//! Functions that only Step Functions has (reference, 3.4).

use stepwell_value::{DuplicateKeys, Limits, Value, parse_with};

use crate::builtin::Call;
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::Item;
use crate::java;

/// AWS fails with "Second argument must be zero or greater" and the like under one code.
fn failure<'v>(message: &str) -> Run<Item<'v>> {
    Error::new("D3137").insert("message", message).boxed()
}

pub(super) fn partition<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let size = call.number(1);
    let array = call.take(0);
    if array.is_undefined() {
        return Ok(array);
    }
    if !array.is_array() {
        return Error::new("T0412").insert("index", "1").insert("type", "undefined").boxed();
    }
    let size = size.map_or(array.len() as f64, f64::trunc);
    if size < 0.0 {
        return failure("Second argument must be zero or greater");
    }
    if size == 0.0 || array.len() == 0 || size.is_nan() {
        return Ok(Item::Undefined);
    }
    let size = size.min(array.len() as f64) as usize;
    evaluator.tick(array.len() as u64)?;
    let mut chunks = Vec::with_capacity(array.len().div_ceil(size));
    for start in (0..array.len()).step_by(size) {
        let end = (start + size).min(array.len());
        let chunk = (start..end).map(|index| array.at(index)).collect();
        chunks.push(evaluator.list(chunk, 0)?);
    }
    evaluator.list(chunks, 0)
}

pub(super) fn range<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (Some(start), Some(end), Some(step)) = (call.number(0), call.number(1), call.number(2)) else {
        return Ok(Item::Undefined);
    };
    let (start, end, step) = (start.trunc(), end.trunc(), step.trunc());
    if step == 0.0 || (end - start) * step < 0.0 || !(start.is_finite() && end.is_finite() && step.is_finite()) {
        return Ok(Item::Undefined);
    }
    let len = ((end - start) / step).floor() + 1.0;
    charge_boxed_list(evaluator, len)?;
    evaluator.tick(len as u64)?;
    let items = (0..len as u64).map(|index| Item::number(start + index as f64 * step)).collect();
    Ok(Item::sequence(items))
}

/// What Java allocates for an `ArrayList` of boxed numbers: 16 bytes each, and 4 per slot of every array on the way.
fn charge_boxed_list(evaluator: &mut Evaluator<'_>, len: f64) -> Run<()> {
    // More can be neither allocated nor counted.
    let len = len.min(1e12) as u64;
    let (mut capacity, mut slots) = (10_u64, 10_u64);
    while capacity < len {
        capacity += capacity / 2;
        slots += capacity;
    }
    evaluator.charge(16 * len + 4 * slots)
}

pub(super) fn hash<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (data, algorithm) = (call.take(0), call.take(1));
    let (Some(data), Some(algorithm)) = (data.as_str(), algorithm.as_str()) else { return Ok(Item::Undefined) };
    evaluator.tick(data.len() as u64 / 16)?;
    match evaluator.host().hash(algorithm, data.as_bytes()) {
        Some(digest) => evaluator.text(digest),
        None => failure(&format!("Unsupported hash algorithm: {algorithm}")),
    }
}

pub(super) fn random<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    Ok(Item::number(match call.number(0) {
        Some(seed) => java::next_double(seed as i64),
        None => super::number::unit_interval(evaluator.host().random()),
    }))
}

pub(super) fn uuid<'v>(evaluator: &mut Evaluator<'v>, _: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let uuid = evaluator.host().uuid();
    evaluator.text(uuid)
}

pub(super) fn parse<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let text = call.take(0);
    let Some(text) = text.as_str() else { return Ok(Item::Undefined) };
    evaluator.tick(text.len() as u64 / 8)?;
    evaluator.charge(4 * text.len() as u64)?;
    let limits = Limits { duplicate_keys: DuplicateKeys::Reject, ..Limits::default() };
    match parse_with(text, &limits) {
        Ok(value) => Ok(Item::Value(plain_numbers(value))),
        Err(_) => failure("Invalid JSON"),
    }
}

/// Numbers as results have them: integers within 64 bits, and doubles.
fn plain_numbers(value: Value) -> Value {
    match value {
        Value::Number(decimal) => Value::number(decimal.to_f64() + 0.0),
        Value::Array(array) => array.into_vec().into_iter().map(plain_numbers).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), plain_numbers(value.clone()))).collect()
        }
        value => value,
    }
}
