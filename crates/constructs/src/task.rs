//! What every task is made of: patterns, the macros that describe a task once, and what its renderer is given.

use std::fmt::Debug;

use stepwell_value::Str;

use crate::cfn::Cfn;
use crate::error::Stage;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::QueryLanguage;
use crate::metrics::Metrics;
use crate::references::{Grantee, KeyRef};
use crate::retry::Retry;
use crate::stack::{Environment, NewResource, ResourcePolicy};
use crate::state::Common;

/// How a task deals with the service, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrationPattern {
    /// The task is done when the service has answered.
    RequestResponse,
    /// The task is done when the job that it started is.
    RunJob,
    /// The task is done when somebody sends back its token.
    WaitForTaskToken,
}

impl IntegrationPattern {
    /// What the resource of the task ends in.
    fn suffix(self) -> &'static str {
        match self {
            IntegrationPattern::RequestResponse => "",
            IntegrationPattern::RunJob => ".sync",
            IntegrationPattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

/// An integration pattern as a type: [`RequestResponse`], [`RunJob`], [`WaitForTaskToken`].
#[diagnostic::on_unimplemented(
    message = "the task is not complete: `{Self}`",
    note = "say what is sent, by its own method or by `wait_for_task_token(|token| …)`"
)]
pub trait Pattern: 'static {
    /// The pattern as a value.
    const PATTERN: IntegrationPattern;
}

macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl Pattern for $name {
            const PATTERN: IntegrationPattern = IntegrationPattern::$name;
        }
    )*};
}

patterns! {
    /// The task is done when the service has answered.
    RequestResponse;
    /// The task is done when the job that it started is (`.sync`).
    RunJob;
    /// The task is done when somebody sends back its token (`.waitForTaskToken`).
    WaitForTaskToken;
}

/// The task does not say yet what it sends.
#[derive(Clone, Copy, Debug)]
pub enum MessageMissing {}

/// A task with its pattern, ready to be rendered.
#[derive(Debug)]
pub(crate) struct TaskBox {
    pub(crate) task: Box<dyn Task>,
    pub(crate) pattern: IntegrationPattern,
}

/// What is particular to one kind of task.
pub(crate) trait Task: Debug {
    /// Checks the properties, asks for permissions and resources, and gives the state's own fields.
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields;

    /// The retriers that the state has before the user's own.
    fn retries(&self) -> Vec<Retry> {
        Vec::new()
    }
}

/// A task that CloudWatch counts: its builder tells the metrics.
pub(crate) trait HasMetrics {
    fn metrics(&self) -> Metrics;
}

/// The method `metrics` of a task's builder.
macro_rules! has_metrics {
    ($name:ident) => {
        impl<L: $crate::Language, P> $name<L, P> {
            /// The metrics of the task.
            pub fn metrics(&self) -> $crate::Metrics {
                $crate::task::HasMetrics::metrics(&self.props)
            }
        }
    };
}

/// The fields of a Task state that depend on the kind of task.
#[derive(Debug)]
pub(crate) struct TaskFields {
    pub(crate) resource: Cfn,
    /// `Parameters` in a JSONPath state, `Arguments` in a JSONata state.
    pub(crate) parameters: Option<Json>,
    /// The task has a timeout of its own; the state's `TimeoutSeconds` is not rendered.
    pub(crate) own_timeout: bool,
    /// Fields that no other task has.
    pub(crate) extra: Fields,
}

impl TaskFields {
    pub(crate) fn new(resource: Cfn, parameters: impl Into<Json>) -> TaskFields {
        TaskFields { parameters: Some(parameters.into()), ..TaskFields::without_parameters(resource) }
    }

    pub(crate) fn without_parameters(resource: Cfn) -> TaskFields {
        TaskFields { resource, parameters: None, own_timeout: false, extra: Fields::new() }
    }
}

/// What a task is told about where it stands, and whom it tells what it needs.
pub(crate) struct TaskContext<'a> {
    pub(crate) language: QueryLanguage,
    pub(crate) pattern: IntegrationPattern,
    /// The properties that all tasks share.
    pub(crate) common: &'a Common,
    pub(crate) environment: &'a Environment,
    /// The ids from the stack's scope down to the task.
    pub(crate) path: Vec<Str>,
    pub(crate) needs: &'a mut Needs,
    pub(crate) problems: Vec<(Stage, &'static str, String)>,
}

/// What states ask for beside their place in the definition.
#[derive(Default)]
pub(crate) struct Needs {
    /// What the machine must be allowed.
    pub(crate) statements: Vec<Statement>,
    pub(crate) resources: Vec<NewResource>,
    /// What others than the machine must be allowed.
    pub(crate) grants: Vec<(Grantee, Statement)>,
    /// What buckets and log groups must allow.
    pub(crate) resource_grants: Vec<(ResourcePolicy, Statement)>,
    /// What keys of the template must allow.
    pub(crate) key_statements: Vec<(KeyRef, Statement)>,
    pub(crate) warnings: Vec<String>,
}

impl TaskContext<'_> {
    /// The resource of an optimized integration, with the suffix of the pattern: `arn:…:states:::sqs:sendMessage`.
    pub(crate) fn integration(&self, service: &str, api: &str) -> Cfn {
        integration(service, &format!("{api}{}", self.pattern.suffix()))
    }

    /// Asks that the machine may do it.
    pub(crate) fn allow<A: AsRef<str>>(
        &mut self,
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = Cfn>,
    ) {
        self.needs.statements.push(Statement::allow(actions, resources));
    }

    /// Notes what the CDK's constructor of the task would refuse.
    pub(crate) fn refuse(&mut self, code: &'static str, message: impl Into<String>) {
        self.problems.push((Stage::Construct, code, message.into()));
    }

    /// Notes what the CDK refuses when the machine is rendered.
    pub(crate) fn refuse_rendering(&mut self, code: &'static str, message: impl Into<String>) {
        self.problems.push((Stage::Render, code, message.into()));
    }

    /// In the pattern of the token: refuses a payload that does not hold it.
    pub(crate) fn require_token<'j>(
        &mut self,
        payload: impl IntoIterator<Item = &'j Json>,
        code: &'static str,
        message: &str,
    ) {
        let waits = self.pattern == IntegrationPattern::WaitForTaskToken;
        if waits && !payload.into_iter().any(Json::mentions_task_token) {
            self.refuse(code, message);
        }
    }

    /// Asks that the machine may watch the job that it has started, by the rule that the service makes.
    pub(crate) fn allow_managed_rule(&mut self, rule: &str) {
        let rule = self.arn("events", format!("rule/{rule}"));
        self.allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule]);
    }

    /// An ARN of something that the state may only name when it runs: `*` stands for a name that it computes.
    pub(crate) fn arn_of_named(&self, service: &str, before: &str, name: &Json) -> Cfn {
        self.arn(service, Cfn::from(before).then(name.deployed().unwrap_or_else(|| Cfn::from("*"))))
    }

    /// An ARN in the account and region of the stack; `resource` is all that follows the account.
    pub(crate) fn arn(&self, service: &str, resource: impl Into<Cfn>) -> Cfn {
        self.environment.arn(service, resource)
    }
}

/// The resource of an integration without a pattern's suffix.
pub(crate) fn integration(service: &str, api: &str) -> Cfn {
    Cfn::join([Cfn::from("arn:"), Cfn::partition(), Cfn::from(format!(":states:::{service}:{api}"))])
}

/// A struct of properties of which several make one value, such as the override of a container.
pub(crate) trait Record {
    /// The same without its language.
    type Data: Debug;

    fn into_data(self) -> Self::Data;
}

/// Records with names, rendered as an object.
#[derive(Debug)]
pub(crate) struct ByName<T>(pub(crate) Vec<(Str, T)>);

impl<T: ToJson> ToJson for ByName<T> {
    fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(name, record)| (name.clone(), record.to_json())).collect())
    }
}

/// The type of the argument of a setter, by the kind of the property.
macro_rules! argument {
    (text) => { impl $crate::IntoVal<String, L> };
    (texts) => { impl $crate::IntoVal<Vec<String>, L> };
    (int) => { impl $crate::IntoVal<i64, L> };
    (number) => { impl $crate::IntoVal<f64, L> };
    (flag) => { impl $crate::IntoVal<bool, L> };
    (seconds) => { impl $crate::IntoVal<$crate::Seconds, L> };
    (any) => { impl $crate::IntoField<L> };
    (object) => { $crate::Obj<L> };
    ((u32)) => { u32 };
    (($type:ty)) => { impl Into<$type> };
    ([$type:ty]) => { impl IntoIterator<Item = $type> };
    ({$record:ident}) => { $record<L> };
    ({[$record:ident]}) => { impl IntoIterator<Item = $record<L>> };
    ({map $record:ident}) => { impl IntoIterator<Item = (impl Into<String>, $record<L>)> };
}

/// The type that a property is kept as.
macro_rules! stored {
    (($type:ty)) => { $type };
    ([$type:ty]) => { Vec<$type> };
    ({$record:ident}) => { <$record<$crate::JsonPath> as $crate::task::Record>::Data };
    ({[$record:ident]}) => { Vec<<$record<$crate::JsonPath> as $crate::task::Record>::Data> };
    ({map $record:ident}) => {
        $crate::task::ByName<<$record<$crate::JsonPath> as $crate::task::Record>::Data>
    };
    ($kind:ident) => { $crate::json::Json };
}

/// The conversion of the argument to what is kept.
macro_rules! keep {
    (any $value:ident) => {
        $value.into_field().0
    };
    (object $value:ident) => {
        $value.into_json()
    };
    (($type:ty) $value:ident) => {
        $value.into()
    };
    ([$type:ty] $value:ident) => {
        $value.into_iter().collect()
    };
    ({$record:ident} $value:ident) => {
        $crate::task::Record::into_data($value)
    };
    ({[$record:ident]} $value:ident) => {
        $value.into_iter().map($crate::task::Record::into_data).collect()
    };
    ({map $record:ident} $value:ident) => {
        $crate::task::ByName(
            $value
                .into_iter()
                .map(|(name, record)| (stepwell_value::Str::from(name.into()), $crate::task::Record::into_data(record)))
                .collect(),
        )
    };
    ($kind:ident $value:ident) => {
        $value.into_val().0
    };
}

/// Properties as a struct, and those that have a name in the definition as fields, in their order.
macro_rules! properties {
    (
        $name:ident {
            required { $($required:ident: $required_kind:tt $(=> $required_key:literal)?,)* }
            optional { $($optional:ident: $optional_kind:tt $(=> $optional_key:literal)?,)* }
        }
    ) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $required: $crate::task::stored!($required_kind),)*
            $(pub(crate) $optional: Option<$crate::task::stored!($optional_kind)>,)*
        }

        impl $name {
            /// The properties with a name in the definition.
            #[allow(dead_code)]
            pub(crate) fn fields(&self) -> $crate::json::Fields {
                let fields = $crate::json::Fields::new();
                $($(let fields = fields.set($required_key, $crate::json::ToJson::to_json(&self.$required));)?)*
                $($(let fields = fields.set_opt($optional_key, &self.$optional);)?)*
                fields
            }
        }
    };
}

/// The setters of optional properties; `$at` is the path from the builder to them.
macro_rules! setters {
    ([$($p:ident $(: $bound:path)?)?] $name:ident.$at:ident { $($(#[$doc:meta])* $optional:ident: $kind:tt $(=> $key:literal)?,)* }) => {
        impl<L: $crate::Language $(, $p $(: $bound)?)?> $name<L $(, $p)?> {
            $(
                $(#[$doc])*
                $(#[doc = concat!("(Field `", $key, "`.)")])?
                #[must_use]
                pub fn $optional(mut self, value: $crate::task::argument!($kind)) -> Self {
                    self.$at.$optional = Some($crate::task::keep!($kind value));
                    self
                }
            )*
        }
    };
}

/// A struct of properties that make one value.
///
/// `required` properties are the arguments of `new`, `optional` ones have setters. A property with a name (`=> "Name"`)
/// is rendered as that member; the others are for the code that renders the record. The first word after the name says
/// whether the record is rendered by that table alone (`plain`) or by hand (`custom`: implement `ToJson` for its data).
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident($data:ident) $mode:ident {
            required { $($(#[$required_doc:meta])* $required:ident: $required_kind:tt $(=> $required_key:literal)?,)* }
            optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_kind:tt $(=> $optional_key:literal)?,)* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<L> {
            data: $data,
            language: std::marker::PhantomData<fn() -> L>,
        }

        $crate::task::properties! {
            $data {
                required { $($required: $required_kind $(=> $required_key)?,)* }
                optional { $($optional: $optional_kind $(=> $optional_key)?,)* }
            }
        }

        impl<L: $crate::Language> $name<L> {
            /// The value with what it cannot do without.
            ///
            $(
                #[doc = concat!("- `", stringify!($required), "`", $(" (field `", $required_key, "`)",)? ":")]
                $(#[$required_doc])*
            )*
            #[allow(clippy::new_without_default)]
            pub fn new($($required: $crate::task::argument!($required_kind)),*) -> Self {
                let data = $data {
                    $($required: $crate::task::keep!($required_kind $required),)*
                    $($optional: None,)*
                };
                $name { data, language: std::marker::PhantomData }
            }
        }

        $crate::task::setters!([] $name.data { $($(#[$optional_doc])* $optional: $optional_kind $(=> $optional_key)?,)* });

        impl<L> $crate::task::Record for $name<L> {
            type Data = $data;

            fn into_data(self) -> $data {
                self.data
            }
        }

        $crate::task::record!(@$mode $data);
    };
    (@plain $data:ident) => {
        impl $crate::json::ToJson for $data {
            fn to_json(&self) -> $crate::json::Json {
                self.fields().into()
            }
        }
    };
    (@custom $data:ident) => {};
}

/// A task: its builder with two constructors, one setter for each property, its patterns, and all that tasks share.
///
/// The properties are described as in `record!`. The name in parentheses is the struct of the properties; the file
/// implements [`Task`] for it, which is all that is left to write. `patterns` names the pattern that the task has
/// when nothing is said, and the methods that choose another one: `run_job`, `request_response`. A task that can wait
/// for its token says so with `token_in!`. Properties under `kept` have no setter here: the file writes what sets them.
macro_rules! task {
    (
        $(#[$doc:meta])*
        $name:ident($props:ident) {
            patterns { $default:ident $(, $choice:ident)* }
            required { $($(#[$required_doc:meta])* $required:ident: $required_kind:tt $(=> $required_key:literal)?,)* }
            optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_kind:tt $(=> $optional_key:literal)?,)* }
            $(kept { $($kept:ident: $kept_kind:tt $(=> $kept_key:literal)?,)* })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<L, P = $crate::$default> {
            id: stepwell_value::Str,
            pub(crate) common: $crate::state::Common,
            pub(crate) props: $props,
            types: std::marker::PhantomData<fn() -> (L, P)>,
        }

        $crate::task::properties! {
            $props {
                required { $($required: $required_kind $(=> $required_key)?,)* }
                optional {
                    $($optional: $optional_kind $(=> $optional_key)?,)*
                    $($($kept: $kept_kind $(=> $kept_key)?,)*)?
                }
            }
        }

        impl<L: $crate::Language> $name<L, $crate::$default> {
            fn new(id: &str $(, $required: $crate::task::argument!($required_kind))*) -> Self {
                $name {
                    id: stepwell_value::Str::from(id),
                    common: $crate::state::Common::default(),
                    props: $props {
                        $($required: $crate::task::keep!($required_kind $required),)*
                        $($optional: None,)*
                        $($($kept: None,)*)?
                    },
                    types: std::marker::PhantomData,
                }
            }
        }

        $crate::task::constructors!(
            $name, $default, $($(#[$required_doc])* $required: $required_kind $(=> $required_key)?,)*
        );
        $crate::task::setters!([P] $name.props { $($(#[$optional_doc])* $optional: $optional_kind $(=> $optional_key)?,)* });
        $($crate::task::pattern_choice!($choice $name, $default);)*
        $crate::task::task_methods!($name);
    };
}

/// The two constructors of a task, one for each language.
macro_rules! constructors {
    ($name:ident, $default:ident, $($(#[$doc:meta])* $required:ident: $kind:tt $(=> $key:literal)?,)*) => {
        const _: () = {
            type L = $crate::JsonPath;
            impl $name<L, $crate::$default> {
                /// A task whose query language is JSONPath.
                #[doc = concat!("(In the CDK: `", stringify!($name), ".jsonPath`.)")]
                ///
                $(
                    #[doc = concat!("- `", stringify!($required), "`", $(" (field `", $key, "`)",)? ":")]
                    $(#[$doc])*
                )*
                pub fn json_path(id: &str $(, $required: $crate::task::argument!($kind))*) -> Self {
                    Self::new(id $(, $required)*)
                }
            }
        };
        const _: () = {
            type L = $crate::Jsonata;
            impl $name<L, $crate::$default> {
                /// A task whose query language is JSONata.
                #[doc = concat!("(In the CDK: `", stringify!($name), ".jsonata`.)")]
                ///
                $(
                    #[doc = concat!("- `", stringify!($required), "`", $(" (field `", $key, "`)",)? ":")]
                    $(#[$doc])*
                )*
                pub fn jsonata(id: &str $(, $required: $crate::task::argument!($kind))*) -> Self {
                    Self::new(id $(, $required)*)
                }
            }
        };
    };
}

/// A method that chooses an integration pattern.
macro_rules! pattern_choice {
    (run_job $name:ident, $default:ident) => {
        impl<L: $crate::Language> $name<L, $crate::$default> {
            /// Waits until the job that the task starts is done (`IntegrationPattern.RUN_JOB`).
            #[doc(alias = "integrationPattern")]
            #[must_use]
            pub fn run_job(self) -> $name<L, $crate::RunJob> {
                self.with_pattern()
            }
        }
    };
    (request_response $name:ident, $default:ident) => {
        impl<L: $crate::Language> $name<L, $crate::$default> {
            /// Does not wait for the job that the task starts (`IntegrationPattern.REQUEST_RESPONSE`).
            #[doc(alias = "integrationPattern")]
            #[must_use]
            pub fn request_response(self) -> $name<L, $crate::RequestResponse> {
                self.with_pattern()
            }
        }
    };
}

/// The method `wait_for_task_token`: the property that holds the token, and its kind: `any`, `object`, or a list of records.
macro_rules! token_in {
    ($name:ident.$property:ident: any, $default:ident) => {
        impl<L: $crate::Language> $name<L, $crate::$default> {
            /// Waits until somebody sends back the token, which the closure puts into what is sent.
            #[doc = concat!("It is in `", stringify!($property), "` (`IntegrationPattern.WAIT_FOR_TASK_TOKEN`).")]
            #[doc(alias = "integrationPattern")]
            #[must_use]
            pub fn wait_for_task_token<V: $crate::IntoField<L>>(
                mut self,
                payload: impl FnOnce($crate::TaskToken) -> V,
            ) -> $name<L, $crate::WaitForTaskToken> {
                self.props.$property = Some(payload($crate::TaskToken(())).into_field().0);
                self.with_pattern()
            }
        }
    };
    ($name:ident.$property:ident: object, $default:ident) => {
        impl<L: $crate::Language> $name<L, $crate::$default> {
            /// Waits until somebody sends back the token, which the closure puts into what is sent.
            #[doc = concat!("It is in `", stringify!($property), "` (`IntegrationPattern.WAIT_FOR_TASK_TOKEN`).")]
            #[doc(alias = "integrationPattern")]
            #[must_use]
            pub fn wait_for_task_token(
                mut self,
                payload: impl FnOnce($crate::TaskToken) -> $crate::Obj<L>,
            ) -> $name<L, $crate::WaitForTaskToken> {
                self.props.$property = Some(payload($crate::TaskToken(())).into_json());
                self.with_pattern()
            }
        }
    };
    ($name:ident.$property:ident: [$record:ident], $default:ident) => {
        impl<L: $crate::Language> $name<L, $crate::$default> {
            /// Waits until somebody sends back the token, which the closure puts into what is sent.
            #[doc = concat!("It is in `", stringify!($property), "` (`IntegrationPattern.WAIT_FOR_TASK_TOKEN`).")]
            #[doc(alias = "integrationPattern")]
            #[must_use]
            pub fn wait_for_task_token<I: IntoIterator<Item = $record<L>>>(
                mut self,
                payload: impl FnOnce($crate::TaskToken) -> I,
            ) -> $name<L, $crate::WaitForTaskToken> {
                let records = payload($crate::TaskToken(())).into_iter().map($crate::task::Record::into_data).collect();
                self.props.$property = Some(records);
                self.with_pattern()
            }
        }
    };
}

/// The message of a task that cannot do without: until it is said, the task is no state and does not compile as one.
///
/// It is said by a method of the property's name, or by `wait_for_task_token`. The task's `patterns` begin with
/// `MessageMissing`, and the property is `kept`.
macro_rules! message_in {
    ($name:ident.$property:ident, $(#[$doc:meta])*) => {
        impl<L: $crate::Language> $name<L, $crate::MessageMissing> {
            $(#[$doc])*
            #[must_use]
            pub fn $property(mut self, message: impl $crate::IntoField<L>) -> $name<L, $crate::RequestResponse> {
                self.props.$property = Some(message.into_field().0);
                self.with_pattern()
            }
        }

        $crate::task::token_in!($name.$property: any, MessageMissing);
    };
}

/// All that tasks share: the change of a pattern, the properties of every task, the conversion to a state.
macro_rules! task_methods {
    ($name:ident) => {
        impl<L: $crate::Language, P> $name<L, P> {
            #[allow(dead_code)]
            fn with_pattern<Q>(self) -> $name<L, Q> {
                $name { id: self.id, common: self.common, props: self.props, types: std::marker::PhantomData }
            }

            /// The longest time that the task may take, in whole seconds (ASL fields `TimeoutSeconds`, `TimeoutSecondsPath`).
            #[doc(alias = "taskTimeout")]
            #[must_use]
            pub fn timeout(mut self, timeout: impl $crate::IntoVal<$crate::Seconds, L>) -> Self {
                self.common.timeout = Some(timeout.into_val().0);
                self
            }

            /// The longest time between two heartbeats, in whole seconds (ASL fields `HeartbeatSeconds`, `HeartbeatSecondsPath`).
            #[doc(alias = "heartbeatTimeout")]
            #[must_use]
            pub fn heartbeat(mut self, heartbeat: impl $crate::IntoVal<$crate::Seconds, L>) -> Self {
                self.common.heartbeat = Some(heartbeat.into_val().0);
                self
            }

            /// The role that the task assumes, of another account perhaps (ASL field `Credentials`).
            #[must_use]
            pub fn credentials(mut self, role: $crate::TaskRole) -> Self {
                self.common.credentials = Some(role);
                self
            }
        }

        $crate::state::shared_methods!([P] $name: naming assign paths result_path result_selector outputs);

        impl<L: $crate::Language, P: $crate::Pattern> $crate::workflow::State for $name<L, P> {
            type Language = L;
            type Kind = $crate::Work;

            fn into_parts(self) -> $crate::workflow::StateParts {
                $crate::workflow::StateParts {
                    id: self.id,
                    retries: $crate::task::Task::retries(&self.props),
                    common: self.common,
                    body: $crate::state::Body::Task($crate::task::TaskBox {
                        task: Box::new(self.props),
                        pattern: P::PATTERN,
                    }),
                }
            }
        }
    };
}

pub(crate) use {
    argument, constructors, has_metrics, keep, message_in, pattern_choice, properties, record, setters, stored, task,
    task_methods, token_in,
};
