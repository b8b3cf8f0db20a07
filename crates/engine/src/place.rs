//! Where an execution stands, for those who look and do not act.

use stepwell_asl::program::{RegionIdx, StateIdx};
use stepwell_value::Str;

use crate::Timestamp;
use crate::execution::{AttemptId, Execution, Frame, FrameId, OpenTask, Phase};

/// One active place of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its number within the execution.
    pub frame: FrameId,
    /// The place that it is a branch or an iteration of.
    pub parent: Option<FrameId>,
    /// Which branch of a Parallel, which item of a Map.
    pub index: u32,
    /// The state.
    pub state: (RegionIdx, StateIdx),
    /// What it does there.
    pub doing: Doing,
    /// The state's `…StateEntered` event; 0: it has not been entered.
    pub entered_event: u32,
    /// The last event of its chain.
    pub last_event: u32,
}

/// What an execution does at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Doing {
    /// It goes on by itself, when the next step is taken.
    GoingOn,
    /// A Wait state waits.
    Waiting {
        /// Until then.
        until: Timestamp,
    },
    /// It waits before a retry.
    Backoff {
        /// Until then.
        until: Timestamp,
    },
    /// A task is with somebody outside.
    Task {
        /// Which attempt.
        attempt: AttemptId,
        /// A worker has it.
        started: bool,
        /// The call was answered; the job's end or the token's return is awaited.
        submitted: bool,
    },
    /// Branches or iterations run.
    Fork {
        /// So many have not ended.
        open: u32,
    },
    /// A Map Run works for it.
    MapRun {
        /// Its ARN.
        arn: Str,
    },
    /// The state failed, or was aborted because another branch did; kept for a redrive.
    Over,
}

impl Execution {
    /// The places where it stands, the oldest first.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.frames.values().map(|frame| Place::of(frame))
    }
}

impl Place {
    fn of(frame: &Frame) -> Place {
        let doing = match &frame.phase {
            Phase::Enter | Phase::Work => Doing::GoingOn,
            Phase::Waiting { until } => Doing::Waiting { until: *until },
            Phase::Backoff { until } => Doing::Backoff { until: *until },
            Phase::Task(OpenTask { attempt, started, submitted, .. }) => {
                Doing::Task { attempt: *attempt, started: *started, submitted: *submitted }
            }
            Phase::Fork(fork) => Doing::Fork { open: fork.open },
            Phase::MapRun { arn, .. } => Doing::MapRun { arn: arn.clone() },
            Phase::Failed | Phase::Aborted => Doing::Over,
        };
        Place {
            frame: frame.id,
            parent: frame.parent,
            index: frame.index,
            state: (frame.region, frame.state),
            doing,
            entered_event: frame.entered_event,
            last_event: frame.last_event,
        }
    }
}
