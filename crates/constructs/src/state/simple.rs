//! Pass, Wait, Succeed and Fail.

use std::marker::PhantomData;
use std::time::Duration;

use stepwell_value::Value;

use super::{Body, shared_methods, state};
use crate::cfn::Cfn;
use crate::field::{IntoField, IntoVal, Obj, whole_seconds};
use crate::json::Json;
use crate::language::{JsonPath, Jsonata, Language, Plain};
use crate::path::{Expr, IntoReference, Path};

state! {
    /// Hands its input on, or something else (ASL type `Pass`).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(Pass::json_path("Defaults").result(obj!({ "retries": 3 })).result_path("$.options"));
    /// w.add(Pass::jsonata("Total").outputs(obj!({ "total": jsonata("$sum($states.input.prices)") })));
    /// ```
    Pass() -> Open, PassProps = PassProps::default(), Body::Pass
}

#[derive(Debug, Default)]
pub(crate) struct PassProps {
    pub(crate) result: Option<Json>,
    pub(crate) parameters: Option<Json>,
}

shared_methods!([] Pass: naming assign paths result_path outputs);

impl Pass<JsonPath> {
    /// The output, before `ResultPath` is applied; nothing in it is computed (ASL field `Result`).
    #[doc(alias = "Result.fromObject")]
    #[doc(alias = "Result.fromArray")]
    #[doc(alias = "Result.fromString")]
    #[doc(alias = "Result.fromNumber")]
    #[doc(alias = "Result.fromBoolean")]
    #[must_use]
    pub fn result(mut self, result: impl IntoField<Plain>) -> Self {
        self.props.result = Some(result.into_field().0);
        self
    }

    /// The output, before `ResultPath` is applied (ASL field `Parameters`).
    #[must_use]
    pub fn parameters(mut self, parameters: Obj<JsonPath>) -> Self {
        self.props.parameters = Some(parameters.into_json());
        self
    }
}

state! {
    /// Waits for a time, or until one (ASL type `Wait`).
    ///
    /// ```
    /// use std::time::Duration;
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(Wait::json_path("A minute", WaitTime::duration(Duration::from_secs(60))));
    /// w.add(Wait::json_path("Until it is due", WaitTime::timestamp_path("$.due")));
    /// w.add(Wait::jsonata("A little", WaitTime::computed_seconds(jsonata("$states.input.seconds"))));
    /// ```
    Wait(time: WaitTime<L>) -> Open, WaitTimeData = time.into_data(), Body::Wait
}

shared_methods!([] Wait: naming assign paths outputs);

/// How long a [`Wait`] state waits.
#[derive(Clone, Debug)]
pub struct WaitTime<L>(WaitTimeData, PhantomData<fn() -> L>);

#[derive(Clone, Debug)]
pub(crate) struct WaitTimeData {
    pub(crate) field: &'static str,
    pub(crate) value: Json,
}

impl<L: Language> WaitTime<L> {
    fn new(field: &'static str, value: Json) -> WaitTime<L> {
        WaitTime(WaitTimeData { field, value }, PhantomData)
    }

    fn into_data(self) -> WaitTimeData {
        self.0
    }

    /// A time in whole seconds (ASL field `Seconds`).
    pub fn duration(duration: Duration) -> WaitTime<L> {
        WaitTime::new("Seconds", whole_seconds(duration))
    }

    /// A number of seconds, at most 99,999,999 (ASL field `Seconds`).
    pub fn seconds(seconds: u32) -> WaitTime<L> {
        WaitTime::new("Seconds", Json::Value(Value::from(seconds)))
    }

    /// Until a time, as in `2026-11-21T15:00:00Z` (ASL field `Timestamp`).
    pub fn timestamp(timestamp: impl Into<Cfn>) -> WaitTime<L> {
        WaitTime::new("Timestamp", Json::Cfn(timestamp.into()))
    }
}

impl WaitTime<JsonPath> {
    /// The seconds that a path leads to (ASL field `SecondsPath`).
    #[doc(alias = "secondsPath")]
    pub fn seconds_path(path: impl IntoReference) -> Self {
        WaitTime::new("SecondsPath", path.into_reference().0)
    }

    /// The time that a path leads to (ASL field `TimestampPath`).
    #[doc(alias = "timestampPath")]
    pub fn timestamp_path(path: impl IntoReference) -> Self {
        WaitTime::new("TimestampPath", path.into_reference().0)
    }
}

impl WaitTime<Jsonata> {
    /// The seconds that an expression computes (ASL field `Seconds`).
    pub fn computed_seconds(expression: Expr) -> Self {
        WaitTime::new("Seconds", Json::Value(Value::from(expression.0)))
    }

    /// The time that an expression computes (ASL field `Timestamp`).
    pub fn computed_timestamp(expression: Expr) -> Self {
        WaitTime::new("Timestamp", Json::Value(Value::from(expression.0)))
    }
}

state! {
    /// Ends the execution, branch or iteration with success (ASL type `Succeed`).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(Succeed::json_path("We did it!"));
    /// ```
    Succeed() -> Closed, () = (), |()| Body::Succeed
}

shared_methods!([] Succeed: naming paths outputs);

state! {
    /// Ends the execution, branch or iteration with an error (ASL type `Fail`).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(Fail::json_path("No stock").error("Order.NoStock").cause_path("$.reason"));
    /// w.add(Fail::jsonata("Too late").error("Order.TooLate").cause(jsonata("'due ' & $states.input.due")));
    /// ```
    Fail() -> Closed, FailProps = FailProps::default(), Body::Fail
}

#[derive(Debug, Default)]
pub(crate) struct FailProps {
    pub(crate) error: Option<Json>,
    pub(crate) cause: Option<Json>,
    pub(crate) error_path: Option<Json>,
    pub(crate) cause_path: Option<Json>,
}

shared_methods!([] Fail: naming);

impl Fail<JsonPath> {
    /// The name of the error (ASL field `Error`).
    #[must_use]
    pub fn error(mut self, error: impl Into<Cfn>) -> Self {
        self.props.error = Some(Json::Cfn(error.into()));
        self
    }

    /// What is said about it (ASL field `Cause`).
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Cfn>) -> Self {
        self.props.cause = Some(Json::Cfn(cause.into()));
        self
    }

    /// Where the name of the error is, or an intrinsic function that gives a string (ASL field `ErrorPath`).
    #[doc(alias = "errorPath")]
    #[must_use]
    pub fn error_path(mut self, path: impl Into<FailPath>) -> Self {
        self.props.error_path = Some(path.into().0);
        self
    }

    /// Where the cause is, or an intrinsic function that gives a string (ASL field `CausePath`).
    #[doc(alias = "causePath")]
    #[must_use]
    pub fn cause_path(mut self, path: impl Into<FailPath>) -> Self {
        self.props.cause_path = Some(path.into().0);
        self
    }
}

impl Fail<Jsonata> {
    /// The name of the error (ASL field `Error`).
    #[must_use]
    pub fn error(mut self, error: impl IntoVal<String, Jsonata>) -> Self {
        self.props.error = Some(error.into_val().0);
        self
    }

    /// What is said about it (ASL field `Cause`).
    #[must_use]
    pub fn cause(mut self, cause: impl IntoVal<String, Jsonata>) -> Self {
        self.props.cause = Some(cause.into_val().0);
        self
    }
}

/// A path or call as the text of `ErrorPath` or `CausePath`.
#[derive(Clone, Debug)]
pub struct FailPath(Json);

impl From<&str> for FailPath {
    fn from(text: &str) -> FailPath {
        FailPath(crate::path::path(text).to_json())
    }
}

impl From<Path> for FailPath {
    fn from(path: Path) -> FailPath {
        FailPath(path.to_json())
    }
}
