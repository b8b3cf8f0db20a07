//! The rules of a Choice state.

use stepwell_value::Value;

use super::expression::Offered;
use super::fields::{CHOICE_RULE, In, NESTED_RULE, Rules};
use super::machine::NOWHERE;
use super::place::Place;
use super::scalar::Context;
use super::{Compiler, Ctx};
use crate::comparison::{self, Operator};
use crate::program::{ChoiceRule, Condition, StateIdx, StateKind};

/// The kinds of a rule, as AWS lists them.
const RULE_KINDS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// The one operator that asks whether there is a value at all.
const IS_PRESENT: &str = "IsPresent";

fn is_operator(field: &str) -> bool {
    field == IS_PRESENT || Operator::parse(field).is_some()
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
        let next = self.next(state, rule, "Next").unwrap_or(NOWHERE);
        let assign = self.assign(state, rule, Offered::NOTHING);
        let output =
            if state.is_jsonata() { self.template_field(state, rule, "Output", Offered::NOTHING) } else { None };
        // A rule whose condition is wrong leads somewhere nevertheless.
        let condition = self.condition(state, rule).unwrap_or(Condition::Constant(false));
        Some(ChoiceRule { condition, next, assign, output })
    }

    /// Operators are fields of a rule as well, in JSONPath.
    fn check_rule_fields(&mut self, state: &Ctx<'_>, rule: &Place<'_>, rules: Rules) {
        for (name, field) in rule.members() {
            let known = rules.iter().find(|rule| *name == rule.0).map(|rule| rule.1);
            match known.or_else(|| is_operator(name).then_some(In::Path)) {
                None => {
                    let operators: Vec<_> = comparison::field_names().collect();
                    let names = rules.iter().map(|rule| rule.0).chain(operators.iter().map(String::as_str));
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
        let operators: Vec<_> = rule.members().filter(|(name, _)| is_operator(name)).collect();
        let [(name, operand)] = &operators[..] else {
            let names = comparison::field_names().collect::<Vec<_>>().join(", ");
            let complaint = if operators.is_empty() { "This object should have only" } else { "There should only be" };
            self.refuse_object(rule, format!("{complaint} one of the following fields: [{names}]"));
            return None;
        };
        let Some((operator, is_path)) = Operator::parse(name) else {
            let expected = self.boolean(operand)?;
            return Some(Condition::IsPresent { variable: variable?, expected });
        };
        if is_path {
            let operand = self.reference_path(operand, Context::Allowed)?;
            return Some(Condition::ComparePath { variable: variable?, operator, operand });
        }
        let operand = self.operand(operator, operand)?;
        Some(Condition::Compare { variable: variable?, operator, operand })
    }

    /// An operand of the kind that the operator compares with.
    fn operand(&mut self, operator: Operator, place: &Place<'_>) -> Option<Value> {
        if matches!(operator, Operator::Timestamp(_)) {
            return self.timestamp(place).map(Value::Str);
        }
        let value = place.node.to_value();
        if value.kind() != operator.operand_kind() {
            self.expected(place, operator.operand_kind());
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
