//! Tags of state machines and activities (`reference/api.md`, section 13).

use stepwell_aws::{StatesArn, StatesResource};
use stepwell_store::{CatalogueWrite, Kind};
use stepwell_value::{Str, Value};

use super::nothing;
use crate::arn::states_arn;
use crate::catalogue::Entry;
use crate::catalogue::rows::{ActivityBody, MachineBody, Tag};
use crate::error::Error;
use crate::service::{Call, Service};
use crate::shape::Params;

/// Most tags of a resource.
const TAGS_MAX: usize = 50;

pub(crate) fn tag(service: &Service, call: &Call) -> Result<Value, Error> {
    let arn = call.params.required("resourceArn");
    change(service, arn, |tags| merged(arn, tags, &call.params))
}

pub(crate) fn untag(service: &Service, call: &Call) -> Result<Value, Error> {
    let keys = call.params.texts("tagKeys").unwrap_or_default();
    change(service, call.params.required("resourceArn"), |mut tags| {
        tags.retain(|tag| !keys.contains(&tag.key.as_str()));
        Ok(tags)
    })
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let tags = match Tagged::find(service, call.params.required("resourceArn"))? {
        Tagged::Machine(machine) => machine.body.tags,
        Tagged::Activity(activity) => activity.body.tags,
    };
    let show = |tag: Tag| -> Value { [("key", tag.key.into()), ("value", tag.value.into())].into_iter().collect() };
    Ok([("tags", tags.into_iter().map(show).collect())].into_iter().collect())
}

/// Tags with those of a request: a key that is there gets the new value.
pub(super) fn merged(arn: &str, mut tags: Vec<Tag>, params: &Params) -> Result<Vec<Tag>, Error> {
    for given in params.structures("tags").unwrap_or_default() {
        let Some(key) = given.text("key") else {
            return Err(Error::invalid("A tag must have a key"));
        };
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(Error::invalid("Tag keys that start with aws: are reserved for system use"));
        }
        let value = given.text("value").unwrap_or_default().to_owned();
        if !key.chars().chain(value.chars()).all(may_be_in_tags) {
            return Err(Error::invalid(
                "Tags may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @",
            ));
        }
        match tags.iter_mut().find(|tag| tag.key == key) {
            Some(tag) => tag.value = value,
            None => tags.push(Tag { key: key.to_owned(), value }),
        }
        if tags.len() > TAGS_MAX {
            return Err(Error::TooManyTags(arn.into()));
        }
    }
    Ok(tags)
}

/// What keys and values of tags consist of (`reference/quotas.md`, section 3).
fn may_be_in_tags(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() && !c.is_control() || "_.:/=+-@".contains(c)
}

fn change(service: &Service, arn: &str, decide: impl Fn(Vec<Tag>) -> Result<Vec<Tag>, Error>) -> Result<Value, Error> {
    service.catalogue.change(|| {
        let mut tagged = Tagged::find(service, arn)?;
        let tags = tagged.tags();
        let wanted = decide(tags.clone())?;
        let is_same = *tags == wanted;
        *tags = wanted;
        Ok((if is_same { Vec::new() } else { vec![tagged.update(service)?] }, nothing()))
    })
}

/// What can have tags.
enum Tagged {
    Machine(Entry<MachineBody>),
    Activity(Entry<ActivityBody>),
}

impl Tagged {
    fn find(service: &Service, arn: &str) -> Result<Tagged, Error> {
        let StatesArn { resource, .. } = states_arn(arn)?;
        let found = match resource {
            StatesResource::StateMachine { label: None, qualifier: None, .. } => {
                service.catalogue.find(Kind::StateMachine, arn)?.map(Tagged::Machine)
            }
            StatesResource::Activity { .. } => service.catalogue.find(Kind::Activity, arn)?.map(Tagged::Activity),
            _ => None,
        };
        let missing =
            || Error::ResourceNotFound { message: format!("Resource not found: '{arn}'"), resource: Str::new(arn) };
        found.ok_or_else(missing)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        match self {
            Tagged::Machine(machine) => &mut machine.body.tags,
            Tagged::Activity(activity) => &mut activity.body.tags,
        }
    }

    fn update(&self, service: &Service) -> Result<CatalogueWrite, Error> {
        Ok(match self {
            Tagged::Machine(machine) => service.catalogue.update(machine)?,
            Tagged::Activity(activity) => service.catalogue.update(activity)?,
        })
    }
}
