//! Aliases of state machines (`reference/api.md`, section 5).

use std::collections::BTreeSet;

use stepwell_aws::Qualifier;
use stepwell_store::{Kind, Parent};
use stepwell_value::{Object, Str, Value};

use super::versions::{page_of_children, place};
use super::{Paging, not_there, nothing, put_text, seconds_of};
use crate::arn::MachineArn;
use crate::catalogue::Entry;
use crate::catalogue::rows::{AliasBody, Route, VersionBody};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::shape::Params;
use crate::world;

/// Most aliases of a state machine (`reference/quotas.md`, section 1).
const ALIASES_MAX: usize = 100;

pub(crate) fn create(service: &Service, call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let name = params.required("name");
    let description = params.text("description").map(str::to_owned);
    let (machine_arn, routes) = routing(&params.structures("routingConfiguration").unwrap_or_default())?;
    let arn = Str::from(format!("{machine_arn}:{name}"));
    let now = world::now();
    service.catalogue.change(|| {
        let machine = service.catalogue.living_machine(&machine_arn).map_err(|error| match error {
            Error::StateMachineDoesNotExist(arn) => not_there(&arn),
            other => other,
        })?;
        check_versions(service, &routes)?;
        if let Some(alias) = service.catalogue.find::<AliasBody>(Kind::Alias, &arn)? {
            return match alias.body.description == description && alias.body.routes == routes {
                true => Ok((Vec::new(), created(&arn, alias.body.created))),
                false => Err(Error::ConflictException(
                    "Failed to create alias because an alias with the same name and a different routing configuration \
                     already exists."
                        .to_owned(),
                )),
            };
        }
        if service.catalogue.children_of::<AliasBody>(Kind::Alias, machine.number)?.len() >= ALIASES_MAX {
            let message = format!("The state machine has {ALIASES_MAX} aliases, which is the most it can have");
            return Err(Error::ServiceQuotaExceededException(message));
        }
        let body = AliasBody {
            name: name.to_owned(),
            description: description.clone(),
            routes: routes.clone(),
            created: now.0,
            updated: now.0,
        };
        let parent = Some(Parent::Row(machine.number));
        let insert = service.catalogue.insert(Kind::Alias, arn.clone(), parent, &body)?;
        // The machine's row is written, too, so that none of the versions can be deleted at the same moment.
        Ok((vec![insert, service.catalogue.update(&machine)?], created(&arn, now.0)))
    })
}

fn created(arn: &str, created: i64) -> Value {
    [("stateMachineAliasArn", arn.into()), ("creationDate", seconds_of(created))].into_iter().collect()
}

pub(crate) fn update(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineAliasArn");
    let arn = MachineArn::alias(text)?;
    let description = call.params.text("description");
    let routes = call.params.structures("routingConfiguration").map(|routes| routing(&routes)).transpose()?;
    if description.is_none() && routes.is_none() {
        return Err(Error::ValidationException {
            message: "Either the description or the routing configuration must be specified".to_owned(),
            reason: Some("MISSING_REQUIRED_PARAMETER"),
        });
    }
    if routes.as_ref().is_some_and(|(machine_arn, _)| *machine_arn != arn.machine()) {
        return Err(refused("Routing configuration must contain versions of the alias's state machine.".to_owned()));
    }
    let now = world::now();
    service.catalogue.change(|| {
        let mut alias = service.catalogue.find::<AliasBody>(Kind::Alias, text)?.ok_or_else(|| not_there(text))?;
        let machine = service.catalogue.living_machine(&arn.machine())?;
        if let Some((_, routes)) = &routes {
            check_versions(service, routes)?;
            alias.body.routes = routes.clone();
        }
        if let Some(description) = description {
            alias.body.description = Some(description.to_owned());
        }
        alias.body.updated = now.0;
        let answer = [("updateDate", seconds_of(now.0))].into_iter().collect();
        Ok((vec![service.catalogue.update(&alias)?, service.catalogue.update(&machine)?], answer))
    })
}

pub(crate) fn describe(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineAliasArn");
    MachineArn::alias(text)?;
    let alias = service.catalogue.find::<AliasBody>(Kind::Alias, text)?.ok_or_else(|| not_there(text))?;
    let route = |route: &Route| -> Value {
        [("stateMachineVersionArn", route.version_arn.as_str().into()), ("weight", route.weight.into())]
            .into_iter()
            .collect()
    };
    let mut answer = Object::with_capacity(6);
    answer.insert("stateMachineAliasArn", text.into());
    answer.insert("name", alias.body.name.as_str().into());
    put_text(&mut answer, "description", alias.body.description.as_deref());
    answer.insert("routingConfiguration", alias.body.routes.iter().map(route).collect());
    answer.insert("creationDate", seconds_of(alias.body.created));
    answer.insert("updateDate", seconds_of(alias.body.updated));
    Ok(answer.into())
}

pub(crate) fn delete(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineAliasArn");
    MachineArn::alias(text)?;
    service.catalogue.change(|| {
        let alias = service.catalogue.find::<AliasBody>(Kind::Alias, text)?;
        Ok((alias.iter().map(Entry::delete).collect(), nothing()))
    })
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineArn");
    let arn = MachineArn::parse(text)?;
    let query = Query::new("ListStateMachineAliases", &[text]);
    let machine = service.catalogue.living_machine(&arn.machine())?;
    let paging = Paging::of(service, call, query)?;
    // The oldest first, as recorded; the API's text says the opposite.
    let (shown, next) = match arn.qualifier {
        None => page_of_children::<AliasBody>(service, Kind::Alias, machine.number, false, &paging)?,
        Some(Qualifier::Version(_)) => {
            // Of the operation's errors this is the one that is left for a version that is not there.
            if service.catalogue.find::<VersionBody>(Kind::Version, text)?.is_none() {
                return Err(not_there(text));
            }
            // A machine has 100 aliases at most, which is one page unless a smaller one is asked for.
            let mut aliases = service.catalogue.children_of::<AliasBody>(Kind::Alias, machine.number)?;
            aliases.reverse();
            let after = paging.after_row()?;
            let leads_here = |alias: &Entry<AliasBody>| alias.body.routes.iter().any(|route| route.version_arn == text);
            aliases.retain(|alias| after.is_none_or(|after| alias.number > after) && leads_here(alias));
            let next = paging.cut(&mut aliases, place)?;
            (aliases, next)
        }
        Some(Qualifier::Alias(_)) => return Err(Error::InvalidArn(format!("Invalid ARN prefix: {text}"))),
    };
    let items = shown.iter().map(|alias| created(&alias.key, alias.body.created));
    let mut answer = Object::with_capacity(2);
    answer.insert("stateMachineAliases", items.collect());
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}

/// `routingConfiguration`: the machine whose versions it names, and where it leads.
fn routing(given: &[Params]) -> Result<(Str, Vec<Route>), Error> {
    let texts: Vec<&str> = given.iter().map(|route| route.required("stateMachineVersionArn")).collect();
    let arns = texts.iter().map(|text| MachineArn::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let is_version = |arn: &MachineArn| matches!(arn.qualifier, Some(Qualifier::Version(_)));
    let received =
        |what: &str| refused(format!("Routing configuration must contain {what}. Received: [{}]", texts.join(", ")));
    if !arns.iter().all(is_version) {
        return Err(received("state machine version ARNs"));
    }
    if texts.iter().collect::<BTreeSet<_>>().len() < texts.len() {
        return Err(received("distinct state machine version ARNs"));
    }
    let machines: BTreeSet<Str> = arns.iter().map(MachineArn::machine).collect();
    let Some(machine) = machines.first().filter(|_| machines.len() == 1) else {
        return Err(received("versions of one state machine"));
    };
    let weights: Vec<i64> = given.iter().filter_map(|route| route.integer("weight")).collect();
    if weights.iter().sum::<i64>() != 100 {
        return Err(refused(format!("Sum of routing configuration weights must equal 100. Received: {weights:?}")));
    }
    let route = |(text, weight): (&&str, &i64)| Route {
        version_arn: (*text).to_owned(),
        weight: u32::try_from(*weight).unwrap_or_default(),
    };
    Ok((machine.clone(), texts.iter().zip(&weights).map(route).collect()))
}

fn check_versions(service: &Service, routes: &[Route]) -> Result<(), Error> {
    for route in routes {
        if service.catalogue.find::<VersionBody>(Kind::Version, &route.version_arn)?.is_none() {
            return Err(not_there(&route.version_arn));
        }
    }
    Ok(())
}

fn refused(message: String) -> Error {
    Error::ValidationException { message, reason: Some("INVALID_ROUTING_CONFIGURATION") }
}
