//! The examples of the repository: a crash after any turn changes nothing, and an observer sees every stage.
#![allow(clippy::disallowed_methods)] // The examples are files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::program::{ExecutionType, State};
use stepwell_asl::syntax::fill;
use stepwell_asl::{Format, Options, Program, compile};
use stepwell_engine::mock::{MockFile, Mocks};
use stepwell_engine::{Observer, Stage, Start};
use stepwell_value::{Value, parse};

use crate::run::{identity, through_the_shard};

/// One case of an example.
struct Case {
    name: String,
    program: Arc<Program>,
    input: Value,
    mocks: Mocks,
}

impl Case {
    fn run(&self, observer: &mut impl Observer, crash_after: Option<usize>) -> (String, usize) {
        let start = Start {
            identity: Arc::new(identity(ExecutionType::Standard)),
            input: self.input.clone(),
            input_text: None,
        };
        through_the_shard(&self.program, start, &mut self.mocks.clone(), observer, crash_after)
    }
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for folder in folders() {
        let files = files(&folder);
        let definition = files.iter().find(|file| name(file).contains(".asl.")).expect("an example has a definition");
        let format = if name(definition).ends_with(".yaml") { Format::Yaml } else { Format::Json };
        let filled = fill(&read(definition), |name| (name == "JobName").then_some("nightly"));
        let compiled = compile(&filled.text, format, &Options { machine_type: ExecutionType::Standard });
        let program = Arc::new(compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)));
        let input = parse(&read(&folder.join("input.json"))).expect("the input is JSON");
        let mocks = folder.join("mocks.json");
        let mut add = |mocks| {
            all.push(Case { name: name(&folder), program: program.clone(), input: input.clone(), mocks });
        };
        if mocks.is_file() {
            let file = MockFile::parse(&read(&mocks)).expect("the mocks are right");
            file.machines().iter().flat_map(|machine| &machine.cases).for_each(|case| add(Mocks::of_case(case)));
        } else {
            add(Mocks::default());
        }
    }
    assert!(all.len() >= 15, "{} cases of examples", all.len());
    all
}

#[test]
fn a_crash_after_each_turn_of_an_example_gives_the_same_history() {
    for case in cases() {
        let (calm, turns) = case.run(&mut (), None);
        for crash_after in 1..=turns {
            let (crashed, _) = case.run(&mut (), Some(crash_after));
            assert_eq!(crashed, calm, "{}: crash after turn {crash_after} of {turns}", case.name);
        }
    }
}

/// Collects which stages states of each kind and query language have shown.
#[derive(Default)]
struct Shown(BTreeSet<String>);

impl Observer for Shown {
    fn stage(&mut self, state: &State, stage: Stage<'_>) {
        let stage = format!("{stage:?}");
        let stage = stage.split(['(', ' ']).next().unwrap_or_default();
        self.0.insert(format!("{} {:?} {stage}", state.kind.name(), state.query_language));
    }
}

#[test]
fn the_examples_show_every_stage_that_teststate_lists() {
    let mut shown = Shown::default();
    for case in cases() {
        case.run(&mut shown, None);
    }
    // reference/api.md, section 10: inspectionData, a row a kind of state.
    let listed = [
        ("Pass JsonPath", "Input AfterInputPath AfterParameters Result AfterResultSelector AfterResultPath"),
        ("Pass Jsonata", "Input Variables"),
        (
            "Task JsonPath",
            "Input AfterInputPath AfterParameters Result AfterResultSelector AfterResultPath Retry Catch",
        ),
        ("Task Jsonata", "Input AfterArguments Result Retry Catch"),
        ("Choice JsonPath", "Input AfterInputPath"),
        ("Choice Jsonata", "Input"),
        ("Succeed JsonPath", "Input AfterInputPath"),
        ("Succeed Jsonata", "Input"),
        ("Fail JsonPath", "Input AfterInputPath"),
        ("Fail Jsonata", "Input"),
        ("Map JsonPath", "Input AfterInputPath AfterItemsPath MaxConcurrency AfterResultSelector AfterResultPath"),
        ("Map Jsonata", "Input MaxConcurrency ToleratedFailurePercentage"),
        ("Parallel JsonPath", "Input AfterResultSelector AfterResultPath"),
    ];
    let missing: Vec<String> = listed
        .iter()
        .flat_map(|(kind, stages)| stages.split(' ').map(move |stage| format!("{kind} {stage}")))
        .filter(|stage| !shown.0.contains(stage))
        .collect();
    assert!(missing.is_empty(), "no example shows {missing:?}; shown: {:?}", shown.0);
}

fn folders() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    files(&examples).into_iter().filter(|path| path.is_dir()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("the file can be read")
}
