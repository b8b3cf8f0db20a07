//! Mistakes that do not compile, each with the message that the compiler gives.

use std::path::{Path, PathBuf};

/// The adapter answers "not expressible" with the names of these files.
#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile-fail/*.rs");
}

#[test]
fn what_the_adapter_calls_not_expressible_is_shown_here() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut folders = vec![tests.join("adapter")];
    let mut missing: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the adapter can be read").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let source = std::fs::read_to_string(entry.path()).expect("a source can be read");
            for named in source.split("NotExpressible(\"").skip(1) {
                let file = tests.join("compile-fail").join(named.split('"').next().unwrap_or_default());
                if !file.is_file() {
                    missing.push(file);
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
