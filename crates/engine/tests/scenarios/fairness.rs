//! An endless loop costs its neighbours a step, not their turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_asl::program::ExecutionType;
use stepwell_engine::local::{Local, Progress};
use stepwell_engine::{ExecutionId, ExecutionStatus, Identity, Start, Timestamp, limits};

use crate::run::{START, Script, identity, run};

const ORDINARY: u128 = 1_000;

#[test]
fn endless_loops_delay_no_execution_beside_them_by_more_than_a_step() {
    let endless = r#"{"TimeoutSeconds": 20, "StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A2"}], "Default": "B"},
        "A2": {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": true, "Next": "A"}], "Default": "B"},
        "B": {"Type": "Succeed"}}}"#;
    let standard = run(endless);
    let express = run(endless).express();
    let ordinary = run(r#"{"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 1, "Next": "Q"},
        "Q": {"Type": "Pass", "End": true}}}"#);
    let mut local = Local::new(START);
    let start = |id: u128, execution_type| Start {
        identity: Arc::new(Identity { id: ExecutionId(id), ..identity(execution_type) }),
        input: "x".into(),
        input_text: None,
    };
    let loops = [
        local.start(standard.program(), start(1, ExecutionType::Standard)),
        local.start(express.program(), start(2, ExecutionType::Express)),
    ];
    let program = ordinary.program();
    for n in 0..ORDINARY {
        local.start(program.clone(), start(100 + n, ExecutionType::Standard));
    }
    let mut script = Script::of(&ordinary);
    let mut ended: BTreeMap<ExecutionId, Timestamp> = BTreeMap::new();
    while ended.len() < ORDINARY as usize + loops.len() {
        match local.go_on(&mut script, &mut ()) {
            Progress::Stepped(transition) => {
                let execution = local.execution(transition.execution).expect("it has not been forgotten");
                assert!(transition.outcome.events.len() <= limits::STEP_EVENTS_MAX + 2);
                if execution.status() != ExecutionStatus::Running {
                    ended.insert(transition.execution, execution.stopped().expect("it has ended"));
                }
            }
            Progress::Delivered => {}
            Progress::WaitUntil(due) => local.set_time(due),
            Progress::Idle => break,
        }
    }
    // Each loop may take one step before an execution's own, at its start and when its wait is over.
    let step_ms = limits::CONTINUE_VIRTUAL_MS;
    for n in 0..ORDINARY {
        let late_ms = ended[&ExecutionId(100 + n)].0 - START.0 - 1_000;
        assert!(late_ms <= 2 * 2 * step_ms, "execution {n} was {late_ms} ms late");
    }
    let status = |id| local.execution(id).expect("it has not been forgotten").status();
    assert_eq!(status(loops[0]), ExecutionStatus::Failed, "the history of a Standard execution is full at some point");
    assert_eq!(status(loops[1]), ExecutionStatus::TimedOut, "an Express execution goes on until its time-out");
}
