//! What goes wrong in a world, how often, and how often it has.

use std::fmt;

use crate::chance::Chance;

/// Makes the kinds of faults, and the list of all of them.
macro_rules! faults {
    ($($(#[$what:meta])+ $fault:ident,)+) => {
        /// Kinds of faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$what])+ $fault,)+
        }

        impl Fault {
            /// All kinds.
            pub const ALL: [Fault; [$(Fault::$fault),+].len()] = [$(Fault::$fault),+];
        }
    };
}

faults! {
    /// A commit is durable, and its answer is lost.
    AnswerLost,
    /// A commit is answered seconds later.
    CommitLate,
    /// The shards of a commit have another owner by then.
    Fenced,
    /// The store has no room.
    Full,
    /// The store cannot write.
    Io,
    /// The store does not answer.
    Away,
    /// Something could not be read.
    ReadFailed,
    /// What was read arrives seconds later.
    ReadLate,
    /// A lease was taken or prolonged, and the answer is lost.
    LeaseLost,
    /// A message to or from a node is lost.
    MessageLost,
    /// A message arrives twice.
    MessageTwice,
    /// A message arrives seconds later.
    MessageLate,
    /// The clock of a node jumps.
    ClockJump,
    /// A node stands still for seconds, and knows nothing of it.
    Pause,
    /// A node is cut off from the store.
    Cut,
    /// A node crashes.
    Crash,
    /// A shard changes hands.
    Takeover,
    /// A task fails.
    TaskFailed,
    /// A task is answered after its time-out.
    TaskLate,
    /// A task is never answered.
    TaskSilent,
    /// A task is answered twice.
    TaskTwice,
    /// A worker stops sending heartbeats.
    HeartbeatMissed,
}

impl Fault {
    /// What befalls a whole node, as opposed to one call or message.
    pub(crate) const OF_NODES: [Fault; 4] = [Fault::ClockJump, Fault::Pause, Fault::Cut, Fault::Crash];
}

/// How often each kind of fault has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Fault::ALL.len()]);

impl Counts {
    /// One more.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often one has happened.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds those of another world.
    pub fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(count, other)| *count += other);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Fault::ALL.iter().map(|fault| format!("{fault:?} {}", self.of(*fault)));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// How likely faults are in one world, for as long as they last.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    per_mille: [u32; Fault::ALL.len()],
    /// From then on nothing goes wrong any more, but for tasks.
    pub(crate) until: i64,
}

impl Weather {
    /// Each kind of fault is rare in some worlds, frequent in others, and absent in half of them.
    pub(crate) fn draw(chance: &mut Chance) -> Weather {
        let mut per_mille = [0; Fault::ALL.len()];
        for fault in Fault::ALL {
            let (most, absent) = match fault {
                Fault::MessageLost | Fault::MessageTwice | Fault::MessageLate => (150, 300),
                Fault::TaskFailed | Fault::TaskTwice => (200, 200),
                Fault::TaskLate | Fault::TaskSilent | Fault::HeartbeatMissed => (100, 200),
                Fault::ReadFailed | Fault::ReadLate | Fault::LeaseLost => (40, 400),
                _ => (25, 400),
            };
            per_mille[fault as usize] = if chance.is(absent) { 0 } else { chance.between(1, most) as u32 };
        }
        Weather { per_mille, until: chance.between(20_000, 60_000) }
    }

    /// Whether this fault happens now.
    pub(crate) fn strikes(&self, fault: Fault, now: i64, chance: &mut Chance) -> bool {
        let lasts = now < self.until || fault >= Fault::TaskFailed;
        lasts && chance.is(self.per_mille[fault as usize])
    }
}
