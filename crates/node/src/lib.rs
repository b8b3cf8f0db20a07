//! Runs executions.

mod activities;
mod api;
pub mod core;
mod driver;
mod log;
mod tokens;

pub use activities::{Activities, POLLERS_MAX, Poller, Waiting};
pub use api::{
    ActivityTask, AnswerTo, Definition, Ended, NewExecution, Programs, Refusal, Started, TaskCall, Tasks, TokenAnswer,
};
pub use driver::{Config, Figures, Node};
pub use log::{LogLevel, LogWriter, Logging};
pub use tokens::{Claim, Tokens};
