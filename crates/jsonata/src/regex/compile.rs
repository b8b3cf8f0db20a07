//! From the syntax tree to instructions, built from the last to the first: each node is given the instruction that
//! follows it, and gives back the one that it begins with.
//!
//! JavaScript rejects a round of a loop that matched nothing once the loop's minimum is reached. A program that may
//! forget how it came to an instruction cannot compare places, so in linear programs the instructions themselves
//! know: a body that can match nothing is compiled with two continuations, one for the case that it has taken no
//! character so far and one for the case that it has. The first leads nowhere at the end of a round. Parts that
//! always take a character are shared by both.

use super::parse::{Node, Pattern, UNBOUNDED};
use super::program::{Bounds, Instruction, Pc, Program};
use super::{Flags, PatternError, class};

/// Largest linear program, in instructions; counted repetitions are written out in it.
const LINEAR_INSTRUCTIONS_MAX: usize = 200_000;

/// Largest linear program times the slots of its threads.
const LINEAR_SLOTS_MAX: usize = 1 << 20;

/// Largest program, in instructions.
const INSTRUCTIONS_MAX: usize = 1 << 18;

pub(super) fn compile(pattern: Pattern, flags: Flags) -> Result<Program, PatternError> {
    let n_groups = pattern.n_groups as usize;
    let mut linear = None;
    if !pattern.root.needs_backtracking() {
        let slots = (2 * n_groups).max(1);
        linear = assemble(&pattern, flags, true, LINEAR_INSTRUCTIONS_MAX.min(LINEAR_SLOTS_MAX / slots)).ok();
    }
    let is_linear = linear.is_some();
    let (compiler, entry) = match linear {
        Some(assembled) => assembled,
        None => assemble(&pattern, flags, false, INSTRUCTIONS_MAX)
            .map_err(|TooLarge| PatternError { message: "Regular expression too large", offset: 0 })?,
    };
    let (instructions, n_slots) = (compiler.instructions, compiler.n_slots as usize);
    Ok(Program { instructions, classes: pattern.classes, entry, n_groups, n_slots, linear: is_linear })
}

fn assemble(pattern: &Pattern, flags: Flags, linear: bool, size_max: usize) -> Result<(Compiler, Pc), TooLarge> {
    let n_slots = 2 * pattern.n_groups;
    let mut compiler = Compiler { instructions: Vec::new(), n_slots, linear, size_max, flags, behind: false };
    compiler.emit(Instruction::Fail)?;
    let end = compiler.emit(Instruction::Match)?;
    let entry = compiler.node(&pattern.root, Then::always(end))?;
    Ok((compiler, entry.fresh))
}

struct TooLarge;

struct Compiler {
    instructions: Vec<Instruction>,
    n_slots: u32,
    linear: bool,
    size_max: usize,
    flags: Flags,
    /// Inside a lookbehind, which is matched from its end to its beginning.
    behind: bool,
}

const FAIL: Pc = 0;

/// Where to go on: `fresh` if the round of the innermost loop has taken no character so far, `moved` if it has.
/// The two are one wherever that makes no difference.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Then {
    fresh: Pc,
    moved: Pc,
}

impl Then {
    fn always(pc: Pc) -> Then {
        Then { fresh: pc, moved: pc }
    }
}

impl Compiler {
    fn emit(&mut self, instruction: Instruction) -> Result<Pc, TooLarge> {
        if self.instructions.len() >= self.size_max {
            return Err(TooLarge);
        }
        self.instructions.push(instruction);
        Ok(self.instructions.len() as Pc - 1)
    }

    /// Emits an instruction that takes no character before each continuation.
    fn emit_both(&mut self, then: Then, make: impl Fn(Pc) -> Instruction) -> Result<Then, TooLarge> {
        let moved = self.emit(make(then.moved))?;
        let fresh = if then.fresh == then.moved { moved } else { self.emit(make(then.fresh))? };
        Ok(Then { fresh, moved })
    }

    fn node(&mut self, node: &Node, then: Then) -> Result<Then, TooLarge> {
        let multi_line = self.flags.multi_line;
        match node {
            Node::Empty => Ok(then),
            Node::Char(character) => self.character(self.literal(*character), then),
            Node::Class(class) => self.character(Instruction::Class { class: *class, next: then.moved }, then),
            Node::Start => self.emit_both(then, |next| Instruction::Start { multi_line, next }),
            Node::End => self.emit_both(then, |next| Instruction::End { multi_line, next }),
            Node::Boundary { negated } => {
                self.emit_both(then, |next| Instruction::Boundary { negated: *negated, next })
            }
            Node::Capture { group, node } => {
                let (open, close) = (2 * group, 2 * group + 1);
                let (first, last) = if self.behind { (close, open) } else { (open, close) };
                let then = self.emit_both(then, |next| Instruction::Save { slot: last, next })?;
                let then = self.node(node, then)?;
                self.emit_both(then, |next| Instruction::Save { slot: first, next })
            }
            Node::Concat(nodes) => match self.behind {
                true => nodes.iter().try_fold(then, |then, node| self.node(node, then)),
                false => nodes.iter().rev().try_fold(then, |then, node| self.node(node, then)),
            },
            Node::Alternate(nodes) => {
                let mut alternatives = nodes.iter().rev();
                let last = alternatives.next().unwrap_or(&Node::Empty);
                let last = self.node(last, then)?;
                alternatives.try_fold(last, |rest, node| {
                    let first = self.node(node, then)?;
                    self.split(first, rest)
                })
            }
            Node::Repeat { node, min, max, greedy, groups } => {
                let bounds = Bounds { min: *min, max: *max, greedy: *greedy };
                let clear = (2 * groups.start, 2 * groups.end);
                let simple = !node.nullable() && matches!((min, max), (0, 1) | (0 | 1, &UNBOUNDED));
                match self.linear || simple {
                    true => self.written_out(node, bounds, clear, then),
                    false => self.counted(node, bounds, clear, then),
                }
            }
            Node::BackReference { group } => {
                let (group, ignore_case, behind) = (*group, self.flags.ignore_case, self.behind);
                self.emit_both(then, |next| Instruction::BackReference { group, ignore_case, behind, next })
            }
            Node::Look { node, behind, negative } => {
                let outside = std::mem::replace(&mut self.behind, *behind);
                let end = self.emit(Instruction::LookEnd)?;
                let body = self.node(node, Then::always(end))?.fresh;
                self.behind = outside;
                self.emit_both(then, |next| Instruction::Look { negative: *negative, body, next })
            }
        }
    }

    /// The instruction for one character as the flags want it; its continuation is still open.
    fn literal(&self, character: char) -> Instruction {
        let canonical = class::canonicalize(character);
        let caseless = character.is_ascii() && !character.is_ascii_alphabetic();
        match (self.flags.ignore_case && !caseless, u8::try_from(character)) {
            (true, _) => Instruction::Fold { canonical, next: FAIL },
            (false, Ok(byte)) if byte.is_ascii() => Instruction::Byte { byte, next: FAIL },
            _ => Instruction::Char { character, next: FAIL },
        }
    }

    /// Emits an instruction that takes one character.
    fn character(&mut self, mut instruction: Instruction, then: Then) -> Result<Then, TooLarge> {
        let mut target = then.moved;
        if self.behind {
            target = self.emit(Instruction::StepBack { next: target })?;
        }
        match &mut instruction {
            Instruction::Byte { next, .. }
            | Instruction::Char { next, .. }
            | Instruction::Fold { next, .. }
            | Instruction::Class { next, .. } => *next = target,
            _ => {}
        }
        let mut entry = self.emit(instruction)?;
        if self.behind {
            entry = self.emit(Instruction::StepBack { next: entry })?;
        }
        Ok(Then::always(entry))
    }

    fn split(&mut self, first: Then, second: Then) -> Result<Then, TooLarge> {
        let moved = self.emit(Instruction::Split { first: first.moved, second: second.moved })?;
        let fresh = match (first.fresh, second.fresh) == (first.moved, second.moved) {
            true => moved,
            false => self.emit(Instruction::Split { first: first.fresh, second: second.fresh })?,
        };
        Ok(Then { fresh, moved })
    }

    /// One round of a loop from its beginning, where nothing is taken yet.
    fn round(&mut self, node: &Node, clear: (u32, u32), then: Then) -> Result<Then, TooLarge> {
        let body = self.node(node, then)?;
        match clear {
            (first, end) if first < end => self.emit_both(body, |next| Instruction::Clear { first, end, next }),
            _ => Ok(body),
        }
    }

    /// What follows a round. Only linear programs tell rounds apart that matched nothing; in others, `written_out`
    /// gets no body that can.
    fn round_end(&self, head: Pc) -> Then {
        Then { fresh: if self.linear { FAIL } else { head }, moved: head }
    }

    fn choice(greedy: bool, body: Pc, exit: Pc) -> Instruction {
        let (first, second) = if greedy { (body, exit) } else { (exit, body) };
        Instruction::Split { first, second }
    }

    /// A repetition as many copies of its body, the last of them a loop if there is no upper bound.
    fn written_out(&mut self, node: &Node, bounds: Bounds, clear: (u32, u32), exit: Then) -> Result<Then, TooLarge> {
        let greedy = bounds.greedy;
        let mut then = exit;
        if bounds.max == UNBOUNDED {
            let head = self.emit(Instruction::Fail)?;
            let body = self.round(node, clear, self.round_end(head))?.fresh;
            let takes_one = |instruction| {
                matches!(instruction, Instruction::Byte { next, .. } | Instruction::Char { next, .. }
                | Instruction::Fold { next, .. } | Instruction::Class { next, .. } if next == head)
            };
            self.instructions[head as usize] = match greedy && takes_one(self.instructions[body as usize]) {
                true => Instruction::Run { body, exit: exit.moved },
                false => Self::choice(greedy, body, exit.moved),
            };
            let fresh = match exit.fresh == exit.moved {
                true => head,
                false => self.emit(Self::choice(greedy, body, exit.fresh))?,
            };
            then = Then { fresh, moved: head };
        } else {
            let mut next = exit.moved;
            for remaining in (0..bounds.max - bounds.min).rev() {
                let body = self.round(node, clear, self.round_end(next))?.fresh;
                if body == FAIL {
                    break;
                }
                next = self.emit(Self::choice(greedy, body, exit.moved))?;
                let fresh = match remaining == 0 && exit.fresh != exit.moved {
                    true => self.emit(Self::choice(greedy, body, exit.fresh))?,
                    false => next,
                };
                then = Then { fresh, moved: next };
            }
        }
        for _ in 0..bounds.min {
            let copy = self.round(node, clear, then)?;
            if copy == then {
                break;
            }
            then = copy;
        }
        Ok(then)
    }

    /// A repetition as one body and two registers.
    fn counted(&mut self, node: &Node, bounds: Bounds, clear: (u32, u32), exit: Then) -> Result<Then, TooLarge> {
        let slot = self.n_slots;
        self.n_slots += 2;
        let head = self.emit(Instruction::Fail)?;
        let end = self.emit(Instruction::Round { slot, min: bounds.min, head })?;
        let body = self.round(node, clear, Then::always(end))?.fresh;
        self.instructions[head as usize] = Instruction::Loop { slot, bounds, body, exit: exit.fresh };
        self.emit(Instruction::Zero { slot, next: head }).map(Then::always)
    }
}
