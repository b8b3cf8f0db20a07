use stepwell_constructs::*;

fn main() {
    let _ = Pass::jsonata("Pass").arguments(obj!({ "a": 1 }));
}
