//! Mocked tasks: the mock file of Step Functions Local, mocks given state by state, and the answers they give.
//!
//! A mock file names, per state machine and test case, the response of each mocked state; a response says attempt by
//! attempt what the task returns or throws (reference/sfn-local.md, 3). Besides tasks, the item reader and the result
//! writer of a distributed Map can be mocked, as `State/ItemReader` and `State/ResultWriter`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stepwell_aws::{Pattern, Resource};
use stepwell_value::{Object, ParseError, Scanner, Str, Value, line_and_column, parse};

use crate::event::ErrorCause;
use crate::execution::Identity;
use crate::local::{Answer, Missing, Responder, What};
use crate::map_run::Reader;
use crate::signal::{FailureStage, TaskRequest};

/// What is behind a state's name in the name of a mock for its item reader.
pub const ITEM_READER: &str = "/ItemReader";

/// What is behind a state's name in the name of a mock for its result writer.
pub const RESULT_WRITER: &str = "/ResultWriter";

/// A mock file, read and checked.
#[derive(Clone, Debug)]
pub struct MockFile {
    machines: Vec<MockedMachine>,
}

/// What a mock file says about one state machine.
#[derive(Clone, Debug)]
pub struct MockedMachine {
    /// Name of the state machine.
    pub name: Str,
    /// Its test cases, in the order of the file.
    pub cases: Vec<TestCase>,
}

/// A test case: which states are mocked, and how.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// Its name.
    pub name: Str,
    states: Vec<(Str, Arc<Responses>)>,
}

/// What a mocked state answers, attempt by attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Responses {
    /// Name of the response in its mock file.
    name: Option<Str>,
    by_attempt: ByAttempt,
}

#[derive(Clone, Debug, PartialEq)]
enum ByAttempt {
    /// The same, however often it is asked.
    Every(Response),
    /// First and last attempt of a range, and the response.
    Ranges(Vec<(u32, u32, Response)>),
}

#[derive(Clone, Debug, PartialEq)]
struct Response {
    end: End,
    /// How long the task takes.
    after_ms: i64,
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    Return(Value),
    Throw(ErrorCause),
}

/// Why a text is no mock file or no mock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockError {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The place as a JSON Pointer, such as `/MockedResponses/Paid/1-2`; empty: the whole text, or its syntax.
    pub pointer: String,
    /// Byte offset of the place in the text.
    pub offset: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in characters, from 1.
    pub column: usize,
}

impl fmt::Display for MockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{} at {pointer}", self.message),
        }
    }
}

impl std::error::Error for MockError {}

impl MockFile {
    /// Reads a mock file.
    ///
    /// Attempts may be missing: the execution that needs one fails, as in Step Functions Local.
    ///
    /// # Errors
    /// When the text is no JSON, a member is missing, unknown or of the wrong kind, or a response is named that is not there.
    pub fn parse(text: &str) -> Result<MockFile, MockError> {
        let file = parse(text).map_err(|error| syntax_error(&error))?;
        read_file(&file).map_err(|wrong| wrong.in_text(text))
    }

    /// The state machines that the file names, in its order.
    pub fn machines(&self) -> &[MockedMachine] {
        &self.machines
    }

    /// What the file says about a state machine.
    pub fn machine(&self, name: &str) -> Option<&MockedMachine> {
        self.machines.iter().find(|machine| machine.name == name)
    }
}

impl MockedMachine {
    /// A test case by its name.
    pub fn case(&self, name: &str) -> Option<&TestCase> {
        self.cases.iter().find(|case| case.name == name)
    }
}

impl TestCase {
    /// Names of the mocked states, in the order of the file.
    pub fn states(&self) -> impl ExactSizeIterator<Item = &Str> {
        self.states.iter().map(|(state, _)| state)
    }
}

impl Responses {
    /// Reads a mock of a single state.
    ///
    /// The text is the result of every attempt; or an object with `Return` or `Throw`, for every attempt too; or an
    /// object of such objects by attempt, as a response of a mock file is written. A result that has one of these
    /// forms itself is written as `{"Return": …}`.
    ///
    /// # Errors
    /// When the text is no JSON, or has one of those forms with something wrong in it.
    pub fn parse(text: &str) -> Result<Responses, MockError> {
        let value = parse(text).map_err(|error| syntax_error(&error))?;
        let by_attempt = match value.as_object() {
            Some(object) if looks_like_response(object) => read_response(&value, &Path::ROOT).map(ByAttempt::Every),
            Some(object) if looks_like_attempts(object) => read_attempts(object, &Path::ROOT),
            _ => Ok(ByAttempt::Every(Response { end: End::Return(value.clone()), after_ms: 0 })),
        };
        let by_attempt = by_attempt.map_err(|wrong| wrong.in_text(text))?;
        Ok(Responses { name: None, by_attempt })
    }

    /// Returns `result` at every attempt.
    pub fn returning(result: Value) -> Responses {
        Responses { name: None, by_attempt: ByAttempt::Every(Response { end: End::Return(result), after_ms: 0 }) }
    }

    fn of(&self, attempt: u32) -> Option<&Response> {
        match &self.by_attempt {
            ByAttempt::Every(response) => Some(response),
            ByAttempt::Ranges(ranges) => ranges
                .iter()
                .find(|(first, last, _)| (*first..=*last).contains(&attempt))
                .map(|(_, _, response)| response),
        }
    }
}

/// The mocks of one execution and its children, with the count of what was asked so far.
#[derive(Clone, Debug, Default)]
pub struct Mocks {
    states: BTreeMap<Str, Mocked>,
}

#[derive(Clone, Debug)]
struct Mocked {
    responses: Arc<Responses>,
    /// Attempts so far. Counting goes on when the state is entered again, in another iteration or child too: a
    /// distributed Map that runs a mocked task twice needs responses `0-1` (conformance, mocking/mocked.map-state-lambda).
    attempts: u32,
}

impl Mocks {
    /// The mocks of a test case.
    pub fn of_case(case: &TestCase) -> Mocks {
        let mocked = |responses: &Arc<Responses>| Mocked { responses: responses.clone(), attempts: 0 };
        Mocks { states: case.states.iter().map(|(state, responses)| (state.clone(), mocked(responses))).collect() }
    }

    /// Mocks one more state; a mock that is there already gives way.
    pub fn insert(&mut self, state: impl Into<Str>, responses: Responses) {
        self.states.insert(state.into(), Mocked { responses: Arc::new(responses), attempts: 0 });
    }

    /// Whether nothing is mocked.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Number of mocked states.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// What a task answers; none: it is not mocked.
    ///
    /// The call that starts a job (`.sync`) or hands out a token (`.waitForTaskToken`) is answered with `{}`: the mock
    /// says how job or token end. An activity's task is taken by a worker without a name.
    pub fn task(&mut self, request: &TaskRequest) -> Option<Vec<Answer>> {
        let response = match self.next(&request.state)? {
            Ok(response) => response,
            Err(Missing(cause)) => return Some(vec![Answer::now(What::CannotRun(cause.into()))]),
        };
        let what = match response.end {
            End::Return(result) => What::Succeeded(result_of(&request.resource, result)),
            End::Throw(error) => What::Failed(error, FailureStage::Run),
        };
        let first = match (&request.resource, request.resource.pattern()) {
            (Resource::Activity(_), _) => Some(What::Started(None)),
            (_, Pattern::Sync | Pattern::Sync2 | Pattern::WaitForTaskToken) => {
                Some(What::Submitted(Value::empty_object()))
            }
            (_, Pattern::RequestResponse) => None,
        };
        let end = Answer { after_ms: response.after_ms, what };
        Some(first.map(Answer::now).into_iter().chain([end]).collect())
    }

    /// The items of the item reader of a Map state; none: it is not mocked.
    pub fn items(&mut self, state: &str) -> Option<Result<Value, Missing>> {
        self.result(&format!("{state}{ITEM_READER}"))
    }

    /// What the result writer of a Map state gives; none: it is not mocked.
    pub fn written(&mut self, state: &str) -> Option<Result<Value, Missing>> {
        self.result(&format!("{state}{RESULT_WRITER}"))
    }

    fn result(&mut self, name: &str) -> Option<Result<Value, Missing>> {
        let response = match self.next(name)? {
            Ok(response) => response,
            Err(missing) => return Some(Err(missing)),
        };
        Some(match response.end {
            End::Return(result) => Ok(result),
            End::Throw(_) => Err(Missing(format!("The mock {name} throws, but readers and writers can only return."))),
        })
    }

    /// Counts an attempt and gives its response.
    fn next(&mut self, name: &str) -> Option<Result<Response, Missing>> {
        let mocked = self.states.get_mut(name)?;
        let attempt = mocked.attempts;
        mocked.attempts = mocked.attempts.saturating_add(1);
        let response = mocked.responses.of(attempt).cloned();
        Some(response.ok_or_else(|| {
            let whose = match &mocked.responses.name {
                Some(response) => format!("the mocked response '{response}'"),
                None => "its mock".to_owned(),
            };
            Missing(format!(
                "The state '{name}' was called for the {} time, but {whose} has nothing for attempt \"{attempt}\". Add it.",
                ordinal(attempt + 1)
            ))
        }))
    }
}

impl Responder for Mocks {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        Mocks::task(self, request).unwrap_or_else(|| {
            let cause = format!(
                "It cannot be run here: it calls {}, and there is no mock for it. Add one for the state '{}'.",
                request.resource_arn, request.state
            );
            vec![Answer::now(What::CannotRun(cause.into()))]
        })
    }

    fn read_items(&mut self, state: &str, _: &Reader) -> Result<Value, Missing> {
        self.items(state).unwrap_or_else(|| Err(not_mocked(state, ITEM_READER)))
    }

    fn write_results(&mut self, state: &str, _: &Value, _: &Value) -> Result<Value, Missing> {
        self.written(state).unwrap_or_else(|| Err(not_mocked(state, RESULT_WRITER)))
    }
}

fn not_mocked(state: &str, part: &str) -> Missing {
    Missing(format!("It cannot be run here: it uses S3. Add a mock named '{state}{part}'."))
}

/// The result of a task. A function called by its ARN gives its payload alone, so a mock written in the form of the
/// Invoke API (`StatusCode`, `Payload`) means the payload (conformance, mocking/mocked.lambda-invoke).
fn result_of(resource: &Resource, result: Value) -> Value {
    match (resource, result.get("StatusCode"), result.get("Payload")) {
        (Resource::LambdaFunction(_), Some(_), Some(payload)) => payload.clone(),
        _ => result,
    }
}

fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

fn syntax_error(error: &ParseError) -> MockError {
    MockError {
        message: error.kind.to_string(),
        pointer: String::new(),
        offset: error.offset,
        line: error.line,
        column: error.column,
    }
}

/// A shape that is wrong, and the keys that lead to it.
struct Wrong {
    message: String,
    path: Vec<Str>,
}

impl Wrong {
    fn in_text(self, text: &str) -> MockError {
        let offset = offset_of(text, &self.path);
        let (line, column) = line_and_column(text, offset);
        let pointer = self.path.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect();
        MockError { message: self.message, pointer, offset, line, column }
    }
}

/// The keys from the root to a value.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<(&'a Path<'a>, &'a str)>,
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path { parent: None };

    fn then(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some((self, key)) }
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, Wrong> {
        let mut path = Vec::new();
        let mut here = self;
        while let Some((parent, key)) = here.parent {
            path.push(Str::new(key));
            here = parent;
        }
        path.reverse();
        Err(Wrong { message: message.into(), path })
    }

    fn object<'v>(&self, value: &'v Value, what: &str) -> Result<&'v Object, Wrong> {
        match value.as_object() {
            Some(object) => Ok(object),
            None => self.wrong(format!("{what} must be an object")),
        }
    }

    fn string(&self, value: &Value, what: &str) -> Result<Str, Wrong> {
        match value {
            Value::Str(text) => Ok(text.clone()),
            _ => self.wrong(format!("{what} must be a string")),
        }
    }

    /// Members that nobody reads are mistakes.
    fn only(&self, object: &Object, known: &[&str]) -> Result<(), Wrong> {
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => self.then(key).wrong(format!("unknown member '{key}': {} can stand here", listed(known))),
            None => Ok(()),
        }
    }

    fn member<'v>(&self, object: &'v Object, key: &str) -> Result<&'v Value, Wrong> {
        match object.get(key) {
            Some(value) => Ok(value),
            None => self.wrong(format!("'{key}' is missing")),
        }
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn read_file(file: &Value) -> Result<MockFile, Wrong> {
    let root = Path::ROOT;
    let file = root.object(file, "a mock file")?;
    root.only(file, &["StateMachines", "MockedResponses"])?;
    let place = root.then("MockedResponses");
    let mut responses = BTreeMap::new();
    for (name, attempts) in place.object(root.member(file, "MockedResponses")?, "MockedResponses")?.iter() {
        let place = place.then(name);
        let by_attempt = read_attempts(place.object(attempts, "a mocked response")?, &place)?;
        responses.insert(name.clone(), Arc::new(Responses { name: Some(name.clone()), by_attempt }));
    }
    let place = root.then("StateMachines");
    let machines = place.object(root.member(file, "StateMachines")?, "StateMachines")?;
    let machines = machines.iter().map(|(name, machine)| read_machine(name, machine, &responses, &place.then(name)));
    Ok(MockFile { machines: machines.collect::<Result<_, _>>()? })
}

fn read_machine(
    name: &Str,
    machine: &Value,
    responses: &BTreeMap<Str, Arc<Responses>>,
    place: &Path<'_>,
) -> Result<MockedMachine, Wrong> {
    let machine = place.object(machine, "a state machine")?;
    place.only(machine, &["TestCases"])?;
    let at_cases = place.then("TestCases");
    let mut cases = Vec::new();
    for (case, states) in at_cases.object(place.member(machine, "TestCases")?, "TestCases")?.iter() {
        let at_case = at_cases.then(case);
        let mut mocked = Vec::new();
        for (state, response) in at_case.object(states, "a test case")?.iter() {
            let at_state = at_case.then(state);
            let response = at_state.string(response, "the name of a mocked response")?;
            match responses.get(&response) {
                Some(responses) => mocked.push((state.clone(), responses.clone())),
                None => return at_state.wrong(format!("there is no mocked response '{response}'")),
            }
        }
        cases.push(TestCase { name: case.clone(), states: mocked });
    }
    Ok(MockedMachine { name: name.clone(), cases })
}

fn read_attempts(attempts: &Object, place: &Path<'_>) -> Result<ByAttempt, Wrong> {
    let mut ranges: Vec<(u32, u32, Response)> = Vec::with_capacity(attempts.len());
    for (key, response) in attempts.iter() {
        let place = place.then(key);
        let Some((first, last)) = attempt_range(key) else {
            return place.wrong(format!("'{key}' is no attempt: write a number (\"0\") or a range (\"1-2\")"));
        };
        if ranges.iter().any(|(other_first, other_last, _)| first <= *other_last && *other_first <= last) {
            return place.wrong(format!("attempt \"{key}\" has two responses"));
        }
        ranges.push((first, last, read_response(response, &place)?));
    }
    Ok(ByAttempt::Ranges(ranges))
}

/// `0` or `1-2`, both ends included.
fn attempt_range(key: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u32>().ok(),
        false => None,
    };
    let (first, last) = match key.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(key)?, number(key)?),
    };
    (first <= last).then_some((first, last))
}

fn read_response(response: &Value, place: &Path<'_>) -> Result<Response, Wrong> {
    let response = place.object(response, "the response of an attempt")?;
    place.only(response, &["Return", "Throw", "AfterSeconds"])?;
    let after_ms = match response.get("AfterSeconds") {
        None => 0,
        Some(seconds) => match seconds.as_f64() {
            Some(seconds) if (0.0..=AFTER_SECONDS_MAX).contains(&seconds) => (seconds * 1000.0).round() as i64,
            _ => return place.then("AfterSeconds").wrong("AfterSeconds must be a number from 0 to a year of seconds"),
        },
    };
    let end = match (response.get("Return"), response.get("Throw")) {
        (Some(result), None) => End::Return(result.clone()),
        (None, Some(error)) => End::Throw(read_error(error, &place.then("Throw"))?),
        (Some(_), Some(_)) => return place.wrong("an attempt has either 'Return' or 'Throw'"),
        (None, None) => return place.wrong("'Return' or 'Throw' is missing"),
    };
    Ok(Response { end, after_ms })
}

/// An execution lasts no longer.
const AFTER_SECONDS_MAX: f64 = 365.0 * 24.0 * 60.0 * 60.0;

fn read_error(error: &Value, place: &Path<'_>) -> Result<ErrorCause, Wrong> {
    let error = place.object(error, "Throw")?;
    place.only(error, &["Error", "Cause"])?;
    let name = place.then("Error").string(place.member(error, "Error")?, "Error")?;
    let cause = match error.get("Cause") {
        Some(cause) => Some(place.then("Cause").string(cause, "Cause")?),
        None => None,
    };
    Ok(ErrorCause { error: Some(name), cause })
}

fn looks_like_response(object: &Object) -> bool {
    (object.contains_key("Return") || object.contains_key("Throw"))
        && object.keys().all(|key| matches!(key.as_str(), "Return" | "Throw" | "AfterSeconds"))
}

fn looks_like_attempts(object: &Object) -> bool {
    let is_attempt = |(key, value): (&Str, &Value)| {
        attempt_range(key).is_some() && value.as_object().is_some_and(looks_like_response)
    };
    !object.is_empty() && object.iter().all(is_attempt)
}

/// Where the value at `path` starts in a JSON text; of keys named twice the last counts.
fn offset_of(text: &str, path: &[Str]) -> usize {
    let mut start = text.len() - text.trim_start().len();
    for key in path {
        match member_offset(&text[start..], key) {
            Some(offset) => start += offset,
            None => break,
        }
    }
    start
}

fn member_offset(object: &str, wanted: &str) -> Option<usize> {
    let mut scanner = Scanner::new(object);
    let mut found = None;
    if !scanner.eat(b'{') {
        return None;
    }
    scanner.skip_blanks();
    while let Ok(key) = scanner.key() {
        if key == wanted {
            found = Some(scanner.offset());
        }
        skip_value(&mut scanner)?;
        scanner.skip_blanks();
        scanner.eat(b',');
        scanner.skip_blanks();
    }
    found
}

fn skip_value(scanner: &mut Scanner<'_>) -> Option<()> {
    let mut depth = 0usize;
    loop {
        scanner.skip_blanks();
        match scanner.peek()? {
            b'{' | b'[' => {
                depth += 1;
                scanner.advance();
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                scanner.advance();
            }
            b',' | b':' => scanner.advance(),
            b'"' => {
                scanner.string().ok()?;
            }
            _ => {
                scanner.scalar().ok()?;
            }
        }
        if depth == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell_aws::Resource;

    use super::*;
    use crate::{AttemptId, Payload, PayloadId};

    /// The developer guide's example, shortened: a function that is throttled three times, and a queue.
    const GUIDE: &str = r#"{
      "StateMachines": {
        "LambdaSQSIntegration": {
          "TestCases": {
            "HappyPath": {"LambdaState": "MockedLambdaSuccess", "SQSState": "MockedSQSSuccess"},
            "RetryPath": {"LambdaState": "MockedLambdaRetry", "SQSState": "MockedSQSSuccess"},
            "HybridPath": {"LambdaState": "MockedLambdaSuccess"}
          }
        }
      },
      "MockedResponses": {
        "MockedLambdaSuccess": {"0": {"Return": {"StatusCode": 200, "Payload": {"body": "Hello from Lambda!"}}}},
        "MockedSQSSuccess": {"0": {"Return": {"MessageId": "3bcb6e8e-8b51-4375-b0bc-1a59812c6e51"}}},
        "MockedLambdaRetry": {
          "0": {"Throw": {"Error": "Lambda.ResourceNotReadyException", "Cause": "Lambda resource is not ready."}},
          "1-2": {"Throw": {"Error": "Lambda.TimeoutException", "Cause": "Lambda timed out."}},
          "3": {"Return": {"StatusCode": 200, "Payload": {"body": "Hello from Lambda!"}}}
        }
      }
    }"#;

    const INVOKE: &str = "arn:aws:states:::lambda:invoke";
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:F";

    fn request(state: &str, resource: &str) -> TaskRequest {
        TaskRequest {
            attempt: AttemptId(0),
            state: Str::new(state),
            retry_count: 0,
            path: Vec::new(),
            resource: Resource::parse(resource).expect("the resource of a test"),
            resource_arn: Str::new(resource),
            parameters: Payload::new(PayloadId(0), Value::Null),
            token: None,
            role_arn: None,
            timeout_s: None,
            heartbeat_s: None,
        }
    }

    /// Answers as text: `submitted {}, returns 1`.
    fn ask(mocks: &mut Mocks, state: &str, resource: &str) -> String {
        let Some(answers) = Mocks::task(mocks, &request(state, resource)) else { return "not mocked".to_owned() };
        let text = |answer: Answer| {
            let what = match answer.what {
                What::Started(worker) => format!("started {worker:?}"),
                What::Submitted(output) => format!("submitted {output}"),
                What::Succeeded(output) => format!("returns {output}"),
                What::Failed(error, _) => format!("throws {}", error.error.unwrap_or_default()),
                What::Heartbeat => "beats".to_owned(),
                What::CannotRun(cause) => format!("cannot run: {cause}"),
            };
            if answer.after_ms > 0 { format!("{what} after {} ms", answer.after_ms) } else { what }
        };
        answers.into_iter().map(text).collect::<Vec<_>>().join(", ")
    }

    fn case(name: &str) -> Mocks {
        let file = MockFile::parse(GUIDE).expect("the guide's file");
        Mocks::of_case(file.machine("LambdaSQSIntegration").and_then(|machine| machine.case(name)).expect("its case"))
    }

    #[test]
    fn the_guides_file_answers_attempt_by_attempt() {
        let mut mocks = case("RetryPath");
        let answers: Vec<_> = (0..4).map(|_| ask(&mut mocks, "LambdaState", INVOKE)).collect();
        assert_eq!(
            answers,
            [
                "throws Lambda.ResourceNotReadyException",
                "throws Lambda.TimeoutException",
                "throws Lambda.TimeoutException",
                r#"returns {"StatusCode":200,"Payload":{"body":"Hello from Lambda!"}}"#,
            ]
        );
        let missing = ask(&mut mocks, "LambdaState", INVOKE);
        assert_eq!(
            missing,
            "cannot run: The state 'LambdaState' was called for the 5th time, but the mocked response \
             'MockedLambdaRetry' has nothing for attempt \"4\". Add it."
        );
    }

    #[test]
    fn a_state_that_the_case_does_not_name_is_not_mocked() {
        assert_eq!(ask(&mut case("HybridPath"), "SQSState", "arn:aws:states:::sqs:sendMessage"), "not mocked");
    }

    #[test]
    fn a_function_called_by_its_arn_gives_the_payload_alone() {
        assert_eq!(ask(&mut case("HappyPath"), "LambdaState", FUNCTION), r#"returns {"body":"Hello from Lambda!"}"#);
    }

    #[test]
    fn jobs_tokens_and_activities_have_their_first_events_too() {
        let mut mocks = Mocks::default();
        mocks.insert("S", Responses::parse(r#"{"Return": 1, "AfterSeconds": 1.5}"#).unwrap());
        for (resource, answers) in [
            ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "submitted {}, returns 1 after 1500 ms"),
            ("arn:aws:states:::states:startExecution.sync:2", "submitted {}, returns 1 after 1500 ms"),
            ("arn:aws:states:::batch:submitJob.sync", "submitted {}, returns 1 after 1500 ms"),
            ("arn:aws:states:us-east-1:123456789012:activity:A", "started None, returns 1 after 1500 ms"),
            ("arn:aws:states:::sqs:sendMessage", "returns 1 after 1500 ms"),
        ] {
            assert_eq!(ask(&mut mocks, "S", resource), answers, "{resource}");
        }
    }

    #[test]
    fn a_single_mock_is_a_result_a_response_or_responses_by_attempt() {
        let twice = |text: &str| {
            let mut mocks = Mocks::default();
            mocks.insert("S", Responses::parse(text).unwrap());
            [ask(&mut mocks, "S", INVOKE), ask(&mut mocks, "S", INVOKE)]
        };
        assert_eq!(twice("[1]"), ["returns [1]", "returns [1]"]);
        assert_eq!(twice(r#"{"a": 1}"#), [r#"returns {"a":1}"#, r#"returns {"a":1}"#]);
        assert_eq!(twice("{}"), ["returns {}", "returns {}"]);
        assert_eq!(twice(r#"{"Return": {"Throw": 1}}"#), [r#"returns {"Throw":1}"#, r#"returns {"Throw":1}"#]);
        assert_eq!(twice(r#"{"Throw": {"Error": "E"}}"#), ["throws E", "throws E"]);
        assert_eq!(twice(r#"{"0": {"Throw": {"Error": "E"}}, "1": {"Return": 2}}"#), ["throws E", "returns 2"]);
        // A result that only happens to have numbers as keys.
        assert_eq!(twice(r#"{"0": 1}"#), [r#"returns {"0":1}"#, r#"returns {"0":1}"#]);
        assert_eq!(Responses::parse(r#"{"Throw": 1}"#).unwrap_err().to_string(), "Throw must be an object at /Throw");
    }

    #[test]
    fn readers_and_writers_are_mocked_by_their_names() {
        let mut mocks = Mocks::default();
        mocks.insert("Each/ItemReader", Responses::parse("[1, 2]").unwrap());
        assert_eq!(mocks.items("Each").map(|items| items.unwrap().to_string()), Some("[1,2]".to_owned()));
        assert!(mocks.written("Each").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named_with_its_place() {
        let table = [
            ("", "the text ends where a value or its rest is expected @1:1"),
            ("[]", "a mock file must be an object @1:1"),
            ("{}", "'MockedResponses' is missing @1:1"),
            (
                r#"{"MockedResponses": {}, "StateMachine": {}}"#,
                "unknown member 'StateMachine': 'StateMachines' and 'MockedResponses' can stand here at /StateMachine @1:41",
            ),
            (
                "{\"MockedResponses\": {\"a/b\": {\n  \"x\": {}}}}",
                "'x' is no attempt: write a number (\"0\") or a range (\"1-2\") at /MockedResponses/a~1b/x @2:8",
            ),
            (
                r#"{"MockedResponses": {"R": {"2-1": {}}}}"#,
                "'2-1' is no attempt: write a number (\"0\") or a range (\"1-2\") at /MockedResponses/R/2-1 @1:35",
            ),
            (
                r#"{"MockedResponses": {"R": {"0": {}}}}"#,
                "'Return' or 'Throw' is missing at /MockedResponses/R/0 @1:33",
            ),
            (
                r#"{"MockedResponses": {"R": {"0": {"Return": 1, "Throw": {}}}}}"#,
                "an attempt has either 'Return' or 'Throw' at /MockedResponses/R/0 @1:33",
            ),
            (
                r#"{"MockedResponses": {"R": {"0": {"Throw": {"Cause": "C"}}}}}"#,
                "'Error' is missing at /MockedResponses/R/0/Throw @1:43",
            ),
            (
                r#"{"MockedResponses": {"R": {"0-1": {"Return": 1}, "1": {"Return": 1}}}}"#,
                "attempt \"1\" has two responses at /MockedResponses/R/1 @1:55",
            ),
            (
                r#"{"StateMachines": {"M": {"TestCases": {"C": {"S": "Nope"}}}}, "MockedResponses": {}}"#,
                "there is no mocked response 'Nope' at /StateMachines/M/TestCases/C/S @1:51",
            ),
            (
                r#"{"StateMachines": {"M": {}}, "MockedResponses": {"R": {"0": {"Return": "}"}}}}"#,
                "'TestCases' is missing at /StateMachines/M @1:25",
            ),
            (
                r#"{"StateMachines": {"M": {"TestCases": {"C": {"S": 1}}}}, "MockedResponses": {}}"#,
                "the name of a mocked response must be a string at /StateMachines/M/TestCases/C/S @1:51",
            ),
        ];
        for (text, expected) in table {
            let error = MockFile::parse(text).expect_err(text);
            assert_eq!(format!("{error} @{}:{}", error.line, error.column), expected, "{text}");
        }
    }

    #[test]
    fn cases_and_states_keep_the_order_of_the_file() {
        let file = MockFile::parse(GUIDE).unwrap();
        let machine = &file.machines()[0];
        let names: Vec<_> = machine.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["HappyPath", "RetryPath", "HybridPath"]);
        assert_eq!(machine.cases[0].states().collect::<Vec<_>>(), ["LambdaState", "SQSState"]);
    }

    #[test]
    fn counting_words() {
        let words: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).into();
        assert_eq!(words, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
    }
}
