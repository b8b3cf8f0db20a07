//! Path text to steps.

use std::fmt;
use std::sync::Arc;

use stepwell_value::Str;

use super::filter::Filter;
use super::{Compiled, Path, Root, Step};

/// Most steps of a path: data is nested no deeper than [`stepwell_value::DEPTH_MAX`], so that a longer one finds nothing.
const STEPS_MAX: usize = 1_000;

/// Most steps that branch (wildcards, lists, slices, filters, deep scans); each takes a stack frame.
const BRANCHING_STEPS_MAX: usize = 64;

/// Why a text is not a path, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSyntaxError {
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// Byte offset in the text.
    pub offset: usize,
}

impl PathSyntaxError {
    pub(super) fn new(message: impl Into<String>, offset: usize) -> PathSyntaxError {
        PathSyntaxError { message: message.into(), offset }
    }
}

impl fmt::Display for PathSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for PathSyntaxError {}

/// Parses the whole text, blanks around it allowed.
pub(super) fn parse(text: &str) -> Result<Path, PathSyntaxError> {
    let start = text.len() - text.trim_start().len();
    let end = text.trim_end().len();
    let mut parser = Parser { text, end, offset: start, in_call: false, in_filter: false };
    let compiled = parser.path(text)?;
    Ok(Path(Arc::new(compiled)))
}

/// Parses the path at `start`, an argument of an intrinsic function: it ends before a blank, a comma or a closing
/// parenthesis that is not its own. Gives the path and the offset behind it.
pub(crate) fn parse_prefix(text: &str, start: usize) -> Result<(Path, usize), PathSyntaxError> {
    let mut parser = Parser { text, end: text.len(), offset: start, in_call: true, in_filter: false };
    let mut compiled = parser.path("")?;
    compiled.text = Str::new(&text[start..parser.offset]);
    Ok((Path(Arc::new(compiled)), parser.offset))
}

/// Parses what follows `@` on the left of a filter's operator; `offset` is the place of `operand` in the path.
pub(super) fn parse_operand(operand: &str, offset: usize) -> Result<Vec<Step>, PathSyntaxError> {
    let mut parser = Parser { text: operand, end: operand.len(), offset: 0, in_call: false, in_filter: true };
    parser.steps().map_err(|error| PathSyntaxError { offset: error.offset + offset, ..error })
}

struct Parser<'t> {
    text: &'t str,
    /// The path ends here at the latest.
    end: usize,
    offset: usize,
    /// Whether the path is an argument of an intrinsic function.
    in_call: bool,
    /// Whether the path stands in a filter, where it can have no filter of its own: so they never nest.
    in_filter: bool,
}

impl Parser<'_> {
    fn path(&mut self, text: &str) -> Result<Compiled, PathSyntaxError> {
        let root = self.root()?;
        if let Some(next) = self.peek()
            && !matches!(next, b'.' | b'[')
            && !self.ends_argument(next)
        {
            return Err(self.error("A path goes on with '.' or '[' here"));
        }
        let start = self.offset;
        let mut steps = self.steps()?;
        let is_reference = steps.iter().all(|step| matches!(step, Step::Key { .. } | Step::Index(_)))
            && plain_names(&self.text[start..self.offset]);
        let definite_from = definite_suffix(&steps);
        for n in 0..steps.len() {
            let is_last = n + 1 == steps.len();
            // Strict when the step before it and all that follow are definite; what comes before those plays no part.
            let strict = definite_from <= n.saturating_sub(1);
            if let Step::Key { quiet, .. } = &mut steps[n] {
                *quiet = !is_last && !strict;
            }
        }
        let is_definite = definite_from == 0;
        Ok(Compiled { text: Str::new(text), root, steps, is_definite, is_reference })
    }

    fn root(&mut self) -> Result<Root, PathSyntaxError> {
        if self.peek() != Some(b'$') {
            return Err(self.error("A path starts with '$'"));
        }
        self.offset += 1;
        if self.peek() == Some(b'$') {
            self.offset += 1;
            return Ok(Root::Context);
        }
        let rest = &self.text[self.offset..self.end];
        let length = identifier_length(rest);
        if length == 0 {
            return Ok(Root::Data);
        }
        self.offset += length;
        Ok(Root::Variable(Str::new(&rest[..length])))
    }

    /// All steps up to the end of the path.
    fn steps(&mut self) -> Result<Vec<Step>, PathSyntaxError> {
        let mut steps = Vec::new();
        let mut branching = 0;
        let start = self.offset;
        while let Some(next) = self.peek() {
            let step = match next {
                _ if self.ends_argument(next) => break,
                b'[' => self.bracket()?,
                b'.' => match self.dot()? {
                    Some(step) => step,
                    None => continue,
                },
                b' ' | b'\t' | b'\r' | b'\n' => return Err(self.error("Space not allowed in path")),
                b'*' if self.name_end(self.offset) == self.offset + 1 => {
                    self.offset += 1;
                    Step::Wildcard
                }
                _ => self.name(),
            };
            if !step.is_definite() {
                branching += 1;
                if branching > BRANCHING_STEPS_MAX {
                    let message = format!("A path has at most {BRANCHING_STEPS_MAX} steps that select several values");
                    return Err(PathSyntaxError::new(message, start));
                }
            }
            if matches!(step, Step::Scan) && matches!(steps.last(), Some(Step::Scan)) {
                return Err(self.error("A deep scan cannot follow another one"));
            }
            steps.push(step);
            if steps.len() > STEPS_MAX {
                return Err(PathSyntaxError::new(format!("A path has at most {STEPS_MAX} steps"), start));
            }
        }
        if matches!(steps.last(), Some(Step::Scan)) {
            return Err(self.error("A path can not end with a scan"));
        }
        Ok(steps)
    }

    /// `..`, `.name`, `.*`; nothing for a dot before a bracket, which has no meaning.
    fn dot(&mut self) -> Result<Option<Step>, PathSyntaxError> {
        self.offset += 1;
        match self.peek() {
            Some(b'.') => {
                self.offset += 1;
                Ok(Some(Step::Scan))
            }
            Some(b'[') => Ok(None),
            Some(b' ') => Err(self.error("Space not allowed in path")),
            Some(next) if !self.ends_argument(next) => {
                if self.name_end(self.offset) == self.offset + 1 && next == b'*' {
                    self.offset += 1;
                    return Ok(Some(Step::Wildcard));
                }
                Ok(Some(self.name()))
            }
            _ => Err(self.error("A name, '*' or a bracket follows the dot")),
        }
    }

    /// A name without quotes, which is read like the content of `['…']`.
    fn name(&mut self) -> Step {
        let end = self.name_end(self.offset);
        let name = &self.text[self.offset..end];
        self.offset = end;
        if name.bytes().any(|byte| matches!(byte, b'\'' | b']')) {
            return keys(quoted_keys(&format!("'{name}'")));
        }
        Step::Key { key: Str::new(name), quiet: false }
    }

    fn name_end(&self, start: usize) -> usize {
        let mut parentheses = 0_usize;
        for (position, byte) in self.text.as_bytes()[start..self.end].iter().enumerate() {
            match byte {
                b'.' | b'[' | b' ' => return start + position,
                b'(' if self.in_call => parentheses += 1,
                b')' if self.in_call && parentheses > 0 => parentheses -= 1,
                byte if self.ends_argument(*byte) && parentheses == 0 => return start + position,
                _ => {}
            }
        }
        self.end
    }

    fn bracket(&mut self) -> Result<Step, PathSyntaxError> {
        let start = self.offset;
        let inside = &self.text[start + 1..self.end];
        if inside.trim_start().starts_with('?') {
            if self.in_filter {
                return Err(self.error("A path in a filter must be definite"));
            }
            let (filter, length) = Filter::parse(inside, start + 1)?;
            self.offset = start + 1 + length;
            return Ok(Step::Filter(Box::new(filter)));
        }
        // A quoted name with an opening bracket never closes, which does no harm at the end of the path.
        let last_name = || {
            let end = inside.find(']').filter(|end| inside.starts_with('\'') && end + 1 == inside.len())?;
            inside[..end].ends_with('\'').then_some(end)
        };
        let Some(length) = closing_bracket(inside).or_else(last_name) else {
            return Err(self.error("This bracket is not closed"));
        };
        let content = &inside[..length];
        let step = selection(content)
            .ok_or_else(|| PathSyntaxError::new(format!("Could not analyze path component: [{content}]"), start))?;
        self.offset = start + 1 + length + 1;
        Ok(step)
    }

    fn ends_argument(&self, byte: u8) -> bool {
        self.in_call && matches!(byte, b',' | b')' | b' ' | b'\t' | b'\r' | b'\n')
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes()[..self.end].get(self.offset).copied()
    }

    fn error(&self, message: &str) -> PathSyntaxError {
        PathSyntaxError::new(message, self.offset)
    }
}

/// Length in bytes of the variable name that `text` starts with; it cannot start with an underscore.
fn identifier_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, first)) if unicode_ident::is_xid_start(first) => {}
        _ => return 0,
    }
    characters.find(|(_, next)| !unicode_ident::is_xid_continue(*next)).map_or(text.len(), |(position, _)| position)
}

/// The first step from which on all are definite; the number of steps when the last one is not.
fn definite_suffix(steps: &[Step]) -> usize {
    steps.iter().rposition(|step| !step.is_definite()).map_or(0, |position| position + 1)
}

/// Whether the names outside brackets are free of the characters that a reference path cannot have.
fn plain_names(steps: &str) -> bool {
    let mut in_brackets = false;
    let mut in_quotes = false;
    steps.bytes().all(|byte| {
        match byte {
            b'\'' if in_brackets => in_quotes = !in_quotes,
            b'[' => in_brackets = true,
            b']' if !in_quotes => in_brackets = false,
            b'@' | b',' | b':' | b'?' | b'*' | b'(' | b')' if !in_brackets => return false,
            _ => {}
        }
        true
    })
}

/// Where the bracket that is open before `inside` closes; brackets in between nest, in quotes too.
pub(super) fn closing_bracket(inside: &str) -> Option<usize> {
    let mut nested = 0_usize;
    for (position, byte) in inside.bytes().enumerate() {
        match byte {
            b'[' => nested += 1,
            b']' if nested == 0 => return Some(position),
            b']' => nested -= 1,
            _ => {}
        }
    }
    None
}

/// What stands between brackets, filters aside.
fn selection(content: &str) -> Option<Step> {
    if content == "*" {
        return Some(Step::Wildcard);
    }
    let first = content.find(|character: char| {
        character == '\'' || character.is_ascii_digit() || matches!(character, ':' | '-' | '@')
    })?;
    if content[first..].starts_with('\'') {
        return Some(keys(quoted_keys(&content[first..])));
    }
    let content = content.trim();
    if let Some(script) = content.strip_prefix('(') {
        return from_end(script);
    }
    if let Some((from, to)) = content.split_once(':') {
        // A third part would be a step, which is read and has no effect.
        let (to, step) = to.split_once(':').map_or((to, None), |(to, step)| (to, Some(step)));
        if step.is_some_and(|step| to.trim().is_empty() || index(step).is_none()) {
            return None;
        }
        return match (from.trim(), to.trim()) {
            ("", "") => None,
            ("", to) => Some(Step::SliceTo(index(to)?)),
            (from, "") => Some(Step::SliceFrom(index(from)?)),
            (from, to) => Some(Step::Slice(index(from)?, index(to)?)),
        };
    }
    if content.contains(',') {
        let indexes: Option<Box<[i32]>> = content.split(',').map(index).collect();
        return indexes.map(Step::Indexes);
    }
    index(content).map(Step::Index)
}

/// `[(@.length-n)]`, its content behind the parenthesis.
fn from_end(script: &str) -> Option<Step> {
    let compact: String = script.chars().filter(|character| *character != ' ').collect();
    let script = compact.strip_suffix(')')?.strip_prefix("@.")?;
    let offset = script.strip_prefix("length").or_else(|| script.strip_prefix("size()"))?;
    let digits = offset.strip_prefix('-')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    offset.parse().ok().map(Step::FromEnd)
}

/// An index: a plus sign is ignored and a fraction cut off.
fn index(text: &str) -> Option<i32> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) {
        return None;
    }
    whole.parse().ok()
}

fn keys(mut keys: Vec<Str>) -> Step {
    match keys.len() {
        1 => Step::Key { key: keys.remove(0), quiet: false },
        _ => Step::Keys(keys.into()),
    }
}

/// The quoted texts up to the first `]`. A quote opens and closes, nothing escapes it, and what stands outside
/// of quotes has no meaning; a text that is not closed does not count.
fn quoted_keys(content: &str) -> Vec<Str> {
    let content = &content[..content.find(']').unwrap_or(content.len())];
    let mut keys = Vec::new();
    let mut rest = content;
    while let Some((_, opened)) = rest.split_once('\'') {
        let Some((key, behind)) = opened.split_once('\'') else { break };
        keys.push(Str::new(key));
        rest = behind;
    }
    keys
}
