//! Resolves variables: each reference gets the frames and slots where its value can be.
//!
//! Frames follow the reference: one for the whole expression, one per block and per call of a lambda, and one
//! per item wherever a step, predicate, sort term or group runs over items that carry bindings. A block that
//! binds nothing gets none.

use stepwell_value::Str;

use crate::Profile;
use crate::budget::Stack;
use crate::builtin::Builtin;
use crate::compile::Compiled;
use crate::error::{DEPTH, Error, Run};
use crate::names::Names;
use crate::node::{Extra, Global, Group, Kind, Node, NodeId, Place, Stage, Variable};

/// The names of a frame's slots. In the frame of an item with bindings, slot 0 holds the item's bindings and has no name.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) names: Vec<Str>,
}

/// The scope of the whole expression.
pub(crate) const TOP: u32 = 0;

pub(crate) struct Resolved {
    pub(crate) scopes: Vec<Scope>,
    /// Names that may be free.
    pub(crate) n_globals: u32,
    /// Scope of each node that runs in a frame of its own over items with bindings: step, predicate, sort term, group member.
    pub(crate) item_scopes: Vec<(NodeId, u32)>,
}

pub(crate) fn resolve(compiled: &mut Compiled, profile: Profile, stack: Stack) -> Run<Resolved> {
    let mut globals = Globals { names: Names::default(), profile };
    if !compiled.has_bindings {
        // As in most expressions: all variables are free.
        for variable in &mut compiled.variables {
            variable.global = Some(globals.add(&variable.name));
        }
        return Ok(Resolved { scopes: Vec::new(), n_globals: globals.names.len() as u32, item_scopes: Vec::new() });
    }
    let mut resolver = Resolver {
        nodes: &compiled.nodes,
        scopes: vec![Draft { parent: None, kind: DraftKind::Top, names: Names::default() }],
        references: Vec::with_capacity(compiled.variables.len()),
        binds: Vec::new(),
        blocks: Vec::new(),
        lambdas: Vec::new(),
        item_scopes: Vec::new(),
        stack,
    };
    resolver.walk(compiled.root, TOP)?;
    let Resolver { scopes, references, binds, blocks, lambdas, item_scopes, .. } = resolver;
    for (variable, scope) in references {
        place(&mut compiled.variables[variable as usize], scope, &scopes, &compiled.keys, &mut globals);
    }
    for (id, bound) in binds {
        if let Kind::Bind { slot, .. } = &mut compiled.nodes[id as usize].kind {
            *slot = bound;
        }
    }
    for (id, inner) in blocks {
        if let Kind::Block { scope, .. } = &mut compiled.nodes[id as usize].kind {
            *scope = scopes[inner as usize].is_real().then_some(inner);
        }
    }
    for (id, inner, slots) in lambdas {
        if let Kind::Lambda(lambda) = &mut compiled.nodes[id as usize].kind {
            lambda.scope = inner;
            lambda.slots_in_order = slots.iter().enumerate().all(|(index, slot)| index as u32 == *slot);
            lambda.slots = slots;
        }
    }
    let scopes = scopes.into_iter().map(|draft| Scope { names: draft.names.into_list() }).collect();
    Ok(Resolved { scopes, n_globals: globals.names.len() as u32, item_scopes })
}

/// Names that may be free.
struct Globals {
    names: Names,
    profile: Profile,
}

impl Globals {
    fn add(&mut self, name: &Str) -> Global {
        Global { number: self.names.add(name), builtin: Builtin::named(name, self.profile) }
    }
}

/// Gives a variable that is read in `scope` the places where it may be.
fn place(variable: &mut Variable, scope: u32, scopes: &[Draft], keys: &Names, globals: &mut Globals) {
    let key = keys.number(&variable.name);
    let mut hops = 0;
    let mut next = Some(scope);
    while let Some(id) = next {
        let scope = &scopes[id as usize];
        next = scope.parent;
        if let Some(slot) = scope.names.number(&variable.name) {
            variable.places.push(Place::Slot { hops, slot });
            if let DraftKind::Lambda { n_parameters } = scope.kind
                && (slot as usize) < n_parameters
            {
                // Always bound: nothing further out is ever asked.
                return;
            }
        }
        if matches!(scope.kind, DraftKind::Item)
            && let Some(key) = key
        {
            variable.places.push(Place::Tuple { hops, key });
        }
        hops += u32::from(scope.is_real());
    }
    variable.global = Some(globals.add(&variable.name));
}

enum DraftKind {
    Top,
    Block,
    Lambda { n_parameters: usize },
    Item,
}

struct Draft {
    parent: Option<u32>,
    kind: DraftKind,
    names: Names,
}

impl Draft {
    /// Whether there is a frame for it.
    fn is_real(&self) -> bool {
        !matches!(self.kind, DraftKind::Block) || !self.names.is_empty()
    }
}

struct Resolver<'c> {
    nodes: &'c [Node],
    scopes: Vec<Draft>,
    /// Variable references and the scope where each stands.
    references: Vec<(u32, u32)>,
    /// Slot of each binding.
    binds: Vec<(NodeId, u32)>,
    /// Scope of each block.
    blocks: Vec<(NodeId, u32)>,
    /// Scope of each lambda, and the slots of its parameters.
    lambdas: Vec<(NodeId, u32, Vec<u32>)>,
    item_scopes: Vec<(NodeId, u32)>,
    stack: Stack,
}

impl Resolver<'_> {
    fn open(&mut self, parent: u32, kind: DraftKind) -> u32 {
        let n_unnamed = usize::from(matches!(kind, DraftKind::Item));
        self.scopes.push(Draft { parent: Some(parent), kind, names: Names::behind(n_unnamed) });
        self.scopes.len() as u32 - 1
    }

    fn slot(&mut self, scope: u32, name: &Str) -> u32 {
        self.scopes[scope as usize].names.add(name)
    }

    /// Walks `id`, which is evaluated in a frame of its own per item when the items carry bindings.
    fn walk_per_item(&mut self, id: NodeId, scope: u32, with_bindings: bool) -> Run<()> {
        if !with_bindings {
            return self.walk(id, scope);
        }
        let scope = self.open(scope, DraftKind::Item);
        self.item_scopes.push((id, scope));
        self.walk(id, scope)
    }

    fn walk_all(&mut self, ids: &[NodeId], scope: u32) -> Run<()> {
        ids.iter().try_for_each(|id| self.walk(*id, scope))
    }

    fn walk(&mut self, id: NodeId, scope: u32) -> Run<()> {
        let node = &self.nodes[id as usize];
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).at(node.position).boxed();
        }
        self.walk_kind(id, node, scope)?;
        match &node.extra {
            Some(extra) => self.walk_extra(node, extra, scope),
            None => Ok(()),
        }
    }

    /// The predicates and the group of a node that is no path: a path's belong to its steps and its own end.
    #[inline(never)]
    fn walk_extra(&mut self, node: &Node, extra: &Extra, scope: u32) -> Run<()> {
        if matches!(node.kind, Kind::Path { .. }) {
            return Ok(());
        }
        let with_bindings = node.tuple && matches!(node.kind, Kind::Block { .. });
        for predicate in &extra.predicates {
            self.walk_per_item(*predicate, scope, with_bindings)?;
        }
        self.walk_group(extra.group.as_ref(), scope, with_bindings)
    }

    fn walk_group(&mut self, group: Option<&Group>, scope: u32, with_bindings: bool) -> Run<()> {
        group.map_or(Ok(()), |group| self.walk_pairs(&group.pairs, scope, with_bindings))
    }

    fn walk_pairs(&mut self, pairs: &[(NodeId, NodeId)], scope: u32, with_bindings: bool) -> Run<()> {
        for (key, value) in pairs {
            self.walk_per_item(*key, scope, with_bindings)?;
            self.walk_per_item(*value, scope, with_bindings)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn walk_kind(&mut self, id: NodeId, node: &Node, scope: u32) -> Run<()> {
        match &node.kind {
            Kind::Literal(_)
            | Kind::Name(_)
            | Kind::Field(_)
            | Kind::Wildcard
            | Kind::Descendants
            | Kind::Parent(_)
            | Kind::Context
            | Kind::Regex(_)
            | Kind::Gap
            | Kind::Parameter { .. }
            | Kind::Record(_) => Ok(()),
            Kind::Variable(variable) => {
                self.references.push((*variable, scope));
                Ok(())
            }
            Kind::Path { steps, .. } => self.walk_path(node, steps, scope),
            Kind::Binary(_, left, right)
            | Kind::And(left, right)
            | Kind::Or(left, right)
            | Kind::Apply(left, right) => {
                self.walk(*left, scope)?;
                self.walk(*right, scope)
            }
            Kind::Negate(operand) | Kind::TailCall(operand) => self.walk(*operand, scope),
            Kind::Bind { name, value, .. } => {
                self.walk(*value, scope)?;
                let slot = self.slot(scope, name);
                self.binds.push((id, slot));
                Ok(())
            }
            Kind::Array(items) => self.walk_all(items, scope),
            Kind::Object(pairs) => self.walk_pairs(pairs, scope, false),
            Kind::Condition { condition, then, otherwise } => {
                self.walk(*condition, scope)?;
                self.walk(*then, scope)?;
                otherwise.map_or(Ok(()), |otherwise| self.walk(otherwise, scope))
            }
            Kind::Block { expressions, .. } => {
                let inner = self.open(scope, DraftKind::Block);
                self.blocks.push((id, inner));
                self.walk_all(expressions, inner)
            }
            Kind::Call(call) | Kind::Partial(call) => {
                self.references.extend(call.forgotten.map(|variable| (variable, scope)));
                self.walk(call.procedure, scope)?;
                self.walk_all(&call.arguments, scope)
            }
            Kind::Lambda(lambda) => {
                let inner = self.open(scope, DraftKind::Lambda { n_parameters: 0 });
                let slots: Vec<u32> = lambda.parameters.iter().map(|name| self.slot(inner, name)).collect();
                let n_parameters = self.scopes[inner as usize].names.len();
                self.scopes[inner as usize].kind = DraftKind::Lambda { n_parameters };
                self.lambdas.push((id, inner, slots));
                self.walk(lambda.body, inner)
            }
            Kind::Transform(transform) => {
                self.references.push((transform.clone, scope));
                self.walk(transform.pattern, scope)?;
                self.walk(transform.update, scope)?;
                transform.delete.map_or(Ok(()), |delete| self.walk(delete, scope))
            }
            Kind::Sort(_) => unreachable!("walked with its path"),
        }
    }

    #[inline(never)]
    fn walk_path(&mut self, path: &Node, steps: &[NodeId], scope: u32) -> Run<()> {
        let mut with_bindings = false;
        for (index, id) in steps.iter().enumerate() {
            let step = &self.nodes[*id as usize];
            let had_bindings = with_bindings;
            with_bindings |= step.tuple;
            let is_whole = index == 0 && step.cons;
            if let Kind::Sort(terms) = &step.kind {
                for term in terms {
                    self.walk_per_item(term.expression, scope, had_bindings)?;
                }
            } else {
                self.walk_per_item(*id, scope, with_bindings && !is_whole)?;
            }
            for stage in step.extra.iter().flat_map(|extra| &extra.stages) {
                if let Stage::Filter(predicate) = stage {
                    self.walk_per_item(*predicate, scope, with_bindings)?;
                }
            }
        }
        let group = path.extra.as_ref().and_then(|extra| extra.group.as_ref());
        self.walk_group(group, scope, with_bindings)
    }
}
