//! What inputs are made of: the target's own seeds, and all texts of its kind in the shared corpora.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stepwell_value::Value;

use crate::targets::{Kind, Target};

/// Longest text taken from the corpora, in bytes: longer ones make slow inputs and find nothing that others do not.
const TEXT_BYTES_MAX: usize = 40_000;

/// Folders of the corpora, in the shared folder.
const FOLDERS: [&str; 4] = ["conformance/cases", "jsonata-suite", "real-world", "reference"];

/// Texts to start from.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    /// Texts of the target's kind.
    pub(crate) texts: Vec<String>,
    /// JSON documents that expressions are applied to.
    pub(crate) documents: Vec<Value>,
}

/// Reads all that a target can use.
pub(crate) fn load(target: &Target) -> Corpus {
    let mut found = Found { kind: target.kind, texts: BTreeSet::new(), documents: BTreeSet::new() };
    found.texts.extend(target.seeds.iter().map(|seed| (*seed).to_owned()));
    found.documents.extend(DOCUMENTS.map(str::to_owned));
    if let Some(shared) = shared() {
        for folder in FOLDERS {
            visit(&shared.join(folder), &mut |path| found.take_file(path));
        }
    }
    let documents = found.documents.iter().filter_map(|text| stepwell_value::parse(text).ok()).collect();
    Corpus { texts: found.texts.into_iter().collect(), documents }
}

/// The folder of the corpora, if there is one.
fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("STEPWELL_SHARED").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    folder.is_dir().then_some(folder)
}

fn visit(folder: &Path, take: &mut dyn FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit(&path, take);
        } else {
            take(&path);
        }
    }
}

struct Found {
    kind: Kind,
    texts: BTreeSet<String>,
    /// As texts, so that each is there once.
    documents: BTreeSet<String>,
}

impl Found {
    fn take_file(&mut self, path: &Path) {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "json" | "yaml" | "yml" | "jsonata") {
            return;
        }
        let Ok(text) = std::fs::read_to_string(path) else { return };
        match (extension, self.kind) {
            ("yaml" | "yml", Kind::Definition) => self.take_text(&text),
            ("jsonata", Kind::Jsonata) => self.take_text(&text),
            ("json", _) => {
                let Ok(value) = stepwell_value::parse(&text) else { return };
                if self.kind == Kind::Json {
                    self.take_text(&text);
                }
                self.walk(&value, "");
            }
            _ => {}
        }
    }

    fn walk(&mut self, value: &Value, key: &str) {
        match value {
            Value::Object(object) => {
                if object.contains_key("StartAt") && object.contains_key("States") && self.kind == Kind::Definition {
                    self.take_text(&value.to_string());
                }
                if object.contains_key("MockedResponses") && self.kind == Kind::Mock {
                    self.take_text(&value.to_string());
                }
                if object.contains_key("op") && object.contains_key("params") && self.kind == Kind::Request {
                    self.take_text(&value.to_string());
                }
                for (key, value) in object.iter() {
                    self.walk(value, key);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, key)),
            Value::Str(text) => self.take_string(key, text),
            _ => {}
        }
        if matches!(key, "data" | "input" | "document" | "json") && self.kind.has_document() {
            let text = value.to_string();
            if text.len() < TEXT_BYTES_MAX / 4 {
                self.documents.insert(text);
            }
        }
    }

    fn take_string(&mut self, key: &str, text: &str) {
        match self.kind {
            Kind::Definition if text.contains("\"StartAt\"") => self.take_text(text),
            Kind::Jsonpath if text.starts_with('$') => self.take_text(text),
            Kind::Intrinsic if text.starts_with("States.") && text.contains('(') => self.take_text(text),
            Kind::Jsonata if key == "expr" => self.take_text(text),
            Kind::Jsonata => {
                if let Some(expression) = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
                    self.take_text(expression.trim());
                }
            }
            _ => {}
        }
    }

    fn take_text(&mut self, text: &str) {
        if text.len() <= TEXT_BYTES_MAX {
            self.texts.insert(text.to_owned());
        }
    }
}

/// Documents that are there without the corpora.
const DOCUMENTS: [&str; 7] = [
    r#"{"a":{"b":[1,2.5,{"c":"text"}],"d":null},"list":[3,1,2,3],"flag":true,"name":"Ada","empty":{},"none":[]}"#,
    r#"{"store":{"book":[{"title":"One","price":8.95,"tags":["x","y"]},{"title":"Two","price":12.99}]}}"#,
    r#"[[1,[2,[3,[4,[5]]]]],{"a":[{"a":[{"a":[]}]}]}]"#,
    r#"{"":1,"a b":2,"ü":3,"'":4,"\"":5,"$":6,"@":7,"*":8,"length":9}"#,
    r#"{"big":12345678901234567890,"tiny":1e-400,"huge":1e400,"zero":-0.0,"max":9007199254740993}"#,
    r#""text with \u0000 and 😀 and a 'quote'""#,
    "null",
];
