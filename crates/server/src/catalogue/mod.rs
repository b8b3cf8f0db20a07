//! State machines, revisions, versions, aliases and activities: rows of the store, and what is kept of them in memory.
//!
//! A change reads the rows that it goes by and writes with their versions; whoever loses a race reads again. Nothing
//! here knows the shapes of requests.

pub(crate) mod cache;
mod keys;
pub(crate) mod rows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use minicbor::{Decode, Encode};
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, compile};
use stepwell_aws::{Arn, Qualifier};
use stepwell_node::{Definition, LogLevel, Logging, Programs};
use stepwell_store::{CatalogueWrite, Codec, Kind, Parent, Place, Row, RowNumber, RowQuery, Sealed, Store, StoreError};
use stepwell_value::Str;

use crate::arn::MachineArn;
use crate::error::Error;
use cache::Cache;
use keys::Keys;
use rows::{ActivityBody, AliasBody, MachineBody, RevisionBody, VersionBody};

/// Most definitions that are kept compiled.
const DEFINITIONS_MAX: usize = 1_000;
/// Most ARNs whose meaning is kept.
const TARGETS_MAX: usize = 10_000;
/// How often a change that lost a race is tried before the caller is told to try again.
const TRIES_MAX: usize = 10;
/// Revisions that are read in one go: a definition may have a megabyte.
const REVISIONS_AT_ONCE: u32 = 16;
/// Most rows read in one go.
const ROWS_MAX: u32 = 1_000;

/// The catalogue.
pub(crate) struct Catalogue {
    store: Arc<dyn Store>,
    codec: Codec,
    definitions: Mutex<Cache<RowNumber, Arc<Definition>>>,
    targets: Mutex<Targets>,
    /// All activities: steps ask for them and must not wait for the store.
    activities: RwLock<Keys>,
    /// All state machines; none: no list was asked for yet.
    machines: RwLock<Option<Keys>>,
    /// Held while something is decided and written: two changes of ours do not race.
    changes: Mutex<()>,
}

/// What ARNs mean, until something is written.
struct Targets {
    /// Counts writes, so that what was read before one is not kept after it.
    writes: u64,
    kept: Cache<Str, Arc<Target>>,
}

/// A row with its body read.
#[derive(Clone, Debug)]
pub(crate) struct Entry<B> {
    kind: Kind,
    pub(crate) number: RowNumber,
    pub(crate) key: Str,
    pub(crate) parent: Option<RowNumber>,
    pub(crate) version: u64,
    pub(crate) body: B,
}

/// What an ARN given to StartExecution means.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) machine: RowNumber,
    pub(crate) machine_arn: Str,
    /// What the ARNs of its executions have in front of their names.
    pub(crate) executions_arn: String,
    pub(crate) name: Str,
    pub(crate) region: Str,
    pub(crate) machine_type: ExecutionType,
    pub(crate) is_deleting: bool,
    /// Where it leads: one route, or two of an alias. Never empty.
    pub(crate) routes: Vec<TargetRoute>,
    /// The alias.
    pub(crate) alias: Option<(RowNumber, Str)>,
}

/// A revision that a start can lead to.
#[derive(Clone, Debug)]
pub(crate) struct TargetRoute {
    /// Of all routes' sum, which is 100 for aliases.
    pub(crate) weight: u32,
    pub(crate) definition: Arc<Definition>,
    pub(crate) role_arn: Str,
    pub(crate) version: Option<(RowNumber, Str)>,
}

impl Catalogue {
    /// The catalogue of a store.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn open(store: Arc<dyn Store>, codec: Codec) -> Result<Catalogue, StoreError> {
        let catalogue = Catalogue {
            store,
            codec,
            definitions: Mutex::new(Cache::new(DEFINITIONS_MAX)),
            targets: Mutex::new(Targets { writes: 0, kept: Cache::new(TARGETS_MAX) }),
            activities: RwLock::default(),
            machines: RwLock::default(),
            changes: Mutex::new(()),
        };
        *writing(&catalogue.activities) = catalogue.keys::<ActivityBody>(Kind::Activity)?;
        Ok(catalogue)
    }

    /// Shows all rows of a kind, a batch at a time.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn each<B: for<'b> Decode<'b, ()>>(
        &self,
        kind: Kind,
        mut show: impl FnMut(Entry<B>),
    ) -> Result<(), StoreError> {
        let mut query = RowQuery {
            kind,
            parent: None,
            key_starts: Str::default(),
            after: None,
            descending: false,
            limit: ROWS_MAX,
        };
        loop {
            let rows = self.rows::<B>(&query)?;
            let Some(last) = rows.last() else { return Ok(()) };
            query.after = Some(last.number);
            rows.into_iter().for_each(&mut show);
        }
    }

    fn keys<B: for<'b> Decode<'b, ()>>(&self, kind: Kind) -> Result<Keys, StoreError> {
        let mut keys = Keys::default();
        self.each::<B>(kind, |entry| keys.insert(entry.key, entry.number))?;
        Ok(keys)
    }

    /// State machines whose ARNs begin with `start` and come behind `after`, in the order of their ARNs.
    ///
    /// # Errors
    /// The store's: the first call reads all of them.
    pub(crate) fn machines_behind(
        &self,
        start: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Str, RowNumber)>, StoreError> {
        if let Some(machines) = &*reading(&self.machines) {
            return Ok(machines.page(start, after, limit));
        }
        // Nothing is written between reading them and noting them.
        let _alone = lock(&self.changes);
        let mut machines = writing(&self.machines);
        if machines.is_none() {
            *machines = Some(self.keys::<MachineBody>(Kind::StateMachine)?);
        }
        Ok(machines.as_ref().map(|machines| machines.page(start, after, limit)).unwrap_or_default())
    }

    /// The same of activities.
    pub(crate) fn activities_behind(&self, start: &str, after: Option<&str>, limit: usize) -> Vec<(Str, RowNumber)> {
        reading(&self.activities).page(start, after, limit)
    }

    /// The row of a kind and key.
    pub(crate) fn find<B: for<'b> Decode<'b, ()>>(
        &self,
        kind: Kind,
        key: &str,
    ) -> Result<Option<Entry<B>>, StoreError> {
        self.store.row_of(kind, key)?.map(|row| self.read(row)).transpose()
    }

    /// The row of a number.
    pub(crate) fn get<B: for<'b> Decode<'b, ()>>(&self, number: RowNumber) -> Result<Option<Entry<B>>, StoreError> {
        self.store.row(number)?.map(|row| self.read(row)).transpose()
    }

    /// A state machine.
    ///
    /// # Errors
    /// [`Error::StateMachineDoesNotExist`]
    pub(crate) fn machine(&self, arn: &str) -> Result<Entry<MachineBody>, Error> {
        self.find(Kind::StateMachine, arn)?.ok_or_else(|| Error::StateMachineDoesNotExist(arn.into()))
    }

    /// The same, when it is to be changed.
    ///
    /// # Errors
    /// [`Error::StateMachineDoesNotExist`], [`Error::StateMachineDeleting`]
    pub(crate) fn living_machine(&self, arn: &str) -> Result<Entry<MachineBody>, Error> {
        let machine = self.machine(arn)?;
        match machine.body.is_deleting {
            true => Err(Error::StateMachineDeleting(arn.into())),
            false => Ok(machine),
        }
    }

    /// The revision that a start of the bare machine runs: the last one.
    ///
    /// # Errors
    /// [`Error::StateMachineDoesNotExist`] when the machine has been removed since it was read: its revisions go first.
    pub(crate) fn current(&self, machine: &Entry<MachineBody>) -> Result<Entry<RevisionBody>, Error> {
        let query = RowQuery { limit: 1, ..children(Kind::Revision, machine.number) };
        let last = self.rows(&query)?.pop();
        last.ok_or_else(|| Error::StateMachineDoesNotExist(machine.key.clone()))
    }

    /// The revision of a version.
    ///
    /// # Errors
    /// [`Error::StateMachineDoesNotExist`] when it has been removed, with its machine, since the version was read.
    pub(crate) fn revision_of(&self, version: &Entry<VersionBody>) -> Result<Entry<RevisionBody>, Error> {
        let revision = self.find(Kind::Revision, &version.body.revision)?;
        revision.ok_or_else(|| Error::StateMachineDoesNotExist(version.key.clone()))
    }

    /// All versions or aliases of a machine, the latest first; there are 1,000 at most.
    pub(crate) fn children_of<B: for<'b> Decode<'b, ()>>(
        &self,
        kind: Kind,
        machine: RowNumber,
    ) -> Result<Vec<Entry<B>>, StoreError> {
        self.rows(&children(kind, machine))
    }

    /// Some of the revisions of a machine, few enough that their definitions do not fill the memory.
    pub(crate) fn some_revisions(&self, machine: RowNumber) -> Result<Vec<Entry<RevisionBody>>, StoreError> {
        self.rows(&RowQuery { limit: REVISIONS_AT_ONCE, ..children(Kind::Revision, machine) })
    }

    /// A page of rows.
    pub(crate) fn rows<B: for<'b> Decode<'b, ()>>(&self, query: &RowQuery) -> Result<Vec<Entry<B>>, StoreError> {
        self.store.rows(query)?.into_iter().map(|row| self.read(row)).collect()
    }

    /// A row with its body.
    fn read<B: for<'b> Decode<'b, ()>>(&self, row: Row) -> Result<Entry<B>, StoreError> {
        let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("row {}: {error}", row.number.0));
        let bytes = self.codec.open(Place::Row(row.kind, &row.key), &row.body).map_err(|error| corrupt(&error))?;
        let body = minicbor::decode(&bytes).map_err(|error| corrupt(&error))?;
        Ok(Entry { kind: row.kind, number: row.number, parent: row.parent, version: row.version, key: row.key, body })
    }

    /// The write that adds a row.
    pub(crate) fn insert(
        &self,
        kind: Kind,
        key: Str,
        parent: Option<Parent>,
        body: &impl Encode<()>,
    ) -> Result<CatalogueWrite, StoreError> {
        let body = self.seal(kind, &key, body)?;
        Ok(CatalogueWrite::Insert { kind, key, parent, body })
    }

    /// The write that stores a row's body as it is now.
    pub(crate) fn update(&self, entry: &Entry<impl Encode<()>>) -> Result<CatalogueWrite, StoreError> {
        let body = self.seal(entry.kind, &entry.key, &entry.body)?;
        Ok(CatalogueWrite::Update { number: entry.number, expects: entry.version, key: None, body })
    }

    fn seal(&self, kind: Kind, key: &str, body: &impl Encode<()>) -> Result<Sealed, StoreError> {
        let bytes = minicbor::to_vec(body).expect("a vector takes all that is written");
        self.codec.seal(Place::Row(kind, key), &bytes).map_err(|error| StoreError::Io(error.to_string()))
    }

    /// Reads, decides and writes; again, when somebody else has written what was read.
    ///
    /// # Errors
    /// What `decide` gives, [`Error::ThrottlingException`] when others are always faster, or the store's.
    pub(crate) fn change<T>(
        &self,
        mut decide: impl FnMut() -> Result<(Vec<CatalogueWrite>, T), Error>,
    ) -> Result<T, Error> {
        let _alone = lock(&self.changes);
        for _ in 0..TRIES_MAX {
            let (writes, answer) = decide()?;
            if writes.is_empty() {
                return Ok(answer);
            }
            let notes: Vec<_> = writes.iter().map(Note::of).collect();
            let written = self.store.write_catalogue(writes)?;
            self.forget_targets();
            if let Ok(numbers) = written {
                notes.into_iter().zip(numbers).for_each(|(note, number)| self.note(note, number));
                return Ok(answer);
            }
        }
        Err(Error::ThrottlingException)
    }

    /// What an ARN means that something is to be started by. Reads the store when it is not known yet.
    ///
    /// # Errors
    /// [`Error::InvalidArn`], [`Error::StateMachineDoesNotExist`], the store's.
    pub(crate) fn target(&self, text: &str) -> Result<Arc<Target>, Error> {
        let writes = {
            let mut targets = lock(&self.targets);
            if let Some(target) = targets.kept.get(text) {
                return Ok(target);
            }
            targets.writes
        };
        let target = Arc::new(self.read_target(text)?);
        let mut targets = lock(&self.targets);
        if targets.writes == writes {
            targets.kept.put(text.into(), target.clone());
        }
        Ok(target)
    }

    /// The meaning of an ARN, if it is in memory.
    pub(crate) fn known_target(&self, text: &str) -> Option<Arc<Target>> {
        lock(&self.targets).kept.get(text)
    }

    fn read_target(&self, text: &str) -> Result<Target, Error> {
        let arn = MachineArn::parse(text)?;
        let missing = || Error::StateMachineDoesNotExist(text.into());
        let machine_arn = arn.machine();
        let machine: Entry<MachineBody> = self.find(Kind::StateMachine, &machine_arn)?.ok_or_else(missing)?;
        let mut alias = None;
        let routes = match &arn.qualifier {
            None => vec![self.route(100, self.current(&machine)?, None)?],
            Some(Qualifier::Version(_)) => {
                let version: Entry<VersionBody> = self.find(Kind::Version, text)?.ok_or_else(missing)?;
                vec![self.version_route(100, version)?]
            }
            Some(Qualifier::Alias(_)) => {
                let found: Entry<AliasBody> = self.find(Kind::Alias, text)?.ok_or_else(missing)?;
                alias = Some((found.number, found.key));
                let version = |arn: &str| self.find(Kind::Version, arn)?.ok_or_else(missing);
                let routes = found.body.routes.iter();
                routes
                    .map(|route| self.version_route(route.weight, version(&route.version_arn)?))
                    .collect::<Result<_, Error>>()?
            }
        };
        let machine_type = machine.body.machine_type();
        let of_executions = match machine_type {
            ExecutionType::Standard => ":execution:",
            ExecutionType::Express => ":express:",
        };
        Ok(Target {
            machine: machine.number,
            executions_arn: machine_arn.replacen(":stateMachine:", of_executions, 1),
            machine_arn,
            name: arn.name,
            region: arn.place.region,
            machine_type,
            is_deleting: machine.body.is_deleting,
            routes,
            alias,
        })
    }

    fn version_route(&self, weight: u32, version: Entry<VersionBody>) -> Result<TargetRoute, Error> {
        let revision = self.revision_of(&version)?;
        self.route(weight, revision, Some((version.number, version.key)))
    }

    fn route(
        &self,
        weight: u32,
        revision: Entry<RevisionBody>,
        version: Option<(RowNumber, Str)>,
    ) -> Result<TargetRoute, Error> {
        let definition = self.defined(&revision)?;
        Ok(TargetRoute { weight, definition, role_arn: Str::from(revision.body.setup.role_arn), version })
    }

    /// A revision, ready to run.
    pub(crate) fn defined(&self, revision: &Entry<RevisionBody>) -> Result<Arc<Definition>, StoreError> {
        let number = revision.number;
        if let Some(definition) = lock(&self.definitions).get(&number) {
            return Ok(definition);
        }
        let machine_type = if revision.body.is_express { ExecutionType::Express } else { ExecutionType::Standard };
        let compiled = compile(&revision.body.setup.definition, Format::Json, &Options { machine_type });
        let refused = || StoreError::Corrupt(format!("the definition of revision {} is not valid", number.0));
        let definition = Arc::new(Definition {
            row: number,
            machine: revision.parent.ok_or_else(refused)?,
            program: Arc::new(compiled.program.ok_or_else(refused)?),
            logging: logging(&revision.body.setup.logging),
        });
        lock(&self.definitions).put(number, definition.clone());
        Ok(definition)
    }

    /// Keeps what is in memory as the store has it; `number` is that of the row that was written.
    fn note(&self, note: Note, number: RowNumber) {
        match note {
            Note::New(Kind::Activity, key) => writing(&self.activities).insert(key, number),
            Note::New(Kind::StateMachine, key) => {
                if let Some(machines) = &mut *writing(&self.machines) {
                    machines.insert(key, number);
                }
            }
            Note::New(..) | Note::Nothing => {}
            Note::Gone(number) => {
                writing(&self.activities).remove(number);
                if let Some(machines) = &mut *writing(&self.machines) {
                    machines.remove(number);
                }
            }
        }
    }

    fn forget_targets(&self) {
        let mut targets = lock(&self.targets);
        targets.writes += 1;
        targets.kept.clear();
    }
}

impl Programs for Catalogue {
    fn definition(&self, row: RowNumber) -> Result<Arc<Definition>, StoreError> {
        if let Some(definition) = lock(&self.definitions).get(&row) {
            return Ok(definition);
        }
        let missing = || StoreError::Corrupt(format!("revision {} is missing", row.0));
        self.defined(&self.get(row)?.ok_or_else(missing)?)
    }

    fn has_activity(&self, arn: &str) -> bool {
        reading(&self.activities).contains(arn)
    }
}

/// What a write that succeeded means for what is kept in memory.
enum Note {
    New(Kind, Str),
    /// Of whatever kind.
    Gone(RowNumber),
    Nothing,
}

impl Note {
    fn of(write: &CatalogueWrite) -> Note {
        match write {
            CatalogueWrite::Insert { kind, key, .. } => Note::New(*kind, key.clone()),
            CatalogueWrite::Delete { number, .. } => Note::Gone(*number),
            _ => Note::Nothing,
        }
    }
}

/// Where and what executions log; none: nothing.
fn logging(configured: &rows::Logging) -> Option<Logging> {
    let level = match configured.level {
        rows::LogLevel::Off => return None,
        rows::LogLevel::Fatal => LogLevel::Fatal,
        rows::LogLevel::Error => LogLevel::Error,
        rows::LogLevel::All => LogLevel::All,
    };
    let group = Arn::parse(configured.destinations.as_ref()?.first()?).ok()?;
    let group = group.resource().strip_prefix("log-group:")?;
    let log_group = Str::new(group.strip_suffix(":*").unwrap_or(group));
    Some(Logging { level, with_data: configured.includes_data, log_group })
}

fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn children(kind: Kind, machine: RowNumber) -> RowQuery {
    RowQuery { kind, parent: Some(machine), key_starts: Str::default(), after: None, descending: true, limit: ROWS_MAX }
}

impl<B> Entry<B> {
    /// The write that removes the row.
    pub(crate) fn delete(&self) -> CatalogueWrite {
        CatalogueWrite::Delete { number: self.number, expects: self.version }
    }
}
