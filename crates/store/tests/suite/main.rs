//! What every store owes its callers: one suite, run on each of them.
#![allow(missing_docs)]
#![allow(clippy::disallowed_methods)] // Tests of files look at files.

mod catalogue;
mod executions;
mod letters;
mod lists;
mod property;
mod reopening;
mod world;

/// Makes two tests of each function that takes a world: one in memory, one with SQLite.
macro_rules! suite {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test(crate::world::World::memory()); })+
        }
        mod sqlite {
            $(#[test] fn $test() { super::$test(crate::world::World::sqlite()); })+
        }
    };
}
pub(crate) use suite;
