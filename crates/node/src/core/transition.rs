//! Steps of executions and Map Runs, and the writes that make them durable.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use stepwell_asl::Program;
use stepwell_asl::program::{ExecutionType, StateKind};
use stepwell_aws::Resource;
use stepwell_engine::{
    AttemptId, AttemptStatus, ChildEnd, ChildOf, Effect, Epoch, ErrorCause, Event, Execution, ExecutionId,
    ExecutionStatus, FailureStage, Host, Identity, Letter as Text, MapRun, MapRunEffect, MapRunId, MapRunSignal,
    Outcome, Payload, PayloadId, Resume, Signal, StepStatus, TaskRequest, Timestamp, Turn, Writes, encode_events,
    limits, step,
};
use stepwell_store::{
    Chunk, ClosedChild, Codec, Create, Entity, LetterId, Mail, Place, Revision, RowNumber, SealError, Sealed, Summary,
    Transition, Write,
};
use stepwell_value::Str;

use super::children::{Children, Closing};
use super::commit::{Commit, Memory, Note};
use super::resident::{Body, Resident, Take, Work};
use super::{ExpressRun, Letter, Release, Reply, ReplyTo, read};
use crate::activities::Waiting;
use crate::api::{ActivityTask, Definition, Refusal, Started, TaskCall, TokenAnswer};

/// Signals that one transition takes at most.
const SIGNALS_MAX: usize = 1_000;

/// About the memory of an execution beside its records.
const RESIDENT_BYTES: usize = 2_048;

/// What a step is made with.
pub(super) struct Context<'a> {
    pub(super) entity: Entity,
    pub(super) memory: Memory,
    pub(super) epoch: Epoch,
    pub(super) now: Timestamp,
    pub(super) host: &'a (dyn Host + Send + Sync),
    pub(super) codec: &'a Codec,
    pub(super) deleted: &'a BTreeSet<RowNumber>,
    pub(super) children: &'a Children,
    /// Write every heartbeat: too many residents are kept for those that were not written.
    pub(super) saves_heartbeats: bool,
    /// The node stops: what tasks answer is kept for its next start.
    pub(super) is_draining: bool,
}

/// What became of signals.
#[derive(Default)]
pub(super) struct Taken {
    /// What has to be made durable; none: nothing has changed.
    pub(super) commit: Option<Commit>,
    /// What need not wait for anything.
    pub(super) at_once: Vec<Release>,
    /// Attempts whose answers have changed nothing.
    pub(super) ignored: Vec<AttemptId>,
}

impl Taken {
    fn commit(commit: Commit) -> Taken {
        Taken { commit: Some(commit), ..Taken::default() }
    }
}

/// What the signals of one transition add up to.
#[derive(Default)]
struct Sum {
    is_changed: bool,
    events: Vec<Event>,
    payloads: Vec<Payload>,
    payload_bytes: usize,
    release: Vec<Release>,
    sends: Vec<(Entity, Letter)>,
    took: Vec<LetterId>,
    /// Attempts whose answers were taken.
    answered: Vec<AttemptId>,
    /// Signals to itself.
    to_itself: VecDeque<Work>,
    /// Express children whose ends are taken.
    closing: Closing,
    /// Express children that are open when their Map Run closes.
    aborted: BTreeSet<ExecutionId>,
}

/// Takes what waits for a resident, as much as one transition has room for.
pub(super) fn take(resident: &mut Resident, context: &Context<'_>) -> Result<Taken, SealError> {
    let mut sum = Sum::default();
    match std::mem::take(&mut resident.body) {
        Body::Loading => Ok(Taken::default()),
        Body::Execution(definition, mut execution) => {
            step_execution(resident, &definition, &mut execution, context, &mut sum);
            let taken = commit_execution(resident, &definition, &mut execution, context, sum);
            resident.body = Body::Execution(definition, execution);
            taken
        }
        Body::MapRun(definition, mut map_run) => {
            step_map_run(resident, &definition, &mut map_run, context, &mut sum);
            let taken = commit_map_run(resident, &mut map_run, context, sum);
            resident.body = Body::MapRun(definition, map_run);
            taken
        }
    }
}

// --- Executions -------------------------------------------------------------------------------------------------------

fn step_execution(
    resident: &mut Resident,
    definition: &Arc<Definition>,
    execution: &mut Execution,
    context: &Context<'_>,
    sum: &mut Sum,
) {
    let mut steps = Steps {
        definition,
        execution,
        context,
        sum,
        identity: &mut resident.identity,
        saved_due: resident.saved_due,
        goes_on: resident.goes_on,
        is_unsaved: false,
    };
    for _ in 0..SIGNALS_MAX {
        let Some(work) = resident.inbox.pop_front() else {
            if steps.goes_on && !steps.sum.is_changed {
                steps.step(Signal::Continue);
            }
            break;
        };
        steps.work(work);
        let is_full = steps.sum.events.len() >= limits::STEP_EVENTS_MAX
            || steps.sum.payload_bytes >= limits::STEP_PAYLOAD_BYTES_MAX;
        if is_full || steps.goes_on {
            break;
        }
    }
    resident.goes_on = steps.goes_on;
    resident.is_unsaved |= steps.is_unsaved;
}

/// Steps of one execution.
struct Steps<'a> {
    definition: &'a Arc<Definition>,
    execution: &'a mut Execution,
    context: &'a Context<'a>,
    sum: &'a mut Sum,
    identity: &'a mut Option<Arc<Identity>>,
    saved_due: Option<Timestamp>,
    goes_on: bool,
    is_unsaved: bool,
}

impl Steps<'_> {
    fn work(&mut self, work: Work) {
        let is_running = self.execution.status() == ExecutionStatus::Running;
        if is_running && self.context.deleted.contains(&self.definition.machine) && !matches!(work, Work::Stop(..)) {
            self.step(Signal::Stop(ErrorCause::default()));
        }
        match work {
            Work::Start(reply) => {
                self.step(Signal::Start);
                let started = Started { id: self.execution.identity().id, at: self.execution.started() };
                self.reply(reply, Ok(Reply::Started(started)));
            }
            Work::Task(attempt, signal) if self.context.is_draining => {
                self.sum.answered.push(attempt);
                let letter = Letter {
                    definition: self.definition.clone(),
                    body: Text::Execution(self.execution.identity().id, signal),
                };
                self.sum.sends.push((self.context.entity, letter));
                self.sum.is_changed = true;
            }
            Work::Task(attempt, signal) => {
                self.sum.answered.push(attempt);
                self.step(signal);
            }
            Work::Timer => {
                // The deadline may have moved since the timer was set.
                if self.execution.next_deadline().is_some_and(|due| due <= self.context.now) {
                    self.step(Signal::TimerFired);
                }
            }
            Work::Letter(id, letter) => {
                self.sum.took.push(id);
                match letter.body {
                    Text::Execution(_, signal) => self.step(signal),
                    Text::StartChild { .. } => self.step(Signal::Start),
                    Text::MapRun(..) | Text::StartMapRun(_) => {}
                }
            }
            Work::Stop(error, reply) => {
                self.step(Signal::Stop(error));
                let stopped = self.execution.stopped().unwrap_or(self.context.now);
                self.reply(reply, Ok(Reply::Stopped(stopped)));
            }
            Work::Redrive(client_token, reply) => {
                let answer = self.redrive(client_token);
                self.reply(reply, answer);
            }
            Work::Answer(attempt, answer, reply) => {
                let answer = match self.execution.attempt(attempt) {
                    AttemptStatus::Started => {
                        self.answer(attempt, answer);
                        Ok(Reply::Answered)
                    }
                    // Nobody has been given the token of a task that no worker has taken.
                    AttemptStatus::Scheduled | AttemptStatus::Over => Err(Refusal::TaskTimedOut),
                    AttemptStatus::Unknown => Err(Refusal::TaskDoesNotExist),
                };
                self.reply(reply, answer);
            }
            Work::Take(take, reply) => {
                let answer = self.take(take);
                self.reply(reply, answer);
            }
            Work::MapRun(_) | Work::ChildEnded(..) => {}
        }
    }

    fn answer(&mut self, attempt: AttemptId, answer: TokenAnswer) {
        match answer {
            TokenAnswer::Success(output) => self.step(Signal::TaskSucceeded { attempt, output }),
            TokenAnswer::Failure(error) => {
                self.step(Signal::TaskFailed { attempt, error, stage: FailureStage::Run });
            }
            TokenAnswer::Heartbeat => self.heartbeat(attempt),
        }
    }

    /// Moves the deadline in memory at once, and durably when a third of the time until the old one is used up.
    fn heartbeat(&mut self, attempt: AttemptId) {
        let Context { now, .. } = self.context;
        let left_ms = |due: Option<Timestamp>| due.map(|due| due.0 - now.0);
        // The step of an execution that goes on does more than to move the deadline.
        let is_changed = self.sum.is_changed || self.goes_on;
        self.step(Signal::TaskHeartbeat { attempt });
        let is_near = match (left_ms(self.saved_due), left_ms(self.execution.next_deadline())) {
            (Some(saved), Some(moved)) => saved < moved - moved / 3,
            _ => false,
        };
        if !is_changed && !is_near && !self.context.saves_heartbeats {
            self.sum.is_changed = false;
            self.is_unsaved = true;
        }
    }

    fn redrive(&mut self, client_token: Option<Str>) -> Result<Reply, Refusal> {
        let now = self.context.now;
        if let Some(at) = client_token.as_deref().and_then(|token| self.execution.redrive_of(token, now)) {
            return Ok(Reply::Redriven(at));
        }
        if self.context.deleted.contains(&self.definition.machine) {
            return Err(Refusal::NotRedrivable(Str::new_static("State machine is in DELETING status.")));
        }
        if let Some(reason) = self.execution.redrive_refusal(now) {
            return Err(Refusal::NotRedrivable(Str::new_static(reason)));
        }
        self.step(Signal::Redrive { client_token });
        Ok(Reply::Redriven(self.execution.redriven().unwrap_or(now)))
    }

    fn take(&mut self, take: Take) -> Result<Reply, Refusal> {
        let Take { attempt, worker_name, input, again } = take;
        match self.execution.attempt(attempt) {
            AttemptStatus::Scheduled => {
                let input = input.or_else(|| self.input_of(attempt)).ok_or(Refusal::TaskTimedOut)?;
                self.step(Signal::TaskStarted { attempt, worker_name });
                self.taken(attempt, &input)
            }
            // The worker that had it is gone; history says that it was taken, and the next one's time starts now.
            AttemptStatus::Started if again => {
                let input = input.ok_or(Refusal::TaskTimedOut)?;
                self.heartbeat(attempt);
                self.taken(attempt, &input)
            }
            _ => Err(Refusal::TaskTimedOut),
        }
    }

    fn taken(&self, attempt: AttemptId, input: &Payload) -> Result<Reply, Refusal> {
        let token = self.context.host.token(self.execution.identity(), attempt);
        Ok(Reply::Taken(ActivityTask { token, input: input.text() }))
    }

    fn input_of(&self, attempt: AttemptId) -> Option<Payload> {
        let resume = self.execution.resume(&self.definition.program, self.context.host);
        resume.into_iter().find_map(|resume| match resume {
            Resume::Queue(request) if request.attempt == attempt => Some(request.parameters),
            _ => None,
        })
    }

    fn reply(&mut self, reply: ReplyTo, answer: Result<Reply, Refusal>) {
        self.sum.release.push(Release::Reply(reply, answer));
    }

    /// Makes a step and adds up what comes of it.
    fn step(&mut self, signal: Signal) {
        let Context { now, host, .. } = *self.context;
        // What goes on does so with every step, also with one whose signal comes too late.
        let went_on = self.goes_on;
        let outcome = step(&self.definition.program, self.execution, signal, Turn { now, host });
        let Outcome { events, payloads, effects, status, ignored, cannot_run } = outcome;
        self.goes_on = status == StepStatus::More;
        if ignored && !went_on {
            return;
        }
        let sum = &mut *self.sum;
        sum.is_changed = true;
        match sum.events.is_empty() {
            true => sum.events = events,
            false => sum.events.extend(events),
        }
        for payload in payloads.into_iter().filter(|payload| !payload.is_inline()) {
            sum.payload_bytes += payload.bytes();
            sum.payloads.push(payload);
        }
        effects.into_iter().for_each(|effect| self.effect(effect));
        let sum = &mut *self.sum;
        if status == StepStatus::Ended
            && let Some(ChildOf { map_run_arn, child, .. }) = self.execution.child_of()
        {
            // What a child lacks is no failure that the Map Run may tolerate.
            if let Some(cause) = cannot_run {
                let signal = MapRunSignal::CannotRun(cause);
                sum.sends.push(to_map_run(self.definition, map_run_arn.clone(), signal));
            }
            let end = Box::new(ChildEnd::of(self.execution));
            let signal = MapRunSignal::ChildEnded { child: *child, end };
            sum.sends.push(to_map_run(self.definition, map_run_arn.clone(), signal));
        }
    }

    fn effect(&mut self, effect: Effect) {
        let id = self.execution.identity().id;
        match effect {
            Effect::Task(request) => {
                let release = match request.resource {
                    Resource::Activity(_) => queue(id, *request),
                    _ => Release::Call(TaskCall { identity: self.identity(), request }),
                };
                self.sum.release.push(release);
            }
            Effect::Cancel { attempt } => self.sum.release.push(Release::Cancel(id, attempt)),
            Effect::StartMapRun(start) => {
                let to = Entity::MapRun(MapRunId::of_arn(&start.map_run_arn));
                let letter = Letter { definition: self.definition.clone(), body: Text::StartMapRun(start) };
                self.sum.sends.push((to, letter));
            }
            Effect::StopMapRun { map_run_arn } => {
                self.sum.sends.push(to_map_run(self.definition, map_run_arn, MapRunSignal::Stop));
            }
        }
    }

    fn identity(&mut self) -> Arc<Identity> {
        self.identity.get_or_insert_with(|| Arc::new(self.execution.identity().clone())).clone()
    }
}

/// The release of an activity's task to the queue of its activity.
pub(super) fn queue(execution: ExecutionId, request: TaskRequest) -> Release {
    let TaskRequest { attempt, resource_arn, parameters, .. } = request;
    let task = Waiting { execution, attempt, input: Some(parameters), again: false };
    Release::Queue { activity: resource_arn, task }
}

fn to_map_run(definition: &Arc<Definition>, map_run_arn: Str, signal: MapRunSignal) -> (Entity, Letter) {
    let to = Entity::MapRun(MapRunId::of_arn(&map_run_arn));
    (to, Letter { definition: definition.clone(), body: Text::MapRun(map_run_arn, signal) })
}

fn commit_execution(
    resident: &mut Resident,
    definition: &Arc<Definition>,
    execution: &mut Execution,
    context: &Context<'_>,
    sum: Sum,
) -> Result<Taken, SealError> {
    if !sum.is_changed && sum.took.is_empty() {
        return Ok(hold(resident, sum.release, sum.answered));
    }
    let Context { entity, codec, .. } = *context;
    let mut release = sum.release;
    let mut bytes = 0;
    let chunk = match sum.events.first() {
        None => None,
        Some(first) => {
            let body = codec.seal(Place::Chunk(entity, first.id), &encode_events(&sum.events))?;
            bytes += body.0.len();
            Some(Chunk { first: first.id, count: sum.events.len() as u32, body })
        }
    };
    let mut payloads = Vec::with_capacity(sum.payloads.len());
    for payload in &sum.payloads {
        let body = codec.seal(Place::Payload(entity, payload.id().0), &payload.encode())?;
        bytes += body.0.len();
        payloads.push((payload.id(), body));
    }
    if definition.logging.is_some() && !sum.events.is_empty() {
        release.push(Release::Log {
            definition: definition.clone(),
            arn: execution.identity().arn.clone(),
            redrive_count: execution.redrive_count(),
            events: sum.events,
        });
    }
    let writes = execution.take_writes();
    let stopped = execution.stopped();
    let summary = Summary {
        status: execution.status(),
        sort: stopped.or(execution.redriven()).unwrap_or(execution.started()),
        stopped,
        redriven: execution.redrive_count() > 0,
        due: execution.next_deadline(),
        owes: execution.owes(),
    };
    resident.is_unsaved = false;
    resident.saved_due = summary.due;
    let Sum { sends, took, answered, .. } = sum;
    let transition = Parts {
        chunk,
        closed: Vec::new(),
        payloads,
        writes,
        summary,
        sends,
        took,
        answered,
        release,
        children_ended: Vec::new(),
        bytes,
    };
    transition.commit(resident, context).map(Taken::commit)
}

/// Nothing has changed: what is released must yet not come before what memory already knows is durable.
fn hold(resident: &mut Resident, release: Vec<Release>, ignored: Vec<AttemptId>) -> Taken {
    if resident.in_flight == 0 {
        return Taken { at_once: release, ignored, ..Taken::default() };
    }
    let revision = resident.revision;
    resident.held.extend(release.into_iter().map(|release| (revision, release)));
    Taken { ignored, ..Taken::default() }
}

// --- Map Runs ---------------------------------------------------------------------------------------------------------

fn step_map_run(
    resident: &mut Resident,
    definition: &Arc<Definition>,
    map_run: &mut MapRun,
    context: &Context<'_>,
    sum: &mut Sum,
) {
    for _ in 0..SIGNALS_MAX {
        let mut ended_child = None;
        let signal = match resident.inbox.pop_front() {
            Some(Work::MapRun(signal)) => signal,
            Some(Work::ChildEnded(child, ended)) => {
                sum.closing.see_to(child);
                let (end, description) = ended.split();
                ended_child = Some(description);
                MapRunSignal::ChildEnded { child, end }
            }
            Some(Work::Letter(id, Letter { body, .. })) => {
                sum.took.push(id);
                match body {
                    Text::StartMapRun(_) => MapRunSignal::Start,
                    Text::MapRun(_, signal) => signal,
                    Text::Execution(..) | Text::StartChild { .. } => continue,
                }
            }
            // Requests name executions, and a Map Run has no timers.
            Some(_) => continue,
            None if resident.goes_on && !sum.is_changed => {
                resident.goes_on = false;
                MapRunSignal::Continue
            }
            None => break,
        };
        let ended_before = children_ended(map_run);
        let effects = map_run.step(&definition.program, signal, context.now);
        sum.is_changed = true;
        // It did not take the end of a child that it had counted already.
        if let Some(ended) = ended_child.filter(|_| children_ended(map_run) > ended_before) {
            sum.closing.take(ended);
        }
        resident.goes_on |= effects.iter().any(|effect| matches!(effect, MapRunEffect::GoOn));
        carry_out(definition, map_run, effects, context.now, sum);
        abort_children(definition, context, sum);
        let is_full =
            sum.sends.len() + sum.release.len() >= SIGNALS_MAX || sum.closing.bytes() >= limits::STEP_PAYLOAD_BYTES_MAX;
        if resident.goes_on || is_full {
            break;
        }
    }
    resident.inbox.append(&mut sum.to_itself);
}

/// How many children a Map Run has counted as ended.
fn children_ended(map_run: &MapRun) -> u64 {
    let counts = map_run.execution_counts();
    counts.total - counts.running
}

/// Express children that a Map Run which closes has counted as aborted are closed with it; those that run are not kept
/// from it (reference/api.md, 6), and their ends come too late.
fn abort_children(definition: &Definition, context: &Context<'_>, sum: &mut Sum) {
    let (Entity::MapRun(map_run), false) = (context.entity, sum.aborted.is_empty()) else { return };
    let Sum { closing, aborted, release, .. } = sum;
    let turn = Turn { now: context.now, host: context.host };
    closing.abort(aborted, context.children, map_run, &definition.program, turn);
    release.retain(|release| match release {
        Release::RunExpress(run) if aborted.contains(&run.start.identity.id) => {
            closing.abort_unstarted(run, &definition.program, turn);
            false
        }
        _ => true,
    });
    aborted.clear();
}

fn carry_out(
    definition: &Arc<Definition>,
    map_run: &MapRun,
    effects: Vec<MapRunEffect>,
    now: Timestamp,
    sum: &mut Sum,
) {
    let is_express = runs_express(&definition.program, map_run);
    for effect in effects {
        match effect {
            MapRunEffect::StartChild { start, child_of } if is_express => {
                let run = ExpressRun {
                    start: *start,
                    definition: definition.clone(),
                    child_of: Some(child_of),
                    started: now,
                };
                sum.release.push(Release::RunExpress(Box::new(run)));
            }
            MapRunEffect::StartChild { start, child_of } => {
                let to = Entity::Execution(start.identity.id);
                let body = Text::StartChild { start, child_of };
                sum.sends.push((to, Letter { definition: definition.clone(), body }));
            }
            MapRunEffect::StopChild(id) if is_express => {
                sum.aborted.insert(id);
            }
            MapRunEffect::StopChild(id) => {
                let body = Text::Execution(id, Signal::Stop(ErrorCause::default()));
                sum.sends.push((Entity::Execution(id), Letter { definition: definition.clone(), body }));
            }
            MapRunEffect::Read(_) => sum.to_itself.push_back(Work::MapRun(cannot_run("read items from"))),
            MapRunEffect::Write { .. } => sum.to_itself.push_back(Work::MapRun(cannot_run("write results to"))),
            MapRunEffect::GoOn => {}
            MapRunEffect::Ended(end) => {
                let map_run_arn = map_run.start().map_run_arn.clone();
                let parent = map_run.start().parent.id;
                let body = Text::Execution(parent, Signal::MapRunEnded { map_run_arn, end });
                sum.sends.push((Entity::Execution(parent), Letter { definition: definition.clone(), body }));
            }
        }
    }
}

fn cannot_run(what: &str) -> MapRunSignal {
    MapRunSignal::CannotRun(Str::from(format!(
        "A distributed Map state that has to {what} Amazon S3 cannot run here: this release does not have that yet."
    )))
}

/// What a Map Run does again after a crash: signals to itself, and Express children, but for those that run already.
pub(super) fn redo(
    definition: &Arc<Definition>,
    map_run: &MapRun,
    effects: Vec<MapRunEffect>,
    now: Timestamp,
    is_running: impl Fn(&ChildOf) -> bool,
) -> (VecDeque<Work>, Vec<Release>) {
    let mut sum = Sum::default();
    carry_out(definition, map_run, effects, now, &mut sum);
    let runs_already = |release: &Release| matches!(release, Release::RunExpress(run) if run.child_of.as_ref().is_some_and(&is_running));
    sum.release.retain(|release| !runs_already(release));
    (sum.to_itself, sum.release)
}

fn runs_express(program: &Program, map_run: &MapRun) -> bool {
    let (region, state) = map_run.start().state;
    match &program.state(region, state).kind {
        StateKind::Map(map) => {
            map.distributed.as_ref().is_some_and(|distributed| distributed.execution_type == ExecutionType::Express)
        }
        _ => false,
    }
}

fn commit_map_run(
    resident: &mut Resident,
    map_run: &mut MapRun,
    context: &Context<'_>,
    sum: Sum,
) -> Result<Taken, SealError> {
    if !sum.is_changed && sum.took.is_empty() {
        return Ok(hold(resident, sum.release, sum.answered));
    }
    let summary = Summary {
        status: map_run.status(),
        sort: map_run.stopped().unwrap_or(map_run.started()),
        stopped: map_run.stopped(),
        redriven: false,
        due: None,
        owes: map_run.owes(),
    };
    let (closed, descriptions, children_ended) = sum.closing.into_parts();
    let chunk = match closed.len() {
        0 => None,
        count => {
            let first = resident.revision.0 as u32 + 1;
            let body = context.codec.seal(Place::Chunk(context.entity, first), &descriptions)?;
            Some(Chunk { first, count: count as u32, body })
        }
    };
    let parts = Parts {
        bytes: chunk.as_ref().map_or(0, |chunk| chunk.body.0.len()),
        chunk,
        closed,
        children_ended,
        payloads: Vec::new(),
        writes: map_run.take_writes(),
        summary,
        sends: sum.sends,
        took: sum.took,
        answered: Vec::new(),
        release: sum.release,
    };
    parts.commit(resident, context).map(Taken::commit)
}

// --- Both -------------------------------------------------------------------------------------------------------------

/// What a transition is made of.
struct Parts {
    chunk: Option<Chunk>,
    closed: Vec<ClosedChild>,
    payloads: Vec<(PayloadId, Sealed)>,
    writes: Writes,
    summary: Summary,
    sends: Vec<(Entity, Letter)>,
    took: Vec<LetterId>,
    answered: Vec<AttemptId>,
    release: Vec<Release>,
    children_ended: Vec<u32>,
    bytes: usize,
}

impl Parts {
    fn commit(self, resident: &mut Resident, context: &Context<'_>) -> Result<Commit, SealError> {
        let Parts {
            chunk,
            closed,
            payloads,
            writes,
            summary,
            sends,
            took,
            answered,
            release,
            children_ended,
            mut bytes,
        } = self;
        let Context { entity, codec, epoch, memory, .. } = *context;
        let root = codec.seal(Place::Root(entity), &writes.root)?;
        bytes += root.0.len();
        let mut records = Vec::with_capacity(writes.records.len());
        for (key, record) in writes.records {
            let record = record.map(|record| codec.seal(Place::Record(entity, key), &record)).transpose()?;
            bytes += record.as_ref().map_or(0, |record| record.0.len());
            records.push((key, record));
        }
        let mut mail = Vec::with_capacity(sends.len());
        for (to, letter) in &sends {
            let body = codec.seal(Place::Letter(*to), &read::encode_letter(letter))?;
            bytes += body.0.len();
            mail.push(Mail { to: *to, body });
        }
        resident.bytes = resident.bytes.max(RESIDENT_BYTES + 3 * bytes);
        let expects = resident.revision;
        resident.revision = Revision(expects.0 + 1);
        resident.in_flight += 1;
        let transition = Transition {
            entity,
            epoch,
            expects,
            create: resident.create.take(),
            chunk,
            closed,
            payloads,
            root,
            records,
            summary,
            sends: mail,
            took: took.clone(),
        };
        let note = Note {
            shard: entity.shard(),
            memory,
            entity: Some((entity, resident.revision)),
            sends,
            took,
            answered,
            express_ended: None,
            children_ended,
            bytes: RESIDENT_BYTES + bytes,
        };
        Ok(Commit { write: Write::Transition(Box::new(transition)), release, note })
    }
}

/// The attempt of a task that a signal is about.
pub(super) fn attempt_of(signal: &Signal) -> Option<AttemptId> {
    match signal {
        Signal::TaskStarted { attempt, .. }
        | Signal::TaskSubmitted { attempt, .. }
        | Signal::TaskSucceeded { attempt, .. }
        | Signal::TaskFailed { attempt, .. }
        | Signal::TaskHeartbeat { attempt }
        | Signal::TaskCannotRun { attempt, .. } => Some(*attempt),
        Signal::Start
        | Signal::Continue
        | Signal::TimerFired
        | Signal::MapRunEnded { .. }
        | Signal::Stop(_)
        | Signal::Redrive { .. } => None,
    }
}

/// Whether a letter makes its receiver.
pub(super) fn creates(to: Entity, letter: &Letter) -> bool {
    match (&letter.body, to) {
        (Text::StartChild { start, .. }, Entity::Execution(id)) => start.identity.id == id,
        (Text::StartMapRun(start), Entity::MapRun(id)) => MapRunId::of_arn(&start.map_run_arn) == id,
        _ => false,
    }
}

/// Makes the receiver of a letter that starts it.
pub(super) fn create(resident: &mut Resident, letter: &Letter, now: Timestamp) {
    let definition = letter.definition.clone();
    let mut create = Create {
        machine: definition.machine,
        definition: definition.row,
        name: Str::default(),
        version: None,
        alias: None,
        map_run: None,
        execution: None,
    };
    resident.body = match &letter.body {
        Text::StartChild { start, child_of } => {
            create.name = child_name(&start.identity);
            create.map_run = Some(MapRunId::of_arn(&child_of.map_run_arn));
            let execution = Execution::of_map_run((**start).clone(), child_of.clone(), now);
            Body::Execution(definition, Box::new(execution))
        }
        Text::StartMapRun(start) => {
            create.name = start.map_run_arn.clone();
            create.execution = Some(start.parent.id);
            Body::MapRun(definition, Box::new(MapRun::new((**start).clone(), now)))
        }
        Text::Execution(..) | Text::MapRun(..) => return,
    };
    resident.create = Some(create);
}

/// `/LABEL:NAME`: what the ARN of a Map Run's child has behind the machine's name.
fn child_name(identity: &Identity) -> Str {
    let label = identity.state_machine_name.find('/').map_or("", |at| &identity.state_machine_name[at..]);
    Str::from(format!("{label}:{}", identity.name))
}

/// Whether nothing will reach it any more but requests that look at it.
pub(super) fn is_over(body: &Body) -> bool {
    match body {
        Body::Loading => false,
        Body::Execution(_, execution) => execution.status() != ExecutionStatus::Running,
        Body::MapRun(_, map_run) => map_run.is_over(),
    }
}
