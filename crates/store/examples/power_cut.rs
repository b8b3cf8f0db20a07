//! The two halves of `cargo xtask power-cut`: a load that notes what it was told is durable, and a look at what is left.
//!
//! `power_cut write FOLDER [--without-sync]` opens, loads and closes a store three times; the last time it ends without
//! closing. `power_cut check FOLDER…` opens what a power cut has left of each folder and prints a line about it:
//! `N acknowledged, N lost, N wrong`, with what is wrong behind it. What belongs to a transition is a function of its
//! execution and its number, so that it can be checked to the byte.
#![allow(clippy::disallowed_methods)] // It works with files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use stepwell_engine::{Epoch, ExecutionId, ExecutionStatus, PayloadId, Timestamp};
use stepwell_store::sqlite::{Options, Sqlite};
use stepwell_store::{
    Chunk, Create, Entity, Revision, RowNumber, Sealed, Shards, Store, Summary, Transition, Verdict, Write,
};

/// Executions that move at the same time.
const RUNNING: u64 = 40;

/// Transitions of each.
const TRANSITIONS: u64 = 25;

/// Commits between opening and closing.
const COMMITS: u64 = 250;

/// Transitions of one commit, at most.
const BATCH_MAX: u64 = 16;

/// Every third execution may be removed when it has ended; the others are kept for ever.
fn may_expire(id: u64) -> bool {
    id.is_multiple_of(3)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", folder] => write(Path::new(folder), Options::default()),
        ["write", folder, "--without-sync"] => {
            write(Path::new(folder), Options { unsafe_without_sync: true, ..Options::default() });
        }
        ["check", ref folders @ ..] if !folders.is_empty() => {
            for folder in folders {
                println!("{}", check(Path::new(folder)));
            }
        }
        _ => {
            eprintln!("power_cut write FOLDER [--without-sync] | power_cut check FOLDER…");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn write(folder: &Path, options: Options) {
    let mut acknowledged = fs::File::options().create(true).append(true).open(folder.join("acknowledged")).unwrap();
    let mut running: Vec<(u64, u64)> = (1..=RUNNING).map(|id| (id, 0)).collect();
    let mut last_id = RUNNING;
    let mut chance = Chance(1);
    for session in 1..=3 {
        let store = Sqlite::open_with(folder, options).unwrap();
        let leases = store.claim("a", &Shards::ALL, Timestamp(0), Timestamp(1)).unwrap();
        for commit in 1..=COMMITS {
            let batch = 1 + chance.below(BATCH_MAX);
            let first = chance.below(RUNNING);
            let mut lines = String::new();
            let mut writes = Vec::new();
            for n in 0..batch {
                let (id, revision) = &mut running[((first + n) % RUNNING) as usize];
                let epoch = leases[usize::from(entity(*id).shard().0)].epoch;
                writes.push(Write::Transition(Box::new(transition(*id, *revision, epoch))));
                *revision += 1;
                lines += &format!("{id} {revision}\n");
                if *revision == TRANSITIONS {
                    last_id += 1;
                    (*id, *revision) = (last_id, 0);
                }
            }
            let verdicts = store.commit(writes).unwrap();
            assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed(_))), "{verdicts:?}");
            // What is noted here was told to somebody: from now on it must not be lost.
            acknowledged.write_all(lines.as_bytes()).unwrap();
            if commit % 50 == 0 {
                store.expire(Timestamp(i64::MAX), 20).unwrap();
            }
        }
        println!("session {session}: {:?}", store.figures());
        if session == 3 {
            std::mem::forget(store);
        }
    }
}

fn check(folder: &Path) -> String {
    let lines = fs::read_to_string(folder.join("acknowledged")).unwrap_or_default();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    for line in lines.lines() {
        let (id, revision) = line.split_once(' ').expect("a whole line");
        acknowledged.insert(id.parse().unwrap(), revision.parse().unwrap());
    }
    let transitions: u64 = acknowledged.values().sum();
    let store = match Sqlite::open(folder) {
        Ok(store) => store,
        Err(error) => return format!("{transitions} acknowledged, 0 lost, 1 wrong: {error}"),
    };
    let mut lost = 0;
    let mut wrong = store.damages().unwrap_or_else(|error| vec![error.to_string()]);
    // Those that were not acknowledged may be there, too; but whole.
    let last = acknowledged.keys().last().copied().unwrap_or(0) + RUNNING;
    for id in 1..=last {
        let expected = acknowledged.get(&id).copied().unwrap_or(0);
        match whole(&store, id) {
            Ok(0) if expected >= TRANSITIONS && may_expire(id) => {}
            Ok(found) => lost += expected.saturating_sub(found),
            Err(what) => wrong.push(format!("execution {id}: {what}")),
        }
    }
    format!("{transitions} acknowledged, {lost} lost, {} wrong: {}", wrong.len(), wrong.join("; "))
}

/// How many transitions of an execution are there; an error if they are not all there is of it.
fn whole(store: &Sqlite, id: u64) -> Result<u64, String> {
    let shown = |error: stepwell_store::StoreError| error.to_string();
    let execution = ExecutionId(u128::from(id));
    let loaded = store.load(entity(id)).map_err(shown)?;
    let revision = loaded.as_ref().map_or(0, |loaded| loaded.root.revision.0);
    let chunks = store.history(execution, 1, false, u32::MAX).map_err(shown)?;
    if chunks.len() as u64 != revision {
        return Err(format!("revision {revision} with {} chunks", chunks.len()));
    }
    for n in 0..revision {
        let made = transition(id, n, Epoch(0));
        if made.chunk.as_ref() != chunks.get(n as usize) {
            return Err(format!("chunk {n} is another"));
        }
        let [(number, payload)] = &made.payloads[..] else { unreachable!("each has one") };
        if store.payload(execution, *number).map_err(shown)?.as_ref() != Some(payload) {
            return Err(format!("payload {n} is another"));
        }
        if n + 1 == revision {
            let loaded = loaded.as_ref().expect("it has a revision");
            let records: Vec<_> = made.records.into_iter().filter_map(|(key, record)| Some((key, record?))).collect();
            if loaded.root.record != made.root || loaded.records != records {
                return Err(format!("its records are not those of revision {revision}"));
            }
        }
    }
    Ok(revision)
}

fn entity(id: u64) -> Entity {
    Entity::Execution(ExecutionId(u128::from(id)))
}

/// The transition that an execution makes from a revision.
fn transition(id: u64, revision: u64, epoch: Epoch) -> Transition {
    let mut chance = Chance(id << 16 | revision);
    let mut bytes = |len: u64| Sealed((0..len).map(|_| chance.below(256) as u8).collect());
    let number = revision as u32;
    let is_last = revision + 1 == TRANSITIONS;
    Transition {
        entity: entity(id),
        epoch,
        expects: Revision(revision),
        create: (revision == 0).then(|| Create {
            machine: RowNumber(1),
            definition: RowNumber(2),
            name: format!(":{id}").as_str().into(),
            version: None,
            alias: None,
            map_run: None,
            execution: None,
        }),
        chunk: Some(Chunk { first: number * 4 + 1, count: 4, body: bytes(60 + id % 100) }),
        closed: Vec::new(),
        payloads: vec![(PayloadId(number), bytes(500 + id * 37 % 4000))],
        root: bytes(300),
        records: vec![(0, (!is_last).then(|| bytes(150)))],
        summary: Summary {
            status: if is_last { ExecutionStatus::Succeeded } else { ExecutionStatus::Running },
            sort: Timestamp(id as i64),
            stopped: is_last.then_some(Timestamp(if may_expire(id) { id as i64 } else { i64::MAX })),
            redriven: false,
            due: (!is_last).then_some(Timestamp((id + revision) as i64)),
            owes: number % 2,
        },
        sends: Vec::new(),
        took: Vec::new(),
    }
}

/// Numbers that look random and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
