//! Ends and reachability.

use super::{RegionSite, location};
use crate::compile::DIAGNOSTICS_MAX;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Program, Region, RegionIdx, State, StateIdx, StateKind, Transition};
use crate::syntax::Span;

/// Reports a machine that cannot end, or states that nothing leads to.
///
/// As measured on AWS: only the machine itself needs a terminal state, branches do not; where it has none, states that
/// are not reachable are not reported; and of states that only hang together, the first one is.
pub(crate) fn graph(program: &Program, sites: &[RegionSite]) -> Vec<Diagnostic> {
    let has_end = program.regions.first().is_some_and(|machine| machine.states.iter().any(is_terminal));
    if !has_end {
        let mut diagnostic = Diagnostic::error(Code::MissingEndState, "Workflow has no terminal state".to_owned());
        diagnostic.hint = Some("a state with \"End\": true, a Succeed or a Fail state ends it".to_owned());
        return vec![diagnostic];
    }
    let mut found = Vec::new();
    for (idx, region) in program.regions.iter().enumerate() {
        for n in unreachable(region) {
            if found.len() > DIAGNOSTICS_MAX {
                return found;
            }
            let location = location(program, sites, RegionIdx(idx as u32), n);
            found.push(not_reachable(&region.states[n], location, sites[idx].states[n].key_span));
        }
    }
    found
}

fn is_terminal(state: &State) -> bool {
    match &state.kind {
        StateKind::Succeed | StateKind::Fail { .. } => true,
        StateKind::Choice { .. } => false,
        _ => state.next == Transition::End,
    }
}

/// The states that a state leads to; those that do not exist are reported elsewhere.
fn targets(region: &Region, state: &State) -> Vec<usize> {
    let mut targets: Vec<StateIdx> = state.catch.iter().map(|catcher| catcher.next).collect();
    match &state.kind {
        StateKind::Choice { rules, default } => {
            targets.extend(rules.iter().map(|rule| rule.next));
            targets.extend(default);
        }
        StateKind::Succeed | StateKind::Fail { .. } => {}
        _ => {
            if let Transition::Next(next) = state.next {
                targets.push(next);
            }
        }
    }
    targets.into_iter().map(|target| target.0 as usize).filter(|target| *target < region.states.len()).collect()
}

/// The states that are to be reported.
fn unreachable(region: &Region) -> Vec<usize> {
    let mut reached = vec![false; region.states.len()];
    reach(region, region.start.0 as usize, &mut reached);
    if reached.iter().all(|reached| *reached) {
        return Vec::new();
    }
    let mut is_target = vec![false; region.states.len()];
    for (n, state) in region.states.iter().enumerate() {
        for target in targets(region, state).into_iter().filter(|target| *target != n) {
            is_target[target] = true;
        }
    }
    // States that nothing leads to come first, then what is left: circles that nothing leads into.
    let mut found = Vec::new();
    for only_roots in [true, false] {
        for n in 0..region.states.len() {
            let comes_later = only_roots && is_target[n];
            if !reached[n] && !comes_later {
                found.push(n);
                reach(region, n, &mut reached);
            }
        }
    }
    found.sort_unstable();
    found
}

/// Marks all states that can be reached from one.
fn reach(region: &Region, from: usize, reached: &mut [bool]) {
    let mut open = vec![from];
    while let Some(n) = open.pop() {
        if n < reached.len() && !std::mem::replace(&mut reached[n], true) {
            open.extend(targets(region, &region.states[n]));
        }
    }
}

fn not_reachable(state: &State, location: String, span: Span) -> Diagnostic {
    let message = format!("State \"{}\" is not reachable.", state.name);
    let mut diagnostic = Diagnostic::error(Code::MissingTransitionTarget, message);
    diagnostic.location = Some(location);
    diagnostic.span = Some(span);
    diagnostic.hint = Some("no Next, Default or Catch leads here".to_owned());
    diagnostic
}
