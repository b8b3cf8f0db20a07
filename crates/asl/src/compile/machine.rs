//! The machine, and the machines inside it: branches and item processors.

use stepwell_value::Str;

use super::fields::{BRANCH, MACHINE, PROCESSOR, Rules};
use super::place::Place;
use super::{Compiler, Siblings};
use crate::diagnostic::{Code, nearest};
use crate::program::{
    DataPath, QueryLanguage, Region, RegionIdx, ResultPath, State, StateIdx, StateKind, TOP, Transition,
};
use crate::validate::{Parent, StateSite};

/// Longest name of a state, in characters.
const STATE_NAME_CHARS_MAX: usize = 80;

/// Highest number of seconds in any field.
pub(super) const SECONDS_MAX: i64 = 99_999_999;

impl Compiler<'_> {
    /// The whole definition.
    pub(super) fn machine(&mut self, root: &Place<'_>) {
        if let Some(language) = root.get("QueryLanguage") {
            self.language = self.query_language(&language);
        }
        if let Some(version) = root.get("Version") {
            self.one_of(&version, &[("1.0", ())]);
        }
        if let Some(timeout) = root.get("TimeoutSeconds") {
            // Zero is accepted here [measured], and then means no limit.
            let seconds = self.integer(&timeout, 0, Some(SECONDS_MAX));
            self.timeout_seconds =
                seconds.and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        }
        self.region(root, MACHINE, None);
    }

    /// A branch of a Parallel state.
    pub(super) fn branch(&mut self, place: &Place<'_>, parent: Parent) -> RegionIdx {
        self.region(place, BRANCH, Some(parent))
    }

    /// An item processor.
    pub(super) fn processor(&mut self, place: &Place<'_>, parent: Parent) -> RegionIdx {
        self.region(place, PROCESSOR, Some(parent))
    }

    /// The value of `QueryLanguage`. Anything that is not exactly `JSONPath` counts as JSONata for the checks that
    /// follow [measured].
    pub(super) fn query_language(&mut self, place: &Place<'_>) -> QueryLanguage {
        let languages = [("JSONPath", QueryLanguage::JsonPath), ("JSONata", QueryLanguage::Jsonata)];
        self.one_of(place, &languages).unwrap_or(QueryLanguage::Jsonata)
    }

    fn region(&mut self, place: &Place<'_>, rules: Rules, parent: Option<Parent>) -> RegionIdx {
        let idx = self.reserve_region(parent);
        if !self.object(place) {
            return idx;
        }
        for (name, field) in place.members() {
            if !rules.iter().any(|rule| *name == rule.0) {
                self.unknown_field(place, &field, name, rules.iter().map(|rule| rule.0));
            }
        }
        self.comment(place);
        self.require(place, &["States", "StartAt"]);
        let states_place = place.get("States").filter(|states| self.object(states));
        let start_place = place.get("StartAt");
        let start_name = start_place.as_ref().and_then(|start| self.string(start).map(|name| (start, name)));
        let Some(states_place) = states_place else { return idx };
        if states_place.members().next().is_none() {
            self.refuse(&states_place, "Value cannot be empty");
            return idx;
        }
        let siblings = Siblings {
            region: idx,
            names: states_place
                .members()
                .enumerate()
                .map(|(n, (name, _))| (name.as_str(), StateIdx(n as u32)))
                .collect(),
        };
        let start = start_name.map(|(start, name)| self.target(&siblings, start, name, "StartAt"));
        let mut states = Vec::with_capacity(siblings.names.len());
        for (n, (name, state)) in states_place.members().enumerate() {
            self.state_name(&state, name);
            self.sites[idx.0 as usize].states.push(StateSite { key_span: state.key_span() });
            states.extend(self.state(&state, name, &siblings, StateIdx(n as u32)));
        }
        if idx == TOP {
            states.extend(self.lone_targets.iter().flatten().map(succeed));
        }
        self.regions[idx.0 as usize] = Some(Region { start: start.unwrap_or(NOWHERE), states });
        idx
    }

    fn state_name(&mut self, state: &Place<'_>, name: &Str) {
        let span = state.key_span();
        if name.chars().count() > STATE_NAME_CHARS_MAX {
            let message = format!(
                "State name '{name}' exceeds the {STATE_NAME_CHARS_MAX}-character limit allowed by the service"
            );
            self.refuse_later(Code::InvalidStateName, state, span, message);
        } else if name.is_empty() {
            self.refuse_later(Code::InvalidStateName, state, span, "State name cannot be empty".to_owned());
        }
        if !self.names.insert(name.clone()) {
            let diagnostic =
                self.refuse_later(Code::DuplicateStateName, state, span, format!("Duplicate State name: {name}"));
            diagnostic.hint = Some("names are unique over the whole machine, branches and maps included".to_owned());
        }
    }

    /// The state that a transition leads to. AWS writes `Next` for every kind of transition [measured].
    pub(super) fn target(&mut self, siblings: &Siblings<'_>, place: &Place<'_>, name: &str, field: &str) -> StateIdx {
        if let Some(idx) = siblings.names.get(name) {
            return *idx;
        }
        if let Some(targets) = self.lone_targets.as_mut().filter(|_| siblings.region == TOP) {
            let known = targets.iter().position(|target| target == name);
            let n = known.unwrap_or_else(|| {
                targets.push(Str::new(name));
                targets.len() - 1
            });
            return StateIdx((siblings.names.len() + n) as u32);
        }
        let near = if self.dangling.truncated { None } else { nearest(name, siblings.names.keys().copied()) };
        let message = format!("Missing 'Next' target: {name}");
        let diagnostic = self.dangling.add(Code::MissingTransitionTarget, place, place.node.span, message);
        diagnostic.summary = Some(format!("{field} points to a state that does not exist here"));
        diagnostic.hint = near.map(|near| format!("did you mean \"{near}\"?"));
        NOWHERE
    }
}

/// The target of a transition that leads nowhere; never in a program that is handed out.
pub(crate) const NOWHERE: StateIdx = StateIdx(u32::MAX);

/// A state that stands for one outside of what is compiled.
fn succeed(name: &Str) -> State {
    State {
        name: name.clone(),
        query_language: QueryLanguage::JsonPath,
        input_path: DataPath::Whole,
        parameters: None,
        result_selector: None,
        result_path: ResultPath::Replace,
        output_path: DataPath::Whole,
        output: None,
        assign: None,
        next: Transition::End,
        retry: Vec::new(),
        catch: Vec::new(),
        kind: StateKind::Succeed,
    }
}
