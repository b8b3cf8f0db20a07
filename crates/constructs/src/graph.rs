//! The graph below a workflow: its states, what leads where, and which machine or branch each state belongs to.

use std::collections::VecDeque;

use stepwell_value::Str;

use crate::QueryLanguage;
use crate::error::{BuildError, Stage};
use crate::json::Json;
use crate::retry::Retry;
use crate::state::{Body, Common, ConditionData, ProcessorConfig};
use crate::workflow::{Catchers, StateParts};

/// How deep branches and item processors may be nested; deeper ones are an error.
pub const NESTING_MAX: usize = 200;

/// All states of a workflow.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) states: Vec<StateData>,
    pub(crate) problems: Vec<BuildError>,
    pub(crate) regions: Vec<Region>,
    /// How many states have been checked by a build.
    pub(crate) checked: usize,
}

/// A state, by its place in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateIx(pub(crate) usize);

/// A loose end of a chain: where the next state will be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// After the state.
    After(StateIx),
    /// What a Choice does when no rule holds.
    Otherwise(StateIx),
}

#[derive(Debug)]
pub(crate) struct StateData {
    pub(crate) scope: Vec<Str>,
    pub(crate) id: Str,
    pub(crate) prefixes: Vec<Str>,
    pub(crate) language: QueryLanguage,
    pub(crate) common: Common,
    pub(crate) body: Body,
    pub(crate) next: Option<StateIx>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Option<StateIx>,
    pub(crate) retries: Vec<Retry>,
    pub(crate) catches: Vec<Catcher>,
    pub(crate) branches: Vec<StateIx>,
    pub(crate) processor: Option<Processor>,
    pub(crate) iterator: Option<StateIx>,
    /// The states that a transition leads here from.
    incoming: Vec<StateIx>,
    /// What it belongs to, an index of [`Graph::regions`].
    pub(crate) region: Option<usize>,
    /// Its own branches and item processors, in the order of the definition.
    pub(crate) inner: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) condition: ConditionData,
    pub(crate) next: StateIx,
    pub(crate) extras: RuleExtras,
}

#[derive(Debug, Default)]
pub(crate) struct RuleExtras {
    pub(crate) comment: Option<Str>,
    pub(crate) assign: Option<Json>,
    pub(crate) output: Option<Json>,
}

#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) handler: StateIx,
    pub(crate) errors: Vec<Str>,
    pub(crate) result_path: Option<Json>,
    pub(crate) assign: Option<Json>,
    pub(crate) output: Option<Json>,
}

#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) start: StateIx,
    pub(crate) config: ProcessorConfig,
}

/// A machine, a branch or an item processor: states that may transition to each other.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) description: String,
    pub(crate) start: StateIx,
    pub(crate) states: Vec<StateIx>,
    parent: Option<usize>,
}

impl StateData {
    pub(crate) fn new(scope: Vec<Str>, parts: StateParts, language: QueryLanguage) -> StateData {
        StateData {
            scope,
            id: parts.id,
            prefixes: Vec::new(),
            language,
            common: parts.common,
            body: parts.body,
            next: None,
            rules: Vec::new(),
            default: None,
            retries: parts.retries,
            catches: Vec::new(),
            branches: Vec::new(),
            processor: None,
            iterator: None,
            incoming: Vec::new(),
            region: None,
            inner: Vec::new(),
        }
    }

    /// The ids from the stack's scope down to the state.
    pub(crate) fn path(&self) -> Vec<Str> {
        self.scope.iter().chain([&self.id]).cloned().collect()
    }

    pub(crate) fn name(&self) -> String {
        let name = self.common.state_name.as_ref().unwrap_or(&self.id);
        self.prefixes.iter().chain([name]).map(Str::as_str).collect()
    }

    /// Whether it has this name, which takes no memory to find out: every state of a machine is asked for every other.
    fn is_named(&self, name: &str) -> bool {
        let own = self.common.state_name.as_ref().unwrap_or(&self.id);
        let rest = self.prefixes.iter().try_fold(name, |rest, prefix| rest.strip_prefix(prefix.as_str()));
        rest == Some(own.as_str())
    }

    fn transitions(&self, catchers: Catchers) -> Vec<StateIx> {
        let handlers = self.catches.iter().map(|catcher| catcher.handler).filter(|_| catchers == Catchers::Included);
        let rules = self.rules.iter().map(|rule| rule.next);
        self.next.into_iter().chain(self.default).chain(rules).chain(handlers).collect()
    }
}

impl Graph {
    pub(crate) fn name(&self, state: StateIx) -> String {
        self.states[state.0].name()
    }

    /// Notes a problem of a state; the stack's id is put in front of the path when a machine is built.
    pub(crate) fn problem(&mut self, state: StateIx, stage: Stage, code: &'static str, message: impl Into<String>) {
        let path = self.states[state.0].path().join("/");
        self.problems.push(BuildError { code, path, message: message.into(), stage });
    }

    /// Leads from the loose end to the state.
    pub(crate) fn link(&mut self, end: End, next: StateIx) {
        let from = match end {
            End::Otherwise(choice) => {
                self.check_no_default(choice);
                self.states[choice.0].default = Some(next);
                choice
            }
            End::After(state) => {
                if self.states[state.0].next.is_some() {
                    let message = format!("State '{}' already has a next state", self.states[state.0].id);
                    return self.problem(state, Stage::Construct, "StateAlreadyHasNextState", message);
                }
                self.states[state.0].next = Some(next);
                state
            }
        };
        self.came_from(next, from);
    }

    /// A Choice goes on in one way if no rule holds.
    pub(crate) fn check_no_default(&mut self, choice: StateIx) {
        if self.states[choice.0].default.is_some() {
            let message = format!("Choice '{}' already has a default next state", self.states[choice.0].id);
            self.problem(choice, Stage::Construct, "ChoiceAlreadyHasDefaultNext", message);
        }
    }

    /// Notes where a transition comes from; what follows a state of a machine joins the machine.
    pub(crate) fn came_from(&mut self, state: StateIx, from: StateIx) {
        self.states[state.0].incoming.push(from);
        if let Some(region) = self.states[from.0].region {
            self.bind(region, state, 0);
        }
    }

    /// The states that can be reached from here, itself first.
    pub(crate) fn reachable(&self, start: StateIx, catchers: Catchers) -> Vec<StateIx> {
        let mut seen = vec![false; self.states.len()];
        let mut found = Vec::new();
        let mut queue = VecDeque::from([start]);
        while let Some(state) = queue.pop_front() {
            if !std::mem::replace(&mut seen[state.0], true) {
                found.push(state);
                queue.extend(self.states[state.0].transitions(catchers));
            }
        }
        found
    }

    /// Those of them that no transition leads on from.
    pub(crate) fn reachable_ends(&self, start: StateIx, catchers: Catchers) -> Vec<StateIx> {
        let mut found = self.reachable(start, catchers);
        found.retain(|state| self.states[state.0].transitions(catchers).is_empty());
        found
    }

    /// Makes a region of all states that are connected with `start`, in either direction.
    ///
    /// The order, and what is in a region when a state turns out to be in two, is that of the CDK: its messages show it.
    pub(crate) fn make_region(
        &mut self,
        description: String,
        start: StateIx,
        parent: Option<usize>,
        depth: usize,
    ) -> usize {
        let region = self.regions.len();
        self.regions.push(Region { description, start, states: Vec::new(), parent });
        if depth > NESTING_MAX {
            let message = format!("branches and item processors are nested deeper than {NESTING_MAX}");
            self.problem(start, Stage::Render, "NestedTooDeeply", message);
        } else {
            self.bind(region, start, depth);
        }
        region
    }

    fn bind(&mut self, region: usize, start: StateIx, depth: usize) {
        let mut stack = vec![start];
        while let Some(state) = stack.pop() {
            match self.states[state.0].region {
                Some(other) if other == region => continue,
                Some(other) => {
                    let message = format!(
                        "Trying to use state '{}' in {}, but is already in {}. Every state can only be used in one graph.",
                        self.name(state),
                        self.describe(region, state),
                        self.describe(other, state),
                    );
                    return self.problem(state, Stage::Render, "StateAlreadyInGraph", message);
                }
                None => {}
            }
            let problems = self.problems.len();
            self.bind_inner(region, state, depth);
            if self.problems.len() > problems {
                return;
            }
            let name = self.name(state);
            if let Some(twin) = self.namesake(region, &name) {
                let message = format!(
                    "State with name '{name}' occurs in both {} and {}. All states must have unique names.",
                    self.describe(region, state),
                    self.describe(twin, state),
                );
                return self.problem(state, Stage::Render, "DuplicateStateId", message);
            }
            self.states[state.0].region = Some(region);
            self.regions[region].states.push(state);
            let around = self.states[state.0]
                .incoming
                .iter()
                .copied()
                .chain(self.states[state.0].transitions(Catchers::Included));
            let around: Vec<StateIx> = around.collect();
            stack.extend(around.into_iter().rev());
        }
    }

    fn bind_inner(&mut self, region: usize, state: StateIx, depth: usize) {
        let name = self.name(state);
        let data = &self.states[state.0];
        let mut inner: Vec<(String, StateIx)> = Vec::new();
        for (index, branch) in data.branches.iter().enumerate() {
            inner.push((format!("Parallel '{name}' branch {}", index + 1), *branch));
        }
        if let Some(start) = data.iterator {
            inner.push((format!("Map {name} Iterator"), start));
        }
        if let Some(processor) = &data.processor {
            inner.push((format!("Map {name} Item Processor"), processor.start));
        }
        for (description, start) in inner {
            let made = self.make_region(description, start, Some(region), depth + 1);
            self.states[state.0].inner.push(made);
        }
    }

    /// The region of the same machine that has a state of this name.
    fn namesake(&self, region: usize, name: &str) -> Option<usize> {
        let machine = self.machine(region);
        (0..self.regions.len())
            .filter(|other| self.machine(*other) == machine)
            .find(|other| self.regions[*other].states.iter().any(|state| self.states[state.0].is_named(name)))
    }

    fn machine(&self, mut region: usize) -> usize {
        while let Some(parent) = self.regions[region].parent {
            region = parent;
        }
        region
    }

    /// A region as it stands in a message, with its first states; `state` is in it even if it is not bound yet.
    fn describe(&self, region: usize, state: StateIx) -> String {
        let Region { description, start, states, .. } = &self.regions[region];
        let mut names: Vec<String> = states.iter().map(|state| self.name(*state)).collect();
        if states.is_empty() && *start == state {
            names.push(self.name(state));
        }
        let more = names.len() > 3;
        names.truncate(3);
        if more {
            names.push("...".to_owned());
        }
        format!("{description} ({})", names.join(", "))
    }
}
