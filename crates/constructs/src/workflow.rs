//! Workflows as their authors write them: handles of states, chains and fragments, and what can follow what.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::Str;

use crate::error::{Problem, Stage};
use crate::graph::{Catcher, End, Graph, Processor, Rule, StateData, StateIx};
use crate::language::Language;
use crate::retry::{Catch, Retry};
use crate::state::{Body, Common, Parallel, ProcessorConfig, When};

/// A set of states and the transitions between them; the scope that their ids are unique in.
///
/// [`add`](Workflow::add) takes a state and gives a handle of it. Handles are cheap to copy, so that a state can be
/// the target of several others, or of itself.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let poll = w.add(Wait::json_path("Wait", WaitTime::seconds(30)));
/// let check = w.add(Choice::json_path("Done?"));
/// let done = w.add(Succeed::json_path("Done"));
/// check.when(Condition::boolean_equals("$.done", true), &done).otherwise(&poll);
/// let machine = StateMachine::new("Poll", poll.next(&check)).build()?;
/// assert_eq!(machine.definition().get("StartAt").and_then(|name| name.as_str()), Some("Wait"));
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    graph: Rc<RefCell<Graph>>,
    scope: Vec<Str>,
}

/// A handle of a state, or of a chain of states, in a [`Workflow`].
///
/// `L` is the query language: of the state, or of all states of the chain. `K` says what can be done with it:
/// whether something can follow, whether errors can be retried and caught.
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let check = w.add(LambdaInvoke::json_path("Check", FunctionRef::from_name("check")));
/// let ship = w.add(Pass::json_path("Ship"));
/// let refused = w.add(Fail::json_path("Refused"));
/// check.retry(Retry::new().errors(["Stock.Locked"]).interval(Duration::from_secs(5))).catch(&refused);
/// let machine = StateMachine::new("Order", check.next(&ship)).build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Debug)]
pub struct Node<L, K> {
    workflow: Workflow,
    start: StateIx,
    ends: Vec<End>,
    types: PhantomData<fn() -> (L, K)>,
}

/// What a handle stands for, as a type.
pub trait Kind: 'static {
    /// What a chain that ends in it stands for.
    type AsLast: Kind;
}

/// Something can follow.
#[diagnostic::on_unimplemented(
    message = "nothing can follow: the chain ends here (`{Self}`)",
    note = "Choice, Succeed and Fail end a chain; after a Choice go on with `afterwards()`"
)]
pub trait Continues: Kind {}

/// Errors can be retried and caught.
#[diagnostic::on_unimplemented(
    message = "there are no errors to retry or catch here (`{Self}`)",
    note = "tasks, Parallel, Map and CustomState fail; of a chain, retry its states"
)]
pub trait Fails: Continues {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $last:ident $(: $($trait:ident)*)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl Kind for $name {
            type AsLast = $last;
        }
        $($(impl $trait for $name {})*)?
    )*};
}

kinds! {
    /// A Pass or Wait state, or a chain that can go on.
    Open => Open: Continues;
    /// A Succeed or Fail state, or a chain that cannot go on.
    Closed => Closed;
    /// A Task state, or a state given as JSON.
    Work => Open: Continues Fails;
    /// A Choice state.
    Decision => Closed;
    /// A Parallel state.
    Branches => Open: Continues Fails;
    /// A Map state.
    Iteration => Open: Continues Fails;
}

/// A state that can be added to a workflow: every builder of a state or task.
pub trait State {
    /// The query language of the state.
    type Language: Language;
    /// What can be done with its handle.
    type Kind: Kind;
    #[doc(hidden)]
    fn into_parts(self) -> StateParts;
}

/// What a builder hands to the workflow.
#[derive(Debug)]
pub struct StateParts {
    pub(crate) id: Str,
    pub(crate) common: Common,
    pub(crate) body: Body,
    pub(crate) retries: Vec<Retry>,
}

/// Whatever a transition can lead to: the handle of a state, a chain, a fragment.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not belong to a workflow yet",
    note = "add it: `let state = workflow.add(…)`; a transition, a branch or a machine takes the handle that `add` gives"
)]
pub trait Chainable {
    /// The language of all its states.
    type Language: Language;
    /// What it is.
    type Kind: Kind;
    /// The handle.
    fn node(&self) -> Node<Self::Language, Self::Kind>;
}

impl Workflow {
    /// A workflow without states.
    pub fn new() -> Workflow {
        Workflow::default()
    }

    /// Adds a state and gives its handle.
    pub fn add<S: State>(&self, state: S) -> Node<S::Language, S::Kind> {
        let parts = state.into_parts();
        let mut graph = self.graph.borrow_mut();
        let start = StateIx(graph.states.len());
        let duplicate = graph.states.iter().any(|other| other.id == parts.id && other.scope == self.scope);
        graph.states.push(StateData::new(self.scope.clone(), parts, S::Language::QUERY_LANGUAGE));
        if duplicate {
            let message = format!("There is already a Construct with name '{}'", graph.states[start.0].id);
            graph.problem(start, Stage::Construct, "DuplicateConstructId", message);
        }
        let ends = if graph.states[start.0].body.can_continue() { vec![End::After(start)] } else { Vec::new() };
        drop(graph);
        Node { workflow: self.clone(), start, ends, types: PhantomData }
    }

    /// A part of this workflow: states with an id of their own scope, to be used as one, and more than once.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// fn greet(w: &Workflow, id: &str) -> Fragment<JsonPath, Open> {
    ///     w.fragment(id, |w| w.add(Pass::json_path("Hello")).next(w.add(Pass::json_path("Bye"))))
    /// }
    ///
    /// let w = Workflow::new();
    /// let twice = greet(&w, "First").prefix_states().next(greet(&w, "Second").prefix_states());
    /// let machine = StateMachine::new("Twice", twice).build()?;
    /// # Ok::<(), BuildErrors>(())
    /// ```
    #[doc(alias = "StateMachineFragment")]
    pub fn fragment<L: Language, K: Kind>(
        &self,
        id: &str,
        states: impl FnOnce(&Workflow) -> Node<L, K>,
    ) -> Fragment<L, K> {
        let scope = self.scope(id);
        let node = states(&scope);
        Fragment::new(&scope, node)
    }

    /// A scope of this workflow: the ids of its states may be those of states elsewhere, their names may not.
    pub fn scope(&self, id: &str) -> Workflow {
        let mut scope = self.scope.clone();
        scope.push(Str::from(id));
        Workflow { graph: self.graph.clone(), scope }
    }

    pub(crate) fn graph(&self) -> &Rc<RefCell<Graph>> {
        &self.graph
    }

    /// The ids from the stack's scope down to what is made in this scope with these ids.
    pub(crate) fn path_of<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Vec<Str> {
        self.scope.iter().cloned().chain(ids.into_iter().map(Str::new)).collect()
    }
}

impl<L, K> Clone for Node<L, K> {
    fn clone(&self) -> Node<L, K> {
        Node { workflow: self.workflow.clone(), start: self.start, ends: self.ends.clone(), types: PhantomData }
    }
}

impl<L: Language, K: Kind> Chainable for Node<L, K> {
    type Language = L;
    type Kind = K;

    fn node(&self) -> Node<L, K> {
        self.clone()
    }
}

impl<C: Chainable> Chainable for &C {
    type Language = C::Language;
    type Kind = C::Kind;

    fn node(&self) -> Node<C::Language, C::Kind> {
        (*self).node()
    }
}

// The bounds stand at the methods: so the compiler gives the message of the trait that is missing.
impl<L: Language, K: Kind> Node<L, K> {
    /// Links the state to all loose ends of this chain and gives the longer chain (ASL field `Next`).
    pub fn next<C: Chainable>(&self, next: C) -> Node<L::And<C::Language>, <C::Kind as Kind>::AsLast>
    where
        K: Continues,
    {
        let next = next.node();
        let mut graph = self.workflow.graph.borrow_mut();
        if self.ends.is_empty() {
            let id = &graph.states[self.start.0].id;
            let message = format!("Cannot add to chain: last state in chain ({id}) does not allow it");
            graph.problem(self.start, Stage::Construct, "CannotChainToLastState", message);
        }
        if self.shares_workflow_with(&next, &mut graph) {
            for end in &self.ends {
                graph.link(*end, next.start);
            }
        }
        drop(graph);
        Node { workflow: self.workflow.clone(), start: self.start, ends: next.ends, types: PhantomData }
    }
}

impl<L: Language, K: Kind> Node<L, K> {
    /// The same as part of a machine whose language is JSONPath: any chain fits in there.
    pub fn in_any_machine(&self) -> Node<crate::JsonPath, K> {
        self.retyped()
    }

    /// The state as a chain of one.
    #[doc(alias = "Chain.start")]
    pub fn chain(&self) -> Node<L, K::AsLast> {
        self.retyped()
    }

    /// The name of the state that the chain starts with.
    pub fn name(&self) -> String {
        self.workflow.graph.borrow().name(self.start)
    }

    /// This chain as the only branch of a Parallel state.
    #[doc(alias = "SingleStateOptions")]
    #[doc(alias = "stateId")]
    #[doc(alias = "Chain.toSingleState")]
    pub fn to_single_state<L2: Language>(&self, parallel: Parallel<L2>) -> Node<L2::And<L>, Branches> {
        self.workflow.add(parallel).branch(self)
    }

    /// This chain with the end of another, which has to be linked to it already; nothing is linked.
    #[doc(alias = "Chain.sequence")]
    pub fn sequence<C: Chainable>(&self, last: C) -> Node<L::And<C::Language>, <C::Kind as Kind>::AsLast> {
        let last = last.node();
        Node { workflow: self.workflow.clone(), start: self.start, ends: last.ends, types: PhantomData }
    }

    /// The names of all states that can be reached from here, with or without those that only a catcher leads to.
    #[doc(alias = "State.findReachableStates")]
    pub fn reachable_states(&self, catchers: Catchers) -> Vec<String> {
        let graph = self.workflow.graph.borrow();
        graph.reachable(self.start, catchers).into_iter().map(|state| graph.name(state)).collect()
    }

    /// The names of those states that no transition leads on from.
    #[doc(alias = "State.findReachableEndStates")]
    pub fn reachable_end_states(&self, catchers: Catchers) -> Vec<String> {
        let graph = self.workflow.graph.borrow();
        graph.reachable_ends(self.start, catchers).into_iter().map(|state| graph.name(state)).collect()
    }

    pub(crate) fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    pub(crate) fn start(&self) -> StateIx {
        self.start
    }

    fn retyped<L2, K2>(&self) -> Node<L2, K2> {
        Node { workflow: self.workflow.clone(), start: self.start, ends: self.ends.clone(), types: PhantomData }
    }

    fn shares_workflow_with<L2, K2>(&self, other: &Node<L2, K2>, graph: &mut Graph) -> bool {
        let same = Rc::ptr_eq(&self.workflow.graph, &other.workflow.graph);
        if !same {
            let message = "a transition cannot lead into another workflow: add both states to the same one";
            graph.problem(self.start, Stage::Construct, "StateOfAnotherWorkflow", message);
        }
        same
    }

    /// Changes the state, when the target of the change belongs to the same workflow.
    fn attach<C: Chainable>(&self, target: &C, change: impl FnOnce(&mut StateData, StateIx)) {
        let target = target.node();
        let mut graph = self.workflow.graph.borrow_mut();
        if self.shares_workflow_with(&target, &mut graph) {
            change(&mut graph.states[self.start.0], target.start);
        }
    }

    /// Like `attach`, for a transition.
    fn transition<C: Chainable>(&self, target: &C, change: impl FnOnce(&mut StateData, StateIx)) {
        self.attach(target, change);
        let target = target.node();
        if Rc::ptr_eq(&self.workflow.graph, &target.workflow.graph) {
            let mut graph = self.workflow.graph.borrow_mut();
            graph.came_from(target.start, self.start);
        }
    }

    fn problem(&self, problem: &Problem) {
        let mut graph = self.workflow.graph.borrow_mut();
        graph.problem(self.start, Stage::Construct, problem.code, problem.message.clone());
    }
}

/// Whether catchers count as transitions.
#[doc(alias = "FindStateOptions")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catchers {
    /// They do.
    Included,
    /// They do not.
    Excluded,
}

impl<L: Language, K: Kind> Node<L, K> {
    /// Retries the state when it fails (ASL field `Retry`); a retrier of `States.ALL` is put last.
    #[doc(alias = "addRetry")]
    pub fn retry(&self, retry: Retry) -> Self
    where
        K: Fails,
    {
        let mut graph = self.workflow.graph.borrow_mut();
        if let Some(problem) = mixes_all(&retry.errors) {
            graph.problem(self.start, Stage::Construct, problem.code, problem.message.clone());
        }
        graph.states[self.start.0].retries.push(retry);
        drop(graph);
        self.clone()
    }

    /// Goes on with another state when this one fails (ASL field `Catch`), whatever the error.
    #[doc(alias = "addCatch")]
    pub fn catch<C: Chainable>(&self, handler: C) -> Node<L::And<C::Language>, K>
    where
        K: Fails,
    {
        self.catch_with(handler, Catch::new())
    }

    /// Goes on with another state when this one fails with certain errors (ASL field `Catch`).
    pub fn catch_with<C: Chainable>(&self, handler: C, catch: Catch<L>) -> Node<L::And<C::Language>, K>
    where
        K: Fails,
    {
        if let Some(problem) = mixes_all(&catch.errors) {
            self.problem(&problem);
        }
        self.transition(&handler, |state, handler| {
            state.catches.push(Catcher {
                handler,
                errors: catch.errors,
                result_path: catch.result_path,
                assign: catch.assign,
                output: catch.output,
            });
        });
        self.retyped()
    }
}

fn mixes_all(errors: &[Str]) -> Option<Arc<Problem>> {
    (errors.len() > 1 && errors.iter().any(|error| error == "States.ALL"))
        .then(|| Problem::new("ErrorAllMustAppearAlone", "States.ALL must appear alone in an error list"))
}

impl<L: Language> Node<L, Decision> {
    /// Adds a rule: if the condition holds, the execution goes on with the state (ASL field `Choices`).
    pub fn when<C: Chainable>(&self, condition: impl Into<When<L>>, next: C) -> Node<L::And<C::Language>, Decision> {
        let When { condition, extras, .. } = condition.into();
        if let Some(problem) = &condition.problem {
            self.problem(problem);
        }
        self.transition(&next, |state, next| state.rules.push(Rule { condition, next, extras }));
        self.retyped()
    }

    /// Where the execution goes on if no rule holds (ASL field `Default`).
    pub fn otherwise<C: Chainable>(&self, next: C) -> Node<L::And<C::Language>, Decision> {
        let mut graph = self.workflow.graph.borrow_mut();
        graph.check_no_default(self.start);
        drop(graph);
        self.transition(&next, |state, next| state.default = Some(next));
        self.retyped()
    }

    /// A chain of everything that the rules lead to, to be joined by what comes next.
    pub fn afterwards(&self) -> Node<L, Open> {
        self.afterwards_with(Afterwards::default())
    }

    /// Like [`afterwards`](Node::afterwards), also joining catchers, or also what no rule holds for.
    pub fn afterwards_with(&self, options: Afterwards) -> Node<L, Open> {
        let mut graph = self.workflow.graph.borrow_mut();
        let catchers = if options.error_handlers { Catchers::Included } else { Catchers::Excluded };
        let mut ends: Vec<End> = graph
            .reachable_ends(self.start, catchers)
            .into_iter()
            .filter(|state| graph.states[state.0].body.can_continue())
            .map(End::After)
            .collect();
        if options.otherwise {
            let state = &graph.states[self.start.0];
            if state.default.is_some() {
                let message = format!(
                    "'includeOtherwise' set but Choice state {} already has an 'otherwise' transition",
                    graph.name(self.start)
                );
                graph.problem(self.start, Stage::Construct, "ChoiceStateAlreadyHasOtherwise", message);
            }
            ends.push(End::Otherwise(self.start));
        }
        drop(graph);
        Node { workflow: self.workflow.clone(), start: self.start, ends, types: PhantomData }
    }
}

/// What [`afterwards_with`](Node::afterwards_with) joins beside the ends of the rules' states.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let gift = w.add(Pass::json_path("Wrap it"));
/// let ship = w.add(Pass::json_path("Ship"));
/// let choice = w.add(Choice::json_path("A gift?"));
/// choice.when(Condition::boolean_equals("$.gift", true), &gift);
/// // Wrapped or not, it is shipped.
/// let chain = choice.afterwards_with(Afterwards { otherwise: true, ..Afterwards::default() }).next(&ship);
/// let machine = StateMachine::new("Order", chain).build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "AfterwardsOptions")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Afterwards {
    /// Also the ends of the states that catchers lead to.
    #[doc(alias = "includeErrorHandlers")]
    pub error_handlers: bool,
    /// Also the case that no rule holds; the Choice must not have an `otherwise`.
    #[doc(alias = "includeOtherwise")]
    pub otherwise: bool,
}

impl<L: Language> Node<L, Branches> {
    /// Adds a branch (ASL field `Branches`).
    pub fn branch<C: Chainable>(&self, branch: C) -> Node<L::And<C::Language>, Branches> {
        self.attach(&branch, |state, start| state.branches.push(start));
        self.retyped()
    }
}

impl<L: Language> Node<L, Iteration> {
    /// What is done with each item (ASL field `ItemProcessor`).
    #[doc(alias = "itemProcessor")]
    pub fn item_processor<C: Chainable>(&self, processor: C) -> Node<L::And<C::Language>, Iteration> {
        self.item_processor_with(processor, ProcessorConfig::default())
    }

    /// What is done with each item, and how (ASL fields `ItemProcessor` and `ProcessorConfig`).
    pub fn item_processor_with<C: Chainable>(
        &self,
        processor: C,
        config: ProcessorConfig,
    ) -> Node<L::And<C::Language>, Iteration> {
        self.attach(&processor, |state, start| state.processor = Some(Processor { start, config }));
        self.retyped()
    }

    /// What is done with each item, in the field that `ItemProcessor` has replaced (ASL field `Iterator`).
    pub fn iterator<C: Chainable>(&self, iterator: C) -> Node<L::And<C::Language>, Iteration> {
        self.attach(&iterator, |state, start| state.iterator = Some(start));
        self.retyped()
    }
}

/// A part of a workflow that can be used as one; made by [`Workflow::fragment`].
#[doc(alias = "StateMachineFragment")]
#[derive(Clone, Debug)]
pub struct Fragment<L, K> {
    workflow: Workflow,
    id: Str,
    node: Node<L, K>,
}

impl<L: Language, K: Kind> Fragment<L, K> {
    /// The fragment of all states of a scope; the chain is how it begins and where it goes on.
    pub fn new(scope: &Workflow, chain: Node<L, K>) -> Fragment<L, K> {
        let id = scope.scope.last().cloned().unwrap_or_default();
        Fragment { workflow: scope.clone(), id, node: chain }
    }

    /// Puts `id: ` in front of the names of all its states.
    #[doc(alias = "prefixStates")]
    pub fn prefix_states(self) -> Self {
        let prefix = format!("{}: ", self.id);
        self.prefix_states_with(&prefix)
    }

    /// Puts a prefix in front of the names of all its states.
    pub fn prefix_states_with(self, prefix: &str) -> Self {
        if !prefix.is_empty() {
            let mut graph = self.workflow.graph.borrow_mut();
            for state in &mut graph.states {
                if state.scope.starts_with(&self.workflow.scope) {
                    state.prefixes.insert(0, Str::from(prefix));
                }
            }
        }
        self
    }

    /// The fragment as the only branch of a Parallel state; its states are prefixed with the id of that state.
    #[doc(alias = "toSingleState")]
    pub fn to_single_state<L2: Language>(self, parallel: Parallel<L2>) -> Node<L2::And<L>, Branches> {
        let prefix = format!("{}: ", parallel.id());
        self.to_single_state_with_prefix(parallel, &prefix)
    }

    /// The fragment as the only branch of a Parallel state, its states prefixed.
    pub fn to_single_state_with_prefix<L2: Language>(
        self,
        parallel: Parallel<L2>,
        prefix: &str,
    ) -> Node<L2::And<L>, Branches> {
        let fragment = self.prefix_states_with(prefix);
        fragment.workflow.add(parallel).branch(&fragment)
    }

    /// The id that it was given.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl<L: Language, K: Kind> Fragment<L, K> {
    /// Links the state to all loose ends of the fragment and gives the longer chain (ASL field `Next`).
    pub fn next<C: Chainable>(&self, next: C) -> Node<L::And<C::Language>, <C::Kind as Kind>::AsLast>
    where
        K: Continues,
    {
        self.node.next(next)
    }
}

impl<L: Language, K: Kind> Chainable for Fragment<L, K> {
    type Language = L;
    type Kind = K;

    fn node(&self) -> Node<L, K> {
        self.node.clone()
    }
}
