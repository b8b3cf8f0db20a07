//! What is judged of a definition as a whole: its transitions and its variables.

mod graph;
mod variables;

use crate::program::{Program, RegionIdx, StateIdx};
use crate::syntax::Span;

pub(crate) use graph::graph;
pub(crate) use variables::scopes;
pub use variables::variable_references;

/// Where a region stands in the definition.
#[derive(Debug)]
pub(crate) struct RegionSite {
    /// The state that it is in; none for the machine itself.
    pub(crate) parent: Option<Parent>,
    /// Its states, in their order.
    pub(crate) states: Vec<StateSite>,
}

/// Where in a state a region is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent {
    /// The region of the state.
    pub(crate) region: RegionIdx,
    /// The state.
    pub(crate) state: StateIdx,
    /// `Branches`, `ItemProcessor` or `Iterator`.
    pub(crate) field: &'static str,
    /// Which branch, from 0.
    pub(crate) branch: Option<usize>,
}

/// Where a state stands in the definition.
#[derive(Debug)]
pub(crate) struct StateSite {
    /// Its name.
    pub(crate) key_span: Span,
}

/// AWS's location of a state. Made when something is wrong only: names may be long, and regions many.
fn location(program: &Program, sites: &[RegionSite], region: RegionIdx, state: usize) -> String {
    let mut steps = Vec::new();
    let mut place = Some((region, state, String::new()));
    while let Some((region, state, inside)) = place {
        steps.push(format!("/States/{}{inside}", program.region(region).states[state].name));
        place = sites[region.0 as usize].parent.map(|parent| {
            let branch = parent.branch.map(|n| format!("[{n}]")).unwrap_or_default();
            (parent.region, parent.state.0 as usize, format!("/{}{branch}", parent.field))
        });
    }
    steps.reverse();
    steps.concat()
}
