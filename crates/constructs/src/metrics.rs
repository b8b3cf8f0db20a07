//! What CloudWatch counts: metrics of tasks, activities, machines and of the service.

use std::time::Duration;

use stepwell_value::{Object, Str, Value};

use crate::cfn::Cfn;
use crate::json::Json;

/// A metric of CloudWatch, in the namespace `AWS/States`.
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::*;
///
/// let task = LambdaInvoke::json_path("Price", &FunctionRef::from_name("price"));
/// let failed = task.metrics().failed().period(Duration::from_secs(60));
/// assert_eq!(failed.name(), "LambdaFunctionsFailed");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    name: Str,
    statistic: Str,
    period: Duration,
    dimensions: Object,
}

/// How long a period is if nothing is said.
const PERIOD: Duration = Duration::from_secs(300);

impl Metric {
    fn new(name: impl Into<Str>, statistic: &str, dimensions: &Object) -> Metric {
        Metric { name: name.into(), statistic: Str::from(statistic), period: PERIOD, dimensions: dimensions.clone() }
    }

    /// Another statistic, such as `Maximum` or `p99`.
    #[must_use]
    pub fn statistic(mut self, statistic: &str) -> Metric {
        self.statistic = Str::from(statistic);
        self
    }

    /// Another period; five minutes if nothing is said.
    #[must_use]
    pub fn period(mut self, period: Duration) -> Metric {
        self.period = period;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The metric as members of an alarm in a template: `Namespace`, `MetricName`, `Statistic`, `Period`, `Dimensions`.
    pub fn to_value(&self) -> Value {
        let dimensions = self.dimensions.iter().map(|(name, value)| -> Value {
            [("Name", Value::from(name.clone())), ("Value", value.clone())].into_iter().collect()
        });
        let mut metric = Object::default();
        metric.insert("Namespace", Value::from("AWS/States"));
        metric.insert("MetricName", Value::from(self.name.clone()));
        metric.insert("Statistic", Value::from(self.statistic.clone()));
        metric.insert("Period", Value::from(i64::try_from(self.period.as_secs()).unwrap_or(i64::MAX)));
        metric.insert("Dimensions", dimensions.collect());
        Value::Object(metric)
    }
}

/// The metrics of a task or activity.
#[derive(Clone, Debug)]
pub struct Metrics {
    singular: &'static str,
    plural: &'static str,
    dimensions: Object,
}

impl Metrics {
    pub(crate) fn new(singular: &'static str, plural: &'static str, dimensions: Vec<(&'static str, Json)>) -> Metrics {
        let dimensions = dimensions.into_iter().map(|(name, value)| (name, value.to_value())).collect();
        Metrics { singular, plural, dimensions }
    }

    /// Any metric with these dimensions; its sum.
    #[doc(alias = "metric")]
    pub fn custom(&self, name: &str) -> Metric {
        Metric::new(name, "Sum", &self.dimensions)
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $method:ident: $word:literal, $statistic:literal, $number:ident, $alias:literal;)*) => {
        impl Metrics {$(
            $(#[$doc])*
            #[doc(alias = $alias)]
            pub fn $method(&self) -> Metric {
                Metric::new(format!("{}{}", self.$number, $word), $statistic, &self.dimensions)
            }
        )*}
    };
}

metrics! {
    /// The time from the start of the work to its end, in milliseconds; the average.
    run_time: "RunTime", "Average", singular, "metricRunTime";
    /// The time that it waited to be started, in milliseconds; the average.
    schedule_time: "ScheduleTime", "Average", singular, "metricScheduleTime";
    /// The time from being scheduled to its end, in milliseconds; the average.
    time: "Time", "Average", singular, "metricTime";
    /// How many were scheduled.
    scheduled: "Scheduled", "Sum", plural, "metricScheduled";
    /// How many took too long.
    timed_out: "TimedOut", "Sum", plural, "metricTimedOut";
    /// How many were started.
    started: "Started", "Sum", plural, "metricStarted";
    /// How many succeeded.
    succeeded: "Succeeded", "Sum", plural, "metricSucceeded";
    /// How many failed.
    failed: "Failed", "Sum", plural, "metricFailed";
    /// How many did not send a heartbeat in time.
    heartbeat_timed_out: "HeartbeatTimedOut", "Sum", plural, "metricHeartbeatTimedOut";
}

/// The metrics of a state machine.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello"))).build()?;
/// assert_eq!(machine.metrics().failed().name(), "ExecutionsFailed");
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct MachineMetrics {
    dimensions: Object,
}

impl MachineMetrics {
    pub(crate) fn new(arn: &Cfn) -> MachineMetrics {
        MachineMetrics { dimensions: [("StateMachineArn", arn.to_value())].into_iter().collect() }
    }

    /// Any metric of the machine; its sum.
    #[doc(alias = "metric")]
    pub fn custom(&self, name: &str) -> Metric {
        Metric::new(name, "Sum", &self.dimensions)
    }
}

/// The metrics of the transitions of all machines of an account, which are limited together.
#[derive(Clone, Copy, Debug)]
pub struct StateTransitionMetric;

macro_rules! fixed {
    ($type:ident($this:ident => $dimensions:expr) $($(#[$doc:meta])* $method:ident: $name:literal, $statistic:literal, $alias:literal;)*) => {
        impl $type {$(
            $(#[$doc])*
            #[doc(alias = $alias)]
            pub fn $method(&self) -> Metric {
                let $this = self;
                Metric::new($name, $statistic, &$dimensions)
            }
        )*}
    };
}

fixed! { MachineMetrics(this => this.dimensions)
    /// How many executions failed.
    failed: "ExecutionsFailed", "Sum", "metricFailed";
    /// How many transitions were held back.
    throttled: "ExecutionThrottled", "Sum", "metricThrottled";
    /// How many executions were stopped.
    aborted: "ExecutionsAborted", "Sum", "metricAborted";
    /// How many executions succeeded.
    succeeded: "ExecutionsSucceeded", "Sum", "metricSucceeded";
    /// How many executions took too long.
    timed_out: "ExecutionsTimedOut", "Sum", "metricTimedOut";
    /// How many executions were started.
    started: "ExecutionsStarted", "Sum", "metricStarted";
    /// How long executions took, in milliseconds; the average.
    time: "ExecutionTime", "Average", "metricTime";
}

fixed! { StateTransitionMetric(_this => [("ServiceMetric", Value::from("StateTransition"))].into_iter().collect::<Object>())
    /// How many transitions there can be at once; the average.
    provisioned_bucket_size: "ProvisionedBucketSize", "Average", "metricProvisionedBucketSize";
    /// How many transitions there can be each second; the average.
    provisioned_refill_rate: "ProvisionedRefillRate", "Average", "metricProvisionedRefillRate";
    /// How many transitions there were each second; the average.
    consumed_capacity: "ConsumedCapacity", "Average", "metricConsumedCapacity";
    /// How many transitions were held back.
    throttled_events: "ThrottledEvents", "Sum", "metricThrottledEvents";
}
