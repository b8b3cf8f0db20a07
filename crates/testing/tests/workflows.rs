//! Workflows of several states, run with mocks.

use stepwell_constructs::*;
use stepwell_testing::{RunLocally, fails, json, succeeds};

/// Charge a card, ship in parallel, and give the money back if that fails.
fn order() -> Machine {
    let w = Workflow::new();
    let refund = w.add(LambdaInvoke::json_path("Refund", FunctionRef::from_name("refund")));
    let failed = w.add(Fail::json_path("Failed").error("Order.Failed"));
    let charge = w.add(
        LambdaInvoke::json_path("Charge", FunctionRef::from_name("charge"))
            .payload(obj!({ "total": path("$.total") }))
            .result_path("$.charge"),
    );
    let ship = w.add(Parallel::json_path("Ship").result_path("$.shipped"));
    ship.branch(
        w.add(SqsSendMessage::json_path("Pack", QueueRef::from_logical_id("Warehouse")).message_body(path("$.items"))),
    );
    ship.branch(w.add(SnsPublish::json_path("Tell", TopicRef::from_logical_id("Customer")).message("It is coming.")));
    let free = w.add(Pass::json_path("Free"));
    let choice = w.add(Choice::json_path("Costs?"));
    choice.when(Condition::numeric_greater_than("$.total", 0), charge.next(ship.catch(refund.next(failed))));
    choice.otherwise(free);
    StateMachine::new("Order", choice).build().expect("the workflow is complete")
}

#[test]
fn an_order_is_charged_and_shipped() {
    let run = order()
        .run_locally(json(r#"{ "total": 150, "items": ["tea"] }"#))
        .mock("Charge", json(r#"{ "Payload": "ok" }"#))
        .mock("sqs:sendMessage", json(r#"{ "MessageId": "q" }"#))
        .mock("sns:publish", json(r#"{ "MessageId": "t" }"#))
        .run();
    run.assert_succeeded();
    assert_eq!(run.call("Charge").parameters.get("Payload"), Some(&json(r#"{ "total": 150 }"#)));
    assert_eq!(run.output().get("shipped"), Some(&json(r#"[{ "MessageId": "q" }, { "MessageId": "t" }]"#)));
}

#[test]
fn an_order_that_cannot_be_shipped_is_refunded() {
    let run = order()
        .run_locally(json(r#"{ "total": 150, "items": [] }"#))
        .mock("Charge", json("{}"))
        .mock_failure("Pack", "Warehouse.Closed", "it is Sunday")
        .mock("Tell", json("{}"))
        .mock("Refund", json("{}"))
        .run();
    run.assert_failed_with("Order.Failed");
    assert!(run.states().contains(&"Refund"));
}

#[test]
fn lambda_is_asked_again_when_it_is_busy() {
    // The constructs add Lambda's own retrier: 2 seconds, doubled, six times.
    let run = order()
        .run_locally(json(r#"{ "total": 150, "items": [] }"#))
        .mock_with("Charge", |call| match call.attempt {
            0 | 1 => fails("Lambda.ServiceException", "busy"),
            _ => succeeds(json("{}")),
        })
        .mock("Pack", json("{}"))
        .mock("Tell", json("{}"))
        .run();
    run.assert_succeeded();
    assert_eq!(run.virtual_time().as_secs(), 2 + 4);
}

#[test]
fn a_task_without_a_mock_is_named() {
    let run = order().run_locally(json(r#"{ "total": 150, "items": [] }"#)).run();
    let message = std::panic::catch_unwind(|| run.assert_succeeded()).expect_err("it has not succeeded");
    let message = message.downcast_ref::<String>().expect("the message is text");
    assert!(message.contains("no mock for Charge or lambda:invoke"), "{message}");
}

#[test]
fn a_token_goes_out_and_the_answer_comes_back() {
    let w = Workflow::new();
    let ask = w.add(
        LambdaInvoke::jsonata("Ask", FunctionRef::from_name("ask"))
            .wait_for_task_token(|token| obj!({ "token": token })),
    );
    let machine = StateMachine::jsonata("Approval", ask).build().expect("the workflow is complete");
    let run = machine.run_locally(json("{}")).mock_with("Ask", |call| {
        let sent = call.parameters.get("Payload").and_then(|payload| payload.get("token")).and_then(|it| it.as_str());
        assert_eq!(sent, call.token.as_deref());
        succeeds(json(r#"{ "approved": true }"#))
    });
    let run = run.run();
    run.assert_succeeded();
    assert_eq!(run.output(), &json(r#"{ "approved": true }"#));
}

#[test]
fn items_come_from_a_mocked_file() {
    let w = Workflow::new();
    let map = w.add(
        DistributedMap::json_path("Each").item_reader(S3JsonItemReader::new(&BucketRef::from_name("b"), "items.json")),
    );
    map.item_processor(w.add(LambdaInvoke::json_path("One", FunctionRef::from_name("one"))));
    let machine = StateMachine::new("All", map).build().expect("the workflow is complete");
    let run = machine
        .run_locally(json("{}"))
        .mock_items("Each", json("[1, 2, 3]"))
        .mock_with("One", |call| succeeds(call.parameters.get("Payload").cloned().unwrap_or_default()))
        .run();
    run.assert_succeeded();
    assert_eq!(run.output(), &json("[1, 2, 3]"));
}

#[test]
#[should_panic(expected = "no mock for Pack or sqs:sendMessage\nnothing asked the mock Pakc")]
fn a_misspelt_mock_is_named() {
    order()
        .run_locally(json(r#"{ "total": 150, "items": [] }"#))
        .mock("Charge", json("{}"))
        .mock("Pakc", json("{}"))
        .mock("Tell", json("{}"))
        .run()
        .assert_succeeded();
}
