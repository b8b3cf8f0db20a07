//! A node: what runs executions between the API and the store.
//!
//! # The life of a signal
//!
//! ```text
//!  request ──┐                                             ┌──> reply, call of a task, letter, log record
//!  answer  ──┼─> mailbox ─> core: step ─> commit queue ─> committer: store, one sync for all that waits
//!  timer   ──┘      ^                                      │
//!                   └────────── settled, loaded ───────────┘
//! ```
//!
//! 1. Something happens: a request of the API, a task's answer, a letter, a deadline. It is put into the mailbox of the
//!    slice that has the execution's shard; whoever puts it there runs the slice's [`core`] if nobody else does.
//! 2. The core finds the execution in memory or has it read, and makes the step. What came of it is one write; replies,
//!    calls and letters are held back.
//! 3. The committer takes all writes that wait, has the [`stepwell_store::Store`] commit them at once, and then releases
//!    what was held for each. Nothing leaves before that, not even the refusal of what was already done.
//! 4. A commit that did not succeed, whatever the reason, drops the memory of its shard. Whoever waited is told that
//!    nobody knows ([`Refusal::Away`]), and the shard is read again.
//!
//! | module | what is in it |
//! |---|---|
//! | [`core`] | shards, executions, Map Runs, timers, letters, the commit queue: no thread, clock or I/O, so that a simulator can drive several of them |
//! | `driver` | threads, clock, mailboxes; [`Node`] |
//! | `activities` | tasks of activities and the workers who wait for them; pure |
//! | `tokens` | task tokens; pure |
//! | `log` | log records of executions |
//! | `chance` | [`random`] bytes |
//!
//! # What is bounded, and what happens at the bound
//!
//! | what | bound | then |
//! |---|---|---|
//! | commits under way in a slice | [`core::Limits::commits_max`] | starts are refused ([`Refusal::Throttled`]), timers wait; at four times as many all requests are refused |
//! | transitions of one execution under way | [`core::Limits::in_flight_max`] | signals wait and are taken together |
//! | requests that wait for one execution | [`core::Limits::inbox_max`] | refused |
//! | executions in memory that have nothing to do | [`core::Limits::idle_bytes_max`] | the longest idle are dropped and read again when something reaches them |
//! | deadlines in memory | those of the next minute, at most [`core::SCAN_LIMIT`] read at a time | later ones are in the store |
//! | workers that poll an activity | [`POLLERS_MAX`] | refused ([`Refusal::WorkerLimit`]) |
//! | asynchronous Express executions | [`core::Limits::express_max`] | refused |
//!
//! Tasks in flight and letters need no bound of their own: executions that were let in make a bounded number of them.

mod activities;
mod api;
mod chance;
pub mod core;
mod driver;
mod log;
mod tokens;

pub use activities::{Activities, POLLERS_MAX, Poller, Waiting};
pub use api::{
    ActivityTask, AnswerTo, Definition, Ended, NewExecution, Programs, Refusal, Started, TaskCall, Tasks, TokenAnswer,
};
pub use chance::random;
pub use driver::{Config, Figures, Node};
pub use log::{LogLevel, LogWriter, Logging};
pub use tokens::{Claim, Tokens};
