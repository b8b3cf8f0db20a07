//! A seeded world: several nodes, each with the cores that the product has, one store in memory, a network, clients and
//! tasks, and all that may go wrong with them. The same seed gives the same world, so a failing one is a test.
//!
//! One thing happens after the other, in the order of its time: there are no threads and no clock. While a world lives,
//! it is checked at each commit, each effect and each answer; `audit` says what for.
//!
//! ```
//! let report = stepwell_sim::live(1, stepwell_sim::Options::default()).unwrap();
//! assert!(report.faults.total() > 0);
//! ```

mod audit;
mod chance;
mod clients;
pub mod crash;
mod fault;
mod fold;
mod node;
mod outside;
mod scenario;
mod stored;
mod timeline;
mod world;

// The scenarios of the engine's own tests, as they stand there.
#[allow(dead_code, unused_imports)]
#[path = "../../engine/tests/scenarios/bounds.rs"]
mod bounds;
#[allow(dead_code, unused_imports)]
#[path = "../../engine/tests/scenarios/histories.rs"]
mod histories;
#[allow(dead_code, unused_imports)]
#[path = "../../engine/tests/scenarios/redrive.rs"]
mod redrive;
#[allow(dead_code, unused_imports)]
#[path = "../../engine/tests/scenarios/run.rs"]
mod run;
#[allow(dead_code, unused_imports)]
#[path = "../../engine/tests/scenarios/states.rs"]
mod states;

pub use fault::{Counts, Fault};
pub use world::{Flaws, Options, Report, Violation, live};
