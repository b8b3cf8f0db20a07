//! Intrinsic functions against the recorded and computed values, and row by row against the rules.

use std::path::PathBuf;

use crate::support::{World, json, shared, shared_folder};
use proptest::prelude::*;

use stepwell_asl::intrinsic::{Call, hash, uuid};
use stepwell_asl::jsonpath::Path;
use stepwell_value::Value;

/// What a call gives for `data`: a value as JSON, or the error's text.
fn call(text: &str, data: &str) -> String {
    let call = match Call::parse(text) {
        Ok(call) => call,
        Err(error) => return format!("rejected: {error}"),
    };
    match call.evaluate(&json(data), &world()) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

fn world() -> World {
    World {
        context: json(r#"{"Execution":{"Input":{"x":"in"}},"StateMachine":{"Name":"statemachine-a-b"}}"#),
        variables: vec![("name".into(), json(r#""Ann""#)), ("list".into(), json("[1,2]"))],
        ..World::default()
    }
}

/// Each row: call, data, what it gives. `invalid` stands for AWS's text about invalid arguments of the function.
fn check(rows: &[(&str, &str, &str)]) {
    for (text, data, expected) in rows {
        let name = text.split('(').next().unwrap();
        let expected = match *expected {
            "invalid" => format!("The function '{text}' had the following error: Invalid arguments in {name}"),
            expected => expected.to_owned(),
        };
        assert_eq!(call(text, data), expected, "{text} of {data}");
    }
}

/// Each text is refused when a definition is read.
fn check_rejected(texts: &[&str]) {
    for text in texts {
        assert!(Call::parse(text).is_err(), "{text} is taken");
    }
}

#[test]
fn all_vectors_of_java_hold() {
    let Some(text) = shared("reference/java-vectors.json") else { return };
    let vectors = json(&text);
    let cases = |name: &str| vectors.get(name).unwrap().as_array().unwrap().clone();
    let mut count = 0;
    let mut expect = |text: &str, case: &Value, expected: &Value| {
        let actual = Call::parse(text).unwrap().evaluate(case, &world());
        assert_eq!(actual.as_ref().map(Value::to_string), Ok(expected.to_string()), "{text} of {case}");
        count += 1;
    };
    for case in &cases("next_int") {
        expect("States.MathRandom($.start, $.end, $.seed)", case, case.get("value").unwrap());
    }
    for case in &cases("hash_set_order") {
        expect("States.ArrayUnique($.input)", case, case.get("output").unwrap());
    }
    for case in &cases("tokenizer") {
        expect("States.StringSplit($.input, $.delimiters)", case, case.get("output").unwrap());
    }
    for case in &cases("map_to_string") {
        expect("States.Format('{}', $.input)", case, case.get("text").unwrap());
    }
    assert_eq!(count, 91, "the other 27 are next_double (JSONata) and math_round (tested with its function)");
}

/// The calls recorded on AWS, each with its inputs and outputs.
#[test]
fn all_recorded_calls_hold() {
    let Some(folder) = shared_folder("conformance/cases/intrinsic-functions") else { return };
    let mut count = 0;
    for file in json_files(folder) {
        let case = json(&std::fs::read_to_string(&file).unwrap());
        let steps = case.get("steps").unwrap().as_array().unwrap();
        let mut text = None;
        for step in steps {
            let state = ["params", "definition", "$json", "States", "State_0", "Parameters", "FunctionResult.$"];
            if let Some(found) = follow(step, &state).and_then(Value::as_str) {
                text = Some(found.to_owned());
            }
            let (Some(text), Some(events)) = (&text, step.get("expect_history").and_then(Value::as_array)) else {
                continue;
            };
            let input = follow(&events[0], &["executionStartedEventDetails", "input", "$json"]).unwrap();
            let output = ["executionSucceededEventDetails", "output", "$json", "FunctionResult"];
            let expected = follow(events.last().unwrap(), &output).unwrap();
            if expected.to_string().contains("<<") {
                continue;
            }
            let context = [("Execution", [("Input", input.clone())].into_iter().collect::<Value>())];
            let world = World { context: context.into_iter().collect(), ..World::default() };
            let actual = Call::parse(text).unwrap().evaluate(input, &world).unwrap();
            assert_eq!(actual, *expected, "{text} of {input} in {}", file.display());
            count += 1;
        }
    }
    assert!(count >= 80, "only {count} recorded calls were found");
    println!("{count} recorded calls hold");
}

/// Every path and call under a key ending in `.$` that AWS accepted is taken, and what AWS refused is not.
#[test]
fn definitions_are_accepted_as_on_aws() {
    let Some(folder) = shared_folder("reference/validation-cases") else { return };
    let index = json(&std::fs::read_to_string(folder.join("index.json")).unwrap());
    let entries = index.as_array().cloned().or_else(|| index.get("cases")?.as_array().cloned()).unwrap();
    let mut count = 0;
    for entry in &entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let Ok(definition) = stepwell_value::parse(&std::fs::read_to_string(folder.join(text("file"))).unwrap()) else {
            continue;
        };
        let mut expressions = Vec::new();
        collect(&definition, "", &mut expressions);
        let refused = expressions.iter().find(|text| Path::parse(text).is_err() && Call::parse(text).is_err());
        let about_expressions = entry.to_string().contains("valid intrinsic function call");
        if about_expressions {
            assert!(refused.is_some(), "{} is taken", text("file"));
        } else if text("verdict") == "valid" && text("confidence") == "high" {
            assert_eq!(refused, None, "{}", text("file"));
            count += expressions.len();
        }
    }
    assert!(count > 50, "only {count} expressions were found");
}

#[test]
fn published_workflows_are_accepted() {
    let Some(folder) = shared_folder("real-world") else { return };
    for file in json_files(folder) {
        let Ok(definition) = stepwell_value::parse(&std::fs::read_to_string(&file).unwrap()) else { continue };
        let mut expressions = Vec::new();
        collect(&definition, "", &mut expressions);
        for text in expressions {
            assert!(Path::parse(&text).is_ok() || Call::parse(&text).is_ok(), "{text} in {}", file.display());
        }
    }
}

/// Values of keys that end in `.$`, but for those of a Pass state's `Result`, which is no template.
fn collect(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Str(text) if key.ends_with(".$") => found.push(text.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, "", found)),
        Value::Object(object) => {
            object.iter().filter(|(key, _)| *key != "Result").for_each(|(key, member)| collect(member, key, found));
        }
        _ => {}
    }
}

fn follow<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn json_files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

#[test]
fn format() {
    let data = r#"{"s":"x'{}","n":null,"b":true,"i":1,"f":1.50,"o":{"Arg1":1,"Arg2":[]},"a":[1,"a",null,{"k":1.0}],"t":"<{}>"}"#;
    check(&[
        ("States.Format('a {} b {}.', 'x', 2)", data, r#""a x b 2.""#),
        ("States.Format('no braces')", data, r#""no braces""#),
        ("States.Format('')", data, r#""""#),
        ("States.Format('{}{}', $.s, $.n)", data, r#""x'{}null""#),
        ("States.Format('{} {} {}', $.b, $.i, $.f)", data, r#""true 1 1.50""#),
        ("States.Format('{}', $.o)", data, r#""{Arg1=1, Arg2=[]}""#),
        ("States.Format('{}', $.a)", data, r#""[1, a, null, {k=1.0}]""#),
        ("States.Format($.t, 1)", data, r#""<1>""#),
        (r"States.Format('\{\} {} \'\\', 1)", data, r#""{} 1 '\\""#),
        ("States.Format('{}', $name)", data, r#""Ann""#),
        ("States.Format('{}', $$.Execution.Input.x)", data, r#""in""#),
        ("States.Format('{}', States.Format('<{}>', 1))", data, r#""<1>""#),
        (
            "States.Format('{} {}', 1)",
            data,
            "The function 'States.Format('{} {}', 1)' had the following error: Invalid arguments in States.Format: \
             number of arguments do not match the occurrences of {}",
        ),
        (
            "States.Format('{}', 1, 2)",
            data,
            "The function 'States.Format('{}', 1, 2)' had the following error: Invalid arguments in States.Format: \
             number of arguments do not match the occurrences of {}",
        ),
        (
            "States.Format('{ {}', 1)",
            data,
            "The function 'States.Format('{ {}', 1)' had the following error: matching '}' not found for '{'",
        ),
        ("States.Format($.i)", data, "invalid"),
    ]);
    check_rejected(&["States.Format()"]);
}

#[test]
fn json_text() {
    check(&[
        ("States.StringToJson('')", "{}", "null"),
        ("States.StringToJson(' \n')", "{}", "null"),
        ("States.StringToJson(' [1, 2] ')", "{}", "[1,2]"),
        ("States.StringToJson('-0')", "{}", "0"),
        ("States.StringToJson('[-0,-0.0,1.50]')", "{}", "[0,-0.0,1.50]"),
        ("States.StringToJson('{\"a\": {\"b\": -0}}')", "{}", r#"{"a":{"b":0}}"#),
        ("States.StringToJson('{')", "{}", "invalid"),
        ("States.StringToJson('1 2')", "{}", "invalid"),
        ("States.StringToJson(1)", "{}", "invalid"),
        ("States.JsonToString($)", r#"{"b":1,"a":[ 1.0, "x" ]}"#, r#""{\"b\":1,\"a\":[1.0,\"x\"]}""#),
        ("States.JsonToString('x')", "{}", r#""\"x\"""#),
        ("States.JsonToString(null)", "{}", r#""null""#),
    ]);
    check_rejected(&["States.StringToJson()", "States.StringToJson('1','2')", "States.JsonToString()"]);
}

#[test]
fn arrays() {
    check(&[
        ("States.Array()", "{}", "[]"),
        (
            "States.Array(1, 'a', true, null, $.x, States.Array())",
            r#"{"x":{"y":1}}"#,
            r#"[1,"a",true,null,{"y":1},[]]"#,
        ),
        ("States.ArrayPartition($, 4)", "[1,2,3,4,5,6,7,8,9]", "[[1,2,3,4],[5,6,7,8],[9]]"),
        ("States.ArrayPartition($, 2.6)", "[1,2,3]", "[[1,2],[3]]"),
        ("States.ArrayPartition($, 1)", "[]", "[]"),
        ("States.ArrayPartition($, 1e309)", "[1]", "invalid"),
        ("States.ArrayPartition($, 0)", "[1]", "invalid"),
        ("States.ArrayPartition($, 0.9)", "[1]", "invalid"),
        ("States.ArrayPartition($, -1)", "[1]", "invalid"),
        ("States.ArrayPartition($, '1')", "[1]", "invalid"),
        ("States.ArrayPartition($, 1)", "{}", "invalid"),
        ("States.ArrayContains($, 5)", "[1,2,5]", "true"),
        ("States.ArrayContains($, 5)", "[1,2]", "false"),
        ("States.ArrayContains($, 1)", r#"["1"]"#, "true"),
        ("States.ArrayContains($, 'true')", "[true]", "true"),
        ("States.ArrayContains($.a, $.v)", r#"{"a":[{"x":1,"y":2}],"v":{"x":1,"y":2}}"#, "true"),
        ("States.ArrayContains($.a, $.v)", r#"{"a":[{"x":1,"y":2}],"v":{"y":2,"x":1}}"#, "false"),
        ("States.ArrayContains($, 1)", "{}", "invalid"),
        ("States.ArrayRange(1, 9, 2)", "{}", "[1,3,5,7,9]"),
        ("States.ArrayRange(0, 3, 2)", "{}", "[0,2]"),
        ("States.ArrayRange(3, 0, -2)", "{}", "[3,1]"),
        ("States.ArrayRange(1.9, 3.9, 1.9)", "{}", "[1,2,3]"),
        ("States.ArrayRange(1, 3, -1)", "{}", "[]"),
        ("States.ArrayRange(3, 1, 1)", "{}", "[]"),
        ("States.ArrayRange(3, 3, -1)", "{}", "[3]"),
        ("States.ArrayRange(1, 3, 0)", "{}", "invalid"),
        ("States.ArrayRange(1, 3, 0.5)", "{}", "invalid"),
        ("States.ArrayRange(1, 1001, 1)", "{}", "invalid"),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "{}", "1000"),
        (
            "States.ArrayRange(-9223372036854775808, 9223372036854775807, 9223372036854775807)",
            "{}",
            "[-9223372036854775808,-1,9223372036854775806]",
        ),
        ("States.ArrayRange('1', 3, 1)", "{}", "invalid"),
        ("States.ArrayGetItem($, 0)", "[1,2]", "1"),
        ("States.ArrayGetItem($, 1.9)", "[1,2]", "2"),
        ("States.ArrayGetItem($, 2)", "[1,2]", "invalid"),
        ("States.ArrayGetItem($, -1)", "[1,2]", "invalid"),
        ("States.ArrayGetItem($, 0)", "[]", "null"),
        ("States.ArrayGetItem($, '0')", "[1]", "invalid"),
        ("States.ArrayLength($)", "[1,2]", "2"),
        ("States.ArrayLength($)", r#""ab""#, "invalid"),
        ("States.ArrayUnique($)", "[3,1,2,3,1]", "[1,2,3]"),
        ("States.ArrayUnique($)", "[[1,2],[2,1],[1,2]]", "[[2,1],[1,2]]"),
        ("States.ArrayUnique($)", r#"[{"a":1,"b":2},{"b":2,"a":1}]"#, r#"[{"a":1,"b":2}]"#),
        ("States.ArrayUnique($)", "[1,1.0,1.00,1]", "[1.0,1]"),
        (
            "States.ArrayLength(States.ArrayUnique($))",
            "[18446744073709551616,18446744073709551617,18446744073709551616]",
            "2",
        ),
        ("States.ArrayUnique($)", "{}", "invalid"),
    ]);
    check_rejected(&[
        "States.ArrayPartition($)",
        "States.ArrayContains($)",
        "States.ArrayRange(1, 2)",
        "States.ArrayGetItem($)",
        "States.ArrayLength()",
        "States.ArrayUnique()",
    ]);
}

#[test]
fn encoding_and_hashing() {
    check(&[
        ("States.Base64Encode('Data to encode')", "{}", r#""RGF0YSB0byBlbmNvZGU=""#),
        ("States.Base64Encode('')", "{}", r#""""#),
        ("States.Base64Encode('ü')", "{}", r#""w7w=""#),
        ("States.Base64Encode(1)", "{}", "invalid"),
        ("States.Base64Decode('RGVjb2RlZCBkYXRh')", "{}", r#""Decoded data""#),
        ("States.Base64Decode('')", "{}", r#""""#),
        ("States.Base64Decode('w7w')", "{}", r#""ü""#),
        ("States.Base64Decode(' w!7 w = ')", "{}", r#""ü""#),
        ("States.Base64Decode('Zg==')", "{}", r#""f""#),
        ("States.Base64Decode('Zg')", "{}", r#""f""#),
        ("States.Base64Decode('!!!')", "{}", r#""""#),
        ("States.Base64Decode('Z')", "{}", "invalid"),
        ("States.Base64Decode('Zg=')", "{}", "invalid"),
        ("States.Base64Decode('Zg==Zg==')", "{}", "invalid"),
        ("States.Base64Decode(1)", "{}", "invalid"),
        ("States.Hash('input data', 'SHA-1')", "{}", r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#),
        ("States.Hash(1, 'MD5')", "{}", r#""c4ca4238a0b923820dcc509a6f75849b""#),
        ("States.Hash('', 'MD5')", "{}", r#""d41d8cd98f00b204e9800998ecf8427e""#),
        ("States.Hash('x', 'md5')", "{}", "invalid"),
        ("States.Hash('x', 'SHA256')", "{}", "invalid"),
        ("States.Hash('x', 1)", "{}", "invalid"),
    ]);
    let characters = |count: usize| Value::from("ü".repeat(count)).to_string();
    assert!(call("States.Base64Encode($)", &characters(10_000)).starts_with('"'));
    check(&[
        ("States.Base64Encode($)", &characters(10_001), "invalid"),
        ("States.Base64Decode($)", &characters(10_001), "invalid"),
        ("States.Hash($, 'MD5')", &characters(10_001), "invalid"),
    ]);
    assert_eq!(hash("SHA-512", b"").map(|digest| digest.len()), Some(128));
    assert_eq!(hash("SHA-224", b""), None);
}

#[test]
fn json_merge() {
    let data = r#"{"a":{"x":{"p":1},"y":2},"b":{"z":4,"x":{"q":3}}}"#;
    check(&[
        ("States.JsonMerge($.a, $.b, false)", data, r#"{"x":{"q":3},"y":2,"z":4}"#),
        ("States.JsonMerge($.a, $.b, true)", data, "invalid"),
        ("States.JsonMerge($.a, $.b, null)", data, "invalid"),
        ("States.JsonMerge($.a, 1, false)", data, "invalid"),
        ("States.JsonMerge(1, $.b, false)", data, "invalid"),
        (
            r#"States.JsonMerge(States.StringToJson('{"k": "false"}'), $.a, false)"#,
            data,
            r#"{"k":"false","x":{"p":1},"y":2}"#,
        ),
    ]);
    check_rejected(&["States.JsonMerge($.a, $.b)"]);
}

#[test]
fn numbers() {
    check(&[
        ("States.MathAdd(111, -1)", "{}", "110"),
        ("States.MathAdd(1.5, 0)", "{}", "2"),
        ("States.MathAdd(-1.5, 0)", "{}", "-1"),
        ("States.MathAdd(-2.5, 0)", "{}", "-2"),
        ("States.MathAdd(1.49, -1.49)", "{}", "0"),
        ("States.MathAdd(2147483647, 0)", "{}", "2147483647"),
        ("States.MathAdd(2147483647, 1)", "{}", "invalid"),
        ("States.MathAdd(2147483648, -1)", "{}", "invalid"),
        ("States.MathAdd(-2147483648, -1)", "{}", "invalid"),
        ("States.MathAdd(1e309, 0)", "{}", "invalid"),
        ("States.MathAdd('1', 0)", "{}", "invalid"),
        ("States.MathAdd(null, 0)", "{}", "invalid"),
        ("States.MathRandom(-5, 5, 42)", "{}", "-5"),
        ("States.MathRandom(1, 2)", "{}", "1"),
        ("States.MathRandom(1.9, 2.9, 7.5)", "{}", "1"),
        ("States.MathRandom(1, 1)", "{}", "invalid"),
        ("States.MathRandom(2, 1)", "{}", "invalid"),
        ("States.MathRandom(0, 2147483648)", "{}", "invalid"),
        ("States.MathRandom(-9223372036854775808, 9223372036854775807)", "{}", "invalid"),
        ("States.MathRandom('1', 2)", "{}", "invalid"),
        ("States.MathRandom(1, 2, 'x')", "{}", "invalid"),
    ]);
    check_rejected(&["States.MathAdd(1)", "States.MathAdd(1, 2, 3)", "States.MathRandom(1)"]);
    let draw = Call::parse("States.MathRandom(10, 13)").unwrap();
    let world = world();
    let mut seen = [0; 3];
    for _ in 0..3_000 {
        let drawn = draw.evaluate(&Value::Null, &world).unwrap().as_i64().unwrap();
        seen[usize::try_from(drawn - 10).unwrap()] += 1;
    }
    assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
}

#[test]
fn strings_and_ids() {
    check(&[
        ("States.StringSplit('1,2,3', ',')", "{}", r#"["1","2","3"]"#),
        ("States.StringSplit('This.is+a,test=string', '.+,=')", "{}", r#"["This","is","a","test","string"]"#),
        ("States.StringSplit(',,,,', ',')", "{}", "[]"),
        ("States.StringSplit('', ',')", "{}", "[]"),
        ("States.StringSplit('abc', '')", "{}", r#"["abc"]"#),
        ("States.StringSplit('Hello\nWorld', '\n')", "{}", r#"["Hello","World"]"#),
        ("States.StringSplit(1, ',')", "{}", "invalid"),
        ("States.StringSplit('a', 1)", "{}", "invalid"),
        (
            "States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), States.MathAdd(\
             States.ArrayLength(States.StringSplit($$.StateMachine.Name, '-')), -1))",
            "{}",
            r#""b""#,
        ),
    ]);
    assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
    let id = call("States.UUID()", "{}");
    assert_eq!(id.len(), 38);
    check_rejected(&["States.UUID(1)", "States.StringSplit('a')"]);
}

#[test]
fn a_failing_argument_is_reported_with_the_outermost_call() {
    check(&[
        (
            "States.Format('{}', $.nope)",
            r#"{"a":1}"#,
            r#"The function 'States.Format('{}', $.nope)' had the following error: The JsonPath argument for the field '$.nope' could not be found in the input '{"a":1}'"#,
        ),
        (
            "States.Array(States.MathAdd('x', 1))",
            "{}",
            "The function 'States.Array(States.MathAdd('x', 1))' had the following error: Invalid arguments in States.MathAdd",
        ),
        (
            "States.Array($$.Nope)",
            "{}",
            "The function 'States.Array($$.Nope)' had the following error: The JsonPath argument for the field '$$.Nope' could not be found in the input \
             '{\"Execution\":{\"Input\":{\"x\":\"in\"}},\"StateMachine\":{\"Name\":\"statemachine-a-b\"}}'",
        ),
    ]);
}

#[test]
fn syntax() {
    let data = r#"{"a":[{"k":"x","v":1}],"it's":2,"b)":3,"c":{"d(e)":4}}"#;
    check(&[
        ("States.Array( 1 ,\n 2\t)  ", data, "[1,2]"),
        ("States.Array($.a[?(@.k == 'x')].v, 1)", data, "[[1],1]"),
        ("States.Array($.a[?(@.k==x && @.v<2)].v,1)", data, "[[1],1]"),
        ("States.Array($.a[0]['k','v'],$.a[0,0].v)", data, r#"[{"k":"x","v":1},[1,1]]"#),
        ("States.Array($['b)'],$.c.d(e))", data, "[3,4]"),
        ("States.Array($list[1],$name,$)", "0", r#"[2,"Ann",0]"#),
        ("States.Array(-1.5e3, 0, -0, 1e2)", data, "[-1.5e3,0,-0,1e2]"),
        (r"States.Array('it\'s \\ \{\}', '\'')", data, r#"["it's \\ {}","'"]"#),
        (r#"States.Array('{"raw": [1]}', 'a, b)', 'ü')"#, data, r#"["{\"raw\": [1]}","a, b)","ü"]"#),
        ("States.Array('$.a', 'States.UUID()')", data, r#"["$.a","States.UUID()"]"#),
    ]);
    let nested = |levels: usize| format!("{}1{}", "States.Array(".repeat(levels), ")".repeat(levels));
    assert!(Call::parse(&nested(10)).is_ok());
    check_rejected(&[
        "",
        "States",
        "States.",
        "States.Array",
        "States.Array(",
        "States.Array(1",
        "States.Array(1,",
        "States.Array(1,)",
        "States.Array(,1)",
        "States.Array(1 2)",
        "States.Array(1))",
        "States.Array(1) x",
        " States.Array(1)",
        "States.Array (1)",
        "States. Array(1)",
        "states.Array(1)",
        "States.array(1)",
        "States.Xyz(1)",
        "Xyz(1)",
        "States.Array(\"x\")",
        "States.Array('x)",
        r"States.Array('\n')",
        r#"States.Array('\"')"#,
        r"States.Array('\')",
        "States.Array([1])",
        "States.Array({})",
        "States.Array(True)",
        "States.Array(+1)",
        "States.Array(01)",
        "States.Array(.5)",
        "States.Array($.)",
        "States.Array($.a[)",
        "States.Array(a)",
        "$.a",
        &nested(11),
    ]);
    let error = Call::parse("States.Array(1, $.a[x])").unwrap_err();
    assert_eq!(error.to_string(), "Could not analyze path component: [x] (at byte 19)");
    let error = Call::parse(r"States.Array('a\n')").unwrap_err();
    assert_eq!(error.offset, 15);
}

#[test]
fn a_call_tells_its_paths_variables_and_kind() {
    let call = Call::parse("States.Format('{} {}', $name.x, States.Array($.a, $$.b, $list, $.c))").unwrap();
    let paths: Vec<_> = call.paths().into_iter().map(Path::text).collect();
    assert_eq!(paths, ["$name.x", "$.a", "$$.b", "$list", "$.c"]);
    assert_eq!(call.variables(), ["name", "list"]);
    assert_eq!(call.text(), "States.Format('{} {}', $name.x, States.Array($.a, $$.b, $list, $.c))");
    for (text, returns_string) in [
        ("States.Format('')", true),
        ("States.JsonToString(1)", true),
        ("States.ArrayGetItem($, 1)", true),
        ("States.Base64Encode('')", true),
        ("States.Base64Decode('')", true),
        ("States.Hash('', 'MD5')", true),
        ("States.UUID()", true),
        ("States.Array()", false),
        ("States.MathAdd(1, 1)", false),
        ("States.StringToJson('')", false),
    ] {
        assert_eq!(Call::parse(text).unwrap().returns_string(), returns_string, "{text}");
    }
}

#[test]
fn results_stay_within_the_depth_that_values_may_have() {
    let deep = format!("{}{}", "[".repeat(995), "]".repeat(995));
    let nested = |levels: usize| format!("{}${}", "States.Array(".repeat(levels), ")".repeat(levels));
    assert!(call(&nested(5), &deep).starts_with('['));
    assert!(call(&nested(6), &deep).ends_with("Invalid arguments in States.Array"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".*") {
        let _ = Call::parse(&text);
        let _ = Call::parse(&format!("States.Format({text})"));
    }

    #[test]
    fn no_call_panics(
        name in "(Format|StringToJson|JsonToString|Array|ArrayPartition|ArrayContains|ArrayRange|ArrayGetItem|ArrayLength|ArrayUnique|Base64Encode|Base64Decode|Hash|JsonMerge|MathRandom|MathAdd|StringSplit|UUID)",
        arguments in proptest::collection::vec("(\\$|\\$\\.[ab]|\\$\\$|\\$list|'[a{}\\\\ ]{0,4}'|-?[0-9]{1,20}|[0-9]\\.[0-9]|-?1e309|true|null|States\\.Array\\(1,'1'\\)|States\\.UUID\\(\\))", 0..4),
        data in "(\\{\"a\":\\[1,\"x\",null,2\\.5\\],\"b\":3\\}|\\[\\[1\\],2\\]|\"s\"|-7)",
    ) {
        let text = format!("States.{name}({})", arguments.join(", "));
        if let Ok(call) = Call::parse(&text) {
            let _ = call.evaluate(&json(&data), &world());
        }
    }

    #[test]
    fn decoding_undoes_encoding(text in ".{0,50}") {
        let data = Value::from(&*text);
        let both = Call::parse("States.Base64Decode(States.Base64Encode($))").unwrap();
        prop_assert_eq!(both.evaluate(&data, &world()).unwrap(), data);
    }

    #[test]
    fn unique_keeps_each_value_once(items in proptest::collection::vec(-40_i64..40, 0..60)) {
        let data: Value = items.iter().map(|item| Value::Int(*item)).collect();
        let unique = Call::parse("States.ArrayUnique($)").unwrap().evaluate(&data, &world()).unwrap();
        let mut actual: Vec<_> = unique.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
        actual.sort_unstable();
        let mut expected = items;
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(actual, expected);
    }
}
