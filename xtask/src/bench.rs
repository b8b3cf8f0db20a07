//! `cargo xtask bench`: how fast it is, as a table; compared with other engines where they can be had.

use std::process::Command;

use crate::Done;
use crate::command::{cargo, check, exists, root};
use crate::tally::Tally;

/// The other engines: a crate outside the workspace, so that nothing else ever builds it.
const ORACLE: &str = "fuzz/oracle";

/// The reference implementation, at the version that its suite belongs to.
const NODE_JSONATA: &str = "jsonata@2.2.2";

/// Runs the benches.
pub(crate) fn run() -> Done {
    let mut tally = Tally::default();
    tally += check("benches", &mut cargo(["bench", "--workspace", "--benches", "--quiet"]))?;
    let folder = root().join(ORACLE);
    let mut speed = cargo(["run", "--release", "--quiet", "--", "speed"]);
    speed.current_dir(&folder);
    if exists("node", "--version") && exists("npm", "--version") {
        install_node_jsonata()?;
        speed.env("STEPWELL_NODE", folder.join("node"));
    } else {
        println!("node is not here: its JSONata is left out of the comparison");
    }
    tally += check("JSONata against other engines", &mut speed)?;
    Ok(tally)
}

fn install_node_jsonata() -> Result<(), String> {
    let folder = root().join(ORACLE).join("node");
    if folder.join("node_modules/jsonata").is_dir() {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--silent", NODE_JSONATA]).current_dir(&folder);
    match npm.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("npm could not install {NODE_JSONATA}")),
    }
}
