//! What an expression of a state sees: context object, variables, time and chance.

use std::cell::{Cell, OnceCell};

use stepwell_asl::Scope;
use stepwell_asl::program::{State, StateKind};
use stepwell_aws::Pattern;
use stepwell_value::{Object, Str, Value};

use crate::chance::Draws;
use crate::execution::{AttemptId, Execution, Frame, OpenTask, Phase};
use crate::signal::Turn;

/// The item that a Map's `ItemSelector` is evaluated for.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) index: u32,
    pub(crate) key: Option<&'a Str>,
    pub(crate) value: &'a Value,
    pub(crate) source: &'a str,
}

/// What only some evaluations see.
#[derive(Clone, Copy, Default)]
pub(crate) struct Focus<'a> {
    /// The attempt of a task that is about to be made.
    pub(crate) attempt: Option<AttemptId>,
    /// An item of a Map state.
    pub(crate) item: Option<Item<'a>>,
}

/// The surroundings of one evaluation.
pub(crate) struct View<'a> {
    execution: &'a Execution,
    frame: &'a Frame,
    state: &'a State,
    turn: Turn<'a>,
    focus: Focus<'a>,
    draws: Draws,
    context: OnceCell<Value>,
    fuel: Cell<u64>,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        execution: &'a Execution,
        frame: &'a Frame,
        state: &'a State,
        turn: Turn<'a>,
        focus: Focus<'a>,
    ) -> View<'a> {
        let draws = Draws::new(execution.identity.seed, execution.evaluations);
        View { execution, frame, state, turn, focus, draws, context: OnceCell::new(), fuel: Cell::new(0) }
    }

    pub(crate) fn fuel(&self) -> u64 {
        self.fuel.get()
    }

    fn make_context(&self) -> Value {
        let mut context = Object::with_capacity(5);
        context.insert("Execution", self.execution_context());
        let identity = &self.execution.identity;
        context.insert(
            "StateMachine",
            [("Id", identity.state_machine_arn.clone().into()), ("Name", identity.state_machine_name.clone().into())]
                .into_iter()
                .collect(),
        );
        let mut state = Object::with_capacity(3);
        state.insert("Name", self.state.name.clone().into());
        state.insert("EnteredTime", self.frame.entered.to_string().into());
        if matches!(self.state.kind, StateKind::Task(_) | StateKind::Parallel { .. } | StateKind::Map(_)) {
            state.insert("RetryCount", self.frame.retries.iter().sum::<u32>().into());
        }
        context.insert("State", state.into());
        if let (StateKind::Task(task), Some(attempt)) = (&self.state.kind, self.attempt())
            && matches!(task.resource.pattern(), Pattern::WaitForTaskToken | Pattern::Sync | Pattern::Sync2)
        {
            let token = self.turn.host.token(identity, attempt);
            context.insert("Task", [("Token", token.into())].into_iter().collect());
        }
        if let Some(Item { index, key, value, source }) = self.focus.item {
            let mut item = Object::with_capacity(4);
            item.insert("Index", index.into());
            if let Some(key) = key {
                item.insert("Key", key.clone().into());
            }
            item.insert("Value", value.clone());
            item.insert("Source", source.into());
            context.insert("Map", [("Item", item.into())].into_iter().collect());
        }
        context.into()
    }

    fn attempt(&self) -> Option<AttemptId> {
        match &self.frame.phase {
            Phase::Task(OpenTask { attempt, .. }) => Some(*attempt),
            _ => self.focus.attempt,
        }
    }

    fn execution_context(&self) -> Value {
        let Execution { identity, input, started, redrive_count, redriven, .. } = self.execution;
        let mut execution = Object::with_capacity(7);
        execution.insert("Id", identity.arn.clone().into());
        execution.insert("Input", input.value().clone());
        execution.insert("StartTime", started.to_string().into());
        execution.insert("Name", identity.name.clone().into());
        execution.insert("RoleArn", identity.role_arn.clone().map_or(Value::Null, Value::from));
        if identity.shows_redrive_count {
            execution.insert("RedriveCount", (*redrive_count).into());
        }
        if let Some(redriven) = redriven {
            execution.insert("RedriveTime", redriven.to_string().into());
        }
        execution.into()
    }
}

impl Scope for View<'_> {
    fn context(&self) -> &Value {
        self.context.get_or_init(|| self.make_context())
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let mut frame = self.frame;
        loop {
            if let Some(value) = frame.variables.get(name) {
                return Some(value);
            }
            frame = self.execution.frames.get(&frame.parent?)?;
        }
    }

    fn now_ms(&self) -> i64 {
        self.turn.now.0
    }

    fn random(&self) -> u64 {
        self.draws.next()
    }

    fn spend(&self, fuel: u64) {
        self.fuel.set(self.fuel.get().saturating_add(fuel));
    }
}
