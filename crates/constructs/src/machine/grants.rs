//! What others may do with a machine.

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::machine::Machine;
use crate::references::{IntoGrantee, StateMachineRef};
use crate::stack::Stack;

impl Stack {
    /// Grants with a state machine, one of the stack or another; see [`Grants`].
    pub fn grants<'s>(&'s self, machine: &'s StateMachineRef) -> Grants<'s> {
        Grants { stack: self, machine }
    }
}

impl Machine {
    /// What others may be allowed to do with it.
    pub fn grants(&self) -> Grants<'_> {
        Grants { stack: self.stack(), machine: self.reference() }
    }
}

/// What others may be allowed to do with a state machine.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let machine = stack.add(StateMachine::new("Machine", w.add(Pass::json_path("Hello"))))?;
/// machine.grants().start_execution(&RoleRef::from_arn("Starter", "arn:aws:iam::123456789012:role/starter"));
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "StateMachineGrants")]
#[derive(Clone, Copy, Debug)]
pub struct Grants<'s> {
    stack: &'s Stack,
    machine: &'s StateMachineRef,
}

impl Grants<'_> {
    fn grant(&self, grantee: impl IntoGrantee, statements: impl IntoIterator<Item = Statement>) {
        if let Some(grantee) = grantee.into_grantee() {
            self.stack.grant(&grantee, statements);
        }
    }

    fn executions(&self) -> Cfn {
        self.machine.executions(self.stack.env(), ":*")
    }

    /// May start executions.
    #[doc(alias = "startExecution")]
    #[doc(alias = "grantStartExecution")]
    pub fn start_execution(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:StartExecution"]);
    }

    /// May start executions and wait for them; for express machines.
    #[doc(alias = "startSyncExecution")]
    #[doc(alias = "grantStartSyncExecution")]
    pub fn start_sync_execution(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:StartSyncExecution"]);
    }

    /// May read the machine and its executions.
    #[doc(alias = "grantRead")]
    pub fn read(&self, grantee: impl IntoGrantee) {
        let of_machine =
            Statement::allow(["states:ListExecutions", "states:ListStateMachines"], [self.machine.arn().clone()]);
        let of_executions = Statement::allow(
            ["states:DescribeExecution", "states:DescribeStateMachineForExecution", "states:GetExecutionHistory"],
            [self.executions()],
        );
        let of_all = Statement::allow(
            ["states:ListActivities", "states:DescribeStateMachine", "states:DescribeActivity"],
            [Cfn::from("*")],
        );
        self.grant(grantee, [of_machine, of_executions, of_all]);
    }

    /// May answer tasks that wait for their token.
    #[doc(alias = "taskResponse")]
    #[doc(alias = "grantTaskResponse")]
    pub fn task_response(&self, grantee: impl IntoGrantee) {
        self.actions(grantee, ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]);
    }

    /// May redrive executions.
    #[doc(alias = "redriveExecution")]
    #[doc(alias = "grantRedriveExecution")]
    pub fn redrive_execution(&self, grantee: impl IntoGrantee) {
        self.execution(grantee, ["states:RedriveExecution"]);
    }

    /// May do this with its executions.
    #[doc(alias = "grantExecution")]
    pub fn execution<A: AsRef<str>>(&self, grantee: impl IntoGrantee, actions: impl IntoIterator<Item = A>) {
        self.grant(grantee, [Statement::allow(actions, [self.executions()])]);
    }

    /// May do this with the machine.
    #[doc(alias = "grant")]
    pub fn actions<A: AsRef<str>>(&self, grantee: impl IntoGrantee, actions: impl IntoIterator<Item = A>) {
        self.grant(grantee, [Statement::allow(actions, [self.machine.arn().clone()])]);
    }
}
