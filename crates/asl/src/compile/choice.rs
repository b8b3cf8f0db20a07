//! The rules of a Choice state.

use stepwell_value::{Kind, Str, Value};

use super::expression::Offered;
use super::fields::{CHOICE_RULE, In, NESTED_RULE, Rules};
use super::place::Place;
use super::scalar::Context;
use super::{Compiler, Ctx};
use crate::comparison::Operator;
use crate::jsonpath::Path;
use crate::program::{ChoiceRule, Condition, StateIdx, StateKind};

/// The kinds of a rule, as AWS lists them.
const RULE_KINDS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// A comparison by its field's name.
#[derive(Clone, Copy)]
enum Comparison {
    Constant(Operator),
    Path(Operator),
    IsPresent,
}

impl Compiler<'_> {
    pub(super) fn choice(&mut self, state: &Ctx<'_>) -> StateKind {
        self.require(state.place, &["Choices"]);
        let mut rules = Vec::new();
        if let Some(choices) = state.place.get("Choices").filter(|choices| self.non_empty_array(choices)) {
            rules.extend(choices.items().filter_map(|rule| self.rule(state, &rule)));
        }
        let default = self.next(state, state.place, "Default");
        StateKind::Choice { rules, default }
    }

    fn rule(&mut self, state: &Ctx<'_>, rule: &Place<'_>) -> Option<ChoiceRule> {
        if !self.object(rule) {
            return None;
        }
        self.check_rule_fields(state, rule, CHOICE_RULE);
        self.comment(rule);
        self.require(rule, &["Next"]);
        let next = self.next(state, rule, "Next").unwrap_or(StateIdx(0));
        let assign = self.assign(state, rule, Offered::NOTHING);
        let output =
            if state.is_jsonata() { self.template_field(state, rule, "Output", Offered::NOTHING) } else { None };
        let condition = self.condition(state, rule)?;
        Some(ChoiceRule { condition, next, assign, output })
    }

    /// Operators are fields of a rule as well, in JSONPath.
    fn check_rule_fields(&mut self, state: &Ctx<'_>, rule: &Place<'_>, rules: Rules) {
        for (name, field) in rule.members() {
            let known = rules.iter().find(|rule| *name == rule.0).map(|rule| rule.1);
            match known.or_else(|| comparison(name).map(|_| In::Path)) {
                None => {
                    let names = rules.iter().map(|rule| rule.0).chain(comparison_names().map(|(name, _)| name));
                    self.unknown_field(rule, &field, name, names);
                }
                Some(known) => {
                    if let Some(needed) = known.refuses(state.language) {
                        self.other_language(state.place, &field, name, needed);
                    }
                }
            }
        }
    }

    fn condition(&mut self, state: &Ctx<'_>, rule: &Place<'_>) -> Option<Condition> {
        let kinds: Vec<_> = RULE_KINDS.into_iter().filter(|kind| rule.has(kind)).collect();
        let [kind] = kinds[..] else {
            let kinds = RULE_KINDS.join(", ");
            self.refuse_object(rule, format!("The object must have only one of the following fields, [{kinds}]"));
            return None;
        };
        let place = rule.get(kind)?;
        match kind {
            // The other language's field has been reported.
            "Condition" if !state.is_jsonata() => None,
            "Condition" => match place.node.as_bool() {
                Some(constant) => Some(Condition::Constant(constant)),
                None => self.expression_field(&place).map(Condition::Expression),
            },
            _ if state.is_jsonata() => None,
            "And" => self.nested_rules(state, &place).map(Condition::And),
            "Or" => self.nested_rules(state, &place).map(Condition::Or),
            "Not" => self.nested_rule(state, &place).map(|condition| Condition::Not(Box::new(condition))),
            _ => self.comparison(rule, &place),
        }
    }

    fn nested_rules(&mut self, state: &Ctx<'_>, list: &Place<'_>) -> Option<Vec<Condition>> {
        if !self.non_empty_array(list) {
            return None;
        }
        Some(list.items().filter_map(|rule| self.nested_rule(state, &rule)).collect())
    }

    fn nested_rule(&mut self, state: &Ctx<'_>, rule: &Place<'_>) -> Option<Condition> {
        if !self.object(rule) {
            return None;
        }
        self.check_rule_fields(state, rule, NESTED_RULE);
        self.comment(rule);
        self.condition(state, rule)
    }

    /// `Variable` and one operator.
    fn comparison(&mut self, rule: &Place<'_>, variable: &Place<'_>) -> Option<Condition> {
        let variable = self.reference_path(variable, Context::Allowed);
        let mut comparisons =
            rule.members().filter_map(|(name, operand)| comparison(name).map(|comparison| (comparison, operand)));
        let Some((comparison, operand)) = comparisons.next() else {
            let names: Vec<_> = comparison_names().map(|(name, _)| name).collect();
            let message = format!("This object should have only one of the following fields: [{}]", names.join(", "));
            self.refuse_object(rule, message);
            return None;
        };
        if comparisons.next().is_some() {
            let names: Vec<_> = comparison_names().map(|(name, _)| name).collect();
            let message = format!("There should only be one of the following fields: [{}]", names.join(", "));
            self.refuse_object(rule, message);
            return None;
        }
        match comparison {
            Comparison::IsPresent => {
                let expected = self.boolean(&operand)?;
                Some(Condition::IsPresent { variable: variable?, expected })
            }
            Comparison::Path(operator) => {
                let operand = self.reference_path(&operand, Context::Allowed)?;
                Some(Condition::ComparePath { variable: variable?, operator, operand })
            }
            Comparison::Constant(operator) => {
                let operand = self.operand(operator, &operand)?;
                Some(Condition::Compare { variable: variable?, operator, operand })
            }
        }
    }

    /// An operand of the kind that the operator compares with.
    fn operand(&mut self, operator: Operator, place: &Place<'_>) -> Option<Value> {
        let kind = match operand_kind(operator) {
            OperandKind::Timestamp => return self.timestamp(place).map(Value::Str),
            OperandKind::String => Kind::String,
            OperandKind::Number => Kind::Number,
            OperandKind::Boolean => Kind::Bool,
        };
        let value = Compiler::constant(place);
        if value.kind() != kind {
            self.expected(place, kind);
            return None;
        }
        Some(value)
    }

    /// The state that the field `name` leads to.
    pub(super) fn next(&mut self, state: &Ctx<'_>, object: &Place<'_>, name: &str) -> Option<StateIdx> {
        let place = object.get(name)?;
        let target = self.string(&place)?;
        Some(self.target(state.siblings, &place, target, name))
    }
}
