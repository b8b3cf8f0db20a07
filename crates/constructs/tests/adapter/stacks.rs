//! A stack: several machines in one template.

use stepwell_value::{Object, Value};

use super::{Answer, unknown};

/// The members of the answer: the resources that the library makes, and the definitions of its machines.
pub fn stack(input: &Value) -> Answer<Object> {
    let spec = input.get("spec").cloned().unwrap_or_default();
    let _ = (input, &spec);
    unknown("stacks")
}
