//! Changes to texts: of their bytes, and of their grammar without knowing it exactly.

use crate::random::Random;

/// What a mutation of bytes puts in: what parsers treat specially somewhere.
const CHARACTERS: [&str; 40] = [
    "\0", "\n", "\r\n", "\t", " ", "\u{a0}", "\u{feff}", "\u{2028}", "é", "😀", "\u{301}", "\"", "'", "`", "\\",
    "\\u0000", "\\ud800", "/", "//", "/*", "*/", "(", ")", "[", "]", "{", "}", "$", "$$", "@", "#", "%", "..", ".",
    ",", ":", "-", "0", "9", "e",
];

/// A text with a few bytes changed.
pub(crate) fn bytes(text: &str, other: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        let length = [1, 1, 2, 4, 16, 64][random.below(6)].min(bytes.len() - at);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..at + length)),
            2 => {
                let piece = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            3 => {
                let piece = piece_of(other.as_bytes(), random);
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => bytes.truncate(at),
            5 if at < bytes.len() => bytes[at] = random.next() as u8,
            _ => {
                let characters = random.text(&CHARACTERS).as_bytes();
                bytes.splice(at..at, characters.iter().copied());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn piece_of<'b>(bytes: &'b [u8], random: &mut Random) -> &'b [u8] {
    let start = random.below(bytes.len());
    let length = random.below((bytes.len() - start).min(40) + 1);
    &bytes[start..start + length]
}

/// A text with operands, functions and literals exchanged, repeated, nested in one another or in brackets.
pub(crate) fn tokens(text: &str, other: &str, words: &[&str], random: &mut Random) -> String {
    let tokens = tokenize(text);
    if tokens.is_empty() {
        return other.to_owned();
    }
    let span = operand(&tokens, random);
    let (before, middle, after) =
        (joined(&tokens[..span.0]), joined(&tokens[span.0..span.1]), joined(&tokens[span.1..]));
    let changed = match random.below(9) {
        0 | 1 => {
            let others = tokenize(other);
            let (start, end) = operand(&others, random);
            joined(&others[start.min(others.len())..end.min(others.len())])
        }
        2 => String::new(),
        3 => {
            let times = many(random, middle.len());
            middle.repeat(times)
        }
        4 => random.text(words).to_owned(),
        5 => format!("({other})"),
        6 => {
            // An operand changes place with another.
            let (start, end) = operand(&tokens, random);
            if start >= span.1 {
                let between = joined(&tokens[span.1..start]);
                return [before, joined(&tokens[start..end]), between, middle, joined(&tokens[end..])].concat();
            }
            joined(&tokens[start..end])
        }
        7 => {
            let (open, close) =
                *random.pick(&[("(", ")"), ("[", "]"), ("{\"a\":", "}"), ("-(", ")"), ("$f(", ")"), ("[?(", ")]")]);
            let times = many(random, middle.len());
            format!("{}{middle}{}", open.repeat(times), close.repeat(times))
        }
        _ => format!("{middle}{}{}", random.text(words), random.text(words)),
    };
    [before, changed, after].concat()
}

/// How often to repeat something: mostly a few times, sometimes enough to find what is not bounded.
fn many(random: &mut Random, bytes: usize) -> usize {
    let times = match random.below(12) {
        0 => random.below(200),
        1 => random.below(6_000),
        _ => 1 + random.below(4),
    };
    times.min(60_000 / bytes.max(1))
}

/// A token or a balanced group of brackets, with the name in front of it or without.
fn operand(tokens: &[&str], random: &mut Random) -> (usize, usize) {
    let start = random.below(tokens.len());
    let mut end = (start + 1).min(tokens.len());
    let opens = |token: &&str| matches!(*token, "(" | "[" | "{");
    // A name belongs to the brackets behind it, half the time.
    if end < tokens.len() && opens(&tokens[end]) && !tokens[start].trim().is_empty() && random.one_in(2) {
        end += 1;
    }
    if tokens[start..end].last().is_some_and(opens) {
        let mut depth = 1;
        while end < tokens.len() && depth > 0 {
            match tokens[end] {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            end += 1;
        }
    }
    (start, end)
}

fn joined(tokens: &[&str]) -> String {
    tokens.concat()
}

/// Pieces that all our languages have in common: names, numbers, strings, operators, brackets, blanks.
fn tokenize(text: &str) -> Vec<&str> {
    const OPERATORS: [&str; 16] =
        [":=", "~>", "..", "**", "!=", "<=", ">=", "==", "=~", "?:", "??", "&&", "||", "$$", "/*", "*/"];
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' | '`' => {
                let mut escaped = false;
                let end = rest[1..].find(|character: char| {
                    let ends = character == first && !escaped;
                    escaped = character == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ if first.is_alphabetic() || first == '_' || first == '$' && !rest.starts_with("$$") => {
                let name = |character: char| !(character.is_alphanumeric() || character == '_');
                let skip = first.len_utf8();
                rest[skip..].find(name).map_or(rest.len(), |end| end + skip)
            }
            _ if first.is_ascii_digit() => {
                rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len())
            }
            _ if first.is_whitespace() => rest.find(|character: char| !character.is_whitespace()).unwrap_or(rest.len()),
            _ => match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
                Some(operator) => operator.len(),
                None => first.len_utf8(),
            },
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_the_text() {
        let text = "$f( 'a\\'b', \"é\" ~> $$.x[0..10] ) ü😀 `";
        assert_eq!(joined(&tokenize(text)), text);
        assert_eq!(tokenize("$f('a')"), ["$f", "(", "'a'", ")"]);
    }

    #[test]
    fn any_change_of_any_text_gives_a_text() {
        for number in 0..3_000 {
            let mut random = Random::new(1, number);
            let text = bytes("$f('é', [1, 2]) & \"x\"", "a.b[0]", &mut random);
            let text = tokens(&text, "States.Format('{}', $.a)", &["$x", "0"], &mut random);
            assert!(text.len() < 200_000);
        }
    }
}
