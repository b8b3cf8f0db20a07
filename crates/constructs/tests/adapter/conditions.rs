//! The rules of a Choice, and their conditions.

use stepwell_constructs::*;

use super::eval::{Props, V};
use super::flow::into;
use super::states::{AnyNode, Chain, Handle, Own};
use super::{Answer, Stop, convert, unknown};

pub fn when(choice: &AnyNode, condition: &V, next: &AnyNode, mut options: Props) -> Answer<()> {
    let comment = options.take("comment").map(|comment| comment.text().map(str::to_owned)).transpose()?;
    let assign = options.take("assign");
    let outputs = options.take("outputs");
    options.done("a rule")?;
    match &choice.own {
        Handle::JsonPath(Own::Decision(choice)) => {
            let mut rule = When::from(condition_of(condition)?);
            if let Some(comment) = comment {
                rule = rule.comment(&comment);
            }
            if let Some(assign) = assign {
                rule = rule.assign(convert::obj::<JsonPath>(&assign)?);
            }
            if outputs.is_some() {
                return Err(Stop::NotExpressible("jsonata_field_in_json_path_state.rs"));
            }
            into!(next, next => drop(choice.when(rule, next)));
        }
        Handle::Jsonata(Own::Decision(choice)) => {
            let V::Call(name, args) = condition else { return unknown("a condition") };
            if name != "Condition.jsonata" {
                return Err(Stop::NotExpressible("json_path_condition_in_jsonata_choice.rs"));
            }
            let mut rule = When::from(Condition::jsonata(args[0].text()?));
            if let Some(comment) = comment {
                rule = rule.comment(&comment);
            }
            if let Some(assign) = assign {
                rule = rule.assign(convert::obj::<Jsonata>(&assign)?);
            }
            if let Some(outputs) = outputs {
                rule = rule.outputs(convert::field::<Jsonata>(&outputs)?);
            }
            into!(next, next => drop(choice.when(rule, next)));
        }
        _ => return Err(Stop::NotExpressible("when_of_pass.rs")),
    }
    Ok(())
}

fn condition_of(value: &V) -> Answer<Condition<JsonPath>> {
    let V::Call(name, args) = value else { return unknown("a condition") };
    let Some(name) = name.strip_prefix("Condition.") else { return unknown(name) };
    let variable = |index: usize| -> Answer<Variable> {
        match args.get(index) {
            Some(V::Path(path)) => Ok(Variable::from(path.clone())),
            Some(other) => Ok(Variable::from(other.text()?)),
            None => unknown("a condition without its argument"),
        }
    };
    let word = |index: usize| args.get(index).map_or_else(|| unknown("a condition without its argument"), V::text);
    let number = |index: usize| args.get(index).map_or_else(|| unknown("a condition without its argument"), V::f64);
    let inner = || args.iter().map(condition_of).collect::<Answer<Vec<_>>>();
    macro_rules! compare {
        ($($case:literal => $method:ident $kind:ident;)*) => {
            match name {
                "and" => Condition::and(inner()?),
                "or" => Condition::or(inner()?),
                "not" => Condition::not(condition_of(&args[0])?),
                "jsonata" => return Err(Stop::NotExpressible("jsonata_condition_in_json_path_choice.rs")),
                "booleanEquals" => Condition::boolean_equals(variable(0)?, args[1].bool()?),
                "booleanEqualsJsonPath" => Condition::boolean_equals_path(variable(0)?, variable(1)?),
                "stringMatches" => Condition::string_matches(variable(0)?, word(1)?),
                $($case => compare!(@$kind $method),)*
                other => return unknown(format!("Condition.{other}")),
            }
        };
        (@is $method:ident) => { Condition::$method(variable(0)?) };
        (@text $method:ident) => { Condition::$method(variable(0)?, word(1)?) };
        (@number $method:ident) => { Condition::$method(variable(0)?, number(1)?) };
        (@path $method:ident) => { Condition::$method(variable(0)?, variable(1)?) };
    }
    Ok(compare! {
        "isPresent" => is_present is;
        "isNotPresent" => is_not_present is;
        "isNull" => is_null is;
        "isNotNull" => is_not_null is;
        "isBoolean" => is_boolean is;
        "isNotBoolean" => is_not_boolean is;
        "isNumeric" => is_numeric is;
        "isNotNumeric" => is_not_numeric is;
        "isString" => is_string is;
        "isNotString" => is_not_string is;
        "isTimestamp" => is_timestamp is;
        "isNotTimestamp" => is_not_timestamp is;
        "stringEquals" => string_equals text;
        "stringLessThan" => string_less_than text;
        "stringLessThanEquals" => string_less_than_equals text;
        "stringGreaterThan" => string_greater_than text;
        "stringGreaterThanEquals" => string_greater_than_equals text;
        "stringEqualsJsonPath" => string_equals_path path;
        "stringLessThanJsonPath" => string_less_than_path path;
        "stringLessThanEqualsJsonPath" => string_less_than_equals_path path;
        "stringGreaterThanJsonPath" => string_greater_than_path path;
        "stringGreaterThanEqualsJsonPath" => string_greater_than_equals_path path;
        "numberEquals" => numeric_equals number;
        "numberLessThan" => numeric_less_than number;
        "numberLessThanEquals" => numeric_less_than_equals number;
        "numberGreaterThan" => numeric_greater_than number;
        "numberGreaterThanEquals" => numeric_greater_than_equals number;
        "numberEqualsJsonPath" => numeric_equals_path path;
        "numberLessThanJsonPath" => numeric_less_than_path path;
        "numberLessThanEqualsJsonPath" => numeric_less_than_equals_path path;
        "numberGreaterThanJsonPath" => numeric_greater_than_path path;
        "numberGreaterThanEqualsJsonPath" => numeric_greater_than_equals_path path;
        "timestampEquals" => timestamp_equals text;
        "timestampLessThan" => timestamp_less_than text;
        "timestampLessThanEquals" => timestamp_less_than_equals text;
        "timestampGreaterThan" => timestamp_greater_than text;
        "timestampGreaterThanEquals" => timestamp_greater_than_equals text;
        "timestampEqualsJsonPath" => timestamp_equals_path path;
        "timestampLessThanJsonPath" => timestamp_less_than_path path;
        "timestampLessThanEqualsJsonPath" => timestamp_less_than_equals_path path;
        "timestampGreaterThanJsonPath" => timestamp_greater_than_path path;
        "timestampGreaterThanEqualsJsonPath" => timestamp_greater_than_equals_path path;
    })
}
