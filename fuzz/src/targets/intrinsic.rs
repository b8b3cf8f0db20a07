//! Intrinsic functions: parsed and evaluated.

use stepwell_asl::intrinsic::Call;
use stepwell_value::parse;

use super::{Kind, Target, World, promise};
use crate::generate::parts;

pub(super) const TARGET: Target = Target {
    name: "intrinsic",
    kind: Kind::Intrinsic,
    seeds: &[
        "States.Format('Hello {}, {} \\{\\}', $.name, States.MathAdd(1, -2.5))",
        "States.ArrayPartition(States.ArrayRange(1, 9, 2), 4)",
        "States.ArrayGetItem($.list, States.MathAdd(States.ArrayLength($.list), -1))",
        "States.JsonMerge($.a, $.empty, false)",
        "States.StringToJson('{\"a\":[1,2]}')",
        "States.JsonToString($)",
        "States.Base64Decode(States.Base64Encode('é😀'))",
        "States.Hash($.name, 'SHA-384')",
        "States.StringSplit('a.b,c', ',.')",
        "States.ArrayUnique(States.Array(1, 1.0, '1', $.list, null))",
        "States.ArrayContains($.list, 3)",
        "States.MathRandom(1, 999, 5)",
        "States.UUID()",
    ],
    words: &[
        "States.Format",
        "States.StringToJson",
        "States.JsonToString",
        "States.Array",
        "States.ArrayPartition",
        "States.ArrayContains",
        "States.ArrayRange",
        "States.ArrayGetItem",
        "States.ArrayLength",
        "States.ArrayUnique",
        "States.Base64Encode",
        "States.Base64Decode",
        "States.Hash",
        "States.JsonMerge",
        "States.MathRandom",
        "States.MathAdd",
        "States.StringSplit",
        "States.UUID",
        "States.None",
        "$.list",
        "$",
        "$$.Execution",
        "$ab",
        "$.a.b[*]",
        "'{}'",
        "'\\{'",
        "'\\\\'",
        "''",
        "0",
        "-1",
        "0.5",
        "2147483647",
        "-2147483648",
        "9223372036854775807",
        "1e308",
        "-1e400",
        "null",
        "true",
        "'MD5'",
        "'[[[[[[[[[['",
        "'{\"a\":1}'",
        "'YWI='",
        ",",
    ],
    check,
};

fn check(input: &str) -> Result<(), String> {
    let (text, document) = parts(input);
    let call = match Call::parse(text) {
        Ok(call) => call,
        Err(err) => return promise(!err.to_string().is_empty(), || "an error without a word".to_owned()),
    };
    Call::parse(call.text()).map_err(|err| format!("its own text does not parse: {err}"))?;
    promise(call.variables().len() <= call.paths().len(), || "more variables than paths".to_owned())?;
    let result = call.evaluate(&document, &World::new(&document));
    let again = call.evaluate(&document, &World::new(&document));
    promise(result == again, || "the second time it gives something else".to_owned())?;
    match result {
        Err(err) => promise(!err.to_string().is_empty(), || "an error without a word".to_owned()),
        Ok(value) => {
            let written = value.to_string();
            let read = parse(&written).map_err(|err| format!("the result is no JSON: {err}"))?;
            promise(read.to_string() == written, || "the result reads as another value".to_owned())
        }
    }
}
