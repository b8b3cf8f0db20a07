//! What happens when a state fails: retriers and catchers.

use std::marker::PhantomData;
use std::time::Duration;

use stepwell_value::{Str, Value};

use crate::error::Problem;
use crate::field::{IntoField, Obj, whole_seconds};
use crate::json::{Fields, Json, ToJson};
use crate::language::{JsonPath, Jsonata, Language};
use crate::path::IntoReference;

/// The names of errors that the States Language predefines.
#[doc(alias = "Errors")]
pub mod errors {
    /// Every error.
    pub const ALL: &str = "States.ALL";
    /// A result, a variable or an input was too large.
    pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
    /// A task did not send a heartbeat in time.
    pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
    /// A task took too long, or did not send a heartbeat in time.
    pub const TIMEOUT: &str = "States.Timeout";
    /// A task failed.
    pub const TASKS_FAILED: &str = "States.TaskFailed";
    /// The role of the machine may not do what the task needs.
    pub const PERMISSIONS: &str = "States.Permissions";
    /// `ResultPath` cannot be applied to the input.
    pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
    /// A path of `Parameters` leads nowhere.
    pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
    /// A branch of a Parallel state failed.
    pub const BRANCH_FAILED: &str = "States.BranchFailed";
    /// No rule of a Choice state held.
    pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
}

/// When and how often a failed state is tried again (an item of the ASL field `Retry`).
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::{JitterType, Retry, errors};
///
/// let retry = Retry::new()
///     .errors([errors::TIMEOUT, "Order.Locked"])
///     .interval(Duration::from_secs(5))
///     .max_attempts(4)
///     .jitter(JitterType::Full);
/// ```
#[doc(alias = "RetryProps")]
#[derive(Clone, Debug)]
pub struct Retry {
    pub(crate) errors: Vec<Str>,
    interval: Option<Json>,
    max_attempts: Option<u32>,
    backoff_rate: Option<f64>,
    max_delay: Option<Json>,
    jitter: Option<JitterType>,
}

/// Whether the wait before a retry is drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterType {
    /// A random time between 0 and the interval (`FULL`).
    Full,
    /// The interval (`NONE`).
    None,
}

impl Retry {
    /// A retry of every error, with the intervals and attempts of the States Language.
    pub fn new() -> Retry {
        Retry {
            errors: vec![Str::from(errors::ALL)],
            interval: None,
            max_attempts: None,
            backoff_rate: None,
            max_delay: None,
            jitter: None,
        }
    }

    /// The errors that are retried (ASL field `ErrorEquals`).
    #[must_use]
    pub fn errors<E: AsRef<str>>(mut self, errors: impl IntoIterator<Item = E>) -> Retry {
        self.errors = errors.into_iter().map(|error| Str::new(error.as_ref())).collect();
        self
    }

    /// The wait before the first retry, in whole seconds, at least 1 (ASL field `IntervalSeconds`).
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Retry {
        self.interval = Some(whole_seconds(interval));
        self
    }

    /// How often it is retried at most; 0 is never (ASL field `MaxAttempts`).
    #[doc(alias = "maxAttempts")]
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Retry {
        self.max_attempts = Some(attempts);
        self
    }

    /// By what the interval grows with each retry, at least 1.0 (ASL field `BackoffRate`).
    #[doc(alias = "backoffRate")]
    #[must_use]
    pub fn backoff_rate(mut self, rate: f64) -> Retry {
        self.backoff_rate = Some(rate);
        self
    }

    /// The longest wait between two tries, in whole seconds (ASL field `MaxDelaySeconds`).
    #[doc(alias = "maxDelay")]
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Retry {
        self.max_delay = Some(whole_seconds(delay));
        self
    }

    /// Whether the wait is random (ASL field `JitterStrategy`).
    #[doc(alias = "jitterStrategy")]
    #[must_use]
    pub fn jitter(mut self, jitter: JitterType) -> Retry {
        self.jitter = Some(jitter);
        self
    }

    pub(crate) fn problem(&self) -> Option<std::sync::Arc<Problem>> {
        let attempts = self.max_attempts.unwrap_or(0);
        (attempts > ATTEMPTS_MAX).then(|| {
            Problem::new("MaxAttemptsTooLarge", format!("maxAttempts must be at most {ATTEMPTS_MAX}, got {attempts}"))
        })
    }
}

/// The States Language takes no more attempts than this.
const ATTEMPTS_MAX: u32 = 99_999_999;

impl Default for Retry {
    fn default() -> Retry {
        Retry::new()
    }
}

impl ToJson for Retry {
    fn to_json(&self) -> Json {
        let mut fields =
            Fields::new().set("ErrorEquals", self.errors.to_json()).set_opt("IntervalSeconds", &self.interval);
        if let Some(attempts) = self.max_attempts {
            fields.put("MaxAttempts", Value::from(attempts));
        }
        if let Some(rate) = self.backoff_rate {
            fields.put("BackoffRate", Value::number(rate));
        }
        let mut fields = fields.set_opt("MaxDelaySeconds", &self.max_delay);
        if let Some(jitter) = self.jitter {
            fields.put("JitterStrategy", if jitter == JitterType::Full { "FULL" } else { "NONE" });
        }
        fields.into()
    }
}

/// Which errors a catcher takes and what it hands on (an item of the ASL field `Catch`).
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let charge = w.add(LambdaInvoke::json_path("Charge", FunctionRef::from_name("charge")));
/// let declined = w.add(Fail::json_path("Declined").error("Order.Declined"));
/// let refund = w.add(Pass::json_path("Refund"));
/// charge
///     .catch_with(&declined, Catch::new().errors(["Card.Declined"]).result_path("$.error"))
///     .catch(&refund);
/// ```
#[doc(alias = "CatchProps")]
#[derive(Clone, Debug)]
pub struct Catch<L> {
    pub(crate) errors: Vec<Str>,
    pub(crate) result_path: Option<Json>,
    pub(crate) assign: Option<Json>,
    pub(crate) output: Option<Json>,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> Catch<L> {
    /// A catcher of every error.
    pub fn new() -> Catch<L> {
        Catch {
            errors: vec![Str::from(errors::ALL)],
            result_path: None,
            assign: None,
            output: None,
            language: PhantomData,
        }
    }

    /// The errors that are caught (ASL field `ErrorEquals`).
    #[must_use]
    pub fn errors<E: AsRef<str>>(mut self, errors: impl IntoIterator<Item = E>) -> Self {
        self.errors = errors.into_iter().map(|error| Str::new(error.as_ref())).collect();
        self
    }

    /// Variables that are set when it catches (ASL field `Assign`).
    #[must_use]
    pub fn assign(mut self, variables: Obj<L>) -> Self {
        self.assign = Some(variables.into_json());
        self
    }
}

impl Catch<JsonPath> {
    /// Where in the input the error is put (ASL field `ResultPath`); by default it replaces the input.
    #[doc(alias = "resultPath")]
    #[must_use]
    pub fn result_path(mut self, path: impl IntoReference) -> Self {
        self.result_path = Some(path.into_reference().0);
        self
    }
}

impl Catch<Jsonata> {
    /// What is handed on; the error is `$states.errorOutput` (ASL field `Output`).
    #[must_use]
    pub fn outputs(mut self, output: impl IntoField<Jsonata>) -> Self {
        self.output = Some(output.into_field().0);
        self
    }
}

impl<L: Language> Default for Catch<L> {
    fn default() -> Self {
        Catch::new()
    }
}
