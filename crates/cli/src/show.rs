//! The tree of a run as text: lines for a terminal, or a line per ended state for pipes.

use stepwell_engine::{ErrorCause, Timestamp};

use crate::args::Clock;
use crate::terminal::{Style, Tone};
use crate::text::{count, duration};
use crate::tree::{Ended, Lane, LaneKind, Node, Note, Status, Tree};

/// Iterations of one Map state that are shown, when none failed.
const ITERATIONS_SHOWN: usize = 3;

/// Failed iterations that are shown.
const FAILED_SHOWN: usize = 3;

/// Iterations of one Map state whose states are listed one by one; of the others only what failed.
const ITERATIONS_LISTED: u32 = 10;

/// Causes are shown up to so many characters.
const CAUSE_CHARS_MAX: usize = 300;

/// Names are followed by their details at the same column, unless they are longer.
const NAME_COLUMN_MAX: usize = 44;

/// How to show a tree.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) style: Style,
    pub(crate) clock: Clock,
    /// The execution's time, for what has not ended.
    pub(crate) now: Timestamp,
    /// Longest line, in characters; a line that wraps could not be drawn over.
    pub(crate) width_max: usize,
}

/// A line of the tree before its columns are set.
struct Line {
    /// Box lines in front.
    prefix: String,
    symbol: String,
    tone: Tone,
    name: String,
    detail: String,
}

impl View<'_> {
    /// The whole tree, a string per line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![Line {
            prefix: "  ".to_owned(),
            symbol: self.style.pick("●", "*").to_owned(),
            tone: Tone::Plain,
            name: "Start".to_owned(),
            detail: String::new(),
        }];
        self.lane(self.tree.root(), "  ", &mut lines);
        let width = |line: &Line| chars(&line.prefix) + chars(&line.symbol) + 1 + chars(&line.name);
        let with_detail = lines.iter().filter(|line| !line.detail.is_empty());
        let column = with_detail.map(width).filter(|width| *width <= NAME_COLUMN_MAX).max().unwrap_or(0);
        let painted = |line: &Line| {
            let line = &line.within(self.width_max, column, self.style.pick("…", "~"));
            let mut text = self.style.paint(Tone::Faint, &line.prefix);
            text.push_str(&self.style.paint(line.tone, &line.symbol));
            if !line.symbol.is_empty() {
                text.push(' ');
            }
            text.push_str(&line.name);
            if !line.detail.is_empty() {
                let gap = column.saturating_sub(width(line)) + 2;
                text.push_str(&" ".repeat(gap));
                text.push_str(&self.style.paint(Tone::Faint, &self.style.fit(&line.detail)));
            }
            text
        };
        lines.iter().map(painted).collect()
    }

    fn lane(&self, lane: &Lane, prefix: &str, lines: &mut Vec<Line>) {
        let ids: Vec<usize> = lane.head().iter().copied().chain(lane.tail()).collect();
        for (n, id) in ids.iter().enumerate() {
            if n == lane.head().len() && lane.left_out > 0 {
                let name = format!("{} {} not shown", self.style.pick("⋯", "..."), count(lane.left_out, "more state"));
                lines.push(self.plain(format!("{prefix}{}", self.style.pick("│  ", "|  ")), name));
            }
            let next = ids.get(n + 1).map(|next| self.tree.node(*next));
            self.node(self.tree.node(*id), next, prefix, lines);
        }
    }

    fn node(&self, node: &Node, next: Option<&Node>, prefix: &str, lines: &mut Vec<Line>) {
        let (symbol, tone) = self.symbol(node);
        lines.push(Line {
            prefix: format!("{prefix}{}", self.style.pick("├─ ", "|- ")),
            symbol: symbol.to_owned(),
            tone,
            name: node.name.to_string(),
            detail: self.detail(node),
        });
        let below = format!("{prefix}{}", self.style.pick("│  ", "|  "));
        for note in node.notes.iter().filter(|note| !self.is_told_below(node, note)) {
            let (symbol, tone, text) = self.note(note, next);
            lines.push(Line {
                prefix: format!("{below}  "),
                symbol: symbol.to_owned(),
                tone,
                name: text,
                detail: String::new(),
            });
        }
        self.lanes(node, &below, lines);
    }

    /// An error that came from a branch or an iteration stands there already.
    fn is_told_below(&self, node: &Node, note: &Note) -> bool {
        let Note::Failed(error) = note else { return false };
        node.lanes.iter().any(|lane| {
            let last = self.tree.lane(*lane).last().map(|node| self.tree.node(node));
            last.is_some_and(|last| {
                let is_it = |told: &Note| matches!(told, Note::Failed(told) if told.error == error.error);
                last.notes.iter().any(is_it) || self.is_told_below(last, note)
            })
        })
    }

    fn lanes(&self, node: &Node, prefix: &str, lines: &mut Vec<Line>) {
        let is_map = node.state_type == "Map";
        let shown: Vec<usize> = if is_map && node.lanes.len() > ITERATIONS_SHOWN {
            let failed = |lane: &&usize| self.tree.lane(**lane).status == Status::Failed;
            let first = node.lanes.iter().take(1).filter(|lane| !failed(lane));
            first.chain(node.lanes.iter().filter(failed).take(FAILED_SHOWN)).copied().collect()
        } else {
            node.lanes.clone()
        };
        for id in &shown {
            let lane = self.tree.lane(*id);
            let name = match lane.kind {
                LaneKind::Branch(index) => format!("branch {index}"),
                LaneKind::Item(index) => format!("item {index}"),
                LaneKind::Child(index) => format!("child {index}"),
                LaneKind::Run => String::new(),
            };
            let mut line = self.plain(format!("{prefix}{}", self.style.pick("├─ ", "|- ")), name);
            if lane.head().is_empty() && lane.status == Status::Aborted {
                line.detail = "aborted".to_owned();
            }
            lines.push(line);
            self.lane(lane, &format!("{prefix}{}", self.style.pick("│  ", "|  ")), lines);
        }
        let others: Vec<&Lane> =
            node.lanes.iter().filter(|lane| !shown.contains(lane)).map(|lane| self.tree.lane(*lane)).collect();
        if !others.is_empty() {
            let name = format!(
                "{} {} more: {}",
                self.style.pick("⋯", "..."),
                others.len(),
                tally(others.into_iter(), self.style)
            );
            lines.push(self.plain(format!("{prefix}{}", self.style.pick("├─ ", "|- ")), name));
        }
    }

    fn plain(&self, prefix: String, name: String) -> Line {
        Line { prefix, symbol: String::new(), tone: Tone::Plain, name, detail: String::new() }
    }

    fn symbol(&self, node: &Node) -> (&'static str, Tone) {
        match node.status {
            Status::Open => (self.style.pick("●", "*"), Tone::Warn),
            Status::Done if node.state_type == "Wait" && self.clock == Clock::Virtual => {
                (self.style.pick("↷", "~"), Tone::Faint)
            }
            Status::Done => (self.style.pick("✔", "v"), Tone::Good),
            Status::Caught => (self.style.pick("⚠", "!"), Tone::Warn),
            Status::Failed => (self.style.pick("✖", "x"), Tone::Bad),
            Status::Aborted => (self.style.pick("✖", "x"), Tone::Faint),
        }
    }

    fn detail(&self, node: &Node) -> String {
        let passed = node.left.map_or(0, |left| left.0 - node.entered.0);
        let kind = match (node.state_type, &node.called) {
            ("Task", Some(called)) => called.clone(),
            ("Wait", _) if node.status == Status::Done && self.clock == Clock::Virtual => {
                return format!("wait {}  skipped (virtual clock)", duration(passed));
            }
            ("Wait", _) if node.status == Status::Done => return format!("wait {}", duration(passed)),
            ("Parallel", _) => format!("parallel · {}", count(node.lanes.len() as u64, "branch")),
            ("Map", _) => {
                let what = if node.is_distributed { "distributed map" } else { "map" };
                let items = if node.is_distributed { "child execution" } else { "item" };
                let lanes = node.lanes.iter().map(|lane| self.tree.lane(*lane));
                let mut text = format!("{what} · {}", count(node.lanes.len() as u64, items));
                if node.lanes.len() > ITERATIONS_SHOWN {
                    text = format!("{text} ({})", tally(lanes, self.style));
                }
                text
            }
            (other, _) => other.to_lowercase(),
        };
        match (node.status, passed) {
            (Status::Aborted, _) => format!("{kind}  aborted"),
            (Status::Open, _) => kind + &self.elapsed(node),
            (_, 0) => kind,
            _ => format!("{kind}  {}", duration(passed)),
        }
    }

    /// How long an open state has been at it, in whole seconds.
    fn elapsed(&self, node: &Node) -> String {
        match (self.now.0 - node.entered.0) / 1_000 {
            seconds if seconds > 0 => format!("  {}", duration(seconds * 1_000)),
            _ => String::new(),
        }
    }

    fn note(&self, note: &Note, next: Option<&Node>) -> (&'static str, Tone, String) {
        let warn = self.style.pick("⚠", "!");
        match note {
            Note::Retried { error, after_ms } => {
                let text = format!("{} – tried again after {}", told(error), duration(*after_ms));
                (warn, Tone::Warn, self.style.fit(&text))
            }
            Note::Caught(error) => {
                let next = next.map(|next| format!(" → {}", next.name)).unwrap_or_default();
                (warn, Tone::Warn, self.style.fit(&format!("caught {}{next}", told(error))))
            }
            Note::Failed(error) => (self.style.pick("✖", "x"), Tone::Bad, self.style.fit(&told(error))),
        }
    }

    /// A line for a state that ended; none for the many that nobody reads.
    pub(crate) fn ended(&self, ended: &Ended, start: Timestamp) -> Option<String> {
        let node = self.tree.node(ended.node);
        if ended.index >= ITERATIONS_LISTED && node.status == Status::Done {
            return None;
        }
        let (symbol, tone) = self.symbol(node);
        let mut text = format!(
            "  {:>11}  {} {}  {}",
            format!("+{}", duration(ended.at.0 - start.0)),
            self.style.paint(tone, symbol),
            ended.path.join(self.style.pick(" › ", " > ")),
            self.style.paint(Tone::Faint, &self.style.fit(&self.detail(node))),
        );
        for note in &node.notes {
            let (symbol, tone, note) = self.note(note, None);
            text.push_str(&format!("\n  {:>11}    {} {note}", "", self.style.paint(tone, symbol)));
        }
        Some(text)
    }
}

impl Line {
    /// The line cut to a width, its detail first; `mark` stands where something was cut off.
    fn within(&self, width_max: usize, column: usize, mark: &str) -> Line {
        let cut = |text: &str, max: usize| match chars(text) {
            length if length > max => text.chars().take(max.saturating_sub(1)).chain(mark.chars()).collect(),
            _ => text.to_owned(),
        };
        let left = chars(&self.prefix) + chars(&self.symbol) + 1;
        let name = cut(&self.name, width_max.saturating_sub(left).max(1));
        let detail_at = (left + chars(&name)).max(column) + 2;
        let room = width_max.saturating_sub(detail_at);
        let detail = if room < 4 { String::new() } else { cut(&self.detail, room) };
        Line { prefix: self.prefix.clone(), symbol: self.symbol.clone(), tone: self.tone, name, detail }
    }
}

fn tally<'l>(lanes: impl Iterator<Item = &'l Lane>, style: Style) -> String {
    let [mut done, mut failed, mut aborted, mut open] = [0u64; 4];
    for lane in lanes {
        match lane.status {
            Status::Done | Status::Caught => done += 1,
            Status::Failed => failed += 1,
            Status::Aborted => aborted += 1,
            Status::Open => open += 1,
        }
    }
    let parts = [
        (done, format!("{done} {}", style.pick("✔", "ok"))),
        (failed, format!("{failed} {}", style.pick("✖", "failed"))),
        (aborted, format!("{aborted} aborted")),
        (open, format!("{open} running")),
    ];
    let shown: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
    shown.join(", ")
}

/// An error and its cause on one line.
pub(crate) fn told(error: &ErrorCause) -> String {
    let name = error.error.as_deref().unwrap_or("an error");
    let cause = error.cause.as_deref().unwrap_or_default();
    // The state's name stands in front of it already.
    let cause = match cause.strip_prefix("An error occurred while executing the state ") {
        Some(rest) => rest.split_once("). ").map_or(cause, |(_, rest)| rest),
        None => cause,
    };
    let line: String = cause.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return name.to_owned();
    }
    let mut shown: String = line.chars().take(CAUSE_CHARS_MAX).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    format!("{name}: {shown}")
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
