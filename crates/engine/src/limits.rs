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

/// An Express execution ends after five minutes.
pub const EXPRESS_DURATION_MAX_MS: i64 = 5 * 60 * 1000;

/// A Standard execution ends after a year.
pub const STANDARD_DURATION_MAX_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Events of one step; then the shard loop commits, serves its other executions and goes on.
pub const STEP_EVENTS_MAX: usize = 1_000;

/// Bytes of new payloads of one step.
pub const STEP_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Fuel of evaluations of one step: one expression may use as much, then the step ends.
pub const STEP_FUEL_MAX: u64 = 2_000_000;

/// Virtual time that passes when a step used up its budget, so that an endless loop meets its time-out.
pub const CONTINUE_VIRTUAL_MS: i64 = 100;

/// A redrive must happen within so many milliseconds of the end of the execution.
pub const REDRIVE_PERIOD_MS: i64 = 14 * 24 * 60 * 60 * 1000;
