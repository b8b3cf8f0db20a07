//! The members of an object under way, found by key however many they are.

use std::collections::BTreeMap;

use stepwell_value::Str;

use super::Member;

/// Up to so many members, looking through them is faster than an index.
const SCAN_MAX: usize = 32;

/// Members in their order, no key twice.
#[derive(Default)]
pub(super) struct Members {
    list: Vec<Member>,
    /// Where each key is; kept above [`SCAN_MAX`] members.
    places: BTreeMap<Str, usize>,
}

impl Members {
    /// Where the member `key` is.
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        if self.list.len() <= SCAN_MAX {
            return self.list.iter().position(|member| member.key == key);
        }
        self.places.get(key).copied()
    }

    /// Adds a member, in the place of one with its key if there is one.
    pub(super) fn set(&mut self, member: Member) {
        match self.position(&member.key) {
            Some(place) => self.list[place] = member,
            None => self.add(member),
        }
    }

    /// Adds a member whose key is not there yet.
    pub(super) fn add(&mut self, member: Member) {
        self.list.push(member);
        let n = self.list.len();
        if n == SCAN_MAX + 1 {
            self.places = self.list.iter().enumerate().map(|(place, member)| (member.key.clone(), place)).collect();
        } else if n > SCAN_MAX {
            self.places.insert(self.list[n - 1].key.clone(), n - 1);
        }
    }

    /// All of them.
    pub(super) fn finish(self) -> Vec<Member> {
        self.list
    }
}
