//! What AWS calls things: ARNs, the resources a Task state can name, the optimized integrations' catalogue.
//!
//! ```
//! use stepwell_aws::{Pattern, Resource};
//!
//! let resource = Resource::parse("arn:aws:states:::sqs:sendMessage.waitForTaskToken")?;
//! assert_eq!(resource.pattern(), Pattern::WaitForTaskToken);
//! assert!(matches!(resource, Resource::Optimized { service: "sqs", api: "sendMessage", .. }));
//! # Ok::<(), stepwell_aws::ResourceError>(())
//! ```

mod arn;
mod optimized;
mod resource;

pub use arn::{Arn, ArnError, LambdaFunctionArn, Place, Qualifier, RoleArn, StatesArn, StatesResource};
pub use optimized::{OPTIMIZED, OptimizedApi, optimized_api, optimized_service};
pub use resource::{Pattern, Resource, ResourceError};
