//! The state of one execution: frames, counters, deadlines. All of it is data; nothing here decides.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stepwell_asl::program::{ExecutionType, RegionIdx, StateIdx};
use stepwell_value::{Object, Str, Value};

use crate::event::ErrorCause;
use crate::limits::{HISTORY_EVENTS_MAX, REDRIVE_PERIOD_MS, REDRIVE_TOKEN_PERIOD_MS, STANDARD_DURATION_MAX_MS};
use crate::{Payload, PayloadId, Timestamp};

/// Identity of an execution, for the engine; the ARN is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(pub u128);

/// One of 256 fixed slices of all executions: the unit of ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

/// How often a shard has changed hands; each commit names it, so that a former owner cannot write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl ExecutionId {
    /// The shard that the execution belongs to.
    pub fn shard(self) -> ShardId {
        ShardId::of(self.0)
    }
}

/// Identity of a Map Run, for the engine: a hash of its ARN, which holds a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapRunId(pub u128);

impl MapRunId {
    /// The Map Run of this ARN.
    pub fn of_arn(arn: &str) -> MapRunId {
        // FNV-1a: spreads well, and whoever makes ARNs up reaches nothing but a Map Run that is not there.
        let hash = arn.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
        MapRunId(hash)
    }

    /// The shard that the Map Run belongs to.
    pub fn shard(self) -> ShardId {
        ShardId::of(self.0)
    }
}

impl ShardId {
    fn of(id: u128) -> ShardId {
        let folded = (id as u64) ^ (id >> 64) as u64;
        ShardId((folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
    }
}

/// Number of a frame within its execution; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub u32);

/// Number of an attempt of a task within its execution; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u32);

/// What never changes about an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The engine's identity of it.
    pub id: ExecutionId,
    /// `Execution.Id` of the context object.
    pub arn: Str,
    /// `Execution.Name`
    pub name: Str,
    /// `StateMachine.Id`: the unqualified ARN.
    pub state_machine_arn: Str,
    /// `StateMachine.Name`
    pub state_machine_name: Str,
    /// `Execution.RoleArn`; `null` when a single state is tested without a role.
    pub role_arn: Option<Str>,
    /// `stateMachineVersionArn` of the first event.
    pub version_arn: Option<Str>,
    /// `stateMachineAliasArn` of the first event.
    pub alias_arn: Option<Str>,
    /// Standard or Express.
    pub execution_type: ExecutionType,
    /// Whether `Execution.RedriveCount` is in the context object: not in synchronous Express and in tests of a state.
    pub shows_redrive_count: bool,
    /// The AWS region that events of tasks name.
    pub region: Str,
    /// Seed of all that is left to chance in it.
    pub seed: u64,
    /// The region of the program that it runs: the machine, or a distributed Map's item processor.
    pub root: RegionIdx,
    /// The X-Ray trace header that it was started with.
    pub trace_header: Option<Str>,
}

/// Whose child an execution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildOf {
    /// The Map Run.
    pub map_run_arn: Str,
    /// Its number there.
    pub child: u32,
    /// How many items it works on: more than one in a batch.
    pub item_count: u32,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Not ended.
    Running,
    /// Ended with an output.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ran into its time limit.
    TimedOut,
    /// Stopped from outside.
    Aborted,
}

impl ExecutionStatus {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            ExecutionStatus::Running => "RUNNING",
            ExecutionStatus::Succeeded => "SUCCEEDED",
            ExecutionStatus::Failed => "FAILED",
            ExecutionStatus::TimedOut => "TIMED_OUT",
            ExecutionStatus::Aborted => "ABORTED",
        }
    }
}

/// One run of a program. Changed by [`crate::step`] alone.
#[derive(Clone, Debug)]
pub struct Execution {
    pub(crate) identity: Arc<Identity>,
    pub(crate) child_of: Option<ChildOf>,
    pub(crate) input: Payload,
    pub(crate) status: ExecutionStatus,
    pub(crate) started: Timestamp,
    pub(crate) stopped: Option<Timestamp>,
    pub(crate) output: Option<Payload>,
    pub(crate) error: ErrorCause,
    pub(crate) redrive_count: u32,
    pub(crate) redriven: Option<Timestamp>,
    /// Client tokens of its last redrives, and when those were; the latest last.
    pub(crate) redrive_tokens: Vec<(Str, Timestamp)>,
    /// When the whole execution times out.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) frames: BTreeMap<FrameId, Box<Frame>>,
    /// Frames that can go on without anybody outside.
    pub(crate) ready: VecDeque<FrameId>,
    pub(crate) next_frame: u32,
    pub(crate) next_payload: u32,
    pub(crate) next_attempt: u32,
    pub(crate) last_event: u32,
    /// Evaluations so far; together with the seed the key of what is drawn in one.
    pub(crate) evaluations: u32,
    /// State transitions so far, retries included.
    pub(crate) transitions: u64,
    /// A single state is run: it ends the execution, whatever it points to.
    pub(crate) alone: bool,
    /// The state that a single state points to.
    pub(crate) next_state: Option<StateIdx>,
    /// Deadlines of frames, derived from them.
    pub(crate) timers: BTreeSet<(Timestamp, FrameId)>,
    /// Which frame waits for which attempt, derived from them.
    pub(crate) attempts: BTreeMap<AttemptId, FrameId>,
    /// Size of all their variables, derived from them.
    pub(crate) variables_bytes: usize,
    /// How many tasks something has to be done about after a crash, derived from the frames.
    pub(crate) owed_tasks: u32,
    pub(crate) unwritten: Unwritten,
}

/// One active place in a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: FrameId,
    pub(crate) parent: Option<FrameId>,
    /// Which branch of a Parallel, which item of a Map.
    pub(crate) index: u32,
    pub(crate) region: RegionIdx,
    pub(crate) state: StateIdx,
    pub(crate) phase: Phase,
    /// The state's input, before `InputPath`.
    pub(crate) input: Payload,
    /// Variables of this frame's scope; outer ones are found in the frames above.
    pub(crate) variables: Object,
    /// Their size: the sum of their JSON texts.
    pub(crate) variables_bytes: usize,
    /// The chain's last event: `previousEventId` of the next.
    pub(crate) last_event: u32,
    /// The state's own `…StateEntered` event, the event before it, and its time.
    pub(crate) entered_event: u32,
    pub(crate) before_entered: u32,
    pub(crate) entered: Timestamp,
    /// Retries so far in this visit of the state, per retrier.
    pub(crate) retries: Vec<u32>,
    /// It is among the frames that have to be written.
    pub(crate) touched: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// About to enter the state.
    Enter,
    /// The state's work is to be done, for the first time or again.
    Work,
    /// A Wait state.
    Waiting { until: Timestamp },
    /// Before a retry.
    Backoff { until: Timestamp },
    /// A task is with somebody outside.
    Task(OpenTask),
    /// Branches or iterations run.
    Fork(Box<Fork>),
    /// A Map Run works for this state.
    MapRun { arn: Str, started_event: u32 },
    /// The state failed and nothing caught it; kept for a redrive.
    Failed,
    /// Another branch failed; kept for a redrive.
    Aborted,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpenTask {
    pub(crate) attempt: AttemptId,
    /// A worker has it; activities wait for one.
    pub(crate) started: bool,
    /// The call was answered; the job's end or the token's return is awaited.
    pub(crate) submitted: bool,
    pub(crate) timeout_s: Option<u32>,
    pub(crate) heartbeat_s: Option<u32>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) heartbeat_due: Option<Timestamp>,
    /// What is asked for, as long as it may have to be asked for again: until a call is answered or a worker has taken
    /// an activity's task.
    pub(crate) asked: Option<Asked>,
}

/// What a task's request says that its state does not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) parameters: Payload,
    pub(crate) role_arn: Option<Str>,
}

impl OpenTask {
    /// Whether something has to be done about it after a crash: the request may have to be made again, or the heartbeats
    /// of its worker went unheard.
    pub(crate) fn is_owed(&self) -> bool {
        self.asked.is_some() || self.heartbeat_due.is_some()
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        [self.deadline, self.heartbeat_due].into_iter().flatten().min()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fork {
    /// Children that have not ended.
    pub(crate) open: u32,
    pub(crate) results: Results,
    /// `…StateStarted`
    pub(crate) started_event: u32,
    /// What the join points to.
    pub(crate) join_event: u32,
    /// None: a Parallel state.
    pub(crate) map: Option<MapFork>,
}

/// Outputs of ended children, by index. They are written in segments, so that an answer does not write all of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Results {
    all: Vec<Option<Payload>>,
    /// Segments that have to be written.
    touched: BTreeSet<u32>,
}

impl Results {
    /// Results in a segment. A segment of results that stand in it is some 4 KiB at most.
    pub(crate) const PER_SEGMENT: usize = 32;

    pub(crate) fn new(length: usize) -> Results {
        Results { all: vec![None; length], touched: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn set(&mut self, index: u32, result: Payload) {
        self.all[index as usize] = Some(result);
        self.touched.insert(index / Results::PER_SEGMENT as u32);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Option<&Payload>> {
        self.all.iter().map(Option::as_ref)
    }

    pub(crate) fn segment(&self, segment: u32) -> &[Option<Payload>] {
        let from = segment as usize * Results::PER_SEGMENT;
        &self.all[from..self.all.len().min(from + Results::PER_SEGMENT)]
    }

    pub(crate) fn segments_with_results(&self) -> impl Iterator<Item = u32> {
        let segments = self.all.chunks(Results::PER_SEGMENT);
        (0..).zip(segments).filter(|(_, results)| results.iter().any(Option::is_some)).map(|(segment, _)| segment)
    }

    /// Takes in a segment that was stored; whether it fits.
    pub(crate) fn restore(&mut self, segment: u32, results: Vec<Option<Payload>>) -> bool {
        let from = segment as usize * Results::PER_SEGMENT;
        match self.all.get_mut(from..from + results.len()) {
            Some(places) => places.iter_mut().zip(results).for_each(|(place, result)| *place = result),
            None => return false,
        }
        true
    }

    /// The segments that have to be written since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.touched)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MapFork {
    /// The list of items.
    pub(crate) items: Payload,
    /// The next item to start.
    pub(crate) cursor: u32,
    pub(crate) concurrency: u32,
    /// Failures allowed; none: the first failure fails the state.
    pub(crate) tolerated: Option<Tolerance>,
    pub(crate) failed: u32,
}

/// How many failures a Map state bears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    pub(crate) count: Option<u32>,
    pub(crate) percentage: Option<f64>,
}

impl Tolerance {
    /// Whether so many failures among so many items are too many; passing either bound is.
    pub(crate) fn is_exceeded(&self, failed: u64, total: u64) -> bool {
        let over_count = |count: u32| failed > u64::from(count);
        let over_percentage = |percentage: f64| failed as f64 * 100.0 > percentage * total as f64;
        match (self.count, self.percentage) {
            (None, None) => failed > 0,
            (count, percentage) => count.is_some_and(over_count) || percentage.is_some_and(over_percentage),
        }
    }
}

impl Frame {
    /// Another frame's failure or the execution's end stops it; it stays for a redrive.
    pub(crate) fn abort(&mut self) {
        match self.phase {
            // What runs below it says where it stands.
            Phase::Fork(_) | Phase::Failed => {}
            Phase::Enter => {
                self.entered_event = 0;
                self.phase = Phase::Aborted;
            }
            _ => self.phase = Phase::Aborted,
        }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Backoff { until } => Some(*until),
            Phase::Task(task) => task.due(),
            _ => None,
        }
    }
}

/// What has to be known to start an execution.
#[derive(Clone, Debug)]
pub struct Start {
    /// What never changes about it.
    pub identity: Arc<Identity>,
    /// Its input.
    pub input: Value,
    /// The input's text as it was sent.
    pub input_text: Option<Str>,
}

impl Execution {
    /// An execution that has not taken its first step.
    pub fn new(start: Start, now: Timestamp) -> Execution {
        let id = PayloadId(0);
        let input = match start.input_text {
            Some(text) if text != start.input.to_string() => Payload::as_sent(id, start.input, text),
            _ => Payload::new(id, start.input),
        };
        Execution {
            identity: start.identity,
            child_of: None,
            input,
            status: ExecutionStatus::Running,
            started: now,
            stopped: None,
            output: None,
            error: ErrorCause::default(),
            redrive_count: 0,
            redriven: None,
            redrive_tokens: Vec::new(),
            deadline: None,
            frames: BTreeMap::new(),
            ready: VecDeque::new(),
            next_frame: 0,
            next_payload: 1,
            next_attempt: 0,
            last_event: 0,
            evaluations: 0,
            transitions: 0,
            alone: false,
            next_state: None,
            timers: BTreeSet::new(),
            attempts: BTreeMap::new(),
            variables_bytes: 0,
            owed_tasks: 0,
            unwritten: Unwritten::default(),
        }
    }

    /// A child of a Map Run that has not taken its first step.
    pub fn of_map_run(start: Start, child_of: ChildOf, now: Timestamp) -> Execution {
        Execution { child_of: Some(child_of), ..Execution::new(start, now) }
    }

    /// An execution of one state alone, as TestState has it: it ends where the state points to another one.
    ///
    /// The state is entered with the input of `start`; `variables` are visible to it.
    pub fn of_state(start: Start, region: RegionIdx, state: StateIdx, variables: Object, now: Timestamp) -> Execution {
        let mut execution = Execution::new(start, now);
        execution.alone = true;
        execution.next_frame = 1;
        let frame = Frame {
            id: FrameId(0),
            parent: None,
            index: 0,
            region,
            state,
            phase: Phase::Enter,
            input: execution.input.clone(),
            variables_bytes: variables_bytes(&variables),
            variables,
            last_event: 0,
            entered_event: 0,
            before_entered: 0,
            entered: now,
            retries: Vec::new(),
            touched: false,
        };
        execution.put_frame(frame);
        execution
    }

    /// What never changes about it.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whose child it is.
    pub fn child_of(&self) -> Option<&ChildOf> {
        self.child_of.as_ref()
    }

    /// Its input.
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.status
    }

    /// When it started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// When it ended.
    pub fn stopped(&self) -> Option<Timestamp> {
        self.stopped
    }

    /// Its output, when it succeeded.
    pub fn output(&self) -> Option<&Payload> {
        self.output.as_ref()
    }

    /// Its error and cause, when it failed or was stopped.
    pub fn error(&self) -> &ErrorCause {
        &self.error
    }

    /// How often it was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrive_count
    }

    /// When it was last redriven.
    pub fn redriven(&self) -> Option<Timestamp> {
        self.redriven
    }

    /// State transitions so far, retries included: what AWS bills a Standard execution by.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// Number of events so far.
    pub fn events_count(&self) -> u32 {
        self.last_event
    }

    /// After a single state was run: the state that it points to.
    pub fn next_state(&self) -> Option<StateIdx> {
        self.next_state
    }

    /// Why it cannot be redriven now, in AWS's words; none: it can.
    pub fn redrive_refusal(&self, now: Timestamp) -> Option<&'static str> {
        let Execution { status, started, stopped, last_event, .. } = *self;
        redrive_refusal(status, started, stopped, last_event, now)
    }

    /// When the redrive was that carried this client token, if that is not long ago: the answer to its repetition
    /// (reference/api.md, 7).
    pub fn redrive_of(&self, client_token: &str, now: Timestamp) -> Option<Timestamp> {
        let mut tokens = self.redrive_tokens.iter().rev();
        let (_, at) = tokens.find(|(token, at)| token == client_token && now.0 - at.0 <= REDRIVE_TOKEN_PERIOD_MS)?;
        Some(*at)
    }

    /// How long it was open when it ended, the time between an end and a redrive included.
    pub(crate) fn open_ms(&self) -> i64 {
        self.stopped.map_or(0, |stopped| stopped.0 - self.started.0)
    }

    /// The earliest time at which it has to be woken with [`crate::Signal::TimerFired`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.status != ExecutionStatus::Running {
            return None;
        }
        let timer = self.timers.first().map(|(due, _)| *due);
        [self.deadline, timer].into_iter().flatten().min()
    }

    /// Variables of the machine's own scope.
    pub fn variables(&self) -> Object {
        self.frames
            .values()
            .find(|frame| frame.parent.is_none())
            .map(|frame| frame.variables.clone())
            .unwrap_or_default()
    }

    /// Number of tasks that somebody outside works on.
    pub fn open_tasks(&self) -> usize {
        self.attempts.len()
    }

    /// How a task's attempt stands; what came before it or goes beyond the last attempt is not open.
    pub fn attempt(&self, attempt: AttemptId) -> AttemptStatus {
        let frame = self.attempts.get(&attempt).and_then(|frame| self.frames.get(frame));
        match frame.map(|frame| &frame.phase) {
            Some(Phase::Task(OpenTask { started: false, .. })) => AttemptStatus::Scheduled,
            Some(Phase::Task(_)) => AttemptStatus::Started,
            _ if attempt.0 < self.next_attempt => AttemptStatus::Over,
            _ => AttemptStatus::Unknown,
        }
    }

    /// What a task's attempt is asked to do, until its call is answered or a worker has taken it.
    pub fn parameters(&self, attempt: AttemptId) -> Option<&Payload> {
        match &self.frames.get(self.attempts.get(&attempt)?)?.phase {
            Phase::Task(task) => task.asked.as_ref().map(|asked| &asked.parameters),
            _ => None,
        }
    }

    /// Takes a frame out, to work on it.
    pub(crate) fn take_frame(&mut self, id: FrameId) -> Option<Frame> {
        let mut frame = *self.frames.remove(&id)?;
        self.touch(&mut frame);
        if let Some(due) = frame.due() {
            self.timers.remove(&(due, id));
        }
        if let Phase::Task(task) = &frame.phase {
            self.attempts.remove(&task.attempt);
            self.owed_tasks -= u32::from(task.is_owed());
        }
        self.variables_bytes -= frame.variables_bytes;
        Some(frame)
    }

    /// Puts a frame back, with all that is derived from it.
    pub(crate) fn put_frame(&mut self, mut frame: Frame) {
        self.touch(&mut frame);
        self.place_frame(frame);
    }

    /// Puts a frame in its place as it is stored.
    pub(crate) fn place_frame(&mut self, frame: Frame) {
        if let Some(due) = frame.due() {
            self.timers.insert((due, frame.id));
        }
        if let Phase::Task(task) = &frame.phase {
            self.attempts.insert(task.attempt, frame.id);
            self.owed_tasks += u32::from(task.is_owed());
        }
        self.variables_bytes += frame.variables_bytes;
        self.frames.insert(frame.id, Box::new(frame));
    }

    /// Remembers that a frame has to be written.
    fn touch(&mut self, frame: &mut Frame) {
        if !frame.touched {
            frame.touched = true;
            self.unwritten.frames.push(frame.id);
        }
    }

    /// After a step: where nobody asks for changes, frames that came and went must not be remembered for ever.
    pub(crate) fn forget_gone_frames(&mut self) {
        let Execution { unwritten: Unwritten { frames: touched, stored_below, .. }, frames, .. } = self;
        if touched.len() >= 64 && touched.len() >= 2 * frames.len() + *stored_below as usize {
            touched.retain(|id| frames.contains_key(id) || id.0 < *stored_below);
        }
    }

    /// Changes all frames where they are, in a way that concerns neither deadlines nor attempts that are looked at.
    pub(crate) fn change_frames(&mut self, mut change: impl FnMut(&mut Frame)) {
        let mut frames = std::mem::take(&mut self.frames);
        for frame in frames.values_mut() {
            self.touch(frame);
            change(frame);
        }
        self.frames = frames;
    }

    /// Removes all frames.
    pub(crate) fn clear_frames(&mut self) {
        self.change_frames(|_| {});
        self.frames.clear();
        self.stop_waiting();
    }

    /// Nothing of what frames wait for is awaited any longer.
    pub(crate) fn stop_waiting(&mut self) {
        self.ready.clear();
        self.timers.clear();
        self.attempts.clear();
        self.owed_tasks = 0;
    }

    /// The frame that waits for an attempt of a task.
    pub(crate) fn frame_of_attempt(&self, attempt: AttemptId) -> Option<FrameId> {
        self.attempts.get(&attempt).copied()
    }

    /// The children of a frame and of all below it, each list in order of birth. One pass: children are
    /// younger than the frames they belong to.
    pub(crate) fn children_from(&self, top: FrameId) -> BTreeMap<FrameId, Vec<FrameId>> {
        let mut children: BTreeMap<FrameId, Vec<FrameId>> = BTreeMap::new();
        for frame in self.frames.range(top..).map(|(_, frame)| frame) {
            if let Some(parent) = frame.parent.filter(|parent| *parent >= top) {
                children.entry(parent).or_default().push(frame.id);
            }
        }
        children
    }
}

/// How an attempt of a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptStatus {
    /// An activity's task that no worker has taken.
    Scheduled,
    /// Somebody works on it.
    Started,
    /// It was answered, its time is over, or nobody waits for it any longer.
    Over,
    /// There has been no such attempt.
    Unknown,
}

/// What has changed since it was written last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unwritten {
    /// Frames that changed or went, each once.
    frames: Vec<FrameId>,
    /// Frames below this number were there when changes were taken last, so their records may be stored.
    stored_below: u32,
    /// Which segments of which forks are stored.
    pub(crate) segments: BTreeMap<FrameId, StoredSegments>,
}

/// Segments of a fork's results that are stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredSegments {
    /// Tells a fork from the one that a retry put in its place: its `…StateStarted` event.
    pub(crate) started_event: u32,
    pub(crate) segments: BTreeSet<u32>,
}

impl Unwritten {
    /// Those of an execution that was read, with this many frames made so far.
    pub(crate) fn nothing(next_frame: u32, segments: BTreeMap<FrameId, StoredSegments>) -> Unwritten {
        Unwritten { frames: Vec::new(), stored_below: next_frame, segments }
    }

    /// The frames that changed, and below which number they may be stored.
    pub(crate) fn take(&mut self, next_frame: u32) -> (Vec<FrameId>, u32) {
        (std::mem::take(&mut self.frames), std::mem::replace(&mut self.stored_below, next_frame))
    }
}

/// Why an execution cannot be redriven, in AWS's words; none: it can.
pub(crate) fn redrive_refusal(
    status: ExecutionStatus,
    started: Timestamp,
    stopped: Option<Timestamp>,
    last_event: u32,
    now: Timestamp,
) -> Option<&'static str> {
    let stopped = stopped.unwrap_or(now);
    match status {
        ExecutionStatus::Running => Some("Execution is RUNNING and cannot be redriven"),
        ExecutionStatus::Succeeded => Some("Execution is SUCCEEDED and cannot be redriven"),
        _ if last_event >= HISTORY_EVENTS_MAX - 1 => Some("Execution history event limit exceeded"),
        _ if stopped.0 - started.0 >= STANDARD_DURATION_MAX_MS => Some("Execution has exceeded the max execution time"),
        _ if now.0 - stopped.0 > REDRIVE_PERIOD_MS => Some("Execution redrivable period exceeded"),
        _ => None,
    }
}

/// Size of variables: the sum of their JSON texts.
pub(crate) fn variables_bytes(variables: &Object) -> usize {
    variables.values().map(Value::json_len).sum()
}
