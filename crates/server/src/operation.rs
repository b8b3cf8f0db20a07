//! The operations of the API and the members of their requests (`reference/api.md`, section 11).

use crate::shape::{ALIAS_NAME, ASCII, CLIENT_TOKEN, Member, Shape};

macro_rules! operations {
    ($($name:ident: [$($member:expr),* $(,)?],)*) => {
        /// An operation of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation {
            $($name,)*
        }

        impl Operation {
            /// The operation of that name.
            pub(crate) fn named(name: &str) -> Option<Operation> {
                match name {
                    $(stringify!($name) => Some(Operation::$name),)*
                    _ => None,
                }
            }

            /// The members of its request.
            pub(crate) fn members(self) -> &'static [Member] {
                match self {
                    $(Operation::$name => {
                        const MEMBERS: &[Member] = &[$($member),*];
                        MEMBERS
                    })*
                }
            }
        }
    };
}

const ARN: Shape = Shape::text(1, 256);
const LONG_ARN: Shape = Shape::text(1, 2_000);
const NAME: Shape = Shape::text(1, 80);
const DEFINITION: Shape = Shape::secret(1, 1_048_576);
const DATA: Shape = Shape::secret(0, 262_144);
const DESCRIPTION: Shape = Shape::secret(0, 256);
const TRACE_HEADER: Shape = Shape::matching(0, 256, &ASCII);
const MAX_RESULTS: Shape = Shape::count(1_000);
const NEXT_TOKEN: Shape = Shape::text(1, 1_024);
const TASK_TOKEN: Shape = Shape::text(1, 2_048);
const ERROR: Shape = Shape::secret(0, 256);
const CAUSE: Shape = Shape::secret(0, 32_768);
const INCLUDED_DATA: Shape = Shape::OneOf(&["ALL_DATA", "METADATA_ONLY"]);
const TYPE: Shape = Shape::OneOf(&["STANDARD", "EXPRESS"]);

const TAGS: Shape = Shape::List {
    item: &Shape::Structure {
        name: "Tag",
        members: &[Member::optional("key", Shape::text(1, 128)), Member::optional("value", Shape::text(0, 256))],
    },
    min: 0,
    max: usize::MAX,
};

const ROUTING: Shape = Shape::List {
    item: &Shape::Structure {
        name: "RoutingConfigurationListItem",
        members: &[Member::required("stateMachineVersionArn", ARN), Member::required("weight", Shape::count(100))],
    },
    min: 1,
    max: 2,
};

const LOGGING: Shape = Shape::Structure {
    name: "LoggingConfiguration",
    members: &[
        Member::optional("level", Shape::OneOf(&["ALL", "ERROR", "FATAL", "OFF"])),
        Member::optional("includeExecutionData", Shape::Boolean),
        Member::optional(
            "destinations",
            Shape::List {
                item: &Shape::Structure {
                    name: "LogDestination",
                    members: &[Member::optional(
                        "cloudWatchLogsLogGroup",
                        Shape::Structure {
                            name: "CloudWatchLogsLogGroup",
                            members: &[Member::optional("logGroupArn", ARN)],
                        },
                    )],
                },
                min: 0,
                max: usize::MAX,
            },
        ),
    ],
};

const TRACING: Shape =
    Shape::Structure { name: "TracingConfiguration", members: &[Member::optional("enabled", Shape::Boolean)] };

const ENCRYPTION: Shape = Shape::Structure {
    name: "EncryptionConfiguration",
    members: &[
        Member::optional("kmsKeyId", Shape::text(1, 2_048)),
        Member::optional("kmsDataKeyReusePeriodSeconds", Shape::Integer { min: 60, max: 900 }),
        Member::required("type", Shape::OneOf(&["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"])),
    ],
};

operations! {
    CreateActivity: [
        Member::required("name", NAME),
        Member::optional("tags", TAGS),
        Member::optional("encryptionConfiguration", ENCRYPTION),
    ],
    CreateStateMachine: [
        Member::required("name", NAME),
        Member::required("definition", DEFINITION),
        Member::required("roleArn", ARN),
        Member::optional("type", TYPE),
        Member::optional("loggingConfiguration", LOGGING),
        Member::optional("tags", TAGS),
        Member::optional("tracingConfiguration", TRACING),
        Member::optional("publish", Shape::Boolean),
        Member::optional("versionDescription", DESCRIPTION),
        Member::optional("encryptionConfiguration", ENCRYPTION),
    ],
    CreateStateMachineAlias: [
        Member::optional("description", DESCRIPTION),
        Member::required("name", Shape::matching(1, 80, &ALIAS_NAME)),
        Member::required("routingConfiguration", ROUTING),
    ],
    DeleteActivity: [Member::required("activityArn", ARN)],
    DeleteStateMachine: [Member::required("stateMachineArn", ARN)],
    DeleteStateMachineAlias: [Member::required("stateMachineAliasArn", ARN)],
    DeleteStateMachineVersion: [Member::required("stateMachineVersionArn", LONG_ARN)],
    DescribeActivity: [Member::required("activityArn", ARN)],
    DescribeExecution: [Member::required("executionArn", ARN), Member::optional("includedData", INCLUDED_DATA)],
    DescribeMapRun: [Member::required("mapRunArn", LONG_ARN)],
    DescribeStateMachine: [Member::required("stateMachineArn", ARN), Member::optional("includedData", INCLUDED_DATA)],
    DescribeStateMachineAlias: [Member::required("stateMachineAliasArn", ARN)],
    DescribeStateMachineForExecution: [
        Member::required("executionArn", ARN),
        Member::optional("includedData", INCLUDED_DATA),
    ],
    GetActivityTask: [Member::required("activityArn", ARN), Member::optional("workerName", NAME)],
    GetExecutionHistory: [
        Member::required("executionArn", ARN),
        Member::optional("maxResults", MAX_RESULTS),
        Member::optional("reverseOrder", Shape::Boolean),
        Member::optional("nextToken", NEXT_TOKEN),
        Member::optional("includeExecutionData", Shape::Boolean),
    ],
    ListActivities: [Member::optional("maxResults", MAX_RESULTS), Member::optional("nextToken", NEXT_TOKEN)],
    ListExecutions: [
        Member::optional("stateMachineArn", ARN),
        // The order of the names is the recorded one.
        Member::optional(
            "statusFilter",
            Shape::OneOf(&["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]),
        ),
        Member::optional("maxResults", MAX_RESULTS),
        Member::optional("nextToken", Shape::text(1, 3_096)),
        Member::optional("mapRunArn", LONG_ARN),
        Member::optional("redriveFilter", Shape::OneOf(&["REDRIVEN", "NOT_REDRIVEN"])),
    ],
    ListMapRuns: [
        Member::required("executionArn", ARN),
        Member::optional("maxResults", MAX_RESULTS),
        Member::optional("nextToken", NEXT_TOKEN),
    ],
    ListStateMachineAliases: [
        Member::required("stateMachineArn", ARN),
        Member::optional("nextToken", NEXT_TOKEN),
        Member::optional("maxResults", MAX_RESULTS),
    ],
    ListStateMachineVersions: [
        Member::required("stateMachineArn", ARN),
        Member::optional("nextToken", NEXT_TOKEN),
        Member::optional("maxResults", MAX_RESULTS),
    ],
    ListStateMachines: [Member::optional("maxResults", MAX_RESULTS), Member::optional("nextToken", NEXT_TOKEN)],
    ListTagsForResource: [Member::required("resourceArn", ARN)],
    PublishStateMachineVersion: [
        Member::required("stateMachineArn", ARN),
        Member::optional("revisionId", Shape::text(0, usize::MAX)),
        Member::optional("description", DESCRIPTION),
    ],
    RedriveExecution: [
        Member::required("executionArn", ARN),
        Member::optional("clientToken", Shape::matching(1, 64, &CLIENT_TOKEN)),
    ],
    SendTaskFailure: [
        Member::required("taskToken", TASK_TOKEN),
        Member::optional("error", ERROR),
        Member::optional("cause", CAUSE),
    ],
    SendTaskHeartbeat: [Member::required("taskToken", TASK_TOKEN)],
    SendTaskSuccess: [Member::required("taskToken", TASK_TOKEN), Member::required("output", DATA)],
    StartExecution: [
        Member::required("stateMachineArn", ARN),
        Member::optional("name", NAME),
        Member::optional("input", DATA),
        Member::optional("traceHeader", TRACE_HEADER),
    ],
    StartSyncExecution: [
        Member::required("stateMachineArn", ARN),
        Member::optional("name", NAME),
        Member::optional("input", DATA),
        Member::optional("traceHeader", TRACE_HEADER),
        Member::optional("includedData", INCLUDED_DATA),
    ],
    StopExecution: [
        Member::required("executionArn", ARN),
        Member::optional("error", ERROR),
        Member::optional("cause", CAUSE),
    ],
    TagResource: [Member::required("resourceArn", ARN), Member::required("tags", TAGS)],
    TestState: [],
    UntagResource: [
        Member::required("resourceArn", ARN),
        Member::required("tagKeys", Shape::List { item: &Shape::text(1, 128), min: 0, max: usize::MAX }),
    ],
    UpdateMapRun: [
        Member::required("mapRunArn", LONG_ARN),
        Member::optional("maxConcurrency", Shape::count(i32::MAX as i64)),
        Member::optional("toleratedFailurePercentage", Shape::Float),
        Member::optional("toleratedFailureCount", Shape::count(i64::MAX)),
    ],
    UpdateStateMachine: [
        Member::required("stateMachineArn", ARN),
        Member::optional("definition", DEFINITION),
        Member::optional("roleArn", ARN),
        Member::optional("loggingConfiguration", LOGGING),
        Member::optional("tracingConfiguration", TRACING),
        Member::optional("publish", Shape::Boolean),
        Member::optional("versionDescription", DESCRIPTION),
        Member::optional("encryptionConfiguration", ENCRYPTION),
    ],
    UpdateStateMachineAlias: [
        Member::required("stateMachineAliasArn", ARN),
        Member::optional("description", DESCRIPTION),
        Member::optional("routingConfiguration", ROUTING),
    ],
    ValidateStateMachineDefinition: [
        Member::required("definition", DEFINITION),
        Member::optional("type", TYPE),
        Member::optional("severity", Shape::OneOf(&["ERROR", "WARNING"])),
        Member::optional("maxResults", Shape::count(100)),
    ],
}
