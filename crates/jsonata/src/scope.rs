//! Resolves variables: each reference gets the frames and slots where its value can be.
//!
//! Frames follow the reference: one for the whole expression, one per block and per call of a lambda, and one
//! per item wherever a step, predicate, sort term or group runs over items that carry bindings. A block that
//! binds nothing gets none.

use std::collections::BTreeMap;

use stepwell_value::Str;

use crate::budget::Stack;
use crate::compile::Compiled;
use crate::error::{DEPTH, Error, Run};
use crate::node::{Kind, NodeId, Place, Stage};

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
    pub(crate) globals: Vec<Str>,
    /// Scope of each node that runs in a frame of its own over items with bindings: step, predicate, sort term, group member.
    pub(crate) item_scopes: Vec<(NodeId, u32)>,
}

pub(crate) fn resolve(compiled: &mut Compiled, stack: Stack) -> Run<Resolved> {
    let mut resolver = Resolver {
        compiled,
        scopes: vec![Draft { parent: None, kind: DraftKind::Top, names: Vec::new(), index: BTreeMap::new() }],
        references: Vec::new(),
        blocks: Vec::new(),
        item_scopes: Vec::new(),
        stack,
    };
    resolver.walk(resolver.compiled.root, TOP)?;
    Ok(resolver.finish())
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
    names: Vec<Str>,
    /// Slot of each name.
    index: BTreeMap<Str, u32>,
}

impl Draft {
    /// Whether there is a frame for it.
    fn is_real(&self) -> bool {
        !matches!(self.kind, DraftKind::Block) || !self.names.is_empty()
    }
}

struct Resolver<'c> {
    compiled: &'c mut Compiled,
    scopes: Vec<Draft>,
    /// Variable references and the scope where each stands.
    references: Vec<(u32, u32)>,
    blocks: Vec<(NodeId, u32)>,
    item_scopes: Vec<(NodeId, u32)>,
    stack: Stack,
}

impl Resolver<'_> {
    fn open(&mut self, parent: u32, kind: DraftKind) -> u32 {
        let names = match kind {
            DraftKind::Item => vec![Str::default()],
            _ => Vec::new(),
        };
        self.scopes.push(Draft { parent: Some(parent), kind, names, index: BTreeMap::new() });
        self.scopes.len() as u32 - 1
    }

    fn slot(&mut self, scope: u32, name: &Str) -> u32 {
        let Draft { names, index, .. } = &mut self.scopes[scope as usize];
        if let Some(slot) = index.get(name) {
            return *slot;
        }
        let slot = names.len() as u32;
        names.push(name.clone());
        index.insert(name.clone(), slot);
        slot
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
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).at(self.compiled.nodes[id as usize].position).boxed();
        }
        self.walk_kind(id, scope)?;
        self.walk_extra(id, scope)
    }

    /// The predicates and the group of a node that is no path: a path's belong to its steps and its own end.
    #[inline(never)]
    fn walk_extra(&mut self, id: NodeId, scope: u32) -> Run<()> {
        let node = &self.compiled.nodes[id as usize];
        let Some(extra) = &node.extra else { return Ok(()) };
        if matches!(node.kind, Kind::Path { .. }) {
            return Ok(());
        }
        let with_bindings = node.tuple && matches!(node.kind, Kind::Block { .. });
        let predicates = extra.predicates.clone();
        let group = extra.group.as_ref().map(|group| group.pairs.clone());
        for predicate in predicates {
            self.walk_per_item(predicate, scope, with_bindings)?;
        }
        self.walk_group(group, scope, with_bindings)
    }

    fn walk_group(&mut self, pairs: Option<Vec<(NodeId, NodeId)>>, scope: u32, with_bindings: bool) -> Run<()> {
        for (key, value) in pairs.into_iter().flatten() {
            self.walk_per_item(key, scope, with_bindings)?;
            self.walk_per_item(value, scope, with_bindings)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn walk_kind(&mut self, id: NodeId, scope: u32) -> Run<()> {
        // Taken out while its children are walked, then put back.
        let kind = std::mem::replace(&mut self.compiled.nodes[id as usize].kind, Kind::Gap);
        let walked = self.walk_children(id, &kind, scope);
        self.compiled.nodes[id as usize].kind = kind;
        walked?;
        if let Kind::Bind { name, .. } = &self.compiled.nodes[id as usize].kind {
            let name = name.clone();
            let bound = self.slot(scope, &name);
            if let Kind::Bind { slot, .. } = &mut self.compiled.nodes[id as usize].kind {
                *slot = bound;
            }
        }
        self.walk_lambda(id, scope)
    }

    fn walk_lambda(&mut self, id: NodeId, scope: u32) -> Run<()> {
        let Kind::Lambda(lambda) = &self.compiled.nodes[id as usize].kind else { return Ok(()) };
        let (body, parameters) = (lambda.body, lambda.parameters.clone());
        let inner = self.open(scope, DraftKind::Lambda { n_parameters: 0 });
        let bound: Vec<u32> = parameters.iter().map(|name| self.slot(inner, name)).collect();
        let n_parameters = self.scopes[inner as usize].names.len();
        self.scopes[inner as usize].kind = DraftKind::Lambda { n_parameters };
        self.walk(body, inner)?;
        if let Kind::Lambda(lambda) = &mut self.compiled.nodes[id as usize].kind {
            lambda.scope = inner;
            lambda.slots_in_order = bound.iter().enumerate().all(|(index, slot)| index as u32 == *slot);
            lambda.slots = bound;
        }
        Ok(())
    }

    fn walk_children(&mut self, id: NodeId, kind: &Kind, scope: u32) -> Run<()> {
        match kind {
            Kind::Literal(_)
            | Kind::Name(_)
            | Kind::Field(_)
            | Kind::Wildcard
            | Kind::Descendants
            | Kind::Parent(_)
            | Kind::Context
            | Kind::Regex(_)
            | Kind::Lambda(_)
            | Kind::Gap
            | Kind::Parameter { .. }
            | Kind::Record(_) => Ok(()),
            Kind::Variable(variable) => {
                self.references.push((*variable, scope));
                Ok(())
            }
            Kind::Path { steps, .. } => self.walk_path(id, steps, scope),
            Kind::Binary(_, left, right)
            | Kind::And(left, right)
            | Kind::Or(left, right)
            | Kind::Apply(left, right) => {
                self.walk(*left, scope)?;
                self.walk(*right, scope)
            }
            Kind::Negate(operand) | Kind::TailCall(operand) => self.walk(*operand, scope),
            Kind::Bind { value, .. } => self.walk(*value, scope),
            Kind::Array(items) => self.walk_all(items, scope),
            Kind::Object(pairs) => self.walk_group(Some(pairs.clone()), scope, false),
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
    fn walk_path(&mut self, id: NodeId, steps: &[NodeId], scope: u32) -> Run<()> {
        let mut with_bindings = false;
        for (index, step) in steps.iter().enumerate() {
            let node = &self.compiled.nodes[*step as usize];
            let had_bindings = with_bindings;
            with_bindings |= node.tuple;
            let is_whole = index == 0 && node.cons;
            let stages: Vec<NodeId> = node.extra.iter().flat_map(|extra| &extra.stages).filter_map(filter).collect();
            if let Kind::Sort(terms) = &node.kind {
                let terms: Vec<NodeId> = terms.iter().map(|term| term.expression).collect();
                for term in terms {
                    self.walk_per_item(term, scope, had_bindings)?;
                }
            } else {
                self.walk_per_item(*step, scope, with_bindings && !is_whole)?;
            }
            for stage in stages {
                self.walk_per_item(stage, scope, with_bindings)?;
            }
        }
        let extra = self.compiled.nodes[id as usize].extra.as_ref();
        let group = extra.and_then(|extra| extra.group.as_ref()).map(|group| group.pairs.clone());
        self.walk_group(group, scope, with_bindings)
    }

    fn finish(self) -> Resolved {
        let mut globals: Vec<Str> = Vec::new();
        let mut known: BTreeMap<Str, u32> = BTreeMap::new();
        for (variable, scope) in &self.references {
            let variable = &mut self.compiled.variables[*variable as usize];
            let key = self.compiled.keys.iter().position(|key| *key == variable.name);
            let mut hops = 0;
            let mut certain = false;
            let mut next = Some(*scope);
            while let Some(id) = next {
                let scope = &self.scopes[id as usize];
                next = scope.parent;
                let is_item = matches!(scope.kind, DraftKind::Item);
                if let Some(slot) = scope.index.get(&variable.name) {
                    variable.places.push(Place::Slot { hops, slot: *slot });
                    if let DraftKind::Lambda { n_parameters } = scope.kind
                        && (*slot as usize) < n_parameters
                    {
                        certain = true;
                        break;
                    }
                }
                if is_item && let Some(key) = key {
                    variable.places.push(Place::Tuple { hops, key: key as u32 });
                }
                hops += u32::from(scope.is_real());
            }
            if !certain {
                let global = *known.entry(variable.name.clone()).or_insert_with(|| {
                    globals.push(variable.name.clone());
                    globals.len() as u32 - 1
                });
                variable.global = Some(global);
            }
        }
        for (block, id) in &self.blocks {
            if let Kind::Block { scope, .. } = &mut self.compiled.nodes[*block as usize].kind {
                *scope = self.scopes[*id as usize].is_real().then_some(*id);
            }
        }
        let scopes = self.scopes.into_iter().map(|draft| Scope { names: draft.names }).collect();
        Resolved { scopes, globals, item_scopes: self.item_scopes }
    }
}

fn filter(stage: &Stage) -> Option<NodeId> {
    match stage {
        Stage::Filter(predicate) => Some(*predicate),
        Stage::Index(_) => None,
    }
}
