//! Paths: steps, predicates, names, wildcards.

use stepwell_value::{Array, Object, Str, Value};

use crate::error::Run;
use crate::eval::{Evaluator, FrameId, finite, normalise};
use crate::item::{CONS, Collector, Item, KEEP, List, OUTER, SEQUENCE, Seq, View};
use crate::node::{Kind, Node, NodeId, Stage};

impl<'v> Evaluator<'v> {
    /// A path of one plain name: two evaluations of the reference, done at once.
    #[inline]
    pub(super) fn field(&mut self, node: &'v Node, name: &'v Str, input: &Item<'v>) -> Run<Item<'v>> {
        let item = match input {
            Item::Ref(Value::Object(object)) => object.get(name).map_or(Item::Undefined, Item::Ref),
            Item::Value(Value::Object(object)) => {
                object.get(name).map_or(Item::Undefined, |value| Item::Value(value.clone()))
            }
            Item::Map(_) | Item::List(_) | Item::Ref(Value::Array(_)) | Item::Value(Value::Array(_)) => {
                return self.field_of_any(node, name, input);
            }
            _ => Item::Undefined,
        };
        self.check_depth(1)?;
        self.tick(1)?;
        Ok(item)
    }

    #[inline(never)]
    fn field_of_any(&mut self, node: &'v Node, name: &'v Str, input: &Item<'v>) -> Run<Item<'v>> {
        let input = if input.is_array() { Seq::Whole(input.clone()) } else { Seq::One(input.clone()) };
        let seq = self.name_step(&input, name, true)?;
        Ok(self.end_of_path(node, seq, false))
    }

    pub(super) fn path(
        &mut self,
        node: &'v Node,
        steps: &'v [NodeId],
        keep_singleton: bool,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let code = self.code;
        let first = &code.nodes[steps[0] as usize];
        let starts_anywhere = !matches!(first.kind, Kind::Variable(_) | Kind::Parameter { .. } | Kind::Context);
        let mut from = 0;
        let mut current = if starts_anywhere {
            if input.is_array() { Seq::Whole(input.clone()) } else { Seq::One(input.clone()) }
        } else if first.extra.is_none() && !first.tuple {
            let item;
            (item, from) = self.names_after_variable(steps, input, frame)?;
            Collector::settle(item, from == steps.len())
        } else {
            Seq::One(input.clone())
        };
        for (index, id) in steps.iter().enumerate().skip(from) {
            if matches!(current, Seq::Empty) {
                break;
            }
            let step = &code.nodes[*id as usize];
            if step.tuple {
                return self.tuple_path(node, steps, index, current, frame);
            }
            let last = index + 1 == steps.len();
            current = match &step.kind {
                Kind::Name(name) if step.extra.is_none() => self.name_step(&current, name, last)?,
                Kind::Sort(terms) => {
                    let sorted = self.sort(terms, current, step.position, frame)?;
                    self.filter_stages(step, sorted, frame)?
                }
                _ if index == 0 && step.cons => Seq::Whole(self.eval(*id, &whole(current), frame)?),
                _ => self.step(*id, step, &current, last, frame)?,
            };
            if matches!(current, Seq::Whole(_))
                && (current.len() == 0 || matches!(current, Seq::Whole(Item::Undefined)))
            {
                break;
            }
        }
        if let Some(extra) = &node.extra
            && let Some(group) = &extra.group
        {
            let raw = self.end_of_path_raw(current, keep_singleton);
            return self.group(&group.pairs, group.position, raw, frame);
        }
        Ok(self.end_of_path(node, current, keep_singleton))
    }

    /// The start of a path at a variable, as far as plain names lead from object to object. Gives the item and
    /// the number of steps done.
    fn names_after_variable(
        &mut self,
        steps: &'v [NodeId],
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<(Item<'v>, usize)> {
        let code = self.code;
        let mut item = self.eval(steps[0], input, frame)?;
        let mut n_done = 1;
        for step in &steps[1..] {
            let step = &code.nodes[*step as usize];
            let Kind::Name(name) = &step.kind else { break };
            if step.extra.is_some() || step.tuple {
                break;
            }
            item = match item {
                Item::Ref(Value::Object(object)) => object.get(name).map_or(Item::Undefined, Item::Ref),
                _ => break,
            };
            self.tick(1)?;
            n_done += 1;
            if item.is_undefined() {
                return Ok((item, steps.len()));
            }
        }
        Ok((item, n_done))
    }

    /// The end of a path that carries no bindings.
    pub(super) fn end_of_path(&mut self, node: &'v Node, seq: Seq<'v>, keep_singleton: bool) -> Item<'v> {
        if keep_singleton || node.keep_array {
            let raw = self.end_of_path_raw(seq, keep_singleton);
            return normalise(raw, node.keep_array);
        }
        Self::collapse(seq, false)
    }

    fn end_of_path_raw(&mut self, seq: Seq<'v>, keep_singleton: bool) -> Item<'v> {
        if !keep_singleton {
            return seq.into_raw();
        }
        let flags = SEQUENCE | KEEP;
        let kept = |items| Item::List(std::rc::Rc::new(List::new(items, flags)));
        match seq {
            Seq::Empty => kept(Vec::new()),
            Seq::One(item) => kept(vec![item]),
            Seq::Many(items) => kept(items),
            Seq::Whole(item) if item.flags() & CONS != 0 && !item.is_sequence() => kept(vec![item]),
            Seq::Whole(item) if item.is_sequence() => kept(item.into_items()),
            Seq::Whole(item) => item,
        }
    }

    /// Evaluates a step for each item of `current`.
    fn step(&mut self, id: NodeId, step: &'v Node, current: &Seq<'v>, last: bool, frame: FrameId) -> Run<Seq<'v>> {
        let stages: &'v [Stage] = step.extra.as_ref().map_or(&[], |extra| &extra.stages);
        let mut collector = Collector::new(current.len());
        match current {
            // The common cases, without looking at what `current` is for each item.
            Seq::Whole(Item::Ref(Value::Array(array))) => {
                for value in array.iter() {
                    self.step_of_item(id, stages, &Item::Ref(value), &mut collector, frame)?;
                }
            }
            Seq::Many(items) => {
                for item in items {
                    self.step_of_item(id, stages, item, &mut collector, frame)?;
                }
            }
            Seq::Whole(Item::List(list)) => {
                for item in &list.items {
                    self.step_of_item(id, stages, item, &mut collector, frame)?;
                }
            }
            Seq::One(item) => self.step_of_item(id, stages, item, &mut collector, frame)?,
            current => {
                for index in 0..current.len() {
                    self.step_of_item(id, stages, &current.at(index), &mut collector, frame)?;
                }
            }
        }
        self.finish(collector, last)
    }

    #[inline]
    fn step_of_item(
        &mut self,
        id: NodeId,
        stages: &'v [Stage],
        item: &Item<'v>,
        collector: &mut Collector<'v>,
        frame: FrameId,
    ) -> Run<()> {
        let result = self.eval(id, item, frame)?;
        if stages.is_empty() {
            if !result.is_undefined() {
                collector.push(result);
            }
            return Ok(());
        }
        let mut seq = Seq::Whole(result);
        for stage in stages {
            if let Stage::Filter(predicate) = stage {
                seq = self.filter(*predicate, seq, frame)?;
            }
        }
        collector.push_seq(seq);
        Ok(())
    }

    /// Ends a step, charging the list that it made.
    fn finish(&mut self, collector: Collector<'v>, last: bool) -> Run<Seq<'v>> {
        let seq = collector.finish(last);
        if let Seq::Many(items) = &seq {
            self.charge_list(items.len())?;
        }
        Ok(seq)
    }

    fn filter_stages(&mut self, step: &'v Node, seq: Seq<'v>, frame: FrameId) -> Run<Seq<'v>> {
        let stages: &'v [Stage] = step.extra.as_ref().map_or(&[], |extra| &extra.stages);
        let mut seq = seq;
        for stage in stages {
            if let Stage::Filter(predicate) = stage {
                seq = self.filter(*predicate, seq, frame)?;
            }
        }
        Ok(seq)
    }

    /// A step that is a plain name.
    fn name_step(&mut self, current: &Seq<'v>, name: &'v Str, last: bool) -> Run<Seq<'v>> {
        self.check_depth(1)?;
        match current {
            Seq::One(Item::Ref(Value::Object(object))) => {
                self.tick(1)?;
                Ok(match object.get(name) {
                    None => Seq::Empty,
                    Some(value @ Value::Array(array)) if last || array.len() > 1 => Seq::Whole(Item::Ref(value)),
                    Some(Value::Array(array)) => array.first().map_or(Seq::Empty, |value| Seq::One(Item::Ref(value))),
                    Some(value) => Seq::One(Item::Ref(value)),
                })
            }
            Seq::Whole(Item::Ref(Value::Array(array))) => self.name_of_each(array.iter(), name, last),
            Seq::Many(items) => self.name_of_items(items, name, last),
            Seq::Whole(Item::List(list)) => self.name_of_items(&list.items, name, last),
            current => {
                let mut collector = Collector::new(current.len());
                for index in 0..current.len() {
                    self.tick(1)?;
                    let item = current.at(index);
                    self.name_of_any(&item, name, &mut collector)?;
                }
                self.finish(collector, last)
            }
        }
    }

    fn name_of_each(
        &mut self,
        values: impl ExactSizeIterator<Item = &'v Value>,
        name: &'v Str,
        last: bool,
    ) -> Run<Seq<'v>> {
        self.tick(values.len() as u64)?;
        let mut collector = Collector::new(values.len());
        let mut hint = 0;
        for value in values {
            match value {
                Value::Object(object) => {
                    if let Some(value) = find(object, name, &mut hint) {
                        collector.push(Item::Ref(value));
                    }
                }
                Value::Array(_) => self.name_of_any(&Item::Ref(value), name, &mut collector)?,
                _ => {}
            }
        }
        self.finish(collector, last)
    }

    fn name_of_items(&mut self, items: &[Item<'v>], name: &'v Str, last: bool) -> Run<Seq<'v>> {
        self.tick(items.len() as u64)?;
        let mut collector = Collector::new(items.len());
        let mut hint = 0;
        for item in items {
            match item {
                Item::Ref(Value::Object(object)) => {
                    if let Some(value) = find(object, name, &mut hint) {
                        collector.push(Item::Ref(value));
                    }
                }
                Item::Ref(value) if !matches!(value, Value::Array(_)) => {}
                item => self.name_of_any(item, name, &mut collector)?,
            }
        }
        self.finish(collector, last)
    }

    fn name_of_any(&mut self, item: &Item<'v>, name: &str, collector: &mut Collector<'v>) -> Run<()> {
        let seq = self.names_of(item, name)?;
        let result = Self::collapse(seq, false);
        if !result.is_undefined() {
            collector.push(result);
        }
        Ok(())
    }

    /// The reference's `lookup`: the member of an object, those of all objects in an array.
    pub(crate) fn names_of(&mut self, item: &Item<'v>, name: &str) -> Run<Seq<'v>> {
        if !item.is_array() {
            return Ok(Seq::Whole(item.member(name)));
        }
        self.check_stack()?;
        let mut found = Vec::new();
        for index in 0..item.len() {
            self.tick(1)?;
            match self.names_of(&item.at(index), name)? {
                Seq::Empty | Seq::Whole(Item::Undefined) => {}
                Seq::One(item) => found.push(item),
                Seq::Many(mut items) => found.append(&mut items),
                Seq::Whole(item) if item.is_array() => {
                    self.tick(item.len() as u64)?;
                    found.extend((0..item.len()).map(|index| item.at(index)));
                }
                Seq::Whole(item) => found.push(item),
            }
        }
        self.charge_list(found.len())?;
        Ok(Seq::of(found))
    }

    /// Keeps the items for which `predicate` holds, or whose position it gives.
    pub(super) fn filter(&mut self, predicate: NodeId, seq: Seq<'v>, frame: FrameId) -> Run<Seq<'v>> {
        if let Kind::Literal(value) = &self.code.nodes[predicate as usize].kind
            && self.code.nodes[predicate as usize].extra.is_none()
            && let Some(number) = value.as_f64()
        {
            let item = position(number, seq.len()).map_or(Item::Undefined, |index| seq.at(index));
            return Ok(match item {
                Item::Undefined => Seq::Empty,
                item if item.is_array() => Seq::Whole(item),
                item => Seq::One(item),
            });
        }
        let mut kept = Vec::new();
        let len = seq.len();
        match &seq {
            Seq::Whole(Item::Ref(Value::Array(array))) => {
                for (index, value) in array.iter().enumerate() {
                    let item = Item::Ref(value);
                    let times = self.test(predicate, &item, index, len, frame)?;
                    kept.extend((0..times).map(|_| item.clone()));
                }
            }
            Seq::Whole(Item::List(list)) => {
                for (index, item) in list.items.iter().enumerate() {
                    let times = self.test(predicate, item, index, len, frame)?;
                    kept.extend((0..times).map(|_| item.clone()));
                }
            }
            seq => {
                for index in 0..len {
                    let item = seq.at(index);
                    let times = self.test(predicate, &item, index, len, frame)?;
                    kept.extend((0..times).map(|_| item.clone()));
                }
            }
        }
        if kept.len() > 1 {
            self.charge_list(kept.len())?;
            return Ok(Seq::Many(kept));
        }
        Ok(kept.pop().map_or(Seq::Empty, Seq::One))
    }

    /// How many times a predicate keeps the item at `index`: numbers name positions, and may name one repeatedly.
    pub(super) fn test(
        &mut self,
        predicate: NodeId,
        item: &Item<'v>,
        index: usize,
        len: usize,
        frame: FrameId,
    ) -> Run<usize> {
        let result = self.eval(predicate, item, frame)?;
        match &result {
            Item::Ref(Value::Bool(bool)) => return Ok(usize::from(*bool)),
            Item::Undefined => return Ok(0),
            _ => {}
        }
        if let Some(number) = result.as_number() {
            return Ok(usize::from(position(finite(number)?, len) == Some(index)));
        }
        if result.is_array() {
            let n_items = result.len();
            let mut times = 0;
            let mut all_numbers = true;
            for position_index in 0..n_items {
                self.tick(1)?;
                match result.at(position_index).as_number() {
                    Some(number) => times += usize::from(position(finite(number)?, len) == Some(index)),
                    None => {
                        all_numbers = false;
                        break;
                    }
                }
            }
            if all_numbers {
                return Ok(times);
            }
        }
        Ok(usize::from(self.truth(&result)?.unwrap_or(false)))
    }

    #[inline(never)]
    pub(super) fn wildcard(&mut self, input: &Item<'v>) -> Run<Item<'v>> {
        let input = match input {
            Item::List(list) if list.flags & OUTER != 0 => list.items[0].clone(),
            input => input.clone(),
        };
        let mut found = Vec::new();
        match &input {
            Item::Ref(Value::Object(object)) => {
                for value in object.values() {
                    match value {
                        Value::Array(array) => self.flatten_array(array, &mut found)?,
                        value => found.push(Item::Ref(value)),
                    }
                }
            }
            Item::Ref(Value::Array(array)) => self.flatten_array(array, &mut found)?,
            input if input.is_object() => {
                for (_, item) in input.members() {
                    self.flatten(item, &mut found)?;
                }
            }
            input => {
                for index in 0..input.len() {
                    self.flatten(input.at(index), &mut found)?;
                }
            }
        }
        self.tick(found.len() as u64)?;
        self.charge_list(found.len())?;
        Ok(Seq::of(found).into_raw())
    }

    fn flatten_array(&mut self, array: &'v Array, found: &mut Vec<Item<'v>>) -> Run<()> {
        self.check_stack()?;
        self.tick(array.len() as u64)?;
        for value in array.iter() {
            match value {
                Value::Array(array) => self.flatten_array(array, found)?,
                value => found.push(Item::Ref(value)),
            }
        }
        Ok(())
    }

    fn flatten(&mut self, item: Item<'v>, found: &mut Vec<Item<'v>>) -> Run<()> {
        self.tick(1)?;
        if !item.is_array() {
            found.push(item);
            return Ok(());
        }
        self.check_stack()?;
        (0..item.len()).try_for_each(|index| self.flatten(item.at(index), found))
    }

    #[inline(never)]
    pub(super) fn descendants(&mut self, input: &Item<'v>) -> Run<Item<'v>> {
        if input.is_undefined() {
            return Ok(Item::Undefined);
        }
        let mut found = Vec::new();
        match input {
            Item::Ref(value) => self.descend_value(value, &mut found)?,
            input => self.descend(input, &mut found)?,
        }
        self.charge_list(found.len())?;
        Ok(if found.len() == 1 { found.swap_remove(0) } else { Seq::of(found).into_raw() })
    }

    fn descend_value(&mut self, value: &'v Value, found: &mut Vec<Item<'v>>) -> Run<()> {
        match value {
            Value::Array(array) => {
                self.check_stack()?;
                self.tick(1 + array.len() as u64)?;
                for value in array.iter() {
                    match value {
                        Value::Array(_) | Value::Object(_) => self.descend_value(value, found)?,
                        value => found.push(Item::Ref(value)),
                    }
                }
            }
            Value::Object(object) => {
                self.check_stack()?;
                self.tick(1 + object.len() as u64)?;
                self.charge(12 + 12 * object.len() as u64)?;
                found.push(Item::Ref(value));
                for value in object.values() {
                    match value {
                        Value::Array(_) | Value::Object(_) => self.descend_value(value, found)?,
                        value => found.push(Item::Ref(value)),
                    }
                }
            }
            value => found.push(Item::Ref(value)),
        }
        Ok(())
    }

    fn descend(&mut self, item: &Item<'v>, found: &mut Vec<Item<'v>>) -> Run<()> {
        self.tick(1)?;
        self.check_stack()?;
        if item.is_array() {
            return (0..item.len()).try_for_each(|index| self.descend(&item.at(index), found));
        }
        self.charge(12)?;
        found.push(item.clone());
        item.members().iter().try_for_each(|(_, item)| self.descend(item, found))
    }

    /// Whether `view` holds what `=` calls equal to `other`.
    pub(crate) fn equal(&mut self, a: View<'_, 'v>, b: View<'_, 'v>) -> Run<bool> {
        self.tick(1)?;
        match (a, b) {
            (View::Value(a), View::Value(b)) => {
                if a.is_same(b) {
                    return Ok(!matches!(a, Value::Float(number) if number.is_nan()));
                }
                if !matches!((a, b), (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_))) {
                    return Ok(a == b);
                }
            }
            (View::Int(int), View::Value(value)) | (View::Value(value), View::Int(int)) => {
                return Ok(*value == Value::Int(int));
            }
            _ => {}
        }
        if let (Some(len), Some(other)) = (a.array_len(), b.array_len()) {
            if len != other {
                return Ok(false);
            }
            self.check_stack()?;
            for index in 0..len {
                if !self.equal(a.item(index), b.item(index))? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if let (Some(len), Some(other)) = (a.object_len(), b.object_len()) {
            if len != other {
                return Ok(false);
            }
            self.check_stack()?;
            for index in 0..len {
                let Some((key, value)) = a.entry(index) else { return Ok(false) };
                let Some(other) = b.member(key) else { return Ok(false) };
                if !self.equal(value, other)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        Ok(matches!((a, b), (View::Int(a), View::Int(b)) if a == b))
    }
}

/// Members of objects of one kind tend to stand at the same place: looks there first.
#[inline]
fn find<'a>(object: &'a Object, name: &str, hint: &mut usize) -> Option<&'a Value> {
    let entries = object.entries();
    if let Some((key, value)) = entries.get(*hint)
        && key == name
    {
        return Some(value);
    }
    if entries.len() > 16 {
        return object.get(name);
    }
    let position = entries.iter().position(|(key, _)| key == name)?;
    *hint = position;
    Some(&entries[position].1)
}

/// The index that a number in a predicate names: rounded down, counted from the end when negative.
fn position(number: f64, len: usize) -> Option<usize> {
    let index = number.floor();
    let index = if index < 0.0 { len as f64 + index } else { index };
    (index >= 0.0 && index < len as f64).then_some(index as usize)
}

/// What an array constructor at the start of a path sees as its context.
fn whole(seq: Seq<'_>) -> Item<'_> {
    match seq {
        Seq::One(item) | Seq::Whole(item) => item,
        seq => seq.into_raw(),
    }
}
