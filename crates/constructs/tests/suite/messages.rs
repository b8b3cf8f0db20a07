//! What is said about mistakes that no state can be blamed for.

use stepwell_constructs::*;

fn machine(id: &str) -> StateMachine {
    StateMachine::new(id, Workflow::new().add(Pass::json_path("Hello")))
}

#[test]
fn a_stack_has_an_id_once() {
    let stack = Stack::new("Orders");
    stack.add(machine("Nightly")).expect("the first one is complete");
    let errors = stack.add(machine("Nightly")).expect_err("there is one already");
    assert_eq!(
        errors.to_string(),
        "[Orders/Nightly] There is already a Construct with name 'Nightly' in Stack [Orders]"
    );
    stack.add_activity(Activity::new("Approve")).expect("the first one is complete");
    assert!(stack.add_activity(Activity::new("Approve")).is_err());
}

#[test]
fn main_and_unwrap_show_a_line_for_each_error() {
    let w = Workflow::new();
    let first = w.add(Pass::json_path("First").result_path("first"));
    let last = w.add(Map::json_path("Last"));
    let errors = StateMachine::new("Machine", first.next(last)).build().expect_err("two things are wrong");
    assert_eq!(
        format!("Error: {errors:?}"),
        "Error: \n  [Stack/First] Expected JSON path to start with '$', got: first (InvalidJsonPathStart)\
         \n  [Stack/Last] Map state must either have a non-empty iterator or a non-empty item processor (ValidationFailedWithErrors)"
    );
}

#[test]
fn numbers_of_every_size_are_whole() {
    let payload: Obj<JsonPath> = obj!({ "largest": u64::MAX, "length": "four".len(), "small": 3_u64 });
    assert_eq!(payload.to_value().to_string(), r#"{"largest":18446744073709551615,"length":4,"small":3}"#);
}
