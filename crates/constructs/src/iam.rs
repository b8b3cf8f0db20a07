//! Policy statements, as the constructs need them and as IAM reads them.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::json::{Fields, Json};

/// What somebody may do with something (`PolicyDocument.Statement`).
///
/// ```
/// use stepwell_constructs::*;
///
/// let read = Statement::allow(["s3:GetObject"], [BucketRef::from_name("orders").arn_for_objects("*")]).sid("Read");
/// assert_eq!(
///     read.to_value().to_string(),
///     r#"{"Action":"s3:GetObject","Effect":"Allow","Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::orders/*"]]},"Sid":"Read"}"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    sid: Option<Str>,
    actions: Vec<Str>,
    resources: Vec<Cfn>,
    condition: Option<Value>,
    principal: Option<Value>,
    deny: bool,
}

impl Statement {
    /// Allows the actions with the resources.
    pub fn allow<A: AsRef<str>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = Cfn>,
    ) -> Statement {
        Statement {
            sid: None,
            actions: actions.into_iter().map(|action| Str::new(action.as_ref())).collect(),
            resources: resources.into_iter().collect(),
            condition: None,
            principal: None,
            deny: false,
        }
    }

    /// Denies the actions with the resources.
    pub fn deny<A: AsRef<str>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = Cfn>,
    ) -> Statement {
        Statement { deny: true, ..Statement::allow(actions, resources) }
    }

    /// Names the statement (`Sid`).
    #[must_use]
    pub fn sid(mut self, sid: &str) -> Statement {
        self.sid = Some(Str::from(sid));
        self
    }

    /// Adds a condition: the value of the context key equals the text, by the operator, `StringEquals` or `ArnLike`.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, value: &Cfn) -> Statement {
        let mut condition = self.condition.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        let mut keys = condition.get(operator).and_then(Value::as_object).cloned().unwrap_or_default();
        keys.insert(key, value.to_value());
        condition.insert(operator, Value::Object(keys));
        self.condition = Some(Value::Object(condition));
        self
    }

    /// Says whom it is about: a service such as `states.amazonaws.com`; for trust policies and key policies.
    #[must_use]
    pub fn for_service(mut self, service: &str) -> Statement {
        self.principal = Some([("Service", Value::from(service))].into_iter().collect());
        self
    }

    /// Says whom it is about: a role by its ARN, or an account by its id; for the policies of resources.
    #[must_use]
    pub fn for_role(mut self, arn: &Cfn) -> Statement {
        self.principal = Some([("AWS", arn.to_value())].into_iter().collect());
        self
    }

    /// The statement as it stands in a policy document; lists of one are single values.
    pub fn to_value(&self) -> Value {
        let mut statement = stepwell_value::Object::default();
        statement.insert("Action", one_or_many(self.actions.iter().map(|action| Value::from(action.clone()))));
        if let Some(condition) = &self.condition {
            statement.insert("Condition", condition.clone());
        }
        statement.insert("Effect", Value::from(if self.deny { "Deny" } else { "Allow" }));
        if let Some(principal) = &self.principal {
            statement.insert("Principal", principal.clone());
        }
        if !self.resources.is_empty() {
            statement.insert("Resource", one_or_many(self.resources.iter().map(Cfn::to_value)));
        }
        if let Some(sid) = &self.sid {
            statement.insert("Sid", Value::from(sid.clone()));
        }
        Value::Object(statement)
    }

    fn can_merge_with(&self, other: &Statement) -> bool {
        // A statement with a name stays as it is.
        self.sid.is_none()
            && other.sid.is_none()
            && self.condition == other.condition
            && self.principal == other.principal
            && self.deny == other.deny
    }
}

fn one_or_many(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    match <[Value; 1]>::try_from(values) {
        Ok([one]) => one,
        Err(many) => Value::from(many),
    }
}

/// Statements without those that are there already, in their order.
pub(crate) fn distinct(statements: &[Statement]) -> Vec<Statement> {
    let mut distinct: Vec<Statement> = Vec::with_capacity(statements.len());
    for statement in statements {
        if !distinct.contains(statement) {
            distinct.push(statement.clone());
        }
    }
    distinct
}

/// Statements with as few of them as possible: those with the same resources share their actions, and the reverse.
/// Their lists are sorted.
pub(crate) fn minimized(statements: &[Statement]) -> Vec<Statement> {
    let mut all: Vec<Sets> = statements.iter().map(Sets::of).collect();
    loop {
        let before = all.len();
        let mut merged: Vec<Sets> = Vec::with_capacity(before);
        for sets in all {
            match merged.iter_mut().find(|other| other.can_take(&sets)) {
                Some(other) => other.take(sets),
                None => merged.push(sets),
            }
        }
        // A merge can make the next one possible; each round has fewer statements.
        if merged.len() == before {
            return merged.into_iter().map(Sets::into_statement).collect();
        }
        all = merged;
    }
}

/// A statement whose lists are sets.
struct Sets {
    /// What else it says; its own lists are empty.
    rest: Statement,
    actions: BTreeSet<Str>,
    /// By their text in the template.
    resources: BTreeMap<String, Cfn>,
}

impl Sets {
    fn of(statement: &Statement) -> Sets {
        Sets {
            rest: Statement {
                sid: statement.sid.clone(),
                actions: Vec::new(),
                resources: Vec::new(),
                condition: statement.condition.clone(),
                principal: statement.principal.clone(),
                deny: statement.deny,
            },
            actions: statement.actions.iter().cloned().collect(),
            resources: statement.resources.iter().map(|resource| (resource.json(), resource.clone())).collect(),
        }
    }

    /// Whether it can say what the other says, too, and no more.
    fn can_take(&self, other: &Sets) -> bool {
        let same_resources = self.resources.keys().eq(other.resources.keys());
        let same_actions = self.actions == other.actions;
        if self.rest.can_merge_with(&other.rest) {
            same_resources || same_actions
        } else {
            same_resources && same_actions && self.rest == other.rest
        }
    }

    fn take(&mut self, other: Sets) {
        self.actions.extend(other.actions);
        self.resources.extend(other.resources);
    }

    fn into_statement(self) -> Statement {
        Statement {
            actions: self.actions.into_iter().collect(),
            resources: self.resources.into_values().collect(),
            ..self.rest
        }
    }
}

/// A policy document of these statements.
pub(crate) fn document(statements: &[Statement]) -> Json {
    let statements: Value = statements.iter().map(Statement::to_value).collect();
    Fields::new().set("Statement", statements).set("Version", "2012-10-17").into()
}

/// How much a policy within a role may hold, in characters; IAM allows 10,240 for all of a role's.
const INLINE_SIZE_MAX: usize = 10_000;

/// How much a policy of its own may hold; IAM allows 6,144 characters.
const MANAGED_SIZE_MAX: usize = 6_000;

/// The statements that fit into a role, and groups of those that do not, each for a policy of its own.
///
/// As the CDK does it: a statement goes where there is room for it, in this order.
pub(crate) fn split(statements: Vec<Statement>) -> (Vec<Statement>, Vec<Vec<Statement>>) {
    let (mut inline, mut inline_size) = (Vec::with_capacity(statements.len()), 0);
    let mut overflow: Vec<(usize, Vec<Statement>)> = Vec::new();
    for statement in statements {
        let size = statement.estimated_size();
        if inline_size + size < INLINE_SIZE_MAX {
            inline_size += size;
            inline.push(statement);
            continue;
        }
        match overflow.iter_mut().find(|(used, _)| *used + size <= MANAGED_SIZE_MAX) {
            Some((used, group)) => {
                *used += size;
                group.push(statement);
            }
            None => overflow.push((size, vec![statement])),
        }
    }
    (inline, overflow.into_iter().map(|(_, group)| group).collect())
}

impl Statement {
    /// How long the statement will be, about: ARNs that are completed at deployment count as 150 characters.
    fn estimated_size(&self) -> usize {
        const ARN_SIZE: usize = 150;
        // Quotes, colon and brackets of a list, quotes and separator of an item.
        let list = |key: &str, sizes: &mut dyn Iterator<Item = usize>| -> usize {
            let mut sizes = sizes.map(|size| size + 3).peekable();
            match sizes.peek() {
                Some(_) => key.len() + 5 + sizes.sum::<usize>(),
                None => 0,
            }
        };
        let effect = if self.deny { "\"Effect\": \"Deny\"," } else { "\"Effect\": \"Allow\"," }.len();
        let actions = list("Action", &mut self.actions.iter().map(|action| action.len()));
        let size = |resource: &Cfn| resource.as_literal().map_or(ARN_SIZE, str::len);
        let resources = list("Resource", &mut self.resources.iter().map(size));
        let condition = self.condition.as_ref().map_or("{}".len(), |condition| condition.to_string().len());
        effect + actions + resources + condition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(actions: &[&str], resources: &[&str]) -> Statement {
        Statement::allow(actions, resources.iter().map(|resource| Cfn::from(*resource)))
    }

    #[test]
    fn statements_with_the_same_resources_or_actions_become_one() {
        let statements = [
            statement(&["b:Do"], &["x"]),
            statement(&["c:Do"], &["y"]),
            statement(&["a:Do"], &["x"]),
            statement(&["a:Do", "b:Do"], &["z", "w"]),
            statement(&["c:Do"], &["y"]).sid("Named"),
            statement(&["c:Do"], &["y"]).sid("Named"),
        ];
        assert_eq!(
            minimized(&statements),
            [
                statement(&["a:Do", "b:Do"], &["w", "x", "z"]),
                statement(&["c:Do"], &["y"]),
                statement(&["c:Do"], &["y"]).sid("Named"),
            ]
        );
    }

    #[test]
    fn resources_are_sorted_by_their_text() {
        let arn = |name: &str| Cfn::join([Cfn::from("arn:"), Cfn::partition(), Cfn::from(name)]);
        for cfn in [arn("x"), Cfn::default(), Cfn::from("\"x\""), Cfn::region()] {
            assert_eq!(cfn.json(), cfn.to_value().to_string());
        }
    }
}
