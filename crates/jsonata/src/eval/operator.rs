//! Operators on two values.

use std::cmp::Ordering;

use stepwell_value::{Str, Value};

use crate::error::{Error, Run};
use crate::eval::{Evaluator, FrameId, finite};
use crate::item::{Item, Range};
use crate::node::{Node, NodeId, Op};
use crate::text;

/// Texts up to here are put together in a buffer that is used again.
const BUFFERED_MAX: usize = 256;

/// Longest range that the reference allows.
const RANGE_MAX: f64 = 1e7;

impl<'v> Evaluator<'v> {
    pub(super) fn binary(&mut self, op: Op, left: Item<'v>, right: Item<'v>, position: u32) -> Run<Item<'v>> {
        let result = match op {
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => arithmetic(op, &left, &right),
            Op::Equal | Op::NotEqual => {
                if left.is_undefined() || right.is_undefined() {
                    return Ok(Item::bool(false));
                }
                self.items_equal(&left, &right).map(|equal| Item::bool(equal == (op == Op::Equal)))
            }
            Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => self.compare(op, &left, &right),
            Op::Concatenate => self.concatenate(&left, &right),
            Op::Range => self.range(&left, &right),
            Op::In => self.includes(&left, &right),
        };
        result.map_err(|mut err| {
            if err.kind() == crate::ErrorKind::Expression {
                err.position = position as usize;
                err.token = Some(Value::from(op.text()));
            }
            err
        })
    }

    pub(crate) fn items_equal(&mut self, left: &Item<'v>, right: &Item<'v>) -> Run<bool> {
        match (left, right) {
            (Item::Function(a), Item::Function(b)) => Ok(a == b),
            (Item::Builtin(a), Item::Builtin(b)) => Ok(a == b),
            (Item::Regex(a), Item::Regex(b)) => Ok(std::ptr::eq(*a, *b)),
            _ => self.equal(left.view(), right.view()),
        }
    }

    pub(super) fn boolean(&mut self, item: &Item<'v>, node: &'v Node, op: &'static str) -> Run<bool> {
        match self.truth(item) {
            Ok(truth) => Ok(truth.unwrap_or(false)),
            Err(err) => Err(name_operator(err, node, op)),
        }
    }

    /// The right side of `and` and `or`; as in the reference, errors from inside it name the operator.
    pub(super) fn boolean_right(
        &mut self,
        id: NodeId,
        input: &Item<'v>,
        frame: FrameId,
        node: &'v Node,
        op: &'static str,
    ) -> Run<bool> {
        match self.eval(id, input, frame) {
            Ok(item) => self.boolean(&item, node, op),
            Err(err) => Err(name_operator(err, node, op)),
        }
    }

    pub(super) fn negate(&mut self, item: Item<'v>, position: u32) -> Run<Item<'v>> {
        if item.is_undefined() {
            return Ok(item);
        }
        match item.as_number() {
            Some(number) => Ok(Item::number(-finite(number)?)),
            None => {
                let value = self.json_for_error(&item);
                Error::new("D1002").at(position).token("-").insert("value", value).boxed()
            }
        }
    }

    fn compare(&mut self, op: Op, left: &Item<'v>, right: &Item<'v>) -> Run<Item<'v>> {
        let comparable = |item: &Item<'v>| item.is_undefined() || item.as_number().is_some() || item.as_str().is_some();
        if !comparable(left) || !comparable(right) {
            return Error::new("T2010").boxed();
        }
        if left.is_undefined() || right.is_undefined() {
            return Ok(Item::Undefined);
        }
        let Some(ordering) = order(left, right) else {
            let (value, value2) = (self.json_for_error(left), self.json_for_error(right));
            return Error::new("T2009").insert("value", value).insert("value2", value2).boxed();
        };
        if let (Some(a), Some(b)) = (left.as_number(), right.as_number())
            && (a.is_nan() || b.is_nan())
        {
            return Ok(Item::bool(false));
        }
        Ok(Item::bool(match op {
            Op::Less => ordering.is_lt(),
            Op::LessEqual => ordering.is_le(),
            Op::Greater => ordering.is_gt(),
            _ => ordering.is_ge(),
        }))
    }

    fn concatenate(&mut self, left: &Item<'v>, right: &Item<'v>) -> Run<Item<'v>> {
        let mut out = String::new();
        if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
            // Charged before it is made: this is how strings double.
            self.charge_text(left)?;
            self.charge_text(right)?;
            if left.len() + right.len() <= BUFFERED_MAX {
                self.buffer.clear();
                self.buffer.push_str(left);
                self.buffer.push_str(right);
                return Ok(Item::string(Str::new(&self.buffer)));
            }
            out.reserve_exact(left.len() + right.len());
            out.push_str(left);
            out.push_str(right);
            return Ok(Item::string(out));
        }
        self.append_text(left, &mut out)?;
        self.append_text(right, &mut out)?;
        Ok(Item::string(out))
    }

    fn range(&mut self, left: &Item<'v>, right: &Item<'v>) -> Run<Item<'v>> {
        let integer =
            |item: &Item<'v>| item.as_number().is_some_and(|number| number.is_finite() && number.fract() == 0.0);
        if !left.is_undefined() && !integer(left) {
            return Error::new("T2003").boxed();
        }
        if !right.is_undefined() && !integer(right) {
            return Error::new("T2004").boxed();
        }
        let (Some(start), Some(end)) = (left.as_number(), right.as_number()) else { return Ok(Item::Undefined) };
        if start > end {
            return Ok(Item::Undefined);
        }
        let len = end - start + 1.0;
        if len > RANGE_MAX {
            return Error::new("D2014").insert("value", stepwell_value::js_number_text(len)).boxed();
        }
        // AWS: 12 bytes per item, and so much once that 873,782 items pass and one more does not (reference, 3.6).
        if self.code.profile.charges_ranges_at_once() {
            self.charge(370 + 12 * len as u64)?;
        }
        self.tick(len as u64 / 16)?;
        Ok(Item::Range(Range { start: start as i64, len: len as u32, cons: false }))
    }

    fn includes(&mut self, left: &Item<'v>, right: &Item<'v>) -> Run<Item<'v>> {
        if left.is_undefined() || right.is_undefined() {
            return Ok(Item::bool(false));
        }
        if !right.is_array() {
            return Ok(Item::bool(identical(left, right)));
        }
        self.tick(right.len() as u64)?;
        if let Item::Ref(Value::Array(array)) = right {
            return Ok(Item::bool(array.iter().any(|value| identical(left, &Item::Ref(value)))));
        }
        Ok(Item::bool((0..right.len()).any(|index| identical(left, &right.at(index)))))
    }
}

fn name_operator(mut err: Box<Error>, node: &Node, op: &'static str) -> Box<Error> {
    if err.kind() == crate::ErrorKind::Expression {
        err.position = node.position as usize;
        err.token = Some(Value::from(op));
    }
    err
}

#[inline]
fn arithmetic<'v>(op: Op, left: &Item<'v>, right: &Item<'v>) -> Run<Item<'v>> {
    let (a, b) = match (left, right) {
        (Item::Undefined, Item::Undefined) => return Ok(Item::Undefined),
        (Item::Undefined, right) => (f64::NAN, operand(right, "T2002")?),
        (left, Item::Undefined) => (operand(left, "T2001")?, f64::NAN),
        (left, right) => (operand(left, "T2001")?, operand(right, "T2002")?),
    };
    if left.is_undefined() || right.is_undefined() {
        return Ok(Item::Undefined);
    }
    Ok(Item::number(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide => a / b,
        _ => a % b,
    }))
}

fn operand(item: &Item<'_>, code: &'static str) -> Run<f64> {
    match item.as_number() {
        Some(number) if number.is_nan() => Error::new(code).boxed(),
        Some(number) => finite(number),
        None => Error::new(code).boxed(),
    }
}

/// How two numbers or two strings compare; None for anything else. Strings go by UTF-16 units.
pub(crate) fn order(left: &Item<'_>, right: &Item<'_>) -> Option<Ordering> {
    match (left.as_value()?, right.as_value()?) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Str(a), Value::Str(b)) => Some(text::compare_utf16(a, b)),
        (a, b) => Some(a.as_f64()?.partial_cmp(&b.as_f64()?).unwrap_or(Ordering::Equal)),
    }
}

/// JavaScript's `===`: containers are equal only to themselves.
fn identical(left: &Item<'_>, right: &Item<'_>) -> bool {
    match (left, right) {
        (Item::Function(a), Item::Function(b)) => a == b,
        (Item::Builtin(a), Item::Builtin(b)) => a == b,
        (Item::List(a), Item::List(b)) => std::rc::Rc::ptr_eq(a, b),
        (Item::Map(a), Item::Map(b)) => std::rc::Rc::ptr_eq(a, b),
        _ => match (left.as_value(), right.as_value()) {
            (Some(Value::Array(a)), Some(Value::Array(b))) => a.is_same(b),
            (Some(Value::Object(a)), Some(Value::Object(b))) => a.is_same(b),
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
    }
}
