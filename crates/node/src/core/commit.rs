//! The commit queue: transitions on their way to the store, in order, and what waits for them. Pure.
//!
//! Shards take turns, so that one of which much is written keeps no other waiting longer than a batch: all commits of a
//! shard keep their order, and those of several need none.
//!
//! Whoever owns the queue takes a batch, has the store commit it, and settles it. What a commit holds back (replies,
//! calls of tasks) is released when it is durable and not before. After a write of a shard has failed, later writes
//! that were made in the same memory of that shard are worth nothing: the queue lets none of them through, so that the
//! shard can be read again at once.

use std::collections::{BTreeMap, VecDeque};

use stepwell_engine::{AttemptId, ExecutionId, ShardId};
use stepwell_store::{Entity, LetterId, Revision, Stored, Verdict, Write};

use super::{Letter, Release};

/// Writes of one batch.
pub const BATCH_WRITES_MAX: usize = 1_000;

/// Bytes of one batch; a single write may be larger.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// A write, and what waits for it.
#[derive(Debug)]
pub struct Commit {
    /// What is to be made durable.
    pub write: Write,
    /// What is released when it is durable.
    pub release: Vec<Release>,
    /// What the core wants to know when it is settled.
    pub note: Note,
}

/// What a core remembers of a commit.
#[derive(Debug)]
pub struct Note {
    /// The shard that the write belongs to.
    pub shard: ShardId,
    /// Which memory of the shard it was made in.
    pub memory: Memory,
    /// Whose transition it is; none: it is of no entity that has one.
    pub(super) entity: Option<(Entity, Revision)>,
    /// Letters that it sends, in their order.
    pub(super) sends: Vec<(Entity, Letter)>,
    /// Letters that it takes.
    pub(super) took: Vec<LetterId>,
    /// Attempts whose answers it takes.
    pub(super) answered: Vec<AttemptId>,
    /// The Express execution whose end it records.
    pub(super) express_ended: Option<ExecutionId>,
    /// About its size in memory.
    pub(super) bytes: usize,
}

/// Counts how often the memory of a shard was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(pub u64);

/// A commit that has been settled; goes back to the core that made it.
#[derive(Debug)]
pub struct Settled {
    /// What the core remembered of it.
    pub note: Note,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a commit.
#[derive(Debug)]
pub enum Fate {
    /// It is durable, and what waited for it has been released; the numbers of the letters it sent.
    Durable(Vec<LetterId>),
    /// The name belongs to another execution; nothing was written.
    NameTaken {
        /// That one.
        holder: ExecutionId,
        /// What waited for it.
        held: Vec<Release>,
    },
    /// Nobody knows whether it was written: the memory that it was made in is worth nothing.
    Lost {
        /// What waited for it.
        held: Vec<Release>,
    },
}

/// Commits that wait for the store.
#[derive(Debug, Default)]
pub struct CommitQueue {
    /// Those of each shard, in their order.
    waiting: BTreeMap<ShardId, VecDeque<Commit>>,
    /// Shards that have some, in the order of their turns.
    turns: VecDeque<ShardId>,
    count: usize,
    /// The first memory of each shard that writes are still taken from, where one has failed.
    good_from: BTreeMap<ShardId, Memory>,
}

/// Writes that go to the store together.
#[derive(Debug, Default)]
pub struct Batch {
    /// What the store is to commit.
    pub writes: Vec<Write>,
    held: Vec<(Note, Vec<Release>)>,
    lost: Vec<Settled>,
}

impl CommitQueue {
    /// Adds a commit behind the others of its shard.
    pub fn push(&mut self, commit: Commit) {
        let shard = commit.note.shard;
        let waiting = self.waiting.entry(shard).or_default();
        if waiting.is_empty() {
            self.turns.push_back(shard);
        }
        waiting.push_back(commit);
        self.count += 1;
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of commits that wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The next commit of the shard whose turn it is.
    fn pop(&mut self) -> Option<Commit> {
        let shard = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&shard)?;
        let commit = waiting.pop_front()?;
        if !waiting.is_empty() {
            self.turns.push_back(shard);
        }
        self.count -= 1;
        Some(commit)
    }

    /// Takes what waits, up to the bounds of a batch.
    pub fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.writes.len() < BATCH_WRITES_MAX && (bytes < BATCH_BYTES_MAX || batch.writes.is_empty()) {
            let Some(Commit { write, release, note }) = self.pop() else { break };
            if self.is_lost(&note) {
                batch.lost.push(Settled { note, fate: Fate::Lost { held: release } });
                continue;
            }
            bytes += note.bytes;
            batch.writes.push(write);
            batch.held.push((note, release));
        }
        batch
    }

    /// What became of a batch: what may be released now, and what the cores are to be told.
    ///
    /// # Panics
    /// When the store gave fewer verdicts than it got writes: then nobody knows what is stored.
    pub fn settle(&mut self, batch: Batch, result: Stored<Vec<Verdict>>) -> (Vec<Release>, Vec<Settled>) {
        let Batch { held, lost: mut settled, .. } = batch;
        let mut released = Vec::with_capacity(held.len());
        let verdicts = match result {
            Ok(verdicts) => {
                assert_eq!(verdicts.len(), held.len(), "a store gives one verdict for each write");
                verdicts.into_iter().map(Some).collect()
            }
            Err(_) => vec![None; held.len()],
        };
        for ((note, held), verdict) in held.into_iter().zip(verdicts) {
            let fate = match verdict {
                _ if self.is_lost(&note) => Fate::Lost { held },
                Some(Verdict::Committed(letters)) => {
                    released.extend(held);
                    Fate::Durable(letters)
                }
                Some(Verdict::NameTaken { holder }) => Fate::NameTaken { holder, held },
                Some(Verdict::Stale { .. } | Verdict::Fenced { .. }) | None => {
                    self.good_from.insert(note.shard, Memory(note.memory.0 + 1));
                    Fate::Lost { held }
                }
            };
            settled.push(Settled { note, fate });
        }
        (released, settled)
    }

    fn is_lost(&self, note: &Note) -> bool {
        self.good_from.get(&note.shard).is_some_and(|good| note.memory < *good)
    }
}

#[cfg(test)]
mod tests {
    use stepwell_engine::Epoch;

    use super::*;

    fn commit(shard: u8, letter: u64) -> Commit {
        let shard = ShardId(shard);
        let write = Write::Dropped { shard, epoch: Epoch(1), letters: vec![LetterId(letter)] };
        Commit { write, release: Vec::new(), note: Note::plain(shard, Memory(0)) }
    }

    fn shown(write: &Write) -> (u8, u64) {
        match write {
            Write::Dropped { shard, letters, .. } => (shard.0, letters[0].0),
            _ => panic!("these tests drop letters"),
        }
    }

    #[test]
    fn a_shard_of_which_much_is_written_keeps_no_other_waiting_longer_than_a_batch() {
        let mut queue = CommitQueue::default();
        (0..5_000).for_each(|letter| queue.push(commit(7, letter)));
        (0..3).for_each(|letter| queue.push(commit(9, letter)));
        assert_eq!(queue.len(), 5_003);
        let batch = queue.next_batch();
        let first: Vec<_> = batch.writes.iter().take(8).map(shown).collect();
        assert_eq!(first, [(7, 0), (9, 0), (7, 1), (9, 1), (7, 2), (9, 2), (7, 3), (7, 4)]);
        assert_eq!((batch.writes.len(), queue.len()), (BATCH_WRITES_MAX, 4_003));
        let mut of_seven: Vec<_> = batch.writes.iter().map(shown).filter(|(shard, _)| *shard == 7).collect();
        while !queue.is_empty() {
            of_seven.extend(queue.next_batch().writes.iter().map(shown));
        }
        assert!(of_seven.into_iter().eq((0..5_000).map(|letter| (7, letter))), "a shard's commits keep their order");
    }
}
