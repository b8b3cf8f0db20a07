//! From the tree as written to the tree that is evaluated: the reference's second pass.

use stepwell_value::{Str, Value};

use crate::budget::Stack;
use crate::error::{DEPTH, Error, Run};
use crate::names::Names;
use crate::node::{Call, Extra, Group, Kind, Lambda, Node, NodeId, SortTerm, Stage, Transform, Variable};
use crate::syntax::parse::Parsed;
use crate::syntax::tree::{List, Tree, TreeId, TreeKind};

/// The tree before variables are resolved.
pub(crate) struct Compiled {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
    pub(crate) variables: Vec<Variable>,
    /// Names of the variables that `@` and `#` bind; the index is the key.
    pub(crate) keys: Names,
    /// Something in the expression binds names or items: `:=`, a lambda, `@`, `#` or `%`.
    pub(crate) has_bindings: bool,
    /// Label of each `%`: steps and `%` of the same label belong together.
    pub(crate) labels: Vec<u32>,
}

/// `?:` and `??` compile their left side twice; nested, that doubles each time.
const NODES_PER_TREE_NODE_MAX: usize = 16;
const NODES_MAX: usize = 20_000;

/// Steps for which a path has room at once.
const PATH_STEPS: usize = 4;

pub(crate) fn compile(parsed: &Parsed<'_>, stack: Stack) -> Run<Compiled> {
    let n_written = parsed.tree.nodes.len();
    let nodes_max = NODES_MAX + n_written * NODES_PER_TREE_NODE_MAX;
    let mut compiler = Compiler {
        tree: &parsed.tree,
        out: Compiled {
            nodes: Vec::with_capacity(n_written),
            root: 0,
            variables: Vec::new(),
            keys: Names::default(),
            has_bindings: false,
            labels: Vec::new(),
        },
        slots: Vec::new(),
        nodes_max,
        stack,
    };
    let root = compiler.process(parsed.root)?;
    let node = compiler.node(root);
    if matches!(node.kind, Kind::Parent(_)) || compiler.seeking(root).is_some() {
        return Error::new("S0217").at(node.position).token(node.type_name()).boxed();
    }
    compiler.out.root = root;
    compiler.out.labels = compiler.slots.iter().map(|slot| slot.label).collect();
    Ok(compiler.out)
}

/// A `%` on its way to the step that it refers to.
struct Slot {
    label: u32,
    /// Steps still to go up.
    level: i32,
}

struct Compiler<'t> {
    tree: &'t Tree<'t>,
    out: Compiled,
    slots: Vec<Slot>,
    nodes_max: usize,
    stack: Stack,
}

impl Compiler<'_> {
    fn node(&self, id: NodeId) -> &Node {
        &self.out.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.out.nodes[id as usize]
    }

    fn extra(&self, id: NodeId) -> Option<&Extra> {
        self.node(id).extra.as_deref()
    }

    fn seeking(&self, id: NodeId) -> Option<&Vec<u32>> {
        self.extra(id).and_then(|extra| extra.seeking.as_ref())
    }

    #[inline]
    fn add(&mut self, kind: Kind, position: u32) -> Run<NodeId> {
        if self.out.nodes.len() >= self.nodes_max {
            return Error::new(DEPTH).at(position).boxed();
        }
        self.out.nodes.push(Node { kind, position, keep_array: false, cons: false, tuple: false, extra: None });
        Ok(self.out.nodes.len() as NodeId - 1)
    }

    fn variable(&mut self, name: Str, position: u32) -> u32 {
        self.out.variables.push(Variable { name, position, places: Vec::new(), global: None });
        self.out.variables.len() as u32 - 1
    }

    /// The key of a variable that `@` or `#` binds.
    fn key(&mut self, name: &str) -> u32 {
        self.out.has_bindings = true;
        self.out.keys.add(&Str::new(name))
    }

    fn process(&mut self, id: TreeId) -> Run<NodeId> {
        let written = self.tree.node(id);
        let position = written.position;
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).at(position).boxed();
        }
        let result = match &written.kind {
            TreeKind::End => return Error::new("S0207").at(position).token("(end)").boxed(),
            TreeKind::Name(name) => self.name(name, position, written.keep_array)?,
            TreeKind::Variable("") => self.add(Kind::Context, position)?,
            TreeKind::Variable(name) => {
                let variable = self.variable(Str::new(name), position);
                self.add(Kind::Variable(variable), position)?
            }
            TreeKind::String(text) => self.add(Kind::Literal(Value::string(text)), position)?,
            TreeKind::Number(number) => self.add(Kind::Literal(Value::number(*number)), position)?,
            TreeKind::Boolean(bool) => self.add(Kind::Literal(Value::Bool(*bool)), position)?,
            TreeKind::Null => self.add(Kind::Literal(Value::Null), position)?,
            TreeKind::Gap => self.add(Kind::Gap, position)?,
            TreeKind::Regex(regex) => self.add(Kind::Regex(*regex), position)?,
            TreeKind::Wildcard => self.add(Kind::Wildcard, position)?,
            TreeKind::Descendants => self.add(Kind::Descendants, position)?,
            TreeKind::Parent => {
                self.out.has_bindings = true;
                let slot = self.slots.len() as u32;
                self.slots.push(Slot { label: slot, level: 1 });
                self.add(Kind::Parent(slot), position)?
            }
            TreeKind::Map(left, right) => self.map(*left, *right)?,
            TreeKind::And(left, right) => self.binary(Kind::And, *left, *right, position)?,
            TreeKind::Or(left, right) => self.binary(Kind::Or, *left, *right, position)?,
            TreeKind::Binary(operator, left, right) => {
                self.binary(|left, right| Kind::Binary(*operator, left, right), *left, *right, position)?
            }
            TreeKind::Predicate(left, right) => {
                let left = self.process_path(*left)?;
                self.predicate(left, *right, position)?
            }
            TreeKind::Group(left, pairs) => self.group(*left, *pairs, position)?,
            TreeKind::OrderBy(left, terms) => self.order_by(*left, terms, position)?,
            TreeKind::Bind(left, right) => self.bind(*left, *right, position)?,
            TreeKind::Focus(left, name) => self.focus(*left, name, position, written.keep_array)?,
            TreeKind::Index(left, name) => self.index(*left, name)?,
            TreeKind::Apply(left, right) => {
                let (left, right) = (self.process(*left)?, self.process(*right)?);
                let keep_array = self.node(left).keep_array || self.node(right).keep_array;
                let apply = self.add(Kind::Apply(left, right), position)?;
                self.node_mut(apply).keep_array = keep_array;
                apply
            }
            TreeKind::Negate(operand) => self.negate(*operand, position)?,
            TreeKind::Array(items) => {
                let items = self.process_all(*items)?;
                let sought = self.sought_in(&items);
                self.add_seeking(Kind::Array(items), position, sought)?
            }
            TreeKind::Object(pairs) => {
                let pairs = self.process_pairs(*pairs)?;
                let sought = self.sought_in(pairs.iter().flat_map(|(key, value)| [key, value]));
                self.add_seeking(Kind::Object(pairs), position, sought)?
            }
            TreeKind::Block(expressions) => self.block(*expressions, position)?,
            TreeKind::Call { procedure, arguments, partial } => {
                self.call(*procedure, *arguments, *partial, position)?
            }
            TreeKind::Lambda { parameters, signature, body } => {
                let body = self.process(*body)?;
                let body = self.mark_tail_calls(body)?;
                self.out.has_bindings = true;
                let parameters = self.variable_names(*parameters);
                let signature = signature.clone();
                let lambda = Lambda { parameters, slots: Vec::new(), slots_in_order: false, signature, body, scope: 0 };
                self.add(Kind::Lambda(Box::new(lambda)), position)?
            }
            TreeKind::Condition { condition, then, otherwise } => {
                let condition = self.process(*condition)?;
                self.condition(condition, *then, *otherwise, position)?
            }
            TreeKind::Elvis { left, otherwise } => {
                let condition = self.process(*left)?;
                self.condition(condition, *left, Some(*otherwise), position)?
            }
            TreeKind::Coalesce { left, otherwise } => {
                let argument = self.process(*left)?;
                let variable = self.variable(Str::new_static("exists"), position);
                let procedure = self.add(Kind::Variable(variable), position)?;
                let name = Some(Str::new_static("exists"));
                let call = Call { procedure, arguments: vec![argument], name, forgotten: None };
                let sought = self.sought_in([&argument]);
                let condition = self.add_seeking(Kind::Call(Box::new(call)), position, sought)?;
                self.condition(condition, *left, Some(*otherwise), position)?
            }
            TreeKind::Transform { pattern, update, delete } => self.transform(*pattern, *update, *delete, position)?,
        };
        if written.keep_array {
            self.node_mut(result).keep_array = true;
        }
        Ok(result)
    }

    fn process_all(&mut self, list: List) -> Run<Vec<NodeId>> {
        let written = self.tree.list(list);
        let mut processed = Vec::with_capacity(written.len());
        for id in written {
            processed.push(self.process(*id)?);
        }
        Ok(processed)
    }

    fn process_pairs(&mut self, list: List) -> Run<Vec<(NodeId, NodeId)>> {
        let written = self.tree.list(list);
        let mut processed = Vec::with_capacity(written.len() / 2);
        for pair in written.chunks_exact(2) {
            processed.push((self.process(pair[0])?, self.process(pair[1])?));
        }
        Ok(processed)
    }

    /// The names of the variables in a list.
    fn variable_names(&self, list: List) -> Vec<Str> {
        let name = |id: &TreeId| match self.tree.node(*id).kind {
            TreeKind::Variable(name) => Str::new(name),
            _ => unreachable!("the parser checks it"),
        };
        self.tree.list(list).iter().map(name).collect()
    }

    /// A name where a value stands is a path of one step, in short [`Kind::Field`].
    fn name(&mut self, name: &str, position: u32, keep_array: bool) -> Run<NodeId> {
        if !keep_array {
            return self.add(Kind::Field(Str::new(name)), position);
        }
        let step = self.add(Kind::Name(Str::new(name)), position)?;
        self.node_mut(step).keep_array = true;
        self.path(step, true, position)
    }

    /// What becomes a part of a path: as [`Compiler::process`], but a name, with its predicates, is given as the bare
    /// step.
    fn process_step(&mut self, id: TreeId) -> Run<NodeId> {
        let written = self.tree.node(id);
        match written.kind {
            TreeKind::Name(name) if !written.keep_array => self.add(Kind::Name(Str::new(name)), written.position),
            TreeKind::Predicate(..) if self.stack.is_exhausted() => Error::new(DEPTH).at(written.position).boxed(),
            TreeKind::Predicate(left, right) => {
                let left = self.process_step(left)?;
                self.predicate(left, right, written.position)
            }
            _ => self.process(id),
        }
    }

    /// What something is added to that makes a path of a name.
    fn process_path(&mut self, id: TreeId) -> Run<NodeId> {
        let step = self.process_step(id)?;
        if matches!(self.node(step).kind, Kind::Name(_)) {
            let position = self.node(step).position;
            return self.path(step, false, position);
        }
        Ok(step)
    }

    fn path(&mut self, step: NodeId, keep_singleton: bool, position: u32) -> Run<NodeId> {
        self.add(path_of(step, keep_singleton), position)
    }

    fn steps(&self, path: NodeId) -> Option<&Vec<NodeId>> {
        match &self.node(path).kind {
            Kind::Path { steps, .. } => Some(steps),
            _ => None,
        }
    }

    fn take_steps(&mut self, path: NodeId) -> Vec<NodeId> {
        match &mut self.node_mut(path).kind {
            Kind::Path { steps, .. } => std::mem::take(steps),
            _ => unreachable!("only asked of paths"),
        }
    }

    #[inline(never)]
    fn map(&mut self, left: TreeId, right: TreeId) -> Run<NodeId> {
        let left = self.process_step(left)?;
        let path = if self.steps(left).is_some() {
            left
        } else {
            let position = self.node(left).position;
            self.path(left, false, position)?
        };
        if let Kind::Parent(slot) = self.node(left).kind {
            self.node_mut(path).extra_mut().seeking = Some(vec![slot]);
        }
        let rest = self.process_step(right)?;
        let mut steps = self.take_steps(path);
        // The steps from the left were checked when they came; only the first of all may still be a literal.
        let checked = if steps.len() == 1 { 0 } else { steps.len() };
        match &mut self.node_mut(rest).kind {
            // Nothing else refers to the path on the right.
            Kind::Path { steps: added, .. } => steps.append(added),
            _ => {
                if let Some(extra) = &mut self.node_mut(rest).extra {
                    let predicates = std::mem::take(&mut extra.predicates);
                    if !predicates.is_empty() {
                        extra.stages = predicates.into_iter().map(Stage::Filter).collect();
                    }
                }
                steps.push(rest);
            }
        }
        for step in steps[..1].iter().chain(&steps[checked.max(1)..]) {
            let node = self.node_mut(*step);
            match &node.kind {
                Kind::Literal(Value::Str(text)) => node.kind = Kind::Name(text.clone()),
                Kind::Literal(value) => {
                    let value = value.to_string();
                    return Error::new("S0213").at(node.position).insert("value", value).boxed();
                }
                _ => {}
            }
        }
        let keeps = steps[checked..].iter().any(|step| self.node(*step).keep_array);
        let (first, last) = (steps[0], steps[steps.len() - 1]);
        for end in [first, last] {
            let node = self.node_mut(end);
            if matches!(node.kind, Kind::Array(_)) {
                node.cons = true;
            }
        }
        let Kind::Path { steps: place, keep_singleton } = &mut self.node_mut(path).kind else {
            unreachable!("made above");
        };
        *place = steps;
        *keep_singleton |= keeps;
        self.resolve_ancestry(path)?;
        Ok(path)
    }

    fn binary(
        &mut self,
        kind: impl FnOnce(NodeId, NodeId) -> Kind,
        left: TreeId,
        right: TreeId,
        position: u32,
    ) -> Run<NodeId> {
        let (left, right) = (self.process(left)?, self.process(right)?);
        let sought = self.sought_in([&left, &right]);
        self.add_seeking(kind(left, right), position, sought)
    }

    fn negate(&mut self, operand: TreeId, position: u32) -> Run<NodeId> {
        let operand = self.process(operand)?;
        if let Kind::Literal(value) = &mut self.node_mut(operand).kind
            && let Some(number) = value.as_f64()
        {
            *value = Value::number(-number);
            return Ok(operand);
        }
        let sought = self.sought_in([&operand]);
        self.add_seeking(Kind::Negate(operand), position, sought)
    }

    /// The step that a suffix (`[…]`, `@`, `#`) applies to, and whether it is a step of a path.
    fn last_step(&self, id: NodeId) -> (NodeId, bool) {
        match &self.node(id).kind {
            Kind::Path { steps, .. } => (steps[steps.len() - 1], true),
            Kind::Name(_) => (id, true),
            _ => (id, false),
        }
    }

    #[inline(never)]
    fn predicate(&mut self, result: NodeId, right: TreeId, position: u32) -> Run<NodeId> {
        let (step, in_path) = self.last_step(result);
        if self.extra(step).is_some_and(|extra| extra.group.is_some()) {
            return Error::new("S0209").at(position).boxed();
        }
        let predicate = self.process(right)?;
        if let Some(slots) = self.seeking(predicate).cloned() {
            for slot in slots {
                if self.slots[slot as usize].level == 1 {
                    self.seek_parent(step, slot)?;
                } else {
                    self.slots[slot as usize].level -= 1;
                }
            }
            let sought = self.sought_in([&predicate]);
            self.seek(step, sought);
        }
        let extra = self.node_mut(step).extra_mut();
        if in_path {
            extra.stages.push(Stage::Filter(predicate));
        } else {
            extra.predicates.push(predicate);
        }
        Ok(result)
    }

    #[inline(never)]
    fn group(&mut self, left: TreeId, pairs: List, position: u32) -> Run<NodeId> {
        let result = self.process_path(left)?;
        if self.extra(result).is_some_and(|extra| extra.group.is_some()) {
            return Error::new("S0210").at(position).boxed();
        }
        let pairs = self.process_pairs(pairs)?;
        self.node_mut(result).extra_mut().group = Some(Group { pairs, position });
        Ok(result)
    }

    #[inline(never)]
    fn order_by(&mut self, left: TreeId, terms: &[crate::syntax::tree::SortTerm], position: u32) -> Run<NodeId> {
        let left = self.process_path(left)?;
        let path = if self.steps(left).is_some() { left } else { self.path(left, false, position)? };
        let mut sorted = Vec::with_capacity(terms.len());
        for term in terms {
            sorted.push(SortTerm { descending: term.descending, expression: self.process(term.expression)? });
        }
        let sought = self.sought_in(sorted.iter().map(|term| &term.expression));
        let sort = self.add_seeking(Kind::Sort(sorted), position, sought)?;
        match &mut self.node_mut(path).kind {
            Kind::Path { steps, .. } => steps.push(sort),
            _ => unreachable!("made above"),
        }
        self.resolve_ancestry(path)?;
        Ok(path)
    }

    fn bind(&mut self, left: TreeId, right: TreeId, position: u32) -> Run<NodeId> {
        let TreeKind::Variable(name) = self.tree.node(left).kind else {
            unreachable!("the parser checks it");
        };
        self.out.has_bindings = true;
        let value = self.process(right)?;
        let sought = self.sought_in([&value]);
        self.add_seeking(Kind::Bind { name: Str::new(name), slot: 0, value }, position, sought)
    }

    #[inline(never)]
    fn focus(&mut self, left: TreeId, name: &str, position: u32, keep_array: bool) -> Run<NodeId> {
        let result = self.process_path(left)?;
        let (step, _) = self.last_step(result);
        if self.extra(step).is_some_and(|extra| !extra.stages.is_empty() || !extra.predicates.is_empty()) {
            return Error::new("S0215").at(position).boxed();
        }
        if matches!(self.node(step).kind, Kind::Sort(_)) {
            return Error::new("S0216").at(position).boxed();
        }
        let key = self.key(name);
        let node = self.node_mut(step);
        node.keep_array |= keep_array;
        node.tuple = true;
        node.extra_mut().focus = Some(key);
        Ok(result)
    }

    #[inline(never)]
    fn index(&mut self, left: TreeId, name: &str) -> Run<NodeId> {
        let mut result = self.process_path(left)?;
        let (step, in_path) = self.last_step(result);
        let key = self.key(name);
        let node = self.node_mut(step);
        node.tuple = true;
        let position = node.position;
        let extra = node.extra_mut();
        if !in_path {
            extra.stages.extend(std::mem::take(&mut extra.predicates).into_iter().map(Stage::Filter));
        }
        if extra.stages.is_empty() {
            extra.index = Some(key);
        } else {
            extra.stages.push(Stage::Index(key));
        }
        if !in_path {
            result = self.path(step, false, position)?;
        }
        Ok(result)
    }

    #[inline(never)]
    fn block(&mut self, expressions: List, position: u32) -> Run<NodeId> {
        let expressions = self.process_all(expressions)?;
        let makes_arrays =
            |id: &NodeId| self.node(*id).cons || self.steps(*id).is_some_and(|steps| self.node(steps[0]).cons);
        let cons = expressions.iter().any(makes_arrays);
        let sought = self.sought_in(&expressions);
        let block = self.add_seeking(Kind::Block { expressions, scope: None }, position, sought)?;
        self.node_mut(block).cons = cons;
        Ok(block)
    }

    #[inline(never)]
    fn call(&mut self, procedure: TreeId, arguments: List, partial: bool, position: u32) -> Run<NodeId> {
        let arguments = self.process_all(arguments)?;
        let procedure = self.process(procedure)?;
        let sought = self.sought_in(&arguments);
        let (name, forgotten) = self.called(procedure, position);
        let call = Box::new(Call { procedure, arguments, name, forgotten });
        self.add_seeking(if partial { Kind::Partial(call) } else { Kind::Call(call) }, position, sought)
    }

    /// What error messages call a function, and the variable that is meant if its `$` was forgotten.
    fn called(&mut self, procedure: NodeId, position: u32) -> (Option<Str>, Option<u32>) {
        let first = match &self.node(procedure).kind {
            Kind::Path { steps, .. } => &self.node(steps[0]).kind,
            Kind::Literal(Value::Str(text)) => return (Some(text.clone()), None),
            kind => kind,
        };
        match first {
            Kind::Variable(variable) => (Some(self.out.variables[*variable as usize].name.clone()), None),
            Kind::Name(name) | Kind::Field(name) => {
                let name = name.clone();
                (Some(name.clone()), Some(self.variable(name, position)))
            }
            _ => (None, None),
        }
    }

    #[inline(never)]
    fn condition(&mut self, condition: NodeId, then: TreeId, otherwise: Option<TreeId>, position: u32) -> Run<NodeId> {
        let then = self.process(then)?;
        let otherwise = otherwise.map(|otherwise| self.process(otherwise)).transpose()?;
        let sought = self.sought_in([&condition, &then].into_iter().chain(&otherwise));
        self.add_seeking(Kind::Condition { condition, then, otherwise }, position, sought)
    }

    #[inline(never)]
    fn transform(&mut self, pattern: TreeId, update: TreeId, delete: Option<TreeId>, position: u32) -> Run<NodeId> {
        let (pattern, update) = (self.process(pattern)?, self.process(update)?);
        let delete = delete.map(|delete| self.process(delete)).transpose()?;
        let clone = self.variable(Str::new_static("clone"), position);
        self.add(Kind::Transform(Box::new(Transform { pattern, update, delete, clone })), position)
    }

    /// Calls in tail position do not nest: the caller's loop makes them.
    fn mark_tail_calls(&mut self, id: NodeId) -> Run<NodeId> {
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).at(self.node(id).position).boxed();
        }
        match &self.node(id).kind {
            Kind::Call(_) if self.extra(id).is_none_or(|extra| extra.predicates.is_empty()) => {
                let position = self.node(id).position;
                self.add(Kind::TailCall(id), position)
            }
            Kind::Condition { condition, then, otherwise } => {
                let (condition, then, otherwise) = (*condition, *then, *otherwise);
                let then = self.mark_tail_calls(then)?;
                let otherwise = otherwise.map(|otherwise| self.mark_tail_calls(otherwise)).transpose()?;
                self.node_mut(id).kind = Kind::Condition { condition, then, otherwise };
                Ok(id)
            }
            Kind::Block { expressions, .. } if !expressions.is_empty() => {
                let last = self.mark_tail_calls(expressions[expressions.len() - 1])?;
                if let Kind::Block { expressions, .. } = &mut self.node_mut(id).kind {
                    *expressions.last_mut().expect("not empty") = last;
                }
                Ok(id)
            }
            _ => Ok(id),
        }
    }

    /// Slots of the `%` in `parts` whose steps are still to be found.
    fn sought_in<'p>(&self, parts: impl IntoIterator<Item = &'p NodeId>) -> Vec<u32> {
        let mut sought = Vec::new();
        // Few expressions have a `%`.
        if !self.slots.is_empty() {
            for part in parts {
                sought.extend(self.seeking(*part).into_iter().flatten());
                if let Kind::Parent(slot) = self.node(*part).kind {
                    sought.push(slot);
                }
            }
        }
        sought
    }

    /// Adds a node in whose parts something is still sought.
    fn add_seeking(&mut self, kind: Kind, position: u32, sought: Vec<u32>) -> Run<NodeId> {
        let id = self.add(kind, position)?;
        self.seek(id, sought);
        Ok(id)
    }

    fn seek(&mut self, id: NodeId, sought: Vec<u32>) {
        if !sought.is_empty() {
            self.node_mut(id).extra_mut().seeking.get_or_insert_default().extend(sought);
        }
    }

    /// Finds the steps that the `%` in the last step of `path` refer to.
    fn resolve_ancestry(&mut self, path: NodeId) -> Run<()> {
        let Some(steps) = self.steps(path) else { return Ok(()) };
        let last = steps[steps.len() - 1];
        let parent = match self.node(last).kind {
            Kind::Parent(slot) => Some(slot),
            _ => None,
        };
        if parent.is_none() && self.seeking(last).is_none() {
            return Ok(());
        }
        let steps = steps.clone();
        let mut slots = self.seeking(last).cloned().unwrap_or_default();
        slots.extend(parent);
        for slot in slots {
            let mut index = steps.len() as i64 - 2;
            while self.slots[slot as usize].level > 0 {
                if index < 0 {
                    self.node_mut(path).extra_mut().seeking.get_or_insert_default().push(slot);
                    break;
                }
                let mut step = steps[index as usize];
                index -= 1;
                // Steps in a row that bind the focus have the same context.
                while index >= 0 && self.has_focus(step) && self.has_focus(steps[index as usize]) {
                    step = steps[index as usize];
                    index -= 1;
                }
                self.seek_parent(step, slot)?;
            }
        }
        Ok(())
    }

    fn has_focus(&self, id: NodeId) -> bool {
        self.extra(id).is_some_and(|extra| extra.focus.is_some())
    }

    fn seek_parent(&mut self, id: NodeId, slot: u32) -> Run<()> {
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).at(self.node(id).position).boxed();
        }
        if let Kind::Field(name) = &mut self.node_mut(id).kind {
            // It is no longer plain: it carries the binding of its context.
            let name = std::mem::take(name);
            let position = self.node(id).position;
            let step = self.add(Kind::Name(name), position)?;
            self.node_mut(id).kind = path_of(step, false);
        }
        match &self.node(id).kind {
            Kind::Name(_) | Kind::Wildcard => {
                self.slots[slot as usize].level -= 1;
                if self.slots[slot as usize].level == 0 {
                    let known = self.extra(id).and_then(|extra| extra.ancestor);
                    if let Some(known) = known {
                        self.slots[slot as usize].label = self.slots[known as usize].label;
                    }
                    let node = self.node_mut(id);
                    node.extra_mut().ancestor = Some(slot);
                    node.tuple = true;
                }
                Ok(())
            }
            Kind::Parent(_) => {
                self.slots[slot as usize].level += 1;
                Ok(())
            }
            Kind::Block { expressions, .. } => match expressions.last().copied() {
                Some(last) => {
                    self.node_mut(id).tuple = true;
                    self.seek_parent(last, slot)
                }
                None => Ok(()),
            },
            Kind::Path { steps, .. } => {
                let steps = steps.clone();
                self.node_mut(id).tuple = true;
                for (distance, step) in steps.iter().rev().enumerate() {
                    if distance > 0 && self.slots[slot as usize].level <= 0 {
                        break;
                    }
                    self.seek_parent(*step, slot)?;
                }
                Ok(())
            }
            _ => {
                let node = self.node(id);
                Error::new("S0217").at(node.position).token(node.type_name()).boxed()
            }
        }
    }
}

/// A path of one step, with room for a few more.
fn path_of(step: NodeId, keep_singleton: bool) -> Kind {
    let mut steps = Vec::with_capacity(PATH_STEPS);
    steps.push(step);
    Kind::Path { steps, keep_singleton }
}
