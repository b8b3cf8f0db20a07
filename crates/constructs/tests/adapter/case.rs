//! A case: what it declares, what it builds, and the members of the answer.

use std::cell::RefCell;
use std::collections::BTreeMap;

use stepwell_constructs::*;
use stepwell_value::{Object, Str, Value};

use super::eval::V;
use super::machines::Source;
use super::states::AnyNode;
use super::{Answer, Stop, grants, refs, text, unknown};

/// What a case has made so far.
pub struct Cx {
    pub attrs: Object,
    pub resources: Vec<Value>,
    pub workflow: Workflow,
    pub stack: Stack,
    /// The language of the machine, which states made by a plain constructor take.
    pub machine_language: QueryLanguage,
    pub nodes: BTreeMap<String, AnyNode>,
    pub fragments: BTreeMap<String, Fragments>,
    pub machines: BTreeMap<String, Machine>,
    /// The metrics of tasks by their ids, and the ids of states by their names in the input.
    pub metrics: RefCell<BTreeMap<String, Metrics>>,
    /// The roles of tasks, by the id of the task and the name of the role; nothing for a role that the task has not.
    pub roles: RefCell<BTreeMap<String, Option<RoleRef>>>,
    pub ids: BTreeMap<String, String>,
    pub activities: BTreeMap<String, ActivityRef>,
    pub versions: BTreeMap<String, Version>,
    /// What stands in the template before the machine is built, as it was.
    before: Vec<(Str, Value)>,
}

/// A fragment, by its language and whether it can go on.
#[derive(Clone)]
pub enum Fragments {
    Open(Fragment<JsonPath, Open>),
    Closed(Fragment<JsonPath, Closed>),
}

/// The members of the answer.
pub fn case(input: &Value) -> Answer<Object> {
    let ts = input.get("ts").cloned().unwrap_or_default();
    let mut cx = Cx::new(input, &ts, ts.get("stateMachine").unwrap_or(&Value::Null))?;
    let first = cx.states_of(&ts)?;
    cx.steps(ts.get("steps"))?;
    let evaluate = ts.get("evaluate");
    if let Some(expression) = evaluate
        && ts.get("needsMachine").is_none()
    {
        return cx.evaluate(expression);
    }
    let props = ts.get("stateMachine").cloned().unwrap_or_else(Value::empty_object);
    let id = ts.get("stateMachineId").and_then(Value::as_str).unwrap_or("StateMachine");
    let definition = match (ts.get("definitionBody"), ts.get("definition")) {
        (Some(_), _) if props.get("definition").is_some() => {
            return Err(Stop::NotExpressible("two_definitions.rs"));
        }
        (Some(body), _) => cx.source(body)?,
        (None, Some(Value::Null)) if props.get("definition").is_none() => {
            return Err(Stop::NotExpressible("machine_without_definition.rs"));
        }
        (None, Some(Value::Null)) => Source::Props,
        (None, Some(definition)) => Source::Node(cx.node(definition)?),
        (None, None) => Source::Node(first.ok_or(Stop::Unknown("a machine without states".into()))?),
    };
    let machine = cx.machine(id, definition, &props)?;
    cx.machines.insert("stateMachine".to_owned(), machine.clone());
    cx.steps(ts.get("after"))?;
    if let Some(expression) = evaluate {
        return cx.evaluate(expression);
    }
    Ok(answer(&cx, &machine))
}

pub fn answer(cx: &Cx, machine: &Machine) -> Object {
    let mut answer = Object::default();
    answer.insert("definition", machine.definition());
    // Not compared: what an interpreter gets.
    answer.insert("asl", machine.to_asl());
    answer.insert("type", Value::from(machine.kind().as_str()));
    answer.insert("policyStatements", inline_statements(machine).unwrap_or_else(|| Value::from(Vec::<Value>::new())));
    let mut others = Object::default();
    let mut modified = Object::default();
    for (id, resource) in cx.stack.resources() {
        match cx.before.iter().find(|(known, _)| *known == id) {
            Some((_, before)) if *before == resource => {}
            Some(_) => drop(modified.insert(id, resource)),
            None if own_resource(machine, &id) => {}
            None => drop(others.insert(id, resource)),
        }
    }
    answer.insert("otherResources", Value::Object(others));
    if !modified.is_empty() {
        answer.insert("modifiedResources", Value::Object(modified));
    }
    let mut properties = template_entry(machine, "Properties").as_object().cloned().unwrap_or_default();
    properties.remove("DefinitionString");
    properties.remove("RoleArn");
    if !properties.is_empty() {
        answer.insert("stateMachineProperties", Value::Object(properties));
    }
    if machine.deletion_policy() != RemovalPolicy::Destroy {
        answer.insert("deletionPolicy", Value::from(machine.deletion_policy().as_str()));
    }
    if !machine.warnings().is_empty() {
        let warnings = machine.warnings().iter().map(|warning| Value::from(format!("warning: {warning}")));
        answer.insert("warnings", warnings.collect());
    }
    answer
}

/// The statements of the policy within the machine's role, if that stands in the template.
fn inline_statements(machine: &Machine) -> Option<Value> {
    let properties = template_entry(machine, "Properties");
    let role = properties.get("RoleArn")?.get("Fn::GetAtt")?.as_array()?.first()?.clone();
    let template = machine.stack().template();
    let policies = template.get("Resources")?.as_object()?;
    let of_role = policies.iter().find(|(id, policy)| {
        let names = policy.get("Properties").and_then(|properties| properties.get("Roles")?.as_array());
        id.contains("DefaultPolicy")
            && names.is_some_and(|names| names.iter().any(|name| name.get("Ref") == Some(&role)))
    });
    of_role?.1.get("Properties")?.get("PolicyDocument")?.get("Statement").cloned()
}

/// A part of the machine's entry in the template.
fn template_entry(machine: &Machine, key: &str) -> Value {
    let template = machine.stack().template();
    let entry = template.get("Resources").and_then(|all| all.get(machine.logical_id()));
    entry.and_then(|entry| entry.get(key)).cloned().unwrap_or_default()
}

/// The machine itself, the role made for it, and that role's policy.
fn own_resource(machine: &Machine, id: &str) -> bool {
    let base: String = machine.logical_id()[..machine.logical_id().len() - 8].to_owned();
    id == machine.logical_id()
        || [format!("{base}Role"), format!("{base}RoleDefaultPolicy")]
            .iter()
            .any(|name| id.len() == name.len() + 8 && id.starts_with(name.as_str()))
}

impl Cx {
    pub fn new(input: &Value, ts: &Value, machine: &Value) -> Answer<Cx> {
        let context = ts.get("context").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut stack = Stack::new("TestStack").compat(compat(&context)?);
        if let Some(env) = ts.get("env") {
            stack = stack.environment(&text(env, "account"), &text(env, "region"));
        }
        for (key, value) in ts.get("tags").and_then(Value::as_object).cloned().unwrap_or_default().iter() {
            stack = stack.tag(key, value.as_str().unwrap_or_default());
        }
        for tag in ts.get("tags").and_then(Value::as_array).cloned().unwrap_or_default().iter() {
            stack = stack.tag(&text(tag, "key"), text(tag, "value"));
        }
        let language = machine.get("queryLanguage").map(|language| text(language, "$const"));
        let jsonata = language.is_some_and(|language| language.ends_with("JSONATA"));
        let mut cx = Cx {
            attrs: input.get("attrs").and_then(Value::as_object).cloned().unwrap_or_default(),
            // All answer by their attributes, whether they were made before the states or between them and the machine.
            resources: ["resources", "between"]
                .iter()
                .filter_map(|key| ts.get(key)?.as_array())
                .flat_map(|all| all.to_vec())
                .collect(),
            workflow: Workflow::new(),
            stack,
            machine_language: if jsonata { QueryLanguage::Jsonata } else { QueryLanguage::JsonPath },
            nodes: BTreeMap::new(),
            fragments: BTreeMap::new(),
            machines: BTreeMap::new(),
            metrics: RefCell::default(),
            roles: RefCell::default(),
            ids: BTreeMap::new(),
            activities: BTreeMap::new(),
            versions: BTreeMap::new(),
            before: Vec::new(),
        };
        cx.declare_keys();
        cx.declare_grants()?;
        cx.before = cx.stack.resources();
        Ok(cx)
    }

    pub fn note_metrics(&self, id: &str, metrics: Metrics) {
        self.metrics.borrow_mut().insert(id.to_owned(), metrics);
    }

    pub fn note_role(&self, id: &str, name: &str, role: Option<RoleRef>) {
        self.roles.borrow_mut().insert(format!("{id}.{name}"), role);
    }

    /// Keys of the template, whose policies constructs complete.
    fn declare_keys(&self) {
        for resource in self.resources.iter().filter(|resource| text(resource, "new") == "kms.Key") {
            let key = V::Ref(text(resource, "ref"));
            let Ok(arn) = self.attr(&key, "keyArn") else { continue };
            let arn = arn.to_value();
            let id = arn.get("Fn::GetAtt").and_then(Value::as_array).and_then(|parts| parts.first().cloned());
            if let Some(id) = id.as_ref().and_then(Value::as_str) {
                let declared = r#"{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Statement":[{"Action":"kms:*","Effect":"Allow","Principal":{"AWS":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::",{"Ref":"AWS::AccountId"},":root"]]}},"Resource":"*"}],"Version":"2012-10-17"}},"UpdateReplacePolicy":"Retain","DeletionPolicy":"Retain"}"#;
                self.stack.declare(id, stepwell_value::parse(declared).expect("it is JSON"));
            }
        }
    }

    /// What declared roles are allowed before any task asks for more.
    fn declare_grants(&self) -> Answer<()> {
        for step in &self.resources {
            let call = text(step, "do");
            let Some(role) = call.strip_suffix(".addToPrincipalPolicy").or(call.strip_suffix(".addToPolicy")) else {
                continue;
            };
            let role = refs::role(self, &V::Ref(role.to_owned()))?;
            for statement in self.args(step)? {
                self.stack.allow(&role, grants::statement(&statement)?);
            }
        }
        Ok(())
    }

    /// Makes the activities that a stack declares.
    pub fn activities(&mut self) -> Answer<()> {
        for resource in self.resources.clone() {
            if text(&resource, "new") == "Activity" {
                let props = match resource.get("props") {
                    Some(props) => vec![self.eval(props)?],
                    None => Vec::new(),
                };
                let activity = V::Scoped("Activity".to_owned(), text(&resource, "id"), props);
                let activity = super::tasks::step_functions::activity_ref(self, &activity)?;
                self.activities.insert(text(&resource, "ref"), activity);
            }
        }
        Ok(())
    }
}

/// The flags of a bare application, and those that the case sets.
fn compat(context: &Object) -> Answer<Compat> {
    let mut compat = Compat::bare();
    for (name, value) in context.iter() {
        let on = value.as_bool().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or(name);
        match name {
            "enableEmrServicePolicyV2" => compat.emr_service_policy_v2 = on,
            "fixRunEcsTaskPolicy" => compat.fix_run_ecs_task_policy = on,
            "useNewS3UriParametersForBedrockInvokeModelTask" => {
                compat.new_s3_uri_parameters_for_bedrock_invoke_model_task = on;
            }
            "httpInvokeDynamicJsonPathEndpoint" => compat.http_invoke_dynamic_json_path_endpoint = on,
            "evaluateExpressionDedicatedFunction" => compat.evaluate_expression_dedicated_function = on,
            "useDistributedMapResultWriterV2" => compat.distributed_map_result_writer_v2 = on,
            "minimizePolicies" => compat.minimize_policies = on,
            "enablePartitionLiterals" => compat.partition_literals = on,
            other => return unknown(format!("flag {other}")),
        }
    }
    Ok(compat)
}
