//! The one JSON value of Stepwell.
//!
//! Immutable, shared and `Send + Sync`: cloning costs a reference count, so JSONPath, intrinsic functions,
//! JSONata, payload templates, the stored form and the API work on the same value without converting it.
//! No number is altered by carrying it: 64-bit integers stay exact and every other number is written
//! back as it was read.
//!
//! ```
//! let value = stepwell_value::parse(r#"{"id": 9007199254740993, "price": 1.50}"#)?;
//! assert_eq!(value.get("id").and_then(|id| id.as_i64()), Some(9007199254740993));
//! assert_eq!(value.to_string(), r#"{"id":9007199254740993,"price":1.50}"#);
//! # Ok::<(), stepwell_value::ParseError>(())
//! ```

mod array;
mod number;
mod object;
mod parse;
mod value;
mod write;

pub use array::Array;
pub use number::{Decimal, js_number_text, number_from_text};
pub use object::{Members, Object};
pub use parse::{DuplicateKeys, Limits, ParseError, ParseErrorKind, Scanner, line_and_column, parse, parse_with};
pub use smol_str::SmolStr as Str;
pub use value::{Kind, Value};
pub use write::{write_compact, write_pretty, write_string};

/// Deepest nesting that the parser accepts, in containers; Jackson's limit, which AWS's service inherits.
///
/// Code that builds values checks [`Value::depth`] against it, so that walks by recursion stay bounded.
pub const DEPTH_MAX: u32 = 1_000;
