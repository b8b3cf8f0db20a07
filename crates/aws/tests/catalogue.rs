//! The table of optimized integrations against the catalogue made from the developer guide.
// A test may read the corpora.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;

use stepwell_aws::{OPTIMIZED, Pattern, optimized_api};
use stepwell_value::Value;

#[test]
fn the_table_has_what_the_catalogue_has() {
    let Some(catalogue) = catalogue() else {
        println!("skipped: no shared/aws-sdk/optimized.json");
        return;
    };
    let integrations = catalogue.get("integrations").and_then(Value::as_object).expect("integrations");
    let mut n_apis = 0;
    for (service, integration) in integrations.iter() {
        for entry in integration.get("apis").and_then(Value::as_array).expect("apis").iter() {
            let action = entry.get("action").and_then(Value::as_str).expect("action");
            // A function's ARN as Resource is in the catalogue, but is no API.
            if action.contains(' ') {
                continue;
            }
            n_apis += 1;
            let api = optimized_api(service, action).unwrap_or_else(|| panic!("{service}:{action} is missing"));
            let patterns: Vec<_> = strings(entry.get("patterns")).into_iter().map(pattern).collect();
            assert_eq!(api.patterns, patterns, "{service}:{action}");
            let parameters = entry.get("parameters");
            let listed = |member: &str| strings(parameters.and_then(|parameters| parameters.get(member)));
            for name in listed("required") {
                assert!(api.required.contains(&name), "{service}:{action} requires {name}");
            }
            for name in ["supported", "fromModel", "optional"].into_iter().flat_map(listed) {
                assert!(api.required.contains(&name) || api.optional.contains(&name), "{service}:{action} {name}");
            }
        }
    }
    // One more: lambda:listFunctions.
    assert_eq!(OPTIMIZED.len(), n_apis + 1);
}

fn strings(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn pattern(name: &str) -> Pattern {
    match name {
        "requestResponse" => Pattern::RequestResponse,
        "sync" => Pattern::Sync,
        "sync:2" => Pattern::Sync2,
        "waitForTaskToken" => Pattern::WaitForTaskToken,
        other => panic!("unknown pattern {other}"),
    }
}

fn catalogue() -> Option<Value> {
    let shared = std::env::var_os("STEPWELL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let text = std::fs::read_to_string(shared.join("aws-sdk/optimized.json")).ok()?;
    Some(stepwell_value::parse(&text).expect("optimized.json is JSON"))
}
