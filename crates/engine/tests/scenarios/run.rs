//! Runs small definitions with scripted tasks and shows their histories as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::program::{ExecutionType, TOP};
use stepwell_asl::{Format, Options, Program, compile};
use stepwell_engine::Observer;
use stepwell_engine::local::{Answer, Local, Missing, PlainHost, Responder, What};
use stepwell_engine::{
    DescribedMapRun, Effect, ErrorCause, Event, Execution, ExecutionId, FailureStage, Identity, Letter, MapRun,
    MapRunEffect, MapRunSignal, Outcome, Payload, PayloadId, Reader, Request, Resume, Shard, Signal, Start, StepStatus,
    TaskRequest, Timestamp, Turn, Writes, decode_events, encode_events, step,
};
use stepwell_value::{Str, Value, parse};

pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);

/// A definition, its input and what its tasks answer.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) definition: &'static str,
    pub(crate) input: &'static str,
    pub(crate) execution_type: ExecutionType,
    tasks: BTreeMap<&'static str, Vec<Vec<Answer>>>,
    items: Option<&'static str>,
    pub(crate) signals: Vec<(i64, Signal)>,
}

pub(crate) fn run(definition: &'static str) -> Scenario {
    Scenario {
        definition,
        input: "{}",
        execution_type: ExecutionType::Standard,
        tasks: BTreeMap::new(),
        items: None,
        signals: Vec::new(),
    }
}

pub(crate) fn returns(json: &str) -> Vec<Answer> {
    vec![Answer::now(What::Succeeded(parse(json).unwrap()))]
}

pub(crate) fn fails(error: &str) -> Vec<Answer> {
    vec![Answer::now(What::Failed(ErrorCause::new(error, "why"), FailureStage::Run))]
}

pub(crate) fn never() -> Vec<Answer> {
    Vec::new()
}

pub(crate) fn after(seconds: i64, mut answers: Vec<Answer>) -> Vec<Answer> {
    answers[0].after_ms = seconds * 1000;
    answers
}

pub(crate) fn submitted(mut then: Vec<Answer>) -> Vec<Answer> {
    then.insert(0, Answer::now(What::Submitted(parse(r#"{"JobId":"j1"}"#).unwrap())));
    then
}

pub(crate) fn started(mut then: Vec<Answer>) -> Vec<Answer> {
    then.insert(0, Answer::now(What::Started(Some("worker".into()))));
    then
}

impl Scenario {
    pub(crate) fn input(mut self, input: &'static str) -> Scenario {
        self.input = input;
        self
    }

    pub(crate) fn express(mut self) -> Scenario {
        self.execution_type = ExecutionType::Express;
        self
    }

    /// Answers of a task, attempt by attempt; the last one is repeated.
    pub(crate) fn task(mut self, state: &'static str, attempts: Vec<Vec<Answer>>) -> Scenario {
        self.tasks.insert(state, attempts);
        self
    }

    /// What the item reader reads.
    pub(crate) fn items(mut self, items: &'static str) -> Scenario {
        self.items = Some(items);
        self
    }

    /// A signal from outside, so many seconds after the start.
    pub(crate) fn signal(mut self, after_s: i64, signal: Signal) -> Scenario {
        self.signals.push((after_s * 1000, signal));
        self
    }

    pub(crate) fn program(&self) -> Arc<Program> {
        let options = Options { machine_type: self.execution_type };
        let compiled = compile(self.definition, Format::Json, &options);
        match compiled.program {
            Some(program) => Arc::new(program),
            None => panic!("{:?}", compiled.diagnostics),
        }
    }

    pub(crate) fn start(&self) -> Start {
        let input = parse(self.input).unwrap();
        Start { identity: Arc::new(identity(self.execution_type)), input, input_text: Some(self.input.into()) }
    }

    /// Runs to the end; gives the execution and its events.
    pub(crate) fn finish(&self) -> (Execution, Vec<Event>) {
        self.finish_observed(&mut ())
    }

    /// The same, with an observer.
    pub(crate) fn finish_observed(&self, observer: &mut impl Observer) -> (Execution, Vec<Event>) {
        let program = self.program();
        let mut local = Local::new(START);
        let id = local.start(program.clone(), self.start());
        let mut script = Script::of(self);
        let mut events = Vec::new();
        for (after_ms, signal) in &self.signals {
            events.extend(run_until(&mut local, id, &mut script, START.after_ms(*after_ms), observer));
            local.set_time(START.after_ms(*after_ms));
            local.send(id, signal.clone());
            let now = local.now();
            events.extend(run_until(&mut local, id, &mut script, now, observer));
        }
        events.extend(run_until(&mut local, id, &mut script, Timestamp(i64::MAX), observer));
        (local.execution(id).unwrap().clone(), events)
    }

    /// The history, a line an event.
    pub(crate) fn history(&self) -> String {
        text(&self.finish().1)
    }

    /// Output or error of the execution.
    pub(crate) fn result(&self) -> String {
        let (execution, _) = self.finish();
        match execution.output() {
            Some(output) => output.value().to_string(),
            None => {
                let error = execution.error();
                format!(
                    "{} {}: {}",
                    execution.status().name(),
                    error.error.as_deref().unwrap_or("-"),
                    error.cause.as_deref().unwrap_or("-")
                )
            }
        }
    }

    /// Runs step by step without the shard loop; after each step the execution goes through its stored form when
    /// `crash_after` names the step. For scenarios without Map Runs.
    pub(crate) fn history_with_crash(&self, crash_after: Option<usize>) -> (String, usize) {
        let program = self.program();
        let mut execution = Execution::new(self.start(), START);
        let mut script = Script::of(self);
        let mut mail: Vec<(Timestamp, usize, Signal)> = vec![(START, 0, Signal::Start)];
        mail.extend(
            self.signals.iter().enumerate().map(|(n, (after, signal))| (START.after_ms(*after), n + 1, signal.clone())),
        );
        let (mut events, mut now, mut sent, mut steps) = (Vec::new(), START, 1_000, 0);
        let mut stored = Stored::default();
        loop {
            mail.sort_by_key(|(due, n, _)| (*due, *n));
            let timer = execution.next_deadline();
            let next = mail.first().map(|(due, ..)| *due);
            let signal = match (next, timer) {
                (Some(due), timer) if timer.is_none_or(|timer| due <= timer) => {
                    now = now.max(due);
                    mail.remove(0).2
                }
                (_, Some(timer)) => {
                    now = now.max(timer);
                    Signal::TimerFired
                }
                (_, None) => break,
            };
            let outcome = step(&program, &mut execution, signal, Turn { now, host: &PlainHost });
            steps += 1;
            stored.commit(&mut execution, &outcome);
            events.extend(outcome.events);
            let mut is_more = outcome.status == StepStatus::More;
            if crash_after == Some(steps) {
                execution = stored.load();
                mail.retain(|(.., signal)| !matches!(signal, Signal::Continue));
                let resume = execution.resume(&program, &PlainHost);
                assert_eq!(resume.len(), execution.owes() as usize);
                // Tasks and their answers outlive this crash; what happens to them else, `resume.rs` shows.
                is_more = resume.iter().any(|resume| matches!(resume, Resume::GoOn));
            }
            for effect in outcome.effects {
                if let Effect::Task(request) = effect {
                    let mut due = now;
                    for answer in script.task(execution.identity(), &request) {
                        due = due.after_ms(answer.after_ms);
                        sent += 1;
                        mail.push((due, sent, answer.what.signal(request.attempt)));
                    }
                }
            }
            if is_more {
                sent += 1;
                mail.push((now, sent, Signal::Continue));
            }
            assert!(steps < 10_000, "no end");
        }
        let shown = |events: &[Event]| events.iter().map(|event| event.to_json(true)).collect::<Vec<_>>();
        assert_eq!(stored.history(), events, "what is stored of the history is the history");
        assert_eq!(shown(&stored.history()), shown(&events), "its payloads included");
        (text(&events), steps)
    }

    /// As [`through_the_shard`], for this scenario.
    pub(crate) fn shard_history_with_crash(&self, crash_after: Option<usize>) -> (String, usize) {
        through_the_shard(&self.program(), self.start(), &mut Script::of(self), &mut (), crash_after)
    }
}

/// Runs an execution through the shard loop; after the turn that `crash_after` names, everything in the shard goes
/// through its stored form. Letters are kept: they are durable on their own.
pub(crate) fn through_the_shard(
    program: &Arc<Program>,
    start: Start,
    responder: &mut impl Responder,
    observer: &mut impl Observer,
    crash_after: Option<usize>,
) -> (String, usize) {
    let mut shard = Shard::default();
    let id = shard.start(program.clone(), Execution::new(start, START));
    let mut answers: BTreeMap<(Timestamp, usize), Letter> = BTreeMap::new();
    let (mut events, mut now, mut turns, mut sent) = (Vec::new(), START, 0, 0);
    let mut stored: BTreeMap<ExecutionId, Stored> = BTreeMap::new();
    let mut stored_map_runs: BTreeMap<Str, StoredRecords> = BTreeMap::new();
    loop {
        if !shard.has_mail() {
            let answer = answers.keys().next().map(|(due, _)| *due);
            let Some(due) = [answer, shard.next_deadline()].into_iter().flatten().min() else { break };
            now = now.max(due);
        }
        while let Some(entry) = answers.first_entry()
            && entry.key().0 <= now
        {
            shard.send(entry.remove());
        }
        if let Some(stepped) = shard.turn(Turn { now, host: &PlainHost }, observer) {
            if let Some(execution) = shard.execution_mut(stepped.execution)
                && !is_in_memory(execution)
            {
                stored.entry(stepped.execution).or_default().commit(execution, &stepped.outcome);
            }
            if stepped.execution == id {
                events.extend(stepped.outcome.events);
            }
        }
        for (_, map_run) in shard.map_runs_mut() {
            let writes = map_run.take_writes();
            stored_map_runs.entry(map_run.start().map_run_arn.clone()).or_default().apply(writes);
        }
        turns += 1;
        let mut requests = shard.take_requests();
        if crash_after == Some(turns) {
            requests.retain(|request| matches!(request, Request::Task(..) | Request::Cancel(..)));
            requests.extend(crash(&mut shard, &stored, &stored_map_runs));
        }
        for request in requests {
            match request {
                Request::Task(id, request) => {
                    // An Express child that has to start over asks again.
                    let Some(execution) = shard.execution(id) else { continue };
                    let execution = execution.identity().clone();
                    let mut due = now;
                    for answer in responder.task(&execution, &request) {
                        due = due.after_ms(answer.after_ms);
                        sent += 1;
                        answers.insert((due, sent), Letter::Execution(id, answer.what.signal(request.attempt)));
                    }
                }
                Request::Cancel(..) => {}
                Request::ReadItems { map_run_arn, state, reader } => {
                    let items = responder.read_items(&state, &reader).expect("there are items");
                    shard.send(Letter::MapRun(map_run_arn, MapRunSignal::ItemsRead(items)));
                }
                Request::WriteResults { map_run_arn, results, .. } => {
                    shard.send(Letter::MapRun(map_run_arn, MapRunSignal::ResultsWritten(results)));
                }
            }
        }
        assert!(turns < 10_000, "no end");
    }
    (text(&events), turns)
}

/// A child that nothing is stored of: it starts over.
fn is_in_memory(execution: &Execution) -> bool {
    execution.child_of().is_some() && execution.identity().execution_type == ExecutionType::Express
}

/// All that is in the shard is read from what is stored, letters included; letters that are no more than memory are
/// gone. Gives what is to be done again outside. Tasks and their answers outlive this crash.
fn crash(
    shard: &mut Shard,
    stored: &BTreeMap<ExecutionId, Stored>,
    stored_map_runs: &BTreeMap<Str, StoredRecords>,
) -> Vec<Request> {
    let (gone, kept): (Vec<_>, Vec<_>) = shard
        .executions_mut()
        .map(|(program, execution)| (program.clone(), execution.identity().id, is_in_memory(execution)))
        .partition(|(.., is_in_memory)| *is_in_memory);
    for (_, id, _) in gone {
        shard.forget(id);
    }
    let letters = shard.take_mail();
    for letter in letters {
        let is_memory = match &letter {
            Letter::Execution(_, signal) => matches!(signal, Signal::Continue),
            Letter::MapRun(_, signal) => matches!(signal, MapRunSignal::Continue | MapRunSignal::ItemsRead(_)),
            Letter::StartChild { start, .. } => start.identity.execution_type == ExecutionType::Express,
            Letter::StartMapRun(_) => false,
        };
        if !is_memory {
            let read = Letter::decode(&letter.encode()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{letter:?}"));
            shard.send(read);
        }
    }
    for (program, id, _) in kept {
        let execution = stored[&id].load();
        let resume = execution.resume(&program, &PlainHost);
        assert_eq!(resume.len(), execution.owes() as usize);
        shard.take_in(program, execution);
        if resume.iter().any(|resume| matches!(resume, Resume::GoOn)) {
            shard.send(Letter::Execution(id, Signal::Continue));
        }
    }
    let map_runs: Vec<_> = shard
        .map_runs_mut()
        .map(|(program, map_run)| {
            let stored = &stored_map_runs[&map_run.start().map_run_arn];
            let read = MapRun::decode(&stored.root, &stored.records()).unwrap();
            assert_eq!(read, *map_run);
            let described = DescribedMapRun::decode(&stored.root).unwrap();
            assert_eq!((described.status, described.stopped), (map_run.status(), map_run.stopped()));
            (program.clone(), read)
        })
        .collect();
    let mut requests = Vec::new();
    for (program, map_run) in map_runs {
        let map_run_arn = map_run.start().map_run_arn.clone();
        let effects = map_run.resume(&program, START);
        assert_eq!(effects.len(), map_run.owes() as usize);
        let (region, state) = map_run.start().state;
        let state = program.state(region, state).name.clone();
        shard.take_in_map_run(program, map_run);
        for effect in effects {
            match effect {
                MapRunEffect::GoOn => shard.send(Letter::MapRun(map_run_arn.clone(), MapRunSignal::Continue)),
                MapRunEffect::StartChild { start, child_of } => shard.send(Letter::StartChild { start, child_of }),
                MapRunEffect::Read(reader) => {
                    requests.push(Request::ReadItems {
                        map_run_arn: map_run_arn.clone(),
                        state: state.clone(),
                        reader,
                    });
                }
                MapRunEffect::Write { destination, results } => requests.push(Request::WriteResults {
                    map_run_arn: map_run_arn.clone(),
                    state: state.clone(),
                    destination,
                    results,
                }),
                other => panic!("a crash owes no such thing: {other:?}"),
            }
        }
    }
    requests
}

/// What a store keeps of one execution.
#[derive(Default)]
pub(crate) struct Stored {
    records: StoredRecords,
    payloads: BTreeMap<PayloadId, Payload>,
    chunks: Vec<Vec<u8>>,
}

/// The records of an execution or a Map Run.
#[derive(Default)]
pub(crate) struct StoredRecords {
    root: Vec<u8>,
    records: BTreeMap<u64, Vec<u8>>,
}

impl Stored {
    /// Makes a step durable.
    pub(crate) fn commit(&mut self, execution: &mut Execution, outcome: &Outcome) {
        for payload in outcome.payloads.iter().filter(|payload| !payload.is_inline()) {
            let read = Payload::decode(payload.id(), &payload.encode()).unwrap();
            assert_eq!((read.text(), read.value()), (payload.text(), payload.value()));
            self.payloads.insert(payload.id(), read);
        }
        if !outcome.events.is_empty() {
            self.chunks.push(encode_events(&outcome.events));
        }
        self.records.apply(execution.take_writes());
        let all = execution.snapshot();
        assert_eq!(self.records.root, all.root);
        let all: Vec<_> = all.records.into_iter().map(|(key, record)| (key, record.unwrap())).collect();
        assert_eq!(self.records.records(), all, "what is stored is what is there");
        assert_eq!(self.load().snapshot(), execution.snapshot(), "and reads as such");
    }

    /// The execution as it is stored.
    pub(crate) fn load(&self) -> Execution {
        Execution::decode(&self.records.root, &self.records.records(), &self.payloads).unwrap()
    }

    pub(crate) fn history(&self) -> Vec<Event> {
        self.chunks.iter().flat_map(|chunk| decode_events(chunk, &self.payloads).unwrap()).collect()
    }
}

impl StoredRecords {
    fn apply(&mut self, writes: Writes) {
        self.root = writes.root;
        for (key, record) in writes.records {
            match record {
                Some(record) => self.records.insert(key, record),
                None => Some(self.records.remove(&key).expect("what is removed was stored")),
            };
        }
    }

    fn records(&self) -> Vec<(u64, Vec<u8>)> {
        self.records.iter().map(|(key, record)| (*key, record.clone())).collect()
    }
}

pub(crate) fn identity(execution_type: ExecutionType) -> Identity {
    Identity {
        id: ExecutionId(7),
        arn: "arn:aws:states:us-east-1:123456789012:execution:Machine:run".into(),
        name: "run".into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:Machine".into(),
        state_machine_name: "Machine".into(),
        role_arn: Some("arn:aws:iam::123456789012:role/role".into()),
        version_arn: None,
        alias_arn: None,
        execution_type,
        shows_redrive_count: true,
        trace_header: None,
        region: "us-east-1".into(),
        seed: 42,
        root: TOP,
    }
}

fn run_until(
    local: &mut Local,
    id: ExecutionId,
    script: &mut Script,
    until: Timestamp,
    observer: &mut impl Observer,
) -> Vec<Event> {
    use stepwell_engine::local::Progress;
    let mut events = Vec::new();
    loop {
        match local.go_on(script, observer) {
            Progress::Stepped(transition) if transition.execution == id => events.extend(transition.outcome.events),
            Progress::Stepped(_) | Progress::Delivered => {}
            Progress::WaitUntil(due) if due <= until => local.set_time(due),
            Progress::WaitUntil(_) | Progress::Idle => return events,
        }
    }
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// Answers tasks from a scenario's script.
pub(crate) struct Script {
    tasks: BTreeMap<&'static str, Vec<Vec<Answer>>>,
    calls: BTreeMap<String, usize>,
    items: Option<Value>,
}

impl Script {
    pub(crate) fn of(scenario: &Scenario) -> Script {
        Script {
            tasks: scenario.tasks.clone(),
            calls: BTreeMap::new(),
            items: scenario.items.map(|items| parse(items).unwrap()),
        }
    }
}

impl Responder for Script {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        let Some(attempts) = self.tasks.get(request.state.as_str()) else {
            let cause = format!("no script for {}", request.state);
            return vec![Answer::now(What::CannotRun(cause.into()))];
        };
        let call = self.calls.entry(request.state.to_string()).or_default();
        let answers = attempts.get(*call).or(attempts.last()).cloned().unwrap_or_default();
        *call += 1;
        answers
    }

    fn read_items(&mut self, _: &str, _: &Reader) -> Result<Value, Missing> {
        self.items.clone().ok_or_else(|| Missing("no items".into()))
    }

    fn write_results(&mut self, _: &str, _: &Value, _: &Value) -> Result<Value, Missing> {
        Err(Missing("no writer".into()))
    }
}
