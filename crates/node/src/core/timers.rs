//! Deadlines in memory: those of the next minute. Later ones are read from the store when their time comes near.
//!
//! A scan reads all deadlines up to [`SCAN_MS`] from now and is repeated twice as often. What is set meanwhile is kept
//! when it lies within twice that time: a scan cannot see what is still on its way to the store, and nothing is on its
//! way that long.

use std::collections::BTreeSet;

use stepwell_engine::Timestamp;
use stepwell_store::Entity;

/// How far a scan looks ahead.
pub const SCAN_MS: i64 = 30_000;

/// Deadlines that one scan reads at most.
pub const SCAN_LIMIT: u32 = 50_000;

/// Deadlines in memory.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Timestamp, Entity)>,
    /// When the next scan is to be made; none: no shard was opened yet.
    next_scan: Option<Timestamp>,
    /// A scan is under way.
    is_scanning: bool,
    /// The last scan was cut off: the next one is made when half of what it found has fired.
    cut_off: bool,
}

impl Timers {
    /// Sets a deadline if it is near enough; says whether it is kept.
    pub(super) fn set(&mut self, due: Timestamp, entity: Entity, now: Timestamp) -> bool {
        let is_near = due < now.after_ms(2 * SCAN_MS);
        if is_near {
            self.due.insert((due, entity));
        }
        is_near
    }

    /// Forgets a deadline.
    pub(super) fn unset(&mut self, due: Timestamp, entity: Entity) {
        self.due.remove(&(due, entity));
    }

    /// Takes the earliest deadline if its time has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Entity)> {
        let first = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&first);
        Some(first)
    }

    /// When something is to be done.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = self.due.first().map(|(due, _)| *due);
        let scan = self.next_scan.filter(|_| !self.is_scanning);
        [first, scan].into_iter().flatten().min()
    }

    /// Whether a scan is to be made now, up to the time in the answer.
    pub(super) fn scan(&mut self, now: Timestamp) -> Option<Timestamp> {
        let is_time = self.next_scan? <= now || (self.cut_off && self.due.len() < SCAN_LIMIT as usize / 2);
        if self.is_scanning || !is_time {
            return None;
        }
        self.is_scanning = true;
        Some(now.after_ms(SCAN_MS))
    }

    /// A scan was made, and found this.
    pub(super) fn scanned(&mut self, found: Vec<(Timestamp, Entity)>, now: Timestamp) {
        self.cut_off = found.len() >= SCAN_LIMIT as usize;
        self.due.extend(found);
        self.is_scanning = false;
        self.next_scan = Some(now.after_ms(SCAN_MS / 2));
    }

    /// A scan failed: it is repeated soon.
    pub(super) fn scan_failed(&mut self, now: Timestamp) {
        self.is_scanning = false;
        self.next_scan = Some(now.after_ms(SCAN_MS / 30));
    }

    /// A shard was opened: its deadlines up to a scan's end.
    pub(super) fn opened(&mut self, found: Vec<(Timestamp, Entity)>, now: Timestamp) {
        self.next_scan.get_or_insert(now.after_ms(SCAN_MS / 2));
        self.cut_off |= found.len() >= SCAN_LIMIT as usize;
        self.due.extend(found);
    }

    /// Forgets the deadlines of some entities.
    pub(super) fn forget(&mut self, gone: impl Fn(Entity) -> bool) {
        self.due.retain(|(_, entity)| !gone(*entity));
    }

    /// Number of deadlines in memory.
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }
}
