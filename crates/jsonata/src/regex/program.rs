//! What a pattern is compiled to: the instructions, and a quick test for where a match can begin.

use memchr::memmem::Finder;

use super::class::{Class, is_line_end, is_word_byte};

/// Index of an instruction.
pub(super) type Pc = u32;

/// A slot that holds no offset.
pub(super) const UNSET: usize = usize::MAX;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) classes: Vec<Class>,
    pub(super) entry: Pc,
    pub(super) n_groups: usize,
    /// Two for each group, then the registers of loops.
    pub(super) n_slots: usize,
    /// What a thread does next depends on its instruction and its place in the text alone: no back reference,
    /// lookaround or register.
    pub(super) linear: bool,
}

/// One step of a match. Those behind `Boundary` occur in programs that are not linear.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instruction {
    Match,
    Fail,
    /// One ASCII character, as it is.
    Byte {
        byte: u8,
        next: Pc,
    },
    /// One other character, as it is.
    Char {
        character: char,
        next: Pc,
    },
    /// One character whose canonical form is this.
    Fold {
        canonical: char,
        next: Pc,
    },
    Class {
        class: u32,
        next: Pc,
    },
    /// Goes on in two places; the first is preferred.
    Split {
        first: Pc,
        second: Pc,
    },
    /// As many characters as possible of those that the instruction `body` takes, one at a time; `body` comes back
    /// here.
    Run {
        body: Pc,
        exit: Pc,
    },
    /// Stores the place in a slot.
    Save {
        slot: u32,
        next: Pc,
    },
    /// Unsets the slots from `first` up to `end`: what an earlier round of a loop captured does not count.
    Clear {
        first: u32,
        end: u32,
        next: Pc,
    },
    Start {
        multi_line: bool,
        next: Pc,
    },
    End {
        multi_line: bool,
        next: Pc,
    },
    Boundary {
        negated: bool,
        next: Pc,
    },
    /// Goes back by one character, for lookbehind.
    StepBack {
        next: Pc,
    },
    BackReference {
        group: u32,
        ignore_case: bool,
        behind: bool,
        next: Pc,
    },
    /// Stores zero in the register of a loop.
    Zero {
        slot: u32,
        next: Pc,
    },
    /// The head of a counted loop. Its registers: rounds begun, place where the round began.
    Loop {
        slot: u32,
        bounds: Bounds,
        body: Pc,
        exit: Pc,
    },
    /// The end of a round.
    Round {
        slot: u32,
        min: u32,
        head: Pc,
    },
    /// Looks whether `body`, which ends in `LookEnd`, matches here.
    Look {
        negative: bool,
        body: Pc,
        next: Pc,
    },
    LookEnd,
}

/// How often the body of a loop is repeated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) greedy: bool,
}

/// Whether `^` holds at an offset.
pub(super) fn at_start(text: &str, at: usize, multi_line: bool) -> bool {
    at == 0 || multi_line && text[..at].chars().next_back().is_some_and(is_line_end)
}

/// Whether `$` holds at an offset.
pub(super) fn at_end(text: &str, at: usize, multi_line: bool) -> bool {
    at == text.len() || multi_line && text[at..].chars().next().is_some_and(is_line_end)
}

/// Whether `\b` holds at an offset.
pub(super) fn at_boundary(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let before = at > 0 && is_word_byte(bytes[at - 1]);
    let after = at < bytes.len() && is_word_byte(bytes[at]);
    before != after
}

/// Finds places where a match can begin.
#[derive(Debug)]
pub(super) enum Prefilter {
    /// Anywhere.
    None,
    /// At the beginning of the text.
    Anchored,
    /// Where this text is.
    Literal(Box<Finder<'static>>),
    /// At one of these bytes.
    Bytes(Box<[bool; 256]>),
}

impl Prefilter {
    pub(super) fn of(program: &Program) -> Prefilter {
        let prefix = literal_prefix(program);
        if !prefix.is_empty() {
            return Prefilter::Literal(Box::new(Finder::new(&prefix).into_owned()));
        }
        let mut bytes = [false; 256];
        match first_bytes(program, &mut bytes) {
            First::Anchored => Prefilter::Anchored,
            First::Anything => Prefilter::None,
            First::Bytes => Prefilter::Bytes(Box::new(bytes)),
        }
    }

    /// The first candidate at `at` or behind it. Spends fuel for the distance; leaves some when it runs out, the
    /// search that follows will notice.
    pub(super) fn next(&self, text: &str, at: usize, fuel: &mut u64) -> Option<usize> {
        let rest = text.as_bytes().get(at..)?;
        let (distance, bytes_per_unit) = match self {
            Prefilter::None => return Some(at),
            Prefilter::Anchored => return (at == 0).then_some(0),
            Prefilter::Literal(literal) => (literal.find(rest), 64),
            Prefilter::Bytes(bytes) => (rest.iter().position(|byte| bytes[usize::from(*byte)]), 8),
        };
        let skipped = distance.unwrap_or(rest.len()) as u64;
        *fuel = fuel.saturating_sub(skipped / bytes_per_unit);
        distance.map(|distance| at + distance)
    }
}

fn literal_prefix(program: &Program) -> Vec<u8> {
    let mut prefix = Vec::new();
    let mut pc = program.entry;
    loop {
        match program.instructions[pc as usize] {
            Instruction::Save { next, .. } => pc = next,
            Instruction::Byte { byte, next } => {
                prefix.push(byte);
                pc = next;
            }
            Instruction::Char { character, next } => {
                prefix.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                pc = next;
            }
            _ => return prefix,
        }
    }
}

enum First {
    Anchored,
    Anything,
    Bytes,
}

/// Collects the bytes that a match can begin with.
fn first_bytes(program: &Program, bytes: &mut [bool; 256]) -> First {
    let mut seen = vec![false; program.instructions.len()];
    let mut open = vec![program.entry];
    let mut anchored = true;
    let mut passes_assertion = false;
    while let Some(pc) = open.pop() {
        if std::mem::replace(&mut seen[pc as usize], true) {
            continue;
        }
        match program.instructions[pc as usize] {
            Instruction::Fail => {}
            Instruction::Start { multi_line: false, .. } => {
                passes_assertion = true;
                continue;
            }
            Instruction::Split { first, second } => open.extend([first, second]),
            Instruction::Run { body, exit } | Instruction::Loop { body, exit, .. } => open.extend([body, exit]),
            Instruction::Save { next, .. }
            | Instruction::Clear { next, .. }
            | Instruction::Start { next, .. }
            | Instruction::End { next, .. }
            | Instruction::Boundary { next, .. }
            | Instruction::Zero { next, .. }
            | Instruction::Look { next, .. } => open.push(next),
            Instruction::Round { head, .. } => open.push(head),
            Instruction::Match
            | Instruction::LookEnd
            | Instruction::StepBack { .. }
            | Instruction::BackReference { .. } => return First::Anything,
            Instruction::Byte { byte, .. } => {
                anchored = false;
                bytes[usize::from(byte)] = true;
            }
            Instruction::Char { character, .. } => {
                anchored = false;
                bytes[usize::from(character.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
            }
            Instruction::Fold { canonical, .. } => {
                anchored = false;
                // Only ASCII characters have ASCII characters as their canonical form.
                match canonical.is_ascii() {
                    true => {
                        bytes[canonical as usize] = true;
                        bytes[canonical.to_ascii_lowercase() as usize] = true;
                    }
                    false => bytes[0x80..].fill(true),
                }
            }
            Instruction::Class { class, .. } => {
                anchored = false;
                let class = &program.classes[class as usize];
                for byte in 0..128 {
                    bytes[usize::from(byte)] |= class.contains_ascii(byte);
                }
                if class.may_hold_non_ascii() {
                    bytes[0x80..].fill(true);
                }
            }
        }
    }
    match (anchored, passes_assertion) {
        (true, true) => First::Anchored,
        // A path that is anchored begins with any byte.
        (false, true) => First::Anything,
        _ => First::Bytes,
    }
}
