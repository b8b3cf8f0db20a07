//! The records of a Map Run: its root, its plan and items, each written once, and one for each child.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use minicbor::Decoder;
use stepwell_asl::program::{ReaderResource, RegionIdx, StateIdx};
use stepwell_value::{Str, Value};

use super::execution::{decode_identity, decode_tolerance, encode_identity, encode_tolerance, status_code, status_of};
use super::record::{Fields, Record, json, object};
use super::{Read, StoredError, Writes, missing};
use crate::Timestamp;
use crate::execution::{ExecutionId, ExecutionStatus, Tolerance};
use crate::map_run::{
    Batching, Counts, MapItems, MapRun, MapRunPlan, MapRunStage, MapRunStart, OpenChild, Reader, Selector,
    UnwrittenMapRun,
};

/// Key of what it started with, without the items.
const PLAN: u64 = 0;
/// Key of the items, as soon as they are known.
const ITEMS: u64 = 1;
/// Key of the first child; the others follow.
const CHILDREN: u64 = 2;

impl MapRun {
    /// What changed since it was made, read, or last asked. Records of children stay when it ends.
    pub fn take_writes(&mut self) -> Writes {
        let mut records = Vec::new();
        if mem::take(&mut self.unwritten.plan) {
            records.push((PLAN, Some(encode_plan(&self.start))));
        }
        if mem::take(&mut self.unwritten.items) {
            let items = match &self.start.plan.items {
                MapItems::Given(items) => items,
                MapItems::Read(_) => &self.items,
            };
            let mut out = Record::with_capacity(256);
            out.json(items);
            records.push((ITEMS, Some(out.into_bytes())));
        }
        for child in mem::take(&mut self.unwritten.children) {
            records.push((CHILDREN + u64::from(child), Some(self.encode_child(child))));
        }
        Writes { root: self.encode_root(), records }
    }

    /// A Map Run from its records.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(root: &[u8], records: &[(u64, Vec<u8>)]) -> Read<MapRun> {
        let fields = Fields::of(root)?;
        let described = DescribedMapRun::of(&fields)?;
        let stage = fields.number(11)?;
        let stage = MapRunStage::ALL.into_iter().find(|known| *known as u32 == stage);
        let stage = stage.ok_or_else(|| missing("a known stage"))?;
        let record = |key| records.iter().find(|(given, _)| *given == key).map(|(_, record)| record.as_slice());
        let items = match record(ITEMS) {
            Some(items) => Some(json(super::record::start(items)?.str()?)?),
            None => None,
        };
        let plan = Fields::of(record(PLAN).ok_or_else(|| missing("the plan of a Map Run"))?)?;
        let given = items.clone().unwrap_or_default();
        let start = decode_plan(&plan, described.map_run_arn, described.concurrency, described.tolerated, given)?;
        // Every child has a record.
        let children = described.execution_counts.total as usize;
        if children > records.len() {
            return Err(missing("the record of a child"));
        }
        let is_known = !matches!(stage, MapRunStage::New | MapRunStage::Reading);
        let mut map_run = MapRun {
            stage,
            status: described.status,
            stopped: described.stopped,
            items: items.filter(|_| is_known).unwrap_or_default(),
            length: fields.number(12)?,
            next_index: fields.number(13)?,
            goes_on: fields.flag(14),
            results: vec![None; children],
            item_counts: described.item_counts,
            execution_counts: described.execution_counts,
            unwritten: UnwrittenMapRun { plan: false, items: false, children: BTreeSet::new() },
            ..MapRun::new(start, described.started)
        };
        for (key, record) in records {
            if let Some(child) = key.checked_sub(CHILDREN) {
                map_run.restore_child(child, record)?;
            }
        }
        Ok(map_run)
    }

    fn encode_root(&self) -> Vec<u8> {
        let MapRunStart { map_run_arn, parent, plan, .. } = &self.start;
        let mut out = Record::of_fields(320);
        out.field(1, |out| out.text(map_run_arn));
        out.field(2, |out| out.text(&parent.arn));
        out.field(3, |out| out.text(&self.start.state_machine_arn()));
        out.field(4, |out| out.int(status_code(self.status).into()));
        out.field(5, |out| out.time(self.started));
        out.optional(6, self.stopped, |out, stopped| out.time(stopped));
        out.field(7, |out| out.int(plan.concurrency.into()));
        out.optional(8, plan.tolerated, |out, tolerated| encode_tolerance(tolerated, out));
        out.field(9, |out| encode_counts(self.item_counts, out));
        out.field(10, |out| encode_counts(self.execution_counts, out));
        out.field(11, |out| out.int(self.stage as i64));
        out.field(12, |out| out.int(self.length.into()));
        out.field(13, |out| out.int(self.next_index.into()));
        out.flag(14, self.goes_on);
        out.finish()
    }

    fn encode_child(&self, child: u32) -> Vec<u8> {
        let mut out = Record::of_fields(48);
        if let Some(open) = self.open.get(&child) {
            out.field(1, |out| out.id(open.id.0));
            out.field(2, |out| out.int(open.item_count.into()));
            out.optional(3, open.input.as_ref(), |out, input| out.json(input));
        }
        out.optional(4, self.results.get(child as usize).and_then(Option::as_ref), |out, result| out.json(result));
        out.finish()
    }

    fn restore_child(&mut self, child: u64, record: &[u8]) -> Read<()> {
        let fields = Fields::of(record)?;
        let place = usize::try_from(child).ok().and_then(|child| self.results.get_mut(child));
        let place = place.ok_or_else(|| StoredError(format!("there is no child {child}")))?;
        *place = fields.json(4)?;
        if fields.flag(1) {
            let id = ExecutionId(fields.id(1)?);
            let open = OpenChild { id, item_count: fields.number(2)?, input: fields.json(3)? };
            self.open.insert(child as u32, open);
        }
        Ok(())
    }
}

/// What the root record says of a Map Run: what is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedMapRun {
    /// Its ARN.
    pub map_run_arn: Str,
    /// The execution that waits for it.
    pub execution_arn: Str,
    /// `stateMachineArn` in lists: with the Map state's label.
    pub state_machine_arn: Str,
    /// Where it stands; never `TimedOut`.
    pub status: ExecutionStatus,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// `maxConcurrency`; 0: no limit of its own.
    pub concurrency: u32,
    /// `itemCounts`
    pub item_counts: Counts,
    /// `executionCounts`
    pub execution_counts: Counts,
    tolerated: Option<Tolerance>,
}

impl DescribedMapRun {
    /// What a root record says.
    ///
    /// # Errors
    /// When bytes are not what this or an earlier release wrote.
    pub fn decode(root: &[u8]) -> Read<DescribedMapRun> {
        DescribedMapRun::of(&Fields::of(root)?)
    }

    /// `toleratedFailureCount`
    pub fn tolerated_failure_count(&self) -> u32 {
        self.tolerated.and_then(|tolerated| tolerated.count).unwrap_or(0)
    }

    /// `toleratedFailurePercentage`
    pub fn tolerated_failure_percentage(&self) -> f64 {
        self.tolerated.and_then(|tolerated| tolerated.percentage).unwrap_or(0.0)
    }

    /// `resultsWritten` of `counts`: all that succeeded as soon as it has ended, with a writer or without
    /// (reference/api.md, 9).
    pub fn results_written(&self, counts: &Counts) -> u64 {
        if self.status == ExecutionStatus::Running { 0 } else { counts.succeeded }
    }

    fn of(fields: &Fields<'_>) -> Read<DescribedMapRun> {
        Ok(DescribedMapRun {
            map_run_arn: fields.text(1)?,
            execution_arn: fields.text(2)?,
            state_machine_arn: fields.text(3)?,
            status: status_of(fields.number(4)?)?,
            started: fields.time(5)?,
            stopped: fields.maybe_time(6)?,
            concurrency: fields.number(7)?,
            tolerated: fields.given(8).map(decode_tolerance).transpose()?,
            item_counts: decode_counts(fields.need(9)?)?,
            execution_counts: decode_counts(fields.need(10)?)?,
        })
    }
}

/// Writes what a Map Run starts with, items and what its root says excepted.
fn encode_plan(start: &MapRunStart) -> Vec<u8> {
    let mut out = Record::of_fields(512);
    plan_fields(start, &mut out);
    out.finish()
}

fn plan_fields(start: &MapRunStart, out: &mut Record) {
    let MapRunStart { parent, state: (region, state), entered_event, seed, label, plan, .. } = start;
    out.field(2, |out| encode_identity(parent, out));
    out.field(3, |out| out.int(region.0.into()));
    out.field(4, |out| out.int(state.0.into()));
    out.field(5, |out| out.int((*entered_event).into()));
    out.field(6, |out| out.unsigned(*seed));
    out.field(7, |out| out.text(label));
    out.field(8, |out| out.json(&plan.selector.data));
    out.field(9, |out| out.json(&plan.selector.context));
    out.field(10, |out| out.json(&plan.selector.variables.clone().into()));
    out.optional(13, plan.batching.as_ref(), |out, batching| {
        out.nested(|out| {
            out.optional(1, batching.items_max, |out, max| out.unsigned(max));
            out.field(2, |out| out.unsigned(batching.bytes_max));
            out.optional(3, batching.input.as_ref(), |out, input| out.json(input));
        });
    });
    out.optional(14, plan.destination.as_ref(), |out, destination| out.json(destination));
    if let MapItems::Read(reader) = &plan.items {
        out.field(15, |out| out.nested(|out| encode_reader(reader, out)));
    }
}

fn decode_plan(
    fields: &Fields<'_>,
    map_run_arn: Str,
    concurrency: u32,
    tolerated: Option<Tolerance>,
    items: Value,
) -> Read<MapRunStart> {
    let plan = MapRunPlan {
        items: match fields.given(15).map(decode_reader).transpose()? {
            Some(reader) => MapItems::Read(reader),
            None => MapItems::Given(items),
        },
        selector: Selector {
            data: fields.json(8)?.unwrap_or_default(),
            context: fields.json(9)?.unwrap_or_default(),
            variables: object(fields.need(10)?.str()?)?,
        },
        concurrency,
        tolerated,
        batching: fields.given(13).map(decode_batching).transpose()?,
        destination: fields.json(14)?,
    };
    Ok(MapRunStart {
        map_run_arn,
        parent: Arc::new(decode_identity(fields.need(2)?)?),
        state: (RegionIdx(fields.number(3)?), StateIdx(fields.number(4)?)),
        entered_event: fields.number(5)?,
        seed: fields.need(6)?.u64()?,
        label: fields.text(7)?,
        plan,
    })
}

/// Writes all that a Map Run starts with, as a letter carries it.
pub(super) fn encode_map_run_start(start: &MapRunStart, out: &mut Record) {
    out.nested(|out| {
        plan_fields(start, out);
        out.field(20, |out| out.text(&start.map_run_arn));
        out.field(21, |out| out.int(start.plan.concurrency.into()));
        out.optional(22, start.plan.tolerated, |out, tolerated| encode_tolerance(tolerated, out));
        if let MapItems::Given(items) = &start.plan.items {
            out.field(23, |out| out.json(items));
        }
    });
}

pub(super) fn decode_map_run_start(record: Decoder<'_>) -> Read<MapRunStart> {
    let fields = Fields::in_record(record)?;
    let tolerated = fields.given(22).map(decode_tolerance).transpose()?;
    decode_plan(&fields, fields.text(20)?, fields.number(21)?, tolerated, fields.json(23)?.unwrap_or_default())
}

fn encode_reader(reader: &Reader, out: &mut Record) {
    out.flag(1, reader.resource == ReaderResource::ListObjectsV2);
    out.field(2, |out| out.json(&reader.parameters));
    out.optional(3, reader.items_max, |out, max| out.int(max));
}

fn decode_reader(record: Decoder<'_>) -> Read<Reader> {
    let fields = Fields::in_record(record)?;
    Ok(Reader {
        resource: match fields.flag(1) {
            true => ReaderResource::ListObjectsV2,
            false => ReaderResource::GetObject,
        },
        parameters: fields.json(2)?.unwrap_or_default(),
        items_max: fields.given(3).map(|mut field| field.i64()).transpose()?,
    })
}

fn decode_batching(record: Decoder<'_>) -> Read<Batching> {
    let fields = Fields::in_record(record)?;
    Ok(Batching {
        items_max: fields.given(1).map(|mut field| field.u64()).transpose()?,
        bytes_max: fields.need(2)?.u64()?,
        input: fields.json(3)?,
    })
}

fn encode_counts(counts: Counts, out: &mut Record) {
    let Counts { pending, running, succeeded, failed, timed_out, aborted, total } = counts;
    let numbers = [pending, running, succeeded, failed, timed_out, aborted, total];
    out.list(numbers.into_iter(), |out, number| out.unsigned(number));
}

fn decode_counts(mut list: Decoder<'_>) -> Read<Counts> {
    list.array()?;
    Ok(Counts {
        pending: list.u64()?,
        running: list.u64()?,
        succeeded: list.u64()?,
        failed: list.u64()?,
        timed_out: list.u64()?,
        aborted: list.u64()?,
        total: list.u64()?,
    })
}
