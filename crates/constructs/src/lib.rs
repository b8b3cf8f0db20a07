//! Step Functions workflows in typed Rust.
//!
//! States and tasks are written as values; from the same code come the Amazon States Language definition, the policy
//! statements that the role of the machine needs and no more, and a CloudFormation template. Whoever knows the AWS
//! CDK finds its names again, in Rust's spelling; whatever the CDK finds at run time and a type can say does not
//! compile here: an expression in a JSONPath state, a pattern that a service does not have, a state after the last.
//!
//! ```
//! use stepwell_constructs::*;
//!
//! let stack = Stack::new("Orders");
//! let price = FunctionRef::from_logical_id("PriceFunction");
//!
//! let w = Workflow::new();
//! let quote = w.add(LambdaInvoke::json_path("Quote", &price)
//!     .payload(obj!({ "order": path("$.order") }))
//!     .result_path("$.quote"));
//! let done = w.add(Succeed::json_path("Done"));
//!
//! let machine = stack.add(StateMachine::new("Machine", quote.next(&done)))?;
//! println!("{}", machine.definition());
//! println!("{}", stack.template());
//! # Ok::<(), BuildErrors>(())
//! ```
//!
//! # Where to look
//!
//! | module | what is in it |
//! |---|---|
//! | `workflow` | [`Workflow`], [`Node`]: states, chains, fragments and the transitions between them |
//! | `state` | Pass, Wait, Choice, Succeed, Fail, Parallel, Map, DistributedMap, CustomState |
//! | `tasks` | one module for each service; it holds what is particular to its tasks |
//! | `task` | what all tasks share: patterns, and the macros that describe a task once |
//! | `field`, `path`, [`intrinsic`] | values: [`obj!`], [`path()`], [`jsonata()`], and what may stand where |
//! | `language` | the two query languages as types |
//! | `machine`, `activity`, `stack`, `iam`, `yaml` | [`StateMachine`], [`Activity`], [`Stack`], roles, policies, the template as JSON and YAML |
//! | `references` | resources that others declare |
//! | `graph`, `render` | what a workflow is kept as, and the way from there to the definition |

mod activity;
mod cfn;
mod compat;
mod error;
mod field;
mod graph;
mod iam;
pub mod intrinsic;
mod json;
mod language;
mod machine;
mod metrics;
mod path;
mod references;
mod render;
mod retry;
mod stack;
mod state;
mod task;
mod tasks;
mod workflow;
mod yaml;

pub use activity::{Activity, ActivityRef};
pub use cfn::Cfn;
pub use compat::Compat;
pub use error::{BuildError, BuildErrors, Stage};
pub use field::{Field, IntoField, IntoItem, IntoVal, Items, Null, Obj, Seconds, Val};
pub use graph::NESTING_MAX;
pub use iam::Statement;
pub use language::{JsonPath, Jsonata, Language, Plain, QueryLanguage};
pub use machine::{
    Alias, EncryptionConfiguration, Grants, LogLevel, Logs, Machine, RemovalPolicy, StateMachine, StateMachineType,
    Version,
};
pub use metrics::{MachineMetrics, Metric, Metrics, StateTransitionMetric};
pub use path::{DISCARD, Discard, Expr, IntoReference, Path, Reference, TaskToken, jsonata, list_path, path};
pub use references::{
    BucketRef, FunctionRef, Grantee, IntoGrantee, KeyRef, LogGroupRef, QueueRef, RoleRef, StateMachineRef, TableRef,
    TopicRef,
};
pub use retry::{Catch, JitterType, Retry, errors};
pub use stack::{Environment, Stack, logical_id};
pub use state::*;
pub use task::{IntegrationPattern, MessageMissing, Pattern, RequestResponse, RunJob, WaitForTaskToken};
pub use tasks::*;
pub use workflow::{
    Afterwards, Branches, Catchers, Chainable, Closed, Continues, Decision, Fails, Fragment, Iteration, Kind, Node,
    Open, State, StateParts, Work, Workflow,
};

/// JSON values and their texts, as definitions and templates are given: the crate `stepwell-value`.
pub use stepwell_value as value;
