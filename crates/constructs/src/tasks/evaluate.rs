//! Expressions of JavaScript: EvaluateExpression.

use stepwell_value::Str;

use super::function::{Architecture, NewFunction, NodeRuntime};
use crate::json::Json;
use crate::task::{Task, TaskContext, TaskFields, task};
use crate::{QueryLanguage, path};

task! {
    /// Evaluates an expression of JavaScript, in a function that the template makes for it.
    ///
    /// Paths such as `$.a.b[0]` in the expression stand for values of the state's input; in template literals they are
    /// written in `${…}`. The result is that of the task.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EvaluateExpression::json_path("Seconds", "$.millis / 1000").result_path("$.seconds"));
    /// w.add(EvaluateExpression::json_path("Say", "`${$.seconds} seconds`").runtime(NodeRuntime::Nodejs22));
    /// ```
    EvaluateExpression(EvaluateExpressionProps) {
        patterns { RequestResponse }
        required {
            /// The expression in JavaScript; `$.…` in it are paths.
            expression: text => "expression",
        }
        optional {
            /// The runtime of the function; the newest if nothing is said.
            runtime: (NodeRuntime),
            /// The processors that the function runs on.
            architecture: (Architecture),
        }
    }
}

/// The code of the function.
const CODE: &str = include_str!("functions/evaluate.js");

/// The CDK's name for the function that tasks share when none has its own.
const SHARED: &str = "Eval41256dc5445742738ed917bc818694e5";

/// The CDK's name for the role that all functions share.
const SHARED_ROLE: &str = "EvalServiceRolef4f556a4ef7a49cd8036c5b0567376fd";

impl Task for EvaluateExpressionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let paths = self.expression.literal().map(paths_of).unwrap_or_default();
        self.refuse_literal_paths(cx);
        let values: Vec<(Str, Json)> = paths
            .into_iter()
            .map(|path| {
                let value = value_at(&path, cx.language);
                (Str::from(path), value)
            })
            .collect();
        let function = self.function(cx);
        let fields = self.fields().set("expressionAttributeValues", Json::Object(values));
        TaskFields::new(function, fields)
    }
}

impl EvaluateExpressionProps {
    fn function(&self, cx: &mut TaskContext<'_>) -> crate::Cfn {
        let dedicated = cx.environment.compat.evaluate_expression_dedicated_function;
        let runtime = self.runtime.unwrap_or(NodeRuntime::LATEST);
        let (path, role) = if dedicated {
            let path = cx.path.iter().cloned().chain([Str::from("EvalFunction")]).collect();
            (path, vec![Str::from(SHARED_ROLE)])
        } else {
            cx.needs.warnings.push(SHARED_WARNING.to_owned());
            let shared = Str::from(shared_id(runtime, self.architecture));
            (vec![shared.clone()], vec![shared, Str::from("ServiceRole")])
        };
        let architecture = self.architecture;
        let function = NewFunction {
            path: &path,
            role: &role,
            code: CODE,
            runtime,
            architecture,
            timeout_s: None,
            statements: vec![],
        };
        function.make_invocable(cx)
    }

    /// A path in a plain string, or in the text of a template literal, is no value.
    fn refuse_literal_paths(&self, cx: &mut TaskContext<'_>) {
        const CODE: &str = "ExpressionPathInStringLiteral";
        let Some(expression) = self.expression.literal() else { return };
        let found = literal_text(expression);
        let list = |paths: &[String]| {
            let paths: stepwell_value::Value =
                paths.iter().map(|path| stepwell_value::Value::from(path.as_str())).collect();
            paths.to_string()
        };
        if let Some(first) = found.in_strings.first() {
            let paths = list(&found.in_strings);
            cx.refuse(CODE, format!("state path(s) {paths} are used as literal text inside a plain string in the EvaluateExpression 'expression'; a path inside a plain string used to be resolved but is no longer resolved - use a template literal with interpolation instead, e.g. `...${{{first}}}...`"));
        }
        if let Some(first) = found.in_templates.first() {
            let paths = list(&found.in_templates);
            cx.refuse(CODE, format!("state path(s) {paths} are used as literal text inside a template literal in the EvaluateExpression 'expression'; a path in template text used to be resolved but is no longer resolved - reference it via interpolation like ${{{first}}} instead"));
        }
    }
}

const SHARED_WARNING: &str = "The feature flag '@aws-cdk/aws-stepfunctions-tasks:evaluateExpressionDedicatedFunction' is disabled, so EvaluateExpression tasks in this stack that use the same runtime and architecture share one Lambda function, including tasks in different state machines. Remove the flag or set it to true to give each task its own function. [ack: @aws-cdk/aws-stepfunctions-tasks:evaluateExpressionSharedFunction]";

/// The id of the function that tasks of a runtime and architecture share.
fn shared_id(runtime: NodeRuntime, architecture: Option<Architecture>) -> String {
    let runtime = if runtime == NodeRuntime::LATEST { "" } else { runtime.as_str() };
    let architecture = architecture.filter(|architecture| *architecture != Architecture::X86_64);
    format!("{SHARED}{runtime}{}", architecture.map_or("", Architecture::as_str))
}

/// The paths in the text, each once.
fn paths_of(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at..];
        let Some(length) = path_length(rest) else {
            rest = &rest[1..];
            continue;
        };
        let path = &rest[..length];
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
        rest = &rest[length..];
    }
    paths
}

/// How long the path is that the text begins with: `$` or `$$`, then `.` or `[`, then at least one more character.
fn path_length(text: &str) -> Option<usize> {
    let dollars = if text.starts_with("$$") { 2 } else { 1 };
    let tail = &text[dollars..];
    if !tail.starts_with(['.', '[']) {
        return None;
    }
    let of_path = |c: char| c.is_ascii_alphanumeric() || ".[]-_".contains(c);
    let length = tail[1..].find(|c| !of_path(c)).unwrap_or(tail.len() - 1);
    (length > 0).then_some(dollars + 1 + length)
}

/// The value of a path as an attribute of the function's input.
fn value_at(text: &str, language: QueryLanguage) -> Json {
    match language {
        QueryLanguage::JsonPath => Json::Path(path(text)),
        QueryLanguage::Jsonata => {
            let (root, members) = match text.strip_prefix("$$") {
                Some(members) => ("$states.context", members),
                None => ("$states.input", &text[1..]),
            };
            Json::Value(format!("{{% {root}{} %}}", quoted_members(members)).into())
        }
    }
}

/// `.a.b-c[0]` with names in backticks where JSONata needs them.
fn quoted_members(members: &str) -> String {
    members
        .split('.')
        .enumerate()
        .map(|(index, member)| {
            let (name, indexes) = member.split_at(member.find('[').unwrap_or(member.len()));
            let dot = if index == 0 { "" } else { "." };
            match name.contains('-') {
                true => format!("{dot}`{name}`{indexes}"),
                false => format!("{dot}{name}{indexes}"),
            }
        })
        .collect()
}

/// Paths that are text and no values.
#[derive(Default)]
struct LiteralText {
    in_strings: Vec<String>,
    in_templates: Vec<String>,
}

fn literal_text(expression: &str) -> LiteralText {
    let mut found = LiteralText::default();
    let mut text = String::new();
    // What we are inside of: a quote, the braces of an interpolation, or the slashes of a regular expression.
    let mut inside: Vec<char> = Vec::new();
    // The last character of code that is no blank: after a value, a slash divides.
    let mut before = None;
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match (inside.last().copied(), c) {
            (Some('\'' | '"' | '`'), '\\') => {
                text.push(c);
                text.extend(chars.next());
            }
            (Some('/'), '\\') => drop(chars.next()),
            (Some('/'), '/') => drop(inside.pop()),
            (Some('/'), _) => {}
            (Some(quote @ ('\'' | '"' | '`')), c) if c == quote => {
                inside.pop();
                found.take(quote, &mut text);
            }
            (Some('`'), '$') if chars.peek() == Some(&'{') => {
                chars.next();
                found.take('`', &mut text);
                inside.push('{');
                before = None;
                continue;
            }
            (Some('\'' | '"' | '`'), c) => text.push(c),
            (_, '\'' | '"' | '`' | '{') => inside.push(c),
            (_, '/') if !before.is_some_and(ends_value) => inside.push('/'),
            (Some('{'), '}') => drop(inside.pop()),
            _ => {}
        }
        if !c.is_whitespace() {
            before = Some(c);
        }
    }
    // A quote that nothing closes.
    if let Some(quote @ ('\'' | '"' | '`')) = inside.last() {
        found.take(*quote, &mut text);
    }
    found
}

/// Whether a value can end in this character.
fn ends_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_$)]'\"`".contains(c)
}

impl LiteralText {
    fn take(&mut self, quote: char, text: &mut String) {
        let paths = paths_of(text);
        text.clear();
        let found = if quote == '`' { &mut self.in_templates } else { &mut self.in_strings };
        for path in paths {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::literal_text;

    #[test]
    fn a_path_is_literal_text_in_a_string_and_nowhere_else() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("$.a + $.b", &[], &[]),
            ("`of ${$.a} and ${`${$.b}`}`", &[], &[]),
            ("'of $.a' + \"$.b\"", &["$.a", "$.b"], &[]),
            ("`of $.a and ${'$.b'}`", &["$.b"], &["$.a"]),
            ("$.a.replace(/'/g, '') + '$.b'", &["$.b"], &[]),
            ("$.a.replace(/\\/$.b/, $.c)", &[], &[]),
            ("($.a) / 2 + '$.b'.length / $.c", &["$.b"], &[]),
            ("`a${ { b: $.c }.b }`", &[], &[]),
            ("'it\\'s $.a'", &["$.a"], &[]),
            ("'never closed $.a", &["$.a"], &[]),
        ];
        for (expression, strings, templates) in cases {
            let found = literal_text(expression);
            assert_eq!(found.in_strings, *strings, "{expression}");
            assert_eq!(found.in_templates, *templates, "{expression}");
        }
    }
}
