//! The service behind the protocol: from a named operation and a body to an answer.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use stepwell_aws::Place;
use stepwell_connect::Outside;
use stepwell_engine::{ExecutionId, ExecutionStatus, Timestamp};
use stepwell_node::{Node, Refusal};
use stepwell_store::{Codec, Kind, ListOf, ListQuery, Revision, RowNumber, Shards, Store, StoreError};
use stepwell_value::{Str, Value};
use tokio::sync::{Notify, watch};

use crate::api::{activities, aliases, executions, history, machines, map_runs, tags, tasks, validate, versions};
use crate::catalogue::cache::Cache;
use crate::catalogue::rows::{MachineBody, RevisionBody};
use crate::catalogue::{Catalogue, Entry, Target, lock};
use crate::error::Error;
use crate::operation::Operation;
use crate::outside::Calls;
use crate::page::Pages;
use crate::reading::{KNOWN_MAX, SEEN_MAX, Shown};
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
    pub(crate) seen_executions: Mutex<Cache<ExecutionId, (Revision, Shown)>>,
    config: Config,
    /// Machines that go when their last execution has ended.
    deleting: Mutex<BTreeMap<RowNumber, Look>>,
    more_to_delete: Notify,
    /// Starts that are under way, by machine.
    starting: Mutex<BTreeMap<RowNumber, usize>>,
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

/// How often a start looks for its machine anew that was deleted and made again in the meantime.
const STARTS_MAX: usize = 3;

/// When to look again whether a machine can go.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    pause: Duration,
}

/// Pause between two looks at machines that are being deleted.
const DELETING_PAUSE: Duration = Duration::from_millis(500);

/// The pause of Express machines doubles up to this one: a look reads all Express executions there are.
const DELETING_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The same after the store has failed.
const FAILED_PAUSE: Duration = Duration::from_secs(10);

/// What stands in front of the operation's name in `X-Amz-Target`.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

const TEST_STATE: Error = Error::NotHereYet {
    operation: "TestState",
    instead: "To try a definition with mocks for its tasks: stepwell run FILE --mock STATE=JSON (stepwell help mocks)",
};

const UPDATE_MAP_RUN: Error = Error::NotHereYet {
    operation: "UpdateMapRun",
    instead: "Set MaxConcurrency and the tolerated failures in the Map state, by MaxConcurrencyPath and the like from the \
              execution's input, and start an execution anew",
};

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
            seen_executions: Mutex::new(Cache::new(SEEN_MAX)),
            config,
            deleting: Mutex::default(),
            more_to_delete: Notify::new(),
            starting: Mutex::default(),
            is_stopping: watch::Sender::new(false),
        }))
    }

    /// Does what nobody asks for: lets deleted machines go. Ends when the server stops.
    pub async fn do_chores(self: Arc<Service>) {
        while !self.chore(Service::find_deleting).await && self.is_on_after(FAILED_PAUSE).await {}
        while self.waits_for_chores().await {
            self.chore(Service::remove_deleted).await;
        }
    }

    /// Does a piece of work beside the requests; false when it failed, which the log knows.
    async fn chore(self: &Arc<Service>, work: fn(&Service) -> Result<(), Error>) -> bool {
        let done = self.beside(work).await;
        if let Err(error) = &done {
            log::failure("a machine that is being deleted could not be looked after", error);
        }
        done.is_ok()
    }

    /// Waits until it is time to look after deleted machines; false: the server stops.
    async fn waits_for_chores(&self) -> bool {
        if lock(&self.deleting).is_empty() {
            tokio::select! {
                () = self.more_to_delete.notified() => {}
                () = self.stopped() => return false,
            }
        }
        self.is_on_after(DELETING_PAUSE).await
    }

    /// Waits so long; false: the server stops.
    async fn is_on_after(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stopped()).await.is_err()
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
            Operation::DescribeMapRun => self.aside(call, map_runs::describe).await,
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
            Operation::TestState => Err(TEST_STATE),
            Operation::UntagResource => self.aside(call, tags::untag).await,
            Operation::UpdateMapRun => Err(UPDATE_MAP_RUN),
            Operation::UpdateStateMachine => self.aside(call, machines::update).await,
            Operation::UpdateStateMachineAlias => self.aside(call, aliases::update).await,
            Operation::ValidateStateMachineDefinition => self.aside(call, |_, call| validate::validate(call)).await,
        }
    }

    /// Runs an operation that may take long or wait for the disk on a thread of its own.
    async fn aside(
        self: &Arc<Service>,
        call: Call,
        operation: impl FnOnce(&Service, &Call) -> Result<Value, Error> + Send + 'static,
    ) -> Result<Value, Error> {
        self.beside(move |service| operation(service, &call)).await
    }

    /// Does work that may wait for the disk on a thread of its own.
    pub(crate) async fn beside<T: Send + 'static>(
        self: &Arc<Service>,
        work: impl FnOnce(&Service) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let service = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&service)).await;
        done.unwrap_or(Err(Error::ServiceUnavailable))
    }

    /// What an ARN means that something is to be started by.
    pub(crate) async fn target(self: &Arc<Service>, text: &str) -> Result<Arc<Target>, Error> {
        if let Some(target) = self.catalogue.known_target(text) {
            return Ok(target);
        }
        let text = Str::new(text);
        self.beside(move |service| service.catalogue.target(&text)).await
    }

    /// The same, and a machine that stays while the other part is held: what is started would have no definition else.
    pub(crate) async fn target_to_start(self: &Arc<Service>, text: &str) -> Result<(Arc<Target>, Starting), Error> {
        for _ in 0..STARTS_MAX {
            let machine = self.target(text).await?.machine;
            *lock(&self.starting).entry(machine).or_default() += 1;
            let starting = Starting { service: self.clone(), machine };
            // Whoever deletes a machine says so before looking for starts: it is seen here, or this start there.
            let target = self.target(text).await?;
            if target.machine == machine {
                return Ok((target, starting));
            }
        }
        Err(Error::ThrottlingException)
    }

    /// Lets a machine that is being deleted go when nothing of it runs any more.
    pub(crate) fn finish_deletion(&self, machine: RowNumber) -> Result<(), Error> {
        self.node.stop_machine(machine);
        match self.is_in_use(machine)? {
            true => self.look_after(machine),
            false => machines::remove(self, machine)?,
        }
        Ok(())
    }

    fn look_after(&self, machine: RowNumber) {
        lock(&self.deleting).insert(machine, Look { at: Instant::now(), pause: DELETING_PAUSE });
        self.more_to_delete.notify_one();
    }

    /// Machines that were being deleted when the server stopped.
    fn find_deleting(&self) -> Result<(), Error> {
        let deleting = |machine: Entry<MachineBody>| {
            if machine.body.is_deleting {
                self.node.stop_machine(machine.number);
                self.look_after(machine.number);
            }
        };
        Ok(self.catalogue.each::<MachineBody>(Kind::StateMachine, deleting)?)
    }

    /// One that cannot be removed holds up no other.
    fn remove_deleted(&self) -> Result<(), Error> {
        let now = Instant::now();
        let machines: Vec<_> = lock(&self.deleting).iter().map(|(machine, look)| (*machine, *look)).collect();
        let mut done = Ok(());
        for (machine, look) in machines.into_iter().filter(|(_, look)| look.at <= now) {
            if let Err(error) = self.remove_if_unused(machine, look.pause, now) {
                lock(&self.deleting).insert(machine, Look { at: now + FAILED_PAUSE, ..look });
                done = Err(error);
            }
        }
        done
    }

    fn remove_if_unused(&self, machine: RowNumber, pause: Duration, now: Instant) -> Result<(), Error> {
        if !self.is_in_use(machine)? {
            machines::remove(self, machine)?;
            lock(&self.deleting).remove(&machine);
        } else if self.is_express(machine)? {
            let next = Look { at: now + pause, pause: (pause * 2).min(DELETING_PAUSE_MAX) };
            lock(&self.deleting).insert(machine, next);
        }
        Ok(())
    }

    /// Whether something runs, or is about to be started, that needs a definition of the machine.
    fn is_in_use(&self, machine: RowNumber) -> Result<bool, Error> {
        if lock(&self.starting).contains_key(&machine) {
            return Ok(true);
        }
        let of = ListOf::Machine(machine);
        let query = ListQuery { of, qualifier: None, status: Some(ExecutionStatus::Running), redriven: None };
        Ok(!self.store.list(&query, None, 1)?.is_empty() || self.has_running_express(machine)?)
    }

    fn is_express(&self, machine: RowNumber) -> Result<bool, Error> {
        Ok(self.catalogue.get::<MachineBody>(machine)?.is_some_and(|machine| machine.body.is_express))
    }

    /// Whether asynchronous Express executions of a machine are under way, which start over after a crash.
    fn has_running_express(&self, machine: RowNumber) -> Result<bool, Error> {
        if !self.is_express(machine)? {
            return Ok(false);
        }
        let open = self.store.express_open(&Shards::ALL)?;
        let revisions: BTreeSet<RowNumber> = open.into_iter().map(|record| record.definition).collect();
        for revision in revisions {
            if self.catalogue.get::<RevisionBody>(revision)?.is_some_and(|revision| revision.parent == Some(machine)) {
                return Ok(true);
            }
        }
        Ok(false)
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

/// A start that is under way: until this is dropped its machine stays.
pub(crate) struct Starting {
    service: Arc<Service>,
    machine: RowNumber,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let btree_map::Entry::Occupied(mut starts) = lock(&self.service.starting).entry(self.machine) {
            *starts.get_mut() -= 1;
            if *starts.get() == 0 {
                starts.remove();
            }
        }
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
    use stepwell_store::memory::Memory;
    use stepwell_store::{CatalogueWrite, Parent, Place};

    use super::*;

    fn service() -> Arc<Service> {
        let config =
            Config { region: Str::new("us-east-1"), is_region_fixed: false, account: Str::new("123456789012") };
        let node = stepwell_node::Config { workers: 1, ..stepwell_node::Config::default() };
        Service::open(Arc::new(Memory::new()), Outside::new(None), config, node).expect("memory can be read")
    }

    async fn call(service: &Arc<Service>, operation: &str, params: &str) -> Result<Value, Error> {
        let target = format!("{TARGET_PREFIX}{operation}");
        service.answer(Head { target: &target, signer: None, trace_header: None }, params.as_bytes()).await
    }

    #[tokio::test]
    async fn a_machine_stays_while_something_of_it_is_about_to_start() {
        let service = service();
        let made = r#"{"name": "m", "roleArn": "arn:aws:iam::123456789012:role/r",
            "definition": "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"}"#;
        call(&service, "CreateStateMachine", made).await.expect("it is valid");
        let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
        let params = format!(r#"{{"stateMachineArn": "{arn}"}}"#);
        let (target, starting) = service.target_to_start(arn).await.expect("it is there");
        assert!(!target.is_deleting);
        call(&service, "DeleteStateMachine", &params).await.expect("it can be deleted");
        let status = async || call(&service, "DescribeStateMachine", &params).await.map(|it| it.get("status").cloned());
        assert_eq!(status().await, Ok(Some("DELETING".into())));
        // Whoever comes now sees it.
        assert!(service.target_to_start(arn).await.expect("it is there").0.is_deleting);
        drop(starting);
        service.remove_deleted().expect("memory can be written");
        assert_eq!(status().await, Err(Error::StateMachineDoesNotExist(arn.into())));
    }

    #[tokio::test]
    async fn a_machine_that_cannot_be_removed_holds_up_no_other() {
        let service = service();
        let mut removed = Vec::new();
        for name in ["broken", "whole"] {
            let made = format!(
                r#"{{"name": "{name}", "roleArn": "arn:aws:iam::123456789012:role/r",
                "definition": "{{\"StartAt\":\"P\",\"States\":{{\"P\":{{\"Type\":\"Pass\",\"End\":true}}}}}}"}}"#
            );
            call(&service, "CreateStateMachine", &made).await.expect("it is valid");
            let arn = format!("arn:aws:states:us-east-1:123456789012:stateMachine:{name}");
            let (target, starting) = service.target_to_start(&arn).await.expect("it is there");
            let params = format!(r#"{{"stateMachineArn": "{arn}"}}"#);
            call(&service, "DeleteStateMachine", &params).await.expect("it can be deleted");
            drop(starting);
            removed.push(target.machine);
        }
        let broken = CatalogueWrite::Insert {
            kind: Kind::Revision,
            key: Str::new("no revision"),
            parent: Some(Parent::Row(removed[0])),
            body: service.codec.seal(Place::Row(Kind::Revision, "no revision"), b"\xff").expect("it can be sealed"),
        };
        service.store.write_catalogue(vec![broken]).expect("memory can be written").expect("the key is new");
        // As at the next start, too.
        service.find_deleting().expect("memory can be read");
        service.remove_deleted().expect_err("one of its revisions cannot be read");
        let is_there = |machine| service.catalogue.get::<MachineBody>(machine).expect("it can be read").is_some();
        assert_eq!(removed.iter().map(|machine| is_there(*machine)).collect::<Vec<_>>(), [true, false]);
        // It has a pause of its own.
        service.remove_deleted().expect("nothing is due");
    }

    #[test]
    fn regions_have_a_form_and_a_partition() {
        assert!(is_region("eu-central-1") && is_region("us-gov-west-1"));
        assert!(!is_region("") && !is_region("local") && !is_region("eu-central-1; drop") && !is_region("a--1"));
        assert_eq!(partition_of("cn-north-1"), "aws-cn");
    }
}
