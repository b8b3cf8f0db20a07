//! The tree as it was written, before paths are flattened.

use std::borrow::Cow;

use crate::node::Op;
use crate::signature::Signature;

/// Index of a node in [`Tree::nodes`].
pub(crate) type TreeId = u32;

/// Nodes refer to one another by index: a tree of 100,000 levels is then freed without recursion.
pub(crate) struct Tree<'t> {
    pub(crate) nodes: Vec<TreeNode<'t>>,
    /// The members of all lists, one list after the other.
    lists: Vec<TreeId>,
}

pub(crate) struct TreeNode<'t> {
    pub(crate) kind: TreeKind<'t>,
    /// Byte offset of the end of the token that made the node.
    pub(crate) position: u32,
    /// `[]` follows: a sequence of one stays an array.
    pub(crate) keep_array: bool,
    /// Nodes on the longest way down, this one included.
    pub(crate) height: u16,
}

/// A run of nodes in [`Tree::lists`].
#[derive(Clone, Copy)]
pub(crate) struct List {
    start: u32,
    end: u32,
}

/// Names are pieces of the expression's text.
pub(crate) enum TreeKind<'t> {
    End,
    /// A field; `and`, `or`, `in` where a value stands are fields, too.
    Name(&'t str),
    Variable(&'t str),
    String(Cow<'t, str>),
    Number(f64),
    Boolean(bool),
    Null,
    /// Index in the program's list.
    Regex(u32),
    /// `?` in a partial application.
    Gap,
    Wildcard,
    Descendants,
    Parent,
    /// `left.right`
    Map(TreeId, TreeId),
    And(TreeId, TreeId),
    Or(TreeId, TreeId),
    Binary(Op, TreeId, TreeId),
    Predicate(TreeId, TreeId),
    OrderBy(TreeId, Box<[SortTerm]>),
    /// Keys and values alternate.
    Group(TreeId, List),
    Bind(TreeId, TreeId),
    /// `@$name`
    Focus(TreeId, &'t str),
    /// `#$name`
    Index(TreeId, &'t str),
    Apply(TreeId, TreeId),
    Negate(TreeId),
    Array(List),
    /// Keys and values alternate.
    Object(List),
    Block(List),
    Call {
        procedure: TreeId,
        arguments: List,
        partial: bool,
    },
    Lambda {
        /// Variables.
        parameters: List,
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

impl<'t> Tree<'t> {
    /// An empty tree with room for that of an expression of `text_bytes` bytes.
    pub(crate) fn for_text(text_bytes: usize) -> Tree<'t> {
        // Most expressions have a node for each four or five bytes; others make the room grow.
        Tree { nodes: Vec::with_capacity((text_bytes / 4 + 2).min(1_024)), lists: Vec::new() }
    }

    pub(crate) fn node(&self, id: TreeId) -> &TreeNode<'t> {
        &self.nodes[id as usize]
    }

    /// The nodes of a list.
    pub(crate) fn list(&self, list: List) -> &[TreeId] {
        &self.lists[list.start as usize..list.end as usize]
    }

    /// Makes a list.
    pub(crate) fn add_list(&mut self, ids: impl IntoIterator<Item = TreeId>) -> List {
        let start = self.lists.len() as u32;
        self.lists.extend(ids);
        List { start, end: self.lists.len() as u32 }
    }
}
