//! Objects: keys in their order, an index above a handful of them, copied only when a shared one is changed.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use crate::{Str, Value};

/// A JSON object. Keys keep the order in which they came; changing it copies it first if it is shared.
#[derive(Clone)]
pub struct Object(Arc<Data>);

#[derive(Clone)]
struct Data {
    entries: Vec<(Str, Value)>,
    /// Made above [`SCAN_MAX`] keys.
    index: Option<Index>,
    depth: u32,
}

/// Up to so many keys a scan is faster than a hash.
const SCAN_MAX: usize = 16;

/// Values nested deeper than this are dropped with a list instead of recursion: a small thread must survive it.
pub(crate) const DROP_RECURSION_MAX: u32 = 100;

impl Object {
    /// An empty object with room for `capacity` members.
    pub fn with_capacity(capacity: usize) -> Object {
        Object(Arc::new(Data { entries: Vec::with_capacity(capacity), index: None, depth: 1 }))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Containers nested in one another, this one included.
    pub fn depth(&self) -> u32 {
        self.0.depth
    }

    /// The member `key`.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.position(key).map(|position| &self.0.entries[position].1)
    }

    /// Whether there is a member `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.position(key).is_some()
    }

    /// Members in their order.
    pub fn iter(&self) -> Members<'_> {
        self.0.entries.iter().map(split)
    }

    /// Members in their order, as a slice.
    pub fn entries(&self) -> &[(Str, Value)] {
        &self.0.entries
    }

    /// Keys in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Str> {
        self.0.entries.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.entries.iter().map(|(_, value)| value)
    }

    /// Sets a member: a key that is there keeps its place and changes its value. Gives back the old value.
    pub fn insert(&mut self, key: impl Into<Str>, value: Value) -> Option<Value> {
        Arc::make_mut(&mut self.0).insert(key.into(), value)
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.0.position(key)?;
        let data = Arc::make_mut(&mut self.0);
        let (_, value) = data.entries.remove(position);
        data.index = (data.entries.len() > SCAN_MAX).then(|| Index::of(&data.entries));
        data.depth = depth_of(&data.entries);
        Some(value)
    }

    /// An object from members whose keys the caller knows to be distinct; an index is made when they are many.
    ///
    /// With a key twice, the first is found and both are written.
    pub fn from_distinct(entries: Vec<(Str, Value)>) -> Object {
        let index = (entries.len() > SCAN_MAX).then(|| Index::of(&entries));
        let depth = depth_of(&entries);
        Object(Arc::new(Data { entries, index, depth }))
    }

    /// Whether both are the same allocation.
    pub fn is_same(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Iterator over the members of an object.
pub type Members<'a> = std::iter::Map<std::slice::Iter<'a, (Str, Value)>, fn(&'a (Str, Value)) -> (&'a Str, &'a Value)>;

fn split(entry: &(Str, Value)) -> (&Str, &Value) {
    (&entry.0, &entry.1)
}

fn depth_of(entries: &[(Str, Value)]) -> u32 {
    1 + entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
}

impl Data {
    #[inline]
    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => self.entries.iter().position(|(other, _)| other.as_str() == key),
            Some(index) => index.find(key, &self.entries),
        }
    }

    fn insert(&mut self, key: Str, value: Value) -> Option<Value> {
        let depth = 1 + value.depth();
        if let Some(position) = self.position(&key) {
            let old = std::mem::replace(&mut self.entries[position].1, value);
            // The depth stays exact, or a loop that replaces a member would seem to nest ever deeper.
            self.depth = if 1 + old.depth() == self.depth { depth_of(&self.entries) } else { self.depth.max(depth) };
            return Some(old);
        }
        self.entries.push((key, value));
        self.depth = self.depth.max(depth);
        match &mut self.index {
            Some(index) => index.added(&self.entries),
            None if self.entries.len() > SCAN_MAX => self.index = Some(Index::of(&self.entries)),
            None => {}
        }
        None
    }
}

impl Default for Object {
    fn default() -> Object {
        Object::with_capacity(0)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Value::Object(self.clone()), f)
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Object {
    /// Later members replace earlier ones of the same key, at the earlier one's place.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Object {
        let members = members.into_iter();
        let mut data = Data { entries: Vec::with_capacity(members.size_hint().0), index: None, depth: 1 };
        for (key, value) in members {
            data.insert(key.into(), value);
        }
        Object(Arc::new(data))
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Str, &'a Value);
    type IntoIter = Members<'a>;

    fn into_iter(self) -> Members<'a> {
        self.iter()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.is_same(other)
            || self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Open addressing over positions in the member list; at most half full.
///
/// The hash is SipHash with fixed keys: the same on every machine, and not cheap to find collisions for.
#[derive(Clone)]
struct Index {
    /// Position + 1; 0 is free. A power of two long.
    slots: Box<[u32]>,
}

impl Index {
    fn of(entries: &[(Str, Value)]) -> Index {
        let mut index = Index { slots: vec![0; (entries.len() * 4).next_power_of_two()].into() };
        for (position, (key, _)) in entries.iter().enumerate() {
            index.put(key, position);
        }
        index
    }

    fn find(&self, key: &str, entries: &[(Str, Value)]) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) as usize & mask;
        loop {
            let position = (self.slots[slot] as usize).checked_sub(1)?;
            if entries[position].0.as_str() == key {
                return Some(position);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn put(&mut self, key: &str, position: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = u32::try_from(position + 1).expect("an object has fewer than 2^32 members");
    }

    /// Takes up the last of `entries`.
    fn added(&mut self, entries: &[(Str, Value)]) {
        if entries.len() * 2 > self.slots.len() {
            *self = Index::of(entries);
        } else {
            let position = entries.len() - 1;
            self.put(&entries[position].0, position);
        }
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.depth > DROP_RECURSION_MAX {
            drop_flat(self.entries.drain(..).map(|(_, value)| value).collect());
        }
    }
}

/// Drops values however deeply they are nested, with a list instead of recursion.
pub(crate) fn drop_flat(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(array) => pending.extend(crate::array::take_if_last(array)),
            Value::Object(object) => {
                let mut shared = object.0;
                if let Some(data) = Arc::get_mut(&mut shared) {
                    pending.extend(data.entries.drain(..).map(|(_, value)| value));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_are_found_after_inserts_and_removals() {
        let mut object = Object::default();
        for n in 0..1000 {
            assert!(object.insert(format!("key-{n}"), Value::Int(n)).is_none());
        }
        for n in (0..1000).step_by(3) {
            assert_eq!(object.remove(&format!("key-{n}")), Some(Value::Int(n)));
        }
        for n in 0..1000 {
            assert_eq!(object.get(&format!("key-{n}")).is_some(), n % 3 != 0, "key-{n}");
        }
    }

    #[test]
    fn a_replaced_key_keeps_its_place_and_the_original_is_untouched() {
        let first: Object = [("a", Value::Int(1)), ("b", Value::Int(2))].into_iter().collect();
        let mut second = first.clone();
        second.insert("a", Value::Null);
        assert_eq!(Value::from(first).to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(Value::from(second).to_string(), r#"{"a":null,"b":2}"#);
    }

    #[test]
    fn depth_is_exact_after_replacing_the_deepest_member() {
        let mut object: Object = [("a", crate::parse("[[[]]]").unwrap())].into_iter().collect();
        assert_eq!(object.depth(), 4);
        object.insert("a", Value::Int(1));
        assert_eq!(object.depth(), 1);
        object.insert("b", crate::parse("[[]]").unwrap());
        object.remove("b");
        assert_eq!(object.depth(), 1);
    }

    #[test]
    fn dropping_a_value_nested_a_million_deep_needs_no_stack() {
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(|| {
            let mut value = Value::Null;
            for n in 0..1_000_000 {
                value = match n % 2 {
                    0 => Value::from(vec![value]),
                    _ => [("a", value)].into_iter().collect(),
                };
            }
            drop(value);
        });
        thread.unwrap().join().unwrap();
    }
}
