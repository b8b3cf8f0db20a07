//! The examples of the repository: a crash after any turn changes nothing.
#![allow(clippy::disallowed_methods)] // The examples are files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::program::ExecutionType;
use stepwell_asl::syntax::fill;
use stepwell_asl::{Format, Options, compile};
use stepwell_engine::Start;
use stepwell_engine::mock::{MockFile, Mocks};
use stepwell_value::parse;

use crate::run::{identity, through_the_shard};

#[test]
fn a_crash_after_each_turn_of_an_example_gives_the_same_history() {
    let mut runs = 0;
    for folder in folders() {
        let files = files(&folder);
        let definition = files.iter().find(|file| name(file).contains(".asl.")).expect("an example has a definition");
        let format = if name(definition).ends_with(".yaml") { Format::Yaml } else { Format::Json };
        let filled = fill(&read(definition), |name| (name == "JobName").then_some("nightly"));
        let compiled = compile(&filled.text, format, &Options { machine_type: ExecutionType::Standard });
        let program = Arc::new(compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)));
        let start = || Start {
            identity: Arc::new(identity(ExecutionType::Standard)),
            input: parse(&read(&folder.join("input.json"))).expect("the input is JSON"),
            input_text: None,
        };
        let mocks = folder.join("mocks.json");
        let file = mocks.is_file().then(|| MockFile::parse(&read(&mocks)).expect("the mocks are right"));
        let cases: Vec<Option<Mocks>> = match &file {
            None => vec![None],
            Some(file) => file
                .machines()
                .iter()
                .flat_map(|machine| &machine.cases)
                .map(|case| Some(Mocks::of_case(case)))
                .collect(),
        };
        for mocks in cases {
            let history = |crash_after| {
                let mut responder = mocks.clone().unwrap_or_default();
                through_the_shard(&program, start(), &mut responder, crash_after)
            };
            let (calm, turns) = history(None);
            for crash_after in 1..=turns {
                let (crashed, _) = history(Some(crash_after));
                assert_eq!(crashed, calm, "{}: crash after turn {crash_after} of {turns}", folder.display());
            }
            runs += 1;
        }
    }
    assert!(runs >= 15, "{runs} runs of examples");
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
