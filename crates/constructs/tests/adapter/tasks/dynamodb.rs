//! DynamoGetItem, DynamoPutItem, DynamoUpdateItem, DynamoDeleteItem.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "DynamoGetItem" => get(cx, input),
        "DynamoPutItem" => put(cx, input),
        "DynamoUpdateItem" => update(cx, input),
        "DynamoDeleteItem" => delete(cx, input),
        _ => return None,
    })
}

fn get(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let table = table(cx, input)?;
    let key = input.props.need("key")?;
    adapt!(cx, input, DynamoGetItem(&table, attributes::<L>(cx, &key)?) {
        "consistentRead" => consistent_read: bool,
        "expressionAttributeNames" => expression_attribute_names: object,
        "projectionExpression" => projection_expression: (projection),
        "returnConsumedCapacity" => return_consumed_capacity: [capacity],
    } patterns "REQUEST_RESPONSE")
}

/// A task that changes an item: its own properties, and those that all of them have.
macro_rules! change {
    ($cx:ident, $input:ident, $name:ident, $argument:literal $(, $prop:literal => $method:ident: $kind:tt)*) => {{
        let table = table($cx, $input)?;
        let argument = $input.props.need($argument)?;
        adapt!($cx, $input, $name(&table, attributes::<L>($cx, &argument)?) {
            $($prop => $method: $kind,)*
            "conditionExpression" => condition_expression: text,
            "expressionAttributeNames" => expression_attribute_names: object,
            "expressionAttributeValues" => expression_attribute_values: {attributes},
            "returnConsumedCapacity" => return_consumed_capacity: [capacity],
            "returnItemCollectionMetrics" => return_item_collection_metrics: [metrics],
            "returnValues" => return_values: [values],
        } patterns "REQUEST_RESPONSE")
    }};
}

fn put(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    change!(cx, input, DynamoPutItem, "item")
}

fn update(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    change!(cx, input, DynamoUpdateItem, "key", "updateExpression" => update_expression: text)
}

fn delete(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    change!(cx, input, DynamoDeleteItem, "key")
}

fn table(cx: &Cx, input: &mut Input) -> Answer<TableRef> {
    let table = input.props.need("table")?;
    Ok(TableRef::from_name(cx.attr(&table, "tableName")?))
}

fn attributes<L: Lang>(_: &Cx, value: &V) -> Answer<Vec<(String, DynamoAttributeValue<L>)>> {
    value.members()?.iter().map(|(name, value)| Ok((name.to_string(), attribute(value)?))).collect()
}

fn attribute<L: Lang>(value: &V) -> Answer<DynamoAttributeValue<L>> {
    type Attribute<L> = DynamoAttributeValue<L>;
    let V::Call(call, args) = value else { return unknown(format!("an attribute from {value:?}")) };
    let Some(argument) = args.first() else { return unknown(format!("{call} without value")) };
    let text = || convert::val::<String, L>(argument);
    let texts = || convert::val::<Vec<String>, L>(argument);
    Ok(match call.strip_prefix("DynamoAttributeValue.").unwrap_or(call) {
        "fromString" => Attribute::string(text()?),
        "fromNumber" => Attribute::number(argument.f64()?),
        "numberFromString" => Attribute::number_from_string(text()?),
        "fromBinary" => Attribute::binary(text()?),
        "fromStringSet" => Attribute::string_set(texts()?),
        "fromNumberSet" => Attribute::number_set(argument.items()?.iter().map(V::f64).collect::<Answer<Vec<f64>>>()?),
        "numberSetFromStrings" => Attribute::number_set_from_strings(texts()?),
        "fromBinarySet" => Attribute::binary_set(texts()?),
        "fromMap" => {
            let members =
                argument.members()?.iter().map(|(name, value)| Ok((name.to_string(), attribute::<L>(value)?)));
            Attribute::map(members.collect::<Answer<Vec<_>>>()?)
        }
        "fromList" => Attribute::list(argument.items()?.iter().map(attribute::<L>).collect::<Answer<Vec<_>>>()?),
        "fromNull" if argument.bool()? => Attribute::null(),
        "fromNull" => return Err(Stop::NotExpressible("null_that_is_none.rs")),
        "fromBoolean" => Attribute::boolean(convert::val::<bool, L>(argument)?),
        "mapFromJsonPath" => Attribute::map_from(at::<_, L>(argument)?),
        "listFromJsonPath" => Attribute::list_from(at::<_, L>(argument)?),
        "booleanFromJsonPath" => Attribute::boolean(at::<_, L>(argument)?),
        "mapFromJsonata" => Attribute::map_from(expression::<_, L>(argument)?),
        "listFromJsonata" => Attribute::list_from(expression::<_, L>(argument)?),
        "booleanFromJsonata" => Attribute::boolean(expression::<_, L>(argument)?),
        other => return unknown(format!("an attribute by {other}")),
    })
}

fn at<T, L: Lang>(value: &V) -> Answer<Val<T, L>> {
    L::path_val(match value {
        V::Path(path) => path.clone(),
        text => path(text.text()?),
    })
}

fn expression<T: 'static, L: Lang>(text: &V) -> Answer<Val<T, L>> {
    let text = text.text()?;
    if !(text.starts_with("{%") && text.ends_with("%}")) {
        return Err(Stop::NotExpressible("text_as_computed_map.rs"));
    }
    convert::expression(text)
}

/// `DynamoProjectionExpression` and the calls on it.
fn projection(_: &Cx, value: &V) -> Answer<Vec<DynamoProjectionExpression>> {
    value.items()?.iter().map(|item| part(item)?.ok_or(Stop::NotExpressible("empty_projection.rs"))).collect()
}

fn part(value: &V) -> Answer<Option<DynamoProjectionExpression>> {
    let (call, args) = match value {
        V::New(..) => return Ok(None),
        V::Call(call, args) => (call, args),
        other => return unknown(format!("a projection from {other:?}")),
    };
    Ok(Some(match (call.as_str(), part(&args[0])?, &args[1]) {
        (".withAttribute", None, name) => DynamoProjectionExpression::attribute(name.text()?),
        (".withAttribute", Some(before), name) => before.with_attribute(name.text()?),
        (".atIndex", Some(before), V::Json(index)) => before.at_index(index.as_f64().unwrap_or_default() as u32),
        (".atIndex", None, _) => return Err(Stop::NotExpressible("projection_begins_with_index.rs")),
        (other, ..) => return unknown(other),
    }))
}

fn capacity(word: &str) -> Answer<DynamoConsumedCapacity> {
    Ok(match word {
        "INDEXES" => DynamoConsumedCapacity::Indexes,
        "TOTAL" => DynamoConsumedCapacity::Total,
        "NONE" => DynamoConsumedCapacity::None,
        other => return unknown(other),
    })
}

fn metrics(word: &str) -> Answer<DynamoItemCollectionMetrics> {
    Ok(match word {
        "SIZE" => DynamoItemCollectionMetrics::Size,
        "NONE" => DynamoItemCollectionMetrics::None,
        other => return unknown(other),
    })
}

fn values(word: &str) -> Answer<DynamoReturnValues> {
    Ok(match word {
        "NONE" => DynamoReturnValues::None,
        "ALL_OLD" => DynamoReturnValues::AllOld,
        "UPDATED_OLD" => DynamoReturnValues::UpdatedOld,
        "ALL_NEW" => DynamoReturnValues::AllNew,
        "UPDATED_NEW" => DynamoReturnValues::UpdatedNew,
        other => return unknown(other),
    })
}
