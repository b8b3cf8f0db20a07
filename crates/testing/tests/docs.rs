//! What `docs/constructs.md` shows is what there is.
#![allow(clippy::disallowed_methods, reason = "the documentation is read from files")]
#![allow(dead_code, reason = "of the example only the workflow is used")]

#[path = "../examples/shipping.rs"]
mod shipping;

use std::path::Path;

use stepwell_constructs::Stack;

fn read(file: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_first_workflow_is_the_example() {
    let block = format!("```rust\n{}```\n", include_str!("../examples/shipping.rs"));
    assert!(read("docs/constructs.md").contains(&block), "docs/constructs.md does not show examples/shipping.rs");
}

#[test]
fn the_definition_is_what_the_example_prints() {
    let machine = shipping::shipping(&Stack::new("Shipping")).expect("it is complete");
    assert_eq!(read("docs/examples/shipping.asl.json"), format!("{:#}\n", machine.to_asl()));
}
