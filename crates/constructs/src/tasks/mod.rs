//! The tasks, one file for each service.

mod lambda;
mod sns;
mod sqs;

pub use lambda::{FullResponse, LambdaInvocationType, LambdaInvoke, ResponseOnly};
pub use sns::{MessageAttribute, MessageAttributeDataType, SnsPublish};
pub use sqs::SqsSendMessage;
