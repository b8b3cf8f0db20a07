//! A first workflow: priced by a function, shipped in parallel when it is expensive, and the customer is told.
//!
//! `shipping asl`, `shipping policy`, `shipping yaml`, `shipping json` print what becomes of it.

use std::time::Duration;

use stepwell_constructs::*;

pub(crate) fn shipping(stack: &Stack) -> Result<Machine, BuildErrors> {
    // What others declare: in this template, in the same account, anywhere.
    let customers = TopicRef::from_logical_id("Customers");
    let pack = FunctionRef::from_name("pack");
    let courier = FunctionRef::from_arn("arn:aws:lambda:eu-central-1:123456789012:function:courier");

    // States are added to a workflow, which gives handles of them.
    let w = Workflow::new();
    let price = w.add(
        LambdaInvoke::json_path("Price", FunctionRef::from_logical_id("PriceFunction"))
            .payload(obj!({ "order": path("$.order") }))
            .result_selector(obj!({ "total": path("$.Payload.total") }))
            .result_path("$.price"),
    );
    let cheap = w.add(Succeed::json_path("Cheap"));
    let refused = w.add(Fail::json_path("Refused").error("Order.Refused").cause_path("$.error.Cause"));

    let pack_item = w.add(LambdaInvoke::json_path("Pack item", &pack).output_path("$.Payload"));
    pack_item.retry(Retry::new().errors(["Pack.Busy"]).interval(Duration::from_secs(10)).max_attempts(2));
    let pack_all = w.add(Map::json_path("Pack all").items_path("$.items").max_concurrency(3));
    pack_all.item_processor(&pack_item);
    let reserve = w.add(LambdaInvoke::json_path("Reserve", &courier).output_path("$.Payload"));
    let ship = w.add(Parallel::json_path("Ship").result_path("$.shipped"));
    ship.branch(&pack_all).branch(&reserve);
    ship.catch_with(&refused, Catch::new().result_path("$.error"));

    let tell = w.add(
        SnsPublish::json_path("Tell", &customers)
            .message(intrinsic::format("Order {} is on its way.", [path("$.order")]))
            .result_path(DISCARD),
    );

    // Transitions lead from handle to handle.
    let expensive = w.add(Choice::json_path("Expensive?"));
    expensive.when(Condition::numeric_greater_than("$.price.total", 1000), ship.next(&tell)).otherwise(&cheap);
    stack.add(StateMachine::new("Machine", price.next(&expensive)).timeout(Duration::from_secs(3600)))
}

fn main() -> Result<(), BuildErrors> {
    let stack = Stack::new("Shipping");
    stack.declare("Customers", obj!({ "Type": "AWS::SNS::Topic" }));
    let machine = shipping(&stack)?;
    match std::env::args().nth(1).as_deref() {
        Some("asl") => println!("{:#}", machine.to_asl()),
        Some("policy") => machine.policy().iter().for_each(|statement| println!("{:#}", statement.to_value())),
        Some("yaml") => print!("{}", stack.template_yaml()),
        _ => println!("{:#}", stack.template()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_testing::{RunLocally, fails, json, succeeds};

    #[test]
    fn an_expensive_order_is_shipped() {
        let machine = shipping(&Stack::new("Shipping")).unwrap();
        let run = machine
            .run_locally(json(r#"{ "order": 7, "items": ["a", "b"] }"#))
            .mock("Price", json(r#"{ "Payload": { "total": 2000 } }"#))
            .mock_with("Pack item", |call| match call.attempt {
                0 => fails("Pack.Busy", "come back later"),
                _ => succeeds(json(r#"{ "Payload": "packed" }"#)),
            })
            .mock("Reserve", json(r#"{ "Payload": "reserved" }"#))
            .mock("sns:publish", json(r#"{ "MessageId": "m-1" }"#))
            .run();
        run.assert_succeeded();
        assert_eq!(run.call("Tell").parameters.get("Message"), Some(&json(r#""Order 7 is on its way.""#)));
        assert_eq!(run.output().get("shipped"), Some(&json(r#"[["packed", "packed"], "reserved"]"#)));
        // The clock is virtual: the retry waits ten seconds and takes no time.
        assert_eq!(run.virtual_time(), Duration::from_secs(10));
    }

    #[test]
    fn what_nobody_packs_is_refused() {
        let machine = shipping(&Stack::new("Shipping")).unwrap();
        let run = machine
            .run_locally(json(r#"{ "order": 7, "items": ["a"] }"#))
            .mock("Price", json(r#"{ "Payload": { "total": 2000 } }"#))
            .mock_failure("Pack item", "Pack.Busy", "come back later")
            .mock("Reserve", json(r#"{ "Payload": "reserved" }"#))
            .run();
        run.assert_failed_with("Order.Refused");
    }
}
