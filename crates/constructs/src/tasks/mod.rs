//! The tasks, one file for each service.

mod dynamodb;
mod lambda;
mod sns;
mod sqs;

pub use dynamodb::{
    DynamoAttributeValue, DynamoConsumedCapacity, DynamoDeleteItem, DynamoGetItem,
    DynamoItemCollectionMetrics, DynamoProjectionExpression, DynamoPutItem, DynamoReturnValues, DynamoUpdateItem,
};
pub use lambda::{FullResponse, LambdaInvocationType, LambdaInvoke, ResponseOnly};
pub use sns::{MessageAttribute, MessageAttributeDataType, SnsPublish};
pub use sqs::SqsSendMessage;
