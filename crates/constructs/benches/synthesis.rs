//! How long it takes to make a machine of 100 states: `cargo bench -p stepwell-constructs`.

use divan::{Bencher, black_box};
use stepwell_constructs::*;
use stepwell_value::Value;

fn main() {
    divan::main();
}

/// 100 states: functions in a chain, each with a handler for its errors.
fn machine() -> Machine {
    let w = Workflow::new();
    let failed = w.add(Fail::json_path("Failed").error("Order.Failed"));
    let first = w.add(Pass::json_path("Begin"));
    let mut chain = first.chain();
    for number in 0..98 {
        let function = FunctionRef::from_name(&format!("step-{number}"));
        let step = w.add(
            LambdaInvoke::json_path(&format!("Step {number}"), function)
                .payload(obj!({ "order": path("$.order"), "number": number }))
                .result_path(&*format!("$.results.step{number}")),
        );
        chain = chain.next(step.catch(&failed));
    }
    StateMachine::new("Machine", chain).build().expect("it is complete")
}

/// The builders, the checks and the policy.
#[divan::bench]
fn build_100_states(bencher: Bencher<'_, '_>) {
    assert_eq!(machine().definition().get("States").and_then(Value::as_object).map(|states| states.len()), Some(100));
    bencher.bench(|| black_box(machine()));
}

/// The same, and the template with the definition as text.
#[divan::bench]
fn synthesize_100_states(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let machine = machine();
        black_box(machine.stack().template().to_string())
    });
}
