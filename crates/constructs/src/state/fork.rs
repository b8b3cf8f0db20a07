//! Parallel.

use super::{Body, shared_methods, state};
use crate::field::{IntoField, Obj};
use crate::json::Json;
use crate::language::{JsonPath, Jsonata, Language};

state! {
    /// Runs branches at the same time; its result is the array of their outputs (ASL type `Parallel`).
    ///
    /// Branches are added to its handle: [`branch`](crate::Node::branch).
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let both = w
    ///     .add(Parallel::json_path("Both").result_path("$.both"))
    ///     .branch(w.add(Pass::json_path("Ship")))
    ///     .branch(w.add(Pass::json_path("Invoice")));
    /// let machine = StateMachine::new("Order", both).build()?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    Parallel() -> Branches, ParallelProps = ParallelProps::default(), Body::Parallel
}

#[derive(Debug, Default)]
pub(crate) struct ParallelProps {
    pub(crate) parameters: Option<Json>,
}

shared_methods!([] Parallel: naming assign paths result_path result_selector outputs);

impl<L: Language> Parallel<L> {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Parallel<JsonPath> {
    /// The input of the branches (ASL field `Parameters`).
    #[must_use]
    pub fn parameters(mut self, parameters: Obj<JsonPath>) -> Self {
        self.props.parameters = Some(parameters.into_json());
        self
    }
}

impl Parallel<Jsonata> {
    /// The input of the branches (ASL field `Arguments`).
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoField<Jsonata>) -> Self {
        self.props.parameters = Some(arguments.into_field().0);
        self
    }
}
