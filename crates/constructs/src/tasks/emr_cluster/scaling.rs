//! When a cluster grows and shrinks: by the rules of its groups, or within bounds by itself.

use crate::json::{Fields, Json, ToJson};
use crate::state::words;
use crate::task::record;

use super::instances::InstanceMarket;

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

words! {
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
