//! AWS's limits and our own bounds, each with its name.

/// Event number 25,000 of a Standard execution is the ExecutionFailed that says the history is full.
pub const HISTORY_EVENTS_MAX: u32 = 25_000;

/// Largest input or output of a task, state or execution, in bytes of its JSON text.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// Largest single variable, and largest sum of one `Assign`, in bytes of JSON text.
pub const ASSIGN_BYTES_MAX: usize = 262_144;

/// All variables of an execution together, in bytes of JSON text.
pub const VARIABLES_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Iterations of an inline Map that run at a time, whatever `MaxConcurrency` says.
pub const INLINE_MAP_CONCURRENCY_MAX: usize = 40;

/// Children of a distributed Map that run at a time.
pub const DISTRIBUTED_MAP_CONCURRENCY_MAX: usize = 10_000;

/// Longest error name that events show, in characters (service model).
pub const ERROR_CHARS_MAX: usize = 256;

/// Longest cause that events show, in characters (service model).
pub const CAUSE_CHARS_MAX: usize = 32_768;

/// An Express execution ends after five minutes.
pub const EXPRESS_DURATION_MAX_MS: i64 = 5 * 60 * 1000;

/// A Standard execution ends when it was open for a year.
pub const STANDARD_DURATION_MAX_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Events of one step; then the shard loop commits, serves its other executions and goes on.
pub const STEP_EVENTS_MAX: usize = 1_000;

/// Bytes of new payloads of one step.
pub const STEP_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Fuel of one step, about five milliseconds: the expression that uses it up is the step's last one.
pub const STEP_FUEL_MAX: u64 = stepwell_jsonata::FUEL_AWS / 200;

/// Fuel that each turn of a state's work costs, so that steps end even where nothing is recorded.
pub const STATE_FUEL: u64 = 50;

/// Bytes of a state's input that cost one unit of fuel: paths may read all of it.
pub const BYTES_PER_FUEL: u64 = 128;

/// Children that a Map Run starts in one step.
pub const MAP_RUN_STARTS_MAX: usize = 100;

/// Virtual time that passes when a step used up its budget, so that an endless loop meets its time-out.
pub const CONTINUE_VIRTUAL_MS: i64 = 100;

/// A redrive must happen within so many milliseconds of the end of the execution.
pub const REDRIVE_PERIOD_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// Client tokens of redrives that an execution remembers (service model).
pub const REDRIVE_TOKENS_MAX: usize = 10;

/// A redrive with a client token is not repeated for so many milliseconds (service model).
pub const REDRIVE_TOKEN_PERIOD_MS: i64 = 15 * 60 * 1000;
