//! Activities: create, describe, delete, list (`reference/api.md`, section 8).

use stepwell_store::Kind;
use stepwell_value::{Object, Value};

use super::machines::by_name;
use super::{configuration, nothing, put_text, seconds_of, tags};
use crate::arn::{self, activity_arn, check_name};
use crate::catalogue::Entry;
use crate::catalogue::rows::{ActivityBody, Encryption};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::world;

pub(crate) fn create(service: &Service, call: &Call) -> Result<Value, Error> {
    let name = call.params.required("name");
    check_name(name)?;
    let encryption = call.params.structure("encryptionConfiguration");
    let encryption = encryption.map_or(Ok(Encryption::default()), |given| configuration::encryption(&given))?;
    let arn = activity_arn(&call.place, name);
    let tags = tags::merged(&arn, Vec::new(), &call.params)?;
    let now = world::now();
    let created = |created: i64| -> Value {
        [("activityArn", arn.as_str().into()), ("creationDate", seconds_of(created))].into_iter().collect()
    };
    service.catalogue.change(|| {
        if let Some(activity) = service.catalogue.find::<ActivityBody>(Kind::Activity, &arn)? {
            return match activity.body.encryption == encryption {
                true => Ok((Vec::new(), created(activity.body.created))),
                false => Err(Error::ActivityAlreadyExists(arn.clone())),
            };
        }
        let body =
            ActivityBody { name: name.to_owned(), created: now.0, encryption: encryption.clone(), tags: tags.clone() };
        let insert = service.catalogue.insert(Kind::Activity, arn.clone(), None, &body)?;
        Ok((vec![insert], created(now.0)))
    })
}

pub(crate) fn describe(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("activityArn");
    arn::activity(text)?;
    let missing = || Error::ActivityDoesNotExist(text.into());
    let activity = service.catalogue.find::<ActivityBody>(Kind::Activity, text)?.ok_or_else(missing)?;
    Ok([
        ("activityArn", text.into()),
        ("name", activity.body.name.as_str().into()),
        ("creationDate", seconds_of(activity.body.created)),
        ("encryptionConfiguration", configuration::show_encryption(&activity.body.encryption)),
    ]
    .into_iter()
    .collect())
}

pub(crate) fn delete(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("activityArn");
    arn::activity(text)?;
    service.catalogue.change(|| {
        let activity = service.catalogue.find::<ActivityBody>(Kind::Activity, text)?;
        Ok((activity.iter().map(Entry::delete).collect(), nothing()))
    })
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let query = Query::new("ListActivities", &[&call.place.account, &call.place.region]);
    let start = activity_arn(&call.place, "");
    let (activities, next) = by_name::<ActivityBody>(service, call, query, |after, limit| {
        Ok(service.catalogue.activities_behind(&start, after, limit))
    })?;
    let shown = activities.iter().map(|activity| -> Value {
        [
            ("activityArn", activity.key.as_str().into()),
            ("name", activity.body.name.as_str().into()),
            ("creationDate", seconds_of(activity.body.created)),
        ]
        .into_iter()
        .collect()
    });
    let mut answer = Object::with_capacity(2);
    answer.insert("activities", shown.collect());
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}
