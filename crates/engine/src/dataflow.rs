//! The way of data through a state: what goes in, what its work gets, what comes out.
//!
//! One function per kind of state, for both query languages; each stage is shown to the observer. Order and
//! defaults: reference/language.md, section 2.

use stepwell_asl::Scope;
use stepwell_asl::comparison;
use stepwell_asl::jsonpath::Path;
use stepwell_asl::program::{
    Catcher, ChoiceRule, Condition, DataPath, NumberField, QueryLanguage, ResultPath, State, StateIdx, TextField, Wait,
};
use stepwell_asl::template::{self, Data, ErrorName, EvaluationError, Expression, Template};
use stepwell_value::{Kind, Object, Str, Value};

use crate::Timestamp;
use crate::event::ErrorCause;
use crate::execution::Frame;
use crate::observer::{Observer, Stage};
use crate::view::View;

type Evaluated<T> = Result<T, EvaluationError>;

/// What a state leaves with.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) output: Value,
    pub(crate) assigned: Option<Object>,
}

/// The data of a state that has not done its work.
pub(crate) struct Entered<'a> {
    /// The state's input after `InputPath`; the input itself in JSONata.
    pub(crate) effective: Value,
    view: &'a View<'a>,
}

impl<'a> Entered<'a> {
    pub(crate) fn data(&'a self) -> Data<'a> {
        Data::new(&self.effective, self.view)
    }
}

/// Applies `InputPath`.
pub(crate) fn enter<'a, O: Observer>(
    view: &'a View<'a>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
) -> Evaluated<Entered<'a>> {
    let input = frame.input.value();
    match state.query_language {
        QueryLanguage::Jsonata => Ok(Entered { effective: input.clone(), view }),
        QueryLanguage::JsonPath => {
            let effective = apply(&state.input_path, input, view)?;
            watch(observer, state, || Stage::AfterInputPath(&effective));
            Ok(Entered { effective, view })
        }
    }
}

/// `Parameters` or `Arguments`, or what takes their place.
pub(crate) fn arguments<O: Observer>(entered: &Entered<'_>, observer: &mut O, state: &State) -> Evaluated<Value> {
    let jsonata = state.query_language == QueryLanguage::Jsonata;
    let field = if jsonata { "Arguments" } else { "Parameters" };
    let arguments = match &state.parameters {
        Some(parameters) => parameters.evaluate(field, entered.data())?,
        None => entered.effective.clone(),
    };
    let stage = if jsonata { Stage::AfterArguments } else { Stage::AfterParameters };
    watch(observer, state, || stage(&arguments));
    Ok(arguments)
}

/// A Pass state.
pub(crate) fn pass<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    result: Option<&Value>,
) -> Evaluated<Done> {
    if state.query_language == QueryLanguage::Jsonata {
        return pass_on(view, observer, frame, state);
    }
    let result = match result {
        Some(result) => {
            watch(observer, state, || Stage::Result(result));
            result.clone()
        }
        None => {
            let entered = enter(view, observer, frame, state)?;
            arguments(&entered, observer, state)?
        }
    };
    combine(view, observer, frame, state, &result)
}

/// Wait and Succeed states, and Pass in JSONata: the input goes on, past `Output` or `OutputPath`.
pub(crate) fn pass_on<O: Observer>(view: &View<'_>, observer: &mut O, frame: &Frame, state: &State) -> Evaluated<Done> {
    let entered = enter(view, observer, frame, state)?;
    leave_without_result(&entered, state, state.assign.as_ref(), state.output.as_ref(), "")
}

fn leave_without_result(
    entered: &Entered<'_>,
    state: &State,
    assign: Option<&Template>,
    output: Option<&Template>,
    place: &str,
) -> Evaluated<Done> {
    let output = match (state.query_language, output) {
        (QueryLanguage::Jsonata, Some(output)) => output.evaluate(&format!("{place}Output"), entered.data())?,
        (QueryLanguage::Jsonata, None) => entered.effective.clone(),
        (QueryLanguage::JsonPath, _) => apply(&state.output_path, &entered.effective, entered.view)?,
    };
    let assigned = assigned(assign, &format!("{place}Assign"), entered.data())?;
    Ok(Done { output, assigned })
}

/// Task, Parallel and Map states: the result of the work goes on.
pub(crate) fn with_result<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    result: &Value,
) -> Evaluated<Done> {
    watch(observer, state, || Stage::Result(result));
    match state.query_language {
        QueryLanguage::JsonPath => combine(view, observer, frame, state, result),
        QueryLanguage::Jsonata => {
            let data = Data { extra: Some(("result", result)), ..Data::new(frame.input.value(), view) };
            let output = match &state.output {
                Some(output) => output.evaluate("Output", data)?,
                None => result.clone(),
            };
            Ok(Done { output, assigned: assigned(state.assign.as_ref(), "Assign", data)? })
        }
    }
}

/// JSONPath: `ResultSelector`, `Assign`, `ResultPath`, `OutputPath`.
fn combine<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    result: &Value,
) -> Evaluated<Done> {
    let data = Data::new(result, view);
    let selected = match &state.result_selector {
        Some(selector) => selector.evaluate("ResultSelector", data)?,
        None => result.clone(),
    };
    watch(observer, state, || Stage::AfterResultSelector(&selected));
    let assigned = assigned(state.assign.as_ref(), "Assign", data)?;
    let combined = put(&state.result_path, frame.input.value(), selected)?;
    watch(observer, state, || Stage::AfterResultPath(&combined));
    Ok(Done { output: apply(&state.output_path, &combined, view)?, assigned })
}

/// What a catcher hands on.
pub(crate) fn caught(
    view: &View<'_>,
    frame: &Frame,
    state: &State,
    index: usize,
    catcher: &Catcher,
    error_output: &Value,
) -> Evaluated<Done> {
    let input = frame.input.value();
    let assign_place = format!("Catch[{index}]/Assign");
    match state.query_language {
        QueryLanguage::JsonPath => {
            let data = Data::new(error_output, view);
            let assigned = assigned(catcher.assign.as_ref(), &assign_place, data)?;
            Ok(Done { output: put(&catcher.result_path, input, error_output.clone())?, assigned })
        }
        QueryLanguage::Jsonata => {
            let data = Data { extra: Some(("errorOutput", error_output)), ..Data::new(input, view) };
            let output = match &catcher.output {
                Some(output) => output.evaluate(&format!("Catch[{index}]/Output"), data)?,
                None => error_output.clone(),
            };
            Ok(Done { output, assigned: assigned(catcher.assign.as_ref(), &assign_place, data)? })
        }
    }
}

/// A Choice state: the first rule that applies, else `Default`.
pub(crate) fn choose<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    rules: &[ChoiceRule],
    default: Option<StateIdx>,
) -> Evaluated<(Done, StateIdx)> {
    let entered = enter(view, observer, frame, state)?;
    for (index, rule) in rules.iter().enumerate() {
        if holds(&rule.condition, &entered, index)? {
            watch(observer, state, || Stage::Rule(Some(index)));
            let place = format!("Choices[{index}]/");
            let done = leave_without_result(&entered, state, rule.assign.as_ref(), rule.output.as_ref(), &place)?;
            return Ok((done, rule.next));
        }
    }
    let Some(next) = default else {
        let cause = "Failed to transition out of the state. The state does not point to a next state.";
        return Err(EvaluationError::runtime(cause));
    };
    watch(observer, state, || Stage::Rule(None));
    let done = leave_without_result(&entered, state, state.assign.as_ref(), state.output.as_ref(), "")?;
    Ok((done, next))
}

fn holds(condition: &Condition, entered: &Entered<'_>, rule: usize) -> Evaluated<bool> {
    let data = entered.data();
    let operand = |path: &'_ Path| {
        path.select(data.data, data.scope).map(|selected| selected.into_value()).map_err(|_| {
            EvaluationError::runtime(format!(
                "Invalid path '{}': The choice state's condition path references an invalid value.",
                path.text()
            ))
        })
    };
    match condition {
        Condition::Constant(holds) => Ok(*holds),
        Condition::Expression(expression) => {
            let place = format!("Choices[{rule}]/Condition");
            let value = expression.evaluate_as(&place, data, Kind::Bool)?;
            Ok(value == Value::Bool(true))
        }
        Condition::And(conditions) => {
            for condition in conditions {
                if !holds(condition, entered, rule)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(conditions) => {
            for condition in conditions {
                if holds(condition, entered, rule)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Not(condition) => Ok(!holds(condition, entered, rule)?),
        Condition::IsPresent { variable, expected } => Ok(variable.select(data.data, data.scope).is_ok() == *expected),
        Condition::Compare { variable, operator, operand: constant } => {
            Ok(comparison::matches(*operator, &operand(variable)?, constant))
        }
        Condition::ComparePath { variable, operator, operand: other } => {
            Ok(comparison::matches(*operator, &operand(variable)?, &operand(other)?))
        }
    }
}

/// When a Wait state that was entered at `entered` goes on.
pub(crate) fn wait_until<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    wait: &Wait,
    entered_at: Timestamp,
) -> Evaluated<Timestamp> {
    let entered = enter(view, observer, frame, state)?;
    let until = time_of(wait, entered.data(), entered_at)?;
    if until > entered_at.after_s(WAIT_SECONDS_MAX) {
        return Err(EvaluationError::runtime("Wait state delay is too long."));
    }
    Ok(until)
}

/// AWS counts the seconds of a delay in 31 bits (conformance, timestamp-too-far-in-future-boundary).
const WAIT_SECONDS_MAX: f64 = 2_147_483_647.0;

fn time_of(wait: &Wait, data: Data<'_>, entered_at: Timestamp) -> Evaluated<Timestamp> {
    match wait {
        Wait::Seconds(NumberField::Constant(seconds)) => Ok(entered_at.after_s(*seconds)),
        Wait::Seconds(NumberField::Path(path)) => Ok(entered_at.after_s(seconds_at(path, data)?)),
        Wait::Seconds(NumberField::Expression(expression)) => {
            let value = expression.evaluate_as("Seconds", data, Kind::Number)?;
            let seconds = value.as_f64().unwrap_or_default().trunc();
            if seconds < 0.0 {
                return Err(query_error("Seconds", format!("The Seconds field must not be negative: {value}")));
            }
            Ok(entered_at.after_s(seconds))
        }
        Wait::Timestamp(field) => timestamp_of(field, data).map(Timestamp::whole_second),
    }
}

fn timestamp_of(field: &TextField, data: Data<'_>) -> Evaluated<Timestamp> {
    match field {
        TextField::Constant(text) => timestamp(text),
        TextField::Path(path) => {
            let value = select(path, data)?;
            let text = plain(&value);
            Timestamp::parse(&text).ok_or_else(|| {
                EvaluationError::runtime(format!(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
                     string: {} == {text}",
                    path.text()
                ))
            })
        }
        TextField::Expression(expression) => {
            let value = expression.evaluate_as("Timestamp", data, Kind::String)?;
            timestamp(value.as_str().unwrap_or_default())
        }
        TextField::Intrinsic(call) => {
            let value = template::evaluate_call(call, data)?;
            timestamp(value.as_str().unwrap_or_default())
        }
    }
}

fn timestamp(text: &str) -> Evaluated<Timestamp> {
    Timestamp::parse(text).ok_or_else(|| {
        query_error(
            "Timestamp",
            format!(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
            ),
        )
    })
}

fn seconds_at(path: &Path, data: Data<'_>) -> Evaluated<f64> {
    let refused = |what: String| EvaluationError::runtime(format!("The SecondsPath parameter {what}"));
    let value = path
        .select(data.data, data.scope)
        .map_err(|_| refused(format!("does not reference an input value: {}", path.text())))?
        .into_value();
    match long(&value) {
        Some(seconds) if seconds >= 0 => Ok(seconds as f64),
        Some(_) => Err(refused(format!("references a negative value: {} == {value}", path.text()))),
        None => Err(refused(format!("cannot be parsed as a long value: {} == {}", path.text(), plain(&value)))),
    }
}

/// Error and cause of a Fail state.
pub(crate) fn error_of<O: Observer>(
    view: &View<'_>,
    observer: &mut O,
    frame: &Frame,
    state: &State,
    error: Option<&TextField>,
    cause: Option<&TextField>,
) -> Evaluated<ErrorCause> {
    let entered = enter(view, observer, frame, state)?;
    let data = entered.data();
    let text =
        |field: Option<&TextField>, name: &'static str| field.map(|field| text_of(field, name, data)).transpose();
    Ok(ErrorCause { error: text(error, "Error")?, cause: text(cause, "Cause")? })
}

fn text_of(field: &TextField, name: &'static str, data: Data<'_>) -> Evaluated<Str> {
    let value = match field {
        TextField::Constant(text) => return Ok(text.clone()),
        TextField::Path(path) => path
            .select(data.data, data.scope)
            .map_err(|_| template::not_found(path, &format!("{name}Path"), data))?
            .into_value(),
        TextField::Intrinsic(call) => template::evaluate_call(call, data)?,
        TextField::Expression(expression) => expression.evaluate_as(name, data, Kind::String)?,
    };
    match value {
        Value::Str(text) => Ok(text),
        other => Err(EvaluationError::runtime(format!(
            "The {name}Path field must refer to a string, but refers to {}: {other}",
            other.kind().name()
        ))),
    }
}

/// A field of a Task or Map state that holds an integer: `TimeoutSeconds`, `MaxConcurrency` and their like.
///
/// Fractions of JSONata are cut off; a path must lead to an integer.
pub(crate) fn integer(field: &NumberField, name: &'static str, data: Data<'_>) -> Evaluated<i64> {
    match field {
        NumberField::Constant(number) => Ok(*number as i64),
        NumberField::Path(path) => {
            let value = select(path, data)?;
            long(&value).ok_or_else(|| not_a("integer", name, path, &value))
        }
        NumberField::Expression(expression) => Ok(number(expression, name, data)?.trunc() as i64),
    }
}

/// An integer that a path leads to. AWS reads the value's text: "1" will do (conformance, reference-in-map-state).
fn long(value: &Value) -> Option<i64> {
    value.as_str().map_or_else(|| value.as_i64(), |text| text.parse().ok())
}

/// A field that holds any number: `ToleratedFailurePercentage`.
pub(crate) fn float(field: &NumberField, name: &'static str, data: Data<'_>) -> Evaluated<f64> {
    match field {
        NumberField::Constant(number) => Ok(*number),
        NumberField::Path(path) => {
            let value = select(path, data)?;
            let read = value.as_str().map_or_else(|| value.as_f64(), |text| text.parse().ok());
            read.filter(|number| number.is_finite()).ok_or_else(|| not_a("float", name, path, &value))
        }
        NumberField::Expression(expression) => number(expression, name, data),
    }
}

fn number(expression: &Expression, name: &'static str, data: Data<'_>) -> Evaluated<f64> {
    let value = expression.evaluate_as(name, data, Kind::Number)?;
    Ok(value.as_f64().unwrap_or_default())
}

fn not_a(what: &str, name: &str, path: &Path, value: &Value) -> EvaluationError {
    EvaluationError::runtime(format!(
        "The {name}Path field refers to value \"{}\" which is not a valid {what}: {}",
        plain(value),
        path.text()
    ))
}

/// What a path selects, for the fields where AWS says `Invalid path` when it finds nothing.
pub(crate) fn select(path: &Path, data: Data<'_>) -> Evaluated<Value> {
    path.select(data.data, data.scope)
        .map(|selected| selected.into_value())
        .map_err(|error| EvaluationError::runtime(format!("Invalid path '{}' : {error}", path.text())))
}

fn apply(path: &DataPath, value: &Value, scope: &dyn Scope) -> Evaluated<Value> {
    match path {
        DataPath::Whole => Ok(value.clone()),
        DataPath::Nothing => Ok(Value::empty_object()),
        DataPath::Path(path) => select(path, Data::new(value, scope)),
    }
}

fn put(path: &ResultPath, input: &Value, result: Value) -> Evaluated<Value> {
    match path {
        ResultPath::Replace => Ok(result),
        ResultPath::Discard => Ok(input.clone()),
        ResultPath::At(path) => {
            path.assign(input.clone(), result).map_err(|error| EvaluationError::runtime(error.to_string()))
        }
    }
}

fn assigned(assign: Option<&Template>, field: &str, data: Data<'_>) -> Evaluated<Option<Object>> {
    let Some(assign) = assign else { return Ok(None) };
    match assign.evaluate(field, data)? {
        Value::Object(assigned) => Ok(Some(assigned)),
        other => Err(query_error(field, format!("{field} must be an object, but was {}", other.kind().name()))),
    }
}

pub(crate) fn query_error(location: &str, cause: String) -> EvaluationError {
    EvaluationError { name: ErrorName::QueryEvaluation, cause, location: Some(location.into()) }
}

/// A value as causes quote it: strings without their quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

pub(crate) fn watch<'v, O: Observer>(observer: &mut O, state: &State, stage: impl FnOnce() -> Stage<'v>) {
    if O::WATCHES {
        observer.stage(state, stage());
    }
}
