//! JSON texts: what is read is written back the same, and limits hold.

use stepwell_value::{DEPTH_MAX, DuplicateKeys, Limits, ParseErrorKind, parse, parse_with, write_pretty};

use super::{Kind, Target, promise};

pub(super) const TARGET: Target = Target {
    name: "json",
    kind: Kind::Json,
    seeds: &[
        r#"{"a": [1, -0, 1.50, 1e2, 12345678901234567890, 0.1E-7], "b": {"c": null, "d": [true, false]}}"#,
        r#"["", "\"\\\/\b\f\n\r\t", "\u00e9\ud83d\ude00", "é😀", {"": 0, "": 1}]"#,
        "[[[[[[[[[[]]]]]]]]]]",
        " \t\r\n{ } ",
        "-1.7976931348623157e308",
    ],
    words: &["", "a", "\u{0}", "é😀", "a very long key that does not fit inline", "\\", "\"", "\u{2028}"],
    check,
};

fn check(text: &str) -> Result<(), String> {
    let value = match parse(text) {
        Ok(value) => value,
        Err(err) => {
            return promise(
                err.offset <= text.len() && err.line > 0 && err.column > 0 && !err.to_string().is_empty(),
                || format!("the place of an error is outside the text: {err:?}"),
            );
        }
    };
    let written = value.to_string();
    promise(value.json_len() == written.len(), || "json_len is not the length of what is written".to_owned())?;
    let again = parse(&written).map_err(|err| format!("what is written does not parse: {err}"))?;
    promise(again == value && again.to_string() == written, || "what is written reads as another value".to_owned())?;
    let mut pretty = String::new();
    write_pretty(&value, &mut pretty);
    let again = parse(&pretty).map_err(|err| format!("what is written with blanks does not parse: {err}"))?;
    promise(again.to_string() == written, || "what is written with blanks reads as another value".to_owned())?;

    let depth = value.depth();
    promise(depth <= DEPTH_MAX, || format!("nested {depth} deep"))?;
    // Of what is written, not of `text`: there, a deep value may be hidden behind another one of the same key.
    let as_deep = Limits { depth_max: depth, ..Limits::default() };
    promise(parse_with(&written, &as_deep).is_ok(), || "refused at its own depth".to_owned())?;
    if let Some(depth_max) = depth.checked_sub(1) {
        let refused = parse_with(&written, &Limits { depth_max, ..Limits::default() });
        let is_too_deep = refused.is_err_and(|err| matches!(err.kind, ParseErrorKind::TooDeep(_)));
        promise(is_too_deep, || "accepted deeper than the limit".to_owned())?;
    }
    let short = Limits { bytes_max: text.len() - 1, ..Limits::default() };
    promise(parse_with(text, &short).is_err(), || "accepted longer than the limit".to_owned())?;
    let strict = Limits { duplicate_keys: DuplicateKeys::Reject, ..Limits::default() };
    match parse_with(text, &strict) {
        Ok(same) => promise(same == value, || "strict about keys, it is another value".to_owned()),
        Err(err) => promise(matches!(err.kind, ParseErrorKind::DuplicateKey(_)), || {
            format!("strict about keys, it fails: {err}")
        }),
    }
}
