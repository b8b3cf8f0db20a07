//! State machines: built from states or from a text, with their roles, logs, keys, versions and aliases.

use std::time::Duration;

use stepwell_value::{Object, Str, Value};

use crate::cfn::{Cfn, Part};
use crate::error::{BuildError, BuildErrors, Stage};
use crate::field::whole_seconds;
use crate::graph::{Chainable, StateIx, Workflow};
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::{Jsonata, QueryLanguage};
use crate::metrics::MachineMetrics;
use crate::references::{BucketRef, Grantee, IntoGrantee, KeyRef, LogGroupRef, RoleRef, StateMachineRef};
use crate::render::{Rendered, Renderer};
use crate::stack::{NewResource, Resource, Stack, logical_id, policy_resource};
use crate::state::words;

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
    Text(Cfn),
    S3 { bucket: Cfn, key: Cfn, version: Option<Cfn> },
}

words! {
    /// The kind of a state machine.
    StateMachineType {
        /// Up to a year, every step recorded
        Standard = "STANDARD",
        /// Up to five minutes, many at a time
        Express = "EXPRESS",
    }
    /// What is logged.
    LogLevel {
        /// Everything
        All = "ALL",
        /// Errors
        Error = "ERROR",
        /// Errors that end an execution
        Fatal = "FATAL",
        /// Nothing
        Off = "OFF",
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

/// What a state machine logs, and where.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let logs = Logs::new().destination(&LogGroupRef::from_logical_id("Logs")).level(LogLevel::All).include_execution_data(true);
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello"))).logs(logs).tracing(true).build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "LogOptions")]
#[derive(Clone, Debug, Default)]
pub struct Logs {
    destination: Option<LogGroupRef>,
    level: Option<LogLevel>,
    include_execution_data: Option<bool>,
}

impl Logs {
    /// Errors without data; a destination is needed, unless the level is `Off`.
    pub fn new() -> Logs {
        Logs::default()
    }

    /// The log group.
    #[must_use]
    pub fn destination(mut self, group: &LogGroupRef) -> Logs {
        self.destination = Some(group.clone());
        self
    }

    /// What is logged; `Error` by default.
    #[must_use]
    pub fn level(mut self, level: LogLevel) -> Logs {
        self.level = Some(level);
        self
    }

    /// Whether inputs and outputs are logged, too.
    #[doc(alias = "includeExecutionData")]
    #[must_use]
    pub fn include_execution_data(mut self, include: bool) -> Logs {
        self.include_execution_data = Some(include);
        self
    }
}

/// The key that data is encrypted with.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let key = KeyRef::from_arn("arn:aws:kms:eu-central-1:123456789012:key/orders");
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello")))
///     .encryption(EncryptionConfiguration::CustomerManaged { key, data_key_reuse_period: None })
///     .build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub enum EncryptionConfiguration {
    /// A key of AWS.
    #[doc(alias = "AwsOwnedEncryptionConfiguration")]
    AwsOwned,
    /// A key of the customer.
    #[doc(alias = "CustomerManagedEncryptionConfiguration")]
    CustomerManaged {
        /// The key.
        key: KeyRef,
        /// How long a data key is used, 60 to 900 seconds; 300 by default.
        #[doc(alias = "kmsDataKeyReusePeriodSeconds")]
        data_key_reuse_period: Option<Duration>,
    },
}

/// How long a data key is used if nothing is said.
const REUSE_PERIOD_S: u64 = 300;

impl EncryptionConfiguration {
    pub(crate) fn render(&self) -> Result<Fields, BuildErrorKind> {
        match self {
            EncryptionConfiguration::AwsOwned => Ok(Fields::new().set("Type", "AWS_OWNED_KEY")),
            EncryptionConfiguration::CustomerManaged { key, data_key_reuse_period } => {
                let period = data_key_reuse_period.unwrap_or(Duration::from_secs(REUSE_PERIOD_S));
                let seconds = match whole_seconds(period) {
                    Json::Invalid(problem) => return Err((problem.code, problem.message.clone())),
                    seconds => seconds,
                };
                if !(60..=900).contains(&period.as_secs()) {
                    let message = "kmsDataKeyReusePeriodSeconds must have a value between 60 and 900 seconds";
                    return Err(("InvalidKmsDataKeyReusePeriod", message.to_owned()));
                }
                Ok(Fields::new()
                    .set("KmsDataKeyReusePeriodSeconds", seconds)
                    .set("KmsKeyId", key.arn().clone())
                    .set("Type", "CUSTOMER_MANAGED_KMS_KEY"))
            }
        }
    }
}

type BuildErrorKind = (&'static str, String);

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
        StateMachine::from(id, DefinitionSource::Text(definition.into()))
    }

    /// A machine whose definition is an object in S3 (template property `DefinitionS3Location`).
    #[doc(alias = "definitionS3Location")]
    #[doc(alias = "DefinitionBody.fromBucket")]
    pub fn from_s3(id: &str, bucket: &BucketRef, key: impl Into<Cfn>, version: Option<Cfn>) -> StateMachine {
        let definition = DefinitionSource::S3 { bucket: bucket.name().clone(), key: key.into(), version };
        StateMachine::from(id, definition)
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
        let environment = stack.env();
        let mut errors: Vec<BuildError> = Vec::new();
        let mut refuse = |code, message| {
            let path = format!("{}/{}", environment.stack_id, self.id);
            errors.push(BuildError { code, path, message, stage: Stage::Render });
        };
        if let Some(Json::Invalid(problem)) = &self.timeout {
            refuse(problem.code, problem.message.clone());
        }
        if let Some(name) = self.name.as_ref().and_then(Cfn::as_literal) {
            for (code, message) in name_problems(name) {
                refuse(code, message);
            }
        }
        if self.logs.as_ref().is_some_and(|logs| logs.destination.is_none() && logs.level != Some(LogLevel::Off)) {
            refuse("LogsDestinationRequired", "Logs destination is required when level is not OFF.".to_owned());
        }
        let encryption = match self.encryption.as_ref().map(EncryptionConfiguration::render) {
            Some(Err((code, message))) => {
                refuse(code, message);
                None
            }
            Some(Ok(fields)) => Some(fields),
            None => None,
        };
        errors.extend(stack.taken(&self.id, &self.logical_id()));
        let (definition, rendered) = self.definition(stack, &mut errors);
        if !errors.is_empty() {
            return Err(BuildErrors::new(errors));
        }
        Ok(self.into_machine(stack, definition, rendered, encryption))
    }

    fn logical_id(&self) -> String {
        logical_id(&[self.id.clone(), Str::from("Resource")])
    }

    fn definition(&self, stack: &Stack, errors: &mut Vec<BuildError>) -> (Option<Definition>, Option<Rendered>) {
        match &self.definition {
            DefinitionSource::States { workflow, start } => {
                let (definition, rendered) = self.states(stack, workflow, *start, errors);
                (Some(Definition::States(definition)), Some(rendered))
            }
            DefinitionSource::Text(text) => (Some(Definition::Text(text.clone())), None),
            DefinitionSource::S3 { .. } => (None, None),
        }
    }

    fn states(
        &self,
        stack: &Stack,
        workflow: &Workflow,
        start: StateIx,
        errors: &mut Vec<BuildError>,
    ) -> (Json, Rendered) {
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
        (fields.into(), rendered)
    }

    fn into_machine(
        self,
        stack: &Stack,
        definition: Option<Definition>,
        rendered: Option<Rendered>,
        encryption: Option<Fields>,
    ) -> Machine {
        let path =
            |more: &[&str]| -> Vec<Str> { std::iter::once(self.id.clone()).chain(more.iter().map(Str::new)).collect() };
        let environment = stack.env();
        let machine_id = Str::from(self.logical_id());
        let role = match self.role {
            Some(ref role) => role.clone(),
            None => {
                let role = RoleRef::made(&path(&["Role"]));
                let logical_id = role.logical_id.clone().unwrap_or_default();
                stack.put(NewResource { logical_id, resource: Resource::new("AWS::IAM::Role", service_role(stack)) });
                role
            }
        };
        let mut statements = Vec::new();
        let mut warnings = Vec::new();
        let mut distributed_maps = Vec::new();
        if let Some(rendered) = rendered {
            statements = rendered.statements;
            warnings = rendered.warnings;
            distributed_maps = rendered.distributed_maps;
            rendered.resources.into_iter().for_each(|resource| stack.put(resource));
            for (grantee, statement) in rendered.grants {
                stack.grant(&grantee, [statement]);
            }
            for (policy, statement) in rendered.resource_grants {
                stack.allow_in_resource(&policy, statement);
            }
            for (key, statement) in rendered.key_statements {
                stack.allow_in_key(&key, statement);
            }
        }
        let mut properties = Fields::new();
        match (&definition, &self.definition) {
            (Some(Definition::States(json)), _) => properties.put("DefinitionString", json.to_text()),
            (Some(Definition::Text(text)), _) => properties.put("DefinitionString", text.clone()),
            (None, DefinitionSource::S3 { bucket, key, version }) => properties.put(
                "DefinitionS3Location",
                Fields::new().set("Bucket", bucket.clone()).set("Key", key.clone()).set_opt("Version", version),
            ),
            (None, _) => {}
        }
        let mut other = Fields::new();
        if !self.substitutions.is_empty() {
            let mut substitutions = Fields::new();
            for (name, value) in &self.substitutions {
                substitutions.put(name.clone(), value.clone());
            }
            other.put("DefinitionSubstitutions", substitutions);
        }
        if let Some(encryption) = encryption {
            other.put("EncryptionConfiguration", encryption);
        }
        self.encryption_statements(stack, &machine_id, &mut statements);
        if let Some(logs) = &self.logs {
            other.put("LoggingConfiguration", logs.render());
            if logs.destination.is_some() {
                statements.push(Statement::allow(LOG_ACTIONS, [Cfn::from("*")]));
            }
        }
        if let Some(name) = &self.name {
            other.put("StateMachineName", name.to_json());
        }
        if let Some(kind) = self.kind {
            other.put("StateMachineType", kind.to_json());
        }
        if let Some(enabled) = self.tracing {
            other.put("TracingConfiguration", Fields::new().set("Enabled", Value::from(enabled)));
            if enabled {
                statements.push(Statement::allow(TRACING_ACTIONS, [Cfn::from("*")]));
            }
        }
        let mut all = properties;
        all.extend(other.clone());
        all.put("RoleArn", role.arn().clone());
        let mut resource = Resource::new("AWS::StepFunctions::StateMachine", all);
        resource.deletion_policy = Some(self.removal_policy.as_str());
        resource.depends_on.extend(role.logical_id.clone());
        let policy_id = role.grantee.as_ref().map(|grantee| Str::from(logical_id(&grantee.policy_path)));
        resource.depends_on_policy = policy_id;
        stack.put(NewResource { logical_id: machine_id.clone(), resource });
        if let Some(grantee) = &role.grantee {
            stack.grant(grantee, statements);
        }
        let reference = StateMachineRef::from_logical_id(&machine_id);
        if let (false, Some(grantee)) = (distributed_maps.is_empty(), &role.grantee) {
            let id = Str::from(logical_id(&path(&["DistributedMapPolicy", "Resource"])));
            let labels: Vec<Str> = match distributed_maps.iter().cloned().collect::<Option<Vec<Str>>>() {
                Some(labels) => labels,
                None => vec![Str::from("*")],
            };
            let statements = [
                Statement::allow(["states:StartExecution"], [reference.arn().clone()]),
                Statement::allow(
                    ["states:DescribeExecution", "states:StopExecution"],
                    [reference.executions(environment, ":*")],
                ),
                Statement::allow(
                    ["states:RedriveExecution"],
                    labels.iter().map(|label| reference.executions(environment, &format!("/{label}:*"))),
                ),
            ];
            stack.put(NewResource { resource: policy_resource(&id, grantee, &statements), logical_id: id });
        }
        Machine {
            stack: stack.clone(),
            logical_id: machine_id,
            definition,
            properties: other.into(),
            deletion_policy: self.removal_policy,
            grantee: role.grantee,
            warnings,
            reference,
        }
    }

    /// What the role must be allowed, and the service by the key, to encrypt with a key of the customer.
    fn encryption_statements(&self, stack: &Stack, machine_id: &Str, statements: &mut Vec<Statement>) {
        let Some(EncryptionConfiguration::CustomerManaged { key, .. }) = &self.encryption else { return };
        let environment = stack.env();
        // The key of an unnamed machine cannot be bound to an ARN that is made when the machine is; the CDK binds it to
        // one that ends where the name would begin, which nothing matches.
        let of_machine = |statement: Statement| match &self.name {
            Some(name) => statement.when(
                "StringEquals",
                "kms:EncryptionContext:aws:states:stateMachineArn",
                &environment.arn("states", Cfn::from("stateMachine:").then(name)),
            ),
            None => statement.when(
                "ArnLike",
                "kms:EncryptionContext:aws:states:stateMachineArn",
                &environment.arn("states", format!("stateMachine:{machine_id}-*")),
            ),
        };
        let use_key = ["kms:Decrypt", "kms:GenerateDataKey"];
        statements.push(of_machine(Statement::allow(use_key, [key.arn().clone()])));
        if self.logs.as_ref().is_some_and(|logs| logs.destination.is_some()) {
            statements.push(Statement::allow(["kms:GenerateDataKey"], [key.arn().clone()]).when(
                "StringEquals",
                "kms:EncryptionContext:SourceArn",
                &environment.arn("logs", "*"),
            ));
            let logs = Statement::allow(["kms:Decrypt*"], [Cfn::from("*")]);
            stack.allow_in_key(key, logs.for_service("delivery.logs.amazonaws.com"));
        }
    }
}

const LOG_ACTIONS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];

const TRACING_ACTIONS: [&str; 4] =
    ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"];

fn name_problems(name: &str) -> Vec<BuildErrorKind> {
    let mut problems = Vec::new();
    if !(1..=80).contains(&name.chars().count()) {
        problems.push((
            "InvalidStateMachineNameLength",
            format!("State Machine name must be between 1 and 80 characters. Received: {name}"),
        ));
    }
    // The CDK's pattern, in which `)-=` is a range.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+!@.(_'".contains(c) || (')'..='=').contains(&c);
    if !name.is_empty() && !name.chars().all(allowed) {
        problems.push((
            "InvalidStateMachineNamePattern",
            format!("State Machine name must match \"^[a-z0-9+!@.()-=_']+$/i\". Received: {name}"),
        ));
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

impl Logs {
    fn render(&self) -> Fields {
        let mut fields = Fields::new();
        if let Some(group) = &self.destination {
            let group = Fields::new().set("LogGroupArn", group.arn().clone());
            let destination: Json = Fields::new().set("CloudWatchLogsLogGroup", group).into();
            fields.put("Destinations", Json::Array(vec![destination]));
        }
        if let Some(include) = self.include_execution_data {
            fields.put("IncludeExecutionData", Value::from(include));
        }
        fields.set("Level", self.level.unwrap_or(LogLevel::Error).to_json())
    }
}

/// A state machine that has been built and stands in the template of its stack.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let price = w.add(LambdaInvoke::json_path("Price", FunctionRef::from_logical_id("PriceFunction")));
/// let machine = stack.add(StateMachine::new("Machine", price))?;
///
/// let lambda = |definition: value::Value| {
///     let state = definition.get("States")?.get("Price")?.clone();
///     Some(state.get("Parameters")?.get("FunctionName")?.to_string())
/// };
/// // As CloudFormation gets it, and as an interpreter does.
/// assert_eq!(lambda(machine.definition()).as_deref(), Some(r#"{"Fn::GetAtt":["PriceFunction","Arn"]}"#));
/// assert_eq!(lambda(machine.to_asl()).as_deref(), Some(r#""arn:aws:service:us-east-1:123456789012:PriceFunction""#));
/// // What the role may do, and no more.
/// assert_eq!(machine.policy().len(), 1);
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    stack: Stack,
    logical_id: Str,
    definition: Option<Definition>,
    properties: Json,
    deletion_policy: RemovalPolicy,
    grantee: Option<Grantee>,
    warnings: Vec<String>,
    reference: StateMachineRef,
}

#[derive(Clone, Debug)]
enum Definition {
    States(Json),
    Text(Cfn),
}

impl Machine {
    /// The definition; strings that CloudFormation completes are its intrinsic functions. `null` for a definition in S3.
    pub fn definition(&self) -> Value {
        match &self.definition {
            Some(Definition::States(json)) => json.to_value(),
            Some(Definition::Text(text)) => {
                text.as_literal().and_then(|text| stepwell_value::parse(text).ok()).unwrap_or_else(|| text.to_value())
            }
            None => Value::Null,
        }
    }

    /// The definition with all that CloudFormation completes replaced: plain Amazon States Language.
    ///
    /// The partition is `aws`, the region `us-east-1`, the account `123456789012`; a resource of the template is an
    /// ARN of its logical id.
    pub fn to_asl(&self) -> Value {
        match &self.definition {
            Some(Definition::States(json)) => json.resolve(&|cfn| Value::from(resolved(cfn))),
            Some(Definition::Text(text)) => {
                let mut text = resolved(text);
                let properties = self.properties.resolve(&|cfn| Value::from(resolved(cfn)));
                let substitutions = properties.get("DefinitionSubstitutions").and_then(Value::as_object).cloned();
                for (name, value) in substitutions.unwrap_or_default().iter() {
                    text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default());
                }
                stepwell_value::parse(&text).unwrap_or_else(|_| Value::from(text))
            }
            None => Value::Null,
        }
    }

    /// Whether it is a Standard or an Express machine.
    pub fn kind(&self) -> StateMachineType {
        let kind = self.properties().get("StateMachineType").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("EXPRESS") => StateMachineType::Express,
            _ => StateMachineType::Standard,
        }
    }

    /// Allows the machine something that none of its states asks for.
    #[doc(alias = "addToRolePolicy")]
    pub fn add_to_role_policy(&self, statement: Statement) {
        if let Some(grantee) = &self.grantee {
            self.stack.grant(grantee, [statement]);
        }
    }

    /// What its role is allowed.
    pub fn policy(&self) -> Vec<Statement> {
        let grantee = self.grantee.as_ref();
        grantee.map(|grantee| self.stack.policy_statements(&grantee.policy_path)).unwrap_or_default()
    }

    /// The properties of the machine in the template, except for its definition and its role.
    pub fn properties(&self) -> Value {
        self.properties.to_value()
    }

    /// What happens when it leaves the template.
    pub fn deletion_policy(&self) -> RemovalPolicy {
        self.deletion_policy
    }

    /// What is allowed, but hardly meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Its logical id in the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// Its ARN.
    pub fn arn(&self) -> Cfn {
        self.reference.arn().clone()
    }

    /// Its name.
    pub fn name(&self) -> Cfn {
        Cfn::get_att(&self.logical_id, "Name")
    }

    /// The id of its revision.
    #[doc(alias = "stateMachineRevisionId")]
    pub fn revision_id(&self) -> Cfn {
        Cfn::get_att(&self.logical_id, "StateMachineRevisionId")
    }

    /// The machine as something that others refer to.
    pub fn reference(&self) -> &StateMachineRef {
        &self.reference
    }

    /// The metrics of the machine.
    pub fn metrics(&self) -> MachineMetrics {
        MachineMetrics::new(&self.arn())
    }

    /// The stack that it stands in.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }
}

impl Stack {
    /// Grants with a state machine, one of the stack or another; see [`Grants`].
    pub fn grants<'s>(&'s self, machine: &'s StateMachineRef) -> Grants<'s> {
        Grants { stack: self, machine }
    }
}

impl Machine {
    /// What others may be allowed to do with it.
    pub fn grants(&self) -> Grants<'_> {
        Grants { stack: &self.stack, machine: &self.reference }
    }
}

/// What others may be allowed to do with a state machine.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let machine = stack.add(StateMachine::new("Machine", w.add(Pass::json_path("Hello"))))?;
/// machine.grants().start_execution(&RoleRef::from_arn("Starter", "arn:aws:iam::123456789012:role/starter"));
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "StateMachineGrants")]
#[derive(Clone, Copy, Debug)]
pub struct Grants<'s> {
    stack: &'s Stack,
    machine: &'s StateMachineRef,
}

impl Grants<'_> {
    fn grant(&self, grantee: impl IntoGrantee, statements: impl IntoIterator<Item = Statement>) {
        if let Some(grantee) = grantee.into_grantee() {
            self.stack.grant(&grantee, statements);
        }
    }

    fn executions(&self) -> Cfn {
        self.machine.executions(self.stack.env(), ":*")
    }

    /// May start executions.
    #[doc(alias = "startExecution")]
    #[doc(alias = "grantStartExecution")]
    pub fn start_execution(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:StartExecution"]);
    }

    /// May start executions and wait for them; for express machines.
    #[doc(alias = "startSyncExecution")]
    #[doc(alias = "grantStartSyncExecution")]
    pub fn start_sync_execution(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:StartSyncExecution"]);
    }

    /// May read the machine and its executions.
    #[doc(alias = "grantRead")]
    pub fn read(&self, grantee: impl IntoGrantee) {
        let of_machine =
            Statement::allow(["states:ListExecutions", "states:ListStateMachines"], [self.machine.arn().clone()]);
        let of_executions = Statement::allow(
            ["states:DescribeExecution", "states:DescribeStateMachineForExecution", "states:GetExecutionHistory"],
            [self.executions()],
        );
        let of_all = Statement::allow(
            ["states:ListActivities", "states:DescribeStateMachine", "states:DescribeActivity"],
            [Cfn::from("*")],
        );
        self.grant(grantee, [of_machine, of_executions, of_all]);
    }

    /// May answer tasks that wait for their token.
    #[doc(alias = "taskResponse")]
    #[doc(alias = "grantTaskResponse")]
    pub fn task_response(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]);
    }

    /// May redrive executions.
    #[doc(alias = "redriveExecution")]
    #[doc(alias = "grantRedriveExecution")]
    pub fn redrive_execution(&self, grantee: impl IntoGrantee) {
        self.execution(grantee, ["states:RedriveExecution"]);
    }

    /// May do this with its executions.
    #[doc(alias = "grantExecution")]
    pub fn execution<A: AsRef<str>>(&self, grantee: impl IntoGrantee, actions: impl IntoIterator<Item = A>) {
        self.grant(grantee, [Statement::allow(actions, [self.executions()])]);
    }

    /// May do this with the machine.
    #[doc(alias = "grant")]
    pub fn actions<A: AsRef<str>>(&self, grantee: impl IntoGrantee, actions: impl IntoIterator<Item = A>) {
        self.grant(grantee, [Statement::allow(actions, [self.machine.arn().clone()])]);
    }
}

/// The text with every part that CloudFormation completes replaced by what it could become.
fn resolved(cfn: &Cfn) -> String {
    cfn.parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.to_string(),
            Part::Token(token) => resolved_token(token),
        })
        .collect()
}

fn resolved_token(token: &Value) -> String {
    let only = token.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    let Some((function, argument)) = only else { return "unknown".to_owned() };
    match (function.as_str(), argument.as_str(), argument.as_array()) {
        ("Ref", Some("AWS::Partition"), _) => "aws".to_owned(),
        ("Ref", Some("AWS::Region"), _) => "us-east-1".to_owned(),
        ("Ref", Some("AWS::AccountId"), _) => "123456789012".to_owned(),
        ("Ref", Some(id), _) => format!("arn:aws:service:us-east-1:123456789012:{id}"),
        ("Fn::GetAtt", _, Some(arguments)) => {
            let id = arguments.first().and_then(Value::as_str).unwrap_or("unknown");
            format!("arn:aws:service:us-east-1:123456789012:{id}")
        }
        ("Fn::Select", _, Some(arguments)) => selected(arguments).unwrap_or_else(|| "unknown".to_owned()),
        _ => "unknown".to_owned(),
    }
}

/// `Fn::Select` of `Fn::Split`.
fn selected(arguments: &[Value]) -> Option<String> {
    let index = usize::try_from(arguments.first()?.as_i64()?).ok()?;
    let split = arguments.get(1)?.get("Fn::Split")?.as_array()?;
    let delimiter = split.first()?.as_str()?;
    let text = resolved(&Cfn::intrinsic(split.get(1)?));
    text.split(delimiter).nth(index).map(str::to_owned)
}

/// A resource of CloudFormation that a machine can be released by.
#[derive(Clone, Debug)]
pub struct Version {
    logical_id: Str,
}

impl Version {
    /// Its ARN.
    pub fn arn(&self) -> Cfn {
        Cfn::get_att(&self.logical_id, "Arn")
    }
}

impl Machine {
    /// Publishes a version of the machine (`AWS::StepFunctions::StateMachineVersion`).
    ///
    /// If there is a resource of that id already, it stays.
    #[doc(alias = "CfnStateMachineVersion")]
    pub fn version(&self, id: &str, description: Option<&str>, revision_id: Option<Cfn>) -> Version {
        let properties = Fields::new()
            .set_opt("Description", &description.map(Str::from))
            .set("StateMachineArn", self.arn())
            .set_opt("StateMachineRevisionId", &revision_id);
        let logical_id = Str::from(logical_id(&[Str::from(id)]));
        let resource = Resource::new("AWS::StepFunctions::StateMachineVersion", properties);
        self.stack.put(NewResource { logical_id: logical_id.clone(), resource });
        Version { logical_id }
    }

    /// A name for versions of the machine, with the share of executions that each gets, in percent
    /// (`AWS::StepFunctions::StateMachineAlias`).
    ///
    /// If there is a resource of that id already, it stays.
    #[doc(alias = "CfnStateMachineAlias")]
    pub fn alias(&self, id: &str, alias: Alias) {
        let routes = alias
            .routes
            .iter()
            .map(|(version, weight)| {
                Fields::new().set("StateMachineVersionArn", version.clone()).set("Weight", Value::from(*weight)).into()
            })
            .collect();
        let mut properties = Fields::new().set_opt("Description", &alias.description).set_opt("Name", &alias.name);
        if !alias.routes.is_empty() {
            properties.put("RoutingConfiguration", Json::Array(routes));
        }
        if let Some(deployment) = alias.deployment {
            properties.put("DeploymentPreference", deployment);
        }
        let resource = Resource::new("AWS::StepFunctions::StateMachineAlias", properties);
        self.stack.put(NewResource { logical_id: Str::from(logical_id(&[Str::from(id)])), resource });
    }
}

/// What a name for versions says.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let machine = stack.add(StateMachine::new("Machine", w.add(Pass::json_path("Hello"))))?;
/// let first = machine.version("First", Some("the first one"), None);
/// let second = machine.version("Second", None, Some(machine.revision_id()));
/// machine.alias("Live", Alias::new().name("live").route(first.arn(), 90).route(second.arn(), 10));
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Alias {
    name: Option<Str>,
    description: Option<Str>,
    routes: Vec<(Cfn, u32)>,
    deployment: Option<Value>,
}

impl Alias {
    /// An alias without a name; CloudFormation makes one.
    pub fn new() -> Alias {
        Alias::default()
    }

    /// The name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Alias {
        self.name = Some(Str::from(name));
        self
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, text: &str) -> Alias {
        self.description = Some(Str::from(text));
        self
    }

    /// Sends this share of the executions, in percent, to the version; two versions at most, together 100.
    #[must_use]
    pub fn route(mut self, version: impl Into<Cfn>, weight: u32) -> Alias {
        self.routes.push((version.into(), weight));
        self
    }

    /// Shifts executions to a new version step by step (property `DeploymentPreference`, as it stands in a template).
    #[doc(alias = "deploymentPreference")]
    #[must_use]
    pub fn deployment_preference(mut self, preference: Object) -> Alias {
        self.deployment = Some(Value::Object(preference));
        self
    }
}
