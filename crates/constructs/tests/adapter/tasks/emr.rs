//! The tasks of EMR, and what a cluster is made of.
#![allow(unused_variables, reason = "not every property looks at the context")]

use stepwell_constructs::*;

use super::{adapt, kind};
use crate::adapter::case::Cx;
use crate::adapter::convert::Lang;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, convert, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "EmrAddStep" => add_step(cx, input),
        "EmrCancelStep" => cancel_step(cx, input),
        "EmrCreateCluster" => create_cluster(cx, input),
        "EmrModifyInstanceFleetByName" => modify_fleet(cx, input),
        "EmrModifyInstanceGroupByName" => modify_group(cx, input),
        "EmrSetClusterTerminationProtection" => protect(cx, input),
        "EmrTerminateCluster" => terminate(cx, input),
        _ => return None,
    })
}

/// The properties of a record, one line for each; all of them must be known.
macro_rules! record {
    ($cx:ident $props:ident $record:expr; $($prop:literal => $method:ident: $kind:tt,)*) => {{
        #[allow(unused_mut)]
        let mut record = $record;
        $(
            if let Some(v) = $props.take($prop) {
                record = record.$method(kind!($kind $cx v));
            }
        )*
        $props.done(stringify!($record))?;
        Ok(record)
    }};
}

/// The words of enumerations.
macro_rules! words {
    ($($name:ident -> $type:ident { $($word:literal => $variant:ident,)* })*) => {$(
        fn $name(word: &str) -> Answer<$type> {
            Ok(match word {
                $($word => $type::$variant,)*
                other => return unknown(other),
            })
        }
    )*};
}

/// Functions for lists of records.
macro_rules! lists {
    ($($list:ident = [$record:ident] -> $type:ident;)*) => {$(
        fn $list<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<$type<L>>> {
            value.items()?.iter().map(|item| $record::<L>(cx, item)).collect()
        }
    )*};
}

fn add_step(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (id, name, jar) = (input.props.need("clusterId")?, input.props.need("name")?, input.props.need("jar")?);
    adapt!(cx, input, EmrAddStep(kind!(text cx id), kind!(text cx name), kind!(text cx jar)) {
        "actionOnFailure" => action_on_failure: [on_failure],
        "args" => args: texts,
        "executionRoleArn" => execution_role_arn: text,
        "mainClass" => main_class: text,
        "properties" => properties: object,
    } patterns "RUN_JOB", "REQUEST_RESPONSE" => request_response)
}

fn cancel_step(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (cluster, step) = (input.props.need("clusterId")?, input.props.need("stepId")?);
    adapt!(cx, input, EmrCancelStep(kind!(text cx cluster), kind!(text cx step)) {} patterns "REQUEST_RESPONSE")
}

fn modify_fleet(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (cluster, name) = (input.props.need("clusterId")?, input.props.need("instanceFleetName")?);
    let (on_demand, spot) = (input.props.need("targetOnDemandCapacity")?, input.props.need("targetSpotCapacity")?);
    adapt!(cx, input, EmrModifyInstanceFleetByName(
        kind!(text cx cluster), kind!(text cx name), kind!(int cx on_demand), kind!(int cx spot)
    ) {} patterns "REQUEST_RESPONSE")
}

fn modify_group(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (cluster, name) = (input.props.need("clusterId")?, input.props.need("instanceGroupName")?);
    let group = input.props.need("instanceGroup")?;
    adapt!(cx, input, EmrModifyInstanceGroupByName(
        kind!(text cx cluster), kind!(text cx name), new_group::<L>(cx, &group)?
    ) {} patterns "REQUEST_RESPONSE")
}

fn protect(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (cluster, flag) = (input.props.need("clusterId")?, input.props.need("terminationProtected")?);
    adapt!(cx, input, EmrSetClusterTerminationProtection(
        kind!(text cx cluster), kind!(flag cx flag)
    ) {} patterns "REQUEST_RESPONSE")
}

fn terminate(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = input.props.need("clusterId")?;
    adapt!(cx, input, EmrTerminateCluster(kind!(text cx cluster)) {
    } patterns "RUN_JOB", "REQUEST_RESPONSE" => request_response)
}

fn create_cluster(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (name, instances) = (input.props.need("name")?, input.props.need("instances")?);
    let id = input.id.clone();
    adapt!(cx, input, EmrCreateCluster(kind!(text cx name), self::instances::<L>(cx, &instances)?) {
        "additionalInfo" => additional_info: text,
        "applications" => applications: {applications},
        "autoScalingRole" => auto_scaling_role: (refs::role),
        "autoTerminationPolicyIdleTimeout" => auto_termination_policy_idle_timeout: duration,
        "bootstrapActions" => bootstrap_actions: {bootstrap_actions},
        "clusterRole" => cluster_role: (refs::role),
        "configurations" => configurations: {configurations},
        "customAmiId" => custom_ami_id: text,
        "ebsRootVolumeIops" => ebs_root_volume_iops: int,
        "ebsRootVolumeSize" => ebs_root_volume_size_gib: (gibibytes),
        "ebsRootVolumeThroughput" => ebs_root_volume_throughput: int,
        "kerberosAttributes" => kerberos_attributes: {kerberos},
        "logUri" => log_uri: text,
        "managedScalingPolicy" => managed_scaling_policy: {managed_scaling},
        "releaseLabel" => release_label: text,
        "scaleDownBehavior" => scale_down_behavior: [scale_down],
        "securityConfiguration" => security_configuration: text,
        "serviceRole" => service_role: (refs::role),
        "stepConcurrencyLevel" => step_concurrency_level: int,
        "tags" => tags: object,
        "visibleToAllUsers" => visible_to_all_users: flag,
    } patterns "RUN_JOB", "REQUEST_RESPONSE" => request_response; built => {
        cx.note_role(&id, "serviceRole", Some(built.service_role_in(&cx.workflow)));
        cx.note_role(&id, "clusterRole", Some(built.cluster_role_in(&cx.workflow)));
        cx.note_role(&id, "autoScalingRole", built.auto_scaling_role_in(&cx.workflow));
    })
}

fn gibibytes(_: &Cx, value: &V) -> Answer<i64> {
    match value {
        V::Size(bytes) => convert::whole(bytes / f64::from(1 << 30)),
        other => unknown(format!("a size from {other:?}")),
    }
}

lists! {
    applications = [application] -> EmrApplicationConfig;
    bootstrap_actions = [bootstrap_action] -> EmrBootstrapActionConfig;
    configurations = [configuration] -> EmrConfiguration;
    fleets = [fleet] -> EmrInstanceFleetConfig;
    groups = [group] -> EmrInstanceGroupConfig;
    instance_types = [instance_type] -> EmrInstanceTypeConfig;
    volumes = [volume] -> EmrEbsBlockDeviceConfig;
    rules = [rule] -> EmrScalingRule;
    dimensions = [dimension] -> EmrMetricDimension;
}

fn application<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrApplicationConfig<L>> {
    let mut props = value.props()?;
    let name = props.need("name")?;
    record!(cx props EmrApplicationConfig::new(kind!(text cx name));
        "additionalInfo" => additional_info: object,
        "args" => args: texts,
        "version" => version: text,
    )
}

fn bootstrap_action<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrBootstrapActionConfig<L>> {
    let mut props = value.props()?;
    let name = props.need("name")?;
    let mut script = props.need("scriptBootstrapAction")?.props()?;
    props.done("BootstrapActionConfigProperty")?;
    let path = script.need("path")?;
    record!(cx script EmrBootstrapActionConfig::new(kind!(text cx name), kind!(text cx path));
        "args" => args: texts,
    )
}

fn configuration<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrConfiguration<L>> {
    let mut props = value.props()?;
    record!(cx props EmrConfiguration::new();
        "classification" => classification: text,
        "configurations" => configurations: {configurations},
        "properties" => properties: object,
    )
}

fn kerberos<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrKerberosAttributes<L>> {
    let mut props = value.props()?;
    let realm = props.need("realm")?;
    record!(cx props EmrKerberosAttributes::new(kind!(text cx realm));
        "adDomainJoinPassword" => ad_domain_join_password: text,
        "adDomainJoinUser" => ad_domain_join_user: text,
        "crossRealmTrustPrincipalPassword" => cross_realm_trust_principal_password: text,
        "kdcAdminPassword" => kdc_admin_password: text,
    )
}

fn managed_scaling<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrManagedScalingPolicy<L>> {
    let mut props = value.props()?;
    record!(cx props EmrManagedScalingPolicy::new(); "computeLimits" => compute_limits: {limits},)
}

fn limits<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrManagedScalingComputeLimits<L>> {
    let mut props = value.props()?;
    let unit = props.need("unitType")?;
    let (least, most) = (props.need("minimumCapacityUnits")?, props.need("maximumCapacityUnits")?);
    let limits = EmrManagedScalingComputeLimits::new(kind!([units] cx unit), kind!(int cx least), kind!(int cx most));
    record!(cx props limits;
        "maximumCoreCapacityUnits" => maximum_core_capacity_units: int,
        "maximumOnDemandCapacityUnits" => maximum_on_demand_capacity_units: int,
    )
}

fn instances<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstancesConfig<L>> {
    let mut props = value.props()?;
    record!(cx props EmrInstancesConfig::new();
        "additionalMasterSecurityGroups" => additional_master_security_groups: texts,
        "additionalSlaveSecurityGroups" => additional_slave_security_groups: texts,
        "ec2KeyName" => ec2_key_name: text,
        "ec2SubnetId" => ec2_subnet_id: text,
        "ec2SubnetIds" => ec2_subnet_ids: texts,
        "emrManagedMasterSecurityGroup" => emr_managed_master_security_group: text,
        "emrManagedSlaveSecurityGroup" => emr_managed_slave_security_group: text,
        "hadoopVersion" => hadoop_version: text,
        "instanceCount" => instance_count: int,
        "instanceFleets" => instance_fleets: {fleets},
        "instanceGroups" => instance_groups: {groups},
        "masterInstanceType" => master_instance_type: text,
        "placement" => placement: {placement},
        "serviceAccessSecurityGroup" => service_access_security_group: text,
        "slaveInstanceType" => slave_instance_type: text,
        "terminationProtected" => termination_protected: flag,
    )
}

fn placement<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrPlacementType<L>> {
    let mut props = value.props()?;
    record!(cx props EmrPlacementType::new();
        "availabilityZone" => availability_zone: text,
        "availabilityZones" => availability_zones: texts,
    )
}

fn group<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstanceGroupConfig<L>> {
    let mut props = value.props()?;
    let (role, kind) = (props.need("instanceRole")?, props.need("instanceType")?);
    let count = props.need("instanceCount")?;
    let group = EmrInstanceGroupConfig::new(kind!([node] cx role), kind!(text cx kind), kind!(int cx count));
    record!(cx props group;
        "autoScalingPolicy" => auto_scaling_policy: {auto_scaling},
        "bidPrice" => bid_price: text,
        "configurations" => configurations: {configurations},
        "ebsConfiguration" => ebs_configuration: {ebs},
        "market" => market: [market],
        "name" => name: text,
    )
}

fn fleet<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstanceFleetConfig<L>> {
    let mut props = value.props()?;
    let role = props.need("instanceFleetType")?;
    record!(cx props EmrInstanceFleetConfig::new(kind!([node] cx role));
        "instanceTypeConfigs" => instance_type_configs: {instance_types},
        "launchSpecifications" => launch_specifications: {launch},
        "name" => name: text,
        "targetOnDemandCapacity" => target_on_demand_capacity: int,
        "targetSpotCapacity" => target_spot_capacity: int,
    )
}

fn instance_type<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstanceTypeConfig<L>> {
    let mut props = value.props()?;
    let kind = props.need("instanceType")?;
    record!(cx props EmrInstanceTypeConfig::new(kind!(text cx kind));
        "bidPrice" => bid_price: text,
        "bidPriceAsPercentageOfOnDemandPrice" => bid_price_as_percentage_of_on_demand_price: number,
        "configurations" => configurations: {configurations},
        "ebsConfiguration" => ebs_configuration: {ebs},
        "priority" => priority: number,
        "weightedCapacity" => weighted_capacity: int,
    )
}

fn launch<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrLaunchSpecifications<L>> {
    let mut props = value.props()?;
    record!(cx props EmrLaunchSpecifications::new();
        "onDemandSpecification" => on_demand_allocation_strategy: (on_demand),
        "spotSpecification" => spot_specification: {spot},
    )
}

fn on_demand(cx: &Cx, value: &V) -> Answer<OnDemandAllocationStrategy> {
    let mut props = value.props()?;
    let strategy = props.need("allocationStrategy")?;
    props.done("OnDemandProvisioningSpecificationProperty")?;
    Ok(kind!([on_demand_strategy] cx strategy))
}

fn spot<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrSpotSpecification<L>> {
    let mut props = value.props()?;
    let action = props.need("timeoutAction")?;
    let timeout = match (props.take("timeout"), props.take("timeoutDurationMinutes")) {
        (Some(timeout), None) => timeout.duration()?,
        (None, Some(minutes)) => std::time::Duration::from_secs(u64::from(minutes.u32()?) * 60),
        (None, None) => return Err(Stop::NotExpressible("missing_argument.rs")),
        (Some(_), Some(_)) => return Err(Stop::NotExpressible("two_timeouts_of_spot.rs")),
    };
    record!(cx props EmrSpotSpecification::new(kind!([spot_action] cx action), timeout);
        "allocationStrategy" => allocation_strategy: [spot_strategy],
        "blockDurationMinutes" => block_duration_minutes: int,
    )
}

fn ebs<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrEbsConfiguration<L>> {
    let mut props = value.props()?;
    record!(cx props EmrEbsConfiguration::new();
        "ebsBlockDeviceConfigs" => ebs_block_device_configs: {volumes},
        "ebsOptimized" => ebs_optimized: flag,
    )
}

fn volume<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrEbsBlockDeviceConfig<L>> {
    let mut props = value.props()?;
    let mut volume = props.need("volumeSpecification")?.props()?;
    let (size, kind) = (volume.need("volumeSize")?, volume.need("volumeType")?);
    let device = EmrEbsBlockDeviceConfig::new(kind!((gibibytes) cx size), kind!([volume_type] cx kind));
    let device: Answer<EmrEbsBlockDeviceConfig<L>> = record!(cx volume device; "iops" => iops: int,);
    record!(cx props device?; "volumesPerInstance" => volumes_per_instance: int,)
}

fn auto_scaling<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrAutoScalingPolicy<L>> {
    let mut props = value.props()?;
    let mut constraints = props.need("constraints")?.props()?;
    let (least, most) = (constraints.need("minCapacity")?, constraints.need("maxCapacity")?);
    constraints.done("ScalingConstraintsProperty")?;
    let rules = self::rules::<L>(cx, &props.need("rules")?)?;
    record!(cx props EmrAutoScalingPolicy::new(kind!(int cx least), kind!(int cx most), rules);)
}

fn rule<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrScalingRule<L>> {
    let mut props = value.props()?;
    let name = props.need("name")?;
    let action = action::<L>(cx, &props.need("action")?)?;
    let mut trigger = props.need("trigger")?.props()?;
    let alarm = alarm::<L>(cx, &trigger.need("cloudWatchAlarmDefinition")?)?;
    trigger.done("ScalingTriggerProperty")?;
    record!(cx props EmrScalingRule::new(kind!(text cx name), action, alarm); "description" => description: text,)
}

fn action<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrScalingAction<L>> {
    let mut props = value.props()?;
    let mut simple = props.need("simpleScalingPolicyConfiguration")?.props()?;
    let adjustment = simple.need("scalingAdjustment")?;
    let action: Answer<EmrScalingAction<L>> = record!(cx simple EmrScalingAction::new(kind!(int cx adjustment));
        "adjustmentType" => adjustment_type: [adjustment_type],
        "coolDown" => cool_down_s: int,
    );
    record!(cx props action?; "market" => market: [market],)
}

fn alarm<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrCloudWatchAlarmDefinition<L>> {
    let mut props = value.props()?;
    let (metric, operator) = (props.need("metricName")?, props.need("comparisonOperator")?);
    let period = props.need("period")?;
    let alarm = EmrCloudWatchAlarmDefinition::new(
        kind!(text cx metric),
        kind!([comparison] cx operator),
        kind!(seconds cx period),
    );
    record!(cx props alarm;
        "dimensions" => dimensions: {dimensions},
        "evaluationPeriods" => evaluation_periods: int,
        "namespace" => namespace: text,
        "statistic" => statistic: [statistic],
        "threshold" => threshold: number,
        "unit" => unit: [unit],
    )
}

fn dimension<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrMetricDimension<L>> {
    let mut props = value.props()?;
    let (key, text) = (props.need("key")?, props.need("value")?);
    record!(cx props EmrMetricDimension::new(kind!(text cx key), kind!(text cx text));)
}

fn new_group<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstanceGroupModifyConfig<L>> {
    let mut props = value.props()?;
    record!(cx props EmrInstanceGroupModifyConfig::new();
        "configurations" => configurations: {configurations},
        "eC2InstanceIdsToTerminate" => ec2_instance_ids_to_terminate: texts,
        "instanceCount" => instance_count: int,
        "shrinkPolicy" => shrink_policy: {shrink_policy},
    )
}

fn shrink_policy<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrShrinkPolicy<L>> {
    let mut props = value.props()?;
    record!(cx props EmrShrinkPolicy::new();
        "decommissionTimeout" => decommission_timeout: seconds,
        "instanceResizePolicy" => instance_resize_policy: {resize_policy},
    )
}

fn resize_policy<L: Lang>(cx: &Cx, value: &V) -> Answer<EmrInstanceResizePolicy<L>> {
    let mut props = value.props()?;
    record!(cx props EmrInstanceResizePolicy::new();
        "instancesToProtect" => instances_to_protect: texts,
        "instancesToTerminate" => instances_to_terminate: texts,
        "instanceTerminationTimeout" => instance_termination_timeout: seconds,
    )
}

words! {
    on_failure -> ActionOnFailure {
        "TERMINATE_CLUSTER" => TerminateCluster,
        "CANCEL_AND_WAIT" => CancelAndWait,
        "CONTINUE" => Continue,
    }
    scale_down -> EmrClusterScaleDownBehavior {
        "TERMINATE_AT_INSTANCE_HOUR" => TerminateAtInstanceHour,
        "TERMINATE_AT_TASK_COMPLETION" => TerminateAtTaskCompletion,
    }
    node -> InstanceRoleType {
        "MASTER" => Master,
        "CORE" => Core,
        "TASK" => Task,
    }
    market -> InstanceMarket {
        "ON_DEMAND" => OnDemand,
        "SPOT" => Spot,
    }
    on_demand_strategy -> OnDemandAllocationStrategy {
        "LOWEST_PRICE" => LowestPrice,
        "PRIORITIZED" => Prioritized,
    }
    spot_strategy -> SpotAllocationStrategy {
        "CAPACITY_OPTIMIZED" => CapacityOptimized,
        "PRICE_CAPACITY_OPTIMIZED" => PriceCapacityOptimized,
        "LOWEST_PRICE" => LowestPrice,
        "DIVERSIFIED" => Diversified,
    }
    spot_action -> SpotTimeoutAction {
        "SWITCH_TO_ON_DEMAND" => SwitchToOnDemand,
        "TERMINATE_CLUSTER" => TerminateCluster,
    }
    volume_type -> EbsBlockDeviceVolumeType {
        "GP3" => Gp3,
        "GP2" => Gp2,
        "IO1" => Io1,
        "ST1" => St1,
        "SC1" => Sc1,
        "STANDARD" => Standard,
    }
    adjustment_type -> ScalingAdjustmentType {
        "CHANGE_IN_CAPACITY" => ChangeInCapacity,
        "PERCENT_CHANGE_IN_CAPACITY" => PercentChangeInCapacity,
        "EXACT_CAPACITY" => ExactCapacity,
    }
    comparison -> CloudWatchAlarmComparisonOperator {
        "GREATER_THAN_OR_EQUAL" => GreaterThanOrEqual,
        "GREATER_THAN" => GreaterThan,
        "LESS_THAN" => LessThan,
        "LESS_THAN_OR_EQUAL" => LessThanOrEqual,
    }
    statistic -> CloudWatchAlarmStatistic {
        "SAMPLE_COUNT" => SampleCount,
        "AVERAGE" => Average,
        "SUM" => Sum,
        "MINIMUM" => Minimum,
        "MAXIMUM" => Maximum,
    }
    units -> ComputeLimitsUnitType {
        "INSTANCE_FLEET_UNITS" => InstanceFleetUnits,
        "INSTANCES" => Instances,
        "VCPU" => Vcpu,
    }
    unit -> CloudWatchAlarmUnit {
        "NONE" => None,
        "SECONDS" => Seconds,
        "MICRO_SECONDS" => MicroSeconds,
        "MILLI_SECONDS" => MilliSeconds,
        "BYTES" => Bytes,
        "KILO_BYTES" => KiloBytes,
        "MEGA_BYTES" => MegaBytes,
        "GIGA_BYTES" => GigaBytes,
        "TERA_BYTES" => TeraBytes,
        "BITS" => Bits,
        "KILO_BITS" => KiloBits,
        "MEGA_BITS" => MegaBits,
        "GIGA_BITS" => GigaBits,
        "TERA_BITS" => TeraBits,
        "PERCENT" => Percent,
        "COUNT" => Count,
        "BYTES_PER_SECOND" => BytesPerSecond,
        "KILO_BYTES_PER_SECOND" => KiloBytesPerSecond,
        "MEGA_BYTES_PER_SECOND" => MegaBytesPerSecond,
        "GIGA_BYTES_PER_SECOND" => GigaBytesPerSecond,
        "TERA_BYTES_PER_SECOND" => TeraBytesPerSecond,
        "BITS_PER_SECOND" => BitsPerSecond,
        "KILO_BITS_PER_SECOND" => KiloBitsPerSecond,
        "MEGA_BITS_PER_SECOND" => MegaBitsPerSecond,
        "GIGA_BITS_PER_SECOND" => GigaBitsPerSecond,
        "TERA_BITS_PER_SECOND" => TeraBitsPerSecond,
        "COUNT_PER_SECOND" => CountPerSecond,
    }
}
