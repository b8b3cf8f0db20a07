//! Cases that ask for a value instead of a machine: metrics, reachable states, paths, attributes.

use stepwell_constructs::*;
use stepwell_value::{Object, Value};

use super::case::Cx;
use super::eval::V;
use super::failures::error_name;
use super::flow::into;
use super::states::Chain;
use super::{Answer, Stop, convert, text, unknown};

impl Cx {
    /// The value of an expression instead of a machine.
    pub fn evaluate(&mut self, expression: &Value) -> Answer<Object> {
        let value = self.evaluated(expression)?;
        Ok([("evaluated", value)].into_iter().collect())
    }

    fn evaluated(&mut self, expression: &Value) -> Answer<Value> {
        if let Some(metric) = expression.get("$metric") {
            return Ok(described(&self.metric(metric)?));
        }
        if let Some(name) = expression.get("$const").and_then(Value::as_str) {
            return Ok(Value::from(error_name(name)?));
        }
        if let Some(method) = expression.get("$method").and_then(Value::as_str) {
            if self.metric(expression).is_ok() {
                return unknown(format!("the value of {method}"));
            }
            // The tasks whose builders have no `metrics`.
            return Err(Stop::NotExpressible("metrics_of_sns_publish.rs"));
        }
        if let Some(name) = expression.get("$attr").and_then(Value::as_str) {
            if name.ends_with(".bucket") {
                return Err(Stop::NotExpressible("bucket_of_reader.rs"));
            }
            return Ok(convert::cfn(&self.attribute(name)?)?.to_value());
        }
        if let (Some(members), false) = (expression.as_object(), expression.get("$call").is_some()) {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), self.evaluated(value)?)));
            return Ok(Value::Object(members.collect::<Answer<Vec<_>>>()?.into_iter().collect()));
        }
        let args = expression.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(call) = expression.get("$call").and_then(Value::as_str) else {
            return unknown("an evaluation");
        };
        match call {
            "State.findReachableStates" | "State.findReachableEndStates" => {
                let node = self.node(args.first().unwrap_or(&Value::Null))?;
                let included =
                    args.get(1).and_then(|options| options.get("includeErrorHandlers")).and_then(Value::as_bool);
                let catchers = if included == Some(true) { Catchers::Included } else { Catchers::Excluded };
                let names = into!(&node, node => match call {
                    "State.findReachableStates" => node.reachable_states(catchers),
                    _ => node.reachable_end_states(catchers),
                });
                Ok(names.into_iter().map(Value::from).collect())
            }
            "FieldUtils.containsTaskToken" => {
                let value = self.object(args.first())?;
                Ok(Value::from(convert::obj::<JsonPath>(&value)?.contains_task_token()))
            }
            "FieldUtils.findReferencedPaths" => {
                let value = self.object(args.first())?;
                Ok(convert::obj::<JsonPath>(&value)?.referenced_paths().into_iter().map(Value::from).collect())
            }
            "FieldUtils.renderObject" => {
                let value = self.object(args.first())?;
                Ok(convert::obj::<JsonPath>(&value)?.to_value())
            }
            other => unknown(other),
        }
    }

    /// An object of the input; the empty one where none is given.
    fn object(&self, value: Option<&Value>) -> Answer<V> {
        value.map_or_else(|| Ok(V::Object(Vec::new())), |value| self.eval(value))
    }

    /// A metric: of a task, an activity, a machine, or the service.
    pub fn metric(&self, expression: &Value) -> Answer<Metric> {
        let args = self.args(expression)?;
        if let Some(name) = expression.get("$call").and_then(Value::as_str) {
            let metric = match name {
                "StateTransitionMetric.metricProvisionedBucketSize" => StateTransitionMetric.provisioned_bucket_size(),
                "StateTransitionMetric.metricProvisionedRefillRate" => StateTransitionMetric.provisioned_refill_rate(),
                "StateTransitionMetric.metricConsumedCapacity" => StateTransitionMetric.consumed_capacity(),
                "StateTransitionMetric.metricThrottledEvents" => StateTransitionMetric.throttled_events(),
                other => return unknown(other),
            };
            return with_options(metric, args.first());
        }
        let method = text(expression, "$method");
        let (receiver, name) = method.split_once('.').unwrap_or((&method, ""));
        if let Some(machine) = self.machines.get(receiver) {
            let metrics = machine.metrics();
            let metric = match name {
                "metricFailed" => metrics.failed(),
                "metricThrottled" => metrics.throttled(),
                "metricAborted" => metrics.aborted(),
                "metricSucceeded" => metrics.succeeded(),
                "metricTimedOut" => metrics.timed_out(),
                "metricStarted" => metrics.started(),
                "metricTime" => metrics.time(),
                "metric" => return with_options(metrics.custom(first(&args)?.text()?), args.get(1)),
                other => return unknown(other),
            };
            return with_options(metric, args.first());
        }
        let known = self.ids.get(receiver).and_then(|id| self.metrics.borrow().get(id).cloned());
        let metrics = match known {
            Some(metrics) => metrics,
            None => super::tasks::step_functions::activity_ref(self, &V::Ref(receiver.to_owned()))?.metrics(),
        };
        let metric = match name {
            "metricRunTime" => metrics.run_time(),
            "metricScheduleTime" => metrics.schedule_time(),
            "metricTime" => metrics.time(),
            "metricScheduled" => metrics.scheduled(),
            "metricTimedOut" => metrics.timed_out(),
            "metricStarted" => metrics.started(),
            "metricSucceeded" => metrics.succeeded(),
            "metricFailed" => metrics.failed(),
            "metricHeartbeatTimedOut" => metrics.heartbeat_timed_out(),
            "metric" => return with_options(metrics.custom(first(&args)?.text()?), args.get(1)),
            other => return unknown(other),
        };
        with_options(metric, args.first())
    }
}

fn first(args: &[V]) -> Answer<&V> {
    args.first().map_or_else(|| unknown("a metric without name"), Ok)
}

fn with_options(mut metric: Metric, options: Option<&V>) -> Answer<Metric> {
    let Some(options) = options else { return Ok(metric) };
    let mut options = options.props()?;
    if let Some(v) = options.take("statistic") {
        metric = metric.statistic(v.text()?);
    }
    if let Some(v) = options.take("period") {
        metric = metric.period(v.duration()?);
    }
    options.done("a metric")?;
    Ok(metric)
}

/// A metric, as the corpus describes it.
fn described(metric: &Metric) -> Value {
    let value = metric.to_value();
    let member = |key: &str| value.get(key).cloned().unwrap_or_default();
    let dimensions = member("Dimensions");
    let dimensions = dimensions.as_array().map(|all| all.to_vec()).unwrap_or_default();
    let dimensions: Object =
        dimensions.iter().map(|one| (text(one, "Name"), one.get("Value").cloned().unwrap_or_default())).collect();
    let mut described = Object::default();
    described.insert("namespace", member("Namespace"));
    described.insert("metricName", member("MetricName"));
    described.insert("statistic", member("Statistic"));
    described.insert("periodSeconds", member("Period"));
    described.insert("dimensions", Value::Object(dimensions));
    Value::Object(described)
}
