//! The evaluator: a walk over the compiled tree.

mod call;
mod group;
mod operator;
mod path;
mod sort;
mod transform;
mod tuple;

pub(crate) use operator::order;

use stepwell_value::{DEPTH_MAX, Str, Value};

use crate::budget::{Budget, DEADLINE_FUEL, Stack};
use crate::builtin::{Builtin, Pictures};
use crate::error::{DEPTH, Error, MEMORY, Run, TIME};
use crate::item::{FALSE, Item, KEEP, List, OUTER, SEQUENCE, Seq, TRUE, View};
use crate::node::{Global, Kind, Node, NodeId, Place, Variable};
use crate::program::{Arena, Code, Environment, Outcome, RegexLiteral};
use crate::regex::Scratch;
use crate::scope::TOP;
use crate::text;

pub(crate) struct Evaluator<'v> {
    pub(crate) code: &'v Code,
    /// The program that is evaluated; `code` is another one inside of `$eval`.
    outermost: &'v Code,
    environment: &'v Environment<'v>,
    pub(crate) arena: &'v Arena,
    frames: Vec<Frame>,
    slots: Vec<Option<Item<'v>>>,
    pub(crate) functions: Vec<Function<'v>>,
    /// Values of the program's free names, once asked for.
    globals: Vec<Option<Item<'v>>>,
    /// Where short texts are put together.
    pub(crate) buffer: String,
    /// Spare argument lists.
    spare: Vec<Vec<Item<'v>>>,
    /// Where the last call stands: `$eval` sees its variables.
    pub(crate) caller_frame: FrameId,
    now_ms: Option<i64>,
    pub(crate) pictures: Pictures,
    pub(crate) scratch: Scratch,
    depth: u32,
    depth_max: u32,
    /// Fuel until the deadline is asked again.
    slice: u64,
    /// Fuel behind that.
    fuel: u64,
    bytes: u64,
    result_bytes_max: u64,
    /// Found in the result: a number that is not finite.
    met_infinity: bool,
    stack: Stack,
    deadline: Option<Box<dyn FnMut() -> bool>>,
}

/// Index of a frame.
pub(crate) type FrameId = u32;

/// A scope at work: where its slots are, and the frame around it.
///
/// Frames are a stack. One that a function has captured stays until the end, and with it those below; so no
/// frame is ever counted, and closures that refer to one another do not leak.
struct Frame {
    parent: FrameId,
    first_slot: u32,
    captured: bool,
    /// Layout, for `$eval`.
    scope: u32,
    code_is_nested: bool,
}

pub(crate) const NO_FRAME: FrameId = FrameId::MAX;

pub(crate) enum Function<'v> {
    Lambda {
        code: &'v Code,
        lambda: &'v crate::node::Lambda,
        frame: FrameId,
        input: Item<'v>,
    },
    /// Some arguments are given; None are gaps.
    Partial {
        target: Item<'v>,
        arguments: Vec<Option<Item<'v>>>,
    },
    /// `$first ~> $second`
    Chain(Item<'v>, Item<'v>),
    Transform {
        code: &'v Code,
        node: NodeId,
        frame: FrameId,
    },
    /// The next match of a regular expression.
    NextMatch {
        regex: &'v RegexLiteral,
        text: Str,
        from: usize,
        position: u32,
    },
    /// Not callable by users: a call waiting for its caller.
    TailCall {
        code: &'v Code,
        call: NodeId,
        frame: FrameId,
        input: Item<'v>,
    },
}

impl<'v> Evaluator<'v> {
    pub(crate) fn run(
        code: &'v Code,
        environment: &'v Environment<'v>,
        arena: &'v Arena,
        budget: &mut Budget,
    ) -> Run<Outcome> {
        let slice = budget.fuel.min(DEADLINE_FUEL);
        let mut evaluator = Evaluator {
            code,
            outermost: code,
            environment,
            arena,
            frames: Vec::new(),
            slots: Vec::new(),
            functions: Vec::new(),
            globals: vec![None; code.n_globals as usize],
            buffer: String::new(),
            spare: Vec::new(),
            caller_frame: 0,
            now_ms: None,
            pictures: Pictures::default(),
            scratch: Scratch::default(),
            depth: 0,
            depth_max: budget.depth_max,
            slice,
            fuel: budget.fuel - slice,
            bytes: budget.bytes,
            result_bytes_max: budget.result_bytes_max,
            met_infinity: false,
            stack: Stack::here(budget.stack_bytes),
            deadline: budget.deadline.take(),
        };
        let outcome = evaluator.evaluate_root();
        budget.fuel = evaluator.fuel + evaluator.slice;
        budget.bytes = evaluator.bytes;
        budget.deadline = evaluator.deadline.take();
        outcome
    }

    fn evaluate_root(&mut self) -> Run<Outcome> {
        let input = match self.environment.input {
            None => Item::Undefined,
            Some(array @ Value::Array(_)) => Self::wrap_input(Item::Ref(array)),
            Some(value) => Item::Ref(value),
        };
        let frame = self.push_frame(NO_FRAME, TOP);
        let result = self.eval(self.code.root, &input, frame)?;
        self.outcome(&result)
    }

    /// An array as the context item: `$` is the whole array, while paths run over its items.
    pub(crate) fn wrap_input(array: Item<'v>) -> Item<'v> {
        Item::List(std::rc::Rc::new(List::new(vec![array], SEQUENCE | OUTER)))
    }

    /// The input as the expression's `$$` sees it.
    fn root_input(&self) -> Item<'v> {
        self.environment.input.map_or(Item::Undefined, Item::Ref)
    }

    pub(crate) fn host(&self) -> &'v dyn crate::Host {
        self.environment.host
    }

    pub(crate) fn now_ms(&mut self) -> i64 {
        let host = self.environment.host;
        *self.now_ms.get_or_insert_with(|| host.now_ms())
    }

    // Limits.

    /// Spends fuel.
    #[inline(always)]
    pub(crate) fn tick(&mut self, units: u64) -> Run<()> {
        if self.slice >= units {
            self.slice -= units;
            return Ok(());
        }
        self.refill(units)
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, units: u64) -> Run<()> {
        let past = self.deadline.as_mut().is_some_and(|is_past| is_past());
        let total = self.fuel.saturating_add(self.slice);
        if past || total < units {
            (self.fuel, self.slice) = (0, 0);
            return Self::out_of_time().boxed();
        }
        let left = total - units;
        self.slice = left.min(DEADLINE_FUEL);
        self.fuel = left - self.slice;
        Ok(())
    }

    pub(crate) fn out_of_time() -> Error {
        Error::new(TIME).insert("value", "1000")
    }

    /// Runs what spends fuel by itself, in portions so that the deadline is seen.
    pub(crate) fn fuel_portion(&mut self) -> u64 {
        self.fuel.saturating_add(self.slice)
    }

    /// Takes back what is left of a [`portion`](Self::fuel_portion).
    pub(crate) fn spend_portion(&mut self, before: u64, left: u64) -> Run<()> {
        self.tick(before - left)
    }

    /// Charges an allocation.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: u64) -> Run<()> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => {
                self.bytes = 0;
                Error::new(MEMORY).boxed()
            }
        }
    }

    pub(crate) fn bytes_left(&self) -> u64 {
        self.bytes
    }

    /// Charges a list that is built up item by item: a header, and slots that grow by half (AWS's model).
    #[inline]
    pub(crate) fn charge_list(&mut self, len: usize) -> Run<()> {
        self.charge(16 + 12 * len as u64)
    }

    /// Charges a string: one byte per character if all are Latin-1, else two per UTF-16 unit.
    pub(crate) fn charge_text(&mut self, text: &str) -> Run<()> {
        if text.is_ascii() {
            return self.charge(text.len() as u64);
        }
        let units: usize = text.chars().map(char::len_utf16).sum();
        let size = if text.chars().all(|c| c < '\u{100}') { 1 } else { 2 };
        self.charge((units * size) as u64)
    }

    /// Fails where the stack or the depth is used up; for recursion that is no evaluation.
    #[inline]
    pub(crate) fn check_stack(&self) -> Run<()> {
        if self.stack.is_exhausted() {
            return Error::new(DEPTH).boxed();
        }
        Ok(())
    }

    /// Enters an evaluation of the reference's `evaluate`.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Run<()> {
        self.depth += 1;
        if self.depth > self.depth_max || self.stack.is_exhausted() {
            return Error::new(DEPTH).boxed();
        }
        self.tick(1)
    }

    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Checks that `levels` more evaluations may be nested, for those that a short cut makes.
    #[inline(always)]
    pub(crate) fn check_depth(&mut self, levels: u32) -> Run<()> {
        if self.depth + levels > self.depth_max {
            return Error::new(DEPTH).boxed();
        }
        Ok(())
    }

    /// A list made during the evaluation: charged, and refused if nested deeper than values may be.
    pub(crate) fn list(&mut self, items: Vec<Item<'v>>, flags: u8) -> Run<Item<'v>> {
        self.charge_list(items.len())?;
        let list = List::new(items, flags);
        if list.depth > DEPTH_MAX {
            return Error::new(DEPTH).boxed();
        }
        Ok(Item::List(std::rc::Rc::new(list)))
    }

    /// A text made during the evaluation.
    pub(crate) fn text(&mut self, text: String) -> Run<Item<'v>> {
        self.charge_text(&text)?;
        Ok(Item::string(text))
    }

    // Frames.

    /// The frame of a call, its first slots filled with `arguments`.
    #[inline]
    pub(crate) fn push_call_frame(
        &mut self,
        parent: FrameId,
        scope: u32,
        n_parameters: usize,
        arguments: &mut Vec<Item<'v>>,
    ) -> FrameId {
        let first_slot = self.slots.len() as u32;
        let n_slots = self.code.slot_names(scope).len();
        arguments.truncate(n_parameters);
        let n_given = arguments.len();
        self.slots.extend(arguments.drain(..).map(Some));
        // What is not given is bound too, to nothing.
        self.slots.extend((n_given..n_parameters).map(|_| Some(Item::Undefined)));
        self.slots.extend((n_parameters..n_slots).map(|_| None));
        self.frames.push(Frame { parent, first_slot, captured: false, scope, code_is_nested: self.code.is_nested });
        self.frames.len() as FrameId - 1
    }

    pub(crate) fn push_frame(&mut self, parent: FrameId, scope: u32) -> FrameId {
        let first_slot = self.slots.len() as u32;
        let n_slots = self.code.slot_names(scope).len();
        self.slots.extend((0..n_slots).map(|_| None));
        self.frames.push(Frame { parent, first_slot, captured: false, scope, code_is_nested: self.code.is_nested });
        self.frames.len() as FrameId - 1
    }

    /// Drops the frames from `first` on, down to the first that a function has captured.
    pub(crate) fn pop_frames(&mut self, first: FrameId) {
        while self.frames.len() > first as usize {
            let frame = &self.frames[self.frames.len() - 1];
            if frame.captured {
                break;
            }
            self.slots.truncate(frame.first_slot as usize);
            self.frames.pop();
        }
    }

    /// A function that remembers its frame.
    pub(crate) fn capture(&mut self, frame: FrameId, function: Function<'v>) -> Run<Item<'v>> {
        self.charge(96)?;
        if frame != NO_FRAME {
            self.frames[frame as usize].captured = true;
        }
        self.functions.push(function);
        Ok(Item::Function(self.functions.len() as u32 - 1))
    }

    #[inline]
    pub(crate) fn bind(&mut self, frame: FrameId, slot: u32, item: Item<'v>) {
        let first = self.frames[frame as usize].first_slot;
        self.slots[(first + slot) as usize] = Some(item);
    }

    #[inline]
    fn parent(&self, mut frame: FrameId, hops: u32) -> FrameId {
        for _ in 0..hops {
            frame = self.frames[frame as usize].parent;
        }
        frame
    }

    pub(crate) fn lookup(&mut self, variable: &'v Variable, frame: FrameId) -> Run<Item<'v>> {
        for place in &variable.places {
            match *place {
                Place::Slot { hops, slot } => {
                    let frame = self.parent(frame, hops);
                    let first = self.frames[frame as usize].first_slot;
                    if let Some(item) = &self.slots[(first + slot) as usize] {
                        return Ok(item.clone());
                    }
                }
                Place::Tuple { hops, key } => {
                    let frame = self.parent(frame, hops);
                    if let Some(item) = self.binding(frame, key) {
                        return Ok(item);
                    }
                }
            }
        }
        match variable.global {
            Some(global) => self.global(global, &variable.name, frame),
            None => Ok(Item::Undefined),
        }
    }

    #[inline]
    pub(crate) fn parameter(&self, hops: u32, slot: u32, frame: FrameId) -> Item<'v> {
        let first = self.frames[self.parent(frame, hops) as usize].first_slot;
        self.slots[(first + slot) as usize].clone().unwrap_or_default()
    }

    /// What the item of a frame has bound under `key`.
    fn binding(&self, frame: FrameId, key: u32) -> Option<Item<'v>> {
        let first = self.frames[frame as usize].first_slot as usize;
        match self.slots.get(first) {
            Some(Some(Item::Tuple(tuple))) => {
                tuple.bindings.iter().find(|(other, _)| *other == key).map(|(_, item)| item.clone())
            }
            _ => None,
        }
    }

    /// The item that a `%` stands for.
    fn ancestor(&self, slot: u32, frame: FrameId) -> Item<'v> {
        let key = self.code.n_keys + self.code.labels[slot as usize];
        let mut next = frame;
        while next != NO_FRAME {
            let frame = &self.frames[next as usize];
            if self.slots.len() > frame.first_slot as usize
                && let Some(item) = self.binding(next, key)
            {
                return item;
            }
            next = frame.parent;
        }
        Item::Undefined
    }

    #[inline]
    fn global(&mut self, global: Global, name: &str, frame: FrameId) -> Run<Item<'v>> {
        if self.code.is_nested {
            return self.nested_global(name, global.builtin, frame);
        }
        if let Some(Some(item)) = self.globals.get(global.number as usize) {
            return Ok(item.clone());
        }
        let item = self.free(name, global.builtin);
        self.globals[global.number as usize] = Some(item.clone());
        Ok(item)
    }

    /// A name that no frame of the program itself binds, and the function that it may name.
    fn free(&self, name: &str, builtin: Option<Builtin>) -> Item<'v> {
        if name == "$" {
            return self.root_input();
        }
        if let Some(value) = self.environment.variables.get(name) {
            return Item::Ref(value);
        }
        builtin.map_or(Item::Undefined, Item::Builtin)
    }

    /// A name free in a program that `$eval` compiled: it may be bound in a frame of the caller.
    #[inline(never)]
    fn nested_global(&mut self, name: &str, builtin: Option<Builtin>, frame: FrameId) -> Run<Item<'v>> {
        let mut next = frame;
        while next != NO_FRAME {
            self.tick(1)?;
            let frame = &self.frames[next as usize];
            if !frame.code_is_nested {
                let names = self.outermost.slot_names(frame.scope);
                for (index, other) in names.iter().enumerate() {
                    if other == name
                        && let Some(item) = &self.slots[frame.first_slot as usize + index]
                    {
                        return Ok(item.clone());
                    }
                }
            }
            next = frame.parent;
        }
        Ok(self.free(name, builtin))
    }

    // Evaluation.

    /// Evaluates the node `id` with `input` as the context.
    #[inline]
    pub(crate) fn eval(&mut self, id: NodeId, input: &Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        let node = &self.code.nodes[id as usize];
        // The leaves, which are most nodes, nest no further.
        if node.extra.is_none() {
            match &node.kind {
                Kind::Literal(value) => {
                    self.check_depth(1)?;
                    self.tick(1)?;
                    return Ok(Item::Ref(value));
                }
                Kind::Field(name) => {
                    if let Item::Ref(Value::Object(object)) = input {
                        self.check_depth(2)?;
                        self.tick(2)?;
                        return Ok(object.get(name).map_or(Item::Undefined, Item::Ref));
                    }
                }
                _ => {}
            }
        }
        self.eval_node(id, node, input, frame)
    }

    fn eval_node(&mut self, id: NodeId, node: &'v Node, input: &Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        self.enter()?;
        let item = match &node.kind {
            Kind::Literal(value) => Item::Ref(value),
            Kind::Field(name) => {
                let item = self.field(node, name, input)?;
                self.leave();
                return Ok(item);
            }
            Kind::Parameter { hops, slot } => self.parameter(*hops, *slot, frame),
            Kind::Record(members) => self.record(members, node.position, input, frame)?,
            Kind::Path { steps, keep_singleton } => {
                let item = self.path(node, steps, *keep_singleton, input, frame)?;
                self.leave();
                return Ok(item);
            }
            Kind::Variable(variable) => {
                let variable = &self.code.variables[*variable as usize];
                self.lookup(variable, frame)?
            }
            Kind::Context => context(input),
            Kind::Name(name) => {
                let seq = self.names_of(input, name)?;
                self.leave();
                return Ok(Self::collapse(seq, node.keep_array));
            }
            Kind::And(left, right) => {
                let left = self.eval(*left, input, frame)?;
                let bool =
                    self.boolean(&left, node, "and")? && self.boolean_right(*right, input, frame, node, "and")?;
                Item::bool(bool)
            }
            Kind::Or(left, right) => {
                let left = self.eval(*left, input, frame)?;
                let bool = self.boolean(&left, node, "or")? || self.boolean_right(*right, input, frame, node, "or")?;
                Item::bool(bool)
            }
            Kind::Binary(op, left, right) => {
                let left = self.eval(*left, input, frame)?;
                let right = self.eval(*right, input, frame)?;
                self.binary(*op, left, right, node.position)?
            }
            Kind::Condition { condition, then, otherwise } => {
                let condition = self.eval(*condition, input, frame)?;
                if self.truth(&condition)?.unwrap_or(false) {
                    self.eval(*then, input, frame)?
                } else {
                    match otherwise {
                        Some(otherwise) => self.eval(*otherwise, input, frame)?,
                        None => Item::Undefined,
                    }
                }
            }
            Kind::Call(call) => self.call(node, call, input, frame, None)?,
            Kind::Block { expressions, scope } => self.block(expressions, *scope, input, frame)?,
            _ => self.eval_rare(id, node, input, frame)?,
        };
        let item = if node.extra.is_some() { self.apply_extra(node, item, frame)? } else { item };
        self.leave();
        Ok(normalise(item, node.keep_array))
    }

    #[inline(never)]
    fn eval_rare(&mut self, id: NodeId, node: &'v Node, input: &Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        match &node.kind {
            Kind::Negate(operand) => {
                let item = self.eval(*operand, input, frame)?;
                self.negate(item, node.position)
            }
            Kind::Array(items) => self.array(node, items, input, frame),
            Kind::Object(pairs) => self.object(pairs, node.position, input, frame),
            Kind::Bind { slot, value, .. } => {
                let item = self.eval(*value, input, frame)?;
                self.bind(frame, *slot, item.clone());
                Ok(item)
            }
            Kind::Wildcard => self.wildcard(input),
            Kind::Descendants => self.descendants(input),
            Kind::Parent(slot) => Ok(self.ancestor(*slot, frame)),
            Kind::Regex(regex) => Ok(Item::Regex(&self.code.regexes[*regex as usize])),
            Kind::Lambda(lambda) => {
                let code = self.code;
                self.capture(frame, Function::Lambda { code, lambda, frame, input: input.clone() })
            }
            Kind::TailCall(call) => {
                let code = self.code;
                self.functions.push(Function::TailCall { code, call: *call, frame, input: input.clone() });
                Ok(Item::TailCall(self.functions.len() as u32 - 1))
            }
            Kind::Partial(call) => self.partial(node, call, input, frame),
            Kind::Apply(left, right) => self.apply_operator(node, *left, *right, input, frame),
            Kind::Transform(_) => {
                let code = self.code;
                self.capture(frame, Function::Transform { code, node: id, frame })
            }
            _ => Ok(Item::Undefined),
        }
    }

    fn block(
        &mut self,
        expressions: &'v [NodeId],
        scope: Option<u32>,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let inner = match scope {
            Some(scope) => self.push_frame(frame, scope),
            None => frame,
        };
        let mut result = Item::Undefined;
        for expression in expressions {
            result = self.eval(*expression, input, inner)?;
        }
        // A call that waits still needs the frame.
        if scope.is_some() && !matches!(result, Item::TailCall(_)) {
            self.pop_frames(inner);
        }
        Ok(result)
    }

    /// Predicates and group of a node that is no path.
    #[inline(never)]
    fn apply_extra(&mut self, node: &'v Node, item: Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        let Some(extra) = &node.extra else { return Ok(item) };
        let with_bindings = node.tuple && matches!(node.kind, Kind::Block { .. });
        let mut item = item;
        for predicate in &extra.predicates {
            item = match item {
                Item::Stream(tuples) => self.filter_stream(*predicate, &tuples, frame)?,
                item if with_bindings => {
                    let inner = self.push_frame(frame, self.code.item_scope(*predicate));
                    let seq = self.filter(*predicate, Seq::Whole(item), inner)?;
                    self.pop_frames(inner);
                    seq.into_raw()
                }
                item => self.filter(*predicate, Seq::Whole(item), frame)?.into_raw(),
            };
        }
        if let Some(group) = &extra.group {
            item = match item {
                Item::Stream(tuples) => self.group_stream(group, &tuples, frame)?,
                item if with_bindings => {
                    // The members' scopes are those of items with bindings; here there are none.
                    self.group_unbound(group, item, frame)?
                }
                item => self.group(&group.pairs, group.position, item, frame)?,
            };
        }
        Ok(item)
    }

    /// A sequence as `evaluate` gives it back.
    #[inline]
    pub(crate) fn collapse(seq: Seq<'v>, keep: bool) -> Item<'v> {
        match seq {
            Seq::Empty => Item::Undefined,
            Seq::One(item) if keep => Item::List(std::rc::Rc::new(List::new(vec![item], SEQUENCE | KEEP))),
            Seq::One(item) => item,
            Seq::Many(mut items) => {
                if items.len() == 1 && !keep {
                    return items.pop().unwrap_or_default();
                }
                let flags = if keep { SEQUENCE | KEEP } else { SEQUENCE };
                Item::List(std::rc::Rc::new(List::new(items, flags)))
            }
            Seq::Whole(item) => normalise(item, keep),
        }
    }

    /// The reference's `boolean`: None for undefined.
    pub(crate) fn truth(&mut self, item: &Item<'v>) -> Run<Option<bool>> {
        match item {
            Item::Undefined => Ok(None),
            Item::Ref(value) if std::ptr::eq(*value, &TRUE) => Ok(Some(true)),
            Item::Ref(value) if std::ptr::eq(*value, &FALSE) => Ok(Some(false)),
            Item::Stream(_) => Ok(Some(item.len() > 0)),
            item => self.truth_of(item.view()).map(Some),
        }
    }

    fn truth_of(&mut self, view: View<'_, 'v>) -> Run<bool> {
        match view {
            View::Undefined | View::Function => Ok(false),
            View::Int(int) => Ok(int != 0),
            View::Value(Value::Bool(bool)) => Ok(*bool),
            View::Value(Value::Str(text)) => Ok(!text.is_empty()),
            View::Value(Value::Null) => Ok(false),
            View::Value(value) if value.is_number() => {
                let number = finite(value.as_f64().unwrap_or(0.0))?;
                Ok(number != 0.0 && !number.is_nan())
            }
            view => {
                if let Some(len) = view.object_len() {
                    return Ok(len > 0);
                }
                self.check_stack()?;
                let len = view.array_len().unwrap_or(0);
                // All items are looked at, as the reference does: one that is infinite is an error.
                let mut any = false;
                for index in 0..len {
                    self.tick(1)?;
                    any |= self.truth_of(view.item(index))?;
                    if any && matches!(view, View::Range(_)) {
                        break;
                    }
                }
                Ok(any)
            }
        }
    }

    fn outcome(&mut self, result: &Item<'v>) -> Run<Outcome> {
        if result.is_undefined() {
            return Ok(Outcome::Undefined);
        }
        if result.is_function() {
            return Ok(Outcome::NotData);
        }
        let mut left = self.result_bytes_max;
        // What is borrowed from the input is as large as the input: no need to walk it.
        let value = match result {
            Item::Ref(value) => (*value).clone(),
            item => {
                self.measure(item.view(), &mut left)?;
                self.value_of(item)?
            }
        };
        if self.met_infinity && self.code.profile.writes_infinity_as_text() {
            return Ok(Outcome::Value(text::with_infinity_as_text(value)));
        }
        Ok(Outcome::Value(value))
    }

    /// Fails if the JSON text of `view` would be longer than `left`: parts shared many times make a small value huge.
    fn measure(&mut self, view: View<'_, 'v>, left: &mut u64) -> Run<()> {
        self.tick(1)?;
        let own = match view {
            View::Value(Value::Str(text)) => text.len() as u64 + 2,
            View::Value(Value::Float(number)) => {
                self.met_infinity |= !number.is_finite();
                2
            }
            View::Int(_) => 2,
            View::Range(range) => u64::from(range.len) * 2,
            _ => 1,
        };
        *left = match left.checked_sub(own) {
            Some(left) => left,
            None => return Error::new(MEMORY).boxed(),
        };
        match view {
            View::Value(Value::Array(array)) => {
                self.check_stack()?;
                array.iter().try_for_each(|value| self.measure(View::Value(value), left))
            }
            View::Value(Value::Object(object)) => {
                self.check_stack()?;
                object.values().try_for_each(|value| self.measure(View::Value(value), left))
            }
            View::List(list) => {
                self.check_stack()?;
                self.tick(list.items.len() as u64)?;
                list.items.iter().try_for_each(|item| match item {
                    // Borrowed: a part of the input.
                    Item::Ref(_) => Ok(()),
                    item => self.measure(item.view(), left),
                })
            }
            View::Map(map) => {
                self.check_stack()?;
                map.entries.iter().try_for_each(|(_, item)| self.measure(item.view(), left))
            }
            _ => Ok(()),
        }
    }

    /// The item as a JSON value: functions are `null` in arrays and absent in objects.
    pub(crate) fn value_of(&mut self, item: &Item<'v>) -> Run<Value> {
        let value = match item {
            Item::Ref(value) => (*value).clone(),
            Item::Value(value) => value.clone(),
            Item::List(list) => {
                self.check_stack()?;
                let mut values = Vec::with_capacity(list.items.len());
                for item in &list.items {
                    values.push(match item {
                        Item::Ref(value) => (*value).clone(),
                        item => self.value_of(item)?,
                    });
                }
                Value::from(values)
            }
            Item::Range(range) => {
                self.tick(u64::from(range.len) / 8)?;
                if !self.code.profile.charges_ranges_at_once() {
                    self.charge(u64::from(range.len) * size_of::<Value>() as u64)?;
                }
                (0..i64::from(range.len)).map(|index| Value::Int(range.start + index)).collect()
            }
            Item::Map(map) => {
                self.check_stack()?;
                let mut object = stepwell_value::Object::with_capacity(map.entries.len());
                for (key, item) in &map.entries {
                    if !item.is_function() && !item.is_undefined() {
                        let value = self.value_of(item)?;
                        object.insert(key.clone(), value);
                    }
                }
                Value::from(object)
            }
            _ => Value::Null,
        };
        if value.depth() > DEPTH_MAX {
            return Error::new(DEPTH).boxed();
        }
        Ok(value)
    }

    /// The JSON text of an item for an error message, cut where it gets long.
    pub(crate) fn json_for_error(&mut self, item: &Item<'v>) -> String {
        text::for_error(item.view())
    }

    pub(crate) fn take_arguments(&mut self) -> Vec<Item<'v>> {
        self.spare.pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&mut self, mut arguments: Vec<Item<'v>>) {
        arguments.clear();
        if self.spare.len() < 16 {
            self.spare.push(arguments);
        }
    }

    /// Compiles and evaluates `source` where `$eval` stands.
    #[inline(never)]
    pub(crate) fn eval_source(&mut self, source: &str, input: &Item<'v>, frame: FrameId) -> Run<Item<'v>> {
        self.charge(1024 + 64 * source.len() as u64)?;
        self.tick(64 + source.len() as u64)?;
        let code =
            Code::compile(source, self.code.profile, true, self.stack).map_err(|err| within_eval(err, "D3120"))?;
        let nested = self.arena.keep_code(code);
        let outer = self.code;
        self.code = nested;
        let inner = self.push_frame(frame, TOP);
        let result = self.eval(nested.root, input, inner);
        self.pop_frames(inner);
        self.code = outer;
        result.map_err(|err| within_eval(err, "D3121"))
    }
}

/// What `$eval` makes of an error inside. Quoting quotes doubles their escapes, so nested messages are cut.
fn within_eval(err: Box<Error>, code: &'static str) -> Box<Error> {
    const MESSAGE_CHARS_MAX: usize = 1_000;
    if err.kind() != crate::ErrorKind::Expression {
        return err;
    }
    let message: String = err.message().chars().take(MESSAGE_CHARS_MAX).collect();
    Box::new(Error::new(code).insert_quoted("value", &message))
}

/// `$`: the wrapper around an input that is an array does not show.
#[inline]
pub(crate) fn context<'v>(input: &Item<'v>) -> Item<'v> {
    match input {
        Item::List(list) if list.flags & OUTER != 0 => list.items[0].clone(),
        input => input.clone(),
    }
}

/// What `evaluate` does to a result on the way out: a sequence of one is its item, an empty one is undefined.
#[inline(always)]
pub(crate) fn normalise(item: Item<'_>, keep: bool) -> Item<'_> {
    if matches!(item, Item::List(_)) { normalise_list(item, keep) } else { item }
}

#[inline(never)]
fn normalise_list(item: Item<'_>, keep: bool) -> Item<'_> {
    match item {
        Item::List(list) if list.flags & SEQUENCE != 0 => match list.items.len() {
            0 => Item::Undefined,
            1 if list.flags & KEEP == 0 => {
                if keep {
                    return Item::List(std::rc::Rc::new(List::new(list.items.clone(), SEQUENCE | KEEP)));
                }
                list.items[0].clone()
            }
            _ => Item::List(list),
        },
        item => item,
    }
}

/// The reference's `isNumeric` refuses numbers that are not finite.
pub(crate) fn finite(number: f64) -> Run<f64> {
    if number.is_infinite() {
        return Error::new("D1001").insert("value", "null").boxed();
    }
    Ok(number)
}
