//! Histories of small definitions, each showing a rule of AWS's histories (reference/history.md, 3 and 4).

mod crash;
mod fairness;
mod histories;
mod observed;
mod run;
mod states;
