//! Functions that take a regular expression, or a function in its place.

use stepwell_value::{Str, Value};

use crate::builtin::Call;
use crate::error::{Error, Run};
use crate::eval::{Evaluator, Function, NO_FRAME};
use crate::item::Item;
use crate::program::RegexLiteral;
use crate::regex::Match;

/// The byte offset of a UTF-16 position in `text`; its end for positions beyond.
pub(crate) fn byte_offset(text: &str, position: f64) -> usize {
    if position.is_nan() || position <= 0.0 {
        return 0;
    }
    if text.is_ascii() {
        return position.min(text.len() as f64) as usize;
    }
    let mut units = 0;
    for (offset, char) in text.char_indices() {
        if units as f64 >= position {
            return offset;
        }
        units += char.len_utf16();
    }
    text.len()
}

fn utf16_len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// Where a pattern was found.
struct Found<'v> {
    start: usize,
    end: usize,
    /// What the function that stands for a pattern gave; None for a regular expression.
    object: Option<Item<'v>>,
    groups: Vec<Option<Str>>,
}

/// The matches of a pattern in a text, one after the other.
struct Matches<'v, 't> {
    text: &'t str,
    pattern: Pattern<'v>,
    /// UTF-16 units in front of byte `counted_to`; the count goes on from there.
    counted: usize,
    counted_to: usize,
}

enum Pattern<'v> {
    Regex { regex: &'v RegexLiteral, from: Option<usize>, is_first: bool },
    Function { next: Item<'v>, is_first: bool },
}

impl<'v, 't> Matches<'v, 't> {
    fn new(pattern: Item<'v>, text: &'t str) -> Matches<'v, 't> {
        let pattern = match pattern {
            Item::Regex(regex) => Pattern::Regex { regex, from: Some(0), is_first: true },
            function => Pattern::Function { next: function, is_first: true },
        };
        Matches { text, pattern, counted: 0, counted_to: 0 }
    }

    fn next(&mut self, evaluator: &mut Evaluator<'v>, with_groups: bool) -> Run<Option<Found<'v>>> {
        evaluator.tick(1)?;
        match &mut self.pattern {
            Pattern::Regex { regex, from, is_first } => {
                let Some(start) = *from else { return Ok(None) };
                let Some(found) = evaluator.find(regex, self.text, start)? else {
                    *from = None;
                    return Ok(None);
                };
                if !std::mem::take(is_first) && found.start == found.end {
                    return Error::new("D1004").insert_quoted("value", &regex.source).boxed();
                }
                // The reference stops at the end of the text.
                *from = (found.end < self.text.len()).then_some(found.end);
                let groups = if with_groups { evaluator.groups(self.text, &found)? } else { Vec::new() };
                Ok(Some(Found { start: found.start, end: found.end, object: None, groups }))
            }
            Pattern::Function { next, is_first } => {
                let mut arguments = evaluator.take_arguments();
                if std::mem::take(is_first) {
                    arguments.push(Item::string(self.text));
                }
                let found = evaluator.apply(next, arguments, &Item::null())?;
                if found.is_undefined() || matches!(found.as_value(), Some(Value::Null)) {
                    return Ok(None);
                }
                let (start, end) = (found.member("start").as_number(), found.member("end").as_number());
                let groups = found.member("groups");
                *next = found.member("next");
                if start.is_none() && end.is_none() && !groups.is_array() && !next.is_function() {
                    return Error::new("T1010").boxed();
                }
                let matched = found.member("match").to_str().unwrap_or_default();
                let start = byte_offset(self.text, start.unwrap_or(0.0));
                let end = match end {
                    Some(end) => byte_offset(self.text, end),
                    None => (start + matched.len()).min(self.text.len()),
                };
                let groups = (0..groups.len()).map(|index| groups.at(index).to_str()).collect();
                Ok(Some(Found { start, end: end.max(start), object: Some(found), groups }))
            }
        }
    }

    /// The UTF-16 position of a byte; positions must be asked for in order.
    fn utf16_position(&mut self, evaluator: &mut Evaluator<'v>, byte: usize) -> Run<usize> {
        if byte >= self.counted_to {
            let between = &self.text[self.counted_to..byte];
            evaluator.tick(between.len() as u64 / 64)?;
            self.counted += utf16_len(between);
            self.counted_to = byte;
        }
        Ok(self.counted)
    }
}

impl<'v> Evaluator<'v> {
    fn find(&mut self, regex: &RegexLiteral, text: &str, from: usize) -> Run<Option<Match>> {
        let before = self.fuel_portion();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut from = from;
        // In portions, so that the deadline is seen in a search that backtracks.
        let portion = before.min(REGEX_PORTION);
        let mut left = portion;
        let found = match regex.regex.find_with(&mut scratch, text, from, &mut left) {
            Err(_) if portion < before => {
                self.spend_portion(portion, 0)?;
                from = from.min(text.len());
                self.find_longer(regex, text, from, &mut scratch)
            }
            found => {
                self.spend_portion(portion, left)?;
                found.map_err(|_| Box::new(Evaluator::out_of_time()))
            }
        };
        self.scratch = scratch;
        found
    }

    /// A search that the first portion of fuel did not end: started over with ever larger ones.
    #[inline(never)]
    fn find_longer(
        &mut self,
        regex: &RegexLiteral,
        text: &str,
        from: usize,
        scratch: &mut crate::regex::Scratch,
    ) -> Run<Option<Match>> {
        let mut portion = REGEX_PORTION;
        loop {
            portion = portion.saturating_mul(4);
            let available = self.fuel_portion();
            let allowance = portion.min(available);
            let mut left = allowance;
            match regex.regex.find_with(scratch, text, from, &mut left) {
                Ok(found) => {
                    self.spend_portion(allowance, left)?;
                    return Ok(found);
                }
                Err(_) if allowance < available => self.spend_portion(allowance, 0)?,
                Err(_) => return Evaluator::out_of_time().boxed(),
            }
        }
    }

    fn groups(&mut self, text: &str, found: &Match) -> Run<Vec<Option<Str>>> {
        let mut groups = Vec::with_capacity(found.captures.len());
        for range in &found.captures {
            groups.push(match range {
                Some(range) => {
                    let part = &text[range.clone()];
                    self.charge_text(part)?;
                    Some(Str::new(part))
                }
                None => None,
            });
        }
        Ok(groups)
    }

    /// What a regular expression gives when it is called like a function.
    pub(crate) fn match_object(&mut self, regex: &'v RegexLiteral, text: Str, from: usize) -> Run<Item<'v>> {
        match self.find(regex, &text, from)? {
            Some(found) => self.object_of_match(regex, text, &found, 0),
            None => Ok(Item::Undefined),
        }
    }

    pub(crate) fn next_match_object(
        &mut self,
        regex: &'v RegexLiteral,
        text: Str,
        from: usize,
        position: u32,
    ) -> Run<Item<'v>> {
        if from >= text.len() {
            return Ok(Item::Undefined);
        }
        match self.find(regex, &text, from)? {
            Some(found) if found.start == found.end => {
                Error::new("D1004").at(position).insert_quoted("value", &regex.source).boxed()
            }
            Some(found) => self.object_of_match(regex, text, &found, position),
            None => Ok(Item::Undefined),
        }
    }

    fn object_of_match(&mut self, regex: &'v RegexLiteral, text: Str, found: &Match, position: u32) -> Run<Item<'v>> {
        let matched = Str::new(&text[found.start..found.end]);
        let groups = self.groups(&text, found)?.into_iter().map(group_item).collect();
        let groups = self.list(groups, 0)?;
        let start = utf16_len(&text[..found.start]);
        let end = start + utf16_len(&matched);
        let next = Function::NextMatch { regex, text, from: found.end, position };
        let next = self.capture(NO_FRAME, next)?;
        self.make_object(vec![
            (Str::new_static("match"), Item::string(matched)),
            (Str::new_static("start"), Item::int(start)),
            (Str::new_static("end"), Item::int(end)),
            (Str::new_static("groups"), groups),
            (Str::new_static("next"), next),
        ])
    }
}

/// Fuel for the first try of a search.
const REGEX_PORTION: u64 = 1 << 20;

fn group_item<'v>(group: Option<Str>) -> Item<'v> {
    group.map_or(Item::Undefined, Item::string)
}

pub(super) fn contains<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let (item, token) = (call.take(0), call.take(1));
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    if token.is_undefined() {
        return Ok(token);
    }
    if let Some(token) = token.as_str() {
        evaluator.tick(text.len() as u64 / 64)?;
        return Ok(Item::bool(memchr::memmem::find(text.as_bytes(), token.as_bytes()).is_some()));
    }
    let found = Matches::new(token, text).next(evaluator, false)?;
    Ok(Item::bool(found.is_some()))
}

/// Whether one more may be taken: the reference compares a count with the limit as it is written.
fn within(count: usize, limit: Option<f64>) -> bool {
    limit.is_none_or(|limit| (count as f64) < limit)
}

pub(super) fn match_all<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let limit = call.number(2);
    let (item, pattern) = (call.take(0), call.take(1));
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    if limit.is_some_and(|limit| limit < 0.0) {
        return Error::new("D3040").boxed();
    }
    let mut matches = Matches::new(pattern, text);
    let mut objects = Vec::new();
    while within(objects.len(), limit) {
        let Some(found) = matches.next(evaluator, true)? else { break };
        let (matched, index, groups) = match &found.object {
            Some(object) => (object.member("match"), object.member("start"), object.member("groups")),
            None => {
                let index = Item::int(matches.utf16_position(evaluator, found.start)?);
                let matched = Str::new(&text[found.start..found.end]);
                evaluator.charge_text(&matched)?;
                let groups: Vec<Item<'v>> = found.groups.into_iter().map(group_item).collect();
                (Item::string(matched), index, evaluator.list(groups, 0)?)
            }
        };
        let members = [("match", matched), ("index", index), ("groups", groups)];
        let members = members.into_iter().map(|(key, item)| (Str::new_static(key), item));
        objects.push(evaluator.make_object(members.filter(|(_, item)| !item.is_undefined()).collect())?);
    }
    evaluator.list(objects, crate::item::SEQUENCE)
}

pub(super) fn split<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let limit = call.number(2);
    let (item, separator) = (call.take(0), call.take(1));
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    if limit.is_some_and(|limit| limit < 0.0) {
        return Error::new("D3020").boxed();
    }
    let mut parts: Vec<Item<'v>> = Vec::new();
    if let Some(separator) = separator.as_str() {
        let most = limit.map_or(usize::MAX, |limit| limit as u32 as usize);
        let mut add = |evaluator: &mut Evaluator<'v>, part: &str| -> Run<()> {
            evaluator.tick(1)?;
            evaluator.charge(16)?;
            evaluator.charge_text(part)?;
            parts.push(Item::string(Str::new(part)));
            Ok(())
        };
        if separator.is_empty() {
            let mut buffer = [0; 4];
            text.chars().take(most).try_for_each(|char| add(evaluator, char.encode_utf8(&mut buffer)))?;
        } else {
            text.split(separator).take(most).try_for_each(|part| add(evaluator, part))?;
        }
    } else if separator.is_undefined() {
        // JavaScript: no separator, no split.
        parts.push(item.clone());
    } else if within(0, limit) {
        let mut matches = Matches::new(separator, text);
        let mut start = 0;
        while within(parts.len(), limit) {
            let Some(found) = matches.next(evaluator, false)? else { break };
            evaluator.charge(16)?;
            let part = Str::new(&text[start.min(found.start)..found.start]);
            evaluator.charge_text(&part)?;
            parts.push(Item::string(part));
            start = found.end;
        }
        if within(parts.len(), limit) {
            evaluator.charge_text(&text[start..])?;
            parts.push(Item::string(Str::new(&text[start..])));
        }
    }
    evaluator.list(parts, 0)
}

pub(super) fn replace<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let limit = call.number(3);
    let (item, pattern, replacement) = (call.take(0), call.take(1), call.take(2));
    let Some(text) = item.as_str() else { return Ok(Item::Undefined) };
    if pattern.as_str() == Some("") {
        return Error::new("D3010").boxed();
    }
    if limit.is_some_and(|limit| limit < 0.0) {
        return Error::new("D3011").boxed();
    }
    if !within(0, limit) {
        return Ok(item);
    }
    let mut out = String::new();
    let mut position = 0;
    let mut count = 0;
    if let Some(pattern) = pattern.as_str() {
        let with = replacement.to_str().unwrap_or_default();
        while within(count, limit) {
            let rest = &text.as_bytes()[position..];
            let Some(at) = memchr::memmem::find(rest, pattern.as_bytes()) else { break };
            evaluator.tick(1 + at as u64 / 64)?;
            push(evaluator, &mut out, &text[position..position + at])?;
            push(evaluator, &mut out, &with)?;
            position += at + pattern.len();
            count += 1;
        }
    } else {
        let template = replacement.to_str();
        let with_groups = template.as_ref().is_none_or(|template| template.contains('$'));
        let mut matches = Matches::new(pattern, text);
        while within(count, limit) {
            let Some(found) = matches.next(evaluator, with_groups)? else { break };
            push(evaluator, &mut out, &text[position.min(found.start)..found.start])?;
            match &template {
                Some(template) => {
                    let matched = &text[found.start..found.end];
                    substitute(evaluator, template, matched, &found.groups, &mut out)?;
                }
                None => {
                    let index = matches.utf16_position(evaluator, found.start)?;
                    let with = replaced_by(evaluator, &replacement, text, found_object(&found), &found, index)?;
                    push(evaluator, &mut out, &with)?;
                }
            }
            position = found.end;
            count += 1;
        }
    }
    if count == 0 {
        return Ok(item);
    }
    push(evaluator, &mut out, &text[position..])?;
    Ok(Item::string(out))
}

fn found_object<'v>(found: &Found<'v>) -> Option<Item<'v>> {
    found.object.clone()
}

fn push(evaluator: &mut Evaluator<'_>, out: &mut String, part: &str) -> Run<()> {
    evaluator.charge_text(part)?;
    out.push_str(part);
    Ok(())
}

/// Calls the function that makes the replacement.
fn replaced_by<'v>(
    evaluator: &mut Evaluator<'v>,
    function: &Item<'v>,
    text: &str,
    object: Option<Item<'v>>,
    found: &Found<'v>,
    index: usize,
) -> Run<Str> {
    let object = match object {
        Some(object) => object,
        None => {
            let matched = Str::new(&text[found.start..found.end]);
            let end = index + utf16_len(&matched);
            let groups: Vec<Item<'v>> = found.groups.iter().cloned().map(group_item).collect();
            let groups = evaluator.list(groups, 0)?;
            evaluator.make_object(vec![
                (Str::new_static("match"), Item::string(matched)),
                (Str::new_static("start"), Item::int(index)),
                (Str::new_static("end"), Item::int(end)),
                (Str::new_static("groups"), groups),
            ])?
        }
    };
    let mut arguments = evaluator.take_arguments();
    arguments.push(object);
    match evaluator.apply(function, arguments, &Item::null())?.to_str() {
        Some(text) => Ok(text),
        None => Error::new("D3012").boxed(),
    }
}

/// Appends `template` with `$0`, `$1` … replaced; `$$` is a dollar.
fn substitute(
    evaluator: &mut Evaluator<'_>,
    template: &str,
    matched: &str,
    groups: &[Option<Str>],
    out: &mut String,
) -> Run<()> {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        push(evaluator, out, &rest[..at])?;
        rest = &rest[at + 1..];
        match rest.as_bytes().first() {
            Some(b'$') => {
                push(evaluator, out, "$")?;
                rest = &rest[1..];
            }
            Some(b'0') => {
                push(evaluator, out, matched)?;
                rest = &rest[1..];
            }
            _ => {
                // As many digits as the number of groups has; one less if that names no group.
                let digits_max = groups.len().checked_ilog10().unwrap_or(0) as usize + 1;
                let number = |n_digits: usize| {
                    let n_digits = rest.bytes().take(n_digits).take_while(u8::is_ascii_digit).count();
                    rest[..n_digits].parse::<usize>().ok()
                };
                let mut index = number(digits_max);
                if digits_max > 1 && index.is_some_and(|index| index > groups.len()) {
                    index = number(digits_max - 1);
                }
                match index {
                    Some(index) => {
                        if let Some(Some(group)) = index.checked_sub(1).and_then(|index| groups.get(index)) {
                            push(evaluator, out, group)?;
                        }
                        rest = &rest[index.to_string().len().min(rest.len())..];
                    }
                    None => push(evaluator, out, "$")?,
                }
            }
        }
    }
    push(evaluator, out, rest)
}
