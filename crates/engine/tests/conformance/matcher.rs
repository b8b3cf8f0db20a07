//! Compares what a case of the conformance corpus expects with what the engine gave.
//!
//! The rules are those of the corpus (its README, "Placeholders" and "Histories").

use std::collections::BTreeMap;

use stepwell_value::{Object, Str, Value, parse};

/// What `<<ref:NAME>>` stood for so far in a case.
pub(crate) type Bound = BTreeMap<String, String>;

/// Names that placeholders of a case refer to.
pub(crate) struct Names<'a> {
    pub(crate) lookup: &'a dyn Fn(&str) -> Option<Value>,
    pub(crate) tokens: &'a BTreeMap<String, Vec<String>>,
}

/// Compares; what differs is described in `differences`.
pub(crate) struct Matcher<'a> {
    pub(crate) names: Names<'a>,
    pub(crate) bound: Bound,
    pub(crate) differences: Vec<String>,
}

impl Matcher<'_> {
    pub(crate) fn matches(&mut self, expected: &Value, actual: &Value, path: &str) {
        match expected {
            Value::Str(text) => {
                if !self.matches_text(text, actual) {
                    self.differ(path, expected, actual);
                }
            }
            Value::Object(members) => self.matches_object(members, expected, actual, path),
            Value::Array(items) => match actual.as_array() {
                Some(others) if others.len() == items.len() => {
                    for (n, (item, other)) in items.iter().zip(others).enumerate() {
                        self.matches(item, other, &format!("{path}[{n}]"));
                    }
                }
                _ => self.differ(path, expected, actual),
            },
            _ => {
                let same_type = expected.kind() == actual.kind() && is_integer(expected) == is_integer(actual);
                if !same_type || expected != actual {
                    self.differ(path, expected, actual);
                }
            }
        }
    }

    fn matches_object(&mut self, members: &Object, expected: &Value, actual: &Value, path: &str) {
        if let Some(any) = members.get("$anyof").and_then(Value::as_array) {
            if !any.iter().any(|expected| self.try_match(expected, actual)) {
                self.differ(path, expected, actual);
            }
            return;
        }
        if let Some(json) = members.get("$json") {
            match actual.as_str().map(parse) {
                Some(Ok(parsed)) => self.matches(json, &parsed, path),
                _ => self.differ(path, expected, actual),
            }
            return;
        }
        let Some(others) = actual.as_object() else { return self.differ(path, expected, actual) };
        let subset = members.get("$subset").and_then(Value::as_object);
        let members = subset.unwrap_or(members);
        let mut seen: Vec<&Str> = Vec::new();
        for (key, member) in members {
            let found = if key.contains("<<") {
                others
                    .keys()
                    .find(|other| !seen.contains(other) && self.matches_text(key, &Value::from((*other).clone())))
            } else {
                others.keys().find(|other| *other == key)
            };
            match found.and_then(|key| others.get(key).map(|other| (key, other))) {
                Some((key, other)) => {
                    seen.push(key);
                    self.matches(member, other, &format!("{path}.{key}"));
                }
                None => self.differences.push(format!("{path}.{key}: missing, expected {}", short(member))),
            }
        }
        if subset.is_none() {
            for (key, other) in others {
                if !seen.contains(&key) {
                    self.differences.push(format!("{path}.{key}: unexpected, got {}", short(other)));
                }
            }
        }
    }

    /// As [`Matcher::matches`], leaving no trace when it fails.
    pub(crate) fn try_match(&mut self, expected: &Value, actual: &Value) -> bool {
        let bound = self.bound.clone();
        let before = self.differences.len();
        self.matches(expected, actual, "");
        let matched = self.differences.len() == before;
        if !matched {
            self.bound = bound;
            self.differences.truncate(before);
        }
        matched
    }

    fn differ(&mut self, path: &str, expected: &Value, actual: &Value) {
        self.differences.push(format!("{path}: expected {}, got {}", short(expected), short(actual)));
    }

    fn matches_text(&mut self, expected: &str, actual: &Value) -> bool {
        match expected.strip_prefix("<<").and_then(|rest| rest.strip_suffix(">>")).filter(|name| !name.contains(">>")) {
            Some("any") => return true,
            Some("timestamp") => return actual.is_number(),
            Some("int") => return is_integer(actual),
            _ => {}
        }
        let Some(actual) = actual.as_str() else { return false };
        let parts = parts_of(expected);
        let mut bound = self.bound.clone();
        if !self.fits(&parts, actual, &mut bound) {
            return false;
        }
        self.bound = bound;
        true
    }

    fn fits(&self, parts: &[Part<'_>], text: &str, bound: &mut Bound) -> bool {
        let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
        let literal = |literal: &str, bound: &mut Bound| {
            text.strip_prefix(literal).is_some_and(|text| self.fits(rest, text, bound))
        };
        match part {
            Part::Literal(text) => literal(text, bound),
            Part::Name(name) => match *name {
                "any" => prefixes(text, 0).any(|end| self.fits(rest, &text[end..], bound)),
                "int" => prefixes(text, 1)
                    .any(|end| text[..end].parse::<i128>().is_ok() && self.fits(rest, &text[end..], bound)),
                "uuid" => {
                    text.len() >= 36
                        && text.is_char_boundary(36)
                        && is_uuid(&text[..36])
                        && self.fits(rest, &text[36..], bound)
                }
                "iso8601" | "iso8601ms" => prefixes(text, 20)
                    .take_while(|end| *end <= 35)
                    .any(|end| is_iso8601(&text[..end], *name == "iso8601ms") && self.fits(rest, &text[end..], bound)),
                "account*" => {
                    let account = (self.names.lookup)("account").map(text_of).unwrap_or_default();
                    literal(&account, bound) || literal("111111111111", bound)
                }
                name => {
                    if let Some(option) = name.strip_prefix("opt:") {
                        return literal(option, bound) || self.fits(rest, text, bound);
                    }
                    if let Some(token) = name.strip_prefix("tok:") {
                        let values = self.names.tokens.get(token).cloned().unwrap_or_default();
                        return values.iter().any(|value| literal(value, bound));
                    }
                    if let Some(reference) = name.strip_prefix("ref:") {
                        if let Some(known) = bound.get(reference).cloned() {
                            return literal(&known, bound);
                        }
                        return prefixes(text, 1).any(|end| {
                            let mut trial = bound.clone();
                            trial.insert(reference.into(), text[..end].into());
                            let fits = self.fits(rest, &text[end..], &mut trial);
                            if fits {
                                *bound = trial;
                            }
                            fits
                        });
                    }
                    (self.names.lookup)(name).is_some_and(|value| literal(&text_of(value), bound))
                }
            },
        }
    }

    /// Compares a history. `order`: how strict the order is.
    pub(crate) fn history(&mut self, expected: &[Value], events: &[Value], order: &str, path: &str) {
        let events: Vec<Value> = events.iter().map(|event| without(event, &["timestamp"])).collect();
        let expected: Vec<Value> = expected.iter().map(|event| without(event, &["reconstructed"])).collect();
        if order == "parallel-unordered" && expected.len() == events.len() {
            return self.parallel_unordered(&expected, &events, path);
        }
        let bound = self.bound.clone();
        let before = self.differences.len();
        self.positional(&expected, &events, path);
        if self.differences.len() == before || order != "concurrent" || expected.len() != events.len() {
            return;
        }
        let by_position = self.differences.split_off(before);
        self.bound = bound;
        if !self.concurrent(&expected, &events, path) {
            self.differences.extend(by_position);
        }
    }

    fn positional(&mut self, expected: &[Value], events: &[Value], path: &str) {
        let types =
            |events: &[Value]| -> Vec<String> { events.iter().map(|event| member_text(event, "type")).collect() };
        let (wanted, given) = (types(expected), types(events));
        if wanted != given {
            let at = wanted.iter().zip(&given).position(|(a, b)| a != b).unwrap_or(wanted.len().min(given.len()));
            let here = |types: &[String]| types.iter().skip(at).take(4).cloned().collect::<Vec<_>>();
            self.differences.push(format!(
                "{path}: event types differ from index {at} on: expected {:?} ({} events), got {:?} ({} events); last: {}",
                here(&wanted),
                wanted.len(),
                here(&given),
                given.len(),
                events.last().map(short).unwrap_or_default()
            ));
            return;
        }
        for (n, (expected, event)) in expected.iter().zip(events).enumerate() {
            self.matches(expected, event, &format!("{path}[{n}]"));
        }
    }

    fn parallel_unordered(&mut self, expected: &[Value], events: &[Value], path: &str) {
        let unordered = |n: usize| expected.get(n).is_some_and(|event| member_text(event, "id") == "<<unordered>>");
        let mut n = 0;
        while n < expected.len() {
            let end = (n..).find(|end| !unordered(*end)).unwrap_or(n);
            if end == n {
                self.matches(&expected[n], &events[n], &format!("{path}[{n}]"));
                n += 1;
                continue;
            }
            let strip = |events: &[Value]| -> Vec<Value> {
                events.iter().map(|event| without(event, &["id", "previousEventId"])).collect()
            };
            if !self.same_set(&strip(&expected[n..end]), &strip(&events[n..end])) {
                self.differences.push(format!("{path}[{n}..{end}]: not the same events"));
            }
            let mut known = vec![if n == 0 { 0 } else { number(&events[n - 1], "id") }];
            for (place, event) in events.iter().enumerate().take(end).skip(n) {
                if number(event, "id") != place as i64 + 1 || !known.contains(&number(event, "previousEventId")) {
                    self.differences.push(format!("{path}[{place}]: out of the chain: {}", short(event)));
                }
                known.push(number(event, "id"));
            }
            n = end;
        }
    }

    fn concurrent(&mut self, expected: &[Value], events: &[Value], path: &str) -> bool {
        if events.iter().enumerate().any(|(n, event)| number(event, "id") != n as i64 + 1) {
            self.differences.push(format!("{path}: ids are not 1..n"));
            return true;
        }
        let grouped = |events: &[Value]| {
            let mut groups: BTreeMap<Vec<Label>, Vec<Value>> = BTreeMap::new();
            for (key, event) in branch_keys(events).into_iter().zip(events) {
                groups.entry(key).or_default().push(without(event, &["id", "previousEventId"]));
            }
            groups
        };
        let (wanted, given) = (grouped(expected), grouped(events));
        let sizes = |groups: &BTreeMap<Vec<Label>, Vec<Value>>| -> Vec<(Vec<Label>, usize)> {
            groups.iter().map(|(key, events)| (key.clone(), events.len())).collect()
        };
        if sizes(&wanted) != sizes(&given) {
            return false;
        }
        for (key, expected) in &wanted {
            if !self.same_set(expected, &given[key]) {
                self.differences.push(format!("{path}: events of the branch {:?} differ", key.last()));
            }
        }
        true
    }

    /// Pairs events in any order; tries pairs until references agree.
    fn same_set(&mut self, expected: &[Value], events: &[Value]) -> bool {
        let Some((first, rest)) = expected.split_first() else { return events.is_empty() };
        for (n, event) in events.iter().enumerate() {
            let bound = self.bound.clone();
            if self.try_match(first, event) {
                let mut left = events.to_vec();
                left.remove(n);
                if self.same_set(rest, &left) {
                    return true;
                }
            }
            self.bound = bound;
        }
        false
    }
}

enum Part<'t> {
    Literal(&'t str),
    Name(&'t str),
}

fn parts_of(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("<<") {
        let Some(length) = rest[start..].find(">>") else { break };
        if start > 0 {
            parts.push(Part::Literal(&rest[..start]));
        }
        parts.push(Part::Name(&rest[start + 2..start + length]));
        rest = &rest[start + length + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    parts
}

/// Ends of the prefixes of a text, from the shortest of at least `min` bytes.
fn prefixes(text: &str, min: usize) -> impl Iterator<Item = usize> + '_ {
    (min..=text.len()).filter(|end| text.is_char_boundary(*end))
}

fn is_integer(value: &Value) -> bool {
    value.is_number() && !value.to_string().contains(['.', 'e', 'E'])
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(n, byte)| match n {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn is_iso8601(text: &str, with_ms: bool) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let date = digits(0..4) && digits(5..7) && digits(8..10) && digits(11..13) && digits(14..16) && digits(17..19);
    let Some(rest) = text.get(19..).filter(|_| date && text.as_bytes()[10] == b'T') else { return false };
    let fraction = rest.strip_prefix('.').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let zone = &rest[fraction.map_or(0, |digits| digits + 1)..];
    (!with_ms || fraction == Some(3)) && fraction != Some(0) && (zone == "Z" || zone.len() == 6 || zone.len() == 5)
}

/// An event's type, name and index.
type Label = (String, String, String);

fn label(event: &Value) -> Label {
    let details = event.as_object().and_then(|event| {
        event
            .iter()
            .find(|(key, value)| key.ends_with("Details") && value.as_object().is_some())
            .map(|(_, value)| value)
    });
    let text = |name: &str| {
        details.and_then(|details| details.get(name)).map(|value| text_of(value.clone())).unwrap_or_default()
    };
    (member_text(event, "type"), text("name"), text("index"))
}

/// For each event the labels that lead to it, however branches interleave.
fn branch_keys(events: &[Value]) -> Vec<Vec<Label>> {
    let walk = Walk { events };
    let mut keys: BTreeMap<i64, Vec<Label>> = BTreeMap::new();
    events
        .iter()
        .map(|event| {
            let id = number(event, "id");
            let kind = member_text(event, "type");
            let closes = |ends: &[&str]| {
                (kind.starts_with("MapState") || kind.starts_with("ParallelState"))
                    && ends.iter().any(|end| kind.ends_with(end))
            };
            let parent = if closes(&["Succeeded", "Failed", "Aborted", "Exited"]) {
                walk.owner(event, &["ParallelStateStarted", "MapStateStarted"], None)
            } else if kind == "MapIterationStarted" {
                walk.owner(event, &["MapStateStarted"], None)
            } else if kind.starts_with("MapIteration") {
                walk.owner(event, &["MapIterationStarted"], Some(&label(event).2)).or_else(|| walk.parent(event))
            } else if closes(&["Started"]) {
                walk.owner(event, &["ParallelStateEntered", "MapStateEntered"], None)
            } else {
                walk.parent(event)
            };
            let mut key = parent
                .map(|parent| number(parent, "id"))
                .filter(|parent| *parent < id)
                .and_then(|parent| keys.get(&parent).cloned())
                .unwrap_or_default();
            key.push(label(event));
            keys.insert(id, key.clone());
            key
        })
        .collect()
}

struct Walk<'a> {
    events: &'a [Value],
}

impl<'a> Walk<'a> {
    fn parent(&self, event: &Value) -> Option<&'a Value> {
        let previous = number(event, "previousEventId");
        self.events.iter().find(|event| number(event, "id") == previous)
    }

    /// The nearest event of these types above, past states that are closed already.
    fn owner(&self, event: &Value, kinds: &[&str], index: Option<&str>) -> Option<&'a Value> {
        let mut above = self.parent(event);
        for _ in 0..self.events.len() + 5 {
            let candidate = above?;
            let kind = member_text(candidate, "type");
            if kinds.contains(&kind.as_str()) && index.is_none_or(|index| label(candidate).2 == index) {
                return Some(candidate);
            }
            above = if kind == "ParallelStateExited" || kind == "MapStateExited" {
                let inner = self.owner(candidate, &["ParallelStateStarted", "MapStateStarted"], None);
                self.parent(inner.unwrap_or(candidate))
            } else {
                self.parent(candidate)
            };
        }
        None
    }
}

fn member_text(event: &Value, name: &str) -> String {
    event.get(name).cloned().map(text_of).unwrap_or_default()
}

fn number(event: &Value, name: &str) -> i64 {
    match event.get(name) {
        // An expected id may be one of several; the first stands for it.
        Some(Value::Object(any)) => {
            any.get("$anyof").and_then(Value::as_array).and_then(|any| any.first()).and_then(Value::as_i64).unwrap_or(0)
        }
        other => other.and_then(Value::as_i64).unwrap_or(0),
    }
}

fn without(event: &Value, names: &[&str]) -> Value {
    let mut event = event.as_object().cloned().unwrap_or_default();
    for name in names {
        event.remove(name);
    }
    event.into()
}

pub(crate) fn text_of(value: Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
