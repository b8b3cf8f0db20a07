//! As much of the Step Functions API as the replay of cases needs, in-process and on a virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, Program, compile};
use stepwell_aws::Resource;
use stepwell_engine::local::{Answer, Local, Missing, Responder, What};
use stepwell_engine::{
    ErrorCause, Event, Execution, ExecutionId, ExecutionStatus, FailureStage, Identity, Reader, Start, TaskRequest,
    Timestamp,
};
use stepwell_value::{Object, Str, Value, parse};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-1";

/// An answer of the API.
pub(crate) type Reply = Result<Value, ApiError>;

pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: String,
}

fn refused(code: &str, message: impl Into<String>) -> ApiError {
    ApiError { code: code.into(), message: message.into() }
}

struct Machine {
    program: Arc<Program>,
    name: String,
    role_arn: String,
    machine_type: ExecutionType,
    description: Object,
}

struct Ended {
    execution: Execution,
    events: Vec<Event>,
    machine_arn: String,
}

/// State machines and executions of one case.
pub(crate) struct Service {
    machines: BTreeMap<String, Machine>,
    executions: BTreeMap<String, Ended>,
    functions: Functions,
    started: u32,
    seed: u64,
}

impl Service {
    pub(crate) fn new(functions: Functions, seed: u64) -> Service {
        Service { machines: BTreeMap::new(), executions: BTreeMap::new(), functions, started: 0, seed }
    }

    pub(crate) fn call(&mut self, operation: &str, parameters: &Value) -> Reply {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match operation {
            "CreateStateMachine" => self.create(parameters),
            "StartExecution" => {
                let (arn, _) = self.start(&text("stateMachineArn"), parameters, false)?;
                let started = self.executions[&arn].execution.started().epoch_seconds();
                Ok(object([("executionArn", arn.into()), ("startDate", Value::number(started))]))
            }
            "StartSyncExecution" => {
                let (arn, name) = self.start(&text("stateMachineArn"), parameters, true)?;
                let mut reply = self.described(&arn, &name);
                reply.insert(
                    "billingDetails",
                    object([("billedDurationInMilliseconds", 100.into()), ("billedMemoryUsedInMB", 64.into())]),
                );
                reply.insert("outputDetails", object([("included", true.into())]));
                reply.remove("redriveCount");
                reply.remove("redriveStatus");
                Ok(reply.into())
            }
            "DescribeExecution" => {
                let arn = text("executionArn");
                let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
                Ok(self.described(&arn, &name).into())
            }
            "DescribeStateMachine" => Ok(self.machines[&text("stateMachineArn")].description.clone().into()),
            "DescribeStateMachineForExecution" => {
                let machine = &self.executions[&text("executionArn")].machine_arn;
                Ok(self.machines[machine].description.clone().into())
            }
            "GetExecutionHistory" => {
                let flag = |name: &str| parameters.get(name).and_then(Value::as_bool);
                let with_data = flag("includeExecutionData").unwrap_or(true);
                let events = self.executions[&text("executionArn")].events.iter().map(|event| event.to_json(with_data));
                let mut events: Vec<Value> = events.collect();
                if flag("reverseOrder") == Some(true) {
                    events.reverse();
                }
                Ok(object([("events", events.into())]))
            }
            other => panic!("the replay does not know {other}"),
        }
    }

    pub(crate) fn status(&self, arn: &str) -> ExecutionStatus {
        self.executions[arn].execution.status()
    }

    fn create(&mut self, parameters: &Value) -> Reply {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let machine_type = match text("type").as_str() {
            "EXPRESS" => ExecutionType::Express,
            _ => ExecutionType::Standard,
        };
        let compiled = compile(&text("definition"), Format::Json, &Options { machine_type });
        let Some(program) = compiled.program else {
            let message = stepwell_asl::diagnostic::aws_message(&compiled.diagnostics);
            return Err(refused("InvalidDefinition", message));
        };
        let arn = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{}", text("name"));
        let mut description = Object::default();
        description.insert("stateMachineArn", arn.as_str().into());
        description.insert("definition", text("definition").into());
        let name = text("name");
        let role_arn = text("roleArn");
        self.machines
            .insert(arn.clone(), Machine { program: Arc::new(program), name, role_arn, machine_type, description });
        Ok(object([("stateMachineArn", arn.into()), ("creationDate", Value::number(1.7e9))]))
    }

    fn start(&mut self, machine_arn: &str, parameters: &Value, sync: bool) -> Result<(String, String), ApiError> {
        let machine = &self.machines[machine_arn];
        let input_text = parameters.get("input").and_then(Value::as_str).unwrap_or("{}").to_owned();
        let input = parse(&input_text).map_err(|error| refused("InvalidExecutionInput", error.to_string()))?;
        self.started += 1;
        let unique = |n: u32| format!("{:08x}-0000-4000-8000-{:012x}", self.seed as u32, self.started * 2 + n);
        let name = parameters.get("name").and_then(Value::as_str).map_or_else(|| unique(0), String::from);
        let arn = match machine.machine_type {
            ExecutionType::Standard => {
                format!("{}:{name}", machine_arn.replacen(":stateMachine:", ":execution:", 1))
            }
            ExecutionType::Express => {
                format!("{}:{name}:{}", machine_arn.replacen(":stateMachine:", ":express:", 1), unique(1))
            }
        };
        let now = Timestamp(1_700_000_000_123 + i64::from(self.started));
        let identity = Identity {
            id: ExecutionId(u128::from(self.seed) << 64 | u128::from(self.started)),
            arn: arn.as_str().into(),
            name: name.as_str().into(),
            state_machine_arn: machine_arn.into(),
            state_machine_name: machine.name.as_str().into(),
            role_arn: Some(machine.role_arn.as_str().into()),
            version_arn: None,
            alias_arn: None,
            execution_type: machine.machine_type,
            shows_redrive_count: !sync,
            trace_header: None,
            region: REGION.into(),
            seed: self.seed + u64::from(self.started),
            root: stepwell_asl::program::TOP,
        };
        let start = Start { identity: Arc::new(identity), input, input_text: Some(input_text.into()) };
        let mut local = Local::new(now);
        let id = local.start(machine.program.clone(), start);
        let events = local.run_to_end(id, &mut self.functions);
        let execution = local.execution(id).expect("it was started here").clone();
        self.executions.insert(arn.clone(), Ended { execution, events, machine_arn: machine_arn.into() });
        Ok((arn, name))
    }

    fn described(&self, arn: &str, name: &str) -> Object {
        let Ended { execution, machine_arn, .. } = &self.executions[arn];
        let included = || object([("included", true.into())]);
        let mut description = Object::default();
        description.insert("executionArn", arn.into());
        description.insert("stateMachineArn", machine_arn.as_str().into());
        description.insert("name", name.into());
        description.insert("status", execution.status().name().into());
        description.insert("startDate", Value::number(execution.started().epoch_seconds()));
        if let Some(stopped) = execution.stopped() {
            description.insert("stopDate", Value::number(stopped.epoch_seconds()));
        }
        description.insert("input", execution.input().text().into());
        description.insert("inputDetails", included());
        if let Some(output) = execution.output() {
            description.insert("output", output.text().into());
            description.insert("outputDetails", included());
        }
        for (name, text) in [("error", &execution.error().error), ("cause", &execution.error().cause)] {
            if let Some(text) = text {
                description.insert(name, text.clone().into());
            }
        }
        description.insert("redriveCount", execution.redrive_count().into());
        let redrivable = !matches!(execution.status(), ExecutionStatus::Succeeded | ExecutionStatus::Running);
        description.insert("redriveStatus", if redrivable { "REDRIVABLE" } else { "NOT_REDRIVABLE" }.into());
        description
    }
}

/// The Lambda functions of a case, by name.
#[derive(Default)]
pub(crate) struct Functions {
    pub(crate) by_name: BTreeMap<String, Value>,
    calls: u32,
}

impl Functions {
    pub(crate) fn new(by_name: BTreeMap<String, Value>) -> Functions {
        Functions { by_name, calls: 0 }
    }

    fn request_id(&mut self) -> String {
        self.calls += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.calls)
    }

    /// Calls a function: its answer as text, and whether it is an error.
    fn invoke(&mut self, name: &str, event: &Value) -> Option<(String, bool, i64)> {
        let function = self.by_name.get(name)?.clone();
        let text = |name: &str| function.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let delay_ms = function.get("delay_s").and_then(Value::as_f64).unwrap_or(0.0) * 1000.0;
        let (body, failed) = match text("behaviour").as_str() {
            "echo" => (python_text(event), false),
            "constant" => (python_text(function.get("payload").unwrap_or(&Value::Null)), false),
            "raw" => (with_repeats(&text("body")), false),
            "error" => {
                let mut error = Object::default();
                error.insert("errorMessage", text("errorMessage").into());
                error.insert("errorType", text("errorType").into());
                error.insert("requestId", self.request_id().into());
                error.insert("stackTrace", function.get("stackTrace").cloned().unwrap_or_else(|| Vec::new().into()));
                (python_text(&error.into()), true)
            }
            other => panic!("the replay does not know the behaviour {other:?}"),
        };
        Some((body, failed, delay_ms as i64))
    }
}

impl Responder for Functions {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        let parameters = request.parameters.value();
        let optimized = matches!(request.resource, Resource::Optimized { .. });
        let (name, event) = if optimized {
            let name = parameters.get("FunctionName").and_then(Value::as_str).unwrap_or_default();
            let payload = match parameters.get("Payload") {
                None | Some(Value::Null) => Value::empty_object(),
                // A text that is JSON is the body itself.
                Some(Value::Str(text)) => parse(text).unwrap_or_else(|_| text.clone().into()),
                Some(payload) => payload.clone(),
            };
            (name.to_owned(), payload)
        } else {
            (request.resource_arn.to_string(), parameters.clone())
        };
        let name = name.split(":function:").last().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
        let request_id = self.request_id();
        let Some((body, failed, delay_ms)) = self.invoke(&name, &event) else {
            let cause = format!(
                "Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST (Service: AWSLambda; \
                 Status Code: 404; Error Code: ResourceNotFoundException; Request ID: {request_id}; Proxy: null)"
            );
            let error = ErrorCause::new("Lambda.ResourceNotFoundException", cause);
            return vec![Answer::now(What::Failed(error, FailureStage::Run))];
        };
        let what = if failed {
            let payload = parse(&body).expect("an error is JSON");
            let error = payload.get("errorType").and_then(Value::as_str).unwrap_or_default().to_owned();
            // AWS: the cause is the function's text for an ARN, written anew for `lambda:invoke`.
            let cause = if optimized { payload.to_string() } else { body };
            What::Failed(ErrorCause::new(error, cause), FailureStage::Run)
        } else if body.len() > stepwell_engine::limits::PAYLOAD_BYTES_MAX * 2 {
            What::Succeeded(body.into())
        } else {
            let payload = parse(&body).unwrap_or_else(|_| body.as_str().into());
            let with_log = parameters.get("LogType").and_then(Value::as_str) == Some("Tail");
            What::Succeeded(if optimized { invocation(payload, body.len(), &request_id, with_log) } else { payload })
        };
        vec![Answer { after_ms: delay_ms, what }]
    }

    fn read_items(&mut self, _: &str, _: &Reader) -> Result<Value, Missing> {
        Err(Missing("the replay has no S3".into()))
    }

    fn write_results(&mut self, _: &str, _: &Value, _: &Value) -> Result<Value, Missing> {
        Err(Missing("the replay has no S3".into()))
    }
}

/// The result of `lambda:invoke`.
fn invocation(payload: Value, length: usize, request_id: &str, with_log: bool) -> Value {
    let length = length.to_string();
    let log = with_log.then_some(("X-Amz-Log-Result", "U1RBUlQ="));
    let headers: Vec<(&str, &str)> = [
        ("Connection", "keep-alive"),
        ("Content-Length", &length),
        ("Content-Type", "application/json"),
        ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("X-Amz-Executed-Version", "$LATEST"),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("x-amzn-RequestId", request_id),
        ("X-Amzn-Trace-Id", "root=1-00000000-000000000000000000000000;parent=0000000000000000;sampled=0"),
    ]
    .into_iter()
    .chain(log)
    .collect();
    let all: Value = headers.iter().map(|(name, value)| (*name, Value::from(vec![Value::from(*value)]))).collect();
    let single: Value = headers.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    let mut result = Object::default();
    if let Some((_, log)) = log {
        result.insert("LogResult", log.into());
    }
    let rest = object([
        ("ExecutedVersion", "$LATEST".into()),
        ("Payload", payload),
        ("SdkHttpMetadata", object([("AllHttpHeaders", all), ("HttpHeaders", single), ("HttpStatusCode", 200.into())])),
        ("SdkResponseMetadata", object([("RequestId", request_id.into())])),
        ("StatusCode", 200.into()),
    ]);
    for (name, value) in rest.as_object().expect("it was made here") {
        result.insert(name.clone(), value.clone());
    }
    result.into()
}

pub(crate) fn object<const N: usize>(members: [(&'static str, Value); N]) -> Value {
    members.into_iter().collect()
}

/// JSON as Python's `json.dumps` writes it, with blanks after commas and colons.
pub(crate) fn python_text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(python_text).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(key, value): (&Str, &Value)| format!("{}: {}", Value::from(key.clone()), python_text(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// `<<repeat:CHARACTER:COUNT>>` written out.
pub(crate) fn with_repeats(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("<<repeat:") {
        let Some(length) = rest[start..].find(">>") else { break };
        let (character, count) = rest[start + 9..start + length].rsplit_once(':').unwrap_or(("", "0"));
        out.push_str(&rest[..start]);
        out.push_str(&character.repeat(count.parse().unwrap_or(0)));
        rest = &rest[start + length + 2..];
    }
    out + rest
}
