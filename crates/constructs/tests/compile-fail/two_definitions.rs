use stepwell_constructs::*;

fn main() {
    let w = Workflow::new();
    let pass = w.add(Pass::json_path("Pass"));
    let _ = StateMachine::new("Machine", &pass).from_text("{}");
}
