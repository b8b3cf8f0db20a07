use stepwell_constructs::*;

fn main() {
    let _ = StateMachine::new("Machine");
}
