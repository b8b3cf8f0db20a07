//! Functions on objects and on values of any kind.

use stepwell_value::{Kind, Object, Str};

use crate::builtin::{Call, array};
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::{Item, SEQUENCE, Seq};

pub(super) fn boolean<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    Ok(evaluator.truth(&item)?.map_or(Item::Undefined, Item::bool))
}

pub(super) fn not<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    Ok(evaluator.truth(&item)?.map_or(Item::Undefined, |truth| Item::bool(!truth)))
}

pub(super) fn exists<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    Ok(Item::bool(!call.take(0).is_undefined()))
}

pub(super) fn type_name<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    if item.is_undefined() {
        return Ok(item);
    }
    let name = if item.is_function() { "function" } else { item.kind().name() };
    Ok(Item::string(Str::new_static(name)))
}

pub(super) fn keys<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    let mut keys = Keys::default();
    collect_keys(evaluator, &item, &mut keys)?;
    let items: Vec<Item<'v>> = keys.list.into_iter().map(Item::string).collect();
    evaluator.list(items, SEQUENCE)
}

#[derive(Default)]
struct Keys {
    list: Vec<Str>,
    seen: Object,
}

fn collect_keys<'v>(evaluator: &mut Evaluator<'v>, item: &Item<'v>, keys: &mut Keys) -> Run<()> {
    evaluator.tick(1)?;
    if item.is_array() {
        evaluator.check_stack()?;
        return (0..item.len()).try_for_each(|index| collect_keys(evaluator, &item.at(index), keys));
    }
    let members = item.members();
    evaluator.tick(members.len() as u64)?;
    for (key, _) in members {
        if keys.seen.insert(key.clone(), stepwell_value::Value::Null).is_none() {
            evaluator.charge(64)?;
            keys.list.push(key);
        }
    }
    Ok(())
}

pub(super) fn lookup<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (item, key) = (call.take(0), call.take(1));
    let Some(key) = key.to_str() else { return Ok(Item::Undefined) };
    Ok(match evaluator.names_of(&item, &key)? {
        Seq::Whole(item) => item,
        seq => seq.into_raw(),
    })
}

pub(super) fn spread<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    if !item.is_array() && !item.is_object() {
        return Ok(item);
    }
    let mut parts = Vec::new();
    spread_into(evaluator, item, &mut parts)?;
    evaluator.list(parts, SEQUENCE)
}

fn spread_into<'v>(evaluator: &mut Evaluator<'v>, item: Item<'v>, parts: &mut Vec<Item<'v>>) -> Run<()> {
    evaluator.tick(1)?;
    if item.is_array() {
        evaluator.check_stack()?;
        return (0..item.len()).try_for_each(|index| spread_into(evaluator, item.at(index), parts));
    }
    if !item.is_object() {
        if !item.is_undefined() {
            parts.push(item);
        }
        return Ok(());
    }
    for member in item.members() {
        let part = evaluator.make_object(vec![member])?;
        parts.push(part);
    }
    Ok(())
}

pub(super) fn merge<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let array = call.take(0);
    if array.is_undefined() {
        return Ok(array);
    }
    let mut places = Object::default();
    let mut entries: Vec<(Str, Item<'v>)> = Vec::new();
    for index in 0..array.len() {
        evaluator.tick(1)?;
        for (key, item) in array.at(index).members() {
            evaluator.tick(1)?;
            match places.get(&key).and_then(stepwell_value::Value::as_i64) {
                Some(place) => entries[place as usize].1 = item,
                None => {
                    evaluator.charge(48)?;
                    places.insert(key.clone(), (entries.len() as i64).into());
                    entries.push((key, item));
                }
            }
        }
    }
    evaluator.make_object(entries)
}

pub(super) fn error<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let message = call.take(0).to_str().filter(|text| !text.is_empty());
    Error::new("D3137").insert("message", message.as_deref().unwrap_or("$error() function evaluated")).boxed()
}

pub(super) fn assert<'v>(_: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    if array::is_truthy(&call.take(0)) {
        return Ok(Item::Undefined);
    }
    let message = call.take(1).to_str().filter(|text| !text.is_empty());
    Error::new("D3141").insert("message", message.as_deref().unwrap_or("$assert() statement failed")).boxed()
}

pub(super) fn clone<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let item = call.take(0);
    if item.is_undefined() {
        return Ok(item);
    }
    Ok(Item::Value(evaluator.deep_copy(&item)?))
}

pub(super) fn eval<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let Some(source) = call.take(0).to_str() else { return Ok(Item::Undefined) };
    let input = match call.take(1) {
        Item::Undefined => call.context.clone(),
        focus if focus.kind() == Kind::Array && !focus.is_sequence() => Evaluator::wrap_input(focus),
        focus => focus,
    };
    let frame = evaluator.caller_frame;
    evaluator.eval_source(&source, &input, frame)
}
