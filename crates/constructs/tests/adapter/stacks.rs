//! A stack: several machines in one template.

use stepwell_value::{Object, Value};

use super::case::Cx;
use super::machines::Source;
use super::{Answer, text, unknown};

/// The members of the answer: the resources that the library makes, and the definitions of its machines.
pub fn stack(input: &Value) -> Answer<Object> {
    let spec = input.get("spec").cloned().unwrap_or_default();
    let machines = |key: &str| spec.get(key).and_then(Value::as_array).map(|all| all.to_vec()).unwrap_or_default();
    let main = machines("stateMachines");
    let props = main.first().and_then(|machine| machine.get("props")).cloned().unwrap_or_default();
    let mut cx = Cx::new(input, &spec, &props)?;
    cx.activities()?;
    let mut definitions = Object::default();
    let states = spec.get("states").and_then(Value::as_array).map(|all| all.to_vec()).unwrap_or_default();
    // What the first machines need, and then the remaining states.
    let first = machines("stateMachinesFirst");
    let mut later: Vec<Value> = Vec::new();
    for state in states {
        let one: Value = [("states", [state.clone()].into_iter().collect::<Value>())].into_iter().collect();
        if first.is_empty() || cx.states_of(&one).is_err() {
            later.push(state);
        }
    }
    if !first.is_empty() {
        build(&mut cx, &first, &mut definitions)?;
    }
    let rest: Value = [("states", Value::from(later))].into_iter().collect();
    cx.states_of(&rest)?;
    cx.steps(spec.get("steps"))?;
    build(&mut cx, &main, &mut definitions)?;
    cx.steps(spec.get("after"))?;
    let mut answer = Object::default();
    answer.insert("template", cx.stack.template());
    answer.insert("definitions", Value::Object(definitions));
    Ok(answer)
}

fn build(cx: &mut Cx, machines: &[Value], definitions: &mut Object) -> Answer<()> {
    for machine in machines {
        let source = match (machine.get("definitionBody"), machine.get("definition")) {
            (Some(body), _) => cx.source(body)?,
            (None, Some(definition)) => Source::Node(cx.node(definition)?),
            (None, None) => return unknown("a machine without definition"),
        };
        let props = machine.get("props").cloned().unwrap_or_else(Value::empty_object);
        let built = cx.machine(&text(machine, "id"), source, &props)?;
        definitions.insert(built.logical_id(), built.definition());
        cx.machines.insert(text(machine, "ref"), built);
    }
    Ok(())
}
