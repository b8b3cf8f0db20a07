//! Worlds in which everything goes wrong keep what Stepwell promises, and without one of its precautions they do not.
#![allow(clippy::disallowed_methods)] // How long it took is printed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use stepwell_sim::{Counts, Fault, Flaws, Options, Report, Violation, live};

/// Seeds of the suite; fewer without optimization.
const SEEDS: u64 = if cfg!(debug_assertions) { 200 } else { 10_000 };

/// Seeds among which one must fail when a precaution is missing.
const SEEDS_OF_FLAWS: u64 = 3_000;

/// Threads, each with worlds of its own.
const THREADS: usize = 2;

/// Lives through the worlds of some seeds; the report of all of them, or the violation of the lowest seed that has one.
fn worlds(seeds: u64, options: Options) -> Result<Report, Violation> {
    let next = AtomicU64::new(0);
    let all: Mutex<Result<Report, Violation>> = Mutex::new(Ok(Report::default()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || all.lock().unwrap().is_err() {
                        return;
                    }
                    let lived = std::panic::catch_unwind(|| live(seed, options))
                        .unwrap_or_else(|_| Err(Violation { seed, at_ms: 0, what: "it panicked".into(), options }));
                    let mut all = all.lock().unwrap();
                    match (lived, &mut *all) {
                        (Ok(report), Ok(sum)) => sum.add(&report),
                        (Err(violation), Err(other)) if other.seed < violation.seed => {}
                        (Err(violation), _) => *all = Err(violation),
                        (Ok(_), Err(_)) => {}
                    }
                }
            });
        }
    });
    all.into_inner().unwrap()
}

fn show(what: &str, seeds: u64, report: &Report, began: Instant) {
    let Report { faults, executions, transitions, events, compared, .. } = report;
    println!(
        "{what}: {seeds} seeds on {THREADS} threads in {:.1} s: {executions} executions, {transitions} transitions, \
         {events} events, {compared} histories compared with those of calm runs\nfaults: {faults}",
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn worlds_of_several_nodes_keep_what_is_promised() {
    let began = Instant::now();
    match worlds(SEEDS, Options::default()) {
        Ok(report) => {
            show("several nodes", SEEDS, &report, began);
            let rare = |faults: &Counts| Fault::ALL.into_iter().find(|fault| faults.of(*fault) < SEEDS / 10);
            assert_eq!(rare(&report.faults), None, "each kind of fault happens often enough");
            assert!(report.executions >= 20 * SEEDS);
        }
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn worlds_of_one_process_keep_what_is_promised() {
    let began = Instant::now();
    match worlds(SEEDS / 5, Options { is_alone: true, ..Options::default() }) {
        Ok(report) => show("one process", SEEDS / 5, &report, began),
        Err(violation) => panic!("{violation}"),
    }
}

/// What the first world that fails without a precaution says.
fn fails_without(flaws: Flaws) -> String {
    match worlds(SEEDS_OF_FLAWS, Options { flaws, ..Options::default() }) {
        Err(violation) => violation.to_string(),
        Ok(_) => panic!("nobody misses anything: {flaws:?}"),
    }
}

#[test]
fn a_world_without_the_fence_fails() {
    println!("{}", fails_without(Flaws { has_no_fence: true, ..Flaws::default() }));
}

#[test]
fn a_world_whose_effects_do_not_wait_for_their_commit_fails() {
    let what = fails_without(Flaws { releases_early: true, ..Flaws::default() });
    assert!(what.contains("the store knows nothing of it"), "{what}");
}

#[test]
fn a_world_in_which_names_do_not_tell_starts_apart_fails() {
    let what = fails_without(Flaws { has_no_names: true, ..Flaws::default() });
    assert!(what.contains("was started 2 times"), "{what}");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in [1, 77] {
        let (one, other) = (live(seed, Options::default()).unwrap(), live(seed, Options::default()).unwrap());
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
