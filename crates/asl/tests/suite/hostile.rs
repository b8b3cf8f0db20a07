//! Nothing that a definition holds makes the compiler panic, run for long or use up a small stack.

use proptest::prelude::*;
use stepwell_asl::{Format, Options, compile, compile_state};

/// Frames are some times larger in debug builds.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 1024 * 1024 } else { 384 * 1024 };

/// Compiles on a thread with a small stack, as the server's workers have.
fn compile_on_small_stack(text: String) -> usize {
    let compiling = move || compile(&text, Format::Json, &Options::default()).diagnostics.len();
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(compiling).expect("a thread").join().expect("no overflow")
}

fn machine(state: &str) -> String {
    format!(r#"{{"StartAt":"A","States":{{"A":{state}}}}}"#)
}

#[test]
fn deep_nesting_is_compiled_or_refused_on_a_small_stack() {
    for depth in [30, 50, 60, 80, 230, 245, 2_000, 100_000] {
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        compile_on_small_stack(machine(&format!(r#"{{"Type":"Pass","Result":{arrays},"End":true}}"#)));
        compile_on_small_stack(machine(&format!(r#"{{"Type":"Pass","Parameters":{objects},"End":true}}"#)));
        let jsonata = format!(r#"{{"Type":"Pass","QueryLanguage":"JSONata","Output":{objects},"End":true}}"#);
        compile_on_small_stack(machine(&jsonata));
        let nots = format!(r#"{}{{"Variable":"$.a","IsNull":true}}{}"#, r#"{"Not":"#.repeat(depth), "}".repeat(depth));
        let choice = format!(r#"{{"Type":"Choice","Choices":[{{"Next":"A","Not":{nots}}}]}}"#);
        compile_on_small_stack(machine(&choice));
        let mut nested = r#"{"Type":"Succeed"}"#.to_owned();
        for n in 0..depth.min(300) {
            let region = format!(r#"{{"StartAt":"s{n}","States":{{"s{n}":{nested}}}}}"#);
            nested = if n % 2 == 0 {
                format!(r#"{{"Type":"Parallel","End":true,"Branches":[{region}]}}"#)
            } else {
                format!(r#"{{"Type":"Map","End":true,"ItemProcessor":{region}}}"#)
            };
        }
        compile_on_small_stack(machine(&nested));
    }
}

#[test]
fn many_states_are_compiled_quickly() {
    let states: Vec<_> = (0..10_000)
        .map(|n| format!(r#""s{n}":{{"Type":"Pass","Next":"s{}","Assign":{{"v{n}":1}}}}"#, n + 1))
        .chain([r#""s10000":{"Type":"Succeed"}"#.to_owned()])
        .collect();
    let text = format!(r#"{{"StartAt":"s0","States":{{{}}}}}"#, states.join(","));
    let start = std::time::Instant::now();
    assert!(compile(&text, Format::Json, &Options::default()).is_valid());
    // Debug builds take a tenth of this.
    assert!(start.elapsed().as_secs() < 10);
}

const SEED: &str = r#"{"Comment":"c","StartAt":"A","QueryLanguage":"JSONPath","States":{"A":{"Type":"Task",
"Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName.$":"$.f[0]","Payload":{"a.$":
"States.Format('{}', $.b)"}},"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],"Catch":[{"ErrorEquals":["E"],
"Next":"C","ResultPath":"$.e","Assign":{"v":1}}],"TimeoutSecondsPath":"$v.t","Next":"B"},"B":{"Type":"Choice","Choices":
[{"And":[{"Variable":"$.x","NumericEquals":1},{"Not":{"Variable":"$.y","IsPresent":true}}],"Next":"M"}],"Default":"W"},
"W":{"Type":"Wait","Timestamp":"2016-03-14T01:59:00Z","Next":"P"},"P":{"Type":"Parallel","Branches":[{"StartAt":"X",
"States":{"X":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.input %}","End":true}}}],"Next":"C"},
"M":{"Type":"Map","ItemsPath":"$.i","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
"StartAt":"Y","States":{"Y":{"Type":"Fail","ErrorPath":"$.e"}}},"ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
"ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a"]},"Parameters":{"Bucket":"b"}},
"ItemBatcher":{"MaxItemsPerBatch":3},"Label":"l","ToleratedFailurePercentage":1.5,"End":true},"C":{"Type":"Succeed"}}}"#;

#[test]
fn the_seed_of_the_mutations_is_valid() {
    let compiled = compile(SEED, Format::Json, &Options::default());
    assert!(compiled.is_valid(), "{:?}", compiled.diagnostics);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Values of a valid definition exchanged for others: whatever comes out can be printed.
    #[test]
    fn mutated_definitions_never_panic(at in 0..SEED.len(), length in 0..40_usize, with in 0..12_usize) {
        let pieces = ["null", "1", "-1", "true", "[]", "{}", "\"$\"", "\"é\"", "1e400", "\"{% $ %}\"", "", "\"Next\":1,"];
        let end = (at + length).min(SEED.len());
        let text = format!("{}{}{}", &SEED[..at], pieces[with], &SEED[end..]);
        for format in [Format::Json, Format::Yaml] {
            let compiled = compile(&text, format, &Options::default());
            prop_assert_eq!(compiled.program.is_none(), compiled.diagnostics.iter().any(|found| {
                found.severity == stepwell_asl::Severity::Error
            }));
            for found in &compiled.diagnostics {
                prop_assert!(!found.render("f", &text).is_empty());
            }
            compile_state(&text, format, &Options::default());
        }
    }

    /// The same, with whole tokens exchanged, so that the text mostly stays JSON.
    #[test]
    fn exchanged_values_never_panic(from in 0..200_usize, to in 0..200_usize) {
        let tokens: Vec<&str> = SEED.split_inclusive([',', ':', '[', '{', '}', ']']).collect();
        let mut exchanged = tokens.clone();
        exchanged.swap(from % tokens.len(), to % tokens.len());
        let text = exchanged.concat();
        for found in compile(&text, Format::Json, &Options::default()).diagnostics {
            prop_assert!(!found.render("f", &text).is_empty());
        }
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        for format in [Format::Json, Format::Yaml] {
            for found in compile(&text, format, &Options::default()).diagnostics {
                prop_assert!(!found.render("f", &text).is_empty());
            }
        }
    }
}

#[test]
fn filters_nested_in_filters_are_refused_on_a_small_stack() {
    for depth in [1, 2, 100, 20_000] {
        let path = format!("${}.k{}", ".k[?(@".repeat(depth), ")]".repeat(depth));
        let parsing = move || stepwell_asl::jsonpath::Path::parse(&path).is_ok();
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(parsing).expect("a thread");
        assert_eq!(thread.join().expect("no overflow"), depth == 1);
    }
}
