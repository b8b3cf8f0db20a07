//! How fast the embedded store is, as a table: commits by batch size, opening, reading, retention.
//!
//! `cargo bench -p stepwell-store --bench store -- [FOLDER [PART…]]`; the folder decides which disk is measured, parts
//! are `codec`, `commits`, `openings` and `crash`.
#![allow(missing_docs)]
#![allow(clippy::disallowed_methods)] // It measures by the clock.

use std::path::{Path, PathBuf};
use std::time::Instant;

use stepwell_engine::{Epoch, ExecutionId, ExecutionStatus, PayloadId, Timestamp};
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{
    Chunk, Codec, Create, Entity, ListOf, ListQuery, Place, Revision, RowNumber, Sealed, Shards, Store, Summary,
    Transition, Verdict, Write,
};

/// Executions that move at the same time.
const RUNNING: usize = 1000;

/// Transitions of each, the first and the last included.
const TRANSITIONS: u64 = 25;

fn main() {
    // Tests build and start it to see that it runs; `cargo bench` names itself and wants figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        commits(&std::env::temp_dir(), 16, 10);
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let folder = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let is_wanted = |part: &str| arguments.len() < 2 || arguments[1..].iter().any(|wanted| wanted == part);
    if is_wanted("codec") {
        codec();
    }
    if is_wanted("commits") {
        println!("\nbatch   transitions/s   µs of CPU each   p50 ms   p99 ms   log MB");
        for (batch, batches) in [(1, 2000), (16, 2000), (64, 1000), (500, 300)] {
            commits(&folder, batch, batches);
        }
    }
    if is_wanted("openings") {
        openings(&folder);
    }
    if is_wanted("crash") {
        crash(&folder);
    }
}

/// One transition in its parts, and what it costs to make values of them.
fn codec() {
    let codec = Codec::default();
    let mut values = Values::default();
    let execution = Entity::Execution(ExecutionId(1));
    let rounds = 20_000;
    let (mut before, mut after) = (0, 0);
    let start = Cpu::now();
    for _ in 0..rounds {
        for value in [values.payload(), values.payload()] {
            before += value.len();
            after += codec.seal(Place::Payload(execution, 1), value.as_bytes()).unwrap().0.len();
        }
    }
    let us = start.us() / f64::from(rounds);
    println!("codec: two payloads, {} B to {} B, {us:.1} µs with making them up", before / 20_000, after / 20_000);
    let start = Cpu::now();
    for _ in 0..rounds {
        std::hint::black_box([values.payload(), values.payload()]);
    }
    println!("       of which making them up {:.1} µs", start.us() / f64::from(rounds));
}

fn commits(folder: &Path, batch: usize, batches: usize) {
    let directory = tempfile::tempdir_in(folder).unwrap();
    let store = Sqlite::open(directory.path()).unwrap();
    let mut load = Load::new(&store, batch.clamp(16, RUNNING));
    let made: Vec<Vec<Write>> = (0..batches).map(|_| load.batch(batch)).collect();
    let mut times = Vec::with_capacity(batches);
    let (start, cpu) = (Instant::now(), Cpu::now());
    for batch in made {
        let commit = Instant::now();
        let verdicts = store.commit(batch).unwrap();
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed(_))), "{verdicts:?}");
        times.push(commit.elapsed().as_secs_f64() * 1e3);
    }
    let transitions = (batch * batches) as f64;
    let per_second = transitions / start.elapsed().as_secs_f64();
    let us = cpu.us() / transitions;
    times.sort_by(f64::total_cmp);
    let part = |of: f64| times[(times.len() as f64 * of) as usize];
    let log = store.figures().log_bytes >> 20;
    println!("{batch:5} {per_second:15.0} {us:16.1} {:8.2} {:8.2} {log:8}", part(0.5), part(0.99));
}

fn openings(folder: &Path) {
    let directory = tempfile::tempdir_in(folder).unwrap();
    let path = directory.path().join("data");
    let timed = |what: &str| {
        let start = Instant::now();
        let store = Sqlite::open(&path).unwrap();
        let opened = start.elapsed().as_secs_f64() * 1e3;
        store.claim("a", &Shards::ALL, Timestamp(0), Timestamp(i64::MAX)).unwrap();
        store.due(&Shards::ALL, Timestamp(0), 100).unwrap();
        store.owing(&Shards::ALL).unwrap();
        let ready = start.elapsed().as_secs_f64() * 1e3;
        println!("open, {what}: {opened:.1} ms; with leases, timers and debts read {ready:.1} ms");
        store
    };
    println!();
    drop(timed("no directory"));
    drop(timed("empty"));
    let store = Sqlite::open(&path).unwrap();
    let mut load = Load::new(&store, 500);
    load.transitions = 2;
    while load.ended < 100_000 {
        store.commit(load.batch(500)).unwrap();
    }
    let start = Instant::now();
    drop(store);
    println!("close after 100,000 executions: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let store = timed("100,000 ended executions");
    reads(&store);
    retention(&store);
}

/// What a process finds that was killed under full load: a log that nobody has moved into the file.
fn crash(folder: &Path) {
    let directory = tempfile::tempdir_in(folder).unwrap();
    let store = Sqlite::open(directory.path()).unwrap();
    let mut load = Load::new(&store, RUNNING);
    let batches: Vec<Vec<Write>> = (0..1000).map(|_| load.batch(500)).collect();
    let (start, mut longest, mut log) = (Instant::now(), 0.0_f64, 0);
    for batch in batches {
        let commit = Instant::now();
        store.commit(batch).unwrap();
        longest = longest.max(commit.elapsed().as_secs_f64() * 1e3);
        log = log.max(store.figures().log_bytes >> 20);
    }
    let s = start.elapsed().as_secs_f64();
    println!(
        "\n500,000 transitions in {s:.1} s, longest commit {longest:.0} ms, log {log} MB at most; {:?}",
        store.figures()
    );
    let left = tempfile::tempdir_in(folder).unwrap();
    for file in ["stepwell.db", "stepwell.db-wal"] {
        std::fs::copy(directory.path().join(file), left.path().join(file)).unwrap();
    }
    let log = std::fs::metadata(left.path().join("stepwell.db-wal")).unwrap().len() >> 20;
    let start = Instant::now();
    let store = Sqlite::open(left.path()).unwrap();
    let opened = start.elapsed().as_secs_f64() * 1e3;
    store.owing(&Shards::ALL).unwrap();
    let ready = start.elapsed().as_secs_f64() * 1e3;
    println!("open after a crash, log of {log} MB: {opened:.0} ms, with debts read {ready:.0} ms");
}

fn reads(store: &Sqlite) {
    let rounds = 20_000;
    let measured = |what: &str, rounds: u32, read: &dyn Fn(u128)| {
        let start = Cpu::now();
        (0..rounds).for_each(|n| read(u128::from(n) * 7919 % 99_000 + 1));
        println!("{what}: {:.1} µs", start.us() / f64::from(rounds));
    };
    measured("root", rounds, &|id| {
        store.root(Entity::Execution(ExecutionId(id))).unwrap().unwrap();
    });
    measured("payload", rounds, &|id| {
        store.payload(ExecutionId(id), PayloadId(1)).unwrap().unwrap();
    });
    measured("load", rounds, &|id| {
        store.load(Entity::Execution(ExecutionId(id))).unwrap().unwrap();
    });
    measured("history of two chunks", rounds, &|id| {
        assert_eq!(store.history(ExecutionId(id), 1, false, 1000).unwrap().len(), 2);
    });
    let query = ListQuery { of: ListOf::Machine(RowNumber(1)), qualifier: None, status: None, redriven: None };
    measured("list of 100", 500, &|_| {
        assert_eq!(store.list(&query, None, 100).unwrap().len(), 100);
    });
    let failed = ListQuery { status: Some(ExecutionStatus::Failed), ..query };
    measured("list of those that failed, none of 100,000", 500, &|_| {
        assert_eq!(store.list(&failed, None, 100).unwrap().len(), 0);
    });
}

fn retention(store: &Sqlite) {
    let (start, cpu) = (Instant::now(), Cpu::now());
    let (mut removed, mut slices) = (0, Vec::new());
    loop {
        let slice = Instant::now();
        let now = store.expire(Timestamp(50_000), 1000).unwrap();
        if now == 0 {
            break;
        }
        slices.push(slice.elapsed().as_secs_f64() * 1e3);
        removed += now;
    }
    slices.sort_by(f64::total_cmp);
    let part = |of: f64| slices[((slices.len() - 1) as f64 * of) as usize];
    let each = cpu.us() / f64::from(removed);
    let s = start.elapsed().as_secs_f64();
    println!(
        "retention: {removed} executions in {} slices, {s:.2} s, {each:.0} µs of CPU each; a slice p50 {:.1} ms, p99 {:.1} ms, \
         longest {:.1} ms",
        slices.len(),
        part(0.5),
        part(0.99),
        part(1.0),
    );
}

/// Executions that come, move and end.
struct Load {
    epochs: Vec<Epoch>,
    running: Vec<(u128, u64)>,
    next: usize,
    last_id: u128,
    transitions: u64,
    ended: u64,
    values: Values,
    codec: Codec,
}

impl Load {
    fn new(store: &Sqlite, running: usize) -> Load {
        let leases = store.claim("a", &Shards::ALL, Timestamp(0), Timestamp(i64::MAX)).unwrap();
        Load {
            epochs: leases.iter().map(|lease| lease.epoch).collect(),
            // They begin in different places of their course.
            running: (1..=running as u128).map(|id| (id, 0)).collect(),
            next: 0,
            last_id: running as u128,
            transitions: TRANSITIONS,
            ended: 0,
            values: Values::default(),
            codec: Codec::default(),
        }
    }

    fn batch(&mut self, len: usize) -> Vec<Write> {
        (0..len).map(|_| self.transition()).collect()
    }

    fn transition(&mut self) -> Write {
        let at = self.next % self.running.len();
        self.next += 1;
        let (id, revision) = self.running[at];
        let is_last = revision + 1 == self.transitions;
        self.running[at] = (id, revision + 1);
        if is_last {
            self.last_id += 1;
            self.running[at] = (self.last_id, 0);
            self.ended += 1;
        }
        let entity = Entity::Execution(ExecutionId(id));
        let seal = |place, value: &str| self.codec.seal(place, value.as_bytes()).unwrap();
        let number = revision as u32;
        let payloads = [number * 2, number * 2 + 1]
            .map(|number| (PayloadId(number), seal(Place::Payload(entity, number), &self.values.payload())));
        let first = number * 4 + 1;
        let summary = Summary {
            status: if is_last { ExecutionStatus::Succeeded } else { ExecutionStatus::Running },
            sort: Timestamp(id as i64 + if is_last { 1 } else { 0 }),
            stopped: is_last.then_some(Timestamp(id as i64)),
            redriven: false,
            due: (!is_last).then_some(Timestamp(id as i64 + 31_536_000_000)),
            owes: u32::from(!is_last && revision % 2 == 0),
        };
        Write::Transition(Box::new(Transition {
            entity,
            epoch: self.epochs[usize::from(entity.shard().0)],
            expects: Revision(revision),
            create: (revision == 0).then(|| Create {
                machine: RowNumber(1),
                definition: RowNumber(2),
                name: self.values.name().as_str().into(),
                version: None,
                alias: None,
                map_run: None,
                execution: None,
            }),
            chunk: Some(Chunk { first, count: 4, body: Sealed(self.values.bytes(50)) }),
            payloads: payloads.to_vec(),
            root: Sealed(self.values.bytes(300)),
            records: vec![(1 << 16, (!is_last).then(|| Sealed(self.values.bytes(120))))],
            summary,
            sends: Vec::new(),
            took: Vec::new(),
        }))
    }
}

/// Values such as workflows have, the same in each run.
#[derive(Default)]
struct Values {
    state: u64,
}

impl Values {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 27)
    }

    fn name(&mut self) -> String {
        format!(":{:016x}-{:016x}", self.next(), self.next())
    }

    /// 650 bytes of JSON.
    fn payload(&mut self) -> String {
        let items = (0..5).map(|n| {
            let (a, b) = (self.next(), self.next());
            format!(
                r#"{{"itemId":"{a:016x}","customer":"{b:016x}","quantity":{n},"price":{},"currency":"EUR"}}"#,
                a % 1000
            )
        });
        format!(r#"{{"orderId":"A-1","status":"PAID","items":[{}]}}"#, items.collect::<Vec<_>>().join(","))
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        while bytes.len() < len {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// What the calling thread has used of a processor.
struct Cpu {
    ns: u64,
}

impl Cpu {
    fn now() -> Cpu {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Cpu { ns: text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0) }
    }

    fn us(&self) -> f64 {
        (Cpu::now().ns - self.ns) as f64 / 1e3
    }
}
