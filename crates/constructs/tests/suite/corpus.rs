//! The corpus: what the CDK makes of cases and stacks.

use std::path::{Path, PathBuf};

use stepwell_value::Value;

/// Its folder; none, with a line that says so, where it is not there.
pub(crate) fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("STEPWELL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let corpus = shared.join("cdk");
    if !corpus.is_dir() {
        println!("skipped: no corpus at {}", corpus.display());
        return None;
    }
    Some(corpus)
}

/// All JSON files in a folder and the folders in it, in the order of their names.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|err| panic!("{}: {err}", file.display()));
    stepwell_value::parse(&text).unwrap_or_else(|err| panic!("{}: {err}", file.display()))
}
