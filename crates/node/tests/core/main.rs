//! The core of a node, driven by hand: what is released when, what survives a crash, what a failed commit does.

mod basics;
mod crashes;
mod failures;
mod map_runs;
mod requests;
mod world;
