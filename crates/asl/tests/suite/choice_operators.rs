//! Choice operators against the table recorded from AWS, and rule by rule.

use crate::support::{World, json, shared};
use proptest::prelude::*;

use stepwell_asl::comparison::{self, Operator, timestamp};
use stepwell_asl::jsonpath::{Path, PathError};
use stepwell_value::{Kind, Value};

fn matches(field: &str, variable: &str, operand: &str) -> bool {
    let (operator, _) = Operator::parse(field).unwrap_or_else(|| panic!("{field} is no operator"));
    comparison::matches(operator, &json(variable), &json(operand))
}

#[test]
fn all_recorded_cases_hold() {
    let Some(text) = shared("reference/data/choice-operators.json") else { return };
    let corpus = json(&text);
    let cases = corpus.get("cases").unwrap().as_array().unwrap();
    let world = World::default();
    for case in cases {
        let field = case.get("operator").unwrap().as_str().unwrap();
        let (variable, operand) = (case.get("variable").unwrap(), case.get("operand").unwrap());
        let input: Value = [("Variable", variable.clone()), ("Value", operand.clone())].into_iter().collect();
        let select = |path: &str| Path::parse(path).unwrap().select(&input, &world).map(|value| value.into_value());
        let actual = if field == "IsPresent" {
            Some(select("$.Variable").is_ok()) == operand.as_bool()
        } else {
            let (operator, is_path) = Operator::parse(field).unwrap();
            let operand = if is_path { select("$.Value").unwrap() } else { operand.clone() };
            comparison::matches(operator, &select("$.Variable").unwrap(), &operand)
        };
        assert_eq!(Some(actual), case.get("match").unwrap().as_bool(), "{case}");
    }
    println!("{} cases hold", cases.len());
}

#[test]
fn there_are_39_data_operators_and_is_present() {
    let names: Vec<String> = comparison::field_names().collect();
    assert_eq!(names.len(), 39);
    for name in names.iter().filter(|name| *name != "IsPresent") {
        let (operator, is_path) = Operator::parse(name).unwrap();
        assert_eq!(format!("{}{}", operator.name(), if is_path { "Path" } else { "" }), *name);
    }
    for other in ["IsPresent", "And", "Or", "Not", "StringMatchesPath", "IsNullPath", "stringEquals", "Path", ""] {
        assert!(Operator::parse(other).is_none(), "{other}");
    }
}

#[test]
fn operands_of_a_definition_have_the_kind_of_their_operator() {
    let accepts = |field: &str, operand: &str| Operator::parse(field).unwrap().0.accepts(&json(operand));
    assert!(accepts("StringEquals", r#""x""#));
    assert!(!accepts("StringEquals", "1"));
    assert!(accepts("NumericLessThan", "1.50"));
    assert!(!accepts("NumericLessThan", r#""1""#));
    assert!(accepts("BooleanEquals", "true"));
    assert!(!accepts("BooleanEquals", r#""true""#));
    assert!(accepts("IsNull", "false"));
    assert!(!accepts("IsNull", "null"));
    assert!(accepts("TimestampEquals", r#""2016-03-14T01:59:00Z""#));
    assert!(!accepts("TimestampEquals", r#""2016-03-14""#));
    assert_eq!(Operator::parse("StringMatches").unwrap().0.operand_kind(), Kind::String);
}

#[test]
fn a_missing_variable_is_a_miss_which_only_is_present_answers() {
    let select = |path: &str, data: &str| {
        let data = json(data);
        Path::parse(path).unwrap().select(&data, &World::default()).map(|value| value.into_value())
    };
    assert!(matches!(select("$.a", "{}"), Err(PathError::Miss { .. })));
    assert!(matches!(select("$.a.b", "{}"), Err(PathError::Miss { .. })));
    assert!(matches!(select("$v", "{}"), Err(PathError::UnknownVariable { .. })));
    assert_eq!(select("$.a", r#"{"a":null}"#), Ok(Value::Null), "null is present");
}

#[test]
fn strings_compare_by_utf_16_units() {
    // U+1F600 is written with surrogates, which come before U+FF5E.
    assert!(matches("StringLessThan", r#""😀""#, r#""～""#));
    assert!(matches("StringLessThan", r#""Z""#, r#""a""#));
    assert!(matches("StringLessThan", r#""a""#, r#""ab""#));
    assert!(matches("StringGreaterThan", r#""é""#, r#""z""#));
    assert!(matches("StringLessThan", r#""😀""#, r#""😁""#));
    assert!(matches("StringGreaterThanEquals", r#""～～""#, r#""～""#));
}

#[test]
fn numbers_compare_as_doubles() {
    assert!(matches("NumericEquals", "9007199254740993", "9007199254740992"));
    assert!(matches("NumericEquals", "1.0", "1"));
    assert!(matches("NumericEquals", "1e2", "100"));
    assert!(matches("NumericEquals", "-0", "0"));
    assert!(matches("NumericLessThan", "-1.5", "-1"));
    assert!(!matches("NumericEquals", "1", "\"1\""));
}

#[test]
fn string_matches_has_one_wildcard() {
    for (text, pattern, expected) in [
        ("log-2024.txt", "log-*.txt", true),
        ("log-.txt", "log-*.txt", true),
        ("log.txt", "log-*.txt", false),
        ("", "", true),
        ("x", "", false),
        ("", "*", true),
        ("anything\nat all", "*", true),
        ("aXbXc", "a*c", true),
        ("aXbXc", "a*b", false),
        ("abab", "*ab*ab", true),
        ("ab", "*ab*ab", false),
        ("aab", "a*ab", true),
        ("ab", "ab*ab", false),
        ("aba", "ab*ba", false),
        ("a*b", r"a\*b", true),
        ("axb", r"a\*b", false),
        (r"a\b", r"a\\b", true),
        (r"a\xb", r"a\\*b", true),
        (r"a\xb", r"a\xb", true),
        (r"a\", r"a\", true),
        ("a.b", "a.b", true),
        ("axb", "a.b", false),
        ("a?b", "a?b", true),
        ("[a]", "[a]", true),
        ("über", "ü*r", true),
        ("abc", "***", true),
        ("abc", "a**c", true),
    ] {
        let operator = Operator::StringMatches;
        assert_eq!(comparison::matches(operator, &text.into(), &pattern.into()), expected, "{text} {pattern}");
    }
    assert!(!matches("StringMatches", "1", r#""*""#), "a number is no text");
}

#[test]
fn a_long_pattern_takes_time_linear_in_the_text() {
    let text = Value::from("a".repeat(200_000));
    let pattern = Value::from(format!("*{}b", "a*".repeat(50_000)));
    assert!(!comparison::matches(Operator::StringMatches, &text, &pattern));
    let pattern = Value::from(format!("*{}b*", "a".repeat(100_000)));
    assert!(!comparison::matches(Operator::StringMatches, &text, &pattern));
}

#[test]
fn timestamps_are_instants_of_rfc_3339() {
    assert!(matches("TimestampEquals", r#""2016-03-14T01:59:00Z""#, r#""2016-03-14T02:59:00+01:00""#));
    assert!(matches("TimestampEquals", r#""2016-03-14T01:59:00Z""#, r#""2016-03-14T01:59:00.000Z""#));
    assert!(matches("TimestampLessThan", r#""2016-03-14T01:59:00.1Z""#, r#""2016-03-14T01:59:00.15Z""#));
    assert!(matches("TimestampGreaterThan", r#""2016-03-14T01:59:00-02:00""#, r#""2016-03-14T01:59:00Z""#));
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("2000-02-29T00:00:00Z", 951_782_400),
        ("2000-03-01T00:00:00Z", 951_868_800),
        ("2024-02-29T12:00:00+05:30", 1_709_188_200),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(timestamp(text), Some(seconds * 1_000_000_000), "{text}");
    }
    for wrong in [
        "",
        "2016-03-14",
        "2016-03-14T01:59:00",
        "2016-03-14T01:59Z",
        "2016-03-14t01:59:00Z",
        "2016-03-14T01:59:00z",
        "2016-03-14 01:59:00Z",
        "2016-03-14T01:59:00.Z",
        "2016-03-14T01:59:00+0100",
        "2016-03-14T01:59:00+01",
        "2016-13-14T01:59:00Z",
        "2016-00-14T01:59:00Z",
        "2015-02-29T01:59:00Z",
        "1900-02-29T01:59:00Z",
        "2016-03-32T01:59:00Z",
        "2016-03-14T24:00:00Z",
        "2016-03-14T01:60:00Z",
        "2016-03-14T01:59:60Z",
        "2016-03-14T01:59:00Z ",
        " 2016-03-14T01:59:00Z",
        "2016-03-14T01:59:00+24:00",
        "２016-03-14T01:59:00Z",
        "16-03-14T01:59:00Z",
    ] {
        assert_eq!(timestamp(wrong), None, "{wrong}");
        assert!(!matches("IsTimestamp", &Value::from(wrong).to_string(), "true"));
        assert!(matches("IsTimestamp", &Value::from(wrong).to_string(), "false"));
    }
    assert!(matches("IsTimestamp", r#""2016-03-14T01:59:00.123456789123Z""#, "true"));
    assert!(matches("IsTimestamp", "1", "false"));
}

proptest! {
    #[test]
    fn no_text_makes_a_comparison_panic(text in ".*", other in ".*") {
        for name in comparison::field_names().filter(|name| name != "IsPresent") {
            let (operator, _) = Operator::parse(&name).unwrap();
            comparison::matches(operator, &Value::from(&*text), &Value::from(&*other));
            operator.accepts(&Value::from(&*text));
        }
    }

    #[test]
    fn timestamp_like_texts_do_not_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})?") {
        let instant = timestamp(&text);
        let read = text.parse::<jiff::Timestamp>();
        if let Some(instant) = instant && !text.contains('.') && let Ok(read) = read {
            prop_assert_eq!(instant, read.as_nanosecond());
        }
    }

    #[test]
    fn the_order_of_strings_is_that_of_their_units(a in "[a\u{e000}\u{ffff}\u{10000}\u{10ffff}é]{0,4}", b in "[a\u{e000}\u{ffff}\u{10000}\u{10ffff}é]{0,4}") {
        let less = comparison::matches(Operator::parse("StringLessThan").unwrap().0, &Value::from(&*a), &Value::from(&*b));
        prop_assert_eq!(less, a.encode_utf16().lt(b.encode_utf16()));
    }

    #[test]
    fn stars_match_as_a_plain_search_does(text in "[ab*\\\\]{0,8}", pattern in "[ab*\\\\]{0,6}") {
        fn plain(text: &[u8], pattern: &[u8]) -> bool {
            match pattern {
                [] => text.is_empty(),
                [b'*', rest @ ..] => (0..=text.len()).any(|skipped| plain(&text[skipped..], rest)),
                [b'\\', escaped @ (b'*' | b'\\'), rest @ ..] => text.first() == Some(escaped) && plain(&text[1..], rest),
                [byte, rest @ ..] => text.first() == Some(byte) && plain(&text[1..], rest),
            }
        }
        let actual = comparison::matches(Operator::StringMatches, &Value::from(&*text), &Value::from(&*pattern));
        prop_assert_eq!(actual, plain(text.as_bytes(), pattern.as_bytes()));
    }
}
