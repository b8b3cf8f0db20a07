//! The optimized integrations: which APIs, with which patterns and parameters.

use crate::Pattern::{self, RequestResponse, Sync, Sync2, WaitForTaskToken};

/// An API that Step Functions has an integration of its own for.
#[derive(Debug, PartialEq, Eq)]
pub struct OptimizedApi {
    /// The service as a resource names it, such as `sqs`.
    pub service: &'static str,
    /// The action, such as `sendMessage`.
    pub action: &'static str,
    /// How its end can be awaited.
    pub patterns: &'static [Pattern],
    /// Parameters that a definition must have.
    ///
    /// Nine APIs were measured on AWS and agree with the members that the API's own model requires, idempotency
    /// tokens aside; the others are taken from the model or, where there is none, from the developer guide.
    pub required: &'static [&'static str],
    /// Other parameters that are known to be accepted. Not complete for APIs of which the guide says "all fields".
    pub optional: &'static [&'static str],
}

/// The API `service:action`, if there is an optimized integration for it.
pub fn optimized_api(service: &str, action: &str) -> Option<&'static OptimizedApi> {
    let position = OPTIMIZED.binary_search_by(|api| (api.service, api.action).cmp(&(service, action))).ok()?;
    Some(&OPTIMIZED[position])
}

/// All APIs of one service; empty when it has no optimized integration.
pub fn optimized_service(service: &str) -> &'static [OptimizedApi] {
    let start = OPTIMIZED.partition_point(|api| api.service < service);
    let end = OPTIMIZED.partition_point(|api| api.service <= service);
    &OPTIMIZED[start..end]
}

const REQUEST: &[Pattern] = &[RequestResponse];
const REQUEST_SYNC: &[Pattern] = &[RequestResponse, Sync];
const REQUEST_TOKEN: &[Pattern] = &[RequestResponse, WaitForTaskToken];
const REQUEST_SYNC_TOKEN: &[Pattern] = &[RequestResponse, Sync, WaitForTaskToken];
const ALL: &[Pattern] = &[RequestResponse, Sync, Sync2, WaitForTaskToken];

const fn api(
    service: &'static str,
    action: &'static str,
    patterns: &'static [Pattern],
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> OptimizedApi {
    OptimizedApi { service, action, patterns, required, optional }
}

/// Every optimized integration, in the order of service and action.
///
/// From the developer guide's chapter per service. `lambda:listFunctions` is not in it; AWS accepts it.
pub static OPTIMIZED: &[OptimizedApi] = &[
    api(
        "apigateway",
        "invoke",
        REQUEST_TOKEN,
        &["ApiEndpoint", "Method"],
        &["Headers", "Stage", "Path", "QueryParameters", "RequestBody", "AllowNullValues", "AuthType"],
    ),
    api("athena", "getQueryExecution", REQUEST, &["QueryExecutionId"], &[]),
    api("athena", "getQueryResults", REQUEST, &["QueryExecutionId"], &["MaxResults", "NextToken"]),
    api(
        "athena",
        "startQueryExecution",
        REQUEST_SYNC,
        &["QueryString"],
        &["ClientRequestToken", "ExecutionParameters", "QueryExecutionContext", "ResultConfiguration", "WorkGroup"],
    ),
    api("athena", "stopQueryExecution", REQUEST, &[], &["QueryExecutionId"]),
    api(
        "batch",
        "submitJob",
        REQUEST_SYNC,
        &["JobName", "JobQueue", "JobDefinition"],
        &["ArrayProperties", "ContainerOverrides", "DependsOn", "Parameters", "RetryStrategy", "Timeout", "Tags"],
    ),
    api(
        "bedrock",
        "createModelCustomizationJob",
        REQUEST_SYNC,
        &["JobName", "CustomModelName", "RoleArn", "BaseModelIdentifier", "TrainingDataConfig", "OutputDataConfig"],
        &[
            "ClientRequestToken",
            "CustomizationType",
            "CustomModelKmsKeyId",
            "JobTags",
            "CustomModelTags",
            "ValidationDataConfig",
            "HyperParameters",
            "VpcConfig",
        ],
    ),
    api("bedrock", "invokeModel", REQUEST_TOKEN, &["ModelId"], &["Accept", "ContentType", "Body", "Input", "Output"]),
    api("codebuild", "batchDeleteBuilds", REQUEST, &["Ids"], &[]),
    api("codebuild", "batchGetReports", REQUEST, &["ReportArns"], &[]),
    api("codebuild", "deleteBuildBatch", REQUEST, &["Id"], &[]),
    api("codebuild", "retryBuildBatch", REQUEST_SYNC, &[], &["Id", "IdempotencyToken", "RetryType"]),
    api(
        "codebuild",
        "startBuild",
        REQUEST_SYNC,
        &["ProjectName"],
        &[
            "ArtifactsOverride",
            "BuildspecOverride",
            "CacheOverride",
            "CertificateOverride",
            "ComputeTypeOverride",
            "EncryptionKeyOverride",
            "EnvironmentTypeOverride",
            "EnvironmentVariablesOverride",
            "GitCloneDepthOverride",
            "GitSubmodulesConfigOverride",
            "IdempotencyToken",
            "ImageOverride",
            "ImagePullCredentialsTypeOverride",
            "InsecureSslOverride",
            "LogsConfigOverride",
            "PrivilegedModeOverride",
            "QueuedTimeoutInMinutesOverride",
            "RegistryCredentialOverride",
            "ReportBuildStatusOverride",
            "SecondaryArtifactsOverride",
            "SecondarySourcesOverride",
            "SecondarySourcesVersionOverride",
            "ServiceRoleOverride",
            "SourceAuthOverride",
            "SourceLocationOverride",
            "SourceTypeOverride",
            "SourceVersion",
            "TimeoutInMinutesOverride",
        ],
    ),
    api(
        "codebuild",
        "startBuildBatch",
        REQUEST_SYNC,
        &["ProjectName"],
        &[
            "ArtifactsOverride",
            "BuildBatchConfigOverride",
            "BuildspecOverride",
            "BuildTimeoutInMinutesOverride",
            "CacheOverride",
            "CertificateOverride",
            "ComputeTypeOverride",
            "DebugSessionEnabled",
            "EncryptionKeyOverride",
            "EnvironmentTypeOverride",
            "EnvironmentVariablesOverride",
            "GitCloneDepthOverride",
            "GitSubmodulesConfigOverride",
            "IdempotencyToken",
            "ImageOverride",
            "ImagePullCredentialsTypeOverride",
            "InsecureSslOverride",
            "LogsConfigOverride",
            "PrivilegedModeOverride",
            "QueuedTimeoutInMinutesOverride",
            "RegistryCredentialOverride",
            "ReportBuildBatchStatusOverride",
            "SecondaryArtifactsOverride",
            "SecondarySourcesOverride",
            "SecondarySourcesVersionOverride",
            "ServiceRoleOverride",
            "SourceAuthOverride",
            "SourceLocationOverride",
            "SourceTypeOverride",
            "SourceVersion",
        ],
    ),
    api("codebuild", "stopBuild", REQUEST, &["Id"], &[]),
    api("codebuild", "stopBuildBatch", REQUEST, &["Id"], &[]),
    api("databrew", "startJobRun", REQUEST_SYNC, &["Name"], &[]),
    api(
        "dynamodb",
        "deleteItem",
        REQUEST,
        &["TableName", "Key"],
        &[
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
        ],
    ),
    api(
        "dynamodb",
        "getItem",
        REQUEST,
        &["TableName", "Key"],
        &[
            "AttributesToGet",
            "ConsistentRead",
            "ExpressionAttributeNames",
            "ProjectionExpression",
            "ReturnConsumedCapacity",
        ],
    ),
    api(
        "dynamodb",
        "putItem",
        REQUEST,
        &["TableName", "Item"],
        &[
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
        ],
    ),
    api(
        "dynamodb",
        "updateItem",
        REQUEST,
        &["TableName", "Key"],
        &[
            "AttributeUpdates",
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
            "UpdateExpression",
        ],
    ),
    api(
        "ecs",
        "runTask",
        REQUEST_SYNC_TOKEN,
        &["TaskDefinition"],
        &[
            "Cluster",
            "Group",
            "LaunchType",
            "NetworkConfiguration",
            "Overrides",
            "PlacementConstraints",
            "PlacementStrategy",
            "PlatformVersion",
            "PropagateTags",
            "EnableExecuteCommand",
        ],
    ),
    api(
        "eks",
        "call",
        REQUEST,
        &["ClusterName", "CertificateAuthority", "Endpoint", "Method", "Path"],
        &["QueryParameters", "RequestBody"],
    ),
    api(
        "eks",
        "createCluster",
        REQUEST_SYNC,
        &["Name", "RoleArn", "ResourcesVpcConfig"],
        &["Version", "KubernetesNetworkConfig", "Logging", "ClientRequestToken", "Tags", "EncryptionConfig"],
    ),
    api(
        "eks",
        "createFargateProfile",
        REQUEST_SYNC,
        &["FargateProfileName", "ClusterName", "PodExecutionRoleArn"],
        &["Subnets", "Selectors", "ClientRequestToken", "Tags"],
    ),
    api(
        "eks",
        "createNodegroup",
        REQUEST_SYNC,
        &["ClusterName", "NodegroupName", "Subnets", "NodeRole"],
        &[
            "ScalingConfig",
            "DiskSize",
            "InstanceTypes",
            "AmiType",
            "RemoteAccess",
            "Labels",
            "Tags",
            "ClientRequestToken",
            "LaunchTemplate",
            "Version",
            "ReleaseVersion",
        ],
    ),
    api("eks", "deleteCluster", REQUEST_SYNC, &["Name"], &[]),
    api("eks", "deleteFargateProfile", REQUEST_SYNC, &["ClusterName", "FargateProfileName"], &[]),
    api("eks", "deleteNodegroup", REQUEST_SYNC, &["ClusterName", "NodegroupName"], &[]),
    api(
        "eks",
        "runJob",
        REQUEST_SYNC,
        &["ClusterName", "CertificateAuthority", "Endpoint", "Job"],
        &["Namespace", "LogOptions"],
    ),
    api("elasticmapreduce", "addStep", REQUEST_SYNC, &["ClusterId", "Step"], &["ExecutionRoleArn"]),
    api("elasticmapreduce", "cancelStep", REQUEST, &["ClusterId", "StepId"], &[]),
    api("elasticmapreduce", "createCluster", REQUEST_SYNC, &["Name", "Instances"], &[]),
    api(
        "elasticmapreduce",
        "modifyInstanceFleetByName",
        REQUEST,
        &["ClusterId", "InstanceFleetName"],
        &["InstanceFleet"],
    ),
    api(
        "elasticmapreduce",
        "modifyInstanceGroupByName",
        REQUEST,
        &["ClusterId"],
        &["InstanceGroupName", "InstanceGroup"],
    ),
    api("elasticmapreduce", "setClusterTerminationProtection", REQUEST, &["ClusterId", "TerminationProtected"], &[]),
    api("elasticmapreduce", "terminateCluster", REQUEST_SYNC, &["ClusterId"], &[]),
    api("emr-containers", "createVirtualCluster", REQUEST, &["Name", "ContainerProvider"], &["ClientToken", "Tags"]),
    api("emr-containers", "deleteVirtualCluster", REQUEST_SYNC, &["Id"], &[]),
    api(
        "emr-containers",
        "startJobRun",
        REQUEST_SYNC,
        &["VirtualClusterId"],
        &["Name", "ClientToken", "ExecutionRoleArn", "ReleaseLabel", "JobDriver", "ConfigurationOverrides", "Tags"],
    ),
    api("emr-serverless", "cancelJobRun", REQUEST_SYNC, &["ApplicationId", "JobRunId"], &[]),
    api(
        "emr-serverless",
        "createApplication",
        REQUEST_SYNC,
        &["ReleaseLabel", "Type"],
        &[
            "Name",
            "ClientToken",
            "InitialCapacity",
            "MaximumCapacity",
            "Tags",
            "AutoStartConfiguration",
            "AutoStopConfiguration",
            "NetworkConfiguration",
            "Architecture",
        ],
    ),
    api("emr-serverless", "deleteApplication", REQUEST_SYNC, &["ApplicationId"], &[]),
    api("emr-serverless", "startApplication", REQUEST_SYNC, &["ApplicationId"], &[]),
    api(
        "emr-serverless",
        "startJobRun",
        REQUEST_SYNC,
        &["ApplicationId", "ExecutionRoleArn"],
        &["ClientToken", "JobDriver", "ConfigurationOverrides", "Tags", "ExecutionTimeoutMinutes", "Name"],
    ),
    api("emr-serverless", "stopApplication", REQUEST_SYNC, &["ApplicationId"], &[]),
    api("events", "putEvents", REQUEST_TOKEN, &["Entries"], &[]),
    api(
        "glue",
        "startJobRun",
        REQUEST_SYNC_TOKEN,
        &["JobName"],
        &[
            "JobRunQueuingEnabled",
            "JobRunId",
            "Arguments",
            "AllocatedCapacity",
            "Timeout",
            "MaxCapacity",
            "SecurityConfiguration",
            "NotificationProperty",
            "WorkerType",
            "NumberOfWorkers",
            "ExecutionClass",
        ],
    ),
    api(
        "http",
        "invoke",
        REQUEST,
        &["ApiEndpoint", "Method"],
        &["Headers", "QueryParameters", "RequestBody", "Transform", "Authentication", "InvocationConfig"],
    ),
    api(
        "lambda",
        "invoke",
        REQUEST_TOKEN,
        &["FunctionName"],
        &["ClientContext", "InvocationType", "Qualifier", "Payload", "LogType"],
    ),
    api("lambda", "listFunctions", REQUEST, &[], &[]),
    api(
        "mediaconvert",
        "createJob",
        REQUEST_SYNC,
        &["Role", "Settings"],
        &[
            "AccelerationSettings",
            "BillingTagsSource",
            "ClientRequestToken",
            "HopDestinations",
            "JobEngineVersion",
            "JobTemplate",
            "Priority",
            "Queue",
            "SimulateReservedQueue",
            "StatusUpdateInterval",
            "Tags",
            "UserMetadata",
        ],
    ),
    api("sagemaker", "createEndpoint", REQUEST, &["EndpointName", "EndpointConfigName"], &["Tags"]),
    api(
        "sagemaker",
        "createEndpointConfig",
        REQUEST,
        &["EndpointConfigName", "ProductionVariants"],
        &["KmsKeyId", "Tags"],
    ),
    api(
        "sagemaker",
        "createHyperParameterTuningJob",
        REQUEST_SYNC,
        &["HyperParameterTuningJobName", "HyperParameterTuningJobConfig"],
        &["Tags", "TrainingJobDefinition", "WarmStartConfig"],
    ),
    api(
        "sagemaker",
        "createLabelingJob",
        REQUEST_SYNC,
        &["LabelingJobName", "LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn", "HumanTaskConfig"],
        &["LabelCategoryConfigS3Uri", "LabelingJobAlgorithmsConfig", "StoppingConditions", "Tags"],
    ),
    api(
        "sagemaker",
        "createModel",
        REQUEST,
        &["ModelName"],
        &["Containers", "EnableNetworkIsolation", "ExecutionRoleArn", "PrimaryContainer", "Tags", "VpcConfig"],
    ),
    api(
        "sagemaker",
        "createProcessingJob",
        REQUEST_SYNC,
        &["ProcessingJobName", "ProcessingResources", "AppSpecification", "RoleArn"],
        &[
            "Environment",
            "ExperimentConfig",
            "NetworkConfig",
            "ProcessingInputs",
            "ProcessingOutputConfig",
            "StoppingCondition",
            "Tags",
        ],
    ),
    api(
        "sagemaker",
        "createTrainingJob",
        REQUEST_SYNC,
        &["TrainingJobName", "RoleArn", "OutputDataConfig"],
        &[
            "AlgorithmSpecification",
            "HyperParameters",
            "InputDataConfig",
            "ResourceConfig",
            "StoppingCondition",
            "Tags",
            "VpcConfig",
        ],
    ),
    api(
        "sagemaker",
        "createTransformJob",
        REQUEST_SYNC,
        &["TransformJobName", "ModelName", "TransformInput", "TransformOutput", "TransformResources"],
        &["BatchStrategy", "Environment", "MaxConcurrentTransforms", "MaxPayloadInMB", "Tags"],
    ),
    api("sagemaker", "updateEndpoint", REQUEST, &["EndpointName", "EndpointConfigName"], &[]),
    api(
        "sns",
        "publish",
        REQUEST_TOKEN,
        &["Message"],
        &[
            "MessageAttributes",
            "MessageStructure",
            "PhoneNumber",
            "Subject",
            "TargetArn",
            "TopicArn",
            "MessageGroupId",
            "MessageDeduplicationId",
        ],
    ),
    api(
        "sqs",
        "sendMessage",
        REQUEST_TOKEN,
        &["QueueUrl", "MessageBody"],
        &["DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId"],
    ),
    api("states", "startExecution", ALL, &["StateMachineArn"], &["Input", "Name"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(OPTIMIZED.is_sorted_by(|a, b| (a.service, a.action) < (b.service, b.action)));
        for api in OPTIMIZED {
            assert_eq!(optimized_api(api.service, api.action), Some(api));
        }
        assert_eq!(optimized_api("dynamodb", "query"), None);
    }

    #[test]
    fn the_apis_of_a_service_are_found_together() {
        let actions: Vec<_> = optimized_service("dynamodb").iter().map(|api| api.action).collect();
        assert_eq!(actions, ["deleteItem", "getItem", "putItem", "updateItem"]);
        assert!(optimized_service("nosuch").is_empty());
    }

    #[test]
    fn a_parameter_is_required_or_optional_and_not_both() {
        for api in OPTIMIZED {
            assert!(api.required.iter().all(|name| !api.optional.contains(name)), "{}:{}", api.service, api.action);
        }
    }
}
