//! The errors of the API: one enum, and one table of their names, statuses and texts.

use std::fmt;

use stepwell_store::StoreError;
use stepwell_value::{Object, Str, Value};

/// An error as the API names it. Texts: `reference/api.md`, section 3; the model gives no others.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// CreateActivity: the name is taken, with another encryption.
    ActivityAlreadyExists(Str),
    /// There is no such activity.
    ActivityDoesNotExist(Str),
    /// So many workers poll that no more are taken.
    ActivityWorkerLimitExceeded,
    /// Something else was done meanwhile, or differently before.
    ConflictException(String),
    /// The name belongs to an execution that ended or has another input.
    ExecutionAlreadyExists(Str),
    /// There is no such execution.
    ExecutionDoesNotExist(Str),
    /// The execution cannot be redriven, and why.
    ExecutionNotRedrivable(String),
    /// A text is not the ARN that is wanted here.
    InvalidArn(String),
    /// The definition is refused.
    InvalidDefinition(String),
    /// The encryption configuration is refused.
    InvalidEncryptionConfiguration(String),
    /// The input is no JSON.
    InvalidExecutionInput(String),
    /// A text is not the ARN of a role.
    InvalidRoleArn(Str),
    /// The logging configuration is refused.
    InvalidLoggingConfiguration(&'static str),
    /// The name has a character that names must not have.
    InvalidName(Str),
    /// The output of a task is no JSON.
    InvalidOutput(String),
    /// A page token or a task token is not ours.
    InvalidToken,
    /// The tracing configuration is refused.
    InvalidTracingConfiguration,
    /// UpdateStateMachine without anything to change.
    MissingRequiredParameter,
    /// What is named is not there.
    ResourceNotFound {
        /// The text.
        message: String,
        /// `resourceName`
        resource: Str,
    },
    /// A state machine has as many versions or aliases as it may have.
    ServiceQuotaExceededException(String),
    /// The name is taken by a state machine that differs.
    StateMachineAlreadyExists(Str),
    /// It is being deleted.
    StateMachineDeleting(Str),
    /// There is no such state machine, version or alias.
    StateMachineDoesNotExist(Str),
    /// Standard where Express is needed, or the other way round.
    StateMachineTypeNotSupported,
    /// The token's task is not known.
    TaskDoesNotExist,
    /// The token's task timed out, was answered before, or its execution is closed.
    TaskTimedOut,
    /// More than 50 tags.
    TooManyTags(Str),
    /// A member breaks a constraint.
    ValidationException {
        /// The text.
        message: String,
        /// `reason`
        reason: Option<&'static str>,
    },
    /// A queue is full.
    ThrottlingException,
    /// The body is no JSON, or a member has another type than it should.
    SerializationException(String),
    /// There is no such operation.
    UnknownOperationException(String),
    /// The request is too large.
    RequestTooLarge,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The operation is one of AWS's, but not here yet.
    NotHereYet {
        /// Its name.
        operation: &'static str,
        /// What does the same for now; a sentence.
        instead: &'static str,
    },
    /// The server stops.
    ServiceUnavailable,
    /// It is our fault; what it was stands in the log.
    InternalFailure,
}

/// Namespaces in front of the names of errors, as the service sends them; clients cut them off.
const MODEL: &str = "com.amazonaws.swf.service.v2.model";
const CORAL: &str = "com.amazon.coral.service";
const VALIDATE: &str = "com.amazon.coral.validate";

impl Error {
    /// A broken constraint that has no `reason`.
    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::ValidationException { message: message.into(), reason: None }
    }

    /// HTTP status, namespace, name and text.
    fn row(&self) -> (u16, &'static str, &'static str, String) {
        let worded = |name, text: &str, detail: &str| (400, MODEL, name, format!("{text}: '{detail}'"));
        let plain = |name, text: &str| (400, MODEL, name, text.to_owned());
        match self {
            Error::ActivityAlreadyExists(arn) => worded("ActivityAlreadyExists", "Activity Already Exists", arn),
            Error::ActivityDoesNotExist(arn) => worded("ActivityDoesNotExist", "Activity Does Not Exist", arn),
            Error::ActivityWorkerLimitExceeded => {
                plain("ActivityWorkerLimitExceeded", "The maximum number of workers polling this activity is reached")
            }
            Error::ConflictException(text) => plain("ConflictException", text),
            Error::ExecutionAlreadyExists(arn) => worded("ExecutionAlreadyExists", "Execution Already Exists", arn),
            Error::ExecutionDoesNotExist(arn) => worded("ExecutionDoesNotExist", "Execution Does Not Exist", arn),
            Error::ExecutionNotRedrivable(text) => plain("ExecutionNotRedrivable", text),
            Error::InvalidArn(text) => worded("InvalidArn", "Invalid Arn", text),
            Error::InvalidRoleArn(arn) => worded("InvalidArn", "Invalid Role Arn", arn),
            Error::InvalidDefinition(text) => plain("InvalidDefinition", text),
            Error::InvalidEncryptionConfiguration(text) => plain("InvalidEncryptionConfiguration", text),
            Error::InvalidExecutionInput(text) => {
                worded("InvalidExecutionInput", "Invalid State Machine Execution Input", text)
            }
            Error::InvalidLoggingConfiguration(text) => {
                plain("InvalidLoggingConfiguration", &format!("Invalid Logging Configuration: {text}"))
            }
            Error::InvalidName(name) => worded("InvalidName", "Invalid Name", name),
            Error::InvalidOutput(text) => worded("InvalidOutput", "Invalid Output", text),
            Error::InvalidToken => worded("InvalidToken", "Invalid Token", "Invalid token"),
            Error::InvalidTracingConfiguration => plain(
                "InvalidTracingConfiguration",
                "Invalid Tracing Configuration: Tracing configuration must specify a value for enabled.",
            ),
            Error::MissingRequiredParameter => plain(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be \
                 specified",
            ),
            Error::ResourceNotFound { message, .. } => plain("ResourceNotFound", message),
            Error::ServiceQuotaExceededException(text) => plain("ServiceQuotaExceededException", text),
            Error::StateMachineAlreadyExists(arn) => {
                worded("StateMachineAlreadyExists", "State Machine Already Exists", arn)
            }
            Error::StateMachineDeleting(arn) => worded("StateMachineDeleting", "State Machine is being deleted", arn),
            Error::StateMachineDoesNotExist(arn) => {
                worded("StateMachineDoesNotExist", "State Machine Does Not Exist", arn)
            }
            Error::StateMachineTypeNotSupported => {
                plain("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
            }
            Error::TaskDoesNotExist => {
                worded("TaskDoesNotExist", "Task Does Not Exist", "Provided task does not exist anymore")
            }
            Error::TaskTimedOut => worded("TaskTimedOut", "Task Timed Out", "Provided task does not exist anymore"),
            Error::TooManyTags(arn) => worded("TooManyTags", "Too many tags", arn),
            Error::ValidationException { message, .. } => (400, VALIDATE, "ValidationException", message.clone()),
            Error::ThrottlingException => (400, CORAL, "ThrottlingException", "Rate exceeded".to_owned()),
            Error::SerializationException(text) => (400, CORAL, "SerializationException", text.clone()),
            Error::UnknownOperationException(text) => (400, CORAL, "UnknownOperationException", text.clone()),
            Error::RequestTooLarge => {
                (413, CORAL, "RequestEntityTooLargeException", "The request is larger than 2 MiB".to_owned())
            }
            Error::RequestTimeout => {
                (408, CORAL, "RequestTimeoutException", "The request did not arrive in time".to_owned())
            }
            Error::NotHereYet { operation, instead } => {
                let text = format!("Stepwell does not have {operation} yet. {instead}");
                (400, CORAL, "UnsupportedOperationException", text)
            }
            Error::ServiceUnavailable => {
                (503, CORAL, "ServiceUnavailableException", "The server is about to stop".to_owned())
            }
            Error::InternalFailure => (500, CORAL, "InternalFailure", "The server failed; its log says how".to_owned()),
        }
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.row().0
    }

    /// AWS's name of it.
    pub fn name(&self) -> &'static str {
        self.row().2
    }

    /// The body of the answer.
    pub(crate) fn to_json(&self) -> Value {
        let (_, namespace, name, message) = self.row();
        let mut body = Object::with_capacity(3);
        body.insert("__type", format!("{namespace}#{name}").into());
        body.insert("message", message.into());
        match self {
            Error::ValidationException { reason: Some(reason), .. } => {
                body.insert("reason", (*reason).into());
            }
            Error::ResourceNotFound { resource, .. } => {
                body.insert("resourceName", resource.clone().into());
            }
            Error::TooManyTags(resource) => {
                body.insert("resourceName", resource.clone().into());
            }
            _ => {}
        }
        body.into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, _, name, message) = self.row();
        write!(f, "{name}: {message}")
    }
}

impl std::error::Error for Error {}

impl From<StoreError> for Error {
    /// What the store could not do is told to nobody but the log.
    fn from(error: StoreError) -> Error {
        crate::log::failure("the store failed", &error);
        Error::InternalFailure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_as_the_service_writes_it() {
        let error = Error::StateMachineDoesNotExist("arn:aws:states:r:1:stateMachine:m".into());
        assert_eq!(
            error.to_json().to_string(),
            "{\"__type\":\"com.amazonaws.swf.service.v2.model#StateMachineDoesNotExist\",\
             \"message\":\"State Machine Does Not Exist: 'arn:aws:states:r:1:stateMachine:m'\"}"
        );
        assert_eq!(Error::InvalidToken.to_string(), "InvalidToken: Invalid Token: 'Invalid token'");
    }

    #[test]
    fn some_errors_have_members_of_their_own() {
        let error = Error::ValidationException { message: "m".into(), reason: Some("MISSING_REQUIRED_PARAMETER") };
        assert_eq!(error.to_json().get("reason").and_then(Value::as_str), Some("MISSING_REQUIRED_PARAMETER"));
    }
}
