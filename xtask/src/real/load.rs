//! The load of the crash rounds: machines of every kind, and the people who work on them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use stepwell_value::Value;

use super::api::{Api, ApiError, json, text};

/// What a task tells the function of itself; `item` stands in Maps alone.
const EVENT: &str = r#""execution.$":"$$.Execution.Id","state.$":"$$.State.Name","retry.$":"$$.State.RetryCount""#;

/// The customary Retry block, faster than usual.
const RETRY: &str = r#""Retry":[{"ErrorEquals":["Busy","Lambda.ServiceException","Lambda.AWSLambdaException",
    "Lambda.SdkClientException","States.Timeout"],"IntervalSeconds":1,"MaxAttempts":6,"BackoffRate":1.0}]"#;

/// A machine and how many executions of it a round has.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) executions: u32,
    /// Its states but the first, which waits; the next one is called `Do`.
    states: &'static str,
}

/// 1,530 executions, of which about a thousand run when the server is killed; the children of the Map Runs come on top.
pub(super) const KINDS: [Kind; 8] = [
    Kind {
        name: "waits",
        executions: 400,
        states: r#""Do":{"Type":"Pass","Next":"Then"},"Then":{"Type":"Wait","Seconds":1,"End":true}"#,
    },
    Kind {
        name: "retries",
        executions: 225,
        states: r#""Do":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:busy",
            "Parameters":{EVENT},RETRY,"ResultPath":null,"Next":"Then"},
            "Then":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
            "Parameters":{"FunctionName":"busy","Payload":{EVENT}},RETRY,"End":true}"#,
    },
    Kind {
        name: "activities",
        executions: 225,
        states: r#""Do":{"Type":"Task","Resource":"ACTIVITY","TimeoutSeconds":2,RETRY,"End":true}"#,
    },
    Kind {
        name: "branches",
        executions: 225,
        states: r#""Do":{"Type":"Parallel","Next":"Then","Branches":[
            {"StartAt":"One","States":{"One":{"Type":"Task",
            "Resource":"arn:aws:lambda:us-east-1:123456789012:function:work","Parameters":{EVENT},RETRY,"End":true}}},
            {"StartAt":"Two","States":{"Two":{"Type":"Wait","Seconds":1,"End":true}}},
            {"StartAt":"Three","States":{"Three":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"ItemSelector":
            {"item.$":"$$.Map.Item.Index"},"ItemProcessor":{"StartAt":"Each","States":{"Each":{"Type":"Task",
            "Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"work","Payload":
            {"item.$":"$.item",EVENT}},RETRY,"End":true}}},"End":true}}}]},
            "Then":{"Type":"Pass","End":true}"#,
    },
    Kind {
        name: "tasks",
        executions: 225,
        // Nothing is tried again here: a call in doubt is caught.
        states: r#""Do":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:work",
            "Parameters":{EVENT},"ResultPath":null,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Caught"}],
            "Next":"Then"},
            "Then":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
            "Parameters":{"FunctionName":"work","Payload":{EVENT}},"Catch":[{"ErrorEquals":["States.ALL"],
            "Next":"Caught"}],"End":true},
            "Caught":{"Type":"Pass","End":true}"#,
    },
    Kind {
        name: "tokens",
        executions: 150,
        states: r#""Do":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters":{"FunctionName":"callback","Payload":{"token.$":"$$.Task.Token",EVENT}},
            "TimeoutSeconds":2,RETRY,"End":true}"#,
    },
    Kind {
        name: "children",
        executions: 30,
        states: r#""Do":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":3,"ItemProcessor":{"ProcessorConfig":
            {"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"Each","States":{"Each":{"Type":"Task",
            "Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"work","Payload":{EVENT}},
            RETRY,"End":true}}},"End":true}"#,
    },
    Kind { name: "stopped", executions: 50, states: r#""Do":{"Type":"Wait","Seconds":600,"End":true}"# },
];

impl Kind {
    fn definition(&self, activity: &str) -> String {
        let states = self.states.replace("EVENT", EVENT).replace("RETRY", RETRY).replace("ACTIVITY", activity);
        format!(
            r#"{{"StartAt":"First","States":{{"First":{{"Type":"Wait","SecondsPath":"$.wait","Next":"Do"}},{states}}}}}"#
        )
    }
}

/// The machines of a round, and what its people have been told.
pub(super) struct Load {
    activity: String,
    /// ARN of each machine, in the order of [`KINDS`].
    pub(super) machines: Vec<String>,
    /// Executions whose start was acknowledged, and which kind they are of.
    pub(super) started: Mutex<BTreeMap<String, &'static str>>,
    /// Executions whose stop was acknowledged.
    pub(super) stopped: Mutex<Vec<String>>,
    /// Results that were acknowledged: each is in the history of the execution, word for word.
    pub(super) handed_in: Mutex<Vec<String>>,
    /// What went wrong.
    pub(super) complaints: Mutex<Vec<String>>,
    pub(super) is_over: AtomicBool,
}

/// How long somebody goes on while the server does not answer.
const PERSISTENCE: Duration = Duration::from_secs(40);

impl Load {
    /// Makes the activity and the machines.
    pub(super) fn create(api: &mut Api) -> Result<Load, String> {
        let activity = api.call("CreateActivity", r#"{"name":"work"}"#)?;
        let activity = text(&activity, "activityArn").to_owned();
        let mut machines = Vec::new();
        for kind in &KINDS {
            let members = format!(
                r#"{{"name":"{}","roleArn":"arn:aws:iam::123456789012:role/r","definition":{}}}"#,
                kind.name,
                json(&kind.definition(&activity))
            );
            let machine = api.call("CreateStateMachine", &members).map_err(|err| format!("{}: {err}", kind.name))?;
            machines.push(text(&machine, "stateMachineArn").to_owned());
        }
        Ok(Load {
            activity,
            machines,
            started: Mutex::default(),
            stopped: Mutex::default(),
            handed_in: Mutex::default(),
            complaints: Mutex::default(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Starts every `of`-th execution of the load, from number `first` on.
    ///
    /// A start without an answer is made again: the same name and input are the same execution.
    pub(super) fn start_some(&self, mut api: Api, first: u32, of: u32) {
        let all = KINDS.iter().zip(&self.machines);
        let all = all.flat_map(|(kind, machine)| (0..kind.executions).map(move |number| (kind, machine, number)));
        let mut to_stop = Vec::new();
        // Kinds are mixed: neighbours in the list are started at far away times.
        let mut mine: Vec<_> = all.collect();
        mine.sort_by_key(|(kind, _, number)| (number * 1000 / kind.executions, kind.name));
        for (kind, machine, number) in mine.into_iter().skip(first as usize).step_by(of as usize) {
            let input = format!(r#"{{"wait":{},"items":[1,2,3,4]}}"#, number % 4);
            let members =
                format!(r#"{{"stateMachineArn":{},"name":"e{number}","input":{}}}"#, json(machine), json(&input));
            let arn = format!("{}:e{number}", machine.replace(":stateMachine:", ":execution:"));
            match self.insist(&mut api, "StartExecution", &members) {
                Ok(_) => {}
                // It has ended since.
                Err(ApiError::Refused { name, .. }) if name == "ExecutionAlreadyExists" => {}
                Err(err) => {
                    self.complain(format!("{arn}: StartExecution: {err}"));
                    continue;
                }
            }
            lock(&self.started).insert(arn.clone(), kind.name);
            if kind.name == "stopped" {
                to_stop.push(arn);
            }
        }
        for arn in to_stop {
            match self.insist(&mut api, "StopExecution", &format!(r#"{{"executionArn":{}}}"#, json(&arn))) {
                Ok(_) => lock(&self.stopped).push(arn),
                Err(err) => self.complain(format!("{arn}: StopExecution: {err}")),
            }
        }
    }

    /// Takes tasks of the activity and hands results in until the round is over.
    pub(super) fn work(&self, mut api: Api, worker: u32) {
        let poll = format!(r#"{{"activityArn":{},"workerName":"w{worker}"}}"#, json(&self.activity));
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok(task) = api.call("GetActivityTask", &poll) else {
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            if let Some(token) = task.get("taskToken").and_then(Value::as_str) {
                number += 1;
                self.hand_in(&mut api, token, &format!("w{worker}-{number}"));
            }
        }
    }

    /// Answers the tokens that the function `callback` was given until the round is over.
    pub(super) fn call_back(&self, mut api: Api, tokens: &mut Receiver<String>) {
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            match tokens.recv_timeout(Duration::from_millis(50)) {
                Ok(token) => {
                    number += 1;
                    self.hand_in(&mut api, &token, &format!("c-{number}"));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hand_in(&self, api: &mut Api, token: &str, mark: &str) {
        let output = format!(r#"{{"by":"{mark}"}}"#);
        let members = format!(r#"{{"taskToken":{},"output":{}}}"#, json(token), json(&output));
        let start = Instant::now();
        while start.elapsed() < PERSISTENCE && !self.is_over.load(Ordering::Relaxed) {
            match api.call("SendTaskSuccess", &members) {
                Ok(_) => return lock(&self.handed_in).push(output),
                // The attempt has ended: by its time-out, because it was in doubt, or by this very answer, said before.
                Err(ApiError::Refused { name, .. })
                    if matches!(name.as_str(), "TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken") =>
                {
                    if name == "InvalidToken" {
                        self.complain(format!("{mark}: the server does not know its own token"));
                    }
                    return;
                }
                Err(err) if may_pass(&err) => thread::sleep(Duration::from_millis(20)),
                Err(err) => return self.complain(format!("{mark}: SendTaskSuccess: {err}")),
            }
        }
    }

    /// Calls until there is an answer.
    fn insist(&self, api: &mut Api, operation: &str, members: &str) -> Result<Value, ApiError> {
        let start = Instant::now();
        loop {
            match api.call(operation, members) {
                Err(err)
                    if may_pass(&err) && start.elapsed() < PERSISTENCE && !self.is_over.load(Ordering::Relaxed) =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn complain(&self, what: String) {
        lock(&self.complaints).push(what);
    }
}

/// Whether a call may be made once more: the server was away, or has too much to do.
fn may_pass(error: &ApiError) -> bool {
    match error {
        ApiError::Broken(_) => true,
        ApiError::Refused { status, name, .. } => *status >= 500 || name == "ThrottlingException",
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
