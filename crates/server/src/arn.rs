//! ARNs and names in requests: which forms an operation takes, and what it says of others.

use stepwell_aws::{Place, Qualifier, RoleArn, StatesArn, StatesResource};
use stepwell_value::Str;

use crate::error::Error;

/// A state machine, perhaps a version or an alias of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MachineArn {
    pub(crate) place: Place,
    pub(crate) name: Str,
    pub(crate) qualifier: Option<Qualifier>,
}

impl MachineArn {
    /// Reads the ARN of a state machine, a version or an alias.
    pub(crate) fn parse(text: &str) -> Result<MachineArn, Error> {
        let StatesArn { place, resource } = states_arn(text)?;
        match resource {
            StatesResource::StateMachine { label: Some(_), .. } => Err(labelled()),
            StatesResource::StateMachine { name, label: None, qualifier } => Ok(MachineArn { place, name, qualifier }),
            other => Err(wrong_type(&other)),
        }
    }

    /// Reads the ARN of a state machine itself; for operations that take no version and no alias.
    pub(crate) fn unqualified(text: &str) -> Result<MachineArn, Error> {
        let arn = MachineArn::parse(text)?;
        match arn.qualifier {
            None => Ok(arn),
            Some(_) => Err(Error::invalid("The ARN must be that of a state machine, not of a version or an alias")),
        }
    }

    /// Reads the ARN of a version.
    pub(crate) fn version(text: &str) -> Result<MachineArn, Error> {
        let arn = MachineArn::parse(text)?;
        match arn.qualifier {
            Some(Qualifier::Version(_)) => Ok(arn),
            _ => Err(Error::InvalidArn(format!("Invalid ARN prefix: {text}"))),
        }
    }

    /// Reads the ARN of an alias.
    pub(crate) fn alias(text: &str) -> Result<MachineArn, Error> {
        let arn = MachineArn::parse(text)?;
        match arn.qualifier {
            Some(Qualifier::Alias(_)) => Ok(arn),
            _ => Err(Error::InvalidArn(format!("Invalid ARN prefix: {text}"))),
        }
    }

    /// The ARN without version or alias.
    pub(crate) fn machine(&self) -> Str {
        machine_arn(&self.place, &self.name)
    }
}

/// The ARN of a state machine.
pub(crate) fn machine_arn(place: &Place, name: &str) -> Str {
    let resource = StatesResource::StateMachine { name: name.into(), label: None, qualifier: None };
    Str::from(StatesArn { place: place.clone(), resource }.to_string())
}

/// The ARN of an activity.
pub(crate) fn activity_arn(place: &Place, name: &str) -> Str {
    let resource = StatesResource::Activity { name: name.into() };
    Str::from(StatesArn { place: place.clone(), resource }.to_string())
}

/// A Standard execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExecutionArn {
    /// Of its state machine.
    pub(crate) machine: Str,
    /// What stands behind the machine's name: `:NAME`, or `/LABEL:NAME` for the child of a Map Run.
    pub(crate) rest: Str,
}

impl ExecutionArn {
    /// Reads the ARN of a Standard execution; those of Express executions are told apart by the error.
    pub(crate) fn parse(text: &str) -> Result<ExecutionArn, Error> {
        let StatesArn { place, resource } = states_arn(text)?;
        match resource {
            StatesResource::Execution { machine, label, name } => {
                let label = label.map(|label| format!("/{label}")).unwrap_or_default();
                Ok(ExecutionArn { machine: machine_arn(&place, &machine), rest: Str::from(format!("{label}:{name}")) })
            }
            other => Err(wrong_type(&other)),
        }
    }
}

/// The beginning of the ARNs of all Map Runs that an Express execution may be a child of; none: it is of no Map Run, or
/// this is no ARN of an Express execution.
pub(crate) fn map_runs_of_express_child(text: &str) -> Option<String> {
    // Few ARNs are; the others need not be taken apart for it.
    text.contains(":express:").then_some(())?;
    let StatesArn { place, resource } = StatesArn::parse(text).ok()?;
    let StatesResource::ExpressExecution { machine, label: Some(label), .. } = resource else { return None };
    Some(StatesArn { place, resource: StatesResource::MapRun { machine, label, id: Str::default() } }.to_string())
}

/// Checks the ARN of an activity.
pub(crate) fn activity(text: &str) -> Result<(), Error> {
    match states_arn(text)?.resource {
        StatesResource::Activity { .. } => Ok(()),
        other => Err(wrong_type(&other)),
    }
}

/// Checks the ARN of a Map Run.
pub(crate) fn map_run(text: &str) -> Result<(), Error> {
    match states_arn(text)?.resource {
        StatesResource::MapRun { .. } => Ok(()),
        other => Err(wrong_type(&other)),
    }
}

/// Reads the ARN of something of ours.
pub(crate) fn states_arn(text: &str) -> Result<StatesArn, Error> {
    StatesArn::parse(text).map_err(|_| Error::InvalidArn(format!("Invalid ARN prefix: {text}")))
}

/// Checks the ARN of a role.
pub(crate) fn role(text: &str) -> Result<(), Error> {
    RoleArn::parse(text).map(|_| ()).map_err(|_| Error::InvalidRoleArn(text.into()))
}

/// The ARN of another kind of resource than the operation takes.
fn wrong_type(resource: &StatesResource) -> Error {
    let kind = match resource {
        StatesResource::StateMachine { .. } => "stateMachine",
        StatesResource::Execution { .. } => "execution",
        StatesResource::ExpressExecution { .. } => "express",
        StatesResource::MapRun { .. } => "mapRun",
        StatesResource::Activity { .. } => "activity",
    };
    Error::InvalidArn(format!("Resource type not valid in this context: {kind}"))
}

/// The ARN names a distributed Map of a state machine.
fn labelled() -> Error {
    Error::ValidationException {
        message: "The operation does not take the ARN of a state machine with a label".to_owned(),
        reason: Some("API_DOES_NOT_SUPPORT_LABELED_ARNS"),
    }
}

/// Checks the name of something that is to be made; its length is a matter of its shape.
///
/// Forbidden characters: `reference/api.md`, section 3.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let is_forbidden = |c: char| {
        c.is_whitespace()
            || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c)
            || matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}'..='\u{ffff}' | '\u{10ffff}')
    };
    match name.chars().any(is_forbidden) {
        true => Err(Error::InvalidName(name.into())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "arn:aws:states:us-east-1:123456789012";

    #[test]
    fn what_is_no_arn_is_told_in_aws_words() {
        let error = MachineArn::parse("not_a_valid_arn").unwrap_err();
        assert_eq!(error.to_string(), "InvalidArn: Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'");
        let error = ExecutionArn::parse(&format!("{HERE}:express:m:e:1")).unwrap_err();
        assert_eq!(error.to_string(), "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'");
    }

    #[test]
    fn a_role_that_is_none_is_told_apart() {
        let error = role("arn:aws:iam::aws:policy/Batch").unwrap_err();
        assert_eq!(error.to_string(), "InvalidArn: Invalid Role Arn: 'arn:aws:iam::aws:policy/Batch'");
    }

    #[test]
    fn an_execution_is_found_by_its_machine_and_the_rest() {
        let arn = ExecutionArn::parse(&format!("{HERE}:execution:m/label:e")).unwrap();
        assert_eq!(arn, ExecutionArn { machine: format!("{HERE}:stateMachine:m").into(), rest: "/label:e".into() });
    }

    #[test]
    fn an_express_child_belongs_to_a_map_run_of_its_label() {
        let of = |resource: &str| map_runs_of_express_child(&format!("{HERE}:{resource}"));
        assert_eq!(of("express:m/label:e:1"), Some(format!("{HERE}:mapRun:m/label:")));
        assert_eq!((of("express:m:e:1"), of("execution:m/label:e")), (None, None));
    }

    #[test]
    fn versions_and_aliases_are_told_apart() {
        assert!(MachineArn::version(&format!("{HERE}:stateMachine:m:3")).is_ok());
        assert!(MachineArn::version(&format!("{HERE}:stateMachine:m:LIVE")).is_err());
        assert!(MachineArn::alias(&format!("{HERE}:stateMachine:m:LIVE")).is_ok());
        assert!(MachineArn::alias(&format!("{HERE}:stateMachine:m:3")).is_err());
        assert!(MachineArn::unqualified(&format!("{HERE}:stateMachine:m:3")).is_err());
    }

    #[test]
    fn names_are_free_of_what_arns_and_shells_dislike() {
        for name in ["a b", "a/b", "a:b", "a\u{1f}", "a\u{85}", "a~", "a\u{fffe}"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["a", "a.b-c_d", "ä", "a+b=c@d!(e)'f'"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
