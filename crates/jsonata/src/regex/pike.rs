//! Matching by advancing all threads of a linear program together, in one pass over the text.

use super::OutOfFuel;
use super::backtrack::take;
use super::program::{Instruction, Pc, Prefilter, Program, UNSET, at_boundary, at_end, at_start};

#[derive(Debug, Default)]
pub(super) struct Memory {
    present: Threads,
    following: Threads,
    open: Vec<Open>,
    /// The slots of the thread whose continuations are being collected.
    path: Vec<usize>,
    best: Vec<usize>,
}

impl Memory {
    pub(super) fn slots(&self) -> &[usize] {
        &self.best
    }
}

/// The threads at one place, best first: at most one for each instruction.
#[derive(Debug, Default)]
struct Threads {
    pcs: Vec<Pc>,
    /// For each instruction the number of the list in which it was last; saves clearing it at each place.
    seen: Vec<u32>,
    list: u32,
    /// One row for each of `pcs`: where the match began, and the captures.
    slots: Vec<usize>,
}

impl Threads {
    fn prepare(&mut self, n_instructions: usize) {
        self.seen.clear();
        self.seen.resize(n_instructions, 0);
        self.list = 0;
        self.clear();
    }

    fn clear(&mut self) {
        self.pcs.clear();
        self.slots.clear();
        match self.list.checked_add(1) {
            Some(list) => self.list = list,
            None => {
                self.seen.fill(0);
                self.list = 1;
            }
        }
    }
}

/// What is left to do while the continuations of a thread are collected.
#[derive(Clone, Copy, Debug)]
enum Open {
    Visit(Pc),
    Restore { slot: usize, value: usize },
}

/// The first match at `at` or behind it. Each visit of an instruction spends a unit of fuel.
pub(super) fn find(
    program: &Program,
    prefilter: &Prefilter,
    memory: &mut Memory,
    text: &str,
    mut at: usize,
    fuel: &mut u64,
) -> Result<Option<(usize, usize)>, OutOfFuel> {
    let Memory { present, following, open, path, best } = memory;
    let n_captures = 2 * program.n_groups;
    let width = n_captures + 1;
    present.prepare(program.instructions.len());
    following.prepare(program.instructions.len());
    *fuel = fuel.saturating_sub(program.instructions.len() as u64 / 16);
    // Copying the slots of a thread counts as well.
    let price = 1 + width as u64 / 16;
    let mut matched = None;
    loop {
        if matched.is_none() {
            if present.pcs.is_empty() {
                match prefilter.next(text, at, fuel) {
                    Some(candidate) => at = candidate,
                    None => return Ok(None),
                }
            }
            path.clear();
            path.resize(width, UNSET);
            path[0] = at;
            collect(program, text, at, program.entry, present, open, path, fuel)?;
        }
        if present.pcs.is_empty() && matched.is_some() {
            return Ok(matched);
        }
        let length = text[at..].chars().next().map_or(0, char::len_utf8);
        following.clear();
        for index in 0..present.pcs.len() {
            *fuel = fuel.checked_sub(price).ok_or(OutOfFuel)?;
            let pc = present.pcs[index];
            let slots = &present.slots[index * width..(index + 1) * width];
            match program.instructions[pc as usize] {
                Instruction::Match => {
                    matched = Some((slots[0], at));
                    best.clear();
                    best.extend_from_slice(&slots[1..]);
                    // What follows in the list is less preferred.
                    break;
                }
                Instruction::Byte { next, .. }
                | Instruction::Char { next, .. }
                | Instruction::Fold { next, .. }
                | Instruction::Class { next, .. } => {
                    if let Some(behind) = take(program, text, pc, at) {
                        path.clear();
                        path.extend_from_slice(slots);
                        collect(program, text, behind, next, following, open, path, fuel)?;
                    }
                }
                _ => {}
            }
        }
        if length == 0 {
            return Ok(matched);
        }
        at += length;
        std::mem::swap(present, following);
    }
}

/// Adds to `threads` all instructions that `entry` leads to without taking a character.
#[expect(clippy::too_many_arguments, reason = "the innermost loop; its memory belongs to the caller")]
fn collect(
    program: &Program,
    text: &str,
    at: usize,
    entry: Pc,
    threads: &mut Threads,
    open: &mut Vec<Open>,
    path: &mut [usize],
    fuel: &mut u64,
) -> Result<(), OutOfFuel> {
    open.clear();
    open.push(Open::Visit(entry));
    while let Some(step) = open.pop() {
        let mut pc = match step {
            Open::Visit(pc) => pc,
            Open::Restore { slot, value } => {
                path[slot] = value;
                continue;
            }
        };
        loop {
            *fuel = fuel.checked_sub(1).ok_or(OutOfFuel)?;
            if std::mem::replace(&mut threads.seen[pc as usize], threads.list) == threads.list {
                break;
            }
            let next = match program.instructions[pc as usize] {
                Instruction::Split { first, second } | Instruction::Run { body: first, exit: second } => {
                    open.push(Open::Visit(second));
                    Some(first)
                }
                Instruction::Save { slot, next } => {
                    let slot = slot as usize + 1;
                    open.push(Open::Restore { slot, value: path[slot] });
                    path[slot] = at;
                    Some(next)
                }
                Instruction::Clear { first, end, next } => {
                    let cleared = first as usize + 1..end as usize + 1;
                    for (slot, value) in cleared.clone().zip(&mut path[cleared]) {
                        if *value != UNSET {
                            open.push(Open::Restore { slot, value: *value });
                            *value = UNSET;
                        }
                    }
                    Some(next)
                }
                Instruction::Start { multi_line, next } => at_start(text, at, multi_line).then_some(next),
                Instruction::End { multi_line, next } => at_end(text, at, multi_line).then_some(next),
                Instruction::Boundary { negated, next } => (at_boundary(text, at) != negated).then_some(next),
                Instruction::Fail => None,
                // Takes a character, or is the end: a thread of its own.
                _ => {
                    threads.pcs.push(pc);
                    threads.slots.extend_from_slice(path);
                    None
                }
            };
            match next {
                Some(next) => pc = next,
                None => break,
            }
        }
    }
    Ok(())
}
