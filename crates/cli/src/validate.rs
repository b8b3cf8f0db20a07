//! `stepwell validate`: what AWS would say about definitions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stepwell_asl::Severity;
use stepwell_value::{Object, Value};

use crate::args::{Deny, Global, Validate};
use crate::definition::{self, Checked, Settings};
use crate::failure::{Exit, Failure};
use crate::terminal::{self, Style, Tone};
use crate::text::count;

/// Folders inside one another that are searched.
const FOLDER_DEPTH_MAX: usize = 32;

pub(crate) fn validate(validate: &Validate, global: &Global) -> Result<Exit, Failure> {
    let settings = Settings::read(&validate.set)?;
    let style = Style::stdout(global.color);
    let mut worst = Exit::Success;
    let mut documents = Vec::new();
    let mut accepted = 0;
    let mut used = BTreeSet::new();
    let files = files(&validate.files)?;
    for file in &files {
        let (exit, document, page) = match definition::check(file, validate.machine_type.into(), &settings) {
            Ok(checked) => {
                used.extend(settings.names().filter(|name| checked.has_placeholder(name)));
                let exit = judged(&checked, validate.deny);
                (exit, document(file, &checked, exit), page(file, &checked, exit, style))
            }
            Err(failure) => (failure.exit, unread(file, &failure), failure.to_page()),
        };
        accepted += u64::from(exit == Exit::Success);
        worst = worst.max(exit);
        if global.json {
            documents.push(document);
        } else if !(global.quiet && exit == Exit::Success) {
            terminal::print(&page);
        }
    }
    if let Some(unused) = settings.unused(|name| used.contains(name)) {
        return Err(Failure::usage(unused));
    }
    if global.json {
        let document: Value =
            [("schema", "stepwell.validate/1".into()), ("files", documents.into())].into_iter().collect();
        terminal::print(&format!("{document}\n"));
    } else if files.len() > 1 && !global.quiet {
        let refused = files.len() as u64 - accepted;
        terminal::print(&format!("{}: {accepted} valid, {refused} not\n", count(files.len() as u64, "file")));
    }
    Ok(worst)
}

fn judged(checked: &Checked, deny: Option<Deny>) -> Exit {
    let bad = match deny {
        Some(Deny::Warnings) => !checked.diagnostics.is_empty(),
        None => checked.errors().next().is_some(),
    };
    if bad { Exit::Definition } else { Exit::Success }
}

fn document(file: &str, checked: &Checked, exit: Exit) -> Value {
    let mut document = Object::with_capacity(3);
    document.insert("file", file.into());
    document.insert("result", if exit == Exit::Success { "OK".into() } else { "FAIL".into() });
    document.insert("diagnostics", checked.to_json());
    if checked.truncated {
        document.insert("truncated", true.into());
    }
    document.into()
}

/// A file that could not be read has no diagnostics of AWS's.
fn unread(file: &str, failure: &Failure) -> Value {
    let mut document = Object::with_capacity(4);
    document.insert("file", file.into());
    document.insert("result", "FAIL".into());
    document.insert("diagnostics", Vec::new().into());
    document.insert("error", failure.to_json().get("error").cloned().unwrap_or_default());
    document.into()
}

fn page(file: &str, checked: &Checked, exit: Exit, style: Style) -> String {
    let mut page = String::new();
    for diagnostic in &checked.diagnostics {
        page.push_str(&painted(
            &diagnostic.render(&checked.text.name, &checked.text.content),
            diagnostic.severity,
            style,
        ));
        page.push('\n');
    }
    let errors = checked.errors().count() as u64;
    let warnings = checked.warnings().count() as u64;
    let found: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| count(n, what))
        .collect();
    let (symbol, tone) = match exit {
        Exit::Success => (style.pick("✔", "v"), Tone::Good),
        _ => (style.pick("✖", "x"), Tone::Bad),
    };
    let verdict = match (exit, &checked.program) {
        (Exit::Success, Some(program)) => format!("valid, {}", count(program.states_count() as u64, "state")),
        _ => "not valid".to_owned(),
    };
    let details = if found.is_empty() { String::new() } else { format!(", {}", found.join(", ")) };
    page.push_str(&format!("{} {file}: {verdict}{details}\n", style.paint(tone, symbol)));
    if let Err(unfilled) = checked.filled.complete() {
        let flags: Vec<String> = unfilled.names().iter().map(|name| format!("--set {name}=VALUE")).collect();
        page.push_str(&format!("  = note: {unfilled}; they were checked as they stand: {}\n", flags.join(" ")));
    }
    page
}

/// Colours the first words of a diagnostic.
fn painted(page: &str, severity: Severity, style: Style) -> String {
    let tone = if severity == Severity::Error { Tone::Bad } else { Tone::Warn };
    match page.split_once(": ") {
        Some((kind, rest)) => format!("{}: {rest}", style.paint(tone, kind)),
        None => page.to_owned(),
    }
}

/// Files as given, folders as the definitions in them, in the order of their names.
fn files(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if path != "-" && Path::new(path).is_dir() {
            let before = files.len();
            search(Path::new(path), FOLDER_DEPTH_MAX, &mut files)?;
            if files.len() == before {
                return Err(Failure::new(Exit::NotFound, format!("there is no *.asl.json or *.asl.yaml in {path}")));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn search(folder: &Path, depth: usize, files: &mut Vec<String>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::unreadable(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            let is_hidden = name.starts_with('.') || name == "node_modules" || name == "target";
            if depth > 0 && !is_hidden && !path.is_symlink() {
                search(&path, depth - 1, files)?;
            }
        } else if [".asl.json", ".asl.yaml", ".asl.yml"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path.display().to_string());
        }
    }
    Ok(())
}
