//! References to declared resources, made of what they answer.

use stepwell_constructs::*;
use stepwell_value::Value;

use super::case::Cx;
use super::eval::V;
use super::{Answer, convert, text, unknown};

impl Cx {
    /// What the resource answers for an attribute, as CloudFormation text.
    pub fn attr(&self, value: &V, attribute: &str) -> Answer<Cfn> {
        let name = name(value)?;
        convert::cfn(&self.attribute(&format!("{name}.{attribute}"))?)
    }

    /// A fact about a resource; nothing if it has none.
    pub fn fact(&self, value: &V, attribute: &str) -> Option<Value> {
        let V::Ref(name) = value else { return None };
        self.attrs.get(name)?.get(attribute).cloned()
    }

    /// The entry of the resource in `resources`.
    pub fn declared(&self, value: &V) -> Option<&Value> {
        let V::Ref(name) = value else { return None };
        self.resources.iter().find(|resource| text(resource, "ref") == *name)
    }
}

pub fn name(value: &V) -> Answer<&str> {
    match value {
        V::Ref(name) => Ok(name),
        other => unknown(format!("a resource, not {other:?}")),
    }
}

pub fn function(cx: &Cx, value: &V) -> Answer<FunctionRef> {
    let arn = cx.attr(value, "functionArn")?;
    let invocable = cx.fact(value, "resourceArnsForGrantInvoke");
    let only_itself = invocable.as_ref().and_then(Value::as_array).is_some_and(|arns| arns.len() == 1);
    Ok(if only_itself { FunctionRef::version_from_arn(arn) } else { FunctionRef::from_arn(arn) })
}

pub fn bucket(cx: &Cx, value: &V) -> Answer<BucketRef> {
    let bucket = BucketRef::from_attributes(cx.attr(value, "bucketName")?, cx.attr(value, "bucketArn")?);
    Ok(match cx.declared(value) {
        Some(declared) if declared.get("new").is_some() => bucket.construct_id(&text(declared, "id")),
        _ => bucket,
    })
}

pub fn role(cx: &Cx, value: &V) -> Answer<RoleRef> {
    let arn = cx.attr(value, "roleArn")?;
    let Some(declared) = cx.declared(value) else { return Ok(RoleRef::immutable_from_arn(arn)) };
    let id = text(declared, "id");
    if declared.get("new").is_some() {
        return Ok(RoleRef::from_construct_id(&id));
    }
    let options = declared.get("args").and_then(Value::as_array).and_then(|args| args.get(1)).cloned();
    let mutable = options.and_then(|options| options.get("mutable").and_then(Value::as_bool)).unwrap_or(true);
    Ok(if mutable { RoleRef::from_arn(&id, arn) } else { RoleRef::immutable_from_arn(arn) })
}

pub fn key(cx: &Cx, value: &V) -> Answer<KeyRef> {
    let arn = cx.attr(value, "keyArn")?;
    let arn_value = arn.to_value();
    let logical_id = arn_value.get("Fn::GetAtt").and_then(Value::as_array).and_then(|parts| parts.first());
    Ok(match logical_id.and_then(Value::as_str) {
        Some(id) => KeyRef::from_logical_id(id),
        None => KeyRef::from_arn(arn),
    })
}

pub fn log_group(cx: &Cx, value: &V) -> Answer<LogGroupRef> {
    let group = LogGroupRef::from_arn(cx.attr(value, "logGroupArn")?);
    Ok(match cx.declared(value) {
        Some(declared) => group.construct_id(&text(declared, "id")),
        None => group,
    })
}

pub fn task_role(cx: &Cx, value: &V) -> Answer<TaskRole> {
    let mut props = value.props()?;
    let role = props.need("role")?;
    props.done("credentials")?;
    match &role {
        V::Call(name, args) if name == "TaskRole.fromRole" => Ok(TaskRole::from_role(&self::role(cx, &args[0])?)),
        V::Call(name, args) if name == "TaskRole.fromRoleArnJsonPath" => {
            let path = match &args[0] {
                V::Path(path) => path.clone(),
                other => path(other.text()?),
            };
            Ok(TaskRole::from_role_arn_path(path))
        }
        other => unknown(format!("a role of a task, not {other:?}")),
    }
}

/// Somebody who is granted something.
pub enum Receiver {
    Role(RoleRef),
    Other(Grantee),
}

impl IntoGrantee for &Receiver {
    fn into_grantee(self) -> Option<Grantee> {
        match self {
            Receiver::Role(role) => role.into_grantee(),
            Receiver::Other(grantee) => Some(grantee.clone()),
        }
    }
}

pub fn receiver(cx: &Cx, value: &V) -> Answer<Receiver> {
    let declared = cx.declared(value);
    match declared.map(|declared| (text(declared, "new"), text(declared, "id"))) {
        Some((kind, id)) if kind == "iam.User" => Ok(Receiver::Other(Grantee::user_from_construct_id(&id))),
        _ => Ok(Receiver::Role(role(cx, value)?)),
    }
}
