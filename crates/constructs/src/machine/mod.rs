//! State machines: built from states or from a text, and put into a stack with a role and its policy.

mod built;
mod definition;
mod encryption;
mod grants;
mod logs;
mod versions;

pub use built::Machine;
pub use encryption::EncryptionConfiguration;
pub use grants::Grants;
pub use logs::{LogLevel, Logs};
pub use versions::{Alias, Version};

use std::sync::Arc;
use std::time::Duration;

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::error::{BuildError, BuildErrors, Problem, Stage};
use crate::field::whole_seconds;
use crate::graph::StateIx;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::{Jsonata, QueryLanguage};
use crate::machine::definition::Definition;
use crate::references::{BucketRef, Grantee, RoleRef, StateMachineRef};
use crate::render::{Rendered, Renderer};
use crate::stack::{NewResource, Resource, Stack, logical_id, policy_resource};
use crate::state::words;
use crate::task::Needs;
use crate::workflow::{Chainable, Workflow};

/// A state machine in the making.
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let machine = StateMachine::new("Hello", w.add(Pass::json_path("World")))
///     .comment("greets")
///     .timeout(Duration::from_secs(300))
///     .build()?;
/// assert_eq!(
///     machine.definition().to_string(),
///     r#"{"StartAt":"World","States":{"World":{"Type":"Pass","End":true}},"TimeoutSeconds":300,"Comment":"greets"}"#,
/// );
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "CfnStateMachine")]
#[derive(Debug)]
pub struct StateMachine {
    id: Str,
    definition: DefinitionSource,
    query_language: Option<QueryLanguage>,
    name: Option<Cfn>,
    kind: Option<StateMachineType>,
    comment: Option<Str>,
    timeout: Option<Json>,
    logs: Option<Logs>,
    tracing: Option<bool>,
    role: Option<RoleRef>,
    encryption: Option<EncryptionConfiguration>,
    substitutions: Vec<(Str, Cfn)>,
    removal_policy: RemovalPolicy,
}

#[derive(Debug)]
enum DefinitionSource {
    States { workflow: Workflow, start: StateIx },
    Given(Definition),
}

words! {
    /// The kind of a state machine.
    StateMachineType {
        /// Up to a year, every step recorded
        Standard = "STANDARD",
        /// Up to five minutes, many at a time
        Express = "EXPRESS",
    }
    /// What happens to the state machine when it leaves the template.
    RemovalPolicy {
        /// It is deleted
        Destroy = "Delete",
        /// It stays
        Retain = "Retain",
        /// It stays when it is replaced or the creation of the stack fails
        RetainOnUpdateOrDelete = "RetainExceptOnCreate",
    }
}

impl StateMachine {
    /// A machine of the states that are connected with the chain; its query language is JSONPath.
    #[doc(alias = "definitionBody")]
    #[doc(alias = "DefinitionBody.fromChainable")]
    #[doc(alias = "ChainDefinitionBody")]
    pub fn new<C: Chainable>(id: &str, chain: C) -> StateMachine {
        let node = chain.node();
        let definition = DefinitionSource::States { workflow: node.workflow().clone(), start: node.start() };
        StateMachine::from(id, definition)
    }

    /// The same, and the definition says that the language is JSONPath.
    #[doc(alias = "queryLanguage")]
    pub fn json_path<C: Chainable>(id: &str, chain: C) -> StateMachine {
        StateMachine { query_language: Some(QueryLanguage::JsonPath), ..StateMachine::new(id, chain) }
    }

    /// A machine whose query language is JSONata; every state of it must be.
    #[doc(alias = "queryLanguage")]
    pub fn jsonata<C: Chainable<Language = Jsonata>>(id: &str, chain: C) -> StateMachine {
        StateMachine { query_language: Some(QueryLanguage::Jsonata), ..StateMachine::new(id, chain) }
    }

    /// A machine whose definition is given as JSON text; `${name}` in it is replaced by a substitution.
    #[doc(alias = "definitionString")]
    #[doc(alias = "StringDefinitionBody")]
    #[doc(alias = "FileDefinitionBody")]
    #[doc(alias = "DefinitionBody.fromString")]
    #[doc(alias = "DefinitionBody.fromFile")]
    pub fn from_text(id: &str, definition: impl Into<Cfn>) -> StateMachine {
        StateMachine::from(id, DefinitionSource::Given(Definition::Text(definition.into())))
    }

    /// A machine whose definition is an object in S3 (template property `DefinitionS3Location`).
    #[doc(alias = "definitionS3Location")]
    #[doc(alias = "DefinitionBody.fromBucket")]
    pub fn from_s3(id: &str, bucket: &BucketRef, key: impl Into<Cfn>, version: Option<Cfn>) -> StateMachine {
        let definition = Definition::S3 { bucket: bucket.name().clone(), key: key.into(), version };
        StateMachine::from(id, DefinitionSource::Given(definition))
    }

    fn from(id: &str, definition: DefinitionSource) -> StateMachine {
        StateMachine {
            id: Str::from(id),
            definition,
            query_language: None,
            name: None,
            kind: None,
            comment: None,
            timeout: None,
            logs: None,
            tracing: None,
            role: None,
            encryption: None,
            substitutions: Vec::new(),
            removal_policy: RemovalPolicy::Destroy,
        }
    }

    /// The name, 1 to 80 characters; CloudFormation makes one if nothing is said.
    #[doc(alias = "stateMachineName")]
    #[must_use]
    pub fn name(mut self, name: impl Into<Cfn>) -> StateMachine {
        self.name = Some(name.into());
        self
    }

    /// The kind; CloudFormation takes `STANDARD` if nothing is said.
    #[doc(alias = "stateMachineType")]
    #[must_use]
    pub fn kind(mut self, kind: StateMachineType) -> StateMachine {
        self.kind = Some(kind);
        self
    }

    /// Free text (ASL field `Comment`).
    #[must_use]
    pub fn comment(mut self, text: &str) -> StateMachine {
        self.comment = Some(Str::from(text));
        self
    }

    /// The longest time that an execution may take, in whole seconds (ASL field `TimeoutSeconds`).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> StateMachine {
        self.timeout = Some(whole_seconds(timeout));
        self
    }

    /// What is logged, and where (template property `LoggingConfiguration`).
    #[must_use]
    pub fn logs(mut self, logs: Logs) -> StateMachine {
        self.logs = Some(logs);
        self
    }

    /// Whether executions are traced by X-Ray (template property `TracingConfiguration`).
    #[doc(alias = "tracingEnabled")]
    #[must_use]
    pub fn tracing(mut self, enabled: bool) -> StateMachine {
        self.tracing = Some(enabled);
        self
    }

    /// The role of the machine; one is made if nothing is said.
    #[doc(alias = "roleArn")]
    #[must_use]
    pub fn role(mut self, role: &RoleRef) -> StateMachine {
        self.role = Some(role.clone());
        self
    }

    /// The key that data is encrypted with (template property `EncryptionConfiguration`).
    #[doc(alias = "encryptionConfiguration")]
    #[must_use]
    pub fn encryption(mut self, encryption: EncryptionConfiguration) -> StateMachine {
        self.encryption = Some(encryption);
        self
    }

    /// What `${name}` in the definition is replaced by (template property `DefinitionSubstitutions`).
    #[doc(alias = "definitionSubstitutions")]
    #[must_use]
    pub fn substitution(mut self, name: &str, value: impl Into<Cfn>) -> StateMachine {
        self.substitutions.push((Str::from(name), value.into()));
        self
    }

    /// What happens when the machine leaves the template; it is deleted if nothing is said.
    #[doc(alias = "removalPolicy")]
    #[must_use]
    pub fn removal_policy(mut self, policy: RemovalPolicy) -> StateMachine {
        self.removal_policy = policy;
        self
    }

    /// Builds the machine in a stack of its own.
    pub fn build(self) -> Result<Machine, BuildErrors> {
        self.build_in(&Stack::default())
    }

    pub(crate) fn build_in(self, stack: &Stack) -> Result<Machine, BuildErrors> {
        let path = format!("{}/{}", stack.env().stack_id, self.id);
        let mut problems = self.problems();
        let encryption =
            self.encryption.as_ref().map(EncryptionConfiguration::render).transpose().unwrap_or_else(|problem| {
                problems.push(problem);
                None
            });
        let mut errors: Vec<BuildError> =
            problems.iter().map(|problem| problem.at(path.as_str(), Stage::Render)).collect();
        errors.extend(stack.taken(&self.id, &self.logical_id()));
        let (definition, rendered) = match &self.definition {
            DefinitionSource::States { workflow, start } => self.states(stack, workflow, *start, &mut errors),
            DefinitionSource::Given(definition) => (definition.clone(), Rendered::default()),
        };
        if !errors.is_empty() {
            return Err(BuildErrors::new(errors));
        }
        Ok(self.into_machine(stack, definition, rendered, encryption))
    }

    /// What is wrong with the machine itself.
    fn problems(&self) -> Vec<Arc<Problem>> {
        let mut problems = Vec::new();
        if let Some(Json::Invalid(problem)) = &self.timeout {
            problems.push(problem.clone());
        }
        if let Some(name) = self.name.as_ref().and_then(Cfn::as_literal) {
            problems.extend(name_problems(name));
        }
        problems.extend(self.logs.as_ref().and_then(Logs::problem));
        problems
    }

    /// The ids from the stack's scope down to a part of the machine.
    fn path<const N: usize>(&self, part: [&str; N]) -> Vec<Str> {
        std::iter::once(self.id.clone()).chain(part.map(Str::from)).collect()
    }

    fn logical_id(&self) -> String {
        logical_id(&self.path(["Resource"]))
    }

    fn states(
        &self,
        stack: &Stack,
        workflow: &Workflow,
        start: StateIx,
        errors: &mut Vec<BuildError>,
    ) -> (Definition, Rendered) {
        let mut graph = workflow.graph().borrow_mut();
        let description = "State Machine definition".to_owned();
        let region = graph.make_region(description, start, None, 0);
        let language = self.query_language.unwrap_or(QueryLanguage::JsonPath);
        let mut renderer = Renderer::new(&graph, stack.env(), language);
        let mut fields = renderer.region(region);
        for index in graph.checked..graph.states.len() {
            if graph.states[index].region.is_none() {
                renderer.check(StateIx(index));
            }
        }
        let mut rendered = renderer.finish();
        graph.checked = graph.states.len();
        errors.append(&mut graph.problems);
        errors.append(&mut rendered.problems);
        for error in errors.iter_mut().filter(|error| !error.path.starts_with(stack.env().stack_id.as_str())) {
            error.path = format!("{}/{}", stack.env().stack_id, error.path);
        }
        if let Some(timeout) = &self.timeout {
            fields.put("TimeoutSeconds", timeout.clone());
        }
        if let Some(comment) = &self.comment {
            fields.put("Comment", comment.to_json());
        }
        if let Some(language) = self.query_language {
            fields.put("QueryLanguage", Value::from(language.as_str()));
        }
        (Definition::States(fields.into()), rendered)
    }

    /// Puts the machine into the stack, with its role and all that its states bring along.
    fn into_machine(
        self,
        stack: &Stack,
        definition: Definition,
        rendered: Rendered,
        encryption: Option<Fields>,
    ) -> Machine {
        let machine_id = Str::from(self.logical_id());
        let role = self.role.clone().unwrap_or_else(|| self.new_role(stack));
        let Needs { mut statements, resources, grants, resource_grants, key_statements, warnings } = rendered.needs;
        resources.into_iter().for_each(|resource| stack.put(resource));
        grants.into_iter().for_each(|(grantee, statement)| stack.grant(&grantee, [statement]));
        resource_grants.into_iter().for_each(|(policy, statement)| stack.allow_in_resource(&policy, statement));
        key_statements.into_iter().for_each(|(key, statement)| stack.allow_in_key(&key, statement));
        statements.extend(self.encryption_statements(stack, &machine_id));
        statements.extend(self.logs.as_ref().and_then(Logs::statement));
        statements.extend((self.tracing == Some(true)).then(|| Statement::allow(TRACE, [Cfn::from("*")])));

        let properties = self.properties(encryption);
        let mut all = definition.property();
        all.extend(properties.clone());
        all.put("RoleArn", role.arn().clone());
        let mut resource = Resource::new("AWS::StepFunctions::StateMachine", all);
        resource.deletion_policy = Some(self.removal_policy.as_str());
        resource.depends_on.extend(role.logical_id.clone());
        resource.depends_on_policy = role.grantee.as_ref().map(|grantee| Str::from(logical_id(&grantee.policy_path)));
        stack.put(NewResource { logical_id: machine_id.clone(), resource });

        let reference = StateMachineRef::from_logical_id(&machine_id);
        if let Some(grantee) = &role.grantee {
            stack.grant(grantee, statements);
            if !rendered.distributed_maps.is_empty() {
                self.put_policy_of_distributed_maps(stack, grantee, &reference, rendered.distributed_maps);
            }
        }
        Machine {
            stack: stack.clone(),
            logical_id: machine_id,
            definition,
            properties: properties.into(),
            deletion_policy: self.removal_policy,
            grantee: role.grantee,
            warnings,
            reference,
        }
    }

    /// A role of the machine's own, in the template.
    fn new_role(&self, stack: &Stack) -> RoleRef {
        let role = RoleRef::made(&self.path(["Role"]));
        let logical_id = role.logical_id.clone().unwrap_or_default();
        stack.put(NewResource { logical_id, resource: Resource::new("AWS::IAM::Role", service_role(stack)) });
        role
    }

    /// The properties in the template, without the definition and the role.
    fn properties(&self, encryption: Option<Fields>) -> Fields {
        let mut properties = Fields::new();
        if !self.substitutions.is_empty() {
            let mut substitutions = Fields::new();
            for (name, value) in &self.substitutions {
                substitutions.put(name.clone(), value.clone());
            }
            properties.put("DefinitionSubstitutions", substitutions);
        }
        properties
            .set_opt("EncryptionConfiguration", &encryption)
            .set_opt("LoggingConfiguration", &self.logs.as_ref().map(Logs::render))
            .set_opt("StateMachineName", &self.name)
            .set_opt("StateMachineType", &self.kind)
            .set_opt("TracingConfiguration", &self.tracing.map(|on| Fields::new().set("Enabled", Value::from(on))))
    }

    /// Allows the machine to run itself, which is how the children of a distributed map run; `maps` are their labels.
    fn put_policy_of_distributed_maps(
        &self,
        stack: &Stack,
        grantee: &Grantee,
        machine: &StateMachineRef,
        maps: Vec<Option<Str>>,
    ) {
        let executions = |of: &str| machine.executions(stack.env(), of);
        // A map without a label gets one that nobody knows before.
        let labels = maps.into_iter().collect::<Option<Vec<Str>>>().unwrap_or_else(|| vec![Str::from("*")]);
        let statements = [
            Statement::allow(["states:StartExecution"], [machine.arn().clone()]),
            Statement::allow(["states:DescribeExecution", "states:StopExecution"], [executions(":*")]),
            Statement::allow(
                ["states:RedriveExecution"],
                labels.iter().map(|label| executions(&format!("/{label}:*"))),
            ),
        ];
        let id = Str::from(logical_id(&self.path(["DistributedMapPolicy", "Resource"])));
        stack.put(NewResource { resource: policy_resource(&id, grantee, &statements), logical_id: id });
    }
}

const TRACE: [&str; 4] =
    ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"];

fn name_problems(name: &str) -> Vec<Arc<Problem>> {
    let mut problems = Vec::new();
    if !(1..=80).contains(&name.chars().count()) {
        let message = format!("State Machine name must be between 1 and 80 characters. Received: {name}");
        problems.push(Problem::new("InvalidStateMachineNameLength", message));
    }
    // The CDK's pattern, in which `)-=` is a range.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+!@.(_'".contains(c) || (')'..='=').contains(&c);
    if !name.is_empty() && !name.chars().all(allowed) {
        let message = format!("State Machine name must match \"^[a-z0-9+!@.()-=_']+$/i\". Received: {name}");
        problems.push(Problem::new("InvalidStateMachineNamePattern", message));
    }
    problems
}

fn service_role(stack: &Stack) -> Fields {
    let environment = stack.env();
    let trust = Statement::allow(["sts:AssumeRole"], [])
        .for_service("states.amazonaws.com")
        .when("ArnLike", "aws:SourceArn", &environment.arn("states", "stateMachine:*"))
        .when("StringEquals", "aws:SourceAccount", &environment.account());
    Fields::new().set("AssumeRolePolicyDocument", crate::iam::document(&[trust]))
}
