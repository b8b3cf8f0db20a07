//! Published definitions compile once their placeholders are filled.

use stepwell_asl::{Format, Options, compile, syntax};
use stepwell_value::Value;

use crate::support::shared_folder;

#[test]
fn published_definitions_compile() {
    let Some(folder) = shared_folder("real-world") else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("the definitions have a manifest");
    let manifest = stepwell_value::parse(&manifest).expect("the manifest is JSON");
    let (mut compiled, mut refused) = (0, Vec::new());
    let definitions = manifest.get("definitions").and_then(Value::as_array).expect("definitions");
    for file in definitions.iter().filter_map(|entry| entry.get("file").and_then(Value::as_str)) {
        let text = std::fs::read_to_string(folder.join(file)).expect("the definition is in the manifest");
        let filled = fill(&text);
        assert_eq!(filled.complete(), Ok(()), "{file}");
        let result = compile(&filled.text, Format::of_file(file), &Options::default());
        if result.is_valid() {
            compiled += 1;
        } else {
            let pages: Vec<_> = result.diagnostics.iter().map(|found| found.render(file, &filled.text)).collect();
            refused.push((file, pages.concat()));
        }
    }
    println!("real world: {compiled} of {} compile", definitions.len());
    for (_, page) in &refused {
        println!("{page}");
    }
    assert!(refused.is_empty());
}

/// Placeholders become what a deployment would make of them: a whole `Resource` a function's ARN, places of AWS
/// themselves, all else its name.
fn fill(text: &str) -> syntax::Filled {
    let resources: Vec<_> = syntax::placeholders(text)
        .into_iter()
        .filter(|placeholder| {
            let before = text[..placeholder.span.start as usize].trim_end_matches(['"', '\'']).trim_end();
            let after = &text[placeholder.span.end as usize..];
            let is_whole = after.starts_with(['"', '\'', '\n']);
            is_whole && before.trim_end_matches(':').trim_end_matches('"').ends_with("Resource")
        })
        .map(|placeholder| placeholder.name)
        .collect();
    syntax::fill(text, |name| {
        Some(match name {
            "AWS::Partition" => "aws",
            "AWS::Region" => "us-east-1",
            "AWS::AccountId" => "123456789012",
            name if resources.iter().any(|resource| resource == name) => {
                "arn:aws:lambda:us-east-1:123456789012:function:f"
            }
            _ => "Filled",
        })
    })
}
