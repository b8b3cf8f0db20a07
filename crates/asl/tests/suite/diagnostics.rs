//! What is wrong with a definition, in AWS's words; and the page that people see.

use expect_test::{Expect, expect};
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, Severity, compile, compile_state};

/// A machine `A` (as given) `-> Z`, where `Z` succeeds.
fn machine(state: &str) -> String {
    format!(r#"{{"StartAt":"A","States":{{"A":{state},"Z":{{"Type":"Succeed"}}}}}}"#)
}

/// One line per diagnostic: code, AWS's text, location.
fn lines(text: &str, options: &Options) -> String {
    let compiled = compile(text, Format::Json, options);
    let mut lines = String::new();
    for found in &compiled.diagnostics {
        let warning = if found.severity == Severity::Warning { "warning " } else { "" };
        lines.push_str(&format!("{warning}{} {found}\n", found.code));
    }
    assert_eq!(compiled.is_valid(), compiled.diagnostics.iter().all(|found| found.severity == Severity::Warning));
    lines
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&lines(text, &Options::default()));
}

fn check_state(state: &str, expected: Expect) {
    check(&machine(state), expected);
}

#[test]
fn transitions_are_judged_as_measured_on_aws() {
    // Every kind of transition is called Next.
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"1"}],
            "Default":"2"},"B":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:1:function:f","End":true,
            "Catch":[{"ErrorEquals":["E"],"Next":"3"}]}}}"#,
        expect![[r#"
            MISSING_TRANSITION_TARGET Missing 'Next' target: 1 at /States/A/Choices[0]/Next
            MISSING_TRANSITION_TARGET Missing 'Next' target: 2 at /States/A/Default
            MISSING_TRANSITION_TARGET Missing 'Next' target: 3 at /States/B/Catch[0]/Next
            MISSING_TRANSITION_TARGET State "B" is not reachable. at /States/B
        "#]],
    );
    // Of states that hang together, the first is reported.
    check(
        r#"{"StartAt":"?","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"}}}"#,
        expect![[r#"
            MISSING_TRANSITION_TARGET Missing 'Next' target: ? at /StartAt
            MISSING_TRANSITION_TARGET State "A" is not reachable. at /States/A
        "#]],
    );
    // Without an end, states that are not reachable are not reported, and neither is a place.
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"},"B":{"Type":"Pass","Next":"A"}}}"#,
        expect![[r#"
            MISSING_END_STATE Workflow has no terminal state
        "#]],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"NOPE"}}}"#,
        expect![[r#"
            MISSING_TRANSITION_TARGET Missing 'Next' target: NOPE at /States/A/Next
            MISSING_END_STATE Workflow has no terminal state
        "#]],
    );
    // A circle that nothing leads into.
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"B"}}}"#,
        expect![[r#"
            MISSING_TRANSITION_TARGET State "B" is not reachable. at /States/B
        "#]],
    );
}

#[test]
fn branches_are_judged_where_they_stand() {
    check_state(
        r#"{"Type":"Parallel","Next":"Z","Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},
            {"StartAt":"C","States":{"C":{"Type":"Map","End":true,"Iterator":{"StartAt":"D","States":{"D":{"Type":"Pass",
            "End":true},"E":{"Type":"Pass","Next":"Z"}}}}}}]}"#,
        expect![[r#"
            MISSING_TRANSITION_TARGET Missing 'Next' target: Z at /States/A/Branches[1]/States/C/Iterator/States/E/Next
            MISSING_TRANSITION_TARGET State "E" is not reachable. at /States/A/Branches[1]/States/C/Iterator/States/E
        "#]],
    );
    check_state(
        r#"{"Type":"Parallel","Next":"Z","Branches":[]}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED Value cannot be empty at /States/A/Branches
        "#]],
    );
}

#[test]
fn errors_of_form_hide_errors_of_the_whole() {
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"NOPE","Foo":1},"A2":{"Type":"Wait","Seconds":-1,"End":true}}}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED Field 'Foo' is not supported at /States/A
            SCHEMA_VALIDATION_FAILED Minimum value is 0 at /States/A2/Seconds
        "#]],
    );
}

#[test]
fn the_query_language_decides_which_fields_there_are() {
    check_state(
        r#"{"Type":"Pass","QueryLanguage":"JSONata","Result":1,"ResultPath":"$.x","Next":"Z"}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'Result' is only supported for the 'JSONPath' QueryLanguage at /States/A
            SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'ResultPath' is only supported for the 'JSONPath' QueryLanguage at /States/A
        "#]],
    );
    check_state(
        r#"{"Type":"Choice","Choices":[{"Condition":"{% true %}","Next":"Z"}]}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at /States/A
        "#]],
    );
    check_state(
        r#"{"Type":"Choice","QueryLanguage":"JSONata","Choices":[{"Variable":"$.a","IsNull":true,"Next":"Z"}]}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at /States/A
            SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'IsNull' is only supported for the 'JSONPath' QueryLanguage at /States/A
        "#]],
    );
}

/// A Pass state of JSONata with one expression as output.
fn output(expression: &str) -> String {
    let expression = expression.replace('\\', "\\\\").replace('"', "\\\"");
    machine(&format!(
        r#"{{"Type":"Pass","QueryLanguage":"JSONata","Output":{{"v":["{{%{expression}%}}"]}},"Next":"Z"}}"#
    ))
}

/// Expression and message, as measured on AWS (floci-io/floci, issues 2745 and 2670).
#[test]
fn expressions_are_refused_in_the_words_of_aws() {
    for (expression, message) in [
        (" a[1,2) ", r#"INVALID_JSONATA_EXPRESSION Expected "]", got ",""#),
        (r#""unterminated"#, "INVALID_JSONATA_EXPRESSION String literal must be terminated by a matching quote"),
        ("1 +", "INVALID_JSONATA_EXPRESSION Unexpected end of expression"),
        (r#"{"a":}"#, r#"INVALID_JSONATA_EXPRESSION The symbol "}" cannot be used as a unary operator"#),
        ("$x :=", "INVALID_JSONATA_EXPRESSION Unexpected end of expression"),
        (r#"$match("a", /abc"#, "INVALID_JSONATA_EXPRESSION No terminating / in regular expression"),
        ("phone %.other", r#"INVALID_JSONATA_EXPRESSION The symbol "." cannot be used as a unary operator"#),
        ("", "INVALID_JSONATA_EXPRESSION Unexpected end of expression"),
        ("phone", "UNSUPPORTED_JSONATA_EXPRESSION Reference to 'phone' at the top level is not supported."),
        (
            "$map($states.input.a, function($x){ b })",
            "UNSUPPORTED_JSONATA_EXPRESSION Reference to 'b' at the top level is not supported.",
        ),
        ("$$", "UNSUPPORTED_JSONATA_EXPRESSION Reference to '$$' is not supported."),
        ("$states.errorOutput", "UNSUPPORTED_JSONATA_EXPRESSION Field '$states.errorOutput' does not exist."),
        ("$states.result.x", "UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist."),
    ] {
        let expected = format!("{message} at /States/A/Output/v[0]\n");
        assert_eq!(lines(&output(expression), &Options::default()), expected, "{expression}");
    }
    for expression in ["$states.input.items[value > 3].($ & name)", "$states.context.Execution.Id", "$x.a", "$now()"] {
        assert_eq!(lines(&output(expression), &Options::default()), "", "{expression}");
    }
}

#[test]
fn results_and_errors_can_be_read_where_there_are_some() {
    let task = |fields: &str| {
        machine(&format!(
            r#"{{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:lambda:us-east-1:1:function:f","Next":"Z",{fields}}}"#
        ))
    };
    check(
        &task(
            r#""Output":"{% $states.result %}","Assign":{"x":"{% $states.result %}"},
               "Catch":[{"ErrorEquals":["E"],"Next":"Z","Output":"{% $states.errorOutput %}","Assign":{"e":"{% $states.errorOutput %}"}}]"#,
        ),
        expect![""],
    );
    check(
        &task(
            r#""Arguments":"{% $states.result %}","TimeoutSeconds":"{% $states.result %}","Output":"{% $states.errorOutput %}",
               "Catch":[{"ErrorEquals":["E"],"Next":"Z","Output":"{% $states.result %}"}]"#,
        ),
        expect![[r#"
            UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist. at /States/A/TimeoutSeconds
            UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist. at /States/A/Arguments
            UNSUPPORTED_JSONATA_EXPRESSION Field '$states.errorOutput' does not exist. at /States/A/Output
            UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist. at /States/A/Catch[0]/Output
        "#]],
    );
}

#[test]
fn a_wrong_expression_is_the_only_complaint() {
    check(
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Condition":"{% 1 + %}",
            "Next":"B"}]},"B":{"Type":"Wait","Seconds":"{% ) %}","Next":"C"},"C":{"Type":"Wait","Timestamp":"{% ( %}",
            "Next":"D"},"D":{"Type":"Fail","Error":"{% [ %}"}}}"#,
        expect![[r#"
            INVALID_JSONATA_EXPRESSION Unexpected end of expression at /States/A/Choices[0]/Condition
            INVALID_JSONATA_EXPRESSION The symbol ")" cannot be used as a unary operator at /States/B/Seconds
            INVALID_JSONATA_EXPRESSION Expected ")" before end of expression at /States/C/Timestamp
            INVALID_JSONATA_EXPRESSION Expected "]" before end of expression at /States/D/Error
        "#]],
    );
}

#[test]
fn an_expression_is_marked_where_it_is_wrong() {
    let text = output("$sum(1 + * 2)");
    let page = compile(&text, Format::Json, &Options::default()).diagnostics[0].render("a.json", &text);
    expect![[r#"
        error[INVALID_JSONATA_EXPRESSION]: Expected ")", got 2
          --> a.json:1:100
           1 | :"JSONata","Output":{"v":["{%$sum(1 + * 2)%}"]},"Next":"Z"},"Z":{"Type":"Succeed"}}}
             |                                         ^
          = AWS says: Expected ")", got 2 at /States/A/Output/v[0]
    "#]]
    .assert_eq(&page);
}

#[test]
fn express_machines_cannot_wait() {
    let express = Options { machine_type: ExecutionType::Express };
    let task = |resource: &str| {
        machine(&format!(
            r#"{{"Type":"Task","Resource":"{resource}","Parameters":{{"StateMachineArn":"a","MessageBody":"b","QueueUrl":"c"}},"Next":"Z"}}"#
        ))
    };
    expect![[r#"
        SCHEMA_VALIDATION_FAILED Express state machine does not support '.sync' service integration at /States/A/Resource
    "#]]
    .assert_eq(&lines(&task("arn:aws:states:::states:startExecution.sync:2"), &express));
    expect![[r#"
        SCHEMA_VALIDATION_FAILED Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource
    "#]]
    .assert_eq(&lines(&task("arn:aws:states:::sqs:sendMessage.waitForTaskToken"), &express));
    expect![""].assert_eq(&lines(&task("arn:aws:states:::sqs:sendMessage"), &express));
}

#[test]
fn integrations_need_their_parameters() {
    check_state(
        r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Next":"Z"}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage at /States/A
        "#]],
    );
    check_state(
        r#"{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::dynamodb:putItem","Arguments":{"Item":{}},"Next":"Z"}"#,
        expect![[r#"
            SCHEMA_VALIDATION_FAILED The field 'TableName' is required but was missing at /States/A/Arguments
        "#]],
    );
    check_state(
        r#"{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::dynamodb:putItem","Arguments":"{% $states.input %}","Next":"Z"}"#,
        expect![""],
    );
    check_state(
        r#"{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName.$":"$.f"},"Next":"Z"}"#,
        expect![""],
    );
}

#[test]
fn variables_have_names_and_scopes() {
    check_state(
        r#"{"Type":"Pass","Assign":{"states":1,"a.b":2,"ü9":3,"_x":4,"":5},"Next":"Z"}"#,
        expect![[r#"
            RESERVED_VARIABLE_NAME Cannot assign to reserved variable '$states'. at /States/A/Assign
            INVALID_VARIABLE_NAME Invalid variable name 'a.b': the variable name contains invalid characters. at /States/A/Assign
            INVALID_VARIABLE_NAME Invalid variable name '_x': the variable name contains invalid characters. at /States/A/Assign
            INVALID_VARIABLE_NAME Invalid variable name '': the variable name contains invalid characters. at /States/A/Assign
        "#]],
    );
    let inner = |mode: &str| {
        format!(
            r#"{{"Type":"Map","Assign":{{"x":1}},"Next":"Z","ItemProcessor":{{"ProcessorConfig":{mode},"StartAt":"I","States":
               {{"I":{{"Type":"Pass","Assign":{{"x.$":"$"}},"End":true}}}}}}}}"#
        )
    };
    check_state(
        &inner(r#"{"Mode":"INLINE"}"#),
        expect![[r#"
            INVALID_VARIABLE_NAME Invalid variable name 'x': the variable is assigned in an outer scope. at /States/A/ItemProcessor/States/I/Assign
        "#]],
    );
    check_state(&inner(r#"{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}"#), expect![""]);
}

#[test]
fn the_variables_that_each_state_refers_to_are_found() {
    let text = r#"{"StartAt":"A","States":{
        "A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:1:function:f","TimeoutSecondsPath":"$limit.s","Next":"B",
             "Parameters":{"x":[{"y.$":"States.Format('{}', $who)"}],"z":"$no"},"ResultSelector":{"n.$":"$num[0]"},
             "Catch":[{"ErrorEquals":["E"],"Next":"B","Assign":{"e.$":"$before"}}]},
        "B":{"Type":"Pass","QueryLanguage":"JSONata","Next":"C","Assign":{"sum":"{% $map($list, function($v) { $v + $offset }) %}"},
             "Output":{"a":["{% $states.input.a & $tail %}"],"b":"$literal"}},
        "C":{"Type":"Choice","Choices":[{"Or":[{"Variable":"$x.a","IsNull":true},{"Not":{"Variable":"$.b","StringEqualsPath":
             "$y"}}],"Next":"D"}],"Default":"D"},
        "D":{"Type":"Map","ItemsPath":"$items","ItemProcessor":{"StartAt":"E","States":{"E":{"Type":"Fail","CausePath":
             "States.JsonToString($why)"}}},"End":true}}}"#;
    let compiled = compile(text, Format::Json, &Options::default());
    let program = compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let lines: String = stepwell_asl::variable_references(&program)
        .into_iter()
        .map(|(state, names)| format!("{state}: {}\n", names.join(", ")))
        .collect();
    expect![[r#"
        A: before, limit, num, who
        B: list, offset, tail
        C: x, y
        D: items
        E: why
    "#]]
    .assert_eq(&lines);
}

#[test]
fn warnings_do_not_refuse() {
    check_state(
        r#"{"Type":"Pass","Parameters":{"a":"$.x","b":{"c":["$.y"],"d":"$100","e":"$$.Execution.Id"},"f":"States.UUID()"},"Next":"Z"}"#,
        expect![[r#"
            warning NO_DOLLAR The value of 'a' looks like a JSONPath. Instead of 'a', use 'a.$' to evaluate it as a JSONPath at runtime. at /States/A/Parameters
            warning NO_DOLLAR The value of 'e' looks like a JSONPath. Instead of 'e', use 'e.$' to evaluate it as a JSONPath at runtime. at /States/A/Parameters
            warning NO_DOLLAR The value of 'f' looks like an Intrinsic Function. Instead of 'f', use 'f.$' to evaluate it as an Intrinsic Function at runtime. at /States/A/Parameters
        "#]],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"b":[{"c.$":"$.x"}]},"Next":"F"},
            "F":{"Type":"Fail","Error":"$.e","Cause":"$$"}}}"#,
        expect![[r#"
            warning PASS_RESULT_IS_STATIC The value of 'c.$' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of 'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime. at /States/A/Result
            warning NO_PATH The value of 'Error' looks like a JSONPath. Instead of 'Error', use 'ErrorPath' to evaluate it as a JSONPath at runtime. at /States/F/Error
            warning NO_PATH The value of 'Cause' looks like a JSONPath. Instead of 'Cause', use 'CausePath' to evaluate it as a JSONPath at runtime. at /States/F/Cause
        "#]],
    );
}

#[test]
fn a_distributed_map_is_checked_to_its_depths() {
    let map = |fields: &str| {
        format!(
            r#"{{"Type":"Map","ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
               "StartAt":"I","States":{{"I":{{"Type":"Pass","End":true}}}}}},{fields},"Next":"Z"}}"#
        )
    };
    check_state(
        &map(
            r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CVS","ItemsPointer":"a"}}"#,
        ),
        expect![[r#"
            SCHEMA_VALIDATION_FAILED Value should be one of the following: [CSV, JSON, JSONL, PARQUET, MANIFEST] at /States/A/ItemReader/ReaderConfig/InputType
            SCHEMA_VALIDATION_FAILED Field 'ItemsPointer' is not supported at /States/A/ItemReader/ReaderConfig
            SCHEMA_VALIDATION_FAILED Value must be a valid JSON Pointer at /States/A/ItemReader/ReaderConfig/ItemsPointer
        "#]],
    );
    check_state(
        &map(
            r#""ItemBatcher":{"MaxItemsPerBatch":-1,"MaxInputBytesPerBatchPath":"$$.x"},"ToleratedFailurePercentage":100.5"#,
        ),
        expect![[r#"
            SCHEMA_VALIDATION_FAILED Maximum value is 100.0 at /States/A/ToleratedFailurePercentage
            SCHEMA_VALIDATION_FAILED Minimum value is 0 at /States/A/ItemBatcher/MaxItemsPerBatch
            SCHEMA_VALIDATION_FAILED Value is not a Reference Path at /States/A/ItemBatcher/MaxInputBytesPerBatchPath
        "#]],
    );
    check_state(
        &map(r#""ResultWriter":{},"Label":"a b""#),
        expect![[r#"
            SCHEMA_VALIDATION_FAILED These fields are required: [Resource, Parameters] at /States/A/ResultWriter
        "#]],
    );
    check_state(
        &map(r#""ResultWriter":{"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}},"Label":"a b""#),
        expect![[r#"
            INVALID_LABEL_NAME Label contains invalid character: ' ' at /States/A/Label
        "#]],
    );
}

#[test]
fn a_lone_state_is_compiled_without_its_surroundings() {
    let compiled = compile_state(r#"{"Type":"Pass","Next":"elsewhere"}"#, Format::Json, &Options::default());
    let program = compiled.program.expect("a state may lead anywhere");
    assert_eq!(program.find_state("elsewhere").map(|(_, state)| state.0), Some(1));
    let compiled = compile_state(r#"{"Type":"Parallel","Branches":[],"End":true}"#, Format::Json, &Options::default());
    assert_eq!(compiled.diagnostics[0].location.as_deref(), Some("/States/StateName/Branches"));
}

#[test]
fn of_very_many_errors_a_hundred_are_reported() {
    let fields: String = (0..1_000).map(|n| format!(r#""f{n}":1,"#)).collect();
    let compiled =
        compile(&machine(&format!(r#"{{{fields}"Type":"Pass","Next":"Z"}}"#)), Format::Json, &Options::default());
    assert_eq!((compiled.diagnostics.len(), compiled.truncated), (100, true));
}

#[test]
fn people_see_where_it_is_and_what_to_do() {
    let text = r#"StartAt: Validate
States:
  Validate:
    Type: Task
    Resource: arn:aws:states:::dynamodb:putItm
    Next: Chrage
  Charge:
    Type: Pass
    Resultpath: $.x
    Paramters: {}
    End: true
"#;
    let compiled = compile(text, Format::Yaml, &Options::default());
    let pages: String = compiled.diagnostics.iter().map(|found| found.render("order.asl.yaml", text)).collect();
    expect![[r#"
        error[SCHEMA_VALIDATION_FAILED]: The resource provided arn:aws:states:::dynamodb:putItm is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.
          --> order.asl.yaml:5:15
           5 |     Resource: arn:aws:states:::dynamodb:putItm
             |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean "dynamodb:putItem"?
          = AWS says: The resource provided arn:aws:states:::dynamodb:putItm is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/Validate/Resource
        error[SCHEMA_VALIDATION_FAILED]: Field 'Resultpath' is not supported
          --> order.asl.yaml:9:5
           9 |     Resultpath: $.x
             |     ^^^^^^^^^^ did you mean "ResultPath"?
          = AWS says: Field 'Resultpath' is not supported at /States/Charge
        error[SCHEMA_VALIDATION_FAILED]: Field 'Paramters' is not supported
          --> order.asl.yaml:10:5
           10 |     Paramters: {}
              |     ^^^^^^^^^ did you mean "Parameters"?
          = AWS says: Field 'Paramters' is not supported at /States/Charge
    "#]]
    .assert_eq(&pages);
    let text = "{\n  \"StartAt\": \"A\",\n  \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true},}\n}";
    let page = compile(text, Format::Json, &Options::default()).diagnostics[0].render("a.json", text);
    expect![[r#"
        error[INVALID_JSON_DESCRIPTION]: This is not JSON: found '}' instead of a key in double quotes
          --> a.json:3:49
           3 |   "States": {"A": {"Type": "Pass", "End": true},}
             |                                                 ^ remove the comma in front
          = AWS says: Unexpected character ('}' (code 125)): was expecting double-quote to start field name
    "#]]
    .assert_eq(&page);
}

#[test]
fn a_block_of_yaml_is_marked_at_its_first_key() {
    for text in ["\u{a0}: 1", "Überschrift: 1"] {
        let compiled = compile(text, Format::Yaml, &Options::default());
        let span = compiled.diagnostics[0].span.expect("a place");
        let key = text.split(':').next().unwrap_or_default();
        assert_eq!(text.get(span.start as usize..span.end as usize), Some(key));
    }
}

#[test]
fn the_character_in_an_expression_is_marked_whole() {
    for (expression, marked) in [("😀", "😀"), ("'ü' & ü", "ü"), ("1 + \u{a0}", "\u{a0}"), ("", "%")] {
        let text = format!(
            r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{"A":{{"Type":"Succeed","Output":"{{%{expression}%}}"}}}}}}"#
        );
        let compiled = compile(&text, Format::Json, &Options::default());
        let span = compiled.diagnostics[0].span.expect("a place");
        let found = text.get(span.start as usize..span.end as usize);
        assert!(found.is_some_and(|found| marked.starts_with(found)), "{expression}: {found:?}");
    }
}
