//! Paths into the state's input, the context object and variables (JSONPath), and expressions (JSONata).

use std::sync::Arc;

use stepwell_value::{Str, Value};

use crate::error::Problem;
use crate::json::Json;

/// Where a value of a JSONPath state comes from: a path such as `$.order.id`, or a call of an intrinsic function.
///
/// It stands for a whole value: it cannot be part of a longer string (use [`intrinsic::format`](crate::intrinsic::format)),
/// nor an item of an array (use [`intrinsic::array`](crate::intrinsic::array)).
#[derive(Clone, Debug)]
pub struct Path {
    text: Str,
    problem: Option<Arc<Problem>>,
}

/// A value from the input (`$.…`), the context object (`$$.…`) or a variable (`$name`) of a JSONPath state.
///
/// ```
/// use stepwell_constructs::{JsonPath, Obj, obj, path};
///
/// let parameters: Obj<JsonPath> = obj!({ "order": path("$.order"), "started": path("$$.Execution.StartTime") });
/// ```
#[doc(alias = "JsonPath.stringAt")]
#[doc(alias = "JsonPath.numberAt")]
#[doc(alias = "JsonPath.objectAt")]
#[doc(alias = "TaskInput.fromJsonPathAt")]
pub fn path(text: impl AsRef<str>) -> Path {
    let text = text.as_ref();
    let fine = text.starts_with('$') || FUNCTIONS.iter().any(|function| text.starts_with(function));
    let problem = (!fine).then(|| {
        Problem::new(
            "InvalidJsonPathValue",
            format!(
                "JSON path values must be exactly '$', '$$', start with '$', start with '$$.', start with '$[', or start with an intrinsic function: {}, or {}. Received: {text}",
                FUNCTIONS[..FUNCTIONS.len() - 1].join(", "),
                FUNCTIONS[FUNCTIONS.len() - 1],
            ),
        )
    });
    Path { text: Str::from(text), problem }
}

/// A list from the input, the context object or a variable of a JSONPath state: a path, no call.
#[doc(alias = "JsonPath.listAt")]
pub fn list_path(text: impl AsRef<str>) -> Path {
    let text = text.as_ref();
    let problem = (!text.starts_with('$')).then(|| {
        Problem::new(
            "InvalidDataJsonPathValue",
            "Data JSON path values must either be exactly equal to '$', start with '$[' or start with '$'",
        )
    });
    Path { text: Str::from(text), problem }
}

/// The intrinsic functions, in the order of the CDK's messages.
pub(crate) const FUNCTIONS: [&str; 18] = [
    "States.Array",
    "States.ArrayPartition",
    "States.ArrayContains",
    "States.ArrayRange",
    "States.ArrayGetItem",
    "States.ArrayLength",
    "States.ArrayUnique",
    "States.Base64Encode",
    "States.Base64Decode",
    "States.Hash",
    "States.JsonMerge",
    "States.StringToJson",
    "States.JsonToString",
    "States.MathRandom",
    "States.MathAdd",
    "States.StringSplit",
    "States.UUID",
    "States.Format",
];

impl Path {
    pub(crate) fn call(text: String, problem: Option<Arc<Problem>>) -> Path {
        Path { text: Str::from(text), problem }
    }

    /// The text of the path or call, as it stands in a definition.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn problem(&self) -> Option<&Arc<Problem>> {
        self.problem.as_ref()
    }

    pub(crate) fn to_json(&self) -> Json {
        match &self.problem {
            Some(problem) => Json::Invalid(problem.clone()),
            None => Json::Value(Value::from(self.text.clone())),
        }
    }

    /// `$$.Task.Token`, `$$.Task` or `$$`, also as an argument of a function.
    pub(crate) fn mentions_task_token(&self) -> bool {
        context_paths(&self.text).any(|path| matches!(path, "$$" | "$$.Task" | "$$.Task.Token"))
    }
}

/// The paths in a path or call: itself, or the arguments of the call that are paths.
pub(crate) fn paths_in(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut current = String::new();
    let (mut quote, mut brackets, mut parens) = (false, 0_u32, 0_u32);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let in_path = !current.is_empty();
        match c {
            '\\' if quote => {
                let escaped = chars.next();
                if in_path {
                    current.push(c);
                    current.extend(escaped);
                }
                continue;
            }
            '\'' => quote = !quote,
            '[' if !quote => brackets += 1,
            ']' if !quote => brackets = brackets.saturating_sub(1),
            '(' if !quote && in_path => parens += 1,
            ')' if !quote && in_path && parens > 0 => parens -= 1,
            ',' | ')' if !quote && brackets == 0 && in_path => {
                paths.push(std::mem::take(&mut current).trim_end().to_owned());
                continue;
            }
            '$' if !quote && !in_path => {
                current.push(c);
                continue;
            }
            _ => {}
        }
        if in_path {
            current.push(c);
        }
    }
    if !current.is_empty() {
        paths.push(current.trim_end().to_owned());
    }
    paths
}

/// The paths into the context object in a path or call.
fn context_paths(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("$$").map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find([',', ')', ' ']).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Where a state takes its input from or puts its result: a path, or nowhere ([`DISCARD`]).
pub trait IntoReference {
    #[doc(hidden)]
    fn into_reference(self) -> Reference;
}

/// A checked value of `InputPath`, `OutputPath`, `ResultPath`, `ItemsPath`.
#[derive(Clone, Debug)]
pub struct Reference(pub(crate) Json);

/// Throws the value away: `null` as `InputPath`, `OutputPath` or `ResultPath`.
#[doc(alias = "JsonPath.DISCARD")]
pub const DISCARD: Discard = Discard(());

/// The type of [`DISCARD`].
#[derive(Clone, Copy, Debug)]
pub struct Discard(());

impl IntoReference for Discard {
    fn into_reference(self) -> Reference {
        Reference(Json::NULL)
    }
}

impl IntoReference for &str {
    fn into_reference(self) -> Reference {
        Reference(match self.starts_with('$') {
            true => Json::from(self),
            false => {
                Json::invalid("InvalidJsonPathStart", format!("Expected JSON path to start with '$', got: {self}"))
            }
        })
    }
}

impl IntoReference for String {
    fn into_reference(self) -> Reference {
        self.as_str().into_reference()
    }
}

impl IntoReference for Path {
    fn into_reference(self) -> Reference {
        match self.problem {
            None => self.text.as_str().into_reference(),
            Some(problem) => Reference(Json::Invalid(problem)),
        }
    }
}

/// A JSONata expression, `{% … %}`.
#[derive(Clone, Debug)]
pub struct Expr(pub(crate) Str);

/// The value of an expression in a JSONata state; the text is given without or with its `{%` and `%}`.
///
/// ```
/// use stepwell_constructs::{Jsonata, Obj, jsonata, obj};
///
/// let arguments: Obj<Jsonata> = obj!({ "total": jsonata("$sum($states.input.items.price)") });
/// ```
pub fn jsonata(text: impl AsRef<str>) -> Expr {
    let text = text.as_ref();
    Expr(if crate::json::is_expression(text) { Str::from(text) } else { Str::from(format!("{{% {text} %}}")) })
}

impl Expr {
    /// The expression as it stands in a definition, with `{%` and `%}`.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The token by which somebody outside says that the task is done; handed out by `wait_for_task_token`.
#[doc(alias = "JsonPath.taskToken")]
#[derive(Clone, Copy, Debug)]
pub struct TaskToken(pub(crate) ());

impl TaskToken {
    /// The token as a path, for an argument of an intrinsic function.
    pub fn path(self) -> Path {
        path("$$.Task.Token")
    }
}
