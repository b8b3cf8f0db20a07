//! The states that are no tasks, and what all states have in common.

mod choice;
mod custom;
mod distributed;
mod fork;
mod item_reader;
mod map;
mod result_writer;
mod simple;

pub use choice::{Choice, Condition, ConditionText, Operand, Variable, When};
pub use custom::CustomState;
pub use distributed::{DistributedMap, ItemBatcher};
pub use fork::Parallel;
pub use item_reader::{
    Bucket, CsvDelimiter, CsvHeaders, ItemReader, ItemReaderData, ReaderBucket, S3CsvItemReader, S3JsonItemReader,
    S3JsonLItemReader, S3ManifestItemReader, S3ObjectsItemReader,
};
pub use map::{Map, ProcessorConfig, ProcessorMode, ProcessorType};
pub use result_writer::{OutputType, ResultWriter, ResultWriterV2, Transformation, WriterConfig};
pub use simple::{Fail, FailPath, Pass, Succeed, Wait, WaitTime};

pub(crate) use choice::ConditionData;
pub(crate) use fork::ParallelProps;
pub(crate) use map::{Distributed, MapProps};
pub(crate) use simple::{FailProps, PassProps};

use stepwell_value::Str;

use crate::json::Json;
use crate::path::Path;
use crate::references::RoleRef;
use crate::task::TaskBox;

/// The fields that many kinds of states share; builders offer those that their kind has.
#[derive(Debug, Default)]
pub struct Common {
    pub(crate) state_name: Option<Str>,
    pub(crate) comment: Option<Str>,
    pub(crate) input_path: Option<Json>,
    pub(crate) output_path: Option<Json>,
    pub(crate) result_path: Option<Json>,
    pub(crate) result_selector: Option<Json>,
    pub(crate) assign: Option<Json>,
    pub(crate) output: Option<Json>,
    pub(crate) timeout: Option<Json>,
    pub(crate) heartbeat: Option<Json>,
    pub(crate) credentials: Option<TaskRole>,
}

/// What a state does.
#[derive(Debug)]
pub(crate) enum Body {
    Pass(PassProps),
    Wait(WaitTimeData),
    Choice,
    Succeed,
    Fail(FailProps),
    Parallel(ParallelProps),
    Map(Box<MapProps>),
    Custom(Json),
    Task(TaskBox),
}

pub(crate) use simple::WaitTimeData;

impl Body {
    pub(crate) fn can_continue(&self) -> bool {
        !matches!(self, Body::Choice | Body::Succeed | Body::Fail(_))
    }
}

/// The role that a task assumes instead of the machine's (ASL field `Credentials`).
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let function = FunctionRef::from_arn("arn:aws:lambda:eu-central-1:210987654321:function:price");
/// let role = RoleRef::from_arn("Caller", "arn:aws:iam::210987654321:role/caller");
/// w.add(LambdaInvoke::json_path("Price", &function).credentials(TaskRole::from_role(&role)));
/// ```
#[doc(alias = "Credentials")]
#[derive(Clone, Debug)]
pub struct TaskRole(pub(crate) Json);

impl TaskRole {
    /// A role that is known when the template is deployed.
    #[doc(alias = "TaskRole.fromRole")]
    pub fn from_role(role: &RoleRef) -> TaskRole {
        TaskRole(Json::Cfn(role.arn().clone()))
    }

    /// A role whose ARN is in the input; the machine is allowed to assume any role then.
    #[doc(alias = "TaskRole.fromRoleArnJsonPath")]
    pub fn from_role_arn_path(path: Path) -> TaskRole {
        TaskRole(Json::Path(path))
    }
}

/// Methods that builders share: each arm gives those of one group of fields.
///
/// A builder has a field `common: Common`. Shape `[L]` is a type with the language as its only parameter, shape
/// `[L, P]` one with a second parameter, the integration pattern.
macro_rules! shared_methods {
    ($params:tt $type:ident: $($group:ident)*) => {
        $($crate::state::shared_methods!(@$group $params $type);)*
    };
    (@naming [$($p:ident)?] $type:ident) => {
        impl<L: $crate::Language $(, $p)?> $type<L $(, $p)?> {
            /// The name of the state in the definition, instead of its id.
            #[doc(alias = "stateName")]
            #[must_use]
            pub fn state_name(mut self, name: &str) -> Self {
                self.common.state_name = Some(stepwell_value::Str::from(name));
                self
            }

            /// Free text (ASL field `Comment`).
            #[must_use]
            pub fn comment(mut self, text: &str) -> Self {
                self.common.comment = Some(stepwell_value::Str::from(text));
                self
            }
        }
    };
    (@assign [$($p:ident)?] $type:ident) => {
        impl<L: $crate::Language $(, $p)?> $type<L $(, $p)?> {
            /// Variables that are set when the state has succeeded (ASL field `Assign`).
            #[must_use]
            pub fn assign(mut self, variables: $crate::Obj<L>) -> Self {
                self.common.assign = Some(variables.into_json());
                self
            }
        }
    };
    (@paths [$($p:ident)?] $type:ident) => {
        impl<$($p)?> $type<$crate::JsonPath $(, $p)?> {
            /// What of the input the state sees, or [`DISCARD`](crate::DISCARD) (ASL field `InputPath`).
            #[doc(alias = "inputPath")]
            #[must_use]
            pub fn input_path(mut self, path: impl $crate::IntoReference) -> Self {
                self.common.input_path = Some(path.into_reference().0);
                self
            }

            /// What of the output the next state sees, or [`DISCARD`](crate::DISCARD) (ASL field `OutputPath`).
            #[doc(alias = "outputPath")]
            #[must_use]
            pub fn output_path(mut self, path: impl $crate::IntoReference) -> Self {
                self.common.output_path = Some(path.into_reference().0);
                self
            }
        }
    };
    (@result_path [$($p:ident)?] $type:ident) => {
        impl<$($p)?> $type<$crate::JsonPath $(, $p)?> {
            /// Where in the input the result is put, or [`DISCARD`](crate::DISCARD) (ASL field `ResultPath`).
            #[doc(alias = "resultPath")]
            #[must_use]
            pub fn result_path(mut self, path: impl $crate::IntoReference) -> Self {
                self.common.result_path = Some(path.into_reference().0);
                self
            }
        }
    };
    (@result_selector [$($p:ident)?] $type:ident) => {
        impl<$($p)?> $type<$crate::JsonPath $(, $p)?> {
            /// A new form of the raw result, before `ResultPath` is applied (ASL field `ResultSelector`).
            #[doc(alias = "resultSelector")]
            #[must_use]
            pub fn result_selector(mut self, selector: $crate::Obj<$crate::JsonPath>) -> Self {
                self.common.result_selector = Some(selector.into_json());
                self
            }
        }
    };
    (@outputs [$($p:ident)?] $type:ident) => {
        impl<$($p)?> $type<$crate::Jsonata $(, $p)?> {
            /// The output of the state (ASL field `Output`).
            #[must_use]
            pub fn outputs(mut self, output: impl $crate::IntoField<$crate::Jsonata>) -> Self {
                self.common.output = Some(output.into_field().0);
                self
            }
        }
    };
}

pub(crate) use shared_methods;

/// An enumeration whose values are words of a definition or a template.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* #[doc = concat!("(`", $word, "`)")] $variant,)*
        }

        impl $name {
            /// The word that stands in the definition.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl $crate::json::ToJson for $name {
            fn to_json(&self) -> $crate::json::Json {
                $crate::json::Json::from(self.as_str())
            }
        }

        impl<L> $crate::IntoVal<String, L> for $name {
            fn into_val(self) -> $crate::Val<String, L> {
                $crate::IntoVal::into_val(self.as_str())
            }
        }
    )*};
}

pub(crate) use words;

/// A builder of a state that is no task: the struct, its two constructors and its conversion.
macro_rules! state {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $kind:ident, $props:ty = $make:expr, $body:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<L> {
            id: stepwell_value::Str,
            common: $crate::state::Common,
            props: $props,
            language: std::marker::PhantomData<fn() -> L>,
        }

        const _: () = {
            #[allow(dead_code)]
            type L = $crate::JsonPath;
            impl $name<$crate::JsonPath> {
                /// A state whose query language is JSONPath.
                pub fn json_path(id: &str $(, $argument: $type)*) -> Self {
                    Self::new(id $(, $argument)*)
                }
            }
        };

        const _: () = {
            #[allow(dead_code)]
            type L = $crate::Jsonata;
            impl $name<$crate::Jsonata> {
                /// A state whose query language is JSONata.
                pub fn jsonata(id: &str $(, $argument: $type)*) -> Self {
                    Self::new(id $(, $argument)*)
                }
            }
        };

        impl<L: $crate::Language> $name<L> {
            fn new(id: &str $(, $argument: $type)*) -> Self {
                $name {
                    id: stepwell_value::Str::from(id),
                    common: $crate::state::Common::default(),
                    props: $make,
                    language: std::marker::PhantomData,
                }
            }
        }

        impl<L: $crate::Language> $crate::workflow::State for $name<L> {
            type Language = L;
            type Kind = $crate::workflow::$kind;

            fn into_parts(self) -> $crate::workflow::StateParts {
                $crate::workflow::StateParts {
                    id: self.id,
                    common: self.common,
                    body: $body(self.props),
                    retries: Vec::new(),
                }
            }
        }
    };
}

pub(crate) use state;
