//! The worker: answers one input after the other on a small stack, watched from another thread.
//!
//! It tells its supervisor on standard output: `finding KIND NUMBER MESSAGE` and at the end `done COUNT NEXT`. It keeps the
//! number of the input at hand in a file, for what ends the process without a word.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::findings::{Trouble, signature};
use crate::targets::Target;
use crate::{corpus, generate};

/// The stack of whoever answers an input: a quarter of what a thread usually has.
const STACK_BYTES: usize = 512 * 1024;

/// The longest that an answer may take, in time of a processor: other load on the machine does not count.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(3);

/// How often the watch looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// Memory that the process may hold while it answers.
pub(crate) const MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Exit code of a process that has a finding.
pub(crate) const FOUND: u8 = 3;

/// Different findings that one worker reports.
const FINDINGS_MAX: usize = 20;

/// Inputs that wait to be answered.
const QUEUE: usize = 256;

/// Answers inputs until the time is over.
pub(crate) fn work(
    target: &'static Target,
    state_file: &str,
    time: Duration,
    seed: u64,
    first: u64,
) -> Result<ExitCode, String> {
    let state = File::create(state_file).map_err(|err| format!("{state_file}: {err}"))?;
    let watch = Watch::start();
    let corpus = corpus::load(target);
    let end = Instant::now() + time;
    let (sender, inputs) = mpsc::sync_channel::<(u64, String)>(QUEUE);
    let runner = on_small_stack(move || {
        watch.me();
        let mut known = BTreeSet::new();
        let mut count = 0_u64;
        let mut next = first;
        for (number, input) in inputs {
            // Not being able to note it only makes a crash harder to find.
            let _ = state.write_all_at(format!("{number:20}").as_bytes(), 0);
            watch.begin(number);
            if let Err((trouble, message)) = answer(target, &input)
                && known.insert(signature(trouble, &message))
            {
                report(trouble, number, &message);
            }
            watch.rest();
            count += 1;
            next = number + 1;
            if Instant::now() >= end || known.len() >= FINDINGS_MAX {
                break;
            }
        }
        println!("done {count} {next}");
    });
    for number in first.. {
        if sender.send((number, generate::input(target, &corpus, seed, number))).is_err() {
            break;
        }
    }
    runner.join().map_err(|_| "the worker itself panicked".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

/// Answers the input in a file.
pub(crate) fn one(target: &'static Target, file: &str) -> Result<ExitCode, String> {
    let input = std::fs::read(file).map_err(|err| format!("{file}: {err}"))?;
    let input = String::from_utf8_lossy(&input).into_owned();
    let watch = Watch::start();
    let answered = on_small_stack(move || {
        watch.me();
        watch.begin(0);
        let answered = answer(target, &input);
        watch.rest();
        answered
    });
    match answered.join().map_err(|_| "the worker itself panicked".to_owned())? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err((trouble, message)) => {
            report(trouble, 0, &message);
            Ok(ExitCode::from(FOUND))
        }
    }
}

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread can be started")
}

fn answer(target: &Target, input: &str) -> Result<(), (Trouble, String)> {
    match catch_unwind(AssertUnwindSafe(|| (target.check)(input))) {
        Ok(answered) => answered.map_err(|message| (Trouble::Promise, message)),
        Err(_) => Err((Trouble::Panic, LAST_PANIC.lock().map_or_else(|_| String::new(), |message| message.clone()))),
    }
}

/// Where and why the last panic happened.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn report(trouble: Trouble, number: u64, message: &str) {
    println!("finding {trouble} {number} {}", message.lines().next().unwrap_or_default());
}

/// Watches time and memory, and ends the process when an answer takes too much.
#[derive(Clone, Default)]
struct Watch {
    /// Counts up when an answer begins and when it ends: odd while there is one to watch.
    changes: Arc<AtomicU64>,
    number: Arc<AtomicU64>,
    /// The thread that answers, as the system calls it.
    thread: Arc<Mutex<String>>,
}

impl Watch {
    fn start() -> Watch {
        std::panic::set_hook(Box::new(|panic| {
            if let Ok(mut last) = LAST_PANIC.lock() {
                let place = panic.location().map(ToString::to_string).unwrap_or_default();
                *last = format!("{place}: {}", panic.payload_as_str().unwrap_or("(no message)")).replace('\n', " ");
            }
        }));
        let watch = Watch::default();
        let mine = watch.clone();
        thread::spawn(move || mine.look());
        watch
    }

    /// The calling thread is the one to watch.
    fn me(&self) {
        let me = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        if let Ok(mut thread) = self.thread.lock() {
            *thread = format!("/proc/{}/schedstat", me.display());
        }
    }

    fn begin(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn rest(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn look(&self) {
        let mut seen = 0;
        // Time that the thread had used when the answer was first seen, and the time of day.
        let mut began = (None, Instant::now());
        loop {
            thread::sleep(WATCH_INTERVAL);
            let changes = self.changes.load(Ordering::Acquire);
            if changes.is_multiple_of(2) {
                continue;
            }
            let used = self.used();
            if changes != seen {
                (seen, began) = (changes, (used, Instant::now()));
                continue;
            }
            let taken = match (began.0, used) {
                (Some(before), Some(now)) => Duration::from_nanos(now - before),
                _ => began.1.elapsed(),
            };
            let memory = memory_bytes();
            let number = self.number.load(Ordering::Relaxed);
            if taken > TIME_MAX {
                report(Trouble::Time, number, &format!("no answer after {} s", TIME_MAX.as_secs()));
            } else if memory > MEMORY_BYTES_MAX {
                report(Trouble::Memory, number, &format!("{} MiB in use", memory >> 20));
            } else {
                continue;
            }
            std::process::exit(i32::from(FOUND));
        }
    }

    /// Nanoseconds of a processor that the thread has used; none where the system does not say.
    fn used(&self) -> Option<u64> {
        let path = self.thread.lock().ok()?.clone();
        std::fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
    }
}

/// Memory that this process holds; 0 where the system does not say.
fn memory_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}
