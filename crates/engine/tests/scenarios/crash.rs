//! A crash after any transition changes nothing: the stored form holds all that the next step needs.

use stepwell_engine::Unrecorded;

use crate::bounds;
use crate::histories;
use crate::redrive;
use crate::run::{Scenario, fails, returns, run};
use crate::states;

/// Every scenario of these tests that has no Map Run, whose children are executions of their own.
fn scenarios() -> Vec<(&'static str, Scenario)> {
    vec![
        ("optimized_task", histories::optimized_task()),
        ("token_task", histories::token_task()),
        ("token_timeout", histories::token_timeout()),
        ("retries_then_catch", histories::retries_then_catch()),
        ("activity", histories::activity()),
        ("missed_heartbeat", histories::missed_heartbeat()),
        ("inline_map", histories::inline_map()),
        ("map_retried", histories::map_retried()),
        ("failing_branch", histories::failing_branch()),
        ("iterations_time_out", histories::iterations_time_out()),
        ("waiting", histories::waiting()),
        ("stopped", histories::stopped()),
        ("machine_timeout", histories::machine_timeout()),
        ("runtime_error_in_branch", histories::runtime_error_in_branch()),
        ("redriven", histories::redriven()),
        ("costly_selectors", bounds::costly_selectors()),
        ("wait_again", redrive::wait_again()),
        ("retries_again", redrive::retries_again()),
        ("selector_fails_later", redrive::selector_fails_later()),
        ("nested", states::nested()),
        ("counter_loop", states::counter_loop()),
        ("variables", states::variables()),
        ("jittered", states::jittered()),
    ]
}

#[test]
fn a_crash_after_each_transition_gives_the_same_history() {
    for (name, scenario) in scenarios() {
        let (calm, steps) = scenario.history_with_crash(None);
        assert_eq!(calm, scenario.history(), "{name}: the shard loop and single steps agree");
        for crash_after in 1..=steps {
            let (crashed, _) = scenario.history_with_crash(Some(crash_after));
            assert_eq!(crashed, calm, "{name}: crash after step {crash_after} of {steps}");
        }
    }
}

#[test]
fn an_execution_runs_alike_when_nobody_wants_its_events() {
    for (name, scenario) in scenarios().into_iter().chain(map_runs()) {
        let (expected, events) = scenario.finish();
        let (execution, unrecorded) = scenario.finish_observed(&mut Unrecorded);
        assert_eq!(format!("{execution:#?}"), format!("{expected:#?}"), "{name}");
        assert!(!events.is_empty() && unrecorded.is_empty(), "{name}");
    }
}

/// Scenarios with Map Runs, in which tasks are answered at once.
fn map_runs() -> Vec<(&'static str, Scenario)> {
    let read = run(r#"{"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 2,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "b", "Key": "k"},
            "ReaderConfig": {"InputType": "JSON", "MaxItems": 3}},
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "n": "{% $random() %}", "of": "{% $of %}"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Nap", "States": {
            "Nap": {"Type": "Wait", "Seconds": 1, "Next": "Call"},
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Arguments": {"QueueUrl": "q", "MessageBody": "m"}, "Assign": {"x": 1}, "End": true}}},
        "ToleratedFailureCount": 1,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "b", "Prefix": "p"},
            "WriterConfig": {"OutputType": "JSON", "Transformation": "COMPACT"}},
        "End": true}}}"#)
    .items("[1,2,3,4]")
    .task("Call", vec![returns("1"), fails("Busy"), returns("3")]);
    vec![
        ("items that are read", read),
        ("batches", states::batches()),
        ("tolerated failures", states::tolerated_failures()),
        ("a Map Run that fails", states::tolerated_failures().input("[2,1,2,3]")),
    ]
}

#[test]
fn a_crash_after_each_turn_of_a_shard_with_map_runs_gives_the_same_history() {
    for (name, scenario) in map_runs() {
        let (calm, turns) = scenario.shard_history_with_crash(None);
        assert!(calm.contains("MapRunStarted"), "{name}: {calm}");
        for crash_after in 1..=turns {
            let (crashed, _) = scenario.shard_history_with_crash(Some(crash_after));
            assert_eq!(crashed, calm, "{name}: crash after turn {crash_after} of {turns}");
        }
    }
}
