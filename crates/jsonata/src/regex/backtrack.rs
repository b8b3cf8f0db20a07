//! Matching by trying one alternative after the other, with what is left to try on a stack of our own.

use super::OutOfFuel;
use super::class::canonicalize;
use super::program::{Instruction, Pc, Program, UNSET, at_boundary, at_end, at_start};

/// Most entries on the stack, 24 bytes each; a search that needs more ends as if its fuel were spent.
const FRAMES_MAX: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Memory {
    slots: Vec<usize>,
    frames: Vec<Frame>,
    /// Where in `frames` the lookarounds begin that are open.
    looks: Vec<usize>,
}

impl Memory {
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// Makes ready for a search.
    pub(super) fn prepare(&mut self, program: &Program) {
        self.slots.clear();
        self.slots.resize(program.n_slots, UNSET);
    }
}

/// What to do when the present path fails.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// Go on here instead.
    Branch { pc: Pc, at: usize },
    /// Go on here with one character less, and so on as far as `from`.
    Shorten { pc: Pc, from: usize, at: usize },
    /// Put back what a slot held.
    Restore { slot: u32, value: usize },
    /// Go on with one more round of the loop.
    Round { pc: Pc, at: usize },
    /// The body of a lookaround, begun at `at`, has failed.
    Look { pc: Pc, at: usize },
}

/// Matches from `at` on and gives the end of the match.
///
/// Spends a unit of fuel for each instruction. `memory` is prepared; when there is no match its slots are all unset
/// again, so that the next attempt can begin.
pub(super) fn match_at(
    program: &Program,
    memory: &mut Memory,
    text: &str,
    at: usize,
    fuel: &mut u64,
) -> Result<Option<usize>, OutOfFuel> {
    memory.frames.clear();
    memory.looks.clear();
    let mut steps = *fuel;
    let end = Attempt { program, text, slots: &mut memory.slots, frames: &mut memory.frames, looks: &mut memory.looks }
        .run(at, &mut steps);
    *fuel = steps;
    end
}

struct Attempt<'a> {
    program: &'a Program,
    text: &'a str,
    slots: &'a mut [usize],
    frames: &'a mut Vec<Frame>,
    looks: &'a mut Vec<usize>,
}

impl Attempt<'_> {
    fn run(&mut self, start: usize, steps: &mut u64) -> Result<Option<usize>, OutOfFuel> {
        let instructions = self.program.instructions.as_slice();
        let (mut pc, mut at) = (self.program.entry, start);
        loop {
            if *steps == 0 {
                return Err(OutOfFuel);
            }
            *steps -= 1;
            let passed = match instructions[pc as usize] {
                Instruction::Match => return Ok(Some(at)),
                Instruction::Fail => None,
                Instruction::Byte { next, .. }
                | Instruction::Char { next, .. }
                | Instruction::Fold { next, .. }
                | Instruction::Class { next, .. } => take(self.program, self.text, pc, at).map(|behind| (next, behind)),
                Instruction::Split { first, second } => {
                    self.push(Frame::Branch { pc: second, at })?;
                    Some((first, at))
                }
                Instruction::Run { body, exit } => {
                    let from = at;
                    let mut length = 0;
                    while let Some(behind) = take(self.program, self.text, body, at) {
                        at = behind;
                        length += 1;
                    }
                    *steps = steps.saturating_sub(length / 4);
                    if at > from {
                        self.push(Frame::Shorten { pc: exit, from, at })?;
                    }
                    Some((exit, at))
                }
                Instruction::Save { slot, next } => {
                    self.set(slot, at)?;
                    Some((next, at))
                }
                Instruction::Clear { first, end, next } => {
                    for slot in first..end {
                        if self.slots[slot as usize] != UNSET {
                            self.set(slot, UNSET)?;
                        }
                    }
                    *steps = steps.saturating_sub(u64::from(end - first) / 4);
                    Some((next, at))
                }
                Instruction::Start { multi_line, next } => at_start(self.text, at, multi_line).then_some((next, at)),
                Instruction::End { multi_line, next } => at_end(self.text, at, multi_line).then_some((next, at)),
                Instruction::Boundary { negated, next } => {
                    (at_boundary(self.text, at) != negated).then_some((next, at))
                }
                Instruction::StepBack { next } => {
                    self.text[..at].chars().next_back().map(|last| (next, at - last.len_utf8()))
                }
                Instruction::BackReference { group, ignore_case, behind, next } => {
                    self.repeat_capture(group, ignore_case, behind, at, steps).map(|at| (next, at))
                }
                Instruction::Zero { slot, next } => {
                    self.set(slot, 0)?;
                    Some((next, at))
                }
                Instruction::Loop { slot, bounds, body, exit } => {
                    let rounds = self.slots[slot as usize];
                    if rounds >= bounds.max as usize {
                        Some((exit, at))
                    } else if rounds < bounds.min as usize || bounds.greedy {
                        if rounds >= bounds.min as usize {
                            self.push(Frame::Branch { pc: exit, at })?;
                        }
                        self.begin_round(slot, at)?;
                        Some((body, at))
                    } else {
                        self.push(Frame::Round { pc, at })?;
                        Some((exit, at))
                    }
                }
                Instruction::Round { slot, min, head } => {
                    let moved = self.slots[slot as usize + 1] != at;
                    (moved || self.slots[slot as usize] <= min as usize).then_some((head, at))
                }
                Instruction::Look { body, .. } => {
                    self.looks.push(self.frames.len());
                    self.push(Frame::Look { pc, at })?;
                    Some((body, at))
                }
                Instruction::LookEnd => self.close_look(),
            };
            match passed {
                Some(place) => (pc, at) = place,
                None => match self.back_up()? {
                    Some(place) => (pc, at) = place,
                    None => return Ok(None),
                },
            }
        }
    }

    fn push(&mut self, frame: Frame) -> Result<(), OutOfFuel> {
        if self.frames.len() >= FRAMES_MAX {
            return Err(OutOfFuel);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn set(&mut self, slot: u32, value: usize) -> Result<(), OutOfFuel> {
        let before = std::mem::replace(&mut self.slots[slot as usize], value);
        self.push(Frame::Restore { slot, value: before })
    }

    fn begin_round(&mut self, slot: u32, at: usize) -> Result<(), OutOfFuel> {
        self.set(slot, self.slots[slot as usize] + 1)?;
        self.set(slot + 1, at)
    }

    /// The next place to go on from after a failure.
    fn back_up(&mut self) -> Result<Option<(Pc, usize)>, OutOfFuel> {
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Branch { pc, at } => return Ok(Some((pc, at))),
                Frame::Shorten { pc, from, at } => {
                    let last = self.text[..at].chars().next_back().map_or(1, char::len_utf8);
                    let at = at - last;
                    if at > from {
                        self.frames.push(Frame::Shorten { pc, from, at });
                    }
                    return Ok(Some((pc, at)));
                }
                Frame::Restore { slot, value } => self.slots[slot as usize] = value,
                Frame::Round { pc, at } => {
                    if let Instruction::Loop { slot, body, .. } = self.program.instructions[pc as usize] {
                        self.begin_round(slot, at)?;
                        return Ok(Some((body, at)));
                    }
                }
                Frame::Look { pc, at } => {
                    self.looks.pop();
                    if let Instruction::Look { negative: true, next, .. } = self.program.instructions[pc as usize] {
                        return Ok(Some((next, at)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The body of a lookaround has matched: it is not tried in other ways, but what it captured stays, if it was
    /// to match.
    fn close_look(&mut self) -> Option<(Pc, usize)> {
        let opened = self.looks.pop()?;
        let Frame::Look { pc, at } = self.frames[opened] else { return None };
        let Instruction::Look { negative, next, .. } = self.program.instructions[pc as usize] else { return None };
        if negative {
            while self.frames.len() > opened {
                if let Some(Frame::Restore { slot, value }) = self.frames.pop() {
                    self.slots[slot as usize] = value;
                }
            }
            return None;
        }
        let mut kept = opened;
        for index in opened + 1..self.frames.len() {
            if let Frame::Restore { .. } = self.frames[index] {
                self.frames[kept] = self.frames[index];
                kept += 1;
            }
        }
        self.frames.truncate(kept);
        Some((next, at))
    }

    /// Where the text of a group ends if it stands here once more. A group that took no part is empty.
    fn repeat_capture(&self, group: u32, ignore_case: bool, behind: bool, at: usize, steps: &mut u64) -> Option<usize> {
        let slot = 2 * group as usize;
        let (start, end) = (self.slots[slot], self.slots[slot + 1]);
        if start == UNSET || end == UNSET {
            return Some(at);
        }
        let captured = &self.text[start..end];
        *steps = steps.saturating_sub(captured.len() as u64 / if ignore_case { 4 } else { 64 });
        if !ignore_case {
            return match behind {
                true => self.text[..at].ends_with(captured).then(|| at - captured.len()),
                false => self.text[at..].starts_with(captured).then(|| at + captured.len()),
            };
        }
        let alike = |a: char, b: char| canonicalize(a) == canonicalize(b);
        if behind {
            let mut before = self.text[..at].chars();
            let matches = captured.chars().rev().all(|c| before.next_back().is_some_and(|b| alike(b, c)));
            matches.then_some(before.as_str().len())
        } else {
            let mut rest = self.text[at..].chars();
            let matches = captured.chars().all(|c| rest.next().is_some_and(|b| alike(b, c)));
            matches.then(|| self.text.len() - rest.as_str().len())
        }
    }
}

/// The offset behind the character that the instruction takes at `at`, if it does.
pub(super) fn take(program: &Program, text: &str, pc: Pc, at: usize) -> Option<usize> {
    let byte = *text.as_bytes().get(at)?;
    match program.instructions[pc as usize] {
        Instruction::Byte { byte: wanted, .. } => (byte == wanted).then_some(at + 1),
        Instruction::Class { class, .. } if byte.is_ascii() => {
            program.classes[class as usize].contains_ascii(byte).then_some(at + 1)
        }
        Instruction::Fold { canonical, .. } if byte.is_ascii() => {
            (byte.to_ascii_uppercase() as char == canonical).then_some(at + 1)
        }
        instruction => {
            let character = text[at..].chars().next()?;
            let taken = match instruction {
                Instruction::Char { character: wanted, .. } => character == wanted,
                Instruction::Fold { canonical, .. } => canonicalize(character) == canonical,
                Instruction::Class { class, .. } => program.classes[class as usize].contains(character),
                _ => false,
            };
            taken.then_some(at + character.len_utf8())
        }
    }
}
