//! The tasks, one file for each service.

mod lambda;

pub use lambda::{FullResponse, LambdaInvocationType, LambdaInvoke, ResponseOnly};
