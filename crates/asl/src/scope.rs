//! What an expression can read besides the data it is applied to.

use stepwell_value::Value;

/// The surroundings of an evaluation: context object, variables, time and chance.
///
/// The engine implements it; nothing here reads a clock or draws randomness of its own, so that a step
/// repeated after a lost commit gives the same answer.
pub trait Scope {
    /// The context object, `$$` in JSONPath and `$states.context` in JSONata.
    fn context(&self) -> &Value;

    /// The value of a workflow variable that is visible here; its name is given without `$`.
    fn variable(&self, name: &str) -> Option<&Value>;

    /// Milliseconds since 1970 (UTC) at which the evaluation happens.
    fn now_ms(&self) -> i64;

    /// The next draw of the execution's generator: uniform over all 64-bit numbers, another one at each call.
    fn random(&self) -> u64;

    /// Takes note of what an evaluation cost, for those who bound many of them together.
    fn spend(&self, _fuel: u64) {}
}
