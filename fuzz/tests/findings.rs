//! What fuzzing found before does not happen again.

use std::process::Command;

#[test]
fn former_findings_are_answered_as_they_must_be() {
    let replay = Command::new(env!("CARGO_BIN_EXE_stepwell-fuzz")).arg("replay").output().expect("it can be run");
    let printed = String::from_utf8_lossy(&replay.stdout);
    assert!(replay.status.success(), "{printed}");
}
