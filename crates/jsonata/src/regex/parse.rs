//! JavaScript's pattern syntax, with the leniency that its Annex B asks for where the `u` flag is absent.

use std::collections::BTreeMap;
use std::ops::Range;

use super::class::{self, Class};
use super::{Flags, PatternError};

/// Deepest nesting of groups.
pub(super) const NESTING_MAX: u32 = 100;

/// Most ranges, in all of a pattern, of classes that are made of two classes of surrogates.
const ASTRAL_RANGES_MAX: u64 = 1 << 16;

/// Longest name of a group, in characters.
const NAME_LENGTH_MAX: usize = 256;

/// `max` of a repetition without an upper bound.
pub(super) const UNBOUNDED: u32 = u32::MAX;

pub(super) struct Pattern {
    pub(super) root: Node,
    pub(super) classes: Vec<Class>,
    pub(super) n_groups: u32,
}

pub(super) enum Node {
    Empty,
    Char(char),
    Class(u32),
    Start,
    End,
    Boundary {
        negated: bool,
    },
    /// Numbered from 0.
    Capture {
        group: u32,
        node: Box<Node>,
    },
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    /// `groups` are the captures inside.
    Repeat {
        node: Box<Node>,
        min: u32,
        max: u32,
        greedy: bool,
        groups: Range<u32>,
    },
    BackReference {
        group: u32,
    },
    Look {
        node: Box<Node>,
        behind: bool,
        negative: bool,
    },
}

impl Node {
    /// Whether the node can match nothing at all.
    pub(super) fn nullable(&self) -> bool {
        match self {
            Node::Char(_) | Node::Class(_) => false,
            Node::Empty
            | Node::Start
            | Node::End
            | Node::Boundary { .. }
            | Node::BackReference { .. }
            | Node::Look { .. } => true,
            Node::Capture { node, .. } => node.nullable(),
            Node::Concat(nodes) => nodes.iter().all(Node::nullable),
            Node::Alternate(nodes) => nodes.iter().any(Node::nullable),
            Node::Repeat { node, min, .. } => *min == 0 || node.nullable(),
        }
    }

    /// Whether only backtracking can match it.
    pub(super) fn needs_backtracking(&self) -> bool {
        match self {
            Node::BackReference { .. } | Node::Look { .. } => true,
            Node::Capture { node, .. } | Node::Repeat { node, .. } => node.needs_backtracking(),
            Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().any(Node::needs_backtracking),
            _ => false,
        }
    }
}

pub(super) fn parse(pattern: &str, flags: Flags) -> Result<Pattern, PatternError> {
    let chars: Vec<char> = pattern.chars().collect();
    let (n_groups_total, named) = group_names(&chars);
    let n_named = named.len();
    let names: BTreeMap<String, u32> = named.into_iter().collect();
    let mut parser = Parser {
        chars: &chars,
        at: 0,
        ignore_case: flags.ignore_case,
        n_groups_total,
        names,
        astral_ranges: 0,
        n_groups: 0,
        depth: 0,
        classes: Vec::new(),
        shorthands: [None; 7],
    };
    parser.check_names(n_named)?;
    let root = parser.disjunction()?;
    if parser.at < chars.len() {
        // Only a closing parenthesis ends a disjunction early.
        return Err(parser.error("Unmatched ')'"));
    }
    Ok(Pattern { root, classes: parser.classes, n_groups: parser.n_groups })
}

/// The number of capture groups, and the names that some of them have. Whether `\2` is a back reference depends on
/// groups that may follow it.
fn group_names(chars: &[char]) -> (u32, Vec<(String, u32)>) {
    let mut n_groups = 0;
    let mut names = Vec::new();
    let mut in_class = false;
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => match &chars[at + 1..] {
                ['?', '<', next, ..] if !matches!(next, '=' | '!') => {
                    let name = chars[at + 3..].iter().take(NAME_LENGTH_MAX).take_while(|c| **c != '>');
                    names.push((name.collect(), n_groups));
                    n_groups += 1;
                }
                ['?', ..] => {}
                _ => n_groups += 1,
            },
            _ => {}
        }
        at += 1;
    }
    (n_groups, names)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    ignore_case: bool,
    /// All capture groups of the pattern, also those not yet parsed.
    n_groups_total: u32,
    names: BTreeMap<String, u32>,
    /// Ranges used up of [`ASTRAL_RANGES_MAX`].
    astral_ranges: u64,
    n_groups: u32,
    depth: u32,
    classes: Vec<Class>,
    /// Indices of the classes that have a short form: `.`, `\d`, `\D`, `\w`, `\W`, `\s`, `\S`.
    shorthands: [Option<u32>; 7],
}

/// One member of a class in brackets: a code point, possibly a surrogate, or a set.
enum ClassAtom {
    Code(u32),
    Set(Vec<(u32, u32)>),
}

impl Parser<'_> {
    fn error(&self, message: &'static str) -> PatternError {
        PatternError { message, offset: self.at }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn eat_all(&mut self, expected: &str) -> bool {
        let found = expected.chars().enumerate().all(|(index, c)| self.chars.get(self.at + index) == Some(&c));
        if found {
            self.at += expected.len();
        }
        found
    }

    fn check_names(&self, n_named: usize) -> Result<(), PatternError> {
        let is_start = |c: char| c.is_alphabetic() || c == '_' || c == '$';
        let is_valid =
            |name: &String| name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_numeric());
        if !self.names.keys().all(is_valid) {
            return Err(self.error("Invalid capture group name"));
        }
        match self.names.len() < n_named {
            true => Err(self.error("Duplicate capture group name")),
            false => Ok(()),
        }
    }

    fn disjunction(&mut self) -> Result<Node, PatternError> {
        if self.depth > NESTING_MAX {
            return Err(self.error("Regular expression too large"));
        }
        self.depth += 1;
        let first = self.alternative()?;
        let node = if self.peek() == Some('|') {
            let mut alternatives = vec![first];
            while self.eat('|') {
                alternatives.push(self.alternative()?);
            }
            Node::Alternate(alternatives)
        } else {
            first
        };
        self.depth -= 1;
        Ok(node)
    }

    fn alternative(&mut self) -> Result<Node, PatternError> {
        let mut terms = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let groups_before = self.n_groups;
            let (node, repeatable) = self.term()?;
            terms.push(if repeatable { self.repeated(node, groups_before)? } else { node });
        }
        Ok(match terms.len() {
            0 => Node::Empty,
            1 => terms.remove(0),
            _ => Node::Concat(terms),
        })
    }

    /// One term without its quantifier, and whether it may have one.
    fn term(&mut self) -> Result<(Node, bool), PatternError> {
        let Some(first) = self.peek() else { return Ok((Node::Empty, false)) };
        self.at += 1;
        Ok(match first {
            '^' => (Node::Start, false),
            '$' => (Node::End, false),
            '.' => (self.shorthand(0), true),
            '[' => (self.class()?, true),
            '(' => return self.group(),
            '\\' => return self.escape(),
            '*' | '+' | '?' => {
                self.at -= 1;
                return Err(self.error("Nothing to repeat"));
            }
            '{' => {
                self.at -= 1;
                if self.braces()?.is_some() {
                    return Err(self.error("Nothing to repeat"));
                }
                self.at += 1;
                (Node::Char('{'), true)
            }
            other => (Node::Char(other), true),
        })
    }

    fn repeated(&mut self, node: Node, groups_before: u32) -> Result<Node, PatternError> {
        let (min, max) = match self.peek() {
            Some('{') => match self.braces()? {
                Some(bounds) => bounds,
                None => return Ok(node),
            },
            Some('*') => self.skip((0, UNBOUNDED)),
            Some('+') => self.skip((1, UNBOUNDED)),
            Some('?') => self.skip((0, 1)),
            _ => return Ok(node),
        };
        let greedy = !self.eat('?');
        Ok(Node::Repeat { node: Box::new(node), min, max, greedy, groups: groups_before..self.n_groups })
    }

    fn skip<T>(&mut self, read: T) -> T {
        self.at += 1;
        read
    }

    /// Reads `{n}`, `{n,}` or `{n,m}`; anything else is left alone.
    fn braces(&mut self) -> Result<Option<(u32, u32)>, PatternError> {
        let before = self.at;
        self.at += 1;
        let Some(min) = self.decimal() else {
            self.at = before;
            return Ok(None);
        };
        let max = match self.eat(',') {
            false => min,
            true => self.decimal().unwrap_or(UNBOUNDED),
        };
        if !self.eat('}') {
            self.at = before;
            return Ok(None);
        }
        if max < min {
            return Err(self.error("numbers out of order in {} quantifier"));
        }
        Ok(Some((min, max)))
    }

    fn decimal(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            number = Some(number.unwrap_or(0u32).saturating_mul(10).saturating_add(digit));
            self.at += 1;
        }
        number
    }

    /// The rest of a group, after its opening parenthesis.
    fn group(&mut self) -> Result<(Node, bool), PatternError> {
        let look = |behind, negative| Some((behind, negative));
        let kind = match &self.chars[self.at..] {
            ['?', '=', ..] => (2, look(false, false)),
            ['?', '!', ..] => (2, look(false, true)),
            ['?', '<', '=', ..] => (3, look(true, false)),
            ['?', '<', '!', ..] => (3, look(true, true)),
            ['?', ':', ..] => (2, None),
            ['?', '<', ..] => {
                let length = self.chars[self.at..].iter().position(|c| *c == '>');
                self.at += length.ok_or_else(|| self.error("Invalid capture group name"))? + 1;
                return self.capture();
            }
            ['?', ..] => return Err(self.error("Invalid group")),
            _ => return self.capture(),
        };
        self.at += kind.0;
        let node = self.disjunction()?;
        self.close()?;
        Ok(match kind.1 {
            // A lookahead may be repeated, a lookbehind not.
            Some((behind, negative)) => (Node::Look { node: Box::new(node), behind, negative }, !behind),
            None => (node, true),
        })
    }

    fn capture(&mut self) -> Result<(Node, bool), PatternError> {
        let group = self.n_groups;
        self.n_groups += 1;
        let node = self.disjunction()?;
        self.close()?;
        Ok((Node::Capture { group, node: Box::new(node) }, true))
    }

    fn close(&mut self) -> Result<(), PatternError> {
        if self.eat(')') { Ok(()) } else { Err(self.error("Unterminated group")) }
    }

    /// The rest of an escape outside of brackets, after its backslash.
    fn escape(&mut self) -> Result<(Node, bool), PatternError> {
        let Some(first) = self.peek() else { return Err(self.error("\\ at end of pattern")) };
        match first {
            'b' | 'B' => {
                self.at += 1;
                return Ok((Node::Boundary { negated: first == 'B' }, false));
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.at += 1;
                let index = 1 + "dDwWsS".find(first).unwrap_or(0);
                return Ok((self.shorthand(index), true));
            }
            '1'..='9' => {
                let before = self.at;
                if let Some(number) = self.decimal()
                    && number <= self.n_groups_total
                {
                    return Ok((Node::BackReference { group: number - 1 }, true));
                }
                self.at = before;
            }
            'k' if !self.names.is_empty() => {
                self.at += 1;
                let rest = &self.chars[self.at..];
                let length = rest.iter().position(|c| *c == '>').filter(|_| rest[0] == '<');
                let Some(length) = length else { return Err(self.error("Invalid named reference")) };
                let name: String = rest[1..length].iter().collect();
                let Some(&group) = self.names.get(&name) else {
                    return Err(self.error("Invalid named capture referenced"));
                };
                self.at += length + 1;
                return Ok((Node::BackReference { group }, true));
            }
            // `\c` without a letter is a backslash; the `c` is read next.
            'c' if !self.chars.get(self.at + 1).is_some_and(char::is_ascii_alphabetic) => {
                return Ok((Node::Char('\\'), true));
            }
            _ => {}
        }
        let code = self.character_escape();
        let node = match char::from_u32(code) {
            Some(character) => Node::Char(character),
            None => match self.low_surrogate(code) {
                Some(character) => Node::Char(character),
                None => self.add_class(Vec::new(), false),
            },
        };
        Ok((node, true))
    }

    /// The character that an escaped high surrogate and the escaped low one that follows make.
    fn low_surrogate(&mut self, high: u32) -> Option<char> {
        let before = self.at;
        if (0xd800..0xdc00).contains(&high) && self.eat_all("\\u") {
            if let Some(low @ 0xdc00..0xe000) = self.hexadecimal(4) {
                return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            }
            self.at = before;
        }
        None
    }

    /// An escape that stands for one code unit, in brackets or outside. The caller has dealt with the others.
    fn character_escape(&mut self) -> u32 {
        let Some(first) = self.peek() else { return u32::from('\\') };
        self.at += 1;
        u32::from(match first {
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '0'..='7' => return self.octal(first),
            'x' => return self.hexadecimal(2).unwrap_or(u32::from('x')),
            'u' => return self.hexadecimal(4).unwrap_or(u32::from('u')),
            'c' => {
                let letter = self.peek().unwrap_or('@');
                self.at += 1;
                return u32::from(letter) & 31;
            }
            other => other,
        })
    }

    /// Up to three octal digits with a value below 256.
    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or(0);
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(8))
            && code * 8 + digit < 256
        {
            code = code * 8 + digit;
            self.at += 1;
        }
        code
    }

    fn hexadecimal(&mut self, n_digits: usize) -> Option<u32> {
        let digits = self.chars.get(self.at..self.at + n_digits)?;
        let code = digits.iter().try_fold(0, |code, digit| Some(code * 16 + digit.to_digit(16)?))?;
        self.at += n_digits;
        Some(code)
    }

    fn shorthand(&mut self, index: usize) -> Node {
        if let Some(class) = self.shorthands[index] {
            return Node::Class(class);
        }
        let (ranges, negated) = match index {
            0 => (class::LINE_ENDS, true),
            1 => (class::DIGITS, false),
            2 => (class::DIGITS, true),
            3 => (class::WORD, false),
            4 => (class::WORD, true),
            5 => (class::SPACE, false),
            _ => (class::SPACE, true),
        };
        let class = Class::new(ranges.to_vec(), negated, false);
        self.classes.push(class);
        let class = self.classes.len() as u32 - 1;
        self.shorthands[index] = Some(class);
        Node::Class(class)
    }

    fn add_class(&mut self, ranges: Vec<(u32, u32)>, negated: bool) -> Node {
        self.classes.push(Class::new(ranges, negated, self.ignore_case));
        Node::Class(self.classes.len() as u32 - 1)
    }

    /// The rest of a class, after its opening bracket.
    fn class(&mut self) -> Result<Node, PatternError> {
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error("Unterminated character class")),
                Some(']') => break self.at += 1,
                Some(_) => {}
            }
            let first = self.class_atom()?;
            let is_range = self.peek() == Some('-') && !matches!(self.chars.get(self.at + 1), None | Some(']'));
            if !is_range {
                add_atom(&mut ranges, first);
                continue;
            }
            self.at += 1;
            match (first, self.class_atom()?) {
                (ClassAtom::Code(low), ClassAtom::Code(high)) => {
                    if low > high {
                        return Err(self.error("Range out of order in character class"));
                    }
                    ranges.push((low, high));
                }
                // A set at either end makes the hyphen an ordinary member.
                (first, last) => {
                    add_atom(&mut ranges, first);
                    ranges.push((0x2d, 0x2d));
                    add_atom(&mut ranges, last);
                }
            }
        }
        if let Some(astral) = self.surrogate_pairs(&ranges, negated)? {
            return Ok(self.add_class(astral, false));
        }
        Ok(self.add_class(ranges, negated))
    }

    /// `[\ud800-\udbff][\udc00-\udfff]` and the like: a class of high surrogates and one of low ones stand for the
    /// characters outside of the basic plane that they make.
    fn surrogate_pairs(&mut self, high: &[(u32, u32)], negated: bool) -> Result<Option<Vec<(u32, u32)>>, PatternError> {
        let all_in = |ranges: &[(u32, u32)], first, last| {
            !ranges.is_empty() && ranges.iter().all(|range| range.0 >= first && range.1 <= last)
        };
        if negated || !all_in(high, 0xd800, 0xdbff) || self.peek() != Some('[') {
            return Ok(None);
        }
        let before = self.at;
        self.at += 1;
        let mut low = Vec::new();
        while !matches!(self.peek(), None | Some(']')) {
            match self.class_atom()? {
                ClassAtom::Code(code) if self.peek() == Some('-') => {
                    self.at += 1;
                    match self.class_atom()? {
                        ClassAtom::Code(last) => low.push((code, last)),
                        ClassAtom::Set(_) => low.push((0, 0)),
                    }
                }
                ClassAtom::Code(code) => low.push((code, code)),
                ClassAtom::Set(_) => low.push((0, 0)),
            }
        }
        let n_highs: u64 = high.iter().map(|range| u64::from(range.1 - range.0) + 1).sum();
        let n_ranges = n_highs * low.len() as u64 + self.astral_ranges;
        if !self.eat(']') || !all_in(&low, 0xdc00, 0xdfff) || n_ranges > ASTRAL_RANGES_MAX {
            self.at = before;
            return Ok(None);
        }
        self.astral_ranges = n_ranges;
        let pair = |high: u32, low: u32| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        let highs = high.iter().flat_map(|range| range.0..=range.1);
        Ok(Some(highs.flat_map(|high| low.iter().map(move |low| (pair(high, low.0), pair(high, low.1)))).collect()))
    }

    fn class_atom(&mut self) -> Result<ClassAtom, PatternError> {
        let Some(first) = self.peek() else { return Err(self.error("Unterminated character class")) };
        self.at += 1;
        if first != '\\' {
            return Ok(ClassAtom::Code(u32::from(first)));
        }
        let Some(escaped) = self.peek() else { return Err(self.error("\\ at end of pattern")) };
        let set = match escaped {
            'd' => class::DIGITS.to_vec(),
            'D' => class::complement(class::DIGITS),
            'w' => class::WORD.to_vec(),
            'W' => class::complement(class::WORD),
            's' => class::SPACE.to_vec(),
            'S' => class::complement(class::SPACE),
            'b' => {
                self.at += 1;
                return Ok(ClassAtom::Code(8));
            }
            'k' if !self.names.is_empty() => return Err(self.error("Invalid escape")),
            'c' => {
                let letter = self.chars.get(self.at + 1);
                if !letter.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    return Ok(ClassAtom::Code(u32::from('\\')));
                }
                return Ok(ClassAtom::Code(self.character_escape()));
            }
            _ => {
                let code = self.character_escape();
                return Ok(ClassAtom::Code(self.low_surrogate(code).map_or(code, u32::from)));
            }
        };
        self.at += 1;
        Ok(ClassAtom::Set(set))
    }
}

fn add_atom(ranges: &mut Vec<(u32, u32)>, atom: ClassAtom) {
    match atom {
        ClassAtom::Code(code) => ranges.push((code, code)),
        ClassAtom::Set(set) => ranges.extend(set),
    }
}
