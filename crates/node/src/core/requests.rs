//! Requests of the API, and how anything reaches an execution.

use stepwell_asl::program::ExecutionType;
use stepwell_engine::{Epoch, Execution, ExecutionId, Timestamp};
use stepwell_store::{Entity, ExpressRecord, Place, Write};

use super::commit::{Commit, Memory, Note};
use super::message::{ExpressRun, NewStart, Output, Release, Reply, ReplyTo};
use super::resident::{Body, IsNew, Work};
use super::{Core, ExpressStage, read, refuse};
use crate::api::{Refusal, Started};

impl Core {
    pub(super) fn start(&mut self, new: NewStart, reply: ReplyTo, now: Timestamp, out: &mut Vec<Output>) {
        let id = new.start.identity.id;
        let Some(shard) = self.shards.get(&id.shard()).filter(|shard| shard.is_open) else {
            return refuse(reply, Refusal::Away, out);
        };
        if self.flight.commits >= self.limits.commits_max || self.flight.bytes >= self.limits.commit_bytes_max {
            return refuse(reply, Refusal::Throttled, out);
        }
        if new.start.identity.execution_type == ExecutionType::Express {
            let (memory, epoch) = (shard.memory, shard.epoch);
            return self.start_express(new, (memory, epoch), reply, now, out);
        }
        let entity = Entity::Execution(id);
        let (resident, _) = self.residents.wake(entity);
        resident.identity = Some(new.start.identity.clone());
        let execution = Execution::new(new.start, now);
        resident.body = Body::Execution(new.definition, Box::new(execution));
        resident.create = Some(new.create);
        resident.inbox.push_back(Work::Start(reply));
        self.pump(entity, now, out);
    }

    pub(super) fn start_express(
        &mut self,
        new: NewStart,
        (memory, epoch): (Memory, Epoch),
        reply: ReplyTo,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.express.len() >= self.limits.express_max {
            return refuse(reply, Refusal::Throttled, out);
        }
        let NewStart { start, definition, .. } = new;
        let id = start.identity.id;
        let started = Release::Reply(reply, Ok(Reply::Started(Started { id, at: now })));
        let record = self.limits.records_express.then(|| read::encode_express(&start));
        let row = definition.row;
        self.express.insert(id, ExpressStage::Running);
        let run = Release::RunExpress(Box::new(ExpressRun { start, definition, child_of: None, started: now }));
        let Some(record) = record else {
            out.push(Output::Release(started));
            out.push(Output::Release(run));
            return;
        };
        let bytes = record.len();
        let Ok(body) = self.codec.seal(Place::Express(id), &record) else {
            self.express.remove(&id);
            let Release::Reply(reply, _) = started else { return };
            return refuse(reply, Refusal::Away, out);
        };
        let write = Write::ExpressStarted(ExpressRecord { execution: id, epoch, definition: row, body });
        let note = Note { bytes, ..Note::plain(id.shard(), memory) };
        self.commit(Commit { write, release: vec![started, run], note }, out);
    }

    pub(super) fn express_ended(&mut self, id: ExecutionId, out: &mut Vec<Output>) {
        if self.express.remove(&id).is_none() || !self.limits.records_express {
            return;
        }
        self.express.insert(id, ExpressStage::Ended);
        // A shard that is being read gets to it when it is open again.
        let Some(shard) = self.shards.get(&id.shard()).filter(|shard| shard.is_open) else { return };
        let note = Note { express_ended: Some(id), ..Note::plain(id.shard(), shard.memory) };
        self.commit(Commit { write: Write::ExpressEnded(id), release: Vec::new(), note }, out);
    }

    /// Hands a request to an execution, or refuses it.
    pub(super) fn request(
        &mut self,
        id: ExecutionId,
        reply: ReplyTo,
        now: Timestamp,
        out: &mut Vec<Output>,
        work: impl FnOnce(ReplyTo) -> Work,
    ) {
        let entity = Entity::Execution(id);
        let work = work(reply);
        // What may call somebody comes too late when the node stops.
        let is_late = self.is_draining && !matches!(work, Work::Stop(..));
        if is_late || !self.has_open(id.shard()) {
            return refuse_work(work, Refusal::Away, out);
        }
        let inbox = self.residents.get(entity).map_or(0, |resident| resident.inbox.len());
        let waiting = self.flight.commits.max(self.loads.waiting.len());
        if inbox >= self.limits.inbox_max || waiting >= 4 * self.limits.commits_max {
            return refuse_work(work, Refusal::Throttled, out);
        }
        self.deliver(entity, work, now, out);
    }

    /// Hands something to an execution or a Map Run, which is read first if it is not here.
    pub(super) fn deliver(&mut self, entity: Entity, work: Work, now: Timestamp, out: &mut Vec<Output>) {
        let Some(shard) = self.shards.get(&entity.shard()).filter(|shard| shard.is_open) else {
            return refuse_work(work, Refusal::Away, out);
        };
        let memory = shard.memory;
        let (resident, IsNew(is_new)) = self.residents.wake(entity);
        resident.inbox.push_back(work);
        match is_new {
            true => self.load(entity, memory, out),
            false => self.pump(entity, now, out),
        }
    }
}

fn refuse_work(work: Work, refusal: Refusal, out: &mut Vec<Output>) {
    if let Some(reply) = work.into_reply() {
        refuse(reply, refusal, out);
    }
}
