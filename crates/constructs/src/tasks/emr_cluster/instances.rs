//! The instances of a cluster: groups of equal ones, or fleets of several types.

use std::time::Duration;

use stepwell_value::{Value, js_number_text};

use crate::field::whole_minutes;
use crate::json::{Fields, Json, ToJson};
use crate::state::words;
use crate::task::{TaskContext, record};

use super::scaling::EmrAutoScalingPolicy;
use super::{EmrConfiguration, number};

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

impl FleetData {
    pub(super) fn check(&self, cx: &mut TaskContext<'_>) {
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
