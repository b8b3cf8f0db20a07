//! Variables: which scope assigns them, which state refers to them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use stepwell_value::Str;

use super::{RegionSite, StateSite, location};
use crate::compile::DIAGNOSTICS_MAX;
use crate::diagnostic::{Code, Diagnostic};
use crate::jsonpath::{Path, Root};
use crate::program::{
    Condition, DataPath, Items, Map, NumberField, Program, RegionIdx, State, StateKind, TOP, TextField, Wait,
};
use crate::template::{Expression, Template};

/// The variables that each state refers to, by the state's name; states that refer to none are left out.
///
/// This is `variableReferences` of DescribeStateMachine. Names are sorted. What a nested state refers to counts for that
/// state only.
pub fn variable_references(program: &Program) -> BTreeMap<Str, Vec<Str>> {
    let states = program.regions.iter().flat_map(|region| &region.states);
    states
        .filter_map(|state| {
            let names = references(state);
            (!names.is_empty()).then(|| (state.name.clone(), names.into_iter().collect()))
        })
        .collect()
}

/// Reports variables that an inner scope assigns although an outer one does.
///
/// A scope is one `States` object. Children of a distributed Map are executions of their own: they do not see what is
/// outside, and may use its names.
pub(crate) fn scopes(program: &Program, sites: &[RegionSite]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // An explicit list, since regions may be nested deep.
    let mut open: Vec<(RegionIdx, Option<Rc<Scope>>)> = vec![(TOP, None)];
    while let Some((region, outer)) = open.pop() {
        let states = &program.region(region).states;
        let mut names = BTreeSet::new();
        for (n, state) in states.iter().enumerate() {
            for name in assigned(state) {
                if outer.as_ref().is_some_and(|outer| outer.assigns(&name)) && found.len() <= DIAGNOSTICS_MAX {
                    found.push((
                        (region, n),
                        hidden(location(program, sites, region, n), &sites[region.0 as usize].states[n], &name),
                    ));
                }
                names.insert(name);
            }
        }
        let scope = Rc::new(Scope { names, outer });
        for state in states {
            match &state.kind {
                StateKind::Parallel { branches } => {
                    open.extend(branches.iter().map(|branch| (*branch, Some(Rc::clone(&scope)))));
                }
                StateKind::Map(map) => {
                    let visible = map.distributed.is_none().then(|| Rc::clone(&scope));
                    open.push((map.processor, visible));
                }
                _ => {}
            }
        }
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}

/// What a scope assigns, and the one around it.
struct Scope {
    names: BTreeSet<Str>,
    outer: Option<Rc<Scope>>,
}

impl Scope {
    /// Whether this scope or one around it assigns a variable.
    fn assigns(&self, name: &str) -> bool {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if here.names.contains(name) {
                return true;
            }
            scope = here.outer.as_deref();
        }
        false
    }
}

/// AWS refuses such a machine; its text is not known.
fn hidden(location: String, site: &StateSite, name: &str) -> Diagnostic {
    let message = format!("Invalid variable name '{name}': the variable is assigned in an outer scope.");
    let mut diagnostic = Diagnostic::error(Code::InvalidVariableName, message);
    diagnostic.location = Some(format!("{location}/Assign"));
    diagnostic.span = Some(site.key_span);
    diagnostic.hint = Some(format!("give the inner variable another name than {name}"));
    diagnostic
}

/// The variables that a state assigns, anywhere in it.
fn assigned(state: &State) -> BTreeSet<Str> {
    let mut names = BTreeSet::new();
    let mut add = |template: &Option<Template>| match template {
        Some(Template::Object(members)) => names.extend(members.iter().map(|(name, _)| name.clone())),
        Some(Template::Constant(value)) => {
            names.extend(value.as_object().into_iter().flat_map(|object| object.keys().cloned()));
        }
        _ => {}
    };
    add(&state.assign);
    state.catch.iter().for_each(|catcher| add(&catcher.assign));
    if let StateKind::Choice { rules, .. } = &state.kind {
        rules.iter().for_each(|rule| add(&rule.assign));
    }
    names
}

fn references(state: &State) -> BTreeSet<Str> {
    let mut names = Names::default();
    names.data_path(&state.input_path);
    names.data_path(&state.output_path);
    for template in [&state.parameters, &state.result_selector, &state.output, &state.assign] {
        names.templates(template);
    }
    for catcher in &state.catch {
        names.templates(&catcher.output);
        names.templates(&catcher.assign);
    }
    match &state.kind {
        StateKind::Pass { .. } | StateKind::Succeed | StateKind::Parallel { .. } => {}
        StateKind::Task(task) => {
            names.number(&task.timeout_seconds);
            names.number(&task.heartbeat_seconds);
            names.templates(&task.credentials);
        }
        StateKind::Choice { rules, .. } => {
            for rule in rules {
                names.condition(&rule.condition);
                names.templates(&rule.output);
                names.templates(&rule.assign);
            }
        }
        StateKind::Wait(Wait::Seconds(seconds)) => names.number_field(seconds),
        StateKind::Wait(Wait::Timestamp(timestamp)) => names.text_field(timestamp),
        StateKind::Fail { error, cause } => {
            error.iter().chain(cause).for_each(|text| names.text_field(text));
        }
        StateKind::Map(map) => names.map(map),
    }
    names.0
}

/// Names of variables under collection.
#[derive(Default)]
struct Names(BTreeSet<Str>);

impl Names {
    fn path(&mut self, path: &Path) {
        if let Root::Variable(name) = path.root() {
            self.0.insert(name.clone());
        }
    }

    fn expression(&mut self, expression: &Expression) {
        let read = expression.program().references().variables;
        self.0.extend(read.iter().map(|read| read.name).filter(|name| *name != "states").map(Str::new));
    }

    fn data_path(&mut self, path: &DataPath) {
        if let DataPath::Path(path) = path {
            self.path(path);
        }
    }

    fn templates<'t>(&mut self, templates: impl IntoIterator<Item = &'t Template>) {
        templates.into_iter().for_each(|template| self.template(template));
    }

    fn template(&mut self, template: &Template) {
        match template {
            Template::Constant(_) => {}
            Template::Path(path) => self.path(path),
            Template::Intrinsic(call) => self.0.extend(call.variables().into_iter().cloned()),
            Template::Expression(expression) => self.expression(expression),
            Template::Array(items) => items.iter().for_each(|item| self.template(item)),
            Template::Object(members) => members.iter().for_each(|(_, member)| self.template(member)),
        }
    }

    fn number(&mut self, field: &Option<NumberField>) {
        if let Some(field) = field {
            self.number_field(field);
        }
    }

    fn number_field(&mut self, field: &NumberField) {
        match field {
            NumberField::Constant(_) => {}
            NumberField::Path(path) => self.path(path),
            NumberField::Expression(expression) => self.expression(expression),
        }
    }

    fn text_field(&mut self, field: &TextField) {
        match field {
            TextField::Constant(_) => {}
            TextField::Path(path) => self.path(path),
            TextField::Intrinsic(call) => self.0.extend(call.variables().into_iter().cloned()),
            TextField::Expression(expression) => self.expression(expression),
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::And(conditions) | Condition::Or(conditions) => {
                conditions.iter().for_each(|condition| self.condition(condition));
            }
            Condition::Not(condition) => self.condition(condition),
            Condition::IsPresent { variable, .. } | Condition::Compare { variable, .. } => self.path(variable),
            Condition::ComparePath { variable, operand, .. } => {
                self.path(variable);
                self.path(operand);
            }
            Condition::Expression(expression) => self.expression(expression),
            Condition::Constant(_) => {}
        }
    }

    fn map(&mut self, map: &Map) {
        match &map.items {
            Items::Input => {}
            Items::Path(path) => self.path(path),
            Items::Template(template) => self.templates([template]),
        }
        self.templates(&map.item_selector);
        for number in [&map.max_concurrency, &map.tolerated_failure_count, &map.tolerated_failure_percentage] {
            self.number(number);
        }
        let Some(distributed) = &map.distributed else { return };
        if let Some(reader) = &distributed.reader {
            self.templates(&reader.parameters);
            self.number(&reader.config.max_items);
        }
        if let Some(batcher) = &distributed.batcher {
            self.number(&batcher.items_max);
            self.number(&batcher.input_bytes_max);
            self.templates(&batcher.batch_input);
        }
        if let Some(writer) = &distributed.writer {
            self.templates(&writer.destination);
        }
    }
}
