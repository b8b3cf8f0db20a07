//! State machines with their properties, and what stands beside them: versions, aliases, further machines.

use stepwell_constructs::*;
use stepwell_value::{Object, Value};

use super::case::Cx;
use super::eval::{Props, V};
use super::flow::into;
use super::states::{AnyNode, Chain, Handle, Own};
use super::{Answer, Stop, convert, refs, text, unknown};

/// Where the definition of a machine comes from.
pub enum Source {
    Node(AnyNode),
    Body(V),
    /// The deprecated property `definition`.
    Props,
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

impl Cx {
    /// The definition that a `DefinitionBody` gives.
    pub fn source(&mut self, body: &Value) -> Answer<Source> {
        if text(body, "$call") == "DefinitionBody.fromChainable" {
            let chain = body.get("args").and_then(Value::as_array).and_then(|args| args.first().cloned());
            return Ok(Source::Node(self.node(&chain.unwrap_or_default())?));
        }
        Ok(Source::Body(self.eval(body)?))
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
            // The CDK uploads the file; where an asset lies is not compared.
            (Source::Body(V::Call(name, _)), _) if name == "DefinitionBody.fromFile" => {
                StateMachine::from_s3(id, &BucketRef::from_name(asset_bucket()), "<ASSET_HASH>.json", None)
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
            machine = machine.name(convert::cfn(&v)?);
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

    /// A construct beside the states: another machine, an activity, a version, an alias.
    pub fn scoped(&mut self, construct: &str, step: &Value) -> Answer<Option<AnyNode>> {
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

    /// An attribute of what the library itself has made.
    pub fn own_attribute(&self, resource: &str, attribute: &str) -> Answer<V> {
        let role = attribute.strip_suffix(".roleArn").unwrap_or(attribute);
        if let Some(id) = self.ids.get(resource)
            && let Some(role) = self.roles.borrow().get(&format!("{id}.{role}"))
        {
            let role = role.as_ref().ok_or(Stop::NotExpressible("scaling_role_of_fleets.rs"))?;
            return Ok(V::Cfn(role.arn().clone()));
        }
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

fn asset_bucket() -> Cfn {
    let name = Value::from("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}");
    Cfn::intrinsic(&[("Fn::Sub", name)].into_iter().collect())
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
