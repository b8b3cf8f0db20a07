//! The compiled tree: paths flattened, predicates and groups attached, variables resolved.

use stepwell_value::{Str, Value};

use crate::builtin::Builtin;
use crate::signature::Signature;

/// Index of a node in the program.
pub(crate) type NodeId = u32;

pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Byte offset for error messages.
    pub(crate) position: u32,
    /// A sequence of one stays an array.
    pub(crate) keep_array: bool,
    /// An array constructor at the start or end of a path: its result is one item.
    pub(crate) cons: bool,
    /// The step carries bindings (`@`, `#`, `%`) to the steps behind it.
    pub(crate) tuple: bool,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What few nodes have.
#[derive(Default)]
pub(crate) struct Extra {
    /// Predicates on something that is not a step.
    pub(crate) predicates: Vec<NodeId>,
    /// Predicates and index bindings of a step.
    pub(crate) stages: Vec<Stage>,
    pub(crate) group: Option<Group>,
    /// Key of the variable that `@` binds.
    pub(crate) focus: Option<u32>,
    /// Key of the variable that `#` binds.
    pub(crate) index: Option<u32>,
    /// Slot of the `%` that refers to this step's context.
    pub(crate) ancestor: Option<u32>,
    /// While compiling: slots of `%` inside whose step is still to be found.
    pub(crate) seeking: Option<Vec<u32>>,
}

pub(crate) enum Stage {
    Filter(NodeId),
    /// Key of the variable that gets the position.
    Index(u32),
}

pub(crate) struct Group {
    pub(crate) pairs: Vec<(NodeId, NodeId)>,
    pub(crate) position: u32,
}

pub(crate) struct SortTerm {
    pub(crate) descending: bool,
    pub(crate) expression: NodeId,
}

pub(crate) enum Kind {
    Literal(Value),
    Name(Str),
    Path {
        steps: Vec<NodeId>,
        keep_singleton: bool,
    },
    /// A path of one plain name.
    Field(Str),
    Wildcard,
    Descendants,
    Parent(u32),
    /// `$`
    Context,
    /// Index in the program's list of variable references.
    Variable(u32),
    /// A parameter of a lambda, which is always bound: frames outward, and the slot there.
    Parameter {
        hops: u32,
        slot: u32,
    },
    Binary(Op, NodeId, NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Negate(NodeId),
    Array(Vec<NodeId>),
    Object(Vec<(NodeId, NodeId)>),
    /// An object whose keys are literals, all different.
    Record(Vec<(Str, NodeId)>),
    Bind {
        name: Str,
        /// Slot in the frame where the node stands.
        slot: u32,
        value: NodeId,
    },
    Condition {
        condition: NodeId,
        then: NodeId,
        otherwise: Option<NodeId>,
    },
    /// `scope`: the frame's layout, if the block binds anything.
    Block {
        expressions: Vec<NodeId>,
        scope: Option<u32>,
    },
    Regex(u32),
    Call(Box<Call>),
    Partial(Box<Call>),
    /// `?` among the arguments of a partial application.
    Gap,
    Lambda(Box<Lambda>),
    /// A call in tail position.
    TailCall(NodeId),
    Apply(NodeId, NodeId),
    Transform(Box<Transform>),
    Sort(Vec<SortTerm>),
}

pub(crate) struct Call {
    pub(crate) procedure: NodeId,
    pub(crate) arguments: Vec<NodeId>,
    /// What error messages call the function.
    pub(crate) name: Option<Str>,
    /// The procedure is a path: its first name may be a function whose `$` was forgotten. Index of that variable reference.
    pub(crate) forgotten: Option<u32>,
}

pub(crate) struct Lambda {
    pub(crate) parameters: Vec<Str>,
    /// Slot of each parameter; two parameters of one name share one.
    pub(crate) slots: Vec<u32>,
    /// Whether those are 0, 1, 2 …
    pub(crate) slots_in_order: bool,
    pub(crate) signature: Option<Box<Signature>>,
    pub(crate) body: NodeId,
    pub(crate) scope: u32,
}

pub(crate) struct Transform {
    pub(crate) pattern: NodeId,
    pub(crate) update: NodeId,
    pub(crate) delete: Option<NodeId>,
    /// Reference to `$clone`, which an expression may redefine.
    pub(crate) clone: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Concatenate,
    Range,
    In,
}

impl Op {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Op::Add => "+",
            Op::Subtract => "-",
            Op::Multiply => "*",
            Op::Divide => "/",
            Op::Remainder => "%",
            Op::Equal => "=",
            Op::NotEqual => "!=",
            Op::Less => "<",
            Op::LessEqual => "<=",
            Op::Greater => ">",
            Op::GreaterEqual => ">=",
            Op::Concatenate => "&",
            Op::Range => "..",
            Op::In => "in",
        }
    }
}

/// A reference to a variable: the places to look, innermost first.
pub(crate) struct Variable {
    pub(crate) name: Str,
    pub(crate) position: u32,
    pub(crate) places: Vec<Place>,
    /// What it is when none of the places has it. None: it cannot be missing.
    pub(crate) global: Option<Global>,
}

/// A name that may be free.
#[derive(Clone, Copy)]
pub(crate) struct Global {
    /// Which of the program's free names.
    pub(crate) number: u32,
    /// The function of that name.
    pub(crate) builtin: Option<Builtin>,
}

/// Where a variable may be bound, counted in frames outward from where it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Slot { hops: u32, slot: u32 },
    Tuple { hops: u32, key: u32 },
}

impl Node {
    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The reference's name for the kind of node; shows as the token of S0217.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Literal(Value::Str(_)) => "string",
            Kind::Literal(value) if value.is_number() => "number",
            Kind::Literal(_) => "value",
            Kind::Name(_) => "name",
            Kind::Path { .. } | Kind::Field(_) => "path",
            Kind::Wildcard => "wildcard",
            Kind::Descendants => "descendant",
            Kind::Parent(_) => "parent",
            Kind::Context | Kind::Variable(_) | Kind::Parameter { .. } => "variable",
            Kind::Binary(..) | Kind::And(..) | Kind::Or(..) => "binary",
            Kind::Negate(_) | Kind::Array(_) | Kind::Object(_) | Kind::Record(_) => "unary",
            Kind::Bind { .. } => "bind",
            Kind::Condition { .. } => "condition",
            Kind::Block { .. } => "block",
            Kind::Regex(_) => "regex",
            Kind::Call(_) => "function",
            Kind::Partial(_) => "partial",
            Kind::Gap => "operator",
            Kind::Lambda(_) | Kind::TailCall(_) => "lambda",
            Kind::Apply(..) => "apply",
            Kind::Transform(_) => "transform",
            Kind::Sort(_) => "sort",
        }
    }
}
