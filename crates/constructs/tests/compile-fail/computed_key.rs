//! A computed key in `obj!`: it is added by `Obj::field`.
use stepwell_constructs::*;

fn main() {
    let key = "order".to_owned();
    let _payload: Obj<JsonPath> = obj!({ key: path("$.order") });
}
