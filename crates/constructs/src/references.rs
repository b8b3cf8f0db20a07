//! Resources that workflows use and others declare: by ARN, by name, or by what stands in the same template.

use stepwell_value::Str;

use crate::cfn::{Cfn, Part};
use crate::stack::{Environment, logical_id};

/// An ARN in the account and region of the stack.
pub(crate) fn arn(service: &str, resource: Cfn) -> Cfn {
    Cfn::join([
        Cfn::from("arn:"),
        Cfn::partition(),
        Cfn::from(format!(":{service}:")),
        Cfn::region(),
        Cfn::from(":"),
        Cfn::account_id(),
        Cfn::from(":"),
        resource,
    ])
}

macro_rules! by_reference {
    ($($name:ident),*) => {$(
        impl From<&$name> for $name {
            fn from(reference: &$name) -> $name {
                reference.clone()
            }
        }
    )*};
}

pub(crate) use by_reference;

by_reference!(FunctionRef, BucketRef, RoleRef, TopicRef, QueueRef, KeyRef, LogGroupRef, TableRef, StateMachineRef);

/// A Lambda function, or a version or alias of one.
///
/// ```
/// use stepwell_constructs::FunctionRef;
///
/// let imported = FunctionRef::from_arn("arn:aws:lambda:us-east-1:123456789012:function:price");
/// let named = FunctionRef::from_name("price");
/// let of_this_template = FunctionRef::from_logical_id("PriceFunction");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionRef {
    arn: Cfn,
    invocable: Vec<Cfn>,
}

impl FunctionRef {
    /// The function, or version or alias, with this ARN.
    pub fn from_arn(arn: impl Into<Cfn>) -> FunctionRef {
        let arn = arn.into();
        let invocable = vec![arn.clone(), arn.clone().then(":*")];
        FunctionRef { arn, invocable }
    }

    /// The function of this name in the account and region of the stack.
    pub fn from_name(name: &str) -> FunctionRef {
        FunctionRef::from_arn(arn("lambda", Cfn::from(format!("function:{name}"))))
    }

    /// An `AWS::Lambda::Function` of the same template.
    pub fn from_logical_id(logical_id: &str) -> FunctionRef {
        FunctionRef::from_arn(Cfn::get_att(logical_id, "Arn"))
    }

    /// A version or alias: only itself may be invoked, not every version of the function.
    pub fn version_from_arn(arn: impl Into<Cfn>) -> FunctionRef {
        let arn = arn.into();
        FunctionRef { invocable: vec![arn.clone()], arn }
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// The ARNs that must be allowed to be invoked.
    pub(crate) fn invocable(&self) -> Vec<Cfn> {
        self.invocable.clone()
    }
}

/// An S3 bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketRef {
    name: Cfn,
    arn: Cfn,
    /// Where it stands below the stack, if its policy may be made here.
    pub(crate) path: Option<Vec<Str>>,
}

impl BucketRef {
    /// The bucket of this name.
    pub fn from_name(name: impl Into<Cfn>) -> BucketRef {
        let name = name.into();
        let arn = Cfn::join([Cfn::from("arn:"), Cfn::partition(), Cfn::from(":s3:::"), name.clone()]);
        BucketRef { name, arn, path: None }
    }

    /// An `AWS::S3::Bucket` of the same template.
    pub fn from_logical_id(logical_id: &str) -> BucketRef {
        BucketRef { name: Cfn::reference(logical_id), arn: Cfn::get_att(logical_id, "Arn"), path: None }
    }

    /// The bucket with this name and ARN.
    pub fn from_attributes(name: impl Into<Cfn>, arn: impl Into<Cfn>) -> BucketRef {
        BucketRef { name: name.into(), arn: arn.into(), path: None }
    }

    /// The name.
    pub fn name(&self) -> &Cfn {
        &self.name
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// The ARN of its objects whose keys match the pattern.
    pub fn arn_for_objects(&self, pattern: &str) -> Cfn {
        self.arn.clone().then("/").then(pattern)
    }

    /// The id that the CDK knows a bucket of this template by: its policy is made of it, if a role of another account needs
    /// one. Without, the policy of the bucket is not ours.
    #[must_use]
    pub fn construct_id(mut self, id: &str) -> BucketRef {
        self.path = Some(path([id]));
        self
    }

    /// A bucket that a task has made at this path.
    pub(crate) fn made(logical_id: &str, path: Vec<Str>) -> BucketRef {
        BucketRef { path: Some(path), ..BucketRef::from_logical_id(logical_id) }
    }
}

/// An IAM role, which policies can be attached to.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let role = RoleRef::from_arn("Orders", "arn:aws:iam::123456789012:role/orders");
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello"))).role(&role).build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RoleRef {
    arn: Cfn,
    pub(crate) grantee: Option<Grantee>,
    /// The logical id of a role of the same template.
    pub(crate) logical_id: Option<Str>,
}

/// Somebody who is granted something: a role or a user, and where the policy that says so stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Grantee {
    pub(crate) policy_path: Vec<Str>,
    pub(crate) name: Cfn,
    pub(crate) property: &'static str,
    /// The account, if it is known and need not be that of the stack.
    pub(crate) account: Option<Str>,
}

impl RoleRef {
    /// A role that exists; a policy of the template is attached to it. The id names the policy.
    pub fn from_arn(id: &str, arn: impl Into<Cfn>) -> RoleRef {
        let arn = arn.into();
        let name = match arn.as_literal() {
            Some(text) => Cfn::from(text.rsplit('/').next().unwrap_or(text)),
            None => arn.clone(),
        };
        let account = account_of(&arn);
        let grantee = Grantee { account, ..Grantee::role(path([id, "Policy", "Resource"]), name) };
        RoleRef { arn, grantee: Some(grantee), logical_id: None }
    }

    /// A role that exists and stays as it is: what the workflow needs, it must be allowed already.
    pub fn immutable_from_arn(arn: impl Into<Cfn>) -> RoleRef {
        RoleRef { arn: arn.into(), grantee: None, logical_id: None }
    }

    /// An `AWS::IAM::Role` of the same template.
    pub fn from_logical_id(logical_id: &str) -> RoleRef {
        RoleRef {
            arn: Cfn::get_att(logical_id, "Arn"),
            grantee: Some(Grantee::role(path([logical_id, "DefaultPolicy", "Resource"]), Cfn::reference(logical_id))),
            logical_id: Some(Str::from(logical_id)),
        }
    }

    /// A role that the CDK has made as the construct of this id: its logical id and that of its policy follow from it.
    pub fn from_construct_id(id: &str) -> RoleRef {
        let logical_id = logical_id(&path([id, "Resource"]));
        let mut role = RoleRef::from_logical_id(&logical_id);
        if let Some(grantee) = &mut role.grantee {
            grantee.policy_path = path([id, "DefaultPolicy", "Resource"]);
        }
        role
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// A role made at this path below the stack.
    pub(crate) fn made(path: &[Str]) -> RoleRef {
        let below = |ids: &[&str]| -> Vec<Str> { path.iter().cloned().chain(ids.iter().map(Str::new)).collect() };
        let logical_id = Str::from(logical_id(&below(&["Resource"])));
        let grantee = Grantee::role(below(&["DefaultPolicy", "Resource"]), Cfn::reference(&logical_id));
        RoleRef { arn: Cfn::get_att(&logical_id, "Arn"), grantee: Some(grantee), logical_id: Some(logical_id) }
    }

    /// Its account, if it is not of the template and the account is known.
    pub(crate) fn account(&self) -> Option<Str> {
        account_of(&self.arn)
    }
}

/// The account in an ARN.
fn account_of(arn: &Cfn) -> Option<Str> {
    arn.as_literal()?.split(':').nth(4).filter(|account| !account.is_empty()).map(Str::from)
}

impl Grantee {
    /// A role of this name in the account of the stack.
    pub(crate) fn role(policy_path: Vec<Str>, name: Cfn) -> Grantee {
        Grantee { policy_path, name, property: "Roles", account: None }
    }

    fn user(id: &str, name: Cfn) -> Grantee {
        let policy_path = path([id, "DefaultPolicy", "Resource"]);
        Grantee { policy_path, name, property: "Users", account: None }
    }

    /// A user that the CDK has made as the construct of this id.
    pub fn user_from_construct_id(id: &str) -> Grantee {
        Grantee::user(id, Cfn::reference(&logical_id(&path([id, "Resource"]))))
    }

    /// An `AWS::IAM::User` of the same template.
    pub fn user_from_logical_id(id: &str) -> Grantee {
        Grantee::user(id, Cfn::reference(id))
    }
}

/// Whatever can be granted something.
pub trait IntoGrantee {
    /// Where the policy goes; nothing for a role that stays as it is.
    fn into_grantee(self) -> Option<Grantee>;
}

impl IntoGrantee for &RoleRef {
    fn into_grantee(self) -> Option<Grantee> {
        self.grantee.clone()
    }
}

impl IntoGrantee for Grantee {
    fn into_grantee(self) -> Option<Grantee> {
        Some(self)
    }
}

fn path<'a>(components: impl IntoIterator<Item = &'a str>) -> Vec<Str> {
    components.into_iter().map(Str::new).collect()
}

/// An SNS topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicRef {
    arn: Cfn,
    pub(crate) fifo: bool,
    pub(crate) content_based_deduplication: bool,
}

impl TopicRef {
    /// The topic with this ARN; it is a FIFO topic if the ARN ends in `.fifo`.
    pub fn from_arn(arn: impl Into<Cfn>) -> TopicRef {
        let arn = arn.into();
        let fifo = arn.as_literal().is_some_and(|arn| arn.ends_with(".fifo"));
        TopicRef { arn, fifo, content_based_deduplication: false }
    }

    /// An `AWS::SNS::Topic` of the same template.
    pub fn from_logical_id(logical_id: &str) -> TopicRef {
        TopicRef::from_arn(Cfn::reference(logical_id))
    }

    /// Says that it is a FIFO topic, and whether it finds duplicates by the content of messages.
    #[must_use]
    pub fn fifo(mut self, content_based_deduplication: bool) -> TopicRef {
        self.fifo = true;
        self.content_based_deduplication = content_based_deduplication;
        self
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }
}

/// An SQS queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRef {
    url: Cfn,
    arn: Cfn,
    pub(crate) key: Option<KeyRef>,
}

impl QueueRef {
    /// The queue with this URL and ARN.
    pub fn from_attributes(url: impl Into<Cfn>, arn: impl Into<Cfn>) -> QueueRef {
        QueueRef { url: url.into(), arn: arn.into(), key: None }
    }

    /// An `AWS::SQS::Queue` of the same template.
    pub fn from_logical_id(logical_id: &str) -> QueueRef {
        QueueRef::from_attributes(Cfn::reference(logical_id), Cfn::get_att(logical_id, "Arn"))
    }

    /// Says which key the queue encrypts its messages with; whoever sends must be allowed to use it.
    #[must_use]
    pub fn encrypted_with(mut self, key: &KeyRef) -> QueueRef {
        self.key = Some(key.clone());
        self
    }

    /// The URL.
    pub fn url(&self) -> &Cfn {
        &self.url
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }
}

/// A KMS key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRef {
    arn: Cfn,
    pub(crate) logical_id: Option<Str>,
}

impl KeyRef {
    /// The key with this ARN; its policy is not ours to change.
    pub fn from_arn(arn: impl Into<Cfn>) -> KeyRef {
        KeyRef { arn: arn.into(), logical_id: None }
    }

    /// An `AWS::KMS::Key` of the same template.
    pub fn from_logical_id(logical_id: &str) -> KeyRef {
        KeyRef { arn: Cfn::get_att(logical_id, "Arn"), logical_id: Some(Str::from(logical_id)) }
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// The id, which is the last part of the ARN.
    pub(crate) fn id(&self) -> Cfn {
        match (&self.logical_id, self.arn.as_literal()) {
            (Some(logical_id), _) => Cfn::reference(logical_id),
            (None, Some(arn)) => Cfn::from(arn.rsplit('/').next().unwrap_or(arn)),
            (None, None) => self.arn.clone(),
        }
    }
}

/// A log group of CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub struct LogGroupRef {
    arn: Cfn,
    /// Where it stands below the stack.
    pub(crate) path: Vec<Str>,
}

impl LogGroupRef {
    /// The log group with this ARN, which ends in `:*`.
    pub fn from_arn(arn: impl Into<Cfn>) -> LogGroupRef {
        let arn = arn.into();
        let name = arn.as_literal().and_then(|arn| arn.split(':').nth(6)).unwrap_or("LogGroup");
        LogGroupRef { path: path([name]), arn }
    }

    /// The log group of this name in the account and region of the stack.
    pub fn from_name(name: &str) -> LogGroupRef {
        LogGroupRef { arn: arn("logs", Cfn::from(format!("log-group:{name}:*"))), path: path([name]) }
    }

    /// An `AWS::Logs::LogGroup` of the same template.
    pub fn from_logical_id(logical_id: &str) -> LogGroupRef {
        LogGroupRef { arn: Cfn::get_att(logical_id, "Arn"), path: path([logical_id]) }
    }

    /// The id that the CDK knows it by: that of the resource policy is made of it, if one is needed.
    #[must_use]
    pub fn construct_id(mut self, id: &str) -> LogGroupRef {
        self.path = path([id]);
        self
    }

    /// A log group that a task has made at this path.
    pub(crate) fn made(logical_id: &str, path: Vec<Str>) -> LogGroupRef {
        LogGroupRef { path, ..LogGroupRef::from_logical_id(logical_id) }
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }
}

/// A table of DynamoDB.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRef {
    name: Cfn,
}

impl TableRef {
    /// The table of this name in the account and region of the stack.
    pub fn from_name(name: impl Into<Cfn>) -> TableRef {
        TableRef { name: name.into() }
    }

    /// An `AWS::DynamoDB::Table` of the same template.
    pub fn from_logical_id(logical_id: &str) -> TableRef {
        TableRef { name: Cfn::reference(logical_id) }
    }

    /// The name.
    pub fn name(&self) -> &Cfn {
        &self.name
    }
}

/// A state machine, of this template or another.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineRef {
    arn: Cfn,
}

impl StateMachineRef {
    /// The state machine with this ARN.
    #[doc(alias = "StateMachine.fromStateMachineArn")]
    pub fn from_arn(arn: impl Into<Cfn>) -> StateMachineRef {
        StateMachineRef { arn: arn.into() }
    }

    /// The state machine of this name in the account and region of the stack.
    #[doc(alias = "StateMachine.fromStateMachineName")]
    pub fn from_name(name: &str) -> StateMachineRef {
        StateMachineRef { arn: arn("states", Cfn::from(format!("stateMachine:{name}"))) }
    }

    /// An `AWS::StepFunctions::StateMachine` of the same template.
    pub fn from_logical_id(logical_id: &str) -> StateMachineRef {
        StateMachineRef { arn: Cfn::reference(logical_id) }
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// The ARN of its executions that match the pattern, such as `:*`.
    pub(crate) fn executions(&self, environment: &Environment, pattern: &str) -> Cfn {
        let name = match self.arn.parts().last() {
            Some(Part::Text(end)) if end.contains(':') => Cfn::from(end.rsplit(':').next().unwrap_or(end)),
            // The name is known at deployment.
            _ => self.arn.part(6, ":"),
        };
        environment.arn("states", Cfn::from("execution:").then(name).then(pattern))
    }
}
