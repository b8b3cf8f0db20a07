//! Drives a Step Functions server with AWS's SDK for Rust; the only argument is the server's URL.
//!
//! Ends with status 0 when every way to use it works, else with what did not.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sfn::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_sfn::error::{BoxError, DisplayErrorContext};
use aws_sdk_sfn::types::{ExecutionStatus, RoutingConfigurationListItem, StateMachineType};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

const PASS: &str = r#"{"StartAt":"Pass","States":{"Pass":{"Type":"Pass","End":true}}}"#;

const WAIT: &str = r#"{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","SecondsPath":"$.s","Next":"Done"},
    "Done":{"Type":"Pass","Result":{"done":true},"End":true}}}"#;

type Done = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let url = std::env::args().nth(1).ok_or("usage: aws-sdk-client URL")?;
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .interceptor(SameHost { url })
        .build();
    let client = Client::from_conf(config);
    let mut failed = Vec::new();
    for (name, result) in [
        ("executions", executions(&client).await),
        ("stop and redrive", stop_and_redrive(&client).await),
        ("versions and aliases", versions_and_aliases(&client).await),
        ("an activity's worker", activity_worker(&client).await),
        ("synchronous executions", synchronous(&client).await),
    ] {
        match result {
            Ok(()) => println!("{name}: works"),
            Err(error) => failed.push(format!("{name}: {}", DisplayErrorContext(&*error))),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

/// The SDK puts `sync-` before the host of StartSyncExecution; nobody here could resolve that name.
#[derive(Debug)]
struct SameHost {
    url: String,
}

impl Intercept for SameHost {
    fn name(&self) -> &'static str {
        "SameHost"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().set_uri(format!("{}/", self.url))?;
        Ok(())
    }
}

async fn create(client: &Client, name: &str, definition: &str, kind: StateMachineType) -> Result<String, Box<dyn Error>> {
    let request = client.create_state_machine().name(name).definition(definition).role_arn(ROLE).r#type(kind);
    Ok(request.send().await?.state_machine_arn)
}

async fn start(client: &Client, machine: &str, input: &str) -> Result<String, Box<dyn Error>> {
    Ok(client.start_execution().state_machine_arn(machine).input(input).send().await?.execution_arn)
}

/// Waits until an execution has ended, demands a status, and gives its output.
async fn wait(client: &Client, execution: &str, wanted: ExecutionStatus) -> Result<Option<String>, Box<dyn Error>> {
    let start = Instant::now();
    loop {
        let described = client.describe_execution().execution_arn(execution).send().await?;
        if described.status == wanted {
            return Ok(described.output);
        }
        if described.status != ExecutionStatus::Running || start.elapsed() > Duration::from_secs(20) {
            return Err(format!("{execution} is {}, not {wanted}", described.status).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn same(found: &str, wanted: &str) -> Done {
    if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}").into()) }
}

async fn executions(client: &Client) -> Done {
    let machine = create(client, "sdk-waits", WAIT, StateMachineType::Standard).await?;
    let execution = start(client, &machine, r#"{"s":1}"#).await?;
    let output = wait(client, &execution, ExecutionStatus::Succeeded).await?;
    same(&output.unwrap_or_default(), r#"{"done":true}"#)?;
    let mut kinds = Vec::new();
    let mut pages = client.get_execution_history().execution_arn(&execution).max_results(2).into_paginator().send();
    while let Some(page) = pages.next().await {
        kinds.extend(page?.events.into_iter().map(|event| event.r#type.as_str().to_owned()));
    }
    same(
        &kinds.join(" "),
        "ExecutionStarted WaitStateEntered WaitStateExited PassStateEntered PassStateExited ExecutionSucceeded",
    )?;
    match client.describe_execution().execution_arn(format!("{execution}x")).send().await {
        Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_does_not_exist()) => Ok(()),
        other => Err(format!("an execution that is not there: {other:?}").into()),
    }
}

async fn stop_and_redrive(client: &Client) -> Done {
    let machine = create(client, "sdk-stops", WAIT, StateMachineType::Standard).await?;
    let execution = start(client, &machine, r#"{"s":600}"#).await?;
    client.stop_execution().execution_arn(&execution).error("Enough").cause("It took too long.").send().await?;
    wait(client, &execution, ExecutionStatus::Aborted).await?;
    client.redrive_execution().execution_arn(&execution).send().await?;
    let redriven = client.describe_execution().execution_arn(&execution).send().await?;
    same(&format!("{} {:?}", redriven.status, redriven.redrive_count), "RUNNING Some(1)")?;
    client.stop_execution().execution_arn(&execution).send().await?;
    wait(client, &execution, ExecutionStatus::Aborted).await?;
    Ok(())
}

async fn versions_and_aliases(client: &Client) -> Done {
    let machine = create(client, "sdk-versions", PASS, StateMachineType::Standard).await?;
    let version = client.publish_state_machine_version().state_machine_arn(&machine).send().await?;
    let version = version.state_machine_version_arn;
    same(&version, &format!("{machine}:1"))?;
    let route = RoutingConfigurationListItem::builder().state_machine_version_arn(&version).weight(100).build()?;
    let alias = client.create_state_machine_alias().name("PROD").routing_configuration(route).send().await?;
    let alias = alias.state_machine_alias_arn;
    let execution = start(client, &alias, "{}").await?;
    wait(client, &execution, ExecutionStatus::Succeeded).await?;
    let described = client.describe_execution().execution_arn(&execution).send().await?;
    same(described.state_machine_alias_arn().unwrap_or_default(), &alias)?;
    same(described.state_machine_version_arn().unwrap_or_default(), &version)?;
    client.delete_state_machine_alias().state_machine_alias_arn(&alias).send().await?;
    client.delete_state_machine_version().state_machine_version_arn(&version).send().await?;
    client.delete_state_machine().state_machine_arn(&machine).send().await?;
    Ok(())
}

async fn activity_worker(client: &Client) -> Done {
    let activity = client.create_activity().name("sdk-asks").send().await?.activity_arn;
    let definition = format!(r#"{{"StartAt":"Ask","States":{{"Ask":{{"Type":"Task","Resource":"{activity}","End":true}}}}}}"#);
    let machine = create(client, "sdk-asks", &definition, StateMachineType::Standard).await?;
    for number in 0..5 {
        let execution = start(client, &machine, &number.to_string()).await?;
        let task = client.get_activity_task().activity_arn(&activity).worker_name("sdk").send().await?;
        same(task.input().unwrap_or_default(), &number.to_string())?;
        let token = task.task_token().unwrap_or_default();
        client.send_task_heartbeat().task_token(token).send().await?;
        client.send_task_success().task_token(token).output("true").send().await?;
        let output = wait(client, &execution, ExecutionStatus::Succeeded).await?;
        same(&output.unwrap_or_default(), "true")?;
    }
    Ok(())
}

async fn synchronous(client: &Client) -> Done {
    let machine = create(client, "sdk-express", WAIT, StateMachineType::Express).await?;
    let ended = client.start_sync_execution().state_machine_arn(&machine).input(r#"{"s":0}"#).send().await?;
    same(ended.status.as_str(), "SUCCEEDED")?;
    same(ended.output().unwrap_or_default(), r#"{"done":true}"#)
}
