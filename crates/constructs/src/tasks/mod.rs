//! The tasks, one file for each service.

mod api_gateway;
mod athena;
mod aws_sdk;
mod evaluate;
mod function;
mod glue;
mod http;
mod lambda;
mod media_convert;
mod sage_maker;
mod sns;
mod sqs;
mod step_functions;

pub use api_gateway::{AuthType, CallApiGatewayHttpApiEndpoint, CallApiGatewayRestApiEndpoint, HttpMethod};
pub use athena::{
    AthenaGetQueryExecution, AthenaGetQueryResults, AthenaStartQueryExecution, AthenaStopQueryExecution,
    EncryptionOption, QueryExecutionContext, ResultConfiguration, ResultLocation,
};
pub use aws_sdk::{CallAwsService, CallAwsServiceCrossRegion};
pub use evaluate::EvaluateExpression;
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
pub use sns::{MessageAttribute, MessageAttributeDataType, SnsPublish};
pub use sqs::SqsSendMessage;
pub use step_functions::{StepFunctionsInvokeActivity, StepFunctionsStartExecution};
