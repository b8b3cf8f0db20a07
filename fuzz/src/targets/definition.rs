//! Definitions: compiled from JSON and YAML for both types; what is accepted is run with answers at random.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_asl::program::{ExecutionType, RegionIdx};
use stepwell_asl::{Format, Options, Program, Severity, compile};
use stepwell_engine::limits::{HISTORY_EVENTS_MAX, STEP_EVENTS_MAX};
use stepwell_engine::local::{Answer, Local, Missing, Progress, Responder, What};
use stepwell_engine::{
    ErrorCause, Event, Execution, ExecutionId, ExecutionStatus, FailureStage, Identity, Outcome, Payload, PayloadId,
    Reader, Start, Stepped, TaskRequest, Timestamp, Writes, decode_events, encode_events,
};
use stepwell_value::{Str, Value, parse};

use super::{Kind, Target, promise};
use crate::random::Random;

pub(super) const TARGET: Target = Target {
    name: "definition",
    kind: Kind::Definition,
    seeds: &[
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1},"ResultPath":"$.r","Next":"B"},"B":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.r.x","NumericGreaterThan":0},{"Not":{"Variable":"$.q","IsPresent":true}}],"Next":"C"}],"Default":"A"},"C":{"Type":"Wait","Seconds":3,"Next":"D"},"D":{"Type":"Succeed"}}}"#,
        r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"},"TimeoutSeconds":5,"HeartbeatSeconds":2,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":3,"BackoffRate":2,"MaxDelaySeconds":5,"JitterStrategy":"FULL"}],"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"F"}],"End":true},"F":{"Type":"Fail","ErrorPath":"$.e.Error","CausePath":"States.Format('{}',$.e.Cause)"}}}"#,
        r#"{"QueryLanguage":"JSONata","StartAt":"M","States":{"M":{"Type":"Map","Items":"{% [1..5] %}","MaxConcurrency":2,"ItemSelector":{"v":"{% $states.context.Map.Item.Value * 2 %}"},"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","Assign":{"n":"{% $states.input.v %}"},"Output":"{% {'d': $states.input.v, 'r': $random()} %}","End":true}}},"Assign":{"all":"{% $states.result %}"},"Next":"S"},"S":{"Type":"Choice","Choices":[{"Condition":"{% $count($all) > 3 %}","Next":"OK"}],"Default":"S"},"OK":{"Type":"Succeed","Output":"{% $all %}"}}}"#,
        r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody":{"t.$":"$$.Task.Token"}},"End":true}}},{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f","Next":"W"},"W":{"Type":"Wait","TimestampPath":"$.t","End":true}}}],"ResultSelector":{"r.$":"$[0]"},"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"P"}],"End":true}}}"#,
        r#"{"StartAt":"D","States":{"D":{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON","MaxItems":10},"Parameters":{"Bucket":"b","Key":"k"}},"ItemBatcher":{"MaxItemsPerBatch":3},"ToleratedFailurePercentage":50,"Label":"L","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"E","States":{"E":{"Type":"Task","Resource":"arn:aws:states:::dynamodb:getItem","Parameters":{"TableName":"t","Key":{}},"End":true}}},"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"}},"End":true}}}"#,
        "# YAML\nStartAt: A\nStates:\n  A: &a\n    Type: Pass\n    Parameters: {x: 1, 'y.$': $.z}\n    Next: B\n  B:\n    <<: *a\n    Next: C\n  C:\n    Type: Wait\n    Seconds: 0x10\n    End: yes\n",
    ],
    words: &[
        "",
        "A",
        "Type",
        "Pass",
        "Task",
        "Choice",
        "Wait",
        "Succeed",
        "Fail",
        "Parallel",
        "Map",
        "StartAt",
        "States",
        "Next",
        "End",
        "Default",
        "Choices",
        "Branches",
        "ItemProcessor",
        "Iterator",
        "ItemReader",
        "ItemSelector",
        "ItemBatcher",
        "ItemsPath",
        "Items",
        "ResultWriter",
        "ProcessorConfig",
        "InputPath",
        "OutputPath",
        "ResultPath",
        "ResultSelector",
        "Parameters",
        "Arguments",
        "Output",
        "Assign",
        "Condition",
        "Variable",
        "And",
        "Or",
        "Not",
        "IsPresent",
        "StringMatches",
        "NumericEqualsPath",
        "TimestampLessThan",
        "Seconds",
        "SecondsPath",
        "Timestamp",
        "TimeoutSeconds",
        "HeartbeatSeconds",
        "Retry",
        "Catch",
        "ErrorEquals",
        "States.ALL",
        "States.TaskFailed",
        "States.Timeout",
        "States.DataLimitExceeded",
        "QueryLanguage",
        "JSONata",
        "JSONPath",
        "$",
        "$$",
        "$.a",
        "$$.Map.Item.Value",
        "$x.y",
        "{% $states.input %}",
        "{% $states.result.a %}",
        "{% 1/0 %}",
        "{% [1..100000] %}",
        "{% ",
        "%}",
        "States.Format('{}', $.a)",
        "a.$",
        ".$",
        "$.a[*]",
        "$..a",
        "2025-01-02T03:04:05Z",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:aws:states:us-east-1:123456789012:activity:a",
        "arn:aws:states:::states:startExecution.sync:2",
        "Credentials",
        "RoleArn",
        "Comment",
        "Version",
        "1.0",
        "MaxConcurrency",
        "MaxItems",
        "Label",
        "ToleratedFailureCount",
        "FULL",
        "DISTRIBUTED",
        "INLINE",
        "EXPRESS",
        "CSV",
        "\u{1}",
        "é😀",
    ],
    check,
};

/// Turns of the shard loop that a run gets.
const TURNS_MAX: usize = 120;

/// Time that a run gets; slow machines just see less of it.
const RUN_TIME_MAX: Duration = Duration::from_millis(1_000);

/// One step must not take longer, even on a machine that has other things to do: its neighbours wait.
const STEP_TIME_MAX: Duration = Duration::from_secs(10);

/// A step may go over its budget by what the last thing in it makes at once, such as the end of all branches.
const EVENTS_OVER_BUDGET_MAX: usize = 1_000;

fn check(text: &str) -> Result<(), String> {
    for format in [Format::Json, Format::Yaml] {
        for machine_type in [ExecutionType::Standard, ExecutionType::Express] {
            let compiled = compile(text, format, &Options { machine_type });
            for diagnostic in &compiled.diagnostics {
                let page = diagnostic.render("file", text);
                promise(!page.is_empty() && !diagnostic.message.is_empty(), || {
                    "a diagnostic without a word".to_owned()
                })?;
                if let Some(span) = diagnostic.span {
                    let (start, end) = (span.start as usize, span.end as usize);
                    promise(start <= end && text.get(start..end).is_some(), || {
                        format!("a place outside the text: {diagnostic:?}")
                    })?;
                }
            }
            let is_refused = compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
            promise(is_refused != compiled.is_valid(), || "an error and a program, or neither".to_owned())?;
            if let Some(program) = compiled.program {
                run(Arc::new(program), machine_type, text)?;
            }
        }
    }
    Ok(())
}

fn run(program: Arc<Program>, execution_type: ExecutionType, text: &str) -> Result<(), String> {
    let now = Timestamp(1_750_000_000_000);
    let mut random = Random::of_text(text);
    let input = answer_value(&mut random);
    let mut local = Local::new(now);
    let id = local.start(program, Start { identity: Arc::new(identity(execution_type)), input, input_text: None });
    let mut responder = AtRandom(random);
    let mut last_event = 0;
    let mut stored = Stored::default();
    let start = Instant::now();
    for _ in 0..TURNS_MAX {
        let step_start = Instant::now();
        let progress = local.go_on(&mut responder, &mut ());
        promise(step_start.elapsed() < STEP_TIME_MAX, || "a step takes too long".to_owned())?;
        match progress {
            Progress::Stepped(stepped) => {
                check_step(&stepped, id, execution_type, &mut last_event)?;
                if stepped.execution == id {
                    stored.commit(&mut local, id, &stepped.outcome)?;
                }
            }
            Progress::Delivered => {}
            Progress::WaitUntil(due) => {
                promise(due > local.now(), || "it waits for a time that has come".to_owned())?;
                local.set_time(due);
            }
            Progress::Idle => break,
        }
        if start.elapsed() > RUN_TIME_MAX {
            break;
        }
    }
    let Some(execution) = local.execution(id) else { return Ok(()) };
    promise(execution.events_count() == last_event, || "it counts other events than it gives".to_owned())?;
    let is_over = execution.status() != ExecutionStatus::Running;
    promise(is_over == execution.stopped().is_some(), || {
        "it ended without a time, or has a time and goes on".to_owned()
    })?;
    let has_output = execution.output().is_some();
    promise(has_output == (execution.status() == ExecutionStatus::Succeeded), || "an output without success".to_owned())
}

fn check_step(
    stepped: &Stepped,
    id: ExecutionId,
    execution_type: ExecutionType,
    last_event: &mut u32,
) -> Result<(), String> {
    let events = &stepped.outcome.events;
    promise(events.len() <= STEP_EVENTS_MAX + EVENTS_OVER_BUDGET_MAX, || format!("{} events in a step", events.len()))?;
    if stepped.execution != id {
        return Ok(());
    }
    for event in events {
        promise(event.id == *last_event + 1, || format!("event {} follows {last_event}", event.id))?;
        promise(event.previous < event.id, || format!("event {} points to {}", event.id, event.previous))?;
        // The history of an Express execution is a log, which has no end.
        let is_full = execution_type == ExecutionType::Standard && event.id > HISTORY_EVENTS_MAX;
        promise(!is_full, || "more events than a history holds".to_owned())?;
        *last_event = event.id;
    }
    Ok(())
}

/// What a store keeps of an execution.
#[derive(Default)]
struct Stored {
    records: BTreeMap<u64, Vec<u8>>,
    payloads: BTreeMap<PayloadId, Payload>,
}

impl Stored {
    /// Writes what a step changed; what is stored then is all of the execution, and reads as the same one.
    fn commit(&mut self, local: &mut Local, id: ExecutionId, outcome: &Outcome) -> Result<(), String> {
        for payload in outcome.payloads.iter().filter(|payload| !payload.is_inline()) {
            let read = Payload::decode(payload.id(), &payload.encode()).map_err(|err| err.to_string())?;
            promise(read.text() == payload.text(), || "a payload reads as another one".to_owned())?;
            self.payloads.insert(payload.id(), read);
        }
        let read = decode_events(&encode_events(&outcome.events), &self.payloads).map_err(|err| err.to_string())?;
        let shown = |events: &[Event]| events.iter().map(|event| event.to_json(true).to_string()).collect::<Vec<_>>();
        promise(shown(&read) == shown(&outcome.events), || "events read as others".to_owned())?;
        let Some(Writes { root, records }) = local.take_writes(id) else { return Ok(()) };
        for (key, record) in records {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
        let Some(execution) = local.execution(id) else { return Ok(()) };
        let stored =
            Writes { root, records: self.records.iter().map(|(key, record)| (*key, Some(record.clone()))).collect() };
        promise(stored == execution.snapshot(), || "what is stored is not all of the execution".to_owned())?;
        let records: Vec<_> = self.records.iter().map(|(key, record)| (*key, record.clone())).collect();
        let read = Execution::decode(&stored.root, &records, &self.payloads).map_err(|err| err.to_string())?;
        promise(read.snapshot() == stored, || "what is stored reads as another execution".to_owned())?;
        promise(read.owes() == execution.owes(), || "what is stored owes something else".to_owned())
    }
}

fn identity(execution_type: ExecutionType) -> Identity {
    Identity {
        id: ExecutionId(1),
        arn: Str::from("arn:aws:states:us-east-1:123456789012:execution:m:e"),
        name: Str::from("e"),
        state_machine_arn: Str::from("arn:aws:states:us-east-1:123456789012:stateMachine:m"),
        state_machine_name: Str::from("m"),
        role_arn: Some(Str::from("arn:aws:iam::123456789012:role/r")),
        version_arn: None,
        alias_arn: None,
        execution_type,
        shows_redrive_count: true,
        trace_header: None,
        region: Str::from("us-east-1"),
        seed: 1,
        root: RegionIdx(0),
    }
}

/// Answers everything, and not always as one would expect.
struct AtRandom(Random);

impl Responder for AtRandom {
    fn task(&mut self, _execution: &Identity, _request: &TaskRequest) -> Vec<Answer> {
        let random = &mut self.0;
        let mut answers = Vec::new();
        for _ in 0..random.below(3) {
            answers.push(Answer { after_ms: random.below(3_000) as i64, what: happening(random) });
        }
        if !random.one_in(10) {
            answers.push(Answer::now(happening(random)));
        }
        answers
    }

    fn read_items(&mut self, _state: &str, _reader: &Reader) -> Result<Value, Missing> {
        match self.0.below(4) {
            0 => Err(Missing("nothing to read".to_owned())),
            1 => Ok(answer_value(&mut self.0)),
            _ => Ok((0..self.0.below(30)).map(|_| answer_value(&mut self.0)).collect()),
        }
    }

    fn write_results(&mut self, _state: &str, _destination: &Value, _results: &Value) -> Result<Value, Missing> {
        if self.0.one_in(4) { Err(Missing("nothing to write to".to_owned())) } else { Ok(answer_value(&mut self.0)) }
    }
}

fn happening(random: &mut Random) -> What {
    const STAGES: [FailureStage; 4] =
        [FailureStage::Schedule, FailureStage::Start, FailureStage::Submit, FailureStage::Run];
    const ERRORS: [&str; 5] =
        ["States.TaskFailed", "States.Timeout", "Lambda.TooManyRequestsException", "My.Error", ""];
    match random.below(14) {
        0 => What::Started(None),
        1 => What::Submitted(answer_value(random)),
        2 => What::Heartbeat,
        3 if random.one_in(4) => What::CannotRun(Str::from("no mock")),
        4..7 => {
            let error = ErrorCause { error: Some(Str::from(random.text(&ERRORS))), cause: Some(Str::from("a cause")) };
            What::Failed(error, *random.pick(&STAGES))
        }
        _ => What::Succeeded(answer_value(random)),
    }
}

fn answer_value(random: &mut Random) -> Value {
    const VALUES: [&str; 9] = [
        r#"{"a":{"b":[1,2,{"c":"text"}]},"x":5,"t":"2025-06-15T15:06:41Z","list":[1,2,3],"e":{"Error":"E","Cause":"C"}}"#,
        r#"{"Payload":{"ok":true},"StatusCode":200}"#,
        r#"{"Payload":"{\"ok\":1}","ExecutionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","Output":"{}"}"#,
        "[1,2,3]",
        r#"[{"a":1},{"a":2}]"#,
        "null",
        "\"text\"",
        "-1.5e300",
        "{}",
    ];
    if random.one_in(40) {
        return Value::from("x".repeat(300_000));
    }
    parse(random.text(&VALUES)).unwrap_or_default()
}
