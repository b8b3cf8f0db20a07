//! Which fields there are: per type of state and query language, and in the objects inside states.

use crate::program::QueryLanguage;

/// In which query language a field exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Both,
    Path,
    Jsonata,
}

impl In {
    /// The language a field is missing for when used in `language`.
    pub(super) fn refuses(self, language: QueryLanguage) -> Option<QueryLanguage> {
        match (self, language) {
            (In::Path, QueryLanguage::Jsonata) => Some(QueryLanguage::JsonPath),
            (In::Jsonata, QueryLanguage::JsonPath) => Some(QueryLanguage::Jsonata),
            _ => None,
        }
    }
}

/// The fields of one kind of object.
pub(super) type Rules = &'static [(&'static str, In)];

/// The type of a state, as one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateType(u8);

impl StateType {
    pub(super) const TASK: StateType = StateType(1);
    pub(super) const WAIT: StateType = StateType(1 << 1);
    pub(super) const PASS: StateType = StateType(1 << 2);
    pub(super) const SUCCEED: StateType = StateType(1 << 3);
    pub(super) const FAIL: StateType = StateType(1 << 4);
    pub(super) const CHOICE: StateType = StateType(1 << 5);
    pub(super) const PARALLEL: StateType = StateType(1 << 6);
    pub(super) const MAP: StateType = StateType(1 << 7);

    /// All types, in the order in which AWS lists them.
    pub(super) const NAMES: [(&'static str, StateType); 8] = [
        ("Task", StateType::TASK),
        ("Wait", StateType::WAIT),
        ("Pass", StateType::PASS),
        ("Succeed", StateType::SUCCEED),
        ("Fail", StateType::FAIL),
        ("Choice", StateType::CHOICE),
        ("Parallel", StateType::PARALLEL),
        ("Map", StateType::MAP),
    ];

    pub(super) fn parse(name: &str) -> Option<StateType> {
        StateType::NAMES.iter().find(|(other, _)| *other == name).map(|(_, state_type)| *state_type)
    }

    /// How the field `name` may be used in a state of this type; `None`: not at all.
    pub(super) fn field(self, name: &str) -> Option<In> {
        STATE_FIELDS.iter().find(|field| field.0 == name && field.2 & self.0 != 0).map(|field| field.1)
    }

    /// The names of all fields that a state of this type may have.
    pub(super) fn field_names(self) -> impl Iterator<Item = &'static str> {
        STATE_FIELDS.iter().filter(move |field| field.2 & self.0 != 0).map(|field| field.0)
    }
}

const TASK: u8 = StateType::TASK.0;
const WAIT: u8 = StateType::WAIT.0;
const PASS: u8 = StateType::PASS.0;
const SUCCEED: u8 = StateType::SUCCEED.0;
const FAIL: u8 = StateType::FAIL.0;
const CHOICE: u8 = StateType::CHOICE.0;
const PARALLEL: u8 = StateType::PARALLEL.0;
const MAP: u8 = StateType::MAP.0;
const ALL: u8 = u8::MAX;

/// The table of language.md 1.2, measured on AWS with 8 types of state and 50 fields.
static STATE_FIELDS: &[(&str, In, u8)] = &[
    ("Type", In::Both, ALL),
    ("Comment", In::Both, ALL),
    ("QueryLanguage", In::Both, ALL),
    ("Next", In::Both, PASS | TASK | WAIT | PARALLEL | MAP),
    ("End", In::Both, PASS | TASK | WAIT | PARALLEL | MAP),
    ("InputPath", In::Path, ALL & !FAIL),
    ("OutputPath", In::Path, ALL & !FAIL),
    ("ResultPath", In::Path, PASS | TASK | PARALLEL | MAP),
    ("Parameters", In::Path, PASS | TASK | PARALLEL | MAP),
    ("ResultSelector", In::Path, TASK | PARALLEL | MAP),
    ("Result", In::Path, PASS),
    ("Arguments", In::Jsonata, TASK | PARALLEL),
    ("Output", In::Jsonata, ALL & !FAIL),
    ("Assign", In::Both, ALL & !(SUCCEED | FAIL)),
    ("Retry", In::Both, TASK | PARALLEL | MAP),
    ("Catch", In::Both, TASK | PARALLEL | MAP),
    ("Resource", In::Both, TASK),
    ("Credentials", In::Both, TASK),
    ("TimeoutSeconds", In::Both, TASK),
    ("HeartbeatSeconds", In::Both, TASK),
    ("TimeoutSecondsPath", In::Path, TASK),
    ("HeartbeatSecondsPath", In::Path, TASK),
    ("Choices", In::Both, CHOICE),
    ("Default", In::Both, CHOICE),
    ("Seconds", In::Both, WAIT),
    ("Timestamp", In::Both, WAIT),
    ("SecondsPath", In::Path, WAIT),
    ("TimestampPath", In::Path, WAIT),
    ("Error", In::Both, FAIL),
    ("Cause", In::Both, FAIL),
    ("ErrorPath", In::Path, FAIL),
    ("CausePath", In::Path, FAIL),
    ("Branches", In::Both, PARALLEL),
    ("ItemProcessor", In::Both, MAP),
    ("Iterator", In::Both, MAP),
    ("ItemsPath", In::Path, MAP),
    ("Items", In::Jsonata, MAP),
    ("ItemSelector", In::Both, MAP),
    ("ItemReader", In::Both, MAP),
    ("ItemBatcher", In::Both, MAP),
    ("ResultWriter", In::Both, MAP),
    ("Label", In::Both, MAP),
    ("MaxConcurrency", In::Both, MAP),
    ("ToleratedFailureCount", In::Both, MAP),
    ("ToleratedFailurePercentage", In::Both, MAP),
    ("MaxConcurrencyPath", In::Path, MAP),
    ("ToleratedFailureCountPath", In::Path, MAP),
    ("ToleratedFailurePercentagePath", In::Path, MAP),
];

/// The whole definition.
pub(super) const MACHINE: Rules = &[
    ("Comment", In::Both),
    ("StartAt", In::Both),
    ("States", In::Both),
    ("Version", In::Both),
    ("TimeoutSeconds", In::Both),
    ("QueryLanguage", In::Both),
];

/// A branch of a Parallel state.
pub(super) const BRANCH: Rules = &[("Comment", In::Both), ("StartAt", In::Both), ("States", In::Both)];

/// `ItemProcessor` or `Iterator`.
pub(super) const PROCESSOR: Rules =
    &[("Comment", In::Both), ("StartAt", In::Both), ("States", In::Both), ("ProcessorConfig", In::Both)];

pub(super) const RETRIER: Rules = &[
    ("ErrorEquals", In::Both),
    ("IntervalSeconds", In::Both),
    ("MaxAttempts", In::Both),
    ("BackoffRate", In::Both),
    ("MaxDelaySeconds", In::Both),
    ("JitterStrategy", In::Both),
    ("Comment", In::Both),
];

pub(super) const CATCHER: Rules = &[
    ("ErrorEquals", In::Both),
    ("Next", In::Both),
    ("ResultPath", In::Path),
    ("Output", In::Jsonata),
    ("Assign", In::Both),
    ("Comment", In::Both),
];

/// A rule in `Choices`, besides the operators.
pub(super) const CHOICE_RULE: Rules = &[
    ("And", In::Path),
    ("Or", In::Path),
    ("Not", In::Path),
    ("Variable", In::Path),
    ("Condition", In::Jsonata),
    ("Next", In::Both),
    ("Assign", In::Both),
    ("Output", In::Jsonata),
    ("Comment", In::Both),
];

/// A rule inside `And`, `Or` or `Not`, besides the operators.
pub(super) const NESTED_RULE: Rules = &[
    ("And", In::Path),
    ("Or", In::Path),
    ("Not", In::Path),
    ("Variable", In::Path),
    ("Condition", In::Jsonata),
    ("Comment", In::Both),
];

pub(super) const PROCESSOR_CONFIG: Rules = &[("Mode", In::Both), ("ExecutionType", In::Both)];

pub(super) const ITEM_READER: Rules =
    &[("Resource", In::Both), ("Parameters", In::Path), ("Arguments", In::Jsonata), ("ReaderConfig", In::Both)];

pub(super) const READER_CONFIG: Rules = &[
    ("InputType", In::Both),
    ("Transformation", In::Both),
    ("ManifestType", In::Both),
    ("CSVHeaderLocation", In::Both),
    ("CSVHeaders", In::Both),
    ("CSVDelimiter", In::Both),
    ("ItemsPointer", In::Both),
    ("MaxItems", In::Both),
    ("MaxItemsPath", In::Path),
];

pub(super) const ITEM_BATCHER: Rules = &[
    ("MaxItemsPerBatch", In::Both),
    ("MaxItemsPerBatchPath", In::Path),
    ("MaxInputBytesPerBatch", In::Both),
    ("MaxInputBytesPerBatchPath", In::Path),
    ("BatchInput", In::Both),
];

pub(super) const RESULT_WRITER: Rules =
    &[("Resource", In::Both), ("Parameters", In::Path), ("Arguments", In::Jsonata), ("WriterConfig", In::Both)];

pub(super) const WRITER_CONFIG: Rules = &[("Transformation", In::Both), ("OutputType", In::Both)];
