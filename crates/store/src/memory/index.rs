//! What executions and Map Runs are found by beside their ids, in the orders in which they are asked for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;

use stepwell_engine::{ExecutionId, ExecutionStatus, MapRunId, Timestamp};

use super::Held;
use crate::{Cursor, Entity, ListOf, RowNumber};

/// A list of executions or Map Runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    /// Executions of a state machine, without the children of Map Runs.
    OfMachine(RowNumber),
    /// The children of a Map Run.
    OfMapRun(MapRunId),
    /// The Map Runs of an execution.
    MapRuns(ExecutionId),
}

impl From<ListOf> for List {
    fn from(of: ListOf) -> List {
        match of {
            ListOf::Machine(machine) => List::OfMachine(machine),
            ListOf::MapRun(map_run) => List::OfMapRun(map_run),
        }
    }
}

impl List {
    /// The one that an entity stands in.
    fn with(entity: Entity, held: &Held) -> Option<List> {
        let create = &held.create;
        match entity {
            Entity::Execution(_) => Some(create.map_run.map_or(List::OfMachine(create.machine), List::OfMapRun)),
            Entity::MapRun(_) => create.execution.map(List::MapRuns),
        }
    }

    /// What an id in it names.
    pub(super) fn entity(self, id: u128) -> Entity {
        match self {
            List::OfMachine(_) | List::OfMapRun(_) => Entity::Execution(ExecutionId(id)),
            List::MapRuns(_) => Entity::MapRun(MapRunId(id)),
        }
    }
}

/// A place in a list: of one status, the latest first.
type Place = (List, usize, Reverse<(Timestamp, u128)>);

/// All statuses; lists have a part for each.
pub(super) const STATUSES: [ExecutionStatus; 5] = [
    ExecutionStatus::Running,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::TimedOut,
    ExecutionStatus::Aborted,
];

/// An entity stands wherever its summary says that it belongs.
#[derive(Default)]
pub(super) struct Index {
    lists: BTreeSet<Place>,
    pub(super) due: BTreeSet<(Timestamp, Entity)>,
    pub(super) owing: BTreeSet<Entity>,
    /// Executions by when they were closed.
    pub(super) closed: BTreeSet<(Timestamp, ExecutionId)>,
}

impl Index {
    pub(super) fn add(&mut self, entity: Entity, held: &Held) {
        self.lists.extend(place(entity, held));
        self.due.extend(held.summary.due.map(|due| (due, entity)));
        if held.summary.owes > 0 {
            self.owing.insert(entity);
        }
        self.closed.extend(closed(entity, held));
    }

    pub(super) fn remove(&mut self, entity: Entity, held: &Held) {
        if let Some(place) = place(entity, held) {
            self.lists.remove(&place);
        }
        if let Some(due) = held.summary.due {
            self.due.remove(&(due, entity));
        }
        self.owing.remove(&entity);
        if let Some(closed) = closed(entity, held) {
            self.closed.remove(&closed);
        }
    }

    /// Those of a list that have a status, behind a place.
    pub(super) fn listed(
        &self,
        list: List,
        status: ExecutionStatus,
        after: Option<Cursor>,
    ) -> impl Iterator<Item = Cursor> + '_ {
        let status = number(status);
        let from = match after {
            Some(Cursor { sort, id }) => Bound::Excluded((list, status, Reverse((sort, id)))),
            None => Bound::Included((list, status, Reverse((Timestamp(i64::MAX), u128::MAX)))),
        };
        let behind = self.lists.range((from, Bound::Unbounded));
        let of_status = behind.take_while(move |(of, at, _)| (*of, *at) == (list, status));
        of_status.map(|(_, _, Reverse((sort, id)))| Cursor { sort: *sort, id: *id })
    }
}

fn number(status: ExecutionStatus) -> usize {
    STATUSES.iter().position(|other| *other == status).unwrap_or(STATUSES.len())
}

fn place(entity: Entity, held: &Held) -> Option<Place> {
    let Cursor { sort, id } = held.cursor(entity);
    Some((List::with(entity, held)?, number(held.summary.status), Reverse((sort, id))))
}

fn closed(entity: Entity, held: &Held) -> Option<(Timestamp, ExecutionId)> {
    match entity {
        Entity::Execution(id) => held.summary.stopped.map(|at| (at, id)),
        Entity::MapRun(_) => None,
    }
}
