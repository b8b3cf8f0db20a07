//! The tasks: one file for each service, one line for each property.
#![allow(unused_variables, clippy::only_used_in_recursion, reason = "the functions of a table have one shape")]

mod athena;
mod bedrock;
mod calls;
mod dynamodb;
mod ecs;
mod emr;
mod emr_containers;
mod events;
mod glue;
mod jobs;
mod lambda;
mod messages;
mod sage_maker;
pub mod step_functions;

use super::case::Cx;
use super::states::{AnyNode, Input};
use super::{Answer, unknown};

impl Cx {
    /// Makes a task.
    pub fn task(&self, construct: &str, input: &mut Input) -> Answer<AnyNode> {
        let services = [
            athena::task,
            bedrock::task,
            calls::task,
            dynamodb::task,
            ecs::task,
            emr::task,
            emr_containers::task,
            events::task,
            glue::task,
            jobs::task,
            lambda::task,
            messages::task,
            sage_maker::task,
            step_functions::task,
        ];
        services.iter().find_map(|service| service(self, construct, input)).unwrap_or_else(|| unknown(construct))
    }
}

/// The value of a property, by its kind.
macro_rules! kind {
    (field $cx:ident $v:ident) => {
        $crate::adapter::convert::field::<L>(&$v)?
    };
    (object $cx:ident $v:ident) => {
        $crate::adapter::convert::obj::<L>(&$v)?
    };
    (text $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<String, L>(&$v)?
    };
    (texts $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<Vec<String>, L>(&$v)?
    };
    (int $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<i64, L>(&$v)?
    };
    (number $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<f64, L>(&$v)?
    };
    (flag $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<bool, L>(&$v)?
    };
    (seconds $cx:ident $v:ident) => {
        $crate::adapter::convert::val::<stepwell_constructs::Seconds, L>(&$v)?
    };
    (cfn $cx:ident $v:ident) => {
        $crate::adapter::convert::cfn(&$v)?
    };
    (bool $cx:ident $v:ident) => {
        $v.bool()?
    };
    (duration $cx:ident $v:ident) => {
        $v.duration()?
    };
    // A function of the context and the value.
    (($function:path) $cx:ident $v:ident) => {
        $function($cx, &$v)?
    };
    // The same, for one language.
    ({$function:ident} $cx:ident $v:ident) => {
        $function::<L>($cx, &$v)?
    };
    // A function of the word of a constant.
    ([$function:path] $cx:ident $v:ident) => {
        $function($v.word()?)?
    };
}
pub(crate) use kind;

/// A task: its constructor with its required arguments, its properties, and its patterns.
///
/// `adapt!(cx, input, SqsSendMessage(&queue) { "delaySeconds" => delay: seconds } patterns "REQUEST_RESPONSE")`; after
/// the pattern that is meant when nothing is said follow the others: `"RUN_JOB" => run_job`, and after `token` the
/// property that the closure of `wait_for_task_token` gives, and after `;` what is noted of the builder:
/// `built => cx.note_metrics(&id, built.metrics())`.
macro_rules! adapt {
    ($cx:ident, $input:ident, $name:ident($($argument:expr),*) { $($prop:literal => $method:ident: $kind:tt,)* }
     patterns $default:literal $(, $word:literal => $choice:ident)* $(, token $token:literal: $token_kind:tt)? $(; $built:ident => $note:expr)?) => {
        match $input.language {
            stepwell_constructs::QueryLanguage::JsonPath => {
                #[allow(dead_code)]
                type L = stepwell_constructs::JsonPath;
                $crate::adapter::tasks::adapt!(@one json_path $cx $input $name($($argument),*) { $($prop => $method: $kind,)* }
                    $default $(, $word => $choice)* $(, token $token: $token_kind)? $(; $built => $note)?)
            }
            stepwell_constructs::QueryLanguage::Jsonata => {
                #[allow(dead_code)]
                type L = stepwell_constructs::Jsonata;
                $crate::adapter::tasks::adapt!(@one jsonata $cx $input $name($($argument),*) { $($prop => $method: $kind,)* }
                    $default $(, $word => $choice)* $(, token $token: $token_kind)? $(; $built => $note)?)
            }
        }
    };
    // A task that is complete when its message is said.
    ($cx:ident, $input:ident, $name:ident($($argument:expr),*) { $($prop:literal => $method:ident: $kind:tt,)* }
     message $say:ident = $message:ident) => {
        match $input.language {
            stepwell_constructs::QueryLanguage::JsonPath => {
                #[allow(dead_code)]
                type L = stepwell_constructs::JsonPath;
                $crate::adapter::tasks::adapt!(@message json_path $cx $input $name($($argument),*) { $($prop => $method: $kind,)* }
                    $say = $message)
            }
            stepwell_constructs::QueryLanguage::Jsonata => {
                #[allow(dead_code)]
                type L = stepwell_constructs::Jsonata;
                $crate::adapter::tasks::adapt!(@message jsonata $cx $input $name($($argument),*) { $($prop => $method: $kind,)* }
                    $say = $message)
            }
        }
    };
    (@message $new:ident $cx:ident $input:ident $name:ident($($argument:expr),*) { $($prop:literal => $method:ident: $kind:tt,)* }
     $say:ident = $message:ident) => {{
        let mut b = $name::$new(&$input.id $(, $argument)*);
        $(
            if let Some(v) = $input.props.take($prop) {
                b = b.$method($crate::adapter::tasks::kind!($kind $cx v));
            }
        )*
        $crate::adapter::tasks::task_props!($new b $cx $input);
        $crate::adapter::states::finish($input, stringify!($name))?;
        let message = $crate::adapter::convert::field::<L>(&$message)?;
        match $input.pattern.take().as_deref() {
            None | Some("REQUEST_RESPONSE") => $cx.add(b.$say(message)),
            Some("WAIT_FOR_TASK_TOKEN") => $cx.add(b.wait_for_task_token(|_token| message)),
            Some(_) => Err($crate::adapter::Stop::NotExpressible("unsupported_pattern.rs")),
        }
    }};
    (@one $new:ident $cx:ident $input:ident $name:ident($($argument:expr),*) { $($prop:literal => $method:ident: $kind:tt,)* }
     $default:literal $(, $word:literal => $choice:ident)* $(, token $token:literal: $token_kind:tt)? $(; $built:ident => $note:expr)?) => {{
        let pattern = $input.pattern.take();
        let pattern = pattern.as_deref();
        $(
            let payload = match pattern {
                Some("WAIT_FOR_TASK_TOKEN") => match $input.props.take($token) {
                    Some(v) => Some($crate::adapter::tasks::kind!($token_kind $cx v)),
                    None => return Err($crate::adapter::Stop::NotExpressible("token_without_payload.rs")),
                },
                _ => None,
            };
        )?
        #[allow(unused_mut)]
        let mut b = $name::$new(&$input.id $(, $argument)*);
        $(
            if let Some(v) = $input.props.take($prop) {
                b = b.$method($crate::adapter::tasks::kind!($kind $cx v));
            }
        )*
        $crate::adapter::tasks::task_props!($new b $cx $input);
        $crate::adapter::states::finish($input, stringify!($name))?;
        $({
            let $built = &b;
            $note;
        })?
        if pattern.is_none() || pattern == Some($default) {
            return $cx.add(b);
        }
        $(
            if pattern == Some($word) {
                return $cx.add(b.$choice());
            }
        )*
        $(
            // The names of the macro's arguments tell that the task can wait for a token.
            let _ = $token;
            if let Some(payload) = payload {
                return $cx.add(b.wait_for_task_token(|_token| payload));
            }
        )?
        Err($crate::adapter::Stop::NotExpressible("unsupported_pattern.rs"))
    }};
}
pub(crate) use adapt;

/// The properties that all tasks share.
macro_rules! task_props {
    ($new:ident $b:ident $cx:ident $input:ident) => {
        $crate::adapter::states::shared!($new $b $input.props; naming assign paths result_path result_selector outputs);
        for name in ["timeout", "taskTimeout"] {
            if let Some(v) = $input.props.take(name) {
                $b = $b.timeout($crate::adapter::convert::timeout::<L>(&v)?);
            }
        }
        for name in ["heartbeat", "heartbeatTimeout"] {
            if let Some(v) = $input.props.take(name) {
                $b = $b.heartbeat($crate::adapter::convert::timeout::<L>(&v)?);
            }
        }
        if let Some(v) = $input.props.take("credentials") {
            $b = $b.credentials($crate::adapter::refs::task_role($cx, &v)?);
        }
    };
}
pub(crate) use task_props;
