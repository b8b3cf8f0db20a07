//! A template as YAML is the template as JSON, for whoever reads it.

use proptest::prelude::*;
use stepwell_asl::syntax::{Format, parse};
use stepwell_constructs::*;
use stepwell_value::{Object, Value};

use crate::corpus::{self, corpus, files};

#[test]
fn the_templates_of_the_corpus_read_as_what_they_were() {
    let Some(corpus) = corpus() else { return };
    let (mut templates, mut definitions) = (0, 0);
    for file in files(&corpus) {
        let case = corpus::read(&file);
        let Some(expected) = case.get("expected") else { continue };
        if let Some(template) = expected.get("template") {
            templates += 1;
            let resources = template.get("Resources").and_then(Value::as_object).expect("a template has resources");
            same(resources);
        }
        for member in ["definition", "otherResources"] {
            if let Some(value) = expected.get(member) {
                definitions += 1;
                same(&[("Value", value.clone())].into_iter().collect());
            }
        }
    }
    println!("{templates} templates and {definitions} parts of templates");
    assert!(templates > 0 && definitions > 0);
}

#[test]
fn the_template_of_a_function_of_ours_reads_as_what_it_was() {
    let stack = Stack::new("Sums");
    let w = Workflow::new();
    let sum = w.add(EvaluateExpression::json_path("Sum", "$.a + $.b"));
    stack.add(StateMachine::new("Machine", sum)).expect("it is complete");
    assert!(stack.template_yaml().contains("ZipFile: |\n"), "{}", stack.template_yaml());
    assert_eq!(read(&stack), stack.template());
}

/// Checks a template of these resources.
fn same(resources: &Object) {
    let stack = Stack::new("Stack");
    for (id, resource) in resources.iter() {
        stack.declare(id, resource.clone());
    }
    assert_eq!(read(&stack), stack.template());
}

fn read(stack: &Stack) -> Value {
    let yaml = stack.template_yaml();
    match parse(&yaml, Format::Yaml) {
        Ok(node) => node.to_value(),
        Err(error) => panic!("{}\n{yaml}", error.message),
    }
}

/// Texts of the characters that mean something in YAML, words that it reads as something else, and any text at all.
fn text() -> BoxedStrategy<String> {
    let word = prop::sample::select(vec![
        "yes",
        "No",
        "y",
        "ON",
        "true",
        "Null",
        "~",
        "012",
        "0x1F",
        "1e3",
        "1_000",
        "1:30",
        "2012-10-17",
        ".inf",
        "=",
        "a: b",
        "a #b",
        "- a",
        "x\ny",
        "x\n\n  y\n",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{7f}",
        "é",
        "😀",
        "\r\n",
        "\t",
    ]);
    prop_oneof![
        word.prop_map(str::to_owned),
        "[a-z:#'\" \\n\\t\\r\\-?,|>&*!%@`{}\\[\\]0-9.~=<\\\\]{0,12}",
        any::<String>(),
        prop::collection::vec("[a-z #:\\-]{0,6}", 2..5).prop_map(|lines| lines.join("\n")),
    ]
    .boxed()
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has only finite numbers", |number| number.is_finite()).prop_map(Value::number),
        text().prop_map(Value::from),
    ];
    // The reader of definitions takes `<<` for YAML's merge, in quotes as well.
    let key = text().prop_filter("a merge", |key| key != "<<").boxed();
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| items.into_iter().collect::<Value>()),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_template_holds_reads_as_what_it_was(resource in value()) {
        same(&[("Resource", resource)].into_iter().collect());
    }
}
