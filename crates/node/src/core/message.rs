//! What a core is told, and what it wants done.

use std::fmt;
use std::sync::Arc;

use stepwell_engine::{
    self as engine, AttemptId, ChildOf, Epoch, ErrorCause, Event, ExecutionId, MapRunId, ShardId, Signal, Start,
    Timestamp,
};
use stepwell_store::{Create, Entity, LetterId, RowNumber, Shards, StoreError};
use stepwell_value::Str;

use super::children::EndedChild;
use super::commit::{Commit, Memory, Settled};
use super::read::{Arrived, LoadedEntity, OpenedShard, ReadError, ReadMail};
use super::resident::Take;
use crate::activities::Waiting;
use crate::api::{ActivityTask, Definition, Refusal, Started, TaskCall, TokenAnswer};

/// What a core is told.
#[derive(Debug)]
pub enum Input {
    /// A shard is ours, and this is what the store holds of it.
    Opened(Box<OpenedShard>),
    /// A shard is ours no longer: its lease has ended.
    Closed(ShardId),
    /// Start a Standard execution, or an Express one that nobody waits for.
    Start(Box<NewStart>, ReplyTo),
    /// Stop an execution.
    Stop(ExecutionId, ErrorCause, ReplyTo),
    /// Redrive an execution.
    Redrive(ExecutionId, Option<Str>, ReplyTo),
    /// A worker answers a task.
    Answer(ExecutionId, AttemptId, TokenAnswer, ReplyTo),
    /// A worker takes an activity's task.
    Take(ExecutionId, Take, ReplyTo),
    /// A call that this node made for an execution has been answered. The signal names the attempt.
    TaskAnswered(ExecutionId, AttemptId, Signal),
    /// A letter that another core of this node sent.
    Letter(Box<Arrived>),
    /// Letters may have been sent that nobody hands over: [`Output::LookForMail`].
    LookForMail,
    /// An Express child of a Map Run has ended: [`Input::child_ended`].
    ChildEnded {
        /// The Map Run.
        map_run: MapRunId,
        /// Its number there.
        child: u32,
        /// How.
        end: Box<EndedChild>,
        /// What it lacked, if that ended it.
        cannot_run: Option<Str>,
    },
    /// An asynchronous Express execution has ended.
    ExpressEnded(ExecutionId),
    /// Commits have been settled, in the order in which the store took them.
    Settled(Vec<Settled>),
    /// [`Output::Load`] was done.
    Loaded(Entity, Memory, Result<Option<Box<LoadedEntity>>, ReadError>),
    /// [`Output::ReadDue`] was done.
    Due(Result<Vec<(Timestamp, Entity)>, StoreError>),
    /// [`Output::ReadMail`] was done: the letters, and whether more are there.
    Mail(Result<ReadMail, ReadError>),
    /// A state machine is being deleted: its executions end at their next transition.
    MachineDeleted(RowNumber),
    /// The node stops: no timer fires, no loop goes on and nothing is called any more. Answers of calls that are under
    /// way are kept, as letters, for the next start.
    Drain,
    /// Do something that waits: fire a timer, go on with an execution. See [`super::Core::next_turn`].
    Turn,
}

/// What a core wants done.
#[derive(Debug)]
pub enum Output {
    /// Put this into the commit queue.
    Commit(Box<Commit>),
    /// Do this now: nothing has to be durable for it.
    Release(Release),
    /// Read an execution or a Map Run; answer with [`Input::Loaded`].
    Load(Entity, Memory),
    /// Hand this letter to the core that has its shard, if one of this node has it.
    Letter(Box<Arrived>),
    /// Nobody knows whether a letter to this shard was committed: give the core that has it [`Input::LookForMail`].
    LookForMail(ShardId),
    /// Read deadlines of these shards before this time; answer with [`Input::Due`].
    ReadDue(Box<Shards>, Timestamp),
    /// Read letters to these shards behind this one; answer with [`Input::Mail`].
    ReadMail(Box<Shards>, LetterId),
    /// The memory of a shard was dropped because a commit failed: read it again, answer with [`Input::Opened`].
    Reopen(ShardId, Epoch),
}

/// What is released when a commit is durable.
#[derive(Debug)]
pub enum Release {
    /// Tell whoever waits.
    Reply(ReplyTo, Result<Reply, Refusal>),
    /// Have a task done; answer with [`Input::TaskAnswered`].
    Call(TaskCall),
    /// Nobody waits for this attempt any longer.
    Cancel(ExecutionId, AttemptId),
    /// An activity's task waits for a worker, who takes it with [`Input::Take`].
    Queue {
        /// The activity's ARN.
        activity: Str,
        /// The task.
        task: Waiting,
    },
    /// Run an Express execution; answer with [`Input::ChildEnded`] or [`Input::ExpressEnded`].
    RunExpress(Box<ExpressRun>),
    /// Log these events.
    Log {
        /// Which says where and what is logged.
        definition: Arc<Definition>,
        /// The execution's ARN.
        arn: Str,
        /// How often it was redriven.
        redrive_count: u32,
        /// The events.
        events: Vec<Event>,
    },
}

/// An execution to be started.
#[derive(Clone, Debug)]
pub struct NewStart {
    /// What it starts with.
    pub start: Start,
    /// What lists know of it.
    pub create: Create,
    /// What it runs.
    pub definition: Arc<Definition>,
}

/// An Express execution to be run.
#[derive(Clone, Debug)]
pub struct ExpressRun {
    /// What it starts with.
    pub start: Start,
    /// What it runs.
    pub definition: Arc<Definition>,
    /// The Map Run whose child it is, and its number there.
    pub child_of: Option<ChildOf>,
    /// Its start date.
    pub started: Timestamp,
}

/// A letter, and the definition that sender and receiver run.
#[derive(Debug)]
pub struct Letter {
    /// The definition.
    pub definition: Arc<Definition>,
    /// What it says.
    pub body: engine::Letter,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The execution has started.
    Started(Started),
    /// It stopped then.
    Stopped(Timestamp),
    /// It was redriven then.
    Redriven(Timestamp),
    /// The answer of a task has arrived.
    Answered,
    /// The task is the worker's.
    Taken(ActivityTask),
}

/// Whoever waits for an answer. Dropping it says that there is none.
pub struct ReplyTo(Box<dyn FnOnce(Result<Reply, Refusal>) + Send>);

impl ReplyTo {
    /// Answers go to `send`.
    pub fn new(send: impl FnOnce(Result<Reply, Refusal>) + Send + 'static) -> ReplyTo {
        ReplyTo(Box::new(send))
    }

    /// Answers.
    pub fn send(self, reply: Result<Reply, Refusal>) {
        (self.0)(reply);
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo")
    }
}
