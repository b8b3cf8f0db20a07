//! Machines that have been built, as the rest of a program knows them.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::Json;
use crate::machine::definition::Definition;
use crate::machine::{RemovalPolicy, StateMachineType};
use crate::metrics::MachineMetrics;
use crate::references::{Grantee, StateMachineRef};
use crate::stack::Stack;

/// A state machine that has been built and stands in the template of its stack.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let w = Workflow::new();
/// let price = w.add(LambdaInvoke::json_path("Price", FunctionRef::from_logical_id("PriceFunction")));
/// let machine = stack.add(StateMachine::new("Machine", price))?;
///
/// let lambda = |definition: value::Value| {
///     let state = definition.get("States")?.get("Price")?.clone();
///     Some(state.get("Parameters")?.get("FunctionName")?.to_string())
/// };
/// // As CloudFormation gets it, and as an interpreter does.
/// assert_eq!(lambda(machine.definition()).as_deref(), Some(r#"{"Fn::GetAtt":["PriceFunction","Arn"]}"#));
/// assert_eq!(lambda(machine.to_asl()).as_deref(), Some(r#""arn:aws:service:us-east-1:123456789012:PriceFunction""#));
/// // What the role may do, and no more.
/// assert_eq!(machine.policy().len(), 1);
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) stack: Stack,
    pub(super) logical_id: Str,
    pub(super) definition: Definition,
    /// The properties in the template, without the definition and the role.
    pub(super) properties: Json,
    pub(super) deletion_policy: RemovalPolicy,
    /// Where its role's grants go, if the role can be granted anything.
    pub(super) grantee: Option<Grantee>,
    pub(super) warnings: Vec<String>,
    pub(super) reference: StateMachineRef,
}

impl Machine {
    /// The definition; strings that CloudFormation completes are its intrinsic functions. `null` for a definition in S3.
    pub fn definition(&self) -> Value {
        self.definition.to_value()
    }

    /// The definition with all that CloudFormation completes replaced: plain Amazon States Language.
    ///
    /// The partition is `aws`, the region `us-east-1`, the account `123456789012`; a resource of the template is an
    /// ARN of its logical id.
    pub fn to_asl(&self) -> Value {
        self.definition.to_asl(&self.properties)
    }

    /// Whether it is a Standard or an Express machine.
    pub fn kind(&self) -> StateMachineType {
        match self.properties().get("StateMachineType").and_then(Value::as_str) {
            Some("EXPRESS") => StateMachineType::Express,
            _ => StateMachineType::Standard,
        }
    }

    /// Allows the machine something that none of its states asks for.
    #[doc(alias = "addToRolePolicy")]
    pub fn add_to_role_policy(&self, statement: Statement) {
        if let Some(grantee) = &self.grantee {
            self.stack.grant(grantee, [statement]);
        }
    }

    /// What its role is allowed.
    pub fn policy(&self) -> Vec<Statement> {
        let grantee = self.grantee.as_ref();
        grantee.map(|grantee| self.stack.policy_statements(&grantee.policy_path)).unwrap_or_default()
    }

    /// The properties of the machine in the template, except for its definition and its role.
    pub fn properties(&self) -> Value {
        self.properties.to_value()
    }

    /// What happens when it leaves the template.
    pub fn deletion_policy(&self) -> RemovalPolicy {
        self.deletion_policy
    }

    /// What is allowed, but hardly meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Its logical id in the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// Its ARN.
    pub fn arn(&self) -> Cfn {
        self.reference.arn().clone()
    }

    /// Its name.
    pub fn name(&self) -> Cfn {
        Cfn::get_att(&self.logical_id, "Name")
    }

    /// The id of its revision.
    #[doc(alias = "stateMachineRevisionId")]
    pub fn revision_id(&self) -> Cfn {
        Cfn::get_att(&self.logical_id, "StateMachineRevisionId")
    }

    /// The machine as something that others refer to.
    pub fn reference(&self) -> &StateMachineRef {
        &self.reference
    }

    /// The metrics of the machine.
    pub fn metrics(&self) -> MachineMetrics {
        MachineMetrics::new(&self.arn())
    }

    /// The stack that it stands in.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }
}
