//! What the tests over the corpora share: where those are, a host, and how results are compared.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use stepwell_jsonata::{Host, Variables};
use stepwell_value::{Kind, Value};

/// The folder of shared corpora, if it is there.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("STEPWELL_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

pub(crate) fn read_json(path: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    stepwell_value::parse(&text).unwrap_or_else(|err| panic!("{}: {err:?}", path.display()))
}

/// Same values, numbers to the last bit or nearly: the suite's own numbers went through JavaScript.
pub(crate) fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (a, b) if a.kind() == Kind::Number && b.kind() == Kind::Number => a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

/// Bindings by name.
#[derive(Default)]
pub(crate) struct Bindings(pub(crate) BTreeMap<String, Value>);

impl Variables for Bindings {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// A clock that stands still and numbers that only look random.
#[derive(Default)]
pub(crate) struct TestHost {
    state: Cell<u64>,
}

pub(crate) const NOW_MS: i64 = 1_767_225_600_123;

impl Host for TestHost {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }

    fn random(&self) -> u64 {
        self.state.set(self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.state.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn uuid(&self) -> String {
        "6f1d6e3c-2a4b-4c5d-8e9f-0a1b2c3d4e5f".into()
    }

    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String> {
        (algorithm == "SUM").then(|| format!("{:x}", data.iter().map(|byte| u64::from(*byte)).sum::<u64>()))
    }
}
