//! Activities: tasks that workers of one's own ask for.

use stepwell_value::Str;

use crate::cfn::Cfn;
use crate::error::{BuildErrors, Stage};
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::machine::EncryptionConfiguration;
use crate::metrics::Metrics;
use crate::references::{IntoGrantee, KeyRef, arn, by_reference};
use crate::stack::{NewResource, Resource, Stack, logical_id};

/// An activity in the making.
///
/// ```
/// use stepwell_constructs::*;
///
/// let stack = Stack::new("Orders");
/// let approve = stack.add_activity(Activity::new("Approve"))?;
/// let w = Workflow::new();
/// stack.add(StateMachine::new("Machine", w.add(StepFunctionsInvokeActivity::json_path("Ask", &approve))))?;
/// # Ok::<(), BuildErrors>(())
/// ```
#[doc(alias = "CfnActivity")]
#[derive(Clone, Debug)]
pub struct Activity {
    id: Str,
    name: Option<Str>,
    encryption: Option<EncryptionConfiguration>,
}

impl Activity {
    /// An activity with a name made of the ids of the stack and itself.
    pub fn new(id: &str) -> Activity {
        Activity { id: Str::from(id), name: None, encryption: None }
    }

    /// The name, 1 to 80 characters.
    #[doc(alias = "activityName")]
    #[must_use]
    pub fn name(mut self, name: &str) -> Activity {
        self.name = Some(Str::from(name));
        self
    }

    /// The key that data is encrypted with (template property `EncryptionConfiguration`).
    #[doc(alias = "encryptionConfiguration")]
    #[must_use]
    pub fn encryption(mut self, encryption: EncryptionConfiguration) -> Activity {
        self.encryption = Some(encryption);
        self
    }
}

/// An activity, of this template or another.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRef {
    arn: Cfn,
    pub(crate) key: Option<KeyRef>,
}

by_reference!(ActivityRef);

impl ActivityRef {
    /// The activity with this ARN.
    #[doc(alias = "Activity.fromActivityArn")]
    pub fn from_arn(arn: impl Into<Cfn>) -> ActivityRef {
        ActivityRef { arn: arn.into(), key: None }
    }

    /// The activity of this name in the account and region of the stack.
    #[doc(alias = "Activity.fromActivityName")]
    pub fn from_name(name: &str) -> ActivityRef {
        ActivityRef::from_arn(arn("states", Cfn::from(format!("activity:{name}"))))
    }

    /// Says which key its data is encrypted with; whoever invokes it must be allowed to use it.
    #[must_use]
    pub fn encrypted_with(mut self, key: &KeyRef) -> ActivityRef {
        self.key = Some(key.clone());
        self
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }

    /// The metrics of the activity.
    pub fn metrics(&self) -> Metrics {
        Metrics::new("Activity", "Activities", vec![("ActivityArn", Json::Cfn(self.arn.clone()))])
    }
}

/// The longest name that an activity may have.
const NAME_MAX: usize = 80;

impl Stack {
    /// Puts an activity into the template.
    pub fn add_activity(&self, activity: Activity) -> Result<ActivityRef, BuildErrors> {
        let environment = self.env();
        let name = activity.name.clone().unwrap_or_else(|| made_name(&environment.stack_id, &activity.id));
        let encryption = match activity.encryption.as_ref().map(EncryptionConfiguration::render).transpose() {
            Ok(encryption) => encryption,
            Err(problem) => {
                let path = format!("{}/{}", environment.stack_id, activity.id);
                return Err(BuildErrors::new(vec![problem.at(path, Stage::Render)]));
            }
        };
        let properties = Fields::new().set_opt("EncryptionConfiguration", &encryption).set("Name", name.to_json());
        let logical_id = Str::from(logical_id(&[activity.id.clone(), Str::from("Resource")]));
        if let Some(error) = self.taken(&activity.id, &logical_id) {
            return Err(BuildErrors::new(vec![error]));
        }
        let resource = Resource::new("AWS::StepFunctions::Activity", properties);
        self.put(NewResource { logical_id: logical_id.clone(), resource });
        let mut reference = ActivityRef::from_arn(Cfn::reference(&logical_id));
        if let Some(EncryptionConfiguration::CustomerManaged { key, .. }) = &activity.encryption {
            let arn = environment.arn("states", format!("activity:{name}"));
            let service = Statement::allow(["kms:Decrypt", "kms:GenerateDataKey"], [Cfn::from("*")])
                .for_service("states.amazonaws.com")
                .when("StringEquals", "kms:EncryptionContext:aws:states:activityArn", &arn);
            self.allow_in_key(key, service);
            reference = reference.encrypted_with(key);
        }
        Ok(reference)
    }

    /// Allows somebody to do something with an activity.
    #[doc(alias = "Activity.grant")]
    pub fn grant_activity<A: AsRef<str>>(
        &self,
        activity: &ActivityRef,
        grantee: impl IntoGrantee,
        actions: impl IntoIterator<Item = A>,
    ) {
        self.allow(grantee, Statement::allow(actions, [activity.arn().clone()]));
    }
}

/// The name that the CDK makes of the path of a construct; the middle of one that is too long is left out.
fn made_name(stack: &Str, id: &Str) -> Str {
    let name = logical_id(&[stack.clone(), id.clone()]);
    if name.len() <= NAME_MAX {
        return Str::from(name);
    }
    let (head, tail) = (&name[..NAME_MAX / 2], &name[name.len() - NAME_MAX / 2..]);
    Str::from(format!("{head}{tail}"))
}
