//! Versions of state machines: publish, list, delete (`reference/api.md`, section 5).

use stepwell_engine::Timestamp;
use stepwell_store::{CatalogueWrite, Kind, Parent, RowNumber, RowQuery};
use stepwell_value::{Object, Str, Value};

use super::{Paging, nothing, put_text, seconds_of};
use crate::arn::MachineArn;
use crate::catalogue::Entry;
use crate::catalogue::rows::{AliasBody, MachineBody, VersionBody};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::world;

/// Most versions of a state machine (`reference/quotas.md`, section 1).
const VERSIONS_MAX: usize = 1_000;

/// What the first revision of a machine is called where a revision is asked for.
const INITIAL: &str = "INITIAL";

pub(crate) fn publish_version(service: &Service, call: &Call) -> Result<Value, Error> {
    let machine_arn = MachineArn::unqualified(call.params.required("stateMachineArn"))?.machine();
    let description = call.params.text("description").map(str::to_owned);
    let now = world::now();
    service.catalogue.change(|| {
        let mut machine = service.catalogue.living_machine(&machine_arn)?;
        let current = service.catalogue.current(&machine)?;
        let current_id = current.body.id.as_deref().unwrap_or(INITIAL);
        if let Some(wanted) = call.params.text("revisionId").filter(|wanted| *wanted != current_id) {
            return Err(Error::ConflictException(format!(
                "Failed to publish the State Machine version for revision {wanted}. The current State Machine revision \
                 is {current_id}."
            )));
        }
        if let Some(version) = of_revision(service, machine.number, &current.key)? {
            return Ok((Vec::new(), published(&version.key, version.body.created)));
        }
        let (write, arn) = publish(service, &mut machine, &current.key, description.clone(), now)?;
        let mut writes: Vec<CatalogueWrite> = write.into_iter().collect();
        writes.push(service.catalogue.update(&machine)?);
        Ok((writes, published(&arn, now.0)))
    })
}

fn published(arn: &str, created: i64) -> Value {
    [("stateMachineVersionArn", arn.into()), ("creationDate", seconds_of(created))].into_iter().collect()
}

/// The write that publishes a revision, unless it has a version already; and the version's ARN.
///
/// Counts in the machine's body, which the caller writes.
pub(super) fn publish(
    service: &Service,
    machine: &mut Entry<MachineBody>,
    revision_key: &str,
    description: Option<String>,
    now: Timestamp,
) -> Result<(Option<CatalogueWrite>, Str), Error> {
    let versions = service.catalogue.children_of::<VersionBody>(Kind::Version, machine.number)?;
    if let Some(version) = versions.iter().find(|version| version.body.revision == revision_key) {
        return Ok((None, version.key.clone()));
    }
    if versions.len() >= VERSIONS_MAX {
        let message = format!("The state machine has {VERSIONS_MAX} versions, which is the most it can have");
        return Err(Error::ServiceQuotaExceededException(message));
    }
    machine.body.versions += 1;
    let arn = arn_of(&machine.key, machine.body.versions);
    let body = VersionBody { revision: revision_key.to_owned(), description, created: now.0 };
    Ok((Some(insert(service, &arn, Parent::Row(machine.number), &body)?), arn))
}

/// The write that adds a version.
pub(super) fn insert(
    service: &Service,
    arn: &Str,
    machine: Parent,
    body: &VersionBody,
) -> Result<CatalogueWrite, Error> {
    Ok(service.catalogue.insert(Kind::Version, arn.clone(), Some(machine), body)?)
}

/// The ARN of a version.
pub(super) fn arn_of(machine_arn: &str, number: u64) -> Str {
    Str::from(format!("{machine_arn}:{number}"))
}

/// The version of a revision, if it was published.
pub(super) fn of_revision(
    service: &Service,
    machine: RowNumber,
    revision_key: &str,
) -> Result<Option<Entry<VersionBody>>, Error> {
    let versions = service.catalogue.children_of::<VersionBody>(Kind::Version, machine)?;
    Ok(versions.into_iter().find(|version| version.body.revision == revision_key))
}

pub(crate) fn delete(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineVersionArn");
    let arn = MachineArn::version(text)?;
    service.catalogue.change(|| {
        let Some(version) = service.catalogue.find::<VersionBody>(Kind::Version, text)? else {
            return Ok((Vec::new(), nothing()));
        };
        let machine = service.catalogue.machine(&arn.machine())?;
        let aliases = service.catalogue.children_of::<AliasBody>(Kind::Alias, machine.number)?;
        let leads_here = |alias: &&Entry<AliasBody>| alias.body.routes.iter().any(|route| route.version_arn == text);
        let names: Vec<&str> = aliases.iter().filter(leads_here).map(|alias| alias.body.name.as_str()).collect();
        if !names.is_empty() {
            return Err(Error::ConflictException(format!(
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this \
                 version: [{}]",
                names.join(", ")
            )));
        }
        // The machine's row is written, too, so that no alias can be led here at the same moment.
        Ok((vec![version.delete(), service.catalogue.update(&machine)?], nothing()))
    })
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let machine_arn = MachineArn::unqualified(call.params.required("stateMachineArn"))?.machine();
    let query = Query::new("ListStateMachineVersions", &[&machine_arn]);
    let mut answer = Object::with_capacity(2);
    let Some(machine) = service.catalogue.find::<MachineBody>(Kind::StateMachine, &machine_arn)? else {
        // The operation has no error for a machine that is not there.
        answer.insert("stateMachineVersions", Value::from(Vec::new()));
        return Ok(answer.into());
    };
    let paging = Paging::of(service, call, query)?;
    let (versions, next) = page_of_children::<VersionBody>(service, Kind::Version, machine.number, true, &paging)?;
    let shown = versions.iter().map(|version| -> Value {
        [("stateMachineVersionArn", version.key.as_str().into()), ("creationDate", seconds_of(version.body.created))]
            .into_iter()
            .collect()
    });
    answer.insert("stateMachineVersions", shown.collect());
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}

/// A page of a machine's rows in the order in which they were made, and the token of the next page.
pub(super) fn page_of_children<B: for<'b> minicbor::Decode<'b, ()>>(
    service: &Service,
    kind: Kind,
    machine: RowNumber,
    descending: bool,
    paging: &Paging<'_>,
) -> Result<(Vec<Entry<B>>, Option<String>), Error> {
    let (after, limit) = (paging.after_row()?, paging.read_max() as u32);
    let read = RowQuery { kind, parent: Some(machine), key_starts: Str::default(), after, descending, limit };
    let mut rows = service.catalogue.rows::<B>(&read)?;
    let next = paging.cut(&mut rows, place)?;
    Ok((rows, next))
}

/// The place of a row in a list, as tokens hold it.
pub(super) fn place<B>(row: &Entry<B>) -> Vec<u8> {
    row.number.0.to_be_bytes().to_vec()
}
