//! The tasks, one file for each service.

mod api_gateway;
mod athena;
mod aws_sdk;
mod dynamodb;
mod glue;
mod http;
mod lambda;
mod media_convert;
mod sns;
mod sqs;
mod step_functions;

pub use api_gateway::{AuthType, CallApiGatewayHttpApiEndpoint, CallApiGatewayRestApiEndpoint, HttpMethod};
pub use athena::{
    AthenaGetQueryExecution, AthenaGetQueryResults, AthenaStartQueryExecution, AthenaStopQueryExecution,
    EncryptionOption, QueryExecutionContext, ResultConfiguration, ResultLocation,
};
pub use aws_sdk::CallAwsService;
pub use dynamodb::{
    DynamoAttributeValue, DynamoConsumedCapacity, DynamoDeleteItem, DynamoGetItem, DynamoItemCollectionMetrics,
    DynamoProjectionExpression, DynamoPutItem, DynamoReturnValues, DynamoUpdateItem,
};
pub use glue::{ExecutionClass, GlueStartCrawlerRun, GlueStartJobRun, WorkerConfiguration, WorkerType};
pub use http::{ConnectionRef, HttpInvoke, UrlEncodingFormat};
pub use lambda::{FullResponse, LambdaInvocationType, LambdaInvoke, ResponseOnly};
pub use media_convert::MediaConvertCreateJob;
pub use sns::{MessageAttribute, MessageAttributeDataType, SnsPublish};
pub use sqs::SqsSendMessage;
pub use step_functions::{StepFunctionsInvokeActivity, StepFunctionsStartExecution};
