//! State machines, revisions, versions, aliases and activities: rows of the store, and what is kept of them in memory.
//!
//! A change reads the rows that it goes by and writes with their versions; whoever loses a race reads again. Nothing
//! here knows the shapes of requests.

mod cache;
pub(crate) mod rows;

use std::sync::{Arc, Mutex, PoisonError};

use minicbor::{Decode, Encode};
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, Program, compile};
use stepwell_aws::Qualifier;
use stepwell_store::{CatalogueWrite, Codec, Kind, Parent, Place, Row, RowNumber, RowQuery, Sealed, Store, StoreError};
use stepwell_value::Str;

use crate::arn::MachineArn;
use crate::error::Error;
use cache::Cache;
use rows::{AliasBody, MachineBody, RevisionBody, VersionBody};

/// Most programs that are kept compiled.
const PROGRAMS_MAX: usize = 1_000;
/// Most ARNs whose meaning is kept.
const TARGETS_MAX: usize = 10_000;
/// How often a change that lost a race is tried before the caller is told to try again.
const TRIES_MAX: usize = 10;
/// Most rows read in one go.
pub(crate) const ROWS_MAX: u32 = 1_000;

/// The catalogue.
pub(crate) struct Catalogue {
    store: Arc<dyn Store>,
    codec: Codec,
    programs: Mutex<Cache<RowNumber, Arc<Program>>>,
    targets: Mutex<Targets>,
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
    pub(crate) version: u64,
    pub(crate) body: B,
}

/// What an ARN given to StartExecution means.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) machine: RowNumber,
    pub(crate) machine_arn: Str,
    pub(crate) name: Str,
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
    pub(crate) revision: RowNumber,
    pub(crate) program: Arc<Program>,
    pub(crate) setup: Arc<RevisionBody>,
    pub(crate) version: Option<(RowNumber, Str)>,
}

impl Catalogue {
    /// The catalogue of a store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Catalogue {
        Catalogue {
            store,
            codec: Codec::default(),
            programs: Mutex::new(Cache::new(PROGRAMS_MAX)),
            targets: Mutex::new(Targets { writes: 0, kept: Cache::new(TARGETS_MAX) }),
        }
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
    pub(crate) fn current(&self, machine: RowNumber) -> Result<Entry<RevisionBody>, StoreError> {
        let query = RowQuery { limit: 1, ..children(Kind::Revision, machine) };
        let row = self.store.rows(&query)?.into_iter().next();
        row.ok_or_else(|| StoreError::Corrupt(format!("state machine {} has no revision", machine.0)))
            .and_then(|row| self.read(row))
    }

    /// The revision of a version.
    pub(crate) fn revision_of(&self, version: &VersionBody) -> Result<Entry<RevisionBody>, StoreError> {
        let missing = || StoreError::Corrupt(format!("revision {} is missing", version.revision));
        self.find(Kind::Revision, &version.revision)?.ok_or_else(missing)
    }

    /// All versions or aliases of a machine, the latest first; there are 1,000 at most.
    pub(crate) fn children_of<B: for<'b> Decode<'b, ()>>(
        &self,
        kind: Kind,
        machine: RowNumber,
    ) -> Result<Vec<Entry<B>>, StoreError> {
        self.store.rows(&children(kind, machine))?.into_iter().map(|row| self.read(row)).collect()
    }

    /// A page of rows.
    pub(crate) fn rows<B: for<'b> Decode<'b, ()>>(&self, query: &RowQuery) -> Result<Vec<Entry<B>>, StoreError> {
        self.store.rows(query)?.into_iter().map(|row| self.read(row)).collect()
    }

    /// A row with its body.
    pub(crate) fn read<B: for<'b> Decode<'b, ()>>(&self, row: Row) -> Result<Entry<B>, StoreError> {
        let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("row {}: {error}", row.number.0));
        let bytes = self.codec.open(Place::Row(row.kind, &row.key), &row.body).map_err(|error| corrupt(&error))?;
        let body = minicbor::decode(&bytes).map_err(|error| corrupt(&error))?;
        Ok(Entry { kind: row.kind, number: row.number, version: row.version, key: row.key, body })
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
        for _ in 0..TRIES_MAX {
            let (writes, answer) = decide()?;
            if writes.is_empty() {
                return Ok(answer);
            }
            let written = self.store.write_catalogue(writes)?;
            self.forget_targets();
            if written.is_ok() {
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
            let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(target) = targets.kept.get(text) {
                return Ok(target);
            }
            targets.writes
        };
        let target = Arc::new(self.read_target(text)?);
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.writes == writes {
            targets.kept.put(text.into(), target.clone());
        }
        Ok(target)
    }

    /// The meaning of an ARN, if it is in memory.
    pub(crate) fn known_target(&self, text: &str) -> Option<Arc<Target>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).kept.get(text)
    }

    fn read_target(&self, text: &str) -> Result<Target, Error> {
        let arn = MachineArn::parse(text)?;
        let missing = || Error::StateMachineDoesNotExist(text.into());
        let machine_arn = arn.machine();
        let machine: Entry<MachineBody> = self.find(Kind::StateMachine, &machine_arn)?.ok_or_else(missing)?;
        let mut alias = None;
        let routes = match &arn.qualifier {
            None => vec![self.route(100, self.current(machine.number)?, None)?],
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
        Ok(Target {
            machine: machine.number,
            machine_arn,
            name: arn.name,
            machine_type: machine.body.machine_type(),
            is_deleting: machine.body.is_deleting,
            routes,
            alias,
        })
    }

    fn version_route(&self, weight: u32, version: Entry<VersionBody>) -> Result<TargetRoute, Error> {
        let revision = self.revision_of(&version.body)?;
        self.route(weight, revision, Some((version.number, version.key)))
    }

    fn route(
        &self,
        weight: u32,
        revision: Entry<RevisionBody>,
        version: Option<(RowNumber, Str)>,
    ) -> Result<TargetRoute, Error> {
        let program = self.compiled(&revision)?;
        Ok(TargetRoute { weight, revision: revision.number, program, setup: Arc::new(revision.body), version })
    }

    /// The program of a revision.
    ///
    /// # Errors
    /// The store's; [`StoreError::Corrupt`] when the definition is not one that was accepted.
    pub(crate) fn program(&self, number: RowNumber) -> Result<Arc<Program>, StoreError> {
        if let Some(program) = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(program);
        }
        let missing = || StoreError::Corrupt(format!("revision {} is missing", number.0));
        self.compiled(&self.get(number)?.ok_or_else(missing)?)
    }

    fn compiled(&self, revision: &Entry<RevisionBody>) -> Result<Arc<Program>, StoreError> {
        let number = revision.number;
        if let Some(program) = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(program);
        }
        let machine_type = if revision.body.is_express { ExecutionType::Express } else { ExecutionType::Standard };
        let compiled = compile(&revision.body.setup.definition, Format::Json, &Options { machine_type });
        let refused = || StoreError::Corrupt(format!("the definition of revision {} is not valid", number.0));
        let program = Arc::new(compiled.program.ok_or_else(refused)?);
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).put(number, program.clone());
        Ok(program)
    }

    /// Whether there is an activity of that ARN.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn has_activity(&self, arn: &str) -> Result<bool, StoreError> {
        Ok(self.store.row_of(Kind::Activity, arn)?.is_some())
    }

    fn forget_targets(&self) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.writes += 1;
        targets.kept.clear();
    }
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
