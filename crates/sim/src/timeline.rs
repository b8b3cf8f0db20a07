//! What is to happen in a world, in the order of its time.

use std::collections::BTreeMap;

/// What is to happen. What is due at the same time happens in the order in which it was planned.
#[derive(Debug)]
pub(crate) struct Timeline<T> {
    planned: BTreeMap<(i64, u64), T>,
    count: u64,
}

impl<T> Timeline<T> {
    pub(crate) fn new() -> Timeline<T> {
        Timeline { planned: BTreeMap::new(), count: 0 }
    }

    /// Plans something for a time.
    pub(crate) fn plan(&mut self, at: i64, what: T) {
        self.count += 1;
        self.planned.insert((at, self.count), what);
    }

    /// The next thing and its time.
    pub(crate) fn next(&mut self) -> Option<(i64, T)> {
        let ((at, _), what) = self.planned.pop_first()?;
        Some((at, what))
    }
}
