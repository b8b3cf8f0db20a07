//! What an expression reads from outside, found without evaluating it.

use crate::node::{Kind, NodeId, Stage};
use crate::program::Code;

/// What an expression reads from outside; names are borrowed from its program.
#[derive(Clone, Debug, Default)]
pub struct References<'p> {
    /// Free variables that are no built-in functions, in the order of the text; one entry per read.
    pub variables: Vec<Read<'p>>,
    /// Reads of `$states`, with the members that the path goes on to.
    pub states: Vec<StatesRead<'p>>,
    /// `$`, `$$` and bare names where the context is that of the whole expression. AWS has no such context and
    /// refuses them: "Reference to 'phone' at the top level is not supported."
    pub top_level: Vec<Read<'p>>,
}

/// One place that reads something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<'p> {
    /// Name of the variable without `$`; among [`References::top_level`] `$`, `$$`, `*`, `**`, `%` or a name.
    pub name: &'p str,
    /// Byte offset of the end of the token.
    pub position: usize,
}

/// A read of `$states`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatesRead<'p> {
    /// `["input", "id"]` for `$states.input.id[0]`; empty for `$states` alone.
    pub path: Vec<&'p str>,
    /// Byte offset of the end of `$states`.
    pub position: usize,
}

pub(crate) fn find(code: &Code) -> References<'_> {
    let mut finder = Finder { code, found: References::default() };
    // A list instead of recursion: what is still to visit, and whether its context is the whole expression's.
    let mut pending = Vec::with_capacity(PENDING);
    pending.push((code.root, true));
    while let Some((id, top)) = pending.pop() {
        finder.visit(id, top, &mut pending);
    }
    let mut found = finder.found;
    found.variables.sort_by_key(|read| read.position);
    found.states.sort_by_key(|read| read.position);
    found.top_level.sort_by_key(|read| read.position);
    found
}

/// Room for what is still to visit; few expressions need more.
const PENDING: usize = 16;

struct Finder<'c> {
    code: &'c Code,
    found: References<'c>,
}

impl<'c> Finder<'c> {
    fn top_level(&mut self, name: &'c str, position: u32) {
        self.found.top_level.push(Read { name, position: position as usize });
    }

    fn visit(&mut self, id: NodeId, top: bool, pending: &mut Vec<(NodeId, bool)>) {
        let code = self.code;
        let node = &code.nodes[id as usize];
        match &node.kind {
            Kind::Literal(_) | Kind::Regex(_) | Kind::Gap | Kind::Parameter { .. } => {}
            Kind::Name(name) | Kind::Field(name) if top => self.top_level(name, node.position),
            Kind::Context if top => self.top_level("$", node.position),
            Kind::Wildcard if top => self.top_level("*", node.position),
            Kind::Descendants if top => self.top_level("**", node.position),
            Kind::Parent(_) if top => self.top_level("%", node.position),
            Kind::Name(_) | Kind::Field(_) | Kind::Context | Kind::Wildcard | Kind::Descendants | Kind::Parent(_) => {}
            Kind::Variable(variable) => self.variable(*variable, top, &[]),
            Kind::Path { steps, .. } => {
                let first = &code.nodes[steps[0] as usize];
                if let Kind::Variable(variable) = first.kind {
                    self.variable(variable, top, &steps[1..]);
                    self.visit_extra(steps[0], pending);
                } else {
                    pending.push((steps[0], top));
                }
                pending.extend(steps[1..].iter().map(|step| (*step, false)));
            }
            Kind::Binary(_, left, right)
            | Kind::And(left, right)
            | Kind::Or(left, right)
            | Kind::Apply(left, right) => {
                pending.extend([(*left, top), (*right, top)]);
            }
            Kind::Negate(operand) | Kind::TailCall(operand) | Kind::Bind { value: operand, .. } => {
                pending.push((*operand, top));
            }
            Kind::Array(items) | Kind::Block { expressions: items, .. } => {
                pending.extend(items.iter().map(|item| (*item, top)));
            }
            Kind::Object(pairs) => {
                pending.extend(pairs.iter().flat_map(|(key, value)| [(*key, top), (*value, top)]));
            }
            Kind::Record(members) => pending.extend(members.iter().map(|(_, value)| (*value, top))),
            Kind::Condition { condition, then, otherwise } => {
                pending.extend([(*condition, top), (*then, top)]);
                pending.extend(otherwise.map(|otherwise| (otherwise, top)));
            }
            Kind::Call(call) | Kind::Partial(call) => {
                pending.push((call.procedure, top));
                pending.extend(call.arguments.iter().map(|argument| (*argument, top)));
            }
            Kind::Lambda(lambda) => pending.push((lambda.body, top)),
            Kind::Transform(transform) => {
                pending.extend([(transform.pattern, false), (transform.update, false)]);
                pending.extend(transform.delete.map(|delete| (delete, false)));
            }
            Kind::Sort(terms) => pending.extend(terms.iter().map(|term| (term.expression, false))),
        }
        self.visit_extra(id, pending);
    }

    /// Predicates and groups: their context is an item.
    fn visit_extra(&self, id: NodeId, pending: &mut Vec<(NodeId, bool)>) {
        let Some(extra) = &self.code.nodes[id as usize].extra else { return };
        pending.extend(extra.predicates.iter().map(|predicate| (*predicate, false)));
        pending.extend(extra.stages.iter().filter_map(|stage| match stage {
            Stage::Filter(predicate) => Some((*predicate, false)),
            Stage::Index(_) => None,
        }));
        for (key, value) in extra.group.iter().flat_map(|group| &group.pairs) {
            pending.extend([(*key, false), (*value, false)]);
        }
    }

    /// A variable, and the steps that follow it in a path.
    fn variable(&mut self, variable: u32, top: bool, steps: &[NodeId]) {
        let variable = &self.code.variables[variable as usize];
        // A name that a scope around it may bind is the expression's own.
        let (true, Some(global)) = (variable.places.is_empty(), variable.global) else { return };
        let position = variable.position;
        if variable.name == "$" {
            if top {
                self.top_level("$$", position);
            }
            return;
        }
        if global.builtin.is_some() {
            return;
        }
        if variable.name == "states" {
            let names = steps.iter().map_while(|step| match &self.code.nodes[*step as usize].kind {
                Kind::Name(name) => Some(name.as_str()),
                _ => None,
            });
            self.found.states.push(StatesRead { path: names.collect(), position: position as usize });
        }
        self.found.variables.push(Read { name: &variable.name, position: position as usize });
    }
}
