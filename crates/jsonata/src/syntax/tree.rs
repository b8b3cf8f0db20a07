//! The tree as it was written, before paths are flattened.

use stepwell_value::{Str, Value};

use crate::signature::Signature;

/// Index of a node in [`Tree::nodes`].
pub(crate) type TreeId = u32;

/// Nodes refer to one another by index: a tree of 100,000 levels is then freed without recursion.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<TreeNode>,
}

pub(crate) struct TreeNode {
    pub(crate) kind: TreeKind,
    /// Byte offset of the end of the token that made the node.
    pub(crate) position: u32,
    /// `[]` follows: a sequence of one stays an array.
    pub(crate) keep_array: bool,
    /// Nodes on the longest way down, this one included.
    pub(crate) height: u16,
}

pub(crate) enum TreeKind {
    End,
    Name(Str),
    Variable(Str),
    String(Str),
    Number(f64),
    /// `true`, `false`, `null`
    Constant(Value),
    /// Index in the program's list.
    Regex(u32),
    /// `and`, `or`, `in` where a value stands: field names. `?`: a gap in a partial application.
    Operator(&'static str),
    Wildcard,
    Descendants,
    Parent,
    Binary(&'static str, TreeId, TreeId),
    Predicate(TreeId, TreeId),
    OrderBy(TreeId, Vec<SortTerm>),
    Group(TreeId, Vec<(TreeId, TreeId)>),
    Bind(TreeId, TreeId),
    /// `@$name`
    Focus(TreeId, Str),
    /// `#$name`
    Index(TreeId, Str),
    Apply(TreeId, TreeId),
    Negate(TreeId),
    Array(Vec<TreeId>),
    Object(Vec<(TreeId, TreeId)>),
    Block(Vec<TreeId>),
    Call {
        procedure: TreeId,
        arguments: Vec<TreeId>,
        partial: bool,
    },
    Lambda {
        parameters: Vec<Str>,
        signature: Option<Box<Signature>>,
        body: TreeId,
    },
    Condition {
        condition: TreeId,
        then: TreeId,
        otherwise: Option<TreeId>,
    },
    /// `left ?: right`: the left side is both condition and result.
    Elvis {
        left: TreeId,
        otherwise: TreeId,
    },
    /// `left ?? right`
    Coalesce {
        left: TreeId,
        otherwise: TreeId,
    },
    Transform {
        pattern: TreeId,
        update: TreeId,
        delete: Option<TreeId>,
    },
}

#[derive(Clone, Copy)]
pub(crate) struct SortTerm {
    pub(crate) descending: bool,
    pub(crate) expression: TreeId,
}
