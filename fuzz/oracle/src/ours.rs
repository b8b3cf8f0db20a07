//! Our engine, with fixed chance and time.

use std::cell::Cell;

use stepwell_asl::intrinsic;
use stepwell_jsonata::{Budget, Environment, Error, Host, Outcome, Program, Variables};
use stepwell_value::Value;

/// Variables by name.
pub struct Given<'a>(pub &'a [(&'a str, Value)]);

impl Variables for Given<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// Evaluates a compiled expression.
pub fn evaluate(
    program: &Program,
    input: Option<&Value>,
    variables: &Given<'_>,
    budget: &mut Budget,
) -> Result<Outcome, Error> {
    program.evaluate(&Environment { input, variables, host: &Fixed(Cell::new(0)) }, budget)
}

struct Fixed(Cell<u64>);

impl Host for Fixed {
    fn now_ms(&self) -> i64 {
        1_750_000_000_000
    }

    fn random(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        self.0.get()
    }

    fn uuid(&self) -> String {
        intrinsic::uuid(self.random(), self.random())
    }

    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String> {
        intrinsic::hash(algorithm, data)
    }
}
