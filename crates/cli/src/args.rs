//! The command line: commands, flags and what their help says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use stepwell_asl::program::ExecutionType;

use crate::help;

/// Everything on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "stepwell",
    version,
    about = "Step Functions workflows, anywhere: run, validate and explore them without an AWS account.",
    after_help = help::EXAMPLES,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command understands.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print exactly one JSON document on standard output, and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    pub(crate) color: Color,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// In files and pipes, too
    Always,
    /// Not at all
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<Run>),
    Validate(Validate),
    Eval(Eval),
    Serve(Box<Serve>),
    Completions(Completions),
    Help(Help),
}

/// Run a workflow once, here and now, and show what it does
///
/// The definition is compiled as AWS would accept it and then interpreted in this process. Tasks answer with the mocks
/// that you give; what has no mock ends the execution with a hint. Waits, retries and time-outs happen on a virtual
/// clock that jumps, so a workflow that waits a year takes milliseconds.
///
/// The result is printed on standard output, the way there on standard error.
#[derive(Debug, Args)]
#[command(after_help = help::RUN_EXAMPLES)]
pub(crate) struct Run {
    /// Definition: a JSON or YAML file, or - for standard input
    pub(crate) file: String,
    /// Input of the execution: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    pub(crate) input: String,
    /// Mock file, in the format of Step Functions Local
    #[arg(long, value_name = "FILE")]
    pub(crate) mocks: Option<PathBuf>,
    /// Test case of the mock file; not needed when there is only one
    #[arg(long, value_name = "NAME", requires = "mocks")]
    pub(crate) case: Option<String>,
    /// Mock of one state: its result, or {"Throw": {"Error": …, "Cause": …}}; see `stepwell help mocks`
    #[arg(long = "mock", value_name = "STATE=JSON")]
    pub(crate) mock: Vec<String>,
    /// Value of a placeholder ${NAME} in the definition
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Kind of state machine
    #[arg(long = "type", value_name = "TYPE", default_value = "STANDARD", ignore_case = true)]
    pub(crate) machine_type: MachineType,
    /// virtual: jump over waits; real: wait; xN: wait, N times faster
    #[arg(long, value_name = "CLOCK", default_value = "virtual", value_parser = Clock::parse)]
    pub(crate) clock: Clock,
    /// Print the history: a line per event, or with --json all events as AWS's API lists them
    #[arg(long)]
    pub(crate) history: bool,
    /// Name of the state machine, for its ARN and to find its mocks [default: the file's name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) machine: Option<String>,
    /// Name of the execution
    #[arg(long, value_name = "NAME", default_value = "run", value_parser = name)]
    pub(crate) name: String,
    /// Seed of all that is left to chance: jitter, random numbers, UUIDs
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// When the execution starts, as in 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) start_time: Option<stepwell_engine::Timestamp>,
    /// How to show what happens
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(crate) progress: Progress,
}

/// How to show what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A tree on a terminal, lines in a pipe
    Auto,
    /// A tree of states
    Tree,
    /// A line for each state that ends
    Lines,
    /// Not at all
    None,
}

/// Kind of state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MachineType {
    /// Durable, up to a year
    #[value(name = "STANDARD")]
    Standard,
    /// Up to five minutes
    #[value(name = "EXPRESS")]
    Express,
}

impl From<MachineType> for ExecutionType {
    fn from(machine_type: MachineType) -> ExecutionType {
        match machine_type {
            MachineType::Standard => ExecutionType::Standard,
            MachineType::Express => ExecutionType::Express,
        }
    }
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clock {
    /// It jumps to whatever comes next.
    Virtual,
    /// So many times faster than the clock on the wall.
    Paced(f64),
}

impl Clock {
    fn parse(text: &str) -> Result<Clock, String> {
        match text {
            "virtual" => Ok(Clock::Virtual),
            "real" => Ok(Clock::Paced(1.0)),
            _ => match text.strip_prefix('x').and_then(|factor| factor.parse::<f64>().ok()) {
                Some(factor) if factor.is_finite() && (1e-3..=1e9).contains(&factor) => Ok(Clock::Paced(factor)),
                _ => Err("write virtual, real, or a factor such as x60".to_owned()),
            },
        }
    }
}

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Clock::Virtual => f.write_str("virtual"),
            Clock::Paced(1.0) => f.write_str("real"),
            Clock::Paced(factor) => write!(f, "x{factor}"),
        }
    }
}

/// Names of machines and executions, as AWS takes them (API reference, CreateStateMachine).
fn name(text: &str) -> Result<String, String> {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '!' | '@' | '(' | ')' | '=' | '\'');
    match text.chars().count() {
        1..=80 if text.chars().all(allowed) => Ok(text.to_owned()),
        1..=80 => Err("letters, digits and -_.+!@()=' can stand in a name".to_owned()),
        _ => Err("a name has 1 to 80 characters".to_owned()),
    }
}

fn time(text: &str) -> Result<stepwell_engine::Timestamp, String> {
    stepwell_engine::Timestamp::parse(text).ok_or_else(|| "write it as in 2026-01-31T12:00:00Z".to_owned())
}

/// Check definitions as AWS does, and say where each mistake is
///
/// Every diagnostic has AWS's code and text and its place in the file. Errors keep a definition from being accepted,
/// warnings do not. The exit code is that of the worst file: 0 when all are accepted, 3 when one is not.
#[derive(Debug, Args)]
#[command(after_help = help::VALIDATE_EXAMPLES)]
pub(crate) struct Validate {
    /// Definitions: JSON or YAML files, folders to search for *.asl.json and *.asl.yaml, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Kind of state machine
    #[arg(long = "type", value_name = "TYPE", default_value = "STANDARD", ignore_case = true)]
    pub(crate) machine_type: MachineType,
    /// Value of a placeholder ${NAME} in the definitions
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Treat warnings as errors
    #[arg(long, value_name = "WHAT")]
    pub(crate) deny: Option<Deny>,
}

/// What to treat as an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings
    Warnings,
}

/// Evaluate a JSONata expression, a JSONPath or an intrinsic function on data
///
/// The language is recognized by its form: States.Format(…) is an intrinsic function, $.a[0] and $$.a are paths, all
/// else is JSONata, with or without {% %}. A selection that finds nothing prints nothing.
#[derive(Debug, Args)]
#[command(after_help = help::EVAL_EXAMPLES)]
pub(crate) struct Eval {
    /// The expression
    #[arg(required_unless_present = "batch", conflicts_with = "batch", allow_hyphen_values = true)]
    pub(crate) expression: Option<String>,
    /// Data that the expression is applied to: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON", conflicts_with = "batch")]
    pub(crate) input: Option<String>,
    /// The expression's language
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,
    /// Which JSONata: AWS's (the default), or the one of the official test suite; the language is JSONata then
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<Profile>,
    /// Value of a variable $NAME
    #[arg(long = "bind", value_name = "NAME=JSON")]
    pub(crate) bind: Vec<String>,
    /// Refuse what AWS refuses when a state machine is created
    #[arg(long)]
    pub(crate) strict: bool,
    /// Read a request {"expr", "lang", "input", "bindings"} per line, write a document per line
    #[arg(long)]
    pub(crate) batch: bool,
}

/// The language of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// JSONata
    Jsonata,
    /// A path, as in InputPath
    Jsonpath,
    /// An intrinsic function, as in Parameters
    Intrinsic,
}

/// Which JSONata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// JSONata 2.0.6 with AWS's functions and limits
    Aws,
    /// JSONata 2.2.2, as its test suite describes it
    Suite,
}

/// Serve the API of AWS Step Functions on this machine
///
/// The AWS CLI, every AWS SDK, CDK, SAM and Terraform talk to it as to AWS: set AWS_ENDPOINT_URL_SFN to the address that
/// the first line says. Standard executions are durable, Express executions run in memory. Tasks call Lambda functions
/// at the endpoint that is given, and workers of activities call in; what else a workflow calls ends its execution with
/// States.Runtime and a cause that says what is missing. Requests need no valid signature, so keep the port to yourself.
#[derive(Debug, Args)]
#[command(after_help = help::SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8083", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Where data lie [env: STEPWELL_DATA] [default: .stepwell]
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub(crate) data: Option<PathBuf>,
    /// Keep nothing: data are lost when the server stops
    #[arg(long)]
    pub(crate) memory: bool,
    /// Where Lambda functions are called [env: LAMBDA_ENDPOINT, AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) lambda_endpoint: Option<String>,
    /// Region of all that is made here [env: AWS_REGION, AWS_DEFAULT_REGION] [default: that of the request's signature]
    #[arg(long, alias = "aws-region", value_name = "REGION", value_parser = region)]
    pub(crate) region: Option<String>,
    /// Account of requests whose access key is not an account of 12 digits [env: AWS_ACCOUNT_ID] [default: 123456789012]
    #[arg(long, alias = "aws-account", value_name = "ID", value_parser = account)]
    pub(crate) account: Option<String>,
    /// How long closed executions are kept, in days
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) retention: u32,
    /// File to write the address to when the server is ready
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Threads that run executions; half as many answer requests [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) unused: Unused,
}

/// Options of Step Functions Local that change nothing yet. They are taken, so that a command line of it works, and named
/// when the server starts.
#[derive(Debug, Args)]
pub(crate) struct Unused {
    #[arg(long, hide = true, value_name = "FACTOR")]
    pub(crate) wait_time_scale: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) batch_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) dynamodb_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) ecs_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) glue_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) sagemaker_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) sqs_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) sns_endpoint: Option<String>,
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) step_functions_endpoint: Option<String>,
}

/// An address with its port; a port alone is one of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    let local = || port.parse().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    text.parse().or_else(|_| local()).map_err(|_| "write it as in 127.0.0.1:8083".to_owned())
}

/// An account, as it stands in ARNs.
pub(crate) fn account(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an account has 12 digits".to_owned()),
    }
}

/// A region, as it stands in ARNs.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match (1..=32).contains(&text.len()) && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("write it as in eu-central-1".to_owned()),
    }
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = help::COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// Explain a command or a topic
#[derive(Debug, Args)]
#[command(after_help = help::TOPICS)]
pub(crate) struct Help {
    /// A command or a topic
    pub(crate) topic: Option<String>,
}
