//! EMR: EmrCreateCluster, and what a cluster is made of.

use std::time::Duration;

use stepwell_value::{Str, Value, js_number_text};

use crate::cfn::Cfn;
use crate::field::{whole_minutes, whole_seconds};
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::RoleRef;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::emr::{allow_with_clusters, key_value_pairs};
use crate::tasks::roles::{self, Rights, new_role, role_name, trusted};
use crate::{IntegrationPattern, Language, Workflow};

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
    /// The instances of a cluster: groups of equal ones, or fleets of several types.
    #[doc(alias = "EmrCreateCluster.InstancesConfigProperty")]
    EmrInstancesConfig(InstancesData) custom {
        required {}
        optional {
            /// Further security groups of the master node.
            #[doc(alias = "additionalMasterSecurityGroups")]
            additional_master_security_groups: texts => "AdditionalMasterSecurityGroups",
            /// Further security groups of the core and task nodes.
            #[doc(alias = "additionalSlaveSecurityGroups")]
            additional_slave_security_groups: texts => "AdditionalSlaveSecurityGroups",
            /// The key pair for SSH.
            #[doc(alias = "ec2KeyName")]
            ec2_key_name: text => "Ec2KeyName",
            /// The subnet of a cluster of groups.
            #[doc(alias = "ec2SubnetId")]
            ec2_subnet_id: text => "Ec2SubnetId",
            /// The subnets of a cluster of fleets, of which EMR chooses one.
            #[doc(alias = "ec2SubnetIds")]
            ec2_subnet_ids: texts => "Ec2SubnetIds",
            /// The security group of the master node that EMR manages.
            #[doc(alias = "emrManagedMasterSecurityGroup")]
            emr_managed_master_security_group: text => "EmrManagedMasterSecurityGroup",
            /// The security group of the core and task nodes that EMR manages.
            #[doc(alias = "emrManagedSlaveSecurityGroup")]
            emr_managed_slave_security_group: text => "EmrManagedSlaveSecurityGroup",
            /// The version of Hadoop of releases before 4.
            #[doc(alias = "hadoopVersion")]
            hadoop_version: text => "HadoopVersion",
            /// The number of instances.
            #[doc(alias = "instanceCount")]
            instance_count: int => "InstanceCount",
            /// The fleets.
            #[doc(alias = "instanceFleets")]
            instance_fleets: {[EmrInstanceFleetConfig]} => "InstanceFleets",
            /// The groups.
            #[doc(alias = "instanceGroups")]
            instance_groups: {[EmrInstanceGroupConfig]} => "InstanceGroups",
            /// The type of the master node.
            #[doc(alias = "masterInstanceType")]
            master_instance_type: text => "MasterInstanceType",
            /// Availability zones.
            placement: {EmrPlacementType} => "Placement",
            /// The security group by which EMR reaches a cluster in private subnets.
            #[doc(alias = "serviceAccessSecurityGroup")]
            service_access_security_group: text => "ServiceAccessSecurityGroup",
            /// The type of the core and task nodes.
            #[doc(alias = "slaveInstanceType")]
            slave_instance_type: text => "SlaveInstanceType",
            /// Whether the cluster is protected from being ended by accident.
            #[doc(alias = "terminationProtected")]
            termination_protected: flag => "TerminationProtected",
        }
    }
}

record! {
    /// Instances of one type.
    #[doc(alias = "EmrCreateCluster.InstanceGroupConfigProperty")]
    EmrInstanceGroupConfig(GroupData) plain {
        required {
            /// What the instances are for.
            #[doc(alias = "instanceRole")]
            instance_role: (InstanceRoleType) => "InstanceRole",
            /// The type of the machines: `m5.xlarge`.
            #[doc(alias = "instanceType")]
            instance_type: text => "InstanceType",
            /// How many instances.
            #[doc(alias = "instanceCount")]
            instance_count: int => "InstanceCount",
        }
        optional {
            /// When the group grows and shrinks by itself.
            #[doc(alias = "autoScalingPolicy")]
            auto_scaling_policy: {EmrAutoScalingPolicy} => "AutoScalingPolicy",
            /// The most that a spot instance may cost, in dollars.
            #[doc(alias = "bidPrice")]
            bid_price: text => "BidPrice",
            /// Configurations of applications.
            configurations: {[EmrConfiguration]} => "Configurations",
            /// The volumes of each instance.
            #[doc(alias = "ebsConfiguration")]
            ebs_configuration: {EmrEbsConfiguration} => "EbsConfiguration",
            /// On demand or spot.
            market: (InstanceMarket) => "Market",
            /// The name of the group.
            name: text => "Name",
        }
    }
}

record! {
    /// Instances of several types that together have a capacity.
    #[doc(alias = "EmrCreateCluster.InstanceFleetConfigProperty")]
    EmrInstanceFleetConfig(FleetData) plain {
        required {
            /// What the instances are for.
            #[doc(alias = "instanceFleetType")]
            instance_fleet_type: (InstanceRoleType) => "InstanceFleetType",
        }
        optional {
            /// The types that the fleet may be made of.
            #[doc(alias = "instanceTypeConfigs")]
            instance_type_configs: {[EmrInstanceTypeConfig]} => "InstanceTypeConfigs",
            /// How the instances are chosen.
            #[doc(alias = "launchSpecifications")]
            launch_specifications: {EmrLaunchSpecifications} => "LaunchSpecifications",
            /// The name of the fleet.
            name: text => "Name",
            /// The capacity on demand; of a master fleet one of the two is 1.
            #[doc(alias = "targetOnDemandCapacity")]
            target_on_demand_capacity: int => "TargetOnDemandCapacity",
            /// The capacity of spot instances.
            #[doc(alias = "targetSpotCapacity")]
            target_spot_capacity: int => "TargetSpotCapacity",
        }
    }
}

record! {
    /// A type of instances that a fleet may be made of.
    #[doc(alias = "EmrCreateCluster.InstanceTypeConfigProperty")]
    EmrInstanceTypeConfig(InstanceTypeData) plain {
        required {
            /// The type of the machines: `m5.xlarge`.
            #[doc(alias = "instanceType")]
            instance_type: text => "InstanceType",
        }
        optional {
            /// The most that a spot instance may cost, in dollars.
            #[doc(alias = "bidPrice")]
            bid_price: text => "BidPrice",
            /// The same in percent of the price on demand.
            #[doc(alias = "bidPriceAsPercentageOfOnDemandPrice")]
            bid_price_as_percentage_of_on_demand_price: number => "BidPriceAsPercentageOfOnDemandPrice",
            /// Configurations of applications.
            configurations: {[EmrConfiguration]} => "Configurations",
            /// The volumes of each instance.
            #[doc(alias = "ebsConfiguration")]
            ebs_configuration: {EmrEbsConfiguration} => "EbsConfiguration",
            /// The place of the type in the strategy [`OnDemandAllocationStrategy::Prioritized`]; 0 is the first.
            priority: number => "Priority",
            /// How many units an instance counts.
            #[doc(alias = "weightedCapacity")]
            weighted_capacity: int => "WeightedCapacity",
        }
    }
}

record! {
    /// How the instances of a fleet are chosen.
    #[doc(alias = "EmrCreateCluster.OnDemandProvisioningSpecificationProperty")]
    #[doc(alias = "EmrCreateCluster.InstanceFleetProvisioningSpecificationsProperty")]
    EmrLaunchSpecifications(LaunchData) custom {
        required {}
        optional {
            /// How instances on demand are chosen (field `OnDemandSpecification`).
            #[doc(alias = "onDemandSpecification")]
            on_demand_allocation_strategy: (OnDemandAllocationStrategy),
            /// How spot instances are chosen.
            #[doc(alias = "spotSpecification")]
            spot_specification: {EmrSpotSpecification} => "SpotSpecification",
        }
    }
}

record! {
    /// How spot instances of a fleet are chosen, and what happens if there are none for 5 to 1,440 whole minutes.
    #[doc(alias = "EmrCreateCluster.SpotProvisioningSpecificationProperty")]
    EmrSpotSpecification(SpotData) custom {
        required {
            /// What happens when there are none in time.
            #[doc(alias = "timeoutAction")]
            timeout_action: (SpotTimeoutAction) => "TimeoutAction",
            /// How long they are waited for, 5 to 1,440 whole minutes (field `TimeoutDurationMinutes`).
            #[doc(alias = "timeoutDurationMinutes")]
            timeout: (Duration),
        }
        optional {
            /// By what they are chosen.
            #[doc(alias = "allocationStrategy")]
            allocation_strategy: (SpotAllocationStrategy) => "AllocationStrategy",
            /// How long they stay, in minutes; AWS no longer offers it to new accounts.
            #[doc(alias = "blockDurationMinutes")]
            block_duration_minutes: int => "BlockDurationMinutes",
        }
    }
}

record! {
    /// The volumes of an instance.
    #[doc(alias = "EmrCreateCluster.EbsConfigurationProperty")]
    EmrEbsConfiguration(EbsData) plain {
        required {}
        optional {
            /// The volumes.
            #[doc(alias = "ebsBlockDeviceConfigs")]
            ebs_block_device_configs: {[EmrEbsBlockDeviceConfig]} => "EbsBlockDeviceConfigs",
            /// Whether the instances are optimized for EBS.
            #[doc(alias = "ebsOptimized")]
            ebs_optimized: flag => "EbsOptimized",
        }
    }
}

record! {
    /// A volume of an instance: its size in GiB and its type.
    #[doc(alias = "EmrCreateCluster.EbsBlockDeviceConfigProperty")]
    #[doc(alias = "EmrCreateCluster.VolumeSpecificationProperty")]
    EmrEbsBlockDeviceConfig(BlockDeviceData) custom {
        required {
            /// The size in GiB (field `SizeInGB`).
            #[doc(alias = "volumeSize")]
            #[doc(alias = "volumeSpecification")]
            volume_size_gib: int,
            /// The kind of the volume (field `VolumeType`).
            #[doc(alias = "volumeType")]
            volume_type: (EbsBlockDeviceVolumeType),
        }
        optional {
            /// Operations per second (field `Iops`).
            iops: int,
            /// How many such volumes each instance has.
            #[doc(alias = "volumesPerInstance")]
            volumes_per_instance: int => "VolumesPerInstance",
        }
    }
}

record! {
    /// When an instance group grows and shrinks by itself: its least and greatest size, and the rules.
    #[doc(alias = "EmrCreateCluster.AutoScalingPolicyProperty")]
    #[doc(alias = "EmrCreateCluster.ScalingConstraintsProperty")]
    EmrAutoScalingPolicy(AutoScalingData) custom {
        required {
            /// The least number of instances (field `MinCapacity`).
            #[doc(alias = "minCapacity")]
            #[doc(alias = "constraints")]
            min_capacity: int,
            /// The greatest number of instances (field `MaxCapacity`).
            #[doc(alias = "maxCapacity")]
            max_capacity: int,
            /// When and how the size changes.
            rules: {[EmrScalingRule]} => "Rules",
        }
        optional {}
    }
}

record! {
    /// What happens when an alarm goes off.
    #[doc(alias = "EmrCreateCluster.ScalingRuleProperty")]
    EmrScalingRule(RuleData) custom {
        required {
            /// Its name.
            name: text => "Name",
            /// What happens.
            action: {EmrScalingAction} => "Action",
            /// When it happens (field `CloudWatchAlarmDefinition`).
            #[doc(alias = "trigger")]
            #[doc(alias = "cloudWatchAlarmDefinition")]
            #[doc(alias = "EmrCreateCluster.ScalingTriggerProperty")]
            alarm: {EmrCloudWatchAlarmDefinition},
        }
        optional {
            /// What the rule is for.
            description: text => "Description",
        }
    }
}

record! {
    /// By how much an instance group grows, or shrinks if the number is negative.
    #[doc(alias = "EmrCreateCluster.ScalingActionProperty")]
    #[doc(alias = "EmrCreateCluster.SimpleScalingPolicyConfigurationProperty")]
    EmrScalingAction(ActionData) custom {
        required {
            /// By how many instances, or how many percent; negative to shrink (field `ScalingAdjustment`).
            #[doc(alias = "scalingAdjustment")]
            #[doc(alias = "simpleScalingPolicyConfiguration")]
            scaling_adjustment: int,
        }
        optional {
            /// What the number means (field `AdjustmentType`).
            #[doc(alias = "adjustmentType")]
            adjustment_type: (ScalingAdjustmentType),
            /// How many seconds pass before the rule may work again (field `CoolDown`).
            #[doc(alias = "coolDown")]
            cool_down_s: int,
            /// On demand or spot.
            market: (InstanceMarket) => "Market",
        }
    }
}

record! {
    /// The alarm of a rule: a metric, how it compares with the threshold, and over which time, in whole seconds.
    #[doc(alias = "EmrCreateCluster.CloudWatchAlarmDefinitionProperty")]
    EmrCloudWatchAlarmDefinition(AlarmData) plain {
        required {
            /// The metric.
            #[doc(alias = "metricName")]
            metric_name: text => "MetricName",
            /// How it compares with the threshold.
            #[doc(alias = "comparisonOperator")]
            comparison_operator: (CloudWatchAlarmComparisonOperator) => "ComparisonOperator",
            /// The time that is looked at, in whole seconds.
            period: seconds => "Period",
        }
        optional {
            /// The dimensions of the metric.
            dimensions: {[EmrMetricDimension]} => "Dimensions",
            /// How many periods in a row; one by default.
            #[doc(alias = "evaluationPeriods")]
            evaluation_periods: int => "EvaluationPeriods",
            /// The namespace of the metric; `AWS/ElasticMapReduce` by default.
            namespace: text => "Namespace",
            /// What is compared; the average by default.
            statistic: (CloudWatchAlarmStatistic) => "Statistic",
            /// What it is compared with.
            threshold: number => "Threshold",
            /// The unit of the metric.
            unit: (CloudWatchAlarmUnit) => "Unit",
        }
    }
}

record! {
    /// A dimension of a metric.
    #[doc(alias = "EmrCreateCluster.MetricDimensionProperty")]
    EmrMetricDimension(DimensionData) plain {
        required {
            /// The name of the dimension.
            key: text => "Key",
            /// The value of the dimension.
            value: text => "Value",
        }
        optional {}
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

record! {
    /// The bounds within which EMR changes the size of the cluster.
    #[doc(alias = "EmrCreateCluster.ManagedScalingPolicyProperty")]
    EmrManagedScalingPolicy(ManagedScalingData) plain {
        required {}
        optional {
            /// The bounds.
            #[doc(alias = "computeLimits")]
            compute_limits: {EmrManagedScalingComputeLimits} => "ComputeLimits",
        }
    }
}

record! {
    /// The least and greatest size of a cluster, in a unit.
    #[doc(alias = "EmrCreateCluster.ManagedScalingComputeLimitsProperty")]
    EmrManagedScalingComputeLimits(LimitsData) plain {
        required {
            /// The unit of the bounds.
            #[doc(alias = "unitType")]
            unit_type: (ComputeLimitsUnitType) => "UnitType",
            /// The least size.
            #[doc(alias = "minimumCapacityUnits")]
            minimum_capacity_units: int => "MinimumCapacityUnits",
            /// The greatest size.
            #[doc(alias = "maximumCapacityUnits")]
            maximum_capacity_units: int => "MaximumCapacityUnits",
        }
        optional {
            /// The greatest size of the core nodes.
            #[doc(alias = "maximumCoreCapacityUnits")]
            maximum_core_capacity_units: int => "MaximumCoreCapacityUnits",
            /// The greatest size on demand.
            #[doc(alias = "maximumOnDemandCapacityUnits")]
            maximum_on_demand_capacity_units: int => "MaximumOnDemandCapacityUnits",
        }
    }
}

record! {
    /// Availability zones of a cluster.
    #[doc(alias = "EmrCreateCluster.PlacementTypeProperty")]
    EmrPlacementType(PlacementData) plain {
        required {}
        optional {
            /// The zone of a cluster of groups.
            #[doc(alias = "availabilityZone")]
            availability_zone: text => "AvailabilityZone",
            /// The zones of a cluster of fleets, of which EMR chooses one.
            #[doc(alias = "availabilityZones")]
            availability_zones: texts => "AvailabilityZones",
        }
    }
}

words! {
    /// What the nodes of a group or fleet do.
    InstanceRoleType {
        /// The node that directs the others
        Master = "MASTER",
        /// Nodes that compute and store
        Core = "CORE",
        /// Nodes that compute
        Task = "TASK",
    }

    /// How instances are bought.
    InstanceMarket {
        /// On demand
        OnDemand = "ON_DEMAND",
        /// As spot instances
        Spot = "SPOT",
    }

    /// When an instance goes that is no longer needed.
    EmrClusterScaleDownBehavior {
        /// When its hour is over
        TerminateAtInstanceHour = "TERMINATE_AT_INSTANCE_HOUR",
        /// When its work is done
        TerminateAtTaskCompletion = "TERMINATE_AT_TASK_COMPLETION",
    }

    /// How instances on demand are chosen.
    OnDemandAllocationStrategy {
        /// The cheapest first
        LowestPrice = "lowest-price",
        /// By the priority of their types
        Prioritized = "prioritized",
    }

    /// How spot instances are chosen.
    SpotAllocationStrategy {
        /// Where there are most
        CapacityOptimized = "capacity-optimized",
        /// Where there are most, and cheap
        PriceCapacityOptimized = "price-capacity-optimized",
        /// The cheapest first
        LowestPrice = "lowest-price",
        /// Of all types
        Diversified = "diversified",
    }

    /// What happens if there are no spot instances in time.
    SpotTimeoutAction {
        /// Instances on demand are taken
        SwitchToOnDemand = "SWITCH_TO_ON_DEMAND",
        /// The cluster is ended
        TerminateCluster = "TERMINATE_CLUSTER",
    }

    /// The type of a volume.
    EbsBlockDeviceVolumeType {
        /// General purpose SSD
        Gp3 = "gp3",
        /// General purpose SSD of the former generation
        Gp2 = "gp2",
        /// SSD with provisioned operations per second
        Io1 = "io1",
        /// Hard disk for throughput
        St1 = "st1",
        /// Hard disk for cold data
        Sc1 = "sc1",
        /// Magnetic disk
        Standard = "standard",
    }

    /// What the number of a scaling action means.
    ScalingAdjustmentType {
        /// So many instances more
        ChangeInCapacity = "CHANGE_IN_CAPACITY",
        /// So many percent more
        PercentChangeInCapacity = "PERCENT_CHANGE_IN_CAPACITY",
        /// So many instances
        ExactCapacity = "EXACT_CAPACITY",
    }

    /// How a metric compares with the threshold of an alarm.
    CloudWatchAlarmComparisonOperator {
        /// At least
        GreaterThanOrEqual = "GREATER_THAN_OR_EQUAL",
        /// More than
        GreaterThan = "GREATER_THAN",
        /// Less than
        LessThan = "LESS_THAN",
        /// At most
        LessThanOrEqual = "LESS_THAN_OR_EQUAL",
    }

    /// What of a metric an alarm looks at.
    CloudWatchAlarmStatistic {
        /// The number of values
        SampleCount = "SAMPLE_COUNT",
        /// The average
        Average = "AVERAGE",
        /// The sum
        Sum = "SUM",
        /// The least value
        Minimum = "MINIMUM",
        /// The greatest value
        Maximum = "MAXIMUM",
    }

    /// The unit of a metric.
    CloudWatchAlarmUnit {
        /// No unit
        None = "NONE",
        /// Seconds
        Seconds = "SECONDS",
        /// Microseconds
        MicroSeconds = "MICRO_SECONDS",
        /// Milliseconds
        MilliSeconds = "MILLI_SECONDS",
        /// Bytes
        Bytes = "BYTES",
        /// Thousand bytes
        KiloBytes = "KILO_BYTES",
        /// Million bytes
        MegaBytes = "MEGA_BYTES",
        /// Billion bytes
        GigaBytes = "GIGA_BYTES",
        /// Trillion bytes
        TeraBytes = "TERA_BYTES",
        /// Bits
        Bits = "BITS",
        /// Thousand bits
        KiloBits = "KILO_BITS",
        /// Million bits
        MegaBits = "MEGA_BITS",
        /// Billion bits
        GigaBits = "GIGA_BITS",
        /// Trillion bits
        TeraBits = "TERA_BITS",
        /// Percent
        Percent = "PERCENT",
        /// A number of things
        Count = "COUNT",
        /// Bytes per second
        BytesPerSecond = "BYTES_PER_SECOND",
        /// Thousand bytes per second
        KiloBytesPerSecond = "KILO_BYTES_PER_SECOND",
        /// Million bytes per second
        MegaBytesPerSecond = "MEGA_BYTES_PER_SECOND",
        /// Billion bytes per second
        GigaBytesPerSecond = "GIGA_BYTES_PER_SECOND",
        /// Trillion bytes per second
        TeraBytesPerSecond = "TERA_BYTES_PER_SECOND",
        /// Bits per second
        BitsPerSecond = "BITS_PER_SECOND",
        /// Thousand bits per second
        KiloBitsPerSecond = "KILO_BITS_PER_SECOND",
        /// Million bits per second
        MegaBitsPerSecond = "MEGA_BITS_PER_SECOND",
        /// Billion bits per second
        GigaBitsPerSecond = "GIGA_BITS_PER_SECOND",
        /// Trillion bits per second
        TeraBitsPerSecond = "TERA_BITS_PER_SECOND",
        /// A number of things per second
        CountPerSecond = "COUNT_PER_SECOND",
    }

    /// What the size of a cluster is counted in.
    ComputeLimitsUnitType {
        /// Units of instance fleets
        InstanceFleetUnits = "InstanceFleetUnits",
        /// Instances
        Instances = "Instances",
        /// Virtual CPUs
        Vcpu = "VCPU",
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
            fields.put("Tags", key_value_pairs(&Json::Object(tags)));
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
        cx.statements.push(linked);
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

impl FleetData {
    fn check(&self, cx: &mut TaskContext<'_>) {
        let on_demand = Capacity::of(&self.target_on_demand_capacity);
        let spot = Capacity::of(&self.target_spot_capacity);
        if on_demand == Capacity::None && spot == Capacity::None {
            let message = "At least one of targetSpotCapacity and targetOnDemandCapacity should be greater than 0";
            cx.refuse_rendering("AtLeastOneTargetCapacityRequired", message);
        }
        if self.instance_fleet_type == InstanceRoleType::Master {
            if on_demand != Capacity::None && spot != Capacity::None {
                cx.refuse_rendering(
                    "MasterInstanceFleetOnlyOneCapacityType",
                    "For a master instance fleet, only one of targetSpotCapacity and targetOnDemandCapacity can be specified",
                );
            }
            for (capacity, name, code) in [
                (spot, "targetSpotCapacity", "MasterInstanceFleetSpotCapacityMustBeOne"),
                (on_demand, "targetOnDemandCapacity", "MasterInstanceFleetOnDemandCapacityMustBeOne"),
            ] {
                if let Capacity::Known(units) = capacity
                    && units != 1.0
                {
                    let units = js_number_text(units);
                    let message =
                        format!("For a master instance fleet, {name} cannot be a number other than 1, got {units}");
                    cx.refuse_rendering(code, message);
                }
            }
        }
        self.check_priorities(cx);
        for kind in self.types() {
            if kind.bid_price.is_some() && kind.bid_price_as_percentage_of_on_demand_price.is_some() {
                let message = "Cannot specify both bidPrice and bidPriceAsPercentageOfOnDemandPrice";
                cx.refuse_rendering("CannotSpecifyBothBidPriceOptions", message);
            }
            if let Some(priority) = number(&kind.priority).filter(|priority| *priority < 0.0) {
                let message = format!(
                    "priority must be a non-negative number, got {}. Priority values start at 0 (highest priority) and are used with OnDemandAllocationStrategy.PRIORITIZED.",
                    js_number_text(priority),
                );
                cx.refuse_rendering("PriorityMustBeNonNegative", message);
            }
        }
        let spot = self.launch_specifications.as_ref().and_then(|launch| launch.spot_specification.as_ref());
        if let Some(minutes) = spot.map(|spot| spot.timeout.as_secs() / 60).filter(|m| !(5..=1440).contains(m)) {
            let message = format!("timeout must be between 5 and 1440 minutes, got {minutes} minutes.");
            cx.refuse_rendering("TimeoutMustBeBetween5And1440Minutes", message);
        }
    }

    fn types(&self) -> &[InstanceTypeData] {
        self.instance_type_configs.as_deref().unwrap_or_default()
    }

    fn check_priorities(&self, cx: &mut TaskContext<'_>) {
        let strategy = self.launch_specifications.as_ref().and_then(|launch| launch.on_demand_allocation_strategy);
        let strategy = strategy.unwrap_or(OnDemandAllocationStrategy::LowestPrice);
        let prioritized = strategy == OnDemandAllocationStrategy::Prioritized;
        let with_priority = self.types().iter().any(|kind| kind.priority.is_some());
        if with_priority && !prioritized {
            let message = format!(
                "Priority values are set on instance type configs, but allocation strategy is '{}'. Priority values only take effect with OnDemandAllocationStrategy.PRIORITIZED.",
                strategy.as_str(),
            );
            cx.refuse_rendering("PriorityRequiresPrioritizedStrategy", message);
        }
        if prioritized && !with_priority {
            cx.refuse_rendering(
                "PrioritizedStrategyRequiresPriorityValues",
                "OnDemandAllocationStrategy.PRIORITIZED requires at least one instance type config to have a priority value set. See https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-instance-fleet.html",
            );
        }
    }
}

/// What is said of a capacity.
#[derive(Clone, Copy, PartialEq)]
enum Capacity {
    /// Nothing, or no capacity.
    None,
    Known(f64),
    /// The state computes it.
    Computed,
}

impl Capacity {
    fn of(value: &Option<Json>) -> Capacity {
        match value {
            None => Capacity::None,
            Some(value) => match value.number() {
                Some(units) if units > 0.0 => Capacity::Known(units),
                Some(_) => Capacity::None,
                None => Capacity::Computed,
            },
        }
    }
}

impl ToJson for InstancesData {
    fn to_json(&self) -> Json {
        self.fields().set("KeepJobFlowAliveWhenNoSteps", Value::from(true)).into()
    }
}

impl ToJson for LaunchData {
    fn to_json(&self) -> Json {
        let mut fields = self.fields();
        if let Some(strategy) = self.on_demand_allocation_strategy {
            fields.put("OnDemandSpecification", Fields::new().set("AllocationStrategy", strategy.as_str()));
        }
        fields.into()
    }
}

impl ToJson for SpotData {
    fn to_json(&self) -> Json {
        self.fields().set("TimeoutDurationMinutes", whole_minutes(self.timeout)).into()
    }
}

impl ToJson for BlockDeviceData {
    fn to_json(&self) -> Json {
        let volume = Fields::new()
            .set_opt("Iops", &self.iops)
            .set("SizeInGB", self.volume_size_gib.clone())
            .set("VolumeType", self.volume_type.as_str());
        self.fields().set("VolumeSpecification", volume).into()
    }
}

impl ToJson for AutoScalingData {
    fn to_json(&self) -> Json {
        let constraints =
            Fields::new().set("MaxCapacity", self.max_capacity.clone()).set("MinCapacity", self.min_capacity.clone());
        self.fields().set("Constraints", constraints).into()
    }
}

impl ToJson for RuleData {
    fn to_json(&self) -> Json {
        self.fields().set("Trigger", Fields::new().set("CloudWatchAlarmDefinition", self.alarm.to_json())).into()
    }
}

impl ToJson for ActionData {
    fn to_json(&self) -> Json {
        let configuration = Fields::new()
            .set_opt("AdjustmentType", &self.adjustment_type)
            .set_opt("CoolDown", &self.cool_down_s)
            .set("ScalingAdjustment", self.scaling_adjustment.clone());
        self.fields().set("SimpleScalingPolicyConfiguration", configuration).into()
    }
}

impl ToJson for BootstrapData {
    fn to_json(&self) -> Json {
        let script = Fields::new().set("Path", self.path.clone()).set_opt("Args", &self.args);
        self.fields().set("ScriptBootstrapAction", script).into()
    }
}
