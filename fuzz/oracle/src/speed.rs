//! How fast an evaluation is, ours and others', over the expressions and documents of speed.json.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jlens_core::{Bindings, Document, Expression, Options};
use stepwell_jsonata::{Budget, Outcome, Profile, Program};
use stepwell_value::{Value, parse};

use crate::ours::{self, Given};

/// One measurement is a batch that takes at least so long.
const BATCH: Duration = Duration::from_millis(4);

/// The best of so many batches counts, taken in turns with the other engines.
const BATCHES: usize = 7;

/// The bars: the geometric mean of the ratios to jlens-core, the worst of them, the worst ratio to node.
const BARS: [f64; 3] = [1.3, 0.8, 1.0];

/// Times all expressions; fails when a result is wrong or a bar is missed.
pub fn run(suite: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(suite.join("speed.json")).map_err(|err| format!("speed.json: {err}"))?;
    let speed = parse(&text).map_err(|err| err.to_string())?;
    let documents = documents(suite, &speed)?;
    let node = node(&documents, suite);
    let none = "—".to_owned();
    println!(
        "| expression | document | ours, µs | jlens-core, µs | ratio | node, µs | ratio |\n|---|---|---:|---:|---:|---:|---:|"
    );
    let (mut ratios, mut node_ratios) = (Vec::new(), Vec::new());
    for expression in speed.get("expressions").and_then(Value::as_array).ok_or("no expressions")?.iter() {
        let name = expression.get("name").and_then(Value::as_str).ok_or("no name")?;
        let source = expression.get("expr").and_then(Value::as_str).ok_or("no expr")?;
        let results = expression.get("results").and_then(Value::as_object).ok_or("no results")?;
        for (document, expected) in results.iter() {
            let Some(path) = documents.get(document.as_str()) else { continue };
            let text = std::fs::read_to_string(path).map_err(|err| err.to_string())?;
            let [ours, jlens] = pair(source, &text, expected).map_err(|err| format!("{name} on {document}: {err}"))?;
            let ratio = jlens / ours;
            if document != "large" {
                ratios.push((ratio, format!("{name} on {document}")));
            }
            let node = node.get(&format!("{name} {document}")).copied();
            let node_ratio = node.map(|node| node / ours);
            node_ratios.extend(node_ratio.map(|ratio| (ratio, format!("{name} on {document}"))));
            let shown = |number: Option<f64>| number.map_or(none.clone(), |number| format!("{number:.2}"));
            println!(
                "| {name} | {document} | {ours:.2} | {jlens:.2} | {ratio:.2} | {} | {} |",
                shown(node),
                shown(node_ratio)
            );
        }
    }
    judge(&ratios, &node_ratios)
}

fn judge(ratios: &[(f64, String)], node_ratios: &[(f64, String)]) -> Result<(), String> {
    let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp();
    let worst = |ratios: &[(f64, String)]| {
        ratios.iter().min_by(|a, b| a.0.total_cmp(&b.0)).map_or((f64::INFINITY, String::new()), Clone::clone)
    };
    let (jlens, node) = (worst(ratios), worst(node_ratios));
    println!();
    println!("geometric mean of the ratios to jlens-core, small and medium: {mean:.2} (bar: {})", BARS[0]);
    println!("worst ratio to jlens-core: {:.2}, {} (bar: {})", jlens.0, jlens.1, BARS[1]);
    if !node_ratios.is_empty() {
        println!("worst ratio to node: {:.2}, {} (bar: {})", node.0, node.1, BARS[2]);
    }
    let is_met = mean >= BARS[0] && jlens.0 >= BARS[1] && node.0 >= BARS[2];
    if is_met { Ok(()) } else { Err("a bar is missed".to_owned()) }
}

/// Microseconds of an evaluation, ours and that of jlens-core.
fn pair(source: &str, text: &str, expected: &Value) -> Result<[f64; 2], String> {
    let program = Program::compile(source, Profile::suite()).map_err(|err| err.message())?;
    let document = parse(text).map_err(|err| err.to_string())?;
    let states: Value = [("input", document)].into_iter().collect();
    let variables = [("states", states)];
    let ours = || ours::evaluate(&program, None, &Given(&variables), &mut Budget::wide()).map_err(|err| err.message());
    match (ours()?, expected.get("value"), expected.get("bytes").and_then(Value::as_i64)) {
        (Outcome::Value(value), Some(expected), _) if value == *expected => {}
        // The hash of the others is the business of the suite's test; the length finds what is grossly wrong.
        (Outcome::Value(value), None, Some(bytes)) if value.json_len() as i64 == bytes => {}
        (other, ..) => return Err(format!("ours gives something else than expected: {:.200}", format!("{other:?}"))),
    }

    let expression = Expression::compile(source).map_err(|err| err.to_string())?;
    let states = Document::parse(&format!("{{\"input\":{text}}}")).map_err(|err| err.to_string())?;
    let nothing = Document::parse("null").map_err(|err| err.to_string())?;
    let (bindings, options) = (Bindings::new(), Options::new());
    let jlens = || expression.evaluate_document_with(&nothing, &[("states", &states)], &bindings, &options);
    jlens().map_err(|err| err.to_string())?;

    let mut best = [f64::INFINITY; 2];
    for _ in 0..BATCHES {
        best[0] = best[0].min(batch(|| drop(black_box(ours()))));
        best[1] = best[1].min(batch(|| drop(black_box(jlens()))));
    }
    Ok(best)
}

/// Microseconds of one call, as the mean of a batch.
fn batch(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < BATCH {
        call();
        calls += 1;
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

/// The documents as files; without Python only the small one.
fn documents(suite: &Path, speed: &Value) -> Result<BTreeMap<String, PathBuf>, String> {
    let folder = std::env::temp_dir().join(format!("stepwell-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|err| err.to_string())?;
    let written = Command::new("python3").arg(suite.join("documents.py")).arg(&folder).stdout(Stdio::null()).status();
    if !written.is_ok_and(|status| status.success()) {
        println!("python3 is not here: the medium and the large document are left out");
        let small = speed.get("documents").and_then(|all| all.get("small")).and_then(|small| small.get("value"));
        let small = small.ok_or("no small document")?.to_string();
        std::fs::write(folder.join("small.json"), small).map_err(|err| err.to_string())?;
    }
    let names = ["small", "medium", "large"];
    let paths = names.into_iter().map(|name| (name.to_owned(), folder.join(format!("{name}.json"))));
    Ok(paths.filter(|(_, path)| path.exists()).collect())
}

/// Microseconds of node's jsonata by `expression document`; empty where it is not here.
fn node(documents: &BTreeMap<String, PathBuf>, suite: &Path) -> BTreeMap<String, f64> {
    let Some(folder) = std::env::var_os("STEPWELL_NODE") else { return BTreeMap::new() };
    let output = Command::new("node")
        .arg("speed.js")
        .arg(suite.join("speed.json"))
        .args(documents.values())
        .current_dir(folder)
        .output();
    let Ok(output) = output else { return BTreeMap::new() };
    if !output.status.success() {
        eprintln!("node: {}", String::from_utf8_lossy(&output.stderr));
    }
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(key, time)| Some((key.to_owned(), time.parse().ok()?)))
        .collect()
}
