//! Requests that are almost as they should be, at random: none may end the server, be its fault or take long.

use std::time::{Duration, Instant};

use stepwell_value::{Object, Str, Value, parse};

use super::api::{Api, ApiError, text};
use super::process::{empty_folder, free_port};
use super::server::Server;
use crate::random::Random;
use crate::tally::Tally;
use crate::{Done, real};

/// An answer may take so long, even while others build on the same machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends requests for so long; `seed` is printed, and another one each time when it is none.
pub(crate) fn run(time: Duration, seed: Option<u64>) -> Done {
    println!("== requests at random");
    let seed = seed.unwrap_or_else(Random::new_seed);
    let mut server = Server::start(&empty_folder("storm")?, free_port()?, None)?;
    let mut api = server.api();
    api.patience = PATIENCE * 5;
    let requests = Requests::of(&mut api)?;
    let mut random = Random(seed);
    let start = Instant::now();
    let (mut sent, mut taken, mut wrong) = (0_u64, 0_u64, Vec::new());
    while start.elapsed() < time && wrong.len() < 5 {
        let (operation, members) = requests.pick(&mut random);
        let begun = Instant::now();
        let answer = api.call(operation, &members);
        let took = begun.elapsed();
        sent += 1;
        let complaint = match answer {
            _ if took > PATIENCE => format!("answered after {} ms", took.as_millis()),
            Ok(_) => {
                taken += 1;
                continue;
            }
            Err(ApiError::Refused { status: 400..=499, name, .. }) if !name.is_empty() => continue,
            Err(err) => err.to_string(),
        };
        let (length, shown) = (members.len(), members.chars().take(300).collect::<String>());
        wrong.push(format!("{operation}: {complaint}; {length} bytes: {shown}"));
        if !server.is_alive() {
            wrong.push(format!("the server ended:\n{}", server.last_words()));
            break;
        }
    }
    for complaint in &wrong {
        println!("{complaint}");
    }
    println!("requests at random: {sent} sent, {taken} taken, {} wrong; seed {seed}", wrong.len());
    Ok(Tally::one(wrong.is_empty()))
}

/// Builds the server, then does the same as [`run`] for ten seconds.
pub(crate) fn build_and_run() -> Done {
    real::build()?;
    run(Duration::from_secs(10), None)
}

/// Requests as they should be, and what is put into them.
struct Requests {
    templates: Vec<(&'static str, Value)>,
    words: Vec<Value>,
}

/// Operations with members that are taken, but for those that AWS has and we have not, and the long poll.
const TEMPLATES: [(&str, &str); 34] = [
    ("CreateActivity", r#"{"name":"a","tags":[{"key":"k","value":"v"}]}"#),
    (
        "CreateStateMachine",
        r#"{"name":"m","definition":<PASS>,"roleArn":<ROLE>,"type":"STANDARD","publish":true,"versionDescription":"v","loggingConfiguration":{"level":"ALL","includeExecutionData":true,"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]},"tracingConfiguration":{"enabled":true},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#,
    ),
    (
        "CreateStateMachineAlias",
        r#"{"name":"PROD","description":"d","routingConfiguration":[{"stateMachineVersionArn":<VERSION>,"weight":100}]}"#,
    ),
    ("DeleteActivity", r#"{"activityArn":<ACTIVITY>}"#),
    ("DeleteStateMachine", r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:gone"}"#),
    ("DeleteStateMachineVersion", r#"{"stateMachineVersionArn":<VERSION>}"#),
    ("DeleteStateMachineAlias", r#"{"stateMachineAliasArn":<ALIAS>}"#),
    ("DescribeActivity", r#"{"activityArn":<ACTIVITY>}"#),
    ("DescribeExecution", r#"{"executionArn":<EXECUTION>,"includedData":"METADATA_ONLY"}"#),
    ("DescribeMapRun", r#"{"mapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:0-0"}"#),
    ("DescribeStateMachine", r#"{"stateMachineArn":<MACHINE>,"includedData":"ALL_DATA"}"#),
    ("DescribeStateMachineAlias", r#"{"stateMachineAliasArn":<ALIAS>}"#),
    ("DescribeStateMachineForExecution", r#"{"executionArn":<EXECUTION>,"includedData":"ALL_DATA"}"#),
    (
        "GetExecutionHistory",
        r#"{"executionArn":<EXECUTION>,"maxResults":3,"reverseOrder":true,"includeExecutionData":false}"#,
    ),
    ("ListActivities", r#"{"maxResults":2,"nextToken":<TOKEN>}"#),
    (
        "ListExecutions",
        r#"{"stateMachineArn":<MACHINE>,"statusFilter":"SUCCEEDED","maxResults":1,"redriveFilter":"NOT_REDRIVEN"}"#,
    ),
    ("ListMapRuns", r#"{"executionArn":<EXECUTION>,"maxResults":1}"#),
    ("ListStateMachineAliases", r#"{"stateMachineArn":<MACHINE>,"maxResults":1}"#),
    ("ListStateMachineVersions", r#"{"stateMachineArn":<MACHINE>,"maxResults":1}"#),
    ("ListStateMachines", r#"{"maxResults":1}"#),
    ("ListTagsForResource", r#"{"resourceArn":<MACHINE>}"#),
    ("PublishStateMachineVersion", r#"{"stateMachineArn":<MACHINE>,"revisionId":"INITIAL","description":"d"}"#),
    ("RedriveExecution", r#"{"executionArn":<EXECUTION>,"clientToken":"t"}"#),
    ("SendTaskFailure", r#"{"taskToken":<TOKEN>,"error":"E","cause":"C"}"#),
    ("SendTaskHeartbeat", r#"{"taskToken":<TOKEN>}"#),
    ("SendTaskSuccess", r#"{"taskToken":<TOKEN>,"output":"{}"}"#),
    ("StartExecution", r#"{"stateMachineArn":<MACHINE>,"name":"n","input":"{\"a\":[1]}","traceHeader":"Root=1"}"#),
    (
        "StartSyncExecution",
        r#"{"stateMachineArn":<EXPRESS>,"name":"n","input":"{\"a\":[1]}","includedData":"ALL_DATA"}"#,
    ),
    ("StopExecution", r#"{"executionArn":<EXECUTION>,"error":"E","cause":"C"}"#),
    ("TagResource", r#"{"resourceArn":<MACHINE>,"tags":[{"key":"k","value":"v"}]}"#),
    ("UntagResource", r#"{"resourceArn":<MACHINE>,"tagKeys":["k"]}"#),
    ("UpdateStateMachine", r#"{"stateMachineArn":<MACHINE>,"definition":<PASS>,"roleArn":<ROLE>,"publish":false}"#),
    (
        "UpdateStateMachineAlias",
        r#"{"stateMachineAliasArn":<ALIAS>,"description":"d","routingConfiguration":[{"stateMachineVersionArn":<VERSION>,"weight":50},{"stateMachineVersionArn":<VERSION>,"weight":50}]}"#,
    ),
    ("ValidateStateMachineDefinition", r#"{"definition":<PASS>,"type":"EXPRESS","severity":"WARNING","maxResults":3}"#),
];

/// Machines that end by themselves, whatever they are given.
const PASS: &str =
    r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Assign":{"x.$":"$.a"},"Next":"E"},"E":{"Type":"Succeed"}}}"#;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// What is put where something else was.
const WORDS: &str = r#"[null, true, false, 0, -1, 1, 1000, 1001, 1.5, 1e308, 99999999999999999999, "", " ", "a", "INITIAL",
    "\u0000", "é😀", "arn:", "arn:aws:states:us-east-1:123456789012:stateMachine:m",
    "arn:aws:states:us-east-1:123456789012:stateMachine:m:1", "arn:aws:states:us-east-1:123456789012:stateMachine:m/l",
    "arn:aws:states:us-east-1:123456789012:execution:m:n", "arn:aws:states:us-east-1:123456789012:express:m:n:1",
    "arn:aws:states:us-east-1:999999999999:activity:a", "{}", "[]", "{", "null", "{\"a\":{\"a\":{\"a\":[]}}}", {}, [], [[]],
    {"a": 1}, [{"key": "k"}], "EXPRESS", "ALL", "RUNNING", "AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"]"#;

impl Requests {
    /// Makes what the requests name, so that some of them can be carried out.
    fn of(api: &mut Api) -> Result<Requests, String> {
        let fill = |template: &str, made: &[(&str, String)]| {
            made.iter().fold(template.to_owned(), |filled, (name, value)| {
                filled.replace(&format!("<{name}>"), &super::api::json(value))
            })
        };
        let mut made = vec![("PASS", PASS.to_owned()), ("ROLE", ROLE.to_owned())];
        let mut make = |operation: &str, members: &str, member: &str, made: &[(&str, String)]| {
            let answer = api.call(operation, &fill(members, made)).map_err(|err| format!("{operation}: {err}"))?;
            Ok::<String, String>(text(&answer, member).to_owned())
        };
        let create = r#"{"name":"m","definition":<PASS>,"roleArn":<ROLE>}"#;
        made.push(("MACHINE", make("CreateStateMachine", create, "stateMachineArn", &made)?));
        let create = r#"{"name":"x","definition":<PASS>,"roleArn":<ROLE>,"type":"EXPRESS"}"#;
        made.push(("EXPRESS", make("CreateStateMachine", create, "stateMachineArn", &made)?));
        let publish = r#"{"stateMachineArn":<MACHINE>}"#;
        made.push(("VERSION", make("PublishStateMachineVersion", publish, "stateMachineVersionArn", &made)?));
        let alias = r#"{"name":"PROD","routingConfiguration":[{"stateMachineVersionArn":<VERSION>,"weight":100}]}"#;
        made.push(("ALIAS", make("CreateStateMachineAlias", alias, "stateMachineAliasArn", &made)?));
        made.push(("ACTIVITY", make("CreateActivity", r#"{"name":"a"}"#, "activityArn", &made)?));
        made.push(("EXECUTION", make("StartExecution", r#"{"stateMachineArn":<MACHINE>}"#, "executionArn", &made)?));
        made.push(("TOKEN", "AQAcvpmg0P8AAAAAAAAAAAAAAAAAAAABAAAAAg==".to_owned()));
        let templates = TEMPLATES.iter().map(|(operation, members)| {
            let members = parse(&fill(members, &made)).map_err(|err| format!("{operation}: {err}"))?;
            Ok((*operation, members))
        });
        let templates = templates.collect::<Result<_, String>>()?;
        let words = parse(WORDS).map_err(|err| err.to_string())?;
        let mut words = words.as_array().map(|words| words.to_vec()).unwrap_or_default();
        words.extend([300_000, 257, 1_025].map(|length| Value::from("x".repeat(length))));
        words.extend(made.into_iter().map(|(_, value)| Value::from(value)));
        Ok(Requests { templates, words })
    }

    /// A request with up to three changes.
    fn pick(&self, random: &mut Random) -> (&'static str, String) {
        let (operation, members) = &self.templates[random.below(self.templates.len() as u64) as usize];
        let mut members = members.clone();
        for _ in 0..random.below(4) {
            members = self.changed(&members, random);
        }
        let mut body = members.to_string();
        if random.below(20) == 0 {
            // Cut off, or with a byte too many, at some place.
            let mut place = random.below(body.len() as u64 + 1) as usize;
            while !body.is_char_boundary(place) {
                place -= 1;
            }
            match random.below(2) {
                0 => body.truncate(place),
                _ => body.insert(place, ['"', '{', ',', '\u{7f}', '0'][random.below(5) as usize]),
            }
        }
        (operation, body)
    }

    /// The value with one thing in it changed: left out, put in, or something else in its place.
    fn changed(&self, value: &Value, random: &mut Random) -> Value {
        match value {
            Value::Object(members) if !members.is_empty() && random.below(4) > 0 => {
                let chosen = random.below(members.len() as u64) as usize;
                let change = random.below(8);
                let mut changed = Object::default();
                for (place, (name, member)) in members.iter().enumerate() {
                    match change {
                        _ if place != chosen => changed.insert(name.clone(), member.clone()),
                        0 => None,
                        1 => changed.insert(Str::from(format!("{name}x")), member.clone()),
                        2 | 3 => changed.insert(name.clone(), self.word(random)),
                        _ => changed.insert(name.clone(), self.changed(member, random)),
                    };
                }
                changed.into()
            }
            Value::Array(items) if !items.is_empty() && random.below(4) > 0 => {
                let mut changed = items.to_vec();
                let chosen = random.below(items.len() as u64) as usize;
                match random.below(4) {
                    0 => {
                        changed.remove(chosen);
                    }
                    // Longer than any list of the API may be.
                    1 => changed.extend(std::iter::repeat_n(items[chosen].clone(), 200)),
                    _ => changed[chosen] = self.changed(&items[chosen], random),
                }
                changed.into()
            }
            Value::Str(before) if random.below(3) > 0 => {
                let other = self.word(random);
                match other.as_str() {
                    Some(other) if random.below(2) == 0 => format!("{before}{other}").into(),
                    _ => other,
                }
            }
            _ => self.word(random),
        }
    }

    fn word(&self, random: &mut Random) -> Value {
        self.words[random.below(self.words.len() as u64) as usize].clone()
    }
}
