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
use crate::references::{Grantee, IntoGrantee, KeyRef};
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
    /// Sorted by their keys.
    tags: Vec<(Str, Cfn)>,
}

#[derive(Debug, Default)]
struct Contents {
    resources: Vec<(Str, Resource)>,
    policies: Vec<Policy>,
    resource_policies: Vec<(ResourcePolicy, Vec<Statement>)>,
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

/// A policy that stands with a bucket or log group and says who of another account may use it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResourcePolicy {
    /// The ids from the stack's scope down to what it is about.
    pub(crate) path: Vec<Str>,
    /// The name of the bucket; nothing for a log group.
    pub(crate) bucket: Option<Cfn>,
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
        Environment {
            stack_id: Str::from(stack_id),
            account: None,
            region: None,
            compat: Compat::default(),
            tags: Vec::new(),
        }
    }

    /// The region, literal if it is known.
    pub(crate) fn region(&self) -> Cfn {
        self.region.as_ref().map_or_else(Cfn::region, |region| Cfn::from(region.clone()))
    }

    /// The account, literal if it is known.
    pub(crate) fn account(&self) -> Cfn {
        self.account.as_ref().map_or_else(Cfn::account_id, |account| Cfn::from(account.clone()))
    }

    /// Whether both accounts are known and differ.
    pub(crate) fn is_foreign(&self, account: Option<&Str>) -> bool {
        account.is_some_and(|account| self.account.as_ref().is_some_and(|own| own != account))
    }

    /// Whether the accounts may differ: one of them is known, and the other is not the same.
    pub(crate) fn may_be_foreign(&self, account: Option<&Str>) -> bool {
        account != self.account.as_ref()
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

    /// A tag of every resource that the constructs make, if resources of its kind can have tags.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let stack = Stack::new("Orders").tag("team", "payments");
    /// let machine = stack.add(StateMachine::new("Machine", Workflow::new().add(Pass::json_path("Hello"))))?;
    /// assert!(stack.template().to_string().contains(r#""Tags":[{"Key":"team","Value":"payments"}]"#));
    /// # Ok::<(), BuildErrors>(())
    /// ```
    #[doc(alias = "Tags.of")]
    #[must_use]
    pub fn tag(mut self, key: &str, value: impl Into<Cfn>) -> Stack {
        let tags = &mut self.environment.tags;
        let at = tags.partition_point(|(other, _)| other.as_str() < key);
        match tags.get_mut(at) {
            Some((other, old)) if other == key => *old = value.into(),
            _ => tags.insert(at, (Str::from(key), value.into())),
        }
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
        let declared = contents
            .resources
            .iter()
            .map(|(id, resource)| (id.clone(), contents.render(id, resource, &self.environment)));
        let policies = contents.policies.iter().flat_map(|policy| policy.resources(&self.environment));
        let of_resources = contents.resource_policies.iter().map(|(policy, statements)| {
            let (id, resource) = policy.resource(&self.environment, statements);
            (id, resource.render(Vec::new(), &[]))
        });
        declared.chain(policies).chain(of_resources).collect()
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
        if self.environment.is_foreign(grantee.account.as_ref()) {
            return;
        }
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

    /// Adds to the policy of a bucket or of log groups.
    pub(crate) fn allow_in_resource(&self, policy: &ResourcePolicy, statement: Statement) {
        let policies = &mut self.contents.borrow_mut().resource_policies;
        match policies.iter_mut().find(|(known, _)| known == policy) {
            Some((_, statements)) => statements.push(statement),
            None => policies.push((policy.clone(), vec![statement])),
        }
    }

    /// Adds to the policy of a key of the template.
    pub(crate) fn allow_in_key(&self, key: &KeyRef, statement: Statement) {
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
    fn render(&self, id: &Str, resource: &Resource, environment: &Environment) -> Value {
        if let Some(raw) = &resource.raw {
            return self.completed(id, raw);
        }
        let awaited =
            self.policies.iter().filter(|policy| Some(&policy.logical_id) == resource.depends_on_policy.as_ref());
        resource.render(awaited.flat_map(|policy| policy.logical_ids(environment.compat)).collect(), &environment.tags)
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

/// Each statement once, and as few as possible if the profile says so.
fn condensed(statements: &[Statement], compat: Compat) -> Vec<Statement> {
    match compat.minimize_policies {
        true => iam::minimized(statements),
        false => iam::distinct(statements),
    }
}

impl ResourcePolicy {
    /// The policy with its logical id.
    fn resource(&self, environment: &Environment, statements: &[Statement]) -> (Str, Resource) {
        let below = |ids: &[&str]| -> Vec<Str> { self.path.iter().cloned().chain(ids.iter().map(Str::new)).collect() };
        let document = iam::document(&condensed(statements, environment.compat));
        match &self.bucket {
            Some(bucket) => {
                let properties = Fields::new().set("Bucket", bucket.clone()).set("PolicyDocument", document);
                let id = logical_id(&below(&["Policy", "Resource"]));
                (Str::from(id), Resource::new("AWS::S3::BucketPolicy", properties))
            }
            None => {
                let named: Vec<Str> = [environment.stack_id.clone()].into_iter().chain(below(&["Policy"])).collect();
                let properties = Fields::new()
                    .set("PolicyDocument", Json::with_intrinsics(&document.to_value()).to_text())
                    .set("PolicyName", logical_id(&named).as_str());
                let id = logical_id(&below(&["Policy", "ResourcePolicy"]));
                (Str::from(id), Resource::new("AWS::Logs::ResourcePolicy", properties))
            }
        }
    }
}

impl Policy {
    fn rendered(&self, compat: Compat) -> Vec<Statement> {
        condensed(&self.statements, compat)
    }

    /// The statements that fit into the role, and those of policies of their own that take what does not.
    fn split(&self, compat: Compat) -> (Vec<Statement>, Vec<Vec<Statement>>) {
        let statements = self.rendered(compat);
        match self.role_path() {
            Some(_) => iam::split(statements),
            None => (statements, Vec::new()),
        }
    }

    /// The ids down to the role, if it is one of the template.
    fn role_path(&self) -> Option<&[Str]> {
        match self.grantee.policy_path.as_slice() {
            [role @ .., policy, _] if self.grantee.property == "Roles" && policy == "DefaultPolicy" => Some(role),
            _ => None,
        }
    }

    fn logical_ids(&self, compat: Compat) -> Vec<Str> {
        let overflow = (1..=self.split(compat).1.len()).map(|number| self.overflow_id(number));
        std::iter::once(self.logical_id.clone()).chain(overflow).collect()
    }

    fn overflow_id(&self, number: usize) -> Str {
        let overflow = [Str::from(format!("OverflowPolicy{number}")), Str::from("Resource")];
        let path: Vec<Str> = self.role_path().unwrap_or_default().iter().cloned().chain(overflow).collect();
        Str::from(logical_id(&path))
    }

    fn resources(&self, environment: &Environment) -> Vec<(Str, Value)> {
        let (inline, overflow) = self.split(environment.compat);
        let default = policy_resource(&self.logical_id, &self.grantee, &inline);
        let mut resources = vec![(self.logical_id.clone(), default.render(Vec::new(), &[]))];
        let role = self.role_path().unwrap_or_default().join("/");
        let names: Value = [self.grantee.name.to_value()].into_iter().collect();
        for (index, statements) in overflow.iter().enumerate() {
            let properties = Fields::new()
                .set("Description", format!("Part of the policies for {}/{role}", environment.stack_id).as_str())
                .set("Path", "/")
                .set("PolicyDocument", iam::document(statements))
                .set(self.grantee.property, names.clone());
            let resource = Resource::new("AWS::IAM::ManagedPolicy", properties);
            resources.push((self.overflow_id(index + 1), resource.render(Vec::new(), &[])));
        }
        resources
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

/// The kinds of resources that constructs make and that have tags.
const TAGGED: [&str; 7] = [
    "AWS::EC2::SecurityGroup",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
];

fn tag((key, value): &(Str, Cfn)) -> Value {
    [("Key", Value::from(key.clone())), ("Value", value.to_value())].into_iter().collect()
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

    fn render(&self, mut depends_on: Vec<Str>, tags: &[(Str, Cfn)]) -> Value {
        let mut resource = Object::default();
        resource.insert("Type", Value::from(self.kind.clone()));
        let mut properties = self.properties.to_value();
        if !tags.is_empty() && TAGGED.contains(&self.kind.as_str()) {
            properties = with(&properties, "Tags", |_| tags.iter().map(tag).collect());
        }
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
