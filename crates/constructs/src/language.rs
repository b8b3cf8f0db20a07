//! The query language of a state, and of all states of a chain, as types.

/// The query language of a state as a value (ASL field `QueryLanguage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryLanguage {
    /// Paths and intrinsic functions; what the States Language assumes when nothing is said.
    JsonPath,
    /// Expressions in `{% … %}`.
    Jsonata,
}

impl QueryLanguage {
    /// The word in the definition: `JSONPath` or `JSONata`.
    pub fn as_str(self) -> &'static str {
        match self {
            QueryLanguage::JsonPath => "JSONPath",
            QueryLanguage::Jsonata => "JSONata",
        }
    }
}

/// A query language as a type: [`JsonPath`] or [`Jsonata`].
///
/// The language of a chain is [`Jsonata`] only if all its states are: such a chain fits into any machine, whereas a
/// chain with a JSONPath state needs a machine whose language is JSONPath.
#[doc(alias = "queryLanguage")]
pub trait Language: sealed::Sealed + 'static {
    /// The language of a chain that consists of states of this language and of `Other`.
    type And<Other: Language>: Language;
    /// The language as a value.
    const QUERY_LANGUAGE: QueryLanguage;
}

/// JSONPath: values are taken from the input by [`path`](crate::path) and the functions of [`intrinsic`](crate::intrinsic).
#[derive(Clone, Copy, Debug)]
pub enum JsonPath {}

/// JSONata: values are computed by [`jsonata`](crate::jsonata).
#[derive(Clone, Copy, Debug)]
pub enum Jsonata {}

/// Neither of the two: JSON in which nothing is computed, such as the `Result` of a Pass state.
#[derive(Clone, Copy, Debug)]
pub enum Plain {}

impl Language for JsonPath {
    type And<Other: Language> = JsonPath;
    const QUERY_LANGUAGE: QueryLanguage = QueryLanguage::JsonPath;
}

impl Language for Jsonata {
    type And<Other: Language> = Other;
    const QUERY_LANGUAGE: QueryLanguage = QueryLanguage::Jsonata;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::JsonPath {}
    impl Sealed for super::Jsonata {}
}
