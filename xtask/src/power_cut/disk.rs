//! A disk that has seen a log up to some place, and what a power cut there may leave of it.

use std::collections::BTreeMap;

use super::log::{Entry, What};
use crate::random::Random;

/// A disk writes a sector whole or not at all.
const SECTOR: usize = 512;

/// Files as a disk holds them: what is durable, and what is still on its way there.
#[derive(Debug, Default)]
pub(super) struct Disk<'a> {
    files: Vec<File<'a>>,
    /// Names that are durable, of files by their place in `files`.
    names: BTreeMap<&'a str, usize>,
    /// Changes of names that are not.
    pending_names: Vec<NameChange<'a>>,
    /// Names as the running process sees them.
    seen: BTreeMap<&'a str, usize>,
    /// What a sync covers that has begun: how many changes of which file; none: of names.
    syncs: BTreeMap<u64, (Option<usize>, u64)>,
    /// Changes of names so far.
    name_changes: u64,
}

#[derive(Debug, Default)]
struct File<'a> {
    durable: Vec<u8>,
    pending: Vec<Change<'a>>,
    /// Changes that have become durable.
    applied: u64,
}

#[derive(Clone, Debug)]
enum Change<'a> {
    Write { at: usize, bytes: &'a [u8] },
    Truncate { len: usize },
}

#[derive(Clone, Debug)]
enum NameChange<'a> {
    /// A file has this name, and the other one no longer.
    Set {
        name: &'a str,
        file: usize,
        instead_of: Option<&'a str>,
    },
    Remove(&'a str),
}

impl<'a> Disk<'a> {
    /// Lets one thing happen.
    pub(super) fn see(&mut self, entry: &Entry<'a>) {
        let name = entry.name;
        match entry.what {
            What::Created => {
                self.files.push(File::default());
                self.set_name(name, self.files.len() - 1, None);
            }
            What::Written { at, bytes } => self.file(name).pending.push(Change::Write { at: at as usize, bytes }),
            What::Truncated { len } => self.file(name).pending.push(Change::Truncate { len: len as usize }),
            What::Renamed { to } => {
                if let Some(file) = self.seen.remove(name) {
                    self.set_name(to, file, Some(name));
                }
            }
            What::Removed => {
                self.seen.remove(name);
                self.change_name(NameChange::Remove(name));
            }
            What::SyncBegins(number) => {
                let covered = match self.seen.get(name).copied() {
                    Some(file) => (Some(file), self.files[file].applied + self.files[file].pending.len() as u64),
                    None => (None, self.name_changes),
                };
                self.syncs.insert(number, covered);
            }
            What::SyncEnds(number) => self.synced(number),
        }
    }

    /// What a power cut leaves: all that is durable, and of the rest what chance has it.
    ///
    /// Of the changes of names a beginning, because a journal keeps them in order; of the writes any, each whole, torn or
    /// not at all.
    pub(super) fn cut(&self, chance: &mut Random) -> BTreeMap<&'a str, Vec<u8>> {
        let mut names = self.names.clone();
        let kept = chance.below(self.pending_names.len() as u64 + 1) as usize;
        self.pending_names[..kept].iter().for_each(|change| apply_name(&mut names, change));
        names.into_iter().map(|(name, file)| (name, self.files[file].cut(chance))).collect()
    }

    fn file(&mut self, name: &'a str) -> &mut File<'a> {
        // A file that was there before the recording began is empty, as far as the log goes.
        let file = match self.seen.get(name) {
            Some(file) => *file,
            None => {
                self.files.push(File::default());
                self.set_name(name, self.files.len() - 1, None);
                self.files.len() - 1
            }
        };
        &mut self.files[file]
    }

    fn set_name(&mut self, name: &'a str, file: usize, instead_of: Option<&'a str>) {
        self.seen.insert(name, file);
        self.change_name(NameChange::Set { name, file, instead_of });
    }

    fn change_name(&mut self, change: NameChange<'a>) {
        self.pending_names.push(change);
        self.name_changes += 1;
    }

    fn synced(&mut self, number: u64) {
        let Some((file, covered)) = self.syncs.remove(&number) else { return };
        match file {
            Some(file) => self.files[file].synced(covered),
            None => {
                let pending_from = self.name_changes - self.pending_names.len() as u64;
                let covered = covered.saturating_sub(pending_from) as usize;
                for change in self.pending_names.drain(..covered) {
                    apply_name(&mut self.names, &change);
                }
            }
        }
    }
}

impl File<'_> {
    fn synced(&mut self, covered: u64) {
        let covered = covered.saturating_sub(self.applied) as usize;
        for change in self.pending.drain(..covered) {
            apply(&mut self.durable, &change);
        }
        self.applied += covered as u64;
    }

    fn cut(&self, chance: &mut Random) -> Vec<u8> {
        let mut left = self.durable.clone();
        for change in &self.pending {
            match (chance.below(3), change) {
                (0, _) => {}
                (1, Change::Write { at, bytes }) => {
                    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                        if chance.below(2) == 0 {
                            apply(&mut left, &Change::Write { at: at + n * SECTOR, bytes: sector });
                        }
                    }
                }
                _ => apply(&mut left, change),
            }
        }
        left
    }
}

fn apply(file: &mut Vec<u8>, change: &Change<'_>) {
    match change {
        Change::Write { at, bytes } => {
            let end = at + bytes.len();
            if file.len() < end {
                file.resize(end, 0);
            }
            file[*at..end].copy_from_slice(bytes);
        }
        Change::Truncate { len } => file.resize(*len, 0),
    }
}

fn apply_name<'a>(names: &mut BTreeMap<&'a str, usize>, change: &NameChange<'a>) {
    match *change {
        NameChange::Set { name, file, instead_of } => {
            if let Some(former) = instead_of {
                names.remove(former);
            }
            names.insert(name, file);
        }
        NameChange::Remove(name) => {
            names.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after<'a>(entries: impl IntoIterator<Item = (&'a str, What<'a>)>) -> Vec<BTreeMap<&'a str, Vec<u8>>> {
        let mut disk = Disk::default();
        entries.into_iter().for_each(|(name, what)| disk.see(&Entry { name, what }));
        (0..200).map(|seed| disk.cut(&mut Random(seed))).collect()
    }

    fn written(bytes: &[u8]) -> What<'_> {
        What::Written { at: 0, bytes }
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_may_go() {
        let cuts = after([
            ("a", What::Created),
            ("a", written(b"old")),
            (".", What::SyncBegins(0)),
            (".", What::SyncEnds(0)),
            ("a", What::SyncBegins(1)),
            ("a", written(b"new")),
            ("a", What::SyncEnds(1)),
        ]);
        assert!(cuts.iter().all(|files| files["a"] == b"old" || files["a"] == b"new"));
        assert!(cuts.iter().any(|files| files["a"] == b"old"), "written after the sync began");
        assert!(cuts.iter().any(|files| files["a"] == b"new"));
    }

    #[test]
    fn a_write_may_be_torn_between_sectors() {
        let long = [1; 2 * SECTOR];
        let cuts =
            after([("a", What::Created), ("a", written(&long)), (".", What::SyncBegins(0)), (".", What::SyncEnds(0))]);
        let is_torn = |file: &Vec<u8>| file.len() == 2 * SECTOR && file[0] == 0 && file[SECTOR] == 1;
        assert!(cuts.iter().any(|files| is_torn(&files["a"])));
        assert!(cuts.iter().any(|files| files["a"].is_empty()));
    }

    #[test]
    fn names_come_and_go_in_their_order() {
        let cuts = after([
            ("new", What::Created),
            ("new", written(b"x")),
            ("new", What::SyncBegins(0)),
            ("new", What::SyncEnds(0)),
            ("new", What::Renamed { to: "name" }),
            ("other", What::Created),
        ]);
        let names = |files: &BTreeMap<&str, Vec<u8>>| files.keys().copied().collect::<Vec<_>>().join(" ");
        let mut kinds: Vec<String> = cuts.iter().map(names).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, ["", "name", "name other", "new"]);
    }
}
