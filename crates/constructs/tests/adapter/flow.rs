//! States by their names, and how they are connected.

use stepwell_constructs::*;
use stepwell_value::Value;

use super::case::{Cx, Fragments};
use super::conditions::when;
use super::eval::{Props, V};
use super::failures::{add_catch, retry};
use super::states::{AnyNode, Chain, Handle, Input, Own};
use super::{Answer, Stop, text, unknown};

/// The chain as one of the two kinds that there are, in an expression.
macro_rules! into {
    ($node:expr, $name:ident => $use:expr) => {
        match &$node.chain {
            Chain::Open($name) => $use,
            Chain::Closed($name) => $use,
        }
    };
}
pub(super) use into;

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

impl Cx {
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
            let node = self.one_state(&with_security_groups(state, &name, ts.get("steps")), &construct)?;
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
            // The builder has been told.
            "addSecurityGroup" => Ok(Some(node)),
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
}

/// The state with the security groups that later steps add to its network: a builder is told before it is added.
fn with_security_groups(state: &Value, name: &str, steps: Option<&Value>) -> Value {
    let method = format!("{name}.addSecurityGroup");
    let steps = steps.and_then(Value::as_array).cloned().unwrap_or_default();
    let added = steps.iter().filter(|step| text(step, "$method") == method);
    let groups: Vec<Value> =
        added.filter_map(|step| step.get("args").and_then(Value::as_array)?.first().cloned()).collect();
    let mut props = state.get("props").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut network = props.get("vpcConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    if groups.is_empty() || network.is_empty() {
        return state.clone();
    }
    network.insert("securityGroups", Value::from(groups));
    props.insert("vpcConfig", Value::Object(network));
    let mut state = state.as_object().cloned().unwrap_or_default();
    state.insert("props", Value::Object(props));
    Value::Object(state)
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
