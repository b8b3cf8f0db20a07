//! What can be fuzzed, and what each target promises of every input.

mod definition;
mod intrinsic;
mod json;
mod jsonata;
mod jsonpath;
mod mock;
mod page_token;
mod request;
mod task_token;

use std::cell::Cell;

use stepwell_asl::Scope;
use stepwell_value::Value;

/// Something that reads what users write.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Inputs to start from where the corpora are not there; with them, too.
    pub(crate) seeds: &'static [&'static str],
    /// What mutations put in.
    pub(crate) words: &'static [&'static str],
    /// Answers one input; says which promise is broken.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

/// What kind of texts a target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    Jsonpath,
    Intrinsic,
    Jsonata,
    Definition,
    Mock,
    Request,
    Token,
}

impl Kind {
    /// Whether an input is an expression and a document.
    pub(crate) fn has_document(self) -> bool {
        matches!(self, Kind::Jsonpath | Kind::Intrinsic | Kind::Jsonata)
    }
}

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    json::TARGET,
    jsonpath::TARGET,
    intrinsic::TARGET,
    jsonata::TARGET,
    definition::TARGET,
    mock::TARGET,
    request::TARGET,
    page_token::TARGET,
    task_token::TARGET,
];

/// A broken promise unless `kept`.
fn promise(kept: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(what()) }
}

/// Surroundings of an evaluation, the same each time.
struct World {
    context: Value,
    variable: Value,
    draws: Cell<u64>,
}

impl World {
    fn new(document: &Value) -> World {
        let context = stepwell_value::parse(
            r#"{"Execution":{"Id":"arn:aws:states:us-east-1:123456789012:execution:m:e","Input":{"a":[1,2]}},"Map":{"Item":{"Index":0}}}"#,
        );
        World { context: context.unwrap_or_default(), variable: document.clone(), draws: Cell::new(0) }
    }
}

impl Scope for World {
    fn context(&self) -> &Value {
        &self.context
    }

    /// Every second name is known.
    fn variable(&self, name: &str) -> Option<&Value> {
        name.len().is_multiple_of(2).then_some(&self.variable)
    }

    fn now_ms(&self) -> i64 {
        1_750_000_000_000
    }

    fn random(&self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        self.draws.get()
    }

    fn spend(&self, _fuel: u64) {}
}

/// What tokens of other makers look like.
const TOKENS: &[&str] = &[
    "AAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    "AQAcvpmg0P8AAAAAAAAAAAAAAAAAAAABAAAAAiTzT1rLr3pPWU9kYF2yVxXqVn1F2xj6B5X9X4rGmbc7fQ==",
    "eyJhbGciOiJub25lIn0.e30.",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "\u{0}\u{1}\u{2}",
];

const TOKEN_WORDS: &[&str] = &["", "A", "=", "==", "-", "_", "+", "/", "%3D", "AQ", " ", "\n", "é😀", "\u{0}"];

/// A token with something else in one place, cut off, made longer, and with other letters for the same bits.
fn changed_tokens(token: &str, text: &str) -> Vec<String> {
    let place = text.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % token.len();
    let (before, after) = token.split_at(place);
    let other = if after.starts_with('A') { 'B' } else { 'A' };
    let mut changed = vec![
        format!("{before}{other}{}", &after[1..]),
        before.to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{before}{text}{after}"),
        token.replace('+', "-").replace('/', "_"),
        token.replace('-', "+").replace('_', "/"),
        token.trim_end_matches('=').to_owned(),
    ];
    changed.retain(|other| other != token);
    changed
}
