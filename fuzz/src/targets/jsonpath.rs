//! JSONPath: parsed, applied to documents, and used to write.

use stepwell_asl::jsonpath::{Path, ReferencePath};
use stepwell_value::{DEPTH_MAX, Value};

use super::{Kind, Target, World, promise};
use crate::generate::parts;

pub(super) const TARGET: Target = Target {
    name: "jsonpath",
    kind: Kind::Jsonpath,
    seeds: &[
        "$.a.b[2].c",
        "$['a']['b'][0,1]",
        "$..b[?(@.c == 'text' && @.d > 1.5 || !@.e)]",
        "$.list[-2:]",
        "$.list[1:3].length()",
        "$$.Execution.Input.a[*]",
        "$ab.list[?(@ =~ /a+b*/i)]",
        "$.store.book[?(@.price < $.limit)]['title','tags']",
        "$..*",
    ],
    words: &[
        "$",
        "$$",
        "$ab",
        "@",
        ".a",
        "['a']",
        "[0]",
        "[-1]",
        "[*]",
        "..",
        "..*",
        "[0:2]",
        "[:]",
        "[::2]",
        "[?(@.a)]",
        "[?(@.a == 1)]",
        "[?(@ in ['x', 'y'])]",
        "[?(@.a =~ /x.*y/i)]",
        ".length()",
        ".min()",
        "[(@.length-1)]",
        "&&",
        "||",
        "!",
        "==",
        "'\\u0041'",
        "2147483648",
        "-2147483649",
        "null",
        "true",
        "[?(@.a empty true)]",
        "[?($..a nin [1])]",
        "/(a*)*b/",
        "size",
        "contains",
        "anyof",
        "subsetof",
    ],
    check,
};

fn check(input: &str) -> Result<(), String> {
    let (text, document) = parts(input);
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(err) => return promise(!err.to_string().is_empty(), || "an error without a word".to_owned()),
    };
    let again = Path::parse(path.text()).map_err(|err| format!("its own text does not parse: {err}"))?;
    promise(again.is_definite() == path.is_definite(), || "its own text is another path".to_owned())?;

    let world = World::new(&document);
    let selected = path.select(&document, &world);
    match &selected {
        Ok(selected) => {
            promise(path.is_definite() || selected.as_array().is_some(), || {
                "an indefinite path selects something else than an array".to_owned()
            })?;
            promise(selected.depth() <= DEPTH_MAX + 1, || "what is selected is nested too deep".to_owned())?;
        }
        Err(err) => promise(!err.to_string().is_empty(), || "an error without a word".to_owned())?,
    }
    let again = path.select(&document, &world);
    let is_same = match (&selected, &again) {
        (Ok(one), Ok(other)) => **one == **other,
        (Err(one), Err(other)) => one == other,
        _ => false,
    };
    promise(is_same, || "the second time it selects something else".to_owned())?;

    if let Ok(reference) = ReferencePath::parse(text) {
        promise(path.is_reference(), || "a reference path that says it is none".to_owned())?;
        let marker = Value::from("a value that is not in any document");
        if let Ok(changed) = reference.assign(document, marker.clone()) {
            let found = path.select(&changed, &world).map_err(|err| format!("what was written is not found: {err}"))?;
            promise(*found == marker, || "something else than what was written is found".to_owned())?;
        }
    }
    Ok(())
}
