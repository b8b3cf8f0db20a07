//! What is judged of a definition as a whole: its transitions and its variables.

mod graph;
mod variables;

use crate::syntax::Span;

pub(crate) use graph::graph;
pub(crate) use variables::scopes;
pub use variables::variable_references;

/// Where a region stands in the definition.
#[derive(Debug)]
pub(crate) struct RegionSite {
    /// AWS's location of the region; the machine itself is `/`.
    pub(crate) location: String,
    /// Its states, in their order.
    pub(crate) states: Vec<StateSite>,
}

/// Where a state stands in the definition.
#[derive(Debug)]
pub(crate) struct StateSite {
    /// Its name.
    pub(crate) key_span: Span,
}

impl RegionSite {
    /// AWS's location of a state of this region.
    fn state_location(&self, name: &str) -> String {
        format!("{}/States/{name}", self.location.trim_end_matches('/'))
    }
}
