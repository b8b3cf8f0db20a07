//! Intrinsic functions `States.*`: their calls, checked when a definition is read, and what they give.

mod base64;
mod functions;
mod parse;

use std::fmt;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use stepwell_value::{Str, Value};

use crate::Scope;
use crate::jsonpath::{Path, Root};

pub use parse::CallSyntaxError;

/// Deepest nesting of calls, the outermost one counted.
pub const NESTING_MAX: usize = 10;

/// Longest text that `States.Base64Encode`, `States.Base64Decode` and `States.Hash` take, in characters.
pub const CHARACTERS_MAX: usize = 10_000;

/// Most items that `States.ArrayRange` makes.
pub const RANGE_ITEMS_MAX: usize = 1_000;

/// A call of an intrinsic function, such as `States.MathAdd($.count, 1)`.
#[derive(Debug)]
pub struct Call {
    /// As written.
    text: Str,
    function: Function,
    arguments: Vec<Argument>,
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// Name behind `States.`, function, least and most arguments.
const FUNCTIONS: [(&str, Function, usize, usize); 18] = [
    ("Format", Function::Format, 1, usize::MAX),
    ("StringToJson", Function::StringToJson, 1, 1),
    ("JsonToString", Function::JsonToString, 1, 1),
    ("Array", Function::Array, 0, usize::MAX),
    ("ArrayPartition", Function::ArrayPartition, 2, 2),
    ("ArrayContains", Function::ArrayContains, 2, 2),
    ("ArrayRange", Function::ArrayRange, 3, 3),
    ("ArrayGetItem", Function::ArrayGetItem, 2, 2),
    ("ArrayLength", Function::ArrayLength, 1, 1),
    ("ArrayUnique", Function::ArrayUnique, 1, 1),
    ("Base64Encode", Function::Base64Encode, 1, 1),
    ("Base64Decode", Function::Base64Decode, 1, 1),
    ("Hash", Function::Hash, 2, 2),
    ("JsonMerge", Function::JsonMerge, 3, 3),
    ("MathRandom", Function::MathRandom, 2, 3),
    ("MathAdd", Function::MathAdd, 2, 2),
    ("StringSplit", Function::StringSplit, 2, 2),
    ("UUID", Function::Uuid, 0, 0),
];

impl Function {
    fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, ..)| *function == self).map_or("", |(name, ..)| name)
    }
}

#[derive(Debug)]
enum Argument {
    Call(Call),
    Path(Path),
    /// A number, a boolean or null.
    Constant(Value),
    /// `'…'`: the text it stands for, and as it is written between the quotes, which is a template to `Format`.
    Text {
        value: Value,
        written: Str,
    },
}

/// Why a call gives nothing. Displayed, it is the text of AWS's cause behind the sentence that names the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrinsicError {
    /// The outermost call, as written.
    pub call: Str,
    /// What went wrong in it or in a call inside.
    pub reason: IntrinsicFault,
}

/// What goes wrong in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntrinsicFault {
    /// A path argument selects nothing, or cannot be applied.
    PathNotFound {
        /// The path as written.
        path: Str,
        /// What it was applied to, as compact JSON.
        input: String,
    },
    /// An argument of the wrong kind or value.
    InvalidArguments {
        /// The function's name without `States.`.
        function: &'static str,
    },
    /// `States.Format` has more or fewer arguments than its template has `{}`.
    FormatCount,
    /// The template of `States.Format` has a brace without its counterpart.
    FormatBrace {
        /// The brace that is missing.
        missing: char,
        /// The brace that is there.
        found: char,
    },
}

impl Call {
    /// Parses a call and checks names, numbers of arguments, nesting, strings and paths.
    ///
    /// # Errors
    /// When the text is no call that AWS accepts in a definition; says what is wrong and where.
    pub fn parse(text: &str) -> Result<Call, CallSyntaxError> {
        parse::parse(text)
    }

    /// The call as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the function is one of those that `ErrorPath` and `CausePath` accept, because they give strings.
    pub fn returns_string(&self) -> bool {
        matches!(
            self.function,
            Function::Format
                | Function::JsonToString
                | Function::ArrayGetItem
                | Function::Base64Encode
                | Function::Base64Decode
                | Function::Hash
                | Function::Uuid
        )
    }

    /// All paths among the arguments, those of nested calls included, in their order.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut paths);
        paths
    }

    /// Names of the workflow variables that the call reads, without `$`.
    pub fn variables(&self) -> Vec<&Str> {
        let variables = self.paths().into_iter().filter_map(|path| match path.root() {
            Root::Variable(name) => Some(name),
            Root::Data | Root::Context => None,
        });
        variables.collect()
    }

    fn collect_paths<'c>(&'c self, paths: &mut Vec<&'c Path>) {
        for argument in &self.arguments {
            match argument {
                Argument::Call(call) => call.collect_paths(paths),
                Argument::Path(path) => paths.push(path),
                Argument::Constant(_) | Argument::Text { .. } => {}
            }
        }
    }

    /// What the call gives; `data` is what paths from `$` are applied to.
    ///
    /// # Errors
    /// When a path selects nothing or an argument does not fit; AWS reports `States.Runtime`.
    pub fn evaluate(&self, data: &Value, scope: &dyn Scope) -> Result<Value, IntrinsicError> {
        functions::evaluate(self, data, scope).map_err(|reason| IntrinsicError { call: self.text.clone(), reason })
    }
}

impl fmt::Display for IntrinsicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The function '{}' had the following error: {}", self.call, self.reason)
    }
}

impl std::error::Error for IntrinsicError {}

impl fmt::Display for IntrinsicFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntrinsicFault::PathNotFound { path, input } => {
                write!(f, "The JsonPath argument for the field '{path}' could not be found in the input '{input}'")
            }
            IntrinsicFault::InvalidArguments { function } => write!(f, "Invalid arguments in States.{function}"),
            IntrinsicFault::FormatCount => f.write_str(
                "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}",
            ),
            IntrinsicFault::FormatBrace { missing, found } => write!(f, "matching '{missing}' not found for '{found}'"),
        }
    }
}

/// The digest of `data` in lowercase hexadecimal; nothing for an algorithm that AWS does not know.
/// Names are `MD5`, `SHA-1`, `SHA-256`, `SHA-384` and `SHA-512`, in exactly this spelling.
pub fn hash(algorithm: &str, data: &[u8]) -> Option<String> {
    Some(match algorithm {
        "MD5" => hexadecimal(&Md5::digest(data)),
        "SHA-1" => hexadecimal(&Sha1::digest(data)),
        "SHA-256" => hexadecimal(&Sha256::digest(data)),
        "SHA-384" => hexadecimal(&Sha384::digest(data)),
        "SHA-512" => hexadecimal(&Sha512::digest(data)),
        _ => return None,
    })
}

/// A UUID of version 4 from two random draws, in lowercase.
pub fn uuid(high: u64, low: u64) -> String {
    let version = high & !0xf000 | 0x4000;
    let variant = low & !(0b11 << 62) | 0b10 << 62;
    let digits = hexadecimal(&(u128::from(version) << 64 | u128::from(variant)).to_be_bytes());
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}
