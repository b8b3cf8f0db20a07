//! Regular expressions of filters, `=~ /…/`: the part of Java's dialect that needs no backtracking.

/// A compiled expression that is tested against whole texts.
///
/// Whether the whole text matches does not depend on which of several ways a quantifier prefers, so the set of
/// all states is carried along the text: time is bounded by the product of both lengths, for any expression.
#[derive(Debug)]
pub(super) struct Regex {
    program: Vec<Instruction>,
    ignores_case: bool,
}

/// Why a text is not a regular expression of the dialect, and where.
#[derive(Debug)]
pub(super) struct RegexError {
    pub(super) message: String,
    pub(super) offset: usize,
}

/// Most instructions of one expression; counted repetition multiplies them.
const INSTRUCTIONS_MAX: usize = 2_000;

/// Most ranges of one class.
const RANGES_MAX: usize = 256;

/// Deepest nesting of groups.
const GROUPS_MAX: u32 = 32;

/// Most instructions run for one test.
const STEPS_MAX: usize = 20_000_000;

#[derive(Clone, Debug)]
enum Instruction {
    /// One character that belongs to the class.
    Class(Class),
    /// Goes on at both places.
    Split(usize, usize),
    Jump(usize),
    /// Goes on if the place in the text fits.
    Assert(Assertion),
    Match,
}

#[derive(Clone, Copy, Debug)]
enum Assertion {
    Start,
    End,
    /// `$` and `\Z`: the end, or before a line break that ends the text.
    EndOrLastBreak,
    WordBoundary,
    NotWordBoundary,
}

/// A set of characters.
#[derive(Clone, Debug)]
struct Class {
    /// Sorted, and apart from each other.
    ranges: Vec<(char, char)>,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    Class(Class),
    Assert(Assertion),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
}

impl Regex {
    /// Parses `/…/` or `/…/i`, which is all of `text`.
    pub(super) fn parse_literal(text: &str) -> Result<Regex, RegexError> {
        let (literal, ignores_case) = match text.strip_suffix('i') {
            Some(literal) => (literal, true),
            None => (text, false),
        };
        let Some(inner) = literal.strip_prefix('/').and_then(|inner| inner.strip_suffix('/')) else {
            return Err(RegexError {
                message: "A regular expression is written /…/ or /…/i".to_owned(), offset: 0
            });
        };
        let end = inner.len();
        let mut parser = Parser { text: inner, position: 0, groups: 0 };
        let node = parser.alternatives().map_err(|error| RegexError { offset: error.offset + 1, ..error })?;
        if parser.position < end {
            return Err(RegexError {
                message: "This parenthesis closes nothing".to_owned(),
                offset: 1 + parser.position,
            });
        }
        let mut program = Vec::new();
        emit(&node, &mut program)?;
        program.push(Instruction::Match);
        Ok(Regex { program, ignores_case })
    }

    /// Whether the whole text matches; nothing when finding out takes too long.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        let mut current = States::new(self.program.len());
        let mut next = States::new(self.program.len());
        let mut steps = 0_usize;
        current.add(0, &self.program, text, 0);
        for (offset, character) in text.char_indices() {
            steps = steps.saturating_add(current.list.len());
            if steps > STEPS_MAX {
                return None;
            }
            next.clear();
            for state in &current.list {
                if let Instruction::Class(class) = &self.program[*state]
                    && class.contains(character, self.ignores_case)
                {
                    next.add(state + 1, &self.program, text, offset + character.len_utf8());
                }
            }
            std::mem::swap(&mut current, &mut next);
            if current.list.is_empty() {
                return Some(false);
            }
        }
        Some(current.list.iter().any(|state| matches!(self.program[*state], Instruction::Match)))
    }
}

/// The instructions that a match can be at.
struct States {
    list: Vec<usize>,
    /// For each instruction, the last round in which it was reached; one that only leads on is reached as well.
    seen: Vec<usize>,
    round: usize,
    pending: Vec<usize>,
}

impl States {
    fn new(instructions: usize) -> States {
        States { list: Vec::new(), seen: vec![0; instructions], round: 1, pending: Vec::new() }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.round += 1;
    }

    /// Adds an instruction and all that are reached from it without a character, at `offset` in `text`.
    fn add(&mut self, state: usize, program: &[Instruction], text: &str, offset: usize) {
        self.pending.push(state);
        while let Some(state) = self.pending.pop() {
            if std::mem::replace(&mut self.seen[state], self.round) == self.round {
                continue;
            }
            match &program[state] {
                Instruction::Class(_) | Instruction::Match => self.list.push(state),
                Instruction::Split(first, second) => self.pending.extend([*first, *second]),
                Instruction::Jump(target) => self.pending.push(*target),
                Instruction::Assert(assertion) if assertion.holds(text, offset) => self.pending.push(state + 1),
                Instruction::Assert(_) => {}
            }
        }
    }
}

impl Assertion {
    fn holds(self, text: &str, offset: usize) -> bool {
        // Unlike `\w`, boundaries know the letters of all scripts (in Java up to 18).
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let at_boundary = || {
            let before = text[..offset].chars().next_back().is_some_and(is_word);
            before != text[offset..].chars().next().is_some_and(is_word)
        };
        match self {
            Assertion::Start => offset == 0,
            Assertion::End => offset == text.len(),
            Assertion::EndOrLastBreak => {
                matches!(&text[offset..], "" | "\n" | "\r\n" | "\r" | "\u{85}" | "\u{2028}" | "\u{2029}")
            }
            Assertion::WordBoundary => at_boundary(),
            Assertion::NotWordBoundary => !at_boundary(),
        }
    }
}

impl Class {
    fn new(mut ranges: Vec<(char, char)>, negated: bool) -> Class {
        ranges.sort_unstable();
        ranges.dedup_by(|next, range| {
            let overlaps = next.0 <= range.1;
            if overlaps {
                range.1 = range.1.max(next.1);
            }
            overlaps
        });
        Class { ranges, negated }
    }

    fn of(character: char) -> Class {
        Class { ranges: vec![(character, character)], negated: false }
    }

    /// `.`: anything but a line break.
    fn any() -> Class {
        let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        Class::new(breaks.map(|character| (character, character)).to_vec(), true)
    }

    /// `\d`, `\w`, `\s` and their opposites; ASCII, as in Java.
    fn named(name: char) -> Option<Class> {
        let ranges = match name.to_ascii_lowercase() {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            's' => vec![('\t', '\r'), (' ', ' ')],
            _ => return None,
        };
        Some(Class::new(ranges, name.is_ascii_uppercase()))
    }

    fn contains(&self, character: char, ignores_case: bool) -> bool {
        let within = |character: char| {
            let behind = self.ranges.partition_point(|(from, _)| *from <= character);
            behind > 0 && character <= self.ranges[behind - 1].1
        };
        let found = within(character)
            || ignores_case && (within(character.to_ascii_lowercase()) || within(character.to_ascii_uppercase()));
        found != self.negated
    }

    /// The ranges of the class, a negated one turned into those of all other characters.
    fn into_ranges(self) -> Vec<(char, char)> {
        if !self.negated {
            return self.ranges;
        }
        let mut others = Vec::new();
        let mut from = Some('\0');
        for (first, last) in self.ranges {
            if let Some(start) = from
                && start < first
            {
                others.push((start, before(first)));
            }
            let behind = (last..=char::MAX).nth(1);
            from = from.and_then(|start| behind.map(|behind| start.max(behind)));
        }
        others.extend(from.map(|start| (start, char::MAX)));
        others
    }
}

/// The character before one that is not the first.
fn before(character: char) -> char {
    ('\0'..character).next_back().unwrap_or('\0')
}

/// Writes the instructions of `node` behind those that are there.
fn emit(node: &Node, program: &mut Vec<Instruction>) -> Result<(), RegexError> {
    if program.len() > INSTRUCTIONS_MAX {
        return Err(RegexError { message: "This regular expression is too large".to_owned(), offset: 0 });
    }
    match node {
        Node::Empty => {}
        Node::Class(class) => program.push(Instruction::Class(class.clone())),
        Node::Assert(assertion) => program.push(Instruction::Assert(*assertion)),
        Node::Sequence(nodes) => {
            for node in nodes {
                emit(node, program)?;
            }
        }
        Node::Alternatives(nodes) => {
            let mut jumps = Vec::new();
            for (n, node) in nodes.iter().enumerate() {
                let split = program.len();
                let is_last = n + 1 == nodes.len();
                if !is_last {
                    program.push(Instruction::Split(split + 1, 0));
                }
                emit(node, program)?;
                if !is_last {
                    jumps.push(program.len());
                    program.push(Instruction::Jump(0));
                    program[split] = Instruction::Split(split + 1, program.len());
                }
            }
            let end = program.len();
            for jump in jumps {
                program[jump] = Instruction::Jump(end);
            }
        }
        Node::Repeat { node, min, max } => {
            for _ in 0..*min {
                let before = program.len();
                emit(node, program)?;
                // What is empty once is empty however often it is repeated.
                if program.len() == before {
                    break;
                }
            }
            match max {
                None => {
                    let split = program.len();
                    program.push(Instruction::Split(split + 1, 0));
                    emit(node, program)?;
                    program.push(Instruction::Jump(split));
                    program[split] = Instruction::Split(split + 1, program.len());
                }
                Some(max) => {
                    let mut splits = Vec::new();
                    for _ in *min..*max {
                        splits.push(program.len());
                        program.push(Instruction::Split(program.len() + 1, 0));
                        emit(node, program)?;
                    }
                    let end = program.len();
                    for split in splits {
                        program[split] = Instruction::Split(split + 1, end);
                    }
                }
            }
        }
    }
    Ok(())
}

struct Parser<'t> {
    text: &'t str,
    position: usize,
    groups: u32,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<Node, RegexError> {
        let mut alternatives = vec![self.sequence()?];
        while self.eat('|') {
            alternatives.push(self.sequence()?);
        }
        Ok(if alternatives.len() == 1 { alternatives.remove(0) } else { Node::Alternatives(alternatives) })
    }

    fn sequence(&mut self) -> Result<Node, RegexError> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let node = self.atom()?;
            nodes.push(self.quantified(node)?);
        }
        Ok(if nodes.is_empty() { Node::Empty } else { Node::Sequence(nodes) })
    }

    fn atom(&mut self) -> Result<Node, RegexError> {
        let start = self.position;
        let Some(next) = self.next() else { return Err(self.error("Something is missing", start)) };
        Ok(match next {
            '.' => Node::Class(Class::any()),
            '^' => Node::Assert(Assertion::Start),
            '$' => Node::Assert(Assertion::EndOrLastBreak),
            '[' => Node::Class(self.class()?),
            '\\' => self.escape()?,
            '(' => {
                if self.eat('?') && !self.eat(':') {
                    return Err(self.error("Groups that begin with '(?' are not supported, but for '(?:'", start));
                }
                self.groups += 1;
                if self.groups > GROUPS_MAX {
                    return Err(self.error("Groups are nested too deeply", start));
                }
                let node = self.alternatives()?;
                self.groups -= 1;
                if !self.eat(')') {
                    return Err(self.error("This group is not closed", start));
                }
                node
            }
            '*' | '+' | '?' => return Err(self.error("There is nothing to repeat", start)),
            '{' => return Err(self.error("There is nothing to repeat", start)),
            character => Node::Class(Class::of(character)),
        })
    }

    fn quantified(&mut self, node: Node) -> Result<Node, RegexError> {
        let start = self.position;
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let Some((counts, _)) = self.text[start + 1..].split_once('}') else {
                    return Err(self.error("This repetition is not closed", start));
                };
                let count = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= 1_000);
                let range = match counts.split_once(',') {
                    None => count(counts).map(|count| (count, Some(count))),
                    Some((min, "")) => count(min).map(|min| (min, None)),
                    Some((min, max)) => count(min).zip(count(max)).map(|(min, max)| (min, Some(max))),
                };
                let range = range.filter(|(min, max)| max.is_none_or(|max| *min <= max));
                let Some(range) = range else {
                    return Err(self.error("A repetition is written {n}, {n,} or {n,m}, up to 1000", start));
                };
                self.position += counts.len() + 1;
                range
            }
            _ => return Ok(node),
        };
        self.position += 1;
        match self.peek() {
            // Which way a quantifier prefers makes no difference to whether the whole text matches.
            Some('?') => self.position += 1,
            Some('+') => return Err(self.error("Possessive quantifiers are not supported", start)),
            Some('*' | '{') => return Err(self.error("There is nothing to repeat", self.position)),
            _ => {}
        }
        Ok(Node::Repeat { node: Box::new(node), min, max })
    }

    /// What follows a backslash outside brackets.
    fn escape(&mut self) -> Result<Node, RegexError> {
        match self.peek() {
            Some('b') => self.assertion(Assertion::WordBoundary),
            Some('B') => self.assertion(Assertion::NotWordBoundary),
            Some('A') => self.assertion(Assertion::Start),
            Some('z') => self.assertion(Assertion::End),
            Some('Z') => self.assertion(Assertion::EndOrLastBreak),
            _ => self.escaped_class().map(Node::Class),
        }
    }

    fn assertion(&mut self, assertion: Assertion) -> Result<Node, RegexError> {
        self.position += 1;
        Ok(Node::Assert(assertion))
    }

    /// What follows a backslash anywhere: a named class or one character.
    fn escaped_class(&mut self) -> Result<Class, RegexError> {
        let start = self.position;
        let Some(name) = self.next() else { return Err(self.error("A backslash at the end", start)) };
        if let Some(class) = Class::named(name) {
            return Ok(class);
        }
        let character = match name {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            name if name.is_ascii_alphanumeric() => {
                return Err(self.error(&format!("The escape \\{name} is not supported"), start));
            }
            name => name,
        };
        Ok(Class::of(character))
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, RegexError> {
        let start = self.position;
        let text =
            self.text.get(start..start + digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let character = text.and_then(|text| u32::from_str_radix(text, 16).ok()).and_then(char::from_u32);
        self.position += digits;
        character.ok_or_else(|| self.error("This is not the number of a character", start))
    }

    /// What follows an opening bracket, up to the closing one.
    fn class(&mut self) -> Result<Class, RegexError> {
        let start = self.position;
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        let mut is_first = true;
        loop {
            let place = self.position;
            if ranges.len() > RANGES_MAX {
                return Err(self.error("This class is too large", start));
            }
            let Some(next) = self.next() else { return Err(self.error("This class is not closed", start)) };
            let single = match next {
                ']' if !is_first => break,
                '[' => return Err(self.error("A class within a class is not supported", place)),
                '&' if self.peek() == Some('&') => return Err(self.error("Intersections are not supported", place)),
                '\\' => {
                    let class = self.escaped_class()?;
                    match class.ranges[..] {
                        [(first, last)] if first == last && !class.negated => first,
                        _ => {
                            ranges.extend(class.into_ranges());
                            is_first = false;
                            continue;
                        }
                    }
                }
                character => character,
            };
            is_first = false;
            let is_range = self.peek() == Some('-') && !self.text[self.position + 1..].starts_with(']');
            if !is_range {
                ranges.push((single, single));
                continue;
            }
            self.position += 1;
            let last = match self.next() {
                Some('\\') => match self.escaped_class()?.ranges[..] {
                    [(first, last)] if first == last => first,
                    _ => return Err(self.error("A range ends with one character", place)),
                },
                Some('[') => return Err(self.error("A class within a class is not supported", place)),
                Some(character) => character,
                None => return Err(self.error("This class is not closed", start)),
            };
            if last < single {
                return Err(self.error("This range is empty", place));
            }
            ranges.push((single, last));
        }
        Ok(Class::new(ranges, negated))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.position += expected.len_utf8();
        }
        found
    }

    fn error(&self, message: &str, offset: usize) -> RegexError {
        RegexError { message: message.to_owned(), offset }
    }
}
