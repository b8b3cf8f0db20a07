//! What rows of the catalogue hold: CBOR with numbered members, so that a later release may add some.

use minicbor::{Decode, Encode};
use stepwell_asl::program::ExecutionType;

/// A state machine; its current revision is the last row whose parent it is.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct MachineBody {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) is_express: bool,
    /// Milliseconds since 1970, as all times here.
    #[n(2)]
    pub(crate) created: i64,
    /// DeleteStateMachine was called; it goes when its last execution has ended.
    #[n(3)]
    pub(crate) is_deleting: bool,
    /// Versions made so far: numbers are never used again.
    #[n(4)]
    pub(crate) versions: u64,
    #[n(5)]
    pub(crate) tags: Vec<Tag>,
    /// Whether CreateStateMachine was to publish it. Machines from before this was kept count as not published.
    #[n(6)]
    #[cbor(default)]
    pub(crate) is_made_published: bool,
}

impl MachineBody {
    /// Standard or Express.
    pub(crate) fn machine_type(&self) -> ExecutionType {
        if self.is_express { ExecutionType::Express } else { ExecutionType::Standard }
    }
}

/// One definition and configuration of a state machine. It never changes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct RevisionBody {
    /// `revisionId`; the first revision of a machine has none.
    #[n(0)]
    pub(crate) id: Option<String>,
    /// `updateDate`
    #[n(1)]
    pub(crate) made: i64,
    /// What CreateStateMachine or UpdateStateMachine was given.
    #[n(2)]
    pub(crate) setup: Setup,
    /// The kind of machine that the definition was accepted for.
    #[n(3)]
    pub(crate) is_express: bool,
}

/// What a revision consists of; revisions that agree in it are one.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Setup {
    /// The text, as it was sent.
    #[n(0)]
    pub(crate) definition: String,
    #[n(1)]
    pub(crate) role_arn: String,
    #[n(2)]
    pub(crate) logging: Logging,
    #[n(3)]
    pub(crate) is_traced: bool,
    #[n(4)]
    pub(crate) encryption: Encryption,
}

/// `loggingConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Logging {
    #[n(0)]
    pub(crate) level: LogLevel,
    #[n(1)]
    pub(crate) includes_data: bool,
    /// ARNs of log groups; none: nothing was said, which is told apart from an empty list.
    #[n(2)]
    pub(crate) destinations: Option<Vec<String>>,
}

/// `level` of a logging configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum LogLevel {
    #[n(0)]
    #[default]
    Off,
    #[n(1)]
    Fatal,
    #[n(2)]
    Error,
    #[n(3)]
    All,
}

impl LogLevel {
    /// The level of that name.
    pub(crate) fn named(name: &str) -> LogLevel {
        match name {
            "ALL" => LogLevel::All,
            "ERROR" => LogLevel::Error,
            "FATAL" => LogLevel::Fatal,
            _ => LogLevel::Off,
        }
    }

    /// AWS's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LogLevel::All => "ALL",
            LogLevel::Error => "ERROR",
            LogLevel::Fatal => "FATAL",
            LogLevel::Off => "OFF",
        }
    }
}

/// `encryptionConfiguration`; without a key: AWS_OWNED_KEY.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Encryption {
    #[n(0)]
    pub(crate) key: Option<CustomerKey>,
}

/// A key of the customer.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct CustomerKey {
    #[n(0)]
    pub(crate) id: String,
    /// `kmsDataKeyReusePeriodSeconds`
    #[n(1)]
    pub(crate) reuse_s: u32,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct VersionBody {
    /// Key of the revision's row.
    #[n(0)]
    pub(crate) revision: String,
    #[n(1)]
    pub(crate) description: Option<String>,
    #[n(2)]
    pub(crate) created: i64,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct AliasBody {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) description: Option<String>,
    #[n(2)]
    pub(crate) routes: Vec<Route>,
    #[n(3)]
    pub(crate) created: i64,
    #[n(4)]
    pub(crate) updated: i64,
}

/// A version that an alias leads to.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Route {
    #[n(0)]
    pub(crate) version_arn: String,
    /// Of 100.
    #[n(1)]
    pub(crate) weight: u32,
}

/// An activity.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct ActivityBody {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) created: i64,
    #[n(2)]
    pub(crate) encryption: Encryption,
    #[n(3)]
    pub(crate) tags: Vec<Tag>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Tag {
    #[n(0)]
    pub(crate) key: String,
    #[n(1)]
    pub(crate) value: String,
}
