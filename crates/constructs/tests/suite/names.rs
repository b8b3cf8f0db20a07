//! Whoever knows the CDK finds its names: each construct, struct and property is one of ours or an alias in the docs.

use std::collections::BTreeSet;
use std::path::Path;

use stepwell_value::Value;

use crate::corpus::{corpus, read};

/// Classes and structs that nobody writes down: base classes, what `bind` gives, and templates' resources as they are.
const NOT_WRITTEN: [&str; 24] = [
    "AssignableStateOptions",
    "CallApiGatewayEndpointBaseOptions",
    "CallApiGatewayHttpApiEndpointOptions",
    "CallApiGatewayRestApiEndpointOptions",
    "ContainerDefinitionConfig",
    "DefinitionConfig",
    "DockerImageConfig",
    "EcsLaunchTargetConfig",
    "JsonPathCommonOptions",
    "JsonataCommonOptions",
    "JsonataStateOptions",
    "LaunchTargetBindOptions",
    "MapBase",
    "MapBaseJsonPathOptions",
    "MapBaseJsonataOptions",
    "MapBaseOptions",
    "S3LocationBindOptions",
    "S3LocationConfig",
    "State",
    "StateGraph",
    "StateMachineGrantsProps",
    "TaskMetricsConfig",
    "TaskStateBase",
    "TaskStateBaseOptions",
];

/// Properties that are not there, and why.
const NOT_HERE: [(&str, &str); 1] = [("apiStack", "an API of another region is named by its URL")];

#[test]
fn every_name_of_the_cdk_is_found() {
    let Some(corpus) = corpus() else { return };
    let inventory = read(&corpus.join("constructs.json"));
    let names = Names::of_sources();
    let (mut n_names, mut missing) = (0, BTreeSet::new());
    for list in ["constructs", "structs"] {
        for class in inventory.get(list).and_then(Value::as_array).expect("a list").iter() {
            let name = text_of(class, "name");
            if name.starts_with("Cfn") && name.contains("Property") || NOT_WRITTEN.contains(&name.as_str()) {
                continue;
            }
            // `LambdaInvokeProps` and its two sisters are the arguments and setters of `LambdaInvoke`.
            if !name.ends_with("Props") && !is_unused(&name) {
                n_names += 1;
                if !names.has(&name) {
                    missing.insert(name.clone());
                }
            }
            if name.starts_with("Cfn") {
                continue;
            }
            for property in class.get("props").and_then(Value::as_array).into_iter().flat_map(|props| props.iter()) {
                let property = text_of(property, "name");
                n_names += 1;
                if !names.has(&property) && !is_unused(&property) {
                    missing.insert(format!("{name}.{property}"));
                }
            }
        }
    }
    println!("{n_names} names of the CDK");
    assert!(missing.is_empty(), "{missing:#?}");
}

fn is_unused(name: &str) -> bool {
    NOT_HERE.iter().any(|(unused, _)| name.eq_ignore_ascii_case(unused))
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What the sources of the crate name.
struct Names {
    identifiers: BTreeSet<String>,
    aliases: BTreeSet<String>,
}

impl Names {
    fn of_sources() -> Names {
        let mut names = Names { identifiers: BTreeSet::new(), aliases: BTreeSet::new() };
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the sources can be read").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    names.add(&std::fs::read_to_string(path).expect("a source can be read"));
                }
            }
        }
        names
    }

    fn add(&mut self, source: &str) {
        for line in source.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            if let Some((alias, _)) = line.strip_prefix("#[doc(alias = \"").and_then(|rest| rest.split_once('"')) {
                self.aliases.insert(alias.to_owned());
            }
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            self.identifiers.extend(words.map(str::to_owned));
        }
    }

    /// A name of one word is the same in Rust; another one has to be an alias, or that of a type.
    fn has(&self, name: &str) -> bool {
        let one_word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let of_type = name.starts_with(|first: char| first.is_ascii_uppercase());
        self.aliases.contains(name) || (one_word || of_type) && self.identifiers.contains(name)
    }
}
