//! The corpora that tests replay: they live beside the repository and may be absent.

use std::path::PathBuf;

use crate::command::root;

/// Each corpus and what replays it.
const CORPORA: [(&str, &str); 6] = [
    ("conformance/cases", "recorded executions"),
    ("jsonata-suite/groups", "the official JSONata suite"),
    ("reference/jsonpath-cases.json", "JSONPath answers"),
    ("reference/validation-cases", "verdicts on definitions"),
    ("real-world", "published definitions"),
    ("cdk", "what the CDK makes of the same constructs"),
];

/// Says which corpora are here; tests of the others pass without doing anything.
pub(crate) fn report() {
    let folder = folder();
    for (corpus, what) in CORPORA {
        match folder.as_ref().map(|folder| folder.join(corpus)).filter(|path| path.exists()) {
            Some(_) => println!("corpus {corpus}: replayed ({what})"),
            None => println!("corpus {corpus}: skipped, not found ({what})"),
        }
    }
    if folder.is_none() {
        println!("set STEPWELL_SHARED to the folder that holds the corpora, or put it at ../shared");
    }
}

/// The folder that holds the corpora.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("STEPWELL_SHARED").map(PathBuf::from);
    named.or_else(|| Some(root().join("../shared"))).filter(|folder| folder.is_dir())
}
