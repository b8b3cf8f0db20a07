//! The key that a machine or an activity encrypts its data with.

use std::sync::Arc;
use std::time::Duration;

use stepwell_value::Str;

use crate::cfn::Cfn;
use crate::error::Problem;
use crate::field::whole_seconds;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::machine::{Logs, StateMachine};
use crate::references::KeyRef;
use crate::stack::Stack;

/// The key that data is encrypted with.
///
/// ```
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let key = KeyRef::from_arn("arn:aws:kms:eu-central-1:123456789012:key/orders");
/// let machine = StateMachine::new("Machine", w.add(Pass::json_path("Hello")))
///     .encryption(EncryptionConfiguration::CustomerManaged { key, data_key_reuse_period: None })
///     .build()?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[derive(Clone, Debug)]
pub enum EncryptionConfiguration {
    /// A key of AWS.
    #[doc(alias = "AwsOwnedEncryptionConfiguration")]
    AwsOwned,
    /// A key of the customer.
    #[doc(alias = "CustomerManagedEncryptionConfiguration")]
    CustomerManaged {
        /// The key.
        key: KeyRef,
        /// How long a data key is used, 60 to 900 seconds; 300 by default.
        #[doc(alias = "kmsDataKeyReusePeriodSeconds")]
        data_key_reuse_period: Option<Duration>,
    },
}

/// How long a data key is used if nothing is said.
const REUSE_PERIOD_S: u64 = 300;

impl EncryptionConfiguration {
    pub(crate) fn render(&self) -> Result<Fields, Arc<Problem>> {
        match self {
            EncryptionConfiguration::AwsOwned => Ok(Fields::new().set("Type", "AWS_OWNED_KEY")),
            EncryptionConfiguration::CustomerManaged { key, data_key_reuse_period } => {
                let period = data_key_reuse_period.unwrap_or(Duration::from_secs(REUSE_PERIOD_S));
                let seconds = match whole_seconds(period) {
                    Json::Invalid(problem) => return Err(problem),
                    seconds => seconds,
                };
                if !(60..=900).contains(&period.as_secs()) {
                    let message = "kmsDataKeyReusePeriodSeconds must have a value between 60 and 900 seconds";
                    return Err(Problem::new("InvalidKmsDataKeyReusePeriod", message));
                }
                Ok(Fields::new()
                    .set("KmsDataKeyReusePeriodSeconds", seconds)
                    .set("KmsKeyId", key.arn().clone())
                    .set("Type", "CUSTOMER_MANAGED_KMS_KEY"))
            }
        }
    }
}

impl StateMachine {
    /// What the role must be allowed, and the service by the key, to encrypt with a key of the customer.
    pub(super) fn encryption_statements(&self, stack: &Stack, machine_id: &Str) -> Vec<Statement> {
        let Some(EncryptionConfiguration::CustomerManaged { key, .. }) = &self.encryption else {
            return Vec::new();
        };
        let environment = stack.env();
        // The key of an unnamed machine cannot be bound to an ARN that is made when the machine is; the CDK binds it to
        // one that ends where the name would begin, which nothing matches.
        let of_machine = |statement: Statement| match &self.name {
            Some(name) => statement.when(
                "StringEquals",
                "kms:EncryptionContext:aws:states:stateMachineArn",
                &environment.arn("states", Cfn::from("stateMachine:").then(name)),
            ),
            None => statement.when(
                "ArnLike",
                "kms:EncryptionContext:aws:states:stateMachineArn",
                &environment.arn("states", format!("stateMachine:{machine_id}-*")),
            ),
        };
        let use_key = ["kms:Decrypt", "kms:GenerateDataKey"];
        let mut statements = vec![of_machine(Statement::allow(use_key, [key.arn().clone()]))];
        if self.logs.as_ref().is_some_and(Logs::are_delivered) {
            statements.push(Statement::allow(["kms:GenerateDataKey"], [key.arn().clone()]).when(
                "StringEquals",
                "kms:EncryptionContext:SourceArn",
                &environment.arn("logs", "*"),
            ));
            let logs = Statement::allow(["kms:Decrypt*"], [Cfn::from("*")]);
            stack.allow_in_key(key, logs.for_service("delivery.logs.amazonaws.com"));
        }
        statements
    }
}
