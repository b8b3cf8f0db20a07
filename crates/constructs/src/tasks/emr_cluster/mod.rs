//! EMR: EmrCreateCluster, and what a cluster is made of.

mod instances;
mod scaling;

pub use instances::{
    EbsBlockDeviceVolumeType, EmrEbsBlockDeviceConfig, EmrEbsConfiguration, EmrInstanceFleetConfig,
    EmrInstanceGroupConfig, EmrInstanceTypeConfig, EmrInstancesConfig, EmrLaunchSpecifications, EmrPlacementType,
    EmrSpotSpecification, InstanceMarket, InstanceRoleType, OnDemandAllocationStrategy, SpotAllocationStrategy,
    SpotTimeoutAction,
};
pub use scaling::{
    CloudWatchAlarmComparisonOperator, CloudWatchAlarmStatistic, CloudWatchAlarmUnit, ComputeLimitsUnitType,
    EmrAutoScalingPolicy, EmrCloudWatchAlarmDefinition, EmrManagedScalingComputeLimits, EmrManagedScalingPolicy,
    EmrMetricDimension, EmrScalingAction, EmrScalingRule, ScalingAdjustmentType,
};

use std::time::Duration;

use stepwell_value::{Str, Value, js_number_text};

use crate::cfn::Cfn;
use crate::field::whole_seconds;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::RoleRef;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::emr::allow_with_clusters;
use crate::tasks::roles::{self, Rights, new_role, role_name, trusted};
use crate::{IntegrationPattern, Language, Workflow};

use self::instances::FleetData;

task! {
    /// Makes a cluster of EMR.
    ///
    /// Roles that are not given are made: for the service, for the instances, and for automatic scaling.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let master = EmrInstanceFleetConfig::new(InstanceRoleType::Master)
    ///     .instance_type_configs([EmrInstanceTypeConfig::new("m5.xlarge")])
    ///     .target_on_demand_capacity(1);
    /// w.add(EmrCreateCluster::json_path("Cluster", path("$.name"), EmrInstancesConfig::new().instance_fleets([master]))
    ///     .release_label("emr-7.9.0")
    ///     .applications([EmrApplicationConfig::new("Spark")])
    ///     .result_path("$.cluster"));
    /// ```
    EmrCreateCluster(EmrCreateClusterProps) {
        patterns { RunJob, request_response }
        required {
            /// Its name.
            name: text => "Name",
            /// The instances of the cluster.
            instances: {EmrInstancesConfig} => "Instances",
        }
        optional {
            /// Further features, as JSON text.
            #[doc(alias = "additionalInfo")]
            additional_info: text => "AdditionalInfo",
            /// What is installed; EMR chooses by default.
            applications: {[EmrApplicationConfig]} => "Applications",
            /// The role for automatic scaling; made if nothing is said. Clusters of fleets have none
            /// (field `AutoScalingRole`).
            #[doc(alias = "autoScalingRole")]
            auto_scaling_role: (RoleRef),
            /// How long the cluster may be idle before it ends itself, 60 whole seconds to 7 days
            /// (field `AutoTerminationPolicy`).
            #[doc(alias = "autoTerminationPolicyIdleTimeout")]
            auto_termination_policy_idle_timeout: (Duration),
            /// Scripts that run on every instance before Hadoop starts.
            #[doc(alias = "bootstrapActions")]
            bootstrap_actions: {[EmrBootstrapActionConfig]} => "BootstrapActions",
            /// The role of the cluster's instances; made if nothing is said (field `JobFlowRole`).
            #[doc(alias = "clusterRole")]
            cluster_role: (RoleRef),
            /// Configurations of applications.
            configurations: {[EmrConfiguration]} => "Configurations",
            /// The image that instances start from.
            #[doc(alias = "customAmiId")]
            custom_ami_id: text => "CustomAmiId",
            /// The operations per second of the root volumes, 3,000 to 16,000; from release 6.15.0 on.
            #[doc(alias = "ebsRootVolumeIops")]
            ebs_root_volume_iops: int => "EbsRootVolumeIops",
            /// The size of the root volumes in GiB, 15 to 100.
            #[doc(alias = "ebsRootVolumeSize")]
            ebs_root_volume_size_gib: int => "EbsRootVolumeSize",
            /// The throughput of the root volumes in MiB/s, 125 to 1,000; from release 6.15.0 on.
            #[doc(alias = "ebsRootVolumeThroughput")]
            ebs_root_volume_throughput: int => "EbsRootVolumeThroughput",
            /// Settings of Kerberos.
            #[doc(alias = "kerberosAttributes")]
            kerberos_attributes: {EmrKerberosAttributes} => "KerberosAttributes",
            /// Where in S3 the logs go.
            #[doc(alias = "logUri")]
            log_uri: text => "LogUri",
            /// The bounds within which EMR changes the size of the cluster.
            #[doc(alias = "managedScalingPolicy")]
            managed_scaling_policy: {EmrManagedScalingPolicy} => "ManagedScalingPolicy",
            /// The release, such as `emr-7.9.0`; EMR chooses by default.
            #[doc(alias = "releaseLabel")]
            release_label: text => "ReleaseLabel",
            /// When an instance goes that is no longer needed.
            #[doc(alias = "scaleDownBehavior")]
            scale_down_behavior: (EmrClusterScaleDownBehavior) => "ScaleDownBehavior",
            /// The name of a security configuration.
            #[doc(alias = "securityConfiguration")]
            security_configuration: text => "SecurityConfiguration",
            /// The role of the service EMR; made if nothing is said (field `ServiceRole`).
            #[doc(alias = "serviceRole")]
            service_role: (RoleRef),
            /// How many steps run at once, 1 to 256; one by default, more from release 5.28.0 on.
            #[doc(alias = "stepConcurrencyLevel")]
            step_concurrency_level: int => "StepConcurrencyLevel",
            /// Tags of the cluster and its instances (field `Tags`).
            tags: object,
            /// Whether all users of the account see the cluster; they do by default (field `VisibleToAllUsers`).
            #[doc(alias = "visibleToAllUsers")]
            visible_to_all_users: flag,
        }
    }
}

record! {
    /// An application that is installed.
    #[doc(alias = "EmrCreateCluster.ApplicationConfigProperty")]
    EmrApplicationConfig(ApplicationData) plain {
        required {
            /// Its name.
            name: text => "Name",
        }
        optional {
            /// Further settings.
            #[doc(alias = "additionalInfo")]
            additional_info: object => "AdditionalInfo",
            /// Arguments.
            args: texts => "Args",
            /// The version.
            version: text => "Version",
        }
    }
}

record! {
    /// A script that runs before Hadoop starts: a name, and where the script lies.
    #[doc(alias = "EmrCreateCluster.BootstrapActionConfigProperty")]
    #[doc(alias = "EmrCreateCluster.ScriptBootstrapActionConfigProperty")]
    EmrBootstrapActionConfig(BootstrapData) custom {
        required {
            /// Its name.
            name: text => "Name",
            /// The place of the script in S3 (field `ScriptBootstrapAction.Path`).
            #[doc(alias = "scriptBootstrapAction")]
            path: text,
        }
        optional {
            /// Arguments (field `Args`).
            args: texts,
        }
    }
}

record! {
    /// A configuration of an application.
    #[doc(alias = "EmrCreateCluster.ConfigurationProperty")]
    EmrConfiguration(ConfigurationData) plain {
        required {}
        optional {
            /// What is configured, such as `spark-defaults`.
            classification: text => "Classification",
            /// Configurations within this one.
            configurations: {[EmrConfiguration]} => "Configurations",
            /// The settings.
            properties: object => "Properties",
        }
    }
}

record! {
    /// Settings of Kerberos, for a realm.
    #[doc(alias = "EmrCreateCluster.KerberosAttributesProperty")]
    EmrKerberosAttributes(KerberosData) plain {
        required {
            /// The realm.
            realm: text => "Realm",
        }
        optional {
            /// The password of the user who may join machines to Active Directory.
            #[doc(alias = "adDomainJoinPassword")]
            ad_domain_join_password: text => "ADDomainJoinPassword",
            /// The user who may join machines to Active Directory.
            #[doc(alias = "adDomainJoinUser")]
            ad_domain_join_user: text => "ADDomainJoinUser",
            /// The password for the trust between realms.
            #[doc(alias = "crossRealmTrustPrincipalPassword")]
            cross_realm_trust_principal_password: text => "CrossRealmTrustPrincipalPassword",
            /// The password of the local key distribution centre.
            #[doc(alias = "kdcAdminPassword")]
            kdc_admin_password: text => "KdcAdminPassword",
        }
    }
}

words! {
    /// When an instance goes that is no longer needed.
    EmrClusterScaleDownBehavior {
        /// When its hour is over
        TerminateAtInstanceHour = "TERMINATE_AT_INSTANCE_HOUR",
        /// When its work is done
        TerminateAtTaskCompletion = "TERMINATE_AT_TASK_COMPLETION",
    }
}

/// The ids of the roles that are made.
const SERVICE_ROLE: &str = "ServiceRole";
const CLUSTER_ROLE: &str = "InstanceRole";
const SCALING_ROLE: &str = "AutoScalingRole";

impl<L: Language, P> EmrCreateCluster<L, P> {
    /// The role of the service, the given one or the one that is made when the task is added to this workflow.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let (stack, w) = (Stack::new("Clusters"), Workflow::new());
    /// let create = EmrCreateCluster::json_path("Create", "nightly", EmrInstancesConfig::new());
    /// let role = create.cluster_role_in(&w);
    /// stack.allow(&role, Statement::allow(["s3:GetObject"], [Cfn::from("arn:aws:s3:::jars/*")]));
    /// stack.add(StateMachine::new("Machine", w.add(create)))?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    #[doc(alias = "EmrCreateCluster.serviceRole")]
    pub fn service_role_in(&self, workflow: &Workflow) -> RoleRef {
        self.role_in(workflow, self.props.service_role.as_ref(), SERVICE_ROLE)
    }

    /// The role of the instances; see [`service_role_in`](Self::service_role_in).
    #[doc(alias = "EmrCreateCluster.clusterRole")]
    pub fn cluster_role_in(&self, workflow: &Workflow) -> RoleRef {
        self.role_in(workflow, self.props.cluster_role.as_ref(), CLUSTER_ROLE)
    }

    /// The role for automatic scaling; a cluster of instance fleets has none.
    #[doc(alias = "EmrCreateCluster.autoScalingRole")]
    pub fn auto_scaling_role_in(&self, workflow: &Workflow) -> Option<RoleRef> {
        let scales = self.props.fleets().is_empty();
        scales.then(|| self.role_in(workflow, self.props.auto_scaling_role.as_ref(), SCALING_ROLE))
    }

    fn role_in(&self, workflow: &Workflow, given: Option<&RoleRef>, id: &str) -> RoleRef {
        given.cloned().unwrap_or_else(|| RoleRef::made(&workflow.path_of([self.id.as_str(), id])))
    }
}

/// The tag by which the newer managed policies of EMR know its clusters.
const MANAGED_POLICY_TAG: (&str, &str) = ("for-use-with-amazon-emr-managed-policies", "true");

const SERVICE: &str = "elasticmapreduce.amazonaws.com";

impl Task for EmrCreateClusterProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let v2 = cx.environment.compat.emr_service_policy_v2;
        let policy = if v2 { "AmazonEMRServicePolicy_v2" } else { "AmazonElasticMapReduceRole" };
        let service = self.service_role.clone().unwrap_or_else(|| {
            let policy = format!("service-role/{policy}");
            new_role(cx, SERVICE_ROLE, [trusted(SERVICE)], Rights::Managed(&policy))
        });
        let cluster = self.cluster_role.clone().unwrap_or_else(|| instance_role(cx));
        roles::grant(cx, &service, [Statement::allow(["iam:PassRole"], [cluster.arn().clone()])]);
        let scaling = self.scaling_role(cx);
        self.allow(cx, &service, &cluster, scaling.as_ref());
        self.check(cx);
        for fleet in self.fleets() {
            fleet.check(cx);
        }
        let visible = self.visible_to_all_users.clone().unwrap_or_else(|| Value::from(true).into());
        let mut fields = self
            .fields()
            .set("JobFlowRole", role_name(&cluster))
            .set("ServiceRole", role_name(&service))
            .set_opt("AutoScalingRole", &scaling.as_ref().map(role_name))
            .set("VisibleToAllUsers", visible);
        if let Some(timeout) = self.auto_termination_policy_idle_timeout {
            fields.put("AutoTerminationPolicy", Fields::new().set("IdleTimeout", whole_seconds(timeout)));
        }
        if let Some(tags) = self.all_tags(v2) {
            fields.put("Tags", Json::Object(tags).pairs("Key"));
        }
        TaskFields::new(cx.integration("elasticmapreduce", "createCluster"), fields)
    }
}

impl EmrCreateClusterProps {
    fn fleets(&self) -> &[FleetData] {
        self.instances.instance_fleets.as_deref().unwrap_or_default()
    }

    /// The role for automatic scaling, which clusters of fleets do not have.
    fn scaling_role(&self, cx: &mut TaskContext<'_>) -> Option<RoleRef> {
        if self.fleets().is_empty() {
            return Some(self.auto_scaling_role.clone().unwrap_or_else(|| {
                let trust = [trusted(SERVICE), trusted("application-autoscaling.amazonaws.com")];
                let policy = "service-role/AmazonElasticMapReduceforAutoScalingRole";
                new_role(cx, SCALING_ROLE, trust, Rights::Managed(policy))
            }));
        }
        if self.auto_scaling_role.is_some() {
            let message = "Auto Scaling roles can not be specified with instance fleets.";
            cx.refuse("AutoScalingRolesCannotBeSpecifiedWithInstanceFleets", message);
        }
        None
    }

    fn allow(&self, cx: &mut TaskContext<'_>, service: &RoleRef, cluster: &RoleRef, scaling: Option<&RoleRef>) {
        let actions = ["RunJobFlow", "DescribeCluster", "TerminateJobFlows", "AddTags"];
        cx.allow(actions.map(|action| format!("elasticmapreduce:{action}")), [Cfn::from("*")]);
        cx.allow(["iam:PassRole"], [service.arn().clone(), cluster.arn().clone()]);
        let cleanup = Cfn::join([
            Cfn::from("arn:"),
            Cfn::partition(),
            Cfn::from(":iam::"),
            cx.environment.account(),
            Cfn::from(format!(":role/aws-service-role/{SERVICE}*/AWSServiceRoleForEMRCleanup*")),
        ]);
        let services: Value = [SERVICE, "elasticmapreduce.amazonaws.com.cn"].map(Value::from).into_iter().collect();
        let linked = Statement::allow(["iam:CreateServiceLinkedRole"], [cleanup]);
        let linked = linked.sid("ElasticMapReduceServiceLinkedRole").when(
            "StringEquals",
            "iam:AWSServiceName",
            &Cfn::intrinsic(&services),
        );
        cx.needs.statements.push(linked);
        if let Some(scaling) = scaling {
            cx.allow(["iam:PassRole"], [scaling.arn().clone()]);
        }
        if self.tags.is_some() {
            allow_with_clusters(cx, &["AddTags"]);
        }
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventForEMRRunJobFlowRule");
        }
    }

    fn check(&self, cx: &mut TaskContext<'_>) {
        if let Some(timeout) = self.auto_termination_policy_idle_timeout {
            let seconds = timeout.as_secs();
            if timeout.subsec_nanos() == 0 && !(60..=604_800).contains(&seconds) {
                let message = format!(
                    "`autoTerminationPolicyIdleTimeout` must be between 60 and 604800 seconds, got {seconds} seconds."
                );
                cx.refuse("AutoTerminationPolicyIdleTimeoutOutOfRange", message);
            }
        }
        let label = self.release_label.as_ref().and_then(Json::literal);
        let release = label.and_then(release);
        if let (Some(label), None) = (label, release) {
            let message = format!("The release label must be in the format 'emr-x.x.x' but got {label}");
            cx.refuse("ReleaseLabelMustBeInCorrectFormat", message);
        }
        let older = |than: [f64; 3]| label.filter(|_| release.is_some_and(|release| release < than));
        if let Some(level) = number(&self.step_concurrency_level) {
            if !(1.0..=256.0).contains(&level) {
                let level = js_number_text(level);
                let message = format!("Step concurrency level must be in range [1, 256], but got {level}.");
                cx.refuse("StepConcurrencyLevelOutOfRange", message);
            }
            if let Some(label) = older([5.0, 28.0, 0.0]).filter(|_| level != 1.0) {
                let message = format!(
                    "Step concurrency is only supported in EMR release version 5.28.0 and above but got {label}."
                );
                cx.refuse("StepConcurrencyNotSupportedInOlderVersions", message);
            }
        }
        let outside = |value: &Option<Json>, least: f64, most: f64| {
            number(value).filter(|value| !(least..=most).contains(value)).map(js_number_text)
        };
        if let Some(size) = outside(&self.ebs_root_volume_size_gib, 15.0, 100.0) {
            let message = format!("ebsRootVolumeSize must be between 15 and 100 GiB, but got {size} GiB.");
            cx.refuse("EbsRootVolumeSizeOutOfRange", message);
        }
        let tuned = self.ebs_root_volume_throughput.is_some() || self.ebs_root_volume_iops.is_some();
        if let Some(label) = older([6.0, 15.0, 0.0]).filter(|_| tuned) {
            let message = format!(
                "ebsRootVolumeThroughput and ebsRootVolumeIops are only supported in EMR release version 6.15.0 and above but got {label}."
            );
            cx.refuse("EbsRootVolumeThroughputAndIopsNotSupportedInOlderVersions", message);
        }
        if let Some(throughput) = outside(&self.ebs_root_volume_throughput, 125.0, 1000.0) {
            let message =
                format!("ebsRootVolumeThroughput must be between 125 and 1000 MiB/s, but got {throughput} MiB/s.");
            cx.refuse("EbsRootVolumeThroughputOutOfRange", message);
        }
        if let Some(iops) = outside(&self.ebs_root_volume_iops, 3000.0, 16_000.0) {
            let message = format!("ebsRootVolumeIops must be between 3000 and 16000, but got {iops}.");
            cx.refuse("EbsRootVolumeIopsOutOfRange", message);
        }
    }

    /// The user's tags, and the one that the newer policy of the service asks for.
    fn all_tags(&self, managed_policy_v2: bool) -> Option<Vec<(Str, Json)>> {
        let mut tags = match &self.tags {
            Some(Json::Object(tags)) => tags.clone(),
            _ if managed_policy_v2 => Vec::new(),
            _ => return None,
        };
        if managed_policy_v2 {
            let (key, value) = MANAGED_POLICY_TAG;
            match tags.iter_mut().find(|(name, _)| name == key) {
                Some((_, given)) => *given = Json::from(value),
                None => tags.push((Str::from(key), Json::from(value))),
            }
        }
        Some(tags)
    }
}

impl ToJson for BootstrapData {
    fn to_json(&self) -> Json {
        let script = Fields::new().set("Path", self.path.clone()).set_opt("Args", &self.args);
        self.fields().set("ScriptBootstrapAction", script).into()
    }
}

/// The role of the instances, and the profile by which they have it.
fn instance_role(cx: &mut TaskContext<'_>) -> RoleRef {
    let role = new_role(cx, CLUSTER_ROLE, [trusted("ec2.amazonaws.com")], Rights::None);
    let name = role_name(&role);
    let properties =
        Fields::new().set("InstanceProfileName", name.clone()).set("Roles", Json::Array(vec![Json::Cfn(name)]));
    roles::make(cx, ["InstanceProfile"], "AWS::IAM::InstanceProfile", properties);
    role
}

fn number(value: &Option<Json>) -> Option<f64> {
    value.as_ref().and_then(Json::number)
}

/// The three numbers of `emr-x.x.x`.
fn release(label: &str) -> Option<[f64; 3]> {
    let numbers: Option<Vec<f64>> = label.strip_prefix("emr-")?.split('.').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}
