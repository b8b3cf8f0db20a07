//! ValidateStateMachineDefinition (`reference/errors.md`, section 3).

use stepwell_asl::{Diagnostic, Format, Options, Severity, compile};
use stepwell_value::{Object, Value};

use super::machines::type_named;
use crate::error::Error;
use crate::service::Call;

/// `maxResults` when it is 0 or absent, and its maximum.
const RESULTS_MAX: usize = 100;

pub(crate) fn validate(call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let options = Options { machine_type: type_named(params.text("type")) };
    let compiled = compile(params.required("definition"), Format::Json, &options);
    let with_warnings = params.text("severity") == Some("WARNING");
    let results_max = match params.integer("maxResults") {
        None | Some(0) => RESULTS_MAX,
        Some(max) => usize::try_from(max).unwrap_or(RESULTS_MAX),
    };
    let is_wanted = |diagnostic: &&Diagnostic| with_warnings || diagnostic.severity == Severity::Error;
    let wanted: Vec<&Diagnostic> = compiled.diagnostics.iter().filter(is_wanted).collect();
    let shown: Value = wanted.iter().take(results_max).map(|diagnostic| show(diagnostic)).collect();
    Ok([
        ("result", if compiled.is_valid() { "OK" } else { "FAIL" }.into()),
        ("diagnostics", shown),
        ("truncated", (compiled.truncated || wanted.len() > results_max).into()),
    ]
    .into_iter()
    .collect())
}

fn show(diagnostic: &Diagnostic) -> Value {
    let mut shown = Object::with_capacity(4);
    shown.insert("severity", diagnostic.severity.name().into());
    shown.insert("code", diagnostic.code.name().into());
    shown.insert("message", diagnostic.message.as_str().into());
    super::put_text(&mut shown, "location", diagnostic.location.as_deref());
    shown.into()
}
