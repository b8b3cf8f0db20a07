//! Commits that have been settled: what follows when they are durable, and when they are not.

use stepwell_engine::Timestamp;
use stepwell_store::LetterId;

use super::Core;
use super::commit::{Commit, Fate, Note, Settled};
use super::message::Output;
use super::read::Arrived;
use crate::api::Refusal;

impl Core {
    pub(super) fn commit(&mut self, commit: Commit, out: &mut Vec<Output>) {
        self.flight.departs(&commit.note);
        out.push(Output::Commit(Box::new(commit)));
    }

    pub(super) fn settled(&mut self, settled: Settled, now: Timestamp, out: &mut Vec<Output>) {
        let Settled { note, fate } = settled;
        self.flight.lands(&note);
        let shard = note.shard;
        let is_current = self.shards.get(&note.shard).is_some_and(|shard| shard.memory == note.memory);
        match fate {
            Fate::Durable(letters) => {
                self.durable(note, letters, is_current, now, out);
            }
            Fate::NameTaken { holder, held } => {
                let refusal = Refusal::NameTaken { holder };
                held.into_iter().for_each(|release| self.withhold(release, &refusal, out));
                if let Some((entity, _)) = note.entity.filter(|_| is_current) {
                    self.forget(entity);
                }
            }
            Fate::Lost { held } => {
                out.extend(note.sends.iter().map(|(to, _)| Output::LookForMail(to.shard())));
                held.into_iter().for_each(|release| self.withhold(release, &Refusal::Away, out));
                if is_current {
                    self.lose(note.shard, out);
                }
            }
        }
        self.reopen(shard, out);
    }

    pub(super) fn durable(
        &mut self,
        note: Note,
        letters: Vec<LetterId>,
        is_current: bool,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for ((to, letter), id) in note.sends.into_iter().zip(letters) {
            let arrived = Arrived { id, to, letter };
            match self.shards.contains_key(&to.shard()) {
                true => self.arrive(arrived, now, out),
                false => out.push(Output::Letter(Box::new(arrived))),
            }
        }
        if let Some((entity, _)) = note.entity {
            self.forget_answers(entity, &note.answered);
        }
        if let Some(id) = note.express_ended {
            self.express.remove(&id);
        }
        if !is_current {
            return;
        }
        self.letters_taken(note.shard, note.took);
        let Some((entity, revision)) = note.entity else { return };
        let Some(resident) = self.residents.get(entity) else { return };
        resident.in_flight -= 1;
        resident.is_created = true;
        while resident.held.front().is_some_and(|(needs, _)| *needs <= revision) {
            out.extend(resident.held.pop_front().map(|(_, release)| Output::Release(release)));
        }
        // Not here: whoever settles commits has no time for steps.
        self.make_ready(entity);
        self.rest(entity);
    }
}
