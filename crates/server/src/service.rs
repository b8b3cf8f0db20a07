//! The service behind the protocol: from a named operation and a body to an answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use stepwell_aws::Place;
use stepwell_connect::Outside;
use stepwell_engine::{ExecutionId, ExecutionStatus, Timestamp};
use stepwell_node::{Node, Refusal};
use stepwell_store::{Codec, Kind, ListOf, ListQuery, RowNumber, Store, StoreError};
use stepwell_value::{Str, Value};
use tokio::sync::{Notify, watch};

use crate::api::{activities, aliases, executions, history, machines, map_runs, tags, tasks, validate, versions};
use crate::catalogue::cache::Cache;
use crate::catalogue::rows::MachineBody;
use crate::catalogue::{Catalogue, Target};
use crate::error::Error;
use crate::operation::Operation;
use crate::outside::Calls;
use crate::page::Pages;
use crate::reading::KNOWN_MAX;
use crate::shape::Params;
use crate::{log, world};

/// What the service is told about where it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The region of requests that do not say theirs; if `is_region_fixed`, of all.
    pub region: Str,
    /// Whether a region that a request was signed for counts for nothing.
    pub is_region_fixed: bool,
    /// The account of requests whose access key names none.
    pub account: Str,
}

/// The service: operations on a store.
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) codec: Codec,
    pub(crate) node: Node,
    pages: OnceLock<Pages>,
    pub(crate) known_executions: Mutex<Cache<Str, (ExecutionId, Timestamp)>>,
    config: Config,
    /// Machines that go when their last execution has ended.
    deleting: Mutex<BTreeSet<RowNumber>>,
    more_to_delete: Notify,
    /// Whether the server stops: then nobody waits for work that may come.
    is_stopping: watch::Sender<bool>,
}

/// What a request's head says, as far as operations need to know.
#[derive(Clone, Debug)]
pub(crate) struct Head<'r> {
    /// `X-Amz-Target`
    pub(crate) target: &'r str,
    /// Access key and region that the request was signed with.
    pub(crate) signer: Option<(&'r str, &'r str)>,
    /// `X-Amzn-Trace-Id`
    pub(crate) trace_header: Option<Str>,
}

/// A request whose members are checked.
#[derive(Debug)]
pub(crate) struct Call {
    /// Where what it names or makes lives.
    pub(crate) place: Place,
    pub(crate) params: Params,
    pub(crate) trace_header: Option<Str>,
}

/// Pause between two looks at machines that are being deleted.
const DELETING_PAUSE: Duration = Duration::from_millis(500);

/// What stands in front of the operation's name in `X-Amz-Target`.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

impl Service {
    /// The service on a store: runs what is open there and answers requests. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        outside: Outside,
        config: Config,
        node: stepwell_node::Config,
    ) -> Result<Arc<Service>, StoreError> {
        let codec = node.codec.clone();
        let catalogue = Arc::new(Catalogue::open(store.clone(), codec.clone())?);
        let node = Node::open(store.clone(), node, catalogue.clone(), Arc::new(Calls::new(outside)))?;
        Ok(Arc::new(Service {
            store,
            catalogue,
            codec,
            node,
            pages: OnceLock::new(),
            known_executions: Mutex::new(Cache::new(KNOWN_MAX)),
            config,
            deleting: Mutex::default(),
            more_to_delete: Notify::new(),
            is_stopping: watch::Sender::new(false),
        }))
    }

    /// Does what nobody asks for: lets deleted machines go. Ends when the server stops.
    pub async fn do_chores(self: Arc<Service>) {
        let service = self.clone();
        let found = tokio::task::spawn_blocking(move || service.find_deleting()).await;
        if let Ok(Err(error)) = found {
            log::failure("machines that are being deleted could not be looked for", &error);
        }
        while self.waits_for_chores().await {
            let service = self.clone();
            let removed = tokio::task::spawn_blocking(move || service.remove_deleted()).await;
            if let Ok(Err(error)) = removed {
                log::failure("a deleted machine could not be removed", &error);
            }
        }
    }

    /// Waits until it is time to look after deleted machines; false: the server stops.
    async fn waits_for_chores(&self) -> bool {
        let time = async {
            if self.deleting().is_empty() {
                self.more_to_delete.notified().await;
            }
            tokio::time::sleep(DELETING_PAUSE).await;
        };
        tokio::select! {
            () = time => true,
            () = self.stopped() => false,
        }
    }

    /// Lets workers go who wait for a task, since the server stops.
    pub(crate) fn dismiss_workers(&self) {
        self.is_stopping.send_replace(true);
    }

    /// Comes when the server stops.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as the service.
        let _ = self.is_stopping.subscribe().wait_for(|is_stopping| *is_stopping).await;
    }

    /// Finishes what is being done, for at most so long, and stops.
    pub async fn drain(&self, limit: Duration) {
        self.node.drain(limit).await;
    }

    /// Answers a request.
    pub(crate) async fn answer(self: &Arc<Service>, head: Head<'_>, body: &[u8]) -> Result<Value, Error> {
        let operation = head.target.strip_prefix(TARGET_PREFIX).and_then(Operation::named);
        let unknown = || Error::UnknownOperationException(format!("There is no operation {:?}", head.target));
        let operation = operation.ok_or_else(unknown)?;
        let params = Params::check(parse(body)?, operation.members())?;
        let call = Call { place: self.place(head.signer), params, trace_header: head.trace_header };
        self.call(operation, call).await
    }

    async fn call(self: &Arc<Service>, operation: Operation, call: Call) -> Result<Value, Error> {
        match operation {
            Operation::CreateActivity => self.aside(call, activities::create).await,
            Operation::CreateStateMachine => self.aside(call, machines::create).await,
            Operation::CreateStateMachineAlias => self.aside(call, aliases::create).await,
            Operation::DeleteActivity => self.aside(call, activities::delete).await,
            Operation::DeleteStateMachine => self.aside(call, machines::delete).await,
            Operation::DeleteStateMachineAlias => self.aside(call, aliases::delete).await,
            Operation::DeleteStateMachineVersion => self.aside(call, versions::delete).await,
            Operation::DescribeActivity => self.aside(call, activities::describe).await,
            // An Express child is looked for among many.
            Operation::DescribeExecution if executions::is_express(&call) => {
                self.aside(call, executions::describe).await
            }
            Operation::DescribeExecution => executions::describe(self, &call),
            Operation::DescribeMapRun => map_runs::describe(self, &call),
            Operation::DescribeStateMachine => self.aside(call, machines::describe).await,
            Operation::DescribeStateMachineAlias => self.aside(call, aliases::describe).await,
            Operation::DescribeStateMachineForExecution => self.aside(call, executions::describe_machine).await,
            Operation::GetActivityTask => tasks::poll(self, call).await,
            Operation::GetExecutionHistory => self.aside(call, history::history).await,
            Operation::ListActivities => self.aside(call, activities::list).await,
            Operation::ListExecutions => self.aside(call, executions::list).await,
            Operation::ListMapRuns => self.aside(call, map_runs::list).await,
            Operation::ListStateMachineAliases => self.aside(call, aliases::list).await,
            Operation::ListStateMachineVersions => self.aside(call, versions::list).await,
            Operation::ListStateMachines => self.aside(call, machines::list).await,
            Operation::ListTagsForResource => self.aside(call, tags::list).await,
            Operation::PublishStateMachineVersion => self.aside(call, versions::publish_version).await,
            Operation::RedriveExecution => executions::redrive(self, call).await,
            Operation::SendTaskFailure => tasks::failure(self, call).await,
            Operation::SendTaskHeartbeat => tasks::heartbeat(self, call).await,
            Operation::SendTaskSuccess => tasks::success(self, call).await,
            Operation::StartExecution => executions::start(self, call).await,
            Operation::StartSyncExecution => executions::start_sync(self, call).await,
            Operation::StopExecution => executions::stop(self, call).await,
            Operation::TagResource => self.aside(call, tags::tag).await,
            Operation::TestState => Err(Error::NotHereYet("TestState")),
            Operation::UntagResource => self.aside(call, tags::untag).await,
            Operation::UpdateMapRun => Err(Error::NotHereYet("UpdateMapRun")),
            Operation::UpdateStateMachine => self.aside(call, machines::update).await,
            Operation::UpdateStateMachineAlias => self.aside(call, aliases::update).await,
            Operation::ValidateStateMachineDefinition => self.aside(call, |_, call| validate::validate(call)).await,
        }
    }

    /// Runs what may take long or wait for the disk on a thread of its own.
    async fn aside(
        self: &Arc<Service>,
        call: Call,
        operation: impl FnOnce(&Service, &Call) -> Result<Value, Error> + Send + 'static,
    ) -> Result<Value, Error> {
        let service = self.clone();
        let done = tokio::task::spawn_blocking(move || operation(&service, &call)).await;
        done.unwrap_or_else(|_| Err(Error::ServiceUnavailable))
    }

    /// What an ARN means that something is to be started by.
    pub(crate) async fn target(self: &Arc<Service>, text: &str) -> Result<Arc<Target>, Error> {
        if let Some(target) = self.catalogue.known_target(text) {
            return Ok(target);
        }
        let (service, text) = (self.clone(), Str::new(text));
        let read = tokio::task::spawn_blocking(move || service.catalogue.target(&text)).await;
        read.unwrap_or(Err(Error::ServiceUnavailable))
    }

    /// Lets a machine that is being deleted go when nothing of it runs any more.
    pub(crate) fn finish_deletion(&self, machine: RowNumber) -> Result<(), Error> {
        self.node.stop_machine(machine);
        if self.has_running(machine)? {
            self.deleting().insert(machine);
            self.more_to_delete.notify_one();
            return Ok(());
        }
        machines::remove(self, machine)
    }

    /// Machines that were being deleted when the server stopped.
    fn find_deleting(&self) -> Result<(), Error> {
        let mut found = Vec::new();
        self.catalogue.each::<MachineBody>(Kind::StateMachine, |machine| {
            if machine.body.is_deleting {
                found.push(machine.number);
            }
        })?;
        found.into_iter().try_for_each(|machine| self.finish_deletion(machine))
    }

    fn remove_deleted(&self) -> Result<(), Error> {
        let machines: Vec<RowNumber> = self.deleting().iter().copied().collect();
        for machine in machines {
            if !self.has_running(machine)? {
                machines::remove(self, machine)?;
                self.deleting().remove(&machine);
            }
        }
        Ok(())
    }

    fn has_running(&self, machine: RowNumber) -> Result<bool, Error> {
        let of = ListOf::Machine(machine);
        let query = ListQuery { of, qualifier: None, status: Some(ExecutionStatus::Running), redriven: None };
        Ok(!self.store.list(&query, None, 1)?.is_empty())
    }

    fn deleting(&self) -> std::sync::MutexGuard<'_, BTreeSet<RowNumber>> {
        self.deleting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What makes page tokens; its key is kept when the first one is made, so that a start writes less.
    pub(crate) fn pages(&self) -> Result<&Pages, Error> {
        if let Some(pages) = self.pages.get() {
            return Ok(pages);
        }
        let key = self.store.keep("page-token-key", &world::random::<32>())?;
        Ok(self.pages.get_or_init(|| Pages::new(&key)))
    }

    /// Account and region of a request.
    fn place(&self, signer: Option<(&str, &str)>) -> Place {
        let (key, region) = signer.unwrap_or_default();
        let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
        let account = if is_account { Str::from(key) } else { self.config.account.clone() };
        let is_region = !self.config.is_region_fixed && is_region(region);
        let region = if is_region { Str::from(region) } else { self.config.region.clone() };
        Place { partition: partition_of(&region).into(), region, account }
    }
}

/// What a node refuses, as the API names it; `arn` is what the request was about.
pub(crate) fn refused(refusal: Refusal, arn: &str) -> Error {
    match refusal {
        Refusal::Throttled => Error::ThrottlingException,
        Refusal::Away => Error::InternalFailure,
        Refusal::NameTaken { .. } => Error::ExecutionAlreadyExists(arn.into()),
        Refusal::NotFound => Error::ExecutionDoesNotExist(arn.into()),
        Refusal::NotRedrivable(reason) => Error::ExecutionNotRedrivable(reason.to_string()),
        Refusal::InvalidToken => Error::InvalidToken,
        Refusal::TaskTimedOut => Error::TaskTimedOut,
        Refusal::TaskDoesNotExist => Error::TaskDoesNotExist,
        Refusal::WorkerLimit => Error::ActivityWorkerLimitExceeded,
    }
}

/// What is stored is not what a release of ours wrote; that is for the log.
pub(crate) fn unreadable(error: impl std::error::Error) -> Error {
    log::failure("what is stored could not be read", &error);
    Error::InternalFailure
}

/// Whether a text has the form of a region: `eu-central-1`.
fn is_region(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(is_part)
}

/// The partition that a region belongs to.
fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Reads a body; an empty one has no members.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::SerializationException("The request body is not UTF-8".to_owned()))?;
    if text.trim_ascii().is_empty() {
        return Ok(Value::empty_object());
    }
    stepwell_value::parse(text).map_err(|error| Error::SerializationException(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_a_form_and_a_partition() {
        assert!(is_region("eu-central-1") && is_region("us-gov-west-1"));
        assert!(!is_region("") && !is_region("local") && !is_region("eu-central-1; drop") && !is_region("a--1"));
        assert_eq!(partition_of("cn-north-1"), "aws-cn");
    }
}
