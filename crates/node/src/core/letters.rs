//! Letters between executions and Map Runs.

use stepwell_engine::{ShardId, Timestamp};
use stepwell_store::LetterId;

use super::message::Output;
use super::read::{Arrived, ReadError, ReadMail};
use super::resident::{IsNew, Work};
use super::{Core, transition};

/// How soon letters are looked for again after they could not be read.
const MAIL_AGAIN_MS: i64 = 100;

impl Core {
    pub(super) fn arrive(&mut self, arrived: Arrived, now: Timestamp, out: &mut Vec<Output>) {
        if self.is_draining {
            // Whoever opens the shard next finds it in the store.
            return;
        }
        let Arrived { id, to, letter } = arrived;
        let Some(shard) = self.shards.get_mut(&to.shard()).filter(|shard| shard.is_open) else {
            // Whoever has the shard, or opens it, finds the letter in the store.
            return;
        };
        if !shard.letters.insert(id) {
            return;
        }
        let memory = shard.memory;
        let (resident, IsNew(is_new)) = self.residents.wake(to);
        // A letter is taken by the very transition that makes its receiver: the receiver is not there yet.
        if is_new && transition::creates(to, &letter) {
            transition::create(resident, &letter, now);
            resident.inbox.push_back(Work::Letter(id, letter));
            return self.make_ready(to);
        }
        resident.inbox.push_back(Work::Letter(id, letter));
        match is_new {
            true => self.load(to, memory, out),
            false => self.make_ready(to),
        }
    }

    pub(super) fn mail_read(&mut self, result: Result<ReadMail, ReadError>, now: Timestamp, out: &mut Vec<Output>) {
        self.mail.is_reading = false;
        let wait_ms = if result.is_err() { Some(MAIL_AGAIN_MS) } else { self.limits.mail_every_ms };
        self.mail.next = wait_ms.map(|ms| now.after_ms(ms));
        let forgettable = std::mem::take(&mut self.mail.forgettable);
        match result {
            Ok(ReadMail { letters, last, .. }) => {
                match last {
                    Some(last) => {
                        self.mail.after = self.mail.after.max(last);
                        // There may be more than one reading takes.
                        self.mail.next = Some(now);
                    }
                    None => self.mail.is_caught_up = !self.mail.is_outdated,
                }
                letters.into_iter().for_each(|letter| self.arrive(letter, now, out));
                for (shard, letter) in forgettable {
                    if let Some(shard) = self.shards.get_mut(&shard) {
                        shard.letters.remove(&letter);
                    }
                }
            }
            Err(_) => self.mail.taken.extend(forgettable),
        }
        if std::mem::take(&mut self.mail.is_outdated) {
            self.look_for_mail(now);
        }
        if self.mail.is_caught_up {
            for (entity, memory) in std::mem::take(&mut self.mail.unknown) {
                if self.shards.get(&entity.shard()).is_some_and(|shard| shard.memory == memory) {
                    self.nobody(entity, now, out);
                }
            }
        }
    }

    /// Looks at all letters once more: what was committed after a shard was read, and before it was opened, has reached
    /// nobody.
    pub(super) fn look_for_mail(&mut self, now: Timestamp) {
        self.mail.is_caught_up = false;
        match self.mail.is_reading {
            true => self.mail.is_outdated = true,
            false => {
                self.mail.after = LetterId(0);
                self.mail.next = Some(now);
            }
        }
    }

    pub(super) fn letters_taken(&mut self, shard: ShardId, took: Vec<LetterId>) {
        // A reading that is under way, or comes, may still show them.
        if self.mail.is_reading || self.mail.next.is_some() {
            return self.mail.taken.extend(took.into_iter().map(|letter| (shard, letter)));
        }
        if let Some(shard) = self.shards.get_mut(&shard) {
            took.iter().for_each(|letter| {
                shard.letters.remove(letter);
            });
        }
    }
}
