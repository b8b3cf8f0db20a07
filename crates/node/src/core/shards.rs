//! Shards and what is read of them: opening, loading, taking up what a crash left, dropping what is worth nothing.

use std::collections::{BTreeSet, VecDeque};

use stepwell_engine::{ChildOf, FailureStage, MapRunEffect, MapRunId, Resume, ShardId, Signal, Timestamp};
use stepwell_store::{Entity, Revision, Write};

use super::commit::{Commit, Memory, Note};
use super::message::{ExpressRun, Output, Release};
use super::read::{LoadedEntity, OpenedExpress, OpenedShard, ReadError};
use super::resident::{Body, Work};
use super::{Core, ExpressStage, Shard, refuse, transition};
use crate::api::Refusal;

impl Core {
    pub(super) fn opened(&mut self, opened: OpenedShard, now: Timestamp, out: &mut Vec<Output>) {
        let OpenedShard { lease, due, owing, mail, express, .. } = opened;
        self.memories += 1;
        let memory = Memory(self.memories);
        let letters = BTreeSet::new();
        let shard = Shard { epoch: lease.epoch, memory, is_open: true, is_to_be_read: false, letters };
        self.shards.insert(lease.shard, shard);
        self.owing.unread.extend(owing);
        self.timers.opened(due, now);
        // An end that the store knows of needs no other record, also if nobody was told that it was written.
        let owes: BTreeSet<_> = self.owing.unread.iter().filter(|entity| entity.shard() == lease.shard).collect();
        self.answered.retain(|(id, _), _| id.shard() != lease.shard || owes.contains(&Entity::Execution(*id)));
        let recorded: BTreeSet<_> = express.iter().map(|express| express.start.identity.id).collect();
        self.express
            .retain(|id, stage| id.shard() != lease.shard || *stage == ExpressStage::Running || recorded.contains(id));
        self.look_for_mail(now);
        mail.into_iter().for_each(|letter| self.arrive(letter, now, out));
        for OpenedExpress { start, definition } in express {
            let id = start.identity.id;
            match self.express.get(&id) {
                Some(ExpressStage::Running) => {}
                Some(ExpressStage::Ended) => {
                    let note = Note { express_ended: Some(id), ..Note::plain(lease.shard, memory) };
                    self.commit(Commit { write: Write::ExpressEnded(id), release: Vec::new(), note }, out);
                }
                None => {
                    self.express.insert(id, ExpressStage::Running);
                    let run = ExpressRun { start, definition, child_of: None, started: now };
                    out.push(Output::Release(Release::RunExpress(Box::new(run))));
                }
            }
        }
    }

    pub(super) fn load(&mut self, entity: Entity, memory: Memory, out: &mut Vec<Output>) {
        if self.may_load() {
            self.loads.running += 1;
            out.push(Output::Load(entity, memory));
        } else {
            self.loads.waiting.push_back((entity, memory));
        }
    }

    pub(super) fn loaded(
        &mut self,
        entity: Entity,
        memory: Memory,
        result: Result<Option<Box<LoadedEntity>>, ReadError>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.loads.running -= 1;
        if let Some((entity, memory)) = self.loads.waiting.pop_front() {
            self.load(entity, memory, out);
        }
        if self.shards.get(&entity.shard()).is_none_or(|shard| shard.memory != memory) {
            return;
        }
        let owes = self.owing.remove(entity);
        match result {
            Ok(Some(loaded)) => {
                let (resident, _) = self.residents.wake(entity);
                loaded.settle_in(resident);
                if owes {
                    self.take_up(entity, now, out);
                }
                self.set_timer(entity, now);
                self.pump(entity, now, out);
                self.rest(entity);
            }
            Ok(None) => self.nobody(entity, now, out),
            Err(error) if error.may_go_by() => self.lose(entity.shard(), out),
            // Its neighbours are none the worse for it.
            Err(_) => self.dismiss(entity, out),
        }
    }

    /// There is no such execution or Map Run, unless a letter that makes it has come meanwhile, or is to come: one that was
    /// sent while the shard was being read is found in the store, and may be overtaken by the next one to the same receiver.
    pub(super) fn nobody(&mut self, entity: Entity, now: Timestamp, out: &mut Vec<Output>) {
        let Some(resident) = self.residents.get(entity) else { return };
        let makes_it = |work: &Work| matches!(work, Work::Letter(_, letter) if transition::creates(entity, letter));
        if let Some(place) = resident.inbox.iter().position(makes_it)
            && let Some(Work::Letter(id, letter)) = resident.inbox.remove(place)
        {
            transition::create(resident, &letter, now);
            resident.inbox.push_front(Work::Letter(id, letter));
            return self.make_ready(entity);
        }
        let has_letter = resident.inbox.iter().any(|work| matches!(work, Work::Letter(..)));
        if has_letter
            && !self.mail.is_caught_up
            && let Some(shard) = self.shards.get(&entity.shard())
        {
            return self.mail.unknown.push((entity, shard.memory));
        }
        let Some(resident) = self.residents.remove(entity) else { return };
        self.lose_ends(entity);
        let mut letters = Vec::new();
        for work in resident.inbox {
            match work {
                Work::Letter(id, _) => letters.push(id),
                Work::Answer(_, _, reply) => refuse(reply, Refusal::TaskDoesNotExist, out),
                other => {
                    if let Some(reply) = other.into_reply() {
                        refuse(reply, Refusal::NotFound, out);
                    }
                }
            }
        }
        let Some(shard) = self.shards.get(&entity.shard()).filter(|_| !letters.is_empty()) else { return };
        let write = Write::Dropped { shard: entity.shard(), epoch: shard.epoch, letters: letters.clone() };
        let note = Note { took: letters, ..Note::plain(entity.shard(), shard.memory) };
        self.commit(Commit { write, release: Vec::new(), note }, out);
    }

    /// Takes up what an execution or a Map Run owes since a crash, before anything else reaches it.
    pub(super) fn take_up(&mut self, entity: Entity, now: Timestamp, out: &mut Vec<Output>) {
        let Core { residents, calls, answered, children, host, .. } = self;
        let Some(resident) = residents.get(entity) else { return };
        match &resident.body {
            Body::Loading => {}
            Body::Execution(definition, execution) => {
                let id = execution.identity().id;
                let mut first = VecDeque::new();
                let answers: BTreeSet<_> = resident.inbox.iter().filter_map(Work::attempt).collect();
                for resume in execution.resume(&definition.program, host.as_ref()) {
                    match resume {
                        // The call is still under way in this very process: only the memory of the shard was lost.
                        Resume::InDoubt { attempt, .. } if calls.contains(&(id, attempt)) => {}
                        Resume::InDoubt { attempt, .. } if answers.contains(&attempt) => {}
                        Resume::InDoubt { attempt, error } => {
                            let stage = FailureStage::Run;
                            // Its answer may have come, and only the commit have failed that took it.
                            let answer = answered.get(&(id, attempt)).cloned();
                            let signal = answer.unwrap_or(Signal::TaskFailed { attempt, error, stage });
                            first.push_back(Work::Task(attempt, signal));
                        }
                        Resume::Queue(request) => out.push(Output::Release(transition::queue(id, *request))),
                        Resume::Heartbeat { attempt } => {
                            first.push_back(Work::Task(attempt, Signal::TaskHeartbeat { attempt }));
                        }
                        Resume::GoOn => resident.goes_on = true,
                    }
                }
                first.append(&mut resident.inbox);
                resident.inbox = first;
            }
            Body::MapRun(definition, map_run) => {
                let effects = map_run.resume(&definition.program, now);
                resident.goes_on |= effects.iter().any(|effect| matches!(effect, MapRunEffect::GoOn));
                let is_running =
                    |child: &ChildOf| children.is_running(MapRunId::of_arn(&child.map_run_arn), child.child);
                let (mut works, release) = transition::redo(definition, map_run, effects, now, is_running);
                for release in &release {
                    if let Release::RunExpress(run) = release {
                        // Their starts are durable already.
                        children.start(run, Revision(0));
                    }
                }
                out.extend(release.into_iter().map(Output::Release));
                works.append(&mut resident.inbox);
                resident.inbox = works;
            }
        }
    }

    /// A commit of a shard failed, or it could not be read: its memory is worth nothing.
    pub(super) fn lose(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        if !self.has_open(shard) {
            return;
        }
        self.drop_memory(shard, out);
        if let Some(lost) = self.shards.get_mut(&shard) {
            lost.is_to_be_read = true;
        }
        self.reopen(shard, out);
    }

    /// Has a shard read again whose memory was lost, once nothing of it is on its way to the store: a reading that
    /// something overtakes would bring back what was true before.
    pub(super) fn reopen(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        if let Some(lost) = self.shards.get_mut(&shard)
            && lost.is_to_be_read
            && !self.flight.of_shard.contains_key(&shard)
        {
            lost.is_to_be_read = false;
            out.push(Output::Reopen(shard, lost.epoch));
        }
    }

    pub(super) fn drop_memory(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        let Some(of_shard) = self.shards.get_mut(&shard) else { return };
        of_shard.is_open = false;
        of_shard.is_to_be_read = false;
        self.memories += 1;
        of_shard.memory = Memory(self.memories);
        of_shard.letters.clear();
        self.owing.forget(shard);
        self.timers.forget(|entity| entity.shard() == shard);
        self.mail.taken.retain(|(of, _)| *of != shard);
        self.mail.forgettable.retain(|(of, _)| *of != shard);
        self.loads.waiting.retain(|(entity, _)| entity.shard() != shard);
        self.mail.unknown.retain(|(entity, _)| entity.shard() != shard);
        for entity in self.residents.of_shard(shard) {
            self.dismiss(entity, out);
        }
    }

    /// Drops an execution or a Map Run; whoever waits for it is told that nobody knows.
    pub(super) fn dismiss(&mut self, entity: Entity, out: &mut Vec<Output>) {
        let Some(resident) = self.residents.remove(entity) else { return };
        self.lose_ends(entity);
        for reply in resident.inbox.into_iter().filter_map(Work::into_reply) {
            refuse(reply, Refusal::Away, out);
        }
        for (_, release) in resident.held {
            self.withhold(release, &Refusal::Away, out);
        }
    }

    /// What a Map Run's memory knew of its Express children's ends is gone with it.
    fn lose_ends(&mut self, entity: Entity) {
        if let Entity::MapRun(map_run) = entity {
            self.children.lose_ends(map_run);
        }
    }

    /// What waited for a commit that did not come.
    pub(super) fn withhold(&mut self, release: Release, refusal: &Refusal, out: &mut Vec<Output>) {
        match release {
            Release::Reply(reply, _) => refuse(reply, refusal.clone(), out),
            Release::Call(call) => {
                self.calls.remove(&(call.identity.id, call.request.attempt));
            }
            Release::RunExpress(run) => {
                self.express.remove(&run.start.identity.id);
                self.children.withhold(&run);
            }
            Release::Cancel(..) | Release::Queue { .. } | Release::Log { .. } => {}
        }
    }
}
