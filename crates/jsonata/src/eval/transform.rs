//! `|pattern|update,delete|`: a copy of the input with changes.

use std::collections::BTreeMap;

use stepwell_value::{Object, Value, js_number_text};

use crate::error::{Error, Run};
use crate::eval::{Evaluator, FrameId};
use crate::item::Item;
use crate::node::{Kind, NodeId, Transform};

/// Objects of the copy that have changed, by the address of their member list: it is unique in a fresh copy.
type Changes<'v> = BTreeMap<usize, (&'v Object, Object)>;

impl<'v> Evaluator<'v> {
    /// Calls a transform made by node `id` in `frame`.
    #[inline(never)]
    pub(super) fn transform(&mut self, id: NodeId, frame: FrameId, input: Item<'v>) -> Run<Item<'v>> {
        if input.is_undefined() {
            return Ok(input);
        }
        let node = &self.code.nodes[id as usize];
        let Kind::Transform(transform) = &node.kind else { return Ok(Item::Undefined) };
        let copy = self.copy_for(transform, node.position, input, frame)?;
        let root: &'v Value = self.arena.keep_value(copy);
        let matches = self.eval(transform.pattern, &Item::Ref(root), frame)?;
        let mut changes = Changes::new();
        if matches.is_array() {
            for index in 0..matches.len() {
                self.change(transform, &matches.at(index), &mut changes, frame)?;
            }
        } else if !matches.is_undefined() {
            self.change(transform, &matches, &mut changes, frame)?;
        }
        if changes.is_empty() {
            return Ok(Item::Ref(root));
        }
        let changed = self.rebuild(root, &changes)?.unwrap_or_else(|| root.clone());
        if changed.depth() > stepwell_value::DEPTH_MAX {
            return Error::new(crate::DEPTH).boxed();
        }
        Ok(Item::Value(changed))
    }

    /// What `$clone` makes of the input; an expression may have redefined it.
    fn copy_for(&mut self, transform: &'v Transform, position: u32, input: Item<'v>, frame: FrameId) -> Run<Value> {
        let clone = self.lookup(&self.code.variables[transform.clone as usize], frame)?;
        let input = match clone {
            Item::Builtin(_) => input,
            function if function.is_function() => self.apply(&function, vec![input], &Item::null())?,
            _ => return Error::new("T2013").at(position).boxed(),
        };
        self.deep_copy(&input)
    }

    /// A copy that shares no container with anything, so that each has its own place. Numbers are rounded to 15 digits.
    pub(crate) fn deep_copy(&mut self, item: &Item<'v>) -> Run<Value> {
        let value = match item {
            Item::Ref(value) => return self.copy_value(value),
            item => self.value_of(item)?,
        };
        self.copy_value(&value)
    }

    fn copy_value(&mut self, value: &Value) -> Run<Value> {
        self.tick(1)?;
        Ok(match value {
            Value::Float(number) => match is_long(*number) {
                true => Value::Float(crate::text::to_15_digits(*number)),
                false => Value::Float(*number),
            },
            Value::Array(array) => {
                self.check_stack()?;
                self.charge_list(array.len())?;
                array.iter().map(|value| self.copy_value(value)).collect::<Run<Vec<Value>>>()?.into()
            }
            Value::Object(object) => {
                self.check_stack()?;
                self.charge(32 + 24 * object.len() as u64)?;
                // Room for one member even if there is none: the list then has an address of its own.
                let mut copy = Object::with_capacity(object.len().max(1));
                for (key, value) in object {
                    let value = self.copy_value(value)?;
                    copy.insert(key.clone(), value);
                }
                copy.into()
            }
            value => value.clone(),
        })
    }

    fn change(
        &mut self,
        transform: &'v Transform,
        item: &Item<'v>,
        changes: &mut Changes<'v>,
        frame: FrameId,
    ) -> Run<()> {
        self.tick(1)?;
        let Item::Ref(Value::Object(object)) = item else {
            // Values that are no objects cannot be changed, but what is to be done with them is evaluated.
            let update = self.eval(transform.update, item, frame)?;
            return self.check_update(transform, &update);
        };
        let address = object.entries().as_ptr() as usize;
        let context = match changes.get(&address) {
            Some((_, changed)) => Item::Value(Value::Object(changed.clone())),
            None => item.clone(),
        };
        let update = self.eval(transform.update, &context, frame)?;
        self.check_update(transform, &update)?;
        let members = update.members();
        self.tick(members.len() as u64)?;
        self.charge(24 * members.len() as u64)?;
        for (key, member) in members {
            let member = self.value_of(&member)?;
            changes.entry(address).or_insert_with(|| (object, object.clone())).1.insert(key, member);
        }
        let Some(delete) = transform.delete else { return Ok(()) };
        let context = match changes.get(&address) {
            Some((_, changed)) => Item::Value(Value::Object(changed.clone())),
            None => item.clone(),
        };
        let deletions = self.eval(delete, &context, frame)?;
        if deletions.is_undefined() {
            return Ok(());
        }
        let keys: Option<Vec<_>> = if deletions.is_array() {
            (0..deletions.len()).map(|index| deletions.at(index).to_str()).collect()
        } else {
            deletions.to_str().map(|key| vec![key])
        };
        let Some(keys) = keys else {
            let position = self.code.nodes[delete as usize].position;
            let value = self.json_for_error(&deletions);
            return Error::new("T2012").at(position).insert("value", value).boxed();
        };
        for key in keys {
            self.tick(1)?;
            changes.entry(address).or_insert_with(|| (object, object.clone())).1.remove(&key);
        }
        Ok(())
    }

    fn check_update(&mut self, transform: &'v Transform, update: &Item<'v>) -> Run<()> {
        if update.is_undefined() || update.is_object() {
            return Ok(());
        }
        let position = self.code.nodes[transform.update as usize].position;
        let value = self.json_for_error(update);
        Error::new("T2011").at(position).insert("value", value).boxed()
    }

    /// The value with the changes in it; None if there are none inside.
    fn rebuild(&mut self, value: &'v Value, changes: &Changes<'v>) -> Run<Option<Value>> {
        self.tick(1)?;
        match value {
            Value::Array(array) => {
                self.check_stack()?;
                let mut rebuilt: Option<Vec<Value>> = None;
                for (index, item) in array.iter().enumerate() {
                    if let Some(changed) = self.rebuild(item, changes)? {
                        rebuilt.get_or_insert_with(|| array.to_vec())[index] = changed;
                    }
                }
                Ok(rebuilt.map(Value::from))
            }
            Value::Object(object) => {
                self.check_stack()?;
                let own = changes.get(&(object.entries().as_ptr() as usize));
                let mut rebuilt: Option<Object> = own.map(|(_, changed)| changed.clone());
                for (key, member) in object {
                    if let Some((_, changed)) = own
                        && !changed.get(key).is_some_and(|now| now.is_same(member))
                    {
                        // Deleted or replaced.
                        continue;
                    }
                    if let Some(changed) = self.rebuild(member, changes)? {
                        rebuilt.get_or_insert_with(|| object.clone()).insert(key.clone(), changed);
                    }
                }
                Ok(rebuilt.map(Value::from))
            }
            _ => Ok(None),
        }
    }
}

fn is_long(number: f64) -> bool {
    number.fract() != 0.0 && js_number_text(number).len() > 16
}
