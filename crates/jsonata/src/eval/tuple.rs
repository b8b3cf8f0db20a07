//! Paths whose items carry bindings: `@$variable`, `#$variable`, `%`.

use std::rc::Rc;

use crate::error::Run;
use crate::eval::{Evaluator, FrameId};
use crate::item::{Item, Seq, Tuple};
use crate::node::{Group, Kind, Node, NodeId, Stage};

/// AWS's model has no figure for these; a tuple is a map of its bindings.
const TUPLE_BYTES: u64 = 48;

type Stream<'v> = Vec<Rc<Tuple<'v>>>;

impl<'v> Evaluator<'v> {
    /// The steps of a path from `from` on, where bindings begin.
    #[inline(never)]
    pub(super) fn tuple_path(
        &mut self,
        node: &'v Node,
        steps: &'v [NodeId],
        from: usize,
        current: Seq<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let code = self.code;
        let mut start = Some(current);
        let mut stream: Stream<'v> = Vec::new();
        for (index, id) in steps.iter().enumerate().skip(from) {
            let step = &code.nodes[*id as usize];
            if index == 0 && step.cons {
                let input = start.take().map_or(Item::Undefined, Seq::into_raw);
                let items = self.eval(*id, &input, frame)?;
                // The reference binds nothing to the items of an array that is written first, and goes on with the input.
                let has_focus = step.extra.as_ref().is_some_and(|extra| extra.focus.is_some());
                start = Some(Seq::Whole(if has_focus { input } else { items }));
                continue;
            }
            if let Kind::Sort(terms) = &step.kind {
                stream = match start.take() {
                    None => self.sort_stream(terms, stream, step.position, frame)?,
                    Some(seq) => {
                        let sorted = self.sort(terms, seq, step.position, frame)?;
                        let key = step.extra.as_ref().and_then(|extra| extra.index);
                        self.charge(TUPLE_BYTES * sorted.len() as u64)?;
                        (0..sorted.len())
                            .map(|index| {
                                let bindings = key.map(|key| (key, Item::int(index))).into_iter().collect();
                                Rc::new(Tuple { at: sorted.at(index), bindings })
                            })
                            .collect()
                    }
                };
            } else {
                if let Some(seq) = start.take() {
                    stream = (0..seq.len())
                        .map(|index| Rc::new(Tuple { at: seq.at(index), bindings: Vec::new() }))
                        .collect();
                }
                stream = self.tuple_step(*id, step, stream, frame)?;
            }
            let stages: &'v [Stage] = step.extra.as_ref().map_or(&[], |extra| &extra.stages);
            for stage in stages {
                stream = self.stage(stage, stream, frame)?;
            }
        }
        self.end_of_stream(node, stream, frame)
    }

    fn end_of_stream(&mut self, node: &'v Node, stream: Stream<'v>, frame: FrameId) -> Run<Item<'v>> {
        if let Some(extra) = &node.extra
            && let Some(group) = &extra.group
        {
            return self.group_stream(group, &stream, frame);
        }
        if node.tuple {
            return Ok(Item::Stream(Rc::new(stream)));
        }
        let keep = matches!(node.kind, Kind::Path { keep_singleton: true, .. }) || node.keep_array;
        self.charge_list(stream.len())?;
        let items: Vec<Item<'v>> = stream
            .into_iter()
            .map(|tuple| Rc::try_unwrap(tuple).map_or_else(|tuple| tuple.at.clone(), |tuple| tuple.at))
            .collect();
        Ok(Self::collapse(Seq::of(items), keep))
    }

    fn tuple_step(&mut self, id: NodeId, step: &'v Node, stream: Stream<'v>, frame: FrameId) -> Run<Stream<'v>> {
        let scope = self.code.item_scope(id);
        let mut out: Stream<'v> = Vec::with_capacity(stream.len());
        for tuple in &stream {
            let inner = self.push_item_frame(frame, scope, tuple);
            let result = self.eval(id, &tuple.at, inner)?;
            self.pop_frames(inner);
            match result {
                Item::Undefined => {}
                Item::Stream(nested) => {
                    self.charge(TUPLE_BYTES * nested.len() as u64)?;
                    for inner in nested.iter() {
                        let mut merged = (**tuple).clone();
                        merged.at = inner.at.clone();
                        for (key, item) in &inner.bindings {
                            bind(&mut merged, *key, item.clone());
                        }
                        out.push(Rc::new(merged));
                    }
                }
                result if result.is_array() => {
                    let len = result.len();
                    self.tick(len as u64)?;
                    self.charge(TUPLE_BYTES * len as u64)?;
                    for index in 0..len {
                        out.push(Rc::new(self.extend(step, tuple, result.at(index), index)));
                    }
                }
                result => {
                    self.charge(TUPLE_BYTES)?;
                    out.push(Rc::new(self.extend(step, tuple, result, 0)));
                }
            }
        }
        Ok(out)
    }

    /// The tuple for one result of a step.
    #[inline]
    fn extend(&self, step: &'v Node, tuple: &Tuple<'v>, item: Item<'v>, index: usize) -> Tuple<'v> {
        let mut bindings = Vec::with_capacity(tuple.bindings.len() + 1);
        bindings.extend_from_slice(&tuple.bindings);
        let mut next = Tuple { at: Item::Undefined, bindings };
        let Some(extra) = &step.extra else {
            next.at = item;
            return next;
        };
        match extra.focus {
            Some(key) => {
                bind(&mut next, key, item);
                next.at = tuple.at.clone();
            }
            None => next.at = item,
        }
        if let Some(key) = extra.index {
            bind(&mut next, key, Item::int(index));
        }
        if let Some(slot) = extra.ancestor {
            let key = self.code.n_keys + self.code.labels[slot as usize];
            bind(&mut next, key, tuple.at.clone());
        }
        next
    }

    fn stage(&mut self, stage: &'v Stage, stream: Stream<'v>, frame: FrameId) -> Run<Stream<'v>> {
        match stage {
            Stage::Index(key) => {
                let mut stream = stream;
                for (index, tuple) in stream.iter_mut().enumerate() {
                    bind(Rc::make_mut(tuple), *key, Item::int(index));
                }
                Ok(stream)
            }
            Stage::Filter(predicate) => match self.filter_stream(*predicate, &stream, frame)? {
                Item::Stream(kept) => Ok(Rc::try_unwrap(kept).unwrap_or_else(|kept| (*kept).clone())),
                _ => Ok(Vec::new()),
            },
        }
    }

    pub(super) fn filter_stream(
        &mut self,
        predicate: NodeId,
        stream: &[Rc<Tuple<'v>>],
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let node = &self.code.nodes[predicate as usize];
        if let Kind::Literal(value) = &node.kind
            && let Some(number) = value.as_f64()
        {
            let number = number.floor();
            let index = if number < 0.0 { stream.len() as f64 + number } else { number };
            let kept = if index >= 0.0 { stream.get(index as usize).cloned() } else { None };
            return Ok(Item::Stream(Rc::new(kept.into_iter().collect())));
        }
        let scope = self.code.item_scope(predicate);
        let mut kept = Vec::new();
        for (index, tuple) in stream.iter().enumerate() {
            let inner = self.push_item_frame(frame, scope, tuple);
            let times = self.test(predicate, &tuple.at, index, stream.len(), inner)?;
            self.pop_frames(inner);
            kept.extend((0..times).map(|_| tuple.clone()));
        }
        self.charge_list(kept.len())?;
        Ok(Item::Stream(Rc::new(kept)))
    }

    /// A frame in which the bindings of `tuple` are visible.
    pub(super) fn push_item_frame(&mut self, parent: FrameId, scope: u32, tuple: &Rc<Tuple<'v>>) -> FrameId {
        let frame = self.push_frame(parent, scope);
        self.bind(frame, 0, Item::Tuple(tuple.clone()));
        frame
    }

    /// Groups items with bindings: in a group, each binding is the list of what its items bind.
    #[inline(never)]
    pub(super) fn group_stream(&mut self, group: &'v Group, stream: &[Rc<Tuple<'v>>], frame: FrameId) -> Run<Item<'v>> {
        let mut groups = super::group::Groups::default();
        for (index, tuple) in stream.iter().enumerate() {
            for (pair, (key, _)) in group.pairs.iter().enumerate() {
                let inner = self.push_item_frame(frame, self.code.item_scope(*key), tuple);
                let key = self.eval(*key, &tuple.at, inner)?;
                self.pop_frames(inner);
                self.add_to_group(&mut groups, key, pair, index, group.position)?;
            }
        }
        let mut entries = Vec::with_capacity(groups.members.len());
        for member in groups.members {
            let reduced = Rc::new(self.reduce(&member.indexes, stream)?);
            let (_, value) = group.pairs[member.pair];
            let inner = self.push_item_frame(frame, self.code.item_scope(value), &reduced);
            let item = self.eval(value, &reduced.at, inner)?;
            self.pop_frames(inner);
            if !item.is_undefined() {
                entries.push((member.key, item));
            }
        }
        self.make_object(entries)
    }

    fn reduce(&mut self, indexes: &[u32], stream: &[Rc<Tuple<'v>>]) -> Run<Tuple<'v>> {
        let mut tuples = indexes.iter().map(|index| &stream[*index as usize]);
        let Some(first) = tuples.next() else {
            return Ok(Tuple { at: Item::Undefined, bindings: Vec::new() });
        };
        if indexes.len() == 1 {
            return Ok((**first).clone());
        }
        self.tick(indexes.len() as u64)?;
        let mut at = Vec::with_capacity(indexes.len());
        append(&mut at, &first.at);
        let mut bindings: Vec<(u32, Vec<Item<'v>>)> = Vec::new();
        for (key, item) in &first.bindings {
            let mut items = Vec::new();
            append(&mut items, item);
            bindings.push((*key, items));
        }
        for tuple in tuples {
            append(&mut at, &tuple.at);
            for (key, item) in &tuple.bindings {
                match bindings.iter_mut().find(|(other, _)| other == key) {
                    Some((_, items)) => append(items, item),
                    None => bindings.push((*key, vec![item.clone()])),
                }
            }
        }
        self.charge_list(at.len())?;
        let bindings = bindings.into_iter().map(|(key, items)| (key, as_appended(items))).collect();
        Ok(Tuple { at: as_appended(at), bindings })
    }

    /// The group of a block that might have carried bindings and does not.
    pub(super) fn group_unbound(&mut self, group: &'v Group, item: Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        let stream: Stream<'v> = match &item {
            item if item.is_array() => {
                (0..item.len()).map(|index| Rc::new(Tuple { at: item.at(index), bindings: Vec::new() })).collect()
            }
            item => vec![Rc::new(Tuple { at: item.clone(), bindings: Vec::new() })],
        };
        self.group_stream(group, &stream, frame)
    }
}

/// What `$append` leaves when applied again and again: undefined is nothing, a single item itself.
fn append<'v>(items: &mut Vec<Item<'v>>, item: &Item<'v>) {
    if item.is_array() {
        items.extend((0..item.len()).map(|index| item.at(index)));
    } else if !item.is_undefined() {
        items.push(item.clone());
    }
}

fn as_appended(mut items: Vec<Item<'_>>) -> Item<'_> {
    match items.len() {
        0 => Item::Undefined,
        1 => items.swap_remove(0),
        _ => Item::plain_list(items),
    }
}

fn bind<'v>(tuple: &mut Tuple<'v>, key: u32, item: Item<'v>) {
    match tuple.bindings.iter_mut().find(|(other, _)| *other == key) {
        Some((_, place)) => *place = item,
        None => tuple.bindings.push((key, item)),
    }
}
