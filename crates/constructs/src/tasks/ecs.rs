//! ECS: EcsRunTask, and where and how its containers run.

use stepwell_value::{Str, Value};

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::references::{RoleRef, by_reference};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task, token_in};
use crate::tasks::network::new_security_group;

task! {
    /// Runs containers: a task of ECS, on Fargate or on instances of EC2.
    ///
    /// A task definition whose network mode is `awsvpc` runs in subnets of the cluster's VPC, private ones by default,
    /// and in a security group that is made if none is given.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let vpc = VpcRef::new("vpc-12345").private_subnets(["subnet-1", "subnet-2"]);
    /// let cluster = EcsClusterRef::from_logical_id("Cluster", &vpc);
    /// let role = RoleRef::from_logical_id("TaskRole");
    /// let resize = TaskDefinitionRef::fargate(Cfn::reference("Resize"), "resize", &role, ["worker"]);
    ///
    /// w.add(EcsRunTask::json_path("Resize", &cluster, &resize, EcsFargateLaunchTarget::new())
    ///     .run_job()
    ///     .container_overrides([ContainerOverride::new("worker").environment(obj!({ "IMAGE": path("$.image") }))]));
    /// w.add(EcsRunTask::jsonata("Ask", &cluster, &resize, EcsFargateLaunchTarget::new())
    ///     .wait_for_task_token(|token| [ContainerOverride::new("worker").environment(obj!({ "TOKEN": token }))]));
    /// ```
    EcsRunTask(EcsRunTaskProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The cluster (field `Cluster`).
            cluster: (EcsClusterRef),
            /// The definition of the task (field `TaskDefinition`).
            #[doc(alias = "taskDefinition")]
            task_definition: (TaskDefinitionRef),
            /// On what the containers run (field `LaunchType`, or `CapacityProviderStrategy`).
            #[doc(alias = "launchTarget")]
            launch_target: (EcsLaunchTarget),
        }
        optional {
            /// Whether the task has a public address; public subnets are the default then (field `AssignPublicIp`).
            #[doc(alias = "assignPublicIp")]
            assign_public_ip: (bool),
            /// What is different in containers (field `Overrides`).
            #[doc(alias = "containerOverrides")]
            container_overrides: {[ContainerOverride]},
            /// The CPU units of the task, 1,024 for a virtual CPU (field `Overrides`).
            cpu: text,
            /// Whether commands can be run in the containers.
            #[doc(alias = "enableExecuteCommand")]
            enable_execute_command: flag => "EnableExecuteCommand",
            /// The memory of the task in MiB (field `Overrides`).
            #[doc(alias = "memoryMiB")]
            memory_mib: text,
            /// Whose tags the task has.
            #[doc(alias = "propagatedTagSource")]
            propagated_tag_source: (PropagatedTagSource) => "PropagateTags",
            /// The revision of the task definition; the newest if nothing is said (field `TaskDefinition`).
            #[doc(alias = "revisionNumber")]
            revision_number: (u32),
            /// The security groups of the task (field `NetworkConfiguration`).
            #[doc(alias = "securityGroups")]
            security_groups: [Cfn],
            /// The subnets that the task may run in (field `NetworkConfiguration`).
            subnets: (SubnetSelection),
        }
    }
}

token_in!(EcsRunTask.container_overrides: [ContainerOverride], RequestResponse);

record! {
    /// What is different in a container of the task definition, which is given by its name.
    ContainerOverride(OverrideData) custom {
        required {
            /// The name of the container (field `Name`).
            #[doc(alias = "containerDefinition")]
            container_name: (String),
        }
        optional {
            /// The command and its arguments.
            command: texts => "Command",
            /// The CPU units.
            cpu: int => "Cpu",
            /// Environment variables (field `Environment`).
            #[doc(alias = "TaskEnvironmentVariable")]
            environment: object,
            /// The memory in MiB that the container must not pass.
            #[doc(alias = "memoryLimit")]
            memory_limit: int => "Memory",
            /// The memory in MiB that the container has in any case.
            #[doc(alias = "memoryReservation")]
            memory_reservation: int => "MemoryReservation",
        }
    }
}

/// A VPC and its subnets.
///
/// ```
/// use stepwell_constructs::VpcRef;
///
/// let vpc = VpcRef::new("vpc-12345").public_subnets(["subnet-1"]).private_subnets(["subnet-2", "subnet-3"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct VpcRef {
    id: Cfn,
    public_subnets: Vec<Cfn>,
    private_subnets: Vec<Cfn>,
    isolated_subnets: Vec<Cfn>,
}

impl VpcRef {
    /// The VPC with this id.
    pub fn new(id: impl Into<Cfn>) -> VpcRef {
        let (public_subnets, private_subnets, isolated_subnets) = (Vec::new(), Vec::new(), Vec::new());
        VpcRef { id: id.into(), public_subnets, private_subnets, isolated_subnets }
    }

    /// Says which of its subnets have a way to and from the internet.
    #[must_use]
    pub fn public_subnets(mut self, ids: impl IntoIterator<Item = impl Into<Cfn>>) -> VpcRef {
        self.public_subnets = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Says which of its subnets have a way to the internet alone.
    #[must_use]
    pub fn private_subnets(mut self, ids: impl IntoIterator<Item = impl Into<Cfn>>) -> VpcRef {
        self.private_subnets = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Says which of its subnets have no way to the internet.
    #[must_use]
    pub fn isolated_subnets(mut self, ids: impl IntoIterator<Item = impl Into<Cfn>>) -> VpcRef {
        self.isolated_subnets = ids.into_iter().map(Into::into).collect();
        self
    }
}

/// Subnets of a VPC.
#[doc(alias = "ec2.SubnetSelection")]
#[derive(Clone, Debug, PartialEq)]
pub enum SubnetSelection {
    /// Those with a way to and from the internet.
    Public,
    /// Those with a way to the internet alone.
    PrivateWithEgress,
    /// Those without a way to the internet.
    PrivateIsolated,
    /// Those with these ids.
    Ids(Vec<Cfn>),
}

/// A cluster of ECS.
#[derive(Clone, Debug, PartialEq)]
pub struct EcsClusterRef {
    arn: Cfn,
    vpc: VpcRef,
    ec2_capacity: bool,
}

by_reference!(EcsClusterRef, TaskDefinitionRef);

impl EcsClusterRef {
    /// The cluster with this ARN, in this VPC.
    pub fn from_arn(arn: impl Into<Cfn>, vpc: &VpcRef) -> EcsClusterRef {
        EcsClusterRef { arn: arn.into(), vpc: vpc.clone(), ec2_capacity: false }
    }

    /// An `AWS::ECS::Cluster` of the same template, in this VPC.
    pub fn from_logical_id(logical_id: &str, vpc: &VpcRef) -> EcsClusterRef {
        EcsClusterRef::from_arn(Cfn::get_att(logical_id, "Arn"), vpc)
    }

    /// Says that the cluster has instances of EC2.
    #[must_use]
    pub fn with_ec2_capacity(mut self) -> EcsClusterRef {
        self.ec2_capacity = true;
        self
    }
}

/// A task definition of ECS, and what must be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinitionRef {
    arn: Cfn,
    family: Cfn,
    task_role: Cfn,
    execution_role: Option<Cfn>,
    network_mode: NetworkMode,
    containers: Vec<String>,
    on_fargate: bool,
    on_ec2: bool,
}

impl TaskDefinitionRef {
    /// A task definition for Fargate: its ARN, its family, the role of its containers, and their names.
    pub fn fargate(
        arn: impl Into<Cfn>,
        family: impl Into<Cfn>,
        task_role: &RoleRef,
        containers: impl IntoIterator<Item = impl Into<String>>,
    ) -> TaskDefinitionRef {
        TaskDefinitionRef {
            arn: arn.into(),
            family: family.into(),
            task_role: task_role.arn().clone(),
            execution_role: None,
            network_mode: NetworkMode::AwsVpc,
            containers: containers.into_iter().map(Into::into).collect(),
            on_fargate: true,
            on_ec2: false,
        }
    }

    /// The same for instances of EC2; the network mode is [`NetworkMode::Bridge`] unless something else is said.
    pub fn ec2(
        arn: impl Into<Cfn>,
        family: impl Into<Cfn>,
        task_role: &RoleRef,
        containers: impl IntoIterator<Item = impl Into<String>>,
    ) -> TaskDefinitionRef {
        TaskDefinitionRef {
            network_mode: NetworkMode::Bridge,
            on_fargate: false,
            on_ec2: true,
            ..TaskDefinitionRef::fargate(arn, family, task_role, containers)
        }
    }

    /// Says that it runs on both.
    #[must_use]
    pub fn on_fargate_and_ec2(mut self) -> TaskDefinitionRef {
        self.on_fargate = true;
        self.on_ec2 = true;
        self
    }

    /// Says how its containers are connected.
    #[must_use]
    pub fn network_mode(mut self, mode: NetworkMode) -> TaskDefinitionRef {
        self.network_mode = mode;
        self
    }

    /// Says which role ECS has that starts the containers.
    #[doc(alias = "executionRole")]
    #[must_use]
    pub fn execution_role(mut self, role: &RoleRef) -> TaskDefinitionRef {
        self.execution_role = Some(role.arn().clone());
        self
    }

    /// The ARN for any revision: what stands before the last colon, which may be known at deployment alone.
    fn any_revision(&self) -> Cfn {
        if let Some(arn) = self.arn.as_literal() {
            let family = arn.rsplit_once(':').map_or(arn, |(family, _)| family);
            return Cfn::from(format!("{family}:*"));
        }
        let mut family = Cfn::from("arn");
        for index in 1..=4 {
            family = family.then(":").then(self.arn.part(index, ":"));
        }
        let resource = self.arn.part(5, ":");
        family.then(":").then(resource.part(0, "/")).then("/").then(resource.part(1, "/")).then(":*")
    }
}

/// On what the containers run: [`EcsFargateLaunchTarget`] or [`EcsEc2LaunchTarget`].
#[doc(alias = "IEcsLaunchTarget")]
#[derive(Clone, Debug)]
pub enum EcsLaunchTarget {
    /// On Fargate.
    Fargate(EcsFargateLaunchTarget),
    /// On instances of EC2.
    Ec2(EcsEc2LaunchTarget),
}

impl From<EcsFargateLaunchTarget> for EcsLaunchTarget {
    fn from(target: EcsFargateLaunchTarget) -> EcsLaunchTarget {
        EcsLaunchTarget::Fargate(target)
    }
}

impl From<EcsEc2LaunchTarget> for EcsLaunchTarget {
    fn from(target: EcsEc2LaunchTarget) -> EcsLaunchTarget {
        EcsLaunchTarget::Ec2(target)
    }
}

/// Runs containers on Fargate.
#[doc(alias = "EcsFargateLaunchTargetOptions")]
#[derive(Clone, Debug, Default)]
pub struct EcsFargateLaunchTarget {
    platform_version: Option<FargatePlatformVersion>,
    capacity: Option<CapacityProviderOptions>,
}

impl EcsFargateLaunchTarget {
    /// Fargate as it is by default.
    pub fn new() -> EcsFargateLaunchTarget {
        EcsFargateLaunchTarget::default()
    }

    /// Chooses the version of Fargate (field `PlatformVersion`).
    #[doc(alias = "platformVersion")]
    #[must_use]
    pub fn platform_version(mut self, version: FargatePlatformVersion) -> EcsFargateLaunchTarget {
        self.platform_version = Some(version);
        self
    }

    /// Chooses capacity providers instead of the launch type.
    #[doc(alias = "capacityProviderOptions")]
    #[must_use]
    pub fn capacity_provider_options(mut self, options: CapacityProviderOptions) -> EcsFargateLaunchTarget {
        self.capacity = Some(options);
        self
    }
}

/// Runs containers on instances of EC2.
#[doc(alias = "EcsEc2LaunchTargetOptions")]
#[derive(Clone, Debug, Default)]
pub struct EcsEc2LaunchTarget {
    placement_constraints: Vec<PlacementConstraint>,
    placement_strategies: Vec<PlacementStrategy>,
    capacity: Option<CapacityProviderOptions>,
}

impl EcsEc2LaunchTarget {
    /// The instances of the cluster.
    pub fn new() -> EcsEc2LaunchTarget {
        EcsEc2LaunchTarget::default()
    }

    /// Which instances are taken (field `PlacementConstraints`).
    #[doc(alias = "placementConstraints")]
    #[must_use]
    pub fn placement_constraints(
        mut self,
        constraints: impl IntoIterator<Item = PlacementConstraint>,
    ) -> EcsEc2LaunchTarget {
        self.placement_constraints = constraints.into_iter().collect();
        self
    }

    /// In which order instances are taken (field `PlacementStrategy`).
    #[doc(alias = "placementStrategies")]
    #[must_use]
    pub fn placement_strategies(
        mut self,
        strategies: impl IntoIterator<Item = PlacementStrategy>,
    ) -> EcsEc2LaunchTarget {
        self.placement_strategies = strategies.into_iter().collect();
        self
    }

    /// Chooses capacity providers instead of the launch type.
    #[doc(alias = "capacityProviderOptions")]
    #[must_use]
    pub fn capacity_provider_options(mut self, options: CapacityProviderOptions) -> EcsEc2LaunchTarget {
        self.capacity = Some(options);
        self
    }
}

/// Which capacity providers containers run on.
#[derive(Clone, Debug)]
pub struct CapacityProviderOptions(Option<Vec<CapacityProviderStrategyItem>>);

impl CapacityProviderOptions {
    /// These, 1 to 20 (field `CapacityProviderStrategy`).
    #[doc(alias = "CapacityProviderOptions.custom")]
    pub fn custom(strategy: impl IntoIterator<Item = CapacityProviderStrategyItem>) -> CapacityProviderOptions {
        CapacityProviderOptions(Some(strategy.into_iter().collect()))
    }

    /// Those that the cluster has by default.
    #[doc(alias = "CapacityProviderOptions.default")]
    pub fn of_cluster() -> CapacityProviderOptions {
        CapacityProviderOptions(None)
    }
}

/// A capacity provider, and its share.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityProviderStrategyItem {
    capacity_provider: Cfn,
    weight: Option<u32>,
    base: Option<u32>,
}

impl CapacityProviderStrategyItem {
    /// The provider of this name, such as `FARGATE_SPOT`.
    pub fn new(capacity_provider: impl Into<Cfn>) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem { capacity_provider: capacity_provider.into(), weight: None, base: None }
    }

    /// Its share of the tasks, relative to the others.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> CapacityProviderStrategyItem {
        self.weight = Some(weight);
        self
    }

    /// How many tasks it runs before shares count.
    #[must_use]
    pub fn base(mut self, base: u32) -> CapacityProviderStrategyItem {
        self.base = Some(base);
        self
    }
}

impl ToJson for CapacityProviderStrategyItem {
    fn to_json(&self) -> Json {
        let number = |number: Option<u32>| number.map(|number| Json::from(Value::from(number)));
        Fields::new()
            .set("CapacityProvider", self.capacity_provider.clone())
            .set_opt("Weight", &number(self.weight))
            .set_opt("Base", &number(self.base))
            .into()
    }
}

/// In which order instances of EC2 are taken.
#[doc(alias = "ecs.PlacementStrategy")]
#[derive(Clone, Debug, PartialEq)]
pub struct PlacementStrategy {
    kind: &'static str,
    fields: Vec<Str>,
}

impl PlacementStrategy {
    /// As evenly as possible over the instances.
    pub fn spread_across_instances() -> PlacementStrategy {
        PlacementStrategy::spread_across(["instanceId"])
    }

    /// As evenly as possible over the values of these fields, such as `attribute:ecs.availability-zone`.
    pub fn spread_across<'a>(fields: impl IntoIterator<Item = &'a str>) -> PlacementStrategy {
        PlacementStrategy { kind: "spread", fields: fields.into_iter().map(Str::new).collect() }
    }

    /// Onto the instance with the least CPU left.
    pub fn packed_by_cpu() -> PlacementStrategy {
        PlacementStrategy { kind: "binpack", fields: vec![Str::new("CPU")] }
    }

    /// Onto the instance with the least memory left.
    pub fn packed_by_memory() -> PlacementStrategy {
        PlacementStrategy { kind: "binpack", fields: vec![Str::new("MEMORY")] }
    }

    /// At random.
    pub fn randomly() -> PlacementStrategy {
        PlacementStrategy { kind: "random", fields: Vec::new() }
    }

    fn to_list(&self) -> Vec<Fields> {
        let plain = || Fields::new().set("Type", self.kind);
        match self.fields.as_slice() {
            [] => vec![plain()],
            fields => fields.iter().map(|field| plain().set("Field", Value::from(field.clone()))).collect(),
        }
    }
}

/// Which instances of EC2 are taken.
#[doc(alias = "ecs.PlacementConstraint")]
#[derive(Clone, Debug, PartialEq)]
pub struct PlacementConstraint(Option<Vec<Str>>);

impl PlacementConstraint {
    /// Each task on an instance of its own.
    pub fn distinct_instances() -> PlacementConstraint {
        PlacementConstraint(None)
    }

    /// Instances for which all these expressions of the cluster query language hold.
    pub fn member_of<'a>(expressions: impl IntoIterator<Item = &'a str>) -> PlacementConstraint {
        PlacementConstraint(Some(expressions.into_iter().map(Str::new).collect()))
    }

    fn to_list(&self) -> Vec<Fields> {
        let Some(expressions) = &self.0 else { return vec![Fields::new().set("Type", "distinctInstance")] };
        let member =
            |expression: &Str| Fields::new().set("Type", "memberOf").set("Expression", Value::from(expression.clone()));
        expressions.iter().map(member).collect()
    }
}

words! {
    /// How the containers of a task are connected.
    NetworkMode {
        /// Not at all
        None = "none",
        /// By a bridge on the instance
        Bridge = "bridge",
        /// With an address of their own in a VPC
        AwsVpc = "awsvpc",
        /// As processes of the instance
        Host = "host",
        /// By translation of addresses, on Windows
        Nat = "nat",
    }

    /// The version of Fargate.
    FargatePlatformVersion {
        /// The newest
        Latest = "LATEST",
        /// Version 1.4
        Version1_4 = "1.4.0",
        /// Version 1.3
        Version1_3 = "1.3.0",
        /// Version 1.2
        Version1_2 = "1.2.0",
        /// Version 1.1
        Version1_1 = "1.1.0",
        /// Version 1.0
        Version1_0 = "1.0.0",
    }

    /// Whose tags a task has.
    PropagatedTagSource {
        /// Those of the service
        Service = "SERVICE",
        /// Those of the task definition
        TaskDefinition = "TASK_DEFINITION",
        /// None
        None = "NONE",
    }
}

impl Task for EcsRunTaskProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.check(cx);
        let definition = &self.task_definition;
        let exact = cx.environment.compat.fix_run_ecs_task_policy;
        cx.allow(["ecs:RunTask"], [if exact { definition.arn.clone() } else { definition.any_revision() }]);
        cx.allow(["ecs:StopTask", "ecs:DescribeTasks"], [Cfn::from("*")]);
        cx.allow(["iam:PassRole"], [&definition.task_role].into_iter().chain(&definition.execution_role).cloned());
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventsForECSTaskRule");
        }
        let family = match self.revision_number {
            Some(revision) => definition.family.clone().then(format!(":{revision}")),
            None => definition.family.clone(),
        };
        let mut fields = self
            .fields()
            .set("Cluster", self.cluster.arn.clone())
            .set("TaskDefinition", family)
            .set_opt("NetworkConfiguration", &self.network(cx))
            .set_opt("Overrides", &self.overrides());
        fields.extend(self.launch(cx));
        TaskFields::new(cx.integration("ecs", "runTask"), fields)
    }
}

impl EcsRunTaskProps {
    fn check(&self, cx: &mut TaskContext<'_>) {
        let overrides = self.container_overrides.as_deref().unwrap_or_default();
        cx.require_token(
            overrides.iter().filter_map(|container| container.environment.as_ref()),
            "IsRequiredTaskTokenRequired",
            "Task Token is required in at least one `containerOverrides.environment` for callback. Use JsonPath.taskToken to set the token.",
        );
        let definition = &self.task_definition;
        if definition.containers.is_empty() {
            let message = "A TaskDefinition must have at least one essential container";
            cx.refuse("TaskDefinitionLeastEssentialContainer", message);
        }
        let networked = self.subnets.is_some() || self.security_groups.is_some();
        if definition.network_mode != NetworkMode::AwsVpc && networked {
            let message = format!(
                "Supplied TaskDefinition must have 'networkMode' of 'AWS_VPC' to use 'vpcSubnets' and 'securityGroup'. Received: {}",
                definition.network_mode.as_str(),
            );
            cx.refuse("NetworkModeRequired", message);
        }
        for container in overrides {
            let name = &container.container_name;
            if !definition.containers.contains(name) {
                let message =
                    format!("Overrides mention container with name '{name}', but no such container in task definition");
                cx.refuse("OverridesMentionContainerName", message);
            }
        }
        let capacity = match &self.launch_target {
            EcsLaunchTarget::Fargate(target) => target.capacity.as_ref(),
            EcsLaunchTarget::Ec2(target) => target.capacity.as_ref(),
        };
        let providers = capacity.and_then(|capacity| capacity.0.as_ref()).map(Vec::len);
        if let Some(length) = providers.filter(|length| !(1..=20).contains(length)) {
            let message =
                format!("Capacity provider strategy must contain between 1 and 20 capacity providers, got {length}");
            cx.refuse("CapacityProviderStrategyRange", message);
        }
    }

    /// Where the task runs in the VPC, if its network mode is `awsvpc`.
    fn network(&self, cx: &mut TaskContext<'_>) -> Option<Fields> {
        if self.task_definition.network_mode != NetworkMode::AwsVpc {
            return None;
        }
        let public = self.assign_public_ip == Some(true);
        let vpc = &self.cluster.vpc;
        let default = if public { SubnetSelection::Public } else { SubnetSelection::PrivateWithEgress };
        let subnets = match self.subnets.as_ref().unwrap_or(&default) {
            SubnetSelection::Public => &vpc.public_subnets,
            SubnetSelection::PrivateWithEgress => &vpc.private_subnets,
            SubnetSelection::PrivateIsolated => &vpc.isolated_subnets,
            SubnetSelection::Ids(ids) => ids,
        };
        if subnets.is_empty() {
            let message = "The VPC of the cluster has no subnets of the kind that the task runs in";
            cx.refuse("NoSubnetsSelected", message);
        }
        let groups =
            self.security_groups.clone().unwrap_or_else(|| vec![new_security_group(cx, "SecurityGroup", &vpc.id)]);
        let mut configuration = Fields::new().set("Subnets", subnets.to_json()).set("SecurityGroups", groups.to_json());
        if public {
            configuration.put("AssignPublicIp", "ENABLED");
        }
        Some(Fields::new().set("AwsvpcConfiguration", configuration))
    }

    fn overrides(&self) -> Option<Fields> {
        let containers = self.container_overrides.as_deref().filter(|containers| !containers.is_empty());
        let containers = containers.map(|containers| Json::Array(containers.iter().map(ToJson::to_json).collect()));
        let overrides = Fields::new()
            .set_opt("Cpu", &self.cpu)
            .set_opt("Memory", &self.memory_mib)
            .set_opt("ContainerOverrides", &containers);
        (!overrides.is_empty()).then_some(overrides)
    }

    fn launch(&self, cx: &mut TaskContext<'_>) -> Fields {
        let definition = &self.task_definition;
        match &self.launch_target {
            EcsLaunchTarget::Fargate(target) => {
                if !definition.on_fargate {
                    let message = "Supplied TaskDefinition is not compatible with Fargate";
                    cx.refuse_rendering("SuppliedTaskDefinitionCompatibleFargate", message);
                }
                launch_type("FARGATE", &target.capacity).set_opt("PlatformVersion", &target.platform_version)
            }
            EcsLaunchTarget::Ec2(target) => {
                if !definition.on_ec2 {
                    let message = "Supplied TaskDefinition is not compatible with EC2";
                    cx.refuse_rendering("SuppliedTaskDefinitionCompatible", message);
                }
                if !self.cluster.ec2_capacity {
                    let message = "Cluster for this service needs Ec2 capacity. Call addCapacity() on the cluster.";
                    cx.refuse_rendering("ClusterServiceNeedsCapacity", message);
                }
                let constraints: Vec<Fields> =
                    target.placement_constraints.iter().flat_map(PlacementConstraint::to_list).collect();
                let strategies: Vec<Fields> =
                    target.placement_strategies.iter().flat_map(PlacementStrategy::to_list).collect();
                launch_type("EC2", &target.capacity)
                    .set_opt("PlacementConstraints", &(!constraints.is_empty()).then_some(constraints))
                    .set_opt("PlacementStrategy", &(!strategies.is_empty()).then_some(strategies))
            }
        }
    }
}

fn launch_type(name: &str, capacity: &Option<CapacityProviderOptions>) -> Fields {
    match capacity {
        None => Fields::new().set("LaunchType", name),
        Some(CapacityProviderOptions(None)) => Fields::new(),
        Some(CapacityProviderOptions(Some(strategy))) => {
            Fields::new().set("CapacityProviderStrategy", strategy.to_json())
        }
    }
}

impl ToJson for OverrideData {
    fn to_json(&self) -> Json {
        let environment = self.environment.as_ref().map(|variables| variables.pairs("Name"));
        self.fields().set("Name", Value::from(self.container_name.as_str())).set_opt("Environment", &environment).into()
    }
}
