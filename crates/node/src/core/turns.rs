//! Turns: timers, executions that go on, and what rests or goes.

use stepwell_engine::Timestamp;
use stepwell_store::{Entity, Shards, Write};

use super::commit::{Commit, Note};
use super::message::{Output, Release};
use super::resident::{Body, IsNew, Work};
use super::{Core, call_of, child_of, transition};

impl Core {
    pub(super) fn turn(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if !self.is_draining {
            self.look_ahead(now, out);
        }
        if let Some(entity) = self.ready.pop_front() {
            if let Some(resident) = self.residents.get(entity) {
                resident.is_ready = false;
            }
            self.pump(entity, now, out);
            self.rest(entity);
        }
    }

    /// Reads what is due soon, takes up what is owed, and fires a timer.
    pub(super) fn look_ahead(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let shards = |core: &Core| {
            let mut shards = Shards::NONE;
            core.shards.iter().filter(|(_, shard)| shard.is_open).for_each(|(shard, _)| shards.insert(*shard));
            Box::new(shards)
        };
        if let Some(before) = self.timers.scan(now) {
            out.push(Output::ReadDue(shards(self), before));
        }
        if !self.mail.is_reading && self.mail.next.is_some_and(|next| next <= now) {
            self.mail.is_reading = true;
            self.mail.forgettable = std::mem::take(&mut self.mail.taken);
            out.push(Output::ReadMail(shards(self), self.mail.after));
        }
        while self.may_load()
            && let Some(entity) = self.owing.unread.pop_first()
        {
            let Some(memory) = self.shards.get(&entity.shard()).map(|shard| shard.memory) else { continue };
            self.owing.asked_for.insert(entity);
            // On its way here, it may be for another reason: what it owes is taken up when it arrives.
            let (_, IsNew(is_new)) = self.residents.wake(entity);
            if is_new {
                self.load(entity, memory, out);
            }
        }
        if self.has_room()
            && let Some((due, entity)) = self.timers.pop(now)
        {
            if let Some(resident) = self.residents.get(entity)
                && resident.timer == Some(due)
            {
                resident.timer = None;
            }
            self.deliver(entity, Work::Timer, now, out);
            self.rest(entity);
        }
    }

    /// Lets a resident take its steps, as far as it may.
    pub(super) fn pump(&mut self, entity: Entity, now: Timestamp, out: &mut Vec<Output>) {
        let Some(shard) = self.shards.get(&entity.shard()).filter(|shard| shard.is_open) else { return };
        let (memory, epoch) = (shard.memory, shard.epoch);
        let saves_heartbeats = self.residents.len() >= self.limits.unsaved_max;
        let Some(resident) = self.residents.get(entity) else { return };
        if !resident.may_step(self.limits.in_flight_max) {
            return;
        }
        let step = transition::Context {
            entity,
            memory,
            epoch,
            now,
            host: self.host.as_ref(),
            codec: &self.codec,
            deleted: &self.deleted,
            saves_heartbeats,
            is_draining: self.is_draining,
        };
        match transition::take(resident, &step) {
            Err(_) => return self.lose(entity.shard(), out),
            Ok(taken) => {
                self.forget_answers(entity, &taken.ignored);
                self.release_at_once(entity, taken.at_once, out);
                if let Some(commit) = taken.commit {
                    self.calls.extend(commit.release.iter().filter_map(call_of));
                    self.children.extend(commit.release.iter().filter_map(child_of));
                    self.commit(commit, out);
                }
            }
        }
        self.set_timer(entity, now);
        self.make_ready(entity);
    }

    /// What changes nothing waits for nothing, but where another node may have taken the shard: then a commit of nothing
    /// has to show that what memory says is not yesterday's.
    fn release_at_once(&mut self, entity: Entity, release: Vec<Release>, out: &mut Vec<Output>) {
        if release.is_empty() || self.limits.mail_every_ms.is_none() {
            return out.extend(release.into_iter().map(Output::Release));
        }
        let Some(shard) = self.shards.get(&entity.shard()) else { return };
        let write = Write::Dropped { shard: entity.shard(), epoch: shard.epoch, letters: Vec::new() };
        let note = Note::plain(entity.shard(), shard.memory);
        self.commit(Commit { write, release, note }, out);
    }

    /// It goes on when others have had their turn, if it can.
    pub(super) fn make_ready(&mut self, entity: Entity) {
        let (in_flight_max, is_draining) = (self.limits.in_flight_max, self.is_draining);
        if let Some(resident) = self.residents.get(entity)
            && resident.may_step(in_flight_max)
            && !(is_draining && resident.inbox.is_empty())
            && !resident.is_ready
        {
            resident.is_ready = true;
            self.ready.push_back(entity);
        }
    }

    /// Its deadline among the timers, as its memory has it.
    pub(super) fn set_timer(&mut self, entity: Entity, now: Timestamp) {
        let Some(resident) = self.residents.get(entity) else { return };
        let deadline = match &resident.body {
            Body::Execution(_, execution) => execution.next_deadline(),
            Body::Loading | Body::MapRun(..) => None,
        };
        if resident.timer == deadline {
            return;
        }
        let before = resident.timer.take();
        if let Some(before) = before {
            self.timers.unset(before, entity);
        }
        if let Some(due) = deadline
            && self.timers.set(due, entity, now)
            && let Some(resident) = self.residents.get(entity)
        {
            resident.timer = Some(due);
        }
    }

    /// What has nothing to do may go when there is no room; what has ended goes at once.
    pub(super) fn rest(&mut self, entity: Entity) {
        let Some(resident) = self.residents.get(entity) else { return };
        if !resident.is_idle() {
            return;
        }
        // Far from its deadline and without a task outside, nothing will reach it soon.
        let sleeps_long = match &resident.body {
            Body::Execution(_, execution) => execution.open_tasks() == 0 && resident.timer.is_none(),
            Body::Loading | Body::MapRun(..) => false,
        };
        match sleeps_long || transition::is_over(&resident.body) {
            true => self.forget(entity),
            false => self.residents.rest(entity, self.limits.idle_bytes_max),
        }
    }

    pub(super) fn forget(&mut self, entity: Entity) {
        let Some(resident) = self.residents.remove(entity) else { return };
        if let Some(due) = resident.timer {
            self.timers.unset(due, entity);
        }
    }
}
