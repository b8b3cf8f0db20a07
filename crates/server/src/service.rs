//! The service behind the protocol: from a named operation and a body to an answer.

use std::sync::Arc;

use stepwell_aws::Place;
use stepwell_store::{RowNumber, Store, StoreError};
use stepwell_value::{Str, Value};

use crate::api::{activities, aliases, machines, tags, validate, versions};
use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::operation::Operation;
use crate::page::Pages;
use crate::shape::Params;
use crate::world;

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
    pub(crate) pages: Pages,
    config: Config,
}

/// What a request's head says, as far as operations need to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// `X-Amz-Target`
    pub(crate) target: String,
    /// Access key and region that the request was signed with.
    pub(crate) signer: Option<(String, String)>,
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

/// What stands in front of the operation's name in `X-Amz-Target`.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

impl Service {
    /// The service on a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: Arc<dyn Store>, config: Config) -> Result<Arc<Service>, StoreError> {
        let pages = Pages::new(&store.keep("page-token-key", &world::random::<32>())?);
        let catalogue = Arc::new(Catalogue::new(store.clone()));
        Ok(Arc::new(Service { store, catalogue, pages, config }))
    }

    /// Answers a request.
    pub(crate) async fn answer(self: &Arc<Service>, head: Head, body: &[u8]) -> Result<Value, Error> {
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
            Operation::DescribeStateMachine => self.aside(call, machines::describe).await,
            Operation::DescribeStateMachineAlias => self.aside(call, aliases::describe).await,
            Operation::ListActivities => self.aside(call, activities::list).await,
            Operation::ListStateMachineAliases => self.aside(call, aliases::list).await,
            Operation::ListStateMachineVersions => self.aside(call, versions::list).await,
            Operation::ListStateMachines => self.aside(call, machines::list).await,
            Operation::ListTagsForResource => self.aside(call, tags::list).await,
            Operation::PublishStateMachineVersion => self.aside(call, versions::publish_version).await,
            Operation::TagResource => self.aside(call, tags::tag).await,
            Operation::UntagResource => self.aside(call, tags::untag).await,
            Operation::UpdateStateMachine => self.aside(call, machines::update).await,
            Operation::UpdateStateMachineAlias => self.aside(call, aliases::update).await,
            Operation::ValidateStateMachineDefinition => self.aside(call, |_, call| validate::validate(call)).await,
            Operation::TestState => Err(Error::NotHereYet("TestState")),
            Operation::UpdateMapRun => Err(Error::NotHereYet("UpdateMapRun")),
            _ => Err(Error::NotHereYet(operation.name())),
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

    /// Lets a machine that is being deleted go when nothing of it runs any more.
    pub(crate) fn finish_deletion(&self, machine: RowNumber) -> Result<(), Error> {
        machines::remove(self, machine)
    }

    /// Account and region of a request.
    fn place(&self, signer: Option<(String, String)>) -> Place {
        let (key, region) = signer.unwrap_or_default();
        let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
        let account = if is_account { Str::from(key) } else { self.config.account.clone() };
        let is_region = !self.config.is_region_fixed && is_region(&region);
        let region = if is_region { Str::from(region) } else { self.config.region.clone() };
        Place { partition: partition_of(&region).into(), region, account }
    }
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
fn parse(body: &[u8]) -> Result<Value, Error> {
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
