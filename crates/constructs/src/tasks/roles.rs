//! Roles that tasks make, and what they add to the policies of others.

use stepwell_value::Str;

use crate::cfn::Cfn;
use crate::iam::{self, Statement};
use crate::json::{Fields, Json};
use crate::references::{BucketRef, KeyRef, LogGroupRef, RoleRef};
use crate::stack::{NewResource, Resource, ResourcePolicy, logical_id};
use crate::task::TaskContext;

/// The path of a construct below the task.
pub(super) fn path_below<const N: usize>(cx: &TaskContext<'_>, ids: [&str; N]) -> Vec<Str> {
    cx.path.iter().cloned().chain(ids.into_iter().map(Str::new)).collect()
}

/// Makes a resource below the task; its logical id.
pub(super) fn make<const N: usize>(cx: &mut TaskContext<'_>, ids: [&str; N], kind: &str, properties: Fields) -> Str {
    let logical_id = Str::from(logical_id(&path_below(cx, ids)));
    let resource = Resource::new(kind, properties);
    cx.needs.resources.push(NewResource { logical_id: logical_id.clone(), resource });
    logical_id
}

/// What a role that a task brings along may do at first.
pub(super) enum Rights<'r> {
    /// Nothing.
    None,
    /// What a policy of AWS says: the part of its ARN after `policy/`.
    Managed(&'r str),
    /// What a policy of this name within the role says.
    Inline(&'r str, &'r [Statement]),
}

/// Makes a role below the task.
pub(super) fn new_role(
    cx: &mut TaskContext<'_>,
    id: &str,
    trust: impl IntoIterator<Item = Statement>,
    rights: Rights<'_>,
) -> RoleRef {
    let path = path_below(cx, [id]);
    new_role_at(cx, &path, trust, rights)
}

/// Makes a role at this path below the stack; once, if several tasks ask for it.
pub(super) fn new_role_at(
    cx: &mut TaskContext<'_>,
    path: &[Str],
    trust: impl IntoIterator<Item = Statement>,
    rights: Rights<'_>,
) -> RoleRef {
    let trust: Vec<Statement> = trust.into_iter().collect();
    let mut properties = Fields::new().set("AssumeRolePolicyDocument", iam::document(&trust));
    match rights {
        Rights::None => {}
        Rights::Managed(policy) => {
            let partition = cx.environment.partition();
            let arn = Cfn::join([Cfn::from("arn:"), partition, Cfn::from(format!(":iam::aws:policy/{policy}"))]);
            properties.put("ManagedPolicyArns", Json::Array(vec![Json::Cfn(arn)]));
        }
        Rights::Inline(name, statements) => {
            let policy = Fields::new().set("PolicyDocument", iam::document(statements)).set("PolicyName", name);
            properties.put("Policies", Json::Array(vec![policy.into()]));
        }
    }
    let role = RoleRef::made(path);
    let logical_id = role.logical_id.clone().unwrap_or_default();
    cx.needs.resources.push(NewResource { logical_id, resource: Resource::new("AWS::IAM::Role", properties) });
    role
}

/// What every function may do: write its log.
pub(super) const BASIC_EXECUTION: &str = "service-role/AWSLambdaBasicExecutionRole";

/// Lets a service assume a role.
pub(super) fn trusted(service: &str) -> Statement {
    Statement::allow(["sts:AssumeRole"], []).for_service(service)
}

/// Adds to the policy of a role that is not the machine's.
pub(super) fn grant(cx: &mut TaskContext<'_>, role: &RoleRef, statements: impl IntoIterator<Item = Statement>) {
    if let Some(grantee) = &role.grantee {
        cx.needs.grants.extend(statements.into_iter().map(|statement| (grantee.clone(), statement)));
    }
}

/// Lets a role use a bucket; the bucket's own policy says so, too, if the role may be of another account.
pub(super) fn grant_bucket(cx: &mut TaskContext<'_>, role: &RoleRef, bucket: &BucketRef, statement: Statement) {
    if let (true, Some(path)) = (may_be_foreign(cx, role), &bucket.path) {
        let policy = ResourcePolicy { path: path.clone(), bucket: Some(bucket.name().clone()) };
        cx.needs.resource_grants.push((policy, statement.clone().for_role(role.arn())));
    }
    grant(cx, role, [statement]);
}

/// Lets a role use a log group; so does the log group, for the account of the role, if that may be another one.
pub(super) fn grant_log_group(cx: &mut TaskContext<'_>, role: &RoleRef, group: &LogGroupRef, statement: Statement) {
    // Policies of log groups name accounts, not roles.
    if let (true, Some(account)) = (may_be_foreign(cx, role), role.account()) {
        let policy = ResourcePolicy { path: group.path.clone(), bucket: None };
        cx.needs.resource_grants.push((policy, statement.clone().for_role(&Cfn::from(account))));
    }
    grant(cx, role, [statement]);
}

/// Lets a role use a key; so does the key's own policy, if the role may be of another account.
pub(super) fn grant_key(cx: &mut TaskContext<'_>, role: &RoleRef, key: &KeyRef, actions: &[&str]) {
    if may_be_foreign(cx, role) {
        let statement = Statement::allow(actions, [Cfn::from("*")]).for_role(role.arn());
        cx.needs.key_statements.push((key.clone(), statement));
    }
    grant(cx, role, [Statement::allow(actions, [key.arn().clone()])]);
}

fn may_be_foreign(cx: &TaskContext<'_>, role: &RoleRef) -> bool {
    role.logical_id.is_none() && cx.environment.may_be_foreign(role.account().as_ref())
}

/// The name of the role.
pub(super) fn role_name(role: &RoleRef) -> Cfn {
    if let Some(grantee) = &role.grantee {
        return grantee.name.clone();
    }
    if let Some(arn) = role.arn().as_literal() {
        return Cfn::from(arn.rsplit('/').next().unwrap_or(arn));
    }
    // What follows the slash of an ARN that is not known before the deployment.
    role.arn().part(1, "/")
}
