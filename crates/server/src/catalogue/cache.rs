//! A bounded map that forgets what was not asked for longest.

use std::collections::BTreeMap;

/// Values by key, at most so many; each with the time of its last use.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: BTreeMap<K, (u64, V)>,
    /// Keys by last use.
    uses: BTreeMap<u64, K>,
    clock: u64,
    max: usize,
}

impl<K: Ord + Clone, V: Clone> Cache<K, V> {
    /// An empty one for at most `max` values.
    pub(crate) fn new(max: usize) -> Cache<K, V> {
        Cache { entries: BTreeMap::new(), uses: BTreeMap::new(), clock: 0, max }
    }

    /// The value of a key, which is now the last one used.
    pub(crate) fn get<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let (used, value) = self.entries.get_mut(key)?;
        // Keys in use do not need to be the very last: moving them rarely keeps a hit cheap.
        if self.clock - *used > self.max as u64 / 4 {
            let owned = self.uses.remove(used);
            self.clock += 1;
            *used = self.clock;
            self.uses.extend(owned.map(|key| (self.clock, key)));
        }
        Some(value.clone())
    }

    /// Puts a value in; the one that was not used longest goes when there is no room.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.remove(&key);
        if self.entries.len() >= self.max
            && let Some((_, oldest)) = self.uses.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.clock += 1;
        self.uses.insert(self.clock, key.clone());
        self.entries.insert(key, (self.clock, value));
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some((used, _)) = self.entries.remove(key) {
            self.uses.remove(&used);
        }
    }

    /// Takes all out.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.uses.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_longest_goes_first() {
        let mut cache = Cache::new(2);
        cache.put("a", 1);
        cache.put("b", 2);
        assert_eq!(cache.get("a"), Some(1));
        cache.put("c", 3);
        assert_eq!((cache.get("a"), cache.get("b"), cache.get("c")), (Some(1), None, Some(3)));
        cache.remove(&"c");
        assert_eq!(cache.get("c"), None);
    }
}
