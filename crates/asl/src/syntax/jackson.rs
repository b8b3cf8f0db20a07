//! What Jackson, the parser behind AWS's service, says about a text that is no JSON.

/// A complaint in Jackson's words.
pub(super) struct Complaint {
    /// The sentence and the location behind it.
    pub(super) message: String,
    /// `[Source: (String)"…"; line: 1, column: 4]`.
    pub(super) location: String,
}

/// Reads a text as Jackson does, up to its first complaint; `None` when it has none.
///
/// The texts are those of Jackson 2.10 to 2.13, which the recorded answer belongs to.
pub(super) fn complaint(text: &str) -> Option<Complaint> {
    let mut reader = Reader { text, offset: 0, open: Vec::new() };
    let sentence = reader.read().err()?;
    let location = reader.location(reader.offset);
    Some(Complaint { message: format!("{sentence}\n at {location}"), location })
}

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Longest piece of the text that a location quotes, in UTF-16 units.
const QUOTED_UNITS_MAX: usize = 500;

/// Longest unrecognized token that is repeated, in characters.
const TOKEN_CHARS_MAX: usize = 256;

struct Reader<'t> {
    text: &'t str,
    /// Behind what has been read: Jackson reports this place, not that of the culprit.
    offset: usize,
    open: Vec<Open>,
}

struct Open {
    bracket: char,
    offset: usize,
    entries: usize,
}

impl Open {
    fn name(&self) -> &'static str {
        if self.bracket == '{' { "Object" } else { "Array" }
    }

    fn closer(&self) -> char {
        if self.bracket == '{' { '}' } else { ']' }
    }
}

type Step<T> = Result<T, String>;

impl Reader<'_> {
    fn read(&mut self) -> Step<()> {
        loop {
            let Some(mut next) = self.token()? else {
                return match self.open.last() {
                    None => Ok(()),
                    Some(open) => Err(format!(
                        "Unexpected end-of-input: expected close marker for {} (start marker at {})",
                        open.name(),
                        self.location(open.offset)
                    )),
                };
            };
            if matches!(next, ']' | '}') {
                self.close(next)?;
                continue;
            }
            if let Some(open) = self.open.last_mut() {
                open.entries += 1;
                if open.entries > 1 {
                    let name = open.name();
                    if next != ',' {
                        return Err(unexpected(next, &format!("was expecting comma to separate {name} entries")));
                    }
                    next = self.within()?;
                }
            }
            if self.in_object() {
                if next != '"' {
                    return Err(unexpected(next, "was expecting double-quote to start field name"));
                }
                self.string("name", " in field name")?;
                let colon = self.within()?;
                if colon != ':' {
                    return Err(unexpected(colon, "was expecting a colon to separate field name and value"));
                }
                next = self.within()?;
            }
            self.value(next)?;
        }
    }

    fn value(&mut self, first: char) -> Step<()> {
        match first {
            '"' => self.string("string value", ": was expecting closing quote for a string value"),
            '{' | '[' => {
                self.open.push(Open { bracket: first, offset: self.offset - 1, entries: 0 });
                Ok(())
            }
            '}' => Err(unexpected(first, "expected a value")),
            '-' | '0'..='9' => self.number(first),
            first if is_identifier_start(first) => self.word(first),
            other => Err(unexpected(other, &format!("expected a valid value {VALUES}"))),
        }
    }

    fn close(&mut self, bracket: char) -> Step<()> {
        match self.open.pop() {
            Some(open) if open.closer() == bracket => Ok(()),
            Some(open) => Err(format!(
                "Unexpected close marker '{bracket}': expected '{}' (for {} starting at {})",
                open.closer(),
                open.name(),
                self.location(open.offset)
            )),
            None => {
                let other = if bracket == ']' { '}' } else { ']' };
                let start = format!("[Source: (String){}; line: 1, column: 0]", quoted(self.text));
                Err(format!("Unexpected close marker '{bracket}': expected '{other}' (for root starting at {start})"))
            }
        }
    }

    fn word(&mut self, first: char) -> Step<()> {
        let start = self.offset - first.len_utf8();
        let mut chars = 1;
        while let Some(next) = self.peek().filter(|next| is_identifier_part(*next)) {
            self.offset += next.len_utf8();
            chars += 1;
            if chars == TOKEN_CHARS_MAX {
                break;
            }
        }
        match &self.text[start..self.offset] {
            "true" | "false" | "null" => Ok(()),
            word @ ("NaN" | "Infinity") => Err(format!(
                "Non-standard token '{word}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
            )),
            word => {
                let more = if chars == TOKEN_CHARS_MAX { "..." } else { "" };
                Err(format!("Unrecognized token '{word}{more}': was expecting {VALUES}"))
            }
        }
    }

    fn number(&mut self, first: char) -> Step<()> {
        let mut leading = first;
        if first == '-' {
            leading = match self.next() {
                Some(digit) if digit.is_ascii_digit() => digit,
                other => {
                    return Err(in_number(other, "expected digit (0-9) to follow minus sign, for valid numeric value"));
                }
            };
        }
        if leading == '0' && self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.next();
            return Err("Invalid numeric value: Leading zeroes not allowed".to_owned());
        }
        self.digits();
        if self.peek() == Some('.') {
            self.next();
            if self.digits() == 0 {
                return Err(in_number(self.next(), "Decimal point not followed by a digit"));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.next();
            if matches!(self.peek(), Some('+' | '-')) {
                self.next();
            }
            if self.digits() == 0 {
                return Err(in_number(self.next(), "Exponent indicator not followed by a digit"));
            }
        }
        if self.open.is_empty()
            && let Some(next) = self.peek().filter(|next| !next.is_ascii_whitespace())
        {
            self.next();
            return Err(unexpected(next, "Expected space separating root-level values"));
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.offset;
        while self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.offset += 1;
        }
        self.offset - start
    }

    fn string(&mut self, what: &str, at_end: &str) -> Step<()> {
        loop {
            match self.next() {
                None => return Err(format!("Unexpected end-of-input{at_end}")),
                Some('"') => return Ok(()),
                Some('\\') => self.escape()?,
                Some(control) if control < ' ' => {
                    return Err(format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to be included in {what}",
                        described(control)
                    ));
                }
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self) -> Step<()> {
        match self.next() {
            None => Err("Unexpected end-of-input in character escape sequence".to_owned()),
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => Ok(()),
            Some('u') => {
                for _ in 0..4 {
                    match self.next() {
                        None => return Err("Unexpected end-of-input in character escape sequence".to_owned()),
                        Some(digit) if digit.is_ascii_hexdigit() => {}
                        Some(other) => {
                            return Err(unexpected(other, "expected a hex-digit for character escape sequence"));
                        }
                    }
                }
                Ok(())
            }
            Some(other) => Err(format!("Unrecognized character escape {}", described(other))),
        }
    }

    /// What comes next inside a container, where the text must not end.
    fn within(&mut self) -> Step<char> {
        let name = self.open.last().map_or("root", Open::name);
        self.token()?.ok_or_else(|| format!("Unexpected end-of-input within/between {name} entries"))
    }

    /// The first character of the next token, passed over.
    fn token(&mut self) -> Step<Option<char>> {
        loop {
            match self.next() {
                Some(' ' | '\n' | '\r' | '\t') => {}
                Some(control) if control < ' ' => {
                    return Err(format!(
                        "Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between tokens",
                        described(control)
                    ));
                }
                other => return Ok(other),
            }
        }
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.bracket == '{')
    }

    fn peek(&self) -> Option<char> {
        self.text[self.offset..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        Some(next)
    }

    fn location(&self, offset: usize) -> String {
        let before = &self.text[..offset];
        let line = 1 + before.matches('\n').count();
        let column = 1 + before[before.rfind('\n').map_or(0, |newline| newline + 1)..].encode_utf16().count();
        format!("[Source: (String){}; line: {line}, column: {column}]", quoted(self.text))
    }
}

/// The beginning of the text as a location repeats it: control characters but line ends become escapes.
fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    let mut units = 0;
    for character in text.chars() {
        units += character.len_utf16();
        if units > QUOTED_UNITS_MAX {
            break;
        }
        match character {
            '\r' | '\n' => shown.push(character),
            control if control.is_control() => shown.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => shown.push(other),
        }
    }
    shown.push('"');
    let total = text.encode_utf16().count();
    if total > QUOTED_UNITS_MAX {
        shown.push_str(&format!("[truncated {} chars]", total - QUOTED_UNITS_MAX));
    }
    shown
}

fn unexpected(found: char, expectation: &str) -> String {
    format!("Unexpected character ({}): {expectation}", described(found))
}

fn in_number(found: Option<char>, expectation: &str) -> String {
    match found {
        Some(found) => format!("Unexpected character ({}) in numeric value: {expectation}", described(found)),
        None => "Unexpected end-of-input in a Number value".to_owned(),
    }
}

fn described(character: char) -> String {
    let code = u32::from(character);
    if character.is_control() {
        format!("(CTRL-CHAR, code {code})")
    } else if code > 255 {
        format!("'{character}' (code {code} / 0x{code:x})")
    } else {
        format!("'{character}' (code {code})")
    }
}

fn is_identifier_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_identifier_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(text: &str) -> String {
        let complaint = complaint(text).expect("a complaint");
        let column = complaint.location.rsplit("line: ").next().unwrap().trim_end_matches(']').to_owned();
        format!("{} | {column}", complaint.message.split("\n at ").next().unwrap().replace(&quoted(text), "…"))
    }

    #[test]
    fn the_recorded_answer_is_given() {
        let complaint = complaint("not a definition").unwrap();
        assert_eq!(complaint.location, r#"[Source: (String)"not a definition"; line: 1, column: 4]"#);
        assert_eq!(
            complaint.message,
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or \
             'false')\n at [Source: (String)\"not a definition\"; line: 1, column: 4]"
        );
    }

    #[test]
    fn common_mistakes_read_as_jackson_says_them() {
        for (text, expected) in [
            (
                r#"{"a":1,}"#,
                "Unexpected character ('}' (code 125)): was expecting double-quote to start field name | 1, column: 9",
            ),
            (
                r#"{"a" 1}"#,
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value | 1, column: 7",
            ),
            (
                "{\"a\":1\n\"b\":2}",
                "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries | 2, column: 2",
            ),
            (
                "[1 2]",
                "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries | 1, column: 5",
            ),
            (
                "{a:1}",
                "Unexpected character ('a' (code 97)): was expecting double-quote to start field name | 1, column: 3",
            ),
            (r#"{"a":}"#, "Unexpected character ('}' (code 125)): expected a value | 1, column: 7"),
            (r#"{"a":"b"#, "Unexpected end-of-input: was expecting closing quote for a string value | 1, column: 8"),
            (r#"{"a"#, "Unexpected end-of-input in field name | 1, column: 4"),
            (r#"{"a":1,"#, "Unexpected end-of-input within/between Object entries | 1, column: 8"),
            (
                r#"{"a":1"#,
                "Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)…; line: 1, column: 1]) | 1, column: 7",
            ),
            (
                r#"{"a":[1}"#,
                "Unexpected close marker '}': expected ']' (for Array starting at [Source: (String)…; line: 1, column: 6]) | 1, column: 9",
            ),
            (r#"{"a":01}"#, "Invalid numeric value: Leading zeroes not allowed | 1, column: 8"),
            (
                r#"{"a":1.}"#,
                "Unexpected character ('}' (code 125)) in numeric value: Decimal point not followed by a digit | 1, column: 9",
            ),
            (
                r#"{"a":-x}"#,
                "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value | 1, column: 8",
            ),
            (r#"{"a":"\x"}"#, "Unrecognized character escape 'x' (code 120) | 1, column: 9"),
            (
                "{\"a\":\"\n\"}",
                "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value | 2, column: 1",
            ),
            (
                r#"{"a":True}"#,
                "Unrecognized token 'True': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') | 1, column: 10",
            ),
            (
                "{“a”:1}",
                "Unexpected character ('“' (code 8220 / 0x201c)): was expecting double-quote to start field name | 1, column: 3",
            ),
        ] {
            assert_eq!(sentence(text), expected, "{text}");
        }
    }

    #[test]
    fn long_texts_are_quoted_in_part() {
        let text = format!("x{}", " ".repeat(600));
        assert!(complaint(&text).unwrap().location.contains("\"[truncated 101 chars]; line: 1, column: 2]"));
    }
}
