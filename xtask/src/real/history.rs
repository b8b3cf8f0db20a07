//! What must hold of every history, whatever happened to the server.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_value::Value;

use super::api::{Api, json, list, text};

/// The history of an execution, all pages of it.
pub(super) fn fetch(api: &mut Api, arn: &str) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let mut token = String::new();
    // A history has 25,000 events at most.
    for _ in 0..=25 {
        let members = format!(r#"{{"executionArn":{},"maxResults":1000{token}}}"#, json(arn));
        let page = api.call("GetExecutionHistory", &members).map_err(|err| format!("GetExecutionHistory: {err}"))?;
        events.extend_from_slice(list(&page, "events"));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#","nextToken":{}"#, json(next)),
            None => return Ok(events),
        }
    }
    Err("its pages have no end".to_owned())
}

/// What a history tells of the calls of Lambda functions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// Attempts that were scheduled.
    pub(super) scheduled: u32,
    /// Attempts of which nobody knows whether they were called: in doubt after a crash, or given up before they ended.
    pub(super) uncertain: u32,
}

/// What the cause of an attempt in doubt says.
const IN_DOUBT: &str = "whether it was carried out is not known";

/// Checks a history that has ended with `status`.
pub(super) fn check(events: &[Value], status: &str) -> Result<Calls, String> {
    let number = |event: &Value, name: &str| event.get(name).and_then(Value::as_i64).unwrap_or(-1);
    let mut seen = BTreeSet::new();
    // The attempt that each event of a task belongs to, by the number of its first event.
    let mut attempt_of = BTreeMap::new();
    let mut ended = BTreeMap::new();
    let mut of_lambda = BTreeSet::new();
    let mut calls = Calls::default();
    for (position, event) in events.iter().enumerate() {
        let (id, previous, kind) = (number(event, "id"), number(event, "previousEventId"), text(event, "type"));
        if id != position as i64 + 1 {
            return Err(format!("event {id} stands where {} should", position + 1));
        }
        if !(0..id).contains(&previous) {
            return Err(format!("event {id} {kind} comes from {previous}"));
        }
        let is_closed = kind.starts_with("Execution") && !matches!(kind, "ExecutionStarted" | "ExecutionRedriven");
        if is_closed != (position + 1 == events.len()) {
            return Err(format!("event {id} {kind}, of {}", events.len()));
        }
        if (kind == "ExecutionStarted") != (id == 1) {
            return Err(format!("event {id} {kind}"));
        }
        // Branches that end together are aborted one by one, with nothing to tell them apart.
        if !kind.ends_with("Aborted") && !seen.insert((kind, previous, place(event))) {
            return Err(format!("event {id} {kind} is there twice"));
        }
        if kind.ends_with("Scheduled") {
            attempt_of.insert(id, id);
            let is_lambda = kind == "LambdaFunctionScheduled"
                || event
                    .get("taskScheduledEventDetails")
                    .is_some_and(|details| text(details, "resourceType") == "lambda");
            if is_lambda {
                calls.scheduled += 1;
                of_lambda.insert(id);
            }
        } else if let Some(attempt) = attempt_of.get(&previous).copied().filter(|_| belongs_to_attempt(kind)) {
            attempt_of.insert(id, attempt);
            if !kind.ends_with("Started") && !kind.ends_with("Submitted") {
                if let Some(earlier) = ended.insert(attempt, id) {
                    return Err(format!("the attempt of event {attempt} ends with events {earlier} and {id}"));
                }
                if of_lambda.contains(&attempt) && event.to_string().contains(IN_DOUBT) {
                    calls.uncertain += 1;
                }
            }
        }
    }
    calls.uncertain += of_lambda.iter().filter(|attempt| !ended.contains_key(attempt)).count() as u32;
    let expected = match status {
        "SUCCEEDED" => "ExecutionSucceeded",
        "FAILED" => "ExecutionFailed",
        "TIMED_OUT" => "ExecutionTimedOut",
        "ABORTED" => "ExecutionAborted",
        other => return Err(format!("it is {other}")),
    };
    match events.last().map(|event| text(event, "type")) {
        Some(last) if last == expected => Ok(calls),
        last => Err(format!("it is {status}, but its last event is {}", last.unwrap_or("missing"))),
    }
}

fn belongs_to_attempt(kind: &str) -> bool {
    let rest = ["LambdaFunction", "Activity", "Task"].iter().find_map(|worker| kind.strip_prefix(worker));
    rest.is_some_and(|rest| {
        ["Started", "Submitted", "Succeeded", "Failed", "TimedOut", "StartFailed", "SubmitFailed", "ScheduleFailed"]
            .contains(&rest)
    })
}

/// The state and the iteration that an event names.
fn place(event: &Value) -> String {
    let details = event.as_object().into_iter().flat_map(|event| event.iter());
    let details = details.filter(|(name, _)| name.ends_with("EventDetails"));
    details
        .map(|(_, details)| {
            let index = details.get("index").map(Value::to_string).unwrap_or_default();
            format!("{}/{index}", text(details, "name"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use stepwell_value::parse;

    use super::*;

    /// Events as `TYPE<PREVIOUS`, numbered from 1.
    fn checked(events: &str, status: &str) -> Result<Calls, String> {
        let events: Vec<_> = events
            .split_whitespace()
            .enumerate()
            .map(|(position, event)| {
                let (kind, previous) = event.split_once('<').expect("TYPE<PREVIOUS");
                let id = position + 1;
                parse(&format!(r#"{{"id": {id}, "previousEventId": {previous}, "type": "{kind}"}}"#)).expect("an event")
            })
            .collect();
        check(&events, status)
    }

    #[test]
    fn a_history_without_gaps_is_fine() {
        let events = "ExecutionStarted<0 TaskStateEntered<0 LambdaFunctionScheduled<2 LambdaFunctionStarted<3 \
                      LambdaFunctionFailed<4 LambdaFunctionScheduled<5 LambdaFunctionStarted<6 ExecutionAborted<0";
        assert_eq!(checked(events, "ABORTED"), Ok(Calls { scheduled: 2, uncertain: 1 }));
    }

    #[test]
    fn what_cannot_be_is_found() {
        for (events, status, wrong) in [
            ("ExecutionStarted<0 PassStateEntered<2", "SUCCEEDED", "event 2 PassStateEntered comes from 2"),
            (
                "ExecutionStarted<0 ExecutionSucceeded<1 PassStateExited<1",
                "SUCCEEDED",
                "event 2 ExecutionSucceeded, of 3",
            ),
            ("ExecutionStarted<0 PassStateEntered<0", "SUCCEEDED", "event 2 PassStateEntered, of 2"),
            (
                "ExecutionStarted<0 ExecutionFailed<1",
                "SUCCEEDED",
                "it is SUCCEEDED, but its last event is ExecutionFailed",
            ),
            (
                "ExecutionStarted<0 PassStateEntered<0 PassStateEntered<0 ExecutionSucceeded<2",
                "SUCCEEDED",
                "event 3 PassStateEntered is there twice",
            ),
            (
                "ExecutionStarted<0 TaskScheduled<1 TaskStarted<2 TaskFailed<3 TaskSucceeded<3 ExecutionSucceeded<5",
                "SUCCEEDED",
                "the attempt of event 2 ends with events 4 and 5",
            ),
            ("ExecutionStarted<0 ExecutionSucceeded<1", "RUNNING", "it is RUNNING"),
        ] {
            assert_eq!(checked(events, status), Err(wrong.to_owned()), "{events}");
        }
    }
}
