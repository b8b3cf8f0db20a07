//! Executions as the API shows them: what was committed, read from the store.

use std::sync::Arc;

use stepwell_engine::{Described, ExecutionId, MapRunId, Payload, PayloadRef};
use stepwell_node::core::{ClosedChildren, StoredPayloads};
use stepwell_store::{Entity, Kind, Place, Root, RowNumber};
use stepwell_value::Str;

use crate::arn::{self, ExecutionArn};
use crate::catalogue::lock;
use crate::catalogue::rows::MachineBody;
use crate::error::Error;
use crate::service::{Service, unreadable};
use crate::world;

/// Most ARNs of executions whose identity is kept, and for how many milliseconds: a name may come to belong to another
/// execution, though not before the first one's retention is over.
pub(crate) const KNOWN_MAX: usize = 10_000;
const KNOWN_MS: i64 = 60_000;

/// Most executions whose root record is kept as it was read last, and the longest cause of one that is.
pub(crate) const SEEN_MAX: usize = 1_000;
const SEEN_CAUSE_BYTES_MAX: usize = 1_024;

/// An execution's root record, read.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) described: Arc<Described>,
    /// The row of the revision that it runs.
    pub(crate) definition: RowNumber,
}

impl Service {
    /// The execution of an ARN.
    ///
    /// # Errors
    /// [`Error::InvalidArn`], [`Error::ExecutionDoesNotExist`], the store's.
    pub(crate) fn find_execution(&self, text: &str) -> Result<(ExecutionId, Shown), Error> {
        let id = self.execution_id(text)?;
        let shown = self.shown(id)?.ok_or_else(|| Error::ExecutionDoesNotExist(text.into()))?;
        Ok((id, shown))
    }

    /// What is shown of the execution of an ARN, be it an Express child of a Map Run.
    ///
    /// # Errors
    /// As [`Service::find_execution`].
    pub(crate) fn find_described(&self, text: &str) -> Result<(ExecutionId, Arc<Described>), Error> {
        let Some(map_runs) = arn::map_runs_of_express_child(text) else {
            let (id, shown) = self.find_execution(text)?;
            return Ok((id, shown.described));
        };
        // In this order: one that ends between the two looks is found by the second.
        let child = match self.node.running_child(text) {
            Some(running) => Some(running),
            None => match self.store.closed_child(&map_runs, text)? {
                Some(place) => self.closed_children().read(place).map_err(unreadable)?,
                None => None,
            },
        };
        let missing = || Error::ExecutionDoesNotExist(text.into());
        let child = child.filter(|child| child.identity.arn == text).ok_or_else(missing)?;
        let map_run = child.child_of.as_ref().map(|child_of| MapRunId::of_arn(&child_of.map_run_arn));
        match map_run.map(|id| self.map_run_root(id)).transpose()?.flatten() {
            Some(_) => Ok((child.identity.id, Arc::new(child))),
            None => Err(missing()),
        }
    }

    /// The root record of a Map Run. It goes with its state machine, of which then no revision is left.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn map_run_root(&self, id: MapRunId) -> Result<Option<Root>, Error> {
        let Some(root) = self.store.root(Entity::MapRun(id))? else { return Ok(None) };
        Ok(self.store.row(root.definition)?.map(|_| root))
    }

    /// Reads descriptions of Express children of Map Runs that have ended.
    pub(crate) fn closed_children(&self) -> ClosedChildren<'_> {
        ClosedChildren::new(&*self.store, &self.codec)
    }

    /// The engine's identity of the execution of an ARN.
    ///
    /// # Errors
    /// As [`Service::find_execution`].
    pub(crate) fn execution_id(&self, text: &str) -> Result<ExecutionId, Error> {
        if let Some(id) = self.known_execution(text) {
            return Ok(id);
        }
        let arn = ExecutionArn::parse(text)?;
        let missing = || Error::ExecutionDoesNotExist(text.into());
        let machine = self.machine_number(&arn.machine)?.ok_or_else(missing)?;
        let id = self.store.find(machine, &arn.rest)?.ok_or_else(missing)?;
        self.remember(text.into(), id);
        Ok(id)
    }

    /// The same, for those who must not wait for the disk.
    ///
    /// # Errors
    /// As [`Service::find_execution`].
    pub(crate) async fn find_execution_id(self: &Arc<Service>, text: &str) -> Result<ExecutionId, Error> {
        if let Some(id) = self.known_execution(text) {
            return Ok(id);
        }
        let text = Str::new(text);
        self.beside(move |service| service.execution_id(&text)).await
    }

    fn known_execution(&self, text: &str) -> Option<ExecutionId> {
        let (id, found) = lock(&self.known_executions).get(text)?;
        (world::now().0 - found.0 < KNOWN_MS).then_some(id)
    }

    /// Keeps the identity of an execution: whoever has started one is going to ask for it.
    pub(crate) fn remember(&self, arn: Str, id: ExecutionId) {
        lock(&self.known_executions).put(arn, (id, world::now()));
    }

    /// The row of a state machine.
    fn machine_number(&self, arn: &Str) -> Result<Option<RowNumber>, Error> {
        if let Some(target) = self.catalogue.known_target(arn) {
            return Ok(Some(target.machine));
        }
        Ok(self.catalogue.find::<MachineBody>(Kind::StateMachine, arn)?.map(|machine| machine.number))
    }

    /// Whether a state machine is being deleted, or gone.
    pub(crate) fn is_deleting(&self, machine_arn: &str) -> Result<bool, Error> {
        if let Some(target) = self.catalogue.known_target(machine_arn) {
            return Ok(target.is_deleting);
        }
        let machine = self.catalogue.find::<MachineBody>(Kind::StateMachine, machine_arn)?;
        Ok(machine.is_none_or(|machine| machine.body.is_deleting))
    }

    /// An execution.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn shown(&self, id: ExecutionId) -> Result<Option<Shown>, Error> {
        let Some(root) = self.store.root(Entity::Execution(id))? else { return Ok(None) };
        // Whoever waits for an execution asks again and again: one that has not changed is not decoded anew.
        if let Some((revision, shown)) = lock(&self.seen_executions).get(&id)
            && revision == root.revision
        {
            return Ok(Some(shown));
        }
        let shown = Shown { described: Arc::new(self.described(id, &root)?), definition: root.definition };
        if shown.described.error.cause.as_ref().is_none_or(|cause| cause.len() <= SEEN_CAUSE_BYTES_MAX) {
            lock(&self.seen_executions).put(id, (root.revision, shown.clone()));
        }
        Ok(Some(shown))
    }

    /// What a root record says.
    ///
    /// # Errors
    /// When it is not what a release of ours wrote.
    pub(crate) fn described(&self, id: ExecutionId, root: &Root) -> Result<Described, Error> {
        let record = self.codec.open(Place::Root(Entity::Execution(id)), &root.record).map_err(unreadable)?;
        Described::decode(&record).map_err(unreadable)
    }

    /// A payload of an execution.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn payload(&self, id: ExecutionId, payload: &PayloadRef) -> Result<Payload, Error> {
        match payload {
            PayloadRef::Here(payload) => Ok(payload.clone()),
            PayloadRef::Stored(number) => {
                let found = StoredPayloads::new(&*self.store, &self.codec, id).read(*number).map_err(unreadable)?;
                found.ok_or(Error::InternalFailure)
            }
        }
    }
}
