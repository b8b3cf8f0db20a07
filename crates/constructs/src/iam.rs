//! Policy statements, as the constructs need them and as IAM reads them.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::json::{Fields, Json};

/// What somebody may do with something (`PolicyDocument.Statement`).
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

    pub(crate) fn can_merge_with(&self, other: &Statement) -> bool {
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
pub(crate) fn minimized(statements: &[Statement]) -> Vec<Statement> {
    let mut merged: Vec<Statement> = Vec::new();
    for statement in statements {
        if !merged.iter_mut().any(|other| merge(other, statement)) {
            merged.push(statement.clone());
        }
    }
    // A merge can make the next one possible; each round has fewer statements.
    if merged.len() < statements.len() {
        return minimized(&merged);
    }
    for statement in &mut merged {
        statement.actions.sort();
        statement.resources.sort_by_cached_key(|resource| resource.to_value().to_string());
    }
    merged
}

/// Lets the first statement say what the other says, too, if one statement can say both.
fn merge(one: &mut Statement, other: &Statement) -> bool {
    if !one.can_merge_with(other) {
        return false;
    }
    if same_set(&one.resources, &other.resources) {
        unite(&mut one.actions, &other.actions);
    } else if same_set(&one.actions, &other.actions) {
        unite(&mut one.resources, &other.resources);
    } else {
        return false;
    }
    true
}

fn same_set<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

fn unite<T: PartialEq + Clone>(all: &mut Vec<T>, more: &[T]) {
    for item in more {
        if !all.contains(item) {
            all.push(item.clone());
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
