//! The template: what is deployed together, and what its parts are called.

use std::cell::RefCell;
use std::rc::Rc;

use md5::{Digest, Md5};
use stepwell_value::{Object, Str, Value};

use crate::cfn::Cfn;
use crate::compat::Compat;
use crate::error::{BuildError, BuildErrors, Stage};
use crate::field::IntoField;
use crate::iam::{self, Statement};
use crate::json::{Fields, Json};
use crate::language::Plain;
use crate::machine::{Machine, StateMachine};
use crate::references::{Grantee, IntoGrantee};
use crate::yaml::to_yaml;

/// What is deployed together: state machines, activities, and the roles and policies that they need.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let machine = stack.add(StateMachine::new("Machine", w.add(Pass::json_path("Hello"))))?;
/// let template = stack.template();
/// let resources = template.get("Resources").expect("a template has resources");
/// assert!(resources.get(machine.logical_id()).is_some());
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stack {
    environment: Environment,
    contents: Rc<RefCell<Contents>>,
}

/// Where a stack is deployed to, as far as it is known, and how it behaves.
#[derive(Clone, Debug)]
pub struct Environment {
    pub(crate) stack_id: Str,
    account: Option<Str>,
    region: Option<Str>,
    pub(crate) compat: Compat,
}

#[derive(Debug, Default)]
struct Contents {
    resources: Vec<(Str, Resource)>,
    policies: Vec<Policy>,
    key_statements: Vec<(Str, Statement)>,
}

/// A resource of the template.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) kind: Str,
    pub(crate) properties: Json,
    pub(crate) depends_on: Vec<Str>,
    /// The resource waits for the policy of this role as well, if it has one.
    pub(crate) depends_on_policy: Option<Str>,
    pub(crate) deletion_policy: Option<&'static str>,
    /// A resource declared as it stands; the other fields are empty.
    pub(crate) raw: Option<Value>,
}

/// A resource that a construct brings along.
#[derive(Clone, Debug)]
pub(crate) struct NewResource {
    pub(crate) logical_id: Str,
    pub(crate) resource: Resource,
}

/// The statements that a role or user has been granted, in a policy of the template.
#[derive(Clone, Debug)]
struct Policy {
    logical_id: Str,
    grantee: Grantee,
    statements: Vec<Statement>,
}

impl Environment {
    fn new(stack_id: &str) -> Environment {
        Environment { stack_id: Str::from(stack_id), account: None, region: None, compat: Compat::default() }
    }

    /// The region, literal if it is known.
    pub(crate) fn region(&self) -> Cfn {
        self.region.as_ref().map_or_else(Cfn::region, |region| Cfn::from(region.clone()))
    }

    /// The account, literal if it is known.
    pub(crate) fn account(&self) -> Cfn {
        self.account.as_ref().map_or_else(Cfn::account_id, |account| Cfn::from(account.clone()))
    }

    /// The partition, literal if the region is known and the profile says so.
    pub(crate) fn partition(&self) -> Cfn {
        match &self.region {
            Some(region) if self.compat.partition_literals => Cfn::from(partition_of(region)),
            _ => Cfn::partition(),
        }
    }

    /// An ARN in the account and region; `resource` is all that follows the account.
    pub(crate) fn arn(&self, service: &str, resource: impl Into<Cfn>) -> Cfn {
        self.arn_in(service, self.region(), self.account(), resource)
    }

    /// An ARN in a region and account, which may be empty.
    pub(crate) fn arn_in(&self, service: &str, region: Cfn, account: Cfn, resource: impl Into<Cfn>) -> Cfn {
        let head = Cfn::join([Cfn::from("arn:"), self.partition(), Cfn::from(format!(":{service}:")), region]);
        Cfn::join([head, Cfn::from(":"), account, Cfn::from(":"), resource.into()])
    }
}

fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ => "aws",
    }
}

impl Stack {
    /// A stack that knows neither its account nor its region.
    pub fn new(id: &str) -> Stack {
        Stack { environment: Environment::new(id), contents: Rc::default() }
    }

    /// Says which account and region it is deployed to; ARNs then name them.
    #[must_use]
    pub fn environment(mut self, account: &str, region: &str) -> Stack {
        self.environment.account = Some(Str::from(account));
        self.environment.region = Some(Str::from(region));
        self
    }

    /// Chooses the CDK's behaviours; [`Compat::recommended`] by default.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Stack {
        self.environment.compat = compat;
        self
    }

    /// Builds a state machine and puts it into the template, with its role and all that its states bring along.
    pub fn add(&self, machine: StateMachine) -> Result<Machine, BuildErrors> {
        machine.build_in(self)
    }

    /// Puts a resource into the template as it stands; constructs may complete it, such as the policy of a key.
    ///
    /// If there is a resource of that logical id already, it stays.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let stack = Stack::new("Orders");
    /// stack.declare("Orders", obj!({ "Type": "AWS::SQS::Queue", "Properties": { "FifoQueue": true } }));
    /// let w = Workflow::new();
    /// let send = SqsSendMessage::json_path("Send", &QueueRef::from_logical_id("Orders")).message_body(path("$.order"));
    /// stack.add(StateMachine::new("Machine", w.add(send)))?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    pub fn declare(&self, logical_id: &str, resource: impl IntoField<Plain>) {
        let raw = resource.into_field().0.to_value();
        let resource = Resource { raw: Some(raw), ..Resource::new("", Fields::new()) };
        self.put(NewResource { logical_id: Str::from(logical_id), resource });
    }

    /// The template as JSON.
    pub fn template(&self) -> Value {
        let resources: Object = self.resources().into_iter().collect();
        [("Resources", Value::Object(resources))].into_iter().collect()
    }

    /// The template as YAML, which every reader takes for what [`Stack::template`] gives.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let stack = Stack::new("Orders");
    /// let w = Workflow::new();
    /// let machine = stack.add(StateMachine::new("Machine", w.add(Pass::json_path("Hello"))))?;
    /// let yaml = stack.template_yaml();
    /// assert!(yaml.starts_with("Resources:\n  MachineRole"));
    /// assert!(yaml.contains(r#"DefinitionString: '{"StartAt":"Hello","States":{"Hello":{"Type":"Pass","End":true}}}'"#));
    /// # Ok::<(), BuildErrors>(())
    /// ```
    pub fn template_yaml(&self) -> String {
        to_yaml(&self.template())
    }

    /// All resources with their logical ids.
    pub fn resources(&self) -> Vec<(Str, Value)> {
        let contents = self.contents.borrow();
        let declared = contents.resources.iter().map(|(id, resource)| (id.clone(), contents.render(id, resource)));
        let policies = contents
            .policies
            .iter()
            .map(|policy| (policy.logical_id.clone(), policy.resource(self.environment.compat).render(Vec::new())));
        declared.chain(policies).collect()
    }

    /// The ARN of a resource of the account and region of the stack.
    #[doc(alias = "Stack.formatArn")]
    pub fn format_arn(&self, service: &str, resource: impl Into<Cfn>) -> Cfn {
        self.environment.arn(service, resource)
    }

    /// Allows a role or user something, in the policy that its other grants stand in.
    pub fn allow(&self, grantee: impl IntoGrantee, statement: Statement) {
        if let Some(grantee) = grantee.into_grantee() {
            self.grant(&grantee, [statement]);
        }
    }

    pub(crate) fn env(&self) -> &Environment {
        &self.environment
    }

    /// What is wrong if the construct `id` would have this logical id: something else has it.
    pub(crate) fn taken(&self, id: &str, logical_id: &str) -> Option<BuildError> {
        let taken = self.contents.borrow().resources.iter().any(|(other, _)| other == logical_id);
        let stack = &self.environment.stack_id;
        taken.then(|| BuildError {
            code: "DuplicateConstructId",
            path: format!("{stack}/{id}"),
            message: format!("There is already a Construct with name '{id}' in Stack [{stack}]"),
            stage: Stage::Construct,
        })
    }

    pub(crate) fn put(&self, new: NewResource) {
        let mut contents = self.contents.borrow_mut();
        if contents.resources.iter().all(|(id, _)| *id != new.logical_id) {
            contents.resources.push((new.logical_id, new.resource));
        }
    }

    pub(crate) fn grant(&self, grantee: &Grantee, statements: impl IntoIterator<Item = Statement>) {
        let mut statements = statements.into_iter().peekable();
        if statements.peek().is_none() {
            return;
        }
        let mut contents = self.contents.borrow_mut();
        let id = logical_id(&grantee.policy_path);
        match contents.policies.iter_mut().find(|policy| policy.logical_id == id) {
            Some(policy) => policy.statements.extend(statements),
            None => contents.policies.push(Policy {
                logical_id: Str::from(id),
                grantee: grantee.clone(),
                statements: statements.collect(),
            }),
        }
    }

    /// Adds to the policy of a key of the template.
    pub(crate) fn allow_in_key(&self, key: &crate::references::KeyRef, statement: Statement) {
        if let Some(id) = &key.logical_id {
            self.contents.borrow_mut().key_statements.push((id.clone(), statement));
        }
    }

    /// The statements of the policy at this path; none if there is no such policy.
    pub(crate) fn policy_statements(&self, path: &[Str]) -> Vec<Statement> {
        let id = logical_id(path);
        let contents = self.contents.borrow();
        let policy = contents.policies.iter().find(|policy| policy.logical_id == id);
        policy.map(|policy| policy.rendered(self.environment.compat)).unwrap_or_default()
    }
}

impl Default for Stack {
    fn default() -> Stack {
        Stack::new("Stack")
    }
}

impl Contents {
    fn render(&self, id: &Str, resource: &Resource) -> Value {
        if let Some(raw) = &resource.raw {
            return self.completed(id, raw);
        }
        let policy = resource
            .depends_on_policy
            .as_ref()
            .filter(|id| self.policies.iter().any(|policy| policy.logical_id == **id))
            .cloned();
        resource.render(policy.into_iter().collect())
    }

    /// A declared key with what constructs have added to its policy.
    fn completed(&self, id: &Str, raw: &Value) -> Value {
        let added: Vec<Value> = self
            .key_statements
            .iter()
            .filter(|(key, _)| key == id)
            .map(|(_, statement)| statement.to_value())
            .collect();
        let policy = raw.get("Properties").and_then(|properties| properties.get("KeyPolicy"));
        let (Some(policy), false) = (policy.and_then(Value::as_object), added.is_empty()) else {
            return raw.clone();
        };
        let mut statements = policy.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
        for statement in added {
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
        with(raw, "Properties", |properties| {
            with(&properties, "KeyPolicy", |policy| with(&policy, "Statement", |_| Value::Array(statements.clone())))
        })
    }
}

/// The object with one member replaced.
fn with(value: &Value, key: &str, change: impl FnOnce(Value) -> Value) -> Value {
    let mut object = value.as_object().cloned().unwrap_or_default();
    let member = object.get(key).cloned().unwrap_or_default();
    object.insert(key, change(member));
    Value::Object(object)
}

impl Policy {
    fn rendered(&self, compat: Compat) -> Vec<Statement> {
        match compat.minimize_policies {
            true => iam::minimized(&self.statements),
            false => iam::distinct(&self.statements),
        }
    }

    fn resource(&self, compat: Compat) -> Resource {
        policy_resource(&self.logical_id, &self.grantee, &self.rendered(compat))
    }
}

/// A policy of these statements, attached to a role or user.
pub(crate) fn policy_resource(logical_id: &str, grantee: &Grantee, statements: &[Statement]) -> Resource {
    let names: Value = [grantee.name.to_value()].into_iter().collect();
    let properties = Fields::new()
        .set("PolicyDocument", iam::document(statements))
        .set("PolicyName", logical_id)
        .set(grantee.property, names);
    Resource::new("AWS::IAM::Policy", properties)
}

impl Resource {
    pub(crate) fn new(kind: &str, properties: Fields) -> Resource {
        Resource {
            kind: Str::from(kind),
            properties: properties.into(),
            depends_on: Vec::new(),
            depends_on_policy: None,
            deletion_policy: None,
            raw: None,
        }
    }

    fn render(&self, mut depends_on: Vec<Str>) -> Value {
        let mut resource = Object::default();
        resource.insert("Type", Value::from(self.kind.clone()));
        let properties = self.properties.to_value();
        if properties.as_object().is_none_or(|properties| !properties.is_empty()) {
            resource.insert("Properties", properties);
        }
        depends_on.extend(self.depends_on.iter().cloned());
        if !depends_on.is_empty() {
            resource.insert("DependsOn", depends_on.into_iter().map(Value::from).collect());
        }
        if let Some(policy) = self.deletion_policy {
            resource.insert("UpdateReplacePolicy", Value::from(policy));
            resource.insert("DeletionPolicy", Value::from(policy));
        }
        Value::Object(resource)
    }
}

/// The logical id that the CDK gives the construct at this path below the stack.
///
/// The ids without their special characters and repetitions, and a hash of the whole path: first eight digits of its MD5.
pub fn logical_id(path: &[Str]) -> String {
    let path: Vec<&str> = path.iter().map(Str::as_str).filter(|id| *id != "Default").collect();
    if let [only] = path.as_slice() {
        let id = alphanumeric(only);
        if id.len() <= 255 {
            return id;
        }
    }
    let mut human = String::new();
    let mut last: Option<&str> = None;
    for id in &path {
        if last.is_none_or(|last| !last.ends_with(id)) {
            last = Some(id);
            if *id != "Resource" {
                human.push_str(&alphanumeric(id));
            }
        }
    }
    human.truncate(HUMAN_MAX);
    let hash = Md5::digest(path.join("/").as_bytes());
    human.extend(hash.iter().take(4).map(|byte| format!("{byte:02X}")));
    human
}

/// How much of a logical id tells what it is; the CDK's limit.
const HUMAN_MAX: usize = 240;

fn alphanumeric(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).collect()
}
