//! A crash after any transition changes nothing: the stored form holds all that the next step needs.

use crate::histories;
use crate::redrive;
use crate::run::Scenario;
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
