//! Runs every example and compares the printed history and result with the file beside it.
//!
//! A new or changed snapshot is written with `UPDATE_EXPECT=1` and read line by line before it is accepted.

use std::path::Path;
use std::process::Command;

use expect_test::expect_file;

/// A folder of examples.
struct Example {
    folder: &'static str,
    definition: &'static str,
    flags: &'static [&'static str],
    /// Its test cases and their exit codes; a case without a name has no mocks.
    cases: &'static [(&'static str, i32)],
}

const EXAMPLES: &[Example] = &[
    Example {
        folder: "order-saga",
        definition: "order.asl.json",
        flags: &[],
        cases: &[("HappyPath", 0), ("PaymentFails", 1), ("ShippingFails", 1)],
    },
    Example {
        folder: "approval",
        definition: "approval.asl.json",
        flags: &[],
        cases: &[("ApprovedAtOnce", 0), ("ApprovedAfterReminder", 0), ("Denied", 0), ("NobodyAnswers", 1)],
    },
    Example {
        folder: "job-poller",
        definition: "poller.asl.json",
        flags: &[],
        cases: &[("DoneAtTheThirdLook", 0), ("JobFails", 1), ("NeverDone", 1)],
    },
    Example {
        folder: "fan-out",
        definition: "thumbnails.asl.json",
        flags: &[],
        cases: &[("OneOfFiveFails", 0), ("ThrottledOnce", 0), ("TwoOfFiveFail", 1)],
    },
    Example { folder: "data-pipeline", definition: "pipeline.asl.json", flags: &[], cases: &[("", 0)] },
    Example {
        folder: "nested-map",
        definition: "inventory.asl.json",
        flags: &[],
        cases: &[("OneShopIsThrottled", 0), ("TheCatalogueIsGone", 1)],
    },
    Example {
        folder: "retry-jitter",
        definition: "resilient.asl.json",
        flags: &[],
        cases: &[("BusyThreeTimes", 0), ("SlowTwice", 0)],
    },
    Example { folder: "dynamic-loop", definition: "pages.asl.json", flags: &[], cases: &[("ThreePages", 0)] },
    Example {
        folder: "nightly-report",
        definition: "report.asl.yaml",
        flags: &["--set", "JobName=nightly"],
        cases: &[("Published", 0), ("Refused", 1)],
    },
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
    for Example { folder, definition, flags, cases } in EXAMPLES {
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
        let example = EXAMPLES.iter().find(|example| example.folder == folder);
        let example = example.unwrap_or_else(|| panic!("{folder} is not run"));
        let Ok(text) = std::fs::read_to_string(path.join("mocks.json")) else { continue };
        let mocks = stepwell_engine::mock::MockFile::parse(&text).expect("a mock file");
        let named: Vec<_> = mocks.machines().iter().flat_map(|machine| &machine.cases).map(|case| &case.name).collect();
        let run: Vec<_> = example.cases.iter().map(|(case, _)| *case).collect();
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
