//! The stages of a state's data flow, for whoever wants to watch: TestState, a debugger, coverage, the console.

use stepwell_asl::program::State;
use stepwell_value::{Object, Value};

/// One stage of a state's data flow; names as in TestState's inspectionData.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// The state's input.
    Input(&'a Value),
    /// Variables that are visible, at entry.
    Variables(&'a Object),
    /// After `InputPath`.
    AfterInputPath(&'a Value),
    /// After `Parameters`.
    AfterParameters(&'a Value),
    /// After `Arguments`.
    AfterArguments(&'a Value),
    /// A Map's items, after `ItemsPath` or `Items`.
    AfterItemsPath(&'a Value),
    /// A Map's items, each after `ItemSelector`.
    AfterItemSelector(&'a Value),
    /// A Map's `MaxConcurrency`.
    MaxConcurrency(u32),
    /// A Map's `ToleratedFailureCount`.
    ToleratedFailureCount(u32),
    /// A Map's `ToleratedFailurePercentage`.
    ToleratedFailurePercentage(f64),
    /// The result of the state's work.
    Result(&'a Value),
    /// After `ResultSelector`.
    AfterResultSelector(&'a Value),
    /// After `ResultPath`.
    AfterResultPath(&'a Value),
    /// A Choice state's rule, by its index; none: `Default`.
    Rule(Option<usize>),
    /// A retrier applies.
    Retry {
        /// Its index in `Retry`.
        index: usize,
        /// Seconds until the next attempt, before jitter.
        backoff_s: f64,
    },
    /// A catcher applies.
    Catch {
        /// Its index in `Catch`.
        index: usize,
    },
    /// The state's output.
    Output(&'a Value),
}

/// Watches the data flow of states. `()` watches nothing and costs nothing.
pub trait Observer {
    /// Whether stages are to be made ready for it.
    const WATCHES: bool = true;

    /// Whether the events of a step are given back. They are counted in any case.
    const RECORDS: bool = true;

    /// A state has reached a stage.
    fn stage(&mut self, state: &State, stage: Stage<'_>);
}

impl Observer for () {
    const WATCHES: bool = false;

    fn stage(&mut self, _: &State, _: Stage<'_>) {}
}

/// Watches nothing and wants no events: for Express executions that nobody logs, which have no history.
#[derive(Clone, Copy, Debug)]
pub struct Unrecorded;

impl Observer for Unrecorded {
    const WATCHES: bool = false;
    const RECORDS: bool = false;

    fn stage(&mut self, _: &State, _: Stage<'_>) {}
}
