//! Logging, tracing and encryption configurations: read from requests, checked, and shown again
//! (`reference/api.md`, section 12).

use stepwell_aws::Arn;
use stepwell_value::{Object, Value};

use crate::catalogue::rows::{CustomerKey, Encryption, LogLevel, Logging};
use crate::error::Error;
use crate::shape::Params;

/// How long a data key is used when nothing is said, in seconds.
const REUSE_S: u32 = 300;

/// `loggingConfiguration`
pub(super) fn logging(given: &Params) -> Result<Logging, Error> {
    let level = LogLevel::named(given.text("level").unwrap_or("OFF"));
    let destinations = given.structures("destinations").map(|destinations| {
        let arn = |destination: &Params| {
            let group = destination.structure("cloudWatchLogsLogGroup");
            group.and_then(|group| group.text("logGroupArn").map(str::to_owned)).unwrap_or_default()
        };
        destinations.iter().map(arn).collect::<Vec<_>>()
    });
    let n = destinations.as_ref().map_or(0, Vec::len);
    if n > 1 || n == 0 && level != LogLevel::Off {
        return Err(Error::InvalidLoggingConfiguration("Must specify exactly one Log Destination."));
    }
    destinations.iter().flatten().try_for_each(|arn| check_log_group(arn))?;
    Ok(Logging { level, includes_data: given.boolean("includeExecutionData").unwrap_or(false), destinations })
}

fn check_log_group(text: &str) -> Result<(), Error> {
    let Ok(arn) = Arn::parse(text) else {
        return Err(Error::InvalidLoggingConfiguration("Must set valid CloudWatch Log Group ARN."));
    };
    if arn.service() != "logs" || !arn.resource().starts_with("log-group:") {
        return Err(Error::InvalidLoggingConfiguration("Provided ARN is not CloudWatch Logs Log Group ARN."));
    }
    if !arn.resource().ends_with(":*") {
        return Err(Error::InvalidLoggingConfiguration("Log Group ARN must be provided with '*' qualifier."));
    }
    Ok(())
}

/// A machine that logs must have a name that CloudWatch can write.
pub(super) fn check_logging_name(name: &str, logging: &Logging) -> Result<(), Error> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "./-_:".contains(c);
    match logging.level != LogLevel::Off && !name.chars().all(is_fine) {
        true => Err(Error::InvalidName(name.into())),
        false => Ok(()),
    }
}

/// `tracingConfiguration`: whether it is on.
pub(super) fn tracing(given: &Params) -> Result<bool, Error> {
    given.boolean("enabled").ok_or(Error::InvalidTracingConfiguration)
}

/// `encryptionConfiguration`
pub(super) fn encryption(given: &Params) -> Result<Encryption, Error> {
    let refused = |text: &str| Err(Error::InvalidEncryptionConfiguration(text.to_owned()));
    let reuse_s = given.integer("kmsDataKeyReusePeriodSeconds").and_then(|seconds| u32::try_from(seconds).ok());
    if given.text("type") == Some("CUSTOMER_MANAGED_KMS_KEY") {
        let Some(id) = given.text("kmsKeyId") else { return refused("Must set a valid kmsKeyId.") };
        return Ok(Encryption { key: Some(CustomerKey { id: id.to_owned(), reuse_s: reuse_s.unwrap_or(REUSE_S) }) });
    }
    if given.text("kmsKeyId").is_some() {
        return refused("Custom kmsKeyId is not allowed when selecting AWS_OWNED_KEY.");
    }
    if reuse_s.is_some() {
        return refused("Custom kmsDataKeyReusePeriodSeconds is not allowed when selecting AWS_OWNED_KEY.");
    }
    Ok(Encryption::default())
}

/// `loggingConfiguration` of an answer.
pub(super) fn show_logging(logging: &Logging) -> Value {
    let mut shown = Object::with_capacity(3);
    shown.insert("level", logging.level.name().into());
    shown.insert("includeExecutionData", logging.includes_data.into());
    if let Some(destinations) = &logging.destinations {
        let destination = |arn: &String| -> Value {
            let group: Value = [("logGroupArn", arn.as_str().into())].into_iter().collect();
            [("cloudWatchLogsLogGroup", group)].into_iter().collect()
        };
        shown.insert("destinations", destinations.iter().map(destination).collect());
    }
    shown.into()
}

/// `tracingConfiguration` of an answer.
pub(super) fn show_tracing(is_traced: bool) -> Value {
    [("enabled", is_traced.into())].into_iter().collect()
}

/// `encryptionConfiguration` of an answer.
pub(super) fn show_encryption(encryption: &Encryption) -> Value {
    match &encryption.key {
        None => [("type", "AWS_OWNED_KEY".into())].into_iter().collect(),
        Some(key) => [
            ("kmsKeyId", key.id.as_str().into()),
            ("kmsDataKeyReusePeriodSeconds", key.reuse_s.into()),
            ("type", "CUSTOMER_MANAGED_KMS_KEY".into()),
        ]
        .into_iter()
        .collect(),
    }
}
