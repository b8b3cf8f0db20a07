//! Histories of small definitions, each showing a rule of AWS's histories (reference/history.md, 3 and 4).

mod bounds;
mod crash;
mod examples;
mod fairness;
mod histories;
mod observed;
mod redrive;
mod resume;
mod run;
mod states;
mod stored;
