//! What steps grant to roles and users.

use stepwell_constructs::*;
use stepwell_value::Value;

use super::case::Cx;
use super::eval::V;
use super::{Answer, convert, refs, text, unknown};

impl Cx {
    /// A grant: of a machine of the stack, or of one that is imported.
    pub fn grant(&mut self, receiver: &str, method: &str, args: &[Value]) -> Answer<()> {
        let args: Vec<V> = args.iter().map(|arg| self.eval(arg)).collect::<Answer<_>>()?;
        let of_activity =
            self.resources.iter().any(|one| text(one, "ref") == receiver && text(one, "new") == "Activity");
        if of_activity && method == "grant" {
            let activity = super::tasks::step_functions::activity_ref(self, &V::Ref(receiver.to_owned()))?;
            let grantee = refs::receiver(self, &args[0])?;
            let actions: Vec<String> =
                args[1..].iter().map(|action| Ok(action.text()?.to_owned())).collect::<Answer<_>>()?;
            self.stack.grant_activity(&activity, &grantee, actions);
            return Ok(());
        }
        if let ("addToRolePolicy", Some(machine), Some(given)) = (method, self.machines.get(receiver), args.first()) {
            machine.add_to_role_policy(statement(given)?);
            return Ok(());
        }
        let Some(grantee) = args.first() else { return unknown(format!("{receiver}.{method}")) };
        if let Some(statement) = self.foreign_grant(receiver, method)? {
            match grantee {
                V::Ref(name) if self.machines.contains_key(name) => self.machines[name].add_to_role_policy(statement),
                other => self.stack.allow(&refs::receiver(self, other)?, statement),
            }
            return Ok(());
        }
        let reference = match self.machines.get(receiver) {
            Some(machine) => machine.reference().clone(),
            None => match self.attr(&V::Ref(receiver.to_owned()), "stateMachineArn") {
                Ok(arn) => StateMachineRef::from_arn(arn),
                Err(_) => return unknown(format!("{receiver}.{method}")),
            },
        };
        let grantee = refs::receiver(self, grantee)?;
        let actions: Vec<String> =
            args[1..].iter().map(|action| Ok(action.text()?.to_owned())).collect::<Answer<_>>()?;
        let grants = self.stack.grants(&reference);
        match method.strip_prefix("grants.").unwrap_or(method) {
            "grantStartExecution" | "startExecution" => grants.start_execution(&grantee),
            "grantStartSyncExecution" | "startSyncExecution" => grants.start_sync_execution(&grantee),
            "grantRead" | "read" => grants.read(&grantee),
            "grantTaskResponse" | "taskResponse" => grants.task_response(&grantee),
            "grantRedriveExecution" | "redriveExecution" => grants.redrive_execution(&grantee),
            "grantExecution" | "execution" => grants.execution(&grantee, actions),
            "grant" | "actions" => grants.actions(&grantee, actions),
            other => return unknown(format!("{other} of a machine")),
        }
        Ok(())
    }

    /// What constructs of other services grant.
    fn foreign_grant(&self, receiver: &str, method: &str) -> Answer<Option<Statement>> {
        let receiver = V::Ref(receiver.to_owned());
        let (actions, arn): (&[&str], &str) = match method {
            "grantWriteData" => (
                &[
                    "dynamodb:BatchWriteItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:DescribeTable",
                ],
                "tableArn",
            ),
            "grantConsumeMessages" => (
                &[
                    "sqs:ReceiveMessage",
                    "sqs:ChangeMessageVisibility",
                    "sqs:GetQueueUrl",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                ],
                "queueArn",
            ),
            _ => return Ok(None),
        };
        Ok(Some(Statement::allow(actions, [self.attr(&receiver, arn)?])))
    }
}

/// `iam.PolicyStatement`.
pub fn statement(value: &V) -> Answer<Statement> {
    let mut props = value.props()?;
    let actions = convert::strings(&props.need("actions")?)?;
    let resources = props.need("resources")?;
    let resources = resources.items()?.iter().map(convert::cfn).collect::<Answer<Vec<_>>>()?;
    let deny = props.take("effect").is_some_and(|effect| effect.word().is_ok_and(|word| word == "DENY"));
    let sid = props.take("sid");
    props.done("PolicyStatement")?;
    let statement = if deny { Statement::deny(actions, resources) } else { Statement::allow(actions, resources) };
    Ok(match sid {
        Some(sid) => statement.sid(sid.text()?),
        None => statement,
    })
}
