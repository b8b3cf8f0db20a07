//! Calls: of lambdas, built-ins and what is made of them.

use stepwell_value::Value;

use crate::builtin::{self, Builtin};
use crate::error::{Error, Run};
use crate::eval::{Evaluator, FrameId, Function, NO_FRAME};
use crate::item::Item;
use crate::node::{Call, Kind, Lambda, Node, NodeId};
use crate::program::Code;

impl<'v> Evaluator<'v> {
    /// Calls what `call` names. `applied`: the left side of `~>`, given before the arguments.
    #[inline(never)]
    pub(super) fn call(
        &mut self,
        node: &'v Node,
        call: &'v Call,
        input: &Item<'v>,
        frame: FrameId,
        applied: Option<Item<'v>>,
    ) -> Run<Item<'v>> {
        let procedure = self.eval(call.procedure, input, frame)?;
        if procedure.is_undefined() {
            self.check_forgotten(call, frame, node.position, "T1005")?;
        }
        let mut arguments = self.take_arguments();
        arguments.extend(applied);
        for argument in &call.arguments {
            let item = self.eval(*argument, input, frame)?;
            arguments.push(item);
        }
        self.caller_frame = frame;
        match self.apply(&procedure, arguments, input) {
            Ok(item) => Ok(item),
            Err(mut err) => {
                if err.kind() == crate::ErrorKind::Expression {
                    err.set_token_if_missing(call.name.as_ref());
                    err.position = node.position as usize;
                }
                Err(err)
            }
        }
    }

    /// Helps who wrote `sum(x)` and meant `$sum(x)`.
    #[inline(never)]
    fn check_forgotten(&mut self, call: &'v Call, frame: FrameId, position: u32, code: &'static str) -> Run<()> {
        if let (Some(variable), Some(name)) = (call.forgotten, &call.name) {
            let meant = self.lookup(&self.code.variables[variable as usize], frame)?;
            if !meant.is_undefined() {
                return Error::new(code).at(position).token(name.clone()).boxed();
            }
        }
        Ok(())
    }

    /// Applies a function, and then the calls that it leaves in tail position.
    pub(crate) fn apply(&mut self, function: &Item<'v>, arguments: Vec<Item<'v>>, context: &Item<'v>) -> Run<Item<'v>> {
        if let Item::Builtin(builtin) = function {
            return self.call_builtin(*builtin, arguments, context);
        }
        let base = self.frames.len() as FrameId;
        let mut result = self.apply_once(function, arguments, context)?;
        while let Item::TailCall(id) = result {
            result = self.tail_call(id, base, context)?;
        }
        self.pop_frames(base);
        Ok(result)
    }

    #[inline(never)]
    fn tail_call(&mut self, id: u32, base: FrameId, context: &Item<'v>) -> Run<Item<'v>> {
        self.tick(1)?;
        let Function::TailCall { code, call, frame, input } = &self.functions[id as usize] else {
            return Error::new("T1006").boxed();
        };
        let (code, call, frame, input): (&'v Code, NodeId, FrameId, Item<'v>) = (code, *call, *frame, input.clone());
        if self.functions.len() as u32 == id + 1 {
            self.functions.pop();
        } else {
            // Functions were made since; the place stays, and is paid for.
            self.charge(96)?;
        }
        let outer = std::mem::replace(&mut self.code, code);
        let node = &code.nodes[call as usize];
        let Kind::Call(call) = &node.kind else { return Error::new("T1006").boxed() };
        let function = self.eval(call.procedure, &input, frame)?;
        let mut arguments = self.take_arguments();
        for argument in &call.arguments {
            let item = self.eval(*argument, &input, frame)?;
            arguments.push(item);
        }
        self.code = outer;
        self.caller_frame = frame;
        // What is called may be a function of the frames that end here: those are captured and stay.
        self.pop_frames(base);
        self.apply_once(&function, arguments, context).map_err(|mut err| {
            if err.kind() == crate::ErrorKind::Expression {
                err.set_token_if_missing(call.name.as_ref());
                err.position = code.nodes[call.procedure as usize].position as usize;
            }
            err
        })
    }

    fn apply_once(&mut self, function: &Item<'v>, mut arguments: Vec<Item<'v>>, context: &Item<'v>) -> Run<Item<'v>> {
        match function {
            Item::Builtin(builtin) => self.call_builtin(*builtin, arguments, context),
            Item::Function(id) => {
                if let Function::Lambda { code, lambda, frame, input } = &self.functions[*id as usize] {
                    let (code, lambda, frame, input) = (*code, *lambda, *frame, input.clone());
                    if let Some(signature) = &lambda.signature {
                        signature.fit(&mut arguments, context)?;
                    }
                    return self.call_lambda(code, lambda, frame, &input, arguments);
                }
                self.apply_made(*id, arguments)
            }
            Item::Regex(regex) => {
                let text = arguments.first().and_then(Item::to_str).unwrap_or_default();
                let from = arguments.get(1).and_then(Item::as_number).unwrap_or(0.0);
                let from = builtin::byte_offset(&text, from);
                self.match_object(regex, text, from)
            }
            _ => Error::new("T1006").boxed(),
        }
    }

    #[inline]
    fn call_lambda(
        &mut self,
        code: &'v Code,
        lambda: &'v Lambda,
        parent: FrameId,
        input: &Item<'v>,
        mut arguments: Vec<Item<'v>>,
    ) -> Run<Item<'v>> {
        let outer = std::mem::replace(&mut self.code, code);
        let frame = if lambda.slots_in_order {
            self.push_call_frame(parent, lambda.scope, lambda.slots.len(), &mut arguments)
        } else {
            let frame = self.push_frame(parent, lambda.scope);
            let mut given = arguments.drain(..);
            for slot in &lambda.slots {
                let argument = given.next().unwrap_or_default();
                self.bind(frame, *slot, argument);
            }
            frame
        };
        self.give_back(arguments);
        let result = self.eval(lambda.body, input, frame)?;
        self.code = outer;
        if !matches!(result, Item::TailCall(_)) {
            self.pop_frames(frame);
        }
        Ok(result)
    }

    /// Applies a function that was made from others.
    #[inline(never)]
    fn apply_made(&mut self, id: u32, mut arguments: Vec<Item<'v>>) -> Run<Item<'v>> {
        self.check_stack()?;
        self.tick(1)?;
        match &self.functions[id as usize] {
            Function::Partial { target, arguments: given } => {
                let (target, given) = (target.clone(), given.clone());
                let mut rest = std::mem::take(&mut arguments).into_iter();
                let mut filled: Vec<Item<'v>> =
                    given.into_iter().map(|item| item.unwrap_or_else(|| rest.next().unwrap_or_default())).collect();
                // As in the reference, the signature is not looked at again.
                if let Item::Function(target) = target
                    && let Function::Lambda { code, lambda, frame, input } = &self.functions[target as usize]
                {
                    let (code, lambda, frame, input) = (*code, *lambda, *frame, input.clone());
                    return self.call_lambda(code, lambda, frame, &input, filled);
                }
                if let Item::Builtin(builtin) = target {
                    filled.truncate(builtin.signature().n_parameters());
                }
                self.apply_once(&target, filled, &Item::null())
            }
            Function::Chain(first, second) => {
                let (first, second) = (first.clone(), second.clone());
                arguments.truncate(1);
                self.enter()?;
                let between = self.apply(&first, arguments, &Item::null())?;
                self.leave();
                self.apply_once(&second, vec![between], &Item::null())
            }
            Function::Transform { code, node, frame } => {
                let (code, node, frame) = (*code, *node, *frame);
                if arguments.len() > 1
                    || arguments
                        .first()
                        .is_none_or(|item| !item.is_undefined() && !item.is_array() && !item.is_object())
                {
                    let index = if arguments.len() > 1 { 2 } else { 1 };
                    return Error::new("T0410").insert("index", index.to_string()).boxed();
                }
                let outer = std::mem::replace(&mut self.code, code);
                let input = arguments.pop().unwrap_or_default();
                let result = self.transform(node, frame, input)?;
                self.code = outer;
                Ok(result)
            }
            Function::NextMatch { regex, text, from, position } => {
                let (regex, text, from, position) = (*regex, text.clone(), *from, *position);
                self.next_match_object(regex, text, from, position)
            }
            Function::Lambda { .. } | Function::TailCall { .. } => Error::new("T1006").boxed(),
        }
    }

    fn call_builtin(&mut self, builtin: Builtin, mut arguments: Vec<Item<'v>>, context: &Item<'v>) -> Run<Item<'v>> {
        let entry = builtin.entry();
        self.tick(1)?;
        builtin.signature().fit(&mut arguments, context)?;
        let result = (entry.run)(self, &mut builtin::Call { arguments: &mut arguments, context });
        self.give_back(arguments);
        result
    }

    /// How many arguments a function takes, as higher-order functions see it.
    pub(crate) fn arity(&self, function: &Item<'v>) -> usize {
        match function {
            Item::Builtin(builtin) => builtin.entry().arity as usize,
            Item::Regex(_) => 2,
            Item::Function(id) => match &self.functions[*id as usize] {
                Function::Lambda { lambda, .. } => lambda.parameters.len(),
                Function::Partial { arguments, .. } => arguments.iter().filter(|item| item.is_none()).count(),
                Function::Chain(..) | Function::Transform { .. } => 1,
                Function::NextMatch { .. } | Function::TailCall { .. } => 0,
            },
            _ => 0,
        }
    }

    #[inline(never)]
    pub(super) fn partial(
        &mut self,
        node: &'v Node,
        call: &'v Call,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(match &self.code.nodes[*argument as usize].kind {
                Kind::Gap => None,
                _ => Some(self.eval(*argument, input, frame)?),
            });
        }
        let target = self.eval(call.procedure, input, frame)?;
        if target.is_undefined() {
            self.check_forgotten(call, frame, node.position, "T1007")?;
        }
        if !target.is_function() {
            let mut error = Error::new("T1008").at(node.position);
            error.token = call.name.clone().map(Value::Str);
            return error.boxed();
        }
        self.charge(24 * arguments.len() as u64)?;
        self.capture(NO_FRAME, Function::Partial { target, arguments })
    }

    #[inline(never)]
    pub(super) fn apply_operator(
        &mut self,
        node: &'v Node,
        left: NodeId,
        right: NodeId,
        input: &Item<'v>,
        frame: FrameId,
    ) -> Run<Item<'v>> {
        let applied = self.eval(left, input, frame)?;
        let right_node = &self.code.nodes[right as usize];
        if let Kind::Call(call) = &right_node.kind {
            return self.call(right_node, call, input, frame, Some(applied));
        }
        let function = self.eval(right, input, frame)?;
        if !function.is_function() {
            return Error::new("T2006").at(node.position).boxed();
        }
        if applied.is_function() {
            return self.capture(NO_FRAME, Function::Chain(applied, function));
        }
        self.caller_frame = frame;
        self.apply(&function, vec![applied], &Item::null())
    }
}
