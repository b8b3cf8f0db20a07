//! Histories of small definitions, each showing a rule of AWS's histories (reference/history.md, 3 and 4).

mod crash;
mod histories;
mod run;
mod states;
