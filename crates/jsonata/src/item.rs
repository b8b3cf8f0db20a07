//! Values inside an evaluation: borrowed from the input as long as possible, with what JSON does not know.
//!
//! What the reference marks on arrays and objects is a type or a flag here, so no key in a user's data can
//! be taken for machinery.

use std::rc::Rc;

use stepwell_value::{Kind, Str, Value};

use crate::builtin::Builtin;
use crate::program::RegexLiteral;

/// What an expression evaluates to.
#[derive(Clone, Default)]
pub(crate) enum Item<'v> {
    #[default]
    Undefined,
    /// Part of the input, of a variable, or a literal of the program.
    Ref(&'v Value),
    /// Made during the evaluation.
    Value(Value),
    /// An array made during the evaluation.
    List(Rc<List<'v>>),
    /// The array `[start..start+len-1]`, not written out.
    Range(Range),
    /// An object with members that are no plain JSON values.
    Map(Rc<Map<'v>>),
    /// Index in the evaluation's functions.
    Function(u32),
    Builtin(Builtin),
    Regex(&'v RegexLiteral),
    /// A call in tail position that the caller is to make: index in the evaluation's functions.
    TailCall(u32),
    /// Items with bindings, between steps of a path.
    Stream(Rc<Vec<Rc<Tuple<'v>>>>),
    /// One of them; stands only in slot 0 of a frame.
    Tuple(Rc<Tuple<'v>>),
}

/// The result of steps and filters: collapses if it has one item.
pub(crate) const SEQUENCE: u8 = 1;
/// Does not collapse.
pub(crate) const KEEP: u8 = 2;
/// An array constructor in a path: not flattened into the sequence around it.
pub(crate) const CONS: u8 = 4;
/// Stands around an input that is an array, so that `$` is the whole of it.
pub(crate) const OUTER: u8 = 8;

#[derive(Clone)]
pub(crate) struct List<'v> {
    pub(crate) items: Vec<Item<'v>>,
    pub(crate) flags: u8,
    /// Containers nested in one another as far as they were made here.
    pub(crate) depth: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) len: u32,
    pub(crate) cons: bool,
}

pub(crate) struct Map<'v> {
    pub(crate) entries: Vec<(Str, Item<'v>)>,
    pub(crate) depth: u32,
}

/// An item on its way through a path, with the variables bound on the way.
#[derive(Clone)]
pub(crate) struct Tuple<'v> {
    pub(crate) at: Item<'v>,
    /// Keys are those of `@` and `#` variables, then the labels of `%`.
    pub(crate) bindings: Vec<(u32, Item<'v>)>,
}

pub(crate) static NULL: Value = Value::Null;
pub(crate) static TRUE: Value = Value::Bool(true);
pub(crate) static FALSE: Value = Value::Bool(false);

impl<'v> Item<'v> {
    pub(crate) fn null() -> Item<'v> {
        Item::Ref(&NULL)
    }

    pub(crate) fn bool(bool: bool) -> Item<'v> {
        Item::Ref(if bool { &TRUE } else { &FALSE })
    }

    pub(crate) fn number(number: f64) -> Item<'v> {
        Item::Value(Value::number(number))
    }

    pub(crate) fn int(int: usize) -> Item<'v> {
        Item::Value(Value::Int(int as i64))
    }

    pub(crate) fn string(text: impl Into<Str>) -> Item<'v> {
        Item::Value(Value::Str(text.into()))
    }

    /// An array of items that are not nested deeper than values may be.
    pub(crate) fn plain_list(items: Vec<Item<'v>>) -> Item<'v> {
        Item::List(Rc::new(List::new(items, 0)))
    }

    pub(crate) fn sequence(items: Vec<Item<'v>>) -> Item<'v> {
        Item::List(Rc::new(List::new(items, SEQUENCE)))
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Item::Undefined)
    }

    pub(crate) fn is_function(&self) -> bool {
        matches!(self, Item::Function(_) | Item::Builtin(_) | Item::Regex(_) | Item::TailCall(_))
    }

    /// The JSON value, if the item is one as it stands.
    #[inline]
    pub(crate) fn as_value(&self) -> Option<&Value> {
        match self {
            Item::Ref(value) => Some(value),
            Item::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The kind of JSON value; meaningless for functions and undefined.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Item::Ref(value) => value.kind(),
            Item::Value(value) => value.kind(),
            Item::List(_) | Item::Range(_) | Item::Stream(_) => Kind::Array,
            Item::Map(_) => Kind::Object,
            _ => Kind::Null,
        }
    }

    #[inline]
    pub(crate) fn as_number(&self) -> Option<f64> {
        self.as_value().and_then(Value::as_f64)
    }

    #[inline]
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.as_value().and_then(Value::as_str)
    }

    /// The text, sharing it where it is shared already.
    pub(crate) fn to_str(&self) -> Option<Str> {
        match self.as_value() {
            Some(Value::Str(text)) => Some(text.clone()),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_array(&self) -> bool {
        matches!(
            self,
            Item::Ref(Value::Array(_))
                | Item::Value(Value::Array(_))
                | Item::List(_)
                | Item::Range(_)
                | Item::Stream(_)
        )
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Item::Ref(Value::Object(_)) | Item::Value(Value::Object(_)) | Item::Map(_))
    }

    pub(crate) fn flags(&self) -> u8 {
        match self {
            Item::List(list) => list.flags,
            Item::Range(range) if range.cons => CONS,
            _ => 0,
        }
    }

    pub(crate) fn is_sequence(&self) -> bool {
        self.flags() & SEQUENCE != 0
    }

    /// The number of items of an array; 0 for everything else.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Item::Ref(Value::Array(array)) => array.len(),
            Item::Value(Value::Array(array)) => array.len(),
            Item::List(list) => list.items.len(),
            Item::Range(range) => range.len as usize,
            Item::Stream(tuples) => tuples.len(),
            _ => 0,
        }
    }

    /// The item at `index` of an array; undefined beyond its end.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> Item<'v> {
        match self {
            Item::Ref(Value::Array(array)) => array.get(index).map_or(Item::Undefined, Item::Ref),
            Item::Value(Value::Array(array)) => {
                array.get(index).map_or(Item::Undefined, |value| Item::Value(value.clone()))
            }
            Item::List(list) => list.items.get(index).cloned().unwrap_or_default(),
            Item::Range(range) if index < range.len as usize => Item::Value(Value::Int(range.start + index as i64)),
            Item::Stream(tuples) => tuples.get(index).map(|tuple| tuple.at.clone()).unwrap_or_default(),
            _ => Item::Undefined,
        }
    }

    /// Whether `test` holds for all items of an array.
    pub(crate) fn all_items(&self, mut test: impl FnMut(Item<'v>) -> bool) -> bool {
        (0..self.len()).all(|index| test(self.at(index)))
    }

    /// The items of an array as a vector, without copying them when nobody else holds them.
    pub(crate) fn into_items(self) -> Vec<Item<'v>> {
        match self {
            Item::List(list) => match Rc::try_unwrap(list) {
                Ok(list) => list.items,
                Err(shared) => shared.items.clone(),
            },
            other => (0..other.len()).map(|index| other.at(index)).collect(),
        }
    }

    /// Containers nested in one another, not counting what is borrowed.
    pub(crate) fn built_depth(&self) -> u32 {
        match self {
            Item::List(list) => list.depth,
            Item::Map(map) => map.depth,
            Item::Value(value) => value.depth(),
            _ => 0,
        }
    }

    pub(crate) fn view(&self) -> View<'_, 'v> {
        match self {
            Item::Undefined => View::Undefined,
            Item::Ref(value) => View::Value(value),
            Item::Value(value) => View::Value(value),
            Item::List(list) => View::List(list),
            Item::Range(range) => View::Range(*range),
            Item::Map(map) => View::Map(map),
            Item::Stream(_) | Item::Tuple(_) => View::Undefined,
            Item::Function(_) | Item::Builtin(_) | Item::Regex(_) | Item::TailCall(_) => View::Function,
        }
    }

    /// The member `key`; undefined if there is none or this is no object.
    pub(crate) fn member(&self, key: &str) -> Item<'v> {
        match self {
            Item::Ref(Value::Object(object)) => object.get(key).map_or(Item::Undefined, Item::Ref),
            Item::Value(Value::Object(object)) => {
                object.get(key).map_or(Item::Undefined, |value| Item::Value(value.clone()))
            }
            Item::Map(map) => map.get(key).cloned().unwrap_or_default(),
            _ => Item::Undefined,
        }
    }

    /// The members of an object, in their order.
    pub(crate) fn members(&self) -> Vec<(Str, Item<'v>)> {
        match self {
            Item::Ref(Value::Object(object)) => {
                object.entries().iter().map(|(key, value)| (key.clone(), Item::Ref(value))).collect()
            }
            Item::Value(Value::Object(object)) => {
                object.entries().iter().map(|(key, value)| (key.clone(), Item::Value(value.clone()))).collect()
            }
            Item::Map(map) => map.entries.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether the item stands for a JSON value and nothing more: no flag, no function.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Item::Ref(_) | Item::Value(_) => true,
            Item::Range(range) => !range.cons,
            Item::List(list) => list.flags == 0 && list.items.iter().all(Item::is_plain),
            _ => false,
        }
    }
}

impl<'v> List<'v> {
    pub(crate) fn new(items: Vec<Item<'v>>, flags: u8) -> List<'v> {
        let depth = 1 + items.iter().map(Item::built_depth).max().unwrap_or(0);
        List { items, flags, depth }
    }
}

impl<'v> Map<'v> {
    /// Keys must be distinct.
    pub(crate) fn new(entries: Vec<(Str, Item<'v>)>) -> Map<'v> {
        let depth = 1 + entries.iter().map(|(_, item)| item.built_depth()).max().unwrap_or(0);
        Map { entries, depth }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Item<'v>> {
        self.entries.iter().find(|(other, _)| other == key).map(|(_, item)| item)
    }
}

/// An item looked at from outside, for walks that treat all forms of an array or object alike.
#[derive(Clone, Copy)]
pub(crate) enum View<'a, 'v> {
    Undefined,
    Value(&'a Value),
    Int(i64),
    List(&'a List<'v>),
    Range(Range),
    Map(&'a Map<'v>),
    Function,
}

impl<'a, 'v> View<'a, 'v> {
    /// The number of items, if it is an array.
    pub(crate) fn array_len(self) -> Option<usize> {
        match self {
            View::Value(Value::Array(array)) => Some(array.len()),
            View::List(list) => Some(list.items.len()),
            View::Range(range) => Some(range.len as usize),
            _ => None,
        }
    }

    /// The item at `index` of an array.
    pub(crate) fn item(self, index: usize) -> View<'a, 'v> {
        match self {
            View::Value(Value::Array(array)) => array.get(index).map_or(View::Undefined, View::Value),
            View::List(list) => list.items.get(index).map_or(View::Undefined, Item::view),
            View::Range(range) => View::Int(range.start + index as i64),
            _ => View::Undefined,
        }
    }

    /// The number of members, if it is an object.
    pub(crate) fn object_len(self) -> Option<usize> {
        match self {
            View::Value(Value::Object(object)) => Some(object.len()),
            View::Map(map) => Some(map.entries.len()),
            _ => None,
        }
    }

    /// The member at `index` of an object.
    pub(crate) fn entry(self, index: usize) -> Option<(&'a Str, View<'a, 'v>)> {
        match self {
            View::Value(Value::Object(object)) => {
                object.entries().get(index).map(|(key, value)| (key, View::Value(value)))
            }
            View::Map(map) => map.entries.get(index).map(|(key, item)| (key, item.view())),
            _ => None,
        }
    }

    pub(crate) fn member(self, key: &str) -> Option<View<'a, 'v>> {
        match self {
            View::Value(Value::Object(object)) => object.get(key).map(View::Value),
            View::Map(map) => map.get(key).map(Item::view),
            _ => None,
        }
    }
}

/// A sequence on its way through a path: not an array before its end, as most have one item.
pub(crate) enum Seq<'v> {
    Empty,
    One(Item<'v>),
    Many(Vec<Item<'v>>),
    /// An array as it is; anything else is a sequence of itself.
    Whole(Item<'v>),
}

impl<'v> Seq<'v> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Seq::Empty => 0,
            Seq::One(_) => 1,
            Seq::Many(items) => items.len(),
            Seq::Whole(item) if item.is_array() => item.len(),
            Seq::Whole(_) => 1,
        }
    }

    pub(crate) fn at(&self, index: usize) -> Item<'v> {
        match self {
            Seq::Empty => Item::Undefined,
            Seq::One(item) => item.clone(),
            Seq::Many(items) => items.get(index).cloned().unwrap_or_default(),
            Seq::Whole(item) if item.is_array() => item.at(index),
            Seq::Whole(item) => item.clone(),
        }
    }

    pub(crate) fn of(items: Vec<Item<'v>>) -> Seq<'v> {
        match items.len() {
            0 => Seq::Empty,
            _ => Seq::Many(items),
        }
    }

    /// The sequence as an item, before `evaluate` collapses it.
    pub(crate) fn into_raw(self) -> Item<'v> {
        match self {
            Seq::Empty => Item::sequence(Vec::new()),
            Seq::One(item) => Item::sequence(vec![item]),
            Seq::Many(items) => Item::sequence(items),
            Seq::Whole(item) => item,
        }
    }
}

/// Room made in advance for the results of a step.
const EXPECTED_MAX: usize = 1 << 16;

/// Gathers the results of a step, flattening arrays by one level.
///
/// The first result waits: alone at the end of a path, an array stays as it is.
pub(crate) struct Collector<'v> {
    first: Option<Item<'v>>,
    pushed: usize,
    expected: usize,
    items: Vec<Item<'v>>,
}

impl<'v> Collector<'v> {
    /// `expected`: about how many results there will be.
    pub(crate) fn new(expected: usize) -> Collector<'v> {
        Collector { first: None, pushed: 0, expected: expected.min(EXPECTED_MAX), items: Vec::new() }
    }

    pub(crate) fn push(&mut self, item: Item<'v>) {
        self.pushed += 1;
        if self.pushed == 1 {
            self.first = Some(item);
            return;
        }
        if let Some(first) = self.first.take() {
            self.items.reserve(self.expected);
            self.flatten(first);
        }
        self.flatten(item);
    }

    pub(crate) fn push_seq(&mut self, seq: Seq<'v>) {
        match seq {
            Seq::Empty => {
                self.pushed += 1;
                if let Some(first) = self.first.take() {
                    self.flatten(first);
                }
            }
            Seq::One(item) => {
                self.pushed += 1;
                if let Some(first) = self.first.take() {
                    self.flatten(first);
                }
                self.items.push(item);
            }
            Seq::Many(mut items) => {
                self.pushed += 1;
                if let Some(first) = self.first.take() {
                    self.flatten(first);
                }
                if self.items.is_empty() {
                    self.items = items;
                } else {
                    self.items.append(&mut items);
                }
            }
            Seq::Whole(Item::Undefined) => {}
            Seq::Whole(item) => self.push(item),
        }
    }

    #[inline]
    fn flatten(&mut self, item: Item<'v>) {
        if !item.is_array() || item.flags() & CONS != 0 {
            self.items.push(item);
        } else {
            match item {
                Item::List(list) => match Rc::try_unwrap(list) {
                    Ok(mut list) => self.items.append(&mut list.items),
                    Err(list) => self.items.extend(list.items.iter().cloned()),
                },
                item => self.items.extend((0..item.len()).map(|index| item.at(index))),
            }
        }
    }

    /// The sequence; `last`: of the last step of a path.
    pub(crate) fn finish(self, last: bool) -> Seq<'v> {
        match self.first {
            Some(first) => Self::settle(first, last),
            None => Seq::of(self.items),
        }
    }

    /// The sequence of a step with one result.
    pub(crate) fn settle(first: Item<'v>, last: bool) -> Seq<'v> {
        if !first.is_array() {
            return if first.is_undefined() { Seq::Empty } else { Seq::One(first) };
        }
        let flags = first.flags();
        if last && flags & SEQUENCE == 0 {
            return Seq::Whole(first);
        }
        if flags & CONS != 0 {
            return Seq::One(first);
        }
        match first.len() {
            0 => Seq::Empty,
            1 => Seq::One(first.at(0)),
            _ if last && flags & KEEP != 0 => Seq::Many(first.into_items()),
            _ => Seq::Whole(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_no_larger_than_values() {
        assert_eq!(size_of::<Item<'_>>(), size_of::<Value>());
        assert_eq!(size_of::<Option<Item<'_>>>(), size_of::<Value>());
    }
}
