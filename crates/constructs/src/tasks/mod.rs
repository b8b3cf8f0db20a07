//! The tasks, one module for each service.

mod api_gateway;
mod athena;
mod aws_sdk;
mod batch;
mod bedrock;
mod codebuild;
mod databrew;
mod dynamodb;
mod ecs;
mod eks;
mod emr;
mod emr_cluster;
mod emr_containers;
mod emr_serverless;
mod evaluate;
mod eventbridge;
mod function;
mod glue;
mod http;
mod lambda;
mod media_convert;
mod network;
mod roles;
mod sage_maker;
mod scheduler;
mod sns;
mod sqs;
mod step_functions;

pub use api_gateway::{AuthType, CallApiGatewayHttpApiEndpoint, CallApiGatewayRestApiEndpoint, HttpMethod};
pub use athena::{
    AthenaGetQueryExecution, AthenaGetQueryResults, AthenaStartQueryExecution, AthenaStopQueryExecution,
    EncryptionOption, QueryExecutionContext, ResultConfiguration, ResultLocation,
};
pub use aws_sdk::{CallAwsService, CallAwsServiceCrossRegion};
pub use batch::{BatchContainerOverrides, BatchJobDependency, BatchSubmitJob};
pub use bedrock::{
    BedrockCreateModelCustomizationJob, BedrockInvokeModel, BedrockModelRef, BedrockS3Object, BedrockVpcConfig,
    CustomizationType, DataBucketConfiguration, Guardrail,
};
pub use codebuild::{
    BuildEnvironmentVariable, BuildEnvironmentVariableType, CodeBuildStartBuild, CodeBuildStartBuildBatch, ProjectRef,
};
pub use databrew::GlueDataBrewStartJobRun;
pub use dynamodb::{
    DynamoAttributeValue, DynamoConsumedCapacity, DynamoDeleteItem, DynamoGetItem, DynamoItemCollectionMetrics,
    DynamoProjectionExpression, DynamoPutItem, DynamoReturnValues, DynamoUpdateItem,
};
pub use ecs::{
    CapacityProviderOptions, CapacityProviderStrategyItem, ContainerOverride, EcsClusterRef, EcsEc2LaunchTarget,
    EcsFargateLaunchTarget, EcsLaunchTarget, EcsRunTask, FargatePlatformVersion, NetworkMode, PlacementConstraint,
    PlacementStrategy, PropagatedTagSource, SubnetSelection, TaskDefinitionRef, VpcRef,
};
pub use eks::{EksCall, EksClusterRef};
pub use emr::{
    ActionOnFailure, EmrAddStep, EmrCancelStep, EmrInstanceGroupModifyConfig, EmrInstanceResizePolicy,
    EmrModifyInstanceFleetByName, EmrModifyInstanceGroupByName, EmrSetClusterTerminationProtection, EmrShrinkPolicy,
    EmrTerminateCluster,
};
pub use emr_cluster::{
    CloudWatchAlarmComparisonOperator, CloudWatchAlarmStatistic, CloudWatchAlarmUnit, ComputeLimitsUnitType,
    EbsBlockDeviceVolumeType, EmrApplicationConfig, EmrAutoScalingPolicy, EmrBootstrapActionConfig,
    EmrCloudWatchAlarmDefinition, EmrClusterScaleDownBehavior, EmrConfiguration, EmrCreateCluster,
    EmrEbsBlockDeviceConfig, EmrEbsConfiguration, EmrInstanceFleetConfig, EmrInstanceGroupConfig,
    EmrInstanceTypeConfig, EmrInstancesConfig, EmrKerberosAttributes, EmrLaunchSpecifications,
    EmrManagedScalingComputeLimits, EmrManagedScalingPolicy, EmrMetricDimension, EmrPlacementType, EmrScalingAction,
    EmrScalingRule, EmrSpotSpecification, InstanceMarket, InstanceRoleType, OnDemandAllocationStrategy,
    ScalingAdjustmentType, SpotAllocationStrategy, SpotTimeoutAction,
};
pub use emr_containers::{
    ApplicationConfiguration, Classification, EmrContainersCreateVirtualCluster, EmrContainersDeleteVirtualCluster,
    EmrContainersStartJobRun, Monitoring, ReleaseLabel, SparkSubmitJobDriver,
};
pub use emr_serverless::{
    EmrServerlessCancelJobRun, EmrServerlessCreateApplication, EmrServerlessDeleteApplication,
    EmrServerlessStartApplication, EmrServerlessStartJobRun, EmrServerlessStopApplication,
};
pub use evaluate::EvaluateExpression;
pub use eventbridge::{EventBridgePutEvents, EventBridgePutEventsEntry, EventBusRef};
pub use function::{Architecture, NodeRuntime};
pub use glue::{ExecutionClass, GlueStartCrawlerRun, GlueStartJobRun, WorkerConfiguration, WorkerType};
pub use http::{ConnectionRef, HttpInvoke, UrlEncodingFormat};
pub use lambda::{FullResponse, LambdaInvocationType, LambdaInvoke, ResponseOnly};
pub use media_convert::MediaConvertCreateJob;
pub use sage_maker::{
    AlgorithmSpecification, AssembleWith, BatchStrategy, Channel, CompressionType, ContainerDefinition, DockerImage,
    InputMode, MetricDefinition, Mode, ModelClientOptions, OutputDataConfig, ProductionVariant, RecordWrapperType,
    ResourceConfig, S3DataDistributionType, S3DataType, S3Location, SageMakerCreateEndpoint,
    SageMakerCreateEndpointConfig, SageMakerCreateModel, SageMakerCreateTrainingJob, SageMakerCreateTransformJob,
    SageMakerUpdateEndpoint, SplitType, StoppingCondition, TransformInput, TransformOutput, TransformResources,
    VpcConfig,
};
pub use scheduler::{
    ActionAfterCompletion, Cron, EventBridgeSchedulerCreateScheduleTask, EventBridgeSchedulerTarget, RetryPolicy,
    Schedule, UtcTime,
};
pub use sns::{MessageAttribute, MessageAttributeDataType, SnsPublish};
pub use sqs::SqsSendMessage;
pub use step_functions::{StepFunctionsInvokeActivity, StepFunctionsStartExecution};
