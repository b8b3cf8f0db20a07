//! A case: resources, states, steps, the machine, what comes after, and the answer.

use std::collections::BTreeMap;

use stepwell_constructs::*;
use stepwell_value::{Object, Value};

use super::eval::{Props, V};
use super::states::{AnyNode, Chain, Handle, Input, Own};
use super::{Answer, Stop, convert, refs, text, unknown};

/// The chain as one of the two kinds that there are, in an expression.
macro_rules! into {
    ($node:expr, $name:ident => $use:expr) => {
        match &$node.chain {
            Chain::Open($name) => $use,
            Chain::Closed($name) => $use,
        }
    };
}

fn with_options(mut metric: Metric, options: Option<&V>) -> Answer<Metric> {
    let Some(options) = options else { return Ok(metric) };
    let mut options = options.props()?;
    if let Some(v) = options.take("statistic") {
        metric = metric.statistic(v.text()?);
    }
    if let Some(v) = options.take("period") {
        metric = metric.period(v.duration()?);
    }
    options.done("a metric")?;
    Ok(metric)
}

/// A metric, as the corpus describes it.
fn described(metric: &Metric) -> Value {
    let value = metric.to_value();
    let member = |key: &str| value.get(key).cloned().unwrap_or_default();
    let dimensions = member("Dimensions");
    let dimensions = dimensions.as_array().map(|all| all.to_vec()).unwrap_or_default();
    let dimensions: Object =
        dimensions.iter().map(|one| (text(one, "Name"), one.get("Value").cloned().unwrap_or_default())).collect();
    let mut described = Object::default();
    described.insert("namespace", member("Namespace"));
    described.insert("metricName", member("MetricName"));
    described.insert("statistic", member("Statistic"));
    described.insert("periodSeconds", member("Period"));
    described.insert("dimensions", Value::Object(dimensions));
    Value::Object(described)
}

/// A name of the library for an error.
fn error_name(name: &str) -> Answer<&'static str> {
    Ok(match name {
        "Errors.ALL" => errors::ALL,
        "Errors.DATA_LIMIT_EXCEEDED" => errors::DATA_LIMIT_EXCEEDED,
        "Errors.TIMEOUT" => errors::TIMEOUT,
        "Errors.HEARTBEAT_TIMEOUT" => errors::HEARTBEAT_TIMEOUT,
        "Errors.TASKS_FAILED" => errors::TASKS_FAILED,
        "Errors.PERMISSIONS" => errors::PERMISSIONS,
        "Errors.RESULT_PATH_MATCH_FAILURE" => errors::RESULT_PATH_MATCH_FAILURE,
        "Errors.PARAMETER_PATH_FAILURE" => errors::PARAMETER_PATH_FAILURE,
        "Errors.BRANCH_FAILED" => errors::BRANCH_FAILED,
        "Errors.NO_CHOICE_MATCHED" => errors::NO_CHOICE_MATCHED,
        other => return unknown(other),
    })
}

/// The handle of a state, whatever its kind.
macro_rules! in_own {
    ($own:expr, $name:ident => $use:expr) => {
        match $own {
            Own::Open($name) => $use,
            Own::Closed($name) => $use,
            Own::Work($name) => $use,
            Own::Decision($name) => $use,
            Own::Branches($name) => $use,
            Own::Iteration($name) => $use,
        }
    };
}

/// The handle of a Choice.
macro_rules! on_choice {
    ($node:expr, $name:ident => $use:expr) => {
        match &$node.own {
            Handle::JsonPath(Own::Decision($name)) => $use,
            Handle::Jsonata(Own::Decision($name)) => $use,
            _ => return Err(Stop::NotExpressible("when_of_pass.rs")),
        }
    };
}

/// The handle of a state that can fail.
macro_rules! failing {
    ($node:expr, $name:ident => $use:expr) => {
        match &$node.own {
            Handle::JsonPath(Own::Work($name)) => $use,
            Handle::JsonPath(Own::Branches($name)) => $use,
            Handle::JsonPath(Own::Iteration($name)) => $use,
            Handle::Jsonata(Own::Work($name)) => $use,
            Handle::Jsonata(Own::Branches($name)) => $use,
            Handle::Jsonata(Own::Iteration($name)) => $use,
            _ => return Err(Stop::NotExpressible("retry_of_pass.rs")),
        }
    };
}

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
    pub metrics: std::cell::RefCell<BTreeMap<String, Metrics>>,
    pub ids: BTreeMap<String, String>,
    pub activities: BTreeMap<String, ActivityRef>,
    pub versions: BTreeMap<String, Version>,
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
        (Some(body), _) => Source::Body(cx.eval(body)?),
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

/// Where the definition of a machine comes from.
pub enum Source {
    Node(AnyNode),
    Body(V),
    /// The deprecated property `definition`.
    Props,
}

pub fn answer(cx: &Cx, machine: &Machine) -> Object {
    let mut answer = Object::default();
    answer.insert("definition", machine.definition());
    // Not compared: what an interpreter gets.
    answer.insert("asl", machine.to_asl());
    answer.insert("type", Value::from(machine.kind().as_str()));
    let statements: Vec<Value> = match machine_has_role(machine) {
        true => machine.policy().iter().map(Statement::to_value).collect(),
        false => Vec::new(),
    };
    answer.insert("policyStatements", Value::from(statements));
    let mut others = Object::default();
    let mut modified = Object::default();
    for (id, resource) in cx.stack.resources() {
        let declared = cx.declared_ids().contains(&id.to_string());
        if declared {
            if cx.is_modified(&resource) {
                modified.insert(id, resource);
            }
        } else if !own_resource(machine, &id) {
            others.insert(id, resource);
        }
    }
    answer.insert("otherResources", Value::Object(others));
    if !modified.is_empty() {
        answer.insert("modifiedResources", Value::Object(modified));
    }
    let properties = machine.properties();
    if properties.as_object().is_some_and(|properties| !properties.is_empty()) {
        answer.insert("stateMachineProperties", properties);
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

fn machine_has_role(machine: &Machine) -> bool {
    let template = machine.stack().template();
    let resource = template.get("Resources").and_then(|all| all.get(machine.logical_id())).cloned().unwrap_or_default();
    let role = resource.get("Properties").and_then(|properties| properties.get("RoleArn")).cloned();
    role.and_then(|role| role.get("Fn::GetAtt").cloned()).is_some()
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
        let language = machine.get("queryLanguage").map(|language| text(language, "$const"));
        let jsonata = language.is_some_and(|language| language.ends_with("JSONATA"));
        let cx = Cx {
            attrs: input.get("attrs").and_then(Value::as_object).cloned().unwrap_or_default(),
            resources: ts.get("resources").and_then(Value::as_array).map(|all| all.to_vec()).unwrap_or_default(),
            workflow: Workflow::new(),
            stack,
            machine_language: if jsonata { QueryLanguage::Jsonata } else { QueryLanguage::JsonPath },
            nodes: BTreeMap::new(),
            fragments: BTreeMap::new(),
            machines: BTreeMap::new(),
            metrics: std::cell::RefCell::default(),
            ids: BTreeMap::new(),
            activities: BTreeMap::new(),
            versions: BTreeMap::new(),
        };
        cx.declare_keys();
        Ok(cx)
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

    /// Whether a construct has completed a declared resource.
    fn is_modified(&self, resource: &Value) -> bool {
        let statements = resource
            .get("Properties")
            .and_then(|properties| properties.get("KeyPolicy"))
            .and_then(|policy| policy.get("Statement"))
            .and_then(Value::as_array);
        statements.is_some_and(|statements| statements.len() > 1)
    }

    /// The logical ids of declared resources that constructs may complete.
    pub fn declared_ids(&self) -> Vec<String> {
        let arns =
            self.resources.iter().filter_map(|resource| self.attr(&V::Ref(text(resource, "ref")), "keyArn").ok());
        arns.filter_map(|arn| {
            let arn = arn.to_value();
            Some(arn.get("Fn::GetAtt")?.as_array()?.first()?.as_str()?.to_owned())
        })
        .collect()
    }

    /// Makes the states of a case or fragment; the first of them.
    pub fn states_of(&mut self, ts: &Value) -> Answer<Option<AnyNode>> {
        if ts.get("form").is_some() {
            return self.one_state(ts, &text(ts, "construct")).map(Some);
        }
        let mut first = None;
        for state in ts.get("states").and_then(Value::as_array).cloned().unwrap_or_default().iter() {
            let name = text(state, "ref");
            let construct = text(state, "construct");
            if construct == "StateMachineFragment" {
                self.fragment(&name, state)?;
                continue;
            }
            let node = self.one_state(state, &construct)?;
            first = first.or_else(|| Some(node.clone()));
            self.ids.insert(name.clone(), text(state, "id"));
            self.nodes.insert(name, node);
        }
        Ok(first)
    }

    fn one_state(&self, state: &Value, construct: &str) -> Answer<AnyNode> {
        let props = match state.get("props") {
            Some(props) => self.eval(props)?.props()?,
            None => Props::default(),
        };
        self.make(construct, &text(state, "form"), &text(state, "id"), props)
    }

    pub fn make(&self, construct: &str, form: &str, id: &str, mut props: Props) -> Answer<AnyNode> {
        let given = props.take("queryLanguage");
        let given = given.as_ref().map(V::word).transpose()?;
        let language = match (form, given) {
            ("jsonata", _) | (_, Some("JSONATA")) => QueryLanguage::Jsonata,
            ("jsonPath", _) | (_, Some(_)) => QueryLanguage::JsonPath,
            _ => self.machine_language,
        };
        let pattern = props.take("integrationPattern");
        let pattern = pattern.as_ref().map(V::word).transpose()?.map(str::to_owned);
        let mut input = Input { id: id.to_owned(), language, props, pattern };
        match self.state(construct, &mut input) {
            Some(node) => node,
            None => self.task(construct, &mut input),
        }
    }

    /// A part with states of its own, which are made in its scope.
    fn fragment(&mut self, name: &str, state: &Value) -> Answer<()> {
        let scope = self.workflow.scope(&text(state, "id"));
        let outer = std::mem::replace(&mut self.workflow, scope.clone());
        let nodes = self.nodes.clone();
        self.states_of(state)?;
        self.steps(state.get("steps"))?;
        let start = self.node(state.get("start").unwrap_or(&Value::Null))?;
        let end = match state.get("end") {
            Some(end) => self.node(end)?,
            None => start.clone(),
        };
        self.workflow = outer;
        self.nodes = nodes;
        let fragment = match sequence(&start.chain, &end.chain) {
            Chain::Open(node) => Fragments::Open(Fragment::new(&scope, node)),
            Chain::Closed(node) => Fragments::Closed(Fragment::new(&scope, node)),
        };
        self.fragments.insert(name.to_owned(), fragment);
        Ok(())
    }

    /// What a name or expression of the input stands for, as something that transitions lead to.
    pub fn node(&mut self, value: &Value) -> Answer<AnyNode> {
        if let Some(name) = value.get("$ref").and_then(Value::as_str) {
            return self.named(name);
        }
        if let Some(parts) = value.get("$chain").and_then(Value::as_array).cloned() {
            let mut parts = parts.iter();
            let mut chain = self.node(parts.next().unwrap_or(&Value::Null))?;
            for part in parts {
                let next = self.node(part)?;
                chain = link(&chain, &next)?;
            }
            return Ok(chain);
        }
        if let Some(parts) = value.get("$pipe").and_then(Value::as_array).cloned() {
            let mut parts = parts.iter();
            let mut chain = self.node(parts.next().unwrap_or(&Value::Null))?;
            for part in parts {
                let part = part.as_array().cloned().unwrap_or_default();
                if part.first().and_then(Value::as_str) != Some("next") {
                    return unknown("a pipe of something else than next");
                }
                let next = self.node(part.get(1).unwrap_or(&Value::Null))?;
                chain = link(&chain, &next)?;
            }
            return Ok(chain);
        }
        let args = value.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        match value.get("$call").and_then(Value::as_str) {
            Some("Chain.start") => return self.node(args.first().unwrap_or(&Value::Null)),
            Some("Chain.sequence") => {
                let first = self.node(&args[0])?;
                let second = self.node(&args[1])?;
                return Ok(AnyNode { own: first.own, chain: sequence(&first.chain, &second.chain) });
            }
            Some(other) => return unknown(other),
            None => {}
        }
        if let Some(method) = value.get("$method").and_then(Value::as_str) {
            return match self.method(method, &args)? {
                Some(node) => Ok(node),
                None => unknown(format!("{method} gives no state")),
            };
        }
        if let Some(construct) = value.get("$scopedNew").and_then(Value::as_str) {
            let props = match args.first() {
                Some(props) => self.eval(props)?.props()?,
                None => Props::default(),
            };
            return self.make(construct, "new", &text(value, "id"), props);
        }
        unknown(format!("a state, not {value}"))
    }

    fn named(&self, name: &str) -> Answer<AnyNode> {
        if let Some(fragment) = self.fragments.get(name) {
            return Ok(match fragment {
                Fragments::Open(fragment) => AnyNode::new(&fragment.node()),
                Fragments::Closed(fragment) => AnyNode::new(&fragment.node()),
            });
        }
        self.nodes.get(name).cloned().map_or_else(|| unknown(format!("state {name}")), Ok)
    }

    pub fn steps(&mut self, steps: Option<&Value>) -> Answer<()> {
        for step in steps.and_then(Value::as_array).cloned().unwrap_or_default().iter() {
            let node = self.step(step)?;
            if let (Some(name), Some(node)) = (step.get("as").and_then(Value::as_str), node) {
                self.nodes.insert(name.to_owned(), node);
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Answer<Option<AnyNode>> {
        if let Some(method) = step.get("$method").and_then(Value::as_str) {
            let args = step.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
            return self.method(method, &args);
        }
        if let Some(construct) = step.get("$scopedNew").and_then(Value::as_str) {
            return self.scoped(construct, step);
        }
        self.node(step).map(Some)
    }

    /// A call on a state, a fragment or a machine.
    fn method(&mut self, method: &str, args: &[Value]) -> Answer<Option<AnyNode>> {
        let (receiver, name) = method.split_once('.').unwrap_or((method, ""));
        if self.fragments.contains_key(receiver) && name != "next" {
            return self.fragment_method(receiver, name, args).map(Some);
        }
        if !self.nodes.contains_key(receiver) && !self.fragments.contains_key(receiver) {
            return self.grant(receiver, name, args).map(|()| None);
        }
        let node = self.named(receiver)?;
        let options = |cx: &Cx, index: usize| -> Answer<Props> {
            args.get(index).map_or_else(|| Ok(Props::default()), |props| cx.eval(props)?.props())
        };
        match name {
            "next" => {
                let next = self.node(&args[0])?;
                link(&node, &next).map(Some)
            }
            "when" => {
                let condition = self.eval(&args[0])?;
                let next = self.node(&args[1])?;
                let options = options(self, 2)?;
                when(&node, &condition, &next, options)?;
                Ok(Some(node))
            }
            "otherwise" => {
                let next = self.node(&args[0])?;
                on_choice!(&node, choice => into!(&next, next => drop(choice.otherwise(next))));
                Ok(Some(node))
            }
            "afterwards" => {
                let mut options = options(self, 0)?;
                let flag = |v: Option<V>| v.is_some_and(|v| v.bool().unwrap_or(false));
                let afterwards = Afterwards {
                    error_handlers: flag(options.take("includeErrorHandlers")),
                    otherwise: flag(options.take("includeOtherwise")),
                };
                options.done("afterwards")?;
                let chain = on_choice!(&node, choice => {
                    Chain::Open(choice.afterwards_with(afterwards).in_any_machine())
                });
                Ok(Some(AnyNode { own: node.own, chain }))
            }
            "branch" => {
                for arg in args {
                    let branch = self.node(arg)?;
                    match &node.own {
                        Handle::JsonPath(Own::Branches(parallel)) => {
                            into!(&branch, branch => drop(parallel.branch(branch)))
                        }
                        Handle::Jsonata(Own::Branches(parallel)) => {
                            into!(&branch, branch => drop(parallel.branch(branch)))
                        }
                        _ => return Err(Stop::NotExpressible("branch_of_pass.rs")),
                    }
                }
                Ok(Some(node))
            }
            "itemProcessor" | "iterator" => {
                let processor = self.node(&args[0])?;
                let config = processor_config(options(self, 1)?)?;
                let old = name == "iterator";
                match &node.own {
                    Handle::JsonPath(Own::Iteration(map)) => into!(&processor, p => match old {
                        true => drop(map.iterator(p)),
                        false => drop(map.item_processor_with(p, config)),
                    }),
                    Handle::Jsonata(Own::Iteration(map)) => into!(&processor, p => match old {
                        true => drop(map.iterator(p)),
                        false => drop(map.item_processor_with(p, config)),
                    }),
                    _ => return Err(Stop::NotExpressible("processor_of_pass.rs")),
                }
                Ok(Some(node))
            }
            "addRetry" => {
                let retry = retry(options(self, 0)?)?;
                failing!(&node, state => drop(state.retry(retry)));
                Ok(Some(node))
            }
            "addCatch" => {
                let handler = self.node(&args[0])?;
                add_catch(&node, &handler, options(self, 1)?)?;
                Ok(Some(node))
            }
            "toSingleState" => {
                let id = args.first().and_then(Value::as_str).unwrap_or_default().to_owned();
                let (props, language) = single_state(options(self, 1)?)?;
                let mut input = Input { id, language, props, pattern: None };
                let parallel = match input.language {
                    QueryLanguage::JsonPath => {
                        let parallel = super::states::json_path_parallel(&mut input)?;
                        into!(&node, chain => AnyNode::new(&chain.to_single_state(parallel)))
                    }
                    QueryLanguage::Jsonata => {
                        let parallel = super::states::jsonata_parallel(&mut input)?;
                        into!(&node, chain => AnyNode::new(&chain.to_single_state(parallel)))
                    }
                };
                Ok(Some(parallel))
            }
            other => unknown(format!("{other} of a state")),
        }
    }

    fn fragment_method(&mut self, receiver: &str, name: &str, args: &[Value]) -> Answer<AnyNode> {
        let fragment = self.fragments[receiver].clone();
        match name {
            "prefixStates" => {
                let prefix = args.first().and_then(Value::as_str);
                match (fragment, prefix) {
                    (Fragments::Open(fragment), Some(prefix)) => drop(fragment.prefix_states_with(prefix)),
                    (Fragments::Open(fragment), None) => drop(fragment.prefix_states()),
                    (Fragments::Closed(fragment), Some(prefix)) => drop(fragment.prefix_states_with(prefix)),
                    (Fragments::Closed(fragment), None) => drop(fragment.prefix_states()),
                }
                self.named(receiver)
            }
            "toSingleState" => {
                let props = args.first().map_or_else(|| Ok(Props::default()), |props| self.eval(props)?.props())?;
                let (mut props, language) = single_state(props)?;
                let own_id = match &fragment {
                    Fragments::Open(fragment) => fragment.id().to_owned(),
                    Fragments::Closed(fragment) => fragment.id().to_owned(),
                };
                let id = props.take("stateId").map(|id| id.text().map(str::to_owned)).transpose()?.unwrap_or(own_id);
                let prefix = props.take("prefixStates").map(|prefix| prefix.text().map(str::to_owned)).transpose()?;
                let mut input = Input { id, language, props, pattern: None };
                macro_rules! single {
                    ($parallel:expr) => {
                        match (fragment, prefix) {
                            (Fragments::Open(f), None) => AnyNode::new(&f.to_single_state($parallel)),
                            (Fragments::Closed(f), None) => AnyNode::new(&f.to_single_state($parallel)),
                            (Fragments::Open(f), Some(p)) => {
                                AnyNode::new(&f.to_single_state_with_prefix($parallel, &p))
                            }
                            (Fragments::Closed(f), Some(p)) => {
                                AnyNode::new(&f.to_single_state_with_prefix($parallel, &p))
                            }
                        }
                    };
                }
                Ok(match input.language {
                    QueryLanguage::JsonPath => single!(super::states::json_path_parallel(&mut input)?),
                    QueryLanguage::Jsonata => single!(super::states::jsonata_parallel(&mut input)?),
                })
            }
            other => unknown(format!("{other} of a fragment")),
        }
    }

    /// A grant: of a machine of the stack, or of one that is imported.
    fn grant(&mut self, receiver: &str, method: &str, args: &[Value]) -> Answer<()> {
        let args: Vec<V> = args.iter().map(|arg| self.eval(arg)).collect::<Answer<_>>()?;
        let of_activity =
            self.resources.iter().any(|one| text(one, "ref") == receiver && text(one, "new") == "Activity");
        if of_activity && method == "grant" {
            let activity = super::tasks::step_functions::activity_ref(self, &V::Ref(receiver.to_owned()))?;
            let grantee = refs::receiver(self, &args[0])?;
            let actions: Vec<String> =
                args[1..].iter().map(|action| Ok(action.text()?.to_owned())).collect::<Answer<_>>()?;
            self.stack.grant_activity(&activity, &grantee, actions);
            return Ok(());
        }
        let Some(grantee) = args.first() else { return unknown(format!("{receiver}.{method}")) };
        if let Some(statement) = self.foreign_grant(receiver, method)? {
            match grantee {
                V::Ref(name) if self.machines.contains_key(name) => self.machines[name].add_to_role_policy(statement),
                other => self.stack.allow(&refs::receiver(self, other)?, statement),
            }
            return Ok(());
        }
        let reference = match self.machines.get(receiver) {
            Some(machine) => machine.reference().clone(),
            None => match self.attr(&V::Ref(receiver.to_owned()), "stateMachineArn") {
                Ok(arn) => StateMachineRef::from_arn(arn),
                Err(_) => return unknown(format!("{receiver}.{method}")),
            },
        };
        let grantee = refs::receiver(self, grantee)?;
        let actions: Vec<String> =
            args[1..].iter().map(|action| Ok(action.text()?.to_owned())).collect::<Answer<_>>()?;
        let grants = self.stack.grants(&reference);
        match method.strip_prefix("grants.").unwrap_or(method) {
            "grantStartExecution" | "startExecution" => grants.start_execution(&grantee),
            "grantStartSyncExecution" | "startSyncExecution" => grants.start_sync_execution(&grantee),
            "grantRead" | "read" => grants.read(&grantee),
            "grantTaskResponse" | "taskResponse" => grants.task_response(&grantee),
            "grantRedriveExecution" | "redriveExecution" => grants.redrive_execution(&grantee),
            "grantExecution" | "execution" => grants.execution(&grantee, actions),
            "grant" | "actions" => grants.actions(&grantee, actions),
            other => return unknown(format!("{other} of a machine")),
        }
        Ok(())
    }

    /// What constructs of other services grant.
    fn foreign_grant(&self, receiver: &str, method: &str) -> Answer<Option<Statement>> {
        let receiver = V::Ref(receiver.to_owned());
        let (actions, arn): (&[&str], &str) = match method {
            "grantWriteData" => (
                &[
                    "dynamodb:BatchWriteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:DescribeTable",
                ],
                "tableArn",
            ),
            "grantConsumeMessages" => (
                &[
                    "sqs:ReceiveMessage",
                    "sqs:ChangeMessageVisibility",
                    "sqs:GetQueueUrl",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                ],
                "queueArn",
            ),
            _ => return Ok(None),
        };
        Ok(Some(Statement::allow(actions, [self.attr(&receiver, arn)?])))
    }

    /// A metric: of a task, an activity, a machine, or the service.
    pub fn metric(&self, expression: &Value) -> Answer<Metric> {
        let args = self.args(expression)?;
        if let Some(name) = expression.get("$call").and_then(Value::as_str) {
            return Ok(match name {
                "StateTransitionMetric.metricProvisionedBucketSize" => StateTransitionMetric.provisioned_bucket_size(),
                "StateTransitionMetric.metricProvisionedRefillRate" => StateTransitionMetric.provisioned_refill_rate(),
                "StateTransitionMetric.metricConsumedCapacity" => StateTransitionMetric.consumed_capacity(),
                "StateTransitionMetric.metricThrottledEvents" => StateTransitionMetric.throttled_events(),
                other => return unknown(other),
            });
        }
        let method = text(expression, "$method");
        let (receiver, name) = method.split_once('.').unwrap_or((&method, ""));
        if let Some(machine) = self.machines.get(receiver) {
            let metrics = machine.metrics();
            return Ok(match name {
                "metricFailed" => metrics.failed(),
                "metricThrottled" => metrics.throttled(),
                "metricAborted" => metrics.aborted(),
                "metricSucceeded" => metrics.succeeded(),
                "metricTimedOut" => metrics.timed_out(),
                "metricStarted" => metrics.started(),
                "metricTime" => metrics.time(),
                "metric" => with_options(metrics.custom(args[0].text()?), args.get(1))?,
                other => return unknown(other),
            });
        }
        let known = self.ids.get(receiver).and_then(|id| self.metrics.borrow().get(id).cloned());
        let metrics = match known {
            Some(metrics) => metrics,
            None => super::tasks::step_functions::activity_ref(self, &V::Ref(receiver.to_owned()))?.metrics(),
        };
        Ok(match name {
            "metricRunTime" => metrics.run_time(),
            "metricScheduleTime" => metrics.schedule_time(),
            "metricTime" => metrics.time(),
            "metricScheduled" => metrics.scheduled(),
            "metricTimedOut" => metrics.timed_out(),
            "metricStarted" => metrics.started(),
            "metricSucceeded" => metrics.succeeded(),
            "metricFailed" => metrics.failed(),
            "metricHeartbeatTimedOut" => metrics.heartbeat_timed_out(),
            "metric" => with_options(metrics.custom(args[0].text()?), args.get(1))?,
            other => return unknown(other),
        })
    }

    /// A construct beside the states: another machine, an activity, a version, an alias.
    fn scoped(&mut self, construct: &str, step: &Value) -> Answer<Option<AnyNode>> {
        let id = text(step, "id");
        let props = step.get("args").and_then(Value::as_array).and_then(|args| args.first().cloned());
        match construct {
            "CfnStateMachineVersion" => {
                let mut props = self.eval(&props.unwrap_or_default())?.props()?;
                let machine = self.only_machine()?.clone();
                props.take("stateMachineArn");
                let description = props.take("description").map(|v| v.text().map(str::to_owned)).transpose()?;
                let revision = props.take("stateMachineRevisionId").map(|v| convert::cfn(&v)).transpose()?;
                props.done("CfnStateMachineVersion")?;
                let version = machine.version(&id, description.as_deref(), revision);
                self.versions.insert(text(step, "as"), version);
                Ok(None)
            }
            "CfnStateMachineAlias" => {
                let mut props = self.eval(&props.unwrap_or_default())?.props()?;
                let mut alias = Alias::new();
                if let Some(v) = props.take("name") {
                    alias = alias.name(v.text()?);
                }
                if let Some(v) = props.take("description") {
                    alias = alias.description(v.text()?);
                }
                if let Some(v) = props.take("routingConfiguration") {
                    for route in v.items()? {
                        let mut route = route.props()?;
                        let version = convert::cfn(&route.need("stateMachineVersionArn")?)?;
                        alias = alias.route(version, route.need("weight")?.u32()?);
                    }
                }
                if let Some(v) = props.take("deploymentPreference") {
                    alias = alias.deployment_preference(deployment_preference(v.props()?)?);
                }
                props.done("CfnStateMachineAlias")?;
                self.only_machine()?.alias(&id, alias);
                Ok(None)
            }
            // Not ours: an alarm with a metric of ours, or an output.
            "cloudwatch.Alarm" => {
                let metric = props.as_ref().and_then(|props| props.get("metric")).cloned().unwrap_or_default();
                self.metric(&metric)?;
                Ok(None)
            }
            "cdk.CfnOutput" => Ok(None),
            "StateMachine" => {
                let props = props.clone();
                let body = props.as_ref().and_then(|props| props.get("definitionBody")).cloned().unwrap_or_default();
                let definition = body.get("args").and_then(Value::as_array).and_then(|args| args.first().cloned());
                let node = self.node(&definition.unwrap_or_default())?;
                self.machine(&id, Source::Node(node), &Value::empty_object())?;
                Ok(None)
            }
            other => unknown(other),
        }
    }

    fn only_machine(&self) -> Answer<&Machine> {
        self.machines.values().next().map_or_else(|| unknown("a version without a machine"), Ok)
    }

    /// A machine with its properties, built in the stack.
    pub fn machine(&mut self, id: &str, source: Source, props: &Value) -> Answer<Machine> {
        let mut evaluated = self.eval(&without(props, "definition"))?.props()?;
        let language = evaluated.take("queryLanguage");
        let language = language.as_ref().map(V::word).transpose()?.map(str::to_owned);
        let node = match source {
            Source::Props => Source::Node(self.node(props.get("definition").unwrap_or(&Value::Null))?),
            other => other,
        };
        let machine = match (&node, language.as_deref()) {
            (Source::Body(V::Call(name, args)), _) if name == "DefinitionBody.fromString" => {
                StateMachine::from_text(id, args[0].text()?)
            }
            (Source::Body(V::Call(name, _)), _) => return unknown(name),
            (Source::Node(node), Some("JSONATA")) => match &node.own {
                Handle::Jsonata(own) => in_own!(own, node => StateMachine::jsonata(id, node)),
                Handle::JsonPath(_) => return Err(Stop::NotExpressible("json_path_state_in_jsonata_machine.rs")),
            },
            (Source::Node(node), Some(_)) => into!(node, node => StateMachine::json_path(id, node)),
            (Source::Node(node), None) => into!(node, node => StateMachine::new(id, node)),
            _ => return unknown("a definition"),
        };
        let machine = self.machine_props(machine, evaluated)?;
        Ok(self.stack.add(machine)?)
    }

    fn machine_props(&self, mut machine: StateMachine, mut props: Props) -> Answer<StateMachine> {
        if let Some(v) = props.take("stateMachineName") {
            machine = machine.name(v.text()?);
        }
        if let Some(v) = props.take("stateMachineType") {
            machine = machine.kind(match v.word()? {
                "EXPRESS" => StateMachineType::Express,
                _ => StateMachineType::Standard,
            });
        }
        if let Some(v) = props.take("comment") {
            machine = machine.comment(v.text()?);
        }
        if let Some(v) = props.take("timeout") {
            machine = machine.timeout(v.duration()?);
        }
        if let Some(v) = props.take("tracingEnabled") {
            machine = machine.tracing(v.bool()?);
        }
        if let Some(v) = props.take("role") {
            machine = machine.role(&refs::role(self, &v)?);
        }
        if let Some(v) = props.take("removalPolicy") {
            machine = machine.removal_policy(match v.word()? {
                "RETAIN" => RemovalPolicy::Retain,
                "RETAIN_ON_UPDATE_OR_DELETE" => RemovalPolicy::RetainOnUpdateOrDelete,
                _ => RemovalPolicy::Destroy,
            });
        }
        if let Some(v) = props.take("encryptionConfiguration") {
            machine = machine.encryption(encryption(self, &v)?);
        }
        if let Some(v) = props.take("definitionSubstitutions") {
            for (name, value) in v.members()? {
                machine = machine.substitution(name, convert::cfn(value)?);
            }
        }
        if let Some(v) = props.take("logs") {
            let mut options = v.props()?;
            let mut logs = Logs::new();
            if let Some(v) = options.take("destination") {
                logs = logs.destination(&refs::log_group(self, &v)?);
            }
            if let Some(v) = options.take("level") {
                logs = logs.level(match v.word()? {
                    "ALL" => LogLevel::All,
                    "FATAL" => LogLevel::Fatal,
                    "OFF" => LogLevel::Off,
                    _ => LogLevel::Error,
                });
            }
            if let Some(v) = options.take("includeExecutionData") {
                logs = logs.include_execution_data(v.bool()?);
            }
            options.done("logs")?;
            machine = machine.logs(logs);
        }
        props.done("StateMachine")?;
        Ok(machine)
    }

    /// An attribute of what the library itself has made.
    pub fn own_attribute(&self, resource: &str, attribute: &str) -> Answer<V> {
        match (self.machines.get(resource), attribute) {
            (Some(machine), "stateMachineArn") => Ok(V::Cfn(machine.arn())),
            (Some(machine), "stateMachineName") => Ok(V::Cfn(machine.name())),
            (Some(machine), "stateMachineRevisionId") => Ok(V::Cfn(machine.revision_id())),
            (None, "attrArn") if self.versions.contains_key(resource) => Ok(V::Cfn(self.versions[resource].arn())),
            _ => unknown(format!("attribute {attribute} of {resource}")),
        }
    }

    /// A call on a resource that gives a value.
    pub fn value_method(&self, method: &str, args: Vec<V>) -> Answer<V> {
        let (receiver, name) = method.split_once('.').unwrap_or((method, ""));
        match name {
            "arnForObjects" => {
                let bucket = refs::bucket(self, &V::Ref(receiver.to_owned()))?;
                Ok(V::Cfn(bucket.arn_for_objects(args[0].text()?)))
            }
            _ => unknown(format!("{method} as a value")),
        }
    }

    /// The value of an expression instead of a machine.
    fn evaluate(&mut self, expression: &Value) -> Answer<Object> {
        let value = self.evaluated(expression)?;
        Ok([("evaluated", value)].into_iter().collect())
    }

    fn evaluated(&mut self, expression: &Value) -> Answer<Value> {
        if let Some(metric) = expression.get("$metric") {
            return Ok(described(&self.metric(metric)?));
        }
        if let Some(name) = expression.get("$const").and_then(Value::as_str) {
            return Ok(Value::from(error_name(name)?));
        }
        if let Some(method) = expression.get("$method").and_then(Value::as_str) {
            if self.metric(expression).is_ok() {
                return unknown(format!("the value of {method}"));
            }
            // The tasks whose builders have no `metrics`.
            return Err(Stop::NotExpressible("metrics_of_sns_publish.rs"));
        }
        if let Some(name) = expression.get("$attr").and_then(Value::as_str) {
            if name.ends_with(".bucket") {
                return Err(Stop::NotExpressible("bucket_of_reader.rs"));
            }
            return Ok(convert::cfn(&self.attribute(name)?)?.to_value());
        }
        if let (Some(members), false) = (expression.as_object(), expression.get("$call").is_some()) {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), self.evaluated(value)?)));
            return Ok(Value::Object(members.collect::<Answer<Vec<_>>>()?.into_iter().collect()));
        }
        let args = expression.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(call) = expression.get("$call").and_then(Value::as_str) else {
            return unknown("an evaluation");
        };
        match call {
            "State.findReachableStates" | "State.findReachableEndStates" => {
                let node = self.node(&args[0])?;
                let included =
                    args.get(1).and_then(|options| options.get("includeErrorHandlers")).and_then(Value::as_bool);
                let catchers = if included == Some(true) { Catchers::Included } else { Catchers::Excluded };
                let names = into!(&node, node => match call {
                    "State.findReachableStates" => node.reachable_states(catchers),
                    _ => node.reachable_end_states(catchers),
                });
                Ok(names.into_iter().map(Value::from).collect())
            }
            "FieldUtils.containsTaskToken" => {
                let value = self.eval(&args[0])?;
                Ok(Value::from(convert::obj::<JsonPath>(&value)?.contains_task_token()))
            }
            "FieldUtils.findReferencedPaths" => {
                let value = self.eval(&args[0])?;
                Ok(convert::obj::<JsonPath>(&value)?.referenced_paths().into_iter().map(Value::from).collect())
            }
            "FieldUtils.renderObject" => {
                let value = self.eval(&args[0])?;
                Ok(convert::obj::<JsonPath>(&value)?.to_value())
            }
            other => unknown(other),
        }
    }
}

fn link(from: &AnyNode, to: &AnyNode) -> Answer<AnyNode> {
    let Chain::Open(chain) = &from.chain else { return Err(Stop::NotExpressible("next_after_closed.rs")) };
    let chain = match &to.chain {
        Chain::Open(next) => Chain::Open(chain.next(next)),
        Chain::Closed(next) => Chain::Closed(chain.next(next)),
    };
    Ok(AnyNode { own: from.own.clone(), chain })
}

fn sequence(start: &Chain, end: &Chain) -> Chain {
    match (start, end) {
        (Chain::Open(start), Chain::Open(end)) => Chain::Open(start.sequence(end)),
        (Chain::Open(start), Chain::Closed(end)) => Chain::Closed(start.sequence(end)),
        (Chain::Closed(start), Chain::Open(end)) => Chain::Open(start.sequence(end)),
        (Chain::Closed(start), Chain::Closed(end)) => Chain::Closed(start.sequence(end)),
    }
}

fn when(choice: &AnyNode, condition: &V, next: &AnyNode, mut options: Props) -> Answer<()> {
    let comment = options.take("comment").map(|comment| comment.text().map(str::to_owned)).transpose()?;
    let assign = options.take("assign");
    let outputs = options.take("outputs");
    options.done("a rule")?;
    match &choice.own {
        Handle::JsonPath(Own::Decision(choice)) => {
            let mut rule = When::from(condition_of(condition)?);
            if let Some(comment) = comment {
                rule = rule.comment(&comment);
            }
            if let Some(assign) = assign {
                rule = rule.assign(convert::obj::<JsonPath>(&assign)?);
            }
            if outputs.is_some() {
                return Err(Stop::NotExpressible("jsonata_field_in_json_path_state.rs"));
            }
            into!(next, next => drop(choice.when(rule, next)));
        }
        Handle::Jsonata(Own::Decision(choice)) => {
            let V::Call(name, args) = condition else { return unknown("a condition") };
            if name != "Condition.jsonata" {
                return Err(Stop::NotExpressible("json_path_condition_in_jsonata_choice.rs"));
            }
            let mut rule = When::from(Condition::jsonata(args[0].text()?));
            if let Some(comment) = comment {
                rule = rule.comment(&comment);
            }
            if let Some(assign) = assign {
                rule = rule.assign(convert::obj::<Jsonata>(&assign)?);
            }
            if let Some(outputs) = outputs {
                rule = rule.outputs(convert::field::<Jsonata>(&outputs)?);
            }
            into!(next, next => drop(choice.when(rule, next)));
        }
        _ => return Err(Stop::NotExpressible("when_of_pass.rs")),
    }
    Ok(())
}

fn condition_of(value: &V) -> Answer<Condition<JsonPath>> {
    let V::Call(name, args) = value else { return unknown("a condition") };
    let Some(name) = name.strip_prefix("Condition.") else { return unknown(name) };
    let variable = |index: usize| -> Answer<Variable> {
        match args.get(index) {
            Some(V::Path(path)) => Ok(Variable::from(path.clone())),
            Some(other) => Ok(Variable::from(other.text()?)),
            None => unknown("a condition without its argument"),
        }
    };
    let word = |index: usize| args.get(index).map_or_else(|| unknown("a condition without its argument"), V::text);
    let number = |index: usize| args.get(index).map_or_else(|| unknown("a condition without its argument"), V::f64);
    let inner = || args.iter().map(condition_of).collect::<Answer<Vec<_>>>();
    macro_rules! compare {
        ($($case:literal => $method:ident $kind:ident;)*) => {
            match name {
                "and" => Condition::and(inner()?),
                "or" => Condition::or(inner()?),
                "not" => Condition::not(condition_of(&args[0])?),
                "jsonata" => return Err(Stop::NotExpressible("jsonata_condition_in_json_path_choice.rs")),
                "booleanEquals" => Condition::boolean_equals(variable(0)?, args[1].bool()?),
                "booleanEqualsJsonPath" => Condition::boolean_equals_path(variable(0)?, variable(1)?),
                "stringMatches" => Condition::string_matches(variable(0)?, word(1)?),
                $($case => compare!(@$kind $method),)*
                other => return unknown(format!("Condition.{other}")),
            }
        };
        (@is $method:ident) => { Condition::$method(variable(0)?) };
        (@text $method:ident) => { Condition::$method(variable(0)?, word(1)?) };
        (@number $method:ident) => { Condition::$method(variable(0)?, number(1)?) };
        (@path $method:ident) => { Condition::$method(variable(0)?, variable(1)?) };
    }
    Ok(compare! {
        "isPresent" => is_present is;
        "isNotPresent" => is_not_present is;
        "isNull" => is_null is;
        "isNotNull" => is_not_null is;
        "isBoolean" => is_boolean is;
        "isNotBoolean" => is_not_boolean is;
        "isNumeric" => is_numeric is;
        "isNotNumeric" => is_not_numeric is;
        "isString" => is_string is;
        "isNotString" => is_not_string is;
        "isTimestamp" => is_timestamp is;
        "isNotTimestamp" => is_not_timestamp is;
        "stringEquals" => string_equals text;
        "stringLessThan" => string_less_than text;
        "stringLessThanEquals" => string_less_than_equals text;
        "stringGreaterThan" => string_greater_than text;
        "stringGreaterThanEquals" => string_greater_than_equals text;
        "stringEqualsJsonPath" => string_equals_path path;
        "stringLessThanJsonPath" => string_less_than_path path;
        "stringLessThanEqualsJsonPath" => string_less_than_equals_path path;
        "stringGreaterThanJsonPath" => string_greater_than_path path;
        "stringGreaterThanEqualsJsonPath" => string_greater_than_equals_path path;
        "numberEquals" => numeric_equals number;
        "numberLessThan" => numeric_less_than number;
        "numberLessThanEquals" => numeric_less_than_equals number;
        "numberGreaterThan" => numeric_greater_than number;
        "numberGreaterThanEquals" => numeric_greater_than_equals number;
        "numberEqualsJsonPath" => numeric_equals_path path;
        "numberLessThanJsonPath" => numeric_less_than_path path;
        "numberLessThanEqualsJsonPath" => numeric_less_than_equals_path path;
        "numberGreaterThanJsonPath" => numeric_greater_than_path path;
        "numberGreaterThanEqualsJsonPath" => numeric_greater_than_equals_path path;
        "timestampEquals" => timestamp_equals text;
        "timestampLessThan" => timestamp_less_than text;
        "timestampLessThanEquals" => timestamp_less_than_equals text;
        "timestampGreaterThan" => timestamp_greater_than text;
        "timestampGreaterThanEquals" => timestamp_greater_than_equals text;
        "timestampEqualsJsonPath" => timestamp_equals_path path;
        "timestampLessThanJsonPath" => timestamp_less_than_path path;
        "timestampLessThanEqualsJsonPath" => timestamp_less_than_equals_path path;
        "timestampGreaterThanJsonPath" => timestamp_greater_than_path path;
        "timestampGreaterThanEqualsJsonPath" => timestamp_greater_than_equals_path path;
    })
}

fn retry(mut props: Props) -> Answer<Retry> {
    let mut retry = Retry::new();
    if let Some(v) = props.take("errors") {
        retry = retry.errors(errors_of(&v)?);
    }
    if let Some(v) = props.take("interval") {
        retry = retry.interval(v.duration()?);
    }
    if let Some(v) = props.take("maxAttempts") {
        retry = retry.max_attempts(v.u32()?);
    }
    if let Some(v) = props.take("backoffRate") {
        retry = retry.backoff_rate(v.f64()?);
    }
    if let Some(v) = props.take("maxDelay") {
        retry = retry.max_delay(v.duration()?);
    }
    if let Some(v) = props.take("jitterStrategy") {
        retry = retry.jitter(if v.word()? == "FULL" { JitterType::Full } else { JitterType::None });
    }
    props.done("a retrier")?;
    Ok(retry)
}

fn errors_of(value: &V) -> Answer<Vec<String>> {
    value
        .items()?
        .iter()
        .map(|error| {
            Ok(match error {
                V::Const(name) => error_name(name)?.to_owned(),
                other => other.text()?.to_owned(),
            })
        })
        .collect()
}

fn add_catch(node: &AnyNode, handler: &AnyNode, mut props: Props) -> Answer<()> {
    macro_rules! catch {
        ($language:ident, $state:expr, $special:expr) => {{
            let mut catch = Catch::<$language>::new();
            if let Some(v) = props.take("errors") {
                catch = catch.errors(errors_of(&v)?);
            }
            if let Some(v) = props.take("assign") {
                catch = catch.assign(convert::obj::<$language>(&v)?);
            }
            catch = $special(catch, &mut props)?;
            if props.has("outputs") {
                return Err(Stop::NotExpressible("jsonata_field_in_json_path_state.rs"));
            }
            props.done("a catcher")?;
            into!(handler, handler => drop($state.catch_with(handler, catch)))
        }};
    }
    let json_path = |mut catch: Catch<JsonPath>, props: &mut Props| -> Answer<Catch<JsonPath>> {
        if let Some(v) = props.take("resultPath") {
            catch = catch.result_path(convert::place(&v)?);
        }
        Ok(catch)
    };
    let jsonata = |mut catch: Catch<Jsonata>, props: &mut Props| -> Answer<Catch<Jsonata>> {
        if let Some(v) = props.take("outputs") {
            catch = catch.outputs(convert::field::<Jsonata>(&v)?);
        }
        Ok(catch)
    };
    match &node.own {
        Handle::JsonPath(Own::Work(state)) => catch!(JsonPath, state, json_path),
        Handle::JsonPath(Own::Branches(state)) => catch!(JsonPath, state, json_path),
        Handle::JsonPath(Own::Iteration(state)) => catch!(JsonPath, state, json_path),
        Handle::Jsonata(Own::Work(state)) => catch!(Jsonata, state, jsonata),
        Handle::Jsonata(Own::Branches(state)) => catch!(Jsonata, state, jsonata),
        Handle::Jsonata(Own::Iteration(state)) => catch!(Jsonata, state, jsonata),
        _ => return Err(Stop::NotExpressible("retry_of_pass.rs")),
    }
    Ok(())
}

/// The properties of a Parallel state that wraps others, and its language.
fn single_state(mut props: Props) -> Answer<(Props, QueryLanguage)> {
    let language = props.take("queryLanguage");
    let jsonata = language.as_ref().map(V::word).transpose()? == Some("JSONATA");
    Ok((props, if jsonata { QueryLanguage::Jsonata } else { QueryLanguage::JsonPath }))
}

fn processor_config(mut props: Props) -> Answer<ProcessorConfig> {
    let mode = props.take("mode").map(|mode| -> Answer<ProcessorMode> {
        Ok(match mode.word()? {
            "DISTRIBUTED" => ProcessorMode::Distributed,
            _ => ProcessorMode::Inline,
        })
    });
    let kind = props.take("executionType").map(|kind| super::states::processor_type(kind.word()?));
    props.done("a processor")?;
    Ok(ProcessorConfig { mode: mode.transpose()?, execution_type: kind.transpose()? })
}

pub fn encryption(cx: &Cx, value: &V) -> Answer<EncryptionConfiguration> {
    match value {
        V::New(name, _) if name == "AwsOwnedEncryptionConfiguration" => Ok(EncryptionConfiguration::AwsOwned),
        V::New(name, args) if name == "CustomerManagedEncryptionConfiguration" => {
            Ok(EncryptionConfiguration::CustomerManaged {
                key: refs::key(cx, &args[0])?,
                data_key_reuse_period: args.get(1).map(V::duration).transpose()?,
            })
        }
        other => unknown(format!("encryption from {other:?}")),
    }
}

fn without(value: &Value, key: &str) -> Value {
    let mut object = value.as_object().cloned().unwrap_or_default();
    object.remove(key);
    Value::Object(object)
}

/// As it stands in a template: capital letters.
fn deployment_preference(mut props: Props) -> Answer<Object> {
    let mut preference = Object::default();
    for (name, key) in [("type", "Type"), ("percentage", "Percentage"), ("interval", "Interval"), ("alarms", "Alarms")]
    {
        if let Some(v) = props.take(name) {
            preference.insert(key, literal_json(&v)?);
        }
    }
    if let Some(v) = props.take("stateMachineVersionArn") {
        preference.insert("StateMachineVersionArn", convert::cfn(&v)?.to_value());
    }
    props.done("a deployment preference")?;
    Ok(preference)
}

fn literal_json(value: &V) -> Answer<Value> {
    match value {
        V::Json(value) => Ok(value.clone()),
        V::Array(items) => Ok(Value::from(items.iter().map(literal_json).collect::<Answer<Vec<_>>>()?)),
        other => unknown(format!("a literal, not {other:?}")),
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
