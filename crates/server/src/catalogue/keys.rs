//! The rows of a kind in the order of their keys, which is that of AWS's lists and not that of the store.

use std::collections::BTreeMap;
use std::ops::Bound;

use stepwell_store::RowNumber;
use stepwell_value::Str;

/// Keys and numbers of all rows of a kind; some 150 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_key: BTreeMap<Str, RowNumber>,
    by_number: BTreeMap<RowNumber, Str>,
}

impl Keys {
    /// Notes a row.
    pub(crate) fn insert(&mut self, key: Str, number: RowNumber) {
        self.by_number.insert(number, key.clone());
        self.by_key.insert(key, number);
    }

    /// Forgets a row, if it was one of these.
    pub(crate) fn remove(&mut self, number: RowNumber) {
        if let Some(key) = self.by_number.remove(&number) {
            self.by_key.remove(&key);
        }
    }

    /// Whether there is a row of this key.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The first rows whose keys begin with `start` and come behind `after`.
    pub(crate) fn page(&self, start: &str, after: Option<&str>, limit: usize) -> Vec<(Str, RowNumber)> {
        let from = after.map_or(Bound::Included(start), |after| Bound::Excluded(after.max(start)));
        let behind = self.by_key.range::<str, _>((from, Bound::Unbounded));
        let page = behind.take_while(|(key, _)| key.starts_with(start)).take(limit);
        page.map(|(key, number)| (key.clone(), *number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &Keys, start: &str, after: Option<&str>, limit: usize) -> String {
        keys.page(start, after, limit).iter().map(|(key, number)| format!("{key}={} ", number.0)).collect()
    }

    #[test]
    fn a_page_has_the_keys_that_begin_so_in_their_order() {
        let mut keys = Keys::default();
        for (n, key) in (1..).zip(["x:b", "y:a", "x:a", "x:ab", "w:z", "x:"]) {
            keys.insert(Str::new(key), RowNumber(n));
        }
        assert_eq!(page(&keys, "x:", None, 9), "x:=6 x:a=3 x:ab=4 x:b=1 ");
        assert_eq!(page(&keys, "x:", Some("x:a"), 1), "x:ab=4 ");
        assert_eq!(page(&keys, "x:", Some("x:b"), 9), "");
        // What comes behind a key that has gone meanwhile, or of another list.
        assert_eq!(page(&keys, "x:", Some("x:aa"), 9), "x:ab=4 x:b=1 ");
        assert_eq!(page(&keys, "x:", Some("a"), 1), "x:a=3 ");
    }

    #[test]
    fn a_row_that_has_gone_is_on_no_page() {
        let mut keys = Keys::default();
        keys.insert(Str::new_static("a"), RowNumber(1));
        keys.insert(Str::new_static("b"), RowNumber(2));
        keys.remove(RowNumber(1));
        keys.remove(RowNumber(7));
        assert_eq!(page(&keys, "", None, 9), "b=2 ");
        assert!(!keys.contains("a") && keys.contains("b"));
        // The same key once more is another row.
        keys.insert(Str::new_static("a"), RowNumber(3));
        assert_eq!(page(&keys, "", None, 9), "a=3 b=2 ");
    }
}
