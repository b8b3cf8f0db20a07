//! Programs: compiled once, shared between threads, evaluated any number of times.

use std::cell::OnceCell;

use stepwell_value::{Str, Value};

use crate::budget::{Budget, STACK_BYTES, Stack};
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::names::Names;
use crate::node::{Kind, Node, NodeId, Place, Variable};
use crate::references::References;
use crate::regex::{Flags, Regex};
use crate::scope::Scope;
use crate::{Profile, compile, references, scope, syntax};

/// A compiled expression.
pub struct Program {
    text: Str,
    code: Code,
}

/// What an expression is evaluated over.
pub struct Environment<'a> {
    /// The context item, `$` and `$$`; None is undefined, which is not `null`.
    pub input: Option<&'a Value>,
    /// Values of free variables.
    pub variables: &'a dyn Variables,
    /// Clock, randomness and hashes.
    pub host: &'a dyn Host,
}

/// The values of free variables.
pub trait Variables {
    /// The value of `$name` (without the `$`). Asked at most once per name and evaluation.
    fn get(&self, name: &str) -> Option<&Value>;
}

/// What an evaluation needs from outside.
pub trait Host {
    /// Milliseconds since 1970; asked at most once per evaluation.
    fn now_ms(&self) -> i64;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// A random UUID, version 4, in lower case.
    fn uuid(&self) -> String;
    /// The hash of `data` as lower case hex digits; None if there is no such algorithm.
    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String>;
}

/// What an expression evaluated to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing.
    Undefined,
    /// A JSON value.
    Value(Value),
    /// A function or a regular expression.
    NotData,
}

impl Program {
    /// Compiles `text`, the expression without `{%` and `%}`.
    ///
    /// Fails with the reference's `S…` codes, and with the code of a stack overflow above 1,000 levels of nesting.
    pub fn compile(text: &str, profile: Profile) -> Result<Program, Error> {
        let code = Code::compile(text, profile, false, Stack::here(STACK_BYTES)).map_err(|err| *err)?;
        Ok(Program { text: Str::new(text), code })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the expression reads from outside; looked for each time.
    pub fn references(&self) -> References<'_> {
        references::find(&self.code)
    }

    /// Evaluates the expression. The same environment gives the same outcome on every machine.
    pub fn evaluate(&self, environment: &Environment<'_>, budget: &mut Budget) -> Result<Outcome, Error> {
        let arena = Arena::default();
        Evaluator::run(&self.code, environment, &arena, budget).map_err(|err| *err)
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").field(&self.text).finish()
    }
}

/// The compiled form: nodes and the tables that they refer to.
pub(crate) struct Code {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
    pub(crate) variables: Vec<Variable>,
    /// Variables that `@` and `#` bind.
    pub(crate) n_keys: u32,
    pub(crate) labels: Vec<u32>,
    /// Layouts of frames; none when nothing is bound, and [`scope::TOP`] then has no slots.
    pub(crate) scopes: Vec<Scope>,
    /// Names that may be free.
    pub(crate) n_globals: u32,
    /// Scope of each node that has a frame of its own per item.
    pub(crate) item_scopes: Vec<(NodeId, u32)>,
    pub(crate) regexes: Vec<RegexLiteral>,
    pub(crate) profile: Profile,
    /// Compiled by `$eval`: free names are looked up by name in the frames of the caller.
    pub(crate) is_nested: bool,
}

impl Code {
    pub(crate) fn compile(text: &str, profile: Profile, is_nested: bool, stack: Stack) -> Run<Code> {
        let parsed = syntax::parse::parse(text, profile, stack)?;
        let mut compiled = compile::compile(&parsed, stack)?;
        let resolved = scope::resolve(&mut compiled, profile, stack)?;
        let mut item_scopes = resolved.item_scopes;
        item_scopes.sort_unstable();
        let mut code = Code {
            nodes: compiled.nodes,
            root: compiled.root,
            variables: compiled.variables,
            n_keys: compiled.keys.len() as u32,
            labels: compiled.labels,
            scopes: resolved.scopes,
            n_globals: resolved.n_globals,
            item_scopes,
            regexes: parsed.regexes,
            profile,
            is_nested,
        };
        if compiled.has_bindings {
            code.mark_parameters();
        }
        code.mark_records();
        Ok(code)
    }

    /// References that have exactly one place, and are always found there.
    fn mark_parameters(&mut self) {
        for node in &mut self.nodes {
            if let Kind::Variable(variable) = node.kind
                && let Variable { places, global: None, .. } = &self.variables[variable as usize]
                && let [Place::Slot { hops, slot }] = places[..]
            {
                node.kind = Kind::Parameter { hops, slot };
            }
        }
    }

    /// Objects whose keys are literals: their keys need no evaluation.
    fn mark_records(&mut self) {
        for id in 0..self.nodes.len() {
            let node = &self.nodes[id];
            if let Kind::Object(pairs) = &node.kind
                && node.extra.is_none()
                && let Some(members) = self.record(pairs)
            {
                self.nodes[id].kind = Kind::Record(members);
            }
        }
    }

    fn record(&self, pairs: &[(NodeId, NodeId)]) -> Option<Vec<(Str, NodeId)>> {
        let mut keys = Names::default();
        let mut members = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Node { kind: Kind::Literal(Value::Str(key)), extra: None, .. } = &self.nodes[*key as usize] else {
                return None;
            };
            if keys.add(key) as usize != members.len() {
                return None;
            }
            members.push((key.clone(), *value));
        }
        Some(members)
    }

    /// The names of the slots of a frame.
    pub(crate) fn slot_names(&self, scope: u32) -> &[Str] {
        self.scopes.get(scope as usize).map_or(&[], |scope| &scope.names)
    }

    /// Layout of the frame that `id` gets for each item with bindings.
    pub(crate) fn item_scope(&self, id: NodeId) -> u32 {
        match self.item_scopes.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(index) => self.item_scopes[index].1,
            Err(_) => unreachable!("every node evaluated per item was walked as one"),
        }
    }
}

/// A regular expression literal.
pub(crate) struct RegexLiteral {
    pub(crate) regex: Regex,
    /// Text between the slashes.
    pub(crate) source: Str,
}

impl RegexLiteral {
    pub(crate) fn compile(source: Str, ignore_case: bool, multi_line: bool) -> Result<RegexLiteral, Error> {
        match Regex::compile(&source, Flags { ignore_case, multi_line }) {
            Ok(regex) => Ok(RegexLiteral { regex, source }),
            Err(err) => Err(Error::new("S0303").insert("message", format!("/{source}/: {err}"))),
        }
    }
}

/// What must live as long as an evaluation's borrows: programs made by `$eval`, copies made by transforms.
///
/// A chain of cells, so that adding to it does not move what was added before.
#[derive(Default)]
pub(crate) struct Arena {
    first: OnceCell<Box<Kept>>,
}

struct Kept {
    thing: Thing,
    next: OnceCell<Box<Kept>>,
}

enum Thing {
    Code(Box<Code>),
    Value(Value),
}

impl Arena {
    pub(crate) fn keep_code(&self, code: Code) -> &Code {
        match &self.keep(Thing::Code(Box::new(code))).thing {
            Thing::Code(code) => code,
            Thing::Value(_) => unreachable!("just kept"),
        }
    }

    pub(crate) fn keep_value(&self, value: Value) -> &Value {
        match &self.keep(Thing::Value(value)).thing {
            Thing::Value(value) => value,
            Thing::Code(_) => unreachable!("just kept"),
        }
    }

    fn keep(&self, thing: Thing) -> &Kept {
        let mut cell = &self.first;
        while let Some(kept) = cell.get() {
            cell = &kept.next;
        }
        cell.get_or_init(|| Box::new(Kept { thing, next: OnceCell::new() }))
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Link by link: a long chain would otherwise be dropped by recursion.
        let mut next = self.first.take();
        while let Some(mut kept) = next {
            next = kept.next.take();
        }
    }
}
