//! Array and object constructors, and grouping.

use std::collections::BTreeMap;
use std::rc::Rc;

use stepwell_value::{DEPTH_MAX, Object, Str, Value};

use crate::error::{DEPTH, Error, Run};
use crate::eval::{Evaluator, FrameId};
use crate::item::{CONS, Item, Map, Range};
use crate::node::{Kind, Node, NodeId, Op};

/// Groups under way: keys in the order in which they came.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) members: Vec<Member>,
    /// Made once there are many.
    index: BTreeMap<Str, u32>,
}

pub(super) struct Member {
    pub(super) key: Str,
    /// Which of the group's pairs made the key.
    pub(super) pair: usize,
    pub(super) indexes: Vec<u32>,
}

const SCAN_MAX: usize = 12;

impl Groups {
    fn find(&self, key: &str) -> Option<usize> {
        if self.members.len() <= SCAN_MAX {
            return self.members.iter().position(|member| member.key == key);
        }
        self.index.get(key).map(|index| *index as usize)
    }

    fn add(&mut self, member: Member) {
        if self.members.len() == SCAN_MAX {
            self.index = (0..).zip(&self.members).map(|(index, member)| (member.key.clone(), index)).collect();
        }
        if self.members.len() >= SCAN_MAX {
            self.index.insert(member.key.clone(), self.members.len() as u32);
        }
        self.members.push(member);
    }
}

impl<'v> Evaluator<'v> {
    #[inline(never)]
    pub(super) fn array(
        &mut self,
        node: &'v Node,
        expressions: &'v [NodeId],
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let flags = if node.cons { CONS } else { 0 };
        if let [only] = expressions
            && matches!(self.code.nodes[*only as usize].kind, Kind::Binary(Op::Range, ..))
        {
            return match self.eval(*only, input, frame)? {
                Item::Range(range) => Ok(Item::Range(Range { cons: node.cons, ..range })),
                _ => self.list(Vec::new(), flags),
            };
        }
        let mut items = Vec::with_capacity(expressions.len());
        for expression in expressions {
            let item = self.eval(*expression, input, frame)?;
            let child = &self.code.nodes[*expression as usize];
            // What is written as an array stays one; all else is appended item by item.
            let is_constructor = matches!(child.kind, Kind::Array(_));
            if item.is_undefined() {
            } else if is_constructor || !item.is_array() {
                items.push(item);
            } else {
                self.tick(item.len() as u64)?;
                self.charge(12 * item.len() as u64)?;
                items.append(&mut item.into_items());
            }
        }
        self.list(items, flags)
    }

    /// `{…}` with no group: the pairs are evaluated over the context.
    #[inline(never)]
    pub(super) fn object(
        &mut self,
        pairs: &'v [(NodeId, NodeId)],
        position: u32,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        if input.is_array() {
            return self.group(pairs, position, input.clone(), frame);
        }
        // One item: each key has one group, and the context of its value is the item itself.
        let mut keys: Vec<(Str, NodeId)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = self.eval(*key, input, frame)?;
            let Some(key) = self.key_of(&key, position)? else { continue };
            if pairs.len() <= SCAN_MAX && keys.iter().any(|(other, _)| *other == key) {
                return Error::new("D1009").at(position).insert_quoted("value", &key).boxed();
            }
            keys.push((key, *value));
        }
        if pairs.len() > SCAN_MAX {
            let mut sorted: Vec<&Str> = keys.iter().map(|(key, _)| key).collect();
            sorted.sort_unstable();
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Error::new("D1009").at(position).insert_quoted("value", twice[0]).boxed();
            }
        }
        let mut entries = Vec::with_capacity(keys.len());
        for (key, value) in keys {
            let item = self.eval(value, input, frame)?;
            if !item.is_undefined() {
                entries.push((key, item));
            }
        }
        self.make_object(entries)
    }

    /// `{…}` with literal keys.
    pub(super) fn record(
        &mut self,
        members: &'v [(Str, NodeId)],
        position: u32,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        if input.is_array() {
            return self.record_of_array(members, position, input, frame);
        }
        // The keys are evaluated in the reference.
        self.check_depth(1)?;
        self.tick(members.len() as u64)?;
        let mut values: Vec<(Str, Value)> = Vec::with_capacity(members.len());
        for (index, (key, value)) in members.iter().enumerate() {
            let item = self.eval(*value, input, frame)?;
            match item {
                Item::Undefined => {}
                Item::Ref(value) => values.push((key.clone(), value.clone())),
                Item::Value(value) => values.push((key.clone(), value)),
                item => return self.record_from(members, index, values, item, input, frame),
            }
        }
        self.charge(32 + 24 * values.len() as u64)?;
        self.object_value(values)
    }

    fn object_value(&mut self, values: Vec<(Str, Value)>) -> Run<Item<'v>> {
        let object = Object::from_distinct(values);
        if object.depth() > DEPTH_MAX {
            return Error::new(DEPTH).boxed();
        }
        Ok(Item::Value(object.into()))
    }

    /// Goes on with a record in which the member at `index` is `item`, no plain value.
    #[inline(never)]
    fn record_from(
        &mut self,
        members: &'v [(Str, NodeId)],
        index: usize,
        values: Vec<(Str, Value)>,
        item: Item<'v>,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let mut entries: Vec<(Str, Item<'v>)> =
            values.into_iter().map(|(key, value)| (key, Item::Value(value))).collect();
        entries.push((members[index].0.clone(), item));
        for (key, value) in &members[index + 1..] {
            let item = self.eval(*value, input, frame)?;
            if !item.is_undefined() {
                entries.push((key.clone(), item));
            }
        }
        self.make_object(entries)
    }

    /// The context is an array: its items form one group per key.
    #[inline(never)]
    fn record_of_array(
        &mut self,
        members: &'v [(Str, NodeId)],
        position: u32,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let mut groups = Groups::default();
        let len = input.len().max(1);
        self.check_depth(1)?;
        for (pair, (key, _)) in members.iter().enumerate() {
            for index in 0..len {
                self.tick(1)?;
                self.add_to_group(&mut groups, Item::string(key.clone()), pair, index, position)?;
            }
        }
        let values = members.iter().map(|(_, value)| *value).collect();
        self.evaluate_groups(groups, values, input, frame)
    }

    fn key_of(&mut self, key: &Item<'v>, position: u32) -> Run<Option<Str>> {
        if key.is_undefined() {
            return Ok(None);
        }
        match key.to_str() {
            Some(key) => Ok(Some(key)),
            None => {
                let value = self.json_for_error(key);
                Error::new("T1003").at(position).insert("value", value).boxed()
            }
        }
    }

    pub(super) fn add_to_group(
        &mut self,
        groups: &mut Groups,
        key: Item<'v>,
        pair: usize,
        index: usize,
        position: u32,
    ) -> Run<()> {
        let Some(key) = self.key_of(&key, position)? else { return Ok(()) };
        self.charge(12)?;
        match groups.find(&key) {
            Some(found) => {
                let member = &mut groups.members[found];
                if member.pair != pair {
                    return Error::new("D1009").at(position).insert_quoted("value", &key).boxed();
                }
                member.indexes.push(index as u32);
            }
            None => {
                self.charge(48)?;
                self.charge_text(&key)?;
                groups.add(Member { key, pair, indexes: vec![index as u32] });
            }
        }
        Ok(())
    }

    /// Groups the items of a sequence by key.
    #[inline(never)]
    pub(super) fn group(
        &mut self,
        pairs: &'v [(NodeId, NodeId)],
        position: u32,
        input: Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let len = if input.is_array() { input.len() } else { 1 };
        // An empty sequence counts as one undefined item, so that literal keys still make an object.
        let item_at = |index: usize| if input.is_array() { input.at(index) } else { input.clone() };
        let mut groups = Groups::default();
        for index in 0..len.max(1) {
            let item = item_at(index);
            for (pair, (key, _)) in pairs.iter().enumerate() {
                let key = self.eval(*key, &item, frame)?;
                self.add_to_group(&mut groups, key, pair, index, position)?;
            }
        }
        let values = pairs.iter().map(|(_, value)| *value).collect();
        self.evaluate_groups(groups, values, &input, frame)
    }

    /// Evaluates the value of each group over what belongs to it.
    fn evaluate_groups(
        &mut self,
        groups: Groups,
        values: Vec<NodeId>,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let item_at = |index: usize| if input.is_array() { input.at(index) } else { input.clone() };
        let mut entries = Vec::with_capacity(groups.members.len());
        for member in groups.members {
            let context = match member.indexes[..] {
                [only] => item_at(only as usize),
                _ => {
                    // Appended to one another: arrays among them are joined.
                    let mut items = Vec::with_capacity(member.indexes.len());
                    for (nth, index) in member.indexes.iter().enumerate() {
                        let item = item_at(*index as usize);
                        if item.is_array() {
                            self.tick(item.len() as u64)?;
                            items.extend((0..item.len()).map(|index| item.at(index)));
                        } else if !item.is_undefined() || nth > 0 && !items.is_empty() {
                            items.push(item);
                        }
                    }
                    self.tick(items.len() as u64)?;
                    self.list(items, 0)?
                }
            };
            let item = self.eval(values[member.pair], &context, frame)?;
            if !item.is_undefined() {
                entries.push((member.key, item));
            }
        }
        self.make_object(entries)
    }

    /// An object: a JSON value if all members are, with distinct keys.
    pub(crate) fn make_object(&mut self, entries: Vec<(Str, Item<'v>)>) -> Run<Item<'v>> {
        self.charge(32 + 24 * entries.len() as u64)?;
        if entries.iter().all(|(_, item)| item.is_plain()) {
            let mut values = Vec::with_capacity(entries.len());
            for (key, item) in entries {
                let value = match item {
                    Item::Value(value) => value,
                    item => self.value_of(&item)?,
                };
                values.push((key, value));
            }
            return self.object_value(values);
        }
        let map = Map::new(entries);
        if map.depth > DEPTH_MAX {
            return Error::new(DEPTH).boxed();
        }
        Ok(Item::Map(Rc::new(map)))
    }

    /// `$append`: undefined is nothing, single values count as arrays of one.
    pub(crate) fn append(&mut self, left: Item<'v>, right: Item<'v>) -> Run<Item<'v>> {
        if left.is_undefined() {
            return Ok(right);
        }
        if right.is_undefined() {
            return Ok(left);
        }
        let added = if right.is_array() { right.len() } else { 1 };
        let len = if left.is_array() { left.len() } else { 1 };
        self.tick((added + len) as u64 / 4)?;
        let mut items = if left.is_array() { left.into_items() } else { vec![left] };
        if right.is_array() {
            items.extend((0..right.len()).map(|index| right.at(index)));
        } else {
            items.push(right);
        }
        self.list(items, 0)
    }
}
