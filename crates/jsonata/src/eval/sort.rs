//! `^(…)` and the merge sort behind it and behind `$sort`.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::error::{Error, Run};
use crate::eval::operator::order;
use crate::eval::{Evaluator, FrameId};
use crate::item::{Item, Seq, Tuple};
use crate::node::SortTerm;

impl<'v> Evaluator<'v> {
    #[inline(never)]
    pub(super) fn sort(&mut self, terms: &'v [SortTerm], seq: Seq<'v>, position: u32, frame: FrameId) -> Run<Seq<'v>> {
        let len = seq.len();
        if len <= 1 {
            return Ok(seq);
        }
        let items: Vec<Item<'v>> = (0..len).map(|index| seq.at(index)).collect();
        let mut keys = Keys::new(terms, len);
        let sorted = self.order_of(len, |evaluator, a, b| {
            evaluator.is_after(terms, &mut keys, a, b, position, &mut |evaluator, term, index| {
                evaluator.eval(terms[term].expression, &items[index], frame)
            })
        })?;
        self.charge_list(len)?;
        // The reference sorts into a plain array.
        let sorted = sorted.into_iter().map(|index| items[index as usize].clone()).collect();
        Ok(Seq::Whole(Item::plain_list(sorted)))
    }

    #[inline(never)]
    pub(super) fn sort_stream(
        &mut self,
        terms: &'v [SortTerm],
        stream: Vec<Rc<Tuple<'v>>>,
        position: u32,
        frame: FrameId,
    ) -> Run<Vec<Rc<Tuple<'v>>>> {
        let len = stream.len();
        if len <= 1 {
            return Ok(stream);
        }
        let mut keys = Keys::new(terms, len);
        let sorted = self.order_of(len, |evaluator, a, b| {
            evaluator.is_after(terms, &mut keys, a, b, position, &mut |evaluator, term, index| {
                let expression = terms[term].expression;
                let scope = evaluator.code.item_scope(expression);
                let inner = evaluator.push_item_frame(frame, scope, &stream[index]);
                let key = evaluator.eval(expression, &stream[index].at, inner)?;
                evaluator.pop_frames(inner);
                Ok(key)
            })
        })?;
        Ok(sorted.into_iter().map(|index| stream[index as usize].clone()).collect())
    }

    /// Whether item `a` belongs behind item `b`. Keys are evaluated once, when first needed.
    fn is_after(
        &mut self,
        terms: &'v [SortTerm],
        keys: &mut Keys<'v>,
        a: usize,
        b: usize,
        position: u32,
        key_of: &mut dyn FnMut(&mut Self, usize, usize) -> Run<Item<'v>>,
    ) -> Run<bool> {
        for (index, term) in terms.iter().enumerate() {
            for item in [a, b] {
                if keys.get(index, item).is_none() {
                    let key = key_of(self, index, item)?;
                    keys.set(index, item, key);
                }
            }
            let (Some(left), Some(right)) = (keys.get(index, a), keys.get(index, b)) else { continue };
            // Undefined comes last, in either direction.
            let ordering = match (left.is_undefined(), right.is_undefined()) {
                (true, true) => continue,
                (true, false) => return Ok(true),
                (false, true) => return Ok(false),
                (false, false) => match order(left, right) {
                    Some(ordering) => ordering,
                    None => return Err(Box::new(incomparable(left, right, position))),
                },
            };
            match (ordering, term.descending) {
                (Ordering::Equal, _) => {}
                (Ordering::Greater, false) | (Ordering::Less, true) => return Ok(true),
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// The order of `len` items, by a stable merge sort. `is_after` may fail, and is asked what the reference asks.
    pub(crate) fn order_of(
        &mut self,
        len: usize,
        mut is_after: impl FnMut(&mut Self, usize, usize) -> Run<bool>,
    ) -> Run<Vec<u32>> {
        let mut order: Vec<u32> = (0..len as u32).collect();
        let mut spare = order.clone();
        self.merge_sort(&mut order, &mut spare, &mut is_after)?;
        Ok(order)
    }

    fn merge_sort(
        &mut self,
        order: &mut [u32],
        spare: &mut [u32],
        is_after: &mut impl FnMut(&mut Self, usize, usize) -> Run<bool>,
    ) -> Run<()> {
        let middle = order.len() / 2;
        if middle == 0 {
            return Ok(());
        }
        self.merge_sort(&mut order[..middle], &mut spare[..middle], is_after)?;
        self.merge_sort(&mut order[middle..], &mut spare[middle..], is_after)?;
        let (mut left, mut right) = (0, middle);
        for place in spare.iter_mut() {
            let take_right = if left == middle {
                true
            } else if right == order.len() {
                false
            } else {
                self.tick(1)?;
                is_after(self, order[left] as usize, order[right] as usize)?
            };
            let from = if take_right { &mut right } else { &mut left };
            *place = order[*from];
            *from += 1;
        }
        order.copy_from_slice(spare);
        Ok(())
    }
}

/// The keys of the items to sort, by term.
struct Keys<'v> {
    keys: Vec<Option<Item<'v>>>,
    n_items: usize,
}

impl<'v> Keys<'v> {
    fn new(terms: &[SortTerm], n_items: usize) -> Keys<'v> {
        Keys { keys: vec![None; terms.len() * n_items], n_items }
    }

    fn get(&self, term: usize, item: usize) -> Option<&Item<'v>> {
        self.keys[term * self.n_items + item].as_ref()
    }

    fn set(&mut self, term: usize, item: usize, key: Item<'v>) {
        self.keys[term * self.n_items + item] = Some(key);
    }
}

fn incomparable(left: &Item<'_>, right: &Item<'_>, position: u32) -> Error {
    let sortable = |item: &Item<'_>| item.as_number().is_some() || item.as_str().is_some();
    if !sortable(left) || !sortable(right) {
        return Error::new("T2008").at(position);
    }
    let json = |item: &Item<'_>| crate::text::for_error(item.view());
    Error::new("T2007").at(position).insert("value", json(left)).insert("value2", json(right))
}
