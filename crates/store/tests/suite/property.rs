//! Random writes, compared with the store in memory, which is plain enough to be believed.

use proptest::prelude::*;
use stepwell_engine::{ExecutionId, ExecutionStatus, MapRunId, PayloadId, Timestamp};
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{Entity, ExpressRecord, LetterId, ListOf, ListQuery, RowNumber, Shards, Verdict, Write};

use crate::world::{DEFINITION, MACHINE, World, execution, map_run, sealed, start, start_map_run, step};

/// Ids are few, so that random writes meet.
const IDS: u128 = 6;

#[derive(Clone, Debug)]
enum Act {
    Commit(Vec<Part>),
    Expire { before: i64, limit: u32 },
    Claim { now: i64 },
}

/// One write, in the small numbers that random choice gives.
#[derive(Clone, Debug)]
struct Part {
    id: u128,
    is_map_run: bool,
    /// Added to the revision that is stored: 0 is right.
    off: u64,
    name: u8,
    status: u8,
    time: i64,
    due: Option<i64>,
    owes: u32,
    records: Vec<(u64, Option<u8>)>,
    letters: u8,
    takes: Option<usize>,
    express: u8,
}

fn part() -> impl Strategy<Value = Part> {
    let place = (1..=IDS, prop::bool::weighted(0.2), prop::sample::select(vec![0u64, 0, 0, 0, 0, 1]), 0..4u8);
    let summary = (0..5u8, 0..20i64, prop::option::of(0..20i64), 0..3u32);
    let rest = (
        prop::collection::vec((0..3u64, prop::option::of(any::<u8>())), 0..3),
        0..3u8,
        prop::option::of(0..10usize),
        0..12u8,
    );
    (place, summary, rest).prop_map(|((id, is_map_run, off, name), (status, time, due, owes), rest)| {
        let (records, letters, takes, express) = rest;
        Part { id, is_map_run, off, name, status, time, due, owes, records, letters, takes, express }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => prop::collection::vec(part(), 1..4).prop_map(Act::Commit),
        1 => (0..20i64, 1..3u32).prop_map(|(before, limit)| Act::Expire { before, limit }),
        1 => (0..3000i64).prop_map(|now| Act::Claim { now }),
    ]
}

/// What one of the two stores has come to.
struct Side {
    world: World,
    letters: Vec<LetterId>,
}

impl Side {
    fn write(&self, part: &Part) -> Write {
        let id = ExecutionId(part.id);
        match part.express {
            0 => return Write::ExpressEnded(id),
            1 => {
                let body = sealed(&part.time.to_string());
                return Write::ExpressStarted(ExpressRecord {
                    execution: id,
                    epoch: self.world.epoch(id.shard()),
                    definition: DEFINITION,
                    body,
                });
            }
            _ => {}
        }
        let entity = if part.is_map_run { map_run(part.id) } else { execution(part.id) };
        let expects = self.world.revision(entity).unwrap_or(0) + part.off;
        let mut step = match (expects, part.is_map_run) {
            (0, false) => {
                let first = start(part.id).named(&format!(":{}", part.name)).of_machine(7 + u64::from(part.name % 2));
                match part.name {
                    0 => first.by_version(20).by_alias(30),
                    1 => first.child_of(part.id % 2),
                    _ => first,
                }
            }
            (0, true) => start_map_run(part.id, part.id % 3),
            _ => step(entity, expects),
        };
        step = step.events(expects as u32 * 3 + 1, 3).payload(expects as u32, "payload").owes(part.owes);
        for (key, record) in &part.records {
            step = match record {
                Some(byte) => step.record(*key, &byte.to_string()),
                None => step.no_record(*key),
            };
        }
        for n in 0..part.letters {
            step = step.sends(execution(u128::from(n) + 1), &format!("{} says {n}", part.id));
        }
        if let Some(letter) = part.takes.and_then(|at| self.letters.get(at)) {
            step = step.took(&[*letter]);
        }
        let summary = &mut step.0.summary;
        summary.sort = Timestamp(part.time);
        summary.due = part.due.map(Timestamp);
        summary.redriven = part.status == 1;
        summary.status = [
            ExecutionStatus::Running,
            ExecutionStatus::Running,
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Aborted,
        ][usize::from(part.status)];
        summary.stopped = (part.status > 1).then_some(Timestamp(part.time));
        step.into()
    }

    /// Does it, and says what came of it without numbers that differ between stores.
    fn act(&mut self, act: &Act) -> String {
        match act {
            Act::Commit(parts) => {
                let writes: Vec<Write> = parts.iter().map(|part| self.write(part)).collect();
                let verdicts = self.world.commit(writes).into_iter().map(|verdict| match verdict {
                    Verdict::Committed(letters) => {
                        self.letters.extend(&letters);
                        format!("{} letters", letters.len())
                    }
                    other => format!("{other:?}"),
                });
                verdicts.collect::<Vec<_>>().join(", ")
            }
            Act::Expire { before, limit } => {
                // How much a call does differs; where it ends does not.
                while self.world.store.expire(Timestamp(*before), *limit).unwrap() > 0 {}
                String::new()
            }
            Act::Claim { now } => {
                self.world.own_all(*now);
                String::new()
            }
        }
    }

    /// All that can be read.
    fn look(&self) -> String {
        let store = &self.world.store;
        let mut seen = Vec::new();
        for id in 0..=IDS {
            let execution = ExecutionId(id);
            for entity in [Entity::Execution(execution), Entity::MapRun(MapRunId(id))] {
                seen.push(format!("{:?}", store.load(entity).unwrap()));
            }
            for from in [0, 2, 6, u32::MAX] {
                for reverse in [false, true] {
                    seen.push(format!("{:?}", store.history(execution, from, reverse, 4).unwrap()));
                }
            }
            seen.push(format!("{:?}", store.payload(execution, PayloadId(id as u32)).unwrap()));
            seen.push(format!("{:?}", store.map_runs(execution, None, 2).unwrap()));
        }
        for of in [
            ListOf::Machine(MACHINE),
            ListOf::Machine(RowNumber(8)),
            ListOf::MapRun(MapRunId(0)),
            ListOf::MapRun(MapRunId(1)),
        ] {
            for status in [None, Some(ExecutionStatus::Running), Some(ExecutionStatus::Failed)] {
                for redriven in [None, Some(true), Some(false)] {
                    for qualifier in [None, Some(RowNumber(20)), Some(RowNumber(30))] {
                        let query = ListQuery { of, qualifier, status, redriven };
                        let page = store.list(&query, None, 2).unwrap();
                        let rest = store.list(&query, page.last().map(|item| item.cursor), 9).unwrap();
                        seen.push(format!("{page:?} {rest:?}"));
                    }
                }
            }
        }
        for name in 0..4 {
            seen.push(format!("{:?}", store.find(MACHINE, &format!(":{name}")).unwrap()));
        }
        let letters = store.mail(&Shards::ALL, LetterId(0), 100).unwrap();
        seen.push(format!("{:?}", letters.iter().map(|letter| (letter.to, &letter.body)).collect::<Vec<_>>()));
        let mut due = store.due(&Shards::ALL, Timestamp(15), 100).unwrap();
        assert!(due.is_sorted_by_key(|(at, _)| *at));
        due.sort();
        let mut owing = store.owing(&Shards::ALL).unwrap();
        owing.sort();
        let mut express = store.express_open(&Shards::ALL).unwrap();
        express.sort_by_key(|record| record.execution);
        let express: Vec<_> = express.iter().map(|record| (record.execution, &record.body)).collect();
        seen.push(format!("{due:?} {owing:?} {express:?}"));
        seen.join("\n")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn both_stores_are_the_same_after_random_writes(acts in prop::collection::vec(act(), 1..25)) {
        let directory = tempfile::tempdir().unwrap();
        let memory = World::of(Box::new(Memory::new()), None);
        let sqlite = World::of(Box::new(Sqlite::open(directory.path()).unwrap()), None);
        let mut sides = [memory, sqlite].map(|world| Side { world, letters: Vec::new() });
        for act in &acts {
            let [model, real] = sides.each_mut().map(|side| side.act(act));
            prop_assert_eq!(model, real);
        }
        let [model, real] = sides.each_ref().map(Side::look);
        prop_assert_eq!(model, real);
        drop(sides);
        prop_assert_eq!(Sqlite::open(directory.path()).unwrap().damages().unwrap(), Vec::<String>::new());
    }
}
