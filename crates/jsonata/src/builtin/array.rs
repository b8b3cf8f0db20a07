//! Functions on arrays.

use std::collections::BTreeSet;

use stepwell_value::{Str, Value};

use crate::builtin::Call;
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::eval::order;
use crate::item::{Item, SEQUENCE};

pub(super) fn count<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    Ok(Item::int(call.take(0).len()))
}

pub(super) fn append<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (left, right) = (call.take(0), call.take(1));
    evaluator.append(left, right)
}

pub(super) fn reverse<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.len() <= 1 {
        return Ok(array);
    }
    evaluator.tick(array.len() as u64 / 4)?;
    let mut items = array.into_items();
    items.reverse();
    evaluator.list(items, 0)
}

pub(super) fn zip<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let len = call.arguments.iter().map(Item::len).min().unwrap_or(0);
    let mut tuples = Vec::new();
    for index in 0..len {
        evaluator.tick(1)?;
        let tuple = call.arguments.iter().map(|array| array.at(index)).collect();
        tuples.push(evaluator.list(tuple, 0)?);
    }
    evaluator.list(tuples, 0)
}

pub(super) fn shuffle<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.len() <= 1 {
        return Ok(array);
    }
    evaluator.tick(array.len() as u64)?;
    let mut items = array.into_items();
    for index in (1..items.len()).rev() {
        // The bias of the remainder is below 2^-40 for any array that fits in memory.
        let other = evaluator.host().random() % (index as u64 + 1);
        items.swap(index, other as usize);
    }
    evaluator.list(items, 0)
}

pub(super) fn sort<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    let comparator = call.take(1);
    let len = array.len();
    if len <= 1 {
        return Ok(array);
    }
    evaluator.tick(len as u64)?;
    let items = array.into_items();
    let order = if comparator.is_undefined() {
        let all_numbers = items.iter().all(|item| item.as_number().is_some());
        if !all_numbers && !items.iter().all(|item| item.as_str().is_some()) {
            return Error::new("D3070").boxed();
        }
        evaluator.tick(len as u64 * u64::from(len.ilog2()) / 4)?;
        let mut indexes: Vec<u32> = (0..len as u32).collect();
        indexes.sort_by(|a, b| order(&items[*a as usize], &items[*b as usize]).unwrap_or(std::cmp::Ordering::Equal));
        indexes
    } else {
        let null = Item::null();
        evaluator.order_of(len, |evaluator, a, b| {
            let mut arguments = evaluator.take_arguments();
            arguments.extend([items[a].clone(), items[b].clone()]);
            let answer = evaluator.apply(&comparator, arguments, &null)?;
            // JavaScript's own truth: the comparator's answer is not cast.
            Ok(is_truthy(&answer))
        })?
    };
    let sorted = order.into_iter().map(|index| items[index as usize].clone()).collect();
    evaluator.list(sorted, 0)
}

/// What a JavaScript `if` makes of a value: containers are true even when empty.
pub(super) fn is_truthy(item: &Item<'_>) -> bool {
    match item {
        Item::Undefined => false,
        item => match item.as_value() {
            Some(Value::Null) => false,
            Some(Value::Bool(bool)) => *bool,
            Some(Value::Str(text)) => !text.is_empty(),
            Some(value) => value.as_f64().is_none_or(|number| number != 0.0 && !number.is_nan()),
            None => true,
        },
    }
}

/// A scalar as a set can hold it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Bits of a double that is no integer.
    Float(u64),
    Str(Str),
}

fn scalar(item: &Item<'_>) -> Option<Scalar> {
    match item.as_value()? {
        Value::Null => Some(Scalar::Null),
        Value::Bool(bool) => Some(Scalar::Bool(*bool)),
        Value::Str(text) => Some(Scalar::Str(text.clone())),
        value => {
            let number = value.as_f64()?;
            match value.as_i64() {
                Some(int) => Some(Scalar::Int(int)),
                None if number.is_nan() => None,
                None => Some(Scalar::Float(number.to_bits())),
            }
        }
    }
}

pub(super) fn distinct<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    let len = array.len();
    if !array.is_array() || len <= 1 {
        return Ok(array);
    }
    evaluator.tick(len as u64)?;
    let mut scalars = BTreeSet::new();
    let mut kept: Vec<Item<'v>> = Vec::new();
    // Positions of what no set can hold: those are compared with one another.
    let mut others: Vec<usize> = Vec::new();
    for index in 0..len {
        let item = array.at(index);
        if let Some(scalar) = scalar(&item) {
            if scalars.insert(scalar) {
                kept.push(item);
            }
            continue;
        }
        let mut is_new = true;
        for other in &others {
            if evaluator.items_equal(&item, &kept[*other])? {
                is_new = false;
                break;
            }
        }
        if is_new {
            others.push(kept.len());
            kept.push(item);
        }
    }
    let flags = array.flags() & SEQUENCE;
    evaluator.list(kept, flags)
}
