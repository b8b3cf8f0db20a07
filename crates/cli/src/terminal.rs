//! What the two standard streams can show: colours, symbols, width.

use std::io::{self, IsTerminal, Write};

use crate::args::Color;

/// How to write to one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) colors: bool,
    /// Symbols and box lines beyond ASCII.
    pub(crate) unicode: bool,
    pub(crate) is_terminal: bool,
}

/// What a piece of text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Faint,
    Strong,
    Plain,
}

impl Style {
    pub(crate) fn stdout(color: Color) -> Style {
        Style::of(io::stdout().is_terminal(), color)
    }

    pub(crate) fn stderr(color: Color) -> Style {
        Style::of(io::stderr().is_terminal(), color)
    }

    /// Honours NO_COLOR, CLICOLOR_FORCE and dumb terminals.
    fn of(is_terminal: bool, color: Color) -> Style {
        let set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let is_dumb = variable("TERM").as_deref() == Some("dumb");
        let colors = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0" && !value.is_empty()) => true,
            Color::Auto => is_terminal && !is_dumb,
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| variable(name).filter(|v| !v.is_empty()));
        let is_ascii = locale.is_some_and(|locale| locale == "C" || locale == "POSIX");
        Style { colors, unicode: !is_dumb && !is_ascii, is_terminal: is_terminal && !is_dumb }
    }

    /// A piece of text in its tone.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
            Tone::Plain => "",
        };
        if !self.colors || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// One of the two, by what the stream can show.
    pub(crate) fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Replaces what the stream cannot show in a text of ours.
    pub(crate) fn fit(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        text.replace('·', "-").replace('…', "...").replace('–', "-").replace('→', "->").replace('›', ">")
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Columns and lines of the terminal that standard error is.
pub(crate) fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or((100, 30), |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// Writes to standard output; a reader that has gone away ends the program quietly.
pub(crate) fn print(text: &str) {
    if io::stdout().lock().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

/// Writes to standard error; nobody can be told when that fails.
pub(crate) fn eprint(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
