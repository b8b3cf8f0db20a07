//! ARNs: the general form, and those of Step Functions, Lambda functions and roles as types of their own.

use std::fmt;
use std::num::NonZeroU64;

use stepwell_value::Str;

/// Longest ARN that is read, in bytes; the API's longest member for one.
const ARN_BYTES_MAX: usize = 2_000;

/// A well-formed ARN: `arn:<partition>:<service>:<region>:<account>:<resource>`.
///
/// Region and account may be empty, as in `arn:aws:states:::lambda:invoke`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arn {
    text: Str,
    /// Where the colons behind partition, service, region and account stand.
    colons: [u16; 4],
}

/// A text is not the ARN that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnError {
    text: Str,
    wanted: &'static str,
}

impl ArnError {
    fn new(text: &str, wanted: &'static str) -> ArnError {
        ArnError { text: Str::new(text), wanted }
    }

    /// The text that was refused.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not {}", self.text, self.wanted)
    }
}

impl std::error::Error for ArnError {}

impl Arn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// When `text` does not start with `arn:`, has fewer than six parts, an empty partition, service or resource,
    /// a blank, or is longer than 2,000 bytes.
    pub fn parse(text: &str) -> Result<Arn, ArnError> {
        let error = || ArnError::new(text, "an ARN");
        if !text.starts_with("arn:") || text.len() > ARN_BYTES_MAX || text.contains(char::is_whitespace) {
            return Err(error());
        }
        let mut colons = [0_u16; 4];
        let mut found = text.bytes().enumerate().skip("arn:".len()).filter(|(_, byte)| *byte == b':');
        for colon in &mut colons {
            let (offset, _) = found.next().ok_or_else(error)?;
            *colon = u16::try_from(offset).map_err(|_| error())?;
        }
        let arn = Arn { text: Str::new(text), colons };
        if arn.partition().is_empty() || arn.service().is_empty() || arn.resource().is_empty() {
            return Err(error());
        }
        Ok(arn)
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, `aws-us-gov` and the like.
    pub fn partition(&self) -> &str {
        &self.text["arn:".len()..self.colon(0)]
    }

    /// The service, such as `states`.
    pub fn service(&self) -> &str {
        &self.text[self.colon(0) + 1..self.colon(1)]
    }

    /// The region; may be empty.
    pub fn region(&self) -> &str {
        &self.text[self.colon(1) + 1..self.colon(2)]
    }

    /// The account; may be empty.
    pub fn account(&self) -> &str {
        &self.text[self.colon(2) + 1..self.colon(3)]
    }

    /// All that follows the account; may hold colons.
    pub fn resource(&self) -> &str {
        &self.text[self.colon(3) + 1..]
    }

    /// Partition, region and account.
    pub fn place(&self) -> Place {
        let [partition, region, account] = [self.partition(), self.region(), self.account()].map(Str::new);
        Place { partition, region, account }
    }

    fn colon(&self, n: usize) -> usize {
        usize::from(self.colons[n])
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where something of an account lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov` and the like.
    pub partition: Str,
    /// The region, such as `eu-central-1`.
    pub region: Str,
    /// The account id.
    pub account: Str,
}

/// The ARN of something that Step Functions owns.
///
/// Forms: `reference/api.md`, section 2. Names are checked to be non-empty and free of `:` and `/` only; which
/// characters a new name may have is the API's affair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatesArn {
    /// Where it lives.
    pub place: Place,
    /// What it is.
    pub resource: StatesResource,
}

/// What Step Functions owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatesResource {
    /// `stateMachine:<name>[/<label>][:<version or alias>]`
    StateMachine {
        /// The machine's name.
        name: Str,
        /// The Distributed Map state meant inside it.
        label: Option<Str>,
        /// The version or alias meant.
        qualifier: Option<Qualifier>,
    },
    /// `execution:<machine>[/<label>]:<name>`; with a label, a Standard child of a Map Run.
    Execution {
        /// Name of the state machine.
        machine: Str,
        /// The Distributed Map state that started it.
        label: Option<Str>,
        /// Name of the execution.
        name: Str,
    },
    /// `express:<machine>[/<label>]:<name>:<id>`
    ExpressExecution {
        /// Name of the state machine.
        machine: Str,
        /// The Distributed Map state that started it.
        label: Option<Str>,
        /// Name of the execution.
        name: Str,
        /// Tells executions of one name apart.
        id: Str,
    },
    /// `mapRun:<machine>/<label>:<id>`
    MapRun {
        /// Name of the state machine.
        machine: Str,
        /// The Distributed Map state, by its label or a generated id.
        label: Str,
        /// Id of the run.
        id: Str,
    },
    /// `activity:<name>`
    Activity {
        /// The activity's name.
        name: Str,
    },
}

/// Which revision of a state machine is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qualifier {
    /// A published version, from 1: digits only.
    Version(NonZeroU64),
    /// An alias: its name has a character that is no digit.
    Alias(Str),
}

impl Qualifier {
    fn parse(text: &str) -> Option<Qualifier> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Qualifier::Version);
        }
        Some(Qualifier::Alias(Str::new(text)))
    }
}

impl StatesArn {
    /// Reads the ARN of a state machine, execution, Map Run or activity.
    ///
    /// # Errors
    /// When `text` is none of them.
    pub fn parse(text: &str) -> Result<StatesArn, ArnError> {
        let arn = Arn::parse(text)?;
        StatesArn::of(&arn).ok_or_else(|| ArnError::new(text, "the ARN of a Step Functions resource"))
    }

    /// The same of an ARN that has been read already; `None` when it is of something else.
    pub fn of(arn: &Arn) -> Option<StatesArn> {
        if arn.service() != "states" || arn.region().is_empty() || arn.account().is_empty() {
            return None;
        }
        let resource = StatesResource::parse(arn.resource())?;
        Some(StatesArn { place: arn.place(), resource })
    }
}

impl StatesResource {
    fn parse(text: &str) -> Option<StatesResource> {
        let mut parts = text.split(':');
        let kind = parts.next()?;
        let (machine, label) = match parts.next()?.split_once('/') {
            Some((machine, label)) => (name(machine)?, Some(name(label)?)),
            None => (name(text.split(':').nth(1)?)?, None),
        };
        let rest = (parts.next().map(name), parts.next().map(name));
        if parts.next().is_some() {
            return None;
        }
        Some(match (kind, rest) {
            ("stateMachine", (None, None)) => StatesResource::StateMachine { name: machine, label, qualifier: None },
            ("stateMachine", (Some(qualifier), None)) => {
                let qualifier = Some(Qualifier::parse(&qualifier?)?);
                StatesResource::StateMachine { name: machine, label, qualifier }
            }
            ("execution", (Some(name), None)) => StatesResource::Execution { machine, label, name: name? },
            ("express", (Some(name), Some(id))) => {
                StatesResource::ExpressExecution { machine, label, name: name?, id: id? }
            }
            ("mapRun", (Some(id), None)) => StatesResource::MapRun { machine, label: label?, id: id? },
            ("activity", (None, None)) if label.is_none() => StatesResource::Activity { name: machine },
            _ => return None,
        })
    }
}

/// A part of an ARN that must not be empty.
fn name(text: &str) -> Option<Str> {
    (!text.is_empty()).then(|| Str::new(text))
}

impl fmt::Display for StatesArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { partition, region, account } = &self.place;
        write!(f, "arn:{partition}:states:{region}:{account}:{}", self.resource)
    }
}

impl fmt::Display for StatesResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labelled = |f: &mut fmt::Formatter<'_>, kind: &str, machine: &str, label: &Option<Str>| {
            write!(f, "{kind}:{machine}")?;
            label.iter().try_for_each(|label| write!(f, "/{label}"))
        };
        match self {
            StatesResource::StateMachine { name, label, qualifier } => {
                labelled(f, "stateMachine", name, label)?;
                qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
            }
            StatesResource::Execution { machine, label, name } => {
                labelled(f, "execution", machine, label)?;
                write!(f, ":{name}")
            }
            StatesResource::ExpressExecution { machine, label, name, id } => {
                labelled(f, "express", machine, label)?;
                write!(f, ":{name}:{id}")
            }
            StatesResource::MapRun { machine, label, id } => write!(f, "mapRun:{machine}/{label}:{id}"),
            StatesResource::Activity { name } => write!(f, "activity:{name}"),
        }
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Qualifier::Version(version) => write!(f, "{version}"),
            Qualifier::Alias(alias) => f.write_str(alias),
        }
    }
}

/// The ARN of a Lambda function, with the version or alias if one is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LambdaFunctionArn {
    /// Where the function lives.
    pub place: Place,
    /// Its name.
    pub name: Str,
    /// Version number, `$LATEST` or alias.
    pub qualifier: Option<Str>,
}

impl LambdaFunctionArn {
    /// Reads `arn:<partition>:lambda:<region>:<account>:function:<name>[:<qualifier>]`.
    ///
    /// # Errors
    /// When `text` is something else.
    pub fn parse(text: &str) -> Result<LambdaFunctionArn, ArnError> {
        let arn = Arn::parse(text)?;
        LambdaFunctionArn::of(&arn).ok_or_else(|| ArnError::new(text, "the ARN of a Lambda function"))
    }

    /// The same of an ARN that has been read already; `None` when it is of something else.
    pub fn of(arn: &Arn) -> Option<LambdaFunctionArn> {
        if arn.service() != "lambda" {
            return None;
        }
        let function = arn.resource().strip_prefix("function:")?;
        let (function, qualifier) = match function.split_once(':') {
            Some((function, qualifier)) if !qualifier.contains(':') => (function, Some(name(qualifier)?)),
            Some(_) => return None,
            None => (function, None),
        };
        Some(LambdaFunctionArn { place: arn.place(), name: name(function)?, qualifier })
    }
}

impl fmt::Display for LambdaFunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { partition, region, account } = &self.place;
        write!(f, "arn:{partition}:lambda:{region}:{account}:function:{}", self.name)?;
        self.qualifier.iter().try_for_each(|qualifier| write!(f, ":{qualifier}"))
    }
}

/// The ARN of an IAM role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleArn {
    /// The partition of the account.
    pub partition: Str,
    /// The account that has the role.
    pub account: Str,
    /// The path and name, without the leading `/`: `service-role/my-role`.
    pub name: Str,
}

impl RoleArn {
    /// Reads `arn:<partition>:iam::<account>:role/<path and name>`.
    ///
    /// # Errors
    /// When `text` is something else.
    pub fn parse(text: &str) -> Result<RoleArn, ArnError> {
        let error = || ArnError::new(text, "the ARN of a role");
        let arn = Arn::parse(text)?;
        if arn.service() != "iam" || !arn.region().is_empty() || arn.account().is_empty() {
            return Err(error());
        }
        let role = arn.resource().strip_prefix("role/").and_then(name).ok_or_else(error)?;
        Ok(RoleArn { partition: Str::new(arn.partition()), account: Str::new(arn.account()), name: role })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role/{}", self.partition, self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_the_last_may_hold_colons() {
        let arn = Arn::parse("arn:aws:states:::dynamodb:putItem").unwrap();
        assert_eq!((arn.partition(), arn.service(), arn.region()), ("aws", "states", ""));
        assert_eq!((arn.account(), arn.resource()), ("", "dynamodb:putItem"));
        for text in
            ["", "foo", "arn:aws:states", "arn:aws:states::", "arn:aws:states:::", "arn::s:r:a:x", "arn:a:s:r:a:x y"]
        {
            assert_eq!(Arn::parse(text).unwrap_err().to_string(), format!("{text:?} is not an ARN"));
        }
        assert!(Arn::parse(&format!("arn:aws:s3:::{}", "x".repeat(ARN_BYTES_MAX))).is_err());
    }

    #[test]
    fn every_arn_of_step_functions_is_written_as_it_was_read() {
        for resource in [
            "stateMachine:orders",
            "stateMachine:orders:7",
            "stateMachine:orders:PROD",
            "stateMachine:orders/label",
            "execution:orders:e1",
            "execution:orders/label:e1",
            "express:orders:e1:9c1a",
            "express:orders/label:e1:9c1a",
            "mapRun:orders/label:9c1a",
            "activity:approve",
        ] {
            let text = format!("arn:aws-cn:states:cn-north-1:123456789012:{resource}");
            assert_eq!(StatesArn::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_arns_are_refused() {
        for resource in [
            "stateMachine",
            "stateMachine:",
            "stateMachine:a:0",
            "stateMachine:a:1:2",
            "execution:a",
            "execution:a:",
            "express:a:b",
            "mapRun:a:b",
            "activity:a:b",
            "activity:a/b",
            "stateMachine:a/:1",
            "queue:a",
        ] {
            let text = format!("arn:aws:states:us-east-1:123456789012:{resource}");
            assert!(StatesArn::parse(&text).is_err(), "{text}");
        }
        assert!(StatesArn::parse("arn:aws:states:::activity:a").is_err());
        assert!(StatesArn::parse("arn:aws:sqs:us-east-1:123456789012:activity:a").is_err());
    }

    #[test]
    fn versions_are_numbers_and_aliases_are_names() {
        let qualifier = |text: &str| {
            let arn = StatesArn::parse(&format!("arn:aws:states:r:1:stateMachine:m:{text}")).unwrap();
            match arn.resource {
                StatesResource::StateMachine { qualifier, .. } => qualifier,
                other => panic!("{other}"),
            }
        };
        assert_eq!(qualifier("12"), NonZeroU64::new(12).map(Qualifier::Version));
        assert_eq!(qualifier("v12"), Some(Qualifier::Alias("v12".into())));
    }

    #[test]
    fn lambda_functions_and_roles_are_written_as_they_were_read() {
        for text in ["arn:aws:lambda:eu-west-1:1:function:f", "arn:aws:lambda:eu-west-1:1:function:f:$LATEST"] {
            assert_eq!(LambdaFunctionArn::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["arn:aws:lambda:eu-west-1:1:function:", "arn:aws:lambda:r:1:layer:l", "arn:aws:lambda:r:1:function:f:1:2"]
        {
            assert!(LambdaFunctionArn::parse(text).is_err(), "{text}");
        }
        let role = RoleArn::parse("arn:aws:iam::123456789012:role/service-role/r").unwrap();
        assert_eq!((role.account.as_str(), role.name.as_str()), ("123456789012", "service-role/r"));
        assert_eq!(role.to_string(), "arn:aws:iam::123456789012:role/service-role/r");
        assert!(RoleArn::parse("arn:aws:iam::123456789012:user/u").is_err());
    }
}
