//! What several tests need: the corpora, and surroundings for an evaluation.

use std::cell::Cell;
use std::path::PathBuf;

use stepwell_asl::Scope;
use stepwell_value::{Str, Value};

/// The shared folder, or where it would be.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("STEPWELL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from)
}

/// A file of the shared folder; none, with a line that says so, where the folder is not there.
pub(crate) fn shared(name: &str) -> Option<String> {
    match std::fs::read_to_string(folder().join(name)) {
        Ok(text) => Some(text),
        Err(err) => {
            println!("skipped: {name}: {err}");
            None
        }
    }
}

/// A folder of the shared folder; none, with a line that says so, where it is not there.
pub(crate) fn shared_folder(name: &str) -> Option<PathBuf> {
    let folder = folder().join(name);
    if !folder.is_dir() {
        println!("skipped: {name} is not there");
        return None;
    }
    Some(folder)
}

/// The value of a JSON text that is known to be one.
pub(crate) fn json(text: &str) -> Value {
    stepwell_value::parse(text).unwrap_or_else(|err| panic!("{text}: {err}"))
}

/// Surroundings with a context object, variables and a generator that counts.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) context: Value,
    pub(crate) variables: Vec<(Str, Value)>,
    pub(crate) draws: Cell<u64>,
}

impl Scope for World {
    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        self.draws.get()
    }
}
