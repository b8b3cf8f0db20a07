//! Runs every example and compares the printed history and result with the file beside it.
//!
//! A new or changed snapshot is written with `UPDATE_EXPECT=1` and read line by line before it is accepted.
#![allow(clippy::disallowed_methods, reason = "tests run the binary and read files")]

use std::path::Path;
use std::process::Command;

use expect_test::expect_file;

/// A folder of examples, its definition, further flags, and its test cases with the exit code of each.
const EXAMPLES: &[(&str, &str, &[&str], &[(&str, i32)])] = &[
    ("order-saga", "order.asl.json", &[], &[("HappyPath", 0), ("PaymentFails", 1), ("ShippingFails", 1)]),
    (
        "approval",
        "approval.asl.json",
        &[],
        &[("ApprovedAtOnce", 0), ("ApprovedAfterReminder", 0), ("Denied", 0), ("NobodyAnswers", 1)],
    ),
    ("job-poller", "poller.asl.json", &[], &[("DoneAtTheThirdLook", 0), ("JobFails", 1), ("NeverDone", 1)]),
    ("fan-out", "thumbnails.asl.json", &[], &[("OneOfFiveFails", 0), ("TwoOfFiveFail", 1)]),
    ("data-pipeline", "pipeline.asl.json", &[], &[("", 0)]),
    ("nested-map", "inventory.asl.json", &[], &[("OneShopIsThrottled", 0), ("TheCatalogueIsGone", 1)]),
    ("retry-jitter", "resilient.asl.json", &[], &[("BusyThreeTimes", 0), ("SlowTwice", 0)]),
    ("dynamic-loop", "pages.asl.json", &[], &[("ThreePages", 0)]),
    ("nightly-report", "report.asl.yaml", &["--set", "JobName=nightly"], &[("Published", 0), ("Refused", 1)]),
];

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

/// Runs an example; gives its exit code and what a reader sees of it: history, then result or error.
fn run(folder: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .current_dir(examples().join(folder))
        .args(["run", "--quiet", "--history", "--start-time", "2026-01-31T12:00:00Z"])
        .args(arguments)
        .output()
        .expect("the binary starts");
    let mut page = String::from_utf8(output.stdout).expect("UTF-8");
    page.push_str(&String::from_utf8(output.stderr).expect("UTF-8"));
    (output.status.code(), page)
}

#[test]
fn every_example_runs_as_its_history_says() {
    for (folder, definition, flags, cases) in EXAMPLES {
        for (case, exit) in *cases {
            let mut arguments = vec![*definition, "--input", "@input.json"];
            arguments.extend(*flags);
            if !case.is_empty() {
                arguments.extend(["--mocks", "mocks.json", "--case", case]);
            }
            let (code, page) = run(folder, &arguments);
            assert_eq!(code, Some(*exit), "{folder} {case}\n{page}");
            let name = if case.is_empty() { "history.txt".to_owned() } else { format!("{case}.history.txt") };
            expect_file![examples().join(folder).join(name)].assert_eq(&page);
        }
    }
}

#[test]
fn the_first_example_needs_nothing() {
    let (code, page) = run(".", &["hello.asl.json"]);
    assert_eq!(code, Some(0));
    expect_file![examples().join("hello.history.txt")].assert_eq(&page);
}

#[test]
fn every_folder_of_examples_and_every_case_of_their_mock_files_is_run() {
    for entry in std::fs::read_dir(examples()).expect("the examples") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            continue;
        }
        let folder = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let (_, _, _, cases) =
            EXAMPLES.iter().find(|(name, ..)| *name == folder).unwrap_or_else(|| panic!("{folder} is not run"));
        let Ok(text) = std::fs::read_to_string(path.join("mocks.json")) else { continue };
        let mocks = stepwell_engine::mock::MockFile::parse(&text).expect("a mock file");
        let named: Vec<_> = mocks.machines().iter().flat_map(|machine| &machine.cases).map(|case| &case.name).collect();
        let run: Vec<_> = cases.iter().map(|(case, _)| *case).collect();
        assert_eq!(named, run, "{folder}");
    }
}

#[test]
fn two_runs_with_the_same_seed_are_the_same() {
    let arguments = ["resilient.asl.json", "--mocks", "mocks.json", "--case", "BusyThreeTimes"];
    let seeded = |seed: &str| run("retry-jitter", &[&arguments[..], &["--seed", seed]].concat()).1;
    assert_eq!(seeded("5"), seeded("5"));
    assert_ne!(seeded("5"), seeded("6"));
}
