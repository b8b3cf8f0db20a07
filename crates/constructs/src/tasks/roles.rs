//! Roles that tasks make, and what they add to the policies of others.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::{self, Statement};
use crate::json::{Fields, Json};
use crate::references::{Grantee, RoleRef};
use crate::stack::{NewResource, Resource, logical_id};
use crate::task::TaskContext;

/// The path of a construct below the task.
pub(super) fn path_below<const N: usize>(cx: &TaskContext<'_>, ids: [&str; N]) -> Vec<Str> {
    cx.path.iter().cloned().chain(ids.into_iter().map(Str::new)).collect()
}

/// Makes a resource below the task; its logical id.
pub(super) fn make<const N: usize>(cx: &mut TaskContext<'_>, ids: [&str; N], kind: &str, properties: Fields) -> Str {
    let logical_id = Str::from(logical_id(&path_below(cx, ids)));
    let resource = Resource::new(kind, properties);
    cx.resources.push(NewResource { logical_id: logical_id.clone(), resource });
    logical_id
}

/// Makes a role below the task that services assume, with managed policies of AWS.
pub(super) fn service_role(
    cx: &mut TaskContext<'_>,
    id: &str,
    trust: impl IntoIterator<Item = Statement>,
    managed_policies: &[&str],
) -> RoleRef {
    let trust: Vec<Statement> = trust.into_iter().collect();
    let mut properties = Fields::new().set("AssumeRolePolicyDocument", iam::document(&trust));
    if !managed_policies.is_empty() {
        let arns = managed_policies.iter().map(|policy| {
            let partition = cx.environment.partition();
            Json::Cfn(Cfn::join([Cfn::from("arn:"), partition, Cfn::from(format!(":iam::aws:policy/{policy}"))]))
        });
        properties.put("ManagedPolicyArns", Json::Array(arns.collect()));
    }
    let logical_id = make(cx, [id, "Resource"], "AWS::IAM::Role", properties);
    let grantee = Grantee {
        policy_path: path_below(cx, [id, "DefaultPolicy", "Resource"]),
        name: Cfn::reference(&logical_id),
        property: "Roles",
    };
    RoleRef::made(&logical_id, grantee)
}

/// Lets a service assume a role.
pub(super) fn trusted(service: &str) -> Statement {
    Statement::allow(["sts:AssumeRole"], []).for_service(service)
}

/// Adds to the policy of a role that is not the machine's.
pub(super) fn grant(cx: &mut TaskContext<'_>, role: &RoleRef, statements: impl IntoIterator<Item = Statement>) {
    if let Some(grantee) = &role.grantee {
        cx.grants.extend(statements.into_iter().map(|statement| (grantee.clone(), statement)));
    }
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
    let split: Value = [Value::from("/"), role.arn().to_value()].into_iter().collect();
    let split: Value = [("Fn::Split", split)].into_iter().collect();
    let select: Value = [Value::from(1), split].into_iter().collect();
    Cfn::intrinsic(&[("Fn::Select", select)].into_iter().collect())
}
