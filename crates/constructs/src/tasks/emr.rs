//! EMR: the tasks that work with a cluster that runs.

use crate::IntegrationPattern;
use crate::json::Fields;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::emr_cluster::EmrConfiguration;

task! {
    /// Adds a step to a cluster of EMR.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrAddStep::json_path("Count", path("$.ClusterId"), "Count words", "command-runner.jar")
    ///     .args(["spark-submit", "s3://jobs/count.py"])
    ///     .action_on_failure(ActionOnFailure::CancelAndWait));
    /// ```
    EmrAddStep(EmrAddStepProps) {
        patterns { RunJob, request_response }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
            /// The name of the step (field `Step.Name`).
            name: text,
            /// The place of the JAR file in S3 (field `Step.HadoopJarStep.Jar`).
            jar: text,
        }
        optional {
            /// What becomes of the cluster if the step fails; it goes on by default (field `Step.ActionOnFailure`).
            #[doc(alias = "actionOnFailure")]
            action_on_failure: (ActionOnFailure),
            /// The arguments of the command line (field `Args`).
            args: texts,
            /// The role that the step runs as; that of the cluster's instances by default (field `ExecutionRoleArn`).
            #[doc(alias = "executionRoleArn")]
            execution_role_arn: text,
            /// The main class of the jar, if its manifest does not name it (field `MainClass`).
            #[doc(alias = "mainClass")]
            main_class: text,
            /// Java properties (field `Properties`).
            properties: object,
        }
    }
}

task! {
    /// Cancels a step of a cluster of EMR.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrCancelStep::json_path("Cancel", path("$.ClusterId"), path("$.StepId")));
    /// ```
    EmrCancelStep(EmrCancelStepProps) {
        patterns { RequestResponse }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
            /// The id of the step.
            #[doc(alias = "stepId")]
            step_id: text => "StepId",
        }
        optional {}
    }
}

task! {
    /// Changes how much capacity an instance fleet of a cluster has.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrModifyInstanceFleetByName::json_path("Grow", path("$.ClusterId"), "workers", 2, path("$.Spot")));
    /// ```
    EmrModifyInstanceFleetByName(EmrModifyInstanceFleetByNameProps) {
        patterns { RequestResponse }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
            /// The name of the fleet.
            #[doc(alias = "instanceFleetName")]
            instance_fleet_name: text => "InstanceFleetName",
            /// How many units of On-Demand capacity the fleet shall have (field `InstanceFleet.TargetOnDemandCapacity`).
            #[doc(alias = "targetOnDemandCapacity")]
            target_on_demand_capacity: int,
            /// How many units of Spot capacity the fleet shall have (field `InstanceFleet.TargetSpotCapacity`).
            #[doc(alias = "targetSpotCapacity")]
            target_spot_capacity: int,
        }
        optional {}
    }
}

task! {
    /// Changes an instance group of a cluster.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let group = EmrInstanceGroupModifyConfig::new().instance_count(path("$.Count"));
    /// w.add(EmrModifyInstanceGroupByName::json_path("Resize", path("$.ClusterId"), "workers", group));
    /// ```
    EmrModifyInstanceGroupByName(EmrModifyInstanceGroupByNameProps) {
        patterns { RequestResponse }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
            /// The name of the group.
            #[doc(alias = "instanceGroupName")]
            instance_group_name: text => "InstanceGroupName",
            /// What is new about it.
            #[doc(alias = "instanceGroup")]
            instance_group: {EmrInstanceGroupModifyConfig} => "InstanceGroup",
        }
        optional {}
    }
}

task! {
    /// Protects a cluster from being ended by accident, or no longer.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrSetClusterTerminationProtection::json_path("Release", path("$.ClusterId"), false));
    /// ```
    EmrSetClusterTerminationProtection(EmrSetClusterTerminationProtectionProps) {
        patterns { RequestResponse }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
            /// Whether the cluster is protected.
            #[doc(alias = "terminationProtected")]
            termination_protected: flag => "TerminationProtected",
        }
        optional {}
    }
}

task! {
    /// Ends a cluster.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrTerminateCluster::jsonata("End", jsonata("$states.input.ClusterId")));
    /// ```
    EmrTerminateCluster(EmrTerminateClusterProps) {
        patterns { RunJob, request_response }
        required {
            /// The id of the cluster.
            #[doc(alias = "clusterId")]
            cluster_id: text => "ClusterId",
        }
        optional {}
    }
}

record! {
    /// What is new about an instance group.
    #[doc(alias = "EmrModifyInstanceGroupByName.InstanceGroupModifyConfigProperty")]
    EmrInstanceGroupModifyConfig(GroupModifyData) plain {
        required {}
        optional {
            /// Configurations of applications.
            configurations: {[EmrConfiguration]} => "Configurations",
            /// Instances that are ended.
            #[doc(alias = "eC2InstanceIdsToTerminate")]
            ec2_instance_ids_to_terminate: texts => "EC2InstanceIdsToTerminate",
            /// The number of instances.
            #[doc(alias = "instanceCount")]
            instance_count: int => "InstanceCount",
            /// How the group shrinks.
            #[doc(alias = "shrinkPolicy")]
            shrink_policy: {EmrShrinkPolicy} => "ShrinkPolicy",
        }
    }
}

record! {
    /// How an instance group shrinks.
    #[doc(alias = "EmrModifyInstanceGroupByName.ShrinkPolicyProperty")]
    EmrShrinkPolicy(ShrinkPolicyData) plain {
        required {}
        optional {
            /// How long an instance may finish its work, in whole seconds.
            #[doc(alias = "decommissionTimeout")]
            decommission_timeout: seconds => "DecommissionTimeout",
            /// Which instances are ended, and which are not.
            #[doc(alias = "instanceResizePolicy")]
            instance_resize_policy: {EmrInstanceResizePolicy} => "InstanceResizePolicy",
        }
    }
}

record! {
    /// Which instances are ended when a group shrinks, and which are not.
    #[doc(alias = "EmrModifyInstanceGroupByName.InstanceResizePolicyProperty")]
    EmrInstanceResizePolicy(ResizePolicyData) plain {
        required {}
        optional {
            /// Instances that stay.
            #[doc(alias = "instancesToProtect")]
            instances_to_protect: texts => "InstancesToProtect",
            /// Instances that are ended.
            #[doc(alias = "instancesToTerminate")]
            instances_to_terminate: texts => "InstancesToTerminate",
            /// How long an instance that is ended may finish its work, in whole seconds.
            #[doc(alias = "instanceTerminationTimeout")]
            instance_termination_timeout: seconds => "InstanceTerminationTimeout",
        }
    }
}

words! {
    /// What becomes of a cluster when a step fails.
    ActionOnFailure {
        /// It is ended
        TerminateCluster = "TERMINATE_CLUSTER",
        /// The steps that follow are cancelled
        CancelAndWait = "CANCEL_AND_WAIT",
        /// It goes on with the next step
        Continue = "CONTINUE",
    }
}

impl Task for EmrAddStepProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["AddJobFlowSteps", "DescribeStep", "CancelSteps"]);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventForEMRAddJobFlowStepsRule");
        }
        let action = self.action_on_failure.unwrap_or(ActionOnFailure::Continue);
        let mut jar_step = Fields::new()
            .set("Jar", self.jar.clone())
            .set_opt("MainClass", &self.main_class)
            .set_opt("Args", &self.args);
        if let Some(properties) = &self.properties {
            jar_step.put("Properties", properties.pairs("Key"));
        }
        let step = Fields::new()
            .set("Name", self.name.clone())
            .set("ActionOnFailure", action.as_str())
            .set("HadoopJarStep", jar_step);
        let fields = self.fields().set_opt("ExecutionRoleArn", &self.execution_role_arn).set("Step", step);
        TaskFields::new(cx.integration("elasticmapreduce", "addStep"), fields)
    }
}

impl Task for EmrCancelStepProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["CancelSteps"]);
        TaskFields::new(cx.integration("elasticmapreduce", "cancelStep"), self.fields())
    }
}

impl Task for EmrModifyInstanceFleetByNameProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["ModifyInstanceFleet", "ListInstanceFleets"]);
        let fleet = Fields::new()
            .set("TargetOnDemandCapacity", self.target_on_demand_capacity.clone())
            .set("TargetSpotCapacity", self.target_spot_capacity.clone());
        let resource = cx.integration("elasticmapreduce", "modifyInstanceFleetByName");
        TaskFields::new(resource, self.fields().set("InstanceFleet", fleet))
    }
}

impl Task for EmrModifyInstanceGroupByNameProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["ModifyInstanceGroups", "ListInstanceGroups"]);
        TaskFields::new(cx.integration("elasticmapreduce", "modifyInstanceGroupByName"), self.fields())
    }
}

impl Task for EmrSetClusterTerminationProtectionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["SetTerminationProtection"]);
        TaskFields::new(cx.integration("elasticmapreduce", "setClusterTerminationProtection"), self.fields())
    }
}

impl Task for EmrTerminateClusterProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_with_clusters(cx, &["DescribeCluster", "TerminateJobFlows"]);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventForEMRTerminateJobFlowsRule");
        }
        TaskFields::new(cx.integration("elasticmapreduce", "terminateCluster"), self.fields())
    }
}

/// Asks for actions of EMR with all clusters of the account and region.
pub(super) fn allow_with_clusters(cx: &mut TaskContext<'_>, actions: &[&str]) {
    let clusters = cx.arn("elasticmapreduce", "cluster/*");
    cx.allow(actions.iter().map(|action| format!("elasticmapreduce:{action}")), [clusters]);
}
