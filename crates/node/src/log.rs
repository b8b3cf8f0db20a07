//! Log records of executions: one JSON object per event, appended to a file by a thread of its own.
//!
//! Records are those that AWS writes to CloudWatch Logs (reference/history.md, section 6). They are not part of what a
//! commit promises: a crash may lose the last ones, and one that finds the writer's queue full is dropped, counted
//! and reported.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};
use stepwell_engine::{Event, EventKind, TaskEvent};
use stepwell_value::{Object, Str, Value};

/// Which events are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `ALL`
    All,
    /// `ERROR`
    Error,
    /// `FATAL`
    Fatal,
}

/// Where and what the executions of a definition log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Which events.
    pub level: LogLevel,
    /// `includeExecutionData`
    pub with_data: bool,
    /// Name of the log group.
    pub log_group: Str,
}

impl Logging {
    /// The records of some events of an execution, one line each; none is empty.
    pub fn records(&self, execution_arn: &str, redrive_count: u32, events: &[Event]) -> Option<String> {
        let mut lines = String::new();
        for event in events.iter().filter(|event| self.level.logs(&event.kind)) {
            lines.push_str(&self.record(execution_arn, redrive_count, event).to_string());
            lines.push('\n');
        }
        (!lines.is_empty()).then_some(lines)
    }

    fn record(&self, execution_arn: &str, redrive_count: u32, event: &Event) -> Value {
        let mut record = Object::with_capacity(7);
        record.insert("id", event.id.to_string().into());
        record.insert("type", event.kind.type_name().into());
        if let Value::Object(shown) = event.to_json(self.with_data) {
            let details = shown.iter().find(|(name, _)| name.ends_with("EventDetails"));
            record.insert("details", details.map_or_else(Value::empty_object, |(_, details)| details.clone()));
        }
        record.insert("previous_event_id", event.previous.to_string().into());
        record.insert("event_timestamp", event.timestamp.0.to_string().into());
        record.insert("execution_arn", execution_arn.into());
        record.insert("redrive_count", redrive_count.to_string().into());
        record.into()
    }
}

impl LogLevel {
    /// Whether events of this kind are logged.
    pub fn logs(self, kind: &EventKind) -> bool {
        let is_fatal = kind.is_end() && !matches!(kind, EventKind::ExecutionSucceeded { .. });
        match self {
            LogLevel::All => true,
            LogLevel::Fatal => is_fatal,
            LogLevel::Error => is_fatal || is_error(kind),
        }
    }
}

/// `FailStateEntered`, `…Failed`, `…TimedOut`, `…Aborted`.
fn is_error(kind: &EventKind) -> bool {
    match kind {
        EventKind::StateEntered { state_type, .. } => *state_type == "Fail",
        EventKind::Task { event, .. } => matches!(
            event,
            TaskEvent::Failed(_)
                | TaskEvent::TimedOut(_)
                | TaskEvent::ScheduleFailed(_)
                | TaskEvent::StartFailed(_)
                | TaskEvent::SubmitFailed(_)
        ),
        other => {
            let name = other.type_name();
            ["Failed", "TimedOut", "Aborted"].iter().any(|end| name.ends_with(end))
        }
    }
}

/// Appends records to `aws/states/<log group>/<execution arn>.log`. Cheap to clone.
#[derive(Clone)]
pub struct LogWriter {
    shared: Arc<Shared>,
}

struct Shared {
    /// None: closed.
    send: Mutex<Option<SyncSender<Lines>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<Lost>,
}

struct Lost {
    count: AtomicU64,
    warn: Box<dyn Fn(&str) + Send + Sync>,
}

struct Lines {
    log_group: Str,
    execution_arn: Str,
    text: String,
}

/// Batches of records that may wait to be written.
const WAITING_MAX: usize = 4_096;

/// Longest name that a file or a directory gets, in bytes: file systems take 255, of which `.log` needs four.
const NAME_BYTES_MAX: usize = 251;

/// Files that are held open.
const OPEN_FILES_MAX: usize = 64;

impl LogWriter {
    /// Writes below a directory, which is made when the first record comes; `warn` gets one line when records are lost.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(directory: PathBuf, warn: impl Fn(&str) + Send + Sync + 'static) -> io::Result<LogWriter> {
        let (send, receive) = sync_channel(WAITING_MAX);
        let lost = Arc::new(Lost { count: AtomicU64::new(0), warn: Box::new(warn) });
        let reporter = lost.clone();
        let thread = std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || write_all(&directory, &receive, &reporter))?;
        let shared = Shared { send: Mutex::new(Some(send)), thread: Mutex::new(Some(thread)), lost };
        Ok(LogWriter { shared: Arc::new(shared) })
    }

    /// Logs events of an execution; never blocks.
    pub fn write(&self, logging: &Logging, execution_arn: &Str, redrive_count: u32, events: &[Event]) {
        let Some(text) = logging.records(execution_arn, redrive_count, events) else { return };
        let lines = Lines { log_group: logging.log_group.clone(), execution_arn: execution_arn.clone(), text };
        let send = self.shared.send.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let result = send.as_ref().map(|send| send.try_send(lines));
        if let Some(Err(TrySendError::Full(lines) | TrySendError::Disconnected(lines))) = result {
            self.shared.lost.add(&lines, "its writer does not keep up");
        }
    }

    /// Number of records that were not written.
    pub fn lost(&self) -> u64 {
        self.shared.lost.count.load(Ordering::Relaxed)
    }

    /// Writes what waits, and ends.
    pub fn close(&self) {
        drop(self.shared.send.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take());
        let thread = self.shared.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(thread) = thread {
            // A panic of the writer was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Lost {
    fn add(&self, lines: &Lines, why: &str) {
        let records = lines.text.lines().count() as u64;
        // One line for the first, and whenever their number has doubled.
        let before = self.count.fetch_add(records, Ordering::Relaxed);
        if before == 0 || (before + records).ilog2() > before.ilog2() {
            (self.warn)(&format!("{} log records of executions were lost: {why}", before + records));
        }
    }
}

fn write_all(directory: &Path, receive: &Receiver<Lines>, lost: &Lost) {
    let mut files = BTreeMap::<(Str, Str), File>::new();
    while let Ok(lines) = receive.recv() {
        let key = (lines.log_group.clone(), lines.execution_arn.clone());
        let written = (|| {
            if !files.contains_key(&key) {
                if files.len() >= OPEN_FILES_MAX {
                    files.pop_first();
                }
                files.insert(key.clone(), open(directory, &lines)?);
            }
            files.get_mut(&key).map_or(Ok(()), |file| file.write_all(lines.text.as_bytes()))
        })();
        if let Err(error) = written {
            files.remove(&key);
            lost.add(&lines, &error.to_string());
        }
    }
}

fn open(directory: &Path, lines: &Lines) -> io::Result<File> {
    let mut path = directory.join("aws").join("states");
    path.extend(lines.log_group.split('/').filter_map(as_file_name));
    create_dir_all(&path)?;
    let name = as_file_name(&lines.execution_arn).unwrap_or_default();
    OpenOptions::new().create(true).append(true).open(path.join(format!("{name}.log")))
}

/// A name that stays within its directory, whatever a log group is called, and that file systems take.
fn as_file_name(part: &str) -> Option<String> {
    if part.is_empty() {
        return None;
    }
    let is_dots = part.bytes().all(|byte| byte == b'.');
    let name: String = part.chars().map(|c| if is_dots || matches!(c, '/' | '\0' | '\\') { '_' } else { c }).collect();
    Some(if name.len() > NAME_BYTES_MAX { shortened(&name) } else { name })
}

/// The beginning of a name that is too long, and what tells it from others that begin so.
fn shortened(name: &str) -> String {
    let digest: String = Sha256::digest(name).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let start = &name[..name.floor_char_boundary(NAME_BYTES_MAX - 1 - digest.len())];
    format!("{start}~{digest}")
}

#[cfg(test)]
mod tests {
    use stepwell_engine::{ErrorCause, Payload, PayloadId, Timestamp};

    use super::*;

    fn event(id: u32, kind: EventKind) -> Event {
        Event { id, previous: id - 1, timestamp: Timestamp(1_700_000_000_000), kind }
    }

    fn logged(level: LogLevel, with_data: bool) -> Vec<String> {
        let input = Payload::new(PayloadId(0), stepwell_value::parse(r#"{"secret":1}"#).unwrap());
        let entered =
            |state_type, name| EventKind::StateEntered { state_type, name: Str::from(name), input: input.clone() };
        let events = [
            event(2, entered("Pass", "Fine")),
            event(3, EventKind::StateAborted { state_type: "Task" }),
            event(4, entered("Fail", "Oh")),
            event(5, EventKind::ExecutionFailed(ErrorCause::new("E", "c"))),
        ];
        let logging = Logging { level, with_data, log_group: Str::from("g") };
        let records = logging.records("arn", 0, &events).unwrap_or_default();
        records.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_record_is_what_aws_writes_to_a_log_group() {
        assert_eq!(
            logged(LogLevel::All, true)[0],
            r#"{"id":"2","type":"PassStateEntered","details":{"name":"Fine","input":"{\"secret\":1}","inputDetails":{"truncated":false}},"previous_event_id":"1","event_timestamp":"1700000000000","execution_arn":"arn","redrive_count":"0"}"#
        );
        assert!(logged(LogLevel::All, false).iter().all(|record| !record.contains("secret")));
    }

    #[test]
    fn the_level_says_which_events_are_logged() {
        let ids = |level| logged(level, true).iter().map(|record| record[7..8].to_owned()).collect::<String>();
        assert_eq!(ids(LogLevel::All), "2345");
        assert_eq!(ids(LogLevel::Error), "345");
        assert_eq!(ids(LogLevel::Fatal), "5");
    }

    #[test]
    fn a_file_stays_below_its_directory_whatever_a_log_group_is_called() {
        assert_eq!(as_file_name(".."), Some("__".into()));
        assert_eq!(as_file_name(""), None);
        assert_eq!(as_file_name("a/b\\c"), Some("a_b_c".into()));
    }

    #[test]
    fn names_too_long_for_files_are_cut_and_stay_apart() {
        let arn = |last: char| {
            let name: String = "名".repeat(79) + &last.to_string();
            format!("arn:aws:states:us-east-1:123456789012:execution:machine:{name}")
        };
        let (one, other) = (as_file_name(&arn('一')).unwrap(), as_file_name(&arn('二')).unwrap());
        assert!(one.len() <= 251 && other.len() <= 251 && one != other, "{one} {other}");
        assert!(arn('一').starts_with(one.split('~').next().unwrap()));
        assert_eq!(as_file_name(&"x".repeat(251)), Some("x".repeat(251)));
    }

    #[test]
    fn records_that_find_no_room_are_counted_and_reported() {
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let lines = warnings.clone();
        let lost =
            Lost { count: AtomicU64::new(0), warn: Box::new(move |line| lines.lock().unwrap().push(line.into())) };
        let batch = Lines { log_group: Str::from("g"), execution_arn: Str::from("a"), text: "1\n2\n3\n".into() };
        (0..100).for_each(|_| lost.add(&batch, "it is slow"));
        assert_eq!(lost.count.load(Ordering::Relaxed), 300);
        let warnings: Vec<String> = warnings.lock().unwrap().clone();
        assert_eq!(warnings[0], "3 log records of executions were lost: it is slow");
        assert!(warnings.len() < 10, "{warnings:?}");
    }
}
