//! JSONata as AWS runs it: what it refuses, its own functions, its limits.

use stepwell_jsonata::{Budget, Environment, ErrorKind, Outcome, Profile, Program};
use stepwell_value::{Value, parse};

use crate::common::{Bindings, TestHost, read_json, same, shared};

fn run_over(expression: &str, input: Option<&Value>, bindings: &Bindings) -> Result<Outcome, stepwell_jsonata::Error> {
    let program = Program::compile(expression, Profile::aws())?;
    let host = TestHost::default();
    let environment = Environment { input, variables: bindings, host: &host };
    program.evaluate(&environment, &mut Budget::aws().with_stack_bytes(6 << 20))
}

fn run(expression: &str) -> Result<Outcome, stepwell_jsonata::Error> {
    let bindings = Bindings([("states".to_owned(), parse(STATES).unwrap())].into());
    let expression = expression.to_owned();
    // Frames of a debug build are large.
    std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(move || run_over(&expression, None, &bindings))
        .unwrap()
        .join()
        .unwrap()
}

const STATES: &str = r#"{"input": {"id": 9007199254740993, "list": [1, 2, 3, 4, 5], "one": [7], "name": "Ada"},
    "context": {"Execution": {"Id": "arn"}}}"#;

fn text(expression: &str) -> String {
    match run(expression) {
        Ok(Outcome::Value(value)) => value.to_string(),
        Ok(Outcome::Undefined) => "undefined".into(),
        Ok(Outcome::NotData) => "not data".into(),
        Err(err) => err.to_string(),
    }
}

#[test]
fn what_changed_after_2_0_6_is_refused_or_follows_the_suite() {
    let Some(suite) = shared("jsonata-suite") else { return };
    let differences = read_json(&suite.join("aws-2.0.6-differences.json"));
    let (mut refused, mut followed) = (0, 0);
    for difference in differences.as_array().unwrap() {
        let field = |name: &str| difference.get(name).and_then(Value::as_str).unwrap();
        let expression = field("expr");
        match field("advice") {
            "reject" => {
                let err = Program::compile(expression, Profile::aws()).expect_err(expression);
                let wanted = difference.get("jsonata_2_0_6").and_then(|js| js.get("code")).and_then(Value::as_str);
                assert_eq!(Some(err.code), wanted, "{expression}");
                refused += 1;
            }
            "follow-suite" => {
                let cases = read_json(&suite.join("groups").join(field("file")));
                let index = difference.get("index").and_then(Value::as_i64).unwrap() as usize;
                let case = cases.as_array().map_or(&cases, |cases| &cases[index]);
                let input = match (case.get("data"), case.get("dataset").and_then(Value::as_str)) {
                    (Some(data), _) => Some(data.clone()),
                    (_, Some(name)) => Some(read_json(&suite.join(format!("datasets/{name}.json")))),
                    _ => None,
                };
                let wanted = difference.get("suite").unwrap();
                let result = run_over(expression, input.as_ref(), &Bindings::default());
                match (result, wanted.get("result"), wanted.get("code").and_then(Value::as_str)) {
                    (Ok(Outcome::Value(value)), Some(wanted), _) => {
                        assert!(same(&value, wanted), "{expression}: {value}")
                    }
                    (Ok(Outcome::Undefined), None, None) => {}
                    (Err(err), _, Some(code)) => assert_eq!(err.code, code, "{expression}"),
                    (result, ..) => panic!("{expression}: {result:?}, wanted {wanted}"),
                }
                followed += 1;
            }
            _ => {}
        }
    }
    println!("aws profile: {refused} refused, {followed} as the suite");
    assert!(refused > 0 && followed > 0);
}

#[test]
fn seeded_random_numbers_are_those_of_java() {
    let Some(reference) = shared("reference") else { return };
    let vectors = read_json(&reference.join("java-vectors.json"));
    for vector in vectors.get("next_double").and_then(Value::as_array).unwrap().iter() {
        let seed = vector.get("seed").unwrap();
        let Ok(Outcome::Value(value)) = run(&format!("$random({seed})")) else { panic!("seed {seed}") };
        assert_eq!(value.as_f64(), vector.get("value").unwrap().as_f64(), "seed {seed}");
    }
}

#[test]
fn results_keep_integers_exact_and_write_infinity_as_text() {
    assert_eq!(text("$states.input.id"), "9007199254740993");
    assert_eq!(text("[$states.input.id, 1.0, 1e2]"), "[9007199254740993,1,100]");
    assert_eq!(text("1/0"), r#""Infinity""#);
    assert_eq!(text(r#"{"a": [-1/0, 0/0]}"#), r#"{"a":["-Infinity","NaN"]}"#);
    assert_eq!(text(r#"$parseInteger("abc", "0")"#), r#""NaN""#);
    assert_eq!(text("$string(1e20) & ' ' & $string(1e21)"), r#""100000000000000000000 1e+21""#);
    assert_eq!(text("$states.input.nope"), "undefined");
    assert_eq!(text("null"), "null");
    assert_eq!(text("$sum"), "not data");
    assert_eq!(text("/a/"), "not data");
    assert_eq!(text("function($x){$x}"), "not data");
}

#[test]
fn the_functions_of_aws() {
    assert_eq!(text("$partition($states.input.list, 2)"), "[[1,2],[3,4],[5]]");
    assert_eq!(text("$partition($states.input.list, 2.9)"), "[[1,2],[3,4],[5]]");
    assert_eq!(text("$partition($states.input.list)"), "[[1,2,3,4,5]]");
    assert_eq!(text("$partition($states.input.list, 0)"), "undefined");
    assert_eq!(text("$partition([], 2)"), "undefined");
    assert_eq!(text("$partition($states.input.nope, 2)"), "undefined");
    assert_eq!(text("$partition($states.input.list, -1)"), "D3137: Second argument must be zero or greater");
    assert!(text("$partition(5, 2)").starts_with("T0412"));
    assert_eq!(text("$range(0, 10, 3)"), "[0,3,6,9]");
    assert_eq!(text("$range(3, 1, -1)"), "[3,2,1]");
    assert_eq!(text("$range(1, 9, 9)"), "1");
    assert_eq!(text("$range(1, 9, 0)"), "undefined");
    assert_eq!(text("$range(1, 9, -1)"), "undefined");
    assert_eq!(text("$range(1, 9)"), "undefined");
    assert_eq!(text(r#"$hash("abc", "SUM")"#), r#""126""#);
    assert!(text(r#"$hash("abc", "NONE")"#).starts_with("D3137"));
    assert_eq!(text(r#"$hash("abc")"#), "undefined");
    assert_eq!(text("$uuid()"), r#""6f1d6e3c-2a4b-4c5d-8e9f-0a1b2c3d4e5f""#);
    assert_eq!(text("$uuid(1)"), r#"T0410: Argument 1 of function "uuid" does not match function signature"#);
    assert_eq!(text(r#"$parse('{"a": [1.0, 12345678901234567]}')"#), r#"{"a":[1,12345678901234567]}"#);
    assert_eq!(text(r#"$parse('-0')"#), "0");
    assert_eq!(text(r#"$parse('{"a": 1, "a": 2}')"#), "D3137: Invalid JSON");
    assert_eq!(text(r#"$parse('1 2')"#), "D3137: Invalid JSON");
    assert_eq!(text(r#"$parse('')"#), "D3137: Invalid JSON");
    assert_eq!(text(r#"$eval("1")"#), "T1006: Attempted to invoke a non-function");
    assert_eq!(text(r#"$formatNumber(1, "x")"#).split(':').next(), Some("D3086"));
}

#[test]
fn error_texts_are_those_of_the_library() {
    assert_eq!(text("[1, 2"), r#"S0203: Expected "]" before end of expression"#);
    assert_eq!(text("$states.input[1, 2]"), r#"S0202: Expected "]", got ",""#);
    assert_eq!(text("$length(1)"), r#"T0410: Argument 1 of function "length" does not match function signature"#);
    assert_eq!(text("1 + 'a'"), r#"T2002: The right side of the "+" operator must evaluate to a number"#);
    assert_eq!(
        text("1 < 'a'"),
        r#"T2009: The values 1 and "a" either side of operator "<" must be of the same data type"#
    );
    assert_eq!(text("$sqrt(-2)"), "D3060: The sqrt function cannot be applied to a negative number: -2");
    assert_eq!(text("$number('x')"), r#"D3030: Unable to cast value to a number: "x""#);
    assert_eq!(text("sum(1)"), "T1005: Attempted to invoke a non-function. Did you mean $sum?");
    assert_eq!(text("$error('no')"), "D3137: no");
}

/// Reference, 3.6: all measured on AWS.
#[test]
fn the_limits_of_aws() {
    let kind = |expression: &str| match run(expression) {
        Ok(_) => None,
        Err(err) => Some(err.kind()),
    };
    let depth = Some(ErrorKind::Depth);
    let terms = |n: usize| vec!["1"; n].join("+");
    assert_eq!((kind(&terms(100)), kind(&terms(101))), (None, depth));
    let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    assert_eq!((kind(&nested("(", ")", 99)), kind(&nested("(", ")", 100))), (None, depth));
    assert_eq!((kind(&nested("[", "]", 99)), kind(&nested("[", "]", 100))), (None, depth));
    let chain = |n: usize| format!("1{}", "~>$abs".repeat(n));
    assert_eq!((kind(&chain(99)), kind(&chain(100))), (None, depth));
    let recursion = |n: usize| format!("($f := function($n){{ $n=0 ? 0 : 1+$f($n-1) }}; $f({n}))");
    assert_eq!((kind(&recursion(31)), kind(&recursion(32))), (None, depth));

    let memory = Some(ErrorKind::Memory);
    assert_eq!((kind("[1..873782]"), kind("[1..873783]")), (None, memory));
    assert_eq!((kind("$range(1, 360145, 1)"), kind("$range(1, 360146, 1)")), (None, memory));
    let doubled = |n: usize| format!("$length($reduce([1..{n}], function($s, $i){{ $s & $s }}, 'x'))");
    assert_eq!((kind(&doubled(22)), kind(&doubled(23))), (None, memory));
}

#[test]
fn references_say_what_an_expression_reads() {
    let compiled = |expression: &str| Program::compile(expression, Profile::aws()).unwrap();
    let names =
        |reads: &[stepwell_jsonata::Read<'_>]| reads.iter().map(|read| read.name.to_string()).collect::<Vec<_>>();

    let program = compiled("$states.input.orders[total > $limit and $ != 1].id & $sum($rate)");
    let found = program.references();
    assert_eq!(names(&found.variables), ["states", "limit", "rate"]);
    assert_eq!(found.states[0].path, ["input", "orders", "id"]);
    assert_eq!(found.states[0].position, 7);
    assert!(found.top_level.is_empty());

    assert_eq!(names(&compiled("phone.number").references().top_level), ["phone"]);
    assert_eq!(names(&compiled("$$.a").references().top_level), ["$$"]);
    assert_eq!(names(&compiled("$count($)").references().top_level), ["$"]);
    assert_eq!(names(&compiled("$map([1], function($x){ $x + phone })").references().top_level), ["phone"]);
    assert_eq!(names(&compiled("$states.{'a': phone}").references().top_level), Vec::<String>::new());
    assert_eq!(names(&compiled("$states.input{status: $count($)}").references().top_level), Vec::<String>::new());
    assert_eq!(names(&compiled("($x := 1; $x + $y)").references().variables), ["y"]);
    assert_eq!(names(&compiled("function($a){ $a + $b }").references().variables), ["b"]);
    assert_eq!(compiled("$states").references().states[0].path.len(), 0);
    assert_eq!(names(&compiled("$states.input ~> |orders|{'seen': id}|").references().top_level), Vec::<String>::new());
}

/// As the reference has it, whose first step is not a step of the stream when it is an array that is written there.
#[test]
fn an_array_that_is_written_first_binds_no_focus() {
    assert_eq!(text("$states.input.list.([1, 2]@$v.$)"), "[1,2,3,4,5]", "the context stays what it was");
    assert_eq!(text("$states.input.([1, 2]@$v.{'v': $v, 'name': name})"), r#"{"name":"Ada"}"#);
    assert_eq!(text("$states.input.(([1, 2])@$v.{'v': $v})"), r#"[{"v":1},{"v":2}]"#, "in parentheses it is a value");
    assert_eq!(text("$states.input.one.[1, 2]@$v.{'v': $v}"), r#"[{"v":1},{"v":2}]"#, "later it is a step");
}
