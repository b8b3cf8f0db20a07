//! Arrays: shared, copied only when one that others hold too is changed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::Value;

/// A JSON array. Reads like a slice; changing it copies it first if it is shared.
#[derive(Clone)]
pub struct Array(Arc<Data>);

#[derive(Clone)]
struct Data {
    items: Vec<Value>,
    depth: u32,
}

impl Array {
    /// Containers nested in one another, this one included.
    pub fn depth(&self) -> u32 {
        self.0.depth
    }

    /// Appends `item`; in place when nobody else holds the array.
    pub fn push(&mut self, item: Value) {
        let data = Arc::make_mut(&mut self.0);
        data.depth = data.depth.max(1 + item.depth());
        data.items.push(item);
    }

    /// Replaces the item at `index`, which must exist; in place when nobody else holds the array.
    pub fn set(&mut self, index: usize, item: Value) {
        let data = Arc::make_mut(&mut self.0);
        data.items[index] = item;
        data.depth = depth_of(&data.items);
    }

    /// The items as a vector, without copying them when nobody else holds the array.
    pub fn into_vec(self) -> Vec<Value> {
        match Arc::try_unwrap(self.0) {
            Ok(mut data) => std::mem::take(&mut data.items),
            Err(shared) => shared.items.clone(),
        }
    }

    /// Whether both are the same allocation.
    pub fn is_same(&self, other: &Array) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn depth_of(items: &[Value]) -> u32 {
    1 + items.iter().map(Value::depth).max().unwrap_or(0)
}

impl From<Vec<Value>> for Array {
    fn from(items: Vec<Value>) -> Array {
        let depth = depth_of(&items);
        Array(Arc::new(Data { items, depth }))
    }
}

impl Default for Array {
    fn default() -> Array {
        Array::from(Vec::new())
    }
}

impl Deref for Array {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0.items
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Array {
        Array::from(items.into_iter().collect::<Vec<_>>())
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Value::Array(self.clone()), f)
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.is_same(other) || self[..] == other[..]
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.depth > crate::object::DROP_RECURSION_MAX {
            crate::object::drop_flat(std::mem::take(&mut self.items));
        }
    }
}

impl Data {
    /// The items, moved out for a drop without recursion.
    fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.items)
    }
}

/// The items of an array that nobody else holds; nothing when it is shared.
pub(crate) fn take_if_last(array: Array) -> Vec<Value> {
    let mut shared = array.0;
    Arc::get_mut(&mut shared).map(Data::take).unwrap_or_default()
}
