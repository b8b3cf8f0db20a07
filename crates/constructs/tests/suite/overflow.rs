//! What happens to a role whose policy grows past what a role can hold.

use stepwell_constructs::*;
use stepwell_value::Value;

/// A machine whose role may call so many functions of other accounts.
fn template(functions: usize) -> Value {
    let w = Workflow::new();
    let mut chain = w.add(Pass::json_path("Start")).chain();
    for number in 0..functions {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:the-function-of-number-{number:04}");
        let invoke = LambdaInvoke::json_path(&format!("Call {number}"), FunctionRef::from_arn(arn));
        chain = chain.next(w.add(invoke));
    }
    let stack = Stack::new("Stack").compat(Compat::bare());
    stack.add(StateMachine::new("Machine", chain)).expect("the machine is valid");
    stack.template()
}

fn of_type<'t>(template: &'t Value, kind: &str) -> Vec<(&'t str, &'t Value)> {
    let resources = template.get("Resources").and_then(Value::as_object).expect("there are resources");
    let of_type = resources.iter().filter(|(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(kind));
    of_type.map(|(id, resource)| (id.as_str(), resource)).collect()
}

fn statements(policy: &Value) -> usize {
    let document = policy.get("Properties").and_then(|properties| properties.get("PolicyDocument"));
    document.and_then(|document| document.get("Statement")?.as_array()).map_or(0, |statements| statements.len())
}

#[test]
fn a_policy_that_fits_stays_in_the_role() {
    let template = template(30);
    assert_eq!(of_type(&template, "AWS::IAM::ManagedPolicy"), []);
    assert_eq!(of_type(&template, "AWS::IAM::Policy").iter().map(|(_, policy)| statements(policy)).sum::<usize>(), 30);
}

#[test]
fn what_does_not_fit_goes_into_managed_policies_that_the_machine_waits_for() {
    let template = template(120);
    let (inline, managed) = (of_type(&template, "AWS::IAM::Policy"), of_type(&template, "AWS::IAM::ManagedPolicy"));
    let [(default_id, default)] = inline.as_slice() else { panic!("{inline:?}") };
    // The effect, a list of one action, a list of two ARNs of 74 and 76 characters, and no condition.
    let size = 18 + (11 + 21 + 3) + (13 + 74 + 3 + 76 + 3) + 2;
    let fitting = |room: usize| room / size;
    assert_eq!(statements(default), fitting(9_999));
    let counts: Vec<usize> = managed.iter().map(|(_, policy)| statements(policy)).collect();
    let first = fitting(6_000);
    let second = first.min(120 - fitting(9_999) - first);
    assert_eq!(counts[..2], [first, second]);
    assert_eq!(counts.iter().sum::<usize>() + statements(default), 120);
    let description = managed[0].1.get("Properties").and_then(|properties| properties.get("Description")?.as_str());
    assert_eq!(description, Some("Part of the policies for Stack/Machine/Role"));
    let [(_, machine)] = of_type(&template, "AWS::StepFunctions::StateMachine")[..] else { panic!("one machine") };
    let waits = machine.get("DependsOn").and_then(Value::as_array).expect("the machine waits");
    let waits: Vec<&str> = waits.iter().filter_map(Value::as_str).collect();
    let mut expected = vec![*default_id];
    expected.extend(managed.iter().map(|(id, _)| *id));
    assert_eq!(waits[..waits.len() - 1], expected);
    assert!(managed[0].0.starts_with("MachineRoleOverflowPolicy1"), "{}", managed[0].0);
}
