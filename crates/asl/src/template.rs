//! Payload templates and expressions of both query languages: one evaluator, errors with AWS's texts.

use std::cell::OnceCell;
use std::sync::Arc;

use stepwell_jsonata as jsonata;
use stepwell_value::{Kind, Object, Str, Value};

use crate::Scope;
use crate::intrinsic::{self, Call};
use crate::jsonpath::Path;

/// A JSON value in which some parts are computed: `Parameters`, `Arguments`, `Assign`, `Output` and their like.
#[derive(Debug)]
pub enum Template {
    /// Nothing in it is computed.
    Constant(Value),
    /// JSONPath: a key that ended in `.$` with a path.
    Path(Path),
    /// JSONPath: a key that ended in `.$` with an intrinsic function.
    Intrinsic(Box<Call>),
    /// JSONata: a string `{% … %}`.
    Expression(Expression),
    /// An array with something computed in it.
    Array(Vec<Template>),
    /// An object with something computed in it; keys without `.$`.
    Object(Vec<(Str, Template)>),
}

/// A JSONata expression of a definition.
#[derive(Clone, Debug)]
pub struct Expression {
    program: Arc<jsonata::Program>,
    /// It may read the context object, which is made for the states that do; most do not.
    reads_context: bool,
}

/// What an evaluation reads.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// `$` of JSONPath; `$states.input` of JSONata.
    pub data: &'a Value,
    /// JSONata: what else the field has in `$states`: `result` or `errorOutput`.
    pub extra: Option<(&'static str, &'a Value)>,
    /// Context object, variables, time and chance.
    pub scope: &'a dyn Scope,
}

impl<'a> Data<'a> {
    /// Data without anything else.
    pub fn new(data: &'a Value, scope: &'a dyn Scope) -> Data<'a> {
        Data { data, extra: None, scope }
    }
}

/// Why a template, path or expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationError {
    /// Name of the error.
    pub name: ErrorName,
    /// AWS's text, without the sentence that names the state.
    pub cause: String,
    /// JSONata: the field from the state on, such as `Output/a[0]`.
    pub location: Option<String>,
}

/// Names that evaluations fail with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// `States.Runtime`: never retried or caught.
    Runtime,
    /// `States.QueryEvaluationError`
    QueryEvaluation,
}

impl ErrorName {
    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorName::Runtime => "States.Runtime",
            ErrorName::QueryEvaluation => "States.QueryEvaluationError",
        }
    }
}

impl EvaluationError {
    /// A `States.Runtime` error.
    pub fn runtime(cause: impl Into<String>) -> EvaluationError {
        EvaluationError { name: ErrorName::Runtime, cause: cause.into(), location: None }
    }
}

impl Template {
    /// The template's value. `field` is its place from the state on, such as `Output` or `Choices[0]/Assign`.
    ///
    /// # Errors
    /// When a path finds nothing, or a function or an expression fails.
    pub fn evaluate(&self, field: &str, data: Data<'_>) -> Result<Value, EvaluationError> {
        let mut place = String::from(field);
        self.evaluate_at(&mut place, data)
    }

    fn evaluate_at(&self, place: &mut String, data: Data<'_>) -> Result<Value, EvaluationError> {
        match self {
            Template::Constant(value) => Ok(value.clone()),
            Template::Path(path) => select_for_template(path, place, data),
            Template::Intrinsic(call) => evaluate_call(call, data),
            Template::Expression(expression) => expression.evaluate(place, data),
            Template::Array(items) => {
                let length = place.len();
                let mut values = Vec::with_capacity(items.len());
                for (n, item) in items.iter().enumerate() {
                    use std::fmt::Write;
                    let _ = write!(place, "[{n}]");
                    values.push(item.evaluate_at(place, data)?);
                    place.truncate(length);
                }
                Ok(values.into())
            }
            Template::Object(members) => {
                let length = place.len();
                let mut object = Object::with_capacity(members.len());
                for (key, member) in members {
                    place.push('/');
                    place.push_str(key);
                    object.insert(key.clone(), member.evaluate_at(place, data)?);
                    place.truncate(length);
                }
                Ok(object.into())
            }
        }
    }
}

/// What a path in a payload template, in `ErrorPath` or `CausePath` selects. `field` ends in the key without `.$`.
fn select_for_template(path: &Path, place: &str, data: Data<'_>) -> Result<Value, EvaluationError> {
    path.select(data.data, data.scope).map(|selected| selected.into_value()).map_err(|_| {
        let key = place.rsplit('/').next().unwrap_or(place);
        let key = key.split('[').next().unwrap_or(key);
        not_found(path, &format!("{key}.$"), data)
    })
}

/// The error for a path that finds nothing where AWS repeats what it was applied to.
pub fn not_found(path: &Path, field: &str, data: Data<'_>) -> EvaluationError {
    let searched = match path.root() {
        crate::jsonpath::Root::Context => data.scope.context(),
        _ => data.data,
    };
    EvaluationError::runtime(format!(
        "The JSONPath '{}' specified for the field '{field}' could not be found in the input '{searched}'",
        path.text()
    ))
}

/// Runs an intrinsic function.
///
/// # Errors
/// When the function fails; AWS reports `States.Runtime`.
pub fn evaluate_call(call: &Call, data: Data<'_>) -> Result<Value, EvaluationError> {
    call.evaluate(data.data, data.scope).map_err(|error| EvaluationError::runtime(error.to_string()))
}

impl Expression {
    /// The expression of a program, and whether that can read the context object.
    pub(crate) fn new(program: jsonata::Program, reads_context: bool) -> Expression {
        Expression { program: Arc::new(program), reads_context }
    }

    /// The compiled expression.
    pub fn program(&self) -> &jsonata::Program {
        &self.program
    }

    /// The text between `{%` and `%}`, without the blanks around it.
    pub fn text(&self) -> &str {
        self.program.text().trim()
    }

    /// The expression's value.
    ///
    /// # Errors
    /// `States.QueryEvaluationError` when it fails, selects nothing, or yields something that is no JSON.
    pub fn evaluate(&self, field: &str, data: Data<'_>) -> Result<Value, EvaluationError> {
        let surroundings = Surroundings { data, expression: self, states: OnceCell::new() };
        let environment = jsonata::Environment { input: None, variables: &surroundings, host: &surroundings };
        let mut budget = jsonata::Budget::aws();
        let evaluated = self.program.evaluate(&environment, &mut budget);
        data.scope.spend(jsonata::FUEL_AWS - budget.fuel_left());
        match evaluated {
            Ok(jsonata::Outcome::Value(value)) => Ok(value),
            Ok(jsonata::Outcome::Undefined) => Err(self.error(field, "returned nothing (undefined).")),
            Ok(jsonata::Outcome::NotData) => Err(self.error(field, "returned an unsupported result type.")),
            Err(error) => Err(self.error(field, &format!("threw an error during evaluation{}", described(&error)))),
        }
    }

    /// The expression's value, which has to be of one of the `expected` kinds.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], and when the value is of another kind.
    pub fn evaluate_as(&self, field: &str, data: Data<'_>, expected: Kind) -> Result<Value, EvaluationError> {
        let value = self.evaluate(field, data)?;
        if value.kind() == expected {
            return Ok(value);
        }
        Err(self.unexpected_type(field, expected.name(), &value))
    }

    /// The error for a value of the wrong type.
    pub fn unexpected_type(&self, field: &str, expected: &str, value: &Value) -> EvaluationError {
        let actual = value.kind().name();
        self.error(
            field,
            &format!(
                "returned an unexpected result type. Expected '{expected}', but was '{actual}' for value: {value}"
            ),
        )
    }

    fn error(&self, field: &str, what: &str) -> EvaluationError {
        EvaluationError {
            name: ErrorName::QueryEvaluation,
            cause: format!("The JSONata expression '{}' specified for the field '{field}' {what}", self.text()),
            location: Some(field.into()),
        }
    }
}

/// How AWS goes on after "threw an error during evaluation".
fn described(error: &jsonata::Error) -> String {
    match error.kind() {
        jsonata::ErrorKind::Expression => format!(". {}: {}", error.code, error.message()),
        _ => format!(": {}", error.message()),
    }
}

/// Gives an expression its variables, time and chance.
struct Surroundings<'a> {
    data: Data<'a>,
    expression: &'a Expression,
    /// `$states`, made when it is asked for.
    states: OnceCell<Value>,
}

impl Surroundings<'_> {
    fn make_states(&self) -> Value {
        let mut states = Object::with_capacity(3);
        states.insert("input", self.data.data.clone());
        if self.expression.reads_context {
            states.insert("context", self.data.scope.context().clone());
        }
        if let Some((name, value)) = self.data.extra {
            states.insert(name, value.clone());
        }
        states.into()
    }
}

impl jsonata::Variables for Surroundings<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        match name {
            "states" => Some(self.states.get_or_init(|| self.make_states())),
            name => self.data.scope.variable(name),
        }
    }
}

impl jsonata::Host for Surroundings<'_> {
    fn now_ms(&self) -> i64 {
        self.data.scope.now_ms()
    }

    fn random(&self) -> u64 {
        self.data.scope.random()
    }

    fn uuid(&self) -> String {
        intrinsic::uuid(self.data.scope.random(), self.data.scope.random())
    }

    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String> {
        intrinsic::hash(algorithm, data)
    }
}
