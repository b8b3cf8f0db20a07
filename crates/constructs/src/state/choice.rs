//! Choice, and the conditions of its rules.

use std::marker::PhantomData;
use std::sync::Arc;

use stepwell_value::{Str, Value};

use super::{Body, shared_methods, state};
use crate::error::Problem;
use crate::field::{IntoField, Obj};
use crate::graph::RuleExtras;
use crate::json::{Fields, Json, is_expression};
use crate::language::{JsonPath, Jsonata, Language};
use crate::path::{Expr, Path};

state! {
    /// Goes on with the state of the first rule whose condition holds (ASL type `Choice`).
    ///
    /// Rules are added to its handle: [`when`](crate::Node::when), [`otherwise`](crate::Node::otherwise).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let ship = w.add(Pass::json_path("Ship"));
    /// let blue = w.add(Pass::json_path("Paint it blue"));
    /// let red = w.add(Pass::json_path("Paint it red"));
    /// let color = w
    ///     .add(Choice::json_path("What color is it?"))
    ///     .when(Condition::string_equals("$.color", "BLUE"), &blue)
    ///     .otherwise(&red);
    /// let machine = StateMachine::new("Paint", color.afterwards().next(&ship)).build()?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    Choice() -> Decision, () = (), |()| Body::Choice
}

shared_methods!([] Choice: naming assign paths outputs);

/// When a rule of a [`Choice`] holds.
///
/// ```
/// use stepwell_constructs::Condition;
///
/// let condition = Condition::and([
///     Condition::is_present("$.price"),
///     Condition::numeric_less_than("$.price", 100),
///     Condition::not(Condition::string_equals("$.status", "SOLD")),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct Condition<L> {
    rule: ConditionData,
    language: PhantomData<fn() -> L>,
}

#[derive(Clone, Debug)]
pub(crate) struct ConditionData {
    pub(crate) fields: Fields,
    pub(crate) problem: Option<Arc<Problem>>,
}

/// A rule of a [`Choice`]: a [`Condition`] with what else is said when it holds.
///
/// ```
/// use stepwell_constructs::*;
///
/// let rule = Condition::jsonata(jsonata("$states.input.n > 3")).comment("many").outputs(obj!({ "size": "large" }));
/// ```
#[doc(alias = "ChoiceTransitionOptions")]
#[derive(Debug)]
pub struct When<L> {
    pub(crate) condition: ConditionData,
    pub(crate) extras: RuleExtras,
    language: PhantomData<fn() -> L>,
}

impl<L> From<Condition<L>> for When<L> {
    fn from(condition: Condition<L>) -> When<L> {
        When { condition: condition.rule, extras: RuleExtras::default(), language: PhantomData }
    }
}

impl<L: Language> Condition<L> {
    fn new(fields: Fields, problem: Option<Arc<Problem>>) -> Self {
        Condition { rule: ConditionData { fields, problem }, language: PhantomData }
    }

    /// The condition with a comment (ASL field `Comment` of the rule).
    pub fn comment(self, text: &str) -> When<L> {
        When::from(self).comment(text)
    }

    /// The condition with variables that are set if it holds (ASL field `Assign` of the rule).
    pub fn assign(self, variables: Obj<L>) -> When<L> {
        When::from(self).assign(variables)
    }
}

impl Condition<Jsonata> {
    /// Holds if the expression gives `true` (ASL field `Condition`).
    pub fn jsonata(expression: impl Into<ConditionText>) -> Self {
        let ConditionText(text) = expression.into();
        let problem = (!is_expression(&text)).then(|| {
            Problem::new(
                "InvalidJsonataExpression",
                format!("JSONata expression must start with '{{%' and end with '%}}', got '{text}'"),
            )
        });
        Condition::new(Fields::new().set("Condition", Value::from(text)), problem)
    }

    /// The condition with another output of the state if it holds (ASL field `Output` of the rule).
    pub fn outputs(self, output: impl IntoField<Jsonata>) -> When<Jsonata> {
        When::from(self).outputs(output)
    }
}

/// The expression of a [`Condition::jsonata`]: made by [`jsonata`](crate::jsonata), or text in `{% … %}`.
#[derive(Clone, Debug)]
pub struct ConditionText(Str);

impl From<Expr> for ConditionText {
    fn from(expression: Expr) -> ConditionText {
        ConditionText(expression.0)
    }
}

impl From<&str> for ConditionText {
    fn from(text: &str) -> ConditionText {
        ConditionText(Str::from(text))
    }
}

impl<L: Language> When<L> {
    /// A comment (ASL field `Comment` of the rule).
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        self.extras.comment = Some(Str::from(text));
        self
    }

    /// Variables that are set if the condition holds (ASL field `Assign` of the rule).
    #[must_use]
    pub fn assign(mut self, variables: Obj<L>) -> Self {
        self.extras.assign = Some(variables.into_json());
        self
    }
}

impl When<Jsonata> {
    /// The output of the state if the condition holds (ASL field `Output` of the rule).
    #[must_use]
    pub fn outputs(mut self, output: impl IntoField<Jsonata>) -> Self {
        self.extras.output = Some(output.into_field().0);
        self
    }
}

/// What a condition looks at: the text of a path such as `$.color`, or a [`Path`].
#[derive(Clone, Debug)]
pub struct Variable {
    text: Str,
    problem: Option<Arc<Problem>>,
}

impl From<&str> for Variable {
    fn from(text: &str) -> Variable {
        Variable { text: Str::from(text), problem: reference_problem(text) }
    }
}

impl From<String> for Variable {
    fn from(text: String) -> Variable {
        Variable::from(text.as_str())
    }
}

impl From<Path> for Variable {
    fn from(path: Path) -> Variable {
        let problem = path.problem().cloned().or_else(|| reference_problem(path.text()));
        Variable { text: Str::from(path.text()), problem }
    }
}

fn reference_problem(text: &str) -> Option<Arc<Problem>> {
    (!text.starts_with('$')).then(|| {
        Problem::new(
            "InvalidVariableReference",
            format!("Variable reference must be '$', start with '$.', or start with '$[', got '{text}'"),
        )
    })
}

impl Condition<JsonPath> {
    fn compare(variable: impl Into<Variable>, operator: &'static str, value: Json) -> Self {
        let variable = variable.into();
        let fields = Fields::new().set("Variable", Value::from(variable.text)).set(operator, value);
        Condition::new(fields, variable.problem)
    }

    fn compare_paths(variable: impl Into<Variable>, operator: &'static str, path: impl Into<Variable>) -> Self {
        let path = path.into();
        let mut condition = Condition::compare(variable, operator, Json::Value(Value::from(path.text)));
        condition.rule.problem = condition.rule.problem.or(path.problem);
        condition
    }

    fn combine(operator: &'static str, conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut problem = None;
        let mut inner = Vec::new();
        for condition in conditions {
            problem = problem.or(condition.rule.problem);
            inner.push(Json::from(condition.rule.fields));
        }
        if inner.is_empty() {
            problem = Some(Problem::new(
                "MissingInnerCondition",
                "Must supply at least one inner condition for a logical combination",
            ));
        }
        Condition::new(Fields::new().set(operator, Json::Array(inner)), problem)
    }

    /// Holds if all conditions do, of which there must be one (ASL field `And`).
    pub fn and(conditions: impl IntoIterator<Item = Self>) -> Self {
        Condition::combine("And", conditions)
    }

    /// Holds if one of the conditions does, of which there must be one (ASL field `Or`).
    pub fn or(conditions: impl IntoIterator<Item = Self>) -> Self {
        Condition::combine("Or", conditions)
    }

    /// Holds if the condition does not (ASL field `Not`).
    #[expect(clippy::should_implement_trait, reason = "it stands beside `and` and `or`, which are no operators either")]
    pub fn not(condition: Self) -> Self {
        Condition::new(Fields::new().set("Not", condition.rule.fields), condition.rule.problem)
    }

    /// Holds if the string matches the pattern, in which `*` stands for any text (ASL field `StringMatches`).
    #[doc(alias = "stringMatches")]
    pub fn string_matches(variable: impl Into<Variable>, pattern: &str) -> Self {
        Condition::compare(variable, "StringMatches", Json::from(pattern))
    }
}

macro_rules! tests {
    ($($(#[$doc:meta])* $is:ident, $is_not:ident => $field:literal;)*) => {
        impl Condition<JsonPath> {$(
            $(#[$doc])*
            pub fn $is(variable: impl Into<Variable>) -> Self {
                Condition::compare(variable, $field, Json::Value(Value::from(true)))
            }

            #[doc = concat!("The opposite of [`", stringify!($is), "`](Condition::", stringify!($is), ").")]
            pub fn $is_not(variable: impl Into<Variable>) -> Self {
                Condition::compare(variable, $field, Json::Value(Value::from(false)))
            }
        )*}
    };
}

tests! {
    /// Holds if the variable leads to something (ASL field `IsPresent`).
    is_present, is_not_present => "IsPresent";
    /// Holds if it is `null` (ASL field `IsNull`).
    is_null, is_not_null => "IsNull";
    /// Holds if it is a boolean (ASL field `IsBoolean`).
    is_boolean, is_not_boolean => "IsBoolean";
    /// Holds if it is a number (ASL field `IsNumeric`).
    is_numeric, is_not_numeric => "IsNumeric";
    /// Holds if it is a string (ASL field `IsString`).
    is_string, is_not_string => "IsString";
    /// Holds if it is a string that is a timestamp (ASL field `IsTimestamp`).
    is_timestamp, is_not_timestamp => "IsTimestamp";
}

/// A number in a condition.
#[derive(Clone, Copy, Debug)]
pub struct Operand(pub(crate) f64);

impl From<f64> for Operand {
    fn from(number: f64) -> Operand {
        Operand(number)
    }
}

impl From<i32> for Operand {
    fn from(number: i32) -> Operand {
        Operand(f64::from(number))
    }
}

impl From<u32> for Operand {
    fn from(number: u32) -> Operand {
        Operand(f64::from(number))
    }
}

macro_rules! comparisons {
    ($($kind:literal, $type:ty, $value:ident => $json:expr;
       $($name:ident, $name_path:ident => $field:literal, $field_path:literal, $alias:literal, $alias_path:literal, $meaning:literal;)*)*) => {
        impl Condition<JsonPath> {$($(
            #[doc = concat!("Holds if the ", $kind, " is ", $meaning, " the value (ASL field `", $field, "`).")]
            #[doc(alias = $alias)]
            pub fn $name(variable: impl Into<Variable>, value: $type) -> Self {
                let $value = value;
                Condition::compare(variable, $field, $json)
            }

            #[doc = concat!("Holds if the ", $kind, " is ", $meaning, " what a path leads to (ASL field `", $field_path, "`).")]
            #[doc(alias = $alias_path)]
            pub fn $name_path(variable: impl Into<Variable>, path: impl Into<Variable>) -> Self {
                Condition::compare_paths(variable, $field_path, path)
            }
        )*)*}
    };
}

comparisons! {
    "string", &str, text => Json::from(text);
    string_equals, string_equals_path => "StringEquals", "StringEqualsPath", "Condition.stringEquals", "Condition.stringEqualsJsonPath", "equal to";
    string_less_than, string_less_than_path => "StringLessThan", "StringLessThanPath", "Condition.stringLessThan", "Condition.stringLessThanJsonPath", "less than";
    string_less_than_equals, string_less_than_equals_path => "StringLessThanEquals", "StringLessThanEqualsPath", "Condition.stringLessThanEquals", "Condition.stringLessThanEqualsJsonPath", "less than or equal to";
    string_greater_than, string_greater_than_path => "StringGreaterThan", "StringGreaterThanPath", "Condition.stringGreaterThan", "Condition.stringGreaterThanJsonPath", "greater than";
    string_greater_than_equals, string_greater_than_equals_path => "StringGreaterThanEquals", "StringGreaterThanEqualsPath", "Condition.stringGreaterThanEquals", "Condition.stringGreaterThanEqualsJsonPath", "greater than or equal to";
    "number", impl Into<Operand>, number => Json::Value(Value::number(number.into().0));
    numeric_equals, numeric_equals_path => "NumericEquals", "NumericEqualsPath", "Condition.numberEquals", "Condition.numberEqualsJsonPath", "equal to";
    numeric_less_than, numeric_less_than_path => "NumericLessThan", "NumericLessThanPath", "Condition.numberLessThan", "Condition.numberLessThanJsonPath", "less than";
    numeric_less_than_equals, numeric_less_than_equals_path => "NumericLessThanEquals", "NumericLessThanEqualsPath", "Condition.numberLessThanEquals", "Condition.numberLessThanEqualsJsonPath", "less than or equal to";
    numeric_greater_than, numeric_greater_than_path => "NumericGreaterThan", "NumericGreaterThanPath", "Condition.numberGreaterThan", "Condition.numberGreaterThanJsonPath", "greater than";
    numeric_greater_than_equals, numeric_greater_than_equals_path => "NumericGreaterThanEquals", "NumericGreaterThanEqualsPath", "Condition.numberGreaterThanEquals", "Condition.numberGreaterThanEqualsJsonPath", "greater than or equal to";
    "timestamp", &str, text => Json::from(text);
    timestamp_equals, timestamp_equals_path => "TimestampEquals", "TimestampEqualsPath", "Condition.timestampEquals", "Condition.timestampEqualsJsonPath", "equal to";
    timestamp_less_than, timestamp_less_than_path => "TimestampLessThan", "TimestampLessThanPath", "Condition.timestampLessThan", "Condition.timestampLessThanJsonPath", "less than";
    timestamp_less_than_equals, timestamp_less_than_equals_path => "TimestampLessThanEquals", "TimestampLessThanEqualsPath", "Condition.timestampLessThanEquals", "Condition.timestampLessThanEqualsJsonPath", "less than or equal to";
    timestamp_greater_than, timestamp_greater_than_path => "TimestampGreaterThan", "TimestampGreaterThanPath", "Condition.timestampGreaterThan", "Condition.timestampGreaterThanJsonPath", "greater than";
    timestamp_greater_than_equals, timestamp_greater_than_equals_path => "TimestampGreaterThanEquals", "TimestampGreaterThanEqualsPath", "Condition.timestampGreaterThanEquals", "Condition.timestampGreaterThanEqualsJsonPath", "greater than or equal to";
    "boolean", bool, flag => Json::Value(Value::from(flag));
    boolean_equals, boolean_equals_path => "BooleanEquals", "BooleanEqualsPath", "Condition.booleanEquals", "Condition.booleanEqualsJsonPath", "equal to";
}
