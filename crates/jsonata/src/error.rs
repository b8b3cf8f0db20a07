//! Errors: the reference library's codes and texts, with its inserts.

use std::fmt;

use stepwell_value::{Str, Value, write_string};

/// Why an expression did not compile or evaluate.
#[derive(Clone, Debug)]
pub struct Error {
    /// The reference library's code, such as `T2001`; [`MEMORY`] is the one code of our own that a result depends on.
    pub code: &'static str,
    /// Byte offset in the expression, at the end of the token that the reference names.
    pub position: usize,
    /// The token or function that the error is about, if it is about one.
    pub token: Option<Value>,
    /// Texts for the named gaps of the message.
    inserts: Vec<(&'static str, String)>,
}

/// What stopped an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The expression itself is wrong, or raised the error.
    Expression,
    /// Too many evaluations inside one another.
    Depth,
    /// Out of fuel, or past the deadline.
    Time,
    /// More memory allocated than the budget has.
    Memory,
    /// What AWS reports as an internal error, without a code.
    Internal,
}

/// Code for nesting that is too deep, in an expression, an evaluation or a value.
pub const DEPTH: &str = "D1011";
/// Code for an evaluation that took too long.
pub const TIME: &str = "D1012";
/// Code for an evaluation that allocated too much; the reference has no such limit.
pub const MEMORY: &str = "D1014";

/// Code for what AWS reports as "an internal error during evaluation", without a code.
pub const INTERNAL: &str = "INTERNAL";

/// What fails is rare and what is returned often: the error travels in a box.
pub(crate) type Run<T> = Result<T, Box<Error>>;

impl Error {
    pub(crate) fn new(code: &'static str) -> Error {
        Error { code, position: 0, token: None, inserts: Vec::new() }
    }

    pub(crate) fn at(mut self, position: u32) -> Error {
        self.position = position as usize;
        self
    }

    pub(crate) fn token(mut self, token: impl Into<Value>) -> Error {
        self.token = Some(token.into());
        self
    }

    /// Fills the gap `name` with `text` as it is.
    pub(crate) fn insert(mut self, name: &'static str, text: impl Into<String>) -> Error {
        self.inserts.push((name, text.into()));
        self
    }

    /// Fills the gap `name` with `text` as a JSON string.
    pub(crate) fn insert_quoted(self, name: &'static str, text: &str) -> Error {
        self.insert(name, quoted(text))
    }

    pub(crate) fn boxed<T>(self) -> Run<T> {
        Err(Box::new(self))
    }

    pub(crate) fn set_token_if_missing(&mut self, token: Option<&Str>) {
        if self.token.is_none()
            && let Some(token) = token
        {
            self.token = Some(Value::Str(token.clone()));
        }
    }

    /// What kind of failure this is: the expression's own, or one of the three limits.
    pub fn kind(&self) -> ErrorKind {
        match self.code {
            DEPTH => ErrorKind::Depth,
            TIME => ErrorKind::Time,
            MEMORY => ErrorKind::Memory,
            INTERNAL => ErrorKind::Internal,
            _ => ErrorKind::Expression,
        }
    }

    /// The reference library's text for the error, byte for byte.
    pub fn message(&self) -> String {
        let template = template(self.code);
        let mut message = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some(start) = rest.find("{{") {
            message.push_str(&rest[..start]);
            let raw = rest[start..].starts_with("{{{");
            let (open, close) = if raw { ("{{{", "}}}") } else { ("{{", "}}") };
            let name = &rest[start + open.len()..];
            let end = name.find(close).expect("gaps in our own table are closed");
            self.write_insert(&name[..end], raw, &mut message);
            rest = &name[end + close.len()..];
        }
        message.push_str(rest);
        message
    }

    fn write_insert(&self, name: &str, raw: bool, out: &mut String) {
        if name == "token" {
            match &self.token {
                None => out.push_str("undefined"),
                Some(Value::Str(text)) if raw => out.push_str(text),
                Some(token) => token.write_to(out),
            }
            return;
        }
        match self.inserts.iter().find(|(other, _)| *other == name) {
            Some((_, text)) => out.push_str(text),
            None => out.push_str("undefined"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message())
    }
}

impl std::error::Error for Error {}

/// `text` as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    out
}

/// The reference's catalogue: `{{name}}` is filled with JSON, `{{{name}}}` with plain text.
fn template(code: &str) -> &'static str {
    match code {
        "S0101" => "String literal must be terminated by a matching quote",
        "S0102" => "Number out of range: {{token}}",
        "S0103" => "Unsupported escape sequence: \\{{token}}",
        "S0104" => "The escape sequence \\u must be followed by 4 hex digits",
        "S0105" => "Quoted property name must be terminated with a backquote (`)",
        "S0106" => "Comment has no closing tag",
        "S0201" => "Syntax error: {{token}}",
        "S0202" => "Expected {{value}}, got {{token}}",
        "S0203" => "Expected {{value}} before end of expression",
        "S0204" => "Unknown operator: {{token}}",
        "S0205" => "Unexpected token: {{token}}",
        "S0206" => "Unknown expression type: {{token}}",
        "S0207" => "Unexpected end of expression",
        "S0208" => "Parameter {{value}} of function definition must be a variable name (start with $)",
        "S0209" => "A predicate cannot follow a grouping expression in a step",
        "S0210" => "Each step can only have one grouping expression",
        "S0211" => "The symbol {{token}} cannot be used as a unary operator",
        "S0212" => "The left side of := must be a variable name (start with $)",
        "S0213" => "The literal value {{value}} cannot be used as a step within a path expression",
        "S0214" => "The right side of {{token}} must be a variable name (start with $)",
        "S0215" => "A context variable binding must precede any predicates on a step",
        "S0216" => "A context variable binding must precede the 'order-by' clause on a step",
        "S0217" => "The object representing the 'parent' cannot be derived from this expression",
        "S0301" => "Empty regular expressions are not allowed",
        "S0302" => "No terminating / in regular expression",
        // Not in the reference's table: there the JavaScript engine raises it.
        "S0303" => "Invalid regular expression: {{{message}}}",
        "S0402" => "Choice groups containing parameterized types are not supported",
        "S0401" => "Type parameters can only be applied to functions and arrays",
        "S0500" => "Attempted to evaluate an expression containing syntax error(s)",
        "T0410" => "Argument {{index}} of function {{token}} does not match function signature",
        "T0411" => "Context value is not a compatible type with argument {{index}} of function {{token}}",
        "T0412" => "Argument {{index}} of function {{token}} must be an array of {{type}}",
        "D1001" => "Number out of range: {{value}}",
        "D1002" => "Cannot negate a non-numeric value: {{value}}",
        "T1003" => "Key in object structure must evaluate to a string; got: {{value}}",
        "D1004" => "Regular expression matches zero length string",
        "T1005" => "Attempted to invoke a non-function. Did you mean ${{{token}}}?",
        "T1006" => "Attempted to invoke a non-function",
        "T1007" => "Attempted to partially apply a non-function. Did you mean ${{{token}}}?",
        "T1008" => "Attempted to partially apply a non-function",
        "D1009" => "Multiple key definitions evaluate to same key: {{value}}",
        "T1010" => {
            "The matcher function argument passed to function {{token}} does not return the correct object structure"
        }
        "D1011" => {
            "Stack overflow. Check for non-terminating recursive function.  Consider rewriting as tail-recursive"
        }
        "D1012" => "Evaluation timeout after {{value}} milliseconds. Check for infinite loop",
        "D1014" => "Memory limit exceeded. Check for excessive memory usage",
        "T2001" => "The left side of the {{token}} operator must evaluate to a number",
        "T2002" => "The right side of the {{token}} operator must evaluate to a number",
        "T2003" => "The left side of the range operator (..) must evaluate to an integer",
        "T2004" => "The right side of the range operator (..) must evaluate to an integer",
        "T2006" => "The right side of the function application operator ~> must be a function",
        "T2007" => "Type mismatch when comparing values {{value}} and {{value2}} in order-by clause",
        "T2008" => "The expressions within an order-by clause must evaluate to numeric or string values",
        "T2009" => {
            "The values {{value}} and {{value2}} either side of operator {{token}} must be of the same data type"
        }
        "T2010" => "The expressions either side of operator {{token}} must evaluate to numeric or string values",
        "T2011" => "The insert/update clause of the transform expression must evaluate to an object: {{value}}",
        "T2012" => {
            "The delete clause of the transform expression must evaluate to a string or array of strings: {{value}}"
        }
        "T2013" => {
            "The transform expression clones the input object using the $clone() function.  This has been overridden in the current scope by a non-function."
        }
        "D2014" => {
            "The size of the sequence allocated by the range operator (..) must not exceed 1e7.  Attempted to allocate {{value}}."
        }
        "D3001" => "Attempting to invoke string function on Infinity or NaN",
        "D3010" => "Second argument of replace function cannot be an empty string",
        "D3011" => "Fourth argument of replace function must evaluate to a positive number",
        "D3012" => "Attempted to replace a matched string with a non-string value",
        "D3020" => "Third argument of split function must evaluate to a positive number",
        "D3030" => "Unable to cast value to a number: {{value}}",
        "D3040" => "Third argument of match function must evaluate to a positive number",
        "D3050" => "The second argument of reduce function must be a function with at least two arguments",
        "D3060" => "The sqrt function cannot be applied to a negative number: {{value}}",
        "D3061" => {
            "The power function has resulted in a value that cannot be represented as a JSON number: base={{value}}, exponent={{exp}}"
        }
        "D3070" => {
            "The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  Use the second argument to specify a comparison function"
        }
        "D3080" => "The picture string must only contain a maximum of two sub-pictures",
        "D3081" => "The sub-picture must not contain more than one instance of the 'decimal-separator' character",
        "D3082" => "The sub-picture must not contain more than one instance of the 'percent' character",
        "D3083" => "The sub-picture must not contain more than one instance of the 'per-mille' character",
        "D3084" => "The sub-picture must not contain both a 'percent' and a 'per-mille' character",
        "D3085" => {
            "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'"
        }
        "D3086" => {
            "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character"
        }
        "D3087" => {
            "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character"
        }
        "D3088" => "The sub-picture must not contain a 'grouping-separator' at the end of the integer part",
        "D3089" => "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character",
        "D3090" => {
            "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'"
        }
        "D3091" => {
            "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'"
        }
        "D3092" => {
            "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'"
        }
        "D3093" => {
            "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'"
        }
        "D3100" => "The radix of the formatBase function must be between 2 and 36.  It was given {{value}}",
        "D3110" => "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {{value}}",
        "D3120" => "Syntax error in expression passed to function eval: {{value}}",
        "D3121" => "Dynamic error evaluating the expression passed to function eval: {{value}}",
        "D3130" => {
            "Formatting or parsing an integer as a sequence starting with {{value}} is not supported by this implementation"
        }
        "D3131" => "In a decimal digit pattern, all digits must be from the same decimal group",
        "D3132" => "Unknown component specifier {{value}} in date/time picture string",
        "D3133" => {
            "The 'name' modifier can only be applied to months and days in the date/time picture string, not {{value}}"
        }
        "D3134" => "The timezone integer format specifier cannot have more than four digits",
        "D3135" => "No matching closing bracket ']' in date/time picture string",
        "D3136" => "The date/time picture string is missing specifiers required to parse the timestamp",
        "D3137" | "D3141" => "{{{message}}}",
        "D3138" => "The $single() function expected exactly 1 matching result.  Instead it matched more.",
        "D3139" => "The $single() function expected exactly 1 matching result.  Instead it matched 0.",
        "D3140" => "Malformed URL passed to ${{{functionName}}}(): {{value}}",
        _ => "Unknown error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_as_the_reference_fills_them() {
        let error = Error::new("S0202").insert_quoted("value", "]").token(",");
        assert_eq!(error.message(), r#"Expected "]", got ",""#);
        assert_eq!(
            Error::new("T1005").token("sum").message(),
            "Attempted to invoke a non-function. Did you mean $sum?"
        );
        assert_eq!(
            Error::new("T0410").insert("index", "1").token("length").message(),
            r#"Argument 1 of function "length" does not match function signature"#
        );
        assert_eq!(Error::new("D1001").message(), "Number out of range: undefined");
    }
}
