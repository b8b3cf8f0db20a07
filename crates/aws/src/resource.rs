//! The `Resource` of a Task state: what is called and how its end is awaited.

use std::fmt;

use stepwell_value::Str;

use crate::{Arn, LambdaFunctionArn, StatesArn, StatesResource, optimized_api};

/// What a Task state calls: its `Resource`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A Lambda function by its ARN: the input is the payload, the function's answer the result.
    LambdaFunction(LambdaFunctionArn),
    /// An activity: a worker fetches the task.
    Activity(StatesArn),
    /// An API with an integration of its own, such as `sqs:sendMessage`; [`optimized_api`] says more about it.
    Optimized {
        /// The service, such as `sqs`.
        service: &'static str,
        /// Its action, such as `sendMessage`.
        api: &'static str,
        /// How its end is awaited.
        pattern: Pattern,
    },
    /// Any API of any service, such as `aws-sdk:s3:getObject`. Only the form of the names is checked here.
    AwsSdk {
        /// The service's token, such as `secretsmanager`.
        service: Str,
        /// The action, such as `listSecrets`.
        action: Str,
        /// How its end is awaited: [`Pattern::RequestResponse`] or [`Pattern::WaitForTaskToken`].
        pattern: Pattern,
    },
    /// An HTTPS API of a third party, `http:invoke`.
    HttpInvoke,
    /// An ARN of another service. It may stand in a definition; what AWS does with it is not known.
    Foreign(Arn),
}

/// How the end of a task is awaited (developer guide, "service integration patterns").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// The answer of the call is the result.
    RequestResponse,
    /// `.sync`: the job that the call starts is run to its end.
    Sync,
    /// `.sync:2`: the same, its output as JSON; `states:startExecution` only.
    Sync2,
    /// `.waitForTaskToken`: somebody hands the result in with the task's token.
    WaitForTaskToken,
}

impl Pattern {
    /// What the pattern adds to a resource: nothing, `.sync`, `.sync:2` or `.waitForTaskToken`.
    pub fn suffix(self) -> &'static str {
        match self {
            Pattern::RequestResponse => "",
            Pattern::Sync => ".sync",
            Pattern::Sync2 => ".sync:2",
            Pattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }

    /// Splits the suffix off an action.
    fn split(action: &str) -> Option<(&str, Pattern)> {
        let Some(dot) = action.find('.') else { return Some((action, Pattern::RequestResponse)) };
        let patterns = [Pattern::Sync, Pattern::Sync2, Pattern::WaitForTaskToken];
        let pattern = patterns.into_iter().find(|pattern| pattern.suffix() == &action[dot..])?;
        Some((&action[..dot], pattern))
    }
}

/// Why a text cannot be a Task state's resource; printed as AWS says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceError {
    /// It is no ARN.
    NotAnArn,
    /// It is an ARN, but of nothing that Step Functions calls, or not with that pattern.
    NotRecognized(Str),
}

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResourceError::NotAnArn => f.write_str("Value is not a valid resource ARN"),
            ResourceError::NotRecognized(arn) => write!(
                f,
                "The resource provided {arn} is not recognized. The value is not a valid resource ARN, \
                 or the resource is not available in this region."
            ),
        }
    }
}

impl std::error::Error for ResourceError {}

impl Resource {
    /// Reads the value of a Task state's `Resource`.
    ///
    /// # Errors
    /// When it is no ARN, or names something that Step Functions does not call.
    pub fn parse(text: &str) -> Result<Resource, ResourceError> {
        let arn = Arn::parse(text).map_err(|_| ResourceError::NotAnArn)?;
        Resource::of(arn).ok_or_else(|| ResourceError::NotRecognized(Str::new(text)))
    }

    /// How the end of the task is awaited.
    pub fn pattern(&self) -> Pattern {
        match self {
            Resource::Optimized { pattern, .. } | Resource::AwsSdk { pattern, .. } => *pattern,
            Resource::LambdaFunction(_) | Resource::Activity(_) | Resource::HttpInvoke | Resource::Foreign(_) => {
                Pattern::RequestResponse
            }
        }
    }

    fn of(arn: Arn) -> Option<Resource> {
        match arn.service() {
            "states" => match StatesArn::of(&arn) {
                Some(activity @ StatesArn { resource: StatesResource::Activity { .. }, .. }) => {
                    Some(Resource::Activity(activity))
                }
                Some(_) => None,
                // Region and account may be given: published workflows have them.
                None => Resource::integration(arn.resource()),
            },
            "lambda" => LambdaFunctionArn::of(&arn).map(Resource::LambdaFunction),
            _ => Some(Resource::Foreign(arn)),
        }
    }

    fn integration(resource: &str) -> Option<Resource> {
        let (service, action) = resource.split_once(':')?;
        if service == "aws-sdk" {
            let (service, action) = action.split_once(':')?;
            let (action, pattern) = Pattern::split(action)?;
            // `.sync` needs to know what a finished job looks like, so no SDK integration has it.
            let awaitable = matches!(pattern, Pattern::RequestResponse | Pattern::WaitForTaskToken);
            return (awaitable && is_token(service) && is_action(action)).then(|| Resource::AwsSdk {
                service: Str::new(service),
                action: Str::new(action),
                pattern,
            });
        }
        let (action, pattern) = Pattern::split(action)?;
        let api = optimized_api(service, action)?;
        if !api.patterns.contains(&pattern) {
            return None;
        }
        Some(match api.service {
            "http" => Resource::HttpInvoke,
            service => Resource::Optimized { service, api: api.action, pattern },
        })
    }
}

/// Service tokens are lower case letters and digits (`aws-sdk/naming.md`, S2).
fn is_token(service: &str) -> bool {
    !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Actions start with a lower case letter (`aws-sdk/naming.md`, A1).
fn is_action(action: &str) -> bool {
    action.starts_with(|first: char| first.is_ascii_lowercase())
        && action.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line that says what a resource was understood as.
    fn read(text: &str) -> String {
        match Resource::parse(text) {
            Ok(Resource::LambdaFunction(function)) => format!("function {}", function.name),
            Ok(Resource::Activity(activity)) => activity.resource.to_string(),
            Ok(Resource::Optimized { service, api, pattern }) => format!("{service} {api} {pattern:?}"),
            Ok(Resource::AwsSdk { service, action, pattern }) => format!("sdk {service} {action} {pattern:?}"),
            Ok(Resource::HttpInvoke) => "http".to_owned(),
            Ok(Resource::Foreign(arn)) => format!("foreign {}", arn.service()),
            Err(ResourceError::NotAnArn) => "no ARN".to_owned(),
            Err(ResourceError::NotRecognized(_)) => "not recognized".to_owned(),
        }
    }

    #[test]
    fn resources_are_understood() {
        for (text, expected) in [
            ("arn:aws:lambda:us-east-1:123456789012:function:f:PROD", "function f"),
            ("arn:aws:states:us-east-1:123456789012:activity:a", "activity:a"),
            ("arn:aws:states:::lambda:invoke", "lambda invoke RequestResponse"),
            ("arn:aws-cn:states:::lambda:invoke.waitForTaskToken", "lambda invoke WaitForTaskToken"),
            ("arn:aws:states:::states:startExecution.sync:2", "states startExecution Sync2"),
            ("arn:aws:states:::batch:submitJob.sync", "batch submitJob Sync"),
            ("arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject", "sdk s3 getObject RequestResponse"),
            ("arn:aws:states:::aws-sdk:s3:listBuckets.waitForTaskToken", "sdk s3 listBuckets WaitForTaskToken"),
            ("arn:aws:states:::http:invoke", "http"),
            ("arn:aws:swf:us-east-1:123456789012:task:X", "foreign swf"),
            ("foo", "no ARN"),
            ("arn:aws:states:::dynamodb:query", "not recognized"),
            ("arn:aws:states:::dynamodb:putItem.waitForTaskToken", "not recognized"),
            ("arn:aws:states:::batch:submitJob.sync:2", "not recognized"),
            ("arn:aws:states:::aws-sdk:s3:getObject.sync", "not recognized"),
            ("arn:aws:states:::aws-sdk:s3:GetObject", "not recognized"),
            ("arn:aws:states:::http:invoke.waitForTaskToken", "not recognized"),
            ("arn:aws:states:us-east-1:123456789012:stateMachine:m", "not recognized"),
            ("arn:aws:lambda:us-east-1:123456789012:layer:l", "not recognized"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_read_as_aws_says_them() {
        let error = Resource::parse("arn:aws:states:::dynamodb:query").unwrap_err();
        assert_eq!(
            error.to_string(),
            "The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid \
             resource ARN, or the resource is not available in this region."
        );
        assert_eq!(Resource::parse("f").unwrap_err().to_string(), "Value is not a valid resource ARN");
    }
}
