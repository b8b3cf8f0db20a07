//! Functions that take functions.

use crate::builtin::Call;
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::{Item, SEQUENCE};

/// Calls `function` with as many of value, position and whole as it takes.
fn call_with<'v>(
    evaluator: &mut Evaluator<'v>,
    function: &Item<'v>,
    arity: usize,
    value: Item<'v>,
    position: impl FnOnce() -> Item<'v>,
    whole: &Item<'v>,
) -> Run<Item<'v>> {
    let mut arguments = evaluator.take_arguments();
    arguments.push(value);
    if arity >= 2 {
        arguments.push(position());
    }
    if arity >= 3 {
        arguments.push(whole.clone());
    }
    evaluator.apply(function, arguments, &Item::null())
}

pub(super) fn map<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (array, function) = (call.take(0), call.take(1));
    if array.is_undefined() {
        return Ok(array);
    }
    let arity = evaluator.arity(&function);
    let mut results = Vec::new();
    for index in 0..array.len() {
        let result = call_with(evaluator, &function, arity, array.at(index), || Item::int(index), &array)?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    evaluator.list(results, SEQUENCE)
}

pub(super) fn filter<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (array, function) = (call.take(0), call.take(1));
    if array.is_undefined() {
        return Ok(array);
    }
    let arity = evaluator.arity(&function);
    let mut kept = Vec::new();
    for index in 0..array.len() {
        let item = array.at(index);
        let answer = call_with(evaluator, &function, arity, item.clone(), || Item::int(index), &array)?;
        if evaluator.truth(&answer)?.unwrap_or(false) {
            kept.push(item);
        }
    }
    evaluator.list(kept, SEQUENCE)
}

pub(super) fn single<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (array, function) = (call.take(0), call.take(1));
    if array.is_undefined() {
        return Ok(array);
    }
    let arity = evaluator.arity(&function);
    let mut found = None;
    for index in 0..array.len() {
        evaluator.tick(1)?;
        let item = array.at(index);
        let fits = function.is_undefined() || {
            let answer = call_with(evaluator, &function, arity, item.clone(), || Item::int(index), &array)?;
            evaluator.truth(&answer)?.unwrap_or(false)
        };
        if fits && found.replace(item).is_some() {
            return Error::new("D3138").boxed();
        }
    }
    match found {
        Some(item) => Ok(item),
        None => Error::new("D3139").boxed(),
    }
}

pub(super) fn reduce<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (array, function, initial) = (call.take(0), call.take(1), call.take(2));
    if array.is_undefined() {
        return Ok(array);
    }
    let arity = evaluator.arity(&function);
    if arity < 2 {
        return Error::new("D3050").boxed();
    }
    let (mut result, start) = if initial.is_undefined() && array.len() > 0 { (array.at(0), 1) } else { (initial, 0) };
    let null = Item::null();
    for index in start..array.len() {
        let mut arguments = evaluator.take_arguments();
        arguments.extend([result, array.at(index)]);
        if arity >= 3 {
            arguments.push(Item::int(index));
        }
        if arity >= 4 {
            arguments.push(array.clone());
        }
        result = evaluator.apply(&function, arguments, &null)?;
    }
    Ok(result)
}

pub(super) fn each<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (object, function) = (call.take(0), call.take(1));
    let arity = evaluator.arity(&function);
    let mut results = Vec::new();
    for (key, item) in object.members() {
        let result = call_with(evaluator, &function, arity, item, || Item::string(key), &object)?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    evaluator.list(results, SEQUENCE)
}

pub(super) fn sift<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (object, function) = (call.take(0), call.take(1));
    let arity = evaluator.arity(&function);
    let mut kept = Vec::new();
    for (key, item) in object.members() {
        let name = key.clone();
        let answer = call_with(evaluator, &function, arity, item.clone(), || Item::string(name), &object)?;
        if evaluator.truth(&answer)?.unwrap_or(false) {
            kept.push((key, item));
        }
    }
    if kept.is_empty() {
        return Ok(Item::Undefined);
    }
    evaluator.make_object(kept)
}
