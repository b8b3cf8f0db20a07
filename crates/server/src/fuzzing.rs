//! What random inputs are tried on: the readers of requests and of page tokens, without a server around them.

use stepwell_engine::Timestamp;

use crate::arn::{self, ExecutionArn, MachineArn};
use crate::error::Error;
use crate::operation::Operation;
use crate::page::{Pages, Query};
use crate::service;
use crate::shape::Params;

/// Members that name something of ours.
const ARNS: [&str; 8] = [
    "activityArn",
    "executionArn",
    "mapRunArn",
    "resourceArn",
    "roleArn",
    "stateMachineAliasArn",
    "stateMachineArn",
    "stateMachineVersionArn",
];

/// Reads a request as far as it can be read without knowing what there is: JSON, shapes, names and ARNs.
///
/// # Errors
/// What the service would answer.
pub fn request(operation: &str, body: &[u8]) -> Result<(), Error> {
    let unknown = || Error::UnknownOperationException(operation.to_owned());
    let operation = Operation::named(operation).ok_or_else(unknown)?;
    let params = Params::check(service::parse(body)?, operation.members())?;
    if let Some(name) = params.text("name") {
        arn::check_name(name)?;
    }
    for text in ARNS.into_iter().filter_map(|member| params.text(member)) {
        // One of these may take it, and none may panic.
        let taken = [
            MachineArn::parse(text).map(|_| ()),
            MachineArn::unqualified(text).map(|_| ()),
            MachineArn::version(text).map(|_| ()),
            MachineArn::alias(text).map(|_| ()),
            ExecutionArn::parse(text).map(|_| ()),
            arn::activity(text),
            arn::map_run(text),
            arn::role(text),
        ];
        if taken.iter().all(Result::is_err) {
            return taken.into_iter().next().unwrap_or(Ok(()));
        }
    }
    Ok(())
}

/// Page tokens under a key of their own.
pub struct PageTokens(Pages);

impl PageTokens {
    /// Tokens under `key`.
    pub fn new(key: &[u8]) -> PageTokens {
        PageTokens(Pages::new(key))
    }

    /// A token for a place in the answer to a query; `now_ms` is in milliseconds since 1970.
    pub fn token(&self, query: &str, place: &[u8], now_ms: i64) -> String {
        self.0.token(&Query::new(query, &[]), place, Timestamp(now_ms))
    }

    /// The place that a token stands for.
    ///
    /// # Errors
    /// When it is not ours, of another query, or too old.
    pub fn place(&self, query: &str, token: &str, now_ms: i64) -> Result<Vec<u8>, Error> {
        self.0.place(&Query::new(query, &[]), token, Timestamp(now_ms))
    }
}
