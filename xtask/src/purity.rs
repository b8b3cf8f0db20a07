//! What the pure crates must not contain: dependencies that do I/O or draw chance, and the standard library's own.

use std::path::Path;

use crate::Done;
use crate::command::{cargo, root};
use crate::tally::Tally;

/// The crates that read no clock, draw no random number, open no file and are not `async`.
const PURE: [&str; 6] = ["value", "aws", "jsonata", "asl", "engine", "constructs"];

/// All that they may depend on. Whoever adds to it says why in the commit: it must be as pure as they are.
const ALLOWED: [&str; 14] = [
    "jiff",
    "md-5",
    "memchr",
    "minicbor",
    "saphyr-parser",
    "sha1",
    "sha2",
    "smol_str",
    "stepwell-asl",
    "stepwell-aws",
    "stepwell-jsonata",
    "stepwell-value",
    "unicode-ident",
    "zmij",
];

/// What must not come in through what they depend on.
const FORBIDDEN_CRATES: [&str; 15] = [
    "async-std",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "iana-time-zone",
    "libc",
    "mio",
    "rand",
    "rand_core",
    "reqwest",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];

/// What their sources must not say outside tests.
const FORBIDDEN: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::io::",
    "std::process",
    "std::env",
    "std::time",
    "SystemTime",
    "Instant::",
    "std::thread",
    "thread::sleep",
    "RandomState",
    "Timestamp::now(",
    "async fn",
    ".await",
];

/// Checks manifests and sources; one check per file.
pub(crate) fn check() -> Done {
    println!("== purity");
    let mut tally = Tally::default();
    for name in PURE {
        let folder = root().join("crates").join(name);
        let manifest = read(&folder.join("Cargo.toml"))?;
        tally += judged(&format!("crates/{name}/Cargo.toml"), &forbidden_dependencies(&manifest));
        tally += judged(&format!("what crates/{name} is built from"), &forbidden_crates(name)?);
        let mut sources = Vec::new();
        collect(&folder.join("src"), &mut sources)?;
        for source in sources {
            let shown = source.strip_prefix(root()).unwrap_or(&source).display().to_string();
            let is_tests = source.file_name().is_some_and(|name| name == "tests.rs");
            let found = if is_tests { Vec::new() } else { impurities(&read(&source)?) };
            tally += judged(&shown, &found);
        }
    }
    Ok(tally)
}

fn judged(file: &str, found: &[String]) -> Tally {
    for what in found {
        println!("{file}: {what}");
    }
    Tally::one(found.is_empty())
}

/// Dependencies, those of the build included, that are not in the list; those of tests may be anything.
fn forbidden_dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_shipped = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_shipped = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            // `[dependencies.NAME]`, a table of its own.
            if let Some((_, name)) = section.split_once("dependencies.").filter(|(kind, _)| !kind.ends_with("dev-")) {
                found.extend(judge_dependency(name));
            }
        } else if is_shipped && !line.starts_with('#') && !line.is_empty() {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            found.extend(judge_dependency(name));
        }
    }
    found
}

fn judge_dependency(name: &str) -> Option<String> {
    (!ALLOWED.contains(&name)).then(|| format!("depends on {name}, which is not in the list of xtask/src/purity.rs"))
}

/// Forbidden crates among all that a crate is built from.
fn forbidden_crates(name: &str) -> Result<Vec<String>, String> {
    let package = format!("stepwell-{name}");
    let tree = cargo(["tree", "--package", &package, "--edges", "normal", "--prefix", "none"])
        .output()
        .map_err(|err| format!("cargo tree: {err}"))?;
    if !tree.status.success() {
        return Err(format!("cargo tree: {}", String::from_utf8_lossy(&tree.stderr).trim_end()));
    }
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|name| FORBIDDEN_CRATES.contains(name)).map(|name| format!("{name} must not be there")).collect())
}

/// Lines outside comments and test items that reach for the outside. Relies on the formatter's indentation.
fn impurities(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The line that ends the test item we are in.
    let mut test_end: Option<String> = None;
    for (number, line) in source.lines().enumerate() {
        let code = line.trim_start();
        let indentation = &line[..line.len() - code.len()];
        if let Some(end) = &test_end {
            // `mod tests;` and `use …;` have no braces: they end with a semicolon at the attribute's indentation.
            let is_statement = code.ends_with(';') && indentation.len() + 1 == end.len();
            if line == end || is_statement {
                test_end = None;
            }
        } else if code.starts_with("#[cfg(test)]") {
            test_end = Some(format!("{indentation}}}"));
        } else if !code.starts_with("//") {
            // A length of time needs no clock.
            let code = code.replace("std::time::Duration", "");
            let forbidden = FORBIDDEN.iter().filter(|forbidden| has_word(&code, forbidden));
            found.extend(forbidden.map(|forbidden| format!("line {}: {forbidden}", number + 1)));
        }
    }
    found
}

/// Whether a line contains a text that is not the start of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let next = line[at + word.len()..].chars().next();
        !(word.ends_with(is_name) && next.is_some_and(is_name))
    })
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|err| format!("{}: {err}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_found_in_a_manifest_and_what_tests_need_is_not() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nmemchr.workspace = true\ntokio = \"1\"\n\
                        [dependencies.rand]\nversion = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n\
                        [dev-dependencies.mio]\nversion = \"1\"\n";
        let names: Vec<_> = forbidden_dependencies(manifest)
            .iter()
            .map(|line| line.split([' ', ',']).nth(2).unwrap().to_owned())
            .collect();
        assert_eq!(names, ["tokio", "rand"]);
    }

    #[test]
    fn a_clock_is_found_in_code_and_not_in_comments_or_tests() {
        let source = "// SystemTime, std::time::Duration\nfn f() { Instant::now(); self.awaits(); }\n#[cfg(test)]\nmod tests {\n    fn g() { std::fs::read(); }\n}\n\
                      fn h() { std::fs::read(); }\nuse std::time::{Duration, Instant};\n\
                      use std::time::Duration;\n";
        assert_eq!(impurities(source), ["line 2: Instant::", "line 7: std::fs", "line 8: std::time"]);
    }
}
