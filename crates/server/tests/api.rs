//! The API as a client sees it, where the conformance corpus does not look.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{Api, PATIENCE, text};
use stepwell_server::Limits;
use stepwell_store::StoreError;
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_value::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
const WAIT: &str = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}"#;
const HERE: &str = "arn:aws:states:us-east-1:123456789012";

fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let items = answer.get(list).and_then(Value::as_array).expect("a list");
    items.iter().map(|item| text(item, member)).collect()
}

#[tokio::test]
async fn a_name_belongs_to_one_execution() {
    let api = Api::start().await;
    let machine = api.machine("m", "", WAIT).await;
    let start = |input: &str| format!(r#"{{"stateMachineArn": "{machine}", "name": "e", "input": "{input}"}}"#);
    let first = api.ok("StartExecution", &start("1")).await;
    // The same while it runs, as a text: another form of the same number is another input.
    assert_eq!(api.ok("StartExecution", &start("1")).await, first);
    let taken = format!("400 ExecutionAlreadyExists: Execution Already Exists: '{HERE}:execution:m:e'");
    assert_eq!(api.error("StartExecution", &start("1.0")).await, taken);
    let stopped =
        api.ok("StopExecution", &format!(r#"{{"executionArn": "{HERE}:execution:m:e", "error": "E"}}"#)).await;
    assert_eq!(api.error("StartExecution", &start("1")).await, taken);
    // Stopping what has ended changes nothing.
    let again = api.ok("StopExecution", &format!(r#"{{"executionArn": "{HERE}:execution:m:e", "error": "F"}}"#)).await;
    assert_eq!(again, stopped);
    let shown = api.wait_end(&format!("{HERE}:execution:m:e")).await;
    assert_eq!((text(&shown, "status"), text(&shown, "error")), ("ABORTED".to_owned(), "E".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn inputs_are_refused_in_the_words_of_the_parser() {
    let api = Api::start().await;
    let machine = api.machine("m", "", PASS).await;
    let start = |input: &str| format!(r#"{{"stateMachineArn": "{machine}", "input": "{input}"}}"#);
    let refused = "400 InvalidExecutionInput: Invalid State Machine Execution Input: ";
    assert_eq!(api.error("StartExecution", &start("")).await, format!("{refused}'Invalid execution input.'"));
    let error = api.error("StartExecution", &start("nothing")).await;
    assert!(error.starts_with(&format!("{refused}'Unrecognized token 'nothing': was expecting")), "{error}");
    // The limit is one of bytes; characters beyond ASCII have more than one.
    let large = format!("\\\"{}\\\"", "ä".repeat(200_000));
    let error = api.error("StartExecution", &start(&large)).await;
    assert_eq!(
        error,
        "400 ValidationException: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member \
         must have length less than or equal to 262144"
    );
    api.stop().await;
}

#[tokio::test]
async fn an_input_or_output_of_blanks_is_none() {
    let api = Api::start().await;
    let machine = api.machine("m", "", PASS).await;
    for blank in ["", "  ", "\\n"] {
        let start = format!(r#"{{"stateMachineArn": "{machine}", "input": "{blank}"}}"#);
        assert_eq!(
            api.error("StartExecution", &start).await,
            "400 InvalidExecutionInput: Invalid State Machine Execution Input: 'Invalid execution input.'"
        );
        let success = format!(r#"{{"taskToken": "token", "output": "{blank}"}}"#);
        let error = "400 InvalidOutput: Invalid Output: 'Invalid output.'";
        assert_eq!(api.error("SendTaskSuccess", &success).await, error);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_machine_is_made_again_only_as_it_was_published() {
    let api = Api::start().await;
    let make = |name: &str, more: &str| {
        format!(
            r#"{{"name": "{name}", "definition": "{}", "roleArn": "arn:aws:iam::123456789012:role/r"{more}}}"#,
            PASS.replace('"', "\\\"")
        )
    };
    let taken = |name: &str| {
        format!("400 StateMachineAlreadyExists: State Machine Already Exists: '{HERE}:stateMachine:{name}'")
    };
    let published = r#", "publish": true, "versionDescription": "d""#;
    let first = api.ok("CreateStateMachine", &make("published", published)).await;
    assert_eq!(api.ok("CreateStateMachine", &make("published", published)).await, first);
    for other in
        ["", r#", "publish": false"#, r#", "publish": true"#, r#", "publish": true, "versionDescription": "e""#]
    {
        assert_eq!(api.error("CreateStateMachine", &make("published", other)).await, taken("published"), "{other}");
    }
    // What is published later does not count.
    let first = api.ok("CreateStateMachine", &make("bare", "")).await;
    let by_machine = format!(r#"{{"stateMachineArn": "{HERE}:stateMachine:bare"}}"#);
    api.ok("PublishStateMachineVersion", &by_machine).await;
    assert_eq!(api.ok("CreateStateMachine", &make("bare", "")).await, first);
    assert_eq!(api.error("CreateStateMachine", &make("bare", r#", "publish": true"#)).await, taken("bare"));
    api.stop().await;
}

#[tokio::test]
async fn tags_consist_of_what_aws_lets_them_have() {
    let api = Api::start().await;
    let machine = api.machine("m", "", PASS).await;
    let tag = |key: &str, value: &str| {
        format!(r#"{{"resourceArn": "{machine}", "tags": [{{"key": "{key}", "value": "{value}"}}]}}"#)
    };
    for (key, value) in [("cost center", "a_.:/=+-@Z9"), ("größe", "日本 ٣"), ("empty", "")] {
        api.ok("TagResource", &tag(key, value)).await;
    }
    let error = "400 ValidationException: Tags may only contain Unicode letters, digits, white space, or these symbols: \
                 _ . : / = + - @";
    for (key, value) in [("a!", "v"), ("a", "<v>"), ("a", "#"), ("line\\n", "v"), ("😀", "v")] {
        assert_eq!(api.error("TagResource", &tag(key, value)).await, error, "{key}={value}");
    }
    let reserved = "400 ValidationException: Tag keys that start with aws: are reserved for system use";
    for key in ["aws:x", "AWS:x"] {
        assert_eq!(api.error("TagResource", &tag(key, "v")).await, reserved);
    }
    let activity = r#"{"name": "a", "tags": [{"key": "a*", "value": "v"}]}"#;
    assert_eq!(api.error("CreateActivity", activity).await, error);
    api.stop().await;
}

#[tokio::test]
async fn lists_come_page_by_page_and_each_item_once() {
    let api = Api::start().await;
    for n in 0..7 {
        api.machine(&format!("m{n}"), "", PASS).await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = api.ok("ListStateMachines", &format!(r#"{{"maxResults": 3{token}}}"#)).await;
        seen.extend(names(&page, "stateMachines", "name"));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#", "nextToken": "{next}""#),
            None => break,
        }
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
    // A token of another list is no token.
    let page = api.ok("ListStateMachines", r#"{"maxResults": 3}"#).await;
    let stolen = format!(r#"{{"nextToken": "{}"}}"#, text(&page, "nextToken"));
    assert_eq!(api.error("ListActivities", &stolen).await, "400 InvalidToken: Invalid Token: 'Invalid token'");
    api.stop().await;
}

#[tokio::test]
async fn aliases_are_those_of_a_machine_or_of_a_version() {
    let api = Api::start().await;
    let machine = api.machine("m", r#", "publish": true"#, WAIT).await;
    let update = format!(
        r#"{{"stateMachineArn": "{machine}", "roleArn": "arn:aws:iam::123456789012:role/s", "publish": true}}"#
    );
    api.ok("UpdateStateMachine", &update).await;
    let route = |version: u32, weight: u32| {
        format!(r#"{{"stateMachineVersionArn": "{machine}:{version}", "weight": {weight}}}"#)
    };
    for (name, routes) in
        [("old", route(1, 100)), ("new", route(2, 100)), ("both", format!("{}, {}", route(1, 90), route(2, 10)))]
    {
        let params = format!(r#"{{"name": "{name}", "routingConfiguration": [{routes}]}}"#);
        api.ok("CreateStateMachineAlias", &params).await;
    }
    let listed = async |arn: &str, more: &str| {
        let answer = api.ok("ListStateMachineAliases", &format!(r#"{{"stateMachineArn": "{arn}"{more}}}"#)).await;
        let arns = names(&answer, "stateMachineAliases", "stateMachineAliasArn");
        let names: Vec<&str> = arns.iter().filter_map(|arn| arn.rsplit(':').next()).collect();
        (names.join(" "), text(&answer, "nextToken"))
    };
    assert_eq!(listed(&machine, "").await.0, "old new both");
    for version in ["1", "2"] {
        let arn = format!("{machine}:{version}");
        let (first, token) = listed(&arn, r#", "maxResults": 1"#).await;
        let (rest, end) = listed(&arn, &format!(r#", "nextToken": "{token}""#)).await;
        assert_eq!((format!("{first} {rest}"), end.as_str()), (listed(&arn, "").await.0, ""));
    }
    assert_eq!(listed(&format!("{machine}:2"), "").await.0, "new both");
    let missing = format!(r#"{{"stateMachineArn": "{machine}:3"}}"#);
    let error = "400 ResourceNotFound: Request references a resource that does not exist.";
    assert_eq!(api.error("ListStateMachineAliases", &missing).await, error);
    let by_machine = format!(r#"{{"stateMachineArn": "{machine}"}}"#);
    let execution = text(&api.ok("StartExecution", &by_machine).await, "executionArn");
    api.ok("DeleteStateMachine", &by_machine).await;
    let error = format!("400 StateMachineDeleting: State Machine is being deleted: '{machine}'");
    assert_eq!(api.error("ListStateMachineAliases", &by_machine).await, error);
    api.ok("StopExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    api.stop().await;
}

#[tokio::test]
async fn lists_show_what_was_made_and_leave_out_what_has_gone() {
    let api = Api::start().await;
    let listed = async |list: &str, operation: &str| names(&api.ok(operation, "{}").await, list, "name");
    assert_eq!(listed("stateMachines", "ListStateMachines").await, Vec::<String>::new());
    for name in ["b", "c", "a"] {
        api.machine(name, "", PASS).await;
        api.ok("CreateActivity", &format!(r#"{{"name": "{name}"}}"#)).await;
    }
    assert_eq!(listed("stateMachines", "ListStateMachines").await, ["a", "b", "c"]);
    assert_eq!(listed("activities", "ListActivities").await, ["a", "b", "c"]);
    let first = api.ok("ListStateMachines", r#"{"maxResults": 1}"#).await;
    api.ok("DeleteStateMachine", &format!(r#"{{"stateMachineArn": "{HERE}:stateMachine:a"}}"#)).await;
    api.ok("DeleteActivity", &format!(r#"{{"activityArn": "{HERE}:activity:b"}}"#)).await;
    assert_eq!(listed("stateMachines", "ListStateMachines").await, ["b", "c"]);
    assert_eq!(listed("activities", "ListActivities").await, ["a", "c"]);
    // A page goes on behind a machine that has gone.
    let next = format!(r#"{{"nextToken": "{}"}}"#, text(&first, "nextToken"));
    assert_eq!(names(&api.ok("ListStateMachines", &next).await, "stateMachines", "name"), ["b", "c"]);
    api.stop().await;
}

#[tokio::test]
async fn a_page_of_history_has_a_size() {
    let api = Api::start().await;
    let states: Vec<String> = (0..40).map(|n| format!(r#""S{n}": {{"Type": "Pass", "Next": "S{}"}}"#, n + 1)).collect();
    let definition =
        format!(r#"{{"StartAt": "S0", "States": {{{}, "S40": {{"Type": "Succeed"}}}}}}"#, states.join(", "));
    let machine = api.machine("m", "", &definition).await;
    // Each of 84 events shows these 250,000 bytes.
    let input = format!("\\\"{}\\\"", "x".repeat(250_000));
    let params = format!(r#"{{"stateMachineArn": "{machine}", "input": "{input}"}}"#);
    let arn = text(&api.ok("StartExecution", &params).await, "executionArn");
    api.wait_end(&arn).await;
    for (reverse, ids) in [("false", (1..=84).collect::<Vec<i64>>()), ("true", (1..=84).rev().collect())] {
        let mut pages = Vec::new();
        let mut token = String::new();
        loop {
            let params = format!(r#"{{"executionArn": "{arn}", "reverseOrder": {reverse}{token}}}"#);
            let page = api.ok("GetExecutionHistory", &params).await;
            let events = page.get("events").and_then(Value::as_array).expect("events");
            pages.push(events.iter().filter_map(|event| event.get("id").and_then(Value::as_i64)).collect::<Vec<_>>());
            match page.get("nextToken").and_then(Value::as_str) {
                Some(next) => token = format!(r#", "nextToken": "{next}""#),
                None => break,
            }
        }
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [68, 16]);
        assert_eq!(pages.concat(), ids);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_history_reads_the_same_from_both_ends() {
    let api = Api::start().await;
    let machine = api.machine("m", "", PASS).await;
    let started = api.ok("StartExecution", &format!(r#"{{"stateMachineArn": "{machine}"}}"#)).await;
    let arn = text(&started, "executionArn");
    api.wait_end(&arn).await;
    let mut ids: Vec<Vec<i64>> = Vec::new();
    for reverse in ["false", "true"] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let params = format!(r#"{{"executionArn": "{arn}", "maxResults": 3, "reverseOrder": {reverse}{token}}}"#);
            let page = api.ok("GetExecutionHistory", &params).await;
            let events = page.get("events").and_then(Value::as_array).expect("events");
            assert!(events.len() <= 3);
            seen.extend(events.iter().filter_map(|event| event.get("id").and_then(Value::as_i64)));
            match page.get("nextToken").and_then(Value::as_str) {
                Some(next) => token = format!(r#", "nextToken": "{next}""#),
                None => break,
            }
        }
        ids.push(seen);
    }
    assert_eq!(ids[0], [1, 2, 3, 4]);
    assert_eq!(ids[1], [4, 3, 2, 1]);
    let without = format!(r#"{{"executionArn": "{arn}", "includeExecutionData": false}}"#);
    assert!(!api.ok("GetExecutionHistory", &without).await.to_string().contains("\"input\""));
    api.stop().await;
}

#[tokio::test]
async fn a_deleted_machine_stops_its_executions_and_is_gone_then() {
    let api = Api::start().await;
    let machine = api.machine("m", "", WAIT).await;
    let by_machine = format!(r#"{{"stateMachineArn": "{machine}"}}"#);
    api.ok("StartExecution", &by_machine).await;
    api.ok("DeleteStateMachine", &by_machine).await;
    // What waits ends only when it moves; until then the machine is there.
    assert_eq!(text(&api.ok("DescribeStateMachine", &by_machine).await, "status"), "DELETING");
    let deleting = format!("400 StateMachineDeleting: State Machine is being deleted: '{machine}'");
    assert_eq!(api.error("StartExecution", &by_machine).await, deleting);
    let running = api.ok("ListExecutions", &by_machine).await;
    let execution = names(&running, "executions", "executionArn").remove(0);
    let status = text(&api.ok("DescribeExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await, "status");
    if status == "RUNNING" {
        api.ok("StopExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    }
    let gone = format!("400 StateMachineDoesNotExist: State Machine Does Not Exist: '{machine}'");
    while api.call("DescribeStateMachine", &by_machine).await != Err(gone.clone()) {
        tokio::task::yield_now().await;
    }
    // The name is free; the executions of the former machine are not those of the new one.
    api.machine("m", "", PASS).await;
    assert_eq!(names(&api.ok("ListExecutions", &by_machine).await, "executions", "name"), Vec::<String>::new());
    let gone = format!("400 ExecutionDoesNotExist: Execution Does Not Exist: '{execution}'");
    assert_eq!(api.error("DescribeExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await, gone);
    api.stop().await;
}

#[tokio::test]
async fn executions_of_a_deleted_machine_end_after_a_restart_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let api = Api::start_on(open(folder.path()).await, Limits::default()).await;
    let activity = text(&api.ok("CreateActivity", r#"{"name": "a"}"#).await, "activityArn");
    let definition = format!(
        r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{activity}", "Next": "W"}},
            "W": {{"Type": "Wait", "Seconds": 3600, "End": true}}}}}}"#
    );
    let machine = api.machine("m", "", &definition).await;
    let by_machine = format!(r#"{{"stateMachineArn": "{machine}"}}"#);
    api.ok("StartExecution", &by_machine).await;
    let task = api.ok("GetActivityTask", &format!(r#"{{"activityArn": "{activity}"}}"#)).await;
    api.ok("DeleteStateMachine", &by_machine).await;
    api.stop().await;

    let api = Api::start_on(open(folder.path()).await, Limits::default()).await;
    // It ends at its next transition: the task's answer comes too late.
    let heartbeat = format!(r#"{{"taskToken": "{}"}}"#, text(&task, "taskToken"));
    let refused = async {
        loop {
            if let Err(error) = api.call("SendTaskHeartbeat", &heartbeat).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, refused).await.expect("the execution ends");
    assert_eq!(error, "400 TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'");
    let gone = format!("400 StateMachineDoesNotExist: State Machine Does Not Exist: '{machine}'");
    while api.call("DescribeStateMachine", &by_machine).await != Err(gone.clone()) {
        tokio::task::yield_now().await;
    }
    api.stop().await;
}

#[tokio::test]
async fn a_deleted_machine_stays_while_express_executions_of_it_could_start_over() {
    let api = Api::start().await;
    let express = r#", "type": "EXPRESS""#;
    let waits = r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 200, "End": true}}}"#;
    let by_machine = |machine: String| format!(r#"{{"stateMachineArn": "{machine}"}}"#);
    let waiting = by_machine(api.machine("waits", express, waits).await);
    api.ok("StartExecution", &waiting).await;
    api.ok("DeleteStateMachine", &waiting).await;
    assert_eq!(text(&api.ok("DescribeStateMachine", &waiting).await, "status"), "DELETING");
    // Those of one that has nothing to wait for are over at once.
    let passing = by_machine(api.machine("passes", express, PASS).await);
    api.ok("StartExecution", &passing).await;
    api.ok("DeleteStateMachine", &passing).await;
    while api.call("DescribeStateMachine", &passing).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(text(&api.ok("DescribeStateMachine", &waiting).await, "status"), "DELETING");
}

#[tokio::test]
async fn of_two_updates_at_once_none_is_lost() {
    let api = Api::start().await;
    let machine = api.machine("m", "", PASS).await;
    let update = |role: usize| {
        format!(
            r#"{{"stateMachineArn": "{machine}", "roleArn": "arn:aws:iam::123456789012:role/r{role}", "publish": true}}"#
        )
    };
    let updates: Vec<String> = (0..8).map(update).collect();
    let calls = updates.iter().map(|params| api.ok("UpdateStateMachine", params));
    let mut versions = Vec::new();
    for answer in join_all(calls).await {
        versions.push(text(&answer, "stateMachineVersionArn"));
    }
    versions.sort();
    let expected: Vec<String> = (1..=8).map(|n| format!("{machine}:{n}")).collect();
    assert_eq!(versions, expected);
    api.stop().await;
}

/// Polls futures together, on this task.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut open: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in &mut open {
            if answer.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        match open.iter().all(|(_, answer)| answer.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    open.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn a_worker_gets_a_task_and_its_token_counts_once() {
    let api = Api::start().await;
    let activity = text(&api.ok("CreateActivity", r#"{"name": "a"}"#).await, "activityArn");
    let definition =
        format!(r#"{{"StartAt": "T", "States": {{"T": {{"Type": "Task", "Resource": "{activity}", "End": true}}}}}}"#);
    let machine = api.machine("m", "", &definition).await;
    let params = format!(r#"{{"stateMachineArn": "{machine}", "input": "[7]"}}"#);
    let execution = text(&api.ok("StartExecution", &params).await, "executionArn");
    let task = api.ok("GetActivityTask", &format!(r#"{{"activityArn": "{activity}", "workerName": "w"}}"#)).await;
    assert_eq!(text(&task, "input"), "[7]");
    let token = text(&task, "taskToken");
    assert!(token.len() <= 1_024);
    let bad = format!(r#"{{"taskToken": "{token}", "output": "no json"}}"#);
    assert!(api.error("SendTaskSuccess", &bad).await.starts_with("400 InvalidOutput: "));
    api.ok("SendTaskHeartbeat", &format!(r#"{{"taskToken": "{token}"}}"#)).await;
    let success = format!(r#"{{"taskToken": "{token}", "output": "{{}}"}}"#);
    assert_eq!(api.ok("SendTaskSuccess", &success).await.to_string(), "{}");
    assert_eq!(text(&api.wait_end(&execution).await, "output"), "{}");
    assert!(api.error("SendTaskSuccess", &success).await.starts_with("400 TaskTimedOut: "));
    let forged = format!(r#"{{"taskToken": "{}", "output": "{{}}"}}"#, token.replace(&token[..8], "AAAAAAAA"));
    assert_eq!(api.error("SendTaskSuccess", &forged).await, "400 InvalidToken: Invalid Token: 'Invalid token'");
    api.stop().await;
}

#[tokio::test]
async fn workers_that_wait_do_not_hold_up_the_end() {
    // Requests may take as long as they like.
    let limits = Limits { drain: Duration::from_secs(600), ..Limits::default() };
    let api = Api::start_on(Arc::new(Memory::new()), limits).await;
    let activity = text(&api.ok("CreateActivity", r#"{"name": "a"}"#).await, "activityArn");
    let body = format!(r#"{{"activityArn": "{activity}"}}"#);
    let mut stream = TcpStream::connect(api.address).await.expect("the server listens");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("the connection is open");
    // Whether the server has read the request by now or not: it ends long before a poll would.
    tokio::time::timeout(PATIENCE, api.stop()).await.expect("the server ends");
}

#[tokio::test]
async fn what_is_not_here_yet_says_so_and_what_to_do_instead() {
    let api = Api::start().await;
    for (operation, instead) in [("TestState", "stepwell run FILE --mock"), ("UpdateMapRun", "MaxConcurrencyPath")] {
        let error = api.error(operation, &format!(r#"{{"mapRunArn": "{HERE}:mapRun:m/l:1"}}"#)).await;
        let expected = format!("400 UnsupportedOperationException: Stepwell does not have {operation} yet. ");
        assert!(error.starts_with(&expected) && error.contains(instead), "{error}");
    }
    api.stop().await;
}

/// Opens data as soon as nobody has them open.
async fn open(folder: &Path) -> Arc<Sqlite> {
    let open = async {
        loop {
            match Sqlite::open(folder) {
                Ok(store) => return Arc::new(store),
                Err(StoreError::Locked(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, open).await.expect("the former server lets go of the data")
}

#[tokio::test]
async fn a_machine_is_what_it_was_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let api = Api::start_on(open(folder.path()).await, Limits::default()).await;
    let machine = api.machine("m", r#", "publish": true, "versionDescription": "first""#, WAIT).await;
    let by_machine = format!(r#"{{"stateMachineArn": "{machine}"}}"#);
    let described = api.ok("DescribeStateMachine", &by_machine).await;
    let execution = text(&api.ok("StartExecution", &by_machine).await, "executionArn");
    api.machine("n", "", PASS).await;
    let page = api.ok("ListStateMachines", r#"{"maxResults": 1}"#).await;
    api.stop().await;
    let api = Api::start_on(open(folder.path()).await, Limits::default()).await;
    let next = format!(r#"{{"nextToken": "{}"}}"#, text(&page, "nextToken"));
    assert_eq!(names(&api.ok("ListStateMachines", &next).await, "stateMachines", "name"), ["n"]);
    assert_eq!(api.ok("DescribeStateMachine", &by_machine).await, described);
    let by_version = format!(r#"{{"stateMachineArn": "{machine}:1"}}"#);
    assert_eq!(text(&api.ok("DescribeStateMachine", &by_version).await, "description"), "first");
    let shown = api.ok("DescribeExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    assert_eq!(text(&shown, "status"), "RUNNING");
    api.stop().await;
}

#[tokio::test]
async fn express_children_of_a_map_run_are_listed_and_described() {
    let api = Api::start().await;
    let each = |state: &str| {
        format!(
            r#"{{"StartAt": "Each", "States": {{"Each": {{"Type": "Map", "End": true, "Label": "L",
                "ToleratedFailurePercentage": 100,
                "ItemProcessor": {{"ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}},
                "StartAt": "S", "States": {{{state}}}}}}}}}}}"#
        )
    };
    let odd_fails = r#""S": {"Type": "Choice", "Default": "F",
        "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "P"}]},
        "P": {"Type": "Pass", "End": true}, "F": {"Type": "Fail", "Error": "Odd", "Cause": "it is"}"#;
    let machine = api.machine("m", "", &each(odd_fails)).await;
    let long = "x".repeat(300);
    let input = format!(r#"[{{\"n\": 1, \"long\": \"{long}\"}}, {{\"n\": 2}}, {{\"n\": 3}}]"#);
    let start = format!(r#"{{"stateMachineArn": "{machine}", "name": "e", "input": "{input}"}}"#);
    let execution = text(&api.ok("StartExecution", &start).await, "executionArn");
    assert_eq!(text(&api.wait_end(&execution).await, "status"), "SUCCEEDED");
    let runs = api.ok("ListMapRuns", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    let map_run = names(&runs, "mapRuns", "mapRunArn").remove(0);

    let list = |more: &str| format!(r#"{{"mapRunArn": "{map_run}"{more}}}"#);
    let all = api.ok("ListExecutions", &list("")).await;
    let arns = names(&all, "executions", "executionArn");
    assert_eq!(arns.len(), 3);
    let failed = api.ok("ListExecutions", &list(r#", "statusFilter": "FAILED""#)).await;
    assert_eq!(names(&failed, "executions", "status"), ["FAILED"]);
    for (filter, n) in [(r#", "redriveFilter": "REDRIVEN""#, 0), (r#", "redriveFilter": "NOT_REDRIVEN""#, 3)] {
        assert_eq!(names(&api.ok("ListExecutions", &list(filter)).await, "executions", "name").len(), n);
    }
    let mut walked = Vec::new();
    let mut token = String::new();
    loop {
        let page = api.ok("ListExecutions", &list(&format!(r#", "maxResults": 1{token}"#))).await;
        walked.extend(names(&page, "executions", "executionArn"));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => token = format!(r#", "nextToken": "{next}""#),
            None => break,
        }
    }
    assert_eq!(walked, arns);

    let mut inputs = Vec::new();
    for arn in &arns {
        assert!(arn.starts_with(&format!("{HERE}:express:m/L:")), "{arn}");
        let child = api.ok("DescribeExecution", &format!(r#"{{"executionArn": "{arn}"}}"#)).await;
        assert_eq!(text(&child, "executionArn"), *arn);
        assert_eq!(text(&child, "mapRunArn"), map_run);
        assert_eq!(text(&child, "stateMachineArn"), format!("{machine}/L"));
        assert!(child.get("stopDate").is_some() && child.get("startDate").is_some());
        inputs.push(text(&child, "input"));
        match text(&child, "status").as_str() {
            "SUCCEEDED" => assert_eq!(text(&child, "output"), text(&child, "input")),
            _ => assert_eq!((text(&child, "error"), text(&child, "cause")), ("Odd".to_owned(), "it is".to_owned())),
        }
        let metadata = format!(r#"{{"executionArn": "{arn}", "includedData": "METADATA_ONLY"}}"#);
        assert!(api.ok("DescribeExecution", &metadata).await.get("input").is_none());
        let refused = "400 InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'";
        for operation in ["GetExecutionHistory", "StopExecution", "DescribeStateMachineForExecution"] {
            assert_eq!(api.error(operation, &format!(r#"{{"executionArn": "{arn}"}}"#)).await, refused);
        }
    }
    inputs.sort();
    assert_eq!(inputs, [format!(r#"{{"n":1,"long":"{long}"}}"#), r#"{"n":2}"#.to_owned(), r#"{"n":3}"#.to_owned()]);
    let missing = format!("{HERE}:express:m/L:none:none");
    let error = api.error("DescribeExecution", &format!(r#"{{"executionArn": "{missing}"}}"#)).await;
    assert_eq!(error, format!("400 ExecutionDoesNotExist: Execution Does Not Exist: '{missing}'"));

    // One that runs is shown as such.
    let naps = api.machine("naps", "", &each(r#""S": {"Type": "Wait", "Seconds": 200, "End": true}"#)).await;
    let start = format!(r#"{{"stateMachineArn": "{naps}", "input": "[1, 2]"}}"#);
    let execution = text(&api.ok("StartExecution", &start).await, "executionArn");
    let runs = format!(r#"{{"executionArn": "{execution}"}}"#);
    let is_there = |answer: &Value| !names(answer, "mapRuns", "mapRunArn").is_empty();
    let map_run = names(&api.wait("ListMapRuns", &runs, is_there).await, "mapRuns", "mapRunArn").remove(0);
    let of_run = format!(r#"{{"mapRunArn": "{map_run}"}}"#);
    let run = |answer: &Value| names(answer, "executions", "status") == ["RUNNING", "RUNNING"];
    let running = names(&api.wait("ListExecutions", &of_run, run).await, "executions", "executionArn");
    let first = format!(r#"{{"executionArn": "{}"}}"#, running[0]);
    let child = api.ok("DescribeExecution", &first).await;
    assert_eq!((text(&child, "status"), child.get("stopDate")), ("RUNNING".to_owned(), None));
    // They are aborted with their Map Run.
    api.ok("StopExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    let are_aborted = |answer: &Value| names(answer, "executions", "status") == ["ABORTED", "ABORTED"];
    api.wait("ListExecutions", &of_run, are_aborted).await;
    assert_eq!(text(&api.ok("DescribeExecution", &first).await, "status"), "ABORTED");
    // No stop in peace: it would wait for the naps, which nobody keeps from running on.
}

#[tokio::test]
async fn map_runs_and_their_children_go_with_the_state_machine() {
    let api = Api::start().await;
    for execution_type in ["STANDARD", "EXPRESS"] {
        let definition = format!(
            r#"{{"StartAt": "Each", "States": {{"Each": {{"Type": "Map", "End": true, "Label": "L", "ItemProcessor": {{
                "ProcessorConfig": {{"Mode": "DISTRIBUTED", "ExecutionType": "{execution_type}"}},
                "StartAt": "P", "States": {{"P": {{"Type": "Pass", "End": true}}}}}}}}}}}}"#
        );
        let machine = api.machine("m", "", &definition).await;
        let start = format!(r#"{{"stateMachineArn": "{machine}", "name": "e", "input": "[1, 2]"}}"#);
        let execution = text(&api.ok("StartExecution", &start).await, "executionArn");
        assert_eq!(text(&api.wait_end(&execution).await, "status"), "SUCCEEDED");
        let runs = api.ok("ListMapRuns", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
        let map_run = names(&runs, "mapRuns", "mapRunArn").remove(0);
        let by_run = format!(r#"{{"mapRunArn": "{map_run}"}}"#);
        let child = names(&api.ok("ListExecutions", &by_run).await, "executions", "executionArn").remove(0);
        let by_child = format!(r#"{{"executionArn": "{child}"}}"#);
        api.ok("DescribeExecution", &by_child).await;

        api.ok("DeleteStateMachine", &format!(r#"{{"stateMachineArn": "{machine}"}}"#)).await;
        // One of the same name has other Map Runs, even if its execution has the same name, too.
        api.machine("m", "", &definition).await;
        api.ok("StartExecution", &start).await;
        assert_eq!(text(&api.wait_end(&execution).await, "status"), "SUCCEEDED");
        let gone = format!("400 ResourceNotFound: Resource not found: '{map_run}'");
        assert_eq!(api.error("DescribeMapRun", &by_run).await, gone);
        assert_eq!(api.error("ListExecutions", &by_run).await, gone);
        let gone = format!("400 ExecutionDoesNotExist: Execution Does Not Exist: '{child}'");
        assert_eq!(api.error("DescribeExecution", &by_child).await, gone);
        api.ok("DeleteStateMachine", &format!(r#"{{"stateMachineArn": "{machine}"}}"#)).await;
    }
    api.stop().await;
}

#[tokio::test]
async fn of_express_children_that_are_aborted_at_once_some_long_inputs_are_not_included() {
    let api = Api::start().await;
    let naps = r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "Label": "L",
        "ItemsPath": "$.items", "ItemSelector": {"long.$": "$.long", "n.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 200, "End": true}}}}}}"#;
    let machine = api.machine("naps", "", naps).await;
    // Together more than the 16 MiB of a transition that are kept of them.
    let (long, items) = ("x".repeat(200_000), vec!["1"; 100].join(", "));
    let input = format!(r#"{{\"items\": [{items}], \"long\": \"{long}\"}}"#);
    let start = format!(r#"{{"stateMachineArn": "{machine}", "input": "{input}"}}"#);
    let execution = text(&api.ok("StartExecution", &start).await, "executionArn");
    let runs = format!(r#"{{"executionArn": "{execution}"}}"#);
    let is_there = |answer: &Value| !names(answer, "mapRuns", "mapRunArn").is_empty();
    let map_run = names(&api.wait("ListMapRuns", &runs, is_there).await, "mapRuns", "mapRunArn").remove(0);
    let of_status = |status: &str| format!(r#"{{"mapRunArn": "{map_run}", "statusFilter": "{status}"}}"#);
    let all = |answer: &Value| names(answer, "executions", "status").len() == 100;
    api.wait("ListExecutions", &of_status("RUNNING"), all).await;
    api.ok("StopExecution", &format!(r#"{{"executionArn": "{execution}"}}"#)).await;
    let aborted = api.wait("ListExecutions", &of_status("ABORTED"), all).await;
    let aborted = names(&aborted, "executions", "executionArn");
    // The latest first: those whose turn came behind the bound.
    let left_out = 100 - (16 << 20) / 200_000 - 1;
    for (place, is_included) in [(0, false), (left_out - 1, false), (left_out, true), (99, true)] {
        let child = api.ok("DescribeExecution", &format!(r#"{{"executionArn": "{}"}}"#, aborted[place])).await;
        let details = child.get("inputDetails").and_then(|details| details.get("included")).and_then(Value::as_bool);
        assert_eq!((details, child.get("input").is_some()), (Some(is_included), is_included), "{place}");
    }
    // No stop in peace: it would wait for the naps, which nobody keeps from running on.
}
