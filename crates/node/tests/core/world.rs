//! A core driven by hand: a memory store, a clock that is told the time, and a commit whenever the test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::{
    AttemptId, Event, Execution, ExecutionId, Host, Identity, Signal, Start, StepStatus, TaskRequest, Timestamp, Turn,
    decode_events, step,
};
use stepwell_node::core::{
    CommitQueue, Core, ExpressRun, Input, Limits, NewStart, OpenedShard, Output, Release, Reply, ReplyTo,
    StoredPayloads, open_shard, read_due, read_entity, read_mail,
};
use stepwell_node::{Definition, Programs, Refusal, TaskCall, Tokens, Waiting};
use stepwell_store::memory::Memory;
use stepwell_store::{Codec, Create, Entity, Lease, Place, RowNumber, Shards, Store, StoreError};
use stepwell_value::{Str, parse};

pub(crate) const FOREVER: Timestamp = Timestamp(i64::MAX);

/// What was answered to a request; none: nothing yet.
pub(crate) type Answer = Arc<Mutex<Option<Result<Reply, Refusal>>>>;

pub(crate) struct Catalogue {
    pub(crate) definitions: Mutex<BTreeMap<RowNumber, Arc<Definition>>>,
    tokens: Tokens,
}

impl Programs for Catalogue {
    fn definition(&self, row: RowNumber) -> Result<Arc<Definition>, StoreError> {
        // What is asked for and not there was damaged.
        self.definitions.lock().unwrap().get(&row).cloned().ok_or_else(|| StoreError::Corrupt("no definition".into()))
    }

    fn has_activity(&self, _: &str) -> bool {
        true
    }
}

impl Host for Catalogue {
    fn token(&self, execution: &Identity, attempt: AttemptId) -> Str {
        self.tokens.of(execution, attempt)
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<Memory>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) codec: Codec,
    pub(crate) core: Core,
    pub(crate) limits: Limits,
    pub(crate) queue: CommitQueue,
    pub(crate) now: Timestamp,
    pub(crate) leases: BTreeMap<u8, Lease>,
    /// Calls that left, in order, and have not been answered.
    pub(crate) calls: VecDeque<TaskCall>,
    pub(crate) cancelled: Vec<(ExecutionId, AttemptId)>,
    pub(crate) waiting: VecDeque<(Str, Waiting)>,
    pub(crate) express: VecDeque<ExpressRun>,
    pub(crate) reopens: VecDeque<stepwell_engine::ShardId>,
    /// Reads that have been asked for.
    pub(crate) loads: u32,
    inputs: VecDeque<Input>,
    started: u128,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> World {
        let catalogue = Arc::new(Catalogue { definitions: Mutex::default(), tokens: Tokens::new(b"key") });
        let core = Core::new(catalogue.clone(), Codec::default(), limits.clone());
        let mut world = World {
            store: Arc::new(Memory::new()),
            catalogue,
            codec: Codec::default(),
            core,
            limits,
            queue: CommitQueue::default(),
            now: Timestamp(1_700_000_000_000),
            leases: BTreeMap::new(),
            calls: VecDeque::new(),
            cancelled: Vec::new(),
            waiting: VecDeque::new(),
            express: VecDeque::new(),
            reopens: VecDeque::new(),
            loads: 0,
            inputs: VecDeque::new(),
            started: 0,
        };
        world.open();
        world
    }

    fn open(&mut self) {
        let opened = self.claim();
        self.inputs.extend(opened.into_iter().map(|shard| Input::Opened(Box::new(shard))));
        self.handle_inputs();
    }

    fn claim(&mut self) -> Vec<OpenedShard> {
        let leases = self.store.claim("node", &Shards::ALL, self.now, FOREVER).unwrap();
        self.leases = leases.iter().map(|lease| (lease.shard.0, *lease)).collect();
        open_shard(self.store.as_ref(), &self.codec, self.catalogue.as_ref(), &leases, self.now).unwrap()
    }

    /// The process dies and starts again: all that is not in the store is gone, also calls under way.
    pub(crate) fn crash(&mut self) {
        let opened = self.stop_and_open();
        opened.into_iter().for_each(|shard| self.input(Input::Opened(Box::new(shard))));
        self.run();
    }

    /// The process dies and starts again, and has been told nothing yet of what it has read.
    pub(crate) fn stop_and_open(&mut self) -> Vec<OpenedShard> {
        self.queue = CommitQueue::default();
        self.inputs.clear();
        self.calls.clear();
        self.waiting.clear();
        self.express.clear();
        self.core = Core::new(self.catalogue.clone(), self.codec.clone(), self.limits.clone());
        // What the lock on the data directory does for one process.
        for lease in self.leases.values() {
            self.store.renew(&[*lease], Timestamp(0)).unwrap();
        }
        self.claim()
    }

    /// Starts an asynchronous Express execution of one Pass state, which has to be run.
    pub(crate) fn start_express(&mut self, name: &str) {
        let definition = self
            .define_as(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#, ExecutionType::Express);
        let mut identity = identity(ExecutionId(5 << 80), name);
        identity.execution_type = ExecutionType::Express;
        let start = Start { identity: Arc::new(identity), input: parse("{}").unwrap(), input_text: None };
        let create = Create {
            machine: definition.machine,
            definition: definition.row,
            name: Str::from(format!(":{name}")),
            version: None,
            alias: None,
            map_run: None,
            execution: None,
        };
        let new = NewStart { start, create, definition };
        self.request(|reply| Input::Start(Box::new(new), reply));
        self.run();
    }

    pub(crate) fn define(&mut self, text: &str) -> Arc<Definition> {
        self.define_as(text, ExecutionType::Standard)
    }

    pub(crate) fn define_as(&mut self, text: &str, execution_type: ExecutionType) -> Arc<Definition> {
        let compiled = compile(text, Format::Json, &Options { machine_type: execution_type });
        let program = compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        let mut definitions = self.catalogue.definitions.lock().unwrap();
        let row = RowNumber(definitions.len() as u64 * 2 + 2);
        let machine = RowNumber(row.0 - 1);
        let definition = Arc::new(Definition { row, machine, program: Arc::new(program), logging: None });
        definitions.insert(row, definition.clone());
        definition
    }

    /// Hands in a start; the answer comes with a commit.
    pub(crate) fn submit(&mut self, definition: &Arc<Definition>, name: &str, input: &str) -> (ExecutionId, Answer) {
        self.started += 1;
        let id = ExecutionId(self.started << 80 | self.started);
        let start = Start { identity: Arc::new(identity(id, name)), input: parse(input).unwrap(), input_text: None };
        let create = Create {
            machine: definition.machine,
            definition: definition.row,
            name: Str::from(format!(":{name}")),
            version: None,
            alias: None,
            map_run: None,
            execution: None,
        };
        let new = NewStart { start, create, definition: definition.clone() };
        (id, self.request(|reply| Input::Start(Box::new(new), reply)))
    }

    /// Starts an execution and lets things happen until nothing more happens by itself.
    pub(crate) fn start(&mut self, definition: &Arc<Definition>, name: &str, input: &str) -> ExecutionId {
        let (id, answer) = self.submit(definition, name, input);
        self.run();
        assert!(matches!(answered(&answer), Some(Ok(Reply::Started(_)))), "{answer:?}");
        id
    }

    pub(crate) fn request(&mut self, input: impl FnOnce(ReplyTo) -> Input) -> Answer {
        let answer = Answer::default();
        let slot = answer.clone();
        let reply = ReplyTo::new(move |answer| *slot.lock().unwrap() = Some(answer));
        self.input(input(reply));
        answer
    }

    /// A request, and all that follows from it.
    pub(crate) fn ask(&mut self, input: impl FnOnce(ReplyTo) -> Input) -> Result<Reply, Refusal> {
        let answer = self.request(input);
        self.run();
        answered(&answer).expect("a request is answered when nothing more happens")
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.inputs.push_back(input);
        self.handle_inputs();
    }

    /// Several inputs, before what the first of them asked for is there.
    pub(crate) fn input_all(&mut self, inputs: impl IntoIterator<Item = Input>) {
        self.inputs.extend(inputs);
        self.handle_inputs();
    }

    /// Answers the call that left first.
    pub(crate) fn answer(&mut self, answer: impl FnOnce(&TaskRequest) -> Signal) {
        let call = self.calls.pop_front().expect("a call has left");
        let signal = answer(&call.request);
        self.input(Input::TaskAnswered(call.identity.id, call.request.attempt, signal));
    }

    /// Lets things happen until nothing more happens by itself.
    pub(crate) fn run(&mut self) {
        while self.commit() || self.turn() || self.reopen() {}
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn pass(&mut self, ms: i64) {
        let end = self.now.after_ms(ms);
        self.run();
        while let Some(next) = self.core.next_turn(self.now).filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// Makes durable what waits; says whether anything did.
    pub(crate) fn commit(&mut self) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let mut batch = self.queue.next_batch();
        let writes = std::mem::take(&mut batch.writes);
        let result = if writes.is_empty() { Ok(Vec::new()) } else { self.store.commit(writes) };
        let (released, settled) = self.queue.settle(batch, result);
        released.into_iter().for_each(|release| self.release(release));
        self.input(Input::Settled(settled));
        true
    }

    pub(crate) fn turn(&mut self) -> bool {
        let is_time = self.core.next_turn(self.now).is_some_and(|next| next <= self.now);
        if is_time {
            self.input(Input::Turn);
        }
        is_time
    }

    /// Reads shards again whose memory was lost.
    pub(crate) fn reopen(&mut self) -> bool {
        let Some(shard) = self.reopens.pop_front() else { return false };
        let ours = self.leases[&shard.0];
        let mut leases = self.store.renew(&[ours], FOREVER).unwrap();
        if leases.is_empty() {
            let mut want = Shards::NONE;
            want.insert(shard);
            leases = self.store.claim("node", &want, self.now, FOREVER).unwrap();
            assert!(!leases.is_empty(), "nobody else has it");
            self.leases.insert(shard.0, leases[0]);
        }
        let opened = open_shard(self.store.as_ref(), &self.codec, self.catalogue.as_ref(), &leases, self.now).unwrap();
        opened.into_iter().for_each(|shard| self.input(Input::Opened(Box::new(shard))));
        true
    }

    fn handle_inputs(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            let mut out = Vec::new();
            self.core.handle(input, self.now, &mut out);
            for output in out {
                match output {
                    Output::Commit(commit) => self.queue.push(*commit),
                    Output::Release(release) => self.release(release),
                    Output::Load(entity, memory) => {
                        self.loads += 1;
                        let read = read_entity(self.store.as_ref(), &self.codec, self.catalogue.as_ref(), entity);
                        self.inputs.push_back(Input::Loaded(entity, memory, read));
                    }
                    Output::Letter(_) => panic!("all shards are in one core"),
                    Output::LookForMail(_) => self.inputs.push_back(Input::LookForMail),
                    Output::ReadDue(shards, before) => {
                        self.inputs.push_back(Input::Due(read_due(self.store.as_ref(), &shards, before)));
                    }
                    Output::ReadMail(shards, after) => {
                        let mail = read_mail(self.store.as_ref(), &self.codec, self.catalogue.as_ref(), &shards, after);
                        self.inputs.push_back(Input::Mail(mail));
                    }
                    Output::Reopen(shard, _) => self.reopens.push_back(shard),
                }
            }
        }
    }

    fn release(&mut self, release: Release) {
        match release {
            Release::Reply(reply, answer) => reply.send(answer),
            Release::Call(call) => self.calls.push_back(call),
            Release::Cancel(id, attempt) => {
                self.calls.retain(|call| (call.identity.id, call.request.attempt) != (id, attempt));
                self.waiting.retain(|(_, task)| (task.execution, task.attempt) != (id, attempt));
                self.cancelled.push((id, attempt));
            }
            Release::Queue { activity, task } => {
                let key = |task: &Waiting| (task.execution, task.attempt);
                if !self.waiting.iter().any(|(_, waiting)| key(waiting) == key(&task)) {
                    self.waiting.push_back((activity, task));
                }
            }
            Release::RunExpress(run) => self.express.push_back(*run),
            Release::Log { .. } => {}
        }
    }

    /// Runs the Express execution that was to be run first, which has no tasks, to its end.
    pub(crate) fn finish_express(&mut self) -> Execution {
        let ExpressRun { start, definition, child_of, started } = self.express.pop_front().expect("one is to be run");
        let id = start.identity.id;
        let mut execution = match &child_of {
            Some(child_of) => Execution::of_map_run(start, child_of.clone(), started),
            None => Execution::new(start, started),
        };
        let turn = Turn { now: self.now, host: self.catalogue.as_ref() };
        let outcome = step(&definition.program, &mut execution, Signal::Start, turn);
        assert_eq!(outcome.status, StepStatus::Ended);
        let input = match child_of {
            None => Input::ExpressEnded(id),
            Some(child_of) => Input::child_ended(&child_of, &mut execution, None),
        };
        self.input(input);
        execution
    }

    pub(crate) fn events(&self, id: ExecutionId) -> Vec<Event> {
        let payloads = StoredPayloads::new(self.store.as_ref(), &self.codec, id);
        let chunks = self.store.history(id, 1, false, u32::MAX).unwrap();
        let mut events = Vec::new();
        for chunk in chunks {
            let place = Place::Chunk(Entity::Execution(id), chunk.first);
            let decoded = decode_events(&self.codec.open(place, &chunk.body).unwrap(), &payloads).unwrap();
            assert_eq!((decoded[0].id, decoded.len() as u32), (chunk.first, chunk.count));
            events.extend(decoded);
        }
        for (place, event) in events.iter().enumerate() {
            assert_eq!(event.id as usize, place + 1, "events have no gaps");
        }
        events
    }

    /// The history in the store, one event a line.
    pub(crate) fn history(&self, id: ExecutionId) -> String {
        self.events(id).iter().map(|event| format!("{}\n", event.to_string().trim_end())).collect()
    }

    /// The last event's type.
    pub(crate) fn last_event(&self, id: ExecutionId) -> String {
        self.events(id).last().map(|event| event.kind.type_name()).unwrap_or_default()
    }
}

pub(crate) fn identity(id: ExecutionId, name: &str) -> Identity {
    Identity {
        id,
        arn: Str::from(format!("arn:aws:states:us-east-1:123456789012:execution:m:{name}")),
        name: Str::from(name),
        state_machine_arn: Str::from("arn:aws:states:us-east-1:123456789012:stateMachine:m"),
        state_machine_name: Str::from("m"),
        role_arn: Some(Str::from("arn:aws:iam::123456789012:role/r")),
        version_arn: None,
        alias_arn: None,
        execution_type: ExecutionType::Standard,
        shows_redrive_count: true,
        region: Str::from("us-east-1"),
        trace_header: None,
        seed: id.0 as u64,
        root: TOP,
    }
}

pub(crate) fn answered(answer: &Answer) -> Option<Result<Reply, Refusal>> {
    answer.lock().unwrap().clone()
}

pub(crate) fn succeeds(output: &str) -> impl FnOnce(&TaskRequest) -> Signal {
    let output = parse(output).unwrap();
    move |request| Signal::TaskSucceeded { attempt: request.attempt, output }
}
