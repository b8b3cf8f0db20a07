//! Parse then write is the identity up to blanks and escapes, on texts without duplicate keys.

use proptest::prelude::*;
use stepwell_value::{Value, parse};

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|int| int.to_string()),
        any::<u128>().prop_map(|int| int.to_string()),
        any::<f64>()
            .prop_filter("JSON numbers are finite", |float| float.is_finite())
            .prop_map(|float| format!("{float:e}")),
        r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
    ]
}

fn string() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| Value::from(text).to_string())
}

fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![Just("null".into()), Just("true".into()), Just("false".into()), number(), string()];
    scalar.prop_recursive(6, 120, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(any::<String>(), inner, 0..24).prop_map(|members| {
                let members = members.into_iter().map(|(key, member)| format!("{}:{member}", Value::from(key)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn parse_then_write_is_the_identity(text in json()) {
        let value = parse(&text).unwrap();
        prop_assert_eq!(value.to_string(), text.clone());
        prop_assert_eq!(value.json_len(), text.len());
        prop_assert_eq!(&value, &parse(&text).unwrap());
    }

    #[test]
    fn blanks_between_tokens_do_not_matter(text in json()) {
        let mut pretty = String::new();
        stepwell_value::write_pretty(&parse(&text).unwrap(), &mut pretty);
        prop_assert_eq!(parse(&pretty).unwrap().to_string(), text);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_json_like_text_is_answered(text in r#"[\[\]{}:," \\u0-9a-f.eE+truefalsn-]{0,64}"#) {
        if let Ok(value) = parse(&text) {
            prop_assert_eq!(parse(&value.to_string()).unwrap().to_string(), value.to_string());
        }
    }
}
