//! Versions of a machine, and aliases that share executions out among them.

use stepwell_value::{Object, Str, Value};

use crate::cfn::Cfn;
use crate::json::{Fields, Json};
use crate::machine::Machine;
use crate::stack::{NewResource, Resource, logical_id};

/// A version of a machine: its definition and role as they were, under an ARN of their own.
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
        self.stack().put(NewResource { logical_id: logical_id.clone(), resource });
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
        self.stack().put(NewResource { logical_id: Str::from(logical_id(&[Str::from(id)])), resource });
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
