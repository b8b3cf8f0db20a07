//! State machines: create, describe, update, delete, list (`reference/api.md`, section 4).

use stepwell_asl::diagnostic::aws_message;
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, compile, variable_references};
use stepwell_aws::Qualifier;
use stepwell_engine::Timestamp;
use stepwell_store::{CatalogueWrite, Kind, Parent, RowNumber, StoreError};
use stepwell_value::{Object, Str, Value};

use super::{Paging, configuration, nothing, put_text, seconds_of, tags, versions};
use crate::arn::{self, MachineArn, check_name, machine_arn};
use crate::catalogue::rows::{AliasBody, Encryption, Logging, MachineBody, RevisionBody, Setup, VersionBody};
use crate::catalogue::{Entry, lock};
use crate::error::Error;
use crate::page::Query;
use crate::service::{Call, Service};
use crate::world;

pub(crate) fn create(service: &Service, call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let name = params.required("name");
    check_name(name)?;
    let machine_type = type_named(params.text("type"));
    let publish = Publish::of(call)?;
    let setup = Setup {
        definition: params.required("definition").to_owned(),
        role_arn: params.required("roleArn").to_owned(),
        logging: params
            .structure("loggingConfiguration")
            .map_or(Ok(Logging::default()), |given| configuration::logging(&given))?,
        is_traced: params
            .structure("tracingConfiguration")
            .map_or(Ok(false), |given| configuration::tracing(&given))?,
        encryption: params
            .structure("encryptionConfiguration")
            .map_or(Ok(Encryption::default()), |given| configuration::encryption(&given))?,
    };
    arn::role(&setup.role_arn)?;
    configuration::check_logging_name(name, &setup.logging)?;
    check_definition(&setup.definition, machine_type)?;
    let machine_arn = machine_arn(&call.place, name);
    let tags = tags::merged(&machine_arn, Vec::new(), params)?;
    let now = world::now();
    service.catalogue.change(|| {
        if let Some(machine) = service.catalogue.find::<MachineBody>(Kind::StateMachine, &machine_arn)? {
            return Ok((Vec::new(), created_before(service, &machine, machine_type, &setup, &publish)?));
        }
        let body = MachineBody {
            name: name.to_owned(),
            is_express: machine_type == ExecutionType::Express,
            created: now.0,
            is_deleting: false,
            versions: u64::from(publish.is_wanted),
            tags: tags.clone(),
            is_made_published: publish.is_wanted,
        };
        let machine = service.catalogue.insert(Kind::StateMachine, machine_arn.clone(), None, &body)?;
        let revision_key = revision_key(&machine_arn);
        let mut writes = vec![
            machine,
            insert_revision(service, &revision_key, Parent::Inserted(0), None, &setup, machine_type, now)?,
        ];
        let version = publish.is_wanted.then(|| versions::arn_of(&machine_arn, 1));
        if let Some(version) = &version {
            let body = VersionBody {
                revision: revision_key.to_string(),
                description: publish.description.clone(),
                created: now.0,
            };
            writes.push(versions::insert(service, version, Parent::Inserted(0), &body)?);
        }
        Ok((writes, created(&machine_arn, now.0, version.as_deref())))
    })
}

/// The answer when the machine is there already: the same one if it was made with the same parameters.
fn created_before(
    service: &Service,
    machine: &Entry<MachineBody>,
    machine_type: ExecutionType,
    setup: &Setup,
    publish: &Publish,
) -> Result<Value, Error> {
    if machine.body.is_deleting {
        return Err(Error::StateMachineDeleting(machine.key.clone()));
    }
    let taken = || Error::StateMachineAlreadyExists(machine.key.clone());
    let current = service.catalogue.current(machine)?;
    // The role may differ and stays as it was.
    let wanted = Setup { role_arn: current.body.setup.role_arn.clone(), ..setup.clone() };
    let is_same = machine.body.machine_type() == machine_type
        && machine.body.is_made_published == publish.is_wanted
        && current.body.setup == wanted;
    if !is_same {
        return Err(taken());
    }
    let version = match publish.is_wanted {
        true => {
            let version = versions::of_revision(service, machine.number, &current.key)?.ok_or_else(taken)?;
            if version.body.description != publish.description {
                return Err(taken());
            }
            Some(version.key)
        }
        false => None,
    };
    Ok(created(&machine.key, machine.body.created, version.as_deref()))
}

fn created(machine_arn: &str, created: i64, version: Option<&str>) -> Value {
    let mut answer = Object::with_capacity(3);
    answer.insert("stateMachineArn", machine_arn.into());
    answer.insert("creationDate", seconds_of(created));
    put_text(&mut answer, "stateMachineVersionArn", version);
    answer.into()
}

pub(crate) fn update(service: &Service, call: &Call) -> Result<Value, Error> {
    let params = &call.params;
    let machine_arn = MachineArn::unqualified(params.required("stateMachineArn"))?.machine();
    let publish = Publish::of(call)?;
    let logging = params.structure("loggingConfiguration").map(|given| configuration::logging(&given)).transpose()?;
    let is_traced = params.structure("tracingConfiguration").map(|given| configuration::tracing(&given)).transpose()?;
    let encryption =
        params.structure("encryptionConfiguration").map(|given| configuration::encryption(&given)).transpose()?;
    let (definition, role_arn) = (params.text("definition"), params.text("roleArn"));
    if definition.is_none() && role_arn.is_none() && logging.is_none() && is_traced.is_none() && encryption.is_none() {
        return Err(Error::MissingRequiredParameter);
    }
    role_arn.map_or(Ok(()), arn::role)?;
    let machine_type = service.catalogue.machine(&machine_arn)?.body.machine_type();
    definition.map_or(Ok(()), |definition| check_definition(definition, machine_type))?;
    let now = world::now();
    service.catalogue.change(|| {
        let mut machine = service.catalogue.living_machine(&machine_arn)?;
        let current = service.catalogue.current(&machine)?;
        let mut setup = current.body.setup.clone();
        definition.into_iter().for_each(|definition| setup.definition = definition.to_owned());
        role_arn.into_iter().for_each(|role_arn| setup.role_arn = role_arn.to_owned());
        logging.iter().for_each(|logging| setup.logging = logging.clone());
        is_traced.into_iter().for_each(|is_traced| setup.is_traced = is_traced);
        encryption.iter().for_each(|encryption| setup.encryption = encryption.clone());
        configuration::check_logging_name(&machine.body.name, &setup.logging)?;

        let mut writes = Vec::new();
        // What changes nothing makes no revision.
        let (revision_key, revision_id, updated) = if setup == current.body.setup {
            (current.key.clone(), current.body.id.clone(), current.body.made)
        } else {
            let (key, id) = (revision_key(&machine_arn), world::uuid());
            let parent = Parent::Row(machine.number);
            writes.push(insert_revision(service, &key, parent, Some(&id), &setup, machine_type, now)?);
            (key, Some(id.to_string()), now.0)
        };
        let mut version = None;
        if publish.is_wanted {
            let (write, arn) =
                versions::publish(service, &mut machine, &revision_key, publish.description.clone(), now)?;
            writes.extend(write);
            version = Some(arn);
        }
        if !writes.is_empty() {
            // The machine's row is written with every revision: of two updates at once one has to look again.
            writes.push(service.catalogue.update(&machine)?);
        }
        let mut answer = Object::with_capacity(3);
        answer.insert("updateDate", seconds_of(updated));
        put_text(&mut answer, "revisionId", revision_id.as_deref());
        put_text(&mut answer, "stateMachineVersionArn", version.as_deref());
        Ok((writes, answer.into()))
    })
}

pub(crate) fn describe(service: &Service, call: &Call) -> Result<Value, Error> {
    let text = call.params.required("stateMachineArn");
    let arn = MachineArn::parse(text)?;
    let missing = || Error::StateMachineDoesNotExist(text.into());
    let machine = service.catalogue.find::<MachineBody>(Kind::StateMachine, &arn.machine())?.ok_or_else(missing)?;
    let version = match &arn.qualifier {
        None => None,
        Some(Qualifier::Version(_)) => {
            Some(service.catalogue.find::<VersionBody>(Kind::Version, text)?.ok_or_else(missing)?)
        }
        Some(Qualifier::Alias(_)) => {
            // An alias shows the version that most of its starts lead to.
            let alias = service.catalogue.find::<AliasBody>(Kind::Alias, text)?.ok_or_else(missing)?;
            let route = alias.body.routes.iter().max_by_key(|route| route.weight).ok_or_else(missing)?;
            Some(service.catalogue.find::<VersionBody>(Kind::Version, &route.version_arn)?.ok_or_else(missing)?)
        }
    };
    let revision = match &version {
        Some(version) => service.catalogue.revision_of(version)?,
        None => service.catalogue.current(&machine)?,
    };
    let mut answer = Object::with_capacity(14);
    answer.insert("stateMachineArn", text.into());
    answer.insert("name", machine.body.name.as_str().into());
    answer.insert("status", if machine.body.is_deleting { "DELETING" } else { "ACTIVE" }.into());
    answer.insert("type", machine.body.machine_type().name().into());
    let created = version.as_ref().map_or(machine.body.created, |version| version.body.created);
    answer.insert("creationDate", seconds_of(created));
    put_text(&mut answer, "description", version.and_then(|version| version.body.description).as_deref());
    put_revision(service, &mut answer, &revision, call.params.text("includedData"))?;
    Ok(answer.into())
}

/// Adds what an answer says of a revision.
pub(super) fn put_revision(
    service: &Service,
    answer: &mut Object,
    revision: &Entry<RevisionBody>,
    included_data: Option<&str>,
) -> Result<(), Error> {
    let setup = &revision.body.setup;
    if included_data == Some("METADATA_ONLY") {
        answer.insert("definition", "{}".into());
    } else {
        answer.insert("definition", setup.definition.as_str().into());
        let references = variable_references(&service.catalogue.defined(revision)?.program);
        if !references.is_empty() {
            let names = |names: Vec<Str>| names.into_iter().map(Value::from).collect::<Value>();
            let references: Object = references.into_iter().map(|(state, found)| (state, names(found))).collect();
            answer.insert("variableReferences", references.into());
        }
    }
    answer.insert("roleArn", setup.role_arn.as_str().into());
    answer.insert("loggingConfiguration", configuration::show_logging(&setup.logging));
    answer.insert("tracingConfiguration", configuration::show_tracing(setup.is_traced));
    answer.insert("encryptionConfiguration", configuration::show_encryption(&setup.encryption));
    put_text(answer, "revisionId", revision.body.id.as_deref());
    Ok(())
}

/// Marks a machine as being deleted; versions and aliases go at once, the rest when nothing runs any more.
pub(crate) fn delete(service: &Service, call: &Call) -> Result<Value, Error> {
    let machine_arn = MachineArn::unqualified(call.params.required("stateMachineArn"))?.machine();
    let deleted = service.catalogue.change(|| {
        let Some(mut machine) = service.catalogue.find::<MachineBody>(Kind::StateMachine, &machine_arn)? else {
            return Ok((Vec::new(), None));
        };
        let number = machine.number;
        let mut writes: Vec<CatalogueWrite> = Vec::new();
        let aliases = service.catalogue.children_of::<AliasBody>(Kind::Alias, number)?;
        writes.extend(aliases.iter().map(Entry::delete));
        let versions = service.catalogue.children_of::<VersionBody>(Kind::Version, number)?;
        writes.extend(versions.iter().map(Entry::delete));
        if !machine.body.is_deleting {
            machine.body.is_deleting = true;
            writes.push(service.catalogue.update(&machine)?);
        }
        Ok((writes, Some(number)))
    })?;
    if let Some(number) = deleted {
        service.finish_deletion(number)?;
    }
    Ok(nothing())
}

/// Removes a machine that is being deleted, with its revisions.
pub(crate) fn remove(service: &Service, number: RowNumber) -> Result<(), Error> {
    // Revisions first, a batch at a time: the machine's row says that there is something to do until all are gone.
    let remove_some = || {
        let revisions = service.catalogue.some_revisions(number)?;
        Ok((revisions.iter().map(Entry::delete).collect(), !revisions.is_empty()))
    };
    while service.catalogue.change(remove_some)? {}
    service.catalogue.change(|| {
        let machine = service.catalogue.get::<MachineBody>(number)?;
        Ok((machine.iter().map(Entry::delete).collect(), ()))
    })?;
    lock(&service.known_executions).clear();
    Ok(())
}

pub(crate) fn list(service: &Service, call: &Call) -> Result<Value, Error> {
    let query = Query::new("ListStateMachines", &[&call.place.account, &call.place.region]);
    let start = machine_arn(&call.place, "");
    let (machines, next) = by_name::<MachineBody>(service, call, query, |after, limit| {
        service.catalogue.machines_behind(&start, after, limit)
    })?;
    let shown = machines.iter().map(|machine| -> Value {
        [
            ("stateMachineArn", machine.key.as_str().into()),
            ("name", machine.body.name.as_str().into()),
            ("type", machine.body.machine_type().name().into()),
            ("creationDate", seconds_of(machine.body.created)),
        ]
        .into_iter()
        .collect()
    });
    let mut answer = Object::with_capacity(2);
    answer.insert("stateMachines", shown.collect());
    put_text(&mut answer, "nextToken", next.as_deref());
    Ok(answer.into())
}

/// A page of rows in the order of their names, which is AWS's; and the token of the next page.
///
/// `behind` gives so many of the rows that follow a key, in their order.
pub(super) fn by_name<B: for<'b> minicbor::Decode<'b, ()>>(
    service: &Service,
    call: &Call,
    query: Query,
    behind: impl FnOnce(Option<&str>, usize) -> Result<Vec<(Str, RowNumber)>, StoreError>,
) -> Result<(Vec<Entry<B>>, Option<String>), Error> {
    let paging = Paging::of(service, call, query)?;
    let mut rows = behind(paging.after_text()?, paging.read_max())?;
    let next = paging.cut(&mut rows, |(key, _)| key.as_bytes().to_vec())?;
    // One that has gone meanwhile is left out.
    let entries = rows.into_iter().filter_map(|(_, number)| service.catalogue.get(number).transpose());
    Ok((entries.collect::<Result<_, _>>()?, next))
}

/// `publish` and `versionDescription`.
struct Publish {
    is_wanted: bool,
    description: Option<String>,
}

impl Publish {
    fn of(call: &Call) -> Result<Publish, Error> {
        let is_wanted = call.params.boolean("publish").unwrap_or(false);
        let description = call.params.text("versionDescription").map(str::to_owned);
        match description.is_some() && !is_wanted {
            true => Err(Error::invalid("Version description can only be set when publish is true")),
            false => Ok(Publish { is_wanted, description }),
        }
    }
}

pub(super) fn type_named(name: Option<&str>) -> ExecutionType {
    if name == Some("EXPRESS") { ExecutionType::Express } else { ExecutionType::Standard }
}

fn check_definition(definition: &str, machine_type: ExecutionType) -> Result<(), Error> {
    let compiled = compile(definition, Format::Json, &Options { machine_type });
    match compiled.is_valid() {
        true => Ok(()),
        false => Err(Error::InvalidDefinition(aws_message(&compiled.diagnostics))),
    }
}

/// The key of a new revision: unique, since a machine of the same name may have been there before.
fn revision_key(machine_arn: &str) -> Str {
    Str::from(format!("{machine_arn}/{}", world::uuid()))
}

fn insert_revision(
    service: &Service,
    key: &Str,
    parent: Parent,
    id: Option<&str>,
    setup: &Setup,
    machine_type: ExecutionType,
    now: Timestamp,
) -> Result<CatalogueWrite, Error> {
    let body = RevisionBody {
        id: id.map(str::to_owned),
        made: now.0,
        setup: setup.clone(),
        is_express: machine_type == ExecutionType::Express,
    };
    Ok(service.catalogue.insert(Kind::Revision, key.clone(), Some(parent), &body)?)
}
